/* Legal holds: placed, listed, ended. */
#include <string.h>

#include "../base/json.h"
#include "../engine/engine.h"
#include "../memory/forget.h"
#include "../memory/hold.h"
#include "../teams/config_store.h"
#include "../teams/member.h"
#include "../teams/place.h"
#include "api.h"
#include "page.h"

extern const struct api_proc api_hold[];

#define SAME_MAX 32 /* accounts of one user */
#define LIST_MAX 10000

static const char *const kinds[] = { "", "person", "thread", "place", "workspace" };

static bool may(struct api_call *c)
{
	if (id_is_none(c->by->node) || id_equal(c->by->node, c->by->ws))
		return true;
	api_fail(c, API_FORBIDDEN, "", "Legal holds are for those who look after the whole workspace.");
	return false;
}

/* What is to be held; the first of ${what} that is named. */
static enum err subjects(struct api_call *c, struct hold *h, struct id *ids, size_t *n)
{
	struct id ws = c->by->ws;
	const char *person = json_str(c->in, "person", NULL), *thread = json_str(c->in, "thread", NULL),
	           *place = json_str(c->in, "place", NULL);
	enum err e = ERR_NONE;
	*n = 1;
	ids[0] = ws;
	h->kind = HOLD_WORKSPACE;
	if (person != NULL) {
		h->kind = HOLD_PERSON;
		e = member_find(c->pg, ws, person, &ids[0], &c->problem);
		return e != ERR_NONE ? e : forget_same_user(c->pg, ws, ids[0], ids, SAME_MAX, n);
	}
	if (thread != NULL) {
		h->kind = HOLD_THREAD;
		e = id_parse(thread, &ids[0]) ? hold_thread(c->pg, ws, ids[0]) : ERR_INPUT;
		if (e == ERR_INPUT)
			api_fail(c, API_NOT_FOUND, "thread", "There is no such thread.");
		return e;
	}
	if (place != NULL) {
		h->kind = HOLD_PLACE;
		e = place_find(c->pg, ws, place, &ids[0], &c->problem);
	}
	return e;
}

static enum api_code add(struct api_call *c)
{
	struct id ids[SAME_MAX];
	char text[ID_TEXT];
	size_t n = 0;
	struct hold h = { .id = id_named(c->request, 0, "hold", 4), .reason = json_str(c->in, "reason", ""), .by = c->by->person };
	int named = (json_object_get(c->in, "person") != NULL) + (json_object_get(c->in, "thread") != NULL) +
	    (json_object_get(c->in, "place") != NULL) + json_bool(c->in, "workspace", false);
	if (!may(c))
		return c->problem.code;
	if (named != 1)
		return api_fail(c, API_INVALID, "", "Name one of person, thread, place, or workspace: true.");
	enum err e = subjects(c, &h, ids, &n);
	if (e != ERR_NONE)
		return api_end(c, e, &c->problem);
	h.subjects = ids;
	h.subjects_len = n;
	e = hold_place(c->pg, c->by->ws, &h);
	c->subject = h.id;
	c->audit = json_pack("{s:s}", "kind", kinds[h.kind]);
	json_object_set_new(c->out, "id", json_string(id_format(h.id, text)));
	return api_err(c, e);
}

static enum api_code end(struct api_call *c)
{
	struct id id;
	bool ended = false;
	json_t *merged = NULL;
	if (!may(c))
		return c->problem.code;
	if (!id_parse(json_str(c->in, "id", ""), &id) || id_is_none(id))
		return api_fail(c, API_INVALID, "id", "This is not the id of a hold.");
	enum err e = config_effective(c->pg, c->by->ws, c->by->ws, ID_NONE, &merged);
	bool two = e == ERR_NONE && json_bool(json_object_get(merged, "values"), "holds.review", true);
	json_decref(merged);
	if (e == ERR_NONE)
		e = hold_end(c->pg, c->by->ws, id, c->by->person, two, &ended);
	if (e == ERR_INPUT)
		return api_fail(c, API_NOT_FOUND, "id", "No such hold stands.");
	if (e == ERR_DENIED)
		return api_fail(c, API_FORBIDDEN, "", "Another admin has to end it, a person.");
	c->subject = id;
	c->audit = json_pack("{s:b}", "ended", ended);
	json_object_set_new(c->out, "ended", json_boolean(ended));
	return api_err(c, e);
}

static void put(void *arg, const struct hold *h)
{
	json_t *o = json_object(), *of = json_array();
	char text[ID_TEXT];
	api_put_id(o, "id", h->id);
	json_object_set_new(o, "kind", json_string(kinds[h->kind]));
	for (size_t i = 0; i < h->subjects_len; i++)
		json_array_append_new(of, json_string(id_format(h->subjects[i], text)));
	json_object_set_new(o, "of", of);
	json_object_set_new(o, "reason", json_string(h->reason));
	json_object_set_new(o, "rows", json_integer(h->rows));
	api_put_id(o, "placed_by", h->by);
	api_put_ms(o, "placed_ms", h->placed_ms);
	api_put_id(o, "end_asked_by", h->end_asked_by);
	api_put_ms(o, "end_asked_ms", h->end_asked_ms);
	api_put_ms(o, "ended_ms", h->ended_ms);
	json_array_append_new(arg, o);
}

static enum api_code list(struct api_call *c)
{
	json_t *rows = json_array();
	json_object_set_new(c->out, "holds", rows);
	if (!may(c))
		return c->problem.code;
	return api_err(c, hold_list(c->pg, c->by->ws, json_bool(c->in, "all", false), LIST_MAX, put, rows));
}

#define OBJECT(properties, required) \
	"{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define ID "{\"type\":\"string\",\"minLength\":36,\"maxLength\":36}"
#define INT "{\"type\":\"integer\"}"
#define NAME(what) "{\"type\":\"string\",\"minLength\":1,\"maxLength\":320,\"description\":\"" what "\"}"

const struct api_proc api_hold[] = {
	{ .name = "hold.add",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_WRITE,
	    .effect = API_WRITE,
	    .summary = "Place a legal hold on a person, a thread, a place or the whole workspace",
	    .details = "It stands at once. What it covers is not erased for good until it ends; where it is erased it is hidden.",
	    .in = OBJECT(
	        "\"person\":" NAME("An id, or ADAPTER:ID; with all linked accounts") ",\"thread\":" ID ",\"place\":" NAME(
	            "An id, or ADAPTER:KEY") ",\"workspace\":{\"type\":\"boolean\"},\"reason\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":1000}",
	        "\"reason\""),
	    .out = OBJECT("\"id\":" ID, "\"id\""),
	    .example = "{\"person\":\"slack:U024BE7LH\",\"reason\":\"Case 17\"}",
	    .run = add },
	{ .name = "hold.end",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_WRITE,
	    .effect = API_WRITE,
	    .summary = "End a legal hold",
	    .details =
	        "What waited for it is erased within a minute, if no other hold covers it. With holds.review it takes two: the first call only asks.",
	    .in = OBJECT("\"id\":" ID, "\"id\""),
	    .out = OBJECT("\"ended\":{\"type\":\"boolean\"}", "\"ended\""),
	    .example = "{\"id\":\"01a1fec9-38b8-7000-9bc5-10164d908cfd\"}",
	    .run = end },
	{ .name = "hold.list",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_AUDIT_READ,
	    .effect = API_READ,
	    .summary = "Legal holds that stand, newest first",
	    .details = "rows: how much of what it covers was erased or changed since, and is held.",
	    .pages = "holds",
	    .in = OBJECT("\"all\":{\"type\":\"boolean\"}," PAGE_IN, ""),
	    .out =
	        OBJECT("\"holds\":{\"type\":\"array\",\"items\":" OBJECT(
	                   "\"id\":" ID ",\"kind\":{\"type\":\"string\",\"enum\":[\"person\",\"thread\",\"place\",\"workspace\"]}"
	                   ",\"of\":{\"type\":\"array\",\"items\":" ID "},\"reason\":{\"type\":\"string\"},\"rows\":" INT
	                   ",\"placed_by\":" ID ",\"placed_ms\":" INT ",\"end_asked_by\":" ID ",\"end_asked_ms\":" INT
	                   ",\"ended_ms\":" INT,
	                   "\"id\",\"kind\",\"of\",\"reason\",\"rows\",\"placed_ms\"") "}," PAGE_OUT,
	            "\"holds\""),
	    .example = "{\"all\":true}",
	    .run = list },
	{ .name = NULL },
};
