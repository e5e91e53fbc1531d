/*
 * Content transfer encodings (RFC 2045 section 6), read as leniently as mail programs do: whatever is not base64 is skipped, a broken escape
 * of quoted-printable stays as it is.
 */
#include "mail_internal.h"

enum { NO = 64, PAD = 65 };
/* What each byte is worth as a digit of base64; NO and PAD as above. */
/* clang-format off */
static const unsigned char digits[256] = {
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, 64, 64, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 65, 64, 64,
	64, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 64,
	64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
};
/* clang-format on */

enum mail_encoding mail_encoding_of(struct mail_slice value)
{
	if (value.n == 0 || mail_slice_is(value, "7bit") || mail_slice_is(value, "8bit"))
		return MAIL_ENC_NONE;
	struct buf b = BUF_INIT;
	mail_value_main(&b, value);
	struct mail_slice v = { b.p, b.len };
	enum mail_encoding e = MAIL_ENC_NONE;
	if (mail_slice_starts(v, "base64"))
		e = MAIL_ENC_BASE64;
	else if (mail_slice_starts(v, "quoted-printable"))
		e = MAIL_ENC_QP;
	else if (mail_slice_is(v, "x-uuencode") || mail_slice_is(v, "uuencode") || mail_slice_is(v, "x-uue"))
		e = MAIL_ENC_UU;
	buf_done(&b);
	return e;
}

void mail_base64(struct buf *out, const char *s, size_t n, size_t max)
{
	const unsigned char *d = digits;
	size_t room = (n / 4 + 2) * 3;
	if (room > max)
		room = max + 3;
	buf_reserve(out, room);
	uint32_t bits = 0;
	unsigned have = 0;
	size_t start = out->len;
	char *to = out->p + out->len, *end = to + room - 3;
	for (size_t i = 0; i < n && to < end;) {
		/* Four at a time while nothing is in the way. */
		while (have == 0 && i + 4 <= n && to < end) {
			unsigned char a = d[(unsigned char)s[i]], b = d[(unsigned char)s[i + 1]], c = d[(unsigned char)s[i + 2]],
			              e = d[(unsigned char)s[i + 3]];
			if ((a | b | c | e) >= NO)
				break;
			uint32_t w = (uint32_t)a << 18 | (uint32_t)b << 12 | (uint32_t)c << 6 | e;
			*to++ = (char)(w >> 16);
			*to++ = (char)(w >> 8);
			*to++ = (char)w;
			i += 4;
		}
		if (i >= n || to >= end)
			break;
		unsigned char v = d[(unsigned char)s[i++]];
		if (v == NO)
			continue;
		if (v == PAD) {
			/* The end of this stretch; what was encoded in several goes on after it. */
			if (have == 2)
				*to++ = (char)(bits >> 4);
			else if (have == 3) {
				*to++ = (char)(bits >> 10);
				*to++ = (char)(bits >> 2);
			}
			have = 0;
			bits = 0;
			continue;
		}
		bits = bits << 6 | v;
		if (++have == 4) {
			*to++ = (char)(bits >> 16);
			*to++ = (char)(bits >> 8);
			*to++ = (char)bits;
			have = 0;
			bits = 0;
		}
	}
	if (to < end && have == 2) {
		*to++ = (char)(bits >> 4);
	} else if (to < end && have == 3) {
		*to++ = (char)(bits >> 10);
		*to++ = (char)(bits >> 2);
	}
	out->len = (size_t)(to - out->p);
	if (out->len - start > max)
		out->len = start + max;
	out->p[out->len] = '\0';
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* ${word}: the Q encoding of RFC 2047, where "_" is a blank. */
void mail_qp(struct buf *out, const char *s, size_t n, bool word)
{
	buf_reserve(out, n);
	char *to = out->p + out->len;
	for (size_t i = 0; i < n; i++) {
		char c = s[i];
		if (c == '=') {
			if (i + 2 < n && hex(s[i + 1]) >= 0 && hex(s[i + 2]) >= 0) {
				*to++ = (char)(hex(s[i + 1]) << 4 | hex(s[i + 2]));
				i += 2;
				continue;
			}
			/* A soft line end, white space before it or not. */
			size_t k = i + 1;
			while (k < n && (s[k] == ' ' || s[k] == '\t' || s[k] == '\r'))
				k++;
			if (!word && (k >= n || s[k] == '\n')) {
				i = k;
				continue;
			}
		}
		*to++ = word && c == '_' ? ' ' : c;
	}
	out->len = (size_t)(to - out->p);
	out->p[out->len] = '\0';
}

static void uudecode(struct buf *out, const char *s, size_t n, size_t max)
{
	size_t i = 0, start = out->len;
	bool begun = false;
	while (i < n && out->len - start < max) {
		const char *nl = memchr(s + i, '\n', n - i);
		size_t end = nl == NULL ? n : (size_t)(nl - s), next = nl == NULL ? n : end + 1;
		if (end > i && s[end - 1] == '\r')
			end--;
		const char *line = s + i;
		size_t len = end - i;
		i = next;
		if (!begun) {
			begun = len > 6 && memcmp(line, "begin ", 6) == 0;
			continue;
		}
		if (len >= 3 && memcmp(line, "end", 3) == 0)
			break;
		size_t want = len > 0 ? (size_t)(line[0] - ' ') & 63 : 0;
		for (size_t k = 1; want > 0 && k < len; k += 4) {
			uint32_t w = 0;
			for (size_t j = 0; j < 4; j++)
				w = w << 6 | (k + j < len ? (uint32_t)(line[k + j] - ' ') & 63 : 0);
			for (int shift = 16; shift >= 0 && want > 0; shift -= 8, want--)
				buf_add_char(out, (char)(w >> shift));
		}
	}
}

void mail_decode_some(struct buf *out, struct mail_slice body, enum mail_encoding e, size_t max)
{
	size_t start = out->len;
	if (e == MAIL_ENC_BASE64) {
		mail_base64(out, body.p, body.n, max);
		return;
	}
	if (e == MAIL_ENC_QP)
		mail_qp(out, body.p, body.n / 3 > max ? max * 3 : body.n, false);
	else if (e == MAIL_ENC_UU)
		uudecode(out, body.p, body.n, max);
	else
		buf_add(out, body.p, body.n < max ? body.n : max);
	if (out->len - start > max)
		buf_truncate(out, start + max);
}

void mail_decode(struct buf *out, struct mail_slice body, enum mail_encoding e)
{
	mail_decode_some(out, body, e, body.n + 4);
}

static size_t digits_in(const unsigned char *p, size_t n)
{
	size_t count = 0, i = 0;
	for (; i + 64 <= n; i += 64) {
		unsigned char sum = 0;
		for (size_t k = 0; k < 64; k++) {
			unsigned char c = p[i + k];
			sum = (unsigned char)(sum +
			    (((unsigned char)((c | 32) - 'a') < 26) | ((unsigned char)(c - '0') < 10) | (c == '+') | (c == '/')));
		}
		count += sum;
	}
	for (; i < n; i++)
		count += digits[p[i]] < NO;
	return count;
}

size_t mail_decoded_size(struct mail_slice body, enum mail_encoding e)
{
	if (e == MAIL_ENC_NONE)
		return body.n;
	if (e != MAIL_ENC_BASE64) {
		struct buf b = BUF_INIT;
		size_t n = 0;
		if (e == MAIL_ENC_UU) {
			uudecode(&b, body.p, body.n, body.n);
			n = b.len;
		} else {
			for (size_t i = 0; i < body.n; i++, n++) {
				if (body.p[i] != '=')
					continue;
				if (i + 2 < body.n && hex(body.p[i + 1]) >= 0 && hex(body.p[i + 2]) >= 0) {
					i += 2;
					continue;
				}
				size_t k = i + 1;
				while (k < body.n && (body.p[k] == ' ' || body.p[k] == '\t' || body.p[k] == '\r'))
					k++;
				if (k >= body.n || body.p[k] == '\n') {
					i = k;
					n--;
				}
			}
		}
		buf_done(&b);
		return n;
	}
	/* One stretch, as nearly always, is counted in blocks that the compiler makes fast. */
	const char *pad = memchr(body.p, '=', body.n);
	size_t first = pad == NULL ? body.n : (size_t)(pad - body.p);
	size_t have = digits_in((const unsigned char *)body.p, first), whole = 0;
	const unsigned char *d = digits;
	for (size_t i = first; i < body.n; i++) {
		unsigned char v = d[(unsigned char)body.p[i]];
		have += v < NO;
		if (v == PAD && have > 0) {
			whole += have / 4 * 3 + (have % 4 == 3 ? 2 : have % 4 == 2 ? 1 : 0);
			have = 0;
		}
	}
	return whole + have / 4 * 3 + (have % 4 == 3 ? 2 : have % 4 == 2 ? 1 : 0);
}
