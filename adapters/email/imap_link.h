#ifndef EDDY_EMAIL_IMAP_LINK_H
#define EDDY_EMAIL_IMAP_LINK_H

#include <curl/curl.h>

#include "imap.h"
#include "imap_wire.h"

/* The connection below the commands of imap.c.  Internal to adapters/email. */
#define IMAP_LITERAL_SMALL 65536u /* of replies that hold no mail */
struct imap {
	CURL *easy;
	curl_socket_t fd;
	int wake; /* eventfd */
	struct imap_wire w;
	char in[16384];
	size_t in_at, in_len;
	char prefix[16]; /* of tags */
	unsigned commands;
	uint32_t timeout_ms;
	uint64_t heard_ms, asked_ms; /* last octet, last go_on() */
	bool (*go_on)(void *arg);
	void *go_on_arg;
	bool dead, woken, changed; /* changed: more EXIST than at the last look for UIDs */
	unsigned caps;             /* enum imap_cap */
	bool list_special, says_id;
	uint32_t exists;
	char why[256];
};

enum imap_wait { IMAP_GOT, IMAP_LATE, IMAP_WOKEN, IMAP_LOST };
/**
 * The next reply into i->w.r, until ${until_ms} (monotonic).  WOKEN only when ${wake} and imap_wake() was called.  What any command may meet
 * (EXISTS, BYE, CAPABILITY) is noted in ${i} on the way.
 */
enum imap_wait imap_link_reply(struct imap *i, uint64_t until_ms, bool wake);
/** ${n} octets out, within the time-out; false: lost. */
bool imap_link_send(struct imap *i, const char *p, size_t n);
/** Waits without reading replies; true: something came or imap_wake() was called. */
bool imap_link_pause(struct imap *i, uint64_t until_ms);

enum imap_run { IMAP_RUN_OK, IMAP_RUN_NO, IMAP_RUN_BAD, IMAP_RUN_LATER /* not now, says the server */, IMAP_RUN_LOST };
/** A command without its tag and line end.  ${each}, NULL: nothing, sees what comes untagged. */
enum imap_run imap_link_run(struct imap *i, const char *command, void (*each)(void *arg, struct imap_reply *r), void *arg);
/** The same in two steps: ${tag} has 32 bytes. */
bool imap_link_begin(struct imap *i, const char *command, char tag[32]);
enum imap_run imap_link_end(struct imap *i, const char *tag, void (*each)(void *arg, struct imap_reply *r), void *arg);
/** As imap_link_end(), but ends at a continuation with true. */
bool imap_link_continued(struct imap *i, const char *tag, enum imap_run *instead);
/** The connection is over: says why unless something did already. */
void imap_link_fail(struct imap *i, const char *why);
void imap_say(struct imap *i, const char *what, const char *text); /* "what: text", cleaned */
#endif
