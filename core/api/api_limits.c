/* How much may be asked in a short time, and who waits. */
#include <stdio.h>

#include "../base/json.h"
#include "../teams/config_store.h"
#include "../teams/dedicated.h"
#include "../teams/held.h"
#include "api.h"
#include "page.h"

extern const struct api_proc api_limits[];

#define OBJECT(properties, required) \
	"{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define TEXT "{\"type\":\"string\"}"
#define COUNT "{\"type\":\"integer\",\"minimum\":0}"

static enum api_code get(struct api_call *c)
{
	static const char *const names[] = { "person", "team", "workspace", "queue", "person_calls", "team_calls",
		"workspace_calls", "concurrent" };
	json_t *merged = NULL, *held = NULL;
	enum err e = config_effective(c->pg, c->by->ws, c->node, ID_NONE, &merged);
	const json_t *values = json_object_get(merged, "values");
	for (size_t i = 0; i < sizeof names / sizeof *names && e == ERR_NONE; i++) {
		char key[40];
		snprintf(key, sizeof key, "limits.%s", names[i]);
		json_object_set_new(c->out, names[i], json_integer(json_int(values, key, 0)));
	}
	if (e == ERR_NONE)
		e = held_list(c->pg, c->by->ws, &held);
	if (e == ERR_NONE)
		json_object_set_new(c->out, "held", held);
	json_decref(merged);
	return api_end(c, e, &(struct problem){ .code = API_OK });
}

static enum api_code dedicated(struct api_call *c)
{
	json_t *list = NULL;
	enum err e = dedicated_list(c->pg, c->by->ws, &list);
	if (e == ERR_NONE)
		json_object_set_new(c->out, "teams", list);
	return api_end(c, e, &(struct problem){ .code = API_OK });
}

const struct api_proc api_limits[] = {
	{ .name = "limits.get",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_READ,
	    .effect = API_READ,
	    .summary = "How much a person, a team and the workspace may ask, and call, in a minute, and who waits for their turn",
	    .details = "What holds for the places of the team, or of the organisation. Who waits is shown for the workspace.",
	    .in = OBJECT("\"team\":{\"type\":\"string\",\"maxLength\":64}", ""),
	    .out = OBJECT("\"person\":" COUNT ",\"team\":" COUNT ",\"workspace\":" COUNT ",\"queue\":" COUNT
	                  ",\"person_calls\":" COUNT ",\"team_calls\":" COUNT ",\"workspace_calls\":" COUNT ",\"concurrent\":" COUNT
	                  ",\"held\":{\"type\":\"array\",\"items\":" OBJECT("\"person\":" TEXT ",\"name\":" TEXT
	                                                                    ",\"waiting\":" COUNT ",\"until\":" TEXT,
	                      "\"person\",\"name\",\"waiting\",\"until\"") "}",
	        "\"person\",\"team\",\"workspace\",\"queue\",\"held\""),
	    .example = "{\"team\":\"payments\"}",
	    .run = get },
	{ .name = "runtime.list",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_READ,
	    .effect = API_READ,
	    .summary = "Teams whose agents answer in processes of their own, and whether there is one",
	    .details =
	        "Those that have runtime.mode dedicated. Without a process that runs for them (runtime.team) their questions wait.",
	    .pages = "teams",
	    .in = OBJECT(PAGE_IN, ""),
	    .out = OBJECT("\"teams\":{\"type\":\"array\",\"items\":" OBJECT("\"team\":" TEXT ",\"name\":" TEXT
	                                                                    ",\"served\":{\"type\":\"boolean\"},\"waiting\":" COUNT,
	                      "\"team\",\"name\",\"served\",\"waiting\"") "}," PAGE_OUT,
	        "\"teams\""),
	    .example = "{}",
	    .run = dedicated },
	{ .name = NULL },
};
