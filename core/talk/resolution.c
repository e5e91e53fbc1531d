/*
 * The three forms of a resolution.  The model's JSON is held to its limits: a line rests on messages that exist or is gone, everything is cut to
 * size.  What a person wrote is taken as it is: any bullets, any order, headings in other words; only what does not fit is refused, with a
 * sentence that says what, because nobody's words are dropped silently.
 */
#include "resolution.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../base/buf.h"
#include "../base/json.h"
#include "../base/mem.h"
#include "../base/utf8.h"
#include "digest_internal.h"

#define JSON_BYTES_MAX ((size_t)64 * 1024)
#define TEXT_BYTES_MAX ((size_t)64 * 1024)

static const struct part {
	const char *key, *heading;
	size_t max;
} parts[] = {
	[RESOLUTION_POINT] = { "points", NULL, RESOLUTION_POINTS_MAX },
	[RESOLUTION_DECISION] = { "decisions", "Decisions", RESOLUTION_DECISIONS_MAX },
	[RESOLUTION_QUESTION] = { "open_questions", "Open questions", RESOLUTION_QUESTIONS_MAX },
	[RESOLUTION_DEFERRED] = { "deferred", "Deferred", RESOLUTION_DEFERRED_MAX },
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

void resolution_done(struct resolution *r)
{
	free(r->headline);
	for (size_t i = 0; i < r->len; i++)
		free(r->lines[i].text);
	*r = (struct resolution){ 0 };
}

static void add_source(struct resolution_line *l, int64_t n, size_t messages)
{
	if (n < 1 || (uint64_t)n > messages || l->sources_len == RESOLUTION_SOURCES_MAX)
		return;
	for (size_t i = 0; i < l->sources_len; i++) {
		if (l->sources[i] == n)
			return;
	}
	l->sources[l->sources_len++] = (int)n;
}

/* "[12]" or "12" at ${s}: its bytes, 0 when it is none. */
static size_t take_number(const char *s, size_t n, int64_t *out)
{
	size_t k = 0;
	*out = 0;
	while (k < n && k < 4 && isdigit((unsigned char)s[k]))
		*out = *out * 10 + (s[k++] - '0');
	return k < 4 ? k : 0;
}

static size_t blanks_before(const char *s, size_t n)
{
	size_t k = 0;
	while (k < n && isspace((unsigned char)s[n - 1 - k]))
		k++;
	return k;
}

/* A reference that ends at ${n}: [3], [3, 4], [3](link), [[3]](link).  Returns where it begins, or ${n}; adds its numbers to ${l}. */
static size_t last_reference(const char *s, size_t n, size_t messages, struct resolution_line *l)
{
	size_t end = n;
	if (end > 0 && s[end - 1] == ')') {
		size_t open = end;
		while (open > 0 && s[open - 1] != '(')
			open--;
		if (open < 2 || s[open - 2] != ']')
			return n;
		end = open - 1;
	}
	if (end == 0 || s[end - 1] != ']')
		return n;
	size_t from = end - 1, close = end - 1, depth = 1;
	if (close > 0 && s[close - 1] == ']')
		depth = 2;
	close -= depth - 1;
	from = close;
	while (from > 0 && s[from - 1] != '[' && close - from < 40)
		from--;
	if (from < depth || s[from - 1] != '[' || (depth == 2 && s[from - 2] != '['))
		return n;
	int64_t found[RESOLUTION_SOURCES_MAX];
	size_t len = 0;
	for (size_t i = from; i < close;) {
		if (s[i] == ' ' || s[i] == ',' || s[i] == ';') {
			i++;
			continue;
		}
		int64_t v;
		size_t k = take_number(s + i, close - i, &v);
		if (k == 0)
			return n;
		if (len < RESOLUTION_SOURCES_MAX)
			found[len++] = v;
		i += k;
	}
	if (len == 0)
		return n;
	for (size_t i = 0; i < len; i++)
		add_source(l, found[i], messages);
	return from - depth;
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Cut the references off the end; what is left ends before them, with the full stop that stood behind. */
static void take_references(struct buf *text, size_t messages, struct resolution_line *l)
{
	size_t n = text->len - blanks_before(text->p, text->len);
	bool stop = n > 1 && text->p[n - 1] == '.' && (text->p[n - 2] == ']' || text->p[n - 2] == ')');
	bool found = false;
	n -= stop;
	for (size_t from; (from = last_reference(text->p, n, messages, l)) != n; found = true)
		n = from - blanks_before(text->p, from);
	if (!found)
		return;
	buf_truncate(text, n);
	if (stop && n > 0 && strchr(".!?:", text->p[n - 1]) == NULL)
		buf_add_char(text, '.');
}

size_t digest_add_text(struct buf *out, const char *s, size_t n, size_t max, size_t messages, struct resolution_line *l)
{
	struct resolution_line nobody = { 0 };
	struct buf line = BUF_INIT;
	size_t start = out->len;
	if (l == NULL)
		l = &nobody;
	digest_add_line(&line, s, n, SIZE_MAX);
	take_references(&line, messages, l);
	qsort(l->sources, l->sources_len, sizeof(l->sources[0]), by_number);
	if (line.len > 0) /* what is left when its numbers are gone may be a bullet alone */
		digest_add_line(out, line.p, line.len, max);
	buf_done(&line);
	return out->len - start;
}

static size_t count_part(const struct resolution *r, enum resolution_part part)
{
	size_t k = 0;
	for (size_t i = 0; i < r->len; i++)
		k += r->lines[i].part == part;
	return k;
}

static void order_parts(struct resolution *r)
{
	for (size_t i = 1; i < r->len; i++) {
		struct resolution_line l = r->lines[i];
		size_t j = i;
		for (; j > 0 && r->lines[j - 1].part > l.part; j--)
			r->lines[j] = r->lines[j - 1];
		r->lines[j] = l;
	}
}

/* A headline stands between ** and **, so it has none of its own. */
static char *make_headline(const char *s, size_t n)
{
	struct buf raw = BUF_INIT, b = BUF_INIT;
	for (size_t i = 0; i < n; i++) {
		if (i + 1 < n && (s[i] == '*' || s[i] == '_') && s[i + 1] == s[i]) {
			i++;
			continue;
		}
		buf_add_char(&raw, s[i]);
	}
	digest_add_line(&b, raw.p != NULL ? raw.p : "", raw.len, RESOLUTION_HEADLINE_MAX);
	buf_done(&raw);
	while (b.len > 0 && b.p[b.len - 1] == ' ')
		buf_truncate(&b, b.len - 1);
	bool says = false;
	for (size_t i = 0; i < b.len && !says; i++)
		says = isalnum((unsigned char)b.p[i]) || (unsigned char)b.p[i] >= 0x80;
	if (!says) {
		buf_done(&b);
		return NULL;
	}
	return buf_detach(&b, NULL);
}

/* The bytes between the first brace and the last: what a model says around its JSON does not matter. */
static bool find_object(const char **s, size_t *n)
{
	const char *open = memchr(*s, '{', *n);
	if (open == NULL)
		return false;
	const char *end = *s + *n;
	while (end > open && end[-1] != '}')
		end--;
	if (end == open)
		return false;
	*s = open;
	*n = (size_t)(end - open);
	return true;
}

static void take_sources(const json_t *list, size_t messages, struct resolution_line *l)
{
	const json_t *v;
	size_t i;
	if (json_is_integer(list))
		add_source(l, json_integer_value(list), messages);
	json_array_foreach (list, i, v) {
		if (i >= 64)
			break;
		if (json_is_integer(v)) {
			add_source(l, json_integer_value(v), messages);
		} else if (json_is_string(v)) {
			const char *s = json_string_value(v);
			int64_t k;
			s += *s == '[';
			size_t len = take_number(s, strlen(s), &k);
			if (len > 0 && (s[len] == '\0' || (s[len] == ']' && s[len + 1] == '\0')))
				add_source(l, k, messages);
		}
	}
}

static void take_part(const json_t *root, enum resolution_part part, size_t messages, struct resolution *r)
{
	const json_t *v;
	size_t i;
	json_array_foreach (json_arr(root, parts[part].key), i, v) {
		if (r->len == RESOLUTION_LINES_MAX || count_part(r, part) == parts[part].max)
			break;
		const char *said = json_is_string(v) ? json_string_value(v) : json_str(v, "text", NULL);
		if (said == NULL)
			continue;
		struct resolution_line l = { .part = part };
		struct buf line = BUF_INIT;
		take_sources(json_object_get(v, "sources"), messages, &l);
		if (digest_add_text(&line, said, strlen(said), RESOLUTION_LINE_MAX, messages, &l) > 0 && l.sources_len > 0) {
			l.text = buf_detach(&line, NULL);
			r->lines[r->len++] = l;
		}
		buf_done(&line);
	}
}

bool resolution_parse(const char *json, size_t n, size_t messages, struct resolution *out, char why[200])
{
	struct resolution r = { 0 };
	json_t *root = NULL;
	char reason[160] = "";
	if (n > JSON_BYTES_MAX) {
		snprintf(why, 200, "more than %zu bytes", JSON_BYTES_MAX);
		return false;
	}
	if (!find_object(&json, &n)) {
		snprintf(why, 200, "there is no JSON object in it");
		return false;
	}
	if (json_parse(json, n, JSON_BYTES_MAX, &root, reason) != ERR_NONE) {
		snprintf(why, 200, "%s", reason);
		return false;
	}
	const char *headline = json_str(root, "headline", "");
	r.headline = make_headline(headline, strlen(headline));
	for (size_t p = 0; p < PARTS; p++)
		take_part(root, (enum resolution_part)p, messages, &r);
	json_decref(root);
	if (r.headline == NULL || count_part(&r, RESOLUTION_POINT) == 0) {
		snprintf(why, 200, r.headline == NULL ? "there is no headline" : "no point rests on a message that exists");
		resolution_done(&r);
		return false;
	}
	*out = r;
	return true;
}

void resolution_say(struct resolution *r, void (*fn)(void *arg, const char *text, size_t n, struct buf *out), void *arg)
{
	struct buf said = BUF_INIT;
	size_t kept = 0;
	fn(arg, r->headline, strlen(r->headline), &said);
	free(r->headline);
	r->headline = make_headline(said.p != NULL ? said.p : "", said.len);
	if (r->headline == NULL)
		r->headline = xstrdup("(left out)");
	for (size_t i = 0; i < r->len; i++) {
		struct resolution_line l = r->lines[i];
		struct buf line = BUF_INIT;
		buf_reset(&said);
		fn(arg, l.text, strlen(l.text), &said);
		digest_add_line(&line, said.p != NULL ? said.p : "", said.len, RESOLUTION_LINE_MAX);
		free(l.text);
		l.text = line.len > 0 ? buf_detach(&line, NULL) : NULL;
		if (l.text != NULL)
			r->lines[kept++] = l;
		buf_done(&line);
	}
	r->len = kept;
	buf_done(&said);
}

void resolution_render(const struct resolution *r, const struct digest_message *m, size_t n, struct buf *md)
{
	buf_addf(md, "**%s**\n", r->headline != NULL ? r->headline : "");
	for (size_t p = 0; p < PARTS; p++) {
		bool first = true;
		for (size_t i = 0; i < r->len; i++) {
			const struct resolution_line *l = &r->lines[i];
			if (l->part != (enum resolution_part)p)
				continue;
			if (first && parts[p].heading != NULL)
				buf_addf(md, "\n**%s**\n", parts[p].heading);
			if (first)
				buf_add_char(md, '\n');
			first = false;
			buf_addf(md, "- %s", l->text);
			for (size_t k = 0; k < l->sources_len; k++) {
				buf_add_char(md, ' ');
				digest_add_source(md, l->sources[k], m, n);
			}
			buf_add_char(md, '\n');
		}
	}
}

void resolution_put_sources(const struct resolution *r, const struct digest_message *m, size_t n, struct buf *md)
{
	const char *before = "\n\n";
	for (size_t k = 1; k <= n; k++) {
		bool cited = false;
		for (size_t i = 0; i < r->len; i++)
			for (size_t s = 0; s < r->lines[i].sources_len; s++)
				cited |= (size_t)r->lines[i].sources[s] == k;
		if (!cited || m[k - 1].link != NULL || m[k - 1].at_ms <= 0)
			continue;
		char when[40];
		struct tm tm;
		time_t at = (time_t)(m[k - 1].at_ms / 1000);
		gmtime_r(&at, &tm);
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm);
		buf_addf(md, "%s[%zu] ", before, k);
		digest_add_name(md, m[k - 1].author);
		buf_addf(md, ", %s UTC", when);
		before = "; ";
	}
}

/* Words that tell a heading's part; looked for from the front of the list, in lower case. */
static const struct {
	const char *word;
	enum resolution_part part;
} heading_words[] = {
	{ "deferred", RESOLUTION_DEFERRED },
	{ "later", RESOLUTION_DEFERRED },
	{ "parked", RESOLUTION_DEFERRED },
	{ "postponed", RESOLUTION_DEFERRED },
	{ "not now", RESOLUTION_DEFERRED },
	{ "out of scope", RESOLUTION_DEFERRED },
	{ "zurückgestellt", RESOLUTION_DEFERRED },
	{ "vertagt", RESOLUTION_DEFERRED },
	{ "später", RESOLUTION_DEFERRED },
	{ "plus tard", RESOLUTION_DEFERRED },
	{ "reporté", RESOLUTION_DEFERRED },
	{ "aplazad", RESOLUTION_DEFERRED },
	{ "más tarde", RESOLUTION_DEFERRED },
	{ "延期", RESOLUTION_DEFERRED },
	{ "question", RESOLUTION_QUESTION },
	{ "still open", RESOLUTION_QUESTION },
	{ "open", RESOLUTION_QUESTION },
	{ "unclear", RESOLUTION_QUESTION },
	{ "offen", RESOLUTION_QUESTION },
	{ "frage", RESOLUTION_QUESTION },
	{ "pregunta", RESOLUTION_QUESTION },
	{ "未決", RESOLUTION_QUESTION },
	{ "decision", RESOLUTION_DECISION },
	{ "decided", RESOLUTION_DECISION },
	{ "agreed", RESOLUTION_DECISION },
	{ "entscheid", RESOLUTION_DECISION },
	{ "entschieden", RESOLUTION_DECISION },
	{ "beschl", RESOLUTION_DECISION },
	{ "décision", RESOLUTION_DECISION },
	{ "décidé", RESOLUTION_DECISION },
	{ "decisi", RESOLUTION_DECISION },
	{ "acuerdo", RESOLUTION_DECISION },
	{ "決定", RESOLUTION_DECISION },
	{ "point", RESOLUTION_POINT },
	{ "summary", RESOLUTION_POINT },
	{ "punkt", RESOLUTION_POINT },
	{ "zusammenfassung", RESOLUTION_POINT },
	{ "résumé", RESOLUTION_POINT },
	{ "punto", RESOLUTION_POINT },
	{ "resumen", RESOLUTION_POINT },
	{ "要点", RESOLUTION_POINT },
};

struct line {
	const char *s; /* without quote marks and blanks */
	size_t n;
	bool item, marked; /* has a bullet or number; is set off as a heading */
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

/* **bold**, *bold*, __bold__ around all of it comes off. */
static bool unwrap(const char **s, size_t *n)
{
	char c = *n > 0 ? **s : ' ';
	if (*n < 3 || (c != '*' && c != '_') || (*s)[*n - 1] != c)
		return false;
	if (*n >= 5 && (*s)[1] == c && (*s)[*n - 2] == c) {
		*s += 2;
		*n -= 4;
	} else if (memchr(*s + 1, c, *n - 2) == NULL) {
		(*s)++;
		*n -= 2;
	} else {
		return false;
	}
	trim(s, n);
	return true;
}

static size_t count_words(const char *s, size_t n)
{
	size_t words = 0;
	for (size_t i = 0; i < n; i++)
		words += s[i] != ' ' && (i == 0 || s[i - 1] == ' ');
	return words;
}

/* A line of its own that names a part.  Unknown ones are a person's words: they stay, as a line. */
static bool is_heading(struct line l, bool item_follows, enum resolution_part *part)
{
	const char *s = l.s;
	size_t n = l.n;
	if (l.item || n == 0 || n > 80)
		return false;
	bool colon = s[n - 1] == ':';
	if (colon)
		n--;
	bool bold = unwrap(&s, &n);
	if (n > 0 && s[n - 1] == ':') {
		colon = true;
		n--;
	}
	/* A line that is not set off is a heading only when it is hardly more than the word itself. */
	bool plain = !l.marked && !bold;
	if (n == 0 || (plain && (count_words(s, n) > (colon ? 4U : 2U) || memchr(s, '.', n) != NULL || !(colon || item_follows))))
		return false;
	char low[84];
	for (size_t i = 0; i < n; i++)
		low[i] = (char)tolower((unsigned char)s[i]);
	low[n] = '\0';
	for (size_t i = 0; i < sizeof(heading_words) / sizeof(heading_words[0]); i++) {
		const char *at = strstr(low, heading_words[i].word);
		if (at == NULL)
			continue;
		*part = heading_words[i].part;
		return true;
	}
	return false;
}

static bool next_line(const char **p, const char *end, struct line *out)
{
	if (*p >= end)
		return false;
	const char *stop = memchr(*p, '\n', (size_t)(end - *p));
	*out = (struct line){ .s = *p, .n = (size_t)((stop != NULL ? stop : end) - *p) };
	*p = stop != NULL ? stop + 1 : end;
	for (size_t k; (k = digest_mark(out->s, out->n, true)) > 0; out->s += k, out->n -= k)
		;
	trim(&out->s, &out->n);
	for (size_t k; (k = digest_mark(out->s, out->n, false)) > 0; out->s += k, out->n -= k) {
		if (*out->s == '#')
			out->marked = true;
		else
			out->item = true;
	}
	return true;
}

static bool item_is_next(const char *p, const char *end)
{
	struct line l;
	while (next_line(&p, end, &l)) {
		if (l.n > 0)
			return l.item;
	}
	return false;
}

static bool finish_line(struct resolution *r, enum resolution_part part, struct buf *text, size_t messages, char why[200])
{
	bool ok = true;
	struct resolution_line l = { .part = part };
	struct buf line = BUF_INIT;
	digest_add_text(&line, text->p, text->len, SIZE_MAX, messages, &l);
	size_t chars = line.len > 0 ? digest_characters(line.p, line.len) : 0;
	if (chars > RESOLUTION_LINE_MAX) {
		snprintf(
		    why, 200, "One of the lines has %zu characters; at most %d fit. Please split it.", chars, RESOLUTION_LINE_MAX);
		ok = false;
	} else if (chars > 0 && r->len == RESOLUTION_LINES_MAX) {
		snprintf(why, 200, "There are more than %d lines; please leave some out.", RESOLUTION_LINES_MAX);
		ok = false;
	} else if (chars > 0) {
		l.text = buf_detach(&line, NULL);
		r->lines[r->len++] = l;
	}
	buf_done(&line);
	buf_reset(text);
	return ok;
}

static bool is_rule(struct line l)
{
	size_t k = 0;
	while (k < l.n && strchr("-=_*~ ", l.s[k]) != NULL && l.s[k] != '\0')
		k++;
	return l.n >= 3 && k == l.n && !l.item;
}

static bool read_headline(struct line l, struct resolution *r, char why[200])
{
	const char *s = l.s;
	size_t n = l.n;
	unwrap(&s, &n);
	if (n > 9 && strncasecmp(s, "headline:", 9) == 0) {
		s += 9;
		n -= 9;
		trim(&s, &n);
		unwrap(&s, &n);
	}
	struct buf whole = BUF_INIT;
	digest_add_line(&whole, s, n, TEXT_BYTES_MAX);
	size_t chars = whole.len > 0 ? digest_characters(whole.p, whole.len) : 0;
	buf_done(&whole);
	if (chars > RESOLUTION_HEADLINE_MAX) {
		snprintf(why, 200, "The first line is the headline: it has %zu characters, at most %d fit.", chars,
		    RESOLUTION_HEADLINE_MAX);
		return false;
	}
	r->headline = make_headline(s, n);
	return true;
}

bool resolution_read(const char *md, size_t n, size_t messages, struct resolution *out, char why[200])
{
	struct resolution r = { 0 };
	struct buf text = BUF_INIT;
	enum resolution_part part = RESOLUTION_POINT;
	const char *p = md, *end = md + n;
	struct line l;
	bool ok = n <= TEXT_BYTES_MAX, open = false;
	if (!ok)
		snprintf(why, 200, "The text is too long.");
	while (ok && next_line(&p, end, &l)) {
		if (r.headline == NULL) {
			if (l.n > 0 && !is_rule(l))
				ok = read_headline(l, &r, why);
			continue;
		}
		bool blank = l.n == 0 || is_rule(l);
		bool heading = !blank && !l.item && is_heading(l, l.n <= 40 && item_is_next(p, end), &part);
		if (open && !blank && !heading && !l.item && !l.marked) {
			buf_add_char(&text, ' '); /* the line before goes on */
			buf_add(&text, l.s, l.n);
			continue;
		}
		if (text.len > 0) {
			enum resolution_part before = (enum resolution_part)text.p[0];
			buf_drop(&text, 1);
			ok = finish_line(&r, before, &text, messages, why);
		}
		open = !blank && !heading;
		if (open) {
			buf_add_char(&text, (char)part);
			buf_add(&text, l.s, l.n);
		}
	}
	if (ok && text.len > 0) {
		enum resolution_part before = (enum resolution_part)text.p[0];
		buf_drop(&text, 1);
		ok = finish_line(&r, before, &text, messages, why);
	}
	buf_done(&text);
	if (ok && r.headline == NULL) {
		snprintf(why, 200, "There is no headline: the first line should be one.");
		ok = false;
	}
	if (!ok) {
		resolution_done(&r);
		return false;
	}
	order_parts(&r);
	*out = r;
	return true;
}
