-- Who belongs together: the tree of a workspace (organisation, units, teams), roles in it, and several identities that are one user.

CREATE TABLE nodes (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	id uuid NOT NULL,
	parent_id uuid,
	kind smallint NOT NULL CHECK (kind BETWEEN 1 AND 3),
	slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
	name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
	created_at timestamptz NOT NULL DEFAULT now(),
	archived_at timestamptz,
	CHECK ((parent_id IS NULL) = (kind = 1))
);
CREATE UNIQUE INDEX nodes_root ON nodes (ws) WHERE parent_id IS NULL;
ALTER TABLE nodes ADD UNIQUE (ws, slug);
ALTER TABLE nodes ADD PRIMARY KEY (ws, id);
ALTER TABLE nodes ADD FOREIGN KEY (ws, parent_id) REFERENCES nodes (ws, id);

CREATE TABLE members (
	ws uuid NOT NULL,
	node_id uuid NOT NULL,
	person_id uuid NOT NULL,
	role smallint NOT NULL CHECK (role BETWEEN 0 AND 4),
	created_at timestamptz NOT NULL DEFAULT now(),
	FOREIGN KEY (ws, node_id) REFERENCES nodes (ws, id),
	FOREIGN KEY (ws, person_id) REFERENCES people (ws, id)
);
CREATE INDEX members_person ON members (ws, person_id);
ALTER TABLE members ADD PRIMARY KEY (ws, node_id, person_id);

ALTER TABLE places ADD COLUMN team_id uuid;
ALTER TABLE places ADD FOREIGN KEY (ws, team_id) REFERENCES nodes (ws, id);
ALTER TABLE people ADD COLUMN user_id uuid;
ALTER TABLE people ADD FOREIGN KEY (ws, user_id) REFERENCES people (ws, id);
ALTER TABLE people ADD CHECK (user_id <> id);

COMMENT ON TABLE nodes IS 'The tree of a workspace: one organisation, units in it, teams in those. Teams own places, settings, budgets and routes.';
COMMENT ON COLUMN nodes.ws IS 'The tenant.';
COMMENT ON COLUMN nodes.id IS 'The node; the organisation has the id of the workspace.';
COMMENT ON COLUMN nodes.parent_id IS 'What it belongs to; NULL: the organisation.';
COMMENT ON COLUMN nodes.kind IS 'enum node_kind: 1 organisation, 2 unit, 3 team.';
COMMENT ON COLUMN nodes.slug IS 'Its short name, unique in the workspace.';
COMMENT ON COLUMN nodes.name IS 'A name for people.';
COMMENT ON COLUMN nodes.created_at IS 'When it was made.';
COMMENT ON COLUMN nodes.archived_at IS 'When it was given up; NULL: in use.';
COMMENT ON TABLE members IS 'Roles that were given to people. A role at a node holds below it too. Whoever has none has the one that their platform implies.';
COMMENT ON COLUMN members.ws IS 'The tenant.';
COMMENT ON COLUMN members.node_id IS 'Where.';
COMMENT ON COLUMN members.person_id IS 'The user: a person that is linked to no other.';
COMMENT ON COLUMN members.role IS 'enum role: 0 none, though the platform implies one; 1 viewer, 2 member, 3 admin, 4 owner.';
COMMENT ON COLUMN members.created_at IS 'Since when.';
COMMENT ON COLUMN places.team_id IS 'The team that owns it; NULL: the organisation.';
COMMENT ON COLUMN people.user_id IS 'The person this one was linked to, with the consent of both: they are one user. NULL: stands for itself. Links are one step long.';

DO $$
DECLARE
	t text;
	tenant CONSTANT text := '(ws = (SELECT nullif(current_setting(''app.ws'', true), '''')::uuid))';
BEGIN
	FOREACH t IN ARRAY ARRAY['nodes', 'members'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY tenant ON %I TO :"eddy" USING %s WITH CHECK %s', t, tenant, tenant);
		EXECUTE format('CREATE POLICY maintenance ON %I TO :"maint" USING (true) WITH CHECK (true)', t);
	END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON nodes, members TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON nodes, members TO :"maint";

-- Every workspace has its organisation from the first moment on, so that one with a single team needs no set-up.
-- What is there already is seen by the owner only while row security is not forced on it.
ALTER TABLE workspaces NO FORCE ROW LEVEL SECURITY;
ALTER TABLE nodes NO FORCE ROW LEVEL SECURITY;
INSERT INTO nodes (ws, id, kind, slug, name) SELECT ws, ws, 1, 'org', left(coalesce(nullif(name, ''), 'organisation'), 200) FROM workspaces;
ALTER TABLE workspaces FORCE ROW LEVEL SECURITY;
ALTER TABLE nodes FORCE ROW LEVEL SECURITY;
CREATE FUNCTION workspace_root() RETURNS trigger
LANGUAGE plpgsql
SET search_path = eddy, pg_temp
AS $$
BEGIN
	INSERT INTO nodes (ws, id, kind, slug, name) VALUES (NEW.ws, NEW.ws, 1, 'org', left(coalesce(nullif(NEW.name, ''), 'organisation'), 200));
	RETURN NULL;
END $$;
COMMENT ON FUNCTION workspace_root IS 'A new workspace gets its organisation.';
CREATE TRIGGER workspace_root AFTER INSERT ON workspaces FOR EACH ROW EXECUTE FUNCTION workspace_root();

-- Who is linked is found without going through everybody; the primary key comes last again (014).
CREATE INDEX people_user ON people (ws, user_id) WHERE user_id IS NOT NULL;
DO $$
DECLARE
	f record;
	key text;
	made text[] := '{}';
	again text;
BEGIN
	FOR f IN SELECT conrelid::regclass AS rel, conname, pg_get_constraintdef(oid) AS def FROM pg_constraint
		WHERE confrelid = 'people'::regclass AND contype = 'f' ORDER BY oid LOOP
		made := made || format('ALTER TABLE %s ADD CONSTRAINT %I %s', f.rel, f.conname, f.def);
		EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', f.rel, f.conname);
	END LOOP;
	SELECT conname INTO key FROM pg_constraint WHERE conrelid = 'people'::regclass AND contype = 'p';
	EXECUTE format('ALTER TABLE people DROP CONSTRAINT %I', key);
	EXECUTE format('ALTER TABLE people ADD CONSTRAINT %I PRIMARY KEY (ws, id)', key);
	FOREACH again IN ARRAY made LOOP
		EXECUTE again;
	END LOOP;
END $$;

-- Which persons are one user.
CREATE FUNCTION same_user(person uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE ROWS 2
SET search_path = eddy, pg_temp
AS $$
	WITH u AS MATERIALIZED (SELECT p.ws, coalesce(p.user_id, p.id) AS id FROM people p
		WHERE p.ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid) AND p.id = person)
	SELECT u.id FROM u UNION ALL SELECT p.id FROM u JOIN people p ON p.ws = u.ws AND p.user_id = u.id
$$;
COMMENT ON FUNCTION same_user IS 'All persons of the transaction''s workspace that are one user with this one, itself too.';

-- The role of a person at a node: the highest that was given to the user there or above; without any, what the platforms imply, and one guest among them
-- makes a user a guest: a link must not be a way around that. Asked with every call of the API, so it keeps its plans.
CREATE FUNCTION role_at(person uuid, node uuid) RETURNS smallint
LANGUAGE plpgsql STABLE
SET search_path = eddy, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
	tenant uuid := nullif(current_setting('app.ws', true), '')::uuid;
	who uuid := (SELECT coalesce(p.user_id, p.id) FROM people p WHERE p.ws = tenant AND p.id = person);
	above uuid[];
	given smallint;
BEGIN
	WITH RECURSIVE up AS (
		SELECT n.id, n.parent_id, 1 AS depth FROM nodes n WHERE n.ws = tenant AND n.id = node AND n.archived_at IS NULL
		UNION ALL
		SELECT n.id, n.parent_id, up.depth + 1 FROM up JOIN nodes n ON n.ws = tenant AND n.id = up.parent_id WHERE up.depth < 32)
	SELECT array_agg(up.id) INTO above FROM up;
	IF above IS NULL OR who IS NULL THEN
		RETURN 0;
	END IF;
	SELECT max(m.role) INTO given FROM members m WHERE m.ws = tenant AND m.node_id = ANY (above)
		AND m.person_id IN (SELECT p.id FROM people p WHERE p.ws = tenant AND (p.id = who OR p.user_id = who));
	IF given IS NOT NULL THEN
		RETURN given;
	END IF;
	RETURN coalesce((SELECT CASE WHEN bool_or(p.bot) THEN 0
			WHEN bool_or(p.guest) THEN 1
			WHEN bool_or(EXISTS (SELECT 1 FROM identities i WHERE i.ws = tenant AND i.person_id = p.id AND i.adapter = 'web' AND i.external_id = 'local')) THEN 4
			WHEN bool_or(EXISTS (SELECT 1 FROM identities i WHERE i.ws = tenant AND i.person_id = p.id AND i.verified >= 1)) THEN 2
			ELSE 0 END FROM people p WHERE p.ws = tenant AND (p.id = who OR p.user_id = who)), 0)::smallint;
END $$;
COMMENT ON FUNCTION role_at IS
	'enum role of a person at a node. Given roles come first, 0 among them; else: a user with a guest among its identities views, who sits at the terminal owns, '
	'people known to a platform are members, bots and unknown senders have none.';
REVOKE EXECUTE ON FUNCTION same_user, role_at, workspace_root FROM PUBLIC;
GRANT EXECUTE ON FUNCTION same_user, role_at, workspace_root TO :"eddy", :"maint";
