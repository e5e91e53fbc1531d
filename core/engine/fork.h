#ifndef EDDY_ENGINE_FORK_H
#define EDDY_ENGINE_FORK_H

#include "../memory/forget.h"
#include "ask.h"

/* Words of side threads: what people read.  Pure; names and quotes from outside lose Markdown's signs or are quoted. */
#define FORK_TOPIC_MAX 200 /* characters */

/** A topic from what somebody said: one line, at most FORK_TOPIC_MAX characters. */
void fork_put_topic(struct buf *out, const char *s, size_t n);
/** The same from the message that it is about: the beginning of its text without Markdown's signs. */
void fork_put_topic_of(struct buf *out, const char *body, size_t n);
/** The same as it may be said: it becomes titles, names of places and subjects of mails.  "aside" where nothing is left. */
void fork_say_topic(struct engine *e, struct id ws, struct buf *topic);
struct fork_words {
	int n;
	const char *topic;
	const char *creator; /* NULL: not known */
	const char *author;  /* of the message that it is about; NULL: not known */
	const char *quote;
	size_t quote_len;
	const char *link; /* to that message or its thread; NULL: none */
};
/** The first message of a side thread. */
void fork_put_opening(struct buf *md, const struct fork_words *w);
/** What the parent hears when it is open; ${link}: to the side thread. */
void fork_put_opened(struct buf *md, int n, const char *topic, const char *link);
void fork_put_unopened(struct buf *md, int n, const char *topic);
/** The same first message, or word to the parent, ${body}, with the topic and the quote of ${w}. */
void fork_put_requoted(struct buf *md, const char *body, const struct fork_words *w);
void fork_put_reopened(struct buf *md, const char *body, const struct fork_words *w);
const char *fork_state_word(enum fork_state s);

/* A side thread as its commands need it; borrows from ${res}. */
struct fork_row {
	PGresult *res;
	struct id id, parent, about, creator, thread; /* creator: none when erased; thread: none until it is open */
	int n;
	enum fork_state state;
	const char *topic, *creator_name, *adapter;
	const char *place_key, *thread_key, *parent_place_key, *parent_key; /* keys of its thread: "" until it is open */
	const char *parent_origin, *origin;
	size_t parent_origin_len, origin_len;
};
extern const struct pg_statement ask_fork_statements[]; /* of fork_row.c */
/**
 * The side thread that a command means: the one named by its number in this thread, or the one it was said in.  Locks its row.  Inside a
 * tenant transaction.  ${out}->res NULL: none, and the answer says so.
 */
enum err fork_meant(struct ask *a, struct fork_row *out);
enum err fork_load(struct ask *a, struct id fork, struct fork_row *out);
/** All of a thread, by their numbers.  ${fn} gets each; its row is borrowed. */
enum err fork_each(struct ask *a, struct id parent, void (*fn)(void *arg, struct fork_row *f), void *arg);
void fork_row_done(struct fork_row *f);
/** "[#2 Which database?](link)", without a link where there is none. */
void fork_put_name(const struct ask *a, const struct fork_row *f, struct buf *md);
/** A link to the thread that it left, at the message that it is about if that has a name; false: there is none. */
bool fork_parent_link(const struct ask *a, const struct fork_row *f, char *out, size_t n);
bool fork_link(const struct ask *a, const struct fork_row *f, char *out, size_t n);

extern const struct pg_statement fork_edit_statements[];
/** Side threads follow the message that they are about: carries out an order of FORGET_QUOTES in a transaction of its own.  A worker. */
enum err fork_requote(struct engine *e, struct pg *pg, struct id ws, struct id order, const struct forget_ends *ends);

/* What may become of a side thread; every change goes through here. */
bool fork_may_become(enum fork_state from, enum fork_state to);
enum resolution_state { RESOLUTION_OFFERED = 1, RESOLUTION_ACCEPTED = 2, RESOLUTION_REPLACED = 3, RESOLUTION_DISCARDED = 4 };
bool resolution_may_become(enum resolution_state from, enum resolution_state to);

#endif
