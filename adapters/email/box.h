#ifndef EDDY_EMAIL_BOX_H
#define EDDY_EMAIL_BOX_H

#include <pthread.h>
#include <stdatomic.h>

#include "../../core/base/metric.h"
#include "email.h"
#include "mail.h"
#include "mailbox.h"
#include "origin.h"
#include "outgoing.h"
#include "policy.h"

/* One address of Eddy's: its servers, its rules, what comes in and what goes out.  Inside of the adapter only. */
#define EMAIL_BOXES_MAX 16
#define EMAIL_FLIGHT_MAX 64

struct email_server {
	char host[256];
	int port;
	enum mail_tls tls;
};
/** "imaps://host", "imap://host:143" (STARTTLS), "smtps://…", "smtp://…"; ${plain}: without TLS, on loopback only. */
bool email_server_parse(const char *url, const char *scheme, bool plain, struct email_server *out);

struct email;
struct email_box {
	struct email *email;
	const struct settings *s;
	struct settings *own; /* read from a file of its own; NULL: those of the program */
	const char *address;  /* normal form */
	char domain[256], local[72];
	char normal[320];
	struct email_server imap, smtp;
	struct oauth *oauth;
	struct mailbox *mailbox;
	struct outgoing *outgoing;
	struct mail_context context;
	const char **own_addresses;
	struct email_policy policy;
	struct id ws;
	unsigned char secret[32]; /* for the tokens in reply addresses */
	char cursor_key[400], since_key[400];
	int64_t since_s; /* what lay in the mailbox before this moment is not ours to answer; the mailbox's thread */
	struct metric *taken[EMAIL_DO_COUNT];
	/* mails handed to the engine and not committed yet: what refers to one of them waits for it */
	pthread_mutex_t lock;
	pthread_cond_t landed;
	struct id flight[EMAIL_FLIGHT_MAX];
	size_t flight_len;
};
struct email {
	const struct settings *settings;
	struct metrics *metrics;
	struct engine *engine;
	struct http *http;
	const char *public_url; /* of the page, for links in mails; NULL: none */
	struct email_box *boxes[EMAIL_BOXES_MAX];
	size_t boxes_len;
	struct waits *waits; /* receipt.h */
	bool started;
	atomic_bool stopping;
};

/** The settings of a further mailbox (email.mailboxes), the caller's to free; NULL: ${why}. */
struct settings *email_load_more(const char *path, char *why, size_t n);
/** Only what a box needs to log in: its address, servers and tokens.  ERR_INPUT: ${why}. */
enum err box_prepare(struct email_box *b, char *why, size_t n);
struct mail_login box_login(const struct email_box *b, const struct email_server *server);
/** Reads what a box is out of its settings.  ERR_INPUT: ${why}. */
enum err box_open(struct email *m, const struct settings *s, struct settings *own, bool first, char *why, size_t n);
void box_free(struct email_box *b);
/** The box with this address, NULL: none of ours. */
struct email_box *box_of(struct email *m, const char *address);

/* ---- inlet.c: from a mail to an intent; the mailbox's thread ---- */
struct mailbox_port inlet_port(struct email_box *b);

/* ---- sender.c: from a reply to a mail ---- */
enum err sender_send(struct email *m, const struct reply *r);
struct outgoing_port sender_port(struct email_box *b);
size_t sender_origin_for(struct email *m, struct id ws, const char *address, const char *subject, char out[INTENT_ORIGIN_MAX]);
size_t sender_origin_login(
    struct email *m, struct id ws, const char *address, bool invited, char out[INTENT_ORIGIN_MAX], char person[PLACE_KEY_MAX]);
size_t sender_origin_within(const void *origin, size_t n, const char *thread_key, char out[INTENT_ORIGIN_MAX]);
size_t sender_origin_beside(struct email *m, struct id ws, const void *origin, size_t n, struct id id, const char *topic,
    char out[INTENT_ORIGIN_MAX], char place_key[PLACE_KEY_MAX]);
/** The adapter's own words for ${say}; which refusal they are, API_OK: none. */
enum api_code sender_words(const struct email_box *b, const struct email_origin *o, struct buf *out);
#endif
