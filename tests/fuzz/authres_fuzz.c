/* Authentication-Results: bounded, and nothing inside a comment or a quoted string is ever a result. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../adapters/email/authres.h"
#include "../../adapters/email/mail.h"
#include "../../core/base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct mail_authres r;
	if (mail_authres_parse((const char *)data, n, &r)) {
		must(r.len <= MAIL_AUTHRES_MAX && strlen(r.id) < sizeof r.id);
		for (size_t i = 0; i < r.len; i++)
			must(r.items[i].method[0] != '\0' && strlen(r.items[i].mailfrom) < sizeof r.items[i].mailfrom);
	}
	/* Whatever stands in the quoted reason of a field of ours, it does not make its mail anybody's. */
	static const char *const hosts[] = { "mx.example.org" };
	const struct mail_context ctx = { .trusted_hosts = hosts, .trusted_len = 1 };
	struct buf raw = BUF_INIT;
	buf_add_str(&raw, "Authentication-Results: mx.example.org; spf=fail reason=\"");
	for (size_t i = 0; i < n; i++)
		if (data[i] != '"' && data[i] != '\\' && data[i] != '\n' && data[i] != '\r' && data[i] != '\0')
			buf_add_char(&raw, (char)data[i]);
	buf_add_str(&raw, "\" smtp.mailfrom=x.example\r\nReceived: from x\r\nFrom: pat@example.com\r\nSubject: x\r\n\r\nx\r\n");
	struct mail *m;
	if (mail_read(raw.p, raw.len, &ctx, &m) == ERR_NONE) {
		must(!m->authenticated);
		mail_free(m);
	}
	buf_done(&raw);
	return 0;
}
