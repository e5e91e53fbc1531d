#ifndef EDDY_TEST_FAKE_API_H
#define EDDY_TEST_FAKE_API_H

/*
 * A small Slack Web API inside the test program: a thread per connection, messages in memory, and rules that make chosen calls fail in
 * chosen ways.  Static functions, so that each test program has its own.
 */
#include <arpa/inet.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum fault { FAULT_429, FAULT_500_BEFORE, FAULT_500_AFTER, FAULT_CUT_BEFORE, FAULT_CUT_AFTER, FAULT_ERROR, FAULT_PROXY };
struct fake_rule {
	const char *method;
	int skip, times;
	enum fault fault;
	const char *error; /* FAULT_ERROR */
};
struct fake_message {
	char ts[32], channel[32], thread[32];
	char *text;
	json_t *metadata, *blocks;
	bool streaming, deleted, person;
	const char *via; /* the method that made it */
};
struct fake {
	int fd, port;
	pthread_t thread;
	pthread_mutex_t lock;
	atomic_int serving; /* connection threads */
	struct fake_message m[600];
	size_t n;
	struct fake_rule rules[16];
	size_t rules_n;
	json_t *log; /* [{method, args}] */
	int ephemeral, hook;
	bool keeps_no_metadata, stop;
};

static json_t *fake_form(const char *p)
{
	json_t *o = json_object();
	char *copy = strdup(p), *save = NULL;
	for (char *kv = strtok_r(copy, "&", &save); kv; kv = strtok_r(NULL, "&", &save)) {
		char *v = strchr(kv, '='), *w, *r;
		if (!v)
			continue;
		*v++ = '\0';
		for (w = r = v; *r; r++) {
			unsigned c;
			if (*r == '%' && sscanf(r + 1, "%2x", &c) == 1) {
				*w++ = (char)c;
				r += 2;
			} else {
				*w++ = *r == '+' ? ' ' : *r;
			}
		}
		*w = '\0';
		json_object_set_new(o, kv, json_string(v));
	}
	free(copy);
	return o;
}

static const char *fake_str(json_t *o, const char *k)
{
	const char *s = json_string_value(json_object_get(o, k));
	return s ? s : "";
}

static struct fake_message *fake_find(struct fake *f, const char *ts)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->m[i].ts, ts) == 0 && !f->m[i].deleted)
			return &f->m[i];
	return NULL;
}

static void fake_append(struct fake_message *m, const char *s)
{
	size_t a = m->text ? strlen(m->text) : 0;
	m->text = realloc(m->text, a + strlen(s) + 1);
	strcpy(m->text + a, s);
}

static const char *fake_words(json_t *args)
{
	if (fake_str(args, "markdown_text")[0])
		return fake_str(args, "markdown_text");
	size_t i;
	json_t *c;
	json_array_foreach (json_object_get(args, "chunks"), i, c)
		if (strcmp(fake_str(c, "type"), "markdown_text") == 0)
			return fake_str(c, "text");
	return fake_str(args, "text");
}

static struct fake_message *fake_add(struct fake *f, const char *channel, const char *thread, const char *text, const char *via)
{
	struct fake_message *m = &f->m[f->n];
	*m = (struct fake_message){ .via = via };
	snprintf(m->ts, sizeof m->ts, "1700000100.%06zu", f->n + 1);
	snprintf(m->channel, sizeof m->channel, "%s", channel);
	snprintf(m->thread, sizeof m->thread, "%s", thread);
	m->text = strdup(text);
	f->n++;
	return m;
}

static void fake_keep(struct fake *f, struct fake_message *m, json_t *args)
{
	json_decref(m->metadata);
	json_decref(m->blocks);
	m->metadata = f->keeps_no_metadata ? NULL : json_incref(json_object_get(args, "metadata"));
	m->blocks = json_incref(json_object_get(args, "blocks"));
}

static json_t *fake_ok(const struct fake_message *m)
{
	return json_pack(
	    "{s:b,s:s,s:s,s:{s:s,s:s}}", "ok", 1, "channel", m->channel, "ts", m->ts, "message", "text", m->text, "ts", "0.0");
}

static json_t *fake_error(const char *e)
{
	return json_pack("{s:b,s:s}", "ok", 0, "error", e);
}

static json_t *fake_do(struct fake *f, const char *method, json_t *args)
{
	const char *channel = fake_str(args, "channel"), *thread = fake_str(args, "thread_ts");
	struct fake_message *m = fake_find(f, fake_str(args, "ts"));
	if (strcmp(method, "chat.postMessage") == 0 || strcmp(method, "chat.startStream") == 0) {
		bool stream = method[5] == 's';
		m = fake_add(f, channel, thread, fake_words(args), stream ? "stream" : "post");
		m->streaming = stream;
		fake_keep(f, m, args);
		return fake_ok(m);
	}
	if (strcmp(method, "chat.appendStream") == 0 || strcmp(method, "chat.stopStream") == 0) {
		if (!m)
			return fake_error("message_not_found");
		if (!m->streaming)
			return fake_error("message_not_in_streaming_state");
		fake_append(m, fake_words(args));
		if (method[5] == 's') {
			m->streaming = false;
			fake_keep(f, m, args);
		}
		return fake_ok(m);
	}
	if (strcmp(method, "chat.update") == 0) {
		if (!m)
			return fake_error("message_not_found");
		if (m->streaming)
			return fake_error("streaming_state_conflict");
		free(m->text);
		m->text = strdup(fake_str(args, "text"));
		fake_keep(f, m, args);
		return fake_ok(m);
	}
	if (strcmp(method, "chat.delete") == 0) {
		if (m)
			m->deleted = true;
		return m ? json_pack("{s:b}", "ok", 1) : fake_error("message_not_found");
	}
	if (strcmp(method, "conversations.replies") == 0) {
		json_t *list = json_array();
		for (size_t i = 0; i < f->n; i++) {
			m = &f->m[i];
			if (m->deleted || strcmp(m->channel, channel) != 0 || strcmp(m->thread, fake_str(args, "ts")) != 0)
				continue;
			json_t *o = json_pack("{s:s,s:s,s:s}", "type", "message", "ts", m->ts, "text", m->text);
			json_object_set_new(o, "user", json_string(m->person ? "U1" : "U0BOT"));
			if (m->metadata)
				json_object_set(o, "metadata", m->metadata);
			json_array_append_new(list, o);
		}
		return json_pack("{s:b,s:o,s:b}", "ok", 1, "messages", list, "has_more", 0);
	}
	if (strcmp(method, "chat.postEphemeral") == 0) {
		f->ephemeral++;
		return json_pack("{s:b,s:s}", "ok", 1, "message_ts", "1.2");
	}
	if (strcmp(method, "assistant.threads.setStatus") == 0 || strcmp(method, "auth.test") == 0)
		return json_pack("{s:b}", "ok", 1);
	if (strcmp(method, "hook") == 0) {
		f->hook++;
		return json_pack("{s:b}", "ok", 1);
	}
	return fake_error("unknown_method");
}

/* Answers one call; false: cut the connection. */
static bool fake_call(struct fake *f, int fd, const char *method, json_t *args)
{
	char head[200];
	pthread_mutex_lock(&f->lock);
	json_array_append_new(f->log, json_pack("{s:s,s:O}", "method", method, "args", args));
	struct fake_rule *rule = NULL;
	for (size_t i = 0; i < f->rules_n && !rule; i++) {
		if (strcmp(f->rules[i].method, method) != 0 || f->rules[i].times == 0)
			continue;
		if (f->rules[i].skip > 0) {
			f->rules[i].skip--;
			continue;
		}
		f->rules[i].times--;
		rule = &f->rules[i];
	}
	enum fault fault = rule ? rule->fault : FAULT_ERROR;
	const char *error = rule ? rule->error : NULL;
	json_t *answer = NULL;
	if (!rule || fault == FAULT_500_AFTER || fault == FAULT_CUT_AFTER)
		answer = fake_do(f, method, args);
	else if (fault == FAULT_ERROR)
		answer = fake_error(error);
	pthread_mutex_unlock(&f->lock);
	bool keep = !rule || (fault != FAULT_CUT_BEFORE && fault != FAULT_CUT_AFTER);
	if (rule && fault == FAULT_429)
		keep = dprintf(fd, "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n") > 0;
	else if (rule && fault == FAULT_PROXY)
		keep = dprintf(fd, "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n<p") > 0;
	else if (rule && (fault == FAULT_500_BEFORE || fault == FAULT_500_AFTER))
		keep = dprintf(fd, "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops") > 0;
	else if (keep) {
		char *s = json_dumps(answer, JSON_COMPACT);
		snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		    strlen(s));
		keep = write(fd, head, strlen(head)) > 0 && write(fd, s, strlen(s)) > 0;
		free(s);
	}
	json_decref(answer);
	return keep;
}

struct fake_conn {
	struct fake *f;
	int fd;
};
static void *fake_serve(void *arg)
{
	struct fake_conn c = *(struct fake_conn *)arg;
	free(arg);
	size_t cap = 1 << 20, n = 0;
	char *b = malloc(cap + 1);
	for (bool keep = true; keep;) {
		ssize_t got = read(c.fd, b + n, cap - n);
		if (got <= 0)
			break;
		n += (size_t)got;
		b[n] = '\0';
		char *body = strstr(b, "\r\n\r\n");
		if (!body)
			continue;
		body += 4;
		char *cl = strcasestr(b, "content-length:");
		size_t length = cl && cl < body ? (size_t)atol(cl + 15) : 0;
		if (n < (size_t)(body - b) + length)
			continue;
		char method[64] = "";
		if (sscanf(b, "POST /api/%63[^ ]", method) != 1)
			strcpy(method, "hook");
		bool form =
		    strcasestr(b, "application/x-www-form-urlencoded") && strcasestr(b, "application/x-www-form-urlencoded") < body;
		json_t *args = form ? fake_form(body) : json_loadb(body, length, JSON_REJECT_DUPLICATES, NULL);
		if (!args)
			args = json_pack("{s:s}", "broken", "json");
		keep = fake_call(c.f, c.fd, method, args);
		pthread_mutex_lock(&c.f->lock);
		json_decref(args);
		pthread_mutex_unlock(&c.f->lock);
		n = 0;
	}
	free(b);
	close(c.fd);
	atomic_fetch_sub(&c.f->serving, 1);
	return NULL;
}

static void *fake_accept(void *arg)
{
	struct fake *f = arg;
	for (;;) {
		int fd = accept(f->fd, NULL, NULL);
		if (fd < 0)
			return NULL;
		struct fake_conn *c = malloc(sizeof *c);
		*c = (struct fake_conn){ f, fd };
		pthread_t t;
		atomic_fetch_add(&f->serving, 1);
		pthread_create(&t, NULL, fake_serve, c);
		pthread_detach(t);
	}
}

static struct fake *fake_new(void)
{
	struct fake *f = calloc(1, sizeof *f);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(f->fd, (struct sockaddr *)&a, n) != 0 || listen(f->fd, 128) != 0 ||
	    getsockname(f->fd, (struct sockaddr *)&a, &n) != 0)
		abort();
	f->port = ntohs(a.sin_port);
	f->log = json_array();
	pthread_mutex_init(&f->lock, NULL);
	pthread_create(&f->thread, NULL, fake_accept, f);
	return f;
}

static void fake_fail(struct fake *f, const char *method, int skip, int times, enum fault fault, const char *error)
{
	pthread_mutex_lock(&f->lock);
	f->rules[f->rules_n++] = (struct fake_rule){ method, skip, times, fault, error };
	pthread_mutex_unlock(&f->lock);
}

static int fake_calls(struct fake *f, const char *method)
{
	int n = 0;
	size_t i;
	json_t *c;
	pthread_mutex_lock(&f->lock);
	json_array_foreach (f->log, i, c)
		n += strcmp(fake_str(c, "method"), method) == 0;
	pthread_mutex_unlock(&f->lock);
	return n;
}

/* The arguments of the last call of ${method}; NULL: never called. */
static json_t *fake_last(struct fake *f, const char *method)
{
	json_t *last = NULL, *c;
	size_t i;
	pthread_mutex_lock(&f->lock);
	json_array_foreach (f->log, i, c)
		if (strcmp(fake_str(c, "method"), method) == 0)
			last = json_object_get(c, "args");
	pthread_mutex_unlock(&f->lock);
	return last;
}

static size_t fake_count(struct fake *f)
{
	pthread_mutex_lock(&f->lock);
	size_t n = f->n;
	pthread_mutex_unlock(&f->lock);
	return n;
}

static bool fake_deleted(struct fake *f, size_t i)
{
	pthread_mutex_lock(&f->lock);
	bool gone = f->m[i].deleted;
	pthread_mutex_unlock(&f->lock);
	return gone;
}

static void fake_free(struct fake *f)
{
	shutdown(f->fd, SHUT_RDWR);
	close(f->fd);
	pthread_join(f->thread, NULL);
	while (atomic_load(&f->serving) > 0) /* they see their end of file */
		usleep(1000);
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n; i++) {
		free(f->m[i].text);
		json_decref(f->m[i].metadata);
		json_decref(f->m[i].blocks);
	}
	json_decref(f->log);
	pthread_mutex_unlock(&f->lock);
	free(f);
}

#endif
