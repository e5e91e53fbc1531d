/* Threads, their messages and side threads, for whoever may read them (core/talk/browse.h); what may not be read is not found. */
#include "api.h"
#include "page.h"

#include <string.h>

#include "../base/json.h"
#include "../engine/engine.h"
#include "../talk/browse.h"
#include "../talk/transcript.h"

extern const struct api_proc api_thread[];

#define PAGE 20

static struct browse_viewer viewer(const struct api_call *c)
{
	return (struct browse_viewer){ c->by->ws, c->by->person, "web" };
}

/* Only what the team owns that is named; without one, all. */
static struct id node_of(const struct api_call *c)
{
	return id_equal(c->node, c->by->ws) ? ID_NONE : c->node;
}

static void put_thread(json_t *o, const struct browse_thread *t)
{
	static const char *const forks[] = { "", "opening", "active", "resolved", "abandoned", "failed" };
	api_put_id(o, "id", t->id);
	api_put_id(o, "place", t->place);
	json_object_set_new(o, "adapter", json_string(t->adapter));
	if (t->place_name != NULL)
		json_object_set_new(o, "place_name", json_string(t->place_name));
	json_object_set_new(o, "title", json_string(t->title));
	json_object_set_new(o, "state", json_string(thread_state_word(t->state)));
	json_object_set_new(o, "created_ms", json_integer(t->created_ms));
	json_object_set_new(o, "last_ms", json_integer(t->last_ms));
	if (!id_is_none(t->parent)) {
		json_t *fork = json_pack(
		    "{s:i, s:s}", "n", t->fork_n, "state", forks[t->fork_state >= 1 && t->fork_state <= 5 ? t->fork_state : 5]);
		api_put_id(fork, "of", t->parent);
		json_object_set_new(o, "fork", fork);
	}
}

struct listing {
	json_t *list;
	struct thread_cursor last;
};

static void take_thread(void *arg, const struct browse_thread *t)
{
	struct listing *l = arg;
	json_t *o = json_object();
	put_thread(o, t);
	json_array_append_new(l->list, o);
	l->last = t->cursor;
}

static enum api_code list_threads(struct api_call *c, struct browse_query *q)
{
	const struct browse_viewer v = viewer(c);
	struct listing l = { .list = json_array() };
	const char *cursor = json_str(c->in, "cursor", NULL);
	bool more = false;
	json_object_set_new(c->out, "threads", l.list);
	q->limit = (int)json_int(c->in, "limit", PAGE);
	q->node = node_of(c);
	if (cursor != NULL && !thread_cursor_read(cursor, strlen(cursor), &q->before))
		return api_fail(c, API_INVALID, "cursor", "This is no cursor of ours.");
	enum err e = browse_threads(c->pg, &v, q, take_thread, &l, &more);
	if (e == ERR_NONE && more) {
		char text[THREAD_CURSOR];
		thread_cursor_write(&l.last, text);
		json_object_set_new(c->out, "cursor", json_string(text));
	}
	return api_err(c, e);
}

static enum api_code thread_list_proc(struct api_call *c)
{
	static const struct {
		const char *word;
		unsigned states;
	} states[] = { { "open", THREADS_OPEN | THREADS_RESOLVED }, { "active", THREADS_OPEN }, { "resolved", THREADS_RESOLVED },
		{ "archived", THREADS_ARCHIVED }, { "all", THREADS_ALL } };
	struct browse_query q = { .states = THREADS_OPEN | THREADS_RESOLVED };
	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		if (strcmp(json_str(c->in, "state", "open"), states[i].word) == 0)
			q.states = states[i].states;
	return list_threads(c, &q);
}

static enum api_code not_there(struct api_call *c, const char *field)
{
	return api_fail(c, API_NOT_FOUND, field, "There is no such thread, or not for you.");
}

/* The thread that argument ${field} names; API_NOT_FOUND unless it may be read. */
static enum api_code find_named(struct api_call *c, const char *field, struct id *id, json_t *shown)
{
	const struct browse_viewer v = viewer(c);
	struct listing l = { .list = json_array() };
	enum err e = ERR_NONE;
	if (id_parse(json_str(c->in, field, ""), id) && !id_is_none(*id))
		e = browse_thread(c->pg, &v, node_of(c), *id, take_thread, &l);
	bool there = json_array_size(l.list) == 1;
	if (there && shown != NULL)
		json_object_update(shown, json_array_get(l.list, 0));
	json_decref(l.list);
	if (e != ERR_NONE)
		return api_err(c, e);
	return there ? API_OK : not_there(c, field);
}

static enum api_code thread_get_proc(struct api_call *c)
{
	struct id id;
	return find_named(c, "id", &id, c->out);
}

static enum api_code fork_list_proc(struct api_call *c)
{
	struct browse_query q = { .states = THREADS_ALL, .forks = true };
	enum api_code code = json_str(c->in, "thread", NULL) == NULL ? API_OK : find_named(c, "thread", &q.parent, NULL);
	return code == API_OK ? list_threads(c, &q) : code;
}

static void take_message(void *arg, const struct browse_message *m)
{
	static const char *const kinds[] = {
		[AUTHOR_PERSON] = "person", [AUTHOR_EDDY] = "eddy", [AUTHOR_SYSTEM] = "system", [AUTHOR_BOT] = "bot"
	};
	json_t *o = json_object();
	bool known = m->author_kind >= 0 && (size_t)m->author_kind < sizeof kinds / sizeof *kinds && kinds[m->author_kind] != NULL;
	api_put_id(o, "id", m->id);
	json_object_set_new(o, "seq", json_integer(m->seq));
	json_object_set_new(o, "at_ms", json_integer(m->at_ms));
	json_object_set_new(o, "author_kind", json_string(known ? kinds[m->author_kind] : "system"));
	api_put_id(o, "author", m->author);
	if (m->author_name != NULL)
		json_object_set_new(o, "author_name", json_string(m->author_name));
	json_object_set_new(o, "text", json_string(m->text == NULL ? "" : m->text));
	if (m->edited)
		json_object_set_new(o, "edited", json_true());
	if (m->cut)
		json_object_set_new(o, "cut", json_true());
	json_array_append_new(arg, o);
}

static enum api_code message_list_proc(struct api_call *c)
{
	const struct browse_viewer v = viewer(c);
	struct id thread;
	int64_t after = json_int(c->in, "after", 0);
	const char *cursor = json_str(c->in, "cursor", NULL);
	bool there = false, more = false;
	json_t *list = json_array();
	json_object_set_new(c->out, "messages", list);
	if (!id_parse(json_str(c->in, "thread", ""), &thread) || id_is_none(thread))
		return not_there(c, "thread");
	if (cursor != NULL && !page_number(cursor, &after))
		return api_fail(c, API_INVALID, "cursor", "This is no cursor of ours.");
	enum err e = browse_messages(
	    c->pg, &v, node_of(c), thread, after, (int)json_int(c->in, "limit", PAGE), take_message, list, &there, &more);
	json_object_set_new(c->out, "more", json_boolean(more));
	if (more)
		page_to(c->out, NULL, json_int(json_array_get(list, json_array_size(list) - 1), "seq", 0));
	return e == ERR_NONE && !there ? not_there(c, "thread") : api_err(c, e);
}

/* ---- changes ---- */

static void tell(struct api_call *c)
{
	if (c->engine != NULL)
		engine_tell_thread(c->engine, c->by->ws, c->subject, CHANGE_UPDATED);
}

static struct thread_change change_of(const struct api_call *c, struct id thread)
{
	return (struct thread_change){ .ws = c->by->ws, .thread = thread, .person = c->by->person, .key = c->request };
}

static enum api_code changed(struct api_call *c, struct id thread, enum err e, const char *why)
{
	if (e == ERR_DENIED)
		return api_fail(c, API_CONFLICT, "", "%s", why);
	if (e == ERR_INPUT)
		return api_fail(c, API_NOT_FOUND, "id", "There is no such thread, or not for you.");
	c->subject = thread;
	c->after = tell;
	return e == ERR_NONE ? find_named(c, "id", &thread, c->out) : api_err(c, e);
}

static enum api_code thread_rename_proc(struct api_call *c)
{
	struct id id;
	const char *title = json_str(c->in, "title", ""), *why = "";
	enum api_code code = find_named(c, "id", &id, NULL);
	if (code != API_OK)
		return code;
	struct thread_change change = change_of(c, id);
	enum err e = thread_rename(c->pg, &change, title, strlen(title), &why);
	if (e == ERR_DENIED)
		return api_fail(c, API_INVALID, "title", "%s", why);
	return changed(c, id, e, why);
}

static enum api_code move(struct api_call *c, enum thread_act act)
{
	struct id id;
	const char *why = "";
	enum thread_state from, to;
	enum api_code code = find_named(c, "id", &id, NULL);
	if (code != API_OK)
		return code;
	struct thread_change change = change_of(c, id);
	return changed(c, id, thread_change(c->pg, &change, act, &from, &to, &why), why);
}

static enum api_code thread_archive_proc(struct api_call *c)
{
	return move(c, THREAD_ARCHIVE);
}

static enum api_code thread_reopen_proc(struct api_call *c)
{
	return move(c, THREAD_REOPEN);
}

#define OBJECT(properties, required) \
	"{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define TEXT "{\"type\":\"string\"}"
#define INT "{\"type\":\"integer\"}"
#define ID "{\"type\":\"string\",\"minLength\":36,\"maxLength\":36}"
#define TEAM "\"team\":{\"type\":\"string\",\"maxLength\":64,\"description\":\"only in places of this team or unit\"}"
#define LIMIT "\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":50}"
#define CURSOR "\"cursor\":{\"type\":\"string\",\"maxLength\":64,\"description\":\"from the page before\"}"
#define FORK \
	OBJECT("\"of\":" ID ",\"n\":" INT \
	       ",\"state\":{\"type\":\"string\",\"enum\":[\"opening\",\"active\",\"resolved\",\"abandoned\",\"failed\"]}", \
	    "\"of\",\"n\",\"state\"")
#define THREAD \
	OBJECT("\"id\":" ID ",\"place\":" ID ",\"adapter\":" TEXT ",\"place_name\":" TEXT ",\"title\":" TEXT \
	       ",\"state\":{\"type\":\"string\",\"enum\":[\"active\",\"resolved\",\"archived\"]},\"created_ms\":" INT \
	       ",\"last_ms\":" INT ",\"fork\":" FORK, \
	    "\"id\",\"place\",\"adapter\",\"title\",\"state\",\"created_ms\",\"last_ms\"")
#define THREADS OBJECT("\"threads\":{\"type\":\"array\",\"items\":" THREAD "},\"cursor\":" TEXT, "\"threads\"")
#define MESSAGE \
	OBJECT("\"id\":" ID ",\"seq\":" INT ",\"at_ms\":" INT \
	       ",\"author_kind\":{\"type\":\"string\",\"enum\":[\"person\",\"eddy\",\"system\",\"bot\"]},\"author\":" ID \
	       ",\"author_name\":" TEXT ",\"text\":" TEXT \
	       ",\"edited\":{\"type\":\"boolean\"},\"cut\":{\"type\":\"boolean\",\"description\":\"there is more of the text\"}", \
	    "\"id\",\"seq\",\"at_ms\",\"author_kind\",\"text\"")
#define ONE OBJECT(TEAM ",\"id\":" ID, "\"id\"")
#define EXAMPLE_ID "01a1fec9-38b8-7000-9bc5-10164d908cfd"

const struct api_proc api_thread[] = {
	{ .name = "thread.list",
	    .role = ROLE_VIEWER,
	    .scope = SCOPE_TALK_READ,
	    .effect = API_READ,
	    .summary = "Threads that you may read, newest first",
	    .details =
	        "Those of public places that Eddy is in, and your own conversations on the page and in the terminal. `cursor` leads to the next page.",
	    .in = OBJECT(TEAM
	        "," LIMIT "," CURSOR
	        ",\"state\":{\"type\":\"string\",\"enum\":[\"open\",\"active\",\"resolved\",\"archived\",\"all\"],\"description\":\"open: not archived\"}",
	        ""),
	    .out = THREADS,
	    .example = "{\"state\":\"open\",\"limit\":20}",
	    .run = thread_list_proc },
	{ .name = "thread.get",
	    .role = ROLE_VIEWER,
	    .scope = SCOPE_TALK_READ,
	    .effect = API_READ,
	    .summary = "One thread",
	    .in = ONE,
	    .out = THREAD,
	    .example = "{\"id\":\"" EXAMPLE_ID "\"}",
	    .run = thread_get_proc },
	{ .name = "thread.rename",
	    .role = ROLE_MEMBER,
	    .scope = SCOPE_TALK_WRITE,
	    .effect = API_WRITE,
	    .summary = "Give a thread a title",
	    .in =
	        OBJECT(TEAM ",\"id\":" ID ",\"title\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":480}", "\"id\",\"title\""),
	    .out = THREAD,
	    .example = "{\"id\":\"" EXAMPLE_ID "\",\"title\":\"Which database?\"}",
	    .run = thread_rename_proc },
	{ .name = "thread.archive",
	    .role = ROLE_MEMBER,
	    .scope = SCOPE_TALK_WRITE,
	    .effect = API_WRITE,
	    .summary = "Put a thread away; a new message brings it back",
	    .in = ONE,
	    .out = THREAD,
	    .example = "{\"id\":\"" EXAMPLE_ID "\"}",
	    .run = thread_archive_proc },
	{ .name = "thread.reopen",
	    .role = ROLE_MEMBER,
	    .scope = SCOPE_TALK_WRITE,
	    .effect = API_WRITE,
	    .summary = "Bring back a thread that is archived or marked as resolved",
	    .in = ONE,
	    .out = THREAD,
	    .example = "{\"id\":\"" EXAMPLE_ID "\"}",
	    .run = thread_reopen_proc },
	{ .name = "fork.list",
	    .role = ROLE_VIEWER,
	    .scope = SCOPE_TALK_READ,
	    .effect = API_READ,
	    .summary = "Side threads, all or those of one thread",
	    .in = OBJECT(TEAM "," LIMIT "," CURSOR ",\"thread\":" ID, ""),
	    .out = THREADS,
	    .example = "{\"limit\":20}",
	    .run = fork_list_proc },
	{ .name = "message.list",
	    .role = ROLE_VIEWER,
	    .scope = SCOPE_TALK_READ,
	    .effect = API_READ,
	    .summary = "Messages of a thread, oldest first",
	    .details = "`cursor` leads to the next page; `after` begins behind the message of this number.",
	    .in =
	        OBJECT(TEAM "," LIMIT "," CURSOR ",\"thread\":" ID ",\"after\":{\"type\":\"integer\",\"minimum\":0}", "\"thread\""),
	    .out = OBJECT("\"messages\":{\"type\":\"array\",\"items\":" MESSAGE "},\"more\":{\"type\":\"boolean\"}," PAGE_OUT,
	        "\"messages\",\"more\""),
	    .example = "{\"thread\":\"" EXAMPLE_ID "\",\"after\":0}",
	    .run = message_list_proc },
	{ .name = NULL },
};
