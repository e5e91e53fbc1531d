/* People on the fake Slack. */
#include "people.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/json.h"

char people_event[40];

void people_say(const char *channel, const char *thread, const char *user, const char *text, bool mention, char ts[40])
{
	json_t *o = thread != NULL ? fake_control(&rig.slack, "say", "{s:s, s:s, s:s, s:s, s:b}", "channel", channel, "thread_ts",
	                                 thread, "user", user, "text", text, "mention", mention)
	                           : fake_control(&rig.slack, "say", "{s:s, s:s, s:s, s:b}", "channel", channel, "user", user,
	                                 "text", text, "mention", mention);
	if (ts != NULL)
		snprintf(ts, 40, "%s", json_str(o, "ts", ""));
	json_decref(o);
}

int people_see(const char *channel, const char *thread, const char *text)
{
	bool top = thread != NULL && *thread == '\0';
	json_t *all = thread != NULL && !top
	    ? fake_control(&rig.slack, "messages", "{s:s, s:s}", "channel", channel, "thread_ts", thread)
	    : fake_control(&rig.slack, "messages", "{s:s}", "channel", channel);
	const json_t *m;
	size_t i;
	int n = 0;
	json_array_foreach (all, i, m) {
		const char *in = json_str(m, "thread_ts", "");
		if (!json_bool(m, "bot", false) || json_bool(m, "deleted", false) ||
		    (top && *in != '\0' && strcmp(in, json_str(m, "ts", "")) != 0))
			continue;
		char *blocks = json_dumps(json_object_get(m, "blocks"), JSON_ENCODE_ANY | JSON_COMPACT);
		n += strstr(json_str(m, "text", ""), text) != NULL || (blocks != NULL && strstr(blocks, text) != NULL);
		free(blocks);
	}
	json_decref(all);
	return n;
}

bool people_acked(const char *event)
{
	json_t *state = fake_control(&rig.slack, "state", NULL), *e;
	size_t i;
	bool yes = false;
	json_array_foreach (json_object_get(state, "events"), i, e)
		yes |= strcmp(json_str(e, "id", ""), event) == 0 && json_bool(e, "acked", false);
	json_decref(state);
	return yes;
}

static void pushed(json_t *take, const char *what)
{
	if (!json_bool(take, "ok", false))
		rig_fail(&rig, "nobody can press %s: %s", what, json_str(take, "error", ""));
	snprintf(people_event, sizeof people_event, "%s", json_str(take, "event_id", ""));
	json_decref(take);
}

void people_press(const char *channel, const char *thread, const char *label, const char *user)
{
	pushed(fake_control(&rig.slack, "press", "{s:s, s:s, s:s, s:s}", "channel", channel, "thread_ts", thread, "label", label,
	           "user", user),
	    label);
}

void people_point(const char *channel, const char *ts, const char *id, const char *user)
{
	pushed(fake_control(
	           &rig.slack, "shortcut", "{s:s, s:s, s:s, s:s}", "channel", channel, "ts", ts, "callback_id", id, "user", user),
	    id);
}

void people_submit(const char *value)
{
	pushed(fake_control(&rig.slack, "submit", "{s:s, s:s}", "value", value, "user", "U0ADA"), "submit");
}

int people_forms(void)
{
	json_t *state = fake_control(&rig.slack, "state", NULL);
	int n = (int)json_array_size(json_object_get(state, "modals"));
	json_decref(state);
	return n;
}

char *people_form_field(const char *name)
{
	json_t *state = fake_control(&rig.slack, "state", NULL), *list = json_object_get(state, "modals");
	const json_t *view = json_array_get(list, json_array_size(list) - 1);
	const json_t *element = json_object_get(json_array_get(json_object_get(view, "blocks"), 0), "element");
	char *out = strdup(json_str(element, name, json_str(view, name, "")));
	json_decref(state);
	return out;
}

char *people_answer(void)
{
	json_t *state = fake_control(&rig.slack, "state", NULL);
	char *out = json_dumps(json_object_get(json_object_get(state, "answers"), people_event), JSON_COMPACT);
	json_decref(state);
	return out != NULL ? out : strdup("");
}

static int count_in(json_t *list, const char *text)
{
	size_t i;
	json_t *v;
	int n = 0;
	json_array_foreach (list, i, v) {
		char *s = json_dumps(v, JSON_COMPACT);
		n += strstr(s, text) != NULL;
		free(s);
	}
	return n;
}

int people_see_alone(const char *text)
{
	json_t *state = fake_control(&rig.slack, "state", NULL), *posts;
	const char *id;
	int n = count_in(json_object_get(state, "ephemerals"), text);
	json_object_foreach (json_object_get(state, "responses"), id, posts)
		n += count_in(posts, text);
	json_decref(state);
	return n;
}

void people_check(void)
{
	json_t *state = fake_control(&rig.slack, "state", NULL);
	char *wrong = json_dumps(json_object_get(state, "violations"), JSON_COMPACT);
	json_decref(state);
	if (strcmp(wrong, "[]") != 0)
		rig_fail(&rig, "the fake Slack complains: %s", wrong);
	free(wrong);
}
