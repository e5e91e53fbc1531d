-- A whole workspace can be erased (docs/adr/106-erasing-a-workspace.md): its row in workspaces goes, and with it whatever could be written there
-- afterwards.  Its receipts and its audit log outlive it.

ALTER TABLE audit_chain DROP CONSTRAINT audit_chain_ws_fkey;
ALTER TABLE audit_seals DROP CONSTRAINT audit_seals_ws_fkey;
ALTER TABLE erasures DROP CONSTRAINT erasures_ws_fkey, DROP CONSTRAINT erasures_ws_asked_by_fkey;
COMMENT ON COLUMN audit_chain.ws IS 'The tenant. No foreign key: the log outlives a workspace that is erased.';
COMMENT ON COLUMN audit_seals.ws IS 'The tenant. No foreign key, as in audit_chain.';
COMMENT ON COLUMN erasures.ws IS 'The tenant. No foreign key: the receipt outlives a workspace that is erased.';

COMMENT ON COLUMN erasures.kind IS
	'1 a deleted message, 2 a thread, 3 a person, 5 what was kept long enough, 6 the whole workspace; 4 an edited message that side threads quote: such a row goes when they follow.';
COMMENT ON COLUMN erasures.plan IS
	'Of a sweep: until when what is erased was written, in milliseconds, by kind; of what is kept by team, by the id of the team. Of a workspace: what it was called when that was asked for. NULL: none, or done.';

ALTER TABLE installs ADD erase_at timestamptz;
COMMENT ON COLUMN installs.erase_at IS 'When all of the workspace is erased because the app was taken away there, unless it is added again; NULL: it is not.';
COMMENT ON TABLE installs IS
	'External workspaces (a Slack team …) and the tenant each belongs to. No row security: read before the tenant is known. With the adapter erased: a tenant that was, or is being, erased.';

CREATE FUNCTION workspace_leaves() RETURNS boolean
LANGUAGE sql STABLE
SET search_path = eddy, pg_temp
AS $$
	SELECT EXISTS (SELECT 1 FROM erasures e WHERE e.ws = nullif(current_setting('app.ws', true), '')::uuid AND e.kind = 6 AND e.state = 1)
$$;
COMMENT ON FUNCTION workspace_leaves IS 'Whether the transaction''s workspace is being erased as a whole.';

-- Rows of these are emptied and never deleted, but for that.
DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['audiences', 'config_snapshots', 'holds', 'inbox', 'inbox_rejected', 'messages', 'outbox', 'pending_changes', 'people', 'places', 'relays', 'runs',
		'threads', 'workspaces'] LOOP
		EXECUTE format('CREATE POLICY leaving ON %I AS RESTRICTIVE FOR DELETE TO :"eddy" USING ((SELECT workspace_leaves()))', t);
		EXECUTE format('GRANT DELETE ON %I TO :"eddy"', t);
	END LOOP;
END $$;

CREATE FUNCTION workspace_clear(tenant uuid, of_table text, most integer) RETURNS integer
LANGUAGE plpgsql
SET search_path = eddy, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
	n integer;
BEGIN
	IF NOT workspace_leaves() THEN
		RAISE EXCEPTION 'this workspace is not being erased' USING ERRCODE = 'insufficient_privilege';
	END IF;
	-- What others of its kind point to goes after them.
	EXECUTE format('DELETE FROM %1$I WHERE ws = $1 AND ctid = ANY (ARRAY(SELECT x.ctid FROM %1$I x WHERE x.ws = $1 %2$s LIMIT $2))', of_table,
		CASE of_table
			WHEN 'nodes' THEN 'AND NOT EXISTS (SELECT 1 FROM nodes o WHERE o.ws = $1 AND o.parent_id = x.id)'
			WHEN 'api_keys' THEN 'AND NOT EXISTS (SELECT 1 FROM api_keys o WHERE o.ws = $1 AND o.issued_key = x.id)'
			WHEN 'people' THEN 'AND NOT EXISTS (SELECT 1 FROM people o WHERE o.ws = $1 AND o.user_id = x.id AND o.id <> x.id)'
			ELSE ''
		END) USING tenant, most;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n;
END $$;
COMMENT ON FUNCTION workspace_clear IS 'Takes up to so many rows of a table from a workspace that is being erased; how many.';

CREATE FUNCTION workspace_rows(tenant uuid, of_table text) RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = eddy, pg_temp
AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM %I WHERE ws = $1', of_table) INTO n USING tenant;
	RETURN n;
END $$;
COMMENT ON FUNCTION workspace_rows IS 'How many rows a workspace has in a table.';
REVOKE EXECUTE ON FUNCTION workspace_leaves, workspace_clear, workspace_rows FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workspace_leaves, workspace_clear, workspace_rows TO :"eddy";
