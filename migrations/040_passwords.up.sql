-- Log-ins by password, where they are switched on, and what people see of their own sessions.

CREATE TABLE passwords (
	ws uuid NOT NULL,
	person_id uuid NOT NULL,
	hash text NOT NULL,
	set_at timestamptz NOT NULL DEFAULT now(),
	tries integer NOT NULL DEFAULT 0,
	next_at timestamptz,
	FOREIGN KEY (ws, person_id) REFERENCES people (ws, id)
);
ALTER TABLE passwords ALTER hash SET STATISTICS 0;
ALTER TABLE passwords ADD PRIMARY KEY (ws, person_id);

COMMENT ON TABLE passwords IS 'Passwords of the page''s persons.';
COMMENT ON COLUMN passwords.ws IS 'The tenant.';
COMMENT ON COLUMN passwords.person_id IS 'The page''s person who logs in with it.';
COMMENT ON COLUMN passwords.hash IS 'Argon2id with its salt and parameters, as libsodium writes it.';
COMMENT ON COLUMN passwords.set_at IS 'When it was set.';
COMMENT ON COLUMN passwords.tries IS 'How often somebody who is logged in was wrong about it when they wanted another one.';
COMMENT ON COLUMN passwords.next_at IS 'Until then nobody may try that again. NULL: at once.';

ALTER TABLE passwords ENABLE ROW LEVEL SECURITY;
ALTER TABLE passwords FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON passwords TO :"eddy" USING (ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid))
	WITH CHECK (ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid));
CREATE POLICY maintenance ON passwords TO :"maint" USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON passwords TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON passwords TO :"maint";

ALTER TABLE login_codes DROP CONSTRAINT login_codes_via_check;
ALTER TABLE login_codes ADD CONSTRAINT login_codes_via_check CHECK (via IN ('terminal', 'mail', 'oidc', 'slack', 'password'));
COMMENT ON COLUMN login_codes.via IS
	'What vouches for the person: the terminal, a mail to the person''s own address, a service that was asked. password: it logs nobody in, but lets them set one.';

ALTER TABLE sessions ADD COLUMN agent text;
ALTER TABLE sessions ADD COLUMN network text;
ALTER TABLE sessions ALTER agent SET STATISTICS 0, ALTER network SET STATISTICS 0;
CREATE INDEX sessions_ended ON sessions (ws, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_network ON sessions (ws, subject, network) WHERE network IS NOT NULL;
-- The primary key comes last again (014).
ALTER TABLE sessions DROP CONSTRAINT sessions_pkey;
ALTER TABLE sessions ADD PRIMARY KEY (ws, id);
COMMENT ON COLUMN sessions.agent IS 'Browser and system in a few words, as the browser says of itself. NULL: not known.';
COMMENT ON COLUMN sessions.network IS 'Where it was used last: an address without its end. NULL: not known.';
COMMENT ON COLUMN sessions.via IS 'How it began: login_codes.via.';
