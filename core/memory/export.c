/* A copy of somebody's data: the database makes the JSON, so that every column arrives as it is stored. */
#include "export.h"

#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../talk/search.h"

#define ROWS 100000

#define LIST(columns, from) "(SELECT coalesce(jsonb_agg(x), '[]') FROM (SELECT " columns " FROM " from ") x)"

#define SENT \
	"a.tool, a.call::jsonb->'to'->>'name' AS \"to\", (ARRAY['waits', 'approved', 'refused', 'not decided in time', 'approved'])[a.state] AS state," \
	" a.automatic"

const struct pg_statement export_statements[] = {
	{ "export_find",
	    "SELECT person_id FROM identities WHERE ws = $1 AND adapter = $2 AND external_id = $3 UNION SELECT id FROM people WHERE ws = $1"
	    " AND id::text = $3 LIMIT 1" },
	{ "export_person",
	    "SELECT jsonb_pretty(jsonb_build_object("
	    "'person', jsonb_build_object('id', p.id, 'name', p.name, 'time_zone', p.tz, 'guest', p.guest, 'private_mode', p.private,"
	    " 'known_since', p.created_at),"
	    "'identities', " LIST("i.adapter, i.external_id AS id, i.created_at AS since",
	        "identities i WHERE i.ws = $1 AND i.person_id IN (SELECT same_user($2))") ", 'log_ins', " LIST("s.name, s.created_at AS since, s.expires_at AS until, s.ended_at AS ended, s.agent AS browser, s.network",
	        "sessions s JOIN identities i ON i.ws = s.ws AND i.external_id = s.subject AND i.adapter = 'web' WHERE s.ws = $1"
	        " AND i.person_id IN (SELECT same_user($2)) ORDER BY s.created_at") ", 'passwords', " LIST("k.set_at",
	        "passwords k WHERE k.ws = $1 AND k.person_id IN (SELECT same_user($2))") ", 'api_keys', " LIST("a.name, a.created_at AS since, a.expires_at AS until, a.used_at AS used, a.revoked_at AS revoked",
	        "api_keys a WHERE a.ws = $1 AND a.person_id IN (SELECT same_user($2)) ORDER BY a.created_at") ", 'remembered', " LIST("(ARRAY['discovery', 'decision', 'status', 'note', 'summary', 'action', 'fact'])[i.kind] AS kind,"
	                                                                                                                              " (ARRAY['proposed', 'confirmed', 'replaced', 'declined'])[i.state] AS state, i.body AS text, i.attribute, i.confidence, i.tags,"
	                                                                                                                              " i.about_id IN (SELECT same_user($2)) AS about_you, i.author_id IN (SELECT same_user($2)) AS by_you, i.created_at AS since, i.expires_at AS until",
	        "context_items i WHERE i.ws = $1 AND (i.author_id IN (SELECT same_user($2)) OR i.about_id IN (SELECT same_user($2)) AND ($3::uuid[] IS NULL OR i.audience_id = ANY ($3)))"
	        " ORDER BY i.created_at") ", 'side_threads', " LIST("k.topic, (ARRAY['opening', 'active', 'resolved', 'abandoned', 'failed'])[k.state] AS state, k.created_at AS since,"
	                                                            " k.closed_at AS ended",
	        "forks k WHERE k.ws = $1 AND k.created_by IN (SELECT same_user($2)) ORDER BY k.created_at") ", 'opinions', " LIST("f.value, f.reason, f.created_at AS at",
	        "feedback f WHERE f.ws = $1 AND f.person_id IN (SELECT same_user($2)) ORDER BY f.created_at") ", 'reactions', " LIST("r.name, r.created_at AS at",
	        "reactions r WHERE r.ws = $1 AND r.person_id IN (SELECT same_user($2)) ORDER BY r.created_at") ", 'used_of_the_model', " LIST("b.day, b.spent_micros / 1e6 AS usd, b.input_tokens, b.output_tokens, b.calls",
	        "budget_days b WHERE b.ws = $1 AND b.kind = 3 AND b.subject IN (SELECT same_user($2)) ORDER BY b.day") ", 'budgets', " LIST("(ARRAY['day', 'month'])[b.period] AS period, b.cap_micros / 1e6 AS usd, b.cap_tokens AS tokens, b.set_at",
	        "budgets b WHERE b.ws = $1 AND b.kind = 3 AND b.subject IN (SELECT same_user($2)) ORDER BY b.period") ", 'reads_along_in', " LIST("pl.adapter, coalesce(pl.name, pl.external_id) AS place, r.since",
	        "place_people r JOIN identities i ON i.ws = r.ws AND i.external_id = r.external_id JOIN places pl ON pl.ws = r.ws"
	        " AND pl.id = r.place_id AND pl.adapter = i.adapter WHERE r.ws = $1 AND i.person_id IN (SELECT same_user($2)) ORDER BY r.since") ", 'asked_to_send', " LIST(SENT
	        ", CASE WHEN $3::uuid[] IS NULL OR a.reads <@ $3 THEN a.call::jsonb->>'text' END AS text, a.created_at AS asked, a.decided_at AS decided",
	        "approvals a WHERE a.ws = $1 AND a.asker_id IN (SELECT same_user($2)) ORDER BY a.created_at") ", 'decided_about', " LIST(SENT
	        ", a.decided_at AS decided",
	        "approvals a WHERE a.ws = $1 AND a.decided_by IN (SELECT same_user($2)) ORDER BY a.decided_at") ", 'questions_to_eddy', (SELECT count(*) FROM runs r WHERE r.ws = $1 AND r.person_id IN (SELECT same_user($2)))"
	                                                                                                        ")) FROM people p WHERE p.ws = $1 AND p.id = $2" },
	{ "export_messages",
	    "SELECT jsonb_build_object('at', m.created_at, 'adapter', p.adapter, 'place', coalesce(p.name, p.external_id), 'thread', t.title,"
	    " 'text', m.body, 'files', m.files, 'edited', m.state = 1)::text, count(*) OVER () FROM messages m"
	    " JOIN threads t ON t.ws = m.ws AND t.id = m.thread_id JOIN places p ON p.ws = t.ws AND p.id = t.place_id"
	    " WHERE m.ws = $1 AND m.author_id IN (SELECT same_user($2)) AND m.state <> 2 ORDER BY m.created_at DESC, m.id DESC LIMIT $3::int8" },
	{ NULL, NULL },
};

enum err export_find(struct pg *pg, struct id ws, const char *adapter, const char *external_id, struct id *person)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_str(a, adapter);
	pg_arg_str(a, external_id);
	enum err e = pg_query(pg, "export_find", a, &r);
	if (e == ERR_NONE && PQntuples(r) == 0)
		e = ERR_INPUT;
	if (e == ERR_NONE)
		*person = pg_get_id(r, 0, 0);
	PQclear(r);
	pg_args_free(a);
	return e;
}

static void add_messages(const PGresult *r, size_t max, struct buf *json, long *left_out)
{
	int n = PQntuples(r), i;
	buf_add_str(json, ",\n    \"messages\": [");
	for (i = 0; i < n; i++) {
		const char *text = pg_get_str(r, i, 0);
		if (max > 0 && json->len + strlen(text) + 64 > max)
			break;
		buf_add_str(json, i == 0 ? "\n        " : ",\n        ");
		buf_add_str(json, text);
	}
	*left_out = n > 0 ? (long)pg_get_int8(r, 0, 1) - i : 0;
	buf_addf(json, "\n    ],\n    \"messages_left_out\": %ld\n}", *left_out);
}

enum err export_person(
    struct pg *pg, struct id ws, struct id person, const struct search_allowed *may, size_t max, struct buf *json, long *left_out)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, person);
	if (may != NULL) {
		pg_array_begin(a, PG_UUID);
		for (size_t i = 0; i < may->len; i++)
			pg_array_id(a, may->audiences[i]);
		pg_array_end(a);
	} else {
		pg_arg_null(a);
	}
	enum err e = pg_query(pg, "export_person", a, &r);
	if (e == ERR_NONE && PQntuples(r) != 1)
		e = ERR_INPUT;
	if (e == ERR_NONE) {
		const char *object = pg_get_str(r, 0, 0);
		size_t n = strlen(object);
		while (n > 0 && (object[n - 1] == '}' || object[n - 1] == '\n')) /* it goes on with the messages */
			if (object[--n] == '}')
				break;
		while (n > 0 && object[n - 1] == '\n')
			n--;
		buf_add(json, object, n);
		PQclear(r);
		r = NULL;
		pg_args_reset(a);
		pg_arg_id(a, ws);
		pg_arg_id(a, person);
		pg_arg_int8(a, max > 0 ? 2000 : ROWS);
		e = pg_query(pg, "export_messages", a, &r);
	}
	if (e == ERR_NONE)
		add_messages(r, max, json, left_out);
	PQclear(r);
	pg_args_free(a);
	return e;
}
