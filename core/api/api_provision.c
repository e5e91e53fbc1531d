/* Teams set up, and given up, in one call: core/teams/provision.h does it, in steps after the call's own transaction. */
#include "api.h"

#include <string.h>

#include "../base/json.h"
#include "../engine/pages.h"
#include "../teams/provision.h"

extern const struct api_proc api_provision[];

static void put_id(json_t *o, const char *key, struct id id)
{
	char text[ID_TEXT];
	json_object_set_new(o, key, json_string(id_format(id, text)));
}

static enum err erase(void *arg, struct id ws, struct id thread)
{
	return engine_erase_thread(arg, ws, thread, "", "");
}

/* The call's subject is the run. */
static void work(struct api_call *c)
{
	static const char *const states[] = { "", "at_work", "being_undone", "done", "undone" };
	struct provision_end end;
	const struct provision_with with = { .attended = true, .erase = c->engine == NULL ? NULL : erase, .arg = c->engine };
	enum err e = provision_work(c->pg, c->by->ws, c->subject, &with, &end);
	if (e == ERR_NONE && end.state == PROVISION_UNDONE) {
		c->problem = end.why;
		if (c->problem.code == API_OK)
			api_fail(c, API_CONFLICT, "", "It was undone.");
		return;
	}
	json_object_set_new(c->out, "state", json_string(states[end.state]));
	if (end.key[0] != '\0') {
		json_object_set_new(c->out, "key", json_string(end.key));
		put_id(c->out, "key_id", end.key_id);
	}
	explicit_bzero(end.key, sizeof end.key);
}

/* Documents are compared as they were asked for. */
static struct provision_ask ask_of(const struct api_call *c)
{
	return (struct provision_ask){ .parent = c->node, .doc = c->in, .key = c->key, .request = c->request };
}

static enum api_code provision(struct api_call *c)
{
	struct problem why = { 0 };
	struct id node;
	const struct provision_ask ask = ask_of(c);
	enum err e = provision_begin(c->pg, c->by, &ask, &c->subject, &node, &why);
	if (e != ERR_NONE)
		return api_end(c, e, &why);
	put_id(c->out, "team", node);
	if (!id_is_none(c->subject)) {
		put_id(c->out, "id", c->subject);
		c->after = work;
	} else {
		c->subject = node;
	}
	json_object_set_new(c->out, "state", json_string("done"));
	c->audit = json_pack("{s:s}", "slug", json_str(c->in, "slug", ""));
	return API_OK;
}

static enum api_code plan(struct api_call *c)
{
	struct problem why = { 0 };
	json_t *steps = NULL;
	const struct provision_ask ask = ask_of(c);
	enum err e = provision_plan(c->pg, c->by, &ask, &steps, &why);
	if (e == ERR_NONE)
		json_object_set_new(c->out, "steps", steps);
	return api_end(c, e, &why);
}

static enum api_code list(struct api_call *c)
{
	json_t *runs = NULL;
	enum err e = provision_list(c->pg, c->by->ws, c->node, json_bool(c->in, "open", false), &runs);
	if (e == ERR_NONE)
		json_object_set_new(c->out, "provisions", runs);
	return api_err(c, e);
}

static enum api_code deprovision(struct api_call *c)
{
	struct problem why = { 0 };
	bool erases = json_bool(c->in, "erase", false);
	enum err e = provision_leave(c->pg, c->by, c->node, erases, c->request, &c->subject, &why);
	if (e != ERR_NONE)
		return api_end(c, e, &why);
	put_id(c->out, "team", c->node);
	put_id(c->out, "id", c->subject);
	json_object_set_new(c->out, "state", json_string("at_work"));
	c->audit = json_pack("{s:b}", "erase", (int)erases);
	c->after = work;
	return API_OK;
}

#define OBJECT(properties, required) \
	"{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define TEXT(n) "{\"type\":\"string\",\"minLength\":1,\"maxLength\":" n "}"
#define TEXTS(items, n) "{\"type\":\"array\",\"maxItems\":" items ",\"items\":" TEXT(n) "}"
#define TEAM_ARG(what) "\"team\":{\"type\":\"string\",\"maxLength\":64,\"description\":\"" what "\"}"
#define DOCUMENT \
	OBJECT( \
	    TEAM_ARG("the unit that the team stands in, by its short name or id; without it: the organisation") ",\"slug\":" TEXT("63") ",\"name\":" TEXT("200") ",\"agent\":" OBJECT( \
	        "\"slug\":" TEXT("63") ",\"name\":" TEXT("80") ",\"model\":" TEXT("200") ",\"prompt\":" TEXT( \
	            "32000") ",\"tools\":" TEXTS("16", "64") ",\"sub_agents\":" TEXTS("8", \
	            "63") ",\"description\":" TEXT("500") ",\"max_tokens\":{\"type\":\"integer\",\"minimum\":16,\"maximum\":64000}" \
	                                                  ",\"max_turns\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":50}", \
	        "\"slug\"") ",\"settings\":{\"type\":\"object\"}" \
	                    ",\"admins\":" TEXTS("50", "300") ",\"routes\":" TEXTS("100", "400") ",\"key\":" OBJECT( \
	                        "\"name\":" TEXT("80") ",\"role\":{\"type\":\"string\",\"enum\":[\"viewer\",\"member\",\"admin\",\"owner\"]},\"scopes\":" TEXTS( \
	                            "7", "32") ",\"days\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":366}", \
	                        "\"name\",\"role\",\"scopes\""), \
	    "\"slug\",\"name\"")
#define EXAMPLE \
	"{\"slug\":\"payments-2\",\"name\":\"Payments\",\"agent\":{\"slug\":\"payments\",\"prompt\":\"You help the people of Payments.\"}," \
	"\"settings\":{\"forks.max_active\":3},\"routes\":[\"github_repo=acme/payments\"]}"
#define ANY "{\"type\":\"string\"}"
#define STEP "\"step\":" ANY ",\"what\":" ANY
#define STATE "{\"type\":\"string\",\"enum\":[\"at_work\",\"being_undone\",\"done\",\"undone\"]}"

const struct api_proc api_provision[] = {
	{ .name = "team.provision",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_WRITE,
	    .effect = API_WRITE,
	    .tells_secret = true,
	    .keeps_key = true,
	    .summary = "Set up a team with all that belongs to it, or bring it to what is asked for",
	    .details =
	        "The team, its agent, its settings, its admins, its routes (KIND=VALUE) and an API key, as far as they are not there "
	        "already. If a step fails, those before it are taken back. The same call while it is at work goes on with it. The key "
	        "is told once.",
	    .in = DOCUMENT,
	    .out =
	        OBJECT("\"team\":" ANY ",\"id\":" ANY ",\"state\":" STATE ",\"key\":" ANY ",\"key_id\":" ANY, "\"team\",\"state\""),
	    .example = EXAMPLE,
	    .run = provision },
	{ .name = "team.plan",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_WRITE,
	    .effect = API_READ,
	    .summary = "What team.provision would do",
	    .in = DOCUMENT,
	    .out = OBJECT("\"steps\":{\"type\":\"array\",\"items\":" OBJECT(STEP, "\"step\",\"what\"") "}", "\"steps\""),
	    .example = EXAMPLE,
	    .run = plan },
	{ .name = "team.provisions",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_READ,
	    .effect = API_READ,
	    .summary = "Teams that were or are being set up or given up, newest first",
	    .in =
	        OBJECT(TEAM_ARG("a unit or team by its short name or id; without it: all") ",\"open\":{\"type\":\"boolean\"}", ""),
	    .out = OBJECT("\"provisions\":{\"type\":\"array\",\"items\":" OBJECT(
	                      "\"id\":" ANY ",\"team\":" ANY
	                      ",\"kind\":{\"type\":\"string\",\"enum\":[\"set_up\",\"give_up\"]},\"state\":" STATE ",\"why\":" ANY
	                      ",\"at_ms\":{\"type\":\"integer\"},\"steps\":{\"type\":\"array\",\"items\":" OBJECT(STEP
	                          ",\"state\":{\"type\":\"string\",\"enum\":[\"waits\",\"done\",\"undone\"]}",
	                          "\"step\",\"what\",\"state\"") "}",
	                      "\"id\",\"team\",\"kind\",\"state\",\"why\",\"at_ms\",\"steps\"") "}",
	        "\"provisions\""),
	    .example = "{}",
	    .run = list },
	{ .name = "team.deprovision",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_WRITE,
	    .effect = API_WRITE,
	    .summary = "Give up a team with all that belongs to it",
	    .details =
	        "Its keys are revoked, its routes and places free, agents made for it switched off, its threads archived; with \"erase\" what "
	        "was said in them and its settings are erased. Takes the role admin above it; units and teams in it go first.",
	    .in = OBJECT(TEAM_ARG("the team, by its short name or id") ",\"erase\":{\"type\":\"boolean\"}", "\"team\""),
	    .out = OBJECT("\"team\":" ANY ",\"id\":" ANY ",\"state\":" STATE, "\"team\",\"id\",\"state\""),
	    .example = "{\"team\":\"payments\"}",
	    .run = deprovision },
	{ .name = NULL },
};
