#ifndef EDDY_ENGINE_INTERNAL_H
#define EDDY_ENGINE_INTERNAL_H

/*
 * The inside of the engine, for core/engine only.
 *
 * Who owns what.  Lanes and the table of runs belong to the writer's thread: they change only in done() of operations.  A run
 * travels: writer (queued) → worker (context, tools) → the model's thread (growing) → writer (finish, delivery); whoever
 * holds it now is the only one to touch it, except for ${stop} and ${call}, which have their own guards.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "../agents/agent.h"
#include "../agents/budget.h"
#include "../agents/policy.h"
#include "../api/problem.h"
#include "../base/buf.h"
#include "../base/fair.h"
#include "../base/map.h"
#include "../base/metric.h"
#include "../ports.h"
#include "../store/pg.h"
#include "../store/writer.h"
#include "../talk/fold.h"
#include "../talk/search.h"
#include "../talk/transcript.h"
#include "../teams/config_cache.h"
#include "command.h"
#include "engine.h"
#include "jobs.h"
#include "replay.h"

#define ADAPTERS_MAX 8
#define ACCEPT_MAX 8192    /* intents waiting for COMMIT; more is "busy" */
#define ATTEMPTS_MAX 5     /* times a run is taken up again after its process died */
#define MODEL_TRIES 4      /* calls of one turn before the floor answers */
#define MODEL_BUSY_TRIES 7 /* the same when the model only asks to come back later: one in ten millions at 10 % overload */
#define DELIVERY_TRIES 8
#define LANES_MAX 20000
#define SHARE(max) ((max) / 4 * 3) /* the most that one workspace may have of what all share */

enum run_state {
	RUN_QUEUED = 1,
	RUN_RUNNING = 2,
	RUN_ANSWERED = 3,
	RUN_MERGED = 4,
	RUN_FAILED = 5,
	RUN_STOPPED = 6,
	RUN_PARKED = 7
};
enum run_kind { RUN_AGENT = 1, RUN_COMMAND = 2 };
enum outbox_state { OUT_PENDING = 1, OUT_SENDING = 2, OUT_SENT = 3, OUT_FAILED = 4 };

/* Why a run must not go on; the first reason stays. */
enum stop_reason { STOP_NONE, STOP_BY_PERSON, STOP_DELETED, STOP_EDITED, STOP_LOST };

struct adapter_slot {
	const struct adapter_ops *ops;
	struct adapter *a;
};

struct step {
	enum model_role role;
	char *tool_id, *tool_name;
	char *text;
	size_t text_len;
	bool failed;
	bool by_agent; /* a result that another agent has said */
	uint8_t depth; /* of the conversation that it is a step of: sub.h */
};

struct call_record {
	struct id id;
	struct model_usage usage;
	const char *result; /* static */
	struct prompt_mark mark;
};

struct approval;
struct ask_task;
struct spoken;
struct spoken_links;
struct never;
struct hush;
struct context;
struct run {
	struct id ws, id, thread, place, audience, message, person;
	int64_t message_seq, token;
	int64_t message_rev;   /* what was known of the message when the run was made or loaded */
	struct id about;       /* the message that a command was pointed at */
	struct id fork;        /* the side thread that ${thread} is */
	struct id agent;       /* none until it begins */
	struct config *config; /* what it began with; NULL until then */
	enum run_kind kind;
	enum command command;
	int attempt;
	const struct adapter_slot *via;
	void *origin;
	size_t origin_len;
	bool private_reply;
	struct engine *e;
	/* lane */
	struct lane *lane;
	struct run *next;
	bool delivering;
	bool taken_in;         /* the active run of the lane answers its message too; writer's thread only */
	bool resumed;          /* found in the database: its steps may be there too */
	bool notice;           /* no run at all but a delivery without one (relay.c) */
	struct relay_ask *ask; /* CMD_HANDOVER: the first notice for the people */
	bool barred;           /* a delivery that was approved and may not leave any more */
	struct ask_task *task; /* a command that asks the model for something: its words are not shown but completed */
	struct buf said;       /* what the model said to it, or to another agent */
	uint32_t unfit;        /* times that was not what was asked for */
	/* working */
	atomic_int stop;
	pthread_mutex_t mutex; /* guards ${call} */
	struct model_call *call;
	bool floor;            /* the builtin provider answers from here */
	const char *floor_why; /* what to say about it; static, or ${floor_words} */
	char *floor_words;     /* the run's own */
	uint32_t tries, turns, shows;
	struct buf answer;          /* all turns of it so far */
	struct spoken *spoken;      /* what the model says goes through it; NULL: it has said nothing yet (speak.c) */
	struct spoken_links *links; /* the links that it was told */
	struct never *never;        /* the workspace's sealed secrets */
	size_t turn_at;             /* where the current turn's text starts */
	bool anything_shown;        /* some of it went out as GROW */
	uint32_t shrink;            /* times the context was halved because it did not fit */
	struct buf memory;          /* what it was told of what is remembered */
	bool remembered;            /* that was looked for */
	struct search_reads reads;  /* of other places; finish.c asks their readers again */
	struct tool_heard heard;    /* whose words tools brought */
	unsigned untrusted;         /* UNTRUSTED_*: what is not the house's and went into it */
	struct approval *asking;    /* it ends with the question whether this may be done */
	bool steps_loaded;
	struct step *steps;
	size_t steps_len, steps_stored,
	    calls_pending;                /* calls_pending: tool calls at the end of steps, of a turn that is being said */
	char (*offered)[AGENT_TOOL_NAME]; /* agents that the call that is made may ask */
	size_t offered_len;
	unsigned depth;                      /* of the conversation that goes on now; 0: the run's own */
	struct prompt_mark mark;             /* of the call that is made */
	const struct replay *replay;         /* nothing is asked: a prompt is built once more (replay.c) */
	struct call_record *calls;           /* made when the first call has ended: a thousand waiting runs need none */
	size_t calls_len;                    /* those that are not booked yet */
	struct budget_payer *payer;          /* known before the first call that costs something */
	struct budget_amount reserved, used; /* used: by all calls that have ended, of an earlier process too */
	bool held;                           /* something was reserved: bookings come out of holds */
	struct {
		size_t calls;
		int64_t micros, input, output;
		const char *model;       /* of the last one */
		struct prompt_mark mark; /* of the last one */
	} sum;                           /* of this process's calls */
	int64_t context_upto;
	struct id merged[16];
	size_t merged_len;
	char *stream_ref;
	bool maybe_sent;
	bool
	    waits_again; /* outbox_wait() has been called and its time has not come: one that was lost and loaded anew is not sent by the old one's */
	/* result */
	enum run_state outcome;
	const char *error; /* static word for the table */
	bool failed_text;
	enum api_code refused;        /* why what was asked for was not done; its answer says so */
	struct component *components; /* what the answer offers; the run's own */
	size_t components_len;
	struct fold_count counted; /* of what GROW has shown */
	bool counted_out;          /* that was as much as may be seen of a long answer */
	struct buf whole;          /* the full text of an answer that is delivered in short; empty: it is all there */
	struct id reply_message;
	int64_t reply_seq, reply_at_ms; /* ${reply_at_ms}: of what was read from the outbox */
	uint32_t deliveries;
	uint32_t due_ms; /* of a delivery found in the database: not before this long after it was loaded */
	uint64_t accepted_us, began_us, first_us;
};

/* A thread that this process holds the lease of. */
struct lane {
	struct id ws, thread;
	int64_t token;
	struct run *active, *head, **tail;
	int delivering;
	uint64_t renewed_ms;
	bool leaving;          /* empty, being given back */
	struct fair_item wait; /* for a slot */
	struct id team;        /* that ${active} counts for; none: for none */
	bool moving, stays;    /* is being handed to the processes of its team; that could not be done */
	bool asking, asked;    /* a worker looks up how many its team may have in the making; it has looked */
	uint64_t generation;   /* of the last heartbeat that found it ours */
};

struct engine_metrics {
	struct metric *accepted, *duplicates, *rejected, *accept_ms, *queue_wait_ms, *runs_active, *runs_queued, *finished[8],
	    *first_ms, *total_ms, *deliveries[5], *rescued, *lost, *retries, *held, *refused, *refusals[API_CODES];
};

struct engine {
	struct engine_options o;
	char *database_url;
	struct id process;
	struct writer *writer;
	struct adapter_slot adapters[ADAPTERS_MAX];
	size_t adapters_len;
	engine_event_fn on_event;
	void *on_event_arg;
	struct model *model;
	struct transcripts *transcripts;
	struct directory *directory;
	struct budget *budget;
	struct vectors *vectors; /* NULL: semantic recall is off */
	struct memory *memory;
	struct timers *timers;
	struct quota *quota; /* writer's thread */
	struct quota *calls; /* of the API */
	struct call_rules *call_rules;
	pthread_mutex_t calls_mutex;
	struct ledger *ledger;
	struct fetcher *fetcher; /* NULL: there are no trackers */
	atomic_int fetching;
	struct seal *seal; /* NULL: no data folder and no key (tests) */
	struct hush *hush; /* what must not be said; NULL like seal */
	struct engine_metrics m;
	struct id default_ws;
	/* workers */
	struct jobs *jobs;
	pthread_t workers[16];
	size_t workers_len;
	/* writer's thread only */
	struct map *lanes, *runs;
	struct fair *waiting;    /* lanes that wait for a slot */
	struct map *lanes_of_ws; /* struct lane_count */
	struct map *teams;       /* struct team_count, of those with something in the making and a limit */
	struct id only_ws;       /* the one workspace that has been here … */
	bool several_ws;         /* … unless there were others: then none may have all slots */
	size_t active, active_max;
	uint64_t generation;
	/* any thread */
	atomic_size_t accepting;
	atomic_size_t accepting_of[256]; /* by a byte of the workspace: nobody fills it up for all */
	atomic_bool draining, started, ready, upkeep_soon;
	atomic_int upkeep_again;      /* rounds to come while something that is being erased waits for a run to end */
	pthread_mutex_t upkeep_mutex; /* one round of upkeep at a time */
	atomic_size_t lanes_count, runs_count, active_count;
	pthread_mutex_t agents_mutex;
	struct map *agents;
	struct config_cache *configs;
	uint64_t started_ms;
	struct pool *pool;     /* NULL: of all teams that share the processes */
	struct listener *work; /* hears of what is to be done at once */
	pthread_mutex_t side_mutex;
	struct pg *side; /* start-up, notes and installs */
	/* where people are asked for (engine_offer_people): NULL while that is not offered */
	char *people_for, *people_at, *people_place;
	const char **secrets; /* of the settings; never said */
	size_t secrets_len;
	struct adapter_ops relay_ops;
};

/* ---- edges.c ---- */
/** Seal what an older version has left in plain text.  Blocking: start-up. */
enum err edges_seal_notes(struct engine *e);
/** engine_secret() inside a tenant transaction. */
enum err edges_secret(struct engine *e, struct pg *pg, struct id ws, const char *adapter, const char *name, unsigned char out[32]);

/* ---- engine.c ---- */
const struct adapter_slot *engine_adapter(struct engine *e, const char *name, size_t n);
bool engine_job(struct engine *e, void (*fn)(void *arg, struct pg *pg), void *arg);
/** The same in the turn of ${ws}. */
bool engine_job_of(struct engine *e, struct id ws, void (*fn)(void *arg, struct pg *pg), void *arg);
void engine_emit(struct engine *e, const struct thread_event *ev);
/** The connection of this worker, or the locked side connection; give back with engine_pg_done(). Blocking. */
struct pg *engine_pg(struct engine *e);
void engine_pg_done(struct engine *e, struct pg *pg);
/** All the statements that are prepared on the workers' connections, or on the writer's. */
const struct pg_statement *const *engine_tables(bool of_writer);
/* ---- run_config.c ---- */
/** The settings that ${r} began with, in r->config; still NULL when they are not in memory and ${pg} is NULL.  ${pg}: in a transaction. */
enum err run_config(struct run *r, struct pg *pg);
/** The agent that answers, gives; NULL as above. */
enum err run_agent(struct run *r, struct pg *pg, struct agent **out);
/**
 * An agent that another one asks, the caller's; NULL: there is none such that is switched on, or with ${known} false it is not in memory and ${pg} is
 * NULL.
 */
enum err run_sub_agent(struct run *r, struct pg *pg, const char *slug, struct agent **out, bool *known);
void engine_free_agent_entry(void *p);

/* ---- timers.c ---- */
struct timers *timers_new(void);
void timers_start(struct timers *t);
void timers_stop(struct timers *t);
void timers_free(struct timers *t);
/** Call ${fn} on the clock's thread in ${ms}; it must be short.  Any thread. */
void timers_after(struct timers *t, uint64_t ms, void (*fn)(void *arg), void *arg);
/** The same with an ${arg} from the heap, which ${fn} takes, or timers_free() when the time does not come before. */
void timers_after_owned(struct timers *t, uint64_t ms, void (*fn)(void *arg), void *arg);

/* ---- accept.c ---- */
extern const struct pg_statement accept_statements[];
/* What was said at one end of a conversation with people, on its way into the other. */
struct relayed {
	struct id person;  /* none: nobody, a line of the system */
	struct id message; /* to be made, edited or deleted */
};
/** As engine_accept(); ${in} names no person and no message. */
bool accept_relayed(struct engine *e, const struct intent *in, const struct relayed *r, engine_accepted_fn done, void *arg);

/* ---- relay.c, relay_line.c: conversations with people ---- */
/* ---- ask.c: commands that a worker runs ---- */
extern const struct pg_statement ask_statements[];
enum ask_step {
	ASK_DONE,   /* the answer is in r->answer */
	ASK_MODEL,  /* r->task says what a model is to be asked */
	ASK_AWAY,   /* the database is away: again later */
	ASK_UNFIT,  /* what the model said is not what was asked for */
	ASK_BROKEN, /* the reason is in the log */
};
struct ask_handler;
enum ask_step ask_begin(struct run *r, struct pg *pg, const struct ask_handler *h);
/** What the model said is in r->said; ${words} false: do without, r->floor_why says why. */
enum ask_step ask_complete(struct run *r, struct pg *pg, const struct ask_handler *h, bool words);
void ask_task_free(struct ask_task *t); /* NULL is fine */

/* ---- fork.c: side threads in the writer's transactions ---- */
extern const struct pg_statement fork_statements[];
struct fork_end;
/** Is the delivery that has ended the opening of a side thread?  One round before fork_send_ended(). */
struct fork_end *fork_send_look(struct writer_tx *tx, struct engine *e, struct id ws, struct id delivery);
/** It is open, or cannot be: either way its parent hears of it.  True when that has led to work in a thread that perhaps nobody has. */
bool fork_send_ended(struct writer_tx *tx, struct fork_end *x, bool sent, const char *ref);

#define RELAY_ADAPTER "relay" /* what brings people's words to the page: the engine itself */
extern const struct pg_statement relay_statements[];
extern const struct pg_statement relay_read_statements[];
struct relay_ask {
	struct buf text;
	size_t origin_len;
	char origin[INTENT_ORIGIN_MAX];
};
/** Worker: what there is to do about the wish of ${r}; HANDOVER_ASKED: r->ask is filled in. */
enum err relay_ask(struct run *r, struct pg *pg, enum handover_outcome *out);
/** In the transaction that erases ${thread}: people who have it hear of that, and no more of it. */
enum err relay_erase(struct pg *pg, struct id ws, struct id thread);
/** Writer, in the transaction that stores the answer of a CMD_HANDOVER: its notice goes out, or the conversation is Eddy's again. */
void relay_send_asked(struct writer_tx *tx, struct run *r);
/* A notice whose delivery has ended, in the transaction that says so. */
struct relay_end {
	struct engine *e;
	struct id ws, delivery, thread; /* thread: where it was counted */
	bool sent;
	const char *ref;
	/* found by look */
	bool opening; /* the first of its conversation */
	int state;
	const char *adapter, *place_key;
	char origin[INTENT_ORIGIN_MAX]; /* of the notice */
	size_t origin_len;
	bool more; /* it has led to work in a thread that perhaps nobody has */
};
void relay_send_look(struct writer_tx *tx, struct relay_end *x); /* one round before */
void relay_send_ended(struct writer_tx *tx, struct relay_end *x);
/** Writer: the text and the origin of a notice found in the database.  ${row} of claim_open_outbox.  ${text} was the body. */
void relay_load(struct run *r, const PGresult *res, int row, char **text, size_t *n);
/** Writer: what ${r}, a notice that waits, was to say was erased (${all}: the whole conversation) since it was loaded. */
void relay_gone(struct run *r, bool all);
void relay_init(struct engine *e);

/* ---- lane.c: writer's thread ---- */
struct lane *lane_find(struct engine *e, struct id thread);
struct lane *lane_open(struct engine *e, struct id ws, struct id thread, int64_t token);
void lane_push(struct lane *l, struct run *r);                         /* queue a run; begins it when it is its turn */
void lane_run_finished(struct engine *e, struct run *r);               /* the run's finish is committed: the next may begin */
void lane_settle(struct engine *e, struct id thread, int64_t pending); /* after a delivery: what the database says is left */
void lane_lost(struct engine *e, struct lane *l);
/** What came of pool_hand_over(): ${gone}, or it stays here after all. */
void lane_moved(struct engine *e, struct lane *l, bool gone);
void lane_close(struct engine *e, struct lane *l);     /* an empty one */
bool lanes_full(const struct engine *e, struct id ws); /* no further thread of it may be taken */
void lane_stop(struct engine *e, struct id thread, enum stop_reason why);
void lane_message_changed(struct run *r, bool deleted); /* the message that ${r} answers */
void lanes_free(struct engine *e);

/* ---- show.c ---- */
/* What the asker sees of a run while it lasts; only an adapter that can show it is told. */
void show_status(const struct run *r, const char *text);
void show_tool(const struct run *r, const char *id, const char *title, enum reply_step state);
void show_grown(struct run *r, size_t from);      /* the answer's bytes from there on are new */
void show_take_back(struct run *r);               /* what was shown of this turn is void; earlier turns are shown again */
void show_folded(struct run *r);                  /* a long answer goes out in short */
void run_waits(const struct run *r, size_t most); /* its team has that many in the making */
void run_deliver(struct run *r, const char *text, size_t n); /* writer's thread: after COMMIT */
void run_resume_delivery(struct run *r, char *text, size_t n);

/* ---- run.c ---- */
struct run *run_new(struct engine *e, struct id ws, struct id id, const struct adapter_slot *via, const void *origin, size_t n);
void run_free(struct run *r);
void run_begin(struct run *r);                              /* writer's thread: hand to a worker */
void run_request_stop(struct run *r, enum stop_reason why); /* any thread that holds a reference through its lane */
void run_drop_calls(struct run *r);                         /* half a turn of tool calls is no turn */
void run_refused(struct run *r);                            /* its answer cannot be stored: a plain error instead */
/** A step of the conversation that goes on now; valid until the next. */
struct step *run_step_add(
    struct run *r, enum model_role role, const char *tool_id, const char *tool_name, const char *text, size_t n, bool failed);

/* ---- speak.c: what goes out is filtered ---- */
/** ${r} is told this: its links may be said again; ${trusted}: by somebody of the house, whose hosts may be linked. */
void speak_told(struct run *r, const char *text, size_t n, bool trusted);
void speak_told_context(struct run *r, const struct context *c);
void speak_begin(struct run *r); /* the model is called: what an earlier call said is void */
void speak_feed(struct run *r, const char *text, size_t n, struct buf *out);
void speak_end(struct run *r, struct buf *out);
void speak_done(struct run *r);
/** Worker, ${pg} idle: ${r} learns which secrets its workspace has now. */
enum err speak_prepare(struct run *r, struct pg *pg);
/** A text that is no model's: all rules but the one about links.  Any thread. */
void speak_whole(struct engine *e, struct id ws, const char *text, size_t n, struct buf *out);
/** The same for a text that is not yet shown anywhere: what may not be said goes from it. */
void speak_over(struct engine *e, struct id ws, struct buf *text);
/** What the model of ${r} wants to say elsewhere, or has said inside JSON: by all rules. */
void speak_elsewhere(struct run *r, const char *text, size_t n, struct buf *out);
/** What stands on buttons and links, and instead of them; they are owned, and so is what they have then. */
void speak_components(struct engine *e, struct id ws, struct component *components, size_t n);
#define CALL_NAME_MAX 64
/** The id and the name under which a call of a tool is known: the model's own where they can say nothing.  ${name} borrows. */
void speak_call(struct run *r, const struct model_event *ev, char id[CALL_NAME_MAX], const char **name);

/* ---- hush.c: the sealed secrets of each workspace, by digests ---- */
struct hush *hush_new(void);
void hush_free(struct hush *h);
/** Those of now; ${pg} idle.  ${out} is the caller's to release; NULL: nothing is sealed here. */
enum err hush_get(struct engine *e, struct pg *pg, struct id ws, struct never **out);
/** Those that were looked up last, however long ago; NULL: none yet.  Any thread, no waiting. */
struct never *hush_held(struct engine *e, struct id ws);
/** Start-up: those of all workspaces, so that hush_held() has them. */
enum err hush_warm(struct engine *e);

/* ---- act.c: what reaches outside waits for a person ---- */
extern const struct pg_statement act_statements[];
/** One call of a tool that plans, in the worker's transaction: done at once, refused (${done} ERR_INPUT), or to be asked: r->asking. */
enum err act_call(struct run *r, struct pg *pg, const struct tool *t, const struct tool_context *ctx, const struct step *call,
    enum err *done, struct buf *out);
/** What tools brought is noted as r->untrusted, in the worker's transaction. */
enum err act_heard(struct run *r, struct pg *pg);
/** The question becomes the end of the answer of ${r}. */
void act_show(struct run *r);
/** Writer, in the transaction that stores the answer of ${r}: its question waits from now on. */
void act_send_asked(struct writer_tx *tx, struct run *r);
/** Writer: a delivery has failed for ever; who has asked for it hears of that. */
void act_send_lost(struct writer_tx *tx, struct id ws, struct id delivery);
void act_drop(struct run *r); /* nothing is asked */

/* ---- finish.c ---- */
/** The steps of ${r} that are not stored yet. */
void finish_send_steps(struct writer_tx *tx, const struct run *r);
extern const struct pg_statement finish_statements[];
void finish_put(struct run *r);                                       /* takes the run with its answer to the writer */
void step_put(struct run *r, void (*then)(struct run *r, bool ours)); /* store steps not stored yet */

/** Writer: who reads here may no longer read what the answer of ${r} rests on: it is put aside for a plain sentence. */
void run_withhold(struct run *r);
/** The answer, whose words stand already, is a refusal: puts code and reference behind them, for the log and the audit log too. */
void run_refuse(struct run *r, enum api_code code);
#define WITHHELD \
	"I had an answer, but who reads here has changed meanwhile, and not everybody who does may know what it rests on. So I left it out. " \
	"Ask again, and I answer from what may be read here."

/* ---- delivery.c ---- */
extern const struct pg_statement delivery_statements[];
void outbox_bar(struct run *r);                      /* writer's thread: it may not leave any more */
void outbox_wait(struct run *r, uint32_t ms);        /* writer's thread: due after ${ms} */
void outbox_again(struct run *r, uint32_t least_ms); /* writer's thread: a delivery that failed for now */

/* ---- claim.c ---- */
extern const struct pg_statement claim_statements[];
void claim_start(struct engine *e); /* periodic heartbeat and scan */
void claim_now(struct engine *e);
/** The same, and what others have added to threads that are ours; any thread. */
void claim_all_now(struct engine *e);
/** Open work of a thread whose lease we hold, by the lanes or only by what the database says. */
void claim_load(struct engine *e, struct id ws, struct id thread);
void claim_release(struct engine *e); /* drain: give back what has not begun */
int64_t process_lock_key(struct id process);

/* ---- edges.c ---- */
extern const struct pg_statement edge_statements[], notice_statements[];
/** What a name of an adapter's is in the table of aliases. */
struct id alias_id(struct id ws, const char *adapter, const char *name);

/* ---- learn.c ---- */
extern const struct pg_statement learn_statements[];
extern const struct pg_statement read_statements[];

/* ---- installs.c ---- */
extern const struct pg_statement install_statements[];

/* ---- pages.c ---- */
extern const struct pg_statement pages_statements[];

/* ---- page_search.c ---- */
extern const struct pg_statement page_search_statements[];

#endif
