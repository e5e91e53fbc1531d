#ifndef EDDY_CLI_PROMPT_H
#define EDDY_CLI_PROMPT_H

#include <stdbool.h>

/* A line from a person at a terminal, with editing and history (libedit), or from a pipe. */
struct prompt;
/** ${file}: where the history is kept, or NULL. */
struct prompt *prompt_new(bool terminal, const char *text, const char *file);
void prompt_free(struct prompt *p);
/** The next line without its end, borrowed until the next call; NULL: no more.  ${interrupted}: Ctrl-C was pressed instead. */
const char *prompt_line(struct prompt *p, bool *interrupted);

#endif
