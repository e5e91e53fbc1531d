-- The foundation: tenants, people, places, threads, messages, runs, deliveries, money, audit.
-- Every tenant table starts its keys with ws, references are composite, row security is on from the first row.
-- Ids are UUIDv7 (sorted by time) or UUIDv8 computed from the platform's own names (core/base/id.h).

-- Words as they are written, without accents: no language is assumed.  Only words with letters beyond ASCII go through
-- unaccent.
CREATE TEXT SEARCH CONFIGURATION plain (COPY = pg_catalog.simple);
ALTER TEXT SEARCH CONFIGURATION plain ALTER MAPPING FOR hword, hword_part, word WITH unaccent, simple;
COMMENT ON TEXT SEARCH CONFIGURATION plain IS
	'simple, with accents taken off: what messages.search and every query use';

CREATE TABLE installs (
	adapter text NOT NULL,
	external_id text NOT NULL,
	ws uuid NOT NULL,
	name text,
	created_at timestamptz NOT NULL DEFAULT now(),
	removed_at timestamptz,
	PRIMARY KEY (adapter, external_id)
);

CREATE TABLE workspaces (
	ws uuid PRIMARY KEY,
	name text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE audiences (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	id uuid NOT NULL,
	kind smallint NOT NULL,
	subject uuid NOT NULL,
	PRIMARY KEY (ws, id)
);

-- Where a table has several indexes that begin with ws, its primary key comes last: of plans that look equally good, as all do while a table is
-- empty, the planner takes the newest index, and a prepared look-up by (ws, id) must not walk a whole tenant by another one.
-- Rows that the writer makes together with their parent carry no second reference to it (run and outbox to the thread of their message,
-- message to the audience of its thread and to its author, call to its run): each check costs as much as the row.

CREATE TABLE places (
	ws uuid NOT NULL,
	id uuid NOT NULL,
	adapter text NOT NULL,
	external_id text NOT NULL,
	name text,
	visibility smallint NOT NULL,
	member boolean NOT NULL,
	quiet boolean NOT NULL DEFAULT false,
	greeted_at timestamptz,
	audience_id uuid NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	FOREIGN KEY (ws, audience_id) REFERENCES audiences (ws, id)
);
ALTER TABLE places ADD UNIQUE (ws, adapter, external_id);
ALTER TABLE places ADD PRIMARY KEY (ws, id);

CREATE TABLE people (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	id uuid NOT NULL,
	name text,
	tz text,
	guest boolean NOT NULL DEFAULT false,
	bot boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (ws, id)
);

CREATE TABLE identities (
	ws uuid NOT NULL,
	adapter text NOT NULL,
	external_id text NOT NULL,
	person_id uuid NOT NULL,
	verified smallint NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (ws, adapter, external_id),
	FOREIGN KEY (ws, person_id) REFERENCES people (ws, id)
);

CREATE TABLE threads (
	ws uuid NOT NULL,
	id uuid NOT NULL,
	place_id uuid NOT NULL,
	external_key text NOT NULL,
	title text,
	seq bigint NOT NULL,
	taking_part boolean NOT NULL,
	quiet boolean NOT NULL DEFAULT false,
	last_author smallint NOT NULL,
	prev_author smallint NOT NULL DEFAULT 0,
	only_person uuid,
	several boolean NOT NULL DEFAULT false,
	audience_id uuid NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	last_at timestamptz NOT NULL DEFAULT now(),
	FOREIGN KEY (ws, place_id) REFERENCES places (ws, id),
	FOREIGN KEY (ws, audience_id) REFERENCES audiences (ws, id)
) WITH (fillfactor = 60);
CREATE INDEX threads_recent ON threads (ws, created_at DESC);
ALTER TABLE threads ADD PRIMARY KEY (ws, id);

CREATE TABLE inbox (
	ws uuid NOT NULL,
	id uuid NOT NULL,
	kind smallint NOT NULL,
	adapter text NOT NULL,
	source_key text NOT NULL,
	received_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (ws, id)
);

CREATE TABLE inbox_rejected (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	id uuid NOT NULL,
	kind smallint NOT NULL,
	adapter text NOT NULL,
	source_key text NOT NULL,
	reason text NOT NULL,
	received_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (ws, id)
);

CREATE TABLE messages (
	ws uuid NOT NULL,
	id uuid NOT NULL,
	thread_id uuid NOT NULL,
	seq bigint NOT NULL,
	rev bigint NOT NULL,
	message_key text,
	author_id uuid,
	author_kind smallint NOT NULL,
	state smallint NOT NULL DEFAULT 0,
	body text NOT NULL,
	files jsonb,
	run_id uuid,
	audience_id uuid NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	search tsvector NOT NULL GENERATED ALWAYS AS (to_tsvector('eddy.plain', body)) STORED,
	FOREIGN KEY (ws, thread_id) REFERENCES threads (ws, id)
);
ALTER TABLE messages ADD UNIQUE (ws, thread_id, seq);
CREATE INDEX messages_changed ON messages (ws, thread_id, rev) WHERE rev > seq;
-- A wide pending list: the writer only appends to it, and merging 4 MB at once costs a third of merging it in bites of
-- 64 kB.  At 64 kB every 80th message paid 10 ms for the merge, in the writer; now tidy_search() does it every second on
-- another connection.
CREATE INDEX messages_search ON messages USING gin (ws, search) WITH (gin_pending_list_limit = 4096);
ALTER TABLE messages ADD PRIMARY KEY (ws, id);

CREATE TABLE reactions (
	ws uuid NOT NULL,
	message_id uuid NOT NULL,
	person_id uuid NOT NULL,
	name text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (ws, message_id, person_id, name),
	FOREIGN KEY (ws, message_id) REFERENCES messages (ws, id) ON DELETE CASCADE,
	FOREIGN KEY (ws, person_id) REFERENCES people (ws, id)
);

CREATE TABLE agents (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	id uuid NOT NULL,
	slug text NOT NULL,
	name text NOT NULL,
	model text,
	prompt text NOT NULL,
	tools text[] NOT NULL,
	max_tokens integer NOT NULL,
	max_turns integer NOT NULL,
	seed_digest bytea,
	active boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (ws, id),
	UNIQUE (ws, slug)
);

CREATE TABLE runs (
	ws uuid NOT NULL,
	id uuid NOT NULL,
	thread_id uuid NOT NULL,
	message_id uuid NOT NULL,
	message_seq bigint NOT NULL,
	person_id uuid,
	agent_id uuid,
	kind smallint NOT NULL,
	command smallint NOT NULL DEFAULT 0,
	state smallint NOT NULL,
	attempt integer NOT NULL DEFAULT 0,
	token bigint NOT NULL,
	adapter text NOT NULL,
	origin bytea NOT NULL,
	private_reply boolean NOT NULL DEFAULT false,
	stop_asked boolean NOT NULL DEFAULT false,
	answered_by uuid,
	stream_state smallint NOT NULL DEFAULT 0,
	stream_ref text,
	error text,
	created_at timestamptz NOT NULL DEFAULT now(),
	finished_at timestamptz,
	FOREIGN KEY (ws, message_id) REFERENCES messages (ws, id) ON DELETE CASCADE
) WITH (fillfactor = 50);
CREATE INDEX runs_thread ON runs (ws, thread_id, message_id);
ALTER TABLE runs ADD PRIMARY KEY (ws, id);

CREATE TABLE run_steps (
	ws uuid NOT NULL,
	run_id uuid NOT NULL,
	n integer NOT NULL,
	kind smallint NOT NULL,
	body jsonb NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (ws, run_id, n),
	FOREIGN KEY (ws, run_id) REFERENCES runs (ws, id) ON DELETE CASCADE
);

CREATE TABLE model_calls (
	ws uuid NOT NULL,
	id uuid NOT NULL,
	run_id uuid NOT NULL,
	provider text NOT NULL,
	model text NOT NULL,
	input_tokens integer NOT NULL,
	output_tokens integer NOT NULL,
	cost_micros bigint NOT NULL,
	first_ms integer,
	total_ms integer NOT NULL,
	result text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (ws, id)
);

CREATE TABLE outbox (
	ws uuid NOT NULL,
	id uuid NOT NULL,
	run_id uuid,
	thread_id uuid NOT NULL,
	message_id uuid,
	body text,
	adapter text NOT NULL,
	origin bytea NOT NULL,
	private_reply boolean NOT NULL DEFAULT false,
	state smallint NOT NULL,
	attempts integer NOT NULL DEFAULT 0,
	due timestamptz NOT NULL DEFAULT now(),
	external_ref text,
	error text,
	created_at timestamptz NOT NULL DEFAULT now(),
	sent_at timestamptz,
	FOREIGN KEY (ws, message_id) REFERENCES messages (ws, id) ON DELETE CASCADE
) WITH (fillfactor = 50);
CREATE INDEX outbox_thread ON outbox (ws, thread_id);
ALTER TABLE outbox ADD PRIMARY KEY (ws, id);

CREATE TABLE dispatch (
	ws uuid NOT NULL,
	thread_id uuid NOT NULL,
	pending integer NOT NULL,
	due timestamptz NOT NULL,
	owner uuid,
	token bigint NOT NULL,
	lease_until timestamptz,
	look boolean NOT NULL DEFAULT false,
	PRIMARY KEY (ws, thread_id)
) WITH (fillfactor = 50);
CREATE INDEX dispatch_look ON dispatch (ws, thread_id) WHERE look;

CREATE TABLE budget_days (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	day date NOT NULL,
	spent_micros bigint NOT NULL DEFAULT 0,
	calls bigint NOT NULL DEFAULT 0,
	input_tokens bigint NOT NULL DEFAULT 0,
	output_tokens bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (ws, day)
) WITH (fillfactor = 50);

CREATE TABLE budget_holds (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	day date NOT NULL,
	owner uuid NOT NULL,
	held_micros bigint NOT NULL,
	until timestamptz NOT NULL,
	PRIMARY KEY (ws, day, owner)
) WITH (fillfactor = 50);

CREATE TABLE audit (
	ws uuid NOT NULL,
	id uuid NOT NULL,
	actor_id uuid,
	verb text NOT NULL,
	subject uuid,
	thread_id uuid,
	detail jsonb,
	at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (ws, id)
);
CREATE INDEX audit_thread ON audit (ws, thread_id, id) WHERE thread_id IS NOT NULL;

CREATE TABLE adapter_notes (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	adapter text NOT NULL,
	key text NOT NULL,
	value text NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (ws, adapter, key)
);

-- ---- what everything is; docs/data-dictionary.md is made from this ----

COMMENT ON TABLE installs IS
	'External workspaces (a Slack team …) and the tenant each belongs to. No row security: read before the tenant is '
	'known.';
COMMENT ON COLUMN installs.adapter IS 'Which adapter: slack, web, terminal …';
COMMENT ON COLUMN installs.external_id IS 'The platforms name of the workspace.';
COMMENT ON COLUMN installs.ws IS 'The tenant.';
COMMENT ON COLUMN installs.name IS 'Name for people, as the platform told it.';
COMMENT ON COLUMN installs.created_at IS 'When Eddy was first seen there.';
COMMENT ON COLUMN installs.removed_at IS 'When Eddy was removed there; NULL while installed.';
COMMENT ON TABLE workspaces IS 'The tenants.';
COMMENT ON COLUMN workspaces.ws IS 'The tenant; the first column of every key.';
COMMENT ON COLUMN workspaces.name IS 'Name for people.';
COMMENT ON COLUMN workspaces.created_at IS 'When it was made.';
COMMENT ON TABLE audiences IS 'Sets of readers, interned: every stored item names the one that may read it.';
COMMENT ON COLUMN audiences.ws IS 'The tenant.';
COMMENT ON COLUMN audiences.id IS 'The audience.';
COMMENT ON COLUMN audiences.kind IS '1: everyone who can see a place; 2: one person, for what was said privately there.';
COMMENT ON COLUMN audiences.subject IS 'What the kind speaks of: the place or the person.';
COMMENT ON TABLE places IS 'Where people talk: channels, direct messages, the terminal, a page.';
COMMENT ON COLUMN places.ws IS 'The tenant.';
COMMENT ON COLUMN places.id IS 'Computed from adapter and external_id.';
COMMENT ON COLUMN places.adapter IS 'Which adapter.';
COMMENT ON COLUMN places.external_id IS 'The platforms name of it.';
COMMENT ON COLUMN places.name IS 'Name for people; NULL until learned.';
COMMENT ON COLUMN places.visibility IS 'enum visibility: 0 unknown, 1 direct, 2 private, 3 external, 4 public.';
COMMENT ON COLUMN places.member IS 'Eddy is in it.';
COMMENT ON COLUMN places.quiet IS 'Eddy was asked to be quiet here.';
COMMENT ON COLUMN places.greeted_at IS 'When Eddy introduced itself; NULL: not yet.';
COMMENT ON COLUMN places.audience_id IS 'Who can see what is said here.';
COMMENT ON COLUMN places.created_at IS 'When it was first seen.';
COMMENT ON TABLE people IS 'Everyone who has written, people and other bots.';
COMMENT ON COLUMN people.ws IS 'The tenant.';
COMMENT ON COLUMN people.id IS 'The person.';
COMMENT ON COLUMN people.name IS 'Display name; NULL until learned.';
COMMENT ON COLUMN people.tz IS 'IANA time zone; NULL until learned.';
COMMENT ON COLUMN people.guest IS 'A guest of the workspace: sees only where it was invited.';
COMMENT ON COLUMN people.bot IS 'Another program.';
COMMENT ON COLUMN people.created_at IS 'When first seen.';
COMMENT ON TABLE identities IS 'The names under which a person is known on the platforms.';
COMMENT ON COLUMN identities.ws IS 'The tenant.';
COMMENT ON COLUMN identities.adapter IS 'Which adapter.';
COMMENT ON COLUMN identities.external_id IS 'The platforms name of the person.';
COMMENT ON COLUMN identities.person_id IS 'The person.';
COMMENT ON COLUMN identities.verified IS 'enum verified: 0 unsure, 1 by a session, 2 by the platform.';
COMMENT ON COLUMN identities.created_at IS 'When first seen.';
COMMENT ON TABLE threads IS 'Conversations. One run at a time works in a thread.';
COMMENT ON COLUMN threads.ws IS 'The tenant.';
COMMENT ON COLUMN threads.id IS 'Computed from the place and the threads key.';
COMMENT ON COLUMN threads.place_id IS 'Where it is.';
COMMENT ON COLUMN threads.external_key IS 'The platforms name of it inside the place.';
COMMENT ON COLUMN threads.title IS 'For lists; NULL: none.';
COMMENT ON COLUMN threads.seq IS 'The last sequence number given out; given in the writers transaction.';
COMMENT ON COLUMN threads.taking_part IS 'Eddy was asked here or has answered here.';
COMMENT ON COLUMN threads.quiet IS 'Eddy was asked to be quiet in this thread.';
COMMENT ON COLUMN threads.last_author IS 'enum author_kind of the newest message.';
COMMENT ON COLUMN threads.prev_author IS 'The same before the newest batch of peoples messages: what routing looks at.';
COMMENT ON COLUMN threads.only_person IS 'The first person who wrote here.';
COMMENT ON COLUMN threads.several IS 'More than one person has written here.';
COMMENT ON COLUMN threads.audience_id IS 'Who can read it.';
COMMENT ON COLUMN threads.created_at IS 'When it began.';
COMMENT ON COLUMN threads.last_at IS 'When something last happened in it.';
COMMENT ON TABLE inbox IS 'What has been accepted, so that a redelivery is seen as one.';
COMMENT ON COLUMN inbox.ws IS 'The tenant.';
COMMENT ON COLUMN inbox.id IS 'Computed from adapter and source key: what makes a redelivery a duplicate.';
COMMENT ON COLUMN inbox.kind IS 'enum intent_kind.';
COMMENT ON COLUMN inbox.adapter IS 'Which adapter.';
COMMENT ON COLUMN inbox.source_key IS 'The platforms name of the event.';
COMMENT ON COLUMN inbox.received_at IS 'When it was accepted.';
COMMENT ON TABLE inbox_rejected IS
	'Events that could not be stored on account of their content; acknowledged and kept here by name.';
COMMENT ON COLUMN inbox_rejected.ws IS 'The tenant.';
COMMENT ON COLUMN inbox_rejected.id IS 'As in inbox.';
COMMENT ON COLUMN inbox_rejected.kind IS 'enum intent_kind.';
COMMENT ON COLUMN inbox_rejected.adapter IS 'Which adapter.';
COMMENT ON COLUMN inbox_rejected.source_key IS 'The platforms name of the event.';
COMMENT ON COLUMN inbox_rejected.reason IS 'SQLSTATE or the rule that it broke; never content.';
COMMENT ON COLUMN inbox_rejected.received_at IS 'When it came.';
COMMENT ON TABLE messages IS 'What was said, by people, other bots and Eddy.';
COMMENT ON COLUMN messages.ws IS 'The tenant.';
COMMENT ON COLUMN messages.id IS 'Computed from the place and the platforms time and key, so an edit finds it.';
COMMENT ON COLUMN messages.thread_id IS 'The conversation.';
COMMENT ON COLUMN messages.seq IS 'Place in the thread.';
COMMENT ON COLUMN messages.rev IS
	'Thread sequence of the last change: seq until edited or deleted. Live views resume by it.';
COMMENT ON COLUMN messages.message_key IS 'The platforms name for it inside its place; NULL: not delivered yet.';
COMMENT ON COLUMN messages.author_id IS 'The person; NULL: Eddy or the system.';
COMMENT ON COLUMN messages.author_kind IS 'enum author_kind: 1 person, 2 Eddy, 3 system, 4 other bot.';
COMMENT ON COLUMN messages.state IS '0 visible, 1 edited, 2 deleted (body is empty then).';
COMMENT ON COLUMN messages.body IS 'The text.';
COMMENT ON COLUMN messages.files IS
	'Attachments by reference: id, name, type, size; NULL: none. The text of small text files stands in the body.';
COMMENT ON COLUMN messages.run_id IS 'The run that wrote it; NULL: none.';
COMMENT ON COLUMN messages.audience_id IS 'Who can read it.';
COMMENT ON COLUMN messages.created_at IS 'When it was said.';
COMMENT ON COLUMN messages.search IS 'Words of the body for search_messages().';
COMMENT ON TABLE reactions IS 'Emoji on messages.';
COMMENT ON COLUMN reactions.ws IS 'The tenant.';
COMMENT ON COLUMN reactions.message_id IS 'On which message.';
COMMENT ON COLUMN reactions.person_id IS 'By whom.';
COMMENT ON COLUMN reactions.name IS 'Name of the emoji.';
COMMENT ON COLUMN reactions.created_at IS 'When.';
COMMENT ON TABLE agents IS 'Agent definitions: prompt, model, tools and limits; seeded from prompts/.';
COMMENT ON COLUMN agents.ws IS 'The tenant.';
COMMENT ON COLUMN agents.id IS 'The agent.';
COMMENT ON COLUMN agents.slug IS 'Short name, unique in the workspace.';
COMMENT ON COLUMN agents.name IS 'Name for people.';
COMMENT ON COLUMN agents.model IS 'Name of the model; NULL: model.name of the settings.';
COMMENT ON COLUMN agents.prompt IS 'Template of the system prompt.';
COMMENT ON COLUMN agents.tools IS 'Names of the tools it may use.';
COMMENT ON COLUMN agents.max_tokens IS 'Longest answer, in tokens.';
COMMENT ON COLUMN agents.max_turns IS 'Most model calls in one run.';
COMMENT ON COLUMN agents.seed_digest IS
	'Of the shipped definition it was made from; NULL once somebody has changed it.';
COMMENT ON COLUMN agents.active IS 'Can be asked.';
COMMENT ON COLUMN agents.created_at IS 'When it was made.';
COMMENT ON TABLE runs IS 'One piece of work for an agent: from the message that asks to the reply.';
COMMENT ON COLUMN runs.ws IS 'The tenant.';
COMMENT ON COLUMN runs.id IS 'The run.';
COMMENT ON COLUMN runs.thread_id IS 'Where it answers.';
COMMENT ON COLUMN runs.message_id IS 'The message that triggered it.';
COMMENT ON COLUMN runs.message_seq IS 'Its place in the thread: the runs context ends here.';
COMMENT ON COLUMN runs.person_id IS 'Who asked; NULL: nobody (a notice).';
COMMENT ON COLUMN runs.agent_id IS 'The agent; NULL until it begins, and for canonical answers.';
COMMENT ON COLUMN runs.kind IS '1 model, 2 canonical.';
COMMENT ON COLUMN runs.command IS 'Canonical answers: enum command.';
COMMENT ON COLUMN runs.state IS
	'1 queued, 2 running, 3 answered (reply stored), 4 merged, 5 failed, 6 stopped, 7 parked.';
COMMENT ON COLUMN runs.attempt IS 'How often it was taken over while it was in work: its process was gone. After five it is parked.';
COMMENT ON COLUMN runs.token IS 'Equals dispatch.token of its thread while it is open: who may write it.';
COMMENT ON COLUMN runs.adapter IS 'Through which adapter the reply goes out.';
COMMENT ON COLUMN runs.origin IS 'The adapters own address of the reply; opaque.';
COMMENT ON COLUMN runs.private_reply IS 'The answer is for the asker only.';
COMMENT ON COLUMN runs.stop_asked IS 'Somebody told another process than the owner to stop it.';
COMMENT ON COLUMN runs.answered_by IS 'State merged: the run whose answer covers it. Failed, parked: the run that tried again.';
COMMENT ON COLUMN runs.stream_state IS '0 none, 1 about to open, 2 open.';
COMMENT ON COLUMN runs.stream_ref IS 'The platforms name of the open stream.';
COMMENT ON COLUMN runs.error IS 'Class of the failure; never content.';
COMMENT ON COLUMN runs.created_at IS 'When it was asked.';
COMMENT ON COLUMN runs.finished_at IS 'When it ended; NULL while open.';
COMMENT ON TABLE run_steps IS 'The steps of a run as they were made: after a crash it goes on from the last one.';
COMMENT ON COLUMN run_steps.ws IS 'The tenant.';
COMMENT ON COLUMN run_steps.run_id IS 'The run.';
COMMENT ON COLUMN run_steps.n IS 'Order in the run, from 0.';
COMMENT ON COLUMN run_steps.kind IS 'enum model_role: 2 a tool call, 3 its result.';
COMMENT ON COLUMN run_steps.body IS 'What was said, called or returned.';
COMMENT ON COLUMN run_steps.created_at IS 'When it was stored.';
COMMENT ON TABLE model_calls IS 'Each call of a model, with what it used and cost.';
COMMENT ON COLUMN model_calls.ws IS 'The tenant.';
COMMENT ON COLUMN model_calls.id IS 'The call.';
COMMENT ON COLUMN model_calls.run_id IS 'For which run.';
COMMENT ON COLUMN model_calls.provider IS 'Who answered: builtin, anthropic, openai.';
COMMENT ON COLUMN model_calls.model IS 'Name of the model that answered.';
COMMENT ON COLUMN model_calls.input_tokens IS 'Tokens sent.';
COMMENT ON COLUMN model_calls.output_tokens IS 'Tokens received.';
COMMENT ON COLUMN model_calls.cost_micros IS 'Cost in micro-USD by the price table; 0: not in it.';
COMMENT ON COLUMN model_calls.first_ms IS 'Milliseconds to the first part; NULL: none came.';
COMMENT ON COLUMN model_calls.total_ms IS 'Milliseconds in all.';
COMMENT ON COLUMN model_calls.result IS 'ok or the class of the failure.';
COMMENT ON COLUMN model_calls.created_at IS 'When it ended.';
COMMENT ON TABLE outbox IS 'Deliveries: stored with the reply, kept until the platform has confirmed them.';
COMMENT ON COLUMN outbox.ws IS 'The tenant.';
COMMENT ON COLUMN outbox.id IS 'The delivery.';
COMMENT ON COLUMN outbox.run_id IS 'The run that speaks; NULL: a notice.';
COMMENT ON COLUMN outbox.thread_id IS 'Where it goes.';
COMMENT ON COLUMN outbox.message_id IS 'What is delivered; NULL: a notice, its text in body.';
COMMENT ON COLUMN outbox.body IS 'Text of a notice; NULL: the message has it.';
COMMENT ON COLUMN outbox.adapter IS 'Through which adapter.';
COMMENT ON COLUMN outbox.origin IS 'The adapters own address; opaque.';
COMMENT ON COLUMN outbox.private_reply IS 'For one person only.';
COMMENT ON COLUMN outbox.state IS
	'1 pending, 2 sending, 3 sent, 4 failed. A row that is sending after a crash is looked up before it is sent '
	'again.';
COMMENT ON COLUMN outbox.attempts IS 'How often it was tried.';
COMMENT ON COLUMN outbox.due IS 'Not before this.';
COMMENT ON COLUMN outbox.external_ref IS 'The platforms name of what was sent.';
COMMENT ON COLUMN outbox.error IS 'Class of the failure; never content.';
COMMENT ON COLUMN outbox.created_at IS 'When it was stored.';
COMMENT ON COLUMN outbox.sent_at IS 'When the platform confirmed it.';
COMMENT ON TABLE dispatch IS
	'Work to be done, one row per thread: ids and times only. No row security: processes claim from it before they '
	'know the tenant.';
COMMENT ON COLUMN dispatch.ws IS 'The tenant.';
COMMENT ON COLUMN dispatch.thread_id IS 'The thread.';
COMMENT ON COLUMN dispatch.pending IS 'Open runs and deliveries of the thread.';
COMMENT ON COLUMN dispatch.due IS 'When unowned work may be claimed.';
COMMENT ON COLUMN dispatch.owner IS 'The process that holds the lease; NULL: none.';
COMMENT ON COLUMN dispatch.token IS 'Grows with each change of owner; every later write compares it.';
COMMENT ON COLUMN dispatch.lease_until IS 'The lease is void after this, by the databases clock.';
COMMENT ON COLUMN dispatch.look IS
	'Another process was told to stop, edit or delete something here: the owner looks what, within a second.';
COMMENT ON TABLE budget_days IS 'What a workspace has spent on a day (UTC).';
COMMENT ON COLUMN budget_days.ws IS 'The tenant.';
COMMENT ON COLUMN budget_days.day IS 'The day.';
COMMENT ON COLUMN budget_days.spent_micros IS 'Spent, in micro-USD.';
COMMENT ON COLUMN budget_days.calls IS 'Model calls.';
COMMENT ON COLUMN budget_days.input_tokens IS 'Tokens sent.';
COMMENT ON COLUMN budget_days.output_tokens IS 'Tokens received.';
COMMENT ON TABLE budget_holds IS 'Money that a process has reserved for calls that it may make.';
COMMENT ON COLUMN budget_holds.ws IS 'The tenant.';
COMMENT ON COLUMN budget_holds.day IS 'The day.';
COMMENT ON COLUMN budget_holds.owner IS 'The process.';
COMMENT ON COLUMN budget_holds.held_micros IS 'What it may still spend today, in micro-USD.';
COMMENT ON COLUMN budget_holds.until IS 'A hold that is not renewed is void after this.';
COMMENT ON TABLE audit IS 'What Eddy and people did through it. Rows are only ever added.';
COMMENT ON COLUMN audit.ws IS 'The tenant.';
COMMENT ON COLUMN audit.id IS 'The entry; sorts by time.';
COMMENT ON COLUMN audit.actor_id IS 'A person; NULL: Eddy itself.';
COMMENT ON COLUMN audit.verb IS 'What was done: run.answer, place.quiet …';
COMMENT ON COLUMN audit.subject IS 'To what; the verb says which table.';
COMMENT ON COLUMN audit.thread_id IS 'In which thread; NULL: none.';
COMMENT ON COLUMN audit.detail IS 'Further facts; never message text.';
COMMENT ON COLUMN audit.at IS 'When.';
COMMENT ON TABLE adapter_notes IS 'Small durable notes of an adapter: cursors, last moment alive.';
COMMENT ON COLUMN adapter_notes.ws IS 'The tenant.';
COMMENT ON COLUMN adapter_notes.adapter IS 'Which adapter.';
COMMENT ON COLUMN adapter_notes.key IS 'Name of the note.';
COMMENT ON COLUMN adapter_notes.value IS 'At most 4 kB.';
COMMENT ON COLUMN adapter_notes.changed_at IS 'When it was written.';

-- ---- row security on every table of a tenant: the runtime role by the transaction's tenant, maintenance by its own policy

DO $$
DECLARE
	t text;
	tenant CONSTANT text := '(ws = (SELECT nullif(current_setting(''app.ws'', true), '''')::uuid))';
BEGIN
	FOREACH t IN ARRAY ARRAY['workspaces', 'audiences', 'places', 'people', 'identities', 'threads', 'inbox',
	    'inbox_rejected', 'messages', 'reactions', 'agents', 'runs', 'run_steps', 'model_calls', 'outbox', 'budget_days',
	    'budget_holds', 'audit', 'adapter_notes'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY tenant ON %I TO :"eddy" USING %s WITH CHECK %s', t, tenant, tenant);
		EXECUTE format('CREATE POLICY maintenance ON %I TO :"maint" USING (true) WITH CHECK (true)', t);
	END LOOP;
END $$;

-- ---- rights: what the program does, nothing that passes row security by (TRUNCATE, REFERENCES, TRIGGER) ----

GRANT SELECT, INSERT, UPDATE ON installs, workspaces, audiences, places, people, identities, threads, inbox,
	inbox_rejected, messages, agents, runs, outbox, budget_days TO :"eddy";
GRANT SELECT, INSERT, UPDATE, DELETE ON reactions, run_steps, dispatch, budget_holds, adapter_notes TO :"eddy";
GRANT SELECT, INSERT ON model_calls, audit TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON installs, workspaces, audiences, places, people, identities, threads, inbox,
	inbox_rejected, messages, reactions, agents, runs, run_steps, model_calls, outbox, dispatch, budget_days, budget_holds,
	adapter_notes TO :"maint";
GRANT SELECT, INSERT ON audit TO :"maint";

-- ---- hot tables: most updates stay on their page (fillfactor above); the rest is cleaned up early, in small bites ----

ALTER TABLE dispatch SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500,
	autovacuum_vacuum_cost_delay = 1);
ALTER TABLE threads SET (autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE runs SET (autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE budget_days SET (autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);
ALTER TABLE budget_holds SET (autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);
-- Inserts alone also lead to a vacuum: it freezes early and keeps counts fresh.
ALTER TABLE messages SET (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

-- ---- search: the one function that reads past row security; @@ is not leakproof, so its index would not be used ----

CREATE POLICY search ON messages FOR SELECT TO :"search" USING (true);
GRANT SELECT ON messages TO :"search";
GRANT CREATE ON SCHEMA eddy TO :"search";
SET LOCAL ROLE :"search";
CREATE FUNCTION search_messages(q text, audiences uuid[], thread uuid, author uuid, after timestamptz, before timestamptz, lim integer,
	oldest boolean DEFAULT false)
RETURNS TABLE (message_id uuid, rank real)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = eddy, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
	tenant uuid := nullif(current_setting('app.ws', true), '')::uuid;
	query tsquery := websearch_to_tsquery('eddy.plain', left(q, 1000));
BEGIN
	-- querytree: what of the query an index can answer; nothing for "" and for mere negations, which would read all.
	IF tenant IS NULL OR audiences IS NULL OR query IS NULL OR querytree(query) IN ('', 'T') THEN
		RETURN;
	END IF;
	RETURN QUERY
		SELECT newest.id, ts_rank(newest.search, query)
		FROM (SELECT m.id, m.search, m.created_at FROM messages m
			WHERE m.ws = tenant AND m.search @@ query AND m.audience_id = ANY (audiences) AND m.state <> 2
				AND (thread IS NULL OR m.thread_id = thread) AND (author IS NULL OR m.author_id = author)
				AND (after IS NULL OR m.created_at >= after) AND (before IS NULL OR m.created_at < before)
			ORDER BY CASE WHEN oldest THEN m.created_at END, m.created_at DESC LIMIT 500) newest
		ORDER BY 2 DESC, newest.created_at DESC, newest.id
		LIMIT least(greatest(coalesce(lim, 20), 1), 500);
END $$;
COMMENT ON FUNCTION search_messages IS
	'Messages of the transaction''s workspace that match a web-style query and belong to one of the given audiences; '
	'only the newest (or oldest) 500 matches are ranked. Owned by the search role; filters workspace and audience itself.';
REVOKE EXECUTE ON FUNCTION search_messages FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_messages TO :"eddy";
SET LOCAL ROLE :"owner";
REVOKE CREATE ON SCHEMA eddy FROM :"search";

CREATE FUNCTION tidy_search() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = eddy, pg_temp
AS $$ SELECT gin_clean_pending_list('eddy.messages_search') $$;
COMMENT ON FUNCTION tidy_search IS 'Merges what was written lately into the search index, so that the writer need not; only an '
	'index''s owner may do it. Returns the pages merged.';
REVOKE EXECUTE ON FUNCTION tidy_search FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tidy_search TO :"eddy", :"maint";

-- Without statistics the planner takes every tenant for a handful of rows, and the daemon's prepared statements keep the plans made then:
-- with a thousand threads one look-up walked all of them. Autovacuum looks once a minute; a table that has doubled since it was last counted is
-- counted here within a second, which also has those plans made anew. Words and texts need no counting.
ALTER TABLE messages ALTER search SET STATISTICS 0, ALTER body SET STATISTICS 0, ALTER files SET STATISTICS 0;
CREATE FUNCTION tidy_statistics() RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = eddy, pg_temp
AS $$
DECLARE
	t name;
	n integer := 0;
BEGIN
	FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'eddy'::regnamespace AND relkind = 'r'
		AND pg_relation_size(oid) / 8192 > 2 * greatest(relpages, 0)
	LOOP
		EXECUTE format('ANALYZE %I', t);
		n := n + 1;
	END LOOP;
	RETURN n;
END $$;
COMMENT ON FUNCTION tidy_statistics IS 'Counts anew the tables that have doubled since they were last counted. Returns how many.';
REVOKE EXECUTE ON FUNCTION tidy_statistics FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tidy_statistics TO :"eddy", :"maint";
