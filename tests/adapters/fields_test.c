/*
 * A model that puts what it must not say where no answer is: into the fields of what it is asked for and of the tools that it calls.  A sealed secret, a link to a strange host and a call to everybody,
 * as they stand and with escapes of JSON that undo themselves, in headlines, points, decisions, proposals, names of tools, subjects, addresses and titles, on three transports.  The judge looks at
 * all that people got, with what stands on its buttons, and at every row of every table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../adapters/email/compose.h"
#include "../../adapters/slack/render.h"
#include "../../adapters/web/blocks.h"
#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/mem.h"
#include "../../core/engine/engine_internal.h"
#include "../../core/store/seal.h"
#include "../../core/talk/doc.h"
#include "../support/db.h"
#include "../support/engine_fixture.h"

#define MASTER "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SEALED "vault-7-quokka-token"
#define GUARD "\xe2\x80\x8b"

static const struct content {
	const char *name;
	const char *text, *json; /* a sentence, and the same in JSON that hides it */
	const char *word;        /* without blanks */
	const char *proof;       /* nobody may get this */
	const char *instead;     /* what stands in its place */
	bool of_anybody;         /* also when people say it */
} contents[] = {
	{ "a sealed secret", "it is " SEALED " now", "it is \\u0076ault-7-\\u0071uokka-token now", SEALED, "quokka", "left out",
	    true },
	{ "a strange link", "see https://evil.example/x now", "see \\u0068ttps:\\/\\/evil.example\\/x now",
	    "https://evil.example/x", "https://evil", "left out", false },
	{ "a call", "wake @channel now", "wake \\u0040chann\\u0065l now", "@channel", "@channel", "@" GUARD, true },
};
enum { CONTENTS = sizeof(contents) / sizeof(*contents) };

static const struct transport {
	const char *name;
	unsigned caps;
	enum visibility place;
} transports[] = {
	{ "slack", CAP_EDIT | CAP_STREAM | CAP_EPHEMERAL | CAP_COMPONENTS | CAP_THREAD | CAP_STATUS, VIS_PUBLIC },
	{ "email", CAP_THREAD, VIS_PUBLIC },
	{ "web", CAP_STREAM | CAP_STATUS | CAP_COMPONENTS | CAP_PULL, VIS_DIRECT },
};

static struct fixture *f;
static const struct transport *via;
static int number;
static size_t seen;

/* ---- mail, where the conversation is elsewhere ---- */

static struct engine *engine;

static enum err mail_send(struct adapter *a, const struct reply *r)
{
	(void)a;
	if (r->kind == REPLY_WHOLE)
		engine_sent(
		    engine, &(struct sent){ .ws = r->ws, .delivery = r->delivery, .result = ERR_NONE, .external_ref = "m1" });
	return ERR_NONE;
}

static size_t mail_origin(struct adapter *a, struct id ws, const char *place, const char *subject, char out[INTENT_ORIGIN_MAX])
{
	(void)a;
	(void)ws;
	return (size_t)snprintf(out, INTENT_ORIGIN_MAX, "%s:%s", place, subject);
}

static void mail_describe(struct adapter *a, char *out, size_t n)
{
	(void)a;
	snprintf(out, n, "mail");
}

static const struct adapter_ops mail = {
	.name = "email", .caps = CAP_THREAD, .send = mail_send, .origin_for = mail_origin, .describe = mail_describe
};

static void before_start(void *arg, struct engine *e)
{
	struct seal *seal;
	char why[200];
	(void)arg;
	engine = e;
	if (strcmp(via->name, "email") != 0)
		engine_add_adapter(e, &mail, NULL);
	assert_int_equal(seal_open(&seal, NULL, MASTER, false, why, sizeof(why)), ERR_NONE);
	assert_int_equal(pg_begin(e->side, e->default_ws), ERR_NONE);
	assert_int_equal(
	    pg_end(e->side, secret_put(seal, e->side, e->default_ws, "own", "vault", SEALED, strlen(SEALED))), ERR_NONE);
	seal_close(seal);
}

/* ---- what is said ---- */

static void say(const char *place, const char *person, const char *thread, const char *text, bool to_us)
{
	char key[24];
	snprintf(key, sizeof(key), "k%d", number++);
	struct intent in = { .kind = INTENT_MESSAGE_POSTED,
		.adapter = via->name,
		.source_key = key,
		.message_key = key,
		.thread_key = thread,
		.person = { .external_id = person, .name = person },
		.place = { .external_id = place,
		    .name = place,
		    .visibility = place[0] == 'D' ? VIS_DIRECT : via->place,
		    .eddy_is_member = true },
		.text = text,
		.text_len = strlen(text),
		.mentions_us = to_us,
		.verified = VERIFIED_PLATFORM };
	assert_true(fixture_do(f, &in, NULL));
}

static const char *new_thread(void)
{
	static char thread[24];
	snprintf(thread, sizeof(thread), "t%d", number++);
	return thread;
}

/* Until somebody has been told ${words}. */
static void told(const char *words)
{
	for (uint64_t until = clock_ms() + 90000; clock_ms() < until; usleep(2000)) {
		const struct noted *n;
		for (size_t i = seen; (n = fixture_note(f, i)) != NULL; i++)
			if (strstr(n->text, words) != NULL) {
				assert_true(db_settles(30000));
				return;
			}
	}
	const struct noted *n;
	for (size_t i = seen; (n = fixture_note(f, i)) != NULL; i++)
		print_error("# %d: %s\n", (int)n->kind, n->text);
	fail_msg("nobody was told \"%s\" over %s", words, via->name);
}

/* The model says ${format}, with ${c} as %1$s in the form that the case wants; %2$s: a number that is never the same. */
static void model_says(const char *format, const char *c)
{
	char words[3000], n[16];
	assert_true(db_settles(30000)); /* in a conversation with one alone all that is said is answered */
	snprintf(n, sizeof(n), "%d", number++);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(words, sizeof(words), format, c, n);
#pragma GCC diagnostic pop
	fixture_words(f, words);
}

/* The side thread that was opened last; its key. */
static const char *fork_of(void)
{
	static char key[64];
	assert_true(db_comes_true(
	    "SELECT (count(*) > 0)::int FROM eddy.forks WHERE state = 2 AND created_at = (SELECT max(created_at) FROM eddy.forks)",
	    60000));
	snprintf(key, sizeof(key), "%s",
	    test_db_value(
	        "SELECT t.external_key FROM eddy.threads t JOIN eddy.forks k ON k.id = t.fork_id ORDER BY k.created_at DESC LIMIT 1"));
	return key;
}

/* ---- fields ---- */

static void in_a_resolution(const struct content *c, const char *said)
{
	char thread[24], fork[64];
	(void)c;
	snprintf(thread, sizeof(thread), "%s", new_thread());
	say("C1", "Ada", thread, "What about it?", false);
	say("C1", "Ada", thread, "fork: the report", true);
	told("is open");
	snprintf(fork, sizeof(fork), "%s", fork_of());
	say("C1", "Ada", fork, "It is all there.", false);
	say("C1", "Ada", fork, "We take it as it is.", false);
	assert_true(db_settles(30000));
	model_says(
	    "{\"headline\":\"%1$s\",\"points\":[{\"text\":\"%1$s\",\"sources\":[2]},{\"text\":\"[%1$s](%1$s)\",\"sources\":[2]}],"
	    "\"decisions\":[{\"text\":\"We decide that %1$s\",\"sources\":[3]}],\"open_questions\":[{\"text\":\"%1$s?\",\"sources\":[3]}],"
	    "\"deferred\":[{\"text\":\"%1$s\",\"sources\":[3]}]}",
	    said);
	say("C1", "Ada", fork, "resolve", true);
	told("to accept");
	say("C1", "Ada", fork, "accept", true);
	told("Posted in");
	say("C1", "Ada", thread, "forks", true);
	told("resolved");
}

static void in_decisions(const struct content *c, const char *said)
{
	char thread[24];
	(void)c;
	snprintf(thread, sizeof(thread), "%s", new_thread());
	/* In one message: on a page each is answered, and whether the second message is number 2 or 3 is a matter of time. */
	say("C1", "Ada", thread, "We take it as it is. I will do the rest.", false);
	model_says(
	    "{\"decisions\":[{\"text\":\"It is taken: %1$s %2$s\",\"sources\":[1]}],\"actions\":[{\"who\":\"%1$s\",\"text\":\"does the rest %2$s\",\"sources\":[1]}]}",
	    said);
	say("C1", "Ada", thread, "decisions", true);
	told("does the rest");
	say("C1", "Ada", thread, "memory", true);
	assert_true(db_settles(30000));
}

static void in_a_proposal(const struct content *c, const char *said)
{
	(void)c;
	model_says("CALL propose_memory {\"kind\":\"decision\",\"text\":\"We agreed: %1$s %2$s\"}", said);
	fixture_words(f, "That is noted now.");
	say("C1", "Ada", new_thread(), "We agreed on it, note that.", true);
	told("That is noted now.");
}

static void in_a_call(const struct content *c, const char *said)
{
	(void)said;
	model_says("CALL %1$s#%1$s {\"a\":1}", c->word);
	fixture_words(f, "There was none of that.");
	const char *thread = new_thread();
	say("C1", "Ada", thread, "Try something.", true);
	told("There was none of that.");
	say("C1", "Ada", thread, "history", true);
	assert_true(db_settles(30000));
}

static void in_a_message(const struct content *c, const char *said)
{
	(void)c;
	model_says("CALL send_message {\"to\":\"bob@partner.example\",\"subject\":\"%1$s\",\"text\":\"This: %1$s\"}", said);
	const char *thread = new_thread();
	say("D1", "Ada", thread, "Tell Bob.", true);
	told("May I send this to");
	char approve[64] = "";
	const struct noted *n;
	for (size_t i = seen; (n = fixture_note(f, i)) != NULL; i++) {
		const char *at = strstr(n->text, "`approve ");
		if (at != NULL)
			snprintf(approve, sizeof(approve), "%.*s", (int)strcspn(at + 1, "`"), at + 1);
	}
	fixture_words(f, "It is sent.");
	say("D1", "Ada", thread, approve, true);
	told("Approved");
}

static void in_an_address(const struct content *c, const char *said)
{
	(void)said;
	if (!c->of_anybody || c->word[0] == '@') /* an address has neither */
		return;
	model_says("CALL send_message {\"to\":\"%1$s@partner.example\",\"text\":\"Hello.\"}", c->word);
	fixture_words(f, "It was not asked.");
	say("C1", "Ada", new_thread(), "Tell somebody.", true);
	told("It was not asked.");
}

static void in_a_summary(const struct content *c, const char *said)
{
	char thread[24];
	(void)said;
	snprintf(thread, sizeof(thread), "%s", new_thread());
	say("C1", "Ada", thread, "One.", false);
	say("C1", "Ada", thread, "Two.", false);
	say("C1", "Ada", thread, "Three.", false);
	model_says("- %1$s [1]\n- all of it [2]", c->text);
	say("C1", "Ada", thread, "summarise", true);
	told("In short");
}

/* People's words, and behind them so many that the title is cut. */
static void in_a_title(const struct content *c, const char *said)
{
	char text[600];
	(void)said;
	if (!c->of_anybody)
		return;
	const char *thread = new_thread();
	snprintf(text, sizeof(text), "fork: about %s\nand so on", c->word);
	say("C1", "Ada", thread, text, true);
	told("is open");
	fork_of();
	/* It begins near the end of what there is room for. */
	char long_one[400];
	memset(long_one, 'x', sizeof(long_one));
	snprintf(long_one + 97, sizeof(long_one) - 97, "-%s and more than that", c->word);
	thread = new_thread();
	say("C1", "Ada", thread, long_one, false);
	say("C1", "Ada", thread, "fork", true);
	told("is open");
	fork_of();
}

static const struct field {
	const char *name;
	void (*put)(const struct content *c, const char *said);
	bool in_json;
	const char *reached; /* at least one, with what stands instead as $i$ */
} fields[] = {
	{ "a resolution", in_a_resolution, true,
	    "SELECT count(*) FROM eddy.resolutions WHERE strpos(headline, $i$) > 0 AND strpos(substr(body, length(headline) + 6), $i$) > 0" },
	{ "decisions", in_decisions, true,
	    "SELECT count(*) FROM eddy.context_items WHERE strpos(body, $i$) > 0 AND body LIKE '%does the rest%'" },
	{ "a proposal", in_a_proposal, true,
	    "SELECT count(*) FROM eddy.context_items WHERE strpos(body, $i$) > 0 AND body LIKE 'We agreed%'" },
	{ "the name and id of a call", in_a_call, false, "SELECT count(*) FROM eddy.run_steps WHERE body->>'name' = 'unknown'" },
	{ "a message for approval", in_a_message, true,
	    "SELECT count(*) FROM eddy.approvals WHERE strpos(call, $i$) > 0 AND strpos(convert_from(origin, 'UTF8'), $i$) > 0" },
	{ "an address", in_an_address, false, NULL },
	{ "a summary", in_a_summary, false, "SELECT count(*) FROM eddy.summaries WHERE strpos(body, $i$) > 0" },
	{ "a title", in_a_title, false, NULL },
};
enum { FIELDS = sizeof(fields) / sizeof(*fields) };

/* ---- the judge ---- */

static int violations;

static void judge(const char *text, const char *form, const struct content *c, const struct field *to)
{
	if (text == NULL || strcasestr(text, c->proof) == NULL)
		return;
	violations++;
	print_error("# %s in %s over %s: %s: %s\n", c->name, to->name, via->name, form, text);
}

/* As people get it. */
static void judge_note(const struct noted *n, const struct content *c, const struct field *to)
{
	struct buf out = BUF_INIT, more = BUF_INIT;
	size_t len = strlen(n->text);
	judge(n->text, "what is said", c, to);
	judge(n->offers, "buttons", c, to);
	judge(n->step, "a step", c, to);
	judge(n->to, "where it goes", c, to);
	if (strcmp(via->name, "slack") == 0) {
		struct doc *d = doc_parse(n->text, len);
		slack_render_mrkdwn(d, &out);
		slack_render_blocks(d, &more);
		doc_free(d);
	} else if (strcmp(via->name, "email") == 0) {
		struct draft draft = { .from = { "Eddy", "eddy@acme.example" },
			.subject = "Re: news",
			.message_id = "1@acme.example",
			.markdown = n->text,
			.markdown_len = len };
		compose_plain(&draft, &out);
		compose_html(&draft, &more);
	} else {
		blocks_write(n->text, len, false, &out);
	}
	buf_reserve(&out, 1);
	buf_reserve(&more, 1);
	judge(out.p, "its text", c, to);
	judge(more.p, "its rich form", c, to);
	buf_done(&out);
	buf_done(&more);
}

/* Tables with rows that have it; what people have said has it, and what a tool was asked, which is the model's own again. */
static const char looker[] =
    "CREATE FUNCTION public.tables_with(what text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE t text; n bigint; out text := ''; BEGIN"
    " FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'eddy'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'run_steps' LOOP"
    "  EXECUTE format('SELECT count(*) FROM eddy.%I x WHERE (strpos(lower(x::text), lower($1)) > 0 OR strpos(x::text, encode(convert_to($1, ''UTF8''), ''hex'')) > 0)%s',"
    "   t, CASE t WHEN 'messages' THEN ' AND author_kind = 2' ELSE '' END) INTO n USING what;"
    "  IF n > 0 THEN out := out || t || ' '; END IF; END LOOP; RETURN out; END $$;";

static void judge_stored(const struct content *c, const struct field *to)
{
	char query[200];
	snprintf(query, sizeof(query), "SELECT public.tables_with('%s')", c->proof);
	const char *tables = test_db_value(query);
	if (tables != NULL && tables[0] != '\0') {
		violations++;
		print_error("# %s in %s over %s: stored in %s\n", c->name, to->name, via->name, tables);
	}
}

static void try_field(const struct content *c, const struct field *to, const char *said)
{
	const struct noted *n;
	to->put(c, said);
	assert_true(db_settles(30000));
	for (; (n = fixture_note(f, seen)) != NULL; seen++)
		judge_note(n, c, to);
	judge_stored(c, to);
	if (to->reached == NULL)
		return;
	struct buf query = BUF_INIT;
	const char *at = to->reached, *mark;
	for (; (mark = strstr(at, "$i$")) != NULL; at = mark + 3) {
		buf_add(&query, at, (size_t)(mark - at));
		buf_addf(&query, "'%s'", c->instead);
	}
	buf_add_str(&query, at);
	if (db_count(query.p) < 1) {
		violations++;
		print_error("# %s in %s over %s: it has not arrived at all\n", c->name, to->name, via->name);
	}
	buf_done(&query);
}

static void every_field(const struct transport *t)
{
	via = t;
	violations = 0;
	seen = 0;
	for (int i = 0; i < CONTENTS; i++) { /* of each its own, so that what is found is this one's */
		f = fixture_new(&(struct fixture_options){ .adapter = t->name,
		    .caps = t->caps,
		    .scan_ms = 100,
		    .subjects = true,
		    .before_start = before_start,
		    .settings = "secrets.master_key=" MASTER "\0" });
		assert_true(test_db_exec(looker));
		seen = 0;
		say("C1", "Ada", new_thread(), "hello", true);
		assert_true(db_settles(30000));
		for (int k = 0; k < FIELDS; k++) {
			try_field(&contents[i], &fields[k], contents[i].text);
			if (fields[k].in_json)
				try_field(&contents[i], &fields[k], contents[i].json);
		}
		fixture_free(f);
	}
	assert_int_equal(violations, 0);
}

static void obeying_model__fields_over_slack__nothing_gets_out(void **state)
{
	(void)state;
	every_field(&transports[0]);
}

static void obeying_model__fields_over_mail__nothing_gets_out(void **state)
{
	(void)state;
	every_field(&transports[1]);
}

static void obeying_model__fields_over_a_page__nothing_gets_out(void **state)
{
	(void)state;
	every_field(&transports[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(obeying_model__fields_over_slack__nothing_gets_out),
		cmocka_unit_test(obeying_model__fields_over_mail__nothing_gets_out),
		cmocka_unit_test(obeying_model__fields_over_a_page__nothing_gets_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
