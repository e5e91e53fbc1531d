/*
 * A call is shared by who waits for it and the worker that carries it out; whoever is last frees it (as in signin.c).
 *
 * What keeps other pages out (CSRF): nothing that a browser adds by itself counts here, only a token in Authorization, which foreign pages do not
 * have; besides, a page must be of our own or an allowed origin, and must carry a header that no page can send elsewhere without being asked first.
 */
#include "call.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../core/api/serve.h"
#include "../../core/base/clock.h"
#include "../../core/base/json.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/engine/engine.h"
#include "../../core/people/keys.h"
#include "../net/loop.h"
#include "guard.h"
#include "limit.h"
#include "state.h"
#include "visitor.h"

#define PREFIX "/api/v1/"
#define NAME_MAX_BYTES 64
#define KEY_PREFIX "eddy_"
#define KEY_ID 41    /* that and the key's id */
#define KEY_ROOM 260 /* one that is too long is still seen to be */

struct web_call {
	_Atomic int refs;
	struct web *web;
	char procedure[NAME_MAX_BYTES + 1];
	bool known;                /* who it is; else nobody, or whoever ${secret} is */
	char secret[KEY_TEXT + 1]; /* an API key, unchecked; "": none */
	char person[64], name[128], address[64];
	const char *via; /* static */
	struct id session;
	bool named;
	char key[KEY_ROOM];
	struct id id;
	json_t *args;
	uint64_t began_us;
	struct api_reply reply;
	char *text; /* the result as JSON; NULL: none */
	/* of a request */
	size_t expected;
	struct buf body;
	void (*done)(void *arg);
	void *arg;
	bool answered;
	struct call_answer answer;
	/* of a frame */
	uint64_t conn; /* 0: a request */
	char client_id[WEB_CLIENT_ID_MAX + 1];
};

bool call_has(const char *path)
{
	return strncmp(path, PREFIX, strlen(PREFIX)) == 0;
}

static void unref(struct web_call *c)
{
	if (atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	explicit_bzero(c->secret, sizeof c->secret);
	json_decref(c->args);
	json_decref(c->reply.out);
	if (c->text != NULL)
		explicit_bzero(c->text, strlen(c->text));
	free(c->text);
	buf_done(&c->body);
	if (c->answer.body.p != NULL && c->answer.body.len > 0)
		explicit_bzero(c->answer.body.p, c->answer.body.len);
	buf_done(&c->answer.body);
	free(c);
}

void call_free(struct web_call *c)
{
	if (c == NULL)
		return;
	c->done = NULL;
	unref(c);
}

static struct web_call *new_call(struct web *w, const char *procedure)
{
	struct web_call *c = xcalloc(1, sizeof *c);
	c->refs = 1;
	c->web = w;
	c->id = id_new();
	c->began_us = clock_us();
	/* What is no name is found nowhere, and not logged. */
	if (strlen(procedure) <= NAME_MAX_BYTES && procedure[strspn(procedure, "abcdefghijklmnopqrstuvwxyz_.")] == '\0')
		snprintf(c->procedure, sizeof c->procedure, "%s", procedure);
	return c;
}

static void speaks_for(struct web_call *c, const struct web_person *p, const char *via)
{
	c->known = true;
	c->via = via;
	snprintf(c->person, sizeof c->person, "%s", p->id);
	snprintf(c->name, sizeof c->name, "%s", p->name);
}

/* How many seconds ${who} has to wait; 0: go on. */
static unsigned wait_s(struct limit *l, const char *who)
{
	uint32_t ms = limit_take(l, who, strlen(who), clock_ms());
	return ms == 0 ? 0 : ms / 1000 + 1;
}

/* ---- answers, on the loop thread ---- */

static void put_problem(struct call_answer *a, const struct problem *p)
{
	a->status = (unsigned)problem_status(p->code);
	a->problem = true;
	a->allow = p->code == API_METHOD;
	a->challenge = p->code == API_UNAUTHENTICATED;
	a->retry_after_s = p->retry_after_s;
	problem_json(p, a->request_id, &a->body);
	buf_add_char(&a->body, '\n');
}

static void refuse(struct call_answer *a, enum api_code code, unsigned retry_after_s, const char *detail)
{
	struct problem p = { .code = code, .retry_after_s = retry_after_s };
	snprintf(p.detail, sizeof p.detail, "%s", detail);
	put_problem(a, &p);
}

static void answer_frame(struct web_call *c)
{
	struct conn *k = map_get(c->web->by_id, &c->conn, sizeof c->conn);
	struct buf b = BUF_INIT;
	char id[ID_TEXT];
	if (k != NULL)
		k->asking--;
	if (k == NULL || k->dead)
		return;
	if (c->reply.code == API_OK) {
		web_put_result(&b, c->client_id, c->text == NULL ? "{}" : c->text, c->reply.again);
	} else {
		struct buf problem = BUF_INIT;
		problem_json(&c->reply.problem, id_format(c->id, id), &problem);
		web_put_problem(&b, c->client_id, problem.p);
		buf_done(&problem);
	}
	conn_push_buf(k, &b);
	buf_done(&b);
}

static void answer_request(struct web_call *c)
{
	struct call_answer *a = &c->answer;
	a->ends = c->reply.ends;
	if (c->reply.code == API_OK) {
		a->status = 200;
		a->replayed = c->reply.again;
		buf_add_str(&a->body, c->text == NULL ? "{}" : c->text);
		buf_add_char(&a->body, '\n');
	} else {
		put_problem(a, &c->reply.problem);
	}
	c->answered = true;
	if (c->done != NULL)
		c->done(c->arg);
}

static void finish(struct web_call *c)
{
	uint64_t us = clock_us() - c->began_us;
	metric_add(c->web->m_calls, 1);
	metric_observe_ms(c->web->m_call_ms, (double)us / 1000);
	log_info("api.call", LF_ID("call", c->id), LF_STR("request_id", c->answer.request_id), LF_STR("procedure", c->procedure),
	    LF_STR("via", c->conn != 0 ? "websocket" : "http"), LF_INT("us", us), LF_STR("result", problem_name(c->reply.code)));
	if (c->conn != 0)
		answer_frame(c);
	else
		answer_request(c);
}

static void fail(struct web_call *c, enum api_code code, unsigned retry_after_s, const char *detail)
{
	c->reply.code = c->reply.problem.code = code;
	c->reply.problem.retry_after_s = retry_after_s;
	snprintf(c->reply.problem.detail, sizeof c->reply.problem.detail, "%s", detail);
	finish(c);
}

static void on_loop(void *arg)
{
	finish(arg);
	unref(arg);
}

/* ---- the work ---- */

static void on_worker(void *arg)
{
	struct web_call *c = arg;
	const struct api_request q = { .ws = c->web->ws,
		.adapter = web_ops.name,
		.person = c->known ? c->person : NULL,
		.name = c->name,
		.secret = c->secret[0] != '\0' ? c->secret : NULL,
		.via = c->via,
		.address = c->address,
		.session = c->session,
		.procedure = c->procedure,
		.args = c->args,
		.key = c->named ? c->key : NULL,
		.id = c->id };
	engine_call(c->web->engine, &q, &c->reply);
	/* Here, and not where everybody waits. */
	c->text = c->reply.out == NULL ? NULL : json_dumps(c->reply.out, JSON_COMPACT);
	json_decref(c->reply.out);
	c->reply.out = NULL;
	if (!loop_post(c->web->loop, on_loop, c))
		unref(c);
}

/* Limits of the caller, then off to a worker. */
static void start(struct web_call *c)
{
	char who[80] = "";
	if (c->known)
		snprintf(who, sizeof who, "p %s", c->person);
	else if (c->secret[0] != '\0')
		snprintf(who, sizeof who, "k %.*s", KEY_ID, c->secret);
	unsigned wait = who[0] != '\0' ? wait_s(c->web->calls_by_caller, who) : 0;
	if (wait > 0) {
		fail(c, API_LIMITED, wait, "");
		return;
	}
	atomic_fetch_add(&c->refs, 1);
	if (engine_submit(c->web->engine, on_worker, c))
		return;
	atomic_fetch_sub(&c->refs, 1); /* whoever called us has one yet */
	fail(c, API_UNAVAILABLE, 1, "");
}

/* ---- requests ---- */

static bool is_json(const char *type)
{
	return type != NULL && strncasecmp(type, "application/json", 16) == 0 &&
	    (type[16] == '\0' || strchr("; ", type[16]) != NULL);
}

static bool well_formed(const char *id)
{
	size_t n = strlen(id);
	return n > 0 && n <= CALL_REQUEST_ID &&
	    strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:") == n;
}

/* Whoever brings a token that we know. */
static bool find_caller(struct web_call *c, const struct call_head *h)
{
	struct web *w = c->web;
	if (h->authorization == NULL || strncasecmp(h->authorization, "Bearer ", 7) != 0)
		return false;
	const char *token = h->authorization + 7;
	const struct web_login *l;
	if (h->origin == NULL && web_is_loopback(h->peer) && web_is_loopback(h->address) && web_token_equal(token, w->local_token))
		speaks_for(c, &w->local, "cli");
	else if (w->shared_token != NULL && web_token_equal(token, w->shared_token))
		speaks_for(c, &w->shared, "web");
	else if ((l = web_logins_find(w->logins, token, clock_ms())) != NULL)
		speaks_for(c, &l->person, "web"), c->session = l->session;
	else if (strncmp(token, KEY_PREFIX, strlen(KEY_PREFIX)) == 0)
		snprintf(c->secret, sizeof c->secret, "%s", token);
	return c->known || c->secret[0] != '\0';
}

/* NULL: may go on. */
static const char *check_page(const struct web *w, const struct call_head *h, struct call_answer *a)
{
	if (h->origin == NULL)
		return NULL;
	if (!web_origin_allowed(h->origin, h->host, w->origins, w->origins_len))
		return "Pages of this origin may not call: see web.allowed_origins.";
	snprintf(a->origin, sizeof a->origin, "%s", h->origin);
	return a->preflight || h->marker != NULL ? NULL : "A page has to send the header X-Eddy.";
}

struct web_call *call_new(struct web *w, const struct call_head *h, struct call_answer *a)
{
	struct web_call *c = new_call(w, h->path + strlen(PREFIX));
	const char *why;
	char network[64];
	unsigned wait;
	*a = (struct call_answer){ .preflight = strcmp(h->method, "OPTIONS") == 0 };
	if (h->request_id != NULL && well_formed(h->request_id))
		snprintf(a->request_id, sizeof a->request_id, "%s", h->request_id);
	else
		id_format(c->id, a->request_id);
	visitors_address(h->address, network);
	if ((why = check_page(w, h, a)) != NULL) {
		log_warn("api.call", LF_STR("request_id", a->request_id), LF_STR("origin", h->origin), LF_STR("result", "origin"));
		a->preflight = false;
		refuse(a, API_FORBIDDEN, 0, why);
	} else if (a->preflight && h->origin != NULL)
		a->status = 204;
	else if (strcmp(h->method, "POST") != 0) {
		a->preflight = false;
		refuse(a, API_METHOD, 0, "Procedures are called with POST.");
	} else if ((wait = web_is_loopback(h->address) ? 0 : wait_s(w->calls_by_address, network)) > 0)
		refuse(a, API_LIMITED, wait, "");
	else if (h->body_bytes > CALL_BODY_MAX)
		refuse(a, API_TOO_LARGE, 0, "The arguments are longer than 256 KiB.");
	else if (!is_json(h->content_type))
		refuse(a, API_UNSUPPORTED, 0, "The body must be application/json.");
	else if (!find_caller(c, h) && h->authorization != NULL)
		refuse(a, API_UNAUTHENTICATED, 0, "This token is none that this server knows, or has ended.");
	else {
		c->expected = (size_t)h->body_bytes;
		c->answer = *a;
		snprintf(c->address, sizeof c->address, "%s", h->address);
		c->named = h->key != NULL;
		snprintf(c->key, sizeof c->key, "%s", h->key == NULL ? "" : h->key);
		return c;
	}
	call_free(c);
	return NULL;
}

bool call_body(struct web_call *c, const void *p, size_t n)
{
	if (c->body.len + n > c->expected)
		return false;
	buf_add(&c->body, p, n);
	return true;
}

void call_run(struct web_call *c, void (*done)(void *arg), void *arg)
{
	char why[160] = "";
	c->done = done;
	c->arg = arg;
	if (c->body.len > 0 && json_parse(c->body.p, c->body.len, CALL_BODY_MAX, &c->args, why) != ERR_NONE)
		fail(c, API_INVALID, 0, why);
	else if (c->args != NULL && !json_is_object(c->args))
		fail(c, API_INVALID, 0, "The arguments are a JSON object.");
	else
		start(c);
}

const struct call_answer *call_answer(const struct web_call *c)
{
	return c->answered ? &c->answer : NULL;
}

/* ---- frames ---- */

void call_frame(struct conn *k, const struct web_command *cmd)
{
	struct web_call *c = new_call(k->web, cmd->procedure);
	c->conn = k->id;
	strcpy(c->client_id, cmd->client_id);
	c->args = json_incref(cmd->args);
	c->named = cmd->key != NULL;
	snprintf(c->key, sizeof c->key, "%s", cmd->key == NULL ? "" : cmd->key);
	snprintf(c->address, sizeof c->address, "%s", k->address);
	id_format(c->id, c->answer.request_id);
	if (k->login == NULL || !k->login->guest)
		speaks_for(c, k->person, k->person == &k->web->local ? "cli" : "web");
	if (c->known && k->login != NULL)
		c->session = k->login->session;
	if (!c->known) {
		k->asking++;
		fail(c, API_FORBIDDEN, 0, "Guests of a page cannot call procedures.");
	} else if (k->asking++ >= WEB_ASKING_MAX) {
		fail(c, API_LIMITED, 1, "Too many calls of this connection wait for an answer.");
	} else {
		start(c);
	}
	unref(c);
}
