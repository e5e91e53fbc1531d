#ifndef EDDY_CLI_COMMAND_H
#define EDDY_CLI_COMMAND_H

#include "cli.h"

/* The one table of commands: --help, the man page and the completion are loops over it. */
struct command {
	const char *name;        /* "migrate up" */
	const char *args;        /* "[N]" */
	const char *options;     /* letters of its own options in the option table */
	const char *summary;     /* one line */
	const char *details;     /* NULL or a paragraph */
	const char *examples[6]; /* "command\tcomment" */
	int args_min, args_max;  /* operands; max -1: any */
	bool hidden;
	int (*run)(struct cli *c);
};
extern const struct command commands[]; /* ends with a NULL name */

/** Parse ${argv} and run what it asks for.  Returns the exit code. */
int command_main(struct cli *c, int argc, char **argv);
/** ${name}: NULL for all. */
bool command_help(const char *name, struct buf *out);
void command_man(struct buf *out);
void command_completion(struct buf *out);

#endif
