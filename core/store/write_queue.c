/*
 * A ring of tenants, each with a list.  A tenant is in the ring while something of it waits; who comes new comes last.  Picking goes round
 * the ring, one operation each, and begins where it ended the last time.
 */
#include "write_queue.h"

#include <stdlib.h>

#include "../base/map.h"
#include "../base/mem.h"

struct tenant {
	struct tenant *prev, *next;
	struct id ws;
	struct write_op *head, **tail;
	size_t count;
};
struct write_queue {
	struct map *tenants; /* by id */
	struct tenant *turn; /* whose it is next; NULL: nothing waits */
	size_t count;
	bool few_were_first; /* the last batch was one of those who have few and of what has no tenant */
};

struct write_queue *write_queue_new(void)
{
	struct write_queue *q = xcalloc(1, sizeof(*q));
	q->tenants = map_new();
	return q;
}

void write_queue_free(struct write_queue *q)
{
	if (q == NULL)
		return;
	map_free(q->tenants, free);
	free(q);
}

size_t write_queue_count(const struct write_queue *q)
{
	return q->count;
}

static struct tenant *tenant_of(struct write_queue *q, struct id ws)
{
	if (q->turn != NULL && id_equal(q->turn->ws, ws))
		return q->turn;
	struct tenant *t = map_get(q->tenants, ws.b, sizeof(ws.b));
	if (t != NULL)
		return t;
	t = xcalloc(1, sizeof(*t));
	t->ws = ws;
	t->tail = &t->head;
	map_put(q->tenants, ws.b, sizeof(ws.b), t);
	if (q->turn == NULL) {
		q->turn = t->prev = t->next = t;
	} else { /* before whose turn it is: last */
		t->next = q->turn;
		t->prev = q->turn->prev;
		t->prev->next = t->next->prev = t;
	}
	return t;
}

void write_queue_put(struct write_queue *q, struct write_op *op)
{
	struct tenant *t = tenant_of(q, op->ws);
	op->next = NULL;
	*t->tail = op;
	t->tail = &op->next;
	t->count++;
	q->count++;
}

static int by_arrival(const void *a, const void *b)
{
	const struct write_op *x = *(struct write_op *const *)a, *y = *(struct write_op *const *)b;
	return (x->order > y->order) - (x->order < y->order);
}

void write_queue_put_back(struct write_queue *q, struct write_op **ops, size_t n)
{
	qsort(ops, n, sizeof(*ops), by_arrival);
	while (n-- > 0) { /* the last first, so that the first is first */
		struct write_op *op = ops[n];
		struct tenant *t = tenant_of(q, op->ws);
		op->never_beside = true;
		op->next = t->head;
		if (t->head == NULL)
			t->tail = &op->next;
		t->head = op;
		t->count++;
		q->count++;
	}
}

static struct write_op *take(struct write_queue *q, struct tenant *t)
{
	struct write_op *op = t->head;
	t->head = op->next;
	if (t->head == NULL)
		t->tail = &t->head;
	t->count--;
	q->count--;
	return op;
}

static void leave(struct write_queue *q, struct tenant *t)
{
	if (q->turn == t)
		q->turn = t->next == t ? NULL : t->next;
	t->prev->next = t->next;
	t->next->prev = t->prev;
	map_remove(q->tenants, t->ws.b, sizeof(t->ws.b));
	free(t);
}

static bool has_few(const struct tenant *t, size_t few)
{
	return t->count <= few && !t->head->never_beside;
}

/* How many are few where somebody has ${most}. */
static size_t few_of(size_t most)
{
	return most / WRITE_QUEUE_PART > WRITE_QUEUE_FEW ? most / WRITE_QUEUE_PART : WRITE_QUEUE_FEW;
}

/* Who has a part in what is picked. */
struct choice {
	enum { ALL, MANY, FEW, BESIDE } who;
	size_t few;
	struct write_op *const *running;
	size_t running_len;
};

static bool chosen(const struct choice *c, const struct tenant *t)
{
	bool nobodys = id_is_none(t->ws);
	switch (c->who) {
	case MANY:
		return !nobodys && !has_few(t, c->few);
	case FEW:
		return nobodys || has_few(t, c->few);
	case BESIDE:
		return !nobodys && has_few(t, c->few) && !write_queue_among(c->running, c->running_len, t->ws);
	case ALL:
		break;
	}
	return true;
}

/* One operation of each that is chosen, again and again. */
static size_t by_turns(struct write_queue *q, const struct choice *c, struct write_op **ops, size_t max)
{
	size_t n = 0, left = map_count(q->tenants), part = 0;
	/* Before anything is taken: whether somebody has few changes with that. */
	struct tenant **parts = left > 0 ? xmalloc(left * sizeof(*parts)) : NULL;
	for (struct tenant *t = q->turn; left > 0; t = t->next, left--)
		if (chosen(c, t))
			parts[part++] = t;
	for (bool more = true; more && n < max;) {
		more = false;
		for (size_t i = 0; i < part && n < max; i++) {
			if (parts[i]->count == 0)
				continue;
			ops[n++] = take(q, parts[i]);
			more |= parts[i]->count > 0;
			q->turn = parts[i]->next;
		}
	}
	for (size_t i = 0; i < part; i++)
		if (parts[i]->count == 0)
			leave(q, parts[i]);
	free(parts);
	return n;
}

size_t write_queue_pick(struct write_queue *q, bool beside, struct write_op **ops, size_t max)
{
	struct choice c = { .who = ALL };
	size_t most = 0;
	bool many = false, nobodys = false;
	struct tenant *t = q->turn;
	for (size_t left = map_count(q->tenants); beside && left > 0; left--, t = t->next) {
		nobodys |= id_is_none(t->ws);
		most = !id_is_none(t->ws) && t->count > most ? t->count : most;
		many |= !id_is_none(t->ws) && !has_few(t, WRITE_QUEUE_FEW);
	}
	c.few = few_of(most < max ? most : max); /* as pick_beside() will count beside that batch */
	size_t floods = 0;
	t = q->turn;
	for (size_t left = many ? map_count(q->tenants) : 0; left > 0; left--, t = t->next)
		floods += !id_is_none(t->ws) && !has_few(t, c.few);
	many = many && floods <= WRITE_QUEUE_TENANTS;
	q->few_were_first = many && nobodys && !q->few_were_first; /* not twice, or who has many never comes */
	if (many)
		c.who = q->few_were_first ? FEW : MANY;
	return by_turns(q, &c, ops, max);
}

bool write_queue_among(struct write_op *const *ops, size_t n, struct id ws)
{
	for (size_t from = 0, to = n; from < to;) {
		size_t middle = from + (to - from) / 2;
		int c = id_compare(ops[middle]->ws, ws);
		if (c == 0)
			return true;
		if (c < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return false;
}

bool write_queue_lets_beside(struct write_op *const *ops, size_t n)
{
	size_t tenants = 0;
	for (size_t i = 0; i < n && tenants <= WRITE_QUEUE_TENANTS; i++)
		tenants += i == 0 || !id_equal(ops[i]->ws, ops[i - 1]->ws);
	return tenants > 0 && tenants <= WRITE_QUEUE_TENANTS && !id_is_none(ops[0]->ws);
}

size_t write_queue_pick_beside(
    struct write_queue *q, struct write_op *const *running, size_t running_len, struct write_op **ops, size_t max)
{
	if (!write_queue_lets_beside(running, running_len))
		return 0;
	struct choice c = { .who = BESIDE, .few = few_of(running_len), .running = running, .running_len = running_len };
	return by_turns(q, &c, ops, max);
}

struct write_op *write_queue_take(struct write_queue *q)
{
	struct tenant *t = q->turn;
	if (t == NULL)
		return NULL;
	struct write_op *op = take(q, t);
	if (t->count == 0)
		leave(q, t);
	return op;
}
