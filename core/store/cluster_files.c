/*
 * Files of the private cluster.  As root we write into a folder that user postgres owns, so files are made under a new
 * name with O_EXCL and renamed, never opened through a name that somebody could have turned into a link.
 */
#include "cluster_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <openssl/sha.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/buf.h"
#include "../base/mem.h"
#include "child.h"
#include "cluster.h"

#define SOCKET_DIR_MAX 90u

/*
 * Small, because Eddy's traffic is short transactions on a few connections.  Everything that durability rests on is
 * said explicitly.  Statement parameters are message text: they never reach the log.
 */
static const char conf[] = "# Written by eddy at each start.  Your own settings: ALTER SYSTEM, which wins over this "
                           "file.\n"
                           "listen_addresses = ''\n"
                           "port = 5432\n"
                           "unix_socket_permissions = 0700\n"
                           "max_connections = 40\n"
                           "shared_buffers = 64MB\n"
                           "huge_pages = off\n"
                           "work_mem = 4MB\n"
                           "maintenance_work_mem = 32MB\n"
                           "jit = off\n"
                           "max_parallel_workers_per_gather = 0\n"
                           "max_logical_replication_workers = 0\n"
                           "fsync = on\n"
                           "full_page_writes = on\n"
                           "synchronous_commit = on\n"
                           "wal_level = minimal\n"
                           "max_wal_senders = 0\n"
                           "wal_buffers = 4MB\n"
                           "max_wal_size = 512MB\n"
                           "checkpoint_timeout = 10min\n"
                           "autovacuum_max_workers = 2\n"
                           "autovacuum_naptime = 20s\n"
                           "password_encryption = 'scram-sha-256'\n"
                           "timezone = 'UTC'\n"
                           "logging_collector = off\n"
                           "log_destination = 'stderr'\n"
                           "log_line_prefix = '%m [%p] '\n"
                           "log_timezone = 'UTC'\n"
                           "log_checkpoints = off\n"
                           "log_min_messages = log\n"
                           "log_min_error_statement = panic\n"
                           "log_parameter_max_length = 0\n"
                           "log_parameter_max_length_on_error = 0\n";

static bool read_small(const char *path, char *out, size_t n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t got = read(fd, out, n - 1);
	close(fd);
	if (got < 0)
		return false;
	out[got] = '\0';
	return true;
}

bool cluster_read_pid(const char *pgdata, struct cluster_pid *out)
{
	char path[PATH_MAX];
	char text[2048];
	snprintf(path, sizeof(path), "%s/postmaster.pid", pgdata);
	if (!read_small(path, text, sizeof(text)))
		return false;
	/* Lines: pid, data folder, start time, port, socket folder, listen address, shared memory, state. */
	*out = (struct cluster_pid){ 0 };
	char *at = text;
	for (int line = 1; at && *at; line++) {
		char *end = strchr(at, '\n');
		if (end)
			*end = '\0';
		if (line == 1)
			out->pid = (pid_t)strtol(at, NULL, 10);
		else if (line == 5 && strlen(at) < sizeof(out->socket_dir))
			memcpy(out->socket_dir, at, strlen(at) + 1);
		else if (line == 8)
			out->ready = strncmp(at, "ready", 5) == 0;
		at = end ? end + 1 : NULL;
	}
	return out->pid > 1;
}

int cluster_data_major(const char *pgdata)
{
	char path[PATH_MAX];
	char text[32];
	snprintf(path, sizeof(path), "%s/PG_VERSION", pgdata);
	return read_small(path, text, sizeof(text)) ? (int)strtol(text, NULL, 10) : 0;
}

bool cluster_in_use(const char *pgdata)
{
	DIR *d = opendir("/proc");
	if (!d)
		return true; /* unknown: leave everything alone */
	bool found = false;
	struct dirent *de;
	while (!found && (de = readdir(d))) {
		char path[300];
		char target[PATH_MAX];
		if (de->d_name[0] < '1' || de->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/cwd", de->d_name);
		ssize_t n = readlink(path, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = '\0';
		if (strcmp(target, pgdata) != 0)
			continue;
		/* Somebody's shell may stand there too. */
		char name[32];
		snprintf(path, sizeof(path), "/proc/%s/comm", de->d_name);
		found = read_small(path, name, sizeof(name)) && strncmp(name, "postgres", strlen("postgres")) == 0;
	}
	closedir(d);
	return found;
}

void cluster_clear_leftovers(const char *pgdata, const char *socket_dir)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/postmaster.pid", pgdata);
	(void)unlink(path);
	snprintf(path, sizeof(path), "%s/.s.PGSQL.5432.lock", socket_dir);
	(void)unlink(path);
	snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", socket_dir);
	(void)unlink(path);
}

bool cluster_make_dirs(const char *path, mode_t mode)
{
	char part[PATH_MAX];
	size_t n = strlen(path);
	if (n == 0 || n >= sizeof(part)) {
		errno = n ? ENAMETOOLONG : ENOENT;
		return false;
	}
	memcpy(part, path, n + 1);
	while (n > 1 && part[n - 1] == '/')
		part[--n] = '\0';
	for (char *at = part + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return false;
		*at = '/';
	}
	if (mkdir(part, mode) == 0)
		return chmod(part, mode) == 0;
	struct stat st;
	if (errno != EEXIST || stat(part, &st) != 0)
		return false;
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return false;
	}
	return true;
}

bool cluster_private_dir(const char *path, const char *user, char *why, size_t why_n)
{
	struct passwd *pw = user ? getpwnam(user) : NULL;
	uid_t uid = pw ? pw->pw_uid : geteuid();
	if (mkdir(path, 0700) == 0) {
		if (pw && lchown(path, pw->pw_uid, pw->pw_gid) != 0) {
			snprintf(why, why_n, "cannot give %s to user %s: %s", path, user, strerror(errno));
			return false;
		}
		return true;
	}
	if (errno != EEXIST) {
		snprintf(why, why_n, "cannot make %s: %s", path, strerror(errno));
		return false;
	}
	struct stat st;
	if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != uid || (st.st_mode & 077) != 0) {
		snprintf(
		    why, why_n, "%s is there but is not a private folder of user %s: remove it", path, pw ? pw->pw_name : "eddy");
		return false;
	}
	return true;
}

bool cluster_socket_dir(const char *data_dir, const char *user, char **out, char *why, size_t why_n)
{
	char path[PATH_MAX];
	if ((size_t)snprintf(path, sizeof(path), "%s/run", data_dir) > SOCKET_DIR_MAX) {
		unsigned char h[SHA256_DIGEST_LENGTH];
		SHA256((const unsigned char *)data_dir, strlen(data_dir), h);
		const char *base = user ? "/run" : "/tmp";
		snprintf(path, sizeof(path), "%s/eddy-%u-%02x%02x%02x%02x%02x%02x", base, (unsigned)geteuid(), h[0], h[1], h[2],
		    h[3], h[4], h[5]);
	}
	if (!cluster_private_dir(path, user, why, why_n))
		return false;
	free(*out);
	*out = xstrdup(path);
	return true;
}

/* ${name} in ${pgdata} becomes ${text}, at once or not at all. */
static bool write_file(const char *pgdata, const char *name, const struct buf *text, const char *user)
{
	char fresh[PATH_MAX];
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", pgdata, name);
	snprintf(fresh, sizeof(fresh), "%s/%s.new", pgdata, name);
	if (unlink(fresh) != 0 && errno != ENOENT)
		return false;
	int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	struct passwd *pw = user ? getpwnam(user) : NULL;
	bool ok = write(fd, text->p, text->len) == (ssize_t)text->len && (!pw || fchown(fd, pw->pw_uid, pw->pw_gid) == 0) &&
	    fsync(fd) == 0;
	if (close(fd) != 0 || !ok)
		return false;
	return rename(fresh, path) == 0;
}

bool cluster_include_conf(const char *pgdata)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/postgresql.conf", pgdata);
	int fd = open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	static const char line[] = "\ninclude_if_exists = 'eddy.conf'\n";
	bool ok = write(fd, line, sizeof(line) - 1) == (ssize_t)sizeof(line) - 1 && fsync(fd) == 0;
	return close(fd) == 0 && ok;
}

bool cluster_write_conf(const char *pgdata, const char *socket_dir, const char *user)
{
	struct buf b = BUF_INIT;
	buf_add_str(&b, conf);
	buf_add_str(&b, "unix_socket_directories = '");
	for (const char *s = socket_dir; *s; s++) {
		if (*s == '\'' || *s == '\\')
			buf_add_char(&b, *s);
		buf_add_char(&b, *s);
	}
	buf_add_str(&b, "'\n");
	bool ok = write_file(pgdata, "eddy.conf", &b, user);
	buf_done(&b);
	return ok;
}

void cluster_trim_log(const char *path, long max)
{
	struct stat st;
	char old[PATH_MAX];
	if (lstat(path, &st) != 0 || st.st_size <= max)
		return;
	snprintf(old, sizeof(old), "%s.1", path);
	(void)rename(path, old);
}

void cluster_last_log_line(const char *path, char *out, size_t n)
{
	char text[4096];
	snprintf(out, n, "no log");
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	off_t end = lseek(fd, 0, SEEK_END);
	off_t from = end > (off_t)sizeof(text) - 1 ? end - (off_t)(sizeof(text) - 1) : 0;
	ssize_t got = pread(fd, text, sizeof(text) - 1, from);
	close(fd);
	if (got <= 0)
		return;
	text[got] = '\0';
	/* The last FATAL or PANIC tells the reason; what follows it are hints and the shutdown. */
	char *best = NULL;
	for (char *line = text; line && *line;) {
		char *next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (*line && (!best || strstr(line, "FATAL:") || strstr(line, "PANIC:") || !strstr(best, ":  ")))
			best = line;
		line = next;
	}
	snprintf(out, n, "%s", best ? best : "empty log");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

bool cluster_remove_tree(const char *path)
{
	struct stat st;
	if (lstat(path, &st) != 0)
		return errno == ENOENT;
	return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0;
}

void cluster_quote(struct buf *out, const char *s)
{
	buf_add_char(out, '\'');
	for (; *s; s++) {
		if (*s == '\'' || *s == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, *s);
	}
	buf_add_char(out, '\'');
}

/* "postgres (PostgreSQL) 15.20 (Debian …)" of ${dir}/postgres; 0: none. */
static int bin_major(const char *dir)
{
	char path[PATH_MAX + 16];
	snprintf(path, sizeof(path), "%s/postgres", dir);
	if (access(path, X_OK) != 0)
		return 0;
	const char *const argv[] = { path, "--version", NULL };
	struct buf said = BUF_INIT;
	int status = -1;
	int major = 0;
	if (child_run(&(struct child_run){ .argv = argv, .in = -1, .out = -1, .said = &said }, &status) == ERR_NONE &&
	    status == 0) {
		const char *at = strstr(said.p ? said.p : "", "(PostgreSQL) ");
		major = at ? (int)strtol(at + strlen("(PostgreSQL) "), NULL, 10) : 0;
	}
	buf_done(&said);
	return major;
}

static bool fits(int major, int found)
{
	return major ? found == major : found >= 15;
}

/* The newest fitting /usr/lib/postgresql/N/bin. */
static int packaged(int major, char *out, size_t n)
{
	int best = 0;
	DIR *d = opendir("/usr/lib/postgresql");
	struct dirent *de;
	while (d && (de = readdir(d))) {
		char path[PATH_MAX];
		int found = (int)strtol(de->d_name, NULL, 10);
		snprintf(path, sizeof(path), "/usr/lib/postgresql/%s/bin/initdb", de->d_name);
		if (found > best && fits(major, found) && access(path, X_OK) == 0) {
			best = found;
			snprintf(out, n, "/usr/lib/postgresql/%s/bin", de->d_name);
		}
	}
	if (d)
		closedir(d);
	return best;
}

bool cluster_find_bin(int major, char *out, size_t n, int *found_major)
{
	int found = packaged(major, out, n);
	if (!found) {
		const char *const argv[] = { "pg_config", "--bindir", NULL };
		struct buf said = BUF_INIT;
		int status = -1;
		if (child_run(&(struct child_run){ .argv = argv, .in = -1, .out = -1, .said = &said }, &status) == ERR_NONE &&
		    status == 0 && said.p) {
			said.p[strcspn(said.p, "\n")] = '\0';
			found = bin_major(said.p);
			if (fits(major, found))
				snprintf(out, n, "%s", said.p);
			else
				found = 0;
		}
		buf_done(&said);
	}
	char *path = found ? NULL : xstrdup(getenv("PATH"));
	char *save = NULL;
	for (char *dir = path ? strtok_r(path, ":", &save) : NULL; dir && !found; dir = strtok_r(NULL, ":", &save)) {
		int m = bin_major(dir);
		if (m && fits(major, m)) {
			found = m;
			snprintf(out, n, "%s", dir);
		}
	}
	free(path);
	if (found && found_major)
		*found_major = found;
	return found != 0;
}
