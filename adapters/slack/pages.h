#ifndef EDDY_SLACK_PAGES_H
#define EDDY_SLACK_PAGES_H

struct guests;
struct slack_app;
struct slack_pages;

/*
 * How a workspace adds the app (OAuth v2): /slack/install sends the browser to Slack, and /slack/oauth takes what comes back.  The state that goes
 * along is signed, bound to the browser by a cookie, ends after ten minutes and counts once.
 */
#define PAGES_STATE_MS 600000u
struct slack_pages *pages_new(struct slack_app *app, struct guests *guests);
void pages_stop(struct slack_pages *p); /* before http_stop(); twice and NULL are fine */
void pages_free(struct slack_pages *p); /* after loop, http and engine; NULL is fine */

#endif
