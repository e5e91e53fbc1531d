#include "engine_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/base/metric.h"
#include "../../core/settings/settings.h"
#include "db.h"
#include "patience.h"

#define NOTES_MAX 4096

struct model_call {
	struct model_call *next;
	model_event_fn fn;
	void *arg;
	char *text, *words;
	bool floor, has_result, hanging;
	atomic_bool cancelled;
	enum script script;
	uint64_t due_ms;
	struct id run;
};

struct adapter {
	struct fixture *f;
};

struct fixture {
	struct fixture_options o;
	struct adapter_ops ops;
	struct adapter adapter;
	struct model model; /* first: the ops get &model */
	struct settings *settings;
	struct metrics *metrics;
	struct engine *engine;
	char *url;
	struct id ws;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	pthread_t thread;
	bool stopping;
	struct model_call *head, **tail, *hanging;
	enum script scripts[64], after_tool;
	size_t scripts_len, scripts_at;
	enum err results[64];
	size_t results_len, results_at;
	char denied[64];
	char *words[64], *asked;
	size_t words_len, words_at, opened;
	struct noted notes[NOTES_MAX];
	size_t notes_len, calls;
};

static struct fixture *of_model(struct model *m)
{
	return (struct fixture *)(void *)((char *)m - offsetof(struct fixture, model));
}

static void emit_text(struct model_call *c, const char *text)
{
	c->fn(c->arg, &(struct model_event){ .kind = MODEL_TEXT, .text = text, .text_len = strlen(text) });
}

static struct model_usage usage(const struct fixture *f, const struct model_call *c)
{
	return (struct model_usage){ .input_tokens = 100,
		.output_tokens = 10,
		.cost_micros = c->floor ? 0 : f->o.cost_micros,
		.first_ms = 1,
		.total_ms = 2,
		.provider = c->floor ? "builtin" : "fake",
		.model = c->floor ? "builtin" : "fake-1" };
}

static void end_call(
    struct fixture *f, struct model_call *c, enum model_event_kind kind, enum model_fail fail, enum model_stop stop)
{
	if (f->o.on_call_end != NULL)
		f->o.on_call_end(f->o.call_arg, c->run);
	c->fn(c->arg, &(struct model_event){ .kind = kind, .fail = fail, .stop = stop, .why = "scripted", .usage = usage(f, c) });
	free(c->text);
	free(c->words);
	free(c);
}

static void answer(struct fixture *f, struct model_call *c)
{
	struct buf b = BUF_INIT;
	if (c->words != NULL)
		buf_add_str(&b, c->words);
	else
		buf_addf(&b, "%s%s", c->floor ? "floor: " : c->has_result ? "found: " : "re: ", c->text);
	if (f->o.quick) {
		emit_text(c, b.p);
	} else {
		char part[2] = "";
		for (size_t i = 0; i < b.len; i++) {
			part[0] = b.p[i];
			emit_text(c, part);
		}
	}
	buf_done(&b);
	end_call(f, c, MODEL_STOP, FAIL_BROKEN, STOP_END);
}

/* "CALL NAME ARGUMENTS" or "CALL NAME#ID ARGUMENTS" as words, a line each */
static void call_tools(struct fixture *f, struct model_call *c)
{
	int n = 0;
	for (char *line = c->words, *next; line != NULL && strncmp(line, "CALL ", 5) == 0; line = next) {
		char name[96], id[20], *own;
		next = strstr(line, "\nCALL ");
		if (next != NULL)
			*next++ = '\0';
		const char *from = line + 5;
		size_t len = strcspn(from, " ");
		snprintf(name, sizeof(name), "%.*s", (int)len, from);
		snprintf(id, sizeof(id), "call_%d", ++n);
		from += len + (from[len] == ' ');
		if ((own = strchr(name, '#')) != NULL)
			*own++ = '\0';
		c->fn(c->arg,
		    &(struct model_event){ .kind = MODEL_TOOL_CALL,
		        .tool_id = own != NULL ? own : id,
		        .tool_name = name,
		        .text = from,
		        .text_len = strlen(from) });
	}
	end_call(f, c, MODEL_STOP, FAIL_BROKEN, STOP_TOOLS);
}

static void work(struct fixture *f, struct model_call *c)
{
	if (c->cancelled) {
		end_call(f, c, MODEL_FAILED, FAIL_CANCELLED, STOP_END);
		return;
	}
	switch (c->floor ? SCRIPT_ANSWER : c->script) {
	case SCRIPT_ANSWER:
		if (c->words != NULL && strncmp(c->words, "CALL ", 5) == 0)
			call_tools(f, c);
		else
			answer(f, c);
		return;
	case SCRIPT_BUSY:
		end_call(f, c, MODEL_FAILED, FAIL_BUSY, STOP_END);
		return;
	case SCRIPT_CUT:
		emit_text(c, "half ");
		emit_text(c, "an ");
		emit_text(c, "answer");
		end_call(f, c, MODEL_FAILED, FAIL_BROKEN, STOP_END);
		return;
	case SCRIPT_REFUSED:
		end_call(f, c, MODEL_FAILED, FAIL_REFUSED, STOP_END);
		return;
	case SCRIPT_EMPTY:
		end_call(f, c, MODEL_STOP, FAIL_BROKEN, STOP_END);
		return;
	case SCRIPT_BYTES:
		emit_text(c, "no \xff text");
		end_call(f, c, MODEL_STOP, FAIL_BROKEN, STOP_END);
		return;
	case SCRIPT_TOOL:
		if (c->has_result) {
			answer(f, c);
			return;
		}
		__attribute__((fallthrough));
	case SCRIPT_LOOP:
		c->fn(c->arg,
		    &(struct model_event){ .kind = MODEL_TOOL_CALL,
		        .tool_id = "call_1",
		        .tool_name = f->o.tool != NULL ? f->o.tool : "search_messages",
		        .text = f->o.tool != NULL ? f->o.tool_args : "{\"query\":\"deploy\"}",
		        .text_len = f->o.tool != NULL ? strlen(f->o.tool_args) : 18 });
		end_call(f, c, MODEL_STOP, FAIL_BROKEN, STOP_TOOLS);
		return;
	case SCRIPT_HANG:
		if (!c->hanging)
			emit_text(c, "hanging ");
		c->hanging = true;
		pthread_mutex_lock(&f->mutex);
		c->next = f->hanging;
		f->hanging = c;
		pthread_mutex_unlock(&f->mutex);
		return;
	}
}

static void *model_main(void *arg)
{
	struct fixture *f = arg;
	pthread_mutex_lock(&f->mutex);
	for (;;) {
		struct model_call **p = &f->hanging;
		while (*p != NULL && !(*p)->cancelled)
			p = &(*p)->next;
		struct model_call *c = *p;
		if (c != NULL) {
			*p = c->next;
		} else if (f->head != NULL && f->head->due_ms > clock_ms()) { /* all take the same time: the first ends first */
			pthread_mutex_unlock(&f->mutex);
			usleep(500);
			pthread_mutex_lock(&f->mutex);
			continue;
		} else if ((c = f->head) != NULL) {
			f->head = c->next;
			if (f->head == NULL)
				f->tail = &f->head;
		} else if (f->stopping) {
			break;
		} else {
			pthread_cond_wait(&f->cond, &f->mutex);
			continue;
		}
		pthread_mutex_unlock(&f->mutex);
		work(f, c);
		pthread_mutex_lock(&f->mutex);
	}
	pthread_mutex_unlock(&f->mutex);
	return NULL;
}

static struct model_call *model_start(struct model *m, const struct model_request *r, model_event_fn fn, void *arg)
{
	struct fixture *f = of_model(m);
	struct model_call *c = xcalloc(1, sizeof(*c));
	c->fn = fn;
	c->arg = arg;
	c->run = r->run;
	c->floor = r->model != NULL && strcmp(r->model, "builtin") == 0;
	for (size_t i = r->messages_len; i-- > 0;) {
		if (r->messages[i].role == ROLE_TOOL_RESULT)
			c->has_result = true;
		if (r->messages[i].role != ROLE_USER)
			continue;
		c->text = xstrndup(r->messages[i].text, r->messages[i].text_len);
		break;
	}
	struct buf asked = BUF_INIT;
	buf_add(&asked, r->system, r->system_len);
	for (size_t i = 0; i < r->messages_len; i++) {
		buf_add_char(&asked, '\n');
		buf_add(&asked, r->messages[i].text, r->messages[i].text_len);
	}
	for (size_t i = 0; i < r->tools_len; i++)
		buf_addf(&asked, "\n%s: %s", r->tools[i].name, r->tools[i].description);
	if (!c->floor && f->o.words_of != NULL)
		c->words = f->o.words_of(f->o.call_arg, r);
	pthread_mutex_lock(&f->mutex);
	free(f->asked);
	f->asked = buf_detach(&asked, NULL);
	if (c->words != NULL) {
		f->calls++;
		c->script = SCRIPT_ANSWER;
	} else if (!c->floor && f->words_at < f->words_len) {
		f->calls++;
		c->words = f->words[f->words_at++];
		c->script = SCRIPT_ANSWER;
	} else if (!c->floor) {
		f->calls++;
		c->script = c->has_result            ? f->after_tool
		    : f->scripts_at < f->scripts_len ? f->scripts[f->scripts_at++]
		                                     : SCRIPT_ANSWER;
	}
	if (f->o.on_call != NULL) {
		enum script s = f->o.on_call(f->o.call_arg, r, c->floor);
		if (!c->floor && c->words == NULL)
			c->script = s;
	}
	c->due_ms = f->o.model_ms > 0 ? clock_ms() + f->o.model_ms : 0;
	*f->tail = c;
	f->tail = &c->next;
	pthread_mutex_unlock(&f->mutex);
	pthread_cond_broadcast(&f->cond);
	return c;
}

static void model_cancel(struct model *m, struct model_call *c)
{
	struct fixture *f = of_model(m);
	pthread_mutex_lock(&f->mutex);
	c->cancelled = true;
	pthread_mutex_unlock(&f->mutex);
	pthread_cond_broadcast(&f->cond);
}

static int64_t model_worst(struct model *m, const char *name, uint32_t in, uint32_t out)
{
	(void)name;
	(void)in;
	(void)out;
	return of_model(m)->o.cost_micros * 2;
}

static uint32_t model_window(struct model *m, const char *name)
{
	(void)m;
	(void)name;
	return 100000;
}

static bool model_available(struct model *m)
{
	(void)m;
	return true;
}

static void model_describe(struct model *m, char *out, size_t n)
{
	snprintf(out, n, of_model(m)->o.no_model ? "builtin" : "fake fake-1");
}

static enum err model_embed(
    struct model *m, const char *const *texts, size_t n, uint32_t ms, float **vectors, size_t *dims, struct model_usage *usage)
{
	(void)ms;
	*usage = (struct model_usage){ .input_tokens = (uint32_t)n, .provider = "fake", .model = "fake-embed" };
	return of_model(m)->o.embed(of_model(m)->o.embed_arg, texts, n, vectors, dims);
}

static const struct model_ops fake_embedder = { "fake", model_start, model_cancel, model_worst, model_window, model_available,
	model_describe, model_embed };
static const struct model_ops fake_model = { "fake", model_start, model_cancel, model_worst, model_window, model_available,
	model_describe, NULL };

/* ---- the adapter ---- */

static enum err adapter_send(struct adapter *a, const struct reply *r)
{
	struct fixture *f = a->f;
	if (f->o.on_whole != NULL && r->kind == REPLY_WHOLE)
		f->o.on_whole(f->o.arg, r);
	enum err result = ERR_NONE;
	pthread_mutex_lock(&f->mutex);
	if (!f->o.quick && f->notes_len < NOTES_MAX)
		f->notes[f->notes_len++] =
		    (struct noted){ r->kind, r->run, r->thread, xstrndup(r->text ? r->text : "", r->text_len), r->seq, r->attempt,
			    r->maybe_sent, r->failed, r->one_person_only, "", "", "", "" };
	if (!f->o.quick && f->notes_len > 0) {
		struct noted *last = &f->notes[f->notes_len - 1];
		snprintf(last->step, sizeof(last->step), "%s", r->step_id != NULL ? r->step_id : "");
		snprintf(last->to, sizeof(last->to), "%.*s", (int)r->origin_len, r->origin ? (const char *)r->origin : "");
		for (size_t i = 0, at = 0; i < r->components_len && at < sizeof(last->offers); i++)
			at += (size_t)snprintf(last->offers + at, sizeof(last->offers) - at, "%s|%s|%s\n",
			    r->components[i].label ? r->components[i].label : "", r->components[i].action, r->components[i].value);
	}
	char ref[32] = "ts-1";
	bool opens = r->origin_len == 6 && memcmp(r->origin, "beside", 6) == 0;
	if (r->kind == REPLY_WHOLE && opens) /* a side thread is named by the first message of it */
		snprintf(ref, sizeof(ref), "f%zu", ++f->opened);
	if (!f->o.quick && r->external_ref != NULL && f->notes_len > 0)
		snprintf(f->notes[f->notes_len - 1].ref, sizeof(f->notes[0].ref), "%s", r->external_ref);
	if (r->kind == REPLY_WHOLE && f->results_at < f->results_len)
		result = f->results[f->results_at++];
	if (r->kind == REPLY_WHOLE && f->denied[0] != '\0' && r->origin_len == strlen(f->denied) &&
	    memcmp(r->origin, f->denied, r->origin_len) == 0)
		result = ERR_DENIED;
	pthread_mutex_unlock(&f->mutex);
	if (r->kind == REPLY_WHOLE && (f->o.caps & CAP_PULL) == 0 && !f->o.mute)
		engine_sent(f->engine,
		    &(struct sent){ .ws = r->ws,
		        .delivery = r->delivery,
		        .result = result,
		        .retry_after_ms = 1,
		        .external_ref = result == ERR_NONE ? ref : NULL,
		        .why = result == ERR_NONE ? NULL : "scripted" });
	return ERR_NONE;
}

static size_t adapter_for(struct adapter *a, struct id ws, const char *place, const char *subject, char out[INTENT_ORIGIN_MAX])
{
	(void)ws;
	return (size_t)snprintf(out, INTENT_ORIGIN_MAX, a->f->o.subjects ? "to:%s:%s" : "to:%s", place, subject);
}

static size_t adapter_within(struct adapter *a, const void *origin, size_t n, const char *key, char out[INTENT_ORIGIN_MAX])
{
	(void)a;
	(void)origin;
	(void)n;
	return (size_t)snprintf(out, INTENT_ORIGIN_MAX, "within:%s", key);
}

static size_t adapter_beside(struct adapter *a, struct id ws, const void *origin, size_t n, struct id id, const char *topic,
    char out[INTENT_ORIGIN_MAX], char place_key[PLACE_KEY_MAX], char thread_key[PLACE_KEY_MAX])
{
	(void)ws;
	(void)origin;
	(void)n;
	place_key[0] = thread_key[0] = '\0';
	if (strcmp(topic, "nowhere") == 0)
		return 0;
	if ((a->f->o.caps & CAP_PULL) == 0)
		return (size_t)snprintf(out, INTENT_ORIGIN_MAX, "beside");
	id_format(id, thread_key);
	return (size_t)snprintf(out, INTENT_ORIGIN_MAX, "within:%s", thread_key);
}

static size_t adapter_plain(struct adapter *a, const void *origin, size_t n, char out[INTENT_ORIGIN_MAX])
{
	(void)a;
	(void)origin;
	return n == 0 ? 0 : (size_t)snprintf(out, INTENT_ORIGIN_MAX, "plain");
}

static void adapter_describe(struct adapter *a, char *out, size_t n)
{
	(void)a;
	snprintf(out, n, "a fake");
}

static bool adapter_permalink(
    struct adapter *a, struct id ws, const char *place, const char *thread, const char *message, char *out, size_t n)
{
	(void)a;
	(void)ws;
	(void)thread;
	snprintf(out, n, "https://test.example/%s/%s", place, message);
	return true;
}

struct fixture *fixture_new(const struct fixture_options *o)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	f->o = *o;
	if (f->o.caps == 0)
		f->o.caps = CAP_STREAM | CAP_STATUS;
	f->model.ops = o->embed != NULL ? &fake_embedder : &fake_model;
	f->tail = &f->head;
	f->after_tool = SCRIPT_TOOL;
	pthread_mutex_init(&f->mutex, NULL);
	pthread_cond_init(&f->cond, NULL);
	f->url = xstrdup(o->url ? o->url : test_db_fresh());
	static const struct setting *const tables[] = { core_settings, NULL };
	f->settings = settings_new(tables);
	struct buf problems = BUF_INIT;
	char *none[] = { NULL };
	char *overrides[20] = { NULL };
	size_t n = 0;
	overrides[n++] = xstrdup("secrets.master_key=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
	overrides[n++] = xstrdup("limits.person=1000000");
	overrides[n++] = xstrdup("limits.team=1000000");
	overrides[n++] = xstrdup("limits.workspace=1000000");
	for (const char *s = o->settings; s != NULL && *s && n < 19; s += strlen(s) + 1)
		overrides[n++] = xstrdup(s);
	if (settings_load(f->settings, NULL, none, overrides, &problems) != ERR_NONE) {
		fprintf(stderr, "settings: %s\n", problems.p);
		abort();
	}
	for (size_t i = 0; i < n; i++)
		free(overrides[i]);
	buf_done(&problems);
	f->metrics = metrics_new();
	struct engine_options eo = { .settings = f->settings,
		.metrics = f->metrics,
		.model = &f->model,
		.database_url = f->url,
		.data_dir = o->data_dir,
		.lease_ms = o->lease_ms,
		.heartbeat_ms = o->heartbeat_ms,
		.scan_ms = o->scan_ms };
	char why[256] = "";
	if (engine_open(&f->engine, &eo, why, sizeof(why)) != ERR_NONE) {
		fprintf(stderr, "engine_open: %s\n", why);
		abort();
	}
	f->ops = (struct adapter_ops){ .origin_for = adapter_for,
		.origin_within = adapter_within,
		.origin_beside = adapter_beside,
		.origin_plain = o->words_in_origins ? adapter_plain : NULL,
		.name = f->o.adapter ? f->o.adapter : "test",
		.caps = f->o.caps,
		.send = adapter_send,
		.describe = adapter_describe,
		.permalink = adapter_permalink };
	f->adapter.f = f;
	engine_add_adapter(f->engine, &f->ops, &f->adapter);
	if (engine_install(f->engine, "test", "T1", "Test", true, &f->ws) != ERR_NONE)
		abort();
	if (o->before_start != NULL)
		o->before_start(o->before_arg, f->engine);
	pthread_create(&f->thread, NULL, model_main, f);
	if (engine_start(f->engine) != ERR_NONE)
		abort();
	return f;
}

void fixture_free(struct fixture *f)
{
	fixture_release(f);
	engine_drain(f->engine, 1000);
	pthread_mutex_lock(&f->mutex);
	f->stopping = true; /* once nothing waits any more */
	pthread_mutex_unlock(&f->mutex);
	fixture_release(f);
	pthread_join(f->thread, NULL);
	engine_free(f->engine); /* last: a model may hand in its ends until it is stopped */
	settings_free(f->settings);
	metrics_free(f->metrics);
	for (size_t i = 0; i < f->notes_len; i++)
		free(f->notes[i].text);
	for (size_t i = f->words_at; i < f->words_len; i++)
		free(f->words[i]);
	free(f->asked);
	free(f->url);
	free(f);
}

struct engine *fixture_engine(struct fixture *f)
{
	return f->engine;
}

struct id fixture_ws(struct fixture *f)
{
	return f->ws;
}

const char *fixture_url(struct fixture *f)
{
	return f->url;
}

void fixture_script(struct fixture *f, enum script s)
{
	pthread_mutex_lock(&f->mutex);
	f->scripts[f->scripts_len++] = s;
	pthread_mutex_unlock(&f->mutex);
}

void fixture_sent_results(struct fixture *f, enum err next)
{
	pthread_mutex_lock(&f->mutex);
	f->results[f->results_len++] = next;
	pthread_mutex_unlock(&f->mutex);
}

void fixture_denies(struct fixture *f, const char *origin)
{
	pthread_mutex_lock(&f->mutex);
	snprintf(f->denied, sizeof f->denied, "%s", origin);
	pthread_mutex_unlock(&f->mutex);
}

void fixture_after_tool(struct fixture *f, enum script s)
{
	pthread_mutex_lock(&f->mutex);
	f->after_tool = s;
	pthread_mutex_unlock(&f->mutex);
}

void fixture_release(struct fixture *f)
{
	fixture_release_as(f, SCRIPT_ANSWER);
}

void fixture_release_as(struct fixture *f, enum script s)
{
	pthread_mutex_lock(&f->mutex);
	struct model_call *c = f->hanging;
	f->hanging = NULL;
	while (c != NULL) {
		struct model_call *next = c->next;
		c->script = s;
		c->next = NULL;
		*f->tail = c;
		f->tail = &c->next;
		c = next;
	}
	pthread_mutex_unlock(&f->mutex);
	pthread_cond_broadcast(&f->cond);
}

struct waiter {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool done;
	struct accepted result;
};

static void on_accepted(void *arg, const struct accepted *a)
{
	struct waiter *w = arg;
	pthread_mutex_lock(&w->mutex);
	w->result = *a;
	w->done = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->mutex);
}

bool fixture_do(struct fixture *f, struct intent *in, struct accepted *out)
{
	in->ws = id_is_none(in->ws) ? f->ws : in->ws;
	in->adapter = in->adapter == NULL ? "test" : in->adapter;
	if (in->origin == NULL) {
		in->origin = "origin";
		in->origin_len = 6;
	}
	in->received_ms = clock_wall_ms();
	struct waiter w = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, { 0 } };
	if (!engine_accept(f->engine, in, on_accepted, &w))
		return false;
	pthread_mutex_lock(&w.mutex);
	while (!w.done)
		pthread_cond_wait(&w.cond, &w.mutex);
	pthread_mutex_unlock(&w.mutex);
	if (out != NULL)
		*out = w.result;
	return w.result.result == ERR_NONE;
}

bool fixture_say_in(struct fixture *f, const char *place, enum visibility v, const char *person, const char *thread,
    const char *key, const char *text, bool to_us)
{
	char source[192];
	snprintf(source, sizeof(source), "m:%s:%s", place, key);
	struct intent in = { .kind = INTENT_MESSAGE_POSTED,
		.source_key = source,
		.message_key = key,
		.thread_key = thread,
		.person = { .external_id = person, .name = person },
		.place = { .external_id = place, .name = place, .visibility = v, .eddy_is_member = true },
		.text = text,
		.text_len = strlen(text),
		.mentions_us = to_us };
	return fixture_do(f, &in, NULL);
}

void fixture_words(struct fixture *f, const char *text)
{
	pthread_mutex_lock(&f->mutex);
	if (f->words_len < sizeof(f->words) / sizeof(f->words[0]))
		f->words[f->words_len++] = xstrdup(text);
	pthread_mutex_unlock(&f->mutex);
}

char *fixture_asked(struct fixture *f)
{
	pthread_mutex_lock(&f->mutex);
	char *asked = xstrdup(f->asked != NULL ? f->asked : "");
	pthread_mutex_unlock(&f->mutex);
	return asked;
}

bool fixture_say(struct fixture *f, const char *person, const char *thread, const char *key, const char *text)
{
	char source[128];
	snprintf(source, sizeof(source), "m:D1:%s", key);
	struct intent in = { .kind = INTENT_MESSAGE_POSTED,
		.source_key = source,
		.message_key = key,
		.thread_key = thread,
		.person = { .external_id = person, .name = person },
		.place = { .external_id = "D1", .name = "direct", .visibility = VIS_DIRECT, .eddy_is_member = true },
		.text = text,
		.text_len = strlen(text) };
	return fixture_do(f, &in, NULL);
}

size_t fixture_count(struct fixture *f, enum reply_kind kind)
{
	size_t n = 0;
	pthread_mutex_lock(&f->mutex);
	for (size_t i = 0; i < f->notes_len; i++)
		n += f->notes[i].kind == kind;
	pthread_mutex_unlock(&f->mutex);
	return n;
}

size_t fixture_wait_replies(struct fixture *f, size_t n, uint32_t ms)
{
	uint64_t until = clock_ms() + patience_ms(ms);
	while (fixture_count(f, REPLY_WHOLE) < n && clock_ms() < until)
		usleep(2000);
	return fixture_count(f, REPLY_WHOLE);
}

const struct noted *fixture_reply(struct fixture *f, size_t at)
{
	const struct noted *n = NULL;
	pthread_mutex_lock(&f->mutex);
	for (size_t i = 0; i < f->notes_len && n == NULL; i++)
		if (f->notes[i].kind == REPLY_WHOLE && at-- == 0)
			n = &f->notes[i];
	pthread_mutex_unlock(&f->mutex);
	return n;
}

const struct noted *fixture_note(struct fixture *f, size_t at)
{
	pthread_mutex_lock(&f->mutex);
	const struct noted *n = at < f->notes_len ? &f->notes[at] : NULL;
	pthread_mutex_unlock(&f->mutex);
	return n;
}

size_t fixture_model_calls(struct fixture *f)
{
	pthread_mutex_lock(&f->mutex);
	size_t n = f->calls;
	pthread_mutex_unlock(&f->mutex);
	return n;
}

bool fixture_wait_calls(struct fixture *f, size_t n, uint32_t ms)
{
	uint64_t until = clock_ms() + patience_ms(ms);
	while (fixture_model_calls(f) < n && clock_ms() < until)
		usleep(2000);
	return fixture_model_calls(f) >= n;
}

bool fixture_wait_idle(struct fixture *f, uint32_t ms)
{
	uint64_t until = clock_ms() + patience_ms(ms);
	char status[512];
	do {
		engine_status(f->engine, status, sizeof(status));
		if (strstr(status, "open in memory: 0\n") != NULL && strstr(status, "waiting to be stored: 0\n") != NULL)
			return true;
		usleep(2000);
	} while (clock_ms() < until);
	return false;
}

struct intent fixture_intent(enum intent_kind kind, const char *source, const char *key, const char *text)
{
	return (struct intent){ .kind = kind,
		.source_key = source,
		.message_key = key,
		.thread_key = "t1",
		.person = { .external_id = "U1" },
		.place = { .external_id = "D1", .visibility = VIS_DIRECT, .eddy_is_member = true },
		.text = text,
		.text_len = text ? strlen(text) : 0 };
}

long db_count(const char *sql)
{
	const char *v = test_db_value(sql);
	return v ? atol(v) : -1;
}

bool db_comes_true(const char *sql, uint32_t ms)
{
	uint64_t until = clock_ms() + patience_ms(ms);
	while (db_count(sql) != 1 && clock_ms() < until)
		usleep(10000);
	return db_count(sql) == 1;
}

bool db_settles(uint32_t ms)
{
	return db_comes_true("SELECT (NOT EXISTS (SELECT 1 FROM eddy.runs WHERE state <= 2)"
	                     " AND NOT EXISTS (SELECT 1 FROM eddy.outbox WHERE state <= 2)"
	                     " AND NOT EXISTS (SELECT 1 FROM eddy.dispatch WHERE pending <> 0 OR owner IS NOT NULL))::int",
	    ms);
}
