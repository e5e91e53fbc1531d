/* Who wrote it: results of our own border server, and everything that only looks like them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../adapters/email/authres.h"
#include "../../../adapters/email/mail.h"

#define FROM "From: Pat <pat@example.com>\r\n"
#define REST "To: bot@example.org\r\nSubject: pay\r\n\r\nPlease.\r\n"
#define BORDER "Received: from x by mx.example.org; Mon, 06 May 2024 09:30:00 +0000\r\n"

static bool passes_for(const char *mail, bool unnamed)
{
	static const char *const hosts[] = { "mx.example.org" };
	const struct mail_context ctx = { .trusted_hosts = hosts, .trusted_len = 1, .trust_unnamed = unnamed };
	struct mail *m;
	assert_int_equal(mail_read(mail, strlen(mail), &ctx, &m), ERR_NONE);
	bool yes = m->authenticated;
	assert_true(m->auth_why[0] != '\0');
	assert_true(!yes || m->sender != NULL);
	mail_free(m);
	return yes;
}

static bool passes(const char *mail)
{
	return passes_for(mail, false);
}

/* One field of ours above the border's Received. */
static bool passes_with(const char *results)
{
	char mail[4000];
	snprintf(mail, sizeof mail, "Authentication-Results: %s\r\n" BORDER FROM REST, results);
	return passes(mail);
}

static void mail_authenticate__believes__aligned_results(void **state)
{
	(void)state;
	assert_true(passes_with("mx.example.org; dmarc=pass header.from=example.com"));
	assert_true(
	    passes_with("MX.Example.ORG 1; spf=fail smtp.mailfrom=x.example; dmarc=pass (p=REJECT) header.from=Example.COM"));
	assert_true(
	    passes_with("mx.example.org;\r\n\tdkim=fail header.d=other.example;\r\n\tdkim=pass header.d=example.com header.s=s1"));
	assert_true(passes_with("mx.example.org; dmarc=none header.from=example.com; dkim=pass header.i=@example.com"));
	assert_true(passes_with("mx.example.org; spf=pass smtp.mailfrom=bounces@example.com"));
	assert_true(passes_with("mx.example.org; (a comment; dmarc=fail) dmarc (x) = (y) pass (z) header.from (q) = example.com"));
	assert_true(passes_with("\"mx.example.org\"; dmarc=pass header.from=\"example.com\""));
}

static void mail_authenticate__refuses__what_is_not_aligned(void **state)
{
	(void)state;
	assert_false(passes_with("mx.example.org; dmarc=fail header.from=example.com; dkim=pass header.d=example.com"));
	assert_false(passes_with("mx.example.org; dmarc=pass header.from=example.com.evil.example"));
	assert_false(passes_with("mx.example.org; dmarc=pass"));
	assert_false(passes_with("mx.example.org; dkim=pass header.d=notexample.com"));
	/* Whoever has a name below the domain does not speak for it. */
	assert_false(passes_with("mx.example.org; dkim=pass header.d=guest.example.com"));
	assert_false(passes_with("mx.example.org; spf=pass smtp.mailfrom=pat@guest.example.com"));
	assert_false(passes_with("mx.example.org; dkim=pass header.d=com"));
	assert_false(passes_with("mx.example.org; spf=pass smtp.mailfrom=x@evil.example"));
	assert_false(passes_with("mx.example.org; spf=pass smtp.helo=example.com"));
	assert_false(passes_with("mx.example.org; none"));
	assert_false(passes_with("mx.example.org"));
	assert_false(passes_with("mx.example.org; dmarc=temperror header.from=example.com"));
}

static void mail_authenticate__is_not_fooled__by_comments_and_quotes(void **state)
{
	(void)state;
	assert_false(passes_with("mx.example.org; spf=fail (dmarc=pass header.from=example.com) smtp.mailfrom=x.example"));
	assert_false(passes_with("mx.example.org; spf=fail smtp.mailfrom=\"x; dmarc=pass header.from=example.com\""));
	assert_false(passes_with("mx.example.org; spf=fail reason=\"a\\\"; dmarc=pass header.from=example.com\""));
	assert_false(passes_with("mx.example.org; spf=fail (((; dmarc=pass header.from=example.com"));
	assert_false(passes_with("evil.example (mx.example.org; dmarc=pass header.from=example.com)"));
	assert_false(passes_with("mx.example.org.evil.example; dmarc=pass header.from=example.com"));
	assert_false(passes_with("mx.example.org evil; dmarc=pass header.from=example.com"));
	assert_false(passes_with("; mx.example.org; dmarc=pass header.from=example.com"));
}

static void mail_authenticate__refuses__fields_that_came_with_the_mail(void **state)
{
	(void)state;
	/* Below the border's Received line anybody may have written it. */
	assert_false(passes(BORDER "Authentication-Results: mx.example.org; dmarc=pass header.from=example.com\r\n" FROM REST));
	/* Another server's, above. */
	assert_false(passes("Authentication-Results: mx.evil.example; dmarc=pass header.from=example.com\r\n" BORDER FROM REST));
	/* Ours fails; a forged one below it, still above Received, does not help. */
	assert_false(passes("Authentication-Results: mx.example.org; dmarc=fail header.from=example.com\r\n"
	                    "Authentication-Results: mx.example.org; dmarc=pass header.from=example.com\r\n" BORDER FROM REST));
	/* A forged one of another name above ours does not hide it. */
	assert_true(passes("Authentication-Results: mx.evil.example; dmarc=fail header.from=example.com\r\n"
	                   "Authentication-Results: mx.example.org; dmarc=pass header.from=example.com\r\n" BORDER FROM REST));
}

static void mail_authenticate__wants__one_sender(void **state)
{
	(void)state;
#define PASS "Authentication-Results: mx.example.org; dmarc=pass header.from=example.com\r\n" BORDER
	assert_true(passes(PASS FROM REST));
	assert_false(passes(PASS FROM "From: Eve <eve@example.com>\r\n" REST));
	assert_false(passes(PASS "From: pat@example.com, eve@example.com\r\n" REST));
	assert_false(passes(PASS "From: Group: pat@example.com, eve@example.com;\r\n" REST));
	assert_false(passes(PASS "From: \"pat@example.com\" <eve@evil.example>\r\n" REST));
	assert_false(passes(PASS "From: =?utf-8?Q?pat@example.com_=3Cpat@example.com=3E?= <eve@evil.example>\r\n" REST));
	assert_false(passes(PASS REST));
}

static void mail_authenticate__trusts__nobody_at_first(void **state)
{
	(void)state;
	static const char mail[] = PASS FROM REST;
	const struct mail_context ctx = { 0 };
	struct mail *m;
	assert_int_equal(mail_read(mail, sizeof mail - 1, &ctx, &m), ERR_NONE);
	assert_false(m->authenticated);
	assert_string_equal(m->sender, "pat@example.com");
	mail_free(m);
}

static void mail_authenticate__takes__results_without_a_name_only_when_told(void **state)
{
	(void)state;
	static const char mail[] =
	    "Authentication-Results: spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=example.com; dkim=pass (ok)\r\n"
	    " header.d=example.com;dmarc=pass action=none header.from=example.com;compauth=pass reason=100\r\n" BORDER FROM REST;
	assert_false(passes_for(mail, false));
	assert_true(passes_for(mail, true));
}

/* As these two write them: the results stand below the lines of the hosts behind the border. */
static void mail_authenticate__knows__the_hosts_behind_a_border(void **state)
{
	(void)state;
	static const char *const google[] = { "mx.google.com" }, *const acme[] = { "mx.example.org" };
	static const char *const relays[] = { "mail.example.org", ".inner.example.org" };
#define GOOGLE \
	"Delivered-To: bot@example.org\r\n" \
	"Received: by 2002:a05:6214:20a6:b0:443:8b5c with SMTP id 6csp1234qvd;\r\n        Mon, 6 May 2024 02:30:02 -0700 (PDT)\r\n" \
	"X-Received: by 2002:a05:6214:20a6:b0:443:8b5c with SMTP id u1mr1;\r\n        Mon, 06 May 2024 02:30:01 -0700 (PDT)\r\n" \
	"Return-Path: <pat@example.com>\r\n" \
	"Received: from mail.example.com (by.example.com. [192.0.2.1])\r\n        by mx.google.com with ESMTPS id a1\r\n" \
	"        for <bot@example.org>;\r\n        Mon, 06 May 2024 02:30:01 -0700 (PDT)\r\n"
#define OF_GOOGLE(dmarc) \
	"Authentication-Results: mx.google.com;\r\n       dmarc=" dmarc " (p=NONE sp=NONE) header.from=example.com\r\n"
#define OUTLOOK \
	"Received: from AM0PR01MB1.eurprd01.prod.exchangelabs.com (2603::1) by\r\n VI1PR01MB2.eurprd01.prod.outlook.com with HTTPS; Mon, 6 May " \
	"2024 09:30:02 +0000\r\n"
#define OF_OUTLOOK "Authentication-Results: spf=pass smtp.mailfrom=example.com; dmarc=pass header.from=example.com\r\n"
#define FAR "Received: from x (y) by far.example.net with SMTP; Mon, 06 May 2024 09:30:00 +0000\r\n"
#define LMTP \
	"Received: from mx.example.org by mail.example.org with LMTP id x (envelope-from <a@b>); Mon, 06 May 2024 09:30:01 +0000\r\n"
#define INNER "Received: from mail.example.org by a.b.inner.example.org; Mon, 06 May 2024 09:30:01 +0000\r\n"
#define ACME "Authentication-Results: mx.example.org; dmarc=pass header.from=example.com\r\n"
	const struct {
		const char *mail;
		const char *const *hosts;
		size_t relays;
		bool unnamed, passes;
	} cases[] = {
		{ GOOGLE OF_GOOGLE("pass") FAR FROM REST, google, 0, false, true },
		{ GOOGLE OF_GOOGLE("fail") OF_GOOGLE("pass") FROM REST, google, 0, false, false },
		{ GOOGLE FAR OF_GOOGLE("pass") FROM REST, google, 0, false, false },
		{ GOOGLE ACME FROM REST, acme, 0, false, false }, /* another one's own lines are no way past */
		{ OUTLOOK OF_OUTLOOK FAR FROM REST, google, 0, true, true },
		{ OUTLOOK OF_OUTLOOK FAR FROM REST, google, 0, false, false },
		{ OUTLOOK FAR OF_OUTLOOK FROM REST, google, 0, true, false },
		{ LMTP ACME BORDER FROM REST, acme, 0, false, false },
		{ LMTP ACME BORDER FROM REST, acme, 2, false, true },
		{ INNER LMTP ACME BORDER FROM REST, acme, 2, false, true },
		{ INNER LMTP BORDER ACME FROM REST, acme, 2, false, false },
		{ "Received: from a (by mail.example.org) by far.example.net; x\r\n" ACME FROM REST, acme, 2, false, false },
		{ "Received: from mail.example.org\r\n" ACME FROM REST, acme, 2, false, false },
		{ "Received: by xinner.example.org; x\r\n" ACME FROM REST, acme, 2, false, false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct mail_context ctx = { .trusted_hosts = cases[i].hosts,
			.trusted_len = 1,
			.trust_unnamed = cases[i].unnamed,
			.relays = relays,
			.relays_len = cases[i].relays };
		struct mail *m;
		assert_int_equal(mail_read(cases[i].mail, strlen(cases[i].mail), &ctx, &m), ERR_NONE);
		if (m->authenticated != cases[i].passes)
			fail_msg("case %zu: %s", i, m->auth_why);
		mail_free(m);
	}
}

static void mail_authres_parse__reads__all_items(void **state)
{
	(void)state;
	static const char v[] =
	    "mx.example.org 1; auth=pass (cram-md5) smtp.auth=pat@example.com; iprev/1=pass policy.iprev=192.0.2.1; bad; =x; dkim=pass "
	    "header.d=a.example header.d=b.example";
	struct mail_authres *r = calloc(1, sizeof *r);
	assert_true(mail_authres_parse(v, sizeof v - 1, r));
	assert_string_equal(r->id, "mx.example.org");
	assert_int_equal(r->len, 3);
	assert_string_equal(r->items[0].smtp_auth, "pat@example.com");
	assert_string_equal(r->items[1].method, "iprev");
	assert_string_equal(r->items[2].header_d, "a.example");
	assert_false(mail_authres_parse("", 0, r));
	free(r);
}

int main(void)
{
	mail_library_init();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mail_authenticate__believes__aligned_results),
		cmocka_unit_test(mail_authenticate__refuses__what_is_not_aligned),
		cmocka_unit_test(mail_authenticate__is_not_fooled__by_comments_and_quotes),
		cmocka_unit_test(mail_authenticate__refuses__fields_that_came_with_the_mail),
		cmocka_unit_test(mail_authenticate__wants__one_sender),
		cmocka_unit_test(mail_authenticate__trusts__nobody_at_first),
		cmocka_unit_test(mail_authenticate__takes__results_without_a_name_only_when_told),
		cmocka_unit_test(mail_authenticate__knows__the_hosts_behind_a_border),
		cmocka_unit_test(mail_authres_parse__reads__all_items),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
