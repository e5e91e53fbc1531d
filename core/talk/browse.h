#ifndef EDDY_TALK_BROWSE_H
#define EDDY_TALK_BROWSE_H

#include "search.h"
#include "thread.h"

/*
 * Threads and messages for somebody who looks at them from outside of any thread (the API): whatever that person alone may be shown, wherever it is.
 * All inside a tenant transaction.
 */
extern const struct pg_statement browse_statements[];

/*
 * Whose eyes: what ${person} (none: nobody in particular, a team's key) may be shown are public places Eddy is in, and the conversations that are that person's
 * alone on ${adapter}.
 */
struct browse_viewer {
	struct id ws, person;
	const char *adapter;
};
/** That as a list, for who searches in it, of places that ${node} and those below it own (none: all).  search_allowed_done() is the caller's on success. */
enum err browse_allowed(struct pg *pg, const struct browse_viewer *v, struct id node, struct search_allowed *out);

struct browse_query {
	struct id node;   /* only places that this node of the tree and those below it own; none: all */
	struct id parent; /* only side threads of this one; none: all */
	bool forks;       /* only side threads */
	unsigned states;  /* THREADS_* */
	struct thread_cursor before;
	int limit; /* 1 to THREAD_PAGE_MAX */
};
struct browse_thread {
	struct id id, place;
	const char *adapter, *place_name, *title; /* place_name: NULL: not known */
	int64_t created_ms, last_ms;
	enum thread_state state;
	struct id parent; /* of a side thread; else none */
	int fork_n, fork_state;
	struct thread_cursor cursor;
};
/** Newest first.  What may not be read is not there. */
enum err browse_threads(struct pg *pg, const struct browse_viewer *v, const struct browse_query *q,
    void (*fn)(void *arg, const struct browse_thread *t), void *arg, bool *more);
/** One of them, in whatever state; ${fn} is not called when it is not there. ${node}: as above. */
enum err browse_thread(struct pg *pg, const struct browse_viewer *v, struct id node, struct id thread,
    void (*fn)(void *arg, const struct browse_thread *t), void *arg);

#define BROWSE_TEXT_MAX 16384 /* characters of a message that are given */
struct browse_message {
	struct id id, author;
	int64_t seq, at_ms;
	int author_kind; /* AUTHOR_* of transcript.h */
	const char *author_name, *text;
	bool edited, cut;
};
/** Messages of ${thread} after number ${after}, oldest first.  ${there}: the thread is one that browse_thread() shows. */
enum err browse_messages(struct pg *pg, const struct browse_viewer *v, struct id node, struct id thread, int64_t after, int limit,
    void (*fn)(void *arg, const struct browse_message *m), void *arg, bool *there, bool *more);

#endif
