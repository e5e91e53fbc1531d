/* Commands of side threads: fork, resolve, accept, edit, discard, abandon. */
#include "ask.h"

const struct pg_statement ask_forks_statements[] = {
	{ NULL, NULL },
};

const struct ask_handler ask_forks[] = {
	{ CMD_NONE, NULL, NULL },
};
