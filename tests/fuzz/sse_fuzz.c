#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../adapters/model/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool on_event(void *arg, const char *event, const char *data, size_t n)
{
	struct buf *out = arg;
	buf_addf(out, "[%s:", event);
	buf_add(out, data, n);
	buf_add_char(out, ']');
	return true;
}

/* Whatever way the bytes are cut, the same events come out. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF_INIT, bytes = BUF_INIT;
	struct sse a = { 0 }, b = { 0 };
	if (size > 20000)
		return 0;
	if (size > 0) {
		sse_feed(&a, (const char *)data, size, on_event, &whole);
		for (size_t i = 0; i < size; i++)
			sse_feed(&b, (const char *)data + i, 1, on_event, &bytes);
	}
	if (whole.len != bytes.len || (whole.len > 0 && memcmp(whole.p, bytes.p, whole.len) != 0))
		abort();
	sse_done(&a);
	sse_done(&b);
	buf_done(&whole);
	buf_done(&bytes);
	return 0;
}
