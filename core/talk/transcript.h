#ifndef EDDY_TALK_TRANSCRIPT_H
#define EDDY_TALK_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"

enum author_kind { AUTHOR_PERSON = 1, AUTHOR_EDDY = 2, AUTHOR_SYSTEM = 3, AUTHOR_BOT = 4 };

/*
 * The last messages of a thread, as a run needs them.  A cache in front of Postgres holds the tails of the threads that are
 * active: it is fed by what this process commits and is right because every durable change of a thread takes the next
 * number of its sequence: a tail whose last number is not the one before the new message has missed something (another process
 * wrote) and is dropped, then read again.  Any thread.
 */
#define TRANSCRIPT_MAX 50
struct transcript_item {
	int64_t seq;
	enum author_kind kind;
	struct id author; /* none for Eddy */
	const char *text;
	size_t text_len;
};
struct transcript {
	struct transcript_item items[TRANSCRIPT_MAX];
	size_t len;
	char *memory; /* the texts */
};
void transcript_done(struct transcript *t);

struct transcripts;
struct transcripts *transcripts_new(size_t max_bytes);
void transcripts_free(struct transcripts *c);
/** A message was committed as ${seq}, the next of its thread. */
void transcripts_append(
    struct transcripts *c, struct id thread, int64_t seq, enum author_kind kind, struct id author, const char *text, size_t n);
/** Something of the thread changed in another way (edit, delete). */
void transcripts_forget(struct transcripts *c, struct id thread);
void transcripts_clear(struct transcripts *c); /* all of them */
/**
 * The last messages as a run on message ${upto} sees them: people's up to ${upto}, Eddy's own all (its answers to earlier messages may
 * have come later), and ${upto} itself last.  False: not held, then transcript_load().  ${out} is the caller's on success.
 */
bool transcripts_get(struct transcripts *c, struct id thread, int64_t upto, struct transcript *out);
/*
 * What was said before the tail, in short (thread_digest()), is kept with it: it goes where the tail goes, so an edit or a deletion takes it
 * along.
 */
struct buf;
/** False: none is held.  ${before}: it knows what has a lower number; ${at_ms}: clock_ms() when it was made.  ${text} may be NULL. */
bool transcripts_earlier(struct transcripts *c, struct id thread, struct buf *text, int64_t *before, uint64_t *at_ms);
/** Edits and deletions so far: ask before reading what is to be kept. */
uint64_t transcripts_changes(struct transcripts *c);
/** Nothing is kept where the tail is not, or after another change than ${changes} knew of. */
void transcripts_keep_earlier(
    struct transcripts *c, struct id thread, int64_t before, uint64_t at_ms, uint64_t changes, const char *text, size_t n);
size_t transcripts_bytes(struct transcripts *c);

extern const struct pg_statement transcript_statements[];
/** Read from the database, inside a tenant transaction, and keep it in the cache (NULL: do not) when it reaches the thread's end. */
enum err transcript_load(
    struct pg *pg, struct transcripts *c, struct id ws, struct id thread, int64_t upto, struct transcript *out);

#endif
