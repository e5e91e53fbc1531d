/*
 * For edges that have no platform behind them: threads found by the names that messages carry, the one process that does what only one
 * may do, whom not to write to, and words that nobody has just asked for.
 *
 * All but the last are small transactions of the caller's own thread, which may wait.  A notice is a row of the outbox without a run, made by the writer;
 * from there on it is a delivery like any other (relay.c's are of the same kind).
 */
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/encode.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "../people/directory.h"
#include "../store/seal.h"
#include "engine_internal.h"
#include "relay.h"

#define NAMES_MAX 64

const struct pg_statement edge_statements[] = {
	/* Not what is passed on for people: that stands in the thread it comes from. */
	/* What opens a side thread leads there, and nowhere as long as it is not open; what one person alone was told, that person. */
	{ "edge_find_thread",
	    "SELECT t.id, p.external_id, t.external_key, t.seq, may.see, p.visibility, au.kind = 2, t.fork_id IS NOT NULL"
	    " FROM unnest($2::uuid[], $3::uuid[], $4::uuid[]) WITH ORDINALITY AS n(alias, delivery, thread, o)"
	    " JOIN LATERAL (SELECT thread_id FROM aliases a WHERE a.ws = $1 AND a.id = n.alias"
	    " UNION ALL SELECT CASE WHEN f.id IS NULL THEN o.thread_id ELSE f.thread_id END FROM outbox o"
	    " LEFT JOIN forks f ON f.ws = o.ws AND f.id = o.id WHERE o.ws = $1 AND o.id = n.delivery AND o.passes IS NULL"
	    " UNION ALL SELECT n.thread WHERE n.thread IS NOT NULL) x ON true"
	    " JOIN threads t ON t.ws = $1 AND t.id = x.thread_id JOIN places p ON p.ws = $1 AND p.id = t.place_id AND p.adapter = $5"
	    " JOIN audiences au ON au.ws = t.ws AND au.id = t.audience_id"
	    " JOIN LATERAL (SELECT coalesce(CASE WHEN au.kind = 2 THEN au.subject = (SELECT i.person_id FROM identities i WHERE i.ws = $1"
	    " AND i.adapter = $5 AND i.external_id = $6) ELSE p.external_id = $6 OR EXISTS (SELECT 1 FROM place_people r WHERE r.ws = $1"
	    " AND r.place_id = p.id AND r.external_id = $6) END, false) AS see) may ON true"
	    " ORDER BY may.see DESC, n.o LIMIT 1" },
	{ "edge_find_said",
	    "SELECT m.id, m.body, m.components IS NOT NULL FROM outbox o JOIN messages m ON m.ws = o.ws AND m.id = o.message_id"
	    " WHERE o.ws = $1 AND o.thread_id = $2 AND $3 = ANY (string_to_array(o.external_ref, ',')) AND m.state <> 2 LIMIT 1" },
	{ "edge_runs_of_thread",
	    "SELECT count(*) FROM runs WHERE ws = $1 AND thread_id = $2 AND created_at > now() - $3::int8 * interval '1 ms'" },
	{ "edge_runs_of_person",
	    "SELECT count(*) FROM threads t JOIN runs r ON r.ws = t.ws AND r.thread_id = t.id"
	    " WHERE t.ws = $1 AND t.created_at > now() - $3::int8 * interval '1 ms' AND t.only_person = $2" },
	{ "edge_secret_moved", "DELETE FROM adapter_notes WHERE ws = $1 AND adapter = $2 AND key = $3 RETURNING value" },
	{ "edge_secret_notes",
	    "SELECT adapter, key FROM adapter_notes WHERE ws = $1 AND key LIKE 'secret:%' ORDER BY adapter, key" },
	{ "edge_duty",
	    "INSERT INTO duties AS d (ws, adapter, name, owner, until) VALUES ($1, $2, $3, $4, now() + $5::int8 * interval '1 ms')"
	    " ON CONFLICT (ws, adapter, name) DO UPDATE SET owner = excluded.owner, until = excluded.until"
	    " WHERE d.owner = excluded.owner OR d.until < now() RETURNING owner" },
	{ "edge_duty_leave", "DELETE FROM duties WHERE ws = $1 AND adapter = $2 AND name = $3 AND owner = $4" },
	{ "edge_stop_put",
	    "INSERT INTO stops AS s (ws, adapter, external_id, reason, detail) VALUES ($1, $2, $3, $4, $5)"
	    " ON CONFLICT (ws, adapter, external_id) DO UPDATE SET reason = greatest(s.reason, excluded.reason),"
	    " detail = CASE WHEN excluded.reason >= s.reason THEN excluded.detail ELSE s.detail END" },
	{ "edge_stop_lift",
	    "DELETE FROM stops WHERE ws = $1 AND adapter = $2 AND external_id = $3 AND ($4::int2 = 0 OR reason = $4) RETURNING reason" },
	{ "edge_stop_get", "SELECT reason FROM stops WHERE ws = $1 AND adapter = $2 AND external_id = $3" },
	{ "edge_stop_place",
	    "INSERT INTO stops AS s (ws, adapter, external_id, reason, detail) SELECT p.ws, p.adapter, p.external_id, $3, $4 FROM places p"
	    " WHERE p.ws = $1 AND p.id = $2 ON CONFLICT (ws, adapter, external_id) DO UPDATE SET reason = greatest(s.reason, excluded.reason)"
	    " RETURNING reason" },
	{ "edge_stops",
	    "SELECT external_id, detail, reason, created_at FROM stops WHERE ws = $1 AND adapter = $2 ORDER BY created_at DESC LIMIT 1000" },
	{ NULL, NULL },
};

const struct pg_statement notice_statements[] = {
	{ "notice_put",
	    "WITH o AS (INSERT INTO outbox (ws, id, thread_id, body, adapter, origin, state)"
	    " SELECT $1::uuid, $2::uuid, t.id, $4::text, $5::text, $6::bytea, 1 FROM threads t WHERE t.ws = $1 AND t.id = $3"
	    " AND ($7::uuid IS NULL OR EXISTS (SELECT 1 FROM runs r WHERE r.ws = $1 AND r.id = $7 AND r.state <= 2))"
	    " ON CONFLICT DO NOTHING RETURNING thread_id),"
	    " a AS (INSERT INTO audit (ws, id, verb, subject, thread_id) SELECT $1, $8, 'notice.made', $2, thread_id FROM o)" RELAY_COUNT_DUE(
	        "o") },
	{ NULL, NULL },
};

struct id alias_id(struct id ws, const char *adapter, const char *name)
{
	struct buf b = BUF_INIT;
	buf_addf(&b, "alias\n%s\n%s", adapter, name);
	struct id id = id_named(ws, 0, b.p, b.len);
	buf_done(&b);
	return id;
}

/* One statement in a tenant transaction of its own; ${out} (may be NULL) gets the rows, the caller's to clear. */
static enum err ask(struct engine *e, struct id ws, const char *statement, const struct pg_args *a, PGresult **out)
{
	struct pg *pg = engine_pg(e);
	PGresult *r = NULL;
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = pg_end(pg, pg_query(pg, statement, a, &r));
	engine_pg_done(e, pg);
	if (out != NULL && err == ERR_NONE)
		*out = r;
	else
		PQclear(r);
	return err;
}

/* ---- threads ---- */

static bool copy_key(char out[FOUND_KEY_MAX], const char *s)
{
	return (size_t)snprintf(out, FOUND_KEY_MAX, "%s", s) < FOUND_KEY_MAX;
}

enum err engine_find_thread(struct engine *e, struct id ws, const char *adapter, const struct thread_name *names, size_t n,
    const char *reader, struct found_thread *out)
{
	struct pg_args *a = pg_args_new();
	n = n < NAMES_MAX ? n : NAMES_MAX;
	pg_arg_id(a, ws);
	for (int part = 0; part < 3; part++) {
		pg_array_begin(a, PG_UUID);
		for (size_t i = 0; i < n; i++) {
			bool alias = names[i].alias != NULL, delivery = !alias && !id_is_none(names[i].delivery);
			pg_array_id(a,
			    part == 0 && alias                     ? alias_id(ws, adapter, names[i].alias)
			        : part == 1 && delivery            ? names[i].delivery
			        : part == 2 && !alias && !delivery ? names[i].thread
			                                           : ID_NONE);
		}
		pg_array_end(a);
	}
	pg_arg_str(a, adapter);
	pg_arg_str(a, reader);
	PGresult *r = NULL;
	enum err err = ask(e, ws, "edge_find_thread", a, &r);
	if (err == ERR_NONE && PQntuples(r) != 1)
		err = ERR_INPUT;
	if (err == ERR_NONE) {
		out->thread = pg_get_id(r, 0, 0);
		out->seq = pg_get_int8(r, 0, 3);
		out->is_reader = pg_get_bool(r, 0, 4);
		out->visibility = (int)pg_get_int8(r, 0, 5);
		out->is_private = pg_get_bool(r, 0, 6);
		out->is_fork = pg_get_bool(r, 0, 7);
		if (!copy_key(out->place_key, pg_get_str(r, 0, 1)) || !copy_key(out->thread_key, pg_get_str(r, 0, 2)))
			err = ERR_INPUT;
	}
	PQclear(r);
	pg_args_free(a);
	return err;
}

static enum err count(struct engine *e, struct id ws, const char *statement, struct id of, uint32_t ms, int64_t *out)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, of);
	pg_arg_int8(a, ms);
	enum err err = ask(e, ws, statement, a, &r);
	if (err == ERR_NONE)
		*out = pg_get_int8(r, 0, 0);
	PQclear(r);
	pg_args_free(a);
	return err;
}

enum err engine_recent_runs(struct engine *e, struct id ws, const char *adapter, struct id thread, const char *person, uint32_t ms,
    int64_t *in_thread, int64_t *of_person)
{
	enum err err = ERR_NONE;
	*in_thread = 0;
	if (!id_is_none(thread))
		err = count(e, ws, "edge_runs_of_thread", thread, ms, in_thread);
	if (err == ERR_NONE && of_person != NULL) {
		struct id identity = identity_id(ws, adapter, person), id;
		err = count(
		    e, ws, "edge_runs_of_person", directory_person(e->directory, identity, &id) ? id : identity, ms, of_person);
	}
	return err;
}

enum err engine_find_said(struct engine *e, struct id ws, struct id thread, const char *part, struct said_message *out)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, thread);
	pg_arg_str(a, part);
	enum err err = ask(e, ws, "edge_find_said", a, &r);
	pg_args_free(a);
	if (err == ERR_NONE && PQntuples(r) == 0)
		err = ERR_INPUT;
	if (err == ERR_NONE) {
		out->id = pg_get_id(r, 0, 0);
		out->text = xstrndup(PQgetvalue(r, 0, 1), (size_t)PQgetlength(r, 0, 1));
		out->offers = pg_get_bool(r, 0, 2);
	}
	PQclear(r);
	return err;
}

/* ---- secrets and duties ---- */

/* They used to be notes, in plain text: such a one is sealed and taken away when somebody asks for it, all of them when a daemon starts. */
static enum err note_value(struct pg *pg, struct id ws, const char *adapter, const char *key, unsigned char out[32], bool *found)
{
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_str(a, adapter);
	pg_arg_str(a, key);
	enum err err = pg_query(pg, "edge_secret_moved", a, &r);
	pg_args_free(a);
	*found = err == ERR_NONE && PQntuples(r) == 1;
	const char *hex = *found ? pg_get_str(r, 0, 0) : "";
	unsigned byte;
	if (*found && strlen(hex) != 64)
		err = ERR_BROKEN;
	for (size_t i = 0; *found && i < 32 && err == ERR_NONE; i++)
		if (sscanf(hex + 2 * i, "%2x", &byte) == 1)
			out[i] = (unsigned char)byte;
		else
			err = ERR_BROKEN;
	PQclear(r);
	return err;
}

static enum err sealed(struct engine *e, struct pg *pg, struct id ws, const char *adapter, const char *name, struct buf *out)
{
	unsigned char made[32];
	char key[128];
	bool found = false, put;
	random_bytes(made, sizeof(made));
	snprintf(key, sizeof(key), "secret:%s", name);
	enum err err = note_value(pg, ws, adapter, key, made, &found);
	if (err == ERR_NONE && !found)
		err = secret_get(e->seal, pg, ws, adapter, name, "adapter", out);
	if (found || err == ERR_INPUT) {
		if (err == ERR_NONE || err == ERR_INPUT)
			err = secret_put_new(e->seal, pg, ws, adapter, name, made, sizeof(made), &put);
		if (err == ERR_NONE)
			err = secret_get(e->seal, pg, ws, adapter, name, "adapter", out);
	}
	explicit_bzero(made, sizeof(made));
	return err;
}

enum err engine_secret(struct engine *e, struct id ws, const char *adapter, const char *name, unsigned char out[32])
{
	struct pg *pg = engine_pg(e);
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = pg_end(pg, edges_secret(e, pg, ws, adapter, name, out));
	engine_pg_done(e, pg);
	return err;
}

enum err edges_secret(struct engine *e, struct pg *pg, struct id ws, const char *adapter, const char *name, unsigned char out[32])
{
	struct buf value = BUF_INIT;
	if (e->seal == NULL)
		return ERR_BROKEN;
	enum err err = sealed(e, pg, ws, adapter, name, &value);
	if (err == ERR_NONE && value.len != 32)
		err = ERR_BROKEN;
	if (err == ERR_NONE)
		memcpy(out, value.p, 32);
	else if (err != ERR_RETRY)
		log_error("secret", LF_STR("adapter", adapter), LF_STR("name", name),
		    LF_STR("why", err == ERR_DENIED ? "no master key of this process opens it: docs/secrets.md" : ""),
		    LF_STR("result", err_name(err)));
	secret_wipe(&value);
	return err;
}

enum err edges_seal_notes(struct engine *e)
{
	PGresult *tenants = NULL;
	struct pg *pg = engine_pg(e);
	enum err err = pg_query(pg, "upkeep_tenants", NULL, &tenants);
	for (int i = 0; err == ERR_NONE && i < PQntuples(tenants); i++) {
		struct id ws = pg_get_id(tenants, i, 0);
		PGresult *r = NULL;
		struct pg_args *a = pg_args_new();
		pg_arg_id(a, ws);
		err = pg_begin(pg, ws);
		if (err == ERR_NONE)
			err = pg_query(pg, "edge_secret_notes", a, &r);
		for (int k = 0; err == ERR_NONE && k < PQntuples(r); k++) {
			struct buf value = BUF_INIT;
			err = sealed(e, pg, ws, pg_get_str(r, k, 0), pg_get_str(r, k, 1) + strlen("secret:"), &value);
			secret_wipe(&value);
		}
		err = pg_end(pg, err);
		PQclear(r);
		pg_args_free(a);
	}
	PQclear(tenants);
	engine_pg_done(e, pg);
	return err;
}

static struct pg_args *duty_args(struct engine *e, struct id ws, const char *adapter, const char *name)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_str(a, adapter);
	pg_arg_str(a, name);
	pg_arg_id(a, e->process);
	return a;
}

enum err engine_duty(struct engine *e, struct id ws, const char *adapter, const char *name, uint32_t ms)
{
	struct pg_args *a = duty_args(e, ws, adapter, name);
	PGresult *r = NULL;
	pg_arg_int8(a, ms);
	enum err err = ask(e, ws, "edge_duty", a, &r);
	if (err == ERR_NONE && PQntuples(r) != 1)
		err = ERR_DENIED;
	PQclear(r);
	pg_args_free(a);
	return err;
}

void engine_duty_leave(struct engine *e, struct id ws, const char *adapter, const char *name)
{
	struct pg_args *a = duty_args(e, ws, adapter, name);
	(void)ask(e, ws, "edge_duty_leave", a, NULL); /* else it ends by itself */
	pg_args_free(a);
}

/* ---- stops ---- */

static struct pg_args *stop_args(struct id ws, const char *adapter, const char *external_id)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_str(a, adapter);
	pg_arg_str(a, external_id);
	return a;
}

enum err engine_stop_put(
    struct engine *e, struct id ws, const char *adapter, const char *external_id, enum stop_kind kind, const char *detail)
{
	struct pg_args *a = stop_args(ws, adapter, external_id);
	pg_arg_int2(a, (int16_t)kind);
	pg_arg_str(a, detail);
	enum err err = ask(e, ws, "edge_stop_put", a, NULL);
	pg_args_free(a);
	return err;
}

enum err engine_stop_lift(struct engine *e, struct id ws, const char *adapter, const char *external_id, int kind)
{
	struct pg_args *a = stop_args(ws, adapter, external_id);
	PGresult *r = NULL;
	pg_arg_int2(a, (int16_t)kind);
	enum err err = ask(e, ws, "edge_stop_lift", a, &r);
	if (err == ERR_NONE && PQntuples(r) == 0)
		err = ERR_INPUT;
	PQclear(r);
	pg_args_free(a);
	return err;
}

enum err engine_stop_get(struct engine *e, struct id ws, const char *adapter, const char *external_id, int *kind)
{
	struct pg_args *a = stop_args(ws, adapter, external_id);
	PGresult *r = NULL;
	enum err err = ask(e, ws, "edge_stop_get", a, &r);
	if (err == ERR_NONE)
		*kind = PQntuples(r) == 1 ? (int)pg_get_int8(r, 0, 0) : 0;
	PQclear(r);
	pg_args_free(a);
	return err;
}

enum err engine_stops(
    struct engine *e, struct id ws, const char *adapter, void (*fn)(void *arg, const struct stop_row *row), void *arg)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_str(a, adapter);
	enum err err = ask(e, ws, "edge_stops", a, &r);
	for (int i = 0; err == ERR_NONE && i < PQntuples(r); i++)
		fn(arg,
		    &(struct stop_row){ .external_id = pg_get_str(r, i, 0),
		        .detail = pg_get_str(r, i, 1),
		        .kind = (enum stop_kind)pg_get_int8(r, i, 2),
		        .at_ms = pg_get_time_ms(r, i, 3) });
	PQclear(r);
	pg_args_free(a);
	return err;
}

enum err engine_stop_place(struct engine *e, struct id ws, struct id place, enum stop_kind kind, const char *detail)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, place);
	pg_arg_int2(a, (int16_t)kind);
	pg_arg_str(a, detail);
	enum err err = ask(e, ws, "edge_stop_place", a, &r);
	if (err == ERR_NONE && PQntuples(r) == 0)
		err = ERR_INPUT;
	PQclear(r);
	pg_args_free(a);
	return err;
}

/* Workspace and place, then what only the holder of the secret can have made: 42 bytes. */
struct unsubscribe {
	struct id ws, place;
	unsigned char mac[10];
};
_Static_assert(BASE64URL_ROOM(sizeof(struct unsubscribe)) <= UNSUBSCRIBE_TOKEN, "room for a token");

static enum err sign_unsubscribe(struct engine *e, struct unsubscribe *u)
{
	unsigned char secret[32], mac[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	enum err err = engine_secret(e, u->ws, "engine", "unsubscribe", secret);
	HMAC(EVP_sha256(), secret, sizeof(secret), u->place.b, sizeof(u->place.b), mac, &n);
	memcpy(u->mac, mac, sizeof(u->mac));
	explicit_bzero(secret, sizeof(secret));
	return err;
}

enum err engine_unsubscribe_token(struct engine *e, struct id ws, struct id place, char out[UNSUBSCRIBE_TOKEN])
{
	struct unsubscribe u = { .ws = ws, .place = place };
	enum err err = sign_unsubscribe(e, &u);
	base64url_encode(out, &u, sizeof(u));
	return err;
}

enum err engine_unsubscribe(struct engine *e, const char *token)
{
	struct unsubscribe u, own;
	size_t n = 0;
	if (strlen(token) != BASE64URL_ROOM(sizeof(u)) - 1 || !base64url_decode(token, strlen(token), (unsigned char *)&u, &n) ||
	    n != sizeof(u))
		return ERR_INPUT;
	own = u;
	enum err err = sign_unsubscribe(e, &own);
	/* The token names any workspace it likes, also one that there is not. */
	if (err == ERR_BROKEN || err == ERR_DENIED || (err == ERR_NONE && CRYPTO_memcmp(own.mac, u.mac, sizeof(u.mac)) != 0))
		err = ERR_INPUT;
	return err == ERR_NONE ? engine_stop_place(e, u.ws, u.place, STOP_UNSUBSCRIBED, "by the link in a mail") : err;
}

/* ---- notices ---- */

struct notice_op {
	struct write_op op;
	struct engine *e;
	struct id delivery, thread, run;
	char *text, *adapter;
	size_t origin_len;
	char origin[INTENT_ORIGIN_MAX];
};

static void notice_first(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct notice_op *o = (struct notice_op *)ops[i];
		struct pg_args *g = writer_args(tx);
		pg_arg_id(g, o->op.ws);
		pg_arg_id(g, o->delivery);
		pg_arg_id(g, o->thread);
		pg_arg_str(g, o->text);
		pg_arg_str(g, o->adapter);
		pg_arg_bytes(g, o->origin, o->origin_len);
		pg_arg_id(g, o->run);
		pg_arg_id(g, id_new());
		writer_exec(tx, "notice_put", NULL, NULL);
	}
}

static void notice_done(struct write_op *op, enum err result)
{
	struct notice_op *o = (struct notice_op *)op;
	if (result == ERR_NONE) {
		if (lane_find(o->e, o->thread) != NULL)
			claim_load(o->e, op->ws, o->thread);
		else
			claim_now(o->e);
	}
	free(o->text);
	free(o->adapter);
	free(o);
}

static const struct write_kind notice_kind = { .name = "notice", .rank = 2, .round = { notice_first }, .done = notice_done };

bool engine_notice(struct engine *e, struct id ws, const char *adapter, struct id thread, struct id run, const char *key,
    const char *text, const void *origin, size_t origin_len)
{
	if (origin_len > INTENT_ORIGIN_MAX || !atomic_load(&e->started))
		return false;
	struct notice_op *o = xcalloc(1, sizeof(*o));
	struct buf name = BUF_INIT;
	buf_addf(&name, "notice\n%s\n%s", adapter, key);
	o->op.kind = &notice_kind;
	o->op.ws = ws;
	o->e = e;
	o->delivery = id_named(ws, 0, name.p, name.len);
	o->thread = thread;
	o->run = run;
	o->text = xstrdup(text);
	o->adapter = xstrdup(adapter);
	o->origin_len = origin_len;
	memcpy(o->origin, origin, origin_len);
	buf_done(&name);
	writer_put(e->writer, &o->op);
	return true;
}
