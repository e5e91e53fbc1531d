/*
 * Finding in one pass.  The text is cut into words (runs of letters and digits); each is folded and compared with the folded words of the query.
 * The hits' places are kept in a ring, and the piece begins so that the most different words of the query lie inside it.  ts_headline() does
 * the same from the stored text by parsing it again, for milliseconds.
 */
#include "highlight.h"

#include <string.h>
#include <utf8proc.h>

#include "../base/utf8.h"

#define WORDS_MAX 128
#define WORD_MAX 64
#define PLACES_MAX 256

size_t highlight_fold(uint32_t c, uint32_t out[3])
{
	if (c < 0x80) {
		bool upper = c >= 'A' && c <= 'Z';
		out[0] = upper ? c + 32 : c;
		return upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
	}
	/* What has no decomposition but is taken for these letters when words are stored. */
	static const struct {
		uint32_t c;
		const char *as;
	} letters[] = { { 0xc6, "ae" }, { 0xe6, "ae" }, { 0xd8, "o" }, { 0xf8, "o" }, { 0xdf, "ss" }, { 0x1e9e, "ss" },
		{ 0x152, "oe" }, { 0x153, "oe" }, { 0x141, "l" }, { 0x142, "l" }, { 0x110, "d" }, { 0x111, "d" }, { 0xd0, "d" },
		{ 0xf0, "d" }, { 0xde, "th" }, { 0xfe, "th" }, { 0x131, "i" }, { 0x126, "h" }, { 0x127, "h" }, { 0x130, "i" } };
	for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
		if (letters[i].c != c)
			continue;
		size_t n = strlen(letters[i].as);
		for (size_t k = 0; k < n; k++)
			out[k] = (uint32_t)letters[i].as[k];
		return n;
	}
	utf8proc_category_t kind = utf8proc_category((utf8proc_int32_t)c);
	bool letter = kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
	if (!letter && (kind < UTF8PROC_CATEGORY_ND || kind > UTF8PROC_CATEGORY_NO))
		return 0;
	utf8proc_int32_t parts[8];
	int boundary = 0;
	utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)c, parts, 8,
	    UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK, &boundary);
	if (n < 0 || n > 3)
		n = 0;
	for (utf8proc_ssize_t i = 0; i < n; i++)
		out[i] = (uint32_t)parts[i];
	if (n == 0) {
		out[0] = c;
		n = 1;
	}
	return (size_t)n;
}

/* A mark that belongs to the letter before it. */
static bool is_mark(uint32_t c)
{
	if (c < 0x300)
		return false;
	utf8proc_category_t kind = utf8proc_category((utf8proc_int32_t)c);
	return kind == UTF8PROC_CATEGORY_MN || kind == UTF8PROC_CATEGORY_MC || kind == UTF8PROC_CATEGORY_ME || c == 0x200d;
}

size_t highlight_fold_word(const char *s, size_t n, char *out, size_t max)
{
	size_t len = 0;
	for (size_t i = 0; i < n;) {
		uint32_t c, parts[3] = { 0 };
		size_t step = utf8_decode(s + i, n - i, &c);
		if (step == 0)
			return 0;
		i += step;
		size_t k = highlight_fold(c, parts);
		if (k == 0 && !is_mark(c))
			return 0;
		for (size_t j = 0; j < k; j++) {
			char bytes[4];
			size_t b = utf8_encode(parts[j], bytes);
			if (len + b >= max)
				return 0;
			memcpy(out + len, bytes, b);
			len += b;
		}
	}
	out[len] = '\0';
	return len;
}

struct wanted {
	char words[WORDS_MAX][WORD_MAX];
	size_t lengths[WORDS_MAX];
	size_t terms[WORDS_MAX]; /* of which term: several forms of one are one */
	bool prefix[WORDS_MAX];
	size_t len;
};

static void want(struct wanted *w, const char *s, size_t n, size_t term, bool prefix)
{
	if (w->len == WORDS_MAX)
		return;
	size_t len = highlight_fold_word(s, n, w->words[w->len], WORD_MAX);
	if (len == 0)
		return;
	w->lengths[w->len] = len;
	w->terms[w->len] = term;
	w->prefix[w->len++] = prefix;
}

/* The next run of letters and digits from ${*at} on; false: there is none. */
static bool next_word(const char *s, size_t n, size_t *at, size_t *end)
{
	bool in = false;
	size_t i = *at;
	while (i < n) {
		uint32_t c, parts[3];
		size_t step = utf8_decode(s + i, n - i, &c);
		bool letter = step > 0 && (highlight_fold(c, parts) > 0 || (in && is_mark(c)));
		if (letter && !in) {
			*at = i;
			in = true;
		} else if (!letter && in) {
			break;
		}
		i += step > 0 ? step : 1;
	}
	*end = i;
	return in;
}

/* Each word of a term's text on its own: "v1.2", "on friday". */
static void want_text(struct wanted *w, const char *s, size_t term, bool prefix)
{
	size_t n = strlen(s);
	for (size_t at = 0, end; next_word(s, n, &at, &end); at = end)
		want(w, s + at, end - at, term, prefix && end == n);
}

static bool is_wanted(const struct wanted *w, const char *s, size_t n, size_t *term)
{
	char word[256];
	size_t len = n > 200 ? 0 : highlight_fold_word(s, n, word, sizeof word);
	for (size_t i = 0; len > 0 && i < w->len; i++) {
		bool fits = w->prefix[i] ? len >= w->lengths[i] : len == w->lengths[i];
		if (fits && memcmp(word, w->words[i], w->lengths[i]) == 0) {
			*term = w->terms[i];
			return true;
		}
	}
	return false;
}

struct place {
	size_t from, to, term;
};

/* Where the piece has to begin so that most different terms are in it: index of its first hit. */
static size_t best_start(const struct place *p, size_t len, size_t max)
{
	size_t best = 0, best_terms = 0;
	for (size_t i = 0; i < len; i++) {
		uint64_t seen = 0;
		size_t terms = 0;
		for (size_t k = i; k < len && p[k].to - p[i].from <= max * 2 / 3; k++) {
			uint64_t bit = UINT64_C(1) << (p[k].term % 64);
			terms += (seen & bit) == 0;
			seen |= bit;
		}
		if (terms > best_terms) {
			best_terms = terms;
			best = i;
		}
	}
	return best;
}

static bool continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Cuts ${at} back or forth to a blank nearby, else between characters. */
static size_t tidy(const char *s, size_t n, size_t at, bool forward)
{
	for (size_t i = 0; i < 24; i++) {
		size_t k = forward ? at + i : at - i;
		if ((forward && k >= n) || (!forward && i >= at))
			break;
		if (k > 0 && (s[k - 1] == ' ' || s[k - 1] == '\n'))
			return k;
	}
	while (at > 0 && at < n && continues(s[at]))
		at--;
	return at;
}

void highlight_find(const char *text, size_t n, const struct search_words *w, size_t max, struct highlight *out)
{
	memset(out, 0, sizeof *out);
	struct wanted wanted;
	wanted.len = 0;
	for (size_t i = 0; w != NULL && i < w->len; i++) {
		const struct search_term *t = &w->terms[i];
		if (t->negated)
			continue;
		want_text(&wanted, t->text, i, t->prefix);
		for (size_t k = 0; k < t->forms_len; k++)
			want_text(&wanted, t->forms[k], i, false);
	}
	struct place places[PLACES_MAX];
	size_t len = 0;
	for (size_t at = 0, end; wanted.len > 0 && len < PLACES_MAX && next_word(text, n, &at, &end); at = end) {
		size_t term;
		if (is_wanted(&wanted, text + at, end - at, &term))
			places[len++] = (struct place){ at, end, term };
	}
	max = max < 16 ? 16 : max;
	out->to = n;
	if (n > max) {
		size_t first = len > 0 ? places[best_start(places, len, max)].from : 0;
		size_t from = first > max / 4 ? first - max / 4 : 0;
		if (from + max > n)
			from = n - max;
		if (from > 0)
			from = tidy(text, first < from ? from : first, from, true);
		size_t to = from + max < n ? tidy(text, n, from + max, false) : n;
		if (to <= from)
			to = from + utf8_clip(text + from, n - from, max);
		out->from = from;
		out->to = to;
		out->before = from > 0;
		out->after = to < n;
	}
	for (size_t i = 0; i < len && out->len < HIGHLIGHT_HITS_MAX; i++) {
		if (places[i].from < out->from || places[i].to > out->to)
			continue;
		out->hits[out->len].from = places[i].from;
		out->hits[out->len++].to = places[i].to;
	}
}
