/*
 * The way back from blocks to Markdown.  Slack gives blocks back as they were sent, so what stands here is the reverse of blocks.c and
 * of nothing else: a part for each kind of element, an empty line between parts.  Text is not escaped: it goes into a field that people edit,
 * and what reads it afterwards takes [1] and the like as they are, without the links that they bear where they are shown.
 */
#include "blocktext.h"

#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/json.h"
#include "render.h"

#define INDENT_MAX 8

static bool is(const json_t *o, const char *type)
{
	return strcmp(json_str(o, "type", ""), type) == 0;
}

/* An empty line, unless this is the beginning. */
static void part(struct buf *out)
{
	while (out->len > 0 && (out->p[out->len - 1] == '\n' || out->p[out->len - 1] == ' '))
		buf_truncate(out, out->len - 1);
	if (out->len > 0)
		buf_add_str(out, "\n\n");
}

/* Marks hold on to words: blanks at both ends stand outside. */
static void marked(struct buf *out, const char *s, const char *mark)
{
	size_t n = strlen(s), from = 0, end = n;
	while (from < n && (s[from] == ' ' || s[from] == '\n'))
		from++;
	while (end > from && (s[end - 1] == ' ' || s[end - 1] == '\n'))
		end--;
	buf_add(out, s, from);
	if (end > from) {
		buf_add_str(out, mark);
		buf_add(out, s + from, end - from);
		buf_add_str(out, mark);
	}
	buf_add(out, s + end, n - end);
}

/* "[2]": the number of a source. */
static bool is_number(const char *s)
{
	size_t n = s[0] == '[' ? strspn(s + 1, "0123456789") : 0;
	return n > 0 && strcmp(s + 1 + n, "]") == 0;
}

static void inline_text(struct buf *out, const json_t *e)
{
	const json_t *style = json_obj(e, "style");
	const char *text = json_str(e, "text", ""), *url = json_str(e, "url", NULL);
	struct buf link = BUF_INIT;
	if (is(e, "link") && url != NULL && is_number(text)) {
		/* where [2] leads is known without its address */
	} else if (is(e, "link") && url != NULL && text[0] && strcmp(text, url) != 0) {
		buf_addf(&link, "[%s](%s)", text, url);
		text = link.p;
	} else if (is(e, "link") && url != NULL) {
		text = url;
	}
	marked(out, text,
	    json_bool(style, "code", false)         ? "`"
	        : json_bool(style, "bold", false)   ? "**"
	        : json_bool(style, "italic", false) ? "*"
	        : json_bool(style, "strike", false) ? "~~"
	                                            : "");
	buf_done(&link);
}

static void inlines(struct buf *out, const json_t *section)
{
	const json_t *list = json_arr(section, "elements");
	for (size_t i = 0; i < json_array_size(list); i++)
		inline_text(out, json_array_get(list, i));
}

/* The lines of ${s}, each behind ${lead}. */
static void lines(struct buf *out, const char *s, const char *lead)
{
	for (;;) {
		size_t n = strcspn(s, "\n");
		buf_add_str(out, lead);
		buf_add(out, s, n);
		if (s[n] == '\0')
			return;
		buf_add_char(out, '\n');
		s += n + 1;
	}
}

static void list_part(struct buf *out, const json_t *list, bool follows)
{
	const json_t *items = json_arr(list, "elements");
	bool ordered = strcmp(json_str(list, "style", ""), "ordered") == 0;
	int64_t indent = json_int(list, "indent", 0), number = json_int(list, "offset", 0) + 1;
	if (!follows)
		part(out);
	else
		buf_add_char(out, '\n');
	for (size_t i = 0; i < json_array_size(items); i++, number++) {
		struct buf item = BUF_INIT;
		if (i > 0)
			buf_add_char(out, '\n');
		for (int64_t k = 0; k < indent && k < INDENT_MAX; k++)
			buf_add_str(out, "  ");
		if (ordered)
			buf_addf(out, "%d. ", (int)number);
		else
			buf_add_str(out, "- ");
		inlines(&item, json_array_get(items, i));
		buf_add(out, item.p ? item.p : "", item.len);
		buf_done(&item);
	}
}

static void rich_text(struct buf *out, const json_t *block)
{
	const json_t *parts = json_arr(block, "elements");
	bool list = false;
	for (size_t i = 0; i < json_array_size(parts); i++) {
		const json_t *p = json_array_get(parts, i);
		struct buf text = BUF_INIT;
		bool was_list = list;
		list = is(p, "rich_text_list");
		if (list) {
			list_part(out, p, was_list);
			continue;
		}
		inlines(&text, p);
		part(out);
		const char *s = text.p ? text.p : "";
		if (is(p, "rich_text_quote"))
			lines(out, s, "> ");
		else if (is(p, "rich_text_preformatted"))
			buf_addf(out, "```\n%s\n```", s);
		else
			buf_add_str(out, s);
		buf_done(&text);
	}
}

static void table(struct buf *out, const json_t *block)
{
	const json_t *rows = json_arr(block, "rows");
	part(out);
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *cells = json_array_get(rows, i);
		for (size_t k = 0; k < json_array_size(cells); k++) {
			struct buf cell = BUF_INIT;
			rich_text(&cell, json_array_get(cells, k));
			buf_addf(out, "| %s ", cell.p ? cell.p : "");
			buf_done(&cell);
		}
		buf_add_str(out, "|\n");
		for (size_t k = 0; i == 0 && k < json_array_size(cells); k++)
			buf_add_str(out, k + 1 == json_array_size(cells) ? "|---|\n" : "|---");
	}
}

void blocktext_markdown(const json_t *blocks, struct buf *out)
{
	for (size_t i = 0; i < json_array_size(blocks); i++) {
		const json_t *b = json_array_get(blocks, i);
		const char *text = json_str(json_obj(b, "text"), "text", "");
		if (is(b, "rich_text")) {
			rich_text(out, b);
		} else if (is(b, "header") && text[0]) {
			part(out);
			buf_addf(out, "## %s", text);
		} else if (is(b, "divider")) {
			part(out);
			buf_add_str(out, "---");
		} else if (is(b, "section") && text[0]) {
			part(out);
			slack_unescape(out, text, strlen(text));
		} else if (is(b, "table")) {
			table(out, b);
		}
	}
	while (out->len > 0 && (out->p[out->len - 1] == '\n' || out->p[out->len - 1] == ' '))
		buf_truncate(out, out->len - 1);
}
