/* What an event means for the core: twins, echoes, bots, edits, places, commands, and the text people see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../adapters/slack/intents.h"
#include "../../../adapters/slack/intext.h"
#include "../../../adapters/slack/origin.h"
#include "../../../core/base/buf.h"
#include "../../../core/base/mem.h"
#include "../../../core/base/utf8.h"

static struct wire w;
static struct intents c;
static char *text;
static struct slack_event ev;
static struct intent in;
static struct intents_extra x;
static char anna_name[] = "Anna", anna_tz[] = "Europe/Paris", botty_name[] = "Botty", ops_name[] = "ops";
static struct known_person anna = { .name = anna_name, .tz = anna_tz }, botty = { .name = botty_name, .is_bot = true };
static struct known_place ops = { .name = ops_name, .visibility = VIS_PUBLIC, .member = true };

static const struct known_person *person(void *arg, const char *id)
{
	(void)arg;
	return strcmp(id, "UANNA") == 0 ? &anna : strcmp(id, "UBOTTY") == 0 ? &botty : NULL;
}

static const struct known_place *place(void *arg, const char *id)
{
	(void)arg;
	return strcmp(id, "COPS") == 0 ? &ops : NULL;
}

static int begin(void **state)
{
	(void)state;
	c = (struct intents){
		.team_id = "T1", .self_user = "UEDDY", .self_bot = "BEDDY", .self_name = "eddy", .person = person, .place = place
	};
	x = (struct intents_extra){ .now_ms = 1760000001000 };
	return 0;
}

static int end(void **state)
{
	(void)state;
	intents_done(&c);
	wire_done(&w);
	w = (struct wire){ 0 };
	free(text);
	text = NULL;
	return 0;
}

static bool build(const char *frame)
{
	free(text);
	text = xstrdup(frame);
	wire_decode(&w, text, strlen(text), &ev);
	assert_int_not_equal(ev.kind, FRAME_BAD);
	return intents_build(&c, &ev, &x, &in);
}

static bool event(const char *body)
{
	char frame[8192];
	snprintf(frame, sizeof(frame),
	    "{\"envelope_id\":\"e\",\"type\":\"events_api\",\"payload\":{\"team_id\":\"T1\",\"api_app_id\":\"A1\","
	    "\"event_id\":\"Ev1\",\"event\":%s,\"authorizations\":[{\"team_id\":\"T1\",\"user_id\":\"UEDDY\",\"is_bot\":true}],"
	    "\"is_ext_shared_channel\":false}}",
	    body);
	return build(frame);
}

#define MSG(more) "{\"type\":\"message\",\"channel\":\"C1\",\"channel_type\":\"channel\",\"ts\":\"1760000000.000100\"," more "}"

static void intents__give_one_key__to_mention_and_message(void **state)
{
	(void)state;
	char key[64];
	assert_true(event("{\"type\":\"app_mention\",\"user\":\"UANNA\",\"channel\":\"C1\",\"ts\":\"1760000000.000100\","
	                  "\"text\":\"<@UEDDY> hello\",\"team\":\"T1\"}"));
	assert_int_equal(in.kind, INTENT_MESSAGE_POSTED);
	assert_true(in.mentions_us);
	assert_int_equal(in.place.visibility, VIS_UNKNOWN);
	assert_string_equal(in.text, "hello");
	assert_string_equal(in.person.name, "Anna");
	assert_false(in.person.is_guest || in.person.is_undescribed);
	snprintf(key, sizeof(key), "%s", in.source_key);
	assert_true(event(MSG("\"user\":\"UANNA\",\"text\":\"<@UEDDY> hello\"")));
	assert_string_equal(in.source_key, key);
	assert_true(in.mentions_us);
	assert_int_equal(in.place.visibility, VIS_PUBLIC);
	assert_int_equal(in.platform_ms, 1760000000000u);
	assert_true(in.is_thread_root);
	assert_string_equal(in.thread_key, "1760000000.000100");
	struct origin o;
	assert_true(origin_unpack(in.origin, in.origin_len, &o));
	assert_int_equal(o.surface, ORIGIN_CHANNEL);
	assert_string_equal(o.channel, "C1");
	assert_string_equal(o.thread_ts, "1760000000.000100");
	assert_string_equal(o.user, "UANNA");
	assert_string_equal(o.team, "T1");
}

static void intents__keep_silent__about_ourselves_and_system_words(void **state)
{
	(void)state;
	assert_false(event(MSG("\"user\":\"UEDDY\",\"text\":\"x\"")));
	assert_false(event(MSG("\"user\":\"U2\",\"bot_id\":\"BEDDY\",\"text\":\"x\"")));
	assert_false(event(MSG("\"user\":\"U2\",\"app_id\":\"A1\",\"text\":\"x\"")));
	assert_false(event(MSG("\"user\":\"U2\",\"subtype\":\"channel_join\",\"text\":\"<@UEDDY> has joined\"")));
	assert_false(event(MSG("\"user\":\"USLACKBOT\",\"text\":\"<@UEDDY> x\"")));
	assert_false(event(MSG("\"text\":\"nobody\"")));
	assert_false(event(MSG(
	    "\"subtype\":\"message_changed\",\"hidden\":true,\"message\":{\"user\":\"UEDDY\",\"bot_id\":\"BEDDY\",\"ts\":\"1.2\","
	    "\"text\":\"b\"},\"previous_message\":{\"user\":\"UEDDY\",\"ts\":\"1.2\",\"text\":\"a\"}")));
	assert_false(event(
	    "{\"type\":\"reaction_added\",\"user\":\"UEDDY\",\"reaction\":\"eyes\",\"item\":{\"type\":\"message\",\"channel\":\"C1\","
	    "\"ts\":\"1.2\"},\"event_ts\":\"3.4\"}"));
	assert_false(event("{\"type\":\"message_metadata_posted\",\"app_id\":\"A1\"}"));
}

static void intents__hear_bots__only_when_allowed_and_as_bots(void **state)
{
	(void)state;
	static const char *const allowed[] = { "AOK" };
	const char *says = MSG(
	    "\"user\":\"UBOTTY\",\"bot_id\":\"BX\",\"app_id\":\"AOK\",\"text\":\"<@UEDDY> go\",\"thread_ts\":\"1760000000.000001\"");
	assert_false(event(says));
	c.bots = allowed;
	c.bots_len = 1;
	assert_true(event(says));
	assert_true(in.person.is_bot && in.person.is_guest && in.person.may_ask); /* how often, the core decides */
	assert_false(event(MSG("\"user\":\"UBOTTY\",\"bot_id\":\"BX\",\"app_id\":\"AOK\",\"text\":\"no mention\"")));
	assert_false(event(MSG("\"user\":\"UBOTTY\",\"text\":\"<@UEDDY> known as a bot\"")));
}

static void intents__tell_edits__only_of_real_changes(void **state)
{
	(void)state;
	assert_true(
	    event(MSG("\"subtype\":\"message_changed\",\"event_ts\":\"9.9\",\"message\":{\"user\":\"UANNA\",\"ts\":\"5.000001\","
	              "\"text\":\"new &amp; <@UEDDY>\",\"edited\":{\"user\":\"UANNA\",\"ts\":\"6.0\"}},"
	              "\"previous_message\":{\"user\":\"UANNA\",\"ts\":\"5.000001\",\"text\":\"old\"}")));
	assert_int_equal(in.kind, INTENT_MESSAGE_EDITED);
	assert_string_equal(in.message_key, "5.000001");
	assert_string_equal(in.text, "new &");
	assert_true(in.mentions_us);
	assert_int_equal(in.platform_ms, 5000);
	assert_true(in.origin_len > 0); /* an edit that adds our mention is answered */
	assert_false(
	    event(MSG("\"subtype\":\"message_changed\",\"message\":{\"user\":\"UANNA\",\"ts\":\"5.000001\",\"text\":\"https://x\"},"
	              "\"previous_message\":{\"user\":\"UANNA\",\"ts\":\"5.000001\",\"text\":\"https://x\"}")));
	assert_false(event(MSG(
	    "\"subtype\":\"message_changed\",\"message\":{\"user\":\"UANNA\",\"ts\":\"5.000001\",\"text\":\"x\",\"edited\":{}}")));
	assert_true(event(MSG(
	    "\"subtype\":\"message_changed\",\"message\":{\"subtype\":\"tombstone\",\"user\":\"USLACKBOT\",\"ts\":\"5.000001\","
	    "\"text\":\"This message was deleted.\"},\"previous_message\":{\"user\":\"UANNA\",\"ts\":\"5.000001\",\"text\":\"x\"}")));
	assert_int_equal(in.kind, INTENT_MESSAGE_DELETED);
	assert_true(event(MSG(
	    "\"subtype\":\"message_deleted\",\"deleted_ts\":\"5.000001\",\"previous_message\":{\"user\":\"UANNA\",\"ts\":\"5.000001\"}")));
	assert_int_equal(in.kind, INTENT_MESSAGE_DELETED);
	assert_string_equal(in.message_key, "5.000001");
}

static void intents__take__threads_direct_messages_and_files(void **state)
{
	(void)state;
	assert_true(event(
	    "{\"type\":\"message\",\"channel\":\"D1\",\"channel_type\":\"im\",\"user\":\"UANNA\",\"ts\":\"7.000001\",\"text\":\"hi\"}"));
	assert_int_equal(in.place.visibility, VIS_DIRECT);
	assert_string_equal(in.thread_key, "7.000001");
	struct origin o;
	assert_true(origin_unpack(in.origin, in.origin_len, &o));
	assert_int_equal(o.surface, ORIGIN_DM);
	assert_true(event(
	    "{\"type\":\"message\",\"subtype\":\"thread_broadcast\",\"channel\":\"G1\",\"channel_type\":\"group\",\"user\":\"UANNA\","
	    "\"ts\":\"8.000001\",\"thread_ts\":\"7.000001\",\"text\":\"<@U2> and <@U3|zoe>\"}"));
	assert_int_equal(in.place.visibility, VIS_PRIVATE);
	assert_string_equal(in.thread_key, "7.000001");
	assert_false(in.is_thread_root);
	assert_true(in.mentions_others);
	assert_string_equal(in.text, "@U2 and @zoe");
	struct intents_file_text t = { "F1", "line", 4 };
	x.texts = &t;
	x.texts_len = 1;
	assert_true(event(MSG(
	    "\"subtype\":\"file_share\",\"user\":\"UANNA\",\"text\":\"\",\"files\":[{\"id\":\"F1\",\"name\":\"a.txt\","
	    "\"mimetype\":\"text/plain\",\"mode\":\"hosted\",\"size\":4,\"url_private\":\"https://files.slack.com/a\"},{\"id\":\"F2\"}]")));
	assert_int_equal(in.files_len, 2);
	assert_string_equal(in.files[0].text, "line");
	assert_null(in.files[1].text);
	assert_true(intents_wants_text(&ev.msg.files[0]));
	assert_false(intents_wants_text(&ev.msg.files[1]));
	assert_false(event(MSG("\"user\":\"UANNA\",\"text\":\"\"")));
}

static void intents__see_strangers__as_guests_and_shared_channels_as_external(void **state)
{
	(void)state;
	assert_true(
	    event(MSG("\"user\":\"UFAR\",\"user_team\":\"T9\",\"text\":\"x\",\"user_profile\":{\"display_name\":\"Far\"}")));
	assert_true(in.person.is_guest);
	assert_int_equal(in.person.kind, PERSON_STRANGER);
	assert_int_equal(in.place.visibility, VIS_EXTERNAL); /* whatever Slack says the channel is */
	assert_string_equal(in.person.name, "Far");
	/* Of somebody whom Slack has not described nothing is assumed: whether a guest, the core decides. */
	assert_true(event(MSG("\"user\":\"UNEW\",\"user_team\":\"T1\",\"text\":\"x\"")));
	assert_true(in.person.is_undescribed);
	assert_false(in.person.is_guest);
	assert_true(build(
	    "{\"envelope_id\":\"e\",\"type\":\"events_api\",\"payload\":{\"team_id\":\"T1\",\"is_ext_shared_channel\":true,\"event\":"
	    "{\"type\":\"message\",\"channel\":\"C1\",\"channel_type\":\"channel\",\"user\":\"UANNA\",\"ts\":\"1.2\",\"text\":\"x\"}}}"));
	assert_int_equal(in.place.visibility, VIS_EXTERNAL);
	ops.visibility = VIS_EXTERNAL;
	assert_true(event(
	    "{\"type\":\"message\",\"channel\":\"COPS\",\"channel_type\":\"channel\",\"user\":\"UANNA\",\"ts\":\"1.2\",\"text\":\"x\"}"));
	assert_int_equal(in.place.visibility, VIS_EXTERNAL);
	ops.visibility = VIS_PUBLIC;
}

static void intents__file_commands__where_only_their_author_looks(void **state)
{
	(void)state;
	assert_true(
	    build("{\"envelope_id\":\"e\",\"type\":\"slash_commands\",\"payload\":{\"team_id\":\"T1\",\"channel_id\":\"COPS\","
	          "\"channel_name\":\"ops\",\"user_id\":\"UANNA\",\"command\":\"/eddy\",\"text\":\"why <@U2|bo> &amp; me\","
	          "\"response_url\":\"https://hooks.slack.com/commands/1\",\"trigger_id\":\"1.2.3\"}}"));
	assert_int_equal(in.kind, INTENT_COMMAND_GIVEN);
	assert_true(in.private_reply);
	assert_true(in.is_command);
	assert_string_equal(in.text, "why @bo & me");
	assert_string_equal(in.place.external_id, "COPS");
	assert_int_equal(in.place.visibility, VIS_PUBLIC);
	assert_true(in.place.eddy_is_member);
	assert_string_equal(in.thread_key, "command:UANNA");
	assert_string_equal(in.source_key, "c:COPS:1.2.3");
	struct origin o;
	assert_true(origin_unpack(in.origin, in.origin_len, &o));
	assert_int_equal(o.surface, ORIGIN_COMMAND);
	assert_string_equal(o.channel, "COPS");
	assert_string_equal(o.response_url, "https://hooks.slack.com/commands/1");
	assert_true(o.response_until_ms > x.now_ms);
	assert_true(build(
	    "{\"envelope_id\":\"e\",\"type\":\"interactive\",\"payload\":{\"type\":\"message_action\",\"callback_id\":\"eddy_ask\","
	    "\"team\":{\"id\":\"T1\"},\"user\":{\"id\":\"UANNA\"},\"channel\":{\"id\":\"COPS\"},\"trigger_id\":\"9.9\","
	    "\"response_url\":\"https://hooks.slack.com/x\",\"message\":{\"ts\":\"1.2\",\"user\":\"UANNA\",\"text\":\"one\\ntwo\"}}}"));
	assert_int_equal(in.kind, INTENT_COMMAND_GIVEN);
	assert_non_null(strstr(in.text, "from Anna"));
	assert_non_null(strstr(in.text, "> one\n> two"));
	assert_string_equal(in.thread_key, "command:UANNA");
}

static void intents__quote__the_beginning_of_what_is_too_long(void **state)
{
	(void)state;
	struct buf frame = BUF_INIT;
	buf_add_str(&frame,
	    "{\"envelope_id\":\"e\",\"type\":\"interactive\",\"payload\":{\"type\":\"message_action\",\"callback_id\":\"eddy_ask\","
	    "\"team\":{\"id\":\"T1\"},\"user\":{\"id\":\"UANNA\"},\"channel\":{\"id\":\"COPS\"},\"trigger_id\":\"9.9\","
	    "\"response_url\":\"https://hooks.slack.com/x\",\"message\":{\"ts\":\"1.2\",\"user\":\"UANNA\",\"text\":\"first");
	for (int i = 0; i < 100000; i++)
		buf_add_str(&frame, "\\n\xc3\xa4");
	buf_add_str(&frame, "\"}}}");
	assert_true(build(frame.p));
	buf_done(&frame);
	assert_int_equal(in.kind, INTENT_COMMAND_GIVEN);
	assert_true(in.text_len <= INTENT_TEXT_MAX && in.text_len > INTENT_TEXT_MAX - 10);
	assert_int_equal(strlen(in.text), in.text_len);
	assert_true(utf8_valid(in.text, in.text_len));
	assert_non_null(strstr(in.text, "> first\n> \xc3\xa4"));
	assert_string_equal(in.text + in.text_len - strlen("longer than this.)"), "longer than this.)");
}

static void intents__know__the_other_events(void **state)
{
	(void)state;
	assert_true(event(
	    "{\"type\":\"reaction_added\",\"user\":\"UANNA\",\"reaction\":\"+1\",\"item\":{\"type\":\"message\",\"channel\":\"C1\","
	    "\"ts\":\"1.2\"},\"event_ts\":\"3.4\"}"));
	assert_int_equal(in.kind, INTENT_REACTION_ADDED);
	assert_string_equal(in.text, "+1");
	assert_true(event(
	    "{\"type\":\"agent_session_stopped\",\"channel\":\"D1\",\"thread_ts\":\"1.2\",\"user\":\"UANNA\",\"event_ts\":\"3.4\"}"));
	assert_int_equal(in.kind, INTENT_RUN_STOPPED);
	assert_string_equal(in.thread_key, "1.2");
	assert_true(event(
	    "{\"type\":\"member_joined_channel\",\"user\":\"UEDDY\",\"channel\":\"C1\",\"channel_type\":\"C\",\"event_ts\":\"3.4\"}"));
	assert_int_equal(in.kind, INTENT_PLACE_JOINED);
	assert_string_equal(in.source_key, "j:C1:3.4");
	assert_true(in.origin_len > 0);
	assert_false(event("{\"type\":\"member_joined_channel\",\"user\":\"UANNA\",\"channel\":\"C1\",\"channel_type\":\"C\"}"));
	assert_true(event("{\"type\":\"member_left_channel\",\"user\":\"UEDDY\",\"channel\":\"C1\",\"event_ts\":\"3.5\"}"));
	assert_int_equal(in.kind, INTENT_PLACE_LEFT);
	assert_false(in.place.eddy_is_member);
	assert_true(event("{\"type\":\"channel_rename\",\"channel\":{\"id\":\"COPS\",\"name\":\"dev\"},\"event_ts\":\"3.6\"}"));
	assert_int_equal(in.kind, INTENT_PLACE_CHANGED);
	assert_string_equal(in.place.name, "dev");
	assert_true(event("{\"type\":\"channel_shared\",\"channel\":\"COPS\",\"event_ts\":\"3.6\"}"));
	assert_int_equal(in.place.visibility, VIS_EXTERNAL);
	assert_true(event(
	    "{\"type\":\"app_home_opened\",\"user\":\"UANNA\",\"channel\":\"D1\",\"tab\":\"messages\",\"event_ts\":\"3.7\"}"));
	assert_int_equal(in.kind, INTENT_THREAD_OPENED);
	assert_false(
	    event("{\"type\":\"app_home_opened\",\"user\":\"UANNA\",\"channel\":\"D1\",\"tab\":\"home\",\"event_ts\":\"3.7\"}"));
	assert_true(
	    event("{\"type\":\"assistant_thread_started\",\"assistant_thread\":{\"user_id\":\"UANNA\",\"channel_id\":\"D1\","
	          "\"thread_ts\":\"1.2\",\"context\":{}}}"));
	assert_int_equal(in.kind, INTENT_THREAD_OPENED);
	assert_string_equal(in.thread_key, "1.2");
	assert_true(event("{\"type\":\"app_uninstalled\"}"));
	assert_int_equal(in.kind, INTENT_UNINSTALLED);
	assert_true(event("{\"type\":\"tokens_revoked\",\"tokens\":{\"oauth\":[],\"bot\":[\"UEDDY\"]}}"));
	assert_false(event("{\"type\":\"tokens_revoked\",\"tokens\":{\"oauth\":[\"UANNA\"]}}"));
	assert_true(build(
	    "{\"envelope_id\":\"e\",\"type\":\"interactive\",\"payload\":{\"type\":\"block_actions\",\"team\":{\"id\":\"T1\"},"
	    "\"user\":{\"id\":\"UANNA\"},\"channel\":{\"id\":\"COPS\"},\"message\":{\"ts\":\"5.6\",\"thread_ts\":\"1.2\",\"user\":\"UEDDY\"},"
	    "\"actions\":[{\"action_id\":\"run.retry#2\",\"value\":\"v\",\"action_ts\":\"7.8\"}]}}"));
	assert_int_equal(in.kind, INTENT_ACTION_PRESSED);
	assert_string_equal(in.action, "run.retry");
	assert_string_equal(in.text, "v");
	assert_string_equal(in.thread_key, "1.2");
	assert_string_equal(in.source_key, "a:COPS:5.6:7.8");
	assert_false(in.private_reply);
	assert_true(build(
	    "{\"envelope_id\":\"e\",\"type\":\"interactive\",\"payload\":{\"type\":\"block_actions\",\"team\":{\"id\":\"T1\"},"
	    "\"user\":{\"id\":\"UANNA\"},\"channel\":{\"id\":\"COPS\"},\"response_url\":\"https://hooks.slack.com/x\","
	    "\"container\":{\"type\":\"message\",\"message_ts\":\"5.6\",\"is_ephemeral\":true},"
	    "\"actions\":[{\"action_id\":\"run.retry\",\"value\":\"v\",\"action_ts\":\"7.8\"}]}}"));
	assert_true(in.private_reply);
	struct origin o;
	assert_true(origin_unpack(in.origin, in.origin_len, &o));
	assert_int_equal(o.surface, ORIGIN_COMMAND);
	assert_string_equal(o.response_url, "https://hooks.slack.com/x");
}

static bool press(const char *action, const char *value, const char *channel, const char *more)
{
	char frame[2000];
	snprintf(frame, sizeof(frame),
	    "{\"envelope_id\":\"e\",\"type\":\"interactive\",\"payload\":{\"type\":\"block_actions\",\"team\":{\"id\":\"T1\"},\"api_app_id\":\"A1\","
	    "\"user\":{\"id\":\"UANNA\",\"team_id\":\"T1\"},\"channel\":%s,\"response_url\":\"https://hooks.slack.com/x\",\"trigger_id\":\"t\","
	    "\"container\":{\"type\":\"message\",\"message_ts\":\"5.6\",\"is_ephemeral\":false%s},"
	    "\"message\":{\"ts\":\"5.6\",\"user\":\"UEDDY\",\"bot_id\":\"BEDDY\"},"
	    "\"actions\":[{\"action_id\":\"%s\",\"value\":\"%s\",\"action_ts\":\"7.8\"}]}}",
	    channel, more, action, value);
	return build(frame);
}

static void button__that_gives_a_command__stands_in_its_thread(void **state)
{
	(void)state;
	struct origin o;
	assert_true(press("command#12", "abandon #2", "{\"id\":\"COPS\"}", ",\"thread_ts\":\"1.2\""));
	assert_int_equal(in.kind, INTENT_ACTION_PRESSED);
	assert_string_equal(in.action, ACTION_COMMAND);
	assert_string_equal(in.text, "abandon #2");
	assert_string_equal(in.thread_key, "1.2");
	assert_string_equal(in.source_key, "a:COPS:5.6:7.8");
	assert_string_equal(in.place.external_id, "COPS");
	assert_string_equal(in.person.external_id, "UANNA");
	assert_int_equal(in.verified, VERIFIED_PLATFORM);
	assert_false(in.private_reply);
	assert_true(origin_unpack(in.origin, in.origin_len, &o));
	assert_int_equal(o.surface, ORIGIN_CHANNEL);
	assert_string_equal(o.thread_ts, "1.2");
	assert_string_equal(o.user, "UANNA");
	assert_true(intents_commands(&ev));
	/* The first message of a thread has no thread_ts: it is the thread. */
	assert_true(press("command", "resolve", "{\"id\":\"COPS\"}", ""));
	assert_string_equal(in.thread_key, "5.6");
	/* For the presser alone, in the thread: not by response_url, which knows no threads. */
	assert_true(press("command.private#2", "search x", "{\"id\":\"COPS\"}", ",\"thread_ts\":\"1.2\""));
	assert_string_equal(in.action, ACTION_COMMAND_PRIVATE);
	assert_true(in.private_reply);
	assert_true(origin_unpack(in.origin, in.origin_len, &o));
	assert_string_equal(o.thread_ts, "1.2");
	assert_string_equal(o.response_url, "");
	/* A direct message is one, whatever is known of it. */
	assert_true(press("command", "accept", "{\"id\":\"D1\",\"name\":\"directmessage\"}", ",\"thread_ts\":\"1.2\""));
	assert_int_equal(in.place.visibility, VIS_DIRECT);
	assert_true(origin_unpack(in.origin, in.origin_len, &o));
	assert_int_equal(o.surface, ORIGIN_DM);
	assert_false(press("command", "accept", "null", ""));
}

#define POINT(id, more) \
	"{\"envelope_id\":\"e\",\"type\":\"interactive\",\"payload\":{\"type\":\"message_action\",\"callback_id\":\"" id "\"," \
	"\"team\":{\"id\":\"T1\"},\"api_app_id\":\"A1\",\"user\":{\"id\":\"UANNA\"},\"channel\":{\"id\":\"COPS\"},\"trigger_id\":\"9.9\"," \
	"\"response_url\":\"https://hooks.slack.com/x\",\"message\":{\"ts\":\"1760000000.000300\",\"thread_ts\":\"1760000000.000100\"," more \
	"}}}"

static void shortcut__that_points__hands_the_message_in_first(void **state)
{
	(void)state;
	struct intent kept;
	struct origin o;
	assert_true(build(POINT("eddy_pin", "\"user\":\"UBOTTY\",\"bot_id\":\"B2\",\"app_id\":\"A2\",\"text\":\"disk &gt; 90%\"")));
	assert_int_equal(in.kind, INTENT_COMMAND_GIVEN);
	assert_string_equal(in.text, "pin that");
	assert_false(in.private_reply);
	assert_true(in.is_command);
	assert_string_equal(in.about_key, "1760000000.000300");
	assert_int_equal(in.about_ms, 1760000000000);
	assert_string_equal(in.thread_key, "1760000000.000100");
	assert_string_equal(in.person.external_id, "UANNA");
	assert_true(origin_unpack(in.origin, in.origin_len, &o));
	assert_int_equal(o.surface, ORIGIN_CHANNEL);
	assert_string_equal(o.thread_ts, "1760000000.000100");
	assert_true(intents_points(&ev));
	assert_true(intents_pointed(&c, &ev, &x, &kept)); /* another bot's words may be pointed at; they are answered by nobody */
	assert_int_equal(kept.kind, INTENT_MESSAGE_POSTED);
	assert_true(kept.no_answer);
	assert_true(kept.person.is_bot);
	assert_string_equal(kept.text, "disk > 90%");
	assert_string_equal(kept.source_key, "m:COPS:1760000000.000300"); /* as if it had come as an event */
	assert_string_equal(kept.message_key, "1760000000.000300");
	/* A form asks first: nothing is a command yet. */
	assert_false(build(POINT("eddy_fork", "\"user\":\"UANNA\",\"text\":\"x\"")));
	assert_true(intents_pointed(&c, &ev, &x, &kept));
	/* What nobody said, and what Eddy said itself. */
	assert_false(build(POINT("eddy_fork", "\"user\":\"UANNA\",\"subtype\":\"channel_join\",\"text\":\"x\"")));
	assert_false(intents_pointed(&c, &ev, &x, &kept));
	assert_true(build(POINT("eddy_pin", "\"user\":\"UEDDY\",\"bot_id\":\"BEDDY\",\"text\":\"x\"")));
	assert_false(intents_pointed(&c, &ev, &x, &kept));
	ev.about = "01010101-0000-0000-0000-000000000000";
	assert_true(intents_build(&c, &ev, &x, &in));
	assert_null(in.about_key);
	assert_int_equal(in.about_id.b[0], 1);
}

static void deletion__of_our_own_words__is_told_once_they_are_found(void **state)
{
	(void)state;
	static const char gone[] =
	    "{\"type\":\"message\",\"subtype\":\"message_deleted\",\"channel\":\"C1\",\"channel_type\":\"channel\",\"ts\":"
	    "\"1760000009.000100\",\"deleted_ts\":\"1760000000.000300\",\"previous_message\":{\"user\":\"UEDDY\",\"ts\":"
	    "\"1760000000.000300\",\"thread_ts\":\"1760000000.000100\",\"text\":\"x\"}}";
	assert_false(event(gone));
	assert_string_equal(intents_deleted_ts(&ev), "1760000000.000300");
	ev.about = "01010101-0000-0000-0000-000000000000";
	assert_true(intents_build(&c, &ev, &x, &in));
	assert_int_equal(in.kind, INTENT_MESSAGE_DELETED);
	assert_int_equal(in.about_id.b[0], 1);
	assert_string_equal(in.thread_key, "1760000000.000100");
}

static void text__becomes__what_people_meant(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to;
		bool us, others;
	} t[] = {
		{ "plain", "plain", false, false },
		{ "  <@UEDDY>: help  ", "help", true, false },
		{ "<@UEDDY>, <@UEDDY> help", "help", true, false },
		{ "please help <@UEDDY>", "please help", true, false },
		{ "ask <@UEDDY> about it", "ask @eddy about it", true, false },
		{ "<@UEDDY>", "", true, false },
		{ "<@UANNA> look", "@Anna look", false, true },
		{ "<#COPS> <#C2|dev> <#C3|>", "#ops #dev #C3", false, false },
		{ "<!here> <!subteam^S1|@team> <!subteam^S1>", "@here @team @group", false, true },
		{ "<!date^1760000000^{date}|Oct 9>", "Oct 9", false, false },
		{ "a &amp;lt; b &lt;c&gt; &nbsp;", "a &lt; b <c> &nbsp;", false, false },
		{ "<https://a.b/c?x=1&amp;y=2>", "https://a.b/c?x=1&y=2", false, false },
		{ "<https://a.b|here>", "[here](https://a.b)", false, false },
		{ "<http://a.b|a.b> <mailto:a@b.c|a@b.c>", "http://a.b a@b.c", false, false },
		{ "1 < 2 and <", "1 < 2 and <", false, false },
		{ "<>", "", false, false },
		{ "<unfinished", "<unfinished", false, false },
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char frame[512];
		snprintf(frame, sizeof(frame), MSG("\"user\":\"UANNA\",\"files\":[{\"id\":\"F\"}],\"text\":\"%s\""), t[i].from);
		assert_true(event(frame));
		assert_string_equal(in.text, t[i].to);
		assert_int_equal(in.mentions_us, t[i].us);
		assert_int_equal(in.mentions_others, t[i].others);
	}
}

static void origin__goes__there_and_back(void **state)
{
	(void)state;
	char p[INTENT_ORIGIN_MAX], long_url[1200];
	struct origin o = { .surface = ORIGIN_DM,
		.team = "T",
		.channel = "D",
		.thread_ts = "1.2",
		.user = "U",
		.response_url = "https://h",
		.response_until_ms = 123456789012345u },
	              back;
	size_t n = origin_pack(&o, p);
	assert_true(n > 0);
	assert_true(origin_unpack(p, n, &back));
	assert_string_equal(back.thread_ts, "1.2");
	assert_string_equal(back.message_ts, "");
	assert_string_equal(back.response_url, "https://h");
	assert_int_equal(back.response_until_ms, 123456789012345u);
	for (size_t i = 0; i < n; i++)
		assert_false(origin_unpack(p, i, &back));
	p[0] = 9;
	assert_false(origin_unpack(p, n, &back));
	memset(long_url, 'a', sizeof(long_url) - 1);
	long_url[sizeof(long_url) - 1] = '\0';
	o.response_url = long_url;
	n = origin_pack(&o, p);
	assert_true(n > 0 && origin_unpack(p, n, &back));
	assert_string_equal(back.response_url, "");
	assert_int_equal(back.response_until_ms, 0);
	o.channel = long_url;
	assert_int_equal(origin_pack(&o, p), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(intents__give_one_key__to_mention_and_message),
		T(intents__keep_silent__about_ourselves_and_system_words),
		T(intents__hear_bots__only_when_allowed_and_as_bots),
		T(intents__tell_edits__only_of_real_changes),
		T(intents__take__threads_direct_messages_and_files),
		T(intents__see_strangers__as_guests_and_shared_channels_as_external),
		T(intents__file_commands__where_only_their_author_looks),
		T(button__that_gives_a_command__stands_in_its_thread),
		T(shortcut__that_points__hands_the_message_in_first),
		T(deletion__of_our_own_words__is_told_once_they_are_found),
		T(intents__quote__the_beginning_of_what_is_too_long),
		T(intents__know__the_other_events),
		T(text__becomes__what_people_meant),
		T(origin__goes__there_and_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
