-- Search that costs the same for rare and for frequent words; messages by their moment, by reader and by author.

CREATE INDEX messages_recent ON messages (ws, created_at);
-- Messages lie in the table in the order in which they were stored: which pages can hold a span of time is said in a few hundred entries.
CREATE INDEX messages_when ON messages USING brin (created_at) WITH (pages_per_range = 32, autosummarize = on);
DROP INDEX messages_search;
CREATE INDEX messages_search ON messages USING gin (ws, audience_id, author_id, search) WITH (gin_pending_list_limit = 4096);
CREATE INDEX threads_person ON threads (ws, only_person);

DROP FUNCTION search_messages;
GRANT CREATE ON SCHEMA eddy TO :"search";
SET LOCAL ROLE :"search";
-- The newest 500 messages of the workspace are looked at one by one: that settles frequent words, for which an index gives tens of thousands
-- of rows. Where it does not, either the walk goes on or the index takes over, whichever costs less; the index is asked about a span of time that should
-- hold a few hundred matches, and about earlier ones while there are too few. What was not looked at is said: edge.
CREATE FUNCTION search_messages(words text, exactly text, audiences uuid[], few boolean, thread uuid, authors uuid[], kinds smallint[],
	has integer, after timestamptz, before timestamptz, not_thread uuid, not_from bigint, ordering integer, lim integer, skip integer)
RETURNS TABLE (ids uuid[], ranks real[], total integer, edge timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 1
SET search_path = eddy, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET jit = off
AS $$
#variable_conflict use_variable
DECLARE
	WALK CONSTANT integer := 500;       -- rows of the first look
	ENOUGH CONSTANT integer := 150;     -- matches that are worth ranking
	CANDIDATES CONSTANT integer := 400; -- rows read through the index, about
	AT_MOST CONSTANT integer := 2500;   -- and never more in one slice
	tenant uuid := nullif(current_setting('app.ws', true), '')::uuid;
	broad tsquery := to_tsquery('eddy.plain', words);
	query tsquery := to_tsquery('eddy.plain', exactly);
	newest boolean := ordering <> 2;
	from_index boolean;
	row_sql text;
	walk_sql text;
	slice_sql text;
	lo timestamptz;
	hi timestamptz;
	first timestamptz;
	last timestamptz;
	t0 timestamptz;
	t1 timestamptz;
	seen integer;
	cand integer;
	cand_all integer := 0;
	blocks bigint;
	n integer;
	more_ids uuid[];
	more_ranks real[];
	more_at timestamptz[];
	all_ids uuid[] := '{}';
	all_ranks real[] := '{}';
	all_at timestamptz[] := '{}';
	tuples double precision;
	pages double precision;
	per_row double precision;
	density double precision;
	share double precision;
	further double precision;
	operands integer;
	span interval;
BEGIN
	IF tenant IS NULL OR coalesce(cardinality(audiences), 0) = 0 OR numnode(query) = 0 AND exactly <> '' THEN
		RETURN QUERY SELECT '{}'::uuid[], '{}'::real[], 0, NULL::timestamptz;
		RETURN;
	END IF;
	IF numnode(broad) = 0 THEN broad := NULL; END IF;
	IF numnode(query) = 0 THEN query := NULL; END IF;
	from_index := broad IS NOT NULL OR few OR authors IS NOT NULL;
	-- $1 tenant, $2 broad, $3 query, $4 audiences, $5 few, $6 authors, $7 kinds, $8 has, $9 thread, $10 not_thread, $11 not_from, $12 rows, $13 lo, $14 hi
	row_sql := 'SELECT count(*)::int, count(*) FILTER (WHERE x.cand)::int, min(x.created_at), max(x.created_at),'
		' coalesce(1.25 * (percentile_disc(0.9) WITHIN GROUP (ORDER BY (x.at::text::point)[0]) FILTER (WHERE $12 = 500)'
		' - percentile_disc(0.1) WITHIN GROUP (ORDER BY (x.at::text::point)[0]) FILTER (WHERE $12 = 500)) + 1, 0)::int8,'
		' coalesce(array_agg(x.id) FILTER (WHERE x.hit), ''{}''), coalesce(array_agg(x.created_at) FILTER (WHERE x.hit), ''{}''),'
		' coalesce(array_agg(CASE WHEN $3 IS NULL THEN 0 ELSE ts_rank(x.search, $3)'
		' * CASE WHEN x.body ~ ''[?？]\s*$'' THEN 0.5 ELSE 1 END * CASE WHEN x.body ~* ''^\s*search\s'' THEN 0.1 ELSE 1 END END::real) FILTER (WHERE x.hit), ''{}'')'
		' FROM (SELECT m.*, m.cand AND m.state <> 2 AND m.audience_id = ANY ($4) AND m.author_kind = ANY ($7)'
		' AND ($3 IS NULL OR m.search @@ $3) AND ($9 IS NULL OR m.thread_id = $9)'
		' AND NOT ($11 > 0 AND m.thread_id = $10 AND m.seq >= $11)'
		' AND CASE $8 WHEN 0 THEN true WHEN 1 THEN (strpos(m.body, ''://'') > 0 OR strpos(m.body, ''mailto:'') > 0) AND m.body ~* ''(https?://|mailto:)'''
		' WHEN 2 THEN m.files IS NOT NULL WHEN 3 THEN m.body ~ ''[0-9]'' WHEN 4 THEN m.body ~ ''[?？]'' WHEN 5 THEN m.body ~ ''[?？]'' AND NOT EXISTS ('
		' SELECT 1 FROM messages later WHERE later.ws = $1 AND later.thread_id = m.thread_id AND later.seq > m.seq AND later.state <> 2'
		' AND later.author_id IS DISTINCT FROM m.author_id) ELSE true END AS hit'
		' FROM (SELECT r.id, r.thread_id, r.seq, r.author_id, r.author_kind, r.state, r.body, r.files, r.audience_id, r.created_at, r.search, r.ctid AS at,'
		' ($2 IS NULL OR r.search @@ $2) AND (NOT $5 OR r.audience_id = ANY ($4)) AND ($6 IS NULL OR r.author_id = ANY ($6)) AS cand'
		' FROM (%s) r) m) x';
	IF thread IS NOT NULL THEN
		EXECUTE format(row_sql, 'SELECT *, ctid FROM messages WHERE ws = $1 AND thread_id = $9 AND created_at >= $13 AND created_at < $14'
				' ORDER BY seq ' || CASE WHEN newest THEN 'DESC' ELSE 'ASC' END || ' LIMIT $12')
			INTO seen, cand, t0, t1, blocks, all_ids, all_at, all_ranks
			USING tenant, broad, query, audiences, few, authors, kinds, has, thread, not_thread, not_from, 5000,
				coalesce(after, '-infinity'), coalesce(before, 'infinity');
		IF seen = 5000 THEN edge := CASE WHEN newest THEN t0 ELSE t1 END; END IF;
	ELSE
		lo := coalesce(after, '-infinity');
		hi := coalesce(before, 'infinity');
		walk_sql := format(row_sql, 'SELECT *, ctid FROM messages WHERE ws = $1 AND created_at >= $13 AND created_at < $14'
			' ORDER BY created_at ' || CASE WHEN newest THEN 'DESC' ELSE 'ASC' END || ' LIMIT $12');
		EXECUTE walk_sql INTO seen, cand, t0, t1, blocks, all_ids, all_at, all_ranks
			USING tenant, broad, query, audiences, few, authors, kinds, has, thread, not_thread, not_from, WALK, lo, hi;
		cand_all := cand;
		IF seen = WALK AND cardinality(all_ids) < ENOUGH THEN
			-- What it costs, in microseconds, to walk on to enough matches, and to have the index say where they are. A row costs
			-- its page where the tenant's messages lie far apart. The index reads the shortest of its lists and looks the others up: of the
			-- rarest word in all tenants (of several words known together, each is more frequent than they are: the root is a guess), or of
			-- all messages of this one.
			SELECT greatest(c.reltuples, 1000), greatest(c.relpages, 1) INTO tuples, pages FROM pg_catalog.pg_class c
				WHERE c.oid = 'eddy.messages'::regclass;
			per_row := 1.3 + 4 * least(1, blocks::double precision / WALK);
			density := (cand + 1)::double precision / WALK;
			share := least(1, WALK / greatest(1, blocks * tuples / pages));
			further := (ENOUGH - cardinality(all_ids)) * WALK / (cardinality(all_ids) + 0.5);
			operands := CASE WHEN few OR authors IS NOT NULL OR broad IS NULL THEN 1 ELSE 1 + length(broad::text) - length(replace(broad::text, '&', '')) END;
			IF from_index AND least(power(density, 1.0 / operands), share) * tuples * 0.15 < least(further * per_row, 20000) THEN
				further := 0;
			END IF;
			further := least(further, 6000 / per_row);
			-- Messages of one transaction share their moment, and the walk may have ended among them: that moment is looked at again.
			IF newest THEN hi := t0 + interval '1 microsecond'; ELSE lo := t1; END IF;
			IF further >= 1 THEN
				EXECUTE walk_sql INTO n, cand, t0, t1, blocks, more_ids, more_at, more_ranks
					USING tenant, broad, query, audiences, few, authors, kinds, has, thread, not_thread, not_from, further::integer, lo, hi;
				all_ids := all_ids || more_ids; all_at := all_at || more_at; all_ranks := all_ranks || more_ranks;
				IF n = further::integer THEN edge := CASE WHEN newest THEN t0 ELSE t1 END; END IF;
			ELSE
				-- Readers and authors are of this tenant alone and few: the long list of all its messages is not read beside theirs.
				slice_sql := format(row_sql, 'SELECT *, ctid FROM messages WHERE created_at >= $13 AND created_at < $14 AND '
					|| CASE WHEN few OR authors IS NOT NULL THEN '(ws = $1) IS TRUE' ELSE 'ws = $1' END
					|| CASE WHEN broad IS NOT NULL THEN ' AND search @@ $2' ELSE '' END
					|| CASE WHEN few THEN ' AND audience_id = ANY ($4)' ELSE '' END
					|| CASE WHEN authors IS NOT NULL THEN ' AND author_id = ANY ($6)' ELSE '' END || ' LIMIT $12');
				SELECT min(m.created_at), max(m.created_at) INTO first, last FROM messages m WHERE m.ws = tenant;
				-- So few in all that one question settles it: a slice of time saves rows of the table, not of the index.
				IF density * share * tuples <= AT_MOST / 2 THEN
					span := interval '500 years';
				ELSE
					span := least(greatest((t1 - t0) * (CANDIDATES / density / WALK), interval '1 millisecond'), interval '500 years');
				END IF;
				t0 := CASE WHEN newest THEN hi ELSE lo END;
				FOR i IN 1..6 LOOP
					IF newest THEN t1 := greatest(t0 - span, lo, first); ELSE t1 := least(t0 + span, hi, last + interval '1 microsecond'); END IF;
					EXECUTE slice_sql INTO n, cand, edge, edge, blocks, more_ids, more_at, more_ranks
						USING tenant, broad, query, audiences, few, authors, kinds, has, thread, not_thread, not_from, AT_MOST,
							least(t0, t1), greatest(t0, t1);
					edge := NULL;
					IF n = AT_MOST THEN
						span := span / 8; -- more than thought: less of it
						CONTINUE;
					END IF;
					all_ids := all_ids || more_ids; all_at := all_at || more_at; all_ranks := all_ranks || more_ranks;
					cand_all := cand_all + cand;
					t0 := t1;
					IF newest AND t1 <= greatest(lo, first) OR NOT newest AND t1 >= least(hi, last) THEN
						t0 := NULL; -- all of it
						EXIT;
					END IF;
					EXIT WHEN cardinality(all_ids) >= ENOUGH OR cand_all >= CANDIDATES;
					span := least(span * 8, interval '500 years');
				END LOOP;
				edge := t0;
			END IF;
		ELSIF seen = WALK THEN
			edge := CASE WHEN newest THEN t0 ELSE t1 END;
		END IF;
	END IF;
	RETURN QUERY SELECT coalesce(array_agg(y.id ORDER BY y.n) FILTER (WHERE y.n > skip AND y.n <= skip + lim), '{}'),
		coalesce(array_agg(y.rank ORDER BY y.n) FILTER (WHERE y.n > skip AND y.n <= skip + lim), '{}'), count(*)::integer, edge
		FROM (SELECT u.id, u.rank, row_number() OVER (ORDER BY CASE WHEN ordering = 0 THEN u.rank END DESC,
				CASE WHEN ordering = 2 THEN u.at END, u.at DESC, u.id) AS n
			FROM (SELECT DISTINCT x.id, x.rank, x.at FROM unnest(all_ids, all_ranks, all_at) AS x (id, rank, at)) u) y;
END $$;
COMMENT ON FUNCTION search_messages IS
	'Messages of the transaction''s workspace that match and belong to one of the given audiences: ids of a page in order, how many there are, and '
	'from which moment on nothing was looked at (NULL: all was). words is what an index can answer, exactly the whole query. Owned by the search '
	'role; filters workspace and audience itself.';
REVOKE EXECUTE ON FUNCTION search_messages FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_messages TO :"eddy";
SET LOCAL ROLE :"owner";
REVOKE CREATE ON SCHEMA eddy FROM :"search";
