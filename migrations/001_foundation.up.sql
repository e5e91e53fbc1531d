-- The foundation: tenants, people, places, threads, messages, runs, deliveries, money, audit.
-- Every tenant table starts its keys with ws, references are composite, row security is on from the first row.
-- Ids are UUIDv7 (sorted by time) or UUIDv8 computed from the platform's own names (core/base/id.h).

-- Words as they are written, without accents: no language is assumed.  Only words with letters beyond ASCII go through unaccent.
CREATE TEXT SEARCH CONFIGURATION plain (COPY = pg_catalog.simple);
ALTER TEXT SEARCH CONFIGURATION plain ALTER MAPPING FOR hword, hword_part, word WITH unaccent, simple;
COMMENT ON TEXT SEARCH CONFIGURATION plain IS 'simple, with accents taken off: what messages.search and every query use';

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
	kind smallint NOT NULL,          -- 1 place: who is in the place
	subject uuid NOT NULL,           -- the place
	PRIMARY KEY (ws, id)
);

CREATE TABLE places (
	ws uuid NOT NULL,
	id uuid NOT NULL,
	adapter text NOT NULL,
	external_id text NOT NULL,
	name text,
	visibility smallint NOT NULL,    -- enum visibility: 0 unknown, 1 direct, 2 private, 3 external, 4 public
	member boolean NOT NULL,         -- Eddy is in it
	quiet boolean NOT NULL DEFAULT false,
	greeted_at timestamptz,
	audience_id uuid NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (ws, id),
	UNIQUE (ws, adapter, external_id),
	FOREIGN KEY (ws, audience_id) REFERENCES audiences (ws, id)
);

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
	verified smallint NOT NULL,      -- enum verified
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
	seq bigint NOT NULL,             -- the last sequence number given out
	taking_part boolean NOT NULL,    -- Eddy was asked here or has answered here
	quiet boolean NOT NULL DEFAULT false,
	last_author smallint NOT NULL,   -- enum author_kind of the newest message
	prev_author smallint NOT NULL DEFAULT 0, -- the same before the newest batch of people's messages: what routing looks at
	only_person uuid,                -- the first person who wrote here
	several boolean NOT NULL DEFAULT false, -- more than one person has written here
	audience_id uuid NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	last_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (ws, id),
	FOREIGN KEY (ws, place_id) REFERENCES places (ws, id),
	FOREIGN KEY (ws, audience_id) REFERENCES audiences (ws, id)
) WITH (fillfactor = 60);
CREATE INDEX threads_recent ON threads (ws, created_at DESC);

CREATE TABLE inbox (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	id uuid NOT NULL,                -- computed from the adapter and the source key: what makes a redelivery a duplicate
	kind smallint NOT NULL,          -- enum intent_kind
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
	reason text NOT NULL,            -- SQLSTATE or the rule that it broke; never content
	received_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (ws, id)
);

CREATE TABLE messages (
	ws uuid NOT NULL,
	id uuid NOT NULL,
	thread_id uuid NOT NULL,
	seq bigint NOT NULL,             -- place in the thread
	rev bigint NOT NULL,             -- thread sequence of the last change: seq until edited or deleted
	message_key text,                -- the platform's name for it inside its place
	author_id uuid,
	author_kind smallint NOT NULL,   -- enum author_kind: 1 person, 2 Eddy, 3 system, 4 other bot
	state smallint NOT NULL DEFAULT 0, -- 0 visible, 1 edited, 2 deleted
	body text NOT NULL,
	files jsonb,
	run_id uuid,                     -- the run that wrote it
	audience_id uuid NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	search tsvector NOT NULL GENERATED ALWAYS AS (to_tsvector('eddy.plain', body)) STORED,
	PRIMARY KEY (ws, id),
	UNIQUE (ws, thread_id, seq),
	FOREIGN KEY (ws, thread_id) REFERENCES threads (ws, id),
	FOREIGN KEY (ws, author_id) REFERENCES people (ws, id),
	FOREIGN KEY (ws, audience_id) REFERENCES audiences (ws, id)
);
CREATE INDEX messages_changed ON messages (ws, thread_id, rev) WHERE rev > seq;
CREATE INDEX messages_search ON messages USING gin (ws, search) WITH (gin_pending_list_limit = 512);

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
	model text,                      -- NULL: model.name of the settings
	prompt text NOT NULL,
	tools text[] NOT NULL,
	max_tokens integer NOT NULL,
	max_turns integer NOT NULL,
	seed_digest bytea,               -- of the shipped definition it was made from; NULL once somebody has changed it
	active boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (ws, id),
	UNIQUE (ws, slug)
);

CREATE TABLE runs (
	ws uuid NOT NULL,
	id uuid NOT NULL,
	thread_id uuid NOT NULL,
	message_id uuid NOT NULL,        -- the message that triggered it
	message_seq bigint NOT NULL,     -- its context ends here
	person_id uuid,                  -- who asked
	agent_id uuid,                   -- NULL until it begins, and for canonical answers
	kind smallint NOT NULL,          -- 1 model, 2 canonical
	command smallint NOT NULL DEFAULT 0, -- canonical: enum command
	state smallint NOT NULL,         -- 1 queued, 2 running, 3 answered (reply stored), 4 merged, 5 failed, 6 stopped, 7 parked
	attempt integer NOT NULL DEFAULT 0,
	token bigint NOT NULL,           -- equals dispatch.token of its thread while it is open: who may write it
	adapter text NOT NULL,
	origin bytea NOT NULL,
	private_reply boolean NOT NULL DEFAULT false,
	answered_by uuid,                -- state merged: the run whose answer covers it
	stream_state smallint NOT NULL DEFAULT 0, -- 0 none, 1 about to open, 2 open
	stream_ref text,
	error text,
	created_at timestamptz NOT NULL DEFAULT now(),
	finished_at timestamptz,
	PRIMARY KEY (ws, id),
	FOREIGN KEY (ws, thread_id) REFERENCES threads (ws, id),
	FOREIGN KEY (ws, message_id) REFERENCES messages (ws, id) ON DELETE CASCADE
) WITH (fillfactor = 80);
CREATE INDEX runs_open ON runs (ws, thread_id) WHERE state <= 2;

CREATE TABLE run_steps (
	ws uuid NOT NULL,
	run_id uuid NOT NULL,
	n integer NOT NULL,
	kind smallint NOT NULL,          -- 1 assistant text and tool calls, 2 tool results, 3 messages taken in
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
	cost_micros bigint NOT NULL,     -- micro-USD
	first_ms integer,
	total_ms integer NOT NULL,
	result text NOT NULL,            -- ok or the class of the failure
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (ws, id),
	FOREIGN KEY (ws, run_id) REFERENCES runs (ws, id) ON DELETE CASCADE
);

CREATE TABLE outbox (
	ws uuid NOT NULL,
	id uuid NOT NULL,                -- the delivery
	run_id uuid,
	thread_id uuid NOT NULL,
	message_id uuid,                 -- what is delivered; NULL: a notice, its text in body
	body text,
	adapter text NOT NULL,
	origin bytea NOT NULL,
	private_reply boolean NOT NULL DEFAULT false,
	state smallint NOT NULL,         -- 1 pending, 2 sending, 3 sent, 4 failed
	attempts integer NOT NULL DEFAULT 0,
	due timestamptz NOT NULL DEFAULT now(),
	external_ref text,
	error text,
	created_at timestamptz NOT NULL DEFAULT now(),
	sent_at timestamptz,
	PRIMARY KEY (ws, id),
	FOREIGN KEY (ws, thread_id) REFERENCES threads (ws, id),
	FOREIGN KEY (ws, message_id) REFERENCES messages (ws, id) ON DELETE CASCADE
) WITH (fillfactor = 80);
CREATE INDEX outbox_open ON outbox (ws, thread_id) WHERE state <= 2;

CREATE TABLE dispatch (
	ws uuid NOT NULL,
	thread_id uuid NOT NULL,
	pending integer NOT NULL,        -- open runs and deliveries of the thread
	due timestamptz NOT NULL,        -- when unowned work may be claimed
	owner uuid,                      -- the process that holds the lease
	token bigint NOT NULL,           -- grows with each change of owner
	lease_until timestamptz,
	PRIMARY KEY (ws, thread_id)
) WITH (fillfactor = 50);

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
	owner uuid NOT NULL,             -- a process; what it may still spend today
	held_micros bigint NOT NULL,
	until timestamptz NOT NULL,      -- a hold that is not renewed is void after this
	PRIMARY KEY (ws, day, owner)
) WITH (fillfactor = 50);

CREATE TABLE audit (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	id uuid NOT NULL,
	actor_id uuid,                   -- a person; NULL: Eddy itself
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

-- ---- row security: every table of a tenant, for the runtime role by the transaction's tenant, for maintenance by its own policy ----

DO $$
DECLARE
	t text;
	tenant CONSTANT text := '(ws = (SELECT nullif(current_setting(''app.ws'', true), '''')::uuid))';
BEGIN
	FOREACH t IN ARRAY ARRAY['workspaces', 'audiences', 'places', 'people', 'identities', 'threads', 'inbox', 'inbox_rejected',
	    'messages', 'reactions', 'agents', 'runs', 'run_steps', 'model_calls', 'outbox', 'budget_days', 'budget_holds', 'audit',
	    'adapter_notes'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY tenant ON %I TO :"eddy" USING %s WITH CHECK %s', t, tenant, tenant);
		EXECUTE format('CREATE POLICY maintenance ON %I TO :"maint" USING (true) WITH CHECK (true)', t);
	END LOOP;
END $$;

-- ---- rights: what the program does, nothing that passes row security by (TRUNCATE, REFERENCES, TRIGGER) ----

GRANT SELECT, INSERT, UPDATE ON installs, workspaces, audiences, places, people, identities, threads, inbox, inbox_rejected, messages,
	agents, runs, outbox, budget_days TO :"eddy";
GRANT SELECT, INSERT, UPDATE, DELETE ON reactions, run_steps, dispatch, budget_holds, adapter_notes TO :"eddy";
GRANT SELECT, INSERT ON model_calls, audit TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON installs, workspaces, audiences, places, people, identities, threads, inbox, inbox_rejected, messages,
	reactions, agents, runs, run_steps, model_calls, outbox, dispatch, budget_days, budget_holds, adapter_notes TO :"maint";
GRANT SELECT, INSERT ON audit TO :"maint";

-- ---- hot tables: most updates stay on their page (fillfactor above); what does not is cleaned up early and in small bites ----

ALTER TABLE dispatch SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 1);
ALTER TABLE threads SET (autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE runs SET (autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE budget_days SET (autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);
ALTER TABLE budget_holds SET (autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);
-- Inserts alone also lead to a vacuum: it moves the pending list of the search index into the tree and keeps counts fresh.
ALTER TABLE messages SET (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

-- ---- search: the one function that reads past row security, because @@ is not leakproof and its index would not be used ----

CREATE POLICY search ON messages FOR SELECT TO :"search" USING (true);
GRANT SELECT ON messages TO :"search";
GRANT CREATE ON SCHEMA eddy TO :"search";
SET LOCAL ROLE :"search";
CREATE FUNCTION search_messages(q text, audiences uuid[], thread uuid, author uuid, after timestamptz, before timestamptz, lim integer)
RETURNS TABLE (message_id uuid, rank real)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = eddy, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
	tenant uuid := nullif(current_setting('app.ws', true), '')::uuid;
	query tsquery := websearch_to_tsquery('eddy.plain', left(q, 1000));
BEGIN
	-- querytree: what of the query an index can answer; nothing for "" and for mere negations, which would read everything.
	IF tenant IS NULL OR audiences IS NULL OR query IS NULL OR querytree(query) IN ('', 'T') THEN
		RETURN;
	END IF;
	RETURN QUERY
		SELECT newest.id, ts_rank(newest.search, query)
		FROM (SELECT m.id, m.search, m.created_at FROM messages m
			WHERE m.ws = tenant AND m.search @@ query AND m.audience_id = ANY (audiences) AND m.state <> 2
				AND (thread IS NULL OR m.thread_id = thread) AND (author IS NULL OR m.author_id = author)
				AND (after IS NULL OR m.created_at >= after) AND (before IS NULL OR m.created_at < before)
			ORDER BY m.created_at DESC LIMIT 500) newest
		ORDER BY 2 DESC, newest.created_at DESC, newest.id
		LIMIT least(greatest(coalesce(lim, 20), 1), 100);
END $$;
COMMENT ON FUNCTION search_messages IS 'Messages of the transaction''s workspace that match a web-style query and belong to one of the given audiences; only the newest 500 matches are ranked. Owned by the search role; filters workspace and audience itself.';
REVOKE EXECUTE ON FUNCTION search_messages FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_messages TO :"eddy";
SET LOCAL ROLE :"owner";
REVOKE CREATE ON SCHEMA eddy FROM :"search";
