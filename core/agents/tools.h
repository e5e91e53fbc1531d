#ifndef EDDY_AGENTS_TOOLS_H
#define EDDY_AGENTS_TOOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/buf.h"
#include "../base/err.h"
#include "../base/id.h"
#include "../engine/intent.h"
#include "../ports.h"
#include "../store/pg.h"
#include "../talk/recall.h"

#define TOOL_ARGS_MAX (16u * 1024u)
#define TOOL_RESULT_MAX (16u * 1024u)

/*
 * Who asks, and where: everything a tool may know.  It comes from the run, never from the model.  The caller has opened the tenant
 * transaction (pg_begin) and ends it.  Tools only read, but for propose_memory, which writes proposals of its own and nothing else.
 */
struct search_reads;
struct tool_context {
	struct pg *pg;
	struct id ws, thread, place, person;
	struct id run; /* what is written is named by it */
	bool guest;
	struct search_reads *reads; /* what tools read is noted there; may be NULL */
	int64_t message_seq;        /* the question: nothing of its thread from there on is found; 0: no such limit */
	/** A link to a message for people; may be NULL. */
	bool (*permalink)(void *arg, const char *adapter, const char *place_key, const char *thread_key, const char *message_key,
	    char *out, size_t n);
	void *permalink_arg; /* of both */
	/** What is looked for as a vector, where the run has had one made before; ${out}->v is the caller's.  May be NULL. */
	bool (*question)(void *arg, struct id ws, const char *words, struct recall_question *out);
	/** What the team's tracker says to the asker's own account, for the arguments of the call; may be NULL. */
	enum err (*tracker)(void *arg, const char *args, size_t n, struct buf *out);
	void *tracker_arg;
	uint64_t wall_ms;
	const char *tz;               /* of the asker; NULL: UTC */
	const char *const *languages; /* search.languages */
	size_t languages_len;
	struct tool_heard *heard; /* whose words tools brought; may be NULL */
	/* For tools that plan or write.  What a model wants to say elsewhere, as it may be said; and how ${adapter} finds a place: 0, it does not. */
	void (*speak)(void *arg, const char *text, size_t n, struct buf *out);
	size_t (*origin_for)(
	    void *arg, const char *adapter, const char *place_key, const char *subject, char out[INTENT_ORIGIN_MAX]);
	bool starting; /* the process has just begun: ways that are not there yet may come */
	void *run_arg; /* of both */
};
/* An act that reaches outside, worked out and not done. */
struct tool_act {
	bool address; /* it goes to whoever has the address, not to a place that is known here */
	char adapter[32], key[512], name[160];
	char origin[INTENT_ORIGIN_MAX];
	size_t origin_len;
	char *args; /* canonical JSON of the arguments as they count */
	char *text; /* what will be said there */
};
void tool_act_done(struct tool_act *a);

extern const struct tool *const tools[]; /* ends with NULL */
extern const struct tool tool_search_messages, tool_read_message, tool_propose_memory, tool_tracker, tool_send_message;
extern const struct pg_statement tool_memory_statements[], tool_send_statements[];

const struct tool *tool_find(const char *name);
/**
 * Check ${args} (JSON text) against the tool's schema, run it, cap the result at TOOL_RESULT_MAX.  ${out} is what the model is told,
 * also on ERR_INPUT (then the call failed).  ERR_RETRY, ERR_BROKEN: the database; the transaction must be rolled back.
 */
enum err tool_run(const struct tool *t, const struct tool_context *ctx, const char *args, size_t n, struct buf *out);
/** The same for a tool that plans: ${act} is filled in and the caller's on ERR_NONE. */
enum err tool_plan(
    const struct tool *t, const struct tool_context *ctx, const char *args, size_t n, struct tool_act *act, struct buf *out);

#endif
