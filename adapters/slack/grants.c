/*
 * A worker reads the rows and the tokens of those that are new or changed; the loop then makes, changes and ends installations.  One look at a time: whatever is
 * announced meanwhile leads to another.  Every way in which a grant changes (the page, another process, the terminal, a renewal) writes
 * to the database and ends here, so there is one way only.
 */
#include "grants.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/json.h"
#include "../../core/base/log.h"
#include "../../core/base/map.h"
#include "../../core/base/mem.h"
#include "../../core/engine/installs.h"
#include "../net/loop.h"
#include "api.h"
#include "slack_internal.h"
#include "socket.h"

#define AGAIN_MS 2000
#define RENEW_AGAIN_MS 30000
#define DUTY_MS 60000
#define TOKEN_JSON_MAX 8192

struct known {
	int64_t changed_us;
	unsigned round; /* that saw it last */
};
struct found {
	char *key;
	struct id ws;
	bool org, removed, erased; /* erased: there is no row of it any more */
	int64_t changed_us;
	struct slack_token token; /* token.token NULL: as it was */
};
struct slack_grants {
	struct slack_app *app;
	struct listener *listener;
	struct slack_api *api; /* without a token: renewals */
	bool looking, again;   /* loop thread */
	struct loop_timer *retry;
	int64_t erase_after_ms; /* slack.erase_on_uninstall; 0: never */
	atomic_uint looks;      /* that have ended */
	pthread_mutex_t lock;
	struct map *asked; /* guarded: keys that something was to be said for → looks at that moment */
	/* the worker's, one at a time */
	struct map *known; /* key → struct known, of what was read */
	unsigned round;    /* of reading */
	bool kept;         /* what waited to be erased while the setting said so is not erased any more */
	struct found *found;
	size_t len, cap;
	bool failed;
};

/* ---- tokens ---- */

void slack_token_write(const struct slack_token *t, struct buf *out)
{
	buf_reserve(out, TOKEN_JSON_MAX); /* once: growing would leave copies behind */
	buf_add_str(out, "{\"token\":");
	buf_add_json_str(out, t->token);
	if (t->refresh) {
		buf_add_str(out, ",\"refresh\":");
		buf_add_json_str(out, t->refresh);
	}
	buf_addf(out, ",\"since\":%llu,\"until\":%llu}", (unsigned long long)t->since_ms, (unsigned long long)t->until_ms);
}

static void wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

static void wipe_buf(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_done(b);
}

void slack_token_done(struct slack_token *t)
{
	wipe(t->token);
	wipe(t->refresh);
	*t = (struct slack_token){ 0 };
}

bool slack_token_read(const char *p, size_t n, struct slack_token *out)
{
	json_t *o = NULL;
	*out = (struct slack_token){ 0 };
	if (json_parse(p, n, TOKEN_JSON_MAX, &o, NULL) != ERR_NONE)
		return false;
	out->token = xstrdup(json_str(o, "token", NULL));
	out->refresh = xstrdup(json_str(o, "refresh", NULL));
	out->since_ms = (uint64_t)json_int(o, "since", 0);
	out->until_ms = (uint64_t)json_int(o, "until", 0);
	json_decref(o);
	return out->token != NULL;
}

uint64_t slack_token_due(const struct slack_token *t)
{
	return t->until_ms > t->since_ms ? t->since_ms + (t->until_ms - t->since_ms) * 2 / 3 : 0;
}

/* ---- reading (a worker) ---- */

static void push(struct slack_grants *g, struct found f)
{
	if (g->len == g->cap) {
		g->cap = g->cap ? 2 * g->cap : 16;
		g->found = xrealloc(g->found, g->cap * sizeof(*g->found));
	}
	g->found[g->len++] = f;
}

static void on_row(void *arg, const struct install_row *r)
{
	struct slack_grants *g = arg;
	struct known *seen = map_get(g->known, r->external_id, strlen(r->external_id));
	if (seen)
		seen->round = g->round;
	if (!r->granted || (seen && seen->changed_us == r->changed_us))
		return;
	push(g,
	    (struct found){
	        .key = xstrdup(r->external_id), .ws = r->ws, .org = r->org, .removed = r->removed, .changed_us = r->changed_us });
}

static void on_known(const void *key, size_t n, void *value, void *arg)
{
	struct slack_grants *g = arg;
	const struct known *k = value;
	if (k->round == g->round)
		return;
	char *copy = xcalloc(1, n + 1);
	memcpy(copy, key, n);
	push(g, (struct found){ .key = copy, .removed = true, .erased = true });
}

/* False: to be tried again. */
static bool read_token(struct slack_grants *g, struct found *f)
{
	struct buf b = BUF_INIT;
	enum err e = engine_grant_token(g->app->engine, "slack", f->key, &b);
	if (e == ERR_NONE && !slack_token_read(b.p, b.len, &f->token))
		e = ERR_BROKEN;
	wipe_buf(&b);
	if (e == ERR_INPUT)
		f->removed = true; /* in the very moment */
	else if (e != ERR_NONE && e != ERR_RETRY)
		log_error("slack.token", LF_STR("team", f->key),
		    LF_STR("why", e == ERR_DENIED ? "no master key of this process opens it: docs/secrets.md" : ""),
		    LF_STR("result", err_name(e)));
	return e != ERR_RETRY;
}

static void apply(void *arg);

static void look_job(void *arg)
{
	struct slack_grants *g = arg;
	/* Who takes the setting back wants what waits to stay. */
	if (!g->kept && g->erase_after_ms == 0)
		g->kept = engine_grant_keep(g->app->engine, "slack", NULL) == ERR_NONE;
	g->round++;
	g->failed = engine_grants(g->app->engine, "slack", on_row, g) != ERR_NONE || (!g->kept && g->erase_after_ms == 0);
	if (!g->failed)
		map_each(g->known, on_known, g);
	for (size_t i = 0; i < g->len; i++) {
		struct found *f = &g->found[i];
		if (!f->removed && !read_token(g, f)) {
			g->failed = true;
			continue;
		}
		if (f->erased) {
			free(map_remove(g->known, f->key, strlen(f->key)));
			continue;
		}
		struct known *seen = xmalloc(sizeof(*seen));
		*seen = (struct known){ f->changed_us, g->round };
		free(map_put(g->known, f->key, strlen(f->key), seen));
	}
	(void)loop_post(g->app->loop, apply, g); /* refused only when the loop ends */
}

/* ---- looking (loop thread) ---- */

static void look(void *arg)
{
	struct slack_grants *g = arg;
	loop_timer_stop(g->retry);
	g->retry = NULL;
	if (atomic_load(&g->app->stopping))
		return;
	if (g->looking) {
		g->again = true;
		return;
	}
	g->looking = true;
	g->again = false;
	if (engine_submit(g->app->engine, look_job, g))
		return;
	g->looking = false;
	g->retry = loop_timer_new(g->app->loop, AGAIN_MS, 0, look, g);
}

void grants_look(struct slack_grants *g)
{
	if (g)
		(void)loop_post(g->app->loop, look, g);
}

static void renew(void *arg);

static void arm(struct slack *s, uint64_t due_ms)
{
	uint64_t now = clock_wall_ms();
	loop_timer_stop(s->due);
	s->due = due_ms ? loop_timer_new(s->loop, due_ms > now ? due_ms - now : 1, 0, renew, s) : NULL;
}

static struct slack *own(const struct slack_app *app, const char *key)
{
	for (struct slack *s = atomic_load(&app->all); s; s = s->next)
		if (s->key && strcmp(s->key, key) == 0)
			return s;
	return NULL;
}

static void apply_one(struct slack_grants *g, struct found *f)
{
	struct slack *s = own(g->app, f->key);
	if (f->removed) {
		if (s && !atomic_load(&s->gone)) {
			workspace_token(s, NULL);
			arm(s, 0);
			log_info("slack.removed", LF_STR("team", f->key), LF_STR("result", "ok"));
		}
		return;
	}
	if (!f->token.token)
		return;
	bool fresh = !s, renewed = s && !atomic_load(&s->gone) && s->granted_renewed;
	if (fresh) {
		s = workspace_new(g->app, f->key, f->org, f->token.token);
	} else {
		workspace_token(s, f->token.token);
	}
	s->org = f->org;
	s->granted_ws = f->ws;
	s->granted_renewed = false;
	arm(s, slack_token_due(&f->token));
	log_info("slack.granted", LF_STR("team", f->key), LF_STR("result", fresh ? "new" : renewed ? "renewed" : "again"));
	if (!renewed || !atomic_load(&s->self))
		workspace_start(s);
}

static void apply(void *arg)
{
	struct slack_grants *g = arg;
	for (size_t i = 0; i < g->len; i++) {
		if (!atomic_load(&g->app->stopping))
			apply_one(g, &g->found[i]);
		slack_token_done(&g->found[i].token);
		free(g->found[i].key);
	}
	g->len = 0;
	g->looking = false;
	if (!g->failed)
		atomic_fetch_add(&g->looks, 1);
	if (g->again)
		look(g);
	else if (g->failed && !atomic_load(&g->app->stopping))
		g->retry = loop_timer_new(g->app->loop, AGAIN_MS, 0, look, g);
}

enum err grants_unknown(struct slack_grants *g, const char *key)
{
	unsigned looks = atomic_load(&g->looks);
	pthread_mutex_lock(&g->lock);
	if (map_count(g->asked) > 1000) {
		map_free(g->asked, free);
		g->asked = map_new();
	}
	unsigned *since = map_get(g->asked, key, strlen(key));
	if (!since) {
		since = xmalloc(sizeof(*since));
		*since = looks;
		map_put(g->asked, key, strlen(key), since);
	}
	/* One look may have been under way when it was first asked for; the one after it has seen everything. */
	bool none = looks >= *since + 2;
	if (none) {
		map_remove(g->asked, key, strlen(key));
		free(since);
	}
	pthread_mutex_unlock(&g->lock);
	if (!none)
		grants_look(g);
	return none ? ERR_DENIED : ERR_RETRY;
}

/* ---- ends ---- */

struct ending {
	struct slack_grants *g;
	char *key;
	const char *why; /* static */
	struct sock_ticket *t;
};

static void end_job(void *arg)
{
	struct ending *x = arg;
	enum err e = engine_grant_end(x->g->app->engine, "slack", x->key, x->why, x->g->erase_after_ms);
	if (x->t)
		sock_settle(x->t, e != ERR_RETRY);
	log_info("slack.ended", LF_STR("team", x->key), LF_STR("why", x->why), LF_STR("result", err_name(e)));
	free(x->key);
	free(x);
}

void grants_end(struct slack_grants *g, struct slack *s, struct sock_ticket *t, const char *why)
{
	struct ending *x = xmalloc(sizeof(*x));
	*x = (struct ending){ g, xstrdup(s->key), why, t };
	workspace_token(s, NULL);
	arm(s, 0);
	if (engine_submit(g->app->engine, end_job, x))
		return;
	if (t)
		sock_settle(t, false);
	free(x->key);
	free(x);
}

/* ---- renewals ---- */

struct renewal {
	struct slack_grants *g;
	char *key;
	struct slack_token token;
};

static void renewal_free(struct renewal *x)
{
	slack_token_done(&x->token);
	free(x->key);
	free(x);
}

/* Loop thread: it did not work now. */
static void renew_later(void *arg)
{
	struct renewal *x = arg;
	struct slack *s = own(x->g->app, x->key);
	if (s && !atomic_load(&s->gone) && !atomic_load(&x->g->app->stopping))
		arm(s, clock_wall_ms() + RENEW_AGAIN_MS);
	renewal_free(x);
}

static void put_off(struct renewal *x)
{
	if (!loop_post(x->g->app->loop, renew_later, x))
		renewal_free(x);
}

/* Loop thread: what comes of the look is the same workspace with another token. */
static void renewed(void *arg)
{
	struct renewal *x = arg;
	struct slack *s = own(x->g->app, x->key);
	if (s)
		s->granted_renewed = true;
	look(x->g);
	renewal_free(x);
}

static void store_job(void *arg)
{
	struct renewal *x = arg;
	struct buf b = BUF_INIT;
	slack_token_write(&x->token, &b);
	enum err e = engine_grant_renew(x->g->app->engine, "slack", x->key, b.p, b.len);
	wipe_buf(&b);
	log_info("slack.renewed", LF_STR("team", x->key), LF_STR("result", err_name(e)));
	if (e == ERR_RETRY) { /* the old refresh token may be used up: it must be stored */
		struct timespec nap = { .tv_nsec = 500000000 };
		nanosleep(&nap, NULL);
		if (engine_submit(x->g->app->engine, store_job, x))
			return;
	}
	if (!loop_post(x->g->app->loop, renewed, x))
		renewal_free(x);
}

/* http thread */
static void on_renewed(void *arg, const struct slack_result *r)
{
	struct renewal *x = arg;
	const char *token = json_str(r->body, "access_token", NULL), *refresh = json_str(r->body, "refresh_token", NULL);
	int64_t seconds = json_int(r->body, "expires_in", 0);
	if (r->outcome != SLACK_OK || !token) {
		log_error("slack.renew", LF_STR("team", x->key), LF_STR("error", r->error),
		    LF_STR("mend", "if this goes on, add the app to that workspace once more"));
		put_off(x);
		return;
	}
	slack_token_done(&x->token);
	x->token = (struct slack_token){ .token = xstrdup(token), .refresh = xstrdup(refresh), .since_ms = clock_wall_ms() };
	if (refresh && seconds > 0)
		x->token.until_ms = x->token.since_ms + (uint64_t)seconds * 1000;
	if (!engine_submit(x->g->app->engine, store_job, x))
		put_off(x);
}

static void renew_job(void *arg)
{
	struct renewal *x = arg;
	struct slack_app *app = x->g->app;
	struct buf b = BUF_INIT;
	struct slack *s = own(app, x->key);
	/* Only one process renews a token: what it got for the old one is the only one that counts. */
	enum err e = s ? engine_duty(app->engine, s->granted_ws, "slack", "renew", DUTY_MS) : ERR_INPUT;
	if (e == ERR_NONE)
		e = engine_grant_token(app->engine, "slack", x->key, &b);
	bool have = e == ERR_NONE && slack_token_read(b.p, b.len, &x->token);
	wipe_buf(&b);
	if (!have || !x->token.refresh || slack_token_due(&x->token) > clock_wall_ms()) {
		if (have)
			grants_look(x->g); /* another process was first */
		put_off(x);
		return;
	}
	struct slack_call c = { .method = "oauth.v2.access",
		.form = true,
		.priority = SLACK_DELIVER,
		.want_body = true,
		.on_done = on_renewed,
		.arg = x };
	struct buf url = BUF_INIT;
	buf_addf(&url, "%soauth.v2.access", app->api_url);
	c.url = url.p;
	slack_form(&c.args, "client_id", settings_str(app->settings, "slack.client_id"));
	slack_form(&c.args, "client_secret", settings_str(app->settings, "slack.client_secret"));
	slack_form(&c.args, "grant_type", "refresh_token");
	slack_form(&c.args, "refresh_token", x->token.refresh);
	if (slack_api_call(x->g->api, &c) != ERR_NONE)
		put_off(x);
	buf_done(&url);
}

/* Loop thread */
static void renew(void *arg)
{
	struct slack *s = arg;
	struct slack_grants *g = s->app->grants;
	struct renewal *x = xcalloc(1, sizeof(*x));
	x->g = g;
	x->key = xstrdup(s->key);
	arm(s, 0);
	if (atomic_load(&g->app->stopping) || atomic_load(&s->gone))
		renewal_free(x);
	else if (!engine_submit(g->app->engine, renew_job, x))
		renew_later(x);
}

/* ---- begin and end ---- */

/* The token was refused when we logged in: Slack says that it is gone for good. */
static void on_refused(struct slack *s, const char *error)
{
	static const char *const ends[] = { "token_revoked", "account_inactive", "app_uninstalled", "team_disabled" };
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (s->key && strcmp(error, ends[i]) == 0)
			grants_end(s->app->grants, s, NULL, "revoked");
}

static void heard(void *arg)
{
	const struct slack_grants *g = arg;
	engine_grants_heard(g->app->engine);
	grants_look(arg);
}

struct slack_grants *grants_new(struct slack_app *app)
{
	struct slack_grants *g = xcalloc(1, sizeof(*g));
	g->app = app;
	g->known = map_new();
	g->asked = map_new();
	pthread_mutex_init(&g->lock, NULL);
	g->api = slack_api_new(&(struct slack_api_options){ .http = app->http, .metrics = app->metrics, .base_url = app->api_url });
	g->erase_after_ms = settings_int(app->settings, "slack.erase_on_uninstall");
	app->refused = on_refused;
	return g;
}

void grants_start(struct slack_grants *g)
{
	g->listener = engine_grants_listen(g->app->engine, heard, g);
	grants_look(g);
}

void grants_stop(struct slack_grants *g)
{
	if (!g)
		return;
	engine_grants_unlisten(g->listener);
	g->listener = NULL;
	slack_api_stop(g->api);
}

void grants_free(struct slack_grants *g)
{
	if (!g)
		return;
	slack_api_free(g->api);
	for (size_t i = 0; i < g->len; i++) {
		slack_token_done(&g->found[i].token);
		free(g->found[i].key);
	}
	free(g->found);
	map_free(g->known, free);
	map_free(g->asked, free);
	pthread_mutex_destroy(&g->lock);
	free(g);
}
