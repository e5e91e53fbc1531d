#ifndef EDDY_BASE_ERR_H
#define EDDY_BASE_ERR_H

/* Errors are named for what the caller does next; the detail goes into one log line where it is handled. */
enum err {
	ERR_NONE,   /* done */
	ERR_RETRY,  /* not now: try again later, nothing was changed */
	ERR_INPUT,  /* the sender's fault: tell the sender, do not retry */
	ERR_DENIED, /* not allowed, or lost (a lease, a token): stop, no side effect */
	ERR_BROKEN, /* a bug or a broken installation: stop and say so */
};

/** The word for ${e} in logs and metrics: "ok", "retry", "input", "denied", "broken". */
const char *err_name(enum err e);

#endif
