#ifndef EDDY_SLACK_INTERNAL_H
#define EDDY_SLACK_INTERNAL_H

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
	char *team_url;   /* "https://acme.slack.com/" with the slash; "" unknown */
	char *user_name;  /* "eddy" */
	char *scopes;     /* x-oauth-scopes as it came, "" unknown */
	bool org_install; /* one token for many workspaces */
	struct id ws;     /* the tenant of team_id */
};

/* The adapter: what its parts share.  engine.h knows it as struct adapter. */
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
	struct slack_sock *sock;
	struct slack_names *names;
	struct slack_inlet *inlet;
	struct slack_login *login;
	struct slack_catchup *catchup;
	struct slack_buttons *buttons;
};
/** Remembers which app this is (loop thread). */
void slack_set_app(struct slack *s, const char *app_id);
static inline struct slack *slack_of(struct adapter *a)
{
	return (struct slack *)(void *)a;
}

#endif
