/*
 * A call goes from step to step on the loop thread: what it needs next it asks the service for, and comes back with the answer.  What the service says of
 * itself and its keys are kept for an hour.
 *
 * Nothing about a log-in that was begun is kept here: state, nonce and PKCE verifier travel in a cookie, sealed with a secret of the workspace, so that only the
 * browser that began it can end it, on any process.  The cookie is SameSite=Lax, since the browser comes back from elsewhere.  What comes out is a code as the terminal
 * makes them, in the fragment of the page's address; the page does the rest.
 */
#include "oidc.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../core/base/clock.h"
#include "../../core/base/encode.h"
#include "../../core/base/html.h"
#include "../../core/base/json.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/engine/engine.h"
#include "../../core/people/idtoken.h"
#include "../../core/people/links.h"
#include "../../core/people/login.h"
#include "../../core/people/session.h"
#include "../net/http.h"
#include "../net/loop.h"
#include "guard.h"
#include "limit.h"
#include "oidc_wire.h"
#include "signin.h"
#include "state.h"

#define BASE "/api/login/"
#define KEPT_MS 3600000u /* what the service says of itself, and its keys */
#define AGAIN_MS 1000u   /* for a key that is not known the set is fetched no more often */
#define BEGUN_S 600      /* to come back from there */
#define PENDING_S 900    /* to bring a code of `link` */
#define TRIES_PER_S (1.0 / 120)
#define TRIES_BURST 5
#define PARAM_MAX 2048
#define SEALED_MAX 512

struct provider {
	const char *name, *issuer, *client_id, *client_secret, *label;
	const char *const *teams; /* of Slack that may log in */
	size_t teams_len;
	enum role newcomers;
	bool slack, by_post;
	char *authorize, *token, *jwks;
	uint64_t told_ms, keys_ms; /* 0: never */
	struct idtoken_keys *keys;
};
struct oidc {
	struct web *web;
	struct http *http;
	struct provider providers[2];
	size_t len;
	unsigned char key[32];
	struct limit *tries; /* codes of `link`, by who tries */
};

/* What the browser keeps while somebody is away at the service. */
struct begun {
	int64_t until_s;
	unsigned char state[16], nonce[16], verifier[32];
};
/* And whom the service has named, while they look for a code. */
struct pending {
	int64_t until_s;
	char subject[LOGIN_SUBJECT], name[LOGIN_NAME];
};

enum oidc_what { OIDC_START, OIDC_CALLBACK, OIDC_LINK };
enum oidc_step { STEP_DISCOVERY = 1, STEP_TOKEN, STEP_KEYS };
struct oidc_call {
	_Atomic int refs;
	struct oidc *oidc;
	struct provider *p;
	enum oidc_what what;
	struct id request;
	bool ours; /* a form of our own page */
	size_t expected;
	struct buf posted;
	char code[PARAM_MAX], state[128], error[128], iss[300], address[64];
	char begun[SEALED_MAX], pending[SEALED_MAX];
	struct begun b;
	/* what the service answered, from the http thread */
	enum oidc_step step;
	struct buf text;
	long status;
	/* from here on the loop thread, or the worker while it is at work */
	char *id_token;
	bool again; /* the keys were fetched for this very token */
	struct idtoken who;
	struct pending found;
	char link[40];
	bool confirmed;
	const char *why; /* of a refusal, for the audit log */
	enum err result;
	int linked; /* enum link_answer */
	struct link_person other;
	char login[SESSION_CODE];
	void (*done)(void *arg);
	void *arg;
	bool answered;
	struct oidc_answer answer;
};

/* ---- settings ---- */

static bool set(const struct settings *s, const char *name)
{
	return settings_str(s, name) != NULL;
}

enum err oidc_check(const struct settings *s, char *why, size_t why_n)
{
	const char *const *teams;
	const char *missing = NULL;
	bool oidc = set(s, "login.oidc.issuer") || set(s, "login.oidc.client_id"), slack = set(s, "login.slack.client_id");
	if (oidc && !set(s, "login.oidc.issuer"))
		missing = "login.oidc.issuer";
	else if (oidc && !set(s, "login.oidc.client_id"))
		missing = "login.oidc.client_id";
	else if (slack && !set(s, "login.slack.client_secret"))
		missing = "login.slack.client_secret";
	else if (slack && settings_list(s, "login.slack.teams", &teams) == 0)
		missing = "login.slack.teams (the ids of your Slack workspaces, such as T012AB3CD)";
	else if ((oidc || slack) && !set(s, "web.public_url"))
		missing = "web.public_url, where people come back to,";
	if (missing == NULL)
		return ERR_NONE;
	snprintf(why, why_n, "login: %s is missing (docs/login.md)", missing);
	return ERR_INPUT;
}

static enum role role_of(const char *name)
{
	enum role r = ROLE_NONE;
	return name != NULL && role_from_name(name, &r) ? r : ROLE_NONE;
}

enum err oidc_new(struct oidc **out, struct web *w, struct http *http, char *why, size_t why_n)
{
	const struct settings *s = w->settings;
	*out = NULL;
	if (http == NULL || (!set(s, "login.oidc.issuer") && !set(s, "login.slack.client_id")))
		return ERR_NONE;
	struct oidc *o = xcalloc(1, sizeof *o);
	o->web = w;
	o->http = http;
	if (set(s, "login.oidc.issuer"))
		o->providers[o->len++] = (struct provider){ .name = "oidc",
			.issuer = settings_str(s, "login.oidc.issuer"),
			.client_id = settings_str(s, "login.oidc.client_id"),
			.client_secret = settings_str(s, "login.oidc.client_secret"),
			.label = settings_str(s, "login.oidc.label"),
			.newcomers = role_of(settings_str(s, "login.oidc.newcomers")) };
	if (set(s, "login.slack.client_id")) {
		struct provider *p = &o->providers[o->len++];
		*p = (struct provider){ .name = "slack",
			.issuer = settings_str(s, "login.slack.issuer"),
			.client_id = settings_str(s, "login.slack.client_id"),
			.client_secret = settings_str(s, "login.slack.client_secret"),
			.label = "Slack",
			.slack = true };
		p->teams_len = settings_list(s, "login.slack.teams", &p->teams);
	}
	if (sodium_init() < 0 || engine_secret(w->engine, w->ws, "engine", "login-service", o->key) != ERR_NONE) {
		snprintf(why, why_n, "login: the workspace's secret for log-ins can't be had (eddy doctor tells more)");
		oidc_free(o);
		return ERR_BROKEN;
	}
	o->tries = limit_new(TRIES_PER_S, TRIES_BURST, 10000);
	*out = o;
	return ERR_NONE;
}

static void forget(struct provider *p)
{
	free(p->authorize);
	free(p->token);
	free(p->jwks);
	p->authorize = p->token = p->jwks = NULL;
	p->told_ms = 0;
}

void oidc_free(struct oidc *o)
{
	if (o == NULL)
		return;
	for (size_t i = 0; i < o->len; i++) {
		forget(&o->providers[i]);
		idtoken_keys_free(o->providers[i].keys);
	}
	limit_free(o->tries);
	explicit_bzero(o->key, sizeof o->key);
	free(o);
}

void oidc_sweep(struct oidc *o, uint64_t now_ms)
{
	if (o != NULL)
		limit_sweep(o->tries, now_ms);
}

void oidc_describe(const struct oidc *o, struct buf *out)
{
	buf_add_str(out, "[");
	for (size_t i = 0; o != NULL && i < o->len; i++) {
		buf_addf(out, "%s{\"name\":\"%s\",\"label\":", i > 0 ? "," : "", o->providers[i].name);
		buf_add_json_str(out, o->providers[i].label);
		buf_add_str(out, "}");
	}
	buf_add_str(out, "]");
}

/* ---- paths ---- */

static struct provider *provider_of(struct oidc *o, const char *path, enum oidc_what *what)
{
	static const char *const ends[] = { [OIDC_START] = "", [OIDC_CALLBACK] = "/callback", [OIDC_LINK] = "/link" };
	if (o == NULL || strncmp(path, BASE, strlen(BASE)) != 0)
		return NULL;
	for (size_t i = 0; i < o->len; i++) {
		size_t n = strlen(o->providers[i].name);
		if (strncmp(path + strlen(BASE), o->providers[i].name, n) != 0)
			continue;
		for (int k = OIDC_START; k <= OIDC_LINK; k++)
			if (strcmp(path + strlen(BASE) + n, ends[k]) == 0) {
				*what = (enum oidc_what)k;
				return &o->providers[i];
			}
	}
	return NULL;
}

bool oidc_has(const struct oidc *o, const char *path)
{
	enum oidc_what what;
	return provider_of((struct oidc *)(uintptr_t)o, path, &what) != NULL;
}

/* ---- what the browser keeps ---- */

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES

static void put_cookie(const struct oidc_call *c, const char *name, const char *value, int age_s, struct buf *out)
{
	const char *url = settings_str(c->oidc->web->settings, "web.public_url");
	buf_addf(out, "%s_%s=%s; Path=/api/login; Max-Age=%d; HttpOnly; SameSite=Lax%s", name, c->p->name, value, age_s,
	    url != NULL && strncasecmp(url, "https:", 6) == 0 ? "; Secure" : "");
}

/* For this provider and this purpose alone. */
static size_t label(const struct oidc_call *c, const char *name, unsigned char *out, size_t n)
{
	return (size_t)snprintf((char *)out, n, "%s %s %s", name, c->p->name, c->p->client_id);
}

static void seal_cookie(const struct oidc_call *c, const char *name, const void *value, size_t n, int age_s, struct buf *out)
{
	unsigned char sealed[NONCE + 256 + TAG], with[512];
	char text[BASE64URL_ROOM(sizeof sealed)];
	unsigned long long len = 0;
	size_t with_n = label(c, name, with, sizeof with);
	random_bytes(sealed, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(
	    sealed + NONCE, &len, value, n, with, with_n < sizeof with ? with_n : sizeof with - 1, NULL, sealed, c->oidc->key);
	base64url_encode(text, sealed, NONCE + (size_t)len);
	put_cookie(c, name, text, age_s, out);
}
_Static_assert(sizeof(struct begun) <= 256 && sizeof(struct pending) <= 256, "room in a cookie");
_Static_assert(BASE64URL_ROOM(NONCE + 256 + TAG) <= SEALED_MAX, "and to read it back");

static bool open_cookie(const struct oidc_call *c, const char *name, const char *text, void *value, size_t n)
{
	unsigned char sealed[SEALED_MAX], with[512];
	size_t len = 0, with_n = label(c, name, with, sizeof with);
	unsigned long long got = 0;
	return strlen(text) < SEALED_MAX && base64url_decode(text, strlen(text), sealed, &len) && len == NONCE + n + TAG &&
	    crypto_aead_xchacha20poly1305_ietf_decrypt(value, &got, NULL, sealed + NONCE, len - NONCE, with,
	        with_n < sizeof with ? with_n : sizeof with - 1, sealed, c->oidc->key) == 0 &&
	    got == n;
}

static int64_t now_s(void)
{
	return (int64_t)(clock_wall_ms() / 1000);
}

/* ---- calls ---- */

static void unref(struct oidc_call *c)
{
	if (atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	buf_done(&c->posted);
	buf_done(&c->text);
	buf_done(&c->answer.location);
	for (size_t i = 0; i < 2; i++)
		buf_done(&c->answer.cookies[i]);
	buf_done(&c->answer.body);
	free(c->id_token);
	explicit_bzero(c, sizeof *c);
	free(c);
}

void oidc_drop(struct oidc_call *c)
{
	if (c == NULL)
		return;
	c->done = NULL;
	unref(c);
}

static void copy_arg(char *out, size_t n, const char *from)
{
	/* One that is too long is wrong, not absent. */
	if (from != NULL)
		snprintf(out, n, "%s", strlen(from) < n ? from : "?");
}

struct oidc_call *oidc_begin(struct oidc *o, const struct oidc_head *h)
{
	struct oidc_call *c = xcalloc(1, sizeof *c);
	char name[40];
	c->refs = 1;
	c->oidc = o;
	c->p = provider_of(o, h->path, &c->what);
	c->request = id_new();
	c->expected = (size_t)h->body_bytes;
	copy_arg(c->code, sizeof c->code, h->code);
	copy_arg(c->state, sizeof c->state, h->state);
	copy_arg(c->error, sizeof c->error, h->error);
	copy_arg(c->iss, sizeof c->iss, h->iss);
	snprintf(c->address, sizeof c->address, "%s", h->address);
	snprintf(name, sizeof name, "eddy_login_%s", c->p->name);
	web_cookie(h->cookie, name, c->begun, sizeof c->begun);
	snprintf(name, sizeof name, "eddy_link_%s", c->p->name);
	web_cookie(h->cookie, name, c->pending, sizeof c->pending);
	const struct web *w = o->web;
	c->ours = h->post && h->origin != NULL &&
	    web_origin_allowed(h->origin, h->host, w->own_origin == NULL ? NULL : &w->own_origin, w->own_origin != NULL);
	if (h->post != (c->what == OIDC_LINK))
		c->why = "method";
	else if (limit_take(w->signin_calls, c->address, strlen(c->address), clock_ms()) > 0)
		c->why = "often";
	return c;
}

bool oidc_body(struct oidc_call *c, const void *p, size_t n)
{
	if (c->posted.len + n > c->expected || c->posted.len + n > OIDC_BODY_MAX)
		return false;
	buf_add(&c->posted, p, n);
	return true;
}

const struct oidc_answer *oidc_answer(const struct oidc_call *c)
{
	return c->answered ? &c->answer : NULL;
}

static void finish(struct oidc_call *c)
{
	log_info("web.service", LF_STR("service", c->p->name), LF_ID("request", c->request), LF_INT("status", c->answer.status),
	    LF_STR("why", c->why), LF_STR("result", c->answer.status < 400 ? "ok" : "refused"));
	c->answered = true;
	if (c->done != NULL)
		c->done(c->arg);
}

/* ---- pages ---- */

static void put_head(struct oidc_call *c, unsigned status, const char *title)
{
	struct buf *b = &c->answer.body;
	c->answer.status = status;
	buf_addf(b,
	    "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><meta name=color-scheme content='light dark'>"
	    "<title>%s</title><main><h1>%s</h1>\n",
	    title, title);
}

static void put_foot(struct oidc_call *c, const char *code)
{
	char id[ID_TEXT];
	buf_addf(&c->answer.body, "<p><a href='/'>Back</a></p>\n<p><small>%s, request %s</small></p></main></html>\n", code,
	    id_format(c->request, id));
}

static const struct refusal {
	const char *why;
	unsigned status;
	const char *code, *words;
} refusals[] = {
	{ "method", 405, "method_not_allowed", "This address is not used like that." },
	{ "often", 429, "slow_down", "Too many attempts. Wait a minute, then try again." },
	{ "state", 400, "not_begun", "This log-in was not begun in this browser, or more than ten minutes ago. Begin again." },
	{ "declined", 403, "declined", "You were not let in there, or have said no." },
	{ "service", 502, "service_away",
	    "The log-in service does not answer as it should. Try again in a moment; if it stays so, tell whoever runs Eddy." },
	{ "code", 403, "bad_code", "The log-in service does not know this log-in (any more). Begin again." },
	{ "team", 403, "wrong_workspace", "That Slack workspace may not log in here." },
	{ "account", 403, "denied", "This account may not log in here. Whoever runs Eddy can give it a role." },
	{ "away", 503, "unavailable", "The database is away. Try again in a moment." },
	{ "form", 403, "origin", "This form is not one of ours. Begin again." },
	{ "tries", 429, "slow_down", "Too many codes were tried. Wait ten minutes." },
	{ NULL, 403, "bad_token",
	    "What the log-in service says about you cannot be trusted. Tell whoever runs Eddy." }, /* a word of idtoken.h */
};

static void say_refusal(struct oidc_call *c)
{
	const struct refusal *r = refusals;
	while (r->why != NULL && strcmp(r->why, c->why) != 0)
		r++;
	put_head(c, r->status, "Not logged in");
	buf_add_str(&c->answer.body, "<p>");
	buf_add_str(&c->answer.body, r->words);
	buf_add_str(&c->answer.body, "</p>\n");
	put_foot(c, r->code);
	if (c->what == OIDC_CALLBACK)
		put_cookie(c, "eddy_login", "", 0, &c->answer.cookies[0]);
}

static void after_audit(void *arg)
{
	struct oidc_call *c = arg;
	say_refusal(c);
	finish(c);
	unref(c);
}

static void on_audit(void *arg)
{
	struct oidc_call *c = arg;
	struct web *w = c->oidc->web;
	(void)engine_login_refused(w->engine, w->ws, c->p->name, c->why, c->request);
	if (!loop_post(w->loop, after_audit, c))
		unref(c);
}

/* ${why}: a word of the table above, or of idtoken.h. */
static void refuse(struct oidc_call *c, const char *why)
{
	c->why = why;
	atomic_fetch_add(&c->refs, 1);
	if (engine_submit(c->oidc->web->engine, on_audit, c))
		return;
	atomic_fetch_sub(&c->refs, 1); /* not the last: the caller's is left */
	say_refusal(c);
	finish(c);
}

static void go(struct oidc_call *c, const char *code)
{
	web_address(c->oidc->web, &c->answer.location);
	buf_addf(&c->answer.location, "/#login=%s", code);
	c->answer.status = 303;
	put_cookie(c, "eddy_login", "", 0, &c->answer.cookies[0]);
	put_cookie(c, "eddy_link", "", 0, &c->answer.cookies[1]);
	finish(c);
}

static void put_link_form(struct oidc_call *c, const char *said)
{
	struct buf *b = &c->answer.body;
	put_head(c, 200, "One more step");
	buf_addf(b, "<p>%s</p><p>You are logged in there as <b>", said);
	html_add_text(b, c->found.name);
	buf_addf(b,
	    "</b>, and Eddy does not know yet who that is. Write <b>link</b> to Eddy where it knows you, in Slack or by mail, alone with it. You get a code: bring it here within ten "
	    "minutes.</p>\n<form method=post action='" BASE
	    "%s/link'><p><label>Code <input name=code autocomplete=off autofocus required maxlength=20></label> <button>Go on</button></p></form>\n",
	    c->p->name);
	put_foot(c, "not_linked");
}

/* ---- talking to the service ---- */

static void step(struct oidc_call *c);
static void on_step(void *arg)
{
	struct oidc_call *c = arg;
	step(c);
	unref(c);
}

static void on_done(void *arg, const struct http_result *r)
{
	struct oidc_call *c = arg;
	c->status = r->fail == HTTP_OK ? r->status : 0;
	buf_reset(&c->text);
	if (r->fail == HTTP_OK)
		buf_add(&c->text, r->body, r->body_len);
	else
		log_warn("login.service", LF_STR("service", c->p->name), LF_STR("why", r->why), LF_STR("result", "retry"));
	if (!loop_post(c->oidc->web->loop, on_step, c))
		unref(c);
}

static void fetch(struct oidc_call *c, enum oidc_step what, const char *url, struct buf *body, const char *header)
{
	const char *headers[] = { "Accept: application/json",
		body != NULL ? "Content-Type: application/x-www-form-urlencoded" : header, header, NULL };
	struct http_request r = { .method = body != NULL ? "POST" : "GET",
		.url = url,
		.headers = headers,
		.connect_ms = 5000,
		.total_ms = 15000,
		.max_body = IDTOKEN_KEYS_MAX,
		.fresh = body != NULL, /* the code is good once */
		.on_done = on_done,
		.arg = c };
	if (body != NULL)
		r.body = buf_detach(body, &r.body_len);
	c->step = what;
	atomic_fetch_add(&c->refs, 1);
	if (http_start(c->oidc->http, &r) == ERR_NONE)
		return;
	atomic_fetch_sub(&c->refs, 1); /* as in refuse() */
	refuse(c, "service");
}

static bool take_discovery(struct oidc_call *c)
{
	struct oidc_told t;
	if (c->status != 200 || !oidc_read_discovery(c->text.p, c->text.len, c->p->issuer, &t))
		return false;
	forget(c->p);
	c->p->authorize = t.authorize;
	c->p->token = t.token;
	c->p->jwks = t.jwks;
	c->p->by_post = t.by_post;
	c->p->told_ms = clock_ms();
	return true;
}

static bool take_token(struct oidc_call *c)
{
	json_t *o = NULL;
	if (c->status != 200 || json_parse(c->text.p, c->text.len, IDTOKEN_KEYS_MAX, &o, NULL) != ERR_NONE)
		return false;
	const char *token = json_str(o, "id_token", "");
	if (token[0] != '\0')
		c->id_token = xstrdup(token);
	json_decref(o);
	explicit_bzero(c->text.p, c->text.len);
	return c->id_token != NULL;
}

static bool take_keys(struct oidc_call *c)
{
	struct idtoken_keys *k = c->status == 200 ? idtoken_keys_parse(c->text.p, c->text.len) : NULL;
	if (k == NULL)
		return false;
	idtoken_keys_free(c->p->keys);
	c->p->keys = k;
	c->p->keys_ms = clock_ms();
	return true;
}

static void put_redirect_uri(struct oidc_call *c, struct buf *b)
{
	struct buf uri = BUF_INIT;
	web_address(c->oidc->web, &uri);
	buf_addf(&uri, BASE "%s/callback", c->p->name);
	oidc_put_form(b, "redirect_uri", uri.p);
	buf_done(&uri);
}

/* RFC 6749, section 2.3.1: both are encoded as in a form before they are joined. */
static void basic(const struct provider *p, struct buf *out)
{
	struct buf both = BUF_INIT;
	buf_add_form(&both, p->client_id, strlen(p->client_id));
	buf_add_char(&both, ':');
	buf_add_form(&both, p->client_secret, strlen(p->client_secret));
	buf_reserve(out, 4 * both.len / 3 + 40);
	buf_add_str(out, "Authorization: Basic ");
	unsigned char *text = xcalloc(1, 4 * (both.len / 3 + 1) + 1);
	EVP_EncodeBlock(text, (const unsigned char *)both.p, (int)both.len);
	buf_add_str(out, (const char *)text);
	explicit_bzero(both.p, both.len);
	free(text);
	buf_done(&both);
}

static void exchange(struct oidc_call *c)
{
	struct buf body = BUF_INIT, header = BUF_INIT;
	char verifier[BASE64URL_ROOM(32)];
	const struct provider *p = c->p;
	base64url_encode(verifier, c->b.verifier, sizeof c->b.verifier);
	oidc_put_form(&body, "grant_type", "authorization_code");
	oidc_put_form(&body, "code", c->code);
	oidc_put_form(&body, "code_verifier", verifier);
	put_redirect_uri(c, &body);
	if (p->client_secret == NULL || p->by_post)
		oidc_put_form(&body, "client_id", p->client_id);
	if (p->client_secret != NULL && p->by_post)
		oidc_put_form(&body, "client_secret", p->client_secret);
	else if (p->client_secret != NULL)
		basic(p, &header);
	fetch(c, STEP_TOKEN, p->token, &body, header.len > 0 ? header.p : NULL);
	if (header.len > 0)
		explicit_bzero(header.p, header.len);
	buf_done(&header);
	explicit_bzero(verifier, sizeof verifier);
}

/* ---- the steps ---- */

static void redirect(struct oidc_call *c)
{
	struct begun b = { .until_s = now_s() + BEGUN_S };
	struct buf q = BUF_INIT;
	char state[BASE64URL_ROOM(16)], nonce[BASE64URL_ROOM(16)], verifier[BASE64URL_ROOM(32)], challenge[BASE64URL_ROOM(32)];
	unsigned char hash[SHA256_DIGEST_LENGTH];
	random_bytes(b.state, sizeof b.state);
	random_bytes(b.nonce, sizeof b.nonce);
	random_bytes(b.verifier, sizeof b.verifier);
	base64url_encode(state, b.state, sizeof b.state);
	base64url_encode(nonce, b.nonce, sizeof b.nonce);
	base64url_encode(verifier, b.verifier, sizeof b.verifier);
	SHA256((const unsigned char *)verifier, strlen(verifier), hash);
	base64url_encode(challenge, hash, sizeof hash);
	oidc_put_form(&q, "response_type", "code");
	oidc_put_form(&q, "scope", "openid profile");
	oidc_put_form(&q, "client_id", c->p->client_id);
	put_redirect_uri(c, &q);
	oidc_put_form(&q, "state", state);
	oidc_put_form(&q, "nonce", nonce);
	oidc_put_form(&q, "code_challenge", challenge);
	oidc_put_form(&q, "code_challenge_method", "S256");
	if (c->p->slack && c->p->teams_len == 1)
		oidc_put_form(&q, "team", c->p->teams[0]);
	buf_addf(&c->answer.location, "%s%c%s", c->p->authorize, strchr(c->p->authorize, '?') != NULL ? '&' : '?', q.p);
	seal_cookie(c, "eddy_login", &b, sizeof b, BEGUN_S, &c->answer.cookies[0]);
	explicit_bzero(&b, sizeof b);
	explicit_bzero(verifier, sizeof verifier);
	buf_done(&q);
	c->answer.status = 303;
	finish(c);
}

/* The identity is the issuer and the name that it gives, never an address. */
static void name_subject(const struct provider *p, const char *sub, char out[LOGIN_SUBJECT])
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	char text[BASE64URL_ROOM(sizeof hash)];
	struct buf b = BUF_INIT;
	buf_add(&b, p->issuer, strlen(p->issuer) + 1);
	buf_add_str(&b, sub);
	SHA256((const unsigned char *)b.p, b.len, hash);
	base64url_encode(text, hash, sizeof hash);
	snprintf(out, LOGIN_SUBJECT, "oidc:%s", text);
	buf_done(&b);
}

static struct login_claim claim_of(const struct oidc_call *c)
{
	return (struct login_claim){ .via = c->p->name,
		.adapter = c->p->slack ? "slack" : NULL,
		.tenant = c->who.slack_team,
		.external_id = c->who.slack_user,
		.subject = c->found.subject,
		.name = c->found.name,
		.newcomers = c->p->newcomers };
}

static void after_service(void *arg)
{
	struct oidc_call *c = arg;
	if (c->result == ERR_NONE) {
		go(c, c->login);
	} else if (c->result == ERR_INPUT) {
		put_link_form(c, "");
		put_cookie(c, "eddy_login", "", 0, &c->answer.cookies[0]);
		seal_cookie(c, "eddy_link", &c->found, sizeof c->found, PENDING_S, &c->answer.cookies[1]);
		finish(c);
	} else { /* it has its entry in the audit log already */
		c->why = c->result == ERR_DENIED ? "account" : "away";
		say_refusal(c);
		finish(c);
	}
	unref(c);
}

static void on_service(void *arg)
{
	struct oidc_call *c = arg;
	struct web *w = c->oidc->web;
	const struct login_claim claim = claim_of(c);
	c->result = engine_login_service(w->engine, w->ws, &claim, c->request, c->login);
	if (!loop_post(w->loop, after_service, c))
		unref(c);
}

static void work(struct oidc_call *c, void (*fn)(void *arg))
{
	atomic_fetch_add(&c->refs, 1);
	if (engine_submit(c->oidc->web->engine, fn, c))
		return;
	atomic_fetch_sub(&c->refs, 1); /* as in refuse() */
	c->why = "away";
	say_refusal(c);
	finish(c);
}

static void check_token(struct oidc_call *c)
{
	char nonce[BASE64URL_ROOM(16)];
	struct provider *p = c->p;
	base64url_encode(nonce, c->b.nonce, sizeof c->b.nonce);
	const struct idtoken_rules r = { .issuer = p->issuer, .client_id = p->client_id, .nonce = nonce, .now_s = now_s() };
	enum idtoken_fault f = idtoken_check(p->keys, c->id_token, strlen(c->id_token), &r, &c->who);
	if (f == IDTOKEN_KEY && !c->again && clock_ms() - p->keys_ms > AGAIN_MS) {
		c->again = true;
		fetch(c, STEP_KEYS, p->jwks, NULL, NULL);
		return;
	}
	if (f != IDTOKEN_OK) {
		refuse(c, idtoken_fault_name(f));
		return;
	}
	bool team = !p->slack;
	for (size_t i = 0; i < p->teams_len; i++)
		team = team || strcmp(p->teams[i], c->who.slack_team) == 0;
	if (!team || (p->slack && c->who.slack_user[0] == '\0')) {
		refuse(c, "team");
		return;
	}
	c->found.until_s = now_s() + PENDING_S;
	name_subject(p, c->who.sub, c->found.subject);
	snprintf(c->found.name, sizeof c->found.name, "%s", c->who.name[0] != '\0' ? c->who.name : "you");
	work(c, on_service);
}

static void step(struct oidc_call *c)
{
	struct provider *p = c->p;
	enum oidc_step came = c->step;
	c->step = 0;
	if ((came == STEP_DISCOVERY && !take_discovery(c)) || (came == STEP_KEYS && !take_keys(c))) {
		refuse(c, "service");
		return;
	}
	if (came == STEP_TOKEN && !take_token(c)) {
		refuse(c, c->status >= 400 && c->status < 500 ? "code" : "service");
		return;
	}
	if (p->told_ms == 0 || clock_ms() - p->told_ms > KEPT_MS) {
		struct buf url = BUF_INIT;
		size_t n = strlen(p->issuer);
		buf_addf(&url, "%.*s/.well-known/openid-configuration", (int)(p->issuer[n - 1] == '/' ? n - 1 : n), p->issuer);
		fetch(c, STEP_DISCOVERY, url.p, NULL, NULL);
		buf_done(&url);
	} else if (c->what == OIDC_START) {
		redirect(c);
	} else if (c->id_token == NULL) {
		exchange(c);
	} else if (p->keys == NULL || clock_ms() - p->keys_ms > KEPT_MS) {
		c->again = true;
		fetch(c, STEP_KEYS, p->jwks, NULL, NULL);
	} else {
		check_token(c);
	}
}

/* ---- a code of `link` ---- */

static void after_take(void *arg)
{
	static const char *const words[] = {
		[LINK_STRANGER] = "That cannot be linked.",
		[LINK_WRONG] = "That code is wrong, used, or older than ten minutes.",
		[LINK_TOO_OFTEN] = "Too many wrong codes. Wait ten minutes.",
		[LINK_SAME_WAY] = "That code was made on a page. It has to come from Slack or a mail.",
		[LINK_FULL] = "That would be more accounts than are linked to one user.",
	};
	struct oidc_call *c = arg;
	struct buf *b = &c->answer.body;
	if (c->result != ERR_NONE) {
		c->why = "away";
		say_refusal(c);
	} else if (c->linked != LINK_DONE) {
		c->why = "link";
		put_link_form(c, words[c->linked]);
		c->answer.status = 403;
	} else if (c->confirmed) {
		go(c, c->login);
		unref(c);
		return;
	} else {
		put_head(c, 200, "Is that you?");
		buf_add_str(b, "<p>That code was made by <b>");
		html_add_text(b, c->other.name[0] != '\0' ? c->other.name : c->other.external_id);
		buf_add_str(b, "</b> through ");
		html_add_text(b, c->other.adapter);
		buf_add_str(b,
		    ". Is that <b>you</b>? Then what is said to Eddy from either account can be found from the other. If somebody sent you this code, it is theirs, and they want to read "
		    "yours.</p>\n<form method=post action='" BASE);
		buf_addf(b, "%s/link'><input type=hidden name=code value='", c->p->name);
		html_add_text(b, c->link);
		buf_add_str(b, "'><button name=confirm value=yes>Yes, that is me</button></form>\n");
		put_foot(c, "confirm");
	}
	finish(c);
	unref(c);
}

static void on_take(void *arg)
{
	struct oidc_call *c = arg;
	struct web *w = c->oidc->web;
	const struct login_claim claim = { .via = c->p->name, .subject = c->found.subject, .name = c->found.name };
	c->result = engine_login_take(w->engine, w->ws, &claim, c->link, c->confirmed, c->request, &c->other, &c->linked, c->login);
	if (!loop_post(w->loop, after_take, c))
		unref(c);
}

static void take_link(struct oidc_call *c)
{
	char yes[8] = "";
	if (!c->ours) {
		refuse(c, "form");
	} else if (!open_cookie(c, "eddy_link", c->pending, &c->found, sizeof c->found) || c->found.until_s < now_s()) {
		refuse(c, "state");
	} else if (limit_take(c->oidc->tries, c->found.subject, strlen(c->found.subject), clock_ms()) > 0) {
		refuse(c, "tries");
	} else if (!oidc_form_field(&c->posted, "code", c->link, sizeof c->link)) {
		c->why = "link";
		put_link_form(c, "Type the code that Eddy gave you.");
		c->answer.status = 400;
		finish(c);
	} else {
		c->confirmed = oidc_form_field(&c->posted, "confirm", yes, sizeof yes) && strcmp(yes, "yes") == 0;
		work(c, on_take);
	}
}

void oidc_run(struct oidc_call *c, void (*done)(void *arg), void *arg)
{
	char state[BASE64URL_ROOM(16)];
	c->done = done;
	c->arg = arg;
	if (c->why != NULL) { /* refused by its head: nothing is written for that */
		say_refusal(c);
		finish(c);
		return;
	}
	if (c->what == OIDC_LINK) {
		take_link(c);
		return;
	}
	if (c->what == OIDC_START) {
		step(c);
		return;
	}
	bool begun = open_cookie(c, "eddy_login", c->begun, &c->b, sizeof c->b) && c->b.until_s >= now_s();
	base64url_encode(state, c->b.state, sizeof c->b.state);
	if (!begun || strlen(c->state) != strlen(state) || CRYPTO_memcmp(c->state, state, strlen(state)) != 0)
		refuse(c, "state");
	else if (c->iss[0] != '\0' && strcmp(c->iss, c->p->issuer) != 0) /* RFC 9207: mixed up with another service */
		refuse(c, "issuer");
	else if (c->error[0] != '\0')
		refuse(c, "declined");
	else if (c->code[0] == '\0' || strcmp(c->code, "?") == 0)
		refuse(c, "code");
	else
		step(c);
}
