#ifndef EDDY_SETTINGS_INTERNAL_H
#define EDDY_SETTINGS_INTERNAL_H

#include "../base/buf.h"
#include "../base/map.h"
#include "settings.h"

/* What the files of this folder share.  Nobody else includes it. */

struct setting_value {
	const struct setting *row;
	char *text;     /* in force; NULL: unset.  Lists: the items joined by "; " */
	char *source;   /* NULL: the default */
	int64_t number; /* SET_INT, SET_MS, SET_MONEY, SET_BOOL */
	char **items;   /* SET_LIST */
	size_t items_len;
};

struct settings {
	const struct setting *const *tables;
	struct setting_value *values; /* in the order of the tables */
	size_t values_len;
	struct map *by_name;
	char *file;
	char *home;   /* of the environment given, for "~/" */
	char **parts; /* of secrets, which are secrets themselves (settings_secrets) */
	size_t parts_len;
};

/* Collects problem lines; more than PROBLEMS_MAX are only counted. */
#define PROBLEMS_MAX 50
struct problems {
	struct buf *out;
	size_t count;
};
void settings_problem(struct problems *p, const char *where, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void settings_problems_end(struct problems *p);

struct setting_value *settings_find(const struct settings *s, const char *name, size_t n);
/** True if some row's name begins with ${name} and a dot. */
bool settings_is_group(const struct settings *s, const char *name, size_t n);
/** "; did you mean web.listen?" for the nearest row or group, else "". */
void settings_suggest(const struct settings *s, const char *name, struct buf *out);
/** Forget what was set; the default is in force again. */
void settings_clear(struct setting_value *v);
/** Check one text against the row and put it in force; a wrong one is a problem and changes nothing. */
void settings_assign(struct settings *s, struct setting_value *v, const char *text, const char *source, struct problems *p);
/** The same for the items of a list. */
void settings_assign_items(
    struct settings *s, struct setting_value *v, char *const *items, size_t n, const char *source, struct problems *p);
/** Read one YAML file.  False if it cannot be read; everything that is wrong with it is in ${p}. */
bool settings_read_file(struct settings *s, const char *path, struct problems *p);
/** Read the environment, then the overrides. */
void settings_read_env(struct settings *s, char *const *env, struct problems *p);
void settings_read_overrides(struct settings *s, char *const *overrides, struct problems *p);
/** "EDDY_SLACK_API_URL" for "slack.api_url". */
void settings_env_name(const char *name, struct buf *out);

/** Is ${text} right for ${row}?  If so its ${number}; if not ${why} says what was expected, without quoting secrets. */
bool settings_check(const struct setting *row, const char *text, int64_t *number, struct buf *why);
/** What the row takes, in words: "a duration such as 30s, from 1s to 10m". */
void settings_expected(const struct setting *row, struct buf *out);
/** Where in an address the user and password stand; false when there are none. */
bool settings_url_userinfo(const char *url, size_t *from, size_t *len);

#endif
