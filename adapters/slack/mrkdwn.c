/*
 * mrkdwn, Slack's own markup for "text".  It has no escape for its marks (* _ ~ ` and a leading >), only entities for & < >, and a mark
 * counts only between word boundaries.  So before a document is written this way slack_fits_mrkdwn() asks whether every mark would be
 * taken as meant and nothing else for a mark; what does not fit goes out as blocks, and this form is then only the
 * notification and the fallback.
 */
#include "render.h"

#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/utf8.h"

#define TABLE_CELL_MAX 40u
#define ZERO_WIDTH "\xe2\x80\x8b"

void slack_escape(struct buf *out, const char *s, size_t n)
{
	size_t from = 0;
	for (size_t i = 0; i < n; i++) {
		const char *e = s[i] == '&' ? "&amp;" : s[i] == '<' ? "&lt;" : s[i] == '>' ? "&gt;" : NULL;
		if (!e)
			continue;
		buf_add(out, s + from, i - from);
		buf_add_str(out, e);
		from = i + 1;
	}
	buf_add(out, s + from, n - from);
}

void slack_unescape(struct buf *out, const char *s, size_t n)
{
	static const struct {
		const char *name;
		size_t n;
		char c;
	} entities[] = { { "&amp;", 5, '&' }, { "&lt;", 4, '<' }, { "&gt;", 4, '>' } };
	for (size_t i = 0; i < n;) {
		const char *amp = memchr(s + i, '&', n - i);
		size_t plain = amp ? (size_t)(amp - (s + i)) : n - i;
		buf_add(out, s + i, plain);
		i += plain;
		if (!amp)
			break;
		size_t k = 0;
		while (k < 3 && !(n - i >= entities[k].n && memcmp(s + i, entities[k].name, entities[k].n) == 0))
			k++;
		buf_add_char(out, k < 3 ? entities[k].c : '&');
		i += k < 3 ? entities[k].n : 1;
	}
}

/* ---- does it fit? ---- */
/* Letters, digits and everything outside ASCII: where a mark next to it would not count. */
static bool is_word(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

struct fit {
	unsigned char prev; /* the last byte shown on this line; 0: a line begins */
	bool styled;        /* inside a mark, so on one line */
};

static bool fit_text(struct fit *f, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c == '*' || c == '~' || c == '`' || (c == '>' && f->prev == 0))
			return false;
		if (c == '_' && !(is_word(f->prev) && i + 1 < n && is_word((unsigned char)s[i + 1])))
			return false;
		if (c == '\n' && f->styled)
			return false;
		f->prev = c == '\n' ? 0 : c == ' ' && f->prev == 0 ? 0 : c;
	}
	return true;
}

/* The first byte that ${n} or what follows it shows, 0: none on this line. */
static unsigned char first_byte(const struct doc_node *n)
{
	for (; n; n = n->next) {
		if (n->type == DOC_BREAK || n->type == DOC_SOFT_BREAK)
			return 0;
		if (n->type == DOC_TEXT || n->type == DOC_CODE_SPAN) {
			if (n->text_len > 0)
				return n->type == DOC_TEXT ? (unsigned char)n->text[0] : '`';
			continue;
		}
		unsigned char c = n->type == DOC_LINK ? '<' : first_byte(n->first);
		if (c)
			return c;
	}
	return 0;
}

static bool fit_inlines(struct fit *f, const struct doc_node *n, int depth);

static bool fit_styled(struct fit *f, const struct doc_node *n, int depth)
{
	unsigned char first = first_byte(n->first);
	if (is_word(f->prev) || first == 0 || first == ' ' || is_word(first_byte(n->next)) || depth > 3)
		return false;
	struct fit in = { .prev = '*', .styled = true };
	if (!fit_inlines(&in, n->first, depth + 1) || in.prev == ' ' || in.prev == 0)
		return false;
	f->prev = '*';
	return true;
}

static bool fit_inlines(struct fit *f, const struct doc_node *n, int depth)
{
	for (; n; n = n->next) {
		switch (n->type) {
		case DOC_TEXT:
			if (!fit_text(f, n->text, n->text_len))
				return false;
			break;
		case DOC_STRONG:
		case DOC_EMPH:
		case DOC_STRIKE:
			if (!fit_styled(f, n, depth))
				return false;
			break;
		case DOC_CODE_SPAN:
			if (n->text_len == 0 || n->text[0] == ' ' || n->text[n->text_len - 1] == ' ' ||
			    memchr(n->text, '`', n->text_len) || memchr(n->text, '\n', n->text_len) || is_word(f->prev) ||
			    is_word(first_byte(n->next)))
				return false;
			f->prev = '`';
			break;
		case DOC_LINK:
			for (const struct doc_node *c = n->first; c; c = c->next)
				if (c->type != DOC_TEXT || memchr(c->text, '\n', c->text_len))
					return false;
			if (!n->href) {
				if (!fit_inlines(f, n->first, depth + 1))
					return false;
			} else {
				f->prev = '>';
			}
			break;
		case DOC_BREAK:
		case DOC_SOFT_BREAK:
			if (f->styled)
				return false;
			f->prev = 0;
			break;
		default:
			return false;
		}
	}
	return true;
}

static bool fit_blocks(const struct doc_node *n, bool quoted, int depth)
{
	for (; n; n = n->next) {
		struct fit f = { 0 };
		switch (n->type) {
		case DOC_PARAGRAPH:
			if (!fit_inlines(&f, n->first, 0))
				return false;
			break;
		case DOC_LIST:
			if (depth > 3)
				return false;
			for (const struct doc_node *item = n->first; item; item = item->next) {
				const struct doc_node *c = item->first;
				/* One paragraph, then perhaps deeper lists; anything else needs real structure. */
				if (c && c->type != DOC_LIST) {
					f = (struct fit){ .prev = ' ' };
					if (c->type == DOC_PARAGRAPH ? !fit_inlines(&f, c->first, 0) : true)
						return false;
					c = c->next;
				}
				for (; c; c = c->next)
					if (c->type != DOC_LIST || !c->first ||
					    !fit_blocks(
					        &(struct doc_node){ .type = DOC_LIST, .first = c->first }, quoted, depth + 1))
						return false;
			}
			break;
		case DOC_QUOTE:
			if (quoted || depth > 0 || !fit_blocks(n->first, true, depth + 1))
				return false;
			break;
		case DOC_CODE:
			if (quoted || depth > 0 || n->text_len == 0 || memmem(n->text, n->text_len, "```", 3))
				return false;
			break;
		default:
			return false;
		}
	}
	return true;
}

bool slack_fits_mrkdwn(const struct doc *d)
{
	return fit_blocks(doc_root(d)->first, false, 0);
}

/* ---- links ---- */
static void flatten(const struct doc_node *n, struct buf *out, int depth)
{
	if (n->type == DOC_TEXT || n->type == DOC_CODE_SPAN || n->type == DOC_CODE)
		buf_add(out, n->text, n->text_len);
	else if (n->type == DOC_BREAK || n->type == DOC_SOFT_BREAK)
		buf_add_char(out, ' ');
	for (const struct doc_node *c = n->first; c && depth < DOC_DEPTH_MAX; c = c->next)
		flatten(c, out, depth + 1);
}

void slack_flatten(const struct doc_node *n, struct buf *out)
{
	flatten(n, out, 0);
}

bool slack_link_misleads(const struct doc_node *link)
{
	if (!link->href)
		return false;
	struct buf b = BUF_INIT;
	slack_flatten(link, &b);
	const char *s = b.len ? b.p : "";
	bool address = strstr(s, "://") || strncasecmp(s, "www.", 4) == 0 || strncasecmp(s, "mailto:", 7) == 0 || strchr(s, '@');
	/* "www.x.org" for https://www.x.org is honest, and so is an address without its mailto. */
	bool same = b.len > 0 && b.len <= link->href_len && memcmp(link->href + link->href_len - b.len, s, b.len) == 0;
	if (!same && b.len > 0 && b.len + 1 <= link->href_len && link->href[link->href_len - 1] == '/')
		same = memcmp(link->href + link->href_len - 1 - b.len, s, b.len) == 0;
	if (same && b.len < link->href_len) {
		/* What is left in front must be a scheme, or "https://evil.org/?q=www.x.org" would pass. */
		size_t front = link->href_len - b.len - (link->href[link->href_len - 1] == '/' && s[b.len - 1] != '/');
		same = (front == 8 && strncasecmp(link->href, "https://", 8) == 0) ||
		    (front == 7 && strncasecmp(link->href, "http://", 7) == 0) ||
		    (front == 7 && strncasecmp(link->href, "mailto:", 7) == 0) || front == 0;
	}
	buf_done(&b);
	return address && !same;
}

/* ---- writing ---- */
static void write_href(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c == '&')
			buf_add_str(out, "&amp;");
		else if (c <= ' ' || c == '<' || c == '>' || c == '|' || c == '"' || c == 0x7f)
			buf_addf(out, "%%%02X", c);
		else
			buf_add_char(out, (char)c);
	}
}

static void write_inlines(const struct doc_node *n, struct buf *out, unsigned style, int depth);

static void write_link(const struct doc_node *n, struct buf *out, unsigned style, int depth)
{
	if (!n->href) {
		write_inlines(n->first, out, style, depth + 1);
		return;
	}
	struct buf words = BUF_INIT;
	slack_flatten(n, &words);
	bool bare = words.len == 0 || (words.len == n->href_len && memcmp(words.p, n->href, words.len) == 0);
	bool misleads = !bare && slack_link_misleads(n);
	if (misleads) {
		slack_escape(out, words.p, words.len);
		buf_add_str(out, " (");
	}
	buf_add_char(out, '<');
	write_href(out, n->href, n->href_len);
	if (!bare && !misleads) {
		buf_add_char(out, '|');
		for (size_t i = 0; i < words.len; i++)
			if (words.p[i] == '\n')
				words.p[i] = ' ';
		slack_escape(out, words.p, words.len);
	}
	buf_add_str(out, misleads ? ">)" : ">");
	buf_done(&words);
}

static void write_inlines(const struct doc_node *n, struct buf *out, unsigned style, int depth)
{
	for (; n; n = n->next) {
		unsigned bit = n->type == DOC_STRONG ? 1 : n->type == DOC_EMPH ? 2 : n->type == DOC_STRIKE ? 4 : 0;
		switch (n->type) {
		case DOC_TEXT:
			slack_escape(out, n->text, n->text_len);
			break;
		case DOC_STRONG:
		case DOC_EMPH:
		case DOC_STRIKE: {
			char mark = bit == 1 ? '*' : bit == 2 ? '_' : '~';
			bool show = !(style & bit) && n->first;
			if (show)
				buf_add_char(out, mark);
			if (depth < DOC_DEPTH_MAX)
				write_inlines(n->first, out, style | bit, depth + 1);
			if (show)
				buf_add_char(out, mark);
			break;
		}
		case DOC_CODE_SPAN: {
			bool mark = n->text_len > 0 && !memchr(n->text, '`', n->text_len);
			if (mark)
				buf_add_char(out, '`');
			slack_escape(out, n->text, n->text_len);
			if (mark)
				buf_add_char(out, '`');
			break;
		}
		case DOC_LINK:
			if (depth < DOC_DEPTH_MAX)
				write_link(n, out, style, depth);
			break;
		case DOC_BREAK:
		case DOC_SOFT_BREAK:
			buf_add_char(out, '\n');
			break;
		default:
			slack_escape(out, n->text ? n->text : "", n->text_len);
			break;
		}
	}
}

/* Code points, for aligning columns; close enough for the fallback that this is. */
static size_t cell_width(const char *s, size_t n)
{
	size_t w = 0;
	for (size_t i = 0; i < n; i++)
		w += ((unsigned char)s[i] & 0xc0) != 0x80;
	return w;
}

void slack_table_text(const struct doc_node *table, struct buf *out)
{
	size_t width[SLACK_TABLE_COLUMNS] = { 0 };
	struct buf cell = BUF_INIT;
	for (int pass = 0; pass < 2; pass++) {
		for (const struct doc_node *row = table->first; row; row = row->next) {
			size_t col = 0, pad = 0;
			for (const struct doc_node *c = row->first; c; c = c->next, col++) {
				buf_reset(&cell);
				slack_flatten(c, &cell);
				size_t w = cell_width(cell.p ? cell.p : "", cell.len),
				       k = col < SLACK_TABLE_COLUMNS ? col : SLACK_TABLE_COLUMNS - 1;
				if (pass == 0) {
					if (w <= TABLE_CELL_MAX && w > width[k])
						width[k] = w;
					continue;
				}
				if (col > 0)
					buf_addf(out, "%*s | ", (int)pad, "");
				buf_add(out, cell.p ? cell.p : "", cell.len);
				pad = w < width[k] ? width[k] - w : 0;
			}
			if (pass == 1 && row->next)
				buf_add_char(out, '\n');
			if (pass == 1 && row->header && row->next) {
				for (size_t k = 0; k < col && k < SLACK_TABLE_COLUMNS; k++) {
					if (k > 0)
						buf_add_str(out, "-+-");
					for (size_t i = 0; i < width[k]; i++)
						buf_add_char(out, '-');
				}
				buf_add_char(out, '\n');
			}
		}
	}
	buf_done(&cell);
}

static void write_code(const char *s, size_t n, struct buf *out)
{
	buf_add_str(out, "```\n");
	/* Three backticks inside would end it: a zero-width space goes between. */
	for (size_t i = 0; i < n;) {
		const char *q = memmem(s + i, n - i, "```", 3);
		size_t plain = q ? (size_t)(q - (s + i)) : n - i;
		slack_escape(out, s + i, plain);
		i += plain;
		if (q) {
			buf_add_str(out, "``" ZERO_WIDTH);
			i += 2;
		}
	}
	if (n == 0 || s[n - 1] != '\n')
		buf_add_char(out, '\n');
	buf_add_str(out, "```");
}

static void write_blocks(const struct doc_node *n, struct buf *out, int indent, bool tight, int depth);

static void write_indent(struct buf *out, int indent)
{
	for (int i = 0; i < indent; i++)
		buf_add_str(out, "    ");
}

static void write_list(const struct doc_node *list, struct buf *out, int indent, int depth)
{
	int number = list->level;
	for (const struct doc_node *item = list->first; item; item = item->next) {
		write_indent(out, indent);
		if (item->task)
			buf_add_str(out, item->task == 2 ? "\xe2\x98\x91 " : "\xe2\x98\x90 ");
		else if (list->ordered)
			buf_addf(out, "%d. ", number);
		else
			buf_add_str(out, "\xe2\x80\xa2 ");
		number = number < 999999999 ? number + 1 : number;
		const struct doc_node *c = item->first;
		if (c && c->type == DOC_PARAGRAPH) {
			write_inlines(c->first, out, 0, depth);
			c = c->next;
		}
		if (c) {
			buf_add_char(out, '\n');
			write_blocks(c, out, indent + 1, true, depth + 1);
		}
		if (item->next)
			buf_add_char(out, '\n');
	}
}

static void write_quote(const struct doc_node *quote, struct buf *out, int depth)
{
	struct buf in = BUF_INIT;
	write_blocks(quote->first, &in, 0, false, depth + 1);
	const char *p = in.p ? in.p : "", *end = p + in.len;
	for (;;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		buf_add_str(out, "> ");
		buf_add(out, p, (size_t)((nl ? nl : end) - p));
		if (!nl)
			break;
		buf_add_char(out, '\n');
		p = nl + 1;
	}
	buf_done(&in);
}

static void write_blocks(const struct doc_node *n, struct buf *out, int indent, bool tight, int depth)
{
	if (depth > DOC_DEPTH_MAX)
		return;
	for (; n; n = n->next) {
		struct buf table = BUF_INIT;
		switch (n->type) {
		case DOC_HEADING:
			write_indent(out, indent);
			if (n->first) {
				buf_add_char(out, '*');
				write_inlines(n->first, out, 1, depth);
				buf_add_char(out, '*');
			}
			break;
		case DOC_LIST:
			write_list(n, out, indent, depth + 1);
			break;
		case DOC_QUOTE:
			write_quote(n, out, depth);
			break;
		case DOC_CODE:
			write_code(n->text, n->text_len, out);
			break;
		case DOC_RULE:
			buf_add_str(out, "\xe2\x80\x94\xe2\x80\x94\xe2\x80\x94");
			break;
		case DOC_TABLE:
			slack_table_text(n, &table);
			write_code(table.p ? table.p : "", table.len, out);
			buf_done(&table);
			break;
		default:
			write_indent(out, indent);
			write_inlines(n->type == DOC_TEXT ? n : n->first, out, 0, depth);
			if (n->type == DOC_TEXT)
				return;
			break;
		}
		if (n->next)
			buf_add_str(out, tight ? "\n" : "\n\n");
	}
}

void slack_render_mrkdwn(const struct doc *d, struct buf *out)
{
	write_blocks(doc_root(d)->first, out, 0, false, 0);
}
