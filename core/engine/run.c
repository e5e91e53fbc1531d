/*
 * A run from begin to finish.  Each function below ends by handing the run on, to a worker, the model, the clock or the writer, and
 * must not touch it afterwards.
 *
 *   begin (worker)   what the agent needs to know → the model starts
 *   grow (model)     text goes to the origin as it comes; tool calls are collected
 *   tools (worker)   calls through policy; steps are stored; then begin again.  A call of another agent opens a conversation inside the run
 *                    (sub.h): the same three, until its last words are the result of the call
 *   finish (writer)  see finish.c
 *
 * A model call that fails is repeated with back-off, into the same message if some of it was shown; when that does not help the
 * builtin provider answers as the floor, and says why.
 */
#include <stdlib.h>
#include <string.h>

#include "../agents/policy.h"
#include "../agents/tools.h"
#include "../base/clock.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "../settings/settings.h"
#include "answer.h"
#include "ask.h"
#include "context.h"
#include "engine_internal.h"
#include "money.h"
#include "offer.h"
#include "sub.h"
#include "track.h"
#include "vectors.h"

#define ANSWER_MAX (256u * 1024u)
#define SAME_CALLS_MAX 3 /* the third time in a row it gets no answer any more */
#define TURNS_MAX 60     /* a model that calls tools it was not offered must come to an end too */

struct run *run_new(struct engine *e, struct id ws, struct id id, const struct adapter_slot *via, const void *origin, size_t n)
{
	struct run *r = xcalloc(1, sizeof(*r));
	r->e = e;
	r->ws = ws;
	r->id = id;
	r->via = via;
	r->origin = xmalloc(n + 1);
	memcpy(r->origin, origin, n);
	r->origin_len = n;
	pthread_mutex_init(&r->mutex, NULL);
	return r;
}

static void drop_steps_to(struct run *r, size_t len)
{
	while (r->steps_len > len) {
		struct step *s = &r->steps[--r->steps_len];
		free(s->tool_id);
		free(s->tool_name);
		free(s->text);
	}
}

void run_free(struct run *r)
{
	if (r == NULL)
		return;
	drop_steps_to(r, 0);
	free(r->steps);
	config_release(r->config);
	free(r->origin);
	free(r->stream_ref);
	free(r->calls);
	free(r->payer);
	free(r->floor_words);
	free(r->offered);
	if (r->ask != NULL)
		buf_done(&r->ask->text);
	free(r->ask);
	offer_free(r->components, r->components_len);
	ask_task_free(r->task);
	buf_done(&r->said);
	buf_done(&r->answer);
	buf_done(&r->whole);
	buf_done(&r->memory);
	search_reads_done(&r->reads);
	tool_heard_done(&r->heard);
	act_drop(r);
	speak_done(r);
	pthread_mutex_destroy(&r->mutex);
	free(r);
}

struct step *run_step_add(
    struct run *r, enum model_role role, const char *tool_id, const char *tool_name, const char *text, size_t n, bool failed)
{
	r->steps = xrealloc(r->steps, (r->steps_len + 1) * sizeof(*r->steps));
	struct step *s = &r->steps[r->steps_len++];
	*s = (struct step){ role, xstrdup(tool_id), xstrdup(tool_name), xstrndup(text, n), n, failed, false, (uint8_t)r->depth };
	return s;
}

void run_drop_calls(struct run *r)
{
	drop_steps_to(r, r->steps_len - r->calls_pending);
	r->calls_pending = 0;
}

static void drop_steps(struct run *r)
{
	drop_steps_to(r, 0);
	r->steps_stored = r->calls_pending = 0;
	r->depth = 0;
}

/* ---- ends ---- */

static void end_run(struct run *r, enum run_state outcome, const char *error)
{
	r->outcome = outcome;
	r->error = error;
	if (r->kind == RUN_COMMAND && r->answer.len > 0) {
		speak_over(r->e, r->ws, &r->answer);
	}
	finish_put(r);
}

static void begin_job(void *arg, struct pg *pg);
static void complete_job(void *arg, struct pg *pg);

static void submit_begin(void *arg)
{
	struct run *r = arg;
	if (!engine_job_of(r->e, r->ws, begin_job, r))
		timers_after(r->e->timers, 200, submit_begin, r);
}

void run_begin(struct run *r)
{
	r->began_us = clock_us();
	log_debug("run.begin", LF_ID("run", r->id), LF_ID("thread", r->thread));
	if (r->accepted_us)
		metric_observe_ms(r->e->m.queue_wait_ms, (double)(r->began_us - r->accepted_us) / 1000.0);
	submit_begin(r);
}

void run_request_stop(struct run *r, enum stop_reason why)
{
	/* The first reason stays, but starting over gives way to every end, and a lost lease to nothing. */
	int now = atomic_load(&r->stop);
	while (
	    (now == STOP_NONE || now == STOP_EDITED || why == STOP_LOST) && !atomic_compare_exchange_weak(&r->stop, &now, (int)why))
		;
	pthread_mutex_lock(&r->mutex);
	if (r->call != NULL)
		r->e->model->ops->cancel(r->e->model, r->call);
	pthread_mutex_unlock(&r->mutex);
}

/* Somebody wants this run to end or to start over; true when that was done. */
static bool stopped(struct run *r)
{
	switch ((enum stop_reason)atomic_load(&r->stop)) {
	case STOP_NONE:
		return false;
	case STOP_EDITED: {
		int edited = STOP_EDITED;
		if (!atomic_compare_exchange_strong(&r->stop, &edited, STOP_NONE))
			return stopped(r); /* meanwhile it has to end */
		drop_steps(r);
		search_reads_done(&r->reads);
		r->remembered = false;
		ask_task_free(r->task);
		r->task = NULL;
		buf_reset(&r->said);
		r->turn_at = 0;
		r->tries = r->turns = r->unfit = 0;
		show_take_back(r);
		submit_begin(r);
		return true;
	}
	case STOP_BY_PERSON:
		if (r->anything_shown && r->answer.len > 0)
			buf_add_str(&r->answer, "\n\n_(stopped)_");
		end_run(r, RUN_STOPPED, "stopped");
		return true;
	case STOP_DELETED:
		r->merged_len = 0; /* nobody has answered those: they get their own runs */
		buf_reset(&r->answer);
		end_run(r, RUN_STOPPED, "deleted");
		return true;
	case STOP_LOST:
		r->token = -1; /* whatever the row says: this run writes nothing but what it has cost */
		buf_reset(&r->answer);
		end_run(r, RUN_STOPPED, "lost");
		return true;
	}
	return false;
}

static void fail_plainly(struct run *r, enum run_state outcome, const char *error, enum api_code code, const char *text)
{
	r->turn_at = 0;
	show_take_back(r);
	buf_reset(&r->answer);
	buf_reset(&r->whole);
	buf_add_str(&r->answer, text);
	run_refuse(r, code);
	r->failed_text = true;
	end_run(r, outcome, error);
}

void run_refused(struct run *r)
{
	/* If the first try was stored after all (a COMMIT whose outcome was lost), the run is closed and this end changes nothing. */
	fail_plainly(
	    r, RUN_FAILED, "refused", API_BROKEN, "Sorry, I had an answer that I could not store. The reason is in the log.");
}

/* What the model said to a command's task, or that it will say nothing. */
static void submit_complete(void *arg)
{
	struct run *r = arg;
	if (!engine_job_of(r->e, r->ws, complete_job, r))
		timers_after(r->e->timers, 200, submit_complete, r);
}

static void to_floor(struct run *r, const char *error, const char *why)
{
	if (r->task != NULL && !r->floor) {
		log_warn("run.floor", LF_ID("run", r->id), LF_STR("why", error), LF_STR("result", "done without a model"));
		r->floor = true;
		r->floor_why = why;
		submit_complete(r);
		return;
	}
	if (r->floor) {
		fail_plainly(r, RUN_FAILED, error, strcmp(error, "budget") == 0 ? API_OVER_BUDGET : API_UNAVAILABLE,
		    "Sorry, I could not answer this: the model does not answer and my own search failed too. Please try again later.");
		return;
	}
	log_warn("run.floor", LF_ID("run", r->id), LF_STR("why", error), LF_STR("result", "builtin answers"));
	r->floor = true;
	r->floor_why = why;
	r->tries = 0;
	r->turn_at = 0;
	r->merged_len = 0; /* the floor answers one question: what had joined gets its own run */
	r->context_upto = 0;
	drop_steps(r);
	search_reads_done(&r->reads);
	show_take_back(r);
	submit_begin(r);
}

static void try_again(struct run *r, uint32_t least_ms, const char *error)
{
	show_take_back(r);
	run_drop_calls(r);
	if (++r->tries >= (strcmp(error, "busy") == 0 ? MODEL_BUSY_TRIES : MODEL_TRIES)) {
		to_floor(r, error, "I can't reach my language model right now");
		return;
	}
	uint32_t wait = 250u << r->tries, spread;
	random_bytes(&spread, sizeof(spread));
	wait += spread % (wait / 2);
	metric_add(r->e->m.retries, 1);
	timers_after(r->e->timers, wait > least_ms ? wait : least_ms, submit_begin, r);
}

/* ---- the model's thread ---- */

static void tools_job(void *arg, struct pg *pg);

static void submit_tools(void *arg)
{
	struct run *r = arg;
	if (!engine_job_of(r->e, r->ws, tools_job, r))
		timers_after(r->e->timers, 200, submit_tools, r);
}

static const char *fail_word(enum model_fail f)
{
	static const char *const words[] = { "cancelled", "busy", "broken", "too long", "refused", "unavailable" };
	return words[f];
}

static void record_call(struct run *r, const struct model_event *ev)
{
	bool ok = ev->kind == MODEL_STOP;
	log_info("model.call", LF_ID("run", r->id), LF_STR("provider", ev->usage.provider ? ev->usage.provider : "none"),
	    LF_STR("model", ev->usage.model ? ev->usage.model : "none"), LF_INT("input_tokens", ev->usage.input_tokens),
	    LF_INT("output_tokens", ev->usage.output_tokens), LF_INT("cost_micros", ev->usage.cost_micros),
	    LF_INT("first_ms", ev->usage.first_ms), LF_INT("ms", ev->usage.total_ms),
	    LF_STR("why", ok || ev->why == NULL ? "" : ev->why), LF_STR("result", ok ? "ok" : fail_word(ev->fail)));
	money_ended(r, &ev->usage);
	const size_t max = 24;
	if (r->calls_len == max) { /* keep the sum right */
		struct model_usage *u = &r->calls[max - 1].usage;
		u->cost_micros += ev->usage.cost_micros;
		u->input_tokens += ev->usage.input_tokens;
		u->output_tokens += ev->usage.output_tokens;
		return;
	}
	r->calls = xrealloc(r->calls, (r->calls_len + 1) * sizeof(*r->calls));
	r->calls[r->calls_len++] = (struct call_record){ id_new(), ev->usage, ok ? "ok" : fail_word(ev->fail), r->mark };
}

/* The conversation with another agent is over; the one that has asked it goes on. */
static void end_sub(struct run *r, const char *text, size_t n, bool failed)
{
	sub_close(r, text, n, failed);
	submit_tools(r);
}

static void fail_sub(struct run *r, const char *why)
{
	end_sub(r, why, strlen(why), true);
}

static void on_sub_stop(struct run *r, const struct model_event *ev)
{
	if (r->calls_pending > 0) {
		if (sub_same_calls(r) >= SAME_CALLS_MAX)
			fail_sub(r, "It went round in circles.");
		else if (r->turns < TURNS_MAX)
			submit_tools(r);
		else
			fail_sub(r, "It came to no end.");
		return;
	}
	if (r->said.len == 0) {
		fail_sub(r, ev->stop == STOP_REFUSED ? "It declined to answer this." : "It said nothing.");
		return;
	}
	if (ev->stop == STOP_LENGTH)
		buf_add_str(&r->said, "\n(cut here: it reached its length limit)");
	end_sub(r, r->said.p, r->said.len, false);
}

static void on_stop(struct run *r, const struct model_event *ev)
{
	if (r->task != NULL) {
		if (r->said.len > 0 && r->calls_pending == 0)
			submit_complete(r);
		else
			try_again(r, 0, "empty");
		return;
	}
	if (r->depth > 0) {
		on_sub_stop(r, ev);
		return;
	}
	if (r->calls_pending > 0) {
		if (sub_same_calls(r) >= SAME_CALLS_MAX)
			to_floor(r, "loop", "My language model went round in circles");
		else if (r->turns < TURNS_MAX)
			submit_tools(r);
		else
			to_floor(r, "turns", "My language model came to no end with its searches");
		return;
	}
	if (r->answer.len == r->turn_at) {
		if (ev->stop == STOP_REFUSED)
			buf_add_str(&r->answer, "The model declined to answer this.");
		else if (r->answer.len == 0) {
			try_again(r, 0, "empty");
			return;
		}
	} else if (ev->stop == STOP_LENGTH) {
		buf_add_str(&r->answer, "\n\n_(cut here: the answer reached its length limit)_");
	}
	show_folded(r);
	end_run(r, RUN_ANSWERED, NULL);
}

static void on_failed(struct run *r, const struct model_event *ev)
{
	switch (ev->fail) {
	case FAIL_CANCELLED:
		try_again(r, 0, "cancelled"); /* nobody asked for it */
		return;
	case FAIL_BUSY:
	case FAIL_BROKEN:
		try_again(r, ev->retry_after_ms, fail_word(ev->fail));
		return;
	case FAIL_TOO_LONG:
		if (r->depth > 0) {
			fail_sub(r, "That is too long for its language model.");
			return;
		}
		r->shrink++;
		if (r->shrink < 4)
			try_again(r, 0, "too long");
		else
			to_floor(r, "too long", "This thread is too long for my language model");
		return;
	case FAIL_REFUSED:
		if (r->depth > 0) {
			fail_sub(r, "Its language model refuses to work.");
			return;
		}
		to_floor(r, "refused", "My language model refuses to work (an operator finds the reason in the log)");
		return;
	case FAIL_UNAVAILABLE:
		to_floor(r, "unavailable", "I can't reach my language model right now");
		return;
	}
}

/* The next words of the answer, ${text} NULL: its last ones, as far as they may be said; turns stand apart. */
static void say(struct run *r, const char *text, size_t n)
{
	size_t from = r->answer.len;
	bool apart = from == r->turn_at && from > 0;
	if (apart)
		buf_add_str(&r->answer, "\n\n");
	size_t begun = r->answer.len;
	if (text != NULL)
		speak_feed(r, text, n, &r->answer);
	else
		speak_end(r, &r->answer);
	if (apart && r->answer.len == begun)
		buf_truncate(&r->answer, from);
	show_grown(r, from);
}

static void on_model(void *arg, const struct model_event *ev)
{
	struct run *r = arg;
	switch (ev->kind) {
	case MODEL_TEXT:
		if (r->answer.len + ev->text_len > ANSWER_MAX)
			return;
		if (r->first_us == 0 && r->depth == 0) {
			r->first_us = clock_us();
			if (r->accepted_us)
				metric_observe_ms(r->e->m.first_ms, (double)(r->first_us - r->accepted_us) / 1000.0);
		}
		if (r->task != NULL || r->depth > 0) {
			if (r->said.len + ev->text_len <= ANSWER_MAX)
				speak_feed(r, ev->text, ev->text_len, &r->said);
			return;
		}
		say(r, ev->text, ev->text_len);
		return;
	case MODEL_TOOL_CALL: {
		char id[CALL_NAME_MAX];
		const char *name;
		speak_call(r, ev, id, &name);
		run_step_add(r, ROLE_TOOL_CALL, id, name, ev->text, ev->text_len, false);
		r->calls_pending++;
		return;
	}
	case MODEL_STOP:
	case MODEL_FAILED:
		break;
	}
	pthread_mutex_lock(&r->mutex); /* start() has returned once we get this */
	r->call = NULL;
	pthread_mutex_unlock(&r->mutex);
	record_call(r, ev);
	if (stopped(r))
		return;
	if (ev->kind == MODEL_STOP && (r->task != NULL || r->depth > 0))
		speak_end(r, &r->said);
	else if (ev->kind == MODEL_STOP)
		say(r, NULL, 0);
	if (ev->kind == MODEL_STOP)
		on_stop(r, ev);
	else
		on_failed(r, ev);
}

/* ---- workers ---- */

static void after_steps(struct run *r, bool ours)
{
	if (!ours) {
		atomic_store(&r->stop, STOP_LOST);
		stopped(r);
		return;
	}
	submit_begin(r);
}

static void away(struct run *r, void (*again)(void *))
{
	timers_after(r->e->timers, 500, again, r);
}

/* The calls of a turn that wait for their results, in their order, up to one that opens a conversation. */
struct tools_work {
	struct run *r;
	struct pg *pg;
	struct agent *agent; /* whose calls they are */
	struct sub_offers offers;
	struct answer_place where;
	struct track *track;
	uint32_t run_turns;
	bool gone, spent, opened; /* the agent is; its turns are; a call has done so */
};

static enum err one_call(struct tools_work *w, size_t at)
{
	struct run *r = w->r;
	struct buf out = BUF_INIT;
	char id[CALL_NAME_MAX], name[CALL_NAME_MAX];
	enum err e = ERR_NONE, done = ERR_INPUT;
	snprintf(id, sizeof(id), "%.63s", r->steps[at].tool_id ? r->steps[at].tool_id : "");
	snprintf(name, sizeof(name), "%.63s", r->steps[at].tool_name ? r->steps[at].tool_name : "");
	const struct tool *t = NULL;
	for (size_t k = 0; k < w->agent->tools_len; k++)
		if (strcmp(w->agent->tools[k], name) == 0)
			t = tool_find(name);
	bool found = false;
	if (t == NULL) {
		struct sub_at here;
		sub_look(r, &here);
		w->opened = sub_open(r, &w->offers, at, here.all_turns, w->run_turns, &found, &out);
		if (w->opened)
			return ERR_NONE;
	}
	const char *title = t ? t->title : found ? "Asking another agent" : "Something that I don't have";
	show_tool(r, id, title, STEP_RUNNING);
	uint64_t t0 = clock_ms();
	if (t == NULL && !found)
		buf_add_str(&out, "There is no such tool.");
	else if (t != NULL && policy_of(t->effect, 0, false) == POLICY_RUN && policy_of(t->effect, ~0u, false) == POLICY_RUN)
		done = tool_run(t, &w->where.ctx, r->steps[at].text, r->steps[at].text_len, &out);
	else if (t != NULL)
		e = act_call(r, w->pg, t, &w->where.ctx, &r->steps[at], &done, &out);
	log_info("tool.run", LF_ID("run", r->id),
	    LF_STR("tool",
	        t           ? t->name
	            : found ? "ask"
	                    : "unknown"),
	    LF_INT("ms", clock_ms() - t0), LF_STR("result", err_name(done)));
	show_tool(r, id, title, done == ERR_NONE ? STEP_DONE : STEP_FAILED);
	if (e == ERR_NONE && (done == ERR_RETRY || done == ERR_BROKEN))
		e = done;
	if (e == ERR_NONE)
		run_step_add(r, ROLE_TOOL_RESULT, id, name, out.p ? out.p : "", out.len, done != ERR_NONE);
	buf_done(&out);
	return e;
}

/* False: its conversation has used up its turns, and calls all the same. */
static bool may_call(const struct tools_work *w)
{
	struct sub_at at;
	sub_look(w->r, &at);
	return w->r->depth == 0 || (at.turns < w->agent->max_turns && at.all_turns < w->run_turns);
}

static enum err all_calls(struct tools_work *w, const size_t *calls, size_t n)
{
	struct run *r = w->r;
	enum err e = sub_agent(r, w->pg, &w->agent, NULL, &w->run_turns, &w->gone);
	if (e != ERR_NONE || w->gone)
		return e;
	if (n > 0 && !may_call(w)) {
		w->spent = true;
		return ERR_NONE;
	}
	e = sub_offer(r, w->pg, w->agent, &w->offers);
	if (e == ERR_NONE)
		e = answer_tool_context(r, w->pg, &w->where);
	w->where.ctx.tracker = w->track != NULL ? track_take : NULL;
	w->where.ctx.tracker_arg = w->track;
	for (size_t i = 0; i < n && e == ERR_NONE && !w->opened; i++)
		e = one_call(w, calls[i]);
	if (e == ERR_NONE && r->heard.len > 0)
		e = act_heard(r, w->pg);
	return e;
}

static void after_calls(struct run *r)
{
	struct sub_at at;
	sub_look(r, &at);
	r->turns = at.all_turns;
	r->calls_pending = 0;
	if (r->asking == NULL) {
		step_put(r, after_steps);
	} else {
		act_show(r);
		end_run(r, RUN_ANSWERED, NULL);
	}
}

static void tools_job(void *arg, struct pg *pg)
{
	struct run *r = arg;
	if (stopped(r))
		return;
	size_t *calls, n = sub_pending(r, &calls), last = r->steps_len;
	for (size_t i = 0; i < n && r->e->vectors != NULL; i++)
		vectors_prepare(
		    r->e, pg, r->ws, r->steps[calls[i]].tool_name, r->steps[calls[i]].text, r->steps[calls[i]].text_len);
	struct track *track = n > 0 ? track_ask(r, pg, calls[0]) : NULL;
	struct tools_work w = { .r = r, .pg = pg, .track = track };
	enum err e = pg_begin(pg, r->ws);
	if (e == ERR_NONE)
		e = all_calls(&w, calls, n);
	if (e == ERR_NONE)
		pg_commit(pg);
	else
		pg_rollback(pg);
	answer_place_done(&w.where);
	sub_offers_done(&w.offers);
	agent_free(w.agent);
	track_free(track);
	free(calls);
	if (e == ERR_NONE && (w.gone || w.spent)) {
		fail_sub(r, w.gone ? "It is not there any more." : "It came to no end with its searches.");
		return;
	}
	if (e == ERR_NONE) {
		after_calls(r);
		return;
	}
	act_drop(r);
	r->depth -= w.opened;
	drop_steps_to(r, last); /* run them all again */
	if (e == ERR_RETRY)
		away(r, submit_tools);
	else
		fail_plainly(r, RUN_FAILED, "tool", API_BROKEN,
		    "Sorry, something in my own house broke while I was looking this up. It is in the log.");
}

/* Puts aside what a call may cost.  False: the run was sent on another way. */
static bool reserve(struct run *r, struct pg *pg, const char *model, uint32_t input_tokens, uint32_t max_tokens)
{
	enum budget_answer answer = money_reserve(r, pg, model, input_tokens, max_tokens);
	if (answer == BUDGET_AWAY)
		away(r, submit_begin);
	else if (answer == BUDGET_SPENT)
		to_floor(r, "budget", r->floor_words);
	return answer == BUDGET_OK;
}

static void start_call(struct run *r, const struct model_request *q)
{
	prompt_digest(q, r->mark.digest);
	speak_begin(r);
	pthread_mutex_lock(&r->mutex);
	struct model *m = r->e->model;
	struct model_call *call = m->ops->start(m, q, on_model, r);
	r->call = call;
	if (call != NULL && atomic_load(&r->stop) != STOP_NONE)
		m->ops->cancel(m, call);
	pthread_mutex_unlock(&r->mutex);
	if (call == NULL) {
		money_give_back(r);
		try_again(r, 500, "busy");
	}
}

/* As the settings say it; 0 in a request: nothing is said. */
static int temperature_of(const struct run *r)
{
	int64_t hundredths = r->config != NULL ? config_int(r->config, "agent.temperature") : 100;
	return hundredths == 100 ? 0 : (int)hundredths + 1;
}

static void start_model(struct run *r, const struct context *c)
{
	struct model_request q = {
		.ws = r->ws,
		.run = r->id,
		.model = r->floor ? "builtin" : c->agent->model,
		.system = c->system.p,
		.system_len = c->system.len,
		.messages = c->messages,
		.messages_len = c->messages_len,
		.tools = c->tools,
		.tools_len = c->tools_len,
		.max_tokens = c->agent->max_tokens,
		.temperature = temperature_of(r),
		.asker_tz = c->card.tz[0] ? c->card.tz : NULL,
	};
	start_call(r, &q);
}

/* ---- a command's task ---- */

static void ask_model(struct run *r, struct pg *pg)
{
	struct engine *e = r->e;
	const struct ask_task *t = r->task;
	char described[128];
	e->model->ops->describe(e->model, described, sizeof(described));
	if (strncmp(described, "builtin", 7) == 0) {
		r->floor = true;
		submit_complete(r);
		return;
	}
	struct agent *agent = NULL;
	enum err err = pg_begin(pg, r->ws);
	if (err == ERR_NONE)
		err = pg_end(pg, run_agent(r, pg, &agent));
	if (err != ERR_NONE) {
		away(r, submit_begin);
		return;
	}
	r->agent = agent->id;
	buf_reset(&r->said);
	speak_told(r, t->input.p, t->input.len, false);
	if (reserve(r, pg, agent->model, (uint32_t)((t->system.len + t->input.len) / 4) + 16, t->max_tokens)) {
		if (r->tries == 0 && r->unfit == 0)
			show_status(r, t->status != NULL ? t->status : "is reading…");
		const struct model_message ask = {
			.role = ROLE_USER, .text = t->input.p ? t->input.p : "", .text_len = t->input.len
		};
		start_call(r,
		    &(struct model_request){ .ws = r->ws,
		        .run = r->id,
		        .model = agent->model,
		        .system = t->system.p ? t->system.p : "",
		        .system_len = t->system.len,
		        .messages = &ask,
		        .messages_len = 1,
		        .max_tokens = t->max_tokens,
		        .temperature = temperature_of(r) });
	}
	agent_free(agent);
}

static void after_ask(struct run *r, struct pg *pg, enum ask_step step, void (*again)(void *))
{
	switch (step) {
	case ASK_DONE:
		end_run(r, RUN_ANSWERED, NULL);
		break;
	case ASK_MODEL:
		ask_model(r, pg);
		break;
	case ASK_AWAY:
		away(r, again);
		break;
	case ASK_UNFIT:
		if (!r->floor && r->unfit++ == 0)
			submit_begin(r);
		else
			to_floor(r, "unfit", "My language model gave no usable answer");
		break;
	case ASK_BROKEN:
		fail_plainly(r, RUN_FAILED, "command", API_BROKEN, "Sorry, I could not do that. The reason is in the log.");
		break;
	}
}

static void complete_job(void *arg, struct pg *pg)
{
	struct run *r = arg;
	if (!stopped(r))
		after_ask(r, pg, ask_complete(r, pg, ask_find(r->command), !r->floor), submit_complete);
}

static void answer_by_agent(struct run *r, struct pg *pg)
{
	struct context c;
	enum err e = context_build(r, pg, &c);
	if (e != ERR_NONE) {
		if (e == ERR_RETRY)
			away(r, submit_begin);
		else if (e == ERR_INPUT && r->depth > 0)
			fail_sub(r, "It is not there any more.");
		else
			fail_plainly(
			    r, RUN_FAILED, "context", API_BROKEN, "Sorry, I could not read this thread. The reason is in the log.");
		return;
	}
	if (!r->floor && !reserve(r, pg, c.agent->model, c.input_tokens, c.agent->max_tokens)) {
		context_done(&c);
		return;
	}
	speak_told_context(r, &c);
	r->turn_at = r->answer.len;
	if (r->floor && r->floor_why != NULL && r->answer.len == 0) {
		buf_addf(&r->answer, "_%s, so this comes from my own search of what was said.", r->floor_why);
		if (r->floor_why == r->floor_words)
			run_refuse(r, API_OVER_BUDGET);
		buf_add_str(&r->answer, "_\n\n");
		r->turn_at = r->answer.len;
		show_grown(r, 0);
	}
	sub_offered(r, &c.offers);
	if (r->depth > 0)
		buf_reset(&r->said);
	else if (r->turns == 0 && r->tries == 0)
		show_status(r, "is thinking…");
	start_model(r, &c);
	context_done(&c);
}

static void begin_job(void *arg, struct pg *pg)
{
	struct run *r = arg;
	if (stopped(r))
		return;
	if (r->attempt > ATTEMPTS_MAX) {
		fail_plainly(r, RUN_PARKED, "parked", API_BROKEN,
		    "Sorry, I tried to answer this several times and something broke each time, so I stopped. It is noted in the log.");
		return;
	}
	enum err known = speak_prepare(r, pg);
	if (known == ERR_RETRY) {
		away(r, submit_begin);
		return;
	}
	if (known != ERR_NONE) {
		fail_plainly(r, RUN_FAILED, "secrets", API_BROKEN,
		    "Sorry, I can't see which secrets this workspace has, so I say nothing. The reason is in the log.");
		return;
	}
	const struct ask_handler *handler = r->kind == RUN_COMMAND ? ask_find(r->command) : NULL;
	if (handler != NULL) {
		if (r->task != NULL)
			ask_model(r, pg); /* once more */
		else
			after_ask(r, pg, ask_begin(r, pg, handler), submit_begin);
		return;
	}
	if (r->kind == RUN_COMMAND) {
		enum err e = answer_command(r, pg);
		if (e == ERR_RETRY)
			away(r, submit_begin);
		else if (e == ERR_NONE)
			end_run(r, RUN_ANSWERED, NULL);
		else
			fail_plainly(
			    r, RUN_FAILED, "command", API_BROKEN, "Sorry, I could not find that out. The reason is in the log.");
		return;
	}
	answer_by_agent(r, pg);
}
