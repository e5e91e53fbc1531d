/* The statements of forget.c, which says what each is for; the numbers of its steps are in them. */
#include "forget.h"

/* $1 ws, $2 the erasure, $3 how many rows */
#define ERASURE "e AS MATERIALIZED (SELECT * FROM erasures WHERE ws = $1 AND id = $2)"
#define NEXT(from) \
	" u AS (UPDATE erasures SET cursor = n.last, step = step + (n.k < $3)::int FROM (SELECT count(*) AS k," \
	" CASE WHEN count(*) = $3 THEN (SELECT id FROM " from " ORDER BY id DESC LIMIT 1) END AS last FROM " from \
	") n WHERE ws = $1" \
	" AND erasures.id = $2)"
/* An answer that came from a thread where something was erased, or was made by reading. */
#define WAS_TOLD_OF_IT \
	"EXISTS (SELECT 1 FROM unnest(r.given) AS g (id) WHERE NOT EXISTS (SELECT 1 FROM context_items i WHERE i.ws = $1 AND i.id = g.id))"
#define MAY_HAVE_READ \
	"(m.run_id IS NULL OR r.kind = 2 OR EXISTS (SELECT 1 FROM run_steps x WHERE x.ws = $1 AND x.run_id = m.run_id)" \
	" OR " WAS_TOLD_OF_IT \
	" OR EXISTS (SELECT 1 FROM threads h LEFT JOIN forks k ON k.ws = h.ws AND k.id = h.fork_id JOIN messages d ON d.ws = h.ws" \
	" AND d.thread_id IN (h.id, k.parent_id) AND d.state = 2 WHERE h.ws = $1 AND h.id = m.thread_id)" \
	" OR EXISTS (SELECT 1 FROM forks b JOIN messages d ON d.ws = b.ws AND d.thread_id = b.thread_id AND d.state = 2 WHERE b.ws = $1" \
	" AND b.parent_id = m.thread_id AND b.state = 3))"
#define QUOTING \
	"k AS MATERIALIZED (SELECT f.id, f.parent_id, f.thread_id, f.n, f.quotes, f.topic FROM forks f JOIN messages d ON d.ws = f.ws" \
	" AND d.id = f.about_id AND d.state = 2 WHERE f.ws = $1 AND $2::uuid IS NOT NULL)"
#define BY_CHANCE_BY_NOBODY(w) "(" w " ~ '[0-9].*[0-9]' AND length(" w ") >= 5 OR " w " ~ '@' OR length(" w ") >= 16)"

const struct pg_statement forget_statements[] = {
	{ "forget_person",
	    "INSERT INTO erasures (ws, id, kind, subject, run_id, message_id, asked, asked_by) VALUES ($1, $2, 3, $3, $4, $5, $6, $7)"
	    " ON CONFLICT DO NOTHING" },
	{ "forget_thread",
	    "WITH e AS (INSERT INTO erasures (ws, id, kind, subject, step, since, messages, threads, asked) SELECT $1, $2, 2, $3, " FORGET_STEP_WORDS
	    ", min(created_at), count(*), 1, 1 FROM messages WHERE ws = $1 AND thread_id = $3 AND state <> 2 HAVING count(*) > 0"
	    " ON CONFLICT DO NOTHING RETURNING id)"
	    " INSERT INTO erasure_words (ws, erasure_id, word) SELECT DISTINCT $1::uuid, e.id, x.word FROM e JOIN messages m ON m.ws = $1"
	    " AND m.thread_id = $3 AND m.state <> 2 AND m.author_kind <> 2, unnest(tsvector_to_array(m.search || " FORGET_FILE_WORDS(
	        "m") ")) AS x (word)" },
	{ "forget_ids_of_thread", "SELECT id FROM messages WHERE ws = $1 AND thread_id = $2 AND state <> 2" },
	{ "forget_tenants", "SELECT tenant FROM search_erasures() WHERE at_work > 0" },
	{ "forget_open", "SELECT id FROM erasures WHERE ws = $1 AND state = 1 ORDER BY created_at LIMIT $2::int4" },
	{ "forget_read",
	    "SELECT messages, answers, items, threads, step = 8 OR state = 2, state = 3 FROM erasures WHERE ws = $1 AND id = $2" },
	{ "forget_lock",
	    "SELECT kind, step, state, cursor IS NOT NULL, noted_at IS NOT NULL, subject, to_char(created_at AT TIME ZONE 'UTC',"
	    " 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), set_config('app.erasing', id::text, true), set_config('app.erasing_of', CASE WHEN kind = 3"
	    " THEN subject::text ELSE '' END, true), EXISTS (SELECT 1 FROM holds h WHERE h.ws = $1 AND h.ended_at IS NULL), (kind <> 5 OR step = 15) AND step > 0 AND"
	    " hold_keeps($1, id, kind, subject) FROM erasures WHERE ws = $1 AND id = $2 FOR UPDATE" },
	{ "forget_waits", /* all of it again when the hold has ended: only words went, into what is held; the rest was left alone */
	    "UPDATE erasures SET state = 3, cursor = NULL, step = CASE WHEN kind = 3 THEN 0 ELSE step END WHERE ws = $1 AND id = $2" },
	{ "forget_hidden", "UPDATE erasures SET step = $3::int4, cursor = NULL WHERE ws = $1 AND id = $2" },
	{ "forget_held_rows",
	    "DELETE FROM held_rows r USING erasures e WHERE e.ws = $1 AND e.id = $2 AND r.ws = $1 AND e.subject = ANY (r.persons)"
	    " AND NOT hold_covers($1, r.persons, r.thread_id, r.place_id)" },
	{ "forget_holds",
	    "UPDATE holds h SET subjects = CASE WHEN h.kind = 1 THEN array_remove(h.subjects, e.subject) ELSE h.subjects END, reason = CASE WHEN h.kind = 1"
	    " AND e.subject = ANY (h.subjects) THEN '' ELSE reason END, placed_by = nullif(placed_by, e.subject), end_asked_by ="
	    " nullif(end_asked_by, e.subject), ended_by = nullif(ended_by, e.subject) FROM erasures e WHERE e.ws = $1 AND e.id = $2 AND h.ws = $1"
	    " AND e.subject = ANY (h.subjects || ARRAY[placed_by, end_asked_by, ended_by])" },
	{ "forget_noted", "UPDATE erasures SET noted_at = now() WHERE ws = $1 AND id = $2" },
	{ "forget_same_user",
	    "SELECT $2::uuid AS id UNION ALL SELECT x FROM same_user($2) AS x WHERE x <> $2 AND $1::uuid IS NOT NULL" },
	{ "forget_receipts",
	    "SELECT id, kind, state, asked, asked_by, messages, answers, items, threads, counts::text, (extract(epoch FROM created_at) * 1000)::int8,"
	    " (extract(epoch FROM done_at) * 1000)::int8, (extract(epoch FROM purged_at) * 1000)::int8 FROM erasures WHERE ws = $1 AND kind <> 4"
	    " AND ($2::uuid IS NULL OR id = $2) ORDER BY created_at DESC, id DESC OFFSET $3::int4 LIMIT $4::int4" },
	/*
	 * What a backup has brought back (again.c): first what nobody may go on with, then the words, then the messages go.
	 */
	{ "forget_again_runs",
	    "WITH e AS MATERIALIZED (SELECT * FROM erasures WHERE ws = $1 AND id = $2), r AS MATERIALIZED (SELECT r.id FROM runs r, e WHERE r.ws = $1 AND CASE e.kind"
	    " WHEN 1 THEN r.message_id = e.subject WHEN 2 THEN r.thread_id = e.subject ELSE r.person_id = e.subject AND r.created_at <= e.created_at"
	    " END), s AS (DELETE FROM run_steps USING r WHERE run_steps.ws = $1 AND run_steps.run_id = r.id), o AS (UPDATE outbox SET state = 4,"
	    " body = NULL, error = 'erased' FROM r WHERE outbox.ws = $1 AND outbox.id = r.id AND outbox.state <= 2) UPDATE runs SET state = 5,"
	    " error = 'erased', finished_at = now() FROM r WHERE runs.ws = $1 AND runs.id = r.id AND runs.state <= 2" },
	{ "forget_again_dispatch",
	    "UPDATE dispatch d SET pending = (SELECT count(*) FROM runs r WHERE r.ws = $1 AND r.thread_id = d.thread_id AND r.state <= 2)"
	    " + (SELECT count(*) FROM outbox o WHERE o.ws = $1 AND o.thread_id = d.thread_id AND o.state <= 2) WHERE d.ws = $1 AND d.pending > 0"
	    " AND $2::uuid IS NOT NULL" },
	{ "forget_again_ids",
	    "SELECT m.id FROM erasures e JOIN messages m ON m.ws = $1 AND m.state <> 2 AND CASE e.kind WHEN 1 THEN m.id = e.subject"
	    " ELSE m.thread_id = e.subject AND m.created_at <= e.created_at END WHERE e.ws = $1 AND e.id = $2 AND e.kind IN (1, 2)" },
	{ "forget_again_step",
	    "UPDATE erasures SET step = CASE WHEN kind = 3 THEN 0 ELSE " FORGET_STEP_WORDS
	    " END, since = coalesce((SELECT min(m.created_at) FROM messages m WHERE m.ws = $1 AND CASE kind WHEN 1 THEN m.id = subject WHEN 2"
	    " THEN m.thread_id = subject END), since) WHERE ws = $1 AND id = $2" },
	{ "forget_again_title",
	    "UPDATE threads SET title = NULL FROM erasures e WHERE e.ws = $1 AND e.id = $2 AND e.kind = 2 AND threads.ws = $1"
	    " AND threads.id = e.subject" },
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
	             " AND (e.run_id IS NULL OR c.run_id IS DISTINCT FROM e.run_id) AND CASE WHEN c.author_id = e.subject THEN c.created_at <= e.created_at"
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
	{ "forget_counts", /* $3 the values by kind that went with this piece */
	    "UPDATE erasures SET counts = (SELECT jsonb_object_agg(x.k, coalesce((counts ->> x.k)::int8, 0) + coalesce(($3::text::jsonb ->> x.k)::int8, 0))"
	    " FROM (SELECT jsonb_object_keys(counts) AS k UNION SELECT jsonb_object_keys($3::text::jsonb)) x) WHERE ws = $1 AND id = $2" },
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
	    " AND (e.run_id IS NULL OR outbox.run_id IS DISTINCT FROM e.run_id) AND outbox.created_at <= e.created_at" },
	{ "forget_reactions",
	    "DELETE FROM reactions r USING erasures e WHERE e.ws = $1 AND e.id = $2 AND r.ws = $1 AND r.person_id = e.subject" },
	/* What somebody may spend goes; what was spent stays, as the sums of teams and workspace do: it bears no name any more. */
	{ "forget_budgets",
	    "WITH t AS (DELETE FROM budget_told b USING erasures e WHERE e.ws = $1 AND e.id = $2 AND b.ws = $1 AND b.kind = 3 AND b.subject = e.subject)"
	    " DELETE FROM budgets b USING erasures e WHERE e.ws = $1 AND e.id = $2 AND b.ws = $1 AND b.kind = 3 AND b.subject = e.subject" },
	{ "forget_feedback",
	    "DELETE FROM feedback r USING erasures e WHERE e.ws = $1 AND e.id = $2 AND r.ws = $1 AND r.person_id = e.subject" },
	{ "forget_calls",
	    "DELETE FROM api_answers r USING erasures e WHERE e.ws = $1 AND e.id = $2 AND r.ws = $1 AND r.caller_id = e.subject" },
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
	    "UPDATE relays SET asked_by = nullif(relays.asked_by, e.subject), closed_by = CASE WHEN closed_by = e.subject"
	    " THEN NULL ELSE closed_by END, page_origin = CASE WHEN relays.state = 3 AND relays.asked_by = e.subject THEN '' ELSE page_origin END"
	    " FROM erasures e WHERE e.ws = $1 AND e.id = $2 AND relays.ws = $1 AND (relays.asked_by = e.subject OR closed_by = e.subject)" },
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
	    ", n AS MATERIALIZED (SELECT DISTINCT x.word FROM e, people p, unnest(tsvector_to_array(to_tsvector('eddy.plain', p.name))) AS x (word)"
	    " WHERE p.ws = $1 AND p.id IS DISTINCT FROM e.subject AND p.name IS NOT NULL),"
	    " w AS MATERIALIZED (SELECT word FROM erasure_words WHERE ws = $1 AND erasure_id = $2 AND NOT seen LIMIT $3::int8),"
	    " o AS MATERIALIZED (SELECT x AS word FROM e, search_others((SELECT array_agg(word) FROM w), e.since) AS x UNION"
	    " SELECT w.word FROM w WHERE length(w.word) < 3 OR EXISTS (SELECT 1 FROM n WHERE n.word = w.word)"
	    " OR to_tsvector('pg_catalog.english', w.word) = '' OR to_tsvector('pg_catalog.german', w.word) = ''"
	    " OR to_tsvector('pg_catalog.french', w.word) = '' OR to_tsvector('pg_catalog.spanish', w.word) = ''),"
	    " d AS (DELETE FROM erasure_words x USING o WHERE x.ws = $1 AND x.erasure_id = $2 AND x.word = o.word),"
	    " s AS (UPDATE erasure_words x SET seen = true FROM w WHERE x.ws = $1 AND x.erasure_id = $2 AND x.word = w.word"
	    " AND NOT EXISTS (SELECT 1 FROM o WHERE o.word = w.word))"
	    " SELECT word FROM w LIMIT 1" },
	/*
	 * What an agent said again of a message that it had looked up or was reminded of, although others use each of its words: all of
	 * three words that say something, more than half of more.
	 */
	{ "forget_repeats",
	    "WITH " ERASURE
	    ", w AS MATERIALIZED (SELECT word FROM erasure_words WHERE ws = $1 AND erasure_id = $2 AND length(word) >= 3"
	    " AND to_tsvector('pg_catalog.english', word) <> '' AND to_tsvector('pg_catalog.german', word) <> ''"
	    " AND to_tsvector('pg_catalog.french', word) <> '' AND to_tsvector('pg_catalog.spanish', word) <> ''),"
	    " a AS MATERIALIZED (SELECT r.id FROM e JOIN runs r ON r.ws = $1 AND r.created_at >= e.since AND (EXISTS (SELECT 1 FROM run_steps s"
	    " WHERE s.ws = $1 AND s.run_id = r.id AND strpos(s.body::text, e.subject::text) > 0) OR " WAS_TOLD_OF_IT
	    ") WHERE e.kind = 1),"
	    " n AS MATERIALIZED (SELECT count(*) AS n FROM w)"
	    " SELECT m.id FROM a JOIN messages m ON m.ws = $1 AND m.run_id = a.id AND m.author_kind = 2 AND m.state <> 2, n WHERE n.n >= 2"
	    " AND (SELECT count(*) FROM w WHERE to_tsvector('eddy.plain', coalesce(m.whole, m.body)) @@ search_word(w.word))"
	    " >= CASE WHEN n.n <= 3 THEN n.n ELSE n.n * 3 / 5.0 END" },
	{ "forget_lock_threads",
	    "SELECT id FROM threads WHERE ws = $1 AND id IN (SELECT thread_id FROM messages WHERE ws = $1 AND id = ANY ($2::uuid[])) ORDER BY id"
	    " FOR UPDATE" },
	{ "forget_lock_forks",
	    "SELECT f.id FROM forks f JOIN messages d ON d.ws = f.ws AND d.id = f.about_id AND d.state = 2 WHERE f.ws = $1 AND $2::uuid IS NOT NULL"
	    " ORDER BY f.id FOR UPDATE OF f" },
	{ "forget_lock_of_forks",
	    "SELECT t.id FROM threads t WHERE t.ws = $1 AND t.id IN (SELECT x FROM forks f JOIN messages d ON d.ws = f.ws AND d.id = f.about_id"
	    " AND d.state = 2, unnest(ARRAY[f.parent_id, f.thread_id]) AS x WHERE f.ws = $1 AND $2::uuid IS NOT NULL) ORDER BY t.id FOR UPDATE" },
	{ "forget_unmark", "UPDATE erasures SET cursor = NULL WHERE ws = $1 AND id = $2" },
	{ "forget_mark", "UPDATE erasures SET cursor = id WHERE ws = $1 AND id = $2" },
	/* $3 the words */
	{ "forget_some_words",
	    "SELECT word FROM erasure_words WHERE ws = $1 AND erasure_id = $2 AND seen ORDER BY word LIMIT $3::int8" },
	{ "forget_echoes",
	    "WITH " ERASURE
	    " SELECT m.id FROM e, search_echoes($3::text[], e.since) AS x JOIN messages m ON m.ws = $1 AND m.id = x.message_id"
	    " LEFT JOIN runs r ON r.ws = $1 AND r.id = m.run_id WHERE (e.run_id IS NULL OR m.run_id IS DISTINCT FROM e.run_id)"
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
	    " d AS (DELETE FROM summaries USING n WHERE summaries.ws = $1 AND summaries.thread_id = n.thread_id),"
	    " v AS (DELETE FROM embeddings USING n WHERE embeddings.ws = $1 AND embeddings.message_id = n.id)"
	    " UPDATE messages m SET body = n.body, state = 1, rev = t.seq FROM n, t WHERE m.ws = $1 AND m.id = n.id AND t.id = n.thread_id AND $2::uuid IS NOT NULL"
	    " RETURNING m.thread_id, m.id, m.seq, m.rev, m.author_kind, m.body" },
	{ "forget_summaries",
	    "DELETE FROM summaries WHERE ws = $1 AND to_tsvector('eddy.plain', body) @@ search_any($3::text[]) AND $2::uuid IS NOT NULL"
	    " RETURNING thread_id" },
	{ "forget_items",
	    "DELETE FROM context_items WHERE ws = $1 AND (search @@ search_any($3::text[]) OR to_tsvector('eddy.plain', array_to_string(tags, ' '))"
	    " @@ search_any($3)) AND created_at >= (SELECT since FROM erasures WHERE ws = $1 AND id = $2) RETURNING id" },
	/*
	 * Side threads of what is gone: their first message quotes it, and where nobody has given them a topic, its words are the topic: in the
	 * list of threads, in what the parent was told, in a mail's subject.
	 */
	{ "forget_quotes",
	    "WITH " QUOTING
	    " SELECT m.id FROM k JOIN outbox o ON o.ws = $1 AND o.id = k.id JOIN messages m ON m.ws = $1 AND m.id = o.message_id"
	    " AND m.state <> 2 UNION SELECT m.id FROM k JOIN messages m ON m.ws = $1 AND m.thread_id = k.parent_id AND m.author_kind = 2"
	    " AND m.state <> 2 AND m.body LIKE 'Side thread #' || k.n || ' is open: %' WHERE k.quotes UNION"
	    /* drafts that rested on it, as they were shown */
	    " SELECT m.id FROM resolutions x JOIN forks f ON f.ws = $1 AND f.id = x.fork_id JOIN messages m ON m.ws = $1 AND m.thread_id = f.thread_id"
	    " AND m.author_kind = 2 AND m.state <> 2 AND (m.body LIKE 'A draft of what goes back%' OR m.body LIKE 'The draft as you want it%')"
	    " WHERE x.ws = $1 AND x.state = 4 AND x.body = '' AND m.created_at <= x.closed_at UNION"
	    /* answers to commands there that link it: summaries, reasons, what was found.  Slack writes its keys without the dot. */
	    " SELECT m.id FROM erasures e JOIN messages d ON d.ws = $1 AND d.id = e.subject JOIN messages m ON m.ws = $1"
	    " AND m.thread_id = d.thread_id AND m.seq > d.seq AND m.author_kind = 2 AND m.state <> 2 JOIN runs r ON r.ws = $1 AND r.id = m.run_id"
	    " AND r.kind = 2 WHERE e.ws = $1 AND e.id = $2 AND e.kind = 1 AND length(d.message_key) >= 8"
	    " AND strpos(m.body, replace(d.message_key, '.', '')) > 0" },
	{ "forget_quoting",
	    "WITH " QUOTING
	    ", o AS (UPDATE outbox SET body = NULL FROM k WHERE outbox.ws = $1 AND outbox.id = k.id AND outbox.state > 2),"
	    " t AS (UPDATE threads SET title = NULL FROM k WHERE threads.ws = $1 AND threads.id = k.thread_id AND k.quotes),"
	    " p AS (UPDATE places SET name = NULL FROM k JOIN threads h ON h.ws = $1 AND h.id = k.thread_id WHERE places.ws = $1"
	    " AND places.id = h.place_id AND places.name = k.topic AND k.quotes)"
	    " UPDATE forks SET about_id = NULL, topic = CASE WHEN k.quotes THEN '(erased)' ELSE forks.topic END FROM k"
	    " WHERE forks.ws = $1 AND forks.id = k.id" },
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
	/* $3 adapters: origins of threads without a title that nothing is waiting for; a side thread begins in the thread that it leaves. */
	{ "forget_origins",
	    "WITH t AS MATERIALIZED (SELECT t.id FROM places p JOIN threads t ON t.ws = p.ws AND t.place_id = p.id WHERE p.ws = $1"
	    " AND p.adapter = ANY ($3::text[]) AND t.title IS NULL AND $2::uuid IS NOT NULL),"
	    " o AS (UPDATE outbox SET origin = '' FROM t WHERE outbox.ws = $1 AND outbox.thread_id = t.id AND outbox.state > 2 AND outbox.origin <> '')"
	    " UPDATE runs SET origin = '' FROM t WHERE runs.ws = $1 AND runs.thread_id = t.id AND runs.state > 2 AND runs.origin <> ''" },
	{ "forget_fork_origins",
	    "SELECT k.id, k.adapter, coalesce(k.origin, ''), CASE WHEN p.title IS NULL THEN k.parent_origin ELSE '' END FROM forks k"
	    " JOIN threads p ON p.ws = k.ws AND p.id = k.parent_id LEFT JOIN threads t ON t.ws = k.ws AND t.id = k.thread_id WHERE k.ws = $1"
	    " AND $2::uuid IS NOT NULL AND k.adapter = ANY ($3::text[]) AND (k.topic = '(erased)' OR p.title IS NULL OR"
	    " (k.thread_id IS NOT NULL AND t.title IS NULL))" },
	{ "forget_fork_plain", /* $2 the side thread, $3, $4 NULL: as it is */
	    "UPDATE forks SET origin = coalesce($3::bytea, origin), parent_origin = coalesce($4::bytea, parent_origin) WHERE ws = $1 AND id = $2"
	    " AND (origin IS DISTINCT FROM coalesce($3::bytea, origin) OR parent_origin <> coalesce($4::bytea, parent_origin))" },
	/* What tools have said of messages that are gone: they name them by their ids. */
	{ "forget_tools",
	    "WITH " ERASURE ", c AS MATERIALIZED (SELECT DISTINCT s.run_id AS id FROM run_steps s, e WHERE s.ws = $1"
	    " AND s.run_id > coalesce(e.cursor, (lpad(to_hex(greatest(0, (extract(epoch FROM e.since) * 1000)::int8 - 60000)), 12, '0')"
	    " || repeat('0', 20))::uuid) ORDER BY 1 LIMIT $3::int8)," NEXT(
	        "c") " DELETE FROM run_steps d USING c JOIN runs r ON r.ws = $1 AND r.id = c.id AND r.state > 2 WHERE d.ws = $1 AND d.run_id = c.id"
	             " AND EXISTS (SELECT 1 FROM run_steps s, regexp_matches(s.body::text,"
	             " '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', 'g') AS x JOIN messages m ON m.ws = $1 AND m.id = x[1]::uuid"
	             " AND m.state = 2 WHERE s.ws = $1 AND s.run_id = c.id)" },
	{ "forget_is_busy",
	    "SELECT 1 FROM erasures e JOIN runs r ON r.ws = $1 AND r.person_id = e.subject AND r.created_at <= e.created_at"
	    " LEFT JOIN outbox o ON o.ws = $1 AND o.id = r.id WHERE e.ws = $1 AND e.id = $2 AND (r.state <= 2 OR o.state <= 2)"
	    " AND r.created_at > e.created_at - interval '1 day' AND e.created_at > now() - interval '1 day' LIMIT 1" },
	/* In the audit log: what entries say of the person, and then whom their tag stands for.  The entries stay. */
	{ "forget_audit_details",
	    "DELETE FROM audit_details d USING erasures e LEFT JOIN audit_people p ON p.ws = e.ws AND p.person_id = e.subject"
	    " WHERE e.ws = $1 AND e.id = $2 AND d.ws = $1 AND (d.actor = p.tag OR d.about = p.tag OR strpos(d.detail::text, e.subject::text) > 0"
	    " OR EXISTS (SELECT 1 FROM unnest(e.names) AS x WHERE strpos(d.detail::text, to_json(x)::text) > 0))" },
	{ "forget_audit_people",
	    "DELETE FROM audit_people p USING erasures e WHERE e.ws = $1 AND e.id = $2 AND p.ws = $1 AND p.person_id = e.subject" },
	/* The last: who it was. */
	{ "forget_identities",
	    "DELETE FROM identities i USING erasures e WHERE e.ws = $1 AND e.id = $2 AND i.ws = $1 AND i.person_id = e.subject" },
	{ "forget_members",
	    "DELETE FROM members m USING erasures e WHERE e.ws = $1 AND e.id = $2 AND m.ws = $1 AND m.person_id = e.subject" },
	/* Settings that others go by stay, without who wrote them. */
	{ "forget_settings",
	    "WITH e AS MATERIALIZED (SELECT subject FROM erasures WHERE ws = $1 AND id = $2), c AS (UPDATE node_configs SET author_id ="
	    " nullif(author_id, e.subject), approved_by = nullif(approved_by, e.subject) FROM e WHERE node_configs.ws = $1 AND e.subject IN"
	    " (author_id, approved_by)), b AS (UPDATE budgets SET set_by = NULL FROM e WHERE budgets.ws = $1 AND budgets.set_by = e.subject),"
	    " p AS (UPDATE provisions SET by_person = NULL FROM e WHERE provisions.ws = $1 AND by_person = e.subject),"
	    " s AS (UPDATE provision_steps SET args = '{}', what = 'make somebody an admin of it' FROM e WHERE provision_steps.ws = $1"
	    " AND verb = 'admin' AND args->>'person' = e.subject::text),"
	    " x AS (UPDATE erasures SET asked_by = NULL FROM e WHERE erasures.ws = $1 AND erasures.asked_by = e.subject AND erasures.id <> $2)"
	    " UPDATE pending_changes SET author_id = nullif(author_id, e.subject), decided_by = nullif(decided_by, e.subject), reason = CASE WHEN"
	    " decided_by = e.subject THEN NULL ELSE reason END FROM e WHERE pending_changes.ws = $1 AND e.subject IN (author_id, decided_by)" },
	/* Settings may name somebody by an account ("slack:U024BE7LH"): there is nobody of that name any more, in old versions neither. */
	{ "forget_named",
	    "WITH e AS MATERIALIZED (SELECT '\"(' || string_agg(regexp_replace(btrim(to_json(i.adapter || ':' || i.external_id)::text, '\"'),"
	    " '([][(){}.*+?^$|\\\\-])', '\\\\\\1', 'g'), '|') || ')\"' AS name FROM erasures x JOIN identities i ON i.ws = $1 AND i.person_id = x.subject"
	    " WHERE x.ws = $1 AND x.id = $2),"
	    " s AS (UPDATE config_snapshots SET doc = regexp_replace(doc::text, e.name, '\"(erased)\"', 'g')::jsonb FROM e WHERE config_snapshots.ws = $1"
	    " AND doc::text ~ e.name),"
	    " p AS (UPDATE pending_changes SET patch = regexp_replace(patch::text, e.name, '\"(erased)\"', 'g')::jsonb FROM e"
	    " WHERE pending_changes.ws = $1 AND patch::text ~ e.name)"
	    " UPDATE node_configs SET doc = regexp_replace(doc::text, e.name, '\"(erased)\"', 'g')::jsonb,"
	    " diff = regexp_replace(diff::text, e.name, '\"(erased)\"', 'g')::jsonb FROM e WHERE node_configs.ws = $1"
	    " AND doc::text || diff::text ~ e.name" },
	{ "forget_preferences",
	    "DELETE FROM node_configs c USING erasures e WHERE e.ws = $1 AND e.id = $2 AND c.ws = $1 AND c.person_id = e.subject" },
	{ "forget_people",
	    "UPDATE people SET name = NULL, tz = NULL, private = false FROM erasures e WHERE e.ws = $1 AND e.id = $2 AND people.ws = $1"
	    " AND people.id = e.subject" },
	{ "forget_reader_changes",
	    "DELETE FROM reader_changes c USING erasures e WHERE e.ws = $1 AND e.id = $2 AND c.ws = $1 AND e.subject IN (c.subject, c.person_id)" },
	{ "forget_places",
	    "UPDATE places SET external_id = 'forgotten:' || places.id, name = NULL FROM erasures e WHERE e.ws = $1 AND e.id = $2"
	    " AND places.ws = $1 AND places.id = ANY (e.places)" },
	{ "forget_fork_places",
	    "UPDATE forks SET place_key = 'forgotten:' || forks.id, parent_origin = '', origin = '' FROM erasures e WHERE e.ws = $1 AND e.id = $2"
	    " AND forks.ws = $1 AND EXISTS (SELECT 1 FROM threads t WHERE t.ws = $1 AND t.id IN (forks.parent_id, forks.thread_id)"
	    " AND t.place_id = ANY (e.places))" },
	{ "forget_keys",
	    "UPDATE threads SET external_key = 'forgotten:' || threads.id FROM erasures e WHERE e.ws = $1 AND e.id = $2 AND threads.ws = $1"
	    " AND threads.place_id = ANY (e.places) AND external_key !~ '^[0-9a-f]{8}-[0-9a-f-]{27}$'" },
	{ "forget_sessions",
	    "DELETE FROM sessions s USING erasures e WHERE e.ws = $1 AND e.id = $2 AND s.ws = $1 AND s.subject = ANY (e.names)" },
	{ "forget_passwords",
	    "DELETE FROM passwords k USING erasures e WHERE e.ws = $1 AND e.id = $2 AND k.ws = $1 AND k.person_id = e.subject" },
	{ "forget_codes",
	    "WITH gone AS (DELETE FROM login_codes s USING erasures e WHERE e.ws = $1 AND e.id = $2 AND s.ws = $1"
	    " AND (s.subject = ANY (e.names) OR s.person_id = e.subject) RETURNING s.letter)"
	    " UPDATE outbox SET origin = '', body = NULL FROM gone WHERE outbox.ws = $1 AND outbox.id = gone.letter AND outbox.state > 2" },
	/* What somebody has asked for goes, what has not left yet stays here; of others' acts only who has decided. */
	{ "forget_approvals",
	    "WITH e AS MATERIALIZED (SELECT subject, coalesce(names, '{}') AS names FROM erasures WHERE ws = $1 AND id = $2),"
	    " o AS (UPDATE outbox SET state = 4, body = '' FROM e, approvals a WHERE a.ws = $1 AND a.asker_id = e.subject AND outbox.ws = $1"
	    " AND outbox.id = a.id AND outbox.state = 1), d AS (DELETE FROM approvals a USING e WHERE a.ws = $1 AND a.asker_id = e.subject)"
	    " UPDATE approvals a SET decided_by = nullif(a.decided_by, e.subject), approvers = ARRAY(SELECT x FROM unnest(a.approvers) x"
	    " WHERE NOT substr(x, strpos(x, ':') + 1) = ANY (e.names)) FROM e WHERE a.ws = $1 AND a.asker_id <> e.subject AND (a.decided_by = e.subject"
	    " OR EXISTS (SELECT 1 FROM unnest(a.approvers) x WHERE substr(x, strpos(x, ':') + 1) = ANY (e.names)))" },
	{ "forget_links",
	    "WITH e AS MATERIALIZED (SELECT subject FROM erasures WHERE ws = $1 AND id = $2), c AS (DELETE FROM link_codes USING e WHERE link_codes.ws = $1"
	    " AND e.subject IN (link_codes.person_id, link_codes.used_by)), t AS (DELETE FROM link_tries USING e WHERE link_tries.ws = $1"
	    " AND link_tries.person_id = e.subject) UPDATE people SET user_id = NULL FROM e WHERE people.ws = $1 AND e.subject IN (people.id, people.user_id)" },
	{ "forget_api_keys", /* those of a team stay: they are the team's; what was sealed for the person goes */
	    "WITH x AS (DELETE FROM secrets s USING erasures e WHERE e.ws = $1 AND e.id = $2 AND s.ws = $1 AND s.kind = 'tracker'"
	    " AND starts_with(s.name, e.subject || ':')) UPDATE api_keys k SET name = CASE WHEN k.person_id = e.subject THEN '(erased)' ELSE k.name END, revoked_at = CASE WHEN k.person_id ="
	    " e.subject THEN coalesce(k.revoked_at, now()) ELSE k.revoked_at END, person_id = nullif(k.person_id, e.subject), issued_by ="
	    " nullif(k.issued_by, e.subject) FROM erasures e WHERE e.ws = $1 AND e.id = $2 AND k.ws = $1 AND e.subject IN (k.person_id, k.issued_by)" },
	{ "forget_stops",
	    "DELETE FROM stops s USING erasures e WHERE e.ws = $1 AND e.id = $2 AND s.ws = $1 AND s.external_id = ANY (e.names)" },
	{ "forget_only",
	    "UPDATE threads SET only_person = NULL FROM erasures e WHERE e.ws = $1 AND e.id = $2 AND threads.ws = $1 AND only_person = e.subject" },
	{ "forget_audiences",
	    "UPDATE audiences SET subject = audiences.id FROM erasures e WHERE e.ws = $1 AND e.id = $2 AND audiences.ws = $1 AND audiences.kind = 2"
	    " AND audiences.subject = e.subject" },
	{ "forget_end",
	    "WITH w AS (DELETE FROM erasure_words WHERE ws = $1 AND erasure_id = $2) UPDATE erasures SET state = 2, done_at = now(), names = NULL,"
	    " places = NULL, cursor = NULL, plan = NULL, walked = NULL, subject = CASE WHEN kind = 3 THEN NULL ELSE subject END WHERE ws = $1 AND id = $2" },
	{ "forget_audit",
	    "INSERT INTO audit (ws, id, verb, subject, facts) SELECT ws, $3, CASE kind WHEN 1 THEN 'message.erased' WHEN 2 THEN 'thread.swept'"
	    " WHEN 5 THEN 'retention.swept' WHEN 6 THEN 'workspace.erased' ELSE 'person.forgotten' END, id, jsonb_build_object('messages', messages, 'answers', answers, 'items', items, 'threads', threads)"
	    " FROM erasures WHERE ws = $1 AND id = $2 ON CONFLICT DO NOTHING" },
	{ NULL, NULL },
};
