-- Several identities of one user: the codes that link them, and what a link means for roles.

CREATE TABLE link_codes (
	ws uuid NOT NULL,
	code_hash bytea NOT NULL CHECK (length(code_hash) = 32),
	person_id uuid NOT NULL,
	adapter text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz NOT NULL,
	used_at timestamptz,
	used_by uuid,
	FOREIGN KEY (ws, person_id) REFERENCES people (ws, id),
	FOREIGN KEY (ws, used_by) REFERENCES people (ws, id)
);
CREATE INDEX link_codes_person ON link_codes (ws, person_id);
ALTER TABLE link_codes ADD PRIMARY KEY (ws, code_hash);

CREATE TABLE link_tries (
	ws uuid NOT NULL,
	person_id uuid NOT NULL,
	since timestamptz NOT NULL DEFAULT now(),
	tries integer NOT NULL,
	PRIMARY KEY (ws, person_id),
	FOREIGN KEY (ws, person_id) REFERENCES people (ws, id)
);

COMMENT ON TABLE link_codes IS 'One-time codes by which two identities of one user find each other.';
COMMENT ON COLUMN link_codes.ws IS 'The tenant.';
COMMENT ON COLUMN link_codes.code_hash IS 'SHA-256 of the code; the code itself is kept nowhere.';
COMMENT ON COLUMN link_codes.person_id IS 'Who asked for it: one of the two.';
COMMENT ON COLUMN link_codes.adapter IS 'Where: it is used through another adapter.';
COMMENT ON COLUMN link_codes.created_at IS 'When it was made.';
COMMENT ON COLUMN link_codes.expires_at IS 'It is void after this.';
COMMENT ON COLUMN link_codes.used_at IS 'When it was used or made void; NULL: not yet.';
COMMENT ON COLUMN link_codes.used_by IS 'The other of the two; NULL: nobody.';
COMMENT ON TABLE link_tries IS 'How often somebody has named a code that does not exist.';
COMMENT ON COLUMN link_tries.ws IS 'The tenant.';
COMMENT ON COLUMN link_tries.person_id IS 'Who.';
COMMENT ON COLUMN link_tries.since IS 'Counted from here on.';
COMMENT ON COLUMN link_tries.tries IS 'How often.';

DO $$
DECLARE
	t text;
	tenant CONSTANT text := '(ws = (SELECT nullif(current_setting(''app.ws'', true), '''')::uuid))';
BEGIN
	FOREACH t IN ARRAY ARRAY['link_codes', 'link_tries'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY tenant ON %I TO :"eddy" USING %s WITH CHECK %s', t, tenant, tenant);
		EXECUTE format('CREATE POLICY maintenance ON %I TO :"maint" USING (true) WITH CHECK (true)', t);
	END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON link_codes, link_tries TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON link_codes, link_tries TO :"maint";

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

CREATE OR REPLACE FUNCTION same_user(person uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE ROWS 2
SET search_path = eddy, pg_temp
AS $$
	WITH u AS MATERIALIZED (SELECT p.ws, coalesce(p.user_id, p.id) AS id FROM people p
		WHERE p.ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid) AND p.id = person)
	SELECT u.id FROM u UNION ALL SELECT p.id FROM u JOIN people p ON p.ws = u.ws AND p.user_id = u.id
$$;

-- The rule about readers (017) knows the user: "person" and "asker" are all accounts of one, a guest among them makes all of them guests, and rule 12
-- is "on the platform that the answer goes to, or on one that vouches for another account of the asker".
CREATE OR REPLACE FUNCTION own_places(tenant uuid, person uuid) RETURNS SETOF eddy.places
LANGUAGE sql STABLE
AS $$
	SELECT p.* FROM eddy.places p WHERE p.ws = tenant AND /*8*/ p.visibility = 1 /*|*/
		AND /*9*/ p.id IN (SELECT t.place_id FROM eddy.threads t WHERE t.ws = tenant AND t.only_person IN (SELECT eddy.same_user(person))) /*|*/
		AND NOT EXISTS (SELECT 1 FROM eddy.threads t WHERE t.ws = tenant AND t.place_id = p.id
			AND (/*9*/ t.several /*|*/ OR /*9*/ t.only_person NOT IN (SELECT eddy.same_user(person)) /*|*/))
		AND /*10*/ (SELECT count(*) FROM eddy.place_people r WHERE r.ws = tenant AND r.place_id = p.id) <= 1 /*|*/
$$;
CREATE OR REPLACE FUNCTION allowed_audiences(of_thread uuid, at_place uuid, asker uuid, is_guest boolean, alone boolean, own_place boolean)
RETURNS TABLE (ids uuid[], own uuid[], place_id uuid, only_thread uuid)
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = eddy, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
	tenant uuid := nullif(current_setting('app.ws', true), '')::uuid;
	here record;
	there boolean;
	house boolean;
BEGIN
	own := '{}';
	SELECT p.id, p.audience_id, p.visibility, p.adapter, t.audience_id AS readers INTO here
		FROM threads t JOIN places p ON p.ws = t.ws AND p.id = t.place_id WHERE t.ws = tenant AND t.id = of_thread;
	there := FOUND;
	IF NOT there AND alone AND own_place THEN
		SELECT p.id, p.audience_id, p.visibility, p.adapter, p.audience_id AS readers INTO here
			FROM places p WHERE p.ws = tenant AND p.id = at_place;
		there := FOUND;
		house := NOT FOUND; -- a page that nobody has seen yet
	END IF;
	is_guest := is_guest OR /*2*/ (asker IS NOT NULL
		AND coalesce((SELECT bool_or(p.guest) FROM people p WHERE p.ws = tenant AND p.id IN (SELECT same_user(asker))), false)) /*|*/;
	house := /*2*/ NOT is_guest /*|*/ AND (coalesce(house, false) OR there AND /*3*/ here.visibility IN (1, 2, 4) /*|*/);
	IF /*2*/ is_guest /*|*/ THEN
		only_thread := of_thread;
	END IF;
	IF there THEN
		place_id := here.id;
		ids := ARRAY[here.audience_id, here.readers]; -- 1
	END IF;
	IF house THEN
		ids := coalesce(ids, '{}') || ARRAY(SELECT p.audience_id FROM places p
			WHERE p.ws = tenant AND /*4*/ p.visibility = 4 /*|*/ AND /*5*/ p.member /*|*/ ORDER BY p.id DESC LIMIT 4094);
	END IF;
	IF house AND there AND asker IS NOT NULL AND (alone OR here.visibility = 1) THEN
		own := ARRAY(SELECT a.id FROM audiences a WHERE a.ws = tenant AND /*7*/ a.kind = 2 AND a.subject IN (SELECT same_user(asker)) /*|*/ UNION
			SELECT p.audience_id FROM own_places(tenant, asker) p WHERE /*11*/ p.member /*|*/ AND (/*12*/ p.adapter = here.adapter /*|*/
				OR p.adapter IN (SELECT i.adapter FROM identities i WHERE i.ws = tenant AND i.person_id <> asker AND i.verified >= 1
					AND i.person_id IN (SELECT same_user(asker))))
			AND /*13*/ EXISTS (SELECT 1 FROM identities i WHERE i.ws = tenant AND i.person_id = asker AND i.adapter = here.adapter
				AND i.verified >= 1) /*|*/ LIMIT 256);
		IF NOT (/*6*/ alone OR here.audience_id = ANY (own) /*|*/) THEN
			own := '{}';
		END IF;
	END IF;
	ids := coalesce(ids, '{}');
	RETURN NEXT;
END $$;

-- One guest among them makes a user a guest: a link must not be a way around that.
CREATE OR REPLACE FUNCTION role_at(person uuid, node uuid) RETURNS smallint
LANGUAGE sql STABLE
SET search_path = eddy, pg_temp
AS $$
	WITH RECURSIVE up AS (
		SELECT n.ws, n.id, n.parent_id, 1 AS depth FROM nodes n WHERE n.id = node AND n.archived_at IS NULL
		UNION ALL
		SELECT n.ws, n.id, n.parent_id, up.depth + 1 FROM up JOIN nodes n ON n.ws = up.ws AND n.id = up.parent_id WHERE up.depth < 32),
	mine AS (SELECT p.* FROM people p WHERE p.id IN (SELECT same_user(person))),
	given AS (SELECT m.role FROM up JOIN members m ON m.ws = up.ws AND m.node_id = up.id WHERE m.person_id IN (SELECT id FROM mine)),
	implied AS (SELECT CASE WHEN bool_or(mine.bot) THEN 0
			WHEN bool_or(mine.guest) THEN 1
			WHEN bool_or(EXISTS (SELECT 1 FROM identities i WHERE i.ws = mine.ws AND i.person_id = mine.id AND i.adapter = 'web' AND i.external_id = 'local')) THEN 4
			WHEN bool_or(EXISTS (SELECT 1 FROM identities i WHERE i.ws = mine.ws AND i.person_id = mine.id AND i.verified >= 1)) THEN 2
			ELSE 0 END AS role FROM mine)
	SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM up) THEN 0
		WHEN EXISTS (SELECT 1 FROM given) THEN (SELECT max(role) FROM given)
		ELSE coalesce((SELECT role FROM implied), 0) END::smallint
$$;
COMMENT ON FUNCTION role_at IS
	'enum role of a person at a node. Given roles come first, 0 among them; else: a user with a guest among its identities views, who sits at the terminal owns, '
	'people known to a platform are members, bots and unknown senders have none.';
