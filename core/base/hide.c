/* A bit for each pair of letters that one of them begins with makes the usual line, which holds none, one pass without comparing anything. */
#include "hide.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "mem.h"

enum { BITS = 4096 };
static struct {
	const char **texts;
	size_t len;
	unsigned char begins[BITS / 8];
} hidden;

static unsigned pair_of(const char *p)
{
	return ((unsigned)(unsigned char)p[0] * 31 + (unsigned)(unsigned char)p[1]) % BITS;
}

void hide_secrets(const char *const *secrets, size_t n)
{
	free(hidden.texts);
	memset(&hidden, 0, sizeof hidden);
	if (n == 0)
		return;
	hidden.texts = xcalloc(n, sizeof *hidden.texts);
	for (size_t i = 0; i < n; i++) {
		if (strlen(secrets[i]) < HIDE_MIN)
			continue;
		unsigned pair = pair_of(secrets[i]);
		hidden.begins[pair / 8] |= (unsigned char)(1u << pair % 8);
		hidden.texts[hidden.len++] = secrets[i];
	}
}

/* How much of ${p} is a secret; of several the longest. */
static size_t secret_at(const char *p, size_t n)
{
	size_t most = 0;
	unsigned pair = pair_of(p);
	if ((hidden.begins[pair / 8] & 1u << pair % 8) == 0)
		return 0;
	for (size_t i = 0; i < hidden.len; i++) {
		size_t len = strlen(hidden.texts[i]);
		if (len > most && len <= n && memcmp(p, hidden.texts[i], len) == 0)
			most = len;
	}
	return most;
}

bool hide_finds(const char *p, size_t n)
{
	for (size_t i = 0; hidden.len > 0 && i + HIDE_MIN <= n; i++)
		if (secret_at(p + i, n - i) > 0)
			return true;
	return false;
}

void hide_add(struct buf *out, const char *p, size_t n)
{
	size_t from = 0;
	for (size_t i = 0; hidden.len > 0 && i + HIDE_MIN <= n; i++) {
		size_t len = secret_at(p + i, n - i);
		if (len == 0)
			continue;
		buf_add(out, p + from, i - from);
		buf_add_str(out, "[hidden]");
		i += len - 1;
		from = i + 1;
	}
	buf_add(out, p + from, n - from);
}

void hide_in(struct buf *b, size_t from)
{
	struct buf clean = BUF_INIT;
	if (b->len <= from || !hide_finds(b->p + from, b->len - from))
		return;
	hide_add(&clean, b->p + from, b->len - from);
	explicit_bzero(b->p + from, b->len - from);
	b->len = from;
	buf_add(b, clean.p, clean.len);
	buf_done(&clean);
}
