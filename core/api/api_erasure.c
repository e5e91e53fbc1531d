/* Erasing somebody for good, and the receipts of what was erased: ids, moments and numbers, never what it was. */
#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../engine/engine.h"
#include "../memory/forget.h"
#include "../teams/member.h"
#include "api.h"
#include "page.h"

extern const struct api_proc api_erasure[];

#define SAME_MAX 32 /* accounts of one user */

static void put_receipt(void *arg, const struct forget_receipt *r)
{
	static const char *const kinds[] = { "", "message", "thread", "person", "", "retention", "workspace" };
	static const char *const asked[] = { "where_it_was_said", "the_person", "somebody_else", "the_operator", "after_a_restore",
		"its_time" };
	char why[160];
	json_t *o = json_object(), *counts = NULL;
	api_put_id(o, "id", r->id);
	json_object_set_new(o, "kind", json_string(r->kind >= 1 && r->kind <= 6 ? kinds[r->kind] : ""));
	json_object_set_new(o, "state", json_string(r->state == 2 ? "done" : r->state == 3 ? "held" : "at_work"));
	json_object_set_new(o, "asked", json_string(asked[r->asked >= 0 && r->asked <= 5 ? r->asked : 0]));
	api_put_id(o, "asked_by", r->asked_by);
	json_object_set_new(o, "messages", json_integer(r->messages));
	json_object_set_new(o, "answers", json_integer(r->answers));
	json_object_set_new(o, "notes", json_integer(r->items));
	json_object_set_new(o, "threads", json_integer(r->threads));
	if (json_parse(r->counts, strlen(r->counts), 4096, &counts, why) == ERR_NONE)
		json_object_set_new(o, "values", counts);
	api_put_ms(o, "asked_ms", r->created_ms);
	api_put_ms(o, "done_ms", r->done_ms);
	api_put_ms(o, "files_cleared_ms", r->purged_ms);
	json_array_append_new(arg, o);
}

static bool whole_workspace(struct api_call *c)
{
	return id_is_none(c->by->node) || id_equal(c->by->node, c->by->ws);
}

static void wake(struct api_call *c)
{
	if (c->engine != NULL)
		engine_erase_soon(c->engine);
}

static enum api_code order(struct api_call *c)
{
	struct id person, same[SAME_MAX];
	size_t n = 0;
	if (!whole_workspace(c))
		return api_fail(c, API_FORBIDDEN, "", "Erasing somebody is for those who look after the whole workspace.");
	enum err e = member_find(c->pg, c->by->ws, json_str(c->in, "person", ""), &person, &c->problem);
	if (e != ERR_NONE)
		return api_end(c, e, &c->problem);
	e = forget_same_user(c->pg, c->by->ws, person, same, SAME_MAX, &n);
	bool self = id_equal(person, c->by->person), local = c->engine == NULL;
	json_t *ids = json_array();
	json_object_set_new(c->out, "receipts", ids);
	for (size_t i = 0; i < n && e == ERR_NONE; i++) {
		char text[ID_TEXT];
		struct forget_order o = { .ws = c->by->ws,
			.id = id_named(c->request, 0, (const char *)same[i].b, sizeof same[i].b),
			.person = same[i],
			.asked = local ? FORGET_ASKED_OPERATOR
			    : self     ? FORGET_ASKED_SELF
			               : FORGET_ASKED_OTHER,
			.asked_by = self || local ? ID_NONE : c->by->person };
		e = forget_person(c->pg, &o);
		if (i == 0)
			c->subject = o.id;
		json_array_append_new(ids, json_string(id_format(o.id, text)));
	}
	c->after = wake;
	return api_err(c, e);
}

static enum api_code receipts(struct api_call *c, struct id id, int32_t skip, int32_t max, json_t *list)
{
	if (!whole_workspace(c))
		return api_fail(c, API_FORBIDDEN, "", "Receipts of erasures are for those who look after the whole workspace.");
	return api_err(c, forget_receipts(c->pg, c->by->ws, id, skip, max, put_receipt, list));
}

static enum api_code get(struct api_call *c)
{
	struct id id;
	if (!id_parse(json_str(c->in, "id", ""), &id) || id_is_none(id))
		return api_fail(c, API_INVALID, "id", "This is not the id of a receipt.");
	json_t *list = json_array();
	enum api_code code = receipts(c, id, 0, 1, list);
	if (code == API_OK && json_array_size(list) == 0)
		code = api_fail(c, API_NOT_FOUND, "id", "There is no such receipt, or not for you.");
	if (code == API_OK)
		json_object_set(c->out, "receipt", json_array_get(list, 0));
	json_decref(list);
	return code;
}

static enum api_code list(struct api_call *c)
{
	int first = 0, limit = (int)json_int(c->in, "limit", 50);
	json_t *rows = json_array();
	json_object_set_new(c->out, "receipts", rows);
	if (!page_begin(c->in, &first))
		return api_fail(c, API_INVALID, "cursor", "This is no cursor of this list.");
	enum api_code code = receipts(c, ID_NONE, first, limit + 1, rows); /* one more says whether there is more */
	page_end(c->out, "receipts", first, limit);
	return code;
}

#define OBJECT(properties, required) \
	"{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define ID "{\"type\":\"string\",\"minLength\":36,\"maxLength\":36}"
#define INT "{\"type\":\"integer\"}"
#define RECEIPT \
	OBJECT("\"id\":" ID \
	       ",\"kind\":{\"type\":\"string\",\"enum\":[\"message\",\"thread\",\"person\",\"retention\",\"workspace\"]}," \
	       "\"state\":{\"type\":\"string\",\"enum\":[\"at_work\",\"done\",\"held\"]}," \
	       "\"asked\":{\"type\":\"string\",\"enum\":[\"where_it_was_said\",\"the_person\",\"somebody_else\",\"the_operator\"," \
	       "\"after_a_restore\",\"its_time\"]},\"asked_by\":" ID ",\"messages\":" INT ",\"answers\":" INT ",\"notes\":" INT \
	       ",\"threads\":" INT ",\"values\":{\"type\":\"object\"},\"asked_ms\":" INT ",\"done_ms\":" INT \
	       ",\"files_cleared_ms\":" INT, \
	    "\"id\",\"kind\",\"state\",\"asked\",\"messages\",\"answers\",\"notes\",\"threads\",\"asked_ms\"")

const struct api_proc api_erasure[] = {
	{ .name = "erasure.order",
	    .role = ROLE_OWNER,
	    .scope = SCOPE_CONFIG_WRITE,
	    .effect = API_WRITE,
	    .summary = "Erase a person for good, with all their linked accounts",
	    .details =
	        "It is worked off in the background; each account has a receipt. Nothing brings it back, a restored backup neither. What somebody writes "
	        "later is from somebody new.",
	    .in = OBJECT(
	        "\"person\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":320,\"description\":\"An id, or ADAPTER:ID\"}",
	        "\"person\""),
	    .out = OBJECT("\"receipts\":{\"type\":\"array\",\"items\":" ID "}", "\"receipts\""),
	    .example = "{\"person\":\"slack:U024BE7LH\"}",
	    .run = order },
	{ .name = "erasure.get",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_AUDIT_READ,
	    .effect = API_READ,
	    .summary = "The receipt of an erasure",
	    .details =
	        "Numbers by kind of data, without a word of what was erased. held: it is hidden, and erased when a legal hold ends. files_cleared_ms: since then no file of a private database has it either.",
	    .in = OBJECT("\"id\":" ID, "\"id\""),
	    .out = OBJECT("\"receipt\":" RECEIPT, "\"receipt\""),
	    .example = "{\"id\":\"01a1fec9-38b8-7000-9bc5-10164d908cfd\"}",
	    .run = get },
	{ .name = "erasure.list",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_AUDIT_READ,
	    .effect = API_READ,
	    .summary = "Receipts of erasures, newest first",
	    .in = "{\"type\":\"object\",\"properties\":{" PAGE_IN "},\"additionalProperties\":false}",
	    .out = OBJECT("\"receipts\":{\"type\":\"array\",\"items\":" RECEIPT "}," PAGE_OUT, "\"receipts\""),
	    .example = "{\"limit\":20}",
	    .run = list },
	{ .name = NULL },
};
