/*
 * eddy.v1 in JSON.  A client's frame is decoded here once into a plain struct, checked against a small table of what each verb needs,
 * and every refusal says which field and why.  Fields that we do not know are ignored, so that newer clients can talk to older servers.
 */
#include "wire.h"

#include <stdio.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/json.h"
#include "../../core/base/utf8.h"
#include "../../core/engine/pages.h"
#include "../../core/talk/find.h"
#include "../../core/talk/transcript.h"

enum { NEED_THREAD = 1, NEED_CLIENT_ID = 2, NEED_KEY = 4, NEED_TEXT = 8 };
static const struct verb {
	const char *name;
	enum web_verb verb;
	unsigned need;
} verbs[] = {
	{ "hello", WEB_HELLO, 0 },
	{ "subscribe", WEB_SUBSCRIBE, NEED_THREAD },
	{ "unsubscribe", WEB_UNSUBSCRIBE, NEED_THREAD },
	{ "send", WEB_SEND, NEED_THREAD | NEED_CLIENT_ID | NEED_TEXT },
	{ "edit", WEB_EDIT, NEED_THREAD | NEED_CLIENT_ID | NEED_KEY | NEED_TEXT },
	{ "delete", WEB_ERASE, NEED_THREAD | NEED_CLIENT_ID | NEED_KEY },
	{ "stop", WEB_STOP, NEED_THREAD },
	{ "ping", WEB_PING, 0 },
	{ "threads", WEB_THREADS, 0 },
	{ "history", WEB_HISTORY, NEED_THREAD },
	{ "retry", WEB_RETRY, NEED_THREAD | NEED_CLIENT_ID },
	{ "act", WEB_ACT, NEED_THREAD | NEED_CLIENT_ID },
	{ "feedback", WEB_FEEDBACK, NEED_THREAD | NEED_CLIENT_ID },
	{ "typing", WEB_TYPING, NEED_THREAD },
	{ "erase", WEB_FORGET, NEED_THREAD | NEED_CLIENT_ID },
	{ "handover", WEB_HANDOVER, NEED_THREAD | NEED_CLIENT_ID },
	{ "search", WEB_SEARCH, 0 },
	{ "call", WEB_CALL, 0 },
};

static enum err fault_set(struct web_fault *f, const char *code, const char *message)
{
	f->code = code;
	snprintf(f->message, sizeof f->message, "%s", message);
	return ERR_INPUT;
}

/* A short name from outside: letters, digits and a few signs that mean nothing anywhere. */
static bool plain_name(const char *s, size_t n, size_t max)
{
	if (n == 0 || n > max)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = s[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
		        c == '.' || c == '/' || c == '+'))
			return false;
	}
	return true;
}

/* An optional string of at most ${max} bytes; other types and longer ones are a fault. */
static enum err take_string(const json_t *root, const char *key, size_t max, const char **out, size_t *len, struct web_fault *f)
{
	const json_t *v = json_object_get(root, key);
	if (v == NULL || json_is_null(v))
		return ERR_NONE;
	char why[96];
	if (!json_is_string(v)) {
		snprintf(why, sizeof why, "\"%s\" must be a string", key);
		return fault_set(f, "bad_frame", why);
	}
	if (json_string_length(v) > max) {
		snprintf(why, sizeof why, "\"%s\" is longer than %zu bytes", key, max);
		return fault_set(f, "too_long", why);
	}
	*out = json_string_value(v);
	if (len != NULL)
		*len = json_string_length(v);
	return ERR_NONE;
}

static enum err take_int(const json_t *root, const char *key, int64_t *out, struct web_fault *f)
{
	const json_t *v = json_object_get(root, key);
	if (v == NULL || json_is_null(v))
		return ERR_NONE;
	if (!json_is_integer(v) || json_integer_value(v) < 0) {
		char why[96];
		snprintf(why, sizeof why, "\"%s\" must be a whole number, 0 or more", key);
		return fault_set(f, "bad_frame", why);
	}
	*out = json_integer_value(v);
	return ERR_NONE;
}

static enum err need_name(const char *v, const char *key, size_t max, struct web_fault *f)
{
	if (v != NULL && plain_name(v, strlen(v), max))
		return ERR_NONE;
	char why[128];
	snprintf(why, sizeof why, "\"%s\" must be 1 to %zu of a-z A-Z 0-9 - _ . / +", key, max);
	return fault_set(f, "bad_frame", why);
}

static enum err take_id(const json_t *root, const char *key, bool needed, struct id *out, struct web_fault *f)
{
	const char *text = NULL;
	char why[96];
	enum err e = take_string(root, key, 64, &text, NULL, f);
	if (e != ERR_NONE || (text == NULL && !needed))
		return e;
	if (text != NULL && id_parse(text, out) && !id_is_none(*out))
		return ERR_NONE;
	snprintf(why, sizeof why, "\"%s\" must be a UUID", key);
	return fault_set(f, "bad_frame", why);
}

static enum err fill_threads(struct web_command *c, struct web_fault *f)
{
	struct id thread = ID_NONE;
	enum err e;
	struct id of = ID_NONE, only = ID_NONE;
	const char *which = NULL;
	c->limit = 50;
	if ((e = take_int(c->root, "before", &c->before, f)) != ERR_NONE ||
	    (e = take_int(c->root, "limit", &c->limit, f)) != ERR_NONE ||
	    (e = take_id(c->root, "thread", false, &thread, f)) != ERR_NONE ||
	    (e = take_id(c->root, "of", false, &of, f)) != ERR_NONE ||
	    (e = take_id(c->root, "only", false, &only, f)) != ERR_NONE ||
	    (e = take_string(c->root, "which", 16, &which, NULL, f)) != ERR_NONE)
		return e;
	if (which != NULL && strcmp(which, "open") != 0 && strcmp(which, "archived") != 0)
		return fault_set(f, "bad_frame", "\"which\" must be \"open\" or \"archived\"");
	c->which = which == NULL ? LIST_ALL : which[0] == 'o' ? LIST_OPEN : LIST_ARCHIVED;
	if (!id_is_none(of))
		id_format(of, c->of);
	if (!id_is_none(only))
		id_format(only, c->only);
	if (c->limit < 1 || c->limit > WEB_THREADS_MAX || c->before > INT64_C(9999999999999))
		return fault_set(f, "bad_frame", "\"limit\" must be 1 to 100, and \"before\" an \"at\" that we gave");
	if (!id_is_none(thread))
		id_format(thread, c->thread);
	return ERR_NONE;
}

static enum err fill_search(struct web_command *c, struct web_fault *f)
{
	enum err e;
	struct id thread = ID_NONE;
	c->limit = 10;
	c->page = 1;
	if ((e = take_int(c->root, "n", &c->n, f)) != ERR_NONE || (e = take_int(c->root, "page", &c->page, f)) != ERR_NONE ||
	    (e = take_int(c->root, "limit", &c->limit, f)) != ERR_NONE ||
	    (e = take_id(c->root, "thread", false, &thread, f)) != ERR_NONE ||
	    (e = take_string(c->root, "text", WEB_SEARCH_MAX, &c->text, &c->text_len, f)) != ERR_NONE)
		return e;
	if (c->text == NULL || strspn(c->text, " \t\r\n") == c->text_len)
		return fault_set(f, "empty", "\"text\" must not be empty");
	if (c->limit < 1 || c->limit > 20 || c->page < 1 || c->page > FIND_PAGES_MAX)
		return fault_set(f, "bad_frame", "\"limit\" must be 1 to 20, and \"page\" 1 to 20");
	const json_t *prefix = json_object_get(c->root, "prefix");
	if (prefix != NULL && !json_is_boolean(prefix) && !json_is_null(prefix))
		return fault_set(f, "bad_frame", "\"prefix\" must be true or false");
	c->prefix = json_is_true(prefix);
	if (!id_is_none(thread))
		id_format(thread, c->thread);
	return ERR_NONE;
}

static enum err fill_act(struct web_command *c, struct web_fault *f)
{
	enum err e;
	struct id run = ID_NONE;
	if ((e = take_string(c->root, "action", WEB_ACTION_MAX, &c->action, NULL, f)) != ERR_NONE ||
	    (e = take_string(c->root, "value", WEB_PRESS_MAX, &c->value, NULL, f)) != ERR_NONE ||
	    (e = take_id(c->root, "run", false, &run, f)) != ERR_NONE ||
	    (e = take_id(c->root, "about", false, &c->about, f)) != ERR_NONE)
		return e;
	if (c->value == NULL)
		c->value = "";
	return need_name(c->action, "action", WEB_ACTION_MAX, f);
}

static enum err fill_feedback(struct web_command *c, struct web_fault *f)
{
	static const char *const values[] = { "down", "none", "up" };
	const char *value = NULL;
	enum err e;
	if ((e = take_id(c->root, "message", true, &c->named, f)) != ERR_NONE ||
	    (e = take_string(c->root, "value", 16, &value, NULL, f)) != ERR_NONE ||
	    (e = take_string(c->root, "reason", WEB_VALUE_MAX, &c->reason, NULL, f)) != ERR_NONE)
		return e;
	for (int i = 0; value != NULL && i < 3; i++) {
		if (strcmp(value, values[i]) != 0)
			continue;
		c->opinion = i - 1;
		if (c->reason != NULL && c->reason[0] == '\0')
			c->reason = NULL;
		return ERR_NONE;
	}
	return fault_set(f, "bad_frame", "\"value\" must be \"up\", \"down\" or \"none\"");
}

static enum err fill_call(struct web_command *c, struct web_fault *f)
{
	enum err e;
	json_t *args = json_object_get(c->root, "args");
	if ((e = take_string(c->root, "id", WEB_CLIENT_ID_MAX, &c->client_id, NULL, f)) != ERR_NONE ||
	    (e = need_name(c->client_id, "id", WEB_CLIENT_ID_MAX, f)) != ERR_NONE)
		return e;
	snprintf(f->client_id, sizeof f->client_id, "%s", c->client_id);
	if ((e = take_string(c->root, "name", WEB_PROCEDURE_MAX, &c->procedure, NULL, f)) != ERR_NONE ||
	    (e = take_string(c->root, "key", WEB_KEY_MAX, &c->key, NULL, f)) != ERR_NONE)
		return e;
	if (c->procedure == NULL)
		return fault_set(f, "bad_frame", "\"name\" must say which procedure");
	if (args != NULL && !json_is_object(args) && !json_is_null(args))
		return fault_set(f, "bad_frame", "\"args\" must be an object");
	c->args = json_is_object(args) ? args : NULL;
	return ERR_NONE;
}

static const char *const features_known[] = { "blocks", "threads", "forks" }; /* by the bits of FEATURE_* */

/* Names that we do not know are for newer servers. */
static enum err take_features(const json_t *root, unsigned *out, struct web_fault *f)
{
	const json_t *list = json_object_get(root, "features"), *v;
	size_t i;
	if (list == NULL || json_is_null(list))
		return ERR_NONE;
	if (!json_is_array(list) || json_array_size(list) > 32)
		return fault_set(f, "bad_frame", "\"features\" must be a list of at most 32 names");
	json_array_foreach (list, i, v) {
		if (!json_is_string(v))
			return fault_set(f, "bad_frame", "\"features\" must be a list of names");
		for (unsigned k = 0; k < sizeof features_known / sizeof *features_known; k++)
			if (strcmp(json_string_value(v), features_known[k]) == 0)
				*out |= 1u << k;
	}
	return ERR_NONE;
}

static enum err fill(struct web_command *c, const struct verb *v, struct web_fault *f)
{
	const json_t *root = c->root;
	enum err e;
	if ((e = take_string(root, "client_id", WEB_CLIENT_ID_MAX, &c->client_id, NULL, f)) != ERR_NONE)
		return e;
	if (c->client_id != NULL || (v->need & NEED_CLIENT_ID)) {
		if ((e = need_name(c->client_id, "client_id", WEB_CLIENT_ID_MAX, f)) != ERR_NONE)
			return e;
		snprintf(f->client_id, sizeof f->client_id, "%s", c->client_id);
	}
	if (v->need & NEED_THREAD) {
		const char *thread = NULL;
		struct id id;
		if ((e = take_string(root, "thread", 64, &thread, NULL, f)) != ERR_NONE)
			return e;
		if (thread == NULL || !id_parse(thread, &id) || id_is_none(id))
			return fault_set(f, "bad_frame", "\"thread\" must be a UUID that the client has chosen");
		id_format(id, c->thread);
	}
	if (v->need & NEED_KEY) {
		if ((e = take_string(root, "key", WEB_CLIENT_ID_MAX, &c->key, NULL, f)) != ERR_NONE)
			return e;
		if ((e = need_name(c->key, "key", WEB_CLIENT_ID_MAX, f)) != ERR_NONE)
			return e;
	}
	if (v->need & NEED_TEXT) {
		if ((e = take_string(root, "text", WEB_TEXT_MAX, &c->text, &c->text_len, f)) != ERR_NONE)
			return e;
		if (c->text == NULL || strspn(c->text, " \t\r\n") == c->text_len)
			return fault_set(f, "empty", "\"text\" must not be empty");
	}
	switch (v->verb) {
	case WEB_HELLO:
		if ((e = take_string(root, "token", 512, &c->token, NULL, f)) != ERR_NONE ||
		    (e = take_string(root, "client", 64, &c->client, NULL, f)) != ERR_NONE ||
		    (e = take_string(root, "locale", 35, &c->locale, NULL, f)) != ERR_NONE ||
		    (e = take_string(root, "tz", 64, &c->tz, NULL, f)) != ERR_NONE ||
		    (e = take_features(root, &c->features, f)) != ERR_NONE)
			return e;
		if ((e = take_string(root, "visitor", 64, &c->visitor, NULL, f)) != ERR_NONE ||
		    (e = take_string(root, "identity", WEB_IDENTITY_MAX, &c->identity, NULL, f)) != ERR_NONE ||
		    (e = take_string(root, "name", 512, &c->name, NULL, f)) != ERR_NONE ||
		    (e = take_string(root, "device", 64, &c->device, NULL, f)) != ERR_NONE)
			return e;
		if ((c->token != NULL) + (c->visitor != NULL) + (c->identity != NULL) != 1)
			return fault_set(f, "bad_frame", "exactly one of \"token\", \"visitor\" and \"identity\" must be given");
		if (c->tz != NULL && (e = need_name(c->tz, "tz", 64, f)) != ERR_NONE)
			return e;
		if (c->locale != NULL && (e = need_name(c->locale, "locale", 35, f)) != ERR_NONE)
			return e;
		return ERR_NONE;
	case WEB_SEND:
		return take_id(root, "about", false, &c->about, f);
	case WEB_SUBSCRIBE:
		return take_int(root, "after", &c->after, f);
	case WEB_PING:
		return take_int(root, "n", &c->n, f);
	case WEB_THREADS:
		return fill_threads(c, f);
	case WEB_SEARCH:
		return fill_search(c, f);
	case WEB_CALL:
		return fill_call(c, f);
	case WEB_RETRY:
		if ((e = take_id(root, "run", true, &c->named, f)) != ERR_NONE)
			return e;
		c->action = "run.retry";
		return ERR_NONE;
	case WEB_ACT:
		return fill_act(c, f);
	case WEB_FEEDBACK:
		return fill_feedback(c, f);
	case WEB_HANDOVER:
		return take_string(root, "text", WEB_ACTION_MAX, &c->text, &c->text_len, f);
	default:
		return ERR_NONE;
	}
}

enum err web_command_parse(const char *s, size_t n, struct web_command *out, struct web_fault *fault)
{
	*fault = (struct web_fault){ 0 };
	*out = (struct web_command){ 0 };
	struct web_command c = { 0 };
	char why[160];
	if (json_parse(s, n, WEB_MESSAGE_MAX, &c.root, why) != ERR_NONE)
		return fault_set(fault, "bad_json", why);
	enum err e;
	if (!json_is_object(c.root)) {
		e = fault_set(fault, "bad_frame", "a frame is a JSON object");
		goto fail;
	}
	const char *type = json_str(c.root, "type", NULL);
	if (type == NULL) {
		e = fault_set(fault, "bad_frame", "\"type\" must be a string");
		goto fail;
	}
	const struct verb *v = NULL;
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(type, verbs[i].name) == 0)
			v = &verbs[i];
	if (v == NULL) {
		e = fault_set(fault, "unknown_type",
		    "known types: hello, subscribe, unsubscribe, send, edit, delete, stop, ping, threads, history, retry, act, "
		    "feedback, typing, erase, handover, search, call");
		goto fail;
	}
	c.verb = v->verb;
	if ((e = fill(&c, v, fault)) != ERR_NONE)
		goto fail;
	*out = c;
	return ERR_NONE;
fail:
	web_command_done(&c);
	return e;
}

void web_command_done(struct web_command *c)
{
	json_decref(c->root);
	*c = (struct web_command){ 0 };
}

/* ---- what clients get ---- */

static void put_key(struct buf *b, const char *key)
{
	buf_add_char(b, ',');
	buf_add_char(b, '"');
	buf_add_str(b, key);
	buf_add(b, "\":", 2);
}

static void put_str(struct buf *b, const char *key, const char *s)
{
	put_key(b, key);
	buf_add_json_str(b, s);
}

static void put_text(struct buf *b, const char *key, const char *s, size_t n)
{
	put_key(b, key);
	buf_add_char(b, '"');
	if (n > 0)
		buf_add_json(b, s, n);
	buf_add_char(b, '"');
}

static void put_int(struct buf *b, const char *key, int64_t v)
{
	put_key(b, key);
	buf_add_int(b, v);
}

static void put_id(struct buf *b, const char *key, struct id v)
{
	char text[ID_TEXT];
	put_str(b, key, id_is_none(v) ? NULL : id_format(v, text));
}

static void open_frame(struct buf *b, const char *type)
{
	buf_add_str(b, "{\"type\":\"");
	buf_add_str(b, type);
	buf_add_char(b, '"');
}

void web_put_welcome(struct buf *b, struct id session, const struct web_person *p, struct id ws, const char *version,
    unsigned features, const char *visitor, int subscriptions, int rate, int burst, int64_t idle_ms)
{
	open_frame(b, "welcome");
	put_id(b, "session", session);
	put_key(b, "person");
	buf_add_str(b, "{\"id\":");
	buf_add_json_str(b, p->id);
	put_str(b, "name", p->name);
	buf_add_char(b, '}');
	put_id(b, "workspace", ws);
	put_str(b, "version", version);
	if (visitor != NULL)
		put_str(b, "visitor", visitor);
	put_key(b, "features");
	buf_add_char(b, '[');
	for (unsigned i = 0, n = 0; i < sizeof features_known / sizeof *features_known; i++)
		if (features & 1u << i)
			buf_addf(b, "%s\"%s\"", n++ > 0 ? "," : "", features_known[i]);
	buf_add_char(b, ']');
	put_key(b, "limits");
	buf_addf(b,
	    "{\"frame_bytes\":%u,\"text_bytes\":%u,\"subscriptions\":%d,\"frames_per_second\":%d,\"burst\":%d,\"idle_ms\":%lld}}",
	    WEB_MESSAGE_MAX, WEB_TEXT_MAX, subscriptions, rate, burst, (long long)idle_ms);
}

void web_put_error(struct buf *b, const struct web_fault *f, uint32_t retry_after_ms)
{
	open_frame(b, "error");
	put_str(b, "code", f->code);
	put_str(b, "message", f->message);
	if (f->client_id[0] != '\0')
		put_str(b, "client_id", f->client_id);
	if (retry_after_ms > 0)
		put_int(b, "retry_after_ms", retry_after_ms);
	buf_add_char(b, '}');
}

void web_put_subscribed(struct buf *b, const char *thread, int64_t rev)
{
	open_frame(b, "subscribed");
	put_str(b, "thread", thread);
	put_int(b, "rev", rev);
	buf_add_char(b, '}');
}

void web_put_accepted(
    struct buf *b, const char *client_id, const char *thread, struct id message, struct id run, int64_t seq, bool duplicate)
{
	open_frame(b, "accepted");
	put_str(b, "client_id", client_id);
	put_str(b, "thread", thread);
	put_id(b, "message", message);
	put_id(b, "run", run);
	put_int(b, "seq", seq);
	if (duplicate)
		buf_add_str(b, ",\"duplicate\":true");
	buf_add_char(b, '}');
}

static void put_list(struct buf *b, const char *key, const struct buf *items)
{
	put_key(b, key);
	buf_add_char(b, '[');
	buf_add(b, items->p, items->len);
	buf_add_char(b, ']');
}

static const char *author_name(int kind)
{
	switch (kind) {
	case AUTHOR_PERSON:
		return "person";
	case AUTHOR_EDDY:
		return "eddy";
	case AUTHOR_BOT:
		return "bot";
	default:
		return "system";
	}
}

/* A piece of a text with its line ends as blanks. */
static void put_piece(struct buf *b, const char *s, size_t n, bool more_before, bool more_after)
{
	struct buf line = BUF_INIT;
	buf_add_str(&line, more_before ? "… " : "");
	for (size_t i = 0; i < n; i++)
		buf_add_char(&line, (unsigned char)s[i] < ' ' ? ' ' : s[i]);
	buf_add_str(&line, more_after ? " …" : "");
	buf_add_char(b, '"');
	buf_add_json(b, line.p, line.len);
	buf_add_char(b, '"');
	buf_done(&line);
}

void web_put_hit(struct buf *b, const struct find_hit *h, const char *thread, const char *link)
{
	static const char *const kinds[] = { "message", "fork", "resolution", "memory" };
	buf_addf(b, "{\"kind\":\"%s\"", kinds[h->kind]);
	put_str(b, "thread", thread);
	put_id(b, "message", h->message);
	put_key(b, "author");
	buf_addf(b, "{\"kind\":\"%s\"", author_name(h->author_kind));
	put_str(b, "name", h->author_kind == AUTHOR_EDDY ? "Eddy" : h->author);
	buf_add_char(b, '}');
	put_str(b, "place", h->visibility == VIS_DIRECT ? NULL : h->place_name);
	put_int(b, "at", h->at_ms);
	put_str(b, "title", h->kind == FIND_ITEM ? find_kind_word(h) : h->title);
	put_key(b, "snippet");
	buf_add_char(b, '[');
	size_t at = h->mark.from;
	for (size_t i = 0; i < h->mark.len; i++) {
		put_piece(b, h->text + at, h->mark.hits[i].from - at, i == 0 && h->mark.before, false);
		buf_add_char(b, ',');
		put_piece(b, h->text + h->mark.hits[i].from, h->mark.hits[i].to - h->mark.hits[i].from, false, false);
		buf_add_char(b, ',');
		at = h->mark.hits[i].to;
	}
	put_piece(b, h->text + at, h->mark.to - at, h->mark.len == 0 && h->mark.before, h->mark.after);
	buf_add_char(b, ']');
	put_str(b, "link", link);
	buf_add_char(b, '}');
}

void web_put_found(struct buf *b, int64_t n, const struct buf *items, const struct page_found *f)
{
	open_frame(b, "found");
	put_int(b, "n", n);
	put_list(b, "items", items);
	put_int(b, "total", f->total);
	buf_addf(b, ",\"at_least\":%s,\"more\":%s", f->at_least ? "true" : "false", f->more ? "true" : "false");
	put_str(b, "note", f->note[0] == '\0' ? NULL : f->note);
	buf_add_char(b, '}');
}

void web_put_message(struct buf *b, const char *thread, const struct web_message *m)
{
	open_frame(b, m->type);
	put_str(b, "thread", thread);
	put_int(b, "rev", m->rev);
	put_int(b, "seq", m->seq);
	put_id(b, "message", m->id);
	put_id(b, "run", m->run);
	put_key(b, "author");
	buf_addf(b, "{\"kind\":\"%s\"", author_name(m->author_kind));
	put_str(b, "name", m->author);
	buf_add_char(b, '}');
	put_str(b, "key", m->key);
	put_int(b, "at", m->at_ms);
	if (m->edited)
		buf_add_str(b, ",\"edited\":true");
	if (m->opinion != 0)
		put_str(b, "feedback", m->opinion > 0 ? "up" : "down");
	put_text(b, "text", m->text, m->text_len);
	if (m->blocks != NULL)
		put_list(b, "blocks", m->blocks);
	buf_add_char(b, '}');
}

void web_put_run(struct buf *b, const char *thread, struct id run, const char *state)
{
	open_frame(b, "run");
	put_str(b, "thread", thread);
	put_id(b, "run", run);
	put_str(b, "state", state);
	buf_add_char(b, '}');
}

void web_put_delta(struct buf *b, const char *thread, struct id run, uint32_t attempt, size_t offset, const char *text, size_t n)
{
	open_frame(b, "delta");
	put_str(b, "thread", thread);
	put_id(b, "run", run);
	put_int(b, "attempt", attempt);
	put_int(b, "offset", (int64_t)offset);
	put_text(b, "text", text, n);
	buf_add_char(b, '}');
}

void web_put_blocks(
    struct buf *b, const char *thread, struct id run, uint32_t attempt, size_t from, const struct buf *blocks, size_t final)
{
	open_frame(b, "blocks");
	put_str(b, "thread", thread);
	put_id(b, "run", run);
	put_int(b, "attempt", attempt);
	put_int(b, "from", (int64_t)from);
	put_list(b, "blocks", blocks);
	put_int(b, "final", (int64_t) final);
	buf_add_char(b, '}');
}

void web_put_reset(struct buf *b, const char *thread, struct id run, uint32_t attempt)
{
	open_frame(b, "stream.reset");
	put_str(b, "thread", thread);
	put_id(b, "run", run);
	put_int(b, "attempt", attempt);
	buf_add_char(b, '}');
}

void web_put_status(struct buf *b, const char *thread, struct id run, const char *text, size_t n)
{
	open_frame(b, "status");
	put_str(b, "thread", thread);
	put_id(b, "run", run);
	put_text(b, "text", text, n);
	buf_add_char(b, '}');
}

void web_put_tool(
    struct buf *b, const char *thread, struct id run, const char *step, const char *title, size_t n, const char *state)
{
	open_frame(b, "tool");
	put_str(b, "thread", thread);
	put_id(b, "run", run);
	put_str(b, "step", step);
	put_text(b, "title", title, n);
	put_str(b, "state", state);
	buf_add_char(b, '}');
}

void web_put_open(struct buf *b, const char *thread, struct id run, uint32_t attempt, const char *text, size_t n,
    const char *status, const char *tools, const struct buf *blocks)
{
	open_frame(b, "open");
	put_str(b, "thread", thread);
	put_id(b, "run", run);
	put_int(b, "attempt", attempt);
	put_text(b, "text", text, n);
	if (blocks != NULL)
		put_list(b, "blocks", blocks);
	put_str(b, "status", status == NULL ? "" : status);
	buf_addf(b, ",\"tools\":[%s]}", tools == NULL ? "" : tools);
}

void web_put_components(struct buf *b, const char *thread, struct id run, struct id message, const struct component *c, size_t n)
{
	static const char *const kinds[] = { "button", "link", "card", "progress" },
	                         *const styles[] = { "plain", "primary", "danger" };
	open_frame(b, "components");
	put_str(b, "thread", thread);
	put_id(b, "run", run);
	put_id(b, "message", message);
	put_key(b, "components");
	buf_add_char(b, '[');
	for (size_t i = 0; i < n; i++) {
		buf_addf(b, "%s{\"kind\":\"%s\"", i > 0 ? "," : "", kinds[c[i].kind]);
		put_str(b, "label", c[i].label);
		put_str(b, "action", c[i].action);
		put_str(b, "value", c[i].value);
		put_str(b, "style", styles[c[i].style >= 0 && c[i].style <= BUTTON_DANGER ? c[i].style : BUTTON_PLAIN]);
		put_str(b, "fallback", c[i].fallback != NULL ? c[i].fallback : c[i].label != NULL ? c[i].label : "");
		buf_add_char(b, '}');
	}
	buf_add_str(b, "]}");
}

void web_put_pong(struct buf *b, int64_t n)
{
	open_frame(b, "pong");
	put_int(b, "n", n);
	buf_add_char(b, '}');
}

void web_title(struct buf *b, const char *text, size_t n)
{
	size_t room = 120, start = b->len;
	for (size_t i = 0; i < n && room > 0;) {
		uint32_t cp;
		size_t k = utf8_decode(text + i, n - i, &cp);
		k = k == 0 ? 1 : k;
		bool space = strchr(" \t\r\n", text[i]) != NULL;
		if (!space) {
			buf_add(b, text + i, k);
			room--;
		} else if (b->len > start && b->p[b->len - 1] != ' ') {
			buf_add_char(b, ' ');
			room--;
		}
		i += k;
	}
	while (b->len > start && b->p[b->len - 1] == ' ')
		buf_truncate(b, b->len - 1);
}

void web_put_thread(struct buf *b, const char *thread, const char *title, int64_t at_ms, int64_t rev)
{
	open_frame(b, "thread");
	put_str(b, "thread", thread);
	put_str(b, "title", title);
	put_int(b, "at", at_ms);
	put_int(b, "rev", rev);
	buf_add_char(b, '}');
}

void web_put_listed(struct buf *b, const char *type, const struct listed_thread *t)
{
	static const char *const states[] = { "", "active", "resolved", "archived" },
	                         *const forks[] = { "", "opening", "active", "resolved", "abandoned", "failed" };
	if (type != NULL) {
		open_frame(b, type);
		put_str(b, "thread", t->key);
	} else {
		buf_add_str(b, "{\"thread\":");
		buf_add_json_str(b, t->key);
	}
	put_str(b, "title", t->title);
	put_int(b, "at", t->at_ms);
	put_int(b, "rev", t->rev);
	put_str(b, "state", t->state >= 1 && t->state <= 3 ? states[t->state] : "active");
	if (t->parent != NULL) {
		put_key(b, "fork");
		buf_add_str(b, "{\"of\":");
		buf_add_json_str(b, t->parent);
		put_int(b, "n", t->fork_n);
		put_str(b, "state", t->fork_state >= 1 && t->fork_state <= 5 ? forks[t->fork_state] : "failed");
		put_id(b, "about", t->about);
		buf_add_char(b, '}');
	}
	buf_add_char(b, '}');
}

void web_put_threads(struct buf *b, const struct buf *items, bool more, int which, const char *of, const char *only)
{
	open_frame(b, "threads");
	if (which != LIST_ALL)
		put_str(b, "which", which == LIST_OPEN ? "open" : "archived");
	if (of[0] != '\0')
		put_str(b, "of", of);
	if (only[0] != '\0')
		put_str(b, "only", only);
	put_list(b, "items", items);
	put_key(b, "more");
	buf_add_str(b, more ? "true}" : "false}");
}

void web_put_past_run(struct buf *b, const struct past_run *r)
{
	char id[ID_TEXT];
	buf_addf(b, "{\"run\":\"%s\"", id_format(r->run, id));
	put_str(b, "state", r->state);
	put_int(b, "at", r->at_ms);
	put_int(b, "ms", r->ms);
	put_str(b, "model", r->model);
	put_int(b, "input_tokens", r->input_tokens);
	put_int(b, "output_tokens", r->output_tokens);
	put_int(b, "cost_micros", r->cost_micros);
	put_key(b, "tools");
	buf_add_str(b, r->tools);
	buf_add_char(b, '}');
}

void web_put_history(struct buf *b, const char *thread, const struct buf *runs)
{
	open_frame(b, "history");
	put_str(b, "thread", thread);
	put_list(b, "runs", runs);
	buf_add_char(b, '}');
}

void web_put_typing(struct buf *b, const char *thread, const struct web_person *p)
{
	open_frame(b, "typing");
	put_str(b, "thread", thread);
	put_key(b, "person");
	buf_add_str(b, "{\"id\":");
	buf_add_json_str(b, p->id);
	put_str(b, "name", p->name);
	buf_add_str(b, "}}");
}

void web_put_result(struct buf *b, const char *id, const char *result, bool again)
{
	open_frame(b, "result");
	put_str(b, "id", id);
	if (again)
		buf_add_str(b, ",\"replayed\":true");
	put_key(b, "result");
	buf_add_str(b, result);
	buf_add_char(b, '}');
}

void web_put_problem(struct buf *b, const char *id, const char *problem)
{
	open_frame(b, "problem");
	put_str(b, "id", id);
	put_key(b, "problem");
	buf_add_str(b, problem);
	buf_add_char(b, '}');
}

void web_put_erased(struct buf *b, const char *thread)
{
	open_frame(b, "erased");
	put_str(b, "thread", thread);
	buf_add_char(b, '}');
}
