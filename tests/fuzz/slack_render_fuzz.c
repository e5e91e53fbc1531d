/*
 * Any Markdown to both of Slack's forms: the blocks are valid JSON within Slack's limits, and neither form has a control sequence that
 * we did not write.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../adapters/slack/blocktext.h"
#include "../../adapters/slack/render.h"
#include "../../core/base/buf.h"
#include "../../core/base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In mrkdwn every < must begin a link of ours. */
static void check_text(const char *s)
{
	for (const char *p = strchr(s, '<'); p; p = strchr(p + 1, '<'))
		if (strncmp(p, "<http://", 8) != 0 && strncmp(p, "<https://", 9) != 0 && strncmp(p, "<mailto:", 8) != 0 &&
		    strncasecmp(p, "<http", 5) != 0 && strncasecmp(p, "<mailto", 7) != 0)
			abort();
	for (const char *p = strchr(s, '&'); p; p = strchr(p + 1, '&'))
		if (strncmp(p, "&amp;", 5) != 0 && strncmp(p, "&lt;", 4) != 0 && strncmp(p, "&gt;", 4) != 0)
			abort();
}

static void check_element(const json_t *o)
{
	const char *type = json_string_value(json_object_get(o, "type"));
	static const char *const known[] = { "rich_text", "rich_text_section", "rich_text_list", "rich_text_quote",
		"rich_text_preformatted", "text", "link", "header", "plain_text", "table", "divider" };
	size_t k = 0;
	while (k < sizeof known / sizeof *known && (!type || strcmp(type, known[k]) != 0))
		k++;
	if (k == sizeof known / sizeof *known)
		abort();
	const json_t *elements = json_object_get(o, "elements");
	if (elements && json_array_size(elements) == 0)
		abort();
	size_t i;
	json_t *e;
	json_array_foreach (elements, i, e)
		check_element(e);
	const char *text = json_string_value(json_object_get(o, "text"));
	if (strcmp(type, "text") == 0 && (!text || !text[0]))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 65536)
		return 0;
	struct doc *d = doc_parse((const char *)data, size);
	struct buf text = BUF_INIT, blocks = BUF_INIT, guarded = BUF_INIT, back = BUF_INIT;
	slack_render_mrkdwn(d, &text);
	if (text.len > 0)
		check_text(text.p);
	(void)slack_fits_mrkdwn(d);
	buf_add_char(&blocks, '[');
	size_t n = slack_render_blocks(d, &blocks);
	buf_add_char(&blocks, ']');
	json_t *root = json_loadb(blocks.p, blocks.len, JSON_REJECT_DUPLICATES, NULL);
	if (!root || json_array_size(root) != n || n > SLACK_BLOCKS_MAX)
		abort();
	size_t i;
	json_t *b;
	json_array_foreach (root, i, b)
		check_element(b);
	blocktext_markdown(root, &back);
	if (back.len > 0 && !utf8_valid(back.p, back.len))
		abort();
	json_decref(root);
	doc_free(d);

	unsigned state = 0;
	size_t half = size / 2;
	if (half > 0)
		slack_stream_text(&state, (const char *)data, half, &guarded);
	if (size > half)
		slack_stream_text(&state, (const char *)data + half, size - half, &guarded);
	slack_stream_text(&state, NULL, 0, &guarded);
	static const char *const forms[] = { "<!here", "<!channel", "<!everyone", "<!subteam", "<!date", "<@U", "<@W", "<#C" };
	for (size_t f = 0; guarded.len > 0 && f < sizeof forms / sizeof *forms; f++)
		if (memmem(guarded.p, guarded.len, forms[f], strlen(forms[f])))
			abort();
	buf_done(&back);
	buf_done(&text);
	buf_done(&blocks);
	buf_done(&guarded);
	return 0;
}
