#ifndef EDDY_PEOPLE_PASSWORD_H
#define EDDY_PEOPLE_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#include "../base/err.h"

/*
 * What is a password, and its hash (docs/adr/104): argon2id, 19 MiB, two passes, one at a time in the whole process.  Texts count in NFKC, so that
 * every keyboard writes the same one.  Blocking for some 50 ms: a worker.
 */
#define PASSWORD_MIN 12  /* characters */
#define PASSWORD_MAX 256 /* bytes, before and after NFKC */
#define PASSWORD_HASH 128
#define PASSWORD_MEMORY (19u * 1024u * 1024u)
#define PASSWORD_PASSES 2

/** NULL: good; else why not, a sentence.  ${own}: names and addresses of whose it is to be, which it must not be made of. */
const char *password_bad(const char *text, const char *const *own, size_t own_len);
/** ERR_RETRY: too many wait already; ERR_INPUT: no text that password_bad() lets pass. */
enum err password_hash(const char *text, char out[PASSWORD_HASH]);
/**
 * Is it this one?  ${hash} NULL: it is nobody's, and takes as long.  ${old}: it was made with less than is asked for now.  ERR_DENIED: no;
 * ERR_RETRY: too many wait already.
 */
enum err password_verify(const char *hash, const char *text, bool *old);

#endif
