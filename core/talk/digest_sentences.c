/*
 * From messages to sentences, and what they are to each other.  Cutting comes first: code, quotes, tables and headings are left out, lists are cut
 * at their items, the rest at full stops that end a sentence; signs of emphasis, code and links come off, for half of a pair is left where a
 * sentence is taken out of its paragraph.  Then, in the order in which things were said:
 *
 * - "agreed" makes the statement before it, of somebody else, a decision;
 * - a correction ("actually, …", "no, make it …") looks back for the statement on the same thing: the one that shares words with it, has a
 *   value of the same kind (a number, a day, a month, a name) and is a decision or a proposal.  That one is replaced, and so are the proposals and
 *   decisions before it that name the same value.  The correction inherits that it was decided;
 * - a decision that speaks of the same thing as an earlier one replaces it, whether or not it says that it corrects.
 *
 * Everything is bounded: SENTENCES_MAX sentences, SENTENCE_WORDS words of each, LOOK_BACK sentences back.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "../base/buf.h"
#include "../base/mem.h"
#include "../base/utf8.h"
#include "digest_internal.h"

#define LOOK_BACK 80
#define OF_MESSAGE 40 /* sentences of one message */
#define SENTENCE_BYTES 1200
#define LABEL_MAX 300
#define TARGET_MAX 2000

static bool starts(const char *s, size_t n, const char *with)
{
	size_t k = strlen(with);
	return n >= k && memcmp(s, with, k) == 0;
}

static void trim(const char **s, size_t *n)
{
	while (*n > 0 && isspace((unsigned char)**s)) {
		(*s)++;
		(*n)--;
	}
	while (*n > 0 && isspace((unsigned char)(*s)[*n - 1]))
		(*n)--;
}

/* "e.g.", "z. B.", "Dr.", "3.": the full stop belongs to the word. */
static bool is_abbreviation(const char *s, size_t dot)
{
	static const char *const known[] = { "dr", "mr", "mrs", "ms", "st", "vs", "etc", "ca", "bzw", "usw", "nr", "no", "evtl",
		"ggf", "inkl", "approx", "incl", "e.g", "i.e", "z.b", "d.h", "u.a", "p.ex", "p.ej", "sr", "sra", "vgl", "resp",
		"max", "min", "fig", "cf" };
	size_t from = dot;
	while (from > 0 && !isspace((unsigned char)s[from - 1]) && s[from - 1] != '(')
		from--;
	size_t n = dot - from;
	if (n == 0)
		return false;
	if (n == 1 && isalpha((unsigned char)s[from]) && s[from] != 'I')
		return true;
	bool digits = n <= 2;
	for (size_t i = 0; i < n && digits; i++)
		digits = isdigit((unsigned char)s[from + i]);
	if (digits)
		return true;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strlen(known[i]) == n && strncasecmp(known[i], s + from, n) == 0)
			return true;
	}
	return false;
}

size_t digest_sentence_end(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool wide = starts(s + i, n - i, "\xe3\x80\x82") || starts(s + i, n - i, "\xef\xbc\x9f") ||
		    starts(s + i, n - i, "\xef\xbc\x81");
		bool dots = starts(s + i, n - i, "\xe2\x80\xa6");
		if (!wide && !dots && s[i] != '.' && s[i] != '!' && s[i] != '?')
			continue;
		if (s[i] == '.' && is_abbreviation(s, i))
			continue;
		i += wide || dots ? 3 : 1;
		while (i < n && strchr(".!?)\"'*_`\xe2", s[i]) != NULL && s[i] != '\0') {
			if (s[i] == '\xe2') {
				if (!starts(s + i, n - i, "\xe2\x80\x9c") && !starts(s + i, n - i, "\xe2\x80\x9d"))
					break;
				i += 2;
			}
			i++;
		}
		if (wide || i >= n || isspace((unsigned char)s[i]))
			return i;
		i--;
	}
	return n;
}

static uint32_t hash_word(const char *s, size_t n)
{
	uint32_t h = 2166136261U;
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619U;
	return h;
}

static void add_word(struct sentence *st, const char *w, size_t n, bool name)
{
	st->words++;
	enum digest_word kind = digest_word_kind(w, n);
	if (kind == WORD_NONE || st->word_len == SENTENCE_WORDS)
		return;
	if (kind == WORD_PLAIN && name)
		kind = WORD_NAME;
	/* Endings change, values do not: six characters are enough of a word to know it by. */
	size_t keep = n;
	if (kind == WORD_PLAIN) {
		size_t chars = 0;
		for (keep = 0; keep < n; keep++) {
			if (((unsigned char)w[keep] & 0xc0) != 0x80 && ++chars > 6)
				break;
		}
	}
	uint32_t h = hash_word(w, keep);
	for (size_t i = 0; i < st->word_len; i++) {
		if (st->word[i].hash == h)
			return;
	}
	st->word[st->word_len++] = (struct sentence_word){ h, kind };
}

static bool is_inside_number(const char *s, size_t n, size_t at)
{
	return at > 0 && at + 1 < n && strchr(".,:/-", s[at]) != NULL && isdigit((unsigned char)s[at - 1]) &&
	    isdigit((unsigned char)s[at + 1]);
}

/* Lower case with blanks joined for the signs; the words for what it speaks of. */
static void look_at(struct sentence *st)
{
	struct buf norm = BUF_INIT;
	size_t word = 0;
	bool in_word = false, name = false, first = true;
	for (size_t i = 0; i < st->len;) {
		uint32_t c;
		size_t k = utf8_decode(st->text + i, st->len - i, &c);
		if (k == 0) {
			c = ' ';
			k = 1;
		}
		if (c == 0x2019 || c == 0x2018)
			c = '\'';
		uint32_t low = (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
		bool letter = c >= 0x80
		    ? c != 0xa0 && !(c >= 0x2000 && c < 0x2100) && !(c >= 0x3000 && c < 0x3040) && !(c >= 0xff00 && c < 0xff10)
		    : isalnum((int)c) || (c == '\'' && in_word);
		if (!letter && in_word && is_inside_number(st->text, st->len, i))
			letter = true;
		if (letter && !in_word) {
			word = norm.len;
			name = !first && low != c;
			first = false;
		}
		if (!letter && in_word)
			add_word(st, norm.p + word, norm.len - word, name);
		in_word = letter;
		char out[4];
		size_t m = utf8_encode(low == '\t' || low == '\n' || low == '\r' || low == 0xa0 ? ' ' : low, out);
		if (out[0] != ' ' || (norm.len > 0 && norm.p[norm.len - 1] != ' '))
			buf_add(&norm, out, m);
		i += k;
	}
	if (in_word)
		add_word(st, norm.p + word, norm.len - word, name);
	while (norm.len > 0 && norm.p[norm.len - 1] == ' ')
		buf_truncate(&norm, norm.len - 1);
	buf_add_str(&norm, "");
	st->signs = digest_signs(norm.p, norm.len);
	size_t end = norm.len;
	while (end > 0 && strchr(")\"'*_` ", norm.p[end - 1]) != NULL)
		end--;
	st->question = (end > 0 && norm.p[end - 1] == '?') || (end > 2 && memcmp(norm.p + end - 3, "\xef\xbc\x9f", 3) == 0);
	st->has_link = memmem(norm.p, norm.len, "https://", 8) != NULL || memmem(norm.p, norm.len, "http://", 7) != NULL;
	st->decision = (st->signs & SIGN_DECISION) && !st->question && !st->eddy;
	buf_done(&norm);
}

/* Numbers of other messages and nothing else. */
static bool is_reference(const char *s, size_t n)
{
	struct buf b = BUF_INIT;
	bool empty = digest_add_text(&b, s, n, 40, 0, NULL) == 0;
	buf_done(&b);
	return empty;
}

static void add_sentence(struct sentences *all, size_t message, bool eddy, const char *s, size_t n)
{
	trim(&s, &n);
	if (n == 0)
		return;
	bool letters = false;
	for (size_t i = 0; i < n && !letters; i++)
		letters = isalnum((unsigned char)s[i]) || (unsigned char)s[i] >= 0x80;
	if (!letters || (*s == '[' && is_reference(s, n)))
		return;
	if (all->len == SENTENCES_MAX) { /* the newer half is kept */
		all->len = SENTENCES_MAX / 2;
		memmove(all->s, all->s + (SENTENCES_MAX - all->len), all->len * sizeof(*all->s));
	}
	struct sentence *st = &all->s[all->len++];
	*st = (struct sentence){ .message = message, .text = s, .len = n, .eddy = eddy };
	if (st->len > SENTENCE_BYTES)
		st->len = utf8_clip(s, n, SENTENCE_BYTES);
	look_at(st);
}

static bool is_edge(const char *s, size_t n, size_t at)
{
	return at >= n || isspace((unsigned char)s[at]) || ispunct((unsigned char)s[at]);
}

/* Bytes of [label](target) at ${s} and where its label is; 0: it is none. */
static size_t take_link(const char *s, size_t n, const char **label, size_t *label_len)
{
	size_t depth = 0, i = 0;
	for (; i < n && i < LABEL_MAX; i++) {
		depth += s[i] == '[';
		if (s[i] == ']' && --depth == 0)
			break;
	}
	if (i + 2 >= n || i == LABEL_MAX || s[i + 1] != '(')
		return 0;
	const char *end = memchr(s + i + 2, ')', n - i - 2 < TARGET_MAX ? n - i - 2 : TARGET_MAX);
	if (end == NULL || memchr(s + i + 2, ' ', (size_t)(end - s) - i - 2) != NULL)
		return 0;
	*label = s + 1;
	*label_len = i - 1;
	return (size_t)(end - s) + 1;
}

/* The words of a line without what only says how they look; never longer than it was. */
static size_t unmark(const char *s, size_t n, int depth, char *out)
{
	size_t k = 0, label_len = 0;
	const char *label = NULL;
	for (size_t i = 0; i < n;) {
		char c = s[i], next = i + 1 < n ? s[i + 1] : ' ';
		size_t link = c == '[' && depth < 3 ? take_link(s + i, n - i, &label, &label_len) : 0;
		if (c == '!' && next == '[') {
			i++;
		} else if (c == '\\' && ispunct((unsigned char)next)) {
			out[k++] = next;
			i += 2;
		} else if (link > 0) {
			k += unmark(label, label_len, depth + 1, out + k);
			i += link;
		} else if (c == '`') {
			i++;
		} else if ((c == '*' || c == '_' || c == '~') && next == c) {
			while (i < n && s[i] == c)
				i++;
		} else if ((c == '*' || c == '_') && (i == 0 || is_edge(s, n, i - 1)) != is_edge(s, n, i + 1)) {
			i++;
		} else {
			out[k++] = c;
			i++;
		}
	}
	return k;
}

/* "**Decisions**", "## Risks": names what follows and says nothing itself. */
static bool is_title(const char *s, size_t n)
{
	bool set_off = *s == '#' ||
	    (n > 4 && n < 120 && (memcmp(s, "**", 2) == 0 || memcmp(s, "__", 2) == 0) && memcmp(s + n - 2, s, 2) == 0 &&
	        memmem(s + 2, n - 4, s, 2) == NULL);
	return set_off && strchr(".!?", s[n - 1]) == NULL && strchr(".!?", s[n - 3 > n ? 0 : n - 3]) == NULL;
}

static bool is_decisions(const char *s, size_t n)
{
	static const char *const heads[] = { "Decisions", "Decided", "Entscheidungen", "Beschlüsse", "Décisions", "Decisiones" };
	while (n > 0 && strchr("#*_ ", *s) != NULL) {
		s++;
		n--;
	}
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		if (n >= strlen(heads[i]) && n <= strlen(heads[i]) + 3 && strncasecmp(s, heads[i], strlen(heads[i])) == 0)
			return true;
	}
	return false;
}

static bool is_fence(const char *s, size_t n)
{
	return starts(s, n, "```") || starts(s, n, "~~~");
}

static void cut_message(struct sentences *all, size_t message, const struct digest_message *m)
{
	const char *p = m->text, *end = p + m->text_len;
	bool code = false, decisions = false;
	int added = 0;
	while (p < end && added < OF_MESSAGE) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		const char *line = p;
		size_t n = (size_t)((stop != NULL ? stop : end) - p);
		p = stop != NULL ? stop + 1 : end;
		trim(&line, &n);
		if (is_fence(line, n)) {
			code = !code;
			continue;
		}
		if (code || n == 0 || *line == '>' || *line == '|')
			continue;
		if (is_title(line, n)) {
			decisions = is_decisions(line, n);
			continue;
		}
		for (size_t k; (k = digest_mark(line, n, false)) > 0; line += k, n -= k)
			;
		n = unmark(line, n, 0, all->memory + all->used);
		line = all->memory + all->used;
		all->used += n;
		while (n > 0 && added < OF_MESSAGE) {
			size_t k = digest_sentence_end(line, n);
			size_t before = all->len;
			add_sentence(all, message, m->by_eddy, line, k);
			if (decisions && all->len > before)
				all->s[all->len - 1].decision = true;
			added++;
			line += k;
			n -= k;
			while (n > 0 && isspace((unsigned char)*line)) {
				line++;
				n--;
			}
		}
	}
}

/* What two sentences have in common, and where they give the same kind of value differently. */
struct kinship {
	int shared, values;          /* words; of them values */
	bool other_value, names_old; /* names_old: beside a new value the later one has the earlier one's too: "15, not 14" */
};
static bool is_value(enum digest_word k)
{
	return k >= WORD_NUMBER;
}

static bool has_word(const struct sentence *s, uint32_t hash)
{
	for (size_t i = 0; i < s->word_len; i++) {
		if (s->word[i].hash == hash)
			return true;
	}
	return false;
}

static struct kinship kin(const struct sentence *later, const struct sentence *earlier)
{
	struct kinship k = { 0 };
	unsigned fresh = 0, same = 0;
	for (size_t i = 0; i < later->word_len; i++) {
		const struct sentence_word *w = &later->word[i];
		if (has_word(earlier, w->hash)) {
			k.shared++;
			k.values += is_value(w->kind);
			same |= is_value(w->kind) ? 1U << w->kind : 0;
		} else if (is_value(w->kind)) {
			fresh |= 1U << w->kind;
		}
	}
	for (size_t i = 0; i < earlier->word_len; i++) {
		const struct sentence_word *w = &earlier->word[i];
		if (is_value(w->kind) && (fresh & (1U << w->kind)) && !has_word(later, w->hash))
			k.other_value = true;
	}
	k.names_old = (fresh & same) != 0;
	return k;
}

static bool is_idle(const struct sentence *s)
{
	return (s->signs & SIGN_POLITE) && s->words <= 4 && s->word_len <= 1;
}

/* "Agreed." says nothing by itself. */
static void take_agreement(struct sentences *all, size_t at, const struct digest_message *m)
{
	struct sentence *s = &all->s[at];
	if (!(s->signs & SIGN_AGREEMENT) || s->question || s->eddy || s->words > 6 || s->word_len > 2)
		return;
	for (size_t back = at; back-- > 0 && at - back <= 12;) {
		struct sentence *before = &all->s[back];
		if (before->message == s->message || before->replaced || is_idle(before))
			continue;
		bool same = m[before->message].author != NULL && m[s->message].author != NULL &&
		    strcmp(m[before->message].author, m[s->message].author) == 0;
		if (same)
			continue;
		if (before->question && !(before->signs & SIGN_PROPOSAL))
			return;
		if (before->word_len == 0)
			continue;
		before->decision = true;
		before->agreed = s->message + 1;
		s->replaced = true; /* said with the statement that it is about */
		return;
	}
}

static void replace(struct sentences *all, size_t at, size_t old)
{
	struct sentence *s = &all->s[at], *dead = &all->s[old];
	dead->replaced = true;
	s->decision = (s->decision || dead->decision) && !s->eddy;
	/* Who proposed or confirmed the same value before has been overtaken as well. */
	for (size_t i = old; i-- > 0 && old - i <= LOOK_BACK;) {
		struct sentence *e = &all->s[i];
		if (e->replaced || !(e->decision || (e->signs & (SIGN_PROPOSAL | SIGN_DECISION | SIGN_AGREEMENT))))
			continue;
		for (size_t w = 0; w < dead->word_len; w++) {
			if (is_value(dead->word[w].kind) && !has_word(s, dead->word[w].hash) && has_word(e, dead->word[w].hash)) {
				e->replaced = true;
				break;
			}
		}
	}
}

static void take_correction(struct sentences *all, size_t at)
{
	struct sentence *s = &all->s[at];
	bool sure = s->signs & SIGN_CORRECTION, maybe = s->signs & SIGN_MAYBE_CORRECTION;
	if ((!sure && !maybe) || s->question || s->words < 2)
		return;
	double best = 0;
	size_t found = 0, last_decision = 0, last_said = 0;
	for (size_t back = at; back-- > 0 && at - back <= LOOK_BACK;) {
		struct sentence *e = &all->s[back];
		if (e->replaced || is_idle(e) || e->word_len == 0)
			continue;
		if (e->decision && last_decision == 0 && at - back <= 12)
			last_decision = back + 1;
		if (!e->question && last_said == 0 && at - back <= 4)
			last_said = back + 1;
		struct kinship k = kin(s, e);
		int shared = k.shared > 3 ? 3 : k.shared;
		bool other = k.other_value || k.names_old;
		bool near = other || shared >= 2 || (shared >= 1 && (e->decision || sure));
		if (!near || (e->question && !(e->signs & SIGN_PROPOSAL)))
			continue;
		double score =
		    shared * 2 + other * 4 + e->decision * 3 + ((e->signs & SIGN_PROPOSAL) != 0) - (double)(at - back) * 0.05;
		if (score > best) {
			best = score;
			found = back + 1;
		}
	}
	if (found == 0 && sure)
		found = last_decision != 0 ? last_decision : last_said;
	if (found != 0)
		replace(all, at, found - 1);
}

static void take_decision(struct sentences *all, size_t at)
{
	struct sentence *s = &all->s[at];
	for (size_t back = at; s->decision && back-- > 0 && at - back <= LOOK_BACK;) {
		struct sentence *e = &all->s[back];
		if (e->replaced || !e->decision)
			continue;
		struct kinship k = kin(s, e);
		size_t fewer = s->word_len < e->word_len ? s->word_len : e->word_len;
		bool again = fewer > 0 && (size_t)k.shared * 5 >= fewer * 4; /* said once more */
		if (again || (k.other_value && k.shared - k.values >= 2 && (size_t)k.shared * 2 >= fewer))
			replace(all, at, back);
	}
}

static void take_answers(struct sentences *all, const struct digest_message *m)
{
	for (size_t i = 0; i < all->len; i++) {
		struct sentence *q = &all->s[i];
		const char *asker = m[q->message].author;
		for (size_t j = i + 1; (q->question || (q->signs & SIGN_OPEN)) && !q->answered && j < all->len; j++) {
			const struct sentence *a = &all->s[j];
			bool other = asker == NULL || m[a->message].author == NULL || strcmp(asker, m[a->message].author) != 0;
			if (a->question || (a->signs & SIGN_OPEN) || is_idle(a))
				continue;
			struct kinship k = kin(a, q);
			bool next = a->message == q->message + 1 && other;
			if (q->question && !(q->signs & SIGN_OPEN))
				q->answered = (next && !(a->signs & SIGN_DEFERRED)) || (other && k.shared >= 1) ||
				    (a->decision && k.shared >= 1);
			else
				q->answered = a->decision && k.shared >= 1;
		}
	}
}

static void score_all(struct sentences *all, const char *topic, size_t n)
{
	struct sentence about = { .text = topic != NULL ? topic : "", .len = topic != NULL ? strlen(topic) : 0 };
	look_at(&about);
	for (size_t i = 0; i < all->len; i++) {
		struct sentence *s = &all->s[i];
		double v = 0;
		int numbers = 0, names = 0;
		for (size_t w = 0; w < s->word_len; w++) {
			numbers += s->word[w].kind >= WORD_NUMBER && s->word[w].kind <= WORD_MONTH;
			names += s->word[w].kind == WORD_NAME;
		}
		v += s->decision ? 5 : 0;
		v += s->signs & (SIGN_CORRECTION | SIGN_OPEN | SIGN_DEFERRED) ? 1.5 : 0;
		v += s->signs & SIGN_WEIGHT ? 1.5 : 0;
		v += numbers > 2 ? 2 : numbers;
		v += names > 2 ? 1 : names * 0.5;
		v += s->has_link ? 0.5 : 0;
		v += log2((double)s->word_len + 1) * 0.7;
		v += n > 1 ? 1.5 * (double)s->message / (double)(n - 1) : 0;
		struct kinship k = kin(&about, s);
		v += k.shared > 2 ? 2 : k.shared;
		v -= s->question ? (s->answered ? 4 : 1) : 0;
		v -= is_idle(s) ? 8 : s->signs & SIGN_POLITE ? 1 : 0;
		v -= s->words < 3 && s->word_len < 2 ? 2 : 0;
		v -= s->eddy ? 1.2 : 0;
		s->score = v;
	}
}

void sentences_make(const char *topic, const struct digest_message *m, size_t n, struct sentences *out)
{
	*out = (struct sentences){ .s = xcalloc(SENTENCES_MAX, sizeof(struct sentence)), .len = 0 };
	size_t first = n > SENTENCES_MAX ? n - SENTENCES_MAX : 0, bytes = 1;
	for (size_t i = first; i < n; i++)
		bytes += m[i].text_len;
	out->memory = xmalloc(bytes);
	for (size_t i = first; i < n; i++)
		cut_message(out, i, &m[i]);
	for (size_t i = 0; i < out->len; i++) {
		take_agreement(out, i, m);
		take_correction(out, i);
		take_decision(out, i);
	}
	take_answers(out, m);
	score_all(out, topic, n);
}

void sentences_done(struct sentences *s)
{
	free(s->s);
	free(s->memory);
	*s = (struct sentences){ 0 };
}
