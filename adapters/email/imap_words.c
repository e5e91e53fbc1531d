/*
 * Words of commands.  Whatever could end a line or a string early is refused here, so that no name, flag or Message-ID can become a
 * command.
 */
#include <string.h>

#include "../../core/base/utf8.h"
#include "imap_wire.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static void add_escaped(struct buf *b, char c)
{
	if (c == '"' || c == '\\')
		buf_add_char(b, '\\');
	buf_add_char(b, c);
}

bool imap_add_quoted(struct buf *b, const char *s)
{
	for (const char *p = s; *p; p++)
		if (*p < ' ' || *p > '~')
			return false;
	buf_add_char(b, '"');
	for (; *s; s++)
		add_escaped(b, *s);
	buf_add_char(b, '"');
	return true;
}

/* UTF-16 units on their way into base64, six bits at a time. */
struct shift {
	bool on;
	uint32_t bits;
	unsigned len;
};

static void shift_unit(struct buf *b, struct shift *s, uint32_t unit)
{
	if (!s->on)
		buf_add_char(b, '&');
	s->on = true;
	s->bits = s->bits << 16 | unit;
	for (s->len += 16; s->len >= 6; s->len -= 6)
		buf_add_char(b, alphabet[s->bits >> (s->len - 6) & 63]);
	s->bits &= (1u << s->len) - 1;
}

static void shift_end(struct buf *b, struct shift *s)
{
	if (!s->on)
		return;
	if (s->len > 0)
		buf_add_char(b, alphabet[s->bits << (6 - s->len) & 63]);
	buf_add_char(b, '-');
	*s = (struct shift){ 0 };
}

bool imap_add_folder(struct buf *b, const char *name)
{
	size_t n = strlen(name);
	if (n == 0 || n > 1000 || !utf8_valid(name, n) || strpbrk(name, "\r\n"))
		return false;
	struct shift s = { 0 };
	buf_add_char(b, '"');
	while (n > 0) {
		uint32_t cp;
		size_t k = utf8_decode(name, n, &cp);
		if (cp >= ' ' && cp <= '~') {
			shift_end(b, &s);
			add_escaped(b, (char)cp);
			if (cp == '&')
				buf_add_char(b, '-');
		} else if (cp > 0xffff) {
			shift_unit(b, &s, 0xd800 + ((cp - 0x10000) >> 10));
			shift_unit(b, &s, 0xdc00 + ((cp - 0x10000) & 0x3ff));
		} else {
			shift_unit(b, &s, cp);
		}
		name += k;
		n -= k;
	}
	shift_end(b, &s);
	buf_add_char(b, '"');
	return true;
}

/* One shifted run between & and -; false: not one that an encoder makes. */
static bool run_decode(const char *s, size_t n, struct buf *out)
{
	uint32_t bits = 0, high = 0;
	unsigned len = 0;
	for (size_t i = 0; i < n; i++) {
		const char *at = strchr(alphabet, s[i]);
		if (!s[i] || !at)
			return false;
		bits = bits << 6 | (uint32_t)(at - alphabet);
		len += 6;
		if (len < 16)
			continue;
		len -= 16;
		uint32_t unit = bits >> len & 0xffff;
		bits &= (1u << len) - 1;
		bool is_low = unit >= 0xdc00 && unit < 0xe000;
		if (unit == 0 || is_low != (high != 0))
			return false;
		if (unit >= 0xd800 && unit < 0xdc00) {
			high = unit;
			continue;
		}
		char utf8[4];
		uint32_t cp = high ? 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00) : unit;
		buf_add(out, utf8, utf8_encode(cp, utf8));
		high = 0;
	}
	return high == 0 && len < 6 && bits == 0;
}

void imap_folder_decode(const char *s, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		const char *end = s[i] == '&' ? memchr(s + i, '-', n - i) : NULL;
		size_t run = end ? (size_t)(end - s) - i - 1 : 0;
		size_t was = out->len;
		if (end && run == 0)
			buf_add_char(out, '&');
		if (!end || (run > 0 && !run_decode(s + i + 1, run, out))) {
			if (out->len > was)
				buf_truncate(out, was);
			buf_add_char(out, s[i]);
			continue;
		}
		i += run + 1;
	}
}

bool imap_flag_ok(const char *flag)
{
	const char *s = flag + (*flag == '\\');
	if (!*s || strlen(s) > 100)
		return false;
	for (; *s; s++)
		if (*s <= ' ' || *s > '~' || strchr("(){%*\"\\]", *s))
			return false;
	return true;
}
