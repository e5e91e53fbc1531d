/* `eddy workspace …`, and the part of doctor about them.  They speak to the database, so Eddy may be running or not; a daemon hears of a change at once. */
#include <stdio.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/metric.h"
#include "../../core/store/store.h"
#include "../net/http.h"
#include "cli.h"

struct desk {
	struct cli *c;
	struct store *store;
	struct metrics *metrics;
	struct engine *engine;
	char why[512];
};

static enum err desk_open(struct desk *d, struct cli *c)
{
	*d = (struct desk){ .c = c, .metrics = metrics_new() };
	const struct store_options so = { .url = settings_str(c->settings, "database.url"),
		.admin_url = settings_str(c->settings, "database.admin_url"),
		.data_dir = cli_data_dir(c) };
	enum err e = store_open(&d->store, &so, d->why, sizeof d->why);
	if (e == ERR_NONE)
		e = cli_unseal(c, store_url(d->store), d->why, sizeof d->why);
	if (e != ERR_NONE)
		return e;
	const struct engine_options o = {
		.settings = c->settings, .metrics = d->metrics, .database_url = store_url(d->store), .data_dir = cli_data_dir(c)
	};
	e = engine_open(&d->engine, &o, d->why, sizeof d->why);
	if (e == ERR_NONE)
		snprintf(d->why, sizeof d->why, "the database does not answer");
	return e;
}

static void desk_close(struct desk *d)
{
	engine_free(d->engine);
	metrics_free(d->metrics);
	store_close(d->store);
}

static enum err remove_one(struct desk *d, struct buf *out)
{
	struct http *http = NULL;
	enum err e = http_new(&http, NULL, settings_str(d->c->settings, "net.ca_file"));
	if (e == ERR_NONE)
		e = d->c->slack->remove(d->c->settings, d->engine, http, d->c->argv[0], out);
	http_free(http);
	if (e == ERR_NONE)
		buf_addf(out,
		    "%s is removed: its token is gone, and nothing is heard or said there any more. What was written stays.\n",
		    d->c->argv[0]);
	if (e == ERR_INPUT)
		snprintf(d->why, sizeof d->why,
		    "%s is no workspace that has added the app; eddy workspace list shows those that have", d->c->argv[0]);
	return e;
}

static int at_desk(struct cli *c, enum err (*fn)(struct desk *d, struct buf *out))
{
	struct desk d;
	struct buf out = BUF_INIT;
	int r = cli_settings(c);
	if (r != EXIT_OK)
		return r;
	enum err e = desk_open(&d, c);
	if (e == ERR_NONE)
		e = fn(&d, &out);
	if (e != ERR_NONE)
		cli_complain("%s", d.why);
	else
		fwrite(out.p, 1, out.len, stdout);
	buf_done(&out);
	desk_close(&d);
	return e == ERR_NONE ? EXIT_OK : EXIT_FAILED;
}

static enum err list_all(struct desk *d, struct buf *out)
{
	enum err e = d->c->slack->workspaces(d->engine, out);
	if (e == ERR_NONE && out->len == 0)
		buf_add_str(out, "There is no Slack workspace yet.\n");
	return e;
}

int cmd_workspace_list(struct cli *c)
{
	return at_desk(c, list_all);
}

int cmd_workspace_remove(struct cli *c)
{
	return at_desk(c, remove_one);
}

void cli_workspace_doctor(struct cli *c, struct http *http, struct buf *out)
{
	struct desk d;
	if (settings_str(c->settings, "slack.client_id") == NULL)
		return;
	enum err e = desk_open(&d, c);
	if (e == ERR_NONE)
		e = c->slack->check(c->settings, d.engine, http, out);
	if (e != ERR_NONE && e != ERR_INPUT)
		buf_addf(out, "bad slack: the workspaces cannot be looked at: %s\n", d.why);
	desk_close(&d);
}
