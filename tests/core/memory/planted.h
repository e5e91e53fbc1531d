#ifndef EDDY_TEST_PLANTED_H
#define EDDY_TEST_PLANTED_H

#include <stdio.h>
#include <stdlib.h>

#include "../../../core/base/buf.h"
#include "../../support/db.h"

/* A person with something in every column that can hold something of a person, and a look for it. */
/* Who is erased, and what is planted besides words: see MARKS. */
#define PERSON "aaaaaaaa-0000-7000-8000-00000000000a"
#define OTHER "bbbbbbbb-0000-7000-8000-00000000000b"
#define LINKED "cccccccc-0000-7000-8000-00000000000c"
#define MARKS "canary|63616e617279|" PERSON "|cacacaca-"

/* $W the workspace, $P the person, $Q another one, $L one that is linked to the person. */
static const char planted[] = /* clang-format keeps its hands off an included string */
#include "kinds_planted.h"
    ;

static void plant(const char *ws_text)
{
	struct buf sql = BUF_INIT;
	for (const char *p = planted; *p != '\0'; p++) {
		const char *with = p[0] != '$' ? NULL
		    : p[1] == 'W'              ? ws_text
		    : p[1] == 'P'              ? PERSON
		    : p[1] == 'Q'              ? OTHER
		    : p[1] == 'L'              ? LINKED
		                               : NULL;
		if (with != NULL)
			buf_addf(&sql, "'%s'", with);
		else
			buf_add_char(&sql, *p);
		p += with != NULL;
	}
	if (!test_db_exec(sql.p))
		fail_msg("the canaries cannot be planted");
	buf_done(&sql);
}

static long holding(const char *table, const char *column)
{
	char sql[400];
	snprintf(sql, sizeof sql, "SELECT count(*) FROM eddy.%s x WHERE %s::text ~* '" MARKS "'", table, column);
	const char *n = test_db_value(sql);
	return n == NULL ? -1 : atol(n);
}

#endif
