-- What a run may know: the rule about readers in one place.

-- The rule (docs/authority.md).  An answer is made of what everyone may read who reads the answer, and the asker too:
--
--    1  What was said in the thread that is answered and, for all, in its place.
--    2  A guest: the thread alone.  Who is one the table of people knows; the edge may know more.
--    3  Where outsiders read along, or may (a shared place, one whose kind is unknown): nothing of other places.
--    4  Else public places,
--    5  as long as Eddy is in them.  Private and shared places never: who is in them is not known.
--    6  What one person alone was told counts only where that person alone reads the answer:
--    7  private answers, and
--    8  direct places
--    9  in which nobody else has ever written
--   10  or is named a reader,
--   11  as long as Eddy is in them,
--   12  on the platform that the answer goes to, or on one that vouches for another account of the asker,
--   13  when that platform has vouched for the person.
--
-- "Person" and "asker" are all accounts of one user, and a guest among them makes all of them guests. Nothing of another workspace: row security.  Each condition stands between the number of its rule and a bar; tests take every one of them out, both
-- ways, and have to notice (tests/core/talk/authority_test.c).

-- Without a search path of its own, so that it becomes a part of the statements that ask it.
CREATE FUNCTION own_places(tenant uuid, person uuid) RETURNS SETOF eddy.places
LANGUAGE sql STABLE
AS $$
	SELECT p.* FROM eddy.places p WHERE p.ws = tenant AND /*8*/ p.visibility = 1 /*|*/
		AND /*9*/ p.id IN (SELECT t.place_id FROM eddy.threads t WHERE t.ws = tenant AND t.only_person IN (SELECT eddy.same_user(person))) /*|*/
		AND NOT EXISTS (SELECT 1 FROM eddy.threads t WHERE t.ws = tenant AND t.place_id = p.id
			AND (/*9*/ t.several /*|*/ OR /*9*/ t.only_person NOT IN (SELECT eddy.same_user(person)) /*|*/))
		AND /*10*/ (SELECT count(*) FROM eddy.place_people r WHERE r.ws = tenant AND r.place_id = p.id) <= 1 /*|*/
$$;
COMMENT ON FUNCTION own_places IS
	'Direct places that are this person''s alone: nobody else has ever written there or is named a reader.';

CREATE FUNCTION allowed_audiences(of_thread uuid, at_place uuid, asker uuid, is_guest boolean, alone boolean, own_place boolean)
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
COMMENT ON FUNCTION allowed_audiences IS
	'What an answer in this thread to this asker (NULL: to nobody in particular) may be made of, in the transaction''s workspace: audiences that all '
	'its readers belong to, those that the asker alone reads besides, the place, and for guests the only thread. alone: nobody but the asker reads '
	'the answer. own_place: of_thread may be new, and at_place is the asker''s own page.';

REVOKE EXECUTE ON FUNCTION own_places, allowed_audiences FROM PUBLIC;
GRANT EXECUTE ON FUNCTION own_places, allowed_audiences TO :"eddy", :"maint";
