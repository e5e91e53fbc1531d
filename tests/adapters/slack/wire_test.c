/* Frames and message objects: what is read, what is refused, and that nothing hostile does harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../adapters/slack/wire.h"
#include "../../../core/base/buf.h"
#include "../../../core/base/mem.h"

static struct wire w;
static char *text;
static struct slack_event ev;

static void decode(const char *frame, size_t n)
{
	free(text);
	text = xmalloc(n + 1);
	memcpy(text, frame, n);
	text[n] = '\0';
	wire_decode(&w, text, n, &ev);
}

static void decode_str(const char *frame)
{
	decode(frame, strlen(frame));
}

static int end(void **state)
{
	(void)state;
	free(text);
	text = NULL;
	wire_done(&w);
	w = (struct wire){ 0 };
	return 0;
}

#define ENVELOPE(payload) "{\"envelope_id\":\"e-1\",\"type\":\"events_api\",\"payload\":" payload "}"
#define EVENT(event) ENVELOPE("{\"team_id\":\"T1\",\"api_app_id\":\"A1\",\"event_id\":\"Ev1\",\"event\":" event "}")

static void wire_decode__reads__hello(void **state)
{
	(void)state;
	decode_str("{\"type\":\"hello\",\"num_connections\":2,\"debug_info\":{\"approximate_connection_time\":3600},"
	           "\"connection_info\":{\"app_id\":\"A9\"}}");
	assert_int_equal(ev.kind, FRAME_HELLO);
	assert_int_equal(ev.num_connections, 2);
	assert_int_equal(ev.lifetime_s, 3600);
	assert_string_equal(ev.app_id, "A9");
}

static void wire_decode__reads__message_with_escapes(void **state)
{
	(void)state;
	decode_str(EVENT(
	    "{\"type\":\"message\",\"user\":\"U1\",\"channel\":\"C1\",\"channel_type\":\"channel\",\"ts\":\"1760000000.000100\","
	    "\"text\":\"a\\u00e9 \\ud83d\\ude00 \\\"q\\\" \\u0000x \\ud800\"}"));
	assert_int_equal(ev.kind, FRAME_EVENT);
	assert_int_equal(ev.type, EVENT_SLACK_MESSAGE);
	assert_string_equal(ev.envelope_id, "e-1");
	assert_string_equal(ev.team_id, "T1");
	assert_string_equal(ev.msg.text, "a\xc3\xa9 \xf0\x9f\x98\x80 \"q\" \xef\xbf\xbdx \xef\xbf\xbd");
	assert_string_equal(ev.msg.ts, "1760000000.000100");
	assert_null(ev.msg.thread_ts);
}

static void wire_decode__takes__a_payload_that_is_a_string(void **state)
{
	(void)state;
	decode_str(ENVELOPE("\"{\\\"team_id\\\":\\\"T1\\\",\\\"event\\\":{\\\"type\\\":\\\"app_mention\\\",\\\"text\\\":\\\"hi\\\","
	                    "\\\"ts\\\":\\\"1.2\\\",\\\"channel\\\":\\\"C1\\\"}}\""));
	assert_int_equal(ev.kind, FRAME_EVENT);
	assert_int_equal(ev.type, EVENT_APP_MENTION);
	assert_string_equal(ev.msg.text, "hi");
	assert_string_equal(ev.channel, "C1");
}

static void wire_decode__takes_wrong_types__as_absent(void **state)
{
	(void)state;
	decode_str(EVENT(
	    "{\"type\":\"message\",\"user\":7,\"channel\":[],\"ts\":1760000000.1,\"text\":null,\"files\":\"x\",\"thread_ts\":\"abc\"}"));
	assert_int_equal(ev.kind, FRAME_EVENT);
	assert_null(ev.msg.user);
	assert_null(ev.channel);
	assert_null(ev.msg.ts);
	assert_null(ev.msg.text);
	assert_null(ev.msg.thread_ts);
	decode_str(EVENT("[1,2]"));
	assert_int_equal(ev.type, EVENT_NONE);
	decode_str(ENVELOPE("7"));
	assert_int_equal(ev.kind, FRAME_BAD);
	assert_string_equal(ev.envelope_id, "e-1");
}

static void wire_decode__refuses__a_field_that_comes_twice(void **state)
{
	(void)state;
	decode_str(
	    EVENT("{\"type\":\"message\",\"user\":\"U1\",\"user\":\"U2\",\"channel\":\"C1\",\"ts\":\"1.2\",\"text\":\"x\"}"));
	assert_int_equal(ev.type, EVENT_NONE);
	assert_non_null(ev.why);
	assert_string_equal(ev.envelope_id, "e-1");
	decode_str("{\"envelope_id\":\"a\",\"envelope_id\":\"b\",\"type\":\"events_api\",\"payload\":{}}");
	assert_int_equal(ev.kind, FRAME_BAD);
}

static void wire_decode__finds_the_envelope__of_broken_frames(void **state)
{
	(void)state;
	static const char *const broken[] = {
		"{\"envelope_id\":\"e-2\",\"type\":\"events_api\",\"payload\":{\"event\":{\"text\":\"cut",
		"{\"envelope_id\" : \"e-2\" ,, }",
		"garbage {\"envelope_id\":\"e-2\"",
		"{\"envelope_id\":\"e-2\",\"type\":\"events_api\",\"payload\":{\"x\":1e}}",
		"{\"envelope_id\":\"e-2\"} {}",
	};
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		decode_str(broken[i]);
		assert_int_equal(ev.kind, FRAME_BAD);
		assert_string_equal(ev.envelope_id, "e-2");
	}
	static const char *const none[] = { "", "x", "[]", "null", "{\"envelope_id\":7}",
		"{\"envelope_id\":\"a\\\"b\",\"type\":\"events_api\"}" };
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		decode_str(none[i]);
		assert_int_equal(ev.kind, FRAME_BAD);
		assert_string_equal(ev.envelope_id, "");
		assert_non_null(ev.why);
	}
}

static void wire_decode__survives__depth_and_size(void **state)
{
	(void)state;
	size_t n = 100000;
	struct buf b = BUF_INIT;
	buf_add_str(&b, "{\"envelope_id\":\"deep\",\"type\":\"events_api\",\"payload\":");
	for (size_t i = 0; i < n; i++)
		buf_add_char(&b, '[');
	decode(b.p, b.len);
	assert_int_equal(ev.kind, FRAME_BAD);
	assert_string_equal(ev.envelope_id, "deep");
	buf_reset(&b);
	buf_add_str(&b, "{\"envelope_id\":\"wide\",\"type\":\"events_api\",\"payload\":[0");
	for (size_t i = 0; i < 200000; i++)
		buf_add_str(&b, ",0");
	buf_add_str(&b, "]}");
	decode(b.p, b.len);
	assert_int_equal(ev.kind, FRAME_BAD);
	assert_string_equal(ev.envelope_id, "wide");
	buf_reset(&b);
	buf_add_str(&b, "{\"envelope_id\":\"big\",\"x\":\"");
	for (size_t i = 0; i < WIRE_FRAME_MAX; i++)
		buf_add_char(&b, 'a');
	buf_add_str(&b, "\"}");
	decode(b.p, b.len);
	assert_int_equal(ev.kind, FRAME_BAD);
	assert_string_equal(ev.envelope_id, "big");
	buf_done(&b);
}

static void wire_decode__reads__interactive_and_slash(void **state)
{
	(void)state;
	decode_str(
	    "{\"envelope_id\":\"e\",\"type\":\"interactive\",\"payload\":{\"type\":\"block_actions\",\"team\":{\"id\":\"T1\"},"
	    "\"enterprise\":null,\"user\":{\"id\":\"U1\",\"team_id\":\"T1\"},\"channel\":{\"id\":\"C1\",\"name\":\"ops\"},"
	    "\"container\":{\"message_ts\":\"5.6\",\"thread_ts\":\"1.2\"},"
	    "\"actions\":[{\"action_id\":\"run.retry#2\",\"action_ts\":\"9.9\",\"selected_option\":{\"value\":\"v\"}}]}}");
	assert_int_equal(ev.kind, FRAME_INTERACTIVE);
	assert_string_equal(ev.action_id, "run.retry#2");
	assert_string_equal(ev.action_value, "v");
	assert_string_equal(ev.inner.ts, "5.6");
	assert_string_equal(ev.inner.thread_ts, "1.2");
	assert_string_equal(ev.channel, "C1");
	assert_null(ev.enterprise_id);
	decode_str(
	    "{\"envelope_id\":\"e\",\"type\":\"slash_commands\",\"accepts_response_payload\":true,\"payload\":{\"team_id\":\"T1\","
	    "\"channel_id\":\"D1\",\"channel_name\":\"directmessage\",\"user_id\":\"U1\",\"command\":\"/eddy\",\"text\":\"help\","
	    "\"response_url\":\"https://hooks.slack.com/x\",\"trigger_id\":\"1.2.3\"}}");
	assert_int_equal(ev.kind, FRAME_SLASH);
	assert_string_equal(ev.msg.text, "help");
	assert_string_equal(ev.trigger_id, "1.2.3");
}

static void wire_ts__knows__what_a_timestamp_is(void **state)
{
	(void)state;
	assert_int_equal(wire_ts_ms("1760000000.123456"), 1760000000123u);
	assert_int_equal(wire_ts_ms("1760000000.1"), 1760000000100u);
	assert_int_equal(wire_ts_ms("1760000000"), 0);
	assert_int_equal(wire_ts_ms("x.1"), 0);
	assert_int_equal(wire_ts_ms("1.2 "), 0);
	assert_int_equal(wire_ts_ms(NULL), 0);
}

static void wire_history__reads__a_message_object(void **state)
{
	(void)state;
	char json[] = "{\"type\":\"message\",\"user\":\"U1\",\"text\":\"late\",\"ts\":\"5.000001\",\"thread_ts\":\"1.000001\"}";
	assert_true(wire_decode_history(&w, json, strlen(json), "T1", "C1", "im", &ev));
	assert_string_equal(ev.msg.text, "late");
	assert_string_equal(ev.channel_type, "im");
	char other[] = "{\"type\":\"other\",\"ts\":\"5.1\"}";
	assert_false(wire_decode_history(&w, other, strlen(other), "T1", "C1", "im", &ev));
}

/* Every sample payload of a corpus: inside an envelope, whole and cut at many places. */
static unsigned corpus_dir(const char *root, const char *sub)
{
	char path[1024];
	snprintf(path, sizeof(path), "%s/slack/samples/%s", root, sub);
	DIR *d = opendir(path);
	unsigned n = 0;
	for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
		size_t len = strlen(e->d_name);
		if (len < 6 || strcmp(e->d_name + len - 5, ".json") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/slack/samples/%s/%s", root, sub, e->d_name);
		FILE *f = fopen(path, "rb");
		struct buf b = BUF_INIT, frame = BUF_INIT;
		char part[4096];
		for (size_t k; f && (k = fread(part, 1, sizeof(part), f)) > 0;)
			buf_add(&b, part, k);
		if (f)
			fclose(f);
		if (strcmp(sub, "socket") == 0) {
			buf_add(&frame, b.p, b.len);
		} else {
			buf_addf(&frame, "{\"envelope_id\":\"c-%u\",\"type\":\"%s\",\"payload\":", n,
			    strcmp(sub, "events") == 0      ? "events_api"
			        : strcmp(sub, "slash") == 0 ? "slash_commands"
			                                    : "interactive");
			buf_add(&frame, b.p, b.len);
			buf_add_char(&frame, '}');
		}
		decode(frame.p, frame.len);
		if (strcmp(sub, "socket") != 0) {
			if (ev.kind == FRAME_BAD)
				print_message("%s: %s\n", e->d_name, ev.why);
			assert_int_not_equal(ev.kind, FRAME_BAD);
		}
		for (size_t cut = 0; cut < frame.len; cut += frame.len / 50 + 1)
			decode(frame.p, cut);
		buf_done(&b);
		buf_done(&frame);
		n++;
	}
	if (d)
		closedir(d);
	return n;
}

static void wire_decode__reads__every_sample_of_the_corpus(void **state)
{
	(void)state;
	const char *root = getenv("EDDY_TEST_CORPUS");
	if (!root) {
		print_message("skipped: EDDY_TEST_CORPUS is not set\n");
		skip();
	}
	unsigned n =
	    corpus_dir(root, "events") + corpus_dir(root, "socket") + corpus_dir(root, "interactive") + corpus_dir(root, "slash");
	assert_true(n > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wire_decode__reads__hello),
		cmocka_unit_test(wire_decode__reads__message_with_escapes),
		cmocka_unit_test(wire_decode__takes__a_payload_that_is_a_string),
		cmocka_unit_test(wire_decode__takes_wrong_types__as_absent),
		cmocka_unit_test(wire_decode__refuses__a_field_that_comes_twice),
		cmocka_unit_test(wire_decode__finds_the_envelope__of_broken_frames),
		cmocka_unit_test(wire_decode__survives__depth_and_size),
		cmocka_unit_test(wire_decode__reads__interactive_and_slash),
		cmocka_unit_test(wire_ts__knows__what_a_timestamp_is),
		cmocka_unit_test(wire_history__reads__a_message_object),
		cmocka_unit_test(wire_decode__reads__every_sample_of_the_corpus),
	};
	return cmocka_run_group_tests(tests, NULL, end);
}
