/*
 * From libyaml's events to JSON by descent: a node is a scalar, or a sequence or mapping of nodes.  Every event that is taken is deleted where it
 * was taken; what was built of a node that fails is dropped on the way back.
 */
#include "yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "json.h"

struct reader {
	yaml_parser_t yaml;
	char *why;
	unsigned depth;
};

static json_t *fail(struct reader *r, size_t line, const char *what)
{
	if (r->why[0] == '\0')
		snprintf(r->why, 160, "line %zu: %s", line + 1, what);
	return NULL;
}

static bool next(struct reader *r, yaml_event_t *e)
{
	if (yaml_parser_parse(&r->yaml, e))
		return true;
	fail(r, r->yaml.problem_mark.line, r->yaml.problem != NULL ? r->yaml.problem : "this is not YAML");
	return false;
}

static json_t *scalar(struct reader *r, const yaml_event_t *e)
{
	const char *s = (const char *)e->data.scalar.value;
	size_t n = e->data.scalar.length;
	char *end = NULL;
	if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
		if (strcmp(s, "true") == 0 || strcmp(s, "false") == 0)
			return json_boolean(s[0] == 't');
		if (n == 0 || strcmp(s, "null") == 0 || strcmp(s, "~") == 0)
			return json_null();
		size_t digits = strspn(s + (*s == '-'), "0123456789");
		errno = 0;
		long long v =
		    digits > 0 && digits + (*s == '-') == n && (digits == 1 || s[*s == '-'] != '0') ? strtoll(s, &end, 10) : 0;
		if (end != NULL && errno == 0)
			return json_integer(v);
	}
	json_t *text = json_stringn(s, n);
	return text != NULL ? text : fail(r, e->start_mark.line, "a text that is not UTF-8");
}

static json_t *node(struct reader *r, const yaml_event_t *e);

static json_t *sequence(struct reader *r)
{
	json_t *list = json_array();
	for (;;) {
		yaml_event_t e;
		if (!next(r, &e))
			break;
		bool end = e.type == YAML_SEQUENCE_END_EVENT;
		json_t *one = end ? NULL : node(r, &e);
		yaml_event_delete(&e);
		if (end)
			return list;
		if (one == NULL)
			break;
		json_array_append_new(list, one);
	}
	json_decref(list);
	return NULL;
}

static json_t *mapping(struct reader *r)
{
	json_t *o = json_object();
	for (;;) {
		yaml_event_t key, value;
		if (!next(r, &key))
			break;
		if (key.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&key);
			return o;
		}
		bool plain = key.type == YAML_SCALAR_EVENT && key.data.scalar.anchor == NULL && key.data.scalar.tag == NULL;
		const char *name = plain ? (const char *)key.data.scalar.value : "";
		json_t *v = NULL;
		if (!plain) {
			fail(r, key.start_mark.line, "a name must be a text");
		} else if (strlen(name) != key.data.scalar.length || json_object_get(o, name) != NULL) {
			fail(r, key.start_mark.line, "this name stands here twice");
		} else if (next(r, &value)) {
			v = node(r, &value);
			yaml_event_delete(&value);
		}
		if (v != NULL && json_object_set_new(o, name, v) != 0)
			v = fail(r, key.start_mark.line, "a name that is not UTF-8");
		yaml_event_delete(&key);
		if (v == NULL)
			break;
	}
	json_decref(o);
	return NULL;
}

static json_t *node(struct reader *r, const yaml_event_t *e)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
	size_t line = e->start_mark.line;
	if (e->type == YAML_SCALAR_EVENT) {
		anchor = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
	} else if (e->type == YAML_MAPPING_START_EVENT) {
		anchor = e->data.mapping_start.anchor;
		tag = e->data.mapping_start.tag;
	} else if (e->type == YAML_SEQUENCE_START_EVENT) {
		anchor = e->data.sequence_start.anchor;
		tag = e->data.sequence_start.tag;
	}
	if (anchor != NULL || tag != NULL || e->type == YAML_ALIAS_EVENT)
		return fail(r, line, "anchors, aliases and tags are not taken: write the value out");
	if (e->type == YAML_SCALAR_EVENT)
		return scalar(r, e);
	if (e->type != YAML_MAPPING_START_EVENT && e->type != YAML_SEQUENCE_START_EVENT)
		return fail(r, line, "there is nothing here");
	if (r->depth == JSON_DEPTH_MAX)
		return fail(r, line, "too deep");
	r->depth++;
	json_t *out = e->type == YAML_MAPPING_START_EVENT ? mapping(r) : sequence(r);
	r->depth--;
	return out;
}

/* The stream, the document, its one node, and their ends. */
static json_t *document(struct reader *r)
{
	static const yaml_event_type_t frame[] = { YAML_STREAM_START_EVENT, YAML_DOCUMENT_START_EVENT, YAML_NO_EVENT,
		YAML_DOCUMENT_END_EVENT, YAML_STREAM_END_EVENT };
	json_t *out = NULL;
	for (size_t i = 0; i < sizeof frame / sizeof *frame; i++) {
		yaml_event_t e;
		if (!next(r, &e))
			goto bad;
		bool right = frame[i] == YAML_NO_EVENT ? (out = node(r, &e)) != NULL : e.type == frame[i];
		size_t line = e.start_mark.line;
		yaml_event_delete(&e);
		if (!right) {
			fail(r, line, i < 2 ? "there is nothing in it" : "only one document is taken");
			goto bad;
		}
	}
	return out;
bad:
	json_decref(out);
	return NULL;
}

enum err yaml_read(const char *text, size_t n, json_t **out, char why[160])
{
	struct reader r = { .why = why };
	why[0] = '\0';
	if (n > YAML_MAX) {
		snprintf(why, 160, "it has more than %u bytes", YAML_MAX);
		return ERR_INPUT;
	}
	if (!yaml_parser_initialize(&r.yaml)) {
		snprintf(why, 160, "there is no memory for it");
		return ERR_INPUT;
	}
	yaml_parser_set_input_string(&r.yaml, (const unsigned char *)text, n);
	yaml_parser_set_encoding(&r.yaml, YAML_UTF8_ENCODING);
	json_t *read = document(&r);
	yaml_parser_delete(&r.yaml);
	if (read == NULL)
		return ERR_INPUT;
	*out = read;
	return ERR_NONE;
}
