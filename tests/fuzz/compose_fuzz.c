/*
 * Words of others into a mail: lines of the input are the subject, a name, an address, a Message-ID and a component's label, the rest is the
 * answer.  Whatever comes out travels in 7 bits, has the fields that it is to have and no others, and is read back.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../adapters/email/compose.h"
#include "../../adapters/email/mail.h"
#include "../../core/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_lines(const char *raw, size_t n)
{
	size_t from = 0, fields = 0;
	bool body = false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)raw[i];
		must(c != 0 && c < 0x80 && (c != '\r' || raw[i + 1] == '\n') && (c != '\n' || raw[i - 1] == '\r'));
		if (c != '\n')
			continue;
		must(i - 1 - from <= 998);
		body |= i - 1 == from;
		fields += !body && raw[from] != ' ';
		from = i + 1;
	}
	/* From, To, Cc, Subject, Date, Message-ID, perhaps In-Reply-To and References, Auto-Submitted, MIME-Version, Content-Type */
	must(from == n && (fields == 9 || fields == 10 || fields == 11));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *lines[5];
	const char *p = (const char *)data;
	mail_library_init();
	for (int i = 0; i < 5; i++) {
		const char *end = memchr(p, '\n', n);
		size_t len = end ? (size_t)(end - p) : n;
		lines[i] = xmalloc(len + 1);
		memcpy(lines[i], p, len);
		lines[i][len] = '\0';
		for (char *s = lines[i]; *s; s++) /* the marks that a line cannot hold */
			*s = *s == 0x01 ? '\n' : *s == 0x02 ? '\r' : *s;
		p += len + (end != NULL);
		n -= len + (end != NULL);
	}
	struct draft_address to = { lines[1], "ann@example.com" }, cc = { NULL, lines[2] };
	const char *refs[] = { "first@example.com", lines[3] };
	struct component c[] = { { .kind = COMPONENT_BUTTON, .action = "a", .label = lines[4] },
		{ .kind = COMPONENT_LINK, .label = lines[4], .value = lines[2], .fallback = lines[0] } };
	struct draft d = { .from = { lines[1], "bot@example.org" },
		.to = &to,
		.to_len = 1,
		.cc = &cc,
		.cc_len = 1,
		.subject = lines[0],
		.message_id = "eddy-1@example.org",
		.in_reply_to = lines[3],
		.references = refs,
		.references_len = 2,
		.automatic = true,
		.markdown = p,
		.markdown_len = n,
		.components = c,
		.components_len = 2,
		.footer = lines[0],
		.language = lines[3] };
	struct buf b = BUF_INIT;
	char why[100];
	enum err e = compose_mail(&d, &b, why, sizeof why);
	if (e != ERR_NONE) {
		must(e == ERR_INPUT && b.len == 0 && why[0]);
		cc.addr = "cid@example.com"; /* all but the address goes its way */
		e = compose_mail(&d, &b, why, sizeof why);
	}
	must(e == ERR_NONE);
	check_lines(b.p, b.len);
	struct mail *m = NULL;
	must(mail_read(b.p, b.len, &(struct mail_context){ 0 }, &m) == ERR_NONE);
	must(m->from.len == 1 && strcmp(m->from.items[0].addr, "bot@example.org") == 0);
	must(m->to.len == 1 && strcmp(m->to.items[0].addr, "ann@example.com") == 0);
	must(m->cc.len == 1 && m->plain && m->html && m->files_len == 0);
	must(strcmp(m->message_id, "eddy-1@example.org") == 0);
	mail_free(m);
	buf_done(&b);
	for (int i = 0; i < 5; i++)
		free(lines[i]);
	return 0;
}
