/*
 * The app manifest, printed with the configured names.  config/slack-manifest.yaml is what this prints with the defaults; a test
 * compares the two, so there is one truth.
 */
#include "manifest.h"

#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/utf8.h"
#include "home.h"
#include "intents.h"
#include "slack.h"

const char *const manifest_scopes[] = { "app_mentions:read", "assistant:write", "channels:history", "channels:read", "chat:write",
	"commands", "files:read", "groups:history", "groups:read", "im:history", "im:read", "im:write", "mpim:history", "mpim:read",
	"reactions:read", "reactions:write", "users:read", NULL };

static const char *const manifest_events[] = { "agent_session_stopped", "app_home_opened", "app_mention", "app_uninstalled",
	"channel_archive", "channel_rename", "channel_shared", "channel_unarchive", "channel_unshared", "group_archive",
	"group_rename", "group_unarchive", "member_joined_channel", "member_left_channel", "message.channels", "message.groups",
	"message.im", "message.mpim", "reaction_added", "reaction_removed", "tokens_revoked", NULL };

/* A double-quoted YAML scalar of at most ${units} characters. */
static void manifest_text(struct buf *out, const char *s, size_t units)
{
	buf_add_char(out, '"');
	buf_add_json(out, s, utf8_utf16_clip(s, strlen(s), units));
	buf_add_char(out, '"');
}

static void manifest_list(struct buf *out, const char *indent, const char *const *items)
{
	for (; *items; items++)
		buf_addf(out, "%s- %s\n", indent, *items);
}

void slack_manifest_print(const struct settings *s, struct buf *out)
{
	const char *name = settings_str(s, "slack.name"), *command = settings_str(s, "slack.command");
	struct buf t = BUF_INIT;
	buf_add_str(out,
	    "# Slack app manifest.  Paste it at https://api.slack.com/apps, \"Create New App\", \"From a manifest\".\n"
	    "# Then: Basic Information, App-Level Tokens: make one with connections:write (slack.app_token);\n"
	    "# Install App: install it and copy the Bot User OAuth Token (slack.bot_token).\n"
	    "_metadata:\n  major_version: 2\n"
	    "display_information:\n  name: ");
	manifest_text(out, name, 35);
	buf_add_str(out,
	    "\n  description: \"An AI teammate that answers in threads\"\n"
	    "features:\n"
	    "  app_home:\n    home_tab_enabled: true\n    messages_tab_enabled: true\n    messages_tab_read_only_enabled: false\n"
	    "  bot_user:\n    display_name: ");
	manifest_text(out, name, 80);
	buf_add_str(out,
	    "\n    always_online: true\n"
	    "  agent_view:\n    agent_description: \"Answers questions and does work in threads, with links to its sources\"\n"
	    "    suggested_prompts:\n");
	for (size_t i = 0; i < HOME_PROMPTS; i++) {
		buf_add_str(out, "      - title: ");
		manifest_text(out, home_prompts[i].title, 75);
		buf_add_str(out, "\n        message: ");
		manifest_text(out, home_prompts[i].message, 300);
		buf_add_char(out, '\n');
	}
	buf_add_str(out, "  slash_commands:\n    - command: ");
	manifest_text(out, command, 32);
	buf_addf(&t, "Ask %s, for your eyes only", name);
	buf_add_str(out, "\n      description: ");
	manifest_text(out, t.p, 2000);
	buf_add_str(out, "\n      usage_hint: \"your question, or help\"\n      should_escape: true\n  shortcuts:\n");
	static const struct {
		const char *name, *id, *what;
	} shortcuts[] = {
		{ "Fork this message", SHORTCUT_FORK, "Opens a side thread about it" },
		{ "Pin with %s", SHORTCUT_PIN, "Keeps the message as something to remember" },
		{ "Ask %s about this", "eddy_ask", "Explains the message and helps with it" },
	};
	for (size_t i = 0; i < sizeof(shortcuts) / sizeof(shortcuts[0]); i++) {
		const char *at = strstr(shortcuts[i].name, "%s");
		size_t n = at ? (size_t)(at - shortcuts[i].name) : strlen(shortcuts[i].name);
		buf_reset(&t);
		buf_addf(&t, "%.*s%s%s", (int)n, shortcuts[i].name, at ? name : "", at ? at + 2 : "");
		buf_add_str(out, "    - name: ");
		manifest_text(out, t.p, 24);
		buf_addf(out, "\n      type: message\n      callback_id: %s\n      description: \"%s\"\n", shortcuts[i].id,
		    shortcuts[i].what);
	}
	buf_add_str(out, "oauth_config:\n  scopes:\n    bot:\n");
	manifest_list(out, "      ", manifest_scopes);
	buf_add_str(out,
	    "settings:\n  socket_mode_enabled: true\n  org_deploy_enabled: false\n  token_rotation_enabled: false\n"
	    "  interactivity:\n    is_enabled: true\n"
	    "  event_subscriptions:\n    bot_events:\n");
	manifest_list(out, "      ", manifest_events);
	buf_done(&t);
}
