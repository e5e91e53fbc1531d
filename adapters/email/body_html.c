/*
 * The HTML body: the same document with styles in the elements, as mail programs want it, and nothing that is fetched.  No colour is set but a
 * translucent grey, so that it is readable on light and dark ground; each block finds its own direction (dir="auto").  All text is escaped, and
 * links lead to http, https and mailto only.
 */
#include <string.h>
#include <strings.h>

#include "../../core/talk/doc.h"
#include "body.h"
#include "compose.h"

#define BLOCK "margin:0 0 1em 0"
#define MONO "font-family:ui-monospace,Menlo,Consolas,'Liberation Mono',monospace;font-size:0.92em"
#define GREY "rgba(128,128,128,0.15)"
#define LINE "1px solid rgba(128,128,128,0.5)"
#define CELL "border:" LINE ";padding:4px 8px;vertical-align:top"

/* ---- what both bodies share ---- */

static bool is_edit(const struct component *c)
{
	return c->kind == COMPONENT_BUTTON && c->action && strcmp(c->action, BODY_EDIT_ACTION) == 0;
}

bool body_is_option(const struct component *c)
{
	return c->kind == COMPONENT_BUTTON && c->label && c->label[0] && !is_edit(c);
}

const char *body_how_edit(const struct component *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_edit(&c[i]))
			return BODY_HOW_EDIT;
	return NULL;
}

bool body_is_link(const struct component *c)
{
	if (c->kind != COMPONENT_LINK || !c->value || strlen(c->value) > 2000 ||
	    (strncmp(c->value, "https://", 8) != 0 && strncmp(c->value, "http://", 7) != 0))
		return false;
	for (const char *p = c->value; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == '<' || *p == '>' || *p == '"' || *p == 0x7f)
			return false;
	return true;
}

const char *body_words(const struct component *c)
{
	const char *first = body_is_link(c) ? c->label : c->fallback, *second = body_is_link(c) ? c->fallback : c->label;
	return first && first[0] ? first : second ? second : "";
}

void body_one_line(const char *s, struct buf *out)
{
	for (; *s; s++)
		buf_add_char(out, (unsigned char)*s < ' ' || *s == 0x7f ? ' ' : *s);
}

const struct component *compose_option(const struct component *c, size_t n, size_t number)
{
	for (size_t i = 0; i < n; i++)
		if (body_is_option(&c[i]) && --number == 0)
			return &c[i];
	return NULL;
}

/* ---- escaping ---- */

static void add_text(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		switch (s[i]) {
		case '&':
			buf_add_str(out, "&amp;");
			break;
		case '<':
			buf_add_str(out, "&lt;");
			break;
		case '>':
			buf_add_str(out, "&gt;");
			break;
		case '"':
			buf_add_str(out, "&quot;");
			break;
		case '\'':
			buf_add_str(out, "&#39;");
			break;
		case '\r':
			break;
		default:
			buf_add_char(out, (unsigned char)s[i] < ' ' && s[i] != '\n' && s[i] != '\t' ? ' ' : s[i]);
		}
	}
}

static void add_words(struct buf *out, const char *s)
{
	size_t n = strlen(s);
	while (n > 0 && s[n - 1] == '\n')
		n--;
	for (;;) {
		const char *end = memchr(s, '\n', n);
		size_t len = end ? (size_t)(end - s) : n;
		add_text(out, s, len);
		if (!end)
			return;
		buf_add_str(out, "<br>\n");
		s += len + 1;
		n -= len + 1;
	}
}

static bool may_lead(const char *href, size_t n)
{
	return href &&
	    ((n > 8 && strncasecmp(href, "https://", 8) == 0) || (n > 7 && strncasecmp(href, "http://", 7) == 0) ||
	        (n > 7 && strncasecmp(href, "mailto:", 7) == 0));
}

/* ---- inlines ---- */

static void add_inlines(struct buf *out, const struct doc_node *n);

static void add_element(struct buf *out, const char *name, const struct doc_node *n)
{
	buf_addf(out, "<%s>", name);
	add_inlines(out, n);
	buf_addf(out, "</%s>", name);
}

static void add_inlines(struct buf *out, const struct doc_node *n)
{
	for (const struct doc_node *c = n->first; c; c = c->next) {
		switch (c->type) {
		case DOC_TEXT:
			add_text(out, c->text, c->text_len);
			break;
		case DOC_CODE_SPAN:
			buf_add_str(out, "<code style=\"" MONO ";background:" GREY ";padding:1px 4px;border-radius:3px\">");
			add_text(out, c->text, c->text_len);
			buf_add_str(out, "</code>");
			break;
		case DOC_BREAK:
		case DOC_SOFT_BREAK:
			buf_add_str(out, "<br>\n");
			break;
		case DOC_STRONG:
			add_element(out, "strong", c);
			break;
		case DOC_EMPH:
			add_element(out, "em", c);
			break;
		case DOC_STRIKE:
			add_element(out, "s", c);
			break;
		case DOC_LINK:
			if (!may_lead(c->href, c->href_len)) {
				add_inlines(out, c);
				break;
			}
			buf_add_str(out, "<a href=\"");
			add_text(out, c->href, c->href_len);
			buf_add_str(out, "\" rel=\"noopener noreferrer\">");
			if (c->first)
				add_inlines(out, c);
			else
				add_text(out, c->href, c->href_len);
			buf_add_str(out, "</a>");
			break;
		default:
			add_inlines(out, c);
			break;
		}
	}
}

/* ---- blocks ---- */

static void add_block(struct buf *out, const struct doc_node *n);

static void add_blocks(struct buf *out, const struct doc_node *n)
{
	for (const struct doc_node *c = n->first; c; c = c->next)
		add_block(out, c);
}

static void add_list(struct buf *out, const struct doc_node *list)
{
	const char *name = list->ordered ? "ol" : "ul";
	buf_addf(out, "<%s dir=\"auto\" style=\"" BLOCK ";padding-inline-start:1.8em\"", name);
	if (list->ordered && list->level != 1)
		buf_addf(out, " start=\"%d\"", list->level);
	buf_add_str(out, ">\n");
	for (const struct doc_node *item = list->first; item; item = item->next) {
		buf_add_str(out, item->task ? "<li dir=\"auto\" style=\"list-style-type:none\">" : "<li dir=\"auto\">");
		buf_add_str(out, item->task == 2 ? "\xe2\x98\x91 " : item->task == 1 ? "\xe2\x98\x90 " : "");
		for (const struct doc_node *c = item->first; c; c = c->next) {
			/* The text of a short item stands in it bare, without the distance of a paragraph. */
			if (c->type == DOC_PARAGRAPH && list->tight) {
				add_inlines(out, c);
				buf_add_str(out, c->next && c->next->type == DOC_PARAGRAPH ? "<br>\n" : c->next ? "\n" : "");
			} else {
				add_block(out, c);
			}
		}
		buf_add_str(out, "</li>\n");
	}
	buf_addf(out, "</%s>\n", name);
}

static void add_table(struct buf *out, const struct doc_node *table)
{
	static const char *const aligns[] = { "", ";text-align:left", ";text-align:center", ";text-align:right" };
	buf_add_str(out, "<table dir=\"auto\" style=\"border-collapse:collapse;" BLOCK "\">\n");
	for (const struct doc_node *row = table->first; row; row = row->next) {
		buf_add_str(out, "<tr>");
		for (const struct doc_node *c = row->first; c; c = c->next) {
			const char *align = c->align > 0 && c->align <= 3 ? aligns[c->align]
			    : row->header                                 ? ";text-align:start"
			                                                  : "";
			buf_addf(out,
			    row->header ? "<th scope=\"col\" dir=\"auto\" style=\"" CELL "%s\">"
			                : "<td dir=\"auto\" style=\"" CELL "%s\">",
			    align);
			add_inlines(out, c);
			buf_add_str(out, row->header ? "</th>" : "</td>");
		}
		buf_add_str(out, "</tr>\n");
	}
	buf_add_str(out, "</table>\n");
}

static void add_block(struct buf *out, const struct doc_node *n)
{
	static const char *const sizes[] = { "1.4em", "1.25em", "1.1em", "1em", "1em", "1em" };
	switch (n->type) {
	case DOC_LIST:
		add_list(out, n);
		break;
	case DOC_QUOTE:
		buf_add_str(out,
		    "<blockquote dir=\"auto\" style=\"" BLOCK ";padding-inline-start:12px;border-inline-start:3px solid #888\">\n");
		add_blocks(out, n);
		buf_add_str(out, "</blockquote>\n");
		break;
	case DOC_CODE: {
		size_t len = n->text_len;
		while (len > 0 && n->text[len - 1] == '\n')
			len--;
		buf_add_str(out,
		    "<pre dir=\"ltr\" style=\"" BLOCK ";" MONO ";background:" GREY
		    ";padding:8px 12px;border-radius:4px;white-space:pre-wrap;overflow-wrap:anywhere\"><code>");
		add_text(out, n->text, len);
		buf_add_str(out, "</code></pre>\n");
		break;
	}
	case DOC_RULE:
		buf_add_str(out, "<hr style=\"border:0;border-top:" LINE ";margin:1em 0\">\n");
		break;
	case DOC_TABLE:
		add_table(out, n);
		break;
	case DOC_HEADING: {
		int level = n->level < 1 ? 1 : n->level > 6 ? 6 : n->level;
		buf_addf(
		    out, "<h%d dir=\"auto\" style=\"font-size:%s;line-height:1.3;margin:0 0 0.6em 0\">", level, sizes[level - 1]);
		add_inlines(out, n);
		buf_addf(out, "</h%d>\n", level);
		break;
	}
	default:
		buf_add_str(out, "<p dir=\"auto\" style=\"" BLOCK "\">");
		add_inlines(out, n);
		buf_add_str(out, "</p>\n");
		break;
	}
}

static void add_options(struct buf *out, const struct draft *d, size_t options)
{
	buf_add_str(out, "<ol dir=\"auto\" style=\"" BLOCK ";padding-inline-start:1.8em\">\n");
	for (size_t i = 0; i < d->components_len; i++) {
		if (!body_is_option(&d->components[i]))
			continue;
		buf_add_str(out, "<li dir=\"auto\">");
		add_text(out, d->components[i].label, strlen(d->components[i].label));
		buf_add_str(out, "</li>\n");
	}
	buf_addf(out, "</ol>\n<p style=\"" BLOCK "\">%s</p>\n", options == 1 ? BODY_HOW_ONE : BODY_HOW_MANY);
}

static void add_components(struct buf *out, const struct draft *d)
{
	size_t options = 0;
	for (size_t i = 0; i < d->components_len; i++) {
		const struct component *c = &d->components[i];
		options += body_is_option(c);
		const char *words = body_words(c);
		if (body_is_option(c) || is_edit(c) || !words[0])
			continue;
		buf_add_str(out, "<p dir=\"auto\" style=\"" BLOCK "\">");
		if (body_is_link(c)) {
			buf_add_str(out, "<a href=\"");
			add_text(out, c->value, strlen(c->value));
			buf_add_str(out, "\" rel=\"noopener noreferrer\">");
		}
		add_words(out, words);
		buf_add_str(out, body_is_link(c) ? "</a></p>\n" : "</p>\n");
	}
	const char *how_edit = body_how_edit(d->components, d->components_len);
	if (options > 0)
		add_options(out, d, options);
	if (how_edit != NULL)
		buf_addf(out, "<p style=\"" BLOCK "\">%s</p>\n", how_edit);
}

static void add_language(struct buf *out, const char *language)
{
	if (!language || !language[0] ||
	    strspn(language, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != strlen(language))
		return;
	buf_addf(out, " lang=\"%.40s\"", language);
}

void compose_html(const struct draft *d, struct buf *out)
{
	buf_add_str(out, "<!DOCTYPE html>\n<html dir=\"auto\"");
	add_language(out, d->language);
	buf_add_str(out,
	    ">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n"
	    "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"supported-color-schemes\" content=\"light dark\">\n"
	    "<title>");
	if (d->subject)
		add_text(out, d->subject, strlen(d->subject));
	buf_add_str(out,
	    "</title>\n</head>\n"
	    "<body dir=\"auto\" style=\"font-family:system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif;"
	    "font-size:16px;line-height:1.5;overflow-wrap:break-word\">\n");
	struct doc *doc = doc_parse(d->markdown ? d->markdown : "", d->markdown ? d->markdown_len : 0);
	add_blocks(out, doc_root(doc));
	doc_free(doc);
	add_components(out, d);
	if (d->footer && d->footer[0]) {
		buf_add_str(out, "<div dir=\"auto\" style=\"font-size:0.85em;opacity:0.8\">-- <br>\n");
		add_words(out, d->footer);
		buf_add_str(out, "</div>\n");
	}
	buf_add_str(out, "</body>\n</html>\n");
}
