/*
 * What people see of side threads and searches in their mailboxes, pinned word for word in tests/golden/mail: the text and the HTML of each kind
 * of mail, as the composer writes them from what the core says.  EDDY_WRITE=1 writes the files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../adapters/email/compose.h"
#include "../../../adapters/email/mail.h"
#include "../../../adapters/email/orders.h"
#include "../../../adapters/email/origin.h"
#include "../../../adapters/email/text.h"
#include "../../../core/engine/fork.h"
#include "../../../core/talk/find.h"
#include "../../../core/talk/resolution.h"

#define FOLDER "tests/golden/mail/"
#define FOOTER \
	"Eddy (an AI teammate), eddy@acme.example\nYou get this because you wrote to me or were on copy. To have no more answers in this conversation, answer: be quiet"

static const struct draft_address eddy = { "Eddy", "eddy@acme.example" }, ann = { "Ann Example", "ann@acme.example" };

static struct draft draft_of(const char *subject, const struct buf *md, const struct component *c, size_t n)
{
	return (struct draft){ .from = eddy,
		.to = &ann,
		.to_len = 1,
		.subject = subject,
		.message_id = "eddy-1@acme.example",
		.date = 1795263600,
		.markdown = md->p,
		.markdown_len = md->len,
		.components = c,
		.components_len = n,
		.footer = FOOTER };
}

/* ---- golden files ---- */

static void read_file(const char *path, struct buf *out)
{
	char bytes[4096];
	FILE *f = fopen(path, "r");
	buf_reset(out);
	if (f == NULL)
		fail_msg("%s is missing; EDDY_WRITE=1 writes it", path);
	for (size_t n; (n = fread(bytes, 1, sizeof(bytes), f)) > 0;)
		buf_add(out, bytes, n);
	fclose(f);
}

static void pinned(const char *name, const char *end, const struct buf *now)
{
	char path[200];
	struct buf want = BUF_INIT;
	snprintf(path, sizeof(path), FOLDER "%s.%s", name, end);
	if (getenv("EDDY_WRITE") != NULL) {
		FILE *f = fopen(path, "w");
		assert_non_null(f);
		assert_int_equal(fwrite(now->p, 1, now->len, f), now->len);
		assert_int_equal(fclose(f), 0);
	}
	read_file(path, &want);
	if (strcmp(want.p, now->p) != 0)
		fail_msg("%s is now:\n%s\n(EDDY_WRITE=1 writes it)", path, now->p);
	buf_done(&want);
}

static void looks(const char *name, const struct draft *d)
{
	struct buf text = BUF_INIT, html = BUF_INIT, raw = BUF_INIT;
	char why[100] = "";
	buf_reset(&text);
	buf_reset(&html);
	assert_int_equal(compose_mail(d, &raw, why, sizeof(why)), ERR_NONE);
	compose_plain(d, &text);
	compose_html(d, &html);
	/* Nothing is fetched, nothing runs. */
	static const char *const never[] = { "src=", "<script", "url(", "<link", "<iframe", "<form", "onload" };
	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		assert_null(strstr(html.p, never[i]));
	pinned(name, "txt", &text);
	pinned(name, "html", &html);
	buf_done(&text);
	buf_done(&html);
	buf_done(&raw);
}

/* ---- what the core says ---- */

static const struct digest_message said[] = {
	{ .author = "Ann Example", .at_ms = 1795250000000, .text = "The orders are 40 GB of documents.", .text_len = 34 },
	{ .author = "Bob", .at_ms = 1795254000000, .text = "We take MySQL.", .text_len = 14 },
	{ .author = "Ann Example", .at_ms = 1795250000000, .text = "Correction: we take Postgres.", .text_len = 29 },
};

static void resolution_of(struct resolution *r)
{
	static const char json[] =
	    "{\"headline\":\"Postgres keeps the orders\",\"points\":[{\"text\":\"The orders are 40 GB of documents, which Postgres keeps as they "
	    "are; a second system would have to be run, backed up and explained.\",\"sources\":[1,3]},{\"text\":\"MySQL was looked at "
	    "first.\",\"sources\":[2]},{\"text\":\"The reports stay where they are.\",\"sources\":[3]}],\"decisions\":[{\"text\":\"We take "
	    "Postgres.\",\"sources\":[3]}],\"open_questions\":[{\"text\":\"Who runs the backups?\",\"sources\":[1]}],\"deferred\":[]}";
	char why[200];
	if (!resolution_parse(json, strlen(json), 3, r, why))
		fail_msg("%s", why);
}

static const struct component draft_choices[] = {
	{ .kind = COMPONENT_BUTTON, .action = ACTION_COMMAND, .value = "accept", .label = "Accept", .style = BUTTON_PRIMARY },
	{ .kind = COMPONENT_BUTTON, .action = "fork.edit", .value = "**Postgres**", .label = "Edit", .fallback = "Say `edit:`." },
	{ .kind = COMPONENT_BUTTON, .action = ACTION_COMMAND, .value = "discard", .label = "Discard" },
};

static void write_draft(struct buf *md)
{
	struct resolution r = { 0 };
	resolution_of(&r);
	buf_add_str(md, "A draft of what goes back, for Ann Example to accept, edit or discard:\n\n");
	resolution_render(&r, said, 3, md);
	resolution_done(&r);
}

static void looks__opening__of_a_side_thread(void **state)
{
	(void)state;
	struct buf md = BUF_INIT;
	static const char quote[] = "We move the orders in May.\nWhat do they need?";
	fork_put_opening(&md,
	    &(struct fork_words){ .n = 1,
	        .topic = "Which database?",
	        .creator = "Ann Example",
	        .author = "Bob",
	        .quote = quote,
	        .quote_len = strlen(quote) });
	struct draft d = draft_of("Which database? (aside from: Planning May)", &md, NULL, 0);
	d.unattended = true;
	d.footer =
	    "Eddy (an AI teammate), eddy@acme.example\nYou get this because you are in the conversation \"Planning May\"; this is a side thread "
	    "of it. To have no more answers in this conversation, answer: be quiet";
	looks("opening", &d);
	buf_done(&md);
}

static void looks__opened__where_it_was_asked_for(void **state)
{
	(void)state;
	struct buf md = BUF_INIT;
	fork_put_opened(&md, 1, "Which database?", NULL);
	struct draft d = draft_of("Re: Planning May", &md, NULL, 0);
	looks("opened", &d);
	buf_done(&md);
}

static void looks__draft__tells_how_to_answer(void **state)
{
	(void)state;
	struct buf md = BUF_INIT;
	write_draft(&md);
	struct draft d = draft_of("Re: Which database? (aside from: Planning May)", &md, draft_choices, 3);
	looks("draft", &d);
	assert_string_equal(compose_option(draft_choices, 3, 2)->value, "discard"); /* what is edited has no number */
	assert_null(compose_option(draft_choices, 3, 3));
	buf_done(&md);
}

static void looks__resolution__as_it_comes_back(void **state)
{
	(void)state;
	struct buf md = BUF_INIT;
	struct resolution r = { 0 };
	resolution_of(&r);
	resolution_render(&r, said, 3, &md);
	buf_add_str(&md, "\n– from side thread #1 Which database?");
	resolution_put_sources(&r, said, 3, &md);
	struct draft d = draft_of("Re: Planning May", &md, NULL, 0);
	looks("resolution", &d);
	resolution_done(&r);
	buf_done(&md);
}

static void looks__forks__that_may_be_closed(void **state)
{
	(void)state;
	static const struct component choices[] = {
		{ .kind = COMPONENT_BUTTON, .action = ACTION_COMMAND, .value = "resolve #1", .label = "Resolve #1" },
		{ .kind = COMPONENT_BUTTON,
		    .action = ACTION_COMMAND,
		    .value = "abandon #1",
		    .label = "Abandon #1",
		    .style = BUTTON_DANGER },
		{ .kind = COMPONENT_BUTTON, .action = ACTION_COMMAND, .value = "resolve #2", .label = "Resolve #2" },
		{ .kind = COMPONENT_BUTTON,
		    .action = ACTION_COMMAND,
		    .value = "abandon #2",
		    .label = "Abandon #2",
		    .style = BUTTON_DANGER },
	};
	struct buf md = BUF_INIT;
	buf_add_str(&md,
	    "2 side threads are open here, which is as many as there may be. Which one can be closed?\n\n"
	    "- #1 Which database? – active, asked for by Ann Example\n- #2 Who pays \\<this\\>? – active, asked for by Bob\n");
	struct draft d = draft_of("Re: Planning May", &md, choices, 4);
	looks("forks", &d);
	buf_done(&md);
}

/* Mails have no links: subject and date say where it stands. */
static void looks__search__names_subjects(void **state)
{
	(void)state;
	static const char one[] = "The budget of week 7 is set & <done>", two[] = "Which database?", three[] = "We take Postgres.";
	struct find_hit hits[] = { { .kind = FIND_MESSAGE,
		                       .at_ms = 1795250000000,
		                       .author_kind = 1,
		                       .author = "Ann Example",
		                       .place_name = "Planning May",
		                       .text = one,
		                       .adapter = "email",
		                       .message_key = "m:1",
		                       .visibility = VIS_PRIVATE },
		{ .kind = FIND_FORK,
		    .at_ms = 1795254000000,
		    .title = two,
		    .text = two,
		    .state = 2,
		    .author = "Bob",
		    .place_name = two,
		    .adapter = "email" },
		{ .kind = FIND_MESSAGE,
		    .at_ms = 1795255000000,
		    .author_kind = 1,
		    .text = three,
		    .author = "Ann Example",
		    .place_name = "Postgres?",
		    .adapter = "email",
		    .visibility = VIS_DIRECT } };
	static const struct component choices[] = {
		{ .kind = COMPONENT_BUTTON, .action = ACTION_COMMAND, .value = "search budget page:2", .label = "Next page" },
		{ .kind = COMPONENT_BUTTON,
		    .action = ACTION_COMMAND_PRIVATE,
		    .value = "search budget",
		    .label = "Show it to me alone" },
	};
	struct find_result found = { .hits = hits, .len = 3, .total = 11, .more = true, .own = true };
	struct find_request request;
	struct buf md = BUF_INIT;
	for (size_t i = 0; i < 3; i++)
		hits[i].mark.to = strlen(hits[i].text);
	hits[0].mark.hits[0].from = 4;
	hits[0].mark.hits[0].to = 10;
	hits[0].mark.len = 1;
	assert_true(find_request_read("budget", 6, NULL, 1795263600000, &request, &md));
	find_write(&request, &found, FIND_PAGE, &(struct find_words){ .wall_ms = 1795263600000 }, &md);
	struct draft d = draft_of("Re: Planning May", &md, choices, 2);
	looks("search", &d);
	find_request_done(&request);
	buf_done(&md);
}

/* The draft as each kind of mail program quotes it, with one point changed: what is read from it is a resolution with that change. */
static void edited_is_read(const char *body, bool html)
{
	struct mail_text t;
	struct buf out = BUF_INIT;
	struct resolution r = { 0 };
	char why[200] = "";
	if (html)
		mail_text_html(body, strlen(body), &t);
	else
		mail_text_plain(body, strlen(body), &t);
	assert_int_equal(orders_read(&t, &(struct orders_from){ "Ann Example", "ann@acme.example", true }, &out), CMD_EDIT);
	struct command_call call;
	assert_true(command_parse(out.p, out.len, true, &call));
	if (!resolution_read(call.arg, call.arg_len, 3, &r, why))
		fail_msg("%s\n%s", why, out.p);
	assert_string_equal(r.headline, "Postgres keeps the orders");
	if (r.len != 5)
		fail_msg("%zu lines:\n%s", r.len, out.p);
	assert_non_null(strstr(r.lines[0].text, "which Postgres keeps as they are; a second system would have to be run"));
	assert_string_equal(r.lines[1].text, "MySQL was refused.");
	assert_int_equal(r.lines[1].sources_len, 1);
	assert_int_equal(r.lines[1].sources[0], 2);
	assert_int_equal(r.lines[3].part, RESOLUTION_DECISION);
	assert_string_equal(r.lines[3].text, "We take Postgres.");
	assert_int_equal(r.lines[4].part, RESOLUTION_QUESTION);
	resolution_done(&r);
	mail_text_done(&t);
	buf_done(&out);
}

static char *changed(const struct buf *b)
{
	static const char from[] = "looked at first", to[] = "refused";
	const char *at = strstr(b->p, from);
	char *out;
	assert_non_null(at);
	assert_true(asprintf(&out, "%.*s%s%s", (int)(at - b->p), b->p, to, at + strlen(from)) > 0);
	return out;
}

static void draft__edited_where_it_is_quoted__is_understood(void **state)
{
	(void)state;
	struct buf md = BUF_INIT, text = BUF_INIT, flat = BUF_INIT, body = BUF_INIT, html = BUF_INIT;
	write_draft(&md);
	struct draft d = draft_of("Re: Which database? (aside from: Planning May)", &md, draft_choices, 3);
	compose_plain(&d, &text);
	compose_html(&d, &html);
	char *new = changed(&text);
	/* A program that knows format=flowed joins the lines before it quotes; another one quotes them as they are. */
	for (int flowed = 0; flowed < 2; flowed++) {
		buf_reset(&flat);
		buf_reset(&body);
		if (flowed)
			mail_unflow(new, strlen(new), false, &flat);
		else
			buf_add_str(&flat, new);
		buf_add_str(&body, "edit:\n\nOn Fri, 20 Nov 2026 at 10:00, Eddy <eddy@acme.example> wrote:\n");
		for (const char *p = flat.p; *p != '\0';) {
			size_t n = strcspn(p, "\n");
			buf_addf(&body, ">%s%.*s\n", n > 0 ? " " : "", (int)n, p);
			p += n + (p[n] == '\n');
		}
		edited_is_read(body.p, false);
	}
	free(new);
	new = changed(&html);
	char *start = strstr(new, "<p"), *end = strstr(new, "</body>");
	buf_reset(&body);
	buf_addf(&body,
	    "<div dir=\"ltr\">edit:</div><br><div class=\"gmail_quote\"><div dir=\"ltr\" class=\"gmail_attr\">On Fri, 20 Nov 2026 at 10:00, Eddy &lt;<a "
	    "href=\"mailto:eddy@acme.example\">eddy@acme.example</a>&gt; wrote:<br></div><blockquote class=\"gmail_quote\">%.*s</blockquote></div>",
	    (int)(end - start), start);
	edited_is_read(body.p, true);
	free(new);
	buf_done(&md);
	buf_done(&text);
	buf_done(&flat);
	buf_done(&body);
	buf_done(&html);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looks__opening__of_a_side_thread),
		cmocka_unit_test(looks__opened__where_it_was_asked_for),
		cmocka_unit_test(looks__draft__tells_how_to_answer),
		cmocka_unit_test(looks__resolution__as_it_comes_back),
		cmocka_unit_test(looks__forks__that_may_be_closed),
		cmocka_unit_test(looks__search__names_subjects),
		cmocka_unit_test(draft__edited_where_it_is_quoted__is_understood),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
