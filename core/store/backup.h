#ifndef EDDY_STORE_BACKUP_H
#define EDDY_STORE_BACKUP_H

#include <stdbool.h>
#include <stddef.h>

#include "../base/err.h"
#include "store.h"

struct buf;

/*
 * `eddy backup` and `eddy restore` of the private cluster.  The file is a pg_dump archive (pg_restore reads it) with a
 * SHA-256 behind it, so a cut or damaged file is noticed before anything is touched.  It holds everything in the
 * database and no secrets of data_dir: those are made anew.  A database of your own (database.url) is refused: its
 * server has its own tools.  Blocking; ${out} gets lines to print.
 */

/** Write ${path}, which must not exist (mode 0600).  Works while Eddy serves.  On failure no file is left behind. */
enum err backup_write(const struct store_options *o, const char *path, struct buf *out, char *why, size_t why_n);
/**
 * Put the content of ${path} in place of the database.  One that holds data is only replaced with ${replace}.
 * ERR_DENIED: another eddy uses the database, or it holds data.  ERR_INPUT: the file is damaged or from a newer eddy.
 * On failure the old database stays.
 */
enum err backup_restore(const struct store_options *o, const char *path, bool replace, struct buf *out, char *why, size_t why_n);

#endif
