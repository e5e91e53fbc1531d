/*
 * What a model says, filtered: the input is what the run was told, a zero byte, and the text.  Whatever the pieces in which the text comes, the same
 * comes out; nothing that is left in it calls everybody, shows an image or is a link that was neither told nor named.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/utf8.h"
#include "../../core/talk/spoken.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(int good)
{
	if (!good)
		abort();
}

static void through(const struct spoken_links *links, const char *text, size_t n, size_t step, struct buf *out)
{
	static const char *const secrets[] = { "a-secret-of-ours" };
	struct spoken *s = spoken_new(links, secrets, 1);
	for (size_t i = 0; i < n; i += step)
		spoken_feed(s, text + i, i + step < n ? step : n - i, out);
	spoken_end(s, out);
	spoken_free(s);
	buf_reserve(out, 1);
}

static int has(const struct buf *b, const char *what)
{
	return b->len > 0 && memmem(b->p, b->len, what, strlen(what)) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *zero = n > 0 ? memchr(data, 0, n) : NULL;
	const char *told = (const char *)data, *text = zero ? (const char *)zero + 1 : told;
	size_t told_len = zero ? (size_t)(zero - data) : 0, text_len = n - (size_t)(text - told);
	struct spoken_links *links = spoken_links_new();
	spoken_learn(links, told, told_len, told_len % 2 == 0);
	struct buf whole = BUF_INIT, pieces = BUF_INIT, again = BUF_INIT;
	through(links, text, text_len, text_len + 1, &whole);
	through(links, text, text_len, 1 + told_len % 7, &pieces);
	must(whole.len == pieces.len && memcmp(whole.p, pieces.p, whole.len) == 0);
	must(!utf8_valid(text, text_len) || utf8_valid(whole.p, whole.len));
	must(!has(&whole, "a-secret-of-ours"));
	must(!has(&whole, "<!channel") && !has(&whole, "<!here") && !has(&whole, "<@everyone"));
	if (text_len < SPOKEN_WORD_MAX) { /* a longer word may be cut within */
		must(!has(&whole, "!["));
		if (told_len == 0)
			must(!has(&whole, "https://") && !has(&whole, "http://"));
	}
	buf_done(&whole);
	buf_done(&pieces);
	buf_done(&again);
	spoken_links_free(links);
	return 0;
}
