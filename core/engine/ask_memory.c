/*
 * What is remembered on somebody's word: saying it, pinning it, keeping and dropping proposals, private mode.  What is read is in ask_recall.c.
 *
 * A text that tells Eddy how to behave is not kept.  A fact that contradicts one that is known becomes a proposal and a question; a fact about
 * somebody else is a proposal that only that person confirms.  No answer here repeats what was noted: what is forgotten later must
 * not live on in Eddy's own words.
 */
#include "remember.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../base/mem.h"
#include "../base/utf8.h"
#include "../memory/inject.h"
#include "../memory/offers.h"
#include "../memory/words.h"

#define OFFER_HOURS (7u * 24u)

const struct pg_statement ask_memory_statements[] = {
	{ "memory_private", "SELECT bool_or(private) FROM people WHERE ws = $1 AND id IN (SELECT same_user($2::uuid))" },
	/* What was made into vectors of what this person said and was answered goes. */
	{ "memory_set_private",
	    "WITH mine AS MATERIALIZED (SELECT same_user($2::uuid) AS id), v AS (DELETE FROM embeddings e USING messages m LEFT JOIN runs r"
	    " ON r.ws = m.ws AND r.id = m.run_id WHERE e.ws = $1 AND m.ws = $1"
	    " AND m.id = e.message_id AND coalesce(m.author_id, r.person_id) IN (SELECT id FROM mine) AND $3)"
	    " UPDATE people SET private = $3 WHERE ws = $1 AND id IN (SELECT id FROM mine)" },
	{ "memory_person",
	    "SELECT id, name FROM people WHERE ws = $1 AND NOT bot AND (lower(name) = lower($2::text) OR lower(split_part(name, ' ', 1)) = lower($2))"
	    " ORDER BY lower(name) = lower($2) DESC LIMIT 2" },
	/* The message pointed at, else what was said before this command: not another command, and not Eddy's answer to one. */
	{ "memory_before",
	    "SELECT m.id, m.body FROM messages m LEFT JOIN runs r ON r.ws = m.ws AND r.id = m.run_id WHERE m.ws = $1 AND m.thread_id = $2"
	    " AND m.state <> 2 AND m.body <> '' AND m.id <> $5 AND CASE WHEN $3::uuid IS NOT NULL THEN m.id = $3 ELSE m.seq < $4"
	    " AND r.kind IS DISTINCT FROM 2 AND NOT EXISTS (SELECT 1 FROM runs c WHERE c.ws = m.ws AND c.thread_id = m.thread_id"
	    " AND c.message_id = m.id AND c.kind = 2) END ORDER BY m.seq DESC LIMIT 1" },
	{ "memory_audit",
	    "INSERT INTO audit (ws, id, actor_id, verb, subject, thread_id) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id" },
	{ "memory_keep_both", "UPDATE context_items SET replaces = NULL WHERE ws = $1 AND id = $2 AND state = 1" },
	{ NULL, NULL },
};

/* ---- shared ---- */

enum err memory_allowed(struct ask *a, struct search_allowed *out)
{
	struct search_scope scope = {
		.ws = a->r->ws, .thread = a->r->thread, .place = a->r->place, .guest = a->card.guest, .reads = &a->r->reads
	};
	return search_allowed_audiences(a->pg, &scope, out);
}

static const char *keep_str(struct buf *b, const char *s, size_t *at)
{
	if (s == NULL)
		return NULL;
	*at = b->len;
	buf_add(b, s, strlen(s) + 1);
	return s;
}

void kept_take(void *arg, const struct item *i)
{
	struct kept_item *k = arg;
	if (k->found)
		return;
	k->item = *i;
	k->found = true;
	const char **from[] = { &k->item.body, &k->item.attribute, &k->item.author_name, &k->item.about_name, &k->item.adapter,
		&k->item.place_key, &k->item.thread_key, &k->item.message_key, &k->item.place_name };
	size_t at[9], n = sizeof(from) / sizeof(from[0]);
	for (size_t x = 0; x < n; x++)
		keep_str(&k->text, *from[x], &at[x]);
	for (size_t x = 0; x < n; x++)
		if (*from[x] != NULL)
			*from[x] = k->text.p + at[x];
}

void kept_done(struct kept_item *k)
{
	buf_done(&k->text);
	memset(k, 0, sizeof(*k));
}

int32_t memory_number(const struct ask *a)
{
	const char *s = a->arg;
	size_t n = a->arg_len;
	if (n > 0 && *s == '#') {
		s++;
		n--;
	}
	int32_t v = 0;
	for (size_t i = 0; i < n && s[i] >= '0' && s[i] <= '9' && v < 100000000; i++)
		v = v * 10 + (s[i] - '0');
	return v;
}

enum err memory_private(struct ask *a, bool *private)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, a->r->person);
	PGresult *r = NULL;
	enum err e = ask_query(a, "memory_private", g, &r);
	pg_args_free(g);
	*private = e == ERR_NONE && PQntuples(r) == 1 && pg_get_bool(r, 0, 0);
	PQclear(r);
	return e;
}

bool memory_is_seen(const struct ask *a, const struct item *i)
{
	return id_equal(i->audience, a->r->audience);
}

enum err memory_audit(struct ask *a, const char *verb, struct id subject, bool *before)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, id_named(a->r->id, 0, verb, strlen(verb)));
	pg_arg_id(g, a->r->person);
	pg_arg_str(g, verb);
	pg_arg_id(g, subject);
	pg_arg_id(g, a->r->thread);
	PGresult *r = NULL;
	enum err e = ask_query(a, "memory_audit", g, &r);
	pg_args_free(g);
	if (e == ERR_NONE && before != NULL)
		*before = PQntuples(r) == 0;
	PQclear(r);
	return e;
}

void memory_put_text(struct buf *md, const char *s, size_t n, size_t max)
{
	size_t len = utf8_clip(s, n, max);
	command_put_plain(md, s, len);
	if (len < n)
		buf_add_str(md, "…");
}

/* ---- remember ---- */

static const char *readers_word(const struct ask *a)
{
	return a->r->private_reply || a->visibility == VIS_DIRECT ? "for this conversation alone"
	                                                          : "for everybody who reads this place";
}

/* Where it belongs: a side thread keeps its own, everywhere else it is the place that has learned something. */
static void scope_of(const struct ask *a, struct item_new *n)
{
	bool fork = !id_is_none(a->r->fork);
	n->scope = fork ? SCOPE_THREAD : SCOPE_CHANNEL;
	n->scope_id = fork ? a->r->thread : a->r->place;
	n->thread = a->r->thread;
}

static enum err find_person(struct ask *a, const char *name, size_t len, struct id *person)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_text(g, name, len);
	PGresult *r = NULL;
	enum err e = ask_query(a, "memory_person", g, &r);
	pg_args_free(g);
	*person = ID_NONE;
	if (e == ERR_NONE) {
		bool exact =
		    PQntuples(r) > 0 && strlen(pg_get_str(r, 0, 1)) == len && strncasecmp(pg_get_str(r, 0, 1), name, len) == 0;
		if (PQntuples(r) == 1 || exact)
			*person = pg_get_id(r, 0, 0);
	}
	PQclear(r);
	return e;
}

struct noting {
	struct item_new n;
	struct memory_fact fact;
	struct kept_item known; /* the fact that it contradicts */
	bool is_fact, others, same;
	int32_t number;
};

/* What kind of thing it is, and whether it contradicts what is known. */
static enum err sort(struct ask *a, struct noting *x)
{
	struct item_new *n = &x->n;
	static const char *const decided[] = { "we decided", "decision:", "it was decided", "decided:", "wir haben entschieden",
		"on a décidé", NULL };
	for (int i = 0; decided[i] != NULL; i++)
		if (n->body_len > strlen(decided[i]) && strncasecmp(n->body, decided[i], strlen(decided[i])) == 0)
			n->kind = ITEM_DECISION;
	if (!memory_fact_read(n->body, n->body_len, &x->fact))
		return ERR_NONE;
	struct id about = a->r->person;
	enum err e = ERR_NONE;
	if (x->fact.who != NULL)
		e = find_person(a, x->fact.who, x->fact.who_len, &about);
	x->others = !ask_is_me(a, about);
	/* What is said about somebody where that person cannot read it stays a note of the asker's. */
	if (e != ERR_NONE || id_is_none(about) || (x->others && (a->visibility == VIS_DIRECT || a->r->private_reply)))
		return e;
	x->is_fact = true;
	n->kind = ITEM_FACT;
	n->about = about;
	n->attribute = x->fact.attribute;
	n->body = x->fact.value;
	n->body_len = x->fact.value_len;
	struct search_allowed may = { 0 };
	if ((e = memory_allowed(a, &may)) == ERR_NONE)
		e = item_fact(a->pg, &may, about, x->fact.attribute, kept_take, &x->known);
	search_allowed_done(&may);
	if (e != ERR_NONE)
		return e;
	const struct item *old = &x->known.item;
	if (x->known.found && id_equal(old->id, n->id)) {
		kept_done(&x->known); /* this very item: it runs again after a crash */
		return ERR_NONE;
	}
	x->same = x->known.found && strlen(old->body) == n->body_len && strncasecmp(old->body, n->body, n->body_len) == 0;
	if (x->known.found && !x->same)
		n->replaces = old->id;
	if (x->others || !id_is_none(n->replaces))
		n->state = ITEM_PROPOSED;
	n->confidence = x->others ? 0.4 : 0.9;
	return ERR_NONE;
}

static enum err offer(struct ask *a, const struct noting *x)
{
	struct offer_new o = {
		.id = id_named(x->n.id, 0, "offer", 5),
		.kind = id_is_none(x->n.replaces) ? OFFER_KEEP : OFFER_REPLACE,
		.thread = a->r->thread,
		.person = x->n.about,
		.subject = x->n.id,
		.hours = OFFER_HOURS,
	};
	return offers_open(a->pg, a->r->ws, &o);
}

static void say_noted(struct ask *a, const struct noting *x)
{
	char keep[40], both[40], drop[40];
	snprintf(keep, sizeof(keep), "keep #%d", x->number);
	snprintf(both, sizeof(both), "keep both #%d", x->number);
	snprintf(drop, sizeof(drop), "drop #%d", x->number);
	if (x->same) {
		buf_addf(a->md, "I know that already (#%d).", x->known.item.number);
		return;
	}
	if (!id_is_none(x->n.replaces)) {
		buf_addf(a->md, "That differs from what I know (#%d). ", x->known.item.number);
		if (x->others)
			buf_add_str(a->md, "The person it is about decides. ");
		buf_addf(
		    a->md, "Shall I replace it? `%s` replaces it, `%s` leaves it as it is, `%s` keeps the two.", keep, drop, both);
		ask_button(a, "Replace", keep, BUTTON_PRIMARY);
		ask_button(a, "Keep the old one", drop, BUTTON_PLAIN);
		ask_button(a, "Keep both", both, BUTTON_PLAIN);
	} else if (x->n.state == ITEM_PROPOSED) {
		buf_addf(
		    a->md, "Noted as a proposal (#%d): it is about somebody else, who confirms it with `%s`.", x->number, keep);
		ask_button(a, "That is so", keep, BUTTON_PRIMARY);
		ask_button(a, "That is wrong", drop, BUTTON_PLAIN);
	} else {
		buf_addf(a->md, "Noted %s (#%d). `forget #%d` removes it.", readers_word(a), x->number, x->number);
	}
}

static void say_refused(struct ask *a, enum err e)
{
	ask_refuse(a, e == ERR_DENIED ? API_FORBIDDEN : API_INVALID,
	    e == ERR_DENIED
	        ? "I may not keep anything from that: its author has private mode on, or not everybody here may read it."
	        : "There is nothing in that for me to keep.");
}

static const char in_private_mode[] = "You have private mode on: I keep nothing of what you say. `private mode off` ends it.";
static const char an_instruction[] =
    "That tells me how to behave and not what is so; such things I don't keep. Put it as something that is the case, or ask for it when you need it.";

/* Members would be told it as something that is so: a guest's word is not enough where others read.  True: it was said that it is not. */
static bool is_outsider(struct ask *a)
{
	bool is = a->card.guest && a->visibility != VIS_DIRECT;
	if (is)
		ask_refuse(a, API_FORBIDDEN, "That is for members of the workspace to say.");
	return is;
}

static enum err remember_inside(struct ask *a, struct noting *x)
{
	bool private = false;
	enum err e = memory_private(a, &private);
	if (e != ERR_NONE || private) {
		if (private)
			ask_refuse(a, API_FORBIDDEN, in_private_mode);
		return e;
	}
	if (is_outsider(a))
		return ERR_NONE;
	if (memory_is_instruction(a->arg, utf8_clip(a->arg, a->arg_len, ITEM_BODY_MAX))) {
		ask_refuse(a, API_INVALID, an_instruction);
		return ERR_NONE;
	}
	if (a->arg_len > ITEM_BODY_MAX) {
		buf_addf(
		    a->md, "That is too long to keep: at most %d characters. `pin that` keeps a whole message.", ITEM_BODY_MAX);
		ask_refuse(a, API_TOO_LARGE, NULL);
		return ERR_NONE;
	}
	x->n = (struct item_new){ .id = id_named(a->r->id, 0, "item", 4),
		.kind = ITEM_NOTE,
		.state = ITEM_CONFIRMED,
		.origin = ORIGIN_SAID,
		.body = a->arg,
		.body_len = a->arg_len,
		.author = a->r->person,
		.confidence = 1,
		.sources = &a->r->message,
		.sources_len = 1 };
	scope_of(a, &x->n);
	if ((e = sort(a, x)) != ERR_NONE)
		return e;
	if (!x->same)
		e = item_put(a->pg, a->r->ws, &x->n, &x->number);
	if (e == ERR_NONE && x->n.state == ITEM_PROPOSED && !x->same)
		e = offer(a, x);
	if (e == ERR_NONE)
		say_noted(a, x);
	else if (e == ERR_INPUT || e == ERR_DENIED)
		say_refused(a, e);
	return e == ERR_INPUT || e == ERR_DENIED ? ERR_NONE : e;
}

static enum err remember_answer(struct ask *a)
{
	struct noting x;
	memset(&x, 0, sizeof(x));
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = pg_end(a->pg, remember_inside(a, &x));
	if (e == ERR_NONE && x.number != 0)
		memory_touched(a->e->memory, a->r->ws);
	kept_done(&x.known);
	return e;
}

/* ---- pin ---- */

static enum err pin_inside(struct ask *a, int32_t *number)
{
	bool private = false;
	enum err e = memory_private(a, &private);
	if (e != ERR_NONE || private) {
		if (private)
			buf_add_str(a->md, in_private_mode);
		return e;
	}
	if (is_outsider(a))
		return ERR_NONE;
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, a->r->thread);
	pg_arg_id(g, a->r->about);
	pg_arg_int8(g, a->r->message_seq);
	pg_arg_id(g, a->r->message);
	PGresult *r = NULL;
	e = ask_query(a, "memory_before", g, &r);
	pg_args_free(g);
	if (e != ERR_NONE)
		return e;
	if (PQntuples(r) == 0) {
		ask_refuse(a, API_NOT_FOUND, "I see no message here that I could pin.");
	} else {
		struct id message = pg_get_id(r, 0, 0);
		struct item_new n = { .id = id_named(message, 0, "pin", 3),
			.kind = ITEM_NOTE,
			.state = ITEM_CONFIRMED,
			.origin = ORIGIN_PINNED,
			.body = PQgetvalue(r, 0, 1),
			.body_len = (size_t)PQgetlength(r, 0, 1),
			.author = a->r->person,
			.confidence = 1,
			.sources = &message,
			.sources_len = 1 };
		scope_of(a, &n);
		if (memory_is_instruction(n.body, utf8_clip(n.body, n.body_len, ITEM_BODY_MAX)))
			ask_refuse(a, API_INVALID, an_instruction);
		else if ((e = item_put(a->pg, a->r->ws, &n, number)) == ERR_NONE)
			buf_addf(a->md, "Pinned %s (#%d). `forget #%d` takes it down.", readers_word(a), *number, *number);
		else if (e == ERR_INPUT || e == ERR_DENIED)
			say_refused(a, e);
	}
	PQclear(r);
	return e == ERR_INPUT || e == ERR_DENIED ? ERR_NONE : e;
}

static enum err pin_answer(struct ask *a)
{
	int32_t number = 0;
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = pg_end(a->pg, pin_inside(a, &number));
	if (e == ERR_NONE && number != 0)
		memory_touched(a->e->memory, a->r->ws);
	return e;
}

/* ---- keep and drop ---- */

/* False: the answer says why not. */
static bool may_decide(struct ask *a, const struct item *i, enum err offered)
{
	if (a->card.guest)
		buf_add_str(a->md, "That is for members of the workspace to say.");
	else if (offered == ERR_DENIED || (i->kind == ITEM_FACT && !id_is_none(i->about) && !ask_is_me(a, i->about)))
		buf_addf(a->md, "#%d is about %s: only that person can say whether it is so.", i->number,
		    i->about_name != NULL ? "somebody else" : "a person who is not here");
	else if (!memory_is_seen(a, i) && !ask_is_me(a, i->author) && !ask_is_me(a, i->about) &&
	    (a->r->private_reply || a->visibility == VIS_DIRECT))
		buf_addf(a->md, "#%d is for others, too: please say that where they see it.", i->number);
	else
		return true;
	ask_refuse(a, API_FORBIDDEN, NULL);
	return false;
}

static enum err decide_inside(struct ask *a, bool keep)
{
	struct search_allowed may = { 0 };
	struct kept_item k = { .found = false };
	int32_t number = memory_number(a);
	enum err e = memory_allowed(a, &may);
	if (e == ERR_NONE)
		e = item_by_number(a->pg, &may, number, kept_take, &k);
	search_allowed_done(&may);
	const struct item *i = &k.item;
	if (e != ERR_NONE || !k.found || i->state == ITEM_REPLACED) {
		if (e == ERR_NONE) {
			buf_addf(a->md, "I know of nothing called #%d here.", number);
			ask_refuse(a, API_NOT_FOUND, NULL);
		}
		kept_done(&k);
		return e;
	}
	enum offer_kind kinds[] = { OFFER_REPLACE, OFFER_KEEP };
	enum err offered = ERR_INPUT;
	for (int x = 0; x < 2 && offered == ERR_INPUT && i->state == ITEM_PROPOSED; x++)
		offered =
		    offers_close(a->pg, a->r->ws, kinds[x], a->r->thread, i->id, a->r->person, keep ? OFFER_ACCEPT : OFFER_DECLINE);
	if (offered != ERR_NONE && offered != ERR_INPUT && offered != ERR_DENIED) {
		kept_done(&k);
		return offered;
	}
	if (may_decide(a, i, offered)) {
		bool both = keep && a->text_len > 0 && memmem(a->text, a->text_len, "both", 4) != NULL;
		if (both) {
			struct pg_args *g = pg_args_new();
			pg_arg_id(g, a->r->ws);
			pg_arg_id(g, i->id);
			e = ask_query(a, "memory_keep_both", g, NULL);
			pg_args_free(g);
		}
		enum item_state was = i->state;
		if (e == ERR_NONE && i->state == ITEM_PROPOSED)
			e = item_move(a->pg, a->r->ws, i->id, keep ? ITEM_CONFIRM : ITEM_DECLINE, a->r->person, &was);
		if (e == ERR_INPUT)
			e = ERR_NONE; /* somebody was quicker: it is as it is */
		if (e == ERR_NONE)
			e = memory_audit(a, keep ? "memory.keep" : "memory.drop", i->id, NULL);
		/* The same words whether it was moved now or before: a crash may lie between. */
		if (keep && was != ITEM_DECLINED)
			buf_addf(a->md, "Kept (#%d).", number);
		else if (keep)
			buf_addf(a->md, "#%d was dropped before; say it again with `remember: …`.", number);
		else if (was != ITEM_CONFIRMED)
			buf_addf(a->md, "Dropped (#%d).", number);
		else
			buf_addf(a->md, "#%d is kept already; `forget #%d` removes it.", number, number);
	}
	kept_done(&k);
	return e;
}

static enum err decide(struct ask *a, bool keep)
{
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = pg_end(a->pg, decide_inside(a, keep));
	if (e == ERR_NONE && keep)
		memory_touched(a->e->memory, a->r->ws);
	return e;
}

static enum err keep_answer(struct ask *a)
{
	return decide(a, true);
}

static enum err drop_answer(struct ask *a)
{
	return decide(a, false);
}

/* ---- private mode ---- */

static enum err set_private(struct ask *a, bool on)
{
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e != ERR_NONE)
		return e;
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, a->r->person);
	pg_arg_bool(g, on);
	e = ask_query(a, "memory_set_private", g, NULL);
	pg_args_free(g);
	if (e == ERR_NONE)
		e = memory_audit(a, on ? "memory.private" : "memory.public", a->r->person, NULL);
	if ((e = pg_end(a->pg, e)) != ERR_NONE)
		return e;
	buf_add_str(a->md,
	    on ? "Private mode is on: from what you say I note nothing, and nobody can pin it. I still answer, and this conversation is stored as always. "
	         "What I had noted before stays: `what do you remember about me` shows it, `forget me` removes it. `private mode off` ends this."
	       : "Private mode is off: `remember: …` and `pin that` work for you again.");
	return ERR_NONE;
}

static enum err private_on(struct ask *a)
{
	return set_private(a, true);
}

static enum err private_off(struct ask *a)
{
	return set_private(a, false);
}

const struct ask_handler ask_memory[] = {
	{ CMD_REMEMBER, remember_answer, NULL },
	{ CMD_PIN, pin_answer, NULL },
	{ CMD_RECALL, recall_answer, NULL },
	{ CMD_WHY, why_answer, NULL },
	{ CMD_FORGET, forget_answer, NULL },
	{ CMD_CONFIRM, keep_answer, NULL },
	{ CMD_DECLINE, drop_answer, NULL },
	{ CMD_PRIVATE_ON, private_on, NULL },
	{ CMD_PRIVATE_OFF, private_off, NULL },
	{ CMD_DECISIONS, decisions_answer, decisions_complete },
	{ CMD_NONE, NULL, NULL },
};
