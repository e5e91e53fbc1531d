#ifndef EDDY_MEMORY_EXPORT_H
#define EDDY_MEMORY_EXPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"

struct buf;
struct search_allowed;

/* What is stored about one person, for that person: docs/memory.md.  Inside a tenant transaction, on a thread that may wait. */
extern const struct pg_statement export_statements[];
/** Whom an adapter calls ${external_id}, or ${external_id} itself is the id of; ERR_INPUT: nobody. */
enum err export_find(struct pg *pg, struct id ws, const char *adapter, const char *external_id, struct id *person);
/**
 * Append it as one JSON object: who it is, how adapters name it, log-ins, what is remembered of it and by it, side threads, opinions, and its
 * messages, newest first.  ${may}: what others have noted about it is left out where it may not read that; NULL: all.  ${max}: messages are left out (${left_out}: how many) beyond so many bytes; 0: all are there.
 */
enum err export_person(
    struct pg *pg, struct id ws, struct id person, const struct search_allowed *may, size_t max, struct buf *json, long *left_out);

#endif
