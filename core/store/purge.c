/*
 * Clearing files after an erasure.
 *
 *   1  Everybody who may still see the old rows is waited for: VACUUM FULL keeps what a snapshot can see.
 *   2  VACUUM FULL writes each table and its indexes into new files without what is dead; plain VACUUM leaves the bytes in the pages, and a
 *      GIN index keeps every word it ever had.  The statistics, which hold samples, are made anew as well.
 *   3  The log: segments that were recycled hold old bytes behind the new ones, so they are all passed through, with recycling off, until
 *      the current one was made as a new file; a checkpoint then removes the rest, and the old tables' files.
 *
 * A table that somebody uses is not waited for longer than LOCK_MS: who comes behind us would wait too.
 */
#include "purge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../base/buf.h"
#include "../base/clock.h"
#include "admin.h"

#define LOCK_SQL "1162101849, 5" /* "EDDY" as a number; migrate.c has 1 */
#define LOCK_MS 2000
#define SNAPSHOT_MS 20000
#define TABLES_MAX 200
#define TRIES 3
#define SEGMENTS_MAX 80

bool purge_hours(const char *s, int *from, int *to)
{
	int used = 0;
	if (s == NULL || sscanf(s, "%2d-%2d%n", from, to, &used) != 2 || s[used] != '\0')
		return false;
	return *from >= 0 && *from <= 24 && *to >= 0 && *to <= 24;
}

bool purge_is_quiet(const struct purge_options *o, int hour)
{
	if (o->quiet_from == o->quiet_to)
		return true;
	if (o->quiet_from < o->quiet_to)
		return hour >= o->quiet_from && hour < o->quiet_to;
	return hour >= o->quiet_from || hour < o->quiet_to; /* over midnight */
}

static void nap(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
	nanosleep(&t, NULL);
}

/* The first column of the first row as a number; -1: failed. */
static int64_t number(struct admin *a, const char *sql, char *why, size_t why_n)
{
	PGresult *r = NULL;
	if (admin_query(a, sql, 0, NULL, &r, why, why_n) != ERR_NONE)
		return -1;
	int64_t n = PQntuples(r) > 0 && !PQgetisnull(r, 0, 0) ? strtoll(PQgetvalue(r, 0, 0), NULL, 10) : 0;
	PQclear(r);
	return n;
}

/* Transactions that began before us and may see what was erased. */
static enum err wait_for_snapshots(struct admin *a, char *why, size_t why_n)
{
	uint64_t until = clock_ms() + SNAPSHOT_MS;
	if (admin_exec(a, "CREATE TEMP TABLE begun AS SELECT clock_timestamp() AS at", why, why_n) != ERR_NONE)
		return ERR_RETRY;
	for (;;) {
		int64_t n = number(a,
		    "SELECT count(*) FROM pg_stat_activity, begun WHERE pid <> pg_backend_pid() AND (backend_xid IS NOT NULL OR"
		    " backend_xmin IS NOT NULL) AND xact_start < begun.at AND backend_type <> 'autovacuum worker'",
		    why, why_n);
		if (n == 0)
			return ERR_NONE;
		if (n < 0 || clock_ms() > until) {
			snprintf(why, why_n, "somebody has been reading since before the erasure");
			return ERR_RETRY;
		}
		nap(100);
	}
}

/* ---- tables ---- */

struct table {
	char name[140];
	int64_t bytes;
};

static enum err list(struct admin *a, struct table *t, int *n, char *why, size_t why_n)
{
	PGresult *r = NULL;
	enum err e = admin_query(a,
	    "SELECT c.oid::regclass, pg_total_relation_size(c.oid) FROM pg_class c WHERE c.relnamespace = 'eddy'::regnamespace"
	    " AND c.relkind = 'r' AND pg_total_relation_size(c.oid) > 0 ORDER BY 2",
	    0, NULL, &r, why, why_n);
	if (e != ERR_NONE)
		return e;
	*n = 0;
	for (int i = 0; i < PQntuples(r) && *n < TABLES_MAX; i++) {
		snprintf(t[*n].name, sizeof t[*n].name, "%s", PQgetvalue(r, i, 0));
		t[(*n)++].bytes = strtoll(PQgetvalue(r, i, 1), NULL, 10);
	}
	PQclear(r);
	return ERR_NONE;
}

static enum err rewrite(struct admin *a, const char *table, struct purge_result *out, char *why, size_t why_n)
{
	char sql[200];
	enum err e = ERR_RETRY;
	snprintf(sql, sizeof sql, "VACUUM (FULL, ANALYZE) %s", table);
	for (int i = 0; i < TRIES && e != ERR_NONE; i++) {
		uint64_t t0 = clock_ms();
		if (i > 0)
			nap(500);
		e = admin_exec(a, sql, why, why_n);
		uint64_t ms = clock_ms() - t0;
		if (e == ERR_NONE && ms > out->longest_ms)
			out->longest_ms = ms;
	}
	return e == ERR_NONE ? ERR_NONE : ERR_RETRY;
}

static enum err tables(struct admin *a, const struct purge_options *o, struct purge_result *out, char *why, size_t why_n)
{
	struct table t[TABLES_MAX];
	int n = 0;
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm utc;
	gmtime_r(&now, &utc);
	enum err e = list(a, t, &n, why, why_n);
	for (int i = 0; i < n && e == ERR_NONE; i++) {
		if (t[i].bytes > o->rewrite_bytes && !purge_is_quiet(o, utc.tm_hour)) {
			out->postponed++;
			continue;
		}
		e = rewrite(a, t[i].name, out, why, why_n);
		out->tables++;
		out->bytes += t[i].bytes;
	}
	/* Samples of columns that are no longer sampled, from before they were not. */
	if (e == ERR_NONE)
		e = admin_exec(a,
		    "DELETE FROM pg_catalog.pg_statistic s USING pg_catalog.pg_attribute t WHERE t.attrelid = s.starelid"
		    " AND t.attnum = s.staattnum AND t.attstattarget = 0",
		    why, why_n);
	return e == ERR_NONE ? rewrite(a, "pg_catalog.pg_statistic", out, why, why_n) : e;
}

/* ---- the log ---- */

#define SEGMENT "name ~ '^[0-9A-F]{24}$'"

static enum err pass_through(struct admin *a, char *why, size_t why_n)
{
	/* Segments that were recycled before recycling was off: one more than there are, so that the last is a new file. */
	int64_t ahead = number(a,
	    "SELECT count(*) FROM pg_ls_waldir() WHERE " SEGMENT " AND name > pg_walfile_name(pg_current_wal_insert_lsn())", why,
	    why_n);
	for (int64_t i = 0; i <= ahead && i < SEGMENTS_MAX; i++)
		/* A segment is only left when something stands in it. */
		if (admin_exec(a, "SELECT pg_logical_emit_message(false, 'eddy', ''), pg_switch_wal()", why, why_n) != ERR_NONE)
			return ERR_RETRY;
	return ahead < 0 ? ERR_RETRY : admin_exec(a, "CHECKPOINT", why, why_n);
}

static enum err turn_over(struct admin *a, char *why, size_t why_n)
{
	enum err e = admin_exec(a, "ALTER SYSTEM SET wal_recycle = off", why, why_n);
	if (e == ERR_NONE)
		e = admin_exec(a, "SELECT pg_reload_conf()", why, why_n);
	bool clean = false;
	for (int i = 0; i < TRIES && e == ERR_NONE && !clean; i++) {
		/* The checkpointer hears of the setting when it hears of it. */
		nap(200);
		char first[64] = "";
		PGresult *r = NULL;
		e = admin_query(a, "SELECT pg_walfile_name(pg_current_wal_insert_lsn())", 0, NULL, &r, why, why_n);
		if (e == ERR_NONE)
			snprintf(first, sizeof first, "%s", PQgetvalue(r, 0, 0));
		PQclear(r);
		if (e == ERR_NONE)
			e = pass_through(a, why, why_n);
		/* Nothing is left of what there was: neither the segments before nor, under a later name, their bytes. */
		const char *values[] = { first };
		r = NULL;
		if (e == ERR_NONE)
			e = admin_query(a,
			    "SELECT count(*) FILTER (WHERE name <= $1), count(*) FILTER (WHERE name > pg_walfile_name(pg_current_wal_insert_lsn())) FROM pg_ls_waldir() WHERE " SEGMENT,
			    1, values, &r, why, why_n);
		clean = e == ERR_NONE && *PQgetvalue(r, 0, 0) == '0' && *PQgetvalue(r, 0, 1) == '0';
		PQclear(r);
	}
	char ignored[200];
	admin_exec(a, "ALTER SYSTEM RESET wal_recycle", ignored, sizeof ignored);
	admin_exec(a, "SELECT pg_reload_conf()", ignored, sizeof ignored);
	if (e == ERR_NONE && !clean) {
		snprintf(why, why_n, "the server keeps old segments of its log");
		e = ERR_RETRY;
	}
	return e;
}

enum err purge_run(const char *admin_url, const struct purge_options *o, struct purge_result *out, char *why, size_t why_n)
{
	struct admin a;
	uint64_t t0 = clock_ms();
	char settings[200];
	*out = (struct purge_result){ 0 };
	enum err e = admin_open(&a, admin_url, why, why_n);
	if (e != ERR_NONE)
		return e;
	snprintf(settings, sizeof settings, "SET lock_timeout = %d; SET statement_timeout = 0; SET maintenance_work_mem = '64MB'",
	    LOCK_MS);
	if (number(&a, "SELECT pg_try_advisory_lock(" LOCK_SQL ")::int", why, why_n) != 1) {
		snprintf(why, why_n, "another process is at it");
		e = ERR_RETRY;
		goto done;
	}
	if ((e = admin_exec(&a, settings, why, why_n)) != ERR_NONE ||
	    (e = admin_exec(&a,
	         "CREATE TEMP TABLE purging AS SELECT ws, id FROM eddy.erasures WHERE state = 2 AND purged_at IS NULL", why,
	         why_n)) != ERR_NONE ||
	    (e = wait_for_snapshots(&a, why, why_n)) != ERR_NONE || (e = tables(&a, o, out, why, why_n)) != ERR_NONE)
		goto done;
	if (out->postponed == 0 &&
	    ((e = turn_over(&a, why, why_n)) != ERR_NONE ||
	        (e = admin_exec(&a,
	             "UPDATE eddy.erasures e SET purged_at = now() FROM purging WHERE e.ws = purging.ws AND e.id = purging.id", why,
	             why_n)) != ERR_NONE))
		goto done;
done:
	admin_close(&a);
	out->ms = clock_ms() - t0;
	return e;
}
