/*
 * Reading what somebody looks for.  Tokens are cut at blanks and quotes only: what a word is in the middle of signs ("v1.2", "a@b.c") is for
 * Postgres to say, which gets each token as one quoted operand.  So no sign of people's can become an operator.
 */
#include "search_words.h"

#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/mem.h"
#include "../base/utf8.h"

#define PREFIX_MIN 3 /* bytes: shorter ones are in every second message, and an index would collect them all */

static bool is_blank(const char *s, size_t n, size_t *step)
{
	uint32_t c;
	*step = utf8_decode(s, n, &c);
	if (*step == 0) {
		*step = 1; /* what is no text separates */
		return true;
	}
	return c <= ' ' || c == 0x7f || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200d) || c == 0x2028 || c == 0x2029 ||
	    c == 0x202f || c == 0x3000 || c == 0xfeff;
}

static bool is_quote(const char *s, size_t n, size_t *step)
{
	uint32_t c;
	*step = utf8_decode(s, n, &c);
	return *step > 0 &&
	    (c == '"' || c == 0x201c || c == 0x201d || c == 0x201e || c == 0xab || c == 0xbb || c == 0x300c || c == 0x300d ||
	        c == 0xff02);
}

static bool has_letter(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] >= 0x80 || (s[i] >= '0' && s[i] <= '9') || ((s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'z'))
			return true;
	return false;
}

static void add_term(struct search_words *w, const char *s, size_t n, bool phrase, bool negated, int group)
{
	if (w->len == SEARCH_TERMS_MAX || !has_letter(s, n))
		return;
	w->terms[w->len++] = (struct search_term){ .text = xstrndup(s, n), .phrase = phrase, .negated = negated, .group = group };
}

void search_words_parse(const char *text, size_t n, bool unfinished, struct search_words *out)
{
	memset(out, 0, sizeof *out);
	if (text == NULL)
		return;
	n = utf8_clip(text, strnlen(text, n), SEARCH_TEXT_MAX);
	int group = 0;
	bool open_end = false;
	for (size_t i = 0, step; i < n;) {
		if (is_blank(text + i, n - i, &step)) {
			i += step;
			open_end = false;
			continue;
		}
		bool negated = text[i] == '-' && i + 1 < n;
		size_t from = i + negated;
		if (from < n && is_quote(text + from, n - from, &step)) {
			size_t begin = from + step, end = begin;
			while (end < n && !is_quote(text + end, n - end, &step))
				end += step > 0 ? step : 1;
			add_term(out, text + begin, end - begin, true, negated, group);
			i = end < n ? end + step : n;
			open_end = false;
			continue;
		}
		size_t end = from;
		while (end < n && !is_blank(text + end, n - end, &step)) {
			size_t quote;
			if (is_quote(text + end, n - end, &quote))
				break;
			end += step;
		}
		if (!negated && end - from == 2 && strncasecmp(text + from, "or", 2) == 0) {
			if (out->len > 0 && out->terms[out->len - 1].group == group)
				group++;
		} else {
			add_term(out, text + from, end - from, false, negated, group);
			open_end = end == n;
		}
		i = end;
	}
	if (unfinished && open_end && out->len > 0 && !out->terms[out->len - 1].phrase)
		out->terms[out->len - 1].prefix = true;
}

void search_words_done(struct search_words *w)
{
	for (size_t i = 0; i < w->len; i++) {
		free(w->terms[i].text);
		for (size_t k = 0; k < w->terms[i].forms_len; k++)
			free(w->terms[i].forms[k]);
	}
	memset(w, 0, sizeof *w);
}

void search_words_add_form(struct search_words *w, size_t i, const char *form)
{
	struct search_term *t = &w->terms[i];
	for (size_t k = 0; k < t->forms_len; k++)
		if (strcmp(t->forms[k], form) == 0)
			return;
	if (t->forms_len < SEARCH_FORMS_MAX)
		t->forms[t->forms_len++] = xstrdup(form);
}

bool search_words_any(const struct search_words *w)
{
	for (size_t i = 0; i < w->len; i++)
		if (!w->terms[i].negated)
			return true;
	return false;
}

static void add_operand(struct buf *out, const char *s, size_t n)
{
	buf_add_char(out, '\'');
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\'' || s[i] == '\\')
			buf_add_char(out, s[i]);
		buf_add_char(out, s[i]);
	}
	buf_add_char(out, '\'');
}

static void add_word(struct buf *out, const struct search_term *t)
{
	size_t n = strlen(t->text);
	if (t->forms_len > 0)
		buf_add_char(out, '(');
	add_operand(out, t->text, n);
	if (t->prefix)
		buf_add_str(out, ":*");
	for (size_t i = 0; i < t->forms_len; i++) {
		buf_add_str(out, " | ");
		add_operand(out, t->forms[i], strlen(t->forms[i]));
	}
	if (t->forms_len > 0)
		buf_add_char(out, ')');
}

/* The words of a phrase, in any order. */
static void add_loose_phrase(struct buf *out, const char *s)
{
	bool first = true;
	for (size_t n; *s != '\0'; s += n) {
		s += strspn(s, " \t\r\n");
		n = strcspn(s, " \t\r\n");
		if (!has_letter(s, n))
			continue;
		buf_add_str(out, first ? "" : " & ");
		add_operand(out, s, n);
		first = false;
	}
}

/* What of one group counts: words that need not be there only where there is nothing else. */
static bool group_has_more(const struct search_words *w, int group)
{
	for (size_t i = 0; i < w->len; i++)
		if (w->terms[i].group == group && !w->terms[i].negated && !w->terms[i].optional)
			return true;
	return false;
}

static bool is_in_index(const struct search_term *t)
{
	return !t->negated && !(t->prefix && strlen(t->text) < PREFIX_MIN);
}

static void add_groups(const struct search_words *w, bool broad, struct buf *out)
{
	int last = w->len > 0 ? w->terms[w->len - 1].group : -1;
	for (int g = 0; g <= last; g++) {
		bool more = group_has_more(w, g), first = true;
		buf_add_str(out, g == 0 ? "(" : " | (");
		for (size_t i = 0; i < w->len; i++) {
			const struct search_term *t = &w->terms[i];
			if (t->group != g || (t->optional && more) || (broad && !is_in_index(t)))
				continue;
			buf_add_str(out, first ? "" : " & ");
			first = false;
			if (t->negated)
				buf_add_char(out, '!');
			if (t->phrase && broad)
				add_loose_phrase(out, t->text);
			else
				add_word(out, t);
		}
		if (first) { /* this alternative asks nothing of the index, so the index cannot help */
			buf_reset(out);
			return;
		}
		buf_add_char(out, ')');
	}
}

/* Any of the words, but none of those that must not be there. */
static void add_loose(const struct search_words *w, bool broad, struct buf *out)
{
	bool more = false, first = true;
	for (size_t i = 0; i < w->len; i++)
		more |= !w->terms[i].negated && !w->terms[i].optional;
	for (size_t i = 0; i < w->len; i++) {
		const struct search_term *t = &w->terms[i];
		if (t->negated || (t->optional && more))
			continue;
		if (broad && !is_in_index(t)) {
			buf_reset(out);
			return;
		}
		buf_add_str(out, first ? "(" : " | ");
		first = false;
		add_word(out, t);
	}
	if (!first)
		buf_add_char(out, ')');
	for (size_t i = 0; !broad && i < w->len; i++) {
		if (!w->terms[i].negated)
			continue;
		buf_add_str(out, first ? "!" : " & !");
		first = false;
		add_word(out, &w->terms[i]);
	}
}

void search_words_query(const struct search_words *w, struct buf *broad, struct buf *exactly)
{
	buf_reserve(broad, 1);
	buf_reserve(exactly, 1);
	if (w->loose) {
		add_loose(w, true, broad);
		add_loose(w, false, exactly);
	} else {
		add_groups(w, true, broad);
		add_groups(w, false, exactly);
	}
}
