#ifndef EDDY_TEST_DB_H
#define EDDY_TEST_DB_H

#include <stdbool.h>

#include "../../core/base/id.h"

/*
 * Databases for test programs, on the cluster of EDDY_TEST_ADMIN_URL (`make test` starts one) or, without it, on one of
 * this program's own.  The schema is migrated once into a template and cloned per call; everything goes away when the
 * program exits.  A failure to get a database ends the program with a message.  Strings live until the program ends.
 */

/** A new, empty, migrated database: the address of its runtime role. */
const char *test_db_fresh(void);
/** The administrator's address of the database that test_db_fresh() made last. */
const char *test_db_admin(void);
/** The administrator's address of the server's own database "postgres". */
const char *test_db_server(void);
/** The name of the roles of the databases made here: "eddy_test" ("eddy_test_eddy", "eddy_test_owner" …). */
const char *test_db_roles(void);
/** A workspace in the last fresh database, with an install of adapter "test". */
struct id test_db_workspace(const char *name);
/** Run statements as the administrator in the last fresh database; false and a message when one fails. */
bool test_db_exec(const char *sql);
/** The first column of the first row as text, NULL for no row or NULL; valid until the next call. */
const char *test_db_value(const char *sql);

/** A new empty folder (mode 0711, so that user postgres can pass through) that is removed at exit. */
const char *test_dir(void);

#endif
