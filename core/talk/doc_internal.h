#ifndef EDDY_TALK_DOC_INTERNAL_H
#define EDDY_TALK_DOC_INTERNAL_H

#include "../base/buf.h"
#include "doc.h"

/* What the files doc*.c share.  Nobody else includes it. */

#define DOC_NODES_MAX 20000
#define DOC_TEXT_MAX (256 * 1024)

struct doc_chunk;
struct doc {
	struct doc_chunk *chunks;
	struct doc_node *root;
};

/** An empty document whose arena starts with room for about ${hint} bytes. */
struct doc *doc_new(size_t hint);
void *doc_alloc(struct doc *d, size_t n);
const char *doc_copy(struct doc *d, const char *s, size_t n);
struct doc_node *doc_add(struct doc *d, struct doc_node *parent, enum doc_type type);
/** A copy of ${from} without its children; its strings are copied too. */
struct doc_node *doc_add_copy(struct doc *d, struct doc_node *parent, const struct doc_node *from);
/** The same with everything below it. */
struct doc_node *doc_add_tree(struct doc *d, struct doc_node *parent, const struct doc_node *from);
/** Take ${n} out of its parent; put it into ${parent} behind ${prev} (NULL: first). */
void doc_cut(struct doc_node *n);
void doc_insert(struct doc_node *parent, struct doc_node *prev, struct doc_node *n);
bool doc_is_break(const struct doc_node *n); /* NULL is none */
/** The code point that the entity ${s} ("&amp;", "&#65;") stands for, 0 if it is none that we know. */
uint32_t doc_entity(const char *s, size_t n);
/** Canonical Markdown of one block by itself. */
void doc_write_block(const struct doc_node *block, struct buf *out);
bool doc_is_inline(enum doc_type type);

#endif
