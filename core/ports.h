#ifndef EDDY_PORTS_H
#define EDDY_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/id.h"

/* What the core asks of the outside.  Adapters fill these in. */

/* ---- model ---- */
enum model_role { ROLE_USER, ROLE_ASSISTANT, ROLE_TOOL_CALL, ROLE_TOOL_RESULT };
struct model_message {
	enum model_role role;
	const char *text; /* USER, ASSISTANT: text; TOOL_CALL: arguments as JSON text; TOOL_RESULT: what the tool said */
	size_t text_len;
	const char *tool_name; /* TOOL_CALL */
	const char *tool_id;   /* TOOL_CALL, TOOL_RESULT */
	bool tool_failed;      /* TOOL_RESULT */
};
struct model_tool {
	const char *name;
	const char *description;
	const char *schema; /* JSON Schema of the arguments, as text */
};
struct model_request {
	struct id ws, run;
	const char *model; /* NULL: the provider's configured name */
	const char *system;
	size_t system_len;
	const struct model_message *messages;
	size_t messages_len;
	const struct model_tool *tools;
	size_t tools_len;
	uint32_t max_tokens;  /* of the answer */
	int temperature;      /* hundredths and one more; 0: the provider's own.  Models that take none are not told */
	const char *asker_tz; /* for the builtin provider's dates; NULL: UTC */
};
enum model_event_kind {
	MODEL_TEXT,      /* ${text} grew */
	MODEL_TOOL_CALL, /* one complete tool call: ${tool_id}, ${tool_name}, ${text} = arguments (valid JSON) */
	MODEL_STOP,      /* the last event of a good answer: ${stop}, usage */
	MODEL_FAILED,    /* the last event of a failed call: ${fail}, ${why}, ${retry_after_ms} */
};
enum model_stop { STOP_END, STOP_TOOLS, STOP_LENGTH, STOP_REFUSED };
enum model_fail {
	FAIL_CANCELLED,   /* by cancel() */
	FAIL_BUSY,        /* 429, 529, 503, queue full: try again later */
	FAIL_BROKEN,      /* cut, time-out, 5xx, error inside the stream, malformed: try again */
	FAIL_TOO_LONG,    /* the context window: send less */
	FAIL_REFUSED,     /* bad key, no such model, 400: trying again does not help */
	FAIL_UNAVAILABLE, /* breaker open, not configured: use the floor */
};
struct model_usage {
	uint32_t input_tokens, output_tokens, cached_tokens;
	bool estimated;      /* the provider said nothing; counted from bytes */
	int64_t cost_micros; /* micro-USD from the price table; 0 where the model is not in it */
	uint32_t first_ms, total_ms;
	const char *provider, *model; /* who answered; static or interned */
};
struct model_event {
	enum model_event_kind kind;
	const char *text;
	size_t text_len;
	const char *tool_id, *tool_name;
	enum model_stop stop;
	enum model_fail fail;
	const char *why; /* one line for the log and for an operator, without content */
	uint32_t retry_after_ms;
	struct model_usage usage; /* STOP and FAILED (what was used so far) */
};
/* Called on the model's own thread, in order, never concurrently for one call; exactly one STOP or FAILED ends it. */
typedef void (*model_event_fn)(void *arg, const struct model_event *ev);

#define MODEL_EMBED_MAX 32
struct model;
struct model_call;
struct model_ops {
	const char *name;
	/** Copies the request.  NULL: refused (queue full), no event will come.  Any thread. */
	struct model_call *(*start)(struct model *m, const struct model_request *r, model_event_fn fn, void *arg);
	/** Ask for the end; FAILED/FAIL_CANCELLED (or the real end) still comes.  Any thread, before the last event was handled. */
	void (*cancel)(struct model *m, struct model_call *c);
	/** The most a call of this size can cost, micro-USD: what a budget reserves. */
	int64_t (*worst_cost)(struct model *m, const char *model, uint32_t input_tokens, uint32_t max_tokens);
	/** Tokens that fit into the context window of ${model} (configured, probed or a safe guess). */
	uint32_t (*window)(struct model *m, const char *model);
	/** True while calls are expected to work (breaker closed). */
	bool (*available)(struct model *m);
	/** One line: "anthropic claude-… (breaker closed)". */
	void (*describe)(struct model *m, char *out, size_t n);
	/**
	 * Optional (NULL: recall.model is not set): vectors for ${n} texts, 1 to MODEL_EMBED_MAX, one after the other and of unit length,
	 * within ${ms}.  On success ${vectors} is the caller's: free().  ${usage} is filled in on failure too.  ERR_RETRY: away or busy,
	 * ERR_INPUT: it does not take one of these texts, or this model; ERR_DENIED: the key; ERR_BROKEN: what it says makes no sense.
	 * Blocks: workers, never the loop or the http thread.
	 */
	enum err (*embed)(struct model *m, const char *const *texts, size_t n, uint32_t ms, float **vectors, size_t *dims,
	    struct model_usage *usage);
};
struct model {
	const struct model_ops *ops;
};

/* ---- tool ---- */
enum tool_effect { TOOL_SCOPED_READ, TOOL_REPLY, TOOL_REVERSIBLE, TOOL_OUTWARD, TOOL_FINAL };
struct buf;
struct tool_context; /* who asks, where: agents/tools.h */
struct tool_act;     /* what would be done: the same */
struct tool {
	const char *name, *title, *description;
	const char *schema;
	enum tool_effect effect;
	/** Runs on a worker; appends the result for the model to ${out}.  ERR_INPUT: bad arguments, ${out} says what. */
	enum err (*run)(const struct tool_context *ctx, const char *args, size_t args_len, struct buf *out);
	/** TOOL_OUTWARD and TOOL_FINAL instead of run(): works out what would be done and does nothing.  ERR_INPUT: ${out} says why not. */
	enum err (*plan)(const struct tool_context *ctx, const char *args, size_t args_len, struct tool_act *act, struct buf *out);
};

#endif
