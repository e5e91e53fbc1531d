#ifndef EDDY_MEMORY_ITEM_H
#define EDDY_MEMORY_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"
#include "../talk/search.h"

struct buf;
struct resolution;

/*
 * Context items: what is remembered beyond the messages.  Each rests on messages, and its readers are those that all its
 * messages have in common, never more.  The numbers are stored (context_items).  Functions with a struct pg are called inside a tenant
 * transaction, on a thread that may wait.
 */
enum item_kind {
	ITEM_DISCOVERY = 1,
	ITEM_DECISION = 2,
	ITEM_STATUS = 3,
	ITEM_NOTE = 4,
	ITEM_SUMMARY = 5,
	ITEM_ACTION = 6,
	ITEM_FACT = 7, /* about a person */
};
enum item_scope { SCOPE_TASK = 1, SCOPE_THREAD = 2, SCOPE_CHANNEL = 3, SCOPE_TEAM = 4, SCOPE_WORKSPACE = 5 };
enum item_state { ITEM_PROPOSED = 1, ITEM_CONFIRMED = 2, ITEM_REPLACED = 3, ITEM_DECLINED = 4 };
enum item_origin { ORIGIN_RESOLUTION = 1, ORIGIN_AGENT = 2, ORIGIN_PINNED = 3, ORIGIN_SAID = 4, ORIGIN_API = 5 };
enum item_act { ITEM_CONFIRM, ITEM_DECLINE, ITEM_REPLACE, ITEM_DOUBT /* a message that it rests on was edited: derived.c */ };

#define ITEM_BODY_MAX 2000
#define ITEM_TAGS_MAX 8
#define ITEM_SOURCES_MAX 16
#define ITEM_ATTRIBUTE_MAX 60

extern const struct pg_statement item_write_statements[], item_read_statements[];

/** "decision", "a fact" …: for people. */
const char *item_kind_word(enum item_kind k);
/** The state after ${act}; false: not from there.  A proposal is confirmed or declined, what is confirmed is replaced or in doubt again; nothing else. */
bool item_next(enum item_state from, enum item_act act, enum item_state *to);
/** Append up to ITEM_TAGS_MAX tags of ${s}, each followed by a NUL: its #words, then its longest words that say something.  Pure. */
size_t item_tags(const char *s, size_t n, struct buf *out);

struct item_new {
	struct id id; /* computed by the caller from what asked for it: the same item is stored once */
	enum item_kind kind;
	enum item_scope scope;
	struct id scope_id; /* run, thread, place or team; none: the workspace */
	enum item_state state;
	enum item_origin origin;
	const char *body;
	size_t body_len;       /* clipped at ITEM_BODY_MAX */
	struct id author;      /* none: Eddy */
	struct id about;       /* ITEM_FACT */
	const char *attribute; /* ITEM_FACT: "time zone"; NULL: none */
	double confidence;     /* 0 to 1 */
	struct id replaces;    /* the item whose place it takes, once confirmed */
	int64_t expires_ms;    /* 0: kept */
	const struct id *sources;
	size_t sources_len; /* more than ITEM_SOURCES_MAX: the first of them */
	struct id thread;   /* where it is made: it gets no readers beyond that thread's; none: those of its sources */
	bool published;     /* readers are the thread's whatever the sources': it was said there already */
};
/**
 * Store it with its sources.  ERR_INPUT: nothing to store, or none of the sources is there (any more).  ERR_DENIED: its sources have no readers
 * in common that are known, or nothing may be remembered from one of them (its author's private mode; for ORIGIN_AGENT also guests,
 * partners, other programs, files, quotes, Eddy's own words).  An item that is there already stays as it is: ERR_NONE.  ${number}: how people name it; may be NULL.
 */
enum err item_put(struct pg *pg, struct id ws, const struct item_new *n, int32_t *number);

/* What people are shown.  Borrowed for the length of a callback. */
struct item {
	struct id id, author, about;
	int32_t number;
	enum item_kind kind;
	enum item_scope scope;
	enum item_state state;
	enum item_origin origin;
	const char *body, *attribute; /* NULL: none */
	const char *author_name, *about_name;
	double confidence;
	int64_t created_ms, expires_ms; /* 0: kept */
	int64_t sources;                /* messages that it rests on */
	/* the newest of them, for its link; NULL: none is left */
	const char *adapter, *place_key, *thread_key, *message_key, *place_name;
	struct id message;
	struct id audience; /* who may read it */
};
typedef void (*item_fn)(void *arg, const struct item *i);
struct item_query {
	const char *words;   /* best matches first; NULL: nearest and newest first */
	bool proposed;       /* proposals instead of what is confirmed */
	enum item_kind kind; /* 0: any */
	struct id about;     /* none: whoever */
	struct id thread;    /* scope of this thread only; none: any */
	int limit;           /* 1 to 51 */
	int skip;            /* those of earlier pages */
};
/** What may be read as ${a} says and has not expired; nothing that is replaced or declined. */
enum err item_list(struct pg *pg, const struct search_allowed *a, const struct item_query *q, item_fn fn, void *arg);
/** The item that people call ${number}, or the one of ${id}, in whatever state: ${fn} is called once or never. */
enum err item_by_number(struct pg *pg, const struct search_allowed *a, int32_t number, item_fn fn, void *arg);
enum err item_by_id(struct pg *pg, const struct search_allowed *a, struct id id, item_fn fn, void *arg);
/** The newest item that ${person} has made from what was said in ${thread}. */
enum err item_latest(struct pg *pg, const struct search_allowed *a, struct id thread, struct id person, item_fn fn, void *arg);
/** The newest item that rests on ${message}, proposed or confirmed. */
enum err item_of_message(struct pg *pg, const struct search_allowed *a, struct id message, item_fn fn, void *arg);
/** The messages of an item, oldest first, those that may not be read left out. */
enum err item_sources(
    struct pg *pg, const struct search_allowed *a, struct id item, void (*fn)(void *arg, const struct found_message *m), void *arg);
/** The confirmed fact with this attribute about a person, of those that ${a} may read. */
enum err item_fact(struct pg *pg, const struct search_allowed *a, struct id about, const char *attribute, item_fn fn, void *arg);

/**
 * Move it.  Confirming closes what it replaces.  ERR_INPUT: there is no such item, or no way from its state; ${was} (may be NULL) says
 * which state, 0: no such item.
 */
enum err item_move(struct pg *pg, struct id ws, struct id item, enum item_act act, struct id by, enum item_state *was);
/** For good, with its sources; the messages stay.  ERR_INPUT: there was none. */
enum err item_delete(struct pg *pg, struct id ws, struct id item);
/** What has expired goes, in bites of ${limit}; ${gone}: how many.  Offers have offers_expire(). */
enum err item_expire(struct pg *pg, struct id ws, int limit, int64_t *gone);

/* An accepted resolution: each of its decisions becomes a confirmed item of the parent thread. */
struct item_decisions {
	struct id ws, resolution, parent; /* parent: the thread */
	struct id person;                 /* who accepted */
	struct id message;                /* by which it came back to the parent; stored already */
	const struct resolution *lines;
	const struct id *sources; /* what [n] names, from 1; those that are gone are left out */
	size_t sources_len;
};
enum err memory_put_decisions(struct pg *pg, const struct item_decisions *d);

#endif
