/* `eddy mail stops`, `stop` and `allow`: whom Eddy does not write to.  They speak to the database, so Eddy may be running or not. */
#include <stdio.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/metric.h"
#include "../../core/store/store.h"
#include "cli.h"

enum stops_verb { STOPS_LIST, STOPS_ADD, STOPS_LIFT };

static enum err ask(struct cli *c, struct store *store, enum stops_verb verb, struct buf *out, char *why, size_t n)
{
	struct metrics *metrics = metrics_new();
	struct engine *e = NULL;
	const struct engine_options o = {
		.settings = c->settings, .metrics = metrics, .database_url = store_url(store), .data_dir = cli_data_dir(c)
	};
	enum err err = engine_open(&e, &o, why, n);
	if (err == ERR_NONE) {
		snprintf(why, n,
		    verb == STOPS_LIST ? "the database does not answer" : "%s: no such address is stopped, or it is none",
		    c->argc > 0 ? c->argv[0] : "");
		err = verb == STOPS_LIST ? c->mail->stops(c->settings, e, out)
		    : verb == STOPS_ADD  ? c->mail->stop(c->settings, e, c->argv[0])
		                         : c->mail->allow(c->settings, e, c->argv[0]);
	}
	engine_free(e);
	metrics_free(metrics);
	return err;
}

static int stops(struct cli *c, enum stops_verb verb)
{
	struct store *store = NULL;
	struct buf out = BUF_INIT;
	char why[512] = "";
	int r = cli_settings(c);
	if (r != EXIT_OK)
		return r;
	if (!c->mail->configured(c->settings)) {
		cli_complain("mail is not set up: email.address is not set");
		return EXIT_SETTINGS;
	}
	const struct store_options so = { .url = settings_str(c->settings, "database.url"),
		.admin_url = settings_str(c->settings, "database.admin_url"),
		.data_dir = cli_data_dir(c) };
	enum err e = store_open(&store, &so, why, sizeof(why));
	if (e == ERR_NONE)
		e = ask(c, store, verb, &out, why, sizeof(why));
	store_close(store);
	if (e != ERR_NONE)
		cli_complain("%s", why);
	else if (verb == STOPS_LIST && out.len == 0)
		puts("Eddy writes to everybody.");
	else if (verb != STOPS_LIST)
		printf(verb == STOPS_ADD ? "Eddy does not write to %s any more.\n" : "Eddy writes to %s again.\n", c->argv[0]);
	else if (out.len > 0)
		fwrite(out.p, 1, out.len, stdout);
	buf_done(&out);
	return e == ERR_NONE ? EXIT_OK : EXIT_FAILED;
}

int cmd_mail_stops(struct cli *c)
{
	return stops(c, STOPS_LIST);
}

int cmd_mail_stop(struct cli *c)
{
	return stops(c, STOPS_ADD);
}

int cmd_mail_allow(struct cli *c)
{
	return stops(c, STOPS_LIFT);
}
