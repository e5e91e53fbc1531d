#ifndef EDDY_TEST_TALK_H
#define EDDY_TEST_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../core/base/id.h"
#include "../../core/engine/intent.h"

/* Stored conversations for tests that read: rows put straight into the last fresh database. */
struct id talk_person(struct id ws, const char *name);
struct id talk_place(struct id ws, const char *name, enum visibility v, bool member);
struct id talk_thread(struct id ws, struct id place);
/** A thread that only ${person} reads, as a slash command makes it. */
struct id talk_private_thread(struct id ws, struct id place, struct id person);
/** ${at_ms}: when; the key is "SECONDS.000NNN", unique; ${files}: JSON or NULL; ${author} none: Eddy. */
struct id talk_message(struct id ws, struct id thread, struct id author, int64_t at_ms, const char *text, const char *files);
void talk_delete(struct id message);
/** The message's key in its place. */
const char *talk_key(struct id message);
/** For struct tool_context: "https://chat.test/PLACE/THREAD/MESSAGE". */
bool talk_permalink(
    void *arg, const char *adapter, const char *place_key, const char *thread_key, const char *message_key, char *out, size_t n);
/** What talk_permalink() gives for a message; valid until the next call. */
const char *talk_link(struct id message);

#endif
