#ifndef EDDY_TALK_SEARCH_INTERNAL_H
#define EDDY_TALK_SEARCH_INTERNAL_H

/* What finding messages and finding what was made of them share.  For core/talk only. */
#include "search.h"

#define SEARCH_AUTHORS_MAX 20
struct search_filter {
	struct id authors[SEARCH_AUTHORS_MAX];
	size_t authors_len; /* 0: anybody, unless ${no_person} */
	const struct id *audiences;
	size_t len;
	struct id *mine;  /* ${audiences} when it is not borrowed */
	struct id thread; /* only this one, or none */
	bool no_person, no_place;
};
/** The names in ${q} as ids.  On success search_filter_done() is the caller's. */
enum err search_filter_read(struct pg *pg, const struct search_allowed *a, const struct search_query *q, struct search_filter *out);
void search_filter_done(struct search_filter *f);
void search_args_id(struct pg_args *args, struct id id);                    /* none: SQL NULL */
void search_args_kinds(struct pg_args *args, const struct search_query *q); /* of authors */
void search_args_authors(struct pg_args *args, const struct search_filter *f);
void search_args_words(struct pg_args *args, const struct search_words *words);

#endif
