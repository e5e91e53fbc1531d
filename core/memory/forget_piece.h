#ifndef EDDY_MEMORY_FORGET_PIECE_H
#define EDDY_MEMORY_FORGET_PIECE_H

#include "../store/kinds.h"
#include "erased.h"
#include "forget.h"

/* What forget.c and sweep.c share: one piece of an erasure, in its transaction. */
#define FORGET_ROWS 2000 /* rows looked at in one piece */
#define FORGET_KINDS_MAX 16
/* Steps that a sweep goes on with: what rests on what is gone; the end. */
#define PIECE_STEP_RESTS 12
#define PIECE_STEP_END 15

struct piece {
	struct pg *pg;
	struct id ws, id;
	bool person, message, has_cursor;
	int kind, step;
	bool noted;
	bool holds;         /* a legal hold stands in the workspace */
	bool kept;          /* one keeps what this erases */
	struct erased line; /* for the ledger */
	const struct forget_ends *ends;
	int messages, answers, items, threads;
	int64_t values[FORGET_KINDS_MAX]; /* that went, in the order of data_kinds */
	PGresult **told;                  /* rows to tell of after COMMIT */
	size_t told_len;
};
/* A statement of a list: what it takes away counts as values of a kind. */
struct taking {
	const char *statement, *kind;
};
/* Statements have $1 ws, $2 the erasure. */
struct pg_args *piece_args(const struct piece *p);
enum err piece_plain(struct piece *p, const char *statement, int *rows);                    /* counts the rows it gives */
enum err piece_rows(struct piece *p, const char *statement, int64_t limit, PGresult **out); /* $3 limit */
enum err piece_take(struct piece *p, const struct taking *t, size_t n);
enum err piece_next(struct piece *p, const char *statement, const char *kind); /* the next FORGET_ROWS rows, counted as values */
void piece_count(struct piece *p, const char *kind, int64_t n);
/** Empty messages with all that rests on them; ${whose}: their author goes as well. */
enum err piece_empty(struct piece *p, const struct id *ids, size_t n, bool whose);
struct id *piece_ids(const PGresult *r, size_t *n); /* the first column; the caller's */
/** In the ledger before anything of it is erased: nobody is told that it is done when a restore could bring it back. */
enum err piece_note(struct piece *p);

/* sweep.c */
enum err sweep_piece(struct piece *p, enum forget_state *state);
enum err sweep_end(struct piece *p, bool *took);

/* whole.c; ${over}: all is gone */
enum err whole_piece(struct piece *p, enum forget_state *state, bool *over);
/** A piece was refused: somebody has written what points to it after that had gone.  From the first table on; ERR_RETRY when that is stored. */
enum err whole_back(struct pg *pg, struct id ws, struct id id);

#endif
