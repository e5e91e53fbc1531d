-- Who read where: each change of what the rule about readers asks, as it was before, so that past answers can be judged by the readers of then
-- (docs/adr/109-the-readers-of-then.md).

CREATE TABLE reader_changes (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	id uuid NOT NULL DEFAULT gen_random_uuid(),
	at timestamptz NOT NULL DEFAULT clock_timestamp(),
	kind smallint NOT NULL CHECK (kind BETWEEN 1 AND 4),
	subject uuid NOT NULL,
	level smallint,
	flag boolean,
	person_id uuid,
	adapter text
);
ALTER TABLE reader_changes ALTER adapter SET STATISTICS 0;
CREATE INDEX reader_changes_at ON reader_changes (ws, at);
ALTER TABLE reader_changes ADD PRIMARY KEY (ws, id);

COMMENT ON TABLE reader_changes IS 'What the rule about readers asks, as it was before each change.';
COMMENT ON COLUMN reader_changes.ws IS 'The tenant.';
COMMENT ON COLUMN reader_changes.id IS 'Random.';
COMMENT ON COLUMN reader_changes.at IS 'When it changed.';
COMMENT ON COLUMN reader_changes.kind IS '1 a place, 2 a person, 3 a thread of a direct conversation, 4 an identity.';
COMMENT ON COLUMN reader_changes.subject IS 'Which; of an identity its person.';
COMMENT ON COLUMN reader_changes.level IS 'Until then: the visibility of the place, how sure the identity was.';
COMMENT ON COLUMN reader_changes.flag IS 'Until then: Eddy was a member of the place; the person was a guest; several had written in the thread.';
COMMENT ON COLUMN reader_changes.person_id IS 'Until then: whom the person was one user with; the first who wrote in the thread.';
COMMENT ON COLUMN reader_changes.adapter IS 'Of an identity.';
ALTER TABLE workspaces ADD COLUMN readers_since timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN workspaces.readers_since IS 'From when on reader_changes has all of them.';

ALTER TABLE reader_changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE reader_changes FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON reader_changes TO :"eddy" USING (ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid))
	WITH CHECK (ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid));
CREATE POLICY maintenance ON reader_changes TO :"maint" USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON reader_changes TO :"eddy";
GRANT SELECT, INSERT, UPDATE, DELETE ON reader_changes TO :"maint";

CREATE FUNCTION reader_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = eddy, pg_temp
AS $$
BEGIN
	CASE TG_TABLE_NAME
	WHEN 'places' THEN
		INSERT INTO reader_changes (ws, kind, subject, level, flag) VALUES (OLD.ws, 1, OLD.id, OLD.visibility, OLD.member);
	WHEN 'people' THEN
		INSERT INTO reader_changes (ws, kind, subject, flag, person_id) VALUES (OLD.ws, 2, OLD.id, OLD.guest, OLD.user_id);
	WHEN 'threads' THEN -- the rule asks it of direct conversations alone
		INSERT INTO reader_changes (ws, kind, subject, flag, person_id) SELECT OLD.ws, 3, OLD.id, OLD.several, OLD.only_person
			FROM places p WHERE p.ws = OLD.ws AND p.id = OLD.place_id AND p.visibility = 1;
	ELSE
		INSERT INTO reader_changes (ws, kind, subject, level, adapter) VALUES (OLD.ws, 4, OLD.person_id, OLD.verified, OLD.adapter);
	END CASE;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION reader_change IS 'Keeps what a row said of readers before it changed.';
CREATE TRIGGER reader_change AFTER UPDATE OF visibility, member ON places FOR EACH ROW
	WHEN (OLD.visibility IS DISTINCT FROM NEW.visibility OR OLD.member IS DISTINCT FROM NEW.member) EXECUTE FUNCTION reader_change();
CREATE TRIGGER reader_change AFTER UPDATE OF guest, user_id ON people FOR EACH ROW
	WHEN (OLD.guest IS DISTINCT FROM NEW.guest OR OLD.user_id IS DISTINCT FROM NEW.user_id) EXECUTE FUNCTION reader_change();
CREATE TRIGGER reader_change AFTER UPDATE OF several, only_person ON threads FOR EACH ROW
	WHEN (OLD.several IS DISTINCT FROM NEW.several OR OLD.only_person IS DISTINCT FROM NEW.only_person) EXECUTE FUNCTION reader_change();
CREATE TRIGGER reader_change AFTER UPDATE OF verified ON identities FOR EACH ROW
	WHEN (OLD.verified IS DISTINCT FROM NEW.verified) EXECUTE FUNCTION reader_change();

-- The rule itself, asked in the world of then: what has changed since is put back in a transaction of its own inside this one, and that is undone.
CREATE FUNCTION may_have_said(run uuid, read uuid[]) RETURNS boolean
LANGUAGE plpgsql
SET search_path = eddy, pg_temp
SET lock_timeout = '3s'
AS $$
DECLARE
	tenant uuid := nullif(current_setting('app.ws', true), '')::uuid;
	r record;
	around uuid[];
	people_of uuid[];
	said boolean;
BEGIN
	SELECT x.person_id, coalesce(x.finished_at, x.created_at) AS at, t.place_id INTO r FROM runs x JOIN threads t ON t.ws = x.ws AND t.id = x.thread_id
		WHERE x.ws = tenant AND x.id = run;
	IF r.person_id IS NULL OR r.at < (SELECT w.readers_since FROM workspaces w WHERE w.ws = tenant) THEN
		RETURN NULL;
	END IF;
	around := r.place_id || ARRAY(SELECT a.subject FROM audiences a WHERE a.ws = tenant AND a.id = ANY (read) AND a.kind = 1);
	people_of := ARRAY(SELECT u.id FROM same_user(r.person_id) u (id));
	people_of := people_of || ARRAY(SELECT c.person_id FROM reader_changes c WHERE c.ws = tenant AND c.at > r.at AND c.kind = 2
		AND c.subject = ANY (people_of) AND c.person_id IS NOT NULL);
	people_of := people_of || ARRAY(SELECT c.subject FROM reader_changes c WHERE c.ws = tenant AND c.at > r.at AND c.kind = 2
		AND c.person_id = ANY (people_of));
	IF NOT EXISTS (SELECT 1 FROM reader_changes c WHERE c.ws = tenant AND c.at > r.at AND (c.kind = 3 OR c.subject = ANY (around || people_of)))
		AND NOT EXISTS (SELECT 1 FROM place_people x WHERE x.ws = tenant AND x.place_id = ANY (around) AND x.since > r.at)
		AND NOT EXISTS (SELECT 1 FROM threads t JOIN places p ON p.ws = t.ws AND p.id = t.place_id AND p.visibility = 1
			WHERE t.ws = tenant AND t.created_at > r.at AND t.place_id = ANY (around)) THEN
		RETURN coalesce(may_still_say(run, read), false);
	END IF;
	BEGIN
		UPDATE places p SET visibility = c.level, member = c.flag FROM (SELECT DISTINCT ON (x.subject) x.* FROM reader_changes x
			WHERE x.ws = tenant AND x.at > r.at AND x.kind = 1 AND x.subject = ANY (around) ORDER BY x.subject, x.at) c
			WHERE p.ws = tenant AND p.id = c.subject;
		UPDATE people p SET guest = c.flag, user_id = c.person_id FROM (SELECT DISTINCT ON (x.subject) x.* FROM reader_changes x
			WHERE x.ws = tenant AND x.at > r.at AND x.kind = 2 AND x.subject = ANY (people_of) ORDER BY x.subject, x.at) c
			WHERE p.ws = tenant AND p.id = c.subject;
		UPDATE threads t SET several = c.flag, only_person = c.person_id FROM (SELECT DISTINCT ON (x.subject) x.* FROM reader_changes x
			WHERE x.ws = tenant AND x.at > r.at AND x.kind = 3 ORDER BY x.subject, x.at) c
			WHERE t.ws = tenant AND t.id = c.subject AND t.place_id = ANY (around);
		-- What began later was nobody's then.
		UPDATE threads t SET several = false, only_person = r.person_id FROM places p
			WHERE t.ws = tenant AND t.created_at > r.at AND t.place_id = ANY (around) AND p.ws = tenant AND p.id = t.place_id AND p.visibility = 1;
		UPDATE identities i SET verified = c.level FROM (SELECT DISTINCT ON (x.subject, x.adapter) x.* FROM reader_changes x
			WHERE x.ws = tenant AND x.at > r.at AND x.kind = 4 AND x.subject = ANY (people_of) ORDER BY x.subject, x.adapter, x.at) c
			WHERE i.ws = tenant AND i.person_id = c.subject AND i.adapter = c.adapter;
		DELETE FROM place_people x WHERE x.ws = tenant AND x.place_id = ANY (around) AND x.since > r.at;
		said := coalesce(may_still_say(run, read), false);
		RAISE EXCEPTION USING ERRCODE = 'ZZ042';
	EXCEPTION WHEN SQLSTATE 'ZZ042' THEN
		RETURN said;
	END;
END $$;
COMMENT ON FUNCTION may_have_said IS
	'Whether the rule of now allows a run to answer from these audiences, with the readers as they were when it ended. NULL: those are not known any more. Changes nothing.';
REVOKE EXECUTE ON FUNCTION reader_change, may_have_said FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reader_change, may_have_said TO :"eddy", :"maint";
