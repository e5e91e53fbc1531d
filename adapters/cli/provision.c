/* `eddy provision`: teams from a file, by the procedures team.*. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../core/base/buf.h"
#include "../../core/base/json.h"
#include "../../core/base/yaml.h"
#include "cli.h"
#include "procedure.h"

/* The document of operand 0 ("-": the standard input) as arguments: `parent` of the file is `team` of the procedures. */
static json_t *document(struct cli *c)
{
	const char *path = c->argv[0];
	bool in = strcmp(path, "-") == 0;
	FILE *f = in ? stdin : fopen(path, "re");
	struct buf text = BUF_INIT;
	char part[4096], why[160];
	json_t *doc = NULL;
	size_t n;
	if (f == NULL) {
		cli_complain("%s cannot be read", path);
		return NULL;
	}
	while (text.len <= YAML_MAX && (n = fread(part, 1, sizeof part, f)) > 0)
		buf_add(&text, part, n);
	bool bad = ferror(f) != 0;
	if (!in)
		fclose(f);
	if (bad)
		cli_complain("%s cannot be read", path);
	else if (yaml_read(text.p, text.len, &doc, why) != ERR_NONE)
		cli_complain("%s: %s", path, why);
	else if (!json_is_object(doc))
		cli_complain("%s: it says nothing about a team: it needs slug and name", path);
	buf_done(&text);
	if (!json_is_object(doc)) {
		json_decref(doc);
		return NULL;
	}
	json_t *parent = json_object_get(doc, "parent");
	if (json_object_get(doc, "team") != NULL) {
		cli_complain("%s: what the team stands in is called parent", path);
		json_decref(doc);
		return NULL;
	}
	if (parent != NULL) {
		json_object_set(doc, "team", parent);
		json_object_del(doc, "parent");
	}
	return doc;
}

int cmd_provision_plan(struct cli *c)
{
	json_t *doc = document(c), *out = NULL, *step;
	size_t i;
	if (doc == NULL)
		return EXIT_FAILED;
	int r = cli_procedure(c, "team.plan", doc, &out);
	if (r == EXIT_OK && json_array_size(json_arr(out, "steps")) == 0)
		puts("Everything is as it says.");
	json_array_foreach (json_arr(out, "steps"), i, step)
		puts(json_str(step, "what", ""));
	json_decref(out);
	return r;
}

int cmd_provision_apply(struct cli *c)
{
	json_t *doc = document(c), *out = NULL;
	if (doc == NULL)
		return EXIT_FAILED;
	int r = cli_procedure(c, "team.provision", doc, &out);
	const char *key = json_str(out, "key", "");
	if (r == EXIT_OK && strcmp(json_str(out, "state", ""), "done") != 0)
		puts("It is noted and goes on: eddy provision status");
	else if (r == EXIT_OK)
		puts("Everything is as it says.");
	if (*key != '\0') {
		printf("%s\n", key);
		fprintf(stderr, "This is its key. It is shown this once; it is void after: eddy key revoke %s\n",
		    json_str(out, "key_id", ""));
	}
	json_decref(out);
	return r;
}

int cmd_provision_status(struct cli *c)
{
	json_t *args = json_object(), *out = NULL, *one, *step;
	size_t i, k;
	if (c->argc > 0)
		json_object_set_new(args, "team", json_string(c->argv[0]));
	int r = cli_procedure(c, "team.provisions", args, &out);
	if (r == EXIT_OK && json_array_size(json_arr(out, "provisions")) == 0)
		puts("Nothing was set up or given up yet.");
	json_array_foreach (json_arr(out, "provisions"), i, one) {
		const char *state = json_str(one, "state", ""), *why = json_str(one, "why", "");
		bool open = strcmp(state, "at_work") == 0 || strcmp(state, "being_undone") == 0;
		printf("%s %s: %s%s%s\n", json_str(one, "team", ""),
		    strcmp(json_str(one, "kind", ""), "set_up") == 0 ? "set up" : "given up",
		    strcmp(state, "at_work") == 0            ? "at work"
		        : strcmp(state, "being_undone") == 0 ? "being undone"
		                                             : state,
		    *why != '\0' ? ": " : "", why);
		if (open)
			json_array_foreach (json_arr(one, "steps"), k, step)
				printf("  %-7s %s\n", json_str(step, "state", ""), json_str(step, "what", ""));
	}
	json_decref(out);
	return r;
}

int cmd_provision_remove(struct cli *c)
{
	json_t *out = NULL, *args = json_object();
	json_object_set_new(args, "team", json_string(c->argv[0]));
	if (c->erase)
		json_object_set_new(args, "erase", json_true());
	int r = cli_procedure(c, "team.deprovision", args, &out);
	if (r == EXIT_OK)
		puts(strcmp(json_str(out, "state", ""), "done") == 0
		        ? "Given up."
		        : "It is noted; Eddy does the rest while it runs: eddy provision status");
	json_decref(out);
	return r;
}

/* A line for doctor; false: somebody should look at it. */
bool cli_provision_doctor(struct cli *c, struct buf *out)
{
	json_t *got = NULL, *one, *step;
	size_t i, k;
	if (cli_procedure(c, "team.provisions", json_pack("{s:b}", "open", 1), &got) != EXIT_OK)
		return true; /* said there */
	size_t n = json_array_size(json_arr(got, "provisions"));
	json_array_foreach (json_arr(got, "provisions"), i, one) {
		const char *next = "";
		bool back = strcmp(json_str(one, "state", ""), "being_undone") == 0,
		     up = strcmp(json_str(one, "kind", ""), "set_up") == 0;
		json_array_foreach (json_arr(one, "steps"), k, step)
			if (*next == '\0' && strcmp(json_str(step, "state", ""), "waits") == 0)
				next = json_str(step, "step", "");
		buf_addf(out, "%s%s %s", i > 0 ? "; " : "", json_str(one, "team", ""),
		    back      ? "is being undone: a running Eddy goes on with it, or apply its file again"
		        : !up ? "is being given up: a running Eddy goes on with it, or `eddy provision remove` again"
		        : strcmp(next, "key") == 0
		        ? "is complete but for its key: `eddy provision apply` its file again, which prints it"
		        : "is being set up: a running Eddy goes on with it, or `eddy provision apply` its file again");
	}
	json_decref(got);
	return n == 0;
}
