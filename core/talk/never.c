/*
 * Most places in a text are no secret's beginning, and that is seen from their first eight bytes: a bit for a keyed mix of them is set or not.  Where it is, the digests of as
 * many bytes as each value has are compared, the longest first.
 */
#include "never.h"

#include <sodium.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/encode.h"
#include "../base/mem.h"
#include "../base/utf8.h"

#define DIGEST 16
#define BITS 16384
#define WORD_MIN 16 /* of a value of several words, and of one of letters alone */

struct value {
	size_t len;
	unsigned char digest[DIGEST];
};
struct never {
	const unsigned char *key;
	struct value *values; /* the longest first */
	size_t len, cap;
	uint64_t begins[BITS / 64];
	atomic_uint uses;
};

struct never *never_new(const unsigned char *key)
{
	struct never *v = xcalloc(1, sizeof *v);
	v->key = key;
	atomic_store(&v->uses, 1);
	return v;
}

struct never *never_keep(struct never *v)
{
	if (v != NULL)
		atomic_fetch_add(&v->uses, 1);
	return v;
}

void never_release(struct never *v)
{
	if (v == NULL || atomic_fetch_sub(&v->uses, 1) != 1)
		return;
	free(v->values);
	free(v);
}

size_t never_count(const struct never *v)
{
	return v->len;
}

static unsigned mixed(const struct never *v, const char *s)
{
	uint64_t first, by;
	memcpy(&first, s, sizeof first);
	memcpy(&by, v->key, sizeof by);
	first = (first ^ by) * 0x9e3779b97f4a7c15u;
	return (unsigned)((first ^ (first >> 29)) * 0xbf58476d1ce4e5b9u >> 50);
}

static void digest_of(const struct never *v, const char *s, size_t n, unsigned char out[DIGEST])
{
	crypto_generichash(out, DIGEST, (const unsigned char *)s, n, v->key, NEVER_KEY);
}

static void put(struct never *v, const char *s, size_t n)
{
	struct value x = { .len = n };
	if (n < NEVER_MIN || n > NEVER_MAX)
		return;
	digest_of(v, s, n, x.digest);
	size_t at = 0;
	while (at < v->len && v->values[at].len > n)
		at++;
	for (size_t i = at; i < v->len && v->values[i].len == n; i++)
		if (memcmp(v->values[i].digest, x.digest, DIGEST) == 0)
			return;
	if (v->len == v->cap) {
		v->cap = v->cap ? 2 * v->cap : 8;
		v->values = xrealloc(v->values, v->cap * sizeof *v->values);
	}
	memmove(v->values + at + 1, v->values + at, (v->len - at) * sizeof *v->values);
	v->values[at] = x;
	v->len++;
	unsigned bit = mixed(v, s);
	v->begins[bit / 64] |= (uint64_t)1 << bit % 64;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static bool is_text(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)s[i] < ' ' && !is_blank(s[i])) || s[i] == 0x7f)
			return false;
	return utf8_valid(s, n);
}

static void put_word(struct never *v, const char *s, size_t n, bool alone)
{
	bool letters = false, digits = false, others = false;
	for (size_t i = 0; i < n; i++) {
		bool digit = s[i] >= '0' && s[i] <= '9', letter = (s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'z';
		digits |= digit;
		letters |= letter;
		others |= !digit && !letter;
	}
	if (alone ? n >= WORD_MIN || digits || others : n >= WORD_MIN && letters && digits)
		put(v, s, n);
}

static void put_bytes(struct never *v, const char *value, size_t n)
{
	struct buf b = BUF_INIT;
	buf_reserve(&b, 2 * n + 4);
	hex_encode(b.p, (const uint8_t *)value, n);
	put(v, b.p, 2 * n);
	sodium_bin2base64(b.p, 2 * n + 4, (const unsigned char *)value, n, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
	put(v, b.p, strlen(b.p));
	sodium_memzero(b.p, 2 * n + 4);
	buf_done(&b);
}

void never_add(struct never *v, const char *value, size_t n)
{
	while (n > 0 && is_blank(value[n - 1]))
		n--;
	while (n > 0 && is_blank(*value)) {
		value++;
		n--;
	}
	if (!is_text(value, n)) {
		if (n >= NEVER_MIN && n <= NEVER_MAX / 2)
			put_bytes(v, value, n);
		return;
	}
	for (size_t i = 0, k; i < n; i = k + 1) {
		for (k = i; k < n && !is_blank(value[k]); k++)
			;
		put_word(v, value + i, k - i, i == 0 && k == n);
	}
}

size_t never_at(const struct never *v, const char *s, size_t n)
{
	unsigned char digest[DIGEST];
	size_t of = 0;
	if (v == NULL || v->len == 0 || n < NEVER_MIN)
		return 0;
	unsigned bit = mixed(v, s);
	if ((v->begins[bit / 64] >> bit % 64 & 1) == 0)
		return 0;
	for (size_t i = 0; i < v->len; i++) {
		if (v->values[i].len > n)
			continue;
		if (v->values[i].len != of)
			digest_of(v, s, of = v->values[i].len, digest);
		if (memcmp(digest, v->values[i].digest, DIGEST) == 0)
			return of;
	}
	return 0;
}
