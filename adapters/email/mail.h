#ifndef EDDY_EMAIL_MAIL_H
#define EDDY_EMAIL_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../core/base/err.h"

/*
 * One mail, read (RFC 5322, 2045-2049, 2047, 2231, 6532): everything that Eddy wants to know of it, decoded to clean UTF-8 without NUL,
 * controls or bidi marks in header values.  Strings belong to the mail and are never NULL unless said so.
 */
struct mail_address {
	const char *name; /* "" none */
	const char *
	    addr; /* local part as it came, domain as A-label in lower case; never with CR, LF, NUL, <, >, blanks; "" no usable address */
	const char *written; /* as the mail writes it, cleaned: for showing only */
};
struct mail_addresses {
	struct mail_address *items;
	size_t len;
};
struct mail_ids { /* Message-IDs without <> */
	const char **items;
	size_t len;
};
struct mail_file {
	const char *part; /* IMAP section number, "2.1" */
	const char *name; /* no folders; "" none */
	const char *type; /* "application/pdf" as the mail says it, lower case */
	const char *content_id;
	int64_t size_bytes; /* decoded; -1: an attached message, or cut off */
	bool is_inline;     /* shown by the HTML (cid:) or disposition inline without a name: not an attachment */
	const char *text;   /* content of a small text file as UTF-8, or NULL */
	size_t text_len;
};
/* What kind of mail it is.  The words of mail_kind_name() are part of `eddy mail show`. */
enum mail_kind {
	MAIL_HUMAN,
	MAIL_VACATION,
	MAIL_AUTORESPONSE, /* ticket systems, challenge/response, receipts */
	MAIL_NOTIFICATION, /* generated without being asked; no-reply senders */
	MAIL_MDN,
	MAIL_LIST,
	MAIL_BULK,
	MAIL_BOUNCE,
	MAIL_DELAYED,
	MAIL_DELIVERED,
	MAIL_COMPLAINT,
	MAIL_SELF, /* written by Eddy itself */
};
struct mail_recipient { /* of a report (RFC 3464 section 2.3, RFC 5965) */
	const char *address;
	const char *action;                    /* "failed", "delayed", "delivered", "relayed", "expanded"; "" unknown */
	const char *status;                    /* "5.1.1"; "" unknown */
	const char *reason;                    /* one line of the diagnostic for the operator */
	const char *category;                  /* one word: "userunknown", "mailboxfull" …; "" unknown */
	const char *said_action, *said_status; /* as the machine-readable part has them; "" nothing */
	bool from_fields;                      /* said by the machine-readable part */
};
/* Why some content cannot be read, each to be told once in words. */
enum {
	MAIL_ENCRYPTED_PGP = 1,
	MAIL_ENCRYPTED_SMIME = 2,
	MAIL_TNEF = 4,
	MAIL_EMPTY = 8,
	MAIL_ONLY_FILES = 16,
	MAIL_CUT = 32,
	MAIL_PARTIAL = 64
};

/* What the reader has to know of this installation; all may be NULL or empty. */
struct mail_context {
	const char *const *own_addresses; /* ours: plus part is ignored when comparing */
	size_t own_len;
	const char *const *trusted_hosts; /* authserv-ids of our own border servers (RFC 8601) */
	size_t trusted_len;
	bool trust_unnamed; /* also topmost results without authserv-id (Microsoft 365) */
	const char *const
	    *relays; /* hosts of ours behind the border, whose Received lines stand above its results; ".x": all below x */
	size_t relays_len;
	const char *loop_mark; /* value of X-Eddy-Id that is ours */
};

struct mail {
	struct mail_addresses from, to, cc, reply_to, sender_field, delivered_to; /* delivered_to: Delivered-To, X-Original-To, … */
	const char *subject, *message_id, *thread_index;
	bool message_id_derived; /* the mail had none: a hash of its own */
	struct mail_ids in_reply_to, references;
	int64_t date;            /* Unix seconds; 0 unknown */
	const char *return_path; /* NULL: no such field; "": null path */
	const char *list_id, *language;
	/* content: as it came, decoded.  The visible part of it is text.h's. */
	const char *plain; /* all text/plain parts that are no attachments, joined by a newline; flowed text undone; NULL none */
	size_t plain_len;
	const char *written; /* the same before flowed text was undone; NULL none */
	size_t written_len;
	const char *html; /* UTF-8; NULL none */
	size_t html_len;
	const char *calendar; /* in words: "Invitation: …, 2026-…, organiser …"; NULL none */
	struct mail_file *files;
	size_t files_len;
	unsigned unreadable;        /* MAIL_ENCRYPTED_PGP … */
	struct mail_ids tnef_files; /* names inside of winmail.dat */
	/* judgement */
	enum mail_kind kind;
	bool may_reply;
	const char *why;      /* one line: which sign decided */
	bool looks_automatic; /* a person seems to have written it, and something about it says otherwise: answered less often */
	struct mail_recipient *recipients;
	size_t recipients_len;
	const char *original_message_id; /* of the mail a report speaks of; "" */
	const char *disposition;         /* MDN; "" */
	/* who is it: mail_authenticate() */
	const char *sender; /* the one address of the one From field, else NULL: nobody */
	bool authenticated; /* may act as ${sender} */
	bool has_results;   /* our own border server has said something about it */
	const char *auth_why;
	size_t size_bytes;
	struct mail_arena *arena;
};
/**
 * Read one mail.  Never fails on content: whatever it is becomes a mail, an empty one at worst; time and memory are bounded (parts, depth,
 * header size).  ERR_INPUT: not a mail at all (no header field, or more than MAIL_HEADER_MAX of header).  ${raw} is borrowed for the call.  Pure; any thread
 * after mail_library_init().
 */
#define MAIL_HEADER_MAX (256u * 1024u)
#define MAIL_PARTS_MAX 1000u
enum err mail_read(const char *raw, size_t n, const struct mail_context *ctx, struct mail **out);
void mail_free(struct mail *m); /* NULL is fine */
const char *mail_kind_name(enum mail_kind k);
/** Once per process, before any other call here. */
void mail_library_init(void);

/* ---- addresses (address.c) ---- */
/** May ${addr} stand in an envelope and in a header: one @, no CR, LF, NUL, control, blank, <, >, at most 254 octets (RFC 5321 4.5.3). */
bool mail_address_ok(const char *addr);
/** Domain to A-label and lower case, local part as it is; false when it is no address.  ${out} at least 320 bytes. */
bool mail_address_normal(const char *addr, char out[320]);
/** Same mailbox: case of the local part ignored, plus part of ${addr} ignored. */
bool mail_address_is(const char *addr, const char *own);
/** The plus part of ${addr} ("t.abc"), "" for none; ${out} at least 65 bytes. */
void mail_address_tag(const char *addr, char out[65]);
/** "Re: " and its kin in other languages, "[list]" and "(fwd)" taken off (RFC 5256 2.1); borrows from ${subject}. */
const char *mail_base_subject(const char *subject, size_t *n);
#endif
