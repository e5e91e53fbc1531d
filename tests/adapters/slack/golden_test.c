/*
 * What people see of forks, resolutions, search and memory on Slack: messages made by the real words and the real renderer, compared with
 * tests/golden/slack, and checked against what Slack takes.  EDDY_WRITE=1 makes the files anew; read what changed before committing it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../adapters/slack/blocktext.h"
#include "../../../adapters/slack/out.h"
#include "../../../adapters/slack/render.h"
#include "../../../core/base/json.h"
#include "../../../core/base/mem.h"
#include "../../../core/base/utf8.h"
#include "../../../core/engine/fork.h"
#include "../../../core/talk/find.h"
#include "../../../core/talk/fold.h"
#include "../../../core/talk/resolution.h"

#define GOLDEN "tests/golden/slack/"
#define PARENT "https://acme.slack.com/archives/C0TEAM/p1760000000000100"
#define SIDE "https://acme.slack.com/archives/C0TEAM/p1760000100000200"

/* ---- what Slack takes ---- */

static size_t units(const json_t *o, const char *key)
{
	const char *s = json_str(o, key, "");
	return utf8_utf16_len(s, strlen(s));
}

static size_t all_text(const json_t *v)
{
	size_t n = 0, i;
	const char *key;
	json_t *sub;
	if (json_is_array(v))
		json_array_foreach (v, i, sub)
			n += all_text(sub);
	if (json_is_object(v))
		json_object_foreach ((json_t *)(uintptr_t)v, key, sub)
			n += strcmp(key, "text") == 0 && json_is_string(sub)
			    ? utf8_utf16_len(json_string_value(sub), json_string_length(sub))
			    : all_text(sub);
	return n;
}

static void check_button(const json_t *list, size_t i)
{
	const json_t *e = json_array_get(list, i);
	assert_string_equal(json_str(e, "type", ""), "button");
	assert_string_equal(json_str(json_obj(e, "text"), "type", ""), "plain_text");
	assert_in_range(units(json_obj(e, "text"), "text"), 1, 75);
	assert_in_range(units(e, "action_id"), 1, 255);
	assert_true(units(e, "value") <= 2000 && units(e, "url") <= 3000);
	assert_true(json_object_get(e, "value") == NULL || units(e, "value") > 0);
	const char *style = json_str(e, "style", "primary");
	assert_true(strcmp(style, "primary") == 0 || strcmp(style, "danger") == 0);
	for (size_t k = 0; k < i; k++)
		assert_string_not_equal(json_str(json_array_get(list, k), "action_id", ""), json_str(e, "action_id", ""));
}

static void check_message(const json_t *m)
{
	static const char *const kinds[] = { "rich_text", "header", "divider", "table", "section", "actions", NULL };
	const json_t *blocks = json_arr(m, "blocks");
	assert_in_range(units(m, "text"), 1, 40000);
	assert_true(json_array_size(blocks) <= 50);
	assert_true(all_text(blocks) <= 13200);
	int tables = 0;
	for (size_t i = 0; i < json_array_size(blocks); i++) {
		const json_t *b = json_array_get(blocks, i), *list = json_arr(b, "elements");
		const char *type = json_str(b, "type", "");
		bool known = false;
		for (size_t k = 0; kinds[k] != NULL; k++)
			known |= strcmp(kinds[k], type) == 0;
		assert_true(known);
		tables += strcmp(type, "table") == 0;
		if (strcmp(type, "section") == 0)
			assert_in_range(units(json_obj(b, "text"), "text"), 1, 3000);
		if (strcmp(type, "header") == 0)
			assert_in_range(units(json_obj(b, "text"), "text"), 1, 150);
		if (strcmp(type, "actions") == 0) {
			assert_in_range(json_array_size(list), 1, 25);
			for (size_t k = 0; k < json_array_size(list); k++)
				check_button(list, k);
		}
	}
	assert_true(tables <= 1);
}

/* ---- the files ---- */

static json_t *rendered(const char *md, const struct component *components, size_t n)
{
	struct buf blocks = BUF_INIT, words = BUF_INIT, all = BUF_INIT;
	struct whole w = { 0 };
	json_t *list = json_array();
	buf_add_str(&all, md);
	if (n > 0 && slack_render_components(components, n, &blocks, &words) > 0)
		w.blocks = blocks.p;
	if (words.len > 0)
		buf_addf(&all, "\n\n%s", words.p);
	w.md = all.p;
	w.md_len = all.len;
	whole_split(&w);
	for (size_t i = 0; i < w.parts_len; i++) {
		struct buf text = BUF_INIT, inside = BUF_INIT, json = BUF_INIT;
		json_t *o = NULL;
		part_render(&w, &w.parts[i], false, &text, &inside);
		buf_add_str(&json, "{\"text\":");
		buf_add_json_str(&json, text.p);
		if (inside.len > 0)
			buf_addf(&json, ",\"blocks\":[%s]", inside.p);
		buf_add_char(&json, '}');
		assert_int_equal(json_parse(json.p, json.len, 1 << 20, &o, NULL), ERR_NONE);
		check_message(o);
		json_array_append_new(list, o);
		buf_done(&text);
		buf_done(&inside);
		buf_done(&json);
		free(w.parts[i].md);
	}
	free(w.parts);
	buf_done(&all);
	buf_done(&blocks);
	buf_done(&words);
	return list;
}

static void golden(const char *name, const char *md, const struct component *components, size_t n)
{
	char path[200], *want = NULL;
	size_t room = 0;
	json_t *list = rendered(md, components, n);
	char *text = json_dumps(list, JSON_INDENT(2));
	snprintf(path, sizeof path, GOLDEN "%s.json", name);
	if (getenv("EDDY_WRITE") != NULL) {
		FILE *f = fopen(path, "w");
		assert_non_null(f);
		fprintf(f, "%s\n", text);
		fclose(f);
	}
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	ssize_t len = getdelim(&want, &room, '\0', f);
	fclose(f);
	assert_true(len > 0);
	want[len - 1] = '\0'; /* the last line's end */
	assert_string_equal(text, want);
	free(want);
	free(text);
	json_decref(list);
}

static struct component button(const char *label, const char *command, int style)
{
	return (struct component){
		.kind = COMPONENT_BUTTON, .action = ACTION_COMMAND, .value = command, .label = label, .style = style
	};
}

/* ---- side threads ---- */

static void fork__opening_and_link__look_like_this(void **state)
{
	(void)state;
	struct buf md = BUF_INIT;
	static const char said[] = "Which *database* do we take?\n<!channel> MySQL or Postgres & why?";
	fork_put_opening(&md,
	    &(struct fork_words){ .n = 2,
	        .topic = "Which database? [x](https://evil.example) <@U1>",
	        .creator = "Ada",
	        .author = "Bob_the_*builder*",
	        .quote = said,
	        .quote_len = strlen(said),
	        .link = PARENT });
	golden("fork_opening", md.p, NULL, 0);
	buf_reset(&md);
	fork_put_opened(&md, 2, "Which database?", SIDE);
	golden("fork_link", md.p, NULL, 0);
	buf_reset(&md);
	buf_add_str(&md,
	    "2 side threads are open here, which is as many as there may be. Which one can be closed?\n\n"
	    "- [#1 Which database?](" SIDE ") – active, asked for by Ada\n- #2 Who pays – opening, asked for by Bob\n");
	const struct component list[] = { button("Resolve #1", "resolve #1", BUTTON_PLAIN),
		button("Abandon #1", "abandon #1", BUTTON_DANGER), button("Resolve #2", "resolve #2", BUTTON_PLAIN),
		button("Abandon #2", "abandon #2", BUTTON_DANGER) };
	golden("fork_list", md.p, list, 4);
	buf_done(&md);
}

static char model[] =
    "{\"headline\":\"We take Postgres\",\"points\":[{\"text\":\"It runs here already\",\"sources\":[1]},{\"text\":\"MySQL "
    "would need a new backup job & three days\",\"sources\":[2,3]},{\"text\":\"Moving is done in `May`\",\"sources\":[4]}],"
    "\"decisions\":[{\"text\":\"Postgres, not MySQL\",\"sources\":[5]}],\"open_questions\":[{\"text\":\"Who moves the "
    "reports?\",\"sources\":[4]}],\"deferred\":[{\"text\":\"Sharding\",\"sources\":[3]}]}";

static void read_draft(struct resolution *r, struct digest_message m[5], char links[5][100])
{
	char why[200];
	for (size_t i = 0; i < 5; i++) {
		snprintf(links[i], 100,
		    "https://acme.slack.com/archives/C0TEAM/p17600002000002%02zu?thread_ts=1760000100.000200&cid=C0TEAM", i);
		m[i] = (struct digest_message){ .author = "Ada", .text = "x", .text_len = 1, .link = links[i] };
	}
	assert_true(resolution_parse(model, strlen(model), 5, r, why));
}

static void resolution__draft_and_post__look_like_this(void **state)
{
	(void)state;
	struct resolution r = { 0 };
	struct digest_message m[5];
	char links[5][100];
	struct buf md = BUF_INIT, plain = BUF_INIT;
	read_draft(&r, m, links);
	resolution_render(&r, NULL, 5, &plain);
	buf_add_str(&md, "A draft of what goes back, for Ada to accept, edit or discard:\n\n");
	resolution_render(&r, m, 5, &md);
	const struct component draft[] = { button("Accept", "accept", BUTTON_PRIMARY),
		{ .kind = COMPONENT_BUTTON,
		    .action = "fork.edit",
		    .value = plain.p,
		    .label = "Edit",
		    .fallback = "Say `edit:` and, from the next line on, the text as you want it." },
		button("Discard", "discard", BUTTON_PLAIN) };
	golden("draft", md.p, draft, 3);
	/* What a person gets to edit when the draft did not fit into the button. */
	json_t *shown = rendered(md.p, draft, 3);
	struct buf back = BUF_INIT;
	blocktext_markdown(json_arr(json_array_get(shown, 0), "blocks"), &back);
	const char *from = strstr(back.p, ":\n\n");
	assert_non_null(from);
	while (plain.len > 0 && plain.p[plain.len - 1] == '\n')
		buf_truncate(&plain, plain.len - 1);
	assert_string_equal(from + 3, plain.p);
	json_decref(shown);
	buf_done(&back);
	buf_reset(&md);
	resolution_render(&r, m, 5, &md);
	buf_add_str(&md, "\n\n– from side thread [#2 Which database?](" SIDE ")");
	const struct component open = {
		.kind = COMPONENT_LINK, .action = "fork.resolution", .value = SIDE, .label = "Side thread #2"
	};
	golden("resolution", md.p, &open, 1);
	resolution_done(&r);
	buf_done(&md);
	buf_done(&plain);
}

/* ---- search, memory, long answers ---- */

static bool link_to(
    void *arg, const char *adapter, const char *place_key, const char *thread_key, const char *message_key, char *out, size_t n)
{
	(void)arg;
	(void)adapter;
	return snprintf(out, n, "https://acme.slack.com/archives/%s/p%s?thread_ts=%s", place_key, message_key, thread_key) > 0;
}

static void search__page_and_private_offer__look_like_this(void **state)
{
	(void)state;
	static const char one[] = "The *budget* of week 7 is set & <done>", two[] = "Which budget?", three[] = "budget: 40 days";
	struct find_hit hits[] = { { .kind = FIND_MESSAGE,
		                       .at_ms = 1760000000000,
		                       .author_kind = 1,
		                       .author = "Ada",
		                       .place_name = "team",
		                       .text = one,
		                       .adapter = "slack",
		                       .place_key = "C0TEAM",
		                       .thread_key = "1760000000.000100",
		                       .message_key = "1760000000000300",
		                       .visibility = 4 },
		{ .kind = FIND_FORK,
		    .at_ms = 1760000100000,
		    .title = two,
		    .text = two,
		    .state = 2,
		    .author = "Bob",
		    .place_name = "team" },
		{ .kind = FIND_ITEM, .at_ms = 1760000200000, .text = three, .item_kind = 2, .author = "Bob" } };
	struct find_result found = { .hits = hits, .len = 3, .total = 11, .more = true, .own = true };
	struct find_request request;
	struct buf md = BUF_INIT;
	for (size_t i = 0; i < 3; i++)
		hits[i].mark.to = strlen(hits[i].text);
	hits[0].mark.hits[0].from = 5;
	hits[0].mark.hits[0].to = 11;
	hits[0].mark.len = 1;
	assert_true(find_request_read("budget in:team", 14, NULL, 1760000300000, &request, &md));
	find_write(&request, &found, FIND_PAGE, &(struct find_words){ .wall_ms = 1760000300000, .link = link_to }, &md);
	const struct component offers[] = { button("Next page", "search budget in:team page:2", BUTTON_PLAIN),
		{ .kind = COMPONENT_BUTTON,
		    .action = ACTION_COMMAND_PRIVATE,
		    .value = "search budget in:team",
		    .label = "Show it to me alone" } };
	golden("search", md.p, offers, 2);
	buf_reset(&md);
	found = (struct find_result){ .own = true };
	find_write(&request, &found, FIND_PAGE, &(struct find_words){ .wall_ms = 1760000300000, .link = link_to }, &md);
	golden("search_private_offer", md.p, offers + 1, 1);
	find_request_done(&request);
	buf_done(&md);
}

static void memory__list__looks_like_this(void **state)
{
	(void)state;
	const struct component keep[] = { button("Keep #17", "keep #17", BUTTON_PLAIN),
		button("Drop #17", "drop #17", BUTTON_PLAIN) };
	golden("memory",
	    "- **decision** We ship on \\*Fridays\\* only. (Ada, 2026-11-21, [source](" PARENT "), #24195)\n"
	    "- **note** the staging host is called oak (Bob, 2026-11-21, [source](" SIDE "), #89144)\n"
	    "\nNot confirmed yet (`keep #…` or `drop #…`):\n- **action** Ada orders the disks (Eddy, 2026-11-21, #17)\n",
	    keep, 2);
}

static void answer__long__looks_like_this(void **state)
{
	(void)state;
	struct buf answer = BUF_INIT, md = BUF_INIT;
	buf_add_str(&answer, "# How to move the database\n\nMoving takes three steps and a quiet evening.\n\n");
	for (int i = 1; i <= 70; i++)
		buf_addf(&answer, "Step %d of the plan copies table number %d and compares its rows afterwards. ", i, i);
	buf_add_str(&answer, "\n\n```sql\nSELECT 1;\n```\n\nThen the old host goes.");
	assert_true(fold_answer(answer.p, answer.len, 500, &md));
	const struct component more = button("Show all", "show all", BUTTON_PLAIN);
	golden("long_answer", md.p, &more, 1);
	golden("long_answer_whole", answer.p, NULL, 0);
	buf_done(&answer);
	buf_done(&md);
}

/* ---- limits ---- */

static void draft__of_any_size__stays_within_what_slack_takes(void **state)
{
	(void)state;
	struct buf md = BUF_INIT, value = BUF_INIT;
	for (size_t n = 100; n <= 40000; n = n * 3 / 2) {
		buf_reset(&md);
		buf_reset(&value);
		buf_add_str(&md, "**Head**\n\n");
		while (md.len < n)
			buf_addf(&md, "- %zu points & <counting> with a [link](https://a.example/%zu) \xf0\x9f\x8d\x8e\n", md.len,
			    md.len);
		buf_add(&value, md.p, md.len < 1900 ? md.len : 0);
		const struct component c[] = { button("Accept", "accept", BUTTON_PRIMARY),
			{ .kind = COMPONENT_BUTTON,
			    .action = "fork.edit",
			    .value = value.p,
			    .label = "Edit",
			    .fallback = "say edit" } };
		json_t *list = rendered(md.p, c, 2);
		json_t *last = json_array_get(list, json_array_size(list) - 1);
		char *s = json_dumps(last, 0);
		assert_non_null(strstr(s, "fork.edit"));
		free(s);
		json_decref(list);
	}
	buf_done(&md);
	buf_done(&value);
}

static void buttons__too_many_or_too_long__are_said_in_words(void **state)
{
	(void)state;
	struct component c[40];
	char labels[40][100], values[40][16];
	for (size_t i = 0; i < 40; i++) {
		snprintf(labels[i], sizeof labels[i], "Button %zu %s", i,
		    i % 2 ? "with a label that is longer than Slack would ever show in one line of it" : "");
		snprintf(values[i], sizeof values[i], "resolve #%zu", i);
		c[i] = button(labels[i], values[i], BUTTON_PLAIN);
		c[i].fallback = i >= 25 ? "say resolve and its number" : NULL;
	}
	json_t *list = rendered("Which one?", c, 40);
	char *s = json_dumps(list, 0);
	assert_non_null(strstr(s, "command#25"));
	assert_null(strstr(s, "command#26"));
	assert_non_null(strstr(s, "say resolve and its number"));
	free(s);
	json_decref(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fork__opening_and_link__look_like_this),
		cmocka_unit_test(resolution__draft_and_post__look_like_this),
		cmocka_unit_test(search__page_and_private_offer__look_like_this),
		cmocka_unit_test(memory__list__looks_like_this),
		cmocka_unit_test(answer__long__looks_like_this),
		cmocka_unit_test(draft__of_any_size__stays_within_what_slack_takes),
		cmocka_unit_test(buttons__too_many_or_too_long__are_said_in_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
