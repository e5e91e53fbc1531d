#ifndef EDDY_ENGINE_REMEMBER_H
#define EDDY_ENGINE_REMEMBER_H

#include "../memory/item.h"
#include "ask.h"

/* What ask_memory.c, ask_recall.c and ask_decisions.c share. */

/* An item that outlives the result it was read from. */
struct kept_item {
	struct item item; /* its strings borrow from ${text} */
	struct buf text;
	bool found;
};
void kept_take(void *arg, const struct item *i); /* an item_fn: copies into a struct kept_item */
void kept_done(struct kept_item *k);

enum err memory_allowed(struct ask *a, struct search_allowed *out);
/** The number that follows the command ("#12345"); 0: none. */
int32_t memory_number(const struct ask *a);
/** The number of the one item that Eddy's last words in this thread named; 0: none, or several. */
enum err memory_shown(struct ask *a, int32_t *number);
/** The asker is in private mode. */
enum err memory_private(struct ask *a, bool *private);
/** "**decision** text (Ann, 2026-11-21, [source](link), #12345)" */
void memory_put_item(struct ask *a, const struct item *i);
/** A line of the audit log for this run, once; ${before}: it was there already. */
/** Those who may read ${i} read this conversation: what is decided about it here is not decided behind their backs. */
bool memory_is_seen(const struct ask *a, const struct item *i);
enum err memory_audit(struct ask *a, const char *verb, struct id subject, bool *before);
/** Append ${n} bytes of text from people as plain text on one line, at most ${max} bytes. */
void memory_put_text(struct buf *md, const char *s, size_t n, size_t max);

enum err recall_answer(struct ask *a);
enum err why_answer(struct ask *a);
enum err forget_answer(struct ask *a);
enum err decisions_answer(struct ask *a);
enum err decisions_complete(struct ask *a, const char *said, size_t n);

#endif
