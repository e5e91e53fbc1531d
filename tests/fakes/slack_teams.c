/*
 * Several workspaces: codes that a person's yes has made, the tokens that they are turned into, renewals and uninstalls.  Whatever is done in another
 * workspace than the first is done between team_enter() and team_leave(), which change who the fake is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slack.h"

#define CLIENT_ID "123.456"
#define CLIENT_SECRET "fake-client-secret"

static char first_team[ID_ROOM], first_user[ID_ROOM], first_bot[ID_ROOM];
static json_t *codes, *tokens, *refreshes; /* code → grant; token → {team, state, calls, until}; refresh token → grant */
static unsigned made;

static void begin(void)
{
	if (codes != NULL)
		return;
	codes = json_object();
	tokens = json_object();
	refreshes = json_object();
	snprintf(first_team, sizeof first_team, "%s", fake.team);
	snprintf(first_user, sizeof first_user, "%s", fake.bot_user);
	snprintf(first_bot, sizeof first_bot, "%s", fake.bot_id);
}

void team_enter(const char *id)
{
	begin();
	if (*id == '\0' || strcmp(id, first_team) == 0) {
		team_leave();
		return;
	}
	snprintf(fake.team, sizeof fake.team, "%s", id);
	snprintf(fake.bot_user, sizeof fake.bot_user, "U0EDDY%.20s", id);
	snprintf(fake.bot_id, sizeof fake.bot_id, "B0EDDY%.20s", id);
}

void team_leave(void)
{
	begin();
	snprintf(fake.team, sizeof fake.team, "%s", first_team);
	snprintf(fake.bot_user, sizeof fake.bot_user, "%s", first_user);
	snprintf(fake.bot_id, sizeof fake.bot_id, "%s", first_bot);
}

const char *team_of_token(const char *token, char team[ID_ROOM])
{
	begin();
	json_t *t = json_object_get(tokens, token);
	snprintf(team, ID_ROOM, "%s", t != NULL ? kit_str(t, "team", "") : first_team);
	if (t == NULL)
		return NULL;
	json_object_set_new(t, "calls", json_integer(kit_int(t, "calls", 0) + 1));
	if (strcmp(kit_str(t, "state", ""), "live") != 0)
		return "token_revoked";
	int64_t until = kit_int(t, "until", 0);
	return until != 0 && kit_wall_us() / 1000 > (uint64_t)until ? "token_expired" : NULL;
}

static json_t *hand_out(json_t *grant)
{
	const char *team = kit_str(grant, "team", "T1");
	int64_t rotate_s = kit_int(grant, "rotate_s", 0);
	bool org = kit_bool(grant, "org", false);
	char token[100], refresh[100], user[ID_ROOM];
	made++;
	snprintf(token, sizeof token, "%s-fake-%s-%u", rotate_s > 0 ? "xoxe.xoxb" : "xoxb", team, made);
	json_object_set_new(tokens, token,
	    json_pack("{s:s, s:s, s:i, s:I}", "team", team, "state", "live", "calls", 0, "until",
	        rotate_s > 0 ? (json_int_t)(kit_wall_us() / 1000) + rotate_s * 1000 : (json_int_t)0));
	team_enter(team);
	snprintf(user, sizeof user, "%s", fake.bot_user);
	team_leave();
	json_t *o = json_pack("{s:b, s:s, s:s, s:s, s:s, s:s, s:b, s:{s:s}}", "ok", 1, "access_token", token, "token_type", "bot",
	    "scope", kit_str(grant, "scopes", fake.scopes), "bot_user_id", user, "app_id", fake.app, "is_enterprise_install", org,
	    "authed_user", "id", kit_str(grant, "user", "U0PERSON"));
	json_t *where = json_pack("{s:s, s:s}", "id", team, "name", kit_str(grant, "name", team));
	json_object_set_new(o, "team", org ? json_null() : json_incref(where));
	json_object_set_new(o, "enterprise", org ? json_incref(where) : json_null());
	json_decref(where);
	if (rotate_s > 0) {
		snprintf(refresh, sizeof refresh, "xoxe-1-fake-%u", made);
		json_object_set(refreshes, refresh, grant);
		json_object_set_new(o, "refresh_token", json_string(refresh));
		json_object_set_new(o, "expires_in", json_integer(rotate_s));
	}
	return o;
}

static json_t *take(json_t *from, const char *key)
{
	json_t *grant = json_incref(json_object_get(from, key));
	json_object_del(from, key);
	return grant;
}

json_t *oauth_access(const json_t *args)
{
	begin();
	if (strcmp(kit_str(args, "client_id", ""), CLIENT_ID) != 0)
		return fail("invalid_client_id");
	if (strcmp(kit_str(args, "client_secret", ""), CLIENT_SECRET) != 0)
		return fail("bad_client_secret");
	bool renewal = strcmp(kit_str(args, "grant_type", ""), "refresh_token") == 0;
	json_t *grant = renewal ? take(refreshes, kit_str(args, "refresh_token", "")) : take(codes, kit_str(args, "code", ""));
	if (grant == NULL)
		return fail(renewal ? "invalid_refresh_token" : "invalid_code");
	json_t *o = hand_out(grant);
	json_decref(grant);
	return o;
}

json_t *auth_revoke(const char *token)
{
	json_t *t = json_object_get(tokens, token);
	if (t != NULL)
		json_object_set_new(t, "state", json_string("revoked"));
	return json_pack("{s:b, s:b}", "ok", 1, "revoked", 1);
}

static void uninstall(const char *team)
{
	const char *token;
	json_t *t;
	json_object_foreach (tokens, token, t)
		if (strcmp(kit_str(t, "team", ""), team) == 0)
			json_object_set_new(t, "state", json_string("revoked"));
	team_enter(team);
	event_callback(
	    json_pack("{s:s, s:{s:[], s:[s]}}", "type", "tokens_revoked", "tokens", "oauth", "bot", fake.bot_user), "", "", false);
	event_callback(json_pack("{s:s}", "type", "app_uninstalled"), "", "", false);
	team_leave();
}

json_t *apps_uninstall(struct call *c)
{
	if (strcmp(kit_str(c->args, "client_id", ""), CLIENT_ID) != 0 ||
	    strcmp(kit_str(c->args, "client_secret", ""), CLIENT_SECRET) != 0)
		return fail("bad_client_secret");
	uninstall(c->team);
	return json_pack("{s:b}", "ok", 1);
}

bool team_control(const char *what, const json_t *a, json_t **out)
{
	begin();
	if (strcmp(what, "grant") == 0)
		json_object_set(codes, kit_str(a, "code", ""), (json_t *)(uintptr_t)a);
	else if (strcmp(what, "uninstall") == 0)
		uninstall(kit_str(a, "team", ""));
	else if (strcmp(what, "tokens") == 0)
		*out = json_pack("{s:O, s:i}", "tokens", tokens, "refreshes", (int)json_object_size(refreshes));
	else
		return false;
	return true;
}
