#ifndef EDDY_WEB_LOGIN_H
#define EDDY_WEB_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "../../core/base/id.h"
#include "wire.h"

/*
 * Who is logged in on a page, in memory: access tokens and the person behind each.  A token lives ten minutes and dies with the process; the
 * page gets the next one with its refresh cookie (api.c).  Loop thread only.
 */
#define LOGIN_TOKEN_S 600

struct web_login { /* shared by the token and the connections that said hello with it */
	unsigned refs;
	struct id session;
	char id[64], name[128];
	struct web_person person; /* points into this */
	bool guest;               /* sees only what is said to him */
	bool visitor;             /* nobody vouches for who he is */
};
struct web_login *web_login_new(struct id session, const char *id, const char *name);
struct web_login *web_login_ref(struct web_login *l); /* NULL is fine, for both */
void web_login_unref(struct web_login *l);

/** Is ${given} our token?  Takes no less time for a good beginning; an empty one is nobody's. */
bool web_token_equal(const char *given, const char *ours);

struct web_logins;
struct web_logins *web_logins_new(void);
void web_logins_free(struct web_logins *s);
/**
 * A new token for ${l} (takes its own reference); ${token} has 65 bytes of room.  False: its session was ended a moment ago, by a request that overtook
 * the one that asks.
 */
bool web_logins_issue(struct web_logins *s, struct web_login *l, uint64_t now_ms, char token[65]);
/** The log-in of a token that has not ended; NULL: none.  Borrowed. */
struct web_login *web_logins_find(struct web_logins *s, const char *token, uint64_t now_ms);
/** All tokens of a session are void from now on. */
void web_logins_end(struct web_logins *s, struct id session, uint64_t now_ms);
void web_logins_sweep(struct web_logins *s, uint64_t now_ms);

#endif
