#include "smtp_peer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../core/base/buf.h"

#define CONNS_MAX 512
#define TEXTS_MAX 512

struct smtp_peer {
	int fd, port;
	pthread_t thread;
	pthread_mutex_t mtx;
	struct smtp_script script;
	int times; /* -1: for ever */
	int connections;
	struct conn {
		struct smtp_peer *p;
		struct smtp_script s;
		pthread_t thread;
		int fd, mails;
	} conns[CONNS_MAX];
	struct {
		char *p;
		size_t n;
	} texts[TEXTS_MAX], mails[TEXTS_MAX];
	size_t texts_len, mails_len;
	struct buf said;
};

/* False: hang up. */
static bool say(struct conn *c, const char *reply, const char *usual)
{
	char line[2000];
	if (!reply)
		reply = usual;
	if (!reply[0])
		return false;
	int n = snprintf(line, sizeof line, "%s\r\n", reply);
	if (c->s.pause_us == 0)
		return send(c->fd, line, (size_t)n, MSG_NOSIGNAL) == n;
	for (int i = 0; i < n; i++) {
		if (send(c->fd, &line[i], 1, MSG_NOSIGNAL) != 1)
			return false;
		usleep(c->s.pause_us);
	}
	return true;
}

struct reader {
	char bytes[16384];
	size_t at, len;
};

static int next_byte(struct conn *c, struct reader *r)
{
	if (r->at == r->len) {
		ssize_t n = read(c->fd, r->bytes, sizeof r->bytes);
		if (n <= 0)
			return -1;
		r->at = 0;
		r->len = (size_t)n;
	}
	return (unsigned char)r->bytes[r->at++];
}

static bool next_line(struct conn *c, struct reader *r, struct buf *line)
{
	buf_reset(line);
	for (int b; (b = next_byte(c, r)) >= 0;) {
		buf_add_char(line, (char)b);
		if (b == '\n')
			return true;
	}
	return false;
}

static void keep(struct smtp_peer *p, const struct buf *text, bool taken)
{
	pthread_mutex_lock(&p->mtx);
	if (p->texts_len == TEXTS_MAX || p->mails_len == TEXTS_MAX)
		abort();
	for (int i = 0; i < (taken ? 2 : 1); i++) {
		char *copy = malloc(text->len + 1);
		if (!copy)
			abort();
		memcpy(copy, text->p, text->len);
		copy[text->len] = '\0';
		if (i == 0) {
			p->texts[p->texts_len].p = copy;
			p->texts[p->texts_len++].n = text->len;
		} else {
			p->mails[p->mails_len].p = copy;
			p->mails[p->mails_len++].n = text->len;
		}
	}
	pthread_mutex_unlock(&p->mtx);
}

/* The text to its dot; false: hang up. */
static bool take_text(struct conn *c, struct reader *r)
{
	struct buf line = BUF_INIT, text = BUF_INIT;
	bool ended = false;
	buf_reset(&text);
	while (!ended && next_line(c, r, &line)) {
		ended = strcmp(line.p, ".\r\n") == 0;
		if (!ended)
			buf_add(&text, line.p + (line.p[0] == '.'), line.len - (line.p[0] == '.'));
		if (c->s.cut_text && text.len >= c->s.cut_text)
			break;
	}
	bool go = ended;
	if (ended) {
		const char *end = c->s.end ? c->s.end : "250 2.0.0 Ok: queued as 4711";
		keep(c->p, &text, end[0] == '2' || (c->s.keep_though_cut && !end[0]));
		if (c->s.end_wait_ms)
			poll(&(struct pollfd){ .fd = c->fd, .events = POLLIN }, 1,
			    (int)c->s.end_wait_ms); /* or until the other has had enough */
		go = say(c, end, "") && !c->s.hang_up_after;
	}
	buf_done(&line);
	buf_done(&text);
	return go;
}

static bool serve_command(struct conn *c, struct reader *r, struct buf *line)
{
	static const char ehlo[] =
	    "250-peer greets you\r\n250-SIZE 1000000\r\n250-AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER\r\n250 8BITMIME";
	const char *p = line->p;
	if (strncasecmp(p, "EHLO", 4) == 0 || strncasecmp(p, "HELO", 4) == 0)
		return say(c, c->s.ehlo, ehlo);
	if (strncasecmp(p, "AUTH", 4) == 0) {
		/* With or without a first answer in the line. */
		bool whole = strchr(p + 5, ' ') != NULL, login = strcasestr(p, "LOGIN") != NULL;
		if (!whole) {
			if (!say(c, "334 ", "") || !next_line(c, r, line))
				return false;
			if (login && (!say(c, "334 ", "") || !next_line(c, r, line)))
				return false;
		}
		return say(c, c->s.auth, "235 2.7.0 ok");
	}
	if (strncasecmp(p, "MAIL", 4) == 0 && c->s.mails_max && ++c->mails > c->s.mails_max) {
		(void)say(c, "421 4.7.0 too many", "");
		return false;
	}
	if (strncasecmp(p, "RSET", 4) == 0)
		return say(c, "250 2.0.0 ok", "");
	if (strncasecmp(p, "MAIL", 4) == 0)
		return say(c, c->s.mail, "250 2.1.0 ok");
	if (strncasecmp(p, "RCPT", 4) == 0) {
		char addr[400] = "";
		sscanf(p, "%*[^<]<%399[^>]", addr);
		const char *reply = c->s.rcpt ? c->s.rcpt(addr) : NULL;
		return say(c, reply, "250 2.1.5 ok");
	}
	if (strncasecmp(p, "DATA", 4) == 0) {
		if (!say(c, c->s.data, "354 go on"))
			return false;
		return (c->s.data && strncmp(c->s.data, "354", 3) != 0) || take_text(c, r);
	}
	if (strncasecmp(p, "QUIT", 4) == 0) {
		if (c->s.mute_quit)
			return true;
		(void)say(c, "221 bye", "");
		return false;
	}
	return say(c, "500 what?", "");
}

static void *serve(void *arg)
{
	struct conn *c = arg;
	struct reader r = { .at = 0 };
	struct buf line = BUF_INIT;
	bool open = say(c, c->s.greeting, "220 peer ESMTP");
	while (open && next_line(c, &r, &line)) {
		pthread_mutex_lock(&c->p->mtx);
		buf_add(&c->p->said, line.p, line.len);
		pthread_mutex_unlock(&c->p->mtx);
		open = serve_command(c, &r, &line);
	}
	buf_done(&line);
	pthread_mutex_lock(&c->p->mtx);
	close(c->fd);
	c->fd = -1;
	pthread_mutex_unlock(&c->p->mtx);
	return NULL;
}

static void *listen_for(void *arg)
{
	struct smtp_peer *p = arg;
	for (int fd; (fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
		int on = 1;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		pthread_mutex_lock(&p->mtx);
		if (p->connections == CONNS_MAX)
			abort();
		struct conn *c = &p->conns[p->connections++];
		*c = (struct conn){ .p = p, .fd = fd };
		if (p->times != 0)
			c->s = p->script;
		p->times -= p->times > 0;
		if (pthread_create(&c->thread, NULL, serve, c) != 0)
			abort();
		pthread_mutex_unlock(&p->mtx);
	}
	return NULL;
}

struct smtp_peer *smtp_peer_new(void)
{
	struct smtp_peer *p = calloc(1, sizeof *p);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	if (!p)
		abort();
	pthread_mutex_init(&p->mtx, NULL);
	buf_reset(&p->said);
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || bind(p->fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(p->fd, 64) != 0 ||
	    getsockname(p->fd, (struct sockaddr *)&a, &n) != 0)
		abort();
	p->port = ntohs(a.sin_port);
	if (pthread_create(&p->thread, NULL, listen_for, p) != 0)
		abort();
	return p;
}

int smtp_peer_port(const struct smtp_peer *p)
{
	return p->port;
}

void smtp_peer_play(struct smtp_peer *p, const struct smtp_script *s, int times)
{
	pthread_mutex_lock(&p->mtx);
	p->script = s ? *s : (struct smtp_script){ 0 };
	p->times = times > 0 ? times : -1;
	pthread_mutex_unlock(&p->mtx);
}

int smtp_peer_connections(struct smtp_peer *p)
{
	pthread_mutex_lock(&p->mtx);
	int n = p->connections;
	pthread_mutex_unlock(&p->mtx);
	return n;
}

size_t smtp_peer_mails(struct smtp_peer *p)
{
	pthread_mutex_lock(&p->mtx);
	size_t n = p->mails_len;
	pthread_mutex_unlock(&p->mtx);
	return n;
}

size_t smtp_peer_texts(struct smtp_peer *p)
{
	pthread_mutex_lock(&p->mtx);
	size_t n = p->texts_len;
	pthread_mutex_unlock(&p->mtx);
	return n;
}

const char *smtp_peer_mail(struct smtp_peer *p, size_t i, size_t *n)
{
	pthread_mutex_lock(&p->mtx);
	const char *text = i < p->mails_len ? p->mails[i].p : NULL;
	if (n)
		*n = text ? p->mails[i].n : 0;
	pthread_mutex_unlock(&p->mtx);
	return text;
}

const char *smtp_peer_text(struct smtp_peer *p, size_t i, size_t *n)
{
	pthread_mutex_lock(&p->mtx);
	const char *text = i < p->texts_len ? p->texts[i].p : NULL;
	if (n)
		*n = text ? p->texts[i].n : 0;
	pthread_mutex_unlock(&p->mtx);
	return text;
}

char *smtp_peer_said(struct smtp_peer *p)
{
	pthread_mutex_lock(&p->mtx);
	char *s = strdup(p->said.p);
	pthread_mutex_unlock(&p->mtx);
	return s;
}

void smtp_peer_free(struct smtp_peer *p)
{
	shutdown(p->fd, SHUT_RDWR);
	pthread_join(p->thread, NULL);
	close(p->fd);
	pthread_mutex_lock(&p->mtx);
	for (int i = 0; i < p->connections; i++)
		if (p->conns[i].fd >= 0)
			shutdown(p->conns[i].fd, SHUT_RDWR);
	pthread_mutex_unlock(&p->mtx);
	for (int i = 0; i < p->connections; i++)
		pthread_join(p->conns[i].thread, NULL);
	for (size_t i = 0; i < p->texts_len; i++)
		free(p->texts[i].p);
	for (size_t i = 0; i < p->mails_len; i++)
		free(p->mails[i].p);
	buf_done(&p->said);
	pthread_mutex_destroy(&p->mtx);
	free(p);
}
