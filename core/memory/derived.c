/*
 * What rests on messages, and goes or changes with them: their vectors, the summary of the thread and of those beside it, context items, drafts of
 * resolutions.  (What quotes them, as a side thread does, goes with forget.c.)  The writer runs these for each edit and deletion, the erasure of threads and people for many
 * messages at once.
 *
 * A deleted message takes everything with it that has no other source.  An edited one: what was pinned or said word for word takes the
 * new words, what was found goes back to being a proposal, drafts are void.  An accepted resolution stays as it was accepted.
 */
#include "forget.h"

/* The threads of the messages, their side threads, and what they left. */
#define FAMILY \
	"WITH t AS MATERIALIZED (SELECT DISTINCT thread_id AS id FROM messages WHERE ws = $1 AND id = ANY ($2::uuid[]))," \
	" f AS MATERIALIZED (SELECT id FROM t UNION SELECT k.thread_id FROM t JOIN forks k ON k.ws = $1 AND k.parent_id = t.id" \
	" WHERE k.thread_id IS NOT NULL UNION SELECT k.parent_id FROM t JOIN threads h ON h.ws = $1 AND h.id = t.id" \
	" JOIN forks k ON k.ws = $1 AND k.id = h.fork_id)"
#define DRAFTS FAMILY " UPDATE resolutions SET state = 4, closed_at = coalesce(closed_at, now())"
/* Of the side threads that the messages are in, and of those that have left their threads: a draft rests on what it is about, too. */
#define OF_THEM \
	" WHERE ws = $1 AND sources && $2 AND fork_id IN (SELECT h.fork_id FROM t JOIN threads h ON h.ws = $1 AND h.id = t.id" \
	" WHERE h.fork_id IS NOT NULL UNION SELECT k.id FROM t JOIN forks k ON k.ws = $1 AND k.parent_id = t.id)"

/* "remember: TEXT" has a new text; of a fact the value would have to be read anew, so that is confirmed again. */
#define SAID " left(substring(m.body FROM '(?i)^(?:.{0,40}\\W)?remember(?:\\s+that\\s|\\s*:)\\s*(\\S.*)$'), 2000)"
#define SPOKEN "i.origin = 4 AND i.kind <> 7 AND s.sole AND s.said IS NOT NULL"
#define PINNED "i.origin = 3 AND s.sole AND s.body <> ''"

const struct pg_statement derived_statements[] = {
	{ "derived_summaries", FAMILY " DELETE FROM summaries WHERE ws = $1 AND thread_id IN (SELECT id FROM f)" },
	{ "derived_items_gone",
	    "WITH s AS MATERIALIZED (DELETE FROM context_sources WHERE ws = $1 AND message_id = ANY ($2::uuid[]) RETURNING item_id)"
	    " DELETE FROM context_items i WHERE i.ws = $1 AND i.id IN (SELECT item_id FROM s) AND NOT EXISTS (SELECT 1 FROM context_sources o"
	    " WHERE o.ws = $1 AND o.item_id = i.id AND o.message_id <> ALL ($2))" },
	{ "derived_items_edited",
	    "WITH s AS MATERIALIZED (SELECT c.item_id, left(m.body, 2000) AS body," SAID
	    " AS said, NOT EXISTS (SELECT 1 FROM context_sources o WHERE o.ws = $1"
	    " AND o.item_id = c.item_id AND o.message_id <> c.message_id) AS sole FROM context_sources c"
	    " JOIN messages m ON m.ws = $1 AND m.id = c.message_id WHERE c.ws = $1 AND c.message_id = ANY ($2::uuid[])),"
	    " d AS (DELETE FROM context_items i USING s WHERE i.ws = $1 AND i.id = s.item_id AND i.origin = 2 AND i.state = 1)"
	    " UPDATE context_items i SET body = CASE WHEN " PINNED " THEN s.body WHEN " SPOKEN " THEN s.said ELSE i.body END,"
	    " tags = CASE WHEN (" PINNED ") OR (" SPOKEN ") THEN '{}' ELSE i.tags END,"
	    " state = CASE WHEN i.origin IN (2, 4) AND i.state = 2 AND NOT (" SPOKEN ") THEN 1 ELSE i.state END FROM s"
	    " WHERE i.ws = $1 AND i.id = s.item_id AND i.origin <> 1 AND NOT (i.origin = 2 AND i.state = 1)" },
	{ "derived_drafts_gone", DRAFTS ", headline = '', body = ''" OF_THEM " AND state <> 2" },
	{ "derived_drafts_edited", DRAFTS OF_THEM " AND state = 1" },
	{ "derived_quotes", /* the order is carried out by fork_edit.c */
	    "INSERT INTO erasures (ws, id, kind, subject) SELECT $1, md5(m.id::text || ' ' || m.rev)::uuid, 4, m.id FROM messages m WHERE m.ws = $1"
	    " AND m.id = ANY ($2::uuid[]) AND EXISTS (SELECT 1 FROM forks k WHERE k.ws = $1 AND k.about_id = m.id) ON CONFLICT DO NOTHING"
	    " RETURNING id" },
	{ "derived_vectors", "DELETE FROM embeddings WHERE ws = $1 AND message_id = ANY ($2::uuid[])" },
	{ NULL, NULL },
};
const char *const derived_gone[] = { "derived_vectors", "derived_summaries", "derived_items_gone", "derived_drafts_gone", NULL };
const char *const derived_edited[] = { "derived_vectors", "derived_summaries", "derived_items_edited", "derived_drafts_edited",
	"derived_quotes", NULL };
