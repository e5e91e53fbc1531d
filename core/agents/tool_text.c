/*
 * Messages as the model sees them, and dates as it writes them.  A quote is a window of the text around the first word that was
 * looked for, cut between characters, its line ends kept; everything goes through the JSON writer, so no text can break out of
 * its string.
 */
#include "tool_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/json.h"
#include "../base/mem.h"
#include "../base/tz.h"
#include "../base/utf8.h"
#include "../talk/moment.h"
#include "../talk/transcript.h"
#include "policy.h"

/* The first place of one of ${words} in ${text}, ASCII case apart; 0 when none is there. */
static size_t first_word(const char *text, const char *words)
{
	size_t best = SIZE_MAX;
	while (words != NULL && *words != '\0') {
		size_t n = strcspn(words, " \"");
		char word[64];
		if (n >= 3 && n < sizeof word && words[0] != '-') {
			memcpy(word, words, n);
			word[n] = '\0';
			const char *at = strcasestr(text, word);
			if (at != NULL && (size_t)(at - text) < best)
				best = (size_t)(at - text);
		}
		words += n;
		words += strspn(words, " \"");
	}
	return best == SIZE_MAX ? 0 : best;
}

static void add_quote(struct buf *out, const char *text, const char *words, size_t max)
{
	size_t n = strlen(text), from = 0;
	if (n > max) {
		size_t at = first_word(text, words);
		from = at > max / 3 ? at - max / 3 : 0;
		if (from + max > n)
			from = n - max;
		while (from > 0 && ((unsigned char)text[from] & 0xc0) == 0x80)
			from--;
	}
	size_t take = utf8_clip(text + from, n - from, max);
	buf_add_char(out, '"');
	if (from > 0)
		buf_add_str(out, "…");
	buf_add_json(out, text + from, take);
	if (from + take < n)
		buf_add_str(out, "…");
	buf_add_char(out, '"');
}

static void add_files(struct buf *out, const char *files)
{
	json_t *list = NULL;
	if (files == NULL || json_parse(files, strlen(files), 64u * 1024u, &list, NULL) != ERR_NONE)
		return;
	size_t i, shown = 0;
	json_t *one;
	json_array_foreach (list, i, one) {
		const char *name = json_str(one, "name", NULL);
		if (name == NULL || shown == 10)
			continue;
		buf_add_str(out, shown++ == 0 ? ",\"files\":[\"" : ",\"");
		buf_add_json(out, name, utf8_clip(name, strlen(name), 80));
		buf_add_char(out, '"');
	}
	if (shown > 0)
		buf_add_char(out, ']');
	json_decref(list);
}

static void hear(struct tool_heard *h, const struct found_message *m)
{
	if (h == NULL || m->author_kind == AUTHOR_EDDY)
		return;
	h->untrusted |= m->author_kind == AUTHOR_BOT ? UNTRUSTED_BOT : 0u;
	h->untrusted |= m->files != NULL ? UNTRUSTED_FILE : 0u;
	h->untrusted |= m->visibility == VIS_UNKNOWN || m->visibility == VIS_EXTERNAL ? UNTRUSTED_SHARED : 0u;
	h->untrusted |= id_is_none(m->author) ? UNTRUSTED_UNKNOWN : 0u;
	for (size_t i = 0; i < h->len; i++)
		if (id_equal(h->authors[i], m->author))
			return;
	h->authors = xrealloc(h->authors, (h->len + 1) * sizeof(*h->authors));
	h->authors[h->len++] = m->author;
}

void tool_add_message(
    struct buf *out, const struct tool_context *ctx, const struct found_message *m, const char *words, size_t quote)
{
	char id[ID_TEXT], link[600];
	struct tz_time t;
	hear(ctx->heard, m);
	tz_local(ctx->tz, m->at_ms > 0 ? (uint64_t)m->at_ms : 0, &t);
	buf_addf(out, "{\"id\":\"%s\",\"author\":", id_format(m->id, id));
	const char *author = m->author_kind == 2 ? "Eddy" : m->author_name != NULL ? m->author_name : "somebody";
	buf_add_char(out, '"');
	buf_add_json(out, author, utf8_clip(author, strlen(author), 80));
	buf_add_str(out, "\",\"place\":");
	if (m->place_name != NULL && m->place_name[0] != '\0') {
		buf_add_char(out, '"');
		buf_add_json(out, m->place_name, utf8_clip(m->place_name, strlen(m->place_name), 80));
		buf_add_char(out, '"');
	} else {
		buf_add_str(out, "null");
	}
	buf_addf(out, ",\"at\":\"%04d-%02d-%02d %02d:%02d\",\"quote\":", t.year, t.month, t.day, t.hour, t.minute);
	add_quote(out, m->text, words, quote);
	if (m->edited)
		buf_add_str(out, ",\"edited\":true");
	if (m->in_this_thread)
		buf_add_str(out, ",\"in_this_thread\":true");
	add_files(out, m->files);
	if (ctx->permalink != NULL && m->message_key != NULL &&
	    ctx->permalink(ctx->permalink_arg, m->adapter, m->place_key, m->thread_key, m->message_key, link, sizeof link)) {
		buf_add_str(out, ",\"link\":");
		buf_add_json_str(out, link);
	}
	buf_add_char(out, '}');
}

bool tool_moment(const struct tool_context *ctx, const char *s, int64_t *ms)
{
	return moment_read(ctx->tz, ctx->wall_ms, s, ms);
}
