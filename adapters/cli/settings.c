/* What all commands share: loading the settings, where files are, words on stderr; and the small commands about settings themselves. */
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../core/base/buf.h"
#include "../../core/base/hide.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/version.h"
#include "../../core/store/kinds.h"
#include "cli.h"
#include "command.h"
#include "probe.h"

void cli_complain(const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	va_list ap;
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	hide_in(&b, 0);
	fprintf(stderr, "eddy: %.*s\n", (int)b.len, b.len > 0 ? b.p : "");
	buf_done(&b);
}

bool cli_colour(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	return isatty(fd) && (no == NULL || *no == '\0') && term != NULL && strcmp(term, "dumb") != 0;
}

void cli_hide(struct cli *c)
{
	const char **secrets = NULL;
	size_t n = settings_secrets(c->settings, &secrets);
	hide_secrets(secrets, n);
	free(secrets);
}

int cli_settings(struct cli *c)
{
	if (c->settings != NULL)
		return EXIT_OK;
	struct buf problems = BUF_INIT;
	c->settings = settings_new(c->tables);
	enum err e = settings_load(c->settings, c->config_file, environ, c->overrides, &problems);
	if (e != ERR_NONE) {
		cli_complain("these settings need mending:");
		fwrite(problems.p, 1, problems.len, stderr);
	}
	buf_done(&problems);
	if (e != ERR_NONE)
		return EXIT_SETTINGS;
	cli_hide(c);
	enum log_level level = LOG_INFO;
	log_level_parse(settings_str(c->settings, "log.level"), &level);
	log_set_level(c->verbose ? LOG_DEBUG : level);
	return EXIT_OK;
}

const char *cli_data_dir(struct cli *c)
{
	if (c->data_dir != NULL)
		return c->data_dir;
	const char *set = settings_str(c->settings, "data_dir");
	if (set != NULL)
		return c->data_dir = xstrdup(set);
	if (geteuid() == 0)
		return c->data_dir = xstrdup("/var/lib/eddy");
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	struct buf b = BUF_INIT;
	if (data != NULL && data[0] == '/') {
		buf_addf(&b, "%s/eddy", data);
	} else {
		const struct passwd *pw = home == NULL || home[0] != '/' ? getpwuid(getuid()) : NULL;
		buf_addf(&b, "%s/.local/share/eddy", pw != NULL ? pw->pw_dir : home != NULL ? home : "/tmp");
	}
	return c->data_dir = buf_detach(&b, NULL);
}

bool cli_server(struct cli *c, struct probe *out)
{
	char listen[300];
	snprintf(listen, sizeof listen, "%s", settings_str(c->settings, "web.listen"));
	size_t len = strlen(listen);
	bool any = len >= 2 && strcmp(listen + len - 2, ":0") == 0; /* the server takes a port that is free */
	if (any)
		listen[len - 1] = '1';
	if (!probe_from_listen(listen, out))
		return false;
	if (settings_is_set(c->settings, "web.listen") && !any)
		return true;
	struct buf path = BUF_INIT;
	int port = 0;
	buf_addf(&path, "%s/local-port", cli_data_dir(c));
	FILE *f = fopen(path.p, "re");
	if (f != NULL && fscanf(f, "%d", &port) == 1 && port > 0 && port < 65536)
		out->port = port;
	if (f != NULL)
		fclose(f);
	buf_done(&path);
	return true;
}

bool cli_local_token(struct cli *c, char *out, size_t n)
{
	struct buf path = BUF_INIT;
	buf_addf(&path, "%s/local-token", cli_data_dir(c));
	FILE *f = fopen(path.p, "re");
	bool ok = f != NULL && fgets(out, (int)n, f) != NULL;
	if (f == NULL && errno == EACCES)
		cli_complain("cannot read %s: run this as the user that runs Eddy", path.p);
	if (f != NULL)
		fclose(f);
	buf_done(&path);
	if (ok)
		out[strcspn(out, "\r\n")] = '\0';
	return ok && out[0] != '\0';
}

static int print_buf(struct buf *b)
{
	bool ok = fwrite(b->p, 1, b->len, stdout) == b->len && fflush(stdout) == 0;
	buf_done(b);
	return ok ? EXIT_OK : EXIT_FAILED;
}

int cmd_config_check(struct cli *c)
{
	int r = cli_settings(c);
	if (r != EXIT_OK)
		return r;
	char why[512];
	for (const struct door *d = c->doors; d->name != NULL; d++)
		if (d->check != NULL && d->check(c->settings, true, why, sizeof why) != ERR_NONE) {
			cli_complain("%s", why);
			r = EXIT_SETTINGS;
		}
	if (r == EXIT_OK)
		printf("settings are fine%s%s\n", settings_file(c->settings) ? ": " : "; no file was read",
		    settings_file(c->settings) ? settings_file(c->settings) : "");
	return r;
}

int cmd_config_print(struct cli *c)
{
	int r = cli_settings(c);
	struct buf b = BUF_INIT;
	if (r != EXIT_OK)
		return r;
	settings_print(c->settings, &b);
	return print_buf(&b);
}

int cmd_config_sample(struct cli *c)
{
	struct buf b = BUF_INIT;
	settings_sample(c->tables, &b);
	return print_buf(&b);
}

int cmd_config_reference(struct cli *c)
{
	struct buf b = BUF_INIT;
	settings_reference(c->tables, &b);
	return print_buf(&b);
}

int cmd_data_kinds(struct cli *c)
{
	(void)c;
	struct buf b = BUF_INIT;
	data_kinds_page(&b);
	return print_buf(&b);
}

int cmd_config_get(struct cli *c)
{
	int r = cli_settings(c);
	if (r != EXIT_OK)
		return r;
	if (strcmp(c->argv[0], "data_dir") == 0) {
		puts(cli_data_dir(c));
		return EXIT_OK;
	}
	for (const struct setting *const *t = c->tables; *t != NULL; t++)
		for (const struct setting *s = *t; s->name != NULL; s++)
			if (strcmp(s->name, c->argv[0]) == 0 && !(s->flags & SET_SECRET)) {
				const char *v = settings_str(c->settings, s->name);
				puts(v == NULL ? "" : v);
				return EXIT_OK;
			}
	cli_complain("there is no open setting \"%s\"", c->argv[0]);
	return EXIT_USAGE;
}

int cmd_slack_manifest(struct cli *c)
{
	int r = cli_settings(c);
	struct buf b = BUF_INIT;
	if (r != EXIT_OK)
		return r;
	c->slack_manifest(c->settings, &b);
	return print_buf(&b);
}

int cmd_version(struct cli *c)
{
	(void)c;
	puts("eddy " EDDY_VERSION);
	return EXIT_OK;
}

int cmd_help(struct cli *c)
{
	struct buf b = BUF_INIT, name = BUF_INIT;
	for (int i = 0; i < c->argc; i++)
		buf_addf(&name, "%s%s", i > 0 ? " " : "", c->argv[i]);
	bool found = command_help(c->argc == 0 ? NULL : name.p, &b);
	if (!found)
		cli_complain("there is no command \"%s\" (try: eddy --help)", name.p);
	buf_done(&name);
	if (found)
		return print_buf(&b);
	buf_done(&b);
	return EXIT_USAGE;
}

int cmd_help_man(struct cli *c)
{
	struct buf b = BUF_INIT;
	(void)c;
	command_man(&b);
	return print_buf(&b);
}

int cmd_help_completion(struct cli *c)
{
	struct buf b = BUF_INIT;
	(void)c;
	command_completion(&b);
	return print_buf(&b);
}
