#ifndef EDDY_TEST_SUB_PLAY_H
#define EDDY_TEST_SUB_PLAY_H

/* A model that plays agents that ask each other: for the tests of sub-agents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../core/api/api.h"
#include "../../../core/base/buf.h"
#include "../../../core/base/json.h"
#include "../../../core/base/mem.h"
#include "../../../core/base/metric.h"
#include "../../../core/engine/replay.h"
#include "../../../core/settings/settings.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

/* ---- the play ---- */

/* What an agent that is called ${who} says when ${results} of its calls are answered, the last one with ${last}; "HANG", "REFUSE", "EMPTY", "BUSY" are no words. */
typedef const char *play_fn(const char *who, size_t results, const char *last, const struct model_request *r);

static struct {
	play_fn *play;
	pthread_mutex_t mutex;
	struct buf log;   /* "WHO/results model max_tokens\n" for each call */
	struct buf told;  /* all that any of them was told */
	struct buf tools; /* "WHO: tool tool\n" for each call */
	struct buf first; /* the first message of the last call of BOOKS */
} stage = { .mutex = PTHREAD_MUTEX_INITIALIZER };
static _Thread_local enum script instead;

static void name_of(const struct model_request *r, char out[20])
{
	const char *p = memmem(r->system, r->system_len, "You are ", 8);
	snprintf(out, 20, "%.*s", p != NULL ? (int)strcspn(p + 8, ".") : 1, p != NULL ? p + 8 : "?");
}

static char *words_of(void *arg, const struct model_request *r)
{
	(void)arg;
	char who[20], *last = NULL;
	size_t results = 0;
	name_of(r, who);
	pthread_mutex_lock(&stage.mutex);
	for (size_t i = 0; i < r->messages_len; i++) {
		buf_add(&stage.told, r->messages[i].text, r->messages[i].text_len);
		buf_add_char(&stage.told, '\n');
		if (r->messages[i].role != ROLE_TOOL_RESULT)
			continue;
		free(last);
		last = xstrndup(r->messages[i].text, r->messages[i].text_len);
		results++;
	}
	buf_add(&stage.told, r->system, r->system_len);
	buf_addf(&stage.log, "%s/%zu %s %u\n", who, results, r->model != NULL ? r->model : "-", r->max_tokens);
	buf_addf(&stage.tools, "%s:", who);
	for (size_t i = 0; i < r->tools_len; i++)
		buf_addf(&stage.tools, " %s", r->tools[i].name);
	buf_add_char(&stage.tools, '\n');
	if (strcmp(who, "BOOKS") == 0) {
		buf_reset(&stage.first);
		buf_add(&stage.first, r->messages[0].text, r->messages[0].text_len);
	}
	const char *said = stage.play(who, results, last != NULL ? last : "", r);
	instead = strcmp(said, "HANG") == 0 ? SCRIPT_HANG
	    : strcmp(said, "REFUSE") == 0   ? SCRIPT_REFUSED
	    : strcmp(said, "EMPTY") == 0    ? SCRIPT_EMPTY
	    : strcmp(said, "BUSY") == 0     ? SCRIPT_BUSY
	                                    : SCRIPT_ANSWER;
	char *out = instead == SCRIPT_ANSWER ? xstrdup(said) : NULL;
	pthread_mutex_unlock(&stage.mutex);
	free(last);
	return out;
}

static enum script on_call(void *arg, const struct model_request *r, bool floor)
{
	(void)arg;
	(void)r;
	return floor ? SCRIPT_ANSWER : instead;
}

__attribute__((unused)) static bool in(struct buf *b, const char *words)
{
	pthread_mutex_lock(&stage.mutex);
	bool is = b->len > 0 && memmem(b->p, b->len, words, strlen(words)) != NULL;
	pthread_mutex_unlock(&stage.mutex);
	return is;
}

static const char *say(const char *format, ...) __attribute__((format(printf, 1, 2), unused));
static const char *say(const char *format, ...)
{
	static char out[20000];
	va_list ap;
	va_start(ap, format);
	vsnprintf(out, sizeof out, format, ap);
	va_end(ap);
	return out;
}

/* ---- the house ---- */

#define BOOKS "'books', 'Books', 'Knows the ledger.', 'small', 'You are BOOKS.', '{search_messages,read_message}', 500, 4, '{}'"

__attribute__((unused)) static void agent(const char *values)
{
	char sql[1000];
	snprintf(sql, sizeof sql,
	    "INSERT INTO eddy.agents (ws, id, slug, name, description, model, prompt, tools, max_tokens, max_turns, sub_agents)"
	    " SELECT ws, gen_random_uuid(), %s FROM eddy.agents WHERE slug = 'eddy'",
	    values);
	assert_true(test_db_exec(sql));
}

__attribute__((unused)) static void eddy(const char *set)
{
	char sql[500];
	snprintf(sql, sizeof sql,
	    "UPDATE eddy.agents SET prompt = 'You are EDDY.', sub_agents = '{books}', tools = '{search_messages}' WHERE slug = 'eddy'");
	assert_true(test_db_exec(sql));
	if (set == NULL)
		return;
	snprintf(sql, sizeof sql, "UPDATE eddy.agents SET %s WHERE slug = 'eddy'", set);
	assert_true(test_db_exec(sql));
}

static struct fixture *open_stage(play_fn *play, struct fixture_options o)
{
	stage.play = play;
	buf_reset(&stage.log);
	buf_reset(&stage.told);
	buf_reset(&stage.tools);
	o.words_of = words_of;
	o.on_call = on_call;
	if (o.scan_ms == 0)
		o.scan_ms = 100;
	return fixture_new(&o);
}

__attribute__((unused)) static struct fixture *begin(play_fn *play, const char *set)
{
	struct fixture *f = open_stage(play, (struct fixture_options){ 0 });
	agent(BOOKS);
	eddy(set);
	return f;
}

__attribute__((unused)) static const char *answer(struct fixture *f, const char *text)
{
	static int n;
	char key[20];
	size_t had = fixture_count(f, REPLY_WHOLE);
	snprintf(key, sizeof key, "k%d", ++n);
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t1", key, text, true));
	assert_true(fixture_wait_replies(f, had + 1, 90000) > had);
	return fixture_reply(f, had)->text;
}

__attribute__((unused)) static void settled(struct fixture *f)
{
	assert_true(fixture_wait_idle(f, 30000));
	assert_true(db_settles(20000));
}

__attribute__((unused)) static bool has(const char *text, const char *words)
{
	if (strstr(text, words) == NULL)
		fail_msg("\"%s\" is not in: %s", words, text);
	return true;
}

__attribute__((unused)) static bool has_not(const char *text, const char *words)
{
	if (strstr(text, words) != NULL)
		fail_msg("\"%s\" is in: %s", words, text);
	return true;
}

__attribute__((unused)) static int end_stage(int failed)
{
	buf_done(&stage.log);
	buf_done(&stage.told);
	buf_done(&stage.tools);
	buf_done(&stage.first);
	return failed;
}

#endif
