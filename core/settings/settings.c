/*
 * The values in force, one per row of every table, found by name through a map.  Loading goes from the weakest source to the
 * strongest (default, file, environment, command line), each simply replacing what was there; a text that does not fit its row
 * replaces nothing and becomes a line in the list of problems, so one run shows everything that is to be mended.
 */
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/mem.h"
#include "internal.h"

static _Noreturn void bug(const char *what, const char *name)
{
	log_error("settings.bug", LF_STR("what", what), LF_STR("name", name));
	abort();
}

static void free_items(struct setting_value *v)
{
	for (size_t i = 0; i < v->items_len; i++)
		free(v->items[i]);
	free(v->items);
	v->items = NULL;
	v->items_len = 0;
}

static void add_item(struct setting_value *v, const char *s, size_t n)
{
	while (n && strchr(" \t\r\n", s[0])) {
		s++;
		n--;
	}
	while (n && strchr(" \t\r\n", s[n - 1]))
		n--;
	if (!n)
		return;
	v->items = xrealloc(v->items, (v->items_len + 1) * sizeof *v->items);
	v->items[v->items_len++] = xstrndup(s, n);
}

static void split_items(struct setting_value *v, const char *text)
{
	char separator = strpbrk(text, ";=") ? ';' : ',';
	for (const char *s = text;;) {
		const char *end = strchrnul(s, separator);
		add_item(v, s, (size_t)(end - s));
		if (!*end)
			return;
		s = end + 1;
	}
}

static char *expand_home(const struct settings *s, const char *text)
{
	struct buf b = BUF_INIT;
	if (s->home && text[0] == '~' && (text[1] == '/' || !text[1])) {
		buf_add_str(&b, s->home);
		text++;
	}
	buf_add_str(&b, text);
	return buf_detach(&b, NULL);
}

void settings_clear(struct setting_value *v)
{
	free(v->text);
	free(v->source);
	free_items(v);
	v->text = v->source = NULL;
	v->number = 0;
	if (!v->row->fallback)
		return;
	struct buf why = BUF_INIT;
	v->text = xstrdup(v->row->fallback);
	if (v->row->type == SET_LIST)
		split_items(v, v->text);
	else if (!settings_check(v->row, v->text, &v->number, &why))
		bug("default does not fit its own row", v->row->name);
	buf_done(&why);
}

struct settings *settings_new(const struct setting *const *tables)
{
	struct settings *s = xcalloc(1, sizeof *s);
	s->tables = tables;
	s->by_name = map_new();
	for (const struct setting *const *t = tables; *t; t++) {
		for (const struct setting *row = *t; row->name; row++)
			s->values_len++;
	}
	s->values = xcalloc(s->values_len, sizeof *s->values);
	struct setting_value *v = s->values;
	for (const struct setting *const *t = tables; *t; t++) {
		for (const struct setting *row = *t; row->name; row++, v++) {
			v->row = row;
			settings_clear(v);
			if (map_put(s->by_name, row->name, strlen(row->name), v))
				bug("two rows of one name", row->name);
		}
	}
	return s;
}

void settings_free(struct settings *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->values_len; i++) {
		free(s->values[i].text);
		free(s->values[i].source);
		free_items(&s->values[i]);
	}
	free(s->values);
	map_free(s->by_name, NULL);
	free(s->file);
	free(s->home);
	for (size_t i = 0; i < s->parts_len; i++)
		free(s->parts[i]);
	free(s->parts);
	free(s);
}

void settings_problem(struct problems *p, const char *where, const char *fmt, ...)
{
	if (p->count++ >= PROBLEMS_MAX)
		return;
	/* A name out of a file can hold anything; what reaches the terminal must not move its cursor. */
	struct buf line = BUF_INIT;
	buf_addf(&line, "%s: ", where);
	va_list ap;
	va_start(ap, fmt);
	buf_vaddf(&line, fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < line.len; i++) {
		if ((unsigned char)line.p[i] < 0x20 || line.p[i] == 0x7f)
			line.p[i] = '?';
	}
	buf_add(p->out, line.p, line.len);
	buf_add_char(p->out, '\n');
	buf_done(&line);
}

void settings_problems_end(struct problems *p)
{
	if (p->count > PROBLEMS_MAX)
		buf_addf(p->out, "and %zu more\n", p->count - PROBLEMS_MAX);
}

struct setting_value *settings_find(const struct settings *s, const char *name, size_t n)
{
	return map_get(s->by_name, name, n);
}

bool settings_is_group(const struct settings *s, const char *name, size_t n)
{
	for (size_t i = 0; i < s->values_len; i++) {
		const char *full = s->values[i].row->name;
		if (strncmp(full, name, n) == 0 && strlen(full) > n && full[n] == '.')
			return true;
	}
	return false;
}

static bool item_is_price(const char *item)
{
	const char *equals = strrchr(item, '=');
	if (!equals || equals == item)
		return false;
	const char *comma = strchr(equals, ',');
	if (!comma)
		return false;
	static const struct setting amount = { .name = "amount", .type = SET_MONEY };
	char *in = xstrndup(equals + 1, (size_t)(comma - equals - 1));
	struct buf why = BUF_INIT;
	int64_t n;
	bool fits = settings_check(&amount, in, &n, &why) && settings_check(&amount, comma + 1, &n, &why);
	free(in);
	buf_done(&why);
	return fits;
}

static void take_items(struct setting_value *v, struct setting_value *fresh, const char *source, struct problems *p)
{
	if (v->row->flags & SET_PRICES) {
		for (size_t i = 0; i < fresh->items_len; i++) {
			if (item_is_price(fresh->items[i]))
				continue;
			settings_problem(p, source,
			    "%s: item %zu is not name=in,out with two amounts in USD, such as some-model=3,15", v->row->name,
			    i + 1);
			free_items(fresh);
			return;
		}
	}
	struct buf joined = BUF_INIT;
	for (size_t i = 0; i < fresh->items_len; i++)
		buf_addf(&joined, "%s%s", i ? "; " : "", fresh->items[i]);
	free(v->text);
	free(v->source);
	free_items(v);
	v->text = buf_detach(&joined, NULL);
	v->source = xstrdup(source);
	v->items = fresh->items;
	v->items_len = fresh->items_len;
}

void settings_assign(struct settings *s, struct setting_value *v, const char *text, const char *source, struct problems *p)
{
	if (v->row->type == SET_LIST) {
		struct setting_value fresh = { 0 };
		split_items(&fresh, text);
		take_items(v, &fresh, source, p);
		return;
	}
	struct buf why = BUF_INIT;
	int64_t number = 0;
	if (settings_check(v->row, text, &number, &why)) {
		free(v->text);
		free(v->source);
		v->text = v->row->flags & SET_PATH ? expand_home(s, text) : xstrdup(text);
		v->source = xstrdup(source);
		v->number = number;
	} else {
		settings_problem(p, source, "%s: %s", v->row->name, why.p);
	}
	buf_done(&why);
}

void settings_assign_items(
    struct settings *s, struct setting_value *v, char *const *items, size_t n, const char *source, struct problems *p)
{
	(void)s;
	struct setting_value fresh = { 0 };
	for (size_t i = 0; i < n; i++)
		add_item(&fresh, items[i], strlen(items[i]));
	take_items(v, &fresh, source, p);
}

static void add_part(struct settings *s, const char *p, size_t n)
{
	s->parts = xrealloc(s->parts, (s->parts_len + 1) * sizeof(*s->parts));
	s->parts[s->parts_len++] = xstrndup(p, n);
}

/* The password in an address, each key of several. */
static void find_parts_of(struct settings *s, const struct setting_value *v)
{
	size_t from, len;
	const char *colon = NULL;
	if (v->text == NULL || v->text[0] == '\0')
		return;
	if (v->row->flags & SET_URL && settings_url_userinfo(v->text, &from, &len))
		colon = memchr(v->text + from, ':', len);
	if (colon != NULL && colon + 1 < v->text + from + len)
		add_part(s, colon + 1, (size_t)(v->text + from + len - colon - 1));
	if ((v->row->flags & (SET_SECRET | SET_URL)) != SET_SECRET || strchr(v->text, ',') == NULL)
		return;
	for (const char *p = v->text; *p != '\0'; p += strcspn(p, ","), p += *p == ',')
		add_part(s, p, strcspn(p, ","));
}

static void find_parts(struct settings *s)
{
	for (size_t i = 0; i < s->values_len; i++)
		find_parts_of(s, &s->values[i]);
}

enum err settings_load(struct settings *s, const char *path, char *const *env, char *const *overrides, struct buf *problems)
{
	struct problems p = { .out = problems };
	for (char *const *e = env; e && *e; e++) {
		if (strncmp(*e, "HOME=", 5) == 0 && (*e)[5] == '/') {
			free(s->home);
			s->home = xstrdup(*e + 5);
		}
	}
	if (!path && access("eddy.yaml", F_OK) == 0)
		path = "eddy.yaml";
	if (!path && access("/etc/eddy/eddy.yaml", F_OK) == 0)
		path = "/etc/eddy/eddy.yaml";
	if (path && settings_read_file(s, path, &p)) {
		free(s->file);
		s->file = xstrdup(path);
	}
	settings_read_env(s, env, &p);
	settings_read_overrides(s, overrides, &p);
	settings_problems_end(&p);
	find_parts(s);
	return p.count ? ERR_INPUT : ERR_NONE;
}

static const struct setting_value *need(const struct settings *s, const char *name)
{
	const struct setting_value *v = settings_find(s, name, strlen(name));
	if (!v)
		bug("no such setting", name);
	return v;
}

const char *settings_str(const struct settings *s, const char *name)
{
	return need(s, name)->text;
}

int64_t settings_int(const struct settings *s, const char *name)
{
	const struct setting_value *v = need(s, name);
	if (v->row->type != SET_INT && v->row->type != SET_MS && v->row->type != SET_MONEY)
		bug("not a number", name);
	return v->number;
}

bool settings_bool(const struct settings *s, const char *name)
{
	const struct setting_value *v = need(s, name);
	if (v->row->type != SET_BOOL)
		bug("not yes or no", name);
	return v->number != 0;
}

bool settings_is_set(const struct settings *s, const char *name)
{
	return need(s, name)->source != NULL;
}

const char *settings_source(const struct settings *s, const char *name)
{
	const char *source = need(s, name)->source;
	return source ? source : "default";
}

size_t settings_list(const struct settings *s, const char *name, const char *const **items)
{
	const struct setting_value *v = need(s, name);
	if (v->row->type != SET_LIST)
		bug("not a list", name);
	*items = (const char *const *)v->items;
	return v->items_len;
}

size_t settings_secrets(const struct settings *s, const char ***out)
{
	size_t n = 0;
	*out = xcalloc(s->values_len + s->parts_len + 1, sizeof(**out));
	for (size_t i = 0; i < s->values_len; i++)
		if ((s->values[i].row->flags & SET_SECRET) != 0 && s->values[i].text != NULL && s->values[i].text[0] != '\0')
			(*out)[n++] = s->values[i].text;
	for (size_t i = 0; i < s->parts_len; i++)
		if (s->parts[i][0] != '\0')
			(*out)[n++] = s->parts[i];
	return n;
}

bool settings_known(const struct settings *s, const char *name)
{
	return settings_find(s, name, strlen(name)) != NULL;
}

bool settings_sealable(const struct settings *s, const char *name)
{
	static const char *const needed[] = { "database.", "secrets.", "audit." };
	const struct setting_value *v = settings_find(s, name, strlen(name));
	bool ok = v != NULL && (v->row->flags & SET_SECRET) != 0;
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		ok = ok && strncmp(name, needed[i], strlen(needed[i])) != 0;
	return ok;
}

enum err settings_unseal(struct settings *s, const char *name, const char *value, struct buf *why)
{
	struct setting_value *v = settings_find(s, name, strlen(name));
	struct problems p = { .out = why };
	if (v == NULL || v->source != NULL)
		return ERR_NONE;
	settings_assign(s, v, value, "eddy secret set", &p);
	if (p.count > 0)
		return ERR_INPUT;
	find_parts_of(s, v);
	return ERR_NONE;
}

const char *settings_file(const struct settings *s)
{
	return s->file;
}
