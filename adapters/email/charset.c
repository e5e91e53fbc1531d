/*
 * Bytes to UTF-8.  Names lie: text that is valid UTF-8 and has 8-bit bytes is UTF-8 whatever its label says; else the label counts, widened to
 * the superset that mail programs mean by it (iso-8859-1 is windows-1252, shift_jis cp932, gb2312 gb18030, ks_c_5601-1987 cp949); else
 * windows-1252.  Bytes that mean nothing become U+FFFD; NUL goes.
 */
#include <errno.h>
#include <iconv.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../core/base/utf8.h"
#include "mail_internal.h"

bool mail_is_ascii(const char *s, size_t n)
{
	size_t i = 0;
	for (; i + 8 <= n; i += 8) {
		uint64_t w;
		memcpy(&w, s + i, 8);
		/* An 8-bit byte, or one that is zero. */
		if (((w | (w - 0x0101010101010101u)) & 0x8080808080808080u) != 0)
			return false;
	}
	for (; i < n; i++)
		if (s[i] == '\0' || (s[i] & 0x80) != 0)
			return false;
	return true;
}

static const char *const aliases[][2] = {
	{ "ansi_x3.4-1968", "" },
	{ "ascii", "" },
	{ "big5", "BIG5-HKSCS" },
	{ "big5-hkscs", "BIG5-HKSCS" },
	{ "cn-big5", "BIG5-HKSCS" },
	{ "cn-gb", "GB18030" },
	{ "cp950", "BIG5-HKSCS" },
	{ "csbig5", "BIG5-HKSCS" },
	{ "cseuckr", "CP949" },
	{ "csgb2312", "GB18030" },
	{ "csiso2022jp", "ISO-2022-JP-3" },
	{ "csksc56011987", "CP949" },
	{ "csshiftjis", "CP932" },
	{ "default", "" },
	{ "euc-jp", "EUC-JP-MS" },
	{ "euc-kr", "CP949" },
	{ "euccn", "GB18030" },
	{ "eucjp", "EUC-JP-MS" },
	{ "euckr", "CP949" },
	{ "gb2312", "GB18030" },
	{ "gb_2312-80", "GB18030" },
	{ "gbk", "GB18030" },
	{ "hz-gb-2312", "HZ" },
	{ "iso-2022-jp", "ISO-2022-JP-3" },
	{ "iso-8859-1", "" },
	{ "iso-8859-11", "CP874" },
	{ "iso-8859-6-e", "ISO-8859-6" },
	{ "iso-8859-6-i", "ISO-8859-6" },
	{ "iso-8859-8-e", "ISO-8859-8" },
	{ "iso-8859-8-i", "ISO-8859-8" },
	{ "iso-8859-9", "CP1254" },
	{ "ks_c_5601-1987", "CP949" },
	{ "ks_c_5601-1989", "CP949" },
	{ "ksc5601", "CP949" },
	{ "ksc_5601", "CP949" },
	{ "l1", "" },
	{ "latin-1", "" },
	{ "latin1", "" },
	{ "logical", "ISO-8859-8" },
	{ "mac", "MACINTOSH" },
	{ "mac-roman", "MACINTOSH" },
	{ "macroman", "MACINTOSH" },
	{ "ms_kanji", "CP932" },
	{ "shift-jis", "CP932" },
	{ "shift_jis", "CP932" },
	{ "sjis", "CP932" },
	{ "tis-620", "CP874" },
	{ "unicode-1-1-utf-7", "UTF-7" },
	{ "unicode-1-1-utf-8", "UTF-8" },
	{ "unicode", "UTF-16" },
	{ "unknown", "" },
	{ "unknown-8bit", "" },
	{ "us-ascii", "" },
	{ "utf-8", "UTF-8" },
	{ "utf8", "UTF-8" },
	{ "utf8mb4", "UTF-8" },
	{ "utf_8", "UTF-8" },
	{ "windows-1252", "" },
	{ "windows-31j", "CP932" },
	{ "windows-874", "CP874" },
	{ "windows-936", "GB18030" },
	{ "windows-949", "CP949" },
	{ "windows-950", "BIG5-HKSCS" },
	{ "x-euc-jp", "EUC-JP-MS" },
	{ "x-gbk", "GB18030" },
	{ "x-mac-ce", "MAC-CENTRALEUROPE" },
	{ "x-mac-cyrillic", "MAC-CYRILLIC" },
	{ "x-mac-roman", "MACINTOSH" },
	{ "x-sjis", "CP932" },
	{ "x-unknown", "" },
	{ "x-user-defined", "" },
	{ "x-x-big5", "BIG5-HKSCS" },
};

/* The name for iconv; "" for windows-1252. */
static void charset_name(struct mail_slice c, char out[48])
{
	char low[40];
	size_t n = 0;
	for (size_t i = 0; i < c.n && n < sizeof low - 1; i++) {
		char ch = mail_lower(c.p[i]);
		if (ch == '*') /* RFC 2231 5: a language follows */
			break;
		if ((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || (ch != '\0' && strchr("-_.:+", ch) != NULL))
			low[n++] = ch;
		else if (n > 0 && !mail_space(ch) && ch != '"' && ch != '\'')
			break;
	}
	low[n] = '\0';
	out[0] = '\0';
	if (n == 0)
		return;
	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
		if (strcmp(aliases[i][0], low) == 0) {
			snprintf(out, 48, "%s", aliases[i][1]);
			return;
		}
	static const char *const numbers[] = { "windows-", "x-windows-", "windows", "win-", "x-cp-", "x-cp", "cp-", "cp", "ibm-",
		"ibm", "ms", NULL };
	for (size_t i = 0; numbers[i] != NULL; i++) {
		size_t k = strlen(numbers[i]);
		if (strncmp(low, numbers[i], k) == 0 && n > k && strspn(low + k, "0123456789") == n - k) {
			if (strcmp(low + k, "1252") == 0 || strcmp(low + k, "65001") == 0)
				snprintf(out, 48, "%s", low[n - 1] == '1' ? "UTF-8" : "");
			else
				snprintf(out, 48, "CP%s", low + k);
			return;
		}
	}
	static const char *const parts[] = { "iso8859-", "iso-8859_", "iso_8859-", "iso8859_", "8859-", "8859_", "iso8859", NULL };
	for (size_t i = 0; parts[i] != NULL; i++) {
		size_t k = strlen(parts[i]);
		if (strncmp(low, parts[i], k) == 0) {
			char again[48];
			int w = snprintf(again, sizeof again, "iso-8859-%s", low + k);
			charset_name((struct mail_slice){ again, (size_t)w }, out);
			return;
		}
	}
	memcpy(out, low, n + 1);
}

static void add_1252(struct buf *out, const char *s, size_t n)
{
	static const uint16_t high[32] = { 0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
		0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc,
		0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178 };
	buf_reserve(out, n + n / 8 + 8);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		char enc[4];
		if (c >= 0x80)
			buf_add(out, enc, utf8_encode(c < 0xa0 ? high[c - 0x80] : c, enc));
		else if (c != 0)
			buf_add_char(out, s[i]);
	}
}

/* Bytes that are no UTF-8 become U+FFFD each. */
static void add_utf8(struct buf *out, const char *s, size_t n)
{
	size_t from = 0;
	for (size_t i = 0; i < n;) {
		uint32_t cp;
		size_t k = s[i] != '\0' && (s[i] & 0x80) == 0 ? 1 : utf8_decode(s + i, n - i, &cp);
		if (k > 0 && s[i] != '\0') {
			i += k;
			continue;
		}
		buf_add(out, s + from, i - from);
		if (s[i] != '\0')
			buf_add_str(out, "\xef\xbf\xbd");
		from = ++i;
	}
	buf_add(out, s + from, n - from);
}

/* Does it hold a character of several bytes, and not many bytes that are none? */
static bool mostly_utf8(const char *s, size_t n)
{
	size_t good = 0, bad = 0;
	for (size_t i = 0; i < n;) {
		uint32_t cp;
		size_t k = (s[i] & 0x80) == 0 ? 1 : utf8_decode(s + i, n - i, &cp);
		good += k > 1;
		bad += k == 0;
		i += k > 0 ? k : 1;
	}
	return good > 0 && good >= bad;
}

/*
 * The C library loads a module for most charsets and lets go of it with the last descriptor, which takes longer than to convert a mail.  So
 * descriptors stay open, as many as there are charsets in the mails; beyond KEPT_MAX the oldest makes room.
 */
#define KEPT_MAX 48
static struct {
	pthread_mutex_t lock;
	struct {
		char name[48];
		iconv_t cd;
	} items[KEPT_MAX];
	size_t len, next;
} kept = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* With the lock held.  (iconv_t)-1: there is no such charset. */
static iconv_t converter(const char *name)
{
	size_t i = 0;
	while (i < kept.len && strcmp(kept.items[i].name, name) != 0)
		i++;
	if (i < kept.len)
		return kept.items[i].cd;
	if (strlen(name) >= sizeof kept.items[0].name)
		return (iconv_t)-1;
	if (kept.len == KEPT_MAX) {
		i = kept.next++ % KEPT_MAX;
		if (kept.items[i].name[0] != '\0')
			iconv_close(kept.items[i].cd);
		kept.items[i].name[0] = '\0';
	}
	kept.items[i].cd = iconv_open("UTF-8", name);
	if (kept.items[i].cd == (iconv_t)-1)
		return (iconv_t)-1;
	strcpy(kept.items[i].name, name);
	kept.len += i == kept.len;
	return kept.items[i].cd;
}

/* False: there is no such charset. */
static bool add_iconv(struct buf *out, const char *s, size_t n, const char *name)
{
	pthread_mutex_lock(&kept.lock);
	iconv_t cd = converter(name);
	if (cd == (iconv_t)-1) {
		pthread_mutex_unlock(&kept.lock);
		return false;
	}
	iconv(cd, NULL, NULL, NULL, NULL); /* as if it were new */
	size_t start = out->len;
	char *in = (char *)(uintptr_t)s;
	size_t left = n;
	for (bool last = false; !last;) {
		buf_reserve(out, (left > 0 ? left + left / 2 : 0) + 32);
		char *to = out->p + out->len;
		size_t room = out->cap - out->len - 1, was = room;
		last = left == 0;
		size_t r = last ? iconv(cd, NULL, NULL, &to, &room) : iconv(cd, &in, &left, &to, &room);
		out->len += was - room;
		out->p[out->len] = '\0';
		if (r != (size_t)-1)
			continue;
		if (errno == E2BIG) {
			last = false;
			continue;
		}
		if (left > 0) { /* EILSEQ, EINVAL: this byte means nothing */
			buf_add_str(out, "\xef\xbf\xbd");
			in++;
			left--;
		}
	}
	pthread_mutex_unlock(&kept.lock);
	size_t to = start;
	for (size_t i = start; i < out->len; i++)
		if (out->p[i] != '\0')
			out->p[to++] = out->p[i];
	buf_truncate(out, to);
	return true;
}

static bool is_stateful(const char *name)
{
	static const char *const starts[] = { "ISO-2022", "iso-2022", "UTF-7", "utf-7", "UTF-16", "utf-16", "UTF-32", "utf-32",
		"HZ", "hz", "ucs-", "csunicode", NULL };
	for (size_t i = 0; starts[i] != NULL; i++)
		if (strncmp(name, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

void mail_charset_add(struct buf *out, const char *s, size_t n, struct mail_slice charset)
{
	if (n == 0)
		return;
	bool ascii = mail_is_ascii(s, n);
	/* The usual case, without a look at what the label says: only a few codes write text in 7-bit bytes that mean something else. */
	if (ascii &&
	    (charset.n == 0 || mail_slice_is(charset, "utf-8") || mail_slice_is(charset, "us-ascii") ||
	        mail_slice_is(charset, "iso-8859-1"))) {
		buf_add(out, s, n);
		return;
	}
	char name[48];
	charset_name(charset, name);
	if (is_stateful(name)) {
		bool wide = strncasecmp(name, "utf-16", 6) == 0 && name[6] == '\0';
		if (wide && n >= 2 && !((unsigned char)s[0] == 0xff && (unsigned char)s[1] == 0xfe) &&
		    !((unsigned char)s[0] == 0xfe && (unsigned char)s[1] == 0xff))
			strcpy(name, s[0] != '\0' && s[1] == '\0' ? "UTF-16LE" : "UTF-16BE");
		if (add_iconv(out, s, n, name))
			return;
	}
	if (ascii) {
		buf_add(out, s, n);
		return;
	}
	if (n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0) {
		s += 3;
		n -= 3;
		add_utf8(out, s, n);
		return;
	}
	if (utf8_valid(s, n))
		buf_add(out, s, n);
	else if (mostly_utf8(s, n) && (name[0] == '\0' || strcmp(name, "UTF-8") == 0))
		add_utf8(out, s, n);
	else if (name[0] == '\0' || strcmp(name, "UTF-8") == 0 || !add_iconv(out, s, n, name))
		add_1252(out, s, n);
}
