#ifndef EDDY_API_PAGE_H
#define EDDY_API_PAGE_H

#include "api.h"

/*
 * Lists in pages, the same for every procedure: argument "limit" says how many, "cursor" in the answer leads to the next page as argument "cursor", and without
 * it there is no more.  What a cursor says is nobody's business.
 */
#define PAGE_MAX 500
#define PAGE_IN \
	"\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":500},\"cursor\":{\"type\":\"string\",\"maxLength\":64,\"description\":" \
	"\"from the page before\"}"
#define PAGE_OUT "\"cursor\":{\"type\":\"string\"}"

/**
 * Leave of list ${name} in ${out}, which has all there is, the page that ${in} asks for, and a cursor behind it.  It goes on behind the row that was the last, wherever
 * that is by now, or else as many rows behind the beginning.  False: that is no cursor.
 */
bool page_cut(json_t *out, const char *name, const json_t *in);
/** The same for a list that is fetched from ${first} on: */
bool page_begin(const json_t *in, int *first);
void page_end(json_t *out, const char *name, int first, int limit);
/** And for one that is numbered: the next page begins with, or behind, ${next}, which member ${name} says as well (NULL: none does). */
bool page_number(const char *cursor, int64_t *out);
void page_to(json_t *out, const char *name, int64_t next);

#endif
