/* `eddy erase`: erasing somebody and the receipts of it; and what the ledger of erasures does around backups. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../core/base/buf.h"
#include "../../core/base/json.h"
#include "../../core/memory/erased.h"
#include "../../core/memory/forget.h"
#include "../../core/memory/retention.h"
#include "../../core/memory/sweep.h"
#include "../../core/memory/whole.h"
#include "../../core/store/store.h"
#include "../../core/teams/config_store.h"
#include "erase.h"
#include "procedure.h"

static const struct pg_statement *const tables[] = { again_statements, forget_statements, sweep_statements, retention_statements,
	config_statements, derived_statements, whole_statements, NULL };

/* "2026-11-21 18:05:00 UTC" */
static void put_moment(const json_t *r, const char *key, const char *what)
{
	int64_t ms = json_int(r, key, 0);
	time_t at = (time_t)(ms / 1000);
	struct tm tm;
	char text[40];
	if (ms != 0 && gmtime_r(&at, &tm) != NULL && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &tm) > 0)
		printf("  %-14s %s\n", what, text);
}

static void put_number(const char *what, int64_t n)
{
	if (n > 0)
		printf("  %-14s %lld\n", what, (long long)n);
}

void cli_erase_print(const json_t *r)
{
	const char *key, *asked = json_str(r, "asked", "");
	json_t *v;
	printf("%s  %s, %s\n", json_str(r, "id", ""), json_str(r, "kind", ""),
	    strcmp(json_str(r, "state", ""), "done") == 0       ? "done"
	        : strcmp(json_str(r, "state", ""), "held") == 0 ? "hidden; a legal hold has to end first"
	                                                        : "at work");
	printf("  %-14s %s%s%s\n", "asked for by",
	    strcmp(asked, "where_it_was_said") == 0     ? "whoever deleted it where it was said"
	        : strcmp(asked, "the_person") == 0      ? "the person"
	        : strcmp(asked, "the_operator") == 0    ? "the operator"
	        : strcmp(asked, "after_a_restore") == 0 ? "the ledger, after a restore"
	        : strcmp(json_str(r, "kind", ""), "workspace") == 0 && strcmp(asked, "its_time") == 0
	        ? "nobody: the app was taken away there, and not added again"
	        : strcmp(asked, "its_time") == 0 ? "its time: eddy retention"
	                                         : "somebody else",
	    json_object_get(r, "asked_by") != NULL ? ": " : "", json_str(r, "asked_by", ""));
	put_moment(r, "asked_ms", "asked");
	put_moment(r, "done_ms", "done");
	put_moment(r, "files_cleared_ms", "files cleared");
	put_number("messages", json_int(r, "messages", 0));
	put_number("answers", json_int(r, "answers", 0));
	put_number("notes", json_int(r, "notes", 0));
	put_number("threads", json_int(r, "threads", 0));
	json_object_foreach ((json_t *)json_object_get(r, "values"), key, v)
		printf("  values: %-6s %lld\n", key, (long long)json_integer_value(v));
}

static int show(struct cli *c, const char *id)
{
	json_t *out = NULL;
	int n = 0, r;
	if (id != NULL && ((r = cli_whole_receipts(c, id, &n)) != EXIT_OK || n > 0))
		return r;
	r = cli_procedure(
	    c, id != NULL ? "erasure.get" : "erasure.list", id != NULL ? json_pack("{s:s}", "id", id) : json_object(), &out);
	if (r == EXIT_OK && id != NULL)
		cli_erase_print(json_object_get(out, "receipt"));
	const json_t *list = r == EXIT_OK && id == NULL ? json_arr(out, "receipts") : NULL;
	for (size_t i = 0; i < json_array_size(list); i++)
		cli_erase_print(json_array_get(list, i));
	if (r == EXIT_OK && id == NULL)
		r = cli_whole_receipts(c, NULL, &n);
	if (r == EXIT_OK && id == NULL && n == 0 && json_array_size(list) == 0)
		puts("Nothing was erased yet.");
	json_decref(out);
	return r;
}

/* Who sits at a terminal is asked; a program has said what it wants. */
static bool sure(const char *person)
{
	char line[16] = "";
	if (!isatty(STDIN_FILENO))
		return true;
	printf("Erase %s for good, with all linked accounts and whatever rests on their messages? Type yes: ", person);
	fflush(stdout);
	return fgets(line, sizeof line, stdin) != NULL && strcmp(line, "yes\n") == 0;
}

int cmd_erase(struct cli *c)
{
	json_t *out = NULL;
	if (c->receipt != NULL || c->argc == 0)
		return show(c, c->receipt);
	if (!sure(c->argv[0])) {
		puts("Nothing was erased.");
		return EXIT_FAILED;
	}
	int r = cli_procedure(c, "erasure.order", json_pack("{s:s}", "person", c->argv[0]), &out);
	const json_t *list = r == EXIT_OK ? json_arr(out, "receipts") : NULL;
	for (size_t i = 0; i < json_array_size(list); i++)
		printf("%s\n", json_string_value(json_array_get(list, i)));
	if (r == EXIT_OK)
		fprintf(stderr,
		    "Ordered. Eddy erases within a minute while it runs, else once it is started; the receipt: eddy erase "
		    "--receipt ID\n");
	json_decref(out);
	return r;
}

/* ---- around backups ---- */

static size_t plain(void *arg, const char *adapter, const void *origin, size_t n, char out[INTENT_ORIGIN_MAX])
{
	const struct cli *c = arg;
	for (const struct door *d = c->doors; d->name != NULL; d++)
		if (d->ops->origin_plain != NULL && strcmp(d->ops->name, adapter) == 0)
			return d->ops->origin_plain(NULL, origin, n, out);
	return 0;
}

enum err cli_erase_open(struct cli *c, struct store **store, struct pg **pg, char *why, size_t why_n)
{
	const struct store_options so = { .url = settings_str(c->settings, "database.url"),
		.admin_url = settings_str(c->settings, "database.admin_url"),
		.data_dir = cli_data_dir(c) };
	enum err e = store_open(store, &so, why, why_n);
	return e != ERR_NONE ? e : pg_open(pg, store_url(*store), tables, why, why_n);
}

bool cli_erased_again(struct cli *c, struct buf *out)
{
	struct store *store = NULL;
	struct pg *pg = NULL;
	struct again_result done = { 0 };
	struct forget_ends ends = { .plain = plain, .arg = c };
	char why[512] = "";
	for (const struct door *d = c->doors; d->name != NULL; d++)
		if (d->ops->origin_plain != NULL && ends.adapters_len < sizeof ends.adapters / sizeof *ends.adapters)
			ends.adapters[ends.adapters_len++] = d->ops->name;
	enum err e = cli_erase_open(c, &store, &pg, why, sizeof why);
	if (e == ERR_NONE) {
		snprintf(why, sizeof why,
		    "what was erased since the backup could not be erased again: start Eddy, which goes on with it before it serves anyone");
		e = erased_again(pg, cli_data_dir(c), &ends, &done);
	}
	pg_close(pg);
	store_close(store);
	if (e != ERR_NONE)
		cli_complain("%s", why);
	else if (done.missing > 0)
		buf_addf(out, "erased again what was erased since the backup: %d erasure%s\n", done.missing,
		    done.missing == 1 ? "" : "s");
	return e == ERR_NONE;
}

bool cli_erased_doctor(struct cli *c, struct buf *out)
{
	struct store *store = NULL;
	struct pg *pg = NULL;
	struct erased_report r;
	struct stat st;
	char why[512] = "", path[4200];
	snprintf(path, sizeof path, "%.4000s/" ERASED_FILE, cli_data_dir(c));
	enum err e = cli_erase_open(c, &store, &pg, why, sizeof why);
	if (e == ERR_NONE) {
		snprintf(why, sizeof why, "%.400s cannot be read", path);
		e = erased_report(pg, cli_data_dir(c), &r);
	}
	struct buf whole = BUF_INIT;
	if (e == ERR_NONE) {
		snprintf(why, sizeof why, "the database does not answer");
		e = cli_whole_doctor(pg, &whole);
	}
	pg_close(pg);
	store_close(store);
	bool well = false;
	if (e != ERR_NONE)
		buf_add_str(out, why);
	else if (r.lacking > 0)
		buf_addf(out,
		    "the ledger of erasures (%.300s) %s: a backup from before would bring back what was erased. Put a copy of the file back, or make a new "
		    "backup now and delete the older ones",
		    path, r.there ? "lacks erasures that the database knows" : "is missing");
	else if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
		buf_addf(out, "others can read %.300s: chmod 600 it", path);
	else {
		well = true;
		buf_addf(out, "the ledger has %ld erasure%s", r.lines, r.lines == 1 ? "" : "s");
		if (r.lines > 0)
			buf_addf(out, ", the last of %.19s", r.last);
		if (r.backup[0] != '\0')
			buf_addf(out, "; %ld since the last backup (%.19s), made again after a restore", r.since_backup, r.backup);
		if (r.torn > 0)
			buf_addf(out, "; %d line%s cannot be read", r.torn, r.torn == 1 ? "" : "s");
		buf_add(out, whole.p, whole.len);
	}
	buf_done(&whole);
	return well;
}
