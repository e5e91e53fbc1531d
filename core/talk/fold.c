/*
 * A long answer tells by its form what matters: its first heading or sentence is the headline, its further headings, each with the sentence below
 * it, are the points.  Without headings the points are the sentences that weigh most (digest_sentences.c), the first of each paragraph
 * first.  Nothing is written anew, so the short form claims nothing that the answer does not.
 */
#include "fold.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/mem.h"
#include "digest_internal.h"

#define POINT_CHARS 240
#define CANDIDATES_MAX 200

static bool is_wide(unsigned char c)
{
	return c >= 0xe3 && c <= 0xe9; /* the first byte of kana and Chinese characters */
}

size_t fold_feed(struct fold_count *c, const char *text, size_t n, size_t words)
{
	for (size_t i = 0; i < n; i++) {
		char ch = text[i];
		if (ch == '\n') {
			if (c->ticks >= 3)
				c->fence = c->fence != '\0' ? '\0' : '`';
			c->ticks = 0;
			c->in_word = c->table = false;
			continue;
		}
		if (c->ticks >= 0) {
			if (ch == '`' || ch == '~') {
				c->ticks++;
				continue;
			}
			if (c->ticks >= 3)
				continue; /* what language it is in */
			if (c->ticks == 0 && ch == '|')
				c->table = true;
			if (ch != ' ')
				c->ticks = -1;
		}
		if (c->fence != '\0' || c->table)
			continue;
		bool blank = ch == ' ' || ch == '\t' || ch == '\r';
		size_t more = 0;
		if (is_wide((unsigned char)ch))
			more = 1;
		else if (!blank && !c->in_word &&
		    ((unsigned char)ch < 0x80 ? isalnum((unsigned char)ch)
		                              : (unsigned char)ch >= 0xc0 && (unsigned char)ch != 0xe2))
			more = 2;
		if (more > 0 && c->halves + more > words * 2) {
			c->halves = words * 2;
			return i;
		}
		c->halves += more;
		c->in_word = !blank && (c->in_word || more == 2);
	}
	return n;
}

struct candidate {
	const char *head, *text; /* a heading and what stands below it, or only the text */
	size_t head_len, text_len;
	double score;
};
struct outline {
	struct candidate list[CANDIDATES_MAX];
	size_t len, headings;
	const char *headline;
	size_t headline_len;
};

static void trim(const char **s, size_t *n)
{
	while (*n > 0 && isspace((unsigned char)**s)) {
		(*s)++;
		(*n)--;
	}
	while (*n > 0 && isspace((unsigned char)(*s)[*n - 1]))
		(*n)--;
}

/* "# Heading", or a line that is bold as a whole. */
static bool take_heading(const char **s, size_t *n)
{
	size_t h = 0;
	while (h < *n && (*s)[h] == '#')
		h++;
	if (h > 0 && h <= 6 && h < *n && (*s)[h] == ' ') {
		*s += h;
		*n -= h;
	} else if (*n > 4 && *n < 200 && memcmp(*s, "**", 2) == 0 && memcmp(*s + *n - 2, "**", 2) == 0 &&
	    memmem(*s + 2, *n - 4, "**", 2) == NULL) {
		*s += 2;
		*n -= 4;
	} else {
		return false;
	}
	trim(s, n);
	while (*n > 0 && ((*s)[*n - 1] == ':' || (*s)[*n - 1] == '#'))
		(*n)--;
	return *n > 0;
}

/* One candidate for each heading, paragraph and list item: the first sentence of each. */
static void outline_make(const char *md, size_t n, struct outline *o)
{
	bool code = false, open = false;
	for (const char *p = md, *end = md + n; p < end && o->len < CANDIDATES_MAX;) {
		const char *stop = memchr(p, '\n', (size_t)(end - p)), *s = p;
		size_t k = (size_t)((stop != NULL ? stop : end) - p);
		p += k + (stop != NULL);
		trim(&s, &k);
		if (k >= 3 && (memcmp(s, "```", 3) == 0 || memcmp(s, "~~~", 3) == 0)) {
			code = !code;
			open = false;
			continue;
		}
		if (code || k == 0 || *s == '|' || *s == '>') {
			open = false;
			continue;
		}
		if (take_heading(&s, &k)) {
			if (o->headline == NULL && o->len == 0) {
				o->headline = s;
				o->headline_len = k;
			} else {
				o->list[o->len++] = (struct candidate){ .head = s, .head_len = k };
				o->headings++;
			}
			open = false;
			continue;
		}
		size_t mark = digest_mark(s, k, false);
		if (open && mark == 0)
			continue; /* goes on */
		open = true;
		s += mark;
		k -= mark;
		struct digest_message m = { .text = s, .text_len = k };
		struct sentences cut;
		sentences_make(NULL, &m, 1, &cut);
		struct candidate *c = o->len > 0 ? &o->list[o->len - 1] : NULL;
		size_t first = digest_sentence_end(s, k); /* with its signs: an answer is Markdown of our own */
		if (cut.len > 0 && c != NULL && c->head != NULL && c->text == NULL) {
			c->text = s;
			c->text_len = first;
		} else if (cut.len > 0) {
			o->list[o->len++] =
			    (struct candidate){ .text = s, .text_len = first, .score = cut.s[0].score + (mark == 0) };
		}
		sentences_done(&cut);
	}
}

static bool ends_with_colon(const struct candidate *c)
{
	return c->text != NULL && c->text_len > 0 && c->text[c->text_len - 1] == ':';
}

static void add_point(const struct candidate *c, struct buf *out)
{
	struct buf head = BUF_INIT, text = BUF_INIT;
	size_t room = POINT_CHARS;
	if (c->head != NULL)
		digest_add_text(&head, c->head, c->head_len, 80, 0, NULL);
	if (head.len > 0)
		room -= digest_characters(head.p, head.len);
	if (c->text != NULL)
		digest_add_line(&text, c->text, c->text_len, room);
	if (head.len > 0 && text.len > 0)
		buf_addf(out, "- **%s**: %s\n", head.p, text.p);
	else if (head.len > 0 || text.len > 0)
		buf_addf(out, "- %s\n", head.len > 0 ? head.p : text.p);
	buf_done(&head);
	buf_done(&text);
}

/* Up to five with a heading when there are two or more such; else those that weigh most.  In their order. */
static void add_points(struct outline *o, struct buf *out)
{
	bool by_heading = o->headings >= 2, used[CANDIDATES_MAX] = { false };
	size_t total = 0, nth = 0, taken = 0;
	for (size_t i = 0; i < o->len; i++) {
		used[i] = !by_heading && o->list[i].text == o->headline; /* said already */
		total += by_heading ? o->list[i].head != NULL : !used[i];
	}
	for (size_t i = 0; by_heading && i < o->len; i++) {
		if (o->list[i].head == NULL)
			continue;
		/* Spread over all of it, the first and the last among them. */
		size_t want =
		    total <= FOLD_POINTS_MAX ? nth : (taken * (total - 1) + (FOLD_POINTS_MAX - 1) / 2) / (FOLD_POINTS_MAX - 1);
		if (nth++ == want && taken < FOLD_POINTS_MAX) {
			add_point(&o->list[i], out);
			taken++;
		}
	}
	bool pick[CANDIDATES_MAX] = { false };
	for (taken = 0; !by_heading && taken < FOLD_POINTS_MAX && taken < total; taken++) {
		size_t best = o->len;
		for (size_t i = 0; i < o->len; i++) {
			if (used[i] ||
			    (best < o->len &&
			        o->list[i].score - 3 * ends_with_colon(&o->list[i]) <=
			            o->list[best].score - 3 * ends_with_colon(&o->list[best])))
				continue;
			best = i;
		}
		if (best == o->len)
			break;
		used[best] = pick[best] = true;
	}
	for (size_t i = 0; i < o->len; i++) {
		if (pick[i])
			add_point(&o->list[i], out);
	}
}

static size_t count_words(const char *md, size_t n)
{
	struct fold_count c = FOLD_COUNT_INIT;
	fold_feed(&c, md, n, SIZE_MAX / 4);
	return c.halves / 2;
}

bool fold_answer(const char *md, size_t n, size_t words, struct buf *short_form)
{
	struct fold_count c = FOLD_COUNT_INIT;
	if (words == 0 || fold_feed(&c, md, n, words) == n)
		return false;
	struct outline *o = xcalloc(1, sizeof(*o));
	struct buf headline = BUF_INIT, raw = BUF_INIT;
	outline_make(md, n, o);
	if (o->headline == NULL) {
		for (size_t i = 0; i < o->len && o->headline == NULL; i++) {
			if (o->list[i].text == NULL || (ends_with_colon(&o->list[i]) && i + 1 < o->len))
				continue;
			o->headline = o->list[i].text;
			o->headline_len = o->list[i].text_len;
		}
	}
	for (size_t i = 0; i < o->headline_len; i++) { /* it stands between ** and ** */
		if (o->headline[i] == '*' && i + 1 < o->headline_len && o->headline[i + 1] == '*')
			i++;
		else
			buf_add_char(&raw, o->headline[i]);
	}
	digest_add_line(&headline, raw.p != NULL ? raw.p : "", raw.len, FOLD_HEADLINE_MAX);
	if (headline.len > 0)
		buf_addf(short_form, "**%s**\n\n", headline.p);
	size_t before = short_form->len;
	add_points(o, short_form);
	buf_addf(
	    short_form, "%s*In short; the full answer has %zu words.*\n", short_form->len > before ? "\n" : "", count_words(md, n));
	buf_done(&headline);
	buf_done(&raw);
	free(o);
	return true;
}
