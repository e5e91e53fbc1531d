/*
 * What goes out is filtered where it becomes a part of an answer (core/talk/spoken.h): what a model says piece by piece, before it is shown, stored or
 * told to anybody; the words of commands and what is said unasked as a whole.  There the links are the engine's own or were said by
 * people, so only those rules hold that are not about links.  What is taken out of something that a model wrote (the JSON of a task, the arguments of a
 * call) is filtered again as it is then: an escape in JSON hides from the filter what it becomes.  What is said by a run knows the secrets of the workspace as they were when it began; what goes
 * out besides, those that were looked up last (hush.c).
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../agents/policy.h"
#include "../agents/tools.h"
#include "../base/log.h"
#include "../people/directory.h"
#include "../settings/settings.h"
#include "../talk/never.h"
#include "../talk/spoken.h"
#include "context.h"
#include "engine_internal.h"
#include "sub.h"

static struct spoken_links *links_of(struct run *r)
{
	const char *const *hosts;
	if (r->links != NULL)
		return r->links;
	r->links = spoken_links_new();
	size_t n = settings_list(r->e->o.settings, "answers.link_hosts", &hosts);
	for (size_t i = 0; i < n; i++)
		spoken_allow(r->links, hosts[i]);
	return r->links;
}

void speak_told(struct run *r, const char *text, size_t n, bool trusted)
{
	if (spoken_may_link(text, n))
		spoken_learn(links_of(r), text, n, trusted);
}

/* Hosts are believed of people of the house; of everybody else, and of what tools and memory bring, a link is said as it stands or not at all. */
void speak_told_context(struct run *r, const struct context *c)
{
	struct person_card who;
	for (size_t i = 0; i < c->transcript.len; i++) {
		const struct transcript_item *t = &c->transcript.items[i];
		r->untrusted |= t->kind == AUTHOR_BOT ? UNTRUSTED_BOT : 0u;
		if (t->kind == AUTHOR_PERSON && directory_card(r->e->directory, t->author, &who) && who.guest)
			r->untrusted |= UNTRUSTED_GUEST;
		if (!spoken_may_link(t->text, t->text_len))
			continue;
		bool house = t->kind == AUTHOR_PERSON && directory_card(r->e->directory, t->author, &who) && !who.guest;
		speak_told(r, t->text, t->text_len, house);
	}
	for (size_t i = 0; i < r->steps_len; i++)
		if (r->steps[i].role == ROLE_TOOL_RESULT && !r->steps[i].by_agent) /* a model cannot vouch for what a model says */
			speak_told(r, r->steps[i].text, r->steps[i].text_len, false);
	speak_told(r, c->system.p, c->system.len, false);
}

enum err speak_prepare(struct run *r, struct pg *pg)
{
	struct never *now = NULL;
	enum err e = hush_get(r->e, pg, r->ws, &now);
	if (e != ERR_NONE)
		return e;
	if (r->spoken != NULL)
		spoken_never(r->spoken, now);
	never_release(r->never);
	r->never = now;
	return ERR_NONE;
}

void speak_begin(struct run *r)
{
	if (r->spoken != NULL)
		spoken_reset(r->spoken);
}

void speak_feed(struct run *r, const char *text, size_t n, struct buf *out)
{
	if (r->spoken == NULL)
		spoken_never(r->spoken = spoken_new(links_of(r), r->e->secrets, r->e->secrets_len), r->never);
	spoken_feed(r->spoken, text, n, out);
}

void speak_end(struct run *r, struct buf *out)
{
	if (r->spoken != NULL)
		spoken_end(r->spoken, out);
}

void speak_elsewhere(struct run *r, const char *text, size_t n, struct buf *out)
{
	struct spoken *o = spoken_new(links_of(r), r->e->secrets, r->e->secrets_len);
	spoken_never(o, r->never);
	spoken_feed(o, text, n, out);
	spoken_end(o, out);
	spoken_free(o);
}

void speak_whole(struct engine *e, struct id ws, const char *text, size_t n, struct buf *out)
{
	struct never *never = hush_held(e, ws);
	struct spoken *o = spoken_new(NULL, e->secrets, e->secrets_len);
	spoken_never(o, never);
	spoken_feed(o, text, n, out);
	spoken_end(o, out);
	spoken_free(o);
	never_release(never);
}

void speak_over(struct engine *e, struct id ws, struct buf *text)
{
	struct buf said = *text;
	*text = (struct buf)BUF_INIT;
	buf_reserve(text, 1); /* a text of no bytes is a text */
	speak_whole(e, ws, said.p != NULL ? said.p : "", said.len, text);
	buf_done(&said);
}

void speak_components(struct engine *e, struct id ws, struct component *components, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char **texts[] = { &components[i].label, &components[i].fallback };
		for (size_t k = 0; k < 2; k++) {
			struct buf said = BUF_INIT;
			if (*texts[k] == NULL)
				continue;
			buf_reserve(&said, 1);
			speak_whole(e, ws, *texts[k], strlen(*texts[k]), &said);
			free((void *)(uintptr_t)*texts[k]);
			*texts[k] = buf_detach(&said, NULL);
		}
	}
}

static bool is_plain(const char *s)
{
	size_t n = strlen(s);
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_' && s[i] != '-')
			return false;
	return n > 0 && n < CALL_NAME_MAX;
}

/* Names and ids of calls are seen on pages and in lists of what was done: a model may invent them. */
void speak_call(struct run *r, const struct model_event *ev, char id[CALL_NAME_MAX], const char **name)
{
	struct buf said = BUF_INIT;
	const char *given = ev->tool_id != NULL ? ev->tool_id : "";
	speak_elsewhere(r, given, strlen(given), &said);
	if (is_plain(given) && said.len == strlen(given) && memcmp(said.p, given, said.len) == 0)
		snprintf(id, CALL_NAME_MAX, "%s", given);
	else
		snprintf(id, CALL_NAME_MAX, "call_%zu", r->steps_len);
	buf_done(&said);
	*name = ev->tool_name != NULL && (tool_find(ev->tool_name) != NULL || sub_is_offered(r, ev->tool_name)) ? ev->tool_name
	                                                                                                        : "unknown";
}

void speak_done(struct run *r)
{
	if (r->spoken != NULL) {
		struct spoken_counts c = spoken_counted(r->spoken);
		if (c.links + c.images + c.mentions + c.secrets + c.characters > 0)
			log_warn("run.filtered", LF_ID("run", r->id), LF_INT("links", c.links), LF_INT("images", c.images),
			    LF_INT("mentions", c.mentions), LF_INT("secrets", c.secrets), LF_INT("characters", c.characters),
			    LF_STR("result", "left out"));
	}
	spoken_free(r->spoken);
	spoken_links_free(r->links);
	never_release(r->never);
	r->spoken = NULL;
	r->links = NULL;
	r->never = NULL;
}
