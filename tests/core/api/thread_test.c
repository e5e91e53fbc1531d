/* Threads through the API, against a real database: who sees which, paging, and what a change leaves behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../../core/api/serve.h"
#include "../../../core/base/json.h"
#include "../../../core/memory/item.h"
#include "../../../core/people/keys.h"
#include "../../support/db.h"
#include "../../support/sql.h"

#define TEAM "aaaaaaaa-0000-4000-8000-000000000002"
/* Places: public, private, Ana's page, Ben's page, public and a team's, public without Eddy, shared with another company. */
#define PLACE(n) "bbbbbbbb-0000-4000-8000-00000000000" n
#define THREAD(n) "cccccccc-0000-4000-8000-00000000000" n
#define ANA "dddddddd-0000-4000-8000-000000000001"
#define BEN "dddddddd-0000-4000-8000-000000000002"

static struct pg *pg;
static struct id ws;
static char ws_text[ID_TEXT];

static void place(const char *id, int visibility, bool member, const char *team)
{
	run("INSERT INTO eddy.audiences (ws, id, kind, subject) VALUES ('%s', '%s', 1, '%s');"
	    "INSERT INTO eddy.places (ws, id, adapter, external_id, name, visibility, member, audience_id, team_id) VALUES ('%s', '%s', 'web', '%s', 'place', %d, %s, '%s', %s)",
	    ws_text, id, id, ws_text, id, id, visibility, member ? "true" : "false", id, team == NULL ? "NULL" : team);
}

static void thread(const char *id, const char *in, const char *person, int minutes)
{
	run("INSERT INTO eddy.threads (ws, id, place_id, external_key, seq, taking_part, last_author, only_person, several, audience_id, created_at)"
	    " VALUES ('%s', '%s', '%s', '%s', 2, true, 1, '%s', false, '%s', timestamptz '2026-01-01' + %d * interval '1 minute');"
	    "INSERT INTO eddy.messages (ws, id, thread_id, seq, rev, message_key, author_id, author_kind, body, audience_id)"
	    " VALUES ('%s', gen_random_uuid(), '%s', 1, 1, 'k1', '%s', 1, 'asked in %s', '%s'),"
	    " ('%s', gen_random_uuid(), '%s', 2, 2, NULL, NULL, 2, 'answered', '%s')",
	    ws_text, id, in, id, person, in, minutes, ws_text, id, person, id, in, ws_text, id, in);
}

static int set_up(void **state)
{
	(void)state;
	char why[200];
	static const struct pg_statement *tables[40];
	size_t n = 0;
	while (api_tables[n] != NULL && n < 38) {
		tables[n] = api_tables[n];
		n++;
	}
	tables[n] = serve_statements;
	if (pg_open(&pg, test_db_fresh(), tables, why, sizeof why) != ERR_NONE) {
		fprintf(stderr, "%s\n", why);
		return -1;
	}
	ws = test_db_workspace("one");
	id_format(ws, ws_text);
	run("INSERT INTO eddy.nodes (ws, id, parent_id, kind, slug, name) VALUES ('%s', '" TEAM "', '%s', 3, 'team', 'Team');"
	    "INSERT INTO eddy.people (ws, id, name) VALUES ('%s', '" ANA "', 'Ana'), ('%s', '" BEN "', 'Ben');"
	    "INSERT INTO eddy.identities (ws, adapter, external_id, person_id, verified) VALUES ('%s', 'web', 'ana', '" ANA
	    "', 1), ('%s', 'web', 'ben', '" BEN "', 1)",
	    ws_text, ws_text, ws_text, ws_text, ws_text, ws_text);
	place(PLACE("1"), 4, true, NULL);
	place(PLACE("2"), 2, true, NULL);
	place(PLACE("3"), 1, true, NULL);
	place(PLACE("4"), 1, true, NULL);
	place(PLACE("5"), 4, true, "'" TEAM "'");
	place(PLACE("6"), 4, false, NULL);
	place(PLACE("7"), 3, true, NULL);
	thread(THREAD("1"), PLACE("1"), BEN, 1);
	thread(THREAD("2"), PLACE("2"), ANA, 2);
	thread(THREAD("3"), PLACE("3"), ANA, 3);
	thread(THREAD("4"), PLACE("4"), BEN, 4);
	thread(THREAD("5"), PLACE("5"), BEN, 5);
	thread(THREAD("6"), PLACE("6"), ANA, 6);
	thread(THREAD("7"), PLACE("7"), ANA, 7);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pg_close(pg);
	return 0;
}

static enum api_code call(const char *person, const char *secret, const char *key, const char *name, const char *args, json_t **out)
{
	struct api_reply got;
	json_t *in = NULL;
	assert_int_equal(json_parse(args, strlen(args), 1000, &in, NULL), ERR_NONE);
	const struct api_request q = { .ws = ws,
		.adapter = "web",
		.person = person,
		.secret = secret,
		.via = "web",
		.procedure = name,
		.args = in,
		.key = key,
		.id = id_new() };
	api_serve(NULL, pg, &q, &got);
	json_decref(in);
	if (out != NULL)
		*out = got.out;
	else
		json_decref(got.out);
	return got.code;
}

/* The last digits of the ids of a list, in order: "751". */
static const char *ids(const json_t *out)
{
	static char text[64];
	size_t i, n = 0;
	json_t *t;
	json_array_foreach (json_arr(out, "threads"), i, t)
		text[n++] = json_str(t, "id", "?")[35];
	text[n] = '\0';
	return text;
}

static void assert_list(const char *person, const char *secret, const char *args, const char *want)
{
	json_t *out = NULL;
	assert_int_equal(call(person, secret, NULL, "thread.list", args, &out), API_OK);
	assert_string_equal(ids(out), want);
	json_decref(out);
}

static void threads__are_seen__by_whoever_may_read_them(void **state)
{
	(void)state;
	/* What she alone was told in a private place does not show her that place. */
	run("INSERT INTO eddy.audiences (ws, id, kind, subject) VALUES ('%s', 'eeeeeeee-0000-4000-8000-000000000002', 2, '" ANA
	    "');"
	    "INSERT INTO eddy.messages (ws, id, thread_id, seq, rev, author_kind, body, audience_id) VALUES ('%s', gen_random_uuid(), '" THREAD(
	        "2") "', 3, 3, 2,"
	             " 'for Ana alone', 'eeeeeeee-0000-4000-8000-000000000002')",
	    ws_text, ws_text);
	assert_list("ana", NULL, "{}", "531");
	assert_list("ben", NULL, "{}", "541");
	assert_list("ana", NULL, "{\"team\":\"team\"}", "5");
	static const char *const of_ana[] = { THREAD("1"), THREAD("3"), THREAD("5") },
	                         *const not_of_ana[] = { THREAD("2"), THREAD("4"), THREAD("6"), THREAD("7"), THREAD("8"),
		                         PLACE("1") };
	char args[120];
	for (size_t i = 0; i < 3; i++) {
		snprintf(args, sizeof args, "{\"id\":\"%s\"}", of_ana[i]);
		assert_int_equal(call("ana", NULL, NULL, "thread.get", args, NULL), API_OK);
	}
	for (size_t i = 0; i < 6; i++) {
		static const char *const procs[] = { "thread.get", "thread.archive", "thread.reopen" };
		for (size_t k = 0; k < 3; k++) {
			snprintf(args, sizeof args, "{\"id\":\"%s\"}", not_of_ana[i]);
			assert_int_equal(call("ana", NULL, NULL, procs[k], args, NULL), API_NOT_FOUND);
		}
		snprintf(args, sizeof args, "{\"id\":\"%s\",\"title\":\"mine\"}", not_of_ana[i]);
		assert_int_equal(call("ana", NULL, NULL, "thread.rename", args, NULL), API_NOT_FOUND);
		snprintf(args, sizeof args, "{\"thread\":\"%s\"}", not_of_ana[i]);
		assert_int_equal(call("ana", NULL, NULL, "message.list", args, NULL), API_NOT_FOUND);
		assert_int_equal(call("ana", NULL, NULL, "fork.list", args, NULL), API_NOT_FOUND);
	}
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.threads WHERE title = 'mine' OR state <> 1"), "0");
}

static void threads__of_a_team__are_all_that_its_key_sees(void **state)
{
	(void)state;
	json_t *made = NULL, *out = NULL;
	char text[KEY_TEXT];
	run("INSERT INTO eddy.members (ws, node_id, person_id, role) VALUES ('%s', '%s', '" ANA "', 4)", ws_text, ws_text);
	assert_int_equal(call("ana", NULL, NULL, "key.issue",
	                     "{\"name\":\"k\",\"role\":\"member\",\"scopes\":[\"talk:read\"],\"team\":\"team\"}", &made),
	    API_OK);
	run("DELETE FROM eddy.members");
	snprintf(text, sizeof text, "%s", json_str(made, "key", ""));
	json_decref(made);
	run("INSERT INTO eddy.members (ws, node_id, person_id, role) VALUES ('%s', '%s', '" ANA "', 4)", ws_text, ws_text);
	assert_list(NULL, text, "{\"team\":\"team\"}", "5");
	assert_int_equal(call(NULL, text, NULL, "thread.list", "{}", &out), API_NOT_FOUND);
	assert_int_equal(
	    call(NULL, text, NULL, "thread.get", "{\"team\":\"team\",\"id\":\"" THREAD("1") "\"}", NULL), API_NOT_FOUND);
	assert_int_equal(
	    call(NULL, text, NULL, "message.list", "{\"team\":\"team\",\"thread\":\"" THREAD("5") "\"}", NULL), API_OK);
	assert_int_equal(
	    call(NULL, text, NULL, "thread.archive", "{\"team\":\"team\",\"id\":\"" THREAD("5") "\"}", NULL), API_FORBIDDEN);
	run("DELETE FROM eddy.members");
}

static void threads__page_by_page__are_each_there_once(void **state)
{
	(void)state;
	char args[120] = "{\"limit\":1}", all[16] = "";
	json_t *out = NULL;
	for (int i = 0; i < 5 && args[0] != '\0'; i++) {
		assert_int_equal(call("ana", NULL, NULL, "thread.list", args, &out), API_OK);
		strcat(all, ids(out));
		const char *cursor = json_str(out, "cursor", NULL);
		args[0] = '\0';
		if (cursor != NULL)
			snprintf(args, sizeof args, "{\"limit\":1,\"cursor\":\"%s\"}", cursor);
		json_decref(out);
	}
	assert_string_equal(all, "531");
	assert_int_equal(call("ana", NULL, NULL, "thread.list", "{\"cursor\":\"nonsense\"}", NULL), API_INVALID);
	assert_int_equal(call("ana", NULL, NULL, "thread.list", "{\"limit\":51}", NULL), API_INVALID);
}

static void messages__of_a_thread__come_in_order_and_only_those_for_the_reader(void **state)
{
	(void)state;
	json_t *out = NULL;
	/* What Ben alone was told in the public place. */
	run("INSERT INTO eddy.audiences (ws, id, kind, subject) VALUES ('%s', 'eeeeeeee-0000-4000-8000-000000000001', 2, '" BEN
	    "');"
	    "INSERT INTO eddy.messages (ws, id, thread_id, seq, rev, author_kind, body, audience_id) VALUES ('%s', gen_random_uuid(), '" THREAD(
	        "1") "', 3, 3, 2,"
	             " 'for Ben alone', 'eeeeeeee-0000-4000-8000-000000000001');UPDATE eddy.threads SET seq = 3 WHERE id = '" THREAD(
	                 "1") "'",
	    ws_text, ws_text);
	assert_int_equal(call("ana", NULL, NULL, "message.list", "{\"thread\":\"" THREAD("1") "\"}", &out), API_OK);
	assert_int_equal(json_array_size(json_arr(out, "messages")), 2);
	json_decref(out);
	assert_int_equal(
	    call("ben", NULL, NULL, "message.list", "{\"thread\":\"" THREAD("1") "\",\"after\":1,\"limit\":1}", &out), API_OK);
	const json_t *m = json_array_get(json_arr(out, "messages"), 0);
	assert_string_equal(json_str(m, "text", ""), "answered");
	assert_string_equal(json_str(m, "author_kind", ""), "eddy");
	assert_true(json_bool(out, "more", false));
	assert_string_equal(json_str(out, "cursor", ""), "2");
	json_decref(out);
	assert_int_equal(
	    call("ben", NULL, NULL, "message.list", "{\"thread\":\"" THREAD("1") "\",\"cursor\":\"2\"}", &out), API_OK);
	assert_string_equal(json_str(json_array_get(json_arr(out, "messages"), 0), "text", ""), "for Ben alone");
	assert_null(json_object_get(out, "cursor"));
	json_decref(out);
	assert_int_equal(
	    call("ben", NULL, NULL, "message.list", "{\"thread\":\"" THREAD("1") "\",\"cursor\":\"x\"}", NULL), API_INVALID);
	/* Who has written nowhere alone reads what is public. */
	run("INSERT INTO eddy.people (ws, id, name) VALUES ('%s', 'dddddddd-0000-4000-8000-000000000003', 'Cy');"
	    "INSERT INTO eddy.identities (ws, adapter, external_id, person_id, verified) VALUES ('%s', 'web', 'cy', 'dddddddd-0000-4000-8000-000000000003', 1)",
	    ws_text, ws_text);
	assert_list("cy", NULL, "{}", "51");
}

static void change__is_made__once_for_its_key(void **state)
{
	(void)state;
	json_t *out = NULL;
	static const char archive[] = "{\"id\":\"" THREAD("3") "\"}";
	assert_int_equal(call("ana", NULL, "a-1", "thread.archive", archive, &out), API_OK);
	assert_string_equal(json_str(out, "state", ""), "archived");
	json_decref(out);
	assert_list("ana", NULL, "{}", "51");
	assert_list("ana", NULL, "{\"state\":\"archived\"}", "3");
	/* The same call again, and one that is not the same. */
	assert_int_equal(call("ana", NULL, "a-1", "thread.archive", archive, &out), API_OK);
	assert_string_equal(json_str(out, "state", ""), "archived");
	json_decref(out);
	assert_int_equal(call("ana", NULL, NULL, "thread.archive", archive, NULL), API_CONFLICT);
	assert_int_equal(call("ana", NULL, "a-1", "thread.reopen", archive, NULL), API_REUSED_KEY);
	assert_int_equal(call("ana", NULL, "a b", "thread.reopen", archive, NULL), API_INVALID);
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.audit WHERE verb = 'thread.archive'"), "1");
	assert_int_equal(call("ana", NULL, "a-2", "thread.reopen", archive, NULL), API_OK);
	assert_int_equal(
	    call("ana", NULL, NULL, "thread.rename", "{\"id\":\"" THREAD("3") "\",\"title\":\"  Which \\n way? \"}", &out), API_OK);
	assert_string_equal(json_str(out, "title", ""), "Which way?");
	json_decref(out);
	assert_int_equal(
	    call("ana", NULL, NULL, "thread.rename", "{\"id\":\"" THREAD("3") "\",\"title\":\"  \"}", NULL), API_INVALID);
}

static void search__finds__what_the_caller_may_read(void **state)
{
	(void)state;
	json_t *out = NULL, *h;
	size_t i;
	assert_int_equal(call("ana", NULL, NULL, "search.messages", "{\"text\":\"asked\"}", &out), API_OK);
	assert_int_equal(json_int(out, "total", 0), 3);
	json_array_foreach (json_arr(out, "hits"), i, h)
		assert_non_null(strchr("135", json_str(h, "thread", "?")[35]));
	json_decref(out);
	/* In the places of a team, which one has to know. */
	assert_int_equal(call("ana", NULL, NULL, "search.messages", "{\"text\":\"asked\",\"team\":\"team\"}", &out), API_OK);
	assert_int_equal(json_int(out, "total", 0), 1);
	assert_int_equal(json_str(json_array_get(json_arr(out, "hits"), 0), "thread", "?")[35], '5');
	json_decref(out);
	assert_int_equal(call("ana", NULL, NULL, "search.messages", "{\"text\":\"asked\",\"team\":\"none\"}", NULL), API_NOT_FOUND);
	assert_int_equal(call("ana", NULL, NULL, "search.messages", "{\"text\":\"asked order:sideways\"}", NULL), API_INVALID);
	assert_int_equal(call("ana", NULL, NULL, "search.messages", "{\"text\":\"\"}", NULL), API_INVALID);
}

/* Something remembered, made by ${author} from what was said first in ${thread}. */
static struct id remember(const char *thread, const char *author, const char *body)
{
	char sql[200];
	struct id source, id = id_new(), who;
	snprintf(sql, sizeof sql, "SELECT id FROM eddy.messages WHERE thread_id = '%s' AND seq = 1", thread);
	assert_true(id_parse(test_db_value(sql), &source));
	assert_true(id_parse(author, &who));
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(item_put(pg, ws,
	                     &(struct item_new){ .id = id,
	                         .kind = ITEM_DECISION,
	                         .scope = SCOPE_WORKSPACE,
	                         .state = ITEM_CONFIRMED,
	                         .origin = ORIGIN_SAID,
	                         .body = body,
	                         .body_len = strlen(body),
	                         .author = who,
	                         .confidence = 1,
	                         .sources = &source,
	                         .sources_len = 1 },
	                     NULL),
	    ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	return id;
}

static void memory__is_listed_and_forgotten__by_whoever_may(void **state)
{
	(void)state;
	json_t *out = NULL;
	char args[80], text[ID_TEXT];
	(void)remember(THREAD("5"), BEN, "Payments deploys on Monday.");
	assert_int_equal(call("ana", NULL, NULL, "memory.list", "{\"team\":\"team\"}", &out), API_OK);
	assert_int_equal(json_array_size(json_arr(out, "items")), 1);
	snprintf(args, sizeof args, "{\"id\":\"%s\"}", json_str(json_array_get(json_arr(out, "items"), 0), "id", ""));
	json_decref(out);
	assert_int_equal(call("ben", NULL, NULL, "memory.forget", args, NULL), API_OK);
	struct id of_ben = remember(THREAD("1"), BEN, "The ledger is on 9090."), secret = remember(THREAD("4"), BEN, "Ben's own.");
	assert_int_equal(call("ana", NULL, NULL, "memory.list", "{\"kind\":\"decision\"}", &out), API_OK);
	assert_int_equal(json_array_size(json_arr(out, "items")), 1);
	assert_string_equal(json_str(json_array_get(json_arr(out, "items"), 0), "body", ""), "The ledger is on 9090.");
	json_decref(out);
	snprintf(args, sizeof args, "{\"id\":\"%s\"}", id_format(secret, text));
	assert_int_equal(call("ana", NULL, NULL, "memory.forget", args, NULL), API_NOT_FOUND);
	snprintf(args, sizeof args, "{\"id\":\"%s\"}", id_format(of_ben, text));
	assert_int_equal(call("ana", NULL, NULL, "memory.forget", args, NULL), API_FORBIDDEN);
	assert_int_equal(call("ben", NULL, NULL, "memory.forget", args, NULL), API_OK);
	assert_int_equal(call("ben", NULL, NULL, "memory.forget", args, NULL), API_NOT_FOUND);
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.context_items"), "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads__are_seen__by_whoever_may_read_them),
		cmocka_unit_test(threads__of_a_team__are_all_that_its_key_sees),
		cmocka_unit_test(threads__page_by_page__are_each_there_once),
		cmocka_unit_test(messages__of_a_thread__come_in_order_and_only_those_for_the_reader),
		cmocka_unit_test(change__is_made__once_for_its_key),
		cmocka_unit_test(search__finds__what_the_caller_may_read),
		cmocka_unit_test(memory__is_listed_and_forgotten__by_whoever_may),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
