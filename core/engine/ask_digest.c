/* What was said, in short: summaries, catching up, and the full text of a long answer. */
#include "ask.h"

const struct pg_statement ask_digest_statements[] = {
	{ NULL, NULL },
};

const struct ask_handler ask_digest[] = {
	{ CMD_NONE, NULL, NULL },
};
