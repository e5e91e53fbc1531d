/* Hash tables under one mutex; values are small and copied out. */
#include "directory.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/map.h"
#include "../base/mem.h"
#include "../base/utf8.h"

#define ENTRIES_MAX 50000

struct place_entry {
	char name[128];
	enum visibility visibility;
	bool member;
};
struct directory {
	pthread_mutex_t mutex;
	struct map *installs, *places, *identities, *cards;
};

struct directory *directory_new(void)
{
	struct directory *d = xcalloc(1, sizeof(*d));
	pthread_mutex_init(&d->mutex, NULL);
	d->installs = map_new();
	d->places = map_new();
	d->identities = map_new();
	d->cards = map_new();
	return d;
}

void directory_free(struct directory *d)
{
	if (d == NULL)
		return;
	map_free(d->installs, free);
	map_free(d->places, free);
	map_free(d->identities, free);
	map_free(d->cards, free);
	pthread_mutex_destroy(&d->mutex);
	free(d);
}

/* The value of ${size} bytes under ${id}, made when it is not there.  A full table is emptied: it refills from what is in use. */
static void *obtain(struct map **m, struct id id, size_t size)
{
	void *v = map_get(*m, id.b, sizeof(id.b));
	if (v != NULL)
		return v;
	if (map_count(*m) >= ENTRIES_MAX) {
		map_free(*m, free);
		*m = map_new();
	}
	v = xcalloc(1, size);
	map_put(*m, id.b, sizeof(id.b), v);
	return v;
}

static void copy_text(char *out, size_t n, const char *s)
{
	size_t len = s ? utf8_clip(s, strlen(s), n - 1) : 0;
	if (len)
		memcpy(out, s, len);
	out[len] = 0;
}

/* True when ${s} says nothing (NULL) or just what is ${held}, cut as copy_text() cuts it. */
static bool same_text(const char *held, size_t n, const char *s)
{
	if (s == NULL)
		return true;
	size_t len = utf8_clip(s, strlen(s), n - 1);
	return strlen(held) == len && memcmp(held, s, len) == 0;
}

static size_t install_key(char *out, size_t n, const char *adapter, const char *external_id)
{
	int len = snprintf(out, n, "%s\n%s", adapter, external_id);
	return len < 0 ? 0 : (size_t)len < n ? (size_t)len : n - 1;
}

bool directory_install(struct directory *d, const char *adapter, const char *external_id, struct id *ws)
{
	char key[256];
	size_t n = install_key(key, sizeof(key), adapter, external_id);
	pthread_mutex_lock(&d->mutex);
	struct id *v = map_get(d->installs, key, n);
	if (v != NULL)
		*ws = *v;
	pthread_mutex_unlock(&d->mutex);
	return v != NULL;
}

void directory_put_install(struct directory *d, const char *adapter, const char *external_id, struct id ws)
{
	char key[256];
	size_t n = install_key(key, sizeof(key), adapter, external_id);
	struct id *v = xmalloc(sizeof(*v));
	*v = ws;
	pthread_mutex_lock(&d->mutex);
	free(map_put(d->installs, key, n, v));
	pthread_mutex_unlock(&d->mutex);
}

bool directory_knows_place(struct directory *d, struct id id, const struct intent_place *p)
{
	pthread_mutex_lock(&d->mutex);
	struct place_entry *e = map_get(d->places, id.b, sizeof(id.b));
	bool known = e != NULL && e->member == p->eddy_is_member &&
	    (p->visibility == VIS_UNKNOWN || p->visibility == e->visibility) && same_text(e->name, sizeof(e->name), p->name);
	pthread_mutex_unlock(&d->mutex);
	return known;
}

void directory_put_place(struct directory *d, struct id id, const struct intent_place *p)
{
	pthread_mutex_lock(&d->mutex);
	struct place_entry *e = obtain(&d->places, id, sizeof(*e));
	if (p->name != NULL)
		copy_text(e->name, sizeof(e->name), p->name);
	if (p->visibility != VIS_UNKNOWN)
		e->visibility = p->visibility;
	e->member = p->eddy_is_member;
	pthread_mutex_unlock(&d->mutex);
}

void directory_forget_place(struct directory *d, struct id id)
{
	pthread_mutex_lock(&d->mutex);
	free(map_remove(d->places, id.b, sizeof(id.b)));
	pthread_mutex_unlock(&d->mutex);
}

bool directory_place_name(struct directory *d, struct id place, char *out, size_t n, enum visibility *visibility)
{
	pthread_mutex_lock(&d->mutex);
	struct place_entry *e = map_get(d->places, place.b, sizeof(place.b));
	copy_text(out, n, e ? e->name : "");
	*visibility = e ? e->visibility : VIS_UNKNOWN;
	pthread_mutex_unlock(&d->mutex);
	return e != NULL;
}

bool directory_person(struct directory *d, struct id identity, struct id *person)
{
	pthread_mutex_lock(&d->mutex);
	struct id *p = map_get(d->identities, identity.b, sizeof(identity.b));
	if (p != NULL)
		*person = *p;
	pthread_mutex_unlock(&d->mutex);
	return p != NULL;
}

bool directory_knows_person(struct directory *d, struct id identity, const struct intent_person *p)
{
	pthread_mutex_lock(&d->mutex);
	struct id *person = map_get(d->identities, identity.b, sizeof(identity.b));
	struct person_card *c = person ? map_get(d->cards, person->b, sizeof(person->b)) : NULL;
	bool known = c != NULL && same_text(c->name, sizeof(c->name), p->name) && same_text(c->tz, sizeof(c->tz), p->tz) &&
	    (!p->is_guest || c->guest);
	pthread_mutex_unlock(&d->mutex);
	return known;
}

void directory_put_person(struct directory *d, struct id identity, struct id person, const struct intent_person *p)
{
	pthread_mutex_lock(&d->mutex);
	*(struct id *)obtain(&d->identities, identity, sizeof(struct id)) = person;
	/* What an undescribed person may do only the database knows: whoever needs the card reads it there. */
	struct person_card *c =
	    p->is_undescribed ? map_get(d->cards, person.b, sizeof(person.b)) : obtain(&d->cards, person, sizeof(*c));
	if (c == NULL) {
		pthread_mutex_unlock(&d->mutex);
		return;
	}
	c->id = person;
	if (p->name != NULL)
		copy_text(c->name, sizeof(c->name), p->name);
	if (p->tz != NULL)
		copy_text(c->tz, sizeof(c->tz), p->tz);
	if (p->is_guest)
		c->guest = true;
	pthread_mutex_unlock(&d->mutex);
}

void directory_put_linked(struct directory *d, struct id person)
{
	pthread_mutex_lock(&d->mutex);
	struct person_card *c = obtain(&d->cards, person, sizeof(*c));
	c->id = person;
	c->linked = true;
	pthread_mutex_unlock(&d->mutex);
}

bool directory_card(struct directory *d, struct id person, struct person_card *out)
{
	pthread_mutex_lock(&d->mutex);
	struct person_card *c = map_get(d->cards, person.b, sizeof(person.b));
	if (c != NULL)
		*out = *c;
	pthread_mutex_unlock(&d->mutex);
	return c != NULL;
}

void directory_put_card(struct directory *d, const struct person_card *from)
{
	pthread_mutex_lock(&d->mutex);
	*(struct person_card *)obtain(&d->cards, from->id, sizeof(*from)) = *from;
	pthread_mutex_unlock(&d->mutex);
}

void directory_clear(struct directory *d)
{
	struct map **const maps[] = { &d->installs, &d->places, &d->identities, &d->cards };
	pthread_mutex_lock(&d->mutex);
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		map_free(*maps[i], free);
		*maps[i] = map_new();
	}
	pthread_mutex_unlock(&d->mutex);
}

struct id identity_id(struct id ws, const char *adapter, const char *external_id)
{
	char name[512];
	int n = snprintf(name, sizeof(name), "identity\n%s\n%s", adapter, external_id);
	return id_named(ws, 0, name, n < 0 ? 0 : (size_t)n < sizeof(name) ? (size_t)n : sizeof(name) - 1);
}
