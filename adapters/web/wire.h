#ifndef EDDY_WEB_WIRE_H
#define EDDY_WEB_WIRE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../core/base/err.h"
#include "../../core/base/id.h"

struct buf;

/* The JSON frames of eddy.v1 (docs/websocket.md): decoding what clients send, building what they get.  No sockets here. */
#define WEB_MESSAGE_MAX (256u * 1024u) /* one frame from a client */
#define WEB_TEXT_MAX (128u * 1024u)    /* the text of one message */
#define WEB_CLIENT_ID_MAX 64
#define WEB_IDENTITY_MAX 4096

enum web_verb { WEB_HELLO, WEB_SUBSCRIBE, WEB_UNSUBSCRIBE, WEB_SEND, WEB_EDIT, WEB_ERASE, WEB_STOP, WEB_PING };
enum { FEATURE_BLOCKS = 1, FEATURE_THREADS = 2 };
struct web_command {
	enum web_verb verb;
	unsigned features;                        /* HELLO: what the client understands beyond the basics */
	json_t *root;                             /* owns all strings below */
	const char *token, *client, *locale, *tz; /* HELLO; NULL where not given */
	const char *visitor, *identity;           /* HELLO: instead of a token; "" is a new visitor */
	const char *name, *device;                /* HELLO: what a visitor calls himself; names the browser tab */
	char thread[ID_TEXT];                     /* SUBSCRIBE .. STOP: canonical lower case */
	int64_t after;                            /* SUBSCRIBE */
	const char *client_id;                    /* SEND, EDIT, ERASE: names this act; STOP may have one */
	const char *key;                          /* EDIT, ERASE: the client_id of the message meant */
	const char *text;                         /* SEND, EDIT */
	size_t text_len;
	int64_t n; /* PING */
};
/* What to tell a client whose frame was no good. */
struct web_fault {
	const char *code; /* static */
	char message[192];
	char client_id[WEB_CLIENT_ID_MAX + 1]; /* "" when the frame did not name one */
};
/** Decode one complete text message.  ERR_INPUT fills ${fault}; on success web_command_done() frees ${out}. */
enum err web_command_parse(const char *s, size_t n, struct web_command *out, struct web_fault *fault);
void web_command_done(struct web_command *c);

struct web_person {
	const char *id, *name;
};
void web_put_welcome(struct buf *b, struct id session, const struct web_person *p, struct id ws, const char *version,
    unsigned features, const char *visitor /* its secret, or NULL */, int subscriptions, int rate, int burst, int64_t idle_ms);
void web_put_error(struct buf *b, const struct web_fault *f, uint32_t retry_after_ms);
void web_put_subscribed(struct buf *b, const char *thread, int64_t rev);
void web_put_accepted(
    struct buf *b, const char *client_id, const char *thread, struct id message, struct id run, int64_t seq, bool duplicate);
struct web_message {
	const char *type; /* "message", "edited", "deleted" */
	struct id id, run;
	int64_t seq, rev, at_ms;
	int author_kind;
	const char *author, *key, *text;
	size_t text_len;
	bool edited;
	const struct buf *blocks; /* the insides of a list of blocks; NULL: not asked for */
};
void web_put_message(struct buf *b, const char *thread, const struct web_message *m);
void web_put_run(struct buf *b, const char *thread, struct id run, const char *state);
void web_put_delta(struct buf *b, const char *thread, struct id run, uint32_t attempt, size_t offset, const char *text, size_t n);
/** The blocks of the open answer from ${from} on; ${final} are finished. */
void web_put_blocks(
    struct buf *b, const char *thread, struct id run, uint32_t attempt, size_t from, const struct buf *blocks, size_t final);
void web_put_reset(struct buf *b, const char *thread, struct id run, uint32_t attempt);
void web_put_status(struct buf *b, const char *thread, struct id run, const char *text, size_t n);
void web_put_tool(
    struct buf *b, const char *thread, struct id run, const char *step, const char *title, size_t n, const char *state);
/** The open answer as it stands; ${tools} are the insides of tool frames, ${blocks} (or NULL) those of blocks, joined by commas. */
void web_put_open(struct buf *b, const char *thread, struct id run, uint32_t attempt, const char *text, size_t n,
    const char *status, const char *tools, const struct buf *blocks);
struct component;
void web_put_components(struct buf *b, const char *thread, struct id run, struct id message, const struct component *c, size_t n);
void web_put_pong(struct buf *b, int64_t n);

#endif
