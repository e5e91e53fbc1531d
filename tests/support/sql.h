#ifndef EDDY_TEST_SQL_H
#define EDDY_TEST_SQL_H

/* Statements as the administrator in the database that was made last; the test that runs fails where one does. */
void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** One number; 0: no row, or NULL. */
long number(const char *sql);

#endif
