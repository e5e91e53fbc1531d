/* What people may ask about their own data: forgetting, private mode, a copy of it. */
#include "ask.h"

const struct pg_statement ask_forget_statements[] = {
	{ NULL, NULL },
};

const struct ask_handler ask_forget[] = {
	{ CMD_NONE, NULL, NULL },
};
