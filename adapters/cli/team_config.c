/* `eddy team settings|set|…` and `eddy change`: the procedures config.* and change.* in the words of the terminal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../core/base/json.h"
#include "../../core/base/mem.h"
#include "cli.h"
#include "procedure.h"

static json_t *about(const struct cli *c)
{
	json_t *args = json_object();
	if (c->argc > 0)
		json_object_set_new(args, "team", json_string(c->argv[0]));
	return args;
}

static void print_value(const json_t *v)
{
	char *text = v == NULL ? xstrdup("") : json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
	fputs(text, stdout);
	free(text);
}

/* What became of a change. */
static void print_change(const json_t *out)
{
	size_t i;
	json_t *one;
	const char *pending = json_str(out, "pending", NULL);
	json_array_foreach (json_arr(out, "changed"), i, one) {
		const char *part = json_str(one, "part", "");
		printf("%s%s%s: ", strcmp(part, "set") == 0 ? "" : part, strcmp(part, "set") == 0 ? "" : " ",
		    json_str(one, "key", ""));
		print_value(json_object_get(one, "before"));
		fputs(" -> ", stdout);
		print_value(json_object_get(one, "after"));
		putchar('\n');
	}
	json_array_foreach (json_arr(out, "overrides"), i, one)
		printf("%s says something about %s that does not count any more.\n", json_str(one, "team", ""),
		    json_str(one, "key", ""));
	if (pending != NULL)
		printf("It waits for another admin: eddy change approve %s\n", pending);
	else if (json_array_size(json_arr(out, "changed")) == 0)
		puts("Nothing is different.");
	else
		printf("Version %d is in force.\n", (int)json_int(out, "version", 0));
}

static int change(struct cli *c, const char *procedure, json_t *args)
{
	json_t *out = NULL;
	int r = cli_procedure(c, procedure, args, &out);
	if (r == EXIT_OK)
		print_change(out);
	json_decref(out);
	return r;
}

int cmd_team_settings(struct cli *c)
{
	json_t *out = NULL, *v;
	const char *key;
	int r = cli_procedure(c, "config.effective", about(c), &out);
	json_object_foreach (json_obj(out, "values"), key, v) {
		const json_t *bounds = json_object_get(json_obj(out, "bounds"), key);
		printf("%-20s ", key);
		print_value(v);
		printf("  (%s%s%s", json_str(json_obj(out, "from"), key, "default"),
		    json_object_get(json_obj(out, "locked"), key) != NULL ? ", locked by " : "",
		    json_str(json_obj(out, "locked"), key, ""));
		if (bounds != NULL) {
			fputs(", within ", stdout);
			print_value(bounds);
		}
		puts(")");
	}
	size_t i;
	json_array_foreach (json_arr(out, "missing"), i, v)
		printf("%s is required, and nobody has set it.\n", json_string_value(v));
	json_array_foreach (json_arr(out, "passed_over"), i, v)
		printf("What %s says about %s does not count.\n", json_str(v, "layer", ""), json_str(v, "key", ""));
	json_decref(out);
	return r;
}

static json_t *keys_of(const char *list)
{
	json_t *keys = json_array();
	while (list != NULL && *list != '\0') {
		size_t n = strcspn(list, ",");
		json_array_append_new(keys, json_stringn(list, n));
		list += n + (list[n] == ',');
	}
	return keys;
}

int cmd_team_set(struct cli *c)
{
	json_t *args = about(c), *set = json_object();
	for (int i = 1; i < c->argc; i++) {
		const char *equals = strchr(c->argv[i], '=');
		if (equals == NULL) {
			cli_complain("team set wants KEY=VALUE: %s", c->argv[i]);
			json_decref(set);
			json_decref(args);
			return EXIT_USAGE;
		}
		char *key = xstrndup(c->argv[i], (size_t)(equals - c->argv[i]));
		json_t *v = json_loads(equals + 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
		json_object_set_new(set, key, v != NULL ? v : json_string(equals + 1));
		free(key);
	}
	json_object_set_new(args, "set", set);
	if (c->lock != NULL)
		json_object_set_new(args, "lock", keys_of(c->lock));
	if (c->unlock != NULL)
		json_object_set_new(args, "unlock", keys_of(c->unlock));
	return change(c, "config.set", args);
}

int cmd_team_unset(struct cli *c)
{
	json_t *args = about(c), *unset = json_array();
	for (int i = 1; i < c->argc; i++)
		json_array_append_new(unset, json_string(c->argv[i]));
	json_object_set_new(args, "unset", unset);
	return change(c, "config.set", args);
}

int cmd_team_restore(struct cli *c)
{
	json_t *args = about(c);
	json_object_set_new(args, "version", json_integer(strtol(c->argv[1], NULL, 10)));
	return change(c, "config.restore", args);
}

int cmd_team_history(struct cli *c)
{
	json_t *out = NULL, *v, *one;
	size_t i, k;
	int r = cli_procedure(c, "config.history", about(c), &out);
	json_array_foreach (json_arr(out, "versions"), i, v) {
		char when[40];
		time_t at = (time_t)(json_int(v, "at_ms", 0) / 1000);
		struct tm tm;
		strftime(when, sizeof when, "%Y-%m-%d %H:%M UTC", gmtime_r(&at, &tm));
		printf("%d  %s  %s%s%s ", (int)json_int(v, "version", 0), when, json_str(v, "author", ""),
		    json_str(v, "approved_by", "")[0] != '\0' ? ", approved by " : "", json_str(v, "approved_by", ""));
		if (json_int(v, "restored_from", 0) > 0)
			printf(" brings back %d:", (int)json_int(v, "restored_from", 0));
		json_array_foreach (json_arr(v, "changed"), k, one)
			printf(" %s", json_str(one, "key", ""));
		putchar('\n');
	}
	json_decref(out);
	return r;
}

int cmd_change_list(struct cli *c)
{
	static const char *const columns[] = { "id", "team", "state", "keys", "author", "decided_by", "reason", NULL };
	json_t *out = NULL;
	int r = cli_procedure(c, "change.list", about(c), &out);
	if (r == EXIT_OK && json_array_size(json_arr(out, "changes")) == 0)
		puts("Nothing waits.");
	cli_table(json_arr(out, "changes"), columns);
	json_decref(out);
	return r;
}

int cmd_change_approve(struct cli *c)
{
	return change(c, "change.approve", json_pack("{s:s}", "change", c->argv[0]));
}

int cmd_change_reject(struct cli *c)
{
	json_t *out = NULL, *args = json_pack("{s:s}", "change", c->argv[0]);
	if (c->argc > 1)
		json_object_set_new(args, "reason", json_string(c->argv[1]));
	int r = cli_procedure(c, "change.reject", args, &out);
	if (r == EXIT_OK)
		puts("Rejected.");
	json_decref(out);
	return r;
}
