/*
 * The stored form of an origin: a version byte, a surface byte, eight bytes of time, then the strings in a fixed order, each ended
 * by a NUL.  It is read back in place, without copying; a later version may append strings, which this one then ignores.
 */
#include "origin.h"

#include <string.h>

#define ORIGIN_VERSION 1
#define ORIGIN_HEAD 10
#define ORIGIN_STRINGS 7

static size_t origin_strings(const struct origin *o, bool with_url, char *out, size_t max)
{
	const char *const s[ORIGIN_STRINGS] = { o->team, o->channel, o->thread_ts, o->message_ts, o->user, o->user_team,
		with_url ? o->response_url : "" };
	size_t at = 0;
	for (size_t i = 0; i < ORIGIN_STRINGS; i++) {
		const char *v = s[i] ? s[i] : "";
		size_t n = strlen(v) + 1;
		if (n > max - at)
			return 0;
		memcpy(out + at, v, n);
		at += n;
	}
	return at;
}

size_t origin_pack(const struct origin *o, char out[INTENT_ORIGIN_MAX])
{
	bool with_url = o->response_url && o->response_url[0];
	size_t n = origin_strings(o, with_url, out + ORIGIN_HEAD, INTENT_ORIGIN_MAX - ORIGIN_HEAD);
	if (n == 0 && with_url) {
		with_url = false;
		n = origin_strings(o, false, out + ORIGIN_HEAD, INTENT_ORIGIN_MAX - ORIGIN_HEAD);
	}
	if (n == 0)
		return 0;
	out[0] = ORIGIN_VERSION;
	out[1] = (char)o->surface;
	uint64_t until = with_url ? o->response_until_ms : 0;
	for (int i = 0; i < 8; i++)
		out[2 + i] = (char)(unsigned char)(until >> (8 * i));
	return ORIGIN_HEAD + n;
}

bool origin_unpack(const void *p, size_t n, struct origin *out)
{
	const char *b = p;
	if (!p || n < ORIGIN_HEAD + ORIGIN_STRINGS || n > INTENT_ORIGIN_MAX || b[0] != ORIGIN_VERSION || b[n - 1] != '\0')
		return false;
	if (b[1] < ORIGIN_CHANNEL || b[1] > ORIGIN_COMMAND)
		return false;
	const char *s[ORIGIN_STRINGS];
	size_t at = ORIGIN_HEAD;
	for (size_t i = 0; i < ORIGIN_STRINGS; i++) {
		if (at >= n)
			return false;
		s[i] = b + at;
		at += strlen(b + at) + 1;
	}
	uint64_t until = 0;
	for (int i = 0; i < 8; i++)
		until |= (uint64_t)(unsigned char)b[2 + i] << (8 * i);
	*out = (struct origin){ .surface = (enum origin_surface)b[1],
		.team = s[0],
		.channel = s[1],
		.thread_ts = s[2],
		.message_ts = s[3],
		.user = s[4],
		.user_team = s[5],
		.response_url = s[6],
		.response_until_ms = until };
	return true;
}
