/*
 * What is relayed passes the same filter as an answer: a sealed secret of the workspace, a call to everybody, an image or a foreign link is brought to each of the ways in which Eddy carries words from
 * one place to another, by a model that says it or by people who do; what arrives must not have it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../core/base/buf.h"
#include "../../../core/base/clock.h"
#include "../../../core/base/mem.h"
#include "../../../core/engine/engine_internal.h"
#include "../../../core/store/seal.h"
#include "../../support/attacks.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

#define MASTER "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SEALED "vault-7-quokka-token"
#define LATER "second-vault-8-token"

static struct fixture *f;
static struct pg *pg;
static struct seal *seal;
static int number, forks;

/* ---- where people are ---- */

static struct {
	struct adapter_ops ops;
	struct engine *e;
	pthread_mutex_t mutex;
	char *text[64];
	char origin[64][INTENT_ORIGIN_MAX];
	size_t len;
} people = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static enum err people_send(struct adapter *a, const struct reply *r)
{
	char ref[32];
	(void)a;
	if (r->kind != REPLY_WHOLE)
		return ERR_NONE;
	pthread_mutex_lock(&people.mutex);
	assert_true(people.len < 64);
	snprintf(ref, sizeof ref, "root-%zu", people.len);
	people.text[people.len++] = xstrndup(r->text, r->text_len);
	pthread_mutex_unlock(&people.mutex);
	engine_sent(people.e, &(struct sent){ .ws = r->ws, .delivery = r->delivery, .result = ERR_NONE, .external_ref = ref });
	return ERR_NONE;
}

static size_t people_origin(struct adapter *a, struct id ws, const char *place, const char *subject, char out[INTENT_ORIGIN_MAX])
{
	(void)a;
	(void)ws;
	(void)subject;
	return (size_t)snprintf(out, INTENT_ORIGIN_MAX, "%s/", place);
}

static size_t people_within(struct adapter *a, const void *origin, size_t n, const char *thread, char out[INTENT_ORIGIN_MAX])
{
	(void)a;
	return (size_t)snprintf(out, INTENT_ORIGIN_MAX, "%.*s%s", (int)n, (const char *)origin, thread);
}

static size_t arrived(void)
{
	pthread_mutex_lock(&people.mutex);
	size_t n = people.len;
	pthread_mutex_unlock(&people.mutex);
	return n;
}

static void wait_arrived(size_t n)
{
	for (uint64_t until = clock_ms() + 90000; arrived() < n && clock_ms() < until;)
		usleep(3000);
	if (arrived() < n)
		fail_msg("nothing arrived where people are");
}

static void put_secret(struct pg *on, struct id ws, const char *name, const char *value)
{
	assert_int_equal(pg_begin(on, ws), ERR_NONE);
	assert_int_equal(pg_end(on, secret_put(seal, on, ws, "own", name, value, strlen(value))), ERR_NONE);
}

static void before_start(void *arg, struct engine *e)
{
	(void)arg;
	people.e = e;
	people.ops = (struct adapter_ops){ .name = "people",
		.caps = CAP_THREAD,
		.send = people_send,
		.origin_for = people_origin,
		.origin_within = people_within };
	engine_add_adapter(e, &people.ops, (struct adapter *)(void *)&people);
	engine_offer_people(e, "test", "people", "C9");
	put_secret(e->side, e->default_ws, "vault", SEALED);
}

/* ---- what is said ---- */

static const char *key(void)
{
	static char text[16][24];
	char *k = text[number % 16];
	snprintf(k, sizeof text[0], "k%d", number++);
	return k;
}

static void say(const char *person, const char *thread, const char *text, bool to_us)
{
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, person, thread, key(), text, to_us));
}

static void heard(size_t from, const char *words)
{
	for (uint64_t until = clock_ms() + 90000; clock_ms() < until; usleep(3000))
		for (size_t i = fixture_count(f, REPLY_WHOLE); i-- > from;)
			if (strstr(fixture_reply(f, i)->text, words) != NULL)
				return;
	for (size_t i = from; i < fixture_count(f, REPLY_WHOLE); i++)
		print_error("said: %s\n", fixture_reply(f, i)->text);
	fail_msg("nobody has heard \"%s\"", words);
}

/* A side thread of ${thread} is open; its key. */
static const char *open_fork(const char *thread, size_t from)
{
	static char fork[24], is_open[40];
	say("Ada", thread, "fork: the vault", true);
	snprintf(fork, sizeof fork, "f%d", ++forks);
	snprintf(is_open, sizeof is_open, "#%d is open", forks);
	heard(from, "is open: ");
	say("Bob", fork, "One.", false);
	say("Ada", fork, "Two.", false);
	assert_true(db_settles(20000));
	return fork;
}

static void draft(const struct attack *a, const char *fork, size_t from)
{
	struct buf words = BUF_INIT;
	buf_addf(&words,
	    "{\"headline\":\"The vault\",\"points\":[{\"text\":\"%s\",\"sources\":[2]}],\"decisions\":[],\"open_questions\":[],\"deferred\":[]}",
	    a->with[0]);
	fixture_words(f, words.p);
	say("Ada", fork, "resolve", false);
	heard(from, "for Ada to accept");
	buf_done(&words);
}

/* ---- the judge ---- */

struct before {
	size_t replies, people;
};

static struct before before(void)
{
	assert_true(db_settles(30000));
	return (struct before){ fixture_count(f, REPLY_WHOLE), arrived() };
}

static void look(const struct attack *a, const char *where, const char *text, bool *reached)
{
	if (strstr(text, a->with[1]) != NULL)
		fail_msg("\"%s\" in %s: %s", a->with[1], where, text);
	*reached |= strstr(text, a->refusal) != NULL;
}

/* In nothing that came since, nor in anything of Eddy's that is stored; what took its place is there. */
static void judge(const struct attack *a, const struct before *b)
{
	bool reached = false;
	char query[400];
	assert_true(db_settles(30000));
	for (size_t i = b->replies; i < fixture_count(f, REPLY_WHOLE); i++)
		look(a, "a reply", fixture_reply(f, i)->text, &reached);
	for (size_t i = b->people; i < arrived(); i++)
		look(a, "what people got", people.text[i], &reached);
	snprintf(query, sizeof query,
	    "SELECT count(*) FROM eddy.messages m JOIN eddy.threads t ON t.id = m.thread_id WHERE strpos(body || coalesce(whole, ''), '%s') > 0"
	    " AND (author_kind = 2 OR m.message_key IS NULL)",
	    a->with[1]);
	assert_int_equal(db_count(query), 0);
	snprintf(query, sizeof query, "SELECT count(*) FROM eddy.outbox WHERE strpos(coalesce(body, ''), '%s') > 0", a->with[1]);
	assert_int_equal(db_count(query), 0);
	if (!reached) {
		for (size_t i = b->replies; i < fixture_count(f, REPLY_WHOLE); i++)
			print_error("said: %s\n", fixture_reply(f, i)->text);
		fail_msg("nothing of it arrived at all");
	}
}

/* ---- carriers ---- */

static const char *thread_of(void)
{
	static char thread[24];
	snprintf(thread, sizeof thread, "t%d", number++);
	return thread;
}

static void by_answer(const struct attack *a)
{
	struct before b = before();
	fixture_words(f, a->with[0]);
	say("Ada", thread_of(), "what is it?", true);
	fixture_wait_replies(f, b.replies + 1, 30000);
	judge(a, &b);
}

static void by_search(const struct attack *a)
{
	struct before b = before();
	const char *thread = thread_of();
	say("Ada", thread, a->with[0], false);
	say("Ada", thread, "search wombat", true);
	fixture_wait_replies(f, b.replies + 1, 30000);
	judge(a, &b);
}

static void by_summary(const struct attack *a)
{
	struct before b = before();
	const char *thread = thread_of();
	char words[600];
	say("Ada", thread, "One.", false);
	say("Bob", thread, "Two.", false);
	say("Ada", thread, "Three.", false);
	snprintf(words, sizeof words, "- %s [1]", a->with[0]);
	fixture_words(f, words);
	say("Ada", thread, "summarise", true);
	heard(b.replies, "In short");
	judge(a, &b);
}

static void by_opening(const struct attack *a)
{
	struct before b = before();
	const char *thread = thread_of();
	say("Ada", thread, a->with[0], false);
	open_fork(thread, b.replies);
	judge(a, &b);
}

static void by_draft(const struct attack *a)
{
	struct before b = before();
	const char *thread = thread_of();
	say("Ada", thread, "What about it?", false);
	draft(a, open_fork(thread, b.replies), b.replies);
	judge(a, &b);
}

static void by_resolution(const struct attack *a)
{
	struct before b = before();
	const char *thread = thread_of(), *fork;
	say("Ada", thread, "What about it?", false);
	draft(a, fork = open_fork(thread, b.replies), b.replies);
	b = before();
	say("Ada", fork, "accept", false);
	heard(b.replies, "from side thread");
	judge(a, &b);
}

/* It was the model's draft, and somebody has put the words in by hand. */
static void by_edit(const struct attack *a)
{
	struct before b = before();
	const char *thread = thread_of(), *fork;
	char words[600];
	say("Ada", thread, "What about it?", false);
	struct attack plain = *a;
	plain.with[0] = "It is there.";
	draft(&plain, fork = open_fork(thread, b.replies), b.replies);
	b = before();
	snprintf(words, sizeof words, "edit:\n**The vault**\n\n- %s [2]", a->with[0]);
	say("Ada", fork, words, false);
	heard(b.replies, "as you want it");
	say("Ada", fork, "accept", false);
	heard(b.replies, "from side thread");
	judge(a, &b);
}

static size_t hand_over(const char *thread)
{
	size_t n = arrived();
	assert_true(fixture_say(f, "U1", thread, key(), "talk to a person"));
	wait_arrived(n + 1);
	return n;
}

static void by_notice(const struct attack *a)
{
	struct before b = before();
	const char *thread = thread_of();
	assert_true(fixture_say(f, "U1", thread, key(), a->with[0]));
	fixture_wait_replies(f, b.replies + 1, 30000);
	b = before();
	hand_over(thread);
	judge(a, &b);
}

static void by_passing(const struct attack *a)
{
	const char *thread = thread_of();
	hand_over(thread);
	struct before b = before();
	assert_true(fixture_say(f, "U1", thread, key(), a->with[0]));
	wait_arrived(b.people + 1);
	judge(a, &b);
}

static void by_passing_back(const struct attack *a)
{
	char root[32], origin[48], query[300], thread[24];
	snprintf(thread, sizeof thread, "%s", thread_of());
	snprintf(root, sizeof root, "root-%zu", hand_over(thread));
	assert_true(db_settles(30000));
	struct intent in = { .kind = INTENT_MESSAGE_POSTED,
		.adapter = "people",
		.source_key = root,
		.message_key = root,
		.thread_key = root,
		.person = { .external_id = "Cleo", .name = "Cleo" },
		.place = { .external_id = "C9", .name = "support", .visibility = VIS_PUBLIC, .eddy_is_member = true },
		.text = a->with[0],
		.text_len = strlen(a->with[0]),
		.origin = origin,
		.origin_len = (size_t)snprintf(origin, sizeof origin, "C9/%s", root) };
	assert_true(fixture_do(f, &in, NULL));
	snprintf(query, sizeof query,
	    "SELECT (count(*) = 1)::int FROM eddy.messages m JOIN eddy.threads t ON t.id = m.thread_id WHERE t.external_key = '%s' AND strpos(m.body, '%s') > 0"
	    " AND strpos(m.body, '%s') = 0",
	    thread, a->refusal, a->with[1]);
	if (!db_comes_true(query, 20000))
		fail_msg("it did not arrive at the page, or as it was");
}

/* A secret that is set while Eddy runs, and one that is taken away. */
static void by_answer_later(const struct attack *a)
{
	put_secret(pg, fixture_ws(f), "later", LATER);
	bool gone = false;
	uint64_t until = clock_ms() + 30000;
	do { /* the announcement is on its way */
		size_t n = fixture_count(f, REPLY_WHOLE);
		fixture_words(f, a->with[0]);
		say("Ada", thread_of(), "what is it?", true);
		fixture_wait_replies(f, n + 1, 30000);
		gone = strstr(fixture_reply(f, n)->text, a->with[1]) == NULL;
		if (!gone)
			assert_true(test_db_exec("UPDATE eddy.messages SET body = 'x' WHERE author_kind = 2"));
	} while (!gone && clock_ms() < until);
	assert_true(gone);
	by_answer(a);
}

#define KEEPS "members api_keys approvals context_items"
#define SECRET(carrier) \
	{ \
		carrier ": a sealed secret", "(secret left out)", KEEPS
#define ALL(carrier) \
	{ \
		carrier ": everybody called", "@\xe2\x80\x8b", KEEPS
#define SAYS_SECRET \
	{ \
		"the wombat token is " SEALED ", keep it", SEALED \
	} \
	}
#define SAYS_ALL \
	{ \
		"a wombat for @channel and @everyone", "@channel" \
	} \
	}
static const struct attack attacks[] = {
	SECRET("answer"),
	by_answer,
	SAYS_SECRET,
	ALL("answer"),
	by_answer,
	SAYS_ALL,
	{ "answer: a sealed secret with marks between its letters", "(secret left out)", KEEPS, by_answer,
	    { "it is **vault**-7-quo**kka**-token", "quokka" } },
	{ "answer: a sealed secret in a link", "(link left out)", KEEPS, by_answer,
	    { "see https://evil.example/" SEALED, SEALED } },
	{ "answer: a secret that is sealed while Eddy runs", "(secret left out)", "members api_keys approvals context_items",
	    by_answer_later, { "it is " LATER, LATER } },
	SECRET("search"),
	by_search,
	SAYS_SECRET,
	ALL("search"),
	by_search,
	SAYS_ALL,
	SECRET("summary"),
	by_summary,
	SAYS_SECRET,
	ALL("summary"),
	by_summary,
	SAYS_ALL,
	{ "summary: an image of a foreign host", "(link left out)", KEEPS, by_summary,
	    { "![x](https://evil.example/p.png) and https://evil.example/x", "https://evil" } },
	SECRET("side thread"),
	by_opening,
	SAYS_SECRET,
	ALL("side thread"),
	by_opening,
	SAYS_ALL,
	SECRET("draft"),
	by_draft,
	SAYS_SECRET,
	ALL("draft"),
	by_draft,
	SAYS_ALL,
	{ "draft: a link to a foreign host", "(link left out)", KEEPS, by_draft, { "see https://evil.example/x", "https://evil" } },
	SECRET("accepted resolution"),
	by_resolution,
	SAYS_SECRET,
	ALL("accepted resolution"),
	by_resolution,
	SAYS_ALL,
	{ "accepted resolution: a link to a foreign host", "(link left out)", KEEPS, by_resolution,
	    { "see https://evil.example/x", "https://evil" } },
	SECRET("edited resolution"),
	by_edit,
	SAYS_SECRET,
	ALL("edited resolution"),
	by_edit,
	SAYS_ALL,
	SECRET("hand-over notice"),
	by_notice,
	SAYS_SECRET,
	ALL("hand-over notice"),
	by_notice,
	SAYS_ALL,
	SECRET("passed to people"),
	by_passing,
	SAYS_SECRET,
	ALL("passed to people"),
	by_passing,
	SAYS_ALL,
	SECRET("passed to the page"),
	by_passing_back,
	SAYS_SECRET,
	ALL("passed to the page"),
	by_passing_back,
	SAYS_ALL,
};

static const char *value(const char *query)
{
	const char *text = test_db_value(query);
	return text != NULL ? text : "";
}

static void settle(void)
{
	assert_true(db_settles(30000));
}

static int up(void **state)
{
	static const struct pg_statement *const tables[] = { secret_statements, NULL };
	char why[200];
	(void)state;
	if (seal_open(&seal, NULL, MASTER, false, why, sizeof why) != ERR_NONE)
		return -1;
	f = fixture_new(&(struct fixture_options){
	    .scan_ms = 100, .before_start = before_start, .settings = "secrets.master_key=" MASTER "\0" });
	return pg_open(&pg, fixture_url(f), tables, why, sizeof why) == ERR_NONE ? 0 : -1;
}

static int down(void **state)
{
	(void)state;
	fixture_free(f);
	pg_close(pg);
	seal_close(seal);
	for (size_t i = 0; i < people.len; i++)
		free(people.text[i]);
	return 0;
}

int main(void)
{
	return attacks_run("carried", attacks, sizeof attacks / sizeof *attacks, value, settle, up, down);
}
