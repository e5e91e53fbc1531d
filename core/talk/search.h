#ifndef EDDY_TALK_SEARCH_H
#define EDDY_TALK_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"
#include "search_words.h"

/*
 * Reading stored messages on somebody's behalf.  The audience comes first: search_allowed() computes once per request what may be
 * read in answer to this thread, and every read below filters on it.  Deleted messages are never read.
 */
/* As many as allowed_audiences() gives at most. */
#define SEARCH_AUDIENCES_MAX 4096
#define SEARCH_OWN_MAX 256
/* Whose words a run was told besides those of its thread and place.  Zeroed: none yet; search_reads_done(). */
struct search_reads {
	struct id *audiences;
	size_t len;
};
struct search_scope {
	struct id ws, thread, place;
	bool guest;
	int64_t before_seq; /* of ${thread}: messages from there on are not seen; 0: all */
	struct id person;   /* who asks; none: nothing of that person's own is read */
	bool alone;         /* the answer is for that person's eyes only, whoever sees the place */
	bool
	    own_place; /* no ${thread} or a new one: ${place}, which may be new too, is that person's own (a page); with ${alone} */
	struct id team;             /* only places that this node of the tree and those below it own; none: all */
	struct search_reads *reads; /* what is read is noted there; may be NULL */
};
struct search_allowed {
	struct id *audiences;
	size_t len;
	size_t own_from;       /* from here on what the asker alone may read besides */
	size_t here_len;       /* the first ones: the thread's place, and the thread itself where it has readers of its own */
	struct id only_thread; /* a guest: nothing else; ID_NONE: no such limit */
	struct search_scope scope;
};
extern const struct pg_statement search_statements[];

/**
 * What an answer in ${scope}'s thread may be made of: the thread itself, its place, and, unless outsiders read along (a guest asks, the
 * place is shared with another company or unknown), the public places Eddy is in.  Where the asker alone reads the answer (${alone}, or a direct place where nobody else has
 * ever written), also what was said to that person alone: in other direct places of this adapter and in private answers.  Private places
 * never: who is in them is not known.  Inside a tenant transaction.
 */
enum err search_allowed_audiences(struct pg *pg, const struct search_scope *scope, struct search_allowed *out);
/** The same from the row that a statement of one's own has got: place, only thread, what may be read, and what the asker alone may. */
void search_allowed_take(const PGresult *r, const struct search_scope *scope, struct search_allowed *out);
void search_allowed_done(struct search_allowed *a);
/** A row with this audience was read for ${a}: every function here does so, and who reads by a statement of his own has to. */
void search_note(const struct search_allowed *a, struct id audience);
void search_reads_add(struct search_reads *r, struct id audience); /* each once */
void search_reads_done(struct search_reads *r);
/** What the asker would see besides ${a} if the answer were for that person alone: ${out} has nothing else.  For the same scope, not a guest. */
enum err search_allowed_own(struct pg *pg, const struct search_allowed *a, struct search_allowed *out);

#define SEARCH_LIMIT_MAX 420
#define SEARCH_SKIP_MAX 1000
enum search_order { SEARCH_BEST, SEARCH_NEWEST, SEARCH_OLDEST };
enum search_has { SEARCH_ANY, SEARCH_LINK, SEARCH_FILE, SEARCH_NUMBER, SEARCH_QUESTION, SEARCH_UNANSWERED };
struct search_query {
	const struct search_words *words; /* search_words_of(); NULL: from ${text} */
	const char *text;                 /* words, "quoted phrases", -without, OR; NULL or "": every message */
	const char *from;                 /* part of an author's name, "me" or "eddy"; NULL: people and other bots */
	struct id me;
	const char *in;              /* part of a place's name, "here" (the place) or "thread"; NULL: all */
	int64_t after_ms, before_ms; /* 0: open */
	enum search_order order;
	enum search_has has;
	int limit;   /* 1..SEARCH_LIMIT_MAX */
	int skip;    /* 0..SEARCH_SKIP_MAX: those of earlier pages */
	bool prefix; /* the last word may be unfinished */
	bool loose;  /* any of the words will do */
	const char *const
	    *languages; /* whose endings do not matter: "english", "german" …; those that are not known count for nothing */
	size_t languages_len;
	bool with_eddy; /* Eddy's own words too */
};
struct found_message {
	struct id id, thread, place, author;
	int64_t seq, at_ms;
	int author_kind;
	bool edited, in_this_thread;
	int visibility;
	const char *author_name; /* NULL: not known */
	const char *place_name;  /* NULL: not known */
	const char *text;
	const char *files; /* JSON text or NULL */
	float rank;
	const char *adapter, *place_key, *thread_key, *message_key; /* for its permalink */
};
struct search_totals {
	int64_t matches;
	bool no_person, no_place; /* nobody who may be known is called so; no place that may be read */
	bool capped;              /* there may be more: not everything was looked at */
	int64_t edge_ms;          /* capped: what is older than this (SEARCH_OLDEST: newer) was not */
};
/** The words of ${q} with their forms, as search_messages() looks for them; the caller's: search_words_done(). */
enum err search_words_of(struct pg *pg, const struct search_query *q, struct search_words *out);
/** Calls ${fn} for each match in order; its strings are borrowed.  ${totals} may be NULL. */
enum err search_messages(struct pg *pg, const struct search_allowed *a, const struct search_query *q,
    void (*fn)(void *arg, const struct found_message *m), void *arg, struct search_totals *totals);
/**
 * One message with up to ${around} neighbours of its thread on both sides, in order.  ${fn} is never called when the message is
 * not there or may not be read: the two look the same.
 */
enum err search_read(struct pg *pg, const struct search_allowed *a, struct id message, int around,
    void (*fn)(void *arg, const struct found_message *m), void *arg);
/** These messages in this order; those that are not there or may not be read are left out. */
enum err search_listed(struct pg *pg, const struct search_allowed *a, const struct id *messages, size_t n,
    void (*fn)(void *arg, const struct found_message *m), void *arg);
/** The message with this platform key in a place whose key occurs in ${link} (a permalink); ID_NONE: none that may be read. */
enum err search_resolve_link(struct pg *pg, const struct search_allowed *a, const char *link, struct id *message);

#endif
