DROP FUNCTION search_messages;
DROP INDEX threads_person, messages_search, messages_when, messages_recent;
CREATE INDEX messages_search ON messages USING gin (ws, search) WITH (gin_pending_list_limit = 4096);
GRANT CREATE ON SCHEMA eddy TO :"search";
SET LOCAL ROLE :"search";
CREATE FUNCTION search_messages(q text, audiences uuid[], thread uuid, author uuid, after timestamptz, before timestamptz, lim integer,
	oldest boolean DEFAULT false)
RETURNS TABLE (message_id uuid, rank real)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = eddy, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
	tenant uuid := nullif(current_setting('app.ws', true), '')::uuid;
	query tsquery := websearch_to_tsquery('eddy.plain', left(q, 1000));
BEGIN
	-- querytree: what of the query an index can answer; nothing for "" and for mere negations, which would read all.
	IF tenant IS NULL OR audiences IS NULL OR query IS NULL OR querytree(query) IN ('', 'T') THEN
		RETURN;
	END IF;
	RETURN QUERY
		SELECT newest.id, ts_rank(newest.search, query)
		FROM (SELECT m.id, m.search, m.created_at FROM messages m
			WHERE m.ws = tenant AND m.search @@ query AND m.audience_id = ANY (audiences) AND m.state <> 2
				AND (thread IS NULL OR m.thread_id = thread) AND (author IS NULL OR m.author_id = author)
				AND (after IS NULL OR m.created_at >= after) AND (before IS NULL OR m.created_at < before)
			ORDER BY CASE WHEN oldest THEN m.created_at END, m.created_at DESC LIMIT 500) newest
		ORDER BY 2 DESC, newest.created_at DESC, newest.id
		LIMIT least(greatest(coalesce(lim, 20), 1), 500);
END $$;
COMMENT ON FUNCTION search_messages IS
	'Messages of the transaction''s workspace that match a web-style query and belong to one of the given audiences; '
	'only the newest (or oldest) 500 matches are ranked. Owned by the search role; filters workspace and audience itself.';
REVOKE EXECUTE ON FUNCTION search_messages FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_messages TO :"eddy";
SET LOCAL ROLE :"owner";
REVOKE CREATE ON SCHEMA eddy FROM :"search";
