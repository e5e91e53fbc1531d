#ifndef EDDY_ENGINE_REPLY_H
#define EDDY_ENGINE_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"

/*
 * What the core tells an adapter.  A run's life on the way out: any number of STATUS, TOOL and GROW, then one WHOLE with the same
 * ${delivery}.  Only WHOLE is a delivery: it has an outcome (engine_sent), exactly one per accepted send().
 */
enum reply_kind {
	REPLY_STATUS,  /* ephemeral: ${text} is what Eddy is doing ("" clears it) */
	REPLY_TOOL,    /* ephemeral: a tool step began or ended: ${step_id}, ${text} is its title, ${step_state} */
	REPLY_GROW,    /* the open message grew: ${text} are the new bytes, ${offset} where they start, ${attempt} */
	REPLY_RESET,   /* the text shown under this attempt is void; growing starts again at offset 0 */
	REPLY_WHOLE,   /* the durable message: Markdown in ${text}; closes whatever GROW has shown with exactly this */
	REPLY_ABANDON, /* the run ended without a message (stopped, deleted): close what GROW has shown as it is */
};
enum reply_step { STEP_RUNNING, STEP_DONE, STEP_FAILED };
enum component_kind { COMPONENT_BUTTON, COMPONENT_LINK, COMPONENT_CARD, COMPONENT_PROGRESS };
enum { BUTTON_PLAIN, BUTTON_PRIMARY, BUTTON_DANGER };

/* A component has a text form for transports that cannot show it. */
struct component {
	enum component_kind kind;
	const char *action; /* comes back as intent.action */
	const char *value;  /* comes back as intent.text */
	const char *label;
	const char *fallback; /* what to say instead */
	int style;
};

/** What goes with the error that ends a run: to ask it again.  ${id} keeps the value. */
struct component component_retry(struct id run, char id[ID_TEXT]);

struct reply {
	enum reply_kind kind;
	struct id ws;
	struct id run;      /* for logs; of a notice the delivery */
	struct id delivery; /* the same for all parts of one answer */
	struct id thread;
	struct id message; /* WHOLE: the stored message */
	int64_t seq;       /* WHOLE: its place in the thread */
	int64_t at_ms;     /* WHOLE: when it was stored; 0: just now, as its id tells */
	const void *origin;
	size_t origin_len;
	const char *text;
	size_t text_len;
	uint32_t attempt;
	size_t offset;
	const char *step_id;
	enum reply_step step_state;
	const struct component *components;
	size_t components_len;
	bool one_person_only;     /* audience: only the person of the origin */
	bool maybe_sent;          /* a crash lies between: look whether it is there before sending */
	bool failed;              /* the text is a plain error, shown as such */
	const char *external_ref; /* what earlier parts of this delivery were shown as (a stream's id); complete it in place */
};

/* How a WHOLE ended. */
struct sent {
	struct id ws;
	struct id delivery;
	enum err result;          /* NONE: visible. RETRY: not visible, try later. INPUT/DENIED/BROKEN: never */
	uint32_t retry_after_ms;  /* RETRY: not before this, 0: the core's own back-off */
	const char *external_ref; /* NONE: the platform's name for it, at most 1 kB; borrowed */
	const char *why;          /* not NONE: the platform's error code for logs, no text of people; borrowed */
};

#endif
