/* Who am I: what every client asks first. */
#include "api.h"

#include "../base/id.h"

extern const struct api_proc api_session[];

static enum api_code get(struct api_call *c)
{
	char text[ID_TEXT];
	json_object_set_new(c->out, "workspace", json_string(id_format(c->by->ws, text)));
	json_object_set_new(c->out, "role", json_string(role_name(c->by->role)));
	json_object_set_new(c->out, "via", json_string(c->by->via));
	if (!id_is_none(c->by->person))
		json_object_set_new(c->out, "person", json_string(id_format(c->by->person, text)));
	if (!id_is_none(c->by->key))
		json_object_set_new(c->out, "key", json_string(id_format(c->by->key, text)));
	return API_OK;
}

const struct api_proc api_session[] = {
	{ .name = "session.get",
	    .role = ROLE_VIEWER,
	    .effect = API_READ,
	    .summary = "Who you are here, and what you may do",
	    .in = "{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}",
	    .out =
	        "{\"type\":\"object\",\"properties\":{\"workspace\":{\"type\":\"string\"},\"person\":{\"type\":\"string\"},\"key\":{\"type\":\"string\"},"
	        "\"role\":{\"type\":\"string\"},\"via\":{\"type\":\"string\"}},\"required\":[\"workspace\",\"role\",\"via\"],\"additionalProperties\":false}",
	    .example = "{}",
	    .run = get },
	{ .name = NULL },
};
