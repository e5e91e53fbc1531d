/* What `search WORDS` finds, for whom, and how it is shown: a stored workspace with every kind of place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../core/base/buf.h"
#include "../../../core/talk/find.h"
#include "../../support/db.h"
#include "../../support/talk.h"

#define NOW 1782921900000ll /* Wednesday 2026-07-01 16:05 UTC */
#define HOUR 3600000ll
#define DAY 86400000ll

static const struct pg_statement *const tables[] = { search_statements, find_statements, NULL };
static const char *const languages[] = { "english", "german" };
static struct pg *pg;
static struct id ws, ana, ben, guest;
static struct id general, secret, shared, unknown, ana_dm, ana_dm2, ben_dm, ana_other; /* places */
static struct id t_general, t_side, t_secret, t_shared, t_unknown, t_ana_dm, t_ana_dm2, t_ben_dm, t_ana_other, t_ana_alone,
    t_ben_alone;

static void __attribute__((format(printf, 1, 2))) sql(const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	va_list ap;
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	if (!test_db_exec(b.p))
		fail_msg("%s", b.p);
	buf_done(&b);
}

static const char *text_of(struct id id)
{
	static char out[8][ID_TEXT];
	static int next;
	return id_format(id, out[next++ % 8]);
}

static struct id direct(struct id person, const char *adapter, struct id *thread)
{
	struct id place = talk_place(ws, "dm", VIS_DIRECT, true);
	*thread = talk_thread(ws, place);
	sql("UPDATE eddy.threads SET only_person = '%s' WHERE id = '%s'", text_of(person), text_of(*thread));
	sql("UPDATE eddy.places SET adapter = '%s' WHERE id = '%s'", adapter, text_of(place));
	return place;
}

static struct id person_of(const char *name, int verified)
{
	struct id p = talk_person(ws, name);
	sql("INSERT INTO eddy.identities (ws, adapter, external_id, person_id, verified) VALUES ('%s', 'test', 'U%s', '%s', %d)",
	    text_of(ws), text_of(p), text_of(p), verified);
	return p;
}

static int setup(void **state)
{
	(void)state;
	char why[200];
	const char *url = test_db_fresh();
	if (pg_open(&pg, url, tables, why, sizeof why) != ERR_NONE) {
		print_error("%s\n", why);
		return -1;
	}
	ws = test_db_workspace("acme");
	ana = person_of("Ana Lima", 2);
	ben = person_of("Ben Okoro", 2);
	guest = person_of("Guest", 2);
	general = talk_place(ws, "general", VIS_PUBLIC, true);
	secret = talk_place(ws, "secret", VIS_PRIVATE, true);
	shared = talk_place(ws, "with partners", VIS_EXTERNAL, true);
	unknown = talk_place(ws, "what is this", VIS_UNKNOWN, true);
	t_general = talk_thread(ws, general);
	t_side = talk_thread(ws, general);
	t_secret = talk_thread(ws, secret);
	t_shared = talk_thread(ws, shared);
	t_unknown = talk_thread(ws, unknown);
	ana_dm = direct(ana, "test", &t_ana_dm);
	ana_dm2 = direct(ana, "test", &t_ana_dm2);
	ben_dm = direct(ben, "test", &t_ben_dm);
	ana_other = direct(ana, "elsewhere", &t_ana_other);
	t_ana_alone = talk_private_thread(ws, general, ana);
	t_ben_alone = talk_private_thread(ws, general, ben);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pg_close(pg);
	return 0;
}

static struct find_result look_as(struct find_ask a, const char *text)
{
	struct find_request r;
	struct find_result f;
	struct buf problem = BUF_INIT;
	if (!find_request_read(text, strlen(text), NULL, NOW, &r, &problem))
		fail_msg("%s: %s", text, problem.p);
	a.scope.ws = ws;
	a.languages = languages;
	a.languages_len = 2;
	a.limit = a.limit == 0 ? 20 : a.limit;
	a.snippet = 200;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(find_run(pg, &a, &r, &f), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	find_request_done(&r);
	buf_done(&problem);
	return f;
}

static struct find_result look(const char *text)
{
	return look_as((struct find_ask){ .scope = { .thread = t_general, .person = ana } }, text);
}

static void expect(const char *text, int64_t want)
{
	struct find_result f = look(text);
	if ((int64_t)f.len != want || f.total != want || f.loose)
		fail_msg("%s: %zu of %lld matches%s, not %lld", text, f.len, (long long)f.total, f.loose ? " of some words" : "",
		    (long long)want);
	find_result_done(&f);
}

static void find__knows__words_phrases_alternatives_and_filters(void **state)
{
	(void)state;
	struct id place = talk_place(ws, "release plans", VIS_PUBLIC, true), t = talk_thread(ws, place);
	talk_message(ws, t, ben, NOW - 2 * DAY, "Falcon ships on 14 March, see https://plan.test/falcon", NULL);
	talk_message(ws, t, ana, NOW - DAY, "the falcon needs a new name", "[{\"name\":\"names.txt\"}]");
	talk_message(ws, t_side, ana, NOW - HOUR, "a new falcon? name it Zoë's café", NULL);
	expect("falcon", 3);
	expect("FALCON name", 2);
	expect("\"new name\" falcon", 1);
	expect("\xe2\x80\x9cnew name\xe2\x80\x9d falcon", 1);
	expect("falcon -name", 1);
	expect("ships OR cafe", 2);
	expect("zoe falcon", 1);
	expect("falcon in:\"release plans\"", 2);
	expect("falcon in:release", 2);
	expect("falcon in:#general", 1);
	expect("falcon in:here", 1);
	expect("falcon from:me", 2);
	expect("falcon from:ben", 1);
	expect("falcon from:@ana before:2026-07-01", 1);
	expect("falcon after:today", 1);
	expect("falcon since:\"this week\" has:number", 1);
	expect("falcon has:link", 1);
	expect("falcon has:file", 1);
	expect("falcon has:question", 1);
	expect("has:file in:\"release plans\"", 1);
	expect("in:release", 2);
}

static void find__knows__forms_of_words_in_its_languages(void **state)
{
	(void)state;
	talk_message(ws, t_general, ben, NOW - HOUR, "the walruses were running to the shops", NULL);
	talk_message(ws, t_general, ben, NOW - HOUR, "Wir haben die Häuser gestrichen, auch das Haus am See", NULL);
	expect("walrus run", 1);
	expect("walrus shopping", 1);
	expect("haus gestrichen", 1);
	expect("Hauses", 1);
	expect("the walrus", 1); /* "the" is in every second message and need not be */
	expect("\"walrus were\"", 0);
	struct find_result f = look("walrus zebra");
	assert_true(f.loose);
	assert_int_equal(f.len, 1);
	find_result_done(&f);
	struct find_ask a = { .scope = { .thread = t_general, .person = ana }, .prefix = true };
	f = look_as(a, "walrus runn");
	assert_int_equal(f.len, 1);
	assert_false(f.loose);
	find_result_done(&f);
	f = look_as(a, "w");
	assert_true(f.len >= 1);
	find_result_done(&f);
}

static void find__says__what_it_does_not_know(void **state)
{
	(void)state;
	static const struct {
		const char *text, *say;
	} bad[] = {
		{ "falcon colour:red", "no filter `colour:`" },
		{ "falcon before:someday", "`before:someday`" },
		{ "falcon after:2026-13-01", "`after:2026-13-01`" },
		{ "falcon after:\"a` [b](https://example.org)\"", "`after:`" },
		{ "falcon has:wings", "`has:`" },
		{ "falcon order:random", "`order:`" },
		{ "falcon page:0", "`page:`" },
		{ "falcon page:99", "`page:`" },
		{ "page:2", "What shall I look for?" },
		{ "  ", "What shall I look for?" },
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct find_request r;
		struct buf problem = BUF_INIT;
		buf_reserve(&problem, 1);
		if (find_request_read(bad[i].text, strlen(bad[i].text), NULL, NOW, &r, &problem) ||
		    strstr(problem.p, bad[i].say) == NULL)
			fail_msg("%s: %s", bad[i].text, problem.p);
		buf_done(&problem);
	}
	expect("https://plan.test/falcon", 1); /* no filter */
	expect("falcon from:nobody", 0);
	expect("falcon in:nowhere", 0);
	struct find_result f = look("falcon in:secret");
	assert_true(f.no_place);
	find_result_done(&f);
}

static void find__writes__what_it_has_read(void **state)
{
	(void)state;
	struct find_request r;
	struct buf out = BUF_INIT;
	static const char text[] = "falcon  in:\"release plans\" \"new name\" page:3 before:today -old";
	assert_true(find_request_read(text, strlen(text), NULL, NOW, &r, &out));
	assert_int_equal(r.page, 3);
	assert_string_equal(r.words, "falcon \"new name\" -old");
	find_request_write(&r, 4, 0, NULL, &out);
	assert_string_equal(out.p, "search falcon in:\"release plans\" \"new name\" before:today -old page:4");
	buf_reset(&out);
	find_request_write(&r, 1, NOW, NULL, &out);
	assert_string_equal(out.p, "search falcon in:\"release plans\" \"new name\" -old before:2026-07-01T16:05");
	find_request_done(&r);
	buf_done(&out);
}

/* ---- who may be shown what: every kind of place that asks, against every place that holds the word ---- */
enum {
	IN_GENERAL = 1,
	IN_SECRET = 2,
	IN_SHARED = 4,
	IN_UNKNOWN = 8,
	ANA_DM = 16,
	ANA_DM2 = 32,
	BEN_DM = 64,
	ANA_OTHER = 128,
	ANA_ALONE = 256,
	BEN_ALONE = 512,
	IN_SIDE = 1024
};

static void find__shows__only_what_all_readers_may_read(void **state)
{
	(void)state;
	const struct {
		struct id *thread;
		int bit;
	} homes[] = { { &t_general, IN_GENERAL }, { &t_side, IN_SIDE }, { &t_secret, IN_SECRET }, { &t_shared, IN_SHARED },
		{ &t_unknown, IN_UNKNOWN }, { &t_ana_dm, ANA_DM }, { &t_ana_dm2, ANA_DM2 }, { &t_ben_dm, BEN_DM },
		{ &t_ana_other, ANA_OTHER }, { &t_ana_alone, ANA_ALONE }, { &t_ben_alone, BEN_ALONE } };
	enum { HOMES = sizeof homes / sizeof homes[0] };
	struct id canary[HOMES];
	for (int i = 0; i < HOMES; i++)
		canary[i] = talk_message(ws, *homes[i].thread, ben, NOW - HOUR, "the canary sings", NULL);
	const int open = IN_GENERAL | IN_SIDE;
	const int own = ANA_DM | ANA_DM2 | ANA_ALONE;
	const struct {
		const char *what;
		struct id *thread, *person;
		bool guest, alone;
		int want, more; /* more: the asker alone could be shown something else */
	} cases[] = {
		{ "public channel", &t_general, &ana, false, false, open, 1 },
		{ "public channel, alone", &t_general, &ana, false, true, open | own, 0 },
		{ "public channel, the other", &t_general, &ben, false, true, open | BEN_DM | BEN_ALONE, 0 },
		{ "public channel, nobody known", &t_general, NULL, false, true, open, 0 },
		{ "public channel, guest", &t_general, &guest, true, false, IN_GENERAL, 0 },
		{ "public channel, guest alone", &t_general, &ana, true, true, IN_GENERAL, 0 },
		{ "somebody without own places", &t_general, &guest, false, true, open, 0 },
		{ "private channel", &t_secret, &ana, false, false, open | IN_SECRET, 1 },
		{ "private channel, alone", &t_secret, &ana, false, true, open | IN_SECRET | own, 0 },
		{ "shared channel", &t_shared, &ana, false, false, IN_SHARED, 0 },
		{ "shared channel, alone", &t_shared, &ana, false, true, IN_SHARED, 0 },
		{ "unknown place", &t_unknown, &ana, false, true, IN_UNKNOWN, 0 },
		{ "own direct place", &t_ana_dm, &ana, false, false, open | own, 0 },
		{ "own direct place, guest", &t_ana_dm, &ana, true, false, ANA_DM, 0 },
		{ "another's direct place", &t_ben_dm, &ana, false, false, open | BEN_DM, 1 },
		{ "direct place of another adapter", &t_ana_other, &ana, false, false, open | ANA_OTHER, 1 },
		{ "own private answer", &t_ana_alone, &ana, false, true, open | own, 0 },
		{ "another's private answer", &t_ben_alone, &ana, false, false, open | BEN_ALONE, 1 },
	};
	for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
		struct find_ask a = { .scope = { .thread = *cases[c].thread,
			                  .person = cases[c].person == NULL ? ID_NONE : *cases[c].person,
			                  .guest = cases[c].guest,
			                  .alone = cases[c].alone },
			.look_at_own = true };
		struct find_result f = look_as(a, "canary");
		int got = 0;
		for (size_t i = 0; i < f.len; i++)
			for (int k = 0; k < HOMES; k++)
				got |= id_equal(f.hits[i].id, canary[k]) ? homes[k].bit : 0;
		if (got != cases[c].want || f.own != (cases[c].more == 1))
			fail_msg("%s: %d instead of %d, more %d", cases[c].what, got, cases[c].want, f.own);
		find_result_done(&f);
	}
	/* A direct place is nobody's own any more once somebody else has written there, or was never sure to be. */
	sql("UPDATE eddy.threads SET several = true WHERE id = '%s'", text_of(t_ana_dm2));
	struct find_result f = look_as((struct find_ask){ .scope = { .thread = t_ana_dm, .person = ana } }, "canary");
	assert_int_equal(f.len, 4); /* general, side, this one, the private answer */
	find_result_done(&f);
	sql("UPDATE eddy.threads SET several = false WHERE id = '%s'", text_of(t_ana_dm2));
	sql("UPDATE eddy.identities SET verified = 0 WHERE person_id = '%s'", text_of(ana));
	f = look_as((struct find_ask){ .scope = { .thread = t_ana_dm, .person = ana } }, "canary");
	assert_int_equal(f.len, 3);
	find_result_done(&f);
	sql("UPDATE eddy.identities SET verified = 2 WHERE person_id = '%s'", text_of(ana));
}

static void find__pages__without_gaps_under_ties(void **state)
{
	(void)state;
	struct id place = talk_place(ws, "ties", VIS_PUBLIC, true), t = talk_thread(ws, place);
	enum { N = 45 };
	struct id seen[N];
	size_t len = 0;
	for (int i = 0; i < N; i++)
		talk_message(ws, t, ben, NOW - DAY, "an albatross", NULL);
	for (int page = 1; page <= 7; page++) {
		char text[60];
		snprintf(text, sizeof text, "albatross page:%d", page);
		struct find_result f =
		    look_as((struct find_ask){ .scope = { .thread = t_general, .person = ana }, .limit = 8 }, text);
		assert_int_equal(f.total, N);
		assert_int_equal(f.more, page < 6);
		for (size_t i = 0; i < f.len; i++) {
			for (size_t k = 0; k < len; k++)
				assert_false(id_equal(seen[k], f.hits[i].id));
			seen[len++] = f.hits[i].id;
		}
		find_result_done(&f);
	}
	assert_int_equal(len, N);
}

static void find__forgets__deleted_and_edited_at_once(void **state)
{
	(void)state;
	struct id m;
	m = talk_message(ws, t_side, ben, NOW - HOUR, "a pangolin", NULL);
	expect("pangolin", 1);
	sql("UPDATE eddy.messages SET body = 'an aardvark', state = 1 WHERE id = '%s'", text_of(m));
	expect("pangolin", 0);
	expect("aardvark", 1);
	talk_delete(m);
	expect("aardvark", 0);
}

static void nothing(void *arg, const struct found_message *m)
{
	(void)arg;
	(void)m;
}

static void find__sees__a_message_in_the_transaction_that_stores_it(void **state)
{
	(void)state;
	struct pg_args *args = pg_args_new();
	struct search_allowed allowed;
	struct search_totals totals;
	static const struct pg_statement insert[] = {
		{ "insert",
		    "INSERT INTO messages (ws, id, thread_id, seq, rev, author_kind, author_id, body, audience_id) SELECT $1, gen_random_uuid(), t.id, 9000,"
		    " 9000, 1, $3, 'an unseen okapi', t.audience_id FROM threads t WHERE t.ws = $1 AND t.id = $2" },
		{ NULL, NULL }
	};
	const struct pg_statement *const with[] = { search_statements, insert, NULL };
	struct pg *p;
	char why[200];
	char url[512];
	snprintf(url, sizeof url, "%s", test_db_admin());
	if (pg_open(&p, url, with, why, sizeof why) != ERR_NONE)
		fail_msg("%s", why);
	pg_arg_id(args, ws);
	pg_arg_id(args, t_side);
	pg_arg_id(args, ben);
	assert_int_equal(pg_begin(p, ws), ERR_NONE);
	assert_int_equal(pg_query(p, "insert", args, NULL), ERR_NONE);
	assert_int_equal(search_allowed_audiences(p, &(struct search_scope){ .ws = ws, .thread = t_general }, &allowed), ERR_NONE);
	struct search_query q = { .text = "okapi", .limit = 5 };
	assert_int_equal(search_messages(p, &allowed, &q, nothing, NULL, &totals), ERR_NONE);
	assert_int_equal(totals.matches, 1);
	pg_rollback(p);
	search_allowed_done(&allowed);
	pg_args_free(args);
	pg_close(p);
	expect("okapi", 0);
}

/* ---- what was made of messages ---- */
static int found_of(const struct find_result *f, enum find_kind kind)
{
	int n = 0;
	for (size_t i = 0; i < f->len; i++)
		n += f->hits[i].kind == kind;
	return n;
}

/* As by mail, where a side thread is a place of its own: each of the two may have readers that the other has not. */
static void find__of_a_fork_elsewhere__goes_by_who_was_told(void **state)
{
	(void)state;
	struct id apart = talk_place(ws, "aside", VIS_PRIVATE, true), t_apart = talk_thread(ws, apart);
	struct id back = talk_message(ws, t_secret, ID_NONE, NOW, "We take the caracal.", NULL);
	talk_message(ws, t_apart, ID_NONE, NOW, "Side thread #9: which caracal", NULL);
	struct id f1 = id_new();
	sql("INSERT INTO eddy.forks (ws, id, parent_id, n, topic, state, created_by, adapter, place_key, parent_origin, thread_id)"
	    " VALUES ('%s', '%s', '%s', 9, 'which caracal', 3, '%s', 'test', 'C', '', '%s')",
	    text_of(ws), text_of(f1), text_of(t_secret), text_of(ana), text_of(t_apart));
	sql("INSERT INTO eddy.resolutions (ws, id, fork_id, state, headline, body, sources, by_model, message_id, closed_by) VALUES ('%s',"
	    " gen_random_uuid(), '%s', 2, 'The caracal', '- it is', '{}', true, '%s', '%s')",
	    text_of(ws), text_of(f1), text_of(back), text_of(ana));
	const struct {
		struct id thread;
		int forks, resolutions;
		struct id leads;
	} cases[] = {
		{ t_secret, 1, 1, t_secret }, /* told that it is open, and what came of it; the way into it is not theirs */
		{ t_apart, 1, 0, t_apart },   /* what was posted there is not theirs */
		{ t_side, 0, 0, ID_NONE },
		{ t_shared, 0, 0, ID_NONE },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct find_result f =
		    look_as((struct find_ask){ .scope = { .thread = cases[i].thread, .person = ana } }, "caracal");
		if (found_of(&f, FIND_FORK) != cases[i].forks || found_of(&f, FIND_RESOLUTION) != cases[i].resolutions)
			fail_msg("case %zu: %d forks, %d resolutions", i, found_of(&f, FIND_FORK), found_of(&f, FIND_RESOLUTION));
		for (size_t k = 0; k < f.len; k++)
			assert_true(id_equal(f.hits[k].thread, cases[i].leads));
		find_result_done(&f);
	}
	sql("UPDATE eddy.messages SET state = 2, body = '' WHERE id = '%s'", text_of(back)); /* what was posted is gone */
	struct find_result f = look_as((struct find_ask){ .scope = { .thread = t_secret, .person = ana } }, "caracal");
	assert_int_equal(found_of(&f, FIND_RESOLUTION), 0);
	find_result_done(&f);
}

static void find__finds__forks_resolutions_and_items_for_their_readers(void **state)
{
	(void)state;
	struct id fork_thread = talk_thread(ws, general), closed_thread = talk_private_thread(ws, general, ben);
	struct id about = talk_message(ws, t_side, ben, NOW - HOUR, "which database?", NULL);
	struct id back = talk_message(ws, t_side, ID_NONE, NOW, "We take the narwhal.", NULL);
	talk_message(ws, fork_thread, ID_NONE, NOW, "Let us see.", NULL);
	static const char fork[] =
	    "INSERT INTO eddy.forks (ws, id, parent_id, n, topic, state, created_by, adapter, place_key, parent_origin, thread_id)"
	    " VALUES ('%s', '%s', '%s', %d, '%s', %d, '%s', 'test', 'C', '', '%s')";
	struct id f1 = id_new(), f2 = id_new(), r1 = id_new(), i1 = id_new();
	sql(fork, text_of(ws), text_of(f1), text_of(t_side), 1, "which narwhal to take", 3, text_of(ana), text_of(fork_thread));
	sql(fork, text_of(ws), text_of(f2), text_of(t_ben_alone), 2, "a narwhal for one", 2, text_of(ana), text_of(closed_thread));
	sql("INSERT INTO eddy.resolutions (ws, id, fork_id, state, headline, body, sources, by_model, message_id, closed_by) VALUES ('%s', '%s', '%s', 2,"
	    " 'The grey narwhal', '- it is grey', '{}', true, '%s', '%s')",
	    text_of(ws), text_of(r1), text_of(f1), text_of(back), text_of(ana));
	sql("INSERT INTO eddy.resolutions (ws, id, fork_id, state, headline, body, sources, by_model) VALUES ('%s', gen_random_uuid(), '%s', 1,"
	    " 'A draft of a narwhal', '- x', '{}', true)",
	    text_of(ws), text_of(f1));
	static const char item[] =
	    "INSERT INTO eddy.context_items (ws, id, kind, scope, state, origin, body, audience_id, expires_at)"
	    " SELECT '%s', '%s', 2, 5, %d, 1, 'We feed the narwhal', audience_id, %s FROM eddy.threads WHERE id = '%s'";
	sql(item, text_of(ws), text_of(i1), 2, "NULL", text_of(t_side));
	sql(item, text_of(ws), text_of(id_new()), 1, "NULL", text_of(t_side));                     /* a proposal */
	sql(item, text_of(ws), text_of(id_new()), 2, "now() - interval '1 day'", text_of(t_side)); /* expired */
	sql(item, text_of(ws), text_of(id_new()), 2, "NULL", text_of(t_secret));                   /* not for here */
	sql("INSERT INTO eddy.context_sources (ws, item_id, message_id) VALUES ('%s', '%s', '%s')", text_of(ws), text_of(i1),
	    text_of(about));
	struct find_result f = look("narwhal");
	int kinds[4] = { 0 };
	for (size_t i = 0; i < f.len; i++)
		kinds[f.hits[i].kind]++;
	assert_int_equal(kinds[FIND_FORK], 1);
	assert_int_equal(kinds[FIND_RESOLUTION], 1);
	assert_int_equal(kinds[FIND_ITEM], 1);
	assert_int_equal(kinds[FIND_MESSAGE], 0); /* Eddy's own words are asked for by name */
	assert_int_equal(f.hits[0].kind, FIND_RESOLUTION);
	assert_true(id_equal(f.hits[0].message, back));
	struct buf md = BUF_INIT;
	struct find_request r;
	assert_true(find_request_read("narwhal", 7, NULL, NOW, &r, &md));
	find_write(&r, &f, 20, &(struct find_words){ .wall_ms = NOW, .link = talk_permalink }, &md);
	assert_non_null(strstr(md.p, "3 matches for **narwhal**:"));
	assert_non_null(strstr(md.p, "1. Resolution: The grey narwhal — - it is grey"));
	assert_non_null(strstr(md.p, talk_link(back)));
	assert_non_null(strstr(md.p, "Decision: We feed the **narwhal**"));
	assert_non_null(strstr(md.p, "Fork (resolved): which **narwhal** to take — Ana Lima in \\#general"));
	find_request_done(&r);
	buf_done(&md);
	find_result_done(&f);
	f = look_as((struct find_ask){ .scope = { .thread = t_shared, .person = ana } }, "narwhal");
	assert_int_equal(f.len, 0);
	find_result_done(&f);
	f = look_as((struct find_ask){ .scope = { .thread = t_secret, .person = ana } }, "narwhal");
	assert_int_equal(f.len, 4);
	find_result_done(&f);
	f = look_as((struct find_ask){ .scope = { .thread = t_side, .person = guest, .guest = true } }, "narwhal");
	assert_int_equal(f.len, 2); /* fork and resolution of this thread; the item is the workspace's */
	find_result_done(&f);
	f = look_as((struct find_ask){ .scope = { .thread = t_ben_alone, .person = ben, .alone = true } }, "narwhal");
	assert_int_equal(f.len, 4); /* his own side thread too */
	find_result_done(&f);
}

static void find__shows__a_quote_with_its_words_marked(void **state)
{
	(void)state;
	struct id m = talk_message(ws, t_side, ben, NOW - 400 * DAY, "*Zoë* said: the quoll <b>\nlives in cafés & [zoos](x)", NULL);
	struct find_result f = look("quolls cafe");
	struct buf md = BUF_INIT;
	struct find_request r;
	assert_true(find_request_read("quolls cafe", 11, NULL, NOW, &r, &md));
	find_write(&r, &f, 8, &(struct find_words){ .wall_ms = NOW, .link = talk_permalink }, &md);
	struct buf want = BUF_INIT;
	buf_addf(&want,
	    "1 match for **quolls cafe**:\n\n1. \\*Zoë\\* said: the **quoll** \\<b\\> lives in **cafés** \\& \\[zoos\\]\\(x\\) — Ben Okoro in \\#general, "
	    "27 May 2025 16:05 · [open](<%s>)\n",
	    talk_link(m));
	assert_string_equal(md.p, want.p);
	buf_done(&want);
	buf_done(&md);
	find_request_done(&r);
	find_result_done(&f);
	f = look("quagga -zebra");
	assert_int_equal(f.len, 0);
	assert_true(find_request_read("quagga -zebra", 13, NULL, NOW, &r, &md));
	find_write(&r, &f, 8, &(struct find_words){ .wall_ms = NOW }, &md);
	assert_non_null(strstr(md.p, "I found nothing for **quagga -zebra**"));
	assert_non_null(strstr(md.p, "Try fewer or other words."));
	find_request_done(&r);
	find_result_done(&f);
	buf_done(&md);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(find__knows__words_phrases_alternatives_and_filters),
		cmocka_unit_test(find__knows__forms_of_words_in_its_languages),
		cmocka_unit_test(find__says__what_it_does_not_know),
		cmocka_unit_test(find__writes__what_it_has_read),
		cmocka_unit_test(find__shows__only_what_all_readers_may_read),
		cmocka_unit_test(find__pages__without_gaps_under_ties),
		cmocka_unit_test(find__forgets__deleted_and_edited_at_once),
		cmocka_unit_test(find__sees__a_message_in_the_transaction_that_stores_it),
		cmocka_unit_test(find__of_a_fork_elsewhere__goes_by_who_was_told),
		cmocka_unit_test(find__finds__forks_resolutions_and_items_for_their_readers),
		cmocka_unit_test(find__shows__a_quote_with_its_words_marked),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
