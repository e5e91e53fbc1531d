/*
 * One hash at a time bounds what they take together, whoever asks; a few may wait, more are sent away, so that nobody keeps the workers busy.  The
 * list of what is guessed first is short: stems that, with digits around them or said again and again, make most of the common passwords of this
 * length; beside it what is one pattern all through.
 */
#include "password.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "../base/mem.h"
#include "../base/utf8.h"

#define WAITING_MAX 3
_Static_assert(PASSWORD_HASH >= crypto_pwhash_STRBYTES, "as libsodium writes it");

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int waiting;

/* In NFKC; NULL: no text.  The caller wipes and frees it. */
static char *normal(const char *text)
{
	utf8proc_uint8_t *out = NULL;
	size_t n = strlen(text);
	if (n > PASSWORD_MAX || !utf8_valid(text, n))
		return NULL;
	utf8proc_ssize_t got = utf8proc_map(
	    (const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n, &out, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
	if (got < 0)
		return NULL;
	char *copy = (size_t)got > PASSWORD_MAX ? NULL : xstrndup((const char *)out, (size_t)got);
	explicit_bzero(out, (size_t)got);
	free(out);
	return copy;
}

static void wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

/* ---- what is guessed first ---- */

static const char *const stems[] = { "password", "passwort", "passw0rd", "p@ssword", "p@ssw0rd", "qwerty", "qwertz", "azerty",
	"qwertyuiop", "qwertzuiop", "asdfghjkl", "zxcvbnm", "1q2w3e4r5t6y", "1qaz2wsx3edc", "iloveyou", "letmein", "welcome",
	"admin", "administrator", "changeme", "default", "secret", "superman", "football", "baseball", "princess", "sunshine",
	"dragon", "monkey", "whatever", "trustno1", "correcthorsebatterystaple", "motdepasse", "contraseña", "eddy", "test",
	"guest", "abc" };

static bool digit(char c)
{
	return (c >= '0' && c <= '9') || strchr(" !?.,-_#*@$+", c) != NULL;
}

static void lower(char *s)
{
	for (; *s != '\0'; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s | 0x20);
}

/* Is all of it one piece of at most ${most} bytes, said again and again? */
static bool repeats(const char *s, size_t n, size_t most)
{
	for (size_t len = 1; len <= most && len < n; len++)
		if (memcmp(s, s + len, n - len) == 0)
			return true;
	return false;
}

/* abcdefgh, 87654321 */
static bool in_order(const char *s, size_t n)
{
	size_t up = 0, down = 0;
	for (size_t i = 1; i < n; i++) {
		int step = s[i] - s[i - 1];
		up += step == 1 || (s[i] == '0' && s[i - 1] == '9');
		down += step == -1 || (s[i] == '9' && s[i - 1] == '0');
	}
	return up + 2 >= n || down + 2 >= n;
}

/* ${s} without what is before and behind it is nothing but ${word}. */
static bool only_word(const char *s, size_t n, const char *word)
{
	size_t len = strlen(word), from = 0;
	while (from < n && digit(s[from]) && strncmp(s + from, word, len) != 0)
		from++;
	while (n - from >= len && strncmp(s + from, word, len) == 0)
		from += len;
	while (from < n && digit(s[from]))
		from++;
	return from == n;
}

static bool is_common(const char *s)
{
	size_t n = strlen(s);
	if (repeats(s, n, 4) || in_order(s, n) || strspn(s, "0123456789") == n)
		return true;
	for (size_t i = 0; i < sizeof stems / sizeof *stems; i++)
		if (only_word(s, n, stems[i]))
			return true;
	return false;
}

#define OWN_MIN 4 /* shorter names stand in many words */

/* A name, an address or its local part, with little else. */
static bool is_own(const char *s, const char *own)
{
	char word[300];
	snprintf(word, sizeof word, "%s", own);
	lower(word);
	for (int i = 0; i < 2; i++) {
		const char *at = strlen(word) >= OWN_MIN ? strstr(s, word) : NULL;
		if (at != NULL && strlen(s) - strlen(word) < 8)
			return true;
		char *host = strchr(word, '@');
		if (host == NULL)
			return false;
		*host = '\0';
	}
	return false;
}

static size_t characters(const char *s)
{
	size_t n = 0;
	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

const char *password_bad(const char *text, const char *const *own, size_t own_len)
{
	char *s = normal(text);
	const char *why = NULL;
	if (s == NULL)
		return "A password is text of at most 256 bytes.";
	if (characters(s) < PASSWORD_MIN)
		why = "A password has at least 12 characters; a few words do well.";
	lower(s);
	if (why == NULL && is_common(s))
		why = "That is among the first that somebody would try. Take a few words that have nothing to do with each other.";
	for (size_t i = 0; why == NULL && i < own_len; i++)
		if (own[i] != NULL && is_own(s, own[i]))
			why = "That is made of your own name or address. Take a few words that have nothing to do with each other.";
	wipe(s);
	return why;
}

/* ---- hashes ---- */

static bool enter(void)
{
	if (atomic_fetch_add(&waiting, 1) >= WAITING_MAX) {
		atomic_fetch_sub(&waiting, 1);
		return false;
	}
	pthread_mutex_lock(&one_at_a_time);
	return true;
}

static void leave(void)
{
	pthread_mutex_unlock(&one_at_a_time);
	atomic_fetch_sub(&waiting, 1);
}

enum err password_hash(const char *text, char out[PASSWORD_HASH])
{
	out[0] = '\0';
	char *s = normal(text);
	if (s == NULL)
		return ERR_INPUT;
	enum err e = ERR_RETRY;
	if (sodium_init() >= 0 && enter()) {
		e = crypto_pwhash_str_alg(out, s, strlen(s), PASSWORD_PASSES, PASSWORD_MEMORY, crypto_pwhash_ALG_ARGON2ID13) == 0
		    ? ERR_NONE
		    : ERR_RETRY; /* no memory just now */
		leave();
	}
	wipe(s);
	return e;
}

enum err password_verify(const char *hash, const char *text, bool *old)
{
	/* Of a password that nobody has; the parameters are those of all. */
	static const char nobody[crypto_pwhash_STRBYTES] =
	    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	_Static_assert(PASSWORD_MEMORY == 19456u * 1024u && PASSWORD_PASSES == 2, "as it stands in the text");
	char *s = normal(text);
	bool known = hash != NULL && s != NULL;
	*old = false;
	if (sodium_init() < 0 || !enter()) {
		wipe(s);
		return ERR_RETRY;
	}
	bool same = crypto_pwhash_str_verify(known ? hash : nobody, s == NULL ? "" : s, s == NULL ? 0 : strlen(s)) == 0;
	leave();
	wipe(s);
	if (!known || !same)
		return ERR_DENIED;
	*old = crypto_pwhash_str_needs_rehash(hash, PASSWORD_PASSES, PASSWORD_MEMORY) != 0;
	return ERR_NONE;
}
