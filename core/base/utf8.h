#ifndef EDDY_BASE_UTF8_H
#define EDDY_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** True if ${n} bytes are well-formed UTF-8 (RFC 3629) without NUL: what Postgres stores as text. */
bool utf8_valid(const char *s, size_t n);
/** Decode one code point at ${s} (${n} > 0 bytes left) into ${cp}; returns its bytes, or 0 when ill-formed. */
size_t utf8_decode(const char *s, size_t n, uint32_t *cp);
/** Write ${cp} to ${out}; returns 1..4 bytes. */
size_t utf8_encode(uint32_t cp, char out[4]);
/** The longest prefix of at most ${max} bytes that ends between code points. */
size_t utf8_clip(const char *s, size_t n, size_t max);
/** UTF-16 code units, the unit in which platforms count characters. */
size_t utf8_utf16_len(const char *s, size_t n);
/** The longest prefix of at most ${units} UTF-16 code units, in bytes. */
size_t utf8_utf16_clip(const char *s, size_t n, size_t units);

#endif
