/*
 * Where everything meets: the table of adapters.  A new adapter is a new row here and a folder of its own.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../core/base/hide.h"
#include "../../core/base/mem.h"
#include "../email/admin.h"
#include "../email/check.h"
#include "../email/email.h"
#include "../email/show.h"
#include "../slack/admin.h"
#include "../slack/slack.h"
#include "../web/web.h"
#include "cli.h"
#include "command.h"

static bool web_configured(const struct settings *s)
{
	(void)s;
	return true;
}

static enum err web_door_open(struct adapter **out, const struct door_options *o, char *why, size_t why_n)
{
	const struct web_options w = { .settings = o->settings,
		.metrics = o->metrics,
		.engine = o->engine,
		.loop = o->loop,
		.guests = o->guests,
		.data_dir = o->data_dir,
		.http = o->http,
		.mail_adapter = email_configured(o->settings) ? email_ops.name : NULL,
		.insecure = o->insecure };
	return web_open(out, &w, why, why_n);
}

static enum err web_door_doctor(const struct settings *s, struct http *http, struct buf *out)
{
	return web_login_check(s, email_configured(s), http, out);
}

static enum err slack_door_check(const struct settings *s, bool insecure, char *why, size_t why_n)
{
	(void)insecure;
	static const char *const any[] = { "slack.app_token", "slack.bot_token", "slack.signing_secret", "slack.client_id",
		"slack.client_secret" };
	for (size_t i = 0; i < sizeof any / sizeof *any; i++)
		if (settings_str(s, any[i]) != NULL)
			return slack_check_settings(s, why, why_n);
	return ERR_NONE;
}

static enum err slack_door_open(struct adapter **out, const struct door_options *o, char *why, size_t why_n)
{
	const struct slack_options k = { .settings = o->settings,
		.metrics = o->metrics,
		.engine = o->engine,
		.loop = o->loop,
		.http = o->http,
		.guests = o->guests };
	return slack_open(out, &k, why, why_n);
}

static enum err email_door_check(const struct settings *s, bool insecure, char *why, size_t why_n)
{
	(void)insecure;
	return email_configured(s) ? email_check_settings(s, why, why_n) : ERR_NONE;
}

static enum err email_door_open(struct adapter **out, const struct door_options *o, char *why, size_t why_n)
{
	const struct email_options k = { .settings = o->settings,
		.metrics = o->metrics,
		.engine = o->engine,
		.http = o->http,
		.public_url = settings_str(o->settings, "web.public_url") };
	return email_open(out, &k, why, why_n);
}

static const struct door doors[] = {
	{ .name = "web",
	    .ops = &web_ops,
	    .settings = web_settings,
	    .how = "",
	    .configured = web_configured,
	    .check = web_check,
	    .open = web_door_open,
	    .start = web_start,
	    .stop = web_stop,
	    .leave = web_leave,
	    .free = web_free,
	    .doctor = web_door_doctor,
	    .link = web_login_link },
	{ .name = "slack",
	    .ops = &slack_ops,
	    .settings = slack_settings,
	    .how = "set SLACK_APP_TOKEN and SLACK_BOT_TOKEN (eddy slack manifest makes the app; see README)",
	    .configured = slack_configured,
	    .check = slack_door_check,
	    .open = slack_door_open,
	    .start = slack_start,
	    .stop = slack_stop,
	    .leave = slack_leave,
	    .free = slack_free,
	    .doctor = slack_check },
	{ .name = "email",
	    .ops = &email_ops,
	    .settings = email_settings,
	    .how = "set email.address, email.imap, email.smtp and EMAIL_PASSWORD (docs/adapters/email.md)",
	    .configured = email_configured,
	    .check = email_door_check,
	    .open = email_door_open,
	    .start = email_start,
	    .stop = email_stop,
	    .leave = email_leave,
	    .free = email_free,
	    .doctor = email_check },
	{ 0 },
};

static struct mail_view view_of(const struct cli_mail_input *in)
{
	return (struct mail_view){ .own_addresses = in->own_addresses,
		.own_len = in->own_len,
		.trusted_hosts = in->trusted_hosts,
		.trusted_len = in->trusted_len,
		.settings = in->settings,
		.cut = in->cut };
}

static enum err show_mail(const struct cli_mail_input *in, struct buf *out)
{
	const struct mail_view v = view_of(in);
	return mail_show(in->raw, in->len, &v, out);
}

static enum err show_mail_text(const struct cli_mail_input *in, struct buf *out)
{
	const struct mail_view v = view_of(in);
	return mail_show_text(in->raw, in->len, &v, out);
}

static const struct cli_mail mail = { .configured = email_configured,
	.stops = email_admin_stops,
	.stop = email_admin_stop,
	.allow = email_admin_allow,
	.show = show_mail,
	.text = show_mail_text };

static const struct cli_slack slack = { .workspaces = slack_workspaces, .remove = slack_remove, .check = slack_check_workspaces };

int main(int argc, char **argv)
{
	const struct setting *tables[sizeof doors / sizeof *doors + 1] = { core_settings };
	size_t n = 1;
	for (const struct door *d = doors; d->name != NULL; d++)
		tables[n++] = d->settings;
	tables[n] = NULL;
	struct cli c = { .doors = doors, .tables = tables, .slack_manifest = slack_manifest_print, .mail = &mail, .slack = &slack };
	int r = command_main(&c, argc, argv);
	hide_secrets(NULL, 0);
	settings_free(c.settings);
	for (size_t i = 0; i < c.overrides_len; i++)
		free(c.overrides[i]);
	free(c.overrides);
	free(c.own_addresses);
	free(c.trusted_hosts);
	free(c.data_dir);
	return r;
}
