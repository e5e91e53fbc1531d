/*
 * HTML as lines of text, each with what client markup says of it.  The tree is libxml2's (html_clean.c has bounded the input so that its parser stays linear); it is
 * walked with a stack of our own.  Hidden elements are left out with all that is in them.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <libxml/HTMLparser.h>
#include <libxml/tree.h>

#include "../../core/base/mem.h"
#include "html_clean.h"
#include "html_look.h"
#include "text_lines.h"

#define OUTPUT_MAX (8u << 20)
#define QUOTE_DEPTH_MAX 16u

struct frame {
	xmlNode *node;
	unsigned items; /* of a list, so far */
	uint16_t tag;
	uint8_t markup; /* of all lines inside */
	uint8_t depth;
	bool preformatted, ordered, bright; /* bright: the background is white */
	bool cell_seen, in_list;
	size_t row_line;  /* of a row: where its first text stands or will stand */
	size_t cell_from; /* of all in a cell: the output before it; 0: not in one */
};

struct out {
	struct buf *text, *markup;
	size_t lines;    /* begun, but for blank ones */
	unsigned breaks; /* line ends that are due before the next text */
	unsigned depth_before;
	uint8_t line_markup, pending;
	bool blank, begun;
	const struct frame *top;
	char marker[16]; /* of a list item that has no text yet */
};

enum tag {
	TAG_OTHER,
	TAG_BLOCK,
	TAG_PARAGRAPH,
	TAG_BR,
	TAG_HR,
	TAG_LI,
	TAG_UL,
	TAG_OL,
	TAG_TR,
	TAG_CELL,
	TAG_QUOTE,
	TAG_PRE,
	TAG_SKIP,
	TAG_A,
	TAG_IMG,
	TAG_Q,
};
static const struct {
	const char *name;
	enum tag tag;
} tags[] = { { "a", TAG_A }, { "address", TAG_BLOCK }, { "applet", TAG_SKIP }, { "article", TAG_BLOCK }, { "aside", TAG_BLOCK },
	{ "audio", TAG_SKIP }, { "blockquote", TAG_QUOTE }, { "body", TAG_BLOCK }, { "br", TAG_BR }, { "caption", TAG_BLOCK },
	{ "center", TAG_BLOCK }, { "dd", TAG_BLOCK }, { "div", TAG_BLOCK }, { "dl", TAG_PARAGRAPH }, { "dt", TAG_BLOCK },
	{ "fieldset", TAG_BLOCK }, { "figcaption", TAG_BLOCK }, { "figure", TAG_BLOCK }, { "footer", TAG_BLOCK },
	{ "form", TAG_BLOCK }, { "h1", TAG_PARAGRAPH }, { "h2", TAG_PARAGRAPH }, { "h3", TAG_PARAGRAPH }, { "h4", TAG_PARAGRAPH },
	{ "h5", TAG_PARAGRAPH }, { "h6", TAG_PARAGRAPH }, { "head", TAG_SKIP }, { "header", TAG_BLOCK }, { "hr", TAG_HR },
	{ "iframe", TAG_SKIP }, { "img", TAG_IMG }, { "li", TAG_LI }, { "main", TAG_BLOCK }, { "nav", TAG_BLOCK },
	{ "noscript", TAG_OTHER }, { "object", TAG_SKIP }, { "ol", TAG_OL }, { "option", TAG_SKIP }, { "p", TAG_PARAGRAPH },
	{ "pre", TAG_PRE }, { "script", TAG_SKIP }, { "section", TAG_BLOCK }, { "select", TAG_SKIP }, { "style", TAG_SKIP },
	{ "svg", TAG_SKIP }, { "table", TAG_BLOCK }, { "tbody", TAG_BLOCK }, { "td", TAG_CELL }, { "template", TAG_SKIP },
	{ "textarea", TAG_SKIP }, { "th", TAG_CELL }, { "title", TAG_SKIP }, { "tr", TAG_TR }, { "ul", TAG_UL },
	{ "video", TAG_SKIP }, { "xml", TAG_SKIP } };

static int compare_tag(const void *key, const void *item)
{
	return strcmp(key, ((const __typeof__(tags[0]) *)item)->name);
}

static enum tag tag_of(const xmlNode *n)
{
	const __typeof__(tags[0]) *found =
	    bsearch((const char *)n->name, tags, sizeof tags / sizeof tags[0], sizeof tags[0], compare_tag);
	return found != NULL ? found->tag : TAG_OTHER;
}

/* ---- lines ---- */
static void end_line(struct out *o)
{
	buf_add_char(o->text, '\n');
	if (o->markup != NULL)
		buf_add_char(o->markup, (char)o->line_markup);
	o->line_markup = 0;
}

static void add_marks(struct out *o, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		buf_add_char(o->text, '>');
}

static void start_line(struct out *o)
{
	const unsigned depth = o->top->depth;
	if (o->begun) {
		end_line(o);
		for (unsigned i = 1; i < (o->breaks < 3 ? o->breaks : 3); i++) {
			add_marks(o, depth < o->depth_before ? depth : o->depth_before);
			end_line(o);
		}
	}
	o->begun = true;
	o->lines++;
	o->breaks = 0;
	o->blank = false;
	o->depth_before = depth;
	add_marks(o, depth);
	if (depth > 0)
		buf_add_char(o->text, ' ');
	if (o->marker[0] != '\0') {
		buf_add_str(o->text, o->marker);
		o->marker[0] = '\0';
	}
}

static void due(struct out *o, unsigned breaks)
{
	if (o->breaks < breaks)
		o->breaks = breaks;
}

static void add_bytes(struct out *o, const char *s, size_t n)
{
	if (o->text->len > OUTPUT_MAX)
		return;
	if (!o->begun || o->breaks > 0)
		start_line(o);
	else if (o->blank)
		buf_add_char(o->text, ' ');
	o->blank = false;
	o->line_markup |= (uint8_t)(o->top->markup | o->pending);
	o->pending = 0;
	buf_add(o->text, s, n);
}

static void add_text(struct out *o, const char *s)
{
	if (o->top->preformatted) {
		while (*s != '\0') {
			size_t n = strcspn(s, "\r\n");
			if (n > 0)
				add_bytes(o, s, n);
			s += n;
			if (*s == '\r')
				s++;
			if (*s == '\n') {
				o->breaks = o->breaks + 1 < 3 ? o->breaks + 1 : 3;
				s++;
			}
		}
		return;
	}
	while (*s != '\0') {
		size_t n = strcspn(s, " \t\r\n\f");
		if (n > 0)
			add_bytes(o, s, n);
		s += n;
		if (*s != '\0')
			o->blank = o->begun && o->breaks == 0;
		s += strspn(s, " \t\r\n\f");
	}
}

/* A link whose address its text does not say. */
static void add_link(struct out *o, const xmlNode *n, size_t from)
{
	const char *href = mail_html_attribute(n, "href");
	if (href == NULL || o->text->len <= from || o->text->len > OUTPUT_MAX)
		return;
	while (*href == ' ')
		href++;
	size_t skip = strncmp(href, "https://", 8) == 0 ? 8
	    : strncmp(href, "http://", 7) == 0          ? 7
	    : strncmp(href, "mailto:", 7) == 0          ? 7
	                                                : 0;
	size_t len = strcspn(href, " \t\r\n<>\"");
	if (skip == 0 || len > 400 || len <= skip)
		return;
	const char *bare = href + skip;
	size_t bare_n = len - skip;
	const char *query = skip == 7 && href[0] == 'm' ? memchr(bare, '?', bare_n) : NULL;
	if (query != NULL)
		bare_n = (size_t)(query - bare);
	if (bare_n > 4 && strncmp(bare, "www.", 4) == 0) {
		bare += 4;
		bare_n -= 4;
	}
	while (bare_n > 0 && bare[bare_n - 1] == '/')
		bare_n--;
	const char *said = o->text->p + from;
	size_t said_n = o->text->len - from;
	if (bare_n == 0 || said_n > 4096 || memmem(said, said_n, bare, bare_n) != NULL || memchr(said, '\n', said_n) != NULL)
		return;
	if (href[0] == 'm' ? memchr(said, '@', said_n) != NULL : memmem(said, said_n, "://", 3) != NULL)
		return; /* the text names another address: what people see counts */
	bool words = false;
	for (size_t i = 0; i < said_n && !words; i++)
		words = (unsigned char)said[i] > ' ' && said[i] != '>';
	if (!words)
		return;
	add_bytes(o, " <", 2);
	add_bytes(o, href[0] == 'm' ? bare : href, href[0] == 'm' ? bare_n : len);
	add_bytes(o, ">", 1);
}

static void add_image(struct out *o, const xmlNode *n)
{
	const char *alt = mail_html_attribute(n, "alt");
	if (alt != NULL && (unsigned char)alt[0] >= 0xe2 && strlen(alt) <= 28) /* an emoji that some clients send as a picture */
		add_bytes(o, alt, strlen(alt));
}

static bool has_margin(const xmlNode *n)
{
	const char *class = mail_html_attribute(n, "class"), *style = mail_html_attribute(n, "style");
	if (class != NULL && strstr(class, "MsoNormal") != NULL)
		return false;
	return style == NULL ||
	    (strstr(style, "margin:0") == NULL && strstr(style, "margin: 0") == NULL && strstr(style, "margin-top:0") == NULL &&
	        strstr(style, "margin-bottom: 0") == NULL);
}

/* A block at the start of a cell stays in the line of its row. */
static bool is_cell_start(const struct out *o, const struct frame *f)
{
	return f->cell_from > 0 && f->cell_from == o->text->len;
}

static void enter_cell(struct out *o, struct frame *f, struct frame *row)
{
	if (!row->cell_seen) {
		row->row_line = o->lines + (o->breaks > 0 || !o->begun);
	} else if (o->begun && o->lines <= row->row_line) { /* short cells so far: one line */
		if (o->lines == row->row_line) {
			o->breaks = 0;
			o->blank = false;
			buf_add_char(o->text, '\t');
		}
	} else {
		due(o, 1);
	}
	row->cell_seen = true;
	f->cell_from = o->text->len;
}

/* Enter an element; false: leave it and all in it out. */
static bool enter(struct out *o, struct frame *f, struct frame *parent, const struct html_hidden *rules)
{
	const xmlNode *n = f->node;
	if (f->tag == TAG_SKIP || mail_html_is_hidden(n, rules, &f->bright))
		return false;
	unsigned client = mail_html_client_markup(n);
	if (f->tag == TAG_BLOCK && mail_html_is_border(n))
		o->pending |= MARKUP_HEADERS;
	if (client & HTML_PENDING)
		o->pending |= (uint8_t)(client & 0xff);
	else
		f->markup |= (uint8_t)client;
	switch ((enum tag)f->tag) {
	case TAG_BLOCK:
	case TAG_TR:
		due(o, is_cell_start(o, f) ? 0 : 1);
		f->cell_seen = false;
		break;
	case TAG_PARAGRAPH:
		due(o, is_cell_start(o, f) ? 0 : has_margin(n) && parent->tag != TAG_LI ? 2 : 1);
		break;
	case TAG_PRE:
		due(o, 1);
		f->preformatted = true;
		break;
	case TAG_QUOTE:
		due(o, 1);
		if (f->depth < QUOTE_DEPTH_MAX)
			f->depth++;
		break;
	case TAG_UL:
	case TAG_OL:
		due(o, f->in_list ? 1 : 2);
		f->in_list = true;
		f->items = 0;
		f->ordered = f->tag == TAG_OL;
		if (f->ordered) {
			const char *start = mail_html_attribute(n, "start");
			long first = start != NULL ? strtol(start, NULL, 10) : 1;
			f->items = first > 0 && first < 100000 ? (unsigned)first - 1 : 0;
		}
		break;
	case TAG_LI:
		due(o, 1);
		f->markup |= MARKUP_LIST;
		parent->items++;
		if (parent->ordered)
			snprintf(o->marker, sizeof o->marker, "%u. ", parent->items);
		else
			snprintf(o->marker, sizeof o->marker, "- ");
		break;
	case TAG_CELL:
		enter_cell(o, f, parent);
		break;
	case TAG_BR:
		o->breaks = o->breaks + 1 < 3 ? o->breaks + 1 : 3;
		return false;
	case TAG_HR:
		due(o, 1);
		add_bytes(o, "----", 4);
		o->line_markup |= MARKUP_RULE;
		due(o, 1);
		return false;
	case TAG_IMG:
		add_image(o, n);
		return false;
	case TAG_A:
	case TAG_Q:
	case TAG_SKIP:
	case TAG_OTHER:
		break;
	}
	return true;
}

static void leave(struct out *o, const struct frame *f, size_t text_from)
{
	switch ((enum tag)f->tag) {
	case TAG_A:
		add_link(o, f->node, text_from);
		break;
	case TAG_PARAGRAPH:
		due(o, has_margin(f->node) && f[-1].tag != TAG_LI ? 2 : 1);
		break;
	case TAG_LI:
		o->marker[0] = '\0';
		due(o, 1);
		break;
	case TAG_BLOCK:
	case TAG_TR:
	case TAG_PRE:
	case TAG_QUOTE:
		due(o, 1);
		break;
	case TAG_UL:
	case TAG_OL:
		due(o, f[-1].in_list ? 1 : 2);
		break;
	default:
		break;
	}
}

static void walk(xmlNode *root, struct out *o, const struct html_hidden *rules)
{
	size_t cap = 64, len = 1;
	struct frame *stack = xmalloc(cap * sizeof stack[0]);
	size_t *from = xmalloc(cap * sizeof from[0]);
	stack[0] = (struct frame){ .bright = true };
	from[0] = 0;
	xmlNode *n = root;
	while (n != NULL) {
		bool down = false;
		o->top = &stack[len - 1];
		if (n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE) {
			if (n->content != NULL)
				add_text(o, (const char *)n->content);
		} else if (n->type == XML_ELEMENT_NODE) {
			if (len == cap) {
				cap *= 2;
				stack = xrealloc(stack, cap * sizeof stack[0]);
				from = xrealloc(from, cap * sizeof from[0]);
			}
			struct frame f = stack[len - 1];
			f.node = n;
			f.tag = (uint16_t)tag_of(n);
			o->top = &stack[len - 1];
			if (enter(o, &f, &stack[len - 1], rules) && n->children != NULL) {
				stack[len] = f;
				from[len] = o->text->len;
				o->top = &stack[len];
				len++;
				down = true;
			} else if (f.tag != TAG_BR && f.tag != TAG_HR) {
				due(o, f.tag == TAG_PARAGRAPH ? 2 : f.tag == TAG_BLOCK ? 1 : 0);
			}
		}
		if (down) {
			n = n->children;
			continue;
		}
		while (n != NULL && n->next == NULL) {
			n = n->parent;
			if (len > 1 && n == stack[len - 1].node) {
				o->top = &stack[len - 1];
				leave(o, &stack[len - 1], from[len - 1]);
				len--;
			}
			if (n == root)
				n = NULL;
		}
		if (n != NULL)
			n = n->next;
	}
	free(stack);
	free(from);
}

void mail_html_lines(const char *html, size_t n, struct buf *text, struct buf *markup)
{
	struct buf clean = BUF_INIT;
	struct html_hidden rules = { 0 };
	mail_html_clean(html, n, &clean, &rules);
	buf_reserve(text, 1);
	if (clean.len > 0) {
		xmlDoc *doc = htmlReadMemory(clean.p, (int)clean.len, NULL, "UTF-8",
		    HTML_PARSE_RECOVER | HTML_PARSE_NONET | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_COMPACT |
		        (int)XML_PARSE_HUGE);
		struct out o = { .text = text, .markup = markup };
		if (doc != NULL) {
			walk(xmlDocGetRootElement(doc), &o, &rules);
			if (o.begun)
				end_line(&o);
			xmlFreeDoc(doc);
		}
	}
	mail_html_hidden_done(&rules);
	buf_done(&clean);
}
