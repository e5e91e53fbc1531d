/* The search command: words and filters to a page of matches. */
#include "ask.h"

const struct pg_statement ask_search_statements[] = {
	{ NULL, NULL },
};

const struct ask_handler ask_search[] = {
	{ CMD_NONE, NULL, NULL },
};
