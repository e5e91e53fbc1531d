#ifndef EDDY_ENGINE_H
#define EDDY_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../api/problem.h"
#include "../base/err.h"
#include "../base/id.h"
#include "intent.h"
#include "reply.h"

struct settings;
struct metrics;
struct model;
struct engine;
struct json_t;
struct buf;

/* ---- what an adapter offers ---- */
enum {
	CAP_EDIT = 1,      /* can change what it has sent */
	CAP_STREAM = 2,    /* wants GROW */
	CAP_EPHEMERAL = 4, /* can speak to one person in a place */
	CAP_COMPONENTS = 8,
	CAP_THREAD = 16,
	CAP_STATUS = 32,  /* wants STATUS and TOOL */
	CAP_SHARED = 128, /* others can bring outsiders into its places: Eddy waits there until an admin has said yes */
	CAP_PULL = 64,    /* clients read the stored thread by its seq: a WHOLE is delivered by COMMIT, no outcome is awaited */
};
#define PLACE_KEY_MAX 512
struct adapter;
struct adapter_ops {
	const char *name;
	unsigned caps;
	/** Accepts or refuses (ERR_RETRY: queue full); copies; never blocks; any thread. */
	enum err (*send)(struct adapter *a, const struct reply *r);
	/** One line for `status` and the start-up summary: "connected to acme as @eddy"; ${out} is always terminated. */
	void (*describe)(struct adapter *a, char *out, size_t n);
	/** A link to a stored message for people to follow, from its origin and external reference; false: none. */
	bool (*permalink)(struct adapter *a, struct id ws, const char *place_key, const char *thread_key, const char *message_key,
	    char *out, size_t n);
	/**
	 * Optional (NULL), both or neither: the origin of a place where nothing came in, for a notice that begins a thread there, about ${subject}
	 * (NULL: somebody asks for a person).  Gives the length, at most INTENT_ORIGIN_MAX; 0: not now, or not for this workspace.  Any thread; never blocks.
	 */
	size_t (*origin_for)(
	    struct adapter *a, struct id ws, const char *place_key, const char *subject, char out[INTENT_ORIGIN_MAX]);
	/**
	 * The origin of the thread that a notice to ${origin} has begun.  ${thread_key} is its external_ref up to the first comma, and the key
	 * of intents from that thread.  0: it is none of ours.  Any thread; needs no connection.
	 */
	size_t (*origin_within)(
	    struct adapter *a, const void *origin, size_t n, const char *thread_key, char out[INTENT_ORIGIN_MAX]);
	/**
	 * Optional: the origin that begins a side thread called ${topic} beside the thread that ${origin} answers in, for the same readers.
	 * ${id} is the delivery that opens it.  ${place_key} is where it will be, "": in the place of the thread that it leaves.  CAP_PULL: ${thread_key} is its key, and the origin answers in
	 * it; else ${thread_key} is "" and origin_within() names it once the opening is visible.  Gives the origin's length; 0: not possible
	 * here.  Any thread; never blocks.
	 */
	size_t (*origin_beside)(struct adapter *a, struct id ws, const void *origin, size_t n, struct id id, const char *topic,
	    char out[INTENT_ORIGIN_MAX], char place_key[PLACE_KEY_MAX], char thread_key[PLACE_KEY_MAX]);
	/**
	 * Optional: the same origin without words of people (the subject of a mail), for when they are to be forgotten; answers still find their way.
	 * The length; 0: it has none.  Any thread; never blocks.
	 */
	size_t (*origin_plain)(struct adapter *a, const void *origin, size_t n, char out[INTENT_ORIGIN_MAX]);
	/**
	 * Optional (NULL): the origin of a letter that lets ${address} log in: what is sent there gets a link with the code of engine_login_link().
	 * ${invited}: somebody else has asked for it.  ${person}: what intents call who writes from there.  Gives the length; 0: not now, or not to there.
	 * Any thread; never blocks.
	 */
	size_t (*origin_login)(struct adapter *a, struct id ws, const char *address, bool invited, char out[INTENT_ORIGIN_MAX],
	    char person[PLACE_KEY_MAX]);
	/** Optional: the words for an intent with edge_answers, as Markdown, from its origin, and which refusal they are.  A worker; may not block. */
	enum api_code (*words)(struct adapter *a, const void *origin, size_t n, struct buf *out);
};

enum fork_state { FORK_OPENING = 1, FORK_ACTIVE = 2, FORK_RESOLVED = 3, FORK_ABANDONED = 4, FORK_FAILED = 5 };
/* What happened to a thread itself; of a fork: its own thread. */
enum thread_event_change {
	CHANGE_UPDATED, /* renamed, archived, reopened, marked as resolved */
	CHANGE_FORK_CREATED,
	CHANGE_FORK_RESOLVED,
	CHANGE_FORK_ABANDONED,
};
/*
 * A durable change of a thread, for live views (the web adapter).  Borrowed; called after COMMIT, on the writer's thread or (EVENT_THREAD)
 * that of engine_tell_thread().
 */
struct thread_event {
	enum { EVENT_MESSAGE, EVENT_EDITED, EVENT_DELETED, EVENT_RUN, EVENT_THREAD } kind;
	struct id ws, thread, message, run;
	int64_t seq;        /* the message's place */
	int64_t rev;        /* seq of this change: what a resume compares */
	int author_kind;    /* AUTHOR_* of talk/transcript.h */
	const char *author; /* a name for people */
	const char *text;
	size_t text_len;
	const char *client_key; /* message_key of a posted message */
	const char *run_state;  /* EVENT_RUN: "running", "answered", "failed", "stopped", "queued" */
	/* EVENT_THREAD: ${ws}, ${thread} and this are all there is; engine_show_thread() tells how it stands now. */
	enum thread_event_change change;
	int64_t at_ms;
	/* EVENT_MESSAGE: what goes with it */
	const struct component *components;
	size_t components_len;
};
typedef void (*engine_event_fn)(void *arg, const struct thread_event *ev);

/* ---- what the engine offers ---- */
struct engine_options {
	const struct settings *settings;
	struct metrics *metrics;
	struct model *model;      /* the model port (adapters/model); borrowed */
	const char *database_url; /* runtime role */
	const char *data_dir;
	uint32_t lease_ms;     /* 0: setting engine.lease */
	uint32_t heartbeat_ms; /* 0: setting engine.heartbeat */
	uint32_t scan_ms;      /* 0: setting engine.scan: how often work that nobody has is looked for */
};

/* As given when it was opened; borrowed. */
const char *engine_data_dir(const struct engine *e);
const struct settings *engine_settings(const struct engine *e);
/** Connects, checks the database, loads agents.  ERR_BROKEN: ${why} says what, where and how to mend. */
enum err engine_open(struct engine **out, const struct engine_options *o, char *why, size_t why_n);
/** Register before engine_start(); ${ops} and ${a} must outlive the engine. */
void engine_add_adapter(struct engine *e, const struct adapter_ops *ops, struct adapter *a);
/**
 * Who talks to Eddy alone through adapter ${page} may ask for a person: people at ${adapter}'s place ${place_key} get the conversation as
 * a thread of theirs (docs/handover.md).  Before engine_start(); copies.
 */
void engine_offer_people(struct engine *e, const char *page, const char *adapter, const char *place_key);
/** Something is to be erased: look within the second.  Any thread. */
void engine_erase_soon(struct engine *e);
void engine_on_event(struct engine *e, engine_event_fn fn, void *arg);
/** Starts writer, workers and clock. */
enum err engine_start(struct engine *e);
/** Stops taking work, waits up to ${ms} for runs and deliveries; what is left is picked up by the next process. */
void engine_drain(struct engine *e, uint32_t ms);
void engine_free(struct engine *e);

/** Tell live views that ${thread} has changed.  After COMMIT; any thread. */
void engine_tell_thread(struct engine *e, struct id ws, struct id thread, enum thread_event_change change);

/**
 * Hand in what somebody did.  Copies; never blocks; any thread.  ${done} is called once, on the writer's thread, after COMMIT:
 * ERR_NONE: durable (stored now or a duplicate of something stored); the edge may acknowledge.  ERR_INPUT: refused on its
 * content and kept aside, acknowledge too.  ERR_RETRY: the database is away, do not acknowledge: the platform sends it again.
 * ${message} is the stored message (or none).  Returns false when the queue is full: do not acknowledge.  What is larger than intent.h
 * allows is refused with ERR_INPUT.
 */
struct accepted {
	enum err result;
	bool duplicate;
	struct id ws, thread, message, run; /* run: none when nothing will be answered */
	int64_t seq;
};
typedef void (*engine_accepted_fn)(void *arg, const struct accepted *a);
bool engine_accept(struct engine *e, const struct intent *in, engine_accepted_fn done, void *arg);

/** The outcome of a WHOLE.  Copies; any thread; waits in memory when the writer is busy, bounded by what was sent. */
void engine_sent(struct engine *e, const struct sent *s);
/**
 * Is it certain that no other process has taken over our threads?  Not after a stop of this process or a silence of the database: then
 * what is to be posted may have been posted by another, and is looked for before.  Any thread.
 */
bool engine_certain(struct engine *e);
/**
 * The platform said not to try a delivery again for ${ms}.  The adapter itself waits and tries; stored, so that after a restart the
 * delivery is not handed out before that time.  Any thread.
 */
void engine_held(struct engine *e, struct id ws, struct id delivery, uint32_t ms);
/** A stream was opened as ${external_ref}: stored, so that after a crash it is completed in place.  Any thread. */
void engine_stream_opened(struct engine *e, struct id ws, struct id delivery, const char *external_ref);
/**
 * Say that a stream is about to be opened, before it can be visible; ${ready} comes on the writer's thread once it is stored (false:
 * the run is no longer ours, do not open).
 */
void engine_stream_opening(struct engine *e, struct id ws, struct id delivery, void (*ready)(void *arg, bool go), void *arg);
/** Stop the run that answers in ${thread} (a Stop button, a closed page).  Any thread. */
void engine_stop_run(struct engine *e, struct id ws, struct id thread);

/**
 * The tenant of an external workspace, made when it is new (blocking: start-up and workers only).  The first install whose
 * ${home} is true shares the default workspace with the local terminal and page.
 */
enum err engine_install(struct engine *e, const char *adapter, const char *external_id, const char *name, bool home, struct id *ws);
/** The cached tenant; false when it was never installed (then call engine_install from a worker). */
bool engine_workspace(struct engine *e, const char *adapter, const char *external_id, struct id *ws);
/** The external workspaces of ${adapter} that have a tenant.  Blocking: start-up and workers; ${fn} may ask the engine again. */
enum err engine_installs(
    struct engine *e, const char *adapter, void (*fn)(void *arg, struct id ws, const char *external_id), void *arg);
/** What an adapter has learned about people and places.  Copies; any thread; false: queue full, tell again some other time. */
bool engine_learn_person(struct engine *e, struct id ws, const char *adapter, const struct intent_person *p);
bool engine_learn_place(struct engine *e, struct id ws, const char *adapter, const struct intent_place *p);
/** Small durable notes of an adapter (cursors, last moment alive), at most 4 kB.  put: any thread.  get: blocking, start-up and workers. */
bool engine_note_put(struct engine *e, struct id ws, const char *adapter, const char *key, const char *value);
enum err engine_note_get(
    struct engine *e, struct id ws, const char *adapter, const char *key, char **value); /* gives; NULL: none */

/* ---- for edges whose messages name threads by ids of their own making (mail): blocking, on a thread that may wait ---- */
struct thread_name { /* one way to mean a thread; the first that is not empty counts */
	const char *alias;
	struct id delivery; /* something Eddy has sent there */
	struct id thread;
};
#define FOUND_KEY_MAX 1024
struct found_thread {
	struct id thread;
	char place_key[FOUND_KEY_MAX], thread_key[FOUND_KEY_MAX];
	int64_t seq;     /* of its newest event: engine_read_thread() */
	bool is_reader;  /* ${reader} is one of those who see it */
	int visibility;  /* of its place: enum visibility */
	bool is_private; /* what one person alone is told: intent.private_reply leads there */
	bool is_fork;    /* a side thread */
};
/**
 * The thread of ${adapter} that is meant by one of ${names}: the first that ${reader} may see, else the first at all.
 * ERR_INPUT: none.  Who sees a thread is who was named a reader of its place, and the person whose name the place bears.
 */
enum err engine_find_thread(struct engine *e, struct id ws, const char *adapter, const struct thread_name *names, size_t n,
    const char *reader, struct found_thread *out);
/** What Eddy said in ${thread} that is shown there as ${part} (its external_ref or a part of that).  ERR_INPUT: nothing. */
struct said_message {
	struct id id;
	char *text;  /* Markdown; the caller's to free */
	bool offers; /* there is something to press yet */
};
enum err engine_find_said(struct engine *e, struct id ws, struct id thread, const char *part, struct said_message *out);
/** Answers that were asked for within the last ${ms}: in ${thread}, and of ${person} (as the adapter names it) in threads of their own. */
enum err engine_recent_runs(struct engine *e, struct id ws, const char *adapter, struct id thread, const char *person, uint32_t ms,
    int64_t *in_thread, int64_t *of_person);
/** 32 random bytes, made at the first call and the same ever after, for every process of this database. */
enum err engine_secret(struct engine *e, struct id ws, const char *adapter, const char *name, unsigned char out[32]);
/** For ${ms} from now only this process has the duty; again to prolong.  ERR_DENIED: another one has it. */
enum err engine_duty(struct engine *e, struct id ws, const char *adapter, const char *name, uint32_t ms);
void engine_duty_leave(struct engine *e, struct id ws, const char *adapter, const char *name);

/* ---- whom Eddy must not write to ---- */
enum stop_kind { STOP_UNDELIVERABLE = 1, STOP_COMPLAINT = 2, STOP_UNSUBSCRIBED = 3, STOP_OPERATOR = 4 };
struct stop_row {
	const char *external_id, *detail;
	enum stop_kind kind;
	int64_t at_ms;
};
enum err engine_stop_put(
    struct engine *e, struct id ws, const char *adapter, const char *external_id, enum stop_kind kind, const char *detail);
/** ${kind} 0: whatever it was.  ERR_INPUT: there was none. */
enum err engine_stop_lift(struct engine *e, struct id ws, const char *adapter, const char *external_id, int kind);
enum err engine_stop_get(struct engine *e, struct id ws, const char *adapter, const char *external_id, int *kind); /* 0: none */
/** The same for the person who is reached at ${place}, a place of one (engine_place_id()); ERR_INPUT: there is no such place. */
enum err engine_stop_place(struct engine *e, struct id ws, struct id place, enum stop_kind kind, const char *detail);
/** What a link carries that stops what Eddy sends to ${place} of its own accord, for whoever opens it. */
#define UNSUBSCRIBE_TOKEN 64
enum err engine_unsubscribe_token(struct engine *e, struct id ws, struct id place, char out[UNSUBSCRIBE_TOKEN]);
enum err engine_unsubscribe(struct engine *e, const char *token); /* ERR_INPUT: none of ours */
enum err engine_stops(
    struct engine *e, struct id ws, const char *adapter, void (*fn)(void *arg, const struct stop_row *row), void *arg);

/**
 * Say something in a thread where no message asked for it now: a receipt, a word about a delay.  ${key} names it: the same key is
 * said once, ever.  ${run}: only while this run is open (none: in any case).  Copies; any thread; delivered like any answer.
 */
bool engine_notice(struct engine *e, struct id ws, const char *adapter, struct id thread, struct id run, const char *key,
    const char *text, const void *origin, size_t origin_len);

/* ---- reading, for pages and read-back: blocking, on a worker only (engine_submit) ---- */
/** Run ${fn} on a worker; false: queue full. */
bool engine_submit(struct engine *e, void (*fn)(void *arg), void *arg);
struct stored_message {
	struct id id, run;
	int64_t seq, rev;
	int author_kind;
	const char *author, *text, *message_key;
	bool edited, deleted;
	int64_t at_ms;
	int opinion;                        /* 1, -1; 0: none was given */
	const struct component *components; /* what it still offers */
	size_t components_len;
};
/**
 * Messages of a thread that came or changed after ${after_rev}, at most ${limit}, in the order of their rev: a reader pages by going
 * on after the last rev it was given.  ${last_rev}: up to where this page is complete (the thread's own last sequence number when there
 * were fewer than ${limit}).  A thread that is not there has no messages and ${last_rev} 0.
 */
enum err engine_read_thread(struct engine *e, struct id ws, struct id thread, int64_t after_rev, int limit,
    void (*fn)(void *arg, const struct stored_message *m), void *arg, int64_t *last_rev);
struct active_thread {
	const char *place_key, *thread_key, *last_message_key; /* last_message_key: newest stored message of a person */
	int64_t last_ms;
	enum visibility visibility;
};
/** Threads of an adapter that Eddy takes part in with activity since ${since_ms}, newest first. */
enum err engine_active_threads(struct engine *e, struct id ws, const char *adapter, int64_t since_ms, int limit,
    void (*fn)(void *arg, const struct active_thread *t), void *arg);

/* ---- log-ins of pages (core/people/session.h): blocking, start-up and workers ---- */
struct session;
/** ${code}: SESSION_CODE bytes; ${refresh}, ${next}: SESSION_SECRET bytes each. */
enum err engine_login_code(struct engine *e, struct id ws, const char *subject, const char *name, char *code);
/** ${request} names the entry in the audit log. */
struct session_client;
enum err engine_login(struct engine *e, struct id ws, const char *code, struct id request, const struct session_client *at,
    struct session *out, char *refresh);
enum err engine_login_refresh(
    struct engine *e, struct id ws, const char *refresh, const struct session_client *at, struct session *out, char *next);
enum err engine_logout(struct engine *e, struct id ws, const char *refresh, bool everywhere, struct id request,
    void (*ended)(void *arg, struct id session), void *arg);
/**
 * Send a link that logs in to ${address}, by ${adapter}, if somebody is known by it who may.  ERR_DENIED: nobody, or too often: for the audit log and
 * not for whoever asks.
 */
enum err engine_login_mail(struct engine *e, struct id ws, const char *adapter, const char *address, struct id request);
struct login_claim;
struct link_person;
/**
 * A code for somebody whom a log-in service names.  ERR_INPUT: nobody knows them yet, but they can be linked; ERR_DENIED: they may not log in.
 */
enum err engine_login_service(struct engine *e, struct id ws, const struct login_claim *c, struct id request, char *code);
/**
 * They have a code of `link` from elsewhere.  ${take}: be one user with whoever made it, and log in (${code}); else only say who that is.  ${answer}: enum link_answer.
 */
enum err engine_login_take(struct engine *e, struct id ws, const struct login_claim *c, const char *link, bool take,
    struct id request, struct link_person *other, int *answer, char *code);
/** An entry in the audit log for a log-in that a service's answer was refused for; ${why} is a word. */
enum err engine_login_refused(struct engine *e, struct id ws, const char *via, const char *why, struct id request);
struct password_login {      /* borrowed */
	const char *adapter; /* whose addresses are names to log in with: mail; NULL: none */
	const char *name, *password;
	const struct session_client *at;
	bool only_known; /* it was tried too often: only where they were logged in lately */
};
/**
 * ERR_DENIED: that name and password do not let anybody in, which counts in every process.  ERR_INPUT: nothing was looked at; it has to wait ${wait_ms}, or, with 0,
 * only_known and nobody is known there.
 */
enum err engine_login_password(struct engine *e, struct id ws, const struct password_login *p, struct id request,
    struct session *out, char *refresh, uint32_t *wait_ms);
/** Set a password by the code of an admin's link, and log in.  ERR_INPUT: ${why} it cannot be this one; ERR_DENIED: the code is void. */
enum err engine_password_link(struct engine *e, struct id ws, const char *code, const char *password,
    const struct session_client *at, struct id request, struct session *out, char *refresh, const char **why);
struct listener;
/** Calls ${fn}, on a thread of its own, when sessions may have ended, here or elsewhere; until engine_sessions_unlisten() (NULL is fine). */
struct listener *engine_sessions_listen(struct engine *e, void (*fn)(void *arg), void *arg);
void engine_sessions_unlisten(struct listener *l);
/** Which have, in the last ${seconds}. */
enum err engine_sessions_ended(
    struct engine *e, struct id ws, int64_t seconds, void (*ended)(void *arg, struct id session), void *arg);
/** The code of the letter ${letter}, SESSION_CODE bytes: the same each time, and nobody else can make it. */
enum err engine_login_link(struct engine *e, struct id ws, struct id letter, char *code);
/* A letter to somebody whom somebody else invites. */
struct engine_invitation {
	const char *adapter; /* that brings it: static */
	char person[PLACE_KEY_MAX], origin[INTENT_ORIGIN_MAX];
	size_t origin_len;
};
/** The adapter that brings such letters; NULL: none is set up, or links by mail are off.  Static. */
const char *engine_invites_by(struct engine *e);
/** The letter to ${address}.  ERR_INPUT: none can go there. */
enum err engine_invitation(struct engine *e, struct id ws, const char *address, struct engine_invitation *out);
struct pg;
struct login_account;
/** Put it into the outbox, with a link for ${to}; inside the tenant transaction of the call.  ERR_DENIED: they had too many just now. */
enum err engine_invite(struct engine *e, struct pg *pg, struct id ws, struct id letter, const struct engine_invitation *i,
    const struct login_account *to, const char *text);
/** The transaction of engine_invite() is committed: send it. */
void engine_invited(struct engine *e);

/* ---- the API (core/api/serve.h): blocking, workers and the terminal ---- */
struct api_request;
struct api_reply;
/** What needs the running daemon is refused before engine_start(). */
void engine_call(struct engine *e, const struct api_request *q, struct api_reply *out);

/** The ids that engine_accept() gives to a place, a thread, a message: anyone may compute them. */
struct id engine_place_id(struct id ws, const char *adapter, const char *place_key);
struct id engine_thread_id(struct id place, const char *thread_key);
struct id engine_message_id(struct id place, uint64_t platform_ms, const char *message_key);

/** True once start-up is complete, the database answers and the schema is the one this binary was built for. */
bool engine_ready(struct engine *e, char *why, size_t n);
/** The whole state as lines "name: value" for `status` and /healthz. */
void engine_status(struct engine *e, char *out, size_t n);

#endif
