/* What people may ask about their own data: forgetting, and a copy of it. */
#include "ask.h"

#include <string.h>
#include <strings.h>

#include "../memory/export.h"
#include "../memory/offers.h"
#include "../talk/search.h"
#include "upkeep.h"

#define EXPORT_BYTES 32768 /* what a chat can hold */

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
	    "- facts about you, your name and how I recognise you, your log-ins\n\n");
	if (a->others_len > 0)
		buf_add_str(a->md, "That is so for all your linked accounts; `unlink` first, if this one alone is meant.\n\n");
	buf_add_str(a->md,
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

/* Of the i-th of the asker's persons; itself is the first. */
static struct id erasure_of(const struct ask *a, size_t i)
{
	struct id own = id_named(a->r->id, 0, "erasure", strlen("erasure"));
	return i == 0 ? own : id_named(own, 0, (const char *)a->others[i - 1].b, sizeof a->others[i - 1].b);
}

static enum err receipt(struct ask *a)
{
	struct forget_counts c = { 0 };
	enum err e = pg_begin(a->pg, a->r->ws);
	for (size_t i = 0; i <= a->others_len && e == ERR_NONE; i++) {
		struct forget_counts one = { 0 };
		e = forget_read(a->pg, a->r->ws, erasure_of(a, i), &one);
		c.messages += one.messages;
		c.answers += one.answers;
		c.items += one.items;
		c.held |= one.held;
	}
	if ((e = pg_end(a->pg, e)) != ERR_NONE)
		return e;
	bool any = false;
	buf_add_str(a->md,
	    c.held
	        ? "What you asked me to forget is hidden: I do not answer with it, search it or show it any more. I may not erase it yet, because there is "
	          "a legal duty to keep it; I erase it by myself as soon as that ends. Hidden: "
	        : "I have forgotten you. Erased: ");
	put_count(a, c.messages, "message of yours", "messages of yours", &any);
	put_count(a, c.answers, "answer of mine", "answers of mine", &any);
	put_count(a, c.items, "note or summary", "notes and summaries", &any);
	buf_add_str(a->md, any ? "." : "there was nothing.");
	for (size_t i = 0; i <= a->others_len; i++) {
		char text[ID_TEXT];
		buf_addf(a->md, "%s`%s`", i == 0 ? " Receipt: " : ", ", id_format(erasure_of(a, i), text));
	}
	if (c.held) {
		buf_add_str(a->md, ". Until then your name and how I recognise you stay, and so do your log-ins and rights.");
		return ERR_NONE;
	}
	buf_add_str(a->md,
	    ". Your name and how I recognise you go as soon as this message is out. What you write from now on is from somebody I do not know.");
	return ERR_NONE;
}

static enum err forget_me(struct ask *a)
{
	struct run *r = a->r;
	bool sure = a->arg_len >= 3 && strncasecmp(a->arg, "yes", 3) == 0;
	if (id_is_none(r->person)) {
		ask_refuse(a, API_UNAUTHENTICATED, "I don't know who you are, so there is nobody to forget.");
		return ERR_NONE;
	}
	if (!sure)
		return ask_first(a);
	struct forget_order o = { .ws = r->ws,
		.id = erasure_of(a, 0),
		.person = r->person,
		.asked = FORGET_ASKED_SELF,
		.run = r->id,
		.message = r->message };
	struct forget_counts c;
	enum err e = pg_begin(a->pg, r->ws);
	if (e == ERR_NONE)
		e = forget_read(a->pg, r->ws, erasure_of(a, 0), &c);
	bool again = e == ERR_NONE; /* after a crash: the offer is closed already */
	if (e == ERR_INPUT)
		e = offers_close(a->pg, r->ws, OFFER_FORGET, r->thread, r->person, r->person, OFFER_ACCEPT);
	bool asked = again || e == ERR_NONE;
	if (e == ERR_NONE && !again)
		e = forget_person(a->pg, &o);
	for (size_t i = 0; i < a->others_len && e == ERR_NONE && !again; i++)
		e = forget_person(a->pg,
		    &(struct forget_order){ .ws = r->ws,
		        .id = erasure_of(a, i + 1),
		        .person = a->others[i],
		        .asked = FORGET_ASKED_SELF,
		        .run = r->id,
		        .message = r->message });
	e = pg_end(a->pg, e == ERR_INPUT || e == ERR_DENIED ? ERR_NONE : e);
	if (e != ERR_NONE)
		return e;
	if (!asked)
		return ask_first(a);
	enum forget_state state;
	for (size_t i = 0; i <= a->others_len && e == ERR_NONE; i++)
		e = upkeep_erase(a->e, a->pg, r->ws, erasure_of(a, i), &state);
	if (e == ERR_NONE)
		e = receipt(a);
	upkeep_soon(a->e);
	return e;
}

/* ---- export my data ---- */

/* Inside a code block: no text can end it. */
static void put_json(struct buf *md, const struct buf *json)
{
	buf_add_str(md, "```json\n");
	for (size_t i = 0; i < json->len; i++) {
		if (json->p[i] == '`')
			buf_add_str(md, "\\u0060");
		else
			buf_add_char(md, json->p[i]);
	}
	buf_add_str(md, "\n```");
}

static enum err export_it(struct ask *a)
{
	struct run *r = a->r;
	struct buf json = BUF_INIT;
	long left_out = 0;
	bool alone = false;
	enum err e = pg_begin(a->pg, r->ws);
	if (e == ERR_NONE)
		e = ask_alone(a->pg, r->ws, r->thread, r->person, &alone);
	/* What was noted about somebody in a place that is closed to him is not told in a chat: who runs Eddy can. */
	struct search_allowed may = { 0 };
	const struct search_scope scope = {
		.ws = r->ws, .thread = r->thread, .place = r->place, .guest = a->card.guest, .person = r->person, .alone = true
	};
	if (e == ERR_NONE && alone)
		e = search_allowed_audiences(a->pg, &scope, &may);
	if (e == ERR_NONE && alone)
		e = export_person(a->pg, r->ws, r->person, &may, EXPORT_BYTES, &json, &left_out);
	e = pg_end(a->pg, e);
	search_allowed_done(&may);
	if (e == ERR_INPUT) {
		ask_refuse(a, API_NOT_FOUND, "I know nothing about you.");
		e = ERR_NONE;
	} else if (e == ERR_NONE && !alone) {
		ask_refuse(a, API_FORBIDDEN,
		    "Others can read this place. Write `export my data` to me directly, and I give you a copy there.");
	} else if (e == ERR_NONE) {
		buf_add_str(a->md, "This is what I have stored about you.");
		if (left_out > 0)
			buf_addf(a->md,
			    " %ld older message%s of yours did not fit: whoever runs me gets all of them with `eddy export`.",
			    left_out, left_out == 1 ? "" : "s");
		buf_add_str(a->md, "\n\n");
		put_json(a->md, &json);
	}
	buf_done(&json);
	return e;
}

const struct ask_handler ask_forget[] = {
	{ CMD_EXPORT, export_it, NULL },
	{ CMD_FORGET_ME, forget_me, NULL },
	{ CMD_NONE, NULL, NULL },
};
