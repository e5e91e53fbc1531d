#ifndef EDDY_PEOPLE_PASSWORDS_H
#define EDDY_PEOPLE_PASSWORDS_H

#include <jansson.h>

#include "login.h"
#include "password.h"
#include "session.h"

/*
 * Whose password which one is.  It belongs to a person of the page, who logs in with it by a name that is theirs already: the mail address of an account that
 * they are one user with, or what `eddy login` calls them.  Inside a tenant transaction, but for what says otherwise.
 */
extern const struct pg_statement passwords_statements[];
#define PASSWORD_LINK_S 86400

struct password_name {       /* as it was typed */
	const char *adapter; /* of mail; NULL: none */
	const char *address; /* as that adapter calls who writes from there */
	const char *page;    /* as the page may call them */
};
struct password_account {
	struct id person; /* of the page; none: nobody, or without a password */
	char subject[LOGIN_SUBJECT], name[LOGIN_NAME], hash[PASSWORD_HASH];
	bool may;   /* log in */
	bool known; /* somebody was logged in as them from this network lately */
};
enum err password_find(
    struct pg *pg, struct id ws, const struct password_name *n, const char *network, struct password_account *out);
/** Set it for ${person} of the page; ${hash} of password_hash(). */
enum err password_put(struct pg *pg, struct id ws, struct id person, const char *hash);
/** The same password as ${old}, hashed anew. */
enum err password_anew(struct pg *pg, struct id ws, struct id person, const char *old, const char *hash);
/** ERR_INPUT: there was none. */
enum err password_remove(struct pg *pg, struct id ws, struct id user);

/*
 * Wrong log-ins by one name from one network, counted for all processes: how long whoever was wrong has to wait.  The first few are free, then each makes the
 * wait twice as long, up to 15 minutes; half an hour after it all is forgotten.  Only what is wrong is written.
 */
#define PASSWORD_TRIES_FREE 4
#define PASSWORD_TRY_KEY 32
/** ${name} as it was typed, ${network} may be NULL. */
void password_try_key(const char *name, const char *network, unsigned char key[PASSWORD_TRY_KEY]);
/** How long this has to wait, 0: it may be looked at; and whether anything is noted of it. */
enum err password_tries_look(
    struct pg *pg, struct id ws, const unsigned char key[PASSWORD_TRY_KEY], uint32_t *wait_ms, bool *noted);
enum err password_tries_wrong(struct pg *pg, struct id ws, const unsigned char key[PASSWORD_TRY_KEY]);
/** It was right: all is forgotten. */
enum err password_tries_right(struct pg *pg, struct id ws, const unsigned char key[PASSWORD_TRY_KEY]);
/** Take away at most ${max} of those that count for nothing any more. */
enum err password_tries_tidy(struct pg *pg, struct id ws, int max);

struct password_state {
	bool may_have; /* a person of the page that has a name to type */
	bool has;
	bool proved; /* this session began by another way a short while ago */
	int64_t set_ms;
	json_t *names; /* that can be typed; the caller's */
	char name[LOGIN_NAME];
};
/** How it stands with ${person}, who speaks in ${session} (none: the terminal). */
enum err password_state(struct pg *pg, struct id ws, struct id person, struct id session, struct password_state *out);
/** Count a try of the present one: ${hash}.  ERR_DENIED: not before ${wait_s}. */
enum err password_try(struct pg *pg, struct id ws, struct id person, char hash[PASSWORD_HASH], int *wait_s);

/**
 * A code by which ${user} may set one, once, within PASSWORD_LINK_S.  ERR_DENIED: they may not log in; ERR_INPUT: they have no name to type.
 */
enum err password_link(struct pg *pg, struct id ws, struct id user, char code[SESSION_CODE]);
/** Whom ${code} is for; ${use}: it is used up.  ERR_DENIED: never made, used, too old, or the person may not log in any more. */
enum err password_link_of(struct pg *pg, struct id ws, const char *code, bool use, struct login_account *out, struct id *person);

#endif
