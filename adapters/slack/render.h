#ifndef EDDY_SLACK_RENDER_H
#define EDDY_SLACK_RENDER_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/engine/reply.h"
#include "../../core/talk/doc.h"

struct buf;

/*
 * From the document tree to what Slack shows.  Nothing that a document says can mention, broadcast or hide where a link goes:
 * text is escaped in mrkdwn and is raw "text" elements in rich_text, which Slack does not interpret.
 */

#define SLACK_TEXT_UNITS 3500u /* longer text goes out as blocks */
#define SLACK_BLOCKS_MAX 50u
#define SLACK_TABLE_ROWS 100u
#define SLACK_TABLE_COLUMNS 20u

/** ${n} bytes with & < > as entities: safe anywhere in Slack text. */
void slack_escape(struct buf *out, const char *s, size_t n);
/** The reverse, once. */
void slack_unescape(struct buf *out, const char *s, size_t n);
/** True if mrkdwn shows this document exactly (no headings, tables, marks that Slack would take for formatting ...). */
bool slack_fits_mrkdwn(const struct doc *d);
/** A link whose words look like another address than the one it leads to. */
bool slack_link_misleads(const struct doc_node *link);
/** The words of ${n} and all below it, without markup. */
void slack_flatten(const struct doc_node *n, struct buf *out);
/** A table as aligned columns of plain text. */
void slack_table_text(const struct doc_node *table, struct buf *out);
/** The document as mrkdwn; of what mrkdwn cannot show a readable plain form.  Also the text of notifications. */
void slack_render_mrkdwn(const struct doc *d, struct buf *out);
/**
 * The document as the inside of a JSON array of blocks (rich_text, header, table, divider), without the brackets.  Returns the
 * number of blocks; 0: it does not fit Slack's limits (50 blocks, 100 x 20 cells): use mrkdwn.
 */
size_t slack_render_blocks(const struct doc *d, struct buf *out);
/** Components as blocks in the same form; ${fallback} gets what cannot be shown, as plain text lines.  Returns the number of blocks. */
size_t slack_render_components(const struct component *c, size_t n, struct buf *out, struct buf *fallback);
/**
 * An action id as Slack returns it is the component's action, then "#2", "#3" ... where one message holds the same action more than once.
 * The length of the action itself.
 */
size_t slack_action_len(const char *action_id);
/**
 * Markdown as it may be streamed before the document is complete: control forms (<!channel>, <@U1>) are broken up.  ${state} (start
 * with 0) carries what a chunk's end has begun; call with ${n} = 0 to flush at the end.
 */
void slack_stream_text(unsigned *state, const char *md, size_t n, struct buf *out);

#endif
