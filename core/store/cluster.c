/*
 * Starting, sharing and stopping the private cluster.
 *
 * Two lock files in data_dir: cluster.lock is held for the moment of starting or stopping; cluster.users is locked
 * shared by every process that uses the server, so "am I the last" is one attempt to lock it exclusively, and a killed
 * process leaves no trace. Whether a server runs is read from postmaster.pid and believed only when that process really
 * sits in our data folder: process numbers are reused.  initdb works in pg.new and the folder is renamed when it is
 * complete.
 */
#include "cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../base/buf.h"
#include "../base/clock.h"
#include "../base/mem.h"
#include "child.h"
#include "cluster_files.h"

#define LOCK_WAIT_MS 120000u  /* another process may be making the cluster or recovering it */
#define READY_WAIT_MS 120000u /* crash recovery */
#define STOP_WAIT_MS 30000u
#define ORPHANS_WAIT_MS 10000u
#define LOG_MAX_BYTES (4 << 20)

struct cluster {
	char *dir; /* data_dir, absolute */
	char *pgdata;
	char *log;
	char *socket_dir;
	char bin[PATH_MAX - 64];
	const char *user; /* NULL or "postgres" */
	int users_fd;
};

static void nap(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
	nanosleep(&t, NULL);
}

static int lock_file(const char *dir, const char *name, int how, char *why, size_t why_n)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		snprintf(why, why_n, "cannot open %s: %s; data_dir %s belongs to another user? Run as that user or set data_dir",
		    path, strerror(errno), dir);
		return -1;
	}
	uint64_t end = clock_ms() + LOCK_WAIT_MS;
	while (flock(fd, how | LOCK_NB) != 0) {
		if (errno != EINTR && errno != EWOULDBLOCK) {
			snprintf(why, why_n, "cannot lock %s: %s", path, strerror(errno));
			close(fd);
			return -1;
		}
		if (clock_ms() > end) {
			snprintf(why, why_n, "another eddy has held %s for two minutes", path);
			close(fd);
			return -1;
		}
		nap(5);
	}
	return fd;
}

/* The first line of what a program said that is worth showing. */
static const char *worth(struct buf *said)
{
	if (!said->p || said->len == 0)
		return "no output";
	char *at = strstr(said->p, "error:");
	if (!at)
		at = strstr(said->p, "FATAL:");
	if (!at)
		at = said->p;
	at[strcspn(at, "\n")] = '\0';
	return at;
}

static bool make_cluster(struct cluster *c, char *why, size_t why_n)
{
	char fresh[PATH_MAX];
	snprintf(fresh, sizeof(fresh), "%s/pg.new", c->dir);
	if (!cluster_remove_tree(fresh) || !cluster_private_dir(fresh, c->user, why, why_n)) {
		if (!*why)
			snprintf(why, why_n, "cannot clear %s: %s", fresh, strerror(errno));
		return false;
	}
	/* Who can enter the socket's folder is the server's own user or root; nobody comes in over the network. */
	struct buf said = BUF_INIT;
	char initdb[PATH_MAX];
	snprintf(initdb, sizeof(initdb), "%s/initdb", c->bin);
	const char *const argv[] = { initdb, "-D", fresh, "-U", "postgres", "--auth-local=trust", "--auth-host=reject", "-E",
		"UTF8", "--locale=C.UTF-8", NULL };
	int status = -1;
	enum err e = child_run(&(struct child_run){ .argv = argv, .user = c->user, .in = -1, .out = -1, .said = &said }, &status);
	bool ok = e == ERR_NONE && status == 0;
	if (e != ERR_NONE)
		snprintf(why, why_n, "cannot run %s", initdb);
	else if (!ok)
		snprintf(why, why_n, "initdb in %s failed: %s%s", fresh, worth(&said),
		    c->user ? " (can user postgres reach that folder? If not, set data_dir elsewhere)" : "");
	buf_done(&said);
	if (ok && !cluster_include_conf(fresh)) {
		snprintf(why, why_n, "cannot write %s/postgresql.conf: %s", fresh, strerror(errno));
		ok = false;
	}
	if (ok && rename(fresh, c->pgdata) != 0) {
		snprintf(why, why_n, "cannot rename %s to %s: %s", fresh, c->pgdata, strerror(errno));
		ok = false;
	}
	return ok;
}

/* Is ${pid} a live process (not a zombie) that works in our data folder?  The postmaster changes into it. */
static bool is_ours(const struct cluster *c, pid_t pid)
{
	char path[64];
	char text[PATH_MAX];
	if (pid <= 1)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/cwd", (int)pid);
	ssize_t n = readlink(path, text, sizeof(text) - 1);
	if (n <= 0)
		return false; /* gone, a zombie, or somebody else's */
	text[n] = '\0';
	return strcmp(text, c->pgdata) == 0;
}

/* Written once as a rule: after a revival the folder is the same, and others may be reading it. */
static void set_socket_dir(struct cluster *c, const char *dir)
{
	if (c->socket_dir && strcmp(c->socket_dir, dir) == 0)
		return;
	free(c->socket_dir);
	c->socket_dir = xstrdup(dir);
}

/* Wait until the server says ready.  ${pid} may be 0 when only postmaster.pid knows it. */
static bool wait_ready(struct cluster *c, pid_t pid, char *why, size_t why_n)
{
	uint64_t begun = clock_ms();
	for (;;) {
		struct cluster_pid p;
		bool have = cluster_read_pid(c->pgdata, &p);
		if (have && p.ready && is_ours(c, p.pid) && (pid == 0 || p.pid == pid)) {
			set_socket_dir(c, p.socket_dir);
			return true;
		}
		pid_t watch = pid ? pid : have ? p.pid : 0;
		bool starting = clock_ms() - begun < 1000; /* between fork and chdir it is not yet in the folder */
		if (!starting && !is_ours(c, watch))
			break;
		if (pid && kill(pid, 0) != 0 && errno == ESRCH)
			break;
		if (clock_ms() - begun > READY_WAIT_MS) {
			snprintf(why, why_n, "the database in %s is not ready after %u s; see %s", c->pgdata, READY_WAIT_MS / 1000,
			    c->log);
			return false;
		}
		nap(begun + 200 > clock_ms() ? 2 : 20);
	}
	char line[300];
	cluster_last_log_line(c->log, line, sizeof(line));
	snprintf(why, why_n, "the database in %s does not start: %s (see %s)", c->pgdata, line, c->log);
	return false;
}

static bool spawn_server(struct cluster *c, pid_t *pid, char *why, size_t why_n)
{
	char postgres[PATH_MAX];
	snprintf(postgres, sizeof(postgres), "%s/postgres", c->bin);
	/*
	 * The shell goes away at once, so the server belongs to init and outlives us; its number comes back on the
	 * pipe.
	 */
	const char *const argv[] = { "/bin/sh", "-c", "umask 077; log=$1; shift; \"$@\" </dev/null >>\"$log\" 2>&1 & echo $!", "sh",
		c->log, postgres, "-D", c->pgdata, NULL };
	struct buf said = BUF_INIT;
	int status = -1;
	struct child_run r = { .argv = argv, .user = c->user, .new_session = true, .in = -1, .out = -1, .said = &said };
	enum err e = child_run(&r, &status);
	*pid = said.p ? (pid_t)strtol(said.p, NULL, 10) : 0;
	if (e != ERR_NONE || status != 0 || *pid <= 1) {
		snprintf(why, why_n, "cannot run %s: %s", postgres, worth(&said));
		buf_done(&said);
		return false;
	}
	buf_done(&said);
	return true;
}

/* What must hold for the data folder before a server may touch it. */
static bool check_data(struct cluster *c, char *why, size_t why_n)
{
	struct stat st;
	struct passwd *want = c->user ? getpwnam(c->user) : NULL;
	uid_t uid = want ? want->pw_uid : geteuid();
	if (stat(c->pgdata, &st) != 0) {
		snprintf(why, why_n, "cannot read %s: %s", c->pgdata, strerror(errno));
		return false;
	}
	if (st.st_uid != uid) {
		struct passwd *pw = getpwuid(st.st_uid);
		snprintf(why, why_n,
		    "the database in %s belongs to user %s: run eddy as that user, or set data_dir to another folder", c->pgdata,
		    pw ? pw->pw_name : "(unknown)");
		return false;
	}
	int major = cluster_data_major(c->pgdata);
	if (major == 0) {
		snprintf(why, why_n, "%s is not a database folder (no PG_VERSION): move it away or set data_dir", c->pgdata);
		return false;
	}
	if (!cluster_find_bin(major, c->bin, sizeof(c->bin), NULL)) {
		snprintf(why, why_n,
		    "the database in %s was made by PostgreSQL %d, which is not installed: apt-get install "
		    "postgresql-%d, "
		    "or restore a backup into an empty data_dir",
		    c->pgdata, major, major);
		return false;
	}
	return true;
}

/* Alone with the cluster?  Keeps the shared lock otherwise.  Needs cluster.lock, so no two processes ask at once. */
static bool alone(struct cluster *c)
{
	if (flock(c->users_fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	while (flock(c->users_fd, LOCK_SH) != 0 && errno == EINTR)
		;
	return false;
}

static bool run_server(struct cluster *c, char *why, size_t why_n)
{
	struct cluster_pid p;
	if (cluster_read_pid(c->pgdata, &p) && is_ours(c, p.pid))
		return wait_ready(c, 0, why, why_n);

	/* After a kill of the server its children need a moment to notice; nothing may start before they have gone. */
	uint64_t end = clock_ms() + ORPHANS_WAIT_MS;
	while (cluster_in_use(c->pgdata)) {
		if (clock_ms() > end) {
			snprintf(why, why_n, "processes of a former server still work in %s: end them", c->pgdata);
			return false;
		}
		nap(10);
	}
	char *socket_dir = NULL;
	if (!cluster_socket_dir(c->dir, c->user, &socket_dir, why, why_n))
		return false;
	set_socket_dir(c, socket_dir);
	free(socket_dir);
	/*
	 * Postgres clears its own left-overs, but not when their process number is in use again.  Only where no other
	 * eddy uses this folder: one in another container would not show among our processes.
	 */
	if (alone(c)) {
		cluster_clear_leftovers(c->pgdata, c->socket_dir);
		while (flock(c->users_fd, LOCK_SH) != 0 && errno == EINTR)
			;
	}
	if (!cluster_write_conf(c->pgdata, c->socket_dir, c->user)) {
		snprintf(why, why_n, "cannot write %s/eddy.conf: %s", c->pgdata, strerror(errno));
		return false;
	}
	cluster_trim_log(c->log, LOG_MAX_BYTES);
	pid_t pid;
	return spawn_server(c, &pid, why, why_n) && wait_ready(c, pid, why, why_n);
}

static void cluster_free(struct cluster *c)
{
	if (!c)
		return;
	if (c->users_fd >= 0)
		close(c->users_fd);
	free(c->dir);
	free(c->pgdata);
	free(c->log);
	free(c->socket_dir);
	free(c);
}

enum err cluster_start(struct cluster **out, const char *data_dir, char *why, size_t why_n)
{
	struct cluster *c = xcalloc(1, sizeof(*c));
	int lock = -1;
	bool ok = false;
	c->users_fd = -1;
	*why = '\0';
	if (geteuid() == 0) {
		c->user = "postgres";
		if (!getpwnam(c->user)) {
			snprintf(why, why_n,
			    "started as root, the private database runs as user postgres, which does not exist: "
			    "apt-get install postgresql-15, or set database.url");
			goto done;
		}
	}
	if (!cluster_make_dirs(data_dir, c->user ? 0711 : 0700) || !(c->dir = realpath(data_dir, NULL))) {
		snprintf(why, why_n, "cannot make data_dir %s: %s", data_dir, strerror(errno));
		goto done;
	}
	/* A folder that something else of ours made for root alone: the server's user must pass through; the files in
	 * it are 0600. */
	struct stat st;
	if (c->user && stat(c->dir, &st) == 0 && st.st_uid == 0 && (st.st_mode & 0011) != 0011)
		(void)chmod(c->dir, (st.st_mode & 07777) | 0011);
	struct buf b = BUF_INIT;
	buf_addf(&b, "%s/pg", c->dir);
	c->pgdata = buf_detach(&b, NULL);
	b = BUF_INIT;
	buf_addf(&b, "%s/server.log", c->pgdata);
	c->log = buf_detach(&b, NULL);

	if ((lock = lock_file(c->dir, "cluster.lock", LOCK_EX, why, why_n)) < 0 ||
	    (c->users_fd = lock_file(c->dir, "cluster.users", LOCK_SH, why, why_n)) < 0)
		goto done;
	if (stat(c->pgdata, &st) != 0 && errno == ENOENT) {
		if (!cluster_find_bin(0, c->bin, sizeof(c->bin), NULL)) {
			snprintf(why, why_n,
			    "no PostgreSQL server programs of version 15 or newer found: apt-get install "
			    "postgresql-15, "
			    "or set database.url");
			goto done;
		}
		if (!make_cluster(c, why, why_n))
			goto done;
	}
	ok = check_data(c, why, why_n) && run_server(c, why, why_n);
done:
	if (lock >= 0)
		close(lock);
	if (!ok) {
		cluster_free(c);
		return ERR_BROKEN;
	}
	*out = c;
	return ERR_NONE;
}

bool cluster_shared(struct cluster *c)
{
	char why[256];
	int lock = lock_file(c->dir, "cluster.lock", LOCK_EX, why, sizeof(why));
	if (lock < 0)
		return true;
	bool shared = !alone(c);
	while (!shared && flock(c->users_fd, LOCK_SH) != 0 && errno == EINTR)
		;
	close(lock);
	return shared;
}

bool cluster_running(const struct cluster *c)
{
	struct cluster_pid p;
	return cluster_read_pid(c->pgdata, &p) && is_ours(c, p.pid);
}

enum err cluster_revive(struct cluster *c, char *why, size_t why_n)
{
	*why = '\0';
	int lock = lock_file(c->dir, "cluster.lock", LOCK_EX, why, why_n);
	if (lock < 0)
		return ERR_RETRY;
	bool ok = run_server(c, why, why_n);
	close(lock);
	return ok ? ERR_NONE : ERR_RETRY;
}

void cluster_stop(struct cluster *c)
{
	if (!c)
		return;
	char why[256];
	int lock = lock_file(c->dir, "cluster.lock", LOCK_EX, why, sizeof(why));
	struct cluster_pid p;
	if (lock >= 0 && alone(c) && cluster_read_pid(c->pgdata, &p) && is_ours(c, p.pid)) {
		kill(p.pid, SIGINT); /* "fast": sessions end, a checkpoint is written */
		uint64_t end = clock_ms() + STOP_WAIT_MS;
		while (is_ours(c, p.pid) && clock_ms() < end)
			nap(2);
		if (c->socket_dir)
			rmdir(c->socket_dir);
	}
	if (lock >= 0)
		close(lock);
	cluster_free(c);
}

void cluster_url(const struct cluster *c, const char *database, const char *user, struct buf *out)
{
	buf_add_str(out, "host=");
	cluster_quote(out, c->socket_dir);
	buf_add_str(out, " port=5432 dbname=");
	cluster_quote(out, database);
	buf_add_str(out, " user=");
	cluster_quote(out, user ? user : "postgres");
}

const char *cluster_bin(const struct cluster *c)
{
	return c->bin;
}

const char *cluster_user(const struct cluster *c)
{
	return c->user;
}

const char *cluster_log(const struct cluster *c)
{
	return c->log;
}
