/* Requests of Slack: whose they are, and the frames that they become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../../adapters/slack/hook.h"
#include "../../../adapters/slack/wire.h"
#include "../../../core/base/buf.h"

#define SECRET "8f742231b10e8888abcd99yyyzzz85a5"
#define AT "1531420618"
#define NOW 1531420618

static const char command[] =
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA"
    "&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F"
    "96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
static const char command_mac[] = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
static const char press[] = "payload=%7B%22type%22%3A%22block_actions%22%7D";
static const char press_mac[] = "v0=9dffc25b49a4a7fc2e15c9c9450bf8af09eb501fcef9039eaea3deb58af0c82c";

static bool fits(const char *at, const char *mac, const char *body)
{
	return hook_signed(SECRET, at, mac, body, strlen(body), NOW);
}

static void hook_signed__published_examples__fit(void **state)
{
	(void)state;
	assert_true(fits(AT, command_mac, command));
	assert_true(fits(AT, press_mac, press));
	assert_true(hook_signed("new-one," SECRET, AT, press_mac, press, strlen(press), NOW));
	assert_true(fits(AT, "v1=00, v0=9DFFC25B49A4A7FC2E15C9C9450BF8AF09EB501FCEF9039EAEA3DEB58AF0C82C", press));
	assert_true(hook_signed(SECRET, AT, press_mac, press, strlen(press), NOW + 300));
	assert_true(hook_signed(SECRET, AT, press_mac, press, strlen(press), NOW - 300));
}

static void hook_signed__anything_else__does_not(void **state)
{
	(void)state;
	char body[sizeof press];
	memcpy(body, press, sizeof press);
	for (size_t i = 0; i < sizeof press - 1; i++) {
		body[i] ^= 1;
		assert_false(fits(AT, press_mac, body));
		body[i] ^= 1;
	}
	assert_false(hook_signed(SECRET, AT, press_mac, press, strlen(press), NOW + 301));
	assert_false(hook_signed(SECRET, AT, press_mac, press, strlen(press), NOW - 301));
	static const char *const times[] = { "", "1531420618 ", "+1531420618", "0x5b47a28a", "153142061800", "1531420619", "now" };
	for (size_t i = 0; i < sizeof times / sizeof *times; i++)
		assert_false(fits(times[i], press_mac, press));
	static const char *const macs[] = {
		"", "v0=", "9dffc25b49a4a7fc2e15c9c9450bf8af09eb501fcef9039eaea3deb58af0c82c",
		"v1=9dffc25b49a4a7fc2e15c9c9450bf8af09eb501fcef9039eaea3deb58af0c82c", "v0=9dffc25b",
		"v0=9dffc25b49a4a7fc2e15c9c9450bf8af09eb501fcef9039eaea3deb58af0c82cc",
		"v0=9dffc25b49a4a7fc2e15c9c9450bf8af09eb501fcef9039eaea3deb58af0c82g",
		"v0=x,v0=x,v0=x,v0=x,v0=x,v0=x,v0=x,v0=x,v0=x,v0=x,v0=9dffc25b49a4a7fc2e15c9c9450bf8af09eb501fcef9039eaea3deb58af0c82c"
	};
	for (size_t i = 0; i < sizeof macs / sizeof *macs; i++)
		assert_false(fits(AT, macs[i], press));
	assert_false(fits(NULL, press_mac, press));
	assert_false(fits(AT, NULL, press));
	assert_false(hook_signed("", AT, press_mac, press, strlen(press), NOW));
	assert_false(hook_signed(",", AT, press_mac, press, strlen(press), NOW));
}

static struct slack_event decoded(struct wire *w, struct buf *raw, const char *type, const char *body, size_t n)
{
	struct slack_event ev;
	assert_true(hook_frame(type, body, n, raw));
	wire_decode(w, raw->p, raw->len, &ev);
	return ev;
}

static void hook_frame__each_kind__reads_like_a_frame_of_a_link(void **state)
{
	(void)state;
	struct wire w = { 0 };
	struct buf raw = BUF_INIT;
	struct slack_event ev = decoded(&w, &raw, "application/x-www-form-urlencoded; charset=utf-8", command, strlen(command));
	assert_int_equal(ev.kind, FRAME_SLASH);
	assert_string_equal(ev.command, "/webhook-collect");
	assert_string_equal(ev.install_team, "T1DC2JH3J");
	assert_string_equal(ev.user, "U2CERLKJA");
	assert_string_equal(ev.response_url, "https://hooks.slack.com/commands/T1DC2JH3J/397700885554/96rGlfmibIGlgcZRskXaIFfN");
	assert_false(ev.install_org);
	static const char pressed[] =
	    "payload=%7B%22type%22%3A%22block_actions%22%2C%22team%22%3A%7B%22id%22%3A%22T1%22%7D%2C%22is_enterprise_install%22%3Atrue%2C"
	    "%22enterprise%22%3A%7B%22id%22%3A%22E1%22%7D%2C%22user%22%3A%7B%22id%22%3A%22U1%22%7D%7D";
	ev = decoded(&w, &raw, "application/x-www-form-urlencoded", pressed, strlen(pressed));
	assert_int_equal(ev.kind, FRAME_INTERACTIVE);
	assert_string_equal(ev.install_enterprise, "E1");
	assert_true(ev.install_org);
	static const char event[] =
	    "{\"team_id\":\"T9\",\"authorizations\":[{\"team_id\":\"T1\",\"enterprise_id\":\"E1\",\"is_enterprise_install\":false,"
	    "\"user_id\":\"UB\",\"is_bot\":true}],\"event\":{\"type\":\"app_mention\",\"user\":\"U1\",\"text\":\"hi\",\"ts\":\"1.2\"}}";
	ev = decoded(&w, &raw, "application/json", event, strlen(event));
	assert_int_equal(ev.kind, FRAME_EVENT);
	assert_string_equal(ev.team_id, "T9");
	assert_string_equal(
	    ev.install_team, "T1"); /* where it happened, and whose token it is for, are two things in a shared channel */
	wire_done(&w);
	buf_done(&raw);
}

static void hook_frame__what_slack_does_not_send__is_none_or_harmless(void **state)
{
	(void)state;
	struct wire w = { 0 };
	struct buf raw = BUF_INIT;
	struct slack_event ev;
	assert_false(hook_frame("text/plain", "x", 1, &raw));
	assert_false(hook_frame(NULL, "{}", 2, &raw));
	assert_false(hook_frame("application/x-www-form-urlencoded", "ssl_check=1&token=x", 19, &raw));
	assert_false(hook_frame("application/x-www-form-urlencoded", "", 0, &raw));
	assert_false(hook_frame("application/x-www-form-urlencoded", "%&&=&=%&%4", 10, &raw));
	/* what closes the envelope early is no JSON, or a field twice */
	static const char *const bodies[] = { "", "{", "null", "[]", "{}}", "{}, \"type\":\"hello\"", "{},\"payload\":{}", "\"x\"",
		"{\"event\":7}" };
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		ev = decoded(&w, &raw, "application/json", bodies[i], strlen(bodies[i]));
		assert_true(ev.kind == FRAME_BAD || ev.kind == FRAME_EVENT || ev.kind == FRAME_OTHER);
		assert_true(ev.kind != FRAME_HELLO);
	}
	ev = decoded(&w, &raw, "application/x-www-form-urlencoded", "payload=%00%7B%7D", 17);
	assert_int_equal(ev.kind, FRAME_BAD);
	ev = decoded(&w, &raw, "application/x-www-form-urlencoded", "command=/x&text=a%00b&text=%22%5c&user_id=U1", 44);
	assert_true(ev.kind == FRAME_SLASH || ev.kind == FRAME_BAD);
	wire_done(&w);
	buf_done(&raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hook_signed__published_examples__fit),
		cmocka_unit_test(hook_signed__anything_else__does_not),
		cmocka_unit_test(hook_frame__each_kind__reads_like_a_frame_of_a_link),
		cmocka_unit_test(hook_frame__what_slack_does_not_send__is_none_or_harmless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
