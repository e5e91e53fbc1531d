/*
 * What each type of setting takes.  Every scalar arrives as the text the user typed, so "no", "010" and "12:30" mean what the row
 * says they mean and nothing else.  Messages quote a wrong value only where the row is neither secret nor an address, because
 * both may carry a password.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../base/utf8.h"
#include "internal.h"

#define QUOTE_MAX 60

static bool parse_int(const char *text, int64_t *out)
{
	const char *s = text + (*text == '-' || *text == '+');
	if (!*s || strspn(s, "0123456789") != strlen(s) || strlen(s) > 18)
		return false;
	*out = strtoll(text, NULL, 10);
	return true;
}

/* "12.5" times ${scale}, exactly; ${rest} is what follows the number. */
static bool parse_decimal(const char *s, int64_t scale, int64_t *out, const char **rest)
{
	size_t whole = strspn(s, "0123456789");
	if (whole == 0 || whole > 15)
		return false;
	int64_t n = strtoll(s, NULL, 10), value;
	if (__builtin_mul_overflow(n, scale, &value))
		return false;
	s += whole;
	if (*s == '.') {
		size_t digits = strspn(++s, "0123456789");
		if (digits == 0)
			return false;
		int64_t unit = scale;
		for (size_t i = 0; i < digits; i++) {
			/* A part of a millisecond or of a micro-dollar must be nothing. */
			if (unit % 10 && s[i] != '0')
				return false;
			unit /= 10;
			if (__builtin_add_overflow(value, (s[i] - '0') * unit, &value))
				return false;
		}
		s += digits;
	}
	*out = value;
	*rest = s;
	return true;
}

static bool parse_duration(const char *text, int64_t *out)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = { { "", 1 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
	const char *unit = text + strspn(text, "0123456789."), *rest;
	while (*unit == ' ')
		unit++;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strcmp(unit, units[i].unit) == 0)
			return parse_decimal(text, units[i].ms, out, &rest) && rest + strspn(rest, " ") == unit;
	}
	return false;
}

static bool parse_money(const char *text, int64_t *out)
{
	if (*text == '$')
		text++;
	const char *rest;
	if (!parse_decimal(text, 1000000, out, &rest))
		return false;
	return *rest == '\0' || strcasecmp(rest, " usd") == 0;
}

static bool parse_bool(const char *text, int64_t *out)
{
	static const char *const yes[] = { "true", "yes", "on", "1" }, *const no[] = { "false", "no", "off", "0" };
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
		if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
			*out = strcasecmp(text, yes[i]) == 0;
			return true;
		}
	}
	return false;
}

static bool is_choice(const char *choices, const char *text)
{
	size_t n = strlen(text);
	for (const char *c = choices;;) {
		const char *end = strchrnul(c, '|');
		if ((size_t)(end - c) == n && memcmp(c, text, n) == 0)
			return true;
		if (!*end)
			return false;
		c = end + 1;
	}
}

struct url_parts {
	const char *scheme, *user, *host, *port, *rest;
	size_t scheme_len, user_len, host_len, port_len;
};

static bool split_url(const char *url, struct url_parts *u)
{
	const char *colon = strstr(url, "://");
	if (!colon || colon == url)
		return false;
	*u = (struct url_parts){ .scheme = url, .scheme_len = (size_t)(colon - url) };
	const char *s = colon + 3, *end = s + strcspn(s, "/?#");
	const char *at = memrchr(s, '@', (size_t)(end - s));
	if (at) {
		u->user = s;
		u->user_len = (size_t)(at - s);
		s = at + 1;
	}
	u->host = s;
	if (*s == '[') {
		const char *close = memchr(s, ']', (size_t)(end - s));
		if (!close)
			return false;
		u->host = s + 1;
		u->host_len = (size_t)(close - s - 1);
		s = close + 1;
	} else {
		const char *port = memchr(s, ':', (size_t)(end - s));
		u->host_len = (size_t)((port ? port : end) - s);
		s += u->host_len;
	}
	if (s < end) {
		if (*s != ':')
			return false;
		u->port = s + 1;
		u->port_len = (size_t)(end - s - 1);
	}
	u->rest = end;
	return true;
}

bool settings_url_userinfo(const char *url, size_t *from, size_t *len)
{
	struct url_parts u;
	if (!split_url(url, &u) || !u.user)
		return false;
	*from = (size_t)(u.user - url);
	*len = u.user_len;
	return true;
}

static bool scheme_is(const struct url_parts *u, const char *scheme)
{
	return strlen(scheme) == u->scheme_len && strncasecmp(u->scheme, scheme, u->scheme_len) == 0;
}

static bool host_is_loopback(const char *host, size_t n)
{
	if ((n == 9 && strncasecmp(host, "localhost", 9) == 0) || (n == 3 && memcmp(host, "::1", 3) == 0))
		return true;
	/* 127.0.0.0/8 written as four decimal numbers; names that merely begin like it are not loopback. */
	if (n < 9 || n > 15 || memcmp(host, "127.", 4) != 0)
		return false;
	int parts = 0;
	for (size_t i = 0; i < n;) {
		int value = 0, digits = 0;
		for (; i < n && host[i] >= '0' && host[i] <= '9' && digits < 4; i++, digits++)
			value = value * 10 + (host[i] - '0');
		if (digits == 0 || digits > 3 || value > 255)
			return false;
		parts++;
		if (i < n && (host[i++] != '.' || i == n))
			return false;
	}
	return parts == 4;
}

static const char *url_fault(const struct setting *row, const char *text)
{
	struct url_parts u;
	for (const char *s = text; *s; s++) {
		if ((unsigned char)*s <= 0x20 || *s == 0x7f)
			return "holds a blank or a control character";
	}
	if (!split_url(text, &u))
		return "is not an address";
	bool plain = scheme_is(&u, "http") || scheme_is(&u, "ws"), postgres = (row->flags & SET_POSTGRES) != 0;
	if (postgres) {
		if (!scheme_is(&u, "postgres") && !scheme_is(&u, "postgresql"))
			return "does not begin with postgresql://";
		return NULL; /* several hosts, sockets, no host: libpq knows better */
	}
	if (row->flags & SET_LOOPBACK_PLAIN) {
		if (!plain && !scheme_is(&u, "https") && !scheme_is(&u, "wss"))
			return "does not begin with https://, wss://, http:// or ws://";
		if (plain && !host_is_loopback(u.host, u.host_len))
			return "is not encrypted: http and ws are taken for this machine (localhost, 127.0.0.1, [::1]) only";
	} else if (!scheme_is(&u, "http") && !scheme_is(&u, "https")) {
		return "does not begin with https:// or http://";
	}
	if (!u.host_len)
		return "has no host";
	if (u.port &&
	    (u.port_len == 0 || u.port_len > 5 || strspn(u.port, "0123456789") < u.port_len || atoi(u.port) < 1 ||
	        atoi(u.port) > 65535))
		return "has a port that is not a number from 1 to 65535";
	return NULL;
}

static void add_amount(struct buf *out, enum setting_type type, int64_t v)
{
	static const struct {
		int64_t ms;
		const char *unit;
	} units[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "m" }, { 1000, "s" }, { 1, "ms" } };
	if (type == SET_MONEY) {
		buf_addf(out, "$%lld", (long long)(v / 1000000));
		if (v % 1000000)
			buf_addf(out, ".%06lld", (long long)(v % 1000000));
		return;
	}
	if (type != SET_MS) {
		buf_add_int(out, v);
		return;
	}
	size_t i = 0;
	while (units[i].ms > 1 && (v == 0 || v % units[i].ms))
		i++;
	buf_add_int(out, v / units[i].ms);
	buf_add_str(out, units[i].unit);
}

void settings_expected(const struct setting *row, struct buf *out)
{
	switch (row->type) {
	case SET_STR:
		buf_add_str(out,
		    row->flags & SET_URL        ? row->flags & SET_POSTGRES ? "a postgresql:// address" : "an address"
		        : row->flags & SET_PATH ? "a path"
		                                : "text");
		return;
	case SET_INT:
		buf_add_str(out, "a whole number");
		break;
	case SET_BOOL:
		buf_add_str(out, "yes or no");
		return;
	case SET_MS:
		buf_add_str(out, "a duration such as 500ms, 30s or 5m");
		break;
	case SET_MONEY:
		buf_add_str(out, "an amount in USD such as 5 or 0.50");
		break;
	case SET_ENUM:
		buf_add_str(out, "one of ");
		for (const char *c = row->choices; *c; c++) {
			if (*c == '|')
				buf_add_str(out, ", ");
			else
				buf_add_char(out, *c);
		}
		return;
	case SET_LIST:
		buf_add_str(out, row->flags & SET_PRICES ? "a list of name=in,out" : "a list");
		return;
	}
	if (row->min == 0 && row->max == 0)
		return;
	buf_add_str(out, " from ");
	add_amount(out, row->type, row->min);
	if (row->max > row->min) {
		buf_add_str(out, " to ");
		add_amount(out, row->type, row->max);
	} else {
		buf_add_str(out, " up");
	}
}

static bool in_range(const struct setting *row, int64_t v)
{
	if (row->min == 0 && row->max == 0)
		return true;
	return v >= row->min && (row->max <= row->min || v <= row->max);
}

bool settings_check(const struct setting *row, const char *text, int64_t *number, struct buf *why)
{
	size_t n = strlen(text);
	bool fits = true;
	*number = 0;
	if (!utf8_valid(text, n)) {
		buf_add_str(why, "is not UTF-8 text");
		return false;
	}
	switch (row->type) {
	case SET_STR:
		if (row->flags & SET_URL) {
			const char *fault = url_fault(row, text);
			buf_add_str(why, fault);
			return !fault;
		}
		return true;
	case SET_LIST:
		return true;
	case SET_INT:
		fits = parse_int(text, number);
		break;
	case SET_BOOL:
		fits = parse_bool(text, number);
		break;
	case SET_MS:
		fits = parse_duration(text, number);
		break;
	case SET_MONEY:
		fits = parse_money(text, number);
		break;
	case SET_ENUM:
		fits = is_choice(row->choices, text);
		break;
	}
	if (fits && (row->type == SET_BOOL || row->type == SET_ENUM || in_range(row, *number)))
		return true;
	if (row->flags & SET_SECRET)
		buf_add_str(why, "the value is not ");
	else
		buf_addf(why, "\"%.*s%s\" is not ", (int)utf8_clip(text, n, QUOTE_MAX), text, n > QUOTE_MAX ? "…" : "");
	settings_expected(row, why);
	return false;
}
