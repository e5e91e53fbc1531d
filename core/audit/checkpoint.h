#ifndef EDDY_AUDIT_CHECKPOINT_H
#define EDDY_AUDIT_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain.h"

/*
 * What the database cannot take back: lines in a file outside it, each with the number and hash of a link and a seal made with a key outside
 * it.  Without them a chain that was cut at its end, or written anew by whoever owns the tables, would look whole.
 */
#define CHECKPOINT_FILE "audit.checkpoints"
#define CHECKPOINT_KEY_MIN 16
struct checkpoints;
/**
 * ${key}: setting audit.key, or NULL: the file audit.key in ${dir}, made when there is none and ${make}.  ERR_INPUT: ${why} says what is wrong
 * with the key; also that there is none.
 */
enum err checkpoints_open(struct checkpoints **out, const char *dir, const char *key, bool make, char *why, size_t why_n);
void checkpoints_close(struct checkpoints *c);

enum checkpoint_kind {
	CHECKPOINT_LINK,     /* the chain went at least so far */
	CHECKPOINT_RESTORED, /* the database was put back from a backup: what came after this is gone for a reason */
};
struct checkpoint {
	enum checkpoint_kind kind;
	struct id ws;
	int64_t n;
	uint8_t h[CHAIN_HASH];
	/* of what was read */
	bool forged; /* its seal is not made with our key */
	int line;
	char at[32];
};
/** Append ${n} lines and have them on disk.  ERR_BROKEN: they are not.  Any thread and process. */
enum err checkpoints_add(struct checkpoints *c, const struct checkpoint *lines, size_t n);
/** Hands out the lines about ${ws} in their order; lines that nobody can read count in ${torn}.  No file: none. */
enum err checkpoints_read(
    struct checkpoints *c, struct id ws, void (*fn)(void *arg, const struct checkpoint *line), void *arg, int *torn);

#endif
