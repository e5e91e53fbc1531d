/*
 * The rows of accept.c: arrays over all intents of a tenant in a batch.  No statement joins two of its own inputs; results are matched
 * here, by binary search in the operations sorted by thread or by source.
 */
#include <stdlib.h>
#include <string.h>

#include "../people/directory.h"
#include "accept_internal.h"

/* One array parameter: ${put} for each operation ${a} of a list. */
#define EACH_OF(list, n, oid, put) \
	do { \
		pg_array_begin(g, oid); \
		for (size_t each = 0; each < (n); each++) { \
			const struct accept_op *a = (list)[each]; \
			put; \
		} \
		pg_array_end(g); \
	} while (0)

static void learn_places(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	struct accept_op **new = writer_alloc(tx, n * sizeof(struct accept_op *));
	size_t k = 0;
	for (size_t i = 0; i < n; i++) {
		struct accept_op *a = accept_of(ops[i]);
		if (id_is_none(a->place) || directory_knows_place(a->e->directory, a->place, &a->in.place))
			continue;
		size_t j = 0;
		while (j < k && !id_equal(new[j]->place, a->place))
			j++;
		new[j] = a; /* the newest word counts */
		k += j == k;
	}
	if (k == 0)
		return;
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, new[0]->in.ws);
	EACH_OF(new, k, PG_UUID, pg_array_id(g, a->place));
	writer_exec(tx, "accept_audiences", NULL, NULL);
	g = writer_args(tx);
	pg_arg_id(g, new[0]->in.ws);
	EACH_OF(new, k, PG_UUID, pg_array_id(g, a->place));
	EACH_OF(new, k, PG_TEXT, pg_array_str(g, a->in.adapter));
	EACH_OF(new, k, PG_TEXT, pg_array_str(g, a->in.place.external_id));
	EACH_OF(new, k, PG_TEXT, pg_array_str(g, a->in.place.name));
	EACH_OF(new, k, PG_INT2, pg_array_int2(g, (int16_t)a->in.place.visibility));
	EACH_OF(new, k, PG_BOOL, pg_array_bool(g, a->in.place.eddy_is_member));
	writer_exec(tx, "accept_places", NULL, NULL);
}

/* What is said privately in a place (a slash command) has a reader set of its own, so no search in the place can find it. */
static void learn_private(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	size_t k = 0;
	for (size_t i = 0; i < n; i++)
		k += accept_of(ops[i])->in.private_reply && !id_is_none(accept_of(ops[i])->person);
	if (k == 0)
		return;
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, ops[0]->ws);
	for (int part = 0; part < 2; part++) {
		pg_array_begin(g, PG_UUID);
		for (size_t i = 0; i < n; i++) {
			const struct accept_op *a = accept_of(ops[i]);
			if (a->in.private_reply && !id_is_none(a->person))
				pg_array_id(g, part ? a->person : a->audience);
		}
		pg_array_end(g);
	}
	writer_exec(tx, "accept_private", NULL, NULL);
}

struct people_batch {
	size_t n;
	struct accept_op *new[];
};

static void on_identities(void *ctx, const PGresult *r)
{
	struct people_batch *b = ctx;
	for (int i = 0; i < PQntuples(r) && (size_t)i < b->n; i++) {
		b->new[i]->person = pg_get_id(r, i, 0);
		b->new[i]->linked = !PQgetisnull(r, i, 1) && pg_get_bool(r, i, 1);
	}
}

/* Who gets nothing of other places; who may be anybody gets nothing either. */
static bool is_guest(const struct intent_person *p)
{
	return p->is_guest || !person_may(intent_kind(p), ACT_READ);
}

static void learn_people(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	struct people_batch *b = writer_alloc(tx, sizeof(*b) + n * sizeof(b->new[0]));
	for (size_t i = 0; i < n; i++) {
		struct accept_op *a = accept_of(ops[i]);
		if (id_is_none(a->identity) || directory_knows_person(a->e->directory, a->identity, &a->in.person))
			continue;
		size_t j = 0;
		while (j < b->n && !id_equal(b->new[j]->identity, a->identity))
			j++;
		b->new[j] = a;
		b->n += j == b->n;
	}
	if (b->n == 0)
		return;
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, b->new[0]->in.ws);
	EACH_OF(b->new, b->n, PG_UUID, pg_array_id(g, a->person));
	EACH_OF(b->new, b->n, PG_TEXT, pg_array_str(g, a->in.person.name));
	EACH_OF(b->new, b->n, PG_TEXT, pg_array_str(g, a->in.person.tz));
	EACH_OF(b->new, b->n, PG_BOOL, pg_array_bool(g, is_guest(&a->in.person)));
	EACH_OF(b->new, b->n, PG_BOOL, pg_array_bool(g, a->in.person.is_bot));
	EACH_OF(b->new, b->n, PG_UUID, pg_array_id(g, a->in.person.is_undescribed && !a->in.person.is_guest ? a->person : ID_NONE));
	EACH_OF(b->new, b->n, PG_INT2, pg_array_int2(g, (int16_t)intent_kind(&a->in.person)));
	writer_exec(tx, "accept_people", NULL, NULL);
	g = writer_args(tx);
	pg_arg_id(g, b->new[0]->in.ws);
	EACH_OF(b->new, b->n, PG_TEXT, pg_array_str(g, a->in.adapter));
	EACH_OF(b->new, b->n, PG_TEXT, pg_array_str(g, a->in.person.external_id));
	EACH_OF(b->new, b->n, PG_UUID, pg_array_id(g, a->person));
	EACH_OF(b->new, b->n, PG_INT2, pg_array_int2(g, (int16_t)a->in.verified));
	writer_exec(tx, "accept_identities", on_identities, b);
}

void accept_learn(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	learn_places(tx, ops, n);
	learn_people(tx, ops, n);
	learn_private(tx, ops, n);
}

/* The operations of a batch in another order, for results that name a thread or a source. */
struct sorted {
	struct accept_op **ops;
	size_t n;
};

static int by_thread(const void *x, const void *y)
{
	const struct accept_op *a = *(struct accept_op *const *)x, *b = *(struct accept_op *const *)y;
	int c = id_compare(a->thread, b->thread);
	return c ? c : (a->op.order > b->op.order) - (a->op.order < b->op.order);
}

static int by_inbox(const void *x, const void *y)
{
	const struct accept_op *a = *(struct accept_op *const *)x, *b = *(struct accept_op *const *)y;
	int c = id_compare(a->inbox, b->inbox);
	return c ? c : (a->op.order > b->op.order) - (a->op.order < b->op.order);
}

/* The first operation whose id (a thread or a source) is not below ${id}. */
static size_t lower(const struct sorted *s, struct id id, bool thread)
{
	size_t lo = 0, hi = s->n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (id_compare(thread ? s->ops[mid]->thread : s->ops[mid]->inbox, id) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct sorted *sorted(struct writer_tx *tx, struct write_op **ops, size_t n, bool (*want)(const struct accept_op *),
    int (*order)(const void *, const void *))
{
	struct sorted *s = writer_alloc(tx, sizeof(*s));
	s->ops = writer_alloc(tx, (n + 1) * sizeof(struct accept_op *));
	for (size_t i = 0; i < n; i++)
		if (want == NULL || want(accept_of(ops[i])))
			s->ops[s->n++] = accept_of(ops[i]);
	qsort(s->ops, s->n, sizeof(struct accept_op *), order);
	return s;
}

static bool same_thread(const struct sorted *s, size_t i, size_t j)
{
	return j < s->n && id_equal(s->ops[i]->thread, s->ops[j]->thread);
}

/* Of several copies of a source in one batch only the first (in order of arrival) can be the fresh one. */
static void on_inbox(void *ctx, const PGresult *r)
{
	struct sorted *s = ctx;
	for (int i = 0; i < PQntuples(r); i++) {
		struct id id = pg_get_id(r, i, 0);
		size_t k = lower(s, id, false);
		if (k < s->n && id_equal(s->ops[k]->inbox, id))
			s->ops[k]->fresh = true;
	}
}

static bool is_not_deferred(const struct accept_op *a)
{
	return !a->deferred;
}

void accept_send_inbox(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	struct sorted *s = sorted(tx, ops, n, is_not_deferred, by_inbox);
	if (s->n == 0)
		return;
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, ops[0]->ws);
#define EACH(oid, put) \
	pg_array_begin(g, oid); \
	for (size_t i = 0; i < s->n; i++) { \
		const struct accept_op *a = s->ops[i]; \
		put; \
	} \
	pg_array_end(g)
	EACH(PG_UUID, pg_array_id(g, a->inbox));
	EACH(PG_INT2, pg_array_int2(g, (int16_t)a->in.kind));
	EACH(PG_TEXT, pg_array_str(g, a->in.adapter));
	EACH(PG_TEXT, pg_array_str(g, a->in.source_key));
#undef EACH
	writer_exec(tx, "accept_inbox", on_inbox, s);
}

static bool is_fresh_post(const struct accept_op *a)
{
	return a->fresh && accept_is_post(&a->in);
}

static void on_threads(void *ctx, const PGresult *r)
{
	struct sorted *s = ctx;
	for (int i = 0; i < PQntuples(r); i++) {
		struct id thread = pg_get_id(r, i, 0);
		size_t from = lower(s, thread, true), to = from;
		while (to < s->n && id_equal(s->ops[to]->thread, thread))
			to++;
		int64_t next = pg_get_int8(r, i, 1) - (int64_t)(to - from);
		for (size_t k = from; k < to; k++) {
			struct accept_op *a = s->ops[k];
			a->seq = a->rev = ++next;
			a->facts = (struct route_facts){
				.taking_part = pg_get_bool(r, i, 2),
				.thread_quiet = pg_get_bool(r, i, 3),
				.last_author = k == from ? (int)pg_get_int8(r, i, 4) : AUTHOR_PERSON,
				.several = pg_get_bool(r, i, 5),
				.relay = (enum relay_side)pg_get_int8(r, i, 6),
				.is_fork = !PQgetisnull(r, i, 8),
			};
			accept_place_facts(a, pg_get_int8(r, i, 7));
			accept_since_human(a, pg_get_int8(r, i, 9));
			a->fork = a->facts.is_fork ? pg_get_id(r, i, 8) : ID_NONE;
		}
	}
}

void accept_send_threads(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	struct sorted *s = sorted(tx, ops, n, is_fresh_post, by_thread);
	if (s->n == 0)
		return;
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, ops[0]->ws);
#define EACH(oid, put) \
	pg_array_begin(g, oid); \
	for (size_t i = 0, j; i < s->n; i = j) { \
		const struct accept_op *a = s->ops[i]; \
		bool any = a->addressed, several = false; \
		int64_t human = accept_author(a) == AUTHOR_PERSON ? 1 : 0; /* the last one's place among them */ \
		for (j = i + 1; same_thread(s, i, j); j++) { \
			any |= s->ops[j]->addressed; \
			several |= !id_equal(s->ops[j]->person, a->person); \
			if (accept_author(s->ops[j]) == AUTHOR_PERSON) \
				human = (int64_t)(j - i) + 1; \
		} \
		(void)any; \
		(void)several; \
		(void)human; \
		put; \
	} \
	pg_array_end(g)
	EACH(PG_UUID, pg_array_id(g, a->thread));
	EACH(PG_UUID, pg_array_id(g, a->place));
	EACH(PG_TEXT, pg_array_str(g, a->in.thread_key));
	EACH(PG_INT8, pg_array_int8(g, (int64_t)(j - i)));
	EACH(PG_BOOL, pg_array_bool(g, any));
	EACH(PG_UUID, pg_array_id(g, a->person));
	EACH(PG_BOOL, pg_array_bool(g, several));
	EACH(PG_UUID, pg_array_id(g, a->audience));
	EACH(PG_INT8, pg_array_int8(g, human));
#undef EACH
	writer_exec(tx, "accept_threads", on_threads, s);
}

void accept_send_messages(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, ops[0]->ws);
#define EACH(oid, put) \
	pg_array_begin(g, oid); \
	for (size_t i = 0; i < n; i++) { \
		struct accept_op *a = accept_of(ops[i]); \
		if (a->fresh && accept_is_post(&a->in)) \
			put; \
	} \
	pg_array_end(g)
	EACH(PG_UUID, pg_array_id(g, a->message));
	EACH(PG_UUID, pg_array_id(g, a->thread));
	EACH(PG_INT8, pg_array_int8(g, a->seq));
	EACH(PG_TEXT, pg_array_str(g, a->in.message_key));
	EACH(PG_UUID, pg_array_id(g, a->person));
	EACH(PG_INT2, pg_array_int2(g, (int16_t)accept_author(a)));
	EACH(PG_TEXT, pg_array_text(g, a->in.text, a->in.text_len));
	EACH(PG_TEXT, {
		struct buf b = BUF_INIT;
		for (size_t k = 0; k < a->in.files_len; k++) {
			const struct intent_file *f = &a->in.files[k];
			buf_add_str(&b, k ? ",{\"id\":" : "[{\"id\":");
			buf_add_json_str(&b, f->external_id);
			buf_add_str(&b, ",\"name\":");
			buf_add_json_str(&b, f->name);
			buf_add_str(&b, ",\"mime\":");
			buf_add_json_str(&b, f->mime);
			buf_addf(&b, ",\"size\":%llu}", (unsigned long long)f->size_bytes);
		}
		if (a->in.files_len)
			buf_add_char(&b, ']');
		pg_array_text(g, a->in.files_len ? b.p : NULL, b.len);
		buf_done(&b);
	});
	EACH(PG_UUID, pg_array_id(g, a->audience));
	writer_exec(tx, "accept_messages", NULL, NULL);
#undef EACH
}

/* Of several notes with one key only the last may be in the statement. */
static bool is_last_note(struct write_op **ops, size_t n, size_t i)
{
	const struct intent *in = &accept_of(ops[i])->in;
	for (size_t k = i + 1; k < n && in->note_key != NULL; k++) {
		const struct intent *later = &accept_of(ops[k])->in;
		if (later->note_key != NULL && strcmp(later->note_key, in->note_key) == 0 &&
		    strcmp(later->adapter, in->adapter) == 0)
			return false;
	}
	return in->note_key != NULL;
}

void accept_send_notes(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	struct accept_op **last = writer_alloc(tx, (n + 1) * sizeof(struct accept_op *));
	size_t k = 0;
	for (size_t i = 0; i < n; i++)
		if (is_last_note(ops, n, i))
			last[k++] = accept_of(ops[i]);
	if (k == 0)
		return;
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, ops[0]->ws);
	EACH_OF(last, k, PG_TEXT, pg_array_str(g, a->in.adapter));
	EACH_OF(last, k, PG_TEXT, pg_array_str(g, a->in.note_key));
	EACH_OF(last, k, PG_TEXT, pg_array_str(g, a->in.note_value));
	writer_exec(tx, "accept_notes", NULL, NULL);
}

void accept_send_names(struct writer_tx *tx, const struct accept_op *a)
{
	struct pg_args *g;
	if (a->in.title != NULL) {
		g = writer_args(tx);
		pg_arg_id(g, a->in.ws);
		pg_arg_id(g, a->thread);
		pg_arg_str(g, a->in.title);
		writer_exec(tx, "accept_title", NULL, NULL);
	}
	if (a->in.aliases_len > 0) {
		g = writer_args(tx);
		pg_arg_id(g, a->in.ws);
		pg_arg_id(g, a->thread);
		pg_array_begin(g, PG_UUID);
		for (size_t i = 0; i < a->in.aliases_len; i++)
			pg_array_id(g, alias_id(a->in.ws, a->in.adapter, a->in.aliases[i]));
		pg_array_end(g);
		writer_exec(tx, "accept_aliases", NULL, NULL);
	}
	if (a->in.readers_len > 0) {
		g = writer_args(tx);
		pg_arg_id(g, a->in.ws);
		pg_arg_id(g, a->place);
		pg_array_begin(g, PG_TEXT);
		for (size_t i = 0; i < a->in.readers_len; i++)
			pg_array_str(g, a->in.readers[i]);
		pg_array_end(g);
		writer_exec(tx, "accept_readers", NULL, NULL);
	}
}

static bool wants_run(const struct accept_op *a)
{
	return a->has_run;
}

static void on_dispatch(void *ctx, const PGresult *r)
{
	struct sorted *s = ctx;
	for (int i = 0; i < PQntuples(r); i++) {
		struct id thread = pg_get_id(r, i, 0);
		struct id owner = PQgetisnull(r, i, 1) ? ID_NONE : pg_get_id(r, i, 1);
		for (size_t k = lower(s, thread, true); k < s->n && id_equal(s->ops[k]->thread, thread); k++) {
			s->ops[k]->ours = id_equal(owner, s->ops[k]->e->process);
			s->ops[k]->token = pg_get_int8(r, i, 2);
		}
	}
}

void accept_send_runs(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	struct engine *e = accept_of(ops[0])->e;
	struct sorted *s = sorted(tx, ops, n, wants_run, by_thread);
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, ops[0]->ws);
	pg_array_begin(g, PG_UUID);
	for (size_t i = 0; i < s->n; i++)
		if (i == 0 || !same_thread(s, i - 1, i))
			pg_array_id(g, s->ops[i]->thread);
	pg_array_end(g);
	pg_array_begin(g, PG_INT4);
	for (size_t i = 0, j; i < s->n; i = j) {
		for (j = i + 1; same_thread(s, i, j);)
			j++;
		pg_array_int4(g, (int32_t)(j - i));
	}
	pg_array_end(g);
	if (atomic_load(&e->draining) || lanes_full(e, ops[0]->ws))
		pg_arg_null(g);
	else
		pg_arg_id(g, e->process);
	pg_arg_int8(g, e->o.lease_ms);
	writer_exec(tx, "accept_dispatch", on_dispatch, s);
	g = writer_args(tx);
	pg_arg_id(g, ops[0]->ws);
#define EACH(oid, put) \
	pg_array_begin(g, oid); \
	for (size_t i = 0; i < s->n; i++) { \
		struct accept_op *a = s->ops[i]; \
		put; \
	} \
	pg_array_end(g)
	EACH(PG_UUID, pg_array_id(g, a->run));
	EACH(PG_UUID, pg_array_id(g, a->thread));
	EACH(PG_UUID, pg_array_id(g, a->message));
	EACH(PG_INT8, pg_array_int8(g, a->seq));
	EACH(PG_UUID, pg_array_id(g, a->person));
	EACH(PG_INT2, pg_array_int2(g, a->route.to == ROUTE_COMMAND ? RUN_COMMAND : RUN_AGENT));
	EACH(PG_INT2, pg_array_int2(g, (int16_t)a->route.command));
	EACH(PG_TEXT, pg_array_str(g, a->in.adapter));
	EACH(PG_BYTES, pg_array_bytes(g, a->in.origin, a->in.origin_len));
	EACH(PG_BOOL, pg_array_bool(g, a->in.private_reply));
	EACH(PG_INT8, pg_array_int8(g, a->in.delay_ms));
	EACH(PG_UUID, pg_array_id(g, a->about));
#undef EACH
	writer_exec(tx, "accept_runs", NULL, NULL);
}
