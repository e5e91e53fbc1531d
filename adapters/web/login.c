/* Tokens are found by their SHA-256, so that looking one up says nothing about others by the time it takes. */
#include "login.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/encode.h"
#include "../../core/base/map.h"
#include "../../core/base/mem.h"

#define ENDED_MS 60000 /* no request takes longer than that to be answered */

struct token {
	struct web_login *login;
	uint64_t until_ms;
	unsigned char hash[SHA256_DIGEST_LENGTH];
	struct token *next;
};

struct ended {
	struct id session;
	uint64_t until_ms;
	struct ended *next;
};

struct web_logins {
	struct map *by_hash;
	struct token *all;
	struct ended *ended; /* lately */
};

struct web_login *web_login_new(struct id session, const char *id, const char *name)
{
	struct web_login *l = xcalloc(1, sizeof *l);
	l->refs = 1;
	l->session = session;
	snprintf(l->id, sizeof l->id, "%s", id);
	snprintf(l->name, sizeof l->name, "%s", name);
	l->person = (struct web_person){ .id = l->id, .name = l->name };
	return l;
}

struct web_login *web_login_ref(struct web_login *l)
{
	if (l != NULL)
		l->refs++;
	return l;
}

void web_login_unref(struct web_login *l)
{
	if (l != NULL && --l->refs == 0)
		free(l);
}

struct web_logins *web_logins_new(void)
{
	struct web_logins *s = xcalloc(1, sizeof *s);
	s->by_hash = map_new();
	return s;
}

static void drop(struct web_logins *s, struct token **at)
{
	struct token *t = *at;
	*at = t->next;
	map_remove(s->by_hash, t->hash, sizeof t->hash);
	web_login_unref(t->login);
	free(t);
}

static void forget_ended(struct web_logins *s, uint64_t now_ms)
{
	for (struct ended **at = &s->ended; *at != NULL;) {
		struct ended *e = *at;
		if (now_ms < e->until_ms) {
			at = &e->next;
			continue;
		}
		*at = e->next;
		free(e);
	}
}

void web_logins_free(struct web_logins *s)
{
	if (s == NULL)
		return;
	while (s->all != NULL)
		drop(s, &s->all);
	forget_ended(s, UINT64_MAX);
	map_free(s->by_hash, NULL);
	free(s);
}

bool web_logins_issue(struct web_logins *s, struct web_login *l, uint64_t now_ms, char token[65])
{
	unsigned char raw[32];
	for (const struct ended *e = s->ended; e != NULL; e = e->next)
		if (id_equal(e->session, l->session))
			return false;
	random_bytes(raw, sizeof raw);
	hex_encode(token, raw, sizeof raw);
	explicit_bzero(raw, sizeof raw);
	struct token *t = xcalloc(1, sizeof *t);
	t->login = web_login_ref(l);
	t->until_ms = now_ms + LOGIN_TOKEN_S * 1000ull;
	SHA256((const unsigned char *)token, 64, t->hash);
	t->next = s->all;
	s->all = t;
	map_put(s->by_hash, t->hash, sizeof t->hash, t);
	return true;
}

struct web_login *web_logins_find(struct web_logins *s, const char *token, uint64_t now_ms)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	SHA256((const unsigned char *)token, strlen(token), hash);
	struct token *t = map_get(s->by_hash, hash, sizeof hash);
	return t != NULL && now_ms < t->until_ms ? t->login : NULL;
}

void web_logins_end(struct web_logins *s, struct id session, uint64_t now_ms)
{
	struct ended *e = xcalloc(1, sizeof *e);
	*e = (struct ended){ session, now_ms + ENDED_MS, s->ended };
	s->ended = e;
	for (struct token **at = &s->all; *at != NULL;)
		if (id_equal((*at)->login->session, session))
			drop(s, at);
		else
			at = &(*at)->next;
}

void web_logins_sweep(struct web_logins *s, uint64_t now_ms)
{
	forget_ended(s, now_ms);
	for (struct token **at = &s->all; *at != NULL;)
		if (now_ms >= (*at)->until_ms)
			drop(s, at);
		else
			at = &(*at)->next;
}

bool web_token_equal(const char *given, const char *ours)
{
	size_t n = strlen(ours);
	return n > 0 && strlen(given) == n && CRYPTO_memcmp(given, ours, n) == 0;
}
