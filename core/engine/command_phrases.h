#ifndef EDDY_ENGINE_COMMAND_PHRASES_H
#define EDDY_ENGINE_COMMAND_PHRASES_H

#include "command.h"

/* For command.c only. */
struct phrase {
	enum command command;
	const char *words;
};
extern const struct phrase command_phrases[]; /* ends with NULL words */

#endif
