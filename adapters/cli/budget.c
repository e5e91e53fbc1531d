/* `eddy budget` and `eddy usage`: the procedures budget.* and usage.get in the words of the terminal, and what `eddy doctor` says about money. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/agents/budget.h"
#include "../../core/base/buf.h"
#include "../../core/base/json.h"
#include "cli.h"
#include "procedure.h"

/* "workspace", "team:SLUG", "each-team", "each-person", or a person. */
static json_t *subject(const char *s)
{
	json_t *args = json_object();
	if (strncmp(s, "team:", 5) == 0)
		json_object_set_new(args, "team", json_string(s + 5));
	else if (strcmp(s, "each-team") == 0 || strcmp(s, "each-person") == 0)
		json_object_set_new(args, "each", json_string(s + 5));
	else if (strcmp(s, "workspace") != 0)
		json_object_set_new(args, "person", json_string(s));
	return args;
}

static void put_amount(struct buf *b, const json_t *o, const char *money, const char *tokens)
{
	if (json_object_get(o, money) != NULL)
		budget_put_amount(b, (int64_t)(json_number_value(json_object_get(o, money)) * 1e6 + 0.5), false);
	if (json_object_get(o, money) != NULL && json_object_get(o, tokens) != NULL)
		buf_add_str(b, " and ");
	if (json_object_get(o, tokens) != NULL)
		budget_put_amount(b, json_int(o, tokens, 0), true);
}

static void put_whose(struct buf *b, const json_t *o)
{
	const char *of = json_str(o, "of", "");
	if (json_bool(o, "each", false))
		buf_addf(b, "each %s%s%s", of, json_object_get(o, "name") != NULL ? " in " : "", json_str(o, "name", ""));
	else if (strcmp(of, "workspace") == 0)
		buf_add_str(b, of);
	else
		buf_addf(b, "%s %s", of, json_str(o, "name", json_str(o, "id", "")));
}

static void print_budgets(const json_t *list)
{
	json_t *o;
	size_t i;
	json_array_foreach (list, i, o) {
		struct buf whose = BUF_INIT, cap = BUF_INIT, spent = BUF_INIT;
		put_whose(&whose, o);
		put_amount(&cap, o, "usd", "tokens");
		put_amount(
		    &spent, o, json_object_get(o, "usd") ? "spent_usd" : "", json_object_get(o, "tokens") ? "spent_tokens" : "");
		printf("%-28s  %s a %s%s%s\n", whose.p, cap.p, json_str(o, "period", ""), spent.len > 0 ? "; spent: " : "",
		    spent.len > 0 ? spent.p : "");
		buf_done(&whose);
		buf_done(&cap);
		buf_done(&spent);
	}
}

static void put_who_says(struct buf *b, const json_t *o)
{
	const char *by = json_str(o, "by", ""), *name = json_str(o, "name", "");
	if (strcmp(by, "eddy.yaml") == 0 || (strcmp(by, "settings") == 0 && strcmp(name, "platform") == 0))
		buf_addf(b, "%s", strcmp(by, "eddy.yaml") == 0 ? name : "eddy.yaml");
	else if (strcmp(by, "settings") == 0)
		buf_addf(b, "settings of %s%s%s", json_str(o, "layer", ""), strcmp(name, "template") == 0 ? "" : " ",
		    strcmp(name, "template") == 0 ? "" : name);
	else
		buf_addf(b, "eddy budget of %s", name);
}

/* What holds, who has said it, and what the others say. */
static void print_caps(const json_t *list)
{
	json_t *o, *says;
	size_t i, k;
	if (json_array_size(list) > 0)
		puts("What holds, and who says it:");
	json_array_foreach (list, i, o) {
		struct buf whose = BUF_INIT, cap = BUF_INIT;
		const json_t *from = json_object_get(o, "from");
		bool other = false, answer = strcmp(json_str(o, "of", ""), "answer") == 0;
		if (answer)
			buf_add_str(&whose, "one answer");
		else
			put_whose(&whose, o);
		put_amount(&cap, o, "usd", "tokens");
		buf_addf(&cap, "%s%s: ", answer ? "" : " a ", answer ? "" : json_str(o, "period", ""));
		put_who_says(&cap, from);
		json_array_foreach (json_arr(o, "says"), k, says) {
			if (json_equal(says, from))
				continue;
			buf_add_str(&cap, other ? ", " : "; besides: ");
			other = true;
			put_amount(&cap, says, "usd", "tokens");
			buf_add_str(&cap, " in ");
			put_who_says(&cap, says);
		}
		printf("%-28s  %s\n", whose.p, cap.p);
		buf_done(&whose);
		buf_done(&cap);
	}
}

int cmd_budget_list(struct cli *c)
{
	json_t *args = c->argc > 0 ? json_pack("{s:s}", "team", c->argv[0]) : json_object(), *out = NULL;
	int r = cli_procedure(c, "budget.list", args, &out);
	if (r == EXIT_OK && json_array_size(json_arr(out, "budgets")) == 0)
		puts(c->argc > 0 ? "No budgets there." : "No budgets were set.");
	if (r == EXIT_OK) {
		print_budgets(json_arr(out, "budgets"));
		print_caps(json_arr(out, "caps"));
	}
	json_decref(out);
	return r;
}

/* "50" and "12.50" are USD, "200000t" are tokens. */
static bool add_amount(json_t *args, const char *s)
{
	char *end;
	if (*s < '0' || *s > '9')
		return false;
	double v = strtod(s, &end);
	if (strcmp(end, "t") == 0)
		json_object_set_new(args, "tokens", json_integer((json_int_t)v));
	else if (*end == '\0')
		json_object_set_new(args, "usd", json_real(v));
	else
		return false;
	return true;
}

int cmd_budget_set(struct cli *c)
{
	json_t *args = subject(c->argv[0]), *out = NULL;
	json_object_set_new(args, "period", json_string(c->argv[1]));
	for (int i = 2; i < c->argc; i++) {
		if (strcmp(c->argv[i], "none") != 0 && !add_amount(args, c->argv[i])) {
			cli_complain("%s is no amount: 12.50 (USD), 200000t (tokens) or none", c->argv[i]);
			json_decref(args);
			return EXIT_USAGE;
		}
	}
	int r = cli_procedure(c, "budget.set", args, &out);
	if (r == EXIT_OK && json_array_size(json_arr(out, "budgets")) == 0)
		puts("No budget there now.");
	if (r == EXIT_OK)
		print_budgets(json_arr(out, "budgets"));
	json_decref(out);
	return r;
}

int cmd_usage(struct cli *c)
{
	const char *what = c->argc > 0 ? c->argv[0] : "day";
	bool by = strcmp(what, "day") == 0 || strcmp(what, "team") == 0 || strcmp(what, "person") == 0;
	json_t *args = by ? json_pack("{s:s}", "by", what) : subject(what), *out = NULL, *o;
	size_t i;
	if (c->argc > 1)
		json_object_set_new(args, "days", json_integer(atoi(c->argv[1])));
	int r = cli_procedure(c, "usage.get", args, &out);
	if (r == EXIT_OK && json_array_size(json_arr(out, "usage")) == 0)
		puts("Nothing was used.");
	json_array_foreach (json_arr(out, "usage"), i, o) {
		struct buf b = BUF_INIT;
		if (json_object_get(o, "day") != NULL)
			buf_add_str(&b, json_str(o, "day", ""));
		else
			put_whose(&b, o);
		printf("%-28s  %10.4f USD  %12lld in  %12lld out  %8lld calls\n", b.p, json_number_value(json_object_get(o, "usd")),
		    (long long)json_int(o, "input_tokens", 0), (long long)json_int(o, "output_tokens", 0),
		    (long long)json_int(o, "calls", 0));
		buf_done(&b);
	}
	json_decref(out);
	return r;
}

static double share(const json_t *o)
{
	double usd = json_number_value(json_object_get(o, "usd")), tokens = (double)json_int(o, "tokens", 0);
	double a = usd > 0 ? json_number_value(json_object_get(o, "spent_usd")) / usd : 0;
	double b = tokens > 0 ? (double)json_int(o, "spent_tokens", 0) / tokens : 0;
	return a > b ? a : b;
}

bool cli_money(struct cli *c, struct buf *out)
{
	json_t *today = NULL, *list = NULL, *o;
	size_t i;
	double cap = (double)settings_int(c->settings, "model.daily_cap") / 1e6;
	int r = cli_procedure(c, "usage.get", json_pack("{s:i}", "days", 1), &today);
	if (r == EXIT_OK)
		r = cli_procedure(c, "budget.list", json_object(), &list);
	double spent = json_number_value(json_object_get(json_array_get(json_arr(today, "usage"), 0), "usd"));
	bool well = r == EXIT_OK && (cap <= 0 || spent < 0.8 * cap);
	if (r == EXIT_OK)
		buf_addf(out, "%.2f of %.2f USD spent today%s", spent, cap, well ? "" : ": model.daily_cap is nearly used up");
	json_array_foreach (json_arr(list, "budgets"), i, o) {
		if (share(o) < 0.8)
			continue;
		well = false;
		buf_add_str(out, "; ");
		put_whose(out, o);
		buf_addf(out, ": %.0f %% of the budget for this %s is used, see `eddy budget list`", 100 * share(o),
		    json_str(o, "period", ""));
	}
	json_decref(today);
	json_decref(list);
	return well;
}
