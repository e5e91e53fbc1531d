/*
 * Presses that are not an intent right away.  Some are ours to answer: they open a form (dialog.c), or are refused before the core hears of them.
 * Others are about a message that has to be found first: one that Eddy has not heard is handed in before the command about it, and one
 * of Eddy's own is looked up by what it was delivered as, on a worker, while the frame waits.  So are deletions of Eddy's own messages.
 */
#include "inlet_internal.h"

#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/mem.h"
#include "dialog.h"
#include "names.h"
#include "render.h"
#include "slack_internal.h"
#include "socket.h"

/* http thread */
static void held_member(void *arg, bool member)
{
	struct held *h = arg;
	h->member = member;
	held_back(h);
}

/* A worker: which of our messages was pointed at or deleted? */
static void held_look(void *arg)
{
	struct held *h = arg;
	struct slack_inlet *in = h->in;
	struct wire wire = { 0 };
	struct slack_event ev;
	struct said_message said = { 0 };
	char *copy = xstrndup(h->raw, h->n);
	wire_decode(&wire, copy, h->n, &ev);
	const char *gone = intents_deleted_ts(&ev), *ts = gone ? gone : ev.inner.ts;
	const char *thread = gone ? ev.before.thread_ts : ev.inner.thread_ts;
	struct id in_thread = engine_thread_id(engine_place_id(h->ws, "slack", ev.channel), thread ? thread : ts);
	if (engine_find_said(in->s->engine, h->ws, in_thread, ts, &said) == ERR_NONE)
		id_format(said.id, h->about);
	free(said.text);
	free(copy);
	wire_done(&wire);
	held_back(h);
}

/* True: it waits. */
static bool inlet_look(
    struct slack_inlet *in, struct sock_ticket *t, const char *raw, size_t n, const struct slack_event *ev, const struct held *h)
{
	const char *gone = intents_deleted_ts(ev);
	if ((h && h->looked) || !ev->channel || !(gone ? gone : ev->inner.ts) ||
	    !intents_is_self(&in->intents, ev, gone ? &ev->before : &ev->inner) || in->held >= HELD_MAX)
		return false;
	struct held *wait = held_new(in, t, raw, n);
	wait->asked = wait->looked = true;
	wait->member = true;
	wait->ws = in->intents.ws;
	if (engine_submit(in->s->engine, held_look, wait))
		return true;
	in->held--;
	held_free(wait);
	return false;
}

static void inlet_kept(void *arg, const struct accepted *a)
{
	inlet_note_database(arg, a->result);
}

/*
 * A shortcut whose command is about a message.  The message is handed in first: Eddy may not have been there when it was written.  True:
 * the ticket has gone its way.
 */
static bool inlet_point(struct slack_inlet *in, struct sock_ticket *t, const char *raw, size_t n, struct slack_event *ev,
    const struct held *h, const struct intents_extra *x)
{
	struct slack *s = in->s;
	bool fork = strcmp(ev->callback_id, SHORTCUT_FORK) == 0;
	const struct known_place *known = ev->channel ? names_place(s->names, ev->channel) : NULL;
	bool member = h && h->asked ? h->member : known && known->member;
	if (!member && !(h && h->asked) && ev->channel && in->held < HELD_MAX) {
		struct held *wait = held_new(in, t, raw, n);
		wait->asked = wait->member = true;
		if (dialog_ask_member(s, ev->channel, held_member, wait))
			return true;
		in->held--;
		held_free(wait);
		member = true; /* what cannot be asked is tried */
	}
	if (!member) {
		dialog_tell(
		    s, ev, "I am not in this conversation, so I cannot do that here. Invite me with /invite and try again.");
		sock_settle(t, true);
		return true;
	}
	if (inlet_look(in, t, raw, n, ev, h))
		return true;
	struct intent message;
	bool keep = intents_pointed(&in->intents, ev, x, &message);
	if (keep && !engine_accept(s->engine, &message, fork ? inlet_accepted : inlet_kept, fork ? (void *)t : (void *)in)) {
		inlet_note_database(in, ERR_RETRY);
		sock_settle(t, false);
		return true;
	}
	if (fork)
		dialog_fork(s, ev, message.text, message.text_len);
	if (fork && !keep)
		sock_settle(t, true);
	return fork;
}

bool inlet_press(struct slack_inlet *in, struct sock_ticket *t, const char *raw, size_t n, struct slack_event *ev,
    const struct held *h, const struct intents_extra *x)
{
	if (ev->kind == FRAME_EVENT && intents_deleted_ts(ev) && inlet_look(in, t, raw, n, ev, h))
		return true;
	if (h && h->about[0])
		ev->about = h->about;
	if (ev->kind != FRAME_INTERACTIVE)
		return false;
	struct buf wrong = BUF_INIT;
	if (!dialog_fits(ev, &wrong)) {
		sock_settle_with(t, wrong.p);
		buf_done(&wrong);
		return true;
	}
	if (ev->action_id && strncmp(ev->action_id, ACTION_EDIT, slack_action_len(ev->action_id)) == 0 &&
	    slack_action_len(ev->action_id) == strlen(ACTION_EDIT)) {
		dialog_edit(in->s, ev, raw, n);
		sock_settle(t, true);
		return true;
	}
	/* A command under an answer is about that answer. */
	if (intents_commands(ev) && inlet_look(in, t, raw, n, ev, h))
		return true;
	return intents_points(ev) && inlet_point(in, t, raw, n, ev, h, x);
}
