#include "replay.h"

#include "../../../adapters/model/openai.h"

#define D(json) "data: " json "\n\n"
#define C(choice) \
	D("{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"m\",\"choices\":[{\"index\":0," choice \
	  "}]}")
#define ROLE C("\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null")
#define TEXT(t) C("\"delta\":{\"content\":\"" t "\"},\"logprobs\":null,\"finish_reason\":null")
#define FINISH(reason) C("\"delta\":{},\"finish_reason\":\"" reason "\"")
#define USAGE \
	D("{\"choices\":[],\"usage\":{\"prompt_tokens\":40,\"completion_tokens\":7,\"total_tokens\":47,\"prompt_tokens_details\":{\"cached_tokens\":32}}}")
#define CALL(text) C("\"delta\":{\"tool_calls\":[" text "]},\"finish_reason\":null")
#define DONE "data: [DONE]\n\n"

struct row {
	const char *stream, *want;
};

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		replay_check(openai_event, rows[i].stream, rows[i].want);
}
#define CHECK(rows) check(rows, sizeof rows / sizeof rows[0])

static void stream__gives__text_and_usage(void **state)
{
	static const struct row rows[] = {
		{ ROLE TEXT("Gr\xc3\xbc") TEXT("\\u00dfe \\ud83d\\ude42") FINISH("stop") USAGE DONE,
		    "Gr\xc3\xbc\xc3\x9f"
		    "e \xf0\x9f\x99\x82|stop 0 in=40 out=7" },
		{ ROLE TEXT("x") FINISH("length") USAGE DONE, "x|stop 2 in=40 out=7" },
		{ ROLE TEXT("x") FINISH("content_filter") DONE, "x|stop 3" },
		{ ROLE C("\"delta\":{\"refusal\":\"No.\"}") FINISH("stop") DONE, "No.|stop 3" },
	};
	(void)state;
	CHECK(rows);
}

static void stream__gives__tool_calls_by_their_index(void **state)
{
	static const struct row rows[] = {
		{ C("\"delta\":{\"role\":\"assistant\",\"content\":null}") CALL(
		      "{\"index\":0,\"id\":\"c0\",\"type\":\"function\",\"function\":{\"name\":\"search\",\"arguments\":\"\"}}")
		        CALL(
		            "{\"index\":1,\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"read\",\"arguments\":\"\"}}")
		            CALL("{\"index\":0,\"function\":{\"arguments\":\"{\\\"q\\\":\"}}")
		                CALL("{\"index\":1,\"function\":{\"arguments\":\"{\\\"n\\\":1}\"}}") CALL(
		                    "{\"index\":0,\"function\":{\"arguments\":\"\\\"a\\\"}\"}}") FINISH("tool_calls") USAGE DONE,
		    "|call:c0 search {\"q\":\"a\"}|call:c1 read {\"n\":1}|stop 1 in=40 out=7" },
		/* llama.cpp: finish_reason "stop"; Ollama: whole calls, no index in some versions, arguments as an object in others */
		{ CALL("{\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":{\"a\":[1,2]}}}") FINISH("stop") DONE,
		    "|call:c f {\"a\":[1,2]}|stop 1" },
		{ CALL(
		      "{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"\"}}")
		        FINISH("tool_calls") DONE,
		    "|call:a f {}|call:b g {}|stop 1" },
		{ CALL("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}") CALL(
		      "{\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}") FINISH("tool_calls") DONE,
		    "|call:a f {}|call:b g {}|stop 1" },
		{ CALL("{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}") FINISH("tool_calls") DONE,
		    "|call:call_0 f {}|stop 1" },
		{ TEXT("x") FINISH("tool_calls") DONE, "x|stop 0" },
	};
	(void)state;
	CHECK(rows);
}

static void stream__fails__when_it_is_broken(void **state)
{
	static const struct row rows[] = {
		{ ROLE TEXT("x") D("{\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\",\"code\":null}}"),
		    "x|fail 2: server_error inside the stream" },
		{ ROLE TEXT("x")
		        D("{\"error\":{\"message\":\"slow down\",\"type\":\"requests\",\"code\":\"rate_limit_exceeded\"}}"),
		    "x|fail 1: requests inside the stream" },
		{ D("{\"error\":{\"code\":400,\"message\":\"the request exceeds the available context size\",\"type\":\"exceed_context_size_error\"}}"),
		    "|fail 3: exceed_context_size_error inside the stream" },
		{ D("{\"error\":\"model runner has stopped\"}"), "|fail 2: error inside the stream" },
		{ ROLE TEXT("x") DONE, "x|fail 2: the stream ended without a finish reason" },
		{ ROLE TEXT("x"), "x|open" },
		{ ROLE TEXT("x") FINISH("stop"), "x|open" },
		{ ROLE D("{\"choices\":["), "|fail 2: an event of the stream is not JSON" },
		{ CALL("{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\"}}") FINISH("tool_calls")
		        DONE,
		    "|fail 2: the arguments of a tool call are not a JSON object" },
		{ CALL("{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\"}}") FINISH("length") DONE,
		    "|stop 2" },
	};
	(void)state;
	CHECK(rows);
}

static void stream__ignores__what_it_does_not_know(void **state)
{
	static const struct row rows[] = {
		{ ": OPENROUTER PROCESSING\n\n" D("{\"choices\":null}") D("{\"choices\":[{\"delta\":null}]}") C(
		      "\"delta\":{\"reasoning_content\":\"hm\",\"content\":null}") C("\"delta\":{\"content\":7}")
		        D("{\"choices\":[{\"delta\":{\"content\":\"a\"}},{\"delta\":{\"content\":\"second choice\"}}],\"error\":null,\"usage\":null}")
		            C("\"finish_reason\":\"stop\",\"delta\":{\"content\":\"b\"}") DONE,
		    "ab|stop 0" },
	};
	(void)state;
	CHECK(rows);
}

static const struct model_message some[] = {
	{ .role = ROLE_USER, .text = "hi", .text_len = 2 },
	{ .role = ROLE_ASSISTANT, .text = "", .text_len = 0 },
	{ .role = ROLE_TOOL_CALL, .text = "{\"q\":\"x\"}", .text_len = 9, .tool_name = "search", .tool_id = "t1" },
	{ .role = ROLE_TOOL_CALL, .text = "", .text_len = 0, .tool_name = "read", .tool_id = "t2" },
	{ .role = ROLE_TOOL_RESULT, .text = "found \"it\"", .text_len = 10, .tool_id = "t1" },
	{ .role = ROLE_TOOL_RESULT, .text = "no", .text_len = 2, .tool_id = "t2", .tool_failed = true },
	{ .role = ROLE_ASSISTANT, .text = "Here.", .text_len = 5 },
};

static void body__is__what_the_api_wants(void **state)
{
	static const struct model_tool tool = { .name = "search", .description = "Search", .schema = "{\"type\":\"object\"}" };
	struct model_request r = {
		.system = "S", .system_len = 1, .messages = some, .messages_len = 7, .tools = &tool, .tools_len = 1, .max_tokens = 9
	};
	struct buf b = BUF_INIT;
	(void)state;
	openai_body(&b, &r, "gpt", true);
	assert_string_equal(b.p,
	    "{\"model\":\"gpt\",\"max_completion_tokens\":9,\"stream\":true,\"stream_options\":{\"include_usage\":true},"
	    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"search\",\"description\":\"Search\",\"parameters\":{\"type\":\"object\"}}}],"
	    "\"messages\":[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":\"hi\"},"
	    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"t1\",\"type\":\"function\",\"function\":{\"name\":\"search\",\"arguments\":\"{\\\"q\\\":\\\"x\\\"}\"}},"
	    "{\"id\":\"t2\",\"type\":\"function\",\"function\":{\"name\":\"read\",\"arguments\":\"{}\"}}]},"
	    "{\"role\":\"tool\",\"tool_call_id\":\"t1\",\"content\":\"found \\\"it\\\"\"},{\"role\":\"tool\",\"tool_call_id\":\"t2\",\"content\":\"Error: no\"},"
	    "{\"role\":\"assistant\",\"content\":\"Here.\"}]}");
	buf_reset(&b);
	r.temperature = 31; /* hundredths and one more; those who think first are not told */
	openai_body(&b, &r, "gpt-4o", true);
	assert_non_null(strstr(b.p, "\"max_completion_tokens\":9,\"temperature\":0.30,\"stream\":true"));
	buf_reset(&b);
	openai_body(&b, &r, "openai/gpt-5-mini", true);
	assert_null(strstr(b.p, "temperature"));
	buf_reset(&b);
	r = (struct model_request){ .messages = some + 6, .messages_len = 1, .max_tokens = 9 };
	openai_body(&b, &r, "llama", false);
	assert_string_equal(b.p,
	    "{\"model\":\"llama\",\"max_tokens\":9,\"stream\":true,\"stream_options\":{\"include_usage\":true},"
	    "\"messages\":[{\"role\":\"user\",\"content\":\"(earlier messages are left out)\"},{\"role\":\"assistant\",\"content\":\"Here.\"}]}");
	buf_done(&b);
}

static void url__takes__any_form_of_base(void **state)
{
	static const struct {
		const char *base, *want;
	} rows[] = {
		{ "https://api.openai.com", "https://api.openai.com/v1/chat/completions" },
		{ "http://127.0.0.1:11434/v1/", "http://127.0.0.1:11434/v1/chat/completions" },
		{ "http://127.0.0.1:8080", "http://127.0.0.1:8080/v1/chat/completions" },
		{ "https://h/v1beta/openai/", "https://h/v1beta/openai/chat/completions" },
		{ "https://h/v1/chat/completions", "https://h/v1/chat/completions" },
		{ "http://openai", "http://openai/v1/chat/completions" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf b = BUF_INIT;
		openai_url(&b, rows[i].base);
		assert_string_equal(b.p, rows[i].want);
		buf_done(&b);
	}
	assert_true(openai_is_own("https://api.openai.com/v1"));
	assert_false(openai_is_own("http://localhost:8080"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stream__gives__text_and_usage),
		cmocka_unit_test(stream__gives__tool_calls_by_their_index),
		cmocka_unit_test(stream__fails__when_it_is_broken),
		cmocka_unit_test(stream__ignores__what_it_does_not_know),
		cmocka_unit_test(body__is__what_the_api_wants),
		cmocka_unit_test(url__takes__any_form_of_base),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
