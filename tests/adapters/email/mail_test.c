/* From raw bytes to a mail: parts, bodies, files, and the bad input that a mailbox gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../adapters/email/mail.h"
#include "../../../adapters/email/text.h"
#include "../../../core/base/buf.h"
#include "../../../core/base/mem.h"
#include "../../../core/base/utf8.h"
#include "../../support/cost.h"

static struct mail *m;

static int end(void **state)
{
	(void)state;
	mail_free(m);
	m = NULL;
	return 0;
}

static bool is_clean(const char *s, size_t n)
{
	return utf8_valid(s, n) && memchr(s, '\0', n) == NULL;
}

/* Whatever it is: what comes out is sound. */
static void check(void)
{
	if (m == NULL)
		return;
	assert_non_null(m->subject);
	assert_non_null(m->message_id);
	assert_non_null(m->why);
	assert_true(m->message_id[0] != '\0');
	assert_true(is_clean(m->subject, strlen(m->subject)) && strpbrk(m->subject, "\r\n") == NULL);
	if (m->plain != NULL)
		assert_true(is_clean(m->plain, m->plain_len));
	if (m->html != NULL)
		assert_true(is_clean(m->html, m->html_len));
	for (size_t i = 0; i < m->from.len; i++)
		assert_true(m->from.items[i].addr[0] == '\0' || mail_address_ok(m->from.items[i].addr));
	for (size_t i = 0; i < m->files_len; i++) {
		assert_null(strpbrk(m->files[i].name, "/\\\r\n"));
		assert_true(utf8_valid(m->files[i].name, strlen(m->files[i].name)));
	}
	struct mail_text t;
	mail_text(m, &t);
	mail_text_done(&t);
}

static enum err read_n(const char *raw, size_t n)
{
	mail_free(m);
	m = NULL;
	enum err e = mail_read(raw, n, NULL, &m);
	check();
	return e;
}

static void reads(const char *raw)
{
	assert_int_equal(read_n(raw, strlen(raw)), ERR_NONE);
}

#define HEAD "From: Pat <pat@example.com>\r\nTo: bot@example.org\r\nSubject: x\r\nMessage-ID: <1@example.com>\r\n"
#define MIXED HEAD "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n"

static void mail_read__reads__a_plain_mail(void **state)
{
	(void)state;
	reads(HEAD
	    "In-Reply-To: <0@example.org>\r\nReferences: <r@example.org> <0@example.org>\r\nDate: Mon, 06 May 2024 09:30:00 +0000\r\n\r\nHello\r\n");
	assert_string_equal(m->subject, "x");
	assert_string_equal(m->message_id, "1@example.com");
	assert_string_equal(m->in_reply_to.items[0], "0@example.org");
	assert_int_equal(m->references.len, 2);
	assert_int_equal(m->date, 1714987800);
	assert_string_equal(m->plain, "Hello\r\n");
	assert_null(m->html);
	assert_int_equal(m->files_len, 0);
	assert_string_equal(m->sender, "pat@example.com");
	assert_false(m->message_id_derived);
}

static void mail_read__derives__a_message_id(void **state)
{
	(void)state;
	reads("From: a@b.example\n\nHello\n");
	assert_true(m->message_id_derived);
	char first[128];
	snprintf(first, sizeof first, "%s", m->message_id);
	reads("From: a@b.example\n\nHello\n");
	assert_string_equal(m->message_id, first);
	reads("From: a@b.example\n\nHello!\n");
	assert_string_not_equal(m->message_id, first);
}

static void mail_read__tells__bodies_from_files(void **state)
{
	(void)state;
	reads(MIXED
	    "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\nplain\r\n--c\r\nContent-Type: text/html\r\n\r\n<p>html\r\n--c--\r\n"
	    "--b\r\nContent-Type: text/plain; name=notes.txt\r\nContent-Disposition: inline\r\n\r\nnotes\r\n"
	    "--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"../../etc/a.pdf\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n"
	    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nnot ours\r\n--b--\r\nepilogue\r\n");
	assert_string_equal(m->plain, "plain");
	assert_string_equal(m->html, "<p>html");
	assert_int_equal(m->files_len, 3);
	assert_string_equal(m->files[0].name, "notes.txt");
	assert_string_equal(m->files[0].text, "notes");
	assert_string_equal(m->files[0].part, "2");
	assert_string_equal(m->files[1].name, "a.pdf");
	assert_int_equal(m->files[1].size_bytes, 5);
	assert_string_equal(m->files[2].type, "message/rfc822");
	assert_int_equal(m->files[2].size_bytes, -1);
}

static void mail_read__tells__inline_images_from_attachments(void **state)
{
	(void)state;
	reads(HEAD "Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<img src=cid:i@x>\r\n"
	           "--b\r\nContent-Type: image/png; name=i.png\r\nContent-ID: <i@x>\r\n\r\nx\r\n--b--\r\n");
	assert_int_equal(m->files_len, 1);
	assert_true(m->files[0].is_inline);
	assert_string_equal(m->files[0].content_id, "i@x");
	assert_int_equal(m->unreadable, 0);
}

static void mail_read__joins__texts_in_their_order(void **state)
{
	(void)state;
	reads(MIXED "--b\r\n\r\none\r\n--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b\r\n\r\ntwo\r\n--b--\r\n");
	assert_string_equal(m->plain, "one\ntwo");
}

static void mail_read__undoes__flowed_text(void **state)
{
	(void)state;
	reads(HEAD "Content-Type: text/plain; format=flowed\r\n\r\none \r\ntwo\r\n");
	assert_non_null(strstr(m->plain, "one two"));
	assert_non_null(strstr(m->written, "one \r\ntwo"));
}

static void mail_read__says__what_it_cannot_read(void **state)
{
	(void)state;
	reads(HEAD
	    "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n--b\r\n"
	    "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\nx\r\n--b--\r\n");
	assert_true((m->unreadable & MAIL_ENCRYPTED_PGP) != 0);
	reads(HEAD "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nx\r\n");
	assert_true((m->unreadable & MAIL_ENCRYPTED_SMIME) != 0);
	reads(HEAD "\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nx\r\n");
	assert_true((m->unreadable & MAIL_ENCRYPTED_PGP) != 0);
	reads(MIXED "--b\r\n\r\nSee.\r\n--b\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n\r\nx\r\n--b--\r\n");
	assert_true((m->unreadable & MAIL_TNEF) != 0);
	reads(HEAD "\r\n \r\n");
	assert_int_equal(m->unreadable, MAIL_EMPTY);
	reads(MIXED "--b\r\nContent-Type: image/png; name=a.png\r\n\r\nx\r\n--b--\r\n");
	assert_int_equal(m->unreadable, MAIL_ONLY_FILES);
	reads(HEAD "Content-Type: message/partial; id=x; number=1\r\n\r\nx\r\n");
	assert_true((m->unreadable & MAIL_PARTIAL) != 0);
}

static void mail_read__names__what_is_in_winmail_dat(void **state)
{
	(void)state;
	/* Signature and key; a file named a.txt by its title, one named bé.txt by its long name; a body. */
	static const char tnef[] =
	    "\x78\x9f\x3e\x22\x01\x00"
	    "\x02\x02\x90\x06\x00\x02\x00\x00\x00xx\x00\x00"
	    "\x02\x10\x80\x01\x00\x06\x00\x00\x00"
	    "a.txt\0\x00\x00"
	    "\x02\x02\x90\x06\x00\x02\x00\x00\x00xx\x00\x00"
	    "\x02\x05\x90\x06\x00\x20\x00\x00\x00\x01\x00\x00\x00\x1f\x00\x07\x37\x01\x00\x00\x00\x0e\x00\x00\x00"
	    "b\0\xe9\0.\0t\0x\0t\0\0\0\0\0\x00\x00";
	struct buf raw = BUF_INIT;
	buf_add_str(&raw, HEAD "Content-Type: application/ms-tnef\r\nContent-Transfer-Encoding: binary\r\n\r\n");
	buf_add(&raw, tnef, sizeof tnef - 1);
	assert_int_equal(read_n(raw.p, raw.len), ERR_NONE);
	assert_int_equal(m->tnef_files.len, 2);
	assert_string_equal(m->tnef_files.items[0], "a.txt");
	assert_string_equal(m->tnef_files.items[1], "bé.txt");
	for (size_t cut = 0; cut < sizeof tnef; cut++) /* lengths that promise too much */
		read_n(raw.p, raw.len - cut);
	buf_done(&raw);
}

static void mail_read__tells__an_invitation_in_words(void **state)
{
	(void)state;
	reads(HEAD
	    "Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Weekly\\, all\r\n"
	    "DTSTART;TZID=\"Europe/Berlin\":20240506T093000\r\nDTEND;TZID=Europe/Berlin:20240506T1\r\n 03000\r\n"
	    "ORGANIZER;CN=\"Ruiz: Ana\":mailto:ana@example.com\r\nLOCATION:Room 1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n");
	assert_string_equal(m->calendar,
	    "Invitation: Weekly, all, 2024-05-06 09:30 (Europe/Berlin) to 10:30, at Room 1, organiser Ruiz: Ana <ana@example.com>");
	assert_int_equal(m->unreadable, 0);
}

static void mail_read__stands__malformed_structure(void **state)
{
	(void)state;
	reads(MIXED "--b\r\n\r\nno end");
	assert_string_equal(m->plain, "no end");
	reads(MIXED "--b--\r\n");
	reads(MIXED "--b");
	reads(HEAD "Content-Type: multipart/mixed\r\n\r\nno boundary\r\n");
	assert_string_equal(m->plain, "no boundary\r\n");
	reads(HEAD "Content-Type: multipart/mixed; boundary=c\r\n\r\nanother boundary\r\n--b\r\n");
	assert_string_equal(m->plain, "another boundary\r\n--b\r\n");
	reads(HEAD "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\nx\r\n");
	reads(MIXED "--b\r\nno header at all\r\n--b--\r\n");
	assert_string_equal(m->plain, "no header at all");
	reads(MIXED "--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsame boundary\r\n--b--\r\n");
	assert_string_equal(m->plain, "same boundary");
	reads(MIXED "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\ninner\r\n--b\r\n\r\nouter\r\n--b--\r\n");
	assert_string_equal(m->plain, "inner\nouter");
	reads(HEAD "Content-Type: text\r\nContent-Transfer-Encoding: BASE64 (it says)\r\n\r\naGVsbG8=\r\n");
	assert_string_equal(m->plain, "hello");
	reads(HEAD "Content-Type: text/plain; charset=x-unheard-of\r\nContent-Transfer-Encoding: base64\r\n\r\naG%%VsbG8*\r\n");
	assert_string_equal(m->plain, "hello");
	reads(HEAD "Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 a.txt\r\n%:&5L;&\\\r\n`\r\nend\r\n");
	assert_string_equal(m->plain, "hello");
}

static void mail_read__stands__nul_and_lone_cr_and_lf(void **state)
{
	(void)state;
	static const char nul[] = "From: a@b.example\r\nSubject: a\0b\rc\r\n\r\nx\0y\rz\nend\r\n";
	assert_int_equal(read_n(nul, sizeof nul - 1), ERR_NONE);
	assert_string_equal(m->subject, "abc");
	assert_string_equal(m->plain, "xy\rz\nend\r\n");
	reads("From: a@b.example\rSubject: old\r\rby CR alone\r");
	assert_string_equal(m->subject, "old");
	assert_string_equal(m->plain, "by CR alone\n");
	reads("\n\nFrom nobody Mon\nFrom: a@b.example\n\nx\n");
	assert_string_equal(m->from.items[0].addr, "a@b.example");
}

/* Input of any length: ${what} again and again between two texts, or what ${each} makes of the number. */
struct shape {
	const char *before, *what, *after;
	void (*each)(struct buf *, size_t i);
	size_t times;
	enum err want;
};

static void read_shape(void *arg, size_t times)
{
	const struct shape *s = arg;
	size_t step = s->what == NULL ? 0 : strlen(s->what);
	struct buf b = BUF_INIT;
	buf_add_str(&b, s->before);
	buf_reserve(&b, step * times + 1000);
	for (size_t i = 0; i < times; i++) {
		if (s->each != NULL)
			s->each(&b, i);
		else
			buf_add(&b, s->what, step);
	}
	buf_add_str(&b, s->after);
	enum err e = read_n(b.p, b.len);
	if (times == s->times)
		assert_int_equal(e, s->want);
	buf_done(&b);
}

/* Time grows with size, not faster. */
static void is_linear(struct shape s)
{
	s.after = s.after == NULL ? "" : s.after;
	cost_assert_linear(s.what == NULL ? s.after : s.what, read_shape, &s, s.times);
}

static void mail_read__refuses__what_is_no_mail(void **state)
{
	(void)state;
	assert_int_equal(read_n("", 0), ERR_INPUT);
	assert_int_equal(read_n("\0\0\0", 3), ERR_INPUT);
	assert_int_equal(read_n("no field here\n", 14), ERR_INPUT);
	is_linear((struct shape){ "From: a@b.example\nX: ", "x", "\n\nhello\n", .times = 8 * 1024 * 1024, .want = ERR_INPUT });
	is_linear((struct shape){ "", "X: y\n", .times = 800000, .want = ERR_INPUT });
}

static void add_level(struct buf *b, size_t i)
{
	buf_addf(b, "Content-Type: multipart/mixed; boundary=b%zu\n\n--b%zu\n", i, i);
}

static void mail_read__is_bounded__a_thousand_levels(void **state)
{
	(void)state;
	is_linear((struct shape){ "From: a@b.example\n", .each = add_level, .after = "\nhello\n", .times = 1000 });
	assert_true((m->unreadable & MAIL_CUT) != 0);
	struct buf b = BUF_INIT;
	buf_add_str(&b, "From: a@b.example\n");
	for (size_t i = 0; i < 1000; i++)
		add_level(&b, i);
	is_linear((struct shape){ b.p, "--x\n", .times = 100000 });
	buf_done(&b);
	is_linear((struct shape){ "From: a@b.example\n", "Content-Type: message/rfc822\n\nFrom: x@y.example\n", .times = 20000 });
}

static void mail_read__is_bounded__a_hundred_thousand_parts(void **state)
{
	(void)state;
	is_linear((struct shape){ MIXED, "--b\n\nx\n", .times = 100000 });
	assert_true((m->unreadable & MAIL_CUT) != 0);
	assert_true(m->plain_len < 2 * MAIL_PARTS_MAX);
}

static void mail_read__is_bounded__a_big_attachment(void **state)
{
	(void)state;
	size_t lines = (size_t)50 * 1024 * 1024 / 78;
	struct shape s = {
		MIXED
		"--b\r\n\r\nsee\r\n--b\r\nContent-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n",
		"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB\r\n", "--b--\r\n", .times = lines / 8
	}; /* timed while its pages are malloc()'s own: new ones from the kernel cost more than reading them */
	is_linear(s);
	s.times = lines;
	read_shape(&s, lines);
	assert_int_equal(m->files[0].size_bytes, (int64_t)lines * 57);
	assert_string_equal(m->plain, "see");
}

static void mail_read__is_bounded__whatever_is_repeated(void **state)
{
	(void)state;
	static const struct {
		const char *before, *what;
		size_t times;
	} t[] = { { "From: ", "(", 200000 }, { "From: ", "\"\\", 100000 }, { "From: ", "<", 200000 }, { "From: ", "=?", 100000 },
		{ "From: a@b.example\nTo: ", "a <a@b.example>, ", 14000 },
		{ "From: a@b.example\nSubject: ", "=?utf-8?q?=C3?= ", 14000 },
		{ "From: a@b.example\nReferences: ", "<a@b>\n ", 30000 }, { "From: a@b.example\nReferences: ", "<", 200000 },
		{ "From: a@b.example\nContent-Type: text/plain", "; name*0=a", 20000 },
		{ "From: a@b.example\nDate: ", "1 ", 100000 }, { "From: a@b.example\nAuthentication-Results: x", "; a=b", 40000 },
		{ "From: a@b.example\nAuto-Submitted: ", "(", 200000 }, { "From: a@b.example\nSubject: ", "Re: ", 60000 },
		{ "From: a@b.example\nSubject: ", "[a] ", 60000 } };
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		is_linear((struct shape){ t[i].before, t[i].what, "\n\nhello\n", .times = t[i].times });
	is_linear(
	    (struct shape){ MIXED, "--b\r\nContent-Type: text/plain; name*0=aaaaaaaaa; name*1=b\r\n\r\nx\r\n", .times = 20000 });
	is_linear(
	    (struct shape){ HEAD "Content-Type: text/calendar\r\n\r\nBEGIN:VEVENT\r\n", "SUMMARY:x\r\n y\r\n", .times = 100000 });
}

#define T(name) cmocka_unit_test_teardown(name, end)
int main(void)
{
	mail_library_init();
	const struct CMUnitTest tests[] = {
		T(mail_read__reads__a_plain_mail),
		T(mail_read__derives__a_message_id),
		T(mail_read__tells__bodies_from_files),
		T(mail_read__tells__inline_images_from_attachments),
		T(mail_read__joins__texts_in_their_order),
		T(mail_read__undoes__flowed_text),
		T(mail_read__says__what_it_cannot_read),
		T(mail_read__names__what_is_in_winmail_dat),
		T(mail_read__tells__an_invitation_in_words),
		T(mail_read__stands__malformed_structure),
		T(mail_read__stands__nul_and_lone_cr_and_lf),
		T(mail_read__refuses__what_is_no_mail),
		T(mail_read__is_bounded__a_thousand_levels),
		T(mail_read__is_bounded__a_hundred_thousand_parts),
		T(mail_read__is_bounded__a_big_attachment),
		T(mail_read__is_bounded__whatever_is_repeated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
