/*
 * The background job goes by what is missing, so it can stop anywhere.  A round looks at the newest messages of each workspace first and
 * then goes on where the last one has stopped, down to the first message; some time later it begins anew, for what was edited.
 * A failure makes all wait, longer each time.  A batch that the model does not take is tried one by one, and a text is given up
 * only when another of its batch was taken: else it is not the text's fault.
 *
 * Questions have a back-off of their own, and a few are kept: the pages of a search ask the same.  They are kept by a digest.
 */
#include "vectors.h"

#include <stdlib.h>
#include <string.h>

#include "../agents/budget.h"
#include "../agents/tools.h"
#include "../base/clock.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/map.h"
#include "../base/mem.h"
#include "../settings/settings.h"

#define ROUND_MS 10000u
#define ROUND_BATCHES 32
#define ROUND_WINDOWS 8
#define CALL_MS 30000u
#define QUESTION_MS 1500u
#define QUESTION_PAUSE_MS 30000u
#define PAUSE_MS 30000u
#define PAUSE_DOUBLINGS 7
#define AGAIN_MS 3600000u
#define KEPT 16

struct progress {
	struct id before;  /* the window to come */
	uint64_t again_ms; /* all was seen: not before this */
};
struct vectors {
	const char *model;
	float floor;
	pthread_mutex_t mutex;
	bool busy;
	unsigned failures;
	uint64_t not_before_ms, no_question_ms;
	struct map *tenants; /* of the one round at a time */
	struct {
		struct id key;
		float *v;
		size_t dims;
	} kept[KEPT];
	size_t next;
};

struct vectors *vectors_new(const struct engine *e)
{
	const char *model = settings_str(e->o.settings, "recall.model");
	if (model == NULL || e->model == NULL || e->model->ops->embed == NULL)
		return NULL;
	struct vectors *v = xcalloc(1, sizeof *v);
	v->model = model;
	v->floor = (float)settings_int(e->o.settings, "recall.floor") / 100;
	v->tenants = map_new();
	pthread_mutex_init(&v->mutex, NULL);
	return v;
}

void vectors_free(struct vectors *v)
{
	if (v == NULL)
		return;
	for (size_t i = 0; i < KEPT; i++)
		free(v->kept[i].v);
	map_free(v->tenants, free);
	pthread_mutex_destroy(&v->mutex);
	free(v);
}

/* One call within the budget.  ${keep}: its texts, whose vectors are stored in the transaction that books the cost; NULL: give them. */
static enum err call(struct engine *e, struct pg *pg, struct id ws, const char *const *texts, size_t n, size_t bytes, uint32_t ms,
    const struct recall_batch *keep, float **out, size_t *dims)
{
	struct vectors *x = e->vectors;
	struct model_usage usage = { 0 };
	float *v = NULL;
	int64_t most = e->model->ops->worst_cost(e->model, x->model, (uint32_t)(bytes + 8 * n), 0);
	const struct budget_payer payer = { .ws = ws };
	struct budget_amount want = { most, (int64_t)(bytes + 8 * n) };
	struct budget_refusal why;
	enum budget_answer answer = budget_reserve(e->budget, pg, &payer, want, &why);
	if (answer != BUDGET_OK)
		return answer == BUDGET_SPENT ? ERR_DENIED : ERR_RETRY;
	enum err err = e->model->ops->embed(e->model, texts, n, ms, &v, dims, &usage);
	bool booked = usage.input_tokens == 0 && err != ERR_NONE;
	if (!booked) {
		enum err stored = pg_begin(pg, ws);
		if (stored == ERR_NONE && err == ERR_NONE && keep != NULL)
			stored = recall_keep(pg, ws, x->model, keep, v, *dims);
		if (stored == ERR_NONE)
			stored = recall_book(pg, ws, e->process, usage.cost_micros, usage.input_tokens);
		stored = pg_end(pg, stored);
		if (err == ERR_NONE && keep != NULL)
			err = stored == ERR_INPUT ? ERR_BROKEN : stored; /* ours, not the text's */
	}
	budget_settle(e->budget, &payer, want, (struct budget_amount){ usage.cost_micros, usage.input_tokens });
	if (err == ERR_NONE && out != NULL)
		*out = v;
	else
		free(v);
	return err;
}

/* ---- messages ---- */

static enum err batch_at_once(struct engine *e, struct pg *pg, struct id ws, const struct recall_batch *b)
{
	const char *texts[RECALL_BATCH];
	size_t dims = 0;
	for (size_t i = 0; i < b->len; i++)
		texts[i] = b->rows[i].text;
	return call(e, pg, ws, texts, b->len, b->bytes, CALL_MS, b, NULL, &dims);
}

static enum err one_by_one(struct engine *e, struct pg *pg, struct id ws, const struct recall_batch *b)
{
	struct recall_batch refused = { .len = 0 };
	size_t taken = 0;
	for (size_t i = 0; i < b->len; i++) {
		struct recall_batch one = { .len = 1 };
		one.rows[0] = b->rows[i];
		one.bytes = strlen(b->rows[i].text);
		enum err err = batch_at_once(e, pg, ws, &one);
		if (err != ERR_NONE && err != ERR_INPUT)
			return err;
		if (err == ERR_NONE)
			taken++;
		else
			refused.rows[refused.len++] = b->rows[i];
	}
	if (taken == 0)
		return ERR_INPUT;
	if (refused.len == 0)
		return ERR_NONE;
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = recall_keep(pg, ws, e->vectors->model, &refused, NULL, 0);
	return pg_end(pg, err);
}

/* The missing ones of a window.  ${batches} is what is left of the round; ${from}: where the next window begins. */
static enum err window(
    struct engine *e, struct pg *pg, struct id ws, struct id before, uint64_t until_ms, int *batches, struct id *from, bool *whole)
{
	*whole = false;
	while (*batches > 0 && clock_ms() < until_ms && !atomic_load(&e->draining)) {
		struct recall_batch b;
		enum err err = pg_begin(pg, ws);
		if (err == ERR_NONE)
			err = pg_end(pg, recall_missing(pg, ws, e->vectors->model, before, &b));
		if (err != ERR_NONE)
			return err;
		*from = b.from;
		*whole = b.len == 0;
		if (*whole)
			return ERR_NONE;
		--*batches;
		err = batch_at_once(e, pg, ws, &b);
		if (err == ERR_INPUT && b.len > 1)
			err = one_by_one(e, pg, ws, &b);
		recall_batch_done(&b);
		if (err != ERR_NONE)
			return err;
	}
	return ERR_NONE;
}

static enum err tenant(struct engine *e, struct pg *pg, struct id ws, uint64_t until_ms, int *batches)
{
	struct progress *p = map_get(e->vectors->tenants, ws.b, sizeof ws.b);
	if (p == NULL) {
		p = xcalloc(1, sizeof *p);
		map_put(e->vectors->tenants, ws.b, sizeof ws.b, p);
	}
	struct id from = ID_NONE;
	bool whole;
	enum err err = window(e, pg, ws, ID_NONE, until_ms, batches, &from, &whole);
	if (err != ERR_NONE || !whole || id_is_none(from) || clock_ms() < p->again_ms)
		return err;
	if (id_is_none(p->before))
		p->before = from;
	for (int i = 0; i < ROUND_WINDOWS && err == ERR_NONE && whole; i++) {
		err = window(e, pg, ws, p->before, until_ms, batches, &from, &whole);
		if (err != ERR_NONE || !whole)
			return err;
		p->before = from;
		if (id_is_none(from)) {
			p->again_ms = clock_ms() + AGAIN_MS;
			return ERR_NONE;
		}
	}
	return err;
}

static bool begin(struct vectors *x)
{
	pthread_mutex_lock(&x->mutex);
	bool mine = !x->busy && clock_ms() >= x->not_before_ms;
	if (mine)
		x->busy = true;
	pthread_mutex_unlock(&x->mutex);
	return mine;
}

static void end(struct vectors *x, enum err err)
{
	pthread_mutex_lock(&x->mutex);
	x->busy = false;
	if (err == ERR_NONE) {
		x->failures = 0;
	} else {
		x->not_before_ms =
		    clock_ms() + ((uint64_t)PAUSE_MS << (x->failures < PAUSE_DOUBLINGS ? x->failures : PAUSE_DOUBLINGS));
		x->failures++;
	}
	pthread_mutex_unlock(&x->mutex);
	if (err != ERR_NONE)
		log_warn("recall.round", LF_STR("model", x->model), LF_STR("result", err_name(err)));
}

enum err vectors_round(struct engine *e, struct pg *pg)
{
	if (e->vectors == NULL || !begin(e->vectors))
		return ERR_NONE;
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	uint64_t until_ms = clock_ms() + ROUND_MS;
	int batches = ROUND_BATCHES;
	enum err err = pg_query(pg, "upkeep_tenants", a, &r);
	pg_args_free(a);
	for (int i = 0; err == ERR_NONE && i < PQntuples(r); i++) {
		err = tenant(e, pg, pg_get_id(r, i, 0), until_ms, &batches);
		if (err == ERR_DENIED) /* this workspace has spent its cap; with a bad key the next one says so as well */
			err = i + 1 < PQntuples(r) ? ERR_NONE : err;
	}
	PQclear(r);
	end(e->vectors, err);
	return err;
}

/* ---- questions ---- */

static bool is_literal(const char *words)
{
	bool begins = true;
	for (const char *s = words; *s != '\0'; s++) {
		if (*s == '"' || (*s == '-' && begins))
			return true;
		begins = *s == ' ';
	}
	return words[strspn(words, " ")] == '\0';
}

static struct id key_of(struct id ws, const char *words)
{
	return id_named(ws, 0, words, strlen(words));
}

bool vectors_asked(struct engine *e, struct id ws, const char *words, struct recall_question *out)
{
	struct vectors *x = e->vectors;
	memset(out, 0, sizeof *out);
	if (x == NULL)
		return false;
	struct id key = key_of(ws, words);
	pthread_mutex_lock(&x->mutex);
	for (size_t i = 0; i < KEPT && out->v == NULL; i++) {
		if (x->kept[i].v == NULL || !id_equal(x->kept[i].key, key))
			continue;
		float *v = xcalloc(x->kept[i].dims, sizeof *v);
		memcpy(v, x->kept[i].v, x->kept[i].dims * sizeof *v);
		*out = (struct recall_question){ x->model, v, x->kept[i].dims, x->floor };
	}
	pthread_mutex_unlock(&x->mutex);
	return out->v != NULL;
}

static bool may_ask(struct vectors *x)
{
	pthread_mutex_lock(&x->mutex);
	bool may = clock_ms() >= x->no_question_ms;
	pthread_mutex_unlock(&x->mutex);
	return may;
}

bool vectors_question(struct engine *e, struct pg *pg, struct id ws, const char *words, struct recall_question *out)
{
	struct vectors *x = e->vectors;
	memset(out, 0, sizeof *out);
	if (x == NULL || is_literal(words))
		return false;
	if (vectors_asked(e, ws, words, out))
		return true;
	if (!may_ask(x))
		return false;
	float *v = NULL;
	size_t dims = 0;
	enum err err = call(e, pg, ws, &words, 1, strlen(words), QUESTION_MS, NULL, &v, &dims);
	pthread_mutex_lock(&x->mutex);
	if (err == ERR_NONE) {
		free(x->kept[x->next].v);
		x->kept[x->next].v = v;
		x->kept[x->next].dims = dims;
		x->kept[x->next].key = key_of(ws, words);
		x->next = (x->next + 1) % KEPT;
	} else if (err != ERR_DENIED && err != ERR_INPUT) {
		x->no_question_ms = clock_ms() + QUESTION_PAUSE_MS;
	}
	pthread_mutex_unlock(&x->mutex);
	return err == ERR_NONE && vectors_asked(e, ws, words, out);
}

void vectors_prepare(struct engine *e, struct pg *pg, struct id ws, const char *tool, const char *args, size_t n)
{
	json_t *parsed = NULL;
	struct recall_question q = { .v = NULL };
	if (tool == NULL || strcmp(tool, tool_search_messages.name) != 0 ||
	    json_parse(args, n, TOOL_ARGS_MAX, &parsed, NULL) != ERR_NONE)
		return;
	const char *words = json_str(parsed, "query", "");
	if (strlen(words) <= SEARCH_TEXT_MAX && strcmp(json_str(parsed, "order", "best"), "best") == 0 &&
	    !json_bool(parsed, "exact", false))
		vectors_question(e, pg, ws, words, &q);
	free(q.v);
	json_decref(parsed);
}
