/*
 * What is remembered, shown: what do you remember, why do you think so, forget that.  Everything shown is read anew through the audiences of
 * this thread and this asker, also what an answer rested on: another reader may see less than the one who asked.
 */
#include "remember.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../base/json.h"
#include "../base/mem.h"
#include "../base/tz.h"
#include "../base/utf8.h"
#include "../memory/words.h"
#include "../talk/doc.h"
#include "../talk/transcript.h"

#define SHOWN 20
#define PROPOSALS 8
#define BUTTONS 3
#define QUOTE_BYTES 200
#define SOURCES 10
#define FORGOTTEN_BYTES 40

const struct pg_statement ask_recall_statements[] = {
	{ "recall_last",
	    "SELECT m.body, r.kind IS NOT DISTINCT FROM 2 FROM messages m LEFT JOIN runs r ON r.ws = m.ws AND r.id = m.run_id WHERE m.ws = $1"
	    " AND m.thread_id = $2 AND m.author_kind = 2 AND m.state <> 2 AND m.seq < $3 ORDER BY m.seq DESC LIMIT 1" },
	/* The answer that is asked about: the one pointed at, else the last one of an agent, or the last resolution. */
	{ "recall_answer",
	    "SELECT m.id, m.body, m.run_id, r.given, x.id, x.sources FROM messages m LEFT JOIN runs r ON r.ws = m.ws AND r.id = m.run_id"
	    " LEFT JOIN resolutions x ON x.ws = m.ws AND x.message_id = m.id WHERE m.ws = $1 AND m.thread_id = $2 AND m.author_kind = 2"
	    " AND m.state <> 2 AND m.seq < $3 AND (r.kind = 1 OR x.id IS NOT NULL) AND ($4::uuid IS NULL OR m.id = $4)"
	    " ORDER BY m.seq DESC LIMIT 1" },
	{ "recall_results", "SELECT body->>'text' FROM run_steps WHERE ws = $1 AND run_id = $2 AND kind = 3 ORDER BY n" },
	{ "memory_audited", "SELECT 1 FROM audit WHERE ws = $1 AND id = $2" },
	{ "recall_messages",
	    "SELECT m.id, m.body, m.author_kind, pe.name, m.created_at, p.adapter, p.external_id, t.external_key, coalesce(m.message_key, m.id::text), m.audience_id"
	    " FROM messages m JOIN threads t ON t.ws = m.ws AND t.id = m.thread_id JOIN places p ON p.ws = t.ws AND p.id = t.place_id"
	    " LEFT JOIN people pe ON pe.ws = m.ws AND pe.id = m.author_id WHERE m.ws = $1 AND m.audience_id = ANY ($2::uuid[])"
	    " AND ($3::uuid IS NULL OR m.thread_id = $3) AND m.id = ANY ($4::uuid[]) AND m.state <> 2 ORDER BY array_position($4, m.id)" },
	{ NULL, NULL },
};

/* ---- words ---- */

static void put_day(struct buf *md, int64_t ms, const char *tz)
{
	struct tz_time t;
	tz_local(tz[0] ? tz : NULL, ms > 0 ? (uint64_t)ms : 0, &t);
	buf_addf(md, "%04d-%02d-%02d", t.year, t.month, t.day);
}

/* Bytes of "Decision: " at the beginning of a decision's text: its kind stands before it anyway. */
static size_t said_kind(const struct item *i)
{
	const char *kind = item_kind_word(i->kind);
	size_t n = strlen(kind);
	if (i->attribute != NULL || strncasecmp(i->body, kind, n) != 0 || i->body[n] != ':')
		return 0;
	size_t more = n + 1 + strspn(i->body + n + 1, " ");
	return i->body[more] != '\0' ? more : 0;
}

void memory_put_item(struct ask *a, const struct item *i)
{
	struct buf *md = a->md;
	char link[1024];
	buf_addf(md, "**%s** ", item_kind_word(i->kind));
	if (i->about_name != NULL) {
		command_put_name(md, i->about_name);
		buf_add_str(md, ", ");
	}
	if (i->attribute != NULL) {
		command_put_name(md, i->attribute);
		buf_add_str(md, ": ");
	}
	const char *body = i->body + said_kind(i);
	memory_put_text(md, body, strlen(body), 400);
	buf_add_str(md, " (");
	if (i->author_name != NULL) {
		command_put_name(md, i->author_name);
		buf_add_str(md, ", ");
	} else if (i->origin == ORIGIN_AGENT) {
		buf_add_str(md, "found by me, ");
	}
	put_day(md, i->created_ms, a->card.tz);
	if (i->message_key != NULL && ask_permalink(a, i->adapter, i->place_key, i->thread_key, i->message_key, link, sizeof(link)))
		buf_addf(md, ", [%s](%s)", i->sources > 1 ? "sources" : "source", link);
	if (i->kind == ITEM_FACT && i->confidence < 0.75)
		buf_add_str(md, ", not sure");
	else if (i->confidence <= 0.5)
		buf_add_str(md, ", a message that it rests on was changed");
	buf_addf(md, ", #%d)", i->number);
}

/* ---- what do you remember ---- */

struct listing {
	struct ask *a;
	int shown;
	bool proposals;
	struct id seen[2 * SHOWN];
};

static void put_row(void *arg, const struct item *i)
{
	struct listing *l = arg;
	for (int k = 0; k < l->shown; k++)
		if (id_equal(l->seen[k], i->id))
			return;
	if (l->shown == (l->proposals ? PROPOSALS : SHOWN))
		return;
	l->seen[l->shown] = i->id;
	if (l->shown++ == 0 && l->proposals)
		buf_add_str(l->a->md, "\nNot confirmed yet (`keep #…` or `drop #…`):\n");
	buf_add_str(l->a->md, "- ");
	memory_put_item(l->a, i);
	buf_add_char(l->a->md, '\n');
	if (!l->proposals || l->shown > BUTTONS)
		return;
	char label[40], command[40];
	snprintf(label, sizeof(label), "Keep #%d", i->number);
	snprintf(command, sizeof(command), "keep #%d", i->number);
	ask_button(l->a, label, command, BUTTON_PLAIN);
	snprintf(label, sizeof(label), "Drop #%d", i->number);
	snprintf(command, sizeof(command), "drop #%d", i->number);
	ask_button(l->a, label, command, BUTTON_PLAIN);
}

struct topic {
	const char *words; /* as the asker put it; "" : everything */
	size_t len;
	struct buf query;
	struct id person; /* whom the words name */
	bool decisions;
};

static enum err find_topic(struct ask *a, struct topic *t)
{
	static const char *const lists[] = { "archived", "resolved", "active", "all", "mine", "more", "yes", NULL };
	t->words = a->arg;
	t->len = a->arg_len;
	while (t->len > 0 && strchr("?!. ", t->words[t->len - 1]) != NULL)
		t->len--;
	for (int i = 0; lists[i] != NULL; i++)
		if (t->len == strlen(lists[i]) && strncasecmp(t->words, lists[i], t->len) == 0)
			t->len = 0;
	t->decisions = memmem(a->text, a->text_len, "decide", 6) != NULL && t->len > 0;
	if (t->len == 0)
		return ERR_NONE;
	if ((t->len == 2 && strncasecmp(t->words, "me", 2) == 0) || (t->len == 6 && strncasecmp(t->words, "myself", 6) == 0)) {
		t->person = a->r->person;
		return ERR_NONE;
	}
	memory_query(t->words, t->len, &t->query);
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_text(g, t->words, t->len);
	PGresult *r = NULL;
	enum err e = ask_query(a, "memory_person", g, &r);
	pg_args_free(g);
	if (e == ERR_NONE && PQntuples(r) > 0)
		t->person = pg_get_id(r, 0, 0);
	PQclear(r);
	return e;
}

static enum err list(struct ask *a, const struct search_allowed *may, const struct topic *t, struct listing *l)
{
	struct item_query q = { .limit = SHOWN, .proposed = l->proposals, .kind = t->decisions ? ITEM_DECISION : 0 };
	enum err e = ERR_NONE;
	if (t->len == 0)
		return item_list(a->pg, may, &q, put_row, l);
	if (!id_is_none(t->person)) {
		q.about = t->person;
		e = item_list(a->pg, may, &q, put_row, l);
		q.about = ID_NONE;
	}
	if (e == ERR_NONE && t->query.len > 0) {
		q.words = t->query.p;
		e = item_list(a->pg, may, &q, put_row, l);
	}
	return e;
}

static enum err recall_inside(struct ask *a)
{
	struct search_allowed may = { 0 };
	struct topic t = { .words = "" };
	struct listing kept = { .a = a }, proposed = { .a = a, .proposals = true };
	bool private = false;
	enum err e = memory_allowed(a, &may);
	if (e == ERR_NONE)
		e = find_topic(a, &t);
	if (e == ERR_NONE)
		e = memory_private(a, &private);
	if (e == ERR_NONE)
		e = list(a, &may, &t, &kept);
	if (e == ERR_NONE)
		e = list(a, &may, &t, &proposed);
	if (e == ERR_NONE && kept.shown + proposed.shown == 0) {
		buf_add_str(a->md, "I remember nothing");
		if (t.len > 0) {
			buf_add_str(a->md, " about ");
			memory_put_text(a->md, t.words, t.len, 100);
		}
		buf_add_str(a->md, " that may be told here. `remember: …` notes something, `pin that` keeps a message.\n");
	}
	if (e == ERR_NONE && kept.shown == SHOWN)
		buf_add_str(a->md, "\nThere may be more: `what do you remember about …` narrows it.\n");
	if (e == ERR_NONE && private)
		buf_add_str(a->md, "\nYou have private mode on: I note nothing of what you say.\n");
	search_allowed_done(&may);
	buf_done(&t.query);
	return e;
}

enum err recall_answer(struct ask *a)
{
	enum err e = pg_begin(a->pg, a->r->ws);
	return e == ERR_NONE ? pg_end(a->pg, recall_inside(a)) : e;
}

/* ---- why ---- */

struct reasons {
	struct ask *a;
	struct search_allowed may;
	const char *answer; /* its text: what it links counts first */
	int shown;
	struct id messages[64];
	size_t messages_len;
};

/* Without the signs of its Markdown. */
static void put_beginning(struct buf *md, const char *s, size_t n)
{
	struct doc *d = doc_parse(s, utf8_clip(s, n, 8 * QUOTE_BYTES));
	struct buf text = BUF_INIT;
	doc_write_text(d, &text);
	memory_put_text(md, text.p != NULL ? text.p : "", text.len, QUOTE_BYTES);
	buf_done(&text);
	doc_free(d);
}

static void put_message(struct reasons *w, const PGresult *r, int row)
{
	struct buf *md = w->a->md;
	char link[1024];
	const char *name = pg_get_int8(r, row, 2) == AUTHOR_EDDY ? "Eddy" : pg_get_str(r, row, 3);
	bool linked = ask_permalink(
	    w->a, pg_get_str(r, row, 5), pg_get_str(r, row, 6), pg_get_str(r, row, 7), pg_get_str(r, row, 8), link, sizeof(link));
	buf_add_str(md, linked ? "- [" : "- ");
	command_put_name(md, name != NULL ? name : "somebody");
	buf_add_str(md, ", ");
	put_day(md, pg_get_time_ms(r, row, 4), w->a->card.tz);
	if (linked)
		buf_addf(md, "](%s)", link);
	buf_add_str(md, ": ");
	put_beginning(md, PQgetvalue(r, row, 1), (size_t)PQgetlength(r, row, 1));
	buf_add_char(md, '\n');
}

static enum err put_messages(struct reasons *w, const char *title)
{
	if (w->messages_len == 0)
		return ERR_NONE;
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, w->a->r->ws);
	pg_array_begin(g, PG_UUID);
	for (size_t i = 0; i < w->may.len; i++)
		pg_array_id(g, w->may.audiences[i]);
	pg_array_end(g);
	pg_arg_id(g, w->may.only_thread);
	pg_array_begin(g, PG_UUID);
	for (size_t i = 0; i < w->messages_len; i++)
		pg_array_id(g, w->messages[i]);
	pg_array_end(g);
	PGresult *r = NULL;
	enum err e = ask_query(w->a, "recall_messages", g, &r);
	pg_args_free(g);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r) && i < SOURCES; i++) {
		if (i == 0)
			buf_addf(w->a->md, "%s%s\n", w->shown > 0 ? "\n" : "", title);
		search_note(&w->may, pg_get_id(r, i, 9));
		put_message(w, r, i);
		w->shown++;
	}
	PQclear(r);
	return e;
}

/* Messages that a tool has shown; those that the answer links come first. */
static void collect(struct reasons *w, const char *text, bool linked)
{
	json_t *o = NULL, *m;
	size_t i;
	if (json_parse(text, strlen(text), 64u * 1024u, &o, NULL) != ERR_NONE)
		return;
	json_array_foreach (json_arr(o, "messages"), i, m) {
		const json_t *one = json_obj(m, "this") != NULL ? json_obj(m, "this") : m;
		const char *link = json_str(one, "link", "");
		struct id id;
		if (w->messages_len == 64 || !id_parse(json_str(one, "id", ""), &id))
			continue;
		if (linked != (link[0] != '\0' && strstr(w->answer, link) != NULL))
			continue;
		bool known = false;
		for (size_t k = 0; k < w->messages_len; k++)
			known |= id_equal(w->messages[k], id);
		if (!known)
			w->messages[w->messages_len++] = id;
	}
	json_decref(o);
}

static enum err tool_reasons(struct reasons *w, struct id run)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, w->a->r->ws);
	pg_arg_id(g, run);
	PGresult *r = NULL;
	enum err e = ask_query(w->a, "recall_results", g, &r);
	pg_args_free(g);
	for (int linked = 1; e == ERR_NONE && linked >= 0; linked--)
		for (int i = 0; i < PQntuples(r); i++)
			if (!PQgetisnull(r, i, 0))
				collect(w, PQgetvalue(r, i, 0), linked);
	PQclear(r);
	return e == ERR_NONE ? put_messages(w, "Messages that I looked up:") : e;
}

/* A uuid[] in binary form: dimensions, flags, type, length, bound, then length and bytes of each. */
static size_t read_ids(const PGresult *r, int row, int col, struct id *out, size_t max)
{
	if (PQgetisnull(r, row, col) || PQgetlength(r, row, col) < 20)
		return 0;
	const uint8_t *p = (const uint8_t *)PQgetvalue(r, row, col);
	size_t n = (size_t)p[12] << 24 | (size_t)p[13] << 16 | (size_t)p[14] << 8 | p[15],
	       room = ((size_t)PQgetlength(r, row, col) - 20) / 20;
	n = n < room ? n : room;
	n = n < max ? n : max;
	for (size_t i = 0; i < n; i++)
		memcpy(out[i].b, p + 20 + i * 20 + 4, 16);
	return n;
}

static void put_given(void *arg, const struct item *i)
{
	struct reasons *w = arg;
	buf_add_str(w->a->md, "- ");
	memory_put_item(w->a, i);
	buf_add_char(w->a->md, '\n');
	w->shown++;
}

static enum err given_reasons(struct reasons *w, const struct id *items, size_t n)
{
	size_t title = w->a->md->len;
	int before = w->shown;
	enum err e = ERR_NONE;
	buf_addf(w->a->md, "%sWhat I remembered and was told for it:\n", before > 0 ? "\n" : "");
	for (size_t i = 0; e == ERR_NONE && i < n && w->shown - before < SOURCES; i++)
		e = item_by_id(w->a->pg, &w->may, items[i], put_given, w);
	if (w->shown == before)
		buf_truncate(w->a->md, title);
	return e;
}

static void note_message(void *arg, const struct found_message *m)
{
	struct reasons *w = arg;
	if (w->messages_len < 64)
		w->messages[w->messages_len++] = m->id;
}

/* why #12345: the messages of that item. */
static enum err item_reasons(struct reasons *w, int32_t number)
{
	struct kept_item k = { .found = false };
	enum err e = item_by_number(w->a->pg, &w->may, number, kept_take, &k);
	if (e == ERR_NONE && k.found)
		e = item_sources(w->a->pg, &w->may, k.item.id, note_message, w);
	if (e == ERR_NONE && k.found) {
		memory_put_item(w->a, &k.item);
		buf_add_str(w->a->md, "\n\n");
		e = put_messages(w, "It rests on:");
	}
	if (e == ERR_NONE && w->shown == 0)
		buf_addf(w->a->md, "%s", k.found ? "The messages that it rests on are not for this place, or gone." : "");
	if (e == ERR_NONE && !k.found) {
		buf_addf(w->a->md, "I know of nothing called #%d here.", number);
		ask_refuse(w->a, API_NOT_FOUND, NULL);
	}
	kept_done(&k);
	return e;
}

static enum err answer_reasons(struct reasons *w)
{
	struct ask *a = w->a;
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, a->r->thread);
	pg_arg_int8(g, a->r->message_seq);
	pg_arg_id(g, a->r->about);
	PGresult *r = NULL;
	enum err e = ask_query(a, "recall_answer", g, &r);
	pg_args_free(g);
	if (e != ERR_NONE)
		return e;
	if (PQntuples(r) == 0) {
		buf_add_str(a->md, "I have not said anything here that rests on more than my own rules.");
		PQclear(r);
		return ERR_NONE;
	}
	struct id given[100];
	w->answer = PQgetvalue(r, 0, 1);
	if (!PQgetisnull(r, 0, 4)) {
		w->messages_len = read_ids(r, 0, 5, w->messages, 64);
		e = put_messages(w, "That resolution rests on:");
	} else if (!PQgetisnull(r, 0, 2)) {
		e = tool_reasons(w, pg_get_id(r, 0, 2));
		if (e == ERR_NONE)
			e = given_reasons(w, given, read_ids(r, 0, 3, given, 100));
	}
	PQclear(r);
	if (e == ERR_NONE && w->shown == 0)
		buf_add_str(a->md, "From this conversation alone: I looked nothing up for that answer and was told nothing else.");
	else if (e == ERR_NONE)
		buf_add_str(a->md, "\nAnd this conversation up to that answer.");
	return e;
}

static enum err why_inside(struct ask *a)
{
	struct reasons w = { .a = a, .answer = "" };
	enum err e = memory_allowed(a, &w.may);
	if (e == ERR_NONE)
		e = memory_number(a) != 0 ? item_reasons(&w, memory_number(a)) : answer_reasons(&w);
	search_allowed_done(&w.may);
	return e;
}

enum err why_answer(struct ask *a)
{
	enum err e = pg_begin(a->pg, a->r->ws);
	return e == ERR_NONE ? pg_end(a->pg, why_inside(a)) : e;
}

/* ---- forget that ---- */

enum err memory_shown(struct ask *a, int32_t *number)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, a->r->thread);
	pg_arg_int8(g, a->r->message_seq);
	PGresult *r = NULL;
	enum err e = ask_query(a, "recall_last", g, &r);
	pg_args_free(g);
	*number = 0;
	if (e != ERR_NONE)
		return e;
	bool several = false, ours = PQntuples(r) == 1 && pg_get_bool(r, 0, 1);
	/* Numbers of ours stand in what a command has answered, and bare: those that a model or people wrote mean something else. */
	for (const char *from = ours ? PQgetvalue(r, 0, 0) : "", *s = from; (s = strchr(s, '#')) != NULL;) {
		bool theirs = s > from && s[-1] == '\\';
		size_t digits = strspn(++s, "0123456789");
		if (digits != 5 || theirs)
			continue;
		int32_t n = (int32_t)strtol(s, NULL, 10);
		several |= *number != 0 && *number != n;
		*number = n;
	}
	if (several)
		*number = 0;
	PQclear(r);
	return e;
}

static enum err find_to_forget(struct ask *a, const struct search_allowed *may, struct kept_item *k, bool *unclear)
{
	int32_t number = memory_number(a);
	enum err e = ERR_NONE;
	*unclear = false;
	if (number != 0)
		return item_by_number(a->pg, may, number, kept_take, k);
	if (!id_is_none(a->r->about))
		return item_of_message(a->pg, may, a->r->about, kept_take, k);
	e = memory_shown(a, &number);
	if (e == ERR_NONE && number != 0)
		e = item_by_number(a->pg, may, number, kept_take, k);
	if (e == ERR_NONE && !k->found)
		e = item_latest(a->pg, may, a->r->thread, a->r->person, kept_take, k);
	*unclear = !k->found;
	return e;
}

/* What went, by its first words, and what is left of where it came from.  No more of it: this stays in the thread. */
static void put_forgotten(struct ask *a, const struct item *i)
{
	buf_add_str(a->md, "Forgotten, for good");
	if (i != NULL) {
		const char *body = i->body + said_kind(i);
		buf_addf(a->md, ": the %s “", item_kind_word(i->kind));
		memory_put_text(a->md, body, strlen(body), FORGOTTEN_BYTES);
		buf_addf(a->md, "” (#%d)", i->number);
	}
	if (i == NULL || i->sources == 1)
		buf_add_str(a->md, ". The message that it came from is still there; delete that too if it should go.");
	else if (i->sources > 1)
		buf_addf(a->md, ". The %lld messages that it came from are still there; delete those too if they should go.",
		    (long long)i->sources);
	else
		buf_add_str(a->md, ".");
}

static enum err forget_inside(struct ask *a)
{
	struct search_allowed may = { 0 };
	struct kept_item k = { .found = false };
	bool unclear = false, before = false;
	enum err e = memory_allowed(a, &may);
	if (e == ERR_NONE)
		e = find_to_forget(a, &may, &k, &unclear);
	search_allowed_done(&may);
	const struct item *i = &k.item;
	struct run *r = a->r;
	bool own = k.found && (ask_is_me(a, i->author) || ask_is_me(a, i->about));
	if (e == ERR_NONE && k.found && !own && (a->card.guest || !memory_is_seen(a, i))) {
		buf_addf(
		    a->md, "#%d is not yours. A member can have it forgotten in a place where the others see that.", i->number);
	} else if (e == ERR_NONE && k.found) {
		e = memory_audit(a, "memory.forget", i->id, NULL);
		if (e == ERR_NONE)
			e = item_delete(a->pg, r->ws, i->id);
		if (e == ERR_NONE)
			put_forgotten(a, i);
	} else if (e == ERR_NONE) {
		/* Run again after a crash, it is gone already. */
		struct pg_args *g = pg_args_new();
		pg_arg_id(g, r->ws);
		pg_arg_id(g, id_named(r->id, 0, "memory.forget", 13));
		PGresult *res = NULL;
		e = ask_query(a, "memory_audited", g, &res);
		pg_args_free(g);
		before = e == ERR_NONE && PQntuples(res) == 1;
		PQclear(res);
		if (before)
			put_forgotten(a, NULL);
		else if (e == ERR_NONE && unclear)
			ask_refuse(a, API_INVALID,
			    "I don't know what you mean: `what do you remember` shows what there is, `forget #…` removes one of it.");
		else if (e == ERR_NONE)
			ask_refuse(a, API_NOT_FOUND, "There is nothing of that name here.");
	}
	kept_done(&k);
	return e;
}

enum err forget_answer(struct ask *a)
{
	enum err e = pg_begin(a->pg, a->r->ws);
	return e == ERR_NONE ? pg_end(a->pg, forget_inside(a)) : e;
}
