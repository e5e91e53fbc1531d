-- Wrong passwords are counted for all processes (docs/adr/107-limits-across-processes.md).
CREATE TABLE password_tries (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	key_hash bytea NOT NULL CHECK (length(key_hash) = 32),
	tries integer NOT NULL,
	next_at timestamptz NOT NULL,
	PRIMARY KEY (ws, key_hash)
);
COMMENT ON TABLE password_tries IS 'Who was wrong about a password lately. A row goes half an hour after its wait is over, or with the right password.';
COMMENT ON COLUMN password_tries.ws IS 'The tenant.';
COMMENT ON COLUMN password_tries.key_hash IS 'SHA-256 of the name as it was typed, in lower case, and of the network, both of which stand nowhere.';
COMMENT ON COLUMN password_tries.tries IS 'How often.';
COMMENT ON COLUMN password_tries.next_at IS 'Until then no password is looked at for this name from there.';
ALTER TABLE password_tries ENABLE ROW LEVEL SECURITY;
ALTER TABLE password_tries FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON password_tries TO :"eddy" USING (ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid))
	WITH CHECK (ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid));
CREATE POLICY maintenance ON password_tries TO :"maint" USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON password_tries TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON password_tries TO :"maint";
