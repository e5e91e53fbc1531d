/* A page looks at LOOK links and no more: a filter that fits little gives short pages, never a long statement. */
#include "entry.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../base/buf.h"
#include "../base/encode.h"
#include "../base/json.h"

#define LOOK 5000

enum {
	COL_EDGE,
	COL_N,
	COL_H,
	COL_ENTRY,
	COL_BY = COL_ENTRY + CHAIN_COLUMN_COUNT,
	COL_BY_NAME,
	COL_ABOUT,
	COL_ABOUT_NAME,
	COL_DETAIL
};
/* $1 ws, $2 from where, $3 links to look at, $4 verb, $5 person, $6 since, $7 until, $8 limit, $9 how the subject ends */
#define PAGE(cmp, order, edge) \
	"WITH c AS MATERIALIZED (SELECT n, entry_id, h FROM audit_chain WHERE ws = $1 AND n " cmp " $2 ORDER BY n " order \
	" LIMIT $3)," \
	" e AS (SELECT c.n, c.h, " CHAIN_COLUMNS \
	", b.person_id AS by_id, bp.name AS by_name, o.person_id AS about_id, op.name AS about_name," \
	" d.detail::text AS told FROM c JOIN audit a ON a.ws = $1 AND a.id = c.entry_id" \
	" LEFT JOIN audit_people b ON b.ws = $1 AND b.tag = a.actor LEFT JOIN people bp ON bp.ws = $1 AND bp.id = b.person_id" \
	" LEFT JOIN audit_people o ON o.ws = $1 AND o.tag = a.about LEFT JOIN people op ON op.ws = $1 AND op.id = o.person_id" \
	" LEFT JOIN audit_details d ON d.ws = $1 AND d.entry_id = a.id" \
	" WHERE ($4::text IS NULL OR starts_with(a.verb, $4)) AND ($5::uuid IS NULL OR b.person_id = $5 OR o.person_id = $5)" \
	" AND ($9::text IS NULL OR right(a.subject::text, length($9)) = $9)" \
	" AND ($6::int8 = 0 OR a.at >= to_timestamp($6 / 1000000.0)) AND ($7::int8 = 0 OR a.at < to_timestamp($7 / 1000000.0))" \
	" ORDER BY c.n " order " LIMIT $8)" \
	" SELECT x.edge, e.* FROM (SELECT " edge "(n) AS edge FROM c) x LEFT JOIN e ON true ORDER BY e.n " order

const struct pg_statement entry_statements[] = {
	{ "entry_list", PAGE("<", "DESC", "min") },
	{ "entry_export", PAGE(">", "ASC", "max") },
	{ NULL, NULL },
};

static enum err page(struct pg *pg, struct id ws, const char *statement, const struct audit_query *q, int32_t limit, PGresult **r)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_int8(a, q->at);
	pg_arg_int8(a, LOOK);
	pg_arg_str(a, q->verb);
	pg_arg_id(a, q->person);
	pg_arg_int8(a, q->since_us);
	pg_arg_int8(a, q->until_us);
	pg_arg_int8(a, limit);
	pg_arg_str(a, q->ref);
	enum err e = pg_query(pg, statement, a, r);
	pg_args_free(a);
	return e;
}

static int32_t bounded(int32_t limit)
{
	return limit < 1 ? 1 : limit > AUDIT_PAGE_MAX ? AUDIT_PAGE_MAX : limit;
}

/* Where the next page begins: after what was shown when the page is full, else after what was looked at. */
static int64_t next_of(const PGresult *r, int32_t limit, int64_t end)
{
	int n = PQntuples(r);
	if (n == 0 || PQgetisnull(r, 0, COL_EDGE))
		return 0;
	int64_t next = n >= limit ? pg_get_int8(r, n - 1, COL_N) : pg_get_int8(r, 0, COL_EDGE);
	return next == end ? 0 : next;
}

static void put_time(char out[40], int64_t us)
{
	time_t s = (time_t)(us / 1000000);
	struct tm tm;
	char text[24];
	gmtime_r(&s, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, 40, "%s.%06dZ", text, (int)(us % 1000000));
}

static void set_id(json_t *o, const char *key, const PGresult *r, int i, int col)
{
	char text[ID_TEXT];
	if (!PQgetisnull(r, i, col))
		json_object_set_new(o, key, json_string(id_format(pg_get_id(r, i, col), text)));
}

static void set_str(json_t *o, const char *key, const PGresult *r, int i, int col)
{
	if (!PQgetisnull(r, i, col))
		json_object_set_new(o, key, json_string(pg_get_str(r, i, col)));
}

static void set_json(json_t *o, const char *key, const PGresult *r, int i, int col)
{
	char why[160];
	json_t *v = NULL;
	if (!PQgetisnull(r, i, col) &&
	    json_parse(pg_get_str(r, i, col), (size_t)PQgetlength(r, i, col), 1 << 20, &v, why) == ERR_NONE)
		json_object_set_new(o, key, v);
}

enum err audit_list(struct pg *pg, struct id ws, const struct audit_query *given, json_t *out, int64_t *next)
{
	struct audit_query q = *given;
	PGresult *r = NULL;
	if (q.at <= 0)
		q.at = INT64_MAX;
	int32_t limit = bounded(q.limit);
	enum err e = page(pg, ws, "entry_list", &q, limit, &r);
	*next = 0;
	for (int i = 0; e == ERR_NONE && i < PQntuples(r) && !PQgetisnull(r, i, COL_N); i++) {
		char at[40];
		json_t *o = json_object();
		put_time(at, pg_get_int8(r, i, COL_ENTRY + 8));
		json_object_set_new(o, "n", json_integer(pg_get_int8(r, i, COL_N)));
		set_id(o, "id", r, i, COL_ENTRY);
		json_object_set_new(o, "at", json_string(at));
		set_str(o, "verb", r, i, COL_ENTRY + 1);
		set_id(o, "subject", r, i, COL_ENTRY + 2);
		set_id(o, "thread", r, i, COL_ENTRY + 3);
		set_id(o, "by", r, i, COL_BY);
		set_str(o, "by_name", r, i, COL_BY_NAME);
		set_id(o, "about", r, i, COL_ABOUT);
		set_str(o, "about_name", r, i, COL_ABOUT_NAME);
		set_json(o, "detail", r, i, COL_DETAIL);
		set_json(o, "facts", r, i, COL_ENTRY + 7);
		json_array_append_new(out, o);
	}
	if (e == ERR_NONE)
		*next = next_of(r, limit, 1);
	PQclear(r);
	return e;
}

/* ---- export ---- */

static void put_person(struct buf *out, const char *key, const PGresult *r, int i, int col)
{
	char text[ID_TEXT];
	if (PQgetisnull(r, i, col))
		return;
	buf_addf(out, ",\"%s\":{\"person\":\"%s\"", key, id_format(pg_get_id(r, i, col), text));
	if (!PQgetisnull(r, i, col + 1)) {
		buf_add_str(out, ",\"name\":");
		buf_add_json_str(out, pg_get_str(r, i, col + 1));
	}
	buf_add_char(out, '}');
}

static void put_line(struct id ws, const PGresult *r, int i, struct buf *out)
{
	struct buf payload = BUF_INIT;
	char h[2 * CHAIN_HASH + 1];
	chain_payload(ws, r, i, COL_ENTRY, &payload);
	hex_encode(h, PQgetvalue(r, i, COL_H), CHAIN_HASH);
	buf_addf(out, "{\"n\":%lld,\"h\":\"%s\",\"payload\":", (long long)pg_get_int8(r, i, COL_N), h);
	buf_add_json_str(out, payload.p);
	put_person(out, "by", r, i, COL_BY);
	put_person(out, "about", r, i, COL_ABOUT);
	if (!PQgetisnull(r, i, COL_DETAIL))
		buf_addf(out, ",\"detail\":%s", pg_get_str(r, i, COL_DETAIL));
	buf_add_str(out, "}\n");
	buf_done(&payload);
}

/* digest := SHA-256(digest, SHA-256(line with its end)) */
static void count_line(struct audit_export *x, int64_t n, const char *line, size_t len)
{
	uint8_t both[2 * CHAIN_HASH];
	memcpy(both, x->digest, CHAIN_HASH);
	chain_digest(line, len, both + CHAIN_HASH);
	chain_digest(both, sizeof both, x->digest);
	x->first = x->entries++ == 0 ? n : x->first;
	x->last = n;
}

enum err audit_export(
    struct pg *pg, struct id ws, const struct audit_query *q, struct audit_export *x, struct buf *out, int64_t *next)
{
	PGresult *r = NULL;
	int32_t limit = bounded(q->limit);
	enum err e = page(pg, ws, "entry_export", q, limit, &r);
	*next = 0;
	for (int i = 0; e == ERR_NONE && i < PQntuples(r) && !PQgetisnull(r, i, COL_N); i++) {
		size_t from = out->len;
		put_line(ws, r, i, out);
		count_line(x, pg_get_int8(r, i, COL_N), out->p + from, out->len - from);
	}
	if (e == ERR_NONE)
		*next = next_of(r, limit, q->at);
	PQclear(r);
	return e;
}

void audit_manifest(struct id ws, const struct audit_query *q, const struct audit_export *x, struct buf *out)
{
	char text[ID_TEXT], digest[2 * CHAIN_HASH + 1], at[40];
	hex_encode(digest, x->digest, CHAIN_HASH);
	buf_addf(out, "{\"manifest\":1,\"ws\":\"%s\"", id_format(ws, text));
	if (q->since_us != 0) {
		put_time(at, q->since_us);
		buf_addf(out, ",\"since\":\"%s\"", at);
	}
	if (q->until_us != 0) {
		put_time(at, q->until_us);
		buf_addf(out, ",\"until\":\"%s\"", at);
	}
	buf_addf(out, ",\"entries\":%lld,\"first\":%lld,\"last\":%lld,\"digest\":\"%s\"}\n", (long long)x->entries,
	    (long long)x->first, (long long)x->last, digest);
}
