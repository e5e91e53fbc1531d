#ifndef EDDY_EMAIL_MAILBOX_PRIV_H
#define EDDY_EMAIL_MAILBOX_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "mail_window.h"
#include "mailbox.h"

/* A mailbox from the inside: mailbox.c keeps the duty and the connection, mailbox_read.c reads. */
struct metric;
struct uids { /* a short list */
	uint32_t *items;
	size_t len, cap;
};
struct mailbox {
	struct mailbox_options o;
	struct mail_window *window;
	pthread_t thread;
	bool started;
	atomic_bool stop;
	pthread_mutex_t mtx; /* guards the next two */
	struct imap *imap;   /* to be woken; the thread's own otherwise */
	char state[320];
	atomic_uint_fast64_t received;
	struct metric *m_received, *m_quarantined, *m_reconnects, *m_connected, *m_lag;
	/* the thread's own */
	bool held;
	uint64_t renew_at;
	unsigned fails; /* connections in a row that came to nothing */
	bool connected_before;
	uint32_t uid_validity, position; /* the last UID that was handed in or skipped */
	struct uids stored;              /* above the position, and done already */
	struct uids marks;               /* done and not marked yet */
	unsigned refusals;               /* takes in a row that were not stored */
	uint32_t bad_uid;                /* that the server could not give out, how often */
	unsigned bad_times;
	enum mailbox_mark mark; /* what works here */
	char why[300];
};
/** The duty is ours and goes on; asked often, renews when it is time.  False also when the owner wants to stop. */
bool mailbox_keep(struct mailbox *b);
/** Sleeps at most ${ms} (or until something is done), keeping the duty; false: it is over. */
bool mailbox_pause(struct mailbox *b, uint32_t ms, bool until_done);
void mailbox_say(struct mailbox *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
uint32_t mailbox_backoff(const struct mailbox *b, unsigned times);
/** Reads and waits for more until the connection or the duty is over; b->why says why. */
enum err mailbox_read(struct mailbox *b, struct imap *i, const struct imap_folder *f);
#endif
