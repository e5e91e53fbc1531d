/*
 * The way of a grant: page → Slack → back here with a code → oauth.v2.access → the database → a page that says what to do next.  Beginning one stores nothing: the
 * state is signed together with a random value in a cookie of the browser, so that whoever comes back is who went.  Only a state that
 * came back is written down, which is what makes it count once.  A browser keeps its cookie for all that it begins, so that two tabs do not disturb each other.
 */
#include "pages.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/encode.h"
#include "../../core/base/html.h"
#include "../../core/base/json.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/engine/installs.h"
#include "../net/guest.h"
#include "api.h"
#include "grants.h"
#include "manifest.h"
#include "slack_internal.h"

#define NONCE 32
#define NONCE_TEXT BASE64URL_ROOM(NONCE)
#define MAC 32
#define STATE (16 + 8 + MAC)
#define EARLY_MS 60000u /* another process's clock */
#define OPEN_MAX 64     /* grants that are on their way at once */
enum { PARAM_CODE, PARAM_STATE, PARAM_ERROR };

struct slack_pages {
	struct slack_app *app;
	struct slack_api *api; /* without a token */
	char *base;            /* web.public_url without a slash at its end */
	unsigned char key[32];
	bool keyed, secure;
	atomic_int open;
};

/* ---- what people see ---- */

static const char page_head[] =
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width,initial-scale=1'>"
    "<meta name=robots content=noindex><style>"
    ":root{color-scheme:light dark;--bg:#f6f6f4;--card:#fff;--ink:#1d1c1d;--soft:#5f5e61;--line:#e3e2df;--go:#0b6b4f;--bad:#a3341f}"
    "@media(prefers-color-scheme:dark){:root{--bg:#17181a;--card:#212327;--ink:#ececec;--soft:#a9a9ad;--line:#34363b;--go:#4cc49b;--bad:#f0907a}}"
    "*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--bg);color:var(--ink);"
    "font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;padding:24px}"
    "main{background:var(--card);border:1px solid var(--line);border-radius:14px;max-width:520px;width:100%;padding:36px 36px 32px}"
    "h1{font-size:24px;line-height:1.25;margin:0 0 12px;text-wrap:balance}p{margin:0 0 14px;color:var(--soft)}ol{margin:0 0 20px;padding-left:22px}li{margin:6px 0}"
    ".mark{width:44px;height:44px;border-radius:50%;display:grid;place-items:center;font-size:22px;font-weight:600;color:var(--card);"
    "background:var(--go);margin-bottom:20px}.bad .mark{background:var(--bad)}"
    "a.go{display:inline-block;background:var(--go);color:var(--card);text-decoration:none;font-weight:600;padding:10px 18px;border-radius:8px}"
    "a.go:focus-visible{outline:3px solid var(--ink);outline-offset:2px}code{background:var(--bg);border:1px solid var(--line);border-radius:5px;padding:1px 5px;font-size:14px}"
    "small{display:block;margin-top:20px;color:var(--soft)}</style>";

static void send(struct guest_call *c, unsigned status, struct buf *b)
{
	guest_answer(c,
	    &(struct guest_reply){ .status = status,
	        .type = "text/html; charset=utf-8",
	        .body = b->p,
	        .body_len = b->len,
	        .retry_after_s = status == 503 ? 10 : 0 });
	buf_done(b);
}

/* ${title} and ${what} are ours; ${detail} is anybody's, or NULL. */
static void trouble(
    struct slack_pages *p, struct guest_call *c, unsigned status, const char *title, const char *what, const char *detail)
{
	struct buf b = BUF_INIT;
	buf_addf(&b, "%s<title>%s</title><main class=bad><div class=mark aria-hidden=true>!</div><h1>%s</h1><p>%s</p>", page_head,
	    title, title, what);
	buf_addf(&b, "<a class=go href='%s/slack/install'>Try again</a>", p->base);
	if (detail && detail[0]) {
		buf_add_str(&b, "<small>For who runs this server: Slack said <code>");
		html_add_text(&b, detail);
		buf_add_str(&b, "</code></small>");
	}
	buf_add_str(&b, "</main></html>\n");
	log_info("slack.install", LF_INT("status", status), LF_STR("error", detail), LF_STR("result", title));
	send(c, status, &b);
}

static void away(struct slack_pages *p, struct guest_call *c)
{
	trouble(p, c, 503, "Not just now",
	    "The server cannot store anything at this moment. Nothing was added. Try again in a minute.", NULL);
}

static void success(
    struct slack_pages *p, struct guest_call *c, const char *team, const char *team_id, const char *app_id, bool org, bool again)
{
	const char *name = settings_str(p->app->settings, "slack.name"), *command = settings_str(p->app->settings, "slack.command");
	struct buf b = BUF_INIT;
	buf_addf(&b, "%s<title>", page_head);
	html_add_text(&b, name);
	buf_add_str(&b, " was added</title><main><div class=mark aria-hidden=true>\xe2\x9c\x93</div><h1>");
	html_add_text(&b, name);
	buf_add_str(&b, again ? " is up to date in " : " is now in ");
	html_add_text(&b, team[0] ? team : "your workspace");
	buf_add_str(&b, "</h1><p>");
	buf_add_str(&b,
	    org         ? "It may be used in all workspaces of your organisation that an admin adds it to. What to do next:"
	        : again ? "Its permissions were renewed. Everything that it knows here is still there."
	                : "You are its first owner here. What to do next:");
	buf_add_str(&b, "</p><ol><li>In a channel, type <code>/invite @");
	html_add_text(&b, name);
	buf_add_str(&b,
	    "</code>, then mention it with a question.</li><li>Or write to it alone: you find it under <b>Apps</b>.</li><li><code>");
	html_add_text(&b, command);
	buf_add_str(&b, " help</code> shows what it can do.</li></ol><a class=go href='https://slack.com/app_redirect?app=");
	html_add_text(&b, app_id);
	if (!org) {
		buf_add_str(&b, "&amp;team=");
		html_add_text(&b, team_id);
	}
	buf_add_str(&b, "'>Open Slack</a></main></html>\n");
	send(c, 200, &b);
}

/* ---- states ---- */

static void put_u64(unsigned char *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = (unsigned char)v;
}

static uint64_t get_u64(const unsigned char *p)
{
	uint64_t v = 0;
	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static void sign(const struct slack_pages *p, const unsigned char *head, const char *nonce, unsigned char out[MAC])
{
	struct buf b = BUF_INIT;
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	buf_add_str(&b, "slack install\n");
	buf_add(&b, head, 24);
	buf_add_str(&b, nonce);
	HMAC(EVP_sha256(), p->key, sizeof(p->key), (const unsigned char *)b.p, b.len, mac, &n);
	memcpy(out, mac, MAC);
	buf_done(&b);
}

static void state_make(const struct slack_pages *p, const char *nonce, char out[BASE64URL_ROOM(STATE)])
{
	unsigned char s[STATE];
	struct id id = id_new();
	random_bytes(id.b, sizeof(id.b));
	memcpy(s, id.b, 16);
	put_u64(s + 16, clock_wall_ms());
	sign(p, s, nonce, s + 24);
	base64url_encode(out, s, sizeof(s));
}

/* Is it ours, of this browser, and not over? */
static bool state_read(const struct slack_pages *p, const char *text, const char *nonce, struct id *id, bool *late)
{
	unsigned char s[STATE + 3], is[MAC];
	size_t n = 0;
	*late = false;
	if (!text || strlen(text) != BASE64URL_ROOM(STATE) - 1 || !base64url_decode(text, strlen(text), s, &n) || n != STATE)
		return false;
	sign(p, s, nonce, is);
	if (CRYPTO_memcmp(is, s + 24, MAC) != 0)
		return false;
	uint64_t at = get_u64(s + 16), now = clock_wall_ms();
	*late = at + PAGES_STATE_MS < now || at > now + EARLY_MS;
	memcpy(id->b, s, 16);
	return !*late;
}

static const char *cookie_name(const struct slack_pages *p)
{
	return p->secure ? "__Host-eddy_install" : "eddy_install";
}

/* The random value that this browser was given; false: none. */
static bool cookie_read(const struct slack_pages *p, const char *header, char out[NONCE_TEXT])
{
	const char *name = cookie_name(p);
	size_t name_n = strlen(name);
	for (const char *at = header; at && *at;) {
		at += strspn(at, "; ");
		size_t n = strcspn(at, ";");
		if (n == name_n + 1 + NONCE_TEXT - 1 && strncmp(at, name, name_n) == 0 && at[name_n] == '=' &&
		    strspn(at + name_n + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") >= NONCE_TEXT - 1) {
			snprintf(out, NONCE_TEXT, "%.*s", (int)NONCE_TEXT - 1, at + name_n + 1);
			return true;
		}
		at += n;
	}
	return false;
}

/* ---- going ---- */

static void serve_install(void *arg, const struct guest_request *q, struct guest_call *c)
{
	struct slack_pages *p = arg;
	char nonce[NONCE_TEXT], state[BASE64URL_ROOM(STATE)];
	if (!p->keyed) {
		away(p, c);
		return;
	}
	if (!cookie_read(p, q->headers[0], nonce)) {
		unsigned char fresh[NONCE];
		random_bytes(fresh, sizeof(fresh));
		base64url_encode(nonce, fresh, sizeof(fresh));
	}
	state_make(p, nonce, state);
	struct buf to = BUF_INIT, cookie = BUF_INIT, scopes = BUF_INIT, back = BUF_INIT, query = BUF_INIT;
	for (size_t i = 0; manifest_scopes[i]; i++)
		buf_addf(&scopes, "%s%s", i ? "," : "", manifest_scopes[i]);
	buf_addf(&back, "%s/slack/oauth", p->base);
	slack_form(&query, "client_id", settings_str(p->app->settings, "slack.client_id"));
	slack_form(&query, "scope", scopes.p);
	slack_form(&query, "redirect_uri", back.p);
	slack_form(&query, "state", state);
	buf_addf(&to, "%s?%s", settings_str(p->app->settings, "slack.authorize_url"), query.p);
	/* Lax: coming back from Slack is a link from another site. */
	buf_addf(&cookie, "%s=%s; Path=/; Max-Age=%u; HttpOnly; SameSite=Lax%s", cookie_name(p), nonce, PAGES_STATE_MS / 1000,
	    p->secure ? "; Secure" : "");
	guest_answer(c, &(struct guest_reply){ .status = 302, .location = to.p, .cookie = cookie.p });
	buf_done(&to);
	buf_done(&cookie);
	buf_done(&scopes);
	buf_done(&back);
	buf_done(&query);
}

/* ---- coming back ---- */

struct coming {
	struct slack_pages *p;
	struct guest_call *c;
	struct id state;
	char *code;
	/* what Slack granted */
	char *key, *name, *app_id, *scopes, *by;
	struct slack_token token;
	bool org;
};

static void coming_free(struct coming *x)
{
	if (x->code)
		explicit_bzero(x->code, strlen(x->code));
	free(x->code);
	free(x->key);
	free(x->name);
	free(x->app_id);
	free(x->scopes);
	free(x->by);
	slack_token_done(&x->token);
	atomic_fetch_sub(&x->p->open, 1);
	free(x);
}

static bool may_install(const struct slack_pages *p, const char *key)
{
	const char *const *allowed;
	size_t n = settings_list(p->app->settings, "slack.workspaces", &allowed);
	for (size_t i = 0; i < n; i++)
		if (strcmp(allowed[i], key) == 0)
			return true;
	return n == 1 && strcmp(allowed[0], "*") == 0;
}

/* A token that is not wanted is not left lying about. */
static void give_back(struct coming *x)
{
	struct slack_call c = { .method = "auth.revoke", .form = true, .token = x->token.token, .priority = SLACK_NAMES };
	(void)slack_api_call(x->p->api, &c);
}

/* Worker: what was granted is stored, all of it or nothing. */
static void store_job(void *arg)
{
	struct coming *x = arg;
	struct slack_pages *p = x->p;
	struct buf token = BUF_INIT;
	struct id ws = ID_NONE;
	bool again = false;
	slack_token_write(&x->token, &token);
	const struct install_grant g = { .adapter = "slack",
		.external_id = x->key,
		.name = x->name,
		.scopes = x->scopes,
		.org = x->org,
		.by = x->by,
		.token = token.p,
		.token_len = token.len };
	enum err e = engine_grant(p->app->engine, &g, &ws, &again);
	explicit_bzero(token.p, token.cap);
	buf_done(&token);
	log_info("slack.install", LF_STR("team", x->key), LF_ID("ws", ws), LF_STR("result", err_name(e)));
	if (e == ERR_NONE) {
		grants_look(p->app->grants);
		success(p, x->c, x->name, x->key, x->app_id, x->org, again);
	} else if (e == ERR_DENIED) {
		trouble(p, x->c, 409, "Already connected",
		    "This workspace is connected by the token in the server's settings, so there is nothing to add.", NULL);
	} else {
		away(p, x->c);
	}
	coming_free(x);
}

static char *text(const json_t *o, const char *key)
{
	return xstrdup(json_str(o, key, ""));
}

static bool id_like(const char *s)
{
	size_t n = strlen(s);
	return n > 1 && n <= 40 && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") == n;
}

static bool read_grant(struct coming *x, const json_t *o)
{
	x->org = json_bool(o, "is_enterprise_install", false);
	const json_t *where = json_obj(o, x->org ? "enterprise" : "team");
	int64_t seconds = json_int(o, "expires_in", 0);
	x->key = text(where, "id");
	x->name = text(where, "name");
	x->app_id = text(o, "app_id");
	x->scopes = text(o, "scope");
	x->by = xstrdup(json_str(json_obj(o, "authed_user"), "id", NULL));
	x->token = (struct slack_token){ .token = text(o, "access_token"),
		.refresh = xstrdup(json_str(o, "refresh_token", NULL)),
		.since_ms = clock_wall_ms() };
	if (x->token.refresh && seconds > 0)
		x->token.until_ms = x->token.since_ms + (uint64_t)seconds * 1000;
	return id_like(x->key) && x->token.token[0] && strcmp(json_str(o, "token_type", "bot"), "bot") == 0 &&
	    (!x->by || id_like(x->by));
}

/* http thread */
static void on_access(void *arg, const struct slack_result *r)
{
	struct coming *x = arg;
	struct slack_pages *p = x->p;
	if (r->outcome == SLACK_REFUSED) {
		bool old = strcmp(r->error, "invalid_code") == 0 || strcmp(r->error, "code_already_used") == 0;
		trouble(p, x->c, old ? 400 : 502, old ? "That took too long" : "Slack said no",
		    old ? "What Slack gave the browser was used already, or has ended. Nothing was added."
		        : "Slack did not hand out a token, so nothing was added. The settings of the app may have to be mended first.",
		    r->error);
	} else if (r->outcome != SLACK_OK) {
		trouble(p, x->c, 502, "Slack does not answer", "Nothing was added. Try again in a minute.", r->error);
	} else if (!read_grant(x, r->body)) {
		trouble(p, x->c, 502, "Slack said something else",
		    "Its answer holds no bot token of a workspace, so nothing was added.", NULL);
	} else if (!may_install(p, x->key)) {
		give_back(x);
		trouble(p, x->c, 403, "Not for this workspace",
		    "Whoever runs this server has said which workspaces may add it, and this one is not among them. Ask them.",
		    NULL);
	} else if (engine_submit(p->app->engine, store_job, x)) {
		return;
	} else {
		away(p, x->c);
	}
	coming_free(x);
}

/* Worker: the state is used up, whatever comes next. */
static void use_job(void *arg)
{
	struct coming *x = arg;
	struct slack_pages *p = x->p;
	enum err e = engine_grant_use(p->app->engine, x->state, PAGES_STATE_MS + EARLY_MS);
	if (e == ERR_DENIED) {
		trouble(p, x->c, 400, "This link was used already",
		    "Each try counts once. If the app is not there yet, begin again.", NULL);
	} else if (e != ERR_NONE) {
		away(p, x->c);
	} else {
		const struct settings *s = p->app->settings;
		struct buf url = BUF_INIT, back = BUF_INIT;
		buf_addf(&url, "%soauth.v2.access", p->app->api_url);
		buf_addf(&back, "%s/slack/oauth", p->base);
		struct slack_call c = { .method = "oauth.v2.access",
			.form = true,
			.url = url.p,
			.priority = SLACK_DELIVER,
			.want_body = true,
			.on_done = on_access,
			.arg = x };
		slack_form(&c.args, "code", x->code);
		slack_form(&c.args, "redirect_uri", back.p);
		slack_form(&c.args, "client_id", settings_str(s, "slack.client_id"));
		slack_form(&c.args, "client_secret", settings_str(s, "slack.client_secret"));
		bool begun = slack_api_call(p->api, &c) == ERR_NONE;
		buf_done(&url);
		buf_done(&back);
		if (begun)
			return;
		away(p, x->c);
	}
	coming_free(x);
}

static void serve_oauth(void *arg, const struct guest_request *q, struct guest_call *c)
{
	struct slack_pages *p = arg;
	char nonce[NONCE_TEXT];
	const char *code = q->params[PARAM_CODE], *error = q->params[PARAM_ERROR];
	struct id id = ID_NONE;
	bool late = false, known = p->keyed && cookie_read(p, q->headers[0], nonce);
	if (!p->keyed || atomic_load(&p->app->stopping)) {
		away(p, c);
	} else if (!known || !state_read(p, q->params[PARAM_STATE], nonce, &id, &late)) {
		if (late)
			trouble(p, c, 400, "That took too long",
			    "Adding the app has to be finished within ten minutes. Nothing was added.", NULL);
		else
			trouble(p, c, 400, "This did not begin here",
			    "The browser that comes back from Slack must be the one that went there, with cookies allowed. Nothing was added.",
			    NULL);
	} else if (error && strcmp(error, "access_denied") == 0) {
		trouble(p, c, 200, "Nothing was added", "You said no, or an admin of your workspace has to approve the app first.",
		    NULL);
	} else if (error || !code || !code[0] || strlen(code) > 512) {
		trouble(p, c, 400, "Slack sent you back without a code", "Nothing was added.", error);
	} else if (atomic_fetch_add(&p->open, 1) >= OPEN_MAX) {
		atomic_fetch_sub(&p->open, 1);
		away(p, c);
	} else {
		struct coming *x = xcalloc(1, sizeof(*x));
		*x = (struct coming){ .p = p, .c = c, .state = id, .code = xstrdup(code) };
		if (!engine_submit(p->app->engine, use_job, x)) {
			away(p, c);
			coming_free(x);
		}
	}
}

/* ---- begin and end ---- */

struct slack_pages *pages_new(struct slack_app *app, struct guests *guests)
{
	struct slack_pages *p = xcalloc(1, sizeof(*p));
	const char *url = settings_str(app->settings, "web.public_url");
	size_t n = strlen(url);
	while (n > 0 && url[n - 1] == '/')
		n--;
	p->app = app;
	p->base = xstrndup(url, n);
	p->secure = strncmp(url, "https://", 8) == 0;
	p->keyed = engine_grant_key(app->engine, "slack", p->key) == ERR_NONE;
	if (!p->keyed)
		log_error(
		    "slack.install", LF_STR("result", "nobody can add the app: there is no key to sign with (docs/secrets.md)"));
	p->api = slack_api_new(&(struct slack_api_options){ .http = app->http, .metrics = app->metrics, .base_url = app->api_url });
	guests_add(guests, &(struct guest){ .path = "/slack/install", .headers = { "cookie:" }, .serve = serve_install, .arg = p });
	guests_add(guests,
	    &(struct guest){ .path = "/slack/oauth",
	        .headers = { "cookie:" },
	        .params = { [PARAM_CODE] = "code=", [PARAM_STATE] = "state=", [PARAM_ERROR] = "error=" },
	        .serve = serve_oauth,
	        .arg = p });
	return p;
}

void pages_stop(struct slack_pages *p)
{
	if (p)
		slack_api_stop(p->api);
}

void pages_free(struct slack_pages *p)
{
	if (!p)
		return;
	slack_api_free(p->api);
	explicit_bzero(p->key, sizeof(p->key));
	free(p->base);
	free(p);
}
