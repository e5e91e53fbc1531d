/*
 * The names of what is inside of a winmail.dat (MS-OXTNEF): attributes one after the other, each with its length.  Only names are read, so
 * that the mail can say what it holds; every length is checked, nothing is unpacked.
 */
#include <stdio.h>

#include "mail_internal.h"

#define FILES_MAX 100u

struct cursor {
	const unsigned char *p;
	size_t n;
};

static uint32_t u16(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t u32(const unsigned char *p)
{
	return u16(p) | u16(p + 2) << 16;
}

static bool skip(struct cursor *c, size_t n)
{
	if (n > c->n)
		return false;
	c->p += n;
	c->n -= n;
	return true;
}

static bool take32(struct cursor *c, uint32_t *v)
{
	if (c->n < 4)
		return false;
	*v = u32(c->p);
	return skip(c, 4);
}

static const char *name_of(struct mail_arena *a, const unsigned char *p, size_t n, const char *charset)
{
	struct buf b = BUF_INIT;
	mail_charset_add(&b, (const char *)p, n < 1024 ? n : 1024, (struct mail_slice){ charset, strlen(charset) });
	mail_clean(&b, 0);
	size_t from = b.len;
	while (from > 0 && b.p[from - 1] != '/' && b.p[from - 1] != '\\')
		from--;
	const char *kept = mail_keep(a, b.p == NULL ? "" : b.p + from, b.len - from);
	buf_done(&b);
	return kept;
}

struct found {
	const char *name; /* of an attachment */
	bool rtf, html;   /* bodies */
};

/* MAPI properties: names of attachments, bodies of the message. */
static void properties(struct mail_arena *a, struct cursor c, struct found *f)
{
	uint32_t count;
	if (!take32(&c, &count))
		return;
	for (uint32_t i = 0; i < count && c.n >= 4; i++) {
		uint32_t type = u16(c.p), id = u16(c.p + 2), values = 1, len;
		skip(&c, 4);
		if (id >= 0x8000) { /* a named one: GUID, then a number or a name */
			uint32_t kind;
			if (!skip(&c, 16) || !take32(&c, &kind) || !take32(&c, &len))
				return;
			if (kind != 0 && !skip(&c, ((size_t)len + 3) & ~(size_t)3))
				return;
		}
		uint32_t base = type & 0x0fff;
		bool variable = base == 0x1e || base == 0x1f || base == 0x0d || base == 0x102;
		if (((type & 0x1000) != 0 || variable) && !take32(&c, &values))
			return;
		for (uint32_t k = 0; k < values; k++) {
			if (!variable) {
				size_t size = base == 0x48                                                ? 16
				    : base == 5 || base == 6 || base == 7 || base == 0x14 || base == 0x40 ? 8
				                                                                          : 4;
				if (!skip(&c, size))
					return;
				continue;
			}
			if (!take32(&c, &len) || len > c.n)
				return;
			if ((id == 0x3707 || (id == 0x3704 && f->name == NULL)) && (base == 0x1e || base == 0x1f))
				f->name = name_of(a, c.p, len, base == 0x1f ? "utf-16le" : "");
			f->rtf = f->rtf || id == 0x1009;
			f->html = f->html || id == 0x1013;
			size_t padded = ((size_t)len + 3) & ~(size_t)3;
			if (!skip(&c, padded < c.n ? padded : c.n))
				return;
		}
	}
}

struct mail_ids mail_tnef_files(struct mail_arena *a, const char *data, size_t n, bool *is_tnef)
{
	struct mail_ids out = { 0 };
	struct cursor c = { (const unsigned char *)data, n };
	*is_tnef = n >= 6 && u32(c.p) == 0x223e9f78;
	if (!*is_tnef)
		return out;
	out.items = mail_alloc(a, FILES_MAX * sizeof *out.items);
	skip(&c, 6);
	struct found body = { 0 }, file = { 0 };
	bool open = false;
	const char *title = NULL;
	while (c.n >= 9 && out.len < FILES_MAX - 3) {
		uint32_t id = u32(c.p + 1), len = u32(c.p + 5);
		skip(&c, 9);
		struct cursor value = { c.p, len < c.n ? len : c.n };
		if (id == 0x00069002) { /* attAttachRenddata: another file begins */
			const char *name = file.name != NULL && file.name[0] != '\0' ? file.name : title;
			if (open && name != NULL)
				out.items[out.len++] = name;
			file = (struct found){ 0 };
			title = NULL;
			open = true;
		} else if (id == 0x00018010) { /* attAttachTitle */
			title = name_of(a, value.p, value.n, "");
		} else if (id == 0x00069005) { /* attAttachment */
			properties(a, value, &file);
		} else if (id == 0x00069003) { /* attMAPIProps */
			properties(a, value, &body);
		}
		if (!skip(&c, (size_t)len) || !skip(&c, 2))
			break;
	}
	const char *name = file.name != NULL && file.name[0] != '\0' ? file.name : title;
	if (open && name != NULL)
		out.items[out.len++] = name;
	if (body.rtf)
		out.items[out.len++] = "body.rtf";
	if (body.html)
		out.items[out.len++] = "body.html";
	return out;
}
