#ifndef EDDY_ENGINE_PAGES_H
#define EDDY_ENGINE_PAGES_H

#include "engine.h"

/*
 * What a page asks about a person's conversations.  All of it blocks: on a worker only (engine_submit).  The caller has made sure that
 * ${place} or ${thread} is the asker's.  ERR_RETRY: the database is away.
 */
struct listed_thread {
	const char *key;   /* the adapter's name for it */
	const char *title; /* its own, else how its first message begins; at most 120 characters */
	int64_t at_ms, rev;
	int state; /* threads.state: 1 active, 2 resolved, 3 archived */
	/* of a side thread; NULL: a thread of its own */
	const char *parent;          /* the adapter's name for the thread that it left */
	int fork_n, fork_state;      /* forks.n, forks.state */
	struct id about;             /* the message there that it is about; none: erased, or about none */
	const char *adapter, *place; /* where it is: engine_show_thread() only */
};
enum { LIST_ALL, LIST_OPEN /* not archived */, LIST_ARCHIVED };
struct list_query {
	struct id place;
	struct id of;      /* only side threads of this one; none: all */
	struct id only;    /* only this one; none: all */
	int which;         /* LIST_* */
	int64_t before_ms; /* 0: from the newest */
	struct id before;
	int limit;
};
/** Threads of a place that hold a message, newest first: those before (before_ms, before), the last one of the page before. */
enum err engine_list_threads(
    struct engine *e, struct id ws, const struct list_query *q, void (*fn)(void *arg, const struct listed_thread *t), void *arg);
/** How one thread stands now, whosesoever it is; ${fn} is not called when it holds no message. */
enum err engine_show_thread(
    struct engine *e, struct id ws, struct id thread, void (*fn)(void *arg, const struct listed_thread *t), void *arg);

struct past_run {
	struct id run;
	const char *state; /* "queued", "running", "answered", "merged", "failed", "stopped", "parked" */
	int64_t at_ms, ms; /* when it began; how long, 0: not over */
	const char *model; /* NULL: none was asked */
	int64_t input_tokens, output_tokens, cost_micros;
	const char *tools; /* JSON: a list of {"title", "state", "n"} */
};
/** The newest ${limit} runs of a thread, oldest first. */
enum err engine_run_history(
    struct engine *e, struct id ws, struct id thread, int limit, void (*fn)(void *arg, const struct past_run *r), void *arg);

/* Search as somebody types.  The page shows it to that person alone. */
struct find_hit;
struct page_search {
	struct id ws, place, thread; /* place: the person's own; thread: what in:thread means, or none */
	const char *adapter, *person, *tz;
	bool guest; /* ${thread} is all there is */
	const char *text;
	bool prefix; /* the last word may be unfinished */
	int page, limit;
};
struct page_found {
	int64_t total;
	bool at_least, more;
	char note[300]; /* a sentence for the person, or "" */
};
/** Matches in order; ${link} may be NULL.  A request that is not understood has no matches and a note. */
enum err engine_search(struct engine *e, const struct page_search *s,
    void (*fn)(void *arg, const struct find_hit *h, const char *link), void *arg, struct page_found *out);

struct opinion {
	struct id ws, thread, message;
	const char *adapter, *person; /* whose; external id */
	int value;                    /* 1 up, -1 down, 0 taken back */
	const char *reason;           /* NULL: none */
};
/** ERR_INPUT: no answer of Eddy in that thread, or a person that has never written. */
enum err engine_give_opinion(struct engine *e, const struct opinion *o);

/**
 * Erase for good what was said in a thread: the texts and files of its messages, what its runs have worked out, opinions and reactions.
 * What is left are empty, deleted messages, so that whoever resumes hears of it.  ERR_RETRY: a run is still at work (stop it first), or
 * the database is away.  ERR_INPUT: there is no such thread.
 */
enum err engine_erase_thread(struct engine *e, struct id ws, struct id thread, const char *adapter, const char *person);

#endif
