-- Legal holds: what they cover is put apart when it is erased, out of everybody's sight, and goes when they end (docs/adr/102-legal-holds.md).

CREATE TABLE holds (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	id uuid NOT NULL,
	kind smallint NOT NULL CHECK (kind BETWEEN 1 AND 4),
	subjects uuid[] NOT NULL,
	reason text NOT NULL,
	placed_by uuid,
	placed_at timestamptz NOT NULL DEFAULT now(),
	end_asked_by uuid,
	end_asked_at timestamptz,
	ended_by uuid,
	ended_at timestamptz,
	FOREIGN KEY (ws, placed_by) REFERENCES people (ws, id),
	FOREIGN KEY (ws, end_asked_by) REFERENCES people (ws, id),
	FOREIGN KEY (ws, ended_by) REFERENCES people (ws, id)
);
ALTER TABLE holds ALTER reason SET STATISTICS 0;
CREATE INDEX holds_stand ON holds (ws) WHERE ended_at IS NULL;
ALTER TABLE holds ADD PRIMARY KEY (ws, id);

CREATE TABLE held_rows (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	id uuid NOT NULL DEFAULT gen_random_uuid(),
	of_table text NOT NULL,
	row_id uuid,
	content jsonb NOT NULL,
	persons uuid[] NOT NULL,
	thread_id uuid,
	place_id uuid,
	erasure_id uuid,
	at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE held_rows ALTER content SET STATISTICS 0;
CREATE INDEX held_rows_row ON held_rows (ws, row_id);
ALTER TABLE held_rows ADD PRIMARY KEY (ws, id);

COMMENT ON TABLE holds IS 'Legal holds: while one stands nothing that it covers is erased for good.';
COMMENT ON COLUMN holds.ws IS 'The tenant.';
COMMENT ON COLUMN holds.id IS 'Named by the call that placed it.';
COMMENT ON COLUMN holds.kind IS 'enum hold_kind: 1 a person, 2 a thread, 3 a place, 4 the workspace.';
COMMENT ON COLUMN holds.subjects IS 'Which: of a person all accounts that were linked then.';
COMMENT ON COLUMN holds.reason IS 'Why, for admins alone.';
COMMENT ON COLUMN holds.placed_by IS 'Who placed it; NULL: the terminal or a key, or erased.';
COMMENT ON COLUMN holds.placed_at IS 'When.';
COMMENT ON COLUMN holds.end_asked_by IS 'Who wants it ended, where that takes two.';
COMMENT ON COLUMN holds.end_asked_at IS 'When; NULL: nobody has asked.';
COMMENT ON COLUMN holds.ended_by IS 'Who ended it.';
COMMENT ON COLUMN holds.ended_at IS 'When; NULL: it stands.';
COMMENT ON TABLE held_rows IS 'What was erased or changed under a hold, as it was. Nothing that answers, searches or exports reads it.';
COMMENT ON COLUMN held_rows.ws IS 'The tenant.';
COMMENT ON COLUMN held_rows.id IS 'Random.';
COMMENT ON COLUMN held_rows.of_table IS 'Where the row was.';
COMMENT ON COLUMN held_rows.row_id IS 'Its id there, or that of the message that it was about.';
COMMENT ON COLUMN held_rows.content IS 'The row.';
COMMENT ON COLUMN held_rows.persons IS 'Whose it is: who wrote it, for whom it was said, who is being erased with it.';
COMMENT ON COLUMN held_rows.thread_id IS 'In which thread it was.';
COMMENT ON COLUMN held_rows.place_id IS 'In which place.';
COMMENT ON COLUMN held_rows.erasure_id IS 'Which erasure has taken it; NULL: it was deleted or changed where it was said.';
COMMENT ON COLUMN held_rows.at IS 'When.';
COMMENT ON COLUMN erasures.state IS '1 at work, 2 done, 3 waits for a hold to end.';

DO $$
DECLARE
	tenant CONSTANT text := '(ws = (SELECT nullif(current_setting(''app.ws'', true), '''')::uuid))';
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['holds', 'held_rows'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY tenant ON %I TO :"eddy" USING %s WITH CHECK %s', t, tenant, tenant);
		EXECUTE format('CREATE POLICY maintenance ON %I TO :"maint" USING (true) WITH CHECK (true)', t);
	END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE ON holds TO :"eddy";
GRANT SELECT, INSERT, DELETE ON held_rows TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON holds TO :"maint";
GRANT SELECT, INSERT, DELETE ON held_rows TO :"maint";

CREATE FUNCTION hold_covers(tenant uuid, persons uuid[], thread uuid, place uuid) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = eddy, pg_temp
AS $$
	SELECT EXISTS (SELECT 1 FROM holds h WHERE h.ws = tenant AND h.ended_at IS NULL AND CASE h.kind WHEN 1 THEN h.subjects && persons
		WHEN 2 THEN thread = ANY (h.subjects) WHEN 3 THEN place = ANY (h.subjects) ELSE true END)
$$;
COMMENT ON FUNCTION hold_covers IS 'Whether a hold stands over what these persons have, or what is in that thread or place.';

-- Whatever takes words away, or puts others in their place, comes by here.
CREATE FUNCTION hold_keep() RETURNS trigger
LANGUAGE plpgsql
SET search_path = eddy, pg_temp
AS $$
DECLARE
	o jsonb;
	whose uuid[];
	message uuid;
	run uuid;
	thread uuid;
	place uuid;
	row_id uuid;
	of_what text := TG_TABLE_NAME;
BEGIN
	IF NOT EXISTS (SELECT 1 FROM holds h WHERE h.ws = OLD.ws AND h.ended_at IS NULL) THEN
		RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
	END IF;
	o := to_jsonb(OLD) - 'search';
	message := (o->>'message_id')::uuid;
	IF of_what = 'context_sources' THEN
		-- A note loses its source before it goes itself, in the same statement: it is kept by its source.
		of_what := 'context_items';
		SELECT to_jsonb(i) - 'search' INTO o FROM context_items i WHERE i.ws = OLD.ws AND i.id = (o->>'item_id')::uuid;
		IF o IS NULL THEN
			RETURN OLD;
		END IF;
	END IF;
	row_id := coalesce(o->>'message_id', o->>'run_id', o->>'id')::uuid;
	IF of_what IN ('messages', 'context_items') THEN
		row_id := (o->>'id')::uuid;
	END IF;
	-- Who has to do with it, and where it was.
	thread := (o->>'thread_id')::uuid;
	run := (o->>'run_id')::uuid;
	IF of_what = 'resolutions' THEN
		SELECT f.thread_id INTO thread FROM forks f WHERE f.ws = OLD.ws AND f.id = (o->>'fork_id')::uuid;
	ELSIF message IS NOT NULL THEN
		SELECT ARRAY[m.author_id], m.thread_id INTO whose, thread FROM messages m WHERE m.ws = OLD.ws AND m.id = message;
	END IF;
	IF run IS NOT NULL THEN
		SELECT coalesce(whose, '{}') || r.person_id, coalesce(thread, r.thread_id) INTO whose, thread FROM runs r WHERE r.ws = OLD.ws AND r.id = run;
	END IF;
	whose := array_remove(coalesce(whose, '{}') || ARRAY[(o->>'author_id')::uuid, (o->>'about_id')::uuid, (o->>'person_id')::uuid,
		nullif(current_setting('app.erasing_of', true), '')::uuid], NULL);
	SELECT t.place_id INTO place FROM threads t WHERE t.ws = OLD.ws AND t.id = thread;
	IF hold_covers(OLD.ws, whose, thread, place) THEN
		INSERT INTO held_rows (ws, of_table, row_id, content, persons, thread_id, place_id, erasure_id)
			VALUES (OLD.ws, of_what, row_id, o, whose, thread, place, nullif(current_setting('app.erasing', true), '')::uuid);
	END IF;
	RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
COMMENT ON FUNCTION hold_keep IS 'Puts a row that is about to lose its words apart, if a hold covers it.';
CREATE TRIGGER hold_keep BEFORE UPDATE OF body, state ON messages FOR EACH ROW
	WHEN (OLD.state <> 2 AND (NEW.state = 2 OR OLD.body IS DISTINCT FROM NEW.body)) EXECUTE FUNCTION hold_keep();
CREATE TRIGGER hold_keep BEFORE UPDATE OF body, headline ON resolutions FOR EACH ROW
	WHEN (OLD.body IS DISTINCT FROM NEW.body OR OLD.headline IS DISTINCT FROM NEW.headline) EXECUTE FUNCTION hold_keep();
CREATE TRIGGER hold_keep BEFORE DELETE ON context_sources FOR EACH ROW EXECUTE FUNCTION hold_keep();
CREATE TRIGGER hold_keep BEFORE DELETE ON context_items FOR EACH ROW EXECUTE FUNCTION hold_keep();
CREATE TRIGGER hold_keep BEFORE DELETE ON run_steps FOR EACH ROW EXECUTE FUNCTION hold_keep();
CREATE TRIGGER hold_keep BEFORE DELETE ON feedback FOR EACH ROW EXECUTE FUNCTION hold_keep();
CREATE TRIGGER hold_keep BEFORE DELETE ON reactions FOR EACH ROW EXECUTE FUNCTION hold_keep();

-- Does anything that an erasure has taken, or the one it is about, wait for a hold to end?
CREATE FUNCTION hold_keeps(tenant uuid, erasure uuid, what smallint, subject uuid) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = eddy, pg_temp
AS $$
	SELECT what = 3 AND hold_covers(tenant, ARRAY[subject], NULL, NULL)
		OR EXISTS (SELECT 1 FROM held_rows r WHERE r.ws = tenant AND (what <> 3 AND r.erasure_id = erasure OR what = 1 AND r.row_id = subject
			OR what = 2 AND r.thread_id = subject OR what = 3 AND subject = ANY (r.persons)
			AND hold_covers(tenant, r.persons, r.thread_id, r.place_id)))
$$;
COMMENT ON FUNCTION hold_keeps IS 'Whether an erasure has to wait for a hold to end; its id, kind and subject.';
REVOKE EXECUTE ON FUNCTION hold_covers, hold_keep, hold_keeps FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hold_covers, hold_keep, hold_keeps TO :"eddy", :"maint";
