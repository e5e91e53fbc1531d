#ifndef EDDY_AGENTS_AGENT_H
#define EDDY_AGENTS_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../engine/intent.h"
#include "../store/pg.h"

struct buf;

/*
 * Agents are rows.  The definitions in prompts/agents/ are built into the binary and only the seed: a row that still carries the
 * digest of an older shipped form is brought up to date, a row that somebody changed (seed_digest NULL) is left alone.
 */
#define AGENT_TOOLS_MAX 16
#define AGENT_SUBS_MAX 8
#define AGENT_TOOL_NAME 64
#define AGENT_DEFAULT "eddy"
struct agent {
	struct id id;
	char *slug, *name;
	char *description;            /* what it is good for, for agents that may ask it; NULL: its name says it */
	char *model;                  /* NULL: the configured one */
	char *prompt;                 /* a template: agents/template.h */
	char *tools[AGENT_TOOLS_MAX]; /* names, known ones only */
	size_t tools_len;
	char *subs[AGENT_SUBS_MAX]; /* short names of agents that it may ask; whether there are such is seen when it asks */
	size_t subs_len;
	uint32_t max_tokens;
	uint32_t max_turns; /* calls of the model in one run */
	bool active;
};
extern const struct pg_statement agent_statements[];

/** Insert or update the shipped agents of ${ws}.  Inside a tenant transaction; may be called any number of times. */
enum err agents_seed(struct pg *pg, struct id ws);
/** Make the row ${slug}, which is there, what the shipped definition says; it follows that again.  ERR_INPUT: none is shipped by that name. */
enum err agents_reset(struct pg *pg, struct id ws, const char *slug);
/**
 * The agent ${slug} of ${ws}, from the table.  Inside a tenant transaction.  On success ${out} is the caller's.  ERR_INPUT: there is no
 * such active agent.
 */
enum err agents_load(struct pg *pg, struct id ws, const char *slug, struct agent **out);
/** The shipped definition, without a database; NULL: no such one.  The caller's. */
struct agent *agent_shipped(const char *slug);
struct agent *agent_copy(const struct agent *a);
void agent_free(struct agent *a); /* NULL is fine */
/** Let ${a} ask ${slug}: copies; nothing when it may already, or may ask as many as there may be. */
void agent_add_sub(struct agent *a, const char *slug, size_t n);
/** What a model calls the agent ${slug} by: "ask_" and the short name, with "_" for what no name of a tool may have. */
void agent_tool_name(const char *slug, char out[AGENT_TOOL_NAME]);

/**
 * Read one definition (YAML: slug, name, description, model, tools, sub_agents, max_tokens, max_turns, prompt).  ERR_INPUT: ${why} says line and reason.
 * On success ${out} is the caller's.
 */
enum err agent_parse(const char *yaml, size_t n, struct agent **out, char why[200]);

/* What the prompt says about the moment.  Borrowed; NULL strings are left out. */
struct prompt_facts {
	const char *person; /* who asks */
	bool is_guest;
	const char *adapter; /* "slack" */
	const char *place;
	enum visibility visibility;
	const char *workspace;
	const char *tz;
	uint64_t wall_ms;
	const char *thread_title;
	const char *const *people; /* names of others in the thread */
	size_t people_len;
};
/** Append the system prompt: the agent's own text, then the rendered context (prompts/context.md).  Pure, a few microseconds. */
void agent_prompt(const struct agent *a, const struct prompt_facts *f, struct buf *out);

#endif
