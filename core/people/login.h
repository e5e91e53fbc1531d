#ifndef EDDY_PEOPLE_LOGIN_H
#define EDDY_PEOPLE_LOGIN_H

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"
#include "authority.h"

/*
 * Whom a log-in is for, when an account elsewhere vouches: an address that gets a mail, a member of a platform, an account of a log-in service.  On the
 * page that person is who they are there already, or a new one that is one user with that account.  Everything is inside a tenant transaction.
 */
#define LOGIN_SUBJECT 64 /* as in struct session */
#define LOGIN_NAME 128
#define LOGIN_LETTER_S 900
#define LOGIN_LETTERS 3 /* to one person in LOGIN_LETTER_S */
#define LOGIN_INVITE_S (7 * 86400)

extern const struct pg_statement login_statements[];

struct login_account {
	struct id person; /* that vouches; none: the page's own person stands alone */
	char subject[LOGIN_SUBJECT], name[LOGIN_NAME];
};
/**
 * Who logs in on the page where ${external_id} of ${adapter} vouches.  ERR_DENIED: nobody of that name, not vouched for, or without the right to log in:
 * that takes the role member, or any that was given by name.
 */
enum err login_account(struct pg *pg, struct id ws, const char *adapter, const char *external_id, struct login_account *out);
/** The same for a person. */
enum err login_account_of(struct pg *pg, struct id ws, struct id person, struct login_account *out);
/**
 * The page's person of ${a}, made when new, is one user with the account that vouches.  ERR_DENIED: that account may not log in (any more), or the page's person
 * belongs to somebody else by now.
 */
enum err login_join(struct pg *pg, struct id ws, const struct login_account *a);

/** The page's person ${subject}, whom a log-in service names.  ERR_INPUT: nobody yet, or linked to nobody; ERR_DENIED: may not log in. */
enum err login_find(struct pg *pg, struct id ws, const char *subject, struct login_account *out);
/** Make that person: with a role, or (ROLE_NONE) without rights until link_take() and login_linked() in the same transaction. */
enum err login_make(struct pg *pg, struct id ws, enum role role, struct login_account *a);
enum err login_linked(struct pg *pg, struct id ws, struct id person);

/* What a log-in service has said of somebody; strings are borrowed. */
struct login_claim {
	const char *via;              /* "oidc", "slack" */
	const char *adapter, *tenant; /* a platform that knows them: its name, its workspace … */
	const char *external_id;      /* … and what it calls them; NULL: none, ${subject} counts */
	const char *subject, *name;   /* of the page's person */
	enum role newcomers;          /* whoever is nobody yet is made, with this role; ROLE_NONE: nobody is made */
};

/** May ${person} have one more letter now?  ERR_DENIED: that would be too many. */
enum err login_letter_due(struct pg *pg, struct id ws, struct id person);
/**
 * The person whom ${adapter} calls ${external_id}, made if there is none: by the name ${external_id}, and as a guest, so that without a role that was given they may
 * not log in.
 */
enum err login_invitee(struct pg *pg, struct id ws, const char *adapter, const char *external_id, struct id *person);
/** What ${adapter} calls somebody who is one user with ${user}.  ERR_INPUT: it knows none of them. */
enum err login_address(struct pg *pg, struct id ws, const char *adapter, struct id user, char *out, size_t n);
/** Has an invitation gone to ${person} within a day, that was not made void? */
enum err login_invited(struct pg *pg, struct id ws, struct id person, bool *out);
/** Links in letters to whoever is one user with ${person} are void from now on. */
enum err login_void(struct pg *pg, struct id ws, struct id person);
/** Put a letter into the outbox: ${letter} is the delivery. */
enum err login_letter_put(
    struct pg *pg, struct id ws, struct id letter, const char *adapter, const void *origin, size_t origin_len, const char *text);
/** An entry of the audit log, named by the request: ${verb}, of the page's person ${subject} (NULL: not known), and why (a word, NULL: none). */
enum err login_audit(struct pg *pg, struct id ws, struct id request, const char *verb, const char *subject, struct id about,
    const char *via, const char *why);

#endif
