/* `eddy team` and `eddy member`: the procedures org.*, place.* and member.* in the words of the terminal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/json.h"
#include "../../core/settings/settings.h"
#include "cli.h"
#include "probe.h"
#include "procedure.h"

/* {"team": operand ${i}} if there is one. */
static json_t *team_arg(const struct cli *c, int i)
{
	json_t *args = json_object();
	if (i < c->argc)
		json_object_set_new(args, "team", json_string(c->argv[i]));
	return args;
}

static json_t *with(json_t *args, const char *key, const char *value)
{
	if (value != NULL)
		json_object_set_new(args, key, json_string(value)); /* no UTF-8: left out, and the schema says what is missing */
	return args;
}

static int list_of(struct cli *c, const char *procedure, const char *key, const char *const *columns, const char *nothing)
{
	json_t *out = NULL;
	int r = cli_procedure(c, procedure, team_arg(c, 0), &out);
	if (r == EXIT_OK) {
		const json_t *list = json_arr(out, key);
		if (json_array_size(list) == 0)
			puts(nothing);
		cli_table(list, columns);
	}
	json_decref(out);
	return r;
}

/* Runs it and says ${done}, with the short name of the team that came back if there is one. */
static int change(struct cli *c, const char *procedure, json_t *args, const char *done)
{
	json_t *out = NULL;
	int r = cli_procedure(c, procedure, args, &out);
	if (r == EXIT_OK)
		printf("%s%s%s\n", json_str(out, "slug", ""), json_object_get(out, "slug") != NULL ? ": " : "", done);
	json_decref(out);
	return r;
}

int cmd_team_list(struct cli *c)
{
	json_t *out = NULL, *team;
	size_t i;
	int r = cli_procedure(c, "org.list", team_arg(c, 0), &out);
	json_array_foreach (json_arr(out, "teams"), i, team) {
		int in = 2 * (int)(json_int(team, "depth", 1) - 1);
		printf("%*s%-*s  %s (%s; places: %d, members: %d)\n", in, "", 28 - in > 0 ? 28 - in : 0, json_str(team, "slug", ""),
		    json_str(team, "name", ""), json_str(team, "kind", ""), (int)json_int(team, "places", 0),
		    (int)json_int(team, "members", 0));
	}
	json_decref(out);
	return r;
}

int cmd_team_create(struct cli *c)
{
	json_t *args = with(with(with(team_arg(c, 1), "name", c->argv[0]), "slug", c->slug), "kind", c->unit ? "unit" : "team");
	return change(c, "org.create", args, "made.");
}

int cmd_team_rename(struct cli *c)
{
	return change(c, "org.update", with(with(team_arg(c, 0), "name", c->argv[1]), "slug", c->slug), "renamed.");
}

int cmd_team_move(struct cli *c)
{
	return change(c, "org.update", with(team_arg(c, 0), "parent", c->argv[1]), "moved.");
}

int cmd_team_archive(struct cli *c)
{
	return change(c, "org.archive", with(team_arg(c, 0), "move_to", c->argc > 1 ? c->argv[1] : NULL), "Archived.");
}

int cmd_team_places(struct cli *c)
{
	static const char *const columns[] = { "team", "adapter", "key", "name", NULL };
	return list_of(c, "place.list", "places", columns, "No places.");
}

int cmd_team_assign(struct cli *c)
{
	return change(c, "place.assign", with(team_arg(c, 1), "place", c->argv[0]), "Assigned.");
}

int cmd_member_list(struct cli *c)
{
	static const char *const columns[] = { "role", "at", "name", "known_as", NULL };
	return list_of(c, "member.list", "members", columns, "Nobody was given a role here: what their platform implies holds.");
}

int cmd_member_put(struct cli *c)
{
	return change(c, "member.put", with(with(team_arg(c, 2), "person", c->argv[0]), "role", c->argv[1]), "Given.");
}

int cmd_member_remove(struct cli *c)
{
	return change(c, "member.remove", with(team_arg(c, 1), "person", c->argv[0]), "Taken back.");
}

#define ANSWER_MAX 8192

/* The daemon knows the mail servers, so it is asked. */
int cmd_team_invite(struct cli *c)
{
	struct probe server;
	struct buf answer = BUF_INIT;
	json_t *out = NULL;
	char token[600] = "", why[256] = "nothing answers";
	int r = cli_settings(c);
	if (r != EXIT_OK)
		return r;
	if (!cli_server(c, &server)) {
		cli_complain("web.listen: \"%s\" is not host:port", settings_str(c->settings, "web.listen"));
		return EXIT_SETTINGS;
	}
	json_t *args = with(with(team_arg(c, 2), "person", c->argv[0]), "role", c->argc > 1 ? c->argv[1] : NULL);
	char *body = json_dumps(args, JSON_COMPACT);
	int status = body != NULL && cli_local_token(c, token, sizeof token)
	    ? probe_post(&server, "/api/v1/member.invite", token, body, strlen(body), ANSWER_MAX, &answer, why, sizeof why)
	    : 0;
	explicit_bzero(token, sizeof token);
	free(body);
	json_decref(args);
	if (status != 0)
		(void)json_parse(answer.p, answer.len, ANSWER_MAX, &out, NULL);
	if (status == 200)
		puts(json_is_true(json_object_get(out, "sent"))
		        ? "Invited: a mail with a link is on its way."
		        : "Given. They were invited within the last day already: no second mail goes out.");
	else if (status == 0)
		cli_complain("Eddy is not running here (%s). Start it with `make run` or `eddy serve`.", why);
	else
		cli_complain("the server refused: %s", json_str(out, "detail", "no reason given"));
	json_decref(out);
	buf_done(&answer);
	return status == 200 ? EXIT_OK : status == 0 ? EXIT_NO_SERVER : EXIT_FAILED;
}

static size_t rows_of(struct cli *c, const char *name, const char *list, const char *key, const char *value)
{
	json_t *got = NULL, *o;
	size_t i, n = 0;
	if (cli_procedure(c, name, json_object(), &got) == EXIT_OK)
		json_array_foreach (json_arr(got, list), i, o)
			n += key == NULL || strcmp(json_str(o, key, ""), value) == 0;
	json_decref(got);
	return n;
}

/* Who is in charge, and what waits for them. */
void cli_roles_doctor(struct cli *c, struct buf *out)
{
	json_t *shared = NULL, *o;
	size_t i, closed = 0, owners = rows_of(c, "member.list", "members", "role", "owner"),
	          admins = rows_of(c, "member.list", "members", "role", "admin"),
	          changes = rows_of(c, "change.list", "changes", NULL, NULL);
	if (cli_procedure(c, "place.shared", json_object(), &shared) == EXIT_OK)
		json_array_foreach (json_arr(shared, "places"), i, o)
			closed += strcmp(json_str(o, "state", ""), "closed") == 0;
	json_decref(shared);
	if (owners == 0)
		buf_addf(out, "only this terminal owns the workspace: name somebody with eddy member put PERSON owner");
	else
		buf_addf(out, "owners that were named: %zu, admins: %zu", owners, admins);
	if (changes > 0)
		buf_addf(out, "; changes of settings that wait for a second admin: %zu (eddy change list)", changes);
	if (closed > 0)
		buf_addf(out, "; shared channels that are closed until somebody allows them: %zu (eddy place list)", closed);
}
