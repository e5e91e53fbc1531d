#ifndef EDDY_AGENTS_POLICY_H
#define EDDY_AGENTS_POLICY_H

#include <stddef.h>

#include "../base/id.h"
#include "../ports.h"

/*
 * What a tool may do by itself (docs/approvals.md): its class, and whether the run holds words that are not the house's.
 */
enum untrusted {
	UNTRUSTED_GUEST = 1,    /* somebody who is a guest has written */
	UNTRUSTED_BOT = 2,      /* another program has, a hook among them */
	UNTRUSTED_STRANGER = 4, /* somebody for whom no platform vouches, mail from outside among them */
	UNTRUSTED_FILE = 8,     /* a file was attached */
	UNTRUSTED_SHARED = 16,  /* said where outsiders write, or may */
	UNTRUSTED_WEB = 32,     /* fetched from outside */
	UNTRUSTED_UNKNOWN = 64, /* by somebody of whom nothing is known */
};
enum policy {
	POLICY_RUN,   /* at once */
	POLICY_ASK,   /* when a person has approved it */
	POLICY_NEVER, /* not at all */
};
/** ${untrusted}: UNTRUSTED_*, 0: the house alone.  ${named}: the team's settings name the place it goes to.  Pure. */
enum policy policy_of(enum tool_effect effect, unsigned untrusted, bool named);
/** "a guest, a file": for people; "" for 0.  ${out} is always terminated. */
void policy_untrusted(unsigned untrusted, char *out, size_t n);

/* Who has written what the tools of a run brought.  Zeroed: nobody yet; tool_heard_done(). */
struct tool_heard {
	struct id *authors; /* each once */
	size_t len;
	unsigned untrusted; /* what is seen without asking who it was */
};
void tool_heard_done(struct tool_heard *h);

#endif
