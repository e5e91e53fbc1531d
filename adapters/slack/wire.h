#ifndef EDDY_SLACK_WIRE_H
#define EDDY_SLACK_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "jv.h"

/* Slack's JSON decoded once: a Socket Mode frame becomes a struct slack_event, and past this file nobody looks at JSON again. */

#define WIRE_FRAME_MAX (1024u * 1024u)
#define WIRE_ENVELOPE_ID_MAX 128u
#define WIRE_FILES_MAX 10
/*
 * The forms Eddy opens have one field, and carry what they are about as private_metadata: "CHANNEL THREAD_TS MESSAGE_TS [ABOUT]", which
 * become ${channel}, ${inner.thread_ts}, ${inner.ts} and ${about} of the event again.
 */
#define WIRE_VIEW_PLACE_MAX 160
#define WIRE_VIEW_FIELD "words" /* its block_id and action_id */

enum frame_kind {
	FRAME_HELLO,
	FRAME_DISCONNECT,
	FRAME_EVENT, /* events_api */
	FRAME_SLASH,
	FRAME_INTERACTIVE,
	FRAME_OTHER, /* an envelope of a kind we do not know: acknowledge, ignore */
	FRAME_BAD,   /* not JSON, or no envelope: acknowledge if ${envelope_id} could be found */
	FRAME_KINDS
};
extern const char *const wire_frame_names[FRAME_KINDS]; /* "hello", "disconnect", "events_api" … for metrics */

enum event_type {
	EVENT_NONE, /* a kind we have no use for */
	EVENT_APP_MENTION,
	EVENT_SLACK_MESSAGE,
	EVENT_REACTION_ADDED,
	EVENT_REACTION_REMOVED,
	EVENT_APP_HOME_OPENED,
	EVENT_SESSION_STOPPED,
	EVENT_ASSISTANT_STARTED,
	EVENT_MEMBER_JOINED,
	EVENT_MEMBER_LEFT,
	EVENT_CHANNEL_LEFT, /* channel_left, group_left, channel_deleted: we are out */
	EVENT_CHANNEL_RENAME,
	EVENT_CHANNEL_ARCHIVE,
	EVENT_CHANNEL_UNARCHIVE,
	EVENT_CHANNEL_PRIVATE, /* a public channel was made private */
	EVENT_CHANNEL_SHARED,  /* Slack Connect, now or no longer: what it is has to be asked */
	EVENT_TOKENS_REVOKED,
	EVENT_APP_UNINSTALLED,
	EVENT_RATE_LIMITED,
	EVENT_USER_CHANGED,
};

struct wire_file {
	const char *id, *name, *mime, *filetype, *mode, *url;
	uint64_t size;
};
/* A message as it stands in an event, inside message_changed, or in a page of history.  Any string may be NULL. */
struct wire_message {
	const char *user, *bot_id, *app_id, *subtype, *text, *ts, *thread_ts;
	const char *user_team; /* the author's own workspace */
	const char *user_name; /* from an inline profile (Slack Connect) */
	const char *edited_ts;
	bool bot_profile; /* carries a bot_profile: an app wrote it */
	bool streaming;   /* an open stream of an app */
	struct wire_file files[WIRE_FILES_MAX];
	size_t files_len;
};
struct slack_event {
	enum frame_kind kind;
	const char *envelope_id; /* "" when there is none */
	const char *why;         /* FRAME_BAD: what is wrong */
	int64_t retry_attempt;

	/* hello, disconnect */
	const char *reason, *app_id;
	int64_t num_connections, lifetime_s;

	/* every payload */
	const char *team_id; /* the workspace it belongs to */
	const char *enterprise_id;
	const char *authorized_user; /* the bot user of the installation it came for */
	/* That installation: of a workspace, or of an organisation (${install_org}). */
	const char *install_team, *install_enterprise;
	bool install_org;
	const char *api_app_id, *event_id;
	bool ext_shared;

	/* events_api */
	enum event_type type;
	const char *type_name;
	struct wire_message msg;    /* message, app_mention */
	struct wire_message inner;  /* message_changed: the message now */
	struct wire_message before; /* message_changed, message_deleted: as it was */
	const char *deleted_ts;
	const char *channel, *channel_name, *channel_type;
	const char *event_ts;
	const char *item_ts, *reaction;
	const char *tab;
	bool revoked_bot; /* tokens_revoked names a bot */

	/* slash commands and interactive */
	const char *interactive; /* "block_actions", "message_action" … */
	const char *command, *response_url, *trigger_id, *callback_id;
	const char *action_id, *action_value, *action_ts;
	const char *view_id, *view_words; /* view_submission: which form, and what stands in its field (NULL: nothing) */
	const char *about; /* the id of the stored message that a shortcut or form is about; NULL: it has the key ${inner.ts} */
	bool ephemeral;    /* the message under a button is for one person only */
	const char *user;  /* who did it */
};

/* The decoder with its reusable memory; one thread. */
struct wire {
	struct jv outer, inner; /* inner: a payload that came as a string */
	char why[160];
	char envelope_id[WIRE_ENVELOPE_ID_MAX + 1];
	char view_place[WIRE_VIEW_PLACE_MAX + 1];
};
void wire_done(struct wire *w);
/** Decodes one text frame.  ${ev}'s strings borrow from ${frame}, which is changed, and from ${w}, until the next call.  Never fails: FRAME_BAD. */
void wire_decode(struct wire *w, char *frame, size_t n, struct slack_event *ev);
/** Decodes one message object of a page of history as if it had come as an event of ${channel}.  False: not a message. */
bool wire_decode_history(struct wire *w, char *json, size_t n, const char *team_id, const char *channel, const char *channel_type,
    struct slack_event *ev);
/** Finds an envelope_id in ${n} bytes that may be anything; the id is copied to ${out}.  False: none. */
bool wire_salvage_envelope(const char *p, size_t n, char out[WIRE_ENVELOPE_ID_MAX + 1]);
/** Milliseconds of a "seconds.micros" timestamp; 0 when it is not one. */
uint64_t wire_ts_ms(const char *ts);
/** True for what Slack gives as a timestamp: digits, a dot, digits, at most 32 characters. */
bool wire_ts_valid(const char *ts);

#endif
