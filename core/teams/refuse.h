#ifndef EDDY_TEAMS_REFUSE_H
#define EDDY_TEAMS_REFUSE_H

#include "../api/problem.h"
#include "../base/err.h"
#include "../store/pg.h"

/* How the parts of core/teams say no.  For core/teams only. */

/** Fills in ${why} and gives ERR_INPUT: nothing was changed that the caller will not roll back. */
enum err team_refuse(struct problem *why, enum api_code code, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
