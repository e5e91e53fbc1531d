#ifndef EDDY_AUDIT_VERIFY_H
#define EDDY_AUDIT_VERIFY_H

#include "checkpoint.h"

/* Is the audit log of a workspace what it was?  Reads all of it. */
enum audit_fault {
	FAULT_ENTRY_CHANGED,
	FAULT_ENTRY_REMOVED,     /* its link is there, the entry is not (in this workspace) */
	FAULT_LINK_REMOVED,      /* a number is missing */
	FAULT_LINK_CHANGED,      /* does not follow from the one before: other order, other hash, another chain's */
	FAULT_TAIL_CUT,          /* a checkpoint knows of more than there is */
	FAULT_REWRITTEN,         /* whole in itself, but not what a checkpoint has seen */
	FAULT_CHECKPOINT_FORGED, /* not sealed with our key */
	FAULT_DETAIL_CHANGED,    /* the detail is not what its digest was made of */
	FAULT_PERSON_CHANGED,    /* a tag stands for another person than it was made for */
	FAULT_NOT_LINKED,        /* an entry that the chain has passed over */
};
/** "entry_changed" … */
const char *audit_fault_name(enum audit_fault f);

struct audit_finding {
	enum audit_fault fault;
	int64_t n;       /* where; 0: nowhere in the chain */
	struct id entry; /* or none */
	char text[240];  /* a sentence for people */
};
struct audit_verdict {
	int64_t entries;          /* links looked at */
	int64_t unlinked;         /* entries that wait for their link */
	int64_t details, erased;  /* details that are there; that were erased */
	int64_t checkpoints;      /* that fit */
	int64_t superseded;       /* of what a restored backup has taken away */
	int torn;                 /* lines of the file that nobody can read */
	int64_t last, checkpoint; /* the last link, and the last one with a checkpoint */
	uint8_t h[CHAIN_HASH];
	int64_t findings;
};
#define AUDIT_FINDINGS_MAX 1000 /* told of; all are counted */

extern const struct pg_statement verify_statements[];
/** In a tenant transaction.  ${c}: NULL: without checkpoints, which cannot show a cut or a rewritten chain. */
enum err audit_verify(struct pg *pg, struct id ws, struct checkpoints *c, void (*found)(void *arg, const struct audit_finding *f),
    void *arg, struct audit_verdict *out);

#endif
