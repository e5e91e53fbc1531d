/*
 * A call is shared by the request that waits for it and the worker that asks the database; whoever is last frees it, so a client that goes away
 * takes nothing from under the worker.
 *
 * What keeps other pages out (CSRF): the cookie is SameSite=Strict and only sent to /api, every call must carry a header that a foreign page
 * cannot set without being asked first (which no answer here allows), a JSON body, and the Origin of our own page.
 */
#include "signin.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../core/base/clock.h"
#include "../../core/base/json.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/engine/engine.h"
#include "../../core/people/password.h"
#include "../../core/people/session.h"
#include "../net/loop.h"
#include "client.h"
#include "guard.h"
#include "limit.h"
#include "state.h"
#include "tries.h"
#include "visitor.h"

enum signin_what {
	SIGNIN_LOGIN,
	SIGNIN_REFRESH,
	SIGNIN_LOGOUT,
	SIGNIN_LOGOUT_ALL,
	SIGNIN_CODE,
	SIGNIN_MAIL,
	SIGNIN_PASSWORD,
	SIGNIN_PASSWORD_LINK,
	SIGNIN_UNSUBSCRIBE
};
static const char *const paths[] = {
	[SIGNIN_LOGIN] = "/api/login",
	[SIGNIN_REFRESH] = "/api/refresh",
	[SIGNIN_LOGOUT] = "/api/logout",
	[SIGNIN_LOGOUT_ALL] = "/api/logout-all",
	[SIGNIN_CODE] = "/api/code",
	[SIGNIN_MAIL] = "/api/login/mail",
	[SIGNIN_PASSWORD] = "/api/login/password",
	[SIGNIN_PASSWORD_LINK] = "/api/login/password-link",
	[SIGNIN_UNSUBSCRIBE] = "/api/unsubscribe/", /* and what the link carries */
};

#define ADDRESS_MAX 320
struct signin_call {
	_Atomic int refs;
	struct web *web;
	enum signin_what what;
	size_t expected;
	bool secure; /* the page came over https */
	struct buf body;
	char secret[SESSION_SECRET]; /* what was brought: the code, or the cookie's secret */
	char subject[WEB_PERSON_MAX + 1], name[128];
	char from[64], address[ADDRESS_MAX + 1]; /* who asks for a link, and where it is to go */
	char token[UNSUBSCRIBE_TOKEN + 1];
	struct client client;
	char password[PASSWORD_MAX + 1];
	char key[ADDRESS_MAX + 80]; /* of tries: who, and from where */
	size_t key_len;
	uint32_t wait_ms;          /* SIGNIN_PASSWORD: wrong tries in any process make it wait; 0: they do not */
	bool strained, counted;    /* SIGNIN_PASSWORD: tried too often as this person; this try is counted */
	const char *why;           /* static: what is wrong with a new password */
	struct signin_call *after; /* waits for its hash behind this one */
	/* from the worker */
	enum err result;
	struct session session;
	char next[SESSION_SECRET];
	struct buf ended; /* struct id each */
	/* for the request */
	void (*done)(void *arg);
	void *arg;
	bool answered;
	struct signin_answer answer;
};

static int what_of(const char *path)
{
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (i == SIGNIN_UNSUBSCRIBE ? strncmp(paths[i], path, strlen(paths[i])) == 0 : strcmp(paths[i], path) == 0)
			return (int)i;
	return -1;
}

bool signin_has(const char *path)
{
	return what_of(path) >= 0;
}

bool signin_unsubscribes(const char *path)
{
	return what_of(path) == SIGNIN_UNSUBSCRIBE;
}

static void unref(struct signin_call *c)
{
	if (atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	if (c->body.p != NULL && c->body.len > 0)
		explicit_bzero(c->body.p, c->body.len);
	buf_done(&c->body);
	buf_done(&c->ended);
	buf_done(&c->answer.body);
	explicit_bzero(c->secret, sizeof c->secret);
	explicit_bzero(c->next, sizeof c->next);
	explicit_bzero(c->password, sizeof c->password);
	explicit_bzero(&c->answer, sizeof c->answer);
	free(c);
}

void signin_free(struct signin_call *c)
{
	if (c == NULL)
		return;
	c->done = NULL;
	unref(c);
}

static struct signin_call *refuse(struct signin_answer *out, enum api_code code, const char *message)
{
	out->status = (unsigned)problem_status(code);
	out->code = code;
	out->message = message;
	return NULL;
}

/* Several Eddies may live on one host under different ports, for which cookies do not differ: its name ends like the workspace's id. */
static void cookie_name(const struct web *w, char out[32])
{
	char id[ID_TEXT];
	id_format(w->ws, id);
	snprintf(out, 32, "eddy_refresh_%s", id + ID_TEXT - 1 - 8);
}

/* RFC 6265, section 5.4. */
void web_cookie(const char *header, const char *name, char *out, size_t n)
{
	size_t name_len = strlen(name);
	for (const char *p = header; p != NULL && *p != '\0';) {
		p += strspn(p, "; ");
		size_t len = strcspn(p, ";");
		if (strncmp(p, name, name_len) == 0 && p[name_len] == '=' && len - name_len - 1 < n) {
			snprintf(out, n, "%.*s", (int)(len - name_len - 1), p + name_len + 1);
			return;
		}
		p += len;
	}
}

static void read_cookie(const struct web *w, const char *header, char *out, size_t n)
{
	char name[32];
	cookie_name(w, name);
	web_cookie(header, name, out, n);
}

static bool is_json(const char *type)
{
	return type != NULL && strncasecmp(type, "application/json", 16) == 0 &&
	    (type[16] == '\0' || strchr("; ", type[16]) != NULL);
}

static bool has_local_token(const struct web *w, const struct signin_head *h)
{
	return h->origin == NULL && web_is_loopback(h->address) && h->authorization != NULL &&
	    strncmp(h->authorization, "Bearer ", 7) == 0 && web_token_equal(h->authorization + 7, w->local_token);
}

static struct signin_call *new_call(struct web *w, const struct signin_head *h, enum signin_what what)
{
	struct signin_call *c = xcalloc(1, sizeof *c);
	c->refs = 1;
	c->web = w;
	c->what = what;
	c->expected = (size_t)h->body_bytes;
	c->answer.request = id_new();
	snprintf(c->from, sizeof c->from, "%s", h->address);
	client_read(&c->client, h->user_agent, h->address);
	return c;
}

struct signin_call *signin_new(struct web *w, const struct signin_head *h, struct signin_answer *out)
{
	enum signin_what what = (enum signin_what)what_of(h->path);
	uint32_t wait_ms = limit_take(w->signin_calls, h->address, strlen(h->address), clock_ms());
	if (wait_ms > 0) {
		out->retry_after_s = wait_ms / 1000 + 1;
		return refuse(out, API_LIMITED, "Too many requests from this address.");
	}
	if (h->body_bytes > SIGNIN_BODY_MAX)
		return refuse(out, API_TOO_LARGE, "The body is longer than 4096 bytes.");
	/* Mail programs press this for people (RFC 8058): what the link carries is all they have, and all it takes. */
	if (what == SIGNIN_UNSUBSCRIBE) {
		struct signin_call *c = new_call(w, h, what);
		snprintf(c->token, sizeof c->token, "%s", h->path + strlen(paths[SIGNIN_UNSUBSCRIBE]));
		return c;
	}
	if (!is_json(h->content_type))
		return refuse(out, API_UNSUPPORTED, "The body must be application/json.");
	if (what == SIGNIN_CODE ? !has_local_token(w, h)
	                        : h->marker == NULL || h->origin == NULL ||
	            !web_origin_allowed(h->origin, h->host, w->own_origin == NULL ? NULL : &w->own_origin, w->own_origin != NULL)) {
		log_warn("web.api", LF_STR("path", h->path), LF_STR("origin", h->origin), LF_STR("result", "denied"));
		return refuse(out, API_FORBIDDEN,
		    what == SIGNIN_CODE ? "Only for this machine, with its own token."
		                        : "Only for this server's own page: see web.public_url.");
	}
	struct signin_call *c = new_call(w, h, what);
	c->secure = h->origin != NULL && strncasecmp(h->origin, "https:", 6) == 0;
	if (what == SIGNIN_REFRESH || what == SIGNIN_LOGOUT || what == SIGNIN_LOGOUT_ALL)
		read_cookie(w, h->cookie, c->secret, sizeof c->secret);
	return c;
}

bool signin_body(struct signin_call *c, const void *p, size_t n)
{
	if (c->body.len + n > c->expected)
		return false;
	buf_add(&c->body, p, n);
	return true;
}

/* ---- answers, on the loop thread ---- */

static void set_cookie(struct signin_call *c, const char *value, long long age_s)
{
	char name[32];
	cookie_name(c->web, name);
	snprintf(c->answer.cookie, sizeof c->answer.cookie, "%s=%s; Path=/api; Max-Age=%lld; HttpOnly; SameSite=Strict%s", name,
	    value, age_s, c->secure ? "; Secure" : "");
}

static void finish(struct signin_call *c)
{
	c->answered = true;
	if (c->done != NULL)
		c->done(c->arg);
}

static void fail(struct signin_call *c, enum api_code code, const char *message)
{
	c->answer.status = (unsigned)problem_status(code);
	c->answer.code = code;
	c->answer.message = message;
}

static void end_session(struct web *w, struct id session)
{
	web_logins_end(w->logins, session, clock_ms());
	for (struct conn *k = w->conns, *next; k != NULL; k = next) {
		next = k->next;
		if (k->login != NULL && id_equal(k->login->session, session))
			conn_close(k, CLOSE_DENIED, "logged out");
	}
}

static bool put_token(struct signin_call *c)
{
	char token[65];
	struct web_login *l = web_login_new(c->session.id, c->session.subject, c->session.name);
	bool issued = web_logins_issue(c->web->logins, l, clock_ms(), token);
	web_login_unref(l);
	if (!issued)
		return false;
	struct buf *b = &c->answer.body;
	buf_addf(b, "{\"token\":\"%s\",\"expires_in\":%d,\"person\":{\"id\":", token, LOGIN_TOKEN_S);
	buf_add_json_str(b, c->session.subject);
	buf_add_str(b, ",\"name\":");
	buf_add_json_str(b, c->session.name);
	buf_add_str(b, "}}\n");
	explicit_bzero(token, sizeof token);
	return true;
}

static void on_session(struct signin_call *c)
{
	if (c->result == ERR_NONE && put_token(c)) {
		if (c->next[0] != '\0')
			set_cookie(c, c->next, SESSION_DAYS * 86400ll);
	} else if (c->result == ERR_NONE) { /* logged out everywhere in the very moment */
		set_cookie(c, "", 0);
		fail(c, API_UNAUTHENTICATED, "Nobody is logged in here.");
	} else if (c->result == ERR_DENIED && c->what == SIGNIN_PASSWORD) {
		fail(c, API_UNAUTHENTICATED, "This name and this password do not belong together.");
	} else if (c->result == ERR_DENIED && c->what == SIGNIN_PASSWORD_LINK) {
		fail(c, API_UNAUTHENTICATED, "This link was used already or has ended; ask an admin for a new one.");
	} else if (c->result == ERR_DENIED && c->what == SIGNIN_LOGIN) {
		fail(c, API_UNAUTHENTICATED,
		    "This link was used already or has ended; `eddy login` or the log-in form makes a new one.");
	} else if (c->result == ERR_DENIED) {
		if (!id_is_none(c->session.id))
			end_session(c->web, c->session.id);
		set_cookie(c, "", 0);
		fail(c, API_UNAUTHENTICATED, "Nobody is logged in here.");
	}
}

static void on_code(struct signin_call *c)
{
	struct buf *b = &c->answer.body;
	buf_add_str(b, "{\"url\":");
	struct buf url = BUF_INIT;
	web_address(c->web, &url);
	buf_addf(&url, "/#login=%s", c->next);
	buf_add_json_str(b, url.p);
	buf_addf(b, ",\"expires_in\":%d}\n", SESSION_CODE_S);
	explicit_bzero(url.p, url.len);
	buf_done(&url);
}

#define STRAINED_MS 10000u

static void too_often(struct signin_call *c, uint32_t wait_ms)
{
	fail(c, API_LIMITED, "Too many attempts; wait, or log in by another way.");
	c->answer.retry_after_s = wait_ms / 1000 + 1;
}

static void next_hash(struct web *w);

static void on_loop(void *arg)
{
	struct signin_call *c = arg;
	c->answer.status = 200;
	if (c->what == SIGNIN_PASSWORD || c->what == SIGNIN_PASSWORD_LINK)
		next_hash(c->web);
	if (c->counted && c->result == ERR_NONE)
		tries_right(c->web->tries, c->key, c->key_len);
	else if (c->counted && c->result != ERR_DENIED && (c->result != ERR_INPUT || c->wait_ms > 0))
		tries_again(c->web->tries, c->key, c->key_len);
	if (c->what == SIGNIN_UNSUBSCRIBE && (c->result == ERR_INPUT || c->result == ERR_DENIED)) {
		fail(c, API_NOT_FOUND, "This link was not made here.");
	} else if (c->what == SIGNIN_PASSWORD && c->result == ERR_INPUT) {
		too_often(c, c->wait_ms > 0 ? c->wait_ms : STRAINED_MS);
	} else if (c->what == SIGNIN_PASSWORD_LINK && c->result == ERR_INPUT) {
		fail(c, API_INVALID, c->why == NULL ? "A password is text of at most 256 bytes." : c->why);
		c->answer.field = "password";
	} else if (c->result != ERR_NONE && c->result != ERR_DENIED) {
		fail(c, API_UNAVAILABLE, "The database is away; try again in a moment.");
		c->answer.retry_after_s = 2;
	} else if (c->what == SIGNIN_UNSUBSCRIBE) {
		buf_add_str(&c->answer.body, "{\"unsubscribed\":true}\n");
	} else if (c->what == SIGNIN_CODE) {
		on_code(c);
	} else if (c->what == SIGNIN_LOGIN || c->what == SIGNIN_REFRESH || c->what == SIGNIN_PASSWORD ||
	    c->what == SIGNIN_PASSWORD_LINK) {
		on_session(c);
	} else {
		struct id id;
		for (size_t at = 0; at < c->ended.len; at += sizeof id) {
			memcpy(&id, c->ended.p + at, sizeof id);
			end_session(c->web, id);
		}
		set_cookie(c, "", 0);
		buf_add_str(&c->answer.body, "{}\n");
	}
	log_info(
	    "web.api", LF_STR("path", paths[c->what]), LF_INT("status", c->answer.status), LF_STR("result", err_name(c->result)));
	finish(c);
	unref(c);
}

/* ---- the work ---- */

static void note_ended(void *arg, struct id session)
{
	struct signin_call *c = arg;
	buf_add(&c->ended, &session, sizeof session);
}

static void on_worker(void *arg)
{
	struct signin_call *c = arg;
	struct web *w = c->web;
	const struct session_client at = client_of(&c->client);
	switch (c->what) {
	case SIGNIN_LOGIN:
		c->result = engine_login(w->engine, w->ws, c->secret, c->answer.request, &at, &c->session, c->next);
		break;
	case SIGNIN_REFRESH:
		c->result = engine_login_refresh(w->engine, w->ws, c->secret, &at, &c->session, c->next);
		break;
	case SIGNIN_LOGOUT:
	case SIGNIN_LOGOUT_ALL:
		c->result =
		    engine_logout(w->engine, w->ws, c->secret, c->what == SIGNIN_LOGOUT_ALL, c->answer.request, note_ended, c);
		break;
	case SIGNIN_UNSUBSCRIBE:
		c->result = engine_unsubscribe(w->engine, c->token);
		break;
	case SIGNIN_CODE:
		c->result = engine_login_code(w->engine, w->ws, c->subject, c->name, c->next);
		break;
	case SIGNIN_PASSWORD:
		c->result = engine_login_password(w->engine, w->ws,
		    &(struct password_login){ .adapter = w->mail_adapter,
		        .name = c->address,
		        .password = c->password,
		        .at = &at,
		        .only_known = c->strained },
		    c->answer.request, &c->session, c->next, &c->wait_ms);
		break;
	case SIGNIN_PASSWORD_LINK:
		c->result = engine_password_link(
		    w->engine, w->ws, c->secret, c->password, &at, c->answer.request, &c->session, c->next, &c->why);
		break;
	case SIGNIN_MAIL: /* post_letter() */
		break;
	}
	if (!loop_post(w->loop, on_loop, c))
		unref(c);
}

static bool copy_text(const json_t *root, const char *field, char *out, size_t n)
{
	const json_t *v = json_object_get(root, field);
	if (v == NULL)
		return true;
	if (!json_is_string(v) || json_string_length(v) >= n || strlen(json_string_value(v)) != json_string_length(v))
		return false;
	snprintf(out, n, "%s", json_string_value(v));
	return true;
}

static bool person_valid(const char *s)
{
	for (const char *p = s; *p != '\0'; p++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@+", *p) == NULL)
			return false;
	return s[0] != '\0';
}

static bool read_body(struct signin_call *c)
{
	json_t *root = NULL;
	bool ok = c->body.len == 0 || c->what == SIGNIN_UNSUBSCRIBE
	    ? (root = json_object()) != NULL
	    : json_parse(c->body.p, c->body.len, SIGNIN_BODY_MAX, &root, NULL) == ERR_NONE && json_is_object(root);
	if (ok && c->what == SIGNIN_PASSWORD)
		ok = copy_text(root, "name", c->address, sizeof c->address) && c->address[0] != '\0';
	if (ok && (c->what == SIGNIN_PASSWORD || c->what == SIGNIN_PASSWORD_LINK))
		ok = copy_text(root, "password", c->password, sizeof c->password) && c->password[0] != '\0';
	if (ok && (c->what == SIGNIN_LOGIN || c->what == SIGNIN_PASSWORD_LINK))
		ok = copy_text(root, "code", c->secret, SESSION_CODE) && c->secret[0] != '\0';
	if (ok && c->what == SIGNIN_MAIL)
		ok = copy_text(root, "address", c->address, sizeof c->address) && c->address[0] != '\0';
	if (ok && c->what == SIGNIN_CODE) {
		char person[WEB_PERSON_MAX - 2] = "";
		ok = copy_text(root, "person", person, sizeof person) && (person[0] == '\0' || person_valid(person));
		snprintf(c->subject, sizeof c->subject, person[0] == '\0' ? "%s" : "as:%s",
		    person[0] == '\0' ? c->web->local.id : person);
		snprintf(c->name, sizeof c->name, "%s", person[0] == '\0' ? c->web->local.name : person);
		ok = ok && copy_text(root, "name", c->name, sizeof c->name) && c->name[0] != '\0';
	}
	json_decref(root);
	return ok;
}

/* ---- a link by mail ---- */

bool signin_mails(const struct web *w)
{
	return w->mail_adapter != NULL && settings_bool(w->settings, "login.mail") &&
	    settings_str(w->settings, "web.public_url") != NULL;
}

/* In lower case, so that a name is one however it is written. */
static size_t fold(const char *name, char *out)
{
	size_t n = strlen(name);
	for (size_t i = 0; i <= n; i++)
		out[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i]);
	return n;
}

static void on_letter(void *arg)
{
	struct signin_call *c = arg;
	struct web *w = c->web;
	enum err e = engine_login_mail(w->engine, w->ws, w->mail_adapter, c->address, c->answer.request);
	log_info("web.letter", LF_ID("request", c->answer.request), LF_STR("result", err_name(e)));
	unref(c);
}

/* The answer is there before anything is looked up, so neither its words nor its time tell whether the address is known. */
static void post_letter(struct signin_call *c)
{
	struct web *w = c->web;
	char key[ADDRESS_MAX + 1];
	size_t n = fold(c->address, key);
	uint32_t wait_ms = limit_take(w->letters_from, c->from, strlen(c->from), clock_ms());
	if (wait_ms == 0)
		wait_ms = limit_take(w->letters_to, key, n, clock_ms());
	if (!signin_mails(w)) {
		fail(c, API_NOT_FOUND, "Links by mail are not set up here: see docs/login.md.");
	} else if (wait_ms > 0) {
		fail(c, API_LIMITED, "A link was asked for too often; look into the mailbox, or wait.");
		c->answer.retry_after_s = wait_ms / 1000 + 1;
	} else {
		c->answer.status = 200;
		buf_add_str(&c->answer.body, "{}\n");
		atomic_fetch_add(&c->refs, 1);
		if (engine_submit(w->engine, on_letter, c))
			return;
		unref(c);
		fail(c, API_UNAVAILABLE, "Shutting down.");
	}
}

/* ---- passwords ---- */

/*
 * One hash at a time, and a short queue for it, so that whoever floods this address neither fills the memory nor takes the workers from all others.  What a try
 * costs whoever makes it is the same whether anybody is known by that name: every limit counts the name as it was typed.
 */
#define HASHES_WAITING 24

bool signin_passwords(const struct web *w)
{
	return settings_bool(w->settings, "login.password");
}

static void drop_hash(struct web *w)
{
	struct signin_call *c = w->hashing;
	w->hashing = c->after;
	if (w->hashing == NULL)
		w->hashing_tail = &w->hashing;
	w->hashing_len--;
	unref(c);
}

static void start_hash(struct web *w)
{
	struct signin_call *c;
	while ((c = w->hashing) != NULL) {
		atomic_fetch_add(&c->refs, 1); /* the worker's */
		if (engine_submit(w->engine, on_worker, c))
			return;
		fail(c, API_UNAVAILABLE, "Shutting down.");
		finish(c);
		unref(c);
		drop_hash(w);
	}
}

/* The first one has its hash. */
static void next_hash(struct web *w)
{
	drop_hash(w);
	start_hash(w);
}

void signin_stop(struct web *w)
{
	while (w->hashing != NULL)
		drop_hash(w);
}

static void queue_hash(struct signin_call *c)
{
	struct web *w = c->web;
	bool idle = w->hashing == NULL;
	atomic_fetch_add(&c->refs, 1);
	*w->hashing_tail = c;
	w->hashing_tail = &c->after;
	w->hashing_len++;
	if (idle)
		start_hash(w);
}

/* How long this try has to wait; 0: now. */
static uint32_t password_wait(struct signin_call *c, uint64_t now)
{
	struct web *w = c->web;
	char network[64];
	visitors_address(c->from, network);
	uint32_t wait = limit_take(w->passwords_from, network, strlen(network), now);
	if (wait > 0 || c->what != SIGNIN_PASSWORD)
		return wait;
	size_t n = fold(c->address, c->key);
	c->key_len = n + 1 + strlen(network);
	snprintf(c->key + n + 1, sizeof c->key - n - 1, "%s", network);
	if ((wait = tries_wait(w->tries, c->key, c->key_len, now)) > 0)
		return wait;
	c->strained = limit_take(w->passwords_to, c->key, n, now) > 0;
	tries_count(w->tries, c->key, c->key_len, now);
	c->counted = true;
	return 0;
}

/* True: it is answered already. */
static bool run_password(struct signin_call *c)
{
	struct web *w = c->web;
	uint32_t wait;
	if (!signin_passwords(w))
		fail(c, API_NOT_FOUND, "Log-ins by password are not switched on here: see docs/login.md.");
	else if (w->hashing_len >= HASHES_WAITING) {
		fail(c, API_UNAVAILABLE, "Too many log in at this moment; try again.");
		c->answer.retry_after_s = 3;
	} else if ((wait = password_wait(c, clock_ms())) > 0)
		too_often(c, wait);
	else {
		queue_hash(c);
		return false;
	}
	return true;
}

/* ---- sessions that were ended elsewhere ---- */

#define LOOK_BACK_S 60 /* a transaction's time is that of its beginning */

struct look {
	struct web *web;
	int64_t seconds;
	uint64_t at_ms;
	enum err result;
	struct buf ended; /* struct id each */
};

static void note_gone(void *arg, struct id session)
{
	struct look *l = arg;
	buf_add(&l->ended, &session, sizeof session);
}

static void looked(void *arg)
{
	struct look *l = arg;
	struct web *w = l->web;
	struct id id;
	for (size_t at = 0; at < l->ended.len; at += sizeof id) {
		memcpy(&id, l->ended.p + at, sizeof id);
		end_session(w, id);
	}
	if (l->result == ERR_NONE)
		w->sessions_looked_ms = l->at_ms;
	bool again = w->sessions_again; /* one that failed: the listener is told when the database is back */
	w->sessions_asked = w->sessions_again = false;
	buf_done(&l->ended);
	free(l);
	if (again)
		signin_sessions_changed(w);
}

static void look_worker(void *arg)
{
	struct look *l = arg;
	struct web *w = l->web;
	l->result = engine_sessions_ended(w->engine, w->ws, l->seconds, note_gone, l);
	if (!loop_post(w->loop, looked, l)) {
		buf_done(&l->ended);
		free(l);
	}
}

void signin_sessions_changed(void *web)
{
	struct web *w = web;
	atomic_store(&w->sessions_posted, 0);
	if (w->sessions_asked) {
		w->sessions_again = true;
		return;
	}
	struct look *l = xcalloc(1, sizeof *l);
	*l = (struct look){ .web = w, .at_ms = clock_ms(), .ended = BUF_INIT };
	l->seconds = (int64_t)((l->at_ms - w->sessions_looked_ms) / 1000) + LOOK_BACK_S;
	w->sessions_asked = true;
	if (!engine_submit(w->engine, look_worker, l)) {
		w->sessions_asked = false;
		free(l);
	}
}

void signin_run(struct signin_call *c, void (*done)(void *arg), void *arg)
{
	c->done = done;
	c->arg = arg;
	bool none = (c->what == SIGNIN_REFRESH || c->what == SIGNIN_LOGOUT || c->what == SIGNIN_LOGOUT_ALL) && c->secret[0] == '\0';
	if (!read_body(c)) {
		fail(c, API_INVALID, "The body is not what this address takes.");
	} else if (c->what == SIGNIN_PASSWORD || c->what == SIGNIN_PASSWORD_LINK) {
		if (!run_password(c))
			return;
	} else if (c->what == SIGNIN_MAIL) {
		post_letter(c);
	} else if (none && c->what == SIGNIN_REFRESH) {
		fail(c, API_UNAUTHENTICATED, "Nobody is logged in here.");
	} else if (none) {
		c->answer.status = 200;
		buf_add_str(&c->answer.body, "{}\n");
	} else {
		atomic_fetch_add(&c->refs, 1);
		if (engine_submit(c->web->engine, on_worker, c))
			return;
		unref(c);
		fail(c, API_UNAVAILABLE, "Shutting down.");
	}
	finish(c);
}

const struct signin_answer *signin_answer(const struct signin_call *c)
{
	return c->answered ? &c->answer : NULL;
}
