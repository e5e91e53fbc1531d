#ifndef EDDY_STORE_ROLES_H
#define EDDY_STORE_ROLES_H

#include <stdbool.h>
#include <stddef.h>

#include "../base/err.h"
#include "admin.h"

/*
 * Four roles per database, named after it because roles belong to the whole server:
 *   <db>_owner   no log-in; owns the schema, used by migrations only
 *   <db>_eddy    the running program: owns nothing, row security binds it
 *   <db>_search  no log-in; owns the one search function that may read past row security
 *   <db>_maint   maintenance (retention, erasure), bound by its own policies
 */
struct role_names {
	char owner[64];
	char eddy[64];
	char search[64];
	char maint[64];
};
/** ERR_INPUT: the database's name is too long to derive the roles from. */
enum err roles_name(const char *database, struct role_names *out, char *why, size_t why_n);
/** Make the four roles only. */
enum err roles_make(struct admin *a, const struct role_names *n, char *why, size_t why_n);
/**
 * Make roles, schema and extensions where they are missing and set their attributes.  The administrator needs
 * CREATEROLE and rights on the database, not superuser.  Idempotent.  The caller holds migrate_lock().
 */
enum err roles_prepare(struct admin *a, const struct role_names *n, char *why, size_t why_n);
/** True when roles_prepare() has nothing to do. */
bool roles_ready(struct admin *a, const struct role_names *n);
/** Give ${role} a new random password (hex, at most 64 characters and NUL); the server only ever sees its verifier. */
enum err roles_set_password(struct admin *a, const char *role, char password[65], char *why, size_t why_n);
/**
 * The role of ${a} is fit to run Eddy: no superuser, no BYPASSRLS, no right to make roles, not the owner of the schema
 * nor a member of the owner.  ERR_DENIED: ${why} says which and how to mend it.
 */
enum err roles_check_runtime(struct admin *a, const struct role_names *n, char *why, size_t why_n);

#endif
