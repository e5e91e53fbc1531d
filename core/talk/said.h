#ifndef EDDY_TALK_SAID_H
#define EDDY_TALK_SAID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"
#include "resolution.h"

struct buf;

/*
 * What was said in a thread, as summaries need it: people's messages, Eddy's answers and the resolutions that came back to it; not what people
 * told Eddy to do nor what it said to that.  Only what all its readers may read.  All inside a tenant transaction.
 */
#define SAID_MAX 200
struct said_key {
	const char *message; /* its name on the platform; never NULL */
	struct id author;    /* none: Eddy, or erased */
};
struct said {
	PGresult *res, *head;
	struct digest_message *list; /* oldest first; no links */
	struct said_key *keys;
	size_t len;
	bool more;      /* there are older ones that were not read */
	bool discreet;  /* somebody in private mode is among them: nothing of it is kept */
	int64_t newest; /* the thread's number when they were read: every later change has a higher one */
	const char *adapter, *place_key, *thread_key, *title; /* of the thread; title: NULL: none */
};
extern const struct pg_statement said_statements[];
/** The newest messages with a number above ${after} and below ${before}, at most SAID_MAX; ${but}: not this person's (none: everyone's). */
enum err said_load(struct pg *pg, struct id ws, struct id thread, int64_t after, int64_t before, struct id but, struct said *out);
void said_done(struct said *s);

/**
 * What was said in ${thread} before number ${before}, in at most ${max_bytes}: the stored summary where it reaches no further, then what came
 * after it in sentences taken word for word.  Lines "- …" without numbers.  Reads at most SAID_MAX messages; the same rows give the same text.
 */
enum err thread_digest(struct pg *pg, struct id ws, struct id thread, int64_t before, size_t max_bytes, struct buf *out);

/** Keep ${body} as the summary of ${s}, unless something it knows has changed meanwhile or a later one is there. */
enum err summary_put(
    struct pg *pg, struct id ws, struct id thread, const struct said *s, const char *body, size_t n, bool by_model);
struct summary {
	PGresult *res;
	const char *body; /* NULL: there is none */
	size_t body_len;
	int64_t upto, at_ms;
	bool by_model;
};
enum err summary_get(struct pg *pg, struct id ws, struct id thread, struct summary *out);
void summary_done(struct summary *s);

#endif
