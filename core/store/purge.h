#ifndef EDDY_STORE_PURGE_H
#define EDDY_STORE_PURGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"

/*
 * What was erased from the tables still lies in the files of a server: in pages that nobody has reused, in the entries of the search index, in the
 * write-ahead log.  Of the private cluster these files are ours, and so is the duty to clear them.  Tables are written anew, which locks each for
 * as long as that takes; the log is turned over and what is old of it removed.  Blocking; nothing else of the process waits for it.
 */
struct purge_options {
	int64_t rewrite_bytes;    /* tables up to this size, with their indexes, are written anew at any hour */
	int quiet_from, quiet_to; /* larger ones from this hour to that one (UTC); the same: at any hour */
};
/** "2-5" to hours; false: not like that. */
bool purge_hours(const char *s, int *from, int *to);
/** Is ${hour} within? */
bool purge_is_quiet(const struct purge_options *o, int hour);

struct purge_result {
	int tables;              /* written anew */
	int postponed;           /* too large for this hour */
	int64_t bytes;           /* of those written, before */
	uint64_t ms, longest_ms; /* in all; the longest that one table was locked */
};
/**
 * Clear the files of the cluster of ${admin_url}, of everything that was erased before now.  With nothing postponed the erasures are
 * marked as purged.  ERR_RETRY: somebody else is at it, reads in an old snapshot, or holds a table; ${why} says what.
 */
enum err purge_run(const char *admin_url, const struct purge_options *o, struct purge_result *out, char *why, size_t why_n);

#endif
