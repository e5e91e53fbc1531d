#ifndef EDDY_AGENTS_TRACKER_H
#define EDDY_AGENTS_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"

struct buf;

/*
 * The tracker of a team (docs/authority.md, docs/adr/096-own-accounts.md): an address that is read with the asker's own token and with nobody else's.
 * Here is what needs neither a database nor a network.
 */
#define TRACKER_KIND "tracker" /* of the sealed tokens */
#define TRACKER_HOST_MAX 80
#define TRACKER_NAME_MAX (TRACKER_HOST_MAX + 40)
#define TRACKER_QUERY_MAX 200
#define TRACKER_TOKEN_MAX 4000

/* How the core reads an address of the outside. */
struct fetcher {
	/**
	 * GET ${url} as whoever ${token} is; blocks: a worker.  No redirect is followed.  ${status}: of the answer, 0: none came in ${ms}, or one of
	 * more than ${max} bytes.  Its body is appended to ${body}.
	 */
	void (*get)(struct fetcher *f, const char *url, const char *token, uint32_t ms, size_t max, long *status, struct buf *body);
};

/**
 * The host (with its port, if one is named) of a template such as "https://tracker.example/search?q={query}".  False: it is none; https is needed but on
 * this machine, and what is asked has to stand behind the host.
 */
bool tracker_host(const char *template, char out[TRACKER_HOST_MAX + 1]);
/** The address for ${query}. */
void tracker_address(const char *template, const char *query, struct buf *out);
/** Is ${host} well formed, and one of ${hosts}? */
bool tracker_allowed(const char *host, const char *const *hosts, size_t n);
/** The name of the token that ${person} has for ${host}. */
void tracker_token_name(struct id person, const char *host, char out[TRACKER_NAME_MAX + 1]);
/** Text of the outside for a model: ${token} is not in it, nor what is no UTF-8, and it is at most ${max} bytes. */
void tracker_clean(const char *text, size_t n, const char *token, size_t max, struct buf *out);

#endif
