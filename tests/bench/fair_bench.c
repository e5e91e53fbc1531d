/*
 * What a flood in one workspace does to another: the p95 of a quiet one alone and beside the flood, in the same run, and the ratio.  The flood
 * asks a hundred times as much, and more than there are slots for.  Usage: fair_bench [MODEL_MS] [SLOTS] [QUIET_PER_S] [SECONDS]
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../core/base/log.h"
#include "../support/fair_load.h"

int main(int argc, char **argv)
{
	unsigned model = argc > 1 ? (unsigned)atoi(argv[1]) : 400, slots = argc > 2 ? (unsigned)atoi(argv[2]) : 100;
	unsigned rate = argc > 3 ? (unsigned)atoi(argv[3]) : 5, seconds = argc > 4 ? (unsigned)atoi(argv[4]) : 6;
	char settings[64];
	int n = snprintf(settings, sizeof settings - 1, "runs.max=%u", slots);
	settings[n + 1] = '\0';
	log_set_level(LOG_ERROR);
	struct fair_load *l = fair_load_new(model, settings);
	fair_load_p95(l, rate, 0, 1000); /* warm */
	double alone = fair_load_p95(l, rate, 0, seconds * 1000);
	double beside = fair_load_p95(l, rate, 100 * rate, seconds * 1000);
	printf(
	    "quiet: %u/s, p95 alone %.1f ms; beside %u/s of another workspace (room for %u/s, %ld answered) %.1f ms: %.2f times\n",
	    rate, alone, 100 * rate, 1000 * slots / model, fair_load_flooded(l), beside, beside / alone);
	fair_load_free(l);
	return alone > 0 && beside > 0 ? 0 : 1;
}
