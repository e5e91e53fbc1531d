/* `eddy replay authority`: the procedure authority.replay page after page, so that nothing grows with what there is; differences are printed as they come. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/json.h"
#include "cli.h"
#include "procedure.h"

#define PAGE 500

struct replayed {
	bool json;
	long long left; /* runs that may still be looked at */
	long long looked_at, answers, own, said, left_out, differences, by_readers, by_rule;
};

static const char *name_of(const json_t *o)
{
	return json_str(o, "name", json_str(o, "place", json_str(o, "audience", "")));
}

/* What the rule of now says of the readers of then tells apart what has changed. */
static const char *because(const json_t *d)
{
	const char *cause = json_str(d, "cause", "");
	if (strcmp(cause, "readers") == 0)
		return "the readers have changed since; of those of then the rule says the same as then";
	if (strcmp(cause, "rule") != 0)
		return "not known: who read along then is not stored any more";
	return strcmp(json_str(d, "of_then", ""), "said") == 0 ? "THE RULE: of the readers of then it says today \"said\""
	                                                       : "THE RULE: of the readers of then it says today \"left out\"";
}

static void print(const json_t *d)
{
	size_t i;
	json_t *read;
	printf("run %s, %s, for %s in %s (%s, %s)\n", json_str(d, "run", ""), json_str(d, "at", ""),
	    json_str(d, "person_name", "somebody"), name_of(d), json_str(d, "adapter", ""), json_str(d, "kind", ""));
	printf("  then %-9s %s\n", json_str(d, "then", ""), json_str(d, "why_then", ""));
	printf("  now  %-9s %s\n", json_str(d, "now", ""), json_str(d, "why_now", ""));
	printf("  because   %s\n", because(d));
	if (json_int(d, "readers_now", 0) != json_int(d, "readers_then", 0))
		printf("  readers   %lld then, %lld now\n", (long long)json_int(d, "readers_then", 0),
		    (long long)json_int(d, "readers_now", 0));
	json_array_foreach (json_arr(d, "reads"), i, read)
		printf("  read %-9s %s (%s)%s%s\n", json_bool(read, "may", false) ? "may" : "may not", name_of(read),
		    json_str(read, "kind", ""), json_object_get(read, "why") != NULL ? ": " : "", json_str(read, "why", ""));
	long long more = (long long)json_int(d, "reads_total", 0) - (long long)json_array_size(json_arr(d, "reads"));
	if (more > 0)
		printf("  … and %lld more\n", more);
}

static bool page(void *arg, const json_t *out, json_t *args)
{
	struct replayed *x = arg;
	size_t i;
	json_t *d;
	long long n = (long long)json_int(out, "looked_at", 0);
	x->looked_at += n;
	x->left -= n;
	x->answers += json_int(out, "answers", 0);
	x->own += json_int(out, "own_place", 0);
	x->said += json_int(out, "still_said", 0);
	x->left_out += json_int(out, "still_left_out", 0);
	json_array_foreach (json_arr(out, "differences"), i, d) {
		x->by_readers += strcmp(json_str(d, "cause", ""), "readers") == 0;
		x->by_rule += strcmp(json_str(d, "cause", ""), "rule") == 0;
		if (!x->json) {
			print(d);
			continue;
		}
		printf(x->differences++ == 0 ? "\n" : ",\n");
		json_dumpf(d, stdout, JSON_COMPACT);
	}
	if (!x->json)
		x->differences += (long long)json_array_size(json_arr(out, "differences"));
	json_object_set_new(args, "limit", json_integer(x->left < PAGE ? x->left : PAGE));
	return x->left > 0;
}

int cmd_replay_authority(struct cli *c)
{
	struct replayed x = { .json = c->json, .left = c->limit == NULL ? 1LL << 62 : strtoll(c->limit, NULL, 10) };
	const char *const names[] = { "since", "person", "thread", "run" };
	const char *const values[] = { c->since, c->person, c->thread, c->run };
	if (x.left < 1) {
		cli_complain("replay authority: --limit is a number from 1 on");
		return EXIT_USAGE;
	}
	json_t *args = json_pack("{s:I}", "limit", (json_int_t)(x.left < PAGE ? x.left : PAGE));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (values[i] != NULL)
			json_object_set_new(args, names[i], json_string(values[i]));
	if (x.json)
		printf("{\"differences\":[");
	int r = cli_procedure_pages(c, "authority.replay", args, page, &x);
	if (x.json)
		printf(
		    "],\"complete\":%s,\"looked_at\":%lld,\"answers\":%lld,\"own_place\":%lld,\"still_said\":%lld,\"still_left_out\":%lld,"
		    "\"by_readers\":%lld,\"by_rule\":%lld}\n",
		    r == EXIT_OK ? "true" : "false", x.looked_at, x.answers, x.own, x.said, x.left_out, x.by_readers, x.by_rule);
	else if (r == EXIT_OK)
		printf(
		    "runs looked at %14lld\nanswers %21lld\n  of their own place %8lld\n  said, then and now %8lld\n  left out, both %12lld\n  different %17lld\n"
		    "    readers changed %9lld\n    the rule %16lld\n    not known %15lld\n",
		    x.looked_at, x.answers, x.own, x.said, x.left_out, x.differences, x.by_readers, x.by_rule,
		    x.differences - x.by_readers - x.by_rule);
	return r != EXIT_OK ? r : x.differences > 0 ? EXIT_DIFFERENT : EXIT_OK;
}
