/*
 * Lines and what is to be known of them.  The key of a line is its text as the tables of words have it, so that every comparison after this is one of
 * bytes; numbers, verbs and addresses are told by bits that can be or-ed over the lines of a wrapped attribution.
 */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"
#include "text_lines.h"

static bool is_invisible(uint32_t c)
{
	return (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069) || c == 0xfeff ||
	    c == 0xad || c == 0x61c || c == 0x180e || (c >= 0xfe00 && c <= 0xfe0f) || c == 0x34f;
}

/* One code point beyond ASCII as keys have it; 0: nothing, ' ': a blank. */
static uint32_t fold_point(uint32_t c)
{
	if (is_invisible(c))
		return 0;
	if (c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
	    c == 0x3000)
		return ' ';
	if (c >= 0x2010 && c <= 0x2015)
		return '-';
	if (c >= 0xff01 && c <= 0xff5e) { /* full width */
		c -= 0xfee0;
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	}
	static const uint32_t zeros[] = { 0x660, 0x6f0, 0x966, 0x9e6, 0xe50 };
	for (size_t i = 0; i < sizeof zeros / sizeof zeros[0]; i++)
		if (c >= zeros[i] && c <= zeros[i] + 9)
			return '0' + (c - zeros[i]);
	switch (c) {
	case 0x2212:
		return '-';
	case 0x2018:
	case 0x2019:
	case 0x201a:
	case 0x2bc:
		return '\'';
	case 0x201c:
	case 0x201d:
	case 0x201e:
	case 0xab:
	case 0xbb:
		return '"';
	case 0x3001:
		return ',';
	default:
		break;
	}
	utf8proc_int32_t low = utf8proc_tolower((utf8proc_int32_t)c);
	return low > 0 ? (uint32_t)low : c;
}

/* "&lt;" and its like: some programs quote the HTML form of an address. */
static size_t fold_entity(const char *s, size_t n, char *c)
{
	static const struct {
		const char *name;
		char c;
	} entities[] = { { "&lt;", '<' }, { "&gt;", '>' }, { "&amp;", '&' }, { "&quot;", '"' }, { "&nbsp;", ' ' },
		{ "&#39;", '\'' } };
	for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++) {
		size_t len = strlen(entities[i].name);
		if (n >= len && memcmp(s, entities[i].name, len) == 0) {
			*c = entities[i].c;
			return len;
		}
	}
	return 0;
}

/* What ASCII becomes: 0 nothing, 1 looked at closely. */
static unsigned char fold_ascii(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned char)(c + 32);
	if (c == '\t' || c == '\r' || c == '\f' || c == '\v')
		return ' ';
	if (c < ' ' || c == '*' || c == 0x7f)
		return 0;
	return c == '&' ? 1 : c;
}

static void fold_composed(struct buf *out, const char *s, size_t n, size_t max)
{
	/* A code point grows by one byte at most when it becomes a small letter. */
	buf_reserve(out, (n < max ? n + n / 2 : max) + 16);
	char *const start = out->p + out->len, *const end = start + (n < max ? n + n / 2 + 8 : max), *w = start;
	bool blank = false;
	for (size_t i = 0; i < n && w < end;) {
		char coded[4];
		size_t coded_n = 1, step = 1;
		if ((unsigned char)s[i] < 0x80) {
			coded[0] = (char)fold_ascii((unsigned char)s[i]);
			if (coded[0] == 1) {
				coded[0] = '&';
				size_t e = fold_entity(s + i, n - i, &coded[0]);
				step = e > 0 ? e : 1;
			}
			coded_n = coded[0] != 0;
		} else {
			uint32_t p;
			step = utf8_decode(s + i, n - i, &p);
			if (step == 0) {
				i++;
				continue;
			}
			uint32_t f = fold_point(p);
			coded_n = f == 0 ? 0 : utf8_encode(f, coded);
		}
		i += step;
		if (coded_n == 1 && coded[0] == ' ') {
			blank = w > start;
			continue;
		}
		if (coded_n == 0)
			continue;
		if (blank)
			*w++ = ' ';
		blank = false;
		*w++ = coded[0];
		for (size_t k = 1; k < coded_n; k++)
			*w++ = coded[k];
	}
	out->len = (size_t)(w - out->p);
	*w = '\0';
}

void mail_fold(struct buf *out, const char *s, size_t n, size_t max)
{
	if (n > max * 4)
		n = utf8_clip(s, n, max * 4);
	bool marks = false; /* combining ones: some systems write an accent after its letter */
	for (size_t i = 0; i + 1 < n && !marks; i++)
		marks = (unsigned char)s[i] == 0xcc || ((unsigned char)s[i] == 0xcd && (unsigned char)s[i + 1] < 0xb0);
	if (marks) {
		utf8proc_uint8_t *composed = NULL;
		utf8proc_ssize_t len = utf8proc_map((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, &composed, UTF8PROC_COMPOSE);
		if (len >= 0) {
			fold_composed(out, (const char *)composed, (size_t)len, max);
			free(composed);
			return;
		}
	}
	fold_composed(out, s, n, max);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

enum { IS_WORD = 1, IS_DIGIT = 2, IS_SIGN = 4 };
static const unsigned char classes[256] = {
	['a' ... 'z'] = IS_WORD,
	['0' ... '9'] = IS_WORD | IS_DIGIT,
	[0x80 ... 0xff] = IS_WORD,
	['@'] = IS_SIGN,
	['<'] = IS_SIGN,
	['>'] = IS_SIGN,
	['('] = IS_SIGN,
	[')'] = IS_SIGN,
	['['] = IS_SIGN,
	[']'] = IS_SIGN,
	[':'] = IS_SIGN,
};

static bool is_word(char c)
{
	return classes[(unsigned char)c] & IS_WORD;
}

/* Dates and times, in numbers: the same in all languages. */
static unsigned has_numbers(const char *k, size_t n)
{
	unsigned has = 0, word = 0;
	bool comma = false;
	for (size_t i = 0; i < n;) {
		if (k[i] == ' ')
			word++;
		if (word == 0 && k[i] == ',')
			comma = true;
		if (!is_digit(k[i])) {
			i++;
			continue;
		}
		size_t from = i;
		unsigned value = 0;
		while (i < n && is_digit(k[i])) {
			value = value < 100000 ? value * 10 + (unsigned)(k[i] - '0') : value;
			i++;
		}
		size_t digits = i - from;
		bool glued = from > 0 && ((k[from - 1] >= 'a' && k[from - 1] <= 'z') || k[from - 1] == '#');
		if (glued && k[from - 1] != 't')
			continue;
		if (word <= 3)
			has |= HAS_EARLY;
		if (word == 0 || (word == 1 && comma))
			has |= HAS_FIRST;
		if (digits == 4 &&
		    ((value >= 1980 && value <= 2100) || (value >= 2540 && value <= 2620) || (value >= 1360 && value <= 1450)))
			has |= HAS_YEAR;
		if (digits > 2)
			continue;
		bool sep = i + 1 < n && is_digit(k[i + 1]);
		if (value < 25 && sep && (k[i] == ':' || k[i] == 'h')) {
			has |= HAS_TIME;
			while (i < n && (is_digit(k[i]) || k[i] == ':' || k[i] == 'h'))
				i++;
			continue;
		}
		if (sep && (k[i] == '.' || k[i] == '/' || k[i] == '-')) { /* 6.5.2024, 06/05/24, 09.12 */
			char c = k[i];
			size_t second = i + 1, j = second;
			while (j < n && is_digit(k[j]))
				j++;
			size_t second_n = j - second;
			if (second_n <= 2 && j < n && k[j] == c && j + 1 < n && is_digit(k[j + 1])) {
				has |= HAS_YEAR | HAS_DAY;
				for (j++; j < n && is_digit(k[j]); j++)
					;
			} else if (c == '.' && second_n == 2 && value < 25) {
				has |= HAS_TIME;
			} else if (second_n == 4) {
				has |= HAS_DAY;
			}
			i = j;
			continue;
		}
		has |= HAS_DAY;
	}
	for (size_t i = 0; i + 6 < n; i++) { /* 6. 5. 24 */
		if (!is_digit(k[i]) || k[i + 1] != '.' || k[i + 2] != ' ' || !is_digit(k[i + 3]))
			continue;
		size_t j = i + 4;
		if (is_digit(k[j]))
			j++;
		if (j + 2 < n && k[j] == '.' && k[j + 1] == ' ' && is_digit(k[j + 2]))
			has |= HAS_YEAR | HAS_DAY;
	}
	/* 2024-05-06, 2013.02.08. */
	for (size_t i = 0; i + 7 < n; i++)
		if (is_digit(k[i]) && (i == 0 || !is_digit(k[i - 1])) && is_digit(k[i + 1]) && is_digit(k[i + 2]) &&
		    is_digit(k[i + 3]) && (k[i + 4] == '-' || k[i + 4] == '.' || k[i + 4] == '/') && is_digit(k[i + 5]))
			has |= HAS_YEAR | HAS_DAY;
	return has;
}

/* Words that say who wrote, and whether the last one does. */
static void has_words(struct text_line *t, const char *k, size_t n)
{
	unsigned last = 0, previous = 0;
	size_t after = 0;
	bool ending = false, seen = false, expect_pronoun = false;
	for (size_t i = 0; i < n;) {
		if (!is_word(k[i])) {
			i++;
			continue;
		}
		size_t from = i;
		while (i < n && is_word(k[i]))
			i++;
		unsigned w = i - from <= 40 ? mail_word_of_attribution(k + from, i - from) : 0;
		if (expect_pronoun && (w & WORD_PRONOUN))
			t->has |= HAS_PRONOUN;
		expect_pronoun = false;
		if (w & WORD_VERB) {
			seen = true;
			after = 0;
			if (w & WORD_VERB_INSIDE) {
				t->has |= HAS_VERB_INSIDE;
				expect_pronoun = true;
			}
			if ((last & WORD_PRONOUN) || ((last & WORD_SMALL) && (previous & WORD_PRONOUN)))
				t->has |= HAS_PRONOUN;
		} else if (seen) {
			after++;
			ending = from > 0 && (k[from - 1] == '(' || k[from - 1] == '/') && i - from <= 4; /* "napisał(a)" */
		}
		previous = last;
		last = w;
	}
	if (seen && (after == 0 || (after == 1 && ending)))
		t->has |= HAS_VERB;
	while (n > 0 && (k[n - 1] == ':' || k[n - 1] == ' '))
		n--;
	if (mail_word_verb_ends(k, n))
		t->has |= HAS_VERB;
}

static void line_key(struct text_lines *l, struct text_line *t)
{
	t->key = (uint32_t)l->keys.len;
	mail_fold(&l->keys, l->text + t->at + t->body, t->n - t->body, TEXT_KEY_MAX);
	t->key_n = (uint16_t)(l->keys.len - t->key);
	const char *k = l->keys.p + t->key;
	size_t n = t->key_n;
	if (n > 500)
		t->has |= HAS_LONG;
	if (n == 0)
		return;
	size_t open = 0, close = 0, words = 0, colon = SIZE_MAX;
	unsigned seen = 0, before = 0;
	for (size_t i = 0; i < n; i++) {
		const unsigned c = classes[(unsigned char)k[i]];
		seen |= c;
		words += (c & ~before & IS_WORD) != 0;
		before = c;
		if (!(c & IS_SIGN))
			continue;
		if (k[i] == '@' && i > 0 && i + 1 < n && is_word(k[i + 1]))
			t->has |= HAS_AT;
		open += k[i] == '<' || k[i] == '(' || k[i] == '[';
		close += k[i] == '>' || k[i] == ')' || k[i] == ']';
		if (k[i] == ':' && colon == SIZE_MAX)
			colon = i;
	}
	t->words = (uint8_t)(words < 255 ? words : 255);
	if (seen & IS_WORD)
		t->has |= HAS_WORD;
	if ((seen & IS_DIGIT) || (t->has & HAS_AT) || open != close || k[n - 1] == ':' || k[n - 1] == '-')
		t->has |= HAS_FACTS;
	if (open > close)
		t->has |= HAS_OPEN;
	if (close > open)
		t->has |= HAS_CLOSE;
	const char *angle = (t->has & HAS_AT) ? memchr(k, '<', n) : NULL;
	if (angle != NULL && memchr(angle, '@', n - (size_t)(angle - k)) != NULL)
		t->has |= HAS_BRACKET;
	if (k[n - 1] == ':') {
		t->has |= HAS_COLON;
		size_t e = n - 1;
		while (e > 0 && k[e - 1] == ' ')
			e--;
		if (e > 0 && (k[e - 1] == '>' || k[e - 1] == ')'))
			t->has |= HAS_ANGLE;
	}
	if (n <= 500 && (seen & IS_DIGIT))
		t->has |= has_numbers(k, n);
	/* A line without facts says who wrote only as part of a wrapped attribution. */
	const bool first = l->len == 0 || t[-1].key_n == 0;
	if (n <= 500 && ((t->has & HAS_FACTS) || (first ? n <= 80 : (t[-1].has & HAS_FACTS) != 0)))
		has_words(t, k, n);
	if ((t->has & HAS_YEAR) && memmem(k, n, "you wrote", 9) != NULL)
		t->has |= HAS_ANSWERED;
	if (k[0] == '|' && n > 4) { /* "| From | Pat |": a table of headers as text */
		const char *end = memchr(k + 1, '|', n - 1);
		size_t b = 1, e = end != NULL && end - k <= 40 ? (size_t)(end - k) : 1;
		while (b < e && k[b] == ' ')
			b++;
		while (e > b && (k[e - 1] == ' ' || k[e - 1] == ':'))
			e--;
		t->label = (uint8_t)mail_word_label(k + b, e - b);
	}
	if (t->label == LABEL_NONE && colon > 0 && colon <= 60) {
		size_t e = colon, b = 0;
		while (b < e && (k[b] == ' ' || k[b] == '_' || k[b] == '|' || k[b] == '-'))
			b++;
		while (e > b && (k[e - 1] == ' ' || k[e - 1] == '_'))
			e--;
		t->label = (uint8_t)mail_word_label(k + b, e - b);
	}
}

/* Marks like ">", "> >", ">>": their bytes and how many there are.  ">From " is what an old mail store made of "From ". */
static void line_quote(struct text_line *t, const char *s)
{
	size_t i = 0, seen = 0;
	unsigned depth = 0;
	while (i < t->n && i < 3 && s[i] == ' ')
		i++;
	while (i < t->n && seen < UINT16_MAX - 8) {
		if (s[i] == '>') {
			depth++;
			seen = ++i;
		} else if (s[i] == ' ' && depth > 0 && i < seen + 1) {
			i++;
		} else {
			break;
		}
	}
	if (depth == 1 && t->n >= 6 && memcmp(s, ">From ", 6) == 0)
		depth = 0, seen = 0;
	if (seen > 0 && seen < t->n && s[seen] == ' ')
		seen++;
	t->body = (uint16_t)seen;
	t->depth = (uint8_t)(depth < 255 ? depth : 255);
}

/* Bytes of a blank or of something invisible at the end. */
static size_t blank_at_end(const char *s, size_t n)
{
	if (n == 0)
		return 0;
	if (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\r')
		return 1;
	if (n >= 2 && memcmp(s + n - 2, "\xc2\xa0", 2) == 0)
		return 2;
	static const char *const three[] = { "\xe2\x80\x8b", "\xe2\x80\xaf", "\xef\xbb\xbf", "\xe3\x80\x80", "\xe2\x80\x8e" };
	for (size_t i = 0; n >= 3 && i < sizeof three / sizeof three[0]; i++)
		if (memcmp(s + n - 3, three[i], 3) == 0)
			return 3;
	return 0;
}

void mail_text_lines_init(struct text_lines *l, const char *text, size_t n, const uint8_t *markup, size_t markup_n)
{
	*l = (struct text_lines){ .text = text };
	if (n > UINT32_MAX / 4)
		n = utf8_clip(text, n, UINT32_MAX / 4);
	size_t cap = 0;
	buf_reserve(&l->keys, n / 2 + 1);
	for (size_t i = 0; i < n;) {
		if (l->len == cap) {
			cap = cap > 0 ? cap * 2 : 64;
			l->v = xrealloc(l->v, cap * sizeof l->v[0]);
		}
		const char *end = memchr(text + i, '\n', n - i);
		size_t stop = end != NULL ? (size_t)(end - text) : n;
		bool last = l->len + 1 == TEXT_LINES_MAX; /* what is beyond belongs to the last line */
		if (last)
			stop = n;
		struct text_line *t = &l->v[l->len];
		*t = (struct text_line){ .at = (uint32_t)i };
		size_t e = stop;
		bool blank = false;
		for (size_t cut; (cut = blank_at_end(text + i, e - i)) > 0; e -= cut)
			blank |= text[e - 1] == ' ';
		t->n = (uint32_t)(e - i);
		if (blank)
			t->has |= HAS_STRICT_DASHES;
		if (markup != NULL && l->len < markup_n)
			t->markup = markup[l->len];
		line_quote(t, text + i);
		line_key(l, t);
		l->len++;
		i = stop + 1;
		if (last)
			break;
	}
}

void mail_text_lines_done(struct text_lines *l)
{
	free(l->v);
	buf_done(&l->keys);
	*l = (struct text_lines){ 0 };
}
