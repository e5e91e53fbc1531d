/*
 * The row of a key is inserted before the procedure runs, so the index on it is what makes a second call wait.  Keys and arguments are kept as SHA-256:
 * they are only ever compared.
 */
#include "once.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/json.h"

#define ANSWER_MAX (1u << 20)

const struct pg_statement once_statements[] = {
	{ "once_begin",
	    "INSERT INTO api_answers AS a (ws, caller_id, key_hash, digest, request_id) VALUES ($1, $2, $3, $4, $5)"
	    " ON CONFLICT (ws, caller_id, key_hash) DO UPDATE SET digest = excluded.digest, request_id = excluded.request_id, answer = NULL,"
	    " made_at = now() WHERE a.made_at < now() - $6::int8 * interval '1 hour' RETURNING 1" },
	{ "once_read", "SELECT digest = $4, answer FROM api_answers WHERE ws = $1 AND caller_id = $2 AND key_hash = $3" },
	{ "once_keep", "UPDATE api_answers SET answer = $4 WHERE ws = $1 AND caller_id = $2 AND key_hash = $3" },
	{ "once_expire",
	    "DELETE FROM api_answers WHERE ws = $1 AND (caller_id, key_hash) IN (SELECT caller_id, key_hash FROM api_answers WHERE ws = $1"
	    " AND made_at < now() - $2::int8 * interval '1 hour' LIMIT $3::int4 FOR UPDATE SKIP LOCKED)" },
	{ NULL, NULL },
};

bool once_key_valid(const char *key)
{
	size_t n = strlen(key);
	for (const char *p = key; *p != '\0'; p++)
		if (*p < '!' || *p > '~')
			return false;
	return n > 0 && n <= ONCE_KEY_MAX;
}

/* $1 to $3 of what is about one key. */
static struct pg_args *args_of(struct id ws, struct id caller, const char *key)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	struct pg_args *a = pg_args_new();
	SHA256((const unsigned char *)key, strlen(key), hash);
	pg_arg_id(a, ws);
	pg_arg_id(a, caller);
	pg_arg_bytes(a, hash, sizeof hash);
	return a;
}

static void arg_digest(struct pg_args *a, const char *name, const json_t *args)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	char *text = json_dumps(args, JSON_COMPACT | JSON_SORT_KEYS);
	struct buf b = BUF_INIT;
	buf_addf(&b, "%s\n", name);
	buf_add_str(&b, text == NULL ? "" : text);
	SHA256((const unsigned char *)b.p, b.len, hash);
	pg_arg_bytes(a, hash, sizeof hash);
	free(text);
	buf_done(&b);
}

enum err once_begin(struct pg *pg, struct id ws, struct id caller, const char *key, const char *name, const json_t *args,
    struct id request, enum once *what, json_t **answer)
{
	PGresult *taken = NULL, *r = NULL;
	struct pg_args *a = args_of(ws, caller, key);
	arg_digest(a, name, args);
	pg_arg_id(a, request);
	pg_arg_int8(a, ONCE_HOURS);
	enum err e = pg_query(pg, "once_begin", a, &taken);
	*what = ONCE_NEW;
	*answer = NULL;
	if (e == ERR_NONE && PQntuples(taken) == 0) {
		pg_args_free(a);
		a = args_of(ws, caller, key);
		arg_digest(a, name, args);
		e = pg_query(pg, "once_read", a, &r);
		const char *text = e == ERR_NONE && PQntuples(r) == 1 ? pg_get_str(r, 0, 1) : NULL;
		if (e == ERR_NONE && PQntuples(r) == 0)
			e = ERR_RETRY; /* cleaned up in this very moment */
		else if (e == ERR_NONE)
			*what = pg_get_bool(r, 0, 0) ? ONCE_AGAIN : ONCE_OTHER;
		if (e == ERR_NONE && *what == ONCE_AGAIN && text != NULL)
			e = json_parse(text, strlen(text), ANSWER_MAX, answer, NULL) == ERR_NONE ? ERR_NONE : ERR_BROKEN;
	}
	PQclear(taken);
	PQclear(r);
	pg_args_free(a);
	return e;
}

enum err once_keep(struct pg *pg, struct id ws, struct id caller, const char *key, const json_t *answer)
{
	struct pg_args *a = args_of(ws, caller, key);
	char *text = json_dumps(answer, JSON_COMPACT);
	PGresult *r = NULL;
	pg_arg_str(a, text);
	enum err e = text == NULL || strlen(text) > ANSWER_MAX ? ERR_BROKEN : pg_query(pg, "once_keep", a, &r);
	PQclear(r);
	free(text);
	pg_args_free(a);
	return e;
}

enum err once_expire(struct pg *pg, struct id ws, int limit)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_int8(a, ONCE_HOURS);
	pg_arg_int4(a, limit);
	enum err e = pg_query(pg, "once_expire", a, &r);
	PQclear(r);
	pg_args_free(a);
	return e;
}
