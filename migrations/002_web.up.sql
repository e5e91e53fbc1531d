-- The page: what people think of answers, and a person's own threads as a list.

CREATE TABLE feedback (
	ws uuid NOT NULL,
	message_id uuid NOT NULL,
	person_id uuid NOT NULL,
	value smallint NOT NULL,
	reason text,
	created_at timestamptz NOT NULL DEFAULT now(),
	FOREIGN KEY (ws, message_id) REFERENCES messages (ws, id) ON DELETE CASCADE,
	FOREIGN KEY (ws, person_id) REFERENCES people (ws, id)
);
ALTER TABLE feedback ADD PRIMARY KEY (ws, message_id, person_id);

-- Not by last_at: every message would write into the index then.
CREATE INDEX threads_place ON threads (ws, place_id);

COMMENT ON TABLE feedback IS 'What people think of an answer: one opinion per person, the newest.';
COMMENT ON COLUMN feedback.ws IS 'The tenant.';
COMMENT ON COLUMN feedback.message_id IS 'The answer.';
COMMENT ON COLUMN feedback.person_id IS 'Whose opinion.';
COMMENT ON COLUMN feedback.value IS '1: up, -1: down; taken back: no row.';
COMMENT ON COLUMN feedback.reason IS 'In their own words; NULL: none given.';
COMMENT ON COLUMN feedback.created_at IS 'When it was last given.';

DO $$
DECLARE
	tenant CONSTANT text := '(ws = (SELECT nullif(current_setting(''app.ws'', true), '''')::uuid))';
BEGIN
	ALTER TABLE feedback ENABLE ROW LEVEL SECURITY;
	ALTER TABLE feedback FORCE ROW LEVEL SECURITY;
	EXECUTE format('CREATE POLICY tenant ON feedback TO :"eddy" USING %s WITH CHECK %s', tenant, tenant);
	EXECUTE 'CREATE POLICY maintenance ON feedback TO :"maint" USING (true) WITH CHECK (true)';
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON feedback TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON feedback TO :"maint";
