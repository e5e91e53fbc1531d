/*
 * What one outgoing request costs in this process: http_bench [URL [concurrent [seconds [body-bytes]]]].
 * Keeps ${concurrent} POSTs running and prints calls a second, CPU per call and memory.  Without a URL a child serves small answers.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../adapters/net/http.h"
#include "../../core/base/clock.h"
#include "../support/http_peer.h"

static struct http *h;
static const char *url;
static atomic_long done, failed, data, starts;
static atomic_int stopping;
static size_t body_bytes = 300;

static bool on_data(void *arg, const char *p, size_t n)
{
	(void)arg;
	(void)p;
	data += (long)n;
	return true;
}

static void begin(void *arg);

static void on_done(void *arg, const struct http_result *r)
{
	done++;
	if (r->fail != HTTP_OK || r->status != 200)
		failed++;
	if (!stopping)
		begin(arg);
}

static void begin(void *arg)
{
	static const char *const headers[] = { "Content-Type: application/json", "x-api-key: bench",
		"anthropic-version: 2023-06-01", NULL };
	static const char text[] =
	    "{\"model\":\"bench\",\"max_tokens\":100,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"ev=1 ";
	char *body = malloc(body_bytes + sizeof text + 8);
	if (!body)
		abort();
	size_t n = sizeof text - 1;
	memcpy(body, text, n);
	memset(body + n, 'x', body_bytes);
	memcpy(body + n + body_bytes, "\"}]}", 4);
	struct http_request r = { .method = "POST",
		.url = url,
		.headers = headers,
		.body = body,
		.body_len = n + body_bytes + 4,
		.idle_ms = 60000,
		.total_ms = 120000,
		.on_data = on_data,
		.on_done = on_done,
		.arg = arg };
	starts++;
	if (http_start(h, &r) != ERR_NONE)
		failed++;
}

static double cpu(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int answer(const struct http_peer_request *r)
{
	http_peer_answer(r->fd, "200 OK", "Content-Type: application/json\r\n", "{\"ok\":true}");
	return 0;
}

/* A server in a process of its own, so that only our side is measured; it ends with us. */
static const char *serve(void)
{
	static char at[60];
	int ends[2], port = 0;
	if (pipe(ends) != 0)
		abort();
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		struct http_peer *p = http_peer_new(answer, NULL);
		port = http_peer_port(p);
		if (write(ends[1], &port, sizeof port) != (ssize_t)sizeof port)
			_exit(1);
		for (;;)
			pause();
	}
	if (read(ends[0], &port, sizeof port) != (ssize_t)sizeof port)
		abort();
	snprintf(at, sizeof at, "http://127.0.0.1:%d/", port);
	return at;
}

int main(int argc, char **argv)
{
	int concurrent = argc > 2 ? atoi(argv[2]) : 50;
	double seconds = argc > 3 ? atof(argv[3]) : 3;
	url = argc > 1 ? argv[1] : serve();
	if (argc > 4)
		body_bytes = (size_t)atol(argv[4]);
	if (http_new(&h, NULL, NULL) != ERR_NONE)
		return 1;
	for (int i = 0; i < concurrent; i++)
		begin(NULL);
	usleep(300000);
	long n0 = done;
	double c0 = cpu();
	uint64_t t0 = clock_us();
	usleep((useconds_t)(seconds * 1e6));
	double t = (double)(clock_us() - t0) / 1e6, c = cpu() - c0;
	long n = done - n0;
	stopping = 1;
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	printf("%ld calls, %.0f/s, %.1f us CPU per call, %ld failed, %ld bytes a call, %ld kB peak\n", n, (double)n / t,
	    n ? c / (double)n * 1e6 : 0, (long)failed, n ? data / done : 0, u.ru_maxrss);
	http_stop(h);
	http_free(h);
	return 0;
}
