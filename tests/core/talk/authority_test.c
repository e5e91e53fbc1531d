/*
 * The rule about readers (migrations/017, docs/authority.md) against a small model of it, for every thread, asker and way of asking of a world that
 * has each kind of place.  Then the rule is broken: each condition that stands in it between a number and a bar is taken for true and for false,
 * and the model has to notice.  A rule that is added without a case that needs it fails here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../core/base/buf.h"
#include "../../../core/base/mem.h"
#include "../../../core/talk/search.h"
#include "../../support/db.h"
#include "../../support/mutants.h"

enum { ANA, BEN, GUEST, DOUBT, PEOPLE, NOBODY = PEOPLE };
enum { UNKNOWN, DIRECT, PRIVATE, SHARED, PUBLIC };
#define A 1u
#define B 2u
#define G 4u
#define D 8u
#define THREADS 2

/* Doubt: nobody has vouched for that identity.  Ana has one on each platform; that of "post" is not vouched for. */
static const int verified[PEOPLE][3] = { { 2, 0, 2 }, { 2, -1, -1 }, { 2, -1, -1 }, { 0, -1, -1 } };
static const char *const adapters[] = { "chat", "post", "page" };

static const struct {
	const char *name;
	int adapter, visibility;
	bool member;
	unsigned wrote[THREADS]; /* the lowest bit: first */
	int named;               /* readers that the platform does not keep */
	unsigned alone;          /* whom something was told alone there */
} places[] = {
	{ "general", 0, PUBLIC, true, { A | B, B }, 0, A | B | G },
	{ "random", 0, PUBLIC, true, { B, G }, 0, A },
	{ "left", 0, PUBLIC, false, { A, B }, 0, 0 },
	{ "board", 0, PRIVATE, true, { A, B }, 0, A },
	{ "salaries", 0, PRIVATE, true, { B, B }, 0, 0 },
	{ "partners", 0, SHARED, true, { A, B }, 0, A },
	{ "unclear", 0, UNKNOWN, true, { A, 0 }, 0, B },
	{ "ana", 0, DIRECT, true, { A, A }, 0, A },
	{ "ana too", 0, DIRECT, true, { A, 0 }, 1, 0 },
	{ "ana before", 0, DIRECT, false, { A, A }, 0, 0 },
	{ "ben", 0, DIRECT, true, { B, B }, 0, 0 },
	{ "guest", 0, DIRECT, true, { G, G }, 0, G },
	{ "doubt", 0, DIRECT, true, { D, D }, 0, D },
	{ "doubt too", 0, DIRECT, true, { D, 0 }, 0, 0 },
	{ "two", 0, DIRECT, true, { A, B }, 0, A },
	{ "two in one", 0, DIRECT, true, { A | B, A }, 0, 0 },
	{ "copied", 0, DIRECT, true, { A, A }, 2, 0 },
	{ "nobody yet", 0, DIRECT, true, { 0, 0 }, 0, 0 },
	{ "ana by post", 1, DIRECT, true, { A, A }, 1, 0 },
	{ "ana by post too", 1, DIRECT, true, { A, 0 }, 1, 0 },
	{ "ana's page", 2, DIRECT, true, { A, A }, 0, 0 },
	{ "ana's other page", 2, DIRECT, true, { A, 0 }, 0, 0 },
};
enum { PLACES = sizeof(places) / sizeof(places[0]), STREAMS = THREADS + PEOPLE };

static const struct pg_statement *const tables[] = { search_statements, NULL };
static struct pg *pg;
static struct id ws, people[PEOPLE + 1];
/* Of each place: its threads, and one for what each person was told there alone. */
static struct stream {
	struct id thread, audience;
	bool there;
	int alone;
} streams[PLACES][STREAMS];
static struct id place_ids[PLACES];

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

static int first_of(unsigned mask)
{
	for (int i = 0; i < PEOPLE; i++)
		if (mask & 1u << i)
			return i;
	return NOBODY;
}

static void make_thread(int p, int s, struct id audience, int alone)
{
	struct stream *x = &streams[p][s];
	unsigned wrote = alone == NOBODY ? places[p].wrote[s] : 1u << alone;
	int first = first_of(wrote);
	*x = (struct stream){ id_new(), audience, true, alone };
	sql("INSERT INTO eddy.threads (ws, id, place_id, external_key, seq, taking_part, last_author, only_person, several, audience_id)"
	    " VALUES ('%s', '%s', '%s', 't%d', 1, true, 1, nullif('%s', '%s')::uuid, %s, '%s')",
	    text_of(ws), text_of(x->thread), text_of(place_ids[p]), s, text_of(first == NOBODY ? ID_NONE : people[first]),
	    text_of(ID_NONE), (wrote & (wrote - 1)) != 0 ? "true" : "false", text_of(audience));
}

static void make_place(int p)
{
	struct id id = place_ids[p] = id_new();
	sql("INSERT INTO eddy.audiences (ws, id, kind, subject) VALUES ('%s', '%s', 1, '%s');"
	    " INSERT INTO eddy.places (ws, id, adapter, external_id, name, visibility, member, audience_id)"
	    " VALUES ('%s', '%s', '%s', 'P%d', $n$%s$n$, %d, %s, '%s')",
	    text_of(ws), text_of(id), text_of(id), text_of(ws), text_of(id), adapters[places[p].adapter], p, places[p].name,
	    places[p].visibility, places[p].member ? "true" : "false", text_of(id));
	for (int i = 0; i < places[p].named; i++)
		sql("INSERT INTO eddy.place_people (ws, place_id, external_id) VALUES ('%s', '%s', 'reader%d')", text_of(ws),
		    text_of(id), i);
	for (int t = 0; t < THREADS; t++)
		make_thread(p, t, id, NOBODY);
	for (int who = 0; who < PEOPLE; who++)
		if (places[p].alone & 1u << who) {
			struct id audience = id_new();
			sql("INSERT INTO eddy.audiences (ws, id, kind, subject) VALUES ('%s', '%s', 2, '%s')", text_of(ws),
			    text_of(audience), text_of(people[who]));
			make_thread(p, THREADS + who, audience, who);
		}
}

static int setup(void **state)
{
	(void)state;
	char why[200];
	if (pg_open(&pg, test_db_fresh(), tables, why, sizeof why) != ERR_NONE) {
		print_error("%s\n", why);
		return -1;
	}
	ws = test_db_workspace("acme");
	for (int i = 0; i < PEOPLE; i++) {
		people[i] = id_new();
		sql("INSERT INTO eddy.people (ws, id, name, guest) VALUES ('%s', '%s', 'P%d', %s)", text_of(ws), text_of(people[i]),
		    i, i == GUEST ? "true" : "false");
		for (int a = 0; a < 3; a++)
			if (verified[i][a] >= 0)
				sql("INSERT INTO eddy.identities (ws, adapter, external_id, person_id, verified) VALUES ('%s', '%s', 'U%d', '%s', %d)",
				    text_of(ws), adapters[a], i, text_of(people[i]), verified[i][a]);
	}
	people[NOBODY] = ID_NONE;
	for (int p = 0; p < PLACES; p++)
		make_place(p);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pg_close(pg);
	return 0;
}

/* ---- the model ---- */

struct question {
	int place, stream, asker;
	bool guest, alone; /* as the caller says */
};

static bool is_guest(const struct question *q)
{
	return q->guest || q->asker == GUEST;
}

/* All who read an answer there belong to the house. */
static bool is_house(const struct question *q)
{
	int v = places[q->place].visibility;
	return !is_guest(q) && (v == DIRECT || v == PRIVATE || v == PUBLIC);
}

/* Nobody but ${who} has a part in that place, whom its platform knows. */
static bool is_own(int p, int who)
{
	unsigned wrote = places[p].wrote[0] | places[p].wrote[1];
	return who < PEOPLE && places[p].visibility == DIRECT && wrote == 1u << who && places[p].named <= 1 && places[p].member &&
	    verified[who][places[p].adapter] >= 1;
}

static bool may_read(const struct question *q, int p, const struct stream *s)
{
	const struct stream *asks = &streams[q->place][q->stream];
	bool told_alone = s->alone != NOBODY;
	if (p == q->place && (!told_alone || s == asks))
		return !is_guest(q) || s == asks; /* 1, 2 */
	if (!is_house(q))
		return false; /* 3 */
	if (!told_alone && places[p].visibility == PUBLIC && places[p].member)
		return true; /* 4, 5 */
	if (q->asker == NOBODY || !(q->alone || is_own(q->place, q->asker)))
		return false; /* 6 */
	if (told_alone)
		return s->alone == q->asker;                                         /* 7 */
	return is_own(p, q->asker) && places[p].adapter == places[q->place].adapter; /* 8 … 13 */
}

/* ---- what the database says ---- */

static bool has(const struct search_allowed *a, struct id audience)
{
	for (size_t i = 0; i < a->len; i++)
		if (id_equal(a->audiences[i], audience))
			return true;
	return false;
}

static void name_question(const struct question *q, char *out, size_t n)
{
	static const char *const names[] = { "Ana", "Ben", "a guest", "Doubt", "nobody" };
	snprintf(out, n, "%s asks in %s/%d%s%s", names[q->asker], places[q->place].name, q->stream, q->alone ? ", alone" : "",
	    q->guest ? ", as a guest" : "");
}

/* How often the database says something else than the model. */
static int ask(const struct question *q, bool complain)
{
	const struct stream *asks = &streams[q->place][q->stream];
	const struct search_scope scope = {
		.ws = ws, .thread = asks->thread, .person = people[q->asker], .guest = q->guest, .alone = q->alone
	};
	struct search_allowed a;
	int wrong = 0;
	assert_int_equal(search_allowed_audiences(pg, &scope, &a), ERR_NONE);
	assert_true(id_equal(a.scope.place, place_ids[q->place]));
	for (int p = 0; p < PLACES; p++)
		for (int i = 0; i < STREAMS; i++) {
			const struct stream *s = &streams[p][i];
			if (!s->there)
				continue;
			bool only = id_is_none(a.only_thread) || id_equal(a.only_thread, s->thread);
			bool given = has(&a, s->audience), may = may_read(q, p, s);
			/* Other places are closed to a guest twice over. */
			bool twice = is_guest(q) && given && p != q->place;
			if ((given && only) == may && !twice)
				continue;
			char text[200];
			name_question(q, text, sizeof(text));
			if (complain && wrong++ < 3)
				print_error("# %s: %s/%d is %s\n", text, places[p].name, i, may ? "withheld" : "told");
			wrong += !complain;
		}
	search_allowed_done(&a);
	return wrong;
}

static int ask_all(bool complain)
{
	int wrong = 0;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	for (int p = 0; p < PLACES; p++)
		for (int s = 0; s < STREAMS; s++)
			for (int who = 0; who <= NOBODY && streams[p][s].there; who++)
				for (int way = 0; way < 4; way++) {
					const struct question q = { p, s, who, (way & 1) != 0, (way & 2) != 0 };
					if (streams[p][s].alone != NOBODY && (who != streams[p][s].alone || !q.alone))
						continue; /* nobody else asks there */
					wrong += ask(&q, complain);
					if (wrong > 0 && !complain) {
						assert_int_equal(pg_end(pg, ERR_NONE), ERR_NONE);
						return wrong;
					}
				}
	assert_int_equal(pg_end(pg, ERR_NONE), ERR_NONE);
	return wrong;
}

static void rule__every_thread_and_asker__as_the_model_says(void **state)
{
	(void)state;
	assert_int_equal(ask_all(true), 0);
}

/* A page that nobody has seen yet: its person reads what the house reads, and nobody knows yet what else is that person's. */
static void rule__a_new_page__public_places_only(void **state)
{
	(void)state;
	const struct search_scope scope = { .ws = ws, .place = id_new(), .person = people[ANA], .alone = true, .own_place = true };
	struct search_allowed a;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(search_allowed_audiences(pg, &scope, &a), ERR_NONE);
	assert_int_equal(a.len, 2);
	assert_true(has(&a, place_ids[0]) && has(&a, place_ids[1]));
	search_allowed_done(&a);
	struct search_scope other = scope;
	other.own_place = false;
	assert_int_equal(search_allowed_audiences(pg, &other, &a), ERR_NONE);
	assert_int_equal(a.len, 0);
	search_allowed_done(&a);
	other = scope;
	other.person = people[GUEST];
	assert_int_equal(search_allowed_audiences(pg, &other, &a), ERR_NONE);
	assert_int_equal(a.len, 0);
	search_allowed_done(&a);
	assert_int_equal(pg_end(pg, ERR_NONE), ERR_NONE);
}

/* ---- mutants ---- */

static void rule__one_condition_less__noticed(void **state)
{
	(void)state;
	unsigned rules = mutants_run("own_places", ask_all) | mutants_run("allowed_audiences", ask_all);
	char *text = mutant_definition("allowed_audiences");
	const char *both = strstr(text, "ARRAY[here.audience_id, here.readers]");
	assert_non_null(both);
	size_t at = (size_t)(both - text), end = at + strlen("ARRAY[here.audience_id, here.readers]");
	mutant_check(text, at, end, "ARRAY[here.audience_id]", "rule 1", ask_all);
	mutant_check(text, at, end, "ARRAY[here.readers]", "rule 1", ask_all);
	assert_true(test_db_exec(text));
	free(text);
	assert_int_equal(rules, 0x3ffc); /* 2 … 13 */
	assert_int_equal(ask_all(true), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule__every_thread_and_asker__as_the_model_says),
		cmocka_unit_test(rule__a_new_page__public_places_only),
		cmocka_unit_test(rule__one_condition_less__noticed),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
