#ifndef EDDY_CLI_PROBE_H
#define EDDY_CLI_PROBE_H

#include <stdbool.h>
#include <stddef.h>

/* One small HTTP question to a server of ours, blocking, for commands. */
struct probe {
	char host[256];
	int port;
	bool tls;
	char path[128];
};
/** Split "http://host:port/path" (also https, ws, wss).  False when it is no such address. */
bool probe_parse(const char *url, struct probe *out);
/** The server that these settings' web.listen means, as seen from this machine. */
bool probe_from_listen(const char *listen, struct probe *out);
/** GET ${path}: the status, or 0 when nothing answers within ${timeout_ms}; ${why} (may be NULL) says what happened. */
int probe_get(const struct probe *p, const char *path, int timeout_ms, char *why, size_t why_n);

/**
 * POST ${json} to ${path} with a bearer token: the status, or 0 as above.  ${out} gets the answer's body, at most ${max} bytes.  Without TLS: for this
 * machine only.
 */
struct buf;
int probe_post(const struct probe *p, const char *path, const char *bearer, const char *json, size_t n, size_t max, struct buf *out,
    char *why, size_t why_n);

#endif
