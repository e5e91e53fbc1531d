/* Lists of addresses: nothing that comes out can do harm in a header or an envelope. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mail_arena *a = mail_arena_new(n);
	struct mail_addresses list = { 0 };
	mail_addresses_read(a, (struct mail_slice){ (const char *)data, n }, &list);
	must(list.len <= MAIL_ADDRESSES_MAX && list.len <= n + 1);
	for (size_t i = 0; i < list.len; i++) {
		const struct mail_address *it = &list.items[i];
		must(utf8_valid(it->name, strlen(it->name)) && utf8_valid(it->written, strlen(it->written)));
		must(strpbrk(it->name, "\r\n") == NULL && strpbrk(it->written, "\r\n<>") == NULL);
		if (it->addr[0] == '\0')
			continue;
		char again[320], tag[65];
		must(mail_address_ok(it->addr) && strpbrk(it->addr, "\r\n<> ,;\"") == NULL);
		must(mail_address_normal(it->addr, again) && strcmp(again, it->addr) == 0);
		must(mail_address_is(it->addr, it->addr));
		mail_address_tag(it->addr, tag);
	}
	char found[320];
	if (mail_address_in((struct mail_slice){ (const char *)data, n }, found))
		must(mail_address_ok(found));
	char *text = malloc(n + 1);
	if (n > 0)
		memcpy(text, data, n);
	text[n] = '\0';
	size_t base_n;
	const char *base = mail_base_subject(text, &base_n);
	must(base >= text && base + base_n <= text + strlen(text));
	char out[320];
	if (mail_address_normal(text, out))
		must(mail_address_ok(text) && mail_address_ok(out));
	free(text);
	mail_arena_free(a);
	return 0;
}
