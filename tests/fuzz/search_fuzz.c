/*
 * What people look for, and where it is in a text: the input is a query, a zero byte, and a text.  What is made for to_tsquery() must be
 * operands in quotes between a few signs of ours, whatever the query; what is marked must lie in the piece, in order, between characters.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/utf8.h"
#include "../../core/talk/find.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(int good)
{
	if (!good)
		abort();
}

/* Only quoted operands and our own signs; parentheses closed. */
static void check_query(const struct buf *q)
{
	bool quoted = false;
	int depth = 0;
	for (size_t i = 0; i < q->len; i++) {
		char c = q->p[i];
		if (quoted) {
			bool doubled = (c == '\'' || c == '\\') && i + 1 < q->len && q->p[i + 1] == c;
			must(c != '\\' || doubled);
			i += doubled;
			if (c == '\'' && !doubled)
				quoted = false;
			continue;
		}
		must(strchr(" '()&|!:*", c) != NULL);
		quoted = c == '\'';
		depth += (c == '(') - (c == ')');
		must(depth >= 0);
	}
	must(!quoted && depth == 0);
}

static void check_marks(const char *text, size_t n, const struct search_words *w, size_t max)
{
	struct highlight h;
	highlight_find(text, n, w, max, &h);
	must(h.from <= h.to && h.to <= n && h.to - h.from <= (max < 16 ? 16 : max) + 4);
	must(h.before == (h.from > 0) && h.after == (h.to < n));
	size_t at = h.from;
	for (size_t i = 0; i < h.len; i++) {
		must(h.hits[i].from >= at && h.hits[i].to > h.hits[i].from && h.hits[i].to <= h.to);
		at = h.hits[i].to;
		if (utf8_valid(text, n))
			must(utf8_valid(text + h.hits[i].from, h.hits[i].to - h.hits[i].from));
	}
	if (utf8_valid(text, n))
		must(utf8_valid(text + h.from, h.to - h.from));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *query = (const char *)data;
	size_t query_len = strnlen(query, n);
	const char *text = query_len < n ? query + query_len + 1 : query;
	size_t text_len = query_len < n ? n - query_len - 1 : n;
	for (int form = 0; form < 4; form++) {
		struct search_words w;
		struct buf broad = BUF_INIT, exactly = BUF_INIT;
		search_words_parse(query, query_len, form & 1, &w);
		w.loose = form & 2;
		if (w.len > 0)
			search_words_add_form(&w, 0, "it's a \\ form");
		search_words_query(&w, &broad, &exactly);
		check_query(&broad);
		check_query(&exactly);
		must(w.len == 0 || exactly.len > 0);
		check_marks(text, text_len, &w, (size_t)form * 40);
		check_marks(text, text_len, &w, 5000);
		search_words_done(&w);
		buf_done(&broad);
		buf_done(&exactly);
	}
	struct find_request r;
	struct buf said = BUF_INIT, again = BUF_INIT;
	if (find_request_read(query, query_len, "Europe/Berlin", 1795232136471, &r, &said)) {
		/* Written and read again it asks for the same. */
		struct find_request second;
		find_request_write(&r, r.page, 0, NULL, &again);
		must(again.len > 7 && memcmp(again.p, "search ", 7) == 0);
		if (again.len - 7 <= FIND_TEXT_MAX) {
			must(find_request_read(again.p + 7, again.len - 7, "Europe/Berlin", 1795232136471, &second, &said));
			must(strcmp(r.words, second.words) == 0 && second.page == r.page && second.has == r.has &&
			    second.after_ms == r.after_ms);
			must((r.in == NULL) == (second.in == NULL) && (r.in == NULL || strcmp(r.in, second.in) == 0));
			find_request_done(&second);
		}
		find_request_done(&r);
	} else {
		must(said.len > 0);
	}
	buf_done(&said);
	buf_done(&again);
	return 0;
}
