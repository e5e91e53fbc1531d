DROP INDEX resolutions_message, context_items_number, identities_person;
ALTER TABLE model_calls DROP CONSTRAINT model_calls_pkey;
ALTER TABLE model_calls ADD PRIMARY KEY (ws, id);
