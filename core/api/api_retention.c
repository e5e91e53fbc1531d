/* What is kept how long, and what the next sweep would take. */
#include <string.h>

#include "../base/json.h"
#include "../memory/retention.h"
#include "../teams/config_store.h"
#include "api.h"

extern const struct api_proc api_retention[];

static enum err put_days(struct api_call *c)
{
	static const char *const names[] = { "messages", "work", "sessions", "audit", "provisions", "usage" };
	json_t *merged = NULL, *list = json_array();
	json_object_set_new(c->out, "kept", list);
	enum err e = config_effective(c->pg, c->by->ws, c->node, ID_NONE, &merged);
	for (size_t i = 0; i < sizeof names / sizeof *names && e == ERR_NONE; i++) {
		char key[40];
		snprintf(key, sizeof key, "retention.%s", names[i]);
		json_t *o = json_pack(
		    "{s:s, s:I}", "what", names[i], "days", (json_int_t)json_int(json_object_get(merged, "values"), key, 0));
		const char *from = json_str(json_object_get(merged, "from"), key, "");
		if (from[0] != '\0')
			json_object_set_new(o, "from", json_string(from));
		json_array_append_new(list, o);
	}
	json_decref(merged);
	return e;
}

static enum err put_next(struct api_call *c)
{
	json_t *plan = NULL;
	struct retention_next n = { 0 };
	enum err e = retention_plan(c->pg, c->by->ws, c->now_ms, &plan);
	if (e == ERR_NONE && json_object_size(plan) > 0)
		e = retention_count(c->pg, c->by->ws, plan, &n);
	json_decref(plan);
	if (e == ERR_NONE)
		json_object_set_new(c->out, "next",
		    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "messages", (json_int_t)n.messages, "work", (json_int_t)n.runs,
		        "sessions", (json_int_t)n.sessions, "audit", (json_int_t)n.details, "provisions", (json_int_t)n.provisions,
		        "usage", (json_int_t)n.calls));
	return e;
}

static enum api_code get(struct api_call *c)
{
	struct retention_state s = { 0 };
	char id[ID_TEXT];
	enum err e = put_days(c);
	if (e == ERR_NONE)
		e = put_next(c);
	if (e == ERR_NONE)
		e = retention_state(c->pg, c->by->ws, &s);
	if (e != ERR_NONE)
		return api_end(c, e, &(struct problem){ .code = API_OK });
	api_put_ms(c->out, "looked_ms", s.looked_ms);
	api_put_ms(c->out, "begun_ms", s.begun_ms);
	api_put_ms(c->out, "done_ms", s.done_ms);
	if (!id_is_none(s.at_work))
		json_object_set_new(c->out, "at_work", json_string(id_format(s.at_work, id)));
	return API_OK;
}

#define OBJECT(properties, required) \
	"{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define TEXT "{\"type\":\"string\"}"
#define COUNT "{\"type\":\"integer\",\"minimum\":0}"

const struct api_proc api_retention[] = {
	{ .name = "retention.get",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_READ,
	    .effect = API_READ,
	    .summary = "What is kept how long, by which layer of the settings, and what the next sweep would take",
	    .details =
	        "kept: the days that hold for the places of the team, or of the organisation; 0 is for ever. next: counted now, for the whole workspace. begun_ms and done_ms: "
	        "the last sweep; at_work: the receipt of one that goes on.",
	    .in = OBJECT("\"team\":{\"type\":\"string\",\"maxLength\":64}", ""),
	    .out = OBJECT(
	        "\"kept\":{\"type\":\"array\",\"items\":" OBJECT("\"what\":" TEXT ",\"days\":" COUNT ",\"from\":" TEXT,
	            "\"what\",\"days\"") "},\"next\":" OBJECT("\"messages\":" COUNT ",\"work\":" COUNT ",\"sessions\":" COUNT
	                                                      ",\"audit\":" COUNT ",\"provisions\":" COUNT ",\"usage\":" COUNT,
	            "\"messages\",\"work\",\"sessions\",\"audit\",\"provisions\",\"usage\"") ",\"looked_ms\":" COUNT
	                                                                                     ",\"begun_ms\":" COUNT
	                                                                                     ",\"done_ms\":" COUNT
	                                                                                     ",\"at_work\":" TEXT,
	        "\"kept\",\"next\""),
	    .example = "{\"team\":\"payments\"}",
	    .run = get },
	{ .name = NULL },
};
