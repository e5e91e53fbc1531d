/*
 * One mail, from its bytes to struct mail: header fields, the parts and what they are for, then the judgement of kind.c, report.c and
 * authres.c.  All is read in place; only what is handed on is decoded, into an arena that ends with the mail.
 */
#include "mail.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "../../core/base/encode.h"
#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"
#include "mail_internal.h"
#include "text.h"

#define TEXT_MAX (1024u * 1024u) /* of one body, decoded */
#define SMALL_FILE_MAX (64u * 1024u)
#define TNEF_MAX (16u * 1024u * 1024u)

void mail_library_init(void)
{
}

const char *mail_kind_name(enum mail_kind k)
{
	static const char *const names[] = { "human", "vacation", "autoresponse", "notification", "mdn", "list", "bulk", "bounce",
		"delayed", "delivered", "complaint", "self" };
	return names[k];
}

/* ---- header ---- */

static const char *derive_id(struct mail_arena *a, const struct mail_source *s, size_t body_at)
{
	static const char *const fields[] = { "date", "from", "subject", NULL };
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_DigestInit_ex(c, EVP_sha256(), NULL);
	for (size_t i = 0; fields[i] != NULL; i++) {
		struct mail_slice v = mail_field_value(&s->fields, fields[i]);
		EVP_DigestUpdate(c, v.p, v.n);
		EVP_DigestUpdate(c, "\n", 1);
	}
	EVP_DigestUpdate(c, s->raw.p + body_at, s->raw.n - body_at);
	unsigned char sum[EVP_MAX_MD_SIZE];
	EVP_DigestFinal_ex(c, sum, NULL);
	EVP_MD_CTX_free(c);
	char out[32 + 16 + 1] = "derived.";
	hex_encode(out + 8, sum, 16);
	return mail_keep(a, out, strlen(out));
}

static void addresses_of(struct mail_arena *a, const struct mail_fields *f, const char *name, struct mail_addresses *out)
{
	for (const struct mail_field *x = mail_field_find(f, name, 0); x != NULL;
	     x = mail_field_find(f, name, (size_t)(x - f->items) + 1))
		mail_addresses_read(a, x->value, out);
}

static void header_read(struct mail *m, const struct mail_source *s, size_t body_at)
{
	struct mail_arena *a = m->arena;
	const struct mail_fields *f = &s->fields;
	addresses_of(a, f, "from", &m->from);
	addresses_of(a, f, "to", &m->to);
	addresses_of(a, f, "cc", &m->cc);
	addresses_of(a, f, "reply-to", &m->reply_to);
	addresses_of(a, f, "sender", &m->sender_field);
	static const char *const delivered[] = { "delivered-to", "x-original-to", "x-forwarded-to", "envelope-to", "x-envelope-to",
		NULL };
	for (size_t i = 0; delivered[i] != NULL; i++)
		addresses_of(a, f, delivered[i], &m->delivered_to);
	m->subject = mail_header_text(a, mail_field_value(f, "subject"));
	mail_ids_read(a, mail_field_value(f, "in-reply-to"), &m->in_reply_to);
	mail_ids_read(a, mail_field_value(f, "references"), &m->references);
	struct mail_ids own = { 0 };
	mail_ids_read(a, mail_field_value(f, "message-id"), &own);
	m->message_id_derived = own.len == 0;
	m->message_id = own.len > 0 ? own.items[0] : derive_id(a, s, body_at);
	m->thread_index = mail_header_text(a, mail_field_value(f, "thread-index"));
	m->date = mail_date_read(mail_field_value(f, "date"));
	const struct mail_field *path = mail_field_find(f, "return-path", 0);
	if (path != NULL) {
		struct mail_addresses p = { 0 };
		mail_addresses_read(a, path->value, &p);
		m->return_path = p.len > 0 ? p.items[0].addr : "";
	}
	m->list_id = mail_header_text(a, mail_field_value(f, "list-id"));
	m->language = mail_header_text(a, mail_field_value(f, "content-language"));
	/* Who it is from, if that is one address (docs/adapters/email.md). */
	const struct mail_field *from = mail_field_find(f, "from", 0);
	bool once = from != NULL && mail_field_find(f, "from", (size_t)(from - f->items) + 1) == NULL;
	m->sender = once && m->from.len == 1 && m->from.items[0].addr[0] != '\0' ? m->from.items[0].addr : NULL;
}

/* ---- content ---- */

static const char *file_name(struct mail_arena *a, const struct mail_part *p)
{
	struct buf b = BUF_INIT;
	const char *name = "";
	if ((p->disposition.n > 0 && mail_param(p->disposition, "filename", &b) && b.len > 0) ||
	    (p->content_type.n > 0 && mail_param(p->content_type, "name", &b) && b.len > 0)) {
		size_t from = b.len;
		while (from > 0 && b.p[from - 1] != '/' && b.p[from - 1] != '\\')
			from--;
		size_t n = utf8_clip(b.p + from, b.len - from, 255);
		if (!(n <= 2 && strspn(b.p + from, ".") == n))
			name = mail_keep(a, b.p + from, n);
	}
	buf_done(&b);
	return name;
}

static const char *content_id(struct mail_arena *a, struct mail_slice v)
{
	struct mail_ids ids = { 0 };
	if (v.n == 0)
		return "";
	mail_ids_read(a, v, &ids);
	return ids.len > 0 ? ids.items[0] : "";
}

/* Is the part below a multipart of this type, at any height? */
static bool below(const struct mail_parts *ps, const struct mail_part *p, const char *type)
{
	for (int i = p->parent; i >= 0; i = ps->items[i].parent)
		if (strcmp(ps->items[i].type, type) == 0)
			return true;
	return false;
}

static bool is_flowed(const struct mail_part *p, bool *delsp)
{
	*delsp = false;
	if (p->content_type.n < 20 || mail_slice_find(p->content_type, "flowed") == NULL)
		return false;
	struct buf b = BUF_INIT;
	bool flowed = mail_param(p->content_type, "format", &b) && strcasecmp(b.p, "flowed") == 0;
	buf_reset(&b);
	*delsp = flowed && mail_param(p->content_type, "delsp", &b) && strcasecmp(b.p, "yes") == 0;
	buf_done(&b);
	return flowed;
}

/* A body of a kind: several are joined in their order. */
struct body {
	struct buf text;
	size_t count;
};

static void body_add(struct body *b, const struct mail_part *p)
{
	if (b->count++ > 0)
		buf_add_char(&b->text, '\n');
	if (b->text.len < TEXT_MAX)
		mail_part_text(p, &b->text, TEXT_MAX - b->text.len);
	else
		buf_reserve(&b->text, 1);
}

static void drop_nothing(struct buf *b)
{
	if (b->p == NULL)
		buf_reserve(b, 1);
}

static bool is_file(const struct mail_part *p, const char *name)
{
	bool body_type = strcmp(p->type, "text/plain") == 0 || strcmp(p->type, "text/html") == 0;
	return p->attachment || name[0] != '\0' || !body_type;
}

static void part_as_file(struct mail *m, const struct mail_part *p, const char *name, const struct mail_parts *ps, size_t *room)
{
	struct mail_file *f = &m->files[m->files_len++];
	bool message = strncmp(p->type, "message/rfc822", 14) == 0 || strcmp(p->type, "message/global") == 0;
	*f = (struct mail_file){ .part = p->number,
		.name = name,
		.type = p->type,
		.content_id = content_id(m->arena, p->content_id),
		.size_bytes = message ? -1 : (int64_t)mail_decoded_size(p->body, p->encoding) };
	bool related = below(ps, p, "multipart/related");
	f->is_inline = !p->attachment && ((p->shown_inline && name[0] == '\0') || (f->content_id[0] != '\0' && related));
	if (strncmp(p->type, "text/", 5) == 0 && strcmp(p->type, "text/calendar") != 0 && p->body.n <= SMALL_FILE_MAX * 2 &&
	    *room > 0 && !f->is_inline) {
		struct buf b = BUF_INIT;
		mail_part_text(p, &b, SMALL_FILE_MAX);
		if (b.len > 0 && b.len <= *room) {
			*room -= b.len;
			f->text = mail_keep(m->arena, b.p, b.len);
			f->text_len = b.len;
		}
		buf_done(&b);
	}
}

static void encrypted_look(struct mail *m, const struct mail_part *p, const char *name)
{
	struct buf b = BUF_INIT;
	if (strcmp(p->type, "multipart/encrypted") == 0) {
		bool pgp = !mail_param(p->content_type, "protocol", &b) || strstr(b.p, "smime") == NULL;
		m->unreadable |= pgp ? MAIL_ENCRYPTED_PGP : MAIL_ENCRYPTED_SMIME;
	} else if (strcmp(p->type, "application/pkcs7-mime") == 0 || strcmp(p->type, "application/x-pkcs7-mime") == 0) {
		/* A signature alone is no secret, but its content is wrapped as well. */
		m->unreadable |= MAIL_ENCRYPTED_SMIME;
	} else if (strcmp(p->type, "application/ms-tnef") == 0 || strcmp(p->type, "application/vnd.ms-tnef") == 0 ||
	    strcasecmp(name, "winmail.dat") == 0) {
		m->unreadable |= MAIL_TNEF;
		bool is_tnef;
		mail_decode_some(&b, p->body, p->encoding, TNEF_MAX);
		struct mail_ids inside = mail_tnef_files(m->arena, b.p == NULL ? "" : b.p, b.len, &is_tnef);
		if (inside.len > 0 && m->tnef_files.len == 0)
			m->tnef_files = inside;
	} else if (strcmp(p->type, "message/partial") == 0) {
		m->unreadable |= MAIL_PARTIAL;
	}
	buf_done(&b);
}

static const char *keep(struct mail *m, struct buf *b, size_t *n)
{
	*n = b->len;
	return mail_keep(m->arena, b->p, b->len);
}

static void content_read(struct mail *m, const struct mail_source *s)
{
	const struct mail_parts *ps = s->parts;
	struct body plain = { 0 }, html = { 0 }, written = { 0 };
	m->files = ps->len > 0 ? mail_alloc(m->arena, ps->len * sizeof *m->files) : NULL;
	if (ps->cut)
		m->unreadable |= MAIL_CUT;
	struct buf ics = BUF_INIT;
	size_t room = TEXT_MAX; /* for the text of small files, all together */
	for (size_t i = 0; i < ps->len; i++) {
		const struct mail_part *p = &ps->items[i];
		if (p->is_multipart) {
			encrypted_look(m, p, "");
			continue;
		}
		const char *name = p->disposition.n > 0 || p->content_type.n > 12 ? file_name(m->arena, p) : "";
		if (is_file(p, name)) {
			encrypted_look(m, p, name);
			if (ics.len == 0 && (strcmp(p->type, "text/calendar") == 0 || strcmp(p->type, "application/ics") == 0))
				mail_part_text(p, &ics, SMALL_FILE_MAX);
			part_as_file(m, p, name, ps, &room);
		} else if (p->type[5] == 'p') {
			bool delsp;
			if (is_flowed(p, &delsp)) {
				struct buf raw = BUF_INIT;
				mail_part_text(p, &raw, TEXT_MAX);
				if (written.count == 0 && plain.count > 0)
					buf_add(&written.text, plain.text.p, plain.text.len);
				if (plain.count++ > 0) {
					buf_add_char(&plain.text, '\n');
					buf_add_char(&written.text, '\n');
				}
				written.count = plain.count;
				if (plain.text.len < TEXT_MAX) {
					mail_unflow(raw.p == NULL ? "" : raw.p, raw.len, delsp, &plain.text);
					buf_add(&written.text, raw.p, raw.len);
				}
				buf_done(&raw);
			} else {
				body_add(&plain, p);
				if (written.count > 0)
					body_add(&written, p);
			}
		} else {
			body_add(&html, p);
		}
	}
	if (plain.count > 0) {
		drop_nothing(&plain.text);
		m->written = m->plain = keep(m, &plain.text, &m->plain_len);
		m->written_len = m->plain_len;
		if (ps->items[ps->len - 1].is_rest) {
			m->written = NULL; /* it is no part of the mail that others would see */
			m->written_len = 0;
		}
		if (written.count > 0) {
			drop_nothing(&written.text);
			m->written = keep(m, &written.text, &m->written_len);
		}
	}
	if (html.count > 0) {
		drop_nothing(&html.text);
		m->html = keep(m, &html.text, &m->html_len);
	}
	if (ics.len > 0)
		mail_calendar_read(m, ics.p, ics.len);
	/* PGP inside of plain text. */
	if (m->plain != NULL && m->plain_len > 30 &&
	    memmem(m->plain, m->plain_len < 4096 ? m->plain_len : 4096, "-----BEGIN PGP MESSAGE-----", 27) != NULL)
		m->unreadable |= MAIL_ENCRYPTED_PGP;
	bool said = (m->html != NULL && m->html_len > 0 && strspn(m->html, " \t\r\n") < m->html_len) ||
	    (m->plain != NULL && strspn(m->plain, " \t\r\n") < m->plain_len);
	if (!said && m->calendar == NULL)
		m->unreadable |= m->files_len > 0 ? MAIL_ONLY_FILES : MAIL_EMPTY;
	buf_done(&plain.text);
	buf_done(&written.text);
	buf_done(&html.text);
	buf_done(&ics);
}

/* ---- all of it ---- */

/* A mail whose lines end in CR alone: as others write it.  NULL: it is not one. */
static char *old_line_ends(const char *raw, size_t n)
{
	if (memchr(raw, '\n', n) != NULL || memchr(raw, '\r', n) == NULL)
		return NULL;
	char *copy = xmalloc(n + 1);
	for (size_t i = 0; i < n; i++)
		copy[i] = raw[i] == '\r' ? '\n' : raw[i];
	return copy;
}

enum err mail_read(const char *raw, size_t n, const struct mail_context *ctx, struct mail **out)
{
	static const struct mail_context nobody = { 0 };
	char *copy = old_line_ends(raw, n);
	if (copy != NULL)
		raw = copy;
	size_t skip = 0;
	while (skip < n && (raw[skip] == '\n' || raw[skip] == '\r' || raw[skip] == '\0'))
		skip++;
	struct mail_arena *a = mail_arena_new(n < 16384 ? n + 2048 : 16384);
	struct mail *m = mail_alloc(a, sizeof *m);
	m->arena = a;
	m->size_bytes = n;
	struct mail_source s = { .raw = { raw + skip, n - skip }, .ctx = ctx != NULL ? ctx : &nobody };
	/* The fields of the header. */
	size_t at = 0, cap = 32;
	s.fields.items = mail_alloc(a, cap * sizeof *s.fields.items);
	struct mail_field f;
	while (mail_field_next(s.raw, &at, &f)) {
		if (at > MAIL_HEADER_MAX)
			break;
		if (s.fields.len == cap) {
			struct mail_field *more = mail_alloc(a, cap * 2 * sizeof *more);
			memcpy(more, s.fields.items, cap * sizeof *more);
			s.fields.items = more;
			cap *= 2;
		}
		s.fields.items[s.fields.len++] = f;
		s.fields.seen |= mail_field_bit(f.key);
	}
	if (s.fields.len == 0 || at > MAIL_HEADER_MAX) {
		mail_arena_free(a);
		free(copy);
		return ERR_INPUT;
	}
	struct mail_parts parts;
	mail_parts_read(a, s.raw, &parts);
	s.parts = &parts;
	header_read(m, &s, at);
	content_read(m, &s);
	m->original_message_id = m->disposition = m->auth_why = m->why = "";
	mail_kind_read(m, &s);
	mail_authenticate(m, &s);
	free(copy);
	*out = m;
	return ERR_NONE;
}

void mail_free(struct mail *m)
{
	if (m != NULL)
		mail_arena_free(m->arena);
}
