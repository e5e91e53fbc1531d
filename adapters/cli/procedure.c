/*
 * Procedures from the terminal.  Who may read the settings of this machine's database is its owner, and speaks as the person "local" of the
 * page and the terminal; that person is made here if nobody has said a word yet.
 */
#include "procedure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../core/api/api.h"
#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/json.h"
#include "../../core/people/directory.h"
#include "../../core/store/store.h"
#include "../../core/teams/config_store.h"

static const struct pg_statement own_statements[] = {
	{ "procedure_tenant", "SELECT ws FROM installs WHERE adapter = 'local' AND external_id = 'default'" },
	{ "procedure_person",
	    "WITH p AS (INSERT INTO people (ws, id) SELECT $1::uuid, $2::uuid WHERE NOT EXISTS (SELECT 1 FROM identities WHERE ws = $1 AND adapter = 'web'"
	    " AND external_id = 'local') ON CONFLICT DO NOTHING), i AS (INSERT INTO identities (ws, adapter, external_id, person_id, verified)"
	    " SELECT $1, 'web', 'local', $2, 1 ON CONFLICT DO NOTHING RETURNING person_id)"
	    " SELECT person_id FROM i UNION ALL SELECT person_id FROM identities WHERE ws = $1 AND adapter = 'web' AND external_id = 'local' LIMIT 1" },
	{ NULL, NULL },
};

static enum err first_id(struct pg *pg, const char *statement, struct pg_args *a, struct id *out)
{
	PGresult *r = NULL;
	enum err e = pg_query(pg, statement, a, &r);
	pg_args_free(a);
	*out = e == ERR_NONE && PQntuples(r) > 0 ? pg_get_id(r, 0, 0) : ID_NONE;
	PQclear(r);
	return e;
}

static enum err who(struct pg *pg, struct caller *by, char *why, size_t n)
{
	struct id ws, person = ID_NONE;
	enum err e = first_id(pg, "procedure_tenant", pg_args_new(), &ws);
	snprintf(why, n, "the database does not answer");
	if (e != ERR_NONE)
		return e;
	if (id_is_none(ws)) {
		snprintf(why, n, "this database has no workspace yet: start Eddy once (eddy serve)");
		return ERR_INPUT;
	}
	if ((e = pg_begin(pg, ws)) != ERR_NONE)
		return e;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, identity_id(ws, "web", "local"));
	e = first_id(pg, "procedure_person", a, &person);
	if (e == ERR_NONE)
		e = authority_of(pg, ws, person, "cli", by);
	return pg_end(pg, e);
}

#define TRIES 4

static int call(struct pg *pg, const char *name, const json_t *args, const char *key, json_t **out)
{
	struct caller by;
	struct problem problem;
	char why[200], text[ID_TEXT], own[ID_TEXT];
	if (who(pg, &by, why, sizeof why) != ERR_NONE) {
		cli_complain("%s", why);
		return EXIT_FAILED;
	}
	struct id request = id_new();
	const struct api_proc *p = api_find(name);
	bool again = false;
	if (p == NULL || p->effect != API_WRITE)
		key = NULL;
	else if (key == NULL)
		key = id_format(request, own);
	/* The database was busy or went away: whether what was asked is done is known by its key alone. */
	for (int i = 0; i < TRIES; i++) {
		if (i > 0) {
			usleep((useconds_t)(problem.retry_after_s > 0 ? problem.retry_after_s * 1000000 : 300000));
			if (!pg_alive(pg) && pg_reconnect(pg) != ERR_NONE)
				continue;
		}
		enum api_code code = api_run_once(NULL, pg, &by, name, args, request, key, &again, out, &problem);
		if (code == API_OK)
			return EXIT_OK;
		if (code != API_UNAVAILABLE || (p != NULL && p->needs_engine))
			break;
	}
	struct buf words = BUF_INIT;
	problem_words(&problem, id_format(request, text), &words);
	cli_complain("%s%s%s", problem.field, problem.field[0] != '\0' ? ": " : "", words.p);
	buf_done(&words);
	return EXIT_FAILED;
}

/* ${fn} with a connection to the database. */
static int connected(struct cli *c, int (*fn)(void *arg, struct pg *pg), void *arg)
{
	struct store *store = NULL;
	struct pg *pg = NULL;
	const struct pg_statement *tables[60] = { own_statements };
	char why[512] = "";
	int r = cli_settings(c);
	if (r != EXIT_OK)
		return r;
	config_platform(c->settings);
	for (size_t i = 0; api_tables[i] != NULL && i + 2 < sizeof tables / sizeof *tables; i++)
		tables[i + 1] = api_tables[i];
	const struct store_options so = { .url = settings_str(c->settings, "database.url"),
		.admin_url = settings_str(c->settings, "database.admin_url"),
		.data_dir = cli_data_dir(c) };
	enum err e = store_open(&store, &so, why, sizeof why);
	if (e == ERR_NONE)
		e = pg_open(&pg, store_url(store), tables, why, sizeof why);
	if (e != ERR_NONE)
		cli_complain("%s", why);
	r = e == ERR_NONE ? fn(arg, pg) : EXIT_FAILED;
	pg_close(pg);
	store_close(store);
	return r;
}

struct one_call {
	const char *name, *key;
	json_t *args, **out;
	bool (*page)(void *arg, const json_t *out, json_t *args);
	void *arg;
};

static int call_once(void *arg, struct pg *pg)
{
	struct one_call *o = arg;
	return call(pg, o->name, o->args, o->key, o->out);
}

static int call_pages(void *arg, struct pg *pg)
{
	struct one_call *o = arg;
	bool more = true;
	int r = EXIT_OK;
	while (r == EXIT_OK && more) {
		json_t *out = NULL;
		r = call(pg, o->name, o->args, NULL, &out);
		const char *cursor = r == EXIT_OK ? json_str(out, "cursor", NULL) : NULL;
		more = r == EXIT_OK && o->page(o->arg, out, o->args) && cursor != NULL;
		if (more)
			json_object_set_new(o->args, "cursor", json_string(cursor));
		json_decref(out);
	}
	return r;
}

int cli_procedure(struct cli *c, const char *name, json_t *args, json_t **out)
{
	return cli_procedure_once(c, name, args, NULL, out);
}

int cli_procedure_once(struct cli *c, const char *name, json_t *args, const char *key, json_t **out)
{
	struct one_call o = { .name = name, .key = key, .args = args, .out = out };
	int r = connected(c, call_once, &o);
	json_decref(args);
	return r;
}

int cli_procedure_pages(
    struct cli *c, const char *name, json_t *args, bool (*page)(void *arg, const json_t *out, json_t *args), void *arg)
{
	struct one_call o = { .name = name, .args = args, .page = page, .arg = arg };
	int r = connected(c, call_pages, &o);
	json_decref(args);
	return r;
}

/* ---- tables ---- */

#define COLUMNS_MAX 8

static const char *cell(const json_t *row, const char *column, char number[24])
{
	const json_t *v = json_object_get(row, column);
	if (json_is_string(v))
		return json_string_value(v);
	if (!json_is_integer(v))
		return "";
	snprintf(number, 24, "%lld", (long long)json_integer_value(v));
	return number;
}

static int characters(const char *s)
{
	int n = 0;
	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void cli_table(const json_t *list, const char *const *columns)
{
	int wide[COLUMNS_MAX] = { 0 };
	char number[24];
	size_t n = 0, i;
	json_t *row;
	while (n < COLUMNS_MAX && columns[n] != NULL)
		n++;
	json_array_foreach (list, i, row)
		for (size_t k = 0; k < n; k++) {
			int w = characters(cell(row, columns[k], number));
			wide[k] = w > wide[k] ? w : wide[k];
		}
	json_array_foreach (list, i, row) {
		for (size_t k = 0; k < n; k++) {
			const char *text = cell(row, columns[k], number);
			int pad = k + 1 < n ? wide[k] + 2 - characters(text) : 0;
			printf("%s%*s", text, pad, "");
		}
		putchar('\n');
	}
}
