#ifndef EDDY_ENGINE_REPLAY_H
#define EDDY_ENGINE_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../ports.h"
#include "../store/pg.h"

struct buf;
struct engine;

/*
 * What a model was asked.  Prompts are not stored: they would double what is stored and would have to be erased with every message.  With each
 * call stands a digest of its request and what it takes to build that again from the rows that are there; where a row has changed
 * since, the digest says so.
 */
#define PROMPT_DIGEST 16
struct prompt_mark {
	int64_t at_ms;                 /* the moment that the prompt names */
	int64_t from, upto;            /* the messages of the thread that were told, by their numbers; 0: a command's task */
	int64_t earlier;               /* what had been said before this number was told in short; 0: nothing was */
	uint8_t digest[PROMPT_DIGEST]; /* 8 bytes of the system prompt's, 8 of all the rest */
};
/** A few microseconds for a few kB; any thread. */
void prompt_digest(const struct model_request *q, uint8_t out[PROMPT_DIGEST]);

/* A run that is built again. */
struct replay {
	struct prompt_mark mark;
	bool without_memory; /* the floor, or a prompt that had to shrink */
	bool builtin;        /* the builtin provider was asked, which is told of no other agents */
};
extern const struct pg_statement replay_statements[];

/**
 * Append the request of the last model call of ${run} as text, below a line that says whether it is what the model saw.  ${e} is open and not
 * started.  ERR_INPUT: there is no such run, it asked no model, or it cannot be built again; ${why} says which.
 */
enum err engine_replay(struct engine *e, struct id run, struct buf *out, char *why, size_t why_n);
/** Append a request as text. */
void prompt_write(const struct model_request *q, struct buf *out);

#endif
