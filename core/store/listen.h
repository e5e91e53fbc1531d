#ifndef EDDY_STORE_LISTEN_H
#define EDDY_STORE_LISTEN_H

#include <stdbool.h>

/*
 * Hears what other processes announce (NOTIFY): a connection and a thread of its own, because pooled connections must not LISTEN.  What is
 * announced has no content; whoever hears it looks for themselves.
 */
struct listener;
/**
 * ${heard} is called on the listener's thread for every announcement on ${channel} (several may be one), and after each time that it has begun
 * to listen, since something may have been missed.  ${channel}: a plain SQL name.  Copies ${url}.
 */
struct listener *listener_new(const char *url, const char *channel, void (*heard)(void *arg), void *arg);
bool listener_live(const struct listener *l); /* false: nothing would be heard now */
void listener_free(struct listener *l);       /* NULL is fine */

#endif
