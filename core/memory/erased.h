#ifndef EDDY_MEMORY_ERASED_H
#define EDDY_MEMORY_ERASED_H

#include <stdbool.h>
#include <stddef.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"

struct forget_ends;

/*
 * The ledger of erasures: one append-only file outside the database, a line for each, on disk before anything is erased.  A database that is
 * put back from a backup does not know what was erased since; this file does (docs/adr/093-erasure-ledger.md).  Ids and moments, nothing else.
 */
#define ERASED_FILE "erasures.ledger"
enum erased_kind {
	ERASED_BACKUP,
	ERASED_MESSAGE,
	ERASED_THREAD,
	ERASED_PERSON,
	ERASED_SWEEP = 5,
	ERASED_WORKSPACE
}; /* from 1: erasures.kind */
struct erased {
	enum erased_kind kind; /* ERASED_BACKUP: a backup was begun; it has no more than a moment */
	struct id ws, id, subject;
	char at[32]; /* when it was asked for, UTC */
};
/** Append a line and have it on disk.  ERR_BROKEN: it is not.  Any thread and process. */
enum err erased_note(const char *dir, const struct erased *line);
/** That a backup is begun, now. */
enum err erased_note_backup(const char *dir);
/**
 * Hands out the lines in their order, with ${tail} only those in about the last so many bytes; lines that nobody can read count in ${torn}.
 * ERR_INPUT: there is no file.
 */
enum err erased_read(const char *dir, size_t tail, void (*fn)(void *arg, const struct erased *line), void *arg, int *torn);

extern const struct pg_statement again_statements[];
struct again_result {
	int missing; /* lines that the database did not know */
	int done;    /* erasures that were made again */
	int torn;
};
/**
 * Make again what the ledger in ${dir} has and the database does not, and finish what another process had begun of that.  ${ends} as for
 * forget_work(), without note.  Before anybody is served: blocking, outside a transaction.  Not done: call it again.
 */
enum err erased_again(struct pg *pg, const char *dir, const struct forget_ends *ends, struct again_result *out);

/* For doctor. */
struct erased_report {
	bool there;
	long lines, since_backup; /* erasures in the file; since the last backup that it knows */
	char last[32], backup[32];
	int torn;
	long lacking; /* of the newest erasures of the database, those that the file does not have */
};
enum err erased_report(struct pg *pg, const char *dir, struct erased_report *out);

#endif
