#ifndef EDDY_SLACK_INLET_INTERNAL_H
#define EDDY_SLACK_INLET_INTERNAL_H

#include <stdatomic.h>

#include "../../core/engine/engine.h"
#include "inlet.h"
#include "intents.h"

/* What inlet.c and inlet_press.c share.  Loop thread, but where said. */
struct metric;

#define HELD_MAX 64
#define FETCH_MS 2000
#define FETCH_FILES 3

struct slack_inlet {
	struct slack *s;
	struct intents intents;
	struct wire again; /* reads held frames */
	unsigned held;
	uint64_t busy_ms;                /* last log line about a full queue */
	_Atomic(uint64_t) away_since_ms; /* wall clock of the first event that was not taken; 0: all are */
	void (*on_gap)(void *arg, uint64_t since_ms);
	void *on_gap_arg;
	struct metric *refused;
};

/* A frame that waits for a tenant or for files. */
struct held {
	struct slack_inlet *in;
	struct sock_ticket *ticket;
	char *raw;
	size_t n;
	struct id ws;
	char *team;         /* whose tenant is to be made, or NULL */
	bool asked, member; /* whether we are in the channel */
	bool looked;        /* for the message of ours that a shortcut was used on */
	char about[ID_TEXT];
	atomic_uint fetching;
	struct fetch {
		struct held *h;
		char *file_id;
		char *text;
		size_t len;
	} files[FETCH_FILES];
	size_t files_len;
};

struct held *held_new(struct slack_inlet *in, struct sock_ticket *t, const char *raw, size_t n);
void held_free(struct held *h);
/** What it waited for is there: it goes on, on the loop thread.  Any thread. */
void held_back(struct held *h);
/** What engine_accept() calls, with a ticket of ours. */
void inlet_accepted(void *arg, const struct accepted *a);
/** Any thread: whether the database took something. */
void inlet_note_database(struct slack_inlet *in, enum err e);

/**
 * inlet_press.c: what opens a form, cannot be taken as it was written, or is about a message that has to be found first.  ${h}: the frame has
 * waited.  True: the ticket has gone its way.
 */
bool inlet_press(struct slack_inlet *in, struct sock_ticket *t, const char *raw, size_t n, struct slack_event *ev,
    const struct held *h, const struct intents_extra *x);

#endif
