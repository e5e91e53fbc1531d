/* `eddy export`: a copy of one person's data for an operator to hand out.  It speaks to the database, so Eddy may be running or not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/mem.h"
#include "../../core/memory/export.h"
#include "../../core/store/pg.h"
#include "../../core/store/store.h"
#include "cli.h"

static const struct pg_statement own_statements[] = {
	{ "export_tenants", "SELECT DISTINCT ws FROM installs WHERE adapter <> 'erased' ORDER BY ws" },
	{ NULL, NULL },
};
static const struct pg_statement *const tables[] = { own_statements, export_statements, NULL };

/* Appends one object for each workspace that knows the person. */
static enum err copy(struct pg *pg, const char *adapter, const char *id, struct buf *out, int *found)
{
	struct pg_args *none = pg_args_new();
	PGresult *r = NULL;
	enum err e = pg_query(pg, "export_tenants", none, &r);
	pg_args_free(none);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		struct id ws = pg_get_id(r, i, 0), person;
		long left_out = 0;
		if ((e = pg_begin(pg, ws)) != ERR_NONE)
			break;
		e = export_find(pg, ws, adapter, id, &person);
		bool known = e == ERR_NONE;
		if (known)
			e = export_person(pg, ws, person, NULL, 0, out, &left_out);
		if (known && e == ERR_NONE)
			buf_add_char(out, '\n');
		e = pg_end(pg, e == ERR_INPUT ? ERR_NONE : e);
		*found += known && e == ERR_NONE;
	}
	PQclear(r);
	return e;
}

int cmd_export(struct cli *c)
{
	struct store *store = NULL;
	struct pg *pg = NULL;
	struct buf out = BUF_INIT;
	char why[512] = "";
	int r = cli_settings(c), found = 0;
	if (r != EXIT_OK)
		return r;
	const struct store_options so = { .url = settings_str(c->settings, "database.url"),
		.admin_url = settings_str(c->settings, "database.admin_url"),
		.data_dir = cli_data_dir(c) };
	const char *colon = strchr(c->argv[0], ':');
	char *adapter = colon == NULL ? xstrdup("") : xstrndup(c->argv[0], (size_t)(colon - c->argv[0]));
	enum err e = store_open(&store, &so, why, sizeof why);
	if (e == ERR_NONE)
		e = pg_open(&pg, store_url(store), tables, why, sizeof why);
	if (e == ERR_NONE) {
		snprintf(why, sizeof why, "the database does not answer");
		e = copy(pg, adapter, colon == NULL ? c->argv[0] : colon + 1, &out, &found);
	}
	pg_close(pg);
	store_close(store);
	free(adapter);
	if (e != ERR_NONE)
		cli_complain("%s", why);
	else if (found == 0)
		cli_complain("%s: nobody is known by that name; it is ADAPTER:ID or a person's id", c->argv[0]);
	else
		fwrite(out.p, 1, out.len, stdout);
	buf_done(&out);
	return e == ERR_NONE && found > 0 ? EXIT_OK : EXIT_FAILED;
}
