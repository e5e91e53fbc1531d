#ifndef EDDY_WEB_STATE_H
#define EDDY_WEB_STATE_H

#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>

#include "../../core/base/buf.h"
#include "../../core/base/map.h"
#include "../../core/base/metric.h"
#include "login.h"
#include "web.h"
#include "wire.h"

/*
 * What the modules of this folder share.  Everything here belongs to the loop thread, but for the fields that say otherwise.
 */
#define WEB_SUBSCRIPTIONS_MAX 64
#define WEB_RATE 20 /* frames per second and connection, on average */
#define WEB_BURST 60
#define WEB_STRIKES_MAX 100           /* refused frames before the connection is closed */
#define WEB_QUEUE_HIGH (256u * 1024u) /* above this a reader is behind: live events stop, it is caught up from the database */
#define WEB_QUEUE_LOW (32u * 1024u)
#define WEB_QUEUE_MAX (2u * 1024u * 1024u) /* above this it is dropped */
#define WEB_GATHER_MS 15                   /* parts of an answer are this far apart, and further where much is read again */
#define WEB_HELLO_MS 10000
#define WEB_PERSON_MAX 58  /* a person's id, so that a place is named after it */
#define WEB_TYPING_MS 1000 /* that somebody types is told this often */
#define WEB_ASKING_MAX 8   /* questions of one connection that wait for an answer */
enum { CLOSE_HELLO = 4001, CLOSE_DENIED = 4003, CLOSE_SLOW = 4008, CLOSE_LATER = 1013 };

/* An encoded frame, shared by all who get it. */
struct web_frame {
	unsigned refs, head;  /* bytes of its header */
	size_t len;           /* of its text */
	unsigned char wire[]; /* header and text, as they are sent */
};
#define WEB_FRAME_HEAD 10 /* a header's most bytes */
struct web_frame *frame_new(const struct buf *text);
void frame_unref(struct web_frame *f);

/* The answer that is being written in a thread. */
struct web_open {
	struct id run; /* none: nothing is open */
	uint32_t attempt;
	struct buf text;
	bool gap; /* a part went missing: no more deltas, the whole message will come */
	char status[160];
	struct blocks *blocks; /* of the text up to blocks_end; NULL: nobody wanted them yet */
	size_t blocks_end;
	uint64_t version; /* of the blocks: goes up with every change */
	struct buf tools; /* insides of tool frames, for those who come later */
	size_t tools_len;
};

struct topic {
	struct id thread;
	char key[ID_TEXT]; /* the client's name for the thread */
	struct sub *subs;
	struct web_open open;
	bool dirty;
	uint64_t due_ms; /* when it may be told; while dirty */
	uint64_t told_ms;
	struct topic *next_dirty;
};

enum sub_state { SUB_LOADING /* a worker reads */, SUB_LIVE, SUB_BEHIND /* wants a read as soon as the queue has room */ };
struct sub {
	struct conn *conn;
	struct topic *topic;
	struct sub *next_in_topic, **link_in_topic, *next_in_conn;
	uint64_t serial; /* which load belongs to it */
	enum sub_state state;
	bool again;        /* something happened while loading: read once more */
	bool announced;    /* "subscribed" was said */
	int64_t rev;       /* all up to here was sent */
	uint64_t retry_ms; /* BEHIND: not before this */
	struct id run;     /* what it knows of the open answer */
	uint32_t attempt;
	size_t offset;    /* told as text up to here, */
	uint64_t version; /* or as these blocks */
};

struct conn {
	struct web *web;
	struct lws *wsi;
	uint64_t id;
	struct conn *next, **link; /* all connections */
	struct id session;
	bool hello, loopback, closing, dead, goodbye;
	int close_code;
	char close_why[100];
	char tz[65], client[65];
	char address[46]; /* whose limits count */
	unsigned features;
	const struct web_person *person;
	struct web_login *login;                /* owns the person; NULL: one of the two that the server itself owns */
	struct conn *same_person, *same_before; /* neighbours among those with the feature "threads" */
	uint64_t typed_ms;
	int asking;               /* questions that are not answered yet */
	struct buf in;            /* the message that is coming in */
	struct web_frame **queue; /* a ring */
	bool unsent;              /* in web.unsent */
	struct conn *next_unsent, **unsent_link;
	size_t queue_cap, queue_head, queue_len, queue_bytes;
	uint64_t opened_ms, seen_ms, pinged_ms, wrote_ms;
	bool want_ping;
	double tokens;
	uint64_t tokens_ms;
	int strikes;
	struct sub *subs;
	int subs_len;
	bool behind; /* one of them waits to be caught up */
};

struct mail;
struct web {
	const struct settings *settings;
	struct loop *loop;
	struct engine *engine;
	struct guests *guests;
	struct metrics *metrics;
	const char *data_dir;
	struct id ws;
	struct web_person local, shared;
	char local_token[80];
	const char *shared_token; /* web.token or NULL */
	struct web_logins *logins;
	struct limit *letters_from, *letters_to;     /* links by mail: by who asks, by where they go */
	struct limit *passwords_from, *passwords_to; /* tries to log in: by who asks, by who they say they are */
	struct tries *tries;                         /* wrong passwords, by both */
	struct signin_call *hashing, **hashing_tail; /* who waits for the one hash at a time, the first of them at work */
	size_t hashing_len;
	struct listener *sessions; /* hears of sessions that end */
	_Atomic int sessions_posted;
	bool sessions_asked, sessions_again; /* a worker looks; and has to look once more */
	uint64_t sessions_looked_ms;
	struct limit *signin_calls, *door;                /* by address: requests to /api, websockets opened */
	struct limit *calls_by_caller, *calls_by_address; /* of the API */
	struct visitors *visitors;
	struct oidc *oidc;        /* NULL: no log-in service is set up */
	const char *mail_adapter; /* that brings links to people; NULL: none */
	bool forwarded;           /* the client's address is what a proxy says */
	bool local_only;          /* it listens where only this machine comes */
	const char **origins;     /* of pages that may connect; the last one may be our own, */
	const char *own_origin;   /* that of web.public_url, or NULL */
	size_t origins_len;
	int64_t idle_ms, slow_ms, connections_max;
	struct conn *conns;
	size_t conns_len;
	struct map *by_id;   /* conn by id */
	struct map *topics;  /* topic by thread id */
	struct map *lists;   /* who shows a list of threads: first conn by the person's id */
	_Atomic int listing; /* how many do; any thread reads it */
	struct conn *unsent; /* who has something to be written in this turn */
	struct topic *dirty;
	struct loop_timer *gather, *sweep;
	uint64_t gather_ms; /* when the timer comes */
	uint64_t next_id;
	bool stopping, closings_posted;
	struct metric *m_conns, *m_frames_in, *m_frames_out, *m_dropped, *m_http, *m_calls, *m_call_ms;

	/* Any thread, under the lock. */
	pthread_mutex_t lock;
	struct mail *mail, **mail_tail;
	size_t mail_bytes;
	bool mail_posted, mail_missed;
	struct map *watched; /* thread id → its key (char *), of threads that somebody here looks at */
	_Atomic int watched_len;
};

/* conn.c: one websocket connection */
struct conn *conn_open(struct web *w, struct lws *wsi, const char *address, bool loopback);
void conn_free(struct conn *c);
void conn_fault(struct conn *c, const struct web_fault *f, uint32_t retry_after_ms);
void conn_kill(struct conn *c, int code, const char *why);  /* without waiting for its reader */
void conn_close(struct conn *c, int code, const char *why); /* after what is queued was written */
int conn_writable(struct conn *c);                          /* -1: close now */
int conn_receive(struct conn *c, const void *p, size_t n);  /* -1: close now */
void conn_heard(struct conn *c);                            /* a pong */
void conn_left(struct conn *c);                             /* the other end has said good-bye: what it still sends means nothing */
void conn_sweep(struct conn *c, uint64_t now_ms);

/* outgoing.c: frames, and what waits to be written */
/** Queue ${f} (borrowed: takes its own reference); it is written at the end of this turn of the loop. */
void conn_push(struct conn *c, struct web_frame *f);
void conn_push_buf(struct conn *c, const struct buf *b);
/** The socket has room again.  False: the connection is broken. */
bool outgoing_write(struct conn *c);
/** Write to all who have something waiting; ${web} is a struct web. */
void outgoing_flush(void *web);
void outgoing_open(struct conn *c);
void web_outgoing_free(struct conn *c);

/* hub.c: who looks at which thread, and what is being written there */
void hub_subscribe(struct conn *c, const char *thread_key, struct id thread, int64_t after);
void hub_unsubscribe(struct conn *c, struct id thread);
void hub_drop(struct conn *c);    /* all subscriptions of a connection */
void hub_drained(struct conn *c); /* its queue has room again */
struct web_event {
	struct id thread, run;
	int64_t rev, seq, at_ms;
	bool ephemeral, closes;
	bool lines;       /* its line ends count */
	const char *text; /* NULL: no message */
	size_t text_len;
	struct web_frame *frame, *components; /* components: told behind it; NULL: none */
};
void hub_event(struct web *w, const struct web_event *ev);
void hub_reply(struct web *w, const struct reply *r, struct web_frame *components /* or NULL */);
void hub_flush(struct web *w); /* tell what has grown, where it is time */
void hub_typing(struct conn *c, struct id thread);
/** The thread is empty from now on: everyone who looks at it or lists it hears so, and nobody is subscribed any more. */
void hub_erased(struct web *w, const char *person, struct id thread, const char *key);
/** Something happened to a thread of ${person}, who hears of it wherever there is a list. */
void hub_news(struct web *w, const char *person, const struct buf *frame);
void hub_reload(struct web *w); /* something went missing: everyone reads again */
struct load;
void hub_loaded(struct web *w, struct load *l);
void load_free(struct load *l);
void topic_free(void *topic);

/* mail.c: what other threads hand to the loop thread */
void mail_event(void *web, const struct thread_event *ev);
enum err mail_reply(struct adapter *a, const struct reply *r);
struct acceptance {
	struct web *web;
	uint64_t conn;
	char client_id[WEB_CLIENT_ID_MAX + 1];
	char thread[ID_TEXT];
};
void mail_accepted(void *acceptance, const struct accepted *a); /* takes the acceptance */
void mail_loaded(struct web *w, struct load *l);
struct ask;
void mail_asked(struct web *w, struct ask *a);
void mail_watch(struct web *w, struct id thread, const char *key, bool on);
void mail_discard(struct web *w);

/* news.c: what happened to a thread itself */
#define WEB_PLACE "local:" /* and the person: whose threads are there */
struct news;
void news_event(struct web *w, const struct thread_event *ev); /* any thread */
void mail_news(struct web *w, struct news *n);
void news_tell(struct web *w, struct news *n); /* takes it */
void news_free(struct news *n);

/* web.c */
/** The address for people's links to this server: web.public_url, or this machine and the port. */
void web_address(struct web *w, struct buf *out);
/* ask.c: questions that a worker answers */
void ask_put(struct conn *c, const struct web_command *cmd, struct id place, struct id thread);
void ask_answered(struct web *w, struct ask *a); /* takes it */
void ask_free(struct ask *a);

/* server.c: HTTP, and the websockets' callbacks */
#define WEB_HTTP_SESSION 176 /* bytes that the library keeps per request for server.c */
int server_http(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);
int server_eddy(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);

#endif
