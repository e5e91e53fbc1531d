/*
 * One line of Markdown out of anything: what a model, a person or a message holds becomes a single line that cannot begin a block of its
 * own, so that a list of such lines stays a list.
 */
#include <ctype.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/utf8.h"
#include "digest_internal.h"

static const char *const bullets[] = { "- ", "* ", "+ ", "•", "‣", "◦", "▪", "●", "○", "▸", "·", "– ", "— ", "[ ] ", "[x] ", "[X] ",
	"→ " };

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

size_t digest_mark(const char *s, size_t n, bool quote)
{
	size_t at = 0, len = 0;
	while (at < n && is_blank(s[at]))
		at++;
	const char *p = s + at;
	size_t left = n - at;
	if (left == 0)
		return 0;
	if (*p == '>')
		len = 1;
	if (len == 0 && !quote) {
		for (size_t i = 0; i < sizeof(bullets) / sizeof(bullets[0]) && len == 0; i++) {
			size_t k = strlen(bullets[i]);
			if (left + 1 == k && bullets[i][left] == ' ')
				k = left; /* alone on its line */
			if (left >= k && memcmp(p, bullets[i], k) == 0)
				len = k;
		}
		size_t d = 0;
		while (d < left && d < 3 && isdigit((unsigned char)p[d]))
			d++;
		if (len == 0 && d > 0 && d < 3 && d < left && (p[d] == '.' || p[d] == ')') && (d + 1 == left || is_blank(p[d + 1])))
			len = d + 1;
		size_t h = 0;
		while (h < left && p[h] == '#')
			h++;
		if (len == 0 && h > 0 && h <= 6 && (h == left || is_blank(p[h])))
			len = h;
	}
	if (len == 0)
		return 0;
	at += len;
	while (at < n && is_blank(s[at]))
		at++;
	return at;
}

/* Signs that are not seen and change how the rest is read: direction, joints, byte order. */
static bool is_hidden(uint32_t c)
{
	return (c >= 0x200e && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff ||
	    c == 0x200b;
}

static void add_clean(struct buf *out, const char *s, size_t n, size_t max)
{
	for (size_t k; (k = digest_mark(s, n, false)) > 0; s += k, n -= k)
		;
	size_t start = out->len, chars = 0, blank_at = 0, fits = start;
	bool blank = false;
	for (size_t i = 0; i < n;) {
		uint32_t c;
		size_t k = utf8_decode(s + i, n - i, &c);
		bool bad = k == 0;
		if (bad)
			k = 1;
		if (!bad && (c <= 0x20 || c == 0x7f || c == 0x85 || c == 0xa0 || c == 0x2028 || c == 0x2029)) {
			blank = out->len > start;
			i += k;
			continue;
		}
		/* What keeps a sign from calling everybody (spoken.c) stays. */
		bool guard = c == 0x200b && out->len > start && strchr("@<", out->p[out->len - 1]) != NULL;
		if (!bad && !guard && (is_hidden(c) || (c >= 0x80 && c < 0xa0))) {
			i += k;
			continue;
		}
		size_t need = blank ? 2 : 1;
		if (chars + need > max) {
			/* The last whole word that leaves room for the sign; a word longer than half of it all is cut. */
			size_t cut = blank_at > start + (fits - start) / 2 && blank_at <= fits ? blank_at : fits;
			buf_truncate(out, cut);
			while (out->len > start && strchr(" ,;:-", out->p[out->len - 1]) != NULL)
				buf_truncate(out, out->len - 1);
			buf_add_str(out, "\xe2\x80\xa6");
			return;
		}
		if (blank) {
			blank_at = out->len;
			buf_add_char(out, ' ');
		}
		blank = false;
		if (bad)
			buf_add_str(out, "\xef\xbf\xbd");
		else
			buf_add(out, s + i, k);
		chars += need;
		if (chars < max)
			fits = out->len;
		i += k;
	}
}

void digest_add_line(struct buf *out, const char *s, size_t n, size_t max)
{
	size_t start = out->len;
	add_clean(out, s, n, max);
	/* What was not seen may have stood between the front and a mark. */
	for (size_t k; out->len > start && (k = digest_mark(out->p + start, out->len - start, false)) > 0;) {
		memmove(out->p + start, out->p + start + k, out->len - start - k);
		buf_truncate(out, out->len - k);
	}
}

size_t digest_characters(const char *s, size_t n)
{
	size_t chars = 0;
	for (size_t i = 0; i < n; i++)
		chars += ((unsigned char)s[i] & 0xc0) != 0x80;
	return chars;
}

void digest_add_source(struct buf *md, int k, const struct digest_message *m, size_t n)
{
	const char *link = m != NULL && k >= 1 && (size_t)k <= n ? m[k - 1].link : NULL;
	if (link == NULL || link[0] == '\0') {
		buf_addf(md, "[%d]", k);
		return;
	}
	buf_addf(md, "[[%d]](", k);
	for (; *link != '\0'; link++) {
		if ((unsigned char)*link <= 0x20 || strchr("()<>\\", *link) != NULL)
			buf_addf(md, "%%%02X", (unsigned char)*link);
		else
			buf_add_char(md, *link);
	}
	buf_add_char(md, ')');
}

void digest_add_name(struct buf *md, const char *name)
{
	struct buf line = BUF_INIT;
	digest_add_line(&line, name != NULL ? name : "", name != NULL ? strlen(name) : 0, 60);
	for (size_t i = 0; i < line.len; i++) {
		if (strchr("\\`*_[]<>()#|~&!", line.p[i]) != NULL)
			buf_add_char(md, '\\');
		buf_add_char(md, line.p[i]);
	}
	buf_done(&line);
}
