#ifndef EDDY_EMAIL_IMAP_H
#define EDDY_EMAIL_IMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../core/base/buf.h"
#include "../../core/base/err.h"

/*
 * One IMAP connection (RFC 3501/9051): libcurl connects, does TLS and logs in, the commands and replies are ours (imap_wire.h).  Blocking,
 * for one thread at a time, every wait with a deadline; imap_wake() alone may come from other threads.
 */
enum mail_tls { MAIL_TLS_IMPLICIT, MAIL_TLS_START, MAIL_TLS_NONE /* loopback only */ };
struct mail_login { /* borrowed while in use */
	const char *host;
	int port;
	enum mail_tls tls;
	const char *user, *password; /* password NULL: by token */
	const char *token;           /* OAuth access token */
	const char *mechanism;       /* NULL: curl chooses; "XOAUTH2", "OAUTHBEARER" … */
	const char *ca_file;         /* NULL: the system's */
	/** Asked about once a second while the network is waited for, on the caller's thread; false: give up (ERR_RETRY).  NULL: always. */
	bool (*go_on)(void *arg);
	void *go_on_arg;
};
struct imap;
enum imap_cap { IMAP_IDLE = 1, IMAP_MOVE = 2, IMAP_UIDPLUS = 4, IMAP_ESEARCH = 8, IMAP_GMAIL = 16, IMAP_LITERAL_PLUS = 32 };
/** ERR_DENIED: log-in refused (do not hammer); ERR_RETRY: not reachable, cut, [UNAVAILABLE]; ERR_INPUT: certificate or settings. */
enum err imap_open(struct imap **out, const struct mail_login *l, uint32_t timeout_ms, char *why, size_t why_n);
void imap_close(struct imap *i); /* says LOGOUT if it can; NULL is fine */
unsigned imap_caps(const struct imap *i);
/** One line of what went wrong last; "" nothing. */
const char *imap_why(const struct imap *i);

struct imap_folder {
	uint32_t uid_validity, uid_next, exists;
	bool keywords; /* \* in PERMANENTFLAGS: own keywords can be kept */
};
/** SELECT; ${name} is UTF-8, encoded here (modified UTF-7 unless UTF8=ACCEPT). */
enum err imap_select(struct imap *i, const char *name, bool read_only, struct imap_folder *out);
/** UIDs above ${after}, ascending, at most ${max}; gives (free()). */
enum err imap_uids_after(struct imap *i, uint32_t after, size_t max, uint32_t **uids, size_t *len);
/** UIDs of mails with this Message-ID in the selected folder. */
enum err imap_find_message_id(struct imap *i, const char *message_id, uint32_t **uids, size_t *len);
struct imap_mail {
	uint32_t uid;
	int64_t internal_date; /* Unix seconds */
	uint64_t size;         /* RFC822.SIZE */
	bool seen, marked;     /* marked: has the keyword asked for */
	struct buf raw;        /* whole, or the first ${partial} bytes when cut */
	bool cut;
};
/**
 * One mail, at most its first ${max} bytes (BODY.PEEK[]<0.max> beyond that), so that nobody's seen mark changes.  ERR_INPUT: no such mail any more.
 * ERR_DENIED: the server does not give it out.  ERR_RETRY: this connection is over.  The caller frees ${out}->raw.
 */
enum err imap_fetch(struct imap *i, uint32_t uid, const char *keyword, size_t max, struct imap_mail *out);
enum err imap_add_flag(struct imap *i, uint32_t uid, const char *flag); /* "\\Seen", "$Eddy"; ERR_INPUT: not here */
/** UID MOVE, else COPY + \Deleted + UID EXPUNGE (RFC 4315), never a plain EXPUNGE; without UIDPLUS the copy is flagged \Deleted only. */
enum err imap_move(struct imap *i, uint32_t uid, const char *folder);
enum err imap_create(struct imap *i, const char *folder); /* exists already: fine */
/** The folder with special use ${use} ("\\Sent", RFC 6154), into ${out}; false: none named. */
bool imap_special(struct imap *i, const char *use, char *out, size_t n);
enum err imap_append(struct imap *i, const char *folder, const char *flags, const char *raw, size_t n);
/** IDLE (RFC 2177) or, without it, NOOP every ${poll_ms}: until the folder changes, ${ms} pass (ERR_NONE, *changed false) or imap_wake(). */
enum err imap_wait(struct imap *i, uint32_t ms, uint32_t poll_ms, bool *changed);
void imap_wake(struct imap *i);
#endif
