#ifndef EDDY_SLACK_GRANTS_H
#define EDDY_SLACK_GRANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../core/base/err.h"

struct buf;
struct slack;
struct slack_app;
struct slack_grants;
struct sock_ticket;

/*
 * The workspaces that have granted the app, each with its token: read from the database at the start and whenever something changes there, renewed
 * in time where tokens end, and ended when Slack says so.
 */
struct slack_grants *grants_new(struct slack_app *app);
void grants_start(struct slack_grants *g); /* after loop and engine have started; any thread */
void grants_stop(struct slack_grants *g);  /* hears of nothing any more; any thread but the loop; twice and NULL are fine */
void grants_free(struct slack_grants *g);  /* after loop, http and engine; NULL is fine */
/** Something may have changed: look soon.  Any thread; NULL is fine. */
void grants_look(struct slack_grants *g);
/** Something is to be said where ${key} granted it, which nobody here knows: ERR_RETRY while it is looked for, ERR_DENIED: there is no such grant. */
enum err grants_unknown(struct slack_grants *g, const char *key);
/** Removed by ${s}: the token is forgotten at once, and ${t} (may be NULL) is settled when that is durable.  Loop thread. */
void grants_end(struct slack_grants *g, struct slack *s, struct sock_ticket *t, const char *why);

/* A token as it is sealed. */
struct slack_token {
	char *token, *refresh;       /* refresh: NULL where tokens do not end */
	uint64_t since_ms, until_ms; /* wall clock; until 0: it does not end */
};
void slack_token_write(const struct slack_token *t, struct buf *out);
bool slack_token_read(const char *p, size_t n, struct slack_token *out); /* the caller's to free */
void slack_token_done(struct slack_token *t);
/** When to renew it: after two thirds of its life. */
uint64_t slack_token_due(const struct slack_token *t);

#endif
