-- Vectors of messages, for finding what says the same in other words. Made in the background, and only where recall.model is set.

CREATE TABLE embeddings (
	ws uuid NOT NULL,
	message_id uuid NOT NULL,
	model text NOT NULL,
	dims integer NOT NULL,
	v bytea NOT NULL,
	audience_id uuid NOT NULL,
	thread_id uuid NOT NULL,
	created_at timestamptz NOT NULL,
	FOREIGN KEY (ws, message_id) REFERENCES messages (ws, id) ON DELETE CASCADE
);
ALTER TABLE embeddings ALTER v SET STATISTICS 0, ALTER v SET STORAGE EXTERNAL;
CREATE INDEX embeddings_readers ON embeddings (ws, audience_id, message_id);
ALTER TABLE embeddings ADD PRIMARY KEY (ws, message_id);
COMMENT ON TABLE embeddings IS 'What messages mean, as a model puts it into numbers: at most one vector for each. Goes with its message and its words.';
COMMENT ON COLUMN embeddings.ws IS 'The tenant.';
COMMENT ON COLUMN embeddings.message_id IS 'Of which message.';
COMMENT ON COLUMN embeddings.model IS 'Which model has made it: those of different models cannot be compared.';
COMMENT ON COLUMN embeddings.dims IS 'How many numbers; 0: the model does not take this text.';
COMMENT ON COLUMN embeddings.v IS 'The numbers: 4 bytes each, little endian floats, of length 1 together.';
COMMENT ON COLUMN embeddings.audience_id IS 'Who may read the message, as in messages.';
COMMENT ON COLUMN embeddings.thread_id IS 'Its thread.';
COMMENT ON COLUMN embeddings.created_at IS 'When the message was written.';

DO $$
DECLARE
	tenant CONSTANT text := '(ws = (SELECT nullif(current_setting(''app.ws'', true), '''')::uuid))';
BEGIN
	ALTER TABLE embeddings ENABLE ROW LEVEL SECURITY;
	ALTER TABLE embeddings FORCE ROW LEVEL SECURITY;
	EXECUTE format('CREATE POLICY tenant ON embeddings TO :"eddy" USING %s WITH CHECK %s', tenant, tenant);
	CREATE POLICY maintenance ON embeddings TO :"maint" USING (true) WITH CHECK (true);
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON embeddings TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON embeddings TO :"maint";
