#ifndef EDDY_ENGINE_RELAY_H
#define EDDY_ENGINE_RELAY_H

#include "engine_internal.h"

/* Conversations with people, for relay.c and relay_line.c only: what the rest of the engine asks is in engine_internal.h. */

/* outbox.passes */
enum { PASSES_NOTHING = 0, PASSES_POST = 1, PASSES_EDIT = 2, PASSES_DELETION = 3 };

/** The relay that run ${run} asks for; also the delivery of its first notice. */
struct id relay_id(struct id run);
/**
 * What a message of the people is at the page, and the delivery that passes a message on: the same id but for its last bit, so that
 * the database can compute it too.
 */
struct id relay_twin(struct id message);

/* Counts what ${rows} (thread_id) has put into the outbox, for whoever looks for work. */
#define RELAY_COUNT_DUE(rows) \
	" INSERT INTO dispatch (ws, thread_id, pending, due, token) SELECT $1, x.thread_id, x.n, now(), 0" \
	" FROM (SELECT thread_id, count(*)::int4 AS n FROM " rows " GROUP BY 1) x" \
	" ON CONFLICT (ws, thread_id) DO UPDATE SET pending = dispatch.pending + excluded.pending, due = now()"

/* ---- words: relay_words.c, pure ---- */
/** Append a text from outside so that it says in Markdown what it said: its signs get a backslash, its lines stay lines, addresses are left. */
void relay_put_plain(struct buf *md, const char *text, size_t n);
/** "**Ada:** …": a message of a page as the people get it; ${files}: names or NULL. */
void relay_put_passed(struct buf *md, const char *name, int passes, bool deleted, const char *text, size_t n, const char *files);
struct relay_line {
	int author_kind;
	const char *name;
	const char *text;
	size_t text_len;
};
/** The first notice: who asks, and as many of the newest of ${lines} (oldest first, ${total} there are) as fit into one message. */
void relay_put_notice(
    struct buf *md, const char *name, const char *adapter, const struct relay_line *lines, size_t n, int64_t total);
/** Who has ended it, for either end; ${name} may be NULL. */
void relay_put_closed(struct buf *people, struct buf *page, const char *name);
extern const char relay_words_gone[], relay_words_unopened[], relay_words_undelivered[], relay_words_unshown[],
    relay_words_erased[];

#endif
