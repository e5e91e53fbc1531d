/*
 * One pass over the text.  Slack escapes & < > wherever they are meant literally, so each bare '<' opens a control form that ends at
 * the next '>'; what does not look like one is left as it stands.
 */
#include "intext.h"

#include <string.h>

#include "../../core/base/buf.h"

#define FORM_MAX 8192
#define ID_MAX 64

static bool intext_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* &amp; &lt; &gt; and nothing else, once. */
static void intext_plain(struct buf *out, const char *s, size_t n)
{
	while (n > 0) {
		const char *amp = memchr(s, '&', n);
		size_t run = amp ? (size_t)(amp - s) : n;
		buf_add(out, s, run);
		s += run;
		n -= run;
		if (n == 0)
			return;
		static const struct {
			const char *name;
			size_t len;
			char c;
		} entities[] = { { "&amp;", 5, '&' }, { "&lt;", 4, '<' }, { "&gt;", 4, '>' } };
		size_t took = 1;
		char c = '&';
		for (size_t i = 0; i < 3; i++) {
			if (n >= entities[i].len && memcmp(s, entities[i].name, entities[i].len) == 0) {
				took = entities[i].len;
				c = entities[i].c;
				break;
			}
		}
		buf_add_char(out, c);
		s += took;
		n -= took;
	}
}

static void intext_link(struct buf *out, const char *url, size_t url_n, const char *label, size_t label_n)
{
	bool mail = url_n > 7 && memcmp(url, "mailto:", 7) == 0;
	const char *bare = mail ? url + 7 : url;
	size_t bare_n = mail ? url_n - 7 : url_n;
	const char *scheme = memmem(url, url_n, "://", 3);
	bool same = label_n == 0 || (label_n == bare_n && memcmp(label, bare, bare_n) == 0) ||
	    (scheme && label_n == url_n - (size_t)(scheme + 3 - url) && memcmp(label, scheme + 3, label_n) == 0);
	if (same) {
		intext_plain(out, bare, bare_n);
		return;
	}
	buf_add_char(out, '[');
	intext_plain(out, label, label_n);
	buf_add_str(out, "](");
	intext_plain(out, url, url_n);
	buf_add_char(out, ')');
}

static void intext_named(struct buf *out, char mark, const char *name, const char *label, size_t label_n, const char *id)
{
	if (label_n == 0 || label[0] != mark)
		buf_add_char(out, mark);
	if (label_n > 0)
		intext_plain(out, label, label_n);
	else
		buf_add_str(out, name ? name : id);
}

struct form {
	const char *p; /* inside the angle brackets */
	size_t n;
	const char *label; /* after the bar */
	size_t label_n;
};

/* Returns what to skip after our own mention at the start: "<@US>: help", "<@US>, help". */
static size_t intext_mention(
    struct intext *c, const struct form *f, const char *rest, struct buf *out, size_t start, size_t *ours_at)
{
	char id[ID_MAX];
	size_t n = f->n - 1;
	if (n == 0 || n >= sizeof(id)) {
		buf_add_str(out, "@someone");
		return 0;
	}
	memcpy(id, f->p + 1, n);
	id[n] = '\0';
	if (!c->self_user || strcmp(id, c->self_user) != 0) {
		c->mentions_others = true;
		intext_named(out, '@', f->label_n || !c->person ? NULL : c->person(c->arg, id), f->label, f->label_n, id);
		return 0;
	}
	c->mentions_us = true;
	if (out->len == start) {
		size_t skip = 0;
		while (intext_blank(rest[skip]))
			skip++;
		if (rest[skip] == ':' || rest[skip] == ',')
			skip++;
		while (intext_blank(rest[skip]))
			skip++;
		return skip;
	}
	*ours_at = out->len;
	buf_add_char(out, '@');
	buf_add_str(out, c->self_name ? c->self_name : "you");
	return 0;
}

static void intext_special(struct intext *c, const struct form *f, struct buf *out)
{
	const char *name = f->p + 1;
	size_t n = f->n - 1;
	if (n >= 8 && memcmp(name, "subteam^", 8) == 0) {
		c->mentions_others = true;
		intext_named(out, '@', NULL, f->label, f->label_n, "group");
	} else if (n >= 5 && memcmp(name, "date^", 5) == 0) {
		intext_plain(out, f->label, f->label_n);
	} else if (f->label_n > 0) {
		intext_plain(out, f->label, f->label_n);
	} else {
		c->mentions_others = true; /* here, channel, everyone */
		buf_add_char(out, '@');
		intext_plain(out, name, n);
	}
}

static size_t intext_form(struct intext *c, const char *p, const char *close, struct buf *out, size_t start, size_t *ours_at)
{
	struct form f = { .p = p + 1, .n = (size_t)(close - p - 1) };
	const char *bar = memchr(f.p, '|', f.n);
	if (bar) {
		f.label = bar + 1;
		f.label_n = (size_t)(close - bar - 1);
		f.n = (size_t)(bar - f.p);
	}
	if (f.n == 0)
		return 0;
	switch (f.p[0]) {
	case '@':
		return intext_mention(c, &f, close + 1, out, start, ours_at);
	case '#': {
		char id[ID_MAX] = "";
		if (f.n > 1 && f.n <= sizeof(id))
			memcpy(id, f.p + 1, f.n - 1);
		intext_named(out, '#', f.label_n || !c->place || !id[0] ? NULL : c->place(c->arg, id), f.label, f.label_n, id);
		return 0;
	}
	case '!':
		intext_special(c, &f, out);
		return 0;
	default:
		intext_link(out, f.p, f.n, f.label, f.label_n);
		return 0;
	}
}

void intext_convert(struct intext *c, const char *text, struct buf *out)
{
	size_t start = out->len, ours_at = SIZE_MAX, ours_end = SIZE_MAX;
	buf_reserve(out, strlen(text));
	for (const char *p = text; *p;) {
		if (out->len == start && intext_blank(*p)) {
			p++;
			continue;
		}
		size_t run = strcspn(p, "<");
		intext_plain(out, p, run);
		p += run;
		if (!*p)
			break;
		size_t len = strcspn(p + 1, ">\n<");
		if (p[1 + len] != '>' || len > FORM_MAX) {
			buf_add_char(out, *p++);
			continue;
		}
		size_t before = ours_at;
		size_t skip = intext_form(c, p, p + 1 + len, out, start, &ours_at);
		if (ours_at != before)
			ours_end = out->len;
		p += len + 2 + skip;
	}
	while (out->len > start && intext_blank(out->p[out->len - 1]))
		buf_truncate(out, out->len - 1);
	if (ours_end == out->len && ours_at != SIZE_MAX) { /* "do this please <@US>" */
		buf_truncate(out, ours_at);
		while (out->len > start && intext_blank(out->p[out->len - 1]))
			buf_truncate(out, out->len - 1);
	}
}
