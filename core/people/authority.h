#ifndef EDDY_PEOPLE_AUTHORITY_H
#define EDDY_PEOPLE_AUTHORITY_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"

/*
 * Who acts, and what for.  A caller is made once, at the edge that has checked who it is (a session, a key, a platform's signature), and handed
 * down; nothing in a request can change it.  Roles grow: each may do what those before it may.
 */
enum role { ROLE_NONE, ROLE_VIEWER, ROLE_MEMBER, ROLE_ADMIN, ROLE_OWNER };
/** "none", "viewer", "member", "admin", "owner". */
const char *role_name(enum role r);
bool role_from_name(const char *name, enum role *out);

enum node_kind { NODE_ORGANISATION = 1, NODE_UNIT = 2, NODE_TEAM = 3 };

/* What an API key may do; people may do what their role allows. */
enum scope {
	SCOPE_CONFIG_READ = 1,
	SCOPE_CONFIG_WRITE = 2,
	SCOPE_KEYS = 4, /* issue and revoke keys */
	SCOPE_RUN = 8,  /* ask an agent */
	SCOPE_AUDIT_READ = 16,
	SCOPE_TALK_READ = 32,
	SCOPE_TALK_WRITE = 64,
	SCOPE_ALL = 127,
};

struct caller {
	struct id ws;
	struct id person;  /* none: a key that belongs to a team */
	struct id user;    /* the person that stands for all linked ones */
	enum role role;    /* at the organisation */
	struct id key;     /* the API key it came with; none: a person's own session */
	struct id node;    /* a key's team: nothing outside it may be touched; none: no such bound */
	unsigned scopes;   /* SCOPE_* */
	struct id session; /* of the page that speaks; none: something else does */
	const char *via;   /* "cli", "web", "slack", "email", "key"; static */
	char address[64];  /* of the client, "" where there is none */
};

extern const struct pg_statement authority_statements[];

/** The caller that ${person} is, by what the database says now.  Inside a tenant transaction.  ERR_DENIED: no such person. */
enum err authority_of(struct pg *pg, struct id ws, struct id person, const char *via, struct caller *out);
/** The role of ${c} at ${node}; for a key: its own, inside its node, else none, and never more than its person's.  Inside a tenant transaction. */
enum err authority_at(struct pg *pg, const struct caller *c, struct id node, enum role *out);
/** A node by its slug or id ("" or NULL: the organisation).  ERR_INPUT: there is none.  Inside a tenant transaction. */
enum err authority_node(struct pg *pg, struct id ws, const char *name, struct id *out);
/** authority_node() and authority_at() in one statement. */
enum err authority_there(struct pg *pg, const struct caller *c, const char *name, struct id *node, enum role *out);

#endif
