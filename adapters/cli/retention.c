/* `eddy retention`: the procedure retention.get in the words of the terminal, and the part of doctor about it. */
#include <stdio.h>
#include <time.h>

#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/json.h"
#include "../../core/memory/retention.h"
#include "../../core/store/store.h"
#include "cli.h"
#include "procedure.h"

#define DAY_MS INT64_C(86400000)

static const char *moment(int64_t ms, char out[40])
{
	struct tm tm;
	time_t at = (time_t)(ms / 1000);
	if (gmtime_r(&at, &tm) == NULL || strftime(out, 40, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		out[0] = '\0';
	return out;
}

static void put_moment(const json_t *out, const char *key, const char *what)
{
	char text[40];
	int64_t ms = json_int(out, key, 0);
	if (ms != 0)
		printf("%s %s\n", what, moment(ms, text));
}

int cmd_retention(struct cli *c)
{
	json_t *out = NULL, *args = json_object(), *o;
	size_t i;
	if (c->argc > 0)
		json_object_set_new(args, "team", json_string(c->argv[0]));
	int r = cli_procedure(c, "retention.get", args, &out);
	if (r == EXIT_OK) {
		const json_t *next = json_object_get(out, "next");
		json_array_foreach (json_arr(out, "kept"), i, o) {
			const char *what = json_str(o, "what", "");
			int64_t days = json_int(o, "days", 0);
			char span[80] = "no end set";
			if (days > 0)
				snprintf(span, sizeof span, "%lld day%s (%.40s)", (long long)days, days == 1 ? "" : "s",
				    json_str(o, "from", "default"));
			printf("%-11s %-28s  the next sweep takes %lld\n", what, span, (long long)json_int(next, what, 0));
		}
		put_moment(out, "begun_ms", "Last sweep begun");
		put_moment(out, "done_ms", "Last sweep that took something done");
		if (json_str(out, "at_work", "")[0] != '\0')
			printf("At work: eddy erase --receipt %s\n", json_str(out, "at_work", ""));
	}
	json_decref(out);
	return r;
}

bool cli_retention_doctor(struct cli *c, struct buf *out)
{
	static const struct pg_statement *const tables[] = { retention_statements, NULL };
	struct store *store = NULL;
	struct pg *pg = NULL;
	struct retention_report r;
	char why[512] = "", text[40];
	const struct store_options so = { .url = settings_str(c->settings, "database.url"),
		.admin_url = settings_str(c->settings, "database.admin_url"),
		.data_dir = cli_data_dir(c) };
	int64_t now = (int64_t)clock_wall_ms();
	enum err e = store_open(&store, &so, why, sizeof why);
	if (e == ERR_NONE)
		e = pg_open(&pg, store_url(store), tables, why, sizeof why);
	if (e == ERR_NONE) {
		snprintf(why, sizeof why, "the database does not answer");
		e = retention_report(pg, &r);
	}
	pg_close(pg);
	store_close(store);
	if (e != ERR_NONE) {
		buf_add_str(out, why);
		return false;
	}
	if (r.workspaces == 0 || r.looked_ms == 0) {
		buf_add_str(out, "nothing was looked at yet: Eddy does within a minute of its start");
		return true;
	}
	if (r.oldest_ms != 0 && now - r.oldest_ms > 2 * DAY_MS) {
		buf_addf(
		    out, "a sweep is at work since %s: the log has upkeep and erase with the reason", moment(r.oldest_ms, text));
		return false;
	}
	if (now - r.looked_ms > 2 * DAY_MS) {
		buf_addf(
		    out, "what is kept long enough was last looked for on %s: Eddy has to run for it", moment(r.looked_ms, text));
		return false;
	}
	buf_addf(out, "last looked at %s", moment(r.looked_ms, text));
	if (r.begun_ms != 0)
		buf_addf(out, ", last sweep begun %s", moment(r.begun_ms, text));
	else
		buf_add_str(out, "; nothing has an end set");
	if (r.sweeping > 0)
		buf_addf(out, "; %ld at work", r.sweeping);
	return true;
}
