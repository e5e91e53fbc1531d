#ifndef EDDY_TESTS_HTTP_PEER_H
#define EDDY_TESTS_HTTP_PEER_H

#include <stdatomic.h>
#include <stddef.h>

/*
 * A tiny HTTP/1.1 peer on loopback for tests: a thread per connection reads whole requests and lets ${answer} write whatever it
 * likes, well-formed or not, to the socket.
 */
struct http_peer_request {
	int fd;
	int nth; /* of this connection, from 0 */
	const char *method, *path;
	const char *head; /* the whole head, terminated */
	const char *body;
	size_t body_len;
	void *arg;
};
/* Returns 0 to keep the connection, else it is closed. */
typedef int (*http_peer_fn)(const struct http_peer_request *r);

struct http_peer;
struct http_peer *http_peer_new(http_peer_fn answer, void *arg);
int http_peer_port(const struct http_peer *p);
int http_peer_connections(struct http_peer *p); /* accepted so far */
int http_peer_requests(struct http_peer *p);
void http_peer_free(struct http_peer *p); /* cuts what is open and joins all threads */
/** Writes text; chunk: as one chunk of a chunked body (an empty one ends it). */
void http_peer_write(int fd, const char *text);
void http_peer_chunk(int fd, const char *text, size_t n);
/** A whole answer with Content-Length. */
void http_peer_answer(int fd, const char *status, const char *headers, const char *body);

#endif
