-- What an edge without a platform's own ids needs (mail first): names by which threads are found again, who reads a place, who must not be
-- written to, which process does what only one may do, and runs that wait for their time.

CREATE TABLE aliases (
	ws uuid NOT NULL,
	id uuid NOT NULL,
	thread_id uuid NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	FOREIGN KEY (ws, thread_id) REFERENCES threads (ws, id) ON DELETE CASCADE
);
CREATE INDEX aliases_thread ON aliases (ws, thread_id);
ALTER TABLE aliases ADD PRIMARY KEY (ws, id);

CREATE TABLE place_people (
	ws uuid NOT NULL,
	place_id uuid NOT NULL,
	external_id text NOT NULL,
	since timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (ws, place_id, external_id),
	FOREIGN KEY (ws, place_id) REFERENCES places (ws, id) ON DELETE CASCADE
);

CREATE TABLE stops (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	adapter text NOT NULL,
	external_id text NOT NULL,
	reason smallint NOT NULL,
	detail text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (ws, adapter, external_id)
);

CREATE TABLE duties (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	adapter text NOT NULL,
	name text NOT NULL,
	owner uuid NOT NULL,
	until timestamptz NOT NULL,
	PRIMARY KEY (ws, adapter, name)
) WITH (fillfactor = 50);

ALTER TABLE runs ADD COLUMN due timestamptz;

COMMENT ON TABLE aliases IS 'Names by which an adapter finds a thread again: the ids of its mails.';
COMMENT ON COLUMN aliases.ws IS 'The tenant.';
COMMENT ON COLUMN aliases.id IS 'Computed from the adapter and the name.';
COMMENT ON COLUMN aliases.thread_id IS 'The thread.';
COMMENT ON COLUMN aliases.created_at IS 'When the name was first seen.';
COMMENT ON TABLE place_people IS 'Who reads a place, where the platform does not keep it: senders and receivers of a mail thread.';
COMMENT ON COLUMN place_people.ws IS 'The tenant.';
COMMENT ON COLUMN place_people.place_id IS 'The place.';
COMMENT ON COLUMN place_people.external_id IS 'The person as the adapter of the place names it.';
COMMENT ON COLUMN place_people.since IS 'From when on.';
COMMENT ON TABLE stops IS 'Whom Eddy must not write to: addresses that do not exist, complaints, people who have asked for it.';
COMMENT ON COLUMN stops.ws IS 'The tenant.';
COMMENT ON COLUMN stops.adapter IS 'Through which adapter.';
COMMENT ON COLUMN stops.external_id IS 'The address as the adapter writes it.';
COMMENT ON COLUMN stops.reason IS '1 undeliverable, 2 complaint, 3 unsubscribed, 4 an operator.';
COMMENT ON COLUMN stops.detail IS 'One line for the operator: what the other side said.';
COMMENT ON COLUMN stops.created_at IS 'Since when.';
COMMENT ON TABLE duties IS 'What only one process does at a time, such as reading a mailbox.';
COMMENT ON COLUMN duties.ws IS 'The tenant.';
COMMENT ON COLUMN duties.adapter IS 'Whose duty.';
COMMENT ON COLUMN duties.name IS 'What it is about.';
COMMENT ON COLUMN duties.owner IS 'The process that has it.';
COMMENT ON COLUMN duties.until IS 'How long, if it does not say more; by the clock of the database.';
COMMENT ON COLUMN runs.due IS 'Not before this; NULL: at once.';

DO $$
DECLARE
	tenant CONSTANT text := '(ws = (SELECT nullif(current_setting(''app.ws'', true), '''')::uuid))';
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['aliases', 'place_people', 'stops', 'duties'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY tenant ON %I TO :"eddy" USING %s WITH CHECK %s', t, tenant, tenant);
		EXECUTE format('CREATE POLICY maintenance ON %I TO :"maint" USING (true) WITH CHECK (true)', t);
	END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON aliases, place_people, stops, duties TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON aliases, place_people, stops, duties TO :"maint";
