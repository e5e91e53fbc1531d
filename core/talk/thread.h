#ifndef EDDY_TALK_THREAD_H
#define EDDY_TALK_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"
#include "search.h"

struct buf;

/* ---- states: one table of what may follow what (docs/threads.md); the numbers are stored (threads.state) ---- */
enum thread_state { THREAD_ACTIVE = 1, THREAD_RESOLVED = 2, THREAD_ARCHIVED = 3 };
enum thread_act {
	THREAD_SETTLE,  /* a person marks it as resolved */
	THREAD_ARCHIVE, /* a person puts it away */
	THREAD_REOPEN,
	THREAD_MESSAGE, /* somebody has written in it: accept.c does that one in its own statement */
	THREAD_IDLE,    /* nobody has for threads.archive_days */
	THREAD_ACTS
};
/** What ${from} becomes; false: that may not be, and ${why} (may be NULL) is the sentence to answer with. */
bool thread_step(enum thread_state from, enum thread_act act, enum thread_state *to, const char **why);
const char *thread_state_word(enum thread_state s); /* "active", "resolved", "archived" */

/* ---- lists ---- */
/* Where the next page begins: after this thread.  As text: THREAD_CURSOR bytes, terminated. */
struct thread_cursor {
	int64_t created_us; /* 0: from the newest */
	struct id thread;
};
#define THREAD_CURSOR 33
void thread_cursor_write(const struct thread_cursor *c, char out[THREAD_CURSOR]);
bool thread_cursor_read(const char *s, size_t n, struct thread_cursor *out);

#define THREAD_PAGE_MAX 50
#define THREAD_TITLE_MAX 120 /* characters */
enum { THREADS_OPEN = 1, THREADS_RESOLVED = 2, THREADS_ARCHIVED = 4, THREADS_ALL = 7 };
struct thread_query {
	unsigned states;  /* THREADS_*; 0: all but archived ones */
	struct id author; /* only threads that this person has written in; none: all */
	struct thread_cursor before;
	int limit; /* 1..THREAD_PAGE_MAX */
};
struct thread_row {
	struct id id, place;
	int64_t n;         /* its number among those that may be seen from here, oldest first: it stays the same */
	const char *title; /* its own, else how its first message begins; never NULL */
	int64_t at_ms;     /* of the last message */
	enum thread_state state;
	bool is_fork;
	int fork_n, fork_state; /* of a side thread: its number in its parent, forks.state */
	const char *adapter, *place_key, *thread_key,
	    *first_key; /* for its link; first_key: NULL when its first message has none */
	struct thread_cursor cursor;
};
extern const struct pg_statement thread_statements[];

/*
 * All inside a tenant transaction, for whoever asks in ${a}'s thread.  What is listed and found: in a direct place the threads of that
 * place and of the others with just the same readers, elsewhere those of the place, and always only what ${a} allows.
 */
/** Threads that hold a message, newest first.  ${more}: there are further ones. */
enum err thread_list(struct pg *pg, const struct search_allowed *a, const struct thread_query *q,
    void (*fn)(void *arg, const struct thread_row *t), void *arg, bool *more);
/** The thread with that number (as listed), or called like that; ${fn} is not called when there is none.  Several: the latest. */
enum err thread_numbered(
    struct pg *pg, const struct search_allowed *a, int64_t n, void (*fn)(void *arg, const struct thread_row *t), void *arg);
enum err thread_called(struct pg *pg, const struct search_allowed *a, const char *title, size_t n,
    void (*fn)(void *arg, const struct thread_row *t), void *arg);
/** The side thread number ${n} of ${parent}, if it may be read. */
enum err thread_of_fork(struct pg *pg, const struct search_allowed *a, struct id parent, int n,
    void (*fn)(void *arg, const struct thread_row *t), void *arg);
/** The last ${n} messages of a thread that thread_list() would show, oldest first. */
enum err thread_last_lines(struct pg *pg, const struct search_allowed *a, struct id thread, int n,
    void (*fn)(void *arg, const struct found_message *m), void *arg);

/* ---- changes ---- */
struct thread_change {
	struct id ws, thread, person;
	struct id key; /* who asks twice with the same key changes nothing and hears the same again */
};
/**
 * ${from}, ${to}: what it was and is (on a second call with the same key what they were then).  ERR_DENIED: that may not be: ${why} says
 * why in a sentence.  ERR_INPUT: there is no such thread.
 */
enum err thread_change(struct pg *pg, const struct thread_change *c, enum thread_act act, enum thread_state *from,
    enum thread_state *to, const char **why);
/** One line, at most THREAD_TITLE_MAX characters; ERR_DENIED: ${why} says why not. */
enum err thread_rename(struct pg *pg, const struct thread_change *c, const char *title, size_t n, const char **why);

/** "just now", "5 minutes ago", "3 days ago", "2026-11-21": for people. */
void thread_age(struct buf *out, int64_t at_ms, int64_t now_ms);

#endif
