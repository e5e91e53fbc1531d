/*
 * The core alone: how many messages a second go from accept to a delivered answer with a real database, a model and an adapter that
 * answer at once.  Usage: engine_bench [EVENTS] [THREADS] (closed loop: one message in flight per thread).
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
#include "../support/engine_fixture.h"

static struct fixture *fix;
static atomic_long sent, answered, total;
static long threads;
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
		.ws = fixture_ws(fix),
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
	const char *p = memchr(r->origin, ' ', r->origin_len);
	say(p ? atol(p + 12) : 0);
}

int main(int argc, char **argv)
{
	long events = argc > 1 ? atol(argv[1]) : 20000;
	threads = argc > 2 ? atol(argv[2]) : 200;
	log_set_level(LOG_WARN);
	fix = fixture_new(
	    &(struct fixture_options){ .quick = true, .caps = CAP_EDIT, .on_whole = on_whole, .url = getenv("EDDY_BENCH_URL") });
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
	}
	fixture_free(fix);
	return 0;
}
