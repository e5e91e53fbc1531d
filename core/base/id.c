/*
 * UUIDv7 with a counter in rand_a (RFC 9562 section 6.2, method 1): one atomic word holds milliseconds and counter of the last id
 * given, and every id is larger than it, on all threads of the process.  More than 4,096 ids in a millisecond borrow from the next
 * one.  Random bits come from a small pool per thread, refilled by the kernel; a fork makes the child's pool void.
 *
 * id_named() is on the path of every event, so each thread keeps its hash context and the digest is fetched once.
 */
#include "id.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t hash_key;
static EVP_MD *sha256;
static atomic_uint forks;

static _Thread_local EVP_MD_CTX *hash;
static _Thread_local struct {
	uint8_t bytes[256];
	size_t used;
	unsigned forks;
	bool filled;
} pool;

static void hash_free(void *ctx)
{
	EVP_MD_CTX_free(ctx);
	hash = NULL;
}

static void forked(void)
{
	atomic_fetch_add(&forks, 1);
}

static void set_up(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!sha256 || pthread_key_create(&hash_key, hash_free) || pthread_atfork(NULL, NULL, forked))
		abort();
}

void random_bytes(void *p, size_t n)
{
	uint8_t *out = p;
	while (n) {
		ssize_t k = getrandom(out, n, 0);
		if (k < 0)
			continue; /* only EINTR can come from a valid buffer */
		out += k;
		n -= (size_t)k;
	}
}

struct id id_new(void)
{
	static _Atomic uint64_t last;
	pthread_once(&once, set_up);
	uint64_t now = clock_wall_ms() << 12;
	uint64_t before = atomic_load_explicit(&last, memory_order_relaxed), next;
	do
		next = before >= now ? before + 1 : now;
	while (!atomic_compare_exchange_weak_explicit(&last, &before, next, memory_order_relaxed, memory_order_relaxed));

	unsigned generation = atomic_load_explicit(&forks, memory_order_relaxed);
	if (!pool.filled || pool.forks != generation || pool.used + 8 > sizeof pool.bytes) {
		random_bytes(pool.bytes, sizeof pool.bytes);
		pool.used = 0;
		pool.forks = generation;
		pool.filled = true;
	}
	struct id id;
	uint64_t ms = next >> 12;
	for (size_t i = 0; i < 6; i++)
		id.b[i] = (uint8_t)(ms >> (40 - 8 * i));
	id.b[6] = (uint8_t)(0x70 | (next >> 8 & 0x0f));
	id.b[7] = (uint8_t)next;
	memcpy(id.b + 8, pool.bytes + pool.used, 8);
	pool.used += 8;
	id.b[8] = (uint8_t)(0x80 | (id.b[8] & 0x3f));
	return id;
}

struct id id_named(struct id space, uint64_t unix_ms, const char *name, size_t n)
{
	pthread_once(&once, set_up);
	if (!hash) {
		hash = EVP_MD_CTX_new();
		if (!hash || pthread_setspecific(hash_key, hash))
			abort();
	}
	uint8_t digest[EVP_MAX_MD_SIZE];
	if (!EVP_DigestInit_ex2(hash, sha256, NULL) || !EVP_DigestUpdate(hash, space.b, sizeof space.b) ||
	    !EVP_DigestUpdate(hash, name, n) || !EVP_DigestFinal_ex(hash, digest, NULL))
		abort();
	struct id id;
	memcpy(id.b, digest, sizeof id.b);
	if (unix_ms) {
		for (size_t i = 0; i < 6; i++)
			id.b[i] = (uint8_t)(unix_ms >> (40 - 8 * i));
	}
	id.b[6] = (uint8_t)(0x80 | (id.b[6] & 0x0f));
	id.b[8] = (uint8_t)(0x80 | (id.b[8] & 0x3f));
	return id;
}

bool id_is_none(struct id id)
{
	return id_equal(id, ID_NONE);
}

bool id_equal(struct id a, struct id b)
{
	return memcmp(a.b, b.b, sizeof a.b) == 0;
}

int id_compare(struct id a, struct id b)
{
	return memcmp(a.b, b.b, sizeof a.b);
}

const char *id_format(struct id id, char out[ID_TEXT])
{
	static const char hex[] = "0123456789abcdef";
	char *p = out;
	for (size_t i = 0; i < sizeof id.b; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[id.b[i] >> 4];
		*p++ = hex[id.b[i] & 15];
	}
	*p = '\0';
	return out;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool id_parse(const char *s, struct id *out)
{
	struct id id;
	for (size_t i = 0; i < sizeof id.b; i++) {
		if ((i == 4 || i == 6 || i == 8 || i == 10) && *s++ != '-')
			return false;
		int high = hex_digit(s[0]);
		if (high < 0)
			return false;
		int low = hex_digit(s[1]);
		if (low < 0)
			return false;
		id.b[i] = (uint8_t)(high << 4 | low);
		s += 2;
	}
	if (*s)
		return false;
	*out = id;
	return true;
}
