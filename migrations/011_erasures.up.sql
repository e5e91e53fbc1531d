-- Deleted messages, erased threads, forgotten people: what there is still to do until nothing of them is left (docs/adr/073-erasure.md).

CREATE TABLE erasures (
	ws uuid NOT NULL REFERENCES workspaces (ws),
	id uuid NOT NULL,
	kind smallint NOT NULL,
	subject uuid,
	run_id uuid,
	message_id uuid,
	state smallint NOT NULL DEFAULT 1,
	step integer NOT NULL DEFAULT 0,
	cursor uuid,
	since timestamptz NOT NULL DEFAULT now(),
	names text[],
	places uuid[],
	messages integer NOT NULL DEFAULT 0,
	answers integer NOT NULL DEFAULT 0,
	items integer NOT NULL DEFAULT 0,
	threads integer NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT now(),
	done_at timestamptz,
	purged_at timestamptz,
	PRIMARY KEY (ws, id)
);
CREATE INDEX erasures_open ON erasures (ws, created_at) WHERE state = 1;
CREATE INDEX erasures_unpurged ON erasures (done_at) WHERE purged_at IS NULL;

CREATE TABLE erasure_words (
	ws uuid NOT NULL,
	erasure_id uuid NOT NULL,
	word text NOT NULL,
	seen boolean NOT NULL DEFAULT false,
	PRIMARY KEY (ws, erasure_id, word),
	FOREIGN KEY (ws, erasure_id) REFERENCES erasures (ws, id) ON DELETE CASCADE
);
ALTER TABLE erasures ALTER names SET STATISTICS 0;
ALTER TABLE erasure_words ALTER word SET STATISTICS 0;

CREATE INDEX messages_whole ON messages (ws, id) WHERE whole IS NOT NULL;

-- What people wrote does not belong into the planner's samples: they lie in files of their own.
ALTER TABLE people ALTER name SET STATISTICS 0;
ALTER TABLE threads ALTER title SET STATISTICS 0;
ALTER TABLE outbox ALTER body SET STATISTICS 0, ALTER origin SET STATISTICS 0;
ALTER TABLE runs ALTER origin SET STATISTICS 0;
ALTER TABLE run_steps ALTER body SET STATISTICS 0;
ALTER TABLE forks ALTER topic SET STATISTICS 0, ALTER parent_origin SET STATISTICS 0, ALTER origin SET STATISTICS 0;
ALTER TABLE resolutions ALTER headline SET STATISTICS 0, ALTER body SET STATISTICS 0;
ALTER TABLE summaries ALTER body SET STATISTICS 0;
ALTER TABLE context_items ALTER tags SET STATISTICS 0;
ALTER TABLE sessions ALTER name SET STATISTICS 0;
ALTER TABLE login_codes ALTER name SET STATISTICS 0, ALTER subject SET STATISTICS 0;
ALTER TABLE feedback ALTER reason SET STATISTICS 0;
ALTER TABLE places ALTER name SET STATISTICS 0;
ALTER TABLE stops ALTER detail SET STATISTICS 0;

COMMENT ON TABLE erasures IS 'What was or is to be erased. Rows stay as ids and numbers.';
COMMENT ON COLUMN erasures.ws IS 'The tenant.';
COMMENT ON COLUMN erasures.id IS 'Of a deleted message its own id, else computed from what asked for it.';
COMMENT ON COLUMN erasures.kind IS '1 a deleted message, 2 a thread, 3 a person; 4 an edited message that side threads quote: such a row goes when they follow.';
COMMENT ON COLUMN erasures.subject IS 'Which message, thread or person; NULL once a person is forgotten.';
COMMENT ON COLUMN erasures.run_id IS 'Of a person: the run whose answer is the receipt.';
COMMENT ON COLUMN erasures.message_id IS 'The message that this run answers; it goes last.';
COMMENT ON COLUMN erasures.state IS '1 at work, 2 done.';
COMMENT ON COLUMN erasures.step IS 'How far the work is (core/memory/forget.c).';
COMMENT ON COLUMN erasures.cursor IS 'How far the step is: the last row looked at.';
COMMENT ON COLUMN erasures.since IS 'When the first of it was written: what Eddy said before cannot come from it.';
COMMENT ON COLUMN erasures.names IS 'How adapters name the person; NULL: nobody, or done.';
COMMENT ON COLUMN erasures.places IS 'Places that were of this person alone; NULL: none, or done.';
COMMENT ON COLUMN erasures.messages IS 'Messages erased.';
COMMENT ON COLUMN erasures.answers IS 'What Eddy said that came from them, erased.';
COMMENT ON COLUMN erasures.items IS 'Context items, summaries and lines of resolutions erased.';
COMMENT ON COLUMN erasures.threads IS 'Threads that it was about.';
COMMENT ON COLUMN erasures.created_at IS 'When it was asked for.';
COMMENT ON COLUMN erasures.done_at IS 'Since when no row holds any of it.';
COMMENT ON COLUMN erasures.purged_at IS 'Since when no file of the private cluster does.';
COMMENT ON TABLE erasure_words IS 'The words of what is being erased, while it is: by them what Eddy said with them is found.';
COMMENT ON COLUMN erasure_words.ws IS 'The tenant.';
COMMENT ON COLUMN erasure_words.erasure_id IS 'Of which erasure.';
COMMENT ON COLUMN erasure_words.word IS 'As messages.search has it.';
COMMENT ON COLUMN erasure_words.seen IS 'Looked for among what others have written, and not found there.';

DO $$
DECLARE
	tenant CONSTANT text := '(ws = (SELECT nullif(current_setting(''app.ws'', true), '''')::uuid))';
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['erasures', 'erasure_words'] LOOP
		EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
		EXECUTE format('CREATE POLICY tenant ON %I TO :"eddy" USING %s WITH CHECK %s', t, tenant, tenant);
		EXECUTE format('CREATE POLICY maintenance ON %I TO :"maint" USING (true) WITH CHECK (true)', t);
	END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON erasures, erasure_words TO :"eddy";
GRANT SELECT, UPDATE, DELETE ON erasures, erasure_words TO :"maint";
-- Forgetting somebody takes the row that ties a name to a person away.
GRANT DELETE ON identities TO :"eddy";

CREATE POLICY search ON erasures FOR SELECT TO :"search" USING (true);
GRANT SELECT ON erasures TO :"search";
GRANT CREATE ON SCHEMA eddy TO :"search";
SET LOCAL ROLE :"search";
CREATE FUNCTION search_erasures() RETURNS TABLE (tenant uuid, at_work bigint, unpurged bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = eddy, pg_temp
AS $$ SELECT ws, count(*) FILTER (WHERE state = 1), count(*) FILTER (WHERE state = 2) FROM erasures WHERE purged_at IS NULL GROUP BY ws $$;
COMMENT ON FUNCTION search_erasures IS
	'Workspaces with something that is being erased, or was but not yet from the files: numbers only. Owned by the search role.';

-- One word as a query, whatever is in it.
CREATE FUNCTION search_word(word text) RETURNS tsquery
LANGUAGE sql IMMUTABLE
SET search_path = eddy, pg_temp
AS $$ SELECT ('''' || replace(replace(word, '\', '\\'), '''', '''''') || '''')::tsquery $$;
COMMENT ON FUNCTION search_word IS 'One lexeme as a query.';

CREATE FUNCTION search_any(words text[]) RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE
SET search_path = eddy, pg_temp
AS $$
DECLARE
	q tsquery;
	w text;
BEGIN
	FOREACH w IN ARRAY coalesce(words, '{}') LOOP
		q := CASE WHEN q IS NULL THEN search_word(w) ELSE q || search_word(w) END;
	END LOOP;
	RETURN q;
END $$;
COMMENT ON FUNCTION search_any IS 'Any of the given lexemes as a query; NULL: there are none.';

-- Lines whose every [n] is gone, and lines with such words, are left out.
CREATE FUNCTION search_strip(body text, gone integer[], q tsquery) RETURNS text
LANGUAGE sql STABLE
SET search_path = eddy, pg_temp
AS $$
	SELECT coalesce(string_agg(l.line, E'\n' ORDER BY l.o) FILTER (WHERE NOT coalesce(to_tsvector('eddy.plain', l.line) @@ q, false)
		AND NOT coalesce((SELECT bool_and(m[1]::integer = ANY (gone)) FROM regexp_matches(l.line, '\[(\d{1,9})\]', 'g') m), false)), '')
	FROM regexp_split_to_table(body, E'\n') WITH ORDINALITY AS l (line, o)
$$;
COMMENT ON FUNCTION search_strip IS 'A resolution without the lines that rest on erased messages alone, or have one of those words.';

CREATE FUNCTION search_others(words text[], since timestamptz) RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = eddy, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
AS $$
DECLARE
	tenant uuid := nullif(current_setting('app.ws', true), '')::uuid;
	w text;
	q tsquery;
BEGIN
	FOREACH w IN ARRAY coalesce(words, '{}') LOOP
		q := search_word(w);
		IF EXISTS (SELECT 1 FROM messages m WHERE m.ws = tenant AND m.search @@ q AND m.state <> 2
				AND (m.author_kind <> 2 OR m.created_at < since)) THEN
			RETURN NEXT w;
		END IF;
	END LOOP;
END $$;
COMMENT ON FUNCTION search_others IS
	'Of the given words those that people of the transaction''s workspace use in messages that are left, or that Eddy used before that moment. Owned by the search role.';

CREATE FUNCTION search_echoes(words text[], since timestamptz) RETURNS TABLE (message_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = eddy, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
AS $$
DECLARE
	tenant uuid := nullif(current_setting('app.ws', true), '')::uuid;
	q tsquery := search_any(words);
BEGIN
	IF q IS NULL THEN
		RETURN;
	END IF;
	RETURN QUERY
		SELECT m.id FROM messages m WHERE m.ws = tenant AND m.search @@ q AND m.author_kind = 2 AND m.state <> 2 AND m.created_at >= since
		UNION
		SELECT m.id FROM messages m WHERE m.ws = tenant AND m.whole IS NOT NULL AND m.author_kind = 2 AND m.state <> 2
			AND m.created_at >= since AND to_tsvector('eddy.plain', m.whole) @@ q;
END $$;
COMMENT ON FUNCTION search_echoes IS
	'What Eddy said in the transaction''s workspace since that moment with any of the given words. Owned by the search role.';
REVOKE EXECUTE ON FUNCTION search_erasures, search_others, search_echoes FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_erasures, search_word, search_any, search_strip, search_others, search_echoes TO :"eddy";
SET LOCAL ROLE :"owner";
REVOKE CREATE ON SCHEMA eddy FROM :"search";
CREATE INDEX outbox_bodies ON outbox (ws, id) WHERE body IS NOT NULL;
