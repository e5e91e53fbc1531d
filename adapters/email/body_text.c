/*
 * The plain body, as people write mail.  It is format=flowed (RFC 3676): a line that ends in a blank goes on in the next one, so it reads well
 * in 72 columns and on a narrow screen alike.  For that the lines which continue a paragraph carry the quote marks but no indentation; what
 * must keep its shape (code, tables) is never broken.  Words are not cut: a long URL stays whole.
 *
 * A block is written as logical lines; put_line() breaks one into lines of the mail.  ${indent} stands before each logical line and ${lead},
 * a list's mark, once instead of it.
 */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"
#include "../../core/talk/doc.h"
#include "body.h"
#include "compose.h"

#define COLUMNS 72u
#define CELLS_MAX 32u
#define TABLE_MAX 76u /* columns of a table that is drawn; a wider one becomes lines */

struct text {
	struct buf *out;
	unsigned quotes;
	struct buf indent, lead;
	bool has_lead;
};

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

static void add_repeated(struct buf *out, char c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_add_char(out, c);
}

/* ---- lines of the mail ---- */

/* Quote marks, and the blank that is no part of the text: always behind marks, else where the text would be read as something else. */
static void open_line(struct text *w, const char *s, size_t n)
{
	add_repeated(w->out, '>', w->quotes);
	bool stuffed = w->quotes > 0 || (n > 0 && (s[0] == ' ' || s[0] == '>')) || (n >= 5 && memcmp(s, "From ", 5) == 0) ||
	    (n == 2 && memcmp(s, "--", 2) == 0);
	if (stuffed && n > 0)
		buf_add_char(w->out, ' ');
}

static void put_fixed(struct text *w, const char *s, size_t n)
{
	while (n > 0 && s[n - 1] == ' ')
		n--;
	open_line(w, s, n);
	buf_add(w->out, s, n);
	buf_add_char(w->out, '\n');
}

static void put_flowed(struct text *w, const char *s, size_t n)
{
	while (n > 0 && s[n - 1] == ' ')
		n--;
	for (;;) {
		/* The line takes words while they fit; blanks at its start belong to the first one. */
		size_t end = 0, i = 0, room = COLUMNS - w->quotes - (w->quotes > 0);
		while (i < n) {
			size_t word = i;
			while (i < n && s[i] == ' ')
				i++;
			while (i < n && s[i] != ' ')
				i++;
			bool dashes = end == 2 && memcmp(s, "--", 2) == 0; /* "-- " would end the text */
			if (end > 0 && word > 0 && !dashes && width_of(s, i) > room)
				break;
			end = i;
		}
		if (end == n) {
			put_fixed(w, s, n);
			return;
		}
		open_line(w, s, end);
		buf_add(w->out, s, end);
		buf_add_str(w->out, " \n");
		s += end + 1;
		n -= end + 1;
	}
}

static void put_blank(struct text *w)
{
	add_repeated(w->out, '>', w->quotes);
	buf_add_char(w->out, '\n');
}

/* One logical line behind its indentation. */
static void put_line(struct text *w, const char *s, size_t n, bool fixed)
{
	struct buf line = BUF_INIT;
	buf_add(&line, w->has_lead ? w->lead.p : w->indent.p, w->has_lead ? w->lead.len : w->indent.len);
	w->has_lead = false;
	buf_add(&line, s, n);
	if (fixed)
		put_fixed(w, line.p, line.len);
	else
		put_flowed(w, line.p, line.len);
	buf_done(&line);
}

static void put_lines(struct text *w, const char *s, size_t n, bool fixed)
{
	for (;;) {
		const char *end = memchr(s, '\n', n);
		size_t len = end ? (size_t)(end - s) : n;
		put_line(w, s, len, fixed);
		if (!end)
			return;
		s += len + 1;
		n -= len + 1;
	}
}

/* ---- inlines: into one string with '\n' at hard breaks ---- */

/* Whether the link's text says where it leads. */
static bool shows_target(const char *shown, size_t len, const struct doc_node *link)
{
	const char *href = link->href;
	size_t n = link->href_len;
	if (n > 7 && strncmp(href, "mailto:", 7) == 0 && len == n - 7)
		return memcmp(shown, href + 7, len) == 0;
	return len == n && memcmp(shown, href, n) == 0;
}

static void add_inlines(const struct doc_node *n, struct buf *out);

static void add_marked(const struct doc_node *n, char mark, struct buf *out)
{
	buf_add_char(out, mark);
	add_inlines(n, out);
	buf_add_char(out, mark);
}

static void add_inlines(const struct doc_node *n, struct buf *out)
{
	for (const struct doc_node *c = n->first; c; c = c->next) {
		switch (c->type) {
		case DOC_TEXT:
			buf_add(out, c->text, c->text_len);
			break;
		case DOC_CODE_SPAN:
			buf_add_char(out, '`');
			buf_add(out, c->text, c->text_len);
			buf_add_char(out, '`');
			break;
		case DOC_BREAK:
		case DOC_SOFT_BREAK:
			buf_add_char(out, '\n');
			break;
		case DOC_STRONG:
			add_marked(c, '*', out);
			break;
		case DOC_EMPH:
			add_marked(c, '_', out);
			break;
		case DOC_STRIKE:
			add_marked(c, '~', out);
			break;
		case DOC_LINK: {
			size_t from = out->len;
			add_inlines(c, out);
			if (!c->href || shows_target(out->p + from, out->len - from, c))
				break;
			/* RFC 3986 appendix C: in text a URL stands between < and >; a closing ")" would be taken for a part of it. */
			buf_add_str(out, out->len > from ? " <" : "<");
			buf_add(out, c->href, c->href_len);
			buf_add_char(out, '>');
			break;
		}
		default:
			add_inlines(c, out);
			break;
		}
	}
}

static void inlines_of(const struct doc_node *n, struct buf *out)
{
	buf_reset(out);
	add_inlines(n, out);
	for (size_t i = 0; i < out->len; i++)
		if (out->p[i] == '\r' || out->p[i] == '\t')
			out->p[i] = ' ';
}

/* ---- blocks ---- */

static void put_block(struct text *w, const struct doc_node *n);

static void put_children(struct text *w, const struct doc_node *n, bool blank_between)
{
	for (const struct doc_node *c = n->first; c; c = c->next) {
		if (c != n->first && blank_between)
			put_blank(w);
		put_block(w, c);
	}
}

static void put_list(struct text *w, const struct doc_node *list)
{
	static const char *const tasks[] = { "", "[ ] ", "[x] " };
	long number = list->level;
	for (const struct doc_node *item = list->first; item; item = item->next, number++) {
		if (item != list->first && !list->tight)
			put_blank(w);
		size_t indent = w->indent.len;
		if (!w->has_lead) {
			buf_reset(&w->lead);
			buf_add(&w->lead, w->indent.p, w->indent.len);
		}
		size_t from = w->lead.len;
		if (list->ordered)
			buf_addf(&w->lead, "%ld. ", number);
		else
			buf_add_str(&w->lead, "- ");
		add_repeated(&w->indent, ' ', w->lead.len - from);
		buf_add_str(&w->lead, tasks[item->task]);
		w->has_lead = true;
		if (item->first)
			put_children(w, item, !list->tight);
		if (w->has_lead) /* nothing in it */
			put_line(w, "", 0, true);
		buf_truncate(&w->indent, indent);
	}
}

struct table {
	struct buf *cells; /* CELLS_MAX to a row */
	size_t rows, columns;
	size_t widths[CELLS_MAX];
	const struct doc_node *heads[CELLS_MAX]; /* of the first row: alignment */
};

static void table_read(const struct doc_node *n, struct table *t)
{
	*t = (struct table){ 0 };
	size_t rows = 0;
	for (const struct doc_node *row = n->first; row; row = row->next)
		rows++;
	t->cells = xcalloc(rows ? rows * CELLS_MAX : 1, sizeof *t->cells);
	for (const struct doc_node *row = n->first; row; row = row->next, t->rows++) {
		size_t column = 0;
		for (const struct doc_node *c = row->first; c && column < CELLS_MAX; c = c->next, column++) {
			struct buf *b = &t->cells[t->rows * CELLS_MAX + column];
			inlines_of(c, b);
			for (size_t i = 0; i < b->len; i++)
				if (b->p[i] == '\n')
					b->p[i] = ' ';
			size_t width = width_of(b->p, b->len);
			if (width > t->widths[column])
				t->widths[column] = width;
			if (t->rows == 0)
				t->heads[column] = c;
		}
		if (column > t->columns)
			t->columns = column;
	}
}

static void table_done(struct table *t)
{
	for (size_t i = 0; i < t->rows * CELLS_MAX; i++)
		buf_done(&t->cells[i]);
	free(t->cells);
}

static void put_columns(struct text *w, const struct table *t, bool header)
{
	struct buf line = BUF_INIT;
	for (size_t r = 0; r < t->rows; r++) {
		buf_reset(&line);
		for (size_t c = 0; c < t->columns; c++) {
			const struct buf *b = &t->cells[r * CELLS_MAX + c];
			size_t pad = t->widths[c] - width_of(b->p ? b->p : "", b->len);
			int align = t->heads[c] ? t->heads[c]->align : 0;
			size_t before = align == 3 ? pad : align == 2 ? pad / 2 : 0;
			buf_add_str(&line, c ? " | " : "");
			add_repeated(&line, ' ', before);
			buf_add(&line, b->p ? b->p : "", b->len);
			add_repeated(&line, ' ', pad - before);
		}
		put_line(w, line.p, line.len, true);
		if (r > 0 || !header)
			continue;
		buf_reset(&line);
		for (size_t c = 0; c < t->columns; c++) {
			buf_add_str(&line, c ? "-+-" : "");
			add_repeated(&line, '-', t->widths[c] ? t->widths[c] : 1);
		}
		put_line(w, line.p, line.len, true);
	}
	buf_done(&line);
}

/* A table too wide for mail: each row its lines, "head: cell". */
static void put_records(struct text *w, const struct table *t, bool header)
{
	struct buf line = BUF_INIT;
	for (size_t r = header ? 1 : 0; r < t->rows; r++) {
		if (r > (header ? 1u : 0u))
			put_blank(w);
		for (size_t c = 0; c < t->columns; c++) {
			const struct buf *head = &t->cells[c], *b = &t->cells[r * CELLS_MAX + c];
			if (b->len == 0)
				continue;
			buf_reset(&line);
			if (header && head->len > 0) {
				buf_add(&line, head->p, head->len);
				buf_add_str(&line, ": ");
			}
			buf_add(&line, b->p, b->len);
			put_line(w, line.p, line.len, false);
		}
	}
	buf_done(&line);
}

static void put_table(struct text *w, const struct doc_node *n)
{
	struct table t;
	table_read(n, &t);
	size_t width = w->indent.len + w->quotes;
	for (size_t c = 0; c < t.columns; c++)
		width += t.widths[c] + 3;
	bool header = n->first && n->first->header;
	if (width <= TABLE_MAX + 3 || (header && t.rows < 2))
		put_columns(w, &t, header);
	else
		put_records(w, &t, header);
	table_done(&t);
}

static void put_code(struct text *w, const struct doc_node *n)
{
	size_t len = n->text_len, indent = w->indent.len;
	while (len > 0 && n->text[len - 1] == '\n')
		len--;
	if (w->has_lead)
		put_line(w, "", 0, true);
	buf_add_str(&w->indent, "    ");
	put_lines(w, n->text ? n->text : "", len, true);
	buf_truncate(&w->indent, indent);
}

static void put_quote(struct text *w, const struct doc_node *n)
{
	/* The marks stand in front of everything, so a quote within a list leaves its indentation. */
	if (w->has_lead)
		put_line(w, "", 0, true);
	struct buf indent = w->indent;
	w->indent = BUF_INIT;
	buf_reset(&w->indent);
	w->quotes++;
	put_children(w, n, true);
	w->quotes--;
	buf_done(&w->indent);
	w->indent = indent;
}

static void put_block(struct text *w, const struct doc_node *n)
{
	struct buf line = BUF_INIT;
	switch (n->type) {
	case DOC_LIST:
		put_list(w, n);
		break;
	case DOC_QUOTE:
		put_quote(w, n);
		break;
	case DOC_CODE:
		put_code(w, n);
		break;
	case DOC_RULE:
		put_line(w, "* * *", 5, true);
		break;
	case DOC_TABLE:
		put_table(w, n);
		break;
	case DOC_HEADING: {
		inlines_of(n, &line);
		put_lines(w, line.p, line.len, false);
		size_t width = width_of(line.p, line.len);
		if (n->level > 2 || width == 0 || width > COLUMNS || memchr(line.p, '\n', line.len))
			break;
		buf_reset(&line);
		add_repeated(&line, n->level == 1 ? '=' : '-', width < 3 ? 3 : width);
		put_line(w, line.p, line.len, true);
		break;
	}
	default:
		inlines_of(n, &line);
		put_lines(w, line.p, line.len, false);
		break;
	}
	buf_done(&line);
}

/* ---- what stands below the answer ---- */

static void put_components(struct text *w, const struct draft *d)
{
	struct buf line = BUF_INIT;
	size_t options = 0;
	for (size_t i = 0; i < d->components_len; i++) {
		const struct component *c = &d->components[i];
		const char *words = body_words(c);
		if (body_is_option(c) || body_how_edit(c, 1) != NULL || !words[0])
			continue;
		if (w->out->len > 0)
			put_blank(w);
		buf_reset(&line);
		buf_add_str(&line, words);
		if (body_is_link(c))
			buf_addf(&line, " <%s>", c->value);
		put_lines(w, line.p, line.len, false);
	}
	for (size_t i = 0; i < d->components_len; i++) {
		if (!body_is_option(&d->components[i]))
			continue;
		if (options == 0 && w->out->len > 0)
			put_blank(w);
		buf_reset(&line);
		buf_addf(&line, "%zu. ", ++options);
		body_one_line(d->components[i].label, &line);
		put_line(w, line.p, line.len, false);
	}
	if (options > 0) {
		put_blank(w);
		const char *how = options == 1 ? BODY_HOW_ONE : BODY_HOW_MANY;
		put_line(w, how, strlen(how), false);
	}
	const char *how_edit = body_how_edit(d->components, d->components_len);
	if (how_edit != NULL) {
		if (options == 0 && w->out->len > 0)
			put_blank(w);
		put_line(w, how_edit, strlen(how_edit), false);
	}
	buf_done(&line);
}

void compose_plain(const struct draft *d, struct buf *out)
{
	struct buf body = BUF_INIT;
	struct text w = { .out = &body };
	buf_reset(&body);
	buf_reset(&w.indent);
	struct doc *doc = doc_parse(d->markdown ? d->markdown : "", d->markdown ? d->markdown_len : 0);
	put_children(&w, doc_root(doc), true);
	doc_free(doc);
	put_components(&w, d);
	if (d->footer && d->footer[0]) {
		size_t n = strlen(d->footer);
		while (n > 0 && d->footer[n - 1] == '\n')
			n--;
		buf_add_str(&body, body.len > 0 ? "\n-- \n" : "-- \n");
		put_lines(&w, d->footer, n, false);
	}
	buf_add(out, body.p, body.len);
	buf_done(&w.indent);
	buf_done(&w.lead);
	buf_done(&body);
}
