/*
 * The tree as plain text for terminals, notifications and search.  Tables become columns padded to the width that a terminal
 * shows (utf8proc's idea of it); padding stops at COLUMN_MAX, so one long cell cannot blow up every row.
 */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "../base/mem.h"
#include "../base/utf8.h"
#include "doc_internal.h"

#define COLUMN_MAX 60
#define COLUMNS_MAX 64

struct state {
	struct buf *out;
	struct buf prefix;
};

static void new_line(struct state *w, bool blank)
{
	buf_add_char(w->out, '\n');
	buf_add(w->out, w->prefix.p, w->prefix.len);
	while (blank && w->out->len && w->out->p[w->out->len - 1] == ' ')
		buf_truncate(w->out, w->out->len - 1);
}

static void add_lines(struct state *w, const char *s, size_t n)
{
	for (;;) {
		const char *end = memchr(s, '\n', n);
		size_t len = end ? (size_t)(end - s) : n;
		buf_add(w->out, s, len);
		if (!end)
			return;
		s += len + 1;
		n -= len + 1;
		new_line(w, n == 0 || *s == '\n');
	}
}

/* Whether the link's text says where it leads; the text was just added behind ${from}. */
static bool shows_target(const struct buf *out, size_t from, const struct doc_node *link)
{
	const char *href = link->href, *shown = out->p + from;
	size_t n = link->href_len, len = out->len - from;
	if (n > 7 && strncmp(href, "mailto:", 7) == 0 && len == n - 7)
		return memcmp(shown, href + 7, len) == 0;
	return (len == n && memcmp(shown, href, n) == 0) || (len + 7 == n && memcmp(shown, href + 7, len) == 0);
}

static void add_inline(struct state *w, const struct doc_node *n)
{
	for (const struct doc_node *c = n->first; c; c = c->next) {
		switch (c->type) {
		case DOC_TEXT:
		case DOC_CODE_SPAN:
			add_lines(w, c->text, c->text_len);
			break;
		case DOC_BREAK:
		case DOC_SOFT_BREAK:
			new_line(w, false);
			break;
		case DOC_LINK: {
			size_t from = w->out->len;
			add_inline(w, c);
			if (c->href && !shows_target(w->out, from, c)) {
				buf_add_str(w->out, " (");
				buf_add(w->out, c->href, c->href_len);
				buf_add_char(w->out, ')');
			}
			break;
		}
		default:
			add_inline(w, c);
			break;
		}
	}
}

static size_t width_of(const char *s, size_t n)
{
	size_t width = 0;
	for (size_t i = 0; i < n;) {
		uint32_t cp = 0xfffd;
		size_t k = utf8_decode(s + i, n - i, &cp);
		int w = cp < 0x80 ? 1 : utf8proc_charwidth((utf8proc_int32_t)cp);
		width += w > 0 ? (size_t)w : 0;
		i += k ? k : 1;
	}
	return width;
}

static void add_repeated(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_add_str(out, s);
}

static void write_table(struct state *w, const struct doc_node *table)
{
	size_t widths[COLUMNS_MAX] = { 0 };
	struct buf cell = BUF_INIT;
	struct state inner = { .out = &cell };
	buf_reset(&inner.prefix);
	for (int pass = 0; pass < 2; pass++) {
		for (const struct doc_node *row = table->first; row; row = row->next) {
			size_t column = 0;
			if (pass && row != table->first)
				new_line(w, false);
			for (const struct doc_node *c = row->first; c; c = c->next, column++) {
				buf_reset(&cell);
				add_inline(&inner, c);
				size_t width = width_of(cell.p, cell.len),
				       *most = &widths[column < COLUMNS_MAX ? column : COLUMNS_MAX - 1];
				if (!pass) {
					*most = width > *most ? width : *most;
					*most = *most > COLUMN_MAX ? COLUMN_MAX : *most;
					continue;
				}
				size_t pad = column < COLUMNS_MAX && width < *most ? *most - width : 0;
				size_t before = c->align == 3 ? pad : c->align == 2 ? pad / 2 : 0;
				add_repeated(w->out, " ", before);
				buf_add(w->out, cell.p, cell.len);
				if (c->next) {
					add_repeated(w->out, " ", pad - before);
					buf_add_str(w->out, " | ");
				}
			}
			if (!pass || !row->header)
				continue;
			new_line(w, false);
			size_t columns = column < COLUMNS_MAX ? column : COLUMNS_MAX;
			for (size_t i = 0; i < columns; i++) {
				add_repeated(w->out, "-", widths[i] ? widths[i] : 1);
				buf_add_str(w->out, i + 1 < columns ? "-+-" : "");
			}
		}
	}
	buf_done(&inner.prefix);
	buf_done(&cell);
}

static void write_node(struct state *w, const struct doc_node *n);

static void write_children(struct state *w, const struct doc_node *n, bool blank_between)
{
	for (const struct doc_node *c = n->first; c; c = c->next) {
		if (c != n->first) {
			if (blank_between)
				new_line(w, true);
			new_line(w, false);
		}
		write_node(w, c);
	}
}

static void write_list(struct state *w, const struct doc_node *list)
{
	static const char *const tasks[] = { "", "[ ] ", "[x] " };
	long number = list->level;
	for (const struct doc_node *item = list->first; item; item = item->next, number++) {
		if (item != list->first) {
			if (!list->tight)
				new_line(w, true);
			new_line(w, false);
		}
		size_t from = w->out->len, prefix = w->prefix.len;
		if (list->ordered)
			buf_addf(w->out, "%ld. ", number);
		else
			buf_add_str(w->out, "- ");
		add_repeated(&w->prefix, " ", w->out->len - from);
		buf_add_str(w->out, tasks[item->task]);
		write_children(w, item, !list->tight);
		buf_truncate(&w->prefix, prefix);
	}
}

static void write_node(struct state *w, const struct doc_node *n)
{
	size_t prefix = w->prefix.len;
	switch (n->type) {
	case DOC_ROOT:
		write_children(w, n, true);
		break;
	case DOC_LIST:
		write_list(w, n);
		break;
	case DOC_QUOTE:
		buf_add_str(w->out, "> ");
		buf_add_str(&w->prefix, "> ");
		write_children(w, n, true);
		buf_truncate(&w->prefix, prefix);
		break;
	case DOC_CODE:
		buf_add_str(w->out, "    ");
		buf_add_str(&w->prefix, "    ");
		add_lines(w, n->text, n->text_len);
		buf_truncate(&w->prefix, prefix);
		break;
	case DOC_RULE:
		add_repeated(w->out, "\u2500", 24);
		break;
	case DOC_TABLE:
		write_table(w, n);
		break;
	default:
		add_inline(w, n);
		break;
	}
}

void doc_write_text(const struct doc *d, struct buf *out)
{
	buf_reserve(out, 0);
	if (!d->root->first)
		return;
	struct state w = { .out = out };
	buf_reset(&w.prefix);
	write_node(&w, d->root);
	buf_done(&w.prefix);
	buf_add_char(out, '\n');
}
