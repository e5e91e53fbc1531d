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

#define ATTRIBUTION_LINES 6u
#define ATTRIBUTION_BYTES 500u

static bool is_own(const struct text_line *t) /* a line of the sender, not blank */
{
	return (t->kind == KIND_TEXT || t->kind == KIND_CODE) && !text_blank(t);
}

static size_t next_filled(const struct text_lines *l, size_t i)
{
	while (i < l->len && text_blank(&l->v[i]))
		i++;
	return i;
}

static bool quote_follows(const struct text_lines *l, size_t i)
{
	size_t next = next_filled(l, i);
	return next < l->len && next - i <= 3 && (l->v[next].depth > 0 || (l->v[next].markup & MARKUP_HISTORY));
}

bool mail_text_is_rule(const struct text_lines *l, size_t i, size_t min)
{
	const char *k = text_key(l, i);
	size_t n = l->v[i].key_n, marks = 0;
	const char *s = l->text + l->v[i].at;
	if (n == 0) { /* "***": keys have no asterisks */
		for (size_t j = l->v[i].body; j < l->v[i].n; j++)
			marks += s[j] == '*';
		return marks >= min;
	}
	for (size_t j = 0; j < n; j++) {
		if (strchr("-_=~#+", k[j]) != NULL)
			marks++;
		else if (k[j] != ' ')
			return false;
	}
	return marks >= min;
}

/* ---- attributions ---- */

/* Is what stands around the verb a name?  Words with a capital letter (or of a script without them), small words of names, "you". */
static bool is_name_near_verb(const struct text_lines *l, size_t from, size_t to)
{
	size_t names = 0, last_names = 0;
	bool verb = false;
	for (size_t i = from; i < to; i++) {
		const struct text_line *t = &l->v[i];
		const char *s = l->text + t->at + t->body;
		size_t n = t->n - t->body;
		for (size_t j = 0; j < n;) {
			size_t start = j;
			while (j < n && s[j] != ' ' && s[j] != '\t')
				j++;
			if (j == start) {
				j++;
				continue;
			}
			char folded[48];
			struct buf key = BUF_INIT;
			mail_fold(&key, s + start, j - start, 40);
			size_t b = 0, e = key.len;
			while (b < e && strchr("\"'([<,;:-", key.p[b]) != NULL)
				b++;
			while (e > b && strchr("\"')]>,;:.-", key.p[e - 1]) != NULL)
				e--;
			size_t len = e - b < sizeof folded ? e - b : sizeof folded - 1;
			memcpy(folded, key.len > 0 ? key.p + b : "", len);
			buf_done(&key);
			if (len == 0)
				continue;
			bool digit = false, at = memchr(folded, '@', len) != NULL;
			for (size_t d = 0; d < len; d++)
				digit |= folded[d] >= '0' && folded[d] <= '9';
			unsigned what = mail_word_of_attribution(folded, len);
			if (what & WORD_VERB) {
				if (verb)
					continue;
				verb = true;
				if (!(what & WORD_VERB_INSIDE))
					break;
				last_names = names;
				names = 0;
				continue;
			}
			if (digit) { /* part of a date: names start anew */
				names = 0;
				continue;
			}
			if (at || (what & WORD_SMALL))
				continue;
			size_t u = start;
			while (u < j && strchr("\"'([<,;:-", s[u]) != NULL)
				u++;
			uint32_t c = 0;
			utf8_decode(s + u, n - u, &c);
			if (c < 0x80 && (c < 'A' || c > 'Z'))
				return false;
			struct buf one = BUF_INIT;
			char coded[4];
			size_t coded_n = utf8_encode(c, coded);
			mail_fold(&one, coded, coded_n, 8);
			bool changed = one.len != coded_n || memcmp(one.p, coded, coded_n) != 0;
			buf_done(&one);
			if (c >= 0xc0 && c < 0x590 && !changed) /* Latin, Greek, Cyrillic: small */
				return false;
			names++;
		}
	}
	return names + last_names <= 6;
}

/* "pat@example.org> wrote:" is the rest of a line above. */
static bool starts_inside_address(const struct text_lines *l, size_t i)
{
	const char *k = text_key(l, i);
	for (size_t j = 0; j < l->v[i].key_n && k[j] != '<' && k[j] != '('; j++)
		if (k[j] == '>' || k[j] == ')')
			return true;
	return false;
}

/* "he wrote" is a sentence; Mr Han and Ms Lei are names. */
static bool is_pronoun(const struct text_lines *l, size_t from, size_t last)
{
	const char *k = text_key(l, last);
	const char *i = memmem(k, l->v[last].key_n, "i ", 2);
	return (i != NULL && (i == k || i[-1] == ' ')) || !is_name_near_verb(l, from, last + 1);
}

enum strength { NO_ATTRIBUTION, WEAK_ATTRIBUTION, STRONG_ATTRIBUTION };

/*
 * An attribution that starts at line ${i}; its end into ${end}.  Strong: it is one even without ">" below.  Weak: only with it.
 */
static enum strength attribution_at(const struct text_lines *l, size_t i, size_t *end)
{
	unsigned has = 0;
	size_t bytes = 0, words = 0, stop = l->len;
	const unsigned first = l->v[i].has;
	const bool starts = (first & (HAS_EARLY | HAS_AT | HAS_OPEN | HAS_VERB | HAS_VERB_INSIDE)) != 0;
	if (!starts || (l->v[i].markup & MARKUP_LIST) || starts_inside_address(l, i))
		return NO_ATTRIBUTION;
	for (size_t k = 0, j = i; k < ATTRIBUTION_LINES && j < stop; k++, j++) {
		const struct text_line *t = &l->v[j];
		if (k > 0 && text_blank(t)) { /* some programs put the address in a paragraph of its own */
			size_t next = next_filled(l, j);
			bool more = (has & HAS_EARLY) && (has & HAS_DAY) && (has & (HAS_TIME | HAS_YEAR)) && next < stop &&
			    next - j <= 1 && text_key(l, next)[0] == '<' && l->v[next].key_n < 100;
			if (!more)
				return NO_ATTRIBUTION;
			j = next;
			t = &l->v[j];
		}
		if (t->depth != l->v[i].depth && !((has & HAS_OPEN) && t->depth == l->v[i].depth + 1 && t->key_n <= 12))
			return NO_ATTRIBUTION;
		bytes += t->key_n;
		words += t->words;
		if ((t->has & HAS_LONG) || bytes > ATTRIBUTION_BYTES)
			return NO_ATTRIBUTION;
		/* What counts of a sentence is its last line, of facts any; an angle stays open till it is closed. */
		const bool closed = (t->has & HAS_CLOSE) || t->depth > l->v[i].depth;
		has = (has & ~(unsigned)(HAS_COLON | HAS_ANGLE | HAS_VERB | (closed ? HAS_OPEN : 0))) | t->has;
		const bool colon = has & HAS_COLON, at = has & HAS_AT, year = has & HAS_YEAR, time = has & HAS_TIME,
		           day = has & HAS_DAY;
		const bool verb = (has & HAS_VERB) || ((has & HAS_VERB_INSIDE) && colon);
		const bool dated = year || (day && time);
		enum strength found = NO_ATTRIBUTION;
		if (verb && (colon || ((has & HAS_VERB) && at && dated))) {
			if ((has & HAS_PRONOUN) && is_pronoun(l, i, j))
				found = NO_ATTRIBUTION;
			else if ((has & HAS_BRACKET) && (dated || day) && words <= 40)
				found = STRONG_ATTRIBUTION;
			else if ((has & HAS_BRACKET) && words <= 20 && is_name_near_verb(l, i, j + 1))
				found = STRONG_ATTRIBUTION;
			else if (year && time && (first & HAS_EARLY) && words <= 30)
				found = STRONG_ATTRIBUTION;
			else if (dated && (time || (has & HAS_ANSWERED)) && words <= 25 && is_name_near_verb(l, i, j + 1))
				found = STRONG_ATTRIBUTION;
			else if (colon && k <= 1 && words <= 14 && (dated || at || is_name_near_verb(l, i, j + 1)))
				found = WEAK_ATTRIBUTION;
		} else if (colon && at && dated && (time || year) && words <= 30) {
			bool sure = (first & HAS_FIRST) && (has & HAS_ANGLE) && year && time;
			found = sure ? STRONG_ATTRIBUTION : WEAK_ATTRIBUTION;
		} else if (colon && at && k == 0 && words <= 16 && mail_word_quoting(text_key(l, i), l->v[i].key_n)) {
			found = WEAK_ATTRIBUTION;
		} else if (colon && dated && time && year && words <= 20) {
			found = WEAK_ATTRIBUTION;
		}
		if (found == WEAK_ATTRIBUTION && !quote_follows(l, j + 1))
			found = NO_ATTRIBUTION;
		if (found != NO_ATTRIBUTION) {
			*end = j + 1;
			const bool rest = !colon && *end < stop && !text_blank(&l->v[*end]);
			if (rest &&
			    (mail_text_is_rule(l, *end, 2) ||
			        (l->v[*end].key_n == 1 && (l->v[*end].has & HAS_COLON)))) /* "wrote ----", "a écrit :" */
				++*end;
			return found;
		}
		if (colon && k > 0 && !(has & HAS_OPEN) && (t->has & HAS_COLON) && quote_follows(l, j + 1))
			return NO_ATTRIBUTION;
	}
	return NO_ATTRIBUTION;
}

/* Is line ${i} the first of a wrapped attribution, though one could start at ${later} too?  With a date or an address in front: yes; a sentence: no. */
static bool belongs_to_next(const struct text_lines *l, size_t i, size_t later)
{
	const struct text_line *t = &l->v[i];
	const char last = text_key(l, i)[t->key_n - 1];
	const bool dated = (t->has & (HAS_EARLY | HAS_DAY)) == (HAS_EARLY | HAS_DAY);
	if (dated && (!(l->v[later].has & HAS_EARLY) || strchr(".!?", last) == NULL))
		return true;
	return (t->has & HAS_AT) && memchr(text_key(l, i), '<', t->key_n) != NULL && t->words <= 12 && strchr(".!?:", last) == NULL;
}

/* The same, but the latest line it may start with: a sentence above it is the sender's. */
static enum strength attribution(const struct text_lines *l, size_t i, size_t *end)
{
	enum strength found = attribution_at(l, i, end);
	if (found == NO_ATTRIBUTION || *end <= i + 1)
		return found;
	for (size_t later = i + 1; later < *end; later++) {
		size_t e;
		if (text_blank(&l->v[later]) || l->v[later].depth != l->v[i].depth)
			continue;
		if (belongs_to_next(l, i, later))
			continue;
		if (attribution_at(l, later, &e) == STRONG_ATTRIBUTION && e == *end)
			return NO_ATTRIBUTION;
	}
	return found;
}

/* "ok On Mon, May 6, 2024 at 9:12, Bot <b@e.org> wrote:": where the attribution starts in the line; 0: none. */
static size_t attribution_inside(const struct text_lines *l, size_t i)
{
	static const char *const openers[] = { " On ", " Am ", " Le ", " El ", " Em ", " Il ", " Op ", " Den ", " Dnia ",
		" W dniu ", " Dne " };
	const struct text_line *t = &l->v[i];
	const unsigned need = HAS_AT | HAS_DAY | HAS_TIME | HAS_COLON;
	if ((t->has & need) != need || !(t->has & (HAS_VERB | HAS_VERB_INSIDE)) || (t->has & HAS_PRONOUN) ||
	    !quote_follows(l, i + 1))
		return 0;
	const char *s = l->text + t->at;
	for (size_t k = 0; k < sizeof openers / sizeof openers[0]; k++) {
		size_t len = strlen(openers[k]);
		for (const char *p = s; (p = memmem(p, t->n - (size_t)(p - s), openers[k], len)) != NULL; p++) {
			size_t after = (size_t)(p - s) + len, digit = after;
			while (digit < t->n && digit < after + 12 && !(s[digit] >= '0' && s[digit] <= '9'))
				digit++;
			size_t before = 0;
			while (before < (size_t)(p - s) && !(s[before] >= '0' && s[before] <= '9') && s[before] != '<')
				before++;
			if (digit < t->n && digit < after + 12 && before == (size_t)(p - s))
				return before;
		}
	}
	return 0;
}

/* ---- header blocks and markers ---- */

/* A block of header lines of a mail from line ${i} on; its end, or 0.  ${sure}: something above says so already. */
static size_t header_block(const struct text_lines *l, size_t i, bool sure)
{
	const unsigned depth = l->v[i].depth;
	unsigned kinds = 0;
	size_t end = 0, loose = 0, labels = 0;
	bool at = false, time = false;
	unsigned current = LABEL_NONE;
	if (l->v[i].label == LABEL_NONE || l->v[i].label == LABEL_CC || (l->v[i].label == LABEL_TO && !sure))
		return 0;
	for (size_t j = i; j < l->len && j < i + 24; j++) {
		const struct text_line *t = &l->v[j];
		if (t->depth != depth)
			break;
		if (text_blank(t)) {
			if (j + 1 < l->len && l->v[j + 1].label != LABEL_NONE && l->v[j + 1].depth == depth)
				continue;
			break;
		}
		if (t->label != LABEL_NONE) {
			/* The body may start with words like "Am:"; a header comes once. */
			if ((kinds & 1u << t->label) && t->label != LABEL_OTHER && t->label != LABEL_CC && t->label != LABEL_DATE &&
			    t->label != LABEL_SENT)
				break;
			current = t->label;
			kinds |= 1u << current;
			labels++;
			end = j + 1;
			loose = 0;
		} else if (++loose > 4) {
			break;
		}
		if ((current == LABEL_FROM || current == LABEL_TO) && (t->has & HAS_AT))
			at = true;
		if ((current == LABEL_SENT || current == LABEL_DATE) && (t->has & (HAS_TIME | HAS_YEAR)))
			time = true;
	}
	if (!(kinds & 1u << LABEL_FROM) || labels < 2)
		return 0;
	const bool subject = kinds & 1u << LABEL_SUBJECT, sent = kinds & 1u << LABEL_SENT, date = kinds & 1u << LABEL_DATE,
	           to = kinds & 1u << LABEL_TO;
	if (sure)
		return end;
	if (subject + sent + date + to >= 2 && (sent || at || (subject && (time || to))))
		return end;
	if (at && (sent || date || subject) && labels >= 2)
		return end;
	return 0;
}

/* HTML says "here": lines like "Word: …" in a language we do not know. */
static bool looks_like_headers(const struct text_lines *l, size_t i)
{
	size_t seen = 0;
	for (size_t j = i; j < l->len && j < i + 8; j++) {
		const char *k = text_key(l, j), *colon = memchr(k, ':', l->v[j].key_n);
		seen += colon != NULL && colon - k <= 24 && colon + 1 < k + l->v[j].key_n;
	}
	return seen >= 3;
}

/* "-----Original Message-----", "Begin forwarded message:". */
static enum mail_marker marker_at(const struct text_lines *l, size_t i)
{
	const struct text_line *t = &l->v[i];
	if (t->key_n < 6 || t->key_n > 160)
		return MARKER_NONE;
	const char *k = text_key(l, i);
	size_t b = 0, e = t->key_n, dashes = 0;
	while (b < e && (strchr("-_=~<#+", k[b]) != NULL || k[b] == ' ')) {
		dashes += k[b] != ' ';
		b++;
	}
	while (e > b && (strchr("-_=~>#+:", k[e - 1]) != NULL || k[e - 1] == ' '))
		e--;
	size_t next = next_filled(l, i + 1);
	bool headers = next < l->len && next - i <= 3 && header_block(l, next, false) > 0;
	enum mail_marker m = dashes >= 2 || k[t->key_n - 1] == ':' || headers ? mail_word_marker(k + b, e - b) : MARKER_NONE;
	if (m != MARKER_NONE && dashes < 2 && !headers) /* without dashes: only what a program says in full */
		return m == MARKER_FORWARD && k[t->key_n - 1] == ':' ? m : MARKER_NONE;
	if (m == MARKER_NONE && dashes >= 3 && e < t->key_n && e - b <= 60 && (t->has & HAS_WORD) && headers)
		m = MARKER_ORIGINAL; /* some language's */
	return m;
}

static bool reply_above_at(const struct text_lines *l, size_t i)
{
	const struct text_line *t = &l->v[i];
	const char *k = text_key(l, i);
	if (t->key_n < 6 || t->key_n > 240)
		return false;
	bool decorated = strchr("-_=~#+[({<.", k[0]) != NULL || strchr("-_=~#+])}>", k[t->key_n - 1]) != NULL;
	if (!decorated) { /* a line of its own that is no question and quotes nothing */
		bool alone = (i == 0 || text_blank(&l->v[i - 1])) && (i + 1 >= l->len || text_blank(&l->v[i + 1]));
		decorated = alone && t->words <= 14 && memchr(k, '"', t->key_n) == NULL && memchr(k, '?', t->key_n) == NULL;
	}
	return decorated && mail_word_reply_above(k, t->key_n);
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
		if ((t->markup & MARKUP_CUT) || ((t->markup & MARKUP_HEADERS) && looks_like_headers(l, i))) {
			v->history = i;
			v->by_markup = true;
			v->history_forward = t->markup & MARKUP_FORWARD;
			return;
		}
		own |= t->kind == KIND_CODE;
		if (t->kind != KIND_TEXT || text_blank(t))
			continue;
		if ((t->markup & MARKUP_ATTRIBUTION) && marker_at(l, i) == MARKER_NONE) {
			size_t e = i;
			while (e < l->len && (text_blank(&l->v[e]) || (l->v[e].markup & MARKUP_ATTRIBUTION)))
				e++;
			mark(l, i, e, KIND_ATTRIBUTION);
			i = e - 1;
			continue;
		}
		enum mail_marker m = marker_at(l, i);
		if (m != MARKER_NONE || header_block(l, i, i > 0 && mail_text_is_rule(l, i - 1, 5)) > 0 ||
		    (own && reply_above_at(l, i))) {
			v->history = i;
			v->history_forward = m == MARKER_FORWARD;
			return;
		}
		if (!own && reply_above_at(l, i)) {
			t->kind = KIND_JUNK;
			continue;
		}
		size_t end, at = v->inside_at == 0 ? attribution_inside(l, i) : 0;
		if (at > 0) {
			v->inside_at = at;
			v->inside_line = i;
		} else if (attribution(l, i, &end) != NO_ATTRIBUTION) {
			if (quote_follows(l, end)) {
				mark(l, i, end, KIND_ATTRIBUTION);
				absorb_headers(l, i);
				i = end - 1;
				continue;
			}
			if (own || next_filled(l, end) >= l->len) {
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
	return attribution_at(l, i, &end) != NO_ATTRIBUTION || header_block(l, i, false) > 0 || marker_at(l, i) != MARKER_NONE;
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
	    (text_blank(&l->v[first]) || marker_at(l, first) != MARKER_NONE || mail_text_is_rule(l, first, 3)))
		first++;
	size_t end = first < l->len ? header_block(l, first, true) : 0;
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
			bool is_forward =
			    first < b[k].to && (marker_at(l, first) == MARKER_FORWARD || (l->v[first].markup & MARKUP_FORWARD));
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
