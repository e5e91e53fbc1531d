/* Mails through real servers: Dovecot's submission in front of Exim, with TLS both ways, log-ins, refusals and copies in the Sent folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../adapters/email/compose.h"
#include "../../../adapters/email/mail.h"
#include "../../../adapters/email/outgoing.h"
#include "../../support/mail_rig.h"

#define BOT "bot@test.example"
#define ANN "ann@test.example"
#define BOB "bob@test.example"

static struct mail_rig rig;
static bool have_rig;
static char why_not[300];

static void need_rig(void)
{
	if (have_rig)
		return;
	print_message("no mail servers here: %s\n", why_not);
	skip();
}

static int begin(void **state)
{
	(void)state;
	mail_library_init();
	have_rig = mail_rig_start(&rig, why_not, sizeof why_not);
	if (have_rig) {
		mail_rig_add_user(&rig, BOT, "secret");
		mail_rig_add_user(&rig, ANN, "secret");
		mail_rig_add_user(&rig, BOB, "secret");
	}
	return 0;
}

static int end(void **state)
{
	(void)state;
	if (have_rig)
		mail_rig_stop(&rig);
	return 0;
}

static struct smtp_options options(enum mail_tls tls)
{
	return (struct smtp_options){ .login = { .host = "127.0.0.1",
		                          .port = tls == MAIL_TLS_IMPLICIT ? rig.submissions_port : rig.submission_port,
		                          .tls = tls,
		                          .user = BOT,
		                          .password = "secret",
		                          .ca_file = rig.ca },
		.helo = "bot.test.example",
		.timeout_ms = 10000 };
}

static char *mail_of(const char *id, const char *markdown)
{
	struct draft_address to[] = { { "Ann Example", ANN } };
	struct draft d = { .from = { "Eddy", BOT },
		.to = to,
		.to_len = 1,
		.subject = "Re: Gr\xc3\xbc\xc3\x9f"
		           "e",
		.message_id = id,
		.date = 1795263600,
		.automatic = true,
		.loop_mark = "mark",
		.markdown = markdown,
		.markdown_len = strlen(markdown) };
	struct buf b = BUF_INIT;
	char why[100];
	assert_int_equal(compose_mail(&d, &b, why, sizeof why), ERR_NONE);
	return buf_detach(&b, NULL);
}

static enum smtp_fate send_mail(
    const struct smtp_options *o, const char *token, struct smtp_recipient *to, size_t n, const char *raw, struct smtp_result *r)
{
	struct smtp *s = smtp_new(o);
	smtp_send(s, token, BOT, to, n, raw, strlen(raw), r);
	smtp_free(s);
	return r->fate;
}

static void smtp_send__reaches__a_mailbox_through_real_servers(void **state)
{
	(void)state;
	need_rig();
	static const enum mail_tls ways[] = { MAIL_TLS_IMPLICIT, MAIL_TLS_START };
	for (size_t i = 0; i < 2; i++) {
		struct smtp_options o = options(ways[i]);
		struct smtp_recipient to[] = { { .addr = ANN } };
		struct smtp_result r;
		char id[60];
		snprintf(id, sizeof id, "way-%zu@test.example", i);
		char *raw = mail_of(id,
		    "Hello \xc3\xa4,\n\n.\n\n.. two dots and a long line that is wrapped because it has more words than fit into one line.\n");
		size_t before = mail_rig_count(&rig, ANN, NULL);
		enum smtp_fate fate = send_mail(&o, NULL, to, 1, raw, &r);
		if (fate != SMTP_ACCEPTED)
			fail_msg("way %zu: %d %d %s", i, (int)fate, r.code, r.reply);
		char *got = mail_rig_wait(&rig, ANN, NULL, before + 1, 10000);
		assert_non_null(got);
		struct mail *m = NULL, *sent = NULL;
		assert_int_equal(mail_read(got, strlen(got), &(struct mail_context){ 0 }, &m), ERR_NONE);
		assert_int_equal(mail_read(raw, strlen(raw), &(struct mail_context){ 0 }, &sent), ERR_NONE);
		assert_string_equal(m->message_id, id);
		assert_string_equal(m->subject, sent->subject);
		assert_string_equal(m->plain, sent->plain);
		assert_non_null(strstr(m->html, "<p dir=\"auto\" style=\"margin:0 0 1em 0\">Hello \xc3\xa4,</p>\n"));
		mail_free(m);
		mail_free(sent);
		free(got);
		free(raw);
	}
}

static void smtp_send__is__denied_with_a_wrong_password(void **state)
{
	(void)state;
	need_rig();
	struct smtp_options o = options(MAIL_TLS_START);
	struct smtp_recipient to[] = { { .addr = ANN } };
	struct smtp_result r;
	char *raw = mail_of("denied@test.example", "x");
	o.login.password = "wrong";
	assert_int_equal(send_mail(&o, NULL, to, 1, raw, &r), SMTP_DENIED);
	assert_int_equal(r.code / 100, 5);
	o.login.password = NULL;
	assert_int_equal(send_mail(&o, mail_rig_token(&rig, BOT, -100), to, 1, raw, &r), SMTP_DENIED);
	free(raw);
}

static void smtp_send__logs_in__by_token(void **state)
{
	(void)state;
	need_rig();
	static const char *const mechanisms[] = { NULL, "XOAUTH2", "OAUTHBEARER" };
	for (size_t i = 0; i < 3; i++) {
		struct smtp_options o = options(MAIL_TLS_IMPLICIT);
		struct smtp_recipient to[] = { { .addr = ANN } };
		struct smtp_result r;
		char id[60];
		snprintf(id, sizeof id, "token-%zu@test.example", i);
		char *raw = mail_of(id, "x");
		o.login.password = NULL;
		o.login.mechanism = mechanisms[i];
		enum smtp_fate fate = send_mail(&o, mail_rig_token(&rig, BOT, 600), to, 1, raw, &r);
		if (fate != SMTP_ACCEPTED)
			fail_msg("%zu: %d %d %s", i, (int)fate, r.code, r.reply);
		free(raw);
	}
}

static void smtp_send__tells__who_is_unknown_there(void **state)
{
	(void)state;
	need_rig();
	struct smtp_options o = options(MAIL_TLS_START);
	struct smtp_recipient to[] = { { .addr = ANN }, { .addr = "nobody@test.example" }, { .addr = BOB } };
	struct smtp_result r;
	char *raw = mail_of("partial@test.example", "x");
	size_t before = mail_rig_count(&rig, BOB, NULL);
	assert_int_equal(send_mail(&o, NULL, to, 3, raw, &r), SMTP_ACCEPTED);
	assert_int_equal(r.accepted, 2);
	assert_int_equal(to[1].code, 550);
	char *got = mail_rig_wait(&rig, BOB, NULL, before + 1, 10000);
	assert_non_null(got);
	free(got);
	free(raw);
}

/* ---- the queue ---- */

struct outcomes {
	atomic_int len;
	enum err results[20];
	uint32_t retry_ms[20];
	char why[20][80];
};

static void on_sent(void *arg, const struct sent *s)
{
	struct outcomes *o = arg;
	int i = o->len;
	o->results[i] = s->result;
	o->retry_ms[i] = s->retry_after_ms;
	snprintf(o->why[i], sizeof o->why[i], "%s", s->why ? s->why : "");
	o->len = i + 1;
}

static void on_held(void *arg, struct id ws, struct id delivery, uint32_t ms)
{
	(void)arg, (void)ws, (void)delivery, (void)ms;
}

static enum err put(struct outgoing *q, uint8_t n, bool maybe_sent, struct outcomes *o)
{
	static const char *const to[] = { ANN };
	struct id delivery = { .b = { 2, [15] = n } };
	char id[320];
	int before = o->len;
	compose_message_id(delivery, "test.example", id);
	char *raw = mail_of(id, "queued");
	assert_int_equal(outgoing_put(q,
	                     &(struct outgoing_mail){ .delivery = delivery,
	                         .message_id = id,
	                         .envelope_from = BOT,
	                         .recipients = to,
	                         .recipients_len = 1,
	                         .raw = raw,
	                         .raw_len = strlen(raw),
	                         .maybe_sent = maybe_sent }),
	    ERR_NONE);
	free(raw);
	for (int i = 0; i < 18000 && o->len == before; i++)
		usleep(5000);
	assert_int_equal(o->len, before + 1);
	if (o->results[before] != ERR_NONE)
		print_message("# outcome: %s\n", o->why[before]);
	return o->results[before];
}

static void outgoing_put__files__and_finds_its_copies(void **state)
{
	(void)state;
	need_rig();
	struct outcomes o = { 0 };
	struct outgoing_options q = {
		.smtp = options(MAIL_TLS_IMPLICIT),
		.imap = { .host = "127.0.0.1",
		    .port = rig.imaps_port,
		    .tls = MAIL_TLS_IMPLICIT,
		    .user = BOT,
		    .password = "secret",
		    .ca_file = rig.ca },
		.own_address = BOT,
		.copy = COPY_APPEND,
		.look_ms = 1000,
		.retry_min_ms = 100,
		.retry_max_ms = 200,
		.port = { .arg = &o, .sent = on_sent, .held = on_held },
	};
	struct outgoing *out = outgoing_new(&q);
	outgoing_start(out);
	size_t inbox = mail_rig_count(&rig, ANN, NULL), sent = mail_rig_count(&rig, BOT, "Sent");
	assert_int_equal(put(out, 1, false, &o), ERR_NONE);
	assert_int_equal(mail_rig_count(&rig, BOT, "Sent"), sent + 1);
	free(mail_rig_wait(&rig, ANN, NULL, inbox + 1, 10000));
	/* A crash after the copy: another process looks, and sends nothing. */
	outgoing_free(out);
	out = outgoing_new(&q);
	outgoing_start(out);
	assert_int_equal(put(out, 1, true, &o), ERR_NONE);
	assert_int_equal(put(out, 2, true, &o), ERR_NONE); /* never left: is sent */
	char *got = mail_rig_wait(&rig, ANN, NULL, inbox + 2, 10000);
	assert_non_null(got);
	char id[320];
	compose_message_id((struct id){ .b = { 2, [15] = 2 } }, "test.example", id);
	assert_non_null(strstr(got, id));
	free(got);
	assert_int_equal(mail_rig_count(&rig, ANN, NULL), inbox + 2);
	/* The copy that we are a recipient of is found in our mailbox. */
	outgoing_free(out);
	q.copy = COPY_SELF;
	out = outgoing_new(&q);
	outgoing_start(out);
	size_t own = mail_rig_count(&rig, BOT, NULL);
	assert_int_equal(put(out, 3, false, &o), ERR_NONE);
	free(mail_rig_wait(&rig, BOT, NULL, own + 1, 10000));
	outgoing_free(out);
	out = outgoing_new(&q);
	outgoing_start(out);
	assert_int_equal(put(out, 3, true, &o), ERR_NONE);
	usleep(300000);
	assert_int_equal(mail_rig_count(&rig, ANN, NULL), inbox + 3);
	/* What the server puts off or refuses. */
	mail_rig_refuse(&rig, "DATA", "451 4.3.0 later");
	assert_int_equal(put(out, 4, false, &o), ERR_RETRY);
	assert_in_range(o.retry_ms[o.len - 1], 30000, 30000);
	mail_rig_refuse(&rig, NULL, NULL);
	mail_rig_refuse(&rig, "DATA", "554 5.7.1 no");
	assert_int_equal(put(out, 5, false, &o), ERR_INPUT);
	mail_rig_refuse(&rig, NULL, NULL);
	assert_int_equal(put(out, 4, true, &o), ERR_NONE);
	outgoing_free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smtp_send__reaches__a_mailbox_through_real_servers),
		cmocka_unit_test(smtp_send__logs_in__by_token), cmocka_unit_test(smtp_send__tells__who_is_unknown_there),
		cmocka_unit_test(outgoing_put__files__and_finds_its_copies),
		cmocka_unit_test(smtp_send__is__denied_with_a_wrong_password), /* the server answers the next ones slowly */
	};
	return cmocka_run_group_tests_name("submission", tests, begin, end);
}
