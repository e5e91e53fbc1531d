/* `eddy limits`: the procedure limits.get in the words of the terminal. */
#include <stdio.h>

#include "../../core/base/json.h"
#include "cli.h"
#include "procedure.h"

int cmd_limits(struct cli *c)
{
	json_t *out = NULL, *args = json_object(), *o;
	size_t i;
	if (c->argc > 0)
		json_object_set_new(args, "team", json_string(c->argv[0]));
	int r = cli_procedure(c, "limits.get", args, &out);
	if (r == EXIT_OK) {
		printf("In a minute, and at once: a person %lld, a team %lld, the workspace %lld. Of each %lld more may wait.\n",
		    (long long)json_int(out, "person", 0), (long long)json_int(out, "team", 0),
		    (long long)json_int(out, "workspace", 0), (long long)json_int(out, "queue", 0));
		json_array_foreach (json_arr(out, "held"), i, o)
			printf("%s: %lld waiting, the last until %s UTC\n",
			    json_str(o, "name", "")[0] ? json_str(o, "name", "") : json_str(o, "person", ""),
			    (long long)json_int(o, "waiting", 0), json_str(o, "until", ""));
		if (json_array_size(json_arr(out, "held")) == 0)
			puts("Nobody waits.");
	}
	json_decref(out);
	return r;
}
