#ifndef EDDY_SLACK_INTERNAL_H
#define EDDY_SLACK_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "slack.h"

struct slack_api;     /* api.h: the Web API client with its limiter (http thread) */
struct slack_out;     /* send.h: deliveries and streams (http thread) */
struct slack_sock;    /* socket.h: Socket Mode links (loop thread) */
struct slack_names;   /* names.h: people and channels (loop thread) */
struct slack_inlet;   /* inlet.h: from frames to the engine (loop thread) */
struct slack_login;   /* login.h: who we are (loop thread) */
struct slack_buttons; /* buttons.h: buttons that have had their day (any thread) */
struct slack_catchup; /* catchup.h: read-back after a gap (loop thread) */

/* Who we are in Slack, as auth.test said; never changed once published, so any thread may keep a pointer. */
struct slack_self {
	char *user_id; /* bot user, "U0BOT" */
	char *bot_id;  /* "B0BOT"; "" when Slack named none */
	char *team_id; /* "T1"; the enterprise id for an org-wide install */
	char *team_name;
	char *team_url;            /* "https://acme.slack.com/" with the slash; "" unknown */
	char *user_name;           /* "eddy" */
	char *scopes;              /* x-oauth-scopes as it came, "" unknown */
	bool org_install;          /* one token for many workspaces */
	struct id ws;              /* the tenant of team_id */
	struct slack_self *before; /* what it replaces */
};

struct buf;
struct listener;
struct loop_timer;
struct slack_event;
struct slack_grants; /* grants.h: who has granted it, with which token (loop thread) */
struct slack_hook;   /* hook.h: requests of Slack over HTTP (loop thread) */
struct slack_pages;  /* pages.h: the way of a grant (loop thread) */
struct slack_app;

/* One installation: a workspace, or an organisation with one token for all of its workspaces, and what its parts share. */
struct slack {
	const struct settings *settings;
	struct metrics *metrics;
	struct engine *engine;
	struct loop *loop;
	struct http *http;
	const char *app_token, *bot_token; /* secrets, borrowed from the settings */
	char *api_url;                     /* ends with a slash */
	const char *command;               /* "/eddy" */
	bool limits_adaptive;              /* slack.limits is adaptive */
	bool stream_auto;                  /* slack.stream is auto */
	uint64_t gap_ms;                   /* slack.gap */
	_Atomic(struct slack_self *) self; /* NULL until auth.test has answered and the tenant is known */
	char *last_url;                    /* team_url of an earlier process, "" unknown or more than one: until the log-in */
	_Atomic(const char *) app_id;      /* "A1", from hello or the first envelope; NULL until then; interned */
	atomic_bool stopping;
	struct slack_api *api;
	struct slack_out *out;
	struct slack_names *names;
	struct slack_inlet *inlet;
	struct slack_login *login;
	struct slack_catchup *catchup;
	struct slack_buttons *buttons;
	/* What makes it one of several. */
	struct slack_app *app;
	struct slack *next; /* of the app's; none is freed before the app is */
	char *key;          /* the workspace or organisation that granted it; NULL: it has the token of the settings */
	bool org;
	struct id granted_ws;   /* the tenant of a grant */
	char *own_token;        /* loop thread: what ${bot_token} points to, of a grant */
	bool granted_renewed;   /* loop thread: the next token is the same grant's */
	atomic_bool gone;       /* removed there: nothing is heard and nothing said; until it is granted again */
	bool begun;             /* loop thread: its log-in has been started */
	struct loop_timer *due; /* loop thread: when the token wants to be renewed */
};

/* The adapter.  engine.h knows it as struct adapter. */
struct slack_app {
	const struct settings *settings;
	struct metrics *metrics;
	struct engine *engine;
	struct loop *loop;
	struct http *http;
	char *api_url;
	struct slack *home;          /* the one with the token of the settings; NULL: there is none */
	_Atomic(struct slack *) all; /* grows at its head */
	bool many;                   /* others may be granted */
	struct slack_sock *sock;     /* NULL: Slack comes by HTTP alone */
	struct slack_grants *grants;
	struct slack_pages *pages;
	struct slack_hook *hook;
	void (*refused)(struct slack *s, const char *error); /* loop thread: a log-in that Slack does not take; may be NULL */
	atomic_bool stopping;
};
struct sock_ticket;
/* workspace.c: one installation. */
struct slack *workspace_new(struct slack_app *app, const char *key, bool org, const char *token);
void workspace_start(struct slack *s); /* any thread: logs in */
void workspace_free(struct slack *s);
/** The installation of ${key} (as granted, or as the log-in found), or NULL.  Any thread. */
struct slack *workspace_find(const struct slack_app *app, const char *key);
/** The one whose tenant is ${ws}, or NULL.  Any thread. */
struct slack *workspace_of(const struct slack_app *app, struct id ws);
/** Which installation an event is for; NULL: none that is known.  Any thread. */
struct slack *workspace_for(const struct slack_app *app, const struct slack_event *ev);
/** A new token, NULL: none any more, what still waits is refused.  Loop thread. */
void workspace_token(struct slack *s, const char *token);
/** Once its log-in is through (loop thread).  */
void workspace_ready(struct slack *s);
void workspace_describe(struct slack *s, char *out, size_t n);

/** An event, from wherever it came (loop thread): on to its installation, or settled. */
void slack_on_event(void *arg, struct sock_ticket *t, const char *raw, size_t n, struct slack_event *ev);
/** Remembers which app this is (loop thread). */
void slack_set_app(struct slack *s, const char *app_id);
static inline struct slack_app *slack_app_of(struct adapter *a)
{
	return (struct slack_app *)(void *)a;
}

#endif
