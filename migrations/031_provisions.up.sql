-- Teams that are set up and given up in steps: what was asked for, how far it is, and how each step is taken back.

CREATE TABLE provisions (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	id uuid NOT NULL,
	kind smallint NOT NULL CHECK (kind BETWEEN 1 AND 2),
	state smallint NOT NULL DEFAULT 1 CHECK (state BETWEEN 1 AND 4),
	slug text NOT NULL,
	node_id uuid NOT NULL,
	parent_id uuid NOT NULL,
	key_hash bytea CHECK (length(key_hash) = 32),
	digest bytea NOT NULL CHECK (length(digest) = 32),
	by_person uuid,
	by_key uuid,
	why text,
	created_at timestamptz NOT NULL DEFAULT now(),
	ended_at timestamptz,
	FOREIGN KEY (ws, parent_id) REFERENCES nodes (ws, id),
	FOREIGN KEY (ws, by_person) REFERENCES people (ws, id),
	CHECK ((state <= 2) = (ended_at IS NULL))
);
CREATE UNIQUE INDEX provisions_open ON provisions (ws, slug) WHERE state <= 2;
CREATE UNIQUE INDEX provisions_key ON provisions (ws, key_hash) WHERE key_hash IS NOT NULL;
CREATE INDEX provisions_node ON provisions (ws, node_id);
ALTER TABLE provisions ADD PRIMARY KEY (ws, id);

CREATE TABLE provision_steps (
	ws uuid NOT NULL,
	provision_id uuid NOT NULL,
	n smallint NOT NULL,
	verb text NOT NULL,
	what text NOT NULL,
	args jsonb NOT NULL,
	state smallint NOT NULL DEFAULT 1 CHECK (state BETWEEN 1 AND 3),
	undo jsonb,
	done_at timestamptz,
	FOREIGN KEY (ws, provision_id) REFERENCES provisions (ws, id)
);
ALTER TABLE provision_steps ADD PRIMARY KEY (ws, provision_id, n);

COMMENT ON TABLE provisions IS 'Teams being set up or given up, a row for each time; at most one for a team at a time is at work.';
COMMENT ON COLUMN provisions.ws IS 'The tenant.';
COMMENT ON COLUMN provisions.id IS 'Named by the call that asked for it; what its steps make takes ids from it.';
COMMENT ON COLUMN provisions.kind IS 'enum provision_kind: 1 sets up, 2 gives up.';
COMMENT ON COLUMN provisions.state IS 'enum provision_state: 1 goes on, 2 is being undone, 3 done, 4 undone.';
COMMENT ON COLUMN provisions.slug IS 'Short name of the team.';
COMMENT ON COLUMN provisions.node_id IS 'The team; no reference, since it may not be there yet, or no longer.';
COMMENT ON COLUMN provisions.parent_id IS 'What it stands in.';
COMMENT ON COLUMN provisions.key_hash IS 'SHA-256 of the caller and the idempotency key; NULL: the call had none.';
COMMENT ON COLUMN provisions.digest IS 'SHA-256 of what was asked for: the same again goes on with it, something else is refused.';
COMMENT ON COLUMN provisions.by_person IS 'Who asked for it, on whose rights each step is done; NULL: a key of a team.';
COMMENT ON COLUMN provisions.by_key IS 'The API key it was asked for with.';
COMMENT ON COLUMN provisions.why IS 'Why it is or was undone, a sentence.';
COMMENT ON COLUMN provisions.created_at IS 'When it was asked for.';
COMMENT ON COLUMN provisions.ended_at IS 'When it was done, or undone.';
COMMENT ON TABLE provision_steps IS 'The steps of a provisioning; each is done, or undone, in one transaction with this row.';
COMMENT ON COLUMN provision_steps.ws IS 'The tenant.';
COMMENT ON COLUMN provision_steps.provision_id IS 'Whose step.';
COMMENT ON COLUMN provision_steps.n IS 'Its place, from 1 on; undone in the opposite order.';
COMMENT ON COLUMN provision_steps.verb IS 'team, rename, agent, settings, admin, route, key; keys, threads, erase, places, routes, members, agents, archive.';
COMMENT ON COLUMN provision_steps.what IS 'The same for people.';
COMMENT ON COLUMN provision_steps.args IS 'What it needs; no secret, people by their id.';
COMMENT ON COLUMN provision_steps.state IS '1 not yet, 2 done, 3 undone.';
COMMENT ON COLUMN provision_steps.undo IS 'What was there before; NULL while it is not done.';
COMMENT ON COLUMN provision_steps.done_at IS 'When it was done.';

DO $$
DECLARE
	t text;
	tenant CONSTANT text := '(ws = (SELECT nullif(current_setting(''app.ws'', true), '''')::uuid))';
BEGIN
	FOREACH t IN ARRAY ARRAY['provisions', 'provision_steps'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY tenant ON %I TO :"eddy" USING %s WITH CHECK %s', t, tenant, tenant);
		EXECUTE format('CREATE POLICY maintenance ON %I TO :"maint" USING (true) WITH CHECK (true)', t);
	END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE ON provisions, provision_steps TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON provisions, provision_steps TO :"maint";
-- An agent that was made by a step that is taken back; one that has answered is kept by what refers to it.
GRANT DELETE ON agents TO :"eddy";
