/* The commands about the database: schema steps, backup and restore. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../core/base/buf.h"
#include "../../core/memory/erased.h"
#include "../../core/store/backup.h"
#include "../../core/store/store.h"
#include "cli.h"

static struct store_options options_of(struct cli *c)
{
	return (struct store_options){ .url = settings_str(c->settings, "database.url"),
		.admin_url = settings_str(c->settings, "database.admin_url"),
		.data_dir = cli_data_dir(c) };
}

static int finish(enum err e, struct buf *out, const char *why)
{
	if (out->len > 0) {
		fwrite(out->p, 1, out->len, stdout);
		fflush(stdout);
	}
	buf_done(out);
	if (e == ERR_NONE)
		return EXIT_OK;
	cli_complain("%s", why);
	return e == ERR_INPUT ? EXIT_SETTINGS : EXIT_FAILED;
}

static int migrate(struct cli *c, enum store_migrate what, int steps)
{
	int r = cli_settings(c);
	if (r != EXIT_OK)
		return r;
	const struct store_options o = options_of(c);
	struct buf out = BUF_INIT;
	char why[512] = "";
	enum err e = store_migrate(&o, what, steps, &out, why, sizeof why);
	return finish(e, &out, why);
}

int cmd_migrate_up(struct cli *c)
{
	return migrate(c, STORE_UP, 0);
}

int cmd_migrate_status(struct cli *c)
{
	return migrate(c, STORE_STATUS, 0);
}

int cmd_migrate_down(struct cli *c)
{
	int steps = 1;
	if (c->argc == 1) {
		const char *s = c->argv[0];
		if (*s == '\0' || strlen(s) > 6 || s[strspn(s, "0123456789")] != '\0' || atoi(s) < 1) {
			cli_complain("migrate down: \"%s\" is not a number of steps", s);
			return EXIT_USAGE;
		}
		steps = atoi(s);
	}
	return migrate(c, STORE_DOWN, steps);
}

int cmd_backup(struct cli *c)
{
	int r = cli_settings(c);
	if (r != EXIT_OK)
		return r;
	const struct store_options o = options_of(c);
	struct buf out = BUF_INIT;
	char why[512] = "";
	/* Before: what is erased from here on may be in it. */
	enum err e =
	    o.url == NULL && o.admin_url == NULL && access(o.data_dir, W_OK) == 0 ? erased_note_backup(o.data_dir) : ERR_NONE;
	snprintf(why, sizeof why, "cannot write %.400s/" ERASED_FILE, o.data_dir);
	if (e == ERR_NONE)
		e = backup_write(&o, c->argv[0], &out, why, sizeof why);
	if (e == ERR_NONE && settings_str(c->settings, "secrets.master_key") == NULL)
		buf_addf(&out,
		    "not in it: the key of what is sealed; keep %s/master.keys as well, in another place (docs/secrets.md)\n",
		    o.data_dir);
	return finish(e, &out, why);
}

int cmd_restore(struct cli *c)
{
	int r = cli_settings(c);
	if (r != EXIT_OK)
		return r;
	const struct store_options o = options_of(c);
	struct buf out = BUF_INIT;
	char why[512] = "";
	enum err e = backup_restore(&o, c->argv[0], c->replace, &out, why, sizeof why);
	/* The checkpoints first: what is erased again is new in the log. */
	bool well = e != ERR_NONE || (cli_audit_restored(c) && cli_erased_again(c, &out));
	r = finish(e, &out, why);
	return r == EXIT_OK && !well ? EXIT_FAILED : r;
}
