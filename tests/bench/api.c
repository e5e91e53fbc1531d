/*
 * Procedures of the real daemon with its database, without a model, called by 50 clients on connections of their own: each ten times a second, and then as
 * fast as they can.  Prints p50, p95, p99, calls a second, what a call takes of the processor in the daemon and in the database, and how that compares with a
 * yardstick: the same clients at a server of a few lines that for each request only asks the same database "SELECT 1" in a transaction.  Ends with 1 when a
 * p95 of the first kind is above 20 ms.
 *   api [SECONDS]   for each procedure (5)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../../core/base/mem.h"
#include "../system/harness.h"

#define CLIENTS 50
#define THREADS 2000
#define NS_MAX 400000

static struct rig r;
static char token[80];
static atomic_bool over;
struct client {
	pthread_t thread;
	const char *name, *args;
	int port;
	uint64_t every_ns; /* 0: one call after the other */
	uint64_t *ns;
	size_t len, failed;
};

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* One answer is read to its end; false: the connection is gone, or this is no 200. */
static bool read_answer(int fd)
{
	char room[65536];
	size_t n = 0;
	for (;;) {
		ssize_t k = recv(fd, room + n, sizeof room - 1 - n, 0);
		if (k <= 0)
			return false;
		n += (size_t)k;
		room[n] = '\0';
		const char *body = strstr(room, "\r\n\r\n"), *length = strstr(room, "content-length: ");
		if (body == NULL || length == NULL)
			continue;
		if (n >= (size_t)(body + 4 - room) + strtoul(length + 16, NULL, 10))
			return strncmp(room, "HTTP/1.1 200", 12) == 0;
		if (n == sizeof room - 1)
			return false;
	}
}

static void *call_again(void *arg)
{
	struct client *c = arg;
	char request[600];
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)c->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	int n = snprintf(request, sizeof request,
	    "POST /api/v1/%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    c->name, c->port, token, strlen(c->args), c->args);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	bool ok = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
	/* Not all at the same moment. */
	uint64_t next = now_ns() + (c->every_ns == 0 ? 0 : (uint64_t)random() % c->every_ns);
	while (ok && !atomic_load(&over) && c->len < NS_MAX) {
		uint64_t t0 = now_ns();
		if (t0 < next) {
			usleep((unsigned)((next - t0) / 1000));
			continue;
		}
		next += c->every_ns;
		ok = send(fd, request, (size_t)n, MSG_NOSIGNAL) == n && read_answer(fd);
		if (ok)
			c->ns[c->len++] = now_ns() - t0;
	}
	c->failed += !ok;
	close(fd);
	return NULL;
}

/* Microseconds of processor that ${pid} has used, or the database has for all who are connected. */
static double cpu_us(int pid)
{
	char path[40], line[1000] = "";
	unsigned long user = 0, kernel = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *f = fopen(path, "re");
	const char *rest = f != NULL && fgets(line, sizeof line, f) != NULL ? strrchr(line, ')') : NULL;
	if (f != NULL)
		fclose(f);
	if (rest != NULL)
		(void)sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
	return (double)(user + kernel) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static double database_cpu_us(void)
{
	double all = 0;
	char pids[4000];
	snprintf(pids, sizeof pids, "%s",
	    rig_sql_text(&r, "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE datname = current_database()"));
	for (char *save = NULL, *p = strtok_r(pids, " ", &save); p != NULL; p = strtok_r(NULL, " ", &save))
		all += cpu_us(atoi(p));
	return all;
}

static int by_size(const void *x, const void *y)
{
	const uint64_t *a = x, *b = y;
	return (*a > *b) - (*a < *b);
}

/* ---- the yardstick ---- */

static void *serve_one(void *arg)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
	int fd = (int)(intptr_t)arg;
	char request[2000];
	PGconn *c = PQconnectdb(r.database);
	PQclear(PQprepare(c, "one", "SELECT 1", 0, NULL));
	while (PQstatus(c) == CONNECTION_OK && recv(fd, request, sizeof request, 0) > 0) {
		PQclear(PQexec(c, "BEGIN"));
		PQclear(PQexecPrepared(c, "one", 0, NULL, NULL, NULL, 1));
		PQclear(PQexec(c, "COMMIT"));
		if (send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0)
			break;
	}
	PQfinish(c);
	close(fd);
	return NULL;
}

static void *serve_all(void *arg)
{
	int listening = (int)(intptr_t)arg, fd;
	pthread_t t;
	while ((fd = accept(listening, NULL, NULL)) >= 0)
		if (pthread_create(&t, NULL, serve_one, (void *)(intptr_t)fd) == 0)
			pthread_detach(t);
		else
			close(fd);
	return NULL;
}

static int yardstick(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	pthread_t t;
	if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 128) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) != 0 || pthread_create(&t, NULL, serve_all, (void *)(intptr_t)fd) != 0)
		abort();
	pthread_detach(t);
	return ntohs(a.sin_port);
}

struct figures {
	double per_s, p95_ms;
	size_t failed;
};

/* ${base}: what the ratios are to; NULL: this is the yardstick. */
static struct figures measure(
    int port, const char *name, const char *args, uint64_t every_ns, int seconds, const struct figures *base)
{
	static struct client clients[CLIENTS];
	size_t n = 0, failed = 0;
	double ours = cpu_us(r.d[0].pid), theirs = database_cpu_us();
	atomic_store(&over, false);
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = (struct client){
			.name = name, .args = args, .port = port, .every_ns = every_ns, .ns = xcalloc(NS_MAX, sizeof(uint64_t))
		};
		if (pthread_create(&clients[i].thread, NULL, call_again, &clients[i]) != 0)
			abort();
	}
	sleep((unsigned)seconds);
	atomic_store(&over, true);
	uint64_t *all = xcalloc((size_t)CLIENTS * NS_MAX, sizeof *all);
	/* The yardstick's connections are gone when its clients are. */
	theirs = base == NULL ? 0 : database_cpu_us() - theirs;
	ours = base == NULL ? 0 : cpu_us(r.d[0].pid) - ours;
	for (int i = 0; i < CLIENTS; i++) {
		pthread_join(clients[i].thread, NULL);
		memcpy(all + n, clients[i].ns, clients[i].len * sizeof *all);
		n += clients[i].len;
		failed += clients[i].failed;
		free(clients[i].ns);
	}
	qsort(all, n, sizeof *all, by_size);
	double count = n == 0 ? 1 : (double)n;
	struct figures f = {
		.per_s = (double)n / seconds, .p95_ms = n == 0 ? 1e9 : (double)all[n * 95 / 100] / 1e6, .failed = failed
	};
	printf("%-16s %d clients %-15s %7.0f calls/s  p50 %6.2f ms  p95 %6.2f ms  p99 %6.2f ms", name, CLIENTS,
	    every_ns == 0 ? "without a pause" : "10 calls/s each", f.per_s, n == 0 ? 0 : (double)all[n / 2] / 1e6, f.p95_ms,
	    n == 0 ? 0 : (double)all[n * 99 / 100] / 1e6);
	if (base != NULL)
		printf("  CPU/call %4.0f + %4.0f us  p95 x%.2f  calls/s x%.2f", ours / count, theirs / count,
		    f.p95_ms / base->p95_ms, f.per_s / base->per_s);
	printf("  failed %zu\n", failed);
	fflush(stdout);
	free(all);
	return f;
}

int main(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[1]) : 5;
	char sql[1500];
	rig_open(&r, NULL, NULL);
	rig_env(&r, "EDDY_WEB_API_RATE=100000");
	rig_serve(&r, 0, NULL);
	rig_local_token(&r, 0, token);
	/* Threads of a public place, so that there is something to list. */
	snprintf(sql, sizeof sql,
	    "WITH w AS (SELECT ws FROM eddy.installs WHERE adapter = 'local' LIMIT 1), x AS (SELECT ws, gen_random_uuid() AS id FROM w),"
	    " a AS (INSERT INTO eddy.audiences (ws, id, kind, subject) SELECT ws, id, 1, id FROM x),"
	    " p AS (INSERT INTO eddy.places (ws, id, adapter, external_id, name, visibility, member, audience_id) SELECT ws, id, 'web', 'bench', 'bench', 4,"
	    " true, id FROM x), t AS (INSERT INTO eddy.threads (ws, id, place_id, external_key, seq, taking_part, last_author, several, audience_id,"
	    " created_at) SELECT ws, gen_random_uuid(), id, 'k' || n, 1, true, 1, false, id, now() - n * interval '1 minute' FROM x,"
	    " generate_series(1, %d) AS n RETURNING ws, id, audience_id), m AS (INSERT INTO eddy.messages (ws, id, thread_id, seq, rev, author_kind, body,"
	    " audience_id) SELECT ws, gen_random_uuid(), id, 1, 1, 1, 'Which port does the ledger use?', audience_id FROM t RETURNING 1)"
	    " SELECT count(*) FROM m",
	    THREADS);
	if (rig_sql(&r, sql) != THREADS)
		return 1;
	(void)rig_sql_text(&r, "ANALYZE"); /* as autovacuum would in a minute */
	char message_list[100];
	snprintf(
	    message_list, sizeof message_list, "{\"thread\":\"%s\"}", rig_sql_text(&r, "SELECT min(id::text) FROM eddy.threads"));
	const struct {
		const char *name, *args;
	} calls[] = { { "session.get", "{}" }, { "thread.list", "{\"limit\":20}" }, { "message.list", message_list },
		{ "member.list", "{}" }, { "config.get", "{}" }, { "org.list", "{}" } };
	bool good = true;
	int beside = yardstick();
	for (int pause = 1; pause >= 0; pause--) {
		const struct figures base = measure(beside, "(SELECT 1)", "{}", pause ? 100000000 : 0, seconds, NULL);
		for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
			struct figures f =
			    measure(r.d[0].port, calls[i].name, calls[i].args, pause ? 100000000 : 0, seconds, &base);
			good &= f.failed == 0 && (f.p95_ms < 20 || !pause);
		}
	}
	rig_close(&r);
	return good ? 0 : 1;
}
