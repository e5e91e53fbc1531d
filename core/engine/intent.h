#ifndef EDDY_ENGINE_INTENT_H
#define EDDY_ENGINE_INTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/id.h"
#include "../people/kind.h"

/* What an adapter tells the core: one thing that somebody did.  Plain data, decoded once at the edge. */
enum intent_kind {
	INTENT_MESSAGE_POSTED,
	INTENT_MESSAGE_EDITED,  /* ${message_key} says which; ${text} is the new text */
	INTENT_MESSAGE_DELETED, /* ${message_key} says which */
	INTENT_REACTION_ADDED,  /* ${message_key}, ${text} is the emoji name */
	INTENT_REACTION_REMOVED,
	INTENT_ACTION_PRESSED, /* ${action}: the id of a component Eddy sent, ${text}: its value */
	INTENT_COMMAND_GIVEN,  /* a platform command (slash, shortcut); ${text} is what follows it */
	INTENT_PERSON_JOINED,
	INTENT_THREAD_OPENED, /* somebody opened the conversation with Eddy without writing yet */
	INTENT_RUN_STOPPED,   /* the platform's own Stop button on a running answer */
	INTENT_PLACE_JOINED,  /* Eddy itself was added to a place */
	INTENT_PLACE_LEFT,
	INTENT_PLACE_CHANGED, /* a place was renamed, archived, made private: ${place} holds the news */
	INTENT_UNINSTALLED,   /* this external workspace has removed Eddy */
	INTENT_PASSED_OVER,   /* looked at by the edge and not for Eddy: nothing is kept but its name and the note */
	INTENT_UNREADABLE,    /* the edge cannot make anything of it: kept aside with ${text} as the reason, and the note */
};

/* Who can see a place; the order is from "unknown, so as closed as possible" to open. */
enum visibility { VIS_UNKNOWN, VIS_DIRECT, VIS_PRIVATE, VIS_EXTERNAL, VIS_PUBLIC };

/* How sure the edge is of the sender. */
enum verified { VERIFIED_NONE, VERIFIED_SESSION, VERIFIED_PLATFORM };

struct intent_person {
	const char *external_id; /* "U123"; NULL: nobody (system) */
	const char *name;        /* NULL: not known yet */
	const char *tz;          /* IANA name or NULL */
	enum person_kind kind;   /* PERSON_UNKNOWN: what the flags below say */
	bool is_bot;
	bool is_guest;
	bool may_ask; /* a bot that the operator has named: it is heard as a guest, for as long as people take part */
	/**
	 * The platform has not said yet who this is: a guest until it has (engine_learn_person()), now or in an earlier process.
	 */
	bool is_undescribed;
};

/* Who somebody is, by what the edge says; one that says only flags means members and guests of the house. */
static inline enum person_kind intent_kind(const struct intent_person *p)
{
	if (p->is_bot)
		return PERSON_BOT;
	if (p->kind != PERSON_UNKNOWN || p->is_undescribed)
		return p->kind;
	return p->is_guest ? PERSON_GUEST : PERSON_MEMBER;
}

struct intent_place {
	const char *external_id; /* "C123"; unique per adapter and workspace */
	const char *name;        /* NULL: not known yet */
	enum visibility visibility;
	bool eddy_is_member;
};

struct intent_file {
	const char *external_id;
	const char *name;
	const char *mime;
	uint64_t size_bytes;
	const char *text; /* the content of a small text file, else NULL (by reference only) */
	size_t text_len;
};

#define ACTION_COMMAND "command"
#define ACTION_COMMAND_PRIVATE "command.private"

#define INTENT_TEXT_MAX (256u * 1024u)
#define INTENT_ORIGIN_MAX 1024u
#define INTENT_FILES_MAX 10u
#define INTENT_ALIASES_MAX 32u
#define INTENT_READERS_MAX 100u
#define INTENT_NOTE_MAX 4096u

/*
 * All pointers borrow for the length of engine_accept().  Strings are valid UTF-8 without NUL (the edge cleans them).
 * ${source_key} is what makes a redelivery a duplicate: unique per adapter and workspace, stable over redeliveries
 * ("m:C123:1760.000100").  ${message_key} names a message inside its place ("1760.000100"); ${thread_key} names the thread
 * ("1760.000100", the root's key).  ${platform_ms} is the platform's own time of the message, part of its identity: the same for the
 * message, its edits and its redeliveries (0 when the platform has none).
 */
struct intent {
	enum intent_kind kind;
	struct id ws;        /* the tenant, from engine_install() */
	const char *adapter; /* "slack": the reply goes out through this adapter */
	const char *source_key;
	const char *message_key;
	const char *thread_key;
	uint64_t platform_ms;
	struct intent_person person;
	struct intent_place place;
	const char *text; /* Eddy's own mention already taken out */
	size_t text_len;
	bool mentions_us;
	bool mentions_others; /* names other people: in a thread this is likely meant for them */
	bool is_thread_root;  /* the message starts its thread */
	bool is_command;      /* typed as an explicit command to Eddy: never "people talking to each other" */
	bool private_reply;   /* answer only to this person (slash command) */
	bool late;            /* read back after a gap, not delivered live */
	bool by_habit;        /* it speaks to Eddy by its address alone and not by its words: being quiet counts for it too */
	bool no_answer;       /* kept, and nothing said to it */
	bool edge_answers;    /* answered with the adapter's own words: adapter_ops.words() */
	uint32_t delay_ms;    /* its answer is not begun before this long */
	/**
	 * INTENT_ACTION_PRESSED.  ACTION_COMMAND: ${text} is a command, as if the person had typed it in the thread of the button;
	 * ACTION_COMMAND_PRIVATE: the same, answered to this person alone.
	 */
	const char *action;
	/* A command that was pointed at a message (a shortcut on it): its key and platform time in the same place; NULL: at none. */
	const char *about_key;
	uint64_t about_ms;
	/*
	 * Or its id, where the edge knows that; it counts only in the thread of the intent.  None: at none.  INTENT_MESSAGE_DELETED: which
	 * message of Eddy's that somebody has deleted (engine_find_said()).
	 */
	struct id about_id;
	struct intent_file files[INTENT_FILES_MAX];
	size_t files_len;
	enum verified verified;
	const void *origin; /* opaque to the core, stored with the run, given back with each reply */
	size_t origin_len;
	uint64_t received_ms; /* wall clock at the edge */
	/* ---- what platforms do for themselves and mail does not ---- */
	const char *title;          /* of the thread that this message begins; NULL: none */
	const char *const *aliases; /* further names by which later messages may mean this thread: engine_find_thread() */
	size_t aliases_len;
	const char *const
	    *readers; /* who sees the place from now on, as the adapter names people; this message's author included */
	size_t readers_len;
	/* A note of the adapter's (engine_note_put) that is stored in the same transaction, also with what is a duplicate or refused. */
	const char *note_key, *note_value;
};

#endif
