#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../adapters/model/sse.h"

struct seen {
	struct buf out;
	int stop_after;
};

static bool on_event(void *arg, const char *event, const char *data, size_t n)
{
	struct seen *s = arg;
	buf_addf(&s->out, "[%s:%.*s]", event, (int)n, data);
	return --s->stop_after != 0;
}

static char *parse(const char *p, size_t n, size_t cut, size_t every)
{
	struct sse s = { 0 };
	struct seen seen = { 0 };
	bool ok = true;
	buf_add_str(&seen.out, "");
	for (size_t i = 0; i < n && ok;) {
		size_t k = every ? every : i < cut ? cut : n - i;
		k = k < n - i ? k : n - i;
		char *copy = malloc(k);
		memcpy(copy, p + i, k);
		ok = sse_feed(&s, copy, k, on_event, &seen);
		free(copy);
		i += k;
	}
	sse_done(&s);
	return buf_detach(&seen.out, NULL);
}

static void events__are_found__wherever_the_bytes_are_cut(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "data: a\n\n", "[:a]" },
		{ "data:a\n\ndata:  b\n\n", "[:a][: b]" },
		{ "event: x\ndata: 1\n\ndata: 2\n\n", "[x:1][:2]" },
		{ "data: one\ndata: two\ndata:\ndata: four\n\n", "[:one\ntwo\n\nfour]" },
		{ "data: a\r\n\r\ndata: b\r\rdata: c\n\n", "[:a][:b][:c]" },
		{ ": comment\n:\nid: 5\nretry: 3\nnonsense\ndata: a\nother: x\n\n", "[:a]" },
		{ "event: lonely\n\ndata: a\n\n", "[:a]" },
		{ "\xef\xbb\xbf"
		  "data: a\n\n",
		    "[:a]" },
		{ "data\n\n", "[:]" },
		{ "data: not ended", "" },
		{ "data: a\n", "" },
		{ "\n\n\n", "" },
		{ "data: \xc3\xa4\n\n", "[:\xc3\xa4]" },
		{ "event: 0123456789012345678901234567890123456789xyz\ndata: a\n\n",
		    "[012345678901234567890123456789012345678:a]" },
		{ "data: a\nevent: late\n\n", "[late:a]" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t n = strlen(rows[i].in);
		for (size_t cut = 0; cut <= n; cut++) {
			char *got = parse(rows[i].in, n, cut, 0);
			assert_string_equal(got, rows[i].want);
			free(got);
		}
		for (size_t every = 1; every < 4; every++) {
			char *got = parse(rows[i].in, n, 0, every);
			assert_string_equal(got, rows[i].want);
			free(got);
		}
	}
}

static void reader__may_stop__in_the_middle(void **state)
{
	struct sse s = { 0 };
	struct seen seen = { .stop_after = 2 };
	static const char text[] = "data: a\n\ndata: b\n\ndata: c\n\n";
	(void)state;
	assert_false(sse_feed(&s, text, sizeof text - 1, on_event, &seen));
	assert_string_equal(seen.out.p, "[:a][:b]");
	buf_done(&seen.out);
	sse_done(&s);
}

static void event__is_refused__when_too_large(void **state)
{
	static char block[100000];
	(void)state;
	for (int lines = 0; lines < 2; lines++) { /* one endless line, and endlessly many */
		struct sse s = { 0 };
		struct seen seen = { 0 };
		memset(block, 'x', sizeof block);
		memcpy(block, "data: ", 6);
		if (lines)
			block[sizeof block - 1] = '\n';
		size_t fed = 0;
		while (sse_feed(&s, block, sizeof block, on_event, &seen) && fed < 3 * SSE_EVENT_MAX)
			fed += sizeof block;
		assert_in_range(fed, SSE_EVENT_MAX - 200000, SSE_EVENT_MAX + 200000);
		assert_false(sse_feed(&s, "\n\n", 2, on_event, &seen));
		assert_null(seen.out.p);
		sse_done(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events__are_found__wherever_the_bytes_are_cut),
		cmocka_unit_test(reader__may_stop__in_the_middle),
		cmocka_unit_test(event__is_refused__when_too_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
