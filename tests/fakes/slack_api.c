/*
 * One Web API call: who may call it, how often, which fault it meets before the act and after it, and its line in the journal.
 * A method that was answered 429 stays closed for that channel until its Retry-After is over; calls before that are violations.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slack.h"

enum { FAULTS_MAX = 32, GATES = 4096 };
struct fault {
	char method[64], channel[ID_ROOM], act[32], error[64];
	int64_t times, skip, ms, retry_after;
	double share;
};
static struct fault faults[FAULTS_MAX];
static size_t faults_len;

/* How often a method may be called, per channel for posts; and until when it was told to wait. */
struct gate {
	char key[96];
	double tokens;
	uint64_t at_us, closed_until_us;
	struct gate *next;
};
static struct gate *gates[GATES];

bool fault_add(const json_t *f)
{
	static const char *const known[] = { "429", "500", "html", "error", "delay", "blackhole", "cut", "500_after", "lost_after",
		"delay_after", "blackhole_after" };
	const char *act = kit_str(f, "do", "");
	bool ok = false;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		ok |= strcmp(known[i], act) == 0;
	if (!ok || faults_len == FAULTS_MAX)
		return false;
	struct fault *x = &faults[faults_len++];
	*x = (struct fault){ .times = kit_int(f, "times", 1),
		.skip = kit_int(f, "skip", 0),
		.ms = kit_int(f, "ms", 1000),
		.retry_after = kit_int(f, "retry_after", 1),
		.share = kit_num(f, "share", 1) };
	snprintf(x->method, sizeof x->method, "%s", kit_str(f, "method", "chat.postMessage"));
	snprintf(x->channel, sizeof x->channel, "%s", kit_str(f, "channel", ""));
	snprintf(x->act, sizeof x->act, "%s", act);
	snprintf(x->error, sizeof x->error, "%s", kit_str(f, "error", "fatal_error"));
	return true;
}

void faults_clear(void)
{
	faults_len = 0;
}

static const struct fault *fault_take(const struct call *c)
{
	for (size_t i = 0; i < faults_len; i++) {
		struct fault *x = &faults[i];
		if (x->times == 0 || (strcmp(x->method, c->method) != 0 && strcmp(x->method, "*") != 0))
			continue;
		if (*x->channel != '\0' && strcmp(x->channel, c->channel) != 0)
			continue;
		if (x->skip > 0) {
			x->skip--;
			continue;
		}
		if (x->share < 1 && kit_random() >= x->share)
			continue;
		if (x->times > 0)
			x->times--;
		return x;
	}
	return NULL;
}

static struct gate *gate_get(const char *method, const char *channel)
{
	char key[96];
	snprintf(key, sizeof key, "%s %s", method, channel);
	uint32_t h = 2166136261u;
	for (const char *p = key; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	struct gate **slot = &gates[h % GATES], *g = *slot;
	while (g != NULL && strcmp(g->key, key) != 0)
		g = g->next;
	if (g == NULL) {
		g = calloc(1, sizeof *g);
		if (g == NULL)
			abort();
		memcpy(g->key, key, sizeof key);
		g->tokens = -1;
		g->next = *slot;
		*slot = g;
	}
	return g;
}

/* The documented limits: posts one a second a channel with a short burst, the others per minute by tier. */
static int64_t over_limit(const struct call *c)
{
	static const struct {
		const char *method;
		double per_minute, burst;
	} tiers[] = { { "chat.postMessage", 60, 5 }, { "chat.update", 50, 50 }, { "chat.delete", 50, 50 },
		{ "chat.startStream", 20, 20 }, { "chat.stopStream", 20, 20 }, { "chat.appendStream", 100, 100 },
		{ "conversations.info", 50, 50 }, { "conversations.history", 50, 50 }, { "conversations.replies", 50, 50 },
		{ "users.info", 100, 100 }, { "views.publish", 100, 100 }, { "reactions.add", 50, 50 },
		{ "apps.connections.open", 20, 10 } };
	for (size_t i = 0; i < sizeof tiers / sizeof *tiers; i++) {
		if (strcmp(tiers[i].method, c->method) != 0)
			continue;
		struct gate *g = gate_get(c->method, i == 0 ? c->channel : "all");
		if (g->tokens < 0)
			g->tokens = tiers[i].burst;
		g->tokens += (double)(c->at_us - g->at_us) / 60e6 * tiers[i].per_minute;
		if (g->tokens > tiers[i].burst)
			g->tokens = tiers[i].burst;
		g->at_us = c->at_us;
		if (g->tokens < 1)
			return (int64_t)((1 - g->tokens) * 60 / tiers[i].per_minute) + 1;
		g->tokens -= 1;
	}
	return 0;
}

static void note(const struct call *c, int status, const json_t *result)
{
	if (!fake.journal)
		return;
	const char *thread = kit_str(c->args, "thread_ts", ""), *ts = *c->ts != '\0' ? c->ts : kit_str(c->args, "ts", "");
	journal("\"call\":\"%s\",\"status\":%d,\"error\":\"%s\",\"channel\":\"%s\",\"thread_ts\":\"%s\",\"ts\":\"%s\",\"ms\":%llu",
	    c->method, status, kit_str(result, "error", ""), c->channel, thread, ts,
	    (unsigned long long)((kit_now_us() - c->at_us) / 1000));
}

static void call_free(struct call *c)
{
	if (c->message != NULL)
		c->message->calls_open--;
	json_decref(c->args);
	free(c);
}

static void scopes_header(char out[1200])
{
	snprintf(out, 1200, "x-oauth-scopes: %s\r\nx-slack-req-id: fake\r\n", fake.scopes);
}

static void answer_wait(struct call *c, int64_t seconds)
{
	char extra[64];
	snprintf(extra, sizeof extra, "Retry-After: %lld\r\n", (long long)seconds);
	struct gate *g = gate_get(c->method, c->channel);
	g->closed_until_us = c->at_us + (uint64_t)seconds * 1000000;
	note(c, 429, NULL);
	kit_reply_json(c->conn, 429, extra, json_pack("{s:b, s:s}", "ok", 0, "error", "ratelimited"));
	call_free(c);
}

static void act(struct call *c);

static void later(void *arg)
{
	act(arg);
}

struct held {
	struct call *call;
	json_t *result;
};

static void answer_good(struct call *c, json_t *result)
{
	char extra[1200];
	scopes_header(extra);
	note(c, 200, result);
	kit_reply_json(c->conn, 200, extra, result);
	call_free(c);
}

static void answer_later(void *arg)
{
	struct held *h = arg;
	answer_good(h->call, h->result);
	free(h);
}

/* Does the call and answers it, or answers it wrongly, or not at all. */
static void act(struct call *c)
{
	const struct fault *f = c->status == 0 ? fault_take(c) : NULL;
	const char *how = f != NULL ? f->act : "";
	if (strcmp(how, "429") == 0) {
		answer_wait(c, f->retry_after);
		return;
	}
	if (strcmp(how, "500") == 0 || strcmp(how, "html") == 0) {
		static const char page[] = "<html><body>upstream connect error</body></html>";
		note(c, 500, NULL);
		kit_reply(c->conn, 500, "text/html", NULL, page, sizeof page - 1);
		call_free(c);
		return;
	}
	if (strcmp(how, "error") == 0) {
		answer_good(c, fail(f->error));
		return;
	}
	if (strcmp(how, "cut") == 0) {
		note(c, 0, NULL);
		kit_cut(c->conn, true);
		call_free(c);
		return;
	}
	if (strcmp(how, "blackhole") == 0) {
		note(c, 0, NULL);
		kit_freeze(c->conn, true);
		call_free(c);
		return;
	}
	if (strcmp(how, "delay") == 0) {
		c->status = 1; /* comes back here without another fault */
		kit_after((uint64_t)f->ms * 1000, later, c);
		return;
	}
	json_t *result = method_run(c);
	if (strcmp(how, "500_after") == 0) {
		note(c, 500, result);
		kit_reply(c->conn, 500, "text/plain", NULL, "internal error\n", 15);
	} else if (strcmp(how, "lost_after") == 0 || strcmp(how, "blackhole_after") == 0) {
		note(c, 0, result);
		if (*how == 'l')
			kit_cut(c->conn, true);
		else
			kit_freeze(c->conn, true);
	} else if (strcmp(how, "delay_after") == 0) {
		struct held *h = malloc(sizeof *h);
		if (h == NULL)
			abort();
		*h = (struct held){ .call = c, .result = result };
		kit_after((uint64_t)f->ms * 1000, answer_later, h);
		return;
	} else {
		answer_good(c, result);
		return;
	}
	json_decref(result);
	call_free(c);
}

static json_t *arguments(const struct kit_request *r)
{
	char type[128];
	kit_header(r, "content-type", type, sizeof type);
	if (strncmp(type, "application/json", 16) == 0) {
		json_t *o = json_loadb(r->body, r->body_len, JSON_REJECT_DUPLICATES, NULL);
		return o != NULL ? o : json_object();
	}
	json_t *o = kit_form(r->body, r->body_len), *q = kit_form(r->query, strlen(r->query));
	json_object_update(o, q);
	json_decref(q);
	/* In a form, what is nested arrives as JSON text. */
	static const char *const nested[] = { "blocks", "metadata", "view", "chunks", "attachments", "prompts",
		"loading_messages" };
	for (size_t i = 0; i < sizeof nested / sizeof *nested; i++) {
		const char *s = kit_str(o, nested[i], NULL);
		json_t *v = s != NULL ? json_loads(s, JSON_DECODE_ANY, NULL) : NULL;
		if (v != NULL)
			json_object_set_new(o, nested[i], v);
	}
	return o;
}

void api_request(const struct kit_request *r, const char *method)
{
	struct call *c = calloc(1, sizeof *c);
	if (c == NULL)
		abort();
	c->conn = r->conn;
	c->at_us = kit_now_us();
	fake.calls++;
	snprintf(c->method, sizeof c->method, "%s", method);
	c->args = arguments(r);
	snprintf(c->channel, sizeof c->channel, "%s", kit_str(c->args, "channel", kit_str(c->args, "channel_id", "")));
	char auth[160];
	kit_header(r, "authorization", auth, sizeof auth);
	snprintf(c->token, sizeof c->token, "%s", strncmp(auth, "Bearer ", 7) == 0 ? auth + 7 : kit_str(c->args, "token", ""));
	c->app = app_of_token(c->token);
	bool app = strcmp(method, "apps.connections.open") == 0;
	const char *wrong = NULL;
	if (strcmp(method, "oauth.v2.access") == 0) {
		act(c);
		return;
	}
	if (!app)
		wrong = team_of_token(c->token, c->team);
	if (*c->token == '\0')
		answer_good(c, fail("not_authed"));
	else if (app && *auth == '\0')
		answer_good(c, fail("invalid_auth"));
	else if (strncmp(c->token, app ? "xapp-" : "xoxb-", 5) != 0 && (app || strncmp(c->token, "xoxe.xoxb-", 10) != 0))
		answer_good(c,
		    fail(strncmp(c->token, "xox", 3) == 0 || strncmp(c->token, "xapp-", 5) == 0 ? "not_allowed_token_type"
		                                                                                : "invalid_auth"));
	else if (wrong != NULL)
		answer_good(c, fail(wrong));
	else if (strstr(c->token, "revoked") != NULL)
		answer_good(c, fail("token_revoked"));
	else {
		struct gate *g = gate_get(c->method, c->channel);
		if (c->at_us + 50000 < g->closed_until_us)
			violation("called_before_retry_after", c->method);
		bool post = strcmp(method, "chat.postMessage") == 0;
		int64_t wait = fake.limits ? over_limit(c) : post && kit_random() < fake.p429 ? 1 : 0;
		if (wait > 0) {
			answer_wait(c, wait);
		} else if (post && kit_random() < fake.p500) {
			note(c, 500, NULL);
			kit_reply(c->conn, 500, "text/plain", NULL, "internal error\n", 15);
			call_free(c);
		} else {
			act(c);
		}
	}
}

/* What an app hears of its own message. */
void message_echo(const struct channel *c, const struct message *m)
{
	if (!fake.echo)
		return;
	json_t *e = message_json(NULL, m, false);
	json_object_set_new(e, "channel", json_string(c->id));
	json_object_set_new(e, "channel_type", json_string(c->type));
	json_object_set_new(e, "event_ts", json_string(m->ts));
	json_object_set_new(e, "bot_profile", json_pack("{s:s, s:s, s:s}", "id", fake.bot_id, "app_id", fake.app, "name", "eddy"));
	event_callback(e, c->id, m->ts, false);
	app_others_hear(c, m);
}
