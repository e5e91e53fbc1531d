#ifndef EDDY_ENGINE_ASK_H
#define EDDY_ENGINE_ASK_H

#include "../base/buf.h"
#include "../people/directory.h"
#include "../people/links.h"
#include "../talk/resolution.h"
#include "engine_internal.h"

struct ask_event;

/*
 * A command at work, on a worker.  A handler opens its own tenant transactions (pg_begin … pg_end) and may run again after a crash, from
 * its beginning: what it stores takes its ids from the run's id (id_named(r->id, 0, …), ON CONFLICT DO NOTHING), so that the second time
 * changes nothing and says the same.
 *
 * What needs a model: answer() fills ${task} in and returns; when the model has spoken, complete() gets its words, in an ask of its own.
 * Without a model (none connected, budget spent, it does not answer) it gets NULL and does without, and says so.
 */
struct ask_task {
	const char *name; /* of the template in prompts/tasks/; NULL: no model is needed */
	struct buf system, input;
	uint32_t max_tokens;
	const char *status; /* "is reading the thread…" */
};
struct ask {
	struct engine *e;
	struct pg *pg;
	struct run *r;           /* ws, id, thread, place, audience, person, message, message_seq, about, fork, via, origin */
	struct person_card card; /* who asks */
	struct id others[LINK_PERSONS]; /* further persons that are the same user */
	size_t others_len;
	enum visibility visibility;
	char place[128];  /* its name; "": it has none */
	const char *text; /* the message */
	size_t text_len;
	const char *arg; /* what follows the command's own words; "" */
	size_t arg_len;
	uint64_t wall_ms;
	struct buf *md;           /* the answer in Markdown; nothing is said when it stays empty */
	const char *why_no_model; /* complete() without words: one half-sentence, static; NULL: none is connected */
	struct ask_task task;
	PGresult *message;        /* what ${text} borrows from */
	struct ask_event *events; /* for live views, once it is committed */
	bool again;               /* a prompt is built once more (replay.c): the task is made whatever has become of it */
	bool more_work;           /* rows were put into the outbox of any thread: they are looked for after the handler */
};
struct ask_handler {
	enum command command;
	/** ERR_RETRY: the database is away, called again.  Any other error ends the run with a plain sentence. */
	enum err (*answer)(struct ask *a);
	/** ERR_INPUT: ${said} is not what was asked for: the model is asked once more, then it is called with NULL. */
	enum err (*complete)(struct ask *a, const char *said, size_t n);
};
/* Each file of core/engine/ask_*.c has one; the last entry has CMD_NONE. */
extern const struct ask_handler ask_forks[], ask_threads[], ask_digest[], ask_search[], ask_memory[], ask_forget[], ask_people[],
    ask_place[], ask_approvals[];
extern const struct pg_statement ask_forks_statements[], ask_threads_statements[], ask_digest_statements[], ask_search_statements[],
    ask_memory_statements[], ask_recall_statements[], ask_decisions_statements[], ask_forget_statements[], ask_people_statements[];
/** The handler of a command that ask.c runs; NULL: command_answer.c has it. */
const struct ask_handler *ask_find(enum command c);
/** May it ask a model? */
bool ask_needs_model(enum command c);

/** Does nobody but ${person}, under whatever identity, read what is said in ${thread}?  Inside a tenant transaction. */
enum err ask_alone(struct pg *pg, struct id ws, struct id thread, struct id person, bool *alone);
/** "**Ana Ruiz** through slack". */
void ask_put_person(struct buf *md, const struct link_person *p);
/** What was asked for is not done: ${words} (NULL: they stand already) say why, and code and reference come behind the answer. */
void ask_refuse(struct ask *a, enum api_code code, const char *words);
/** Is ${person} the asker, under whatever identity? */
bool ask_is_me(const struct ask *a, struct id person);

/** A button under the answer that gives ${command} (at most 1,900 bytes) as if its presser had typed it; ${style}: BUTTON_*. */
void ask_button(struct ask *a, const char *label, const char *command, int style);
/** The same, and the answer to it is for the presser alone. */
void ask_button_private(struct ask *a, const char *label, const char *command, int style);
void ask_link(struct ask *a, const char *label, const char *url);
void ask_component(struct ask *a, const struct component *c); /* copies */
/** A link that people can follow to a stored message; false: there is none on that transport. */
bool ask_permalink(const struct ask *a, const char *adapter, const char *place_key, const char *thread_key, const char *message_key,
    char *out, size_t n);
/**
 * complete(): do the numbers that the model was told still mean the same messages?  False: one was edited or deleted meanwhile, and its words are
 * not to be used (ERR_INPUT).
 */
bool ask_is_same(const struct ask *a, const struct digest_message *m, size_t n);
/** One query inside the open transaction; ${out} may be NULL, else it is the caller's to PQclear(). */
enum err ask_query(struct ask *a, const char *statement, const struct pg_args *args, PGresult **out);

/*
 * Say something where nobody has asked: a message of Eddy in ${thread} with its delivery ${id}, once for ever.  Inside a tenant
 * transaction; ${components} may be NULL.  ${message}: the id it gets, computed from ${id}.  Sets a->more_work.
 */
struct ask_saying {
	struct id id, thread;
	const char *adapter;
	const void *origin;
	size_t origin_len;
	const char *text;
	size_t text_len;
	const struct component *components;
	size_t components_len;
};
struct id ask_said(struct id delivery); /* the message of a delivery */
enum err ask_say(struct ask *a, const struct ask_saying *s);
/** Live views hear of what was said, or nobody does; ask.c does it for handlers. */
void ask_tell(struct ask *a, bool committed);

#endif
