/*
 * Blocks: the exact form of a document.  Everything but tables and rules becomes rich_text, whose "text" elements Slack shows as they
 * are: no escapes, no mentions, no marks.  A message may hold one table block, so a second table becomes aligned preformatted text.
 *
 * A rich_text block is a flat list of sections, lists, quotes and preformatted parts; nested lists are lists one after the other with
 * growing "indent".  The writer therefore walks the tree and keeps track of what is open: the block, the section or list in it, and
 * whether a comma is due.
 */
#include "render.h"

#include <stdio.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/utf8.h"

#define HEADER_UNITS 150u
#define HREF_MAX 2900u
#define TABLE_UNITS 9000u
#define INDENT_MAX 8

enum { BOLD = 1, ITALIC = 2, STRIKE = 4, CODE = 8 };

struct out {
	struct buf *b;
	size_t blocks;
	bool rich;       /* a rich_text block is open */
	bool rich_comma; /* it holds a part already */
	bool section;    /* a rich_text_section for paragraphs is open */
	bool comma;      /* the open part holds an element already */
	bool newline;    /* the last element of the open section ends its line */
	bool headers;    /* header blocks may be used */
	bool table_used;
};

static void json_string(struct buf *b, const char *s, size_t n)
{
	buf_add_char(b, '"');
	buf_add_json(b, s, n);
	buf_add_char(b, '"');
}

/* ---- elements ---- */
static void element_comma(struct out *o)
{
	if (o->comma)
		buf_add_char(o->b, ',');
	o->comma = true;
}

static void add_style(struct buf *b, unsigned style)
{
	static const char *const names[] = { "bold", "italic", "strike", "code" };
	if (!style)
		return;
	const char *sep = ",\"style\":{";
	for (unsigned i = 0; i < 4; i++) {
		if (!(style & (1u << i)))
			continue;
		buf_addf(b, "%s\"%s\":true", sep, names[i]);
		sep = ",";
	}
	buf_add_char(b, '}');
}

static void add_text(struct out *o, const char *s, size_t n, unsigned style)
{
	if (n == 0)
		return;
	element_comma(o);
	buf_add_str(o->b, "{\"type\":\"text\",\"text\":");
	json_string(o->b, s, n);
	add_style(o->b, style);
	buf_add_char(o->b, '}');
	o->newline = s[n - 1] == '\n';
}

static void add_str(struct out *o, const char *s)
{
	add_text(o, s, strlen(s), 0);
}

static void add_link(struct out *o, const struct doc_node *n, unsigned style)
{
	struct buf words = BUF_INIT;
	slack_flatten(n, &words);
	for (const struct doc_node *c = n->first; c && c == n->last; c = c->first)
		style |= c->type == DOC_STRONG ? BOLD
		    : c->type == DOC_EMPH      ? ITALIC
		    : c->type == DOC_STRIKE    ? STRIKE
		    : c->type == DOC_CODE_SPAN ? CODE
		                               : 0;
	if (!n->href || n->href_len > HREF_MAX) {
		add_text(o, words.p ? words.p : "", words.len, style);
		buf_done(&words);
		return;
	}
	bool misleads = slack_link_misleads(n);
	if (misleads) {
		add_text(o, words.p, words.len, style);
		add_str(o, " (");
	}
	element_comma(o);
	buf_add_str(o->b, "{\"type\":\"link\",\"url\":");
	json_string(o->b, n->href, n->href_len);
	if (!misleads && words.len > 0) {
		buf_add_str(o->b, ",\"text\":");
		json_string(o->b, words.p, words.len);
	}
	add_style(o->b, style);
	buf_add_char(o->b, '}');
	o->newline = false;
	if (misleads)
		add_str(o, ")");
	buf_done(&words);
}

/* Siblings from ${n} on, as far as they are inline. */
static const struct doc_node *add_inlines(struct out *o, const struct doc_node *n, unsigned style, int depth)
{
	for (; n && n->type >= DOC_TEXT; n = n->next) {
		switch (n->type) {
		case DOC_TEXT:
			add_text(o, n->text, n->text_len, style);
			break;
		case DOC_CODE_SPAN:
			add_text(o, n->text, n->text_len, style | CODE);
			break;
		case DOC_STRONG:
		case DOC_EMPH:
		case DOC_STRIKE:
			if (depth < DOC_DEPTH_MAX)
				add_inlines(o, n->first,
				    style |
				        (n->type == DOC_STRONG        ? BOLD
				                : n->type == DOC_EMPH ? ITALIC
				                                      : STRIKE),
				    depth + 1);
			break;
		case DOC_LINK:
			add_link(o, n, style);
			break;
		default:
			add_str(o, "\n");
			break;
		}
	}
	return n;
}

/* ---- parts of a rich_text block ---- */
static void block_comma(struct out *o)
{
	if (o->blocks++ > 0)
		buf_add_char(o->b, ',');
}

static void section_close(struct out *o, bool more)
{
	if (!o->section)
		return;
	/* Slack puts the next part right under the text unless the text ends its line. */
	if (!o->comma)
		add_str(o, " ");
	if (more && !o->newline)
		add_str(o, "\n");
	buf_add_str(o->b, "]}");
	o->section = false;
}

static void rich_close(struct out *o)
{
	section_close(o, false);
	if (o->rich)
		buf_add_str(o->b, "]}");
	o->rich = false;
}

static void part_open(struct out *o, const char *type)
{
	section_close(o, true);
	if (!o->rich) {
		block_comma(o);
		buf_add_str(o->b, "{\"type\":\"rich_text\",\"elements\":[");
		o->rich = true;
		o->rich_comma = false;
	}
	if (o->rich_comma)
		buf_add_char(o->b, ',');
	o->rich_comma = true;
	buf_addf(o->b, "{\"type\":\"%s\",\"elements\":[", type);
	o->comma = false;
	o->newline = false;
}

/* The section for running text: the open one, after an empty line, or a new one. */
static void section_open(struct out *o, bool tight)
{
	if (o->section) {
		add_str(o, tight ? "\n" : "\n\n");
		return;
	}
	part_open(o, "rich_text_section");
	o->section = true;
}

static void add_preformatted(struct out *o, const char *s, size_t n)
{
	while (n > 0 && s[n - 1] == '\n')
		n--;
	part_open(o, "rich_text_preformatted");
	add_text(o, n ? s : " ", n ? n : 1, 0);
	buf_add_str(o->b, "]}");
}

/* ---- tables ---- */
static bool table_fits(const struct doc_node *t)
{
	size_t rows = 0, units = 0;
	struct buf cell = BUF_INIT;
	bool fits = t->first != NULL;
	for (const struct doc_node *r = t->first; r && fits; r = r->next) {
		size_t columns = 0;
		for (const struct doc_node *c = r->first; c; c = c->next, columns++) {
			buf_reset(&cell);
			slack_flatten(c, &cell);
			units += utf8_utf16_len(cell.p ? cell.p : "", cell.len) + 1;
		}
		fits = ++rows <= SLACK_TABLE_ROWS && columns > 0 && columns <= SLACK_TABLE_COLUMNS && units <= TABLE_UNITS;
	}
	buf_done(&cell);
	return fits;
}

static void add_table(struct out *o, const struct doc_node *t)
{
	if (o->table_used || !table_fits(t)) {
		struct buf text = BUF_INIT;
		slack_table_text(t, &text);
		add_preformatted(o, text.p ? text.p : "", text.len);
		buf_done(&text);
		return;
	}
	o->table_used = true;
	rich_close(o);
	block_comma(o);
	buf_add_str(o->b, "{\"type\":\"table\",\"column_settings\":[");
	for (const struct doc_node *c = t->first->first; c; c = c->next)
		buf_addf(o->b, "%s{\"align\":\"%s\",\"is_wrapped\":true}", c == t->first->first ? "" : ",",
		    c->align == 3       ? "right"
		        : c->align == 2 ? "center"
		                        : "left");
	buf_add_str(o->b, "],\"rows\":[");
	for (const struct doc_node *r = t->first; r; r = r->next) {
		buf_add_char(o->b, '[');
		for (const struct doc_node *c = r->first; c; c = c->next) {
			buf_add_str(o->b, "{\"type\":\"rich_text\",\"elements\":[{\"type\":\"rich_text_section\",\"elements\":[");
			o->comma = false;
			add_inlines(o, c->first, r->header ? BOLD : 0, 0);
			if (!o->comma)
				add_str(o, " "); /* an empty cell is refused */
			buf_add_str(o->b, c->next ? "]}]}," : "]}]}");
		}
		buf_add_str(o->b, r->next ? "]," : "]");
	}
	buf_add_str(o->b, "]}");
}

/* ---- blocks ---- */
static void add_blocks(struct out *o, const struct doc_node *n, int indent, int depth);

static bool plain_header(const struct doc_node *h, struct buf *text)
{
	for (const struct doc_node *c = h->first; c; c = c->next)
		if (c->type != DOC_TEXT)
			return false;
	slack_flatten(h, text);
	return text->len > 0 && !memchr(text->p, '<', text->len) && !memchr(text->p, '&', text->len) &&
	    !memchr(text->p, '\n', text->len) && !memchr(text->p, '>', text->len) &&
	    utf8_utf16_len(text->p, text->len) <= HEADER_UNITS;
}

static void add_heading(struct out *o, const struct doc_node *h, int indent)
{
	struct buf text = BUF_INIT;
	if (o->headers && indent == 0 && h->level <= 2 && plain_header(h, &text)) {
		rich_close(o);
		block_comma(o);
		buf_add_str(o->b, "{\"type\":\"header\",\"text\":{\"type\":\"plain_text\",\"text\":");
		json_string(o->b, text.p, text.len);
		buf_add_str(o->b, "}}");
	} else if (h->first) {
		section_open(o, false);
		add_inlines(o, h->first, BOLD, 0);
	}
	buf_done(&text);
}

/* part_open() wrote the elements' bracket; the list's own fields follow it. */
static void list_close(struct out *o, const struct doc_node *list, int indent, int number)
{
	buf_addf(o->b, "],\"style\":\"%s\",\"indent\":%d", list->ordered ? "ordered" : "bullet",
	    indent < INDENT_MAX ? indent : INDENT_MAX);
	if (list->ordered && number > 1)
		buf_addf(o->b, ",\"offset\":%d", number - 1);
	buf_add_char(o->b, '}');
}

/*
 * An item is one section of the list; whatever else it holds stands between two pieces of the list, the second one counting on from
 * where the first one stopped.
 */
static void add_list(struct out *o, const struct doc_node *list, int indent, int depth)
{
	bool open = false, items = false;
	int number = list->level, from = number;
	for (const struct doc_node *item = list->first; item;
	     item = item->next, number = number < 999999999 ? number + 1 : number) {
		if (!open) {
			from = number;
			part_open(o, "rich_text_list");
			items = false;
		}
		open = true;
		if (items)
			buf_add_char(o->b, ',');
		items = true;
		buf_add_str(o->b, "{\"type\":\"rich_text_section\",\"elements\":[");
		o->comma = false;
		if (item->task)
			add_str(o, item->task == 2 ? "\xe2\x98\x91 " : "\xe2\x98\x90 ");
		const struct doc_node *c = add_inlines(o, item->first, 0, 0);
		for (bool first = !o->comma || item->task; c && c->type == DOC_PARAGRAPH; c = c->next, first = false) {
			if (!first)
				add_str(o, "\n");
			add_inlines(o, c->first, 0, 0);
		}
		if (!o->comma)
			add_str(o, " ");
		buf_add_str(o->b, "]}");
		if (!c)
			continue;
		list_close(o, list, indent, from);
		open = false;
		add_blocks(o, c, indent + 1, depth + 1);
	}
	if (open)
		list_close(o, list, indent, from);
	o->newline = true;
}

/* A quote holds only running text: what is deeper is written as lines. */
static void add_quoted(struct out *o, const struct doc_node *n, const char *lead, int depth)
{
	for (; n && depth < DOC_DEPTH_MAX; n = n ? n->next : NULL) {
		if (n->type >= DOC_TEXT) {
			const struct doc_node *last = n;
			while (last->next && last->next->type >= DOC_TEXT)
				last = last->next;
			add_inlines(o, n, 0, 0);
			n = last;
		} else if (n->type == DOC_LIST) {
			int number = n->level;
			for (const struct doc_node *item = n->first; item; item = item->next, number++) {
				char mark[24] = "\xe2\x80\xa2 ";
				if (n->ordered)
					(void)snprintf(mark, sizeof mark, "%d. ", number);
				if (item->task)
					(void)snprintf(
					    mark, sizeof mark, "%s", item->task == 2 ? "\xe2\x98\x91 " : "\xe2\x98\x90 ");
				add_str(o, lead);
				add_str(o, mark);
				struct buf deeper = BUF_INIT;
				buf_addf(&deeper, "%s    ", lead);
				add_quoted(o, item->first, deeper.p, depth + 1);
				buf_done(&deeper);
				if (item->next)
					add_str(o, "\n");
			}
		} else if (n->type == DOC_CODE) {
			add_text(o, n->text, n->text_len, CODE);
		} else if (n->type == DOC_TABLE) {
			struct buf text = BUF_INIT;
			slack_table_text(n, &text);
			add_text(o, text.p ? text.p : "", text.len, CODE);
			buf_done(&text);
		} else if (n->type == DOC_HEADING) {
			add_inlines(o, n->first, BOLD, 0);
		} else if (n->type == DOC_RULE) {
			add_str(o, "\xe2\x80\x94\xe2\x80\x94\xe2\x80\x94");
		} else {
			add_quoted(o, n->first, lead, depth + 1);
		}
		if (n->next)
			add_str(o, o->newline ? "" : "\n");
	}
}

static void add_blocks(struct out *o, const struct doc_node *n, int indent, int depth)
{
	for (; n && depth <= DOC_DEPTH_MAX; n = n->next) {
		switch (n->type) {
		case DOC_HEADING:
			add_heading(o, n, indent);
			break;
		case DOC_LIST:
			add_list(o, n, indent, depth + 1);
			break;
		case DOC_QUOTE:
			part_open(o, "rich_text_quote");
			add_quoted(o, n->first, "", depth + 1);
			if (!o->comma)
				add_str(o, " ");
			buf_add_str(o->b, "]}");
			break;
		case DOC_CODE:
			add_preformatted(o, n->text, n->text_len);
			break;
		case DOC_RULE:
			rich_close(o);
			block_comma(o);
			buf_add_str(o->b, "{\"type\":\"divider\"}");
			break;
		case DOC_TABLE:
			add_table(o, n);
			break;
		default:
			if (n->type < DOC_TEXT && !n->first)
				break;
			section_open(o, indent > 0);
			if (n->type >= DOC_TEXT) {
				const struct doc_node *last = n;
				while (last->next && last->next->type >= DOC_TEXT)
					last = last->next;
				add_inlines(o, n, 0, 0);
				n = last;
			} else {
				add_inlines(o, n->first, 0, 0);
			}
			break;
		}
	}
}

size_t slack_render_blocks(const struct doc *d, struct buf *out)
{
	size_t start = out->len;
	for (int pass = 0; pass < 2; pass++) {
		struct out o = { .b = out, .headers = pass == 0 };
		add_blocks(&o, doc_root(d)->first, 0, 0);
		rich_close(&o);
		if (o.blocks <= SLACK_BLOCKS_MAX - 2) /* two are left for components */
			return o.blocks;
		buf_truncate(out, start);
	}
	return 0;
}
