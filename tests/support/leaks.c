/* A word that was planted, in every column of every table. */
#include "leaks.h"

#include <stdio.h>
#include <stdlib.h>

#include "db.h"

static const char looker[] =
    "CREATE OR REPLACE FUNCTION public.leaks(word text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE t record; n bigint; said text := ''; BEGIN"
    " FOR t IN SELECT c.oid::regclass AS name FROM pg_class c WHERE c.relnamespace = 'eddy'::regnamespace AND c.relkind = 'r' LOOP"
    " EXECUTE format('SELECT count(*) FROM %s x WHERE strpos(lower(x::text), lower($1)) > 0 OR strpos(x::text,"
    " encode(convert_to($1, ''UTF8''), ''hex'')) > 0', t.name) INTO n USING word;"
    " IF n > 0 THEN said := said || t.name || ' ' || n || '; '; END IF; END LOOP; RETURN said; END $$";

const char *leaks(const char *word)
{
	char sql[200];
	if (!test_db_exec(looker))
		abort();
	snprintf(sql, sizeof(sql), "SELECT public.leaks('%s')", word);
	return test_db_value(sql);
}
