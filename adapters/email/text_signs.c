/*
 * Signs of other people's mails.  Facts (a date, an address, a verb) are or-ed over the lines of a wrapped attribution; how much is asked of them depends on whether
 * quoted lines follow: with ">" below a name and a verb are enough, without it there must be an address in angles, or a date with its time.
 */
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/utf8.h"
#include "text_signs.h"

#define ATTRIBUTION_LINES 6u
#define ATTRIBUTION_BYTES 500u

size_t mail_text_next(const struct text_lines *l, size_t i)
{
	while (i < l->len && text_blank(&l->v[i]))
		i++;
	return i;
}

bool mail_text_quote_follows(const struct text_lines *l, size_t i)
{
	size_t next = mail_text_next(l, i);
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

/*
 * An attribution that starts at line ${i}; its end into ${end}.  Strong: it is one even without ">" below.  Weak: only with it.
 */
enum mail_strength mail_sign_attribution_at(const struct text_lines *l, size_t i, size_t *end)
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
			size_t next = mail_text_next(l, j);
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
		enum mail_strength found = NO_ATTRIBUTION;
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
			/* Without a verb a blank line must follow: chats as text have none. */
			bool sure =
			    (first & HAS_FIRST) && (has & HAS_ANGLE) && year && time && (j + 1 >= stop || text_blank(&l->v[j + 1]));
			found = sure ? STRONG_ATTRIBUTION : WEAK_ATTRIBUTION;
		} else if (k == 0 && (has & HAS_BRACKET) && (has & HAS_FIRST) && year && words <= 14 &&
		    text_key(l, i)[l->v[i].key_n - 1] == '>') {
			found = WEAK_ATTRIBUTION; /* 2024/5/6 Pat <pat@example.org> */
		} else if (colon && at && k == 0 && words <= 16 && mail_word_quoting(text_key(l, i), l->v[i].key_n)) {
			found = WEAK_ATTRIBUTION;
		} else if (colon && dated && time && year && words <= 20) {
			found = WEAK_ATTRIBUTION;
		}
		if (found == WEAK_ATTRIBUTION && !mail_text_quote_follows(l, j + 1))
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
		if (colon && k > 0 && !(has & HAS_OPEN) && (t->has & HAS_COLON) && mail_text_quote_follows(l, j + 1))
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
enum mail_strength mail_sign_attribution(const struct text_lines *l, size_t i, size_t *end)
{
	enum mail_strength found = mail_sign_attribution_at(l, i, end);
	if (found == NO_ATTRIBUTION || *end <= i + 1)
		return found;
	for (size_t later = i + 1; later < *end; later++) {
		size_t e;
		if (text_blank(&l->v[later]) || l->v[later].depth != l->v[i].depth)
			continue;
		if (belongs_to_next(l, i, later))
			continue;
		if (mail_sign_attribution_at(l, later, &e) == STRONG_ATTRIBUTION && e == *end)
			return NO_ATTRIBUTION;
	}
	return found;
}

/* "ok On Mon, May 6, 2024 at 9:12, Bot <b@e.org> wrote:": where the attribution starts in the line; 0: none. */
size_t mail_sign_attribution_inside(const struct text_lines *l, size_t i)
{
	static const char *const openers[] = { " On ", " Am ", " Le ", " El ", " Em ", " Il ", " Op ", " Den ", " Dnia ",
		" W dniu ", " Dne " };
	const struct text_line *t = &l->v[i];
	const unsigned need = HAS_AT | HAS_DAY | HAS_TIME | HAS_COLON;
	if ((t->has & need) != need || !(t->has & (HAS_VERB | HAS_VERB_INSIDE)) || (t->has & HAS_PRONOUN) ||
	    !mail_text_quote_follows(l, i + 1))
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
size_t mail_sign_headers(const struct text_lines *l, size_t i, bool sure)
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
	if (sure && (at || sent || subject || date))
		return end;
	if (subject + sent + date + to >= 2 && (sent || at || (subject && (time || to))))
		return end;
	/* "I got this:" above two such lines: somebody tells of a mail. */
	const size_t above = i > 0 && text_blank(&l->v[i - 1]) ? i - 1 : i;
	const bool told = labels == 2 && above > 0 && (l->v[above - 1].has & HAS_COLON);
	if (at && (sent || date || subject) && !told)
		return end;
	return 0;
}

/* HTML says "here": lines like "Word: …" in a language we do not know. */
bool mail_sign_like_headers(const struct text_lines *l, size_t i)
{
	size_t seen = 0;
	for (size_t j = i; j < l->len && j < i + 8; j++) {
		const char *k = text_key(l, j), *colon = memchr(k, ':', l->v[j].key_n);
		seen += colon != NULL && colon - k <= 24 && colon + 1 < k + l->v[j].key_n;
	}
	return seen >= 3;
}

/* "-----Original Message-----", "Begin forwarded message:". */
enum mail_marker mail_sign_marker(const struct text_lines *l, size_t i)
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
	size_t next = mail_text_next(l, i + 1);
	bool headers = next < l->len && next - i <= 3 && mail_sign_headers(l, next, false) > 0;
	enum mail_marker m = dashes >= 2 || k[t->key_n - 1] == ':' || headers ? mail_word_marker(k + b, e - b) : MARKER_NONE;
	if (m != MARKER_NONE && dashes < 2 && !headers) /* without dashes: only what a program says in full */
		return m == MARKER_FORWARD && k[t->key_n - 1] == ':' ? m : MARKER_NONE;
	if (m == MARKER_NONE && dashes >= 3 && e < t->key_n && e - b <= 60 && (t->has & HAS_WORD) && headers)
		m = MARKER_ORIGINAL; /* some language's */
	return m;
}

bool mail_sign_reply_above(const struct text_lines *l, size_t i)
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
