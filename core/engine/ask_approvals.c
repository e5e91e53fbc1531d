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
		buf_add_str(a->md, approval_why(o.rule));
		return ERR_NONE;
	}
	buf_add_str(a->md, grants ? "Approved: it goes to **" : "Refused: nothing goes to **");
	command_put_name(a->md, o.to);
	buf_add_str(a->md, grants ? "** now." : "**.");
	a->more_work |= grants;
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

const struct ask_handler ask_approvals[] = {
	{ CMD_APPROVE, say_approve, NULL },
	{ CMD_REFUSE, say_refuse, NULL },
	{ CMD_NONE, NULL, NULL },
};
