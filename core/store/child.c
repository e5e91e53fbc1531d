/*
 * posix_spawn around the Postgres programs.  Dropping from root goes through setpriv(1), because setuid between fork
 * and exec is not safe in a process that has threads.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/buf.h"
#include "../base/mem.h"

#define SAID_MAX 65536u

extern char **environ;

/* What Postgres needs to know of ours; all else, tokens and keys of Eddy among them, would lie open in the memory of every child. */
static const char **own_environment(void)
{
	static const char *const kept[] = { "PATH=", "HOME=", "USER=", "LOGNAME=", "TMPDIR=", "TZ=", "LANG=", "LANGUAGE=", "LC_",
		"LD_LIBRARY_PATH=" };
	size_t n = 0, len = 0;
	while (environ[n] != NULL)
		n++;
	const char **out = xcalloc(n + 1, sizeof(*out));
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof(kept) / sizeof(*kept); k++)
			if (strncmp(environ[i], kept[k], strlen(kept[k])) == 0)
				out[len++] = environ[i];
	return out;
}

/* "setpriv … argv" for another user, else a copy of argv.  Gives an array whose strings are borrowed or literals. */
static const char **full_argv(const struct child_run *r, char uid[32], char gid[32])
{
	size_t n = 0;
	while (r->argv[n])
		n++;
	const char **argv = xcalloc(n + 6, sizeof(*argv));
	size_t at = 0;
	if (r->user) {
		struct passwd *pw = getpwnam(r->user);
		if (!pw) {
			free(argv);
			return NULL;
		}
		snprintf(uid, 32, "--reuid=%u", (unsigned)pw->pw_uid);
		snprintf(gid, 32, "--regid=%u", (unsigned)pw->pw_gid);
		argv[at++] = "setpriv";
		argv[at++] = uid;
		argv[at++] = gid;
		argv[at++] = "--init-groups";
		argv[at++] = "--reset-env";
	}
	for (size_t i = 0; i < n; i++)
		argv[at++] = r->argv[i];
	return argv;
}

static void collect(int fd, struct buf *said)
{
	char chunk[4096];
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		if (said && said->len < SAID_MAX)
			buf_add(said, chunk, (size_t)n);
	}
}

enum err child_run(const struct child_run *r, int *status)
{
	enum err e = ERR_BROKEN;
	char uid[32];
	char gid[32];
	int pipes[2] = { -1, -1 };
	const char **argv = full_argv(r, uid, gid);
	if (!argv)
		return ERR_BROKEN;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	if (pipe2(pipes, O_CLOEXEC) != 0)
		goto done;

	sigset_t all;
	sigset_t none;
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &none);
	short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
	if (r->new_session)
		flags |= POSIX_SPAWN_SETSID;
	posix_spawnattr_setflags(&attr, flags);
	if (r->in >= 0)
		posix_spawn_file_actions_adddup2(&files, r->in, 0);
	else
		posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, r->out >= 0 ? r->out : pipes[1], 1);
	posix_spawn_file_actions_adddup2(&files, pipes[1], 2);
	posix_spawn_file_actions_addclosefrom_np(&files, 3);
	posix_spawn_file_actions_addchdir_np(&files, "/");

	pid_t pid;
	union {
		const char **in;
		char *const *out;
	} args = { .in = argv }, env = { .in = own_environment() }; /* posix_spawn does not write to them */
	int failed = posix_spawnp(&pid, argv[0], &files, &attr, args.out, env.out);
	free(env.in);
	if (failed != 0)
		goto done;
	close(pipes[1]);
	pipes[1] = -1;
	collect(pipes[0], r->said);
	int st = 0;
	while (waitpid(pid, &st, 0) < 0) {
		if (errno != EINTR)
			goto done;
	}
	*status = WIFEXITED(st) ? WEXITSTATUS(st) : 128 + (WIFSIGNALED(st) ? WTERMSIG(st) : 0);
	e = ERR_NONE;
done:
	if (pipes[0] >= 0)
		close(pipes[0]);
	if (pipes[1] >= 0)
		close(pipes[1]);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	free(argv);
	return e;
}
