#ifndef EDDY_WEB_CLIENT_H
#define EDDY_WEB_CLIENT_H

#include "../../core/people/session.h"

/* Where a page runs, in words for its person: nothing of it is proof of anything. */
#define CLIENT_AGENT 48
#define CLIENT_NETWORK 48
struct client {
	char agent[CLIENT_AGENT], network[CLIENT_NETWORK]; /* "": not known */
};
/** "Firefox, Linux" from a User-Agent header (NULL: there is none), and ${address} without its end: 192.0.2.x, 2001:db8:1::. */
void client_read(struct client *c, const char *user_agent, const char *address);
/** The same as the session has it; borrows. */
struct session_client client_of(const struct client *c);

#endif
