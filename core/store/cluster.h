#ifndef EDDY_STORE_CLUSTER_H
#define EDDY_STORE_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>

#include "../base/err.h"

struct buf;

/*
 * The private Postgres cluster of an Eddy without database.url: ${data_dir}/pg, reached over a unix socket in a folder
 * that only its user can enter.  As root the server runs as user postgres, else as ourselves.  Several processes share
 * one cluster: the first starts it, the last one out stops it, and one that was killed leaves it for the next to adopt.
 * Blocking: start-up and commands.
 */
struct cluster;

/**
 * Make (the first time), start or adopt the cluster under ${data_dir} (made when missing).  On success the server
 * accepts connections and stays up at least until cluster_stop(${out}).  ERR_BROKEN: ${why} says what, where and how to
 * mend, in one line.
 */
enum err cluster_start(struct cluster **out, const char *data_dir, char *why, size_t why_n);
/** Stop using it; the last user stops the server and waits for that.  NULL is fine. */
void cluster_stop(struct cluster *c);

/** False once the server has gone (killed, out of memory); microseconds. */
bool cluster_running(const struct cluster *c);
/** Start the server again when it has gone; the address stays the same.  ERR_RETRY: not yet, ${why} says what. */
enum err cluster_revive(struct cluster *c, char *why, size_t why_n);
/** Append the address of ${database} for ${user} (NULL: the administrator) as a libpq connection string. */
void cluster_url(const struct cluster *c, const char *database, const char *user, struct buf *out);
/** True while another process uses the cluster too. */
bool cluster_shared(struct cluster *c);
/** The folder of the server's programs (pg_dump …). */
const char *cluster_bin(const struct cluster *c);
/** The user the server runs as when that is not us, else NULL. */
const char *cluster_user(const struct cluster *c);
/** Where the server writes its log. */
const char *cluster_log(const struct cluster *c);

/**
 * The folder of Postgres programs of ${major} (0: the newest, at least 15): /usr/lib/postgresql/N/bin, pg_config, PATH.
 * False: none.
 */
bool cluster_find_bin(int major, char *out, size_t n, int *found_major);

#endif
