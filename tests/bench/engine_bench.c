/*
 * The core alone: how many messages a second go from accept to a delivered answer with a real database, a model and an adapter that
 * answer at once.  Usage: engine_bench [EVENTS] [THREADS] [ITEMS] [WORKSPACES] (closed loop: one message in flight per thread).  With ITEMS the
 * same three rounds follow with so many context items in each thread, all of them told to the model as far as they fit, and the ratio is printed.
 * The threads are dealt out to WORKSPACES (1).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/engine/engine_internal.h"
#include "../../core/memory/inject.h"
#include "../support/db.h"
#include "../support/engine_fixture.h"

static struct fixture *fix;
static atomic_long sent, answered, total;
static long threads, workspaces = 1;
static struct id ws_of[1024];
static atomic_long refused;

static void say(long thread)
{
	long n = atomic_fetch_add(&sent, 1);
	if (n >= atomic_load(&total))
		return;
	char key[32], source[80], root[32], place[32], text[200], person[32], origin[64];
	snprintf(key, sizeof(key), "1760000000.%06ld", n);
	snprintf(root, sizeof(root), "1750000000.%06ld", thread);
	snprintf(place, sizeof(place), "C%07ld", thread);
	snprintf(person, sizeof(person), "U%06ld", n % 500);
	snprintf(source, sizeof(source), "m:%s:%s", place, key);
	snprintf(origin, sizeof(origin), "%s %s", place, root);
	snprintf(
	    text, sizeof(text), "ev=%ld could you look at the deploy that failed last night and tell the team w end=%ld", n, n);
	struct intent in = { .kind = INTENT_MESSAGE_POSTED,
		.ws = ws_of[thread % workspaces],
		.adapter = "test",
		.source_key = source,
		.message_key = key,
		.thread_key = root,
		.platform_ms = 1760000000000ull + (uint64_t)n,
		.person = { .external_id = person },
		.place = { .external_id = place, .visibility = VIS_UNKNOWN, .eddy_is_member = true },
		.text = text,
		.text_len = strlen(text),
		.mentions_us = true,
		.origin = origin,
		.origin_len = strlen(origin) };
	if (!engine_accept(fixture_engine(fix), &in, NULL, NULL))
		atomic_fetch_add(&refused, 1);
}

/* The next message of a thread follows its answer. */
static void on_whole(void *arg, const struct reply *r)
{
	(void)arg;
	atomic_fetch_add(&answered, 1);
	char origin[64]; /* it ends with its bytes */
	snprintf(origin, sizeof(origin), "%.*s", (int)r->origin_len, (const char *)r->origin);
	const char *p = strchr(origin, ' ');
	say(p ? atol(p + 12) : 0);
}

static double middle(const double v[3])
{
	double low = v[0] < v[1] ? v[0] : v[1], high = v[0] < v[1] ? v[1] : v[0];
	return v[2] < low ? low : v[2] > high ? high : v[2];
}

static void remember(long items)
{
	char sql[900];
	snprintf(sql, sizeof(sql),
	    "INSERT INTO eddy.context_items (ws, id, kind, scope, scope_id, state, origin, body, tags, audience_id) SELECT t.ws, gen_random_uuid(), 2,"
	    " CASE WHEN n %% 2 = 0 THEN 2 ELSE 3 END, CASE WHEN n %% 2 = 0 THEN t.id ELSE t.place_id END, 2, 4, 'We decided thing number ' || n ||"
	    " ' about the deploy of the team, and that whoever is on duty looks at it first.', '{deploy,team}', t.audience_id"
	    " FROM eddy.threads t, generate_series(1, %ld) AS n; ANALYZE eddy.context_items",
	    items);
	if (!test_db_exec(sql))
		exit(1);
	memory_touched(fixture_engine(fix)->memory, fixture_ws(fix));
}

static void rounds(long events, double rate[3])
{
	struct rusage a, b;
	for (int round = 0; round < 3; round++) {
		long before = atomic_load(&answered);
		atomic_store(&total, atomic_load(&sent) + events);
		getrusage(RUSAGE_SELF, &a);
		uint64_t t0 = clock_us();
		for (long i = 0; i < threads; i++)
			say(i);
		while (atomic_load(&answered) - before < events && clock_us() - t0 < 60000000)
			usleep(1000);
		double s = (double)(clock_us() - t0) / 1e6;
		atomic_store(&sent, atomic_load(&total));
		getrusage(RUSAGE_SELF, &b);
		double cpu = (double)(b.ru_utime.tv_sec - a.ru_utime.tv_sec + b.ru_stime.tv_sec - a.ru_stime.tv_sec) +
		    (double)(b.ru_utime.tv_usec - a.ru_utime.tv_usec + b.ru_stime.tv_usec - a.ru_stime.tv_usec) / 1e6;
		printf("round %d: %ld answered, %ld refused, %.0f/s, %.1f us CPU an event, %ld kB resident at peak\n", round,
		    atomic_load(&answered) - before, atomic_load(&refused), (double)events / s, cpu / (double)events * 1e6,
		    b.ru_maxrss);
		fflush(stdout);
		rate[round] = (double)events / s;
	}
}

int main(int argc, char **argv)
{
	long events = argc > 1 ? atol(argv[1]) : 20000;
	threads = argc > 2 ? atol(argv[2]) : 200;
	log_set_level(LOG_WARN);
	fix = fixture_new(
	    &(struct fixture_options){ .quick = true, .caps = CAP_EDIT, .on_whole = on_whole, .url = getenv("EDDY_BENCH_URL") });
	long items = argc > 3 ? atol(argv[3]) : 0;
	workspaces = argc > 4 ? atol(argv[4]) : 1;
	workspaces = workspaces < 1 ? 1 : workspaces > 1024 ? 1024 : workspaces;
	ws_of[0] = fixture_ws(fix);
	for (long i = 1; i < workspaces; i++) {
		char name[32];
		snprintf(name, sizeof(name), "T%ld", i + 1);
		if (engine_install(fixture_engine(fix), "test", name, name, false, &ws_of[i]) != ERR_NONE)
			return 1;
	}
	double without[3], with[3];
	rounds(events, without);
	if (items > 0) {
		/* what a run pays in a workspace that has none */
		uint64_t t0 = clock_us();
		long may = 0;
		for (int i = 0; i < 1000000; i++)
			may += memory_may_have(fixture_engine(fix)->memory, fixture_ws(fix));
		printf("asking whether there is anything to remember: %.0f ns (%ld)\n", (double)(clock_us() - t0) / 1e3,
		    may > 0 ? 1L : 0L);
		remember(items);
		rounds(events, with);
		printf("%ld runs were told something; with %ld items in each thread %.2f of the rate without\n",
		    db_count("SELECT count(*) FROM runs WHERE given IS NOT NULL"), items, middle(with) / middle(without));
	}
	fixture_free(fix);
	return 0;
}
