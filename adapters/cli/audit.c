/* `eddy audit verify`, `eddy audit find` and `eddy audit export`: they speak to the database and read the checkpoints, so Eddy may be running or not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "../../core/api/problem.h"
#include "../../core/audit/entry.h"
#include "../../core/audit/verify.h"
#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/json.h"
#include "../../core/store/store.h"
#include "../../core/talk/moment.h"
#include "cli.h"

static const struct pg_statement own_statements[] = {
	{ "audit_tenants", "SELECT DISTINCT ws FROM installs ORDER BY ws" },
	{ NULL, NULL },
};
static const struct pg_statement *const tables[] = { own_statements, chain_statements, verify_statements, entry_statements, NULL };

struct audited {
	struct pg *pg;
	struct checkpoints *points;
	struct audit_query q;
	bool faulty, found;
};

static void tell(void *arg, const struct audit_finding *f)
{
	(void)arg;
	printf("  BAD %s: %s\n", audit_fault_name(f->fault), f->text);
}

static enum err verify(struct audited *x, struct id ws)
{
	char text[ID_TEXT];
	struct audit_verdict v;
	enum err e = audit_verify(x->pg, ws, x->points, tell, NULL, &v);
	if (e != ERR_NONE)
		return e;
	x->faulty |= v.findings > 0;
	printf("%s %s: %lld entries", v.findings > 0 ? "BAD" : "ok", id_format(ws, text), (long long)v.entries);
	if (v.unlinked > 0)
		printf(", %lld waiting for their link", (long long)v.unlinked);
	if (v.erased > 0)
		printf(", the details of %lld erased", (long long)v.erased);
	printf(", %lld checkpoints, the last at %lld", (long long)v.checkpoints, (long long)v.checkpoint);
	if (v.superseded > 0)
		printf(", %lld overtaken by a restore", (long long)v.superseded);
	if (v.torn > 0)
		printf(", %d lines of " CHECKPOINT_FILE " cannot be read", v.torn);
	if (v.findings > AUDIT_FINDINGS_MAX)
		printf(", %lld findings in all", (long long)v.findings);
	printf("\n");
	return ERR_NONE;
}

static enum err export_all(struct audited *x, struct id ws)
{
	struct audit_export total = { 0 };
	struct audit_query q = x->q;
	struct buf out = BUF_INIT;
	enum err e = ERR_NONE;
	int64_t next = 0;
	q.limit = AUDIT_PAGE_MAX;
	do {
		buf_reset(&out);
		e = audit_export(x->pg, ws, &q, &total, &out, &next);
		if (e == ERR_NONE && fwrite(out.p ? out.p : "", 1, out.len, stdout) != out.len)
			e = ERR_BROKEN;
		q.at = next;
	} while (e == ERR_NONE && next != 0);
	buf_reset(&out);
	audit_manifest(ws, &q, &total, &out);
	if (e == ERR_NONE && fwrite(out.p, 1, out.len, stdout) != out.len)
		e = ERR_BROKEN;
	buf_done(&out);
	return e;
}

/* ${fn} in a transaction of each workspace. */
enum want { WANT_NO_POINTS, WANT_POINTS, WANT_TO_ADD };
static int each(struct cli *c, enum want want, enum err (*fn)(struct audited *x, struct id ws), struct audited *x)
{
	struct store *store = NULL;
	PGresult *r = NULL;
	char why[512] = "";
	int code = EXIT_FAILED;
	const struct store_options so = { .url = settings_str(c->settings, "database.url"),
		.admin_url = settings_str(c->settings, "database.admin_url"),
		.data_dir = cli_data_dir(c) };
	enum err e = store_open(&store, &so, why, sizeof why);
	if (e == ERR_NONE && want != WANT_NO_POINTS)
		e = checkpoints_open(
		    &x->points, so.data_dir, settings_str(c->settings, "audit.key"), want == WANT_TO_ADD, why, sizeof why);
	if (e == ERR_NONE)
		e = pg_open(&x->pg, store_url(store), tables, why, sizeof why);
	if (e == ERR_NONE) {
		snprintf(why, sizeof why, "the database does not answer");
		e = pg_query(x->pg, "audit_tenants", NULL, &r);
	}
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		struct id ws = pg_get_id(r, i, 0);
		if ((e = pg_begin(x->pg, ws)) == ERR_NONE)
			e = pg_end(x->pg, fn(x, ws));
	}
	if (e == ERR_NONE)
		code = x->faulty ? EXIT_FAILED : EXIT_OK;
	else
		cli_complain("%s", why);
	PQclear(r);
	pg_close(x->pg);
	checkpoints_close(x->points);
	store_close(store);
	return code;
}

int cmd_audit_verify(struct cli *c)
{
	struct audited x = { 0 };
	int r = cli_settings(c);
	return r != EXIT_OK ? r : each(c, WANT_POINTS, verify, &x);
}

static bool moment(const char *text, int64_t *us)
{
	int64_t ms = 0;
	if (text != NULL && !moment_read(NULL, clock_wall_ms(), text, &ms)) {
		cli_complain("audit export: \"%s\" is no moment; one looks like 2026-01-31 or 2026-01-31T18:05", text);
		return false;
	}
	*us = ms * 1000;
	return true;
}

static void print_found(const json_t *o)
{
	char *facts = json_dumps(json_object_get(o, "facts"), JSON_COMPACT | JSON_SORT_KEYS);
	printf("%s %s by %s, thread %s, id %s\n  %s\n", json_str(o, "at", ""), json_str(o, "verb", ""),
	    json_str(o, "by_name", json_str(o, "by", "nobody who is known")), json_str(o, "thread", "none"),
	    json_str(o, "subject", ""), facts != NULL ? facts : "{}");
	free(facts);
}

static enum err find_all(struct audited *x, struct id ws)
{
	struct audit_query q = x->q;
	enum err e = ERR_NONE;
	do {
		json_t *list = json_array(), *o;
		size_t i;
		e = audit_list(x->pg, ws, &q, list, &q.at);
		x->found |= json_array_size(list) > 0;
		json_array_foreach (list, i, o)
			print_found(o);
		json_decref(list);
	} while (e == ERR_NONE && q.at != 0);
	return e;
}

int cmd_audit_find(struct cli *c)
{
	struct audited x = { .q = { .ref = c->argv[0], .limit = AUDIT_PAGE_MAX } };
	size_t n = strlen(x.q.ref);
	if (n < PROBLEM_REF || n >= ID_TEXT || x.q.ref[strspn(x.q.ref, "0123456789abcdef-")] != '\0') {
		cli_complain("audit find: \"%s\" is no reference; one looks like 4694f88ab75c", x.q.ref);
		return EXIT_USAGE;
	}
	int r = cli_settings(c);
	if (r == EXIT_OK)
		r = each(c, WANT_NO_POINTS, find_all, &x);
	if (r == EXIT_OK && !x.found) {
		cli_complain("audit find: nothing of that reference; an entry is there about a second after the answer");
		return EXIT_FAILED;
	}
	return r;
}

int cmd_audit_export(struct cli *c)
{
	struct audited x = { 0 };
	if (!moment(c->since, &x.q.since_us) || !moment(c->until, &x.q.until_us))
		return EXIT_USAGE;
	int r = cli_settings(c);
	return r != EXIT_OK ? r : each(c, WANT_NO_POINTS, export_all, &x);
}

static enum err restored(struct audited *x, struct id ws)
{
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	struct checkpoint line = { .kind = CHECKPOINT_RESTORED, .ws = ws };
	pg_arg_id(a, ws);
	enum err e = pg_query(x->pg, "chain_last", a, &r);
	pg_args_free(a);
	if (e == ERR_NONE && PQntuples(r) == 1) {
		line.n = pg_get_int8(r, 0, 0);
		memcpy(line.h, PQgetvalue(r, 0, 1), CHAIN_HASH);
	}
	PQclear(r);
	return e == ERR_NONE ? checkpoints_add(x->points, &line, 1) : e;
}

bool cli_audit_restored(struct cli *c)
{
	struct audited x = { 0 };
	return each(c, WANT_TO_ADD, restored, &x) == EXIT_OK;
}

#define STALE_S 600 /* the daemon makes a checkpoint within a minute of an entry */

/* When the newest entry of any workspace was written; 0: there is none, or the database does not answer. */
static time_t newest_entry(struct cli *c)
{
	static const struct pg_statement newest[] = { { "doctor_tenants", "SELECT DISTINCT ws FROM installs" },
		{ "doctor_newest", "SELECT extract(epoch FROM at)::int8 FROM audit WHERE ws = $1 ORDER BY id DESC LIMIT 1" },
		{ NULL, NULL } };
	static const struct pg_statement *const asked[] = { newest, NULL };
	struct store *store = NULL;
	struct pg *pg = NULL;
	char why[512];
	time_t at = 0;
	PGresult *all = NULL;
	const struct store_options so = { .url = settings_str(c->settings, "database.url"),
		.admin_url = settings_str(c->settings, "database.admin_url"),
		.data_dir = cli_data_dir(c) };
	enum err e = store_open(&store, &so, why, sizeof why);
	if (e == ERR_NONE)
		e = pg_open(&pg, store_url(store), asked, why, sizeof why);
	if (e == ERR_NONE)
		e = pg_query(pg, "doctor_tenants", NULL, &all);
	for (int i = 0; e == ERR_NONE && i < PQntuples(all); i++) {
		PGresult *r = NULL;
		struct id ws = pg_get_id(all, i, 0);
		struct pg_args *a = pg_args_new();
		pg_arg_id(a, ws);
		e = pg_begin(pg, ws);
		if (e == ERR_NONE)
			e = pg_end(pg, pg_query(pg, "doctor_newest", a, &r));
		if (e == ERR_NONE && PQntuples(r) > 0 && pg_get_int8(r, 0, 0) > at)
			at = pg_get_int8(r, 0, 0);
		PQclear(r);
		pg_args_free(a);
	}
	PQclear(all);
	pg_close(pg);
	store_close(store);
	return at;
}

static const char *time_words(time_t at, char out[40])
{
	struct tm tm;
	if (gmtime_r(&at, &tm) == NULL || strftime(out, 40, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		out[0] = '\0';
	return out;
}

bool cli_audit_doctor(struct cli *c, struct buf *out)
{
	struct checkpoints *points = NULL;
	struct stat st;
	char why[512] = "", path[4200];
	const char *dir = cli_data_dir(c), *key = settings_str(c->settings, "audit.key");
	snprintf(path, sizeof path, "%.4000s/audit.key", dir);
	bool there = stat(path, &st) == 0;
	if (key == NULL && !there) {
		buf_addf(out, "the key of the audit log will be made at the next start");
		return true;
	}
	bool well = checkpoints_open(&points, dir, key, false, why, sizeof why) == ERR_NONE;
	checkpoints_close(points);
	if (well && key == NULL && (st.st_mode & 077) != 0) {
		buf_addf(out, "others can read %.300s: chmod 600 it", path);
		return false;
	}
	if (!well) {
		buf_add_str(out, why);
		return false;
	}
	char at[40];
	time_t entry = newest_entry(c);
	snprintf(path, sizeof path, "%.4000s/" CHECKPOINT_FILE, dir);
	time_t point = stat(path, &st) == 0 ? st.st_mtime : 0;
	if (entry > point + STALE_S && time(NULL) > entry + STALE_S) {
		buf_addf(out,
		    "the newest entry, of %s, is in no checkpoint: Eddy makes one within a minute while it runs and can write %.300s",
		    time_words(entry, at), path);
		return false;
	}
	if (point == 0)
		buf_add_str(out, "no checkpoint was made yet");
	else
		buf_addf(out, "the last checkpoint is of %s", time_words(point, at));
	buf_add_str(out, "; `eddy audit verify` looks at the log itself");
	return true;
}
