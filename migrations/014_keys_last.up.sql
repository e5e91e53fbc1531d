-- Of plans that look equally good, as all do while a table is empty, the planner takes the newest index (001): primary keys come last again, after
-- the indexes that were added since. What refers to them is dropped and made anew.

DO $$
DECLARE
	t regclass;
	f record;
	key text;
	made text[];
	again text;
BEGIN
	FOREACH t IN ARRAY ARRAY['threads', 'messages', 'outbox']::regclass[] LOOP
		made := '{}';
		FOR f IN SELECT conrelid::regclass AS rel, conname, pg_get_constraintdef(oid) AS def FROM pg_constraint
			WHERE confrelid = t AND contype = 'f' ORDER BY oid LOOP
			made := made || format('ALTER TABLE %s ADD CONSTRAINT %I %s', f.rel, f.conname, f.def);
			EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', f.rel, f.conname);
		END LOOP;
		SELECT conname INTO key FROM pg_constraint WHERE conrelid = t AND contype = 'p';
		EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', t, key);
		EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I PRIMARY KEY (ws, id)', t, key);
		FOREACH again IN ARRAY made LOOP
			EXECUTE again;
		END LOOP;
	END LOOP;
END $$;
