/*
 * A second app in the same workspace, with a bot user, tokens and links of its own: for what happens between two programs.  It is there from the moment
 * that it opens a link.  Whatever is done as that app is done between app_enter() and app_leave(), which change who the fake is.
 */
#include <stdio.h>
#include <string.h>

#include "slack.h"

#define SECOND "-second" /* how its tokens end */
static const struct {
	const char *id, *user, *bot;
} second = { "A0SECOND", "U0SECOND", "B0SECOND" };
static char first_id[ID_ROOM];
static bool there;

int app_of_token(const char *token)
{
	size_t n = strlen(token), k = strlen(SECOND);
	return n > k && strcmp(token + n - k, SECOND) == 0;
}

int app_of_id(const char *id)
{
	return strcmp(id, second.id) == 0;
}

int app_of_user(const char *id)
{
	return strcmp(id, second.user) == 0 || strcmp(id, second.bot) == 0;
}

void app_came(int which)
{
	there |= which == 1;
}

void app_enter(int which)
{
	if (which == 0)
		return;
	fake.which = which;
	if (*first_id == '\0')
		snprintf(first_id, sizeof first_id, "%s", fake.app);
	snprintf(fake.app, sizeof fake.app, "%s", second.id);
	snprintf(fake.bot_user, sizeof fake.bot_user, "%s", second.user);
	snprintf(fake.bot_id, sizeof fake.bot_id, "%s", second.bot);
}

void app_leave(void)
{
	if (fake.which == 0)
		return;
	fake.which = 0;
	snprintf(fake.app, sizeof fake.app, "%s", first_id);
	team_leave(); /* who the first app's bot is depends on the workspace */
}

const char *app_bot(int which)
{
	return which == 1 ? second.bot : fake.bot_id;
}

const char *app_id(int which)
{
	return which == 1 ? second.id : *first_id != '\0' ? first_id : fake.app;
}

void app_others_hear(const struct channel *c, const struct message *m)
{
	int speaker = m->bot ? m->app : 0;
	if (!there)
		return;
	json_t *e = message_json(NULL, m, false);
	json_object_set_new(e, "channel", json_string(c->id));
	json_object_set_new(e, "event_ts", json_string(m->ts));
	if (m->bot)
		json_object_set_new(e, "bot_profile",
		    json_pack("{s:s, s:s, s:s}", "id", app_bot(speaker), "app_id", app_id(speaker), "name", "eddy"));
	app_leave();
	app_enter(1 - speaker);
	char mention[ID_ROOM + 4];
	snprintf(mention, sizeof mention, "<@%s>", fake.bot_user);
	if (fake.chatter && m->bot)
		json_object_set_new(e, "text", json_sprintf("%s %s", mention, m->text.p));
	if (strstr(kit_str(e, "text", ""), mention) != NULL && strcmp(c->type, "im") != 0) {
		json_t *twin = json_deep_copy(e);
		json_object_set_new(twin, "type", json_string("app_mention"));
		event_callback(twin, c->id, m->ts, false);
	}
	json_object_set_new(e, "channel_type", json_string(c->type));
	event_callback(e, c->id, m->ts, false);
	app_leave();
	app_enter(speaker);
}
