/*
 * Tokens of people for services outside, given by each person for themselves: what a tool does with one is what that person may do there.  A key of the API cannot
 * give or take one, whosever it is, and no answer ever holds one.
 */
#include "api.h"
#include "page.h"

#include <string.h>

#include "../agents/tracker.h"
#include "../base/id.h"
#include "../base/json.h"
#include "../engine/engine.h"
#include "../engine/fetcher.h"
#include "../settings/settings.h"
#include "../store/seal.h"

extern const struct api_proc api_credential[];

/* API_OK: ${name} is what the caller's token for argument "host" is called. */
static enum api_code own_name(struct api_call *c, char name[TRACKER_NAME_MAX + 1])
{
	const char *const *hosts = NULL, *host = json_str(c->in, "host", "");
	if (id_is_none(c->by->person) || !id_is_none(c->by->key))
		return api_fail(c, API_FORBIDDEN, "", "Only a person who is logged in does that, for themselves.");
	if (engine_seal(c->engine) == NULL)
		return api_fail(c, API_UNAVAILABLE, "", "There is no key here to seal it with.");
	size_t n = settings_list(engine_settings(c->engine), "tracker.hosts", &hosts);
	if (!tracker_allowed(host, hosts, n))
		return api_fail(c, API_INVALID, "host", "This installation takes no tokens for that host (tracker.hosts).");
	tracker_token_name(c->by->person, host, name);
	return API_OK;
}

static void note(struct api_call *c)
{
	c->subject = c->by->person;
	c->audit = json_pack("{s:s}", "host", json_str(c->in, "host", ""));
}

static enum api_code put(struct api_call *c)
{
	char name[TRACKER_NAME_MAX + 1];
	const char *token = json_str(c->in, "token", "");
	enum api_code code = own_name(c, name);
	if (code != API_OK)
		return code;
	for (const char *p = token; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			return api_fail(
			    c, API_INVALID, "token", "A token has no blanks and no other than plain letters, digits and signs.");
	enum err e = secret_put(engine_seal(c->engine), c->pg, c->by->ws, TRACKER_KIND, name, token, strlen(token));
	json_object_set_new(c->out, "host", json_string(json_str(c->in, "host", "")));
	note(c);
	return api_err(c, e);
}

static enum api_code remove_(struct api_call *c)
{
	char name[TRACKER_NAME_MAX + 1];
	bool gone = false;
	enum api_code code = own_name(c, name);
	if (code != API_OK)
		return code;
	enum err e = secret_remove(c->pg, c->by->ws, TRACKER_KIND, name, &gone);
	json_object_set_new(c->out, "removed", json_boolean(gone));
	note(c);
	return api_err(c, e);
}

struct own {
	char begin[TRACKER_NAME_MAX + 1];
	json_t *list;
};

static void take(void *arg, const struct secret_row *r)
{
	struct own *o = arg;
	size_t n = strlen(o->begin);
	if (strcmp(r->kind, TRACKER_KIND) == 0 && strncmp(r->name, o->begin, n) == 0)
		json_array_append_new(
		    o->list, json_pack("{s:s, s:I}", "host", r->name + n, "changed_ms", (json_int_t)r->changed_ms));
}

static enum api_code list(struct api_call *c)
{
	struct own o = { .list = json_array() };
	json_object_set_new(c->out, "credentials", o.list);
	if (id_is_none(c->by->person))
		return API_OK;
	tracker_token_name(c->by->person, "", o.begin);
	return api_err(c, secret_list(c->pg, c->by->ws, take, &o));
}

#define OBJECT(properties, required) \
	"{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define HOST "\"host\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":80}"

const struct api_proc api_credential[] = {
	{ .name = "credential.put",
	    .role = ROLE_VIEWER,
	    .scope = SCOPE_TALK_WRITE,
	    .effect = API_WRITE,
	    .needs_engine = true,
	    .summary = "Give Eddy your own token for a service, for what you ask it to look up there",
	    .details =
	        "It is sealed, used for your own questions alone, and never shown again. `host` is one of the setting tracker.hosts. What comes of a question is told where you ask it: in "
	        "a channel all who read that channel read it. Keys of the API cannot do this.",
	    .in = OBJECT(HOST ",\"token\":{\"type\":\"string\",\"minLength\":8,\"maxLength\":4000}", "\"host\",\"token\""),
	    .out = OBJECT("\"host\":{\"type\":\"string\"}", "\"host\""),
	    .example = "{\"host\":\"tracker.example.org\",\"token\":\"a-token-of-your-own\"}",
	    .run = put },
	{ .name = "credential.remove",
	    .role = ROLE_VIEWER,
	    .scope = SCOPE_TALK_WRITE,
	    .effect = API_WRITE,
	    .needs_engine = true,
	    .summary = "Take back your own token for a service",
	    .in = OBJECT(HOST, "\"host\""),
	    .out = OBJECT("\"removed\":{\"type\":\"boolean\"}", "\"removed\""),
	    .example = "{\"host\":\"tracker.example.org\"}",
	    .run = remove_ },
	{ .name = "credential.list",
	    .role = ROLE_VIEWER,
	    .scope = SCOPE_TALK_READ,
	    .effect = API_READ,
	    .needs_engine = true,
	    .summary = "The services that you have given Eddy a token for",
	    .pages = "credentials",
	    .in = OBJECT(PAGE_IN, ""),
	    .out =
	        OBJECT(PAGE_OUT ",\"credentials\":{\"type\":\"array\",\"items\":" OBJECT(
	                   "\"host\":{\"type\":\"string\"},\"changed_ms\":{\"type\":\"integer\"}", "\"host\",\"changed_ms\"") "}",
	            "\"credentials\""),
	    .example = "{}",
	    .run = list },
	{ .name = NULL },
};
