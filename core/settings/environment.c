/*
 * Names out of the environment and the command line, and the search for what a mistyped name may have meant.  Variables that begin
 * with EDDY_ but neither belong to a group (EDDY_SLACK_…) nor nearly match a setting are left alone: scripts and tests have theirs.
 * An empty variable counts as not set, since that is what container tools pass on for an absent one.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/mem.h"
#include "internal.h"

#define NAME_MAX_LEN 64
#define SECRET_FILE_MAX 65536

void settings_env_name(const char *name, struct buf *out)
{
	buf_add_str(out, "EDDY_");
	for (const char *s = name; *s; s++)
		buf_add_char(out, *s == '.' ? '_' : (char)toupper((unsigned char)*s));
}

/* Edits (insert, delete, replace, swap of neighbours) between two names; gives up as "far" on long ones. */
static size_t distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	if (n > NAME_MAX_LEN || m > NAME_MAX_LEN)
		return SIZE_MAX;
	size_t rows[3][NAME_MAX_LEN + 1], *before = rows[0], *last = rows[1], *now = rows[2];
	for (size_t j = 0; j <= m; j++)
		last[j] = j;
	for (size_t i = 1; i <= n; i++) {
		now[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = last[j - 1] + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
		size_t *spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[m];
}

static const char *nearest(const struct settings *s, const char *name, bool as_env)
{
	const char *best = NULL;
	size_t best_distance = strlen(name) / 4 + 1;
	for (size_t i = 0; i < s->values_len; i++) {
		const char *full = s->values[i].row->name;
		struct buf b = BUF_INIT;
		if (as_env)
			settings_env_name(full, &b);
		else
			buf_add_str(&b, full);
		size_t d = distance(name, b.p);
		/* The right word in the wrong or no group: "app_token" for "slack.app_token". */
		const char *word = strrchr(full, '.'), *given = strrchr(name, '.');
		if (!as_env && word && strcasecmp(word + 1, given ? given + 1 : name) == 0 && d > best_distance)
			d = best_distance;
		if (d < best_distance || (!best && d == best_distance)) {
			best = full;
			best_distance = d;
		}
		buf_done(&b);
	}
	return best;
}

void settings_suggest(const struct settings *s, const char *name, struct buf *out)
{
	const char *best = nearest(s, name, false);
	if (best)
		buf_addf(out, "; did you mean %s?", best);
	else
		buf_add_str(out, "; \"eddy config sample\" shows all");
}

static const char *lookup(char *const *env, const char *name)
{
	size_t n = strlen(name);
	for (char *const *e = env; e && *e; e++) {
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			return (*e)[n + 1] ? *e + n + 1 : NULL;
	}
	return NULL;
}

static void read_secret_file(
    struct settings *s, struct setting_value *v, const char *variable, const char *path, struct problems *p)
{
	char *text = NULL;
	ssize_t n = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0) {
		text = xmalloc(SECRET_FILE_MAX + 1);
		size_t len = 0;
		do {
			n = read(fd, text + len, SECRET_FILE_MAX + 1 - len);
			len += n > 0 ? (size_t)n : 0;
		} while ((n > 0 && len <= SECRET_FILE_MAX) || (n < 0 && errno == EINTR));
		if (n >= 0)
			n = (ssize_t)len;
	}
	if (n < 0) {
		settings_problem(p, variable, "%s: cannot read the file it names: %s", v->row->name, strerror(errno));
	} else if (n > SECRET_FILE_MAX) {
		settings_problem(p, variable, "%s: the file it names is over 64 kB", v->row->name);
	} else {
		while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
			n--;
		text[n] = '\0';
		if (n == 0)
			settings_problem(p, variable, "%s: the file it names is empty", v->row->name);
		else if (strlen(text) != (size_t)n || strpbrk(text, "\r\n"))
			settings_problem(p, variable, "%s: the file it names holds more than one line of text", v->row->name);
		else
			settings_assign(s, v, text, variable, p);
	}
	if (fd >= 0)
		close(fd);
	free(text);
}

/* True if ${variable} or ${variable}_FILE is there. */
static bool read_variable(struct settings *s, struct setting_value *v, char *const *env, const char *variable, struct problems *p)
{
	struct buf name = BUF_INIT;
	buf_addf(&name, "%s_FILE", variable);
	const char *text = lookup(env, variable);
	const char *path = v->row->flags & SET_SECRET ? lookup(env, name.p) : NULL;
	if (text && path)
		settings_problem(p, variable, "%s: both %s and %s are set; keep one", v->row->name, variable, name.p);
	else if (text)
		settings_assign(s, v, text, variable, p);
	else if (path)
		read_secret_file(s, v, name.p, path, p);
	buf_done(&name);
	return text || path;
}

/* Is ${name} (up to its "=") a variable of some row? */
static bool known(const struct settings *s, const char *name)
{
	bool found = false;
	for (size_t i = 0; i < s->values_len && !found; i++) {
		const struct setting *row = s->values[i].row;
		struct buf b = BUF_INIT;
		settings_env_name(row->name, &b);
		found = strcmp(name, b.p) == 0;
		if (row->flags & SET_SECRET) {
			buf_add_str(&b, "_FILE");
			found = found || strcmp(name, b.p) == 0;
		}
		buf_done(&b);
	}
	return found;
}

static bool in_a_group(const struct settings *s, const char *name)
{
	for (size_t i = 0; i < s->values_len; i++) {
		const char *full = s->values[i].row->name, *dot = strchr(full, '.');
		size_t n = dot ? (size_t)(dot - full) : 0;
		if (n && strncasecmp(name + 5, full, n) == 0 && name[5 + n] == '_')
			return true;
	}
	return false;
}

void settings_read_env(struct settings *s, char *const *env, struct problems *p)
{
	struct buf name = BUF_INIT;
	for (size_t i = 0; i < s->values_len; i++) {
		struct setting_value *v = &s->values[i];
		buf_reset(&name);
		settings_env_name(v->row->name, &name);
		if (!read_variable(s, v, env, name.p, p) && v->row->alias)
			read_variable(s, v, env, v->row->alias, p);
	}
	for (char *const *e = env; e && *e; e++) {
		const char *equals = strchr(*e, '=');
		if (strncmp(*e, "EDDY_", 5) != 0 || !equals || !equals[1])
			continue;
		buf_reset(&name);
		buf_add(&name, *e, (size_t)(equals - *e));
		if (known(s, name.p))
			continue;
		const char *best = nearest(s, name.p, true);
		if (best) {
			struct buf meant = BUF_INIT;
			settings_env_name(best, &meant);
			settings_problem(p, name.p, "no setting has this variable; did you mean %s?", meant.p);
			buf_done(&meant);
		} else if (in_a_group(s, name.p)) {
			settings_problem(p, name.p, "no setting has this variable; \"eddy config sample\" shows all");
		}
	}
	buf_done(&name);
}

void settings_read_overrides(struct settings *s, char *const *overrides, struct problems *p)
{
	size_t number = 1;
	for (char *const *o = overrides; o && *o; o++, number++) {
		struct buf where = BUF_INIT, hint = BUF_INIT;
		const char *equals = strchr(*o, '=');
		struct setting_value *v = equals ? settings_find(s, *o, (size_t)(equals - *o)) : NULL;
		if (!equals || equals == *o) {
			buf_addf(&where, "-s (number %zu)", number);
			settings_problem(p, where.p, "expected name=value");
		} else if (!v) {
			char *name = xstrndup(*o, (size_t)(equals - *o));
			settings_suggest(s, name, &hint);
			settings_problem(p, "-s", "%.80s: unknown setting%s", name, hint.p);
			free(name);
		} else if (!equals[1]) {
			settings_clear(v); /* an empty value takes back what file and environment say */
		} else {
			settings_assign(s, v, equals + 1, "-s", p);
		}
		buf_done(&where);
		buf_done(&hint);
	}
}
