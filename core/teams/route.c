/*
 * A route is a row with a unique value, so a claim is an INSERT that finds it taken or not.  Channels and addresses are places as well: their
 * routes and places.team_id are changed together, here and by node_assign(), and a place that is seen for the first time takes its team from
 * the route (trigger place_route).
 */
#include "route.h"

#include <stdio.h>
#include <string.h>

#include "../base/buf.h"
#include "config_store.h"
#include "node.h"
#include "refuse.h"

const struct pg_statement route_statements[] = {
	{ "route_get", "SELECT node_id FROM routes WHERE ws = $1 AND kind = $2 AND value = $3" },
	{ "route_owner", /* of the place behind a channel or an address, if one was seen; the organisation if nobody owns it */
	    "SELECT coalesce(p.team_id, $1) FROM places p WHERE p.ws = $1 AND CASE $2::int2 WHEN 1 THEN p.adapter = 'slack'"
	    " AND lower(p.external_id) = $3 ELSE p.adapter = 'email' AND lower(split_part(p.external_id, '/', 1)) = $3 END"
	    " ORDER BY p.team_id IS NULL LIMIT 1" },
	{ "route_put",
	    "INSERT INTO routes (ws, kind, value, node_id) VALUES ($1, $2, $3, $4) ON CONFLICT (ws, kind, value) DO UPDATE SET node_id = excluded.node_id" },
	{ "route_remove", "DELETE FROM routes WHERE ws = $1 AND kind = $2 AND value = $3" },
	{ "route_places", /* the places behind it go where it goes; $4 NULL: nobody's any more */
	    "UPDATE places p SET team_id = nullif($4::uuid, $1) WHERE p.ws = $1 AND CASE $2::int2 WHEN 1 THEN p.adapter = 'slack'"
	    " AND lower(p.external_id) = $3 WHEN 2 THEN p.adapter = 'email' AND lower(split_part(p.external_id, '/', 1)) = $3 ELSE false END" },
	{ "route_follow",
	    "WITH p AS (SELECT lower(external_id) AS value FROM places WHERE ws = $1 AND id = $2 AND adapter = 'slack'),"
	    " d AS (DELETE FROM routes r USING p WHERE r.ws = $1 AND r.kind = 1 AND r.value = p.value AND $3::uuid = $1)"
	    " INSERT INTO routes (ws, kind, value, node_id) SELECT $1, 1, value, $3 FROM p WHERE $3::uuid <> $1 ON CONFLICT (ws, kind, value)"
	    " DO UPDATE SET node_id = excluded.node_id" },
	{ "route_list",
	    "WITH RECURSIVE down AS (SELECT id, slug, 1 AS depth FROM nodes WHERE ws = $1 AND id = $2 UNION ALL SELECT n.id, n.slug, d.depth + 1"
	    " FROM down d JOIN nodes n ON n.ws = $1 AND n.parent_id = d.id AND n.archived_at IS NULL WHERE d.depth < 32)"
	    " SELECT r.kind, r.value, d.slug FROM routes r JOIN down d ON d.id = r.node_id WHERE r.ws = $1 ORDER BY d.slug, r.kind, r.value LIMIT 5000" },
	{ "route_lookup",
	    "SELECT a.n - 1, t.slug FROM unnest($2::int2[], $3::text[]) WITH ORDINALITY AS a(kind, value, n) JOIN routes r ON r.ws = $1"
	    " AND r.kind = a.kind AND r.value = a.value JOIN nodes t ON t.ws = $1 AND t.id = r.node_id AND t.archived_at IS NULL ORDER BY a.kind, a.n" },
	{ "route_near",
	    "SELECT r.kind, r.value FROM unnest($2::int2[], $3::text[]) AS a(kind, value) JOIN routes r ON r.ws = $1 AND (r.value = a.value"
	    " OR (r.kind = a.kind AND length(a.value) > 3 AND (starts_with(r.value, left(a.value, 4)) OR strpos(r.value, a.value) > 0)))"
	    " ORDER BY r.value = a.value DESC, r.kind, r.value LIMIT 1" },
	{ NULL, NULL },
};

static const char *const names[ROUTE_KINDS] = { "", "slack_channel", "mail_address", "pagerduty_service", "incidentio_team",
	"incidentio_source", "github_repo", "service" };

const char *route_kind_name(enum route_kind k)
{
	return k > 0 && k < ROUTE_KINDS ? names[k] : "";
}

bool route_kind_from_name(const char *name, enum route_kind *out)
{
	for (int i = 1; i < ROUTE_KINDS; i++)
		if (strcmp(names[i], name) == 0) {
			*out = (enum route_kind)i;
			return true;
		}
	return false;
}

/* ---- values ---- */

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Lower case (ASCII; names in other scripts are compared as they stand), without blanks around it. */
static size_t tidy(const char *value, char out[ROUTE_VALUE_MAX + 1])
{
	size_t n = strlen(value);
	while (n > 0 && blank(value[n - 1]))
		n--;
	while (n > 0 && blank(*value)) {
		value++;
		n--;
	}
	if (n > ROUTE_VALUE_MAX)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)value[i] < ' ' && !blank(value[i]))
			return 0;
		out[i] = value[i] >= 'A' && value[i] <= 'Z' ? (char)(value[i] + ('a' - 'A')) : value[i];
	}
	out[n] = '\0';
	return n;
}

static void drop_front(char *s, const char *front)
{
	size_t n = strlen(front);
	if (strncmp(s, front, n) == 0)
		memmove(s, s + n, strlen(s + n) + 1);
}

static void drop_back(char *s, const char *back)
{
	size_t n = strlen(back), len = strlen(s);
	if (len > n && strcmp(s + len - n, back) == 0)
		s[len - n] = '\0';
}

/* "Payments  API_gateway" and "payments-api-gateway" are one name. */
static void hyphenate(char *s)
{
	size_t n = 0;
	for (size_t i = 0; s[i] != '\0'; i++) {
		bool gap = blank(s[i]) || s[i] == '_' || s[i] == '-';
		if (!gap)
			s[n++] = s[i];
		else if (n > 0 && s[n - 1] != '-')
			s[n++] = '-';
	}
	while (n > 0 && s[n - 1] == '-')
		n--;
	s[n] = '\0';
}

static bool is_channel(char *s)
{
	size_t n = strlen(s);
	if (n > 2 && s[0] == '<' && s[1] == '#') { /* as it stands in a message: <#C024BE91L|general> */
		s[strcspn(s, "|>")] = '\0';
		drop_front(s, "<#");
		n = strlen(s);
	}
	return n >= 2 && (s[0] == 'c' || s[0] == 'g') && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789") == n &&
	    strcspn(s, "0123456789") < n;
}

static bool is_address(char *s)
{
	char *open = strrchr(s, '<');
	if (open != NULL) { /* Ana <ana@example.org> */
		memmove(s, open + 1, strlen(open + 1) + 1);
		drop_back(s, ">");
	}
	drop_front(s, "mailto:");
	const char *at = strrchr(s, '@');
	return at != NULL && at > s && at[1] != '\0' && strcspn(s, " \t\n\r<>,;") == strlen(s);
}

static bool is_repo(char *s)
{
	drop_front(s, "https://");
	drop_front(s, "http://");
	drop_front(s, "ssh://");
	drop_front(s, "git@");
	drop_front(s, "www.");
	drop_front(s, "github.com/");
	drop_front(s, "github.com:");
	drop_back(s, "/");
	drop_back(s, ".git");
	const char *slash = strchr(s, '/');
	return slash != NULL && slash > s && slash[1] != '\0' && strchr(slash + 1, '/') == NULL &&
	    strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_./") == strlen(s);
}

enum err route_normalise(enum route_kind k, const char *value, char out[ROUTE_VALUE_MAX + 1], struct problem *why)
{
	bool some = tidy(value, out) > 0;
	switch (k) {
	case ROUTE_SLACK_CHANNEL:
		if (some && is_channel(out))
			return ERR_NONE;
		return team_refuse(why, API_INVALID, "value", "A Slack channel is named by its id, C024BE91L, since names change.");
	case ROUTE_MAIL_ADDRESS:
		if (some && is_address(out))
			return ERR_NONE;
		return team_refuse(why, API_INVALID, "value", "An address looks like support@example.org.");
	case ROUTE_GITHUB_REPO:
		if (some && is_repo(out))
			return ERR_NONE;
		return team_refuse(why, API_INVALID, "value", "A repository is OWNER/NAME.");
	case ROUTE_PAGERDUTY_SERVICE:
	case ROUTE_INCIDENTIO_TEAM:
	case ROUTE_INCIDENTIO_SOURCE:
	case ROUTE_SERVICE:
		if (some)
			hyphenate(out);
		if (some && out[0] != '\0')
			return ERR_NONE;
		break;
	case ROUTE_KINDS:
		break;
	}
	return team_refuse(why, API_INVALID, "value", "A name has 1 to %d bytes on one line.", ROUTE_VALUE_MAX);
}

/* ---- claims ---- */

static struct pg_args *which(struct id ws, enum route_kind k, const char *value)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_int2(a, (int16_t)k);
	pg_arg_str(a, value);
	return a;
}

/* ${out} none: no row. */
static enum err one_id(struct pg *pg, const char *statement, struct pg_args *a, struct id *out)
{
	PGresult *r = NULL;
	enum err e = pg_ask(pg, statement, a, &r);
	*out = e == ERR_NONE && PQntuples(r) > 0 ? pg_get_id(r, 0, 0) : ID_NONE;
	PQclear(r);
	return e;
}

static bool is_place(enum route_kind k)
{
	return k == ROUTE_SLACK_CHANNEL || k == ROUTE_MAIL_ADDRESS;
}

static enum err write_route(struct pg *pg, struct id ws, enum route_kind k, const char *value, struct id team)
{
	bool put = !id_is_none(team);
	struct pg_args *a = which(ws, k, value);
	if (put)
		pg_arg_id(a, team);
	enum err e = pg_ask(pg, put ? "route_put" : "route_remove", a, NULL);
	if (e == ERR_NONE && is_place(k)) {
		a = which(ws, k, value);
		pg_arg_id(a, team);
		e = pg_ask(pg, "route_places", a, NULL);
	}
	return e == ERR_NONE ? config_changed(pg) : e;
}

enum err route_put(
    struct pg *pg, const struct caller *by, struct id team, enum route_kind k, const char *value, struct problem *why)
{
	char tidied[ROUTE_VALUE_MAX + 1];
	struct id owner = ID_NONE;
	enum role there = ROLE_NONE, here = ROLE_NONE;
	enum err e = route_normalise(k, value, tidied, why);
	if (e == ERR_NONE)
		e = node_lock(pg, by->ws);
	if (e == ERR_NONE)
		e = authority_at(pg, by, team, &here);
	if (e == ERR_NONE)
		e = one_id(pg, "route_get", which(by->ws, k, tidied), &owner);
	if (e == ERR_NONE && id_is_none(owner) && is_place(k)) {
		e = one_id(pg, "route_owner", which(by->ws, k, tidied), &owner);
		owner = id_is_none(owner) ? by->ws : owner;
	}
	if (e == ERR_NONE && !id_is_none(owner))
		e = authority_at(pg, by, owner, &there);
	if (e != ERR_NONE)
		return e;
	if (here < ROLE_ADMIN)
		return team_refuse(why, API_NOT_FOUND, "team", "There is no such team, or not for you.");
	if (!id_is_none(owner) && there < ROLE_ADMIN)
		return is_place(k) && id_equal(owner, by->ws)
		    ? team_refuse(
		          why, API_FORBIDDEN, "value", "Channels and addresses are given to teams by an admin of the organisation.")
		    : team_refuse(why, API_CONFLICT, "value", "Another team has claimed that already.");
	return write_route(pg, by->ws, k, tidied, team);
}

enum err route_remove(struct pg *pg, const struct caller *by, enum route_kind k, const char *value, struct problem *why)
{
	char tidied[ROUTE_VALUE_MAX + 1];
	struct id owner = ID_NONE;
	enum role role = ROLE_NONE;
	enum err e = route_normalise(k, value, tidied, why);
	if (e == ERR_NONE)
		e = node_lock(pg, by->ws);
	if (e == ERR_NONE)
		e = one_id(pg, "route_get", which(by->ws, k, tidied), &owner);
	if (e == ERR_NONE && !id_is_none(owner))
		e = authority_at(pg, by, owner, &role);
	if (e != ERR_NONE)
		return e;
	if (role < ROLE_ADMIN)
		return team_refuse(why, API_NOT_FOUND, "value", "There is no such route, or not for you.");
	return write_route(pg, by->ws, k, tidied, ID_NONE);
}

enum err route_follow(struct pg *pg, struct id ws, struct id place, struct id team)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, place);
	pg_arg_id(a, team);
	return pg_ask(pg, "route_follow", a, NULL);
}

enum err route_list(struct pg *pg, struct id ws, struct id node, json_t **out)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, node);
	enum err e = pg_ask(pg, "route_list", a, &r);
	if (e != ERR_NONE)
		return e;
	*out = json_array();
	for (int i = 0; i < PQntuples(r); i++)
		json_array_append_new(*out,
		    json_pack("{s:s, s:s, s:s}", "kind", route_kind_name((enum route_kind)pg_get_int8(r, i, 0)), "value",
		        pg_get_str(r, i, 1), "team", pg_get_str(r, i, 2)));
	PQclear(r);
	return ERR_NONE;
}

/* ---- looking up ---- */

struct look {
	const struct route_asked *asked;
	char values[ROUTES_ASKED_MAX][ROUTE_VALUE_MAX + 1];
	struct problem wrong[ROUTES_ASKED_MAX];
	size_t n;
};

static struct pg_args *all(struct id ws, const struct look *l)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_array_begin(a, PG_INT2);
	for (size_t i = 0; i < l->n; i++)
		pg_array_int2(a, (int16_t)l->asked[i].kind);
	pg_array_end(a);
	pg_array_begin(a, PG_TEXT);
	for (size_t i = 0; i < l->n; i++)
		pg_array_str(a, l->wrong[i].code == API_OK ? l->values[i] : "");
	pg_array_end(a);
	return a;
}

static enum err hint(struct pg *pg, struct id ws, const struct look *l, json_t *out)
{
	PGresult *r = NULL;
	char text[PROBLEM_DETAIL_MAX];
	size_t first = 0;
	while (first < l->n && l->wrong[first].code != API_OK)
		first++;
	if (first == l->n) {
		json_object_set_new(out, "hint", json_string("Nothing that was asked for is a value of its kind."));
		return ERR_NONE;
	}
	enum err e = pg_ask(pg, "route_near", all(ws, l), &r);
	if (e != ERR_NONE)
		return e;
	if (PQntuples(r) == 1)
		snprintf(text, sizeof text, "No team has claimed that. There is %s=%.200s; is that what was meant?",
		    route_kind_name((enum route_kind)pg_get_int8(r, 0, 0)), pg_get_str(r, 0, 1));
	else
		snprintf(text, sizeof text,
		    "No team has claimed that, so it is the organisation's. A team claims it with: eddy route put TEAM %s=%.200s",
		    route_kind_name(l->asked[first].kind), l->values[first]);
	PQclear(r);
	json_object_set_new(out, "hint", json_string(text));
	return ERR_NONE;
}

static json_t *tried(const struct look *l, const PGresult *r)
{
	json_t *list = json_array();
	for (size_t i = 0; i < l->n; i++) {
		struct buf result = BUF_INIT;
		int row = 0;
		while (row < PQntuples(r) && (size_t)pg_get_int8(r, row, 0) != i)
			row++;
		if (l->wrong[i].code != API_OK)
			buf_addf(&result, "not one: %s", l->wrong[i].detail);
		else if (row == PQntuples(r))
			buf_add_str(&result, "nobody");
		else if (row == 0)
			buf_add_str(&result, "matched");
		else
			buf_addf(&result, "claimed by %s, but comes later", pg_get_str(r, row, 1));
		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:s}", "kind", route_kind_name(l->asked[i].kind), "value",
		        l->wrong[i].code == API_OK ? l->values[i] : l->asked[i].value, "result", result.p));
		buf_done(&result);
	}
	return list;
}

enum err route_lookup(struct pg *pg, struct id ws, const struct route_asked *asked, size_t n, json_t **out)
{
	struct look l = { .asked = asked, .n = n < ROUTES_ASKED_MAX ? n : ROUTES_ASKED_MAX };
	PGresult *r = NULL;
	for (size_t i = 0; i < l.n; i++)
		route_normalise(asked[i].kind, asked[i].value, l.values[i], &l.wrong[i]);
	enum err e = pg_ask(pg, "route_lookup", all(ws, &l), &r);
	if (e != ERR_NONE)
		return e;
	json_t *o = json_object();
	json_object_set_new(o, "tried", tried(&l, r));
	if (PQntuples(r) > 0) {
		size_t first = (size_t)pg_get_int8(r, 0, 0);
		json_object_set_new(o, "team", json_string(pg_get_str(r, 0, 1)));
		json_object_set_new(
		    o, "matched_by", json_pack("{s:s, s:s}", "kind", route_kind_name(asked[first].kind), "value", l.values[first]));
	} else {
		e = hint(pg, ws, &l, o);
	}
	PQclear(r);
	if (e == ERR_NONE)
		*out = o;
	else
		json_decref(o);
	return e;
}
