#ifndef EDDY_TEAMS_ROUTE_H
#define EDDY_TEAMS_ROUTE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "../api/problem.h"
#include "../people/authority.h"

/*
 * Which team something from outside belongs to: by the channel, address, service, team, source or repository that it names.  A value is claimed
 * by one team of a workspace.  Where several are named the first kind of this list that is claimed counts.  Inside a tenant transaction;
 * ERR_INPUT comes with ${why}.
 */
enum route_kind {
	ROUTE_SLACK_CHANNEL = 1,
	ROUTE_MAIL_ADDRESS,
	ROUTE_PAGERDUTY_SERVICE,
	ROUTE_INCIDENTIO_TEAM,
	ROUTE_INCIDENTIO_SOURCE,
	ROUTE_GITHUB_REPO,
	ROUTE_SERVICE,
	ROUTE_KINDS,
};
#define ROUTE_VALUE_MAX 320
#define ROUTES_ASKED_MAX 20
extern const struct pg_statement route_statements[];

const char *route_kind_name(enum route_kind k); /* "slack_channel" … */
bool route_kind_from_name(const char *name, enum route_kind *out);
/** ${value} as it is stored and compared.  ERR_INPUT: it is none of this kind; ${why} says what one looks like. */
enum err route_normalise(enum route_kind k, const char *value, char out[ROUTE_VALUE_MAX + 1], struct problem *why);

/**
 * ${team} claims ${value}.  What another team has is refused, unless ${by} is an admin there too; then it moves.  A channel or an address is a
 * place, so it takes an admin of whoever owns it now, the organisation if nobody does.
 */
enum err route_put(
    struct pg *pg, const struct caller *by, struct id team, enum route_kind k, const char *value, struct problem *why);
/** ${by} must be an admin of the team that has it; else it is not found. */
enum err route_remove(struct pg *pg, const struct caller *by, enum route_kind k, const char *value, struct problem *why);
/** What ${node} and those below it have claimed, as an array: kind, value, team. */
enum err route_list(struct pg *pg, struct id ws, struct id node, json_t **out);

struct route_asked {
	enum route_kind kind;
	const char *value;
};
/**
 * Who gets what names all of ${asked}?  Gives {"team", "matched_by": {kind, value}, "tried": [{kind, value, result}], "hint"}: no team and no
 * matched_by where nothing fits, and a hint then.  Results: "matched", "nobody", "claimed by TEAM, but comes later", "not one: …".
 */
enum err route_lookup(struct pg *pg, struct id ws, const struct route_asked *asked, size_t n, json_t **out);
/** The routes that say the same as places.team_id: after place ${place} was given to ${team}. */
enum err route_follow(struct pg *pg, struct id ws, struct id place, struct id team);

#endif
