/* The keys.  A key is here when something reads it; "acts" says what. */
#include <string.h>

#include "../base/buf.h"
#include "config.h"

#define LANGUAGES \
	"danish|dutch|english|finnish|french|german|hungarian|italian|norwegian|portuguese|romanian|russian|spanish|swedish|turkish"

const struct config_key config_keys[] = {
	{ "forks.max_active", CONFIG_INT, CONFIG_REPLACE, LAYERS_NODES, "5", "forks.max_active", 1, 100, NULL,
	    "side threads that may be open in one thread at a time", "when a side thread is opened" },
	{ "agent.default", CONFIG_STR, CONFIG_REPLACE, LAYERS_NODES, "\"eddy\"", NULL, 0, 63, NULL,
	    "short name of the agent that answers", "when a run begins" },
	{ "agent.model", CONFIG_STR, CONFIG_REPLACE, LAYERS_NODES, "\"\"", NULL, 0, 200, NULL,
	    "model of agents that name none themselves; \"\": model.name of the installation", "when a run begins" },
	{ "agent.prompt", CONFIG_STR, CONFIG_REPLACE, LAYERS_NODES, "\"\"", NULL, 0, 20000, NULL,
	    "what the agent that answers is told instead of its own prompt; \"\": its own", "when a run begins" },
	{ "agent.max_tokens", CONFIG_INT, CONFIG_LEAST, LAYERS_NODES, "64000", NULL, 16, 64000, NULL,
	    "longest answer of any agent, in tokens", "when a run begins" },
	{ "agent.max_turns", CONFIG_INT, CONFIG_LEAST, LAYERS_NODES, "50", NULL, 1, 50, NULL,
	    "most calls of the model in one run of any agent", "when a run begins" },
	{ "limits.person", CONFIG_INT, CONFIG_LEAST, LAYERS_NODES, "1000000", "limits.person", 1, 1000000, NULL,
	    "questions that one person may ask in a minute, and at once", "at the next question" },
	{ "limits.team", CONFIG_INT, CONFIG_LEAST, LAYERS_NODES, "1000000", "limits.team", 1, 1000000, NULL,
	    "the same for all in the places of one team", "at the next question" },
	{ "limits.workspace", CONFIG_INT, CONFIG_LEAST, LAYERS_ABOVE, "1000000", "limits.workspace", 1, 1000000, NULL,
	    "the same for all in the workspace", "at the next question" },
	{ "limits.queue", CONFIG_INT, CONFIG_LEAST, LAYERS_NODES, "100000", "limits.queue", 0, 100000, NULL,
	    "how many more may wait, of a person, a team and the workspace each", "at the next question" },
	{ "limits.person_calls", CONFIG_INT, CONFIG_LEAST, LAYERS_NODES, "1000000", "limits.person_calls", 1, 1000000, NULL,
	    "calls of the API that one person may make in a minute, and at once", "at the next call" },
	{ "limits.team_calls", CONFIG_INT, CONFIG_LEAST, LAYERS_NODES, "1000000", "limits.team_calls", 1, 1000000, NULL,
	    "the same for all calls that are about one team", "at the next call" },
	{ "limits.workspace_calls", CONFIG_INT, CONFIG_LEAST, LAYERS_ABOVE, "1000000", "limits.workspace_calls", 1, 1000000, NULL,
	    "the same for all in the workspace", "at the next call" },
	{ "agent.temperature", CONFIG_INT, CONFIG_REPLACE, LAYERS_NODES, "100", NULL, 0, 100, NULL,
	    "how freely a model words its answers, in hundredths; 100: as it does by itself, and then models that cannot be told are not",
	    "when a run begins" },
	{ "budget.run_cents", CONFIG_INT, CONFIG_LEAST, LAYERS_ALL, "100000000", NULL, 1, 100000000, NULL,
	    "most that all model calls of one answer may cost, in US cents; budget.run_cap of eddy.yaml holds as well",
	    "when a run begins" },
	{ "budget.run_tokens", CONFIG_INT, CONFIG_LEAST, LAYERS_ALL, "1000000000000", "budget.run_tokens", 1, 1000000000000, NULL,
	    "most tokens, in and out, that all model calls of one answer may use", "when a run begins" },
	{ "budget.person_day_cents", CONFIG_INT, CONFIG_LEAST, LAYERS_SELF, "100000000", NULL, 1, 100000000, NULL,
	    "most that one person may spend in a day, in US cents, besides what eddy budget says", "when a run begins" },
	{ "budget.person_day_tokens", CONFIG_INT, CONFIG_LEAST, LAYERS_SELF, "1000000000000", NULL, 1, 1000000000000, NULL,
	    "the same in tokens", "when a run begins" },
	{ "budget.person_month_cents", CONFIG_INT, CONFIG_LEAST, LAYERS_SELF, "100000000", NULL, 1, 100000000, NULL,
	    "the same for a month, in US cents", "when a run begins" },
	{ "budget.person_month_tokens", CONFIG_INT, CONFIG_LEAST, LAYERS_SELF, "1000000000000", NULL, 1, 1000000000000, NULL,
	    "the same for a month, in tokens", "when a run begins" },
	{ "budget.team_day_cents", CONFIG_INT, CONFIG_LEAST, LAYERS_NODES, "100000000", NULL, 1, 100000000, NULL,
	    "most that each team may spend in a day, in US cents, besides what eddy budget says", "when a run begins" },
	{ "budget.team_day_tokens", CONFIG_INT, CONFIG_LEAST, LAYERS_NODES, "1000000000000", NULL, 1, 1000000000000, NULL,
	    "the same in tokens", "when a run begins" },
	{ "budget.team_month_cents", CONFIG_INT, CONFIG_LEAST, LAYERS_NODES, "100000000", NULL, 1, 100000000, NULL,
	    "the same for a month, in US cents", "when a run begins" },
	{ "budget.team_month_tokens", CONFIG_INT, CONFIG_LEAST, LAYERS_NODES, "1000000000000", NULL, 1, 1000000000000, NULL,
	    "the same for a month, in tokens", "when a run begins" },
	{ "answers.fold_words", CONFIG_INT, CONFIG_REPLACE, LAYERS_PERSON, "500", "answers.fold_words", 0, 1000000, NULL,
	    "longer answers come as a headline and points, the full text on demand; 0: never", "when a run begins" },
	{ "threads.archive_days", CONFIG_INT, CONFIG_REPLACE, LAYERS_NODES, "30", "threads.archive_days", 1, 36500, NULL,
	    "a thread that nobody has written in for so many days is archived; 36500: never",
	    "at the next look, every engine.upkeep" },
	{ "threads.offers", CONFIG_BOOL, CONFIG_EVERY, LAYERS_NODES, "true", NULL, 0, 0, NULL,
	    "whether silent threads are offered to be summed up, where that was asked for",
	    "at the next look, every engine.upkeep" },
	{ "limits.concurrent", CONFIG_INT, CONFIG_LEAST, LAYERS_NODES, "100000", NULL, 1, 100000, NULL,
	    "answers that each team has in the making at a time, in one process; others wait for their turn", "when a run begins" },
	{ "runtime.mode", CONFIG_STR, CONFIG_REPLACE, LAYERS_NODES, "\"shared\"", NULL, 0, 16, "shared|dedicated",
	    "dedicated: its agents answer only in processes that run for this team alone (runtime.team of eddy.yaml)",
	    "when a run begins" },
	{ "agents", CONFIG_MAP, CONFIG_MERGE, LAYERS_NODES, "{}", NULL, 0, 0, "agent",
	    "what is different about agents, by short name: model, prompt, description, tools, sub_agents, max_tokens, max_turns, active",
	    "when a run begins" },
	{ "tools", CONFIG_MAP, CONFIG_MERGE, LAYERS_NODES, "{}", NULL, 0, 0, "?", "tools by name: false switches one off",
	    "when a run begins" },
	{ "tracker.url", CONFIG_STR, CONFIG_REPLACE, LAYERS_NODES, "\"\"", NULL, 0, 500, NULL,
	    "where the tracker of the team is asked, with the asker's own token: https://tracker.example.org/search?q={query}; its host has to be one of tracker.hosts; \"\": there is none",
	    "when a run begins" },
	{ "approvals.approvers", CONFIG_LIST, CONFIG_REPLACE, LAYERS_NODES, "[\"asker\"]", NULL, 0, 0, NULL,
	    "who may approve what reaches outside: asker, member, admin, owner (of the team, or above), or people as ADAPTER:NAME",
	    "when it is asked" },
	{ "approvals.automatic", CONFIG_LIST, CONFIG_REPLACE, LAYERS_NODES, "[]", NULL, 0, 0, NULL,
	    "places, as ADAPTER:NAME, that a run may send to without asking if only people of the house have written what it knows",
	    "when a tool is called" },
	{ "approvals.hours", CONFIG_INT, CONFIG_LEAST, LAYERS_NODES, "24", NULL, 1, 720, NULL,
	    "how long a question for approval waits", "when it is asked" },
	{ "retention.messages", CONFIG_INT, CONFIG_SHORTEST, LAYERS_NODES, "0", "retention.messages", 0, 36500, NULL,
	    "days that messages, answers, titles and all that rests on them are kept in the places of a team; 0: as long as nobody erases them",
	    "at the next sweep" },
	{ "retention.work", CONFIG_INT, CONFIG_SHORTEST, LAYERS_NODES, "0", "retention.work", 0, 36500, NULL,
	    "days that is kept what runs there were told and worked out, and decided approvals; never longer than messages; 0: as long as those",
	    "at the next sweep" },
	{ "retention.sessions", CONFIG_INT, CONFIG_SHORTEST, LAYERS_ABOVE, "0", "retention.sessions", 0, 36500, NULL,
	    "days that log-ins which have ended, and codes that were used or are over, are kept; 0: as Eddy clears them up by itself",
	    "at the next sweep" },
	{ "retention.audit", CONFIG_INT, CONFIG_SHORTEST, LAYERS_ABOVE, "0", "retention.audit", 0, 36500, NULL,
	    "days that the audit log keeps the particulars of an entry; the entry stays; 0: for ever", "at the next sweep" },
	{ "retention.provisions", CONFIG_INT, CONFIG_SHORTEST, LAYERS_ABOVE, "0", "retention.provisions", 0, 36500, NULL,
	    "days that is kept how a team was set up or given up; 0: for ever", "at the next sweep" },
	{ "retention.usage", CONFIG_INT, CONFIG_SHORTEST, LAYERS_ABOVE, "0", "retention.usage", 0, 36500, NULL,
	    "days that calls of models and daily sums of what was spent are kept; sums at least 62; 0: for ever",
	    "at the next sweep" },
	{ "search.languages", CONFIG_LIST, CONFIG_REPLACE, LAYERS_NODES, "[\"english\"]", "search.languages", 0, 0, LANGUAGES,
	    "languages whose word endings do not matter in a search", "at every search" },
	{ "governance.review", CONFIG_LIST, CONFIG_UNION, LAYERS_NODES, "[]", NULL, 0, 0, NULL,
	    "keys whose change waits until another admin has looked at it", "when a setting is changed" },
	{ "holds.review", CONFIG_BOOL, CONFIG_REPLACE, LAYERS_ABOVE, "false", NULL, 0, 0, NULL,
	    "whether it takes two admins to end a legal hold", "when one is ended" },
	{ "features", CONFIG_MAP, CONFIG_MERGE, LAYERS_ALL, "{}", NULL, 0, 0, "?", "features by name, for clients",
	    "in clients that ask for it (config.effective)" },
	{ "display.theme", CONFIG_STR, CONFIG_REPLACE, LAYERS_PERSON, "\"auto\"", NULL, 0, 16, "auto|light|dark",
	    "colours of a page", "in clients that ask for it (config.effective)" },
	{ "display.fork_term", CONFIG_STR, CONFIG_REPLACE, LAYERS_PERSON, "\"side thread\"", NULL, 1, 40, NULL,
	    "what a side thread is called", "in clients that ask for it (config.effective)" },
	{ "display.sidebar_layout", CONFIG_STR, CONFIG_REPLACE, LAYERS_PERSON, "\"threads\"", NULL, 0, 16,
	    "threads|channels|agents", "what the side of a page lists first", "in clients that ask for it (config.effective)" },
	{ "display.agent_order", CONFIG_LIST, CONFIG_REPLACE, LAYERS_PERSON, "[]", NULL, 0, 0, NULL,
	    "short names of agents in the order in which they are shown; others follow by name",
	    "in clients that ask for it (config.effective)" },
	{ 0 },
};

const struct config_key *config_key(const char *name)
{
	for (const struct config_key *k = config_keys; k->name != NULL; k++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

static const char *const layer_names[] = { "", "platform", "template", "organisation", "unit", "team", "person" };

const char *config_layer_name(enum config_layer l)
{
	return l >= LAYER_PLATFORM && l <= LAYER_PERSON ? layer_names[l] : "";
}

bool config_layer_from_name(const char *name, enum config_layer *out)
{
	for (int i = LAYER_PLATFORM; i <= LAYER_PERSON; i++)
		if (strcmp(layer_names[i], name) == 0) {
			*out = (enum config_layer)i;
			return true;
		}
	return false;
}

static const char *const types[] = { "integer", "boolean", "string", "list", "map" };
static const char *const merges[] = { "replaces", "merges by key", "the smallest counts", "the shortest counts", "all count",
	"off where one says so" };

json_t *config_schema(void)
{
	json_t *list = json_array();
	for (const struct config_key *k = config_keys; k->name != NULL; k++) {
		json_t *layers = json_array(),
		       *o = json_pack("{s:s, s:s, s:s, s:s, s:s}", "key", k->name, "type", types[k->type], "merge",
		           merges[k->merge], "help", k->help, "acts", k->acts);
		for (int l = LAYER_PLATFORM; l <= LAYER_PERSON; l++)
			if (k->layers & (1u << l))
				json_array_append_new(layers, json_string(layer_names[l]));
		json_object_set_new(o, "layers", layers);
		json_object_set_new(o, "default", json_loads(k->fallback, JSON_DECODE_ANY, NULL));
		if (k->type == CONFIG_INT) {
			json_object_set_new(o, "min", json_integer(k->min));
			json_object_set_new(o, "max", json_integer(k->max));
		}
		if (k->choices != NULL && (k->type == CONFIG_STR || k->type == CONFIG_LIST))
			json_object_set_new(o, "choices", json_string(k->choices));
		json_array_append_new(list, o);
	}
	return list;
}

void config_reference(struct buf *out)
{
	buf_add_str(out, "| Key | Type | Layers below | Set by | What | Takes effect |\n| --- | --- | --- | --- | --- | --- |\n");
	for (const struct config_key *k = config_keys; k->name != NULL; k++) {
		buf_addf(out, "| `%s` | %s", k->name, types[k->type]);
		if (k->type == CONFIG_INT)
			buf_addf(out, ", %lld to %lld", (long long)k->min, (long long)k->max);
		buf_addf(out, " | %s | %s | %s (default `%s`",
		    k->type == CONFIG_LIST && k->merge == CONFIG_REPLACE ? "replace" : merges[k->merge],
		    k->layers == LAYERS_ALL        ? "everybody"
		        : k->layers == LAYERS_SELF ? "the workspace; everybody for themselves"
		                                   : "the tree",
		    k->help, k->fallback);
		if (k->setting != NULL)
			buf_addf(out, ", else `%s` of eddy.yaml", k->setting);
		buf_addf(out, ") | %s |\n", k->acts);
	}
}
