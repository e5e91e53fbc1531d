/*
 * The tree as canonical Markdown: a parse of what is written here gives the same tree again.  Inline content is first laid out as a
 * flat list of pieces (texts, opening and closing delimiters, code, links, breaks), because whether a delimiter works depends on
 * the characters beside it: md4c ranks each side as blank (0), punctuation (1) or other (2) and wants the inner side to rank at
 * least as high as the outer.  A character in the way is written as an entity, whose "&" and ";" are punctuation.  EMPH is "_"
 * where nothing but blanks and punctuation is beside it, "*" inside words; "*" never meets a "**", so runs are never ambiguous.
 */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "../base/mem.h"
#include "../base/utf8.h"
#include "doc_internal.h"

/* What stands at an edge, in md4c's ranking; of unassigned characters nobody knows what another Unicode version says. */
enum rank { BLANK, PUNCT, OTHER, UNKNOWN };

enum piece_kind { PIECE_TEXT, PIECE_OPEN, PIECE_CLOSE, PIECE_CODE, PIECE_AUTOLINK, PIECE_BREAK, PIECE_SOFT };
struct piece {
	enum piece_kind kind;
	const struct doc_node *node;
	char star;      /* OPEN and CLOSE of EMPH: '_' or '*' */
	size_t partner; /* OPEN: index of its CLOSE and back */
	enum rank left, right;
	bool left_entity, right_entity;
};

struct pieces {
	struct piece *p;
	size_t n, cap;
};

static enum rank rank_of(uint32_t cp)
{
	if (cp < 0x80) {
		bool word = (cp >= '0' && cp <= '9') || (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z');
		return word ? OTHER : cp <= ' ' ? BLANK : PUNCT;
	}
	switch (utf8proc_category((utf8proc_int32_t)cp)) {
	case UTF8PROC_CATEGORY_PC:
	case UTF8PROC_CATEGORY_PD:
	case UTF8PROC_CATEGORY_PS:
	case UTF8PROC_CATEGORY_PE:
	case UTF8PROC_CATEGORY_PI:
	case UTF8PROC_CATEGORY_PF:
	case UTF8PROC_CATEGORY_PO:
		return PUNCT;
	case UTF8PROC_CATEGORY_ZS:
		return BLANK;
	case UTF8PROC_CATEGORY_ZL:
	case UTF8PROC_CATEGORY_ZP:
	case UTF8PROC_CATEGORY_CN:
	case UTF8PROC_CATEGORY_CO:
	case UTF8PROC_CATEGORY_CC:
	case UTF8PROC_CATEGORY_CS:
		return UNKNOWN;
	default:
		return OTHER;
	}
}

static uint32_t first_cp(const char *s, size_t n)
{
	uint32_t cp = 0xfffd;
	if (n)
		utf8_decode(s, n, &cp);
	return cp;
}

static uint32_t last_cp(const char *s, size_t n)
{
	size_t i = n;
	while (i > 0 && ((unsigned char)s[--i] & 0xc0) == 0x80)
		;
	return first_cp(s + i, n - i);
}

static struct piece *add_piece(struct pieces *ps, enum piece_kind kind, const struct doc_node *node)
{
	if (ps->n == ps->cap) {
		ps->cap = ps->cap ? ps->cap * 2 : 16;
		ps->p = xrealloc(ps->p, ps->cap * sizeof *ps->p);
	}
	ps->p[ps->n] = (struct piece){ .kind = kind, .node = node, .left = PUNCT, .right = PUNCT };
	return &ps->p[ps->n++];
}

static bool email_label(const char *s, size_t n)
{
	if (n == 0 || n > 63 || s[0] == '-' || s[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (rank_of((unsigned char)s[i]) != OTHER && s[i] != '-')
			return false;
	}
	return true;
}

static bool is_email(const char *s, size_t n)
{
	const char *at = memchr(s, '@', n), *end = s + n;
	if (!at || at == s)
		return false;
	for (const char *c = s; c < at; c++) {
		if (rank_of((unsigned char)*c) != OTHER && !strchr("._+-", *c))
			return false;
	}
	for (const char *label = at + 1;;) {
		const char *dot = memchr(label, '.', (size_t)(end - label));
		if (!email_label(label, (size_t)((dot ? dot : end) - label)))
			return false;
		if (!dot)
			return true;
		label = dot + 1;
	}
}

/* A link that shows its own target: "<https://…>" is enough. */
static bool is_autolink(const struct doc_node *link)
{
	const struct doc_node *t = link->first;
	if (!t || t->next || t->type != DOC_TEXT || !link->href)
		return false;
	if (strncmp(link->href, "mailto:", 7) == 0)
		return t->text_len + 7 == link->href_len && memcmp(t->text, link->href + 7, t->text_len) == 0 &&
		    is_email(t->text, t->text_len);
	return t->text_len == link->href_len && memcmp(t->text, link->href, t->text_len) == 0;
}

static void flatten(struct pieces *ps, const struct doc_node *parent)
{
	for (const struct doc_node *c = parent->first; c; c = c->next) {
		struct piece *p;
		size_t open;
		switch (c->type) {
		case DOC_TEXT:
			p = add_piece(ps, PIECE_TEXT, c);
			p->left = rank_of(first_cp(c->text, c->text_len));
			p->right = rank_of(last_cp(c->text, c->text_len));
			break;
		case DOC_CODE_SPAN:
			add_piece(ps, PIECE_CODE, c);
			break;
		case DOC_BREAK:
			p = add_piece(ps, PIECE_BREAK, c);
			p->right = BLANK;
			break;
		case DOC_SOFT_BREAK:
			p = add_piece(ps, PIECE_SOFT, c);
			p->left = p->right = BLANK;
			break;
		case DOC_LINK:
			if (is_autolink(c)) {
				add_piece(ps, PIECE_AUTOLINK, c);
				break;
			}
			if (!c->href) {
				flatten(ps, c);
				break;
			}
			__attribute__((fallthrough));
		default:
			open = ps->n;
			add_piece(ps, PIECE_OPEN, c)->star = '*';
			flatten(ps, c);
			p = add_piece(ps, PIECE_CLOSE, c);
			p->star = '*';
			p->partner = open;
			ps->p[open].partner = ps->n - 1;
			break;
		}
	}
}

static bool is_delimiter(const struct piece *p)
{
	return (p->kind == PIECE_OPEN || p->kind == PIECE_CLOSE) && p->node->type != DOC_LINK;
}

static enum rank left_of(const struct pieces *ps, size_t i)
{
	return i ? ps->p[i - 1].right : BLANK;
}

static enum rank right_of(const struct pieces *ps, size_t i)
{
	return i + 1 < ps->n ? ps->p[i + 1].left : BLANK;
}

static bool holds(const struct doc_node *n, enum doc_type type)
{
	for (const struct doc_node *c = n->first; c; c = c->next) {
		if (c->type == type || holds(c, type))
			return true;
	}
	return false;
}

static bool strong_at(const struct pieces *ps, size_t i)
{
	return i < ps->n && is_delimiter(&ps->p[i]) && ps->p[i].node->type == DOC_STRONG;
}

/* May the EMPH that opens at ${i} be written with "*"? */
static bool star_works(const struct pieces *ps, size_t i)
{
	const struct doc_node *n = ps->p[i].node;
	size_t j = ps->p[i].partner;
	if (holds(n, DOC_STRONG) || strong_at(ps, i - 1) || strong_at(ps, j + 1))
		return false;
	for (const struct doc_node *a = n->parent; a; a = a->parent) {
		if (a->type == DOC_STRONG)
			return false;
	}
	return true;
}

static void choose_delimiters(struct pieces *ps)
{
	for (size_t i = 0; i < ps->n; i++) {
		struct piece *p = &ps->p[i];
		if (p->kind != PIECE_OPEN || p->node->type != DOC_EMPH)
			continue;
		bool free_standing = left_of(ps, i) <= PUNCT && right_of(ps, p->partner) <= PUNCT;
		p->star = free_standing || !star_works(ps, i) ? '_' : '*';
		ps->p[p->partner].star = p->star;
	}
}

/* Write the character at the edge of the text at ${i} as an entity; true if that is new. */
static bool spell_out(struct pieces *ps, size_t i, bool left)
{
	if (i >= ps->n || ps->p[i].kind != PIECE_TEXT)
		return false;
	struct piece *p = &ps->p[i];
	bool *entity = left ? &p->left_entity : &p->right_entity;
	if (*entity)
		return false;
	*entity = true;
	*(left ? &p->left : &p->right) = PUNCT;
	/* One character alone is both edges. */
	uint32_t cp;
	if (utf8_decode(p->node->text, p->node->text_len, &cp) == p->node->text_len) {
		p->left_entity = p->right_entity = true;
		p->left = p->right = PUNCT;
	}
	return true;
}

static void make_delimiters_work(struct pieces *ps)
{
	for (bool again = true; again;) {
		again = false;
		for (size_t i = 0; i < ps->n; i++) {
			const struct piece *p = &ps->p[i];
			if (!is_delimiter(p))
				continue;
			bool open = p->kind == PIECE_OPEN;
			size_t inner = open ? i + 1 : i - 1, outer = open ? i - 1 : i + 1;
			enum rank in = open ? right_of(ps, i) : left_of(ps, i), out = open ? left_of(ps, i) : right_of(ps, i);
			if (in == BLANK || in == UNKNOWN) {
				again = spell_out(ps, inner, open) || again;
				in = PUNCT;
			}
			bool strike = p->node->type == DOC_STRIKE, underscore = p->node->type == DOC_EMPH && p->star == '_';
			if (out >= OTHER && !strike && (underscore || in == PUNCT))
				again = spell_out(ps, outer, !open) || again;
		}
	}
}

/* ---- writing ---- */

struct line_state {
	struct buf *out;
	bool line_start; /* nothing of this line is written yet */
	bool cell, heading;
};

static void add_numeric(struct buf *out, uint32_t cp)
{
	buf_addf(out, "&#%u;", cp);
}

static bool looks_like_entity(const char *s, size_t n)
{
	size_t i = 1;
	if (i < n && s[i] == '#')
		i++;
	size_t from = i;
	while (i < n && i < from + 48 && rank_of((unsigned char)s[i]) == OTHER)
		i++;
	return i > from && i < n && s[i] == ';';
}

/* Would the character at ${i}, first in its line, begin a block? */
static bool begins_block(const char *s, size_t n, size_t i)
{
	char next = i + 1 < n ? s[i + 1] : '\0';
	switch (s[i]) {
	case '-':
	case '+':
	case '#':
		return rank_of((unsigned char)next) != OTHER || next == '\0';
	case ':':
		return next == '-' || next == '\0' || next == '|' || next == ':' || next == ' ';
	case '>':
	case '=':
	case '|':
		return true;
	default:
		return false;
	}
}

static bool word_char(char c)
{
	return rank_of((unsigned char)c) == OTHER && (unsigned char)c < 0x80;
}

static bool needs_backslash(const struct line_state *w, const char *s, size_t n, size_t i, bool last_in_block)
{
	char next = i + 1 < n ? s[i + 1] : '\0', prev = i ? s[i - 1] : '\0';
	switch (s[i]) {
	case '\\':
	case '`':
	case '*':
	case '[':
	case ']':
	case '<':
	case '~':
		return true;
	case '_':
		return !(word_char(prev) && word_char(next));
	case '&':
		return looks_like_entity(s + i, n - i);
	case '!':
		return next == '\0';
	case '|':
		return w->cell || w->line_start;
	case '#':
		return w->line_start ? begins_block(s, n, i) : w->heading && (last_in_block || next == '#' || next == ' ' || !next);
	case ':':
		return (next == '/' && i + 2 < n && s[i + 2] == '/') || (w->line_start && begins_block(s, n, i));
	case '@':
		return word_char(prev) || (prev && strchr("._+-", prev));
	case '.':
		return i >= 3 && strncasecmp(s + i - 3, "www", 3) == 0;
	default:
		return w->line_start && begins_block(s, n, i);
	}
}

static void write_text(struct line_state *w, const struct piece *p, bool line_ends)
{
	const char *s = p->node->text;
	size_t n = p->node->text_len;
	for (size_t i = 0; i < n;) {
		uint32_t cp = 0xfffd;
		size_t k = utf8_decode(s + i, n - i, &cp);
		k = k ? k : 1;
		bool last = i + k == n;
		/* "1." and "1)" at the start of a line */
		if (w->line_start && cp >= '0' && cp <= '9') {
			size_t digits = strspn(s + i, "0123456789");
			if (digits > n - i)
				digits = n - i;
			bool entity = p->left_entity && i == 0;
			if (!entity && i + digits < n && digits <= 9 && (s[i + digits] == '.' || s[i + digits] == ')') &&
			    !(i + digits + 1 < n && s[i + digits + 1] != ' ' && s[i + digits + 1] != '\t')) {
				buf_add(w->out, s + i, digits);
				buf_add_char(w->out, '\\');
				buf_add_char(w->out, s[i + digits]);
				w->line_start = false;
				i += digits + 1;
				continue;
			}
		}
		bool blank = cp == ' ' || cp == '\t';
		if (cp == '\n' || cp == '\r') {
			/* Only in text past the limits: a line end is a hard break there. */
			bool edge = w->line_start || last || w->cell || w->heading;
			buf_add_str(w->out, edge ? " " : "\\\n");
			w->line_start = w->line_start || !edge;
			i += k;
			continue;
		}
		if (cp == '\t' || (blank && (w->line_start || (last && line_ends))) || (i == 0 && p->left_entity) ||
		    (last && p->right_entity)) {
			add_numeric(w->out, cp);
		} else {
			if (needs_backslash(w, s, n, i, last && line_ends))
				buf_add_char(w->out, '\\');
			buf_add(w->out, s + i, k);
		}
		w->line_start = false;
		i += k;
	}
}

static size_t longest_run(const char *s, size_t n, char c)
{
	size_t best = 0, run = 0;
	for (size_t i = 0; i < n; i++) {
		run = s[i] == c ? run + 1 : 0;
		best = run > best ? run : best;
	}
	return best;
}

/* A fence must be a run of backticks whose length does not occur inside. */
static size_t span_fence(const char *s, size_t n)
{
	for (size_t len = 1;; len++) {
		bool used = false;
		for (size_t i = 0; i < n && !used;) {
			size_t run = 0;
			while (i + run < n && s[i + run] == '`')
				run++;
			used = run == len;
			i += run ? run : 1;
		}
		if (!used)
			return len;
	}
}

static void add_repeated(struct buf *out, char c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_add_char(out, c);
}

static void write_code_span(struct line_state *w, const struct doc_node *node)
{
	const char *s = node->text;
	size_t n = node->text_len, fence = span_fence(s, n);
	bool blanks = strspn(s, " ") >= n;
	bool pad = s[0] == '`' || s[n - 1] == '`' || (!blanks && s[0] == ' ' && s[n - 1] == ' ');
	add_repeated(w->out, '`', fence);
	if (pad)
		buf_add_char(w->out, ' ');
	buf_add(w->out, s, n);
	if (pad)
		buf_add_char(w->out, ' ');
	add_repeated(w->out, '`', fence);
}

/*
 * md4c also looks for bare addresses inside a target, and one that runs on behind the ")" swallows the delimiters there.  So a
 * target is in angle brackets unless a blank, or nothing but closing delimiters before a blank, follows the link.
 */
static bool target_is_safe(const struct pieces *ps, size_t i)
{
	const struct doc_node *link = ps->p[i].node;
	for (size_t k = 0; k < link->href_len; k++) {
		if (strchr("()~[]", link->href[k]))
			return false;
	}
	bool closed = false;
	for (i++; i < ps->n; i++) {
		const struct piece *p = &ps->p[i];
		if (p->kind == PIECE_BREAK || p->kind == PIECE_SOFT)
			return true;
		if (p->kind == PIECE_CLOSE && is_delimiter(p))
			closed = true;
		else if (p->kind != PIECE_TEXT)
			return false;
		else if (p->node->text[0] == ' ')
			return true;
		else if (closed)
			return false;
		else if (memchr(p->node->text, ' ', p->node->text_len))
			return true;
	}
	return true;
}

static void write_target(struct buf *out, const struct doc_node *link, bool plain)
{
	buf_add_str(out, plain ? "](" : "](<");
	for (size_t i = 0; i < link->href_len; i++) {
		if (link->href[i] == '&' && looks_like_entity(link->href + i, link->href_len - i))
			buf_add_str(out, "&amp;");
		else
			buf_add_char(out, link->href[i]);
	}
	buf_add_str(out, plain ? ")" : ">)");
}

static void write_delimiter(struct buf *out, const struct pieces *ps, size_t i)
{
	const struct piece *p = &ps->p[i];
	switch (p->node->type) {
	case DOC_STRONG:
		buf_add_str(out, "**");
		break;
	case DOC_STRIKE:
		buf_add_str(out, "~~");
		break;
	case DOC_EMPH:
		buf_add_char(out, p->star);
		break;
	default:
		if (p->kind == PIECE_OPEN)
			buf_add_char(out, '[');
		else
			write_target(out, p->node, target_is_safe(ps, i));
		break;
	}
}

/* The inline content of ${block}; line ends in it are plain "\n". */
static void write_inline(const struct doc_node *block, struct buf *out)
{
	struct pieces ps = { 0 };
	flatten(&ps, block);
	choose_delimiters(&ps);
	make_delimiters_work(&ps);
	struct line_state w = { out, true, block->type == DOC_CELL, block->type == DOC_HEADING };
	for (size_t i = 0; i < ps.n; i++) {
		const struct piece *p = &ps.p[i];
		bool last = i + 1 == ps.n;
		switch (p->kind) {
		case PIECE_TEXT:
			write_text(&w, p, last || ps.p[i + 1].kind == PIECE_SOFT || ps.p[i + 1].kind == PIECE_BREAK);
			break;
		case PIECE_CODE:
			write_code_span(&w, p->node);
			break;
		case PIECE_AUTOLINK:
			buf_add_char(out, '<');
			buf_add(out, p->node->first->text, p->node->first->text_len);
			buf_add_char(out, '>');
			break;
		case PIECE_BREAK:
			buf_add_str(out, "\\\n");
			break;
		case PIECE_SOFT:
			buf_add_char(out, '\n');
			break;
		case PIECE_OPEN:
		case PIECE_CLOSE:
			write_delimiter(out, &ps, i);
			break;
		}
		w.line_start = p->kind == PIECE_BREAK || p->kind == PIECE_SOFT;
	}
	free(ps.p);
}

/* ---- blocks ---- */

struct block_state {
	struct buf *out;
	struct buf prefix; /* of every line but the first */
	struct buf inline_text;
	size_t items; /* open items */
};

static void drop_trailing_blanks(struct buf *out)
{
	while (out->len && out->p[out->len - 1] == ' ')
		buf_truncate(out, out->len - 1);
}

static void new_line(struct block_state *w)
{
	buf_add_char(w->out, '\n');
	buf_add(w->out, w->prefix.p, w->prefix.len);
}

static void blank_line(struct block_state *w)
{
	new_line(w);
	drop_trailing_blanks(w->out);
}

/* Text of several lines, each but the first behind the prefix. */
static void add_lines(struct block_state *w, const char *s, size_t n)
{
	for (;;) {
		const char *end = memchr(s, '\n', n);
		size_t len = end ? (size_t)(end - s) : n;
		buf_add(w->out, s, len);
		if (!end)
			return;
		if (n > len + 1 && s[len + 1] == '\n')
			blank_line(w);
		else
			new_line(w);
		s += len + 1;
		n -= len + 1;
	}
}

static void add_inline(struct block_state *w, const struct doc_node *block)
{
	buf_reset(&w->inline_text);
	write_inline(block, &w->inline_text);
	add_lines(w, w->inline_text.p, w->inline_text.len);
}

static void write_code(struct block_state *w, const struct doc_node *n)
{
	size_t fence = longest_run(n->text, n->text_len, '`') + 1;
	if (fence < 3)
		fence = 3;
	add_repeated(w->out, '`', fence);
	buf_add(w->out, n->info, n->info_len);
	if (n->text_len) {
		if (n->text[0] == '\n')
			blank_line(w);
		else
			new_line(w);
		add_lines(w, n->text, n->text_len);
	}
	new_line(w);
	add_repeated(w->out, '`', fence);
}

static void write_row(struct block_state *w, const struct doc_node *row)
{
	buf_add_char(w->out, '|');
	for (const struct doc_node *c = row->first; c; c = c->next) {
		buf_add_char(w->out, ' ');
		add_inline(w, c);
		buf_add_str(w->out, c->first ? " |" : "|");
	}
}

static void write_table(struct block_state *w, const struct doc_node *table)
{
	static const char *const dashes[] = { " --- |", " :-- |", " :-: |", " --: |" };
	for (const struct doc_node *row = table->first; row; row = row->next) {
		if (row != table->first)
			new_line(w);
		write_row(w, row);
		if (row != table->first)
			continue;
		new_line(w);
		buf_add_char(w->out, '|');
		for (const struct doc_node *c = row->first; c; c = c->next)
			buf_add_str(w->out, dashes[c->align & 3]);
	}
}

static void write_node(struct block_state *w, const struct doc_node *n);

static void write_children(struct block_state *w, const struct doc_node *n, bool blank_between)
{
	for (const struct doc_node *c = n->first; c; c = c->next) {
		if (c != n->first) {
			if (blank_between)
				blank_line(w);
			new_line(w);
		}
		write_node(w, c);
	}
}

/*
 * Lists beside each other take turns with their markers, or they would be one; so does a list that begins on the line of the item
 * around it, or "- - -" would be a rule.
 */
static bool other_marker(const struct doc_node *list)
{
	bool other = false;
	const struct doc_node *p = list;
	while (p->prev && p->prev->type == DOC_LIST && p->prev->ordered == list->ordered) {
		other = !other;
		p = p->prev;
	}
	bool nested = !p->prev && p->parent && p->parent->type == DOC_ITEM && p->parent->parent->ordered == list->ordered;
	return nested ? other == other_marker(p->parent->parent) : other;
}

static void write_list(struct block_state *w, const struct doc_node *list)
{
	static const char *const tasks[] = { "", "[ ] ", "[x] " };
	bool other = other_marker(list);
	long number = list->level;
	for (const struct doc_node *item = list->first; item; item = item->next, number++) {
		if (item != list->first) {
			if (!list->tight)
				blank_line(w);
			new_line(w);
		}
		size_t from = w->out->len, prefix = w->prefix.len;
		if (list->ordered)
			buf_addf(w->out, "%ld%c ", number > 999999999 ? 999999999 : number, other ? ')' : '.');
		else
			buf_add_str(w->out, other ? "* " : "- ");
		add_repeated(&w->prefix, ' ', w->out->len - from);
		buf_add_str(w->out, tasks[item->task]);
		/* md4c closes a list at the blank line behind "- # heading" in its first item, but not with the heading one line down. */
		if (item == list->first && !list->ordered && !list->tight && item->first && item->first->type == DOC_HEADING) {
			drop_trailing_blanks(w->out);
			new_line(w);
		}
		w->items++;
		write_children(w, item, !list->tight);
		w->items--;
		if (!item->first)
			drop_trailing_blanks(w->out);
		buf_truncate(&w->prefix, prefix);
	}
}

static void write_node(struct block_state *w, const struct doc_node *n)
{
	size_t prefix = w->prefix.len;
	switch (n->type) {
	case DOC_ROOT:
		write_children(w, n, true);
		break;
	case DOC_HEADING:
		add_repeated(w->out, '#', (size_t)n->level);
		buf_add_char(w->out, ' ');
		add_inline(w, n);
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
		write_code(w, n);
		break;
	case DOC_RULE:
		/* "- ---" would be one rule, and "---" under a tight text a heading. */
		buf_add_str(w->out, w->items ? "___" : "---");
		break;
	case DOC_TABLE:
		write_table(w, n);
		break;
	case DOC_ROW:
		write_row(w, n);
		break;
	default:
		add_inline(w, n);
		break;
	}
}

void doc_write_block(const struct doc_node *block, struct buf *out)
{
	struct block_state w = { .out = out };
	buf_reset(&w.prefix);
	write_node(&w, block);
	buf_done(&w.prefix);
	buf_done(&w.inline_text);
}

void doc_write_markdown(const struct doc *d, struct buf *out)
{
	buf_reserve(out, 0);
	if (!d->root->first)
		return;
	doc_write_block(d->root, out);
	buf_add_char(out, '\n');
}
