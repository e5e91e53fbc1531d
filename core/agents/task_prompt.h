#ifndef EDDY_AGENTS_TASK_PROMPT_H
#define EDDY_AGENTS_TASK_PROMPT_H

#include <stddef.h>
#include <stdint.h>

#include "../talk/resolution.h"

struct buf;

/*
 * What a model is asked when a command needs it: a template of prompts/tasks/, of which the part before the line "---" is the system prompt
 * and the rest the one message.  All that people wrote is fenced or clipped to a line.  Pure; any thread.
 */
#define TASK_RESOLUTION "resolution" /* answers with JSON for resolution_parse() */
#define TASK_SUMMARY "summary"       /* list items that end in [n]: digest_check() */
#define TASK_CATCH_UP "catch_up"     /* the same */
#define TASK_DECISIONS "decisions"   /* {"decisions":[{"text","sources"}],"actions":[{"text","who","sources"}]} */
#define TASK_ROOM ((size_t)96 * 1024)

/* Borrowed; what is NULL or none is left out. */
struct task_facts {
	const char *topic;                  /* of a side thread, or a thread's title */
	const struct digest_message *about; /* the message that a side thread has left at: its author and text */
	const char *before;                 /* what was said before ${messages}, in short */
	const char *place;
	const char *asker; /* who asks, by name */
	const char *tz;    /* of the asker; NULL: UTC */
	uint64_t wall_ms;
	int64_t since_ms; /* when the asker was last here; 0: not known */
	const struct digest_message *messages;
	size_t messages_len;
	size_t room; /* bytes of the messages, oldest left out first; 0: TASK_ROOM */
};
/** Append to ${system} and ${input} what the task ${name} asks; an unknown name appends nothing. */
void task_prompt(const char *name, const struct task_facts *f, struct buf *system, struct buf *input);

/* What the prompt of an answer says in a side thread: prompts/fork.md. */
struct fork_facts {
	const char *topic;
	const char *author;  /* of the message that it is about */
	const char *message; /* NULL: it is about none, or it was erased */
	size_t message_len;
	const char *before; /* what had been said in the thread that it left, in short */
	size_t before_len;
};
void fork_prompt(const struct fork_facts *f, struct buf *out);

/** What the prompt of an answer says in a long thread: prompts/earlier.md.  Nothing when ${n} is 0. */
void earlier_prompt(const char *earlier, size_t n, struct buf *out);

/** What the prompt of an agent says that another one, called ${parent}, has asked: prompts/sub.md. */
void sub_prompt(const char *parent, struct buf *out);

/** A template by its file's name ("tasks/summary", "context", "fork"); NULL: there is none such. */
const char *prompt_template(const char *name, size_t *len);

#endif
