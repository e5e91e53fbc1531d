/*
 * One mail to a submission server.  libcurl connects, does TLS and logs in (CURLOPT_CONNECT_ONLY); MAIL, RCPT, DATA and the text are spoken
 * here, because only then it is known exactly what the server has said to whom and whether the end of the data has left - which decides
 * between "send it again" and "look first".  What curl reads while it logs in passes through on_line(): from there we know what the server
 * offers (SIZE, AUTH) and that the log-in has really happened, since curl goes on without one where none is offered.
 *
 * A line may wait for the next mail.  Before that begins it must be silent and alive; should it break before anything was said of the new mail,
 * that goes on a new line.  Every wait is cut into short ones, so that smtp_cancel() is heard.
 */
#include "smtp.h"
#include "unsaid.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../core/base/clock.h"
#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"
#include "../net/trust.h"

#define SLICE_MS 200
#define AFTER_DATA_MS 600000u /* RFC 5321 section 4.5.3.2.6 */
#define LINE_MAX_OCTETS 998u
#define REPLY_MAX 4096u
#define CHUNK 16384u
#define QUIT_MS 2000u

struct smtp {
	struct smtp_options o;
	atomic_bool cancelled;
	uint64_t deadline_ms;

	/* of the line in use */
	CURL *c;
	struct buf in;    /* bytes of the server that are not used up yet */
	bool in_step;     /* the last thing said was answered: the next command may follow */
	bool dirty;       /* a mail was begun and not ended: RSET first */
	uint64_t used_ms; /* when it was last of use */
	/* heard while curl logs in */
	bool greeted, authed, auth_offered;
	uint64_t size_max;
	int heard; /* code of the last line */
	char heard_text[300];
};

struct smtp_reply {
	int code;
	char text[300];
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_begin(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct smtp *smtp_new(const struct smtp_options *o)
{
	pthread_once(&curl_once, curl_begin);
	struct smtp *s = xcalloc(1, sizeof *s);
	s->o = *o;
	if (s->o.timeout_ms == 0)
		s->o.timeout_ms = 30000;
	return s;
}

static void hang_up(struct smtp *s)
{
	if (s->c)
		curl_easy_cleanup(s->c);
	s->c = NULL;
	buf_done(&s->in);
}

void smtp_cancel(struct smtp *s)
{
	atomic_store(&s->cancelled, true);
}

static bool is_over(const struct smtp *s)
{
	const struct mail_login *l = &s->o.login;
	return atomic_load(&s->cancelled) || (l->go_on && !l->go_on(l->go_on_arg));
}

/* ---- what the server says ---- */

/* One more line of a reply: no controls, valid UTF-8, lines parted by a blank. */
static void add_cleaned(char *out, size_t room, const char *s, size_t n)
{
	size_t at = strlen(out);
	if (at > 0 && at + 1 < room)
		out[at++] = ' ';
	for (size_t i = 0; i < n;) {
		uint32_t cp = 0;
		size_t k = utf8_decode(s + i, n - i, &cp);
		bool keep = k > 0 && cp >= ' ' && !(cp >= 0x7f && cp < 0xa0) && !(cp >= 0x202a && cp <= 0x202e) &&
		    !(cp >= 0x2066 && cp <= 0x2069);
		if (at + (keep ? k : 1) + 1 > room)
			break;
		if (keep)
			memcpy(out + at, s + i, k);
		else
			out[at] = '?';
		at += keep ? k : 1;
		i += k ? k : 1;
	}
	out[at] = '\0';
}

static void set_text(char *out, size_t room, const char *s)
{
	out[0] = '\0';
	add_cleaned(out, room, s, strlen(s));
}

static int code_of(const char *p, size_t n)
{
	if (n < 3 || p[0] < '2' || p[0] > '5' || p[1] < '0' || p[1] > '9' || p[2] < '0' || p[2] > '9' ||
	    (n > 3 && p[3] != ' ' && p[3] != '-'))
		return 0;
	return (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
}

static bool is_word(const char *p, size_t n, const char *word)
{
	size_t k = strlen(word);
	return n >= k && strncasecmp(p, word, k) == 0 && (n == k || p[k] == ' ' || p[k] == '=');
}

/* Lines of the server while curl speaks.  Those of EHLO are known by their words; what was offered in clear does not count after STARTTLS. */
static size_t on_line(char *p, size_t one, size_t n, void *arg)
{
	struct smtp *s = arg;
	size_t all = one * n, len = all;
	while (len > 0 && (p[len - 1] == '\n' || p[len - 1] == '\r'))
		len--;
	int code = code_of(p, len);
	if (code == 0)
		return all;
	if (code != s->heard || len < 4)
		s->heard_text[0] = '\0';
	s->heard = code;
	const char *words = p + (len > 4 ? 4 : len);
	size_t words_n = len > 4 ? len - 4 : 0;
	add_cleaned(s->heard_text, sizeof s->heard_text, words, words_n);
	if (code == 220 && s->greeted) {
		s->auth_offered = s->authed = false;
		s->size_max = 0;
	}
	s->greeted = true;
	if (code == 235)
		s->authed = true;
	if (code != 250)
		return all;
	if (is_word(words, words_n, "AUTH"))
		s->auth_offered = true;
	if (is_word(words, words_n, "SIZE") && words_n > 5 && words_n < 30) {
		char number[30];
		memcpy(number, words + 5, words_n - 5);
		number[words_n - 5] = '\0';
		s->size_max = strtoull(number, NULL, 10);
	}
	return all;
}

/* ---- the line ---- */

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct smtp *s = arg;
	(void)a, (void)b, (void)c, (void)d;
	return is_over(s) || clock_ms() > s->deadline_ms;
}

static bool is_host(const char *h)
{
	size_t n = h ? strlen(h) : 0;
	if (n == 0 || n > 253)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]", h[i]))
			return false;
	return true;
}

static bool is_loopback(const char *h)
{
	unsigned a, b, c, d;
	char rest;
	return strcasecmp(h, "localhost") == 0 || strcmp(h, "::1") == 0 || strcmp(h, "[::1]") == 0 ||
	    (sscanf(h, "%3u.%3u.%3u.%3u%c", &a, &b, &c, &d, &rest) == 4 && a == 127 && b < 256 && c < 256 && d < 256);
}

static void fail(struct smtp_result *out, enum smtp_fate fate, int code, const char *text)
{
	out->fate = fate;
	out->code = code;
	set_text(out->reply, sizeof out->reply, text);
}

/* Connected, encrypted and logged in; false: ${out} says why not.  Nothing of the mail has left. */
static bool connect_line(struct smtp *s, const char *token, struct smtp_result *out)
{
	const struct mail_login *l = &s->o.login;
	bool by_token = token && token[0], login = by_token || (l->user && l->password);
	char url[600], said[CURL_ERROR_SIZE] = "", options[64];
	const char *helo = s->o.helo && is_host(s->o.helo) ? s->o.helo : "localhost.localdomain";
	s->greeted = s->authed = s->auth_offered = false;
	s->size_max = 0;
	s->heard = 0;
	s->heard_text[0] = '\0';
	if (!is_host(l->host) || (l->tls == MAIL_TLS_NONE && !is_loopback(l->host))) {
		fail(out, SMTP_LATER, 0, is_host(l->host) ? "without TLS only on loopback" : "not a host name");
		return false;
	}
	bool bare_six = strchr(l->host, ':') && l->host[0] != '[';
	snprintf(url, sizeof url, "%s://%s%s%s:%d/%s", l->tls == MAIL_TLS_IMPLICIT ? "smtps" : "smtp", bare_six ? "[" : "", l->host,
	    bare_six ? "]" : "", l->port, helo);
	CURL *c = s->c = curl_easy_init();
	if (!c) {
		fail(out, SMTP_LATER, 0, "no memory");
		return false;
	}
	buf_reset(&s->in);
	s->deadline_ms = clock_ms() + 3u * s->o.timeout_ms;
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROXY, ""); /* whatever the environment says */
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, said);
	curl_easy_setopt(c, CURLOPT_USE_SSL, l->tls == MAIL_TLS_NONE ? (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (l->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, l->ca_file);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)s->o.timeout_ms * 3);
	curl_easy_setopt(c, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)(s->o.timeout_ms / 1000 + 1));
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, s);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_line);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, s);
	if (login)
		curl_easy_setopt(c, CURLOPT_USERNAME, l->user ? l->user : "");
	if (by_token)
		curl_easy_setopt(c, CURLOPT_XOAUTH2_BEARER, token);
	else if (login)
		curl_easy_setopt(c, CURLOPT_PASSWORD, l->password);
	const char *mechanism = l->mechanism ? l->mechanism
	    : by_token                       ? "XOAUTH2"
	                                     : NULL; /* else curl would try the bearer's name with CRAM-MD5 */
	if (login && mechanism) {
		snprintf(options, sizeof options, "AUTH=%s", mechanism);
		curl_easy_setopt(c, CURLOPT_LOGIN_OPTIONS, options);
	}
	CURLcode rc = curl_easy_perform(c);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, NULL); /* it is this function's */
	if (rc == CURLE_OK && (!login || s->authed)) {
		s->in_step = true;
		return true;
	}
	bool refused = s->heard >= 400 && s->heard_text[0], later = s->heard >= 400 && s->heard < 500;
	if (rc == CURLE_OK) {
		fail(out, SMTP_DENIED, 0, s->auth_offered ? "the server took no log-in" : "the server offers no log-in");
	} else if (rc == CURLE_LOGIN_DENIED) { /* with a token the refusal may be data that only programs read (334) */
		fail(out, later ? SMTP_LATER : SMTP_DENIED, refused ? s->heard : 0, refused ? s->heard_text : "log-in refused");
	} else if (rc == CURLE_ABORTED_BY_CALLBACK) {
		fail(out, SMTP_LATER, 0, is_over(s) ? "stopped" : "no answer in time");
	} else if (rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CACERT_BADFILE) {
		char why[300];
		trust_explain(said[0] ? said : curl_easy_strerror(rc), l->host, why, sizeof why);
		fail(out, SMTP_LATER, 0, why);
	} else {
		fail(out, SMTP_LATER, refused ? s->heard : 0, refused ? s->heard_text : said[0] ? said : curl_easy_strerror(rc));
	}
	return false;
}

/* Waits until the socket may be read (or written); false: cancelled, or ${until_ms} has come. */
static bool wait_line(struct smtp *s, short events, uint64_t until_ms)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	if (curl_easy_getinfo(s->c, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd == CURL_SOCKET_BAD)
		return false;
	for (;;) {
		uint64_t now = clock_ms();
		if (now >= until_ms || is_over(s))
			return false;
		struct pollfd p = { .fd = fd, .events = events };
		int n = poll(&p, 1, until_ms - now < SLICE_MS ? (int)(until_ms - now) : SLICE_MS);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

static bool send_all(struct smtp *s, const char *p, size_t n)
{
	uint64_t until_ms = clock_ms() + s->o.timeout_ms;
	while (n > 0) {
		size_t sent = 0;
		CURLcode rc = curl_easy_send(s->c, p, n, &sent);
		if (rc == CURLE_AGAIN) {
			if (!wait_line(s, POLLOUT, until_ms))
				return false;
			continue;
		}
		if (rc != CURLE_OK)
			return false;
		if (sent > 0)
			until_ms = clock_ms() + s->o.timeout_ms;
		p += sent;
		n -= sent;
	}
	return true;
}

/* A whole reply out of what has come; 0: not whole yet, -1: no reply at all. */
static int take_reply(struct smtp *s, struct smtp_reply *r)
{
	r->text[0] = '\0';
	for (size_t at = 0;;) {
		const char *line = s->in.p + at, *end = memchr(line, '\n', s->in.len - at);
		if (!end)
			return s->in.len > REPLY_MAX ? -1 : 0;
		size_t len = (size_t)(end - line), whole = len + 1;
		while (len > 0 && line[len - 1] == '\r')
			len--;
		int code = code_of(line, len);
		if (code == 0 || (at > 0 && code != r->code))
			return -1;
		r->code = code;
		if (len > 4)
			add_cleaned(r->text, sizeof r->text, line + 4, len - 4);
		at += whole;
		if (len == 3 || line[3] == ' ') {
			buf_drop(&s->in, at);
			return 1;
		}
		if (at > REPLY_MAX)
			return -1;
	}
}

/* The next reply within ${ms}; false: the line is of no use any more. */
static bool read_reply(struct smtp *s, uint64_t ms, struct smtp_reply *r)
{
	uint64_t until_ms = clock_ms() + ms;
	r->code = 0;
	for (;;) {
		char bytes[2048];
		size_t got = 0;
		int whole = s->in.len > 0 ? take_reply(s, r) : 0;
		if (whole != 0) {
			s->in_step = s->in_step && whole > 0 && r->code != 421;
			return whole > 0;
		}
		CURLcode rc = curl_easy_recv(s->c, bytes, sizeof bytes, &got);
		if (rc == CURLE_AGAIN) {
			if (!wait_line(s, POLLIN, until_ms))
				break;
			continue;
		}
		if (rc != CURLE_OK || got == 0)
			break;
		buf_add(&s->in, bytes, got);
	}
	r->code = 0;
	s->in_step = false;
	return false;
}

static bool command(struct smtp *s, const char *line, size_t n, struct smtp_reply *r)
{
	/* A server that hangs up says why before. */
	bool sent = send_all(s, line, n);
	return read_reply(s, sent ? s->o.timeout_ms : 0, r);
}

/* ---- the mail ---- */

/* 7-bit lines of at most 998 octets with CR LF at their ends: anything else would be another mail on its way. */
static bool text_ok(const char *raw, size_t n)
{
	size_t from = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)raw[i];
		if (c == 0 || c >= 0x80 || (c == '\n' && (i == 0 || raw[i - 1] != '\r')) ||
		    (c == '\r' && (i + 1 == n || raw[i + 1] != '\n')))
			return false;
		if (c == '\n') {
			if (i - 1 - from > LINE_MAX_OCTETS)
				return false;
			from = i + 1;
		}
	}
	return n > 0 && n - from <= LINE_MAX_OCTETS;
}

/* The text with its dots doubled.  ${*dotted}: the end may have left; before that nothing counts as sent. */
static bool send_text(struct smtp *s, const char *raw, size_t n, bool *dotted)
{
	struct buf b = BUF_INIT;
	bool ok = true;
	for (size_t i = 0; i < n && ok;) {
		const char *end = memchr(raw + i, '\n', n - i);
		size_t len = end ? (size_t)(end - raw) - i + 1 : n - i;
		if (raw[i] == '.')
			buf_add_char(&b, '.');
		buf_add(&b, raw + i, len);
		i += len;
		if (b.len >= CHUNK && i < n) {
			ok = send_all(s, b.p, b.len);
			buf_reset(&b);
		}
	}
	if (ok && raw[n - 1] != '\n')
		buf_add_str(&b, "\r\n");
	if (ok && b.len > 0)
		ok = send_all(s, b.p, b.len);
	if (ok) {
		*dotted = true;
		ok = send_all(s, ".\r\n", 3);
	}
	buf_done(&b);
	return ok;
}

static enum smtp_fate fate_of(int code)
{
	return code >= 500 ? code == 530 || code == 535 ? SMTP_DENIED : SMTP_REFUSED : SMTP_LATER;
}

static void failed(const struct smtp_reply *r, bool heard, struct smtp_result *out)
{
	fail(out, heard ? fate_of(r->code) : SMTP_LATER, r->code, heard ? r->text : "the line broke");
}

/* How many take it; a reply that decides for all where nobody does. */
static bool offer(struct smtp *s, struct smtp_recipient *to, size_t n, struct smtp_result *out)
{
	struct smtp_reply r, last = { 0 };
	struct buf line = BUF_INIT;
	bool later = false, heard = true;
	for (size_t i = 0; i < n && heard; i++) {
		if (to[i].copy && out->accepted == 0)
			continue; /* copies come last */
		buf_reset(&line);
		buf_addf(&line, "RCPT TO:<%s>\r\n", to[i].addr);
		heard = command(s, line.p, line.len, &r);
		if (!heard || r.code == 421) {
			failed(&r, heard, out);
			buf_done(&line);
			return false;
		}
		to[i].code = r.code;
		set_text(to[i].reply, sizeof to[i].reply, r.text);
		if (to[i].copy)
			continue;
		if (r.code < 300)
			out->accepted++;
		else if (r.code < 500 || last.code == 0 || last.code >= 500)
			last = r;
		later |= r.code >= 300 && r.code < 500;
	}
	buf_done(&line);
	if (out->accepted > 0)
		return true;
	fail(out, later ? SMTP_LATER : fate_of(last.code), last.code, last.text);
	return false;
}

/* False: not a word was heard of this mail, it may go on another line. */
static bool speak(
    struct smtp *s, const char *from, struct smtp_recipient *to, size_t n, const char *raw, size_t raw_n, struct smtp_result *out)
{
	struct smtp_reply r;
	struct buf line = BUF_INIT;
	bool dotted = false;
	buf_addf(&line, "MAIL FROM:<%s>", from);
	if (s->size_max > 0)
		buf_addf(&line, " SIZE=%zu", raw_n);
	buf_add_str(&line, "\r\n");
	bool heard = command(s, line.p, line.len, &r);
	buf_done(&line);
	if (!heard || r.code >= 300) {
		failed(&r, heard, out);
		return heard && r.code != 421;
	}
	if (!offer(s, to, n, out))
		return true;
	size_t accepted = out->accepted;
	out->accepted = 0;
	heard = command(s, "DATA\r\n", 6, &r);
	if (!heard || r.code != 354) {
		failed(&r, heard, out);
		return true;
	}
	bool sent = send_text(s, raw, raw_n, &dotted);
	heard = read_reply(s, !sent ? 0 : s->o.timeout_ms > AFTER_DATA_MS ? s->o.timeout_ms : AFTER_DATA_MS, &r);
	if (heard && dotted && r.code < 300) {
		fail(out, SMTP_ACCEPTED, r.code, r.text);
		out->accepted = accepted;
		s->dirty = false;
	} else if (heard && r.code >= 400) {
		failed(&r, true, out);
		s->in_step = s->in_step && dotted;
	} else {
		fail(out, dotted ? SMTP_UNKNOWN : SMTP_LATER, 0, dotted ? "the line broke after the data" : "the line broke");
		s->in_step = false;
	}
	return true;
}

/* Politely, but what was said counts already. */
static void say_good_bye(struct smtp *s)
{
	struct smtp_reply r;
	if (s->c && s->in_step && send_all(s, "QUIT\r\n", 6))
		(void)read_reply(s, s->o.timeout_ms < QUIT_MS ? s->o.timeout_ms : QUIT_MS, &r);
	hang_up(s);
}

/* A line from before that can take another mail: nothing has come on it, and it has not been closed. */
static bool is_ready(struct smtp *s)
{
	char byte;
	size_t got = 0;
	struct smtp_reply r;
	if (!s->c)
		return false;
	bool ready = s->in.len == 0 && clock_ms() < s->used_ms + s->o.keep_ms &&
	    curl_easy_recv(s->c, &byte, 1, &got) == CURLE_AGAIN && (!s->dirty || (command(s, "RSET\r\n", 6, &r) && r.code < 300));
	if (!ready)
		hang_up(s);
	return ready;
}

uint32_t smtp_rest(struct smtp *s)
{
	uint64_t now = clock_ms();
	if (s->c && now < s->used_ms + s->o.keep_ms)
		return (uint32_t)(s->used_ms + s->o.keep_ms - now);
	say_good_bye(s);
	return 0;
}

void smtp_free(struct smtp *s)
{
	if (!s)
		return;
	say_good_bye(s);
	free(s);
}

/* On the line that is there: false as speak(). */
static bool send_on_line(
    struct smtp *s, const char *from, struct smtp_recipient *to, size_t n, const char *raw, size_t raw_n, struct smtp_result *out)
{
	out->connected = true;
	s->dirty = true;
	if (s->size_max == 0 || raw_n <= s->size_max)
		return speak(s, from, to, n, raw, raw_n, out);
	fail(out, SMTP_REFUSED, 552, "5.3.4 larger than the server takes");
	return true;
}

/* What the server has said, without what it was logged in with. */
static void hide(const struct smtp *s, const char *token, struct smtp_recipient *to, size_t n, struct smtp_result *out)
{
	const char *secrets[] = { token, s->o.login.password };
	for (size_t k = 0; k < 2; k++) {
		unsaid(out->reply, secrets[k]);
		for (size_t i = 0; i < n; i++)
			unsaid(to[i].reply, secrets[k]);
	}
}

void smtp_check(struct smtp *s, const char *token, struct smtp_result *out)
{
	hang_up(s);
	*out = (struct smtp_result){ .fate = SMTP_REFUSED };
	if (connect_line(s, token, out)) {
		out->connected = true;
		out->fate = SMTP_ACCEPTED;
	} else {
		s->in_step = false;
	}
	hide(s, token, NULL, 0, out);
	say_good_bye(s);
}

void smtp_send(struct smtp *s, const char *token, const char *from, struct smtp_recipient *to, size_t n, const char *raw,
    size_t raw_n, struct smtp_result *out)
{
	*out = (struct smtp_result){ .fate = SMTP_REFUSED };
	bool ok = from && (!from[0] || smtp_address_ok(from)), anybody = false;
	for (size_t i = 0; i < n; i++) {
		to[i].code = 0;
		to[i].reply[0] = '\0';
		ok = ok && smtp_address_ok(to[i].addr);
		anybody |= !to[i].copy;
	}
	if (!ok || !anybody) {
		fail(out, SMTP_REFUSED, 0, ok ? "no recipient" : "not an address");
		return;
	}
	if (!text_ok(raw, raw_n)) {
		fail(out, SMTP_REFUSED, 0, "not a text of 7-bit lines");
		return;
	}
	bool done = is_ready(s) && send_on_line(s, from, to, n, raw, raw_n, out);
	if (!done) {
		hang_up(s);
		*out = (struct smtp_result){ .fate = SMTP_LATER };
		if (connect_line(s, token, out))
			(void)send_on_line(s, from, to, n, raw, raw_n, out);
		else
			s->in_step = false;
	}
	hide(s, token, to, n, out);
	s->used_ms = clock_ms();
	if (s->o.keep_ms == 0 || !s->in_step || is_over(s))
		say_good_bye(s);
}
