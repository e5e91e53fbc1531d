/* `eddy secret …`: they speak to the database, so Eddy may be running or not.  Values come from the standard input and are never printed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../core/base/buf.h"
#include "../../core/base/fault.h"
#include "../../core/base/id.h"
#include "../../core/base/mem.h"
#include "../../core/store/seal.h"
#include "../../core/store/store.h"
#include "cli.h"

#define OWN "own"
#define RENEW_MAX 50 /* in one transaction */
#define SETTLE_TRIES 6
#define LOST_NAMED 3 /* by doctor */
#define OLD_DAYS 366

static const struct pg_statement own_statements[] = {
	{ "secret_tenants",
	    "SELECT ws, adapter = 'local' AND external_id = 'default' FROM installs WHERE adapter <> 'erased' ORDER BY 2 DESC, ws" },
	{ "secret_audit",
	    "INSERT INTO audit (ws, id, verb, facts) SELECT $1, $2, $3, jsonb_build_object('kind', $4::text, 'name', $5::text, 'values', $6::int8)" },
	{ NULL, NULL },
};
static const struct pg_statement *const tables[] = { own_statements, secret_statements, NULL };

struct box {
	struct cli *c;
	struct store *store;
	const char *url; /* of a database that is open; NULL: ${store} is opened */
	struct seal *seal;
	struct pg *pg;
	struct id ws[1024]; /* [0]: the workspace of this machine */
	size_t len;
	bool fresh_is_fine; /* that there is no workspace yet */
	char why[512];
	int values, lost, old; /* doctor */
	size_t keys;
	struct buf lost_names;
};

static enum err tenants(struct box *x)
{
	PGresult *r = NULL;
	enum err e = pg_query(x->pg, "secret_tenants", NULL, &r);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		struct id ws = pg_get_id(r, i, 0);
		bool known = false;
		for (size_t k = 0; k < x->len && !known; k++)
			known = id_equal(x->ws[k], ws);
		if (!known && x->len < sizeof x->ws / sizeof *x->ws)
			x->ws[x->len++] = ws;
	}
	PQclear(r);
	if (e == ERR_NONE && x->len == 0 && !x->fresh_is_fine) {
		snprintf(x->why, sizeof x->why, "this database has no workspace yet: start Eddy once (eddy serve)");
		e = ERR_INPUT;
	}
	return e;
}

static enum err noted(struct box *x, struct id ws, const char *verb, const char *name, int values)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, id_new());
	pg_arg_str(a, verb);
	pg_arg_str(a, OWN);
	pg_arg_str(a, name);
	pg_arg_int8(a, values);
	enum err e = pg_query(x->pg, "secret_audit", a, &r);
	PQclear(r);
	pg_args_free(a);
	return e;
}

static enum err in_box(struct cli *c, struct box *x, bool make, enum err (*fn)(struct box *x))
{
	x->c = c;
	const struct store_options so = { .url = settings_str(c->settings, "database.url"),
		.admin_url = settings_str(c->settings, "database.admin_url"),
		.data_dir = cli_data_dir(c) };
	enum err e = x->url != NULL ? ERR_NONE : store_open(&x->store, &so, x->why, sizeof x->why);
	if (e == ERR_NONE)
		e = seal_open(&x->seal, so.data_dir, settings_str(c->settings, "secrets.master_key"), make, x->why, sizeof x->why);
	if (e == ERR_NONE)
		e = pg_open(&x->pg, x->url != NULL ? x->url : store_url(x->store), tables, x->why, sizeof x->why);
	if (e == ERR_NONE) {
		snprintf(x->why, sizeof x->why, "the database does not answer");
		e = tenants(x);
	}
	if (e == ERR_NONE && x->len > 0)
		e = fn(x);
	pg_close(x->pg);
	seal_close(x->seal);
	store_close(x->store);
	return e;
}

static int with_box(struct cli *c, enum err (*fn)(struct box *x))
{
	struct box *x = xcalloc(1, sizeof *x);
	int r = cli_settings(c);
	if (r == EXIT_OK && in_box(c, x, true, fn) != ERR_NONE) {
		cli_complain("%s", x->why);
		r = EXIT_FAILED;
	}
	free(x);
	return r;
}

/* ---- set and remove ---- */

static enum err read_value(struct box *x, struct buf *out)
{
	buf_reserve(out, SECRET_MAX + 2); /* once: growing would leave copies behind */
	ssize_t n;
	while (out->len <= SECRET_MAX && (n = read(STDIN_FILENO, out->p + out->len, SECRET_MAX + 1 - out->len)) > 0)
		out->len += (size_t)n;
	if (out->len > 0 && out->len <= SECRET_MAX && out->p[out->len - 1] == '\n')
		out->len--;
	if (out->len > 0 && out->len <= SECRET_MAX) {
		out->p[out->len] = '\0';
		return ERR_NONE;
	}
	snprintf(x->why, sizeof x->why, "the standard input holds no value, or one of more than %d bytes", SECRET_MAX);
	return ERR_INPUT;
}

/* A name of a setting is that setting: then the value has to fit it, and the place. */
static enum err fits_setting(struct box *x, const char *name, const struct buf *value)
{
	struct buf why = BUF_INIT;
	struct settings *s = settings_new(x->c->tables);
	enum err e = ERR_NONE;
	if (settings_sealable(s, name)) {
		if (memchr(value->p, '\0', value->len) != NULL || memchr(value->p, '\n', value->len) != NULL)
			buf_addf(&why, "%s: it has more than one line", name);
		else
			e = settings_unseal(s, name, value->p, &why);
	} else if (settings_known(s, name)) {
		buf_addf(&why, "%s: %s", name,
		    "this setting is not kept in the database; set it in the environment, by a file that NAME_FILE names, or in eddy.yaml");
	}
	if (why.len > 0) {
		snprintf(x->why, sizeof x->why, "%.*s", (int)strcspn(why.p, "\n"), why.p);
		e = ERR_INPUT;
	} else if (settings_sealable(s, name)) {
		if (settings_is_set(x->c->settings, name))
			fprintf(stderr, "%s is also set by %s, which is stronger: take it away there\n", name,
			    settings_source(x->c->settings, name));
		fprintf(stderr, "Eddy uses it from its next start on.\n");
	}
	settings_free(s);
	buf_done(&why);
	return e;
}

static enum err set(struct box *x)
{
	struct buf value = BUF_INIT;
	enum err e = read_value(x, &value);
	if (e == ERR_NONE)
		e = fits_setting(x, x->c->argv[0], &value);
	if (e == ERR_NONE) {
		snprintf(x->why, sizeof x->why, "a name has at most %d small letters, digits and ._:-", SECRET_NAME_MAX);
		if ((e = pg_begin(x->pg, x->ws[0])) == ERR_NONE) {
			e = secret_put(x->seal, x->pg, x->ws[0], OWN, x->c->argv[0], value.p, value.len);
			if (e == ERR_NONE)
				e = noted(x, x->ws[0], "secret.set", x->c->argv[0], 1);
			e = pg_end(x->pg, e);
		}
	}
	secret_wipe(&value);
	return e;
}

static enum err take_away(struct box *x)
{
	bool gone = false;
	enum err e = pg_begin(x->pg, x->ws[0]);
	if (e == ERR_NONE) {
		e = secret_remove(x->pg, x->ws[0], OWN, x->c->argv[0], &gone);
		if (e == ERR_NONE && gone)
			e = noted(x, x->ws[0], "secret.removed", x->c->argv[0], 1);
		e = pg_end(x->pg, e);
	}
	if (e == ERR_NONE && !gone) {
		snprintf(x->why, sizeof x->why, "there is no secret of this name");
		e = ERR_INPUT;
	}
	return e;
}

/* ---- list ---- */

static void show(void *arg, const struct secret_row *r)
{
	char day[24];
	time_t at = (time_t)(r->changed_ms / 1000);
	struct tm tm;
	(void)arg;
	gmtime_r(&at, &tm);
	strftime(day, sizeof day, "%Y-%m-%d", &tm);
	printf("%s  %-10s %-40s key %s\n", day, r->kind, r->name, r->key);
}

static enum err list(struct box *x)
{
	char id[SEAL_ID + 1], text[ID_TEXT];
	enum err e = ERR_NONE;
	size_t n = seal_keys(x->seal, id);
	printf("%zu master key%s, the newest is %s\n", n, n == 1 ? "" : "s", id);
	for (size_t i = 0; i < x->len && e == ERR_NONE; i++) {
		if (x->len > 1)
			printf("workspace %s\n", id_format(x->ws[i], text));
		if ((e = pg_begin(x->pg, x->ws[i])) == ERR_NONE)
			e = pg_end(x->pg, secret_list(x->pg, x->ws[i], show, NULL));
	}
	return e;
}

/* ---- rotate ---- */

static enum err renew_all(struct box *x, int *total, int *lost)
{
	enum err e = ERR_NONE;
	*total = *lost = 0;
	for (size_t i = 0; i < x->len && e == ERR_NONE; i++) {
		int n = RENEW_MAX, gone = 0, here = 0;
		while (e == ERR_NONE && n >= RENEW_MAX) {
			if ((e = pg_begin(x->pg, x->ws[i])) != ERR_NONE)
				break;
			e = secret_renew(x->seal, x->pg, x->ws[i], RENEW_MAX, &n, &gone);
			here += n;
			if (e == ERR_NONE && here > 0 && n < RENEW_MAX)
				e = noted(x, x->ws[i], "secret.rotated", "", here);
			fault_point("rotate.before_commit");
			e = pg_end(x->pg, e);
			fault_point("rotate.after_commit");
		}
		*total += here;
		*lost += gone;
	}
	return e;
}

static enum err rotate(struct box *x)
{
	int total, late, lost;
	char id[SEAL_ID + 1];
	/* What an interrupted one has left comes first; if there was such a thing, its key is new enough. */
	enum err e = renew_all(x, &total, &lost);
	if (e == ERR_NONE && total == 0 && settings_str(x->c->settings, "secrets.master_key") == NULL) {
		if ((e = seal_new_key(x->seal, x->why, sizeof x->why)) == ERR_NONE)
			e = renew_all(x, &total, &lost);
	}
	/* Then what others were just sealing with the key before. */
	for (int i = 0; i < SETTLE_TRIES && (i == 0 || e == ERR_RETRY); i++)
		if (e == ERR_NONE || e == ERR_RETRY)
			e = secret_settle(x->pg);
	if (e == ERR_RETRY)
		snprintf(x->why, sizeof x->why, "somebody is storing a secret and does not finish: run this again");
	if (e == ERR_NONE)
		e = renew_all(x, &late, &lost);
	if (e != ERR_NONE)
		return e;
	size_t n = seal_keys(x->seal, id);
	printf("%d values are sealed anew, under key %s\n", total + late, id);
	if (lost == 0 && n > 1)
		puts("Nothing here needs an older key any more; only backups from before do.");
	if (lost > 0) {
		snprintf(x->why, sizeof x->why, "%d values cannot be opened with any key that is here: their key is missing", lost);
		return ERR_INPUT;
	}
	return ERR_NONE;
}

int cmd_secret_set(struct cli *c)
{
	return with_box(c, set);
}

int cmd_secret_list(struct cli *c)
{
	return with_box(c, list);
}

int cmd_secret_remove(struct cli *c)
{
	return with_box(c, take_away);
}

int cmd_secret_rotate(struct cli *c)
{
	return with_box(c, rotate);
}

/* ---- settings that are sealed ---- */

struct names {
	struct box *x;
	char (*v)[3][SECRET_NAME_MAX + 1]; /* kind, name, key */
	size_t len;
};

static void keep_name(void *arg, const struct secret_row *r)
{
	struct names *n = arg;
	n->v = xrealloc(n->v, (n->len + 1) * sizeof *n->v);
	snprintf(n->v[n->len][0], sizeof n->v[0][0], "%s", r->kind);
	snprintf(n->v[n->len][1], sizeof n->v[0][1], "%s", r->name);
	snprintf(n->v[n->len++][2], sizeof n->v[0][2], "%s", r->key);
}

static enum err unseal_one(struct box *x, const char *name)
{
	struct buf value = BUF_INIT, why = BUF_INIT;
	enum err e = secret_get(x->seal, x->pg, x->ws[0], OWN, name, "setting", &value);
	if (e == ERR_DENIED) {
		snprintf(x->why, sizeof x->why,
		    "%s is sealed in the database with a master key that is not here: bring that key back, set it anew, or `eddy secret remove` it",
		    name);
		e = ERR_INPUT;
	} else if (e == ERR_NONE && (e = settings_unseal(x->c->settings, name, value.p, &why)) != ERR_NONE) {
		snprintf(x->why, sizeof x->why, "%.*s", (int)strcspn(why.p, "\n"), why.p);
	}
	secret_wipe(&value);
	buf_done(&why);
	return e;
}

static enum err unseal(struct box *x)
{
	struct names n = { .x = x };
	enum err e = pg_begin(x->pg, x->ws[0]);
	if (e != ERR_NONE)
		return e;
	e = secret_list(x->pg, x->ws[0], keep_name, &n);
	for (size_t k = 0; k < n.len && e == ERR_NONE; k++)
		if (strcmp(n.v[k][0], OWN) == 0 && settings_sealable(x->c->settings, n.v[k][1]) &&
		    !settings_is_set(x->c->settings, n.v[k][1]))
			e = unseal_one(x, n.v[k][1]);
	free(n.v);
	return pg_end(x->pg, e);
}

bool cli_may_unseal(struct cli *c)
{
	struct stat st;
	char path[4200];
	snprintf(path, sizeof path, "%.4000s/" SEAL_FILE, cli_data_dir(c));
	return settings_str(c->settings, "secrets.master_key") != NULL || stat(path, &st) == 0;
}

enum err cli_unseal(struct cli *c, const char *url, char *why, size_t why_n)
{
	if (!cli_may_unseal(c))
		return ERR_NONE;
	struct box *x = xcalloc(1, sizeof *x);
	x->url = url;
	x->fresh_is_fine = true;
	enum err e = in_box(c, x, false, unseal);
	snprintf(why, why_n, "%s", x->why);
	cli_hide(c);
	free(x);
	return e;
}

/* ---- doctor ---- */

static enum err try_all(struct box *x)
{
	enum err e = ERR_NONE;
	char newest[SEAL_ID + 1];
	x->keys = seal_keys(x->seal, newest);
	for (size_t i = 0; i < x->len && e == ERR_NONE; i++) {
		struct names n = { .x = x };
		if ((e = pg_begin(x->pg, x->ws[i])) != ERR_NONE)
			break;
		e = secret_list(x->pg, x->ws[i], keep_name, &n);
		for (size_t k = 0; k < n.len && e == ERR_NONE; k++) {
			struct buf value = BUF_INIT;
			e = secret_get(x->seal, x->pg, x->ws[i], n.v[k][0], n.v[k][1], NULL, &value);
			secret_wipe(&value);
			x->values++;
			x->old += strcmp(n.v[k][2], newest) != 0;
			if (e == ERR_DENIED && x->lost++ < LOST_NAMED)
				buf_addf(
				    &x->lost_names, "%s%s/%s (key %s)", x->lost > 1 ? ", " : "", n.v[k][0], n.v[k][1], n.v[k][2]);
			e = e == ERR_DENIED || e == ERR_INPUT ? ERR_NONE : e;
		}
		if (e == ERR_NONE && n.len > 0)
			e = noted(x, x->ws[i], "secret.tried", "", (int)n.len);
		e = pg_end(x->pg, e);
		free(n.v);
	}
	return e;
}

/* The file of the key: false, and ${out} says how to mend it. */
static bool look_at_key_file(const char *dir, const char *path, const struct stat *st, struct buf *out)
{
	struct stat folder;
	if (!S_ISREG(st->st_mode))
		buf_addf(out, "%.300s is no file of its own: put the file itself there", path);
	else if ((st->st_mode & 077) != 0)
		buf_addf(out, "others can read %.300s: chmod 600 it, and then `eddy secret rotate`", path);
	else if (stat(dir, &folder) == 0 && folder.st_uid != st->st_uid)
		buf_addf(out, "%.300s belongs to another user (%u) than the data folder (%u): chown it", path, (unsigned)st->st_uid,
		    (unsigned)folder.st_uid);
	else
		return true;
	return false;
}

static void put_found(const struct box *x, const struct stat *st, struct buf *out)
{
	long days = st == NULL ? 0 : (long)((time(NULL) - st->st_mtime) / 86400);
	buf_addf(out, "%d sealed value%s, all can be opened; %zu master key%s", x->values, x->values == 1 ? "" : "s", x->keys,
	    x->keys == 1 ? "" : "s");
	if (st != NULL)
		buf_addf(out, ", changed %ld day%s ago%s", days, days == 1 ? "" : "s",
		    days > OLD_DAYS ? ": time for `eddy secret rotate`" : "");
	else
		buf_add_str(out, " from the settings");
}

bool cli_secret_doctor(struct cli *c, struct buf *out)
{
	struct stat st;
	char path[4200];
	snprintf(path, sizeof path, "%.4000s/" SEAL_FILE, cli_data_dir(c));
	bool given = settings_str(c->settings, "secrets.master_key") != NULL, there = lstat(path, &st) == 0;
	if (!given && there && !look_at_key_file(cli_data_dir(c), path, &st, out))
		return false;
	if (!given && !there) {
		buf_add_str(
		    out, "the master key will be made at the next start; of a database that was moved here, bring its " SEAL_FILE);
		return true;
	}
	struct box *x = xcalloc(1, sizeof *x);
	bool well = in_box(c, x, false, try_all) == ERR_NONE && x->lost == 0 && x->old == 0;
	if (x->lost > 0)
		buf_addf(out, "%d of %d values cannot be opened: %s%s: bring their master key back to %.300s, or set them again",
		    x->lost, x->values, x->lost_names.p, x->lost > LOST_NAMED ? " …" : "", given ? "secrets.master_key" : path);
	else if (x->old > 0)
		buf_addf(out, "%d of %d values are under an older key: a rotation was not finished, run `eddy secret rotate`",
		    x->old, x->values);
	else if (well)
		put_found(x, given ? NULL : &st, out);
	else
		buf_add_str(out, x->why);
	buf_done(&x->lost_names);
	free(x);
	return well;
}
