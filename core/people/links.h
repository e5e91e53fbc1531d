#ifndef EDDY_PEOPLE_LINKS_H
#define EDDY_PEOPLE_LINKS_H

#include <stdbool.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"

/*
 * One user, many identities.  Who asks for a code on one transport and names it on another has shown to be both; then both persons are one user
 * (people.user_id, SQL: same_user()) until one of them says otherwise.  An address or a name that looks alike links nobody.  Everything here
 * is inside a tenant transaction, which is to be committed whatever is answered: wrong codes are counted.
 */
#define LINK_CODE 12 /* "7K2QF-M9XTD", terminated */
#define LINK_CODE_S 600
#define LINK_TRIES 5 /* wrong codes of one person in LINK_CODE_S */
#define LINK_PERSONS 8
enum link_answer {
	LINK_DONE,
	LINK_STRANGER,  /* a bot, or a sender whom nobody vouches for */
	LINK_WRONG,     /* no such code, used, too old, or one's own */
	LINK_TOO_OFTEN, /* whatever the code is */
	LINK_SAME_WAY,  /* both come through the same transport: two people */
	LINK_FULL,      /* more than LINK_PERSONS */
};
struct link_person {
	struct id id;
	char adapter[64], external_id[256], name[128]; /* name "": not known */
	bool guest;
};
extern const struct pg_statement links_statements[];

/** A new code for ${person}, who speaks through ${adapter}; codes of before are void. */
enum err link_code(
    struct pg *pg, struct id ws, struct id person, const char *adapter, char code[LINK_CODE], enum link_answer *answer);
/** Whose code it is that ${person} names, so that they can be asked whether they mean that; changes nothing but the count of wrong ones. */
enum err link_look(struct pg *pg, struct id ws, struct id person, const char *adapter, const char *code, size_t n,
    struct link_person *other, enum link_answer *answer);
/** Make them one user.  Again by the same person with the same code: done already. */
enum err link_take(struct pg *pg, struct id ws, struct id person, const char *adapter, const char *code, size_t n,
    struct link_person *other, enum link_answer *answer);
/** A code was read by others: it is void. */
enum err link_void(struct pg *pg, struct id ws, const char *code, size_t n);
/** ${person} stands alone again.  ${was}: it did not before. */
enum err link_undo(struct pg *pg, struct id ws, struct id person, bool *was);
/** All persons of the user that ${person} is, itself among them. */
enum err link_list(struct pg *pg, struct id ws, struct id person, struct link_person out[LINK_PERSONS], size_t *len);

#endif
