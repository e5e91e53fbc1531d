#ifndef EDDY_TALK_DOC_H
#define EDDY_TALK_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * The document tree: what a reply says, free of any transport's markup.  Parsed once from Markdown (CommonMark with GitHub
 * tables, strike-through, task lists); each transport writes it its own way.  Nodes live in the document's arena; a tree is read-only after parsing
 * and walkers must not recurse deeper than DOC_DEPTH_MAX.
 */
#define DOC_DEPTH_MAX 24
enum doc_type {
	/* clang-format off */
	/* blocks */
	DOC_ROOT, DOC_PARAGRAPH, DOC_HEADING /* level */, DOC_LIST /* ordered, start */, DOC_ITEM /* task state */, DOC_QUOTE,
	DOC_CODE /* text, info */, DOC_RULE, DOC_TABLE, DOC_ROW /* header */, DOC_CELL /* align */,
	/* inlines */
	DOC_TEXT, DOC_STRONG, DOC_EMPH, DOC_STRIKE, DOC_CODE_SPAN, DOC_LINK /* href */, DOC_BREAK /* hard */, DOC_SOFT_BREAK,
	/* clang-format on */
};
struct doc_node {
	enum doc_type type;
	struct doc_node *parent, *first, *last, *prev, *next;
	const char *text; /* TEXT, CODE, CODE_SPAN */
	size_t text_len;
	const char *href; /* LINK: an allowed target (http, https, mailto) or NULL, then only its text counts */
	size_t href_len;
	const char *info; /* CODE: language */
	size_t info_len;
	int level; /* HEADING 1..6; LIST: start number */
	bool ordered, header, tight;
	int task;  /* ITEM: 0 none, 1 open, 2 done */
	int align; /* CELL: 0 none, 1 left, 2 centre, 3 right */
};
struct doc;
/**
 * Parse ${n} bytes of Markdown.  Never fails: what is too large (20,000 nodes, 256 kB of text) or too deep becomes plain
 * paragraphs.  Images become links, raw HTML becomes text, invalid UTF-8 and control characters become U+FFFD.  Links to anything
 * but http, https and mailto leave only their text.  An item holds blocks, in a tight list too.  Text holds no line ends, except
 * past the limit of nodes.
 */
struct doc *doc_parse(const char *md, size_t n);
const struct doc_node *doc_root(const struct doc *d);
bool doc_is_plain(const struct doc *d); /* only paragraphs, text and links: needs no rich form */
void doc_free(struct doc *d);
/** Plain text for terminals, notifications and search; tables as aligned columns. */
void doc_write_text(const struct doc *d, struct buf *out);
/** Canonical Markdown again (what a later parse gives the same tree for). */
void doc_write_markdown(const struct doc *d, struct buf *out);

#endif
