/*
 * Order of things at start: reach the server, judge it, make what is missing under the migration lock, then connect
 * once as the runtime role to prove that it works and that row security binds it.  Everything that is already right is
 * only read.
 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../base/buf.h"
#include "../base/clock.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "admin.h"
#include "cluster.h"
#include "cluster_files.h"
#include "migrate.h"
#include "pg.h"
#include "purge.h"
#include "roles.h"

#define EMBEDDED_DATABASE "eddy"
#define WATCH_MS 1000u
#define AWAY_MS 2000u /* while the database is away */
#define PURGE_MS 5000u
#define PURGE_LATER_MS 600000u /* when a table has to wait for its hour */

struct store {
	struct cluster *cluster;
	char *data_dir;
	char *admin_url;
	char *url;
	char *note;
	char *describe;
	pthread_t watcher;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool watching, purges;
	struct purge_options purge;
	uint64_t purge_ms; /* not before this; the watcher's alone */
	bool closing;      /* under the mutex */
};

/* ---- the password file ---- */

static void password_path(const struct store *s, const char *role, char *out, size_t n)
{
	snprintf(out, n, "%s/%s.password", s->data_dir, role);
}

static bool password_read(const struct store *s, const char *role, char password[65])
{
	char path[PATH_MAX];
	password_path(s, role, path, sizeof(path));
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, password, 64);
	close(fd);
	password[n > 0 ? n : 0] = '\0';
	return n == 64 && strspn(password, "0123456789abcdef") == 64;
}

static bool password_write(const struct store *s, const char *role, const char *password)
{
	char path[PATH_MAX];
	char fresh[PATH_MAX + 8];
	password_path(s, role, path, sizeof(path));
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	if (unlink(fresh) != 0 && errno != ENOENT)
		return false;
	int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	bool ok = write(fd, password, 64) == 64 && fsync(fd) == 0;
	return close(fd) == 0 && ok && rename(fresh, path) == 0;
}

/* Under the migration lock: another process may have set the password while we waited. */
static enum err password_reset(struct store *s, struct admin *a, const char *role, char *why, size_t why_n)
{
	char password[65];
	enum err e = roles_set_password(a, role, password, why, why_n);
	if (e == ERR_NONE && !password_write(s, role, password)) {
		snprintf(why, why_n, "cannot write the password of %s into %s: %s", role, s->data_dir, strerror(errno));
		e = ERR_BROKEN;
	}
	explicit_bzero(password, sizeof(password));
	return e;
}

/* ---- the two kinds of address ---- */

static enum err open_cluster(struct store *s, char *why, size_t why_n)
{
	enum err e = cluster_start(&s->cluster, s->data_dir, why, why_n);
	if (e != ERR_NONE)
		return e;
	struct buf b = BUF_INIT;
	cluster_url(s->cluster, EMBEDDED_DATABASE, NULL, &b);
	s->admin_url = buf_detach(&b, NULL);
	return ERR_NONE;
}

/* Connect with the address the operator gave and decide which kind it is. */
static enum err sort_addresses(struct store *s, const struct store_options *o, char *why, size_t why_n)
{
	if (o->admin_url) {
		s->admin_url = xstrdup(o->admin_url);
		s->url = xstrdup(o->url);
		return ERR_NONE;
	}
	struct admin a;
	enum err e = admin_open_create(&a, o->url, why, why_n);
	if (e != ERR_NONE)
		return e;
	if (a.create_role) {
		s->admin_url = xstrdup(o->url);
		struct buf b = BUF_INIT;
		buf_addf(&b,
		    "database.url: role %s may make roles, so it is used as database.admin_url; Eddy works as "
		    "%.56s_eddy",
		    a.user, a.database);
		s->note = buf_detach(&b, NULL);
	} else {
		s->url = xstrdup(o->url);
	}
	admin_close(&a);
	return ERR_NONE;
}

/* As the administrator: roles and schema.  Locks only when there is something to do. */
static enum err prepare(struct store *s, struct role_names *names, char *why, size_t why_n)
{
	struct admin a;
	struct migrate_state st;
	char password[65];
	enum err e = admin_open_create(&a, s->admin_url, why, why_n);
	if (e != ERR_NONE)
		return e;
	if ((e = admin_check_server(&a, why, why_n)) != ERR_NONE || (e = roles_name(a.database, names, why, why_n)) != ERR_NONE ||
	    (e = migrate_read(&a, migrate_steps(), &st, why, why_n)) != ERR_NONE)
		goto done;
	bool need_password = !s->url && !password_read(s, names->eddy, password);
	explicit_bzero(password, sizeof(password));
	if (st.level == st.target && !need_password && roles_ready(&a, names))
		goto done;
	if ((e = migrate_lock(&a, why, why_n)) != ERR_NONE)
		goto done;
	int applied = 0;
	if ((e = roles_prepare(&a, names, why, why_n)) == ERR_NONE)
		e = migrate_up(&a, migrate_steps(), names, &applied, why, why_n);
	if (e == ERR_NONE && !s->url && !password_read(s, names->eddy, password))
		e = password_reset(s, &a, names->eddy, why, why_n);
	explicit_bzero(password, sizeof(password));
	migrate_unlock(&a);
done:
	admin_close(&a);
	return e;
}

/* The saved password was refused (it was reset by another data_dir): make a new one and save it. */
static enum err renew_password(struct store *s, const struct role_names *names, char *why, size_t why_n)
{
	struct admin a;
	enum err e = admin_open(&a, s->admin_url, why, why_n);
	if (e != ERR_NONE)
		return e;
	if ((e = migrate_lock(&a, why, why_n)) == ERR_NONE) {
		e = password_reset(s, &a, names->eddy, why, why_n);
		migrate_unlock(&a);
	}
	admin_close(&a);
	return e;
}

static enum err runtime_url(const struct store *s, const struct role_names *names, char **out, char *why, size_t why_n)
{
	char password[65];
	if (!password_read(s, names->eddy, password)) {
		snprintf(why, why_n, "cannot read the password of %s in %s: %s", names->eddy, s->data_dir, strerror(errno));
		return ERR_BROKEN;
	}
	struct buf b = BUF_INIT;
	enum err e = admin_rewrite_url(s->admin_url, names->eddy, password, NULL, &b, why, why_n);
	explicit_bzero(password, sizeof(password));
	if (e == ERR_NONE)
		*out = buf_detach(&b, NULL);
	buf_done(&b);
	return e;
}

/* What Eddy will work under must be bound by row security and find exactly this program's schema. */
static enum err check_runtime(struct store *s, struct admin *a, char *why, size_t why_n)
{
	struct role_names names;
	struct migrate_state st;
	enum err e;
	if ((e = roles_name(a->database, &names, why, why_n)) != ERR_NONE || (e = admin_check_server(a, why, why_n)) != ERR_NONE ||
	    (e = roles_check_runtime(a, &names, why, why_n)) != ERR_NONE)
		return e;
	e = migrate_read(a, migrate_steps(), &st, why, why_n);
	if (e == ERR_DENIED) {
		snprintf(why, why_n, "role %s may not use schema eddy of database %s: GRANT %s TO %s", a->user, a->database,
		    names.eddy, a->user);
		return e;
	}
	if (e != ERR_NONE)
		return e;
	if (st.level < st.target) {
		snprintf(why, why_n,
		    "the schema of database %s is at step %d, this eddy needs %d: run `eddy migrate up` with "
		    "database.admin_url set",
		    a->database, st.level, st.target);
		return ERR_INPUT;
	}
	PGresult *r = NULL;
	e = admin_query(a,
	    "SELECT pg_catalog.has_table_privilege('eddy.messages', 'SELECT, INSERT') AND "
	    "pg_catalog.row_security_active('eddy.messages')",
	    0, NULL, &r, why, why_n);
	if (e != ERR_NONE)
		return e;
	bool fit = *PQgetvalue(r, 0, 0) == 't';
	PQclear(r);
	if (!fit) {
		snprintf(why, why_n, "role %s has not the rights of %s: GRANT %s TO %s", a->user, names.eddy, names.eddy, a->user);
		return ERR_DENIED;
	}
	struct buf b = BUF_INIT;
	if (s->cluster)
		buf_addf(&b, "private cluster in %s", s->data_dir);
	else
		buf_addf(&b, "database %s as %s", a->database, a->user);
	buf_addf(&b, ", PostgreSQL %d.%d, schema %d", a->version / 10000, a->version % 10000, st.level);
	s->describe = buf_detach(&b, NULL);
	const char *minor = admin_wanted_minor(a->version);
	if (minor) {
		b = BUF_INIT;
		buf_addf(&b,
		    "%s%sPostgreSQL %d.%d leaks planner statistics past row security (CVE-2025-8713): update it to %s "
		    "or newer",
		    s->note ? s->note : "", s->note ? "; " : "", a->version / 10000, a->version % 10000, minor);
		free(s->note);
		s->note = buf_detach(&b, NULL);
	}
	return ERR_NONE;
}

/* "" in the environment means unset. */
static struct store_options without_empty(const struct store_options *o)
{
	struct store_options clean = *o;
	if (clean.url && !*clean.url)
		clean.url = NULL;
	if (clean.admin_url && !*clean.admin_url)
		clean.admin_url = NULL;
	return clean;
}

enum err store_open(struct store **out, const struct store_options *given, char *why, size_t why_n)
{
	const struct store_options clean = without_empty(given);
	const struct store_options *o = &clean;
	struct store *s = xcalloc(1, sizeof(*s));
	struct role_names names;
	struct admin a = { 0 };
	s->data_dir = xstrdup(o->data_dir);
	*why = '\0';
	enum err e = o->url || o->admin_url ? sort_addresses(s, o, why, why_n) : open_cluster(s, why, why_n);
	if (e != ERR_NONE)
		goto done;
	if (s->admin_url) {
		if (!cluster_make_dirs(s->data_dir, 0700)) {
			snprintf(why, why_n, "cannot make data_dir %s: %s", s->data_dir, strerror(errno));
			e = ERR_BROKEN;
			goto done;
		}
		if ((e = prepare(s, &names, why, why_n)) != ERR_NONE)
			goto done;
	}
	bool own_role = !s->url;
	if (own_role && (e = runtime_url(s, &names, &s->url, why, why_n)) != ERR_NONE)
		goto done;
	e = admin_open(&a, s->url, why, why_n);
	if (e == ERR_RETRY && own_role) {
		free(s->url);
		s->url = NULL;
		if ((e = renew_password(s, &names, why, why_n)) == ERR_NONE &&
		    (e = runtime_url(s, &names, &s->url, why, why_n)) == ERR_NONE)
			e = admin_open(&a, s->url, why, why_n);
	}
	if (e == ERR_NONE)
		e = check_runtime(s, &a, why, why_n);
done:
	admin_close(&a);
	if (e != ERR_NONE) {
		store_close(s);
		return e;
	}
	*out = s;
	return ERR_NONE;
}

/* ---- the thread that looks after the database ---- */

/* Sleep ${ms}; false when it is time to end. */
static bool doze(struct store *s, uint64_t ms)
{
	uint64_t until_ms = clock_ms() + ms;
	struct timespec until = { .tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000L };
	pthread_mutex_lock(&s->mutex);
	while (!s->closing && pthread_cond_timedwait(&s->cond, &s->mutex, &until) == 0)
		;
	bool go_on = !s->closing;
	pthread_mutex_unlock(&s->mutex);
	return go_on;
}

/* Start the private server again when it has gone.  False: not yet. */
static bool revive(struct store *s)
{
	if (!s->cluster || cluster_running(s->cluster))
		return true;
	char why[512];
	uint64_t t0 = clock_ms();
	enum err e = cluster_revive(s->cluster, why, sizeof(why));
	if (e == ERR_NONE)
		log_warn("store.revive", LF_INT("ms", clock_ms() - t0), LF_STR("result", "ok"));
	else
		log_error("store.revive", LF_STR("why", why), LF_STR("result", err_name(e)));
	return e == ERR_NONE;
}

/* Merge what was written lately into the search index.  False: the database is away. */
static bool tidy(struct store *s, struct pg **p)
{
	static const struct pg_statement statements[] = { { "tidy_search", "SELECT tidy_search()" },
		{ "tidy_statistics", "SELECT tidy_statistics()" },
		{ "tidy_erased", "SELECT tenant FROM search_erasures() WHERE unpurged > 0" },
		{ "tidy_purged", "UPDATE erasures SET purged_at = now() WHERE ws = $1 AND state = 2 AND purged_at IS NULL" },
		{ NULL, NULL } };
	static const struct pg_statement *const tables[] = { statements, NULL };
	char why[256];
	enum err e = ERR_NONE;
	if (!*p)
		e = pg_open(p, s->url, tables, why, sizeof(why));
	else if (!pg_alive(*p))
		e = pg_reconnect(*p);
	return e == ERR_NONE && pg_query(*p, "tidy_statistics", NULL, NULL) == ERR_NONE &&
	    pg_query(*p, "tidy_search", NULL, NULL) == ERR_NONE;
}

/* The server's files are its owner's affair: what there is to do is done. */
static enum err leave(struct pg *p, struct id ws)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	enum err e = pg_begin(p, ws);
	if (e == ERR_NONE)
		e = pg_end(p, pg_query(p, "tidy_purged", a, &r));
	PQclear(r);
	pg_args_free(a);
	return e;
}

/* Files that still hold what was erased.  A purge takes at most a twentieth of the time. */
static void purge(struct store *s, struct pg *p)
{
	PGresult *r = NULL;
	if (!s->purges || clock_ms() < s->purge_ms || pg_query(p, "tidy_erased", NULL, &r) != ERR_NONE)
		return;
	int n = PQntuples(r);
	for (int i = 0; i < n && !s->cluster; i++)
		leave(p, pg_get_id(r, i, 0));
	PQclear(r);
	if (n == 0 || !s->cluster)
		return;
	struct purge_result done;
	char why[256] = "";
	enum err e = purge_run(s->admin_url, &s->purge, &done, why, sizeof(why));
	uint64_t pause = 20 * done.ms > PURGE_MS ? 20 * done.ms : PURGE_MS;
	s->purge_ms = clock_ms() + (done.postponed > 0 && pause < PURGE_LATER_MS ? PURGE_LATER_MS : pause);
	if (e == ERR_NONE)
		log_info("store.purge", LF_INT("tables", done.tables), LF_INT("postponed", done.postponed),
		    LF_INT("bytes", done.bytes), LF_INT("ms", done.ms), LF_INT("longest_ms", done.longest_ms),
		    LF_STR("result", "ok"));
	else
		log_warn("store.purge", LF_STR("why", why), LF_STR("result", err_name(e)));
}

static void *watch_main(void *arg)
{
	struct store *s = arg;
	struct pg *p = NULL;
	uint64_t pause = WATCH_MS;
	while (doze(s, pause)) {
		bool well = revive(s) && tidy(s, &p);
		pause = well ? WATCH_MS : AWAY_MS;
		if (well)
			purge(s, p);
	}
	pg_close(p);
	return NULL;
}

void store_watch(struct store *s, const struct purge_options *purge)
{
	if (s->watching)
		return;
	s->purges = purge != NULL;
	if (purge != NULL)
		s->purge = *purge;
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->mutex, NULL);
	pthread_cond_init(&s->cond, &attr);
	pthread_condattr_destroy(&attr);
	s->watching = pthread_create(&s->watcher, NULL, watch_main, s) == 0;
	if (s->watching) {
		pthread_setname_np(s->watcher, "store");
	} else {
		pthread_cond_destroy(&s->cond);
		pthread_mutex_destroy(&s->mutex);
	}
}

static void end_watch(struct store *s)
{
	if (!s->watching)
		return;
	pthread_mutex_lock(&s->mutex);
	s->closing = true;
	pthread_mutex_unlock(&s->mutex);
	pthread_cond_signal(&s->cond);
	pthread_join(s->watcher, NULL);
	pthread_cond_destroy(&s->cond);
	pthread_mutex_destroy(&s->mutex);
}

static void free_secret(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	end_watch(s);
	cluster_stop(s->cluster);
	free_secret(s->admin_url);
	free_secret(s->url);
	free(s->data_dir);
	free(s->note);
	free(s->describe);
	free(s);
}

const char *store_url(const struct store *s)
{
	return s->url;
}

const char *store_describe(const struct store *s)
{
	return s->describe;
}

const char *store_note(const struct store *s)
{
	return s->note;
}

struct cluster *store_cluster(const struct store *s)
{
	return s->cluster;
}

const char *store_admin_url(const struct store *s)
{
	return s->admin_url;
}

/* ---- eddy migrate ---- */

static enum err change(struct admin *a, enum store_migrate what, int steps, struct buf *out, char *why, size_t why_n)
{
	struct role_names names;
	int done = 0;
	enum err e = roles_name(a->database, &names, why, why_n);
	if (e != ERR_NONE || (e = migrate_lock(a, why, why_n)) != ERR_NONE)
		return e;
	if (what == STORE_UP) {
		if ((e = roles_prepare(a, &names, why, why_n)) == ERR_NONE)
			e = migrate_up(a, migrate_steps(), &names, &done, why, why_n);
	} else {
		e = migrate_down(a, migrate_steps(), &names, steps, &done, why, why_n);
	}
	migrate_unlock(a);
	if (e == ERR_NONE)
		buf_addf(out, "database %s: %d step%s %s\n", a->database, done, done == 1 ? "" : "s",
		    what == STORE_UP ? "applied" : "taken back");
	return e;
}

enum err store_migrate(
    const struct store_options *given, enum store_migrate what, int steps, struct buf *out, char *why, size_t why_n)
{
	const struct store_options clean = without_empty(given);
	const struct store_options *o = &clean;
	struct store *s = xcalloc(1, sizeof(*s));
	struct admin a = { 0 };
	s->data_dir = xstrdup(o->data_dir);
	*why = '\0';
	enum err e = o->url || o->admin_url ? sort_addresses(s, o, why, why_n) : open_cluster(s, why, why_n);
	if (e != ERR_NONE)
		goto done;
	if (s->note)
		buf_addf(out, "%s\n", s->note);
	if (what == STORE_DOWN && s->cluster && cluster_shared(s->cluster)) {
		snprintf(why, why_n, "another eddy uses the database in %s: stop it first", s->data_dir);
		e = ERR_DENIED;
		goto done;
	}
	if (what != STORE_STATUS && !s->admin_url) {
		snprintf(why, why_n, "changing the schema needs an administrator: set database.admin_url");
		e = ERR_DENIED;
		goto done;
	}
	if ((e = admin_open_create(&a, s->admin_url ? s->admin_url : s->url, why, why_n)) != ERR_NONE ||
	    (e = admin_check_server(&a, why, why_n)) != ERR_NONE)
		goto done;
	e = what == STORE_STATUS ? migrate_status(&a, migrate_steps(), out, why, why_n) : change(&a, what, steps, out, why, why_n);
done:
	admin_close(&a);
	store_close(s);
	return e;
}
