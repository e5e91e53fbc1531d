#ifndef EDDY_TALK_FIND_H
#define EDDY_TALK_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "highlight.h"
#include "recall.h"
#include "search.h"

struct buf;

/*
 * What `search WORDS` does: words with filters to one ranked page of messages, side threads, what came of them, and what is remembered.
 * docs/search.md says what people can write.
 */
#define FIND_PAGE 8
#define FIND_PAGES_MAX 20
#define FIND_TEXT_MAX 500

/* What somebody asks for.  find_request_done() frees. */
struct find_request {
	char *text;  /* all of it */
	char *words; /* without the filters */
	char *from, *in;
	int64_t after_ms, before_ms;
	enum search_order order;
	enum search_has has;
	int page; /* from 1 */
};
/**
 * Read words and filters: in: from: before: after: has: order: page:, values with blanks in quotes.  False: ${problem} gets a sentence for the
 * asker, and ${out} is empty.  Pure.
 */
bool find_request_read(const char *text, size_t n, const char *tz, uint64_t wall_ms, struct find_request *out, struct buf *problem);
void find_request_done(struct find_request *r);
/** The same request as text, for page ${page}; ${before_ms} is 0 or takes the place of its before:.  In UTC where ${tz} is NULL. */
void find_request_write(const struct find_request *r, int page, int64_t before_ms, const char *tz, struct buf *out);

enum find_kind { FIND_MESSAGE, FIND_FORK, FIND_RESOLUTION, FIND_ITEM };
struct find_hit {
	enum find_kind kind;
	struct id id, thread, message, place; /* thread, message: where it leads; may be none */
	float rank;
	int64_t at_ms;
	int author_kind, visibility;
	const char *author, *place_name, *title, *text; /* author, place_name, title: may be NULL */
	int item_kind, state;                           /* of FIND_ITEM, FIND_FORK */
	bool in_this_thread;
	const char *adapter, *place_key, *thread_key, *message_key; /* for its link; NULL: none */
	struct highlight mark;                                      /* in ${text} */
};
struct find_result {
	struct find_hit *hits;
	size_t len;
	int64_t total;
	bool at_least, more; /* there may be more than ${total}; there is a next page */
	int64_t edge_ms;     /* what is older was not looked at; 0: all was */
	bool loose;          /* nothing has all the words; these have some */
	bool no_person, no_place;
	bool own;    /* the asker alone could be shown more */
	char *texts; /* all strings */
};
struct find_ask {
	struct search_scope scope;
	const char *const *languages;
	size_t languages_len;
	bool prefix;                            /* the last word may be unfinished */
	const struct recall_question *question; /* the words as a vector: what is near it is found as well; NULL: not */
	bool look_at_own;                       /* find out about ${own} */
	int limit;                              /* hits of a page; 1 to 20 */
	size_t snippet;                         /* bytes of a text that are shown */
};
extern const struct pg_statement find_statements[];
/** Inside a tenant transaction.  On success find_result_done() is the caller's. */
enum err find_run(struct pg *pg, const struct find_ask *a, const struct find_request *r, struct find_result *out);
void find_result_done(struct find_result *r);

/** Append the page as Markdown.  ${link}: a link to a message for people; may be NULL. */
struct find_words {
	const char *tz;
	uint64_t wall_ms;
	bool (*link)(void *arg, const char *adapter, const char *place_key, const char *thread_key, const char *message_key,
	    char *out, size_t n);
	void *arg;
};
void find_write(const struct find_request *r, const struct find_result *f, int limit, const struct find_words *w, struct buf *md);
/** "Fork", "Decision" …; NULL for a message. */
const char *find_kind_word(const struct find_hit *h);

#endif
