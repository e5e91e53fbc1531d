#ifndef EDDY_TEAMS_CONFIG_H
#define EDDY_TEAMS_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../api/problem.h"
#include "../base/err.h"

struct buf;

/*
 * What a team's settings come to.  Pure: a registry of typed keys, and how layers are put on top of each other.  Every layer is a JSON object:
 *	{"set": {key: value}, "locked": [key], "required": [key], "bounds": {key: {"min": n, "max": n, "allowed": [text]}}}
 * The first layer is the platform (eddy.yaml), the last a person.  What a layer locks, requires or bounds holds for itself and all below; those
 * may only tighten it.  A document that says what it may not is refused when it is written; if a layer above is tightened later, what lies below
 * is passed over or brought into the bounds, so that what holds above holds whatever stands below.
 */
enum config_layer {
	LAYER_PLATFORM = 1,
	LAYER_TEMPLATE = 2,
	LAYER_ORGANISATION = 3,
	LAYER_UNIT = 4,
	LAYER_TEAM = 5,
	LAYER_PERSON = 6,
};
enum config_type { CONFIG_INT, CONFIG_BOOL, CONFIG_STR, CONFIG_LIST, CONFIG_MAP };
enum config_merge {
	CONFIG_REPLACE,  /* the last layer that says it */
	CONFIG_MERGE,    /* maps: key by key, maps in them too */
	CONFIG_LEAST,    /* the smallest that any layer says */
	CONFIG_SHORTEST, /* the smallest but 0, which says nothing */
	CONFIG_UNION,    /* lists: all that any layer says */
	CONFIG_EVERY,    /* flags: off where any layer says so */
};
#define LAYERS_ALL 0x7e    /* bit LAYER_* */
#define LAYERS_NODES 0x3e  /* not people */
#define LAYERS_ABOVE 0x0e  /* platform, template, organisation */
#define LAYERS_PERSON 0x7e /* where people choose for themselves */
#define LAYERS_SELF 0x4e   /* what is a person's own wherever they ask: those above, and the person */
struct config_key {
	const char *name;
	enum config_type type;
	enum config_merge merge;
	unsigned layers;      /* which may set it */
	const char *fallback; /* JSON; what holds where no layer says anything */
	const char *setting;  /* of eddy.yaml that is the platform's value, or NULL */
	int64_t min, max;     /* CONFIG_INT; of a CONFIG_STR the most bytes */
	const char *choices;  /* "a|b" or NULL; "?" of a CONFIG_MAP: its values are flags; "agent": definitions of agents */
	const char *help;
	const char *acts; /* where it takes effect */
};
extern const struct config_key config_keys[]; /* ends with a NULL name */
const struct config_key *config_key(const char *name);
const char *config_layer_name(enum config_layer l); /* "platform" … */
bool config_layer_from_name(const char *name, enum config_layer *out);

/* One layer: who says it, and what (NULL or an object: it says nothing). */
struct config_says {
	enum config_layer layer;
	const char *name; /* "platform", "template", the short name of a node, "you" */
	const json_t *doc;
};
/**
 * The layers from the top down.  Gives an object: "values" with every key, "from" (key: name of the layer that its value is from), "locked" and
 * "required" (key: name), "bounds" (key: the narrowest), "missing" (required keys that nobody has set), "passed_over" (what a layer says in
 * vain: [{"key", "layer"}]).  Never fails.
 */
json_t *config_merge(const struct config_says *layers, size_t n);
/** Is ${doc} a layer that may stand under ${above} (what config_merge() made of those above it)?  ERR_INPUT: ${why}. */
enum err config_fits(enum config_layer layer, const json_t *doc, const json_t *above, struct problem *why);
/** Is ${value} one for ${key}?  ERR_INPUT: ${why}. */
enum err config_value_fits(const struct config_key *key, const json_t *value, struct problem *why);
/**
 * Does what ${merged} switches on and off go together?  ${agents}: those of the table, as {slug: {"tools": [name], "sub_agents": [slug], "active": bool}}.
 * ERR_INPUT: ${why} lists what depends on what is off, and agents that ask each other in a circle; ${who} says whose settings these are.
 */
enum err config_depends(const json_t *merged, const json_t *agents, const char *who, struct problem *why);
/**
 * Apply a change to a layer: ${patch} may have "set" {key: value}, "unset" [key], "lock", "unlock", "require", "unrequire" [key] and "bounds"
 * {key: bounds or null}.  Gives the new document, and what is different as [{"key", "before", "after"}] (key "locked" … for the marks).
 */
json_t *config_patch(const json_t *doc, const json_t *patch, json_t **diff);
/** The differences of two layers. */
json_t *config_diff(const json_t *before, const json_t *after);
/** The registry as a JSON array, for clients; as a table in Markdown. */
json_t *config_schema(void);
void config_reference(struct buf *out);

#endif
