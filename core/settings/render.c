/*
 * The table shown in three ways: what is in force, a sample file, a reference page.  All three walk the rows group by group in the
 * order of the tables; what print and sample write can be read back as a settings file.
 */
#include <string.h>

#include "../base/mem.h"
#include "internal.h"

static size_t group_len(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot ? (size_t)(dot - name) : 0;
}

static bool same_group(const char *a, const char *b)
{
	size_t n = group_len(a);
	return n == group_len(b) && memcmp(a, b, n) == 0;
}

static const char *last_word(const char *name)
{
	size_t n = group_len(name);
	return n ? name + n + 1 : name;
}

/* Calls ${fn} for each row, rows of one group together; ${first} marks the first of its group. */
static void each_row(const struct setting *const *tables, void (*fn)(const struct setting *row, bool first, void *arg), void *arg)
{
	for (const struct setting *const *t = tables; *t; t++) {
		for (const struct setting *row = *t; row->name; row++) {
			bool done = false;
			for (const struct setting *const *u = tables; u <= t && !done; u++) {
				for (const struct setting *before = *u; before->name && before != row && !done; before++)
					done = same_group(before->name, row->name);
			}
			if (done)
				continue;
			bool first = true;
			for (const struct setting *const *u = t; *u; u++) {
				for (const struct setting *later = u == t ? row : *u; later->name; later++) {
					if (!same_group(later->name, row->name))
						continue;
					fn(later, first, arg);
					first = false;
				}
			}
		}
	}
}

static void add_yaml_text(struct buf *out, const char *text)
{
	/* A JSON string is a double-quoted YAML scalar; plain words stay as typed. */
	size_t n = strlen(text);
	if (n && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/$-") == n && text[0] != '-' &&
	    strcmp(text, ".") != 0)
		buf_add_str(out, text);
	else
		buf_add_json_str(out, text);
}

struct print {
	const struct settings *s;
	struct buf *out;
};

static void print_row(const struct setting *row, bool first, void *arg)
{
	struct print *p = arg;
	const struct setting_value *v = settings_find(p->s, row->name, strlen(row->name));
	size_t group = group_len(row->name);
	const char *indent = group ? "  " : "", *word = last_word(row->name);
	if (group && first)
		buf_addf(p->out, "%.*s:\n", (int)group, row->name);
	const char *source = v->source ? v->source : "default";
	if (!v->text) {
		buf_addf(p->out, "%s# %s: (not set)\n", indent, word);
		return;
	}
	size_t from, len;
	if (row->flags & SET_SECRET) {
		buf_addf(p->out, "%s# %s: (set, not shown; from %s)\n", indent, word, source);
		return;
	}
	if (row->flags & SET_URL && settings_url_userinfo(v->text, &from, &len)) {
		buf_addf(
		    p->out, "%s# %s: %.*s(hidden)%s (from %s)\n", indent, word, (int)from, v->text, v->text + from + len, source);
		return;
	}
	if (row->type == SET_LIST) {
		buf_addf(p->out, "%s%s:%s # %s\n", indent, word, v->items_len ? "" : " []", source);
		for (size_t i = 0; i < v->items_len; i++) {
			buf_addf(p->out, "%s  - ", indent);
			add_yaml_text(p->out, v->items[i]);
			buf_add_char(p->out, '\n');
		}
		return;
	}
	buf_addf(p->out, "%s%s: ", indent, word);
	add_yaml_text(p->out, v->text);
	buf_addf(p->out, " # %s\n", source);
}

void settings_print(const struct settings *s, struct buf *out)
{
	struct print p = { s, out };
	buf_addf(out, "# in force; file: %s\n", s->file ? s->file : "none");
	each_row(s->tables, print_row, &p);
}

static void sample_row(const struct setting *row, bool first, void *arg)
{
	struct buf *out = arg;
	size_t group = group_len(row->name);
	const char *indent = group ? "  " : "";
	if (first)
		buf_add_char(out, '\n');
	if (group && first)
		buf_addf(out, "%.*s:\n", (int)group, row->name);
	buf_addf(out, "%s# %s\n%s# Takes ", indent, row->help, indent);
	settings_expected(row, out);
	buf_add_str(out, "; environment: ");
	settings_env_name(row->name, out);
	if (row->alias)
		buf_addf(out, " or %s", row->alias);
	if (row->flags & SET_SECRET)
		buf_add_str(out, ", each also with _FILE");
	buf_addf(out, "\n%s# %s:", indent, last_word(row->name));
	if (row->fallback) {
		buf_add_char(out, ' ');
		add_yaml_text(out, row->fallback);
	}
	buf_add_char(out, '\n');
}

void settings_sample(const struct setting *const *tables, struct buf *out)
{
	buf_add_str(out,
	    "# Settings of Eddy.  Every line may stay away; what is commented out shows the default.\n"
	    "# Stronger than this file: the environment, then -s name=value on the command line.\n");
	each_row(tables, sample_row, out);
}

static void add_cell(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '|' || *text == '\\' || *text == '<' || *text == '*' || *text == '_')
			buf_add_char(out, '\\');
		buf_add_char(out, *text);
	}
}

static void reference_row(const struct setting *row, bool first, void *arg)
{
	struct buf *out = arg;
	if (first) {
		size_t group = group_len(row->name);
		buf_addf(out, "\n## %.*s\n\n", group ? (int)group : 7, group ? row->name : "general");
		buf_add_str(out, "| setting | takes | default | environment | meaning |\n|---|---|---|---|---|\n");
	}
	struct buf takes = BUF_INIT;
	settings_expected(row, &takes);
	buf_addf(out, "| `%s` | ", row->name);
	add_cell(out, takes.p);
	if (row->flags & SET_SECRET)
		buf_add_str(out, " (secret)");
	buf_add_str(out, " | ");
	if (row->fallback)
		buf_addf(out, "`%s`", row->fallback);
	buf_add_str(out, " | `");
	settings_env_name(row->name, out);
	buf_add_char(out, '`');
	if (row->alias)
		buf_addf(out, " `%s`", row->alias);
	buf_add_str(out, " | ");
	add_cell(out, row->help);
	buf_add_str(out, " |\n");
	buf_done(&takes);
}

void settings_reference(const struct setting *const *tables, struct buf *out)
{
	buf_add_str(out,
	    "# Settings\n\nMade from the program's own table; do not edit.  Names may be nested or dotted in the file; "
	    "the environment is stronger than the file, `-s name=value` stronger than both.  A secret may also come from "
	    "the file named by its variable with `_FILE` added.\n");
	each_row(tables, reference_row, out);
}
