#include "corpus.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../core/base/buf.h"
#include "db.h"

/* :messages, :workspaces, :channels are filled in; ids are hashes of names, so that everything can be named again. */
static const char making[] =
    "SET search_path = eddy, public; SET session_replication_role = replica; SET synchronous_commit = off; SELECT setseed(0.42);"
    " CREATE TEMP TABLE later AS SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS how FROM pg_index"
    "  WHERE indrelid = 'messages'::regclass AND indexrelid::regclass::text IN ('messages_search', 'messages_recent', 'messages_when', 'messages_changed');"
    " DO $$ DECLARE n text; BEGIN FOR n IN SELECT name FROM later LOOP EXECUTE 'DROP INDEX ' || n; END LOOP; END $$;"
    " INSERT INTO workspaces (ws, name) SELECT md5('ws' || n)::uuid, 'w' || n FROM generate_series(0, %2$d - 1) n;"
    " CREATE TEMP TABLE c AS SELECT n, CASE WHEN n < %3$d / 5 OR %2$d = 1 THEN 0 ELSE 1 + n %% (%2$d - 1) END AS w FROM generate_series(0, %3$d - 1) n;"
    " INSERT INTO audiences (ws, id, kind, subject) SELECT md5('ws' || w)::uuid, md5('c' || n)::uuid, 1, md5('c' || n)::uuid FROM c;"
    " INSERT INTO places (ws, id, adapter, external_id, name, visibility, member, audience_id) SELECT md5('ws' || w)::uuid, md5('c' || n)::uuid,"
    "  'test', 'C' || n, 'channel-' || n, CASE WHEN n %% 10 < 6 THEN 4 WHEN n %% 10 < 8 THEN 2 ELSE 1 END, true, md5('c' || n)::uuid FROM c;"
    " INSERT INTO people (ws, id, name) SELECT md5('ws' || w)::uuid, md5('p' || w || '.' || n)::uuid, 'Person ' || n FROM generate_series(0, %2$d - 1) w,"
    "  generate_series(0, CASE WHEN w = 0 THEN 499 ELSE 24 END) n;"
    " CREATE TEMP TABLE f AS SELECT n, (SELECT string_agg(substr('bcdfghjklmnpqrstvwz', 1 + z %% 19, 1) || substr('aeiou', 1 + z / 19 %% 5, 1) ||"
    "  substr('bcdfghjklmnpqrstvwz', 1 + z / 95 %% 19, 1) || substr('aeiou', 1 + z / 1805 %% 5, 1) || substr('nrstlm', 1 + z / 9025 %% 6, 1), ' ')"
    "  FROM (SELECT floor(exp(random() * ln(30000)))::int - 1 + 0 * n AS z FROM generate_series(1, 5 + n %% 5)) x) AS t"
    "  FROM generate_series(0, least(29999, %1$d / 10)) n; CREATE INDEX ON f (n); ANALYZE f; ANALYZE c;"
    " CREATE TEMP TABLE th AS SELECT n, CASE WHEN n %% 5 = 0 THEN (n / 5) %% greatest(%3$d / 5, 1) ELSE"
    "  least(%3$d / 5 + floor(%3$d * 0.8 * power(random(), 1.3))::int, %3$d - 1) END AS c FROM generate_series(0, %1$d / 5) n;"
    " CREATE INDEX ON th (n); ANALYZE th;"
    " INSERT INTO threads (ws, id, place_id, external_key, seq, taking_part, last_author, audience_id) SELECT md5('ws' || c.w)::uuid,"
    "  md5('t' || th.n)::uuid, md5('c' || th.c)::uuid, '1760.' || th.n, %1$d, true, 1, md5('c' || th.c)::uuid FROM th JOIN c ON c.n = th.c;"
    " INSERT INTO messages (ws, id, thread_id, seq, rev, message_key, author_id, author_kind, body, audience_id, created_at)"
    " SELECT md5('ws' || c.w)::uuid, (lpad(to_hex(1760000000000 + m * 30000::bigint), 12, '0') || substr(md5('m' || m), 13))::uuid,"
    "  md5('t' || th.n)::uuid, 1 + m, 1 + m, '1760.' || m,"
    "  md5('p' || c.w || '.' || (floor(power(random(), 2) * CASE WHEN c.w = 0 THEN 500 ELSE 25 END))::int)::uuid,"
    "  CASE WHEN random() < 0.05 THEN 2 ELSE 1 END,"
    "  f1.t || CASE WHEN random() < 0.5 THEN ' delta0' ELSE '' END || CASE WHEN random() < 0.5 THEN ' delta1' ELSE '' END || ' ' || f2.t"
    "  || CASE WHEN random() < 0.1 THEN ' sigma0' ELSE '' END || CASE WHEN random() < 0.1 THEN ' sigma1' ELSE '' END"
    "  || CASE WHEN random() < 0.04 THEN ' kappa' || floor(random() * 4)::int ELSE '' END"
    "  || CASE WHEN random() < 0.0005 THEN ' quasar' || floor(random() * 10)::int ELSE '' END"
    "  || CASE WHEN random() < 0.4 THEN ' ' || f3.t ELSE '' END"
    "  || CASE WHEN random() < 0.05 THEN ' mu ' || CASE WHEN random() < 0.004 THEN '' ELSE 'and ' END || 'nu' ELSE '' END"
    "  || CASE WHEN random() < 0.1 THEN ' the quarterly report' WHEN random() < 0.11 THEN ' report quarterly' ELSE '' END"
    "  || CASE WHEN random() < 0.03 THEN ' https://example.com/x' ELSE '' END || CASE WHEN random() < 0.1 THEN '?' ELSE '.' END,"
    "  md5('c' || th.c)::uuid, to_timestamp(1760000000 + m * 30)"
    " FROM (SELECT m, floor(random() * least(30000, %1$d / 10))::int AS i, floor(random() * least(30000, %1$d / 10))::int AS j,"
    "  floor(random() * least(30000, %1$d / 10))::int AS k, floor(random() * (%1$d / 5))::int AS tn FROM generate_series(0, %1$d - 1) m) g"
    "  JOIN th ON th.n = g.tn JOIN c ON c.n = th.c JOIN f f1 ON f1.n = g.i JOIN f f2 ON f2.n = g.j JOIN f f3 ON f3.n = g.k ORDER BY m;"
    " DO $$ DECLARE h text; BEGIN FOR h IN SELECT how FROM later LOOP EXECUTE h; END LOOP; END $$; DROP TABLE later, c, f, th";

static void must(const char *sql)
{
	if (!test_db_exec(sql)) {
		fprintf(stderr, "corpus: %.200s …\n", sql);
		exit(1);
	}
}

void corpus_make(const struct corpus *c)
{
	struct buf sql = BUF_INIT;
	buf_addf(&sql, making, c->messages, c->workspaces, c->channels);
	must(sql.p);
	buf_done(&sql);
	must("VACUUM ANALYZE eddy.messages");
	must("ANALYZE eddy.threads");
	must("ANALYZE eddy.places");
	must("ANALYZE eddy.people");
	must("CHECKPOINT");
}

static struct id named(const char *sql)
{
	struct id id = ID_NONE;
	const char *text = test_db_value(sql);
	if (text == NULL || !id_parse(text, &id)) {
		fprintf(stderr, "corpus: nothing for %s\n", sql);
		exit(1);
	}
	return id;
}

struct id corpus_workspace(int n)
{
	char sql[120];
	snprintf(sql, sizeof sql, "SELECT md5('ws%d')::uuid", n);
	return named(sql);
}

struct id corpus_person(int workspace, int n)
{
	char sql[120];
	snprintf(sql, sizeof sql, "SELECT md5('p%d.%d')::uuid", workspace, n);
	return named(sql);
}

struct id corpus_thread(int workspace)
{
	char sql[300];
	snprintf(sql, sizeof sql,
	    "SELECT t.id FROM eddy.threads t JOIN eddy.places p ON p.ws = t.ws AND p.id = t.place_id WHERE t.ws = md5('ws%d')::uuid AND p.visibility = 4"
	    " ORDER BY t.id LIMIT 1",
	    workspace);
	return named(sql);
}
