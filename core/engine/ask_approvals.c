/*
 * "approve CODE" and "refuse CODE", typed, pressed or written in a mail: the same command.  Who says it, through what and where comes from the message
 * that the platform has vouched for; the code only names what was shown.
 */
#include "../agents/approvals.h"
#include "ask.h"

#include <string.h>

#include "command.h"

static enum err decide(struct ask *a, bool grants)
{
	size_t n = strcspn(a->arg, " \t\n");
	const struct approval_decision d = { .ws = a->r->ws,
		.person = a->r->person,
		.through = a->r->via->ops->name,
		.at_thread = a->r->thread,
		.alone = a->r->private_reply,
		.code = a->arg,
		.code_len = n < a->arg_len ? n : a->arg_len,
		.grants = grants,
		.in = a->r->id };
	struct approval_outcome o;
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = pg_end(a->pg, approval_decide(a->pg, &d, &o));
	if (e != ERR_NONE)
		return e;
	if (o.rule != 0) {
		ask_refuse(a, approval_code(o.rule), approval_why_not(&o));
		a->more_work = true; /* it may have been too late just now */
		return ERR_NONE;
	}
	buf_add_str(a->md, grants ? "Approved: it goes to **" : "Refused: nothing goes to **");
	command_put_name(a->md, o.to);
	buf_add_str(a->md, grants ? "** now." : "**.");
	a->more_work = true;
	return ERR_NONE;
}

static enum err say_approve(struct ask *a)
{
	return decide(a, true);
}

static enum err say_refuse(struct ask *a)
{
	return decide(a, false);
}

/* A run that nobody has asked for: the conversation hears what became of its question where it has not heard it from the decision itself. */
_Static_assert((int)CMD_DECIDED == APPROVAL_TOLD, "as core/agents/approvals.c stores it");

static enum err say_decided(struct ask *a)
{
	struct approval_fate f = { 0 };
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = pg_end(a->pg, approval_fate(a->pg, a->r->ws, a->r->about, &f));
	if (e != ERR_NONE || f.state == 0 || (f.state == 5 && !f.lost))
		return e;
	if (f.state == 3 && f.by[0] != '\0') {
		buf_add_str(a->md, "Refused by ");
		command_put_name(a->md, f.by);
		buf_add_str(a->md, ": nothing goes");
	} else {
		buf_add_str(a->md,
		    f.state == 3                   ? "Refused: nothing goes"
		        : f.state == 4 && f.nobody ? "Nobody is left who may approve it: nothing goes"
		        : f.state == 4             ? "Nobody has approved it in time: nothing goes"
		        : f.withheld
		        ? "What was to be sent does not leave, since who reads there has changed meanwhile: nothing went"
		        : "What was to be sent could not be delivered: nothing went");
	}
	if (f.to[0] != '\0') {
		buf_add_str(a->md, " to **");
		command_put_name(a->md, f.to);
		buf_add_str(a->md, "**");
	} else {
		buf_add_str(a->md, " out");
	}
	buf_add_str(a->md, f.state == 3 ? "." : ". Ask again if it is still wanted.");
	return ERR_NONE;
}

const struct ask_handler ask_approvals[] = {
	{ CMD_DECIDED, say_decided, NULL },
	{ CMD_APPROVE, say_approve, NULL },
	{ CMD_REFUSE, say_refuse, NULL },
	{ CMD_NONE, NULL, NULL },
};
