DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['audiences', 'config_snapshots', 'holds', 'inbox', 'inbox_rejected', 'messages', 'outbox', 'pending_changes', 'people', 'places', 'relays', 'runs',
		'threads', 'workspaces'] LOOP
		EXECUTE format('DROP POLICY leaving ON %I', t);
		EXECUTE format('REVOKE DELETE ON %I FROM :"eddy"', t);
	END LOOP;
END $$;
DROP FUNCTION workspace_clear;
DROP FUNCTION workspace_leaves;
ALTER TABLE installs DROP COLUMN erase_at;
DROP FUNCTION workspace_rows;
COMMENT ON TABLE installs IS
	'External workspaces (a Slack team …) and the tenant each belongs to. No row security: read before the tenant is known.';
COMMENT ON COLUMN erasures.kind IS
	'1 a deleted message, 2 a thread, 3 a person, 5 what was kept long enough; 4 an edited message that side threads quote: such a row goes when they follow.';
COMMENT ON COLUMN erasures.plan IS
	'Of a sweep: until when what is erased was written, in milliseconds, by kind; of what is kept by team, by the id of the team. NULL: none, or done.';
COMMENT ON COLUMN audit_chain.ws IS 'The tenant.';
COMMENT ON COLUMN audit_seals.ws IS 'The tenant.';
COMMENT ON COLUMN erasures.ws IS 'The tenant.';
-- What is left of workspaces that are gone is not looked at again.
ALTER TABLE audit_chain ADD FOREIGN KEY (ws) REFERENCES workspaces (ws) NOT VALID;
ALTER TABLE audit_seals ADD FOREIGN KEY (ws) REFERENCES workspaces (ws) NOT VALID;
ALTER TABLE erasures ADD FOREIGN KEY (ws) REFERENCES workspaces (ws) NOT VALID, ADD FOREIGN KEY (ws, asked_by) REFERENCES people (ws, id) NOT VALID;
