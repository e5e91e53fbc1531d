/*
 * Two maps, from user and channel ids to what users.info and conversations.info said.  A question is queued at most once per id and
 * asked again after a failure only when RETRY_MS have passed.  The maps are bounded by starting afresh: everything in them can be
 * asked again, and the core keeps its own copy.
 */
#include "names.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/clock.h"
#include "../../core/base/json.h"
#include "../../core/base/log.h"
#include "../../core/base/map.h"
#include "../../core/base/mem.h"
#include "../net/loop.h"
#include "api.h"
#include "slack_internal.h"

#define NAMES_MAX 20000
#define NAMES_WAITING_MAX 500 /* questions on their way */
#define RETRY_MS 600000u
#define FRESH_MS 86400000u /* names are asked again after a day */
#define WARM_PAGES 5

struct entry {
	bool known, asked;
	uint64_t asked_ms;
	struct known_person person;
	struct known_place place;
};
struct slack_names {
	struct slack *s;
	struct map *people, *places;
	unsigned waiting;
};

static void entry_free(void *p)
{
	struct entry *e = p;
	free(e->person.name);
	free(e->person.tz);
	free(e->place.name);
	free(e);
}

struct slack_names *names_new(struct slack *s)
{
	struct slack_names *n = xcalloc(1, sizeof(*n));
	n->s = s;
	n->people = map_new();
	n->places = map_new();
	return n;
}

void names_free(struct slack_names *n)
{
	if (!n)
		return;
	map_free(n->people, entry_free);
	map_free(n->places, entry_free);
	free(n);
}

static struct entry *names_entry(struct map **m, const char *id)
{
	size_t len = strlen(id);
	struct entry *e = map_get(*m, id, len);
	if (e)
		return e;
	if (map_count(*m) >= NAMES_MAX) {
		map_free(*m, entry_free);
		*m = map_new();
	}
	e = xcalloc(1, sizeof(*e));
	map_put(*m, id, len, e);
	return e;
}

/* ---- what Slack says, as plain data on its way to the loop ---- */

struct person_fact {
	char *id, *name, *tz;
	char *team; /* of the company that the person is of, NULL: in a grid, where all are one */
	bool is_bot;
	enum person_kind kind;
};
struct place_fact {
	char *id, *name;
	enum visibility visibility;
	bool member;
};
struct answer {
	struct slack_names *n;
	bool asked; /* one id's question has been answered */
	struct person_fact *people;
	struct place_fact *places;
	size_t people_len, places_len;
};

static struct person_fact person_read(const json_t *u)
{
	const json_t *profile = json_obj(u, "profile");
	const char *name = json_str(profile, "display_name", "");
	if (!name[0])
		name = json_str(profile, "real_name", "");
	if (!name[0])
		name = json_str(u, "real_name", "");
	if (!name[0])
		name = json_str(u, "name", "");
	return (struct person_fact){
		.id = xstrdup(json_str(u, "id", "")),
		.name = name[0] ? xstrdup(name) : NULL,
		.tz = xstrdup(json_str(u, "tz", NULL)),
		.team = json_obj(u, "enterprise_user") ? NULL : xstrdup(json_str(u, "team_id", NULL)),
		.is_bot = json_bool(u, "is_bot", false) || json_bool(u, "is_workflow_bot", false),
		.kind = json_bool(u, "is_stranger", false)       ? PERSON_STRANGER
		    : json_bool(u, "is_ultra_restricted", false) ? PERSON_GUEST_ONE
		    : json_bool(u, "is_restricted", false)       ? PERSON_GUEST
		                                                 : PERSON_MEMBER,
	};
}

static struct place_fact place_read(const json_t *c)
{
	enum visibility v = VIS_PUBLIC;
	if (json_bool(c, "is_im", false))
		v = VIS_DIRECT;
	else if (json_bool(c, "is_ext_shared", false) || json_bool(c, "is_pending_ext_shared", false) ||
	    json_bool(c, "is_org_shared", false))
		v = VIS_EXTERNAL;
	else if (json_bool(c, "is_private", false) || json_bool(c, "is_mpim", false) || json_bool(c, "is_group", false))
		v = VIS_PRIVATE;
	else if (!json_bool(c, "is_channel", false))
		v = VIS_UNKNOWN;
	const char *name = json_str(c, "name", "");
	return (struct place_fact){
		.id = xstrdup(json_str(c, "id", "")),
		.name = name[0] && v != VIS_DIRECT ? xstrdup(name) : NULL,
		.visibility = v,
		.member = json_bool(c, "is_member", v == VIS_DIRECT),
	};
}

static void answer_free(struct answer *a)
{
	for (size_t i = 0; i < a->people_len; i++) {
		free(a->people[i].id);
		free(a->people[i].name);
		free(a->people[i].tz);
		free(a->people[i].team);
	}
	for (size_t i = 0; i < a->places_len; i++) {
		free(a->places[i].id);
		free(a->places[i].name);
	}
	free(a->people);
	free(a->places);
	free(a);
}

static void keep_person(struct slack_names *n, const struct slack_self *self, struct person_fact *f)
{
	struct entry *e = names_entry(&n->people, f->id);
	/* Somebody of another company (a shared channel) is a guest here, whatever they are at home. */
	if (self && f->team && !self->org_install && strcmp(f->team, self->team_id) != 0)
		f->kind = PERSON_STRANGER;
	if (f->is_bot)
		f->kind = PERSON_BOT;
	bool is_guest = f->kind != PERSON_MEMBER;
	bool changed = !e->known || !e->person.name != !f->name || (f->name && strcmp(e->person.name, f->name) != 0) ||
	    e->person.kind != f->kind || !e->person.tz != !f->tz || (f->tz && strcmp(e->person.tz, f->tz) != 0);
	free(e->person.name);
	free(e->person.tz);
	e->known = e->asked = true;
	e->asked_ms = clock_ms();
	e->person =
	    (struct known_person){ .name = f->name, .tz = f->tz, .kind = f->kind, .is_bot = f->is_bot, .is_guest = is_guest };
	f->name = f->tz = NULL;
	if (changed && self &&
	    !engine_learn_person(n->s->engine, self->ws, "slack",
	        &(struct intent_person){ .external_id = f->id,
	            .name = e->person.name,
	            .tz = e->person.tz,
	            .kind = f->kind,
	            .is_bot = f->is_bot,
	            .is_guest = is_guest }))
		e->known = e->asked = false; /* the core is to hear it: the next message asks again */
}

static void keep_place(struct slack_names *n, const struct slack_self *self, struct place_fact *f)
{
	struct entry *e = names_entry(&n->places, f->id);
	bool changed = !e->known || !e->place.name != !f->name || (f->name && strcmp(e->place.name, f->name) != 0) ||
	    e->place.visibility != f->visibility || e->place.member != f->member;
	free(e->place.name);
	e->known = e->asked = true;
	e->asked_ms = clock_ms();
	e->place = (struct known_place){ .name = f->name, .visibility = f->visibility, .member = f->member };
	f->name = NULL;
	if (changed && self &&
	    !engine_learn_place(n->s->engine, self->ws, "slack",
	        &(struct intent_place){
	            .external_id = f->id, .name = e->place.name, .visibility = f->visibility, .eddy_is_member = f->member }))
		e->known = e->asked = false; /* the same */
}

static void names_keep(void *arg)
{
	struct answer *a = arg;
	const struct slack_self *self = atomic_load(&a->n->s->self);
	if (a->asked)
		a->n->waiting--;
	for (size_t i = 0; i < a->people_len; i++)
		if (a->people[i].id[0])
			keep_person(a->n, self, &a->people[i]);
	for (size_t i = 0; i < a->places_len; i++)
		if (a->places[i].id[0])
			keep_place(a->n, self, &a->places[i]);
	answer_free(a);
}

static void answer_send(struct answer *a)
{
	if (!loop_post(a->n->s->loop, names_keep, a))
		answer_free(a);
}

/* ---- asking ---- */

static void names_on_info(void *arg, const struct slack_result *r)
{
	struct answer *a = arg;
	const json_t *user = json_obj(r->body, "user"), *channel = json_obj(r->body, "channel");
	if (r->outcome == SLACK_OK && user) {
		a->people = xcalloc(1, sizeof(*a->people));
		a->people[a->people_len++] = person_read(user);
	} else if (r->outcome == SLACK_OK && channel) {
		a->places = xcalloc(1, sizeof(*a->places));
		a->places[a->places_len++] = place_read(channel);
	} else {
		log_debug("slack.names", LF_STR("error", r->error));
	}
	answer_send(a);
}

static void names_ask(struct slack_names *n, struct entry *e, const char *method, const char *field, const char *id)
{
	uint64_t now = clock_ms();
	if (e->asked && now - e->asked_ms < (e->known ? FRESH_MS : RETRY_MS))
		return;
	if (n->waiting >= NAMES_WAITING_MAX || !n->s->api || atomic_load(&n->s->stopping))
		return;
	e->asked = true;
	e->asked_ms = now;
	struct answer *a = xcalloc(1, sizeof(*a));
	a->n = n;
	a->asked = true;
	struct slack_call c = { .method = method,
		.form = true,
		.priority = SLACK_NAMES,
		.want_body = true,
		.again = true,
		.on_done = names_on_info,
		.arg = a };
	slack_form(&c.args, field, id);
	n->waiting++;
	if (slack_api_call(n->s->api, &c) != ERR_NONE) {
		n->waiting--;
		e->asked = false;
		answer_free(a);
	}
}

const struct known_person *names_person(struct slack_names *n, const char *id)
{
	if (id[0] != 'U' && id[0] != 'W')
		return NULL; /* bots without a user */
	struct entry *e = names_entry(&n->people, id);
	names_ask(n, e, "users.info", "user", id);
	return e->known ? &e->person : NULL;
}

const struct known_place *names_place(struct slack_names *n, const char *id)
{
	struct entry *e = names_entry(&n->places, id);
	if (id[0] != 'D')
		names_ask(n, e, "conversations.info", "channel", id);
	return e->known ? &e->place : NULL;
}

void names_forget_person(struct slack_names *n, const char *id)
{
	struct entry *e = map_get(n->people, id, strlen(id));
	if (e)
		e->asked = false;
}

void names_forget_place(struct slack_names *n, const char *id)
{
	struct entry *e = map_get(n->places, id, strlen(id));
	if (e)
		e->asked = e->known = false;
}

/* ---- the first pages ---- */

struct warm {
	struct slack_names *n;
	bool people;
	int page;
};

static void names_warm_page(struct warm *w, const char *cursor);

static void names_on_page(void *arg, const struct slack_result *r)
{
	struct warm *w = arg;
	const json_t *list = r->outcome == SLACK_OK ? json_arr(r->body, w->people ? "members" : "channels") : NULL;
	size_t len = json_array_size(list);
	if (len > 0) {
		struct answer *a = xcalloc(1, sizeof(*a));
		a->n = w->n;
		a->people = w->people ? xcalloc(len, sizeof(*a->people)) : NULL;
		a->places = w->people ? NULL : xcalloc(len, sizeof(*a->places));
		for (size_t i = 0; i < len; i++) {
			const json_t *o = json_array_get(list, i);
			if (w->people) {
				a->people[a->people_len++] = person_read(o);
			} else {
				a->places[a->places_len++] = place_read(o);
				a->places[i].member = true; /* users.conversations lists only where we are, without saying so */
			}
		}
		answer_send(a);
	}
	const char *cursor = json_str(json_obj(r->body, "response_metadata"), "next_cursor", "");
	if (len > 0 && cursor[0] && ++w->page < WARM_PAGES) {
		names_warm_page(w, cursor);
		return;
	}
	if (w->people) {
		free(w);
		return;
	}
	w->people = true;
	w->page = 0;
	names_warm_page(w, "");
}

static void names_warm_page(struct warm *w, const char *cursor)
{
	struct slack_call c = { .method = w->people ? "users.list" : "users.conversations",
		.form = true,
		.priority = SLACK_NAMES,
		.want_body = true,
		.again = true,
		.on_done = names_on_page,
		.arg = w };
	slack_form(&c.args, "limit", "200");
	if (!w->people) {
		slack_form(&c.args, "types", "public_channel,private_channel,mpim");
		slack_form(&c.args, "exclude_archived", "true");
	}
	if (cursor[0])
		slack_form(&c.args, "cursor", cursor);
	if (atomic_load(&w->n->s->stopping)) {
		buf_done(&c.args);
		free(w);
	} else if (slack_api_call(w->n->s->api, &c) != ERR_NONE) {
		free(w);
	}
}

void names_warm(struct slack_names *n)
{
	struct warm *w = xcalloc(1, sizeof(*w));
	w->n = n;
	names_warm_page(w, "");
}
