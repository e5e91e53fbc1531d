/* UTF-8: counting, clipping and validity agree with one another on any bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "../../core/base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *s = (const char *)data;
	bool sound = true;
	size_t units = 0;
	for (size_t i = 0; i < n;) {
		uint32_t cp = 0;
		size_t k = utf8_decode(s + i, n - i, &cp);
		sound = sound && k && cp;
		units += k && cp >= 0x10000 ? 2 : 1;
		if (k) {
			char back[4];
			must(utf8_encode(cp, back) == k && back[k - 1] == s[i + k - 1]);
		}
		i += k ? k : 1;
	}
	must(utf8_valid(s, n) == sound);
	must(utf8_utf16_len(s, n) == units);
	must(utf8_utf16_clip(s, n, units) == n);
	for (size_t max = 0; max <= n && max < 64; max++) {
		size_t clipped = utf8_clip(s, n, max), half = utf8_utf16_clip(s, n, max);
		must(clipped <= max && max - clipped < 4);
		must(half <= n && utf8_utf16_len(s, half) <= max);
		if (sound)
			must(utf8_valid(s, clipped) && utf8_valid(s, half));
	}
	return 0;
}
