#ifndef EDDY_ENGINE_COMMAND_PHRASES_H
#define EDDY_ENGINE_COMMAND_PHRASES_H

#include <stdint.h>

#include "command.h"

/* For command.c and command_words.c only. */
enum command_letter { LETTER_NONE, LETTER_BLANK, LETTER_APOSTROPHE, LETTER_WORD, LETTER_BAD };
/** What the code point ${c} is in a key; ${c} itself becomes its folded form. */
enum command_letter command_fold(uint32_t *c);

struct phrase {
	enum command command;
	const char *words;
};
extern const struct phrase command_phrases[]; /* ends with NULL words */

#endif
