/*
 * The tenant is not known before the key is, so its hash lies in a small table without row security, and what the key may do behind the tenant's
 * own policies: a key is checked first, then its workspace is entered.  Whatever is wrong with it, the same work is done and the same said, so that
 * neither time nor words tell a key that exists from one that does not; only who has shown the right secret hears that its time is over.  Roles are asked of the database each time, as for people.
 */
#include "keys.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

#include "../base/encode.h"
#include "../base/utf8.h"

#define PREFIX "eddy_"
#define PREFIX_LEN 5
#define ID_HEX 32
#define SECRET_LEN 43 /* 32 bytes as base64url */
_Static_assert(PREFIX_LEN + ID_HEX + 1 + SECRET_LEN + 1 == KEY_TEXT, "prefix, id, _, secret");

/* The columns of struct key_info. */
#define INFO \
	"k.id, k.node_id, k.person_id, k.issued_by, k.name, n.slug, k.role, k.scopes, k.created_at, k.expires_at, k.used_at, k.revoked_at," \
	" k.revoked_at IS NULL AND k.expires_at > now(), k.revoked_at IS NULL AND k.expires_at > now() AND k.expires_at < now() + interval '7 days'"
/* So much later than now. */
#define AT "(now() + $2::int8 * interval '1 ms')"
/* What is to be said of a key at ${at}: the day before it ends, or the week before, unless it never lived for that much longer. */
#define DUE(at) \
	"k.revoked_at IS NULL AND k.last_warned_at IS NULL AND k.expires_at > " at " AND (k.expires_at <= " at \
	" + interval '1 day'" \
	" OR k.warned_at IS NULL AND k.expires_at <= " at \
	" + interval '7 days' AND k.expires_at >= k.created_at + interval '8 days')"
/* The node $2 and those below it, given up ones, too. */
#define BELOW \
	"down AS (SELECT n.ws, n.id, 1 AS depth FROM nodes n WHERE n.ws = $1 AND n.id = $2 UNION ALL SELECT n.ws, n.id, d.depth + 1" \
	" FROM down d JOIN nodes n ON n.ws = d.ws AND n.parent_id = d.id WHERE d.depth < 32)"

const struct pg_statement keys_statements[] = {
	{ "key_home", "SELECT ws, secret_hash FROM api_key_homes WHERE id = $1" },
	{ "key_read",
	    "SELECT k.node_id, k.person_id, coalesce(p.user_id, p.id), k.scopes,"
	    " CASE WHEN k.person_id IS NULL THEN k.role ELSE least(k.role, role_at(k.person_id, k.node_id)) END,"
	    " k.used_at IS NULL OR k.used_at < now() - interval '10 minutes', CASE WHEN k.expires_at <= now() THEN k.expires_at END"
	    " FROM api_keys k JOIN nodes n ON n.ws = k.ws AND n.id = k.node_id AND n.archived_at IS NULL"
	    " LEFT JOIN people p ON p.ws = k.ws AND p.id = k.person_id"
	    " WHERE k.ws = $1 AND k.id = $2 AND k.revoked_at IS NULL" },
	{ "key_used", "UPDATE api_keys SET used_at = now() WHERE ws = $1 AND id = $2" },
	{ "key_room",
	    "SELECT count(*) FROM api_keys WHERE ws = $1 AND node_id = $2 AND revoked_at IS NULL AND expires_at > now()" },
	{ "key_outlives", "SELECT expires_at < now() + $3::int4 * interval '1 day' FROM api_keys WHERE ws = $1 AND id = $2" },
	{ "key_add",
	    "INSERT INTO api_keys (ws, id, name, node_id, person_id, role, scopes, issued_by, issued_key, expires_at)"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + $10::int4 * interval '1 day')" },
	{ "key_add_home", "INSERT INTO api_key_homes (id, ws, secret_hash) VALUES ($2, $1, $3)" },
	{ "key_list",
	    "WITH RECURSIVE " BELOW " SELECT " INFO
	    " FROM api_keys k JOIN nodes n ON n.ws = k.ws AND n.id = k.node_id WHERE k.ws = $1 AND k.node_id IN (SELECT id FROM down)"
	    " AND ($4::bool IS NOT TRUE OR k.revoked_at IS NULL AND k.expires_at > now() AND k.expires_at < now() + interval '7 days')"
	    " ORDER BY k.created_at DESC, k.id LIMIT $3::int4" },
	{ "key_revoke",
	    "WITH RECURSIVE " BELOW
	    ", gone AS (SELECT k.id FROM api_keys k WHERE k.ws = $1 AND k.node_id IN (SELECT id FROM down) AND ($3::uuid IS NULL OR k.id = $3)"
	    " UNION SELECT k.id FROM gone g JOIN api_keys k ON k.ws = $1 AND k.issued_key = g.id),"
	    " done AS (UPDATE api_keys k SET revoked_at = now() FROM gone WHERE k.ws = $1 AND k.id = gone.id AND k.revoked_at IS NULL RETURNING k.id)"
	    " SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM done)" },
	{ "key_due",
	    "SELECT k.id FROM api_keys k JOIN nodes n ON n.ws = k.ws AND n.id = k.node_id AND n.archived_at IS NULL WHERE k.ws = $1"
	    " AND " DUE(AT) " ORDER BY k.expires_at, k.id LIMIT $3::int4" },
	{ "key_warn",
	    "WITH k AS (UPDATE api_keys k SET warned_at = coalesce(k.warned_at, now()), last_warned_at = CASE WHEN k.expires_at <= " AT
	    " + interval '1 day' THEN now() END WHERE k.ws = $1 AND k.id = $3 AND " DUE(
	        AT) " RETURNING *)"
	            " SELECT " INFO ", k.last_warned_at IS NOT NULL FROM k JOIN nodes n ON n.ws = k.ws AND n.id = k.node_id" },
	{ NULL, NULL },
};

static const char *const scopes[] = { "config:read", "config:write", "keys", "run", "audit:read", "talk:read", "talk:write" };
_Static_assert((1 << sizeof scopes / sizeof *scopes) - 1 == SCOPE_ALL, "each scope has a name");

const char *scope_name(unsigned bit)
{
	for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++)
		if (bit == 1u << i)
			return scopes[i];
	return NULL;
}

unsigned scope_from_name(const char *name)
{
	for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++)
		if (strcmp(scopes[i], name) == 0)
			return 1u << i;
	return 0;
}

static void make_text(struct id id, char text[KEY_TEXT], unsigned char hash[SHA256_DIGEST_LENGTH])
{
	unsigned char raw[32];
	char *secret = text + PREFIX_LEN + ID_HEX + 1;
	random_bytes(raw, sizeof raw);
	memcpy(text, PREFIX, PREFIX_LEN);
	hex_encode(text + PREFIX_LEN, id.b, sizeof id.b);
	text[PREFIX_LEN + ID_HEX] = '_';
	base64url_encode(secret, raw, sizeof raw);
	explicit_bzero(raw, sizeof raw);
	SHA256((const unsigned char *)secret, SECRET_LEN, hash);
}

/* Only the form that make_text() gives: one key has one text. */
static bool read_text(const char *text, struct id *id, unsigned char hash[SHA256_DIGEST_LENGTH])
{
	static const char digits[] = "0123456789abcdef";
	if (strnlen(text, KEY_TEXT) != KEY_TEXT - 1 || memcmp(text, PREFIX, PREFIX_LEN) != 0 || text[PREFIX_LEN + ID_HEX] != '_')
		return false;
	for (size_t i = 0; i < ID_HEX; i++) {
		const char *at = strchr(digits, text[PREFIX_LEN + i]);
		if (at == NULL)
			return false;
		id->b[i / 2] = (uint8_t)(i % 2 == 0 ? (at - digits) << 4 : id->b[i / 2] | (at - digits));
	}
	SHA256((const unsigned char *)text + PREFIX_LEN + ID_HEX + 1, SECRET_LEN, hash);
	return true;
}

/* The tenant of a key whose secret is right. */
static enum err find_home(struct pg *pg, struct id key, const unsigned char hash[SHA256_DIGEST_LENGTH], struct id *ws)
{
	unsigned char stored[SHA256_DIGEST_LENGTH] = { 0 };
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, key);
	enum err e = pg_query(pg, "key_home", a, &r);
	pg_args_free(a);
	if (e != ERR_NONE)
		return e;
	bool known = PQntuples(r) == 1 && PQgetlength(r, 0, 1) == (int)sizeof stored;
	if (known) {
		*ws = pg_get_id(r, 0, 0);
		memcpy(stored, PQgetvalue(r, 0, 1), sizeof stored);
	}
	bool same = CRYPTO_memcmp(stored, hash, sizeof stored) == 0;
	PQclear(r);
	return known && same ? ERR_NONE : ERR_DENIED;
}

static int64_t when(const PGresult *r, int row, int col)
{
	return PQgetisnull(r, row, col) ? 0 : pg_get_time_ms(r, row, col);
}

enum err key_take(
    struct pg *pg, struct id ws, struct id id, const PGresult *r, struct caller *out, int64_t *expired_ms, bool *wrote)
{
	*expired_ms = PQntuples(r) == 0 ? 0 : when(r, 0, 6);
	if (PQntuples(r) == 0 || *expired_ms != 0 || pg_get_int8(r, 0, 4) == ROLE_NONE)
		return ERR_DENIED;
	struct id node = pg_get_id(r, 0, 0);
	char address[sizeof out->address];
	memcpy(address, out->address, sizeof address);
	*out = (struct caller){ .ws = ws,
		.person = pg_get_id(r, 0, 1),
		.user = pg_get_id(r, 0, 2),
		.role = (enum role)pg_get_int8(r, 0, 4),
		.key = id,
		.node = id_equal(node, ws) ? ID_NONE : node,
		.scopes = (unsigned)pg_get_int8(r, 0, 3) & SCOPE_ALL,
		.via = "key" };
	memcpy(out->address, address, sizeof address);
	*wrote = pg_get_bool(r, 0, 5);
	if (!*wrote)
		return ERR_NONE;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, id);
	enum err e = pg_query(pg, "key_used", a, NULL);
	pg_args_free(a);
	return e;
}

enum err key_home(struct pg *pg, const char *key, struct id *id, struct id *ws)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	*ws = ID_NONE;
	return key == NULL || !read_text(key, id, hash) ? ERR_DENIED : find_home(pg, *id, hash, ws);
}

enum err key_of(struct pg *pg, struct id ws, struct id key, struct caller *out)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	bool wrote = false;
	int64_t expired_ms;
	pg_arg_id(a, ws);
	pg_arg_id(a, key);
	enum err e = pg_query(pg, "key_read", a, &r);
	if (e == ERR_NONE)
		e = key_take(pg, ws, key, r, out, &expired_ms, &wrote);
	PQclear(r);
	pg_args_free(a);
	return e;
}

enum err key_caller(struct pg *pg, const char *key, struct caller *out)
{
	struct id id, ws;
	memset(out, 0, sizeof *out);
	out->via = "key";
	enum err e = key_home(pg, key, &id, &ws);
	if (e == ERR_NONE && (e = pg_begin(pg, ws)) == ERR_NONE)
		e = pg_end(pg, key_of(pg, ws, id, out));
	if (e != ERR_NONE)
		*out = (struct caller){ .via = "key" };
	return e;
}

/* ---- making ---- */

static enum err number(struct pg *pg, const char *statement, const struct pg_args *a, int64_t *out)
{
	PGresult *r = NULL;
	enum err e = pg_query(pg, statement, a, &r);
	if (e == ERR_NONE)
		*out = PQntuples(r) == 1 ? pg_get_int8(r, 0, 0) : 0;
	PQclear(r);
	return e;
}

/* A key must not make one that lives longer than itself. */
static enum err check_span(struct pg *pg, const struct caller *by, int days, const char **why)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, by->ws);
	pg_arg_id(a, by->key);
	pg_arg_int4(a, days);
	enum err e = pg_query(pg, "key_outlives", a, &r);
	pg_args_free(a);
	if (e == ERR_NONE && (PQntuples(r) == 0 || pg_get_bool(r, 0, 0))) {
		*why = "A key cannot make one that lives longer than itself.";
		e = ERR_DENIED;
	}
	PQclear(r);
	return e;
}

static enum err check(struct pg *pg, const struct caller *by, const struct key_new *k, const char **why)
{
	enum role role = ROLE_NONE;
	int64_t there = 0;
	size_t n = strlen(k->name);
	*why = "";
	if (n == 0 || n > KEY_NAME_MAX || !utf8_valid(k->name, n))
		*why = "A key needs a name of at most 80 bytes.";
	else if (k->days < 1 || k->days > KEY_DAYS_MAX)
		*why = "A key lives between one day and a year.";
	else if (k->scopes == 0 || (k->scopes & ~(unsigned)SCOPE_ALL) != 0)
		*why = "A key needs at least one scope.";
	else if (k->role < ROLE_VIEWER || k->role > ROLE_OWNER)
		*why = "A key needs a role.";
	else if (k->own && id_is_none(by->person))
		*why = "A key of a team has no person to whom another could belong.";
	if (**why != '\0')
		return ERR_INPUT;
	enum err e = authority_at(pg, by, k->node, &role);
	if (e != ERR_NONE)
		return e;
	if (role < ROLE_ADMIN)
		*why = "Making keys takes the role admin.";
	else if (k->role > role)
		*why = "A key cannot have a higher role than whoever makes it.";
	else if ((k->scopes & ~by->scopes) != 0)
		*why = "A key cannot have scopes that its maker does not have.";
	if (**why != '\0')
		return ERR_DENIED;
	if (!id_is_none(by->key) && (e = check_span(pg, by, k->days, why)) != ERR_NONE)
		return e;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, by->ws);
	pg_arg_id(a, k->node);
	e = number(pg, "key_room", a, &there);
	pg_args_free(a);
	if (e == ERR_NONE && there >= KEYS_MAX) {
		*why = "This team has 200 keys already: revoke some first.";
		e = ERR_INPUT;
	}
	return e;
}

enum err key_issue(struct pg *pg, const struct caller *by, const struct key_new *k, char text[KEY_TEXT], const char **why)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	text[0] = '\0';
	enum err e = check(pg, by, k, why);
	if (e != ERR_NONE)
		return e;
	make_text(k->id, text, hash);
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, by->ws);
	pg_arg_id(a, k->id);
	pg_arg_str(a, k->name);
	pg_arg_id(a, k->node);
	pg_arg_id(a, k->own ? by->person : ID_NONE);
	pg_arg_int2(a, (int16_t)k->role);
	pg_arg_int4(a, (int32_t)k->scopes);
	pg_arg_id(a, by->person);
	pg_arg_id(a, by->key);
	pg_arg_int4(a, k->days);
	e = pg_query(pg, "key_add", a, NULL);
	if (e == ERR_NONE) {
		pg_args_reset(a);
		pg_arg_id(a, by->ws);
		pg_arg_id(a, k->id);
		pg_arg_bytes(a, hash, sizeof hash);
		e = pg_query(pg, "key_add_home", a, NULL);
	}
	pg_args_free(a);
	if (e != ERR_NONE)
		explicit_bzero(text, KEY_TEXT);
	return e;
}

/* ---- looking, taking back ---- */

static void tell(const PGresult *r, void (*row)(void *arg, const struct key_info *k), void *arg)
{
	for (int i = 0; i < PQntuples(r); i++) {
		const struct key_info k = { .id = pg_get_id(r, i, 0),
			.node = pg_get_id(r, i, 1),
			.person = pg_get_id(r, i, 2),
			.issued_by = pg_get_id(r, i, 3),
			.name = pg_get_str(r, i, 4),
			.node_slug = pg_get_str(r, i, 5),
			.role = (enum role)pg_get_int8(r, i, 6),
			.scopes = (unsigned)pg_get_int8(r, i, 7),
			.created_ms = when(r, i, 8),
			.expires_ms = when(r, i, 9),
			.used_ms = when(r, i, 10),
			.revoked_ms = when(r, i, 11),
			.works = pg_get_bool(r, i, 12),
			.expires_soon = pg_get_bool(r, i, 13),
			.last_word = PQnfields(r) > 14 && pg_get_bool(r, i, 14) };
		row(arg, &k);
	}
}

enum err key_list(
    struct pg *pg, struct id ws, struct id node, bool soon, int limit, void (*row)(void *arg, const struct key_info *k), void *arg)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, node);
	pg_arg_int4(a, limit);
	pg_arg_bool(a, soon);
	enum err e = pg_query(pg, "key_list", a, &r);
	if (e == ERR_NONE)
		tell(r, row, arg);
	PQclear(r);
	pg_args_free(a);
	return e;
}

enum err key_revoke(struct pg *pg, struct id ws, struct id node, struct id key, int *revoked)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	*revoked = 0;
	pg_arg_id(a, ws);
	pg_arg_id(a, node);
	pg_arg_id(a, key);
	enum err e = pg_query(pg, "key_revoke", a, &r);
	pg_args_free(a);
	if (e == ERR_NONE) {
		*revoked = (int)pg_get_int8(r, 0, 1);
		if (!id_is_none(key) && pg_get_int8(r, 0, 0) == 0)
			e = ERR_INPUT;
	}
	PQclear(r);
	return e;
}

enum err key_due(struct pg *pg, struct id ws, uint64_t ahead_ms, struct id *out, size_t max, size_t *n)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	*n = 0;
	pg_arg_id(a, ws);
	pg_arg_int8(a, (int64_t)ahead_ms);
	pg_arg_int4(a, (int32_t)max);
	enum err e = pg_query(pg, "key_due", a, &r);
	for (; e == ERR_NONE && *n < max && *n < (size_t)PQntuples(r); ++*n)
		out[*n] = pg_get_id(r, (int)*n, 0);
	PQclear(r);
	pg_args_free(a);
	return e;
}

enum err key_warn(
    struct pg *pg, struct id ws, uint64_t ahead_ms, struct id key, void (*row)(void *arg, const struct key_info *k), void *arg)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_int8(a, (int64_t)ahead_ms);
	pg_arg_id(a, key);
	enum err e = pg_query(pg, "key_warn", a, &r);
	if (e == ERR_NONE)
		tell(r, row, arg);
	PQclear(r);
	pg_args_free(a);
	return e;
}

void key_put_beginning(struct buf *out, struct id key)
{
	char hex[KEY_BEGINNING + 1];
	hex_encode(hex, key.b, KEY_BEGINNING / 2);
	buf_addf(out, PREFIX "%.*s…", KEY_BEGINNING, hex);
}
