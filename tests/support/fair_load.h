#ifndef EDDY_TEST_FAIR_LOAD_H
#define EDDY_TEST_FAIR_LOAD_H

#include "../../core/store/writer.h"
#include "engine_fixture.h"

/* A quiet workspace that asks now and then, and another that floods the same engine. */
struct fair_load;
struct fair_load *fair_load_new(uint32_t model_ms, const char *settings);
void fair_load_free(struct fair_load *l);
/** Both ask for ${ms} at these rates, each time in a new thread; waits for the quiet one's answers.  Its p95 in milliseconds; -1: not all came. */
double fair_load_p95(struct fair_load *l, unsigned quiet_per_s, unsigned flood_per_s, uint32_t ms);

/* The way of a question, each part from the end of the one before. */
enum fair_stage {
	FAIR_STORED, /* handed in, waited for the writer, committed, told */
	FAIR_SLOT,   /* it is its turn among the runs */
	FAIR_ASKED,  /* a worker has read what is needed, the model is called */
	FAIR_MODEL,  /* the model has answered */
	FAIR_KEPT,   /* the answer is committed, told */
	FAIR_OUT,    /* the adapter has it */
	FAIR_STAGES
};
struct fair_time {
	double whole, stage[FAIR_STAGES]; /* milliseconds */
};
const char *fair_stage_name(enum fair_stage s);
/** As fair_load_p95(), with what each of the quiet one's questions took; how many came, at most ${room}; 0: not all came. */
size_t fair_load_times(
    struct fair_load *l, unsigned quiet_per_s, unsigned flood_per_s, uint32_t ms, struct fair_time *out, size_t room);
/** The value that ${percent} of a hundred are not above, of ${stage}; FAIR_STAGES: of the whole way.  -1: there are none. */
double fair_percentile(const struct fair_time *times, size_t n, enum fair_stage stage, unsigned percent);
/** How many of the flood were answered by now, and how many were taken of those that were asked. */
long fair_load_flooded(struct fair_load *l);
long fair_load_taken(struct fair_load *l);
/** Waits until what was taken of the flood is answered, so that the quiet one is alone again.  False: not within ${ms}. */
bool fair_load_drain(struct fair_load *l, uint32_t ms);
/** What the writer has done so far. */
struct writer_stats fair_load_writer(struct fair_load *l);

#endif
