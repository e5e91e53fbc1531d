/* See rows.h. */
#include "rows.h"

#include <string.h>

#include "../base/utf8.h"

void rows_copy(char *out, size_t n, const PGresult *r, int row, int col)
{
	size_t len = PQgetisnull(r, row, col) ? 0 : utf8_clip(PQgetvalue(r, row, col), (size_t)PQgetlength(r, row, col), n - 1);
	memcpy(out, PQgetvalue(r, row, col), len);
	out[len] = '\0';
}

struct pg_args *rows_args(struct id ws, struct id person)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, person);
	return a;
}
