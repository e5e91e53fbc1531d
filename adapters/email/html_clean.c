/*
 * One pass over the bytes with a small tokenizer.  libxml2 compares each attribute of a tag with all before it and walks its whole stack for an end tag that has no
 * start, so hostile input of a megabyte could hold it for minutes; after this pass neither can happen.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"
#include "html_clean.h"

#define DEPTH_MAX 200u
#define ATTRIBUTES_MAX 64u
#define VALUE_MAX 4096u
#define RULES_MAX 200u
#define ELEMENTS_MAX 150000u

struct cleaner {
	struct buf *out;
	struct html_hidden *rules;
	uint32_t open[256]; /* elements by a hash of their name */
	unsigned char stack[DEPTH_MAX];
	size_t depth, beyond, elements;
	unsigned unclosed; /* raw elements that have no end from here on */
	bool no_quote[2];  /* no more " or ' till the end */
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static unsigned char hash_name(const char *s, size_t n)
{
	unsigned h = 5381;
	for (size_t i = 0; i < n; i++)
		h = h * 33 + (unsigned char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i]);
	return (unsigned char)(h ^ h >> 8);
}

static bool named(const char *s, size_t n, const char *name)
{
	return n == strlen(name) && strncasecmp(s, name, n) == 0;
}

/* Elements whose end is optional or that have none: they do not nest. */
static bool is_flat(const char *s, size_t n)
{
	static const char *const names[] = { "br", "p", "img", "hr", "li", "td", "tr", "th", "meta", "link", "input", "col", "area",
		"base", "wbr", "dt", "dd", "option", "tbody", "thead", "tfoot", "colgroup", "html", "head", "body", "basefont",
		"frame", "param", "embed", "source", "track", "isindex", "keygen" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (named(s, n, names[i]))
			return true;
	return false;
}

/* Text as it is, but valid. */
static void add_clean(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t from = i;
		while (i < n && s[i] != '&' && ((unsigned char)s[i] >= ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r') &&
		    (unsigned char)s[i] < 0x80)
			i++;
		buf_add(out, s + from, i - from);
		if (i >= n)
			break;
		if (s[i] == '&') { /* one that starts no entity is slow to find out for the parser */
			char next = i + 1 < n ? s[i + 1] : ' ', after = i + 2 < n ? s[i + 2] : ' ';
			bool number = next == '#' && ((after >= '0' && after <= '9') || after == 'x' || after == 'X');
			buf_add_str(out, is_letter(next) || number ? "&" : "&amp;");
			i++;
			continue;
		}
		uint32_t c;
		size_t step = utf8_decode(s + i, n - i, &c);
		if ((unsigned char)s[i] < 0x80)
			buf_add_char(out, ' ');
		else if (step == 0 || c == 0xfffe || c == 0xffff)
			buf_add_str(out, "\xef\xbf\xbd");
		else
			buf_add(out, s + i, step);
		i += step > 0 ? step : 1;
	}
}

static const char *find_ci(const char *s, size_t n, const char *what)
{
	size_t len = strlen(what);
	for (const char *p = s; (p = memchr(p, what[0], n - (size_t)(p - s))) != NULL; p++) {
		if (n - (size_t)(p - s) < len)
			return NULL;
		if (strncasecmp(p, what, len) == 0)
			return p;
	}
	return NULL;
}

/* ---- style sheets: rules without conditions that hide a class or an id ---- */
static void add_rule(struct html_hidden *rules, const char *s, size_t n)
{
	while (n > 0 && is_space(s[n - 1]))
		n--;
	while (n > 0 && is_space(*s)) {
		s++;
		n--;
	}
	const char *dot = n > 0 ? memchr(s, '.', n) : NULL, *sharp = n > 0 ? memchr(s, '#', n) : NULL,
	           *at = dot != NULL ? dot : sharp;
	if (at == NULL || rules->len >= RULES_MAX || n > 100)
		return;
	for (const char *p = s; p < s + n; p++) /* one simple selector */
		if (p != at && !is_letter(*p) && !(*p >= '0' && *p <= '9') && *p != '-' && *p != '_')
			return;
	rules->names = xrealloc(rules->names, (rules->len + 1) * sizeof rules->names[0]);
	rules->names[rules->len++] = xstrndup(at, n - (size_t)(at - s));
}

static void read_styles(struct html_hidden *rules, const char *s, size_t n)
{
	size_t i = 0;
	while (i < n && rules->len < RULES_MAX) {
		const char *open = memchr(s + i, '{', n - i);
		if (open == NULL)
			return;
		size_t at = (size_t)(open - s);
		const char *from = s + i;
		size_t selector_n = at - i;
		const char *comment;
		while (selector_n >= 4 && (comment = memmem(from, selector_n, "*/", 2)) != NULL) {
			selector_n -= (size_t)(comment + 2 - from);
			from = comment + 2;
		}
		if (selector_n > 0 && memchr(from, '@', selector_n) != NULL) { /* @media and its like: skip all of it */
			size_t depth = 1, j = at + 1;
			while (j < n && depth > 0) {
				depth += s[j] == '{';
				depth -= s[j] == '}';
				j++;
			}
			i = j;
			continue;
		}
		const char *close = memchr(open, '}', n - at);
		if (close == NULL)
			return;
		char key[1024];
		size_t k = 0;
		key[k++] = ';';
		for (const char *p = open + 1; p < close && k + 2 < sizeof key; p++)
			if ((unsigned char)*p > ' ')
				key[k++] = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
		key[k++] = ';';
		key[k] = '\0';
		if (mail_html_style_hides(key))
			for (size_t b = 0, e = 0; b < selector_n; b = e + 1) {
				const char *comma = memchr(from + b, ',', selector_n - b);
				e = comma != NULL ? (size_t)(comma - from) : selector_n;
				add_rule(rules, from + b, e - b);
			}
		i = (size_t)(close - s) + 1;
	}
}

bool mail_html_hides(const struct html_hidden *rules, const char *class, const char *id)
{
	if (rules->len == 0 || (class == NULL && id == NULL))
		return false;
	for (size_t i = 0; i < rules->len; i++) {
		const char *name = rules->names[i] + 1;
		size_t n = strlen(name);
		if (rules->names[i][0] == '#') {
			if (id != NULL && strcmp(id, name) == 0)
				return true;
			continue;
		}
		for (const char *p = class; p != NULL && *p != '\0';) {
			size_t len = strcspn(p, " \t\r\n");
			if (len == n && memcmp(p, name, n) == 0)
				return true;
			p += len;
			p += strspn(p, " \t\r\n");
		}
	}
	return false;
}

void mail_html_hidden_done(struct html_hidden *rules)
{
	for (size_t i = 0; i < rules->len; i++)
		free(rules->names[i]);
	free(rules->names);
	*rules = (struct html_hidden){ 0 };
}

/* ---- tags ---- */

/* The end of a quoted value that opens at ${i}; ${n}: it has none. */
static size_t value_end(struct cleaner *c, const char *s, size_t n, size_t i)
{
	const unsigned q = s[i] == '\'';
	if (c->no_quote[q])
		return n;
	const char *end = memchr(s + i + 1, s[i], n - i - 1);
	if (end == NULL) {
		c->no_quote[q] = true;
		return n;
	}
	return (size_t)(end - s);
}

/* The attributes from ${i} on, up to and with ">"; into ${out} unless NULL. */
static size_t attributes(struct cleaner *c, const char *s, size_t n, size_t i, struct buf *out)
{
	size_t count = 0;
	while (i < n && s[i] != '>') {
		if (is_space(s[i]) || s[i] == '/') {
			i++;
			continue;
		}
		size_t name = i;
		while (i < n && !is_space(s[i]) && s[i] != '>' && s[i] != '=' && s[i] != '/' && s[i] != '<')
			i++;
		size_t name_n = i - name;
		if (i < n && s[i] == '<' && name_n == 0) { /* a tag in a tag: this one was never closed */
			break;
		}
		while (i < n && is_space(s[i]))
			i++;
		size_t value = 0, value_n = 0;
		if (i < n && s[i] == '=') {
			i++;
			while (i < n && is_space(s[i]))
				i++;
			size_t end;
			if (i < n && (s[i] == '"' || s[i] == '\'') && (end = value_end(c, s, n, i)) < n) {
				value = i + 1;
				value_n = end - value;
				i = end + 1;
			} else {
				value = i;
				while (i < n && !is_space(s[i]) && s[i] != '>')
					i++;
				value_n = i - value;
			}
		}
		if (out == NULL || ++count > ATTRIBUTES_MAX || name_n == 0 || name_n > 64)
			continue;
		bool plain = true;
		for (size_t k = name; k < name + name_n && plain; k++)
			plain = is_letter(s[k]) || (s[k] >= '0' && s[k] <= '9') || s[k] == '-' || s[k] == ':' || s[k] == '_';
		if (!plain)
			continue;
		buf_add_char(out, ' ');
		buf_add(out, s + name, name_n);
		buf_add_str(out, "=\"");
		size_t keep = value_n <= VALUE_MAX ? value_n : 0;
		for (size_t k = value, from = value; k <= value + keep; k++)
			if (k == value + keep || s[k] == '"' || s[k] == '<' || s[k] == '>') {
				add_clean(out, s + from, k - from);
				if (k < value + keep)
					buf_add_str(out, s[k] == '"' ? "&quot;" : s[k] == '<' ? "&lt;" : "&gt;");
				from = k + 1;
			}
		buf_add_char(out, '"');
	}
	return i < n && s[i] == '>' ? i + 1 : i;
}

static size_t start_tag(struct cleaner *c, const char *s, size_t n, size_t i)
{
	size_t name = i + 1, e = name;
	while (e < n && !is_space(s[e]) && s[e] != '>' && s[e] != '/' && s[e] != '<' && e - name < 400)
		e++;
	size_t name_n = e - name;
	/* "<pat@example.org>" that nobody has escaped, and other things that are no names */
	bool tag = name_n <= 40;
	for (size_t k = name; k < e && tag; k++)
		tag = is_letter(s[k]) || (s[k] >= '0' && s[k] <= '9') || s[k] == ':' || s[k] == '-' || s[k] == '_';
	if (!tag || e >= n) {
		buf_add_str(c->out, "&lt;");
		return name;
	}
	static const char *const raw[] = { "script", "style", "title", "noembed", "noframes", "xmp", "textarea", "svg", "template",
		"math" };
	for (size_t r = 0; r < sizeof raw / sizeof raw[0]; r++) {
		if (!named(s + name, name_n, raw[r]))
			continue;
		size_t body = attributes(c, s, n, e, NULL);
		if (body >= 2 && body <= n && s[body - 2] == '/' && s[body - 1] == '>')
			return body;
		char end[16];
		snprintf(end, sizeof end, "</%s", raw[r]);
		const char *close = (c->unclosed & 1u << r) ? NULL : find_ci(s + body, n - body, end);
		if (close == NULL) { /* never closed: as browsers read it */
			c->unclosed |= 1u << r;
			return r < 3 ? n : body;
		}
		if (r == 1)
			read_styles(c->rules, s + body, (size_t)(close - s) - body);
		const char *gt = memchr(close, '>', n - (size_t)(close - s));
		return gt != NULL ? (size_t)(gt - s) + 1 : n;
	}
	const bool flat = is_flat(s + name, name_n);
	if (memchr(s + name, ':', name_n) != NULL) /* Office's own elements: only their text counts */
		return attributes(c, s, n, e, NULL);
	if (named(s + name, name_n, "meta") || named(s + name, name_n, "link") || named(s + name, name_n, "base"))
		return attributes(c, s, n, e, NULL);
	c->elements++;
	if ((!flat && c->depth >= DEPTH_MAX) || c->elements > ELEMENTS_MAX) {
		if (!flat)
			c->beyond++;
		buf_add_char(c->out, ' ');
		return attributes(c, s, n, e, NULL);
	}
	buf_add_char(c->out, '<');
	buf_add(c->out, s + name, name_n);
	size_t end = attributes(c, s, n, e, c->out);
	buf_add_char(c->out, '>');
	if (!flat) {
		unsigned char h = hash_name(s + name, name_n);
		c->stack[c->depth++] = h;
		c->open[h]++;
	}
	return end;
}

static size_t end_tag(struct cleaner *c, const char *s, size_t n, size_t i)
{
	size_t name = i + 2, e = name;
	while (e < n && !is_space(s[e]) && s[e] != '>' && s[e] != '<' && e - name < 100)
		e++;
	size_t end = e;
	while (end < n && s[end] != '>' && s[end] != '<')
		end++;
	if (end < n && s[end] == '>')
		end++;
	size_t name_n = e - name;
	if (name_n == 0 || name_n > 40 || memchr(s + name, ':', name_n) != NULL)
		return end;
	for (size_t k = name; k < e; k++)
		if (!is_letter(s[k]) && !(s[k] >= '0' && s[k] <= '9') && s[k] != ':' && s[k] != '-' && s[k] != '_')
			return end;
	if (named(s + name, name_n, "body") || named(s + name, name_n, "html"))
		return end; /* text after it belongs to the mail all the same */
	if (is_flat(s + name, name_n)) {
		if (named(s + name, name_n, "p") || named(s + name, name_n, "br"))
			buf_add_str(c->out, named(s + name, name_n, "p") ? "</p>\n" : "<br>");
		else if (named(s + name, name_n, "li") || named(s + name, name_n, "td") || named(s + name, name_n, "tr") ||
		    named(s + name, name_n, "th")) {
			buf_add_str(c->out, "</");
			buf_add(c->out, s + name, name_n);
			buf_add_char(c->out, '>');
		}
		return end;
	}
	unsigned char h = hash_name(s + name, name_n);
	if (c->beyond > 0) {
		c->beyond--;
		return end;
	}
	if (c->open[h] == 0)
		return end;
	size_t d = c->depth;
	while (d > 0 && c->stack[d - 1] != h) /* bounded by DEPTH_MAX, and each is closed once */
		d--;
	while (c->depth > d)
		c->open[c->stack[--c->depth]]--;
	if (d > 0)
		c->open[c->stack[--c->depth]]--;
	buf_add_str(c->out, "</");
	buf_add(c->out, s + name, name_n);
	buf_add_char(c->out, '>');
	return end;
}

void mail_html_clean(const char *html, size_t n, struct buf *out, struct html_hidden *rules)
{
	struct cleaner c = { .out = out, .rules = rules };
	if (n > HTML_MAX)
		n = utf8_clip(html, n, HTML_MAX);
	buf_reserve(out, n + 64);
	bool no_comment_end = false;
	for (size_t i = 0; i < n;) {
		const char *lt = memchr(html + i, '<', n - i);
		size_t at = lt != NULL ? (size_t)(lt - html) : n;
		add_clean(out, html + i, at - i);
		i = at;
		if (i >= n)
			break;
		char next = i + 1 < n ? html[i + 1] : ' ';
		if (is_letter(next)) {
			i = start_tag(&c, html, n, i);
		} else if (next == '/' && i + 2 < n && is_letter(html[i + 2])) {
			i = end_tag(&c, html, n, i);
		} else if (next == '!' || next == '?' || next == '/') {
			if (n - i >= 4 && memcmp(html + i, "<!--", 4) == 0 && !no_comment_end) {
				const char *end = memmem(html + i + 4, n - i - 4, "-->", 3);
				if (n - i >= 5 && html[i + 4] == '>') {
					i += 5;
					continue;
				}
				no_comment_end = end == NULL;
				if (end != NULL) {
					i = (size_t)(end - html) + 3;
					continue;
				}
			}
			const char *gt = memchr(html + i, '>', n - i);
			i = gt != NULL ? (size_t)(gt - html) + 1 : n;
		} else {
			buf_add_str(out, "&lt;");
			i++;
		}
	}
}
