/*
 * Jansson keeps members in the order in which they were set, so the same table gives the same bytes; the schemas stand in the table as text and go
 * into the document as they are.
 */
#include "document.h"

#include "ends.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../people/keys.h"

#define PROBLEM_TYPE "application/problem+json"

static json_t *ref(const char *to)
{
	return json_pack("{s:s}", "$ref", to);
}

static json_t *schema_of(const char *text)
{
	json_t *o = json_loads(text, 0, NULL);
	return o == NULL ? json_object() : o;
}

static json_t *problem_schema(void)
{
	json_t *codes = json_array();
	for (int c = API_OK + 1; c < API_CODES; c++)
		json_array_append_new(codes, json_string(problem_name((enum api_code)c)));
	return json_pack("{s:s, s:s, s:[s,s,s,s,s,s], s:{s:{s:s, s:s}, s:{s:s}, s:{s:s, s:i, s:i}, s:{s:s, s:s}, s:{s:s, s:s, s:o},"
	                 " s:{s:s, s:s}, s:{s:s, s:s}, s:{s:s, s:i, s:s}}}",
	    "type", "object", "description", "RFC 9457. Programs go by `code`.", "required", "type", "title", "status", "detail",
	    "code", "request_id", "properties", "type", "type", "string", "pattern", "^urn:eddy:problem:", "title", "type",
	    "string", "status", "type", "integer", "minimum", 400, "maximum", 599, "detail", "type", "string", "description",
	    "A sentence for people.", "code", "type", "string", "description", "Further ones may be added.", "examples", codes,
	    "request_id", "type", "string", "description", "As in X-Request-Id.", "field", "type", "string", "description",
	    "Which argument it is about.", "retry_after", "type", "integer", "minimum", 1, "description", "Seconds.");
}

static json_t *components(void)
{
	json_t *request = json_pack("{s:s, s:s, s:s, s:{s:s, s:s}}", "name", "X-Request-Id", "in", "header", "description",
	    "Names the request; one is made without it.", "schema", "type", "string", "pattern", "^[A-Za-z0-9._:-]{1,64}$");
	json_t *key = json_pack("{s:s, s:s, s:s, s:{s:s, s:s}}", "name", "Idempotency-Key", "in", "header", "description",
	    "The same call with the same key is carried out once in 24 hours and answered the same.", "schema", "type", "string",
	    "pattern", "^[!-~]{1,255}$");
	json_t *problem = json_pack("{s:s, s:{s:{s:{s:s}}, s:{s:s, s:{s:s}}}, s:{s:{s:o}}}", "description", "Not carried out.",
	    "headers", "X-Request-Id", "schema", "type", "string", "Retry-After", "description", "Seconds.", "schema", "type",
	    "integer", "content", PROBLEM_TYPE, "schema", ref("#/components/schemas/Problem"));
	return json_pack("{s:{s:{s:s, s:s, s:s}}, s:{s:o, s:o}, s:{s:o}, s:{s:o}}", "securitySchemes", "token", "type", "http",
	    "scheme", "bearer", "description", "An API key, the access token of a log-in, or this machine's own token.",
	    "parameters", "RequestId", request, "IdempotencyKey", key, "responses", "Problem", problem, "schemas", "Problem",
	    problem_schema());
}

static json_t *scopes_of(unsigned scopes)
{
	json_t *out = json_array();
	for (unsigned bit = 1; bit <= SCOPE_ALL; bit <<= 1)
		if (scopes & bit)
			json_array_append_new(out, json_string(scope_name(bit)));
	return out;
}

static json_t *operation(const struct api_proc *p)
{
	json_t *parameters = json_array();
	json_array_append_new(parameters, ref("#/components/parameters/RequestId"));
	if (p->effect == API_WRITE && !p->open)
		json_array_append_new(parameters, ref("#/components/parameters/IdempotencyKey"));
	json_t *o = json_object();
	size_t group = strcspn(p->name, ".");
	json_object_set_new(o, "operationId", json_string(p->name));
	json_object_set_new(o, "tags", json_pack("[s#]", p->name, (int)group));
	json_object_set_new(o, "summary", json_string(p->summary));
	if (p->details != NULL)
		json_object_set_new(o, "description", json_string(p->details));
	struct api_ends ends;
	api_ends(p, &ends);
	if (ends.since[0] != '\0') {
		json_object_set_new(o, "deprecated", json_true());
		json_object_set_new(o, "x-eddy-sunset", json_string(ends.until));
		json_object_set_new(o, "x-eddy-instead", json_string(p->instead));
	}
	if (p->open) {
		json_object_set_new(o, "security", json_array());
	} else {
		json_object_set_new(o, "x-eddy-role", json_string(role_name(p->role)));
		json_object_set_new(o, "x-eddy-scopes", scopes_of(p->scope));
	}
	json_object_set_new(o, "x-eddy-effect", json_string(p->effect == API_WRITE ? "write" : "read"));
	json_object_set_new(o, "parameters", parameters);
	json_t *body = json_pack("{s:o}", "schema", schema_of(p->in));
	if (p->example != NULL)
		json_object_set_new(body, "example", schema_of(p->example));
	json_object_set_new(o, "requestBody", json_pack("{s:b, s:{s:o}}", "required", 1, "content", "application/json", body));
	json_object_set_new(o, "responses",
	    json_pack("{s:{s:s, s:{s:{s:{s:s}}}, s:{s:{s:o}}}, s:o, s:o}", "200", "description", "Done.", "headers", "X-Request-Id",
	        "schema", "type", "string", "content", "application/json", "schema", schema_of(p->out), "4XX",
	        ref("#/components/responses/Problem"), "5XX", ref("#/components/responses/Problem")));
	return o;
}

void api_openapi(struct buf *out)
{
	json_t *paths = json_object(), *tags = json_array(), *groups = json_object();
	for (const struct api_proc *const *g = api_groups; *g != NULL; g++)
		for (const struct api_proc *p = *g; p->name != NULL; p++) {
			char path[96], group[32];
			snprintf(path, sizeof path, "/api/v1/%s", p->name);
			snprintf(group, sizeof group, "%.*s", (int)strcspn(p->name, "."), p->name);
			if (json_object_get(groups, group) == NULL)
				json_array_append_new(tags, json_pack("{s:s}", "name", group));
			json_object_set_new(groups, group, json_true());
			json_object_set_new(paths, path, json_pack("{s:o}", "post", operation(p)));
		}
	json_t *doc = json_pack("{s:s, s:{s:s, s:s, s:s, s:{s:s, s:s}}, s:[{s:s, s:s}], s:[{s:[]}], s:o, s:o, s:o}", "openapi",
	    "3.1.0", "info", "title", "Eddy", "version", "1", "description",
	    "Everything that can be done to Eddy from outside. Within v1 things are only ever added. docs/api.md says the rest.",
	    "license", "name", "MIT", "identifier", "MIT", "servers", "url", "http://127.0.0.1:8080", "description",
	    "A server at home.", "security", "token", "tags", tags, "paths", paths, "components", components());
	char *text = doc == NULL ? NULL : json_dumps(doc, JSON_INDENT(1));
	buf_add_str(out, text == NULL ? "{}" : text);
	buf_add_char(out, '\n');
	free(text);
	json_decref(groups);
	json_decref(doc);
}

/* ---- for people ---- */

static void put_json(struct buf *out, const char *title, const char *text)
{
	json_t *o = schema_of(text);
	char *pretty = json_dumps(o, JSON_INDENT(2));
	buf_addf(out, "\n%s:\n%s\n", title, pretty == NULL ? "{}" : pretty);
	free(pretty);
	json_decref(o);
}

void api_help(const struct api_proc *p, struct buf *out)
{
	if (p == NULL) {
		for (const struct api_proc *const *g = api_groups; *g != NULL; g++)
			for (const struct api_proc *q = *g; q->name != NULL; q++)
				buf_addf(out, "%-24s %s\n", q->name, q->summary);
		return;
	}
	buf_addf(out, "%s: %s.\n", p->name, p->summary);
	if (p->details != NULL)
		buf_addf(out, "%s\n", p->details);
	struct api_ends ends;
	api_ends(p, &ends);
	if (ends.since[0] != '\0')
		buf_addf(out, "It works until %s: use %s instead.\n", ends.until, p->instead);
	if (p->open)
		buf_add_str(out, "Open to everybody.\n");
	else
		buf_addf(
		    out, "Takes the role %s%s.\n", role_name(p->role), p->effect == API_WRITE ? ", and changes something" : "");
	if (p->needs_engine)
		buf_add_str(out, "Only through the running daemon.\n");
	put_json(out, "Arguments", p->in);
	put_json(out, "Result", p->out);
	if (p->example != NULL)
		put_json(out, "Example", p->example);
}
