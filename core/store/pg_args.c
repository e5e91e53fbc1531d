/*
 * Parameters in Postgres' binary format.  All values of a call lie one after another in one growing buffer; what is
 * kept beside it are an offset and a length per parameter, so adding an element to an array for unnest() is one bounds
 * check and one copy. Pointers are made when they are asked for, because the buffer may move until then.
 */
#include "pg.h"

#include <assert.h>
#include <endian.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/mem.h"

#define ARRAY_HEADER 20u       /* dimensions, has-null flag, element type, length, lower bound */
#define ARRAY_HEADER_EMPTY 12u /* an empty array has no dimension */

struct pg_args {
	struct buf data;
	size_t *offsets;
	const char **values;
	int *lengths; /* -1: SQL NULL */
	int *formats;
	int count;
	int cap;
	size_t array; /* offset of the open array; its header is filled in at the end */
	uint32_t elements;
	bool array_open;
	bool array_nulls;
	Oid element;
};

static void put32(char *at, uint32_t v)
{
	v = htobe32(v);
	memcpy(at, &v, sizeof(v));
}

/* Room for ${n} bytes at the end, already counted as used. */
static char *grow(struct pg_args *a, size_t n)
{
	if (a->data.cap - a->data.len <= n)
		buf_reserve(&a->data, n);
	char *at = a->data.p + a->data.len;
	a->data.len += n;
	return at;
}

struct pg_args *pg_args_new(void)
{
	struct pg_args *a = xcalloc(1, sizeof(*a));
	buf_reserve(&a->data, 256);
	return a;
}

void pg_args_free(struct pg_args *a)
{
	if (!a)
		return;
	buf_done(&a->data);
	free(a->offsets);
	free(a->values);
	free(a->lengths);
	free(a->formats);
	free(a);
}

void pg_args_reset(struct pg_args *a)
{
	a->data.len = 0;
	a->count = 0;
	a->array_open = false;
}

/* A new parameter that starts here and is ${n} bytes long (-1: NULL). */
static void begin(struct pg_args *a, int n)
{
	assert(!a->array_open);
	if (a->count == a->cap) {
		int cap = a->cap ? a->cap * 2 : 16;
		a->offsets = xrealloc(a->offsets, (size_t)cap * sizeof(*a->offsets));
		a->values = xrealloc(a->values, (size_t)cap * sizeof(*a->values));
		a->lengths = xrealloc(a->lengths, (size_t)cap * sizeof(*a->lengths));
		a->formats = xrealloc(a->formats, (size_t)cap * sizeof(*a->formats));
		for (int i = a->cap; i < cap; i++)
			a->formats[i] = 1;
		a->cap = cap;
	}
	a->offsets[a->count] = a->data.len;
	a->lengths[a->count] = n;
	a->count++;
}

static void add(struct pg_args *a, const void *p, size_t n)
{
	assert(n <= INT_MAX);
	begin(a, (int)n);
	if (n)
		memcpy(grow(a, n), p, n);
}

void pg_arg_id(struct pg_args *a, struct id v)
{
	if (id_is_none(v))
		begin(a, -1);
	else
		add(a, v.b, sizeof(v.b));
}

void pg_arg_text(struct pg_args *a, const char *s, size_t n)
{
	if (s)
		add(a, s, n);
	else
		begin(a, -1);
}

void pg_arg_str(struct pg_args *a, const char *s)
{
	pg_arg_text(a, s, s ? strlen(s) : 0);
}

void pg_arg_int8(struct pg_args *a, int64_t v)
{
	uint64_t b = htobe64((uint64_t)v);
	add(a, &b, sizeof(b));
}

void pg_arg_int4(struct pg_args *a, int32_t v)
{
	uint32_t b = htobe32((uint32_t)v);
	add(a, &b, sizeof(b));
}

void pg_arg_int2(struct pg_args *a, int16_t v)
{
	uint16_t b = htobe16((uint16_t)v);
	add(a, &b, sizeof(b));
}

void pg_arg_bool(struct pg_args *a, bool v)
{
	char b = v ? 1 : 0;
	add(a, &b, 1);
}

void pg_arg_bytes(struct pg_args *a, const void *p, size_t n)
{
	pg_arg_text(a, p, n);
}

void pg_arg_null(struct pg_args *a)
{
	begin(a, -1);
}

void pg_array_begin(struct pg_args *a, Oid element)
{
	begin(a, 0);
	a->array = a->data.len;
	a->elements = 0;
	a->array_nulls = false;
	a->element = element;
	a->array_open = true;
	grow(a, ARRAY_HEADER);
}

/* One element: its length, then its bytes. */
static void element(struct pg_args *a, const void *p, size_t n)
{
	assert(a->array_open);
	assert(n <= INT_MAX);
	char *at = grow(a, 4 + n);
	put32(at, (uint32_t)n);
	if (n)
		memcpy(at + 4, p, n);
	a->elements++;
}

void pg_array_id(struct pg_args *a, struct id v)
{
	if (id_is_none(v))
		pg_array_text(a, NULL, 0);
	else
		element(a, v.b, sizeof(v.b));
}

void pg_array_text(struct pg_args *a, const char *s, size_t n)
{
	if (s) {
		element(a, s, n);
		return;
	}
	assert(a->array_open);
	put32(grow(a, 4), UINT32_MAX);
	a->array_nulls = true;
	a->elements++;
}

void pg_array_str(struct pg_args *a, const char *s)
{
	pg_array_text(a, s, s ? strlen(s) : 0);
}

void pg_array_int8(struct pg_args *a, int64_t v)
{
	uint64_t b = htobe64((uint64_t)v);
	element(a, &b, sizeof(b));
}

void pg_array_int4(struct pg_args *a, int32_t v)
{
	uint32_t b = htobe32((uint32_t)v);
	element(a, &b, sizeof(b));
}

void pg_array_int2(struct pg_args *a, int16_t v)
{
	uint16_t b = htobe16((uint16_t)v);
	element(a, &b, sizeof(b));
}

void pg_array_bool(struct pg_args *a, bool v)
{
	char b = v ? 1 : 0;
	element(a, &b, 1);
}

void pg_array_bytes(struct pg_args *a, const void *p, size_t n)
{
	pg_array_text(a, p, n);
}

void pg_array_end(struct pg_args *a)
{
	assert(a->array_open);
	char *h = a->data.p + a->array;
	put32(h, a->elements ? 1 : 0);
	put32(h + 4, a->array_nulls ? 1 : 0);
	put32(h + 8, a->element);
	if (a->elements) {
		put32(h + 12, a->elements);
		put32(h + 16, 1);
	} else {
		a->data.len = a->array + ARRAY_HEADER_EMPTY;
	}
	size_t n = a->data.len - a->array;
	assert(n <= INT_MAX);
	a->lengths[a->count - 1] = (int)n;
	a->array_open = false;
}

int pg_args_count(const struct pg_args *a)
{
	return a->count;
}

const char *const *pg_args_values(const struct pg_args *a)
{
	assert(!a->array_open);
	for (int i = 0; i < a->count; i++)
		a->values[i] = a->lengths[i] < 0 ? NULL : a->data.p + a->offsets[i];
	return a->values;
}

const int *pg_args_lengths(const struct pg_args *a)
{
	return a->lengths;
}

const int *pg_args_formats(const struct pg_args *a)
{
	return a->formats;
}
