#ifndef EDDY_API_PROBLEM_H
#define EDDY_API_PROBLEM_H

#include "../base/buf.h"
#include "../base/id.h"

/*
 * The one list of what can go wrong in a call, for HTTP (RFC 9457), the websocket, Slack and mail alike.  Codes are only ever added within v1.
 * What somebody may not know of is API_NOT_FOUND, whether it is there or not; API_FORBIDDEN is for what everybody knows to be there.
 */
enum api_code {
	API_OK,
	API_INVALID,         /* 400 arguments that do not fit */
	API_UNAUTHENTICATED, /* 401 nobody, or a log-in that has ended */
	API_OVER_BUDGET,     /* 402 the money or the tokens are used up */
	API_FORBIDDEN,       /* 403 the role or the key does not allow it */
	API_NOT_FOUND,       /* 404 */
	API_METHOD,          /* 405 */
	API_CONFLICT,        /* 409 it has changed meanwhile, or is taken */
	API_GONE,            /* 410 used, expired or revoked */
	API_TOO_LARGE,       /* 413 */
	API_UNSUPPORTED,     /* 415 not JSON */
	API_REUSED_KEY,      /* 422 an idempotency key with other arguments */
	API_LOCKED,          /* 423 a layer above has decided it */
	API_LIMITED,         /* 429 too often: retry_after */
	API_BROKEN,          /* 500 our fault */
	API_UNAVAILABLE,     /* 503 not now: retry_after */
	API_CODES,
};
#define PROBLEM_DETAIL_MAX 400
struct problem {
	enum api_code code;
	char detail[PROBLEM_DETAIL_MAX]; /* a sentence for people; never of an object that the caller may not know */
	char field[64];                  /* which argument; "": none */
	unsigned retry_after_s;          /* 0: none */
};

/* "not_found" … */
const char *problem_name(enum api_code c);
int problem_status(enum api_code c);
/** A short, fixed title: "Not found". */
const char *problem_title(enum api_code c);
/** application/problem+json (RFC 9457): type, title, status, detail, code, request_id, field and retry_after where there are any. */
void problem_json(const struct problem *p, const char *request_id, struct buf *out);
/** The same as a sentence for Slack, mail and the terminal, with code and request id behind it. */
void problem_words(const struct problem *p, const char *request_id, struct buf *out);
/**
 * What stands behind a refusal in a conversation: " (forbidden, ref 4694f88ab75c)".  The reference is the end of ${about}, the id of the run: it stands
 * in the log, and `eddy audit find` takes it.
 */
void problem_mark(enum api_code c, struct id about, struct buf *out);
#define PROBLEM_REF 12 /* characters of it */

#endif
