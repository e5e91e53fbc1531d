/* `eddy call` and `eddy api openapi`: any procedure from the terminal, and their description for machines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../core/api/document.h"
#include "../../core/api/once.h"
#include "../../core/base/json.h"
#include "../../core/base/mem.h"
#include "cli.h"
#include "procedure.h"

#define ARGUMENTS_MAX (256u * 1024u)

int cmd_api_openapi(struct cli *c)
{
	struct buf b = BUF_INIT;
	(void)c;
	api_openapi(&b);
	fwrite(b.p, 1, b.len, stdout);
	buf_done(&b);
	return EXIT_OK;
}

static int help(const struct api_proc *p)
{
	struct buf b = BUF_INIT;
	api_help(p, &b);
	fwrite(b.p, 1, b.len, stdout);
	buf_done(&b);
	return EXIT_OK;
}

static bool read_input(json_t **out)
{
	struct buf b = BUF_INIT;
	char room[4096], why[160];
	size_t n;
	while (b.len <= ARGUMENTS_MAX && (n = fread(room, 1, sizeof room, stdin)) > 0)
		buf_add(&b, room, n);
	bool ok = b.len > 0 && json_parse(b.p, b.len, ARGUMENTS_MAX, out, why) == ERR_NONE;
	if (!ok)
		cli_complain("call: the standard input is no JSON object%s%s", b.len > 0 ? ": " : "", b.len > 0 ? why : "");
	else if (!json_is_object(*out)) {
		cli_complain("call: the standard input is no JSON object");
		json_decref(*out);
		ok = false;
	}
	buf_done(&b);
	return ok;
}

static bool takes(const json_t *type, const char *name)
{
	size_t i;
	json_t *v;
	if (json_is_string(type))
		return strcmp(json_string_value(type), name) == 0;
	json_array_foreach (type, i, v)
		if (json_is_string(v) && strcmp(json_string_value(v), name) == 0)
			return true;
	return false;
}

/* A value as the schema of its argument wants it: what is no string there is JSON. */
static json_t *value_of(const json_t *schema, const char *key, const char *text)
{
	const json_t *type = json_object_get(json_obj(json_obj(schema, "properties"), key), "type");
	json_t *v = type == NULL || takes(type, "string") ? NULL : json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	return v != NULL ? v : json_string(text);
}

static bool read_operands(const struct api_proc *p, int argc, char **argv, json_t **out)
{
	json_t *schema = json_loads(p->in, 0, NULL);
	bool ok = true;
	*out = json_object();
	for (int i = 0; i < argc && ok; i++) {
		const char *equals = strchr(argv[i], '=');
		char *key = xstrndup(argv[i], equals == NULL ? 0 : (size_t)(equals - argv[i]));
		ok = key[0] != '\0' && json_object_set_new(*out, key, value_of(schema, key, equals + 1)) == 0;
		if (!ok)
			cli_complain("call: \"%s\" is neither key=value nor - (try: eddy call %s --help)", argv[i], p->name);
		free(key);
	}
	json_decref(schema);
	if (!ok)
		json_decref(*out);
	return ok;
}

#define KEY_OPTION "--idempotency-key"

int cmd_call(struct cli *c)
{
	if (c->argc == 0)
		return help(NULL);
	const struct api_proc *p = api_find(c->argv[0]);
	if (p == NULL) {
		cli_complain("call: there is no procedure \"%s\" (try: eddy call)", c->argv[0]);
		return EXIT_USAGE;
	}
	for (int i = 1; i < c->argc; i++)
		if (strcmp(c->argv[i], "--help") == 0 || strcmp(c->argv[i], "-h") == 0)
			return help(p);
	json_t *args = NULL, *out = NULL;
	const char *key = NULL;
	int n = 0;
	char **operands = xcalloc((size_t)c->argc, sizeof *operands);
	for (int i = 1; i < c->argc; i++)
		if (strncmp(c->argv[i], KEY_OPTION "=", strlen(KEY_OPTION "=")) == 0)
			key = c->argv[i] + strlen(KEY_OPTION "=");
		else if (strcmp(c->argv[i], KEY_OPTION) == 0 && i + 1 < c->argc)
			key = c->argv[++i];
		else
			operands[n++] = c->argv[i];
	if (key != NULL && (p->effect != API_WRITE || !once_key_valid(key))) {
		cli_complain(p->effect != API_WRITE ? "call: %s changes nothing: it takes no " KEY_OPTION
		                                    : "call: the " KEY_OPTION " of %s is 1 to 255 visible ASCII characters",
		    p->name);
		free(operands);
		return EXIT_USAGE;
	}
	bool from_input = n == 1 && strcmp(operands[0], "-") == 0;
	bool fine = from_input ? read_input(&args) : read_operands(p, n, operands, &args);
	free(operands);
	if (!fine)
		return EXIT_USAGE;
	int r = cli_procedure_once(c, p->name, args, key, &out);
	if (r == EXIT_OK) {
		char *text = json_dumps(out, JSON_INDENT(2));
		puts(text == NULL ? "{}" : text);
		free(text);
	}
	json_decref(out);
	return r;
}
