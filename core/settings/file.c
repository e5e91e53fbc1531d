/*
 * The settings file: a plain subset of YAML read from libyaml's events.  Names may be nested ("slack:" and "app_token:" under it)
 * or dotted ("slack.app_token:").  Anchors, aliases, tags, repeated names, nesting over DEPTH_MAX and files over FILE_MAX are
 * refused: each lets a short file mean something long or something else than it shows.  Every fault that leaves the structure
 * readable is noted and reading goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "../base/mem.h"
#include "../base/utf8.h"
#include "internal.h"

#define FILE_MAX (1024 * 1024)
#define DEPTH_MAX 32
#define ITEMS_MAX 1000

struct reader {
	struct settings *s;
	struct problems *p;
	const char *path;
	yaml_parser_t yaml;
	struct map *seen; /* full name -> line of its first appearance */
	unsigned depth;
};

static void problem_at(struct reader *r, size_t line, const char *what, const char *name, const char *hint)
{
	struct buf where = BUF_INIT;
	buf_addf(&where, "%s:%zu", r->path, line + 1);
	if (name)
		settings_problem(r->p, where.p, "%.*s%s: %s%s", (int)utf8_clip(name, strlen(name), 80), name,
		    strlen(name) > 80 ? "…" : "", what, hint ? hint : "");
	else
		settings_problem(r->p, where.p, "%s%s", what, hint ? hint : "");
	buf_done(&where);
}

/* The next event; false at the end of what can be read, after noting why. */
static bool next(struct reader *r, yaml_event_t *e)
{
	if (yaml_parser_parse(&r->yaml, e))
		return true;
	struct buf what = BUF_INIT;
	buf_addf(&what, "not readable as YAML: %s", r->yaml.problem ? r->yaml.problem : "unknown error");
	if (r->yaml.context)
		buf_addf(&what, " (%s)", r->yaml.context);
	size_t line = r->yaml.problem_mark.line;
	for (size_t i = 0; r->yaml.error == YAML_READER_ERROR && i < r->yaml.problem_offset; i++)
		line += r->yaml.input.string.start[i] == '\n';
	problem_at(r, line, what.p, NULL, NULL);
	buf_done(&what);
	return false;
}

/* Anchors and tags on ${e}; returns false for an alias. */
static bool plain(struct reader *r, const yaml_event_t *e, const char *name)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
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
	size_t line = e->start_mark.line;
	if (anchor)
		problem_at(r, line, "anchors (&name) are not taken; write the value out", name, NULL);
	if (tag)
		problem_at(r, line, "tags (!name) are not taken; every value is text", name, NULL);
	if (e->type == YAML_ALIAS_EVENT)
		problem_at(r, line, "aliases (*name) are not taken; write the value out", name, NULL);
	return e->type != YAML_ALIAS_EVENT;
}

static bool enter(struct reader *r, const yaml_event_t *e)
{
	if (++r->depth <= DEPTH_MAX)
		return true;
	problem_at(r, e->start_mark.line, "nested deeper than 32 levels; the rest of the file is not read", NULL, NULL);
	return false;
}

/* Read over the rest of the collection that ${first} opened. */
static bool skip(struct reader *r, const yaml_event_t *first)
{
	if (!enter(r, first))
		return false;
	unsigned outside = r->depth - 1;
	while (r->depth > outside) {
		yaml_event_t e;
		if (!next(r, &e))
			return false;
		bool good = true;
		plain(r, &e, NULL);
		if (e.type == YAML_MAPPING_START_EVENT || e.type == YAML_SEQUENCE_START_EVENT)
			good = enter(r, &e);
		else if (e.type == YAML_MAPPING_END_EVENT || e.type == YAML_SEQUENCE_END_EVENT)
			r->depth--;
		yaml_event_delete(&e);
		if (!good)
			return false;
	}
	return true;
}

static bool read_list(struct reader *r, const yaml_event_t *first, struct setting_value *v, const char *source)
{
	if (!enter(r, first))
		return false;
	char **items = NULL;
	size_t n = 0;
	bool good = true, sound = true;
	for (bool more = true; more && good;) {
		yaml_event_t e;
		if (!next(r, &e)) {
			good = false;
			break;
		}
		plain(r, &e, v->row->name);
		switch (e.type) {
		case YAML_SEQUENCE_END_EVENT:
			more = false;
			r->depth--;
			break;
		case YAML_SCALAR_EVENT:
			if (n == ITEMS_MAX || strlen((char *)e.data.scalar.value) != e.data.scalar.length) {
				sound = false;
				break;
			}
			items = xrealloc(items, (n + 1) * sizeof *items);
			items[n++] = xstrdup((char *)e.data.scalar.value);
			break;
		case YAML_MAPPING_START_EVENT:
		case YAML_SEQUENCE_START_EVENT:
			problem_at(r, e.start_mark.line, "an item is one text, not a list or group", v->row->name, NULL);
			good = skip(r, &e);
			break;
		default:
			break;
		}
		yaml_event_delete(&e);
	}
	if (!sound)
		problem_at(r, first->start_mark.line, "more than 1,000 items, or one with a NUL", v->row->name, NULL);
	else if (good)
		settings_assign_items(r->s, v, items, n, source, r->p);
	for (size_t i = 0; i < n; i++)
		free(items[i]);
	free(items);
	return good;
}

static bool read_mapping(struct reader *r, const yaml_event_t *first, const char *prefix);

static bool read_value(struct reader *r, const char *name, const yaml_event_t *e)
{
	size_t n = strlen(name), line = e->start_mark.line;
	struct setting_value *v = settings_find(r->s, name, n);
	bool group = !v && settings_is_group(r->s, name, n),
	     collection = e->type != YAML_SCALAR_EVENT && e->type != YAML_ALIAS_EVENT;
	if (!plain(r, e, name))
		return true;
	if (group && e->type == YAML_MAPPING_START_EVENT)
		return read_mapping(r, e, name);
	bool empty = !collection && e->data.scalar.length == 0;
	struct buf text = BUF_INIT;
	bool good = true;
	if (!v && !group) {
		settings_suggest(r->s, name, &text);
		problem_at(r, line, "unknown setting", name, text.p);
	} else if (group) {
		if (!empty)
			problem_at(r, line, "is a group; write its settings below it, indented", name, NULL);
	} else if (e->type == YAML_SEQUENCE_START_EVENT && v->row->type == SET_LIST) {
		buf_addf(&text, "%s:%zu", r->path, line + 1);
		good = read_list(r, e, v, text.p);
		collection = false; /* consumed */
	} else if (collection) {
		settings_expected(v->row, &text);
		problem_at(r, line, e->type == YAML_SEQUENCE_START_EVENT ? "holds a list, expected " : "holds a group, expected ",
		    name, text.p);
	} else if (strlen((char *)e->data.scalar.value) != e->data.scalar.length) {
		problem_at(r, line, "holds a NUL character", name, NULL);
	} else if (!empty) {
		buf_addf(&text, "%s:%zu", r->path, line + 1);
		settings_assign(r->s, v, (char *)e->data.scalar.value, text.p, r->p);
	}
	buf_done(&text);
	return good && (!collection || skip(r, e));
}

static bool read_pair(struct reader *r, const char *prefix, const yaml_event_t *key)
{
	struct buf name = BUF_INIT;
	if (prefix)
		buf_addf(&name, "%s.", prefix);
	bool good = true;
	if (key->type == YAML_SCALAR_EVENT) {
		buf_add(&name, key->data.scalar.value, key->data.scalar.length);
		plain(r, key, name.p);
		size_t line = key->start_mark.line;
		uintptr_t before = (uintptr_t)map_get(r->seen, name.p, name.len);
		if (before) {
			struct buf hint = BUF_INIT;
			buf_addf(&hint, "%zu", (size_t)before);
			problem_at(r, line, "stands here again, first in line ", name.p, hint.p);
			buf_done(&hint);
		} else {
			map_put(r->seen, name.p, name.len, (void *)(uintptr_t)(line + 1));
		}
	} else {
		if (plain(r, key, NULL))
			problem_at(r, key->start_mark.line, "a name must be plain text, not a list or group", NULL, NULL);
		if (key->type != YAML_ALIAS_EVENT)
			good = skip(r, key);
		buf_add_char(&name, '?');
	}
	yaml_event_t value;
	if (good && (good = next(r, &value))) {
		if (key->type == YAML_SCALAR_EVENT)
			good = read_value(r, name.p, &value);
		else if (value.type == YAML_MAPPING_START_EVENT || value.type == YAML_SEQUENCE_START_EVENT)
			good = skip(r, &value);
		yaml_event_delete(&value);
	}
	buf_done(&name);
	return good;
}

static bool read_mapping(struct reader *r, const yaml_event_t *first, const char *prefix)
{
	if (!enter(r, first))
		return false;
	for (;;) {
		yaml_event_t e;
		if (!next(r, &e))
			return false;
		bool end = e.type == YAML_MAPPING_END_EVENT, good = end || read_pair(r, prefix, &e);
		yaml_event_delete(&e);
		if (end)
			r->depth--;
		if (end || !good)
			return good;
	}
}

static void read_stream(struct reader *r)
{
	unsigned documents = 0;
	for (bool more = true; more;) {
		yaml_event_t e;
		if (!next(r, &e))
			return;
		switch (e.type) {
		case YAML_DOCUMENT_START_EVENT:
			if (++documents > 1) {
				problem_at(r, e.start_mark.line, "a second document (---) begins; one is read", NULL, NULL);
				more = false;
			}
			break;
		case YAML_MAPPING_START_EVENT:
			plain(r, &e, NULL);
			more = read_mapping(r, &e, NULL);
			break;
		case YAML_SCALAR_EVENT:
			if (e.data.scalar.length)
				problem_at(r, e.start_mark.line, "expected lines of the form name: value", NULL, NULL);
			break;
		case YAML_SEQUENCE_START_EVENT:
			problem_at(r, e.start_mark.line, "expected lines of the form name: value, not a list", NULL, NULL);
			more = skip(r, &e);
			break;
		case YAML_STREAM_END_EVENT:
			more = false;
			break;
		default:
			break;
		}
		yaml_event_delete(&e);
	}
}

/* The file's bytes, or NULL after noting why not. */
static char *slurp(const char *path, size_t *len, struct problems *p)
{
	struct stat st;
	char *text = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		settings_problem(p, path, "cannot be read: %s", strerror(errno));
	} else if (S_ISDIR(st.st_mode)) {
		settings_problem(p, path, "is a folder");
	} else {
		text = xmalloc(FILE_MAX + 1);
		size_t n = 0;
		ssize_t k;
		do {
			k = read(fd, text + n, FILE_MAX + 1 - n);
			n += k > 0 ? (size_t)k : 0;
		} while ((k > 0 && n <= FILE_MAX) || (k < 0 && errno == EINTR));
		if (k < 0)
			settings_problem(p, path, "cannot be read: %s", strerror(errno));
		else if (n > FILE_MAX)
			settings_problem(p, path, "is over 1 MiB");
		if (k < 0 || n > FILE_MAX) {
			free(text);
			text = NULL;
		}
		*len = n;
	}
	if (fd >= 0)
		close(fd);
	return text;
}

bool settings_read_file(struct settings *s, const char *path, struct problems *p)
{
	size_t n = 0;
	char *text = slurp(path, &n, p);
	if (!text)
		return false;
	struct reader r = { .s = s, .p = p, .path = path };
	if (!yaml_parser_initialize(&r.yaml))
		abort();
	r.seen = map_new();
	yaml_parser_set_encoding(&r.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.yaml, (unsigned char *)text, n);
	read_stream(&r);
	yaml_parser_delete(&r.yaml);
	map_free(r.seen, NULL);
	free(text);
	return true;
}
