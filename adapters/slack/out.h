#ifndef EDDY_SLACK_OUT_H
#define EDDY_SLACK_OUT_H

#include <stdatomic.h>
#include <pthread.h>

#include "../../core/base/buf.h"
#include "../../core/base/metric.h"
#include "api.h"
#include "origin.h"
#include "send.h"

/* Internal to the sending half: send.c, stream.c, place.c, lookup.c, status.c.  Everything here belongs to the http thread. */
#define TS_MAX 40
#define MESSAGE_UNITS 11000u /* one message, in UTF-16 units of Markdown */

struct answer;
struct map;
struct http_timer;
struct inbox_item;
struct lookup;

enum stream_state {
	STREAM_NONE,     /* nothing of this answer is visible */
	STREAM_ASKING,   /* the engine stores that one will be opened */
	STREAM_STARTING, /* chat.startStream runs */
	STREAM_OPEN,
	STREAM_ROLLING, /* the message is full or old: it is being stopped, the next one will be started */
	STREAM_LOST,    /* closed by Slack or a person, or its state is unknown: only edits from here on */
	STREAM_NEVER,   /* not for this answer */
};

struct stamp {
	char ts[TS_MAX];
};

/* One message of the final document. */
struct part {
	char *md;
	size_t md_len;
	char id[24];     /* "0", "1"; after splitting further "1.0", "1.1" */
	char ts[TS_MAX]; /* visible as */
	bool done;
};

struct whole {
	char *md; /* the document with its error mark and component fallbacks */
	size_t md_len;
	char *blocks; /* components as blocks, NULL: none */
	bool one_person, maybe_sent, looked, url_dead;
	bool commands; /* its components give commands */
	bool in_dm;    /* for one person, who cannot be spoken to in that channel */
	struct part *parts;
	size_t parts_len, at;
	int level;                       /* 0 as it should be, 1 mrkdwn in small parts, 2 plain */
	struct stamp *slots;             /* visible messages of ours that the parts go into, in order */
	size_t slots_len, slot, stopped; /* stopped: how many are known not to be streams any more */
	bool visible;                    /* something of it was posted or may have been: no RETRY to the core any more */
	unsigned tries;
	uint64_t wait_until_ms; /* back-off: what to do then */
	void (*then)(struct answer *a);
	void (*look_then)(struct answer *a); /* what the lookup is for */
};

struct answer {
	struct slack_out *out;
	struct answer *prev, *next; /* live list */
	struct answer *all_prev, *all_next;
	struct answer *turn_next; /* waits for its thread's turn */
	struct id ws, run, delivery, thread;
	struct origin to;
	char origin[INTENT_ORIGIN_MAX];
	unsigned calls; /* Web API calls that will come back here */
	bool listed, closing, ended;
	uint64_t touched_ms;
	/* growing */
	struct buf text;  /* the current attempt so far */
	struct buf shown; /* what the stream's messages show, in the bytes of ${text} */
	uint32_t attempt;
	bool gap; /* deltas are missing: only the whole can tell */
	uint64_t first_text_ms;
	enum stream_state stream;
	struct stamp *messages; /* of the stream, the last one is open */
	size_t messages_len;
	size_t message_from; /* where in ${shown} the open message begins */
	uint64_t opened_ms, appended_ms;
	bool busy;                  /* a stream call runs */
	bool unsure;                /* a message was perhaps started that we have no id of */
	size_t sending_to;          /* what ${shown} will be when it succeeds */
	unsigned guard, guard_sent; /* slack_stream_text(): now, and with the running call */
	struct buf tasks;           /* task_update chunks that wait */
	bool tasks_sent;            /* the running call carries some */
	/* status */
	char *status; /* what should be shown, NULL: nothing */
	uint64_t status_since_ms, status_sent_ms;
	bool status_shown, status_busy, status_changed;
	int status_mode; /* which method shows it */
	struct whole *whole;
	struct lookup *lookup; /* runs; lookup.c */
};

struct slack_out {
	struct http *http;
	struct slack_api *api;
	struct slack_out_port port;
	uint32_t grow_wait_ms, status_wait_ms, append_ms, stream_life_ms;
	bool stream;                            /* the setting */
	bool no_streams, no_tasks, no_metadata; /* learned */
	int status_mode[2];                     /* [is a DM]: 0 sessions, 1 assistant, 2 none */
	uint64_t status_next_ms;                /* status calls are paced over all conversations */
	atomic_bool stopping;
	atomic_size_t open;
	struct map *answers; /* delivery -> answer */
	struct map *turns;   /* thread -> the answer that is being closed */
	struct answer *live; /* those that the tick looks at */
	struct answer *all;
	struct http_timer *tick;
	struct metric *ended[3], *streams, *lookups;
	pthread_mutex_t lock; /* the inbox */
	struct inbox_item *inbox, **inbox_end;
	size_t inbox_len, inbox_bytes;
	bool posted;
};

/* send.c */
void answer_list(struct answer *a);      /* the tick looks at it from now on */
void answer_end(struct answer *a);       /* nothing more will come of it; frees it when no call is out */
void answer_call_done(struct answer *a); /* a call came back; frees an ended answer */
void whole_sent(struct answer *a, enum err result, const char *why, uint32_t retry_after_ms);
bool answer_is_dm(const struct answer *a);
/** Ask the engine to store that a stream will be opened; stream_ready() follows. */
void answer_ask_stream(struct answer *a);
/* Call with ${a} as argument, counted; false: refused. */
bool answer_call(struct answer *a, const struct slack_call *c);
/* stream.c */
void stream_grow(struct answer *a, const struct reply *r, uint64_t now);
void stream_reset(struct answer *a, uint32_t attempt);
void stream_tick(struct answer *a, uint64_t now);
void stream_task(struct answer *a, const struct reply *r);
void stream_ready(struct answer *a, bool go);
/** Close with the whole: true when the stream takes it (whole_sent() will come); false: place_begin() must. */
bool stream_close(struct answer *a);
void stream_abandon(struct answer *a);
void stream_settled(struct answer *a); /* whole.then while a stream call still runs */
/* place.c */
void place_begin(struct answer *a);
void place_next(struct answer *a);
void place_after(struct answer *a, uint32_t ms, void (*then)(struct answer *a));
void place_metadata(const struct answer *a, const char *part, struct buf *out);
void part_render(const struct whole *w, const struct part *p, bool want_blocks, struct buf *text, struct buf *blocks);
void whole_split(struct whole *w);
void whole_resplit(struct whole *w);
void whole_free(struct whole *w);
void clip_text(struct buf *b, size_t units); /* text of a message: not inside an entity or a link */
/* lookup.c */
/** Find what of the whole is visible already: parts are marked done, open messages become slots; then ${then}. */
void lookup_begin(struct answer *a, void (*then)(struct answer *a));
void lookup_free(struct lookup *l); /* NULL is fine */
/* status.c */
void status_set(struct answer *a, const char *text, size_t n, uint64_t now);
void status_tick(struct answer *a, uint64_t now);
void status_end(struct answer *a);

#endif
