#include "fair_load.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../core/base/clock.h"
#include "../../core/base/map.h"
#include "../../core/base/mem.h"
#include "../../core/engine/engine_internal.h"

#define QUIET_MAX 4096

/* A question of the quiet one: when it was handed in, and when each stage ended. */
struct quiet {
	uint64_t at_us;
	atomic_ullong ended_us[FAIR_STAGES];
};

struct fair_load {
	struct fixture *f;
	struct id flood;
	long asked, floods;
	struct quiet quiets[QUIET_MAX];
	pthread_mutex_t mutex; /* guards ${known} */
	struct map *known;     /* of the quiet one's threads and runs, by id */
	atomic_long flooded, taken, answered;
};

static const char *const stage_names[] = { "stored", "slot", "asked", "model", "kept", "out" };

const char *fair_stage_name(enum fair_stage s)
{
	return stage_names[s];
}

static void know(struct fair_load *l, struct id id, struct quiet *q)
{
	pthread_mutex_lock(&l->mutex);
	map_put(l->known, id.b, sizeof id.b, q);
	pthread_mutex_unlock(&l->mutex);
}

static struct quiet *known(struct fair_load *l, struct id id)
{
	pthread_mutex_lock(&l->mutex);
	struct quiet *q = map_get(l->known, id.b, sizeof id.b);
	pthread_mutex_unlock(&l->mutex);
	return q;
}

/* The first time counts. */
static void ended(struct quiet *q, enum fair_stage s)
{
	unsigned long long none = 0;
	if (q != NULL)
		atomic_compare_exchange_strong(&q->ended_us[s], &none, clock_us());
}

static void on_event(void *arg, const struct thread_event *ev)
{
	struct fair_load *l = arg;
	if (!id_equal(ev->ws, fixture_ws(l->f)))
		return;
	struct quiet *q = known(l, ev->thread);
	if (ev->kind == EVENT_MESSAGE)
		ended(q, ev->author_kind == AUTHOR_EDDY ? FAIR_KEPT : FAIR_STORED);
	if (ev->kind != EVENT_RUN || q == NULL || strcmp(ev->run_state, "running") != 0)
		return;
	know(l, ev->run, q);
	ended(q, FAIR_SLOT);
}

static enum script on_call(void *arg, const struct model_request *r, bool floor)
{
	(void)floor;
	struct fair_load *l = arg;
	ended(known(l, r->run), FAIR_ASKED);
	return SCRIPT_ANSWER;
}

static void on_call_end(void *arg, struct id run)
{
	ended(known(arg, run), FAIR_MODEL);
}

static void on_whole(void *arg, const struct reply *r)
{
	struct fair_load *l = arg;
	char origin[32];
	snprintf(origin, sizeof origin, "%.*s", (int)r->origin_len, (const char *)r->origin);
	if (origin[0] != 'q') {
		atomic_fetch_add(&l->flooded, 1);
		return;
	}
	long i = atol(origin + 1);
	if (i < 0 || i >= QUIET_MAX || atomic_load(&l->quiets[i].ended_us[FAIR_OUT]) != 0)
		return;
	ended(&l->quiets[i], FAIR_OUT);
	atomic_fetch_add(&l->answered, 1);
}

static void listen(void *arg, struct engine *e)
{
	engine_on_event(e, on_event, arg);
}

struct fair_load *fair_load_new(uint32_t model_ms, const char *settings)
{
	struct fair_load *l = xcalloc(1, sizeof *l);
	pthread_mutex_init(&l->mutex, NULL);
	l->known = map_new();
	l->f = fixture_new(&(struct fixture_options){ .quick = true,
	    .caps = CAP_EDIT,
	    .on_whole = on_whole,
	    .arg = l,
	    .on_call = on_call,
	    .on_call_end = on_call_end,
	    .call_arg = l,
	    .before_start = listen,
	    .before_arg = l,
	    .model_ms = model_ms,
	    .settings = settings });
	if (engine_install(fixture_engine(l->f), "test", "T-FLOOD", "flood", false, &l->flood) != ERR_NONE)
		abort();
	return l;
}

void fair_load_free(struct fair_load *l)
{
	fixture_free(l->f);
	map_free(l->known, NULL);
	pthread_mutex_destroy(&l->mutex);
	free(l);
}

static void ask(struct fair_load *l, bool quiet, long n)
{
	char key[48], source[64], origin[32], person[32];
	snprintf(key, sizeof key, "%c.%ld", quiet ? 'q' : 'f', n);
	snprintf(source, sizeof source, "m:%s", key);
	snprintf(origin, sizeof origin, "%c%ld", quiet ? 'q' : 'f', n);
	snprintf(person, sizeof person, "U%ld", n % 50);
	struct intent in = { .kind = INTENT_MESSAGE_POSTED,
		.ws = quiet ? fixture_ws(l->f) : l->flood,
		.adapter = "test",
		.source_key = source,
		.message_key = key,
		.thread_key = key,
		.person = { .external_id = person },
		.place = { .external_id = quiet ? "CQ" : "CF", .visibility = VIS_PUBLIC, .eddy_is_member = true },
		.text = "what was it that we said about the deploy",
		.text_len = 41,
		.mentions_us = true,
		.is_thread_root = true,
		.origin = origin,
		.origin_len = strlen(origin) };
	if (quiet) {
		know(l, engine_thread_id(engine_place_id(in.ws, in.adapter, in.place.external_id), key), &l->quiets[n]);
		l->quiets[n].at_us = clock_us();
	}
	bool taken;
	while (!(taken = engine_accept(fixture_engine(l->f), &in, NULL, NULL)) && quiet)
		usleep(1000);
	if (taken && !quiet)
		atomic_fetch_add(&l->taken, 1);
}

static int by_size(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;
	return (a > b) - (a < b);
}

double fair_percentile(const struct fair_time *times, size_t n, enum fair_stage stage, unsigned percent)
{
	if (n == 0)
		return -1;
	double *v = xcalloc(n, sizeof *v);
	for (size_t i = 0; i < n; i++)
		v[i] = stage == FAIR_STAGES ? times[i].whole : times[i].stage[stage];
	qsort(v, n, sizeof *v, by_size);
	double x = v[n * percent / 100];
	free(v);
	return x;
}

/* False: it is not answered. */
static bool time_of(const struct quiet *q, struct fair_time *out)
{
	uint64_t from = q->at_us, end = atomic_load(&q->ended_us[FAIR_OUT]);
	*out = (struct fair_time){ .whole = end > 0 ? (double)(end - from) / 1000.0 : 0 };
	for (enum fair_stage s = 0; s < FAIR_STAGES; s++) {
		uint64_t at = atomic_load(&q->ended_us[s]);
		if (at < from)
			continue; /* not seen: a part of the next */
		out->stage[s] = (double)(at - from) / 1000.0;
		from = at;
	}
	return end > 0;
}

size_t fair_load_times(
    struct fair_load *l, unsigned quiet_per_s, unsigned flood_per_s, uint32_t ms, struct fair_time *out, size_t room)
{
	long first = l->asked, sent_quiet = 0, sent_flood = 0;
	uint64_t t0 = clock_us();
	for (uint64_t now = 0; now < ms * 1000ull; now = clock_us() - t0) {
		for (; (uint64_t)sent_flood * 1000000 < now * flood_per_s; sent_flood++)
			ask(l, false, l->floods++);
		for (; (uint64_t)sent_quiet * 1000000 < now * quiet_per_s && l->asked < QUIET_MAX; sent_quiet++)
			ask(l, true, l->asked++);
		usleep(500);
	}
	for (int i = 0; i < 60000 && atomic_load(&l->answered) < l->asked; i++)
		usleep(1000);
	size_t n = 0, wanted = (size_t)(l->asked - first);
	for (long i = first; i < l->asked && n < room; i++)
		if (time_of(&l->quiets[i], &out[n]))
			n++;
	return n < wanted && n < room ? 0 : n;
}

double fair_load_p95(struct fair_load *l, unsigned quiet_per_s, unsigned flood_per_s, uint32_t ms)
{
	struct fair_time *took = xcalloc(QUIET_MAX, sizeof *took);
	double p95 = fair_percentile(took, fair_load_times(l, quiet_per_s, flood_per_s, ms, took, QUIET_MAX), FAIR_STAGES, 95);
	free(took);
	return p95;
}

bool fair_load_drain(struct fair_load *l, uint32_t ms)
{
	for (uint32_t i = 0; i < ms && atomic_load(&l->flooded) < atomic_load(&l->taken); i++)
		usleep(1000);
	return atomic_load(&l->flooded) >= atomic_load(&l->taken);
}

long fair_load_taken(struct fair_load *l)
{
	return atomic_load(&l->taken);
}

long fair_load_flooded(struct fair_load *l)
{
	return atomic_load(&l->flooded);
}

struct writer_stats fair_load_writer(struct fair_load *l)
{
	struct writer_stats s;
	writer_stats(fixture_engine(l->f)->writer, &s);
	return s;
}
