#ifndef EDDY_SLACK_HOOK_H
#define EDDY_SLACK_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct guests;
struct slack_app;
struct slack_hook;

/*
 * Slack by HTTP: events, buttons and commands come to /slack/events, signed.  A request is answered once what it brought is durable; 503 says that it is
 * to come again.
 */
struct slack_hook *hook_new(struct slack_app *app, struct guests *guests);
void hook_free(struct slack_hook *h); /* after the loop; NULL is fine */

/**
 * Is ${body}, exactly as it came, signed with ${secret} (several with commas while one replaces the other), by a moment at most five minutes from
 * ${now_s}?  ${timestamp}, ${signature}: headers, NULL where there is none.
 */
bool hook_signed(const char *secret, const char *timestamp, const char *signature, const char *body, size_t n, int64_t now_s);
/** What a body would have been as a frame of a link.  False: it is none of Slack's three kinds. */
bool hook_frame(const char *content_type, const char *body, size_t n, struct buf *out);

#endif
