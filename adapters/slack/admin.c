/* The workspaces that have added the app, for whoever sits at the terminal of the server. */
#include "admin.h"
#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../core/base/buf.h"
#include "../../core/base/json.h"
#include "../../core/engine/installs.h"
#include "../../core/settings/settings.h"
#include "api.h"
#include "check.h"
#include "grants.h"
#include "manifest.h"
#include "slack.h"

struct listing {
	struct buf *out;
	const struct settings *settings;
	struct engine *engine;
	struct http *http; /* NULL: nobody is asked */
	bool bad;
};

static void put_day(struct buf *out, int64_t ms)
{
	time_t at = (time_t)(ms / 1000);
	struct tm tm;
	char day[16];
	gmtime_r(&at, &tm);
	strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	buf_add_str(out, day);
}

static void on_row(void *arg, const struct install_row *r)
{
	struct listing *l = arg;
	buf_addf(l->out, "%-14s %-11s ", r->external_id,
	    r->removed   ? r->removed_why ? r->removed_why : "removed"
	        : r->org ? "organisation"
	                 : "workspace");
	put_day(l->out, r->removed ? r->removed_ms : r->created_ms);
	buf_addf(l->out, "  %s%s\n", r->name ? r->name : "", r->granted || r->removed ? "" : "  (token of the settings)");
}

enum err slack_workspaces(struct engine *e, struct buf *out)
{
	struct listing l = { .out = out };
	return engine_grants(e, "slack", on_row, &l);
}

static bool token_of(struct engine *e, const char *id, struct slack_token *t, enum err *err)
{
	struct buf b = BUF_INIT;
	*err = engine_grant_token(e, "slack", id, &b);
	bool have = *err == ERR_NONE && slack_token_read(b.p, b.len, t);
	if (b.p)
		explicit_bzero(b.p, b.cap);
	buf_done(&b);
	return have;
}

enum err slack_remove(const struct settings *s, struct engine *e, struct http *http, const char *id, struct buf *out)
{
	struct slack_token t = { 0 };
	enum err err;
	bool have = token_of(e, id, &t, &err), told = false;
	if (!have && err == ERR_RETRY)
		return err;
	const char *client = settings_str(s, "slack.client_id"), *secret = settings_str(s, "slack.client_secret");
	if (have && client && secret) {
		struct check_answer a;
		struct buf form = BUF_INIT;
		slack_form(&form, "client_id", client);
		slack_form(&form, "client_secret", secret);
		check_call(http, settings_str(s, "slack.api_url"), "apps.uninstall", t.token, form.p, &a);
		told = json_bool(a.body, "ok", false);
		if (!told)
			buf_addf(out, "Slack was not told (%s): an admin of that workspace can remove the app there.\n",
			    a.body ? slack_word(json_str(a.body, "error", "no answer")) : a.why);
		check_answer_done(&a);
		explicit_bzero(form.p, form.cap);
		buf_done(&form);
	}
	slack_token_done(&t);
	err = engine_grant_end(e, "slack", id, "operator", 0);
	/* Told, it says so to the daemon, which may have been quicker, and may have taken it for somebody there. */
	return told && err == ERR_INPUT ? engine_grant_keep(e, "slack", id) : err;
}

static void check_row(void *arg, const struct install_row *r)
{
	struct listing *l = arg;
	struct slack_token t = { 0 };
	struct check_answer a;
	enum err err;
	if (!r->granted || r->removed)
		return;
	const char *name = r->name && r->name[0] ? r->name : r->external_id;
	if (!token_of(l->engine, r->external_id, &t, &err)) {
		buf_addf(l->out, "bad slack: the token of %s cannot be read (%s)\n", name,
		    err == ERR_DENIED ? "no master key opens it: docs/secrets.md" : "somebody there is to add the app once more");
		l->bad = true;
		return;
	}
	check_call(l->http, settings_str(l->settings, "slack.api_url"), "auth.test", t.token, "", &a);
	struct buf missing = BUF_INIT;
	for (size_t i = 0; a.scopes && a.scopes[0] && manifest_scopes[i]; i++)
		if (!check_has(a.scopes, manifest_scopes[i]))
			buf_addf(&missing, "%s%s", missing.len ? ", " : "", manifest_scopes[i]);
	bool good = json_bool(a.body, "ok", false);
	if (!good)
		buf_addf(l->out, "bad slack: %s: Slack says %s (somebody there is to add the app once more, at /slack/install)\n",
		    name, a.body ? slack_word(json_str(a.body, "error", "no")) : a.why);
	else if (missing.len)
		buf_addf(l->out, "bad slack: %s lacks the scopes %s (add the app there once more, at /slack/install)\n", name,
		    missing.p);
	else
		buf_addf(l->out, "ok slack: @%s in %s\n", json_str(a.body, "user", "?"), name);
	l->bad |= !good || missing.len;
	buf_done(&missing);
	check_answer_done(&a);
	slack_token_done(&t);
}

enum err slack_check_workspaces(const struct settings *s, struct engine *e, struct http *http, struct buf *out)
{
	struct listing l = { .out = out, .settings = s, .engine = e, .http = http };
	enum err err = engine_grants(e, "slack", check_row, &l);
	return err == ERR_NONE && l.bad ? ERR_INPUT : err;
}
