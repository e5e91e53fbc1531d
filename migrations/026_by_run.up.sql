-- Keys for what is looked up on the way to an answer and was found by reading all of a workspace.

ALTER TABLE model_calls DROP CONSTRAINT model_calls_pkey;
ALTER TABLE model_calls ADD PRIMARY KEY (ws, run_id, id);
CREATE INDEX identities_person ON identities (ws, person_id);
CREATE INDEX context_items_number ON context_items (ws, number);
CREATE INDEX resolutions_message ON resolutions (ws, message_id) WHERE message_id IS NOT NULL;
-- The primary key comes last again (014).
ALTER TABLE identities DROP CONSTRAINT identities_pkey;
ALTER TABLE identities ADD PRIMARY KEY (ws, adapter, external_id);
