#ifndef EDDY_PEOPLE_DIRECTORY_H
#define EDDY_PEOPLE_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "../base/id.h"
#include "../engine/intent.h"

/*
 * What this process remembers of tenants, places and people, so that a known person in a known place costs no statement.
 * Only a cache: Postgres is the truth; it is bounded and starts anew when it is full.  Any thread.
 */
struct directory;
struct directory *directory_new(void);
void directory_free(struct directory *d);

bool directory_install(struct directory *d, const char *adapter, const char *external_id, struct id *ws);
void directory_put_install(struct directory *d, const char *adapter, const char *external_id, struct id ws);

/** True when ${p} says nothing new about the place ${id}. */
bool directory_knows_place(struct directory *d, struct id id, const struct intent_place *p);
void directory_put_place(struct directory *d, struct id id, const struct intent_place *p);
void directory_forget_place(struct directory *d, struct id id);
/** The name of a place as told by its adapter, or ""; false: never seen here. */
bool directory_place_name(struct directory *d, struct id place, char *out, size_t n, enum visibility *visibility);

/* A person's card.  The person behind an identity may be shared by several identities. */
struct person_card {
	struct id id;
	char name[128]; /* "" not known */
	char tz[64];
	bool guest;
	bool linked; /* one user with others: what it may do only the database knows, at each moment */
};
bool directory_person(struct directory *d, struct id identity, struct id *person);
/** True when ${p} brings no name or zone that is not known yet. */
bool directory_knows_person(struct directory *d, struct id identity, const struct intent_person *p);
void directory_put_person(struct directory *d, struct id identity, struct id person, const struct intent_person *p);
/** This person is one user with others. */
void directory_put_linked(struct directory *d, struct id person);
/** The card of a person seen by this process; false: never seen here. */
bool directory_card(struct directory *d, struct id person, struct person_card *out);
void directory_put_card(struct directory *d, const struct person_card *c);

/** Somebody was forgotten, or a workspace erased, here or by another process: all that is known is asked for again. */
void directory_clear(struct directory *d);

/** The id of an identity: person ids start out as this. */
struct id identity_id(struct id ws, const char *adapter, const char *external_id);

#endif
