/*
 * A page is the next so many runs by their ids, so that a query which fits little never makes a long statement.  Those of which the rule now says something else are
 * looked at a second time, all in one statement, for the words: what was read, where that was, and what stands in its way.  Those words are made of what is stored
 * about places and people; a refusal that they do not explain stays one, and is told as such.
 *
 * may_have_said() asks the same rule with the readers of then.  If that says what was done, the readers have changed since; if not, the rule is another one now, or was
 * not kept: also where the world of today would hide it.
 */
#include "rejudge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../agents/policy.h"
#include "../base/tz.h"
#include "../engine/intent.h"

/* $1 ws, $2 runs below this id, $3 how many, $4 since, $5 a user's account, $6 thread or run */
#define PAGE(cond) \
	"WITH page AS MATERIALIZED (SELECT r.id, r.person_id, r.state, r.error, r.reads, r.created_at FROM runs r" \
	" WHERE r.ws = $1 AND r.id < $2" cond " ORDER BY r.id DESC LIMIT $3)," \
	" mine AS MATERIALIZED (SELECT u.id FROM same_user($5) u (id))," \
	" fits AS MATERIALIZED (SELECT p.id, p.reads, p.error, p.state = 3 AND ($4::int8 = 0 OR p.created_at >= to_timestamp($4 / 1000000.0))" \
	" AND ($5::uuid IS NULL OR p.person_id IN (SELECT id FROM mine)) AS fits FROM page p)" \
	" SELECT f.id, f.fits, f.reads IS NOT NULL, f.error IS NOT DISTINCT FROM 'readers'," \
	" f.fits AND f.reads IS NOT NULL AND coalesce(may_still_say(f.id, f.reads), false)," \
	" CASE WHEN f.fits AND f.reads IS NOT NULL THEN may_have_said(f.id, f.reads) END FROM fits f ORDER BY f.id DESC"

const struct pg_statement rejudge_statements[] = {
	{ "rejudge_page", PAGE("") },
	{ "rejudge_thread", PAGE(" AND r.thread_id = $6") },
	{ "rejudge_run", PAGE(" AND r.id = $6") },
	/* The rule is asked as may_still_say() asks it; each row is something that was read, what may not be told first. */
	{ "rejudge_words",
	    "SELECT r.id, r.created_at, r.thread_id, r.person_id, who.name, r.untrusted, cardinality(r.reads), a.only_thread IS NOT NULL,"
	    " p.id, p.adapter, p.name, p.visibility, t.audience_id <> p.audience_id,"
	    " (SELECT count(*) FROM place_people x WHERE x.ws = $1 AND x.place_id = p.id AND x.since <= coalesce(r.finished_at, r.created_at)),"
	    " (SELECT count(*) FROM place_people x WHERE x.ws = $1 AND x.place_id = p.id),"
	    " u.audience, u.may, s.kind, q.id, q.adapter, q.name, q.visibility, q.member"
	    " FROM runs r JOIN threads t ON t.ws = $1 AND t.id = r.thread_id JOIN places p ON p.ws = $1 AND p.id = t.place_id"
	    " LEFT JOIN people who ON who.ws = $1 AND who.id = r.person_id"
	    " CROSS JOIN LATERAL allowed_audiences(r.thread_id, NULL, r.person_id, false, r.private_reply, false) a"
	    " CROSS JOIN LATERAL (SELECT x.audience, x.audience = ANY (a.ids || a.own) AND a.only_thread IS NULL AS may"
	    " FROM unnest(r.reads) WITH ORDINALITY x (audience, k) ORDER BY 2, x.k LIMIT $3) u"
	    " LEFT JOIN audiences s ON s.ws = $1 AND s.id = u.audience LEFT JOIN places q ON q.ws = $1 AND q.id = s.subject AND s.kind = 1"
	    " WHERE r.ws = $1 AND r.id = ANY ($2::uuid[]) ORDER BY r.id DESC, u.may" },
	{ NULL, NULL },
};
enum {
	COL_RUN,
	COL_AT,
	COL_THREAD,
	COL_PERSON,
	COL_PERSON_NAME,
	COL_UNTRUSTED,
	COL_READS,
	COL_GUEST,
	COL_PLACE,
	COL_PLACE_ADAPTER,
	COL_PLACE_NAME,
	COL_PLACE_KIND,
	COL_ALONE,
	COL_READERS_THEN,
	COL_READERS_NOW,
	COL_AUDIENCE,
	COL_MAY,
	COL_KIND,
	COL_FROM,
	COL_FROM_ADAPTER,
	COL_FROM_NAME,
	COL_FROM_KIND,
	COL_FROM_MEMBER
};
static const char *const kinds[] = { [VIS_UNKNOWN] = "unknown",
	[VIS_DIRECT] = "direct",
	[VIS_PRIVATE] = "private",
	[VIS_EXTERNAL] = "shared",
	[VIS_PUBLIC] = "public" };

static enum visibility kind_at(const PGresult *r, int i, int col)
{
	int64_t kind = pg_get_int8(r, i, col);
	return kind >= 0 && kind <= VIS_PUBLIC ? (enum visibility)kind : VIS_UNKNOWN;
}

/* ---- words ---- */

static const char *why_not(const PGresult *r, int i)
{
	enum visibility here = kind_at(r, i, COL_PLACE_KIND);
	if (pg_get_bool(r, i, COL_GUEST))
		return "who asked is a guest, and hears of their own thread alone";
	if (here == VIS_EXTERNAL || here == VIS_UNKNOWN)
		return here == VIS_EXTERNAL ? "outsiders read along where it was answered"
		                            : "what kind of place it was answered in is not known, so outsiders may read along";
	if (pg_get_int8(r, i, COL_KIND) == 2)
		return "it was told to one person alone, and others read the answer or it is another's";
	if (PQgetisnull(r, i, COL_FROM))
		return "where it was said is not there any more";
	switch (kind_at(r, i, COL_FROM_KIND)) {
	case VIS_PRIVATE:
		return "that place is private: who is in it is not known";
	case VIS_EXTERNAL:
		return "that place is shared with outsiders";
	case VIS_DIRECT:
		return "that is a conversation which is not, or not any more, of the one alone who asked and reads the answer";
	case VIS_UNKNOWN:
		return "what kind of place that is is not known";
	default:
		return pg_get_bool(r, i, COL_FROM_MEMBER) ? "the rule does not let it" : "Eddy is not in that place any more";
	}
}

static void put_str(json_t *o, const char *key, const char *s)
{
	if (s != NULL)
		json_object_set_new(o, key, json_string(s));
}

static void put_id(json_t *o, const char *key, const PGresult *r, int i, int col)
{
	char text[ID_TEXT];
	if (!PQgetisnull(r, i, col))
		put_str(o, key, id_format(pg_get_id(r, i, col), text));
}

static void put_read(json_t *list, const PGresult *r, int i)
{
	json_t *o = json_object();
	put_id(o, "audience", r, i, COL_AUDIENCE);
	put_id(o, "place", r, i, COL_FROM);
	put_str(o, "adapter", pg_get_str(r, i, COL_FROM_ADAPTER));
	put_str(o, "name", pg_get_str(r, i, COL_FROM_NAME));
	put_str(o, "kind",
	    pg_get_int8(r, i, COL_KIND) == 2  ? "one person"
	        : PQgetisnull(r, i, COL_FROM) ? "gone"
	                                      : kinds[kind_at(r, i, COL_FROM_KIND)]);
	bool may = pg_get_bool(r, i, COL_MAY);
	json_object_set_new(o, "may", json_boolean(may));
	if (!may)
		put_str(o, "why", why_not(r, i));
	json_array_append_new(list, o);
}

/* Whose reading along is written down: those of mail threads. */
static void put_readers(json_t *o, const PGresult *r, int i)
{
	int64_t then = pg_get_int8(r, i, COL_READERS_THEN), now = pg_get_int8(r, i, COL_READERS_NOW);
	if (now == 0)
		return;
	json_object_set_new(o, "readers_then", json_integer(then));
	json_object_set_new(o, "readers_now", json_integer(now));
}

struct judged {
	struct id run;
	bool left_out, may;          /* then; now */
	const char *cause, *of_then; /* static; of_then NULL: not known */
};

static json_t *begin(const PGresult *r, int i, const struct judged *j)
{
	bool left_out = j->left_out;
	char at[32];
	struct tz_time t;
	json_t *o = json_object();
	tz_local(NULL, (uint64_t)pg_get_time_ms(r, i, COL_AT), &t);
	snprintf(at, sizeof at, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.year, t.month, t.day, t.hour, t.minute, t.second);
	put_id(o, "run", r, i, COL_RUN);
	put_str(o, "at", at);
	put_id(o, "thread", r, i, COL_THREAD);
	put_id(o, "place", r, i, COL_PLACE);
	put_str(o, "adapter", pg_get_str(r, i, COL_PLACE_ADAPTER));
	put_str(o, "name", pg_get_str(r, i, COL_PLACE_NAME));
	put_str(o, "kind", kinds[kind_at(r, i, COL_PLACE_KIND)]);
	put_id(o, "person", r, i, COL_PERSON);
	put_str(o, "person_name", pg_get_str(r, i, COL_PERSON_NAME));
	put_str(o, "then", left_out ? "left out" : "said");
	put_str(o, "now", j->may ? "said" : "left out");
	put_str(o, "cause", j->cause);
	put_str(o, "of_then", j->of_then);
	bool guest = (pg_get_int8(r, i, COL_UNTRUSTED) & UNTRUSTED_GUEST) != 0;
	json_object_set_new(o, "guest_then", json_boolean(guest));
	put_str(o, "why_then",
	    left_out ? "when it was stored or sent, not all who read it there might be told all of it"
	             : "when it was stored, all who read it there might be told all of it");
	put_str(o, "why_now", j->may ? "all who read it there might be told all of it" : why_not(r, i));
	put_readers(o, r, i);
	json_object_set_new(o, "reads_total", json_integer(pg_get_int8(r, i, COL_READS)));
	json_object_set_new(o, "reads", json_array());
	return o;
}

static const struct judged *of_run(const struct judged *j, size_t n, struct id run)
{
	for (size_t i = 0; i < n; i++)
		if (id_equal(j[i].run, run))
			return &j[i];
	return NULL;
}

static enum err tell(struct pg *pg, struct id ws, const struct judged *j, size_t n, json_t *out)
{
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_array_begin(a, 2950);
	for (size_t i = 0; i < n; i++)
		pg_array_id(a, j[i].run);
	pg_array_end(a);
	pg_arg_int8(a, REJUDGE_READS_MAX);
	enum err e = pg_query(pg, "rejudge_words", a, &r);
	pg_args_free(a);
	struct id last = ID_NONE;
	json_t *o = NULL;
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		struct id run = pg_get_id(r, i, COL_RUN);
		const struct judged *one = of_run(j, n, run);
		if (one == NULL)
			continue;
		if (o == NULL || !id_equal(run, last)) {
			o = begin(r, i, one);
			json_array_append_new(out, o);
			last = run;
		}
		put_read(json_object_get(o, "reads"), r, i);
	}
	PQclear(r);
	return e;
}

/* ---- a page ---- */

static enum err page(struct pg *pg, struct id ws, const struct rejudge_query *q, PGresult **r)
{
	static const struct id highest = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff } };
	struct pg_args *a = pg_args_new();
	bool one = !id_is_none(q->run), thread = !id_is_none(q->thread);
	pg_arg_id(a, ws);
	pg_arg_id(a, id_is_none(q->before) ? highest : q->before);
	pg_arg_int8(a, q->limit);
	pg_arg_int8(a, q->since_us);
	pg_arg_id(a, q->person);
	if (one || thread)
		pg_arg_id(a, one ? q->run : q->thread);
	enum err e = pg_query(pg, one ? "rejudge_run" : thread ? "rejudge_thread" : "rejudge_page", a, r);
	pg_args_free(a);
	return e;
}

/* True: it is a difference. */
static bool judge(const PGresult *r, int i, struct judged *out)
{
	bool known = !PQgetisnull(r, i, 5), then = known && pg_get_bool(r, i, 5);
	*out = (struct judged){ .run = pg_get_id(r, i, 0), .left_out = pg_get_bool(r, i, 3), .may = pg_get_bool(r, i, 4) };
	bool rule = known && then == out->left_out;
	out->cause = rule ? "rule" : known ? "readers" : "unknown";
	out->of_then = !known ? NULL : then ? "said" : "left out";
	return rule || out->may == out->left_out;
}

enum err rejudge(
    struct pg *pg, struct id ws, const struct rejudge_query *q, struct rejudge_counts *counts, json_t *differences, struct id *next)
{
	struct judged other[REJUDGE_PAGE_MAX];
	size_t other_n = 0;
	PGresult *r = NULL;
	*next = ID_NONE;
	if (q->limit < 1 || q->limit > REJUDGE_PAGE_MAX)
		return ERR_INPUT;
	enum err e = page(pg, ws, q, &r);
	if (e != ERR_NONE)
		return e;
	int n = PQntuples(r);
	counts->looked_at += n;
	for (int i = 0; i < n; i++) {
		if (!pg_get_bool(r, i, 1))
			continue;
		counts->answers++;
		bool rests = pg_get_bool(r, i, 2);
		counts->own += !rests;
		if (!rests)
			continue;
		if (judge(r, i, &other[other_n]))
			other_n++;
		else if (pg_get_bool(r, i, 3))
			counts->left_out++;
		else
			counts->said++;
	}
	if (n == q->limit && id_is_none(q->run))
		*next = pg_get_id(r, n - 1, 0);
	PQclear(r);
	return other_n == 0 ? ERR_NONE : tell(pg, ws, other, other_n, differences);
}
