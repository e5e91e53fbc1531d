-- Side threads and what came out of them can be found like messages.

ALTER TABLE forks ADD COLUMN search tsvector NOT NULL GENERATED ALWAYS AS (to_tsvector('eddy.plain', topic)) STORED;
ALTER TABLE resolutions ADD COLUMN search tsvector NOT NULL
	GENERATED ALWAYS AS (to_tsvector('eddy.plain', headline || ' ' || body)) STORED;
ALTER TABLE forks ALTER search SET STATISTICS 0, ALTER topic SET STATISTICS 0;
ALTER TABLE resolutions ALTER search SET STATISTICS 0, ALTER body SET STATISTICS 0, ALTER headline SET STATISTICS 0;
-- Few are written and nobody merges a pending list for them.
CREATE INDEX forks_search ON forks USING gin (ws, search) WITH (fastupdate = off);
CREATE INDEX resolutions_search ON resolutions USING gin (ws, search) WITH (fastupdate = off);
COMMENT ON COLUMN forks.search IS 'Words of the topic.';
COMMENT ON COLUMN resolutions.search IS 'Words of headline and body.';

CREATE POLICY search ON forks FOR SELECT TO :"search" USING (true);
CREATE POLICY search ON resolutions FOR SELECT TO :"search" USING (true);
CREATE POLICY search ON threads FOR SELECT TO :"search" USING (true);
GRANT SELECT ON forks, resolutions TO :"search";
GRANT SELECT (ws, id, audience_id) ON threads TO :"search";
GRANT CREATE ON SCHEMA eddy TO :"search";
SET LOCAL ROLE :"search";
-- Planning its three parts takes longer than running them.
CREATE FUNCTION search_made(words text, exactly text, audiences uuid[], thread uuid, authors uuid[], after timestamptz, before timestamptz, lim integer)
RETURNS TABLE (kind integer, id uuid, rank real, at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 20
SET search_path = eddy, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
#variable_conflict use_variable
DECLARE
	tenant uuid := nullif(current_setting('app.ws', true), '')::uuid;
	broad tsquery := to_tsquery('eddy.plain', words);
	query tsquery := to_tsquery('eddy.plain', exactly);
	most integer := least(greatest(coalesce(lim, 20), 1), 200);
BEGIN
	IF tenant IS NULL OR audiences IS NULL OR coalesce(numnode(broad), 0) = 0 OR coalesce(numnode(query), 0) = 0 THEN
		RETURN;
	END IF;
	after := coalesce(after, '-infinity');
	before := coalesce(before, 'infinity');
	-- What a side thread is about was said where it was asked for and where it was opened: who reads either may find it.  What came of it is as
	-- visible as the message by which it came back.
	RETURN QUERY
		SELECT x.kind, x.id, (ts_rank(x.search, query) * CASE x.kind WHEN 2 THEN 2 ELSE 1.5 END)::real, x.created_at FROM (
			(SELECT 1 AS kind, f.id, f.search, f.created_at FROM forks f
				WHERE f.ws = tenant AND f.search @@ broad AND f.search @@ query AND f.state BETWEEN 2 AND 4
				AND EXISTS (SELECT 1 FROM threads t WHERE t.ws = f.ws AND t.id IN (f.parent_id, f.thread_id) AND t.audience_id = ANY (audiences))
				AND (thread IS NULL OR f.parent_id = thread OR f.thread_id = thread) AND (authors IS NULL OR f.created_by = ANY (authors))
				AND f.created_at >= after AND f.created_at < before ORDER BY f.created_at DESC LIMIT 200)
			UNION ALL
			(SELECT 2, r.id, r.search, r.created_at FROM resolutions r JOIN forks f ON f.ws = r.ws AND f.id = r.fork_id
				JOIN messages m ON m.ws = r.ws AND m.id = r.message_id AND m.state <> 2 AND m.audience_id = ANY (audiences)
				WHERE r.ws = tenant AND r.search @@ broad AND r.search @@ query AND r.state = 2
				AND (thread IS NULL OR f.parent_id = thread OR f.thread_id = thread) AND (authors IS NULL OR r.closed_by = ANY (authors))
				AND r.created_at >= after AND r.created_at < before ORDER BY r.created_at DESC LIMIT 200)
			UNION ALL
			(SELECT 3, i.id, i.search, i.created_at FROM context_items i
				WHERE i.ws = tenant AND i.search @@ broad AND i.search @@ query AND i.state = 2
				AND (i.expires_at IS NULL OR i.expires_at > now()) AND i.audience_id = ANY (audiences)
				AND (thread IS NULL OR i.scope = 2 AND i.scope_id = thread) AND (authors IS NULL OR i.author_id = ANY (authors))
				AND i.created_at >= after AND i.created_at < before ORDER BY i.created_at DESC LIMIT 200)) x
		ORDER BY 3 DESC, x.created_at DESC, x.id LIMIT most;
END $$;
COMMENT ON FUNCTION search_made IS
	'Side threads (1), accepted resolutions (2) and confirmed context items (3) of the transaction''s workspace that match and whose readers are '
	'among the given audiences. Owned by the search role; filters workspace and audience itself.';
REVOKE EXECUTE ON FUNCTION search_made FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_made TO :"eddy";
SET LOCAL ROLE :"owner";
REVOKE CREATE ON SCHEMA eddy FROM :"search";
