#ifndef EDDY_AUDIT_ENTRY_H
#define EDDY_AUDIT_ENTRY_H

#include <jansson.h>

#include "chain.h"

/* Reading the audit log: newest first for people, oldest first for an export that others can check. */
struct audit_query {
	int64_t at;                 /* list: links below this (0: from the newest); export: above this */
	const char *verb;           /* what the verb begins with; NULL: any */
	const char *ref;            /* how the id of its subject ends (PROBLEM_REF); NULL: any */
	struct id person;           /* who did it or to whom it was done; none: anybody */
	int64_t since_us, until_us; /* Unix microseconds, [since, until); 0: no bound */
	int32_t limit;              /* entries, at most AUDIT_PAGE_MAX */
};
#define AUDIT_PAGE_MAX 500

extern const struct pg_statement entry_statements[];

/**
 * Append at most ${limit} entries to the array ${out}: n, id, at, verb, subject, thread, by, by_name, about, about_name, detail, facts.
 * ${next}: where to go on; 0: there is no more.  In a tenant transaction; looks at a bounded number of links, so that a page may be short.
 */
enum err audit_list(struct pg *pg, struct id ws, const struct audit_query *q, json_t *out, int64_t *next);

/* An export: JSON Lines, each with the exact payload, so that whoever has it can compute the chain anew. */
struct audit_export {
	int64_t entries, first, last; /* of what was written */
	uint8_t digest[CHAIN_HASH];   /* SHA-256 over each line's SHA-256 after the one before: audit_export_line() */
};
/** Append lines; the same as audit_list() otherwise.  ${x} begins as all zero and goes on from page to page. */
enum err audit_export(
    struct pg *pg, struct id ws, const struct audit_query *q, struct audit_export *x, struct buf *out, int64_t *next);
/** Append the last line: what was exported, and a digest of it. */
void audit_manifest(struct id ws, const struct audit_query *q, const struct audit_export *x, struct buf *out);

#endif
