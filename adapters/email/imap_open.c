/*
 * Connecting.  curl does names, addresses, TLS or STARTTLS and the log-in; what the server says meanwhile is read along (header callback) to
 * tell a refused password from a server that is busy, which curl reports alike.
 *
 * Nothing goes out in clear: without TLS the host must be this machine, by name and by the address that is really connected to.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../core/base/clock.h"
#include "../../core/base/id.h"
#include "../../core/base/mem.h"
#include "../../core/version.h"
#include "../net/trust.h"
#include "imap_link.h"
#include "unsaid.h"

/* What is heard while curl logs in. */
struct hearing {
	struct imap *i;
	struct imap_wire w;
	bool broken, bye, later, refused;
	char text[160];
};

static void hear(struct hearing *h, const struct imap_reply *r)
{
	static const char *const later[] = { "UNAVAILABLE", "INUSE", "LIMIT", "THROTTLED" };
	bool no = r->kind == IMAP_TAGGED && r->status == IMAP_NO;
	if (r->status != IMAP_BYE && !(r->kind == IMAP_TAGGED && r->status != IMAP_OK))
		return;
	h->bye = h->bye || r->status == IMAP_BYE;
	h->refused = h->refused || no;
	for (size_t k = 0; k < sizeof later / sizeof *later; k++)
		h->later = h->later || strcmp(r->name, later[k]) == 0;
	snprintf(h->text, sizeof h->text, "%s", r->text);
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct hearing *h = arg;
	(void)size;
	for (size_t left = n; left > 0 && !h->broken;) {
		size_t used = 0;
		enum imap_feed f = imap_wire_feed(&h->w, p, left, &used);
		h->broken = f == IMAP_BROKEN;
		if (f == IMAP_READY)
			hear(h, &h->w.r);
		p += used;
		left -= used;
	}
	return n;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	(void)p;
	(void)size;
	(void)arg;
	return n;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct imap *i = arg;
	(void)a;
	(void)b;
	(void)c;
	(void)d;
	uint64_t now = clock_ms();
	if (now < i->asked_ms + 500)
		return 0;
	i->asked_ms = now;
	return i->go_on && !i->go_on(i->go_on_arg);
}

static bool is_loopback(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24 == 127;
	return a->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

static curl_socket_t loopback_only(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	(void)arg;
	(void)purpose;
	return is_loopback(&a->addr) ? socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol) : CURL_SOCKET_BAD;
}

static bool one_line(const char *s)
{
	return !s || !strpbrk(s, "\r\n");
}

/* What is wrong with ${l} by itself; NULL: nothing. */
static const char *fault_of(const struct mail_login *l)
{
	if (!l->host || !l->host[0] || strlen(l->host) > 253 ||
	    strspn(l->host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:") != strlen(l->host))
		return "that is not the name of a host";
	if (l->port < 0 || l->port > 65535)
		return "that is not a port";
	if (!l->user || !l->user[0] || (!l->password && !l->token))
		return "there is no user, or neither password nor token";
	if (!one_line(l->user) || !one_line(l->password) || !one_line(l->token))
		return "user, password and token are one line each";
	if (l->mechanism && strspn(l->mechanism, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != strlen(l->mechanism))
		return "that is not a mechanism to log in by";
	if (l->tls == MAIL_TLS_NONE && strcmp(l->host, "localhost") != 0 && strncmp(l->host, "127.", 4) != 0 &&
	    strcmp(l->host, "::1") != 0)
		return "without TLS only servers on this machine are allowed";
	return NULL;
}

static void set_up(struct imap *i, const struct mail_login *l, struct hearing *h, char *said)
{
	CURL *c = i->easy;
	bool implicit = l->tls == MAIL_TLS_IMPLICIT, bare6 = strchr(l->host, ':') != NULL;
	char url[320], options[100] = "";
	snprintf(url, sizeof url, "imap%s://%s%s%s:%d/", implicit ? "s" : "", bare6 ? "[" : "", l->host, bare6 ? "]" : "",
	    l->port > 0    ? l->port
	        : implicit ? 993
	                   : 143);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "imap,imaps");
	curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROXY, ""); /* as for sending: whatever the environment says */
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, said);
	curl_easy_setopt(c, CURLOPT_USERNAME, l->user);
	if (l->token)
		curl_easy_setopt(c, CURLOPT_XOAUTH2_BEARER, l->token);
	else
		curl_easy_setopt(c, CURLOPT_PASSWORD, l->password);
	/* Left to itself curl would answer CRAM-MD5 with a token. */
	if (l->mechanism)
		snprintf(options, sizeof options, "AUTH=%.80s", l->mechanism);
	else if (l->token)
		snprintf(options, sizeof options, "AUTH=XOAUTH2;AUTH=OAUTHBEARER");
	if (options[0])
		curl_easy_setopt(c, CURLOPT_LOGIN_OPTIONS, options);
	if (l->tls == MAIL_TLS_NONE) {
		curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, loopback_only);
	} else {
		curl_easy_setopt(c, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
		curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	}
	if (l->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, l->ca_file);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)i->timeout_ms);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)i->timeout_ms);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, h);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, i);
}

static enum err explain(struct imap *i, const struct mail_login *l, CURLcode c, const struct hearing *h, const char *said)
{
	char words[200];
	switch (c) {
	case CURLE_PEER_FAILED_VERIFICATION:
		trust_explain(said[0] ? said : curl_easy_strerror(c), l->host, words, sizeof words);
		imap_say(i, words, "");
		snprintf(i->why, sizeof i->why, "%s", words);
		return ERR_INPUT;
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_URL_MALFORMAT:
		imap_say(i, "settings", said[0] ? said : curl_easy_strerror(c));
		return ERR_INPUT;
	case CURLE_USE_SSL_FAILED:
		imap_say(i, "the server offers no STARTTLS", "");
		return ERR_INPUT;
	case CURLE_LOGIN_DENIED:
		if (h->later || h->bye) {
			imap_say(i, "not now, says the server", h->text);
			return ERR_RETRY;
		}
		imap_say(i, h->refused ? "log-in refused" : "no way to log in", h->text[0] ? h->text : said);
		return ERR_DENIED;
	case CURLE_ABORTED_BY_CALLBACK:
		imap_say(i, "stopped", "");
		return ERR_RETRY;
	default:
		imap_say(i, h->text[0] ? "the server says" : "not reached",
		    h->text[0]    ? h->text
		        : said[0] ? said
		                  : curl_easy_strerror(c));
		return ERR_RETRY;
	}
}

/* Logged in: what can it do, and who we are for those that want to know (RFC 2971). */
static enum err greet(struct imap *i)
{
	enum imap_run run = imap_link_run(i, "CAPABILITY", NULL, NULL);
	if (run == IMAP_RUN_OK && i->says_id)
		run = imap_link_run(i, "ID (\"name\" \"Eddy\" \"version\" \"" EDDY_VERSION "\")", NULL, NULL);
	return run == IMAP_RUN_LOST || run == IMAP_RUN_LATER ? ERR_RETRY : ERR_NONE;
}

enum err imap_open(struct imap **out, const struct mail_login *l, uint32_t timeout_ms, char *why, size_t why_n)
{
	const char *fault = fault_of(l);
	if (fault) {
		snprintf(why, why_n, "%s", fault);
		return ERR_INPUT;
	}
	struct imap *i = xcalloc(1, sizeof *i);
	struct hearing *h = xcalloc(1, sizeof *h);
	char said[CURL_ERROR_SIZE] = "";
	unsigned char r[4];
	enum err e = ERR_BROKEN;
	*i = (struct imap){ .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.timeout_ms = timeout_ms > 0 ? timeout_ms : 60000,
		.go_on = l->go_on,
		.go_on_arg = l->go_on_arg,
		.asked_ms = clock_ms(),
		.changed = true };
	imap_wire_init(&i->w);
	imap_wire_init(&h->w);
	i->w.literal_max = h->w.literal_max = IMAP_LITERAL_SMALL;
	random_bytes(r, sizeof r);
	snprintf(i->prefix, sizeof i->prefix, "e%02x%02x%02x%02xx", r[0], r[1], r[2], r[3]);
	if (i->wake >= 0 && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK && (i->easy = curl_easy_init())) {
		set_up(i, l, h, said);
		CURLcode c = curl_easy_perform(i->easy);
		if (c == CURLE_OK)
			c = curl_easy_getinfo(i->easy, CURLINFO_ACTIVESOCKET, &i->fd);
		e = c == CURLE_OK ? ERR_NONE : explain(i, l, c, h, said);
		curl_easy_setopt(i->easy, CURLOPT_ERRORBUFFER, NULL);
		curl_easy_setopt(i->easy, CURLOPT_HEADERDATA, NULL);
		curl_easy_setopt(i->easy, CURLOPT_HEADERFUNCTION, on_body);
	}
	if (e == ERR_NONE)
		e = greet(i);
	imap_wire_done(&h->w);
	free(h);
	if (e == ERR_NONE) {
		*out = i;
		return e;
	}
	unsaid(i->why, l->password);
	unsaid(i->why, l->token);
	snprintf(why, why_n, "%s", e == ERR_BROKEN ? "no connection can be made" : i->why);
	i->dead = true;
	imap_close(i);
	return e;
}
