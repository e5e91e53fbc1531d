-- The codes that link several identities to one user.

CREATE TABLE link_codes (
	ws uuid NOT NULL,
	code_hash bytea NOT NULL CHECK (length(code_hash) = 32),
	person_id uuid NOT NULL,
	adapter text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL,
	used_at timestamptz,
	used_by uuid,
	FOREIGN KEY (ws, person_id) REFERENCES people (ws, id),
	FOREIGN KEY (ws, used_by) REFERENCES people (ws, id)
);
CREATE INDEX link_codes_person ON link_codes (ws, person_id);
ALTER TABLE link_codes ADD PRIMARY KEY (ws, code_hash);

CREATE TABLE link_tries (
	ws uuid NOT NULL,
	person_id uuid NOT NULL,
	since timestamptz NOT NULL DEFAULT now(),
	tries integer NOT NULL,
	PRIMARY KEY (ws, person_id),
	FOREIGN KEY (ws, person_id) REFERENCES people (ws, id)
);

COMMENT ON TABLE link_codes IS 'One-time codes by which two identities of one user find each other.';
COMMENT ON COLUMN link_codes.ws IS 'The tenant.';
COMMENT ON COLUMN link_codes.code_hash IS 'SHA-256 of the code; the code itself is kept nowhere.';
COMMENT ON COLUMN link_codes.person_id IS 'Who asked for it: one of the two.';
COMMENT ON COLUMN link_codes.adapter IS 'Where: it is used through another adapter.';
COMMENT ON COLUMN link_codes.created_at IS 'When it was made.';
COMMENT ON COLUMN link_codes.expires_at IS 'It is void after this.';
COMMENT ON COLUMN link_codes.used_at IS 'When it was used or made void; NULL: not yet.';
COMMENT ON COLUMN link_codes.used_by IS 'The other of the two; NULL: nobody.';
COMMENT ON TABLE link_tries IS 'How often somebody has named a code that does not exist.';
COMMENT ON COLUMN link_tries.ws IS 'The tenant.';
COMMENT ON COLUMN link_tries.person_id IS 'Who.';
COMMENT ON COLUMN link_tries.since IS 'Counted from here on.';
COMMENT ON COLUMN link_tries.tries IS 'How often.';

DO $$
DECLARE
	t text;
	tenant CONSTANT text := '(ws = (SELECT nullif(current_setting(''app.ws'', true), '''')::uuid))';
BEGIN
	FOREACH t IN ARRAY ARRAY['link_codes', 'link_tries'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY tenant ON %I TO :"eddy" USING %s WITH CHECK %s', t, tenant, tenant);
		EXECUTE format('CREATE POLICY maintenance ON %I TO :"maint" USING (true) WITH CHECK (true)', t);
	END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON link_codes, link_tries TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON link_codes, link_tries TO :"maint";
