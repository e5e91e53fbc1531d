-- Keys of the API: what a program shows instead of a log-in.

CREATE TABLE api_keys (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	id uuid NOT NULL,
	name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
	node_id uuid NOT NULL,
	person_id uuid,
	role smallint NOT NULL CHECK (role BETWEEN 1 AND 4),
	scopes integer NOT NULL CHECK (scopes > 0),
	issued_by uuid,
	issued_key uuid,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL,
	warned_at timestamptz,
	used_at timestamptz,
	revoked_at timestamptz,
	FOREIGN KEY (ws, node_id) REFERENCES nodes (ws, id),
	FOREIGN KEY (ws, person_id) REFERENCES people (ws, id),
	FOREIGN KEY (ws, issued_by) REFERENCES people (ws, id)
);
CREATE INDEX api_keys_node ON api_keys (ws, node_id);
CREATE INDEX api_keys_issued ON api_keys (ws, issued_key) WHERE issued_key IS NOT NULL;
ALTER TABLE api_keys ADD PRIMARY KEY (ws, id);
ALTER TABLE api_keys ADD FOREIGN KEY (ws, issued_key) REFERENCES api_keys (ws, id);

CREATE TABLE api_key_homes (
	id uuid PRIMARY KEY,
	ws uuid NOT NULL,
	secret_hash bytea NOT NULL CHECK (length(secret_hash) = 32),
	FOREIGN KEY (ws, id) REFERENCES api_keys (ws, id) ON DELETE CASCADE
);
CREATE INDEX api_key_homes_key ON api_key_homes (ws, id);

COMMENT ON TABLE api_keys IS 'Keys of the API. A key belongs to a team, or to a person, and never does more than its role and scopes.';
COMMENT ON COLUMN api_keys.ws IS 'The tenant.';
COMMENT ON COLUMN api_keys.id IS 'The key; the first half of its text.';
COMMENT ON COLUMN api_keys.name IS 'What it is for, in the words of who made it.';
COMMENT ON COLUMN api_keys.node_id IS 'The node of the tree whose it is: it reaches that and what is below.';
COMMENT ON COLUMN api_keys.person_id IS 'The person whose it is; NULL: the team''s own. It never does more than its person may at that moment.';
COMMENT ON COLUMN api_keys.role IS 'enum role, the most that it does.';
COMMENT ON COLUMN api_keys.scopes IS 'enum scope, a sum.';
COMMENT ON COLUMN api_keys.issued_by IS 'Who made it; NULL: a key without a person, or somebody who was forgotten.';
COMMENT ON COLUMN api_keys.issued_key IS 'The key that made it: revoked with that one. NULL: a person made it.';
COMMENT ON COLUMN api_keys.created_at IS 'When it was made.';
COMMENT ON COLUMN api_keys.expires_at IS 'It is void after this.';
COMMENT ON COLUMN api_keys.warned_at IS 'When it was said that it ends soon; NULL: not yet.';
COMMENT ON COLUMN api_keys.used_at IS 'When it was last used, to ten minutes; NULL: never.';
COMMENT ON COLUMN api_keys.revoked_at IS 'When it was taken back; NULL: it was not.';
COMMENT ON TABLE api_key_homes IS
	'Which workspace a key opens: without row security, because the tenant is not known before the key has been checked. Holds no content.';
COMMENT ON COLUMN api_key_homes.id IS 'The key.';
COMMENT ON COLUMN api_key_homes.ws IS 'Its tenant.';
COMMENT ON COLUMN api_key_homes.secret_hash IS 'SHA-256 of the second half of its text, 32 random bytes that are kept nowhere.';

DO $$
DECLARE
	tenant CONSTANT text := '(ws = (SELECT nullif(current_setting(''app.ws'', true), '''')::uuid))';
BEGIN
	ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
	ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
	EXECUTE format('CREATE POLICY tenant ON api_keys TO :"eddy" USING %s WITH CHECK %s', tenant, tenant);
	CREATE POLICY maintenance ON api_keys TO :"maint" USING (true) WITH CHECK (true);
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON api_keys TO :"eddy";
GRANT SELECT, INSERT ON api_key_homes TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON api_keys, api_key_homes TO :"maint";
