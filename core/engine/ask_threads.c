/* Commands about threads themselves: list, open, rename, archive, reopen, settle, and whether Eddy may offer to sum up. */
#include "ask.h"

const struct pg_statement ask_threads_statements[] = {
	{ NULL, NULL },
};

const struct ask_handler ask_threads[] = {
	{ CMD_NONE, NULL, NULL },
};
