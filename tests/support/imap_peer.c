#include "imap_peer.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static void lock(struct imap_peer *p)
{
	pthread_mutex_lock(&p->mtx);
}

static void unlock(struct imap_peer *p)
{
	pthread_mutex_unlock(&p->mtx);
}

/* ---- out ---- */

static void put(struct imap_peer_conn *c, const char *s, size_t n, bool slow)
{
	while (n > 0 && c->fd >= 0) {
		ssize_t k = send(c->fd, s, slow ? 1 : n, MSG_NOSIGNAL);
		if (k <= 0)
			return;
		s += k;
		n -= (size_t)k;
	}
}

void imap_peer_write(struct imap_peer *p, struct imap_peer_conn *c, const char *s, size_t n)
{
	lock(p);
	for (int i = 0; i < p->conns_len; i++)
		if ((!c && p->conns[i].fd >= 0) || c == &p->conns[i])
			put(&p->conns[i], s, n, p->slow);
	unlock(p);
}

void imap_peer_say(struct imap_peer_conn *c, const char *fmt, ...)
{
	char s[2000];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(s, sizeof s - 2, fmt, ap);
	va_end(ap);
	memcpy(s + n, "\r\n", 3);
	imap_peer_write(c->p, c, s, (size_t)n + 2);
}

static size_t live(const struct imap_peer *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->len; i++)
		n += !p->mails[i].gone;
	return n;
}

static void tell_idlers(struct imap_peer *p, const char *s)
{
	for (int i = 0; i < p->conns_len; i++)
		if (p->conns[i].idling && p->conns[i].fd >= 0)
			put(&p->conns[i], s, strlen(s), p->slow);
}

/* ---- the mailbox ---- */

uint32_t imap_peer_add(struct imap_peer *p, const char *raw, size_t n)
{
	char s[60];
	lock(p);
	if (p->len == IMAP_PEER_MAILS)
		abort();
	struct imap_peer_mail *m = &p->mails[p->len++];
	*m = (struct imap_peer_mail){ .uid = p->uid_next++, .raw = malloc(n + 1), .n = n };
	memcpy(m->raw, raw, n);
	uint32_t uid = m->uid;
	snprintf(s, sizeof s, "* %zu EXISTS\r\n", live(p));
	tell_idlers(p, s);
	unlock(p);
	return uid;
}

static struct imap_peer_mail *find(struct imap_peer *p, uint32_t uid, size_t *seq)
{
	*seq = 0;
	for (size_t i = 0; i < p->len; i++) {
		*seq += !p->mails[i].gone;
		if (p->mails[i].uid == uid && !p->mails[i].gone)
			return &p->mails[i];
	}
	return NULL;
}

void imap_peer_flags(struct imap_peer *p, uint32_t uid, char out[100])
{
	size_t seq;
	lock(p);
	struct imap_peer_mail *m = find(p, uid, &seq);
	snprintf(out, 100, "%s", m ? m->flags : "gone");
	unlock(p);
}

bool imap_peer_has(struct imap_peer *p, uint32_t uid)
{
	size_t seq;
	lock(p);
	bool has = find(p, uid, &seq) != NULL;
	unlock(p);
	return has;
}

void imap_peer_remove(struct imap_peer *p, uint32_t uid)
{
	size_t seq;
	char s[60];
	lock(p);
	struct imap_peer_mail *m = find(p, uid, &seq);
	if (m) {
		m->gone = true;
		snprintf(s, sizeof s, "* %zu EXPUNGE\r\n", seq);
		tell_idlers(p, s);
	}
	unlock(p);
}

static void cut_locked(struct imap_peer *p)
{
	for (int i = 0; i < p->conns_len; i++)
		if (p->conns[i].fd >= 0)
			shutdown(p->conns[i].fd, SHUT_RDWR);
}

void imap_peer_cut(struct imap_peer *p)
{
	lock(p);
	cut_locked(p);
	unlock(p);
}

void imap_peer_validity(struct imap_peer *p, uint32_t uid_validity)
{
	lock(p);
	p->uid_validity = uid_validity;
	p->uid_next = 1;
	for (size_t i = 0; i < p->len; i++)
		p->mails[i].uid = p->uid_next++;
	cut_locked(p);
	unlock(p);
}

/* ---- commands ---- */

static void ok(struct imap_peer_conn *c)
{
	imap_peer_say(c, "%s OK done", c->tag);
}

static void log_in(struct imap_peer_conn *c, bool good)
{
	lock(c->p);
	const char *refusal = c->p->refusal;
	unlock(c->p);
	c->p->logins++;
	if (refusal)
		imap_peer_say(c, "%s %s", c->tag, refusal);
	else if (good)
		imap_peer_say(c, "%s OK logged in", c->tag);
	else
		imap_peer_say(c, "%s NO [AUTHENTICATIONFAILED] wrong", c->tag);
	c->logged_in = good && !refusal;
}

static void select_folder(struct imap_peer_conn *c)
{
	struct imap_peer *p = c->p;
	lock(p);
	size_t n = live(p);
	uint32_t validity = p->uid_validity, next = p->uid_next;
	bool keywords = p->keywords;
	unlock(p);
	imap_peer_say(c, "* FLAGS (\\Seen \\Deleted)\r\n* OK [PERMANENTFLAGS (\\Seen \\Deleted%s)] x\r\n* %zu EXISTS\r\n* 0 RECENT",
	    keywords ? " \\*" : "", n);
	imap_peer_say(c, "* OK [UIDVALIDITY %" PRIu32 "] x\r\n* OK [UIDNEXT %" PRIu32 "] x\r\n%s OK [READ-WRITE] done", validity,
	    next, c->tag);
}

static bool has_message_id(const struct imap_peer_mail *m, const char *id)
{
	return memmem(m->raw, m->n, id, strlen(id)) != NULL;
}

static void search(struct imap_peer_conn *c, const char *command)
{
	struct imap_peer *p = c->p;
	const char *range = strstr(command, "UID ") ? strstr(command + 4, "UID ") : NULL, *id = strstr(command, "Message-ID \"");
	char wanted[200] = "";
	uint32_t from = 1, to = UINT32_MAX;
	if (range) {
		from = (uint32_t)strtoul(range + 4, NULL, 10);
		const char *colon = strchr(range, ':');
		to = colon && colon[1] != '*' ? (uint32_t)strtoul(colon + 1, NULL, 10) : UINT32_MAX;
	}
	if (id)
		sscanf(id, "Message-ID \"%199[^\"]", wanted);
	lock(p);
	char *s = malloc(live(p) * 12 + 100);
	size_t at = (size_t)sprintf(s, "* SEARCH");
	uint32_t last = 0;
	for (size_t i = 0; i < p->len; i++)
		last = p->mails[i].gone ? last : p->mails[i].uid;
	for (size_t i = 0; i < p->len; i++) {
		const struct imap_peer_mail *m = &p->mails[i];
		bool hit = m->uid >= from && m->uid <= to;
		hit = hit || (to == UINT32_MAX && range && m->uid == last); /* what "*" stands for */
		if (!m->gone && hit && (!id || has_message_id(m, wanted)))
			at += (size_t)sprintf(s + at, " %" PRIu32, m->uid);
	}
	at += (size_t)sprintf(s + at, "\r\n");
	unlock(p);
	imap_peer_write(p, c, s, at);
	free(s);
	ok(c);
}

static void fetch(struct imap_peer_conn *c, uint32_t uid, const char *command)
{
	struct imap_peer *p = c->p;
	size_t seq, max = SIZE_MAX;
	const char *partial = strstr(command, "<0.");
	if (partial)
		max = strtoul(partial + 3, NULL, 10);
	p->fetches++;
	lock(p);
	const struct imap_peer_mail *m = find(p, uid, &seq);
	if (m) {
		char *s = malloc(m->n + 400);
		size_t n = m->n < max ? m->n : max;
		size_t at = (size_t)sprintf(s,
		    "* %zu FETCH (UID %" PRIu32
		    " FLAGS (%s) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE %zu BODY[]<0> {%zu}\r\n",
		    seq, uid, m->flags, m->n, n);
		memcpy(s + at, m->raw, n);
		memcpy(s + at + n, ")\r\n", 3);
		put(c, s, at + n + 3, p->slow);
		free(s);
	}
	unlock(p);
	ok(c);
}

static void store(struct imap_peer_conn *c, uint32_t uid, const char *command)
{
	struct imap_peer *p = c->p;
	char flag[80] = "";
	size_t seq;
	bool good = true;
	const char *list = strchr(command, '(');
	if (list)
		sscanf(list, "(%79[^)])", flag);
	lock(p);
	struct imap_peer_mail *m = find(p, uid, &seq);
	good = flag[0] == '\\' || p->keywords;
	if (m && good && strlen(m->flags) + strlen(flag) + 2 < sizeof m->flags) {
		strcat(m->flags, m->flags[0] ? " " : "");
		strcat(m->flags, flag);
	}
	unlock(p);
	if (good)
		ok(c);
	else
		imap_peer_say(c, "%s NO [CANNOT] keywords are not kept here", c->tag);
}

static void move(struct imap_peer_conn *c, uint32_t uid, const char *command, bool copy)
{
	struct imap_peer *p = c->p;
	const char *name = strchr(command, '"');
	lock(p);
	if (name)
		sscanf(name, "\"%79[^\"]", p->moved_to);
	unlock(p);
	if (!copy)
		imap_peer_remove(p, uid);
	ok(c);
}

static void run(struct imap_peer_conn *c, const char *command)
{
	struct imap_peer *p = c->p;
	char a[200] = "", b[200] = "", verb[20] = "";
	uint32_t uid = 0;
	sscanf(command, "%19s", verb);
	if (strcmp(verb, "CAPABILITY") == 0) {
		lock(p);
		memcpy(a, p->caps, sizeof a);
		unlock(p);
		imap_peer_say(c, "* CAPABILITY %s", a);
		ok(c);
	} else if (strcmp(verb, "LOGIN") == 0) {
		sscanf(command, "LOGIN %*1[\"]%199[^\"]%*1[\"] %*1[\"]%199[^\"]", a, b);
		if (!a[0])
			sscanf(command, "LOGIN %199s %199s", a, b);
		log_in(c, p->password[0] && strcmp(a, p->user) == 0 && strcmp(b, p->password) == 0);
	} else if (strcmp(verb, "SELECT") == 0 || strcmp(verb, "EXAMINE") == 0) {
		select_folder(c);
	} else if (strncmp(command, "UID SEARCH", 10) == 0) {
		search(c, command);
	} else if (sscanf(command, "UID %19s %" SCNu32, verb, &uid) == 2) {
		if (strcmp(verb, "FETCH") == 0)
			fetch(c, uid, command);
		else if (strcmp(verb, "STORE") == 0)
			store(c, uid, command);
		else if (strcmp(verb, "COPY") == 0 || strcmp(verb, "MOVE") == 0)
			move(c, uid, command, verb[0] == 'C');
		else if (strcmp(verb, "EXPUNGE") == 0) {
			imap_peer_remove(p, uid);
			ok(c);
		}
	} else if (strcmp(verb, "IDLE") == 0) {
		p->idles++;
		lock(p);
		c->idling = true;
		memcpy(c->idle_tag, c->tag, sizeof c->tag);
		put(c, "+ idling\r\n", 10, p->slow);
		unlock(p);
	} else if (strcmp(verb, "LOGOUT") == 0) {
		imap_peer_say(c, "* BYE bye");
		ok(c);
		shutdown(c->fd, SHUT_RDWR);
	} else if (strcmp(verb, "NOOP") == 0) {
		p->noops++;
		lock(p);
		size_t n = live(p);
		unlock(p);
		imap_peer_say(c, "* %zu EXISTS", n);
		ok(c);
	} else if (strcmp(verb, "CREATE") == 0 || strcmp(verb, "STATUS") == 0) {
		ok(c);
	} else if (strcmp(verb, "LIST") == 0) {
		imap_peer_say(
		    c, "* LIST (\\HasNoChildren) \"/\" INBOX\r\n* LIST (\\HasNoChildren \\Sent) \"/\" \"Gesendet &APw-\"");
		ok(c);
	} else {
		imap_peer_say(c, "%s BAD what?", c->tag);
	}
}

/* AUTHENTICATE XOAUTH2 with the token in the first line or the next: what is in base64 is compared in base64. */
static bool base64_holds(const char *b64, const char *text)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char out[600];
	size_t n = 0;
	uint32_t bits = 0;
	unsigned len = 0;
	for (; *b64 && *b64 != '=' && n < sizeof out; b64++) {
		const char *at = strchr(alphabet, *b64);
		if (!at)
			break;
		bits = bits << 6 | (uint32_t)(at - alphabet);
		for (len += 6; len >= 8 && n < sizeof out; len -= 8)
			out[n++] = (char)(bits >> (len - 8) & 255);
	}
	return text[0] && memmem(out, n, text, strlen(text)) != NULL;
}

static bool token_good(struct imap_peer *p, const char *line)
{
	lock(p);
	bool good = base64_holds(line, p->token);
	unlock(p);
	return good;
}

static bool hooked(struct imap_peer_conn *c, const char *command)
{
	lock(c->p);
	imap_peer_fn hook = c->p->hook;
	void *arg = c->p->arg;
	unlock(c->p);
	return hook && hook(c, command, arg);
}

static void *serve(void *arg)
{
	struct imap_peer_conn *c = arg;
	struct imap_peer *p = c->p;
	FILE *in = fdopen(dup(c->fd), "r");
	char *line = NULL;
	size_t cap = 0;
	bool authenticating = false;
	lock(p);
	const char *greeting = p->greeting ? p->greeting : "* OK hello";
	unlock(p);
	imap_peer_say(c, "%s", greeting);
	for (ssize_t n; in && (n = getline(&line, &cap, in)) > 0;) {
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			line[--n] = '\0';
		if (c->idling && strcasecmp(line, "DONE") == 0) {
			memcpy(c->tag, c->idle_tag, sizeof c->tag);
			bool mine = hooked(c, "DONE");
			lock(p);
			c->idling = false;
			unlock(p);
			if (!mine)
				ok(c);
			continue;
		}
		if (authenticating) {
			authenticating = false;
			log_in(c, token_good(p, line));
			continue;
		}
		char *command = strchr(line, ' ');
		if (!command || command - line >= (ptrdiff_t)sizeof c->tag)
			break;
		*command++ = '\0';
		snprintf(c->tag, sizeof c->tag, "%s", line);
		if (hooked(c, command))
			continue;
		if (strncmp(command, "AUTHENTICATE ", 13) == 0) {
			char *first = strchr(command + 13, ' ');
			authenticating = first == NULL;
			if (first)
				log_in(c, token_good(p, first + 1));
			else
				imap_peer_say(c, "+ ");
			continue;
		}
		size_t size = 0;
		char *brace = strrchr(command, '{');
		if (brace && sscanf(brace, "{%zu}", &size) == 1) { /* APPEND */
			imap_peer_say(c, "+ go on");
			char *raw = malloc(size + 1);
			if (raw && fread(raw, 1, size, in) == size && getline(&line, &cap, in) > 0) {
				imap_peer_add(p, raw, size);
				ok(c);
			}
			free(raw);
			continue;
		}
		run(c, command);
	}
	free(line);
	if (in)
		fclose(in);
	lock(p);
	close(c->fd);
	c->fd = -1;
	c->idling = false;
	unlock(p);
	return NULL;
}

static void *listen_for(void *arg)
{
	struct imap_peer *p = arg;
	for (int fd; (fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
		int on = 1;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		lock(p);
		if (p->conns_len == IMAP_PEER_CONNS)
			abort();
		struct imap_peer_conn *c = &p->conns[p->conns_len++];
		*c = (struct imap_peer_conn){ .p = p, .fd = fd };
		p->connections++;
		if (pthread_create(&c->thread, NULL, serve, c) != 0)
			abort();
		unlock(p);
	}
	return NULL;
}

struct imap_peer *imap_peer_new(void)
{
	struct imap_peer *p = calloc(1, sizeof *p);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	if (!p)
		abort();
	pthread_mutexattr_t again;
	pthread_mutexattr_init(&again);
	pthread_mutexattr_settype(&again, PTHREAD_MUTEX_RECURSIVE); /* a test adds several mails at once */
	pthread_mutex_init(&p->mtx, &again);
	pthread_mutexattr_destroy(&again);
	snprintf(p->caps, sizeof p->caps, "IMAP4rev1 IDLE MOVE UIDPLUS");
	snprintf(p->user, sizeof p->user, "eddy");
	snprintf(p->password, sizeof p->password, "secret");
	p->uid_validity = 7;
	p->uid_next = 1;
	p->keywords = true;
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || bind(p->fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(p->fd, 64) != 0 ||
	    getsockname(p->fd, (struct sockaddr *)&a, &n) != 0)
		abort();
	p->port = ntohs(a.sin_port);
	if (pthread_create(&p->thread, NULL, listen_for, p) != 0)
		abort();
	return p;
}

void imap_peer_free(struct imap_peer *p)
{
	shutdown(p->fd, SHUT_RDWR);
	pthread_join(p->thread, NULL);
	close(p->fd);
	imap_peer_cut(p);
	for (int i = 0; i < p->conns_len; i++)
		pthread_join(p->conns[i].thread, NULL);
	for (size_t i = 0; i < p->len; i++)
		free(p->mails[i].raw);
	pthread_mutex_destroy(&p->mtx);
	free(p);
}
