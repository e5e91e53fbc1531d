-- Where even the index would read for more than 20 ms, as for two frequent words that are rarely next to each other, the walk says how far it came.
GRANT CREATE ON SCHEMA eddy TO :"search";
SET LOCAL ROLE :"search";
DO $$
DECLARE
	was text := pg_get_functiondef('eddy.search_messages'::regproc);
	lists CONSTANT text := 'least(power(density, 1.0 / operands), share) * tuples * 0.15';
	cheap CONSTANT text := 'IF from_index AND further * per_row > ' || lists || ' THEN';
	bound CONSTANT text := 'IF from_index AND ' || lists || ' < least(further * per_row, 20000) THEN';
	becomes text := replace(was, cheap, bound);
BEGIN
	ASSERT was <> becomes, 'search_messages() is another one';
	EXECUTE becomes;
END $$;
SET LOCAL ROLE :"owner";
REVOKE CREATE ON SCHEMA eddy FROM :"search";
