/*
 * Addresses (RFC 5322 3.4, 6532).  The reader takes what mail programs write: groups, routes, comments, names without quotes, encoded words
 * that hold commas.  Names and addresses are decoded after the list is cut, so that nothing encoded can add an address.
 */
#include <idn2.h>
#include <stdlib.h>

#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"
#include "mail_internal.h"

bool mail_address_ok(const char *addr)
{
	static const bool barred[128] = { ['<'] = true,
		['>'] = true,
		['('] = true,
		[')'] = true,
		['['] = true,
		[']'] = true,
		['\\'] = true,
		[','] = true,
		[';'] = true,
		[':'] = true,
		['"'] = true,
		[0x7f] = true };
	if (addr == NULL)
		return false;
	size_t n = 0, at = 0, ats = 0;
	bool ascii = true, dots = false;
	for (; addr[n] != '\0'; n++) {
		unsigned char c = (unsigned char)addr[n];
		if (n >= 254 || c <= ' ' || (c < 128 && barred[c]))
			return false;
		if (c == 0xc2 && (unsigned char)addr[n + 1] <= 0xa0) /* C1 controls, the no-break space */
			return false;
		ascii = ascii && c < 128;
		if (c == '@') {
			ats++;
			at = n;
		}
		dots = dots || (ats > 0 && c == '.' && n > 0 && (addr[n - 1] == '.' || addr[n - 1] == '@'));
	}
	return n >= 3 && ats == 1 && at > 0 && at <= 64 && at + 1 < n && addr[at + 1] != '-' && addr[n - 1] != '.' && !dots &&
	    (ascii || utf8_valid(addr, n));
}

/* The domain as A-label in lower case; false: it is none. */
static bool domain_normal(const char *d, size_t n, char out[256])
{
	if (n == 0 || n > 250)
		return false;
	if (mail_is_ascii(d, n)) {
		for (size_t i = 0; i < n; i++)
			out[i] = mail_lower(d[i]);
		out[n] = '\0';
		return true;
	}
	char *host = xstrndup(d, n), *a = NULL;
	bool ok = idn2_to_ascii_8z(host, &a, IDN2_NONTRANSITIONAL) == IDN2_OK && strlen(a) < 255;
	free(host);
	if (ok) {
		size_t k = strlen(a);
		for (size_t i = 0; i <= k; i++)
			out[i] = mail_lower(a[i]);
	}
	idn2_free(a);
	return ok;
}

bool mail_address_normal(const char *addr, char out[320])
{
	if (!mail_address_ok(addr))
		return false;
	const char *at = strchr(addr, '@');
	char domain[256];
	if (!domain_normal(at + 1, strlen(at + 1), domain))
		return false;
	size_t local = (size_t)(at - addr), n = strlen(domain);
	if (local + 1 + n > 254)
		return false;
	memmove(out, addr, local + 1);
	memcpy(out + local + 1, domain, n + 1);
	/* Some characters become others on the way to ASCII: a full-width dot, an ellipsis. */
	return mail_address_ok(out);
}

bool mail_address_is(const char *addr, const char *own)
{
	char a[320], o[320];
	if (!mail_address_normal(addr, a) || !mail_address_normal(own, o))
		return false;
	const char *da = strchr(a, '@'), *dn = strchr(o, '@');
	if (strcmp(da, dn) != 0)
		return false;
	size_t na = (size_t)(da - a), no = (size_t)(dn - o);
	const char *plus = memchr(a, '+', na);
	if (plus != NULL && plus != a && memchr(o, '+', no) == NULL)
		na = (size_t)(plus - a);
	return na == no && strncasecmp(a, o, na) == 0;
}

void mail_address_tag(const char *addr, char out[65])
{
	out[0] = '\0';
	const char *at = strrchr(addr, '@'), *plus = strchr(addr, '+');
	if (at == NULL || plus == NULL || plus > at || plus == addr || at - plus - 1 > 64)
		return;
	size_t n = (size_t)(at - plus - 1);
	memcpy(out, plus + 1, n);
	out[n] = '\0';
}

static bool is_local(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c & 0x80) != 0 ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~.", c) != NULL);
}
static bool is_domain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c & 0x80) != 0 || c == '-' ||
	    c == '.' || c == '_';
}

bool mail_address_in(struct mail_slice t, char out[320])
{
	for (size_t i = 0; i < t.n; i++) {
		const char *at = memchr(t.p + i, '@', t.n - i);
		if (at == NULL)
			return false;
		size_t k = (size_t)(at - t.p), from = k, to = k + 1;
		while (from > i && is_local(t.p[from - 1]))
			from--;
		while (to < t.n && is_domain(t.p[to]))
			to++;
		while (to > k + 1 && (t.p[to - 1] == '.' || t.p[to - 1] == '-'))
			to--;
		while (from < k && strchr("'.=`*-/", t.p[from]) != NULL)
			from++;
		if (from < k && to > k + 1 && to - from < 255) {
			char a[256];
			memcpy(a, t.p + from, to - from);
			a[to - from] = '\0';
			if (mail_address_normal(a, out))
				return true;
		}
		i = k;
	}
	return false;
}

/* ---- a list of them ---- */

static struct mail_address *item_add(struct mail_arena *a, struct mail_addresses *io)
{
	if (io->len >= MAIL_ADDRESSES_MAX)
		return NULL;
	if (io->len == 0)
		io->items = mail_alloc(a, 2 * sizeof *io->items);
	else if (io->len >= 2 && (io->len & (io->len - 1)) == 0) {
		struct mail_address *more = mail_alloc(a, io->len * 2 * sizeof *more);
		memcpy(more, io->items, io->len * sizeof *more);
		io->items = more;
	}
	return &io->items[io->len++];
}

struct reading {
	struct buf words;   /* raw display name */
	struct buf comment; /* raw, the last one: an old way to write the name */
	struct buf angle;   /* between < and > */
	bool has_angle, quoted_local;
};

static void trim(struct buf *b)
{
	size_t from = 0, to = b->len;
	while (to > 0 && mail_space(b->p[to - 1]))
		to--;
	while (from < to && mail_space(b->p[from]))
		from++;
	if (b->p != NULL) {
		buf_truncate(b, to);
		buf_drop(b, from);
	}
}

static void finish(struct mail_arena *a, struct reading *r, struct mail_addresses *io)
{
	trim(&r->words);
	trim(&r->angle);
	trim(&r->comment);
	struct buf spec = BUF_INIT, name = BUF_INIT;
	if (r->has_angle) {
		/* A route in front (RFC 5322 4.4): "@a,@b:user@c". */
		const char *colon = r->angle.len > 0 && r->angle.p[0] == '@' ? strchr(r->angle.p, ':') : NULL;
		buf_add_str(&spec, colon != NULL ? colon + 1 : r->angle.p);
		if (r->words.len > 0)
			mail_header_add(&name, (struct mail_slice){ r->words.p, r->words.len });
		else if (r->comment.len > 0)
			mail_header_add(&name, (struct mail_slice){ r->comment.p, r->comment.len });
	} else {
		buf_add(&spec, r->words.p, r->words.len);
		if (r->comment.len > 0)
			mail_header_add(&name, (struct mail_slice){ r->comment.p, r->comment.len });
	}
	/* The address itself: blanks around "@" and "." go, raw bytes become UTF-8; encoded words are not decoded in it. */
	struct buf clean = BUF_INIT;
	mail_charset_add(&clean, spec.p, spec.len, (struct mail_slice){ NULL, 0 });
	mail_clean(&clean, 0);
	size_t to = 0;
	bool inner = false;
	for (size_t i = 0; i < clean.len; i++) {
		char c = clean.p[i];
		if (c == '<' || c == '>')
			continue;
		if (c == ' ') {
			bool glue = (to > 0 && (clean.p[to - 1] == '@' || clean.p[to - 1] == '.')) ||
			    (i + 1 < clean.len && (clean.p[i + 1] == '@' || clean.p[i + 1] == '.' || clean.p[i + 1] == ' '));
			if (!glue)
				inner = true;
			if (glue)
				continue;
		}
		clean.p[to++] = c;
	}
	if (clean.p != NULL)
		buf_truncate(&clean, to);
	if (clean.len > 0 && (!inner || strchr(clean.p, '@') == NULL || r->quoted_local || r->has_angle)) {
		struct mail_address *it = item_add(a, io);
		if (it != NULL) {
			char normal[320];
			it->name = name.len > 0 ? mail_keep(a, name.p, name.len) : "";
			it->written = mail_keep(a, clean.p, clean.len);
			it->addr = !mail_address_normal(it->written, normal) ? ""
			    : strcmp(normal, it->written) == 0               ? it->written
			                                                     : mail_keep(a, normal, strlen(normal));
		}
	} else if (inner) {
		/* "Pat Example pat@example.com": the word with "@" is the address. */
		char found[320];
		if (mail_address_in((struct mail_slice){ clean.p, clean.len }, found)) {
			struct mail_address *it = item_add(a, io);
			if (it != NULL) {
				it->name = name.len > 0 ? mail_keep(a, name.p, name.len) : "";
				it->addr = it->written = mail_keep(a, found, strlen(found));
			}
		}
	}
	buf_done(&clean);
	buf_done(&spec);
	buf_done(&name);
	buf_reset(&r->words);
	buf_reset(&r->comment);
	buf_reset(&r->angle);
	r->has_angle = r->quoted_local = false;
}

/* "a@b" and "Name <a@b>" in plain characters: most there are. */
static bool read_simple(struct mail_arena *a, struct mail_slice v, struct mail_addresses *io)
{
	if (v.n == 0 || v.n > 400)
		return false;
	size_t open = v.n, ats = 0;
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];
		if (c == '<' && open == v.n && v.p[v.n - 1] == '>')
			open = i;
		else if (c == '>' && i == v.n - 1 && open < i)
			break;
		else if (c < ' ' || c == 0x7f || (c & 0x80) != 0 || strchr("\"(),:;<>[]\\=", c) != NULL)
			return false;
		else if (c == '@') {
			if (open == v.n && v.p[v.n - 1] == '>')
				return false;
			ats++;
		} else if (c == ' ' && (open < v.n || v.p[v.n - 1] != '>'))
			return false;
	}
	if (ats != 1)
		return false;
	struct mail_slice spec = open < v.n ? (struct mail_slice){ v.p + open + 1, v.n - open - 2 } : v;
	struct mail_slice name = mail_slice_trim((struct mail_slice){ v.p, open < v.n ? open : 0 });
	if (spec.n > 254)
		return false;
	char normal[320], written[256];
	memcpy(written, spec.p, spec.n);
	written[spec.n] = '\0';
	if (!mail_address_normal(written, normal))
		return false;
	struct mail_address *it = item_add(a, io);
	if (it == NULL)
		return true;
	it->name = name.n > 0 ? mail_keep(a, name.p, name.n) : "";
	it->written = mail_keep(a, written, spec.n);
	it->addr = strcmp(normal, written) == 0 ? it->written : mail_keep(a, normal, strlen(normal));
	return true;
}

void mail_addresses_read(struct mail_arena *a, struct mail_slice v, struct mail_addresses *io)
{
	if (read_simple(a, v, io))
		return;
	struct reading r = { 0 };
	bool group = false, stray_quote = false, stray_paren = false;
	for (size_t i = 0; i < v.n && io->len < MAIL_ADDRESSES_MAX; i++) {
		char c = v.p[i];
		if (c == '"' && !stray_quote) {
			struct buf *to = r.has_angle ? &r.angle : &r.words;
			size_t start = i++, from = to->len;
			for (; i < v.n && v.p[i] != '"'; i++) {
				if (v.p[i] == '\\' && i + 1 < v.n)
					i++;
				buf_add_char(to, v.p[i]);
			}
			if (i >= v.n) { /* never closed, nor will a later one be */
				stray_quote = true;
				buf_truncate(to, from);
				i = start;
				continue;
			}
			/* "a b"@example.org: a local part in quotes keeps them. */
			if (i + 1 < v.n && v.p[i + 1] == '@') {
				r.quoted_local = true;
				struct buf q = BUF_INIT;
				buf_add_char(&q, '"');
				buf_add(&q, to->p + from, to->len - from);
				buf_add_char(&q, '"');
				buf_truncate(to, from);
				buf_add(to, q.p, q.len);
				buf_done(&q);
			}
		} else if (c == '(' && !stray_paren) {
			unsigned depth = 1;
			size_t from = i + 1;
			buf_reset(&r.comment);
			for (i++; i < v.n && depth > 0; i++) {
				if (v.p[i] == '\\' && i + 1 < v.n) {
					buf_add_char(&r.comment, v.p[++i]);
					continue;
				}
				depth += v.p[i] == '(';
				depth -= v.p[i] == ')';
				if (depth > 0)
					buf_add_char(&r.comment, v.p[i]);
			}
			if (depth > 0) {
				stray_paren = true;
				buf_reset(&r.comment);
				i = from - 1;
			} else {
				i--;
			}
		} else if (c == '<') {
			buf_reset(&r.angle);
			r.has_angle = true;
			const char *close = memchr(v.p + i, '>', v.n - i);
			size_t end = close != NULL ? (size_t)(close - v.p) : v.n;
			/* Not closed before the next address begins. */
			const char *comma = close == NULL ? memchr(v.p + i, ',', v.n - i) : NULL;
			if (comma != NULL)
				end = (size_t)(comma - v.p);
			if (i + 1 < end && v.p[i + 1] == '"') {
				for (i++; i < end; i++)
					buf_add_char(&r.angle, v.p[i]);
				r.quoted_local = true;
			} else {
				struct mail_slice inside = { v.p + i + 1, end > i ? end - i - 1 : 0 };
				if (memchr(inside.p, '(', inside.n) != NULL)
					mail_plain_add(&r.angle, inside);
				else
					buf_add(&r.angle, inside.p, inside.n);
			}
			if (r.angle.p == NULL)
				buf_reserve(&r.angle, 1);
			i = comma != NULL ? end - 1 : end;
		} else if (c == ',' ||
		    (c == ';' && (group || r.has_angle || memchr(r.words.len > 0 ? r.words.p : "", '@', r.words.len)))) {
			finish(a, &r, io);
			if (c == ';')
				group = false;
		} else if (c == ':' && !r.has_angle && memchr(r.words.len > 0 ? r.words.p : "", '@', r.words.len) == NULL) {
			/* The name of a group ends; what stands in it are addresses like others. */
			group = true;
			buf_reset(&r.words);
			buf_reset(&r.comment);
		} else if (c == '=' && i + 1 < v.n && v.p[i + 1] == '?') {
			/* An encoded word goes over whole: commas and quotes in it are text. */
			const char *q = memchr(v.p + i + 2, '?', v.n - i - 2);
			const char *t = q != NULL && q + 2 < v.p + v.n && q[2] == '?' ? q + 3 : NULL;
			const char *close = t == NULL ? NULL : memmem(t, (size_t)(v.p + v.n - t), "?=", 2);
			if (close == NULL) {
				buf_add_char(r.has_angle ? &r.angle : &r.words, c);
				continue;
			}
			size_t n = (size_t)(close + 2 - (v.p + i));
			if (!r.has_angle)
				buf_add(&r.words, v.p + i, n);
			i += n - 1;
		} else if (r.has_angle && c == '>') {
			continue;
		} else if (r.has_angle) {
			continue; /* words after the address */
		} else {
			buf_add_char(&r.words, c == '\0' ? ' ' : c);
		}
	}
	finish(a, &r, io);
	buf_done(&r.words);
	buf_done(&r.comment);
	buf_done(&r.angle);
}

/* ---- subjects ---- */

const char *mail_base_subject(const char *s, size_t *n)
{
	static const char *const prefixes[] = { "re", "fw", "fwd", "aw", "wg", "sv", "vs", "vl", "vb", "antw", "antwort", "rv",
		"tr", "rif", "r", "i", "odp", "pd", "ynt", "ilt", "ref", "enc", "res", "doorst", "vidr", "atb", "hs", "betr", "fs",
		"bls", "trs", "bal", "továbbítás", "vá", "σχετ", "πρθ", "отв", "回复", "答复", "转发", "回覆", "轉寄", "返信",
		"転送", "回信", "답장", "전달", "השב", "הועבר", "رد", "إعادة توجيه", NULL };
	size_t len = strlen(s);
	for (bool more = true; more;) {
		more = false;
		while (len > 0 && (s[0] == ' ' || s[0] == '\t')) {
			s++;
			len--;
		}
		while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t'))
			len--;
		if (len > 5 && strncasecmp(s + len - 5, "(fwd)", 5) == 0) {
			len -= 5;
			more = true;
			continue;
		}
		if (len > 0 && s[0] == '[') {
			const char *close = memchr(s, ']', len);
			size_t k = close == NULL ? len : (size_t)(close - s) + 1;
			size_t gap = k;
			while (gap < len && s[gap] == ' ')
				gap++;
			if (gap < len) { /* never down to nothing */
				s += k;
				len -= k;
				more = true;
				continue;
			}
		}
		for (size_t i = 0; prefixes[i] != NULL && !more; i++) {
			size_t k = strlen(prefixes[i]);
			if (len <= k || strncasecmp(s, prefixes[i], k) != 0)
				continue;
			size_t j = k;
			/* "RE[2]:", "Re (3):", "Re^2:" */
			if (j < len && (s[j] == '[' || s[j] == '(' || s[j] == '^')) {
				j++;
				while (j < len && s[j] >= '0' && s[j] <= '9')
					j++;
				if (j < len && (s[j] == ']' || s[j] == ')'))
					j++;
			}
			while (j < len && s[j] == ' ')
				j++;
			if (j < len && s[j] == ':')
				j++;
			else if (len - j >= 3 && memcmp(s + j, "\xef\xbc\x9a", 3) == 0) /* the full-width colon */
				j += 3;
			else
				continue;
			s += j;
			len -= j;
			more = true;
		}
	}
	*n = len;
	return s;
}
