/*
 * Two processes at one database: what one is told about a thread that the other works on; and what a process does that never hears whether
 * its COMMIT was carried out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../../core/base/clock.h"
#include "../../../core/base/log.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

static void do_message(struct fixture *f, enum intent_kind kind, const char *source, const char *key, const char *text)
{
	struct intent in = fixture_intent(kind, source, key, text);
	struct accepted a;
	assert_true(fixture_do(f, &in, &a));
	assert_int_equal(a.result, ERR_NONE);
}

/* ---- a thread of the other process ---- */

struct two {
	struct fixture *a, *b;
};

/* ${a} waits for its model in thread t1. */
static struct two two(void)
{
	struct fixture_options o = { .scan_ms = 100, .heartbeat_ms = 300 };
	struct two t = { .a = fixture_new(&o) };
	fixture_script(t.a, SCRIPT_HANG);
	do_message(t.a, INTENT_MESSAGE_POSTED, "s1", "1.1", "the first words");
	assert_true(fixture_wait_calls(t.a, 1, 5000));
	o.url = fixture_url(t.a);
	t.b = fixture_new(&o);
	return t;
}

static void two_done(struct two t)
{
	assert_true(db_settles(10000)); /* it did not take the end of a lease */
	fixture_free(t.b);
	fixture_free(t.a);
}

static void stop__said_to_the_other_process__ends_the_run(void **state)
{
	(void)state;
	struct two t = two();
	do_message(t.b, INTENT_MESSAGE_POSTED, "s2", "1.2", "stop");
	assert_true(db_comes_true("SELECT (state = 6)::int FROM eddy.runs WHERE message_seq = 1", 10000));
	assert_true(db_comes_true("SELECT (state = 3)::int FROM eddy.runs WHERE message_seq = 2", 10000));
	two_done(t);
}

static void stop__pressed_at_the_other_process__ends_the_run(void **state)
{
	(void)state;
	struct two t = two();
	do_message(t.b, INTENT_RUN_STOPPED, "s2", NULL, NULL);
	assert_true(db_comes_true("SELECT (state = 6)::int FROM eddy.runs", 10000));
	two_done(t);
}

static void edit__told_to_the_other_process__is_what_gets_answered(void **state)
{
	(void)state;
	struct two t = two();
	do_message(t.b, INTENT_MESSAGE_EDITED, "s2", "1.1", "the second words");
	assert_int_equal(fixture_wait_replies(t.a, 1, 10000), 1);
	assert_string_equal(fixture_reply(t.a, 0)->text, "re: the second words");
	assert_int_equal(fixture_count(t.b, REPLY_WHOLE), 0);
	two_done(t);
}

static void delete__told_to_the_other_process__says_nothing(void **state)
{
	(void)state;
	struct two t = two();
	do_message(t.b, INTENT_MESSAGE_DELETED, "s2", "1.1", NULL);
	assert_true(db_comes_true("SELECT (state = 6)::int FROM eddy.runs", 10000));
	assert_true(db_settles(10000));
	assert_int_equal(fixture_count(t.a, REPLY_WHOLE) + fixture_count(t.b, REPLY_WHOLE), 0);
	two_done(t);
}

static void delete__while_nobody_works__says_nothing(void **state)
{
	(void)state;
	struct fixture_options o = { .scan_ms = 100 };
	struct fixture *a = fixture_new(&o);
	fixture_script(a, SCRIPT_HANG);
	do_message(a, INTENT_MESSAGE_POSTED, "s1", "1.1", "the first words");
	assert_true(fixture_wait_calls(a, 1, 5000));
	engine_drain(fixture_engine(a), 0);
	assert_true(test_db_exec("UPDATE eddy.messages SET state = 2, body = '', rev = rev + 1"));
	o.url = fixture_url(a);
	struct fixture *b = fixture_new(&o);
	assert_true(db_comes_true("SELECT (state = 6)::int FROM eddy.runs", 10000));
	assert_true(db_settles(10000));
	assert_int_equal(fixture_count(b, REPLY_WHOLE), 0);
	fixture_free(b);
	fixture_free(a);
}

/* ---- a COMMIT whose answer never comes ---- */

/*
 * Stands between the engine and the database.  When armed it lets the next COMMIT through that follows ${word} and cuts the line instead of
 * handing back the answer.
 */
struct line {
	int listener;
	char dir[64], server[108];
	_Atomic(const char *) word;
	atomic_int cuts;
	atomic_bool stop;
	pthread_t thread;
};
struct pair {
	int client, server;
	bool seen;
};

static bool holds(const char *p, size_t n, const char *word)
{
	return memmem(p, n, word, strlen(word)) != NULL;
}

static bool pass(int from, int to, char *p, size_t cap, size_t *n)
{
	ssize_t got = read(from, p, cap);
	if (got <= 0)
		return false;
	*n = (size_t)got;
	for (size_t at = 0; to >= 0 && at < *n;) {
		ssize_t put = write(to, p + at, *n - at);
		if (put <= 0)
			return false;
		at += (size_t)put;
	}
	return true;
}

static void hang_up(struct pair *p)
{
	close(p->client);
	close(p->server);
	*p = (struct pair){ -1, -1, false };
}

static int dial(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void *line_main(void *arg)
{
	struct line *l = arg;
	struct pair pairs[32];
	size_t n = 0;
	char data[65536];
	while (!atomic_load(&l->stop)) {
		struct pollfd p[65] = { { .fd = l->listener, .events = POLLIN } };
		for (size_t i = 0; i < n; i++) {
			p[1 + 2 * i] = (struct pollfd){ .fd = pairs[i].client, .events = POLLIN };
			p[2 + 2 * i] = (struct pollfd){ .fd = pairs[i].server, .events = POLLIN };
		}
		poll(p, 1 + 2 * n, 20);
		for (size_t i = 0; i < n; i++) {
			struct pair *c = &pairs[i];
			size_t len = 0;
			const char *word = atomic_load(&l->word);
			if (p[1 + 2 * i].revents != 0) {
				if (!pass(c->client, c->server, data, sizeof(data), &len)) {
					hang_up(c);
					continue;
				}
				c->seen |= word != NULL && holds(data, len, word);
			}
			if (p[2 + 2 * i].revents != 0) {
				/* Its answers while it works are of no use to a client that will lose the last one. */
				if (!pass(c->server, c->seen ? -1 : c->client, data, sizeof(data), &len)) {
					hang_up(c);
				} else if (c->seen) {
					bool committed = holds(data, len, "COMMIT");
					for (size_t at = 0; !committed && at < len;) {
						ssize_t put = write(c->client, data + at, len - at);
						if (put <= 0)
							break;
						at += (size_t)put;
					}
					if (committed) {
						atomic_store(&l->word, NULL);
						atomic_fetch_add(&l->cuts, 1);
						hang_up(c);
					}
				}
			}
		}
		if (p[0].revents != 0 && n < 32) {
			int fd = accept(l->listener, NULL, NULL);
			pairs[n++] = (struct pair){ fd, dial(l->server), false };
		}
	}
	for (size_t i = 0; i < n; i++)
		if (pairs[i].client >= 0)
			hang_up(&pairs[i]);
	return NULL;
}

/* The address of the database, by way of the line. */
static char *line_open(struct line *l, const char *url)
{
	*l = (struct line){ .listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	snprintf(l->dir, sizeof(l->dir), "%s", test_dir());
	char *host = NULL, *port = NULL, *out = NULL, *user = NULL, *password = NULL, *name = NULL;
	PQconninfoOption *o = PQconninfoParse(url, NULL);
	for (PQconninfoOption *k = o; k->keyword != NULL; k++) {
		host = strcmp(k->keyword, "host") == 0 ? k->val : host;
		port = strcmp(k->keyword, "port") == 0 && k->val ? k->val : port;
		user = strcmp(k->keyword, "user") == 0 ? k->val : user;
		password = strcmp(k->keyword, "password") == 0 ? k->val : password;
		name = strcmp(k->keyword, "dbname") == 0 ? k->val : name;
	}
	assert_non_null(host);
	snprintf(l->server, sizeof(l->server), "%s/.s.PGSQL.%s", host, port ? port : "5432");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/.s.PGSQL.%s", l->dir, port ? port : "5432");
	assert_int_equal(bind(l->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(l->listener, 16), 0);
	assert_true(asprintf(&out, "host=%s port=%s user=%s password=%s dbname=%s", l->dir, port ? port : "5432", user,
	                password ? password : "", name) > 0);
	PQconninfoFree(o);
	assert_int_equal(pthread_create(&l->thread, NULL, line_main, l), 0);
	return out;
}

static void line_close(struct line *l)
{
	atomic_store(&l->stop, true);
	pthread_join(l->thread, NULL);
	close(l->listener);
}

static void lost(const char *word)
{
	struct line l;
	char *url = line_open(&l, test_db_fresh());
	test_db_workspace("Lost");
	struct fixture *f = fixture_new(&(struct fixture_options){ .url = url, .scan_ms = 200, .heartbeat_ms = 500 });
	do_message(f, INTENT_MESSAGE_POSTED, "s1", "1.1", "before");
	assert_int_equal(fixture_wait_replies(f, 1, 5000), 1);
	assert_true(db_settles(10000));
	atomic_store(&l.word, word);
	struct intent in = fixture_intent(INTENT_MESSAGE_POSTED, "s2", "1.2", "into the dark");
	struct accepted a;
	assert_true(fixture_do(f, &in, &a));
	assert_int_equal(a.result, ERR_NONE);
	assert_false(a.duplicate);
	assert_int_equal(a.seq, 3);
	assert_true(fixture_wait_replies(f, 2, 10000) >= 2);
	assert_true(db_settles(10000));
	assert_int_equal(atomic_load(&l.cuts), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.messages"), 4);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs WHERE state = 3"), 2);
	/* Said again only as something to be looked up first. */
	for (size_t i = 2; i < fixture_count(f, REPLY_WHOLE); i++)
		assert_true(fixture_reply(f, i)->maybe_sent);
	assert_string_equal(fixture_reply(f, 1)->text, "re: into the dark");
	fixture_free(f);
	line_close(&l);
	free(url);
}

static void lost_answer__to_the_commit_of_a_message__is_found_and_answered_at_once(void **state)
{
	(void)state;
	lost("accept_inbox");
}

static void lost_answer__to_the_commit_of_an_answer__is_delivered_at_once(void **state)
{
	(void)state;
	lost("finish_runs");
}

static void lost_answer__to_the_commit_of_a_delivery__is_not_delivered_twice(void **state)
{
	(void)state;
	lost("sent_rows");
}

int main(void)
{
	log_set_level(LOG_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stop__said_to_the_other_process__ends_the_run),
		cmocka_unit_test(stop__pressed_at_the_other_process__ends_the_run),
		cmocka_unit_test(edit__told_to_the_other_process__is_what_gets_answered),
		cmocka_unit_test(delete__told_to_the_other_process__says_nothing),
		cmocka_unit_test(delete__while_nobody_works__says_nothing),
		cmocka_unit_test(lost_answer__to_the_commit_of_a_message__is_found_and_answered_at_once),
		cmocka_unit_test(lost_answer__to_the_commit_of_an_answer__is_delivered_at_once),
		cmocka_unit_test(lost_answer__to_the_commit_of_a_delivery__is_not_delivered_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
