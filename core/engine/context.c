/*
 * The context of a run.  Its size is counted before the call (four bytes a token, a little more for each message) and fitted to the
 * model's window by leaving out the oldest messages, so a small local model gets less instead of an error.
 */
#include "context.h"

#include <stdlib.h>
#include <string.h>

#include "../agents/policy.h"
#include "../agents/task_prompt.h"
#include "../agents/tools.h"
#include "../base/clock.h"
#include "../base/json.h"
#include "../base/mem.h"
#include "../base/utf8.h"
#include "../memory/inject.h"
#include "../settings/settings.h"
#include "../talk/said.h"

#define MESSAGE_TOKENS 8
#define MARGIN_TOKENS 256
#define FORK_BEFORE_BYTES 3000
#define EARLIER_BYTES 3000
#define EARLIER_STEP 25  /* messages that may be missing from what was made before, */
#define EARLIER_MS 60000 /* or as many as come in this time */

const struct pg_statement context_statements[] = {
	/* One guest among the identities of a user makes all of them guests. */
	{ "context_card",
	    "SELECT p.name, p.tz, CASE WHEN l.linked THEN (SELECT bool_or(x.guest) FROM people x WHERE x.ws = $1 AND x.id IN (SELECT same_user($2)))"
	    " ELSE p.guest END, l.linked FROM people p, LATERAL (SELECT p.user_id IS NOT NULL OR EXISTS (SELECT 1 FROM people o WHERE o.ws = $1"
	    " AND o.user_id = $2) AS linked) l WHERE p.ws = $1 AND p.id = $2" },
	{ "context_place", "SELECT name, visibility FROM places WHERE ws = $1 AND id = $2" },
	{ "context_fork",
	    "SELECT f.topic, m.body, CASE WHEN m.author_kind = 2 THEN 'Eddy' ELSE p.name END, f.parent_id, m.seq FROM forks f"
	    " LEFT JOIN messages m ON m.ws = f.ws AND m.id = f.about_id AND m.state <> 2 AND m.thread_id = f.parent_id"
	    " LEFT JOIN people p ON p.ws = m.ws AND p.id = m.author_id"
	    " WHERE f.ws = $1 AND f.id = $2" },
	/* What was told in an earlier call: replay.c. */
	{ "context_told",
	    "SELECT seq, author_kind, author_id, body FROM messages WHERE ws = $1 AND thread_id = $2 AND seq BETWEEN $3 AND $4"
	    " AND (seq <= $5 OR author_kind = 2) AND state <> 2 ORDER BY seq = $5, seq LIMIT 50" },
	{ "context_steps", "SELECT kind, body FROM run_steps WHERE ws = $1 AND run_id = $2 ORDER BY n" },
	{ NULL, NULL },
};

static uint32_t tokens_of(size_t bytes)
{
	return (uint32_t)((bytes + 3) / 4) + MESSAGE_TOKENS;
}

static void copy_column(const PGresult *r, int col, char *out, size_t n)
{
	size_t len = PQgetisnull(r, 0, col) ? 0 : utf8_clip(PQgetvalue(r, 0, col), (size_t)PQgetlength(r, 0, col), n - 1);
	memcpy(out, PQgetvalue(r, 0, col), len);
	out[len] = 0;
}

enum err context_card(struct engine *e, struct pg *pg, struct id ws, struct id person, struct person_card *out)
{
	memset(out, 0, sizeof(*out));
	if (id_is_none(person) || (directory_card(e->directory, person, out) && !out->linked))
		return ERR_NONE;
	memset(out, 0, sizeof(*out));
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, person);
	PGresult *r = NULL;
	enum err err = pg_query(pg, "context_card", a, &r);
	pg_args_free(a);
	if (err != ERR_NONE)
		return err;
	out->id = person;
	if (PQntuples(r) == 1) {
		copy_column(r, 0, out->name, sizeof(out->name));
		copy_column(r, 1, out->tz, sizeof(out->tz));
		out->guest = pg_get_bool(r, 0, 2);
		out->linked = pg_get_bool(r, 0, 3);
		directory_put_card(e->directory, out);
	}
	PQclear(r);
	return ERR_NONE;
}

enum err context_place(struct engine *e, struct pg *pg, struct id ws, struct id place, char *name, size_t n, enum visibility *v)
{
	if (directory_place_name(e->directory, place, name, n, v))
		return ERR_NONE;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, place);
	PGresult *r = NULL;
	enum err err = pg_query(pg, "context_place", a, &r);
	pg_args_free(a);
	if (err != ERR_NONE)
		return err;
	if (PQntuples(r) == 1) {
		copy_column(r, 0, name, n);
		*v = (enum visibility)pg_get_int8(r, 0, 1);
	}
	PQclear(r);
	return ERR_NONE;
}

static enum err load_steps(struct run *r, struct pg *pg)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, r->ws);
	pg_arg_id(a, r->id);
	PGresult *res = NULL;
	enum err e = pg_query(pg, "context_steps", a, &res);
	pg_args_free(a);
	if (e != ERR_NONE)
		return e;
	for (int i = 0; i < PQntuples(res); i++) {
		/* jsonb in binary form starts with a version byte */
		const char *text = PQgetvalue(res, i, 1) + 1;
		json_t *o = NULL;
		if (json_parse(text, (size_t)PQgetlength(res, i, 1) - 1, 1024 * 1024, &o, NULL) != ERR_NONE)
			continue;
		const char *said = json_str(o, "text", "");
		struct step *s = run_step_add(r, (enum model_role)pg_get_int8(res, i, 0), json_str(o, "id", ""),
		    json_str(o, "name", ""), said, strlen(said), json_bool(o, "failed", false));
		int64_t depth = json_int(o, "depth", 0);
		s->depth = depth < 0 ? 0 : depth > SUB_DEPTH_MAX ? SUB_DEPTH_MAX : (uint8_t)depth;
		s->by_agent = json_bool(o, "by_agent", false);
		json_decref(o);
	}
	sub_resume(r);
	r->steps_stored = r->steps_len;
	r->steps_loaded = true;
	PQclear(res);
	return ERR_NONE;
}

/* Several people: each message says whose it is.  One person: the prompt has said it. */
static bool has_several(const struct transcript *t)
{
	const struct id *first = NULL;
	for (size_t i = 0; i < t->len; i++) {
		if (t->items[i].kind == AUTHOR_EDDY)
			continue;
		if (first != NULL && !id_equal(*first, t->items[i].author))
			return true;
		first = &t->items[i].author;
	}
	return false;
}

static size_t fit(const struct run *r, const struct context *c, uint32_t room)
{
	uint32_t used = tokens_of(c->system.len);
	for (size_t i = 0; i < r->steps_len; i++)
		used += r->steps[i].depth == 0 ? tokens_of(r->steps[i].text_len) : 0;
	size_t from = c->transcript.len;
	while (from > 0) {
		uint32_t more = tokens_of(c->transcript.items[from - 1].text_len);
		if (from < c->transcript.len && used + more > room)
			break;
		used += more;
		from--;
	}
	return from;
}

static size_t lines_in(const char *text, size_t n)
{
	size_t lines = 0;
	for (const char *p = text; (p = memchr(p, '\n', n - (size_t)(p - text))) != NULL; p++)
		lines++;
	return lines;
}

/* Lines after the first are set in, so that none of them looks like the beginning of what somebody else says. */
static void add_words(struct buf *out, const char *text, size_t n)
{
	while (n > 0) {
		const char *end = memchr(text, '\n', n);
		size_t line = end == NULL ? n : (size_t)(end - text) + 1;
		buf_add(out, text, line);
		if (end != NULL && line < n)
			buf_add_str(out, "  ");
		text += line;
		n -= line;
	}
}

static void add_steps(const struct run *r, struct context *c, size_t from, size_t *total)
{
	for (size_t i = from; i < r->steps_len; i++) {
		const struct step *s = &r->steps[i];
		if (s->depth != r->depth)
			continue;
		c->messages[c->messages_len++] = (struct model_message){ .role = s->role,
			.text = s->text,
			.text_len = s->text_len,
			.tool_name = s->tool_name,
			.tool_id = s->tool_id,
			.tool_failed = s->failed };
		*total += tokens_of(s->text_len);
	}
}

static void add_messages(struct run *r, struct context *c, struct engine *e, uint32_t room)
{
	bool several = has_several(&c->transcript);
	size_t from = fit(r, c, room);
	while (from + 1 < c->transcript.len && c->transcript.items[from].kind == AUTHOR_EDDY)
		from++;                                     /* a conversation opens with a person */
	for (size_t i = from; i < c->transcript.len; i++) { /* the question stands last, whatever came after it */
		int64_t seq = c->transcript.items[i].seq;
		r->mark.from = i == from || seq < r->mark.from ? seq : r->mark.from;
		r->mark.upto = i == from || seq > r->mark.upto ? seq : r->mark.upto;
	}
	c->messages = xcalloc(c->transcript.len - from + r->steps_len + 1, sizeof(*c->messages));
	size_t need = 0;
	for (size_t i = from; several && i < c->transcript.len; i++)
		need += c->transcript.items[i].text_len + sizeof(c->card.name) + 4 +
		    2 * lines_in(c->transcript.items[i].text, c->transcript.items[i].text_len);
	buf_reserve(&c->names, need + 1); /* once: what points into it must not move */
	size_t total = tokens_of(c->system.len);
	for (size_t i = from; i < c->transcript.len; i++) {
		const struct transcript_item *t = &c->transcript.items[i];
		struct model_message *m = &c->messages[c->messages_len++];
		m->role = t->kind == AUTHOR_EDDY ? ROLE_ASSISTANT : ROLE_USER;
		m->text = t->text;
		m->text_len = t->text_len;
		struct person_card who;
		if (several && m->role == ROLE_USER && directory_card(e->directory, t->author, &who) && who.name[0]) {
			size_t at = c->names.len;
			buf_addf(&c->names, "%s: ", who.name);
			add_words(&c->names, t->text, t->text_len);
			m->text = c->names.p + at;
			m->text_len = c->names.len - at;
		}
		size_t most = (size_t)room * 4;
		if (i + 1 == c->transcript.len && m->text_len > most && most > 0)
			m->text_len = utf8_clip(m->text, m->text_len, most); /* the question alone is too long: its beginning */
		total += tokens_of(m->text_len);
	}
	add_steps(r, c, 0, &total);
	c->input_tokens = (uint32_t)total;
}

/* In a conversation inside the run: the task, and what came of it. */
static void add_task(struct run *r, struct context *c)
{
	struct sub_at at;
	size_t n, total = tokens_of(c->system.len);
	sub_look(r, &at);
	c->task = sub_task(r, &n);
	c->messages = xcalloc(r->steps_len - at.from + 1, sizeof(*c->messages));
	c->messages[c->messages_len++] = (struct model_message){ .role = ROLE_USER, .text = c->task ? c->task : "", .text_len = n };
	total += tokens_of(n);
	add_steps(r, c, at.from, &total);
	c->input_tokens += (uint32_t)total;
}

static void add_tools(struct context *c)
{
	for (size_t i = 0; i < c->agent->tools_len; i++) {
		const struct tool *t = tool_find(c->agent->tools[i]);
		if (t == NULL)
			continue;
		c->tools[c->tools_len++] = (struct model_tool){ t->name, t->description, t->schema };
		c->input_tokens += tokens_of(strlen(t->description) + strlen(t->schema));
	}
	for (size_t i = 0; i < c->offers.len; i++) {
		const struct sub_offer *o = &c->offers.of[i];
		c->tools[c->tools_len++] = (struct model_tool){ o->name, o->description, sub_schema };
		c->input_tokens += tokens_of(strlen(o->description) + strlen(sub_schema));
	}
}

/* What a side thread is about and what led to it: at most a few kB. */
static enum err load_fork(struct run *r, struct pg *pg, struct buf *out)
{
	struct pg_args *a = pg_args_new();
	PGresult *res = NULL;
	pg_arg_id(a, r->ws);
	pg_arg_id(a, r->fork);
	enum err e = pg_query(pg, "context_fork", a, &res);
	pg_args_free(a);
	if (e != ERR_NONE)
		return e;
	if (PQntuples(res) == 1) {
		struct buf before = BUF_INIT;
		if (!PQgetisnull(res, 0, 4)) /* erased: then nobody knows where it left either */
			e = thread_digest(pg, r->ws, pg_get_id(res, 0, 3), pg_get_int8(res, 0, 4), FORK_BEFORE_BYTES, &before);
		fork_prompt(&(struct fork_facts){ .topic = pg_get_str(res, 0, 0),
		                .author = pg_get_str(res, 0, 2),
		                .message = PQgetisnull(res, 0, 1) ? NULL : PQgetvalue(res, 0, 1),
		                .message_len = (size_t)PQgetlength(res, 0, 1),
		                .before = before.p,
		                .before_len = before.len },
		    out);
		buf_done(&before);
	}
	PQclear(res);
	return e;
}

static enum err load_told(struct run *r, struct pg *pg, struct transcript *out)
{
	struct pg_args *a = pg_args_new();
	PGresult *res = NULL;
	pg_arg_id(a, r->ws);
	pg_arg_id(a, r->thread);
	pg_arg_int8(a, r->replay->mark.from);
	pg_arg_int8(a, r->replay->mark.upto);
	pg_arg_int8(a, r->message_seq);
	enum err e = pg_query(pg, "context_told", a, &res);
	pg_args_free(a);
	size_t bytes = 1;
	for (int i = 0; e == ERR_NONE && i < PQntuples(res); i++)
		bytes += (size_t)PQgetlength(res, i, 3) + 1;
	char *p = out->memory = xmalloc(bytes);
	for (int i = 0; e == ERR_NONE && i < PQntuples(res) && i < TRANSCRIPT_MAX; i++) {
		size_t n = (size_t)PQgetlength(res, i, 3);
		memcpy(p, PQgetvalue(res, i, 3), n + 1);
		out->items[out->len++] = (struct transcript_item){ pg_get_int8(res, i, 0), (enum author_kind)pg_get_int8(res, i, 1),
			PQgetisnull(res, i, 2) ? ID_NONE : pg_get_id(res, i, 2), p, n };
		p += n + 1;
	}
	PQclear(res);
	return e;
}

/* What may be told of what is remembered: a quarter of the window at most. */
static uint32_t memory_room(const struct run *r, const struct agent *agent)
{
	if (r->replay != NULL)
		return 0;
	struct model *m = r->e->model;
	int64_t most = settings_int(r->e->o.settings, "memory.inject_tokens");
	uint32_t quarter = m->ops->window(m, agent->model) / 4;
	return r->floor || most <= 0 ? 0 : most < quarter ? (uint32_t)most : quarter;
}

/* Once for each run, so that all its turns have the same prompt in front. */
static enum err remember(struct run *r, struct pg *pg, const struct context *c)
{
	const struct transcript_item *q = c->transcript.len > 0 ? &c->transcript.items[c->transcript.len - 1] : NULL;
	struct memory_ask ask = {
		.ws = r->ws,
		.thread = r->thread,
		.run = r->id,
		.person = r->person,
		.guest = c->card.guest,
		.text = q != NULL ? q->text : NULL,
		.text_len = q != NULL ? q->text_len : 0,
		.tokens = memory_room(r, c->agent),
		.reads = &r->reads,
	};
	buf_done(&r->memory); /* a run that is told nothing holds nothing */
	if (r->replay != NULL)
		return r->replay->without_memory ? ERR_NONE : memory_given(pg, r->ws, r->id, &r->memory);
	enum err e = memory_inject(r->e->memory, pg, &ask, &r->memory);
	r->remembered = e == ERR_NONE;
	return e;
}

/*
 * Of a thread that is longer than its tail: what lies before it, in short.  Kept with the tail and made anew at most once a minute, so that a
 * thread in which much is said costs no more than others.  True: it has to be made.
 */
static bool look_earlier(struct run *r, struct context *c)
{
	const struct transcript *t = &c->transcript;
	char described[128];
	uint64_t at;
	if (r->replay != NULL)
		return r->replay->mark.earlier > 0;
	if (r->floor || t->len < TRANSCRIPT_MAX || t->items[0].seq <= 1)
		return false;
	r->e->model->ops->describe(r->e->model, described, sizeof(described));
	if (strncmp(described, "builtin", 7) == 0)
		return false;
	bool held = transcripts_earlier(r->e->transcripts, r->thread, &c->earlier, &c->earlier_before, &at);
	if (held && (t->items[0].seq < c->earlier_before + EARLIER_STEP || clock_ms() - at < EARLIER_MS))
		return false;
	buf_reset(&c->earlier);
	return true;
}

static enum err make_earlier(struct run *r, struct pg *pg, struct context *c)
{
	uint64_t changes = transcripts_changes(r->e->transcripts);
	c->earlier_before = r->replay != NULL ? r->replay->mark.earlier : c->transcript.items[0].seq;
	enum err e = thread_digest(pg, r->ws, r->thread, c->earlier_before, EARLIER_BYTES, &c->earlier);
	if (e == ERR_NONE && r->replay == NULL)
		transcripts_keep_earlier(r->e->transcripts, r->thread, c->earlier_before, clock_ms(), changes,
		    c->earlier.p ? c->earlier.p : "", c->earlier.len);
	return e;
}

/* The agent that is asked, and whom it may ask.  ERR_INPUT: it is not there any more. */
static enum err find_agents(struct run *r, struct pg *pg, struct context *c)
{
	bool gone = false;
	enum err err = ERR_NONE;
	if (c->agent == NULL)
		err = sub_agent(r, pg, &c->agent, &c->parent, &c->run_turns, &gone);
	if (err == ERR_NONE && gone)
		return ERR_INPUT;
	if (err == ERR_NONE && c->agent != NULL && !c->offers.known)
		err = sub_offer(r, pg, c->agent, &c->offers);
	return err;
}

/* What a run had done before it was loaded, and so in which conversation it is. */
static enum err find_steps(struct run *r, struct pg *pg)
{
	if (!r->resumed || r->steps_loaded || r->steps_len > 0)
		return ERR_NONE;
	enum err err = pg_begin(pg, r->ws);
	if (err == ERR_NONE)
		err = pg_end(pg, load_steps(r, pg));
	return err;
}

/* The same in a conversation inside the run, which is told the task and nothing else. */
static enum err gather_sub(struct run *r, struct pg *pg, struct context *c, char *place, size_t place_n, enum visibility *v)
{
	struct engine *e = r->e;
	bool card = id_is_none(r->person) || (directory_card(e->directory, r->person, &c->card) && !c->card.linked);
	bool known = directory_place_name(e->directory, r->place, place, place_n, v);
	enum err err = find_agents(r, NULL, c);
	if (err != ERR_NONE || (card && known && c->agent != NULL && c->offers.known))
		return err;
	if ((err = pg_begin(pg, r->ws)) != ERR_NONE)
		return err;
	err = find_agents(r, pg, c);
	if (err == ERR_NONE && !card)
		err = context_card(e, pg, r->ws, r->person, &c->card);
	if (err == ERR_NONE)
		err = context_place(e, pg, r->ws, r->place, place, place_n, v);
	return pg_end(pg, err);
}

/* Everything that may need the database; one tenant transaction, opened only when something is not in memory. */
static enum err gather(struct run *r, struct pg *pg, struct context *c, char *place, size_t place_n, enum visibility *v)
{
	struct engine *e = r->e;
	int64_t upto = r->context_upto > r->message_seq ? r->context_upto : r->message_seq;
	bool have = r->replay == NULL && transcripts_get(e->transcripts, r->thread, upto, &c->transcript);
	bool card = id_is_none(r->person) || (directory_card(e->directory, r->person, &c->card) && !c->card.linked);
	bool known = directory_place_name(e->directory, r->place, place, place_n, v);
	bool recall = (!r->remembered || r->turns == 0) && !r->floor && settings_int(e->o.settings, "memory.inject_tokens") > 0 &&
	    memory_may_have(e->memory, r->ws);
	recall = recall || r->replay != NULL;
	bool earlier = have && look_earlier(r, c);
	bool need = !have || !card || !known || !id_is_none(r->fork) || recall || earlier;
	enum err err = find_agents(r, NULL, c);
	if (!need && err == ERR_NONE && c->agent != NULL && c->offers.known)
		return ERR_NONE;
	if ((err = pg_begin(pg, r->ws)) != ERR_NONE)
		return err;
	err = find_agents(r, pg, c);
	if (err == ERR_NONE && r->replay != NULL)
		err = load_told(r, pg, &c->transcript);
	else if (err == ERR_NONE && !have)
		err = transcript_load(pg, e->transcripts, r->ws, r->thread, upto, &c->transcript);
	if (err == ERR_NONE && !card)
		err = context_card(e, pg, r->ws, r->person, &c->card);
	for (size_t i = 0; err == ERR_NONE && !have && i < c->transcript.len; i++) {
		struct person_card other;
		if (c->transcript.items[i].kind != AUTHOR_EDDY)
			err = context_card(e, pg, r->ws, c->transcript.items[i].author, &other);
	}
	if (err == ERR_NONE)
		err = context_place(e, pg, r->ws, r->place, place, place_n, v);
	if (err == ERR_NONE && !id_is_none(r->fork))
		err = load_fork(r, pg, &c->fork);
	if (err == ERR_NONE && (have ? earlier : look_earlier(r, c)))
		err = make_earlier(r, pg, c);
	if (err == ERR_NONE && recall)
		err = remember(r, pg, c);
	return pg_end(pg, err);
}

enum err context_build(struct run *r, struct pg *pg, struct context *c)
{
	memset(c, 0, sizeof(*c));
	char place[128] = "";
	enum visibility v = VIS_UNKNOWN;
	enum err e = find_steps(r, pg);
	if (e == ERR_NONE)
		e = r->depth > 0 ? gather_sub(r, pg, c, place, sizeof(place), &v) : gather(r, pg, c, place, sizeof(place), &v);
	if (e != ERR_NONE) {
		context_done(c);
		return e;
	}
	struct prompt_facts f = {
		.person = c->card.name[0] ? c->card.name : NULL,
		.is_guest = c->card.guest,
		.adapter = r->via->ops->name,
		.place = place[0] ? place : NULL,
		.visibility = v,
		.workspace = settings_str(r->e->o.settings, "workspace.name"),
		.tz = c->card.tz[0] ? c->card.tz : NULL,
		.wall_ms = r->replay != NULL ? (uint64_t)r->replay->mark.at_ms : clock_wall_ms(),
	};
	r->mark = (struct prompt_mark){ .at_ms = (int64_t)f.wall_ms, .earlier = c->earlier.len > 0 ? c->earlier_before : 0 };
	r->untrusted |= v == VIS_UNKNOWN || v == VIS_EXTERNAL ? UNTRUSTED_SHARED : 0u;
	agent_prompt(c->agent, &f, &c->system);
	if (r->depth > 0) {
		struct sub_at at;
		sub_look(r, &at);
		sub_prompt(c->parent, &c->system);
		if (at.turns < c->agent->max_turns && at.all_turns < c->run_turns)
			add_tools(c);
		add_task(r, c);
		return ERR_NONE;
	}
	buf_add(&c->system, c->fork.p, c->fork.len);
	earlier_prompt(c->earlier.p, c->earlier.len, &c->system);
	if (!r->floor && r->shrink == 0)
		buf_add(&c->system, r->memory.p, r->memory.len);
	struct model *m = r->e->model;
	uint32_t window = r->replay != NULL ? UINT32_MAX / 8 : m->ops->window(m, r->floor ? "builtin" : c->agent->model);
	uint32_t taken = c->agent->max_tokens + MARGIN_TOKENS;
	uint32_t room = window > taken + 1024 ? window - taken : 1024;
	room >>= r->shrink;
	if (!r->floor || r->turns < c->agent->max_turns)
		if (r->turns < c->agent->max_turns)
			add_tools(c);
	uint32_t tool_tokens = c->input_tokens;
	add_messages(r, c, r->e, room > tool_tokens ? room - tool_tokens : 256);
	c->input_tokens += tool_tokens;
	return ERR_NONE;
}

void context_done(struct context *c)
{
	agent_free(c->agent);
	transcript_done(&c->transcript);
	sub_offers_done(&c->offers);
	free(c->task);
	free(c->parent);
	buf_done(&c->system);
	buf_done(&c->names);
	buf_done(&c->fork);
	buf_done(&c->earlier);
	free(c->messages);
	memset(c, 0, sizeof(*c));
}
