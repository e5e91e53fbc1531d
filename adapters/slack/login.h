#ifndef EDDY_SLACK_LOGIN_H
#define EDDY_SLACK_LOGIN_H

#include <stddef.h>

struct slack;
struct slack_login;

/*
 * Who we are: auth.test, then the tenant of that workspace.  Tried in the background until it works or Slack says a definite no; then
 * ${ready} is called once, on the loop thread, with slack->self set.
 */
struct slack_login *login_new(struct slack *s, void (*ready)(struct slack *s));
void login_start(struct slack_login *l); /* any thread */
void login_free(struct slack_login *l);  /* after loop and http have stopped; NULL is fine */
/** Any thread: what is in the way, "" when nothing is. */
void login_why(struct slack_login *l, char *out, size_t n);

#endif
