-- Pages: log-ins from the terminal and the sessions they begin.

CREATE TABLE login_codes (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	code_hash bytea NOT NULL,
	subject text NOT NULL,
	name text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL,
	used_at timestamptz,
	PRIMARY KEY (ws, code_hash)
);

CREATE TABLE sessions (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	id uuid NOT NULL,
	subject text NOT NULL,
	name text NOT NULL,
	refresh_hash bytea NOT NULL,
	former_hash bytea,
	rotated_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL,
	ended_at timestamptz
);
CREATE INDEX sessions_subject ON sessions (ws, subject) WHERE ended_at IS NULL;
ALTER TABLE sessions ADD PRIMARY KEY (ws, id);

COMMENT ON TABLE login_codes IS 'One-time codes of links that log a page in.';
COMMENT ON COLUMN login_codes.ws IS 'The tenant.';
COMMENT ON COLUMN login_codes.code_hash IS 'SHA-256 of the code; the code itself is kept nowhere.';
COMMENT ON COLUMN login_codes.subject IS 'Whom it logs in: the web adapters own id of the person.';
COMMENT ON COLUMN login_codes.name IS 'A name for people.';
COMMENT ON COLUMN login_codes.created_at IS 'When it was made.';
COMMENT ON COLUMN login_codes.expires_at IS 'It is void after this.';
COMMENT ON COLUMN login_codes.used_at IS 'When it was used; NULL: not yet.';
COMMENT ON TABLE sessions IS 'A log-in of a page, until it is logged out, taken over or unused for thirty days.';
COMMENT ON COLUMN sessions.ws IS 'The tenant.';
COMMENT ON COLUMN sessions.id IS 'The session.';
COMMENT ON COLUMN sessions.subject IS 'Who: the web adapters own id of the person.';
COMMENT ON COLUMN sessions.name IS 'A name for people.';
COMMENT ON COLUMN sessions.refresh_hash IS 'SHA-256 of the secret that carries it on; a new one with each use.';
COMMENT ON COLUMN sessions.former_hash IS 'SHA-256 of the one before, good for a while in case the answer with the new one got lost.';
COMMENT ON COLUMN sessions.rotated_at IS 'When the secret was last replaced.';
COMMENT ON COLUMN sessions.created_at IS 'When it began.';
COMMENT ON COLUMN sessions.expires_at IS 'It ends by itself then unless it is carried on.';
COMMENT ON COLUMN sessions.ended_at IS 'When it was ended; NULL: open.';

DO $$
DECLARE
	t text;
	tenant CONSTANT text := '(ws = (SELECT nullif(current_setting(''app.ws'', true), '''')::uuid))';
BEGIN
	FOREACH t IN ARRAY ARRAY['login_codes', 'sessions'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY tenant ON %I TO :"eddy" USING %s WITH CHECK %s', t, tenant, tenant);
		EXECUTE format('CREATE POLICY maintenance ON %I TO :"maint" USING (true) WITH CHECK (true)', t);
	END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE, DELETE ON login_codes TO :"eddy";
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON login_codes, sessions TO :"maint";
