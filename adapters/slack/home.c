/* App Home: one view, the same for everyone apart from the state line; and the questions offered when a conversation is opened. */
#include "home.h"

#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/log.h"
#include "api.h"
#include "slack_internal.h"

const struct home_prompt home_prompts[HOME_PROMPTS] = {
	{ "What can you do?", "What can you do?" },
	{ "What is decided?", "What has been decided lately?" },
	{ "How are you doing?", "status" },
};

static void home_section(struct buf *out, const char *text)
{
	buf_add_str(out, "{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":");
	buf_add_json_str(out, text);
	buf_add_str(out, "}}");
}

void home_view(const char *name, const char *command, const char *state, struct buf *out)
{
	struct buf t = BUF_INIT;
	buf_add_str(out, "{\"type\":\"home\",\"blocks\":[{\"type\":\"header\",\"text\":{\"type\":\"plain_text\",\"text\":");
	buf_addf(&t, "%s, your teammate", name);
	buf_add_json_str(out, t.p);
	buf_add_str(out, "}},");
	buf_reset(&t);
	buf_addf(&t,
	    "*How to ask*\n• Mention *@%s* in a channel and the answer comes in the thread; follow-ups there need no mention.\n"
	    "• Write here in *Messages*: each message starts a conversation of its own.\n"
	    "• `%s your question` is answered for your eyes only.\n"
	    "• On any message: *More actions*, then *Ask %s about this*, *Fork this message* or *Pin with %s*.\n"
	    "• A side question: *@%s fork: the topic* in a thread. It gets a thread of its own, and comes back as a summary.\n"
	    "• To find something: *@%s search* and the words, or `%s search` for your eyes only.",
	    name, command, name, name, name, name, command);
	home_section(out, t.p);
	buf_add_str(out, ",{\"type\":\"divider\"},");
	buf_reset(&t);
	buf_addf(&t,
	    "*What %s does*\nAnswers from this workspace's messages with a link to each source, explains, drafts and summarises. "
	    "It reads the conversation it is asked in and public channels it was invited to, never other people's direct messages.\n"
	    "Say *stop* to end an answer, *quiet here* to send it away from a thread, *come back* to fetch it, *help* for the rest.",
	    name);
	home_section(out, t.p);
	buf_add_str(out, ",{\"type\":\"divider\"},{\"type\":\"context\",\"elements\":[{\"type\":\"plain_text\",\"text\":");
	buf_reset(&t);
	buf_addf(&t, "State: %s", state);
	buf_add_json_str(out, t.p);
	buf_add_str(out, "}]}]}");
	buf_done(&t);
}

static void home_published(void *arg, const struct slack_result *r)
{
	(void)arg;
	if (r->outcome != SLACK_OK)
		log_info("slack.home", LF_STR("call", "views.publish"), LF_STR("error", r->error));
}

static void home_suggested(void *arg, const struct slack_result *r)
{
	(void)arg;
	if (r->outcome != SLACK_OK)
		log_info("slack.home", LF_STR("call", "assistant.threads.setSuggestedPrompts"), LF_STR("error", r->error));
}

void home_publish(struct slack *s, const char *user)
{
	char state[256];
	workspace_describe(s, state, sizeof(state));
	struct slack_call c = { .method = "views.publish", .priority = SLACK_STATUS, .again = true, .on_done = home_published };
	buf_add_str(&c.args, "{\"user_id\":");
	buf_add_json_str(&c.args, user);
	buf_add_str(&c.args, ",\"view\":");
	home_view(settings_str(s->settings, "slack.name"), s->command, state, &c.args);
	buf_add_char(&c.args, '}');
	slack_api_call(s->api, &c);
}

void home_suggest(struct slack *s, const char *channel, const char *thread_ts)
{
	struct slack_call c = { .method = "assistant.threads.setSuggestedPrompts",
		.priority = SLACK_STATUS,
		.again = true,
		.no_wait = true,
		.on_done = home_suggested };
	buf_add_str(&c.args, "{\"channel_id\":");
	buf_add_json_str(&c.args, channel);
	if (thread_ts) { /* agent apps must leave it out: with it the call fails without a word */
		buf_add_str(&c.args, ",\"thread_ts\":");
		buf_add_json_str(&c.args, thread_ts);
	}
	buf_add_str(&c.args, ",\"prompts\":[");
	for (size_t i = 0; i < HOME_PROMPTS; i++) {
		buf_add_str(&c.args, i ? ",{\"title\":" : "{\"title\":");
		buf_add_json_str(&c.args, home_prompts[i].title);
		buf_add_str(&c.args, ",\"message\":");
		buf_add_json_str(&c.args, home_prompts[i].message);
		buf_add_char(&c.args, '}');
	}
	buf_add_str(&c.args, "]}");
	slack_api_call(s->api, &c);
}
