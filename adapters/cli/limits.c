/* `eddy limits`: the procedure limits.get in the words of the terminal. */
#include <stdio.h>

#include "../../core/base/buf.h"
#include "../../core/base/json.h"
#include "cli.h"
#include "procedure.h"

#define HELD_NAMED 5

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
		printf(
		    "Calls in a minute: a person %lld, about a team %lld, the workspace %lld. Answers of a team at a time: %lld.\n",
		    (long long)json_int(out, "person_calls", 0), (long long)json_int(out, "team_calls", 0),
		    (long long)json_int(out, "workspace_calls", 0), (long long)json_int(out, "concurrent", 0));
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

/* False: a team waits for a process of its own that is not there. */
bool cli_runtime_doctor(struct cli *c, struct buf *out)
{
	json_t *got = NULL, *o;
	size_t i;
	bool well = true;
	if (cli_procedure(c, "runtime.list", json_object(), &got) == EXIT_OK)
		json_array_foreach (json_arr(got, "teams"), i, o) {
			bool served = json_bool(o, "served", false);
			well &= served;
			buf_addf(out, "%s%s has %s", i > 0 ? "; " : "", json_str(o, "team", ""),
			    served ? "a process of its own" : "none of its own processes running");
			if (json_int(o, "waiting", 0) > 0)
				buf_addf(out, ", %lld threads wait", (long long)json_int(o, "waiting", 0));
			if (!served)
				buf_addf(
				    out, ": start one with runtime.team %s, or set runtime.mode shared", json_str(o, "team", ""));
		}
	json_decref(got);
	return well;
}

void cli_limits_doctor(struct cli *c, struct buf *out)
{
	json_t *got = NULL, *o;
	size_t i;
	if (cli_procedure(c, "limits.get", json_object(), &got) == EXIT_OK) {
		buf_addf(out, "a minute: %lld questions a person, %lld a team, %lld the workspace, %lld more may wait; ",
		    (long long)json_int(got, "person", 0), (long long)json_int(got, "team", 0),
		    (long long)json_int(got, "workspace", 0), (long long)json_int(got, "queue", 0));
		json_array_foreach (json_arr(got, "held"), i, o) {
			const char *name = json_str(o, "name", "");
			if (i < HELD_NAMED)
				buf_addf(out, "%s%s has %lld waiting until %s UTC", i > 0 ? ", " : "",
				    *name != '\0' ? name : json_str(o, "person", ""), (long long)json_int(o, "waiting", 0),
				    json_str(o, "until", ""));
		}
		if (i > HELD_NAMED)
			buf_addf(out, ", and %zu more (eddy limits)", i - HELD_NAMED);
		else if (i == 0)
			buf_add_str(out, "nobody waits");
	}
	json_decref(got);
}
