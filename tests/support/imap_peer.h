#ifndef EDDY_TESTS_IMAP_PEER_H
#define EDDY_TESTS_IMAP_PEER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A small IMAP server on loopback with one folder, for tests of trouble: it behaves, until a test says otherwise by a setting or by
 * answering a command itself.  A thread per connection.
 */
#define IMAP_PEER_MAILS 20000
#define IMAP_PEER_CONNS 64
struct imap_peer_mail {
	uint32_t uid;
	char *raw;
	size_t n;
	char flags[100];
	bool gone;
};
struct imap_peer;
struct imap_peer_conn {
	struct imap_peer *p;
	pthread_t thread;
	int fd; /* -1: over */
	bool idling, logged_in;
	char tag[40], idle_tag[40];
};
/* Answers ${command} ("UID FETCH 1 …", upper case verb) itself: true.  On the connection's thread. */
typedef bool (*imap_peer_fn)(struct imap_peer_conn *c, const char *command, void *arg);

struct imap_peer {
	int port;
	pthread_mutex_t mtx; /* guards what follows; held by nobody while the hook runs */
	imap_peer_fn hook;
	void *arg;
	char caps[200];
	char user[80], password[80], token[80]; /* "" : no log-in this way */
	const char *refusal;                    /* NULL: as usual; the answer to a log-in: "NO [UNAVAILABLE] later" */
	const char *greeting;
	uint32_t uid_validity, uid_next;
	bool slow;     /* octet by octet */
	bool keywords; /* \* in PERMANENTFLAGS */
	struct imap_peer_mail mails[IMAP_PEER_MAILS];
	size_t len;
	char moved_to[80]; /* the folder named last in COPY or MOVE */
	atomic_int connections, logins, fetches, idles, noops;
	int fd;
	pthread_t thread;
	struct imap_peer_conn conns[IMAP_PEER_CONNS];
	int conns_len;
};
/** A setting is changed while threads may look at it. */
#define IMAP_PEER_SET(p, what) \
	do { \
		pthread_mutex_lock(&(p)->mtx); \
		what; \
		pthread_mutex_unlock(&(p)->mtx); \
	} while (0)
struct imap_peer *imap_peer_new(void);
void imap_peer_free(struct imap_peer *p);                               /* cuts what is open and joins */
uint32_t imap_peer_add(struct imap_peer *p, const char *raw, size_t n); /* copies; tells those that idle */
void imap_peer_flags(struct imap_peer *p, uint32_t uid, char out[100]);
bool imap_peer_has(struct imap_peer *p, uint32_t uid);
void imap_peer_remove(struct imap_peer *p, uint32_t uid);            /* says EXPUNGE to those that idle */
void imap_peer_cut(struct imap_peer *p);                             /* all connections */
void imap_peer_validity(struct imap_peer *p, uint32_t uid_validity); /* and UIDs from 1 again, in order; cuts */
/** To one connection or (c NULL) to all; as it is. */
void imap_peer_write(struct imap_peer *p, struct imap_peer_conn *c, const char *s, size_t n);
void imap_peer_say(struct imap_peer_conn *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
