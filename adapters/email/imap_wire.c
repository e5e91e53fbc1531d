/*
 * A reply is a line, but for literals, which may hold anything, lines that look like replies included.  So the parser is a machine over
 * octets that knows at each one whether it stands between values, in an atom, in a quoted string or in a literal with so many octets to go;
 * nothing is ever searched for.  Status replies (OK, NO, BAD, BYE) end in free text where the rules of values do not hold: they are
 * gathered as a line, and only the response code in brackets is read as values.
 *
 * Offsets into w->text stand in for pointers until the reply is whole, as the text may move while it grows.
 */
#include "imap_wire.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../core/base/mem.h"

enum {
	START,    /* of a reply */
	TAG,      /* its first word */
	HEAD,     /* words after "* " */
	LINE,     /* free text to the end of the line */
	BETWEEN,  /* values */
	ATOM,     /* in one */
	QUOTED,   /* in one */
	TILDE,    /* "~" of a literal8, or an atom */
	SIZE,     /* digits of a literal */
	SIZE_END, /* its line end */
	LITERAL,  /* octets of one */
	DEAD
};

void imap_wire_init(struct imap_wire *w)
{
	*w = (struct imap_wire){ .at = START };
}

static void forget(struct imap_wire *w)
{
	for (uint32_t i = 0; i < w->r.len; i++)
		free(w->r.values[i].literal);
	struct imap_value *values = w->r.values;
	w->r = (struct imap_reply){ .text = "", .values = values };
	if (w->cap > 1024) { /* a reply as large as that is rare */
		free(values);
		w->r.values = NULL;
		w->cap = 0;
	}
	if (w->line.cap > 65536)
		buf_done(&w->line);
	if (w->text.cap > 65536)
		buf_done(&w->text);
	buf_reserve(&w->line, 1);
	buf_reserve(&w->text, 1);
	buf_reset(&w->line);
	buf_reset(&w->text);
	w->at = START;
	w->depth = 0;
	w->octets = w->held = 0;
	w->head_words = 0;
	w->ready = false;
}

void imap_wire_done(struct imap_wire *w)
{
	forget(w);
	free(w->r.values);
	buf_done(&w->line);
	buf_done(&w->text);
	imap_wire_init(w);
}

static bool digits(const char *s, size_t n, uint64_t *out)
{
	uint64_t v = 0;
	if (n == 0 || n > 19)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	if (v > IMAP_NUMBER_MAX)
		return false;
	*out = v;
	return true;
}

/* ---- values ---- */

static struct imap_value *value_new(struct imap_wire *w, enum imap_value_kind kind)
{
	if (w->r.len >= IMAP_VALUES_MAX)
		return NULL;
	if (w->r.len == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 32;
		w->r.values = xrealloc(w->r.values, w->cap * sizeof *w->r.values);
	}
	struct imap_value *v = &w->r.values[w->r.len++];
	*v = (struct imap_value){ .kind = kind, .next = w->r.len, .size = w->token };
	return v;
}

/* The text from w->token on is a whole atom or string. */
static bool value_end(struct imap_wire *w, enum imap_value_kind kind)
{
	size_t n = w->text.len - w->token;
	const char *s = w->text.p + w->token;
	uint64_t number;
	if (kind == IMAP_ATOM && n == 3 && strncasecmp(s, "NIL", 3) == 0)
		kind = IMAP_NIL;
	if (kind == IMAP_ATOM && w->number && w->r.status == IMAP_DATA && strcmp(w->r.name, "SEARCH") == 0 &&
	    digits(s, n, &number)) {
		w->number(w->number_arg, number);
		w->octets -= n < w->octets ? n + 1 : w->octets; /* however many they are */
		buf_truncate(&w->text, w->token);
		return true;
	}
	struct imap_value *v = value_new(w, kind);
	if (!v)
		return false;
	v->len = n;
	buf_add_char(&w->text, '\0');
	return true;
}

static bool list_open(struct imap_wire *w)
{
	if (w->depth >= IMAP_DEPTH_MAX || !value_new(w, IMAP_LIST))
		return false;
	w->open[w->depth++] = w->r.len - 1;
	return true;
}

static bool list_close(struct imap_wire *w)
{
	if (w->depth == 0)
		return false;
	w->r.values[w->open[--w->depth]].next = w->r.len;
	return true;
}

static void values_settle(struct imap_wire *w)
{
	for (uint32_t i = 0; i < w->r.len; i++) {
		struct imap_value *v = &w->r.values[i];
		if (v->kind == IMAP_LIST || v->literal)
			v->s = v->literal ? v->literal : "";
		else
			v->s = w->text.p + v->size;
		if (!v->literal)
			v->size = v->len;
	}
}

static void upper(char *out, size_t room, const char *s, size_t n)
{
	size_t i = 0;
	for (; i < n && i + 1 < room; i++)
		out[i] = (char)(s[i] >= 'a' && s[i] <= 'z' ? s[i] - 'a' + 'A' : s[i]);
	out[i] = '\0';
}

/* ---- octets: each returns false when the reply cannot be one ---- */

static bool atom_octet(struct imap_wire *w, char c);

static bool between(struct imap_wire *w, char c)
{
	switch (c) {
	case ' ':
	case '\r':
		return true;
	case '\n':
		if (w->depth > 0)
			return false;
		values_settle(w);
		w->ready = true;
		return true;
	case '(':
		return list_open(w);
	case ')':
		return list_close(w);
	case '"':
		w->at = QUOTED;
		w->escaped = false;
		w->token = w->text.len;
		return true;
	case '{':
		w->at = SIZE;
		w->left = 0;
		w->token = 0;
		return true;
	case '~':
		w->at = TILDE;
		return true;
	default:
		w->at = ATOM;
		w->bracket = false;
		w->token = w->text.len;
		return atom_octet(w, c);
	}
}

static bool atom_octet(struct imap_wire *w, char c)
{
	if (c == '\0')
		return false;
	/* BODY[HEADER.FIELDS (SUBJECT)]<0> is one word. */
	if (w->bracket ? c != '\r' && c != '\n' : c != ' ' && c != '(' && c != ')' && c != '\r' && c != '\n') {
		if (c == '[' && !w->bracket) {
			const char *s = w->text.p + w->token;
			size_t n = w->text.len - w->token;
			w->bracket = (n == 4 && strncasecmp(s, "BODY", 4) == 0) || (n >= 6 && strncasecmp(s, "BINARY", 6) == 0);
		} else if (c == ']') {
			w->bracket = false;
		}
		buf_add_char(&w->text, c);
		return true;
	}
	if (w->bracket || !value_end(w, IMAP_ATOM))
		return false;
	w->at = BETWEEN;
	return between(w, c);
}

static bool quoted(struct imap_wire *w, char c)
{
	if (c == '\r' || c == '\n' || c == '\0')
		return false;
	if (!w->escaped && c == '\\') {
		w->escaped = true;
		return true;
	}
	if (!w->escaped && c == '"') {
		w->at = BETWEEN;
		return value_end(w, IMAP_STRING);
	}
	w->escaped = false;
	buf_add_char(&w->text, c);
	return true;
}

static bool tilde(struct imap_wire *w, char c)
{
	if (c == '{') {
		w->at = BETWEEN;
		return between(w, c);
	}
	w->at = ATOM;
	w->bracket = false;
	w->token = w->text.len;
	buf_add_char(&w->text, '~');
	return atom_octet(w, c);
}

static bool size_octet(struct imap_wire *w, char c)
{
	if (c >= '0' && c <= '9') {
		if (++w->token > 19)
			return false;
		w->left = w->left * 10 + (uint64_t)(c - '0');
		return w->left <= IMAP_NUMBER_MAX;
	}
	if (c != '}' && c != '+')
		return false;
	if (c == '}')
		w->at = SIZE_END;
	return w->token > 0;
}

static bool size_end(struct imap_wire *w, char c)
{
	if (c == '\r')
		return true;
	if (c != '\n')
		return false;
	size_t room = w->literal_max - w->held;
	w->literal_want = w->left < room ? (size_t)w->left : room;
	w->held += w->literal_want;
	struct imap_value *v = value_new(w, IMAP_STRING);
	if (!v)
		return false;
	v->size = w->left;
	v->literal = xmalloc(w->literal_want + 1);
	v->literal[0] = '\0';
	w->at = w->left > 0 ? LITERAL : BETWEEN;
	return true;
}

static size_t literal(struct imap_wire *w, const char *p, size_t n)
{
	struct imap_value *v = &w->r.values[w->r.len - 1];
	if (n > w->left)
		n = (size_t)w->left;
	size_t keep = w->literal_want - v->len < n ? w->literal_want - v->len : n;
	memcpy(v->literal + v->len, p, keep);
	v->len += keep;
	v->literal[v->len] = '\0';
	w->left -= n;
	if (w->left == 0)
		w->at = BETWEEN;
	return n;
}

static bool start(struct imap_wire *w, char c)
{
	if (c == '\r' || c == '\n') /* an empty line between replies says nothing */
		return true;
	w->at = TAG;
	if (c <= ' ' || c == 0x7f)
		return false;
	buf_add_char(&w->line, c);
	return true;
}

static bool tag(struct imap_wire *w, char c)
{
	if (c != ' ' && c != '\r' && c != '\n') {
		buf_add_char(&w->line, c);
		return c > ' ' && w->line.len < sizeof w->r.tag;
	}
	bool more = w->line.len == 1 && w->line.p[0] == '+';
	w->r.kind = more ? IMAP_CONTINUE : w->line.len == 1 && w->line.p[0] == '*' ? IMAP_UNTAGGED : IMAP_TAGGED;
	memcpy(w->r.tag, w->line.p, w->line.len + 1);
	buf_reset(&w->line);
	if (c != ' ' && !more)
		return false;
	w->at = more ? LINE : HEAD;
	if (c == '\n')
		w->ready = true;
	return true;
}

static enum imap_status status_of(const char *s)
{
	static const struct {
		const char *word;
		enum imap_status status;
	} all[] = { { "OK", IMAP_OK }, { "NO", IMAP_NO }, { "BAD", IMAP_BAD }, { "PREAUTH", IMAP_PREAUTH }, { "BYE", IMAP_BYE } };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (strcasecmp(s, all[i].word) == 0)
			return all[i].status;
	return IMAP_DATA;
}

static bool line_end(struct imap_wire *w);

/* "12 FETCH", "SEARCH", "OK": after them begins what depends on them. */
static bool head(struct imap_wire *w, char c)
{
	if (c != ' ' && c != '\r' && c != '\n' && c != '(') {
		buf_add_char(&w->line, c);
		return c > ' ' && w->line.len < sizeof w->r.name;
	}
	if (c == '\r')
		return true;
	if (w->line.len == 0)
		return false;
	if (w->head_words++ == 0 && w->r.kind == IMAP_UNTAGGED && digits(w->line.p, w->line.len, &w->r.number)) {
		w->r.has_number = true;
		buf_reset(&w->line);
		return c == ' ';
	}
	w->r.status = w->r.has_number ? IMAP_DATA : status_of(w->line.p);
	if (w->r.status == IMAP_DATA) {
		if (w->r.kind == IMAP_TAGGED)
			return false;
		upper(w->r.name, sizeof w->r.name, w->line.p, w->line.len);
		buf_reset(&w->line);
		w->at = BETWEEN;
		return between(w, c);
	}
	buf_reset(&w->line);
	w->at = LINE;
	return c == ' ' || (c == '\n' && line_end(w));
}

/* The response code: from "[" to the "]" that is in no string; one that does not end or reads badly is text like the rest. */
static size_t code_length(const char *s, size_t n)
{
	bool in = false;
	for (size_t i = 1; i < n; i++) {
		if (in && s[i] == '\\')
			i++;
		else if (s[i] == '"')
			in = !in;
		else if (s[i] == ']' && !in)
			return i + 1;
	}
	return 0;
}

static void code_read(struct imap_wire *w, const char *s, size_t n)
{
	size_t word = 0;
	while (word < n && s[word] != ' ')
		word++;
	upper(w->r.name, sizeof w->r.name, s, word);
	bool ok = true;
	w->at = BETWEEN;
	for (size_t i = word; ok && i <= n; i++) {
		char c = i < n ? s[i] : '\n';
		ok = w->at == BETWEEN ? between(w, c) : w->at == ATOM ? atom_octet(w, c) : w->at == QUOTED && quoted(w, c);
	}
	if (ok && w->ready)
		return;
	for (uint32_t i = 0; i < w->r.len; i++)
		free(w->r.values[i].literal);
	w->r.len = 0;
}

static bool line_end(struct imap_wire *w)
{
	const char *s = w->line.p;
	size_t n = w->line.len, code = 0;
	if (w->r.kind != IMAP_CONTINUE && n > 0 && s[0] == '[' && (code = code_length(s, n)) > 0) {
		code_read(w, s + 1, code - 2);
		s += code;
		s += strspn(s, " ");
	}
	w->r.text = s;
	w->ready = true;
	return true;
}

static bool line(struct imap_wire *w, char c)
{
	if (c == '\n')
		return line_end(w);
	if (c != '\r' && c != '\0')
		buf_add_char(&w->line, c);
	return true;
}

enum imap_feed imap_wire_feed(struct imap_wire *w, const char *p, size_t n, size_t *used)
{
	static bool (*const step[])(struct imap_wire *, char) = { [START] = start,
		[TAG] = tag,
		[HEAD] = head,
		[LINE] = line,
		[BETWEEN] = between,
		[ATOM] = atom_octet,
		[QUOTED] = quoted,
		[TILDE] = tilde,
		[SIZE] = size_octet,
		[SIZE_END] = size_end };
	if (w->ready || (w->at == START && w->octets == 0))
		forget(w);
	size_t i = 0;
	bool ok = w->at != DEAD;
	while (ok && i < n && !w->ready) {
		if (w->at == LITERAL) {
			i += literal(w, p + i, n - i);
			continue;
		}
		ok = ++w->octets <= IMAP_LINE_MAX && step[w->at](w, p[i++]);
	}
	*used = i;
	if (!ok)
		w->at = DEAD;
	return !ok ? IMAP_BROKEN : w->ready ? IMAP_READY : IMAP_MORE;
}

/* ---- what values mean ---- */

bool imap_value_number(const struct imap_value *v, uint64_t *out)
{
	return v->kind == IMAP_ATOM && digits(v->s, v->len, out);
}

bool imap_value_is(const struct imap_value *v, const char *atom)
{
	return v->kind == IMAP_ATOM && strcasecmp(v->s, atom) == 0;
}

char *imap_value_take(struct imap_value *v)
{
	char *p = v->literal;
	v->literal = NULL;
	v->s = "";
	v->len = 0;
	return p;
}

static bool two(const char *s, int *out)
{
	int tens = s[0] == ' ' ? 0 : s[0] - '0', ones = s[1] - '0';
	*out = tens * 10 + ones;
	return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9;
}

bool imap_date(const char *s, int64_t *out)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int day, high, low, hour, minute, second, zone_h, zone_m, month = 0;
	if (strlen(s) != 26 || s[2] != '-' || s[6] != '-' || s[11] != ' ' || s[14] != ':' || s[17] != ':' || s[20] != ' ')
		return false;
	while (month < 12 && strncasecmp(s + 3, months + 3 * month, 3) != 0)
		month++;
	if (month == 12 || !two(s, &day) || !two(s + 7, &high) || !two(s + 9, &low) || !two(s + 12, &hour) ||
	    !two(s + 15, &minute) || !two(s + 18, &second) || !two(s + 22, &zone_h) || !two(s + 24, &zone_m) ||
	    (s[21] != '+' && s[21] != '-'))
		return false;
	if (day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60 || zone_h > 23 || zone_m > 59)
		return false;
	/* Days since 1970 by the civil calendar, years from March. */
	int64_t year = high * 100 + low - (month < 2), from_march = (month + 10) % 12;
	int64_t days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * from_march + 2) / 5 + day - 1 - 719468;
	int64_t zone = zone_h * 3600 + zone_m * 60;
	*out = days * 86400 + hour * 3600 + minute * 60 + second - (s[21] == '+' ? zone : -zone);
	return true;
}
