/* Settings of teams in layers, and changes of them that wait for another admin.  The substance is in core/teams/config*. */
#include <string.h>

#include "../base/json.h"
#include "../teams/config_store.h"
#include "api.h"
#include "page.h"

extern const struct api_proc api_config[];

#define OBJECT(properties, required) \
	"{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define ANY "{\"type\":\"object\"}"
#define TEXT "{\"type\":\"string\"}"
#define COUNT "{\"type\":\"integer\",\"minimum\":0}"
#define KEYS "{\"type\":\"array\",\"maxItems\":100,\"items\":{\"type\":\"string\",\"maxLength\":64}}"
#define TEAM_ARG \
	"\"team\":{\"type\":\"string\",\"maxLength\":64,\"description\":\"a unit or team by its short name or id; without it: the organisation\"}"
#define WHOSE TEAM_ARG ",\"template\":{\"type\":\"boolean\",\"description\":\"the layer above the organisation; without team\"}"
#define PATCH \
	"\"set\":{\"type\":\"object\",\"description\":\"key: value\"},\"unset\":" KEYS ",\"lock\":" KEYS ",\"unlock\":" KEYS \
	",\"require\":" KEYS ",\"unrequire\":" KEYS \
	",\"bounds\":{\"type\":\"object\",\"description\":\"key: {min, max, allowed} or null\"},\"base_version\":" COUNT
#define LIST(name) "\"" name "\":{\"type\":\"array\",\"items\":" ANY "}"
#define CHANGED \
	OBJECT("\"version\":" COUNT ",\"pending\":" TEXT ",\"keys\":" KEYS "," LIST("changed") "," LIST("overrides"), \
	    "\"changed\",\"overrides\"")

static enum api_code whose(struct api_call *c, struct config_whose *w)
{
	*w = (struct config_whose){ .layer = LAYER_ORGANISATION, .node = c->node };
	if (!json_bool(c->in, "template", false))
		return API_OK;
	if (!id_equal(c->node, c->by->ws))
		return api_fail(c, API_INVALID, "team", "The template stands above the organisation and has no team.");
	w->layer = LAYER_TEMPLATE;
	return API_OK;
}

/* What was answered as an object of its own becomes the answer. */
static enum api_code answer(struct api_call *c, enum err e, json_t *o, const struct problem *why)
{
	if (e == ERR_NONE)
		json_object_update(c->out, o);
	json_decref(o);
	return api_end(c, e, why);
}

static enum api_code get(struct api_call *c)
{
	struct config_whose w;
	struct problem why = { 0 };
	json_t *o = NULL;
	enum api_code code = whose(c, &w);
	if (code != API_OK)
		return code;
	enum err e = config_get(c->pg, c->by->ws, &w, &o, &why);
	return answer(c, e, o, &why);
}

static enum api_code effective(struct api_call *c)
{
	struct problem why = { 0 };
	json_t *o = NULL;
	enum err e = config_effective(c->pg, c->by->ws, c->node, ID_NONE, &o);
	return answer(c, e, o, &why);
}

/* Only what belongs to a change of the layer. */
static json_t *patch_of(const struct api_call *c)
{
	static const char *const parts[] = { "set", "unset", "lock", "unlock", "require", "unrequire", "bounds", "base_version" };
	json_t *patch = json_object();
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		json_t *v = json_object_get(c->in, parts[i]);
		if (v != NULL)
			json_object_set(patch, parts[i], v);
	}
	return patch;
}

/* For the audit: which keys, never their values. */
static void note_keys(struct api_call *c, const json_t *o)
{
	json_t *keys = json_array(), *one;
	size_t i;
	json_array_foreach (json_arr(o, "changed"), i, one)
		json_array_append(keys, json_object_get(one, "key"));
	c->audit = json_pack("{s:I, s:b, s:o}", "version", (json_int_t)json_int(o, "version", 0), "waits",
	    json_object_get(o, "pending") != NULL, "keys", keys);
}

static enum api_code put(struct api_call *c, const struct config_whose *w, bool dry)
{
	struct problem why = { 0 };
	json_t *o = NULL, *patch = patch_of(c);
	enum err e = config_set(c->pg, c->by, w, patch, c->request, dry, &o, &why);
	json_decref(patch);
	c->subject = w->layer == LAYER_PERSON ? w->person : w->node;
	if (e == ERR_NONE)
		note_keys(c, o);
	return answer(c, e, o, &why);
}

static enum api_code set(struct api_call *c)
{
	struct config_whose w;
	enum api_code code = whose(c, &w);
	return code != API_OK ? code : put(c, &w, false);
}

static enum api_code validate(struct api_call *c)
{
	struct config_whose w;
	enum api_code code = whose(c, &w);
	return code != API_OK ? code : put(c, &w, true);
}

static enum api_code history(struct api_call *c)
{
	struct config_whose w;
	struct problem why = { 0 };
	json_t *list = NULL;
	enum api_code code = whose(c, &w);
	if (code != API_OK)
		return code;
	enum err e = config_history(c->pg, c->by->ws, &w, &list, &why);
	if (e == ERR_NONE)
		json_object_set_new(c->out, "versions", list);
	return api_end(c, e, &why);
}

static enum api_code diff(struct api_call *c)
{
	struct config_whose w;
	struct problem why = { 0 };
	json_t *list = NULL;
	enum api_code code = whose(c, &w);
	if (code != API_OK)
		return code;
	enum err e = config_between(c->pg, c->by->ws, &w, json_int(c->in, "from", 0), json_int(c->in, "to", 0), &list, &why);
	if (e == ERR_NONE)
		json_object_set_new(c->out, "changed", list);
	return api_end(c, e, &why);
}

static enum api_code restore(struct api_call *c)
{
	struct config_whose w;
	struct problem why = { 0 };
	json_t *o = NULL;
	enum api_code code = whose(c, &w);
	if (code != API_OK)
		return code;
	enum err e = config_restore(c->pg, c->by, &w, json_int(c->in, "version", 0), c->request, &o, &why);
	c->subject = w.node;
	if (e == ERR_NONE)
		note_keys(c, o);
	return answer(c, e, o, &why);
}

static enum api_code schema(struct api_call *c)
{
	json_object_set_new(c->out, "keys", config_schema());
	return API_OK;
}

static enum api_code list_changes(struct api_call *c)
{
	struct problem why = { 0 };
	json_t *list = NULL;
	enum err e = change_list(c->pg, c->by->ws, c->node, json_bool(c->in, "all", false), &list);
	if (e == ERR_NONE)
		json_object_set_new(c->out, "changes", list);
	return api_end(c, e, &why);
}

static enum api_code decide(struct api_call *c, bool approve)
{
	struct problem why = { 0 };
	json_t *o = NULL;
	struct id id;
	if (!id_parse(json_str(c->in, "change", ""), &id))
		return api_fail(c, API_NOT_FOUND, "change", "There is no such change, or not for you.");
	enum err e = change_decide(c->pg, c->by, id, approve, json_str(c->in, "reason", ""), &o, &why);
	c->subject = id;
	return answer(c, e, o, &why);
}

static enum api_code approve(struct api_call *c)
{
	return decide(c, true);
}

static enum api_code reject(struct api_call *c)
{
	return decide(c, false);
}

/* ---- what people choose for themselves ---- */

static enum api_code own(struct api_call *c, struct config_whose *w)
{
	*w = (struct config_whose){ .layer = LAYER_PERSON, .node = c->by->ws, .person = c->by->user };
	return id_is_none(c->by->user) ? api_fail(c, API_INVALID, "", "Only people have preferences.") : API_OK;
}

static enum api_code preference_get(struct api_call *c)
{
	struct config_whose w;
	json_t *merged = NULL, *values, *shown = json_object();
	enum api_code code = own(c, &w);
	enum err e = code == API_OK ? config_effective(c->pg, c->by->ws, c->by->ws, w.person, &merged) : ERR_NONE;
	values = json_object_get(merged, "values");
	for (const struct config_key *k = config_keys; e == ERR_NONE && code == API_OK && k->name != NULL; k++)
		if (k->layers & (1u << LAYER_PERSON))
			json_object_set(shown, k->name, json_object_get(values, k->name));
	json_object_set_new(c->out, "values", shown);
	json_decref(merged);
	return code != API_OK ? code : api_end(c, e, &(struct problem){ .code = API_OK });
}

static enum api_code preference_set(struct api_call *c)
{
	struct config_whose w;
	enum api_code code = own(c, &w);
	return code != API_OK ? code : put(c, &w, false);
}

#define READ(n) .name = n, .role = ROLE_MEMBER, .scope = SCOPE_CONFIG_READ, .effect = API_READ
#define WRITE(n) .name = n, .role = ROLE_ADMIN, .scope = SCOPE_CONFIG_WRITE, .effect = API_WRITE

const struct api_proc api_config[] = {
	{ READ("config.get"), .summary = "What one layer of settings says itself", .in = OBJECT(WHOSE, ""),
	    .out = OBJECT("\"version\":" COUNT ",\"layer\":" TEXT ",\"doc\":" ANY, "\"version\",\"layer\",\"doc\""),
	    .example = "{\"team\":\"payments\"}", .run = get },
	{ READ("config.effective"), .summary = "What holds for a team, and which layer each value is from",
	    .in = OBJECT(TEAM_ARG, ""),
	    .out = OBJECT("\"values\":" ANY ",\"from\":" ANY ",\"locked\":" ANY ",\"required\":" ANY ",\"bounds\":" ANY
	                  ",\"missing\":" KEYS "," LIST("passed_over"),
	        "\"values\",\"from\""),
	    .example = "{\"team\":\"payments\"}", .run = effective },
	{ WRITE("config.set"), .summary = "Change one layer of settings",
	    .details =
	        "Keys under governance.review wait until another admin has approved them; then the answer has \"pending\" instead of a version. "
	        "\"overrides\" lists what layers below say in vain from now on.",
	    .in = OBJECT(WHOSE "," PATCH, ""), .out = CHANGED,
	    .example = "{\"team\":\"payments\",\"set\":{\"forks.max_active\":3},\"lock\":[\"forks.max_active\"]}", .run = set },
	{ .name = "config.validate",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_READ,
	    .effect = API_READ,
	    .summary = "What a change would do, without doing it",
	    .in = OBJECT(WHOSE "," PATCH, ""),
	    .out = CHANGED,
	    .example = "{\"team\":\"payments\",\"set\":{\"forks.max_active\":3}}",
	    .run = validate },
	{ READ("config.history"), .summary = "The versions of one layer, newest first: who, when, what", .pages = "versions",
	    .in = OBJECT(WHOSE "," PAGE_IN, ""), .out = OBJECT(LIST("versions") "," PAGE_OUT, "\"versions\""), .example = "{}",
	    .run = history },
	{ READ("config.diff"), .summary = "What is different between two versions of a layer",
	    .in = OBJECT(WHOSE ",\"from\":" COUNT ",\"to\":" COUNT, "\"from\",\"to\""),
	    .out = OBJECT(LIST("changed"), "\"changed\""), .example = "{\"from\":1,\"to\":2}", .run = diff },
	{ WRITE("config.restore"), .summary = "Bring an earlier version of a layer back, as a new one",
	    .in = OBJECT(WHOSE ",\"version\":{\"type\":\"integer\",\"minimum\":1}", "\"version\""), .out = CHANGED,
	    .example = "{\"version\":1}", .run = restore },
	{ READ("config.schema"), .summary = "Every key: type, default, bounds, how layers merge, who may set it",
	    .in = OBJECT("", ""), .out = OBJECT(LIST("keys"), "\"keys\""), .example = "{}", .run = schema },
	{ READ("change.list"), .summary = "Changes of settings that wait for another admin, there and below", .pages = "changes",
	    .in = OBJECT(TEAM_ARG ",\"all\":{\"type\":\"boolean\",\"description\":\"those that were decided, too\"}," PAGE_IN, ""),
	    .out = OBJECT(LIST("changes") "," PAGE_OUT, "\"changes\""), .example = "{}", .run = list_changes },
	{ .name = "change.approve",
	    .role = ROLE_VIEWER, /* at the organisation; what counts is the role where the change is, checked with it */
	    .scope = SCOPE_CONFIG_WRITE,
	    .effect = API_WRITE,
	    .summary = "Let a change that waits take effect; never one's own",
	    .details = "Takes the role admin at the team that the change is for.",
	    .in = OBJECT(TEAM_ARG ",\"change\":" TEXT, "\"change\""),
	    .out = OBJECT("\"version\":" COUNT "," LIST("changed") "," LIST("overrides"), "\"version\",\"changed\",\"overrides\""),
	    .example = "{\"change\":\"01a1ff74-991a-7000-8d6e-c1c84a32459a\"}",
	    .run = approve },
	{ .name = "change.reject",
	    .role = ROLE_VIEWER,
	    .scope = SCOPE_CONFIG_WRITE,
	    .effect = API_WRITE,
	    .summary = "Refuse a change that waits; never one's own",
	    .details = "Takes the role admin at the team that the change is for.",
	    .in = OBJECT(TEAM_ARG ",\"change\":" TEXT ",\"reason\":{\"type\":\"string\",\"maxLength\":500}", "\"change\""),
	    .out = OBJECT("", ""),
	    .example = "{\"change\":\"01a1ff74-991a-7000-8d6e-c1c84a32459a\",\"reason\":\"not before the audit\"}",
	    .run = reject },
	{ .name = "preference.get",
	    .role = ROLE_VIEWER,
	    .scope = SCOPE_TALK_READ,
	    .effect = API_READ,
	    .summary = "What holds for you of what people choose for themselves",
	    .in = OBJECT("", ""),
	    .out = OBJECT("\"values\":" ANY, "\"values\""),
	    .example = "{}",
	    .run = preference_get },
	{ .name = "preference.set",
	    .role = ROLE_VIEWER,
	    .scope = SCOPE_TALK_WRITE,
	    .effect = API_WRITE,
	    .summary = "Choose something for yourself",
	    .in = OBJECT("\"set\":" ANY ",\"unset\":" KEYS, ""),
	    .out = CHANGED,
	    .example = "{\"set\":{\"display.theme\":\"dark\"}}",
	    .run = preference_set },
	{ .name = NULL },
};
