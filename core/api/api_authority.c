/* The rule about readers, asked again for what was answered: for those who look after a workspace. */
#include <string.h>

#include "../base/json.h"
#include "../talk/moment.h"
#include "../talk/rejudge.h"
#include "../teams/member.h"
#include "api.h"

extern const struct api_proc api_authority[];

static bool one_id(const struct api_call *c, const char *key, struct id *out)
{
	const char *text = json_str(c->in, key, NULL);
	*out = ID_NONE;
	return text == NULL || id_parse(text, out);
}

static enum api_code query_of(struct api_call *c, struct rejudge_query *q)
{
	const char *since = json_str(c->in, "since", NULL), *person = json_str(c->in, "person", NULL);
	int64_t ms = 0;
	*q = (struct rejudge_query){ .limit = (int32_t)json_int(c->in, "limit", REJUDGE_PAGE_MAX) };
	if (!id_is_none(c->by->node) && !id_equal(c->by->node, c->by->ws))
		return api_fail(c, API_FORBIDDEN, "", "What was answered is looked at for the whole workspace.");
	if (!one_id(c, "cursor", &q->before))
		return api_fail(c, API_INVALID, "cursor", "This is no cursor of ours.");
	if (!one_id(c, "run", &q->run))
		return api_fail(c, API_INVALID, "run", "A run is named by its id.");
	if (!one_id(c, "thread", &q->thread))
		return api_fail(c, API_INVALID, "thread", "A thread is named by its id.");
	if (since != NULL && !moment_read(NULL, (uint64_t)c->now_ms, since, &ms))
		return api_fail(c, API_INVALID, "since", "A moment looks like 2026-01-31, 2026-01-31T18:05 or yesterday, in UTC.");
	q->since_us = ms * 1000;
	if (person == NULL)
		return API_OK;
	struct problem why = { 0 };
	return api_end(c, member_find(c->pg, c->by->ws, person, &q->person, &why), &why);
}

/* That somebody looked, where, and what came of it: it shows who read what. */
static enum err noted(struct api_call *c, const struct rejudge_counts *n, size_t differences)
{
	json_t *facts = json_object();
	static const char *const asked[] = { "since", "person", "thread", "run", "cursor" };
	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
		if (json_object_get(c->in, asked[i]) != NULL)
			json_object_set(facts, asked[i], json_object_get(c->in, asked[i]));
	json_object_set_new(facts, "looked_at", json_integer(n->looked_at));
	json_object_set_new(facts, "differences", json_integer((json_int_t)differences));
	char *detail = json_dumps(facts, JSON_COMPACT);
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, c->by->ws);
	pg_arg_id(a, c->request);
	pg_arg_id(a, c->by->person);
	pg_arg_str(a, c->proc->name);
	pg_arg_null(a);
	pg_arg_str(a, detail);
	enum err e = pg_query(c->pg, "api_audit", a, &r);
	pg_args_free(a);
	PQclear(r);
	free(detail);
	json_decref(facts);
	c->wrote = e == ERR_NONE;
	return e;
}

static enum api_code replay(struct api_call *c)
{
	struct rejudge_query q;
	struct rejudge_counts n = { 0 };
	struct id next = ID_NONE;
	char text[ID_TEXT];
	enum api_code code = query_of(c, &q);
	if (code != API_OK)
		return code;
	json_t *differences = json_array();
	json_object_set_new(c->out, "differences", differences);
	enum err e = rejudge(c->pg, c->by->ws, &q, &n, differences, &next);
	if (e == ERR_NONE)
		e = noted(c, &n, json_array_size(differences));
	json_object_set_new(c->out, "looked_at", json_integer(n.looked_at));
	json_object_set_new(c->out, "answers", json_integer(n.answers));
	json_object_set_new(c->out, "own_place", json_integer(n.own));
	json_object_set_new(c->out, "still_said", json_integer(n.said));
	json_object_set_new(c->out, "still_left_out", json_integer(n.left_out));
	if (!id_is_none(next))
		json_object_set_new(c->out, "cursor", json_string(id_format(next, text)));
	return api_err(c, e);
}

#define ID "{\"type\":\"string\",\"minLength\":36,\"maxLength\":36}"
#define WORD "{\"type\":\"string\"}"
#define NUMBER "{\"type\":\"integer\"}"
#define YES "{\"type\":\"boolean\"}"

const struct api_proc api_authority[] = {
	{ .name = "authority.replay",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_AUDIT_READ,
	    .effect = API_READ,
	    .summary = "Past answers before the rule about readers as it is now",
	    .details =
	        "Each run notes whose words it has told besides those of its own place, and whether the rule let it be said. This asks the same rule again, with "
	        "who reads where today and with who read where then, and tells of each answer for which it says something else. `cause` is readers where they have changed since and the rule says of those of "
	        "then what was done; rule where it says something else of those of then (of_then): the rule has changed, or was not kept; unknown where those of then are not known. A page looks at limit runs, whether or not they fit; the cursor goes "
	        "on. Nothing is changed, but the audit log says that it was asked.",
	    .in =
	        "{\"type\":\"object\",\"properties\":{\"since\":{\"type\":\"string\",\"minLength\":2,\"maxLength\":32},\"person\":{\"type\":"
	        "\"string\",\"minLength\":1,\"maxLength\":300,\"description\":\"ADAPTER:ID, as the adapter names people, or a person's id\"},"
	        "\"thread\":" ID ",\"run\":" ID
	        ",\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":500,\"description\":\"runs to look at\"},"
	        "\"cursor\":{\"type\":\"string\",\"maxLength\":64,\"description\":\"from the page before\"}},\"additionalProperties\":false}",
	    .out =
	        "{\"type\":\"object\",\"properties\":{\"looked_at\":" NUMBER ",\"answers\":" NUMBER ",\"own_place\":" NUMBER
	        ",\"still_said\":" NUMBER ",\"still_left_out\":" NUMBER
	        ",\"differences\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"run\":" WORD ",\"at\":" WORD
	        ",\"thread\":" WORD ",\"place\":" WORD ",\"adapter\":" WORD ",\"name\":" WORD ",\"kind\":" WORD ",\"person\":" WORD
	        ",\"person_name\":" WORD ",\"then\":" WORD ",\"now\":" WORD
	        ",\"cause\":{\"type\":\"string\",\"enum\":[\"readers\",\"rule\",\"unknown\"]},\"of_then\":" WORD
	        ",\"why_then\":" WORD ",\"why_now\":" WORD ",\"guest_then\":" YES ",\"readers_then\":" NUMBER
	        ",\"readers_now\":" NUMBER ",\"reads_total\":" NUMBER
	        ",\"reads\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"audience\":" WORD
	        ",\"place\":" WORD ",\"adapter\":" WORD ",\"name\":" WORD ",\"kind\":" WORD ",\"may\":" YES ",\"why\":" WORD
	        "},\"required\":[\"audience\",\"kind\",\"may\"],\"additionalProperties\":false}}},\"required\":[\"run\",\"at\",\"then\",\"now\",\"cause\","
	        "\"why_then\",\"why_now\",\"reads\"],\"additionalProperties\":false}},\"cursor\":" WORD
	        "},\"required\":[\"looked_at\",\"answers\",\"differences\"],\"additionalProperties\":false}",
	    .example = "{\"since\":\"2026-01-01\",\"limit\":500}",
	    .run = replay },
	{ .name = NULL },
};
