/*
 * What is to be done is worked out once (provision_plan.c) and written down; from then on the rows say what comes next.  Every step locks its run, reads which step that is, does it and marks it in one transaction, so it makes no difference
 * who goes on with it, or how often.  A refusal rolls its transaction back and turns the run round: then the last step that is done comes next.
 */
#include "provision.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/json.h"
#include "../base/log.h"
#include "node.h"
#include "provision_internal.h"
#include "refuse.h"

#define RESUMED_MAX 100
#define ERASED_AT_ONCE 20

const struct pg_statement provision_statements[] = {
	/* Session locks have no place on a connection of a pool: this one ends with the transaction. */
	{ "provision_lock", "SELECT pg_advisory_xact_lock(hashtextextended('provision ' || $1::uuid || ' ' || $2::text, 0))" },
	{ "provision_slug", "SELECT slug FROM provisions WHERE ws = $1 AND id = $2" },
	{ "provision_by_key", "SELECT id, digest, node_id, state FROM provisions WHERE ws = $1 AND key_hash = $2" },
	{ "provision_at_work", "SELECT id, digest, node_id, kind FROM provisions WHERE ws = $1 AND slug = $2 AND state <= 2" },
	{ "provision_get",
	    "SELECT state, kind, node_id, parent_id, by_person, by_key, coalesce(why, '') FROM provisions WHERE ws = $1 AND id = $2 FOR UPDATE" },
	{ "provision_insert",
	    "INSERT INTO provisions (ws, id, kind, state, slug, node_id, parent_id, key_hash, digest, by_person, by_key, ended_at)"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, CASE WHEN $4::int2 > 2 THEN now() END)" },
	{ "provision_insert_step",
	    "INSERT INTO provision_steps (ws, provision_id, n, verb, what, args) VALUES ($1, $2, $3, $4, $5, $6::text::jsonb)" },
	{ "provision_next",
	    "SELECT n, verb, args::text, undo::text FROM provision_steps WHERE ws = $1 AND provision_id = $2 AND state = $3"
	    " ORDER BY CASE WHEN $3::int2 = 1 THEN n ELSE -n END LIMIT 1" },
	{ "provision_step_done",
	    "UPDATE provision_steps SET state = 2, undo = $4::text::jsonb, done_at = now() WHERE ws = $1 AND provision_id = $2 AND n = $3" },
	{ "provision_step_undone", "UPDATE provision_steps SET state = 3 WHERE ws = $1 AND provision_id = $2 AND n = $3" },
	{ "provision_turn", "UPDATE provisions SET state = 2, why = $3 WHERE ws = $1 AND id = $2 AND state = 1" },
	{ "provision_end", /* a key stands for what was done, so that of an undone one is free again */
	    "UPDATE provisions SET state = $3, ended_at = now(), key_hash = CASE WHEN $3::int2 = 4 THEN NULL ELSE key_hash END"
	    " WHERE ws = $1 AND id = $2" },
	{ "provision_audit",
	    "INSERT INTO audit (ws, id, actor_id, verb, subject, detail) SELECT $1, $3, p.by_person, $4, p.node_id, jsonb_build_object('provision',"
	    " p.id, 'step', $5::int2, 'with_key', p.by_key) FROM provisions p WHERE p.ws = $1 AND p.id = $2 ON CONFLICT DO NOTHING" },
	{ "provision_open", "SELECT id FROM provisions WHERE ws = $1 AND state <= 2 ORDER BY created_at LIMIT $2::int4" },
	{ "provision_leaves",
	    "SELECT n.slug, n.parent_id, (SELECT count(*) FROM nodes c WHERE c.ws = $1 AND c.parent_id = n.id AND c.archived_at IS NULL)"
	    " FROM nodes n WHERE n.ws = $1 AND n.id = $2 AND n.archived_at IS NULL" },
	{ "provision_unerased",
	    "SELECT t.id FROM places p JOIN threads t ON t.ws = p.ws AND t.place_id = p.id WHERE p.ws = $1 AND p.team_id = $2 AND EXISTS"
	    " (SELECT 1 FROM messages m WHERE m.ws = t.ws AND m.thread_id = t.id AND m.state <> 2) AND ($3::uuid IS NULL OR t.id > $3)"
	    " ORDER BY t.id LIMIT $4::int4" },
	{ "provision_list",
	    "WITH RECURSIVE down AS (SELECT n.id, 1 AS depth FROM nodes n WHERE n.ws = $1 AND n.id = $2 UNION ALL SELECT n.id, d.depth + 1"
	    " FROM down d JOIN nodes n ON n.ws = $1 AND n.parent_id = d.id WHERE d.depth < 32)"
	    " SELECT p.id, p.slug, p.kind, p.state, coalesce(p.why, ''), p.created_at, (SELECT coalesce(jsonb_agg(jsonb_build_object('step', s.verb,"
	    " 'what', s.what, 'state', (ARRAY['waits', 'done', 'undone'])[s.state]) ORDER BY s.n), '[]')::text FROM provision_steps s"
	    " WHERE s.ws = $1 AND s.provision_id = p.id) FROM provisions p WHERE p.ws = $1 AND (NOT $3 OR p.state <= 2)"
	    " AND (p.node_id IN (SELECT id FROM down) OR p.parent_id IN (SELECT id FROM down)) ORDER BY p.created_at DESC, p.id LIMIT 100" },
	{ NULL, NULL },
};

static struct pg_args *args_of(struct id ws, struct id id)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, id);
	return a;
}

static enum err lock(struct pg *pg, struct id ws, const char *slug)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_str(a, slug);
	return pg_ask(pg, "provision_lock", a, NULL);
}

static void digest_of(const char *space, struct id id, const json_t *doc, const char *text, unsigned char out[SHA256_DIGEST_LENGTH])
{
	struct buf b = BUF_INIT;
	char *json = doc == NULL ? NULL : json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);
	buf_add_str(&b, space);
	buf_add(&b, id.b, sizeof id.b);
	buf_add_str(&b, json != NULL ? json : text != NULL ? text : "");
	SHA256((const unsigned char *)b.p, b.len, out);
	free(json);
	buf_done(&b);
}

enum err provision_plan(struct pg *pg, const struct caller *by, const struct provision_ask *ask, json_t **out, struct problem *why)
{
	struct provision_plan p = { .pg = pg, .by = by, .ask = ask, .steps = json_array(), .why = why };
	size_t i;
	json_t *step;
	enum err e = provision_work_out(&p);
	json_array_foreach (p.steps, i, step)
		json_object_del(step, "args");
	if (e == ERR_NONE)
		*out = json_incref(p.steps);
	json_decref(p.steps);
	return e;
}

/* ---- writing it down ---- */

struct note {
	enum provision_kind kind;
	const char *slug;
	struct id node, parent, request;
	const unsigned char *digest, *key; /* key: NULL, none */
	const json_t *steps;
};

static enum err write_down(struct pg *pg, const struct caller *by, const struct note *n)
{
	size_t i;
	json_t *step;
	struct pg_args *a = args_of(by->ws, n->request);
	pg_arg_int2(a, (int16_t)n->kind);
	pg_arg_int2(a, json_array_size(n->steps) == 0 ? PROVISION_DONE : PROVISION_GOES_ON);
	pg_arg_str(a, n->slug);
	pg_arg_id(a, n->node);
	pg_arg_id(a, n->parent);
	if (n->key != NULL)
		pg_arg_bytes(a, n->key, SHA256_DIGEST_LENGTH);
	else
		pg_arg_null(a);
	pg_arg_bytes(a, n->digest, SHA256_DIGEST_LENGTH);
	pg_arg_id(a, by->person);
	pg_arg_id(a, by->key);
	enum err e = pg_ask(pg, "provision_insert", a, NULL);
	json_array_foreach (n->steps, i, step) {
		if (e != ERR_NONE)
			break;
		char *text = json_dumps(json_object_get(step, "args"), JSON_COMPACT);
		a = args_of(by->ws, n->request);
		pg_arg_int2(a, (int16_t)(i + 1));
		pg_arg_str(a, json_str(step, "step", ""));
		pg_arg_str(a, json_str(step, "what", ""));
		pg_arg_str(a, text);
		free(text);
		e = pg_ask(pg, "provision_insert_step", a, NULL);
	}
	return e;
}

/* A run that was noted before; ${run} none: there is none. */
struct known {
	struct id run, node;
	bool same;
};

static enum err known(struct pg *pg, const char *statement, struct pg_args *a, const unsigned char *digest, struct known *out)
{
	PGresult *r = NULL;
	enum err e = pg_ask(pg, statement, a, &r);
	*out = (struct known){ .run = ID_NONE };
	if (e == ERR_NONE && PQntuples(r) == 1) {
		out->run = pg_get_id(r, 0, 0);
		out->node = pg_get_id(r, 0, 2);
		out->same =
		    PQgetlength(r, 0, 1) == SHA256_DIGEST_LENGTH && memcmp(PQgetvalue(r, 0, 1), digest, SHA256_DIGEST_LENGTH) == 0;
	}
	PQclear(r);
	return e;
}

static enum err by_slug(struct pg *pg, struct id ws, const char *slug, const unsigned char *digest, struct known *out)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_str(a, slug);
	return known(pg, "provision_at_work", a, digest, out);
}

static enum err at_work(struct problem *why, const char *slug)
{
	return team_refuse(why, API_CONFLICT, "slug",
	    "Something else is being done with %s: `eddy provision status` shows what. Let that end first.", slug);
}

enum err provision_begin(
    struct pg *pg, const struct caller *by, const struct provision_ask *ask, struct id *run, struct id *node, struct problem *why)
{
	unsigned char digest[SHA256_DIGEST_LENGTH], key[SHA256_DIGEST_LENGTH];
	const char *slug = json_str(ask->doc, "slug", "");
	struct known k;
	digest_of("set up", ask->parent, ask->doc, NULL, digest);
	digest_of("key", id_is_none(by->key) ? by->user : by->key, NULL, ask->key, key);
	*run = *node = ID_NONE;
	enum err e = lock(pg, by->ws, slug);
	if (e == ERR_NONE && ask->key != NULL) {
		struct pg_args *a = pg_args_new();
		pg_arg_id(a, by->ws);
		pg_arg_bytes(a, key, sizeof key);
		e = known(pg, "provision_by_key", a, digest, &k);
		if (e == ERR_NONE && !id_is_none(k.run)) {
			*run = k.run;
			*node = k.node;
			return k.same ? ERR_NONE
			              : team_refuse(why, API_REUSED_KEY, "", "This idempotency key was used for another call.");
		}
	}
	if (e == ERR_NONE)
		e = by_slug(pg, by->ws, slug, digest, &k);
	if (e != ERR_NONE)
		return e;
	if (!id_is_none(k.run)) {
		*run = k.run;
		*node = k.node;
		return k.same ? ERR_NONE : at_work(why, slug);
	}
	struct provision_plan p = { .pg = pg, .by = by, .ask = ask, .steps = json_array(), .why = why };
	e = provision_work_out(&p);
	bool nothing = json_array_size(p.steps) == 0;
	if (e == ERR_NONE && (!nothing || ask->key != NULL))
		e = write_down(pg, by,
		    &(struct note){ PROVISION_SET_UP, slug, p.node, ask->parent, ask->request, digest,
		        ask->key == NULL ? NULL : key, p.steps });
	json_decref(p.steps);
	*node = p.node;
	*run = nothing && ask->key == NULL ? ID_NONE : ask->request;
	return e;
}

enum err provision_leave(
    struct pg *pg, const struct caller *by, struct id node, bool erase, struct id request, struct id *run, struct problem *why)
{
	static const char *const verbs[] = { "keys", "routes", "agents", "threads", "erase", "places", "members", "archive" };
	static const char *const whats[] = { "revoke its keys", "free its routes", "switch its agents off", "archive its threads",
		"erase what was said in its threads", "give its places back to the organisation", "take its roles back",
		"archive the team" };
	unsigned char digest[SHA256_DIGEST_LENGTH];
	enum role role = ROLE_NONE;
	struct known k;
	PGresult *r = NULL;
	digest_of(erase ? "erase" : "give up", node, NULL, NULL, digest);
	*run = ID_NONE;
	enum err e = node_lock(pg, by->ws);
	if (e == ERR_NONE)
		e = pg_ask(pg, "provision_leaves", args_of(by->ws, node), &r);
	if (e != ERR_NONE)
		return e;
	char slug[NODE_SLUG_MAX + 1] = "";
	bool there = PQntuples(r) == 1;
	struct id parent = there ? pg_get_id(r, 0, 1) : ID_NONE;
	int64_t below = there ? pg_get_int8(r, 0, 2) : 0;
	snprintf(slug, sizeof slug, "%s", there ? pg_get_str(r, 0, 0) : "");
	PQclear(r);
	if (!there)
		return team_refuse(why, API_NOT_FOUND, "team", "There is no such team, or not for you.");
	if (id_is_none(parent))
		return team_refuse(why, API_INVALID, "team", "The organisation is not given up.");
	if (below > 0)
		return team_refuse(
		    why, API_CONFLICT, "team", "%lld units or teams stand in it: move or give them up first.", (long long)below);
	if ((e = authority_at(pg, by, parent, &role)) != ERR_NONE)
		return e;
	if (role < ROLE_ADMIN)
		return team_refuse(why, API_FORBIDDEN, "team", "This takes the role admin above it.");
	if ((e = lock(pg, by->ws, slug)) == ERR_NONE)
		e = by_slug(pg, by->ws, slug, digest, &k);
	if (e != ERR_NONE)
		return e;
	*run = id_is_none(k.run) ? request : k.run;
	if (!id_is_none(k.run))
		return k.same ? ERR_NONE : at_work(why, slug);
	json_t *steps = json_array();
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (erase || strcmp(verbs[i], "erase") != 0)
			json_array_append_new(steps,
			    json_pack("{s:s, s:s, s:{s:b}}", "step", verbs[i], "what", whats[i], "args", "erase", (int)erase));
	e = write_down(pg, by, &(struct note){ PROVISION_GIVE_UP, slug, node, parent, request, digest, NULL, steps });
	json_decref(steps);
	return e;
}

/* ---- doing it ---- */

struct run {
	struct pg *pg;
	struct id ws, id;
	const struct provision_with *with;
	struct provision_end *out;
	enum provision_kind kind;
	struct id parent, person, key;
};

/* The step that comes next. */
struct step {
	int n; /* 0: none */
	char verb[16];
	json_t *args, *undo;
};

static enum err load(struct run *r)
{
	PGresult *q = NULL;
	char slug[NODE_SLUG_MAX + 1] = "";
	enum err e = pg_ask(r->pg, "provision_slug", args_of(r->ws, r->id), &q);
	if (e == ERR_NONE && PQntuples(q) == 1)
		snprintf(slug, sizeof slug, "%s", pg_get_str(q, 0, 0));
	bool there = e == ERR_NONE && PQntuples(q) == 1;
	PQclear(q);
	q = NULL;
	if (e == ERR_NONE)
		e = there ? lock(r->pg, r->ws, slug) : ERR_INPUT;
	if (e == ERR_NONE)
		e = pg_ask(r->pg, "provision_get", args_of(r->ws, r->id), &q);
	if (e != ERR_NONE)
		return e;
	r->out->state = (enum provision_state)pg_get_int8(q, 0, 0);
	r->kind = (enum provision_kind)pg_get_int8(q, 0, 1);
	r->out->node = pg_get_id(q, 0, 2);
	r->parent = pg_get_id(q, 0, 3);
	r->person = pg_get_id(q, 0, 4);
	r->key = pg_get_id(q, 0, 5);
	if (r->out->why.code == API_OK && r->out->state != PROVISION_GOES_ON && *pg_get_str(q, 0, 6) != '\0') {
		snprintf(r->out->why.detail, sizeof r->out->why.detail, "%s", pg_get_str(q, 0, 6));
		r->out->why.code = API_CONFLICT;
	}
	PQclear(q);
	return ERR_NONE;
}

static enum err next_step(struct run *r, struct step *s)
{
	PGresult *q = NULL;
	struct pg_args *a = args_of(r->ws, r->id);
	pg_arg_int2(a, r->out->state == PROVISION_GOES_ON ? 1 : 2);
	enum err e = pg_ask(r->pg, "provision_next", a, &q);
	if (e == ERR_NONE && PQntuples(q) == 1) {
		s->n = (int)pg_get_int8(q, 0, 0);
		snprintf(s->verb, sizeof s->verb, "%s", pg_get_str(q, 0, 1));
		s->args = json_loads(pg_get_str(q, 0, 2), 0, NULL);
		s->undo = PQgetisnull(q, 0, 3) ? json_object() : json_loads(pg_get_str(q, 0, 3), 0, NULL);
	} else if (e == ERR_NONE) {
		s->undo = json_object();
	}
	PQclear(q);
	return e;
}

static enum err look(struct run *r, const struct step *s, enum provision_point at)
{
	bool back = r->out->state == PROVISION_UNDOING;
	return r->with->look == NULL ? ERR_NONE : r->with->look(r->with->arg, s->verb, s->n, at, back);
}

static enum err mark(struct run *r, const struct step *s)
{
	bool back = r->out->state == PROVISION_UNDOING;
	char name[40];
	char *undo = json_dumps(s->undo, JSON_COMPACT);
	struct pg_args *a = args_of(r->ws, r->id);
	pg_arg_int2(a, (int16_t)s->n);
	if (!back)
		pg_arg_str(a, undo);
	free(undo);
	enum err e = pg_ask(r->pg, back ? "provision_step_undone" : "provision_step_done", a, NULL);
	snprintf(name, sizeof name, "%s %d", back ? "undone" : "done", s->n);
	a = args_of(r->ws, r->id);
	pg_arg_id(a, id_named(r->id, 0, name, strlen(name)));
	snprintf(name, sizeof name, "provision.%s%s", s->verb, back ? ".undone" : "");
	pg_arg_str(a, name);
	pg_arg_int2(a, (int16_t)s->n);
	if (e == ERR_NONE)
		return pg_ask(r->pg, "provision_audit", a, NULL);
	pg_args_free(a);
	return e;
}

static enum err finish(struct run *r)
{
	enum provision_state end = r->out->state == PROVISION_GOES_ON ? PROVISION_DONE : PROVISION_UNDONE;
	struct pg_args *a = args_of(r->ws, r->id);
	pg_arg_int2(a, (int16_t)end);
	enum err e = pg_end(r->pg, pg_ask(r->pg, "provision_end", a, NULL));
	if (e == ERR_NONE) {
		r->out->state = end;
		log_debug("provision", LF_ID("provision", r->id), LF_ID("node", r->out->node),
		    LF_STR("result", end == PROVISION_DONE ? "ok" : "undone"));
	}
	return e;
}

/* Whoever asked for it, as the database knows them now. */
static enum err whose(struct run *r, struct caller *by)
{
	enum role role = ROLE_NONE;
	enum err e = id_is_none(r->key) ? authority_of(r->pg, r->ws, r->person, "provision", by) : key_of(r->pg, r->ws, r->key, by);
	if (e == ERR_NONE)
		e = authority_at(r->pg, by, r->parent, &role);
	if (e == ERR_DENIED || (e == ERR_NONE && role < ROLE_ADMIN))
		return team_refuse(&r->out->why, API_FORBIDDEN, "", "Whoever asked for it is no admin there any more.");
	return e;
}

static enum err step_forward(struct run *r, struct step *s, bool *more)
{
	struct caller by = { .ws = r->ws };
	struct provision_step_work w = { .pg = r->pg,
		.by = &by,
		.ws = r->ws,
		.run = r->id,
		.node = r->out->node,
		.parent = r->parent,
		.key = r->out->key,
		.why = &r->out->why };
	enum err e = look(r, s, PROVISION_BEFORE);
	if (e == ERR_NONE && r->kind == PROVISION_SET_UP)
		e = whose(r, &by);
	if (e == ERR_NONE)
		e = provision_verb(s->verb)->act(&w, s->args, &s->undo);
	if (e == ERR_NONE && !w.more)
		e = mark(r, s);
	if (e == ERR_NONE)
		e = look(r, s, PROVISION_INSIDE);
	*more = w.more;
	return e;
}

static enum err step_back(struct run *r, struct step *s, bool anyhow)
{
	struct problem ignored = { 0 };
	struct caller nobody = { .ws = r->ws };
	struct provision_step_work w = { .pg = r->pg,
		.by = &nobody,
		.ws = r->ws,
		.run = r->id,
		.node = r->out->node,
		.parent = r->parent,
		.key = r->out->key,
		.why = &ignored };
	const struct provision_verb *v = provision_verb(s->verb);
	enum err e = look(r, s, PROVISION_BEFORE);
	if (e == ERR_NONE && v->back != NULL)
		e = v->back(&w, s->args, s->undo, anyhow);
	if (e == ERR_NONE)
		e = mark(r, s);
	return e == ERR_NONE ? look(r, s, PROVISION_INSIDE) : e;
}

/* Threads with messages in them, a few at a time.  ${waits}: some cannot go now. */
static enum err erase_threads(struct run *r, bool *waits)
{
	struct id last = ID_NONE;
	enum err e = ERR_NONE;
	int n = ERASED_AT_ONCE;
	*waits = false;
	while (e == ERR_NONE && n == ERASED_AT_ONCE) {
		struct id ids[ERASED_AT_ONCE];
		PGresult *q = NULL;
		n = 0;
		if ((e = pg_begin(r->pg, r->ws)) != ERR_NONE)
			break;
		struct pg_args *a = args_of(r->ws, r->out->node);
		pg_arg_id(a, last);
		pg_arg_int4(a, ERASED_AT_ONCE);
		e = pg_end(r->pg, pg_ask(r->pg, "provision_unerased", a, &q));
		for (; e == ERR_NONE && n < PQntuples(q); n++)
			last = ids[n] = pg_get_id(q, n, 0);
		PQclear(q);
		for (int i = 0; i < n && e == ERR_NONE; i++) {
			enum err one = r->with->erase == NULL ? ERR_RETRY : r->with->erase(r->with->arg, r->ws, ids[i]);
			*waits |= one == ERR_RETRY; /* something runs in it */
			e = one == ERR_RETRY || one == ERR_INPUT ? ERR_NONE : one;
		}
		if (r->with->erase == NULL)
			break;
	}
	return e;
}

/* Turns the run round, in a transaction of its own. */
static enum err turn(struct run *r)
{
	enum err e = pg_begin(r->pg, r->ws);
	if (e != ERR_NONE)
		return e;
	struct pg_args *a = args_of(r->ws, r->id);
	pg_arg_str(a, r->out->why.detail);
	e = pg_end(r->pg, pg_ask(r->pg, "provision_turn", a, NULL));
	if (e == ERR_NONE)
		log_warn("provision", LF_ID("provision", r->id), LF_STR("result", "undo"),
		    LF_STR("why", problem_name(r->out->why.code)));
	return e;
}

static enum err undo(struct run *r, struct step *s)
{
	enum err e = step_back(r, s, false);
	if (e == ERR_INPUT) { /* others rest on it */
		pg_rollback(r->pg);
		if ((e = pg_begin(r->pg, r->ws)) == ERR_NONE)
			e = load(r);
		if (e == ERR_NONE)
			e = step_back(r, s, true);
	}
	return pg_end(r->pg, e);
}

static enum err go_on(struct run *r, struct step *s)
{
	bool more = false;
	enum err e = step_forward(r, s, &more);
	if (e == ERR_NONE)
		e = pg_commit(r->pg);
	else
		pg_rollback(r->pg);
	if (e == ERR_NONE || r->kind == PROVISION_GIVE_UP || e == ERR_RETRY)
		return e;
	explicit_bzero(r->out->key, sizeof r->out->key);
	if (r->out->why.code == API_OK) {
		r->out->why.code = API_BROKEN;
		snprintf(r->out->why.detail, sizeof r->out->why.detail, "The step \"%s\" failed.", s->verb);
	}
	return turn(r);
}

/* One transaction.  ${on}: call again. */
static enum err once(struct run *r, bool *on)
{
	struct step s = { 0 };
	*on = false;
	enum err e = pg_begin(r->pg, r->ws);
	if (e != ERR_NONE)
		return e;
	e = load(r);
	if (e == ERR_NONE && r->out->state > PROVISION_UNDOING)
		return pg_commit(r->pg);
	if (e == ERR_NONE)
		e = next_step(r, &s);
	bool erases = strcmp(s.verb, "erase") == 0, key = r->out->state == PROVISION_GOES_ON && strcmp(s.verb, "key") == 0;
	if (e != ERR_NONE) {
		pg_rollback(r->pg);
	} else if (s.n == 0) {
		e = finish(r);
	} else if (key && !r->with->attended) {
		r->out->waits = true;
		pg_rollback(r->pg);
	} else if (erases) {
		e = pg_commit(r->pg);
		if (e == ERR_NONE)
			e = erase_threads(r, &r->out->waits);
		if (e == ERR_NONE && !r->out->waits && (e = pg_begin(r->pg, r->ws)) == ERR_NONE)
			e = pg_end(r->pg, mark(r, &s));
		*on = e == ERR_NONE && !r->out->waits;
	} else {
		bool back = r->out->state == PROVISION_UNDOING;
		e = back ? undo(r, &s) : go_on(r, &s);
		*on = e == ERR_NONE;
		if (e == ERR_NONE && !back && key && r->out->key[0] != '\0')
			r->out->key_id = provision_key_id(r->id);
		if (e == ERR_NONE)
			(void)look(r, &s, PROVISION_AFTER);
	}
	json_decref(s.args);
	json_decref(s.undo);
	return e;
}

enum err provision_work(struct pg *pg, struct id ws, struct id id, const struct provision_with *with, struct provision_end *out)
{
	struct run r = { .pg = pg, .ws = ws, .id = id, .with = with, .out = out };
	bool on = true;
	enum err e = ERR_NONE;
	memset(out, 0, sizeof *out);
	while (on && e == ERR_NONE)
		e = once(&r, &on);
	return e;
}

enum err provision_resume(struct pg *pg, struct id ws, const struct provision_with *with)
{
	struct id open[RESUMED_MAX];
	PGresult *r = NULL;
	int n = 0;
	enum err e = pg_begin(pg, ws);
	if (e != ERR_NONE)
		return e;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_int4(a, RESUMED_MAX);
	e = pg_end(pg, pg_ask(pg, "provision_open", a, &r));
	for (; e == ERR_NONE && n < PQntuples(r); n++)
		open[n] = pg_get_id(r, n, 0);
	PQclear(r);
	for (int i = 0; i < n; i++) { /* one that fails does not stop the others */
		struct provision_end end;
		enum err one = provision_work(pg, ws, open[i], with, &end);
		if (one != ERR_NONE)
			log_warn("provision", LF_ID("provision", open[i]), LF_STR("result", err_name(one)));
		if (one == ERR_RETRY)
			e = one;
	}
	return e;
}

enum err provision_list(struct pg *pg, struct id ws, struct id node, bool open, json_t **out)
{
	static const char *const states[] = { "", "at_work", "being_undone", "done", "undone" };
	PGresult *r = NULL;
	struct pg_args *a = args_of(ws, node);
	pg_arg_bool(a, open);
	enum err e = pg_ask(pg, "provision_list", a, &r);
	if (e != ERR_NONE)
		return e;
	*out = json_array();
	for (int i = 0; i < PQntuples(r); i++) {
		char id[ID_TEXT];
		json_array_append_new(*out,
		    json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:o}", "id", id_format(pg_get_id(r, i, 0), id), "team",
		        pg_get_str(r, i, 1), "kind", pg_get_int8(r, i, 2) == PROVISION_SET_UP ? "set_up" : "give_up", "state",
		        states[pg_get_int8(r, i, 3) % 5], "why", pg_get_str(r, i, 4), "at_ms", (json_int_t)pg_get_time_ms(r, i, 5),
		        "steps", json_loads(pg_get_str(r, i, 6), 0, NULL)));
	}
	PQclear(r);
	return ERR_NONE;
}
