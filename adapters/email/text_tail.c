/*
 * What hangs below a message: signatures with their delimiter, "sent from my phone", footers of lists and scanners, disclaimers.  A stretch of the sender's lines
 * is read from its delimiter on and then from its end upwards; what is cut off must be known as such, everything else stays.
 */
#include <string.h>

#include "../../core/base/utf8.h"
#include "text_lines.h"
#include "text_signs.h"

static bool is_text(const struct text_line *t)
{
	return t->kind == KIND_TEXT && t->key_n > 0;
}

static void junk(struct text_lines *l, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (l->v[i].kind == KIND_TEXT)
			l->v[i].kind = KIND_JUNK;
}

/* "--", "-- ", "—" alone on its line. */
static bool is_delimiter(const struct text_lines *l, size_t i)
{
	const struct text_line *t = &l->v[i];
	const char *k = text_key(l, i);
	if (t->depth > 0 || t->kind != KIND_TEXT || (t->markup & MARKUP_RULE))
		return false;
	if (t->key_n == 2 && k[0] == '-' && k[1] == '-')
		return true;
	return t->key_n == 1 && k[0] == '-' && t->n == 3; /* an em dash, not a minus */
}

static bool has_contact(const struct text_lines *l, size_t i)
{
	const struct text_line *t = &l->v[i];
	const char *k = text_key(l, i);
	if (t->has & HAS_AT)
		return true;
	if (memmem(k, t->key_n, "www.", 4) != NULL || memmem(k, t->key_n, "http", 4) != NULL)
		return true;
	size_t digits = 0, others = 0;
	for (size_t j = 0; j < t->key_n; j++) {
		digits += k[j] >= '0' && k[j] <= '9';
		others += k[j] >= 'a' && k[j] <= 'z';
	}
	return digits >= 7 && others <= 10;
}

bool mail_text_is_name(const struct text_lines *l, size_t i)
{
	const struct text_line *t = &l->v[i];
	const char *s = l->text + t->at;
	size_t words = 0;
	if (t->n > 60 || t->words == 0 || t->words > 6)
		return false;
	for (size_t j = 0; j < t->n;) {
		size_t from = j;
		while (j < t->n && s[j] != ' ')
			j++;
		if (j > from) {
			uint32_t c = 0;
			if (utf8_decode(s + from, t->n - from, &c) == 0)
				return false;
			bool capital = (c >= 'A' && c <= 'Z') || c >= 0xc0;
			words += capital;
			if (!capital && !(j - from <= 3 && c >= 'a' && c <= 'z') && c != '|')
				return false;
		}
		j++;
	}
	return words >= 1 && strchr("?!:;", s[t->n - 1]) == NULL;
}

static size_t last_text(const struct text_lines *l, size_t from, size_t to)
{
	while (to > from && !is_text(&l->v[to - 1]))
		to--;
	return to;
}

static size_t paragraph_start(const struct text_lines *l, size_t from, size_t to)
{
	while (to > from && is_text(&l->v[to - 1]))
		to--;
	return to;
}

/* Lines from ${from} to ${to}: short ones with at least one address, number or link, no list and no sentence. */
static bool is_contact_block(const struct text_lines *l, size_t from, size_t to, size_t lines_max)
{
	size_t lines = 0, contacts = 0;
	for (size_t i = from; i < to; i++) {
		const struct text_line *t = &l->v[i];
		if (!is_text(t))
			continue;
		const char *k = text_key(l, i);
		if (++lines > lines_max || t->words > 9 || t->key_n > 90 || k[t->key_n - 1] == '?')
			return false;
		if (k[0] == '-' || (t->key_n > 1 && k[0] >= '0' && k[0] <= '9' && (k[1] == '.' || k[1] == ')')))
			return false;
		contacts += has_contact(l, i);
	}
	return contacts > 0 && lines > 0;
}

static bool is_thanks(const struct text_lines *l, size_t i)
{
	return mail_word_thanks(text_key(l, i), l->v[i].key_n);
}

/*
 * The delimited signature of the stretch: from its delimiter to the end.  Without the blank of RFC 3676 the last one counts, and it must be short to be
 * believed: people divide texts by dashes too.
 */
static void cut_delimited(struct text_lines *l, size_t from, size_t to)
{
	size_t strict = to, last = to, seen = 0, lines = 0, bytes = 0;
	for (size_t i = to; i > from; i--) {
		const struct text_line *t = &l->v[i - 1];
		if (is_delimiter(l, i - 1)) {
			if (seen++ == 0)
				last = i - 1;
			if (t->key_n == 2 && (t->has & HAS_STRICT_DASHES))
				strict = i - 1;
		} else if (seen == 0) {
			lines += is_text(t);
			bytes += t->n;
		}
	}
	if (strict < to) {
		junk(l, strict, to);
		return;
	}
	if (last == to)
		return;
	const bool contact = is_contact_block(l, last + 1, to, 20);
	bool sentences = last + 1 < to && text_blank(&l->v[last + 1]); /* a divider: a blank line and prose below */
	bool prose = false;
	for (size_t i = last + 1; i < to && sentences; i++)
		prose |= l->v[i].words > 12;
	sentences &= prose;
	const bool named = lines <= 4 && last + 1 < to && mail_text_is_name(l, last + 1);
	if (contact || named || (seen == 1 && lines <= 12 && bytes <= 1200 && !sentences))
		junk(l, last, to);
}

/* A program's "sent from" ends what a person typed there; below it may be history without any header, if none with one follows. */
static void cut_sent_from(struct text_lines *l, size_t from, size_t to, bool before_history)
{
	for (size_t i = from; i < to; i++) {
		const struct text_line *t = &l->v[i];
		if (!is_text(t) || t->depth > 0 || t->key_n > 400 || !mail_word_sent_from(text_key(l, i), t->key_n))
			continue;
		/* A line of a paragraph that goes on above and below is a sentence. */
		bool above = i > from && is_text(&l->v[i - 1]) && l->v[i - 1].n > 60;
		if (above && i + 1 < to && is_text(&l->v[i + 1]))
			continue;
		size_t next = i + 1;
		while (next < to && !is_text(&l->v[next]))
			next++;
		const char *k = next < to ? text_key(l, next) : "";
		if (before_history ||
		    (next < to && l->v[next].key_n > 3 && (memcmp(k, "ps", 2) == 0 || memcmp(k, "p.s", 3) == 0))) {
			junk(l, i, i + 1);
			continue;
		}
		junk(l, i, to);
		return;
	}
}

/* "Pat Example\nvia mobile" */
static void cut_via_mobile(struct text_lines *l, size_t from, size_t to)
{
	static const char *const ends[] = { "via mobile", "from mobile", "via phone", "via iphone", "via ipad", "via android",
		"via blackberry", "on the go", "(mobile)", "(mobil)" };
	size_t last = last_text(l, from, to);
	if (last == from)
		return;
	const struct text_line *t = &l->v[last - 1];
	const char *k = text_key(l, last - 1);
	bool hit = false;
	for (size_t i = 0; i < sizeof ends / sizeof ends[0] && t->words <= 4; i++) {
		size_t n = strlen(ends[i]);
		hit |= t->key_n >= n && memcmp(k + t->key_n - n, ends[i], n) == 0;
	}
	size_t start = paragraph_start(l, from, last);
	if (!hit || start == from || last - start > 2)
		return;
	if (last - start == 2 && !mail_text_is_name(l, start))
		return;
	junk(l, start, last);
}

/* "-Pat Example" alone below the text. */
static bool cut_dash_name(struct text_lines *l, size_t from, size_t to)
{
	size_t last = last_text(l, from, to), start = paragraph_start(l, from, last);
	if (last - start != 1 || start == from)
		return false;
	struct text_line *t = &l->v[start];
	const char *s = l->text + t->at;
	size_t dash = t->n > 1 && s[0] == '-'                                                      ? 1
	    : t->n > 3 && (memcmp(s, "\xe2\x80\x93", 3) == 0 || memcmp(s, "\xe2\x80\x94", 3) == 0) ? 3
	                                                                                           : 0;
	if (dash == 0 || s[dash] == ' ' || s[dash] == '-' || t->words > 4)
		return false;
	struct text_line was = *t;
	t->at += (uint32_t)dash;
	t->n -= (uint32_t)dash;
	bool name = mail_text_is_name(l, start) && memchr(s + dash, '.', t->n) == NULL && !(t->has & HAS_DAY);
	*t = was;
	if (name)
		junk(l, start, last);
	return name;
}

/* A line of dashes with nothing but a person's data below, or such data below a closing. */
static void cut_contact(struct text_lines *l, size_t from, size_t to)
{
	size_t last = last_text(l, from, to);
	size_t floor = last > from + 40 ? last - 40 : from;
	for (size_t i = last; i > floor; i--) {
		if (l->v[i - 1].kind != KIND_TEXT || !mail_text_is_rule(l, i - 1, 4) || i - 1 == from || !is_text(&l->v[last - 1]))
			continue;
		const struct text_line *heading = &l->v[i - 2], *rule = &l->v[i - 1]; /* "Minutes" and as many dashes */
		const bool underlined = is_text(heading) && heading->n + 3 >= rule->n && rule->n + 3 >= heading->n;
		if (last > i && !underlined && is_contact_block(l, i, last, 25))
			junk(l, i - 1, last);
		return;
	}
	size_t start = paragraph_start(l, from, last);
	if (last - start < 3 || start == from || !mail_text_is_name(l, start) || !is_contact_block(l, start, last, 10))
		return;
	size_t contacts = 0;
	for (size_t i = start; i < last; i++)
		contacts += has_contact(l, i) && l->v[i].words <= 6;
	size_t above = last_text(l, from, start);
	size_t closing = paragraph_start(l, from, above);
	if (contacts >= 2 && above > from && closing < above && closing > from && is_thanks(l, closing) &&
	    !(l->v[above - 1].has & HAS_COLON))
		junk(l, start, last);
}

/* Footers and disclaimers, paragraph by paragraph from the end. */
static bool cut_footer(struct text_lines *l, size_t from, size_t to)
{
	size_t last = last_text(l, from, to), start = paragraph_start(l, from, last);
	if (last == from || last - start > 60)
		return false;
	unsigned disclaimer = 0;
	size_t footer = SIZE_MAX, bytes = 0;
	for (size_t i = start; i < last; i++) {
		const char *k = text_key(l, i);
		bytes += l->v[i].key_n;
		disclaimer |= mail_word_disclaimer(k, l->v[i].key_n);
		if (footer == SIZE_MAX && mail_word_footer(k, l->v[i].key_n))
			footer = i;
	}
	size_t above = last_text(l, from, start);
	bool introduced = above > from && (l->v[above - 1].has & HAS_COLON);
	bool cut = false;
	size_t cut_at = start;
	/* A mail that asks about such a line has it in a question, behind a colon, or as its only words; what stands under a rule is no question. */
	const bool asked = text_key(l, last - 1)[l->v[last - 1].key_n - 1] == '?' || introduced || (from == 0 && above == from) ||
	    (footer != SIZE_MAX && footer > from && (l->v[footer - 1].has & HAS_COLON));
	if (footer != SIZE_MAX && (!asked || mail_text_is_rule(l, start, 2))) {
		/* "____\nname mailing list\nlist@host": the footer starts with its rule, or with the paragraph. */
		size_t i = footer;
		while (i > start && !mail_text_is_rule(l, i, 2) && footer - i < 6)
			i--;
		cut_at = mail_text_is_rule(l, i, 2) ? i : footer;
		cut = cut_at > start || last - cut_at <= 12;
	}
	const bool disclaims = disclaimer == (DISCLAIMER_SECRET | DISCLAIMER_DUTY | DISCLAIMER_SELF) && bytes >= 90;
	if (!cut && disclaims && !asked && start > from) {
		cut = true;
		cut_at = start;
	}
	if (!cut && mail_text_is_rule(l, start, 20) && last - start >= 2 && last - start <= 6) { /* a list's */
		const char *k = text_key(l, start + 1);
		if (memmem(k, l->v[start + 1].key_n, "mailing list", 12) != NULL ||
		    memmem(k, l->v[start + 1].key_n, "mailingli", 9) != NULL)
			cut = true;
	}
	if (!cut)
		for (size_t i = start; i + 1 < last; i++) {
			const char *k = text_key(l, i + 1);
			if (mail_text_is_rule(l, i, 10) && last - i <= 7 &&
			    memmem(k, l->v[i + 1].key_n, "mailing list", 12) != NULL) {
				cut = true;
				cut_at = i;
				break;
			}
		}
	if (!cut)
		return false;
	junk(l, cut_at, last);
	return true;
}

/* Rules and marks that stand alone at the end were above something. */
static void cut_rules(struct text_lines *l, size_t from, size_t to)
{
	for (size_t i = to; i > from; i--) {
		struct text_line *t = &l->v[i - 1];
		const char *k = text_key(l, i - 1);
		if (t->kind != KIND_TEXT || t->n == 0)
			continue;
		const bool picture =
		    t->key_n > 5 && memcmp(k, "[cid:", 5) == 0 && k[t->key_n - 1] == ']' && memchr(k, ' ', t->key_n) == NULL;
		const bool tracker = t->key_n == 3 && memcmp(k, "\xe1\x90\xa7", 3) == 0;
		if (!picture && !tracker && t->key_n > 0 && !mail_text_is_rule(l, i - 1, 2))
			break;
		t->kind = KIND_JUNK;
	}
}

void mail_text_banner(struct text_lines *l, size_t to)
{
	for (int times = 0; times < 3; times++) { /* some mails have two */
		size_t start = 0, end, first;
		while (start < to && !is_text(&l->v[start]))
			start++;
		for (first = start; first < to && mail_text_is_rule(l, first, 3); first++)
			;
		bool said = false;
		for (end = first; end < to && is_text(&l->v[end]); end++)
			said |= mail_word_banner(text_key(l, end), l->v[end].key_n);
		size_t next = end;
		while (next < to && !is_text(&l->v[next]))
			next++;
		/* Something must be left, and a person's own first lines are not framed like this. */
		if (!said || text_key(l, end - 1)[l->v[end - 1].key_n - 1] == '?' || end - first > 5 || next == to ||
		    !mail_word_banner_starts(text_key(l, first), l->v[first].key_n))
			return;
		junk(l, start, end);
		if (mail_text_is_rule(l, next, 3))
			junk(l, next, next + 1);
	}
}

void mail_text_tail(struct text_lines *l, size_t from, size_t to, bool before_history)
{
	for (size_t i = to; i > from; i--)
		if (l->v[i - 1].kind == KIND_CODE)
			from = i;
	cut_delimited(l, from, to);
	cut_via_mobile(l, from, to);
	cut_sent_from(l, from, to, before_history);
	for (int i = 0; i < 12 && cut_footer(l, from, to); i++)
		;
	cut_delimited(l, from, to); /* without its disclaimer it may be short enough */
	cut_rules(l, from, to);
	cut_dash_name(l, from, to);
	cut_contact(l, from, to);
	cut_rules(l, from, to);
}
