#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "../../../adapters/email/imap.h"
#include "../../../adapters/email/mailbox.h"
#include "../../../core/base/clock.h"
#include "../../../core/base/log.h"
#include "../../support/mail_rig.h"

/* The IMAP side with a real server. */
#define PASSWORD "se cret\"\\1"
#define CAUGHT_UP_KB 65536

struct fixture {
	struct mail_rig rig;
	bool runs;
	char why[300];
	struct imap *i;
	/* what was taken */
	pthread_mutex_t mtx;
	uint32_t uid_validity, uid;
	size_t taken, out_of_order;
	struct mailbox *b;
};
static struct fixture fixture = { .mtx = PTHREAD_MUTEX_INITIALIZER };

static int begin(void **state)
{
	struct fixture *f = &fixture;
	*state = f;
	log_set_level(LOG_ERROR);
	f->runs = mail_rig_start(&f->rig, f->why, sizeof f->why);
	if (!f->runs)
		fprintf(stderr, "skipped: %s\n", f->why);
	/* All at once: Dovecot looks for new ones once a second at most. */
	static const char *const users[] = { "tls", "login", "mark", "outage", "many" };
	for (size_t k = 0; f->runs && k < sizeof users / sizeof *users; k++) {
		char addr[60];
		snprintf(addr, sizeof addr, "%s@test.example", users[k]);
		mail_rig_add_user(&f->rig, addr, PASSWORD);
	}
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;
	if (f->runs)
		mail_rig_stop(&f->rig);
	return 0;
}

static int each_begin(void **state)
{
	struct fixture *f = *state;
	f->uid_validity = f->uid = 0;
	f->taken = f->out_of_order = 0;
	return 0;
}

static int each_end(void **state)
{
	struct fixture *f = *state;
	imap_close(f->i);
	f->i = NULL;
	mailbox_free(f->b);
	f->b = NULL;
	return 0;
}

/* A mailbox of its own for each test. */
static struct mail_login login_of(struct fixture *f, const char *addr)
{
	if (!f->runs)
		skip();
	return (struct mail_login){ .host = "127.0.0.1",
		.port = f->rig.imaps_port,
		.tls = MAIL_TLS_IMPLICIT,
		.user = addr,
		.password = PASSWORD,
		.ca_file = f->rig.ca };
}

static void open_folder(struct fixture *f, const struct mail_login *l, struct imap_folder *folder)
{
	enum err e = imap_open(&f->i, l, 10000, f->why, sizeof f->why);
	if (e != ERR_NONE)
		fprintf(stderr, "%s\n", f->why);
	assert_int_equal(e, ERR_NONE);
	assert_int_equal(imap_select(f->i, "INBOX", false, folder), ERR_NONE);
}

static void drop(struct fixture *f, const char *addr, int n)
{
	for (int k = 0; k < n; k++) {
		char s[200];
		int len =
		    snprintf(s, sizeof s, "From: a@b.example\nSubject: %d\nMessage-ID: <%d@b.example>\n\nA01 OK hello\n", k, k);
		mail_rig_drop(&f->rig, addr, s, (size_t)len);
	}
}

static void connection__works__over_tls_and_starttls(void **state)
{
	struct fixture *f = *state;
	struct imap_folder folder;
	struct imap_mail m;
	uint32_t *uids;
	size_t n;
	char name[100];
	bool changed;
	struct mail_login l = login_of(f, "tls@test.example");
	drop(f, "tls@test.example", 3);
	for (int k = 0; k < 2; k++) {
		l.tls = k == 0 ? MAIL_TLS_IMPLICIT : MAIL_TLS_START;
		l.port = k == 0 ? f->rig.imaps_port : f->rig.imap_port;
		open_folder(f, &l, &folder);
		assert_int_equal(folder.exists, 3);
		assert_true(folder.keywords);
		assert_true(imap_caps(f->i) & IMAP_IDLE && imap_caps(f->i) & IMAP_MOVE && imap_caps(f->i) & IMAP_ESEARCH);
		assert_int_equal(imap_uids_after(f->i, 0, 10, &uids, &n), ERR_NONE);
		assert_int_equal(n, 3);
		free(uids);
		assert_int_equal(imap_uids_after(f->i, 3, 10, &uids, &n), ERR_NONE);
		assert_int_equal(n, 0);
		free(uids);
		assert_int_equal(imap_fetch(f->i, 2, "$Eddy", 10000, &m), ERR_NONE);
		assert_non_null(strstr(m.raw.p, "A01 OK hello\r\n"));
		assert_true(m.internal_date > 1700000000 && m.size == m.raw.len && !m.seen && !m.cut);
		buf_done(&m.raw);
		imap_close(f->i);
		f->i = NULL;
	}
	open_folder(f, &l, &folder);
	assert_int_equal(imap_fetch(f->i, 2, "$Eddy", 20, &m), ERR_NONE);
	assert_true(m.cut && m.raw.len == 20);
	buf_done(&m.raw);
	assert_int_equal(imap_add_flag(f->i, 2, "$Eddy"), ERR_NONE);
	assert_int_equal(imap_fetch(f->i, 2, "$Eddy", 10000, &m), ERR_NONE);
	assert_true(m.marked && !m.seen);
	buf_done(&m.raw);
	assert_int_equal(imap_fetch(f->i, 999, NULL, 100, &m), ERR_INPUT);
	assert_int_equal(imap_find_message_id(f->i, "<1@b.example>", &uids, &n), ERR_NONE);
	assert_int_equal(n, 1);
	free(uids);
	assert_int_equal(imap_create(f->i, "Erledigt & \"täglich\" 😀"), ERR_NONE);
	assert_int_equal(imap_create(f->i, "Erledigt & \"täglich\" 😀"), ERR_NONE);
	assert_int_equal(imap_move(f->i, 1, "Erledigt & \"täglich\" 😀"), ERR_NONE);
	assert_int_equal(imap_fetch(f->i, 1, NULL, 100, &m), ERR_INPUT);
	assert_int_equal(imap_move(f->i, 3, "Neu"), ERR_NONE); /* made on the way */
	assert_true(imap_special(f->i, "\\Sent", name, sizeof name));
	assert_string_equal(name, "Sent");
	static const char raw[] = "From: me@x.example\r\nMessage-ID: <sent@x.example>\r\n\r\nhello\r\n";
	assert_int_equal(imap_append(f->i, name, "\\Seen", raw, sizeof raw - 1), ERR_NONE);
	assert_int_equal(imap_append(f->i, "Nowhere", NULL, raw, sizeof raw - 1), ERR_INPUT);
	assert_int_equal(imap_select(f->i, name, true, &folder), ERR_NONE);
	assert_int_equal(imap_find_message_id(f->i, "<sent@x.example>", &uids, &n), ERR_NONE);
	assert_int_equal(n, 1);
	free(uids);
	assert_int_equal(imap_select(f->i, "Nowhere", true, &folder), ERR_INPUT);
	assert_int_equal(imap_select(f->i, "Erledigt & \"täglich\" 😀", true, &folder), ERR_NONE);
	assert_int_equal(folder.exists, 1);
	assert_int_equal(imap_select(f->i, "INBOX", false, &folder), ERR_NONE);
	assert_int_equal(imap_uids_after(f->i, 3, 10, &uids, &n), ERR_NONE);
	free(uids);
	assert_int_equal(imap_wait(f->i, 200, 0, &changed), ERR_NONE);
	assert_false(changed);
	drop(f, "tls@test.example", 1);
	assert_int_equal(imap_wait(f->i, 20000, 0, &changed), ERR_NONE);
	assert_true(changed);
	mail_rig_kick(&f->rig, "tls@test.example");
	enum err e = ERR_NONE; /* the server takes its time to let go */
	for (int k = 0; k < 200 && e == ERR_NONE; k++) {
		usleep(50000);
		if ((e = imap_uids_after(f->i, 0, 10, &uids, &n)) == ERR_NONE)
			free(uids);
	}
	assert_int_equal(e, ERR_RETRY);
}

static void login__is__refused_or_taken(void **state)
{
	struct fixture *f = *state;
	struct mail_login l = login_of(f, "login@test.example");
	static const char *const mechanisms[] = { NULL, "XOAUTH2", "OAUTHBEARER" };
	l.password = "wrong";
	assert_int_equal(imap_open(&f->i, &l, 10000, f->why, sizeof f->why), ERR_DENIED);
	l.password = PASSWORD;
	l.ca_file = NULL;
	assert_int_equal(imap_open(&f->i, &l, 10000, f->why, sizeof f->why), ERR_INPUT);
	l.ca_file = f->rig.ca;
	l.port = f->rig.imap_port;
	l.tls = MAIL_TLS_START;
	l.password = NULL;
	for (size_t k = 0; k < 3; k++) {
		l.mechanism = mechanisms[k];
		l.token = mail_rig_token(&f->rig, "login@test.example", 600);
		assert_int_equal(imap_open(&f->i, &l, 10000, f->why, sizeof f->why), ERR_NONE);
		imap_close(f->i);
		f->i = NULL;
		l.token = mail_rig_token(&f->rig, "login@test.example", -600);
		assert_int_equal(imap_open(&f->i, &l, 10000, f->why, sizeof f->why), ERR_DENIED);
		assert_null(strstr(f->why, l.token));
	}
}

/* ---- the watch ---- */

static bool hold(void *arg, uint32_t lease_ms)
{
	(void)arg;
	(void)lease_ms;
	return true;
}

static void leave(void *arg)
{
	(void)arg;
}

static enum err cursor(void *arg, uint32_t *uid_validity, uint32_t *uid)
{
	struct fixture *f = arg;
	pthread_mutex_lock(&f->mtx);
	*uid_validity = f->uid_validity;
	*uid = f->uid;
	pthread_mutex_unlock(&f->mtx);
	return ERR_NONE;
}

static enum err set_cursor(void *arg, uint32_t uid_validity, uint32_t uid)
{
	struct fixture *f = arg;
	pthread_mutex_lock(&f->mtx);
	f->uid_validity = uid_validity;
	f->uid = uid;
	pthread_mutex_unlock(&f->mtx);
	return ERR_NONE;
}

static void take(void *arg, uint32_t uid_validity, const struct imap_mail *m, void (*done)(void *, enum err), void *done_arg)
{
	struct fixture *f = arg;
	pthread_mutex_lock(&f->mtx);
	f->out_of_order += m->uid <= f->uid || m->raw.len == 0 || m->cut;
	f->uid_validity = uid_validity;
	f->uid = m->uid;
	f->taken++;
	pthread_mutex_unlock(&f->mtx);
	done(done_arg, ERR_NONE);
}

static size_t taken(struct fixture *f)
{
	pthread_mutex_lock(&f->mtx);
	size_t n = f->taken;
	pthread_mutex_unlock(&f->mtx);
	return n;
}

static void watch(struct fixture *f, const struct mail_login *l, enum mailbox_mark mark)
{
	struct mailbox_options o = { .name = l->user,
		.login = *l,
		.mark = mark,
		.move_to = "Done",
		.from_start = true,
		.max_bytes = 10u << 20,
		.timeout_ms = 20000,
		.retry_min_ms = 50,
		.retry_max_ms = 500,
		.port = { f, hold, leave, cursor, take, set_cursor } };
	mailbox_free(f->b);
	f->b = mailbox_new(&o);
	mailbox_start(f->b);
}

static void until_taken(struct fixture *f, size_t n, int seconds)
{
	char s[300];
	for (uint64_t until = clock_ms() + (uint64_t)seconds * 5000; taken(f) < n && clock_ms() < until;)
		usleep(5000);
	if (taken(f) != n) {
		mailbox_describe(f->b, s, sizeof s);
		fprintf(stderr, "%zu of %zu: %s\n", taken(f), n, s);
	}
	assert_int_equal(taken(f), n);
	assert_int_equal(f->out_of_order, 0);
}

static void until_watching(struct fixture *f)
{
	char s[300] = "";
	for (uint64_t until = clock_ms() + 90000; !strstr(s, "watching") && clock_ms() < until; usleep(5000))
		mailbox_describe(f->b, s, sizeof s);
	assert_non_null(strstr(s, "watching"));
}

static void watch__marks__with_a_real_server(void **state)
{
	struct fixture *f = *state;
	struct mail_login l = login_of(f, "mark@test.example");
	struct imap_folder folder;
	struct imap_mail m;
	drop(f, "mark@test.example", 2);
	watch(f, &l, MARK_KEYWORD);
	until_taken(f, 2, 20);
	until_watching(f);
	watch(f, &l, MARK_SEEN);
	drop(f, "mark@test.example", 1);
	until_taken(f, 3, 20);
	until_watching(f);
	watch(f, &l, MARK_MOVE);
	drop(f, "mark@test.example", 1);
	until_taken(f, 4, 20);
	until_watching(f);
	open_folder(f, &l, &folder);
	assert_int_equal(folder.exists, 3);
	for (uint32_t uid = 1; uid <= 3; uid++) {
		assert_int_equal(imap_fetch(f->i, uid, "$Eddy", 1000, &m), ERR_NONE);
		assert_int_equal(m.marked, uid <= 2);
		assert_int_equal(m.seen, uid == 3);
		buf_done(&m.raw);
	}
	assert_int_equal(mail_rig_count(&f->rig, "mark@test.example", "Done"), 1);
}

static void watch__reads__all_after_an_outage(void **state)
{
	struct fixture *f = *state;
	struct mail_login l = login_of(f, "outage@test.example");
	watch(f, &l, MARK_KEYWORD);
	drop(f, "outage@test.example", 2);
	until_taken(f, 2, 20);
	mail_rig_kick(&f->rig, "outage@test.example");
	drop(f, "outage@test.example", 2);
	until_taken(f, 4, 20);
	mail_rig_dovecot_stop(&f->rig);
	drop(f, "outage@test.example", 100);
	usleep(300000);
	mail_rig_dovecot_start(&f->rig);
	until_taken(f, 104, 30);
	uint64_t t = clock_ms();
	mailbox_stop(f->b);
	assert_true(clock_ms() - t < 30000);
}

static long status_kb(const char *name)
{
	char line[200];
	long kb = -1;
	FILE *s = fopen("/proc/self/status", "r");
	while (s && fgets(line, sizeof line, s))
		if (strncmp(line, name, strlen(name)) == 0)
			kb = strtol(line + strlen(name) + 1, NULL, 10);
	if (s)
		fclose(s);
	return kb;
}

/* Mails straight into the maildir, some of them large; with EDDY_TEST_LONG the ten thousand that are promised. */
static void watch__catches__up_within_its_memory(void **state)
{
	struct fixture *f = *state;
	size_t n = getenv("EDDY_TEST_LONG") ? 10000 : 1500;
	struct mail_login l = login_of(f, "many@test.example");
	char *large = malloc(4 << 20);
	memset(large, 'x', 4 << 20);
	memcpy(large, "Subject: large\n\n", 16);
	for (size_t k = 60; k < 4 << 20; k += 61)
		large[k] = '\n';
	drop(f, "many@test.example", (int)n - 20);
	for (int k = 0; k < 20; k++)
		mail_rig_drop(&f->rig, "many@test.example", large, 4 << 20);
	free(large);
	FILE *c = fopen("/proc/self/clear_refs", "w");
	if (c) { /* the peak is measured from here on */
		fputs("5", c);
		fclose(c);
	}
	uint64_t t = clock_ms();
	watch(f, &l, MARK_KEYWORD);
	until_taken(f, n, 300);
	until_watching(f);
	t = clock_ms() - t;
	long kb = status_kb("VmHWM");
	fprintf(stderr, "%zu mails in %.1f s, %ld KiB at most\n", n, (double)t / 1000, kb);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if defined(__has_feature)
#if !__has_feature(thread_sanitizer) && !__has_feature(address_sanitizer)
	assert_true(kb < CAUGHT_UP_KB);
#endif
#else
	assert_true(kb < CAUGHT_UP_KB);
#endif
#endif
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, each_begin, each_end)
	const struct CMUnitTest tests[] = {
		T(connection__works__over_tls_and_starttls),
		T(login__is__refused_or_taken),
		T(watch__marks__with_a_real_server),
		T(watch__reads__all_after_an_outage),
		T(watch__catches__up_within_its_memory),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
