/*
 * The filter works on words: everything that it looks for, but for keys in their armour, has no blanks in it.  A word is held back until it has
 * ended, then it is cleaned of characters and read once from left to right.  Of the text before it are known the last text in brackets,
 * for links that say one host and lead to another, and whether a private key is open.
 */
#include "spoken.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/map.h"
#include "../base/mem.h"
#include "../base/utf8.h"
#include "never.h"

#define HOST_MAX 253
#define LABEL_MAX 300
#define LEARNT_MAX 4096         /* links */
#define NOT_SEEN "\xe2\x80\x8b" /* stands between a sign and what it would do */

struct spoken_links {
	struct map *hosts, *links;
	bool all;
};

struct spoken {
	const struct spoken_links *links;
	const char *const *secrets;
	size_t secrets_len;
	const struct never *never;
	struct buf held, clean;
	char label[LABEL_MAX]; /* what stands in the last brackets */
	size_t label_len;
	bool in_label;
	enum {
		NO_KEY,
		KEY_HEAD,
		IN_KEY,
		KEY_TAIL
	} key; /* KEY_HEAD: "-----BEGIN", its kind is still to come; KEY_TAIL: "-----END" */
	char head[100];
	size_t head_len;
	struct spoken_counts counts;
};

/* ---- links ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t';
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* A link as it stands in a text: how far it goes, and its host in small letters, "" where that is not plain. */
struct link {
	size_t scheme, len; /* ${scheme}: bytes of "https://", 0: it begins with "www." */
	char host[HOST_MAX + 1];
};

/* Also with its marks escaped, as Markdown takes them. */
static size_t scheme_at(const char *s, size_t n)
{
	size_t i = 4;
	if (n < 7 || strncasecmp(s, "http", 4) != 0)
		return 0;
	i += i < n && (s[i] == 's' || s[i] == 'S');
	for (const char *mark = "://"; *mark != '\0'; mark++) {
		i += i < n && s[i] == '\\';
		if (i >= n || s[i++] != *mark)
			return 0;
	}
	return i;
}

static bool ends_link(char c)
{
	return (unsigned char)c <= ' ' || c == '<' || c == '>' || c == '"' || c == '`' || c == '|' || c == ']';
}

static bool link_at(const char *s, size_t n, bool word_begins, struct link *out)
{
	size_t at = scheme_at(s, n), depth = 0, i;
	*out = (struct link){ .scheme = at };
	if (at == 0 && !(word_begins && n > 4 && strncasecmp(s, "www.", 4) == 0))
		return false;
	for (i = at; i < n && !ends_link(s[i]); i++) {
		depth += s[i] == '(';
		if (s[i] == ')' && depth-- == 0)
			break;
	}
	while (i > at && strchr(".,;:!?'*_]~", s[i - 1]) != NULL)
		i--;
	out->len = i;
	size_t end = at;
	while (end < i && strchr("/?#\\", s[end]) == NULL)
		end++;
	size_t host = end - at;
	for (size_t k = at; k < end; k++)
		if (s[k] == ':') {
			host = host < k - at ? host : k - at;
			for (size_t d = k + 1; d < end; d++)
				if (s[d] < '0' || s[d] > '9')
					return true; /* no port: a name and a password in front, or worse */
		}
	if (host == 0 || host > HOST_MAX || (end < i && s[end] == '\\'))
		return true;
	for (size_t k = 0; k < host; k++) {
		char c = s[at + k];
		if (!is_alnum(c) && c != '-' && c != '.') {
			out->host[0] = '\0';
			return true;
		}
		out->host[k] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
		out->host[k + 1] = '\0';
	}
	return true;
}

struct spoken_links *spoken_links_new(void)
{
	struct spoken_links *l = xcalloc(1, sizeof *l);
	l->hosts = map_new();
	l->links = map_new();
	return l;
}

void spoken_links_free(struct spoken_links *l)
{
	if (l == NULL)
		return;
	map_free(l->hosts, NULL);
	map_free(l->links, NULL);
	free(l);
}

static void put(struct map *m, const char *s, size_t n)
{
	if (n > 0 && map_count(m) < LEARNT_MAX && map_get(m, s, n) == NULL)
		map_put(m, s, n, m);
}

void spoken_allow(struct spoken_links *l, const char *host)
{
	l->all |= strcmp(host, "*") == 0;
	put(l->hosts, host, strlen(host));
}

/* Every message that a run is told comes by here: colons and full stops are found many bytes at a time. */
bool spoken_may_link(const char *text, size_t n)
{
	const char *end = text + n;
	if (n == 0)
		return false;
	for (const char *p = text; (p = memchr(p, ':', (size_t)(end - p))) != NULL; p++)
		if (end - p >= 3 && p[1] == '/' && p[2] == '/')
			return true;
	for (const char *p = text; (p = memchr(p, '.', (size_t)(end - p))) != NULL; p++)
		if (p - text >= 3 && strncasecmp(p - 3, "www", 3) == 0)
			return true;
	return false;
}

/* Does a line of other people's words begin here?  Whoever quotes them does not vouch for where they lead. */
static bool is_quote(const char *s, size_t n)
{
	while (n > 0 && (*s == ' ' || *s == '\t')) {
		s++;
		n--;
	}
	return n > 0 && *s == '>';
}

void spoken_learn(struct spoken_links *l, const char *text, size_t n, bool trusted)
{
	bool quoted = false;
	if (!spoken_may_link(text, n))
		return;
	for (size_t i = 0; i + 4 < n; i++) {
		struct link link;
		char c = text[i];
		if (i == 0 || text[i - 1] == '\n')
			quoted = is_quote(text + i, n - i);
		if ((c != 'h' && c != 'H' && c != 'w' && c != 'W') ||
		    !link_at(text + i, n - i, i == 0 || !is_alnum(text[i - 1]), &link))
			continue;
		put(l->links, text + i, link.len);
		if (trusted && !quoted && link.host[0] != '\0')
			put(l->hosts, link.host, strlen(link.host));
		i += link.len > 0 ? link.len - 1 : 0;
	}
}

static bool is_allowed(const struct spoken_links *l, const char *s, const struct link *link)
{
	char below[HOST_MAX + 3];
	if (l == NULL || l->all || map_get(l->links, s, link->len) != NULL)
		return true;
	if (link->host[0] == '\0')
		return false;
	if (map_get(l->hosts, link->host, strlen(link->host)) != NULL)
		return true;
	for (const char *dot = strchr(link->host, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
		size_t len = strlen(dot);
		below[0] = '*';
		memcpy(below + 1, dot, len);
		if (map_get(l->hosts, below, len + 1) != NULL)
			return true;
	}
	return false;
}

/* ---- the text in brackets ---- */

static void watch_label(struct spoken *o, char c)
{
	if (c == '[') {
		o->in_label = true;
		o->label_len = 0;
	} else if (c == ']') {
		o->in_label = false;
	} else if (o->in_label && o->label_len < LABEL_MAX) {
		o->label[o->label_len++] = c;
	}
}

/* Does the label look like a host, and is that another than the link's? */
static bool label_lies(const struct spoken *o, const struct link *link)
{
	const char *s = o->label, *end = s + o->label_len;
	while (s < end && !is_alnum(*s))
		s++;
	s += scheme_at(s, (size_t)(end - s));
	size_t n = 0, dots = 0;
	while (s + n < end && (is_alnum(s[n]) || s[n] == '-' || s[n] == '.'))
		dots += s[n++] == '.';
	while (n > 0 && s[n - 1] == '.')
		dots -= s[--n] == '.';
	bool alone = s + n == end || strchr("/?#:*_`~\\", s[n]) != NULL;
	if (dots == 0 || !alone || n > HOST_MAX)
		return false;
	const char *last = s + n;
	while (last > s && last[-1] != '.')
		last--;
	for (const char *p = last; p < s + n; p++)
		if (!is_alnum(*p) || (*p >= '0' && *p <= '9')) /* "1.2", "notes.v2" */
			return false;
	if (s + n - last < 2)
		return false;
	const char *host = link->host;
	bool same = strlen(host) == n && strncasecmp(host, s, n) == 0;
	if (!same && strncmp(host, "www.", 4) == 0)
		same = strlen(host) == n + 4 && strncasecmp(host + 4, s, n) == 0;
	if (!same && n > 4 && strncasecmp(s, "www.", 4) == 0)
		same = strlen(host) == n - 4 && strncasecmp(host, s + 4, n - 4) == 0;
	return !same;
}

/* ---- secrets ---- */

static bool is_token(char c)
{
	return is_alnum(c) || c == '_' || c == '-';
}

/* How long the token at ${s} is, if it has the form of a known issuer's. */
#define SECRET_MIN 8
static size_t token_at(const char *s, size_t n)
{
	static const struct {
		const char *prefix;
		size_t least; /* bytes after it */
		bool dots;
	} forms[] = {
		{ "xoxb-", 16, false },
		{ "xoxa-", 16, false },
		{ "xoxp-", 16, false },
		{ "xoxr-", 16, false },
		{ "xoxs-", 16, false },
		{ "xoxe.", 16, true },
		{ "xapp-", 16, false },
		{ "sk-", 20, false },
		{ "sk_live_", 16, false },
		{ "rk_live_", 16, false },
		{ "ghp_", 20, false },
		{ "gho_", 20, false },
		{ "ghu_", 20, false },
		{ "ghs_", 20, false },
		{ "ghr_", 20, false },
		{ "github_pat_", 20, false },
		{ "glpat-", 16, false },
		{ "AKIA", 16, false },
		{ "ASIA", 16, false },
		{ "AIza", 30, false },
		{ "eyJ", 40, true },
		{ "eddy_key_", 16, false },
	};
	for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
		size_t at = strlen(forms[f].prefix), len = at;
		if (n < at + forms[f].least || memcmp(s, forms[f].prefix, at) != 0)
			continue;
		size_t digits = 0, dots = 0;
		while (len < n && (is_token(s[len]) || (forms[f].dots && s[len] == '.'))) {
			digits += s[len] >= '0' && s[len] <= '9';
			dots += s[len++] == '.';
		}
		if (len - at >= forms[f].least && digits > 0 && (!forms[f].dots || dots >= 1 || at == 5))
			return len;
	}
	return 0;
}

static size_t secret_at(const struct spoken *o, const char *s, size_t n)
{
	for (size_t i = 0; i < o->secrets_len; i++) {
		size_t len = strlen(o->secrets[i]);
		if (len >= SECRET_MIN && len <= n && memcmp(s, o->secrets[i], len) == 0)
			return len;
	}
	return never_at(o->never, s, n);
}

/* ---- mentions ---- */

static size_t everybody_at(const char *s, size_t n)
{
	static const char *const words[] = { "@channel", "@here", "@everyone", "@all", "@group" };
	static const char *const forms[] = { "<!channel", "<!here", "<!everyone", "<!group", "<!subteam", "<@everyone", "<@here",
		"<@channel" };
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		size_t len = strlen(forms[i]);
		if (n >= len && strncasecmp(s, forms[i], len) == 0)
			return len;
	}
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		size_t len = strlen(words[i]);
		if (n >= len && strncasecmp(s, words[i], len) == 0 &&
		    (n == len ||
		        !(is_alnum(s[len]) || s[len] == '_' ||
		            ((s[len] == '.' || s[len] == '-') && n > len + 1 && is_alnum(s[len + 1])))))
			return len;
	}
	return 0;
}

/* ---- entities ---- */

/* An entity that would make a letter or a mark of what is looked for here: it is to be seen and not to be read as one. */
static bool hides(const char *s, size_t n)
{
	static const char *const names[] = { "&colon;", "&sol;", "&period;", "&commat;", "&excl;", "&lsqb;", "&lbrack;", "&lpar;",
		"&bsol;" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (n >= strlen(names[i]) && memcmp(s, names[i], strlen(names[i])) == 0)
			return true;
	if (n < 4 || s[1] != '#')
		return false;
	bool hex = s[2] == 'x' || s[2] == 'X';
	uint32_t v = 0;
	for (size_t i = hex ? 3 : 2; i < n && i < 12 && s[i] != ';'; i++) {
		char c = s[i];
		uint32_t d = c >= '0' && c <= '9' ? (uint32_t)(c - '0')
		    : c >= 'a' && c <= 'f'        ? (uint32_t)(c - 'a' + 10)
		    : c >= 'A' && c <= 'F'        ? (uint32_t)(c - 'A' + 10)
		                                  : 99;
		if (d >= (hex ? 16 : 10))
			return false;
		v = v * (hex ? 16 : 10) + d;
	}
	return v < 0x20 || (v < 0x7f && (is_alnum((char)v) || strchr("!/:.@[]()<>-\\", (int)v) != NULL)) ||
	    (v >= 0x200b && v <= 0x200f) || (v >= 0x2028 && v <= 0x202e) || (v >= 0x2060 && v <= 0x2069) || v == 0xfeff ||
	    v >= 0xe0000;
}

/* ---- a word ---- */

static bool has_secret(const struct spoken *o, const char *s, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (token_at(s + k, n - k) > 0 || secret_at(o, s + k, n - k) > 0)
			return true;
	return false;
}

static void put_host(const struct spoken *o, const char *s, const struct link *link, struct buf *out)
{
	if (link->host[0] != '\0' && !has_secret(o, s, link->len))
		buf_addf(out, "`%s` (link left out)", link->host);
	else
		buf_add_str(out, "(link left out)");
}

/* Where a Markdown link leads to, at ${s} behind its "](".  What is not a link that may be said goes. */
static size_t target(struct spoken *o, const char *s, size_t n, struct buf *out)
{
	struct link link;
	size_t end = 0, depth = 0, at = n > 0 && s[0] == '<';
	while (end < n && !(s[end] == ')' && depth == 0)) {
		depth += s[end] == '(';
		depth -= s[end] == ')';
		end++;
	}
	if (link_at(s + at, end - at, false, &link) && link.scheme > 0) {
		if (memchr(s, '\\', at + link.len) == NULL && is_allowed(o->links, s + at, &link) && !label_lies(o, &link) &&
		    !has_secret(o, s + at, end - at)) {
			buf_add(out, s, at + link.len);
			return at + link.len;
		}
	} else if (end - at >= 7 && strncasecmp(s + at, "mailto:", 7) == 0) {
		size_t keep = at + 7;
		while (keep < end && (is_token(s[keep]) || strchr(".@+", s[keep]) != NULL))
			keep++;
		if (!has_secret(o, s, keep)) {
			buf_add(out, s, keep);
			if (at > 0)
				buf_add_char(out, '>');
			o->counts.links += keep + at < end;
			return end;
		}
	} else if (o->links == NULL ||
	    (memchr(s, ':', end) == NULL && memchr(s, '&', end) == NULL && memchr(s, '\\', end) == NULL &&
	        !(end - at >= 2 && s[at] == '/' && s[at + 1] == '/'))) {
		return 0; /* no link, or one within a page */
	}
	o->counts.links++;
	return end;
}

/* However many signs stand before the bracket: the last of them would do. */
static bool is_image(const char *s, size_t n)
{
	size_t i = 0;
	while (i < n && s[i] == '!')
		i++;
	return i < n && s[i] == '[';
}

/* Most words: too short for a secret, and nothing in them that a mention, a link or a mark could begin with. */
static bool is_plain(const char *s, size_t n)
{
	if (n >= SECRET_MIN)
		return false;
	while (n > 0 && strchr(".,;?\"')", s[n - 1]) != NULL && s[n - 1] != '\0')
		n--;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(s[i]))
			return false;
	return true;
}

static void scan(struct spoken *o, const char *s, size_t n, struct buf *out)
{
	if (is_plain(s, n)) {
		for (size_t i = 0; i < n; i++)
			watch_label(o, s[i]);
		buf_add(out, s, n);
		return;
	}
	for (size_t i = 0; i < n;) {
		struct link link;
		size_t len;
		bool begins = i == 0 || !(is_alnum(s[i - 1]) || s[i - 1] == '_');
		if ((begins && (len = token_at(s + i, n - i)) > 0) || (len = secret_at(o, s + i, n - i)) > 0) {
			buf_add_str(out, "(secret left out)");
			o->counts.secrets++;
			i += len;
		} else if ((s[i] == '<' || (s[i] == '@' && begins)) && (len = everybody_at(s + i, n - i)) > 0) {
			buf_add_char(out, s[i]);
			buf_add_str(out, NOT_SEEN);
			o->counts.mentions++;
			i++;
		} else if (s[i] == '!' && is_image(s + i, n - i)) {
			o->counts.images++;
			i++;
		} else if (s[i] == '&' && hides(s + i, n - i)) {
			buf_add_str(out, "&amp;");
			o->counts.links++;
			i++;
		} else if (s[i] == ']' && i + 1 < n && s[i + 1] == '(') {
			watch_label(o, ']');
			buf_add_str(out, "](");
			i += 2;
			i += target(o, s + i, n - i, out);
		} else if (link_at(s + i, n - i, begins, &link)) {
			if (is_allowed(o->links, s + i, &link)) {
				for (size_t k = 0; k < link.len; k++)
					watch_label(o, s[i + k]);
				/* Up to a secret in its path, which is left out like others. */
				size_t k = 1;
				while (
				    k < link.len && token_at(s + i + k, n - i - k) == 0 && secret_at(o, s + i + k, n - i - k) == 0)
					k++;
				buf_add(out, s + i, k);
				i += k;
			} else {
				put_host(o, s + i, &link, out);
				o->counts.links++;
				i += link.len > 0 ? link.len : 1;
			}
		} else {
			watch_label(o, s[i]);
			buf_add_char(out, s[i]);
			i++;
		}
	}
}

/* Characters that are not seen go, before anything is looked for. */
static void clean(struct spoken *o, const char *s, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n;) {
		uint32_t cp;
		size_t k = utf8_decode(s + i, n - i, &cp);
		if (k == 0) { /* not for this filter to judge */
			buf_add_char(out, s[i++]);
			continue;
		}
		bool drop = (cp < 0x20 && cp != '\n' && cp != '\t') || (cp >= 0x7f && cp < 0xa0) || cp == 0x061c || cp == 0x200b ||
		    cp == 0x200e || cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x2069) ||
		    cp == 0xfeff || (cp >= 0xe0000 && cp <= 0xe0fff);
		if (drop)
			o->counts.characters++;
		else
			buf_add(out, s + i, k);
		i += k;
	}
}

static bool has_link(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct link link;
		if (link_at(s + i, n - i, i == 0 || !is_alnum(s[i - 1]), &link))
			return true;
	}
	return false;
}

static bool has_given(const struct spoken *o, const char *s, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (secret_at(o, s + k, n - k) > 0)
			return true;
	return false;
}

/* A link or a secret whose letters are kept apart by marks that do not show is one all the same; then the marks go. */
static bool unmark(const struct spoken *o, const char *s, size_t n, struct buf *out)
{
	bool marks = false;
	for (size_t i = 0; i < n; i++)
		marks |= s[i] == '*' || s[i] == '_' || s[i] == '~' || s[i] == '`' || s[i] == '\\';
	if (!marks || n < SECRET_MIN)
		return false;
	for (size_t i = 0; i < n; i++)
		if (strchr("*_~`\\", s[i]) == NULL || s[i] == '\0')
			buf_add_char(out, s[i]);
	if (out->len == 0)
		return false;
	return (o->links != NULL && !has_link(s, n) && has_link(out->p, out->len)) ||
	    (!has_given(o, s, n) && has_given(o, out->p, out->len));
}

static const char *find(const char *s, size_t n, const char *what)
{
	return n == 0 ? NULL : memmem(s, n, what, strlen(what));
}

static void word(struct spoken *o, const char *s, size_t n, struct buf *out)
{
	struct buf bare = BUF_INIT;
	if (unmark(o, s, n, &bare))
		scan(o, bare.p, bare.len, out);
	else
		scan(o, s, n, out);
	buf_done(&bare);
}

/* It was no key: its words, the last of which goes on with ${rest}, are words like others. */
static void release_head(struct spoken *o, const char *rest, size_t n, struct buf *out)
{
	struct buf all = BUF_INIT;
	buf_add(&all, o->head, o->head_len);
	buf_add(&all, rest, n);
	o->key = NO_KEY;
	o->head_len = 0;
	for (size_t i = 0, k; i < all.len; i = k) {
		for (k = i; k < all.len && !is_blank(all.p[k]); k++)
			;
		if (k > i)
			word(o, all.p + i, k - i, out);
		for (; k < all.len && is_blank(all.p[k]); k++) {
			watch_label(o, all.p[k]);
			buf_add_char(out, all.p[k]);
		}
	}
	buf_done(&all);
}

/* The armour of a private key; other armour is no secret. */
static void word_or_key(struct spoken *o, const char *s, size_t n, struct buf *out)
{
	const char *begin = o->key == NO_KEY ? find(s, n, "-----BEGIN") : NULL;
	if (begin != NULL) {
		word(o, s, (size_t)(begin - s), out);
		n -= (size_t)(begin - s);
		s = begin;
		o->key = KEY_HEAD;
		o->head_len = 0;
	}
	if (o->key == KEY_HEAD) {
		size_t room = sizeof o->head - o->head_len, take = n < room ? n : room;
		memcpy(o->head + o->head_len, s, take);
		o->head_len += take;
		bool private = find(o->head, o->head_len, "PRIVATE") != NULL;
		bool over = o->head_len > 10 && find(o->head + 10, o->head_len - 10, "-----") != NULL;
		if (private) {
			buf_add_str(out, "(secret left out)");
			o->counts.secrets++;
			o->key = IN_KEY;
		} else if (over || take < n || o->head_len == sizeof o->head) {
			release_head(o, s + take, n - take, out);
		}
		return;
	}
	if (o->key == IN_KEY && find(s, n, "-----END") != NULL)
		o->key = KEY_TAIL;
	else if (o->key == KEY_TAIL && find(s, n, "KEY-----") != NULL)
		o->key = NO_KEY;
	else if (o->key == NO_KEY)
		word(o, s, n, out);
}

/* ---- the text ---- */

static void blank(struct spoken *o, char c, struct buf *out)
{
	if (o->key == KEY_HEAD && o->head_len < sizeof o->head) {
		o->head[o->head_len++] = c;
		return;
	}
	if (o->key != NO_KEY)
		return;
	watch_label(o, c);
	buf_add_char(out, c);
}

static void flush(struct spoken *o, size_t n, struct buf *out)
{
	if (n == 0)
		return;
	buf_reset(&o->clean);
	clean(o, o->held.p, n, &o->clean);
	if (o->clean.len > 0)
		word_or_key(o, o->clean.p, o->clean.len, out);
}

struct spoken *spoken_new(const struct spoken_links *links, const char *const *secrets, size_t secrets_len)
{
	struct spoken *o = xcalloc(1, sizeof *o);
	o->links = links;
	o->secrets = secrets;
	o->secrets_len = secrets_len;
	return o;
}

void spoken_never(struct spoken *o, const struct never *never)
{
	o->never = never;
}

void spoken_free(struct spoken *o)
{
	if (o == NULL)
		return;
	buf_done(&o->held);
	buf_done(&o->clean);
	free(o);
}

void spoken_feed(struct spoken *o, const char *text, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_blank(text[i])) {
			buf_add_char(&o->held, text[i]);
			if (o->held.len < SPOKEN_WORD_MAX)
				continue;
		}
		flush(o, o->held.len, out);
		buf_reset(&o->held);
		if (is_blank(text[i]))
			blank(o, text[i], out);
	}
}

void spoken_end(struct spoken *o, struct buf *out)
{
	flush(o, o->held.len, out);
	if (o->key == KEY_HEAD)
		release_head(o, "", 0, out);
	spoken_reset(o);
}

void spoken_reset(struct spoken *o)
{
	buf_reset(&o->held);
	o->key = NO_KEY;
	o->head_len = o->label_len = 0;
	o->in_label = false;
}

struct spoken_counts spoken_counted(const struct spoken *o)
{
	return o->counts;
}
