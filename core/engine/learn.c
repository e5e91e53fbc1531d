/*
 * What adapters learn and note between messages, and what pages and read-backs ask: small operations through the writer, and reads on
 * a worker's own connection.
 */
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/mem.h"
#include "../memory/whole.h"
#include "../people/directory.h"
#include "engine_internal.h"
#include "offer.h"

const struct pg_statement learn_statements[] = {
	{ "learn_audience", "INSERT INTO audiences (ws, id, kind, subject) VALUES ($1, $2, 1, $2) ON CONFLICT DO NOTHING" },
	{ "learn_place",
	    "INSERT INTO places (ws, id, adapter, external_id, name, visibility, member, audience_id)"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7, $2) ON CONFLICT (ws, id) DO UPDATE SET name = coalesce(excluded.name, places.name),"
	    " visibility = CASE WHEN excluded.visibility <> 0 THEN excluded.visibility ELSE places.visibility END,"
	    " member = excluded.member" },
	{ "learn_person",
	    "INSERT INTO people (ws, id, name, tz, guest, bot, kind) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (ws, id) DO UPDATE SET"
	    " name = coalesce(excluded.name, people.name), tz = coalesce(excluded.tz, people.tz), guest = excluded.guest,"
	    " bot = excluded.bot, kind = excluded.kind" },
	{ "learn_identity",
	    "INSERT INTO identities (ws, adapter, external_id, person_id, verified) VALUES ($1, $2, $3, $4, $5)"
	    " ON CONFLICT (ws, adapter, external_id) DO NOTHING" },
	{ "note_put",
	    "INSERT INTO adapter_notes (ws, adapter, key, value) VALUES ($1, $2, $3, $4) ON CONFLICT (ws, adapter, key)"
	    " DO UPDATE SET value = excluded.value, changed_at = now()" },
	{ NULL, NULL },
};

/* The error that a failed run said last, as long as nobody has asked that run again. */
#define OFFERS_RETRY \
	" (m.author_kind = 2 AND m.run_id IS NOT NULL AND m.state <> 2 AND EXISTS (SELECT 1 FROM runs r WHERE r.ws = m.ws" \
	" AND r.id = m.run_id AND r.state IN (5, 7) AND r.answered_by IS NULL)) AS offers"

/* What the thread's person thinks of an answer: on a page, where opinions are given, a thread has one person. */
#define OPINION \
	"(SELECT f.value FROM feedback f WHERE m.run_id IS NOT NULL AND f.ws = m.ws AND f.message_id = m.id LIMIT 1) AS opinion"

const struct pg_statement read_statements[] = {
	{ "note_get", "SELECT value FROM adapter_notes WHERE ws = $1 AND adapter = $2 AND key = $3" },
	{ "read_thread_seq", "SELECT seq FROM threads WHERE ws = $1 AND id = $2" },
	{ "read_thread",
	    "SELECT * FROM ((SELECT m.id, m.run_id, m.seq, m.rev, m.author_kind, p.name, m.body, m.message_key, m.state, m.created_at," OFFERS_RETRY
	    ", " OPINION ", m.components FROM messages m LEFT JOIN people p ON p.ws = m.ws AND p.id = m.author_id"
	    " WHERE m.ws = $1 AND m.thread_id = $2 AND m.seq > $3 AND m.rev = m.seq ORDER BY m.seq LIMIT $4)"
	    " UNION ALL (SELECT m.id, m.run_id, m.seq, m.rev, m.author_kind, p.name, m.body, m.message_key, m.state, m.created_at," OFFERS_RETRY
	    ", " OPINION ", m.components FROM messages m LEFT JOIN people p ON p.ws = m.ws AND p.id = m.author_id"
	    " WHERE m.ws = $1 AND m.thread_id = $2 AND m.rev > m.seq AND m.rev > $3 ORDER BY m.rev LIMIT $4)) x ORDER BY rev LIMIT $4" },
	{ "read_active",
	    "SELECT p.external_id, t.external_key, (SELECT message_key FROM messages m WHERE m.ws = t.ws AND m.thread_id = t.id"
	    " AND m.author_kind = 1 ORDER BY m.seq DESC LIMIT 1), t.last_at, p.visibility FROM threads t"
	    " JOIN places p ON p.ws = t.ws AND p.id = t.place_id WHERE t.ws = $1 AND p.adapter = $2 AND (t.taking_part OR t.relay = 2) AND p.member"
	    " AND t.last_at >= to_timestamp($3::int8 / 1000.0) ORDER BY t.last_at DESC LIMIT $4" },
	{ "installs_of",
	    "SELECT ws, external_id FROM installs WHERE adapter = $1 AND removed_at IS NULL ORDER BY external_id LIMIT 1000" },
	{ "install_get", "SELECT ws FROM installs WHERE adapter = $1 AND external_id = $2 AND removed_at IS NULL" },
	{ "install_put",
	    "INSERT INTO installs (adapter, external_id, ws, name) VALUES ($1, $2, $3, $4) ON CONFLICT (adapter, external_id)"
	    " DO UPDATE SET name = coalesce(excluded.name, installs.name), removed_at = NULL, erase_at = NULL RETURNING ws" },
	{ "workspace_put", "INSERT INTO workspaces (ws, name) VALUES ($1, $2) ON CONFLICT DO NOTHING" },
	{ NULL, NULL },
};

/* ---- writes ---- */

struct learn_op {
	struct write_op op;
	struct engine *e;
	enum { LEARN_PERSON, LEARN_PLACE, LEARN_NOTE } what;
	char *adapter, *external_id, *name, *tz, *key, *value;
	struct intent_person person;
	struct intent_place place;
	struct id id;
};

static void learn_first(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct learn_op *l = (struct learn_op *)ops[i];
		struct pg_args *g = writer_args(tx);
		pg_arg_id(g, l->op.ws);
		if (l->what == LEARN_NOTE) {
			pg_arg_str(g, l->adapter);
			pg_arg_str(g, l->key);
			pg_arg_str(g, l->value);
			writer_exec(tx, "note_put", NULL, NULL);
			continue;
		}
		pg_arg_id(g, l->id);
		if (l->what == LEARN_PLACE) {
			writer_exec(tx, "learn_audience", NULL, NULL);
			g = writer_args(tx);
			pg_arg_id(g, l->op.ws);
			pg_arg_id(g, l->id);
			pg_arg_str(g, l->adapter);
			pg_arg_str(g, l->external_id);
			pg_arg_str(g, l->name);
			pg_arg_int2(g, (int16_t)l->place.visibility);
			pg_arg_bool(g, l->place.eddy_is_member);
			writer_exec(tx, "learn_place", NULL, NULL);
			continue;
		}
		pg_arg_str(g, l->name);
		pg_arg_str(g, l->tz);
		pg_arg_bool(g, l->person.is_guest);
		pg_arg_bool(g, l->person.is_bot);
		pg_arg_int2(g, (int16_t)intent_kind(&l->person));
		writer_exec(tx, "learn_person", NULL, NULL);
		g = writer_args(tx);
		pg_arg_id(g, l->op.ws);
		pg_arg_str(g, l->adapter);
		pg_arg_str(g, l->external_id);
		pg_arg_id(g, l->id);
		pg_arg_int2(g, VERIFIED_PLATFORM);
		writer_exec(tx, "learn_identity", NULL, NULL);
	}
}

static void learn_done(struct write_op *op, enum err result)
{
	struct learn_op *l = (struct learn_op *)op;
	if (result == ERR_NONE && l->what == LEARN_PERSON) {
		l->person.name = l->name;
		l->person.tz = l->tz;
		directory_put_person(l->e->directory, identity_id(op->ws, l->adapter, l->external_id), l->id, &l->person);
		struct person_card card; /* what was learned counts, also where it takes a guest's limits away */
		if (directory_card(l->e->directory, l->id, &card) && card.guest != l->person.is_guest) {
			card.guest = l->person.is_guest;
			directory_put_card(l->e->directory, &card);
		}
	} else if (result == ERR_NONE && l->what == LEARN_PLACE) {
		l->place.name = l->name;
		directory_put_place(l->e->directory, l->id, &l->place);
	}
	free(l->adapter);
	free(l->external_id);
	free(l->name);
	free(l->tz);
	free(l->key);
	free(l->value);
	free(l);
}

static const struct write_kind learn_kind = { .name = "learn", .rank = 0, .round = { learn_first }, .done = learn_done };

static struct learn_op *learn(struct engine *e, struct id ws, const char *adapter)
{
	struct learn_op *l = xcalloc(1, sizeof(*l));
	l->op.kind = &learn_kind;
	l->op.ws = ws;
	l->e = e;
	l->adapter = xstrdup(adapter);
	return l;
}

#define LEARN_BACKLOG 4096

bool engine_learn_person(struct engine *e, struct id ws, const char *adapter, const struct intent_person *p)
{
	if (writer_backlog(e->writer) > LEARN_BACKLOG || p->external_id == NULL)
		return false;
	struct learn_op *l = learn(e, ws, adapter);
	l->what = LEARN_PERSON;
	l->external_id = xstrdup(p->external_id);
	l->name = xstrdup(p->name);
	l->tz = xstrdup(p->tz);
	l->person = (struct intent_person){ .kind = p->kind, .is_bot = p->is_bot, .is_guest = p->is_guest };
	struct id identity = identity_id(ws, adapter, p->external_id);
	if (!directory_person(e->directory, identity, &l->id))
		l->id = identity;
	writer_put(e->writer, &l->op);
	return true;
}

bool engine_learn_place(struct engine *e, struct id ws, const char *adapter, const struct intent_place *p)
{
	if (writer_backlog(e->writer) > LEARN_BACKLOG || p->external_id == NULL)
		return false;
	struct learn_op *l = learn(e, ws, adapter);
	l->what = LEARN_PLACE;
	l->external_id = xstrdup(p->external_id);
	l->name = xstrdup(p->name);
	l->place = (struct intent_place){ .visibility = p->visibility, .eddy_is_member = p->eddy_is_member };
	l->id = engine_place_id(ws, adapter, p->external_id);
	writer_put(e->writer, &l->op);
	return true;
}

bool engine_note_put(struct engine *e, struct id ws, const char *adapter, const char *key, const char *value)
{
	if (writer_backlog(e->writer) > LEARN_BACKLOG || strlen(value) > 4096)
		return false;
	struct learn_op *l = learn(e, ws, adapter);
	l->what = LEARN_NOTE;
	l->key = xstrdup(key);
	l->value = xstrdup(value);
	writer_put(e->writer, &l->op);
	return true;
}

/* ---- reads ---- */

enum err engine_note_get(struct engine *e, struct id ws, const char *adapter, const char *key, char **value)
{
	struct pg *pg = engine_pg(e);
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_str(a, adapter);
	pg_arg_str(a, key);
	PGresult *r = NULL;
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = pg_end(pg, pg_query(pg, "note_get", a, &r));
	if (err == ERR_NONE)
		*value = PQntuples(r) == 1 ? xstrdup(pg_get_str(r, 0, 0)) : NULL;
	PQclear(r);
	pg_args_free(a);
	engine_pg_done(e, pg);
	return err;
}

enum err engine_read_thread(struct engine *e, struct id ws, struct id thread, int64_t after_rev, int limit,
    void (*fn)(void *arg, const struct stored_message *m), void *arg, int64_t *last_rev)
{
	struct pg *pg = engine_pg(e);
	struct pg_args *a = pg_args_new();
	PGresult *seq = NULL, *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, thread);
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = pg_query(pg, "read_thread_seq", a, &seq);
	pg_arg_int8(a, after_rev);
	pg_arg_int8(a, limit);
	if (err == ERR_NONE)
		err = pg_query(pg, "read_thread", a, &r);
	err = pg_end(pg, err);
	int64_t at = err == ERR_NONE && PQntuples(seq) == 1 ? pg_get_int8(seq, 0, 0) : 0;
	for (int i = 0; err == ERR_NONE && i < PQntuples(r); i++) {
		struct stored_message m = {
			.id = pg_get_id(r, i, 0),
			.run = PQgetisnull(r, i, 1) ? ID_NONE : pg_get_id(r, i, 1),
			.seq = pg_get_int8(r, i, 2),
			.rev = pg_get_int8(r, i, 3),
			.author_kind = (int)pg_get_int8(r, i, 4),
			.author = pg_get_str(r, i, 5),
			.text = pg_get_str(r, i, 6),
			.message_key = pg_get_str(r, i, 7),
			.edited = pg_get_int8(r, i, 8) == 1,
			.deleted = pg_get_int8(r, i, 8) == 2,
			.at_ms = pg_get_time_ms(r, i, 9),
			.opinion = PQgetisnull(r, i, 11) ? 0 : (int)pg_get_int8(r, i, 11),
		};
		char id[ID_TEXT];
		struct component retry;
		if (pg_get_bool(r, i, 10)) {
			retry = component_retry(m.run, id);
			m.components = &retry;
			m.components_len = 1;
		}
		struct component *offered = NULL;
		if (!PQgetisnull(r, i, 12) && !m.deleted &&
		    offer_read(PQgetvalue(r, i, 12) + 1, (size_t)PQgetlength(r, i, 12) - 1, &offered, &m.components_len) ==
		        ERR_NONE)
			m.components = offered; /* jsonb in binary form starts with a version byte */
		fn(arg, &m);
		if (offered != NULL)
			offer_free(offered, m.components_len);
		if (PQntuples(r) == limit || m.rev > at)
			at = m.rev;
	}
	if (err == ERR_NONE && last_rev != NULL)
		*last_rev = at;
	PQclear(seq);
	PQclear(r);
	pg_args_free(a);
	engine_pg_done(e, pg);
	return err;
}

enum err engine_active_threads(struct engine *e, struct id ws, const char *adapter, int64_t since_ms, int limit,
    void (*fn)(void *arg, const struct active_thread *t), void *arg)
{
	struct pg *pg = engine_pg(e);
	struct pg_args *a = pg_args_new();
	char since[32];
	snprintf(since, sizeof(since), "%lld", (long long)since_ms);
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_str(a, adapter);
	pg_arg_int8(a, since_ms);
	pg_arg_int8(a, limit);
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = pg_end(pg, pg_query(pg, "read_active", a, &r));
	for (int i = 0; err == ERR_NONE && i < PQntuples(r); i++)
		fn(arg,
		    &(struct active_thread){ pg_get_str(r, i, 0), pg_get_str(r, i, 1), pg_get_str(r, i, 2), pg_get_time_ms(r, i, 3),
		        (enum visibility)pg_get_int8(r, i, 4) });
	PQclear(r);
	pg_args_free(a);
	engine_pg_done(e, pg);
	return err;
}

bool engine_workspace(struct engine *e, const char *adapter, const char *external_id, struct id *ws)
{
	return directory_install(e->directory, adapter, external_id, ws);
}

enum err engine_installs(
    struct engine *e, const char *adapter, void (*fn)(void *arg, struct id ws, const char *external_id), void *arg)
{
	struct pg *pg = engine_pg(e);
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_str(a, adapter);
	enum err err = pg_query(pg, "installs_of", a, &r);
	pg_args_free(a);
	engine_pg_done(e, pg);
	for (int i = 0; err == ERR_NONE && i < PQntuples(r); i++)
		fn(arg, pg_get_id(r, i, 0), pg_get_str(r, i, 1));
	PQclear(r);
	return err;
}

static enum err find_install(struct pg *pg, const char *adapter, const char *external_id, struct id *ws, bool *found)
{
	struct pg_args *a = pg_args_new();
	pg_arg_str(a, adapter);
	pg_arg_str(a, external_id);
	PGresult *r = NULL;
	enum err err = pg_query(pg, "install_get", a, &r);
	*found = err == ERR_NONE && PQntuples(r) == 1;
	if (*found)
		*ws = pg_get_id(r, 0, 0);
	PQclear(r);
	pg_args_free(a);
	return err;
}

static enum err put_install(struct pg *pg, const char *adapter, const char *external_id, const char *name, struct id *ws)
{
	struct pg_args *a = pg_args_new();
	pg_arg_str(a, adapter);
	pg_arg_str(a, external_id);
	pg_arg_id(a, *ws);
	pg_arg_str(a, name);
	PGresult *r = NULL;
	enum err err = pg_query(pg, "install_put", a, &r);
	if (err == ERR_NONE && PQntuples(r) == 1)
		*ws = pg_get_id(r, 0, 0); /* another process may have been first */
	PQclear(r);
	pg_args_free(a);
	return err;
}

static enum err put_workspace(struct pg *pg, struct id ws, const char *name)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_str(a, name ? name : "workspace");
	PGresult *r = NULL;
	enum err err = pg_query(pg, "workspace_put", a, &r);
	PQclear(r);
	pg_args_free(a);
	return err;
}

enum err engine_install(struct engine *e, const char *adapter, const char *external_id, const char *name, bool home, struct id *ws)
{
	struct pg *pg = engine_pg(e);
	struct id id = ID_NONE;
	bool found = false;
	enum err err = pg_begin_plain(pg);
	if (err == ERR_NONE)
		err = find_install(pg, adapter, external_id, &id, &found);
	if (err == ERR_NONE && !found) {
		id = home && !id_is_none(e->default_ws) ? e->default_ws : id_new();
		err = put_install(pg, adapter, external_id, name, &id);
	}
	err = pg_end(pg, err);
	if (err == ERR_NONE)
		err = pg_begin(pg, id);
	if (err == ERR_NONE) {
		bool ended = false;
		err = put_workspace(pg, id, name);
		if (err == ERR_NONE)
			err = whole_ended(pg, id, &ended);
		if (ended) /* between the two transactions: whoever asks again gets another */
			err = ERR_RETRY;
		if (err == ERR_NONE)
			err = agents_seed(pg, id);
		err = pg_end(pg, err);
	}
	engine_pg_done(e, pg);
	if (err != ERR_NONE)
		return err;
	directory_put_install(e->directory, adapter, external_id, id);
	*ws = id;
	return ERR_NONE;
}
