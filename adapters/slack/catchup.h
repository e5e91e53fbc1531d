#ifndef EDDY_SLACK_CATCHUP_H
#define EDDY_SLACK_CATCHUP_H

#include <stdint.h>

struct slack;
struct slack_catchup;

/*
 * Reading back after a gap: Slack repeats an event three times within five minutes or so, then it is gone.  When there was no link or
 * no database for over three minutes, direct messages and the threads Eddy takes part in are read through history, in the background
 * and within its limits, and what is missing is handed in as late.  Loop thread.
 */
struct slack_catchup *catchup_new(struct slack *s);
void catchup_free(struct slack_catchup *c); /* after loop, http and engine have stopped; NULL is fine */
/** Read back what was said since ${since_ms} (wall clock).  While one is under way a second waits for it. */
void catchup_run(struct slack_catchup *c, uint64_t since_ms);

#endif
