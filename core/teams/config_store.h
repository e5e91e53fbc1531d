#ifndef EDDY_TEAMS_CONFIG_STORE_H
#define EDDY_TEAMS_CONFIG_STORE_H

#include "../people/authority.h"
#include "../store/trip.h"
#include "config.h"

struct settings;

/*
 * Layers in the database: every change is a version more, some wait for a second pair of eyes.  Inside a tenant transaction; ERR_INPUT comes
 * with ${why}, then the caller rolls back.  Whatever is in force after COMMIT is told to all processes (NOTIFY eddy_config, without content).
 */
extern const struct pg_statement config_statements[];

/** What eddy.yaml says is the platform's layer.  Once, before anything else of this header; without it the keys' own defaults hold. */
void config_platform(const struct settings *s);

/* Whose layer. */
struct config_whose {
	enum config_layer
	    layer;        /* a node's own is found out: LAYER_ORGANISATION stands for any; else LAYER_TEMPLATE or LAYER_PERSON */
	struct id node;   /* the template's is the organisation */
	struct id person; /* LAYER_PERSON */
};
/** What holds at ${node}, for ${person} (none: for nobody in particular).  Gives what config_merge() makes. */
enum err config_effective(struct pg *pg, struct id ws, struct id node, struct id person, json_t **out);
/* Two statements that may go to the server together with others, and what is made of their answers. */
#define CONFIG_WALK 2
/** ${args}, which are empty, and the names of ${steps} for what is at ${node}. */
void config_walk_steps(struct id ws, struct id node, struct pg_args *const args[CONFIG_WALK], struct pg_step steps[CONFIG_WALK]);
/**
 * Goes to the node and all below it, parents first, and shows each with all layers from the platform down to its own, the last of ${n}; both are borrowed until
 * ${at} returns.
 */
void config_walk(const struct pg_step steps[CONFIG_WALK],
    void (*at)(void *arg, struct id node, const struct config_says *says, size_t n), void *arg);
/** What one layer says now: {"version", "layer", "doc"}; version 0: nothing was ever said. */
enum err config_get(struct pg *pg, struct id ws, const struct config_whose *w, json_t **out, struct problem *why);
/**
 * Change a layer.  ${patch}: config_patch(), and "base_version": refused if another one is in force.  ${dry}: only say what would become of it.
 * Gives {"version", "changed": diff, "overrides": what layers below say in vain from now on} or {"pending": id, "keys": […]}.
 */
enum err config_set(struct pg *pg, const struct caller *by, const struct config_whose *w, const json_t *patch, struct id request,
    bool dry, json_t **out, struct problem *why);
/** Bring ${version} back, as a change like any other. */
enum err config_restore(struct pg *pg, const struct caller *by, const struct config_whose *w, int64_t version, struct id request,
    json_t **out, struct problem *why);
/** The newest 100 versions: version, at_ms, author, approved_by, restored_from, changed. */
enum err config_history(struct pg *pg, struct id ws, const struct config_whose *w, json_t **out, struct problem *why);
/** What changed between two versions (0: before the first). */
enum err config_between(
    struct pg *pg, struct id ws, const struct config_whose *w, int64_t from, int64_t to, json_t **out, struct problem *why);

/** Do the agents of the table go together with what all layers say (config_depends())?  ERR_INPUT: ${why} says where not. */
enum err config_agents_fit(struct pg *pg, struct id ws, struct problem *why);

/** Changes that wait at ${node} and below, oldest first; with ${all} the newest 100 that were decided too. */
enum err change_list(struct pg *pg, struct id ws, struct id node, bool all, json_t **out);
/** Decide one: an admin there, a person, and not its author.  ${out}: as config_set() when it was approved. */
enum err change_decide(
    struct pg *pg, const struct caller *by, struct id change, bool approve, const char *reason, json_t **out, struct problem *why);

/** Tell all processes, with the COMMIT of this transaction, that settings, the tree or routes are not what they were. */
enum err config_changed(struct pg *pg);

#endif
