/* The audit log: its links, its checkpoints, and every way of tampering that `eddy audit verify` must find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../core/audit/entry.h"
#include "../../../core/audit/verify.h"
#include "../../../core/base/buf.h"
#include "../../../core/base/encode.h"
#include "../../../core/base/json.h"
#include "../../../core/base/log.h"
#include "../../support/db.h"

#define WS "11111111-1111-4111-8111-111111111111"
#define OTHER "22222222-2222-4222-8222-222222222222"
#define ANA "00000000-0000-4000-8000-000000000001"
#define BEN "00000000-0000-4000-8000-000000000002"
#define KEY "a key for checkpoints, of tests"

static const struct pg_statement own_statements[] = {
	{ "note",
	    "INSERT INTO audit (ws, id, actor_id, verb, subject, thread_id, detail, facts) VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb,"
	    " $8::text::jsonb) ON CONFLICT DO NOTHING" },
	{ "change", "UPDATE audit SET verb = 'x' WHERE ws = $1" },
	{ "remove", "DELETE FROM audit WHERE ws = $1" },
	{ "relink", "UPDATE audit_chain SET n = n + 1 WHERE ws = $1" },
	{ "unlink", "DELETE FROM audit_chain WHERE ws = $1" },
	{ "retell", "UPDATE audit_details SET detail = '{}' WHERE ws = $1" },
	{ "resalt", "UPDATE audit_people SET person_id = gen_random_uuid() WHERE ws = $1" },
	{ "forget", "DELETE FROM audit_people WHERE ws = $1" },
	{ "untell", "DELETE FROM audit_details WHERE ws = $1" },
	{ NULL, NULL },
};
static const struct pg_statement *const tables[] = { own_statements, chain_statements, verify_statements, entry_statements, NULL };
static struct pg *pg, *second;
static struct checkpoints *points;
static const char *dir, *url;
static char path[300];
static struct id ws, other;

static struct id id_of(const char *text)
{
	struct id id;
	assert_true(id_parse(text, &id));
	return id;
}

static int set_up(void **state)
{
	(void)state;
	char why[300];
	ws = id_of(WS);
	other = id_of(OTHER);
	dir = test_dir();
	snprintf(path, sizeof path, "%s/" CHECKPOINT_FILE, dir);
	log_set_level(LOG_ERROR);
	if (pg_open(&pg, url = test_db_fresh(), tables, why, sizeof why) != ERR_NONE ||
	    checkpoints_open(&points, dir, KEY, false, why, sizeof why) != ERR_NONE)
		return -1;
	return test_db_exec(
	           "INSERT INTO eddy.workspaces (ws, name) VALUES ('" WS "', 'one'), ('" OTHER "', 'two');"
	           "INSERT INTO eddy.people (ws, id, name) VALUES ('" WS "', '" ANA "', 'Ana'), ('" WS "', '" BEN "', 'Ben')")
	    ? 0
	    : -1;
}

static int tear_down(void **state)
{
	(void)state;
	pg_close(second);
	pg_close(pg);
	second = pg = NULL;
	checkpoints_close(points);
	return 0;
}

/* An entry in the transaction that is open. */
static struct id note_in(
    struct pg *p, struct id tenant, const char *actor, const char *verb, const char *subject, const char *detail)
{
	struct pg_args *a = pg_args_new();
	struct id id = id_new();
	PGresult *r = NULL;
	pg_arg_id(a, tenant);
	pg_arg_id(a, id);
	pg_arg_id(a, actor ? id_of(actor) : ID_NONE);
	pg_arg_str(a, verb);
	pg_arg_id(a, subject ? id_of(subject) : ID_NONE);
	pg_arg_id(a, ID_NONE);
	pg_arg_str(a, detail);
	pg_arg_str(a, "{\"cost_micros\":12}");
	assert_int_equal(pg_query(p, "note", a, &r), ERR_NONE);
	PQclear(r);
	pg_args_free(a);
	return id;
}

static struct id note(struct id tenant, const char *actor, const char *verb, const char *detail)
{
	assert_int_equal(pg_begin(pg, tenant), ERR_NONE);
	struct id id = note_in(pg, tenant, actor, verb, NULL, detail);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	return id;
}

static void notes(int n)
{
	for (int i = 0; i < n; i++) {
		char verb[20];
		snprintf(verb, sizeof verb, "thing.%d", i);
		note(ws, i % 2 ? ANA : NULL, verb, i % 2 ? "{\"note\":\"about Ana\"}" : NULL);
	}
}

/* Link all, with a checkpoint at the end. */
static int64_t linked(struct id tenant)
{
	struct audit_sealed s;
	assert_int_equal(audit_seal(pg, tenant, &s), ERR_NONE);
	assert_false(s.more);
	struct checkpoint c = { .kind = CHECKPOINT_LINK, .ws = tenant, .n = s.n };
	memcpy(c.h, s.h, CHAIN_HASH);
	if (s.n > 0)
		assert_int_equal(checkpoints_add(points, &c, 1), ERR_NONE);
	free(s.links);
	return s.n;
}

struct seen {
	int n;
	enum audit_fault faults[20];
	int64_t at[20];
};

static void keep(void *arg, const struct audit_finding *f)
{
	struct seen *s = arg;
	if (s->n < 20) {
		s->faults[s->n] = f->fault;
		s->at[s->n] = f->n;
	}
	s->n++;
}

static struct seen verified(struct audit_verdict *out)
{
	struct audit_verdict v;
	struct seen s = { 0 };
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(audit_verify(pg, ws, points, keep, &s, &v), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_int_equal(s.n, v.findings);
	if (out != NULL)
		*out = v;
	return s;
}

static void assert_whole(int64_t entries)
{
	struct audit_verdict v;
	struct seen s = verified(&v);
	assert_int_equal(s.n, 0);
	assert_int_equal(v.entries, entries);
	assert_int_equal(v.checkpoint, entries);
}

/* ${fault} at link ${n}, and nothing else. */
static void assert_fault(enum audit_fault fault, int64_t n)
{
	struct seen s = verified(NULL);
	assert_int_equal(s.n, 1);
	assert_string_equal(audit_fault_name(s.faults[0]), audit_fault_name(fault));
	assert_int_equal(s.at[0], n);
}

/* ---- the formula ---- */

static void chain__known_payloads__give_known_hashes(void **state)
{
	(void)state;
	static const char one[] = "{\"act\":\"run.start\",\"ws\":\"w1\"}", two[] = "{\"act\":\"tool.call\",\"ws\":\"w1\"}";
	uint8_t h[CHAIN_HASH] = { 0 }, mac[CHAIN_HASH];
	char hex[2 * CHAIN_HASH + 1];
	chain_link(h, 1, one, strlen(one));
	hex_encode(hex, h, CHAIN_HASH);
	assert_string_equal(hex, "4ba3f991f88b43daf0725f966a9b54ba0ccfa0f7c830fbbc410e9a9b7142190a");
	chain_link(h, 2, two, strlen(two));
	hex_encode(hex, h, CHAIN_HASH);
	assert_string_equal(hex, "666977077d67bc739a88d56d21741c0df51fae228d1fac35a5f2c6086fb6b7f3");
	chain_mac("checkpoint-key-1", 16, 2, h, mac);
	hex_encode(hex, mac, CHAIN_HASH);
	assert_string_equal(hex, "ec866fbb2c0b494bdf211ed094a30f543b20adf514e4106a559877dde0c18780");
}

/* ---- linking ---- */

static void seal__committed_entries__are_linked_once(void **state)
{
	(void)state;
	notes(5);
	assert_int_equal(linked(ws), 5);
	assert_int_equal(linked(ws), 5);
	note(ws, NULL, "later", NULL);
	assert_int_equal(linked(ws), 6);
	assert_whole(6);
}

/* An entry that was written before others, and committed after they were linked. */
static void seal__open_transaction__is_linked_when_it_ends(void **state)
{
	(void)state;
	char why[200];
	assert_int_equal(pg_open(&second, url, tables, why, sizeof why), ERR_NONE);
	assert_int_equal(pg_begin(second, ws), ERR_NONE);
	note_in(second, ws, NULL, "thing.slow", NULL, NULL);
	notes(3);
	assert_int_equal(linked(ws), 3);
	notes(2);
	assert_int_equal(linked(ws), 5);
	assert_int_equal(pg_commit(second), ERR_NONE);
	assert_int_equal(linked(ws), 6);
	assert_whole(6);
}

static void seal__many__goes_in_batches(void **state)
{
	(void)state;
	struct audit_sealed s;
	assert_true(test_db_exec(
	    "INSERT INTO eddy.audit (ws, id, verb) SELECT '" WS "', gen_random_uuid(), 'many' FROM generate_series(1, 2150)"));
	assert_int_equal(audit_seal(pg, ws, &s), ERR_NONE);
	assert_true(s.more);
	assert_int_equal(s.n, AUDIT_SEAL_MAX);
	assert_int_equal(s.links_len, AUDIT_SEAL_MAX / AUDIT_LINKS_EVERY);
	assert_int_equal(s.links[1].n, 2 * AUDIT_LINKS_EVERY);
	free(s.links);
	assert_int_equal(linked(ws), 2150);
	assert_whole(2150);
}

/* A backup came back on a server that counts its transactions anew: the place is ahead of all numbers. */
static void seal__transactions_counted_anew__links_everything(void **state)
{
	(void)state;
	notes(3);
	assert_int_equal(linked(ws), 3);
	assert_true(test_db_exec("UPDATE eddy.audit_seals SET tx = (pg_current_xact_id()::text::numeric + 1000000)::text::xid8"));
	note(ws, NULL, "after", NULL);
	assert_int_equal(linked(ws), 4);
	note(ws, NULL, "after", NULL);
	assert_int_equal(linked(ws), 5);
	assert_whole(5);
}

/* ---- who and what: apart, erasable ---- */

static void people__in_entries__are_tags_that_can_be_cut(void **state)
{
	(void)state;
	struct audit_verdict v;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	note_in(pg, ws, ANA, "member.set", BEN, "{\"role\":\"admin\"}");
	note_in(pg, ws, ANA, "place.quiet", NULL, NULL);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_int_equal(linked(ws), 2);
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.audit a WHERE a::text LIKE '%' || '" ANA
	                                  "' || '%' OR a::text LIKE '%" BEN "%' OR a::text LIKE '%admin%'"),
	    "0");
	assert_string_equal(
	    test_db_value("SELECT count(DISTINCT actor) || ' ' || count(actor) || ' ' || count(about) FROM eddy.audit"), "1 2 1");
	json_t *out = json_array();
	int64_t next;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(audit_list(pg, ws, &(struct audit_query){ .limit = 10 }, out, &next), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_int_equal(json_array_size(out), 2);
	const json_t *o = json_array_get(out, 1);
	assert_string_equal(json_str(o, "by_name", ""), "Ana");
	assert_string_equal(json_str(o, "about", ""), BEN);
	assert_string_equal(json_str(json_obj(o, "detail"), "role", ""), "admin");
	json_decref(out);
	/* Erased: the chain stays whole, and nobody can tell. */
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(pg_query(pg, "forget", a, NULL), ERR_NONE);
	assert_int_equal(pg_query(pg, "untell", a, NULL), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	pg_args_free(a);
	assert_int_equal(verified(&v).n, 0);
	assert_int_equal(v.erased, 1);
	out = json_array();
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(audit_list(pg, ws, &(struct audit_query){ .limit = 10 }, out, &next), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_null(json_object_get(json_array_get(out, 0), "by"));
	json_decref(out);
}

static void entry__told_again__does_not_come_back_after_erasure(void **state)
{
	(void)state;
	struct pg_args *a = pg_args_new();
	struct id id = note(ws, ANA, "memory.keep", "{\"x\":1}");
	pg_arg_id(a, ws);
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(pg_query(pg, "untell", a, NULL), ERR_NONE);
	pg_args_reset(a);
	pg_arg_id(a, ws);
	pg_arg_id(a, id);
	pg_arg_id(a, id_of(ANA));
	pg_arg_str(a, "memory.keep");
	pg_arg_id(a, ID_NONE);
	pg_arg_id(a, ID_NONE);
	pg_arg_str(a, "{\"x\":1}");
	pg_arg_str(a, NULL);
	assert_int_equal(pg_query(pg, "note", a, NULL), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	pg_args_free(a);
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.audit_details"), "0");
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.audit"), "1");
}

/* ---- what the runtime role may not do ---- */

static void runtime_role__tampering__is_refused(void **state)
{
	(void)state;
	static const char *const statements[] = { "change", "remove", "relink", "unlink", "retell", "resalt" };
	notes(2);
	linked(ws);
	for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
		struct pg_args *a = pg_args_new();
		pg_arg_id(a, ws);
		assert_int_equal(pg_begin(pg, ws), ERR_NONE);
		assert_int_equal(pg_query(pg, statements[i], a, NULL), ERR_DENIED);
		pg_rollback(pg);
		pg_args_free(a);
	}
	assert_whole(2);
}

/* ---- what whoever owns the tables can do, and is found out ---- */

static void owner__changes_an_entry__is_found(void **state)
{
	(void)state;
	notes(6);
	linked(ws);
	assert_true(test_db_exec("UPDATE eddy.audit SET verb = 'thing.else' WHERE verb = 'thing.2'"));
	assert_fault(FAULT_ENTRY_CHANGED, 3);
}

static void owner__changes_each_column__is_found(void **state)
{
	(void)state;
	static const char *const changes[] = { "subject = gen_random_uuid()", "thread_id = gen_random_uuid()",
		"at = at - interval '1 us'", "actor = NULL", "actor = sha256('x')", "about = sha256('x')",
		"detail_digest = sha256('x')", "detail_digest = NULL", "facts = '{}'", "facts = NULL" };
	notes(2);
	linked(ws);
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		char sql[400];
		snprintf(sql, sizeof sql,
		    "DROP TABLE IF EXISTS public.was; CREATE TABLE public.was AS SELECT * FROM eddy.audit;"
		    "UPDATE eddy.audit SET %s WHERE verb = 'thing.1'",
		    changes[i]);
		assert_true(test_db_exec(sql));
		struct seen s = verified(NULL);
		assert_true(s.n >= 1);
		assert_int_equal(s.at[0], 2);
		assert_true(test_db_exec(
		    "UPDATE eddy.audit a SET subject = w.subject, thread_id = w.thread_id, at = w.at, actor = w.actor, about = w.about,"
		    " detail_digest = w.detail_digest, facts = w.facts FROM public.was w WHERE w.id = a.id"));
	}
	assert_whole(2);
}

static void owner__removes_an_entry__is_found(void **state)
{
	(void)state;
	notes(6);
	linked(ws);
	assert_true(test_db_exec("DELETE FROM eddy.audit WHERE verb = 'thing.4'"));
	assert_fault(FAULT_ENTRY_REMOVED, 5);
}

static void owner__removes_entry_and_link__is_found(void **state)
{
	(void)state;
	notes(6);
	linked(ws);
	assert_true(test_db_exec("DELETE FROM eddy.audit WHERE verb = 'thing.1'; DELETE FROM eddy.audit_chain WHERE n = 2"));
	assert_fault(FAULT_LINK_REMOVED, 2);
}

static void owner__cuts_the_tail__is_found(void **state)
{
	(void)state;
	notes(6);
	linked(ws);
	assert_true(
	    test_db_exec("DELETE FROM eddy.audit WHERE verb IN ('thing.4', 'thing.5'); DELETE FROM eddy.audit_chain WHERE n > 4"));
	assert_fault(FAULT_TAIL_CUT, 4);
}

static void owner__empties_the_log__is_found(void **state)
{
	(void)state;
	notes(3);
	linked(ws);
	assert_true(test_db_exec("DELETE FROM eddy.audit; DELETE FROM eddy.audit_chain; DELETE FROM eddy.audit_seals"));
	assert_fault(FAULT_TAIL_CUT, 0);
}

static void owner__swaps_two_entries__is_found(void **state)
{
	(void)state;
	notes(6);
	linked(ws);
	assert_true(
	    test_db_exec("CREATE TABLE public.c AS SELECT * FROM eddy.audit_chain;"
	                 "DELETE FROM eddy.audit_chain WHERE n IN (3, 4);"
	                 "INSERT INTO eddy.audit_chain SELECT ws, 7 - n, entry_id, digest, h FROM public.c WHERE n IN (3, 4)"));
	struct seen s = verified(NULL);
	assert_true(s.n >= 2);
	assert_int_equal(s.faults[0], FAULT_LINK_CHANGED);
	assert_int_equal(s.at[0], 3);
	assert_int_equal(s.at[1], 4);
}

/* Whole in itself: an entry is left out and all after it are linked anew.  Only the checkpoint knows. */
static void owner__writes_the_chain_anew__is_found(void **state)
{
	(void)state;
	notes(4);
	linked(ws);
	assert_true(test_db_exec(
	    "DELETE FROM eddy.audit WHERE verb = 'thing.1'; DELETE FROM eddy.audit_chain; DELETE FROM eddy.audit_seals"));
	note(ws, NULL, "one more", NULL);
	struct audit_sealed sealed;
	assert_int_equal(audit_seal(pg, ws, &sealed), ERR_NONE); /* as an attacker would, without our key */
	assert_int_equal(sealed.n, 4);
	free(sealed.links);
	assert_fault(FAULT_REWRITTEN, 4);
}

static void owner__brings_an_entry_of_another_workspace__is_found(void **state)
{
	(void)state;
	notes(3);
	linked(ws);
	note(other, NULL, "thing.elsewhere", NULL);
	linked(other);
	assert_true(test_db_exec(
	    "DELETE FROM eddy.audit WHERE verb = 'thing.1';"
	    "UPDATE eddy.audit SET ws = '" WS "' WHERE verb = 'thing.elsewhere';"
	    "UPDATE eddy.audit_chain SET entry_id = (SELECT id FROM eddy.audit WHERE verb = 'thing.elsewhere'),"
	    " digest = (SELECT c.digest FROM eddy.audit_chain c WHERE c.ws = '" OTHER "') WHERE ws = '" WS "' AND n = 2"));
	assert_fault(FAULT_ENTRY_CHANGED, 2);
}

static void owner__changes_detail_or_person__is_found(void **state)
{
	(void)state;
	notes(4);
	linked(ws);
	assert_true(test_db_exec(
	    "UPDATE eddy.audit_details SET detail = '{\"note\":\"about Ben\"}' WHERE entry_id = (SELECT id FROM eddy.audit WHERE"
	    " verb = 'thing.1'); UPDATE eddy.audit_people SET person_id = '" BEN "'"));
	struct seen s = verified(NULL);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.faults[0], FAULT_DETAIL_CHANGED);
	assert_int_equal(s.faults[1], FAULT_PERSON_CHANGED);
}

static void entry__passed_over__is_found(void **state)
{
	(void)state;
	notes(2);
	assert_true(test_db_exec("INSERT INTO eddy.audit (ws, id, verb, at, tx) VALUES ('" WS
	                         "', gen_random_uuid(), 'hidden', now() - interval '1 hour', '3')"));
	assert_int_equal(linked(ws), 3); /* nothing was linked before: all is looked through */
	assert_true(test_db_exec("INSERT INTO eddy.audit (ws, id, verb, at, tx) VALUES ('" WS
	                         "', gen_random_uuid(), 'hidden', now() - interval '1 hour', '3')"));
	note(ws, NULL, "later", NULL);
	assert_int_equal(linked(ws), 4);
	assert_fault(FAULT_NOT_LINKED, 0);
}

/* ---- checkpoints ---- */

static void append(const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void checkpoint__forged__is_found(void **state)
{
	(void)state;
	notes(2);
	linked(ws);
	append("{\"ws\":\"" WS "\",\"n\":2,\"h\":\"4ba3f991f88b43daf0725f966a9b54ba0ccfa0f7c830fbbc410e9a9b7142190a\","
	       "\"mac\":\"4ba3f991f88b43daf0725f966a9b54ba0ccfa0f7c830fbbc410e9a9b7142190a\",\"at\":\"2026-01-01T00:00:00Z\"}\n");
	assert_fault(FAULT_CHECKPOINT_FORGED, 2);
}

static void checkpoint__other_key__is_found(void **state)
{
	(void)state;
	char why[200];
	notes(2);
	linked(ws);
	checkpoints_close(points);
	assert_int_equal(checkpoints_open(&points, dir, "quite another key for them", false, why, sizeof why), ERR_NONE);
	assert_fault(FAULT_CHECKPOINT_FORGED, 2);
}

static void checkpoint__torn_line__is_counted_and_passed(void **state)
{
	(void)state;
	struct audit_verdict v;
	notes(2);
	linked(ws);
	append("{\"ws\":\"" WS "\",\"n\":3,\"h\":\"4ba3");
	notes(2);
	linked(ws);
	assert_int_equal(verified(&v).n, 0);
	assert_int_equal(v.torn, 1);
	assert_int_equal(v.checkpoints, 2);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void checkpoint__restored_backup__overtakes_what_came_after(void **state)
{
	(void)state;
	struct audit_verdict v;
	notes(2);
	linked(ws);
	notes(3);
	linked(ws);
	assert_true(test_db_exec(
	    "DELETE FROM eddy.audit a USING eddy.audit_chain c WHERE c.entry_id = a.id AND c.n > 2; DELETE FROM eddy.audit_chain WHERE n > 2"));
	assert_fault(FAULT_TAIL_CUT, 2);
	struct checkpoint back = { .kind = CHECKPOINT_RESTORED, .ws = ws, .n = 2 };
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(pg_query(pg, "chain_last", a, &r), ERR_NONE);
	memcpy(back.h, PQgetvalue(r, 0, 1), CHAIN_HASH);
	PQclear(r);
	pg_args_free(a);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_int_equal(checkpoints_add(points, &back, 1), ERR_NONE);
	assert_int_equal(verified(&v).n, 0);
	assert_int_equal(v.superseded, 1);
	note(ws, NULL, "a new branch", NULL);
	linked(ws);
	assert_int_equal(verified(&v).n, 0);
	assert_int_equal(v.checkpoint, 3);
}

static void key__missing_or_short__is_said(void **state)
{
	(void)state;
	char why[300] = "";
	struct checkpoints *c = NULL;
	assert_int_equal(checkpoints_open(&c, dir, "short", false, why, sizeof why), ERR_INPUT);
	assert_non_null(strstr(why, "16 characters"));
	assert_int_equal(checkpoints_open(&c, dir, NULL, false, why, sizeof why), ERR_INPUT);
	assert_non_null(strstr(why, "audit.key"));
	assert_int_equal(checkpoints_open(&c, dir, NULL, true, why, sizeof why), ERR_NONE);
	checkpoints_close(c);
	assert_int_equal(checkpoints_open(&c, dir, NULL, false, why, sizeof why), ERR_NONE);
	checkpoints_close(c);
}

/* ---- export ---- */

/* Whoever has the lines can compute the chain: as an auditor would, with nothing but them. */
static void export__lines__prove_themselves(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	struct audit_export x = { 0 };
	struct audit_query q = { .limit = 2 };
	uint8_t h[CHAIN_HASH] = { 0 }, both[2 * CHAIN_HASH] = { 0 };
	char hex[2 * CHAIN_HASH + 1];
	int64_t next = 0, n = 0;
	notes(5);
	linked(ws);
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	do {
		assert_int_equal(audit_export(pg, ws, &q, &x, &out, &next), ERR_NONE);
		q.at = next;
	} while (next != 0);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	audit_manifest(ws, &q, &x, &out);
	for (char *line = out.p, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		json_t *o = NULL;
		assert_int_equal(json_parse(line, (size_t)(end - line), 1 << 16, &o, NULL), ERR_NONE);
		if (json_object_get(o, "manifest") != NULL) {
			hex_encode(hex, both, CHAIN_HASH);
			assert_string_equal(json_str(o, "digest", ""), hex);
			assert_int_equal(json_int(o, "entries", 0), 5);
			assert_int_equal(json_int(o, "last", 0), 5);
		} else {
			const char *payload = json_str(o, "payload", "");
			chain_link(h, (uint64_t)++n, payload, strlen(payload));
			hex_encode(hex, h, CHAIN_HASH);
			assert_string_equal(json_str(o, "h", ""), hex);
			chain_digest(line, (size_t)(end - line) + 1, both + CHAIN_HASH);
			chain_digest(both, sizeof both, both);
		}
		json_decref(o);
	}
	assert_int_equal(n, 5);
	buf_done(&out);
}

static void list__filters__fit(void **state)
{
	(void)state;
	int64_t next = 0;
	notes(6);
	linked(ws);
	json_t *out = json_array();
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(audit_list(pg, ws, &(struct audit_query){ .limit = 2 }, out, &next), ERR_NONE);
	assert_int_equal(json_array_size(out), 2);
	assert_int_equal(next, 5);
	assert_int_equal(audit_list(pg, ws, &(struct audit_query){ .limit = 10, .at = next }, out, &next), ERR_NONE);
	assert_int_equal(json_array_size(out), 6);
	assert_int_equal(next, 0);
	json_array_clear(out);
	assert_int_equal(audit_list(pg, ws, &(struct audit_query){ .limit = 10, .person = id_of(ANA) }, out, &next), ERR_NONE);
	assert_int_equal(json_array_size(out), 3);
	json_array_clear(out);
	assert_int_equal(audit_list(pg, ws, &(struct audit_query){ .limit = 10, .verb = "thing.3" }, out, &next), ERR_NONE);
	assert_int_equal(json_array_size(out), 1);
	json_array_clear(out);
	assert_int_equal(audit_list(pg, ws, &(struct audit_query){ .limit = 10, .until_us = 1000000 }, out, &next), ERR_NONE);
	assert_int_equal(json_array_size(out), 0);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	json_decref(out);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chain__known_payloads__give_known_hashes),
		T(seal__committed_entries__are_linked_once),
		T(seal__open_transaction__is_linked_when_it_ends),
		T(seal__many__goes_in_batches),
		T(seal__transactions_counted_anew__links_everything),
		T(people__in_entries__are_tags_that_can_be_cut),
		T(entry__told_again__does_not_come_back_after_erasure),
		T(runtime_role__tampering__is_refused),
		T(owner__changes_an_entry__is_found),
		T(owner__changes_each_column__is_found),
		T(owner__removes_an_entry__is_found),
		T(owner__removes_entry_and_link__is_found),
		T(owner__cuts_the_tail__is_found),
		T(owner__empties_the_log__is_found),
		T(owner__swaps_two_entries__is_found),
		T(owner__writes_the_chain_anew__is_found),
		T(owner__brings_an_entry_of_another_workspace__is_found),
		T(owner__changes_detail_or_person__is_found),
		T(entry__passed_over__is_found),
		T(checkpoint__forged__is_found),
		T(checkpoint__other_key__is_found),
		T(checkpoint__torn_line__is_counted_and_passed),
		T(checkpoint__restored_backup__overtakes_what_came_after),
		T(key__missing_or_short__is_said),
		T(export__lines__prove_themselves),
		T(list__filters__fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
