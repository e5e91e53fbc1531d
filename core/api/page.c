/* A cursor is how many rows there were and what the last one was, as a digest: rows that come or go meanwhile neither repeat others nor hide them. */
#include "page.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/encode.h"
#include "../base/json.h"

#define AT_MAX 1000000
#define MARK 16 /* hexadecimal digits of a row's digest */

static void mark_of(const json_t *row, char out[MARK + 1])
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	char *text = json_dumps(row, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	SHA256((const unsigned char *)(text == NULL ? "" : text), text == NULL ? 0 : strlen(text), hash);
	hex_encode(out, hash, MARK / 2);
	out[MARK] = '\0';
	free(text);
}

static bool read_cursor(const char *text, int *at, char mark[MARK + 1])
{
	char *end;
	size_t n = strspn(text, "0123456789");
	if (n == 0 || n > 7 || text[n] != '-' || strlen(text + n + 1) != MARK || strspn(text + n + 1, "0123456789abcdef") != MARK)
		return false;
	*at = (int)strtol(text, &end, 10);
	memcpy(mark, text + n + 1, MARK + 1);
	return *at > 0 && *at <= AT_MAX;
}

static void put_cursor(json_t *out, int at, const json_t *last)
{
	char mark[MARK + 1], text[40];
	mark_of(last, mark);
	snprintf(text, sizeof text, "%d-%s", at, mark);
	json_object_set_new(out, "cursor", json_string(text));
}

static bool is(const json_t *list, size_t i, const char *mark)
{
	char of[MARK + 1];
	mark_of(json_array_get(list, i), of);
	return strcmp(of, mark) == 0;
}

bool page_cut(json_t *out, const char *name, const json_t *in)
{
	json_t *list = json_object_get(out, name), *page;
	const char *cursor = json_str(in, "cursor", NULL);
	size_t n = json_array_size(list), limit = (size_t)json_int(in, "limit", PAGE_MAX), first = 0;
	char mark[MARK + 1];
	int at = 0;
	if (cursor != NULL && !read_cursor(cursor, &at, mark))
		return false;
	if (cursor != NULL) {
		first = (size_t)at < n ? (size_t)at : n;
		if (first == 0 || !is(list, first - 1, mark))
			for (size_t i = 0; i < n; i++)
				if (is(list, i, mark))
					first = i + 1;
	}
	if (first == 0 && n <= limit)
		return true;
	page = json_array();
	for (size_t i = first; i < n && i - first < limit; i++)
		json_array_append(page, json_array_get(list, i));
	size_t end = first + json_array_size(page);
	if (end < n)
		put_cursor(out, (int)end, json_array_get(list, end - 1));
	json_object_set_new(out, name, page);
	return true;
}

bool page_begin(const json_t *in, int *first)
{
	const char *cursor = json_str(in, "cursor", NULL);
	char mark[MARK + 1];
	*first = 0;
	return cursor == NULL || read_cursor(cursor, first, mark);
}

void page_end(json_t *out, const char *name, int first, int limit)
{
	json_t *list = json_object_get(out, name);
	if ((int)json_array_size(list) <= limit)
		return;
	while ((int)json_array_size(list) > limit)
		json_array_remove(list, json_array_size(list) - 1);
	put_cursor(out, first + limit, json_array_get(list, (size_t)limit - 1));
}

bool page_number(const char *cursor, int64_t *out)
{
	size_t n = strlen(cursor);
	*out = n > 0 && n < 19 ? strtoll(cursor, NULL, 10) : 0;
	return n > 0 && n < 19 && strspn(cursor, "0123456789") == n;
}

void page_to(json_t *out, const char *name, int64_t next)
{
	char text[24];
	snprintf(text, sizeof text, "%lld", (long long)next);
	json_object_set_new(out, "cursor", json_string(text));
	if (name != NULL)
		json_object_set_new(out, name, json_integer(next));
}
