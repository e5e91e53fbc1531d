/* Where somebody is logged in: seen and ended by themselves, ended by an admin. */
#include <string.h>

#include "../base/json.h"
#include "../people/session.h"
#include "../teams/member.h"
#include "api.h"
#include "page.h"

extern const struct api_proc api_login[];

#define OBJECT(properties, required) \
	"{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define TEXT "{\"type\":\"string\"}"
#define NUMBER "{\"type\":\"integer\"}"

struct listing {
	const struct api_call *call;
	json_t *list;
};

static void put(void *arg, const struct session_info *s)
{
	const struct listing *l = arg;
	char id[ID_TEXT];
	json_t *o = json_pack("{s:s, s:s, s:I, s:I, s:b}", "id", id_format(s->id, id), "via", s->via, "begun_ms",
	    (json_int_t)s->begun_ms, "used_ms", (json_int_t)s->used_ms, "this", id_equal(s->id, l->call->by->session));
	if (s->agent != NULL)
		json_object_set_new(o, "agent", json_string(s->agent));
	if (s->network != NULL)
		json_object_set_new(o, "network", json_string(s->network));
	json_array_append_new(l->list, o);
}

static enum api_code list(struct api_call *c)
{
	struct listing l = { c, json_array() };
	json_object_set_new(c->out, "logins", l.list);
	return id_is_none(c->by->person) ? API_OK : api_err(c, session_list(c->pg, c->by->ws, c->by->person, put, &l));
}

static enum api_code end(struct api_call *c)
{
	const char *name = json_str(c->in, "id", "");
	struct id only = ID_NONE;
	int ended = 0;
	if (name[0] != '\0' && (!id_parse(name, &only) || id_is_none(only)))
		return api_fail(c, API_INVALID, "id", "This is not the id of a session.");
	enum err e = id_is_none(c->by->person)
	    ? ERR_NONE
	    : session_end_of(c->pg, c->by->ws, c->by->person, only, id_is_none(only) ? c->by->session : ID_NONE, &ended);
	if (e == ERR_NONE && !id_is_none(only) && ended == 0)
		return api_fail(c, API_NOT_FOUND, "id", "There is no such session of yours, or it has ended.");
	json_object_set_new(c->out, "ended", json_integer(ended));
	c->subject = only;
	return api_err(c, e);
}

static enum api_code end_of(struct api_call *c)
{
	struct problem why = { 0 };
	struct caller them;
	int ended = 0;
	enum err e = member_find(c->pg, c->by->ws, json_str(c->in, "person", ""), &c->subject, &why);
	if (e == ERR_NONE)
		e = authority_of(c->pg, c->by->ws, c->subject, "", &them);
	if (e == ERR_NONE && them.role > c->by->role)
		return api_fail(c, API_NOT_FOUND, "person", "There is no such person, or not for you.");
	if (e == ERR_NONE)
		e = session_end_of(c->pg, c->by->ws, c->subject, ID_NONE, ID_NONE, &ended);
	json_object_set_new(c->out, "ended", json_integer(ended));
	return api_end(c, e, &why);
}

#define ENDED OBJECT("\"ended\":{\"type\":\"integer\",\"minimum\":0}", "\"ended\"")

const struct api_proc api_login[] = {
	{ .name = "login.list",
	    .role = ROLE_VIEWER,
	    .scope = SCOPE_KEYS,
	    .effect = API_READ,
	    .summary = "Where you are logged in",
	    .details =
	        "At most 200, last used first. `network` is an address without its end, `agent` what the browser said of itself.",
	    .pages = "logins",
	    .in = OBJECT(PAGE_IN, ""),
	    .out = OBJECT(PAGE_OUT ",\"logins\":{\"type\":\"array\",\"items\":" OBJECT(
	                      "\"id\":" TEXT ",\"agent\":" TEXT ",\"network\":" TEXT ",\"via\":" TEXT ",\"begun_ms\":" NUMBER
	                      ",\"used_ms\":" NUMBER ",\"this\":{\"type\":\"boolean\"}",
	                      "\"id\",\"via\",\"begun_ms\",\"used_ms\",\"this\"") "}",
	        "\"logins\""),
	    .example = "{}",
	    .run = list },
	{ .name = "login.end",
	    .role = ROLE_VIEWER,
	    .scope = SCOPE_KEYS,
	    .effect = API_WRITE,
	    .summary = "End one of your sessions, or without an id all but this one",
	    .details = "At once: its open connections are closed.",
	    .in = OBJECT("\"id\":{\"type\":\"string\",\"minLength\":36,\"maxLength\":36}", ""),
	    .out = ENDED,
	    .example = "{}",
	    .run = end },
	{ .name = "login.end_of",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_KEYS,
	    .effect = API_WRITE,
	    .summary = "End all sessions of a member",
	    .in = OBJECT("\"person\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":300}", "\"person\""),
	    .out = ENDED,
	    .example = "{\"person\":\"slack:U024BE7LH\"}",
	    .run = end_of },
	{ .name = NULL },
};
