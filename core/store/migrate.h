#ifndef EDDY_STORE_MIGRATE_H
#define EDDY_STORE_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "admin.h"
#include "roles.h"

struct buf;

/*
 * The schema in numbered steps, each in one transaction, all under one advisory lock.  eddy.schema_migrations records
 * what was applied with the digest of its text, so an edited migration or a schema from a newer program is noticed,
 * never guessed at. In the text :"owner", :"eddy", :"search" and :"maint" stand for the roles of this database.
 */
struct migration {
	int number; /* 1, 2, 3 …; 0 ends the table */
	const char *name;
	const char *up;
	const char *down;
};
/** The steps inside this binary, from migrations/.  Any thread; lives as long as the process. */
const struct migration *migrate_steps(void);

struct migrate_state {
	int level;  /* the last step that is applied */
	int target; /* the last step this program has */
};
/** The number of the last step in ${steps}. */
int migrate_target(const struct migration *steps);
/**
 * Where the schema stands.  ERR_INPUT: ${why} says that it is newer than this program or that an applied step was
 * changed since. Any role that may read eddy.schema_migrations.
 */
enum err migrate_read(struct admin *a, const struct migration *steps, struct migrate_state *out, char *why, size_t why_n);
/** Apply what is missing.  The caller holds migrate_lock() and has called roles_prepare(). */
enum err migrate_up(
    struct admin *a, const struct migration *steps, const struct role_names *roles, int *applied, char *why, size_t why_n);
/** Take back the last ${n} steps.  The caller holds migrate_lock(). */
enum err migrate_down(
    struct admin *a, const struct migration *steps, const struct role_names *roles, int n, int *undone, char *why, size_t why_n);
/** A line per step: number, name, when applied or "pending". */
enum err migrate_status(struct admin *a, const struct migration *steps, struct buf *out, char *why, size_t why_n);
/** One program at a time changes roles and schema of a database. */
enum err migrate_lock(struct admin *a, char *why, size_t why_n);
void migrate_unlock(struct admin *a);

#endif
