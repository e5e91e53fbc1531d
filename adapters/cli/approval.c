/* `eddy approval`: what waits for consent, shown as it would be sent, and the decision about it. */
#include <stdio.h>
#include <string.h>

#include "../../core/base/json.h"
#include "cli.h"
#include "procedure.h"

static void indented(const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		printf("    %.*s\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

int cmd_approval_list(struct cli *c)
{
	json_t *out = NULL, *one;
	size_t i;
	int r = cli_procedure(c, "approval.list", json_pack("{s:i}", "limit", 500), &out);
	if (r == EXIT_OK && json_array_size(json_arr(out, "approvals")) == 0)
		puts("Nothing waits for you.");
	json_array_foreach (json_arr(out, "approvals"), i, one) {
		printf("%s  %s asks for %s to %s (%s):\n", json_str(one, "id", ""), json_str(one, "asker", "somebody"),
		    json_str(one, "tool", ""), json_str(one, "to", ""), json_str(one, "adapter", ""));
		indented(json_str(one, "text", ""));
	}
	json_decref(out);
	return r;
}

/* The digest of what the list shows now under this id: what is decided is what stands there. */
static int decide(struct cli *c, const char *decision)
{
	json_t *out = NULL, *one, *args = NULL;
	size_t i;
	int r = cli_procedure(c, "approval.list", json_pack("{s:i}", "limit", 500), &out);
	json_array_foreach (json_arr(out, "approvals"), i, one)
		if (strcmp(json_str(one, "id", ""), c->argv[0]) == 0) {
			args = json_pack(
			    "{s:s, s:s, s:s}", "id", c->argv[0], "decision", decision, "digest", json_str(one, "digest", ""));
			printf("To %s:\n", json_str(one, "to", ""));
			indented(json_str(one, "text", ""));
		}
	json_decref(out);
	out = NULL;
	if (r != EXIT_OK)
		return r;
	if (args == NULL) {
		cli_complain("%s: nothing of this id waits for you; `eddy approval list` shows what does", c->argv[0]);
		return EXIT_USAGE;
	}
	r = cli_procedure(c, "approval.decide", args, &out);
	if (r == EXIT_OK && !json_bool(out, "done", false)) {
		cli_complain("%s", json_str(out, "why", ""));
		r = EXIT_FAILED;
	} else if (r == EXIT_OK) {
		puts(strcmp(decision, "grant") == 0 ? "Approved: it goes out now." : "Refused: nothing is sent.");
	}
	json_decref(out);
	return r;
}

int cmd_approval_grant(struct cli *c)
{
	return decide(c, "grant");
}

int cmd_approval_refuse(struct cli *c)
{
	return decide(c, "refuse");
}
