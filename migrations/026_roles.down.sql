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
	implied AS (SELECT max(CASE WHEN mine.bot THEN 0
			WHEN EXISTS (SELECT 1 FROM identities i WHERE i.ws = mine.ws AND i.person_id = mine.id AND i.adapter = 'web' AND i.external_id = 'local') THEN 4
			WHEN mine.guest THEN 1
			WHEN EXISTS (SELECT 1 FROM identities i WHERE i.ws = mine.ws AND i.person_id = mine.id AND i.verified >= 1) THEN 2
			ELSE 0 END) AS role FROM mine)
	SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM up) THEN 0
		WHEN EXISTS (SELECT 1 FROM given) THEN (SELECT max(role) FROM given)
		ELSE coalesce((SELECT role FROM implied), 0) END::smallint
$$;
ALTER FUNCTION role_at(uuid, uuid) RESET plan_cache_mode;
