/*
 * A visitor is the SHA-256 of its secret: who shows the secret is that person again, and nothing has to be remembered until the first message
 * names the person to the database.  Guests, which all of them are unless a token says "member", share buckets by person and by address, so
 * neither one who types too fast nor one who comes under many names can keep Eddy busy.
 */
#include "visitor.h"

#include <arpa/inet.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/encode.h"
#include "../../core/base/map.h"
#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"
#include "../../core/settings/settings.h"
#include "identity.h"
#include "limit.h"
#include "login.h"

#define PREFIX "ev1_"
#define SECRET_BYTES 32
#define KEYS_MAX 20000    /* visitors and addresses whose buckets are not full */
#define TOKENS_MAX 100000 /* named tokens that are alive */
#define ADDRESS_SHARE 10  /* an address may be a whole office: so many times what one visitor may */
#define HELLO_PER_S 5     /* of those who come back, from one address */
#define HELLO_BURST 300
#define SWEEP_MS 10000
#define HERE_WAIT_MS 10000
#define SUBJECT_PLAIN 48 /* a subject up to this length stands in the person's id as it is */

struct visitors {
	const struct settings *settings;
	const char *audience;
	bool enabled, strangers;
	const char *keys[2];
	struct limit *news, *hellos;          /* by address */
	struct limit *by_person, *by_address; /* what guests do */
	struct identity_uses *uses;
	struct map *here; /* guests' connections: how many, by address */
	intptr_t here_max;
	uint64_t swept_ms;
};

enum err visitors_check(const struct settings *s, char *why, size_t why_n)
{
	static const char *const keys[] = { "web.widget.identity_key", "web.widget.identity_key_old" };
	for (size_t i = 0; i < 2; i++) {
		const char *key = settings_str(s, keys[i]);
		if (key != NULL && strlen(key) < IDENTITY_KEY_MIN) {
			snprintf(why, why_n, "%s (%s): shorter than %d characters; `openssl rand -hex 32` makes a good one",
			    keys[i], settings_source(s, keys[i]), IDENTITY_KEY_MIN);
			return ERR_INPUT;
		}
	}
	if (settings_bool(s, "web.widget.enabled") && !settings_bool(s, "web.widget.visitors") &&
	    settings_str(s, keys[0]) == NULL) {
		snprintf(why, why_n,
		    "web.widget.visitors (%s): nobody could use the widget: without visitors it needs web.widget.identity_key",
		    settings_source(s, "web.widget.visitors"));
		return ERR_INPUT;
	}
	return ERR_NONE;
}

struct visitors *visitors_new(const struct settings *s, const char *own_origin)
{
	struct visitors *v = xcalloc(1, sizeof *v);
	double per_s = (double)settings_int(s, "web.widget.messages_per_minute") / 60;
	double news = (double)settings_int(s, "web.widget.visitors_per_hour");
	v->settings = s;
	v->enabled = settings_bool(s, "web.widget.enabled");
	v->strangers = settings_bool(s, "web.widget.visitors");
	v->keys[0] = settings_str(s, "web.widget.identity_key");
	v->keys[1] = settings_str(s, "web.widget.identity_key_old");
	v->audience = settings_str(s, "web.widget.audience");
	if (v->audience == NULL)
		v->audience = own_origin;
	v->news = limit_new(news / 3600, news, KEYS_MAX);
	v->hellos = limit_new(HELLO_PER_S, HELLO_BURST, KEYS_MAX);
	v->by_person = limit_new(per_s, per_s * 60, KEYS_MAX);
	v->by_address = limit_new(per_s * ADDRESS_SHARE, per_s * 60 * ADDRESS_SHARE, KEYS_MAX);
	v->uses = identity_uses_new(TOKENS_MAX);
	v->here = map_new();
	v->here_max = (intptr_t)settings_int(s, "web.widget.connections_per_address");
	return v;
}

void visitors_free(struct visitors *v)
{
	if (v == NULL)
		return;
	limit_free(v->news);
	limit_free(v->hellos);
	limit_free(v->by_person);
	limit_free(v->by_address);
	identity_uses_free(v->uses);
	map_free(v->here, NULL);
	free(v);
}

void visitors_sweep(struct visitors *v, uint64_t now_ms, int64_t wall_s)
{
	if (now_ms - v->swept_ms < SWEEP_MS) /* a walk over all that is known */
		return;
	v->swept_ms = now_ms;
	limit_sweep(v->news, now_ms);
	limit_sweep(v->hellos, now_ms);
	limit_sweep(v->by_person, now_ms);
	limit_sweep(v->by_address, now_ms);
	identity_uses_sweep(v->uses, wall_s);
}

void visitors_address(const char *address, char out[64])
{
	unsigned char a[16];
	if (strncmp(address, "::ffff:", 7) == 0 && strchr(address, '.') != NULL)
		address += 7;
	snprintf(out, 64, "%s", address);
	if (strchr(address, ':') == NULL || inet_pton(AF_INET6, address, a) != 1)
		return;
	memset(a + 8, 0, 8);
	inet_ntop(AF_INET6, a, out, 64);
}

/* ---- who it is ---- */

static void make_secret(char out[VISITOR_SECRET + 1])
{
	unsigned char raw[SECRET_BYTES];
	random_bytes(raw, sizeof raw);
	memcpy(out, PREFIX, sizeof PREFIX);
	base64url_encode(out + sizeof PREFIX - 1, raw, sizeof raw);
	explicit_bzero(raw, sizeof raw);
}

static bool secret_valid(const char *s)
{
	size_t n = strlen(s);
	return n == VISITOR_SECRET && strncmp(s, PREFIX, sizeof PREFIX - 1) == 0 &&
	    strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == n;
}

static void put_hash(const char *kind, const char *text, char *out, size_t n)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	char hex[33];
	SHA256((const unsigned char *)text, strlen(text), hash);
	hex_encode(hex, hash, 16);
	snprintf(out, n, "%s:%s", kind, hex);
}

/* What somebody calls himself, in one line and without signs that turn the line round. */
static void clean_name(const char *s, char *out, size_t max)
{
	size_t n = strlen(s), len = 0;
	for (size_t i = 0, k; i < n; i += k) {
		uint32_t cp;
		k = utf8_decode(s + i, n - i, &cp);
		if (k == 0) {
			k = 1;
			continue;
		}
		bool turns = (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) || cp == 0x200e || cp == 0x200f;
		if (turns || (cp >= 0x7f && cp < 0xa0))
			continue;
		if (len + k > max)
			break;
		if (cp > 0x20) {
			memcpy(out + len, s + i, k);
			len += k;
		} else if (len > 0 && out[len - 1] != ' ') {
			out[len++] = ' ';
		}
	}
	while (len > 0 && out[len - 1] == ' ')
		len--;
	out[len] = '\0';
}

static struct web_login *fail(struct web_fault *f, const char *code, const char *message, const char *detail)
{
	f->code = code;
	snprintf(f->message, sizeof f->message, "%s%s", message, detail);
	return NULL;
}

static struct web_login *later(struct web_fault *f, const char *message, uint32_t ms, uint32_t *wait_ms)
{
	*wait_ms = ms;
	return fail(f, "rate", message, "");
}

static struct web_login *stranger(struct visitors *v, const struct web_command *cmd, const char *address, uint64_t now_ms,
    char secret[VISITOR_SECRET + 1], struct web_fault *f, uint32_t *wait_ms)
{
	char id[64], own[81], name[128];
	if (!v->strangers)
		return fail(f, "denied", "visitors have to be named by the page: see web.widget.visitors", "");
	uint32_t wait = limit_take(cmd->visitor[0] == '\0' ? v->news : v->hellos, address, strlen(address), now_ms);
	if (wait > 0)
		return later(f, "too many visitors from this address; try again later", wait, wait_ms);
	if (cmd->visitor[0] != '\0' && !secret_valid(cmd->visitor))
		return fail(f, "denied", "this visitor's secret is none of ours", "");
	if (cmd->visitor[0] == '\0')
		make_secret(secret);
	put_hash("visitor", secret[0] != '\0' ? secret : cmd->visitor, id, sizeof id);
	clean_name(cmd->name == NULL ? "" : cmd->name, own, sizeof own - 1);
	if (own[0] != '\0')
		snprintf(name, sizeof name, "%s (visitor)", own);
	else
		snprintf(name, sizeof name, "Visitor");
	struct web_login *l = web_login_new(ID_NONE, id, name);
	l->guest = l->visitor = true;
	return l;
}

static bool plain_subject(const char *s)
{
	size_t n = strlen(s);
	return n <= SUBJECT_PLAIN && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.@+") == n;
}

static struct web_login *named(struct visitors *v, const struct web_command *cmd, const char *address, uint64_t now_ms,
    int64_t wall_s, struct web_fault *f, uint32_t *wait_ms)
{
	const struct identity_rules rules = { .keys = { v->keys[0], v->keys[1] }, .audience = v->audience, .now_s = wall_s };
	struct identity who;
	const char *why = "";
	char id[64], name[121];
	size_t n = strlen(cmd->identity);
	uint32_t wait = limit_take(v->hellos, address, strlen(address), now_ms);
	if (wait > 0)
		return later(f, "too many connections from this address; try again later", wait, wait_ms);
	if (identity_verify(cmd->identity, n, &rules, &who, &why) != ERR_NONE)
		return fail(f, "denied", "the identity token is not accepted: ", why);
	switch (identity_use(v->uses, cmd->identity, n, &who, cmd->device == NULL ? "" : cmd->device, wall_s)) {
	case ERR_NONE:
		break;
	case ERR_RETRY:
		return later(f, "too many identities are in use; try again later", 10000, wait_ms);
	default:
		return fail(f, "denied", "the identity token is not accepted: ", "it was shown before, by another browser tab");
	}
	if (plain_subject(who.subject))
		snprintf(id, sizeof id, "user:%s", who.subject);
	else
		put_hash("user-hash", who.subject, id, sizeof id);
	clean_name(who.name[0] == '\0' ? who.subject : who.name, name, sizeof name - 1);
	struct web_login *l = web_login_new(ID_NONE, id, name[0] == '\0' ? id : name);
	l->guest = !who.member;
	return l;
}

/* How many guests' connections an address has, in the pointer itself. */
static intptr_t guests_of(const struct visitors *v, const char *from)
{
	return (intptr_t)map_get(v->here, from, strlen(from));
}

static void count_guest(struct visitors *v, const char *from, intptr_t n)
{
	if (n > 0)
		map_put(v->here, from, strlen(from), (void *)n);
	else
		map_remove(v->here, from, strlen(from));
}

void visitors_leave(struct visitors *v, const struct web_login *l, const char *address)
{
	char from[64];
	if (!l->guest)
		return;
	visitors_address(address, from);
	count_guest(v, from, guests_of(v, from) - 1);
}

struct web_login *visitors_hello(struct visitors *v, const struct web_command *cmd, const char *address, uint64_t now_ms,
    int64_t wall_s, char secret[VISITOR_SECRET + 1], struct web_fault *fault, uint32_t *wait_ms)
{
	char from[64];
	*fault = (struct web_fault){ 0 };
	*wait_ms = 0;
	secret[0] = '\0';
	visitors_address(address, from);
	if (!v->enabled)
		return fail(fault, "denied", "there is no widget here: see web.widget.enabled", "");
	struct web_login *l = cmd->identity != NULL ? named(v, cmd, from, now_ms, wall_s, fault, wait_ms)
	                                            : stranger(v, cmd, from, now_ms, secret, fault, wait_ms);
	if (l == NULL || !l->guest)
		return l;
	if (guests_of(v, from) >= v->here_max) {
		web_login_unref(l);
		return later(fault, "too many connections from this address; try again later", HERE_WAIT_MS, wait_ms);
	}
	count_guest(v, from, guests_of(v, from) + 1);
	return l;
}

uint32_t visitors_act(struct visitors *v, const struct web_login *l, const char *address, uint64_t now_ms)
{
	char from[64];
	if (!l->guest)
		return 0;
	visitors_address(address, from);
	uint32_t wait = limit_take(v->by_person, l->id, strlen(l->id), now_ms);
	return wait > 0 ? wait : limit_take(v->by_address, from, strlen(from), now_ms);
}
