-- How people name what is remembered, what a run was given of it, and its words.

ALTER TABLE context_items ADD COLUMN number integer NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN given uuid[];
ALTER TABLE runs ALTER given SET STATISTICS 0;
ALTER TABLE context_items ALTER search SET STATISTICS 0, ALTER body SET STATISTICS 0;
-- Few are written and nobody merges a pending list for them.
ALTER INDEX context_items_search SET (fastupdate = off);

COMMENT ON COLUMN context_items.number IS 'How people name it: five digits, as good as unique in the workspace.';
COMMENT ON COLUMN runs.given IS 'The context items that the agent was told; NULL: none.';

CREATE POLICY search ON context_items FOR SELECT TO :"search" USING (true);
GRANT SELECT ON context_items TO :"search";
GRANT CREATE ON SCHEMA eddy TO :"search";
SET LOCAL ROLE :"search";
CREATE FUNCTION search_items(q text, audiences uuid[], lim integer)
RETURNS TABLE (item_id uuid, rank real)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = eddy, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
	tenant uuid := nullif(current_setting('app.ws', true), '')::uuid;
	query tsquery := websearch_to_tsquery('eddy.plain', left(q, 1000));
BEGIN
	IF tenant IS NULL OR audiences IS NULL OR query IS NULL OR querytree(query) IN ('', 'T') THEN
		RETURN;
	END IF;
	RETURN QUERY
		SELECT newest.id, ts_rank(newest.search, query)
		FROM (SELECT i.id, i.search, i.created_at FROM context_items i
			WHERE i.ws = tenant AND i.search @@ query AND i.audience_id = ANY (audiences) AND i.state <= 2
				AND (i.expires_at IS NULL OR i.expires_at > now())
			ORDER BY i.created_at DESC LIMIT 500) newest
		ORDER BY 2 DESC, newest.created_at DESC, newest.id
		LIMIT least(greatest(coalesce(lim, 20), 1), 500);
END $$;
COMMENT ON FUNCTION search_items IS
	'Context items of the transaction''s workspace, proposed or confirmed, that match a web-style query and belong to one of the given audiences. '
	'Owned by the search role; filters workspace and audience itself.';
REVOKE EXECUTE ON FUNCTION search_items FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_items TO :"eddy";
SET LOCAL ROLE :"owner";
REVOKE CREATE ON SCHEMA eddy FROM :"search";
