/* Settings of teams as runs see them: the next one begins with what was changed, one that has begun keeps what it has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../core/api/api.h"
#include "../../../core/base/clock.h"
#include "../../../core/base/json.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

#define OWNER "00000000-0000-4000-8000-000000000001"

static struct pg *pg;
static struct caller owner;

/* Another process, as far as the engine knows. */
static void call(const char *name, const char *args)
{
	json_t *in = NULL, *out = NULL;
	struct problem p;
	assert_int_equal(json_parse(args, strlen(args), 10000, &in, NULL), ERR_NONE);
	if (api_run(NULL, pg, &owner, name, in, id_new(), &out, &p) != API_OK)
		fail_msg("%s %s: %s", name, args, p.detail);
	json_decref(in);
	json_decref(out);
}

static void begin(struct fixture *f)
{
	char why[200], sql[500], ws[ID_TEXT];
	struct id person;
	id_format(fixture_ws(f), ws);
	snprintf(sql, sizeof sql,
	    "INSERT INTO eddy.people (ws, id) VALUES ('%s', '" OWNER "'); INSERT INTO eddy.members (ws, node_id, person_id, role)"
	    " VALUES ('%s', '%s', '" OWNER "', 4)",
	    ws, ws, ws);
	assert_true(test_db_exec(sql));
	assert_int_equal(pg_open(&pg, fixture_url(f), api_tables, why, sizeof why), ERR_NONE);
	assert_true(id_parse(OWNER, &person));
	assert_int_equal(pg_begin(pg, fixture_ws(f)), ERR_NONE);
	assert_int_equal(authority_of(pg, fixture_ws(f), person, "cli", &owner), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
}

static void end(struct fixture *f)
{
	pg_close(pg);
	fixture_free(f);
}

static bool say(struct fixture *f, const char *place, const char *thread, const char *key, const char *text)
{
	return fixture_say_in(f, place, VIS_PUBLIC, "Ada", thread, key, text, true);
}

static bool heard(struct fixture *f, const char *words)
{
	for (uint64_t until = clock_ms() + 90000; clock_ms() < until; usleep(3000))
		for (size_t i = fixture_count(f, REPLY_WHOLE); i-- > 0;) {
			const struct noted *n = fixture_reply(f, i);
			if (n != NULL && strstr(n->text, words) != NULL)
				return true;
		}
	return false;
}

/* Asks in ${place} until what the model is told has ${words}: within two seconds, and a slow machine's. */
static bool told(struct fixture *f, const char *place, const char *words)
{
	static int n;
	for (uint64_t until = clock_ms() + 30000; clock_ms() < until;) {
		char key[20], text[40], answer[40];
		snprintf(key, sizeof key, "q%d", ++n);
		snprintf(text, sizeof text, "question %d.", n);
		snprintf(answer, sizeof answer, "question %d.", n);
		assert_true(say(f, place, key, key, text));
		assert_true(heard(f, answer));
		char *asked = fixture_asked(f);
		bool is = strstr(asked, words) != NULL;
		free(asked);
		if (is)
			return true;
	}
	return false;
}

struct seen {
	atomic_int calls, old, fresh;
	atomic_bool hang;
};

static enum script look(void *arg, const struct model_request *r, bool floor)
{
	struct seen *s = arg;
	(void)floor;
	atomic_fetch_add(&s->calls, 1);
	bool is_new = memmem(r->system, r->system_len, "You are a pirate", 16) != NULL;
	atomic_fetch_add(is_new ? &s->fresh : &s->old, 1);
	assert_int_equal(is_new, r->model != NULL && strcmp(r->model, "big") == 0);
	return atomic_exchange(&s->hang, false) ? SCRIPT_HANG : SCRIPT_ANSWER;
}

static void config__changed__is_for_the_next_run(void **state)
{
	(void)state;
	struct seen seen = { .hang = true };
	struct fixture *f = fixture_new(&(struct fixture_options){ .scan_ms = 100, .on_call = look, .call_arg = &seen });
	begin(f);
	assert_true(say(f, "C1", "t1", "k1", "first."));
	assert_true(fixture_wait_calls(f, 1, 90000));
	call("config.set", "{\"set\":{\"agent.prompt\":\"You are a pirate.\",\"agent.model\":\"big\"}}");
	assert_true(told(f, "C2", "You are a pirate"));
	int old = atomic_load(&seen.old);
	fixture_release_as(f, SCRIPT_TOOL); /* the run goes on, and asks once more */
	assert_true(heard(f, "found: "));
	assert_int_equal(atomic_load(&seen.old), old + 1);
	assert_true(db_settles(30000));
	/* what they had is noted with them */
	assert_int_equal(db_count("SELECT count(DISTINCT config_id) FROM runs WHERE state = 3"), 2);
	assert_int_equal(
	    db_count("SELECT count(*) FROM runs r JOIN config_snapshots c ON c.ws = r.ws AND c.id = r.config_id JOIN messages m"
	             " ON m.id = r.message_id WHERE m.message_key = 'k1' AND c.doc->>'agent.model' = ''"),
	    1);
	end(f);
}

static void config__of_a_team__is_for_its_places(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .scan_ms = 100 });
	begin(f);
	assert_true(say(f, "C1", "t1", "k1", "first."));
	assert_true(say(f, "C2", "t2", "k2", "second."));
	assert_true(heard(f, "first.") && heard(f, "second."));
	call("org.create", "{\"name\":\"pay\"}");
	call("config.set",
	    "{\"team\":\"pay\",\"set\":{\"agent.prompt\":\"You work for pay.\",\"agents\":{\"eddy\":{\"tools\":[\"read_message\"]}}}}");
	call("place.assign", "{\"place\":\"test:C1\",\"team\":\"pay\"}");
	assert_true(told(f, "C1", "You work for pay."));
	char *asked = fixture_asked(f);
	assert_non_null(strstr(asked, "read_message"));
	assert_null(strstr(asked, "search_messages"));
	free(asked);
	assert_true(told(f, "C2", "search_messages"));
	asked = fixture_asked(f);
	assert_null(strstr(asked, "You work for pay."));
	free(asked);
	call("place.assign", "{\"place\":\"test:C1\"}");
	assert_true(told(f, "C1", "search_messages"));
	end(f);
}

static void config__limits_and_languages__are_the_teams(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .scan_ms = 100 });
	begin(f);
	call("config.set", "{\"set\":{\"forks.max_active\":1,\"search.languages\":[\"german\"]}}");
	assert_true(told(f, "C3", "Eddy"));
	usleep(1200000); /* what was looked up before the change is as old as it may get */
	assert_true(say(f, "C1", "t1", "k1", "Wir kaufen drei Katzen."));
	assert_true(heard(f, "drei Katzen."));
	assert_true(say(f, "C1", "t1", "k2", "search Katze"));
	assert_true(heard(f, "Katzen.") && heard(f, "1 "));
	assert_true(say(f, "C1", "t1", "k3", "fork which cat?"));
	assert_true(heard(f, "which cat?"));
	assert_true(db_comes_true("SELECT count(*) FROM forks WHERE state = 2", 90000));
	assert_true(say(f, "C1", "t1", "k4", "fork which other cat?"));
	assert_true(heard(f, "1 side thread is open here"));
	end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config__changed__is_for_the_next_run),
		cmocka_unit_test(config__of_a_team__is_for_its_places),
		cmocka_unit_test(config__limits_and_languages__are_the_teams),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
