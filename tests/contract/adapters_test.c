/*
 * What every adapter owes the core, whichever it is: it takes a reply or refuses it, at once; each WHOLE that it took has exactly one
 * outcome (none where clients pull), also when it is stopped with work queued; nothing that a reply may hold brings it down.
 *
 * The reference adapter is the contract in its smallest form.  Variants of it that break one promise each are run through the same
 * suite in a child, which must fail: so the suite itself is known to notice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../adapters/email/email.h"
#include "../../adapters/email/origin.h"
#include "../../adapters/net/http.h"
#include "../../adapters/slack/api.h"
#include "../../core/engine/installs.h"
#include "../../adapters/slack/origin.h"
#include "../../adapters/slack/send.h"
#include "../../adapters/slack/slack.h"
#include "../../adapters/slack/slack_internal.h"
#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/metric.h"
#pragma GCC diagnostic ignored "-Wunused-function" /* the fakes offer more than is needed here */
#define fake slack_fake                            /* both fakes have the same names */
#define fake_message slack_fake_message
#include "../adapters/slack/fake_api.h"
#undef fake
#undef fake_message
#include "../adapters/web/fake_engine.c"
#include "../adapters/web/server_fixture.c"
#include "../support/smtp_peer.h"

#define OUTCOMES_MAX 4096
static struct {
	pthread_mutex_t lock;
	struct id deliveries[OUTCOMES_MAX];
	size_t len;
} outcomes = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void on_sent(void *arg, const struct sent *s)
{
	(void)arg;
	pthread_mutex_lock(&outcomes.lock);
	if (outcomes.len < OUTCOMES_MAX)
		outcomes.deliveries[outcomes.len++] = s->delivery;
	pthread_mutex_unlock(&outcomes.lock);
}
static void on_opening(void *arg, struct id ws, struct id delivery, void (*ready)(void *, bool), void *ready_arg)
{
	(void)arg, (void)ws, (void)delivery;
	ready(ready_arg, true);
}
static void on_opened(void *arg, struct id ws, struct id delivery, const char *ref)
{
	(void)arg, (void)ws, (void)delivery, (void)ref;
}
static void on_held(void *arg, struct id ws, struct id delivery, uint32_t ms)
{
	(void)arg, (void)ws, (void)delivery, (void)ms;
}

static const struct slack_self *on_self(void *arg)
{
	(void)arg;
	return NULL;
}

/* ---- the adapters, each behind the same three functions ---- */
struct subject {
	const char *name;
	unsigned caps;
	void (*up)(void);
	enum err (*send)(const struct reply *r);
	void (*down)(void); /* with whatever is queued */
};

static struct {
	struct slack_fake *fake;
	struct http *http;
	struct metrics *metrics;
	struct slack_api *api;
	struct slack_out *out;
} slack;

static void slack_up(void)
{
	char url[64];
	slack.fake = fake_new();
	slack.metrics = metrics_new();
	assert_int_equal(http_new(&slack.http, slack.metrics, NULL), ERR_NONE);
	snprintf(url, sizeof url, "http://127.0.0.1:%d/api/", slack.fake->port);
	slack.api = slack_api_new(&(struct slack_api_options){
	    .http = slack.http, .metrics = slack.metrics, .base_url = url, .token = "xoxb-secret", .adaptive = true });
	slack.out = slack_out_new(&(struct slack_out_options){ .http = slack.http,
	    .api = slack.api,
	    .metrics = slack.metrics,
	    .port = { NULL, on_sent, on_opening, on_opened, on_held, NULL, on_self, NULL } });
}

static void slack_down(void)
{
	slack_out_stop(slack.out);
	slack_api_stop(slack.api);
	http_stop(slack.http);
	slack_api_free(slack.api);
	slack_out_free(slack.out);
	http_free(slack.http);
	metrics_free(slack.metrics);
	fake_free(slack.fake);
}

static enum err slack_take(const struct reply *r)
{
	return slack_out_send(slack.out, r);
}

static void web_up(void)
{
	server_up(NULL);
}

static void web_down(void)
{
	web_stop(server.web);
	web_leave(server.web);
	server_down(NULL);
}

static enum err web_take(const struct reply *r)
{
	return web_ops.send(server.web, r);
}

/* What the mail adapter asks of the engine beyond what the page does. */
/* None of the adapters here is added by others. */
enum err engine_grant(struct engine *e, const struct install_grant *g, struct id *ws, bool *again)
{
	(void)e, (void)g, (void)ws, (void)again;
	return ERR_BROKEN;
}
enum err engine_grant_renew(struct engine *e, const char *adapter, const char *external_id, const char *token, size_t n)
{
	(void)e, (void)adapter, (void)external_id, (void)token, (void)n;
	return ERR_BROKEN;
}
enum err engine_grant_token(struct engine *e, const char *adapter, const char *external_id, struct buf *out)
{
	(void)e, (void)adapter, (void)external_id, (void)out;
	return ERR_BROKEN;
}
enum err engine_grant_end(struct engine *e, const char *adapter, const char *external_id, const char *why, int64_t erase_after_ms)
{
	(void)e, (void)adapter, (void)external_id, (void)why, (void)erase_after_ms;
	return ERR_BROKEN;
}
enum err engine_grant_keep(struct engine *e, const char *adapter, const char *external_id)
{
	(void)e, (void)adapter, (void)external_id;
	return ERR_BROKEN;
}
void engine_grants_heard(struct engine *e)
{
	(void)e;
}
enum err engine_grants(struct engine *e, const char *adapter, void (*fn)(void *arg, const struct install_row *r), void *arg)
{
	(void)e, (void)adapter, (void)fn, (void)arg;
	return ERR_BROKEN;
}
struct listener *engine_grants_listen(struct engine *e, void (*fn)(void *arg), void *arg)
{
	(void)e, (void)fn, (void)arg;
	return NULL;
}
void engine_grants_unlisten(struct listener *l)
{
	(void)l;
}
enum err engine_grant_key(struct engine *e, const char *adapter, unsigned char out[32])
{
	(void)e, (void)adapter, (void)out;
	return ERR_BROKEN;
}
enum err engine_grant_use(struct engine *e, struct id state, uint32_t ms)
{
	(void)e, (void)state, (void)ms;
	return ERR_BROKEN;
}

enum err engine_duty(struct engine *e, struct id ws, const char *adapter, const char *name, uint32_t ms)
{
	(void)e, (void)ws, (void)adapter, (void)name, (void)ms;
	return ERR_NONE;
}
void engine_duty_leave(struct engine *e, struct id ws, const char *adapter, const char *name)
{
	(void)e, (void)ws, (void)adapter, (void)name;
}
enum err engine_find_thread(struct engine *e, struct id ws, const char *adapter, const struct thread_name *names, size_t n,
    const char *reader, struct found_thread *out)
{
	(void)e, (void)ws, (void)adapter, (void)names, (void)n, (void)reader, (void)out;
	return ERR_INPUT;
}
bool engine_notice(struct engine *e, struct id ws, const char *adapter, struct id thread, struct id run, const char *key,
    const char *text, const void *origin, size_t origin_len)
{
	(void)e, (void)ws, (void)adapter, (void)thread, (void)run, (void)key, (void)text, (void)origin, (void)origin_len;
	return true;
}
enum err engine_find_said(struct engine *e, struct id ws, struct id thread, const char *part, struct said_message *out)
{
	(void)e, (void)ws, (void)thread, (void)part, (void)out;
	return ERR_INPUT;
}
enum err engine_installs(
    struct engine *e, const char *adapter, void (*fn)(void *arg, struct id ws, const char *external_id), void *arg)
{
	(void)e, (void)adapter, (void)fn, (void)arg;
	return ERR_NONE;
}
enum err engine_recent_runs(struct engine *e, struct id ws, const char *adapter, struct id thread, const char *person, uint32_t ms,
    int64_t *in_thread, int64_t *of_person)
{
	(void)e, (void)ws, (void)adapter, (void)thread, (void)person, (void)ms;
	*in_thread = *of_person = 0;
	return ERR_NONE;
}
enum err engine_stop_put(
    struct engine *e, struct id ws, const char *adapter, const char *external_id, enum stop_kind kind, const char *detail)
{
	(void)e, (void)ws, (void)adapter, (void)external_id, (void)kind, (void)detail;
	return ERR_NONE;
}
enum err engine_stop_lift(struct engine *e, struct id ws, const char *adapter, const char *external_id, int kind)
{
	(void)e, (void)ws, (void)adapter, (void)external_id, (void)kind;
	return ERR_INPUT;
}
enum err engine_stop_get(struct engine *e, struct id ws, const char *adapter, const char *external_id, int *kind)
{
	(void)e, (void)ws, (void)adapter, (void)external_id;
	*kind = 0;
	return ERR_NONE;
}
enum err engine_stop_place(struct engine *e, struct id ws, struct id place, enum stop_kind kind, const char *detail)
{
	(void)e, (void)ws, (void)place, (void)kind, (void)detail;
	return ERR_NONE;
}
enum err engine_stops(
    struct engine *e, struct id ws, const char *adapter, void (*fn)(void *arg, const struct stop_row *row), void *arg)
{
	(void)e, (void)ws, (void)adapter, (void)fn, (void)arg;
	return ERR_NONE;
}
enum err engine_unsubscribe_token(struct engine *e, struct id ws, struct id place, char out[UNSUBSCRIBE_TOKEN])
{
	(void)e, (void)ws, (void)place;
	snprintf(out, UNSUBSCRIBE_TOKEN, "token");
	return ERR_NONE;
}

static struct {
	struct smtp_peer *peer;
	struct settings *settings;
	struct metrics *metrics;
	struct http *http;
	struct adapter *adapter;
} mails;

static void email_up(void)
{
	static const struct setting *const tables[] = { core_settings, email_settings, NULL };
	struct buf problems = BUF_INIT;
	char *none[] = { NULL }, smtp[60], why[300] = "";
	mails.peer = smtp_peer_new();
	snprintf(smtp, sizeof smtp, "email.smtp=smtp://127.0.0.1:%d", smtp_peer_port(mails.peer));
	/* Nobody answers for the mailbox: what goes out does not wait for what comes in. */
	const char *const overrides[] = { "email.address=eddy@example.org", "email.password=secret", "email.plaintext=true",
		"email.imap=imap://127.0.0.1:1", smtp, "email.copy=none", "email.per_minute=100000", NULL };
	mails.settings = settings_new(tables);
	if (settings_load(mails.settings, "/dev/null", none, (char *const *)(uintptr_t)overrides, &problems) != ERR_NONE)
		fail_msg("%s", problems.p);
	buf_done(&problems);
	mails.metrics = metrics_new();
	assert_int_equal(http_new(&mails.http, mails.metrics, NULL), ERR_NONE);
	const struct email_options o = { .settings = mails.settings,
		.metrics = mails.metrics,
		.engine = (struct engine *)(void *)&fake_engine_object,
		.http = mails.http };
	if (email_open(&mails.adapter, &o, why, sizeof why) != ERR_NONE)
		fail_msg("%s", why);
	fake_on_sent = on_sent;
	email_start(mails.adapter);
}

static void email_down(void)
{
	email_stop(mails.adapter);
	while (__atomic_load_n(&fake_jobs, __ATOMIC_SEQ_CST) > 0) /* as engine_drain() does */
		usleep(1000);
	email_leave(mails.adapter);
	http_stop(mails.http);
	email_free(mails.adapter);
	http_free(mails.http);
	metrics_free(mails.metrics);
	settings_free(mails.settings);
	smtp_peer_free(mails.peer);
	fake_on_sent = NULL;
}

/* The suite's origins are those of a channel; here such a place is somebody's mailbox. */
static enum err email_take(const struct reply *r)
{
	struct origin o;
	struct reply mail = *r;
	char origin[INTENT_ORIGIN_MAX], to[100];
	if (origin_unpack(r->origin, r->origin_len, &o)) {
		snprintf(to, sizeof to, "%s@example.com", o.channel);
		const struct email_origin e = { .received_s = 1700000000,
			.box = "eddy@example.org",
			.to = to,
			.to_name = "",
			.subject = "Re: contract",
			.in_reply_to = "mail@example.com",
			.references = "mail@example.com",
			.cc = "" };
		mail.origin = origin;
		mail.origin_len = email_origin_pack(&e, origin);
		assert_true(mail.origin_len > 0);
	}
	return email_ops.send(mails.adapter, &mail);
}

/* ---- the reference ---- */
enum breach { KEEPS, SPEAKS_TWICE, SAYS_NOTHING, BLOCKS, TAKES_ANY_ORIGIN, SPEAKS_AFTER_THE_END };
static struct {
	enum breach breach;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct id queue[1024];
	size_t len;
	bool stopping;
} reference = { .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };

static void *reference_main(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&reference.lock);
	while (!reference.stopping || reference.len > 0) {
		if (reference.len == 0) {
			pthread_cond_wait(&reference.cond, &reference.lock);
			continue;
		}
		struct sent s = { .delivery = reference.queue[--reference.len], .external_ref = "1" };
		pthread_mutex_unlock(&reference.lock);
		for (int n = reference.breach == SAYS_NOTHING ? 0 : reference.breach == SPEAKS_TWICE ? 2 : 1; n > 0; n--)
			on_sent(NULL, &s);
		pthread_mutex_lock(&reference.lock);
	}
	pthread_mutex_unlock(&reference.lock);
	return NULL;
}

static void reference_up(void)
{
	reference.len = 0;
	reference.stopping = false;
	assert_int_equal(pthread_create(&reference.thread, NULL, reference_main, NULL), 0);
}

static enum err reference_take(const struct reply *r)
{
	struct origin o;
	static bool blocked; /* once is enough to be noticed */
	if (reference.breach == BLOCKS && !blocked)
		sleep(9);
	blocked = true;
	if (reference.breach != TAKES_ANY_ORIGIN && !origin_unpack(r->origin, r->origin_len, &o))
		return ERR_INPUT;
	pthread_mutex_lock(&reference.lock);
	bool room = reference.len < sizeof reference.queue / sizeof *reference.queue;
	if (room)
		reference.queue[reference.len++] = r->delivery;
	pthread_cond_broadcast(&reference.cond);
	pthread_mutex_unlock(&reference.lock);
	return room ? ERR_NONE : ERR_RETRY;
}

static void *reference_late(void *arg)
{
	(void)arg;
	usleep(20000);
	on_sent(NULL, &(struct sent){ .result = ERR_RETRY });
	return NULL;
}

static void reference_down(void)
{
	pthread_mutex_lock(&reference.lock);
	reference.stopping = true;
	pthread_cond_broadcast(&reference.cond);
	pthread_mutex_unlock(&reference.lock);
	pthread_join(reference.thread, NULL);
	pthread_t late;
	if (reference.breach == SPEAKS_AFTER_THE_END && pthread_create(&late, NULL, reference_late, NULL) == 0)
		pthread_detach(late);
}

static struct subject subjects[] = {
	{ "reference", CAP_EDIT, reference_up, reference_take, reference_down },
	{ "web", 0, web_up, web_take, web_down },
	{ "slack", 0, slack_up, slack_take, slack_down },
	{ "email", 0, email_up, email_take, email_down },
};
static size_t subjects_len = sizeof subjects / sizeof *subjects;
static int patience = 9000; /* hundredths of a second until an outcome is missed */
#define each(s) \
	subjects[1].caps = web_ops.caps, subjects[2].caps = slack_ops.caps, subjects[3].caps = email_ops.caps; \
	for (const struct subject *s = subjects; s < subjects + subjects_len; s++)

static struct reply reply_to(char origin[INTENT_ORIGIN_MAX], const char *text, size_t n)
{
	static char channel[16];
	static int number;
	snprintf(channel, sizeof channel, "C%d", ++number);
	struct origin o = { .surface = ORIGIN_CHANNEL,
		.team = "T1",
		.channel = channel,
		.thread_ts = "1700000000.000100",
		.message_ts = "1700000000.000200",
		.user = "U1",
		.user_team = "T1",
		.response_url = "" };
	size_t len = origin_pack(&o, origin);
	struct id thread = id_new();
	return (struct reply){ .kind = REPLY_WHOLE,
		.ws = thread,
		.thread = thread,
		.message = id_new(),
		.delivery = id_new(),
		.seq = 1,
		.origin = origin,
		.origin_len = len,
		.text = text,
		.text_len = n };
}

static int outcomes_of(struct id delivery)
{
	int n = 0;
	pthread_mutex_lock(&outcomes.lock);
	for (size_t i = 0; i < outcomes.len; i++)
		n += memcmp(&outcomes.deliveries[i], &delivery, sizeof delivery) == 0;
	pthread_mutex_unlock(&outcomes.lock);
	return n;
}

/* Sends and waits for what the contract promises. */
static void take_one(const struct subject *s, const char *text, size_t n)
{
	char origin[INTENT_ORIGIN_MAX];
	struct reply r = reply_to(origin, text, n);
	uint64_t t0 = clock_ms();
	enum err e = s->send(&r);
	assert_true(clock_ms() - t0 < 8000);
	assert_true(e == ERR_NONE || e == ERR_RETRY || e == ERR_INPUT);
	assert_int_equal(e, ERR_NONE);
	int wanted = (s->caps & CAP_PULL) == 0;
	for (int i = 0; i < patience && outcomes_of(r.delivery) < wanted; i++)
		usleep(10000);
	usleep(50000);
	if (outcomes_of(r.delivery) != wanted)
		fail_msg("%s: %d outcomes of a reply, not %d", s->name, outcomes_of(r.delivery), wanted);
}

static void adapter__offers__what_goes_together(void **state)
{
	(void)state;
	static const struct adapter_ops *const ops[] = { &web_ops, &slack_ops, &email_ops };
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
		assert_true(ops[i]->name != NULL && ops[i]->name[0] != '\0');
		assert_non_null(ops[i]->send);
		assert_non_null(ops[i]->describe);
		assert_true((ops[i]->permalink != NULL) == (ops[i] != &email_ops)); /* a mail has no address */
		if (ops[i]->caps & CAP_PULL)
			assert_false(ops[i]->caps & CAP_EDIT); /* what is pulled is read again, not changed from outside */
		assert_int_equal(ops[i]->caps & ~255u, 0);
	}
}

static void adapter__gives__one_outcome_for_each_whole(void **state)
{
	(void)state;
	static char long_text[100 * 1024];
	for (size_t i = 0; i < sizeof long_text; i++)
		long_text[i] = i % 80 == 79 ? '\n' : (char)('a' + i % 26);
	static const char unicode[] = "Grüße 🧑‍🚀 \u202Eabc\u202C 日本語";
	each(s)
	{
		s->up();
		take_one(s, "plain", 5);
		take_one(s, unicode, strlen(unicode));
		take_one(s, "\xff\xfe broken", 9);
		take_one(s, long_text, sizeof long_text);
		s->down();
	}
}

static void adapter__refuses__origins_that_are_not_its_own(void **state)
{
	(void)state;
	static const char junk[] = "\x00\xff{\"not\":\"an origin\"}";
	each(s)
	{
		s->up();
		for (size_t n = 0; n < sizeof junk; n++) {
			struct reply r = { .kind = REPLY_WHOLE,
				.ws = id_new(),
				.thread = id_new(),
				.delivery = id_new(),
				.origin = junk,
				.origin_len = n,
				.text = "x",
				.text_len = 1 };
			enum err e = s->send(&r);
			if ((s->caps & CAP_PULL) == 0)
				assert_int_equal(e, ERR_INPUT);
			assert_int_equal(outcomes_of(r.delivery), 0);
		}
		take_one(s, "still there", 11);
		s->down();
	}
}

static void adapter__stopped_with_work_queued__gives_at_most_one_outcome_each(void **state)
{
	(void)state;
	enum { QUEUED = 200 };
	each(s)
	{
		static struct id ids[QUEUED];
		s->up();
		for (int i = 0; i < QUEUED; i++) {
			char origin[INTENT_ORIGIN_MAX];
			struct reply r = reply_to(origin, "queued", 6);
			ids[i] = r.delivery;
			(void)s->send(&r);
		}
		s->down();
		size_t before = outcomes.len;
		for (int i = 0; i < QUEUED; i++)
			assert_in_range(outcomes_of(ids[i]), 0, (s->caps & CAP_PULL) == 0);
		usleep(50000);
		assert_int_equal(outcomes.len, before); /* nothing speaks after the end */
	}
}

static const struct CMUnitTest contract[] = {
	cmocka_unit_test(adapter__gives__one_outcome_for_each_whole),
	cmocka_unit_test(adapter__refuses__origins_that_are_not_its_own),
	cmocka_unit_test(adapter__stopped_with_work_queued__gives_at_most_one_outcome_each),
};

/* How many tests of the contract the reference fails with ${breach}. */
static int failures_of(enum breach breach)
{
	int status = 0;
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(null, 1);
		dup2(null, 2);
		reference.breach = breach;
		subjects_len = 1;
		patience = 100;
		_exit(cmocka_run_group_tests(contract, NULL, NULL));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void contract__with_an_adapter_that_breaks_it__fails(void **state)
{
	(void)state;
	assert_int_equal(failures_of(KEEPS), 0);
	assert_true(failures_of(SPEAKS_TWICE) > 0);
	assert_true(failures_of(SAYS_NOTHING) > 0);
	assert_true(failures_of(BLOCKS) > 0);
	assert_true(failures_of(TAKES_ANY_ORIGIN) > 0);
	assert_true(failures_of(SPEAKS_AFTER_THE_END) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    contract__with_an_adapter_that_breaks_it__fails), /* first: it forks, and here there is one thread */
		cmocka_unit_test(adapter__offers__what_goes_together),
		cmocka_unit_test(adapter__gives__one_outcome_for_each_whole),
		cmocka_unit_test(adapter__refuses__origins_that_are_not_its_own),
		cmocka_unit_test(adapter__stopped_with_work_queued__gives_at_most_one_outcome_each),
	};
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
