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

#define WEB_ACTION_MAX 100
#define WEB_VALUE_MAX 2000
#define WEB_PRESS_MAX 16384 /* what a press carries: a draft that was edited, for one */
#define WEB_THREADS_MAX 100
#define WEB_PROCEDURE_MAX 64
#define WEB_KEY_MAX 255    /* an idempotency key */
#define WEB_SEARCH_MAX 500 /* bytes of what is looked for */

/* clang-format off */
enum web_verb {
	WEB_HELLO, WEB_SUBSCRIBE, WEB_UNSUBSCRIBE, WEB_SEND, WEB_EDIT, WEB_ERASE /* "delete": a message */, WEB_STOP, WEB_PING,
	WEB_THREADS, WEB_HISTORY, WEB_RETRY, WEB_ACT, WEB_FEEDBACK, WEB_TYPING, WEB_FORGET /* "erase": a thread */,
	WEB_HANDOVER, WEB_SEARCH, WEB_CALL,
};
/* clang-format on */
enum { FEATURE_BLOCKS = 1, FEATURE_THREADS = 2, FEATURE_FORKS = 4 };
struct web_command {
	enum web_verb verb;
	unsigned features;                        /* HELLO: what the client understands beyond the basics */
	json_t *root;                             /* owns all strings below */
	const char *token, *client, *locale, *tz; /* HELLO; NULL where not given */
	const char *visitor, *identity;           /* HELLO: instead of a token; "" is a new visitor */
	const char *name, *device;                /* HELLO: what a visitor calls himself; names the browser tab */
	char thread[ID_TEXT];                     /* SUBSCRIBE .. STOP: canonical lower case */
	int64_t after;                            /* SUBSCRIBE */
	const char *client_id;                    /* SEND, EDIT, ERASE, CALL: names this act; STOP may have one */
	const char *key;  /* EDIT, ERASE: the client_id of the message meant.  CALL: idempotency key, or NULL */
	const char *text; /* SEND, EDIT */
	size_t text_len;
	int64_t n;    /* PING, SEARCH */
	int64_t page; /* SEARCH */
	bool prefix;  /* SEARCH: the last word may be unfinished */
	/* THREADS: before this, and of the same moment before ${thread} if that is given */
	int64_t before, limit;
	int which;             /* THREADS: LIST_* of pages.h */
	char of[ID_TEXT];      /* THREADS: only side threads of this one; "": all */
	char only[ID_TEXT];    /* THREADS: only this one; "": all */
	struct id named;       /* RETRY: the run.  FEEDBACK: the message */
	struct id about;       /* SEND, ACT: the message that it points at; none */
	const char *action;    /* ACT, RETRY */
	const char *value;     /* ACT: what the component carries, "" for nothing.  RETRY: the run */
	int opinion;           /* FEEDBACK: 1, -1, 0 taken back */
	const char *reason;    /* FEEDBACK; NULL: none */
	const char *procedure; /* CALL */
	json_t *args;          /* CALL: an object; NULL: none */
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
	int opinion;              /* 1, -1; 0: none */
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
/** The frame that says that a thread has a new message; ${title} NULL: not a new one. */
void web_put_thread(struct buf *b, const char *thread, const char *title, int64_t at_ms, int64_t rev);
struct listed_thread;
/** One line of a list of threads, or (${type}) the frame that says that it has changed. */
void web_put_listed(struct buf *b, const char *type, const struct listed_thread *t);
struct find_hit;
/** One match; ${thread}: the reader's own thread where it is, or NULL. */
void web_put_hit(struct buf *b, const struct find_hit *h, const char *thread, const char *link);
struct page_found;
void web_put_found(struct buf *b, int64_t n, const struct buf *items, const struct page_found *f);
void web_put_threads(struct buf *b, const struct buf *items, bool more, int which, const char *of, const char *only);
struct past_run;
void web_put_past_run(struct buf *b, const struct past_run *r);
void web_put_history(struct buf *b, const char *thread, const struct buf *runs);
void web_put_typing(struct buf *b, const char *thread, const struct web_person *p);
/** ${result}: JSON.  ${again}: it is that of an earlier call. */
void web_put_result(struct buf *b, const char *id, const char *result, bool again);
void web_put_problem(struct buf *b, const char *id, const char *problem /* JSON */);
void web_put_erased(struct buf *b, const char *thread);
/** How a list of threads names one that begins with ${text}: its first 120 characters in one line. */
void web_title(struct buf *b, const char *text, size_t n);

#endif
