-- Settings of the parts of a workspace, in layers: a template, the organisation, units, teams, people. Each change is a version more.

CREATE TABLE node_configs (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	layer smallint NOT NULL CHECK (layer BETWEEN 2 AND 6),
	subject uuid NOT NULL,
	version integer NOT NULL CHECK (version > 0),
	node_id uuid GENERATED ALWAYS AS (CASE WHEN layer <= 5 THEN subject END) STORED,
	person_id uuid GENERATED ALWAYS AS (CASE WHEN layer = 6 THEN subject END) STORED,
	doc jsonb NOT NULL,
	diff jsonb NOT NULL,
	author_id uuid,
	approved_by uuid,
	restored_from integer,
	created_at timestamptz NOT NULL DEFAULT now(),
	FOREIGN KEY (ws, node_id) REFERENCES nodes (ws, id),
	FOREIGN KEY (ws, person_id) REFERENCES people (ws, id),
	FOREIGN KEY (ws, author_id) REFERENCES people (ws, id),
	FOREIGN KEY (ws, approved_by) REFERENCES people (ws, id)
);
ALTER TABLE node_configs ADD PRIMARY KEY (ws, layer, subject, version);

CREATE TABLE pending_changes (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	id uuid NOT NULL,
	layer smallint NOT NULL CHECK (layer BETWEEN 2 AND 5),
	node_id uuid NOT NULL,
	patch jsonb NOT NULL,
	keys text[] NOT NULL,
	author_id uuid,
	state smallint NOT NULL DEFAULT 1 CHECK (state BETWEEN 1 AND 3),
	decided_by uuid,
	decided_at timestamptz,
	reason text,
	created_at timestamptz NOT NULL DEFAULT now(),
	FOREIGN KEY (ws, node_id) REFERENCES nodes (ws, id),
	FOREIGN KEY (ws, author_id) REFERENCES people (ws, id),
	FOREIGN KEY (ws, decided_by) REFERENCES people (ws, id),
	CHECK ((state = 1) = (decided_at IS NULL)),
	CHECK (decided_by <> author_id)
);
CREATE INDEX pending_changes_waiting ON pending_changes (ws, created_at) WHERE state = 1;
ALTER TABLE pending_changes ADD PRIMARY KEY (ws, id);

CREATE TABLE config_snapshots (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	id uuid NOT NULL,
	doc jsonb NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE config_snapshots ADD PRIMARY KEY (ws, id);

ALTER TABLE runs ADD COLUMN config_id uuid;

COMMENT ON TABLE node_configs IS 'Every version of the settings of a layer; the highest is in force. Restoring an old one makes a new one.';
COMMENT ON COLUMN node_configs.ws IS 'The tenant.';
COMMENT ON COLUMN node_configs.layer IS 'enum config_layer: 2 template, 3 organisation, 4 unit, 5 team, 6 person.';
COMMENT ON COLUMN node_configs.subject IS 'Whose: a node (of the template: the organisation) or a person.';
COMMENT ON COLUMN node_configs.version IS 'From 1 on.';
COMMENT ON COLUMN node_configs.node_id IS 'The subject, where it is a node.';
COMMENT ON COLUMN node_configs.person_id IS 'The subject, where it is a person.';
COMMENT ON COLUMN node_configs.doc IS 'What this layer says: set, locked, required, bounds (docs/teams.md).';
COMMENT ON COLUMN node_configs.diff IS 'What this version changed: key, before, after.';
COMMENT ON COLUMN node_configs.author_id IS 'Who wrote it; NULL: a key of a team.';
COMMENT ON COLUMN node_configs.approved_by IS 'Who looked at it too, where that was needed.';
COMMENT ON COLUMN node_configs.restored_from IS 'The version that it brings back; NULL: a change.';
COMMENT ON COLUMN node_configs.created_at IS 'Since when it is in force.';
COMMENT ON TABLE pending_changes IS 'Changes of settings that wait for a second pair of eyes, and what became of them.';
COMMENT ON COLUMN pending_changes.ws IS 'The tenant.';
COMMENT ON COLUMN pending_changes.id IS 'The change.';
COMMENT ON COLUMN pending_changes.layer IS 'enum config_layer, as in node_configs.';
COMMENT ON COLUMN pending_changes.node_id IS 'Whose settings it would change.';
COMMENT ON COLUMN pending_changes.patch IS 'What was asked for: the arguments of config.set.';
COMMENT ON COLUMN pending_changes.keys IS 'The keys in it that need to be looked at.';
COMMENT ON COLUMN pending_changes.author_id IS 'Who asked; NULL: a key of a team.';
COMMENT ON COLUMN pending_changes.state IS '1 waits, 2 approved, 3 rejected.';
COMMENT ON COLUMN pending_changes.decided_by IS 'Who decided; never the author.';
COMMENT ON COLUMN pending_changes.decided_at IS 'When.';
COMMENT ON COLUMN pending_changes.reason IS 'Why it was rejected, in words.';
COMMENT ON COLUMN pending_changes.created_at IS 'When it was asked for.';
COMMENT ON TABLE config_snapshots IS 'Settings as runs have begun with them; each content once.';
COMMENT ON COLUMN config_snapshots.ws IS 'The tenant.';
COMMENT ON COLUMN config_snapshots.id IS 'Made from the content.';
COMMENT ON COLUMN config_snapshots.doc IS 'The effective values by key.';
COMMENT ON COLUMN config_snapshots.created_at IS 'When they were first in force.';
COMMENT ON COLUMN runs.config_id IS 'The settings it began with, in config_snapshots; NULL: it had begun before there were any, or is a command without them.';

DO $$
DECLARE
	t text;
	tenant CONSTANT text := '(ws = (SELECT nullif(current_setting(''app.ws'', true), '''')::uuid))';
BEGIN
	FOREACH t IN ARRAY ARRAY['node_configs', 'pending_changes', 'config_snapshots'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY tenant ON %I TO :"eddy" USING %s WITH CHECK %s', t, tenant, tenant);
		EXECUTE format('CREATE POLICY maintenance ON %I TO :"maint" USING (true) WITH CHECK (true)', t);
	END LOOP;
END $$;
-- Versions and decisions are history: nothing of it is taken back but with the person it is about.
GRANT SELECT, INSERT, DELETE ON node_configs TO :"eddy";
GRANT SELECT, INSERT, UPDATE ON pending_changes TO :"eddy";
GRANT SELECT, INSERT ON config_snapshots TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON node_configs, pending_changes, config_snapshots TO :"maint";
