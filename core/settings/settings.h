#ifndef EDDY_SETTINGS_H
#define EDDY_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"

struct buf;

/*
 * Settings are a table.  Each part of the program contributes rows (core_settings here, one table per adapter); loading,
 * --help, the sample file, the environment names and redaction are loops over all of them.
 * Order of precedence: command line (-s name=value), environment, file, default.  Environment names are derived:
 * "slack.api_url" is EDDY_SLACK_API_URL; a secret may also come from the file named by EDDY_SLACK_APP_TOKEN_FILE;
 * ${alias} is a customary second name (SLACK_APP_TOKEN, with _FILE too).
 * In one text, items of a list stand between commas; a text that holds ";" or "=" is split at ";" alone.
 */
enum setting_type { SET_STR, SET_INT, SET_BOOL, SET_MS, SET_MONEY, SET_ENUM, SET_LIST };
enum {
	SET_SECRET = 1,         /* never shown; may come from a file named by NAME_FILE */
	SET_URL = 2,            /* http or https with a host */
	SET_PATH = 4,           /* a leading "~/" is the home directory */
	SET_LOOPBACK_PLAIN = 8, /* with SET_URL: also ws and wss; http and ws only where the host is loopback */
	SET_POSTGRES = 16,      /* with SET_URL: postgres or postgresql instead */
	SET_PRICES = 32,        /* with SET_LIST: each item is "name=in,out", two amounts */
};
struct setting {
	const char *name; /* "slack.app_token" */
	enum setting_type type;
	unsigned flags;
	const char *fallback; /* the default as text; NULL: unset */
	const char *choices;  /* SET_ENUM: "auto|off" */
	int64_t min, max;     /* SET_INT, SET_MS, SET_MONEY (micro-USD); both 0: unbounded */
	const char *alias;    /* customary environment name or NULL */
	const char *help;     /* one line */
};
extern const struct setting core_settings[]; /* ends with a row whose name is NULL */

struct settings;
/** ${tables}: NULL-terminated list of tables; borrowed for the life of the settings. */
struct settings *settings_new(const struct setting *const *tables);
void settings_free(struct settings *s);
/**
 * Read ${path} (NULL: ./eddy.yaml, then /etc/eddy/eddy.yaml, else none; a missing named file is an error), then ${env}
 * (NULL-terminated "NAME=value" list; usually environ), then ${overrides} ("name=value", NULL-terminated, may be NULL).
 * All unknown and wrong values are reported at once into ${problems}, a line each: file, line, what, suggestion.
 * ERR_INPUT when there was any.  Secrets never appear in problems.
 */
enum err settings_load(struct settings *s, const char *path, char *const *env, char *const *overrides, struct buf *problems);
/* Asking for a name that is in no table is a bug and stops the process.  Strings are borrowed. */
const char *settings_str(const struct settings *s, const char *name); /* NULL when unset */
int64_t settings_int(const struct settings *s, const char *name);     /* SET_INT, SET_MS, SET_MONEY (micro-USD) */
bool settings_bool(const struct settings *s, const char *name);
bool settings_is_set(const struct settings *s, const char *name);        /* by anything but the default */
const char *settings_source(const struct settings *s, const char *name); /* "default", "eddy.yaml:12", "EDDY_WEB_LISTEN" */
/** "builtin", "anthropic" or "openai": model.provider, or what the keys and the address that are set speak for. */
const char *settings_model_provider(const struct settings *s);
/** The key for that provider: model.api_key, else the one under the provider's own name; NULL when there is none. */
const char *settings_model_api_key(const struct settings *s);
size_t settings_list(const struct settings *s, const char *name, const char *const **items); /* SET_LIST; borrowed */
/** What is set and secret, and parts of it that are: the password in an address, each of several keys.  An array to be freed, its strings borrowed. */
size_t settings_secrets(const struct settings *s, const char ***out);
/**
 * A secret that is kept sealed in the database (`eddy secret set NAME`) instead of in the environment: settings_sealable() says whether ${name} is the name of one,
 * settings_unseal() sets it unless something stronger did.  What is needed to read the database can't be kept in it.  ERR_INPUT: ${why} says what is wrong with
 * the value, without showing it.
 */
bool settings_known(const struct settings *s, const char *name); /* is there such a setting? */
bool settings_sealable(const struct settings *s, const char *name);
enum err settings_unseal(struct settings *s, const char *name, const char *value, struct buf *why);
const char *settings_file(const struct settings *s);                           /* the file read, or NULL */
void settings_print(const struct settings *s, struct buf *out);                /* YAML of what is in force, secrets redacted */
void settings_sample(const struct setting *const *tables, struct buf *out);    /* commented sample file */
void settings_reference(const struct setting *const *tables, struct buf *out); /* Markdown table for docs */

#endif
