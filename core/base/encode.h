#ifndef EDDY_BASE_ENCODE_H
#define EDDY_BASE_ENCODE_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes as text.  Both terminate ${out}. */
/** Lower-case hexadecimal digits; ${out} has 2 * n + 1 bytes. */
void hex_encode(char *out, const void *p, size_t n);
/** RFC 4648, section 5, without padding; ${out} has BASE64URL_ROOM(n) bytes. */
void base64url_encode(char *out, const void *p, size_t n);
/** Back, strictly (RFC 7515, appendix C): ${out} has room for n * 3 / 4 bytes and gets ${out_n}.  False: not base64url. */
bool base64url_decode(const char *s, size_t n, unsigned char *out, size_t *out_n);
#define BASE64URL_ROOM(n) (((n)*4 + 2) / 3 + 1)

#endif
