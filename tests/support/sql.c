#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "db.h"
#include "sql.h"

void run(const char *format, ...)
{
	char sql[6000];
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(sql, sizeof sql, format, ap);
	va_end(ap);
	assert_true(n >= 0 && (size_t)n < sizeof sql);
	if (!test_db_exec(sql))
		fail_msg("%s", sql);
}

long number(const char *sql)
{
	const char *v = test_db_value(sql);
	return v == NULL ? 0 : atol(v);
}
