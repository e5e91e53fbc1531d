/* Raw bytes to a mail: whatever they are, what comes out is sound and bounded. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../adapters/email/mail.h"
#include "../../adapters/email/show.h"
#include "../../core/base/json.h"
#include "../../core/base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void sound(const char *s, size_t n)
{
	must(utf8_valid(s, n) && memchr(s, '\0', n) == NULL);
}

static void one_line(const char *s)
{
	must(s != NULL);
	sound(s, strlen(s));
	must(strpbrk(s, "\r\n") == NULL);
}

static void addresses(const struct mail_addresses *a)
{
	for (size_t i = 0; i < a->len; i++) {
		one_line(a->items[i].name);
		one_line(a->items[i].written);
		must(a->items[i].addr[0] == '\0' || mail_address_ok(a->items[i].addr));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const own[] = { "bot@example.org" }, *const hosts[] = { "mx.example.org" };
	const struct mail_context ctx = {
		.own_addresses = own, .own_len = 1, .trusted_hosts = hosts, .trusted_len = 1, .loop_mark = "mark"
	};
	struct mail *m;
	mail_library_init();
	if (mail_read((const char *)data, n, &ctx, &m) != ERR_NONE)
		return 0;
	one_line(m->subject);
	one_line(m->message_id);
	one_line(m->why);
	one_line(m->auth_why);
	one_line(m->original_message_id);
	one_line(m->disposition);
	must(m->message_id[0] != '\0');
	addresses(&m->from);
	addresses(&m->to);
	addresses(&m->cc);
	addresses(&m->reply_to);
	addresses(&m->delivered_to);
	must(!m->authenticated || (m->sender != NULL && m->from.len == 1));
	must(!m->may_reply || m->kind == MAIL_HUMAN);
	must(m->files_len <= MAIL_PARTS_MAX && m->recipients_len <= 500);
	if (m->plain != NULL)
		sound(m->plain, m->plain_len);
	if (m->html != NULL)
		sound(m->html, m->html_len);
	if (m->calendar != NULL)
		one_line(m->calendar);
	for (size_t i = 0; i < m->files_len; i++) {
		one_line(m->files[i].name);
		must(strpbrk(m->files[i].name, "/\\") == NULL);
		if (m->files[i].text != NULL)
			sound(m->files[i].text, m->files[i].text_len);
	}
	for (size_t i = 0; i < m->recipients_len; i++) {
		one_line(m->recipients[i].address);
		one_line(m->recipients[i].reason);
		one_line(m->recipients[i].action);
	}
	for (size_t i = 0; i < m->tnef_files.len; i++)
		one_line(m->tnef_files.items[i]);
	mail_free(m);
	/* The object of `eddy mail show` is JSON. */
	struct buf out = BUF_INIT;
	const struct mail_view v = { .own_addresses = own, .own_len = 1, .cut = n % 2 == 1 };
	json_t *o = NULL;
	must(mail_show((const char *)data, n, &v, &out) == ERR_NONE);
	must(json_parse(out.p, out.len, out.len + 1, &o, NULL) == ERR_NONE);
	json_decref(o);
	buf_done(&out);
	return 0;
}
