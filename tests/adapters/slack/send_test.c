#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "../../../adapters/net/http.h"
#include "../../../adapters/slack/api.h"
#include "../../../adapters/slack/origin.h"
#include "../../../adapters/slack/send.h"
#include "../../../adapters/slack/slack_internal.h"
#include "../../../core/base/clock.h"
#include "../../../core/base/log.h"
#include "../../../core/base/metric.h"
#include "fake_api.h"

#define ROOT "1700000000.000100"
#define ASKED "1700000000.000200"

/* One real http thread, API client and sender against the fake; the engine's side is played here. */
struct world {
	struct fake *fake;
	struct metrics *metrics;
	struct http *http;
	struct slack_api *api;
	struct slack_out *out;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct {
		struct id delivery;
		enum err result;
		char ref[400], why[60];
	} sent[300];
	size_t n_sent;
	atomic_int opening;
	int opened;
	char opened_ref[200];
	bool refuse_stream;
	atomic_bool uncertain;
	int held;
	uint32_t held_ms;
	struct id held_delivery;
};

static void on_sent(void *arg, const struct sent *s)
{
	struct world *w = arg;
	pthread_mutex_lock(&w->lock);
	w->sent[w->n_sent].delivery = s->delivery;
	w->sent[w->n_sent].result = s->result;
	snprintf(w->sent[w->n_sent].ref, sizeof w->sent[0].ref, "%s", s->external_ref ? s->external_ref : "");
	snprintf(w->sent[w->n_sent].why, sizeof w->sent[0].why, "%s", s->why ? s->why : "");
	w->n_sent++;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}
static void on_opening(void *arg, struct id ws, struct id delivery, void (*ready)(void *, bool), void *ready_arg)
{
	(void)ws, (void)delivery;
	struct world *w = arg;
	w->opening++;
	ready(ready_arg, !w->refuse_stream);
}
static void on_opened(void *arg, struct id ws, struct id delivery, const char *ref)
{
	(void)ws, (void)delivery;
	struct world *w = arg;
	pthread_mutex_lock(&w->lock);
	w->opened++;
	snprintf(w->opened_ref, sizeof w->opened_ref, "%s", ref);
	pthread_mutex_unlock(&w->lock);
}
static void on_held(void *arg, struct id ws, struct id delivery, uint32_t ms)
{
	(void)ws;
	struct world *w = arg;
	pthread_mutex_lock(&w->lock);
	w->held++;
	w->held_ms = ms;
	w->held_delivery = delivery;
	pthread_mutex_unlock(&w->lock);
}
static char user_id[] = "U0BOT", bot_id[] = "B0BOT", empty[] = "";
static const struct slack_self me = { .user_id = user_id,
	.bot_id = bot_id,
	.team_id = empty,
	.team_name = empty,
	.team_url = empty,
	.user_name = empty,
	.scopes = empty };
static const struct slack_self *on_self(void *arg)
{
	(void)arg;
	return &me;
}
static bool on_certain(void *arg)
{
	return !atomic_load(&((struct world *)arg)->uncertain);
}

static struct world *world_new(uint32_t life_ms)
{
	struct world *w = calloc(1, sizeof *w);
	char url[64];
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	w->fake = fake_new();
	w->metrics = metrics_new();
	assert_int_equal(http_new(&w->http, w->metrics, NULL), ERR_NONE);
	snprintf(url, sizeof url, "http://127.0.0.1:%d/api/", w->fake->port);
	w->api = slack_api_new(&(struct slack_api_options){
	    .http = w->http, .metrics = w->metrics, .base_url = url, .token = "xoxb-secret", .adaptive = true });
	w->out = slack_out_new(&(struct slack_out_options){ .http = w->http,
	    .api = w->api,
	    .metrics = w->metrics,
	    .stream = true,
	    .port = { w, on_sent, on_opening, on_opened, on_held, NULL, on_self, on_certain },
	    .grow_wait_ms = 60,
	    .status_wait_ms = 60,
	    .append_ms = 60,
	    .stream_life_ms = life_ms });
	return w;
}

static void world_free(struct world *w)
{
	slack_out_stop(w->out);
	slack_api_stop(w->api);
	http_stop(w->http);
	slack_api_free(w->api);
	slack_out_free(w->out);
	http_free(w->http);
	metrics_free(w->metrics);
	fake_free(w->fake);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static int setup(void **state)
{
	*state = world_new(0);
	return 0;
}
static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* ---- the engine's part ---- */
struct who {
	enum origin_surface surface;
	const char *channel, *thread, *url;
	char packed[INTENT_ORIGIN_MAX];
	size_t packed_len;
	struct id delivery, turn;
};
static struct who who_in(const char *channel)
{
	struct who q = { .surface = ORIGIN_CHANNEL, .channel = channel, .thread = ROOT, .url = "" };
	q.delivery = id_new();
	q.turn = id_new();
	return q;
}
static struct reply reply_of(struct who *q, enum reply_kind kind, const char *text)
{
	struct origin o = { .surface = q->surface,
		.team = "T1",
		.channel = q->channel,
		.thread_ts = q->thread,
		.message_ts = q->surface == ORIGIN_COMMAND ? "" : ASKED,
		.user = "U1",
		.user_team = "T1",
		.response_url = q->url,
		.response_until_ms = q->url[0] ? clock_wall_ms() + 600000 : 0 };
	q->packed_len = origin_pack(&o, q->packed);
	return (struct reply){ .kind = kind,
		.ws = q->turn,
		.delivery = q->delivery,
		.thread = q->turn,
		.origin = q->packed,
		.origin_len = q->packed_len,
		.text = text,
		.text_len = strlen(text) };
}
static void whole(struct world *w, struct who *q, const char *text)
{
	struct reply r = reply_of(q, REPLY_WHOLE, text);
	assert_int_equal(slack_out_send(w->out, &r), ERR_NONE);
}
static void maybe(struct world *w, struct who *q, const char *text, const char *ref)
{
	struct reply r = reply_of(q, REPLY_WHOLE, text);
	r.maybe_sent = true;
	r.external_ref = ref;
	assert_int_equal(slack_out_send(w->out, &r), ERR_NONE);
}
static void grow(struct world *w, struct who *q, size_t offset, const char *text)
{
	struct reply r = reply_of(q, REPLY_GROW, text);
	r.offset = offset;
	assert_int_equal(slack_out_send(w->out, &r), ERR_NONE);
}
static void simple(struct world *w, struct who *q, enum reply_kind kind, const char *text)
{
	struct reply r = reply_of(q, kind, text);
	assert_int_equal(slack_out_send(w->out, &r), ERR_NONE);
}
static bool wait_sent(struct world *w, size_t n, int seconds)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds < 40 ? seconds : 120;
	pthread_mutex_lock(&w->lock);
	while (w->n_sent < n && pthread_cond_timedwait(&w->changed, &w->lock, &until) == 0)
		;
	bool ok = w->n_sent >= n;
	pthread_mutex_unlock(&w->lock);
	return ok;
}
static void sent_ok(struct world *w, size_t n)
{
	assert_true(wait_sent(w, n, 40));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(w->sent[i].result, ERR_NONE);
	assert_int_equal(w->n_sent, n);
}
#define UNTIL(cond) \
	do { \
		for (int i_ = 0; i_ < 9000 && !(cond); i_++) \
			usleep(10000); \
		assert_true(cond); \
	} while (0)
static size_t streaming(struct world *w)
{
	size_t n = 0;
	pthread_mutex_lock(&w->fake->lock);
	for (size_t i = 0; i < w->fake->n; i++)
		n += w->fake->m[i].streaming;
	pthread_mutex_unlock(&w->fake->lock);
	return n;
}

/* ---- posts ---- */
static void send__posts__a_whole_answer_at_once(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	whole(w, &q, "Hello **there** <!channel> & co");
	sent_ok(w, 1);
	assert_int_equal(w->fake->n, 1);
	assert_string_equal(w->fake->m[0].text, "Hello *there* &lt;!channel&gt; &amp; co");
	assert_string_equal(w->fake->m[0].thread, ROOT);
	assert_string_equal(w->sent[0].ref, w->fake->m[0].ts);
	json_t *args = fake_last(w->fake, "chat.postMessage");
	assert_true(json_is_false(json_object_get(args, "unfurl_links")));
	assert_true(json_is_false(json_object_get(args, "unfurl_media")));
	assert_string_equal(fake_str(json_object_get(args, "metadata"), "event_type"), "eddy_reply");
	assert_int_equal(w->opening, 0);
	UNTIL(slack_out_open(w->out) == 0);
}

static void send__looks__before_posting_again(void **state)
{
	static const struct {
		enum fault fault;
		int posts;
	} cases[] = { { FAULT_CUT_AFTER, 1 }, { FAULT_500_AFTER, 1 }, { FAULT_500_BEFORE, 2 }, { FAULT_CUT_BEFORE, 2 } };
	for (size_t i = 0; i < 4; i++) {
		struct world *w = world_new(0);
		struct who first = who_in("C1"), q = who_in("C1");
		(void)state;
		whole(w, &first, "the same words"); /* an older answer that says the same is not this one */
		assert_true(wait_sent(w, 1, 40));
		fake_fail(w->fake, "chat.postMessage", 0, 1, cases[i].fault, NULL);
		whole(w, &q, "the same words");
		sent_ok(w, 2);
		assert_int_equal(w->fake->n, 2);
		assert_string_equal(w->sent[1].ref, w->fake->m[1].ts);
		assert_int_equal(fake_calls(w->fake, "chat.postMessage"), 1 + cases[i].posts);
		assert_true(fake_calls(w->fake, "conversations.replies") >= 1);
		world_free(w);
	}
}

static void send__waits__only_where_slack_said_so(void **state)
{
	struct world *w = *state;
	fake_fail(w->fake, "chat.postMessage", 0, 1, FAULT_429, NULL);
	struct who a = who_in("C1"), b = who_in("C2");
	uint64_t t0 = clock_ms();
	whole(w, &a, "one");
	UNTIL(fake_calls(w->fake, "chat.postMessage") == 1);
	whole(w, &b, "two");
	assert_true(wait_sent(w, 1, 40));
	assert_true(id_equal(w->sent[0].delivery, b.delivery));
	sent_ok(w, 2);
	assert_int_equal(w->held, 1); /* the core was told, for whoever comes after us */
	assert_int_equal(w->held_ms, 1000);
	assert_true(id_equal(w->held_delivery, a.delivery));
	assert_true(clock_ms() - t0 >= 950);
	assert_int_equal(fake_calls(w->fake, "conversations.replies"), 0);
}

static void send__keeps__the_order_of_a_thread(void **state)
{
	struct world *w = *state;
	struct who q[20];
	char text[20];
	fake_fail(w->fake, "chat.postMessage", 3, 1, FAULT_500_BEFORE, NULL);
	for (int i = 0; i < 20; i++) {
		q[i] = who_in("C1");
		q[i].turn = q[0].turn;
		snprintf(text, sizeof text, "answer %d", i);
		whole(w, &q[i], text);
	}
	sent_ok(w, 20);
	assert_int_equal(w->fake->n, 20);
	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof text, "answer %d", i);
		assert_string_equal(w->fake->m[i].text, text);
	}
}

static void send__splits__a_long_answer_without_loss(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	struct buf md = BUF_INIT;
	for (int i = 0; i < 4000; i++)
		buf_addf(&md, "word%d%s", i, i % 40 == 39 ? ".\n\n" : " ");
	fake_fail(w->fake, "chat.postMessage", 1, 1, FAULT_CUT_AFTER, NULL);
	whole(w, &q, md.p);
	sent_ok(w, 1);
	assert_true(w->fake->n >= 3);
	int next = 0;
	for (size_t i = 0; i < w->fake->n; i++) {
		/* The text of long messages is only the notification; the blocks hold it all. */
		char *all = w->fake->m[i].blocks ? json_dumps(w->fake->m[i].blocks, 0) : strdup(w->fake->m[i].text);
		for (char *p = strstr(all, "word"); p; p = strstr(p + 1, "word"))
			assert_int_equal(atoi(p + 4), next++);
		free(all);
	}
	assert_int_equal(next, 4000);
	buf_done(&md);
}

static void send__says__why_it_could_not(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	fake_fail(w->fake, "chat.postMessage", 0, 1, FAULT_ERROR, "not_in_channel");
	whole(w, &q, "x");
	assert_true(wait_sent(w, 1, 40));
	assert_int_equal(w->sent[0].result, ERR_DENIED);
	assert_string_equal(w->sent[0].why, "not_in_channel");
	struct who p = who_in("C1");
	fake_fail(w->fake, "chat.postMessage", 0, 1, FAULT_ERROR, "invalid_auth");
	whole(w, &p, "x");
	assert_true(wait_sent(w, 2, 40));
	assert_int_equal(w->sent[1].result, ERR_RETRY);
}

static void send__tries_again__when_something_in_between_answers(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	fake_fail(w->fake, "chat.postMessage", 0, 2, FAULT_PROXY, NULL);
	whole(w, &q, "through at last");
	sent_ok(w, 1);
	assert_int_equal(w->fake->n, 1);
	assert_int_equal(fake_calls(w->fake, "chat.postMessage"), 3);
}

static void send__goes_plainer__when_blocks_are_refused(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	fake_fail(w->fake, "chat.postMessage", 0, 1, FAULT_ERROR, "invalid_blocks");
	whole(w, &q, "# Head\n\n| a | b |\n|---|---|\n| 1 | 2 |\n");
	sent_ok(w, 1);
	assert_int_equal(w->fake->n, 1);
	assert_null(w->fake->m[0].blocks);
	assert_non_null(strstr(w->fake->m[0].text, "*Head*"));
	assert_non_null(strstr(w->fake->m[0].text, "1 | 2"));
}

static void send__shows__buttons(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	struct component c[2] = {
		{ .kind = COMPONENT_BUTTON, .action = "approve", .value = "7", .label = "Yes", .style = BUTTON_PRIMARY },
		{ .kind = COMPONENT_BUTTON, .action = "approve", .value = "8", .label = "No" }
	};
	struct reply r = reply_of(&q, REPLY_WHOLE, "May I?");
	r.components = c;
	r.components_len = 2;
	assert_int_equal(slack_out_send(w->out, &r), ERR_NONE);
	sent_ok(w, 1);
	json_t *actions = json_array_get(w->fake->m[0].blocks, 1);
	assert_string_equal(fake_str(actions, "type"), "actions");
	json_t *e = json_object_get(actions, "elements");
	assert_string_equal(fake_str(json_array_get(e, 0), "action_id"), "approve");
	assert_string_equal(fake_str(json_array_get(e, 1), "action_id"), "approve#2");
	assert_string_equal(fake_str(json_array_get(e, 1), "value"), "8");
}

/* ---- after a crash ---- */
static void maybe_sent__finds__what_is_there(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	whole(w, &q, "already said");
	sent_ok(w, 1);
	maybe(w, &q, "already said", NULL);
	sent_ok(w, 2);
	assert_int_equal(w->fake->n, 1);
	assert_string_equal(w->sent[1].ref, w->fake->m[0].ts);
	/* Where no metadata is kept, by its words. */
	struct who p = who_in("C2");
	pthread_mutex_lock(&w->fake->lock);
	w->fake->keeps_no_metadata = true;
	pthread_mutex_unlock(&w->fake->lock);
	whole(w, &p, "a < b, *really* & `x_y`");
	sent_ok(w, 3);
	maybe(w, &p, "a < b, *really* & `x_y`", NULL);
	sent_ok(w, 4);
	assert_int_equal(w->fake->n, 2);
}

/* It waited while the process was stopped: what another has posted meanwhile is found. */
static void uncertain__looks__before_it_posts(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	whole(w, &q, "said by another");
	sent_ok(w, 1);
	atomic_store(&w->uncertain, true);
	whole(w, &q, "said by another");
	sent_ok(w, 2);
	assert_int_equal(w->fake->n, 1);
	struct who p = who_in("C2");
	whole(w, &p, "said by nobody");
	sent_ok(w, 3);
	assert_int_equal(w->fake->n, 2);
}

static void maybe_sent__posts__what_is_missing(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	struct buf md = BUF_INIT;
	for (int i = 0; i < 3000; i++)
		buf_addf(&md, "word%d%s", i, i % 40 == 39 ? ".\n\n" : " ");
	whole(w, &q, md.p);
	sent_ok(w, 1);
	size_t n = w->fake->n;
	assert_true(n >= 2);
	w->fake->m[n - 1].deleted = true; /* as if it had never been posted */
	maybe(w, &q, md.p, NULL);
	sent_ok(w, 2);
	assert_int_equal(w->fake->n, n + 1);
	assert_string_equal(w->fake->m[n].text, w->fake->m[n - 1].text);
	buf_done(&md);
}

static void maybe_sent__completes__an_open_stream_in_place(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	pthread_mutex_lock(&w->fake->lock);
	struct fake_message *m = fake_add(w->fake, "C1", ROOT, "The answer is", "stream");
	m->streaming = true;
	pthread_mutex_unlock(&w->fake->lock);
	maybe(w, &q, "The answer is **42**.", m->ts);
	sent_ok(w, 1);
	assert_int_equal(w->fake->n, 1);
	assert_false(m->streaming);
	assert_string_equal(m->text, "The answer is *42*.");
	assert_string_equal(w->sent[0].ref, m->ts);
	/* The same without its name: the beginning gives it away. */
	struct who p = who_in("C2");
	pthread_mutex_lock(&w->fake->lock);
	m = fake_add(w->fake, "C2", ROOT, "Part one of", "stream");
	m->streaming = true;
	pthread_mutex_unlock(&w->fake->lock);
	maybe(w, &p, "Part one of two", NULL);
	sent_ok(w, 2);
	assert_int_equal(w->fake->n, 2);
	assert_string_equal(m->text, "Part one of two");
}

static void maybe_sent__opens__no_second_message(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	pthread_mutex_lock(&w->fake->lock);
	struct fake_message *m = fake_add(w->fake, "C1", ROOT, "Before the crash", "stream");
	m->streaming = true;
	pthread_mutex_unlock(&w->fake->lock);
	struct reply r = reply_of(&q, REPLY_GROW, "A new attempt that goes another way ");
	r.external_ref = m->ts;
	assert_int_equal(slack_out_send(w->out, &r), ERR_NONE);
	usleep(250000);
	assert_int_equal(fake_calls(w->fake, "chat.startStream"), 0);
	maybe(w, &q, "A new attempt that goes another way indeed", m->ts);
	sent_ok(w, 1);
	assert_int_equal(w->fake->n, 1);
	assert_false(m->streaming);
	assert_string_equal(m->text, "A new attempt that goes another way indeed");
	/* Should two have been opened all the same, one of them stays. */
	struct who p = who_in("C2");
	grow(w, &p, 0, "Words that stream ");
	UNTIL(streaming(w) == 1);
	pthread_mutex_lock(&w->fake->lock);
	m = fake_add(w->fake, "C2", ROOT, "Older words", "stream");
	m->streaming = true;
	pthread_mutex_unlock(&w->fake->lock);
	maybe(w, &p, "Words that stream and end", m->ts);
	sent_ok(w, 2);
	assert_string_equal(m->text, "Words that stream and end");
	UNTIL(fake_deleted(w->fake, 1));
	assert_int_equal(w->fake->n, 3);
	assert_int_equal(streaming(w), 0);
}

/* ---- streams ---- */
static void stream__shows__growth_and_ends_exact(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	grow(w, &q, 0, "One two ");
	UNTIL(streaming(w) == 1);
	grow(w, &q, 8, "three <!channel> four five ");
	UNTIL(fake_calls(w->fake, "chat.appendStream") >= 1);
	whole(w, &q, "One two three <!channel> four five six");
	sent_ok(w, 1);
	assert_int_equal(w->fake->n, 1);
	assert_string_equal(w->fake->m[0].text, "One two three <\xe2\x80\x8b!channel> four five six");
	assert_int_equal(fake_calls(w->fake, "chat.update"), 0);
	assert_int_equal(w->opened, 1);
	assert_string_equal(w->opened_ref, w->fake->m[0].ts);
	assert_string_equal(w->sent[0].ref, w->fake->m[0].ts);
	json_t *args = fake_last(w->fake, "chat.startStream");
	assert_string_equal(fake_str(args, "recipient_user_id"), "U1");
	assert_string_equal(fake_str(args, "recipient_team_id"), "T1");
	assert_string_equal(fake_str(args, "thread_ts"), ROOT);
}

static void stream__is_not_opened__when_the_answer_is_quick(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	grow(w, &q, 0, "One two ");
	whole(w, &q, "One two three");
	sent_ok(w, 1);
	assert_int_equal(fake_calls(w->fake, "chat.startStream"), 0);
	assert_int_equal(fake_calls(w->fake, "chat.postMessage"), 1);
}

static void stream__is_edited__when_the_end_differs(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	grow(w, &q, 0, "Draft that will not ");
	UNTIL(streaming(w) == 1);
	whole(w, &q, "Something else");
	sent_ok(w, 1);
	assert_int_equal(w->fake->n, 1);
	assert_false(w->fake->m[0].streaming);
	assert_string_equal(w->fake->m[0].text, "Something else");
}

static void stream__goes_on__after_a_reset(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	grow(w, &q, 0, "Same start ");
	UNTIL(streaming(w) == 1);
	struct reply r = reply_of(&q, REPLY_RESET, "");
	r.attempt = 1;
	assert_int_equal(slack_out_send(w->out, &r), ERR_NONE);
	r = reply_of(&q, REPLY_GROW, "Same start and then ");
	r.attempt = 1;
	assert_int_equal(slack_out_send(w->out, &r), ERR_NONE);
	UNTIL(fake_calls(w->fake, "chat.appendStream") >= 1);
	whole(w, &q, "Same start and then more");
	sent_ok(w, 1);
	assert_string_equal(w->fake->m[0].text, "Same start and then more");
	assert_int_equal(fake_calls(w->fake, "chat.update"), 0);
}

static void stream__is_edited__after_slack_closed_it(void **state)
{
	static const char *const errors[] = { "message_not_in_streaming_state", "stopped_by_user" };
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct world *w = world_new(0);
		struct who q = who_in("C1");
		grow(w, &q, 0, "First words ");
		UNTIL(streaming(w) == 1);
		pthread_mutex_lock(&w->fake->lock);
		w->fake->m[0].streaming = false;
		pthread_mutex_unlock(&w->fake->lock);
		fake_fail(w->fake, "chat.appendStream", 0, 9, FAULT_ERROR, errors[i]);
		grow(w, &q, 12, "and later ones ");
		UNTIL(fake_calls(w->fake, "chat.appendStream") == 1);
		whole(w, &q, "First words and later ones end");
		sent_ok(w, 1);
		assert_int_equal(w->fake->n, 1);
		assert_string_equal(w->fake->m[0].text, "First words and later ones end");
		world_free(w);
	}
}

static void stream__stays_away__when_a_person_deleted_it(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	grow(w, &q, 0, "First words ");
	UNTIL(streaming(w) == 1);
	pthread_mutex_lock(&w->fake->lock);
	w->fake->m[0].deleted = true;
	pthread_mutex_unlock(&w->fake->lock);
	whole(w, &q, "First words and more");
	sent_ok(w, 1);
	assert_int_equal(w->fake->n, 1);
	assert_int_equal(fake_calls(w->fake, "chat.postMessage"), 0);
}

static void stream__survives__lost_answers(void **state)
{
	static const char *const methods[] = { "chat.startStream", "chat.appendStream", "chat.stopStream" };
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct world *w = world_new(0);
		struct who q = who_in("C1");
		fake_fail(w->fake, methods[i], 0, 1, FAULT_CUT_AFTER, NULL);
		grow(w, &q, 0, "First words ");
		UNTIL(fake_count(w->fake) == 1);
		grow(w, &q, 12, "and later ones ");
		usleep(200000);
		whole(w, &q, "First words and later ones end");
		sent_ok(w, 1);
		assert_int_equal(w->fake->n, 1);
		assert_false(w->fake->m[0].streaming);
		assert_string_equal(w->fake->m[0].text, "First words and later ones end");
		world_free(w);
	}
}

static void stream__rolls_over__before_its_end(void **state)
{
	(void)state;
	struct world *w = world_new(300);
	struct who q = who_in("C1");
	struct buf all = BUF_INIT;
	for (int i = 0; i < 12 || (i < 300 && fake_count(w->fake) < 2); i++) {
		char text[64];
		snprintf(text, sizeof text, "Paragraph %d has words.\n\n", i);
		grow(w, &q, all.len, text);
		buf_add_str(&all, text);
		usleep(100000);
	}
	buf_add_str(&all, "The end");
	whole(w, &q, all.p);
	sent_ok(w, 1);
	assert_true(w->fake->n >= 2);
	struct buf shown = BUF_INIT;
	for (size_t i = 0; i < w->fake->n; i++) {
		assert_false(w->fake->m[i].streaming);
		buf_add_str(&shown, w->fake->m[i].text);
	}
	assert_string_equal(shown.p, all.p);
	assert_int_equal(fake_calls(w->fake, "chat.update"), 0);
	assert_non_null(strchr(w->sent[0].ref, ','));
	buf_done(&shown);
	buf_done(&all);
	world_free(w);
}

static void stream__is_not_tried_again__where_it_is_unknown(void **state)
{
	struct world *w = *state;
	fake_fail(w->fake, "chat.startStream", 0, 99, FAULT_ERROR, "unknown_method");
	for (int i = 0; i < 2; i++) {
		struct who q = who_in("C1");
		grow(w, &q, 0, "First words ");
		UNTIL(fake_calls(w->fake, "chat.startStream") == 1);
		usleep(150000);
		whole(w, &q, "First words end");
		sent_ok(w, (size_t)i + 1);
	}
	assert_int_equal(fake_calls(w->fake, "chat.startStream"), 1);
	assert_int_equal(w->fake->n, 2);
}

static void stream__does_not_open__when_the_run_is_lost(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	w->refuse_stream = true;
	grow(w, &q, 0, "First words ");
	UNTIL(w->opening == 1);
	usleep(150000);
	assert_int_equal(w->fake->n, 0);
	simple(w, &q, REPLY_ABANDON, "");
	UNTIL(slack_out_open(w->out) == 0);
}

static void abandon__closes__what_is_shown(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	grow(w, &q, 0, "First words ");
	UNTIL(streaming(w) == 1);
	simple(w, &q, REPLY_ABANDON, "");
	UNTIL(streaming(w) == 0 && slack_out_open(w->out) == 0);
	assert_string_equal(w->fake->m[0].text, "First "); /* the last word might have grown */
	assert_int_equal(w->n_sent, 0);
}

/* ---- for one person, status ---- */
static void private__goes__to_the_response_url_then_ephemeral(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	char url[80];
	snprintf(url, sizeof url, "http://127.0.0.1:%d/commands/secret", w->fake->port);
	q.surface = ORIGIN_COMMAND;
	q.thread = "";
	q.url = url;
	struct reply r = reply_of(&q, REPLY_WHOLE, "just for you");
	r.one_person_only = true;
	assert_int_equal(slack_out_send(w->out, &r), ERR_NONE);
	sent_ok(w, 1);
	assert_int_equal(w->fake->hook, 1);
	assert_string_equal(fake_str(fake_last(w->fake, "hook"), "response_type"), "ephemeral");
	fake_fail(w->fake, "hook", 0, 1, FAULT_ERROR, "expired_url");
	q.delivery = id_new();
	r = reply_of(&q, REPLY_WHOLE, "just for you");
	r.one_person_only = true;
	assert_int_equal(slack_out_send(w->out, &r), ERR_NONE);
	sent_ok(w, 2);
	assert_int_equal(w->fake->ephemeral, 1);
	assert_string_equal(fake_str(fake_last(w->fake, "chat.postEphemeral"), "user"), "U1");
	assert_int_equal(w->fake->n, 0);
}

static void private__where_slack_refuses_it__goes_to_the_conversation(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	fake_fail(w->fake, "chat.postEphemeral", 0, 1, FAULT_ERROR, "user_not_in_channel");
	struct reply r = reply_of(&q, REPLY_WHOLE, "just for you");
	r.one_person_only = true;
	assert_int_equal(slack_out_send(w->out, &r), ERR_NONE);
	sent_ok(w, 1);
	json_t *post = fake_last(w->fake, "chat.postMessage");
	assert_string_equal(fake_str(post, "channel"), "U1");
	assert_string_equal(fake_str(post, "thread_ts"), "");
	assert_int_equal(w->fake->n, 1);
	/* Anything else is no reason to. */
	fake_fail(w->fake, "chat.postEphemeral", 0, 9, FAULT_ERROR, "missing_scope");
	q.delivery = id_new();
	r = reply_of(&q, REPLY_WHOLE, "just for you");
	r.one_person_only = true;
	assert_int_equal(slack_out_send(w->out, &r), ERR_NONE);
	assert_true(wait_sent(w, 2, 40));
	assert_int_equal(w->sent[1].result, ERR_DENIED);
	assert_int_equal(w->fake->n, 1);
}

static void status__is_shown__only_when_it_takes_time(void **state)
{
	struct world *w = *state;
	struct who quick = who_in("C1"), slow = who_in("D1");
	slow.surface = ORIGIN_DM;
	simple(w, &quick, REPLY_STATUS, "thinking");
	whole(w, &quick, "done");
	sent_ok(w, 1);
	simple(w, &slow, REPLY_STATUS, "thinking");
	/* The app is no agent here: the older method takes over. */
	UNTIL(fake_calls(w->fake, "assistant.threads.setStatus") == 1);
	assert_int_equal(fake_calls(w->fake, "agents.sessions.setStatus"), 1);
	assert_string_equal(fake_str(fake_last(w->fake, "assistant.threads.setStatus"), "status"), "thinking");
	simple(w, &slow, REPLY_ABANDON, "");
	UNTIL(fake_calls(w->fake, "assistant.threads.setStatus") == 2);
	assert_string_equal(fake_str(fake_last(w->fake, "assistant.threads.setStatus"), "status"), "");
	UNTIL(slack_out_open(w->out) == 0);
}

static void tool__becomes__a_task_of_the_stream(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	grow(w, &q, 0, "Looking it up ");
	UNTIL(streaming(w) == 1);
	struct reply r = reply_of(&q, REPLY_TOOL, "Searching messages");
	r.step_id = "t1";
	r.step_state = STEP_DONE;
	assert_int_equal(slack_out_send(w->out, &r), ERR_NONE);
	UNTIL(fake_calls(w->fake, "chat.appendStream") >= 1);
	json_t *chunks = json_object_get(fake_last(w->fake, "chat.appendStream"), "chunks");
	json_t *task = json_array_get(chunks, json_array_size(chunks) - 1);
	assert_string_equal(fake_str(task, "type"), "task_update");
	assert_string_equal(fake_str(task, "status"), "complete");
	whole(w, &q, "Looking it up done");
	sent_ok(w, 1);
	assert_string_equal(w->fake->m[0].text, "Looking it up done");
}

static void stop__gives_back__what_was_not_sent(void **state)
{
	struct world *w = *state;
	struct who q = who_in("C1");
	fake_fail(w->fake, "chat.postMessage", 0, 1, FAULT_429, NULL);
	whole(w, &q, "x");
	UNTIL(fake_calls(w->fake, "chat.postMessage") == 1);
	usleep(50000);
	slack_out_stop(w->out);
	slack_api_stop(w->api);
	assert_true(wait_sent(w, 1, 40));
	assert_int_equal(w->sent[0].result, ERR_RETRY);
	struct reply r = reply_of(&q, REPLY_WHOLE, "late");
	assert_int_equal(slack_out_send(w->out, &r), ERR_RETRY);
}

static void send__refuses__a_foreign_origin(void **state)
{
	struct world *w = *state;
	struct reply r = { .kind = REPLY_WHOLE, .origin = "web:7", .origin_len = 5, .text = "x", .text_len = 1 };
	assert_int_equal(slack_out_send(w->out, &r), ERR_INPUT);
}

int main(void)
{
	log_set_level(LOG_ERROR);
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(send__posts__a_whole_answer_at_once),
		cmocka_unit_test(send__looks__before_posting_again),
		T(send__waits__only_where_slack_said_so),
		T(send__keeps__the_order_of_a_thread),
		T(send__splits__a_long_answer_without_loss),
		T(send__says__why_it_could_not),
		T(send__goes_plainer__when_blocks_are_refused),
		T(send__tries_again__when_something_in_between_answers),
		T(send__shows__buttons),
		T(maybe_sent__finds__what_is_there),
		T(uncertain__looks__before_it_posts),
		T(maybe_sent__posts__what_is_missing),
		T(maybe_sent__completes__an_open_stream_in_place),
		T(maybe_sent__opens__no_second_message),
		T(stream__shows__growth_and_ends_exact),
		T(stream__is_not_opened__when_the_answer_is_quick),
		T(stream__is_edited__when_the_end_differs),
		T(stream__goes_on__after_a_reset),
		cmocka_unit_test(stream__is_edited__after_slack_closed_it),
		T(stream__stays_away__when_a_person_deleted_it),
		cmocka_unit_test(stream__survives__lost_answers),
		cmocka_unit_test(stream__rolls_over__before_its_end),
		T(stream__is_not_tried_again__where_it_is_unknown),
		T(stream__does_not_open__when_the_run_is_lost),
		T(abandon__closes__what_is_shown),
		T(private__goes__to_the_response_url_then_ephemeral),
		T(private__where_slack_refuses_it__goes_to_the_conversation),
		T(status__is_shown__only_when_it_takes_time),
		T(tool__becomes__a_task_of_the_stream),
		T(stop__gives_back__what_was_not_sent),
		T(send__refuses__a_foreign_origin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
