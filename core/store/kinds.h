#ifndef EDDY_STORE_KINDS_H
#define EDDY_STORE_KINDS_H

#include <stddef.h>

#include "../base/buf.h"

/*
 * What every column of every table holds, how an erasure takes it away and how long it is kept otherwise: the one list of it
 * (docs/adr/089-data-kinds.md).  docs/data-kinds.md is made from it, tests compare it with the catalogue and plant a canary in each column
 * that holds something of a person.
 */
enum data_class {
	DATA_PERSONAL, /* who somebody is, or whose a row is */
	DATA_CONTENT,  /* what was said, and what was made of it */
	DATA_SECRET,   /* opens something */
};

/* What a person's erasure does to a value of theirs. */
enum data_way {
	DATA_ROW,    /* the row goes */
	DATA_EMPTY,  /* the row stays without it */
	DATA_UNTIED, /* the row stays, for others or as a number, and names nobody any more */
	DATA_STAYS,  /* the value stays, and nothing is left that says whose it was */
	DATA_NEVER,  /* never stored: a trigger puts it elsewhere */
	DATA_WORK,   /* there only while an erasure is at work */
};

struct data_kind {
	const char *name; /* as receipts count it */
	const char *what, *kept;
};
struct data_column {
	const char *name;
	enum data_class class;
	const char *kind; /* data_kind.name */
	enum data_way way;
};
struct data_table {
	const char *name;
	const char *operational;           /* the other columns: ids, states, numbers, moments; separated by spaces */
	const struct data_column *columns; /* ends with a NULL name; NULL: all are operational */
};
extern const struct data_kind data_kinds[];   /* ends with a NULL name */
extern const struct data_table data_tables[]; /* by name; ends with a NULL name */

const char *data_class_name(enum data_class c);
const char *data_way_words(enum data_way w);
/** The page about it, as Markdown. */
void data_kinds_page(struct buf *out);

#endif
