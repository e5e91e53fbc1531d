/* Header values: RFC 2047, RFC 2231, Message-IDs, dates, charsets, transfer encodings.  The first byte picks a charset. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../adapters/email/mail_internal.h"
#include "../../core/base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void sound(const struct buf *b)
{
	must(b->p == NULL || utf8_valid(b->p, b->len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const charsets[] = { "", "utf-8", "us-ascii", "iso-8859-1", "shift_jis", "iso-2022-jp", "gb2312",
		"utf-7", "utf-16", "big5", "ks_c_5601-1987", "koi8-r", "hz-gb-2312", "no-such" };
	struct mail_slice v = { (const char *)data, n };
	struct mail_arena *a = mail_arena_new(n);
	struct buf b = BUF_INIT;
	mail_header_add(&b, v);
	sound(&b);
	must(b.p == NULL || strpbrk(b.p, "\r\n") == NULL);
	const char *text = mail_header_text(a, v);
	must(utf8_valid(text, strlen(text)) && strpbrk(text, "\r\n") == NULL);
	static const char *const names[] = { "filename", "charset", "boundary", "name" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		buf_reset(&b);
		mail_param(v, names[i], &b);
		sound(&b);
		must(strpbrk(b.p, "\r\n") == NULL);
	}
	buf_reset(&b);
	mail_value_main(&b, v);
	buf_reset(&b);
	mail_plain_add(&b, v);
	struct mail_ids ids = { 0 };
	mail_ids_read(a, v, &ids);
	must(ids.len <= MAIL_IDS_MAX);
	for (size_t i = 0; i < ids.len; i++)
		must(utf8_valid(ids.items[i], strlen(ids.items[i])) && strpbrk(ids.items[i], "<>\r\n ") == NULL);
	mail_date_read(v);
	struct mail_field f;
	size_t at = 0, before = 0;
	while (mail_field_next(v, &at, &f)) {
		must(at > before && at <= n);
		before = at;
	}
	must(at <= n);
	if (n > 0) {
		const char *charset = charsets[data[0] % (sizeof charsets / sizeof *charsets)];
		buf_reset(&b);
		mail_charset_add(&b, v.p + 1, n - 1, (struct mail_slice){ charset, strlen(charset) });
		sound(&b);
		for (enum mail_encoding e = MAIL_ENC_NONE; e <= MAIL_ENC_UU; e++) {
			struct mail_slice body = { v.p + 1, n - 1 };
			buf_reset(&b);
			mail_decode(&b, body, e);
			must(b.len == mail_decoded_size(body, e));
			buf_reset(&b);
			mail_decode_some(&b, body, e, 7);
			must(b.len <= 7);
		}
		bool is_tnef;
		mail_tnef_files(a, v.p, n, &is_tnef);
	}
	buf_done(&b);
	mail_arena_free(a);
	return 0;
}
