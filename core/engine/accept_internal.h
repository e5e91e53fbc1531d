#ifndef EDDY_ENGINE_ACCEPT_INTERNAL_H
#define EDDY_ENGINE_ACCEPT_INTERNAL_H

/* One intent on its way into the database: shared by accept.c (what happens), accept_rows.c (its rows) and intent_copy.c. */
#include <string.h>

#include "engine_internal.h"
#include "quota.h"
#include "route.h"

struct accept_op {
	struct write_op op;
	struct engine *e;
	struct intent in; /* its strings live in ${memory} */
	char *memory;
	engine_accepted_fn done;
	void *arg;
	uint64_t at_us;
	struct id inbox, place, thread, message, identity, person;
	struct id audience; /* the place's own, or the one person a private answer is for */
	struct id about;    /* the message that a command points at */
	struct id fork;     /* the side thread that its thread is */
	bool addressed;
	/* from the first and second round */
	bool linked; /* the person is one user with others */
	bool fresh;
	bool found;     /* stored by an earlier try, whose COMMIT was not answered */
	unsigned tries; /* runs of its transaction */
	int64_t seq, rev, message_rev;
	int prev_author;
	struct route_facts facts;
	bool greet;       /* Eddy is new in this place */
	bool deferred;    /* changes a message of the same batch: comes again */
	bool quoted;      /* it changes what side threads are about */
	bool edit_is_new; /* an edit of a message that no run was made for */
	/* decided in between */
	struct route route;
	struct id run;
	bool has_run;
	/* from the third round */
	bool ours;
	int64_t token;
	struct id stopped_run; /* an edit or delete that hits a run */
	/* conversations with people: relay.c */
	bool relayed; /* said at the other end */
	/* accept_limit.c: decided once */
	enum quota_answer limit;
	bool limit_asked, limit_said;
	uint32_t wait_ms;
	int64_t notice_seq; /* 0: none was stored */
	bool passed;        /* a delivery of it waits in its thread */
};

static inline struct accept_op *accept_of(struct write_op *op)
{
	return (struct accept_op *)op;
}

/* True for what becomes a message of its own. */
static inline bool accept_is_post(const struct intent *in)
{
	return in->kind == INTENT_MESSAGE_POSTED || in->kind == INTENT_COMMAND_GIVEN || in->kind == INTENT_PLACE_JOINED;
}

/* Who speaks: nobody but a person, a bot or the platform, or Eddy itself about a conversation with people. */
static inline enum author_kind accept_author(const struct accept_op *a)
{
	if (id_is_none(a->person))
		return a->relayed ? AUTHOR_EDDY : AUTHOR_SYSTEM;
	return a->in.person.is_bot ? AUTHOR_BOT : AUTHOR_PERSON;
}

/** May places on ${a}'s way in be shared with another organisation by that one, without anybody here having asked for it? */
static inline bool accept_shares(const struct accept_op *a)
{
	const struct adapter_slot *s = engine_adapter(a->e, a->in.adapter, strlen(a->in.adapter));
	return s != NULL && (s->ops->caps & CAP_SHARED) != 0;
}

/* What PLACE_FACTS of accept.c says. */
static inline void accept_place_facts(struct accept_op *a, int64_t word)
{
	a->facts.visibility = (enum visibility)(word & 15);
	a->facts.place_quiet = (word & 16) != 0;
	a->facts.closed = a->facts.visibility == VIS_EXTERNAL && (word & 32) == 0 && accept_shares(a);
}

/* ${human_seq}: of the last message by a person, this one or a later one of the batch among them. */
static inline void accept_since_human(struct accept_op *a, int64_t human_seq)
{
	a->facts.since_human = a->seq > human_seq ? a->seq - human_seq : 0;
}

/* accept_rows.c: all operations of one tenant; each queues its statements and reads their results into the operations. */
void accept_learn(struct writer_tx *tx, struct write_op **ops, size_t n);        /* places, people, private readers */
void accept_send_inbox(struct writer_tx *tx, struct write_op **ops, size_t n);   /* sets fresh */
void accept_send_threads(struct writer_tx *tx, struct write_op **ops, size_t n); /* sets seq and facts of fresh posts */
/** The notes of all of them, whatever becomes of their intents. */
void accept_send_notes(struct writer_tx *tx, struct write_op **ops, size_t n);
void accept_send_names(struct writer_tx *tx, const struct accept_op *a); /* title, aliases and readers of a fresh post */
void accept_send_messages(struct writer_tx *tx, struct write_op **ops, size_t n);
void accept_send_runs(struct writer_tx *tx, struct write_op **ops, size_t n); /* sets ours and token */

/* accept_limit.c */
extern const struct pg_statement accept_limit_statements[];
/** May what ${a} asks for be done?  Later, perhaps: its delay is set; false: it is only stored.  May change its route to a refusal. */
bool accept_limit(struct accept_op *a);
void accept_send_notices(struct writer_tx *tx, struct write_op **ops, size_t n); /* of runs that wait */
void accept_tell_notice(struct accept_op *a);                                    /* after COMMIT: live views */

/* relay.c: rows of an operation that a conversation with people has to do with. */
/** May one ask for a person where ${a} came from?  */
bool relay_offered(const struct accept_op *a);
void relay_send_ask(struct writer_tx *tx, struct accept_op *a);   /* a CMD_HANDOVER: from now on Eddy keeps silent */
bool relay_passes_on(const struct accept_op *a);                  /* has the other end to hear of it? */
void relay_send_pass(struct writer_tx *tx, struct accept_op *a);  /* sets passed */
void relay_send_close(struct writer_tx *tx, struct accept_op *a); /* CMD_HAND_BACK, CMD_DONE; sets passed */

/* intent_copy.c: a copy of ${from} whose strings live in one block, which the caller frees. */
char *intent_copy(struct intent *to, const struct intent *from);

/** The active run of a thread that another process works on is to stop. */
void accept_send_stop(struct writer_tx *tx, struct engine *e, struct id ws, struct id thread);

#endif
