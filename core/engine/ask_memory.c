/* What is remembered: saying it, pinning it, asking for it and for its reasons, keeping and dropping proposals. */
#include "ask.h"

const struct pg_statement ask_memory_statements[] = {
	{ NULL, NULL },
};

const struct ask_handler ask_memory[] = {
	{ CMD_NONE, NULL, NULL },
};
