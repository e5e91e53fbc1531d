#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../adapters/slack/render.h"
#include "../../../core/base/buf.h"
#include "../../../core/base/json.h"

#define GOLDEN "tests/adapters/slack/golden/"

static bool slurp(const char *name, const char *ext, struct buf *out)
{
	char path[200];
	snprintf(path, sizeof path, GOLDEN "%s.%s", name, ext);
	FILE *f = fopen(path, "r");
	if (!f)
		return false;
	char b[4096];
	size_t n;
	while ((n = fread(b, 1, sizeof b, f)) > 0)
		buf_add(out, b, n);
	fclose(f);
	return true;
}

/* EDDY_GOLDEN=write makes the files anew; read what changed before committing it. */
static void golden(const char *name, const char *ext, const char *text)
{
	char path[200];
	struct buf want = BUF_INIT;
	const char *mode = getenv("EDDY_GOLDEN");
	if (mode && strcmp(mode, "write") == 0) {
		snprintf(path, sizeof path, GOLDEN "%s.%s", name, ext);
		FILE *f = fopen(path, "w");
		assert_non_null(f);
		fputs(text, f);
		fclose(f);
	}
	assert_true(slurp(name, ext, &want));
	assert_string_equal(text, want.p ? want.p : "");
	buf_done(&want);
}

static void mrkdwn_of(const char *md, struct buf *out)
{
	struct doc *d = doc_parse(md, strlen(md));
	slack_render_mrkdwn(d, out);
	doc_free(d);
	buf_add_str(out, "");
}

static json_t *blocks_of(const char *md)
{
	struct doc *d = doc_parse(md, strlen(md));
	struct buf b = BUF_INIT;
	char why[160];
	json_t *root = NULL;
	buf_add_char(&b, '[');
	size_t n = slack_render_blocks(d, &b);
	buf_add_char(&b, ']');
	assert_int_equal(json_parse(b.p, b.len, 1 << 22, &root, why), ERR_NONE);
	assert_int_equal(json_array_size(root), n);
	doc_free(d);
	buf_done(&b);
	return root;
}

static void render__matches__the_golden_files(void **state)
{
	(void)state;
	static const char *const names[] = { "plain", "structure", "tables", "code", "links", "marks", "nested" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct buf md = BUF_INIT, text = BUF_INIT;
		assert_true(slurp(names[i], "md", &md));
		mrkdwn_of(md.p, &text);
		struct doc *d = doc_parse(md.p, md.len);
		struct buf head = BUF_INIT;
		buf_addf(&head, "%s\n%s\n", slack_fits_mrkdwn(d) ? "fits" : "needs blocks", text.p);
		doc_free(d);
		golden(names[i], "mrkdwn", head.p);
		json_t *blocks = blocks_of(md.p);
		char *s = json_dumps(blocks, JSON_INDENT(1));
		golden(names[i], "json", s);
		free(s);
		json_decref(blocks);
		buf_done(&head);
		buf_done(&md);
		buf_done(&text);
	}
}

static void mrkdwn__fits__only_what_slack_shows_as_meant(void **state)
{
	(void)state;
	static const struct {
		const char *md;
		bool fits;
	} cases[] = {
		{ "plain words", true },
		{ "two\n\nparagraphs", true },
		{ "**bold** and *it*", true },
		{ "- a\n- b", true },
		{ "> quote", true },
		{ "```\ncode\n```", true },
		{ "[x](https://a.example)", true },
		{ "`a`", true },
		{ "snake_case_name", true },
		{ "re=1 users=2 end=1", true },
		{ "# head", false },
		{ "| a |\n|---|\n| 1 |", false },
		{ "5 \\* 3", false },
		{ "a\\~b", false },
		{ "mid**bold**word", false },
		{ "**bold**s", false },
		{ "\\> x", false },
		{ "_x \\_ y_", false },
		{ "---", false },
		{ "- a\n\n  ```\n  c\n  ```", false },
		{ "``a`b``", false },
		{ "**two\nlines**", false },
		{ "", true },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct doc *d = doc_parse(cases[i].md, strlen(cases[i].md));
		if (slack_fits_mrkdwn(d) != cases[i].fits)
			fail_msg("%s", cases[i].md);
		doc_free(d);
	}
}

static void escape__round_trips(void **state)
{
	(void)state;
	struct buf e = BUF_INIT, u = BUF_INIT;
	const char *s = "<!channel> & &amp; <@U1|x> a>b &lt;";
	slack_escape(&e, s, strlen(s));
	assert_null(strchr(e.p, '<'));
	slack_unescape(&u, e.p, e.len);
	assert_string_equal(u.p, s);
	buf_done(&e);
	buf_done(&u);
}

static void links__cannot__hide_where_they_go(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	mrkdwn_of(
	    "[https://bank.example](https://evil.example/) [www.ok.example](https://www.ok.example/) [x](https://a.example/?p=1|2)",
	    &b);
	assert_string_equal(b.p,
	    "https://bank.example (<https://evil.example/>) <https://www.ok.example/|www.ok.example> <https://a.example/?p=1%7C2|x>");
	buf_reset(&b);
	mrkdwn_of("[www.x.example](https://evil.example/?q=www.x.example) [y](javascript:alert(1))", &b);
	assert_non_null(strstr(b.p, "(<https://evil.example/?q=www.x.example>)"));
	assert_null(strstr(b.p, "javascript:alert(1)|"));
	buf_done(&b);
}

static void blocks__use__one_table_and_stay_within_limits(void **state)
{
	(void)state;
	struct buf md = BUF_INIT;
	buf_add_str(&md, "| a | b |\n|---|---|\n");
	for (int i = 0; i < 98; i++)
		buf_addf(&md, "| %d |  |\n", i);
	buf_add_str(&md, "\n\n| c |\n|---|\n| d |\n");
	json_t *blocks = blocks_of(md.p);
	int tables = 0;
	size_t i;
	json_t *b;
	json_array_foreach (blocks, i, b)
		tables += strcmp(json_str(b, "type", ""), "table") == 0;
	assert_int_equal(tables, 1);
	char *s = json_dumps(blocks, 0);
	assert_null(strstr(s, "\"elements\": []"));
	assert_null(strstr(s, "\"text\": \"\""));
	free(s);
	json_decref(blocks);
	buf_reset(&md);
	for (int k = 0; k < 60; k++)
		buf_addf(&md, "# Head %d\n\ntext\n\n", k);
	blocks = blocks_of(md.p);
	assert_true(json_array_size(blocks) <= SLACK_BLOCKS_MAX - 2 && json_array_size(blocks) > 0);
	json_decref(blocks);
	buf_done(&md);
}

static void stream_text__breaks__control_forms_over_any_cut(void **state)
{
	(void)state;
	const char *md = "a <!channel> b <@U12> c <#C9|x> <!-- note --> <!doctype html> 1<2 <!herd <!here> <!subteam^S1> <@ x <";
	const char *want =
	    "a <\xe2\x80\x8b!channel> b <\xe2\x80\x8b@U12> c <\xe2\x80\x8b#C9|x> <!-- note --> <!doctype html> 1<2 <!herd "
	    "<\xe2\x80\x8b!here> <\xe2\x80\x8b!subteam^S1> <@ x <";
	size_t n = strlen(md);
	for (size_t cut = 0; cut <= n; cut++) {
		for (size_t cut2 = cut; cut2 <= n; cut2 += 3) {
			unsigned st = 0;
			struct buf b = BUF_INIT;
			if (cut > 0)
				slack_stream_text(&st, md, cut, &b);
			if (cut2 > cut)
				slack_stream_text(&st, md + cut, cut2 - cut, &b);
			if (n > cut2)
				slack_stream_text(&st, md + cut2, n - cut2, &b);
			slack_stream_text(&st, NULL, 0, &b);
			assert_string_equal(b.p, want);
			buf_done(&b);
		}
	}
}

static void action_len__takes__the_counter_off(void **state)
{
	(void)state;
	assert_int_equal(slack_action_len("approve"), 7);
	assert_int_equal(slack_action_len("approve#2"), 7);
	assert_int_equal(slack_action_len("approve#"), 8);
	assert_int_equal(slack_action_len("#2"), 2);
}

static void components__say__what_does_not_fit(void **state)
{
	(void)state;
	char long_value[2200];
	memset(long_value, 'v', sizeof long_value - 1);
	long_value[sizeof long_value - 1] = '\0';
	struct component c[] = {
		{ .kind = COMPONENT_BUTTON, .action = "a", .value = long_value, .label = "Go", .fallback = "say go" },
		{ .kind = COMPONENT_LINK, .value = "javascript:x", .label = "L", .fallback = "see there" },
		{ .kind = COMPONENT_LINK, .value = "https://a.example/", .label = "L" },
		{ .kind = COMPONENT_CARD, .label = "Card", .fallback = "card <!here> text" },
	};
	struct buf out = BUF_INIT, words = BUF_INIT;
	assert_int_equal(slack_render_components(c, 4, &out, &words), 2);
	assert_string_equal(words.p, "say go\nsee there");
	assert_non_null(strstr(out.p, "\"plain_text\",\"text\":\"card <!here> text\""));
	assert_non_null(strstr(out.p, "\"url\":\"https://a.example/\""));
	buf_done(&out);
	buf_done(&words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(render__matches__the_golden_files),
		cmocka_unit_test(mrkdwn__fits__only_what_slack_shows_as_meant),
		cmocka_unit_test(escape__round_trips),
		cmocka_unit_test(links__cannot__hide_where_they_go),
		cmocka_unit_test(blocks__use__one_table_and_stay_within_limits),
		cmocka_unit_test(stream_text__breaks__control_forms_over_any_cut),
		cmocka_unit_test(action_len__takes__the_counter_off),
		cmocka_unit_test(components__say__what_does_not_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
