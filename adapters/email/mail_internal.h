#ifndef EDDY_EMAIL_MAIL_INTERNAL_H
#define EDDY_EMAIL_MAIL_INTERNAL_H

#include <string.h>

#include "../../core/base/buf.h"
#include "mail.h"

/* What the files that read a mail share.  Slices borrow from the raw bytes, kept strings belong to the arena. */

/* ---- arena.c: memory that ends with the mail ---- */
struct mail_arena;
struct mail_arena *mail_arena_new(size_t first);
void mail_arena_free(struct mail_arena *a);       /* NULL is fine */
void *mail_alloc(struct mail_arena *a, size_t n); /* zeroed, aligned */
char *mail_keep(struct mail_arena *a, const char *s, size_t n);

/* ---- slices of raw bytes ---- */
struct mail_slice {
	const char *p;
	size_t n;
};
static inline bool mail_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
static inline char mail_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}
bool mail_slice_is(struct mail_slice s, const char *word); /* without case, ${word} in lower case */
bool mail_slice_starts(struct mail_slice s, const char *word);
struct mail_slice mail_slice_trim(struct mail_slice s);
/** In lower case, runs of white space as one blank, for looking up words; the caller frees it. */
char *mail_lowered(const char *s, size_t n);
/** Where ${word} (lower case) stands in ${s}, without case; NULL: nowhere. */
const char *mail_slice_find(struct mail_slice s, const char *word);

/* ---- charset.c ---- */
/** Append ${s}, said to be in ${charset}, as UTF-8 without NUL; names lie, see the file. */
void mail_charset_add(struct buf *out, const char *s, size_t n, struct mail_slice charset);
/** True for 7-bit bytes without NUL. */
bool mail_is_ascii(const char *s, size_t n);

/* ---- decode.c: content transfer encodings ---- */
enum mail_encoding { MAIL_ENC_NONE, MAIL_ENC_BASE64, MAIL_ENC_QP, MAIL_ENC_UU };
enum mail_encoding mail_encoding_of(struct mail_slice value);
void mail_decode(struct buf *out, struct mail_slice body, enum mail_encoding e);
/** The size of mail_decode()'s output; for base64 without making it. */
size_t mail_decoded_size(struct mail_slice body, enum mail_encoding e);
/** At most ${max} bytes of output. */
void mail_decode_some(struct buf *out, struct mail_slice body, enum mail_encoding e, size_t max);
void mail_base64(struct buf *out, const char *s, size_t n, size_t max);
void mail_qp(struct buf *out, const char *s, size_t n, bool word);

/* ---- header.c ---- */
struct mail_field {
	struct mail_slice name, value; /* value as it stands, folds and all, trimmed */
	unsigned key;                  /* length, first and last letter of the name: tells most names apart */
};
struct mail_fields {
	struct mail_field *items;
	size_t len;
	uint64_t seen; /* a bit per key: most names that are looked for are not there at all */
};
static inline uint64_t mail_field_bit(unsigned key)
{
	return UINT64_C(1) << ((key * 0x9e3779b1u) >> 26);
}
/** The next field at ${*at}; false at the end of the header, ${*at} then stands on the body. */
bool mail_field_next(struct mail_slice raw, size_t *at, struct mail_field *out);
/** The first field ${name} (lower case) from index ${from}; NULL: none. */
const struct mail_field *mail_field_find(const struct mail_fields *f, const char *name, size_t from);
struct mail_slice mail_field_value(const struct mail_fields *f, const char *name); /* of the first, else empty */
/** Decoded for people: unfolded, encoded words (RFC 2047), UTF-8, no control and no bidi characters, trimmed. */
void mail_header_add(struct buf *out, struct mail_slice value);
const char *mail_header_text(struct mail_arena *a, struct mail_slice value);
/** Comments (RFC 5322 3.2.2) and folds taken out, trimmed. */
void mail_plain_add(struct buf *out, struct mail_slice value);
/** Take control and bidi characters out of what was appended to ${b} from ${from} on. */
void mail_clean(struct buf *b, size_t from);
/** "text/plain" of a Content-Type, the first word of others: up to ";", in lower case, without comments. */
void mail_value_main(struct buf *out, struct mail_slice value);
/** Parameter ${name} (lower case) of a Content-Type or -Disposition: RFC 2231, quoted, encoded words all undone; false: there is none. */
bool mail_param(struct mail_slice value, const char *name, struct buf *out);
void mail_ids_read(struct mail_arena *a, struct mail_slice value, struct mail_ids *out);
/** RFC 5322 3.3 and what else is around; 0: no date. */
int64_t mail_date_read(struct mail_slice value);
#define MAIL_IDS_MAX 200u

/* ---- address.c ---- */
void mail_addresses_read(struct mail_arena *a, struct mail_slice value, struct mail_addresses *io); /* appends */
#define MAIL_ADDRESSES_MAX 1000u
/** An address out of running text: "<a@b>", "a@b:", "rfc822;a@b"; false: none.  ${out} 320 bytes. */
bool mail_address_in(struct mail_slice text, char out[320]);

/* ---- parts.c: the tree of parts, without its inner nodes ---- */
struct mail_part {
	const char *type;              /* "text/plain", lower case, kept */
	const char *number;            /* "2.1", kept */
	int parent;                    /* index of the multipart it is in, -1: none */
	bool is_multipart, is_rest;    /* is_rest: what stands in a multipart without any part */
	bool attachment, shown_inline; /* what Content-Disposition says */
	enum mail_encoding encoding;
	struct mail_slice header, body;
	struct mail_slice content_type, disposition, content_id, encoding_value;
};
struct mail_parts {
	struct mail_part *items;
	size_t len;
	bool cut; /* there were more, or deeper ones */
};
#define MAIL_DEPTH_MAX 64u
void mail_parts_read(struct mail_arena *a, struct mail_slice raw, struct mail_parts *out);
/** Index of the first part of this type, -1: none. */
int mail_parts_find(const struct mail_parts *p, const char *type);
/** Append the part's text as UTF-8. */
void mail_part_text(const struct mail_part *p, struct buf *out, size_t max);

/* ---- what kind of mail it is ---- */
struct mail_source { /* what judgement looks at besides the mail itself */
	struct mail_fields fields;
	const struct mail_parts *parts;
	struct mail_slice raw;
	const struct mail_context *ctx;
};
void mail_kind_read(struct mail *m, const struct mail_source *s);    /* kind.c */
bool mail_report_read(struct mail *m, const struct mail_source *s);  /* report.c: true when it is a report and kind is set */
void mail_authenticate(struct mail *m, const struct mail_source *s); /* authres.c */
void mail_calendar_read(struct mail *m, const char *ics, size_t n);  /* calendar.c */
/** Names of the files in a winmail.dat, one after the other. */
struct mail_ids mail_tnef_files(struct mail_arena *a, const char *p, size_t n, bool *is_tnef); /* tnef.c */

#endif
