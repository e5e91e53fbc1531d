#ifndef EDDY_WEB_BLOCKS_H
#define EDDY_WEB_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/*
 * Markdown as blocks in JSON (docs/websocket.md), for clients that build nodes and parse nothing.  A growing text is cut where nothing
 * that follows can reach back; what lies before the last cut is finished: its blocks never change again.
 */
struct blocks;
struct blocks *blocks_new(void);
void blocks_free(struct blocks *b); /* NULL is fine */
/** Back to an empty text. */
void blocks_reset(struct blocks *b);
/**
 * The text is now the ${n} bytes at ${text}: what was given before and more behind it, ending between code points.  Gives the first block
 * that is not what it was; false: none.
 */
bool blocks_grow(struct blocks *b, const char *text, size_t n, size_t *from);
size_t blocks_count(const struct blocks *b);
size_t blocks_final(const struct blocks *b); /* so many at the front are finished */
size_t blocks_tail(const struct blocks *b);  /* bytes of text that the next blocks_grow() reads again */
/** Append the blocks from ${from} on, joined by commas, without brackets. */
void blocks_put(const struct blocks *b, size_t from, struct buf *out);
/**
 * Append all blocks of a whole text, joined by commas.  ${lines}: a line end is one (what a person typed), not a space.  A link whose target
 * is defined further below is a link here and was not one while the text grew; all else is the same.
 */
void blocks_write(const char *text, size_t n, bool lines, struct buf *out);

#endif
