/* HTML of a mail, whatever it is, becomes bounded, valid text without NUL. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../adapters/email/mail.h"
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
	const char *html = (const char *)data;
	struct buf all = BUF_INIT;
	mail_html_to_text(html, n, &all);
	must(all.p != NULL && utf8_valid(all.p, all.len));
	struct mail_text t;
	mail_text_html(html, n, &t);
	must(utf8_valid(t.visible.p, t.visible.len) && t.visible.len <= all.len);
	must(t.quoted.len == 0 || utf8_valid(t.quoted.p, t.quoted.len));
	mail_text_done(&t);
	/* Both bodies of one mail: the first half is its plain text. */
	struct mail m = { .plain = html, .plain_len = n / 2, .html = html + n / 2, .html_len = n - n / 2 };
	mail_text(&m, &t);
	must(t.visible.p != NULL);
	mail_text_done(&t);
	buf_done(&all);
	return 0;
}
