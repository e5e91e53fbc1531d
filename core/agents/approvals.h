#ifndef EDDY_AGENTS_APPROVALS_H
#define EDDY_AGENTS_APPROVALS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../api/problem.h"
#include "../base/buf.h"
#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"
#include "tools.h"

/*
 * Acts that reach outside wait for a person (docs/approvals.md).  An act is asked in the transaction that ends its run: the run holds nothing while it
 * waits, and goes on as a new one with the same steps.  It is granted, done (a row of the outbox whose id is the approval's) and used in one
 * transaction, so it happens once, whatever dies when.  Who may decide, and whether it may still be done, is asked of approval_refusal() of migration 033.
 */
#define APPROVAL_WORK "eddy_work" /* announced (NOTIFY) when something is to be done at once, whoever has decided it and wherever */
#define APPROVAL_TOLD 57          /* CMD_DECIDED: says in the conversation of the question what became of it */
#define APPROVAL_CODE 12          /* "7K2QF-M9XTD", terminated */

struct approval {
	struct id id; /* id_named() of run and step, so that the same call is the same act */
	struct id ws, run, thread, asker;
	struct id audience; /* of the question */
	int step;           /* the place of its result among the run's steps */
	const char *tool;
	struct tool_act act;
	char *call; /* canonical JSON of everything that counts */
	uint8_t digest[32];
	char code[APPROVAL_CODE];
	const char *const *approvers; /* config approvals.approvers; borrowed */
	size_t approvers_len;
	unsigned untrusted;
	int hours;
	struct id *reads; /* the run's */
	size_t reads_len;
};
/** Makes call, digest and code of ${a} from the rest. */
void approval_make(struct approval *a);
void approval_done(struct approval *a);
/** The name of the act of ${run} whose result is its step ${step}. */
struct id approval_id(struct id run, int step);

extern const struct pg_statement approval_write_statements[], approval_statements[];
/** Arguments of "approval_ask", for the writer. */
void approval_put(struct pg_args *g, const struct approval *a);
/** Of "approval_audit": ${facts} is JSON. */
void approval_put_audit(struct pg_args *g, struct id ws, struct id entry, const char *verb, struct id actor, struct id subject,
    struct id thread, const char *facts);

/** Of "approval_tell", for both: its conversation hears what became of ${id}, once for each ${what} (a name). */
void approval_put_tell(struct pg_args *g, struct id ws, struct id id, const char *what);

/* ---- inside a tenant transaction ---- */

/** 0, or the number of the rule that would refuse it whoever approves. */
enum err approval_possible(struct pg *pg, const struct approval *a, int *rule);
/** Does the act without asking anybody, once, if the rules let it pass with nobody's consent: ${rule} 0. */
enum err approval_automatic(struct pg *pg, const struct approval *a, int *rule);
/** UNTRUSTED_* of everything said in ${thread} (and where it has left, if it is a side thread) up to ${upto}, and of ${authors}. */
enum err approval_trust(
    struct pg *pg, struct id ws, struct id thread, int64_t upto, const struct id *authors, size_t n, unsigned *out);

struct approval_decision {
	struct id ws, person;
	const char *through; /* the adapter that ${person} speaks through; NULL: the API */
	struct id at_thread; /* where; none: the API */
	bool alone;          /* only ${person} reads the answer there */
	const char *code;    /* as typed; NULL: ${id} and ${shown} */
	size_t code_len;
	struct id id;
	const uint8_t *shown; /* 32 bytes: the digest of what was shown */
	bool grants;
	struct id in; /* names the decision: the same one again does nothing and answers the same */
};
struct approval_outcome {
	int rule;  /* 0: decided; else which says no, -1: there is none such */
	int state; /* approvals.state before; 0: there is none such */
	struct id id, thread;
	char to[160];
};
/** Decides, with its entry in the audit log; so a refusal is to be committed too. */
enum err approval_decide(struct pg *pg, const struct approval_decision *d, struct approval_outcome *out);
/** The sentence for people about a rule, and about a decision that was refused. */
const char *approval_why(int rule);
const char *approval_why_not(const struct approval_outcome *o);
/** What became of ${id}; state 0: there is none such. */
struct approval_fate {
	int state;
	bool lost, withheld;   /* approved, and not delivered; since who reads there has changed */
	bool nobody;           /* all who might have decided were erased */
	char to[160], by[160]; /* "": nobody, or not known */
};
enum err approval_fate(struct pg *pg, struct id ws, struct id id, struct approval_fate *out);
/** The code for it; for a ${rule} that there is not API_NOT_FOUND, as for a question that there is not. */
enum api_code approval_code(int rule);
/** Those that wait and that ${person} may decide, oldest first, as a JSON array. */
enum err approval_list(struct pg *pg, struct id ws, struct id person, json_t *out);
/** What has waited too long ends, and what nobody is left to decide; ${n}: how many did. */
enum err approval_expire(struct pg *pg, struct id ws, uint64_t ahead_ms, int *n);

#endif
