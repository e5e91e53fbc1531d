#ifndef EDDY_TEST_TEXT_KIT_H
#define EDDY_TEST_TEXT_KIT_H
/* For the tests of the visible text: what is expected of a text, and texts quoted and wrapped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../adapters/email/text.h"

#define B "Teammate Bot <bot@example.org>"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define OWN "Hello Eddy,\n\nplease book room B for Thursday. It is for eight people.\n\nThanks"
#define OLD "Which room do you want, and for how many?\nRoom A is taken."

static unsigned failures;

static inline void visible_of(const char *text, struct buf *out)
{
	struct mail_text t;
	mail_text_plain(text, strlen(text), &t);
	buf_reset(out);
	buf_add(out, t.visible.p, t.visible.len);
	mail_text_done(&t);
}

static inline void expect(const char *text, const char *want, const char *what)
{
	struct buf got = BUF_INIT;
	visible_of(text, &got);
	if (strcmp(got.p, want) != 0) {
		print_error("%s\n--- text\n%s\n--- want\n%s\n--- got\n%s\n---\n", what, text, want, got.p);
		failures++;
	}
	buf_done(&got);
}

static inline void add_quoted(struct buf *b, const char *text)
{
	for (const char *p = text; *p != '\0';) {
		size_t n = strcspn(p, "\n");
		buf_add_str(b, "> ");
		buf_add(b, p, n);
		buf_add_char(b, '\n');
		p += n + (p[n] == '\n');
	}
}

/* Wrapped at the last blank before ${width}. */
static inline void add_wrapped(struct buf *b, const char *line, size_t width)
{
	size_t n = strlen(line);
	while (n > width) {
		size_t at = width;
		while (at > 0 && line[at] != ' ')
			at--;
		if (at == 0)
			break;
		buf_add(b, line, at);
		buf_add_char(b, '\n');
		line += at + 1;
		n -= at + 1;
	}
	buf_add(b, line, n);
	buf_add_char(b, '\n');
}

#endif
