/* `eddy place`: the procedures place.allow, place.deny and place.shared in the words of the terminal. */
#include <stdio.h>

#include "../../core/base/json.h"
#include "cli.h"
#include "procedure.h"

static int change(struct cli *c, const char *procedure, const char *done, const char *so_already)
{
	json_t *out = NULL;
	int r = cli_procedure(c, procedure, json_pack("{s:s}", "place", c->argv[0]), &out);
	if (r == EXIT_OK)
		puts(json_bool(out, "changed", false) ? done : so_already);
	json_decref(out);
	return r;
}

int cmd_place_allow(struct cli *c)
{
	return change(c, "place.allow", "Eddy answers there from now on.", "Eddy answers there already.");
}

int cmd_place_deny(struct cli *c)
{
	return change(c, "place.deny", "Eddy is silent there from now on.", "Eddy is silent there already.");
}

int cmd_place_list(struct cli *c)
{
	static const char *const columns[] = { "state", "adapter", "key", "name", "team", "since", NULL };
	json_t *out = NULL;
	int r = cli_procedure(c, "place.shared", json_object(), &out);
	if (r == EXIT_OK && json_array_size(json_arr(out, "places")) == 0)
		puts("No place is shared with another organisation.");
	cli_table(json_arr(out, "places"), columns);
	json_decref(out);
	return r;
}
