/* `eddy key`: the procedures key.* in the words of the terminal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../core/base/json.h"
#include "../../core/base/mem.h"
#include "../../core/people/keys.h"
#include "cli.h"
#include "procedure.h"

static json_t *words(const char *list)
{
	json_t *out = json_array();
	char *copy = xstrdup(list), *save = NULL;
	for (char *w = strtok_r(copy, ",", &save); w != NULL; w = strtok_r(NULL, ",", &save))
		json_array_append_new(out, json_string(w));
	free(copy);
	return out;
}

int cmd_key_issue(struct cli *c)
{
	json_t *out = NULL, *args = json_object();
	json_object_set_new(args, "name", json_string(c->argv[0]));
	json_object_set_new(args, "role", json_string(c->argv[1]));
	json_object_set_new(args, "scopes", words(c->argv[2]));
	if (c->argc > 3)
		json_object_set_new(args, "team", json_string(c->argv[3]));
	if (c->own_key)
		json_object_set_new(args, "own", json_true());
	if (c->days != NULL) {
		if (c->days[0] == '\0' || strlen(c->days) > 4 || c->days[strspn(c->days, "0123456789")] != '\0') {
			cli_complain("key issue: \"%s\" is not a number of days", c->days);
			json_decref(args);
			return EXIT_USAGE;
		}
		json_object_set_new(args, "days", json_integer(atoi(c->days)));
	}
	int r = cli_procedure(c, "key.issue", args, &out);
	if (r == EXIT_OK) {
		printf("%s\n", json_str(out, "key", ""));
		fprintf(stderr, "It is shown this once. It is void after %lld days, or after: eddy key revoke %s\n",
		    (long long)json_int(out, "expires_in_days", 0), json_str(out, "id", ""));
	}
	json_decref(out);
	return r;
}

/* "2026-11-21", or "never". */
static void put_day(json_t *row, const char *to, const char *from)
{
	int64_t ms = json_int(row, from, 0);
	time_t at = (time_t)(ms / 1000);
	struct tm tm;
	char day[16] = "never";
	if (ms != 0 && gmtime_r(&at, &tm) != NULL)
		strftime(day, sizeof day, "%Y-%m-%d", &tm);
	json_object_set_new(row, to, json_string(day));
}

int cmd_key_list(struct cli *c)
{
	static const char *const columns[] = { "id", "state", "team", "role", "until", "used", "may", "name", NULL };
	json_t *out = NULL, *args = json_object(), *row;
	size_t i;
	if (c->argc > 0)
		json_object_set_new(args, "team", json_string(c->argv[0]));
	int r = cli_procedure(c, "key.list", args, &out);
	json_t *keys = json_arr(out, "keys");
	json_array_foreach (keys, i, row) {
		char may[200] = "";
		const json_t *scopes = json_arr(row, "scopes");
		for (size_t k = 0; k < json_array_size(scopes); k++) {
			size_t n = strlen(may);
			snprintf(may + n, sizeof may - n, "%s%s", n > 0 ? "," : "", json_string_value(json_array_get(scopes, k)));
		}
		json_object_set_new(row, "may", json_string(may));
		put_day(row, "until", "expires_ms");
		put_day(row, "used", "used_ms");
	}
	if (r == EXIT_OK && json_array_size(keys) == 0)
		puts("There are no keys.");
	else if (r == EXIT_OK)
		cli_table(keys, columns);
	json_decref(out);
	return r;
}

int cmd_key_revoke(struct cli *c)
{
	json_t *out = NULL, *args = json_object();
	json_object_set_new(args, "id", json_string(c->argv[0]));
	if (c->argc > 1)
		json_object_set_new(args, "team", json_string(c->argv[1]));
	int r = cli_procedure(c, "key.revoke", args, &out);
	if (r == EXIT_OK)
		printf("Revoked: %lld.\n", (long long)json_int(out, "revoked", 0));
	json_decref(out);
	return r;
}

bool cli_key_doctor(struct cli *c, struct buf *out)
{
	json_t *got = NULL, *k;
	size_t i;
	bool well = cli_procedure(c, "key.list", json_pack("{s:b}", "soon", 1), &got) == EXIT_OK;
	const json_t *keys = json_arr(got, "keys");
	json_array_foreach (keys, i, k) {
		struct id id;
		put_day(k, "until", "expires_ms");
		put_day(k, "used", "used_ms");
		buf_addf(out, "%s%s (", i > 0 ? ", " : "end within 7 days: ", json_str(k, "name", ""));
		if (id_parse(json_str(k, "id", ""), &id))
			key_put_beginning(out, id);
		buf_addf(out, ", of %s) on %s, last used %s", json_str(k, "team", ""), json_str(k, "until", ""),
		    json_str(k, "used", ""));
	}
	if (well && i == 0)
		buf_add_str(out, "none ends within 7 days");
	else if (well)
		buf_add_str(out, ": make new ones, `eddy key issue`");
	json_decref(got);
	return well;
}
