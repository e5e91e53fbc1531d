#ifndef EDDY_STORE_CHILD_H
#define EDDY_STORE_CHILD_H

#include <stdbool.h>
#include <stddef.h>

#include "../base/err.h"

struct buf;

/*
 * Run a program of the Postgres installation to its end: no shell, working directory /, default signals, no inherited
 * descriptors but the three standard ones, and of the environment only what is no setting of Eddy.  Blocking; never from the loop.
 */
struct child_run {
	const char *const *argv; /* argv[0] is a path or looked up in PATH */
	const char *user;        /* run as this user (only root can); NULL: as we are */
	bool new_session;        /* a terminal's Ctrl-C does not reach it */
	int in;                  /* descriptor for its standard input; -1: empty */
	int out;                 /* descriptor for its standard output; -1: together with its errors into ${said} */
	struct buf *said;        /* what it said, at most 64 kB; NULL: dropped */
};
/**
 * ERR_NONE: it ran and ${status} is its exit code (128 + n when signal n ended it).  ERR_BROKEN: it could not be
 * started.
 */
enum err child_run(const struct child_run *r, int *status);

#endif
