GRANT CREATE ON SCHEMA eddy TO :"search";
SET LOCAL ROLE :"search";
DO $$
DECLARE
	was text := pg_get_functiondef('eddy.search_messages'::regproc);
	becomes text := replace(was, '1 + length(broad::text) - length(replace(broad::text, ''&'', ''''))', '(numnode(broad) + 1) / 2');
BEGIN
	ASSERT was <> becomes, 'search_messages() is another one';
	EXECUTE becomes;
END $$;
SET LOCAL ROLE :"owner";
REVOKE CREATE ON SCHEMA eddy FROM :"search";
