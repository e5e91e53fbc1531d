#ifndef EDDY_PEOPLE_KIND_H
#define EDDY_PEOPLE_KIND_H

#include <stdbool.h>

/*
 * Who somebody is to this workspace, as the edge that has checked them says it.  The numbers are stored (people.kind): add at the end.
 */
enum person_kind {
	PERSON_UNKNOWN = 0, /* the platform has not said it yet */
	PERSON_MEMBER = 1,
	PERSON_GUEST = 2,     /* let in by the workspace, to some places */
	PERSON_GUEST_ONE = 3, /* the same, to one place */
	PERSON_STRANGER = 4,  /* of another organisation: a shared channel, mail from outside */
	PERSON_BOT = 5,
	PERSON_SENDER = 6,  /* mail that says who it is from, and nothing proves it */
	PERSON_VISITOR = 7, /* of a page, without a log-in */
};
#define PERSON_KINDS 8

enum act {
	ACT_ASK,      /* gets an answer where Eddy answers */
	ACT_HEAR_WHY, /* is told why Eddy does not answer in a place that is closed */
	ACT_OPEN,     /* as an admin, opens such a place or closes it again */
	ACT_READ,     /* gets answers made of what was said in other public places */
	ACT_LINK,     /* links accounts */
};
#define ACTS 5

const char *person_kind_name(enum person_kind k); /* "member", "single-channel guest", … */
/** What somebody may do by being who they are; what their role and the place allow counts besides.  docs/people.md has the table. */
bool person_may(enum person_kind k, enum act a);

#endif
