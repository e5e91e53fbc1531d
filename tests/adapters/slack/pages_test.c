/* The state that goes to Slack and comes back, and the token that is kept: what they say, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../adapters/slack/pages.c"

static struct slack_pages p = { .key = "a key of thirty-two bytes, or so", .secure = true };
static const char nonce[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/* A state as it would have been made ${ago_ms} before now. */
static void made(int64_t ago_ms, char out[BASE64URL_ROOM(STATE)])
{
	unsigned char s[STATE] = { 1, 2, 3 };
	put_u64(s + 16, clock_wall_ms() - (uint64_t)ago_ms);
	sign(&p, s, nonce, s + 24);
	base64url_encode(out, s, sizeof s);
}

static void state__of_this_browser_in_time__is_ours(void **state)
{
	(void)state;
	char text[BASE64URL_ROOM(STATE)], again[BASE64URL_ROOM(STATE)];
	struct id a, b;
	bool late;
	state_make(&p, nonce, text);
	state_make(&p, nonce, again);
	assert_true(state_read(&p, text, nonce, &a, &late));
	assert_true(state_read(&p, again, nonce, &b, &late));
	assert_false(id_equal(a, b));
	made(PAGES_STATE_MS - 5000, text);
	assert_true(state_read(&p, text, nonce, &a, &late));
}

static void state__late_or_bent__is_not(void **state)
{
	(void)state;
	char text[BASE64URL_ROOM(STATE)];
	struct id id;
	bool late;
	made(PAGES_STATE_MS + 5000, text);
	assert_false(state_read(&p, text, nonce, &id, &late));
	assert_true(late);
	made(-(int64_t)EARLY_MS - 5000, text);
	assert_false(state_read(&p, text, nonce, &id, &late));
	assert_true(late);
	state_make(&p, nonce, text);
	assert_false(state_read(&p, text, "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &id, &late));
	for (size_t i = 0; i < sizeof text - 1; i++) {
		char was = text[i];
		text[i] = was == 'x' ? 'y' : 'x';
		assert_false(state_read(&p, text, nonce, &id, &late));
		assert_false(late); /* when it was made is not believed either */
		text[i] = was;
	}
	assert_false(state_read(&p, "", nonce, &id, &late));
	assert_false(state_read(&p, NULL, nonce, &id, &late));
	text[sizeof text - 2] = '\0';
	assert_false(state_read(&p, text, nonce, &id, &late));
}

static void cookie__among_others__is_found(void **state)
{
	(void)state;
	char out[NONCE_TEXT], header[300];
	snprintf(header, sizeof header, "a=1; x__Host-eddy_install=%s; __Host-eddy_install=%s; b=2", nonce, nonce);
	assert_true(cookie_read(&p, header, out));
	assert_string_equal(out, nonce);
	assert_false(cookie_read(&p, "eddy_install=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", out));
	assert_false(cookie_read(&p, "__Host-eddy_install=AAAA", out));
	assert_false(cookie_read(&p, "__Host-eddy_install=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA<script>", out));
	assert_false(cookie_read(&p, NULL, out));
}

static void token__written_and_read__is_the_same(void **state)
{
	(void)state;
	struct slack_token t = { .token = xstrdup("xoxe.xoxb-1"),
		.refresh = xstrdup("xoxe-1"),
		.since_ms = 1000,
		.until_ms = 4000 },
	                   is;
	struct buf b = BUF_INIT;
	slack_token_write(&t, &b);
	assert_true(slack_token_read(b.p, b.len, &is));
	assert_string_equal(is.token, t.token);
	assert_string_equal(is.refresh, t.refresh);
	assert_int_equal(slack_token_due(&is), 3000);
	is.until_ms = 0;
	assert_int_equal(slack_token_due(&is), 0);
	slack_token_done(&is);
	slack_token_done(&t);
	assert_false(slack_token_read("{}", 2, &is));
	slack_token_done(&is);
	assert_false(slack_token_read("junk", 4, &is));
	buf_done(&b);
}

static void grant__of_something_else__is_not_taken(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"{\"access_token\":\"xoxb-1\",\"token_type\":\"bot\"}",
		"{\"access_token\":\"xoxb-1\",\"token_type\":\"user\",\"team\":{\"id\":\"T1\"}}",
		"{\"access_token\":\"\",\"token_type\":\"bot\",\"team\":{\"id\":\"T1\"}}",
		"{\"access_token\":\"xoxb-1\",\"token_type\":\"bot\",\"team\":{\"id\":\"T1'><b\"}}",
		"{\"access_token\":\"xoxb-1\",\"token_type\":\"bot\",\"team\":{\"id\":\"T1\"},\"is_enterprise_install\":true,\"enterprise\":null}",
		"{\"access_token\":\"xoxb-1\",\"token_type\":\"bot\",\"team\":{\"id\":\"T1\"},\"authed_user\":{\"id\":\"U 1\"}}",
	};
	for (size_t i = 0; i <= sizeof bad / sizeof *bad; i++) {
		struct coming *x = xcalloc(1, sizeof *x);
		bool good = i == sizeof bad / sizeof *bad;
		json_t *o = json_loads(good
		        ? "{\"access_token\":\"xoxb-1\",\"team\":null,\"is_enterprise_install\":true,\"enterprise\":{\"id\":\"E1\",\"name\":\"A\"}}"
		        : bad[i],
		    0, NULL);
		x->p = &p;
		assert_non_null(o);
		assert_int_equal(read_grant(x, o), good);
		json_decref(o);
		coming_free(x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(state__of_this_browser_in_time__is_ours),
		cmocka_unit_test(state__late_or_bent__is_not),
		cmocka_unit_test(cookie__among_others__is_found),
		cmocka_unit_test(token__written_and_read__is_the_same),
		cmocka_unit_test(grant__of_something_else__is_not_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
