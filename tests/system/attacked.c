/* What attackers are after. */
#include "attacked.h"

#include <stdio.h>

#include "harness.h"

static void seed(const char *sql)
{
	char query[2000];
	snprintf(query, sizeof query, "WITH x AS (%s RETURNING 1) SELECT count(*) FROM x", sql);
	if (rig_sql(&rig, query) < 1)
		rig_fail(&rig, "not seeded: %s", sql);
}

static void seed_other_workspace(void)
{
	seed("INSERT INTO workspaces (ws, name) VALUES ('" WS2 "', 'other')");
	seed("INSERT INTO people (ws, id, name) VALUES ('" WS2 "', '" PERSON2 "', 'Olga')");
	seed("INSERT INTO audiences (ws, id, kind, subject) VALUES ('" WS2 "', '" PLACE2 "', 1, '" PLACE2 "')");
	seed("INSERT INTO places (ws, id, adapter, external_id, name, visibility, member, audience_id) VALUES ('" WS2 "', '" PLACE2
	     "', 'slack', 'C9', 'kraken', 4, true, '" PLACE2 "')");
	seed("INSERT INTO threads (ws, id, place_id, external_key, seq, taking_part, last_author, audience_id) VALUES ('" WS2
	     "', '" THREAD2 "', '" PLACE2 "', 't', 1, true, 1, '" PLACE2 "')");
	seed("INSERT INTO messages (ws, id, thread_id, seq, rev, message_key, author_kind, body, audience_id) VALUES ('" WS2
	     "', gen_random_uuid(), '" THREAD2 "', 1, 1, 'k', 1, 'the kraken sleeps', '" PLACE2 "')");
	seed("INSERT INTO context_items (ws, id, kind, scope, state, origin, body, audience_id) VALUES ('" WS2 "', '" ITEM2
	     "', 2, 5, 2, 3, 'the kraken sleeps', '" PLACE2 "')");
	seed("INSERT INTO api_keys (ws, id, name, node_id, role, scopes, expires_at) VALUES ('" WS2 "', '" KEY2 "', 'k', '" WS2
	     "', 3, 127, now() + interval '1 day')");
	seed("INSERT INTO api_key_homes (id, ws, secret_hash) VALUES ('" KEY2 "', '" WS2 "', sha256('" SECRET43 "'))");
}

static void seed_board(void)
{
	seed("INSERT INTO audiences (ws, id, kind, subject) SELECT ws, '" BOARD "', 1, '" BOARD
	     "' FROM workspaces WHERE ws <> '" WS2 "'");
	seed("INSERT INTO places (ws, id, adapter, external_id, name, visibility, member, audience_id) SELECT ws, '" BOARD
	     "', 'slack', 'C8', 'board', 2, true, '" BOARD "' FROM workspaces WHERE ws <> '" WS2 "'");
	seed(
	    "INSERT INTO threads (ws, id, place_id, external_key, seq, taking_part, last_author, audience_id) SELECT ws, '" BOARD_THREAD
	    "', '" BOARD "', 't', 1, true, 1, '" BOARD "' FROM workspaces WHERE ws <> '" WS2 "'");
	seed(
	    "INSERT INTO messages (ws, id, thread_id, seq, rev, message_key, author_kind, body, audience_id) SELECT ws, gen_random_uuid(), '" BOARD_THREAD
	    "', 1, 1, 'k', 1, 'the salaries are ninelamas 12', '" BOARD "' FROM workspaces WHERE ws <> '" WS2 "'");
}

void attacked_seed(void)
{
	seed_other_workspace();
	seed_board();
}
