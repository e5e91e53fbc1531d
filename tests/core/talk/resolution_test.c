/* Resolutions in their three forms: what a model says, what people make of it, and what is taken word for word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../core/base/buf.h"
#include "../../../core/base/utf8.h"
#include "../../../core/talk/resolution.h"

static const char *const marks[] = { "P", "D", "Q", "L" };

/* "H|P text 1,3|D text 2": short enough to compare by. */
static void flat(const struct resolution *r, struct buf *out)
{
	buf_reset(out);
	buf_add_str(out, r->headline);
	for (size_t i = 0; i < r->len; i++) {
		const struct resolution_line *l = &r->lines[i];
		buf_addf(out, "|%s %s", marks[l->part], l->text);
		for (size_t k = 0; k < l->sources_len; k++)
			buf_addf(out, "%s%d", k == 0 ? " " : ",", l->sources[k]);
	}
}

static void resolution_parse__reads__what_models_say(void **state)
{
	(void)state;
	static const struct {
		const char *said, *want; /* NULL: refused, and the reason begins with ... */
		const char *why;
	} cases[] = {
		{ "{\"headline\":\"H\",\"points\":[{\"text\":\"a\",\"sources\":[1,3]}]}", "H|P a 1,3", NULL },
		{ "```json\n{\"headline\":\"H\",\"points\":[{\"text\":\"a\",\"sources\":[2]}]}\n```", "H|P a 2", NULL },
		{ "Here it is:\n```\n{\"headline\":\"H\",\"points\":[{\"text\":\"a\",\"sources\":[2]}]}\n```\nAnything else?",
		    "H|P a 2", NULL },
		{ "{\"headline\":\" **H** \\n x\",\"points\":[{\"text\":\"- a\\n b\",\"sources\":[1]}]}", "H x|P a b 1", NULL },
		/* sources: existing ones only, each once, in order; a line without any is gone */
		{ "{\"headline\":\"H\",\"points\":[{\"text\":\"a\",\"sources\":[3,1,1,9,0,-1]},{\"text\":\"b\",\"sources\":[7]},{\"text\":\"c\"}]}",
		    "H|P a 1,3", NULL },
		{ "{\"headline\":\"H\",\"points\":[{\"text\":\"a [2].\",\"sources\":[]},\"b [1] [3]\",{\"text\":\"c\",\"sources\":[\"2\",\"[3]\",\"x\"]}]}",
		    "H|P a. 2|P b 1,3|P c 2,3", NULL },
		{ "{\"headline\":\"H\",\"points\":[{\"text\":\"a\",\"sources\":2}]}", "H|P a 2", NULL },
		/* parts in their order and within their limits */
		{ "{\"deferred\":[\"x [1]\",\"y [1]\",\"z [1]\"],\"open_questions\":[\"p? [1]\",\"q? [2]\",\"r? [3]\"],\"headline\":\"H\","
		  "\"decisions\":[\"d [1]\"],\"points\":[\"1 [1]\",\"b [1]\",\"c [1]\",\"d [1]\",\"e [1]\",\"f [1]\"]}",
		    "H|P 1 1|P b 1|P c 1|P d 1|P e 1|D d 1|Q p? 1|Q q? 2|L x 1|L y 1", NULL },
		{ "{\"headline\":\"H\",\"points\":[null,4,[],{},{\"text\":\"\",\"sources\":[1]},{\"text\":\"a\",\"sources\":[1]}]}",
		    "H|P a 1", NULL },
		{ "", NULL, "there is no JSON" },
		{ "I can't.", NULL, "there is no JSON" },
		{ "{\"headline\":\"H\",\"points\":[", NULL, "there is no JSON" },
		{ "{\"headline\":\"H\",\"points\":[}", NULL, "" },
		{ "{\"headline\":\"H\",\"headline\":\"I\",\"points\":[\"a [1]\"]}", NULL, "" },
		{ "{\"points\":[\"a [1]\"]}", NULL, "there is no headline" },
		{ "{\"headline\":\"**\",\"points\":[\"a [1]\"]}", NULL, "there is no headline" },
		{ "{\"headline\":7,\"points\":[\"a [1]\"]}", NULL, "there is no headline" },
		{ "{\"headline\":\"H\",\"points\":[\"a [4]\"]}", NULL, "no point" },
		{ "{\"headline\":\"H\",\"points\":{\"text\":\"a\",\"sources\":[1]}}", NULL, "no point" },
		{ "{\"headline\":\"H\",\"decisions\":[\"a [1]\"]}", NULL, "no point" },
	};
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct resolution r;
		char why[200] = "";
		bool ok = resolution_parse(cases[i].said, strlen(cases[i].said), 3, &r, why);
		if (cases[i].want == NULL) {
			assert_false(ok);
			assert_true(strlen(why) > 0);
			assert_memory_equal(why, cases[i].why, strlen(cases[i].why));
			continue;
		}
		if (!ok)
			fail_msg("case %zu: %s", i, why);
		flat(&r, &b);
		assert_string_equal(b.p, cases[i].want);
		resolution_done(&r);
	}
	buf_done(&b);
}

static void resolution_parse__cuts__what_is_too_long(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	struct resolution r;
	char why[200];
	buf_add_str(&b, "{\"headline\":\"");
	for (int i = 0; i < 50; i++)
		buf_add_str(&b, "größe ");
	buf_add_str(&b, "\",\"points\":[\"");
	for (int i = 0; i < 900; i++)
		buf_add_str(&b, "ß");
	buf_add_str(&b, " [1]\"]}");
	assert_true(resolution_parse(b.p, b.len, 1, &r, why));
	assert_true(utf8_valid(r.headline, strlen(r.headline)));
	assert_true(utf8_utf16_len(r.headline, strlen(r.headline)) <= RESOLUTION_HEADLINE_MAX);
	assert_non_null(strstr(r.headline, "größe…"));
	assert_int_equal(utf8_utf16_len(r.lines[0].text, strlen(r.lines[0].text)), RESOLUTION_LINE_MAX);
	resolution_done(&r);
	buf_reset(&b);
	for (size_t i = 0; i < 70000; i++)
		buf_add_char(&b, '{');
	assert_false(resolution_parse(b.p, b.len, 1, &r, why));
	buf_done(&b);
}

static void resolution_read__understands__people(void **state)
{
	(void)state;
	static const struct {
		const char *md, *want;
	} cases[] = {
		{ "**Head**\n\n- a [1] [3]\n\n**Decisions**\n\n- b [2]\n\n**Open questions**\n\n- c?\n\n**Deferred**\n\n- d [1]\n",
		    "Head|P a 1,3|D b 2|Q c?|L d 1" },
		{ "Head\n", "Head" },
		{ "\n\n  # Head #1\r\n\r\n* a [1]\r\n+ b\r\n• c [2]\r\n1. d\r\n2) e\r\n", "Head #1|P a 1|P b|P c 2|P d|P e" },
		{ "> **Head**\n> \n> - a [1]\n> - b\n>\n> *Decisions:*\n> – c [2, 3]\n", "Head|P a 1|P b|D c 2,3" },
		{ "> > Headline: Head\n- a\n  - below a\n    goes on\n- [x] done\n", "Head|P a|P below a goes on|P done" },
		/* headings in other words, another order, other languages */
		{ "Head\n\n## What we decided\n- a\n\n### Still open\n- b\n\n## Not now\n- c\n\nKey points\n- d\n",
		    "Head|P d|D a|Q b|L c" },
		{ "Kopf\n\nEntscheidungen:\n- a\n\n**Offene Fragen**\n- b\n\n**Zurückgestellt**\n- c", "Kopf|D a|Q b|L c" },
		{ "Tête\n**Décisions**\n- a\n**Questions ouvertes**\n- b\n**Plus tard**\n- c", "Tête|D a|Q b|L c" },
		{ "Título\nDecisiones\n- a\nPreguntas abiertas\n- b\nMás tarde\n- c", "Título|D a|Q b|L c" },
		/* what only looks like a heading stays */
		{ "Head\n- We leave it open\n\nAgreed with Ana on that.\n\n**Next steps**\n\n- a\n",
		    "Head|P We leave it open|P Agreed with Ana on that.|P **Next steps**|P a" },
		/* references in any shape; unknown ones are dropped */
		{ "Head\n- a [[1]](https://x.example/1) [[2]](https://x.example/2).\n- b [3](https://x.example)\n- c [9]\n- d [docs](https://x.example)\n- e [1,2; 9]",
		    "Head|P a. 1,2|P b 3|P c|P d [docs](https://x.example)|P e 1,2" },
		{ "Head\n- array[0] is first\n- [1]\n- x[2]", "Head|P array[0] is first|P x 2" },
		/* paragraphs instead of lists */
		{ "Head\nOne thing\nthat goes on. [1]\n\nAnother. [2]\n---\nThird",
		    "Head|P One thing that goes on. 1|P Another. 2|P Third" },
		{ "**Head**\n\n**Decisions**\n\n", "Head" },
		{ "**a** and **b**\n", "a and b" },
		{ "*Head*\n- *a*", "Head|P *a*" },
	};
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct resolution r;
		char why[200] = "";
		if (!resolution_read(cases[i].md, strlen(cases[i].md), 3, &r, why))
			fail_msg("case %zu: %s", i, why);
		flat(&r, &b);
		assert_string_equal(b.p, cases[i].want);
		resolution_done(&r);
	}
	buf_done(&b);
}

static void resolution_read__refuses__with_a_sentence(void **state)
{
	(void)state;
	struct resolution r;
	char why[200] = "";
	struct buf b = BUF_INIT;
	assert_false(resolution_read(" \n\n---\n", 7, 3, &r, why));
	assert_non_null(strstr(why, "headline"));
	for (int i = 0; i < 121; i++)
		buf_add_str(&b, "é");
	assert_false(resolution_read(b.p, b.len, 3, &r, why));
	assert_non_null(strstr(why, "121 characters"));
	buf_truncate(&b, 240);
	assert_true(resolution_read(b.p, b.len, 3, &r, why));
	resolution_done(&r);
	buf_add_str(&b, "\n- ");
	for (int i = 0; i < 401; i++)
		buf_add_char(&b, 'x');
	assert_false(resolution_read(b.p, b.len, 3, &r, why));
	assert_non_null(strstr(why, "401 characters"));
	buf_reset(&b);
	buf_add_str(&b, "Head\n");
	for (int i = 0; i < 25; i++)
		buf_add_str(&b, "- x\n");
	assert_false(resolution_read(b.p, b.len, 3, &r, why));
	assert_non_null(strstr(why, "24"));
	buf_done(&b);
}

static void resolution_render__comes_back__the_same(void **state)
{
	(void)state;
	const char *said =
	    "{\"headline\":\"Which *database*? \\u00e4\",\"points\":[\"Postgres has it [1]\",\"a_b_c and `code` [1] [2]\",\"x > y [3]\"],"
	    "\"decisions\":[\"We use Postgres. [2]\"],\"open_questions\":[\"Who? [3]\"],\"deferred\":[\"the rest [1]\"]}";
	const struct digest_message m[] = { { .link = "https://x.example/p1?a=(b)" }, { .link = NULL },
		{ .link = "https://x.example/3" } };
	struct resolution r, again;
	char why[200];
	struct buf one = BUF_INIT, two = BUF_INIT, md = BUF_INIT;
	assert_true(resolution_parse(said, strlen(said), 3, &r, why));
	flat(&r, &one);
	for (int linked = 0; linked < 2; linked++) {
		buf_reset(&md);
		resolution_render(&r, linked ? m : NULL, linked ? 3 : 0, &md);
		assert_true(resolution_read(md.p, md.len, 3, &again, why));
		flat(&again, &two);
		assert_string_equal(one.p, two.p);
		resolution_done(&again);
	}
	assert_non_null(strstr(md.p, "- Postgres has it [[1]](https://x.example/p1?a=%28b%29)\n"));
	assert_non_null(strstr(md.p, "\n\n**Decisions**\n\n- We use Postgres. [2]\n"));
	assert_memory_equal(md.p, "**Which *database*? ä**\n\n- ", strlen("**Which *database*? ä**\n\n- "));
	resolution_done(&r);
	buf_done(&one);
	buf_done(&two);
	buf_done(&md);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resolution_parse__reads__what_models_say),
		cmocka_unit_test(resolution_parse__cuts__what_is_too_long),
		cmocka_unit_test(resolution_read__understands__people),
		cmocka_unit_test(resolution_read__refuses__with_a_sentence),
		cmocka_unit_test(resolution_render__comes_back__the_same),
	};
	return cmocka_run_group_tests_name("resolution", tests, NULL, NULL);
}
