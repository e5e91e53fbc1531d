#ifndef EDDY_SLACK_BLOCKTEXT_H
#define EDDY_SLACK_BLOCKTEXT_H

#include <jansson.h>

struct buf;

/**
 * Appends what the blocks of a message of ours say (rich_text, header, divider, table, section), as the Markdown they were made from, give or
 * take its spelling: for a person to edit.  Buttons and small print are left out.  Pure; bounded by what Slack lets a message hold.
 */
void blocktext_markdown(const json_t *blocks, struct buf *out);

#endif
