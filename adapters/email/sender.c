/*
 * From a reply to a mail.  The engine's thread only copies; a worker asks the store whom not to write to, composes, and puts the bytes
 * into the queue.  The bytes follow from what is stored (the message, the origin, the ids) and from nothing else, so a mail that has to be sent again
 * after a crash is the same mail.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"
#include "../../core/people/session.h"
#include "box.h"
#include "compose.h"
#include "smtp.h"

#define TO_MAX 64

struct letter {
	struct email *email;
	struct reply r; /* its pointers lead into ${memory} and ${components} */
	struct component *components;
	char *text, *ref;
	size_t origin_len;
	char origin[INTENT_ORIGIN_MAX];
};

static struct component *copy_components(const struct component *from, size_t n)
{
	struct component *to = xcalloc(n + 1, sizeof(*to));
	for (size_t i = 0; i < n; i++) {
		to[i] = from[i];
		to[i].action = xstrdup(from[i].action);
		to[i].value = xstrdup(from[i].value);
		to[i].label = xstrdup(from[i].label);
		to[i].fallback = xstrdup(from[i].fallback);
	}
	return to;
}

static void letter_free(struct letter *l)
{
	for (size_t i = 0; i < l->r.components_len; i++) {
		free((void *)(uintptr_t)l->components[i].action);
		free((void *)(uintptr_t)l->components[i].value);
		free((void *)(uintptr_t)l->components[i].label);
		free((void *)(uintptr_t)l->components[i].fallback);
	}
	free(l->components);
	free(l->text);
	free(l);
}

static void tell(struct letter *l, enum err e, uint32_t retry_ms, const char *why)
{
	engine_sent(l->email->engine,
	    &(struct sent){ .ws = l->r.ws, .delivery = l->r.delivery, .result = e, .retry_after_ms = retry_ms, .why = why });
}

/* Words that stand in no thread: receipts, and what is passed on for people. */
static bool is_notice(const struct letter *l)
{
	return id_is_none(l->r.message);
}

/* A UUIDv7 carries the moment of its making. */
static int64_t id_time_s(struct id id)
{
	int64_t ms = 0;
	if (id.b[6] >> 4 != 7)
		return 0;
	for (int i = 0; i < 6; i++)
		ms = ms << 8 | id.b[i];
	return ms / 1000;
}

static int64_t date_of(const struct letter *l, const struct email_origin *o)
{
	int64_t t = id_time_s(l->r.message);
	if (t == 0)
		t = id_time_s(l->r.delivery);
	if (t == 0)
		t = l->r.at_ms / 1000;
	return t != 0 ? t : o->received_s;
}

/* ---- to whom ---- */

struct letter_to {
	char to[330];
	char cc[INTENT_ORIGIN_MAX];
	struct draft_address copies[TO_MAX];
	const char *recipients[TO_MAX + 1];
	size_t copies_len, recipients_len;
	bool primary;
};

/* ERR_DENIED: must not be written to.  ${asked}: who gets it has asked for it, or it goes on with a conversation. */
static enum err may_write(struct letter *l, const struct email_box *b, const char *address, bool asked)
{
	char key[330];
	int stop = 0;
	email_key(address, key, sizeof(key));
	enum err e = engine_stop_get(l->email->engine, b->ws, email_ops.name, key, &stop);
	if (e != ERR_NONE)
		return e;
	return stop == 0 || (stop == STOP_UNSUBSCRIBED && asked) ? ERR_NONE : ERR_DENIED;
}

static enum err address_it(struct letter *l, const struct email_box *b, const struct email_origin *o, struct letter_to *to)
{
	snprintf(to->to, sizeof(to->to), "%s", o->to);
	snprintf(to->cc, sizeof(to->cc), "%s", o->cc);
	enum err e = may_write(l, b, to->to, !is_notice(l) || email_origin_opens(o) || o->say == SAY_LOGIN);
	if (e != ERR_NONE && e != ERR_DENIED)
		return e;
	to->primary = e == ERR_NONE;
	if (to->primary)
		to->recipients[to->recipients_len++] = to->to;
	char *rest = to->cc;
	for (char *a; !l->r.one_person_only && (a = strsep(&rest, ",")) != NULL && to->copies_len < TO_MAX;) {
		if (!smtp_address_ok(a)) /* one of them must not keep the answer from all others */
			continue;
		/* Who is not written to stays in the header: the same mail has the same bytes, whenever somebody was stopped. */
		to->copies[to->copies_len++] = (struct draft_address){ .addr = a };
		e = may_write(l, b, a, !is_notice(l));
		if (e == ERR_DENIED)
			continue;
		if (e != ERR_NONE)
			return e;
		to->recipients[to->recipients_len++] = a;
	}
	return to->recipients_len > 0 ? ERR_NONE : ERR_DENIED;
}

/* ---- the mail ---- */

static bool has_link(const struct email_origin *o)
{
	return o->say == SAY_LOGIN || o->say == SAY_INVITE;
}

static void write_footer(const struct letter *l, const struct email_box *b, const struct email_origin *o, struct buf *out)
{
	if (o->say == SAY_INVITE) {
		buf_addf(out,
		    "You get this because somebody who works with %s has invited this address. If you do not want to join, there is nothing to do. "
		    "Whoever has this mail can log in as you: pass it on to nobody.",
		    l->email->public_url);
		return;
	}
	if (o->say == SAY_LOGIN) {
		buf_addf(out,
		    "You get this because this address was typed into the log-in form of %s. If that was not you, there is nothing to do: nobody gets in without this mail. "
		    "Pass it on to nobody.",
		    l->email->public_url);
		return;
	}
	if (!settings_bool(b->s, "email.footer"))
		return;
	buf_addf(out, "%s (an AI teammate), %s\n", settings_str(b->s, "email.name"), b->address);
	if (o->minted) {
		buf_add_str(out,
		    "You get this because conversations are handed over to this address. Answer to talk; \"done\" hands it back to me.");
		return;
	}
	if (email_origin_opens(o))
		buf_addf(out, "You get this because you are in the conversation \"%s\"; this is a side thread of it. ", o->beside);
	else if (is_notice(l))
		buf_add_str(out, "You get this because you wrote to me. ");
	else
		buf_addf(out, "You get this because you wrote to me%s. ", o->cc[0] != '\0' ? " or were on copy" : "");
	buf_add_str(out, "To have no more answers in this conversation, answer: be quiet");
	if (o->left_out)
		buf_add_str(out, "\nSome of those on copy are left out: there are too many.");
}

#define REFERENCES_MAX 64

/*
 * The thread that an answer to this mail belongs to.  One that this mail begins is not stored yet: its key is the mail itself
 * (email_origin_within()).
 */
static struct id thread_of(const struct letter *l, const struct email_box *b, const struct email_origin *o, const char *message_id)
{
	if (email_origin_opens(o)) {
		char place[PLACE_KEY_MAX];
		email_beside_place(b->address, l->r.delivery, place, sizeof(place));
		return engine_thread_id(engine_place_id(b->ws, email_ops.name, place), message_id);
	}
	if (!o->minted)
		return l->r.thread;

	char key[320];
	snprintf(key, sizeof(key), "%.*s", (int)strcspn(o->references, " "), o->references[0] != '\0' ? o->references : message_id);
	return engine_thread_id(engine_place_id(b->ws, email_ops.name, o->to), o->references[0] != '\0' ? key : message_id);
}

struct unsubscribe {
	char url[400], mail[420];
};

static void offer_unsubscribe(
    const struct letter *l, const struct email_box *b, const struct email_origin *o, struct unsubscribe *u)
{
	struct id place = engine_place_id(b->ws, email_ops.name, o->to);
	char token[EMAIL_TOKEN], link[UNSUBSCRIBE_TOKEN];
	const char *base = l->email->public_url;
	email_token_make(b->secret, TOKEN_UNSUBSCRIBE, place, token);
	if (settings_bool(b->s, "email.plus") && strlen(b->local) + 1 + strlen(token) <= 64)
		snprintf(u->mail, sizeof(u->mail), "%s+%s@%s", b->local, token, b->domain);
	if (base != NULL && strncmp(base, "https://", 8) == 0 && strlen(base) < 200 &&
	    engine_unsubscribe_token(l->email->engine, b->ws, place, link) == ERR_NONE)
		snprintf(u->url, sizeof(u->url), "%s%sapi/unsubscribe/%s", base, base[strlen(base) - 1] == '/' ? "" : "/", link);
}

/* The link stands in the fragment, which browsers send to nobody; the page asks before it uses it, for programs open the links of mails too. */
static enum err write_login(const struct letter *l, const struct email_box *b, struct buf *out)
{
	char code[SESSION_CODE];
	const char *base = l->email->public_url;
	enum err e = base == NULL ? ERR_BROKEN : engine_login_link(l->email->engine, b->ws, l->r.delivery, code);
	if (e != ERR_NONE)
		return e;
	buf_add(out, l->r.text, l->r.text_len);
	buf_addf(out, "\n\n[Log in](%s%s#mail=%s)", base, base[strlen(base) - 1] == '/' ? "" : "/", code);
	explicit_bzero(code, sizeof(code));
	return ERR_NONE;
}

static enum err compose(struct letter *l, const struct email_box *b, const struct email_origin *o, const struct letter_to *to,
    char message_id[320], struct buf *raw, char *why, size_t why_n)
{
	char token[EMAIL_TOKEN], reply_to[420], references[INTENT_ORIGIN_MAX];
	const char *ids[REFERENCES_MAX];
	size_t ids_len = 0;
	struct buf footer = BUF_INIT;
	compose_message_id(l->r.delivery, b->domain, message_id);
	snprintf(references, sizeof(references), "%s", o->references);
	char *rest = references;
	for (char *id; (id = strsep(&rest, " ")) != NULL && ids_len < REFERENCES_MAX;)
		if (id[0] != '\0')
			ids[ids_len++] = id;
	email_token_make(b->secret, TOKEN_THREAD, thread_of(l, b, o, message_id), token);
	snprintf(reply_to, sizeof(reply_to), "%s+%s@%s", b->local, token, b->domain);
	struct unsubscribe u = { "", "" };
	struct buf login = BUF_INIT;
	if (o->minted)
		offer_unsubscribe(l, b, o, &u);
	if (has_link(o)) {
		enum err e = write_login(l, b, &login);
		if (e != ERR_NONE)
			return e;
	}
	bool plus = !has_link(o) && settings_bool(b->s, "email.plus") && strlen(b->local) + 1 + strlen(token) <= 64;
	write_footer(l, b, o, &footer);
	bool unasked = is_notice(l) || email_origin_opens(o); /* for most who get it, it is no answer to a mail of theirs */
	const struct draft_address first = { o->to_name[0] != '\0' ? o->to_name : NULL, to->to };
	const struct draft d = { .from = { settings_str(b->s, "email.name"), b->address },
		.reply_to = plus ? reply_to : NULL,
		.to = &first,
		.to_len = 1,
		.cc = to->copies,
		.cc_len = to->copies_len,
		.subject = o->subject,
		.message_id = message_id,
		.in_reply_to = o->in_reply_to[0] != '\0' ? o->in_reply_to : NULL,
		.references = ids,
		.references_len = ids_len,
		.date = date_of(l, o),
		.automatic = !unasked && settings_bool(b->s, "email.auto_submitted"),
		.unattended = unasked,
		.loop_mark = b->context.loop_mark,
		.markdown = login.len > 0 ? login.p : l->r.text,
		.markdown_len = login.len > 0 ? login.len : l->r.text_len,
		.components = l->r.components,
		.components_len = l->r.components_len,
		.unsubscribe_url = u.url[0] != '\0' ? u.url : NULL,
		.unsubscribe_mail = u.mail[0] != '\0' ? u.mail : NULL,
		.footer = footer.len > 0 ? footer.p : NULL };
	enum err e = compose_mail(&d, raw, why, why_n);
	if (login.len > 0)
		explicit_bzero(login.p, login.len);
	buf_done(&login);
	buf_done(&footer);
	return e;
}

static void post(void *arg)
{
	struct letter *l = arg;
	struct email_origin o;
	struct letter_to *to = xcalloc(1, sizeof(*to));
	struct buf raw = BUF_INIT;
	char message_id[320], why[200] = "";
	struct email_box *b = email_origin_unpack(l->origin, l->origin_len, &o) ? box_of(l->email, o.box) : NULL;
	enum err e = b == NULL ? ERR_INPUT : address_it(l, b, &o, to);
	if (e == ERR_NONE)
		e = compose(l, b, &o, to, message_id, &raw, why, sizeof(why));
	uint32_t wait_ms = e == ERR_RETRY ? 2000 : 0;
	if (e == ERR_NONE) {
		e = outgoing_put(b->outgoing,
		    &(struct outgoing_mail){ .ws = l->r.ws,
		        .delivery = l->r.delivery,
		        .message_id = message_id,
		        .envelope_from = b->address,
		        .recipients = to->recipients,
		        .recipients_len = to->recipients_len,
		        .raw = raw.p,
		        .raw_len = raw.len,
		        .maybe_sent = l->r.maybe_sent || !engine_certain(l->email->engine) });
		wait_ms = e == ERR_RETRY ? outgoing_turn_ms(b->outgoing) : 0;
	}
	if (e != ERR_NONE)
		tell(l, e, wait_ms, e == ERR_DENIED ? "stopped" : why[0] != '\0' ? why : "not_composed");
	buf_done(&raw);
	free(to);
	letter_free(l);
}

enum err sender_send(struct email *m, const struct reply *r)
{
	struct email_origin o;
	if (r->origin_len > INTENT_ORIGIN_MAX || !email_origin_unpack(r->origin, r->origin_len, &o) || box_of(m, o.box) == NULL)
		return ERR_INPUT;
	struct letter *l = xcalloc(1, sizeof(*l));
	l->email = m;
	l->r = *r;
	l->text = xstrndup(r->text != NULL ? r->text : "", r->text_len);
	l->r.text = l->text;
	l->components = copy_components(r->components, r->components_len);
	l->r.components = l->components;
	l->origin_len = r->origin_len;
	memcpy(l->origin, r->origin, r->origin_len);
	l->r.origin = l->origin;
	l->r.external_ref = l->r.step_id = NULL;
	if (engine_submit(m->engine, post, l))
		return ERR_NONE;
	letter_free(l);
	return ERR_RETRY;
}

/* ---- what becomes of it ---- */

static void on_sent(void *arg, const struct sent *s)
{
	struct email_box *b = arg;
	engine_sent(b->email->engine, s);
}

static void on_held(void *arg, struct id ws, struct id delivery, uint32_t ms)
{
	struct email_box *b = arg;
	engine_held(b->email->engine, ws, delivery, ms);
}

static void on_refused(void *arg, struct id ws, const char *addr, int code, const char *reply)
{
	struct email_box *b = arg;
	char key[330], detail[300];
	email_key(addr, key, sizeof(key));
	snprintf(detail, sizeof(detail), "%d %.250s", code, reply);
	if (engine_stop_put(b->email->engine, ws, email_ops.name, key, STOP_UNDELIVERABLE, detail) != ERR_NONE)
		log_warn("email.stop", LF_STR("why", "not stored"), LF_STR("result", "retry"));
}

struct outgoing_port sender_port(struct email_box *b)
{
	return (struct outgoing_port){ .arg = b, .sent = on_sent, .held = on_held, .refused = on_refused };
}

/* ---- conversations that Eddy begins ---- */

size_t sender_origin_for(struct email *m, struct id ws, const char *address, const char *subject, char out[INTENT_ORIGIN_MAX])
{
	if (!mail_address_ok(address))
		return 0;
	for (size_t i = 0; i < m->boxes_len; i++)
		if (id_equal(m->boxes[i]->ws, ws))
			return email_origin_pack(&(struct email_origin){ .minted = true,
			                             .received_s = (int64_t)(clock_wall_ms() / 1000),
			                             .box = m->boxes[i]->address,
			                             .to = address,
			                             .to_name = "",
			                             .subject = subject != NULL ? subject : "Somebody would like to talk to you",
			                             .in_reply_to = "",
			                             .references = "",
			                             .cc = "" },
			    out);
	return 0;
}

size_t sender_origin_login(
    struct email *m, struct id ws, const char *address, bool invited, char out[INTENT_ORIGIN_MAX], char person[PLACE_KEY_MAX])
{
	if (!mail_address_ok(address) || strlen(address) >= 330 || m->public_url == NULL)
		return 0;
	email_key(address, person, PLACE_KEY_MAX);
	for (size_t i = 0; i < m->boxes_len; i++)
		if (id_equal(m->boxes[i]->ws, ws))
			return email_origin_pack(&(struct email_origin){ .say = invited ? SAY_INVITE : SAY_LOGIN,
			                             .received_s = (int64_t)(clock_wall_ms() / 1000),
			                             .box = m->boxes[i]->address,
			                             .to = person,
			                             .to_name = "",
			                             .subject = invited ? "Your invitation to Eddy" : "Log in to Eddy",
			                             .in_reply_to = "",
			                             .references = "",
			                             .cc = "" },
			    out);
	return 0;
}

size_t sender_origin_within(const void *origin, size_t n, const char *thread_key, char out[INTENT_ORIGIN_MAX])
{
	struct email_origin o;
	return email_origin_unpack(origin, n, &o) ? email_origin_within(&o, thread_key, out) : 0;
}

size_t sender_origin_beside(struct email *m, struct id ws, const void *origin, size_t n, struct id id, const char *topic,
    char out[INTENT_ORIGIN_MAX], char place_key[PLACE_KEY_MAX])
{
	struct email_origin o;
	struct email_box *b = email_origin_unpack(origin, n, &o) ? box_of(m, o.box) : NULL;
	if (b == NULL || !id_equal(b->ws, ws))
		return 0;
	email_beside_place(b->address, id, place_key, PLACE_KEY_MAX);
	return email_origin_beside(&o, topic, out);
}

/* ---- the adapter's own words ---- */

enum api_code sender_words(const struct email_box *b, const struct email_origin *o, struct buf *out)
{
	switch (o->say) {
	case SAY_STRANGER:
	case SAY_OUTSIDER:
		buf_add_str(out, settings_str(b->s, "email.text"));
		return o->say == SAY_STRANGER ? API_UNAUTHENTICATED : API_FORBIDDEN;
	case SAY_PGP:
		buf_add_str(out,
		    "Your mail is encrypted with PGP and I have no key for it, so I could not read it. Please send it unencrypted.");
		return API_UNSUPPORTED;
	case SAY_SMIME:
		buf_add_str(out,
		    "Your mail is encrypted with S/MIME and I have no key for it, so I could not read it. Please send it unencrypted.");
		return API_UNSUPPORTED;
	case SAY_EMPTY:
		buf_add_str(out, "Your mail arrived without any text. What can I do for you?");
		return API_INVALID;
	case SAY_FILES:
		buf_add_str(out, "Your mail arrived with attachments and no text. What would you like me to do with them?");
		return API_INVALID;
	case SAY_TNEF:
		buf_add_str(out,
		    "All of your mail is in a winmail.dat, a format of Outlook's that I cannot read. Please send it as HTML or plain text.");
		return API_UNSUPPORTED;
	case SAY_NOTHING:
	case SAY_LOGIN:
	case SAY_INVITE:
		break;
	}
	return API_OK;
}
