#ifndef EDDY_SLACK_ORIGIN_H
#define EDDY_SLACK_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../core/engine/intent.h"

/* Where an event came from and an answer goes to.  Opaque to the core, stored with the run, at most INTENT_ORIGIN_MAX bytes. */
enum origin_surface {
	ORIGIN_CHANNEL = 1, /* a public or private channel, a group DM */
	ORIGIN_DM,          /* the conversation with one person; with agent_view each top-level message is a thread */
	ORIGIN_ASSISTANT,   /* a thread of the legacy assistant view */
	ORIGIN_COMMAND,     /* a slash command or shortcut: an answer for one person, no thread */
};
struct origin { /* strings are never NULL: "" where there is none */
	enum origin_surface surface;
	const char *team; /* workspace of the installation, T… (E… for an org-wide one) */
	const char *channel;
	const char *thread_ts;      /* the parent to answer under; "" only for ORIGIN_COMMAND */
	const char *message_ts;     /* the message that asked; "" when there is none */
	const char *user;           /* who asked: recipient of streams and ephemeral answers */
	const char *user_team;      /* their own workspace (Slack Connect), else the same as ${team} */
	const char *response_url;   /* secret; up to five posts until ${response_until_ms} */
	uint64_t response_until_ms; /* wall clock, 0: no response_url */
};
/** Writes the stored form; a response_url that would not fit is left out.  Returns its length, 0 when the ids alone do not fit. */
size_t origin_pack(const struct origin *o, char out[INTENT_ORIGIN_MAX]);
/** Reads it back; the strings borrow from ${p}.  False when it is not one of ours. */
bool origin_unpack(const void *p, size_t n, struct origin *out);

#endif
