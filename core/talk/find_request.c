/* Words and filters, read and written again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/mem.h"
#include "../base/tz.h"
#include "../base/utf8.h"
#include "find.h"
#include "moment.h"

enum filter { NO_FILTER, IN, FROM, BEFORE, AFTER, HAS, ORDER, PAGE, UNKNOWN };
struct token {
	const char *s; /* all of it */
	size_t n;
	enum filter filter;
	const char *key, *value;
	size_t key_len, value_len;
	bool open; /* its quote was never closed */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t quote_at(const char *s, size_t n)
{
	static const char *const quotes[] = { "\"", "\xe2\x80\x9c", "\xe2\x80\x9d", "\xe2\x80\x9e", "\xc2\xab", "\xc2\xbb", NULL };
	for (size_t i = 0; quotes[i] != NULL; i++) {
		size_t k = strlen(quotes[i]);
		if (n >= k && memcmp(s, quotes[i], k) == 0)
			return k;
	}
	return 0;
}

static enum filter filter_of(const char *s, size_t n)
{
	static const struct {
		const char *name;
		enum filter filter;
	} names[] = { { "in", IN }, { "channel", IN }, { "from", FROM }, { "by", FROM }, { "before", BEFORE }, { "until", BEFORE },
		{ "after", AFTER }, { "since", AFTER }, { "has", HAS }, { "order", ORDER }, { "sort", ORDER }, { "page", PAGE } };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strlen(names[i].name) == n && strncasecmp(names[i].name, s, n) == 0)
			return names[i].filter;
	return UNKNOWN;
}

/* The next token from ${*at} on: blanks separate, except inside quotes. */
static bool next_token(const char *s, size_t n, size_t *at, struct token *t)
{
	size_t i = *at;
	while (i < n && is_blank(s[i]))
		i++;
	if (i == n)
		return false;
	*t = (struct token){ .s = s + i };
	size_t from = i, name = 0;
	while (i + name < n && ((s[i + name] | 0x20) >= 'a' && (s[i + name] | 0x20) <= 'z'))
		name++;
	size_t value = i + name + 1;
	bool named =
	    name >= 2 && name <= 12 && value < n && s[i + name] == ':' && !is_blank(s[value]) && s[value] != '/' && s[value] != ':';
	if (named) {
		t->filter = filter_of(s + i, name);
		t->key = s + i;
		t->key_len = name;
		i = value;
	}
	size_t begin = i, quote = quote_at(s + i, n - i), end;
	if (quote == 0 && s[i] == '-' && i + 1 < n)
		quote = quote_at(s + i + 1, n - i - 1) > 0 ? quote_at(s + i + 1, n - i - 1) + 1 : 0;
	if (quote > 0) {
		begin = i + quote;
		for (end = begin; end < n && quote_at(s + end, n - end) == 0;)
			end++;
		t->open = end >= n;
		i = t->open ? n : end + quote_at(s + end, n - end);
	} else {
		while (i < n && !is_blank(s[i]))
			i++;
		end = i;
	}
	t->value = s + begin;
	t->value_len = end - begin;
	t->n = i - from;
	*at = i;
	return true;
}

static void put_token(struct buf *out, const struct token *t)
{
	buf_add(out, t->s, t->n);
	if (t->open)
		buf_add_char(out, '"');
}

static bool is(const struct token *t, const char *word)
{
	return strlen(word) == t->value_len && strncasecmp(word, t->value, t->value_len) == 0;
}

static bool read_day(const struct token *t, const char *tz, uint64_t wall_ms, int64_t *ms, struct buf *problem)
{
	char day[40];
	if (t->value_len < sizeof day) {
		memcpy(day, t->value, t->value_len);
		day[t->value_len] = '\0';
		if (moment_read(tz, wall_ms, day, ms))
			return true;
	}
	/* Said as code: what would end that, or the line, is not repeated. */
	bool safe = memchr(t->value, '`', t->value_len) == NULL && memchr(t->value, '\n', t->value_len) == NULL;
	buf_addf(problem,
	    "I can't read the day in `%.*s:%.*s`. I know forms such as `2026-07-01`, `today`, `yesterday`, `\"last week\"`, `monday`, and `7d` for seven days ago.",
	    (int)t->key_len, t->key, safe ? (int)utf8_clip(t->value, t->value_len, 40) : 0, t->value);
	return false;
}

static bool read_has(const struct token *t, enum search_has *has, struct buf *problem)
{
	static const struct {
		const char *word;
		enum search_has has;
	} words[] = { { "link", SEARCH_LINK }, { "links", SEARCH_LINK }, { "url", SEARCH_LINK }, { "file", SEARCH_FILE },
		{ "files", SEARCH_FILE }, { "attachment", SEARCH_FILE }, { "number", SEARCH_NUMBER }, { "numbers", SEARCH_NUMBER },
		{ "question", SEARCH_QUESTION }, { "questions", SEARCH_QUESTION }, { "unanswered", SEARCH_UNANSWERED } };
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (is(t, words[i].word)) {
			*has = words[i].has;
			return true;
		}
	}
	buf_add_str(problem, "After `has:` I know `link`, `file`, `number`, `question` and `unanswered`.");
	return false;
}

static bool read_filter(const struct token *t, const char *tz, uint64_t wall_ms, struct find_request *out, struct buf *problem)
{
	switch (t->filter) {
	case IN:
		free(out->in);
		out->in = xstrndup(t->value, t->value_len);
		return true;
	case FROM:
		free(out->from);
		out->from = xstrndup(t->value, t->value_len);
		return true;
	case BEFORE:
		return read_day(t, tz, wall_ms, &out->before_ms, problem);
	case AFTER:
		return read_day(t, tz, wall_ms, &out->after_ms, problem);
	case HAS:
		return read_has(t, &out->has, problem);
	case ORDER:
		out->order = is(t, "newest") ? SEARCH_NEWEST : is(t, "oldest") ? SEARCH_OLDEST : SEARCH_BEST;
		if (out->order != SEARCH_BEST || is(t, "best"))
			return true;
		buf_add_str(problem, "After `order:` I know `best`, `newest` and `oldest`.");
		return false;
	case PAGE: {
		long page = 0;
		for (size_t i = 0; i < t->value_len && page < 1000; i++)
			page = t->value[i] >= '0' && t->value[i] <= '9' ? page * 10 + (t->value[i] - '0') : 1000;
		if (page >= 1 && page <= FIND_PAGES_MAX) {
			out->page = (int)page;
			return true;
		}
		buf_addf(problem, "After `page:` I know the numbers 1 to %d.", FIND_PAGES_MAX);
		return false;
	}
	default:
		buf_addf(problem,
		    "I know no filter `%.*s:`. There are `in:`, `from:`, `before:`, `after:`, `has:` and `order:`. To look for the word itself, put it in \"quotes\".",
		    (int)t->key_len, t->key);
		return false;
	}
}

bool find_request_read(const char *text, size_t n, const char *tz, uint64_t wall_ms, struct find_request *out, struct buf *problem)
{
	*out = (struct find_request){ .page = 1 };
	n = utf8_clip(text, strnlen(text, n), FIND_TEXT_MAX);
	while (n > 0 && is_blank(text[n - 1]))
		n--;
	struct buf words = BUF_INIT;
	struct token t;
	bool good = true;
	buf_reserve(&words, 1);
	for (size_t at = 0; good && next_token(text, n, &at, &t);) {
		if (t.filter != NO_FILTER) {
			good = read_filter(&t, tz, wall_ms, out, problem);
			continue;
		}
		if (words.len > 0)
			buf_add_char(&words, ' ');
		put_token(&words, &t);
	}
	out->text = xstrndup(text, n);
	out->words = buf_detach(&words, NULL);
	bool filtered = out->in != NULL || out->from != NULL || out->before_ms != 0 || out->after_ms != 0 || out->has != SEARCH_ANY;
	if (good && out->words[0] == '\0' && !filtered) {
		buf_add_str(problem,
		    "What shall I look for? Say `search` and words, for example `search deadline in:general from:ana after:monday`.");
		good = false;
	}
	if (!good)
		find_request_done(out);
	return good;
}

void find_request_done(struct find_request *r)
{
	free(r->text);
	free(r->words);
	free(r->from);
	free(r->in);
	memset(r, 0, sizeof *r);
}

void find_request_write(const struct find_request *r, int page, int64_t before_ms, const char *tz, struct buf *out)
{
	struct token t;
	size_t n = strlen(r->text);
	buf_add_str(out, "search");
	for (size_t at = 0; next_token(r->text, n, &at, &t);) {
		if (t.filter == PAGE || (t.filter == BEFORE && before_ms != 0))
			continue;
		buf_add_char(out, ' ');
		put_token(out, &t);
	}
	if (before_ms != 0) {
		struct tz_time at;
		tz_local(tz, (uint64_t)before_ms + 59999, &at); /* whole minutes: rather one too much */
		buf_addf(out, " before:%04d-%02d-%02dT%02d:%02d", at.year, at.month, at.day, at.hour, at.minute);
	}
	if (page > 1)
		buf_addf(out, " page:%d", page);
}
