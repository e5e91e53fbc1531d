#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../adapters/email/imap.h"
#include "../../../core/base/clock.h"
#include "../../support/imap_peer.h"
#include "../../support/tls.h"

#define MAIL "From: a@b.example\r\nMessage-ID: <one@b.example>\r\n\r\nhello\r\n"
/* As long as a busy machine may take; short where the time has to pass. */
#define TIMEOUT 10000
#define SHORT 5000
static uint32_t patience = TIMEOUT;

struct fixture {
	struct imap_peer *p;
	struct imap *i;
	const char *verb, *answer; /* the hook's: to commands that begin with verb; "%s" is the tag */
	bool then_cut;
	atomic_int times;
	char why[300];
	bool stop;
};

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->p = imap_peer_new();
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;
	imap_close(f->i);
	imap_peer_free(f->p);
	free(f);
	return 0;
}

static bool hook(struct imap_peer_conn *c, const char *command, void *arg)
{
	struct fixture *f = arg;
	pthread_mutex_lock(&c->p->mtx);
	bool mine = f->verb && strncmp(command, f->verb, strlen(f->verb)) == 0 && f->times > 0;
	f->times -= mine;
	const char *with = f->answer;
	bool then_cut = f->then_cut;
	pthread_mutex_unlock(&c->p->mtx);
	if (!mine)
		return false;
	for (const char *s = with; *s; s++) {
		if (s[0] == '%' && s[1] == 's') {
			imap_peer_write(c->p, c, c->tag, strlen(c->tag));
			s++;
		} else {
			imap_peer_write(c->p, c, s, 1);
		}
	}
	if (then_cut)
		imap_peer_cut(c->p);
	return true;
}

static void answer(struct fixture *f, const char *verb, const char *with, bool then_cut)
{
	pthread_mutex_lock(&f->p->mtx);
	f->verb = verb;
	f->answer = with;
	f->then_cut = then_cut;
	f->times = 1;
	f->p->arg = f;
	f->p->hook = hook;
	pthread_mutex_unlock(&f->p->mtx);
}

static struct mail_login login_of(const struct fixture *f)
{
	return (struct mail_login){
		.host = "127.0.0.1", .port = f->p->port, .tls = MAIL_TLS_NONE, .user = "eddy", .password = "secret"
	};
}

static enum err open_as(struct fixture *f, const struct mail_login *l)
{
	imap_close(f->i);
	f->i = NULL;
	f->why[0] = '\0';
	return imap_open(&f->i, l, patience, f->why, sizeof f->why);
}

static void open_folder(struct fixture *f)
{
	struct imap_folder folder;
	struct mail_login l = login_of(f);
	assert_int_equal(open_as(f, &l), ERR_NONE);
	assert_int_equal(imap_select(f->i, "INBOX", false, &folder), ERR_NONE);
	assert_int_equal(folder.uid_validity, f->p->uid_validity);
	assert_true(folder.exists <= f->p->len);
	assert_int_equal(folder.keywords, f->p->keywords);
}

static void mails(struct fixture *f, int n)
{
	for (int k = 0; k < n; k++)
		imap_peer_add(f->p, MAIL, strlen(MAIL));
}

static void open__logs__in_and_knows_the_server(void **state)
{
	struct fixture *f = *state;
	open_folder(f);
	assert_int_equal(imap_caps(f->i), IMAP_IDLE | IMAP_MOVE | IMAP_UIDPLUS);
	assert_string_equal(imap_why(f->i), "");
}

static void open__tells__refusals_apart(void **state)
{
	struct fixture *f = *state;
	struct mail_login l = login_of(f);
	l.password = "wrong";
	assert_int_equal(open_as(f, &l), ERR_DENIED);
	assert_non_null(strstr(f->why, "refused"));
	l = login_of(f);
	IMAP_PEER_SET(f->p, f->p->refusal = "NO [UNAVAILABLE] try later");
	assert_int_equal(open_as(f, &l), ERR_RETRY);
	IMAP_PEER_SET(f->p, f->p->refusal = NULL);
	patience = SHORT;
	IMAP_PEER_SET(f->p, f->p->greeting = "* BYE too many");
	assert_int_equal(open_as(f, &l), ERR_RETRY);
	IMAP_PEER_SET(f->p, f->p->greeting = "220 this is SMTP");
	assert_int_equal(open_as(f, &l), ERR_RETRY);
	patience = TIMEOUT;
	IMAP_PEER_SET(f->p, f->p->greeting = NULL);
	l.port = 1;
	assert_int_equal(open_as(f, &l), ERR_RETRY);
	assert_true(f->why[0] != '\0');
}

/* However the server says it: as it was sent, decoded, cut. */
static void open__of_a_server_that_repeats_the_secret__does_not_say_it(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *refusal;
		bool token;
	} cases[] = {
		{ "NO [AUTHENTICATIONFAILED] user ann, password quokka-77-pass: wrong", false },
		{ "NO [AUTHENTICATIONFAILED] wrong: AGFubgBxdW9ra2EtNzctcGFzcw==", false }, /* PLAIN */
		{ "NO [AUTHENTICATIONFAILED] cut AGFubgBxdW9ra2Et", false },
		{ "NO [AUTHENTICATIONFAILED] Bearer ya29.quokka-77-token is over", true },
		{ "NO [AUTHENTICATIONFAILED] dXNlcj1hbm4BYXV0aD1CZWFyZXIgeWEyOS5xdW9ra2EtNzctdG9rZW4BAQ==", true }, /* XOAUTH2 */
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct mail_login l = login_of(f);
		l.password = cases[i].token ? NULL : "quokka-77-pass";
		l.token = cases[i].token ? "ya29.quokka-77-token" : NULL;
		IMAP_PEER_SET(f->p, f->p->refusal = cases[i].refusal);
		IMAP_PEER_SET(f->p, snprintf(f->p->caps, sizeof f->p->caps, "IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR"));
		assert_int_equal(open_as(f, &l), ERR_DENIED);
		assert_non_null(strstr(f->why, "refused"));
		if (strstr(f->why, "quokka") != NULL || strstr(f->why, "cXVva2th") != NULL || strstr(f->why, "xdW9ra2") != NULL)
			fail_msg("it is said: %s", f->why);
		assert_non_null(strstr(f->why, "***"));
	}
	IMAP_PEER_SET(f->p, f->p->refusal = NULL);
}

static void open__never__speaks_in_clear(void **state)
{
	struct fixture *f = *state;
	struct mail_login l = login_of(f);
	l.host = "192.0.2.1";
	assert_int_equal(open_as(f, &l), ERR_INPUT);
	l.host = "mail.example";
	assert_int_equal(open_as(f, &l), ERR_INPUT);
	l = login_of(f);
	l.tls = MAIL_TLS_START; /* not offered */
	assert_int_equal(open_as(f, &l), ERR_INPUT);
	assert_non_null(strstr(f->why, "STARTTLS"));
	IMAP_PEER_SET(f->p, f->p->greeting = "* PREAUTH welcome");
	assert_int_not_equal(open_as(f, &l), ERR_NONE);
	assert_int_equal(f->p->logins, 0);
}

static void open__refuses__settings_that_would_be_commands(void **state)
{
	struct fixture *f = *state;
	struct mail_login l = login_of(f);
	l.user = "eddy\r\nA1 LOGOUT";
	assert_int_equal(open_as(f, &l), ERR_INPUT);
	l = login_of(f);
	l.host = "127.0.0.1/x?";
	assert_int_equal(open_as(f, &l), ERR_INPUT);
	l = login_of(f);
	l.password = NULL;
	assert_int_equal(open_as(f, &l), ERR_INPUT);
	l = login_of(f);
	l.mechanism = "X;AUTH=PLAIN";
	assert_int_equal(open_as(f, &l), ERR_INPUT);
	assert_int_equal(f->p->connections, 0);
}

static void open__uses__tls_and_checks_it(void **state)
{
	struct fixture *f = *state;
	char dir[] = "/tmp/eddy-imap-XXXXXX", ca[64], cmd[80];
	assert_non_null(mkdtemp(dir));
	tls_make(&(struct tls_cert){ .dir = dir, .name = "ca" });
	tls_make(&(struct tls_cert){ .dir = dir, .name = "good", .issuer = "ca", .san = "IP:127.0.0.1" });
	tls_make(&(struct tls_cert){ .dir = dir, .name = "other", .issuer = "ca", .san = "DNS:mail.example" });
	snprintf(ca, sizeof ca, "%s/ca.pem", dir);
	struct tls_front good = tls_front_start(dir, "good", f->p->port), other = tls_front_start(dir, "other", f->p->port);
	struct mail_login l = login_of(f);
	l.tls = MAIL_TLS_IMPLICIT;
	l.port = good.port;
	assert_int_equal(open_as(f, &l), ERR_INPUT); /* unknown authority */
	assert_non_null(strstr(f->why, "certificate"));
	l.ca_file = ca;
	assert_int_equal(open_as(f, &l), ERR_NONE);
	mails(f, 3);
	struct imap_folder folder;
	struct imap_mail m;
	assert_int_equal(imap_select(f->i, "INBOX", false, &folder), ERR_NONE);
	assert_int_equal(imap_fetch(f->i, 2, NULL, 1000, &m), ERR_NONE);
	assert_string_equal(m.raw.p, MAIL);
	buf_done(&m.raw);
	l.port = other.port;
	assert_int_equal(open_as(f, &l), ERR_INPUT);
	l.port = f->p->port; /* no TLS there */
	assert_int_equal(open_as(f, &l), ERR_RETRY);
	tls_front_end(&good);
	tls_front_end(&other);
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	assert_int_equal(system(cmd), 0);
}

static void open__uses__tokens(void **state)
{
	struct fixture *f = *state;
	static const char *const offered[] = { "AUTH=XOAUTH2 AUTH=CRAM-MD5 AUTH=PLAIN", "SASL-IR AUTH=OAUTHBEARER",
		"SASL-IR AUTH=XOAUTH2" };
	IMAP_PEER_SET(f->p, snprintf(f->p->token, sizeof f->p->token, "ya29.token"));
	for (size_t k = 0; k < 3; k++) {
		IMAP_PEER_SET(f->p, snprintf(f->p->caps, sizeof f->p->caps, "IMAP4rev1 %s", offered[k]));
		struct mail_login l = login_of(f);
		l.password = NULL;
		l.token = "ya29.token";
		assert_int_equal(open_as(f, &l), ERR_NONE);
		l.token = "stale";
		assert_int_equal(open_as(f, &l), ERR_DENIED);
		assert_null(strstr(f->why, "stale"));
	}
}

static bool not_stopped(void *arg)
{
	struct fixture *f = arg;
	return !f->stop;
}

static bool swallow(struct imap_peer_conn *c, const char *command, void *arg)
{
	(void)c;
	(void)command;
	(void)arg;
	return true;
}

static void open__ends__when_nobody_answers_or_wants_it(void **state)
{
	struct fixture *f = *state;
	struct mail_login l = login_of(f);
	IMAP_PEER_SET(f->p, f->p->hook = swallow);
	uint64_t t = clock_ms();
	assert_int_equal(imap_open(&f->i, &l, 300, f->why, sizeof f->why), ERR_RETRY);
	l.go_on = not_stopped;
	l.go_on_arg = f;
	f->stop = true;
	assert_int_equal(imap_open(&f->i, &l, 60000, f->why, sizeof f->why), ERR_RETRY);
	assert_true(clock_ms() - t < 40000);
}

static void fetch__gives__the_mail_whole_or_cut(void **state)
{
	struct fixture *f = *state;
	struct imap_mail m;
	mails(f, 2);
	open_folder(f);
	assert_int_equal(imap_fetch(f->i, 2, "$Eddy", 1000, &m), ERR_NONE);
	assert_int_equal(m.uid, 2);
	assert_int_equal(m.size, strlen(MAIL));
	assert_int_equal(m.internal_date, 837596665);
	assert_string_equal(m.raw.p, MAIL);
	assert_false(m.cut || m.seen || m.marked);
	buf_done(&m.raw);
	assert_int_equal(imap_add_flag(f->i, 2, "\\Seen"), ERR_NONE);
	assert_int_equal(imap_add_flag(f->i, 2, "$Eddy"), ERR_NONE);
	assert_int_equal(imap_fetch(f->i, 2, "$Eddy", 10, &m), ERR_NONE);
	assert_true(m.cut && m.seen && m.marked);
	assert_int_equal(m.raw.len, 10);
	buf_done(&m.raw);
	assert_int_equal(imap_fetch(f->i, 2, NULL, strlen(MAIL), &m), ERR_NONE);
	assert_false(m.cut || m.marked);
	buf_done(&m.raw);
	assert_int_equal(imap_fetch(f->i, 99, NULL, 10, &m), ERR_INPUT);
}

static void fetch__keeps__a_mail_out_of_the_dialogue(void **state)
{
	struct fixture *f = *state;
	struct imap_mail m;
	static const char bait[] =
	    "Subject: x\r\n\r\nA004 OK done\r\ne00000000x1 OK done\r\n* BYE\r\n* 1 EXPUNGE\r\n{5}\r\n)\r\n)\r\n";
	imap_peer_add(f->p, bait, strlen(bait));
	IMAP_PEER_SET(f->p, f->p->slow = true);
	open_folder(f);
	for (int k = 0; k < 20; k++) { /* our own tags too */
		assert_int_equal(imap_fetch(f->i, 1, NULL, 1000, &m), ERR_NONE);
		assert_string_equal(m.raw.p, bait);
		buf_done(&m.raw);
	}
}

static void fetch__merges__what_comes_in_pieces_and_skips_the_unasked(void **state)
{
	struct fixture *f = *state;
	struct imap_mail m;
	mails(f, 9);
	open_folder(f);
	answer(f, "UID FETCH",
	    "* 3 FETCH (FLAGS (\\Seen))\r\n* 10 EXISTS\r\n* 1 EXPUNGE\r\n* 4 FETCH (UID 4 BODY[] {3}\r\nbad)\r\n* 5 FETCH (UID 5 FLAGS ($Eddy))\r\n"
	    "* OK [ALERT] hurry\r\n* 5 FETCH (BODY[]<0> {4}\r\ngood UID 5 RFC822.SIZE 9)\r\n* 4 FETCH (UID 4 BODY[] {3}\r\nbad)\r\n* 5 FETCH (UID 5 FLAGS (\\Seen $eddy))\r\n%s OK x\r\n",
	    false);
	assert_int_equal(imap_fetch(f->i, 5, "$Eddy", 100, &m), ERR_NONE);
	assert_string_equal(m.raw.p, "good");
	assert_true(m.seen && m.marked);
	assert_int_equal(m.size, 9);
	buf_done(&m.raw);
	answer(f, "UID FETCH", "* 5 FETCH (UID 5 BODY[] {0}\r\n)\r\n%s OK x\r\n", false);
	assert_int_equal(imap_fetch(f->i, 5, NULL, 100, &m), ERR_NONE);
	assert_int_equal(m.raw.len, 0);
	assert_non_null(m.raw.p);
	buf_done(&m.raw);
	answer(f, "UID FETCH", "* 5 FETCH (UID 5 BODY[] \"a \\\"b\\\"\")\r\n%s OK x\r\n", false);
	assert_int_equal(imap_fetch(f->i, 5, NULL, 100, &m), ERR_NONE);
	assert_string_equal(m.raw.p, "a \"b\"");
	buf_done(&m.raw);
}

static void fetch__drains__more_than_asked_for(void **state)
{
	struct fixture *f = *state;
	struct imap_mail m;
	mails(f, 1);
	open_folder(f);
	answer(f, "UID FETCH", "* 1 FETCH (UID 1 BODY[] {26}\r\nabcdefghijklmnopqrstuvwxyz)\r\n%s OK x\r\n", false);
	assert_int_equal(imap_fetch(f->i, 1, NULL, 3, &m), ERR_NONE);
	assert_string_equal(m.raw.p, "abc");
	assert_true(m.cut);
	buf_done(&m.raw);
	assert_int_equal(imap_fetch(f->i, 1, NULL, 1000, &m), ERR_NONE);
	buf_done(&m.raw);
}

static void fetch__ends__in_retry_when_the_line_breaks(void **state)
{
	struct fixture *f = *state;
	static const char *const broken[] = { "* 1 FETCH (UID 1 BODY[] {100}\r\nhalf of", "* 1 FE", "* BYE going down\r\n", "" };
	mails(f, 1);
	for (size_t k = 0; k < 4; k++) {
		struct imap_mail m;
		open_folder(f);
		answer(f, "UID FETCH", broken[k], true);
		assert_int_equal(imap_fetch(f->i, 1, NULL, 1000, &m), ERR_RETRY);
		assert_true(imap_why(f->i)[0] != '\0');
		assert_int_equal(imap_fetch(f->i, 1, NULL, 1000, &m), ERR_RETRY); /* it stays over */
	}
}

static void fetch__survives__literals_that_lie(void **state)
{
	struct fixture *f = *state;
	static const char *const lies[] = {
		"* 1 FETCH (UID 1 BODY[] {4}\r\nmore than four)\r\n%s OK x\r\n)\r\n",
		"* 1 FETCH (UID 1 BODY[] {4}\r\nmore\r\n%s OK x\r\n",
		"* 1 FETCH (UID 1 BODY[] {99999999999999999999}\r\nx)\r\n%s OK x\r\n",
		"eeee OK what\r\n",
	};
	mails(f, 1);
	for (size_t k = 0; k < 4; k++) {
		struct imap_mail m;
		open_folder(f);
		answer(f, "UID FETCH", lies[k], false);
		enum err e = imap_fetch(f->i, 1, NULL, 1000, &m);
		assert_int_not_equal(e, ERR_INPUT);
		if (e == ERR_NONE)
			buf_done(&m.raw);
	}
	/* One that says more than it sends is waited for as long as the time-out. */
	struct mail_login l = login_of(f);
	struct imap_folder folder;
	struct imap_mail m;
	imap_close(f->i);
	f->i = NULL;
	assert_int_equal(imap_open(&f->i, &l, 300, f->why, sizeof f->why), ERR_NONE);
	assert_int_equal(imap_select(f->i, "INBOX", false, &folder), ERR_NONE);
	answer(f, "UID FETCH", "* 1 FETCH (UID 1 BODY[] {4000}\r\nless)\r\n%s OK x\r\n", false);
	assert_int_equal(imap_fetch(f->i, 1, NULL, 10000, &m), ERR_RETRY);
}

static void fetch__tells__a_refusal(void **state)
{
	struct fixture *f = *state;
	struct imap_mail m;
	mails(f, 1);
	open_folder(f);
	answer(f, "UID FETCH", "%s NO [SERVERBUG] broken\r\n", false);
	assert_int_equal(imap_fetch(f->i, 1, NULL, 1000, &m), ERR_DENIED);
	answer(f, "UID FETCH", "%s BAD what\r\n", false);
	assert_int_equal(imap_fetch(f->i, 1, NULL, 1000, &m), ERR_DENIED);
	answer(f, "UID FETCH", "%s NO [UNAVAILABLE] later\r\n", false);
	assert_int_equal(imap_fetch(f->i, 1, NULL, 1000, &m), ERR_RETRY);
	assert_int_equal(imap_fetch(f->i, 1, NULL, 1000, &m), ERR_NONE);
	buf_done(&m.raw);
}

static void select__tells__what_is_wrong_with_a_folder(void **state)
{
	struct fixture *f = *state;
	struct imap_folder folder;
	open_folder(f);
	answer(f, "SELECT", "%s NO [NONEXISTENT] no\r\n", false);
	assert_int_equal(imap_select(f->i, "Nowhere", false, &folder), ERR_INPUT);
	answer(f, "SELECT", "* 3 EXISTS\r\n%s OK no validity\r\n", false);
	assert_int_equal(imap_select(f->i, "INBOX", false, &folder), ERR_INPUT);
	assert_int_equal(imap_select(f->i, "a\r\nb", false, &folder), ERR_INPUT);
	answer(f, "SELECT", "%s NO [INUSE] no\r\n", false);
	assert_int_equal(imap_select(f->i, "INBOX", false, &folder), ERR_RETRY);
	IMAP_PEER_SET(f->p, f->p->keywords = false);
	assert_int_equal(imap_select(f->i, "INBOX", true, &folder), ERR_NONE);
	assert_false(folder.keywords);
}

static void uids__are__ascending_and_bounded(void **state)
{
	struct fixture *f = *state;
	uint32_t *uids;
	size_t n;
	mails(f, 500);
	open_folder(f);
	assert_int_equal(imap_uids_after(f->i, 0, 1000, &uids, &n), ERR_NONE);
	assert_int_equal(n, 500);
	for (size_t k = 0; k < n; k++)
		assert_int_equal(uids[k], k + 1);
	free(uids);
	assert_int_equal(imap_uids_after(f->i, 490, 4, &uids, &n), ERR_NONE);
	assert_int_equal(n, 4);
	assert_int_equal(uids[0], 491);
	assert_int_equal(uids[3], 494);
	free(uids);
	assert_int_equal(imap_uids_after(f->i, 500, 4, &uids, &n), ERR_NONE); /* "*" is the last one */
	assert_int_equal(n, 0);
	free(uids);
	assert_int_equal(imap_uids_after(f->i, UINT32_MAX, 4, &uids, &n), ERR_NONE);
	assert_int_equal(n, 0);
	free(uids);
	answer(f, "UID SEARCH", "* SEARCH 9 3 3 7\r\n* SEARCH 5 2 99999999999 8\r\n%s OK x\r\n", false);
	assert_int_equal(imap_uids_after(f->i, 2, 4, &uids, &n), ERR_NONE);
	assert_int_equal(n, 3); /* the four least, 3 twice */
	assert_int_equal(uids[0], 3);
	assert_int_equal(uids[2], 7);
	free(uids);
	/* A gap that is wider than what is looked at in one go. */
	IMAP_PEER_SET(f->p, f->p->uid_next = 4000000000u);
	mails(f, 2);
	assert_int_equal(imap_uids_after(f->i, 500, 10, &uids, &n), ERR_NONE);
	assert_int_equal(n, 2);
	assert_int_equal(uids[1], 4000000001u);
	free(uids);
}

static void uids__are__read_from_ranges(void **state)
{
	struct fixture *f = *state;
	uint32_t *uids;
	size_t n;
	IMAP_PEER_SET(f->p, snprintf(f->p->caps, sizeof f->p->caps, "IMAP4rev1 ESEARCH"));
	open_folder(f);
	answer(
	    f, "UID SEARCH RETURN (ALL) UID 2:", "* ESEARCH (TAG \"%s\") UID ALL 1:4,9,20:18,1:4294967295\r\n%s OK x\r\n", false);
	assert_int_equal(imap_uids_after(f->i, 1, 6, &uids, &n), ERR_NONE);
	assert_int_equal(n, 3);
	assert_int_equal(uids[0], 2);
	free(uids);
	assert_int_equal(imap_uids_after(f->i, 1, 6, &uids, &n), ERR_NONE);
	assert_int_equal(n, 0);
	free(uids);
}

static void mail__is__found_by_its_message_id(void **state)
{
	struct fixture *f = *state;
	uint32_t *uids;
	size_t n;
	imap_peer_add(f->p, "Subject: x\r\n\r\n", 14);
	mails(f, 1);
	open_folder(f);
	assert_int_equal(imap_find_message_id(f->i, "<one@b.example>", &uids, &n), ERR_NONE);
	assert_int_equal(n, 1);
	assert_int_equal(uids[0], 2);
	free(uids);
	assert_int_equal(imap_find_message_id(f->i, "<x>\r\nA LOGOUT", &uids, &n), ERR_INPUT);
	assert_int_equal(imap_find_message_id(f->i, "", &uids, &n), ERR_INPUT);
}

static void mail__is__moved_with_and_without_move(void **state)
{
	struct fixture *f = *state;
	char flags[100];
	mails(f, 3);
	open_folder(f);
	assert_int_equal(imap_move(f->i, 1, "Done & gone"), ERR_NONE);
	assert_string_equal(f->p->moved_to, "Done &- gone");
	assert_false(imap_peer_has(f->p, 1));
	IMAP_PEER_SET(f->p, snprintf(f->p->caps, sizeof f->p->caps, "IMAP4rev1 UIDPLUS"));
	open_folder(f);
	assert_int_equal(imap_move(f->i, 2, "Done"), ERR_NONE);
	assert_false(imap_peer_has(f->p, 2));
	IMAP_PEER_SET(f->p, snprintf(f->p->caps, sizeof f->p->caps, "IMAP4rev1"));
	struct mail_login l = login_of(f);
	struct imap_folder folder;
	assert_int_equal(open_as(f, &l), ERR_NONE);
	assert_int_equal(imap_select(f->i, "INBOX", false, &folder), ERR_NONE);
	answer(f, "UID COPY", "%s NO [TRYCREATE] make it\r\n", false);
	assert_int_equal(imap_move(f->i, 3, "Done"), ERR_NONE);
	imap_peer_flags(f->p, 3, flags);
	assert_string_equal(flags, "\\Deleted");
	answer(f, "UID COPY", "%s NO [OVERQUOTA] full\r\n", false);
	assert_int_equal(imap_move(f->i, 3, "Done"), ERR_INPUT);
}

static void flag__is__refused_where_keywords_are(void **state)
{
	struct fixture *f = *state;
	mails(f, 1);
	IMAP_PEER_SET(f->p, f->p->keywords = false);
	open_folder(f);
	assert_int_equal(imap_add_flag(f->i, 1, "$Eddy"), ERR_INPUT);
	assert_int_equal(imap_add_flag(f->i, 1, "a) b"), ERR_INPUT);
	assert_int_equal(imap_add_flag(f->i, 1, "\\Seen"), ERR_NONE);
}

static void folder__is__found_made_and_filled(void **state)
{
	struct fixture *f = *state;
	char name[100];
	open_folder(f);
	assert_true(imap_special(f->i, "\\Sent", name, sizeof name));
	assert_string_equal(name, "Gesendet ü");
	assert_false(imap_special(f->i, "\\Junk", name, sizeof name));
	answer(f, "CREATE", "%s NO [ALREADYEXISTS] is there\r\n", false);
	assert_int_equal(imap_create(f->i, "x"), ERR_NONE);
	answer(f, "CREATE", "%s NO is there\r\n", false);
	assert_int_equal(imap_create(f->i, "x"), ERR_NONE);
	assert_int_equal(imap_append(f->i, "Sent", "\\Seen", MAIL, strlen(MAIL)), ERR_NONE);
	assert_int_equal(f->p->len, 1);
	assert_memory_equal(f->p->mails[0].raw, MAIL, strlen(MAIL));
	answer(f, "APPEND", "%s NO [OVERQUOTA] full\r\n", false);
	assert_int_equal(imap_append(f->i, "Sent", NULL, MAIL, strlen(MAIL)), ERR_INPUT);
	assert_int_equal(imap_append(f->i, "Sent", "x) {3}", MAIL, strlen(MAIL)), ERR_INPUT);
	answer(f, "APPEND", "+ go\r\n", true);
	assert_int_equal(imap_append(f->i, "Sent", NULL, MAIL, strlen(MAIL)), ERR_RETRY);
}

static void *wake_soon(void *arg)
{
	struct fixture *f = arg;
	usleep(100000);
	imap_wake(f->i);
	return NULL;
}

static void *add_soon(void *arg)
{
	struct fixture *f = arg;
	usleep(100000);
	mails(f, 1);
	return NULL;
}

static void *no_more(void *arg)
{
	(void)arg;
	return NULL;
}

static void wait_with(struct fixture *f, void *(*thread)(void *), bool expected)
{
	pthread_t t;
	bool changed = !expected;
	uint32_t *uids;
	size_t n;
	assert_int_equal(imap_uids_after(f->i, 0, 1, &uids, &n), ERR_NONE);
	free(uids);
	uint64_t begun = clock_ms();
	pthread_create(&t, NULL, thread, f);
	assert_int_equal(imap_wait(f->i, 120000, 50, &changed), ERR_NONE);
	pthread_join(t, NULL);
	assert_int_equal(changed, expected);
	assert_true(clock_ms() - begun < 60000);
}

static void wait__ends__with_mail_a_wake_up_or_time(void **state)
{
	struct fixture *f = *state;
	bool changed;
	open_folder(f);
	wait_with(f, wake_soon, false);
	wait_with(f, add_soon, true);
	assert_true(f->p->idles >= 2);
	assert_int_equal(imap_wait(f->i, 20000, 0, &changed), ERR_NONE); /* not looked at yet: at once */
	assert_true(changed);
	uint32_t *uids;
	size_t n;
	assert_int_equal(imap_uids_after(f->i, 0, 1, &uids, &n), ERR_NONE);
	free(uids);
	assert_int_equal(imap_wait(f->i, 100, 0, &changed), ERR_NONE);
	assert_false(changed);
	IMAP_PEER_SET(f->p, f->p->slow = true);
	wait_with(f, add_soon, true);
}

static bool polled(struct imap_peer_conn *c, const char *command, void *arg)
{
	struct fixture *f = arg;
	if (strncmp(command, "NOOP", 4) != 0)
		return false;
	/* The same number again is no news. */
	imap_peer_say(c, "* %zu EXISTS", f->p->len + (c->p->noops++ >= 3));
	imap_peer_say(c, "%s OK x", c->tag);
	return true;
}

static void wait__polls__where_there_is_no_idle(void **state)
{
	struct fixture *f = *state;
	IMAP_PEER_SET(f->p, snprintf(f->p->caps, sizeof f->p->caps, "IMAP4rev1"));
	IMAP_PEER_SET(f->p, f->p->hook = polled);
	IMAP_PEER_SET(f->p, f->p->arg = f);
	open_folder(f);
	wait_with(f, no_more, true);
	assert_int_equal(f->p->noops, 4);
	assert_int_equal(f->p->idles, 0);
	/* Offered but refused, or ended at once. */
	static const char *const refusals[] = { "%s BAD no\r\n", "+ idling\r\n%s OK over\r\n" };
	for (size_t k = 0; k < 2; k++) {
		bool changed;
		uint32_t *uids;
		size_t n;
		IMAP_PEER_SET(f->p, snprintf(f->p->caps, sizeof f->p->caps, "IMAP4rev1 IDLE"));
		IMAP_PEER_SET(f->p, f->p->hook = NULL);
		open_folder(f);
		answer(f, "IDLE", refusals[k], false);
		IMAP_PEER_SET(f->p, f->times = 1000);
		assert_int_equal(imap_uids_after(f->i, 0, 1, &uids, &n), ERR_NONE);
		free(uids);
		assert_int_equal(imap_wait(f->i, 300, 50, &changed), ERR_NONE);
		assert_int_equal(f->times, 999);
	}
}

static void wait__ends__in_retry_when_the_server_is_gone(void **state)
{
	struct fixture *f = *state;
	static const char *const ends[] = { "+ idling\r\n* BYE idle for too long\r\n", "+ idling\r\n", "" };
	for (size_t k = 0; k < 3; k++) {
		bool changed;
		uint32_t *uids;
		size_t n;
		open_folder(f);
		assert_int_equal(imap_uids_after(f->i, 0, 1, &uids, &n), ERR_NONE);
		free(uids);
		answer(f, "IDLE", ends[k], true);
		assert_int_equal(imap_wait(f->i, 20000, 0, &changed), ERR_RETRY);
	}
	/* No answer to DONE. */
	bool changed;
	uint32_t *uids;
	size_t n;
	patience = SHORT;
	open_folder(f);
	patience = TIMEOUT;
	assert_int_equal(imap_uids_after(f->i, 0, 1, &uids, &n), ERR_NONE);
	free(uids);
	answer(f, "DONE", "", false);
	assert_int_equal(imap_wait(f->i, 50, 0, &changed), ERR_RETRY);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, end)
	const struct CMUnitTest tests[] = {
		T(open__logs__in_and_knows_the_server),
		T(open__tells__refusals_apart),
		T(open__of_a_server_that_repeats_the_secret__does_not_say_it),
		T(open__never__speaks_in_clear),
		T(open__refuses__settings_that_would_be_commands),
		T(open__uses__tls_and_checks_it),
		T(open__uses__tokens),
		T(open__ends__when_nobody_answers_or_wants_it),
		T(fetch__gives__the_mail_whole_or_cut),
		T(fetch__keeps__a_mail_out_of_the_dialogue),
		T(fetch__merges__what_comes_in_pieces_and_skips_the_unasked),
		T(fetch__drains__more_than_asked_for),
		T(fetch__ends__in_retry_when_the_line_breaks),
		T(fetch__survives__literals_that_lie),
		T(fetch__tells__a_refusal),
		T(select__tells__what_is_wrong_with_a_folder),
		T(uids__are__ascending_and_bounded),
		T(uids__are__read_from_ranges),
		T(mail__is__found_by_its_message_id),
		T(mail__is__moved_with_and_without_move),
		T(flag__is__refused_where_keywords_are),
		T(folder__is__found_made_and_filled),
		T(wait__ends__with_mail_a_wake_up_or_time),
		T(wait__polls__where_there_is_no_idle),
		T(wait__ends__in_retry_when_the_server_is_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
