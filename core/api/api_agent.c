/* Agents as rows: who answers, told what, with which tools.  The substance is in core/teams/roster.c. */
#include "../base/json.h"
#include "../teams/roster.h"
#include "api.h"
#include "page.h"

extern const struct api_proc api_agent[];

#define OBJECT(properties, required) \
	"{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define TEXT "{\"type\":\"string\"}"
#define BOOL "{\"type\":\"boolean\"}"
#define NUMBER(low, high) "{\"type\":\"integer\",\"minimum\":" low ",\"maximum\":" high "}"
#define SLUG "{\"type\":\"string\",\"minLength\":1,\"maxLength\":63,\"description\":\"its short name\"}"
#define TOOLS "{\"type\":\"array\",\"maxItems\":16,\"items\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":63}}"
#define SUBS \
	"\"description\":{\"type\":\"string\",\"maxLength\":500,\"description\":\"what it is good for, for agents that may ask it\"}" \
	",\"sub_agents\":{\"type\":\"array\",\"maxItems\":8,\"items\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":63},\"description\":\"short names of " \
	"agents that it may ask\"},"
#define TOLD \
	SUBS \
	    "\"model\":{\"type\":\"string\",\"maxLength\":120,\"description\":\"empty: the team's, else the installation's\"},\"tools\":" TOOLS \
	    ",\"max_tokens\":" NUMBER("16", "64000") ",\"max_turns\":" NUMBER("1", "50") ",\"active\":" BOOL
#define NAME "\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":80}"
#define PROMPT "\"prompt\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":64000}"
#define SHOWN \
	"\"slug\":" TEXT ",\"name\":" TEXT ",\"description\":" TEXT ",\"sub_agents\":{\"type\":\"array\",\"items\":" TEXT \
	"},\"model\":" TEXT ",\"tools\":{\"type\":\"array\",\"items\":" TEXT \
	"},\"max_tokens\":" NUMBER("0", "2147483647") ",\"max_turns\":" NUMBER( \
	    "0", "2147483647") ",\"active\":" BOOL \
	                       ",\"shipped\":{\"type\":\"boolean\",\"description\":\"as Eddy comes with it, and follows that\"}"
#define CHANGED OBJECT("\"slug\":" TEXT ",\"changed\":{\"type\":\"array\",\"items\":" TEXT "}", "\"slug\",\"changed\"")

static enum api_code list(struct api_call *c)
{
	json_t *o = NULL;
	enum err e = roster_list(c->pg, c->by->ws, json_bool(c->in, "all", false), &o);
	if (e == ERR_NONE)
		json_object_set_new(c->out, "agents", o);
	return api_end(c, e, &(struct problem){ .code = API_OK });
}

static enum api_code get(struct api_call *c)
{
	struct problem why = { 0 };
	json_t *o = NULL;
	enum err e = roster_get(c->pg, c->by->ws, json_str(c->in, "agent", ""), &o, &why);
	if (e == ERR_NONE)
		json_object_update(c->out, o);
	json_decref(o);
	return api_end(c, e, &why);
}

/* The audit has which fields, never what they say. */
static enum api_code answer(struct api_call *c, enum err e, const char *slug, json_t *changed, const struct problem *why)
{
	if (e == ERR_NONE) {
		json_object_set_new(c->out, "slug", json_string(slug));
		json_object_set(c->out, "changed", changed);
		c->audit = json_pack("{s:s, s:O}", "agent", slug, "changed", changed);
	}
	json_decref(changed);
	return api_end(c, e, why);
}

static enum api_code create(struct api_call *c)
{
	struct problem why = { 0 };
	const char *slug = json_str(c->in, "slug", "");
	json_t *changed = json_array(), *v;
	const char *key;
	json_object_foreach ((json_t *)(uintptr_t)c->in, key, v)
		json_array_append_new(changed, json_string(key));
	c->subject = id_named(c->request, 0, "agent", 5);
	return answer(c, roster_add(c->pg, c->by->ws, c->subject, c->in, &why), slug, changed, &why);
}

static enum api_code update(struct api_call *c)
{
	struct problem why = { 0 };
	const char *slug = json_str(c->in, "agent", "");
	json_t *changed = NULL;
	enum err e = roster_change(c->pg, c->by->ws, slug, c->in, &c->subject, &changed, &why);
	return answer(c, e, slug, changed, &why);
}

static enum api_code reset(struct api_call *c)
{
	struct problem why = { 0 };
	const char *slug = json_str(c->in, "agent", "");
	enum err e = roster_reset(c->pg, c->by->ws, slug, &c->subject, &why);
	return answer(c, e, slug, json_array(), &why);
}

#define WRITE(n) .name = n, .role = ROLE_ADMIN, .scope = SCOPE_CONFIG_WRITE, .effect = API_WRITE
#define READ(n) .name = n, .role = ROLE_MEMBER, .scope = SCOPE_CONFIG_READ, .effect = API_READ

const struct api_proc api_agent[] = {
	{ READ("agent.list"), .summary = "The agents of the workspace", .pages = "agents",
	    .details = "What a team wants otherwise about one is in its settings (config.effective, agents).",
	    .in = OBJECT("\"all\":{\"type\":\"boolean\",\"description\":\"those that are switched off, too\"}," PAGE_IN, ""),
	    .out = OBJECT("\"agents\":{\"type\":\"array\",\"items\":" OBJECT(SHOWN, "\"slug\",\"name\",\"active\"") "}," PAGE_OUT,
	        "\"agents\""),
	    .example = "{}", .run = list },
	{ READ("agent.get"), .summary = "One agent, with its prompt", .in = OBJECT("\"agent\":" SLUG, "\"agent\""),
	    .out =
	        OBJECT(SHOWN ",\"prompt\":" TEXT
	                     ",\"digest\":{\"type\":\"string\",\"description\":\"says what was looked at: base of agent.update\"}",
	            "\"slug\",\"name\",\"prompt\",\"active\",\"digest\""),
	    .example = "{\"agent\":\"eddy\"}", .run = get },
	{ WRITE("agent.create"), .summary = "Make an agent",
	    .details =
	        "It answers where agent.default of the settings names it. Where agents are under review (governance.review), they are "
	        "changed in the settings.",
	    .in = OBJECT("\"slug\":" SLUG "," NAME "," PROMPT "," TOLD, "\"slug\",\"name\",\"prompt\""), .out = CHANGED,
	    .example =
	        "{\"slug\":\"night-shift\",\"name\":\"Night shift\",\"prompt\":\"You help whoever is on call. Be short.\",\"tools\":[\"search_messages\"]}",
	    .run = create },
	{ WRITE("agent.update"), .summary = "Change an agent, or switch it off and on",
	    .details =
	        "What is left out stays. Answers that begin two seconds later are made with it. Switching off what a setting or another "
	        "agent still names is refused, and the refusal says which.",
	    .in = OBJECT(
	        "\"agent\":" SLUG "," NAME "," PROMPT "," TOLD
	        ",\"base\":{\"type\":\"string\",\"maxLength\":64,\"description\":\"digest of agent.get: refused if somebody has changed it since\"}",
	        "\"agent\""),
	    .out = CHANGED, .example = "{\"agent\":\"eddy\",\"max_turns\":6}", .run = update },
	{ WRITE("agent.reset"), .summary = "Make an agent what Eddy comes with again", .in = OBJECT("\"agent\":" SLUG, "\"agent\""),
	    .out = CHANGED, .example = "{\"agent\":\"eddy\"}", .run = reset },
	{ .name = NULL },
};
