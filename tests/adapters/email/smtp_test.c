/* One mail to a submission server that behaves and misbehaves: what its fate is, and what the server was told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../adapters/email/smtp.h"
#include "../../../core/base/clock.h"
#include "../../support/smtp_peer.h"
#include "../../support/tls.h"

#define TEXT "Subject: hello\r\n\r\nA line\r\n.\r\n..two\r\nend\r\n"

struct fixture {
	struct smtp_peer *peer;
	struct smtp_options o;
	struct smtp_result r;
	struct smtp_recipient to[4];
};

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->peer = smtp_peer_new();
	f->o = (struct smtp_options){
		.login = { .host = "127.0.0.1",
		    .port = smtp_peer_port(f->peer),
		    .tls = MAIL_TLS_NONE,
		    .user = "bot",
		    .password = "secret" },
		.helo = "bot.example.org",
		.timeout_ms = 3000,
	};
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;
	smtp_peer_free(f->peer);
	free(f);
	return 0;
}

static enum smtp_fate send_raw(struct fixture *f, const char *from, const char *const *to, size_t n, const char *raw)
{
	struct smtp *s = smtp_new(&f->o);
	memset(f->to, 0, sizeof f->to);
	for (size_t i = 0; i < n; i++)
		f->to[i].addr = to[i];
	smtp_send(s, NULL, from, f->to, n, raw, strlen(raw), &f->r);
	smtp_free(s);
	return f->r.fate;
}

static enum smtp_fate send_to(struct fixture *f, const char *const *to, size_t n)
{
	return send_raw(f, "bot@example.org", to, n, TEXT);
}

static enum smtp_fate send_one(struct fixture *f)
{
	return send_to(f, (const char *const[]){ "ann@example.com" }, 1);
}

static enum smtp_fate play(struct fixture *f, struct smtp_script s)
{
	smtp_peer_play(f->peer, &s, 0);
	return send_one(f);
}

static void assert_said(struct fixture *f, const char *words, int times)
{
	char *said = smtp_peer_said(f->peer);
	int n = 0;
	for (const char *p = said; (p = strstr(p, words)) != NULL; p++)
		n++;
	if (n != times)
		fail_msg("\"%s\" was said %d times, not %d:\n%s", words, n, times, said);
	free(said);
}

static void smtp_send__delivers__text_as_it_is(void **state)
{
	struct fixture *f = *state;
	size_t n;
	assert_int_equal(send_one(f), SMTP_ACCEPTED);
	assert_int_equal(f->r.accepted, 1);
	assert_int_equal(f->r.code, 250);
	assert_non_null(strstr(f->r.reply, "queued as 4711"));
	assert_string_equal(smtp_peer_mail(f->peer, 0, &n), TEXT);
	assert_said(f, "EHLO bot.example.org\r\n", 1);
	assert_said(f, "AUTH PLAIN", 1);
	assert_said(f, "MAIL FROM:<bot@example.org> SIZE=41\r\n", 1);
	assert_said(f, "RCPT TO:<ann@example.com>\r\n", 1);
	assert_said(f, "QUIT\r\n", 1);
}

static void smtp_send__says__null_sender(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(send_raw(f, "", (const char *const[]){ "ann@example.com" }, 1, TEXT), SMTP_ACCEPTED);
	assert_said(f, "MAIL FROM:<> ", 1);
}

static void smtp_send__ends__a_text_without_its_last_line_end(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(send_raw(f, "", (const char *const[]){ "ann@example.com" }, 1, "A: b\r\n\r\n.x"), SMTP_ACCEPTED);
	assert_string_equal(smtp_peer_mail(f->peer, 0, NULL), "A: b\r\n\r\n.x\r\n");
}

static void smtp_send__carries__a_large_text(void **state)
{
	struct fixture *f = *state;
	size_t n = 0, room = 700000, got;
	char *raw = malloc(room);
	n += (size_t)sprintf(raw, "Subject: large\r\n\r\n");
	for (int i = 0; n + 100 < room; i++)
		n += (size_t)sprintf(raw + n, "%s line number %d of the text\r\n", i % 3 ? "." : "A", i);
	assert_int_equal(send_raw(f, "", (const char *const[]){ "ann@example.com" }, 1, raw), SMTP_ACCEPTED);
	assert_string_equal(smtp_peer_mail(f->peer, 0, &got), raw);
	assert_int_equal(got, n);
	free(raw);
}

static void smtp_send__knows__that_a_text_without_its_end_is_no_mail(void **state)
{
	struct fixture *f = *state;
	static const char line[] = "A line of a large text, which is cut before its end has come.\r\n";
	size_t one = sizeof line - 1, n = one * 400000;
	char *raw = malloc(n + 1);
	for (size_t i = 0; i < n; i += one)
		memcpy(raw + i, line, one);
	raw[n] = '\0';
	smtp_peer_play(f->peer, &(struct smtp_script){ .ehlo = "250-peer\r\n250 AUTH PLAIN", .cut_text = 10 }, 0);
	assert_int_equal(send_raw(f, "", (const char *const[]){ "ann@example.com" }, 1, raw), SMTP_LATER);
	free(raw);
}

static void smtp_send__stops__where_no_login_is_offered(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(play(f, (struct smtp_script){ .ehlo = "250-peer\r\n250 SIZE 1000" }), SMTP_DENIED);
	assert_said(f, "MAIL", 0);
	assert_non_null(strstr(f->r.reply, "no log-in"));
}

static void smtp_send__goes__without_login_when_none_is_set(void **state)
{
	struct fixture *f = *state;
	f->o.login.user = f->o.login.password = NULL;
	assert_int_equal(play(f, (struct smtp_script){ .ehlo = "250 peer" }), SMTP_ACCEPTED);
	assert_said(f, "AUTH", 0);
}

static void smtp_send__tells__refused_logins_from_late_ones(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(play(f, (struct smtp_script){ .auth = "535 5.7.8 no" }), SMTP_DENIED);
	assert_int_equal(f->r.code, 535);
	assert_int_equal(play(f, (struct smtp_script){ .auth = "454 4.7.0 try later" }), SMTP_LATER);
	assert_int_equal(f->r.code, 454);
	assert_int_equal(play(f, (struct smtp_script){ .mail = "530 5.7.0 log in first" }), SMTP_DENIED);
	assert_int_equal(smtp_peer_texts(f->peer), 0);
}

static void smtp_send__logs_in__with_a_token(void **state)
{
	struct fixture *f = *state;
	struct smtp *s = smtp_new(&f->o);
	f->to[0].addr = "ann@example.com";
	smtp_send(s, "ya29.token", "bot@example.org", f->to, 1, TEXT, strlen(TEXT), &f->r);
	assert_int_equal(f->r.fate, SMTP_ACCEPTED);
	assert_said(f, "AUTH XOAUTH2", 1);
	smtp_free(s);
	f->o.login.mechanism = "OAUTHBEARER";
	s = smtp_new(&f->o);
	smtp_send(s, "ya29.token", "bot@example.org", f->to, 1, TEXT, strlen(TEXT), &f->r);
	assert_int_equal(f->r.fate, SMTP_ACCEPTED);
	assert_said(f, "AUTH OAUTHBEARER", 1);
	smtp_free(s);
}

static void smtp_send__never_speaks__in_clear(void **state)
{
	struct fixture *f = *state;
	f->o.login.tls = MAIL_TLS_START; /* offered by nobody here: somebody has taken it out */
	assert_int_equal(send_one(f), SMTP_LATER);
	assert_said(f, "AUTH", 0);
	assert_said(f, "MAIL", 0);
	f->o.login.tls = MAIL_TLS_NONE;
	f->o.login.host = "192.0.2.1";
	f->o.timeout_ms = 60000;
	uint64_t t0 = clock_ms();
	assert_int_equal(send_one(f), SMTP_LATER);
	assert_true(clock_ms() - t0 < 50000);
	assert_non_null(strstr(f->r.reply, "loopback"));
	f->o.login.host = "127.0.0.1.example.com";
	assert_int_equal(send_one(f), SMTP_LATER);
	assert_non_null(strstr(f->r.reply, "loopback"));
}

static void smtp_send__takes__what_each_step_answers(void **state)
{
	struct fixture *f = *state;
	const struct {
		struct smtp_script s;
		enum smtp_fate fate;
		int code;
	} steps[] = {
		{ { .greeting = "421 4.3.2 busy" }, SMTP_LATER, 421 },
		{ { .greeting = "554 5.3.2 not today" }, SMTP_LATER, 554 },
		{ { .greeting = "" }, SMTP_LATER, 0 },
		{ { .ehlo = "451 4.3.0 hm" }, SMTP_LATER, 451 },
		{ { .ehlo = "" }, SMTP_LATER, -1 },
		{ { .mail = "451 4.3.0 later" }, SMTP_LATER, 451 },
		{ { .mail = "553 5.7.1 not yours" }, SMTP_REFUSED, 553 },
		{ { .mail = "" }, SMTP_LATER, 0 },
		{ { .data = "452 4.3.1 full" }, SMTP_LATER, 452 },
		{ { .data = "554 5.5.1 no" }, SMTP_REFUSED, 554 },
		{ { .data = "" }, SMTP_LATER, 0 },
		{ { .cut_text = 10 }, SMTP_UNKNOWN, 0 }, /* short: all of it may have left before the cut was seen */
		{ { .end = "451 4.3.0 later" }, SMTP_LATER, 451 },
		{ { .end = "552 5.3.4 too large" }, SMTP_REFUSED, 552 },
		{ { .end = "554-5.7.1 looks\r\n554 5.7.1 like spam" }, SMTP_REFUSED, 554 },
		{ { .end = "" }, SMTP_UNKNOWN, 0 },
		{ { .end = "garbage" }, SMTP_UNKNOWN, 0 },
	};
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		enum smtp_fate fate = play(f, steps[i].s);
		if (fate != steps[i].fate || (steps[i].code >= 0 && f->r.code != steps[i].code))
			fail_msg("step %zu: fate %d, code %d (%s)", i, (int)fate, f->r.code, f->r.reply);
		assert_int_equal(f->r.accepted, 0);
		assert_null(strpbrk(f->r.reply, "\r\n"));
	}
	assert_int_equal(smtp_peer_mails(f->peer), 0);
}

static const char *refuse_bob(const char *addr)
{
	return strncmp(addr, "bob", 3) == 0 ? "550 5.1.1 no such mailbox" : NULL;
}

static const char *greylist(const char *addr)
{
	return strncmp(addr, "bob", 3) == 0 ? "550 5.1.1 no such mailbox" : "451 4.7.1 come again";
}

static void smtp_send__tells__each_recipient(void **state)
{
	struct fixture *f = *state;
	const char *const to[] = { "ann@example.com", "bob@example.com", "cid@example.com" };
	smtp_peer_play(f->peer, &(struct smtp_script){ .rcpt = refuse_bob }, 0);
	assert_int_equal(send_to(f, to, 3), SMTP_ACCEPTED);
	assert_int_equal(f->r.accepted, 2);
	assert_int_equal(f->to[0].code, 250);
	assert_int_equal(f->to[1].code, 550);
	assert_string_equal(f->to[1].reply, "5.1.1 no such mailbox");
	assert_int_equal(f->to[2].code, 250);
	assert_int_equal(send_to(f, &to[1], 1), SMTP_REFUSED);
	assert_int_equal(f->r.code, 550);
	smtp_peer_play(f->peer, &(struct smtp_script){ .rcpt = greylist }, 0);
	assert_int_equal(send_to(f, to, 2), SMTP_LATER);
	assert_int_equal(f->r.code, 451);
	assert_int_equal(smtp_peer_mails(f->peer), 1);
}

static void smtp_send__sends__no_mail_for_a_copy_alone(void **state)
{
	struct fixture *f = *state;
	struct smtp *s = smtp_new(&f->o);
	struct smtp_recipient to[] = { { .addr = "bob@example.com" }, { .addr = "bot@example.org", .copy = true } };
	smtp_peer_play(f->peer, &(struct smtp_script){ .rcpt = refuse_bob }, 0);
	smtp_send(s, NULL, "", to, 2, TEXT, strlen(TEXT), &f->r);
	assert_int_equal(f->r.fate, SMTP_REFUSED);
	assert_said(f, "RCPT TO:<bot@example.org>", 0);
	to[0].addr = "ann@example.com";
	smtp_send(s, NULL, "", to, 2, TEXT, strlen(TEXT), &f->r);
	assert_int_equal(f->r.fate, SMTP_ACCEPTED);
	assert_int_equal(f->r.accepted, 1);
	assert_int_equal(to[1].code, 250);
	smtp_free(s);
}

static void smtp_send__refuses__what_would_be_another_command(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = { "a@b.c\r\nRCPT TO:<x@y.z>", "a@b.c>", "<a@b.c", "a b@c.d", "a@b.c\n", "a", "@b.c", "a@",
		"", "gr\xc3\xbc\xc3\x9f@b.c", "a,b@c.d", "\"a@b.c", "\"a\"b\"@c.d", "a@b_c", "a@-b.c", "a(b)@c.d", "a@b..c",
		"a@b.c." };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(smtp_address_ok(bad[i]));
		assert_int_equal(send_to(f, (const char *const[]){ "ann@example.com", bad[i] }, 2), SMTP_REFUSED);
		if (bad[i][0])
			assert_int_equal(send_raw(f, bad[i], (const char *const[]){ "ann@example.com" }, 1, TEXT), SMTP_REFUSED);
	}
	static const char *const good[] = { "a@b.c", "bot+t.abc_d-e@mail.example.org", "\"a,b\"@c.d",
		"o'neil=x@xn--bcher-kva.example", "a..b.@docomo.example" };
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(smtp_address_ok(good[i]));
	static const char *const texts[] = { "A: b\n\nlone\n", "A: b\r\n\r\n\n.\r\nMAIL\r\n", "A: b\r\n\r\nx\r.\r\n",
		"A: \xc3\xbc\r\n\r\n", "" };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_int_equal(send_raw(f, "", (const char *const[]){ "a@b.c" }, 1, texts[i]), SMTP_REFUSED);
	char long_line[1200];
	memset(long_line, 'x', sizeof long_line);
	memcpy(long_line, "A: ", 3);
	memcpy(long_line + 1003, "\r\n", 3);
	assert_int_equal(send_raw(f, "", (const char *const[]){ "a@b.c" }, 1, long_line), SMTP_REFUSED);
	assert_int_equal(smtp_peer_connections(f->peer), 0);
}

static void smtp_send__minds__the_size_that_is_taken(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(play(f, (struct smtp_script){ .ehlo = "250-peer\r\n250-SIZE 20\r\n250 AUTH PLAIN" }), SMTP_REFUSED);
	assert_int_equal(f->r.code, 552);
	assert_said(f, "MAIL", 0);
	assert_int_equal(play(f, (struct smtp_script){ .ehlo = "250-peer\r\n250-SIZE\r\n250 AUTH PLAIN" }), SMTP_ACCEPTED);
	assert_said(f, "SIZE=", 0);
}

static void smtp_send__reads__byte_by_byte(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(play(f, (struct smtp_script){ .pause_us = 200, .end = "250-one\r\n250-two\r\n250 three" }), SMTP_ACCEPTED);
	assert_string_equal(f->r.reply, "one two three");
}

static void smtp_send__cleans__what_the_server_says(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(play(f, (struct smtp_script){ .end = "554 a\x1b[31m\xff\xe2\x80\xae b\tc" }), SMTP_REFUSED);
	assert_string_equal(f->r.reply, "a?[31m?? b?c");
}

static void smtp_send__waits__no_longer_than_asked(void **state)
{
	struct fixture *f = *state;
	f->o.timeout_ms = 2000;
	uint64_t t0 = clock_ms();
	assert_int_equal(play(f, (struct smtp_script){ .mute_quit = 1 }), SMTP_ACCEPTED);
	assert_true(clock_ms() - t0 < 30000);
	/* A silent one, that takes the connection and says nothing. */
	f->o.timeout_ms = 200;
	t0 = clock_ms();
	assert_int_equal(play(f, (struct smtp_script){ .pause_us = 400000 }), SMTP_LATER);
	assert_true(clock_ms() - t0 < 30000);
	/* After the text there is time. */
	f->o.timeout_ms = 2000;
	assert_int_equal(play(f, (struct smtp_script){ .end_wait_ms = 2500 }), SMTP_ACCEPTED);
}

static void smtp_send__keeps__the_line_for_the_next_mail(void **state)
{
	struct fixture *f = *state;
	f->o.keep_ms = 2000;
	struct smtp *s = smtp_new(&f->o);
	assert_int_equal(smtp_rest(s), 0);
	smtp_peer_play(f->peer, &(struct smtp_script){ .rcpt = refuse_bob }, 0);
	static const char *const to[] = { "ann@example.com", "bob@example.com", "cid@example.com" };
	for (size_t i = 0; i < 3; i++) {
		struct smtp_recipient one = { .addr = to[i] };
		smtp_send(s, NULL, "", &one, 1, TEXT, strlen(TEXT), &f->r);
		assert_int_equal(f->r.fate, i == 1 ? SMTP_REFUSED : SMTP_ACCEPTED);
	}
	assert_int_equal(smtp_peer_connections(f->peer), 1);
	assert_said(f, "AUTH", 1);
	assert_said(f, "RSET", 1); /* after the one that was not ended */
	assert_said(f, "QUIT", 0);
	assert_in_range(smtp_rest(s), 1, 2000);
	usleep(2050000);
	assert_int_equal(smtp_rest(s), 0);
	assert_said(f, "QUIT", 1);
	/* Closed, or told to go, before anything was said of the mail: it goes on another line. */
	const struct smtp_script ends[] = { { .hang_up_after = 1 }, { .mails_max = 1 } };
	for (size_t i = 0; i < 2; i++) {
		int before = smtp_peer_connections(f->peer);
		smtp_peer_play(f->peer, &ends[i], 0);
		for (int k = 0; k < 2; k++) {
			struct smtp_recipient one = { .addr = to[0] };
			smtp_send(s, NULL, "", &one, 1, TEXT, strlen(TEXT), &f->r);
			assert_int_equal(f->r.fate, SMTP_ACCEPTED);
			usleep(20000);
		}
		assert_int_equal(smtp_peer_connections(f->peer), before + 2);
		usleep(2050000);
		smtp_rest(s);
	}
	/* What is unknown ends its line. */
	smtp_peer_play(f->peer, &(struct smtp_script){ .end = "garbage" }, 1);
	struct smtp_recipient one = { .addr = to[0] };
	smtp_send(s, NULL, "", &one, 1, TEXT, strlen(TEXT), &f->r);
	assert_int_equal(f->r.fate, SMTP_UNKNOWN);
	assert_int_equal(smtp_rest(s), 0);
	smtp_free(s);
}

static void smtp_check__logs_in__and_sends_nothing(void **state)
{
	struct fixture *f = *state;
	struct smtp *s = smtp_new(&f->o);
	smtp_check(s, NULL, &f->r);
	assert_int_equal(f->r.fate, SMTP_ACCEPTED);
	assert_said(f, "AUTH", 1);
	assert_said(f, "MAIL", 0);
	assert_said(f, "QUIT", 1);
	smtp_peer_play(f->peer, &(struct smtp_script){ .auth = "535 5.7.8 no" }, 0);
	smtp_check(s, NULL, &f->r);
	assert_int_equal(f->r.fate, SMTP_DENIED);
	smtp_free(s);
}

static const char *repeats_rcpt(const char *addr)
{
	(void)addr;
	return "550 5.7.1 not with quokka-77-pass";
}

static void check_unsaid(const char *reply)
{
	if (strstr(reply, "quokka") != NULL || strstr(reply, "cXVva2th") != NULL || strstr(reply, "xdW9ra2") != NULL)
		fail_msg("it is said: %s", reply);
	assert_non_null(strstr(reply, "***"));
}

/* However the server says it: as it was sent, decoded, at a later command. */
static void smtp__of_a_server_that_repeats_the_secret__does_not_say_it(void **state)
{
	struct fixture *f = *state;
	static const char *const plain[] = { "535 5.7.8 password quokka-77-pass is wrong",
		"535 5.7.8 AGJvdABxdW9ra2EtNzctcGFzcw==" };
	f->o.login.password = "quokka-77-pass";
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(play(f, (struct smtp_script){ .auth = plain[i] }), SMTP_DENIED);
		check_unsaid(f->r.reply);
	}
	assert_int_equal(play(f, (struct smtp_script){ .mail = "550 5.7.1 quokka-77-pass?" }), SMTP_REFUSED);
	check_unsaid(f->r.reply);
	play(f, (struct smtp_script){ .rcpt = repeats_rcpt });
	check_unsaid(f->to[0].reply);
	f->o.login.password = NULL;
	struct smtp *s = smtp_new(&f->o);
	smtp_peer_play(f->peer, &(struct smtp_script){ .auth = "535 5.7.8 Bearer ya29.quokka-77-token is over" }, 0);
	smtp_check(s, "ya29.quokka-77-token", &f->r);
	assert_int_equal(f->r.fate, SMTP_DENIED);
	check_unsaid(f->r.reply);
	smtp_free(s);
}

static void *cancel_soon(void *arg)
{
	usleep(200000);
	smtp_cancel(arg);
	return NULL;
}

static void smtp_cancel__ends__the_wait_after_the_text(void **state)
{
	struct fixture *f = *state;
	smtp_peer_play(f->peer, &(struct smtp_script){ .end_wait_ms = 30000 }, 0);
	struct smtp *s = smtp_new(&f->o);
	pthread_t t;
	f->to[0].addr = "ann@example.com";
	pthread_create(&t, NULL, cancel_soon, s);
	uint64_t t0 = clock_ms();
	smtp_send(s, NULL, "", f->to, 1, TEXT, strlen(TEXT), &f->r);
	assert_int_equal(f->r.fate, SMTP_UNKNOWN);
	assert_true(clock_ms() - t0 < 25000);
	pthread_join(t, NULL);
	smtp_send(s, NULL, "", f->to, 1, TEXT, strlen(TEXT), &f->r);
	assert_int_equal(f->r.fate, SMTP_LATER);
	smtp_free(s);
}

static void smtp_send__checks__the_certificate(void **state)
{
	struct fixture *f = *state;
	char dir[] = "/tmp/eddy-smtp-XXXXXX", ca[100], other[100];
	assert_non_null(mkdtemp(dir));
	tls_make(&(struct tls_cert){ .dir = dir, .name = "ca" });
	tls_make(&(struct tls_cert){ .dir = dir, .name = "other" });
	tls_make(&(struct tls_cert){ .dir = dir, .name = "good", .issuer = "ca", .san = "DNS:localhost,IP:127.0.0.1" });
	tls_make(&(struct tls_cert){ .dir = dir, .name = "elsewhere", .issuer = "ca", .san = "DNS:mail.example.net" });
	snprintf(ca, sizeof ca, "%s/ca.pem", dir);
	snprintf(other, sizeof other, "%s/other.pem", dir);
	f->o.login.tls = MAIL_TLS_IMPLICIT;
	struct tls_front front = tls_front_start(dir, "good", smtp_peer_port(f->peer));
	f->o.login.port = front.port;
	f->o.login.ca_file = ca;
	assert_int_equal(send_one(f), SMTP_ACCEPTED);
	assert_string_equal(smtp_peer_mail(f->peer, 0, NULL), TEXT);
	f->o.login.ca_file = other;
	assert_int_equal(send_one(f), SMTP_LATER);
	tls_front_end(&front);
	front = tls_front_start(dir, "elsewhere", smtp_peer_port(f->peer));
	f->o.login.port = front.port;
	f->o.login.ca_file = ca;
	assert_int_equal(send_one(f), SMTP_LATER);
	tls_front_end(&front);
	assert_int_equal(smtp_peer_mails(f->peer), 1);
	assert_int_equal(send_one(f), SMTP_LATER); /* nobody there */
	static const char *const files[] = { "ca", "other", "good", "elsewhere" };
	for (size_t i = 0; i < 8; i++) {
		char path[120];
		snprintf(path, sizeof path, "%s/%s.%s", dir, files[i / 2], i % 2 ? "key" : "pem");
		unlink(path);
	}
	rmdir(dir);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(smtp_send__delivers__text_as_it_is),
		TEST(smtp_send__says__null_sender),
		TEST(smtp_send__ends__a_text_without_its_last_line_end),
		TEST(smtp_send__carries__a_large_text),
		TEST(smtp_send__knows__that_a_text_without_its_end_is_no_mail),
		TEST(smtp_send__stops__where_no_login_is_offered),
		TEST(smtp_send__goes__without_login_when_none_is_set),
		TEST(smtp_send__tells__refused_logins_from_late_ones),
		TEST(smtp_send__logs_in__with_a_token),
		TEST(smtp__of_a_server_that_repeats_the_secret__does_not_say_it),
		TEST(smtp_send__never_speaks__in_clear),
		TEST(smtp_send__takes__what_each_step_answers),
		TEST(smtp_send__tells__each_recipient),
		TEST(smtp_send__sends__no_mail_for_a_copy_alone),
		TEST(smtp_send__refuses__what_would_be_another_command),
		TEST(smtp_send__minds__the_size_that_is_taken),
		TEST(smtp_send__reads__byte_by_byte),
		TEST(smtp_send__cleans__what_the_server_says),
		TEST(smtp_send__waits__no_longer_than_asked),
		TEST(smtp_send__keeps__the_line_for_the_next_mail),
		TEST(smtp_check__logs_in__and_sends_nothing),
		TEST(smtp_cancel__ends__the_wait_after_the_text),
		TEST(smtp_send__checks__the_certificate),
	};
	return cmocka_run_group_tests_name("smtp", tests, NULL, NULL);
}
