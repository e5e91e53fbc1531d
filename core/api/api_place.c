/* Places that outsiders read: whether Eddy may answer there.  The substance is in core/teams/place.h. */
#include "../base/json.h"
#include "../teams/place.h"
#include "api.h"

extern const struct api_proc api_place[];

#define OBJECT(properties, required) \
	"{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define TEXT "{\"type\":\"string\"}"
#define PLACE_ARG \
	"\"place\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":300,\"description\":\"ADAPTER:KEY, as the adapter names places, or a place's id\"}"
#define CHANGED OBJECT("\"place\":" TEXT ",\"changed\":{\"type\":\"boolean\"}", "\"place\",\"changed\"")

static enum api_code change(struct api_call *c, bool allow)
{
	struct problem why = { 0 };
	bool changed = false;
	char id[ID_TEXT];
	enum err e = place_find(c->pg, c->by->ws, json_str(c->in, "place", ""), &c->subject, &why);
	if (e == ERR_NONE)
		e = place_set_allowed(c->pg, c->by->ws, c->subject, allow, &changed, &why);
	if (e == ERR_NONE) {
		c->audit = json_pack("{s:b}", "changed", (int)changed);
		json_object_set_new(c->out, "place", json_string(id_format(c->subject, id)));
		json_object_set_new(c->out, "changed", json_boolean(changed));
	}
	return api_end(c, e, &why);
}

static enum api_code allow(struct api_call *c)
{
	return change(c, true);
}

static enum api_code deny(struct api_call *c)
{
	return change(c, false);
}

static enum api_code shared(struct api_call *c)
{
	json_t *list = NULL;
	enum err e = place_shared(c->pg, c->by->ws, &list);
	if (e == ERR_NONE)
		json_object_set_new(c->out, "places", list);
	return api_end(c, e, &(struct problem){ .code = API_OK });
}

const struct api_proc api_place[] = {
	{ .name = "place.allow",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_WRITE,
	    .effect = API_WRITE,
	    .summary = "Let Eddy answer in a place that people of another organisation read",
	    .details =
	        "Until then it says nothing there, but why to members of its own workspace. A place that becomes shared again is closed again.",
	    .in = OBJECT(PLACE_ARG, "\"place\""),
	    .out = CHANGED,
	    .example = "{\"place\":\"slack:C024BE91L\"}",
	    .run = allow },
	{ .name = "place.deny",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_WRITE,
	    .effect = API_WRITE,
	    .summary = "Take that back; it holds from the next message on",
	    .in = OBJECT(PLACE_ARG, "\"place\""),
	    .out = CHANGED,
	    .example = "{\"place\":\"slack:C024BE91L\"}",
	    .run = deny },
	{ .name = "place.shared",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_READ,
	    .effect = API_READ,
	    .summary = "The places that people of another organisation read, and whether Eddy answers there",
	    .in = OBJECT("", ""),
	    .out = OBJECT("\"places\":{\"type\":\"array\",\"items\":" OBJECT(
	                      "\"id\":" TEXT ",\"adapter\":" TEXT ",\"key\":" TEXT ",\"name\":" TEXT ",\"team\":" TEXT
	                      ",\"state\":{\"type\":\"string\",\"enum\":[\"open\",\"closed\"]},\"since\":" TEXT,
	                      "\"id\",\"adapter\",\"key\",\"state\"") "}",
	        "\"places\""),
	    .example = "{}",
	    .run = shared },
	{ .name = NULL },
};
