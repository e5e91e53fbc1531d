#ifndef EDDY_SUPPORT_FAKE_PROCESS_H
#define EDDY_SUPPORT_FAKE_PROCESS_H

#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The fakes of tests/fakes as child processes, and a small blocking HTTP client to talk to them and to the daemon. */
struct fake_process {
	pid_t pid;
	int port;
};
/**
 * Starts ${name} ("slack", "model") with ${options} ("--echo=false …", NULL-terminated, may be NULL) on a free port.  It ends with this
 * process.  Stops the process when it does not come up.
 */
struct fake_process fake_start(const char *name, const char *const *options);
void fake_end(struct fake_process *f);
/** POST /control/${command} with what json_pack(${format}, …) makes; gives the answer, never NULL.  ${format} may be NULL. */
json_t *fake_control(const struct fake_process *f, const char *command, const char *format, ...);
/** The same without the answer. */
void fake_tell(const struct fake_process *f, const char *command, const char *format, ...);

/**
 * One HTTP request to 127.0.0.1:${port}; waits up to ${ms}.  Gives the status (0: no answer) and the body in ${out} (may be NULL), which
 * is the caller's to free.
 */
int http_do(int port, const char *method, const char *path, const char *headers, const char *body, size_t n, int ms, char **out);

#endif
