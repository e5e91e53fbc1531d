/*
 * The stored form of an origin: version, what to say, flags, eight bytes of time, then the strings in a fixed order, each ended by a NUL.  A
 * thousand bytes are little for a long thread with many people on copy, so what matters least is left out first.
 */
#include "origin.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#define ORIGIN_VERSION 1
#define ORIGIN_HEAD 11
#define ORIGIN_STRINGS 7
enum { FLAG_LEFT_OUT = 1, FLAG_MINTED = 2 };

static size_t pack(const char *const s[ORIGIN_STRINGS], char *out, size_t max)
{
	size_t at = 0;
	for (size_t i = 0; i < ORIGIN_STRINGS; i++) {
		size_t n = strlen(s[i]) + 1;
		if (n > max - at)
			return 0;
		memcpy(out + at, s[i], n);
		at += n;
	}
	return at;
}

/* The first id and as many of the last as fit into ${max} bytes. */
static void shorten(const char *references, size_t max, char *out)
{
	size_t n = strlen(references), first = strcspn(references, " ");
	out[0] = '\0';
	if (n <= max) {
		memcpy(out, references, n + 1);
		return;
	}
	if (first >= max)
		return;
	const char *tail = references + n;
	while (tail > references + first) {
		const char *p = tail - 1;
		while (p > references && p[-1] != ' ')
			p--;
		if (p <= references || (size_t)(references + n - p) + first + 1 > max)
			break;
		tail = p > references + first ? p - 1 : references + first;
	}
	size_t rest = (size_t)(references + n - tail);
	if (first + rest > max)
		rest = 0;
	memcpy(out, references, first);
	memcpy(out + first, references + n - rest, rest);
	out[first + rest] = '\0';
}

size_t email_origin_pack(const struct email_origin *o, char out[INTENT_ORIGIN_MAX])
{
	char references[INTENT_ORIGIN_MAX], cc[INTENT_ORIGIN_MAX];
	const char *s[ORIGIN_STRINGS] = { o->box, o->to, o->to_name, o->subject, o->in_reply_to, references, cc };
	bool left_out = (size_t)snprintf(cc, sizeof(cc), "%s", o->cc) >= sizeof(cc);
	shorten(o->references, INTENT_ORIGIN_MAX - 1, references);
	size_t n;
	for (size_t max = 400; (n = pack(s, out + ORIGIN_HEAD, INTENT_ORIGIN_MAX - ORIGIN_HEAD)) == 0; max -= max > 0 ? 100 : 0) {
		char *comma = strrchr(cc, ',');
		if (max > 0) {
			shorten(o->references, max, references);
		} else if (references[0] != '\0') {
			references[0] = '\0';
		} else if (s[2][0] != '\0') {
			s[2] = "";
		} else if (cc[0] != '\0') {
			left_out = true;
			*(comma != NULL ? comma : cc) = '\0';
		} else {
			return 0;
		}
	}
	out[0] = ORIGIN_VERSION;
	out[1] = (char)o->say;
	out[2] = (char)((left_out || o->left_out ? FLAG_LEFT_OUT : 0) | (o->minted ? FLAG_MINTED : 0));
	for (int i = 0; i < 8; i++)
		out[3 + i] = (char)(unsigned char)((uint64_t)o->received_s >> (8 * i));
	return ORIGIN_HEAD + n;
}

bool email_origin_unpack(const void *p, size_t n, struct email_origin *out)
{
	const char *b = p;
	if (p == NULL || n < ORIGIN_HEAD + ORIGIN_STRINGS || n > INTENT_ORIGIN_MAX || b[0] != ORIGIN_VERSION || b[n - 1] != '\0')
		return false;
	const char *s[ORIGIN_STRINGS];
	size_t at = ORIGIN_HEAD;
	for (size_t i = 0; i < ORIGIN_STRINGS; i++) {
		if (at >= n)
			return false;
		s[i] = b + at;
		at += strlen(b + at) + 1;
	}
	uint64_t received = 0;
	for (int i = 0; i < 8; i++)
		received |= (uint64_t)(unsigned char)b[3 + i] << (8 * i);
	*out = (struct email_origin){ .say = (enum email_say)b[1],
		.left_out = (b[2] & FLAG_LEFT_OUT) != 0,
		.minted = (b[2] & FLAG_MINTED) != 0,
		.received_s = (int64_t)received,
		.box = s[0],
		.to = s[1],
		.to_name = s[2],
		.subject = s[3],
		.in_reply_to = s[4],
		.references = s[5],
		.cc = s[6] };
	return true;
}

/* ---- tokens ---- */

/* RFC 4648 base32 in lower case: survives mail programs that change case. */
static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
#define TOKEN_BYTES 26 /* 16 of the id, 10 of the HMAC: 208 bits, 42 digits */

static void token_bytes(const unsigned char secret[32], char kind, struct id id, unsigned char out[TOKEN_BYTES])
{
	unsigned char named[1 + sizeof(id.b)];
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	named[0] = (unsigned char)kind;
	memcpy(named + 1, id.b, sizeof(id.b));
	HMAC(EVP_sha256(), secret, 32, named, sizeof(named), mac, &n);
	memcpy(out, id.b, sizeof(id.b));
	memcpy(out + sizeof(id.b), mac, TOKEN_BYTES - sizeof(id.b));
}

void email_token_make(const unsigned char secret[32], char kind, struct id id, char out[EMAIL_TOKEN])
{
	unsigned char b[TOKEN_BYTES + 1] = { 0 };
	token_bytes(secret, kind, id, b);
	char *p = out;
	*p++ = kind;
	*p++ = '.';
	for (size_t bit = 0; bit < TOKEN_BYTES * 8; bit += 5) {
		unsigned v = ((unsigned)b[bit / 8] << 8) | b[bit / 8 + 1];
		*p++ = digits[(v >> (11 - bit % 8)) & 31];
	}
	*p = '\0';
}

bool email_token_read(const unsigned char secret[32], char kind, const char *tag, struct id *id)
{
	unsigned char got[TOKEN_BYTES + 1] = { 0 }, want[TOKEN_BYTES];
	if ((tag[0] | 0x20) != kind || tag[1] != '.' || strlen(tag) != 2 + (TOKEN_BYTES * 8 + 4) / 5)
		return false;
	for (size_t i = 2, bit = 0; tag[i] != '\0'; i++, bit += 5) {
		char c = tag[i];
		const char *d = strchr(digits, c >= 'A' && c <= 'Z' ? c | 0x20 : c);
		if (d == NULL)
			return false;
		unsigned v = (unsigned)(d - digits) << (11 - bit % 8);
		got[bit / 8] |= (unsigned char)(v >> 8);
		got[bit / 8 + 1] |= (unsigned char)v;
	}
	memcpy(id->b, got, sizeof(id->b));
	token_bytes(secret, kind, *id, want);
	return CRYPTO_memcmp(want, got, TOKEN_BYTES) == 0;
}
