/*
 * What a flood in one workspace does to another: the quiet one's p95 alone and beside the flood, by turns in the same run, so that what the machine does
 * meanwhile meets both.  The flood asks a hundred times as much, and more than there are slots for; before the quiet one is alone again, what was taken of it
 * has to be answered.  The ratio is of all turns together; it is to be below 1.2.  Usage: fair_bench [MODEL_MS] [SLOTS] [QUIET_PER_S] [SECONDS] [TURNS]
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../core/base/log.h"
#include "../support/fair_load.h"

enum { ROOM = 4096 };

int main(int argc, char **argv)
{
	static double alone[ROOM], beside[ROOM];
	size_t alone_n = 0, beside_n = 0;
	unsigned model = argc > 1 ? (unsigned)atoi(argv[1]) : 400, slots = argc > 2 ? (unsigned)atoi(argv[2]) : 100;
	unsigned rate = argc > 3 ? (unsigned)atoi(argv[3]) : 5, seconds = argc > 4 ? (unsigned)atoi(argv[4]) : 6;
	unsigned turns = argc > 5 ? (unsigned)atoi(argv[5]) : 4;
	char settings[64];
	int n = snprintf(settings, sizeof settings - 1, "runs.max=%u", slots);
	settings[n + 1] = '\0';
	log_set_level(LOG_ERROR);
	struct fair_load *l = fair_load_new(model, settings);
	fair_load_p95(l, rate, 0, 1000); /* warm */
	bool all = true;
	for (unsigned i = 0; i < turns && all; i++) {
		size_t a = fair_load_times(l, rate, 0, seconds * 1000, alone + alone_n, ROOM - alone_n);
		size_t b = fair_load_times(l, rate, 100 * rate, seconds * 1000, beside + beside_n, ROOM - beside_n);
		all = a > 0 && b > 0 && fair_load_drain(l, 120000);
		printf("turn %u: p95 alone %.1f ms, beside %.1f ms\n", i + 1, fair_p95(alone + alone_n, a),
		    fair_p95(beside + beside_n, b));
		alone_n += a;
		beside_n += b;
	}
	double x = fair_p95(alone, alone_n), y = fair_p95(beside, beside_n);
	printf(
	    "quiet: %u/s, p95 of %zu alone %.1f ms; of %zu beside %u/s of another workspace (room for %u/s, %ld taken, %ld answered) %.1f ms: %.2f times\n",
	    rate, alone_n, x, beside_n, 100 * rate, 1000 * slots / model, fair_load_taken(l), fair_load_flooded(l), y, y / x);
	if (!all)
		printf("not all were answered\n");
	fair_load_free(l);
	return all ? 0 : 1;
}
