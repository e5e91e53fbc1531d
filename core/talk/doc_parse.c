/*
 * Markdown to tree.  md4c calls back for every block, span and piece of text; the callbacks build nodes in an arena and bring the
 * tree into one normal form on the way, so that equal documents are equal trees and every tree can be written as Markdown again:
 *
 *	- neighbouring texts are one node; empty spans, quotes and headings are gone
 *	- no span inside its own kind, no two neighbours of the same kind, EMPH outside STRONG where both cover the same
 *	- a link has an allowed target and is in no other link; other targets leave only their text behind
 *	- breaks stand between two other inlines, one at a time, never at the edge of a span; a heading has none
 *	- an item holds blocks, also in a tight list; a list that can only be written loose is loose
 *
 * md4c is linear but its output is not: a table with many columns and short rows, or one long target used often, grow a thousandfold.
 * So nodes and bytes are counted while they come, and over the limit the whole input becomes plain paragraphs.
 */
#include <md4c.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../base/utf8.h"
#include "doc_internal.h"

#define FRAMES_MAX 64
#define HREF_MAX 4000
#define INFO_MAX 40
#define WWW_MAX 1000

struct frame {
	struct doc_node *outer; /* ${at} before it opened */
	int kind;               /* MD_BLOCKTYPE, or SPAN + MD_SPANTYPE */
};
#define SPAN 100

struct parser {
	struct doc *d;
	struct doc_node *at;             /* where the next node goes */
	struct frame frames[FRAMES_MAX]; /* open blocks and spans */
	size_t depth;
	struct doc_node *implicit; /* the paragraph made for the bare text of a tight item, while open */
	struct buf text;           /* text that is not yet a node */
	size_t nodes, bytes;
	bool failed; /* over a limit; md4c does not stop at every place where it is told to */
	bool header;
	const char *source;
	size_t source_len;
	size_t indent; /* columns of the code line that begins */
};
static bool is_styled(enum doc_type t)
{
	return t == DOC_STRONG || t == DOC_EMPH || t == DOC_STRIKE;
}

/* Joining copies, so it counts as bytes: many joins in a row would otherwise grow the arena by the square. */
static void join_texts(struct parser *p, struct doc_node *a, const struct doc_node *b)
{
	char *s = doc_alloc(p->d, a->text_len + b->text_len + 1);
	memcpy(s, a->text, a->text_len);
	memcpy(s + a->text_len, b->text, b->text_len);
	a->text = s;
	a->text_len += b->text_len;
	s[a->text_len] = '\0';
	p->bytes += a->text_len;
}

/* Bring ${n} and what follows it together where the normal form wants one node. */
static void join(struct parser *p, struct doc_node *n)
{
	struct doc_node *m = n->next;
	if (!m)
		return;
	if (doc_is_break(n) && doc_is_break(m)) {
		if (m->type == DOC_BREAK)
			n->type = DOC_BREAK;
		doc_cut(m);
		return;
	}
	if (n->type != m->type)
		return;
	if (n->type == DOC_TEXT) {
		join_texts(p, n, m);
		doc_cut(m);
		return;
	}
	if (!is_styled(n->type))
		return;
	doc_cut(m);
	struct doc_node *seam = n->last;
	for (struct doc_node *c = m->first, *next; c; c = next) {
		next = c->next;
		doc_insert(n, n->last, c);
	}
	if (seam)
		join(p, seam);
}

/* ---- callbacks ---- */

static struct doc_node *add(struct parser *p, enum doc_type type)
{
	p->nodes++;
	return doc_add(p->d, p->at, type);
}

static void flush(struct parser *p)
{
	if (!p->text.len)
		return;
	struct doc_node *n = add(p, DOC_TEXT);
	n->text = doc_copy(p->d, p->text.p, p->text.len);
	n->text_len = p->text.len;
	buf_truncate(&p->text, 0);
	if (n->prev)
		join(p, n->prev);
}

static size_t level_of(const struct doc_node *n)
{
	size_t level = 0;
	for (; n; n = n->parent)
		level++;
	return level;
}

static bool too_much(struct parser *p)
{
	p->failed = p->failed || p->nodes > DOC_NODES_MAX || p->bytes > DOC_TEXT_MAX || p->depth >= FRAMES_MAX;
	return p->failed;
}

static int push(struct parser *p, int kind, struct doc_node *n)
{
	p->nodes++; /* also what leaves no node is work */
	if (too_much(p))
		return 1;
	p->frames[p->depth++] = (struct frame){ p->at, kind };
	if (n) {
		p->at = n;
		p->failed = level_of(n) >= DOC_DEPTH_MAX;
	}
	return p->failed;
}

/* Inline content of a block is complete: no breaks at its edges. */
static void trim_breaks(struct doc_node *block)
{
	while (doc_is_break(block->first))
		doc_cut(block->first);
	while (doc_is_break(block->last))
		doc_cut(block->last);
}

static void close_implicit(struct parser *p)
{
	if (!p->implicit)
		return;
	flush(p);
	trim_breaks(p->implicit);
	p->at = p->implicit->parent;
	if (!p->implicit->first)
		doc_cut(p->implicit);
	p->implicit = NULL;
}

static void open_implicit(struct parser *p)
{
	if (p->at->type == DOC_ITEM && !p->implicit)
		p->at = p->implicit = add(p, DOC_PARAGRAPH);
}

static bool ends_in_paragraph(const struct doc_node *n)
{
	while (n && n->type != DOC_PARAGRAPH && n->last && !doc_is_inline(n->last->type))
		n = n->last;
	return n && n->type == DOC_PARAGRAPH;
}

static bool ends_in_quote(const struct doc_node *n)
{
	while (n && n->type != DOC_QUOTE && n->last && !doc_is_inline(n->last->type))
		n = n->last;
	return n && n->type == DOC_QUOTE;
}

/* Would ${b} directly under ${a} be read as part of it? */
static bool needs_blank(const struct doc_node *a, const struct doc_node *b)
{
	bool nested = a->type == DOC_QUOTE || a->type == DOC_LIST;
	switch (b->type) {
	case DOC_PARAGRAPH:
		return a->type == DOC_TABLE || ends_in_paragraph(a);
	case DOC_TABLE:
		return a->type == DOC_TABLE || (nested && ends_in_paragraph(a));
	case DOC_QUOTE:
		return a->type == DOC_QUOTE;
	case DOC_LIST:
		return ends_in_paragraph(a) && b->ordered && b->level != 1;
	default:
		return false;
	}
}

/* A task's mark stands before a paragraph; where there is none it is text. */
static void untask(struct parser *p, struct doc_node *item)
{
	struct doc_node *paragraph = doc_add(p->d, item, DOC_PARAGRAPH), *t = doc_add(p->d, paragraph, DOC_TEXT);
	t->text = item->task == 1 ? "[ ]" : "[x]";
	t->text_len = 3;
	item->task = 0;
	doc_cut(paragraph);
	doc_insert(item, NULL, paragraph);
}

/*
 * Items without content go; what follows one in a numbered list keeps its number in a list of its own.  (Behind an empty item and a
 * blank line md4c also closes the lists around it, so such a tree could not be written again.)
 */
static void drop_empty_items(struct parser *p, struct doc_node *list)
{
	struct doc_node *into = list;
	int number = list->level;
	bool gap = false;
	for (struct doc_node *item = list->first, *next; item; item = next, number++) {
		next = item->next;
		if (!item->first) {
			doc_cut(item);
			gap = true;
			continue;
		}
		if (gap && list->ordered && into->first != item) {
			into = doc_add(p->d, list->parent, DOC_LIST);
			into->ordered = true;
			into->tight = list->tight;
			into->level = number;
			p->nodes++;
		} else if (gap && list->ordered) {
			into->level = number;
		}
		gap = false;
		if (into != list) {
			doc_cut(item);
			doc_insert(into, into->last, item);
		}
	}
}

static void settle_tightness(struct parser *p, struct doc_node *list)
{
	bool must = false, can = list->first != list->last;
	for (struct doc_node *item = list->first; item; item = item->next) {
		if (item->task && item->first->type != DOC_PARAGRAPH)
			untask(p, item);
		can = can || item->first != item->last;
		for (const struct doc_node *c = item->first; c && c->next; c = c->next)
			must = must || needs_blank(c, c->next);
		/* md4c misses a task's mark on the line after a quote. */
		must = must || (item->task && item->prev && ends_in_quote(item->prev));
	}
	list->tight = !must && (list->tight || !can);
	for (struct doc_node *item = list->first; item; item = item->next)
		item->tight = list->tight;
}

static void settle_list(struct parser *p, struct doc_node *list)
{
	drop_empty_items(p, list);
	for (struct doc_node *l = list->first ? list : NULL; l; l = l->next)
		settle_tightness(p, l);
	if (!list->first)
		doc_cut(list);
}

static bool word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool info_char(char c)
{
	return c && (word_char(c) || strchr("+#._-", c));
}

static void add_attribute(struct buf *out, const MD_ATTRIBUTE *a)
{
	for (unsigned i = 0; a->size && a->substr_offsets[i] < a->size; i++) {
		const char *s = a->text + a->substr_offsets[i];
		size_t n = a->substr_offsets[i + 1] - a->substr_offsets[i];
		uint32_t cp = a->substr_types[i] == MD_TEXT_ENTITY ? doc_entity(s, n)
		    : a->substr_types[i] == MD_TEXT_NULLCHAR       ? 0xfffd
		                                                   : 0;
		char bytes[4];
		if (cp)
			buf_add(out, bytes, utf8_encode(cp, bytes));
		else
			buf_add(out, s, n);
	}
}

static void set_info(struct parser *p, struct doc_node *code, const MD_ATTRIBUTE *lang)
{
	struct buf b = BUF_INIT;
	buf_reset(&b);
	add_attribute(&b, lang);
	size_t n = 0;
	while (n < b.len && n < INFO_MAX && info_char(b.p[n]))
		n++;
	if (n) {
		code->info = doc_copy(p->d, b.p, n);
		code->info_len = n;
	}
	buf_done(&b);
}

static int enter_block(MD_BLOCKTYPE type, void *detail, void *arg)
{
	struct parser *p = arg;
	if (p->failed)
		return 1;
	close_implicit(p);
	struct doc_node *n = NULL;
	switch (type) {
	case MD_BLOCK_DOC:
	case MD_BLOCK_TBODY:
	case MD_BLOCK_HTML:
		break;
	case MD_BLOCK_THEAD:
		p->header = true;
		break;
	case MD_BLOCK_QUOTE:
		n = add(p, DOC_QUOTE);
		break;
	case MD_BLOCK_UL:
		n = add(p, DOC_LIST);
		n->tight = ((MD_BLOCK_UL_DETAIL *)detail)->is_tight;
		break;
	case MD_BLOCK_OL:
		n = add(p, DOC_LIST);
		n->ordered = true;
		n->level = (int)((MD_BLOCK_OL_DETAIL *)detail)->start;
		n->tight = ((MD_BLOCK_OL_DETAIL *)detail)->is_tight;
		break;
	case MD_BLOCK_LI: {
		const MD_BLOCK_LI_DETAIL *li = detail;
		n = add(p, DOC_ITEM);
		n->task = !li->is_task ? 0 : li->task_mark == ' ' ? 1 : 2;
		break;
	}
	case MD_BLOCK_HR:
		n = add(p, DOC_RULE);
		break;
	case MD_BLOCK_H:
		n = add(p, DOC_HEADING);
		n->level = (int)((MD_BLOCK_H_DETAIL *)detail)->level;
		break;
	case MD_BLOCK_CODE:
		n = add(p, DOC_CODE);
		set_info(p, n, &((MD_BLOCK_CODE_DETAIL *)detail)->lang);
		p->indent = 0;
		break;
	case MD_BLOCK_P:
		n = add(p, DOC_PARAGRAPH);
		break;
	case MD_BLOCK_TABLE:
		n = add(p, DOC_TABLE);
		break;
	case MD_BLOCK_TR:
		n = add(p, DOC_ROW);
		n->header = p->header;
		break;
	case MD_BLOCK_TH:
	case MD_BLOCK_TD:
		n = add(p, DOC_CELL);
		n->align = (int)((MD_BLOCK_TD_DETAIL *)detail)->align;
		break;
	}
	return push(p, (int)type, n);
}

/* http, https and mailto only; what would need care in any markup is percent-encoded. */
static bool set_href(struct parser *p, struct doc_node *link, const MD_ATTRIBUTE *a)
{
	static const char hex[] = "0123456789ABCDEF";
	struct buf raw = BUF_INIT, b = BUF_INIT;
	buf_reset(&raw);
	add_attribute(&raw, a);
	bool good = raw.len <= HREF_MAX && utf8_valid(raw.p, raw.len);
	for (size_t i = 0; good && i < raw.len; i++) {
		unsigned char c = (unsigned char)raw.p[i];
		bool joins = i && i + 1 < raw.len && word_char(raw.p[i - 1]) && word_char(raw.p[i + 1]);
		if (c < 0x20 || c == 0x7f)
			good = false;
		else if ((c == '_' && !joins) || strchr(" <>|\"\\`^{}*", c))
			buf_add(&b, (char[]){ '%', hex[c >> 4], hex[c & 15] }, 3);
		else
			buf_add_char(&b, (char)c);
	}
	static const char *const schemes[] = { "http://", "https://", "mailto:" };
	bool allowed = false;
	for (size_t i = 0; good && b.len && i < sizeof schemes / sizeof *schemes; i++) {
		size_t n = strlen(schemes[i]);
		allowed = allowed || (b.len > n && strncasecmp(b.p, schemes[i], n) == 0);
	}
	if (allowed) {
		link->href = doc_copy(p->d, b.p, b.len);
		link->href_len = b.len;
		p->bytes += b.len;
	}
	buf_done(&raw);
	buf_done(&b);
	return allowed;
}

static bool inside(const struct doc_node *n, enum doc_type type)
{
	for (; n; n = n->parent) {
		if (n->type == type)
			return true;
	}
	return false;
}

static int enter_span(MD_SPANTYPE type, void *detail, void *arg)
{
	struct parser *p = arg;
	int kind = SPAN + (int)type;
	if (p->failed)
		return 1;
	open_implicit(p);
	enum doc_type t;
	switch (type) {
	case MD_SPAN_EM:
		t = DOC_EMPH;
		break;
	case MD_SPAN_STRONG:
		t = DOC_STRONG;
		break;
	case MD_SPAN_DEL:
		t = DOC_STRIKE;
		break;
	case MD_SPAN_CODE:
		t = DOC_CODE_SPAN;
		break;
	case MD_SPAN_A:
	case MD_SPAN_IMG:
		t = DOC_LINK;
		break;
	default:
		return push(p, kind, NULL);
	}
	/* A span of a kind that is already open adds nothing; its content joins what is around it. */
	if (inside(p->at, t))
		return push(p, kind, NULL);
	if (t == DOC_LINK) {
		struct doc_node probe = { 0 };
		if (!set_href(
		        p, &probe, type == MD_SPAN_A ? &((MD_SPAN_A_DETAIL *)detail)->href : &((MD_SPAN_IMG_DETAIL *)detail)->src))
			return push(p, kind, NULL);
		flush(p);
		struct doc_node *n = add(p, t);
		n->href = probe.href;
		n->href_len = probe.href_len;
		return push(p, kind, n);
	}
	flush(p);
	return push(p, kind, add(p, t));
}

/* Breaks at the edges of a span belong outside it. */
static void hoist_breaks(struct doc_node *n)
{
	while (doc_is_break(n->first)) {
		struct doc_node *b = n->first, *prev = n->prev;
		doc_cut(b);
		doc_insert(n->parent, prev, b);
	}
	while (doc_is_break(n->last)) {
		struct doc_node *b = n->last;
		doc_cut(b);
		doc_insert(n->parent, n, b);
	}
}

static void close_span(struct parser *p)
{
	struct doc_node *n = p->at, *outer = p->frames[--p->depth].outer;
	if (n == outer) /* it left no node: text goes on */
		return;
	if (n->type == DOC_CODE_SPAN) {
		n->text = doc_copy(p->d, p->text.len ? p->text.p : "", p->text.len);
		n->text_len = p->text.len;
		buf_truncate(&p->text, 0);
		p->at = outer;
		if (!n->text_len)
			doc_cut(n);
		return;
	}
	flush(p);
	p->at = outer;
	hoist_breaks(n);
	if (!n->first && n->type == DOC_LINK) {
		struct doc_node *t = doc_add(p->d, n, DOC_TEXT);
		t->text = n->href;
		t->text_len = n->href_len;
		p->bytes += n->href_len;
	}
	struct doc_node *prev = n->prev, *next = n->next;
	if (!n->first) {
		doc_cut(n);
		if (prev && prev->next)
			join(p, prev);
		return;
	}
	if (n->type == DOC_STRONG && n->first == n->last && n->first->type == DOC_EMPH) {
		n->type = DOC_EMPH;
		n->first->type = DOC_STRONG;
	}
	if (next)
		join(p, n);
	if (prev)
		join(p, prev);
	struct doc_node *lead = prev ? prev->prev : NULL;
	if (lead)
		join(p, lead);
}

/* md4c sometimes crosses a "~" span with others: what is left is closed inside out, what was never entered is not left. */
static int leave_span(MD_SPANTYPE type, void *detail, void *arg)
{
	(void)detail;
	struct parser *p = arg;
	if (p->failed)
		return 1;
	size_t i = p->depth;
	while (i && p->frames[i - 1].kind >= SPAN && p->frames[i - 1].kind != SPAN + (int)type)
		i--;
	if (!i || p->frames[i - 1].kind < SPAN)
		return 0;
	while (p->depth >= i)
		close_span(p);
	return 0;
}

static int leave_block(MD_BLOCKTYPE type, void *detail, void *arg)
{
	(void)detail;
	struct parser *p = arg;
	if (p->failed)
		return 1;
	while (p->depth && p->frames[p->depth - 1].kind >= SPAN)
		close_span(p);
	close_implicit(p);
	if (!p->depth)
		return 1;
	struct doc_node *n = p->at;
	if (type == MD_BLOCK_CODE) {
		/* The last line's end belongs to the fence. */
		size_t len = p->text.len;
		if (len && p->text.p[len - 1] == '\n')
			len--;
		n->text = doc_copy(p->d, p->text.p, len);
		n->text_len = len;
		buf_truncate(&p->text, 0);
	} else {
		flush(p);
	}
	p->at = p->frames[--p->depth].outer;
	switch (type) {
	case MD_BLOCK_THEAD:
		p->header = false;
		break;
	case MD_BLOCK_UL:
	case MD_BLOCK_OL:
		settle_list(p, n);
		break;
	case MD_BLOCK_P:
	case MD_BLOCK_H:
		trim_breaks(n);
		if (!n->first)
			doc_cut(n);
		break;
	case MD_BLOCK_QUOTE:
	case MD_BLOCK_TABLE:
		if (!n->first)
			doc_cut(n);
		break;
	default:
		break;
	}
	return too_much(p);
}

static void add_break(struct parser *p, enum doc_type type)
{
	if (inside(p->at, DOC_HEADING)) {
		buf_add_char(&p->text, ' ');
		return;
	}
	flush(p);
	if (doc_is_break(p->at->last)) {
		if (type == DOC_BREAK)
			p->at->last->type = DOC_BREAK;
		return;
	}
	add(p, type);
}

static void add_entity(struct parser *p, const char *s, size_t n)
{
	uint32_t cp = doc_entity(s, n);
	char bytes[4];
	if (cp == '\n' || cp == '\r')
		cp = ' ';
	else if ((cp && cp < 0x20 && cp != '\t') || (cp >= 0x7f && cp < 0xa0))
		cp = 0xfffd;
	if (cp)
		buf_add(&p->text, bytes, utf8_encode(cp, bytes));
	else
		buf_add(&p->text, s, n);
}

/* Behind an address that it did not take after all, md4c can give a line end inside a text. */
static void add_text(struct parser *p, const char *s, size_t n)
{
	while (n) {
		size_t run = 0;
		while (run < n && s[run] != '\n' && s[run] != '\r')
			run++;
		buf_add(&p->text, s, run);
		s += run;
		n -= run;
		if (!n)
			return;
		if (p->at->type == DOC_CODE_SPAN)
			buf_add_char(&p->text, ' ');
		else
			add_break(p, DOC_SOFT_BREAK);
		while (n && strchr(" \t\r\n", *s)) {
			s++;
			n--;
		}
	}
}

/*
 * md4c gives a code line's indentation as spaces, tabs counted by column.  Where the line comes out of the source the blanks in front
 * of it are still there: take those that make up the same columns.
 */
static void add_indent(struct parser *p, const char *line)
{
	const char *start = line, *blanks = line;
	while (start > p->source && start[-1] != '\n' && start[-1] != '\r')
		start--;
	while (blanks > start && (blanks[-1] == ' ' || blanks[-1] == '\t'))
		blanks--;
	size_t end = 0, column = 0;
	for (const char *s = start; s < line; s++)
		end = *s == '\t' ? (end + 4) & ~(size_t)3 : end + 1;
	for (const char *s = start; s < line; s++) {
		if (s >= blanks && end - column == p->indent) {
			buf_add(&p->text, s, (size_t)(line - s));
			return;
		}
		column = *s == '\t' ? (column + 4) & ~(size_t)3 : column + 1;
	}
	for (size_t i = 0; i < p->indent; i++)
		buf_add_char(&p->text, ' ');
}

static void add_code(struct parser *p, const char *s, size_t n)
{
	bool ours = (uintptr_t)s >= (uintptr_t)p->source && (uintptr_t)s < (uintptr_t)p->source + p->source_len;
	bool blanks = n && strspn(s, " ") >= n;
	if (!ours && blanks) {
		p->indent += n;
		return;
	}
	if (p->indent) {
		if (ours)
			add_indent(p, s);
		else
			for (size_t i = 0; i < p->indent; i++)
				buf_add_char(&p->text, ' ');
		p->indent = 0;
	}
	buf_add(&p->text, s, n);
}

static int text(MD_TEXTTYPE type, const MD_CHAR *s, MD_SIZE size, void *arg)
{
	struct parser *p = arg;
	p->bytes += size;
	if (too_much(p))
		return 1;
	if (p->at->type == DOC_CODE) {
		add_code(p, s, size);
		return too_much(p);
	}
	open_implicit(p);
	switch (type) {
	case MD_TEXT_NULLCHAR:
		buf_add_str(&p->text, "\xef\xbf\xbd");
		break;
	case MD_TEXT_BR:
		add_break(p, DOC_BREAK);
		break;
	case MD_TEXT_SOFTBR:
		add_break(p, DOC_SOFT_BREAK);
		break;
	case MD_TEXT_ENTITY:
		add_entity(p, s, size);
		break;
	default:
		add_text(p, s, size);
		break;
	}
	return too_much(p);
}

/* ---- input ---- */

static bool is_clean(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if ((c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7f || c == 0xc2)
			return false;
	}
	return utf8_valid(s, n);
}

/* Ill-formed bytes and control characters become U+FFFD: a terminal or a database must never see them. */
static void clean(const char *s, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n;) {
		uint32_t cp = 0;
		size_t k = utf8_decode(s + i, n - i, &cp);
		bool control = (cp < 0x20 && cp != '\n' && cp != '\t' && cp != '\r') || (cp >= 0x7f && cp < 0xa0);
		if (!k || control)
			buf_add_str(out, "\xef\xbf\xbd");
		else
			buf_add(out, s + i, k);
		i += k ? k : 1;
	}
}

/* Paragraphs at blank lines, hard breaks at line ends, nothing else.  Past the limit of nodes line ends stay in the text. */
static struct doc *plain(const char *s, size_t n)
{
	struct doc *d = doc_new(n);
	struct doc_node *paragraph = NULL;
	size_t nodes = 0;
	for (size_t i = 0; i < n;) {
		size_t end = i;
		while (end < n && s[end] != '\n')
			end++;
		if (nodes >= DOC_NODES_MAX)
			end = n;
		size_t from = i, to = end;
		while (from < to && strchr(" \t\r\n", s[from]))
			from++;
		while (from < to && strchr(" \t\r\n", s[to - 1]))
			to--;
		i = end + 1;
		if (from == to) {
			paragraph = NULL;
			continue;
		}
		if (paragraph)
			doc_add(d, paragraph, DOC_BREAK);
		else
			paragraph = doc_add(d, d->root, DOC_PARAGRAPH);
		struct doc_node *t = doc_add(d, paragraph, DOC_TEXT);
		t->text = doc_copy(d, s + from, to - from);
		t->text_len = to - from;
		nodes += 2;
	}
	return d;
}

/* md4c takes time by the square of the number of "www." addresses: thousands of them stay text. */
static bool many_www(const char *s, size_t n)
{
	size_t count = 0;
	for (const char *p = s; count <= WWW_MAX && (p = memmem(p, (size_t)(s + n - p), "www.", 4)); p += 4)
		count++;
	return count > WWW_MAX;
}

struct doc *doc_parse(const char *md, size_t n)
{
	MD_PARSER callbacks = {
		.flags = MD_DIALECT_GITHUB | MD_FLAG_NOHTML,
		.enter_block = enter_block,
		.leave_block = leave_block,
		.enter_span = enter_span,
		.leave_span = leave_span,
		.text = text,
	};
	struct buf cleaned = BUF_INIT;
	if (n && !is_clean(md, n)) {
		clean(md, n, &cleaned);
		md = cleaned.p;
		n = cleaned.len;
	} else if (n && n <= DOC_TEXT_MAX) { /* md4c looks for line ends with strcspn(): it needs a zero byte after the text */
		buf_add(&cleaned, md, n);
		md = cleaned.p;
	}
	struct doc *d = NULL;
	if (n <= DOC_TEXT_MAX) {
		d = doc_new(n * 3);
		if (many_www(md, n))
			callbacks.flags &= ~(unsigned)MD_FLAG_PERMISSIVEWWWAUTOLINKS;
		struct parser p = { .d = d, .at = d->root, .source = md, .source_len = n };
		buf_reset(&p.text);
		if (md_parse(n ? md : "", (MD_SIZE)n, &callbacks, &p) != 0 || p.failed) {
			doc_free(d);
			d = NULL;
		}
		buf_done(&p.text);
	}
	if (!d)
		d = plain(md, n);
	buf_done(&cleaned);
	return d;
}
