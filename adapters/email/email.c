/*
 * The adapter object: its settings and the order in which its boxes start and end.  A box (box.c) is one address: mails come in through its mailbox
 * (mailbox.c) and inlet (inlet.c), answers go out through sender.c and outgoing.c.
 */
#include "email.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "box.h"
#include "origin.h"
#include "receipt.h"

const struct setting email_settings[] = {
	{ "email.address", SET_STR, 0, NULL, NULL, 0, 0, "EMAIL_ADDRESS", "Eddy's own mail address; turns mail on" },
	{ "email.name", SET_STR, 0, "Eddy", NULL, 0, 0, NULL, "the name beside the address" },
	{ "email.aliases", SET_LIST, 0, NULL, NULL, 0, 0, NULL, "further addresses whose mail arrives in the same mailbox" },
	{ "email.imap", SET_STR, 0, NULL, NULL, 0, 0, NULL,
	    "where mail is read: imaps://host (port 993) or imap://host (STARTTLS, port 143)" },
	{ "email.smtp", SET_STR, 0, NULL, NULL, 0, 0, NULL,
	    "where mail is sent: smtps://host (port 465) or smtp://host (STARTTLS, port 587)" },
	{ "email.user", SET_STR, 0, NULL, NULL, 0, 0, NULL, "log-in name; without it: the address" },
	{ "email.password", SET_STR, SET_SECRET, NULL, NULL, 0, 0, "EMAIL_PASSWORD", "password, for Gmail an app password" },
	{ "email.plaintext", SET_BOOL, 0, "false", NULL, 0, 0, NULL, "no TLS; only where both servers are on this machine" },
	{ "email.mechanism", SET_ENUM, 0, "auto", "auto|plain|login|xoauth2|oauthbearer", 0, 0, NULL, "how to log in" },
	{ "email.oauth.token_url", SET_STR, SET_URL | SET_LOOPBACK_PLAIN, NULL, NULL, 0, 0, NULL,
	    "token endpoint of the provider; turns log-in by token on" },
	{ "email.oauth.client_id", SET_STR, 0, NULL, NULL, 0, 0, NULL, "client id of the app registered there" },
	{ "email.oauth.client_secret", SET_STR, SET_SECRET, NULL, NULL, 0, 0, NULL, "its secret, where it has one" },
	{ "email.oauth.refresh_token", SET_STR, SET_SECRET, NULL, NULL, 0, 0, NULL,
	    "refresh token; without it the app logs in by itself (client credentials)" },
	{ "email.oauth.scope", SET_STR, 0, NULL, NULL, 0, 0, NULL, "scope to ask for; without it: the provider's default" },
	{ "email.folder", SET_STR, 0, "INBOX", NULL, 0, 0, NULL, "folder that is read" },
	{ "email.from_start", SET_BOOL, 0, "false", NULL, 0, 0, NULL,
	    "at the very first look, also answer what lies in the mailbox already" },
	{ "email.mark", SET_ENUM, 0, "keyword", "keyword|seen|move|none", 0, 0, NULL,
	    "how a mail that was taken is marked on the server; a keyword falls back to seen where there are none" },
	{ "email.keyword", SET_STR, 0, "$Eddy", NULL, 0, 0, NULL, "that keyword" },
	{ "email.move_to", SET_STR, 0, "Eddy", NULL, 0, 0, NULL, "folder for email.mark: move" },
	{ "email.poll", SET_MS, 0, "60s", NULL, 1000, 3600000, NULL,
	    "how often to look where the server has no IDLE, and beside it" },
	{ "email.max_size", SET_INT, 0, "4194304", NULL, 65536, 33554432, NULL,
	    "bytes of one mail that are fetched; of a larger one the rest is not read" },
	{ "email.authserv", SET_LIST, 0, NULL, NULL, 0, 0, NULL,
	    "ids of your own servers in Authentication-Results (mx.google.com …); without it nobody is proved" },
	{ "email.authserv_unnamed", SET_BOOL, 0, "false", NULL, 0, 0, NULL, "also results without an id: Microsoft 365" },
	{ "email.relays", SET_LIST, 0, NULL, NULL, 0, 0, NULL,
	    "hosts of your own behind the border server, whose Received lines stand above its results (\"by …\"; .acme.example: all below it)" },
	{ "email.members", SET_LIST, 0, NULL, NULL, 0, 0, NULL,
	    "who is one of the team: addresses, or @domain.example for all of a domain that is yours alone" },
	{ "email.outsiders", SET_ENUM, 0, "agent", "ignore|text|agent", 0, 0, NULL,
	    "what others get whose address is proved; they see their own conversation only" },
	{ "email.strangers", SET_ENUM, 0, "ignore", "ignore|text|agent", 0, 0, NULL, "what a sender gets whom nothing proves" },
	{ "email.text", SET_STR, 0, NULL, NULL, 0, 0, NULL, "the fixed text for outsiders and strangers" },
	{ "email.answers_per_hour", SET_INT, 0, "20", NULL, 1, 1000, NULL,
	    "answers in one thread; more are delayed by an hour, with a word about it" },
	{ "email.stranger_answers_per_hour", SET_INT, 0, "5", NULL, 0, 1000, NULL,
	    "answers in one thread to senders who are not proved; more are not given" },
	{ "email.reply_all", SET_BOOL, 0, "true", NULL, 0, 0, NULL, "keep on copy who was on copy" },
	{ "email.plus", SET_BOOL, 0, "true", NULL, 0, 0, NULL,
	    "answers ask for replies to address+token@domain; the server must deliver those" },
	{ "email.auto_submitted", SET_BOOL, 0, "true", NULL, 0, 0, NULL, "say Auto-Submitted: auto-replied (RFC 3834) in answers" },
	{ "email.copy", SET_ENUM, 0, "auto", "auto|append|self|none", 0, 0, NULL,
	    "a copy of what was sent: put into the Sent folder, or sent to ourselves; auto: append, but where the provider does it" },
	{ "email.sent_folder", SET_STR, 0, NULL, NULL, 0, 0, NULL, "the Sent folder; without it: the one the server names" },
	{ "email.per_minute", SET_INT, 0, "30", NULL, 1, 100000, NULL, "mails sent in a minute at most" },
	{ "email.receipt", SET_MS, 0, "2m", NULL, 1000, 86400000, NULL, "an answer that takes longer is announced, once" },
	{ "email.footer", SET_BOOL, 0, "true", NULL, 0, 0, NULL, "say below each answer who writes, why, and how to stop it" },
	{ "email.shared", SET_BOOL, 0, "true", NULL, 0, 0, NULL,
	    "the mailbox belongs to the team of the page and of Slack; false: to a team of its own" },
	{ "email.mailboxes", SET_LIST, 0, NULL, NULL, 0, 0, NULL,
	    "further mailboxes: files with email.* settings of their own, each complete" },
	{ 0 },
};

static struct email *email_of(struct adapter *a)
{
	return (struct email *)(void *)a;
}

bool email_configured(const struct settings *s)
{
	return settings_str(s, "email.address") != NULL;
}

/* ---- checks ---- */

static enum err refuse(char *why, size_t n, const struct settings *s, const char *name, const char *what)
{
	snprintf(why, n, "%s (%s): %s", name, settings_source(s, name), what);
	return ERR_INPUT;
}

static enum err check_one(const struct settings *s, char *why, size_t n)
{
	struct email_server server;
	const char *address = settings_str(s, "email.address"), *imap = settings_str(s, "email.imap"),
	           *smtp = settings_str(s, "email.smtp");
	bool plain = settings_bool(s, "email.plaintext");
	if (!mail_address_ok(address) || strchr(address, '+') != NULL)
		return refuse(why, n, s, "email.address", "this is no plain mail address, such as eddy@example.org");
	if (imap == NULL || !email_server_parse(imap, "imap", plain, &server))
		return refuse(why, n, s, "email.imap",
		    plain ? "with email.plaintext this must be a server on this machine, such as imap://127.0.0.1:143"
		          : "set it to imaps://host, or imap://host for STARTTLS");
	if (smtp == NULL || !email_server_parse(smtp, "smtp", plain, &server))
		return refuse(why, n, s, "email.smtp",
		    plain ? "with email.plaintext this must be a server on this machine, such as smtp://127.0.0.1:587"
		          : "set it to smtps://host, or smtp://host for STARTTLS");
	bool token = settings_str(s, "email.oauth.token_url") != NULL;
	if (token && settings_str(s, "email.oauth.client_id") == NULL)
		return refuse(why, n, s, "email.oauth.client_id", "log-in by token needs the id of the app");
	if (!token && settings_str(s, "email.password") == NULL)
		return refuse(why, n, s, "email.password", "missing; or set email.oauth.* to log in by token");
	const char *const *items;
	size_t len = settings_list(s, "email.members", &items);
	for (size_t i = 0; i < len; i++)
		if (items[i][0] == '@' ? strchr(items[i], '.') == NULL : !mail_address_ok(items[i]))
			return refuse(why, n, s, "email.members", "give addresses, or @domain.example for all of a domain");
	len = settings_list(s, "email.aliases", &items);
	for (size_t i = 0; i < len; i++)
		if (!mail_address_ok(items[i]))
			return refuse(why, n, s, "email.aliases", "one of them is no mail address");
	if (settings_str(s, "email.text") == NULL &&
	    (strcmp(settings_str(s, "email.outsiders"), "text") == 0 || strcmp(settings_str(s, "email.strangers"), "text") == 0))
		return refuse(
		    why, n, s, "email.text", "email.outsiders or email.strangers asks for the fixed text, and there is none");
	return ERR_NONE;
}

/* The settings of a further mailbox.  Secrets of the environment are the first one's. */
struct settings *email_load_more(const char *path, char *why, size_t n)
{
	static const struct setting *const tables[] = { email_settings, NULL };
	static char *const nothing[] = { NULL };
	struct buf problems = BUF_INIT;
	struct settings *s = settings_new(tables);
	if (settings_load(s, path, nothing, nothing, &problems) != ERR_NONE) {
		snprintf(why, n, "email.mailboxes: %.*s", (int)strcspn(problems.p, "\n"), problems.p);
		settings_free(s);
		s = NULL;
	} else if (!email_configured(s)) {
		snprintf(why, n, "email.mailboxes: %s sets no email.address", path);
		settings_free(s);
		s = NULL;
	}
	buf_done(&problems);
	return s;
}

enum err email_check_settings(const struct settings *s, char *why, size_t n)
{
	const char *const *more;
	enum err e = check_one(s, why, n);
	size_t len = settings_list(s, "email.mailboxes", &more);
	if (e == ERR_NONE && len >= EMAIL_BOXES_MAX) {
		snprintf(why, n, "email.mailboxes: more than %d", EMAIL_BOXES_MAX - 1);
		e = ERR_INPUT;
	}
	for (size_t i = 0; i < len && e == ERR_NONE; i++) {
		struct settings *own = email_load_more(more[i], why, n);
		e = own == NULL ? ERR_INPUT : check_one(own, why, n);
		settings_free(own);
	}
	return e;
}

/* ---- life ---- */

static void on_late(void *arg, const struct wait_for *w)
{
	struct email *m = arg;
	char key[ID_TEXT + 16], id[ID_TEXT];
	snprintf(key, sizeof(key), "receipt:%s", id_format(w->run, id));
	engine_notice(m->engine, w->ws, email_ops.name, w->thread, w->run, key,
	    "Your mail has arrived and I am working on it; the answer takes a little longer.", w->origin, w->origin_len);
}

enum err email_open(struct adapter **out, const struct email_options *o, char *why, size_t why_n)
{
	enum err e = email_check_settings(o->settings, why, why_n);
	if (e != ERR_NONE)
		return e;
	mail_library_init();
	struct email *m = xcalloc(1, sizeof(*m));
	*m = (struct email){
		.settings = o->settings, .metrics = o->metrics, .engine = o->engine, .http = o->http, .public_url = o->public_url
	};
	*out = (struct adapter *)(void *)m;
	m->waits = waits_new(o->http, (uint32_t)settings_int(o->settings, "email.receipt"), on_late, m);
	const char *const *more;
	size_t len = settings_list(o->settings, "email.mailboxes", &more);
	e = box_open(m, o->settings, NULL, true, why, why_n);
	for (size_t i = 0; i < len && e == ERR_NONE; i++) {
		struct settings *own = email_load_more(more[i], why, why_n);
		e = own == NULL ? ERR_INPUT : box_open(m, own, own, false, why, why_n);
	}
	if (e != ERR_NONE) {
		email_free(*out);
		*out = NULL;
	}
	return e;
}

void email_start(struct adapter *a)
{
	struct email *m = email_of(a);
	m->started = true;
	for (size_t i = 0; i < m->boxes_len; i++) {
		outgoing_start(m->boxes[i]->outgoing);
		mailbox_start(m->boxes[i]->mailbox);
	}
}

void email_stop(struct adapter *a)
{
	struct email *m = email_of(a);
	if (atomic_exchange(&m->stopping, true) || !m->started)
		return;
	for (size_t i = 0; i < m->boxes_len; i++)
		mailbox_stop(m->boxes[i]->mailbox);
}

void email_leave(struct adapter *a)
{
	struct email *m = email_of(a);
	for (size_t i = 0; i < m->boxes_len; i++)
		if (m->boxes[i]->outgoing != NULL)
			outgoing_stop(m->boxes[i]->outgoing);
}

void email_free(struct adapter *a)
{
	if (a == NULL)
		return;
	struct email *m = email_of(a);
	email_stop(a);
	email_leave(a);
	for (size_t i = 0; i < m->boxes_len; i++)
		box_free(m->boxes[i]);
	waits_free(m->waits);
	free(m);
}

/* ---- what the engine sees ---- */

static enum err send(struct adapter *a, const struct reply *r)
{
	struct email *m = email_of(a);
	switch (r->kind) {
	case REPLY_STATUS:
		waits_begin(m->waits,
		    &(struct wait_for){
		        .ws = r->ws, .run = r->run, .thread = r->thread, .origin = r->origin, .origin_len = r->origin_len });
		return ERR_NONE;
	case REPLY_ABANDON:
		waits_end(m->waits, r->run);
		return ERR_NONE;
	case REPLY_WHOLE:
		if (!id_is_none(r->run))
			waits_end(m->waits, r->run);
		return sender_send(m, r);
	case REPLY_TOOL:
	case REPLY_GROW:
	case REPLY_RESET:
		break;
	}
	return ERR_NONE;
}

static void describe(struct adapter *a, char *out, size_t n)
{
	struct email *m = email_of(a);
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < m->boxes_len; i++) {
		char in[200], sending[200];
		mailbox_describe(m->boxes[i]->mailbox, in, sizeof(in));
		outgoing_describe(m->boxes[i]->outgoing, sending, sizeof(sending));
		buf_addf(&b, "%s%s: %s%s%s", i > 0 ? "; " : "", m->boxes[i]->address, in, sending[0] != '\0' ? "; " : "", sending);
	}
	snprintf(out, n, "%s", b.p);
	buf_done(&b);
}

static enum api_code words(struct adapter *a, const void *origin, size_t n, struct buf *out)
{
	struct email *m = email_of(a);
	struct email_origin o;
	struct email_box *b = email_origin_unpack(origin, n, &o) ? box_of(m, o.box) : NULL;
	return b != NULL ? sender_words(b, &o, out) : API_OK;
}

static size_t origin_for(struct adapter *a, struct id ws, const char *place_key, const char *subject, char out[INTENT_ORIGIN_MAX])
{
	return sender_origin_for(email_of(a), ws, place_key, subject, out);
}

static size_t origin_login(
    struct adapter *a, struct id ws, const char *address, bool invited, char out[INTENT_ORIGIN_MAX], char person[PLACE_KEY_MAX])
{
	return sender_origin_login(email_of(a), ws, address, invited, out, person);
}

static size_t origin_within(struct adapter *a, const void *origin, size_t n, const char *thread_key, char out[INTENT_ORIGIN_MAX])
{
	(void)a;
	return sender_origin_within(origin, n, thread_key, out);
}

/* A conversation by mail begins with a mail: its key is known once that is out. */
static size_t origin_beside(struct adapter *a, struct id ws, const void *origin, size_t n, struct id id, const char *topic,
    char out[INTENT_ORIGIN_MAX], char place_key[PLACE_KEY_MAX], char thread_key[PLACE_KEY_MAX])
{
	thread_key[0] = '\0';
	return sender_origin_beside(email_of(a), ws, origin, n, id, topic, out, place_key);
}

static size_t origin_plain(struct adapter *a, const void *origin, size_t n, char out[INTENT_ORIGIN_MAX])
{
	struct email_origin o;
	(void)a;
	return email_origin_unpack(origin, n, &o) ? email_origin_plain(&o, out) : 0;
}

const struct adapter_ops email_ops = {
	.name = "email",
	.caps = CAP_THREAD | CAP_STATUS,
	.send = send,
	.describe = describe,
	.words = words,
	.origin_for = origin_for,
	.origin_login = origin_login,
	.origin_within = origin_within,
	.origin_beside = origin_beside,
	.origin_plain = origin_plain,
};
