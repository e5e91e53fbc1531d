/*
 * Erasing, piece by piece.
 *
 * What somebody wrote is easy to find: it is his.  What Eddy said with it is found in two ways.  Answers to him, and everything in places
 * that were his alone, go whole.  Elsewhere it is found by the words: those of the erased messages that nobody else uses in this
 * workspace, and that Eddy did not use before, can only come from there.  What Eddy said with such a word is erased where it may have read
 * the message (the same thread, a command, an answer made with tools), and anywhere when the word is one that nobody hits upon by chance
 * (with digits, an address, a very long one).  Of a resolution only the lines are cut that rest on what is gone or have such a word.
 *
 * The words lie in erasure_words while this lasts.  A person is gone through twice: once at once, and once more when the runs that were
 * open then, and the one that gives the receipt, are over; only then the names go, by which that answer still finds its way.
 */
#include "forget.h"

#include <stdlib.h>
#include <string.h>

#include "../base/mem.h"

#define ROWS 2000    /* rows looked at in one piece */
#define WORDS 100    /* words looked up in one piece */
#define ECHOES 40    /* words searched for in one piece */
#define MESSAGES 500 /* messages emptied in one statement */

enum step {
	STEP_PREPARE,
	STEP_MESSAGES,
	STEP_RUNS,
	STEP_THINGS,
	STEP_INBOX,
	STEP_WORDS_EARLY,
	STEP_ECHOES_EARLY,
	STEP_TOOLS_EARLY,
	STEP_WAIT,
	STEP_MESSAGES_LATE,
	STEP_RUNS_LATE,
	STEP_WORDS, /* FORGET_STEP_WORDS */
	STEP_ECHOES,
	STEP_TOOLS,
	STEP_NAMES,
	STEP_END,
};
_Static_assert(STEP_WORDS == 11, "accept.c begins here");

/* $1 ws, $2 the erasure, $3 how many rows */
#define ERASURE "e AS MATERIALIZED (SELECT * FROM erasures WHERE ws = $1 AND id = $2)"
#define NEXT(from) \
	" u AS (UPDATE erasures SET cursor = n.last, step = step + (n.k < $3)::int FROM (SELECT count(*) AS k," \
	" CASE WHEN count(*) = $3 THEN (SELECT id FROM " from " ORDER BY id DESC LIMIT 1) END AS last FROM " from \
	") n WHERE ws = $1" \
	" AND erasures.id = $2)"
/* An answer that came from a thread where something was erased, or was made by reading. */
#define MAY_HAVE_READ \
	"(m.run_id IS NULL OR r.kind = 2 OR EXISTS (SELECT 1 FROM run_steps x WHERE x.ws = $1 AND x.run_id = m.run_id)" \
	" OR EXISTS (SELECT 1 FROM threads h LEFT JOIN forks k ON k.ws = h.ws AND k.id = h.fork_id JOIN messages d ON d.ws = h.ws" \
	" AND d.thread_id IN (h.id, k.parent_id) AND d.state = 2 WHERE h.ws = $1 AND h.id = m.thread_id))"
#define BY_CHANCE_BY_NOBODY(w) "(" w " ~ '[0-9].*[0-9]' AND length(" w ") >= 5 OR " w " ~ '@' OR length(" w ") >= 16)"

const struct pg_statement forget_statements[] = {
	{ "forget_person",
	    "INSERT INTO erasures (ws, id, kind, subject, run_id, message_id) VALUES ($1, $2, 3, $3, $4, $5) ON CONFLICT DO NOTHING" },
	{ "forget_thread",
	    "WITH e AS (INSERT INTO erasures (ws, id, kind, subject, step, since, messages, threads) SELECT $1, $2, 2, $3, " FORGET_STEP_WORDS
	    ", min(created_at), count(*), 1 FROM messages WHERE ws = $1 AND thread_id = $3 AND state <> 2 HAVING count(*) > 0"
	    " ON CONFLICT DO NOTHING RETURNING id)"
	    " INSERT INTO erasure_words (ws, erasure_id, word) SELECT DISTINCT $1::uuid, e.id, x.word FROM e JOIN messages m ON m.ws = $1"
	    " AND m.thread_id = $3 AND m.state <> 2 AND m.author_kind <> 2, unnest(tsvector_to_array(m.search || " FORGET_FILE_WORDS(
	        "m") ")) AS x (word)" },
	{ "forget_ids_of_thread", "SELECT id FROM messages WHERE ws = $1 AND thread_id = $2 AND state <> 2" },
	{ "forget_tenants", "SELECT tenant FROM search_erasures() WHERE at_work > 0" },
	{ "forget_open", "SELECT id FROM erasures WHERE ws = $1 AND state = 1 ORDER BY created_at LIMIT $2::int4" },
	{ "forget_read",
	    "SELECT messages, answers, items, threads, step = 8 OR state = 2 FROM erasures WHERE ws = $1 AND id = $2" },
	{ "forget_lock", "SELECT kind, step, state FROM erasures WHERE ws = $1 AND id = $2 FOR UPDATE" },
	{ "forget_step", "UPDATE erasures SET step = step + 1, cursor = NULL WHERE ws = $1 AND id = $2" },
	/* Who it is, and which places are of nobody else. */
	{ "forget_prepare",
	    "WITH " ERASURE ", n AS MATERIALIZED (SELECT array_agg(i.external_id) AS names FROM e JOIN identities i ON i.ws = $1"
	    " AND i.person_id = e.subject),"
	    " w AS (INSERT INTO erasure_words (ws, erasure_id, word) SELECT DISTINCT $1::uuid, $2::uuid, x.word FROM e LEFT JOIN people p"
	    " ON p.ws = $1 AND p.id = e.subject, n, unnest(tsvector_to_array(to_tsvector('eddy.plain', concat_ws(' ', p.name,"
	    " array_to_string(n.names, ' '), (SELECT string_agg(s.name, ' ') FROM sessions s WHERE s.ws = $1 AND s.subject = ANY (n.names)),"
	    " (SELECT string_agg(k.topic, ' ') FROM forks k WHERE k.ws = $1 AND k.created_by = e.subject))))) AS x (word)"
	    " ON CONFLICT DO NOTHING)"
	    " UPDATE erasures SET step = 1, names = n.names, since = coalesce((SELECT m.created_at FROM messages m WHERE m.ws = $1"
	    " AND m.author_id = e.subject ORDER BY m.created_at LIMIT 1), now()), places = (SELECT array_agg(p.id) FROM places p WHERE p.ws = $1"
	    " AND p.visibility = 1 AND p.id IN (SELECT t.place_id FROM threads t WHERE t.ws = $1 AND t.only_person = e.subject)"
	    " AND NOT EXISTS (SELECT 1 FROM threads t WHERE t.ws = $1 AND t.place_id = p.id AND (t.several OR t.only_person <> e.subject)))"
	    " FROM e, n WHERE erasures.ws = $1 AND erasures.id = e.id" },
	/* The next rows of messages; those that go. */
	{ "forget_pick",
	    "WITH " ERASURE
	    ", c AS MATERIALIZED (SELECT m.id, m.thread_id, m.author_id, m.author_kind, m.run_id, m.state, m.audience_id,"
	    " m.created_at FROM messages m, e WHERE m.ws = $1 AND (e.cursor IS NULL OR m.id > e.cursor) ORDER BY m.id LIMIT $3::int8)," NEXT(
	        "c") " SELECT c.id FROM c JOIN threads t ON t.ws = $1 AND t.id = c.thread_id LEFT JOIN runs r ON r.ws = $1 AND r.id = c.run_id, e"
	             " WHERE (c.state <> 2 OR c.author_id = e.subject) AND (e.step > 8 OR c.id IS DISTINCT FROM e.message_id)"
	             " AND c.run_id IS DISTINCT FROM e.run_id AND CASE WHEN c.author_id = e.subject THEN c.created_at <= e.created_at"
	             " WHEN c.author_kind <> 1 AND r.person_id = e.subject THEN r.created_at <= e.created_at"
	             " ELSE c.created_at <= e.created_at AND (t.place_id = ANY (e.places) OR c.audience_id IN (SELECT a.id FROM audiences a"
	             " WHERE a.ws = $1 AND a.kind = 2 AND a.subject = e.subject)) END" },
	{ "forget_words_of",
	    "INSERT INTO erasure_words (ws, erasure_id, word) SELECT DISTINCT $1::uuid, $2::uuid, x.word FROM messages m,"
	    " unnest(tsvector_to_array(m.search || " FORGET_FILE_WORDS(
	        "m") ")) AS x (word)"
	             " WHERE m.ws = $1 AND m.id = ANY ($3::uuid[]) AND m.author_kind <> 2 ON CONFLICT DO NOTHING" },
	/* $2 the messages, $3 their author goes as well */
	{ "forget_empty",
	    "WITH l AS MATERIALIZED (SELECT id, seq FROM threads WHERE ws = $1 AND id IN (SELECT thread_id FROM messages WHERE ws = $1"
	    " AND id = ANY ($2::uuid[])) ORDER BY id FOR UPDATE),"
	    " n AS MATERIALIZED (SELECT m.id, m.thread_id, m.seq, m.author_kind, l.seq + row_number() OVER (PARTITION BY m.thread_id ORDER BY m.seq)"
	    " AS rev FROM messages m JOIN l ON l.id = m.thread_id WHERE m.ws = $1 AND m.id = ANY ($2)),"
	    " t AS (UPDATE threads SET seq = x.rev, title = CASE WHEN x.begun THEN NULL ELSE title END FROM (SELECT thread_id, max(rev) AS rev,"
	    " bool_or(seq = 1 AND author_kind = 1) AS begun FROM n GROUP BY 1) x WHERE threads.ws = $1 AND threads.id = x.thread_id),"
	    " o AS (UPDATE outbox SET body = NULL FROM n WHERE outbox.ws = $1 AND outbox.thread_id = n.thread_id AND outbox.message_id = n.id"
	    " AND outbox.body IS NOT NULL),"
	    " v AS (DELETE FROM reactions USING n WHERE reactions.ws = $1 AND reactions.message_id = n.id),"
	    " w AS (DELETE FROM feedback USING n WHERE feedback.ws = $1 AND feedback.message_id = n.id)"
	    " UPDATE messages m SET body = '', files = NULL, components = NULL, whole = NULL, state = 2, rev = n.rev,"
	    " author_id = CASE WHEN $3 THEN NULL ELSE m.author_id END, message_key = CASE WHEN $3 AND m.author_kind = 1 THEN NULL"
	    " ELSE m.message_key END FROM n WHERE m.ws = $1 AND m.id = n.id RETURNING m.thread_id, m.id, m.seq, m.rev, m.author_kind" },
	{ "forget_count",
	    "UPDATE erasures SET messages = messages + $3::int4, answers = answers + $4::int4, items = items + $5::int4,"
	    " threads = threads + $6::int4 WHERE ws = $1 AND id = $2" },
	/* The person's runs: what they were told, worked out and where they answered; others' origins that name the person. */
	{ "forget_runs",
	    "WITH " ERASURE
	    ", c AS MATERIALIZED (SELECT r.id, r.person_id, r.thread_id, r.state, r.created_at, r.origin FROM runs r, e"
	    " WHERE r.ws = $1 AND (e.cursor IS NULL OR r.id > e.cursor) ORDER BY r.id LIMIT $3::int8)," NEXT(
	        "c") ","
	             " h AS MATERIALIZED (SELECT c.id, c.thread_id FROM c, e WHERE c.person_id = e.subject AND c.state > 2 AND c.created_at <= e.created_at"
	             " AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.ws = $1 AND o.id = c.id AND o.state <= 2)),"
	             " s AS (DELETE FROM run_steps USING h WHERE run_steps.ws = $1 AND run_steps.run_id = h.id),"
	             " o AS (UPDATE outbox SET body = NULL, origin = '', external_ref = NULL FROM h WHERE outbox.ws = $1 AND outbox.id = h.id),"
	             " n AS (SELECT c.id FROM c, e WHERE c.state IN (3, 4) AND c.person_id IS DISTINCT FROM e.subject AND EXISTS (SELECT 1"
	             " FROM unnest(e.names) AS x WHERE length(x) > 5 AND position(convert_to(x, 'UTF8') IN c.origin) > 0)),"
	             " q AS (UPDATE outbox SET origin = '' FROM n WHERE outbox.ws = $1 AND outbox.id = n.id AND outbox.state > 2),"
	             " p AS (UPDATE runs SET origin = '' FROM n WHERE runs.ws = $1 AND runs.id = n.id)"
	             " UPDATE runs SET person_id = NULL, origin = '', stream_ref = NULL, given = NULL, about_id = NULL FROM h"
	             " WHERE runs.ws = $1 AND runs.id = h.id RETURNING runs.id" },
	/* Notices and whatever else went out there without a run. */
	{ "forget_notices",
	    "UPDATE outbox SET body = NULL, origin = '', external_ref = NULL FROM erasures e, threads t WHERE e.ws = $1 AND e.id = $2"
	    " AND t.ws = $1 AND t.place_id = ANY (e.places) AND outbox.ws = $1 AND outbox.thread_id = t.id AND outbox.state > 2"
	    " AND outbox.run_id IS DISTINCT FROM e.run_id AND outbox.created_at <= e.created_at" },
	{ "forget_reactions",
	    "DELETE FROM reactions r USING erasures e WHERE e.ws = $1 AND e.id = $2 AND r.ws = $1 AND r.person_id = e.subject" },
	{ "forget_feedback",
	    "DELETE FROM feedback r USING erasures e WHERE e.ws = $1 AND e.id = $2 AND r.ws = $1 AND r.person_id = e.subject" },
	{ "forget_readers",
	    "DELETE FROM place_people r USING erasures e WHERE e.ws = $1 AND e.id = $2 AND r.ws = $1 AND r.external_id = ANY (e.names)" },
	{ "forget_offers",
	    "UPDATE offers SET person_id = NULL, subject = NULL, state = CASE WHEN offers.state = 1 THEN 4 ELSE offers.state END, closed_at = coalesce(closed_at, now())"
	    " FROM erasures e WHERE e.ws = $1 AND e.id = $2 AND offers.ws = $1 AND offers.person_id = e.subject" },
	{ "forget_facts",
	    "DELETE FROM context_items i USING erasures e WHERE e.ws = $1 AND e.id = $2 AND i.ws = $1 AND (i.about_id = e.subject"
	    " OR (i.author_id = e.subject AND NOT EXISTS (SELECT 1 FROM context_sources s WHERE s.ws = $1 AND s.item_id = i.id))) RETURNING i.id" },
	{ "forget_authors",
	    "UPDATE context_items SET author_id = NULL FROM erasures e WHERE e.ws = $1 AND e.id = $2 AND context_items.ws = $1"
	    " AND context_items.author_id = e.subject" },
	{ "forget_forks",
	    "UPDATE forks SET created_by = CASE WHEN created_by = e.subject THEN NULL ELSE created_by END, closed_by = CASE WHEN closed_by = e.subject"
	    " THEN NULL ELSE closed_by END, topic = CASE WHEN created_by = e.subject THEN '(erased)' ELSE topic END FROM erasures e"
	    " WHERE e.ws = $1 AND e.id = $2 AND forks.ws = $1 AND (created_by = e.subject OR closed_by = e.subject)" },
	{ "forget_fork_titles",
	    "UPDATE threads SET title = NULL FROM forks k WHERE threads.ws = $1 AND k.ws = $1 AND k.id = threads.fork_id AND k.topic = '(erased)'"
	    " AND title IS NOT NULL AND $2::uuid IS NOT NULL" },
	{ "forget_resolutions",
	    "UPDATE resolutions SET closed_by = NULL FROM erasures e WHERE e.ws = $1 AND e.id = $2 AND resolutions.ws = $1"
	    " AND closed_by = e.subject" },
	{ "forget_relays",
	    "UPDATE relays SET asked_by = CASE WHEN asked_by = e.subject THEN NULL ELSE asked_by END, closed_by = CASE WHEN closed_by = e.subject"
	    " THEN NULL ELSE closed_by END, page_origin = CASE WHEN relays.state = 3 AND asked_by = e.subject THEN '' ELSE page_origin END"
	    " FROM erasures e WHERE e.ws = $1 AND e.id = $2 AND relays.ws = $1 AND (asked_by = e.subject OR closed_by = e.subject)" },
	{ "forget_titles",
	    "UPDATE threads SET title = NULL FROM erasures e WHERE e.ws = $1 AND e.id = $2 AND threads.ws = $1 AND only_person = e.subject"
	    " AND NOT several AND title IS NOT NULL" },
	{ "forget_aliases",
	    "DELETE FROM aliases a USING erasures e, threads t WHERE e.ws = $1 AND e.id = $2 AND t.ws = $1 AND t.place_id = ANY (e.places)"
	    " AND a.ws = $1 AND a.thread_id = t.id" },
	{ "forget_inbox",
	    "WITH " ERASURE
	    ", c AS MATERIALIZED (SELECT i.id, i.source_key FROM inbox i, e WHERE i.ws = $1 AND (e.cursor IS NULL OR i.id > e.cursor)"
	    " ORDER BY i.id LIMIT $3::int8)," NEXT(
	        "c") " UPDATE inbox SET source_key = '' FROM c, e WHERE inbox.ws = $1 AND inbox.id = c.id AND EXISTS (SELECT 1 FROM unnest(e.names) AS x"
	             " WHERE strpos(c.source_key, x) > 0)" },
	{ "forget_inbox_rejected",
	    "UPDATE inbox_rejected i SET source_key = '' FROM erasures e WHERE e.ws = $1 AND e.id = $2 AND i.ws = $1 AND EXISTS (SELECT 1"
	    " FROM unnest(e.names) AS x WHERE strpos(i.source_key, x) > 0)" },
	/* Words that tell: not those that others use, nor those of other people's names, nor what every text has. */
	{ "forget_prune",
	    "WITH " ERASURE
	    ", w AS MATERIALIZED (SELECT word FROM erasure_words WHERE ws = $1 AND erasure_id = $2 AND NOT seen LIMIT $3::int8),"
	    " o AS MATERIALIZED (SELECT x AS word FROM e, search_others((SELECT array_agg(word) FROM w), e.since) AS x UNION"
	    " SELECT w.word FROM w, e WHERE length(w.word) < 3 OR w.word = ANY (ARRAY(SELECT unnest(tsvector_to_array("
	    "to_tsvector('eddy.plain', p.name))) FROM people p WHERE p.ws = $1 AND p.id IS DISTINCT FROM e.subject AND p.name IS NOT NULL))"
	    " OR to_tsvector('pg_catalog.english', w.word) = '' OR to_tsvector('pg_catalog.german', w.word) = ''"
	    " OR to_tsvector('pg_catalog.french', w.word) = '' OR to_tsvector('pg_catalog.spanish', w.word) = ''),"
	    " d AS (DELETE FROM erasure_words x USING o WHERE x.ws = $1 AND x.erasure_id = $2 AND x.word = o.word),"
	    " s AS (UPDATE erasure_words x SET seen = true FROM w WHERE x.ws = $1 AND x.erasure_id = $2 AND x.word = w.word"
	    " AND NOT EXISTS (SELECT 1 FROM o WHERE o.word = w.word))"
	    " SELECT word FROM w LIMIT 1" },
	/* $3 the words */
	{ "forget_some_words", "SELECT word FROM erasure_words WHERE ws = $1 AND erasure_id = $2 AND seen LIMIT $3::int8" },
	{ "forget_echoes",
	    "WITH " ERASURE
	    " SELECT m.id FROM e, search_echoes($3::text[], e.since) AS x JOIN messages m ON m.ws = $1 AND m.id = x.message_id"
	    " LEFT JOIN runs r ON r.ws = $1 AND r.id = m.run_id WHERE m.run_id IS DISTINCT FROM e.run_id"
	    " AND NOT EXISTS (SELECT 1 FROM resolutions s WHERE s.ws = $1 AND s.message_id = m.id) AND (" MAY_HAVE_READ
	    " OR EXISTS (SELECT 1 FROM unnest($3) AS w WHERE " BY_CHANCE_BY_NOBODY(
	        "w") " AND (m.search @@ search_word(w)"
	             " OR to_tsvector('eddy.plain', coalesce(m.whole, '')) @@ search_word(w))))" },
	{ "forget_cut",
	    "WITH q AS MATERIALIZED (SELECT search_any($3::text[]) AS q),"
	    " a AS MATERIALIZED (SELECT s.id, s.message_id, s.state, s.headline, s.body, g.gone FROM resolutions s, q, LATERAL (SELECT"
	    " coalesce(array_agg(u.o::int), '{}') AS gone FROM unnest(s.sources) WITH ORDINALITY AS u (id, o) LEFT JOIN messages m ON m.ws = $1"
	    " AND m.id = u.id WHERE m.id IS NULL OR m.state = 2) g WHERE s.ws = $1 AND (cardinality(g.gone) > 0"
	    " OR to_tsvector('eddy.plain', s.headline || ' ' || s.body) @@ q.q)),"
	    " u AS (UPDATE resolutions s SET headline = CASE WHEN a.state <> 2 THEN '' WHEN to_tsvector('eddy.plain', a.headline) @@ q.q"
	    " THEN '(erased)' ELSE a.headline END, body = CASE WHEN a.state <> 2 THEN '' ELSE search_strip(a.body, a.gone, q.q) END,"
	    " state = CASE WHEN a.state = 1 THEN 4 ELSE a.state END FROM a, q WHERE s.ws = $1 AND s.id = a.id),"
	    " n AS MATERIALIZED (SELECT m.id, m.thread_id, m.seq, search_strip(m.body, a.gone, q.q) AS body FROM a JOIN messages m ON m.ws = $1"
	    " AND m.id = a.message_id, q WHERE a.state = 2 AND m.state <> 2 AND m.body <> search_strip(m.body, a.gone, q.q)),"
	    " t AS (UPDATE threads SET seq = threads.seq + 1 FROM n WHERE threads.ws = $1 AND threads.id = n.thread_id RETURNING threads.id, threads.seq),"
	    " d AS (DELETE FROM summaries USING n WHERE summaries.ws = $1 AND summaries.thread_id = n.thread_id)"
	    " UPDATE messages m SET body = n.body, state = 1, rev = t.seq FROM n, t WHERE m.ws = $1 AND m.id = n.id AND t.id = n.thread_id AND $2::uuid IS NOT NULL"
	    " RETURNING m.thread_id, m.id, m.seq, m.rev, m.author_kind, m.body" },
	{ "forget_summaries",
	    "DELETE FROM summaries WHERE ws = $1 AND to_tsvector('eddy.plain', body) @@ search_any($3::text[]) AND $2::uuid IS NOT NULL"
	    " RETURNING thread_id" },
	{ "forget_items",
	    "DELETE FROM context_items WHERE ws = $1 AND (search @@ search_any($3::text[]) OR to_tsvector('eddy.plain', array_to_string(tags, ' '))"
	    " @@ search_any($3)) AND created_at >= (SELECT since FROM erasures WHERE ws = $1 AND id = $2) RETURNING id" },
	{ "forget_topics",
	    "UPDATE forks SET topic = '(erased)' WHERE ws = $1 AND to_tsvector('eddy.plain', topic) @@ search_any($3::text[])"
	    " AND $2::uuid IS NOT NULL RETURNING id" },
	{ "forget_names_of_threads",
	    "UPDATE threads SET title = NULL WHERE ws = $1 AND title IS NOT NULL AND to_tsvector('eddy.plain', title) @@ search_any($3::text[])"
	    " AND $2::uuid IS NOT NULL RETURNING id" },
	{ "forget_bodies",
	    "UPDATE outbox SET body = NULL WHERE ws = $1 AND body IS NOT NULL AND state > 2 AND to_tsvector('eddy.plain', body) @@"
	    " search_any($3::text[]) AND $2::uuid IS NOT NULL" },
	{ "forget_reasons",
	    "UPDATE feedback SET reason = NULL WHERE ws = $1 AND reason IS NOT NULL AND to_tsvector('eddy.plain', reason) @@"
	    " search_any($3::text[]) AND $2::uuid IS NOT NULL" },
	{ "forget_searched", "DELETE FROM erasure_words WHERE ws = $1 AND erasure_id = $2 AND word = ANY ($3::text[])" },
	/* What tools have said of messages that are gone: they name them by their ids. */
	{ "forget_tools",
	    "WITH " ERASURE
	    ", c AS MATERIALIZED (SELECT DISTINCT s.run_id AS id FROM run_steps s, e WHERE s.ws = $1 AND (e.cursor IS NULL"
	    " OR s.run_id > e.cursor) ORDER BY 1 LIMIT $3::int8)," NEXT(
	        "c") " DELETE FROM run_steps d USING c JOIN runs r ON r.ws = $1 AND r.id = c.id AND r.state > 2 WHERE d.ws = $1 AND d.run_id = c.id"
	             " AND EXISTS (SELECT 1 FROM run_steps s, regexp_matches(s.body::text,"
	             " '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', 'g') AS x JOIN messages m ON m.ws = $1 AND m.id = x[1]::uuid"
	             " AND m.state = 2 WHERE s.ws = $1 AND s.run_id = c.id)" },
	{ "forget_is_busy",
	    "SELECT 1 FROM erasures e JOIN runs r ON r.ws = $1 AND r.person_id = e.subject AND r.created_at <= e.created_at"
	    " LEFT JOIN outbox o ON o.ws = $1 AND o.id = r.id WHERE e.ws = $1 AND e.id = $2 AND (r.state <= 2 OR o.state <= 2)"
	    " AND r.created_at > e.created_at - interval '1 day' AND e.created_at > now() - interval '1 day' LIMIT 1" },
	/* The last: who it was. */
	{ "forget_identities",
	    "DELETE FROM identities i USING erasures e WHERE e.ws = $1 AND e.id = $2 AND i.ws = $1 AND i.person_id = e.subject" },
	{ "forget_people",
	    "UPDATE people SET name = NULL, tz = NULL, private = false FROM erasures e WHERE e.ws = $1 AND e.id = $2 AND people.ws = $1"
	    " AND people.id = e.subject" },
	{ "forget_places",
	    "UPDATE places SET external_id = 'forgotten:' || places.id, name = NULL FROM erasures e WHERE e.ws = $1 AND e.id = $2"
	    " AND places.ws = $1 AND places.id = ANY (e.places)" },
	{ "forget_keys",
	    "UPDATE threads SET external_key = 'forgotten:' || threads.id FROM erasures e WHERE e.ws = $1 AND e.id = $2 AND threads.ws = $1"
	    " AND threads.place_id = ANY (e.places) AND external_key !~ '^[0-9a-f]{8}-[0-9a-f-]{27}$'" },
	{ "forget_sessions",
	    "DELETE FROM sessions s USING erasures e WHERE e.ws = $1 AND e.id = $2 AND s.ws = $1 AND s.subject = ANY (e.names)" },
	{ "forget_codes",
	    "DELETE FROM login_codes s USING erasures e WHERE e.ws = $1 AND e.id = $2 AND s.ws = $1 AND s.subject = ANY (e.names)" },
	{ "forget_stops",
	    "DELETE FROM stops s USING erasures e WHERE e.ws = $1 AND e.id = $2 AND s.ws = $1 AND s.external_id = ANY (e.names)" },
	{ "forget_only",
	    "UPDATE threads SET only_person = NULL FROM erasures e WHERE e.ws = $1 AND e.id = $2 AND threads.ws = $1 AND only_person = e.subject" },
	{ "forget_audiences",
	    "UPDATE audiences SET subject = audiences.id FROM erasures e WHERE e.ws = $1 AND e.id = $2 AND audiences.ws = $1 AND audiences.kind = 2"
	    " AND audiences.subject = e.subject" },
	{ "forget_end",
	    "WITH w AS (DELETE FROM erasure_words WHERE ws = $1 AND erasure_id = $2) UPDATE erasures SET state = 2, done_at = now(), names = NULL,"
	    " places = NULL, cursor = NULL, subject = CASE WHEN kind = 3 THEN NULL ELSE subject END WHERE ws = $1 AND id = $2" },
	{ "forget_audit",
	    "INSERT INTO audit (ws, id, verb, subject, detail) SELECT ws, $3, CASE kind WHEN 1 THEN 'message.erased' WHEN 2 THEN 'thread.swept'"
	    " ELSE 'person.forgotten' END, id, jsonb_build_object('messages', messages, 'answers', answers, 'items', items, 'threads', threads)"
	    " FROM erasures WHERE ws = $1 AND id = $2 ON CONFLICT DO NOTHING" },
	{ NULL, NULL },
};

/* ---- orders ---- */

static enum err exec(struct pg *pg, const char *statement, const struct pg_args *a, int *rows)
{
	PGresult *r = NULL;
	enum err e = pg_query(pg, statement, a, &r);
	if (e == ERR_NONE && rows != NULL)
		*rows += PQresultStatus(r) == PGRES_TUPLES_OK ? PQntuples(r) : 0;
	PQclear(r);
	return e;
}

enum err forget_person(struct pg *pg, const struct forget_order *o)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, o->ws);
	pg_arg_id(a, o->id);
	pg_arg_id(a, o->person);
	pg_arg_id(a, o->run);
	pg_arg_id(a, o->message);
	enum err e = exec(pg, "forget_person", a, NULL);
	pg_args_free(a);
	return e;
}

static void arg_ids(struct pg_args *a, const struct id *ids, size_t n)
{
	pg_array_begin(a, PG_UUID);
	for (size_t i = 0; i < n; i++)
		pg_array_id(a, ids[i]);
	pg_array_end(a);
}

static enum err derived(struct pg *pg, struct id ws, const struct id *ids, size_t n, int *items)
{
	enum err e = ERR_NONE;
	struct pg_args *a = pg_args_new();
	for (const char *const *s = derived_gone; *s != NULL && e == ERR_NONE; s++) {
		PGresult *r = NULL;
		pg_args_reset(a);
		pg_arg_id(a, ws);
		arg_ids(a, ids, n);
		e = pg_query(pg, *s, a, &r);
		if (e == ERR_NONE && items != NULL)
			*items += atoi(PQcmdTuples(r));
		PQclear(r);
	}
	pg_args_free(a);
	return e;
}

/* The ids in the first column. */
static struct id *ids_of(const PGresult *r, size_t *n)
{
	*n = (size_t)PQntuples(r);
	struct id *ids = xcalloc(*n + 1, sizeof *ids);
	for (size_t i = 0; i < *n; i++)
		ids[i] = pg_get_id(r, (int)i, 0);
	return ids;
}

enum err forget_thread(struct pg *pg, struct id ws, struct id thread)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, id_new());
	pg_arg_id(a, thread);
	enum err e = exec(pg, "forget_thread", a, NULL);
	pg_args_reset(a);
	pg_arg_id(a, ws);
	pg_arg_id(a, thread);
	if (e == ERR_NONE)
		e = pg_query(pg, "forget_ids_of_thread", a, &r);
	if (e == ERR_NONE) {
		size_t n;
		struct id *ids = ids_of(r, &n);
		e = derived(pg, ws, ids, n, NULL);
		free(ids);
	}
	PQclear(r);
	pg_args_free(a);
	return e;
}

enum err forget_tenants(struct pg *pg, void (*fn)(void *arg, struct id ws), void *arg)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	enum err e = pg_query(pg, "forget_tenants", a, &r);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++)
		fn(arg, pg_get_id(r, i, 0));
	PQclear(r);
	pg_args_free(a);
	return e;
}

enum err forget_open(struct pg *pg, struct id ws, struct id *out, size_t max, size_t *n)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	*n = 0;
	pg_arg_id(a, ws);
	pg_arg_int4(a, (int32_t)max);
	enum err e = pg_begin(pg, ws);
	if (e == ERR_NONE)
		e = pg_end(pg, pg_query(pg, "forget_open", a, &r));
	for (int i = 0; e == ERR_NONE && i < PQntuples(r) && *n < max; i++)
		out[(*n)++] = pg_get_id(r, i, 0);
	PQclear(r);
	pg_args_free(a);
	return e;
}

enum err forget_read(struct pg *pg, struct id ws, struct id id, struct forget_counts *out)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, id);
	enum err e = pg_query(pg, "forget_read", a, &r);
	if (e == ERR_NONE && PQntuples(r) != 1)
		e = ERR_INPUT;
	if (e == ERR_NONE)
		*out = (struct forget_counts){ (int)pg_get_int8(r, 0, 0), (int)pg_get_int8(r, 0, 1), (int)pg_get_int8(r, 0, 2),
			(int)pg_get_int8(r, 0, 3), pg_get_bool(r, 0, 4) };
	PQclear(r);
	pg_args_free(a);
	return e;
}

/* ---- one piece ---- */

struct piece {
	struct pg *pg;
	struct id ws, id;
	bool person;
	enum step step;
	int messages, answers, items, threads;
	PGresult **told; /* rows to tell of after COMMIT */
	size_t told_len;
};

/* $1 ws, $2 the erasure; more may follow. */
static struct pg_args *args(const struct piece *p)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, p->ws);
	pg_arg_id(a, p->id);
	return a;
}

/* A statement about the erasure; counts the rows it gives. */
static enum err plain(struct piece *p, const char *statement, int *rows)
{
	struct pg_args *a = args(p);
	enum err e = exec(p->pg, statement, a, rows);
	pg_args_free(a);
	return e;
}

static enum err rows_of(struct piece *p, const char *statement, int64_t limit, PGresult **out)
{
	struct pg_args *a = args(p);
	pg_arg_int8(a, limit);
	enum err e = pg_query(p->pg, statement, a, out);
	pg_args_free(a);
	return e;
}

static void keep(struct piece *p, PGresult *r)
{
	p->told = xrealloc(p->told, (p->told_len + 1) * sizeof *p->told);
	p->told[p->told_len++] = r;
}

/* Empty messages with all that rests on them. */
static enum err empty(struct piece *p, const struct id *ids, size_t n, bool whose)
{
	enum err e = ERR_NONE;
	for (size_t at = 0; at < n && e == ERR_NONE; at += MESSAGES) {
		size_t k = n - at < MESSAGES ? n - at : MESSAGES;
		PGresult *r = NULL;
		struct pg_args *a = pg_args_new();
		e = derived(p->pg, p->ws, ids + at, k, &p->items);
		pg_arg_id(a, p->ws);
		arg_ids(a, ids + at, k);
		pg_arg_bool(a, whose);
		if (e == ERR_NONE)
			e = pg_query(p->pg, "forget_empty", a, &r);
		pg_args_free(a);
		if (e != ERR_NONE)
			break;
		for (int i = 0; i < PQntuples(r); i++) {
			if (pg_get_int8(r, i, 4) == 2)
				p->answers++;
			else
				p->messages++;
			bool new_thread = true;
			for (int j = 0; j < i && new_thread; j++)
				new_thread = !id_equal(pg_get_id(r, j, 0), pg_get_id(r, i, 0));
			p->threads += new_thread;
		}
		keep(p, r);
	}
	return e;
}

static enum err next_messages(struct piece *p)
{
	PGresult *r = NULL;
	enum err e = rows_of(p, "forget_pick", ROWS, &r);
	if (e == ERR_NONE && PQntuples(r) > 0) {
		size_t n;
		struct id *ids = ids_of(r, &n);
		struct pg_args *a = args(p);
		arg_ids(a, ids, n);
		e = exec(p->pg, "forget_words_of", a, NULL);
		pg_args_free(a);
		if (e == ERR_NONE)
			e = empty(p, ids, n, true);
		free(ids);
	}
	PQclear(r);
	return e;
}

static enum err go_on(struct piece *p)
{
	return plain(p, "forget_step", NULL);
}

static enum err next_words(struct piece *p)
{
	PGresult *r = NULL;
	enum err e = rows_of(p, "forget_prune", WORDS, &r);
	if (e == ERR_NONE && PQntuples(r) == 0)
		e = go_on(p);
	PQclear(r);
	return e;
}

static enum err with_words(struct piece *p, const char *statement, const PGresult *words, PGresult **out)
{
	struct pg_args *a = args(p);
	pg_array_begin(a, PG_TEXT);
	for (int i = 0; i < PQntuples(words); i++)
		pg_array_str(a, pg_get_str(words, i, 0));
	pg_array_end(a);
	enum err e = pg_query(p->pg, statement, a, out);
	pg_args_free(a);
	return e;
}

/* What Eddy said and noted with the next few words.  The resolutions are looked at even when no word is left. */
static enum err next_echoes(struct piece *p)
{
	static const char *const others[] = { "forget_summaries", "forget_items", "forget_topics", "forget_names_of_threads",
		"forget_bodies", "forget_reasons", "forget_searched" };
	PGresult *words = NULL, *r = NULL;
	enum err e = rows_of(p, "forget_some_words", ECHOES, &words);
	bool none = e == ERR_NONE && PQntuples(words) == 0;
	if (e == ERR_NONE && !none)
		e = with_words(p, "forget_echoes", words, &r);
	if (e == ERR_NONE && !none && PQntuples(r) > 0) {
		size_t n;
		struct id *ids = ids_of(r, &n);
		e = empty(p, ids, n, false);
		free(ids);
	}
	PQclear(r);
	r = NULL;
	if (e == ERR_NONE)
		e = with_words(p, "forget_cut", words, &r);
	if (e == ERR_NONE) {
		p->items += PQntuples(r);
		keep(p, r);
	}
	for (size_t i = 0; i < sizeof others / sizeof *others && e == ERR_NONE && !none; i++) {
		r = NULL;
		e = with_words(p, others[i], words, &r);
		if (e == ERR_NONE && i < 2)
			p->items += PQntuples(r);
		PQclear(r);
	}
	if (e == ERR_NONE && none)
		e = go_on(p);
	PQclear(words);
	return e;
}

static enum err next_rows(struct piece *p, const char *statement)
{
	PGresult *r = NULL;
	enum err e = rows_of(p, statement, ROWS, &r);
	PQclear(r);
	return e;
}

static enum err things(struct piece *p)
{
	static const char *const statements[] = { "forget_notices", "forget_reactions", "forget_feedback", "forget_readers",
		"forget_offers", "forget_forks", "forget_fork_titles", "forget_resolutions", "forget_relays", "forget_titles",
		"forget_aliases", "forget_inbox_rejected" };
	enum err e = plain(p, "forget_facts", &p->items);
	if (e == ERR_NONE)
		e = plain(p, "forget_authors", NULL);
	for (size_t i = 0; i < sizeof statements / sizeof *statements && e == ERR_NONE; i++)
		e = plain(p, statements[i], NULL);
	return e == ERR_NONE ? go_on(p) : e;
}

static enum err names(struct piece *p)
{
	/* The places before what says whose they are. */
	static const char *const statements[] = { "forget_notices", "forget_readers", "forget_places", "forget_keys", "forget_only",
		"forget_audiences", "forget_sessions", "forget_codes", "forget_stops", "forget_identities", "forget_people" };
	enum err e = ERR_NONE;
	for (size_t i = 0; i < sizeof statements / sizeof *statements && e == ERR_NONE && p->person; i++)
		e = plain(p, statements[i], NULL);
	return e == ERR_NONE ? go_on(p) : e;
}

static enum err end(struct piece *p)
{
	struct pg_args *a = args(p);
	pg_arg_id(a, id_named(p->id, 0, "erased", strlen("erased")));
	enum err e = exec(p->pg, "forget_audit", a, NULL);
	pg_args_free(a);
	return e == ERR_NONE ? plain(p, "forget_end", NULL) : e;
}

static enum err work(struct piece *p, enum forget_state *state)
{
	int busy = 0;
	enum err e = ERR_NONE;
	*state = FORGET_MORE;
	switch (p->step) {
	case STEP_PREPARE:
		return plain(p, "forget_prepare", NULL);
	case STEP_MESSAGES:
	case STEP_MESSAGES_LATE:
		return next_messages(p);
	case STEP_RUNS:
	case STEP_RUNS_LATE:
		return next_rows(p, "forget_runs");
	case STEP_THINGS:
		return things(p);
	case STEP_INBOX:
		return next_rows(p, "forget_inbox");
	case STEP_WORDS_EARLY:
	case STEP_WORDS:
		return next_words(p);
	case STEP_ECHOES_EARLY:
	case STEP_ECHOES:
		return next_echoes(p);
	case STEP_TOOLS_EARLY:
	case STEP_TOOLS:
		return next_rows(p, "forget_tools");
	case STEP_WAIT:
		e = plain(p, "forget_is_busy", &busy);
		if (e == ERR_NONE && busy == 0)
			return go_on(p);
		*state = FORGET_WAITS;
		return e;
	case STEP_NAMES:
		return names(p);
	case STEP_END:
		break;
	}
	*state = FORGET_DONE;
	return end(p);
}

static enum err locked(struct piece *p, enum forget_state *state)
{
	struct pg_args *a = args(p);
	PGresult *r = NULL;
	enum err e = pg_query(p->pg, "forget_lock", a, &r);
	pg_args_free(a);
	bool open = e == ERR_NONE && PQntuples(r) == 1 && pg_get_int8(r, 0, 2) == 1;
	if (open) {
		p->person = pg_get_int8(r, 0, 0) == 3;
		p->step = (enum step)pg_get_int8(r, 0, 1);
	}
	PQclear(r);
	if (e != ERR_NONE || !open) {
		*state = FORGET_DONE;
		return e;
	}
	e = work(p, state);
	if (e == ERR_NONE && p->messages + p->answers + p->items > 0) {
		a = args(p);
		pg_arg_int4(a, p->messages);
		pg_arg_int4(a, p->answers);
		pg_arg_int4(a, p->items);
		pg_arg_int4(a, p->threads);
		e = exec(p->pg, "forget_count", a, NULL);
		pg_args_free(a);
	}
	return e;
}

enum err forget_work(struct pg *pg, struct id ws, struct id id, void (*told)(void *arg, const struct forgotten *f), void *arg,
    enum forget_state *state)
{
	struct piece p = { .pg = pg, .ws = ws, .id = id };
	*state = FORGET_MORE;
	enum err e = pg_begin(pg, ws);
	if (e == ERR_NONE)
		e = pg_end(pg, locked(&p, state));
	for (size_t i = 0; i < p.told_len; i++) {
		const PGresult *r = p.told[i];
		for (int k = 0; e == ERR_NONE && told != NULL && k < PQntuples(r); k++)
			told(arg,
			    &(struct forgotten){ .thread = pg_get_id(r, k, 0),
			        .message = pg_get_id(r, k, 1),
			        .seq = pg_get_int8(r, k, 2),
			        .rev = pg_get_int8(r, k, 3),
			        .cut = PQnfields(r) > 5,
			        .text = PQnfields(r) > 5 ? pg_get_str(r, k, 5) : NULL });
		PQclear(p.told[i]);
	}
	free(p.told);
	return e;
}
