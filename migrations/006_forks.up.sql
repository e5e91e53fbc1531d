-- Side threads, what comes out of them, and what is remembered.

ALTER TABLE threads ADD COLUMN state smallint NOT NULL DEFAULT 1, ADD COLUMN fork_id uuid;
ALTER TABLE places ADD COLUMN sum_up boolean NOT NULL DEFAULT false;
ALTER TABLE people ADD COLUMN private boolean NOT NULL DEFAULT false;
ALTER TABLE messages ADD COLUMN components jsonb, ADD COLUMN whole text;
ALTER TABLE messages ALTER components SET STATISTICS 0, ALTER whole SET STATISTICS 0;
ALTER TABLE runs ADD COLUMN about_id uuid, ADD COLUMN builtin boolean NOT NULL DEFAULT false;

CREATE TABLE forks (
	ws uuid NOT NULL,
	id uuid NOT NULL,
	parent_id uuid NOT NULL,
	n integer NOT NULL,
	about_id uuid,
	topic text NOT NULL,
	quotes boolean NOT NULL DEFAULT false,
	state smallint NOT NULL,
	created_by uuid,
	adapter text NOT NULL,
	place_key text NOT NULL,
	parent_origin bytea NOT NULL,
	origin bytea,
	thread_id uuid,
	created_at timestamptz NOT NULL DEFAULT now(),
	opened_at timestamptz,
	closed_at timestamptz,
	closed_by uuid,
	FOREIGN KEY (ws, parent_id) REFERENCES threads (ws, id)
);
ALTER TABLE forks ADD UNIQUE (ws, parent_id, n);
CREATE INDEX forks_about ON forks (ws, about_id) WHERE about_id IS NOT NULL;
ALTER TABLE forks ADD PRIMARY KEY (ws, id);

CREATE TABLE resolutions (
	ws uuid NOT NULL,
	id uuid NOT NULL,
	fork_id uuid NOT NULL,
	state smallint NOT NULL,
	headline text NOT NULL,
	body text NOT NULL,
	sources uuid[] NOT NULL,
	by_model boolean NOT NULL,
	edited boolean NOT NULL DEFAULT false,
	message_id uuid,
	created_at timestamptz NOT NULL DEFAULT now(),
	closed_at timestamptz,
	closed_by uuid,
	FOREIGN KEY (ws, fork_id) REFERENCES forks (ws, id)
);
CREATE UNIQUE INDEX resolutions_offered ON resolutions (ws, fork_id) WHERE state = 1;
CREATE INDEX resolutions_fork ON resolutions (ws, fork_id);
ALTER TABLE resolutions ADD PRIMARY KEY (ws, id);

CREATE TABLE summaries (
	ws uuid NOT NULL,
	thread_id uuid NOT NULL,
	upto_seq bigint NOT NULL,
	body text NOT NULL,
	by_model boolean NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	FOREIGN KEY (ws, thread_id) REFERENCES threads (ws, id)
);
ALTER TABLE summaries ADD PRIMARY KEY (ws, thread_id);

CREATE TABLE context_items (
	ws uuid NOT NULL,
	id uuid NOT NULL,
	kind smallint NOT NULL,
	scope smallint NOT NULL,
	scope_id uuid,
	state smallint NOT NULL,
	origin smallint NOT NULL,
	body text NOT NULL,
	tags text[] NOT NULL DEFAULT '{}',
	author_id uuid,
	about_id uuid,
	attribute text,
	confidence real NOT NULL DEFAULT 1,
	audience_id uuid NOT NULL,
	replaces uuid,
	expires_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now(),
	closed_at timestamptz,
	search tsvector NOT NULL
		GENERATED ALWAYS AS (to_tsvector('eddy.plain', coalesce(attribute || ': ', '') || body)) STORED,
	FOREIGN KEY (ws, audience_id) REFERENCES audiences (ws, id)
);
CREATE INDEX context_items_scope ON context_items (ws, scope, scope_id) WHERE state <= 2;
CREATE INDEX context_items_about ON context_items (ws, about_id, attribute) WHERE about_id IS NOT NULL;
CREATE INDEX context_items_search ON context_items USING gin (ws, search) WITH (fastupdate = off);
ALTER TABLE context_items ADD PRIMARY KEY (ws, id);

CREATE TABLE context_sources (
	ws uuid NOT NULL,
	item_id uuid NOT NULL,
	message_id uuid NOT NULL,
	FOREIGN KEY (ws, item_id) REFERENCES context_items (ws, id) ON DELETE CASCADE,
	FOREIGN KEY (ws, message_id) REFERENCES messages (ws, id) ON DELETE CASCADE
);
CREATE INDEX context_sources_message ON context_sources (ws, message_id);
ALTER TABLE context_sources ADD PRIMARY KEY (ws, item_id, message_id);

CREATE TABLE offers (
	ws uuid NOT NULL,
	id uuid NOT NULL,
	kind smallint NOT NULL,
	thread_id uuid NOT NULL,
	person_id uuid,
	subject uuid,
	state smallint NOT NULL,
	until timestamptz NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	closed_at timestamptz,
	FOREIGN KEY (ws, thread_id) REFERENCES threads (ws, id)
);
CREATE INDEX offers_thread ON offers (ws, thread_id);
CREATE INDEX offers_open ON offers (ws, until) WHERE state = 1;
ALTER TABLE offers ADD PRIMARY KEY (ws, id);

COMMENT ON COLUMN threads.state IS '1 active, 2 resolved, 3 archived.';
COMMENT ON COLUMN threads.fork_id IS 'The side thread that this is; NULL: a thread of its own.';
COMMENT ON COLUMN places.sum_up IS 'Eddy may offer to sum up threads that have gone silent here.';
COMMENT ON COLUMN people.private IS 'Private mode: nothing is remembered from what this person says, besides the messages.';
COMMENT ON COLUMN messages.components IS 'Buttons that go with it, as core/engine/offer.h writes them; NULL: none.';
COMMENT ON COLUMN messages.whole IS 'The full text of an answer of which body is the short form; NULL: body is all of it.';
COMMENT ON COLUMN runs.about_id IS 'The message that a command speaks of, where it was pointed at; NULL: the words say it.';
COMMENT ON COLUMN runs.builtin IS 'The builtin provider gave the answer, not a model.';
COMMENT ON TABLE forks IS 'Side threads: a question that left its thread, until it comes back as a resolution.';
COMMENT ON COLUMN forks.ws IS 'The tenant.';
COMMENT ON COLUMN forks.id IS 'Computed from the run that asked for it; also the delivery that opens it.';
COMMENT ON COLUMN forks.parent_id IS 'The thread that it left.';
COMMENT ON COLUMN forks.n IS 'Its number there, from 1: how people name it.';
COMMENT ON COLUMN forks.about_id IS 'The message of the parent that it is about; NULL: erased.';
COMMENT ON COLUMN forks.topic IS 'What it is about, in the words of who asked for it.';
COMMENT ON COLUMN forks.quotes IS 'Its topic is the words of the message that it is about, and goes with them.';
COMMENT ON COLUMN forks.state IS '1 opening, 2 active, 3 resolved, 4 abandoned, 5 could not be opened.';
COMMENT ON COLUMN forks.created_by IS 'Who asked for it and decides on its resolution; NULL: erased.';
COMMENT ON COLUMN forks.adapter IS 'Through which adapter.';
COMMENT ON COLUMN forks.place_key IS 'The adapters name of the place where it is.';
COMMENT ON COLUMN forks.parent_origin IS 'Where what comes back goes to.';
COMMENT ON COLUMN forks.origin IS 'Where Eddy speaks in it; NULL: not open yet.';
COMMENT ON COLUMN forks.thread_id IS 'Its own thread; NULL: not open yet.';
COMMENT ON COLUMN forks.created_at IS 'When it was asked for.';
COMMENT ON COLUMN forks.opened_at IS 'When it could be written in.';
COMMENT ON COLUMN forks.closed_at IS 'When it was resolved or abandoned.';
COMMENT ON COLUMN forks.closed_by IS 'By whom.';
COMMENT ON TABLE resolutions IS 'What came out of a side thread: drafts, and the one that was accepted.';
COMMENT ON COLUMN resolutions.ws IS 'The tenant.';
COMMENT ON COLUMN resolutions.id IS 'Computed from the run that drafted it; also the delivery that posts it.';
COMMENT ON COLUMN resolutions.fork_id IS 'Of which side thread.';
COMMENT ON COLUMN resolutions.state IS '1 offered, 2 accepted, 3 replaced by a later draft, 4 discarded.';
COMMENT ON COLUMN resolutions.headline IS 'At most 120 characters.';
COMMENT ON COLUMN resolutions.body IS 'Markdown as core/talk/resolution.h reads and writes it; [n] names the n-th of sources.';
COMMENT ON COLUMN resolutions.sources IS 'The messages that it rests on.';
COMMENT ON COLUMN resolutions.by_model IS 'False: taken from the messages word for word, without a model.';
COMMENT ON COLUMN resolutions.edited IS 'A person has changed the draft.';
COMMENT ON COLUMN resolutions.message_id IS 'The message by which it came back to the parent; NULL: not accepted.';
COMMENT ON COLUMN resolutions.created_at IS 'When it was drafted.';
COMMENT ON COLUMN resolutions.closed_at IS 'When it was accepted, replaced or discarded.';
COMMENT ON COLUMN resolutions.closed_by IS 'By whom.';
COMMENT ON TABLE summaries IS 'What was said in a thread, in short: one for each thread, made anew when it has grown. Readers are those of the thread.';
COMMENT ON COLUMN summaries.ws IS 'The tenant.';
COMMENT ON COLUMN summaries.thread_id IS 'Of which thread.';
COMMENT ON COLUMN summaries.upto_seq IS 'The last message that it knows.';
COMMENT ON COLUMN summaries.body IS 'Markdown.';
COMMENT ON COLUMN summaries.by_model IS 'False: taken from the messages word for word, without a model.';
COMMENT ON COLUMN summaries.created_at IS 'When it was made.';
COMMENT ON TABLE context_items IS 'What is remembered beyond the messages, always with the messages that it rests on.';
COMMENT ON COLUMN context_items.ws IS 'The tenant.';
COMMENT ON COLUMN context_items.id IS 'The item.';
COMMENT ON COLUMN context_items.kind IS '1 discovery, 2 decision, 3 status, 4 note, 5 summary, 6 action, 7 a fact about a person.';
COMMENT ON COLUMN context_items.scope IS '1 task, 2 thread, 3 channel, 4 team, 5 workspace.';
COMMENT ON COLUMN context_items.scope_id IS 'Which run, thread, place or team; NULL for the workspace.';
COMMENT ON COLUMN context_items.state IS '1 proposed, 2 confirmed, 3 replaced, 4 declined. Only confirmed ones are told to a model.';
COMMENT ON COLUMN context_items.origin IS '1 a resolution, 2 found by an agent, 3 pinned, 4 said to Eddy, 5 through the API.';
COMMENT ON COLUMN context_items.body IS 'One or two sentences, plain text.';
COMMENT ON COLUMN context_items.tags IS 'Words to find it by.';
COMMENT ON COLUMN context_items.author_id IS 'Who said, pinned or accepted it; NULL: Eddy, or erased.';
COMMENT ON COLUMN context_items.about_id IS 'The person that a fact is about.';
COMMENT ON COLUMN context_items.attribute IS 'What of that person: one value at a time is confirmed.';
COMMENT ON COLUMN context_items.confidence IS 'How sure: 0 to 1.';
COMMENT ON COLUMN context_items.audience_id IS 'Who may read it: the readers that all its sources have in common.';
COMMENT ON COLUMN context_items.replaces IS 'The item that it takes the place of, once confirmed.';
COMMENT ON COLUMN context_items.expires_at IS 'Forgotten after this; NULL: kept.';
COMMENT ON COLUMN context_items.created_at IS 'Since when.';
COMMENT ON COLUMN context_items.closed_at IS 'When it was replaced or declined.';
COMMENT ON COLUMN context_items.search IS 'Words of the body and of what of a person it says.';
COMMENT ON TABLE context_sources IS 'The messages that an item rests on. An item whose last one is deleted is deleted with it.';
COMMENT ON COLUMN context_sources.ws IS 'The tenant.';
COMMENT ON COLUMN context_sources.item_id IS 'The item.';
COMMENT ON COLUMN context_sources.message_id IS 'The message.';
COMMENT ON TABLE offers IS 'Questions of Eddy that wait for a yes or a no.';
COMMENT ON COLUMN offers.ws IS 'The tenant.';
COMMENT ON COLUMN offers.id IS 'The offer.';
COMMENT ON COLUMN offers.kind IS '1 to sum up a silent thread, 2 to replace a fact, 3 to keep what an agent has found, 4 to forget a person.';
COMMENT ON COLUMN offers.thread_id IS 'Where it was made.';
COMMENT ON COLUMN offers.person_id IS 'Who may answer; NULL: anyone there.';
COMMENT ON COLUMN offers.subject IS 'What it is about: a context item; NULL: the thread.';
COMMENT ON COLUMN offers.state IS '1 open, 2 accepted, 3 declined, 4 expired.';
COMMENT ON COLUMN offers.until IS 'Expires then.';
COMMENT ON COLUMN offers.created_at IS 'When it was made.';
COMMENT ON COLUMN offers.closed_at IS 'When it was answered or expired.';

DO $$
DECLARE
	tenant CONSTANT text := '(ws = (SELECT nullif(current_setting(''app.ws'', true), '''')::uuid))';
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['forks', 'resolutions', 'summaries', 'context_items', 'context_sources', 'offers'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY tenant ON %I TO :"eddy" USING %s WITH CHECK %s', t, tenant, tenant);
		EXECUTE format('CREATE POLICY maintenance ON %I TO :"maint" USING (true) WITH CHECK (true)', t);
	END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON forks, resolutions, summaries, context_items, context_sources, offers TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON forks, resolutions, summaries, context_items, context_sources, offers TO :"maint";
