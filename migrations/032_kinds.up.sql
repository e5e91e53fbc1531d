-- Who is who in one word, places that outsiders read, and when a person has last spoken in a thread.

ALTER TABLE people ADD COLUMN kind smallint NOT NULL DEFAULT 0 CHECK (kind BETWEEN 0 AND 7);
COMMENT ON COLUMN people.kind IS
	'enum person_kind: 0 not said, 1 member, 2 guest, 3 guest of one place, 4 of another organisation, 5 bot, 6 sender whom nobody vouches for, '
	'7 visitor of a page. What it means is in core/people/kind.c; guest and bot follow from it.';

ALTER TABLE places ADD COLUMN allowed_at timestamptz;
COMMENT ON COLUMN places.allowed_at IS
	'Since when Eddy may answer here although outsiders read along; NULL: nobody has said so. Counts for places of platforms that share them; the audit log says who it was.';

CREATE FUNCTION place_closes() RETURNS trigger
LANGUAGE plpgsql
SET search_path = eddy, pg_temp
AS $$
BEGIN
	NEW.allowed_at := NULL;
	RETURN NEW;
END $$;
COMMENT ON FUNCTION place_closes IS 'A place that becomes shared is closed, whatever was said about it before.';
REVOKE EXECUTE ON FUNCTION place_closes FROM PUBLIC;
GRANT EXECUTE ON FUNCTION place_closes TO :"eddy", :"maint";
CREATE TRIGGER place_closes BEFORE UPDATE OF visibility ON places FOR EACH ROW WHEN (NEW.visibility = 3 AND OLD.visibility <> 3)
	EXECUTE FUNCTION place_closes();

ALTER TABLE threads ADD COLUMN human_seq bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN threads.human_seq IS 'The seq of the last message that no bot has written, Eddy included; 0: none. Bots that may ask are heard for a while after it.';
