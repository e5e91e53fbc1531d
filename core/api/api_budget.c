/* Budgets and what was spent of them.  The substance is in core/teams/spend.h. */
#include <math.h>
#include <string.h>

#include "../base/json.h"
#include "../teams/member.h"
#include "../teams/spend.h"
#include "api.h"
#include "page.h"

extern const struct api_proc api_budget[];

#define OBJECT(properties, required) \
	"{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define TEXT "{\"type\":\"string\"}"
#define NUMBER "{\"type\":\"number\",\"minimum\":0}"
#define COUNT "{\"type\":\"integer\",\"minimum\":0}"
#define LIST(name, item) OBJECT("\"" name "\":{\"type\":\"array\",\"items\":" item "}", "\"" name "\"")
#define OF "{\"type\":\"string\",\"enum\":[\"workspace\",\"team\",\"person\"]}"
#define PERIOD "{\"type\":\"string\",\"enum\":[\"day\",\"month\"]}"
#define SUBJECT_ARGS \
	"\"team\":{\"type\":\"string\",\"maxLength\":64,\"description\":\"a unit or team by its short name or id; without it and \\\"person\\\": the workspace\"}," \
	"\"person\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":300,\"description\":\"ADAPTER:ID, as the adapter names people, or a person's id\"}"
#define EACH_ARG \
	",\"each\":{\"type\":\"string\",\"enum\":[\"team\",\"person\"],\"description\":\"all of them that have no budget of their own\"}"
#define BUDGET \
	OBJECT("\"of\":" OF ",\"each\":{\"type\":\"boolean\"},\"id\":" TEXT ",\"name\":" TEXT ",\"period\":" PERIOD \
	       ",\"usd\":" NUMBER ",\"tokens\":" COUNT ",\"spent_usd\":" NUMBER ",\"spent_tokens\":" COUNT, \
	    "\"of\",\"period\"")
#define DAYS "\"days\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":3660}"
#define USAGE \
	OBJECT("\"day\":" TEXT ",\"of\":" OF ",\"each\":{\"type\":\"boolean\"},\"id\":" TEXT ",\"name\":" TEXT ",\"usd\":" NUMBER \
	       ",\"input_tokens\":" COUNT ",\"output_tokens\":" COUNT ",\"calls\":" COUNT, \
	    "\"usd\",\"input_tokens\",\"output_tokens\",\"calls\"")
#define SAYS \
	OBJECT("\"layer\":" TEXT ",\"name\":" TEXT \
	       ",\"by\":{\"type\":\"string\",\"enum\":[\"eddy.yaml\",\"settings\",\"budget\"]},\"usd\":" NUMBER \
	       ",\"tokens\":" COUNT, \
	    "\"layer\",\"name\",\"by\"")
#define CAP \
	OBJECT( \
	    "\"of\":{\"type\":\"string\",\"enum\":[\"workspace\",\"team\",\"person\",\"answer\"]},\"each\":{\"type\":\"boolean\"},\"id\":" TEXT \
	    ",\"name\":" TEXT ",\"period\":{\"type\":\"string\",\"enum\":[\"day\",\"month\",\"answer\"]},\"usd\":" NUMBER \
	    ",\"tokens\":" COUNT ",\"from\":" SAYS ",\"says\":{\"type\":\"array\",\"items\":" SAYS "}", \
	    "\"of\",\"period\",\"from\",\"says\"")
#define BUDGETS LIST("budgets", BUDGET)

/* Whose budget is meant.  ERR_INPUT: the problem says why. */
static enum err subject_of(struct api_call *c, struct budget_subject *out)
{
	const char *person = json_str(c->in, "person", NULL), *each = json_str(c->in, "each", NULL);
	bool team = !id_equal(c->node, c->by->ws);
	if ((person != NULL) + (each != NULL) + team > 1) {
		api_fail(c, API_INVALID, "", "Name one of team, person and each.");
		return ERR_INPUT;
	}
	*out = (struct budget_subject){ team ? BUDGET_NODE : BUDGET_WORKSPACE, c->node };
	if (each != NULL)
		out->kind = strcmp(each, "team") == 0 ? BUDGET_NODE : BUDGET_PERSON;
	if (person == NULL)
		return ERR_NONE;
	out->kind = BUDGET_PERSON;
	return member_find(c->pg, c->by->ws, person, &out->id, &c->problem);
}

static enum api_code end(struct api_call *c, enum err e)
{
	return e == ERR_NONE ? API_OK : e == ERR_INPUT && c->problem.code != API_OK ? c->problem.code : api_err(c, e);
}

static enum api_code answer(struct api_call *c, const char *name, enum err e, json_t *list)
{
	if (e == ERR_NONE)
		json_object_set_new(c->out, name, list);
	return end(c, e);
}

static enum api_code list(struct api_call *c)
{
	json_t *rows = NULL, *caps = NULL;
	enum err e = spend_layers(c->pg, c->by->ws, c->node, &rows, &caps);
	if (e == ERR_NONE)
		json_object_set_new(c->out, "caps", caps);
	return answer(c, "budgets", e, rows);
}

static enum api_code get(struct api_call *c)
{
	struct budget_subject s;
	json_t *rows = NULL;
	enum err e = subject_of(c, &s);
	if (e == ERR_NONE)
		e = spend_list(c->pg, c->by->ws, c->node, &s, &rows);
	return answer(c, "budgets", e, rows);
}

static enum api_code set(struct api_call *c)
{
	struct budget_subject s;
	const json_t *usd = json_object_get(c->in, "usd");
	enum budget_period period = strcmp(json_str(c->in, "period", ""), "day") == 0 ? BUDGET_DAY : BUDGET_MONTH;
	const struct budget_amount cap = { usd == NULL ? BUDGET_NO_CAP : (int64_t)llround(json_number_value(usd) * 1e6),
		json_int(c->in, "tokens", BUDGET_NO_CAP) };
	json_t *rows = NULL;
	enum err e = subject_of(c, &s);
	if (e == ERR_NONE)
		e = spend_set(c->pg, c->by, s, period, cap, &c->problem);
	if (e == ERR_NONE)
		e = spend_list(c->pg, c->by->ws, c->node, &s, &rows);
	if (e == ERR_NONE) {
		c->subject = s.id;
		c->audit = json_pack("{s:i, s:s, s:I, s:I}", "kind", (int)s.kind, "period", period == BUDGET_DAY ? "day" : "month",
		    "micros", (json_int_t)cap.micros, "tokens", (json_int_t)cap.tokens);
	}
	return answer(c, "budgets", e, rows);
}

static enum api_code usage(struct api_call *c)
{
	const char *by = json_str(c->in, "by", "day");
	int days = (int)json_int(c->in, "days", 31);
	struct budget_subject s;
	json_t *rows = NULL;
	enum err e = subject_of(c, &s);
	if (e == ERR_NONE && strcmp(by, "day") == 0)
		e = spend_days(c->pg, c->by->ws, s, days, &rows);
	else if (e == ERR_NONE && s.kind == BUDGET_PERSON)
		return api_fail(c, API_INVALID, "by", "The usage of a person is shown by day.");
	else if (e == ERR_NONE && strcmp(by, "person") == 0 && s.kind == BUDGET_NODE)
		return api_fail(c, API_INVALID, "by", "Persons belong to the workspace, not to a team.");
	else if (e == ERR_NONE)
		e = spend_by(c->pg, c->by->ws, c->node, strcmp(by, "person") == 0 ? BUDGET_PERSON : BUDGET_NODE, days, &rows);
	return answer(c, "usage", e, rows);
}

static enum api_code mine(struct api_call *c)
{
	json_t *rows = NULL;
	enum err e = ERR_NONE;
	if (id_is_none(c->by->user))
		rows = json_array(); /* a team's key is nobody */
	else
		e = spend_days(c->pg, c->by->ws, (struct budget_subject){ BUDGET_PERSON, c->by->user },
		    (int)json_int(c->in, "days", 31), &rows);
	return answer(c, "usage", e, rows);
}

const struct api_proc api_budget[] = {
	{ .name = "budget.list",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_READ,
	    .effect = API_READ,
	    .summary = "Every budget that was set at a team and below it, and what is spent of it",
	    .details =
	        "`caps` has what holds there: each cap with the layer that it comes from, and what all layers say about it, from eddy.yaml down.",
	    .pages = "budgets",
	    .in = OBJECT("\"team\":{\"type\":\"string\",\"maxLength\":64}," PAGE_IN, ""),
	    .out = OBJECT("\"budgets\":{\"type\":\"array\",\"items\":" BUDGET "},\"caps\":{\"type\":\"array\",\"items\":" CAP
	                  "}," PAGE_OUT,
	        "\"budgets\""),
	    .example = "{}",
	    .run = list },
	{ .name = "budget.get",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_READ,
	    .effect = API_READ,
	    .summary = "The budgets of the workspace, a team or a person",
	    .in = OBJECT(SUBJECT_ARGS EACH_ARG, ""),
	    .out = BUDGETS,
	    .example = "{\"team\":\"payments\"}",
	    .run = get },
	{ .name = "budget.set",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_WRITE,
	    .effect = API_WRITE,
	    .summary = "Set what may be spent in a day or a month, in USD, in tokens, or both",
	    .details =
	        "Without an amount the budget is taken away. What the settings allow the workspace holds beside it: the lower counts. An admin of "
	        "the team alone can only make its budget tighter. It holds within two seconds.",
	    .in = OBJECT(SUBJECT_ARGS EACH_ARG
	        ",\"period\":" PERIOD
	        ",\"usd\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1000000000},\"tokens\":{\"type\":\"integer\","
	        "\"minimum\":0,\"maximum\":1000000000000000}",
	        "\"period\""),
	    .out = BUDGETS,
	    .example = "{\"team\":\"payments\",\"period\":\"month\",\"usd\":50}",
	    .run = set },
	{ .name = "usage.get",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_READ,
	    .effect = API_READ,
	    .summary = "What the language model has cost: by day, team or person",
	    .details = "Days are UTC.",
	    .in = OBJECT(SUBJECT_ARGS ",\"by\":{\"type\":\"string\",\"enum\":[\"day\",\"team\",\"person\"]}," DAYS, ""),
	    .out = LIST("usage", USAGE),
	    .example = "{\"by\":\"team\",\"days\":7}",
	    .run = usage },
	{ .name = "usage.mine",
	    .role = ROLE_VIEWER,
	    .scope = SCOPE_CONFIG_READ,
	    .effect = API_READ,
	    .summary = "What the language model has cost for you, by day",
	    .details = "Days are UTC. The key of a team is nobody and has none.",
	    .in = OBJECT(DAYS, ""),
	    .out = LIST("usage", USAGE),
	    .example = "{\"days\":7}",
	    .run = mine },
	{ .name = NULL },
};
