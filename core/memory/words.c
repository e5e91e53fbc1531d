/*
 * Words by simple means: no language is assumed, lists of small words of five languages are left out.  Facts are read from a few plain forms;
 * what has another form is kept as a note, which loses nothing but the question whether it contradicts something.
 */
#include "words.h"

#include <stdint.h>
#include <string.h>
#include <utf8proc.h>

#include "../base/buf.h"
#include "../base/utf8.h"

#define WORD_BYTES 48
#define WORDS_LOOKED_AT 400

/* Between blanks, so that one search finds a whole word. */
static const char small_words[] =
    " the and for are was were has have had not but you your yours our ours they them their this that these those with from into over under "
    "about what which who whom whose when where why how will would can could should shall may might must does did done been being its it's i'm "
    "we're let lets there here than then also just very much many more most some any all each every other another such only own same too now "
    "again yes please thanks thank hello eddy know tell say said says think want need make made get got use like well still because while "
    "remember decided decide "
    "der die das den dem des ein eine einer einem einen und oder aber nicht ist sind war waren hat haben hatte mit von für auf aus bei nach zum "
    "zur wir ihr sie ich was wer wie wann warum wird werden kann können soll sollen auch noch nur schon dass wenn als über unter bitte danke "
    "les des une est sont était dans pour avec sur par que qui quoi quand comment pourquoi nous vous ils elles pas mais plus aussi tout tous "
    "los las una por para con sin del que quien cuando como donde porque está están fue son pero más también todo todos ";

struct word {
	char s[WORD_BYTES];
	size_t len;
	size_t letters;
	bool tagged;
};

static bool is_small(const char *w, size_t n)
{
	char key[WORD_BYTES + 2];
	key[0] = ' ';
	memcpy(key + 1, w, n);
	key[n + 1] = ' ';
	return memmem(small_words, sizeof(small_words) - 1, key, n + 2) != NULL;
}

static bool in_word(uint32_t c)
{
	if (c < 0x80)
		return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
	utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
	return k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LT || k == UTF8PROC_CATEGORY_LM ||
	    k == UTF8PROC_CATEGORY_LO || k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_MC || k == UTF8PROC_CATEGORY_ND;
}

/* The next word at or after ${*at}; false: none is left. */
static bool next_word(const char *s, size_t n, size_t *at, struct word *w)
{
	*w = (struct word){ .len = 0 };
	uint32_t before = 0;
	while (*at < n) {
		uint32_t c;
		size_t step = utf8_decode(s + *at, n - *at, &c);
		if (step == 0) {
			(*at)++;
			if (w->len > 0)
				return true;
			continue;
		}
		bool joins = w->len > 0 && c == '.' && *at + step < n && in_word((uint8_t)s[*at + step]); /* v2.1 */
		if (in_word(c) || joins) {
			if (w->len == 0)
				w->tagged = before == '#';
			char out[4];
			size_t len = utf8_encode((uint32_t)utf8proc_tolower((utf8proc_int32_t)c), out);
			if (w->len + len < WORD_BYTES) {
				memcpy(w->s + w->len, out, len);
				w->len += len;
				w->letters++;
			}
		} else if (w->len > 0) {
			return true;
		}
		before = c;
		*at += step;
	}
	return w->len > 0;
}

size_t memory_words(const char *s, size_t n, size_t max, struct buf *out)
{
	struct word best[16], w;
	size_t len = 0, at = 0;
	max = max < 16 ? max : 16;
	for (int looked = 0; looked < WORDS_LOOKED_AT && next_word(s, n, &at, &w); looked++) {
		bool wide = (uint8_t)w.s[0] >= 0xe3; /* scripts without blanks say much in few letters */
		if (!w.tagged && ((w.letters < 3 && !wide) || is_small(w.s, w.len)))
			continue;
		size_t i = 0;
		while (i < len && !(best[i].len == w.len && memcmp(best[i].s, w.s, w.len) == 0))
			i++;
		if (i < len) {
			best[i].tagged |= w.tagged;
			continue;
		}
		i = len;
		while (
		    i > 0 && (w.tagged > best[i - 1].tagged || (w.tagged == best[i - 1].tagged && w.letters > best[i - 1].letters)))
			i--;
		if (i == max)
			continue;
		size_t tail = (len < max ? len : max - 1) - i;
		memmove(best + i + 1, best + i, tail * sizeof(best[0]));
		best[i] = w;
		len = len < max ? len + 1 : max;
	}
	for (size_t i = 0; i < len; i++) {
		buf_add(out, best[i].s, best[i].len);
		buf_add_char(out, '\0');
	}
	return len;
}

bool memory_has_word(const char *s, size_t n, const char *word)
{
	struct word w;
	size_t at = 0, len = strlen(word);
	while (next_word(s, n, &at, &w)) {
		size_t shorter = w.len < len ? w.len : len;
		if (memcmp(w.s, word, shorter) == 0 &&
		    (w.len == len || (shorter >= 4 && (w.len > len ? w.len - len : len - w.len) <= 3)))
			return true;
	}
	return false;
}

#define QUERY_WORDS 10

void memory_query_of(const char *words, size_t count, struct buf *out)
{
	for (size_t i = 0; i < count && i < QUERY_WORDS; i++, words += strlen(words) + 1)
		buf_addf(out, "%s\"%s\"", i > 0 ? " OR " : "", words);
	buf_reserve(out, 1);
}

void memory_query(const char *s, size_t n, struct buf *out)
{
	struct buf words = BUF_INIT;
	size_t count = memory_words(s, n, QUERY_WORDS, &words);
	memory_query_of(words.p, count, out);
	buf_done(&words);
}

/* ---- facts ---- */

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void trim(const char **s, size_t *n)
{
	while (*n > 0 && blank(**s)) {
		(*s)++;
		(*n)--;
	}
	while (*n > 0 && (blank((*s)[*n - 1]) || strchr(".!;,", (*s)[*n - 1]) != NULL))
		(*n)--;
}

static bool starts(const char *s, size_t n, const char *word)
{
	size_t len = strlen(word);
	return n > len && strncasecmp(s, word, len) == 0;
}

/* Where " is " and the like begins; 0: nowhere near the front. */
static size_t find_is(const char *s, size_t n, size_t *width)
{
	static const char *const verbs[] = { " is ", " are ", " ist ", " sind ", " est ", " es ", ": ", NULL };
	size_t best = 0;
	for (int i = 0; verbs[i] != NULL; i++) {
		const char *p = memmem(s, n < 64 ? n : 64, verbs[i], strlen(verbs[i]));
		size_t at = p != NULL ? (size_t)(p - s) : 0;
		if (at > 0 && (best == 0 || at < best)) {
			best = at;
			*width = strlen(verbs[i]);
		}
	}
	return best;
}

static bool put_attribute(struct memory_fact *f, const char *s, size_t n)
{
	trim(&s, &n);
	if (n == 0 || n > 40)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = s[i];
		if (c == '\n' || c == ',' || c == '?')
			return false;
		f->attribute[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	f->attribute[n] = '\0';
	return true;
}

static bool one_value(struct memory_fact *f, const char *s, size_t n)
{
	trim(&s, &n);
	if (n == 0 || n > 400 || memchr(s, '\n', n) != NULL || s[n - 1] == '?')
		return false;
	f->value = s;
	f->value_len = n;
	return true;
}

bool memory_fact_read(const char *s, size_t n, struct memory_fact *out)
{
	/* Forms of which one value counts at a time; of things somebody likes there may be many, those are notes. */
	static const struct {
		const char *start, *attribute;
	} plain[] = {
		{ "i live in ", "lives in" },
		{ "i work in ", "works in" },
		{ "i work for ", "works for" },
		{ "i work from ", "works from" },
		{ "i am called ", "name" },
		{ "call me ", "name" },
		{ "i prefer ", "prefers" },
		{ "i use ", "uses" },
		{ "ich wohne in ", "lives in" },
		{ "ich arbeite in ", "works in" },
		{ "ich heisse ", "name" },
		{ "ich heiße ", "name" },
		{ "j'habite à ", "lives in" },
		{ "je m'appelle ", "name" },
		{ "vivo en ", "lives in" },
		{ "me llamo ", "name" },
	};
	static const char *const mine[] = { "my ", "mein ", "meine ", "mon ", "ma ", "mi ", NULL };
	*out = (struct memory_fact){ .who = NULL };
	trim(&s, &n);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (!starts(s, n, plain[i].start))
			continue;
		size_t skip = strlen(plain[i].start);
		memcpy(out->attribute, plain[i].attribute, strlen(plain[i].attribute) + 1);
		return one_value(out, s + skip, n - skip);
	}
	size_t width = 0, at;
	for (int i = 0; mine[i] != NULL; i++) {
		if (!starts(s, n, mine[i]))
			continue;
		size_t skip = strlen(mine[i]);
		at = find_is(s + skip, n - skip, &width);
		return at > 0 && put_attribute(out, s + skip, at) && one_value(out, s + skip + at + width, n - skip - at - width);
	}
	/* NAME's attribute is value: a name of one or two words with a capital */
	const char *own = memmem(s, n < 48 ? n : 48, "'s ", 3);
	if (own == NULL)
		own = memmem(s, n < 48 ? n : 48, "\xe2\x80\x99s ", 5);
	if (own == NULL || own == s || *s < 'A' || (*s > 'Z' && (uint8_t)*s < 0x80))
		return false;
	out->who = s;
	out->who_len = (size_t)(own - s);
	static const char *const no_names[] = { "it", "that", "there", "what", "let", "here", "who", "where", "he", "she", "how",
		NULL };
	for (int i = 0; no_names[i] != NULL; i++)
		if (out->who_len == strlen(no_names[i]) && strncasecmp(s, no_names[i], out->who_len) == 0)
			return false;
	const char *rest = own + (*own == '\'' ? 3 : 5);
	size_t left = n - (size_t)(rest - s);
	at = find_is(rest, left, &width);
	return at > 0 && put_attribute(out, rest, at) && one_value(out, rest + at + width, left - at - width);
}
