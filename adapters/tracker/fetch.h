#ifndef EDDY_TRACKER_FETCH_H
#define EDDY_TRACKER_FETCH_H

#include "../../core/agents/tracker.h"

struct http;
/** Reads addresses with ${h}, which must outlive it. */
struct fetcher *fetch_open(struct http *h);
/** After http_stop(); NULL is fine. */
void fetch_close(struct fetcher *f);

#endif
