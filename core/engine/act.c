/*
 * Acts of tools that reach outside (docs/approvals.md).
 *
 *   call   the tool works out what it would do; the class of the tool and what went into the run say whether it is done, asked or refused
 *   show   the question is the end of the answer, with the text word for word and where it goes
 *   asked  the transaction that stores the answer makes the approval wait; the run has ended and holds nothing
 *   lost   what was approved could not be delivered: the conversation hears it
 *
 * What a decision leads to is in core/agents/approvals.c, the commands for it are in ask_approvals.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../agents/approvals.h"
#include "../agents/policy.h"
#include "../base/encode.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "engine_internal.h"
#include "offer.h"

#define APPROVERS_MAX 32

const struct pg_statement act_statements[] = {
	{ "act_lost",
	    "UPDATE outbox SET body = '' FROM approvals a WHERE a.ws = $1 AND a.id = $2 AND outbox.ws = $1 AND outbox.id = $2" },
	{ NULL, NULL },
};

/* ---- a call ---- */

static bool is_named(const struct config *c, const struct tool_act *act)
{
	char name[sizeof(act->adapter) + sizeof(act->key) + 2];
	snprintf(name, sizeof(name), "%s:%s", act->adapter, act->key);
	size_t i;
	json_t *one;
	json_array_foreach (json_object_get(c->values, "approvals.automatic"), i, one)
		if (json_is_string(one) && strcmp(json_string_value(one), name) == 0)
			return true;
	return false;
}

static struct approval *approval_of(struct run *r, const struct tool *t, struct tool_act *act)
{
	const json_t *who = json_object_get(r->config->values, "approvals.approvers");
	size_t n = json_array_size(who) < APPROVERS_MAX ? json_array_size(who) : APPROVERS_MAX;
	struct approval *a = xcalloc(1, sizeof(*a));
	const char **approvers = xcalloc(n + 1, sizeof(*approvers));
	for (size_t i = 0; i < n; i++)
		if (json_is_string(json_array_get(who, i)) && strcmp(json_string_value(json_array_get(who, i)), "(erased)") != 0)
			approvers[a->approvers_len++] = json_string_value(json_array_get(who, i));
	a->ws = r->ws;
	a->run = r->id;
	a->thread = r->thread;
	a->asker = r->person;
	a->audience = r->audience;
	a->step = (int)r->steps_len;
	a->id = approval_id(r->id, a->step);
	a->tool = t->name;
	a->act = *act;
	a->approvers = approvers;
	a->untrusted = r->untrusted;
	a->hours = (int)config_int(r->config, "approvals.hours");
	a->reads_len = r->reads.len;
	a->reads = xcalloc(r->reads.len + 1, sizeof(struct id));
	if (r->reads.len > 0)
		memcpy(a->reads, r->reads.audiences, r->reads.len * sizeof(struct id));
	memset(act, 0, sizeof(*act));
	approval_make(a);
	return a;
}

static void drop(struct approval *a)
{
	if (a == NULL)
		return;
	free((void *)(uintptr_t)a->approvers);
	approval_done(a);
	free(a);
}

void act_drop(struct run *r)
{
	drop(r->asking);
	r->asking = NULL;
}

static enum err look_at_trust(struct run *r, struct pg *pg, struct id thread)
{
	int64_t upto = r->context_upto > r->message_seq ? r->context_upto : r->message_seq;
	unsigned more = 0;
	enum err e = approval_trust(pg, r->ws, thread, upto, r->heard.authors, r->heard.len, &more);
	r->untrusted |= more | r->heard.untrusted;
	return e;
}

enum err act_heard(struct run *r, struct pg *pg)
{
	return look_at_trust(r, pg, ID_NONE);
}

/* ${a} is taken. */
static enum err decide(struct run *r, struct pg *pg, enum tool_effect effect, struct approval *a, enum err *done, struct buf *out)
{
	int rule = 0;
	enum err e = ERR_NONE;
	enum policy p = policy_of(effect, r->untrusted, is_named(r->config, &a->act));
	if (p == POLICY_RUN) {
		e = approval_automatic(pg, a, &rule);
		if (e == ERR_NONE && rule == 0)
			buf_add_str(out, "{\"approved\":true,\"note\":\"It is on its way and cannot be called back.\"}");
		else if (e == ERR_NONE)
			p = POLICY_ASK; /* what nobody has consented to may need somebody's consent */
	}
	if (e == ERR_NONE && p == POLICY_ASK)
		e = approval_possible(pg, a, &rule);
	if (e == ERR_NONE && (p == POLICY_NEVER || rule != 0)) {
		*done = ERR_INPUT;
		buf_addf(out, "Not possible. %s", p == POLICY_NEVER ? "" : approval_why(rule));
	} else if (e == ERR_NONE && p == POLICY_ASK) {
		r->asking = a;
		buf_add_str(out, "{\"approved\":false,\"note\":\"A person is asked.\"}");
		return ERR_NONE;
	}
	drop(a);
	return e;
}

enum err act_call(struct run *r, struct pg *pg, const struct tool *t, const struct tool_context *ctx, const struct step *call,
    enum err *done, struct buf *out)
{
	struct tool_act act;
	*done = ERR_INPUT;
	if (r->asking != NULL) {
		buf_add_str(out, "One after the other: call it again when the one before is decided.");
		return ERR_NONE;
	}
	*done = tool_plan(t, ctx, call->text, call->text_len, &act, out);
	if (*done != ERR_NONE)
		return ERR_NONE;
	enum err e = look_at_trust(r, pg, r->thread);
	if (e == ERR_NONE)
		e = decide(r, pg, t->effect, approval_of(r, t, &act), done, out);
	tool_act_done(&act);
	return e;
}

/* ---- the question ---- */

static void quote(struct buf *md, const char *text)
{
	buf_add_str(md, "> ");
	for (; *text != '\0'; text++) {
		buf_add_char(md, *text);
		if (*text == '\n')
			buf_add_str(md, "> ");
	}
	buf_add_str(md, "\n\n");
}

void act_show(struct run *r)
{
	const struct approval *a = r->asking;
	char untrusted[200], yes[32], no[32];
	struct buf *md = &r->answer;
	policy_untrusted(a->untrusted, untrusted, sizeof(untrusted));
	snprintf(yes, sizeof(yes), "approve %s", a->code);
	snprintf(no, sizeof(no), "refuse %s", a->code);
	buf_add_str(md, md->len > 0 ? "\n\n**May I send this to " : "**May I send this to ");
	command_put_name(md, a->act.name);
	buf_addf(md, "** (%s)**?**\n\n", a->act.adapter);
	quote(md, a->act.text);
	if (untrusted[0] != '\0')
		buf_addf(md, "Words of %s went into this: look twice.\n\n", untrusted);
	buf_addf(md, "Say `%s` or `%s`. It counts once, for exactly this text, for %d hour%s.", yes, no, a->hours,
	    a->hours == 1 ? "" : "s");
	const char *action = r->private_reply ? ACTION_COMMAND_PRIVATE : ACTION_COMMAND;
	const struct component buttons[] = {
		{ .kind = COMPONENT_BUTTON, .action = action, .value = yes, .label = "Send it", .style = BUTTON_PRIMARY },
		{ .kind = COMPONENT_BUTTON, .action = action, .value = no, .label = "Don't send", .style = BUTTON_PLAIN },
	};
	offer_free(r->components, r->components_len);
	r->components = offer_copy(buttons, 2);
	r->components_len = 2;
}

/* ---- in the writer's transactions ---- */

void act_send_asked(struct writer_tx *tx, struct run *r)
{
	const struct approval *a = r->asking;
	char facts[300], hex[65];
	finish_send_steps(tx, r);
	approval_put(writer_args(tx), a);
	writer_exec(tx, "approval_ask", NULL, NULL);
	hex_encode(hex, a->digest, 32);
	snprintf(facts, sizeof(facts), "{\"tool\":\"%s\",\"digest\":\"%s\",\"untrusted\":%u,\"to\":\"%s\"}", a->tool, hex,
	    a->untrusted, a->act.adapter);
	approval_put_audit(
	    writer_args(tx), a->ws, id_named(a->id, 0, "asked", 5), "approval.asked", ID_NONE, a->id, a->thread, facts);
	writer_exec(tx, "approval_audit", NULL, NULL);
}

void act_send_lost(struct writer_tx *tx, struct id ws, struct id delivery)
{
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, ws);
	pg_arg_id(g, delivery);
	writer_exec(tx, "act_lost", NULL, NULL);
	approval_put_tell(writer_args(tx), ws, delivery, "lost");
	writer_exec(tx, "approval_tell", NULL, NULL);
}
