/*
 * A mail, written out.  It is a small language of its own: header fields with values that were checked or encoded, then two parts in
 * quoted-printable or base64, whichever is shorter.  Nothing that comes from outside is copied into a header as it is: addresses and ids are
 * checked character by character, names and subjects lose their control characters and become encoded words (RFC 2047) where they are not
 * plain ASCII.  Boundaries come from the Message-ID, so that the same draft gives the same bytes.
 *
 * A string like "=_" cannot occur in either encoding, which is why the boundary begins with it.
 */
#include "compose.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "../../core/base/encode.h"
#include "../../core/base/utf8.h"
#include "smtp.h"

#define LINE 76u
#define SUBJECT_MAX 1000u
#define NAME_MAX 200u
#define ID_MAX 900u /* of a Message-ID: one line with its field name stays below 998 octets */
#define REFERENCES_MAX 20u
#define PEOPLE_MAX 500u

/* ---- what may stand where ---- */

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool smtp_address_ok(const char *addr)
{
	size_t n = addr ? strlen(addr) : 0;
	const char *at = n > 0 && n <= 254 ? strrchr(addr, '@') : NULL;
	if (!at || at == addr || !at[1])
		return false;
	bool quoted = addr[0] == '"';
	if (quoted && (at < addr + 3 || at[-1] != '"'))
		return false;
	for (const char *p = addr + quoted, *end = at - quoted; p < end; p++) {
		if (!quoted && !is_alnum(*p) && !strchr("!#$%&'*+-/=?^_`{|}~.", *p))
			return false;
		if (quoted && (*p <= ' ' || *p > '~' || strchr("<>\"\\", *p)))
			return false;
	}
	for (const char *p = at + 1; *p; p++)
		if (!is_alnum(*p) && *p != '.' && *p != '-')
			return false;
	return at[1] != '.' && at[1] != '-' && addr[n - 1] != '-' && addr[n - 1] != '.' && !strstr(at, "..");
}

/* Printable ASCII without blanks and brackets: what stands between < and >. */
static bool is_id(const char *s)
{
	size_t n = s ? strlen(s) : 0;
	if (n == 0 || n > ID_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~' || s[i] == '<' || s[i] == '>')
			return false;
	return true;
}

/* Text for a header: one line of valid UTF-8 without controls and without marks that turn the direction of what follows. */
static void clean(const char *s, size_t max, struct buf *out)
{
	size_t n = s ? utf8_clip(s, strlen(s), max) : 0;
	buf_reset(out);
	for (size_t i = 0; i < n;) {
		uint32_t cp = 0;
		size_t k = utf8_decode(s + i, n - i, &cp);
		bool blank = k > 0 && (cp <= ' ' || (cp >= 0x7f && cp <= 0xa0) || cp == 0x2028 || cp == 0x2029);
		bool dropped = k > 0 && ((cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff);
		if (k == 0)
			buf_add_str(out, "\xef\xbf\xbd");
		else if (!blank && !dropped)
			buf_add(out, s + i, k);
		else if (blank && out->len > 0)
			buf_add_char(out, ' ');
		i += k ? k : 1;
	}
	while (out->len > 0 && out->p[out->len - 1] == ' ')
		buf_truncate(out, out->len - 1);
}

static bool is_ascii(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] >= 0x80)
			return false;
	return true;
}

/* ---- encodings ---- */

static const char hex[] = "0123456789ABCDEF";

static void add_base64(struct buf *out, const unsigned char *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < n; i += 3) {
		unsigned v =
		    (unsigned)p[i] << 16 | (i + 1 < n ? (unsigned)p[i + 1] << 8 : 0) | (i + 2 < n ? (unsigned)p[i + 2] : 0);
		char q[4] = { digits[v >> 18], digits[v >> 12 & 63], i + 1 < n ? digits[v >> 6 & 63] : '=',
			i + 2 < n ? digits[v & 63] : '=' };
		buf_add(out, q, 4);
	}
}

/* Encoded words (RFC 2047), each whole in its characters and at most 75 long; every one after the first begins a line. */
static void add_words(struct buf *out, const char *s, size_t n)
{
	size_t special = 0;
	for (size_t i = 0; i < n; i++)
		special += !is_alnum(s[i]) && s[i] != ' ';
	bool b = special * 3 > n; /* Q takes three for each of them, B four for any three */
	for (size_t i = 0; i < n;) {
		buf_add_str(out, i > 0 ? "\r\n =?utf-8?" : "=?utf-8?");
		buf_add_str(out, b ? "B?" : "Q?");
		size_t used = 0, from = i;
		while (i < n) {
			uint32_t cp = 0;
			size_t k = utf8_decode(s + i, n - i, &cp), cost = 0;
			for (size_t j = 0; j < k; j++)
				cost += b || is_alnum(s[i + j]) || s[i + j] == ' ' ? 1 : 3;
			if (used + cost > (b ? 39u : 52u)) /* the first line has the field's name before it */
				break;
			used += cost;
			i += k;
		}
		if (b)
			add_base64(out, (const unsigned char *)s + from, i - from);
		for (size_t j = from; !b && j < i; j++) {
			unsigned char c = (unsigned char)s[j];
			if (is_alnum(s[j]))
				buf_add_char(out, s[j]);
			else if (c == ' ')
				buf_add_char(out, '_');
			else
				buf_add(out, (char[]){ '=', hex[c >> 4], hex[c & 15] }, 3);
		}
		buf_add_str(out, "?=");
	}
}

/* The rest of a line that has ${column} characters; folded before words. */
static void add_folded(struct buf *out, const char *s, size_t n, size_t column)
{
	for (size_t i = 0; i < n;) {
		size_t end = i + 1;
		while (end < n && (s[end] != ' ' || s[end - 1] == ' '))
			end++;
		if (i > 0 && column + (end - i) > LINE) {
			buf_add_str(out, "\r\n");
			column = 0;
		}
		buf_add(out, s + i, end - i);
		column += end - i;
		i = end;
	}
}

/* Unstructured text as a value behind "Name: ". */
static void add_unstructured(struct buf *out, const char *name, const char *value, size_t max)
{
	struct buf b = BUF_INIT;
	clean(value, max, &b);
	buf_addf(out, "%s: ", name);
	bool long_word = false;
	for (size_t i = 0, from = 0; i <= b.len; i++) {
		if (i < b.len && b.p[i] != ' ')
			continue;
		long_word |= i - from > 900;
		from = i + 1;
	}
	if (is_ascii(b.p, b.len) && !strstr(b.p, "=?") && !long_word)
		add_folded(out, b.p, b.len, strlen(name) + 2);
	else
		add_words(out, b.p, b.len);
	buf_add_str(out, "\r\n");
	buf_done(&b);
}

/* A display name and its blank, nothing for none. */
static void add_name(struct buf *out, const char *name)
{
	struct buf b = BUF_INIT;
	clean(name, NAME_MAX, &b);
	bool plain = true;
	for (size_t i = 0; i < b.len; i++)
		plain &= is_alnum(b.p[i]) || b.p[i] == ' ';
	if (b.len > 60 || !is_ascii(b.p, b.len) || strstr(b.p, "=?")) {
		add_words(out, b.p, b.len);
	} else if (plain) {
		buf_add(out, b.p, b.len);
	} else {
		buf_add_char(out, '"');
		for (size_t i = 0; i < b.len; i++) {
			if (b.p[i] == '"' || b.p[i] == '\\')
				buf_add_char(out, '\\');
			buf_add_char(out, b.p[i]);
		}
		buf_add_char(out, '"');
	}
	if (b.len > 0)
		buf_add_char(out, ' ');
	buf_done(&b);
}

static void add_people(struct buf *out, const char *field, const struct draft_address *a, size_t n)
{
	if (n == 0)
		return;
	buf_addf(out, "%s: ", field);
	for (size_t i = 0; i < n; i++) {
		struct buf name = BUF_INIT;
		buf_reset(&name);
		add_name(&name, a[i].name);
		buf_add(out, name.p, name.len);
		if (name.len + strlen(a[i].addr) > LINE - 12)
			buf_add_str(out, name.len ? "\r\n " : "");
		buf_addf(out, "<%s>%s", a[i].addr, i + 1 < n ? ",\r\n " : "\r\n");
		buf_done(&name);
	}
}

/* ---- bodies ---- */

/* Lines end in LF and become CR LF.  "From " and a lone dot at the start of a line are encoded (RFC 2049 section 3). */
static void add_quoted_printable(struct buf *out, const char *s, size_t n)
{
	size_t column = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c == '\n') {
			buf_add_str(out, "\r\n");
			column = 0;
			continue;
		}
		bool last = i + 1 == n || s[i + 1] == '\n';
		bool plain = c > ' ' && c <= '~' && c != '=';
		if ((c == ' ' || c == '\t') && !last)
			plain = true;
		if (column + (plain ? 1 : 3) > (last ? LINE : LINE - 1)) {
			buf_add_str(out, "=\r\n");
			column = 0;
		}
		if (column == 0 && ((c == 'F' && n - i >= 5 && memcmp(s + i, "From ", 5) == 0) || (c == '.' && last)))
			plain = false;
		if (plain)
			buf_add_char(out, (char)c);
		else
			buf_add(out, (char[]){ '=', hex[c >> 4], hex[c & 15] }, 3);
		column += plain ? 1 : 3;
	}
}

static void add_base64_lines(struct buf *out, const char *s, size_t n)
{
	struct buf crlf = BUF_INIT;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\n')
			buf_add_char(&crlf, '\r');
		buf_add_char(&crlf, s[i]);
	}
	for (size_t i = 0; i < crlf.len; i += 57) {
		add_base64(out, (const unsigned char *)crlf.p + i, crlf.len - i < 57 ? crlf.len - i : 57);
		buf_add_str(out, "\r\n");
	}
	buf_done(&crlf);
}

static void add_part(struct buf *out, const char *boundary, const char *type, const struct buf *text)
{
	struct buf body = BUF_INIT, quoted = BUF_INIT, base = BUF_INIT;
	buf_reset(&body);
	for (size_t i = 0; i < text->len;) { /* what the parts declare is true: valid UTF-8, no NUL, no lone CR */
		uint32_t cp = 0;
		size_t k = utf8_decode(text->p + i, text->len - i, &cp);
		if (k == 0 || cp == 0)
			buf_add_str(&body, "\xef\xbf\xbd");
		else if (cp != '\r')
			buf_add(&body, text->p + i, k);
		i += k ? k : 1;
	}
	if (body.len == 0 || body.p[body.len - 1] != '\n')
		buf_add_char(&body, '\n');
	add_quoted_printable(&quoted, body.p, body.len);
	bool b64 = quoted.len > body.len * 7 / 5;
	if (b64)
		add_base64_lines(&base, body.p, body.len);
	buf_addf(out, "--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n", boundary, type,
	    b64 ? "base64" : "quoted-printable");
	buf_add(out, b64 ? base.p : quoted.p, b64 ? base.len : quoted.len);
	buf_done(&body);
	buf_done(&quoted);
	buf_done(&base);
}

/* ---- fields ---- */

static void add_date(struct buf *out, int64_t at)
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t t = (time_t)(at < 0 ? 0 : at > 253402300799 ? 253402300799 : at);
	struct tm tm;
	gmtime_r(&t, &tm);
	buf_addf(out, "Date: %s, %d %s %04d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* Who was there before: the parent comes last, ids that cannot stand in a header are left out, the middle of a long row too. */
static void add_references(struct buf *out, const struct draft *d)
{
	const char *parent = is_id(d->in_reply_to) ? d->in_reply_to : NULL;
	size_t n = 0;
	for (size_t i = 0; i < d->references_len; i++)
		n += is_id(d->references[i]) && (!parent || strcmp(d->references[i], parent) != 0);
	if (parent)
		buf_addf(out, "In-Reply-To: <%s>\r\n", parent);
	if (n == 0 && !parent)
		return;
	size_t last = REFERENCES_MAX - 1 - (parent ? 1 : 0), nth = 0;
	const char *before = "References:";
	for (size_t i = 0; i < d->references_len; i++) {
		const char *id = d->references[i];
		if (!is_id(id) || (parent && strcmp(id, parent) == 0))
			continue;
		nth++;
		if (nth > 1 && nth + last <= n) /* the first one, and the last ones */
			continue;
		buf_addf(out, "%s <%s>\r\n", before, id);
		before = "";
	}
	if (parent)
		buf_addf(out, "%s <%s>\r\n", before, parent);
}

static void add_unsubscribe(struct buf *out, const struct draft *d)
{
	if (!d->unsubscribe_url && !d->unsubscribe_mail)
		return;
	const char *before = "List-Unsubscribe:";
	if (d->unsubscribe_url) {
		buf_addf(out, "%s <%s>%s\r\n", before, d->unsubscribe_url, d->unsubscribe_mail ? "," : "");
		before = "";
	}
	if (d->unsubscribe_mail) {
		buf_addf(out, "%s <mailto:", before);
		for (const char *p = d->unsubscribe_mail; *p; p++) {
			unsigned char c = (unsigned char)*p;
			if (is_alnum(*p) || strchr("-._~@+!$*", *p))
				buf_add_char(out, *p);
			else
				buf_add(out, (char[]){ '%', hex[c >> 4], hex[c & 15] }, 3);
		}
		buf_add_str(out, "?subject=unsubscribe>\r\n");
	}
	if (d->unsubscribe_url && strncasecmp(d->unsubscribe_url, "https://", 8) == 0)
		buf_add_str(out, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
}

/* ---- the whole ---- */

static enum err refuse(char *why, size_t n, const char *what)
{
	if (n > 0)
		snprintf(why, n, "%s", what);
	return ERR_INPUT;
}

static enum err check(const struct draft *d, char *why, size_t n)
{
	if (!smtp_address_ok(d->from.addr))
		return refuse(why, n, "From: not an address");
	if (d->reply_to && !smtp_address_ok(d->reply_to))
		return refuse(why, n, "Reply-To: not an address");
	if (d->to_len + d->cc_len == 0)
		return refuse(why, n, "To: nobody");
	if (d->to_len + d->cc_len > PEOPLE_MAX)
		return refuse(why, n, "To: too many");
	for (size_t i = 0; i < d->to_len; i++)
		if (!smtp_address_ok(d->to[i].addr))
			return refuse(why, n, "To: not an address");
	for (size_t i = 0; i < d->cc_len; i++)
		if (!smtp_address_ok(d->cc[i].addr))
			return refuse(why, n, "Cc: not an address");
	if (!is_id(d->message_id) || !strchr(d->message_id, '@'))
		return refuse(why, n, "Message-ID: not an id");
	if (d->loop_mark && !is_id(d->loop_mark))
		return refuse(why, n, "X-Eddy-Id: not a word");
	if (d->unsubscribe_url &&
	    (!is_id(d->unsubscribe_url) ||
	        (strncasecmp(d->unsubscribe_url, "https://", 8) != 0 && strncasecmp(d->unsubscribe_url, "http://", 7) != 0)))
		return refuse(why, n, "List-Unsubscribe: not a web address");
	if (d->unsubscribe_mail && !smtp_address_ok(d->unsubscribe_mail))
		return refuse(why, n, "List-Unsubscribe: not an address");
	return ERR_NONE;
}

enum err compose_mail(const struct draft *d, struct buf *out, char *why, size_t why_n)
{
	enum err e = check(d, why, why_n);
	if (e != ERR_NONE)
		return e;
	struct draft_address reply_to = { d->from.name, d->reply_to };
	add_people(out, "From", &d->from, 1);
	add_people(out, "To", d->to, d->to_len);
	add_people(out, "Cc", d->cc, d->cc_len);
	if (d->reply_to)
		add_people(out, "Reply-To", &reply_to, 1);
	add_unstructured(out, "Subject", d->subject, SUBJECT_MAX);
	add_date(out, d->date);
	buf_addf(out, "Message-ID: <%s>\r\n", d->message_id);
	add_references(out, d);
	if (d->automatic || d->unattended)
		buf_addf(out, "Auto-Submitted: %s\r\n", d->unattended ? "auto-generated" : "auto-replied");
	if (d->unattended)
		buf_add_str(out, "X-Auto-Response-Suppress: All\r\n");
	if (d->loop_mark)
		buf_addf(out, "X-Eddy-Id: %s\r\n", d->loop_mark);
	add_unsubscribe(out, d);

	unsigned char hash[SHA256_DIGEST_LENGTH];
	char name[25], boundary[32];
	SHA256((const unsigned char *)d->message_id, strlen(d->message_id), hash);
	hex_encode(name, hash, 12);
	snprintf(boundary, sizeof boundary, "=_%s", name);
	buf_addf(out, "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n", boundary);
	struct buf text = BUF_INIT;
	buf_reset(&text);
	compose_plain(d, &text);
	add_part(out, boundary, "text/plain; charset=utf-8; format=flowed", &text);
	buf_reset(&text);
	compose_html(d, &text);
	add_part(out, boundary, "text/html; charset=utf-8", &text);
	buf_addf(out, "--%s--\r\n", boundary);
	buf_done(&text);
	return ERR_NONE;
}

#define LEFT "eddy-"

void compose_message_id(struct id delivery, const char *domain, char out[320])
{
	char id[ID_TEXT];
	snprintf(out, 320, LEFT "%s@%s", id_format(delivery, id), domain);
}

bool compose_delivery_of(const char *message_id, const char *domain, struct id *delivery)
{
	size_t left = strlen(LEFT), n = message_id ? strlen(message_id) : 0, m = strlen(domain);
	bool bare = n == 0 || message_id[0] != '<';
	if (!bare) {
		if (message_id[n - 1] != '>')
			return false;
		message_id++;
		n -= 2;
	}
	char id[ID_TEXT];
	if (n != left + ID_TEXT - 1 + 1 + m || strncmp(message_id, LEFT, left) != 0 || message_id[left + ID_TEXT - 1] != '@' ||
	    strncasecmp(message_id + left + ID_TEXT, domain, m) != 0)
		return false;
	memcpy(id, message_id + left, ID_TEXT - 1);
	id[ID_TEXT - 1] = '\0';
	struct id found;
	if (!id_parse(id, &found) || id_is_none(found))
		return false;
	*delivery = found;
	return true;
}
