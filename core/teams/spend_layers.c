/*
 * Which cap holds, and who has said what.  A cap has two sources besides eddy.yaml: the layers of settings, of which the smallest counts, and the rows of
 * `eddy budget`, of which somebody's own counts instead of the one for each; of the two the lower holds.  The tree is walked once, rows are read once.
 */
#include <stdio.h>

#include "../base/json.h"
#include "config_store.h"
#include "../store/trip.h"
#include "spend.h"

#define CAPS_MAX 1000
#define CENT 10000 /* micros */

const struct pg_statement spend_layer_statements[] = {
	{ "spend_rows",
	    "SELECT b.kind, b.subject, b.period, b.cap_micros, b.cap_tokens, coalesce(CASE b.kind WHEN 2 THEN (SELECT n.slug FROM nodes n"
	    " WHERE n.ws = b.ws AND n.id = b.subject) WHEN 3 THEN (SELECT p.name FROM people p WHERE p.ws = b.ws AND p.id = b.subject) END, '')"
	    " FROM budgets b WHERE b.ws = $1 ORDER BY b.kind, b.subject, b.period LIMIT 10000" },
	{ NULL, NULL },
};

static const char *const periods[] = { [BUDGET_DAY] = "day", [BUDGET_MONTH] = "month" };

struct layers {
	struct id ws, node;
	const PGresult *rows;
	json_t *caps;
	const struct config_says *says; /* where the walk stands, from the platform down */
	size_t says_len;
};

/* One cap in the making: what holds so far, and the list of who has said what. */
struct cap {
	int64_t least; /* -1: none */
	json_t *from, *says;
	bool tokens;
};

static void put_amount(json_t *o, int64_t amount, bool tokens)
{
	json_object_set_new(o, tokens ? "tokens" : "usd", tokens ? json_integer(amount) : json_real((double)amount / 1e6));
}

/* ${counts} false: it is said, and something of the same kind stands before it. */
static void add(struct cap *c, const char *layer, const char *name, const char *by, int64_t amount, bool counts)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "layer", layer, "name", name, "by", by);
	put_amount(o, amount, c->tokens);
	json_array_append_new(c->says, o);
	if (counts && (c->least < 0 || amount < c->least)) {
		c->least = amount;
		c->from = o;
	}
}

static int64_t said_by(const json_t *doc, const char *key)
{
	const struct config_key *k = config_key(key);
	int64_t set = json_int(json_object_get(doc, "set"), key, k->max);
	int64_t bound = json_int(json_object_get(json_object_get(doc, "bounds"), key), "max", k->max);
	int64_t least = set < bound ? set : bound;
	return least < k->max ? least : -1;
}

static void add_settings(struct cap *c, const struct layers *x, const char *key)
{
	for (size_t i = 0; i < x->says_len; i++) {
		int64_t v = said_by(x->says[i].doc, key);
		if (v >= 0)
			add(c, config_layer_name(x->says[i].layer), x->says[i].name, "settings", c->tokens ? v : v * CENT, true);
	}
}

static void add_yaml(struct cap *c, const struct layers *x, const char *name)
{
	const json_t *v = json_object_get(json_object_get(x->says[0].doc, "caps"), name);
	if (v != NULL)
		add(c, "platform", name, "eddy.yaml", json_integer_value(v), true);
}

static int row_of(const struct layers *x, enum budget_kind kind, struct id subject, enum budget_period period)
{
	for (int i = 0; i < PQntuples(x->rows); i++)
		if (pg_get_int8(x->rows, i, 0) == (int64_t)kind && pg_get_int8(x->rows, i, 2) == (int64_t)period &&
		    id_equal(pg_get_id(x->rows, i, 1), subject))
			return i;
	return -1;
}

static bool has_row(const struct layers *x, enum budget_kind kind, struct id subject)
{
	return row_of(x, kind, subject, BUDGET_DAY) >= 0 || row_of(x, kind, subject, BUDGET_MONTH) >= 0;
}

static void add_row(struct cap *c, const struct layers *x, int i, const char *layer, const char *name, bool counts)
{
	int col = c->tokens ? 4 : 3;
	if (i >= 0 && !PQgetisnull(x->rows, i, col))
		add(c, layer, name, "budget", pg_get_int8(x->rows, i, col), counts);
}

/* Its row, or that for each of its kind, which one of its own takes the place of as a whole. */
static void add_rows(
    struct cap *c, const struct layers *x, struct budget_subject s, enum budget_period p, const char *layer, const char *name)
{
	bool each = id_equal(s.id, x->ws);
	int own = each ? -1 : row_of(x, s.kind, s.id, p);
	add_row(c, x, row_of(x, s.kind, x->ws, p), "organisation", s.kind == BUDGET_NODE ? "each team" : "each person", own < 0);
	add_row(c, x, own, layer, name, true);
}

static struct cap begin(bool tokens)
{
	return (struct cap){ .least = -1, .says = json_array(), .tokens = tokens };
}

/* Takes what is in ${c}; nothing is listed where nobody has said anything. */
static void end(struct layers *x, struct cap *c, const char *of, const char *period, struct id id, bool each, const char *name)
{
	char text[ID_TEXT];
	if (c->least >= 0 && json_array_size(x->caps) < CAPS_MAX) {
		json_t *o = json_pack("{s:s, s:s, s:O, s:O}", "of", of, "period", period, "from", c->from, "says", c->says);
		put_amount(o, c->least, c->tokens);
		if (each)
			json_object_set_new(o, "each", json_true());
		if (!id_is_none(id) && !id_equal(id, x->ws))
			json_object_set_new(o, "id", json_string(id_format(id, text)));
		if (name[0] != '\0')
			json_object_set_new(o, "name", json_string(name));
		json_array_append_new(x->caps, o);
	}
	json_decref(c->says);
}

/* ${each}: of what ${node} says for all teams at and below it; else of itself, which for a unit is what all of it spends together. */
static void of_team(struct layers *x, struct id node, const struct config_says *own, bool each)
{
	char key[64];
	for (enum budget_period p = BUDGET_DAY; p <= BUDGET_MONTH; p++)
		for (int tokens = 0; tokens < 2; tokens++) {
			struct cap c = begin(tokens);
			snprintf(key, sizeof key, "budget.team_%s_%s", periods[p], tokens ? "tokens" : "cents");
			if (each || own->layer == LAYER_TEAM)
				add_settings(&c, x, key);
			add_rows(&c, x, (struct budget_subject){ BUDGET_NODE, each ? x->ws : node }, p,
			    config_layer_name(own->layer), own->name);
			end(x, &c, "team", periods[p], node, each, id_equal(node, x->ws) ? "" : own->name);
		}
}

static void of_person(struct layers *x, struct id id, const char *name)
{
	char key[64];
	for (enum budget_period p = BUDGET_DAY; p <= BUDGET_MONTH; p++)
		for (int tokens = 0; tokens < 2; tokens++) {
			struct cap c = begin(tokens);
			snprintf(key, sizeof key, "budget.person_%s_%s", periods[p], tokens ? "tokens" : "cents");
			add_settings(&c, x, key);
			add_rows(&c, x, (struct budget_subject){ BUDGET_PERSON, id }, p, "person", name);
			end(x, &c, "person", periods[p], id, id_equal(id, x->ws), name);
		}
}

static void of_workspace(struct layers *x)
{
	static const char *const settings[3][2] = { [BUDGET_DAY] = { "model.daily_cap", "budget.daily_tokens" },
		[BUDGET_MONTH] = { "budget.monthly_cap", "budget.monthly_tokens" } };
	for (enum budget_period p = BUDGET_DAY; p <= BUDGET_MONTH; p++)
		for (int tokens = 0; tokens < 2; tokens++) {
			struct cap c = begin(tokens);
			add_yaml(&c, x, settings[p][tokens]);
			add_row(&c, x, row_of(x, BUDGET_WORKSPACE, x->ws, p), "organisation", "workspace", true);
			end(x, &c, "workspace", periods[p], ID_NONE, false, "");
		}
}

static void of_answer(struct layers *x)
{
	for (int tokens = 0; tokens < 2; tokens++) {
		struct cap c = begin(tokens);
		if (!tokens)
			add_yaml(&c, x, "budget.run_cap");
		add_settings(&c, x, tokens ? "budget.run_tokens" : "budget.run_cents");
		end(x, &c, "answer", "answer", ID_NONE, false, "");
	}
}

/* Persons with a row of their own, each once: the rows come by subject. */
static void of_persons(struct layers *x)
{
	struct id last = x->ws;
	of_person(x, x->ws, "");
	for (int i = 0; i < PQntuples(x->rows); i++) {
		struct id id = pg_get_id(x->rows, i, 1);
		if (pg_get_int8(x->rows, i, 0) != BUDGET_PERSON || id_equal(id, last) || id_equal(id, x->ws))
			continue;
		last = id;
		of_person(x, id, pg_get_str(x->rows, i, 5));
	}
}

static bool speaks_of_teams(const json_t *doc)
{
	static const char *const keys[] = { "budget.team_day_cents", "budget.team_day_tokens", "budget.team_month_cents",
		"budget.team_month_tokens" };
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (said_by(doc, keys[i]) >= 0)
			return true;
	return false;
}

/* The walk has come to a node. */
static void at(void *arg, struct id node, const struct config_says *says, size_t n)
{
	struct layers *x = arg;
	const struct config_says *own = &says[n - 1];
	bool first = id_equal(node, x->node);
	x->says = says;
	x->says_len = n;
	if (first) {
		of_workspace(x);
		of_answer(x);
	}
	if (own->layer != LAYER_TEAM && (first || speaks_of_teams(own->doc)))
		of_team(x, node, own, true);
	if (own->layer != LAYER_ORGANISATION &&
	    (first || has_row(x, BUDGET_NODE, node) || (own->layer == LAYER_TEAM && speaks_of_teams(own->doc))))
		of_team(x, node, own, false);
	if (id_equal(node, x->ws))
		of_persons(x);
}

enum err spend_layers(struct pg *pg, struct id ws, struct id node, json_t **rows, json_t **caps)
{
	enum { LIST, ROWS, WALK, STEPS = WALK + CONFIG_WALK };
	struct pg_args *args[STEPS] = { [LIST] = spend_list_args(ws, node, NULL), [ROWS] = pg_args_new() };
	struct pg_step steps[STEPS] = { [LIST] = { "spend_list", args[LIST], NULL }, [ROWS] = { "spend_rows", args[ROWS], NULL } };
	pg_arg_id(args[ROWS], ws);
	for (size_t i = WALK; i < STEPS; i++) {
		args[i] = pg_args_new();
		steps[i].args = args[i];
	}
	config_walk_steps(ws, node, &args[WALK], &steps[WALK]);
	enum err e = pg_steps(pg, steps, STEPS);
	if (e == ERR_NONE) {
		struct layers x = { .ws = ws, .node = node, .rows = steps[ROWS].out, .caps = json_array() };
		config_walk(&steps[WALK], at, &x);
		*rows = spend_list_of(steps[LIST].out, ws);
		*caps = x.caps;
	}
	for (size_t i = 0; i < STEPS; i++) {
		PQclear(steps[i].out);
		pg_args_free(args[i]);
	}
	return e;
}
