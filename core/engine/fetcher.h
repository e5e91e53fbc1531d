#ifndef EDDY_ENGINE_FETCHER_H
#define EDDY_ENGINE_FETCHER_H

struct engine;
struct fetcher; /* agents/tracker.h */
struct seal;

/** Who reads addresses for the engine; before engine_start(), borrowed.  Without one there are no trackers. */
void engine_use_fetcher(struct engine *e, struct fetcher *f);
/** What seals secrets; NULL: nothing does. */
struct seal *engine_seal(struct engine *e);

#endif
