/*
 * Header fields: found in the raw bytes without copying, and decoded only when somebody asks.  Everything is lenient, since mail programs
 * are not: lone CR counts as a blank, encoded words stand in quotes, are cut in the middle of a character, hold blanks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"
#include "mail_internal.h"

bool mail_slice_is(struct mail_slice s, const char *word)
{
	size_t i = 0;
	for (; i < s.n && word[i] != '\0'; i++)
		if (mail_lower(s.p[i]) != word[i])
			return false;
	return i == s.n && word[i] == '\0';
}

bool mail_slice_starts(struct mail_slice s, const char *word)
{
	for (size_t i = 0; word[i] != '\0'; i++)
		if (i >= s.n || mail_lower(s.p[i]) != word[i])
			return false;
	return true;
}

struct mail_slice mail_slice_trim(struct mail_slice s)
{
	while (s.n > 0 && (mail_space(s.p[s.n - 1]) || s.p[s.n - 1] == '\0'))
		s.n--;
	while (s.n > 0 && (mail_space(s.p[0]) || s.p[0] == '\0')) {
		s.p++;
		s.n--;
	}
	return s;
}

const char *mail_slice_find(struct mail_slice s, const char *word)
{
	size_t k = strlen(word);
	char up = word[0] >= 'a' && word[0] <= 'z' ? (char)(word[0] - 32) : word[0];
	if (k == 0 || s.n < k)
		return NULL;
	for (const char *p = s.p, *end = s.p + s.n - k; p <= end; p++)
		if ((*p == word[0] || *p == up) && mail_slice_starts((struct mail_slice){ p, k }, word))
			return p;
	return NULL;
}

char *mail_lowered(const char *s, size_t n)
{
	char *low = xmalloc(n * 2 + 4); /* a few characters grow from two bytes to three */
	size_t to = 0;
	for (size_t i = 0; i < n;) {
		unsigned char c = (unsigned char)s[i];
		if (c < 0x80) {
			i++;
			if (!mail_space((char)c))
				low[to++] = mail_lower((char)c);
			else if (to > 0 && low[to - 1] != ' ')
				low[to++] = ' ';
			continue;
		}
		uint32_t cp;
		size_t k = utf8_decode(s + i, n - i, &cp);
		if (k == 0) {
			i++;
			continue;
		}
		to += utf8_encode((uint32_t)utf8proc_tolower((utf8proc_int32_t)cp), low + to);
		i += k;
	}
	low[to] = '\0';
	return low;
}

/* ---- fields ---- */

static unsigned name_key(const char *name, size_t n)
{
	return (unsigned)n << 16 | (unsigned)(unsigned char)mail_lower(name[0]) << 8 | (unsigned char)mail_lower(name[n - 1]);
}

static bool stray_parameter(struct mail_slice raw, size_t at)
{
	size_t before = at;
	while (before > 0 && mail_space(raw.p[before - 1]))
		before--;
	if (before == 0 || raw.p[before - 1] != ';')
		return false;
	size_t i = at;
	while (i < raw.n && i < at + 40 &&
	    (raw.p[i] == '-' || raw.p[i] == '*' || (mail_lower(raw.p[i]) >= 'a' && mail_lower(raw.p[i]) <= 'z')))
		i++;
	return i > at && i < raw.n && raw.p[i] == '=';
}

bool mail_field_next(struct mail_slice raw, size_t *at, struct mail_field *out)
{
	size_t i = *at;
	while (i < raw.n) {
		const char *line = raw.p + i;
		const char *nl = memchr(line, '\n', raw.n - i);
		size_t len = nl == NULL ? raw.n - i : (size_t)(nl - line), next = nl == NULL ? raw.n : i + len + 1;
		if (len == 0 || (len == 1 && line[0] == '\r')) {
			*at = next;
			return false;
		}
		size_t name = 0;
		while (name < len && line[name] > ' ' && line[name] != ':' && line[name] != 0x7f)
			name++;
		size_t colon = name;
		while (colon < len && (line[colon] == ' ' || line[colon] == '\t'))
			colon++;
		if (name == 0 || colon >= len || line[colon] != ':') {
			/* A folded line without a field, or a mailbox's own line: no loss.  Anything else is where the body begins without a blank line. */
			if (mail_space(line[0]) || (name == 4 && memcmp(line, "From", 4) == 0) ||
			    (name == 5 && memcmp(line, ">From", 5) == 0)) {
				i = next;
				continue;
			}
			*at = i;
			return false;
		}
		/* Folds; also a parameter that was to be one: "boundary=x" at the beginning of a line, after a line that ends in ";". */
		while (next < raw.n && (raw.p[next] == ' ' || raw.p[next] == '\t' || stray_parameter(raw, next))) {
			nl = memchr(raw.p + next, '\n', raw.n - next);
			size_t more = nl == NULL ? raw.n : (size_t)(nl - raw.p) + 1;
			/* A line of nothing but blanks ends some headers, too; the next line tells. */
			next = more;
		}
		out->name = (struct mail_slice){ line, name };
		out->key = name_key(line, name);
		out->value = mail_slice_trim((struct mail_slice){ line + colon + 1, (size_t)(raw.p + next - (line + colon + 1)) });
		*at = next;
		return true;
	}
	*at = raw.n;
	return false;
}

const struct mail_field *mail_field_find(const struct mail_fields *f, const char *name, size_t from)
{
	const unsigned key = name_key(name, strlen(name));
	if ((f->seen & mail_field_bit(key)) == 0)
		return NULL;
	for (size_t i = from; i < f->len; i++)
		if (f->items[i].key == key && mail_slice_is(f->items[i].name, name))
			return &f->items[i];
	return NULL;
}

struct mail_slice mail_field_value(const struct mail_fields *f, const char *name)
{
	const struct mail_field *x = mail_field_find(f, name, 0);
	return x == NULL ? (struct mail_slice){ "", 0 } : x->value;
}

/* ---- text ---- */

static bool is_bidi(uint32_t cp)
{
	return cp == 0x061c || cp == 0x200e || cp == 0x200f || (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) ||
	    cp == 0xfeff || cp == 0x2028 || cp == 0x2029;
}

void mail_clean(struct buf *b, size_t from)
{
	size_t to = from;
	for (size_t i = from; i < b->len;) {
		unsigned char c = (unsigned char)b->p[i];
		if (c < 0x80) {
			i++;
			if (c >= ' ' && c != 0x7f)
				b->p[to++] = (char)c;
			else if (c == '\t' || c == '\n')
				b->p[to++] = ' ';
			continue;
		}
		uint32_t cp;
		size_t k = utf8_decode(b->p + i, b->len - i, &cp);
		if (k == 0)
			k = 1;
		else if (cp >= 0xa0 && !is_bidi(cp)) {
			memmove(b->p + to, b->p + i, k);
			to += k;
		}
		i += k;
	}
	while (to > from && b->p[to - 1] == ' ')
		to--;
	size_t lead = from;
	while (lead < to && b->p[lead] == ' ')
		lead++;
	if (lead > from)
		memmove(b->p + from, b->p + lead, to - lead);
	if (b->p != NULL)
		buf_truncate(b, to - (lead - from));
}

struct word {
	struct mail_slice charset, text;
	bool base64;
	size_t n; /* of all of it */
};

/* An encoded word (RFC 2047 section 2) at ${s}. */
static bool word_at(struct mail_slice s, struct word *w)
{
	if (s.n < 7 || s.p[0] != '=' || s.p[1] != '?')
		return false;
	const char *end = s.p + s.n, *c = s.p + 2;
	const char *q = memchr(c, '?', (size_t)(end - c) < 64 ? (size_t)(end - c) : 64);
	if (q == NULL || q == c || end - q < 4 || q[2] != '?')
		return false;
	for (const char *p = c; p < q; p++)
		if (mail_space(*p) || *p == '=')
			return false;
	char e = mail_lower(q[1]);
	if (e != 'b' && e != 'q')
		return false;
	const char *t = q + 3, *close = t;
	for (;; close++) {
		close = memchr(close, '?', (size_t)(end - close));
		if (close == NULL || close + 1 >= end)
			return false;
		if (close[1] == '=')
			break;
	}
	*w = (struct word){ { c, (size_t)(q - c) }, { t, (size_t)(close - t) }, e == 'b', (size_t)(close + 2 - s.p) };
	return true;
}

static bool same(struct mail_slice a, struct mail_slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (mail_lower(a.p[i]) != mail_lower(b.p[i]))
			return false;
	return true;
}

static void add_unfolded(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] != '\r' && s[i] != '\n')
			buf_add_char(out, s[i] == '\t' && i > 0 && s[i - 1] == '\n' ? ' ' : s[i]);
}

void mail_header_add(struct buf *out, struct mail_slice v)
{
	size_t from = out->len;
	if (v.n == 0)
		return;
	bool ascii = mail_is_ascii(v.p, v.n), words = memmem(v.p, v.n, "=?", 2) != NULL;
	if (ascii && !words) {
		add_unfolded(out, v.p, v.n);
		mail_clean(out, from);
		return;
	}
	struct buf bytes = BUF_INIT,
	           plain = BUF_INIT; /* encoded words of one charset, their bytes joined before they are decoded */
	struct mail_slice charset = { NULL, 0 };
	size_t i = 0;
	while (i < v.n) {
		struct word w = { 0 };
		const char *next = memmem(v.p + i, v.n - i, "=?", 2);
		size_t at = next == NULL ? v.n : (size_t)(next - v.p);
		bool is_word = next != NULL && word_at((struct mail_slice){ next, v.n - at }, &w);
		if (next != NULL && !is_word)
			at += 2;
		bool blank = true;
		for (size_t k = i; k < at && blank; k++)
			blank = mail_space(v.p[k]);
		if (at > i && !(blank && charset.p != NULL && is_word)) {
			mail_charset_add(out, bytes.p, bytes.len, charset);
			buf_reset(&bytes);
			charset = (struct mail_slice){ NULL, 0 };
			buf_reset(&plain);
			add_unfolded(&plain, v.p + i, at - i);
			mail_charset_add(out, plain.p, plain.len, (struct mail_slice){ NULL, 0 });
		}
		i = at;
		if (!is_word)
			continue;
		if (charset.p == NULL || !same(charset, w.charset)) {
			mail_charset_add(out, bytes.p, bytes.len, charset);
			buf_reset(&bytes);
			charset = w.charset;
		}
		if (w.base64)
			mail_base64(&bytes, w.text.p, w.text.n, w.text.n);
		else
			mail_qp(&bytes, w.text.p, w.text.n, true);
		i += w.n;
	}
	mail_charset_add(out, bytes.p, bytes.len, charset);
	buf_done(&bytes);
	buf_done(&plain);
	mail_clean(out, from);
}

const char *mail_header_text(struct mail_arena *a, struct mail_slice value)
{
	value = mail_slice_trim(value);
	if (value.n == 0)
		return "";
	if (value.n < 1000 && mail_is_ascii(value.p, value.n) && memmem(value.p, value.n, "=?", 2) == NULL) {
		bool bad = false;
		for (size_t i = 0; i < value.n && !bad; i++)
			bad = value.p[i] < ' ' || value.p[i] == 0x7f;
		if (!bad)
			return mail_keep(a, value.p, value.n);
	}
	struct buf b = BUF_INIT;
	mail_header_add(&b, value);
	const char *s = mail_keep(a, b.p, b.len);
	buf_done(&b);
	return s;
}

void mail_plain_add(struct buf *out, struct mail_slice v)
{
	unsigned depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];
		if (c == '\\' && i + 1 < v.n && (quoted || depth > 0)) {
			if (depth == 0) {
				buf_add_char(out, c);
				buf_add_char(out, v.p[i + 1]);
			}
			i++;
			continue;
		}
		if (c == '"' && depth == 0)
			quoted = !quoted;
		if (!quoted && c == '(')
			depth++;
		else if (!quoted && c == ')' && depth > 0)
			depth--;
		else if (depth == 0)
			buf_add_char(out, mail_space(c) || c == '\0' ? ' ' : c);
	}
	mail_clean(out, 0);
}

/* ---- values with parameters ---- */

void mail_value_main(struct buf *out, struct mail_slice v)
{
	unsigned depth = 0;
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];
		if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (depth == 0 && (c == ';' || c == ','))
			break;
		else if (depth == 0 && !mail_space(c) && c > ' ' && c != '"' && (c & 0x80) == 0)
			buf_add_char(out, mail_lower(c));
		else if (depth == 0 && mail_space(c) && out->len > 0 && out->p[out->len - 1] != '/') {
			/* "text/plain charset=…" without the semicolon */
			size_t k = i;
			while (k < v.n && mail_space(v.p[k]))
				k++;
			if (k < v.n && v.p[k] != '/' && v.p[k] != '(')
				break;
		}
	}
	if (out->p == NULL)
		buf_reserve(out, 1);
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The next ";name=value" from ${*at}; ${quoted}: the value stood in quotes, which are not part of it. */
static bool param_next(struct mail_slice v, size_t *at, struct mail_slice *name, struct mail_slice *value, bool *quoted)
{
	size_t i = *at;
	while (i < v.n && (mail_space(v.p[i]) || v.p[i] == ';'))
		i++;
	if (i >= v.n)
		return false;
	size_t start = i;
	while (i < v.n && v.p[i] != '=' && v.p[i] != ';')
		i++;
	*name = mail_slice_trim((struct mail_slice){ v.p + start, i - start });
	*value = (struct mail_slice){ "", 0 };
	*quoted = false;
	if (i < v.n && v.p[i] == '=') {
		i++;
		while (i < v.n && mail_space(v.p[i]))
			i++;
		start = i;
		if (i < v.n && v.p[i] == '"') {
			*quoted = true;
			start = ++i;
			while (i < v.n && v.p[i] != '"')
				i += v.p[i] == '\\' ? 2 : 1;
			if (i > v.n)
				i = v.n;
			*value = (struct mail_slice){ v.p + start, i - start };
			while (i < v.n && v.p[i] != ';')
				/* "boundary="x" charset=y" */
				if (v.p[i++] != '"' && i < v.n && mail_space(v.p[i - 1]) && v.p[i] > ' ' && v.p[i] != ';' &&
				    v.p[i] != '(')
					break;
		} else {
			while (i < v.n && v.p[i] != ';')
				i++;
			*value = mail_slice_trim((struct mail_slice){ v.p + start, i - start });
		}
	}
	*at = i;
	return true;
}

static void add_unquoted(struct buf *out, struct mail_slice v, bool quoted)
{
	for (size_t i = 0; i < v.n; i++) {
		if (quoted && v.p[i] == '\\' && i + 1 < v.n && (v.p[i + 1] == '"' || v.p[i + 1] == '\\'))
			i++;
		if (v.p[i] != '\r' && v.p[i] != '\n')
			buf_add_char(out, v.p[i]);
	}
}

bool mail_param(struct mail_slice v, const char *name, struct buf *out)
{
	enum { SEGMENTS = 24 };
	struct {
		struct mail_slice value;
		bool there, quoted, percent;
	} seg[SEGMENTS] = { { { NULL, 0 }, false, false, false } };
	size_t at = 0, k = strlen(name), segments = 0, from = out->len;
	while (at < v.n && v.p[at] != ';' && !(mail_space(v.p[at]) && at > 0 && memchr(v.p, '/', at) != NULL))
		at++;
	struct mail_slice n, value, plain = { NULL, 0 };
	bool quoted, plain_quoted = false;
	while (param_next(v, &at, &n, &value, &quoted)) {
		if (!mail_slice_starts(n, name))
			continue;
		if (n.n == k) {
			if (plain.p == NULL) {
				plain = value;
				plain_quoted = quoted;
			}
			continue;
		}
		if (n.p[k] != '*')
			continue;
		size_t i = k + 1, no = 0;
		while (i < n.n && n.p[i] >= '0' && n.p[i] <= '9' && no < SEGMENTS)
			no = no * 10 + (size_t)(n.p[i++] - '0');
		bool percent = i < n.n ? n.p[i] == '*' : i == k + 1;
		if (no >= SEGMENTS)
			continue;
		while (segments <= no)
			seg[segments++].there = false;
		if (!seg[no].there) {
			seg[no].there = true;
			seg[no].value = value;
			seg[no].quoted = quoted;
			seg[no].percent = percent;
		}
	}
	if (segments > 0 && seg[0].there) {
		struct buf b = BUF_INIT;
		struct mail_slice charset = { NULL, 0 };
		bool words = false;
		for (size_t i = 0; i < segments && seg[i].there; i++) {
			struct mail_slice s = seg[i].value;
			if (i == 0 && seg[i].percent) {
				const char *a = memchr(s.p, '\'', s.n);
				const char *e = a == NULL ? NULL : memchr(a + 1, '\'', (size_t)(s.p + s.n - a - 1));
				if (e != NULL) {
					charset = (struct mail_slice){ s.p, (size_t)(a - s.p) };
					s = (struct mail_slice){ e + 1, (size_t)(s.p + s.n - e - 1) };
				}
			}
			if (!seg[i].percent) {
				words = words || i == 0;
				add_unquoted(&b, s, seg[i].quoted);
				continue;
			}
			for (size_t j = 0; j < s.n; j++) {
				if (s.p[j] == '%' && j + 2 < s.n && hex(s.p[j + 1]) >= 0 && hex(s.p[j + 2]) >= 0) {
					buf_add_char(&b, (char)(hex(s.p[j + 1]) << 4 | hex(s.p[j + 2])));
					j += 2;
				} else if (s.p[j] != '\r' && s.p[j] != '\n') {
					buf_add_char(&b, s.p[j]);
				}
			}
		}
		if (words && charset.p == NULL)
			mail_header_add(out, (struct mail_slice){ b.p, b.len });
		else
			mail_charset_add(out, b.p, b.len, charset);
		buf_done(&b);
		mail_clean(out, from);
		return true;
	}
	if (plain.p == NULL)
		return false;
	struct buf b = BUF_INIT;
	buf_reserve(&b, plain.n);
	add_unquoted(&b, plain, plain_quoted);
	mail_header_add(out, (struct mail_slice){ b.p, b.len });
	buf_done(&b);
	return true;
}

/* ---- Message-IDs ---- */

static void id_add(struct mail_arena *a, struct mail_slice s, struct mail_ids *io)
{
	char id[1000] = "";
	size_t n = 0;
	for (size_t i = 0; i < s.n && n < sizeof id - 1; i++)
		if (s.p[i] > ' ' && s.p[i] != 0x7f && s.p[i] != '<' && s.p[i] != '>')
			id[n++] = s.p[i];
		else if ((s.p[i] & 0x80) != 0)
			id[n++] = s.p[i];
	n = utf8_valid(id, n) ? n : 0;
	if (n == 0)
		return;
	if (io->len == MAIL_IDS_MAX) {
		/* The first stays, and the newest: both ends say where a mail belongs. */
		memmove(io->items + 1, io->items + 2, (MAIL_IDS_MAX - 2) * sizeof *io->items);
		io->len--;
	}
	if (io->items == NULL)
		io->items = mail_alloc(a, 4 * sizeof *io->items);
	else if (io->len >= 4 && (io->len & (io->len - 1)) == 0) {
		const char **more = mail_alloc(a, io->len * 2 * sizeof *more);
		memcpy(more, io->items, io->len * sizeof *more);
		io->items = more;
	}
	io->items[io->len++] = mail_keep(a, id, n);
}

void mail_ids_read(struct mail_arena *a, struct mail_slice v, struct mail_ids *out)
{
	bool any = false;
	for (size_t i = 0; i < v.n;) {
		const char *open = memchr(v.p + i, '<', v.n - i);
		if (open == NULL)
			break;
		const char *end = open + 1, *stop = v.p + v.n;
		while (end < stop && *end != '>' && *end != '<') /* a '<': cut in the middle, and the next one begins */
			end++;
		id_add(a, (struct mail_slice){ open + 1, (size_t)(end - open - 1) }, out);
		any = true;
		i = (size_t)(end - v.p) + (end < stop && *end == '>');
	}
	if (any)
		return;
	struct buf b = BUF_INIT;
	mail_plain_add(&b, v);
	for (size_t i = 0; i < b.len;) {
		size_t n = strcspn(b.p + i, " ,;");
		if (n > 0)
			id_add(a, (struct mail_slice){ b.p + i, n }, out);
		i += n + 1;
	}
	buf_done(&b);
}

/* ---- dates ---- */

static int month_of(const char *s)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
	char low[3] = { mail_lower(s[0]), mail_lower(s[1]), mail_lower(s[2]) };
	for (int i = 0; i < 12; i++)
		if (memcmp(names + (ptrdiff_t)i * 3, low, 3) == 0)
			return i + 1;
	return 0;
}

static int64_t days_from_civil(int64_t y, int m, int d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

/* At most two; 0 where there is none. */
static int two_digits(const char **p)
{
	int v = 0;
	for (int i = 0; i < 2 && **p >= '0' && **p <= '9'; i++)
		v = v * 10 + (*(*p)++ - '0');
	return v;
}

int64_t mail_date_read(struct mail_slice v)
{
	static const struct {
		const char *name;
		int hours;
	} zones[] = { { "est", -5 }, { "edt", -4 }, { "cst", -6 }, { "cdt", -5 }, { "mst", -7 }, { "mdt", -6 }, { "pst", -8 },
		{ "pdt", -7 }, { "cet", 1 }, { "cest", 2 }, { "mez", 1 }, { "mesz", 2 }, { "bst", 1 }, { "jst", 9 } };
	struct buf b = BUF_INIT;
	mail_plain_add(&b, v);
	int day = -1, month = 0, h = -1, m = 0, s = 0;
	int64_t year = -1, zone = 0;
	bool zoned = false;
	for (size_t i = 0; i < b.len;) {
		size_t n = strcspn(b.p + i, " ,");
		const char *w = b.p + i;
		i += n + 1;
		if (n == 0)
			continue;
		size_t num = strspn(w, "0123456789");
		if (num > n)
			num = n;
		int a;
		if (h < 0 && num > 0 && num <= 2 && w[num] == ':' && w[num + 1] >= '0' && w[num + 1] <= '9') {
			const char *p = w;
			h = two_digits(&p);
			p++;
			m = two_digits(&p);
			s = *p == ':' ? (p++, two_digits(&p)) : 0;
			continue;
		}
		if ((w[0] == '+' || w[0] == '-') && n >= 5 && strspn(w + 1, "0123456789") >= 4) {
			int z = (w[1] - '0') * 600 + (w[2] - '0') * 60 + (w[3] - '0') * 10 + (w[4] - '0');
			zone = w[0] == '-' ? -z : z;
			zoned = true;
			continue;
		}
		if (num == n) {
			long long x = n < 6 ? strtoll(w, NULL, 10) : -1;
			if (n <= 2 && day < 0)
				day = (int)x;
			else if (year < 0 && x >= 0 && (n == 4 || (n <= 3 && month > 0)))
				year = n == 4 ? x : x < 50 ? x + 2000 : x + 1900;
			continue;
		}
		/* "06-May-2024" */
		int y2;
		char mon[4];
		if (day < 0 && num > 0 && num <= 2 && sscanf(w, "%2d-%3[A-Za-z]-%4d", &a, mon, &y2) == 3 && month_of(mon) > 0) {
			day = a;
			month = month_of(mon);
			year = y2 < 50 ? y2 + 2000 : y2 < 100 ? y2 + 1900 : y2;
			continue;
		}
		if (num == 0 && n >= 3 && month == 0 && (month = month_of(w)) > 0)
			continue;
		if (num == 0 && !zoned && h >= 0)
			for (size_t z = 0; z < sizeof zones / sizeof *zones; z++)
				if (mail_slice_is((struct mail_slice){ w, n }, zones[z].name)) {
					zone = (int64_t)zones[z].hours * 60;
					zoned = true;
				}
	}
	buf_done(&b);
	if (day < 1 || day > 31 || month < 1 || year < 0 || h > 24 || m > 59 || s > 60)
		return 0;
	if (h < 0)
		h = 0;
	return days_from_civil(year, month, day) * 86400 + (int64_t)h * 3600 + (int64_t)m * 60 + s - zone * 60;
}
