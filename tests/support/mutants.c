#include "mutants.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/mem.h"
#include "db.h"

char *mutant_definition(const char *function)
{
	char query[200];
	snprintf(query, sizeof query, "SELECT pg_get_functiondef('eddy.%s'::regproc)", function);
	return xstrdup(test_db_value(query));
}

void mutant_check(const char *text, size_t at, size_t end, const char *instead, const char *name, mutant_cases cases)
{
	struct buf b = BUF_INIT;
	buf_add(&b, text, at);
	buf_addf(&b, " %s ", instead);
	buf_add_str(&b, text + end);
	if (!test_db_exec(b.p))
		fail_msg("not even SQL: %s", b.p);
	if (cases(false) == 0)
		fail_msg("nothing notices that %s is %s: %.*s", name, instead, (int)(end - at), text + at);
	buf_done(&b);
}

unsigned mutants_run(const char *function, mutant_cases cases)
{
	char *text = mutant_definition(function), *p = text;
	unsigned rules = 0;
	while ((p = strstr(p, "/*")) != NULL) {
		int rule, used = 0;
		if (sscanf(p, "/*%2d*/%n", &rule, &used) != 1 || used == 0) {
			p += 2;
			continue;
		}
		const char *end = strstr(p, "/*|*/");
		assert_non_null(end);
		char name[100];
		snprintf(name, sizeof name, "rule %d of %s", rule, function);
		mutant_check(text, (size_t)(p - text), (size_t)(end - text), "true", name, cases);
		mutant_check(text, (size_t)(p - text), (size_t)(end - text), "false", name, cases);
		rules |= 1u << rule;
		p += used;
	}
	assert_true(test_db_exec(text));
	free(text);
	return rules;
}
