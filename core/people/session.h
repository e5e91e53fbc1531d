#ifndef EDDY_PEOPLE_SESSION_H
#define EDDY_PEOPLE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"

/*
 * Log-ins of pages.  A code made in the terminal works once and soon ends; it begins a session, which is carried on by a refresh secret that
 * changes with each use (RFC 9700, section 4.14).  The database keeps only SHA-256 of codes and secrets.  Each function is one tenant
 * transaction; blocking.
 */
#define SESSION_CODE 44   /* 32 random bytes as base64url (RFC 4648), terminated */
#define SESSION_SECRET 81 /* the session's id, a dot, and as much again */
#define SESSION_CODE_S 600
#define SESSION_DAYS 30
#define SESSION_GRACE_S 10 /* so long a secret that was just replaced is another tab's that has not heard of it */
#define SESSION_LOST_S \
	3600 /* and so long one whose answer may have got lost; later, or if the new one was used, somebody has a copy */

struct session {
	struct id id;
	char subject[64], name[128]; /* who: the adapter's own id of the person, and a name for people */
};

struct session_client {      /* where a page runs; shown to its person */
	const char *agent;   /* browser and system in a few words; NULL: not known */
	const char *network; /* its address without its end; NULL: not known */
};

extern const struct pg_statement session_statements[];

/** A new code for ${subject}, from the terminal.  ERR_RETRY: the database is away. */
enum err session_code(struct pg *pg, struct id ws, const char *subject, const char *name, char code[SESSION_CODE]);
struct session_vouch {    /* why somebody gets a code */
	const char *via;  /* "mail", "oidc", "slack", "password": static */
	struct id person; /* whose account vouches; none: the page's own person */
	struct id letter; /* what carries the code; none: nothing */
	int seconds;      /* how long it is good */
};
/** Store ${code}, made elsewhere, inside a tenant transaction. */
enum err session_code_put(
    struct pg *pg, struct id ws, const char *subject, const char *name, const char *code, const struct session_vouch *v);
/** A code nobody can guess. */
void session_code_make(char code[SESSION_CODE]);
/** ERR_DENIED: never made, used, too old, or for somebody who may not log in any more.  ${request} names the entry in the audit log. */
enum err session_begin(struct pg *pg, struct id ws, const char *code, struct id request, const struct session_client *at,
    struct session *out, char refresh[SESSION_SECRET]);
/** A session of ${out->subject}, ${out->name}, who has shown by ${via} who they are; inside a tenant transaction. */
enum err session_start(struct pg *pg, struct id ws, const char *via, struct id request, const struct session_client *at,
    struct session *out, char refresh[SESSION_SECRET]);
/**
 * Carry on: ${next} is the new secret, or "" when ${refresh} was replaced moments ago and the client has the new one already.  ERR_DENIED: unknown or
 * ended, also by this very call, if ${refresh} is an old one; ${out->id} then says which session that was (none: unknown).
 */
enum err session_refresh(struct pg *pg, struct id ws, const char *refresh, const struct session_client *at, struct session *out,
    char next[SESSION_SECRET]);
/** End the session of ${refresh}, or with ${everywhere} all of its person.  ${ended} is called with each that was open. */
enum err session_end(struct pg *pg, struct id ws, const char *refresh, bool everywhere, struct id request,
    void (*ended)(void *arg, struct id session), void *arg);

struct session_info { /* strings are borrowed; NULL: not known */
	struct id id;
	const char *agent, *network, *via;
	int64_t begun_ms, used_ms;
};
#define SESSIONS_SHOWN 200
/* Inside a tenant transaction; a person stands for all that are one user with it. */
/** The open sessions of ${person}, last used first. */
enum err session_list(
    struct pg *pg, struct id ws, struct id person, void (*row)(void *arg, const struct session_info *s), void *arg);
/** End ${only} (none: all but ${except}) of the sessions of ${person}; every process hears of it. */
enum err session_end_of(struct pg *pg, struct id ws, struct id person, struct id only, struct id except, int *ended);
/** Which sessions have ended in the last ${seconds}. */
enum err session_ended(struct pg *pg, struct id ws, int64_t seconds, void (*ended)(void *arg, struct id session), void *arg);
#define SESSION_CHANNEL "eddy_sessions" /* NOTIFY: some have ended */

#endif
