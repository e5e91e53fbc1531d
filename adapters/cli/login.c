/* `eddy login`: asks the server that runs here for a link which logs somebody in on its page. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../core/base/buf.h"
#include "../../core/base/json.h"
#include "../../core/settings/settings.h"
#include "cli.h"
#include "probe.h"

#define ANSWER_MAX 8192

static int report(int status, const struct buf *answer, const char *why)
{
	json_t *root = NULL;
	int r = EXIT_FAILED;
	if (status == 0) {
		cli_complain("Eddy is not running here (%s). Start it with `make run` or `eddy serve`.", why);
		return EXIT_NO_SERVER;
	}
	(void)json_parse(answer->p, answer->len, ANSWER_MAX, &root, NULL);
	const char *url = json_str(root, "url", NULL);
	if (status == 200 && url != NULL) {
		printf("%s\n", url);
		if (isatty(STDOUT_FILENO))
			printf(
			    "This link logs in once, within %lld minutes.\n", (long long)(json_int(root, "expires_in", 600) / 60));
		r = fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
	} else {
		cli_complain("the server refused: %s", json_str(root, "detail", "no reason given"));
	}
	json_decref(root);
	return r;
}

int cmd_login(struct cli *c)
{
	struct probe server;
	struct buf body = BUF_INIT, answer = BUF_INIT;
	char token[600] = "", why[256] = "nothing answers";
	int r = cli_settings(c);
	if (r != EXIT_OK)
		return r;
	if (!cli_server(c, &server)) {
		cli_complain("web.listen: \"%s\" is not host:port", settings_str(c->settings, "web.listen"));
		return EXIT_SETTINGS;
	}
	buf_add_str(&body, "{");
	if (c->argc > 0) {
		buf_add_str(&body, "\"person\":");
		buf_add_json_str(&body, c->argv[0]);
	}
	if (c->argc > 1) {
		buf_add_str(&body, ",\"name\":");
		buf_add_json_str(&body, c->argv[1]);
	}
	buf_add_str(&body, "}");
	int status = cli_local_token(c, token, sizeof token)
	    ? probe_post(&server, "/api/code", token, body.p, body.len, ANSWER_MAX, &answer, why, sizeof why)
	    : 0;
	r = report(status, &answer, why);
	explicit_bzero(token, sizeof token);
	if (answer.p != NULL)
		explicit_bzero(answer.p, answer.len);
	buf_done(&answer);
	buf_done(&body);
	return r;
}
