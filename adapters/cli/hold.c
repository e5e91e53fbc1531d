/* `eddy hold`: the procedures hold.add, hold.list and hold.end in the words of the terminal, and the part of doctor about them. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../../core/base/buf.h"
#include "../../core/base/json.h"
#include "../../core/memory/hold.h"
#include "../../core/store/store.h"
#include "cli.h"
#include "procedure.h"

static const char *moment(int64_t ms, char out[40])
{
	struct tm tm;
	time_t at = (time_t)(ms / 1000);
	if (gmtime_r(&at, &tm) == NULL || strftime(out, 40, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		out[0] = '\0';
	return out;
}

int cmd_hold_add(struct cli *c)
{
	static const char *const kinds[] = { "person", "thread", "place" };
	json_t *out = NULL, *args = json_pack("{s:s}", "reason", c->argv[c->argc - 1]);
	const char *what = c->argv[0];
	bool workspace = strcmp(what, "workspace") == 0;
	if (workspace)
		json_object_set_new(args, "workspace", json_true());
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !workspace && c->argc == 3; i++)
		if (strcmp(what, kinds[i]) == 0)
			json_object_set_new(args, kinds[i], json_string(c->argv[1]));
	if (json_object_size(args) < 2 || (workspace && c->argc != 2)) {
		json_decref(args);
		cli_complain("say what is held and why: eddy hold add person slack:U024BE7LH 'Case 17'");
		return EXIT_USAGE;
	}
	int r = cli_procedure(c, "hold.add", args, &out);
	if (r == EXIT_OK)
		printf("%s\n", json_str(out, "id", ""));
	json_decref(out);
	return r;
}

int cmd_hold_list(struct cli *c)
{
	json_t *out = NULL, *h, *of, *args = json_object();
	size_t i, k;
	char at[40];
	if (c->argc > 0)
		json_object_set_new(args, "all", json_true());
	int r = cli_procedure(c, "hold.list", args, &out);
	const json_t *list = r == EXIT_OK ? json_arr(out, "holds") : NULL;
	json_array_foreach ((json_t *)(uintptr_t)list, i, h) {
		int64_t ended = json_int(h, "ended_ms", 0);
		printf("%s  %s, %s%s\n", json_str(h, "id", ""), json_str(h, "kind", ""),
		    ended != 0                                ? "ended "
		        : json_int(h, "end_asked_ms", 0) != 0 ? "stands; a second admin is to end it, since "
		                                              : "stands since ",
		    moment(ended != 0                        ? ended
		            : json_int(h, "end_asked_ms", 0) ? json_int(h, "end_asked_ms", 0)
		                                             : json_int(h, "placed_ms", 0),
		        at));
		json_array_foreach (json_arr(h, "of"), k, of)
			printf("  of      %s\n", json_string_value(of));
		printf("  because %s\n  holds   %lld row%s\n", json_str(h, "reason", ""), (long long)json_int(h, "rows", 0),
		    json_int(h, "rows", 0) == 1 ? "" : "s");
	}
	if (r == EXIT_OK && json_array_size(list) == 0)
		puts("No legal hold stands.");
	json_decref(out);
	return r;
}

int cmd_hold_end(struct cli *c)
{
	json_t *out = NULL;
	int r = cli_procedure(c, "hold.end", json_pack("{s:s}", "id", c->argv[0]), &out);
	if (r == EXIT_OK)
		puts(json_bool(out, "ended", false) ? "Ended. What waited for it alone is erased within a minute while Eddy runs."
		                                    : "Asked for. It ends when another admin says the same.");
	json_decref(out);
	return r;
}

bool cli_hold_doctor(struct cli *c, struct buf *out)
{
	static const struct pg_statement *const tables[] = { hold_statements, NULL };
	struct store *store = NULL;
	struct pg *pg = NULL;
	struct hold_report r = { 0 };
	char why[512] = "", at[40];
	const struct store_options so = { .url = settings_str(c->settings, "database.url"),
		.admin_url = settings_str(c->settings, "database.admin_url"),
		.data_dir = cli_data_dir(c) };
	enum err e = store_open(&store, &so, why, sizeof why);
	if (e == ERR_NONE)
		e = pg_open(&pg, store_url(store), tables, why, sizeof why);
	if (e == ERR_NONE) {
		snprintf(why, sizeof why, "the database does not answer");
		e = hold_report(pg, &r);
	}
	pg_close(pg);
	store_close(store);
	if (e != ERR_NONE)
		buf_add_str(out, why);
	else if (r.standing == 0 && r.waiting == 0)
		buf_add_str(out, "no legal hold stands");
	else {
		buf_addf(out, "%ld legal hold%s", r.standing, r.standing == 1 ? "" : "s");
		if (r.oldest_ms != 0)
			buf_addf(out, ", the oldest of %s", moment(r.oldest_ms, at));
		buf_addf(out, "; %ld row%s held, %ld erasure%s waiting", r.rows, r.rows == 1 ? "" : "s", r.waiting,
		    r.waiting == 1 ? "" : "s");
		if (r.asked > 0)
			buf_addf(out, "; %ld to be ended by a second admin (eddy hold list)", r.asked);
	}
	return e == ERR_NONE;
}
