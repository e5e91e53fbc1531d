/* Searching what was said, and what is remembered beyond it, as far as the caller may read it (core/talk/browse.h). */
#include "api.h"
#include "page.h"

#include <string.h>

#include "../base/buf.h"
#include "../base/json.h"
#include "../memory/item.h"
#include "../talk/browse.h"
#include "../talk/find.h"

extern const struct api_proc api_memory[];

#define PAGE 20
#define SNIPPET_BYTES 300

static void put_str(json_t *o, const char *key, const char *s)
{
	if (s != NULL && s[0] != '\0')
		json_object_set_new(o, key, json_string(s));
}

/* What the caller may be shown, of places that argument "team" owns. */
static enum err may_read(struct api_call *c, struct search_allowed *may)
{
	const struct browse_viewer v = { c->by->ws, c->by->person, "web" };
	return browse_allowed(c->pg, &v, id_equal(c->node, c->by->ws) ? ID_NONE : c->node, may);
}

/* ---- search ---- */

static json_t *hit_of(const struct find_hit *h)
{
	static const char *const kinds[] = {
		[FIND_MESSAGE] = "message", [FIND_FORK] = "fork", [FIND_RESOLUTION] = "resolution", [FIND_ITEM] = "memory"
	};
	json_t *o = json_object();
	json_object_set_new(o, "kind", json_string(kinds[h->kind]));
	api_put_id(o, "id", h->id);
	api_put_id(o, "thread", h->thread);
	api_put_id(o, "message", h->message);
	json_object_set_new(o, "at_ms", json_integer(h->at_ms));
	put_str(o, "author_name", h->author);
	put_str(o, "place_name", h->place_name);
	put_str(o, "title", h->title);
	json_object_set_new(o, "text", json_string(h->text == NULL ? "" : h->text));
	return o;
}

static enum api_code search(struct api_call *c)
{
	struct find_request request;
	struct buf why = BUF_INIT;
	const char *text = json_str(c->in, "text", "");
	if (!find_request_read(text, strlen(text), NULL, (uint64_t)c->now_ms, &request, &why)) {
		enum api_code code = api_fail(c, API_INVALID, "text", "%.300s", why.p);
		buf_done(&why);
		return code;
	}
	buf_done(&why);
	request.page = (int)json_int(c->in, "page", 1);
	struct search_allowed may;
	struct find_result found = { .len = 0 };
	enum err e = may_read(c, &may);
	if (e == ERR_NONE) {
		const struct find_ask ask = {
			.scope = may.scope, .limit = (int)json_int(c->in, "limit", FIND_PAGE), .snippet = SNIPPET_BYTES
		};
		search_allowed_done(&may);
		e = find_run(c->pg, &ask, &request, &found);
	}
	find_request_done(&request);
	if (e != ERR_NONE)
		return api_err(c, e);
	json_t *hits = json_array();
	for (size_t i = 0; i < found.len; i++)
		json_array_append_new(hits, hit_of(&found.hits[i]));
	json_object_set_new(c->out, "hits", hits);
	json_object_set_new(c->out, "total", json_integer(found.total));
	json_object_set_new(c->out, "at_least", json_boolean(found.at_least));
	json_object_set_new(c->out, "more", json_boolean(found.more));
	find_result_done(&found);
	return API_OK;
}

/* ---- memory ---- */

static const char *const item_kinds[] = { [ITEM_DISCOVERY] = "discovery",
	[ITEM_DECISION] = "decision",
	[ITEM_STATUS] = "status",
	[ITEM_NOTE] = "note",
	[ITEM_SUMMARY] = "summary",
	[ITEM_ACTION] = "action",
	[ITEM_FACT] = "fact" };
#define KINDS_LEN (sizeof item_kinds / sizeof *item_kinds)

static void take_item(void *arg, const struct item *i)
{
	static const char *const states[] = { [ITEM_PROPOSED] = "proposed",
		[ITEM_CONFIRMED] = "confirmed",
		[ITEM_REPLACED] = "replaced",
		[ITEM_DECLINED] = "declined" };
	json_t *o = json_object();
	api_put_id(o, "id", i->id);
	json_object_set_new(o, "number", json_integer(i->number));
	json_object_set_new(o, "kind", json_string((size_t)i->kind < KINDS_LEN && i->kind > 0 ? item_kinds[i->kind] : "note"));
	json_object_set_new(
	    o, "state", json_string(i->state >= ITEM_PROPOSED && i->state <= ITEM_DECLINED ? states[i->state] : "declined"));
	json_object_set_new(o, "body", json_string(i->body));
	api_put_id(o, "author", i->author);
	put_str(o, "author_name", i->author_name);
	put_str(o, "about_name", i->about_name);
	put_str(o, "attribute", i->attribute);
	put_str(o, "place_name", i->place_name);
	json_object_set_new(o, "created_ms", json_integer(i->created_ms));
	if (i->expires_ms != 0)
		json_object_set_new(o, "expires_ms", json_integer(i->expires_ms));
	json_array_append_new(arg, o);
}

static enum api_code list(struct api_call *c)
{
	struct search_allowed may;
	const char *words = json_str(c->in, "words", NULL), *kind = json_str(c->in, "kind", "");
	int limit = (int)json_int(c->in, "limit", PAGE), first;
	if (!page_begin(c->in, &first))
		return api_fail(c, API_INVALID, "cursor", "This is no cursor of ours.");
	struct item_query q = {
		.words = words, .proposed = json_bool(c->in, "proposed", false), .limit = limit + 1, .skip = first
	};
	for (size_t k = ITEM_DISCOVERY; k < KINDS_LEN; k++)
		if (strcmp(item_kinds[k], kind) == 0)
			q.kind = (enum item_kind)k;
	json_t *items = json_array();
	json_object_set_new(c->out, "items", items);
	enum err e = may_read(c, &may);
	if (e != ERR_NONE)
		return api_err(c, e);
	e = item_list(c->pg, &may, &q, take_item, items);
	search_allowed_done(&may);
	page_end(c->out, "items", first, limit);
	return api_err(c, e);
}

struct found_item {
	bool there;
	struct id author;
};

static void take_author(void *arg, const struct item *i)
{
	*(struct found_item *)arg = (struct found_item){ true, i->author };
}

static enum api_code forget(struct api_call *c)
{
	struct search_allowed may;
	struct found_item f = { .there = false };
	struct id id;
	if (!id_parse(json_str(c->in, "id", ""), &id) || id_is_none(id))
		return api_fail(c, API_NOT_FOUND, "id", "There is nothing of this id, or not for you.");
	enum err e = may_read(c, &may);
	if (e != ERR_NONE)
		return api_err(c, e);
	e = item_by_id(c->pg, &may, id, take_author, &f);
	search_allowed_done(&may);
	if (e != ERR_NONE)
		return api_err(c, e);
	if (!f.there)
		return api_fail(c, API_NOT_FOUND, "id", "There is nothing of this id, or not for you.");
	bool own = !id_is_none(f.author) && (id_equal(f.author, c->by->person) || id_equal(f.author, c->by->user));
	if (!own && c->by->role < ROLE_ADMIN)
		return api_fail(c, API_FORBIDDEN, "id", "What others have made known takes the role admin, or their word.");
	c->subject = id;
	json_object_set_new(c->out, "forgotten", json_true());
	return api_err(c, item_delete(c->pg, c->by->ws, id));
}

#define OBJECT(properties, required) \
	"{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define TEXT "{\"type\":\"string\"}"
#define INT "{\"type\":\"integer\"}"
#define BOOL "{\"type\":\"boolean\"}"
#define ID "{\"type\":\"string\",\"minLength\":36,\"maxLength\":36}"
#define TEAM "\"team\":{\"type\":\"string\",\"maxLength\":64,\"description\":\"only in places of this team or unit\"}"
#define CURSOR "\"cursor\":{\"type\":\"string\",\"maxLength\":64,\"description\":\"from the page before\"}"
#define KINDS "{\"type\":\"string\",\"enum\":[\"discovery\",\"decision\",\"status\",\"note\",\"summary\",\"action\",\"fact\"]}"
#define HIT \
	OBJECT("\"kind\":{\"type\":\"string\",\"enum\":[\"message\",\"fork\",\"resolution\",\"memory\"]},\"id\":" ID \
	       ",\"thread\":" ID ",\"message\":" ID ",\"at_ms\":" INT ",\"author_name\":" TEXT ",\"place_name\":" TEXT \
	       ",\"title\":" TEXT ",\"text\":" TEXT, \
	    "\"kind\",\"at_ms\",\"text\"")
#define ITEM \
	OBJECT("\"id\":" ID ",\"number\":" INT ",\"kind\":" KINDS \
	       ",\"state\":{\"type\":\"string\",\"enum\":[\"proposed\",\"confirmed\",\"replaced\",\"declined\"]},\"body\":" TEXT \
	       ",\"author\":" ID ",\"author_name\":" TEXT ",\"about_name\":" TEXT ",\"attribute\":" TEXT ",\"place_name\":" TEXT \
	       ",\"created_ms\":" INT ",\"expires_ms\":" INT, \
	    "\"id\",\"number\",\"kind\",\"state\",\"body\",\"created_ms\"")

const struct api_proc api_memory[] = {
	{ .name = "search.messages",
	    .role = ROLE_VIEWER,
	    .scope = SCOPE_TALK_READ,
	    .effect = API_READ,
	    .summary = "Search what was said, side threads, what came of them, and what is remembered",
	    .details =
	        "`text` is what one would say behind `search`: words and the filters from:, in:, before:, after:, has:, order: (docs/search.md).",
	    .in = OBJECT(TEAM
	        ",\"text\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":500},\"page\":{\"type\":\"integer\",\"minimum\":1,"
	        "\"maximum\":20},\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":20}",
	        "\"text\""),
	    .out = OBJECT("\"hits\":{\"type\":\"array\",\"items\":" HIT "},\"total\":" INT ",\"at_least\":" BOOL ",\"more\":" BOOL,
	        "\"hits\",\"total\",\"at_least\",\"more\""),
	    .example = "{\"text\":\"ledger port from:ana\",\"limit\":10}",
	    .run = search },
	{ .name = "memory.list",
	    .role = ROLE_VIEWER,
	    .scope = SCOPE_TALK_READ,
	    .effect = API_READ,
	    .summary = "What is remembered and may be read by you",
	    .in = OBJECT(TEAM "," CURSOR ",\"words\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":500},\"kind\":" KINDS
	                      ",\"proposed\":" BOOL ",\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":50}",
	        ""),
	    .out = OBJECT("\"items\":{\"type\":\"array\",\"items\":" ITEM "}," PAGE_OUT, "\"items\""),
	    .example = "{\"kind\":\"decision\",\"limit\":20}",
	    .run = list },
	{ .name = "memory.forget",
	    .role = ROLE_MEMBER,
	    .scope = SCOPE_TALK_WRITE,
	    .effect = API_WRITE,
	    .summary = "Forget one thing that is remembered; the messages stay",
	    .details = "What you have made known yourself; an admin, anything that may be read.",
	    .in = OBJECT(TEAM ",\"id\":" ID, "\"id\""),
	    .out = OBJECT("\"forgotten\":" BOOL, "\"forgotten\""),
	    .example = "{\"id\":\"01a1fec9-38b8-7000-9bc5-10164d908cfd\"}",
	    .run = forget },
	{ .name = NULL },
};
