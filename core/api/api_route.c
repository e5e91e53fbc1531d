/* Which team something from outside belongs to.  The substance is in core/teams/route.c. */
#include "../base/json.h"
#include "../teams/route.h"
#include "api.h"
#include "page.h"

extern const struct api_proc api_route[];

#define OBJECT(properties, required) \
	"{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define TEXT "{\"type\":\"string\"}"
#define TEAM_ARG \
	"\"team\":{\"type\":\"string\",\"maxLength\":64,\"description\":\"a unit or team by its short name or id; without it: the organisation\"}"
#define KIND \
	"{\"type\":\"string\",\"enum\":[\"slack_channel\",\"mail_address\",\"pagerduty_service\",\"incidentio_team\",\"incidentio_source\"," \
	"\"github_repo\",\"service\"]}"
#define NAMED "\"kind\":" KIND ",\"value\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":500}"
#define LIST(name, item) "\"" name "\":{\"type\":\"array\",\"items\":" item "}"

static enum route_kind kind_of(const json_t *o)
{
	enum route_kind k = ROUTE_KINDS; /* the schema lets no other in */
	route_kind_from_name(json_str(o, "kind", ""), &k);
	return k;
}

static enum api_code answer(struct api_call *c, enum err e, const struct problem *why)
{
	char value[ROUTE_VALUE_MAX + 1];
	enum route_kind k = kind_of(c->in);
	struct problem ignored = { 0 };
	if (e == ERR_NONE && route_normalise(k, json_str(c->in, "value", ""), value, &ignored) == ERR_NONE) {
		c->subject = c->node;
		c->audit = json_pack("{s:s, s:s}", "kind", route_kind_name(k), "value", value);
		json_object_set_new(c->out, "kind", json_string(route_kind_name(k)));
		json_object_set_new(c->out, "value", json_string(value));
	}
	return api_end(c, e, why);
}

static enum api_code put(struct api_call *c)
{
	struct problem why = { 0 };
	return answer(c, route_put(c->pg, c->by, c->node, kind_of(c->in), json_str(c->in, "value", ""), &why), &why);
}

static enum api_code drop(struct api_call *c)
{
	struct problem why = { 0 };
	return answer(c, route_remove(c->pg, c->by, kind_of(c->in), json_str(c->in, "value", ""), &why), &why);
}

static enum api_code list(struct api_call *c)
{
	json_t *o = NULL;
	enum err e = route_list(c->pg, c->by->ws, c->node, &o);
	if (e == ERR_NONE)
		json_object_set_new(c->out, "routes", o);
	return api_end(c, e, &(struct problem){ .code = API_OK });
}

static enum api_code lookup(struct api_call *c)
{
	struct route_asked asked[ROUTES_ASKED_MAX];
	const json_t *all = json_arr(c->in, "names");
	size_t n = json_array_size(all) < ROUTES_ASKED_MAX ? json_array_size(all) : ROUTES_ASKED_MAX;
	json_t *o = NULL;
	for (size_t i = 0; i < n; i++)
		asked[i] = (struct route_asked){ kind_of(json_array_get(all, i)), json_str(json_array_get(all, i), "value", "") };
	enum err e = route_lookup(c->pg, c->by->ws, asked, n, &o);
	if (e == ERR_NONE)
		json_object_update(c->out, o);
	json_decref(o);
	return api_end(c, e, &(struct problem){ .code = API_OK });
}

const struct api_proc api_route[] = {
	{ .name = "route.put",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_WRITE,
	    .effect = API_WRITE,
	    .summary = "Claim a channel, address, service, team, source or repository for a team",
	    .details =
	        "Each is one team's in its workspace. Channels and addresses take the role admin of whoever owns them now, the organisation if nobody "
	        "does; what another team has claimed moves only if you are an admin there too.",
	    .in = OBJECT(TEAM_ARG "," NAMED, "\"kind\",\"value\""),
	    .out = OBJECT("\"kind\":" TEXT ",\"value\":" TEXT, "\"kind\",\"value\""),
	    .example = "{\"team\":\"payments\",\"kind\":\"pagerduty_service\",\"value\":\"Payments API\"}",
	    .run = put },
	{ .name = "route.remove",
	    .role = ROLE_VIEWER, /* at the organisation; what counts is the role at the team that has it, checked with it */
	    .scope = SCOPE_CONFIG_WRITE,
	    .effect = API_WRITE,
	    .summary = "Give up what a team has claimed",
	    .details = "Takes the role admin at that team.",
	    .in = OBJECT(TEAM_ARG "," NAMED, "\"kind\",\"value\""),
	    .out = OBJECT("\"kind\":" TEXT ",\"value\":" TEXT, "\"kind\",\"value\""),
	    .example = "{\"kind\":\"pagerduty_service\",\"value\":\"payments-api\"}",
	    .run = drop },
	{ .name = "route.list",
	    .role = ROLE_MEMBER,
	    .scope = SCOPE_CONFIG_READ,
	    .effect = API_READ,
	    .summary = "What a team and those below it have claimed",
	    .pages = "routes",
	    .in = OBJECT(TEAM_ARG "," PAGE_IN, ""),
	    .out = OBJECT(PAGE_OUT
	        "," LIST("routes", OBJECT("\"kind\":" TEXT ",\"value\":" TEXT ",\"team\":" TEXT, "\"kind\",\"value\",\"team\"")),
	        "\"routes\""),
	    .example = "{\"team\":\"payments\"}",
	    .run = list },
	{ .name = "route.lookup",
	    .role = ROLE_MEMBER,
	    .scope = SCOPE_CONFIG_READ,
	    .effect = API_READ,
	    .summary = "Which team gets what names all of these, and why",
	    .details =
	        "The first kind that is claimed counts, in this order: slack_channel, mail_address, pagerduty_service, incidentio_team, "
	        "incidentio_source, github_repo, service.",
	    .in = OBJECT(
	        "\"names\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":20,\"items\":" OBJECT(NAMED, "\"kind\",\"value\"") "}",
	        "\"names\""),
	    .out = OBJECT("\"team\":" TEXT ",\"matched_by\":" OBJECT(
	                      "\"kind\":" TEXT ",\"value\":" TEXT, "\"kind\",\"value\"") ",\"hint\":" TEXT "," LIST("tried",
	                      OBJECT("\"kind\":" TEXT ",\"value\":" TEXT ",\"result\":" TEXT, "\"kind\",\"value\",\"result\"")),
	        "\"tried\""),
	    .example =
	        "{\"names\":[{\"kind\":\"service\",\"value\":\"payments-api\"},{\"kind\":\"github_repo\",\"value\":\"acme/payments\"}]}",
	    .run = lookup },
	{ .name = NULL },
};
