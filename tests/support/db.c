/*
 * The template's name carries a digest of the migrations, so a changed schema gets a new one even on a cluster that
 * stays.  It is made under another name and renamed when complete, under an advisory lock, because test programs run
 * side by side.
 */
#include "db.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../core/base/buf.h"
#include "../../core/base/mem.h"
#include "../../core/store/admin.h"
#include "../../core/store/cluster.h"
#include "../../core/store/cluster_files.h"
#include "../../core/store/migrate.h"
#include "../../core/store/roles.h"

#define ROLES "eddy_test"
#define PASSWORD "for-tests-only"
#define LIST_MAX 64

static struct cluster *own_cluster;
static const char *own_dir;
static char *server_url;
static char *last_admin;
static char *databases[LIST_MAX];
static size_t databases_n;
static char *dirs[LIST_MAX];
static size_t dirs_n;
static char *kept[4 * LIST_MAX];
static size_t kept_n;
static pid_t owner_pid;

static _Noreturn void give_up(const char *what, const char *why)
{
	fprintf(stderr, "test database: %s: %s\n", what, why);
	exit(99);
}

static const char *keep(char *s)
{
	if (kept_n == sizeof(kept) / sizeof(kept[0]))
		give_up("too many databases in one program", "");
	kept[kept_n++] = s;
	return s;
}

/*
 * The own cluster is stopped by a child that waits for the end of this program on a pipe, so it goes away however the
 * program ends: a test that is killed leaves no server behind.
 */
static int leash = -1;
static pid_t keeper;

static void keep_cluster(void)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		give_up("pipe", strerror(errno));
	keeper = fork();
	if (keeper < 0)
		give_up("fork", strerror(errno));
	if (keeper == 0) {
		char c;
		close(ends[1]);
		setsid();
		while (read(ends[0], &c, 1) < 0 && errno == EINTR)
			;
		cluster_stop(own_cluster);
		cluster_remove_tree(own_dir);
		_exit(0);
	}
	close(ends[0]);
	leash = ends[1];
}

static void clean_up(void)
{
	if (getpid() != owner_pid) /* a fork of the test program */
		return;
	struct admin a;
	char why[256];
	if (databases_n && !own_cluster && server_url && admin_open(&a, server_url, why, sizeof(why)) == ERR_NONE) {
		for (size_t i = 0; i < databases_n; i++) {
			struct buf sql = BUF_INIT;
			buf_addf(&sql, "DROP DATABASE IF EXISTS %s WITH (FORCE)", databases[i]);
			(void)admin_exec(&a, sql.p, why, sizeof(why));
			buf_done(&sql);
		}
		admin_close(&a);
	}
	if (leash >= 0) {
		close(leash);
		waitpid(keeper, NULL, 0);
	}
	cluster_stop(own_cluster);
	for (size_t i = 0; i < dirs_n; i++) {
		cluster_remove_tree(dirs[i]);
		free(dirs[i]);
	}
	for (size_t i = 0; i < databases_n; i++)
		free(databases[i]);
	for (size_t i = 0; i < kept_n; i++)
		free(kept[i]);
	free(server_url);
	free(last_admin);
}

static void begin(void)
{
	if (owner_pid)
		return;
	owner_pid = getpid();
	atexit(clean_up);
}

const char *test_dir(void)
{
	begin();
	if (dirs_n == LIST_MAX)
		give_up("too many folders in one program", "");
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	char path[64];
	snprintf(path, sizeof(path), "%s/eddy-test-XXXXXX", base);
	if (!mkdtemp(path) || chmod(path, 0711) != 0)
		give_up("cannot make a folder", path);
	return dirs[dirs_n++] = xstrdup(path);
}

const char *test_db_server(void)
{
	begin();
	if (server_url)
		return server_url;
	const char *given = getenv("EDDY_TEST_ADMIN_URL");
	if (given && *given) {
		server_url = xstrdup(given);
		return server_url;
	}
	char why[512];
	own_dir = test_dir();
	if (cluster_start(&own_cluster, own_dir, why, sizeof(why)) != ERR_NONE)
		give_up("cannot start a cluster", why);
	keep_cluster();
	struct buf b = BUF_INIT;
	cluster_url(own_cluster, "postgres", NULL, &b);
	server_url = buf_detach(&b, NULL);
	return server_url;
}

static void must(struct admin *a, const char *sql)
{
	char why[400];
	if (admin_exec(a, sql, why, sizeof(why)) != ERR_NONE)
		give_up(sql, why);
}

static void template_name(char out[64])
{
	unsigned char h[SHA256_DIGEST_LENGTH];
	struct buf all = BUF_INIT;
	for (const struct migration *m = migrate_steps(); m->number; m++)
		buf_addf(&all, "%d %s\n%s", m->number, m->name, m->up);
	SHA256((const unsigned char *)all.p, all.len, h);
	snprintf(out, 64, "eddy_tpl_%02x%02x%02x%02x%02x%02x", h[0], h[1], h[2], h[3], h[4], h[5]);
	buf_done(&all);
}

static void fill_template(const char *name)
{
	struct buf url = BUF_INIT;
	struct admin a;
	struct role_names roles;
	char why[512];
	int applied;
	if (admin_rewrite_url(test_db_server(), NULL, NULL, name, &url, why, sizeof(why)) != ERR_NONE ||
	    admin_open(&a, url.p, why, sizeof(why)) != ERR_NONE || roles_name(ROLES, &roles, why, sizeof(why)) != ERR_NONE ||
	    roles_prepare(&a, &roles, why, sizeof(why)) != ERR_NONE ||
	    migrate_up(&a, migrate_steps(), &roles, &applied, why, sizeof(why)) != ERR_NONE)
		give_up(name, why);
	must(&a, "ALTER ROLE " ROLES "_eddy PASSWORD '" PASSWORD "'; ALTER ROLE " ROLES "_maint PASSWORD '" PASSWORD "'");
	admin_close(&a);
	buf_done(&url);
}

static void ensure_template(struct admin *a, const char *name)
{
	PGresult *r = NULL;
	char why[256];
	const char *const values[] = { name };
	must(a, "SELECT pg_advisory_lock(20260, 7)");
	if (admin_query(a, "SELECT 1 FROM pg_database WHERE datname = $1", 1, values, &r, why, sizeof(why)) != ERR_NONE)
		give_up("pg_database", why);
	bool there = PQntuples(r) == 1;
	PQclear(r);
	if (!there) {
		struct buf sql = BUF_INIT;
		char fresh[80];
		snprintf(fresh, sizeof(fresh), "%s_new", name);
		buf_addf(&sql, "DROP DATABASE IF EXISTS %s WITH (FORCE)", fresh);
		must(a, sql.p);
		buf_reset(&sql);
		buf_addf(&sql, "CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8'", fresh);
		must(a, sql.p);
		fill_template(fresh);
		buf_reset(&sql);
		buf_addf(&sql, "ALTER DATABASE %s RENAME TO %s", fresh, name);
		must(a, sql.p);
		buf_done(&sql);
	}
	must(a, "SELECT pg_advisory_unlock(20260, 7)");
}

const char *test_db_fresh(void)
{
	struct admin a;
	char why[512];
	char name[64];
	char template[64];
	if (admin_open(&a, test_db_server(), why, sizeof(why)) != ERR_NONE)
		give_up("cannot connect", why);
	if (databases_n == LIST_MAX)
		give_up("too many databases in one program", "");
	template_name(template);
	ensure_template(&a, template);
	snprintf(name, sizeof(name), "eddy_t%d_%zu", (int)getpid(), databases_n);
	struct buf sql = BUF_INIT;
	buf_addf(&sql, "CREATE DATABASE %s TEMPLATE %s", name, template);
	must(&a, sql.p);
	admin_close(&a);
	databases[databases_n++] = xstrdup(name);

	struct buf url = BUF_INIT;
	if (admin_rewrite_url(test_db_server(), NULL, NULL, name, &url, why, sizeof(why)) != ERR_NONE)
		give_up("address", why);
	free(last_admin);
	last_admin = buf_detach(&url, NULL);
	url = BUF_INIT;
	if (admin_rewrite_url(last_admin, ROLES "_eddy", PASSWORD, NULL, &url, why, sizeof(why)) != ERR_NONE)
		give_up("address", why);
	buf_done(&sql);
	return keep(buf_detach(&url, NULL));
}

const char *test_db_admin(void)
{
	if (!last_admin)
		test_db_fresh();
	return keep(xstrdup(last_admin));
}

const char *test_db_roles(void)
{
	return ROLES;
}

bool test_db_exec(const char *sql)
{
	struct admin a;
	char why[400];
	if (!last_admin)
		test_db_fresh();
	if (admin_open(&a, last_admin, why, sizeof(why)) != ERR_NONE)
		give_up("cannot connect", why);
	enum err e = admin_exec(&a, "SET search_path = eddy", why, sizeof(why));
	if (e == ERR_NONE)
		e = admin_exec(&a, sql, why, sizeof(why));
	if (e != ERR_NONE)
		fprintf(stderr, "test database: %s\n", why);
	admin_close(&a);
	return e == ERR_NONE;
}

const char *test_db_value(const char *sql)
{
	static char value[4096];
	struct admin a;
	char why[400];
	PGresult *r = NULL;
	const char *out = NULL;
	if (!last_admin)
		test_db_fresh();
	if (admin_open(&a, last_admin, why, sizeof(why)) != ERR_NONE ||
	    admin_exec(&a, "SET search_path = eddy", why, sizeof(why)) != ERR_NONE)
		give_up("cannot connect", why);
	if (admin_query(&a, sql, 0, NULL, &r, why, sizeof(why)) != ERR_NONE) {
		fprintf(stderr, "test database: %s\n", why);
	} else {
		if (PQntuples(r) > 0 && PQnfields(r) > 0 && !PQgetisnull(r, 0, 0)) {
			snprintf(value, sizeof(value), "%s", PQgetvalue(r, 0, 0));
			out = value;
		}
		PQclear(r);
	}
	admin_close(&a);
	return out;
}

struct id test_db_workspace(const char *name)
{
	struct id ws = id_new();
	char text[ID_TEXT];
	struct buf sql = BUF_INIT;
	id_format(ws, text);
	buf_addf(&sql,
	    "INSERT INTO workspaces (ws, name) VALUES ('%s', '%s'); "
	    "INSERT INTO installs (adapter, external_id, ws, name) VALUES ('test', '%s', '%s', '%s')",
	    text, name, text, text, name);
	if (!test_db_exec(sql.p))
		give_up("workspace", name);
	buf_done(&sql);
	return ws;
}
