/*
 * Linking.  An entry is final when its transaction is: each carries the id of that transaction, and all below the oldest one that is still
 * open are there or never will be.  So the place from which to look for entries moves up with the oldest open transaction, and nothing that
 * commits late is missed.  Two processes that link at once would both write number n: the key lets one of them through.
 *
 * A database that was put back from a backup on another server may have begun to count its transactions anew.  A place above all numbers given
 * so far shows that, and the whole log is looked through once.
 */
#include "chain.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/encode.h"
#include "../base/mem.h"

#define UNLINKED "NOT EXISTS (SELECT 1 FROM audit_chain c WHERE c.ws = $1 AND c.entry_id = a.id)"

const struct pg_statement chain_statements[] = {
	{ "chain_place",
	    "SELECT s.tx::text, pg_snapshot_xmin(pg_current_snapshot())::text, coalesce(s.tx > pg_snapshot_xmax(pg_current_snapshot()), false)"
	    " FROM (SELECT $1::uuid AS ws) t LEFT JOIN audit_seals s ON s.ws = t.ws" },
	{ "chain_last", "SELECT n, h FROM audit_chain WHERE ws = $1 ORDER BY n DESC LIMIT 1" },
	{ "chain_next",
	    "SELECT " CHAIN_COLUMNS
	    " FROM audit a WHERE a.ws = $1 AND a.tx >= $3::text::xid8 AND a.tx < pg_snapshot_xmax(pg_current_snapshot())"
	    " AND " UNLINKED " ORDER BY a.tx, a.at, a.id LIMIT $2" },
	{ "chain_all", "SELECT " CHAIN_COLUMNS " FROM audit a WHERE a.ws = $1 AND " UNLINKED " ORDER BY a.at, a.id LIMIT $2" },
	{ "chain_add",
	    "INSERT INTO audit_chain (ws, n, entry_id, digest, h) SELECT $1::uuid, s.n, s.id, s.digest, s.h"
	    " FROM unnest($2::int8[], $3::uuid[], $4::bytea[], $5::bytea[]) AS s(n, id, digest, h)" },
	{ "chain_moved",
	    "INSERT INTO audit_seals AS s (ws, tx) VALUES ($1, $2::text::xid8) ON CONFLICT (ws) DO UPDATE SET tx = excluded.tx"
	    " WHERE s.tx IS DISTINCT FROM excluded.tx" },
	{ NULL, NULL },
};

/* ---- hashes ---- */

static void big_endian(uint8_t *out, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

void chain_digest(const void *p, size_t n, uint8_t out[CHAIN_HASH])
{
	if (EVP_Digest(p, n, out, NULL, EVP_sha256(), NULL) != 1)
		abort(); /* there is no memory */
}

void chain_link(uint8_t h[CHAIN_HASH], uint64_t n, const void *payload, size_t len)
{
	uint8_t head[1 + CHAIN_HASH + 8 + 4];
	head[0] = 0x01;
	memcpy(head + 1, h, CHAIN_HASH);
	big_endian(head + 1 + CHAIN_HASH, n, 8);
	big_endian(head + 1 + CHAIN_HASH + 8, len, 4);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	if (c == NULL || EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1 || EVP_DigestUpdate(c, head, sizeof head) != 1 ||
	    EVP_DigestUpdate(c, payload, len) != 1 || EVP_DigestFinal_ex(c, h, NULL) != 1)
		abort();
	EVP_MD_CTX_free(c);
}

void chain_mac(const void *key, size_t key_n, uint64_t n, const uint8_t h[CHAIN_HASH], uint8_t out[CHAIN_HASH])
{
	uint8_t text[1 + 8 + CHAIN_HASH];
	text[0] = 0x02;
	big_endian(text + 1, n, 8);
	memcpy(text + 9, h, CHAIN_HASH);
	if (HMAC(EVP_sha256(), key, (int)key_n, text, sizeof text, out, NULL) == NULL)
		abort();
}

/* ---- the payload ---- */

static void put_hex(struct buf *out, const char *key, const PGresult *r, int row, int col)
{
	char hex[2 * CHAIN_HASH + 1];
	if (PQgetisnull(r, row, col) || PQgetlength(r, row, col) != CHAIN_HASH)
		return;
	hex_encode(hex, PQgetvalue(r, row, col), CHAIN_HASH);
	buf_addf(out, ",\"%s\":\"%s\"", key, hex);
}

static void put_id(struct buf *out, const char *key, const PGresult *r, int row, int col)
{
	char text[ID_TEXT];
	if (!PQgetisnull(r, row, col))
		buf_addf(out, ",\"%s\":\"%s\"", key, id_format(pg_get_id(r, row, col), text));
}

void chain_payload(struct id ws, const PGresult *r, int row, int col, struct buf *out)
{
	char text[ID_TEXT];
	size_t from = out->len;
	put_hex(out, "about", r, row, col + 5);
	buf_add_str(out, ",\"act\":");
	buf_add_json_str(out, pg_get_str(r, row, col + 1));
	put_hex(out, "actor", r, row, col + 4);
	buf_addf(out, ",\"at\":%lld", (long long)pg_get_int8(r, row, col + 8));
	put_hex(out, "detail", r, row, col + 6);
	if (!PQgetisnull(r, row, col + 7))
		buf_addf(out, ",\"facts\":%s", pg_get_str(r, row, col + 7));
	put_id(out, "id", r, row, col);
	put_id(out, "subject", r, row, col + 2);
	put_id(out, "thread", r, row, col + 3);
	buf_addf(out, ",\"ws\":\"%s\"}", id_format(ws, text));
	out->p[from] = '{';
}

/* ---- linking ---- */

static enum err rows(struct pg *pg, const char *statement, struct id ws, const char *tx, PGresult **out)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_int8(a, AUDIT_SEAL_MAX + 1);
	if (tx != NULL)
		pg_arg_str(a, tx);
	enum err e = pg_query(pg, statement, a, out);
	pg_args_free(a);
	return e;
}

static enum err one(struct pg *pg, const char *statement, struct id ws, const char *text, PGresult **out)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	if (text != NULL)
		pg_arg_str(a, text);
	enum err e = pg_query(pg, statement, a, out);
	pg_args_free(a);
	return e;
}

static enum err add(struct pg *pg, struct id ws, const PGresult *r, int n, struct audit_sealed *s)
{
	uint8_t(*digests)[CHAIN_HASH] = xcalloc((size_t)n, CHAIN_HASH), (*hs)[CHAIN_HASH] = xcalloc((size_t)n, CHAIN_HASH);
	struct buf payload = BUF_INIT;
	struct pg_args *a = pg_args_new();
	PGresult *done = NULL;
	s->links = xcalloc((size_t)n / AUDIT_LINKS_EVERY + 1, sizeof *s->links);
	pg_arg_id(a, ws);
	pg_array_begin(a, PG_INT8);
	for (int i = 0; i < n; i++) {
		buf_reset(&payload);
		chain_payload(ws, r, i, 0, &payload);
		chain_digest(payload.p, payload.len, digests[i]);
		chain_link(s->h, (uint64_t)++s->n, payload.p, payload.len);
		memcpy(hs[i], s->h, CHAIN_HASH);
		pg_array_int8(a, s->n);
		if (s->n % AUDIT_LINKS_EVERY == 0) {
			s->links[s->links_len].n = s->n;
			memcpy(s->links[s->links_len++].h, s->h, CHAIN_HASH);
		}
	}
	pg_array_end(a);
	pg_array_begin(a, PG_UUID);
	for (int i = 0; i < n; i++)
		pg_array_id(a, pg_get_id(r, i, 0));
	pg_array_end(a);
	pg_array_begin(a, PG_BYTES);
	for (int i = 0; i < n; i++)
		pg_array_bytes(a, digests[i], CHAIN_HASH);
	pg_array_end(a);
	pg_array_begin(a, PG_BYTES);
	for (int i = 0; i < n; i++)
		pg_array_bytes(a, hs[i], CHAIN_HASH);
	pg_array_end(a);
	enum err e = pg_query(pg, "chain_add", a, &done);
	PQclear(done);
	pg_args_free(a);
	buf_done(&payload);
	free(digests);
	free(hs);
	return e == ERR_INPUT ? ERR_RETRY : e; /* the number is taken: somebody else is at it */
}

static enum err seal(struct pg *pg, struct id ws, struct audit_sealed *s)
{
	PGresult *place = NULL, *last = NULL, *r = NULL, *moved = NULL;
	enum err e = one(pg, "chain_place", ws, NULL, &place);
	if (e == ERR_NONE)
		e = one(pg, "chain_last", ws, NULL, &last);
	if (e != ERR_NONE)
		goto done;
	if (PQntuples(last) == 1) {
		s->from = s->n = pg_get_int8(last, 0, 0);
		memcpy(s->h, PQgetvalue(last, 0, 1), CHAIN_HASH);
	}
	bool everything = PQgetisnull(place, 0, 0) || pg_get_bool(place, 0, 2);
	e = rows(pg, everything ? "chain_all" : "chain_next", ws, everything ? NULL : pg_get_str(place, 0, 0), &r);
	if (e != ERR_NONE)
		goto done;
	int n = PQntuples(r);
	s->more = n > AUDIT_SEAL_MAX;
	if (n > 0)
		e = add(pg, ws, r, s->more ? AUDIT_SEAL_MAX : n, s);
	/* Only when there was something: a quiet workspace is not written to each second. */
	if (e == ERR_NONE && !s->more && (n > 0 || everything))
		e = one(pg, "chain_moved", ws, pg_get_str(place, 0, 1), &moved);
done:
	PQclear(place);
	PQclear(last);
	PQclear(r);
	PQclear(moved);
	return e;
}

enum err audit_seal(struct pg *pg, struct id ws, struct audit_sealed *out)
{
	*out = (struct audit_sealed){ 0 };
	enum err e = pg_begin(pg, ws);
	if (e == ERR_NONE)
		e = pg_end(pg, seal(pg, ws, out));
	if (e != ERR_NONE) {
		free(out->links);
		*out = (struct audit_sealed){ 0 };
	}
	return e;
}
