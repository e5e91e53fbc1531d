/*
 * One pass over the template with a depth of one for sections; values are copied and never scanned.  The templates are ours, so a
 * malformed one (a section without its end) is printed as it stands rather than reported.
 */
#include "template.h"

#include <stdbool.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/utf8.h"

static const struct template_value *find(const struct template_value *v, const char *name, size_t n)
{
	for (; v != NULL && v->name != NULL; v++) {
		if (strlen(v->name) == n && memcmp(v->name, name, n) == 0)
			return v;
	}
	return NULL;
}

static size_t value_len(const struct template_value *v)
{
	if (v == NULL || v->text == NULL)
		return 0;
	return v->len != 0 ? v->len : strlen(v->text);
}

static const char *seek(const char *p, const char *end, const char *what, size_t n)
{
	return p < end ? memmem(p, (size_t)(end - p), what, n) : NULL;
}

static void render(const char *p, const char *end, const struct template_value *values, struct buf *out, bool sections);

/* {{#name}} … {{/name}}: returns where to go on, or NULL when the end is missing. */
static const char *section(
    const char *name, size_t n, const char *body, const char *end, const struct template_value *values, struct buf *out)
{
	char close[72];
	if (n > 60)
		return NULL;
	memcpy(close, "{{/", 3);
	memcpy(close + 3, name, n);
	memcpy(close + 3 + n, "}}", 2);
	const char *stop = seek(body, end, close, n + 5);
	if (stop == NULL)
		return NULL;
	if (value_len(find(values, name, n)) > 0)
		render(body, stop, values, out, false);
	return stop + n + 5;
}

static void render(const char *p, const char *end, const struct template_value *values, struct buf *out, bool sections)
{
	while (p < end) {
		const char *open = seek(p, end, "{{", 2);
		const char *shut = open == NULL ? NULL : seek(open, end, "}}", 2);
		if (shut == NULL) {
			buf_add(out, p, (size_t)(end - p));
			return;
		}
		buf_add(out, p, (size_t)(open - p));
		const char *name = open + 2;
		size_t n = (size_t)(shut - name);
		const char *next = shut + 2;
		if (sections && n > 1 && *name == '#') {
			/* A section that begins on a line of its own takes its line end along, and so does its end. */
			bool alone = (out->len == 0 || out->p[out->len - 1] == '\n') && next < end && *next == '\n';
			const char *after = section(name + 1, n - 1, next + alone, end, values, out);
			if (after != NULL) {
				p = after + (alone && after < end && *after == '\n');
				continue;
			}
			buf_add(out, open, (size_t)(next - open));
		} else {
			const struct template_value *v = find(values, name, n);
			if (value_len(v) > 0)
				buf_add(out, v->text, value_len(v));
		}
		p = next;
	}
}

void template_render(const char *t, size_t n, const struct template_value *values, struct buf *out)
{
	buf_reserve(out, n);
	render(t, t + n, values, out, true);
}

void template_add_line(struct buf *out, const char *s, size_t max)
{
	size_t n = s == NULL ? 0 : utf8_clip(s, strlen(s), max);
	bool blank = false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		/* U+2028, U+2029: line ends in disguise; U+0085 likewise. */
		bool split = i + 2 < n && c == 0xe2 && (unsigned char)s[i + 1] == 0x80 && ((unsigned char)s[i + 2] & 0xfe) == 0xa8;
		bool nel = i + 1 < n && c == 0xc2 && (unsigned char)s[i + 1] == 0x85;
		if (c < 0x20 || c == 0x7f || split || nel) {
			i += split ? 2 : nel ? 1 : 0;
			blank = true;
			continue;
		}
		if (blank)
			buf_add_char(out, ' ');
		blank = false;
		buf_add_char(out, s[i]);
	}
}

void template_add_fenced(struct buf *out, const char *tag, const char *s, size_t n)
{
	size_t tag_len = strlen(tag);
	buf_addf(out, "<%s>\n", tag);
	for (size_t i = 0; i < n; i++) {
		buf_add_char(out, s[i]);
		if (s[i] != '<')
			continue;
		size_t at = i + 1 + (i + 1 < n && s[i + 1] == '/');
		/* A look-alike of the fence gets an invisible joint, so it reads the same and ends nothing. */
		if (n - at >= tag_len && strncasecmp(s + at, tag, tag_len) == 0)
			buf_add_str(out, "\xe2\x80\x8b");
	}
	if (n > 0 && s[n - 1] != '\n')
		buf_add_char(out, '\n');
	buf_addf(out, "</%s>\n", tag);
}
