/*
 * What a flood in one workspace does to another: the quiet one's p95 alone and beside the flood, by turns in the same run, so that what the machine does
 * meanwhile meets both.  The flood asks a hundred times as much, and more than there are slots for; before the quiet one is alone again, what was taken of it
 * has to be answered.  The ratio is of all turns together; it is to be below 1.2.  Then where a question's time goes, part by part, and what the writer did.
 * Usage: fair_bench [MODEL_MS] [SLOTS] [QUIET_PER_S] [SECONDS] [TURNS] [TIMES]: the flood asks TIMES (100) as much
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../support/fair_load.h"

enum { ROOM = 4096 };

/* One of the two sides. */
struct side {
	struct fair_time times[ROOM];
	size_t n;
	double s, cpu; /* wall clock and processor of this program, Postgres not counted */
	struct writer_stats writer;
};

static double cpu_now(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* How many were answered; 0: not all. */
static size_t turn(struct fair_load *l, struct side *x, unsigned quiet, unsigned flood, uint32_t ms)
{
	struct writer_stats a = fair_load_writer(l), b;
	double cpu = cpu_now();
	uint64_t t0 = clock_us();
	size_t n = fair_load_times(l, quiet, flood, ms, x->times + x->n, ROOM - x->n);
	x->s += (double)(clock_us() - t0) / 1e6;
	x->cpu += cpu_now() - cpu;
	b = fair_load_writer(l);
	x->writer.commits += b.commits - a.commits;
	x->writer.operations += b.operations - a.operations;
	x->writer.busy_us += b.busy_us - a.busy_us;
	x->n += n;
	return n;
}

static void print_side(const char *name, const struct side *x)
{
	printf("%s, p50/p95 ms:", name);
	for (enum fair_stage s = 0; s < FAIR_STAGES; s++)
		printf(" %s %.1f/%.1f", fair_stage_name(s), fair_percentile(x->times, x->n, s, 50),
		    fair_percentile(x->times, x->n, s, 95));
	printf("; whole %.1f/%.1f\n", fair_percentile(x->times, x->n, FAIR_STAGES, 50),
	    fair_percentile(x->times, x->n, FAIR_STAGES, 95));
	double commits = x->writer.commits > 0 ? (double)x->writer.commits : 1;
	printf("  writer: %.0f batches/s of %.1f operations and %.2f ms, at work %.0f %% of the time; %.0f %% of a processor\n",
	    commits / x->s, (double)x->writer.operations / commits, (double)x->writer.busy_us / 1000.0 / commits,
	    (double)x->writer.busy_us / 1e4 / x->s, 100 * x->cpu / x->s);
}

int main(int argc, char **argv)
{
	static struct side alone, beside;
	unsigned model = argc > 1 ? (unsigned)atoi(argv[1]) : 400, slots = argc > 2 ? (unsigned)atoi(argv[2]) : 100;
	unsigned rate = argc > 3 ? (unsigned)atoi(argv[3]) : 5, seconds = argc > 4 ? (unsigned)atoi(argv[4]) : 6;
	unsigned turns = argc > 5 ? (unsigned)atoi(argv[5]) : 4, times = argc > 6 ? (unsigned)atoi(argv[6]) : 100;
	char settings[64];
	int n = snprintf(settings, sizeof settings - 1, "runs.max=%u", slots);
	settings[n + 1] = '\0';
	log_set_level(LOG_ERROR);
	struct fair_load *l = fair_load_new(model, settings);
	fair_load_p95(l, rate, 0, 1000); /* warm */
	bool all = true;
	for (unsigned i = 0; i < turns && all; i++) {
		size_t a = turn(l, &alone, rate, 0, seconds * 1000), b = turn(l, &beside, rate, times * rate, seconds * 1000);
		all = a > 0 && b > 0 && fair_load_drain(l, 120000);
		printf("turn %u: p95 alone %.1f ms, beside %.1f ms\n", i + 1,
		    fair_percentile(alone.times + alone.n - a, a, FAIR_STAGES, 95),
		    fair_percentile(beside.times + beside.n - b, b, FAIR_STAGES, 95));
	}
	double x = fair_percentile(alone.times, alone.n, FAIR_STAGES, 95),
	       y = fair_percentile(beside.times, beside.n, FAIR_STAGES, 95);
	printf(
	    "quiet: %u/s, p95 of %zu alone %.1f ms; of %zu beside %u/s of another workspace (room for %u/s, %ld taken, %ld answered) %.1f ms: %.2f times\n",
	    rate, alone.n, x, beside.n, times * rate, 1000 * slots / model, fair_load_taken(l), fair_load_flooded(l), y, y / x);
	print_side("alone", &alone);
	print_side("beside", &beside);
	if (!all)
		printf("not all were answered\n");
	fair_load_free(l);
	return all ? 0 : 1;
}
