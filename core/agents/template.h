#ifndef EDDY_AGENTS_TEMPLATE_H
#define EDDY_AGENTS_TEMPLATE_H

#include <stddef.h>

struct buf;

/*
 * The smallest useful templates: {{name}} is replaced, {{#name}} … {{/name}} stays only where the value is not empty, a line
 * that held nothing but such a tag goes away.  Values are data: they are never read as template text again.
 */
struct template_value {
	const char *name;
	const char *text; /* NULL: empty */
	size_t len;       /* 0 with text set: strlen */
};
/** Append ${t} with ${values} filled in (ends with a NULL name).  Unknown names become nothing. */
void template_render(const char *t, size_t n, const struct template_value *values, struct buf *out);
/** Append a name from outside as one harmless line: control characters and line ends become blanks, at most ${max} bytes. */
void template_add_line(struct buf *out, const char *s, size_t max);
/**
 * Append text from outside between <${tag}> and </${tag}>.  What looks like such a tag inside the text is broken up, so the text
 * cannot end its own fence.
 */
void template_add_fenced(struct buf *out, const char *tag, const char *s, size_t n);

#endif
