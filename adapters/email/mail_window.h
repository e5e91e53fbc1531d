#ifndef EDDY_EMAIL_MAIL_WINDOW_H
#define EDDY_EMAIL_MAIL_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../core/base/err.h"

/*
 * Mails handed in and not yet done, oldest first, and the condition that a mailbox's thread sleeps on.  It outlives its mailbox as long as an
 * answer is out.  Internal to adapters/email.
 */
struct mail_window;
struct mail_window *mail_window_new(size_t max);
void mail_window_free(struct mail_window *w); /* the owner's part; NULL is fine */
/** A place for ${uid}: what mail_window_done() wants as its argument.  NULL: full. */
void *mail_window_put(struct mail_window *w, uint32_t uid);
/** Any thread, once for each place. */
void mail_window_done(void *place, enum err e);
bool mail_window_full(struct mail_window *w);
size_t mail_window_waiting(struct mail_window *w); /* not done yet */
/** The oldest one if it is done; ${any}: also when it is not stored (ERR_RETRY). */
bool mail_window_take(struct mail_window *w, bool any, uint32_t *uid, enum err *e);
/** One of them was not stored: nothing is to be handed in after it. */
bool mail_window_refused(struct mail_window *w);
/** Sleeps until something is done, a poke, or ${ms}. */
void mail_window_sleep(struct mail_window *w, uint32_t ms);
void mail_window_poke(struct mail_window *w);
#endif
