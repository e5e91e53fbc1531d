/*
 * What did we decide here: decisions and tasks of a thread, found by the model or, without one, by the signs of decisions in what was said.  What
 * is found is a proposal until somebody keeps it.  Its id comes from the thread and its own words, so asking twice finds the same items,
 * and what was dropped stays dropped.  item_put() leaves out lines that share no word with the messages they name.
 */
#include "remember.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../agents/task_prompt.h"
#include "../base/json.h"
#include "../base/mem.h"
#include "../base/utf8.h"
#include "../talk/resolution.h"

#define MESSAGES_MAX 200
#define FOUND_MAX 10
#define BUTTONS 3
#define ANSWER_TOKENS 1200
#define TEXT_BYTES 1000

const struct pg_statement ask_decisions_statements[] = {
	/* Erased ones keep their number: the model's answer names messages by it. */
	{ "decisions_messages",
	    "SELECT * FROM (SELECT m.id, m.seq, m.created_at, m.author_kind, p.name, CASE WHEN m.state = 2 THEN '' ELSE coalesce(m.whole, m.body) END"
	    " FROM messages m LEFT JOIN people p ON p.ws = m.ws AND p.id = m.author_id LEFT JOIN runs r ON r.ws = m.ws AND r.id = m.run_id"
	    " WHERE m.ws = $1 AND m.thread_id = $2 AND m.seq < $3 AND NOT (m.author_kind = 2 AND (m.run_id IS NULL OR r.kind = 2))"
	    " AND m.author_kind <> 3 AND NOT EXISTS (SELECT 1 FROM runs c WHERE c.ws = m.ws AND c.thread_id = m.thread_id"
	    " AND c.message_id = m.id AND c.kind = 2) ORDER BY m.seq DESC LIMIT $4::int4) x ORDER BY 2" },
	{ NULL, NULL },
};

struct talk {
	struct digest_message *list;
	size_t len;
	PGresult *res;
};

static void talk_done(struct talk *t)
{
	free(t->list);
	PQclear(t->res);
	memset(t, 0, sizeof(*t));
}

static enum err load(struct ask *a, struct talk *t)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, a->r->thread);
	pg_arg_int8(g, a->r->message_seq);
	pg_arg_int4(g, MESSAGES_MAX);
	enum err e = ask_query(a, "decisions_messages", g, &t->res);
	pg_args_free(g);
	if (e != ERR_NONE)
		return e;
	t->len = (size_t)PQntuples(t->res);
	t->list = xcalloc(t->len + 1, sizeof(*t->list));
	for (size_t i = 0; i < t->len; i++) {
		int row = (int)i;
		bool eddy = pg_get_int8(t->res, row, 3) == AUTHOR_EDDY;
		const char *name = pg_get_str(t->res, row, 4);
		t->list[i] = (struct digest_message){ .id = pg_get_id(t->res, row, 0),
			.seq = pg_get_int8(t->res, row, 1),
			.at_ms = pg_get_time_ms(t->res, row, 2),
			.author = eddy     ? "Eddy"
			    : name != NULL ? name
			                   : "somebody",
			.by_eddy = eddy,
			.text = PQgetvalue(t->res, row, 5),
			.text_len = (size_t)PQgetlength(t->res, row, 5) };
	}
	return ERR_NONE;
}

/* ---- what is found ---- */

struct found {
	enum item_kind kind;
	char *text;
	struct id sources[ITEM_SOURCES_MAX];
	size_t sources_len;
};
struct finds {
	struct found list[2 * FOUND_MAX];
	size_t len, of_kind[ITEM_FACT + 1];
};

static void finds_done(struct finds *f)
{
	for (size_t i = 0; i < f->len; i++)
		free(f->list[i].text);
	f->len = 0;
}

static struct found *add(struct finds *f, enum item_kind kind, const char *text, size_t n)
{
	if (f->of_kind[kind] >= FOUND_MAX || n == 0)
		return NULL;
	f->of_kind[kind]++;
	struct found *x = &f->list[f->len++];
	*x = (struct found){ .kind = kind, .text = xstrndup(text, utf8_clip(text, n, TEXT_BYTES)) };
	return x;
}

static void add_source(struct found *x, const struct talk *t, int64_t number)
{
	if (x != NULL && number >= 1 && (size_t)number <= t->len && x->sources_len < ITEM_SOURCES_MAX)
		x->sources[x->sources_len++] = t->list[number - 1].id;
}

static void read_lines(struct ask *a, const json_t *list, enum item_kind kind, const struct talk *t, struct finds *f)
{
	size_t i, k;
	json_t *line, *number;
	json_array_foreach (list, i, line) {
		const char *text = json_str(line, "text", ""), *who = json_str(line, "who", "");
		const json_t *sources = json_arr(line, "sources");
		if (text[0] == '\0' || json_array_size(sources) == 0)
			continue;
		struct buf b = BUF_INIT, said = BUF_INIT;
		if (kind == ITEM_ACTION && who[0] != '\0' && strcasestr(text, who) == NULL)
			buf_addf(&b, "%.*s: ", (int)utf8_clip(who, strlen(who), 80), who);
		buf_add_str(&b, text);
		speak_elsewhere(a->r, b.p, b.len, &said);
		struct found *x = add(f, kind, said.p, said.len);
		json_array_foreach (sources, k, number)
			add_source(x, t, json_integer_value(number));
		buf_done(&b);
		buf_done(&said);
	}
}

/* False: it is no such JSON. */
static bool read_said(struct ask *a, const char *said, size_t n, const struct talk *t, struct finds *f)
{
	const char *from = memchr(said, '{', n);
	while (n > 0 && said[n - 1] != '}')
		n--;
	json_t *o = NULL;
	if (from == NULL || n == 0 || json_parse(from, n - (size_t)(from - said), 256u * 1024u, &o, NULL) != ERR_NONE)
		return false;
	bool ok = json_arr(o, "decisions") != NULL || json_arr(o, "actions") != NULL;
	read_lines(a, json_arr(o, "decisions"), ITEM_DECISION, t, f);
	read_lines(a, json_arr(o, "actions"), ITEM_ACTION, t, f);
	json_decref(o);
	return ok;
}

/* Somebody says at the beginning of a sentence what they will do. */
static bool takes_on(const char *s, size_t n)
{
	static const char *const signs[] = { "i'll ", "i will ", "i am going to ", "i'm going to ", "i can take ", "i take ",
		"on it", "ich übernehme", "ich mache ", "ich kümmere mich", "je m'en occupe", "je vais ", "yo me encargo",
		"me encargo", "voy a ", NULL };
	for (int i = 0; signs[i] != NULL; i++)
		if (n > strlen(signs[i]) && strncasecmp(s, signs[i], strlen(signs[i])) == 0)
			return true;
	return false;
}

static void find_actions(const struct talk *t, struct finds *f)
{
	for (size_t i = 0; i < t->len; i++) {
		const struct digest_message *m = &t->list[i];
		size_t at = 0;
		while (at < m->text_len && !m->by_eddy) {
			size_t len = strcspn(m->text + at, ".!?\n");
			len = len < m->text_len - at ? len : m->text_len - at;
			if (takes_on(m->text + at, len)) {
				struct buf b = BUF_INIT;
				buf_addf(&b, "%.*s: ", (int)utf8_clip(m->author, strlen(m->author), 80), m->author);
				buf_add(&b, m->text + at, utf8_clip(m->text + at, len, 400));
				add_source(add(f, ITEM_ACTION, b.p, b.len), t, (int64_t)i + 1);
				buf_done(&b);
			}
			at += len;
			while (at < m->text_len && strchr(".!?\n ", m->text[at]) != NULL)
				at++;
		}
	}
}

static void find_without_model(const struct talk *t, struct finds *f)
{
	struct resolution r;
	memset(&r, 0, sizeof(r));
	resolution_extract("", t->list, t->len, &r);
	for (size_t i = 0; i < r.len; i++) {
		if (r.lines[i].part != RESOLUTION_DECISION)
			continue;
		struct found *x = add(f, ITEM_DECISION, r.lines[i].text, strlen(r.lines[i].text));
		for (size_t k = 0; k < r.lines[i].sources_len; k++)
			add_source(x, t, r.lines[i].sources[k]);
	}
	resolution_done(&r);
	find_actions(t, f);
}

/* ---- the answer ---- */

struct showing {
	struct ask *a;
	int confirmed, proposed;
};

static void put_row(void *arg, const struct item *i)
{
	struct showing *s = arg;
	bool proposed = i->state == ITEM_PROPOSED;
	int *n = proposed ? &s->proposed : &s->confirmed;
	if (i->kind != ITEM_DECISION && i->kind != ITEM_ACTION)
		return;
	if ((*n)++ == 0)
		buf_add_str(s->a->md,
		    !proposed              ? "Decided and taken on:\n"
		        : s->confirmed > 0 ? "\nFound, not confirmed yet:\n"
		                           : "Found, not confirmed yet:\n");
	buf_add_str(s->a->md, "- ");
	memory_put_item(s->a, i);
	buf_add_char(s->a->md, '\n');
	if (!proposed || *n > BUTTONS)
		return;
	char label[40], command[40];
	snprintf(label, sizeof(label), "Keep #%d", i->number);
	snprintf(command, sizeof(command), "keep #%d", i->number);
	ask_button(s->a, label, command, BUTTON_PRIMARY);
	snprintf(label, sizeof(label), "Drop #%d", i->number);
	snprintf(command, sizeof(command), "drop #%d", i->number);
	ask_button(s->a, label, command, BUTTON_PLAIN);
}

static enum err show(struct ask *a, bool by_model)
{
	struct search_allowed may = { 0 };
	struct showing s = { .a = a };
	enum err e = memory_allowed(a, &may);
	for (int proposed = 0; proposed < 2 && e == ERR_NONE; proposed++) {
		struct item_query q = { .thread = a->r->thread, .proposed = proposed, .limit = 30 };
		e = item_list(a->pg, &may, &q, put_row, &s);
	}
	search_allowed_done(&may);
	if (e != ERR_NONE)
		return e;
	if (s.confirmed + s.proposed == 0)
		buf_add_str(a->md, "I found no decision in what was said here.");
	if (s.proposed > 0)
		buf_add_str(a->md, "\n`keep #…` keeps one, `drop #…` drops it.");
	if (!by_model)
		buf_addf(a->md, "\n_%s, so this is found by its words alone._",
		    a->why_no_model != NULL ? a->why_no_model : "No model is connected");
	return ERR_NONE;
}

static enum err store(struct ask *a, const struct finds *f)
{
	for (size_t i = 0; i < f->len; i++) {
		const struct found *x = &f->list[i];
		struct buf name = BUF_INIT;
		buf_addf(&name, "%d %s", (int)x->kind, x->text);
		struct item_new n = { .id = id_named(a->r->thread, 0, name.p, name.len),
			.kind = x->kind,
			.scope = SCOPE_THREAD,
			.scope_id = a->r->thread,
			.state = ITEM_PROPOSED,
			.origin = ORIGIN_AGENT,
			.body = x->text,
			.body_len = strlen(x->text),
			.confidence = 0.6,
			.sources = x->sources,
			.sources_len = x->sources_len,
			.thread = a->r->thread };
		enum err e = item_put(a->pg, a->r->ws, &n, NULL);
		buf_done(&name);
		if (e != ERR_NONE && e != ERR_INPUT && e != ERR_DENIED)
			return e;
	}
	return ERR_NONE;
}

static enum err complete_inside(struct ask *a, const char *said, size_t n)
{
	struct talk t = { .len = 0 };
	struct finds f;
	memset(&f, 0, sizeof(f));
	bool private = false;
	enum err e = load(a, &t);
	if (e == ERR_NONE)
		e = memory_private(a, &private);
	if (e == ERR_NONE && said == NULL)
		find_without_model(&t, &f);
	else if (e == ERR_NONE && (!ask_is_same(a, t.list, t.len) || !read_said(a, said, n, &t, &f)))
		e = ERR_INPUT;
	/* What guests ask for is not noted; they see what the others have. */
	if (e == ERR_NONE && !private && !a->card.guest)
		e = store(a, &f);
	if (e == ERR_NONE)
		e = show(a, said != NULL);
	finds_done(&f);
	talk_done(&t);
	return e;
}

enum err decisions_complete(struct ask *a, const char *said, size_t n)
{
	enum err e = pg_begin(a->pg, a->r->ws);
	return e == ERR_NONE ? pg_end(a->pg, complete_inside(a, said, n)) : e;
}

enum err decisions_answer(struct ask *a)
{
	struct talk t = { .len = 0 };
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e != ERR_NONE)
		return e;
	if ((e = load(a, &t)) == ERR_NONE && t.len == 0)
		e = show(a, true); /* nothing to read: what is known is all there is */
	e = pg_end(a->pg, e);
	if (e == ERR_NONE && t.len > 0) {
		struct task_facts f = {
			.asker = a->card.name[0] ? a->card.name : NULL,
			.tz = a->card.tz[0] ? a->card.tz : NULL,
			.wall_ms = a->wall_ms,
			.messages = t.list,
			.messages_len = t.len,
		};
		a->task.name = TASK_DECISIONS;
		a->task.max_tokens = ANSWER_TOKENS;
		a->task.status = "is reading the thread…";
		task_prompt(TASK_DECISIONS, &f, &a->task.system, &a->task.input);
	}
	talk_done(&t);
	return e;
}
