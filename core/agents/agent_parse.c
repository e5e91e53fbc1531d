/*
 * A definition is one flat YAML mapping; only `tools` and `sub_agents` are lists.  Read from libyaml's events, so anchors and aliases are refused
 * where they appear and every scalar stays the text that was typed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "../base/mem.h"
#include "../base/utf8.h"
#include "agent.h"
#include "tools.h"

#define FILE_MAX (256u * 1024u)

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;
	bool have_event;
	char *why;
};

static enum err refuse(struct reader *r, const char *what, const char *detail)
{
	snprintf(
	    r->why, 200, "line %zu: %s%.80s", r->have_event ? r->event.start_mark.line + 1 : r->parser.mark.line + 1, what, detail);
	return ERR_INPUT;
}

static enum err next(struct reader *r)
{
	if (r->have_event)
		yaml_event_delete(&r->event);
	r->have_event = false;
	if (yaml_parser_parse(&r->parser, &r->event) == 0)
		return refuse(r, "not valid YAML: ", r->parser.problem != NULL ? r->parser.problem : "unreadable");
	r->have_event = true;
	const yaml_event_t *e = &r->event;
	bool anchored = e->type == YAML_ALIAS_EVENT || (e->type == YAML_SCALAR_EVENT && e->data.scalar.anchor != NULL) ||
	    (e->type == YAML_SEQUENCE_START_EVENT && e->data.sequence_start.anchor != NULL) ||
	    (e->type == YAML_MAPPING_START_EVENT && e->data.mapping_start.anchor != NULL);
	return anchored ? refuse(r, "anchors and aliases are not used here", "") : ERR_NONE;
}

static enum err expect(struct reader *r, yaml_event_type_t type, const char *what)
{
	enum err e = next(r);
	if (e == ERR_NONE && r->event.type != type)
		return refuse(r, "expected ", what);
	return e;
}

static const char *scalar(const struct reader *r)
{
	return (const char *)r->event.data.scalar.value;
}

static enum err read_number(struct reader *r, long low, long high, uint32_t *out)
{
	char *end;
	long v = strtol(scalar(r), &end, 10);
	if (*end != '\0' || end == scalar(r) || v < low || v > high)
		return refuse(r, "a number out of its range: ", scalar(r));
	*out = (uint32_t)v;
	return ERR_NONE;
}

static enum err read_tools(struct reader *r, struct agent *a)
{
	enum err e = expect(r, YAML_SEQUENCE_START_EVENT, "a list of tools");
	while (e == ERR_NONE && (e = next(r)) == ERR_NONE && r->event.type != YAML_SEQUENCE_END_EVENT) {
		if (r->event.type != YAML_SCALAR_EVENT)
			return refuse(r, "expected the name of a tool", "");
		if (tool_find(scalar(r)) == NULL)
			return refuse(r, "there is no tool ", scalar(r));
		if (a->tools_len == AGENT_TOOLS_MAX)
			return refuse(r, "too many tools", "");
		a->tools[a->tools_len++] = xstrdup(scalar(r));
	}
	return e;
}

static enum err read_subs(struct reader *r, struct agent *a)
{
	enum err e = expect(r, YAML_SEQUENCE_START_EVENT, "a list of agents");
	while (e == ERR_NONE && (e = next(r)) == ERR_NONE && r->event.type != YAML_SEQUENCE_END_EVENT) {
		if (r->event.type != YAML_SCALAR_EVENT)
			return refuse(r, "expected the short name of an agent", "");
		const char *name = scalar(r);
		if (name[0] == '\0' || strlen(name) > 40 || strchr(name, ',') != NULL)
			return refuse(r, "not the short name of an agent: ", name);
		if (a->slug != NULL && strcmp(name, a->slug) == 0)
			return refuse(r, "an agent cannot ask itself: ", name);
		if (a->subs_len == AGENT_SUBS_MAX)
			return refuse(r, "too many agents", "");
		agent_add_sub(a, name, strlen(name));
	}
	return e;
}

static enum err read_text(struct reader *r, char **out, size_t max)
{
	enum err e = expect(r, YAML_SCALAR_EVENT, "a text");
	if (e != ERR_NONE)
		return e;
	if (*out != NULL)
		return refuse(r, "the same key twice", "");
	size_t n = r->event.data.scalar.length;
	if (n == 0 || n > max || !utf8_valid(scalar(r), n))
		return refuse(r, "an empty or too long text", "");
	*out = xstrndup(scalar(r), n);
	return ERR_NONE;
}

static enum err read_key(struct reader *r, struct agent *a)
{
	char key[32];
	snprintf(key, sizeof key, "%s", scalar(r));
	if (strcmp(key, "slug") == 0)
		return read_text(r, &a->slug, 40);
	if (strcmp(key, "name") == 0)
		return read_text(r, &a->name, 80);
	if (strcmp(key, "description") == 0)
		return read_text(r, &a->description, 500);
	if (strcmp(key, "model") == 0)
		return read_text(r, &a->model, 120);
	if (strcmp(key, "prompt") == 0)
		return read_text(r, &a->prompt, 64u * 1024u);
	if (strcmp(key, "tools") == 0)
		return a->tools_len > 0 ? refuse(r, "the same key twice", "") : read_tools(r, a);
	if (strcmp(key, "sub_agents") == 0)
		return a->subs_len > 0 ? refuse(r, "the same key twice", "") : read_subs(r, a);
	uint32_t *number = strcmp(key, "max_tokens") == 0 ? &a->max_tokens : strcmp(key, "max_turns") == 0 ? &a->max_turns : NULL;
	if (number == NULL)
		return refuse(r, "unknown key ", key);
	if (*number != 0)
		return refuse(r, "the same key twice", "");
	enum err e = expect(r, YAML_SCALAR_EVENT, "a number");
	if (e != ERR_NONE)
		return e;
	return number == &a->max_tokens ? read_number(r, 16, 64000, number) : read_number(r, 1, 50, number);
}

static enum err read_all(struct reader *r, struct agent *a)
{
	enum err e;
	if ((e = expect(r, YAML_STREAM_START_EVENT, "a file")) != ERR_NONE ||
	    (e = expect(r, YAML_DOCUMENT_START_EVENT, "a document")) != ERR_NONE ||
	    (e = expect(r, YAML_MAPPING_START_EVENT, "key: value lines")) != ERR_NONE)
		return e;
	while ((e = next(r)) == ERR_NONE && r->event.type == YAML_SCALAR_EVENT) {
		if ((e = read_key(r, a)) != ERR_NONE)
			return e;
	}
	if (e != ERR_NONE)
		return e;
	if (r->event.type != YAML_MAPPING_END_EVENT)
		return refuse(r, "expected a key", "");
	if (a->slug == NULL || a->name == NULL || a->prompt == NULL)
		return refuse(r, "slug, name and prompt are needed", "");
	return ERR_NONE;
}

enum err agent_parse(const char *yaml, size_t n, struct agent **out, char why[200])
{
	struct reader r = { .why = why };
	if (n > FILE_MAX) {
		snprintf(why, 200, "line 1: larger than 256 kB");
		return ERR_INPUT;
	}
	if (yaml_parser_initialize(&r.parser) == 0)
		return ERR_BROKEN;
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)yaml, n);
	struct agent *a = xcalloc(1, sizeof *a);
	enum err e = read_all(&r, a);
	if (r.have_event)
		yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	if (e != ERR_NONE) {
		agent_free(a);
		return e;
	}
	if (a->max_tokens == 0)
		a->max_tokens = 2048;
	if (a->max_turns == 0)
		a->max_turns = 8;
	a->active = true;
	*out = a;
	return ERR_NONE;
}
