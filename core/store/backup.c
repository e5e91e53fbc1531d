/*
 * Backup: pg_dump into FILE.part, digest appended, synced, read back by pg_restore, renamed.
 * Restore: the digest is checked, the archive goes into a database beside the real one, is checked and brought to this
 * program's schema there, and only then takes the real one's name in one transaction, which Postgres refuses while
 * anybody is connected to it.
 */
#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/buf.h"
#include "../base/mem.h"
#include "admin.h"
#include "child.h"
#include "cluster.h"
#include "migrate.h"
#include "roles.h"

#define DIGEST_BYTES 32u
static const char trailer_magic[8] = "EDDYBAK1"; /* behind the archive: this, then SHA-256 of the archive */
#define TRAILER_BYTES (sizeof(trailer_magic) + DIGEST_BYTES)
static const char archive_magic[5] = "PGDMP";
#define REAL "eddy"
#define BESIDE "eddy_restore"
#define REPLACED "eddy_replaced"

static enum err need_private(const struct store_options *o, char *why, size_t why_n)
{
	if ((!o->url || !*o->url) && (!o->admin_url || !*o->admin_url))
		return ERR_NONE;
	snprintf(why, why_n,
	    "this Eddy works on a server of your own (database.url): back it up with that server's tools, such as "
	    "pg_dump");
	return ERR_INPUT;
}

/* SHA-256 of the first ${n} bytes of ${fd}. */
static bool digest_file(int fd, off_t n, unsigned char out[DIGEST_BYTES])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	char *chunk = xmalloc(65536);
	off_t at = 0;
	while (ok && at < n) {
		size_t want = n - at < 65536 ? (size_t)(n - at) : 65536;
		ssize_t got = pread(fd, chunk, want, at);
		if (got < 0 && errno == EINTR)
			continue;
		ok = got > 0 && EVP_DigestUpdate(ctx, chunk, (size_t)got) == 1;
		at += got > 0 ? got : 0;
	}
	unsigned len = 0;
	ok = ok && EVP_DigestFinal_ex(ctx, out, &len) == 1 && len == DIGEST_BYTES;
	EVP_MD_CTX_free(ctx);
	free(chunk);
	return ok;
}

static void program(const struct cluster *c, const char *name, char *out, size_t n)
{
	snprintf(out, n, "%s/%s", cluster_bin(c), name);
	if (access(out, X_OK) != 0)
		snprintf(out, n, "%s", name); /* the client programs may be packaged apart: look in PATH */
}

/* Run a Postgres program; ${why} gets its first line when it fails. */
static enum err run(const char *const *argv, int in, int out, char *why, size_t why_n)
{
	struct buf said = BUF_INIT;
	int status = -1;
	enum err e = child_run(&(struct child_run){ .argv = argv, .in = in, .out = out, .said = &said }, &status);
	if (e != ERR_NONE) {
		snprintf(why, why_n, "cannot run %s", argv[0]);
	} else if (status != 0) {
		char *line = said.p ? said.p : (char[]){ "" };
		char *error = strstr(line, "error:");
		line = error ? error : line;
		line[strcspn(line, "\n")] = '\0';
		snprintf(
		    why, why_n, "%s ended with %d: %s", strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0], status, line);
		e = ERR_BROKEN;
	}
	buf_done(&said);
	return e;
}

static bool sync_folder_of(const char *path)
{
	char *dir = xstrdup(path);
	char *slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir ? 1 : 0] = '\0';
	int fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	if (fd < 0)
		return false;
	bool ok = fsync(fd) == 0;
	close(fd);
	return ok;
}

static enum err append_digest(int fd, off_t *size)
{
	unsigned char h[DIGEST_BYTES];
	struct stat st;
	if (fstat(fd, &st) != 0 || !digest_file(fd, st.st_size, h) || lseek(fd, 0, SEEK_END) < 0 ||
	    write(fd, trailer_magic, sizeof(trailer_magic)) != (ssize_t)sizeof(trailer_magic) ||
	    write(fd, h, sizeof(h)) != (ssize_t)sizeof(h) || fsync(fd) != 0)
		return ERR_BROKEN;
	*size = st.st_size + (off_t)TRAILER_BYTES;
	return ERR_NONE;
}

/* The server of an Eddy that has served before, and the schema's level; nothing is changed on the way. */
static enum err open_existing(const char *data_dir, struct cluster **c, struct buf *url, int *level, char *why, size_t why_n)
{
	struct buf pg = BUF_INIT;
	struct admin a = { 0 };
	PGresult *r = NULL;
	buf_addf(&pg, "%s/pg", data_dir);
	bool there = access(pg.p, F_OK) == 0 || errno == EACCES;
	buf_done(&pg);
	if (!there) {
		snprintf(why, why_n, "there is nothing to back up in %s", data_dir);
		return ERR_INPUT;
	}
	enum err e = cluster_start(c, data_dir, why, why_n);
	if (e != ERR_NONE)
		return e;
	cluster_url(*c, REAL, NULL, url);
	if ((e = admin_open(&a, url->p, why, why_n)) == ERR_NONE &&
	    (e = admin_query(&a, "SELECT max(version) FROM eddy.schema_migrations", 0, NULL, &r, why, why_n)) == ERR_NONE) {
		*level = atoi(PQgetvalue(r, 0, 0));
		PQclear(r);
	}
	admin_close(&a);
	return e;
}

enum err backup_write(const struct store_options *o, const char *path, struct buf *out, char *why, size_t why_n)
{
	struct cluster *c = NULL;
	struct buf part = BUF_INIT;
	struct buf url = BUF_INIT;
	int fd = -1;
	int level = 0;
	enum err e = need_private(o, why, why_n);
	if (e != ERR_NONE)
		return e;
	if (access(path, F_OK) == 0) {
		snprintf(why, why_n, "%s is there already: choose another name", path);
		return ERR_INPUT;
	}
	buf_addf(&part, "%s.part", path);
	(void)unlink(part.p); /* of a backup that was cut off */
	fd = open(part.p, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		snprintf(why, why_n, "cannot write %s: %s", part.p, strerror(errno));
		buf_done(&part);
		return ERR_INPUT;
	}
	if ((e = open_existing(o->data_dir, &c, &url, &level, why, why_n)) != ERR_NONE)
		goto done;
	char dump[PATH_MAX];
	char list[PATH_MAX];
	program(c, "pg_dump", dump, sizeof(dump));
	program(c, "pg_restore", list, sizeof(list));
	const char *const dump_argv[] = { dump, "--format=custom", "--no-password", "--dbname", url.p, NULL };
	const char *const list_argv[] = { list, "--list", NULL };
	off_t size = 0;
	if ((e = run(dump_argv, -1, fd, why, why_n)) != ERR_NONE)
		goto done;
	if ((e = append_digest(fd, &size)) != ERR_NONE) {
		snprintf(why, why_n, "cannot write %s: %s", part.p, strerror(errno));
		goto done;
	}
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (lseek(fd, 0, SEEK_SET) < 0 || (e = run(list_argv, fd, null, why, why_n)) != ERR_NONE || link(part.p, path) != 0 ||
	    !sync_folder_of(path)) {
		if (e == ERR_NONE)
			snprintf(why, why_n, "cannot make %s: %s", path, strerror(errno));
		e = ERR_BROKEN;
	}
	if (null >= 0)
		close(null);
	if (e == ERR_NONE)
		buf_addf(out, "%s: %.1f MB, schema %d\n", path, (double)size / 1e6, level);
done:
	unlink(part.p);
	close(fd);
	cluster_stop(c);
	buf_done(&url);
	buf_done(&part);
	return e;
}

/* Whole and unchanged since it was written? */
static enum err check_file(int fd, const char *path, char *why, size_t why_n)
{
	unsigned char trailer[TRAILER_BYTES];
	unsigned char h[DIGEST_BYTES];
	char magic[sizeof(archive_magic)];
	struct stat st;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < (off_t)(TRAILER_BYTES + sizeof(magic)) ||
	    pread(fd, magic, sizeof(magic), 0) != (ssize_t)sizeof(magic) || memcmp(magic, archive_magic, sizeof(magic)) != 0) {
		snprintf(why, why_n, "%s is not a backup of Eddy", path);
		return ERR_INPUT;
	}
	off_t body = st.st_size - (off_t)TRAILER_BYTES;
	if (pread(fd, trailer, sizeof(trailer), body) != (ssize_t)sizeof(trailer) ||
	    memcmp(trailer, trailer_magic, sizeof(trailer_magic)) != 0) {
		snprintf(why, why_n, "%s is cut off: its end is missing", path);
		return ERR_INPUT;
	}
	if (!digest_file(fd, body, h) || memcmp(trailer + sizeof(trailer_magic), h, sizeof(h)) != 0) {
		snprintf(why, why_n, "%s is damaged: its digest does not fit its content", path);
		return ERR_INPUT;
	}
	return ERR_NONE;
}

/* The real database: is it there, and does it hold anybody's data? */
static enum err look(struct admin *server, struct cluster *c, bool *there, bool *used, char *why, size_t why_n)
{
	PGresult *r = NULL;
	struct admin a = { 0 };
	struct buf url = BUF_INIT;
	enum err e =
	    admin_query(server, "SELECT 1 FROM pg_catalog.pg_database WHERE datname = '" REAL "'", 0, NULL, &r, why, why_n);
	if (e != ERR_NONE)
		return e;
	*there = PQntuples(r) == 1;
	*used = false;
	PQclear(r);
	if (!*there)
		return ERR_NONE;
	cluster_url(c, REAL, NULL, &url);
	if ((e = admin_open(&a, url.p, why, why_n)) == ERR_NONE &&
	    (e = admin_query(&a, "SELECT pg_catalog.to_regclass('eddy.messages') IS NOT NULL", 0, NULL, &r, why, why_n)) ==
	        ERR_NONE) {
		bool schema = *PQgetvalue(r, 0, 0) == 't';
		PQclear(r);
		if (schema &&
		    (e = admin_query(&a, "SELECT EXISTS (SELECT 1 FROM eddy.messages) OR EXISTS (SELECT 1 FROM eddy.people)", 0,
		         NULL, &r, why, why_n)) == ERR_NONE) {
			*used = *PQgetvalue(r, 0, 0) == 't';
			PQclear(r);
		}
	}
	admin_close(&a);
	buf_done(&url);
	return e;
}

/* The archive into a database beside the real one, checked and brought to this program's schema. */
static enum err fill_beside(
    struct admin *server, struct cluster *c, int fd, const struct role_names *names, struct buf *out, char *why, size_t why_n)
{
	struct buf url = BUF_INIT;
	struct admin a = { 0 };
	struct migrate_state st;
	PGresult *r = NULL;
	char restore[PATH_MAX];
	int applied = 0;
	program(c, "pg_restore", restore, sizeof(restore));
	cluster_url(c, BESIDE, NULL, &url);
	const char *const argv[] = { restore, "--exit-on-error", "--single-transaction", "--no-password", "--dbname", url.p, NULL };
	enum err e = admin_exec(server, "DROP DATABASE IF EXISTS " BESIDE, why, why_n);
	if (e == ERR_NONE)
		e = admin_exec(server, "CREATE DATABASE " BESIDE " TEMPLATE template0 ENCODING 'UTF8'", why, why_n);
	if (e != ERR_NONE || (e = admin_open(&a, url.p, why, why_n)) != ERR_NONE ||
	    (e = roles_make(&a, names, why, why_n)) != ERR_NONE)
		goto done;
	if (lseek(fd, 0, SEEK_SET) < 0 || (e = run(argv, fd, -1, why, why_n)) != ERR_NONE)
		goto done;
	if ((e = migrate_read(&a, migrate_steps(), &st, why, why_n)) != ERR_NONE)
		goto done;
	if (st.level == 0) {
		snprintf(why, why_n, "the archive holds no schema of Eddy");
		e = ERR_INPUT;
		goto done;
	}
	if ((e = roles_prepare(&a, names, why, why_n)) != ERR_NONE ||
	    (e = migrate_up(&a, migrate_steps(), names, &applied, why, why_n)) != ERR_NONE ||
	    (e = admin_query(&a,
	         "SELECT (SELECT count(*) FROM eddy.workspaces), (SELECT count(*) FROM eddy.threads), "
	         "(SELECT count(*) FROM eddy.messages)",
	         0, NULL, &r, why, why_n)) != ERR_NONE)
		goto done;
	buf_addf(out, "restored %s workspaces, %s threads, %s messages, schema %d\n", PQgetvalue(r, 0, 0), PQgetvalue(r, 0, 1),
	    PQgetvalue(r, 0, 2), st.target);
	PQclear(r);
	e = admin_exec(&a, "ANALYZE", why, why_n);
done:
	admin_close(&a);
	buf_done(&url);
	return e;
}

static enum err swap(struct admin *server, bool there, char *why, size_t why_n)
{
	char detail[200];
	enum err e = admin_exec(server, "DROP DATABASE IF EXISTS " REPLACED, detail, sizeof(detail));
	if (e == ERR_NONE)
		e = admin_exec(server,
		    there ? "BEGIN; ALTER DATABASE " REAL " RENAME TO " REPLACED "; ALTER DATABASE " BESIDE " RENAME TO " REAL
		            "; COMMIT"
		          : "ALTER DATABASE " BESIDE " RENAME TO " REAL,
		    detail, sizeof(detail));
	if (e != ERR_NONE) {
		char ignored[64];
		(void)admin_exec(server, "ROLLBACK", ignored, sizeof(ignored));
		snprintf(why, why_n, "cannot put the restored database in place (is somebody connected?): %s", detail);
		return ERR_DENIED;
	}
	if (there)
		(void)admin_exec(server, "DROP DATABASE " REPLACED, detail, sizeof(detail)); /* else the next restore drops it */
	return ERR_NONE;
}

enum err backup_restore(const struct store_options *o, const char *path, bool replace, struct buf *out, char *why, size_t why_n)
{
	struct cluster *c = NULL;
	struct admin server = { 0 };
	struct role_names names;
	struct buf url = BUF_INIT;
	struct buf lines = BUF_INIT;
	bool there = false;
	bool used = false;
	enum err e = need_private(o, why, why_n);
	if (e != ERR_NONE)
		return e;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		snprintf(why, why_n, "cannot read %s: %s", path, strerror(errno));
		return ERR_INPUT;
	}
	if ((e = check_file(fd, path, why, why_n)) != ERR_NONE || (e = roles_name(REAL, &names, why, why_n)) != ERR_NONE ||
	    (e = cluster_start(&c, o->data_dir, why, why_n)) != ERR_NONE)
		goto done;
	if (cluster_shared(c)) {
		snprintf(why, why_n, "another eddy uses the database in %s: stop it first", o->data_dir);
		e = ERR_DENIED;
		goto done;
	}
	cluster_url(c, "postgres", NULL, &url);
	if ((e = admin_open(&server, url.p, why, why_n)) != ERR_NONE ||
	    (e = look(&server, c, &there, &used, why, why_n)) != ERR_NONE)
		goto done;
	if (used && !replace) {
		snprintf(why, why_n, "the database in %s holds data: back it up and use --replace, or choose another data_dir",
		    o->data_dir);
		e = ERR_DENIED;
		goto done;
	}
	if ((e = fill_beside(&server, c, fd, &names, &lines, why, why_n)) == ERR_NONE)
		e = swap(&server, there, why, why_n);
	if (e == ERR_NONE) {
		/* What hangs on the database's name or number rather than its content. */
		struct admin a = { 0 };
		buf_reset(&url);
		cluster_url(c, REAL, NULL, &url);
		if ((e = admin_open(&a, url.p, why, why_n)) == ERR_NONE)
			e = roles_prepare(&a, &names, why, why_n);
		admin_close(&a);
	} else {
		char ignored[64];
		(void)admin_exec(&server, "DROP DATABASE IF EXISTS " BESIDE " WITH (FORCE)", ignored, sizeof(ignored));
	}
	if (e == ERR_NONE)
		buf_add(out, lines.p, lines.len);
done:
	close(fd);
	admin_close(&server);
	cluster_stop(c);
	buf_done(&url);
	buf_done(&lines);
	return e;
}
