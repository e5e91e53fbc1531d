/* API keys with the real database: what a key reaches, what it does not, and each way to come by more with one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../../core/api/api.h"
#include "../../../core/api/serve.h"
#include "../../../core/base/buf.h"
#include "../../../core/base/json.h"
#include "../../../core/people/keys.h"
#include "../../support/db.h"

#define WS "11111111-1111-4111-8111-111111111111"
#define OTHER "22222222-2222-4222-8222-222222222222"
#define UNIT "aaaaaaaa-0000-4000-8000-000000000001"
#define TEAM "aaaaaaaa-0000-4000-8000-000000000002"
#define SIDE "aaaaaaaa-0000-4000-8000-000000000003"
#define OWNER "00000000-0000-4000-8000-000000000001"
#define LEAD "00000000-0000-4000-8000-000000000002" /* admin of TEAM, member elsewhere */
#define MEMBER "00000000-0000-4000-8000-000000000003"

static const struct pg_statement *const tables[] = { authority_statements, api_statements, keys_statements, serve_statements,
	NULL };
static struct pg *pg;
static struct id ws;

static struct id id_of(const char *text)
{
	struct id id;
	assert_true(id_parse(text, &id));
	return id;
}

static int set_up(void **state)
{
	(void)state;
	char why[200];
	ws = id_of(WS);
	if (pg_open(&pg, test_db_fresh(), tables, why, sizeof why) != ERR_NONE)
		return -1;
	return test_db_exec(
	           "INSERT INTO eddy.workspaces (ws, name) VALUES ('" WS "', 'one'), ('" OTHER "', 'two');"
	           "INSERT INTO eddy.people (ws, id, name) VALUES ('" WS "', '" OWNER "', 'o'), ('" WS "', '" LEAD "', 'l'), ('" WS
	           "', '" MEMBER "', 'm');"
	           "INSERT INTO eddy.identities (ws, adapter, external_id, person_id, verified) VALUES"
	           " ('" WS "', 'web', 'local', '" OWNER "', 1), ('" WS "', 'slack', 'U2', '" LEAD "', 2),"
	           " ('" WS "', 'slack', 'U3', '" MEMBER "', 2);"
	           "INSERT INTO eddy.nodes (ws, id, parent_id, kind, slug, name) VALUES"
	           " ('" WS "', '" UNIT "', '" WS "', 2, 'unit', 'Unit'), ('" WS "', '" TEAM "', '" UNIT "', 3, 'team', 'Team'),"
	           " ('" WS "', '" SIDE "', '" UNIT "', 3, 'side', 'Side');"
	           "INSERT INTO eddy.members (ws, node_id, person_id, role) VALUES ('" WS "', '" TEAM "', '" LEAD "', 3)")
	    ? 0
	    : -1;
}

static int tear_down(void **state)
{
	(void)state;
	pg_close(pg);
	return 0;
}

static struct caller person(const char *text)
{
	struct caller c;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(authority_of(pg, ws, id_of(text), "cli", &c), ERR_NONE);
	pg_rollback(pg);
	return c;
}

static enum api_code call(const struct caller *by, const char *name, json_t **out, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static enum api_code call(const struct caller *by, const char *name, json_t **out, const char *format, ...)
{
	struct buf args = BUF_INIT;
	json_t *in = NULL, *ignored = NULL;
	struct problem p;
	va_list ap;
	va_start(ap, format);
	buf_vaddf(&args, format, ap);
	va_end(ap);
	assert_int_equal(json_parse(args.p, args.len, 4000, &in, NULL), ERR_NONE);
	enum api_code code = api_run(NULL, pg, by, name, in, id_new(), out != NULL ? out : &ignored, &p);
	json_decref(in);
	json_decref(ignored);
	buf_done(&args);
	return code;
}

/* The text of a new key, "" when it is refused. */
static enum api_code issue(
    const struct caller *by, const char *team, const char *role, const char *scopes, const char *more, char text[KEY_TEXT])
{
	json_t *out = NULL;
	text[0] = '\0';
	enum api_code code = call(
	    by, "key.issue", &out, "{\"name\":\"k\",\"team\":\"%s\",\"role\":\"%s\",\"scopes\":[%s]%s}", team, role, scopes, more);
	if (code == API_OK) {
		assert_int_equal(strlen(json_str(out, "key", "")), KEY_TEXT - 1);
		strcpy(text, json_str(out, "key", ""));
	}
	json_decref(out);
	return code;
}

static struct caller with(const char *text)
{
	struct caller c;
	assert_int_equal(key_caller(pg, text, &c), ERR_NONE);
	return c;
}

static bool refused(const char *text)
{
	struct caller c;
	memset(&c, 0x55, sizeof c);
	bool is = key_caller(pg, text, &c) == ERR_DENIED;
	assert_true(id_is_none(c.ws) && c.role == ROLE_NONE && c.scopes == 0);
	return is;
}

static enum role role_at(const struct caller *c, const char *node)
{
	enum role r = ROLE_NONE;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(authority_at(pg, c, id_of(node), &r), ERR_NONE);
	pg_rollback(pg);
	return r;
}

static void id_in(const char *key, char out[ID_TEXT])
{
	snprintf(out, ID_TEXT, "%.8s-%.4s-%.4s-%.4s-%.12s", key + 5, key + 13, key + 17, key + 21, key + 25);
}

static void key__of_a_team__reaches_the_team_and_nothing_else(void **state)
{
	(void)state;
	char text[KEY_TEXT];
	struct caller lead = person(LEAD);
	assert_int_equal(issue(&lead, "team", "member", "\"run\",\"talk:read\"", "", text), API_OK);
	struct caller c = with(text);
	assert_true(id_equal(c.ws, ws) && id_is_none(c.person) && id_equal(c.node, id_of(TEAM)));
	assert_int_equal(c.role, ROLE_MEMBER);
	assert_int_equal(c.scopes, SCOPE_RUN | SCOPE_TALK_READ);
	assert_string_equal(c.via, "key");
	assert_int_equal(role_at(&c, TEAM), ROLE_MEMBER);
	assert_int_equal(role_at(&c, SIDE), ROLE_NONE);
	assert_int_equal(role_at(&c, UNIT), ROLE_NONE);
	assert_int_equal(role_at(&c, WS), ROLE_NONE);
	assert_int_equal(call(&c, "session.get", NULL, "{}"), API_NOT_FOUND); /* the organisation */
	assert_int_equal(call(&c, "key.list", NULL, "{\"team\":\"team\"}"), API_FORBIDDEN);
}

static void key__forged__opens_nothing(void **state)
{
	(void)state;
	char good[KEY_TEXT], text[KEY_TEXT + 8];
	struct caller owner = person(OWNER);
	assert_int_equal(issue(&owner, "", "owner", "\"keys\"", "", good), API_OK);
	with(good);
	for (size_t i = 0; i < KEY_TEXT - 1; i++) { /* any other character, anywhere */
		strcpy(text, good);
		text[i] = text[i] == 'A' ? 'B' : 'A';
		if (i != 0 || text[0] != good[0])
			assert_true(refused(text));
	}
	for (size_t n = 0; n < KEY_TEXT - 1; n++) { /* cut */
		snprintf(text, sizeof text, "%.*s", (int)n, good);
		assert_true(refused(text));
	}
	snprintf(text, sizeof text, "%sA", good);
	assert_true(refused(text));
	/* the id in capitals is another text, and one key has one */
	strcpy(text, good);
	for (size_t i = 5; i < 37; i++)
		text[i] = text[i] >= 'a' && text[i] <= 'f' ? (char)(text[i] - 32) : text[i];
	assert_true(strcmp(text, good) == 0 || refused(text));
	assert_true(refused(NULL));
	assert_true(refused("eddy_' OR true --"));
	assert_true(refused("eddy_00000000000000000000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
	/* one key's id with another's secret */
	char second[KEY_TEXT];
	assert_int_equal(issue(&owner, "", "viewer", "\"run\"", "", second), API_OK);
	memcpy(second, good, 37);
	assert_true(refused(second));
}

static void key__is_nowhere_in_the_database(void **state)
{
	(void)state;
	char text[KEY_TEXT];
	struct caller owner = person(OWNER);
	assert_int_equal(issue(&owner, "", "viewer", "\"run\"", "", text), API_OK);
	const char *all = test_db_value(
	    "SELECT string_agg(x::text, ' ') FROM (SELECT row_to_json(k)::text FROM eddy.api_keys k UNION ALL SELECT"
	    " row_to_json(h)::text FROM eddy.api_key_homes h UNION ALL SELECT row_to_json(a)::text FROM eddy.audit a UNION ALL SELECT row_to_json(d)::text FROM eddy.audit_details d) x");
	assert_non_null(all);
	assert_null(strstr(all, text + 38));
}

static void key__expired__is_void(void **state)
{
	(void)state;
	char text[KEY_TEXT];
	struct caller owner = person(OWNER);
	assert_int_equal(issue(&owner, "", "viewer", "\"run\"", ",\"days\":1", text), API_OK);
	with(text);
	assert_true(test_db_exec(
	    "UPDATE eddy.api_keys SET expires_at = expires_at - interval '86399 s' WHERE expires_at < now() + interval '2 days'"));
	with(text);
	assert_true(test_db_exec(
	    "UPDATE eddy.api_keys SET expires_at = now() - interval '1 s' WHERE expires_at < now() + interval '1 hour'"));
	assert_true(refused(text));
	assert_int_equal(issue(&owner, "", "viewer", "\"run\"", ",\"days\":0", text), API_INVALID);
	assert_int_equal(issue(&owner, "", "viewer", "\"run\"", ",\"days\":367", text), API_INVALID);
}

static void key__lives__ninety_days_unless_told(void **state)
{
	(void)state;
	char text[KEY_TEXT];
	struct caller owner = person(OWNER);
	assert_int_equal(issue(&owner, "", "viewer", "\"run\"", "", text), API_OK);
	assert_string_equal(
	    test_db_value("SELECT round(extract(epoch FROM expires_at - created_at) / 86400) FROM eddy.api_keys ORDER BY"
	                  " created_at DESC LIMIT 1"),
	    "90");
}

static void key__revoked__is_void_at_once_with_what_it_made(void **state)
{
	(void)state;
	char root[KEY_TEXT], child[KEY_TEXT], grandchild[KEY_TEXT], id[ID_TEXT];
	struct caller owner = person(OWNER);
	json_t *out = NULL;
	assert_int_equal(issue(&owner, "unit", "admin", "\"keys\",\"run\"", "", root), API_OK);
	struct caller c = with(root);
	assert_int_equal(issue(&c, "team", "admin", "\"keys\",\"run\"", ",\"days\":80", child), API_OK);
	c = with(child);
	assert_int_equal(issue(&c, "team", "member", "\"run\"", ",\"days\":70", grandchild), API_OK);
	with(grandchild);
	id_in(root, id);
	/* not by an admin of another node, and that there is such a key stays unsaid */
	struct caller lead = person(LEAD);
	assert_int_equal(call(&lead, "key.revoke", NULL, "{\"team\":\"team\",\"id\":\"%s\"}", id), API_NOT_FOUND);
	struct caller member = person(MEMBER);
	assert_int_equal(call(&member, "key.revoke", NULL, "{\"id\":\"%s\"}", id), API_FORBIDDEN);
	with(root);
	assert_int_equal(call(&owner, "key.revoke", &out, "{\"id\":\"%s\"}", id), API_OK);
	assert_int_equal(json_int(out, "revoked", 0), 3);
	json_decref(out);
	assert_true(refused(root) && refused(child) && refused(grandchild));
	assert_int_equal(call(&owner, "key.revoke", &out, "{\"id\":\"%s\"}", id), API_OK); /* again */
	assert_int_equal(json_int(out, "revoked", -1), 0);
	json_decref(out);
	assert_string_equal(
	    test_db_value("SELECT count(*) FROM eddy.audit a JOIN eddy.audit_details d ON d.ws = a.ws AND d.entry_id = a.id"
	                  " WHERE a.verb = 'key.revoke' AND (d.detail->>'revoked')::int = 3"),
	    "1");
}

static void key__never_gets__more_than_its_maker_has(void **state)
{
	(void)state;
	char text[KEY_TEXT], weak[KEY_TEXT];
	struct caller owner = person(OWNER), lead = person(LEAD), member = person(MEMBER);
	assert_int_equal(issue(&member, "", "viewer", "\"run\"", "", text), API_FORBIDDEN);
	assert_int_equal(issue(&lead, "", "viewer", "\"run\"", "", text), API_FORBIDDEN);     /* admin of the team alone */
	assert_int_equal(issue(&lead, "side", "viewer", "\"run\"", "", text), API_FORBIDDEN); /* of another team */
	assert_int_equal(issue(&lead, "team", "owner", "\"run\"", "", text), API_FORBIDDEN);  /* a higher role */
	assert_int_equal(issue(&lead, "team", "admin", "\"run\"", "", text), API_OK);
	struct caller c = with(text); /* without the scope to make keys */
	assert_int_equal(issue(&c, "team", "viewer", "\"run\"", "", weak), API_FORBIDDEN);
	assert_int_equal(issue(&owner, "team", "admin", "\"keys\",\"run\"", ",\"days\":10", text), API_OK);
	c = with(text);
	assert_int_equal(issue(&c, "team", "viewer", "\"config:write\"", ",\"days\":5", weak), API_FORBIDDEN); /* a further scope */
	assert_int_equal(issue(&c, "team", "owner", "\"run\"", ",\"days\":5", weak), API_FORBIDDEN);
	assert_int_equal(issue(&c, "side", "viewer", "\"run\"", ",\"days\":5", weak), API_NOT_FOUND);
	assert_int_equal(issue(&c, "team", "viewer", "\"run\"", ",\"days\":11", weak), API_FORBIDDEN);           /* a longer life */
	assert_int_equal(issue(&c, "team", "viewer", "\"run\"", ",\"days\":5,\"own\":true", weak), API_INVALID); /* nobody's own */
	assert_int_equal(issue(&c, "team", "viewer", "\"run\"", ",\"days\":5", weak), API_OK);
	assert_int_equal(issue(&owner, "", "emperor", "\"run\"", "", weak), API_INVALID);
	assert_int_equal(issue(&owner, "", "viewer", "\"everything\"", "", weak), API_INVALID);
	assert_int_equal(issue(&owner, "", "viewer", "", "", weak), API_INVALID);
}

static void key__of_a_person__follows_the_person(void **state)
{
	(void)state;
	char text[KEY_TEXT], team[KEY_TEXT];
	struct caller owner = person(OWNER);
	assert_true(
	    test_db_exec("INSERT INTO eddy.members (ws, node_id, person_id, role) VALUES ('" WS "', '" WS "', '" MEMBER "', 3)"));
	struct caller admin = person(MEMBER);
	assert_int_equal(issue(&admin, "", "admin", "\"keys\",\"run\"", ",\"own\":true", text), API_OK);
	assert_int_equal(issue(&admin, "unit", "admin", "\"run\"", "", team), API_OK);
	struct caller c = with(text);
	assert_true(id_equal(c.person, id_of(MEMBER)) && id_equal(c.user, id_of(MEMBER)));
	assert_int_equal(c.role, ROLE_ADMIN);
	/* shut out of one team: so is the key */
	assert_true(
	    test_db_exec("INSERT INTO eddy.members (ws, node_id, person_id, role) VALUES ('" WS "', '" SIDE "', '" MEMBER "', 1)"));
	assert_int_equal(role_at(&c, SIDE), ROLE_ADMIN); /* what was given above holds below */
	assert_true(test_db_exec("UPDATE eddy.members SET role = 2 WHERE node_id = '" WS "' AND person_id = '" MEMBER "'"));
	assert_int_equal(with(text).role, ROLE_MEMBER); /* at the next call */
	assert_true(test_db_exec("UPDATE eddy.members SET role = 0 WHERE person_id = '" MEMBER "'"));
	assert_true(refused(text));
	assert_int_equal(with(team).role, ROLE_ADMIN); /* the team's own goes on */
	assert_true(test_db_exec("DELETE FROM eddy.members WHERE person_id = '" MEMBER "'"));
	assert_int_equal(with(text).role, ROLE_MEMBER);
	assert_true(test_db_exec("UPDATE eddy.nodes SET archived_at = now() WHERE id = '" UNIT "'"));
	assert_true(refused(team));
	assert_true(test_db_exec("UPDATE eddy.nodes SET archived_at = NULL WHERE id = '" UNIT "'"));
	(void)owner;
}

static void key__of_another_workspace__stays_there(void **state)
{
	(void)state;
	char text[KEY_TEXT], id[ID_TEXT];
	struct caller owner = person(OWNER);
	assert_true(test_db_exec("INSERT INTO eddy.people (ws, id, name) VALUES ('" OTHER "', '" OWNER "', 'x');"
	                         "INSERT INTO eddy.identities (ws, adapter, external_id, person_id, verified) VALUES"
	                         " ('" OTHER "', 'web', 'local', '" OWNER "', 1)"));
	struct caller other = owner;
	other.ws = id_of(OTHER);
	assert_int_equal(issue(&other, "", "owner", "\"keys\"", "", text), API_OK);
	struct caller c = with(text);
	assert_true(id_equal(c.ws, id_of(OTHER)));
	id_in(text, id);
	assert_int_equal(call(&owner, "key.revoke", NULL, "{\"id\":\"%s\"}", id), API_NOT_FOUND);
	json_t *out = NULL;
	assert_int_equal(call(&owner, "key.list", &out, "{}"), API_OK);
	char *all = json_dumps(out, 0);
	assert_null(strstr(all, id));
	free(all);
	json_decref(out);
	/* moved to a tenant that it was not made in: there is no such row there */
	assert_false(test_db_exec(
	    "UPDATE eddy.api_key_homes SET ws = '" WS "' WHERE id = (SELECT id FROM eddy.api_keys WHERE ws = '" OTHER "')"));
	with(text);
}

static void key__used__is_noted_coarsely(void **state)
{
	(void)state;
	char text[KEY_TEXT], sql[300], id[ID_TEXT], before[80];
	struct caller owner = person(OWNER);
	assert_int_equal(issue(&owner, "", "viewer", "\"run\"", "", text), API_OK);
	id_in(text, id);
	snprintf(sql, sizeof sql, "SELECT used_at FROM eddy.api_keys WHERE id = '%s'", id);
	assert_null(test_db_value(sql));
	with(text);
	snprintf(before, sizeof before, "%s", test_db_value(sql));
	with(text);
	assert_string_equal(test_db_value(sql), before);
	snprintf(sql, sizeof sql, "UPDATE eddy.api_keys SET used_at = used_at - interval '11 minutes' WHERE id = '%s'", id);
	assert_true(test_db_exec(sql));
	with(text);
	snprintf(sql, sizeof sql, "SELECT used_at > now() - interval '1 minute' FROM eddy.api_keys WHERE id = '%s'", id);
	assert_string_equal(test_db_value(sql), "t");
}

#define DAY_MS UINT64_C(86400000)

static void count_one(void *arg, const struct key_info *k)
{
	assert_true(k->works);
	++*(int *)arg;
}

/* How often a key is spoken of at that moment, as a round would, twice. */
static int spoken(double days)
{
	struct id due[10];
	size_t n;
	int told = 0;
	for (int round = 0; round < 2; round++) {
		assert_int_equal(pg_begin(pg, ws), ERR_NONE);
		assert_int_equal(key_due(pg, ws, (uint64_t)(days * (double)DAY_MS), due, 10, &n), ERR_NONE);
		assert_int_equal(n, round == 0 ? n : 0);
		for (size_t i = 0; i < 2 * n; i++)
			assert_int_equal(
			    key_warn(pg, ws, (uint64_t)(days * (double)DAY_MS), due[i / 2], count_one, &told), ERR_NONE);
		assert_int_equal(pg_commit(pg), ERR_NONE);
	}
	return told;
}

static void no_others(void)
{
	assert_true(test_db_exec("UPDATE eddy.api_keys SET revoked_at = now() WHERE revoked_at IS NULL"));
}

static void key__near_its_end__is_spoken_of_a_week_and_a_day_before(void **state)
{
	(void)state;
	char text[KEY_TEXT];
	struct caller owner = person(OWNER);
	no_others();
	assert_int_equal(issue(&owner, "", "viewer", "\"run\"", ",\"days\":8", text), API_OK);
	assert_int_equal(spoken(0.9), 0);
	assert_int_equal(spoken(1.1), 1);
	assert_int_equal(spoken(6.9), 0);
	assert_int_equal(spoken(7.1), 1);
	assert_int_equal(spoken(7.9), 0);
	/* Eddy did not run for a week: the second word alone */
	no_others();
	assert_int_equal(issue(&owner, "", "viewer", "\"run\"", ",\"days\":30", text), API_OK);
	assert_int_equal(spoken(29.5), 1);
	assert_int_equal(spoken(29.5), 0);
	assert_int_equal(spoken(25), 0);
}

static void key__that_lives_shortly_or_is_void__is_spoken_of_at_most_once(void **state)
{
	(void)state;
	char text[KEY_TEXT], id[ID_TEXT];
	struct caller owner = person(OWNER);
	no_others();
	assert_int_equal(issue(&owner, "", "viewer", "\"run\"", ",\"days\":7", text), API_OK);
	assert_int_equal(spoken(1), 0);
	assert_int_equal(spoken(5.9), 0);
	assert_int_equal(spoken(6.1), 1);
	assert_int_equal(spoken(6.9), 0);
	assert_int_equal(issue(&owner, "", "viewer", "\"run\"", ",\"days\":30", text), API_OK);
	id_in(text, id);
	assert_int_equal(call(&owner, "key.revoke", NULL, "{\"id\":\"%s\"}", id), API_OK);
	assert_int_equal(spoken(25), 0);
	assert_int_equal(issue(&owner, "side", "viewer", "\"run\"", ",\"days\":30", text), API_OK);
	assert_true(test_db_exec("UPDATE eddy.nodes SET archived_at = now() WHERE id = '" SIDE "'"));
	assert_int_equal(spoken(25), 0);
	assert_true(test_db_exec("UPDATE eddy.nodes SET archived_at = NULL WHERE id = '" SIDE "'"));
	assert_int_equal(spoken(31), 0); /* it has ended */
}

static void key__list__has_those_that_end_soon_apart(void **state)
{
	(void)state;
	char text[KEY_TEXT];
	struct caller owner = person(OWNER);
	json_t *out = NULL;
	no_others();
	assert_int_equal(issue(&owner, "", "viewer", "\"run\"", ",\"days\":6", text), API_OK);
	assert_int_equal(issue(&owner, "", "viewer", "\"run\"", ",\"days\":8", text), API_OK);
	assert_int_equal(call(&owner, "key.list", &out, "{\"soon\":true}"), API_OK);
	assert_int_equal(json_array_size(json_arr(out, "keys")), 1);
	assert_string_equal(json_str(json_array_get(json_arr(out, "keys"), 0), "state", ""), "expires_soon");
	json_decref(out);
	out = NULL;
	assert_int_equal(call(&owner, "key.list", &out, "{\"soon\":false}"), API_OK);
	assert_true(json_array_size(json_arr(out, "keys")) > 2);
	json_decref(out);
}

static void serve(const char *secret, struct problem *p)
{
	struct api_reply r;
	api_serve(
	    NULL, pg, &(struct api_request){ .secret = secret, .via = "web", .procedure = "session.get", .id = id_new() }, &r);
	*p = r.problem;
	assert_int_equal(r.problem.code, r.code);
	json_decref(r.out);
}

/* Whoever shows its secret, and nobody else, hears that its time is over. */
static void key__expired__says_so_to_who_has_its_secret(void **state)
{
	(void)state;
	char text[KEY_TEXT], id[ID_TEXT], sql[200];
	struct caller owner = person(OWNER);
	struct problem p;
	assert_int_equal(issue(&owner, "", "viewer", "\"config:read\"", "", text), API_OK);
	serve(text, &p);
	assert_int_equal(p.code, API_OK);
	id_in(text, id);
	snprintf(sql, sizeof sql, "UPDATE eddy.api_keys SET expires_at = '2026-02-03 04:05:06Z' WHERE id = '%s'", id);
	assert_true(test_db_exec(sql));
	serve(text, &p);
	assert_int_equal(p.code, API_UNAUTHENTICATED);
	assert_string_equal(p.detail,
	    "This API key has expired: it ended on 3 February 2026 at 04:05 UTC. Ask an admin of its team for a new one.");
	assert_true(refused(text));
	text[KEY_TEXT - 5] = text[KEY_TEXT - 5] == 'a' ? 'b' : 'a';
	serve(text, &p);
	assert_int_equal(p.code, API_UNAUTHENTICATED);
	assert_string_equal(p.detail, "");
	text[KEY_TEXT - 5] = text[KEY_TEXT - 5] == 'a' ? 'b' : 'a';
	/* revoked: the same as unknown */
	assert_int_equal(issue(&owner, "", "viewer", "\"config:read\"", "", text), API_OK);
	id_in(text, id);
	assert_int_equal(call(&owner, "key.revoke", NULL, "{\"id\":\"%s\"}", id), API_OK);
	snprintf(sql, sizeof sql, "UPDATE eddy.api_keys SET expires_at = '2026-02-03 04:05:06Z' WHERE id = '%s'", id);
	assert_true(test_db_exec(sql));
	serve(text, &p);
	assert_int_equal(p.code, API_UNAUTHENTICATED);
	assert_string_equal(p.detail, "");
}

static void keys__of_a_node__are_bounded_and_go_together(void **state)
{
	(void)state;
	char text[KEY_TEXT];
	struct caller owner = person(OWNER);
	int gone = 0;
	assert_int_equal(issue(&owner, "side", "viewer", "\"run\"", "", text), API_OK);
	assert_true(
	    test_db_exec("INSERT INTO eddy.api_keys (ws, id, name, node_id, role, scopes, expires_at) SELECT '" WS
	                 "', gen_random_uuid(), 'x', '" SIDE "', 1, 8, now() + interval '1 day' FROM generate_series(1, 199)"));
	assert_int_equal(issue(&owner, "side", "viewer", "\"run\"", "", text), API_INVALID);
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(key_revoke(pg, ws, id_of(SIDE), ID_NONE, &gone), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_int_equal(gone, 200);
	assert_int_equal(issue(&owner, "side", "viewer", "\"run\"", "", text), API_OK);
	with(text);
}

static void scope__has__a_name_each(void **state)
{
	(void)state;
	for (unsigned bit = 1; bit <= SCOPE_ALL; bit <<= 1)
		assert_int_equal(scope_from_name(scope_name(bit)), bit);
	assert_null(scope_name(0));
	assert_null(scope_name(3));
	assert_null(scope_name(SCOPE_ALL + 1));
	assert_int_equal(scope_from_name("root"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key__of_a_team__reaches_the_team_and_nothing_else),
		cmocka_unit_test(key__forged__opens_nothing),
		cmocka_unit_test(key__is_nowhere_in_the_database),
		cmocka_unit_test(key__expired__is_void),
		cmocka_unit_test(key__lives__ninety_days_unless_told),
		cmocka_unit_test(key__revoked__is_void_at_once_with_what_it_made),
		cmocka_unit_test(key__never_gets__more_than_its_maker_has),
		cmocka_unit_test(key__of_a_person__follows_the_person),
		cmocka_unit_test(key__of_another_workspace__stays_there),
		cmocka_unit_test(key__used__is_noted_coarsely),
		cmocka_unit_test(key__near_its_end__is_spoken_of_a_week_and_a_day_before),
		cmocka_unit_test(key__that_lives_shortly_or_is_void__is_spoken_of_at_most_once),
		cmocka_unit_test(key__list__has_those_that_end_soon_apart),
		cmocka_unit_test(key__expired__says_so_to_who_has_its_secret),
		cmocka_unit_test(keys__of_a_node__are_bounded_and_go_together),
		cmocka_unit_test(scope__has__a_name_each),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
