/* Who we are: what auth.test may answer, and what comes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../../adapters/slack/login.h"
#include "../../../adapters/slack/slack_internal.h"
#include "../../../adapters/slack/socket.h"
#include "../../../core/engine/engine.h"
#include "neighbours.h"

static char api_url[] = "https://slack.test/api/";
static struct slack s;
static struct slack_login *l;
static int readies, installs;
static char installed[100];
static bool database_away;

bool sock_error_fatal(const char *error)
{
	return strcmp(error, "invalid_auth") == 0;
}
uint32_t sock_backoff_ms(unsigned failures, uint32_t random)
{
	(void)random;
	return failures * 1000;
}
bool engine_submit(struct engine *e, void (*fn)(void *arg), void *arg)
{
	(void)e;
	return near_put(&near_workers, fn, arg);
}
enum err engine_install(struct engine *e, const char *adapter, const char *external_id, const char *name, bool home, struct id *ws)
{
	(void)e;
	installs++;
	assert_string_equal(adapter, "slack");
	assert_true(home);
	snprintf(installed, sizeof(installed), "%s %s", external_id, name);
	if (database_away)
		return ERR_RETRY;
	*ws = (struct id){ { 7 } };
	return ERR_NONE;
}
static void ready(struct slack *of)
{
	assert_ptr_equal(of, &s);
	assert_non_null(atomic_load(&s.self));
	readies++;
}

static int begin(void **state)
{
	(void)state;
	s = (struct slack){ .api_url = api_url, .bot_token = "xoxb-very-secret" };
	readies = installs = 0;
	database_away = false;
	l = login_new(&s, ready);
	login_start(l);
	near_run();
	return 0;
}

static int end(void **state)
{
	(void)state;
	near_end();
	login_free(l);
	assert_null(atomic_load(&s.self));
	return 0;
}

#define GOOD \
	"{\"ok\":true,\"url\":\"https://acme.test/\",\"team\":\"Acme\",\"user\":\"eddy\",\"team_id\":\"T1\",\"user_id\":\"UEDDY\"," \
	"\"bot_id\":\"B1\"}"

static const char *why(void)
{
	static char text[300];
	login_why(l, text, sizeof(text));
	return text;
}

static void login__takes__who_we_are_and_the_tenant(void **state)
{
	(void)state;
	assert_string_equal(near_waits(), "https://slack.test/api/auth.test");
	assert_non_null(strstr(near_calls[0].head, "Authorization: Bearer xoxb-very-secret\n"));
	near_http((struct http_result){ .status = 200, .body = GOOD, .header = "chat:write,files:read" });
	assert_int_equal(readies, 1);
	const struct slack_self *self = atomic_load(&s.self);
	assert_string_equal(self->user_id, "UEDDY");
	assert_string_equal(self->bot_id, "B1");
	assert_string_equal(self->team_id, "T1");
	assert_string_equal(self->team_url, "https://acme.test/");
	assert_string_equal(self->scopes, "chat:write,files:read");
	assert_false(self->org_install);
	assert_int_equal(self->ws.b[0], 7);
	assert_string_equal(installed, "T1 Acme");
	assert_string_equal(why(), "");
	near_pass(100000);
	assert_int_equal(near_calls_len, 0);
	assert_int_equal(readies, 1);
}

static void login__of_an_organisation__goes_by_the_enterprise(void **state)
{
	(void)state;
	near_http((struct http_result){
	    .status = 200, .body = "{\"ok\":true,\"enterprise_id\":\"E1\",\"user_id\":\"UEDDY\",\"is_enterprise_install\":true}" });
	const struct slack_self *self = atomic_load(&s.self);
	assert_non_null(self);
	assert_string_equal(self->team_id, "E1");
	assert_true(self->org_install);
	assert_string_equal(self->bot_id, "");
}

static void login__stops__where_slack_says_a_definite_no(void **state)
{
	(void)state;
	near_http((struct http_result){ .status = 200, .body = "{\"ok\":false,\"error\":\"invalid_auth\"}" });
	assert_string_equal(why(), "invalid_auth for slack.bot_token");
	near_pass(1000000);
	assert_int_equal(near_calls_len, 0);
	assert_int_equal(readies, 0);
}

static void login__tries_again__after_anything_else(void **state)
{
	(void)state;
	static const struct {
		struct http_result r;
		const char *why;
	} bad[] = {
		{ { .fail = HTTP_CONNECT, .why = "no route" }, "no route" },
		{ { .fail = HTTP_TIMEOUT }, "no connection" },
		{ { .status = 502, .body = "<html>" }, "HTTP 502 without an answer" },
		{ { .status = 200, .body = "" }, "HTTP 200 without an answer" },
		{ { .status = 200, .body = "[true]" }, "HTTP 200 without an answer" },
		{ { .status = 200, .body = "{\"ok\":1}" }, "no answer" },
		{ { .status = 200, .body = "{\"ok\":false,\"error\":{}}" }, "no answer" },
		{ { .status = 200, .body = "{\"ok\":true}" }, "auth.test names no user and team" },
		{ { .status = 200, .body = "{\"ok\":true,\"user_id\":\"U\",\"team_id\":5}" }, "auth.test names no user and team" },
		{ { .status = 429, .body = "{\"ok\":false,\"error\":\"ratelimited\"}", .retry_after_ms = 60000 }, "ratelimited" },
	};
	unsigned failures = 0;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		near_http(bad[i].r);
		assert_string_equal(why(), bad[i].why);
		assert_int_equal(near_calls_len, 0);
		uint64_t wait = bad[i].r.retry_after_ms ? bad[i].r.retry_after_ms : ++failures * 1000;
		near_pass(wait - 1);
		assert_int_equal(near_calls_len, 0);
		near_pass(1);
		assert_int_equal(near_calls_len, 1);
	}
	assert_int_equal(readies, 0);
	near_http((struct http_result){ .status = 200, .body = GOOD });
	assert_int_equal(readies, 1);
	assert_string_equal(why(), "");
}

static void login__waits__for_the_database_without_asking_slack_again(void **state)
{
	(void)state;
	database_away = true;
	near_http((struct http_result){ .status = 200, .body = GOOD });
	assert_string_equal(why(), "the database is away");
	assert_null(atomic_load(&s.self));
	near_pass(1000);
	assert_int_equal(installs, 2);
	assert_int_equal(near_calls_len, 0);
	near_workers.full = true; /* no worker is free either */
	near_pass(2000);
	assert_string_equal(why(), "too much is waiting");
	near_workers.full = database_away = false;
	near_pass(3000);
	assert_int_equal(readies, 1);
	assert_int_equal(installs, 3);
	assert_int_equal(near_calls_len, 0);
}

static void login__tries_again__when_the_request_cannot_be_queued(void **state)
{
	(void)state;
	near_http((struct http_result){ .fail = HTTP_CUT, .why = "cut" });
	near_refuses = true;
	near_pass(1000);
	assert_string_equal(why(), "too much is waiting");
	near_refuses = false;
	near_pass(2000);
	assert_int_equal(near_calls_len, 1);
	near_http((struct http_result){ .status = 200, .body = GOOD });
	assert_int_equal(readies, 1);
}

static void login__ends__when_the_adapter_stops(void **state)
{
	(void)state;
	atomic_store(&s.stopping, true);
	near_http((struct http_result){ .fail = HTTP_CANCELLED, .why = "the program stops" });
	near_pass(100000);
	assert_int_equal(near_calls_len, 0);
	assert_null(near_timers);
}

static void login__that_answers_late__is_dropped(void **state)
{
	(void)state;
	near_loop.full = true;
	near_http((struct http_result){ .fail = HTTP_CANCELLED, .why = "the program stops" });
	assert_int_equal(readies, 0);
	near_loop.full = false;
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		T(login__takes__who_we_are_and_the_tenant),
		T(login__of_an_organisation__goes_by_the_enterprise),
		T(login__stops__where_slack_says_a_definite_no),
		T(login__tries_again__after_anything_else),
		T(login__waits__for_the_database_without_asking_slack_again),
		T(login__tries_again__when_the_request_cannot_be_queued),
		T(login__ends__when_the_adapter_stops),
		T(login__that_answers_late__is_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
