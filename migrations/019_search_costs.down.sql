GRANT CREATE ON SCHEMA eddy TO :"search";
SET LOCAL ROLE :"search";
CREATE OR REPLACE FUNCTION search_messages(words text, exactly text, audiences uuid[], few boolean, thread uuid, authors uuid[], kinds smallint[],
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
	ENOUGH CONSTANT integer := 200;     -- matches that are worth ranking
	CANDIDATES CONSTANT integer := 600; -- rows read through the index, about
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
		' coalesce((max(x.at)::text::point)[0] - (min(x.at)::text::point)[0] + 1, 0)::int8,'
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
			-- its page where the tenant's messages lie far apart; the index reads the shorter of two lists: of the words in all
			-- tenants, of all words in this one.
			SELECT greatest(c.reltuples, 1000), greatest(c.relpages, 1) INTO tuples, pages FROM pg_catalog.pg_class c
				WHERE c.oid = 'eddy.messages'::regclass;
			per_row := 1.3 + 4 * least(1, blocks::double precision / WALK);
			density := (cand + 1)::double precision / WALK;
			share := least(1, WALK / greatest(1, blocks * tuples / pages));
			further := least((ENOUGH - cardinality(all_ids)) * WALK / (cardinality(all_ids) + 0.5), 8000 / per_row);
			IF from_index AND further * per_row > least(density, share) * tuples * 0.15 THEN
				further := 0;
			END IF;
			-- Messages of one transaction share their moment, and the walk may have ended among them: that moment is looked at again.
			IF newest THEN hi := t0 + interval '1 microsecond'; ELSE lo := t1; END IF;
			IF further >= 1 THEN
				EXECUTE walk_sql INTO n, cand, t0, t1, blocks, more_ids, more_at, more_ranks
					USING tenant, broad, query, audiences, few, authors, kinds, has, thread, not_thread, not_from, further::integer, lo, hi;
				all_ids := all_ids || more_ids; all_at := all_at || more_at; all_ranks := all_ranks || more_ranks;
				IF n = further::integer THEN edge := CASE WHEN newest THEN t0 ELSE t1 END; END IF;
			ELSE
				slice_sql := format(row_sql, 'SELECT *, ctid FROM messages WHERE ws = $1 AND created_at >= $13 AND created_at < $14'
					|| CASE WHEN broad IS NOT NULL THEN ' AND search @@ $2' ELSE '' END
					|| CASE WHEN few THEN ' AND audience_id = ANY ($4)' ELSE '' END
					|| CASE WHEN authors IS NOT NULL THEN ' AND author_id = ANY ($6)' ELSE '' END || ' LIMIT $12');
				SELECT min(m.created_at), max(m.created_at) INTO first, last FROM messages m WHERE m.ws = tenant;
				span := least(greatest((t1 - t0) * (CANDIDATES / density / WALK), interval '1 millisecond'), interval '500 years');
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
SET LOCAL ROLE :"owner";
REVOKE CREATE ON SCHEMA eddy FROM :"search";
