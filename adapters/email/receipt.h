#ifndef EDDY_EMAIL_RECEIPT_H
#define EDDY_EMAIL_RECEIPT_H

#include <stddef.h>
#include <stdint.h>

#include "../../core/base/id.h"

struct http;
/*
 * Runs that somebody waits for.  An answer that takes long is announced once, by a short mail; the engine sees to it that it is not said twice,
 * also by another process.  Any thread may call; the times are kept on the http thread.
 */
struct waits;
struct wait_for {
	struct id ws, run, thread;
	const void *origin; /* copied */
	size_t origin_len;
};
struct waits *waits_new(struct http *h, uint32_t after_ms, void (*late)(void *arg, const struct wait_for *w), void *arg);
void waits_begin(struct waits *w, const struct wait_for *what); /* known already: nothing */
void waits_end(struct waits *w, struct id run);
void waits_free(struct waits *w); /* after http_stop(); NULL is fine */
#endif
