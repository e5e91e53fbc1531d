#ifndef EDDY_TALK_RECALL_H
#define EDDY_TALK_RECALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "search.h"

/*
 * Vectors of messages: what has none yet, storing them, and the messages that are nearest to a question.  Everything here is inside a tenant
 * transaction; the model is asked outside of one (core/engine/vectors.h).
 */
#define RECALL_BATCH 32          /* texts in a call */
#define RECALL_BATCH_BYTES 64000 /* of text in a call */
#define RECALL_TEXT_BYTES 8000   /* of one message that count */
#define RECALL_WINDOW 2000       /* messages that one look for missing ones goes through */
#define RECALL_CANDIDATES 5000   /* newest that may be read: compared one by one */
#define RECALL_NEAREST 50

extern const struct pg_statement recall_statements[];

/* Messages without a vector, newest first. */
struct recall_batch {
	struct {
		struct id id;
		int64_t rev;
		char *text;
	} rows[RECALL_BATCH];
	size_t len, bytes;
	struct id from; /* the window goes down to here, not included; none: to the beginning */
};
/**
 * What has no vector of ${model} among the RECALL_WINDOW messages before ${before} (none: the newest), without what people in private
 * mode and their answers have said.  On success recall_batch_done() is the caller's.
 */
enum err recall_missing(struct pg *pg, struct id ws, const char *model, struct id before, struct recall_batch *out);
void recall_batch_done(struct recall_batch *b);
/** Keep the vectors, one after the other, of those whose text is still the same.  ${vectors} NULL: the model does not take these texts. */
enum err recall_keep(
    struct pg *pg, struct id ws, const char *model, const struct recall_batch *b, const float *vectors, size_t dims);
/** Book what a call has cost, and that much less is held. */
enum err recall_book(struct pg *pg, struct id ws, struct id process, int64_t micros, int64_t tokens);

/* A question as a vector. */
struct recall_question {
	const char *model;
	float *v;
	size_t dims;
	float floor; /* what is less like it than that is not like it */
};
struct recall_near {
	struct id id;
	float score;
};
/** Up to RECALL_NEAREST messages of those that ${a} and the filters of ${q} leave, nearest first.  ${q}'s words don't matter. */
enum err recall_nearest(struct pg *pg, const struct search_allowed *a, const struct search_query *q,
    const struct recall_question *question, struct recall_near out[RECALL_NEAREST], size_t *n);

#endif
