/* The text of a mail: what is shown is what was there, nothing is invented, and a mail with text never becomes an empty one by its quotes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../adapters/email/text.h"
#include "../../core/base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *text = (const char *)data;
	struct mail_text t;
	mail_text_plain(text, n, &t);
	must(t.visible.p != NULL && t.visible.len <= n && t.quoted.len <= n + 1 && t.forwarded.len <= n + 1);
	must(t.visible.len > 0 || (t.quoted.len == 0 && t.forwarded.len == 0));
	if (utf8_valid(text, n))
		must(utf8_valid(t.visible.p, t.visible.len) && (t.quoted.len == 0 || utf8_valid(t.quoted.p, t.quoted.len)));
	for (size_t i = 0; i < t.visible.len && n < 2000;) {
		const char *end = memchr(t.visible.p + i, '\n', t.visible.len - i);
		size_t len = end != NULL ? (size_t)(end - t.visible.p) - i : t.visible.len - i;
		must(len == 0 || memmem(text, n, t.visible.p + i, len) != NULL);
		i += len + 1;
	}
	mail_text_done(&t);
	struct buf flat = BUF_INIT;
	mail_unflow(text, n, n % 2 == 0, &flat);
	must(flat.len <= n * 2 + 2);
	buf_done(&flat);
	return 0;
}
