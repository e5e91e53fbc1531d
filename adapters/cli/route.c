/* `eddy route`: the procedures route.* in the words of the terminal; what is routed is written KIND=VALUE. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/json.h"
#include "../../core/base/mem.h"
#include "cli.h"
#include "procedure.h"

/* {"kind", "value"} of "kind=value"; NULL and a complaint when it is none. */
static json_t *named(const char *text)
{
	const char *equals = strchr(text, '=');
	if (equals == NULL) {
		cli_complain("%s: it is KIND=VALUE, as in github_repo=acme/payments", text);
		return NULL;
	}
	json_t *o = json_object();
	json_object_set_new(o, "kind", json_stringn(text, (size_t)(equals - text)));
	json_object_set_new(o, "value", json_string(equals + 1));
	return o;
}

int cmd_route_put(struct cli *c)
{
	for (int i = 1; i < c->argc; i++) {
		json_t *args = named(c->argv[i]), *out = NULL;
		if (args == NULL)
			return EXIT_USAGE;
		json_object_set_new(args, "team", json_string(c->argv[0]));
		int r = cli_procedure(c, "route.put", args, &out);
		if (r == EXIT_OK)
			printf("%s=%s goes to %s.\n", json_str(out, "kind", ""), json_str(out, "value", ""), c->argv[0]);
		json_decref(out);
		if (r != EXIT_OK)
			return r;
	}
	return EXIT_OK;
}

int cmd_route_remove(struct cli *c)
{
	json_t *args = named(c->argv[0]), *out = NULL;
	if (args == NULL)
		return EXIT_USAGE;
	int r = cli_procedure(c, "route.remove", args, &out);
	if (r == EXIT_OK)
		printf("%s=%s is nobody's now.\n", json_str(out, "kind", ""), json_str(out, "value", ""));
	json_decref(out);
	return r;
}

int cmd_route_list(struct cli *c)
{
	static const char *const columns[] = { "team", "kind", "value", NULL };
	json_t *out = NULL, *args = json_object();
	if (c->argc > 0)
		json_object_set_new(args, "team", json_string(c->argv[0]));
	int r = cli_procedure(c, "route.list", args, &out);
	if (r == EXIT_OK && json_array_size(json_arr(out, "routes")) == 0)
		puts("Nothing is claimed.");
	cli_table(json_arr(out, "routes"), columns);
	json_decref(out);
	return r;
}

int cmd_route_test(struct cli *c)
{
	static const char *const columns[] = { "kind", "value", "result", NULL };
	json_t *names = json_array(), *out = NULL;
	for (int i = 0; i < c->argc; i++) {
		json_t *one = named(c->argv[i]);
		if (one == NULL) {
			json_decref(names);
			return EXIT_USAGE;
		}
		json_array_append_new(names, one);
	}
	int r = cli_procedure(c, "route.lookup", json_pack("{s:o}", "names", names), &out);
	const char *team = json_str(out, "team", NULL);
	if (r == EXIT_OK && team != NULL)
		printf("%s gets it, by %s=%s.\n", team, json_str(json_obj(out, "matched_by"), "kind", ""),
		    json_str(json_obj(out, "matched_by"), "value", ""));
	else if (r == EXIT_OK)
		puts(json_str(out, "hint", ""));
	cli_table(json_arr(out, "tried"), columns);
	json_decref(out);
	return r;
}
