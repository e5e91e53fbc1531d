/*
 * Lanes in a map by "method|channel".  A lane with waiting items is in exactly one place: the ready list of its head's priority, the
 * heap (it knows when it may go on), its method's parking list (the tier's bucket is empty; the method itself is in the
 * heap), or nowhere because its window is full and limits_done() will bring it back.  So a step costs the same however many lanes wait.
 */
#include "limits.h"

#include <stdlib.h>
#include <string.h>

#include "../../core/base/map.h"
#include "../../core/base/mem.h"

#define WINDOW_FREE 32u /* a lane that got this far after a 429 is free again */
#define SWEEP_MIN 4096u
#define CHANNEL_BURST 5.0
#define CHANNEL_PER_MS (1.0 / 1000.0)
#define HIT_DEFAULT_MS 1000u /* a 429 that does not say how long */

struct bucket {
	double tokens;
	uint64_t at_ms;
};
enum place { PLACE_IDLE, PLACE_READY, PLACE_HEAP, PLACE_PARKED, PLACE_BUSY };
struct method {
	const char *name;
	double per_ms, burst; /* per_ms 0: no limit */
	struct bucket bucket;
	struct limits_lane *parked, **parked_end;
	bool in_heap;
};
struct limits_lane {
	struct method *method;
	struct limits_lane *next; /* ready, parked or sweep list */
	struct limits_item *head, **tail;
	size_t waiting, running;
	struct bucket bucket;
	uint64_t not_before_ms;
	unsigned window; /* 0: any number at once */
	enum place place;
	bool paced; /* this lane has a bucket of its own */
	uint16_t key_len;
	char key[];
};
struct due {
	uint64_t at_ms;
	struct limits_lane *lane; /* either */
	struct method *method;
};
struct limits {
	bool adaptive;
	struct map *lanes, *methods;
	struct limits_lane *ready[LIMITS_PRIORITIES], **ready_end[LIMITS_PRIORITIES];
	struct due *heap;
	size_t heap_len, heap_cap, waiting, sweep_at;
	uint64_t seq;
};

/* Tiers of the documentation, calls a minute; a method that is not here counts as tier 3. */
static const struct tier {
	const char *method;
	int per_minute;
	bool paced;
} tiers[] = {
	{ "chat.postMessage", 0, true },
	{ "chat.postEphemeral", 100, true },
	{ "chat.update", 50, false },
	{ "chat.delete", 50, false },
	{ "chat.startStream", 20, false },
	{ "chat.appendStream", 100, false },
	{ "chat.stopStream", 20, false },
	{ "auth.test", 0, false },
	{ "users.info", 100, false },
	{ "conversations.members", 100, false },
	{ "views.open", 100, false },
	{ "views.publish", 100, false },
	{ "views.update", 100, false },
	{ "assistant.threads.setStatus", 600, false },
	{ "agents.sessions.setStatus", 600, false },
	{ "apps.connections.open", 20, false },
	{ "response_url", 0, false },
};

struct limits *limits_new(bool adaptive)
{
	struct limits *l = xcalloc(1, sizeof *l);
	l->adaptive = adaptive;
	l->lanes = map_new();
	l->methods = map_new();
	l->sweep_at = SWEEP_MIN;
	for (int i = 0; i < LIMITS_PRIORITIES; i++)
		l->ready_end[i] = &l->ready[i];
	return l;
}

static void free_value(void *p)
{
	free(p);
}

void limits_free(struct limits *l)
{
	if (!l)
		return;
	map_free(l->lanes, free_value);
	map_free(l->methods, free_value);
	free(l->heap);
	free(l);
}

/* ---- the heap ---- */
static void heap_push(struct limits *l, struct due d)
{
	if (l->heap_len == l->heap_cap) {
		l->heap_cap = l->heap_cap ? l->heap_cap * 2 : 64;
		l->heap = xrealloc(l->heap, l->heap_cap * sizeof *l->heap);
	}
	size_t i = l->heap_len++;
	while (i > 0 && l->heap[(i - 1) / 2].at_ms > d.at_ms) {
		l->heap[i] = l->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	l->heap[i] = d;
}

static struct due heap_pop(struct limits *l)
{
	struct due top = l->heap[0], last = l->heap[--l->heap_len];
	size_t i = 0;
	for (;;) {
		size_t c = 2 * i + 1;
		if (c >= l->heap_len)
			break;
		if (c + 1 < l->heap_len && l->heap[c + 1].at_ms < l->heap[c].at_ms)
			c++;
		if (l->heap[c].at_ms >= last.at_ms)
			break;
		l->heap[i] = l->heap[c];
		i = c;
	}
	if (l->heap_len > 0)
		l->heap[i] = last;
	return top;
}

/* ---- buckets ---- */
static void bucket_fill(struct bucket *b, double per_ms, double burst, uint64_t now_ms)
{
	if (now_ms > b->at_ms) {
		b->tokens += (double)(now_ms - b->at_ms) * per_ms;
		b->at_ms = now_ms;
	}
	if (b->tokens > burst)
		b->tokens = burst;
}

/* When the next token is there; a hair late rather than a hair early. */
static uint64_t bucket_due(const struct bucket *b, double per_ms, uint64_t now_ms)
{
	if (b->tokens >= 1)
		return now_ms;
	return now_ms + 1 + (uint64_t)((1 - b->tokens) / per_ms);
}

/* ---- methods and lanes ---- */
static struct method *method_get(struct limits *l, const char *name, uint64_t now_ms)
{
	size_t n = strlen(name);
	struct method *m = map_get(l->methods, name, n);
	if (m)
		return m;
	m = xcalloc(1, sizeof *m);
	m->name = name;
	m->parked_end = &m->parked;
	int per_minute = 50;
	for (size_t i = 0; i < sizeof tiers / sizeof *tiers; i++)
		if (strcmp(tiers[i].method, name) == 0)
			per_minute = tiers[i].per_minute;
	if (!l->adaptive && per_minute > 0) {
		m->per_ms = per_minute / 60000.0;
		m->burst = per_minute / 2.0;
		m->bucket = (struct bucket){ m->burst, now_ms };
	}
	map_put(l->methods, name, n, m);
	return m;
}

static bool method_paced(const struct limits *l, const char *name)
{
	for (size_t i = 0; !l->adaptive && i < sizeof tiers / sizeof *tiers; i++)
		if (strcmp(tiers[i].method, name) == 0)
			return tiers[i].paced;
	return false;
}

struct sweep {
	struct limits_lane *list;
	uint64_t now_ms;
};
static void sweep_look(const void *key, size_t n, void *value, void *arg)
{
	(void)key, (void)n;
	struct sweep *s = arg;
	struct limits_lane *lane = value;
	if (lane->place != PLACE_IDLE || lane->running > 0 || lane->not_before_ms > s->now_ms || lane->window > 0)
		return;
	bucket_fill(&lane->bucket, CHANNEL_PER_MS, CHANNEL_BURST, s->now_ms);
	if (lane->paced && lane->bucket.tokens < CHANNEL_BURST)
		return;
	lane->next = s->list;
	s->list = lane;
}

/* Lanes that hold no knowledge go when there are many. */
static void sweep(struct limits *l, uint64_t now_ms)
{
	struct sweep s = { NULL, now_ms };
	map_each(l->lanes, sweep_look, &s);
	while (s.list) {
		struct limits_lane *lane = s.list;
		s.list = lane->next;
		map_remove(l->lanes, lane->key, lane->key_len);
		free(lane);
	}
	size_t left = map_count(l->lanes);
	l->sweep_at = left * 2 > SWEEP_MIN ? left * 2 : SWEEP_MIN;
}

static size_t lane_key(char key[160], const char *method, const char *channel)
{
	size_t m = strlen(method), c = channel ? strlen(channel) : 0;
	m = m < 60 ? m : 60;
	c = c < 99 ? c : 99;
	memcpy(key, method, m);
	key[m] = '|';
	if (c > 0)
		memcpy(key + m + 1, channel, c);
	return m + 1 + c;
}

static struct limits_lane *lane_get(struct limits *l, const char *method, const char *channel, uint64_t now_ms)
{
	char key[160];
	size_t n = lane_key(key, method, channel);
	struct limits_lane *lane = map_get(l->lanes, key, n);
	if (lane)
		return lane;
	if (map_count(l->lanes) >= l->sweep_at)
		sweep(l, now_ms);
	lane = xcalloc(1, sizeof *lane + n);
	lane->method = method_get(l, method, now_ms);
	lane->tail = &lane->head;
	lane->paced = channel && channel[0] && method_paced(l, method);
	lane->bucket = (struct bucket){ CHANNEL_BURST, now_ms };
	lane->key_len = (uint16_t)n;
	memcpy(lane->key, key, n);
	map_put(l->lanes, key, n, lane);
	return lane;
}

static void lane_ready(struct limits *l, struct limits_lane *lane)
{
	unsigned p = lane->head ? lane->head->priority : 0;
	lane->place = PLACE_READY;
	lane->next = NULL;
	*l->ready_end[p] = lane;
	l->ready_end[p] = &lane->next;
}

static void lane_sleep(struct limits *l, struct limits_lane *lane, uint64_t at_ms)
{
	lane->place = PLACE_HEAP;
	heap_push(l, (struct due){ .at_ms = at_ms, .lane = lane });
}

static void lane_park(struct limits *l, struct limits_lane *lane, uint64_t now_ms)
{
	struct method *m = lane->method;
	lane->place = PLACE_PARKED;
	lane->next = NULL;
	*m->parked_end = lane;
	m->parked_end = &lane->next;
	if (!m->in_heap) {
		m->in_heap = true;
		heap_push(l, (struct due){ .at_ms = bucket_due(&m->bucket, m->per_ms, now_ms), .method = m });
	}
}

bool limits_put(
    struct limits *l, struct limits_item *it, const char *method, const char *channel, unsigned priority, uint64_t now_ms)
{
	if (l->waiting >= LIMITS_TOTAL_MAX)
		return false;
	struct limits_lane *lane = lane_get(l, method, channel, now_ms);
	if (lane->waiting >= LIMITS_LANE_MAX)
		return false;
	it->lane = lane;
	it->priority = priority < LIMITS_PRIORITIES ? priority : LIMITS_PRIORITIES - 1;
	it->seq = ++l->seq;
	it->next = NULL;
	*lane->tail = it;
	lane->tail = &it->next;
	lane->waiting++;
	l->waiting++;
	if (lane->place == PLACE_IDLE)
		lane_ready(l, lane);
	return true;
}

bool limits_free_now(struct limits *l, const char *method, const char *channel, uint64_t now_ms)
{
	struct limits_lane *lane = lane_get(l, method, channel, now_ms);
	struct method *m = lane->method;
	if (lane->waiting > 0 || lane->not_before_ms > now_ms || (lane->window > 0 && lane->running >= lane->window))
		return false;
	bucket_fill(&lane->bucket, CHANNEL_PER_MS, CHANNEL_BURST, now_ms);
	if (lane->paced && lane->bucket.tokens < 1)
		return false;
	if (m->per_ms <= 0)
		return true;
	bucket_fill(&m->bucket, m->per_ms, m->burst, now_ms);
	return m->bucket.tokens >= 1 && !m->parked;
}

/* May the head of ${lane} go?  If not, the lane is put where it will be found again. */
static bool lane_may(struct limits *l, struct limits_lane *lane, uint64_t now_ms)
{
	struct method *m = lane->method;
	if (!lane->head) {
		lane->place = PLACE_IDLE;
		return false;
	}
	if (lane->not_before_ms > now_ms) {
		lane_sleep(l, lane, lane->not_before_ms);
		return false;
	}
	if (lane->window > 0 && lane->running >= lane->window) {
		lane->place = PLACE_BUSY;
		return false;
	}
	if (lane->paced) {
		bucket_fill(&lane->bucket, CHANNEL_PER_MS, CHANNEL_BURST, now_ms);
		if (lane->bucket.tokens < 1) {
			lane_sleep(l, lane, bucket_due(&lane->bucket, CHANNEL_PER_MS, now_ms));
			return false;
		}
	}
	if (m->per_ms > 0) {
		bucket_fill(&m->bucket, m->per_ms, m->burst, now_ms);
		if (m->bucket.tokens < 1) {
			lane_park(l, lane, now_ms);
			return false;
		}
		m->bucket.tokens -= 1;
	}
	if (lane->paced)
		lane->bucket.tokens -= 1;
	return true;
}

static void wake_due(struct limits *l, uint64_t now_ms)
{
	while (l->heap_len > 0 && l->heap[0].at_ms <= now_ms) {
		struct due d = heap_pop(l);
		if (d.lane) {
			lane_ready(l, d.lane);
			continue;
		}
		struct method *m = d.method;
		m->in_heap = false;
		bucket_fill(&m->bucket, m->per_ms, m->burst, now_ms);
		/* As many as there are tokens; the rest keep their turn. */
		for (double t = m->bucket.tokens; t >= 1 && m->parked; t -= 1) {
			struct limits_lane *lane = m->parked;
			m->parked = lane->next;
			if (!m->parked)
				m->parked_end = &m->parked;
			lane_ready(l, lane);
		}
		if (m->parked) {
			m->in_heap = true;
			uint64_t at = bucket_due(&m->bucket, m->per_ms, now_ms);
			heap_push(l, (struct due){ .at_ms = at > now_ms ? at : now_ms + 1, .method = m });
		}
	}
}

struct limits_item *limits_take(struct limits *l, uint64_t now_ms)
{
	wake_due(l, now_ms);
	for (int p = 0; p < LIMITS_PRIORITIES; p++) {
		while (l->ready[p]) {
			struct limits_lane *lane = l->ready[p];
			l->ready[p] = lane->next;
			if (!l->ready[p])
				l->ready_end[p] = &l->ready[p];
			lane->next = NULL;
			if (!lane_may(l, lane, now_ms))
				continue;
			struct limits_item *it = lane->head;
			lane->head = it->next;
			if (!lane->head)
				lane->tail = &lane->head;
			lane->waiting--;
			l->waiting--;
			lane->running++;
			if (lane->head)
				lane_ready(l, lane);
			else
				lane->place = PLACE_IDLE;
			it->next = NULL;
			return it;
		}
	}
	return NULL;
}

uint64_t limits_due(struct limits *l, uint64_t now_ms)
{
	for (int p = 0; p < LIMITS_PRIORITIES; p++)
		if (l->ready[p])
			return now_ms;
	return l->heap_len > 0 ? l->heap[0].at_ms : LIMITS_NEVER;
}

static void lane_end(struct limits_lane *lane, enum limits_end end, uint32_t wait_ms, uint64_t now_ms)
{
	lane->running--;
	if (end == LIMITS_GOOD && lane->window > 0) {
		lane->window *= 2;
		if (lane->window >= WINDOW_FREE)
			lane->window = 0;
	}
	if (end == LIMITS_HIT) {
		lane->window = 1;
		if (wait_ms == 0)
			wait_ms = HIT_DEFAULT_MS;
	}
	if (wait_ms > 0 && lane->not_before_ms < now_ms + wait_ms)
		lane->not_before_ms = now_ms + wait_ms;
}

void limits_done(struct limits *l, struct limits_item *it, enum limits_end end, uint32_t wait_ms, uint64_t now_ms)
{
	struct limits_lane *lane = it->lane;
	lane_end(lane, end, end == LIMITS_HIT ? wait_ms : 0, now_ms);
	if (lane->place == PLACE_BUSY)
		lane_ready(l, lane);
	it->lane = NULL;
}

void limits_again(struct limits *l, struct limits_item *it, enum limits_end end, uint32_t wait_ms, uint64_t now_ms)
{
	struct limits_lane *lane = it->lane;
	lane_end(lane, end, wait_ms, now_ms);
	/* Several may have run at once and come back in any order: by age, so the lane keeps its order. */
	struct limits_item **at = &lane->head;
	while (*at && (*at)->seq < it->seq)
		at = &(*at)->next;
	it->next = *at;
	*at = it;
	if (!it->next)
		lane->tail = &it->next;
	lane->waiting++;
	l->waiting++;
	if (lane->place == PLACE_BUSY || lane->place == PLACE_IDLE)
		lane_ready(l, lane);
}

static void drop_lane(const void *key, size_t n, void *value, void *arg)
{
	(void)key, (void)n;
	struct limits_lane *lane = value;
	struct limits_item **list = arg;
	if (!lane->head)
		return;
	*lane->tail = *list;
	*list = lane->head;
	lane->head = NULL;
	lane->tail = &lane->head;
	lane->waiting = 0;
}

/* The lanes stay where they are: lane_may() passes over an empty one. */
struct limits_item *limits_drop(struct limits *l)
{
	struct limits_item *list = NULL;
	map_each(l->lanes, drop_lane, &list);
	for (struct limits_item *it = list; it; it = it->next)
		it->lane = NULL;
	l->waiting = 0;
	return list;
}

size_t limits_waiting(const struct limits *l)
{
	return l->waiting;
}

size_t limits_lanes(const struct limits *l)
{
	return map_count(l->lanes);
}
