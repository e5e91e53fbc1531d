/* API keys: made, listed and taken back by admins of the team whose they are; core/people/keys.h does it. */
#include "api.h"
#include "page.h"

#include <string.h>

#include "../base/json.h"
#include "../people/keys.h"

extern const struct api_proc api_key[];

#define LIST_MAX 500

static json_t *scope_list(unsigned scopes)
{
	json_t *out = json_array();
	for (unsigned bit = 1; bit <= SCOPE_ALL; bit <<= 1)
		if (scopes & bit)
			json_array_append_new(out, json_string(scope_name(bit)));
	return out;
}

static enum api_code issue(struct api_call *c)
{
	struct key_new k = { .id = id_named(c->request, 0, "key", 3),
		.name = json_str(c->in, "name", ""),
		.node = c->node,
		.own = json_bool(c->in, "own", false),
		.days = (int)json_int(c->in, "days", KEY_DAYS) };
	char text[KEY_TEXT];
	const char *why = "";
	if (!role_from_name(json_str(c->in, "role", ""), &k.role))
		return api_fail(c, API_INVALID, "role", "There is no such role.");
	const json_t *scopes = json_arr(c->in, "scopes");
	for (size_t i = 0; i < json_array_size(scopes); i++) {
		unsigned bit = scope_from_name(json_string_value(json_array_get(scopes, i)));
		if (bit == 0)
			return api_fail(c, API_INVALID, "scopes",
			    "There is no such scope; there are config:read, config:write, keys, run, audit:read, talk:read, talk:write.");
		k.scopes |= bit;
	}
	enum err e = key_issue(c->pg, c->by, &k, text, &why);
	if (e != ERR_NONE && *why != '\0')
		return api_fail(c, e == ERR_DENIED ? API_FORBIDDEN : API_INVALID, "", "%s", why);
	if (e != ERR_NONE)
		return api_err(c, e);
	api_put_id(c->out, "id", k.id);
	json_object_set_new(c->out, "key", json_string(text));
	json_object_set_new(c->out, "expires_in_days", json_integer(k.days));
	explicit_bzero(text, sizeof text);
	c->subject = k.id;
	c->audit = json_pack(
	    "{s:s, s:o, s:i, s:b}", "role", role_name(k.role), "scopes", scope_list(k.scopes), "days", k.days, "own", k.own);
	api_put_id(c->audit, "node", k.node);
	api_put_id(c->audit, "with_key", c->by->key);
	return API_OK;
}

static void put_key(void *arg, const struct key_info *k)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:o, s:I, s:I, s:s}", "name", k->name, "team", k->node_slug, "role",
	    role_name(k->role), "scopes", scope_list(k->scopes), "created_ms", (json_int_t)k->created_ms, "expires_ms",
	    (json_int_t)k->expires_ms, "state",
	    k->revoked_ms != 0    ? "revoked"
	        : !k->works       ? "expired"
	        : k->expires_soon ? "expires_soon"
	                          : "works");
	api_put_id(o, "id", k->id);
	api_put_id(o, "person", k->person);
	api_put_id(o, "issued_by", k->issued_by);
	if (k->used_ms != 0)
		json_object_set_new(o, "used_ms", json_integer(k->used_ms));
	json_array_append_new(arg, o);
}

static enum api_code list(struct api_call *c)
{
	json_t *keys = json_array();
	json_object_set_new(c->out, "keys", keys);
	return api_err(c, key_list(c->pg, c->by->ws, c->node, json_bool(c->in, "soon", false), LIST_MAX, put_key, keys));
}

static enum api_code revoke(struct api_call *c)
{
	struct id key;
	int revoked = 0;
	if (!id_parse(json_str(c->in, "id", ""), &key) || id_is_none(key))
		return api_fail(c, API_INVALID, "id", "This is not the id of a key.");
	enum err e = key_revoke(c->pg, c->by->ws, c->node, key, &revoked);
	if (e == ERR_INPUT)
		return api_fail(c, API_NOT_FOUND, "id", "There is no such key, or not for you.");
	if (e != ERR_NONE)
		return api_err(c, e);
	json_object_set_new(c->out, "revoked", json_integer(revoked));
	c->subject = key;
	c->audit = json_pack("{s:i}", "revoked", revoked);
	api_put_id(c->audit, "with_key", c->by->key);
	return API_OK;
}

#define TEAM "\"team\":{\"type\":\"string\",\"maxLength\":63}"
#define ID_SCHEMA "{\"type\":\"string\",\"minLength\":36,\"maxLength\":36}"

const struct api_proc api_key[] = {
	{ .name = "key.issue",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_KEYS,
	    .effect = API_WRITE,
	    .tells_secret = true,
	    .summary = "Make an API key",
	    .details =
	        "It belongs to the team (without one: to the organisation), or with `own` to whoever makes it, and never has a higher role or "
	        "further scopes than these. Its text is told once and kept nowhere. What a key makes ends with it.",
	    .in = "{\"type\":\"object\",\"properties\":{" TEAM ",\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":80},"
	          "\"role\":{\"type\":\"string\",\"enum\":[\"viewer\",\"member\",\"admin\",\"owner\"]},"
	          "\"scopes\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":7,\"items\":{\"type\":\"string\",\"maxLength\":32}},"
	          "\"own\":{\"type\":\"boolean\"},\"days\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":366}},"
	          "\"required\":[\"name\",\"role\",\"scopes\"],\"additionalProperties\":false}",
	    .out = "{\"type\":\"object\",\"properties\":{\"id\":" ID_SCHEMA
	           ",\"key\":{\"type\":\"string\"},\"expires_in_days\":{\"type\":\"integer\"}},"
	           "\"required\":[\"id\",\"key\",\"expires_in_days\"],\"additionalProperties\":false}",
	    .example = "{\"name\":\"deploy bot\",\"role\":\"member\",\"scopes\":[\"run\",\"talk:read\"],\"days\":30}",
	    .run = issue },
	{ .name = "key.list",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_KEYS,
	    .effect = API_READ,
	    .summary = "API keys of a team and of what is below it",
	    .pages = "keys",
	    .in = "{\"type\":\"object\",\"properties\":{" TEAM
	          ",\"soon\":{\"type\":\"boolean\",\"description\":\"those alone that end within a week\"}," PAGE_IN
	          "},\"additionalProperties\":false}",
	    .out =
	        "{\"type\":\"object\",\"properties\":{" PAGE_OUT
	        ",\"keys\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"id\":" ID_SCHEMA
	        ",\"name\":{\"type\":\"string\"},\"team\":{\"type\":\"string\"},\"person\":" ID_SCHEMA ",\"issued_by\":" ID_SCHEMA
	        ",\"role\":{\"type\":\"string\"},\"scopes\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"created_ms\":{\"type\":\"integer\"},"
	        "\"expires_ms\":{\"type\":\"integer\"},\"used_ms\":{\"type\":\"integer\"},"
	        "\"state\":{\"type\":\"string\",\"enum\":[\"works\",\"expires_soon\",\"expired\",\"revoked\"]}},"
	        "\"required\":[\"id\",\"name\",\"team\",\"role\",\"scopes\",\"created_ms\",\"expires_ms\",\"state\"],\"additionalProperties\":false}}},"
	        "\"required\":[\"keys\"],\"additionalProperties\":false}",
	    .example = "{}",
	    .run = list },
	{ .name = "key.revoke",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_KEYS,
	    .effect = API_WRITE,
	    .summary = "Take back an API key and all that it has made",
	    .in = "{\"type\":\"object\",\"properties\":{" TEAM ",\"id\":" ID_SCHEMA
	          "},\"required\":[\"id\"],\"additionalProperties\":false}",
	    .out =
	        "{\"type\":\"object\",\"properties\":{\"revoked\":{\"type\":\"integer\"}},\"required\":[\"revoked\"],\"additionalProperties\":false}",
	    .example = "{\"id\":\"01a1fec9-38b8-7000-9bc5-10164d908cfd\"}",
	    .run = revoke },
	{ .name = NULL },
};
