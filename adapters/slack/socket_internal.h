#ifndef EDDY_SLACK_SOCKET_INTERNAL_H
#define EDDY_SLACK_SOCKET_INTERNAL_H

#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "../../core/base/buf.h"
#include "../net/loop.h"
#include "socket.h"

struct metric;

#define LINK_ADDRESSES 4

enum link_state {
	LINK_ASKING, /* apps.connections.open is under way */
	LINK_RESOLVING,
	LINK_CONNECTING,
	LINK_OPEN, /* upgraded, waiting for hello */
	LINK_LIVE,
	LINK_DRAINING, /* Slack asked for a new one: serves on until that is live */
	LINK_CLOSING,  /* the close frame is ours; nothing more is read */
};
struct sock_link {
	struct slack_sock *s;
	struct sock_link *next;
	uint64_t id;
	enum link_state state;
	struct lws *wsi;       /* NULL before connecting and after the end */
	bool connecting, gone; /* inside lws_client_connect_via_info(); ended there */
	bool abandoned;        /* nobody waits for it: free it when its call returns */
	uv_getaddrinfo_t resolve;
	char *url;
	struct sock_url to;
	char addresses[LINK_ADDRESSES][48];
	int addresses_len, address;
	struct loop_timer *timer; /* hello deadline, later the forced end after a close frame */
	struct buf rx;
	bool too_long;
	unsigned inflight;                  /* tickets out */
	struct sock_ticket *out, *out_last; /* acks to write */
	uint64_t hello_ms, rx_ms, valid_ms, replaced_ms;
};
struct sock_ticket {
	struct sock_ticket *next;
	struct slack_sock *s;
	void *owner;
	uint64_t link;
	uint64_t rx_us;
	bool ack;
	char *payload;                                             /* NULL: none */
	void (*settled)(void *arg, bool ack, const char *payload); /* of a loose one, which belongs to no socket */
	void *arg;
	char envelope_id[WIRE_ENVELOPE_ID_MAX + 1];
};
struct slack_sock {
	struct sock_options o;
	/* loop thread */
	struct sock_link *links;
	struct sock_link *live;    /* newest with hello, draining or not */
	struct sock_link *opening; /* the next one on its way */
	uint64_t last_id;
	struct loop_timer *retry, *sweep;
	unsigned failures, quick;
	uint64_t lost_ms; /* since when there is no link; 0: there is one */
	double tokens;
	uint64_t tokens_ms;
	bool said_away, stopping;
	struct wire wire;
	struct buf scratch;
	struct sock_ticket *spare;
	unsigned spare_len;
	uint64_t bad_ms; /* last log line about a bad frame */
	/* any thread */
	pthread_mutex_t mtx; /* guards the next four */
	struct sock_ticket *settled, *settled_last;
	enum sock_state state;
	char why[256];
	struct metric *m_links, *m_reconnects, *m_ack, *m_frames[FRAME_KINDS];
};

/* link.c: one websocket */
extern const struct lws_protocols link_protocol;
/** Connects to link->url (resolves it first).  The end comes as sock_link_ended(), never from inside this call. */
void link_connect(struct sock_link *l);
/** Say goodbye; the end comes as sock_link_ended(). */
void link_close(struct sock_link *l, const char *why);
/** Writes what waits in link->out as far as the socket takes it. */
void link_flush(struct sock_link *l);
void link_free(struct sock_link *l);

/* socket.c: what a link tells */
void sock_link_open(struct sock_link *l);
void sock_link_frame(struct sock_link *l, bool binary);
void sock_link_ended(struct sock_link *l, const char *why);
struct sock_ticket *sock_ticket_done(struct slack_sock *s, struct sock_ticket *t); /* back to the spare ones; returns its next */

#endif
