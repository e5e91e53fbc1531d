-- The role of a person at a node, asked with every call of the API: as a function that keeps its plans. What it says is what role_at() of 021 said; in SQL
-- it was planned anew at each call, which took longer than all the rest of the call.

CREATE OR REPLACE FUNCTION role_at(person uuid, node uuid) RETURNS smallint
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
