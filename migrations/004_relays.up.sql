-- Talking to a person: a conversation of a page that people answer from a place of their own (docs/handover.md).

CREATE TABLE relays (
	ws uuid NOT NULL,
	id uuid NOT NULL,
	thread_id uuid NOT NULL,
	from_seq bigint NOT NULL,
	page_origin bytea NOT NULL,
	asked_by uuid,
	adapter text NOT NULL,
	place_key text NOT NULL,
	thread_key text,
	peer_thread_id uuid,
	peer_origin bytea,
	state smallint NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	opened_at timestamptz,
	closed_at timestamptz,
	closed_by uuid,
	FOREIGN KEY (ws, thread_id) REFERENCES threads (ws, id)
);
CREATE UNIQUE INDEX relays_open ON relays (ws, thread_id) WHERE state < 3;
CREATE INDEX relays_peer ON relays (ws, peer_thread_id) WHERE state < 3;
ALTER TABLE relays ADD PRIMARY KEY (ws, id);

ALTER TABLE threads ADD COLUMN relay smallint NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN turn bigint, ADD COLUMN passes smallint;

COMMENT ON TABLE relays IS 'Conversations that were handed over to people: a thread of a page and the thread in which they answer.';
COMMENT ON COLUMN relays.ws IS 'The tenant.';
COMMENT ON COLUMN relays.id IS 'Computed from the run that answers who asked; also the delivery of the first notice.';
COMMENT ON COLUMN relays.thread_id IS 'The thread of the page.';
COMMENT ON COLUMN relays.from_seq IS 'The message that asked for a person: what comes after it is passed on.';
COMMENT ON COLUMN relays.page_origin IS 'Adapter, place and thread of the page, for what is passed back.';
COMMENT ON COLUMN relays.asked_by IS 'Who asked for a person.';
COMMENT ON COLUMN relays.adapter IS 'Through which adapter the people are reached.';
COMMENT ON COLUMN relays.place_key IS 'The platforms name of the place where they are.';
COMMENT ON COLUMN relays.thread_key IS 'The platforms name of the thread there; NULL until the first notice is visible.';
COMMENT ON COLUMN relays.peer_thread_id IS 'That thread; NULL until then.';
COMMENT ON COLUMN relays.peer_origin IS 'The adapters own address of it; opaque.';
COMMENT ON COLUMN relays.state IS '1 asked, 2 open, 3 closed.';
COMMENT ON COLUMN relays.created_at IS 'When a person was asked for.';
COMMENT ON COLUMN relays.opened_at IS 'When the people could see it.';
COMMENT ON COLUMN relays.closed_at IS 'When it was given back to Eddy, or could not be opened.';
COMMENT ON COLUMN relays.closed_by IS 'Who gave it back; NULL: nobody, it could not be opened.';
COMMENT ON COLUMN threads.relay IS '1: people have this thread of a page, Eddy keeps silent; 2: here people answer such a thread; 0: neither.';
COMMENT ON COLUMN outbox.turn IS 'Order among the notices of a thread, in the threads sequence: one goes after the other. NULL: an answer.';
COMMENT ON COLUMN outbox.passes IS 'A message is passed on: 1 as it is, 2 because it was edited, 3 because it was deleted; NULL: it is not.';
COMMENT ON COLUMN outbox.thread_id IS 'Where it goes; of what is passed on: where it comes from.';
COMMENT ON COLUMN outbox.message_id IS 'What is delivered or passed on; NULL: a notice, its text in body.';
COMMENT ON COLUMN outbox.body IS 'Text of a notice, emptied once it is sent; NULL: the message has it.';

DO $$
DECLARE
	tenant CONSTANT text := '(ws = (SELECT nullif(current_setting(''app.ws'', true), '''')::uuid))';
BEGIN
	ALTER TABLE relays ENABLE ROW LEVEL SECURITY;
	ALTER TABLE relays FORCE ROW LEVEL SECURITY;
	EXECUTE format('CREATE POLICY tenant ON relays TO :"eddy" USING %s WITH CHECK %s', tenant, tenant);
	EXECUTE 'CREATE POLICY maintenance ON relays TO :"maint" USING (true) WITH CHECK (true)';
END $$;
GRANT SELECT, INSERT, UPDATE ON relays TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON relays TO :"maint";
