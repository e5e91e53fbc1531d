/* The fake Slack as a program: prints "slack listening on PORT".  Options are those of /control/options, and --port. */
#include <stdio.h>
#include <string.h>

#include "../slack.h"

struct fake fake = { .team = "T0FAKE",
	.bot_user = "U0EDDY",
	.bot_id = "B0EDDY",
	.app = "A0FAKE",
	.scopes =
	    "app_mentions:read,assistant:write,channels:history,channels:read,groups:history,groups:read,im:history,im:read,im:write,"
	    "mpim:history,mpim:read,chat:write,commands,files:read,reactions:read,reactions:write,users:read",
	.stream_end_ms = 300000,
	.ping_ms = 10000,
	.close_ms = 3000,
	.owed_ms = 3000,
	.history_max = 200,
	.update_max = 4000,
	.links_max = 10,
	.retry_ms = { 3000, 60000, 300000 },
	.echo = true,
	.journal = true,
	.keep = true };

static void on_request(const struct kit_request *r)
{
	if (strncmp(r->path, "/api/", 5) == 0)
		api_request(r, r->path + 5);
	else if (strncmp(r->path, "/link", 5) == 0)
		socket_open(r);
	else if (strncmp(r->path, "/control/", 9) == 0)
		control_request(r, r->path + 9);
	else if (strncmp(r->path, "/response/", 10) == 0)
		response_request(r, r->path + 10);
	else if (strncmp(r->path, "/files/", 7) == 0) {
		char auth[160];
		bool ok = kit_header(r, "authorization", auth, sizeof auth) && strncmp(auth, "Bearer xoxb-", 12) == 0;
		static const char page[] = "<html>log in</html>", file[] = "hello file\n";
		kit_reply(
		    r->conn, 200, ok ? "text/plain" : "text/html", NULL, ok ? file : page, ok ? sizeof file - 1 : sizeof page - 1);
	} else
		kit_reply(r->conn, 404, "text/plain", NULL, "not here\n", 9);
}

int main(int argc, char **argv)
{
	json_t *o = kit_options(argc, argv, "slack [--port=N] [--OPTION=VALUE ...]");
	fake.violations = json_array();
	fake.ephemerals = json_array();
	fake.users = json_object();
	fake.statuses = json_object();
	fake.views = json_object();
	fake.responses = json_object();
	fake.reactions = json_object();
	fake.modals = json_array();
	fake.answers = json_object();
	fake.port = kit_listen((int)kit_int(o, "port", 0), on_request);
	options_apply(o);
	kit_announce("slack", fake.port);
	kit_run();
	return 0;
}
