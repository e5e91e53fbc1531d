#ifndef EDDY_BASE_BUF_H
#define EDDY_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A growing string.  ${p} is never NULL after the first call and always NUL-terminated; ${len} does not count the NUL.
 * Start with BUF_INIT, end with buf_done().  Not shared between threads.
 */
struct buf {
	char *p;
	size_t len;
	size_t cap;
};
#define BUF_INIT ((struct buf){ 0 })

void buf_done(struct buf *b);                 /* frees; ${b} may be used again */
void buf_reset(struct buf *b);                /* length 0, memory kept */
void buf_reserve(struct buf *b, size_t more); /* room for ${more} bytes and the NUL */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_str(struct buf *b, const char *s); /* NULL adds nothing */
void buf_add_char(struct buf *b, char c);
void buf_add_int(struct buf *b, int64_t v);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/** Append ${n} bytes as the inside of a JSON string (no quotes).  Invalid UTF-8 becomes U+FFFD. */
void buf_add_json(struct buf *b, const char *s, size_t n);
/** Append ${s} as a JSON string with its quotes; NULL becomes null. */
void buf_add_json_str(struct buf *b, const char *s);
/** Append ${n} bytes in application/x-www-form-urlencoded form. */
void buf_add_form(struct buf *b, const char *s, size_t n);
void buf_truncate(struct buf *b, size_t len); /* ${len} <= b->len */
void buf_drop(struct buf *b, size_t n);       /* remove ${n} bytes at the front */
/** Gives the string away: the caller frees it; ${b} is empty afterwards.  Never NULL. */
char *buf_detach(struct buf *b, size_t *len);

#endif
