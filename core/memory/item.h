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
enum item_act { ITEM_CONFIRM, ITEM_DECLINE, ITEM_REPLACE };

#define ITEM_BODY_MAX 2000
#define ITEM_TAGS_MAX 8
#define ITEM_SOURCES_MAX 16
#define ITEM_ATTRIBUTE_MAX 60

extern const struct pg_statement item_statements[];

/** "decision", "a fact" …: for people. */
const char *item_kind_word(enum item_kind k);
/** The state after ${act}; false: not from there.  A proposal is confirmed or declined, what is confirmed is replaced; nothing else. */
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
	size_t body_len;      /* clipped at ITEM_BODY_MAX */
	struct id author;     /* none: Eddy */
	struct id about;      /* ITEM_FACT */
	const char *attribute; /* ITEM_FACT: "time zone"; NULL: none */
	double confidence;    /* 0 to 1 */
	struct id replaces;   /* the item whose place it takes, once confirmed */
	int64_t expires_ms;   /* 0: kept */
	const struct id *sources;
	size_t sources_len;
	/* Readers that it may not go beyond; none: those of its sources.  With ${published} they are its readers: who may read it there has been
	 * told already. */
	struct id audience;
	bool published;
};
/**
 * Store it with its sources.  ERR_INPUT: nothing to store, or none of the sources exists.  ERR_DENIED: its sources have no readers in
 * common that are known, or one of them may not be remembered from (its author's private mode; for ORIGIN_AGENT also guests and
 * other bots).  An item that is there already stays as it is: ERR_NONE, and ${number} is what it has.
 */
enum err item_put(struct pg *pg, struct id ws, const struct item_new *n, int32_t *number);

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
