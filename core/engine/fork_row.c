/* Finding the side thread that a command means, and naming it. */
#include <stdlib.h>
#include <string.h>

#include "../settings/settings.h"
#include "fork.h"

#define COLUMNS \
	"SELECT f.id, f.parent_id, f.about_id, f.created_by, f.thread_id, f.n, f.state, f.topic, c.name, f.adapter, fp.external_id," \
	" ft.external_key, pp.external_id, pt.external_key, f.parent_origin, f.origin FROM forks f" \
	" JOIN threads pt ON pt.ws = f.ws AND pt.id = f.parent_id JOIN places pp ON pp.ws = f.ws AND pp.id = pt.place_id" \
	" LEFT JOIN threads ft ON ft.ws = f.ws AND ft.id = f.thread_id LEFT JOIN places fp ON fp.ws = f.ws AND fp.id = ft.place_id" \
	" LEFT JOIN people c ON c.ws = f.ws AND c.id = f.created_by WHERE f.ws = $1 AND "

const struct pg_statement ask_fork_statements[] = {
	{ "fork_by_id", COLUMNS "f.id = $2 FOR UPDATE OF f" },
	{ "fork_by_number", COLUMNS "f.parent_id = $2 AND f.n = $3 FOR UPDATE OF f" },
	{ "fork_all", COLUMNS "f.parent_id = $2 ORDER BY f.n" },
	{ NULL, NULL },
};

static const char *text(const PGresult *r, int row, int col)
{
	return PQgetisnull(r, row, col) ? "" : PQgetvalue(r, row, col);
}

static void read_row(PGresult *r, int row, struct fork_row *f)
{
	*f = (struct fork_row){ .id = pg_get_id(r, row, 0),
		.parent = pg_get_id(r, row, 1),
		.about = PQgetisnull(r, row, 2) ? ID_NONE : pg_get_id(r, row, 2),
		.creator = PQgetisnull(r, row, 3) ? ID_NONE : pg_get_id(r, row, 3),
		.thread = PQgetisnull(r, row, 4) ? ID_NONE : pg_get_id(r, row, 4),
		.n = (int)pg_get_int8(r, row, 5),
		.state = (enum fork_state)pg_get_int8(r, row, 6),
		.topic = text(r, row, 7),
		.creator_name = PQgetisnull(r, row, 8) ? NULL : PQgetvalue(r, row, 8),
		.adapter = text(r, row, 9),
		.place_key = text(r, row, 10),
		.thread_key = text(r, row, 11),
		.parent_place_key = text(r, row, 12),
		.parent_key = text(r, row, 13),
		.parent_origin = PQgetvalue(r, row, 14),
		.parent_origin_len = (size_t)PQgetlength(r, row, 14),
		.origin = PQgetvalue(r, row, 15),
		.origin_len = PQgetisnull(r, row, 15) ? 0 : (size_t)PQgetlength(r, row, 15) };
}

static enum err load(struct ask *a, const char *statement, const struct pg_args *g, struct fork_row *out)
{
	PGresult *r = NULL;
	memset(out, 0, sizeof(*out));
	enum err e = ask_query(a, statement, g, &r);
	if (e == ERR_NONE && PQntuples(r) == 1) {
		read_row(r, 0, out);
		out->res = r;
	} else {
		PQclear(r);
	}
	return e;
}

enum err fork_load(struct ask *a, struct id fork, struct fork_row *out)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, fork);
	enum err e = load(a, "fork_by_id", g, out);
	pg_args_free(g);
	return e;
}

static int number_of(const struct ask *a)
{
	size_t at = a->arg_len > 0 && a->arg[0] == '#' ? 1 : 0;
	int n = 0;
	while (at < a->arg_len && a->arg[at] >= '0' && a->arg[at] <= '9' && n < 100000000)
		n = n * 10 + (a->arg[at++] - '0');
	return n;
}

enum err fork_meant(struct ask *a, struct fork_row *out)
{
	int n = number_of(a);
	enum err e = ERR_NONE;
	memset(out, 0, sizeof(*out));
	if (!id_is_none(a->r->fork)) {
		e = fork_load(a, a->r->fork, out);
		if (e == ERR_NONE && out->res != NULL && n > 0 && n != out->n) { /* what goes on beside it is not its business */
			fork_row_done(out);
			buf_addf(a->md,
			    "This is another side thread than #%d; please say that in the thread they come from, or there.", n);
		}
		return e;
	}
	if (n > 0) {
		struct pg_args *g = pg_args_new();
		pg_arg_id(g, a->r->ws);
		pg_arg_id(g, a->r->thread);
		pg_arg_int4(g, n);
		e = load(a, "fork_by_number", g, out);
		pg_args_free(g);
	}
	if (e == ERR_NONE && out->res == NULL && n > 0)
		buf_addf(a->md, "This thread has no side thread #%d; `forks` lists those there are.", n);
	else if (e == ERR_NONE && out->res == NULL)
		buf_add_str(a->md, "Which side thread? Say its number (`forks` lists them), or say this in it.");
	return e;
}

enum err fork_each(struct ask *a, struct id parent, void (*fn)(void *arg, struct fork_row *f), void *arg)
{
	struct pg_args *g = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, parent);
	enum err e = ask_query(a, "fork_all", g, &r);
	pg_args_free(g);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		struct fork_row f;
		read_row(r, i, &f);
		fn(arg, &f);
	}
	PQclear(r);
	return e;
}

void fork_row_done(struct fork_row *f)
{
	PQclear(f->res);
	memset(f, 0, sizeof(*f));
}

bool fork_link(const struct ask *a, const struct fork_row *f, char *out, size_t n)
{
	return f->thread_key[0] != '\0' && ask_permalink(a, f->adapter, f->place_key, f->thread_key, f->thread_key, out, n);
}

bool fork_parent_link(const struct ask *a, const struct fork_row *f, char *out, size_t n)
{
	return ask_permalink(a, f->adapter, f->parent_place_key, f->parent_key, f->parent_key, out, n);
}

void fork_put_name(const struct ask *a, const struct fork_row *f, struct buf *md)
{
	char link[1024];
	bool linked = fork_link(a, f, link, sizeof(link));
	buf_addf(md, "%s#%d ", linked ? "[" : "", f->n);
	command_put_name(md, f->topic);
	if (linked)
		buf_addf(md, "](%s)", link);
}
