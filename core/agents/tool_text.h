#ifndef EDDY_AGENTS_TOOL_TEXT_H
#define EDDY_AGENTS_TOOL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../talk/search.h"
#include "tools.h"

struct buf;

/* What the two tools about messages share.  For core/agents only. */

/** Append one message as a JSON object; ${quote} bytes of text at most, around the first of ${words} (may be NULL). */
void tool_add_message(
    struct buf *out, const struct tool_context *ctx, const struct found_message *m, const char *words, size_t quote);
/** A moment in the asker's zone: moment_read(). */
bool tool_moment(const struct tool_context *ctx, const char *s, int64_t *ms);

#endif
