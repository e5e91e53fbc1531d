#include "replay.h"

#include "../../../adapters/model/anthropic.h"

#define D(json) "data: " json "\n\n"
#define START \
	"event: message_start\n" D( \
	    "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\"," \
	    "\"content\":[],\"model\":\"m\",\"stop_reason\":null,\"usage\":{\"input_tokens\":25,\"cache_read_input_tokens\":0,\"output_tokens\":1}}}")
#define STOP(reason, out) \
	"event: message_delta\n" D("{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" reason "\"," \
	                           "\"stop_sequence\":null},\"usage\":{\"output_tokens\":" out \
	                           "}}") "event: message_stop\n" D("{\"type\":\"message_stop\"}")
#define TEXT(t) \
	"event: content_block_delta\n" D( \
	    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"" t "\"}}")
#define ARGS(i, t) \
	D("{\"type\":\"content_block_delta\",\"index\":" i ",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"" t "\"}}")
#define TOOL(i, id, name) \
	D("{\"type\":\"content_block_start\",\"index\":" i ",\"content_block\":{\"type\":\"tool_use\",\"id\":\"" id "\"," \
	  "\"name\":\"" name "\",\"input\":{}}}")
#define END(i) D("{\"type\":\"content_block_stop\",\"index\":" i "}")

static void stream__gives__text_in_whatever_pieces(void **state)
{
	(void)state;
	replay_check(anthropic_event,
	    START
	        D("{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}") "event: ping\n" D(
	            "{\"type\": \"ping\"}") ": a comment\n" TEXT("Gr\xc3\xbc\xc3\x9f") TEXT("e \\ud83d\\ude42 \\\"x\\\"\\n")
	            END("0") STOP("end_turn", "12"),
	    "Gr\xc3\xbc\xc3\x9f"
	    "e \xf0\x9f\x99\x82 \"x\"\n|stop 0 in=25 out=12");
}

static void stream__gives__tool_calls_when_it_is_whole(void **state)
{
	(void)state;
	replay_check(anthropic_event,
	    START TEXT("Let me look.") END("0") TOOL("1", "toolu_1", "search_messages") ARGS("1", "") ARGS("1", "{\\\"query\\\"")
	        ARGS("1", ":\\\"a b\\\"}") END("1") TOOL("2", "toolu_2", "read_message") END("2") STOP("tool_use", "30"),
	    "Let me look.|call:toolu_1 search_messages {\"query\":\"a b\"}|call:toolu_2 read_message {}|stop 1 in=25 out=30");
}

static void stream__reports__why_it_stopped(void **state)
{
	static const struct {
		const char *stream, *want;
	} rows[] = {
		{ START TEXT("x") STOP("max_tokens", "5"), "x|stop 2 in=25 out=5" },
		{ START TEXT("x") STOP("refusal", "5"), "x|stop 3 in=25 out=5" },
		{ START TEXT("x") STOP("stop_sequence", "5"), "x|stop 0 in=25 out=5" },
		{ START TOOL("0", "t", "f") ARGS("0", "{\\\"a\\\"") STOP("max_tokens", "5"), "|stop 2 in=25 out=5" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		replay_check(anthropic_event, rows[i].stream, rows[i].want);
}

static void stream__fails__when_it_is_broken(void **state)
{
	static const struct {
		const char *stream, *want;
	} rows[] = {
		{ START TEXT("x") D("{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}"),
		    "x|fail 1: overloaded_error inside the stream in=25 out=1" },
		{ START TEXT("x") D("{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"x\"}}"),
		    "x|fail 2: api_error inside the stream in=25 out=1" },
		{ START TEXT("x"), "x|open in=25 out=1" },
		{ START TEXT("x") D("{\"type\":\"message_stop\"}"),
		    "x|fail 2: the stream ended without a stop reason in=25 out=1" },
		{ START D("{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}"),
		    "|fail 2: an event of the stream is not JSON in=25 out=1" },
		{ START D("[1,2]"), "|open in=25 out=1" },
		{ START D("nonsense"), "|fail 2: an event of the stream is not JSON in=25 out=1" },
		{ START TOOL("0", "t", "f") ARGS("0", "{\\\"a\\\":") END("0") STOP("tool_use", "9"),
		    "|fail 2: the arguments of a tool call are not a JSON object in=25 out=9" },
		{ START TOOL("0", "t", "f") ARGS("0", "[1]") STOP("tool_use", "9"),
		    "|fail 2: the arguments of a tool call are not a JSON object in=25 out=9" },
		{ START TOOL("0", "t", "") STOP("tool_use", "9"),
		    "|fail 2: the arguments of a tool call are not a JSON object in=25 out=9" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		replay_check(anthropic_event, rows[i].stream, rows[i].want);
}

static void stream__ignores__what_it_does_not_know(void **state)
{
	(void)state;
	replay_check(anthropic_event,
	    START "event: future\nid: 7\nretry: 10\n" D("{\"type\":\"future\",\"index\":{\"a\":[1,2,{\"b\":null}]}}")
	        D("{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}}") D(
	            "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}")
	            D("{\"delta\":{\"text\":\"late type\",\"type\":\"text_delta\"},\"index\":1,\"type\":\"content_block_delta\"}")
	                STOP("end_turn", "3"),
	    "late type|stop 0 in=25 out=3");
}

static void usage__adds_up__what_came_from_the_cache(void **state)
{
	(void)state;
	struct answer a = { 0 };
	static const char start[] =
	    "{\"type\":\"message_start\",\"message\":{\"usage\":{\"output_tokens\":1,\"cache_read_input_tokens\":100,"
	    "\"cache_creation_input_tokens\":10,\"input_tokens\":5}}}";
	anthropic_event(&a, start, sizeof start - 1);
	assert_int_equal(a.input_tokens, 115);
	assert_int_equal(a.cached_tokens, 100);
	assert_int_equal(a.written_tokens, 10);
	assert_false(a.output_known); /* the 1 is not the answer's length */
	answer_done(&a);
}

static void text__is_cut__at_its_largest(void **state)
{
	struct answer a = { 0 };
	struct replay r = { 0 };
	(void)state;
	a.fn = replay_on_event;
	a.arg = &r;
	static const char head[] = "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"";
	struct buf b = BUF_INIT;
	buf_add_str(&b, head);
	for (int i = 0; i < 50000; i++)
		buf_add_str(&b, "\xc3\xa4");
	buf_add_str(&b, "a\"}}");
	for (int i = 0; i < 4 && !answer_over(&a); i++)
		anthropic_event(&a, b.p, b.len);
	assert_true(answer_over(&a));
	assert_false(a.failed);
	assert_int_equal(a.stop, STOP_LENGTH);
	answer_flush(&a);
	assert_true(r.seen.len <= ANSWER_TEXT_MAX && r.seen.len > ANSWER_TEXT_MAX - 4);
	buf_done(&b);
	buf_done(&r.seen);
	answer_done(&a);
}

static void arguments__fail__when_too_large(void **state)
{
	struct answer a = { 0 };
	(void)state;
	static const char start[] =
	    "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}}";
	anthropic_event(&a, start, sizeof start - 1);
	struct buf b = BUF_INIT;
	buf_add_str(
	    &b, "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"");
	for (int i = 0; i < 40000; i++)
		buf_add_char(&b, 'x');
	buf_add_str(&b, "\"}}");
	anthropic_event(&a, b.p, b.len);
	assert_false(a.failed);
	anthropic_event(&a, b.p, b.len);
	assert_true(a.failed);
	assert_int_equal(a.fail, FAIL_BROKEN);
	buf_done(&b);
	answer_done(&a);
}

static const struct model_tool some_tools[] = {
	{ .name = "search",
	    .description = "Search \"messages\"",
	    .schema = "{\"type\":\"object\",\"properties\":{\"q\":{\"type\":\"string\"}}}" },
};

static void body__is__what_the_api_wants(void **state)
{
	static const struct model_message messages[] = {
		{ .role = ROLE_USER, .text = "Anna: hi", .text_len = 8 },
		{ .role = ROLE_USER, .text = "Bob: \"hm\"\n", .text_len = 10 },
		{ .role = ROLE_ASSISTANT, .text = "Looking.", .text_len = 8 },
		{ .role = ROLE_TOOL_CALL, .text = "{\"q\":\"x\"}", .text_len = 9, .tool_name = "search", .tool_id = "t1" },
		{ .role = ROLE_TOOL_CALL, .text = "not json", .text_len = 8, .tool_name = "search", .tool_id = "t2" },
		{ .role = ROLE_TOOL_RESULT, .text = "found", .text_len = 5, .tool_id = "t1" },
		{ .role = ROLE_TOOL_RESULT, .text = "no", .text_len = 2, .tool_id = "t2", .tool_failed = true },
		{ .role = ROLE_USER, .text = "", .text_len = 0 },
	};
	struct model_request r = { .system = "Be kind.",
		.system_len = 8,
		.messages = messages,
		.messages_len = 8,
		.tools = some_tools,
		.tools_len = 1,
		.max_tokens = 500 };
	struct buf b = BUF_INIT;
	(void)state;
	anthropic_body(&b, &r, "claude-x");
	assert_string_equal(b.p,
	    "{\"model\":\"claude-x\",\"max_tokens\":500,\"stream\":true,\"system\":\"Be kind.\","
	    "\"tools\":[{\"name\":\"search\",\"description\":\"Search \\\"messages\\\"\",\"input_schema\":{\"type\":\"object\",\"properties\":{\"q\":{\"type\":\"string\"}}}}],"
	    "\"messages\":[{\"role\":\"user\",\"content\":\"Anna: hi\"},{\"role\":\"user\",\"content\":\"Bob: \\\"hm\\\"\\n\"},"
	    "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"Looking.\"},{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"search\",\"input\":{\"q\":\"x\"}},"
	    "{\"type\":\"tool_use\",\"id\":\"t2\",\"name\":\"search\",\"input\":{}}]},"
	    "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\",\"content\":\"found\"},"
	    "{\"type\":\"tool_result\",\"tool_use_id\":\"t2\",\"content\":\"no\",\"is_error\":true}]},{\"role\":\"user\",\"content\":\"(empty message)\"}]}");
	buf_reset(&b);
	r.temperature = 1; /* hundredths and one more */
	anthropic_body(&b, &r, "claude-x");
	assert_non_null(strstr(b.p, "\"max_tokens\":500,\"temperature\":0.00,\"stream\":true"));
	buf_done(&b);
}

static void body__begins__with_a_user_has_no_empty_answer_and_names_the_tools_of_its_history(void **state)
{
	static const struct model_message messages[] = {
		{ .role = ROLE_ASSISTANT, .text = "", .text_len = 0 },
		{ .role = ROLE_ASSISTANT, .text = "Hello", .text_len = 5 },
		{ .role = ROLE_TOOL_CALL, .text = "{}", .text_len = 2, .tool_name = "f", .tool_id = "t" },
	};
	struct model_request r = { .messages = messages, .messages_len = 3, .max_tokens = 5 };
	struct buf b = BUF_INIT;
	(void)state;
	anthropic_body(&b, &r, "m");
	assert_string_equal(b.p,
	    "{\"model\":\"m\",\"max_tokens\":5,\"stream\":true,\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}],"
	    "\"tool_choice\":{\"type\":\"none\"},\"messages\":[{\"role\":\"user\",\"content\":\"(earlier messages are left out)\"},"
	    "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"Hello\"},{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}]}]}");
	buf_done(&b);
}

static void url__takes__any_form_of_base(void **state)
{
	static const struct {
		const char *base, *want;
	} rows[] = {
		{ "https://api.anthropic.com", "https://api.anthropic.com/v1/messages" },
		{ "https://api.anthropic.com/", "https://api.anthropic.com/v1/messages" },
		{ "https://api.anthropic.com/v1", "https://api.anthropic.com/v1/messages" },
		{ "http://h:8081/proxy/v1/", "http://h:8081/proxy/v1/messages" },
		{ "http://h/v1/messages", "http://h/v1/messages" },
		{ "http://vault/x", "http://vault/x/v1/messages" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf b = BUF_INIT;
		anthropic_url(&b, rows[i].base);
		assert_string_equal(b.p, rows[i].want);
		buf_done(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stream__gives__text_in_whatever_pieces),
		cmocka_unit_test(stream__gives__tool_calls_when_it_is_whole),
		cmocka_unit_test(stream__reports__why_it_stopped),
		cmocka_unit_test(stream__fails__when_it_is_broken),
		cmocka_unit_test(stream__ignores__what_it_does_not_know),
		cmocka_unit_test(usage__adds_up__what_came_from_the_cache),
		cmocka_unit_test(text__is_cut__at_its_largest),
		cmocka_unit_test(arguments__fail__when_too_large),
		cmocka_unit_test(body__is__what_the_api_wants),
		cmocka_unit_test(body__begins__with_a_user_has_no_empty_answer_and_names_the_tools_of_its_history),
		cmocka_unit_test(url__takes__any_form_of_base),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
