#ifndef EDDY_API_ONCE_H
#define EDDY_API_ONCE_H

#include <jansson.h>
#include <stdbool.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"

/*
 * Calls that name themselves (header Idempotency-Key): what was written by one is written once, and who asks again within a day is told the same.
 * The key belongs to its caller: the same one of somebody else is another key.  All inside the tenant transaction of the call: of two at once the
 * second waits for the first, and a call that fails leaves nothing behind.
 */
#define ONCE_KEY_MAX 255
#define ONCE_HOURS 24
enum once { ONCE_NEW, ONCE_AGAIN, ONCE_OTHER };

extern const struct pg_statement once_statements[];

/** 1 to ONCE_KEY_MAX visible ASCII characters. */
bool once_key_valid(const char *key);
/**
 * ONCE_NEW: nobody has used the key, it is taken now, and once_keep() must follow.  ONCE_AGAIN: the same call was made; ${answer} is the caller's, NULL if
 * it was not kept because it holds a secret.  ONCE_OTHER: the key stands for another call.
 */
enum err once_begin(struct pg *pg, struct id ws, struct id caller, const char *key, const char *name, const json_t *args,
    struct id request, enum once *what, json_t **answer);
enum err once_keep(struct pg *pg, struct id ws, struct id caller, const char *key, const json_t *answer);
/** Forget what is older than a day, at most ${limit} of them. */
enum err once_expire(struct pg *pg, struct id ws, int limit);

#endif
