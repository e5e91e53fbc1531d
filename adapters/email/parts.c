/*
 * The tree of parts (RFC 2046), read in one pass over the lines that begin with "--".  A stack of open multiparts says which boundary such
 * a line is; nothing is copied and nothing recurses, so that depth, number of parts and size cost no more than their bytes.  What is too deep is
 * one opaque part, what is too many is not looked at: `cut` says so.  Attached messages are not opened.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../core/base/mem.h"
#include "mail_internal.h"

struct open {
	char boundary[256];
	size_t n;
	int part;
	unsigned children;
	bool digest;
};

struct walk {
	struct mail_arena *a;
	struct mail_slice raw;
	struct mail_parts *out;
	size_t cap;
	struct open *stack;
	size_t depth;
};

static struct mail_part *part_add(struct walk *w)
{
	struct mail_parts *o = w->out;
	if (o->len == w->cap) {
		size_t more = w->cap == 0 ? 4 : w->cap * 4;
		struct mail_part *items = mail_alloc(w->a, more * sizeof *items);
		if (o->len > 0)
			memcpy(items, o->items, o->len * sizeof *items);
		o->items = items;
		w->cap = more;
	}
	return &o->items[o->len++];
}

static const char *type_keep(struct mail_arena *a, struct mail_slice value, bool digest)
{
	static const char *const usual[] = { "text/plain", "text/html", "multipart/alternative", "multipart/mixed",
		"multipart/related", NULL };
	for (size_t i = 0; usual[i] != NULL; i++) {
		size_t k = strlen(usual[i]);
		if (mail_slice_starts(value, usual[i]) && (value.n == k || value.p[k] == ';'))
			return usual[i];
	}
	struct buf b = BUF_INIT;
	mail_value_main(&b, value);
	const char *slash = strchr(b.p, '/'), *type;
	if (b.len == 0 || b.len > 200)
		type = digest ? "message/rfc822" : "text/plain";
	else if (slash == NULL || slash == b.p || slash[1] == '\0')
		type = strcmp(b.p, "text") == 0     ? "text/plain"
		    : strcmp(b.p, "multipart") == 0 ? "multipart/mixed"
		                                    : "application/octet-stream";
	else
		type = mail_keep(a, b.p, b.len);
	buf_done(&b);
	return type;
}

/* Reads the header at ${at}; where the body begins is put there. */
static struct mail_part *part_begin(struct walk *w, size_t *at)
{
	struct mail_part *p = part_add(w);
	struct open *in = w->depth > 0 ? &w->stack[w->depth - 1] : NULL;
	*p = (struct mail_part){ .parent = in == NULL ? -1 : in->part };
	size_t start = *at;
	struct mail_field f;
	while (mail_field_next(w->raw, at, &f)) {
		if (f.name.n < 10 || mail_lower(f.name.p[0]) != 'c' || !mail_slice_starts(f.name, "content-"))
			continue;
		struct mail_slice rest = { f.name.p + 8, f.name.n - 8 };
		struct mail_slice *to = mail_slice_is(rest, "type") ? &p->content_type
		    : mail_slice_is(rest, "transfer-encoding")      ? &p->encoding_value
		    : mail_slice_is(rest, "disposition")            ? &p->disposition
		    : mail_slice_is(rest, "id")                     ? &p->content_id
		                                                    : NULL;
		if (to != NULL && to->p == NULL)
			*to = f.value;
	}
	p->header = (struct mail_slice){ w->raw.p + start, *at - start };
	p->type = type_keep(w->a, p->content_type, in != NULL && in->digest);
	p->encoding = mail_encoding_of(p->encoding_value);
	p->attachment = mail_slice_starts(p->disposition, "attachment");
	p->shown_inline = mail_slice_starts(p->disposition, "inline");
	if (in == NULL) {
		p->number = "1";
	} else {
		char no[400];
		const struct mail_part *up = &w->out->items[in->part];
		int n = up->parent < 0 ? snprintf(no, sizeof no, "%u", ++in->children)
		                       : snprintf(no, sizeof no, "%s.%u", up->number, ++in->children);
		p->number = mail_keep(w->a, no, (size_t)n < sizeof no ? (size_t)n : sizeof no - 1);
	}
	return p;
}

/* Opens the multipart that was just read; false: it is a leaf after all. */
static bool multipart_open(struct walk *w, struct mail_part *p)
{
	if (strncmp(p->type, "multipart/", 10) != 0)
		return false;
	struct buf b = BUF_INIT;
	bool ok = mail_param(p->content_type, "boundary", &b) && b.len > 0 && b.len < sizeof w->stack->boundary;
	if (ok && w->depth == MAIL_DEPTH_MAX) {
		w->out->cut = true;
		ok = false;
	}
	if (ok) {
		struct open *o = &w->stack[w->depth++];
		memcpy(o->boundary, b.p, b.len + 1);
		o->n = b.len;
		o->part = (int)(p - w->out->items);
		o->children = 0;
		o->digest = strcmp(p->type, "multipart/digest") == 0;
		p->is_multipart = true;
	}
	buf_done(&b);
	return ok;
}

/* The open multipart whose boundary this line is, from the inside out; -1: none. */
static int boundary_of(const struct walk *w, const char *line, size_t n, bool *close)
{
	while (n > 0 && mail_space(line[n - 1]))
		n--;
	if (n < 3)
		return -1;
	line += 2;
	n -= 2;
	for (size_t i = w->depth; i-- > 0;) {
		const struct open *o = &w->stack[i];
		if (n != o->n && (n != o->n + 2 || line[n - 1] != '-' || line[n - 2] != '-'))
			continue;
		if (memcmp(line, o->boundary, o->n) == 0) {
			*close = n == o->n + 2;
			return (int)i;
		}
	}
	return -1;
}

/* From the beginning of a line on: the first line that begins with "--"; the end where there is none.  Dashes are rare in what is long. */
static size_t next_dashes(struct mail_slice raw, size_t line)
{
	const char *end = raw.p + raw.n, *p = raw.p + line;
	while (p < end && (p = memchr(p, '-', (size_t)(end - p))) != NULL) {
		if ((p == raw.p + line || p[-1] == '\n') && p + 1 < end && p[1] == '-')
			return (size_t)(p - raw.p);
		p++;
	}
	return raw.n;
}

/* The body ends before the line end that belongs to the boundary. */
static size_t body_end(struct mail_slice raw, size_t from, size_t line)
{
	size_t end = line;
	if (end > from && raw.p[end - 1] == '\n')
		end--;
	if (end > from && raw.p[end - 1] == '\r')
		end--;
	return end;
}

void mail_parts_read(struct mail_arena *a, struct mail_slice raw, struct mail_parts *out)
{
	*out = (struct mail_parts){ 0 };
	struct walk w = { .a = a, .raw = raw, .out = out };
	size_t at = 0;
	struct mail_part *p = part_begin(&w, &at);
	if (strncmp(p->type, "multipart/", 10) != 0) {
		p->body = (struct mail_slice){ raw.p + at, raw.n - at };
		return;
	}
	w.stack = xmalloc(MAIL_DEPTH_MAX * sizeof *w.stack);
	bool leaf = !multipart_open(&w, p);
	if (leaf) { /* no boundary is named: all of it is what there is to read */
		p->type = "text/plain";
		p->is_rest = true;
	}
	size_t body = at, line = at, leaf_at = 0, top = at;
	bool close_seen = false;
	for (;;) {
		line = next_dashes(raw, line);
		const char *nl = line >= raw.n ? NULL : memchr(raw.p + line, '\n', raw.n - line);
		size_t after = nl == NULL ? raw.n : (size_t)(nl - raw.p) + 1;
		bool close = false;
		int at_level = line >= raw.n ? 0 : boundary_of(&w, raw.p + line, after - line, &close);
		if (at_level < 0) {
			line = after;
			continue;
		}
		if (leaf) {
			struct mail_part *l = &out->items[leaf_at];
			size_t end = line >= raw.n ? raw.n : body_end(raw, body, line);
			l->body = (struct mail_slice){ raw.p + body, end > body ? end - body : 0 };
			leaf = false;
		}
		if (line >= raw.n)
			break;
		close_seen = close_seen || close;
		w.depth = (size_t)at_level + (close ? 0 : 1);
		line = after;
		if (w.depth == 0)
			break;
		if (close)
			continue;
		if (out->len >= MAIL_PARTS_MAX) {
			out->cut = true;
			break;
		}
		at = line;
		p = part_begin(&w, &at);
		leaf_at = out->len - 1;
		leaf = !multipart_open(&w, p);
		body = at;
		/* A header that ends in its own boundary line has no body. */
		line = at > 0 ? at : line;
	}
	free(w.stack);
	if (out->len == 1 && out->items[0].is_multipart && !close_seen) {
		/* A boundary that is nowhere: better the text with all its marks than no text. */
		p = part_add(&w);
		*p = (struct mail_part){
			.type = "text/plain", .number = "1", .parent = 0, .is_rest = true, .body = { raw.p + top, raw.n - top }
		};
	}
}

int mail_parts_find(const struct mail_parts *p, const char *type)
{
	for (size_t i = 0; i < p->len; i++)
		if (strcmp(p->items[i].type, type) == 0)
			return (int)i;
	return -1;
}

void mail_part_text(const struct mail_part *p, struct buf *out, size_t max)
{
	struct buf charset = BUF_INIT;
	mail_param(p->content_type, "charset", &charset);
	struct mail_slice c = { charset.p, charset.len };
	if (p->encoding == MAIL_ENC_NONE) {
		mail_charset_add(out, p->body.p, p->body.n < max ? p->body.n : max, c);
	} else {
		struct buf raw = BUF_INIT;
		mail_decode_some(&raw, p->body, p->encoding, max);
		mail_charset_add(out, raw.p, raw.len, c);
		buf_done(&raw);
	}
	buf_done(&charset);
}
