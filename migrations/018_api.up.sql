-- What calls of the API have answered that name themselves: who calls again with the same key is told the same, for a day.

CREATE TABLE api_answers (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	caller_id uuid NOT NULL,
	key_hash bytea NOT NULL CHECK (length(key_hash) = 32),
	digest bytea NOT NULL CHECK (length(digest) = 32),
	request_id uuid NOT NULL,
	answer text,
	made_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX api_answers_age ON api_answers (ws, made_at);
ALTER TABLE api_answers ADD PRIMARY KEY (ws, caller_id, key_hash);

COMMENT ON TABLE api_answers IS 'Calls of the API that came with an idempotency key, for a day.';
COMMENT ON COLUMN api_answers.ws IS 'The tenant.';
COMMENT ON COLUMN api_answers.caller_id IS 'Whose key it is: a user, or an API key.';
COMMENT ON COLUMN api_answers.key_hash IS 'SHA-256 of the key.';
COMMENT ON COLUMN api_answers.digest IS 'SHA-256 of the procedure''s name and the arguments: another call may not use the key.';
COMMENT ON COLUMN api_answers.request_id IS 'The call that was carried out; of its audit entry, too.';
COMMENT ON COLUMN api_answers.answer IS 'The result, JSON; NULL: not kept, because it holds a secret.';
COMMENT ON COLUMN api_answers.made_at IS 'When; a day later the key is free again.';

DO $$
DECLARE
	tenant CONSTANT text := '(ws = (SELECT nullif(current_setting(''app.ws'', true), '''')::uuid))';
BEGIN
	ALTER TABLE api_answers ENABLE ROW LEVEL SECURITY;
	ALTER TABLE api_answers FORCE ROW LEVEL SECURITY;
	EXECUTE format('CREATE POLICY tenant ON api_answers TO :"eddy" USING %s WITH CHECK %s', tenant, tenant);
	CREATE POLICY maintenance ON api_answers TO :"maint" USING (true) WITH CHECK (true);
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON api_answers TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON api_answers TO :"maint";
