#ifndef EDDY_ENGINE_CALL_RULES_H
#define EDDY_ENGINE_CALL_RULES_H

#include "../settings/settings.h"
#include "../teams/config_cache.h"
#include "quota.h"

/*
 * How many calls of the API may be made in a minute, as eddy.yaml and the settings of the workspace say; in memory until a change is announced.  A workspace
 * whose layers say nothing about it costs one look a minute.  Any thread.
 */
struct call_rules;
struct call_rules *call_rules_new(void);
void call_rules_free(struct call_rules *c); /* NULL is fine */
/**
 * What holds for calls about ${node}.  ${pg} is in a transaction of ${ws}, and is asked when it is not known; if it does not answer, what eddy.yaml says counts,
 * and the call that waits for it finds that out itself.
 */
struct quota_rules call_rules_of(struct call_rules *c, const struct config_cache *changes, struct pg *pg, struct id ws,
    struct id node, const struct settings *s);

#endif
