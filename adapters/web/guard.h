#ifndef EDDY_WEB_GUARD_H
#define EDDY_WEB_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a request's head announces, as the server's parser joined it (a header sent twice arrives as "5,  6"). */
struct web_head {
	const char *method;         /* "GET"; "" when the parser did not name it */
	const char *host;           /* NULL: absent */
	const char *content_length; /* NULL: absent */
	bool transfer_encoding;     /* present in any form */
	bool websocket;             /* an upgrade request */
};
enum web_method { WEB_GET, WEB_HEAD, WEB_POST, WEB_PUT, WEB_PATCH, WEB_DELETE, WEB_OPTIONS, WEB_OTHER };
struct web_request {
	enum web_method method;
	uint64_t body_bytes;
};
#define WEB_BODY_MAX (1024u * 1024u)

/**
 * Decide about a request before anything else looks at it: 0 lets it in and fills ${out}; else the HTTP status to refuse with, ${why}
 * (static) says what is wrong, and the connection must be closed, because where its next request begins is not certain.
 */
int web_guard(const struct web_head *head, struct web_request *out, const char **why);
/** True if ${host} ("name", "name:port", "[::1]:port") is well formed. */
bool web_host_valid(const char *host);
/** True if ${address}, as the socket names it, is this machine itself. */
bool web_is_loopback(const char *address);
/**
 * May a page of ${origin} open a websocket here?  NULL (not a browser) may; otherwise it must equal one of ${allowed}, or be the very
 * origin that ${host} names while that is a loopback name (so that no foreign name which resolves to this machine gets in).
 */
bool web_origin_allowed(const char *origin, const char *host, const char *const *allowed, size_t allowed_len);
/**
 * Is ${host} a name by which this server goes: an address, a name of this machine, or the host of one of ${origins}?  A page of any other name that was bent to this
 * machine would be of one origin with the server, and could read what it tells everybody here.
 */
bool web_host_known(const char *host, const char *const *origins, size_t origins_len);

#endif
