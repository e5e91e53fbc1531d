#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../adapters/email/mailbox.h"
#include "../../../adapters/email/oauth.h"
#include "../../../core/base/buf.h"
#include "../../../core/base/clock.h"
#include "../../../core/base/log.h"
#include "../../../core/base/metric.h"
#include "../../support/http_peer.h"
#include "../../support/imap_peer.h"

#define TAKEN_MAX 4096

/* What the database is to real ones: the duty, the cursor and the mails, for several watchers. */
struct base {
	pthread_mutex_t mtx;
	int holder; /* 0: nobody */
	uint64_t until;
	uint32_t lease_ms, uid_validity, uid;
	bool away;
	struct taken {
		uint32_t uid_validity, uid;
		int by;
		char text[24];
		bool cut;
	} taken[TAKEN_MAX];
	size_t len;
	uint32_t largest;       /* mails out at once */
	uint32_t refuse, aside; /* UIDs answered with ERR_RETRY (times) and ERR_INPUT */
	int refuse_times;
	bool later; /* done() is called by the test */
	struct out {
		void (*done)(void *, enum err);
		void *arg;
		uint32_t uid_validity, uid;
	} out[64];
	size_t out_len;
	int holds, leaves;
};
struct watcher {
	struct base *base;
	int me;
	bool frozen; /* as if dead: asks for nothing any more */
	struct mailbox *b;
	struct mailbox_options o;
};
struct fixture {
	struct imap_peer *p;
	struct base base;
	struct watcher w[2];
	struct metrics *metrics;
	/* the hook's */
	const char *verb, *answer;
	atomic_int times;
};

static bool hold(void *arg, uint32_t lease_ms)
{
	struct watcher *w = arg;
	struct base *s = w->base;
	uint64_t now = clock_ms();
	pthread_mutex_lock(&s->mtx);
	bool mine = !w->frozen && !s->away && (s->holder == w->me || s->holder == 0 || now >= s->until);
	if (mine) {
		s->holder = w->me;
		s->until = now + lease_ms;
		s->holds++;
	}
	pthread_mutex_unlock(&s->mtx);
	return mine;
}

static void leave(void *arg)
{
	struct watcher *w = arg;
	struct base *s = w->base;
	pthread_mutex_lock(&s->mtx);
	if (s->holder == w->me && !w->frozen)
		s->holder = 0;
	s->leaves++;
	pthread_mutex_unlock(&s->mtx);
}

static enum err cursor(void *arg, uint32_t *uid_validity, uint32_t *uid)
{
	struct base *s = ((struct watcher *)arg)->base;
	pthread_mutex_lock(&s->mtx);
	*uid_validity = s->uid_validity;
	*uid = s->uid;
	enum err e = s->away ? ERR_RETRY : ERR_NONE;
	pthread_mutex_unlock(&s->mtx);
	return e;
}

static enum err set_cursor(void *arg, uint32_t uid_validity, uint32_t uid)
{
	struct base *s = ((struct watcher *)arg)->base;
	pthread_mutex_lock(&s->mtx);
	s->uid_validity = uid_validity;
	s->uid = uid;
	pthread_mutex_unlock(&s->mtx);
	return ERR_NONE;
}

static void take(void *arg, uint32_t uid_validity, const struct imap_mail *m, void (*done)(void *, enum err), void *done_arg)
{
	struct watcher *w = arg;
	struct base *s = w->base;
	enum err e = ERR_NONE;
	pthread_mutex_lock(&s->mtx);
	if (s->later) {
		assert_true(s->out_len < 64);
		s->out[s->out_len++] = (struct out){ done, done_arg, uid_validity, m->uid };
		s->largest = s->out_len > s->largest ? (uint32_t)s->out_len : s->largest;
		pthread_mutex_unlock(&s->mtx);
		return;
	}
	if (s->away || (m->uid >= s->refuse && s->refuse_times > 0)) {
		s->refuse_times -= m->uid == s->refuse;
		e = ERR_RETRY;
	} else {
		assert_true(s->len < TAKEN_MAX);
		struct taken *t = &s->taken[s->len++];
		*t = (struct taken){ .uid_validity = uid_validity, .uid = m->uid, .by = w->me, .cut = m->cut };
		snprintf(t->text, sizeof t->text, "%.*s", (int)(m->raw.len < 20 ? m->raw.len : 20), m->raw.p);
		s->uid_validity = uid_validity;
		s->uid = m->uid;
		e = m->uid == s->aside ? ERR_INPUT : ERR_NONE;
	}
	pthread_mutex_unlock(&s->mtx);
	done(done_arg, e);
}

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	log_set_level(LOG_ERROR);
	f->p = imap_peer_new();
	f->metrics = metrics_new();
	pthread_mutex_init(&f->base.mtx, NULL);
	for (int k = 0; k < 2; k++) {
		f->w[k].base = &f->base;
		f->w[k].me = k + 1;
		f->w[k].o = (struct mailbox_options){ .name = "help@example.org",
			.login = { .host = "127.0.0.1",
			    .port = f->p->port,
			    .tls = MAIL_TLS_NONE,
			    .user = "eddy",
			    .password = "secret" },
			.from_start = true,
			.max_bytes = 1 << 20,
			.timeout_ms = 2000,
			.lease_ms = 1500,
			.retry_min_ms = 10,
			.retry_max_ms = 100,
			.poll_ms = 50,
			.port = { &f->w[k], hold, leave, cursor, take, set_cursor } };
	}
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;
	for (int k = 0; k < 2; k++)
		mailbox_free(f->w[k].b);
	imap_peer_free(f->p);
	metrics_free(f->metrics);
	pthread_mutex_destroy(&f->base.mtx);
	free(f);
	return 0;
}

static void start(struct fixture *f, int k)
{
	mailbox_free(f->w[k].b);
	f->w[k].b = mailbox_new(&f->w[k].o);
	mailbox_start(f->w[k].b);
}

/* All at once: of one that is seen alone all the rest waits until it is stored. */
static void mails(struct fixture *f, int n)
{
	pthread_mutex_lock(&f->p->mtx);
	for (int k = 0; k < n; k++) {
		char s[60];
		int len = snprintf(s, sizeof s, "Subject: %zu\r\n\r\nx\r\n", f->p->len + 1);
		imap_peer_add(f->p, s, (size_t)len);
	}
	pthread_mutex_unlock(&f->p->mtx);
}

static size_t taken(struct fixture *f)
{
	pthread_mutex_lock(&f->base.mtx);
	size_t n = f->base.len;
	pthread_mutex_unlock(&f->base.mtx);
	return n;
}

#define SET(f, what) \
	do { \
		pthread_mutex_lock(&(f)->base.mtx); \
		what; \
		pthread_mutex_unlock(&(f)->base.mtx); \
	} while (0)

static int holder(struct fixture *f)
{
	int me;
	SET(f, me = f->base.holder);
	return me;
}

static int holds(struct fixture *f)
{
	int n;
	SET(f, n = f->base.holds);
	return n;
}

/* Until ${condition}, for half a minute at most. */
#define eventually(condition) \
	do { \
		for (uint64_t until_ = clock_ms() + 90000; !(condition) && clock_ms() < until_;) \
			usleep(2000); \
		assert_true(condition); \
	} while (0)

static bool says(struct fixture *f, int k, const char *what)
{
	char s[400];
	mailbox_describe(f->w[k].b, s, sizeof s);
	return strstr(s, what) != NULL;
}

static bool flagged(struct fixture *f, uint32_t uid, const char *flags)
{
	char s[100];
	imap_peer_flags(f->p, uid, s);
	return strcmp(s, flags) == 0;
}

static bool hook(struct imap_peer_conn *c, const char *command, void *arg)
{
	struct fixture *f = arg;
	pthread_mutex_lock(&c->p->mtx);
	bool mine = f->verb && strncmp(command, f->verb, strlen(f->verb)) == 0 && f->times > 0;
	f->times -= mine;
	const char *with = f->answer;
	pthread_mutex_unlock(&c->p->mtx);
	if (!mine)
		return false;
	const char *tag = strstr(with, "%s");
	if (tag)
		imap_peer_say(c, "%.*s%s%s", (int)(tag - with), with, c->tag, tag + 2);
	else
		imap_peer_cut(c->p);
	return true;
}

static void answer(struct fixture *f, const char *verb, const char *with, int times)
{
	pthread_mutex_lock(&f->p->mtx);
	f->verb = verb;
	f->answer = with;
	f->times = times;
	f->p->arg = f;
	f->p->hook = hook;
	pthread_mutex_unlock(&f->p->mtx);
}

static void in_order(struct fixture *f, size_t n)
{
	assert_int_equal(taken(f), n);
	for (size_t k = 0; k < n; k++)
		assert_int_equal(f->base.taken[k].uid, k + 1);
}

static void watch__reads__what_is_there_and_what_comes(void **state)
{
	struct fixture *f = *state;
	f->w[0].o.metrics = f->metrics;
	mails(f, 3);
	start(f, 0);
	eventually(says(f, 0, "watching INBOX by IDLE, 3 mails read"));
	mails(f, 1);
	eventually(taken(f) == 4 && flagged(f, 4, "$Eddy"));
	in_order(f, 4);
	assert_true(flagged(f, 1, "$Eddy"));
	assert_int_equal(f->base.uid, 4);
	assert_int_equal(f->p->connections, 1);
	struct buf b = BUF_INIT;
	eventually(says(f, 0, "4 mails read"));
	metrics_render(f->metrics, &b);
	assert_non_null(strstr(b.p, "eddy_email_received_total{mailbox=\"help@example.org\"} 4"));
	assert_non_null(strstr(b.p, "eddy_email_connected{mailbox=\"help@example.org\"} 1"));
	assert_non_null(strstr(b.p, "eddy_email_lag_seconds{mailbox=\"help@example.org\"} 0"));
	buf_done(&b);
	uint64_t t = clock_ms();
	mailbox_stop(f->w[0].b);
	assert_true(clock_ms() - t < 30000);
	assert_true(says(f, 0, "stopped"));
	assert_int_equal(f->base.holder, 0);
}

static void watch__begins__with_what_comes_from_now_on(void **state)
{
	struct fixture *f = *state;
	f->w[0].o.from_start = false;
	mails(f, 5);
	start(f, 0);
	eventually(says(f, 0, "watching"));
	assert_int_equal(f->base.uid, 5);
	mails(f, 1);
	eventually(taken(f) == 1);
	assert_int_equal(f->base.taken[0].uid, 6);
}

static void watch__goes__on_from_the_stored_cursor(void **state)
{
	struct fixture *f = *state;
	f->base.uid_validity = 7;
	f->base.uid = 3;
	mails(f, 5);
	start(f, 0);
	eventually(taken(f) == 2);
	assert_int_equal(f->base.taken[0].uid, 4);
}

static void watch__polls__without_idle(void **state)
{
	struct fixture *f = *state;
	IMAP_PEER_SET(f->p, snprintf(f->p->caps, sizeof f->p->caps, "IMAP4rev1"));
	start(f, 0);
	eventually(says(f, 0, "asking now and then"));
	mails(f, 2);
	eventually(taken(f) == 2);
	assert_int_equal(f->p->idles, 0);
}

static void watch__marks__as_it_is_told(void **state)
{
	struct fixture *f = *state;
	mails(f, 2);
	f->w[0].o.mark = MARK_SEEN;
	start(f, 0);
	eventually(flagged(f, 2, "\\Seen"));
	f->w[0].o.mark = MARK_NONE;
	start(f, 0);
	mails(f, 1);
	eventually(taken(f) == 3);
	assert_true(flagged(f, 3, ""));
	f->w[0].o.mark = MARK_MOVE;
	f->w[0].o.move_to = "Erledigt ü";
	start(f, 0);
	mails(f, 1);
	eventually(taken(f) == 4 && !imap_peer_has(f->p, 4));
	assert_string_equal(f->p->moved_to, "Erledigt &APw-");
	/* The folder keeps no keywords: by what it says, or by its refusal. */
	f->w[0].o.mark = MARK_KEYWORD;
	IMAP_PEER_SET(f->p, f->p->keywords = false);
	start(f, 0);
	mails(f, 1);
	eventually(flagged(f, 5, "\\Seen"));
	IMAP_PEER_SET(f->p, f->p->keywords = true);
	start(f, 0);
	answer(f, "UID STORE", "%s NO [CANNOT] no", 1);
	mails(f, 1);
	eventually(flagged(f, 6, "\\Seen"));
	/* Nothing works: it is read all the same. */
	start(f, 0);
	answer(f, "UID STORE", "%s NO [CANNOT] no", 1000);
	mails(f, 2);
	eventually(taken(f) == 8);
	assert_int_equal(998, f->times);
}

static void done_at(struct fixture *f, size_t k, enum err e)
{
	pthread_mutex_lock(&f->base.mtx);
	struct out o = f->base.out[k];
	if (e != ERR_RETRY) {
		f->base.uid_validity = o.uid_validity;
		f->base.uid = o.uid;
	}
	pthread_mutex_unlock(&f->base.mtx);
	o.done(o.arg, e);
}

static size_t out(struct fixture *f)
{
	pthread_mutex_lock(&f->base.mtx);
	size_t n = f->base.out_len;
	pthread_mutex_unlock(&f->base.mtx);
	return n;
}

static void watch__marks__only_what_is_done_and_hands_in_a_window(void **state)
{
	struct fixture *f = *state;
	f->w[0].o.window = 4;
	SET(f, f->base.later = true);
	mails(f, 10);
	start(f, 0);
	eventually(out(f) == 4);
	usleep(100000);
	assert_int_equal(out(f), 4);
	assert_true(flagged(f, 1, ""));
	done_at(f, 2, ERR_NONE); /* not the oldest: room comes in order */
	usleep(50000);
	assert_int_equal(out(f), 4);
	done_at(f, 0, ERR_NONE);
	eventually(out(f) == 5 && flagged(f, 1, "$Eddy"));
	assert_true(flagged(f, 2, ""));
	done_at(f, 1, ERR_INPUT);
	eventually(out(f) == 7 && flagged(f, 2, "$Eddy") && flagged(f, 3, "$Eddy"));
	for (size_t k = 3; k < 10; k++) {
		eventually(out(f) > k);
		done_at(f, k, ERR_NONE);
	}
	eventually(flagged(f, 10, "$Eddy"));
}

static void watch__reads__again_in_order_what_could_not_be_stored(void **state)
{
	struct fixture *f = *state;
	mails(f, 20);
	SET(f, f->base.refuse = 5);
	SET(f, f->base.refuse_times = 3);
	start(f, 0);
	eventually(taken(f) == 20);
	in_order(f, 20);
	eventually(flagged(f, 20, "$Eddy"));
	assert_int_equal(f->p->connections, 1);
	/* Even if the later ones were stored: they do not come twice. */
	SET(f, f->base.later = true);
	SET(f, f->base.out_len = 0);
	mails(f, 3);
	eventually(out(f) == 3);
	done_at(f, 1, ERR_NONE);
	done_at(f, 2, ERR_NONE);
	done_at(f, 0, ERR_RETRY);
	eventually(out(f) == 4);
	assert_int_equal(f->base.out[3].uid, 21);
	done_at(f, 3, ERR_NONE);
	eventually(flagged(f, 21, "$Eddy") && flagged(f, 23, "$Eddy"));
	usleep(50000);
	assert_int_equal(out(f), 4);
}

static void watch__hands__in_nothing_after_a_refusal(void **state)
{
	struct fixture *f = *state;
	f->w[0].o.window = 4;
	SET(f, f->base.later = true);
	mails(f, 10);
	start(f, 0);
	eventually(out(f) == 4);
	done_at(f, 2, ERR_RETRY);
	done_at(f, 0, ERR_NONE); /* makes room, which is not used */
	eventually(flagged(f, 1, "$Eddy"));
	usleep(50000);
	assert_int_equal(out(f), 4);
	done_at(f, 1, ERR_NONE);
	done_at(f, 3, ERR_RETRY);
	eventually(out(f) == 5);
	assert_int_equal(f->base.out[4].uid, 3);
	usleep(50000);
	assert_int_equal(out(f), 5); /* one at a time now */
	SET(f, f->base.later = false);
	done_at(f, 4, ERR_NONE);
	eventually(taken(f) == 7);
	assert_int_equal(f->base.taken[0].uid, 4);
}

static void watch__keeps__aside_what_cannot_be_read(void **state)
{
	struct fixture *f = *state;
	f->w[0].o.metrics = f->metrics;
	SET(f, f->base.aside = 2);
	mails(f, 3);
	start(f, 0);
	eventually(flagged(f, 3, "$Eddy"));
	assert_true(flagged(f, 2, "$Eddy"));
	struct buf b = BUF_INIT;
	metrics_render(f->metrics, &b);
	assert_non_null(strstr(b.p, "eddy_email_quarantined_total{mailbox=\"help@example.org\"} 1"));
	buf_done(&b);
}

static void watch__outlives__a_mail_that_the_server_chokes_on(void **state)
{
	struct fixture *f = *state;
	mails(f, 3);
	answer(f, "UID FETCH 2 ", "", 1000); /* cuts */
	start(f, 0);
	eventually(taken(f) == 3);
	in_order(f, 3);
	assert_string_equal(f->base.taken[1].text, "");
	assert_true(f->base.taken[1].cut);
	assert_int_equal(f->times, 1000 - 6);
	mails(f, 1);
	answer(f, "UID FETCH 4 ", "%s NO [SERVERBUG] broken", 1000);
	eventually(taken(f) == 4);
	/* A server that only says "later" says nothing about the mail. */
	answer(f, "UID FETCH 5 ", "%s NO [UNAVAILABLE] later", 10);
	mails(f, 1);
	eventually(taken(f) == 5);
	assert_string_equal(f->base.taken[4].text, "Subject: 5\r\n\r\nx\r\n");
}

static void watch__comes__back_after_every_kind_of_end(void **state)
{
	struct fixture *f = *state;
	static const char *const ends[][2] = { { "IDLE", "" }, { "UID SEARCH", "" }, { "UID STORE", "" }, { "SELECT", "" },
		{ "IDLE", "* BYE down %s" }, { "UID FETCH", "* BYE down %s" }, { "UID FETCH", "* 1 FETCH (UID %s" },
		{ "UID SEARCH", "%s NO [UNAVAILABLE] later" }, { "UID SEARCH", "%s BAD what" }, { "SELECT", "%s NO [INUSE] later" },
		{ "LOGIN", "%s NO [UNAVAILABLE] later" }, { "LOGIN", "" }, { "CAPABILITY", "" } };
	f->w[0].o.metrics = f->metrics;
	start(f, 0);
	for (size_t k = 0; k < sizeof ends / sizeof *ends; k++) {
		answer(f, ends[k][0], ends[k][1], 2);
		imap_peer_cut(f->p);
		mails(f, 2);
		eventually(taken(f) == 2 * (k + 1));
		IMAP_PEER_SET(f->p, f->times = 0);
	}
	in_order(f, taken(f));
	eventually(flagged(f, 1, "$Eddy"));
	eventually(flagged(f, (uint32_t)f->p->len, "$Eddy"));
}

static void watch__rescans__when_the_uids_are_others(void **state)
{
	struct fixture *f = *state;
	mails(f, 3);
	start(f, 0);
	eventually(taken(f) == 3 && says(f, 0, "watching"));
	imap_peer_validity(f->p, 8);
	eventually(taken(f) == 6);
	assert_int_equal(f->base.uid_validity, 8);
	assert_int_equal(f->base.taken[3].uid, 1);
	assert_int_equal(f->base.taken[3].uid_validity, 8);
}

static void watch__skips__what_vanished(void **state)
{
	struct fixture *f = *state;
	mails(f, 5);
	answer(f, "UID FETCH 3 ", "%s OK nothing", 1);
	start(f, 0);
	eventually(taken(f) == 4);
	assert_int_equal(f->base.taken[2].uid, 4);
	assert_int_equal(f->p->connections, 1);
}

static void watch__leaves__a_refused_login_alone(void **state)
{
	struct fixture *f = *state;
	f->w[0].o.login.password = "wrong";
	f->w[0].o.retry_max_ms = 60000;
	start(f, 0);
	eventually(says(f, 0, "log-in refused"));
	usleep(300000);
	assert_int_equal(f->p->logins, 1);
	assert_int_equal(holder(f), 1);
	mailbox_stop(f->w[0].b);
	assert_int_equal(f->base.holder, 0);
}

static int give_token(const struct http_peer_request *r)
{
	char body[100];
	int nth = (int)atomic_fetch_add((atomic_int *)r->arg, 1);
	snprintf(body, sizeof body, "{\"access_token\":\"token%d\",\"expires_in\":3600}", nth);
	http_peer_answer(r->fd, "200 OK", "", body);
	return 0;
}

static void watch__gets__a_new_token_once_when_refused(void **state)
{
	struct fixture *f = *state;
	atomic_int n = 0;
	char url[80];
	struct http_peer *h = http_peer_new(give_token, &n);
	snprintf(url, sizeof url, "http://127.0.0.1:%d/token", http_peer_port(h));
	struct oauth *a = oauth_new(&(struct oauth_options){ .token_url = url, .client_id = "id", .refresh_token = "r" });
	IMAP_PEER_SET(f->p, snprintf(f->p->caps, sizeof f->p->caps, "IMAP4rev1 IDLE SASL-IR AUTH=XOAUTH2"));
	IMAP_PEER_SET(f->p, snprintf(f->p->token, sizeof f->p->token, "token1"));
	f->w[0].o.oauth = a;
	f->w[0].o.login.password = NULL;
	f->w[0].o.retry_max_ms = 60000;
	mails(f, 1);
	start(f, 0);
	eventually(taken(f) == 1);
	assert_int_equal(f->p->logins, 2);
	assert_int_equal(n, 2);
	IMAP_PEER_SET(f->p, snprintf(f->p->token, sizeof f->p->token, "another"));
	imap_peer_cut(f->p);
	eventually(says(f, 0, "log-in refused"));
	usleep(200000);
	assert_int_equal(f->p->logins, 4);
	mailbox_free(f->w[0].b);
	f->w[0].b = NULL;
	oauth_free(a);
	http_peer_free(h);
}

static void duty__is__one_watchers_and_goes_to_the_other_at_once(void **state)
{
	struct fixture *f = *state;
	f->w[0].o.lease_ms = f->w[1].o.lease_ms = 300000; /* only leaving it hands it over here, however slow the machine */
	mails(f, 2);
	start(f, 0);
	eventually(taken(f) == 2);
	start(f, 1);
	eventually(says(f, 1, "another process"));
	mails(f, 5);
	eventually(taken(f) == 7);
	uint64_t t = clock_ms();
	mailbox_stop(f->w[0].b);
	mails(f, 3);
	eventually(taken(f) == 10);
	assert_true(clock_ms() - t < 200000);
	for (size_t k = 0; k < 10; k++)
		assert_int_equal(f->base.taken[k].by, k < 7 ? 1 : 2);
	in_order(f, 10);
}

static void duty__goes__over_when_the_holder_is_dead_or_slow(void **state)
{
	struct fixture *f = *state;
	mails(f, 1);
	start(f, 0);
	eventually(taken(f) == 1 && says(f, 0, "watching"));
	start(f, 1);
	eventually(says(f, 1, "another process"));
	int held = holds(f);
	eventually(holds(f) >= held + 2); /* renewed while it waits */
	SET(f, f->w[0].frozen = true);
	eventually(holder(f) == 2);
	eventually(says(f, 0, "another process")); /* it noticed and let go */
	mails(f, 2);
	eventually(taken(f) == 3);
	assert_int_equal(f->base.taken[1].by, 2);
	SET(f, f->w[0].frozen = false);
}

static void duty__is__kept_while_a_mail_comes_slowly(void **state)
{
	struct fixture *f = *state;
	char *big = calloc(1, 30000);
	memset(big, 'x', 30000);
	memcpy(big, "A: b\r\n\r\n", 8);
	imap_peer_add(f->p, big, 30000);
	free(big);
	f->w[0].o.lease_ms = 60;
	IMAP_PEER_SET(f->p, f->p->slow = true);
	start(f, 0);
	start(f, 1);
	eventually(taken(f) == 1);
	assert_int_equal(taken(f), 1);
}

static void watch__waits__for_the_database(void **state)
{
	struct fixture *f = *state;
	mails(f, 3);
	start(f, 0);
	eventually(taken(f) == 3);
	SET(f, f->base.away = true);
	mails(f, 3);
	eventually(says(f, 0, "another process") || says(f, 0, "cannot be stored"));
	SET(f, f->base.away = false);
	eventually(taken(f) == 6);
	in_order(f, 6);
}

static void watch__ends__while_answers_are_out(void **state)
{
	struct fixture *f = *state;
	SET(f, f->base.later = true);
	mails(f, 2);
	start(f, 0);
	eventually(out(f) == 2);
	mailbox_free(f->w[0].b);
	f->w[0].b = NULL;
	done_at(f, 0, ERR_NONE);
	done_at(f, 1, ERR_RETRY);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, end)
	const struct CMUnitTest tests[] = {
		T(watch__reads__what_is_there_and_what_comes),
		T(watch__begins__with_what_comes_from_now_on),
		T(watch__goes__on_from_the_stored_cursor),
		T(watch__polls__without_idle),
		T(watch__marks__as_it_is_told),
		T(watch__marks__only_what_is_done_and_hands_in_a_window),
		T(watch__reads__again_in_order_what_could_not_be_stored),
		T(watch__hands__in_nothing_after_a_refusal),
		T(watch__keeps__aside_what_cannot_be_read),
		T(watch__outlives__a_mail_that_the_server_chokes_on),
		T(watch__comes__back_after_every_kind_of_end),
		T(watch__rescans__when_the_uids_are_others),
		T(watch__skips__what_vanished),
		T(watch__leaves__a_refused_login_alone),
		T(watch__gets__a_new_token_once_when_refused),
		T(duty__is__one_watchers_and_goes_to_the_other_at_once),
		T(duty__goes__over_when_the_holder_is_dead_or_slow),
		T(duty__is__kept_while_a_mail_comes_slowly),
		T(watch__waits__for_the_database),
		T(watch__ends__while_answers_are_out),
	};
	if (getenv("EDDY_TEST_ONLY") != NULL)
		cmocka_set_test_filter(getenv("EDDY_TEST_ONLY"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
