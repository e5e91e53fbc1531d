#ifndef EDDY_ENGINE_QUOTA_H
#define EDDY_ENGINE_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/bucket.h"
#include "../base/id.h"

/*
 * How much a person, a team and a workspace may ask in a short time, in the memory of this process.  Who asks more waits, and is told so once;
 * who asks more than may wait is refused.  One thread, or under the caller's lock.
 */
struct quota;
struct quota_who {
	struct id ws, team, person; /* team, person: none counts for nobody */
};
struct quota_rules {
	struct bucket_rule person, team, workspace;
};
enum quota_answer { QUOTA_NOW, QUOTA_LATER, QUOTA_FULL };

/** Buckets begin a quarter full, for what came before this process is not known: a process that starts again and again gives nothing away. */
struct quota *quota_new(int64_t now_us);
void quota_free(struct quota *q); /* NULL is fine */
/** Take one of each; QUOTA_LATER: it may begin in ${wait_ms}.  QUOTA_FULL: nothing was taken. */
enum quota_answer quota_ask(
    struct quota *q, const struct quota_who *w, const struct quota_rules *r, int64_t now_us, uint32_t *wait_ms);
/** Take one of each if all have one now; else nothing is taken, and ${wait_ms} is when to try again. */
bool quota_take(struct quota *q, const struct quota_who *w, const struct quota_rules *r, int64_t now_us, uint32_t *wait_ms);
/** True the first time in ${thread}, and again after ${until_us} of the last time. */
bool quota_say(struct quota *q, struct id thread, int64_t now_us, int64_t until_us);

#endif
