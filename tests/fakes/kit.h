#ifndef EDDY_FAKES_KIT_H
#define EDDY_FAKES_KIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A small network kit for the fakes: one thread, epoll, timers, an HTTP/1.1 server and server-side websockets.  It is written apart
 * from the code under test, so that one mistake cannot hide in both.  Connections are named by ids that go stale safely: every call
 * with the id of a connection that has gone does nothing.
 */
typedef uint64_t kit_id; /* 0: none */

struct kit_buf {
	char *p; /* always followed by a zero byte once something was added */
	size_t n, room;
};
void kit_add(struct kit_buf *b, const void *p, size_t n);
void kit_adds(struct kit_buf *b, const char *s);
void kit_addf(struct kit_buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void kit_add_json_string(struct kit_buf *b, const char *s, size_t n); /* with its quotes */
void kit_buf_done(struct kit_buf *b);

/* One request; borrowed for the time of the handler.  The answer may come later, through its connection. */
struct kit_request {
	kit_id conn;
	const char *method, *path, *query; /* path is decoded; query is raw, "" when there is none */
	const char *body;                  /* followed by a zero byte */
	size_t body_len;
	const char *headers; /* raw */
};
typedef void (*kit_handler)(const struct kit_request *r);

/** Listens on 127.0.0.1:${port} (0: any); gives the port.  Ends the process when that does not work. */
int kit_listen(int port, kit_handler fn);
void kit_run(void); /* until kit_stop() or SIGTERM */
void kit_stop(void);
uint64_t kit_now_us(void);
uint64_t kit_wall_us(void);

struct kit_timer;
/** Calls ${fn} once in ${us}.  The timer is gone when ${fn} begins; cancel it before that or never. */
struct kit_timer *kit_after(uint64_t us, void (*fn)(void *arg), void *arg);
void kit_cancel(struct kit_timer *t); /* NULL is fine */

/** A header's value into ${out}, ""  and false when it is not there. */
bool kit_header(const struct kit_request *r, const char *name, char *out, size_t n);
/** A field of the query, decoded. */
bool kit_query(const struct kit_request *r, const char *name, char *out, size_t n);
/** Decodes %XX (and + where ${plus}) into ${out}, which may be ${s} itself and is ended with a zero byte; gives the length. */
size_t kit_url_decode(const char *s, size_t n, bool plus, char *out);
/** Decodes a form body into an object of strings. */
json_t *kit_form(const char *s, size_t n);

/* Answers.  ${extra}: further header lines, each ended by CR LF, or NULL. */
void kit_reply(kit_id c, int status, const char *type, const char *extra, const char *body, size_t n);
void kit_reply_json(kit_id c, int status, const char *extra, json_t *take);       /* takes the object */
void kit_stream_begin(kit_id c, int status, const char *type, const char *extra); /* chunked */
void kit_stream_write(kit_id c, const char *s, size_t n);
void kit_stream_end(kit_id c);
/** Gives up on the connection: reset (RST), as a network failure does, or closed in good order. */
void kit_cut(kit_id c, bool reset);
/** Neither reads nor writes any more, but keeps the connection open: a black hole. */
void kit_freeze(kit_id c, bool frozen);
bool kit_alive(kit_id c);
/** Where user data of a connection lives, NULL when it has gone. */
void **kit_user(kit_id c);

struct kit_ws {
	void (*text)(kit_id c, const char *s, size_t n, int fragments); /* a whole message */
	void (*closed)(kit_id c, void *user);
	void (*pong)(kit_id c);
};
/** Turns the request's connection into a websocket; false when the request is none (it was answered with 400). */
bool kit_ws_accept(const struct kit_request *r, const struct kit_ws *ops);
void kit_ws_text(kit_id c, const char *s, size_t n);
void kit_ws_binary(kit_id c, const char *s, size_t n);
void kit_ws_fragments(kit_id c, const char *s, size_t n, size_t piece); /* one message in several frames */
void kit_ws_ping(kit_id c);
void kit_ws_close(kit_id c, int code);

/* JSON access that forgives: absent or another type gives the fallback. */
const char *kit_str(const json_t *o, const char *key, const char *fallback);
int64_t kit_int(const json_t *o, const char *key, int64_t fallback);
double kit_num(const json_t *o, const char *key, double fallback);
bool kit_bool(const json_t *o, const char *key, bool fallback);
double kit_random(void); /* 0 ≤ x < 1, the same sequence in each process */

/** Options "--name=value" of a program into an object of strings; ends the process with ${usage} on anything else. */
json_t *kit_options(int argc, char **argv, const char *usage);
/** Says "NAME listening on PORT" on stdout: what a starter waits for; dies with its parent. */
void kit_announce(const char *name, int port);

#endif
