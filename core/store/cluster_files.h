#ifndef EDDY_STORE_CLUSTER_FILES_H
#define EDDY_STORE_CLUSTER_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct buf;

/* The files and folders of the private cluster; used by cluster.c and backup.c only.  On false errno says why. */
struct cluster_pid {
	pid_t pid;
	char socket_dir[108];
	bool ready;
};
/** postmaster.pid of ${pgdata}; false when there is none. */
bool cluster_read_pid(const char *pgdata, struct cluster_pid *out);
/** The major version that made ${pgdata}, 0 when it is no database folder. */
int cluster_data_major(const char *pgdata);
/** True if any server process works in ${pgdata}. */
bool cluster_in_use(const char *pgdata);
/** Remove the lock files of a server that nobody runs any more. */
void cluster_clear_leftovers(const char *pgdata, const char *socket_dir);
/** mkdir -p; only the last folder gets ${mode}. */
bool cluster_make_dirs(const char *path, mode_t mode);
/**
 * A folder of mode 0700 owned by ${user} (NULL: us).  One that is there must be just that: in /tmp others could have
 * made it.
 */
bool cluster_private_dir(const char *path, const char *user, char *why, size_t why_n);
/**
 * Where the socket goes: ${data_dir}/run, or where that is too long for a socket's name, a private folder in /run or
 * /tmp.
 */
bool cluster_socket_dir(const char *data_dir, const char *user, char **out, char *why, size_t why_n);
bool cluster_include_conf(const char *pgdata);
/** eddy.conf: the settings that this program wants of its server, written anew at each start. */
bool cluster_write_conf(const char *pgdata, const char *socket_dir, const char *user);
/** Keep at most two logs of ${max} bytes: a bigger one becomes ${path}.1. */
void cluster_trim_log(const char *path, long max);
void cluster_last_log_line(const char *path, char *out, size_t n);
bool cluster_remove_tree(const char *path);
/** Append ${s} quoted for a libpq connection string. */
void cluster_quote(struct buf *out, const char *s);

#endif
