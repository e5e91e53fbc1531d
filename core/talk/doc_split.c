/*
 * One walk over the tree fills part after part.  Leaf blocks (paragraph, heading, code, table, rule) are weighed as they would be
 * written, plus the prefix of the quotes and items around them on each line; containers are opened in a part when something first
 * goes into them, and again in the next part.  A leaf that does not fit is tried in a fresh part; one that fits in no part is cut by
 * its kind: code by lines, tables by rows under the repeated header, text by tokens.
 *
 * A token is a word with the blanks behind it, a link, a code span or a break, and its cost is never below what it takes when
 * written, so no piece needs to be weighed again.  What would be too large for any part is made into smaller tokens at once.
 */
#include "doc_split.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "../base/mem.h"
#include "../base/utf8.h"
#include "doc_internal.h"

#define STYLE_COST 40 /* delimiters of all three styles, opened and closed, and entities at their edges */

struct splitter {
	struct doc **parts;
	size_t count;
	size_t limit, used;                             /* of the part that is being filled */
	const struct doc_node *path[DOC_DEPTH_MAX + 1]; /* containers around what is being added, root first */
	struct doc_node *open[DOC_DEPTH_MAX + 1];       /* their copies in this part, as far as ${opened} */
	int number[DOC_DEPTH_MAX + 1];                  /* of the item at that level, where its list is numbered */
	size_t depth, opened;
	bool empty; /* nothing in the part yet */
};

static size_t count_lines(const char *s, size_t n)
{
	size_t lines = 1;
	for (const char *p = s; (p = memchr(p, '\n', (size_t)(s + n - p))); p++)
		lines++;
	return lines;
}

static size_t marker_width(const struct doc_node *list, int number)
{
	size_t width = list->ordered ? 3 : 2;
	for (; list->ordered && number > 9; number /= 10)
		width++;
	return width;
}

/* What stands before each line at the place where blocks are added now. */
static size_t prefix_units(const struct splitter *s)
{
	size_t units = 0;
	for (size_t i = 0; i < s->depth; i++) {
		if (s->path[i]->type == DOC_QUOTE)
			units += 2;
		else if (s->path[i]->type == DOC_ITEM)
			units += marker_width(s->path[i]->parent, s->number[i]);
	}
	return units;
}

/* What a block of that many units and lines takes here: prefixes, line ends, a blank line before it, a task's mark. */
static size_t in_place(const struct splitter *s, size_t units, size_t lines)
{
	return units + (lines + 2) * (prefix_units(s) + 1) + 4;
}

static size_t units_of_block(const struct doc_node *block, size_t *lines)
{
	struct buf b = BUF_INIT;
	buf_reset(&b);
	doc_write_block(block, &b);
	size_t units = utf8_utf16_len(b.p, b.len);
	*lines = count_lines(b.p, b.len);
	buf_done(&b);
	return units;
}

static size_t weigh(const struct splitter *s, const struct doc_node *block)
{
	size_t lines, units = units_of_block(block, &lines);
	return in_place(s, units, lines);
}

static void new_part(struct splitter *s)
{
	s->parts = xrealloc(s->parts, (s->count + 1) * sizeof(struct doc *));
	s->parts[s->count++] = doc_new(2048);
	s->used = 0;
	s->opened = 0;
	s->empty = true;
}

static struct doc *part(const struct splitter *s)
{
	return s->parts[s->count - 1];
}

static void finish_part(struct splitter *s)
{
	if (!s->empty)
		new_part(s);
}

static size_t room(const struct splitter *s)
{
	return s->limit > s->used ? s->limit - s->used : 0;
}

static void took(struct splitter *s, size_t units)
{
	s->used += units;
	s->empty = false;
}

/* The container that the next block goes into, opened in this part as deep as needed. */
static struct doc_node *container(struct splitter *s)
{
	for (; s->opened < s->depth; s->opened++) {
		size_t i = s->opened;
		if (i == 0) {
			s->open[0] = part(s)->root;
			continue;
		}
		s->open[i] = doc_add_copy(part(s), s->open[i - 1], s->path[i]);
		if (s->path[i]->type == DOC_LIST && s->path[i]->ordered && i + 1 < s->depth)
			s->open[i]->level = s->number[i + 1];
	}
	return s->open[s->depth - 1];
}

static void enter(struct splitter *s, const struct doc_node *n, int number)
{
	s->path[s->depth] = n;
	s->number[s->depth] = number;
	s->depth++;
}

static void leave(struct splitter *s)
{
	s->depth--;
	if (s->opened > s->depth)
		s->opened = s->depth;
}

/* How much of ${n} bytes costs at most ${most}; ends between what a reader sees as characters if one fits, else code points. */
static size_t clip(const char *s, size_t n, size_t most, size_t (*cost)(uint32_t))
{
	size_t used = 0, i = 0, good = 0;
	utf8proc_int32_t state = 0;
	uint32_t before = 0;
	while (i < n) {
		uint32_t cp = 0xfffd;
		size_t k = utf8_decode(s + i, n - i, &cp);
		if (i && utf8proc_grapheme_break_stateful((utf8proc_int32_t)before, (utf8proc_int32_t)cp, &state))
			good = i;
		used += cost(cp);
		if (used > most && i)
			return good ? good : i;
		before = cp;
		i += k ? k : 1;
	}
	return n;
}

static size_t plain_cost(uint32_t cp)
{
	return cp >= 0x10000 ? 2 : 1;
}

/* The most that a character can take in a text: a backslash, or an entity. */
static size_t text_cost(uint32_t cp)
{
	if (cp < 0x80)
		return cp == '\t' || cp == '\n' ? 4 : strchr("\\`*_[]<>~&!|#:@.+-=)", (int)cp) ? 2 : 1;
	return plain_cost(cp);
}

static size_t cost_of_text(const char *s, size_t n)
{
	size_t cost = 0;
	for (size_t i = 0; i < n;) {
		uint32_t cp = 0xfffd;
		size_t k = utf8_decode(s + i, n - i, &cp);
		cost += text_cost(cp);
		i += k ? k : 1;
	}
	return cost;
}

/* ---- text, by tokens ---- */

struct token {
	const struct doc_node *leaf; /* TEXT, CODE_SPAN, a break, or a whole LINK */
	enum doc_type type;
	const char *s;
	size_t n, cost;
	bool unlinked; /* out of a link that fits nowhere: that link is left out of its spans */
};

struct tokens {
	struct token *t;
	size_t n, cap;
};

static void add_token(struct tokens *ts, struct token t)
{
	if (ts->n == ts->cap) {
		ts->cap = ts->cap ? ts->cap * 2 : 64;
		ts->t = xrealloc(ts->t, ts->cap * sizeof *ts->t);
	}
	ts->t[ts->n++] = t;
}

static void add_words(struct tokens *ts, const struct doc_node *leaf, const char *s, size_t n, size_t most, bool unlinked)
{
	while (n) {
		size_t word = 0;
		while (word < n && s[word] != ' ' && s[word] != '\n')
			word++;
		while (word < n && (s[word] == ' ' || s[word] == '\n'))
			word++;
		size_t k = clip(s, word, most, text_cost);
		add_token(ts, (struct token){ leaf, DOC_TEXT, s, k, cost_of_text(s, k), unlinked });
		s += k;
		n -= k;
	}
}

static void tokenise(struct tokens *ts, const struct doc_node *parent, size_t most, bool unlinked)
{
	for (const struct doc_node *c = parent->first; c; c = c->next) {
		size_t units, lines;
		switch (c->type) {
		case DOC_TEXT:
			add_words(ts, c, c->text, c->text_len, most, unlinked);
			break;
		case DOC_CODE_SPAN:
			for (size_t i = 0; i < c->text_len;) {
				/* the fence around what is cut cannot be longer than the text plus two, nor than its backticks */
				size_t ticks = 0;
				for (size_t k = 0; k < c->text_len; k++)
					ticks += c->text[k] == '`';
				size_t fence = 2 * (ticks < 20 ? ticks + 2 : 20) + 2;
				size_t n = clip(c->text + i, c->text_len - i, most > fence + 8 ? most - fence : 8, plain_cost);
				size_t cost = utf8_utf16_len(c->text + i, n) + fence;
				add_token(ts, (struct token){ c, DOC_CODE_SPAN, c->text + i, n, cost, unlinked });
				i += n;
			}
			break;
		case DOC_BREAK:
		case DOC_SOFT_BREAK:
			add_token(ts, (struct token){ .leaf = c, .type = c->type, .cost = 2, .unlinked = unlinked });
			break;
		case DOC_LINK: {
			struct doc_node only = { .type = DOC_PARAGRAPH };
			struct doc *scratch = doc_new(c->href_len + 256);
			struct doc_node *p = doc_add_copy(scratch, scratch->root, &only);
			doc_add_tree(scratch, p, c);
			units = units_of_block(p, &lines) + 2 * lines + 4;
			doc_free(scratch);
			if (units <= most && lines == 1) {
				add_token(ts, (struct token){ .leaf = c, .type = DOC_LINK, .cost = units, .unlinked = unlinked });
				break;
			}
			tokenise(ts, c, most, true);
			add_words(ts, c, " (", 2, most, false);
			add_words(ts, c, c->href, c->href_len, most, false);
			add_words(ts, c, ")", 1, most, false);
			break;
		}
		default:
			tokenise(ts, c, most, unlinked);
			break;
		}
	}
}

/* The copies of the spans around the last token, so that the next one goes on in them. */
struct chain {
	const struct doc_node *from[DOC_DEPTH_MAX + 1];
	struct doc_node *to[DOC_DEPTH_MAX + 1];
	size_t n;
};

static struct doc_node *span_of(
    struct doc *d, struct chain *c, struct doc_node *out, const struct token *t, const struct doc_node *block)
{
	const struct doc_node *around[DOC_DEPTH_MAX + 1];
	size_t n = 0, same = 0;
	for (const struct doc_node *a = t->leaf->parent; a != block && n < DOC_DEPTH_MAX; a = a->parent) {
		if (a->type != DOC_LINK)
			around[n++] = a;
	}
	while (same < n && same < c->n && c->from[same] == around[n - 1 - same])
		same++;
	for (c->n = same; c->n < n; c->n++) {
		c->from[c->n] = around[n - 1 - c->n];
		c->to[c->n] = doc_add_copy(d, c->n ? c->to[c->n - 1] : out, c->from[c->n]);
	}
	return n ? c->to[n - 1] : out;
}

static void add_to_piece(struct doc *d, struct doc_node *span, const struct token *t)
{
	if (t->type == DOC_LINK) {
		doc_add_tree(d, span, t->leaf);
		return;
	}
	struct doc_node *last = span->last;
	if (t->type == DOC_TEXT && last && last->type == DOC_TEXT && last->text + last->text_len == t->s) {
		last->text_len += t->n; /* still the source's own bytes: own_texts() copies them */
		return;
	}
	if (t->type == DOC_TEXT && last && last->type == DOC_TEXT) {
		char *joined = doc_alloc(d, last->text_len + t->n);
		memcpy(joined, last->text, last->text_len);
		memcpy(joined + last->text_len, t->s, t->n);
		last->text = joined;
		last->text_len += t->n;
		return;
	}
	struct doc_node *n = doc_add(d, span, t->type);
	n->text = t->s;
	n->text_len = t->n;
}

static void own_texts(struct doc *d, struct doc_node *n)
{
	for (struct doc_node *c = n->first; c; c = c->next) {
		if (c->type != DOC_LINK && c->text)
			c->text = doc_copy(d, c->text, c->text_len);
		own_texts(d, c);
	}
}

static bool is_blank(const struct token *t)
{
	if (t->type == DOC_BREAK || t->type == DOC_SOFT_BREAK)
		return true;
	for (size_t i = 0; i < t->n; i++) {
		if (t->s[i] != ' ' && t->s[i] != '\n')
			return false;
	}
	return t->type == DOC_TEXT;
}

/* A paragraph or heading made of the tokens; blanks and breaks at its ends are left out, the end of the piece stands for them. */
static void add_piece(struct splitter *s, const struct doc_node *block, struct token *t, size_t n)
{
	while (n && is_blank(t)) {
		t++;
		n--;
	}
	while (n && is_blank(&t[n - 1]))
		n--;
	if (!n)
		return;
	struct token *last = &t[n - 1];
	while (last->type == DOC_TEXT && (last->s[last->n - 1] == ' ' || last->s[last->n - 1] == '\n'))
		last->n--;
	struct doc *d = part(s);
	struct doc_node *out = doc_add(d, container(s), block->type == DOC_HEADING ? DOC_HEADING : DOC_PARAGRAPH);
	out->level = block->level;
	struct chain chain = { .n = 0 };
	for (size_t i = 0; i < n; i++)
		add_to_piece(d, span_of(d, &chain, out, &t[i], block), &t[i]);
	own_texts(d, out);
}

static void split_inline(struct splitter *s, const struct doc_node *block)
{
	struct tokens ts = { 0 };
	size_t prefix = prefix_units(s), fixed = in_place(s, 8 + STYLE_COST, 1), most = s->limit - fixed - STYLE_COST;
	tokenise(&ts, block, most, false);
	for (size_t i = 0; i < ts.n;) {
		if (!s->empty && room(s) < fixed + (s->limit - fixed) / 4)
			finish_part(s);
		size_t sum = fixed, n = 0;
		for (; i + n < ts.n; n++) {
			const struct token *t = &ts.t[i + n], *before = n ? t - 1 : NULL;
			size_t cost = t->cost;
			if (before && (before->leaf->parent != t->leaf->parent || before->type != t->type || t->type != DOC_TEXT))
				cost += STYLE_COST;
			if (t->type == DOC_BREAK || t->type == DOC_SOFT_BREAK || (t->type == DOC_TEXT && memchr(t->s, '\n', t->n)))
				cost += 2 * (prefix + 4);
			if (sum + cost > room(s))
				break;
			sum += cost;
		}
		if (!n && !s->empty) {
			finish_part(s);
			continue;
		}
		n = n ? n : 1;
		add_piece(s, block, ts.t + i, n);
		took(s, sum);
		i += n;
		if (i < ts.n)
			finish_part(s);
	}
	free(ts.t);
}

/* ---- code, by lines ---- */

static size_t longest_run(const char *s, size_t n)
{
	size_t best = 0, run = 0;
	for (size_t i = 0; i < n; i++) {
		run = s[i] == '`' ? run + 1 : 0;
		best = run > best ? run : best;
	}
	return best;
}

static void split_code(struct splitter *s, const struct doc_node *code)
{
	size_t ticks = longest_run(code->text, code->text_len) + 3;
	if (ticks > s->limit / 8)
		ticks = s->limit / 8; /* a longer run is cut apart below, and its fence with it */
	size_t prefix = prefix_units(s), fixed = in_place(s, 2 * ticks + code->info_len, 2), most = s->limit - fixed - prefix - 1;
	if (most > s->limit)
		most = s->limit / 8;
	const char *text = code->text, *end = text + code->text_len;
	while (text < end) {
		if (!s->empty && room(s) < fixed + s->limit / 8)
			finish_part(s);
		size_t sum = fixed;
		const char *to = text;
		while (to < end) {
			const char *eol = memchr(to, '\n', (size_t)(end - to));
			size_t n = (size_t)((eol ? eol : end) - to), units = utf8_utf16_len(to, n) + prefix + 1;
			if (sum + units > room(s)) {
				if (to == text && s->empty) {
					/* One line is more than a part: cut it, and a run of backticks no longer than the fence allows. */
					size_t k = clip(to, n, most, plain_cost);
					size_t run = 0;
					for (size_t i = 0; i < k && run < ticks; i++) {
						run = to[i] == '`' ? run + 1 : 0;
						if (run + 3 > ticks)
							k = i;
					}
					to += k ? k : 1;
					sum = s->limit;
				}
				break;
			}
			sum += units;
			to += n + (eol != NULL);
		}
		if (to == text) {
			finish_part(s);
			continue;
		}
		size_t n = (size_t)(to - text);
		bool cut_at_line_end = to[-1] == '\n' && to < end;
		struct doc_node *c = doc_add_copy(part(s), container(s), code);
		c->text = doc_copy(part(s), text, n - cut_at_line_end);
		c->text_len = n - cut_at_line_end;
		took(s, sum);
		text = to;
		if (text < end)
			finish_part(s);
	}
}

/* ---- tables, by rows ---- */

static void split_row(struct splitter *s, const struct doc_node *row)
{
	for (const struct doc_node *cell = row->first; cell; cell = cell->next)
		split_inline(s, cell);
}

static void split_table(struct splitter *s, const struct doc_node *table)
{
	const struct doc_node *header = table->first;
	size_t lines, columns = 0;
	for (const struct doc_node *c = header->first; c; c = c->next)
		columns++;
	size_t fixed = in_place(s, units_of_block(header, &lines) + 6 * columns + 1, 2);
	if (fixed > s->limit / 2) {
		for (const struct doc_node *row = header; row; row = row->next)
			split_row(s, row);
		return;
	}
	struct doc_node *copy = NULL;
	for (const struct doc_node *row = header->next; row; row = row->next) {
		size_t units = units_of_block(row, &lines) + prefix_units(s) + 1;
		if (fixed + units > s->limit) {
			split_row(s, row);
			copy = NULL;
			continue;
		}
		if (!copy || units > room(s)) {
			if (fixed + units > room(s))
				finish_part(s);
			copy = doc_add_copy(part(s), container(s), table);
			doc_add_tree(part(s), copy, header);
			took(s, fixed);
		}
		doc_add_tree(part(s), copy, row);
		took(s, units);
	}
}

/* ---- the walk ---- */

static void add_block(struct splitter *s, const struct doc_node *n);

static void add_children(struct splitter *s, const struct doc_node *n)
{
	for (const struct doc_node *c = n->first; c; c = c->next)
		add_block(s, c);
}

static void add_leaf(struct splitter *s, const struct doc_node *n)
{
	size_t units = weigh(s, n);
	if (units > room(s) && units <= s->limit)
		finish_part(s);
	if (units <= room(s)) {
		doc_add_tree(part(s), container(s), n);
		took(s, units);
		return;
	}
	if (n->type == DOC_CODE)
		split_code(s, n);
	else if (n->type == DOC_TABLE)
		split_table(s, n);
	else
		split_inline(s, n);
}

static void add_block(struct splitter *s, const struct doc_node *n)
{
	/* Where quotes and lists alone would fill the lines their content goes on without them. */
	bool deep = prefix_units(s) + 12 > s->limit / 8;
	int number = n->level;
	switch (n->type) {
	case DOC_QUOTE:
		if (!deep)
			enter(s, n, 0);
		add_children(s, n);
		if (!deep)
			leave(s);
		break;
	case DOC_LIST:
		if (!deep)
			enter(s, n, 0);
		for (const struct doc_node *item = n->first; item; item = item->next, number++) {
			if (!deep)
				enter(s, item, number);
			add_children(s, item);
			if (!deep)
				leave(s);
		}
		if (!deep)
			leave(s);
		break;
	default:
		add_leaf(s, n);
		break;
	}
}

struct doc **doc_split(const struct doc *d, size_t units, size_t *count)
{
	struct splitter s = { .limit = units < DOC_SPLIT_MIN ? DOC_SPLIT_MIN : units };
	new_part(&s);
	enter(&s, d->root, 0);
	add_children(&s, d->root);
	if (s.empty && s.count > 1)
		doc_free(s.parts[--s.count]);
	*count = s.count;
	return s.parts;
}

void doc_parts_free(struct doc **parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		doc_free(parts[i]);
	free(parts);
}
