-- How far apart a workspace's messages lie is judged by most of them: a few lie in gaps elsewhere.
GRANT CREATE ON SCHEMA eddy TO :"search";
SET LOCAL ROLE :"search";
DO $$
DECLARE
	was text := pg_get_functiondef('eddy.search_messages'::regproc);
	becomes text := replace(was, 'coalesce((max(x.at)::text::point)[0] - (min(x.at)::text::point)[0] + 1, 0)::int8',
		'coalesce(1.25 * (percentile_disc(0.9) WITHIN GROUP (ORDER BY (x.at::text::point)[0]) FILTER (WHERE $12 = 500)'
		' - percentile_disc(0.1) WITHIN GROUP (ORDER BY (x.at::text::point)[0]) FILTER (WHERE $12 = 500)) + 1, 0)::int8');
BEGIN
	ASSERT was <> becomes, 'search_messages() is another one';
	EXECUTE becomes;
END $$;
SET LOCAL ROLE :"owner";
REVOKE CREATE ON SCHEMA eddy FROM :"search";
