/*
 * A fake is started with a pipe as its stdout and says on it where it listens.  The HTTP client opens a connection per request: what
 * it tests are other clients.
 */
#include "fake_process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void give_up(const char *what, const char *name)
{
	fprintf(stderr, "%s: %s: %s\n", name, what, strerror(errno));
	abort();
}

struct fake_process fake_start(const char *name, const char *const *options)
{
	char path[512], *argv[32];
	const char *build = getenv("EDDY_BUILD");
	int fds[2], argc = 0;
	snprintf(path, sizeof path, "%s/tests/fakes/main/%s", build != NULL ? build : "build", name);
	argv[argc++] = path;
	for (; options != NULL && *options != NULL && argc < 31; options++)
		argv[argc++] = strdup(*options);
	argv[argc] = NULL;
	if (pipe(fds) != 0)
		give_up("pipe", name);
	pid_t pid = fork();
	if (pid < 0)
		give_up("fork", name);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		execv(path, argv);
		perror(path);
		_exit(127);
	}
	close(fds[1]);
	for (int i = 1; i < argc; i++)
		free(argv[i]);
	FILE *f = fdopen(fds[0], "r");
	char line[200];
	int port = 0;
	if (f == NULL || fgets(line, sizeof line, f) == NULL || sscanf(line, "%*s listening on %d", &port) != 1)
		give_up("did not come up", name);
	fclose(f);
	return (struct fake_process){ .pid = pid, .port = port };
}

void fake_end(struct fake_process *f)
{
	if (f->pid > 0) {
		kill(f->pid, SIGKILL);
		waitpid(f->pid, NULL, 0);
	}
	*f = (struct fake_process){ 0 };
}

static long now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int connect_to(int port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Where the body begins once the whole answer is there, NULL before. */
static char *whole(char *s, size_t n, size_t *body_len)
{
	char *end = n > 0 ? strstr(s, "\r\n\r\n") : NULL, *length;
	if (end == NULL)
		return NULL;
	end += 4;
	length = strcasestr(s, "\r\ncontent-length:");
	if (length == NULL || length > end)
		return NULL;
	*body_len = strtoul(length + 17, NULL, 10);
	return n - (size_t)(end - s) >= *body_len ? end : NULL;
}

int http_do(int port, const char *method, const char *path, const char *headers, const char *body, size_t n, int ms, char **out)
{
	int fd = connect_to(port), status = 0;
	long until = now_ms() + ms;
	if (out != NULL)
		*out = NULL;
	if (fd < 0)
		return 0;
	char *head;
	int len = asprintf(&head, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n",
	    method, path, port, n, headers != NULL ? headers : "");
	if (len < 0)
		abort();
	bool sent = send(fd, head, (size_t)len, MSG_NOSIGNAL) == len;
	free(head);
	for (size_t at = 0; sent && at < n;) {
		ssize_t w = send(fd, body + at, n - at, MSG_NOSIGNAL);
		sent = w > 0;
		at += sent ? (size_t)w : 0;
	}
	size_t room = 65536, got = 0, body_len = 0;
	char *in = malloc(room), *content = NULL;
	if (in == NULL)
		abort();
	*in = '\0';
	for (;;) {
		long left = until - now_ms();
		struct pollfd p = { .fd = fd, .events = POLLIN };
		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			break;
		if (room - got < 32768 && (in = realloc(in, room *= 2)) == NULL)
			abort();
		ssize_t r = recv(fd, in + got, room - got - 1, 0);
		if (r > 0) {
			got += (size_t)r;
			in[got] = '\0';
			if ((content = whole(in, got, &body_len)) != NULL)
				break;
			continue;
		}
		char *end = strstr(in, "\r\n\r\n"); /* ended by the close of the connection */
		if (end != NULL && strcasestr(in, "\r\ncontent-length:") == NULL) {
			content = end + 4;
			body_len = got - (size_t)(content - in);
		}
		break;
	}
	close(fd);
	if (content != NULL && sscanf(in, "HTTP/1.%*d %d", &status) == 1 && out != NULL) {
		*out = strndup(content, body_len);
		if (*out == NULL)
			abort();
	}
	free(in);
	return content != NULL ? status : 0;
}

static json_t *control(const struct fake_process *f, const char *command, const char *format, va_list ap)
{
	char path[256], *text = NULL, *answer = NULL;
	json_error_t why;
	if (format != NULL) {
		json_t *o = json_vpack_ex(&why, 0, format, ap);
		if (o == NULL || (text = json_dumps(o, JSON_COMPACT)) == NULL) {
			fprintf(stderr, "control %s: %s\n", command, why.text);
			abort();
		}
		json_decref(o);
	}
	snprintf(path, sizeof path, "/control/%s", command);
	int status = http_do(
	    f->port, "POST", path, "Content-Type: application/json\r\n", text, text != NULL ? strlen(text) : 0, 90000, &answer);
	json_t *o = answer != NULL ? json_loads(answer, 0, &why) : NULL;
	bool ok = status == 200 && o != NULL &&
	    (!json_is_object(o) || json_object_get(o, "ok") == NULL || json_is_true(json_object_get(o, "ok")));
	if (!ok) {
		fprintf(stderr, "control %s %s: status %d, %s\n", command, text != NULL ? text : "", status,
		    answer != NULL ? answer : "no answer");
		abort();
	}
	free(text);
	free(answer);
	return o;
}

json_t *fake_control(const struct fake_process *f, const char *command, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	json_t *o = control(f, command, format, ap);
	va_end(ap);
	return o;
}

void fake_tell(const struct fake_process *f, const char *command, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	json_decref(control(f, command, format, ap));
	va_end(ap);
}
