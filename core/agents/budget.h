#ifndef EDDY_AGENTS_BUDGET_H
#define EDDY_AGENTS_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/buf.h"
#include "../base/id.h"
#include "../store/pg.h"

/*
 * Money and tokens are reserved before a call, for everybody who pays for it: the workspace, the teams and units that own the place, the
 * user who asked.  A process takes a small part of what a payer may spend from the database (a hold, void after some minutes if the process
 * dies) and reserves single calls from it in memory; what was really spent is booked in the transaction that stores the answer.  Days and
 * months are UTC.  Any thread; reserving may block in Postgres.
 */
struct budget;
enum budget_kind { BUDGET_WORKSPACE = 1, BUDGET_NODE = 2, BUDGET_PERSON = 3, BUDGET_RUN = 4 };
enum budget_period { BUDGET_DAY = 1, BUDGET_MONTH = 2 };
enum budget_answer {
	BUDGET_OK,
	BUDGET_SPENT, /* a cap leaves no room for this call */
	BUDGET_AWAY,  /* the database does not answer */
};
struct budget_amount {
	int64_t micros, tokens;
};
#define BUDGET_NO_CAP (-1) /* in a cap: there is none */

/* Who pays for a call. */
#define BUDGET_NODES_MAX 6
#define BUDGET_PAYERS_MAX (BUDGET_NODES_MAX + 2)
struct budget_payer {
	struct id ws;
	struct id user;                    /* none: nobody in particular */
	struct id nodes[BUDGET_NODES_MAX]; /* the team first, then what it belongs to; without the organisation */
	size_t nodes_len;
	/* What the settings of the run allow besides, by enum budget_period; 0: nothing is said. */
	struct budget_amount person_cap[3], team_cap[3]; /* of ${user}; of the first of ${nodes} */
};
struct budget_subject {
	enum budget_kind kind;
	struct id id;
};
/** The workspace first, then nodes, then the user: the order in which their rows are locked. */
size_t budget_subjects(const struct budget_payer *p, struct budget_subject out[BUDGET_PAYERS_MAX]);

/* Which cap it was. */
struct budget_refusal {
	enum budget_kind kind;
	enum budget_period period; /* without meaning for BUDGET_RUN */
	bool tokens;               /* tokens, not money */
	struct id subject;
	int64_t cap;
};
/* A payer has used 50, 80 or, with 100, all but too little of a cap for the first time in this period. */
struct budget_level {
	struct id ws;
	struct budget_refusal cap;
	int64_t used;
	int percent;    /* 50, 80, 100 */
	char since[11]; /* "2026-11-21": the first day of the period */
	void *kept;     /* of who tells, from tell() to told() */
};

struct budget_options {
	struct id process;
	struct budget_amount day, month; /* of every workspace; BUDGET_NO_CAP */
	/** In the transaction that notes it: puts notices to people into it and says how many (budget_told.reached).  May be NULL. */
	enum err (*tell)(void *arg, struct pg *pg, struct budget_level *level, int *reached);
	/** After each tell(): the transaction is committed, or taken back.  Set if tell is. */
	void (*told)(void *arg, struct budget_level *level, bool committed);
	void *arg;
};
extern const struct pg_statement budget_statements[], budget_cap_statements[];

struct budget *budget_new(const struct budget_options *o);
void budget_free(struct budget *b);

/** Who pays for what ${person} (may be none) asks in ${place} (may be none).  From memory, or in a transaction of its own; known for 30 s. */
enum err budget_payer(struct budget *b, struct pg *pg, struct id ws, struct id person, struct id place, struct budget_payer *out);
/** The team that owns ${place} as far as this process has heard lately; none: nobody, or not known. */
struct id budget_team_of(struct budget *b, struct id place);
/** Reserve ${want}; outside a transaction (it opens its own when a hold is used up).  BUDGET_SPENT: ${why} is filled in. */
enum budget_answer budget_reserve(
    struct budget *b, struct pg *pg, const struct budget_payer *p, struct budget_amount want, struct budget_refusal *why);
/** A reserved call ended and has used ${spent}, which is booked or will be. */
void budget_settle(struct budget *b, const struct budget_payer *p, struct budget_amount reserved, struct budget_amount spent);
/** The caps of ${ws} have changed here: read anew at the next call (elsewhere within two seconds). */
void budget_changed(struct budget *b, struct id ws);

/* ---- caps: budget_caps.c ---- */
struct budget_caps {
	struct budget_amount period[3]; /* by enum budget_period */
};
/** The rows of ${ws} as one list; inside a tenant transaction. */
struct budget_rows;
enum err budget_rows_load(struct pg *pg, struct id ws, struct budget_rows **out);
void budget_rows_free(struct budget_rows *r); /* NULL is fine */
/** The caps of one subject; ${o}: what the settings allow workspaces, may be NULL.  Pure. */
struct budget_caps budget_caps_of(
    const struct budget_rows *r, struct id ws, struct budget_subject s, const struct budget_options *o);

/* What somebody has used of the running day and month, booked and held. */
struct budget_use {
	struct budget_amount spent[3];     /* by enum budget_period */
	struct budget_amount others, mine; /* live holds */
	bool holds;                        /* ours is one of them */
	char since[3][11];
};
/** Inside a tenant transaction. */
enum err budget_use(struct pg *pg, struct id ws, struct budget_subject s, struct id process, struct budget_use *out);

/** "5 USD", "0.25 USD" or "1,000,000 tokens". */
void budget_put_amount(struct buf *out, int64_t amount, bool tokens);
/**
 * A clause for people on what is used up and when it comes back: "Today's budget of this workspace for the language model (5 USD) is used up; it comes back
 * at midnight UTC, in 5 hours".  ${name}: of a team or unit, may be NULL.  Pure.
 */
void budget_put_refusal(struct buf *out, const struct budget_refusal *r, const char *name, uint64_t wall_ms);

#endif
