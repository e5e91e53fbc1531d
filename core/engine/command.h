#ifndef EDDY_ENGINE_COMMAND_H
#define EDDY_ENGINE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../api/problem.h"
#include "intent.h"

struct buf;

/*
 * Canonical commands: what Eddy answers by itself, without a model.  The numbers are stored (runs.command): add at the end.
 */
enum command {
	CMD_NONE = 0,
	CMD_HELP = 1,
	CMD_STATUS = 2,
	CMD_WHOAMI = 3,
	CMD_CAPABILITIES = 4,
	CMD_DATE = 5,
	CMD_TIME = 6,
	CMD_STOP = 7,
	CMD_QUIET = 8, /* quiet here: answer only when named */
	CMD_COME_BACK = 9,
	CMD_HISTORY = 10, /* what Eddy did in this thread */
	CMD_GREETING = 11,
	/* never recognised in text; the engine gives them */
	CMD_INTRODUCE = 12, /* Eddy was added to a place: one line, once */
	CMD_LATE = 13,      /* a message found after a long gap: is it still wanted? */
	/* talking to a person: docs/handover.md */
	CMD_HANDOVER = 14,  /* somebody wants a person */
	CMD_HAND_BACK = 15, /* Eddy takes over again; a command only where a person has the conversation */
	CMD_DONE = 16,      /* the same, said where the people are */
	CMD_EDGE = 17,      /* the adapter has the words: adapter_ops.words() */
	/* side threads: docs/forks.md */
	CMD_FORK = 18,    /* fork TOPIC */
	CMD_FORKS = 19,   /* the side threads of this thread */
	CMD_RESOLVE = 20, /* resolve [#N]: draft what comes back */
	CMD_ABANDON = 21, /* abandon [#N] */
	CMD_ACCEPT = 22,  /* accept: the draft is posted */
	CMD_EDIT = 23,    /* edit: TEXT; the draft becomes this */
	CMD_DISCARD = 24, /* discard: no draft, the side thread goes on */
	/* threads */
	CMD_THREADS = 25, /* threads [archived|resolved] [more …] */
	CMD_OPEN = 26,    /* open NAME */
	CMD_RENAME = 27,  /* rename TITLE */
	CMD_ARCHIVE = 28,
	CMD_REOPEN = 29,
	CMD_SETTLE = 30, /* mark as resolved */
	CMD_SUMMARISE = 31,
	CMD_CATCH_UP = 32,
	CMD_OFFER_ON = 33, /* offer summaries here */
	CMD_OFFER_OFF = 34,
	CMD_WHOLE = 35, /* show all: the full text of a long answer */
	/* search and memory */
	CMD_SEARCH = 36,   /* search WORDS */
	CMD_REMEMBER = 37, /* remember: TEXT */
	CMD_PIN = 38,      /* pin that */
	CMD_RECALL = 39,   /* what do you remember [about WORDS] */
	CMD_WHY = 40,      /* why do you think so */
	CMD_FORGET = 41,   /* forget that */
	CMD_FORGET_ME = 42,
	CMD_PRIVATE_ON = 43,
	CMD_PRIVATE_OFF = 44,
	CMD_EXPORT = 45,    /* export my data */
	CMD_CONFIRM = 46,   /* keep [#N]: a proposal becomes memory */
	CMD_DECLINE = 47,   /* drop [#N] */
	CMD_DECISIONS = 48, /* what did we decide here */
	/* who is who: docs/people.md */
	CMD_LINK = 49, /* link [CODE [yes]] */
	CMD_UNLINK = 50,
	/* places that outsiders read: docs/people.md */
	CMD_PLACE_CLOSED = 51, /* never recognised: somebody of ours has spoken to Eddy where nobody has said yes */
	CMD_PLACE_ALLOW = 52,  /* allow here */
	CMD_PLACE_DENY = 53,   /* deny here */
	/* acts that wait for a person: docs/approvals.md */
	CMD_APPROVE = 54, /* approve CODE */
	CMD_REFUSE = 55,
	CMD_TOO_MUCH = 56, /* never recognised: more than may even wait (docs/limits.md) */
	CMD_DECIDED = 57,  /* never recognised: what became of an act that has waited */
};

/**
 * The command that ${text} is, or CMD_NONE.  The whole text must be the command, give or take case, punctuation, a greeting, the
 * name Eddy and politeness, in English, German, French, Spanish or Japanese; a question that merely contains its words is none.
 * Pure; texts over 120 bytes are refused at a glance.  Any thread.
 */
enum command command_recognise(const char *text, size_t n);
/** "help", "status" …: for logs and metrics. */
const char *command_name(enum command c);

/* A command with what follows it: "fork: which database?" */
struct command_call {
	enum command command;
	const char *arg; /* borrowed from the text, blanks cut off at both ends; "" when nothing follows */
	size_t arg_len;
};
/**
 * The command that ${text} begins with, or command_recognise()'s; false: neither.  ${in_fork}: in a side thread, where words such as
 * "resolve" and "accept" alone are meant for it; elsewhere those need a number.  Pure; any thread.
 */
bool command_parse(const char *text, size_t n, bool in_fork, struct command_call *out);
/** True for what in a side thread is said to Eddy without naming it. */
bool command_is_for_fork(enum command c);

/* One thing Eddy did in a thread, for CMD_HISTORY. */
struct history_row {
	int64_t at_ms;        /* when it was asked */
	const char *asker;    /* NULL: unknown */
	const char *what;     /* "answered", "stopped", "failed", "joined into the next answer", … */
	enum command command; /* CMD_NONE: work for an agent */
	const char *model;    /* NULL: none */
	const char *tools;    /* "search_messages ×2, read_message" or NULL */
	uint32_t total_ms;
	int64_t input_tokens, output_tokens, cost_micros;
};
enum handover_outcome {
	HANDOVER_NOT_OFFERED, /* nobody has set where to, or this is not a page */
	HANDOVER_ASKED,       /* with this message */
	HANDOVER_WAITING,     /* earlier; nobody can have seen it yet */
	HANDOVER_OPEN,        /* people have the conversation */
	HANDOVER_UNREACHABLE, /* the way to them is not open now */
};
/* What the answers are made of.  Everything borrowed; a NULL string leaves its part out. */
struct command_facts {
	const char *agent;  /* "Eddy" */
	const char *person; /* who asks */
	const char *tz;     /* IANA zone of the person; NULL: UTC, and the answer says so */
	uint64_t wall_ms;
	const char *adapter; /* "slack" */
	const char *place;   /* name */
	enum visibility visibility;
	const char *workspace;
	bool is_guest;
	const char
	    *linked; /* CMD_WHOAMI, where nobody else reads it: Markdown, one line for each identity of the user; NULL: one alone */
	bool mention_needed;               /* on this transport Eddy has to be named to be asked */
	int64_t messages;                  /* of the thread */
	bool taking_part, quiet;           /* now */
	bool was_running;                  /* CMD_STOP: there was something to stop */
	const char *model;                 /* model_ops.describe(), one line */
	bool has_model;                    /* false: only the builtin provider */
	const char *status;                /* engine_status() lines "name: value" */
	const char *adapters;              /* lines "name: described" */
	const struct history_row *history; /* oldest first */
	size_t history_len;
	int64_t history_total; /* rows there are in all; 0: history_len */
	/* CMD_GREETING, in private talk: when the asker last spoke here, and what was asked then and answered */
	bool gap_known;
	int64_t gap_ms; /* 0: never before */
	const char *last_asked;
	bool offers_people;             /* here one may ask for a person */
	enum handover_outcome handover; /* CMD_HANDOVER */
	bool is_page;                   /* CMD_HAND_BACK: said by whom a person was answering, not by that person */
};
/** Append a name from outside as plain text: what Markdown could read as markup gets a backslash, line ends become blanks. */
void command_put_name(struct buf *md, const char *s);            /* at most 120 bytes of it; a "…" says that there was more */
void command_put_plain(struct buf *md, const char *s, size_t n); /* the same of a text that may be longer */
/** Append the answer in Markdown.  Pure but for reading time zone files once. */
void command_answer(enum command c, const struct command_facts *f, struct buf *md);
/** What kind of refusal that answer is; API_OK: none. */
enum api_code command_refuses(enum command c, const struct command_facts *f);

#endif
