#ifndef EDDY_BASE_ID_H
#define EDDY_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A UUID (RFC 9562) by value.  All zero is "none". */
struct id {
	uint8_t b[16];
};
#define ID_NONE ((struct id){ { 0 } })
#define ID_TEXT 37 /* characters of the canonical form with its NUL */

/** A new UUIDv7: sorts by creation time.  Any thread. */
struct id id_new(void);
/**
 * A UUIDv8 that anyone with the same parts computes again: 48 bits of ${unix_ms} (0 where there is no stable time, then the
 * whole id is hash), then bits of SHA-256 over ${space} and the ${name}.  The time in front keeps index inserts at the right end.
 */
struct id id_named(struct id space, uint64_t unix_ms, const char *name, size_t n);
bool id_is_none(struct id id);
bool id_equal(struct id a, struct id b);
int id_compare(struct id a, struct id b);               /* as memcmp: the order of Postgres */
const char *id_format(struct id id, char out[ID_TEXT]); /* returns ${out} */
/** False unless ${s} is the canonical 36-character form (either case). */
bool id_parse(const char *s, struct id *out);
/** ${n} bytes from the kernel's generator. */
void random_bytes(void *p, size_t n);

#endif
