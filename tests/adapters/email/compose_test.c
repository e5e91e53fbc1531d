/* What a reply looks like as a mail: its headers, its two bodies, and that nothing gets in which does not belong there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../../adapters/email/compose.h"
#include "../../../adapters/email/mail.h"
#include "../../../adapters/email/text.h"
#include "../../../core/base/json.h"
#include "../../../core/base/utf8.h"

static const struct draft_address ann = { "Ann Example", "ann@example.com" };

static struct draft draft_of(const char *markdown)
{
	return (struct draft){
		.from = { "Eddy", "bot@example.org" },
		.to = &ann,
		.to_len = 1,
		.subject = "Re: hello",
		.message_id = "eddy-1@example.org",
		.date = 1795263600,
		.markdown = markdown,
		.markdown_len = strlen(markdown),
	};
}

static char *mail_of(const struct draft *d)
{
	struct buf b = BUF_INIT;
	char why[100] = "";
	if (compose_mail(d, &b, why, sizeof why) != ERR_NONE)
		fail_msg("refused: %s", why);
	return buf_detach(&b, NULL);
}

static char *plain_of(const struct draft *d)
{
	struct buf b = BUF_INIT;
	buf_reset(&b);
	compose_plain(d, &b);
	return buf_detach(&b, NULL);
}

static char *html_of(const struct draft *d)
{
	struct buf b = BUF_INIT;
	compose_html(d, &b);
	return buf_detach(&b, NULL);
}

/* What may travel anywhere: 7-bit, CR LF, no long line. */
static void assert_travels(const char *raw, size_t max)
{
	size_t from = 0, n = strlen(raw);
	for (size_t i = 0; i < n; i++) {
		assert_true((unsigned char)raw[i] < 0x80);
		if (raw[i] == '\r')
			assert_int_equal(raw[i + 1], '\n');
		if (raw[i] != '\n')
			continue;
		assert_true(i > 0 && raw[i - 1] == '\r');
		assert_true(i - 1 - from <= max);
		assert_false(i - 1 - from == 1 && raw[from] == '.');
		assert_true(strncmp(raw + from, "From ", 5) != 0);
		from = i + 1;
	}
	assert_int_equal(from, n);
}

/* The header part only, so that bodies cannot answer for it. */
static void assert_header(const char *raw, const char *line, bool there)
{
	const char *end = strstr(raw, "\r\n\r\n"), *at = strstr(raw, line);
	bool found = false;
	for (; at && at < end; at = strstr(at + 1, line))
		found |= at == raw || at[-1] == '\n';
	if (found != there)
		fail_msg("\"%s\" is %s:\n%.*s", line, there ? "missing" : "there", (int)(end - raw), raw);
}

/* ---- by another reader: Python's ---- */

static const char reader[] =
    "import sys, json, email, email.policy\n"
    "m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)\n"
    "def people(h): return [[a.display_name, a.addr_spec] for a in m[h].addresses] if m[h] else []\n"
    "print(json.dumps({'from': people('from'), 'to': people('to'), 'cc': people('cc'), 'reply_to': people('reply-to'),\n"
    " 'subject': m['subject'], 'id': m['message-id'], 'irt': m['in-reply-to'], 'refs': (m['references'] or '').split(),\n"
    " 'date': m['date'].datetime.isoformat(), 'type': m.get_content_type(), 'parts': [p.get_content_type() for p in m.iter_parts()],\n"
    " 'plain': m.get_body(('plain',)).get_content().replace('\\r\\n', '\\n'), 'html': m.get_body(('html',)).get_content().replace('\\r\\n', '\\n'), 'keys': m.keys(),\n"
    " 'defects': [type(d).__name__ for p in m.walk() for d in p.defects]}))\n";

static json_t *read_by_python(const char *raw)
{
	char dir[] = "/tmp/eddy-compose-XXXXXX", mail[60], script[60], command[200];
	assert_non_null(mkdtemp(dir));
	snprintf(mail, sizeof mail, "%s/mail", dir);
	snprintf(script, sizeof script, "%s/read.py", dir);
	FILE *f = fopen(mail, "w");
	fputs(raw, f);
	fclose(f);
	f = fopen(script, "w");
	fputs(reader, f);
	fclose(f);
	snprintf(command, sizeof command, "python3 %s <%s 2>/dev/null", script, mail);
	f = popen(command, "r");
	assert_non_null(f);
	struct buf out = BUF_INIT;
	char bytes[4096];
	buf_reset(&out);
	for (size_t n; (n = fread(bytes, 1, sizeof bytes, f)) > 0;)
		buf_add(&out, bytes, n);
	int status = pclose(f);
	unlink(mail);
	unlink(script);
	rmdir(dir);
	json_t *j = NULL;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 127) {
		j = json_loadb(out.p, out.len, 0, NULL);
		if (!j)
			fail_msg("Python cannot read it:\n%s", raw);
	}
	buf_done(&out);
	return j;
}

static const char *string_at(const json_t *j, const char *key)
{
	return json_string_value(json_object_get(j, key));
}

static const char *person_at(const json_t *j, const char *key, size_t i, size_t what)
{
	return json_string_value(json_array_get(json_array_get(json_object_get(j, key), i), what));
}

static void compose_mail__is_read__by_python(void **state)
{
	(void)state;
	static const struct draft_address to[] = { { "\xc3\x84nnchen M\xc3\xbcller", "ann@example.com" },
		{ "Doe, \"J\" John \\ Co.", "john@example.com" }, { NULL, "o'neil+x@example.com" } };
	static const struct draft_address cc[] = { { "\xe5\xb1\xb1\xe7\x94\xb0\xe5\xa4\xaa\xe9\x83\x8e, at work",
	    "\"a,b\"@example.com" } };
	static const char subject[] =
	    "Re: Gr\xc3\xbc\xc3\x9f"
	    "e \xe2\x80\x93 ein l\xc3\xa4ngerer Betreff, der in mehrere W\xc3\xb6rter zerf\xc3\xa4llt: \xe6\xbc\xa2\xe5\xad\x97 \xf0\x9f\x98\x80 =?utf-8?Q?x?=";
	static const char *const refs[] = { "one@example.com", "two@example.com" };
	struct draft d = draft_of(
	    "Gr\xc3\xbc\xc3\x9f"
	    "e,\n\n- one\n- two = 2\n\n.\n\nFrom here on a rather long paragraph, which is broken into lines of a mail and put together again.\n");
	d.to = to;
	d.to_len = 3;
	d.cc = cc;
	d.cc_len = 1;
	d.reply_to = "bot+t.abc@example.org";
	d.subject = subject;
	d.in_reply_to = "two@example.com";
	d.references = refs;
	d.references_len = 2;
	char *raw = mail_of(&d), *plain = plain_of(&d), *html = html_of(&d);
	assert_travels(raw, 78);
	json_t *j = read_by_python(raw);
	if (!j) {
		free(raw);
		free(plain);
		free(html);
		print_message("python3 is not here\n");
		skip();
	}
	assert_int_equal(json_array_size(json_object_get(j, "defects")), 0);
	assert_string_equal(string_at(j, "subject"), subject);
	assert_string_equal(person_at(j, "from", 0, 0), "Eddy");
	assert_string_equal(person_at(j, "from", 0, 1), "bot@example.org");
	assert_string_equal(person_at(j, "reply_to", 0, 1), "bot+t.abc@example.org");
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(person_at(j, "to", i, 0), to[i].name ? to[i].name : "");
		assert_string_equal(person_at(j, "to", i, 1), to[i].addr);
	}
	assert_string_equal(person_at(j, "cc", 0, 0), cc[0].name);
	assert_string_equal(person_at(j, "cc", 0, 1), cc[0].addr);
	assert_string_equal(string_at(j, "id"), "<eddy-1@example.org>");
	assert_string_equal(string_at(j, "irt"), "<two@example.com>");
	assert_int_equal(json_array_size(json_object_get(j, "refs")), 2);
	assert_string_equal(json_string_value(json_array_get(json_object_get(j, "refs"), 1)), "<two@example.com>");
	assert_string_equal(string_at(j, "date"), "2026-11-21T12:20:00+00:00");
	assert_string_equal(string_at(j, "type"), "multipart/alternative");
	assert_string_equal(json_string_value(json_array_get(json_object_get(j, "parts"), 0)), "text/plain");
	assert_string_equal(json_string_value(json_array_get(json_object_get(j, "parts"), 1)), "text/html");
	size_t n = strlen(string_at(j, "plain")); /* the last line end belongs to the boundary */
	assert_true(n + 1 == strlen(plain) || n == strlen(plain));
	assert_memory_equal(string_at(j, "plain"), plain, n);
	n = strlen(string_at(j, "html"));
	assert_memory_equal(string_at(j, "html"), html, n);
	json_decref(j);
	free(raw);
	free(plain);
	free(html);
}

static void compose_mail__lets__nothing_into_a_header(void **state)
{
	(void)state;
	struct draft_address evil = { "Eve\r\nBcc: x@example.com\r\n\r\nbody", "eve@example.com" };
	static const char *const lines[] = { "a\r\nBcc: x@example.com", "a\nBcc: x@example.com", "a\rBcc: x@example.com",
		"a\r\n\r\nbody", "=?utf-8?Q?=0D=0ABcc:_x?=",
		"\xe2\x80\xa8"
		"Bcc: x@example.com",
		"\xc2\x85"
		"Bcc: x",
		"\x1b[31m", "\xff\xfe" };
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct draft d = draft_of("text");
		evil.name = lines[i];
		d.to = &evil;
		d.from.name = lines[i];
		d.subject = lines[i];
		char *raw = mail_of(&d);
		assert_travels(raw, 78);
		assert_header(raw, "Bcc", false);
		json_t *j = read_by_python(raw);
		if (j) {
			assert_null(strpbrk(string_at(j, "subject"), "\r\n\x1b"));
			assert_int_equal(json_array_size(json_object_get(j, "keys")), 7);
			assert_string_equal(person_at(j, "to", 0, 1), "eve@example.com");
			assert_int_equal(json_array_size(json_object_get(j, "to")), 1);
			json_decref(j);
		}
		free(raw);
	}
}

static void compose_mail__refuses__what_is_no_address_or_id(void **state)
{
	(void)state;
	static const char *const bad[] = { "a@b.c\r\nBcc: x@y.z", "a@b.c>, <x@y.z", "a@b.c\n", "a b@c.d", "", "nobody",
		"a@b.c, x@y.z", "gr\xc3\xbc\xc3\x9f@b.c", "a@b.c\x7f", "\x01@b.c", "<a@b.c>" };
	struct buf b = BUF_INIT;
	char why[100];
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		for (int field = 0; field < 7; field++) {
			struct draft d = draft_of("text");
			struct draft_address a = { NULL, bad[i] };
			if (field == 0)
				d.from.addr = bad[i];
			if (field == 1)
				d.to = &a;
			if (field == 2) {
				d.cc = &a;
				d.cc_len = 1;
			}
			if (field == 3)
				d.reply_to = bad[i];
			if (field == 4)
				d.unsubscribe_mail = bad[i];
			if (field == 5)
				d.unsubscribe_url = bad[i];
			if (field == 6 && i != 3 && i != 5 && i != 6)
				d.message_id = bad[i];
			else if (field == 6)
				d.message_id = "<x@y>";
			why[0] = '\0';
			assert_int_equal(compose_mail(&d, &b, why, sizeof why), ERR_INPUT);
			assert_true(why[0] != '\0');
			assert_int_equal(b.len, 0);
		}
	struct draft d = draft_of("text");
	d.loop_mark = "a b\r\nc";
	assert_int_equal(compose_mail(&d, &b, why, sizeof why), ERR_INPUT);
	d = draft_of("text");
	d.to_len = 0;
	assert_int_equal(compose_mail(&d, &b, why, sizeof why), ERR_INPUT);
	buf_done(&b);
}

static void compose_mail__is__the_same_for_the_same_draft(void **state)
{
	(void)state;
	struct draft d = draft_of("# Title\n\nText \xc3\xbc\n");
	char *one = mail_of(&d), *two = mail_of(&d);
	assert_string_equal(one, two);
	d.message_id = "eddy-2@example.org";
	char *three = mail_of(&d);
	const char *a = strstr(one, "boundary="), *c = strstr(three, "boundary=");
	assert_true(strncmp(a, c, 30) != 0);
	free(one);
	free(two);
	free(three);
}

static void compose_mail__marks__what_is_automatic(void **state)
{
	(void)state;
	struct draft d = draft_of("text");
	char *raw = mail_of(&d);
	assert_header(raw, "Auto-Submitted", false);
	assert_header(raw, "List-", false);
	assert_header(raw, "X-", false);
	assert_header(raw, "In-Reply-To", false);
	assert_header(raw, "References", false);
	assert_header(raw, "Cc", false);
	assert_header(raw, "Precedence", false);
	free(raw);
	d.automatic = true;
	d.loop_mark = "abc123";
	raw = mail_of(&d);
	assert_header(raw, "Auto-Submitted: auto-replied\r\n", true);
	assert_header(raw, "X-Eddy-Id: abc123\r\n", true);
	assert_header(raw, "X-Auto", false);
	free(raw);
	d.unattended = true;
	d.unsubscribe_url = "https://example.org/u?t=1,2";
	d.unsubscribe_mail = "bot+u.x@example.org";
	raw = mail_of(&d);
	assert_header(raw, "Auto-Submitted: auto-generated\r\n", true);
	assert_header(raw, "X-Auto-Response-Suppress: All\r\n", true);
	assert_header(
	    raw, "List-Unsubscribe: <https://example.org/u?t=1,2>,\r\n <mailto:bot+u.x@example.org?subject=unsubscribe>\r\n", true);
	assert_header(raw, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", true);
	free(raw);
	d.unsubscribe_url = "http://example.org/u";
	raw = mail_of(&d);
	assert_header(raw, "List-Unsubscribe-Post", false); /* RFC 8058: https only */
	free(raw);
}

static void compose_mail__cuts__the_middle_of_long_references(void **state)
{
	(void)state;
	char ids[300][40], longest[1000];
	const char *refs[300];
	for (int i = 0; i < 300; i++) {
		snprintf(ids[i], sizeof ids[i], "ref-%d@example.com", i);
		refs[i] = ids[i];
	}
	memset(longest, 'x', sizeof longest);
	longest[950] = '\0';
	refs[7] = "broken id@example.com";
	refs[8] = "in\r\nBcc: x@example.com";
	refs[299] = longest;
	struct draft d = draft_of("text");
	d.references = refs;
	d.references_len = 300;
	d.in_reply_to = "ref-298@example.com";
	char *raw = mail_of(&d);
	assert_travels(raw, 998);
	assert_header(raw, "Bcc", false);
	assert_header(raw, "References: <ref-0@example.com>\r\n <ref-280@example.com>\r\n", true);
	assert_non_null(strstr(raw, " <ref-297@example.com>\r\n <ref-298@example.com>\r\nMIME"));
	assert_header(raw, "In-Reply-To: <ref-298@example.com>\r\n", true);
	free(raw);
	d.in_reply_to = "broken id@example.com"; /* cannot be said; the others still lead to the thread */
	raw = mail_of(&d);
	assert_header(raw, "In-Reply-To", false);
	assert_header(raw, "References: <ref-0@example.com>\r\n", true);
	free(raw);
}

static void compose_mail__folds__any_subject(void **state)
{
	(void)state;
	char word[3000], many[3000] = "";
	memset(word, 'w', sizeof word - 1);
	word[sizeof word - 1] = '\0';
	while (strlen(many) < 900)
		strcat(many, "word  and ");
	const char *const subjects[] = { word, many, "", NULL, "   ", "short" };
	for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
		struct draft d = draft_of("text");
		d.subject = subjects[i];
		char *raw = mail_of(&d);
		assert_travels(raw, 998);
		assert_null(strstr(raw, "\r\n \r\n"));
		json_t *j = read_by_python(raw);
		if (j && i == 0)
			assert_int_equal(strspn(string_at(j, "subject"), "w"), 1000);
		if (j && i == 1)
			assert_memory_equal(string_at(j, "subject"), many, strlen(many) - 1);
		json_decref(j);
		free(raw);
	}
}

static void compose_mail__encodes__for_any_script(void **state)
{
	(void)state;
	struct draft d =
	    draft_of("\xe6\xbc\xa2\xe5\xad\x97\xe3\x81\x8b\xe3\x81\xaa\xe4\xba\xa4\xe3\x81\x98\xe3\x82\x8a\xe6\x96\x87\n");
	char *raw = mail_of(&d);
	assert_travels(raw, 78);
	assert_non_null(strstr(raw, "Content-Transfer-Encoding: base64\r\n"));
	json_t *j = read_by_python(raw);
	if (j)
		assert_memory_equal(string_at(j, "plain"), d.markdown, d.markdown_len - 1);
	json_decref(j);
	free(raw);
	d = draft_of("a\xff\xfe b\r\nc \xc0\x80\n"); /* not UTF-8 */
	raw = mail_of(&d);
	assert_travels(raw, 78);
	j = read_by_python(raw);
	json_decref(j);
	free(raw);
}

static void compose_message_id__leads__back_to_the_delivery(void **state)
{
	(void)state;
	struct id id = id_new(), back;
	char out[320], with[330], other[330];
	compose_message_id(id, "example.org", out);
	assert_true(compose_delivery_of(out, "example.org", &back) && id_equal(id, back));
	snprintf(with, sizeof with, "<%s>", out);
	assert_true(compose_delivery_of(with, "EXAMPLE.org", &back) && id_equal(id, back));
	assert_false(compose_delivery_of(out, "example.com", &back));
	assert_false(compose_delivery_of(out, "xample.org", &back));
	snprintf(other, sizeof other, "x%s", out);
	assert_false(compose_delivery_of(other, "example.org", &back));
	static const char *const bad[] = { NULL, "", "<", "<>", "@", "eddy-@example.org",
		"eddy-00000000-0000-0000-0000-000000000000@example.org", "eddy-zzzzzzzz-0000-0000-0000-000000000000@example.org" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(compose_delivery_of(bad[i], "example.org", &back));
}

static void assert_plain(const char *markdown, const char *text)
{
	struct draft d = draft_of(markdown);
	char *plain = plain_of(&d);
	assert_string_equal(plain, text);
	free(plain);
}

static void compose_plain__writes__as_people_do(void **state)
{
	(void)state;
	assert_plain("Hello", "Hello\n");
	assert_plain("", "");
	assert_plain("# Title\n\n## Part\n\n### Small\n\ntext", "Title\n=====\n\nPart\n----\n\nSmall\n\ntext\n");
	assert_plain("- one\n- two\n  - three\n- [x] done\n", "- one\n- two\n   - three\n- [x] done\n");
	assert_plain("3. three\n4. four\n", "3. three\n4. four\n");
	assert_plain("> said\n>\n> > before\n\nanswer", "> said\n>\n>> before\n\nanswer\n");
	assert_plain("```c\nif (x)\n\ty();\n\n```\n", "     if (x)\n     \ty();\n");
	assert_plain("[the page](https://example.org/a) or https://example.org/b, [a@b.c](mailto:a@b.c)",
	    "the page <https://example.org/a> or https://example.org/b, a@b.c\n");
	assert_plain("**bold** _em_ `code` ~~gone~~", "*bold* _em_ `code` ~gone~\n");
	assert_plain("| A | Number |\n|---|---:|\n| \xc3\xa4\xc3\xb6 | 1 |\n| cdef | 22 |\n",
	    "A    | Number\n-----+-------\n\xc3\xa4\xc3\xb6   |      1\ncdef |     22\n");
	assert_plain("a\n\n---\n\nb", "a\n\n* * *\n\nb\n");
	assert_plain("a\\\nb\nc", "a\nb\nc\n");
}

static void compose_plain__flows__long_lines(void **state)
{
	(void)state;
	assert_plain("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen",
	    "one two three four five six seven eight nine ten eleven twelve thirteen \nfourteen fifteen sixteen\n");
	assert_plain("> one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen",
	    "> one two three four five six seven eight nine ten eleven twelve \n> thirteen fourteen fifteen sixteen\n");
	/* Stuffed where it would be read as a quote, a mailbox's line or the end of the text. */
	assert_plain("\\> no quote", " > no quote\n");
	assert_plain("From here", " From here\n");
	assert_plain("\\--", " --\n");
	assert_plain("\\-- https://example.org/a-rather-long-link-that-fills-the-line-and-more-than-that-until-it-is-too-long",
	    "-- https://example.org/a-rather-long-link-that-fills-the-line-and-more-than-that-until-it-is-too-long\n");
}

static void compose_plain__writes__wide_tables_as_lines(void **state)
{
	(void)state;
	assert_plain(
	    "| Name | A column with a long head, so that the whole table gets too wide for mail |\n|---|---|\n| one | Its cell has many words, and some more |\n| two | |\n",
	    "Name: one\nA column with a long head, so that the whole table gets too wide for \nmail: Its cell has many words, and some more\n\nName: two\n");
}

static const struct component components[] = {
	{ .kind = COMPONENT_CARD, .label = "Card", .fallback = "Three of five are done." },
	{ .kind = COMPONENT_BUTTON, .action = "a", .value = "1", .label = "Ask again", .fallback = "-" },
	{ .kind = COMPONENT_LINK, .label = "Open", .value = "https://example.org/?a=1&b=2" },
	{ .kind = COMPONENT_LINK, .label = "Evil", .fallback = "No link.", .value = "javascript:alert(1)" },
	{ .kind = COMPONENT_BUTTON, .action = "b", .label = "Stop <now>\nplease" },
	{ .kind = COMPONENT_BUTTON, .action = "c", .fallback = "Say it in words." },
};

static void compose_plain__numbers__choices(void **state)
{
	(void)state;
	struct draft d = draft_of("Which?");
	d.components = components;
	d.components_len = 6;
	d.footer = "Sent to you by Eddy.\nAnswer \"stop\" to end it.\n";
	char *plain = plain_of(&d);
	assert_string_equal(plain,
	    "Which?\n\nThree of five are done.\n\nOpen <https://example.org/?a=1&b=2>\n\nNo link.\n\nSay it in words.\n\n"
	    "1. Ask again\n2. Stop <now> please\n\nTo choose, answer with the number.\n\n"
	    "-- \nSent to you by Eddy.\nAnswer \"stop\" to end it.\n");
	free(plain);
	assert_ptr_equal(compose_option(components, 6, 1), &components[1]);
	assert_ptr_equal(compose_option(components, 6, 2), &components[4]);
	assert_null(compose_option(components, 6, 3));
	assert_null(compose_option(components, 6, 0));
	d.components = &components[1];
	d.components_len = 1;
	d.footer = NULL;
	plain = plain_of(&d);
	assert_string_equal(plain, "Which?\n\n1. Ask again\n\nTo choose this, answer with 1.\n");
	free(plain);
}

static void compose_html__escapes__everything(void **state)
{
	(void)state;
	struct draft d = draft_of(
	    "<script>alert(1)</script> & \"x\" <img src=http://example.org/x.png>\n\n![pixel](https://example.org/p.png)\n\n"
	    "[a](https://example.org/?x=\"onload='1'&y=<b>) [b](javascript:alert(1)) `<b>`\n\n```\n</code></pre><script>\n```\n");
	d.subject = "</title><script>";
	d.language = "de\"><script>";
	d.footer = "<b>foot</b>\nline";
	d.components = components;
	d.components_len = 6;
	char *html = html_of(&d);
	assert_null(strstr(html, "<script"));
	assert_null(strstr(html, "<img"));
	assert_null(strstr(html, "javascript:alert(1)\""));
	assert_null(strstr(html, "<b>"));
	assert_null(strstr(html, "onload='"));
	assert_null(strstr(html, "url("));
	assert_null(strstr(html, "lang="));
	assert_null(strstr(html, "<link"));
	assert_non_null(strstr(html, "&lt;/code&gt;&lt;/pre&gt;&lt;script&gt;"));
	assert_non_null(strstr(html, "<li dir=\"auto\">Ask again</li>"));
	assert_non_null(strstr(html, "href=\"https://example.org/?a=1&amp;b=2\""));
	assert_non_null(strstr(html, "&lt;b&gt;foot&lt;/b&gt;<br>\nline"));
	free(html);
}

static void compose_html__keeps__the_shape(void **state)
{
	(void)state;
	struct draft d =
	    draft_of("# Title\n\n1. one\n2. two\n\n> said\n\n| A | B |\n|---|--:|\n| 1 | 2 |\n\n**b** _e_ ~~s~~\n\n- [ ] open\n");
	d.language = "pt-BR";
	char *html = html_of(&d);
	static const char *const wants[] = { "<html dir=\"auto\" lang=\"pt-BR\">", "<h1 dir=\"auto\"", "<ol dir=\"auto\"",
		"<li dir=\"auto\">one</li>", "<blockquote dir=\"auto\"", "<th scope=\"col\"", "text-align:right\">2</td>",
		"<strong>b</strong> <em>e</em> <s>s</s>", "\xe2\x98\x90 open",
		"<meta name=\"color-scheme\" content=\"light dark\">", "<title>Re: hello</title>" };
	for (size_t i = 0; i < sizeof wants / sizeof *wants; i++)
		if (!strstr(html, wants[i]))
			fail_msg("\"%s\" is missing:\n%s", wants[i], html);
	free(html);
}

static void compose_mail__bears__anything(void **state)
{
	(void)state;
	/* Deep, wide and long; and noise of every byte. */
	struct buf md = BUF_INIT;
	for (int i = 0; i < 300; i++)
		buf_addf(&md, "%.*s- x\n> y\n", i % 60, "                                                            ");
	for (int i = 0; i < 200; i++)
		buf_add_str(&md, "> ");
	buf_add_str(&md, "deep\n\n|a|b|\n|-|-|\n");
	for (int i = 0; i < 300; i++)
		buf_add_str(&md, "|x");
	unsigned seed = 7;
	for (int i = 0; i < 20000; i++) {
		seed = seed * 1103515245u + 12345u;
		buf_add_char(&md, (char)(seed >> 16));
	}
	struct draft d = draft_of("");
	d.markdown = md.p;
	d.markdown_len = md.len;
	char *raw = mail_of(&d);
	assert_travels(raw, 78);
	free(raw);
	buf_done(&md);
}

/* ---- by ourselves ---- */

static void compose_mail__is_read__by_eddy(void **state)
{
	(void)state;
	static const struct draft_address to[] = { { "\xc3\x84nnchen M\xc3\xbcller, \"\xc3\x84\"", "ann@example.com" },
		{ NULL, "o'neil+x@example.com" } };
	static const char *const refs[] = { "one@example.com", "two@example.com" };
	static const char subject[] = "Re: Gr\xc3\xbc\xc3\x9f"
	                              "e und ein Betreff, der mehr als eine Zeile braucht \xf0\x9f\x98\x80";
	static const char text[] =
	    "A rather long paragraph, which is broken into several lines of a mail on its way, and is put together again when it is "
	    "read by somebody who knows how.\n\n- one \xc3\xa4\n- two, which is also so long that it does not fit into one line of an ordinary "
	    "mail at all\n\nFrom here to there.\n";
	struct draft d = draft_of(text);
	d.to = to;
	d.to_len = 2;
	d.cc = &ann;
	d.cc_len = 1;
	d.reply_to = "bot+t.abc@example.org";
	d.subject = subject;
	d.in_reply_to = "two@example.com";
	d.references = refs;
	d.references_len = 2;
	d.automatic = true;
	d.loop_mark = "mark-1";
	char *raw = mail_of(&d);
	static const char *const own[] = { "bot@example.org" };
	struct mail_context ctx = { .own_addresses = own, .own_len = 1, .loop_mark = "mark-1" };
	struct mail *m = NULL;
	mail_library_init();
	assert_int_equal(mail_read(raw, strlen(raw), &ctx, &m), ERR_NONE);
	assert_string_equal(m->subject, subject);
	assert_string_equal(m->from.items[0].addr, "bot@example.org");
	assert_string_equal(m->from.items[0].name, "Eddy");
	assert_int_equal(m->to.len, 2);
	assert_string_equal(m->to.items[0].name, to[0].name);
	assert_string_equal(m->to.items[0].addr, to[0].addr);
	assert_string_equal(m->to.items[1].addr, to[1].addr);
	assert_string_equal(m->cc.items[0].addr, "ann@example.com");
	assert_string_equal(m->reply_to.items[0].addr, "bot+t.abc@example.org");
	assert_string_equal(m->message_id, "eddy-1@example.org");
	assert_int_equal(m->in_reply_to.len, 1);
	assert_string_equal(m->in_reply_to.items[0], "two@example.com");
	assert_int_equal(m->references.len, 2);
	assert_string_equal(m->references.items[0], "one@example.com");
	assert_int_equal(m->date, 1795263600);
	assert_non_null(m->html);
	assert_int_equal(m->files_len, 0);
	/* The flowed lines are whole again: what comes out is what went in. */
	assert_true(m->plain_len >= strlen(text) - 1);
	assert_memory_equal(m->plain, text, strlen(text) - 1);
	assert_int_equal(m->kind, MAIL_SELF);
	assert_false(m->may_reply);
	mail_free(m);
	free(raw);
}

static void assert_visible(const char *said, bool html, const char *want)
{
	struct mail_text t;
	if (html)
		mail_text_html(said, strlen(said), &t);
	else
		mail_text_plain(said, strlen(said), &t);
	size_t n = t.visible.len;
	while (n > 0 && t.visible.p[n - 1] == '\n')
		n--;
	if (n != strlen(want) || memcmp(t.visible.p, want, n) != 0)
		fail_msg("visible of\n%s\nis\n%s", said, t.visible.p);
	mail_text_done(&t);
}

/* What comes back in an answer is not taken for what somebody has said: neither the text nor the options nor the footer. */
static void compose_mail__is_cut__from_an_answer(void **state)
{
	(void)state;
	struct draft d = draft_of("# Result\n\nThe first line.\n\n- an item\n\n> a quote in it\n\nLast words.\n");
	d.components = components;
	d.components_len = 6;
	d.footer = "You get this because you wrote to bot@example.org.\nTo hear no more of it, answer with the word stop.";
	char *plain = plain_of(&d), *html = html_of(&d);
	struct buf b = BUF_INIT;
	buf_addf(&b, "Yes, the second.\n\nOn Sat, Nov 21, 2026 at 12:20 PM Eddy <bot@example.org> wrote:\n\n");
	for (const char *p = plain; *p;) {
		size_t n = strcspn(p, "\n");
		buf_addf(&b, *p == '>' ? ">%.*s\n" : "> %.*s\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
	assert_visible(b.p, false, "Yes, the second.");
	buf_reset(&b);
	buf_addf(&b,
	    "Yes, the second.\n\n-----Original Message-----\nFrom: Eddy <bot@example.org>\nSent: Saturday, November 21, 2026 12:20 PM\n"
	    "To: Ann Example <ann@example.com>\nSubject: Re: hello\n\n%s",
	    plain);
	assert_visible(b.p, false, "Yes, the second.");
	buf_reset(&b);
	buf_addf(&b,
	    "<div dir=\"ltr\">Yes, the second.</div><br><div class=\"gmail_quote\"><div dir=\"ltr\" class=\"gmail_attr\">On Sat, Nov 21, 2026 "
	    "at 12:20 PM Eddy &lt;<a href=\"mailto:bot@example.org\">bot@example.org</a>&gt; wrote:<br></div><blockquote "
	    "class=\"gmail_quote\">%s</blockquote></div>",
	    strstr(html, "<body"));
	assert_visible(b.p, true, "Yes, the second.");
	/* And by itself it is read without its footer. */
	struct mail_text t;
	mail_text_plain(plain, strlen(plain), &t);
	assert_null(strstr(t.visible.p, "You get this"));
	assert_non_null(strstr(t.visible.p, "Last words."));
	mail_text_done(&t);
	mail_text_html(html, strlen(html), &t);
	assert_null(strstr(t.visible.p, "You get this"));
	assert_non_null(strstr(t.visible.p, "Last words."));
	mail_text_done(&t);
	buf_done(&b);
	free(plain);
	free(html);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compose_mail__is_read__by_python),
		cmocka_unit_test(compose_mail__lets__nothing_into_a_header),
		cmocka_unit_test(compose_mail__refuses__what_is_no_address_or_id),
		cmocka_unit_test(compose_mail__is__the_same_for_the_same_draft),
		cmocka_unit_test(compose_mail__marks__what_is_automatic),
		cmocka_unit_test(compose_mail__cuts__the_middle_of_long_references),
		cmocka_unit_test(compose_mail__folds__any_subject),
		cmocka_unit_test(compose_mail__encodes__for_any_script),
		cmocka_unit_test(compose_message_id__leads__back_to_the_delivery),
		cmocka_unit_test(compose_plain__writes__as_people_do),
		cmocka_unit_test(compose_plain__flows__long_lines),
		cmocka_unit_test(compose_plain__writes__wide_tables_as_lines),
		cmocka_unit_test(compose_plain__numbers__choices),
		cmocka_unit_test(compose_html__escapes__everything),
		cmocka_unit_test(compose_html__keeps__the_shape),
		cmocka_unit_test(compose_mail__bears__anything),
		cmocka_unit_test(compose_mail__is_read__by_eddy),
		cmocka_unit_test(compose_mail__is_cut__from_an_answer),
	};
	return cmocka_run_group_tests_name("compose", tests, NULL, NULL);
}
