/* What people may ask about their own data: forgetting, and a copy of it. */
#include "ask.h"

#include <string.h>
#include <strings.h>

#include "../memory/offers.h"
#include "upkeep.h"

const struct pg_statement ask_forget_statements[] = {
	{ "ask_forget_offer",
	    "WITH o AS (UPDATE offers SET state = 4, closed_at = now() WHERE ws = $1 AND kind = 4 AND person_id = $4 AND state = 1 AND id <> $2)"
	    " INSERT INTO offers (ws, id, kind, thread_id, person_id, subject, state, until)"
	    " VALUES ($1, $2, 4, $3, $4, $4, 1, now() + interval '10 minutes') ON CONFLICT DO NOTHING" },
	{ NULL, NULL },
};

/* ---- forget me ---- */

static enum err ask_first(struct ask *a)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, id_named(a->r->id, 0, "offer", strlen("offer")));
	pg_arg_id(g, a->r->thread);
	pg_arg_id(g, a->r->person);
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = pg_end(a->pg, ask_query(a, "ask_forget_offer", g, NULL));
	pg_args_free(g);
	if (e != ERR_NONE)
		return e;
	buf_add_str(a->md,
	    "Shall I forget you? I erase for good, and cannot bring back:\n\n"
	    "- what you wrote to me or where I read along, with its files, and my answers to you\n"
	    "- what I remember because of it: notes, decisions, summaries, lines of resolutions\n"
	    "- facts about you, your name and how I recognise you, your log-ins\n\n"
	    "What others wrote stays, and so does what the platform itself keeps: delete it there. Say `forget me yes` within ten minutes; "
	    "otherwise nothing happens. `export my data` gives you a copy first.");
	ask_button(a, "Forget me", "forget me yes", BUTTON_DANGER);
	return ERR_NONE;
}

static void put_count(struct ask *a, int n, const char *one, const char *several, bool *any)
{
	if (n == 0)
		return;
	buf_addf(a->md, "%s%d %s", *any ? ", " : "", n, n == 1 ? one : several);
	*any = true;
}

static enum err receipt(struct ask *a, struct id erasure)
{
	struct forget_counts c;
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = pg_end(a->pg, forget_read(a->pg, a->r->ws, erasure, &c));
	if (e != ERR_NONE)
		return e;
	bool any = false;
	buf_add_str(a->md, "I have forgotten you. Erased: ");
	put_count(a, c.messages, "message of yours", "messages of yours", &any);
	put_count(a, c.answers, "answer of mine", "answers of mine", &any);
	put_count(a, c.items, "note or summary", "notes and summaries", &any);
	buf_add_str(a->md, any ? "." : "there was nothing.");
	buf_add_str(a->md,
	    " Your name and how I recognise you go as soon as this message is out. What you write from now on is from somebody I do not know.");
	return ERR_NONE;
}

static enum err forget_me(struct ask *a)
{
	struct run *r = a->r;
	struct id erasure = id_named(r->id, 0, "erasure", strlen("erasure"));
	bool sure = a->arg_len >= 3 && strncasecmp(a->arg, "yes", 3) == 0;
	if (id_is_none(r->person)) {
		buf_add_str(a->md, "I don't know who you are, so there is nobody to forget.");
		return ERR_NONE;
	}
	if (!sure)
		return ask_first(a);
	struct forget_order o = { .ws = r->ws, .id = erasure, .person = r->person, .run = r->id, .message = r->message };
	struct forget_counts c;
	enum err e = pg_begin(a->pg, r->ws);
	if (e == ERR_NONE)
		e = forget_read(a->pg, r->ws, erasure, &c);
	bool again = e == ERR_NONE; /* after a crash: the offer is closed already */
	if (e == ERR_INPUT)
		e = offers_close(a->pg, r->ws, OFFER_FORGET, r->thread, r->person, r->person, OFFER_ACCEPT);
	bool asked = again || e == ERR_NONE;
	if (e == ERR_NONE && !again)
		e = forget_person(a->pg, &o);
	e = pg_end(a->pg, e == ERR_INPUT || e == ERR_DENIED ? ERR_NONE : e);
	if (e != ERR_NONE)
		return e;
	if (!asked)
		return ask_first(a);
	enum forget_state state;
	e = upkeep_erase(a->e, a->pg, r->ws, erasure, &state);
	if (e == ERR_NONE)
		e = receipt(a, erasure);
	upkeep_soon(a->e);
	return e;
}

const struct ask_handler ask_forget[] = {
	{ CMD_FORGET_ME, forget_me, NULL },
	{ CMD_NONE, NULL, NULL },
};
