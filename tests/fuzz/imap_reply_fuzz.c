#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../adapters/email/imap_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEPT 4096u /* octets of literals */

static void check(const struct imap_wire *w, bool condition)
{
	(void)w;
	if (!condition)
		abort();
}

/* Everything a reader could look at, in words. */
static void tell(struct imap_wire *w, struct buf *out)
{
	struct imap_reply *r = &w->r;
	buf_addf(out, "%d %d <%s> <%s> %d %llu <%s>", (int)r->kind, (int)r->status, r->tag, r->name, r->has_number,
	    (unsigned long long)r->number, r->text);
	size_t held = 0;
	for (uint32_t i = 0; i < r->len; i++) {
		const struct imap_value *v = &r->values[i];
		uint64_t n;
		int64_t at;
		check(w, v->next > i && v->next <= r->len && (v->kind == IMAP_LIST || v->next == i + 1));
		check(w, v->s[v->len] == '\0' && v->len <= v->size && (v->literal || v->len == v->size));
		held += v->literal ? v->len : 0;
		buf_addf(out, " %d:%zu:", (int)v->kind, v->len);
		buf_add(out, v->s, v->len);
		if (imap_value_number(v, &n))
			check(w, n <= IMAP_NUMBER_MAX);
		imap_date(v->s, &at);
		imap_folder_decode(v->s, strlen(v->s), out);
	}
	check(w, held <= KEPT && r->len <= IMAP_VALUES_MAX);
	buf_add_char(out, '\n');
}

static void number(void *arg, uint64_t n)
{
	buf_addf(arg, "n%llu ", (unsigned long long)n);
}

static bool feed(struct imap_wire *w, const char *p, size_t n, struct buf *out)
{
	while (n > 0) {
		size_t used = 0;
		enum imap_feed f = imap_wire_feed(w, p, n, &used);
		check(w, used <= n);
		if (f == IMAP_BROKEN)
			return false;
		check(w, f == IMAP_READY || used == n);
		if (f == IMAP_READY)
			tell(w, out);
		p += used;
		n -= used;
	}
	return true;
}

/* A folder's name comes back from its encoding, and no encoding can leave its quotes. */
static void words(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);
	struct buf b = BUF_INIT, plain = BUF_INIT, back = BUF_INIT;
	if (!s)
		abort();
	memcpy(s, data, size);
	s[size] = '\0';
	if (imap_add_folder(&b, s)) {
		for (size_t i = 1; i + 1 < b.len; i++) {
			check(NULL, b.p[i] >= ' ' && b.p[i] <= '~' && b.p[i] != '"');
			i += b.p[i] == '\\';
			buf_add_char(&plain, b.p[i]);
		}
		imap_folder_decode(plain.p, plain.len, &back);
		check(NULL, strcmp(back.p, s) == 0);
	}
	buf_reset(&b);
	if (imap_add_quoted(&b, s))
		check(NULL, b.p[0] == '"' && b.p[b.len - 1] == '"' && !strpbrk(b.p, "\r\n"));
	imap_flag_ok(s);
	buf_done(&b);
	buf_done(&plain);
	buf_done(&back);
	free(s);
}

/* Whatever way the bytes are cut, the same replies come out. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF_INIT, bytes = BUF_INIT;
	struct imap_wire a, b;
	if (size > 20000)
		return 0;
	imap_wire_init(&a);
	imap_wire_init(&b);
	a.literal_max = b.literal_max = KEPT;
	a.number = b.number = number;
	a.number_arg = &whole;
	b.number_arg = &bytes;
	bool ok = feed(&a, (const char *)data, size, &whole), same = true;
	for (size_t i = 0; i < size && same; i++)
		same = feed(&b, (const char *)data + i, 1, &bytes);
	check(&a, ok == same && whole.len == bytes.len && (whole.len == 0 || memcmp(whole.p, bytes.p, whole.len) == 0));
	imap_wire_done(&a);
	imap_wire_done(&b);
	buf_done(&whole);
	buf_done(&bytes);
	words(data, size);
	return 0;
}
