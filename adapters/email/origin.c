/*
 * The stored form of an origin: version, what to say, flags, eight bytes of time, then the strings in a fixed order, each ended by a NUL.  A
 * thousand bytes are little for a long thread with many people on copy, so what matters least is left out first.
 */
#include "origin.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/utf8.h"
#include "mail.h"

#define ORIGIN_VERSION 1
#define ORIGIN_BESIDE 2 /* one string more */
#define ORIGIN_HEAD 11
#define ORIGIN_STRINGS 8
enum { FLAG_LEFT_OUT = 1, FLAG_MINTED = 2 };

static size_t pack(const char *const s[ORIGIN_STRINGS], size_t strings, char *out, size_t max)
{
	size_t at = 0;
	for (size_t i = 0; i < strings; i++) {
		size_t n = strlen(s[i]) + 1;
		if (n > max - at)
			return 0;
		memcpy(out + at, s[i], n);
		at += n;
	}
	return at;
}

/* The first id and as many of the last as fit into ${max} bytes. */
static void shorten(const char *references, size_t max, char *out)
{
	size_t n = strlen(references), first = strcspn(references, " ");
	out[0] = '\0';
	if (n <= max) {
		memcpy(out, references, n + 1);
		return;
	}
	if (first >= max)
		return;
	const char *tail = references + n;
	while (tail > references + first) {
		const char *p = tail - 1;
		while (p > references && p[-1] != ' ')
			p--;
		if (p <= references || (size_t)(references + n - p) + first + 1 > max)
			break;
		tail = p > references + first ? p - 1 : references + first;
	}
	size_t rest = (size_t)(references + n - tail);
	if (first + rest > max)
		rest = 0;
	memcpy(out, references, first);
	memcpy(out + first, references + n - rest, rest);
	out[first + rest] = '\0';
}

size_t email_origin_pack(const struct email_origin *o, char out[INTENT_ORIGIN_MAX])
{
	char references[INTENT_ORIGIN_MAX], cc[INTENT_ORIGIN_MAX];
	const char *beside = o->beside != NULL ? o->beside : "";
	const char *s[ORIGIN_STRINGS] = { o->box, o->to, o->to_name, o->subject, o->in_reply_to, references, cc, beside };
	size_t strings = beside[0] != '\0' ? ORIGIN_STRINGS : ORIGIN_STRINGS - 1;
	bool left_out = (size_t)snprintf(cc, sizeof(cc), "%s", o->cc) >= sizeof(cc);
	shorten(o->references, INTENT_ORIGIN_MAX - 1, references);
	size_t n;
	for (size_t max = 400; (n = pack(s, strings, out + ORIGIN_HEAD, INTENT_ORIGIN_MAX - ORIGIN_HEAD)) == 0;
	     max -= max > 0 ? 100 : 0) {
		char *comma = strrchr(cc, ',');
		if (max > 0) {
			shorten(o->references, max, references);
		} else if (references[0] != '\0') {
			references[0] = '\0';
		} else if (s[2][0] != '\0') {
			s[2] = "";
		} else if (cc[0] != '\0') {
			left_out = true;
			*(comma != NULL ? comma : cc) = '\0';
		} else {
			return 0;
		}
	}
	out[0] = strings == ORIGIN_STRINGS ? ORIGIN_BESIDE : ORIGIN_VERSION;
	out[1] = (char)o->say;
	out[2] = (char)((left_out || o->left_out ? FLAG_LEFT_OUT : 0) | (o->minted ? FLAG_MINTED : 0));
	for (int i = 0; i < 8; i++)
		out[3 + i] = (char)(unsigned char)((uint64_t)o->received_s >> (8 * i));
	return ORIGIN_HEAD + n;
}

bool email_origin_unpack(const void *p, size_t n, struct email_origin *out)
{
	const char *b = p;
	if (p == NULL || n < ORIGIN_HEAD + ORIGIN_STRINGS - 1 || n > INTENT_ORIGIN_MAX || b[n - 1] != '\0' ||
	    (b[0] != ORIGIN_VERSION && b[0] != ORIGIN_BESIDE))
		return false;
	const char *s[ORIGIN_STRINGS] = { [ORIGIN_STRINGS - 1] = "" };
	size_t at = ORIGIN_HEAD, strings = b[0] == ORIGIN_BESIDE ? ORIGIN_STRINGS : ORIGIN_STRINGS - 1;
	for (size_t i = 0; i < strings; i++) {
		if (at >= n)
			return false;
		s[i] = b + at;
		at += strlen(b + at) + 1;
	}
	uint64_t received = 0;
	for (int i = 0; i < 8; i++)
		received |= (uint64_t)(unsigned char)b[3 + i] << (8 * i);
	*out = (struct email_origin){ .say = (enum email_say)b[1],
		.left_out = (b[2] & FLAG_LEFT_OUT) != 0,
		.minted = (b[2] & FLAG_MINTED) != 0,
		.received_s = (int64_t)received,
		.box = s[0],
		.to = s[1],
		.to_name = s[2],
		.subject = s[3],
		.in_reply_to = s[4],
		.references = s[5],
		.cc = s[6],
		.beside = s[7] };
	return true;
}

/* ---- side threads ---- */

bool email_origin_opens(const struct email_origin *o)
{
	return o->beside != NULL && o->beside[0] != '\0' && o->in_reply_to[0] == '\0';
}

/* At most ${max} bytes of it in one line, with "…" where something is missing. */
static void add_title(struct buf *out, const char *s, size_t n, size_t max)
{
	struct buf line = BUF_INIT;
	buf_reset(&line);
	for (size_t i = 0; i < n && line.len < 4 * max; i++) {
		bool blank = (unsigned char)s[i] <= ' ' || s[i] == 0x7f;
		if (!blank)
			buf_add_char(&line, s[i]);
		else if (line.len > 0 && line.p[line.len - 1] != ' ')
			buf_add_char(&line, ' ');
	}
	while (line.len > 0 && line.p[line.len - 1] == ' ')
		buf_truncate(&line, line.len - 1);
	size_t fits = utf8_clip(line.p, line.len, max);
	while (fits < line.len && fits > 0 && line.p[fits - 1] == ' ')
		fits--;
	buf_add(out, line.p, fits);
	buf_add_str(out, fits < line.len ? "…" : "");
	buf_done(&line);
}

/*
 * In a list of mails the first words are what one sees, so the topic comes first; what it is beside tells two topics of one name apart.  It
 * is no "Re:": mail programs would put it into the conversation that it left.
 */
size_t email_origin_beside(const struct email_origin *o, const char *topic, char out[INTENT_ORIGIN_MAX])
{
	if (o->minted) /* whoever reads that address has it; nobody else could join */
		return 0;
	struct buf subject = BUF_INIT, parent = BUF_INIT;
	struct email_origin side = *o;
	size_t n = 0;
	const char *base = mail_base_subject(o->subject, &n);
	buf_reset(&parent);
	add_title(&parent, base, n, 80);
	if (parent.len == 0)
		buf_add_str(&parent, "your mail");
	base = mail_base_subject(topic, &n);
	buf_reset(&subject);
	add_title(&subject, base, n, 120);
	if (subject.len == 0)
		buf_add_str(&subject, "A side thread");
	buf_addf(&subject, " (aside from: %s)", parent.p);
	side.subject = subject.p;
	side.beside = parent.p;
	side.in_reply_to = side.references = "";
	side.say = SAY_NOTHING;
	n = email_origin_pack(&side, out);
	buf_done(&subject);
	buf_done(&parent);
	return n;
}

void email_beside_place(const char *box, struct id delivery, char *out, size_t n)
{
	char id[ID_TEXT];
	snprintf(out, n, "%s/f:%s", box, id_format(delivery, id));
}

size_t email_origin_within(const struct email_origin *o, const char *thread_key, char out[INTENT_ORIGIN_MAX])
{
	struct email_origin in = *o;
	char subject[EMAIL_SUBJECT_MAX + 32];
	bool opens = email_origin_opens(o);
	if ((!o->minted && !opens) || thread_key[0] == '\0' || strpbrk(thread_key, "<> \r\n") != NULL)
		return 0;
	snprintf(subject, sizeof(subject), "Re: %s", o->subject);
	in.subject = subject;
	in.in_reply_to = in.references = thread_key;
	return email_origin_pack(&in, out);
}

size_t email_origin_plain(const struct email_origin *o, char out[INTENT_ORIGIN_MAX])
{
	if (o->minted)
		return 0;
	struct email_origin plain = *o;
	bool side = o->beside != NULL && o->beside[0] != '\0';
	plain.subject = email_origin_opens(o) ? "A side thread" : side ? "Re: A side thread" : "Re: your mail";
	plain.beside = side ? "your mail" : "";
	plain.to_name = "";
	return email_origin_pack(&plain, out);
}

/* ---- tokens ---- */

/* RFC 4648 base32 in lower case: survives mail programs that change case. */
static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
#define TOKEN_BYTES 26 /* 16 of the id, 10 of the HMAC: 208 bits, 42 digits */

static void token_bytes(const unsigned char secret[32], char kind, struct id id, unsigned char out[TOKEN_BYTES])
{
	unsigned char named[1 + sizeof(id.b)];
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	named[0] = (unsigned char)kind;
	memcpy(named + 1, id.b, sizeof(id.b));
	HMAC(EVP_sha256(), secret, 32, named, sizeof(named), mac, &n);
	memcpy(out, id.b, sizeof(id.b));
	memcpy(out + sizeof(id.b), mac, TOKEN_BYTES - sizeof(id.b));
}

void email_token_make(const unsigned char secret[32], char kind, struct id id, char out[EMAIL_TOKEN])
{
	unsigned char b[TOKEN_BYTES + 1] = { 0 };
	token_bytes(secret, kind, id, b);
	char *p = out;
	*p++ = kind;
	*p++ = '.';
	for (size_t bit = 0; bit < TOKEN_BYTES * 8; bit += 5) {
		unsigned v = ((unsigned)b[bit / 8] << 8) | b[bit / 8 + 1];
		*p++ = digits[(v >> (11 - bit % 8)) & 31];
	}
	*p = '\0';
}

bool email_token_read(const unsigned char secret[32], char kind, const char *tag, struct id *id)
{
	unsigned char got[TOKEN_BYTES + 1] = { 0 }, want[TOKEN_BYTES];
	if ((tag[0] | 0x20) != kind || tag[1] != '.' || strlen(tag) != 2 + (TOKEN_BYTES * 8 + 4) / 5)
		return false;
	for (size_t i = 2, bit = 0; tag[i] != '\0'; i++, bit += 5) {
		char c = tag[i];
		const char *d = strchr(digits, c >= 'A' && c <= 'Z' ? c | 0x20 : c);
		if (d == NULL)
			return false;
		unsigned v = (unsigned)(d - digits) << (11 - bit % 8);
		got[bit / 8] |= (unsigned char)(v >> 8);
		got[bit / 8 + 1] |= (unsigned char)v;
	}
	memcpy(id->b, got, sizeof(id->b));
	token_bytes(secret, kind, *id, want);
	return CRYPTO_memcmp(want, got, TOKEN_BYTES) == 0;
}
