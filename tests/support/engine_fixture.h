#ifndef EDDY_TEST_ENGINE_FIXTURE_H
#define EDDY_TEST_ENGINE_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "../../core/engine/engine.h"
#include "../../core/ports.h"

/*
 * An engine between two fakes: a model whose next answers are scripted, and an adapter that notes what it is told.  The database is
 * real.  The fake model answers "re: TEXT" to the last user message unless something else was scripted.
 */
enum script {
	SCRIPT_ANSWER,
	SCRIPT_BUSY, /* fails with FAIL_BUSY */
	SCRIPT_CUT,  /* three deltas, then FAIL_BROKEN */
	SCRIPT_REFUSED,
	SCRIPT_HANG, /* one delta, then nothing until cancelled or released */
	SCRIPT_TOOL, /* calls search_messages once, answers when the result is there */
	SCRIPT_LOOP, /* calls search_messages, the same again and again */
	SCRIPT_EMPTY,
	SCRIPT_BYTES, /* an answer that is no UTF-8 */
};
struct noted {
	enum reply_kind kind;
	struct id run, thread;
	char *text;
	int64_t seq;
	uint32_t attempt;
	bool maybe_sent, failed, one_person_only;
	char ref[32];     /* external_ref */
	char to[64];      /* the beginning of its origin: "origin", "beside", "within:KEY" */
	char offers[256]; /* what its buttons say, a line each: "label|action|value" */
	char step[80];    /* step_id */
};
struct fixture;
struct fixture_options {
	const char *url;      /* NULL: a fresh database */
	const char *data_dir; /* NULL: none, so no checkpoints */
	uint32_t lease_ms, heartbeat_ms, scan_ms;
	unsigned caps;        /* 0: CAP_STREAM | CAP_STATUS */
	const char *settings; /* "name=value" overrides, NULL-terminated by an empty string at the end; may be NULL */
	bool quick;           /* bench: do not note, answer in one delta */
	void (*on_whole)(void *arg, const struct reply *r);
	void *arg;
	int64_t cost_micros; /* what each call costs */
	uint32_t model_ms;   /* how long each call takes */
	bool mute;           /* the adapter never says what became of a delivery */
	const char *adapter; /* NULL: "test" */
	void (*before_start)(void *arg, struct engine *e);
	void *before_arg;
	bool subjects;                /* origins that are made for a place have the subject in them */
	bool words_in_origins;        /* adapter_ops.origin_plain makes "plain" of each */
	const char *tool, *tool_args; /* what SCRIPT_TOOL and SCRIPT_LOOP call; NULL: search_messages */
	bool no_model;                /* the model describes itself as the builtin provider */
	/** Sees each call before it is answered and says how it behaves; after nothing scripted.  Any thread. */
	enum script (*on_call)(void *arg, const struct model_request *r, bool floor);
	void *call_arg;
	/** A call of ${run} is about to end, well or not; with ${call_arg}.  The model's thread. */
	void (*on_call_end)(void *arg, struct id run);
	/** What the model says to a call, the fixture's to free; NULL: what was scripted.  Any thread. */
	char *(*words_of)(void *arg, const struct model_request *r);
	/** What the model's embed does; NULL: it cannot.  Any thread. */
	enum err (*embed)(void *arg, const char *const *texts, size_t n, float **vectors, size_t *dims);
	void *embed_arg;
};
struct fixture *fixture_new(const struct fixture_options *o);
void fixture_free(struct fixture *f);
struct engine *fixture_engine(struct fixture *f);
struct id fixture_ws(struct fixture *f);
const char *fixture_url(struct fixture *f);
/** The next calls behave so, one each; then answers again.  The builtin floor ("builtin" as model) always answers "floor: TEXT". */
void fixture_script(struct fixture *f, enum script s);
/**
 * What the next call says, word for word; one call each, before what is scripted.  "CALL NAME ARGUMENTS" and "CALL NAME#ID ARGUMENTS" call a tool, several
 * such lines several at once.
 */
void fixture_words(struct fixture *f, const char *text);
/** All that the last call was asked: system prompt, messages, tools; the caller's. */
char *fixture_asked(struct fixture *f);
void fixture_release(struct fixture *f);                     /* ends what hangs, with a good answer */
void fixture_release_as(struct fixture *f, enum script s);   /* what hangs goes on like this */
void fixture_after_tool(struct fixture *f, enum script s);   /* how calls with a tool's result behave: SCRIPT_TOOL answers */
void fixture_sent_results(struct fixture *f, enum err next); /* outcome of the next delivery; then ERR_NONE */
void fixture_denies(struct fixture *f, const char *origin);  /* outcome of all that goes there: ERR_DENIED */
/** A direct message of ${person} in ${thread}, keyed ${key}; waits for COMMIT.  False: refused. */
bool fixture_say(struct fixture *f, const char *person, const char *thread, const char *key, const char *text);
/** The same for any intent; fills in what is empty. */
bool fixture_do(struct fixture *f, struct intent *in, struct accepted *out);
/** Wait until ${n} WHOLE replies came, at most ${ms}; the number that came. */
size_t fixture_wait_replies(struct fixture *f, size_t n, uint32_t ms);
const struct noted *fixture_reply(struct fixture *f, size_t i); /* i-th WHOLE */
const struct noted *fixture_note(struct fixture *f, size_t i);  /* i-th of any kind; NULL: there are no more */
size_t fixture_count(struct fixture *f, enum reply_kind kind);
size_t fixture_model_calls(struct fixture *f);
bool fixture_wait_calls(struct fixture *f, size_t n, uint32_t ms);
/** Wait until nothing is open in memory. */
bool fixture_wait_idle(struct fixture *f, uint32_t ms);
/** The same in the channel C1 (public), addressed to Eddy or not. */
bool fixture_say_in(struct fixture *f, const char *place, enum visibility v, const char *person, const char *thread,
    const char *key, const char *text, bool to_us);
/** A direct message of U1 in thread t1, or what happens to one; for fixture_do() and engine_accept(). */
struct intent fixture_intent(enum intent_kind kind, const char *source, const char *key, const char *text);

/* ---- what the database says, as the administrator ---- */
long db_count(const char *sql);                   /* one number; -1: no row */
bool db_comes_true(const char *sql, uint32_t ms); /* until the number is 1 */
bool db_settles(uint32_t ms);                     /* no open run, no open delivery, no lease */

#endif
