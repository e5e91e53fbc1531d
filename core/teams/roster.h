#ifndef EDDY_TEAMS_ROSTER_H
#define EDDY_TEAMS_ROSTER_H

#include <jansson.h>

#include "../api/problem.h"
#include "../people/authority.h"

/*
 * The agents of a workspace as people look at them and change them: rows of the table agents.  What a team wants otherwise about one is a setting
 * of it (agents, agent.prompt …) and lies on top.  Inside a tenant transaction; ERR_INPUT comes with ${why}, then the caller rolls back.  What
 * is changed is seen by every process within two seconds; an answer that has begun keeps the agent that it began with.
 */
#define ROSTER_MAX 200 /* agents in a workspace */
extern const struct pg_statement roster_statements[];

/** All of them by short name, without their prompts; those that are switched off only with ${off}.  Gives an array. */
enum err roster_list(struct pg *pg, struct id ws, bool off, json_t **out);
/** One, with its prompt and "digest", which says what was looked at.  Gives an object. */
enum err roster_get(struct pg *pg, struct id ws, const char *slug, json_t **out, struct problem *why);
/**
 * Make the agent ${doc} ("slug", "name", "prompt" and what else is known of it) as ${id}; the same call again makes nothing new.
 * Refused where it takes a second pair of eyes to change agents: then it is done by the settings.
 */
enum err roster_add(struct pg *pg, struct id ws, struct id id, const json_t *doc, struct problem *why);
/**
 * Change what ${doc} names: name, description, model (""; the installation's), prompt, tools, sub_agents, max_tokens, max_turns, active.  With "base" in it only the agent
 * that has this digest.  ${changed}: the names of what is different now, and ${agent} which one it was.
 */
enum err roster_change(
    struct pg *pg, struct id ws, const char *slug, const json_t *doc, struct id *agent, json_t **changed, struct problem *why);
/** Back to the definition that Eddy comes with, which it follows again from then on. */
enum err roster_reset(struct pg *pg, struct id ws, const char *slug, struct id *agent, struct problem *why);

#endif
