/*
 * Where the message ends and what others wrote begins.  One pass over the lines looks for what starts unquoted history (header blocks, "Original Message", an attribution
 * without ">" below it); everything from there on is history.  Before it, quoted blocks are weighed: nothing written below any of them: a reply on top, they go;
 * written below one with an attribution: a reply below, it goes; below several: answers inline, they stay.  Where there is doubt, text stays.
 */
#include <stdlib.h>
#include <string.h>

#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"
#include "text.h"
#include "text_lines.h"
#include "text_signs.h"

static bool is_own(const struct text_line *t) /* a line of the sender, not blank */
{
	return (t->kind == KIND_TEXT || t->kind == KIND_CODE) && !text_blank(t);
}

/* ---- the whole ---- */
struct view {
	struct text_lines *l;
	size_t history; /* first line of unquoted history; l->len: none */
	bool history_forward, by_markup;
	size_t inside_line, inside_at; /* an attribution in the middle of a line */
};

static void mark(struct text_lines *l, size_t from, size_t to, unsigned kind)
{
	for (size_t i = from; i < to; i++)
		l->v[i].kind = (uint8_t)kind;
}

/* A quoted line that was wrapped without its mark goes on in small letters. */
static bool is_wrapped_quote(const struct text_lines *l, size_t i)
{
	if (i == 0 || l->v[i - 1].kind != KIND_QUOTE || l->v[i - 1].depth == 0 || text_blank(&l->v[i]) || l->v[i].n > 60)
		return false;
	const struct text_line *p = &l->v[i - 1];
	if (i + 1 < l->len && !text_blank(&l->v[i + 1]) && l->v[i + 1].depth == 0)
		return false;
	const char *k = text_key(l, i);
	const bool link = memcmp(k, "http", l->v[i].key_n < 4 ? l->v[i].key_n : 4) == 0 ||
	    ((k[0] == '(' || k[0] == '<') && l->v[i].key_n > 5 && memcmp(k + 1, "http", 4) == 0);
	if (link && i + 1 < l->len && l->v[i + 1].depth > 0 && l->v[i].key_n > 5)
		return true;
	if (p->n < 55 || p->key_n == 0 || l->text[p->at + p->n - 1] == '?')
		return false;
	uint32_t c = 0;
	const char *s = l->text + l->v[i].at;
	size_t step = utf8_decode(s, l->v[i].n, &c);
	if (step == 0)
		return false;
	if (c >= 'a' && c <= 'z')
		return true;
	return p->n >= 74 && p->n <= 84 && c > 0x80;
}

static bool is_fence(const struct text_lines *l, size_t i)
{
	return l->v[i].depth == 0 && l->v[i].key_n >= 3 && memcmp(text_key(l, i), "```", 3) == 0;
}

/* Between fences nothing is a quote, a header or a signature. */
static void mark_code(struct text_lines *l)
{
	size_t open = SIZE_MAX;
	for (size_t i = 0; i < l->len; i++) {
		if (!is_fence(l, i))
			continue;
		if (open == SIZE_MAX) {
			open = i;
			continue;
		}
		if (i - open <= 1000)
			for (size_t j = open; j <= i; j++)
				l->v[j].kind = KIND_CODE;
		open = SIZE_MAX;
	}
}

static void mark_quotes(struct text_lines *l)
{
	for (size_t i = 0; i < l->len; i++) {
		struct text_line *t = &l->v[i];
		t->kind = KIND_TEXT;
		if (t->markup & MARKUP_SIGNATURE)
			t->kind = KIND_JUNK;
		else if (t->depth > 0 || (t->markup & MARKUP_HISTORY) || is_wrapped_quote(l, i))
			t->kind = KIND_QUOTE;
	}
	mark_code(l);
}

static bool has_own(const struct text_lines *l, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (is_own(&l->v[i]) && (l->v[i].has & HAS_WORD))
			return true;
	return false;
}

/* Some programs write "To:" and "Subject:" above an attribution. */
static void absorb_headers(struct text_lines *l, size_t i)
{
	size_t from = i;
	while (from > 0 && i - from < 4 && l->v[from - 1].kind == KIND_TEXT && l->v[from - 1].label != LABEL_NONE &&
	    l->v[from - 1].label != LABEL_OTHER)
		from--;
	if (i - from >= 2)
		mark(l, from, i, KIND_ATTRIBUTION);
}

/* Look for the start of unquoted history, and mark attributions of quoted blocks on the way. */
static void find_history(struct view *v)
{
	struct text_lines *l = v->l;
	bool own = false;
	v->history = l->len;
	for (size_t i = 0; i < l->len; i++) {
		struct text_line *t = &l->v[i];
		if ((t->markup & MARKUP_CUT) || ((t->markup & MARKUP_HEADERS) && mail_sign_like_headers(l, i))) {
			v->history = i;
			v->by_markup = true;
			v->history_forward = t->markup & MARKUP_FORWARD;
			return;
		}
		own |= t->kind == KIND_CODE;
		if (t->kind != KIND_TEXT || text_blank(t))
			continue;
		if ((t->markup & MARKUP_ATTRIBUTION) && mail_sign_marker(l, i) == MARKER_NONE) {
			size_t e = i;
			while (e < l->len && (text_blank(&l->v[e]) || (l->v[e].markup & MARKUP_ATTRIBUTION)))
				e++;
			mark(l, i, e, KIND_ATTRIBUTION);
			i = e - 1;
			continue;
		}
		enum mail_marker m = mail_sign_marker(l, i);
		if (m != MARKER_NONE || mail_sign_headers(l, i, i > 0 && mail_text_is_rule(l, i - 1, 5)) > 0 ||
		    (own && mail_sign_reply_above(l, i))) {
			v->history = i;
			v->history_forward = m == MARKER_FORWARD;
			return;
		}
		if (!own && mail_sign_reply_above(l, i)) {
			t->kind = KIND_JUNK;
			continue;
		}
		size_t end, at = v->inside_at == 0 ? mail_sign_attribution_inside(l, i) : 0;
		if (at > 0) {
			v->inside_at = at;
			v->inside_line = i;
		} else if (mail_sign_attribution(l, i, &end) != NO_ATTRIBUTION) {
			if (mail_text_quote_follows(l, end)) {
				mark(l, i, end, KIND_ATTRIBUTION);
				absorb_headers(l, i);
				i = end - 1;
				continue;
			}
			if (own || mail_text_next(l, end) >= l->len) {
				v->history = i;
				return;
			}
		}
		own |= (t->has & HAS_WORD) != 0;
	}
}

struct block {
	size_t from, to; /* with its attribution */
	size_t text;     /* where the quoted lines start */
	bool attributed, answered, markup;
};

static bool starts_like_attribution(const struct text_lines *l, size_t i)
{
	size_t end;
	return mail_sign_attribution_at(l, i, &end) != NO_ATTRIBUTION || mail_sign_headers(l, i, false) > 0 ||
	    mail_sign_marker(l, i) != MARKER_NONE;
}

static struct block *find_blocks(const struct view *v, size_t *len)
{
	const struct text_lines *l = v->l;
	struct block *b = NULL;
	size_t n = 0, cap = 0;
	for (size_t i = 0; i < v->history; i++) {
		const unsigned kind = l->v[i].kind;
		if (kind != KIND_QUOTE && kind != KIND_ATTRIBUTION)
			continue;
		struct block one = { .from = i, .attributed = kind == KIND_ATTRIBUTION };
		size_t j = i, end = i;
		bool quoted = false;
		for (; j < v->history; j++) {
			const struct text_line *t = &l->v[j];
			if (t->kind == KIND_ATTRIBUTION && quoted)
				break;
			if (t->kind != KIND_QUOTE && t->kind != KIND_ATTRIBUTION && !text_blank(t))
				break;
			if (t->kind == KIND_QUOTE && !quoted) {
				one.text = j;
				quoted = true;
			}
			if (t->kind == KIND_QUOTE) {
				one.markup |= (t->markup & MARKUP_HISTORY) != 0;
				end = j + 1;
			} else if (t->kind == KIND_ATTRIBUTION) {
				end = j + 1;
			}
		}
		one.to = end;
		if (quoted && !one.attributed) {
			size_t first = one.text;
			while (first < end && text_blank(&l->v[first]))
				first++;
			one.attributed =
			    (first < end && starts_like_attribution(l, first)) || (v->inside_at > 0 && v->inside_line + 1 == i);
		}
		if (n == cap) {
			cap = cap > 0 ? cap * 2 : 16;
			b = xrealloc(b, cap * sizeof b[0]);
		}
		b[n++] = one;
		i = end - 1;
	}
	*len = n;
	return b;
}

/* A short quote below a line of the sender's that ends with a colon belongs to that line. */
static bool is_cited(const struct view *v, const struct block *b)
{
	const struct text_lines *l = v->l;
	size_t i = b->from;
	while (i > 0 && text_blank(&l->v[i - 1]))
		i--;
	bool prompts = !b->attributed && i > 0;
	for (size_t k = b->text; k < b->to && prompts; k++)
		prompts = text_blank(&l->v[k]) || (l->v[k].depth == 3 && l->v[k].body == 4);
	if (prompts)
		return true;
	return !b->attributed && !b->markup && i > 0 && b->from - i <= 2 && l->v[i - 1].kind == KIND_TEXT &&
	    (l->v[i - 1].has & HAS_COLON) && b->to - b->from <= 8;
}

static bool ends_with_colon(const struct text_lines *l, size_t from, size_t to)
{
	while (to > from && !is_own(&l->v[to - 1]))
		to--;
	return to > from && (l->v[to - 1].has & HAS_COLON);
}

/* Which quoted blocks stay; returns whether answers stand between several of them. */
static bool weigh_blocks(const struct view *v, struct block *b, size_t n)
{
	struct text_lines *l = v->l;
	size_t answered = 0, last = 0;
	for (size_t k = 0; k < n; k++) {
		size_t next = k + 1 < n ? b[k + 1].from : v->history;
		b[k].answered = has_own(l, b[k].to, next);
		if (b[k].answered && b[k].text >= b[k].from && !b[k].markup) {
			answered++;
			last = k;
		}
	}
	/* Between two quotes an answer belongs to the first, unless it is an attribution that we cannot read. */
	bool several = answered >= 2 ||
	    (answered == 1 && last + 1 < n && !b[last + 1].markup && b[last + 1].text == b[last + 1].from &&
	        !ends_with_colon(l, b[last].to, b[last + 1].from));
	for (size_t k = 0; k < n; k++) {
		bool stays = !b[k].markup &&
		    ((several && k <= last) || (answered == 1 && k <= last && !b[k].attributed) ||
		        (answered == 0 && is_cited(v, &b[k])));
		mark(l, b[k].from, b[k].to, stays ? KIND_TEXT : KIND_HISTORY);
	}
	return several || (answered == 1 && !b[last].attributed);
}

static void add_line(struct buf *out, const struct text_lines *l, size_t i, bool bare, size_t clip)
{
	const struct text_line *t = &l->v[i];
	size_t from = bare ? t->body : 0, n = clip > 0 && clip < t->n ? clip : t->n;
	if (n > from)
		buf_add(out, l->text + t->at + from, n - from);
	buf_add_char(out, '\n');
}

/* Blank lines at both ends away, and of those inside at most two in a row. */
static void tidy(struct buf *b)
{
	size_t out = 0, line = 0, blanks = 0;
	bool begun = false;
	while (line < b->len) {
		char *nl = memchr(b->p + line, '\n', b->len - line);
		size_t end = nl != NULL ? (size_t)(nl - b->p) : b->len, e = end;
		while (e > line && (b->p[e - 1] == ' ' || b->p[e - 1] == '\t' || b->p[e - 1] == '\r'))
			e--;
		if (e > line) {
			for (size_t k = 0; begun && k < (blanks < 2 ? blanks : 2); k++)
				b->p[out++] = '\n';
			if (begun)
				b->p[out++] = '\n';
			memmove(b->p + out, b->p + line, e - line);
			out += e - line;
			begun = true;
			blanks = 0;
		} else {
			blanks++;
		}
		line = end + 1;
	}
	buf_truncate(b, out);
}

static void all_text(const struct text_lines *l, struct buf *out)
{
	for (size_t i = 0; i < l->len; i++)
		add_line(out, l, i, false, 0);
	tidy(out);
}

/* What is below the header lines of a forwarded mail. */
static size_t below_headers(const struct text_lines *l, size_t i)
{
	size_t first = i;
	while (first < l->len && first < i + 4 &&
	    (text_blank(&l->v[first]) || mail_sign_marker(l, first) != MARKER_NONE || mail_text_is_rule(l, first, 3)))
		first++;
	size_t end = first < l->len ? mail_sign_headers(l, first, true) : 0;
	return end > 0 ? end : first;
}

void mail_text_cut(struct text_lines *l, bool forward, struct mail_text *out, struct text_found *found)
{
	struct view v = { .l = l };
	mark_quotes(l);
	find_history(&v);
	/* Forwarded inside of a quote (Apple Mail): the block is a forwarded mail. */
	size_t n;
	struct block *b = find_blocks(&v, &n);
	/* Signatures and footers first, so that they are no answers to what stands above them. */
	size_t from = 0;
	for (size_t k = 0; k <= n; k++) {
		size_t to = k < n ? b[k].from : v.history;
		mail_text_tail(l, from, to, k < n || v.history < l->len);
		from = k < n ? b[k].to : to;
	}
	mail_text_banner(l, n > 0 ? b[0].from : v.history);
	out->has_inline = weigh_blocks(&v, b, n);
	for (size_t k = 0; k < n; k++)
		if (l->v[b[k].from].kind == KIND_HISTORY && b[k].to > b[k].text) {
			size_t first = b[k].text;
			while (first < b[k].to && text_blank(&l->v[first]))
				first++;
			bool is_forward = first < b[k].to &&
			    (mail_sign_marker(l, first) == MARKER_FORWARD || (l->v[first].markup & MARKUP_FORWARD));
			for (size_t i = b[k].from; i < b[k].to; i++)
				add_line(is_forward ? &out->forwarded : &out->quoted, l, i, true, 0);
		}
	for (size_t i = v.history; i < l->len; i++)
		add_line(v.history_forward || (forward && v.history < l->len) ? &out->forwarded : &out->quoted, l, i, false, 0);
	/* Rules above the history are part of it. */
	size_t end = v.history;
	while (end > 0 && end < l->len && (text_blank(&l->v[end - 1]) || mail_text_is_rule(l, end - 1, 2)))
		l->v[--end].kind = KIND_HISTORY;
	for (size_t i = 0; i < v.history; i++) {
		const struct text_line *t = &l->v[i];
		if (t->kind == KIND_TEXT || t->kind == KIND_CODE)
			add_line(&out->visible, l, i, false, v.inside_at > 0 && v.inside_line == i ? v.inside_at : 0);
		else if (t->kind == KIND_HISTORY && text_blank(t))
			buf_add_char(&out->visible, '\n');
	}
	free(b);
	tidy(&out->visible);
	tidy(&out->quoted);
	tidy(&out->forwarded);
	found->cut = out->quoted.len > 0 || out->forwarded.len > 0;
	found->cut_by_markup = v.by_markup;
	if (out->visible.len > 0 || !found->cut)
		return;
	/* Nothing of their own: a forwarded mail is the message then, else all of it. */
	if (v.history < l->len && v.history_forward) {
		if (v.by_markup)
			return;
		for (size_t k = below_headers(l, v.history); k < l->len; k++)
			add_line(&out->visible, l, k, false, 0);
		tidy(&out->visible);
	}
	if (out->visible.len == 0)
		all_text(l, &out->visible);
}
