-- Forms of a word are alternatives: only words that all have to be there are rarer together than each of them.
GRANT CREATE ON SCHEMA eddy TO :"search";
SET LOCAL ROLE :"search";
DO $$
DECLARE
	was text := pg_get_functiondef('eddy.search_messages'::regproc);
	becomes text := replace(was, '(numnode(broad) + 1) / 2', '1 + length(broad::text) - length(replace(broad::text, ''&'', ''''))');
BEGIN
	ASSERT was <> becomes, 'search_messages() is another one';
	EXECUTE becomes;
END $$;
SET LOCAL ROLE :"owner";
REVOKE CREATE ON SCHEMA eddy FROM :"search";
