/* The rows of the core, and the two decisions that depend on several of them. */
#include <string.h>

#include "internal.h"

/* List prices per million tokens at the time of writing; model.prices replaces the whole list. */
#define PRICES \
	"claude-opus-4-6=5,25; claude-opus-4-5=5,25; claude-opus-4=15,75; claude-sonnet-4=3,15; claude-haiku-4-5=1,5; claude-3-5-haiku=0.80,4; " \
	"claude-3-7-sonnet=3,15; claude-3-5-sonnet=3,15; claude-3-haiku=0.25,1.25; gpt-5-nano=0.05,0.40; gpt-5-mini=0.25,2; gpt-5=1.25,10; " \
	"o3-mini=1.10,4.40; o3=2,8; o4-mini=1.10,4.40; gpt-4.1-nano=0.10,0.40; gpt-4.1-mini=0.40,1.60; gpt-4.1=2,8; gpt-4o-mini=0.15,0.60; gpt-4o=2.50,10"

const struct setting core_settings[] = {
	{ "data_dir", SET_STR, SET_PATH, NULL, NULL, 0, 0, NULL,
	    "where the private database and the local token live (default: /var/lib/eddy for root, else ~/.local/share/eddy)" },
	{ "database.url", SET_STR, SET_SECRET | SET_URL | SET_POSTGRES, NULL, NULL, 0, 0, "DATABASE_URL",
	    "an existing Postgres to use instead of the private one" },
	{ "database.admin_url", SET_STR, SET_SECRET | SET_URL | SET_POSTGRES, NULL, NULL, 0, 0, NULL,
	    "the same server as a role that may create roles: Eddy makes its own roles and tables with it" },
	{ "log.level", SET_ENUM, 0, "info", "debug|info|warn|error", 0, 0, NULL, "the least important log lines that are written" },
	{ "workspace.name", SET_STR, 0, "Eddy", NULL, 0, 0, NULL, "what this installation is called where no platform names it" },
	{ "net.ca_file", SET_STR, SET_PATH, NULL, NULL, 0, 0, "SSL_CERT_FILE",
	    "certificates (PEM) that outgoing connections trust, Slack's included, instead of the system's" },
	{ "model.provider", SET_ENUM, 0, NULL, "builtin|anthropic|openai", 0, 0, NULL,
	    "who answers (default: what the keys or the address speak for, else builtin)" },
	{ "model.base_url", SET_STR, SET_URL, NULL, NULL, 0, 0, NULL, "address of the model's API (default: the provider's own)" },
	{ "model.api_key", SET_STR, SET_SECRET, NULL, NULL, 0, 0, NULL, "key for the provider" },
	{ "model.anthropic_api_key", SET_STR, SET_SECRET, NULL, NULL, 0, 0, "ANTHROPIC_API_KEY",
	    "key that is used when the provider is anthropic and model.api_key is not set" },
	{ "model.openai_api_key", SET_STR, SET_SECRET, NULL, NULL, 0, 0, "OPENAI_API_KEY",
	    "key that is used when the provider is openai and model.api_key is not set" },
	{ "model.name", SET_STR, 0, NULL, NULL, 0, 0, NULL, "the model to ask (default: a good one of the provider)" },
	{ "model.max_tokens", SET_INT, 0, "4096", NULL, 16, 1000000, NULL, "longest answer, in tokens" },
	{ "model.context_tokens", SET_INT, 0, "0", NULL, 0, 100000000, NULL,
	    "size of the model's context window in tokens; 0: ask the provider or guess" },
	{ "model.prices", SET_LIST, SET_PRICES, PRICES, NULL, 0, 0, NULL,
	    "USD per million tokens in and out; the longest name that the model's name begins with counts" },
	{ "model.daily_cap", SET_MONEY, 0, "5", NULL, 0, INT64_MAX, NULL, "most that model calls may cost per workspace and day" },
	{ "budget.monthly_cap", SET_MONEY, 0, "0", NULL, 0, INT64_MAX, NULL,
	    "most that model calls may cost per workspace and month, in USD; 0: no such limit" },
	{ "budget.daily_tokens", SET_INT, 0, "0", NULL, 0, INT64_MAX, NULL,
	    "most tokens, in and out, per workspace and day; 0: no such limit" },
	{ "budget.monthly_tokens", SET_INT, 0, "0", NULL, 0, INT64_MAX, NULL,
	    "most tokens, in and out, per workspace and month; 0: no such limit" },
	{ "budget.run_cap", SET_MONEY, 0, "2", NULL, 0, INT64_MAX, NULL,
	    "most that all model calls of one answer may cost, in USD; 0: no such limit" },
	{ "budget.run_tokens", SET_INT, 0, "0", NULL, 0, INT64_MAX, NULL,
	    "most tokens, in and out, that all calls of one answer may use; 0: no such limit" },
	{ "model.idle_timeout", SET_MS, 0, "60s", NULL, 100, 3600000, NULL, "give a call up after this long without a byte" },
	{ "model.timeout", SET_MS, 0, "120s", NULL, 100, 86400000, NULL, "give a call up after this long in all" },
	{ "recall.model", SET_STR, 0, NULL, NULL, 0, 0, NULL,
	    "model that makes vectors of messages, so that a search finds what says the same in other words; not set: off. The text of "
	    "messages goes to that model's provider" },
	{ "recall.base_url", SET_STR, SET_URL, NULL, NULL, 0, 0, NULL,
	    "address of its API, which must be OpenAI's or like it (default: model.base_url if the provider is openai, else OpenAI's own)" },
	{ "recall.api_key", SET_STR, SET_SECRET, NULL, NULL, 0, 0, NULL,
	    "key for that address (default: the key for openai, where the address is not set either)" },
	{ "recall.floor", SET_INT, 0, "25", NULL, 0, 100, NULL,
	    "how alike a message must be to what is looked for, in hundredths; what is usual differs from model to model" },
	{ "answers.fold_words", SET_INT, 0, "500", NULL, 0, 1000000, NULL,
	    "longer answers come as a headline and points, the full text on demand; 0: never" },
	{ "answers.link_hosts", SET_LIST, 0, NULL, NULL, 0, 0, NULL,
	    "hosts that a model may always link to, besides those that people of the house have named: docs.example.org, *.example.org; *: all" },
	{ "tracker.hosts", SET_LIST, 0, NULL, NULL, 0, 0, NULL,
	    "hosts (with the port, if one is named) of trackers that teams may have, and that people may give Eddy tokens of their own for: tracker.example.org" },
	{ "forks.max_active", SET_INT, 0, "5", NULL, 1, 100, NULL, "side threads that may be open in one thread at a time" },
	{ "memory.inject_tokens", SET_INT, 0, "4000", NULL, 0, 1000000, NULL,
	    "most of what is remembered that an answer is told, in tokens, and at most a quarter of the model's window; 0: nothing" },
	{ "limits.person", SET_INT, 0, "1200", NULL, 1, 1000000, NULL,
	    "questions that one person may ask in a minute, and at once" },
	{ "limits.team", SET_INT, 0, "1000000", NULL, 1, 1000000, NULL, "the same for all in the places of one team" },
	{ "limits.workspace", SET_INT, 0, "1000000", NULL, 1, 1000000, NULL, "the same for all in the workspace" },
	{ "limits.person_calls", SET_INT, 0, "1000000", NULL, 1, 1000000, NULL,
	    "calls of the API that one person may make in a minute, and at once, with all their log-ins, accounts and keys together" },
	{ "limits.team_calls", SET_INT, 0, "1000000", NULL, 1, 1000000, NULL, "the same for all calls that are about one team" },
	{ "limits.workspace_calls", SET_INT, 0, "1000000", NULL, 1, 1000000, NULL, "the same for all in the workspace" },
	{ "limits.queue", SET_INT, 0, "60", NULL, 0, 100000, NULL,
	    "how many more may wait for their turn, of a person, a team and the workspace each; beyond that Eddy declines" },
	{ "retention.messages", SET_INT, 0, "0", NULL, 0, 36500, NULL,
	    "days that messages, answers, titles and all that rests on them are kept in the places of a team; 0: as long as nobody erases them" },
	{ "retention.work", SET_INT, 0, "0", NULL, 0, 36500, NULL,
	    "days that is kept what runs there were told and worked out, and decided approvals; never longer than messages; 0: as long as those" },
	{ "retention.sessions", SET_INT, 0, "0", NULL, 0, 36500, NULL,
	    "days that log-ins which have ended, and codes that were used or are over, are kept; 0: as Eddy clears them up by itself" },
	{ "retention.audit", SET_INT, 0, "0", NULL, 0, 36500, NULL,
	    "days that the audit log keeps the particulars of an entry; the entry stays; 0: for ever" },
	{ "retention.provisions", SET_INT, 0, "0", NULL, 0, 36500, NULL,
	    "days that is kept how a team was set up or given up; 0: for ever" },
	{ "retention.usage", SET_INT, 0, "0", NULL, 0, 36500, NULL,
	    "days that calls of models and daily sums of what was spent are kept; sums at least 62; 0: for ever" },
	{ "runs.max", SET_INT, 0, "2000", NULL, 1, 100000, NULL, "answers in the making at one time" },
	{ "runtime.team", SET_STR, 0, NULL, NULL, 0, 0, NULL,
	    "this process answers for one team alone, which has runtime.mode dedicated: its short name, or its id where several workspaces have "
	    "a team of that name" },
	{ "workers.count", SET_INT, 0, "0", NULL, 0, 256, NULL, "threads for database work; 0: twice the cores, at most 8" },
	{ "engine.lease", SET_MS, 0, "25s", NULL, 200, 3600000, NULL,
	    "how long a process may be silent before others take its work" },
	{ "engine.heartbeat", SET_MS, 0, "8s", NULL, 50, 3600000, NULL, "how often leases are renewed; well below engine.lease" },
	{ "engine.upkeep", SET_MS, 0, "60s", NULL, 50, 3600000, NULL,
	    "how often threads that have fallen silent, offers that are over and what is being erased are looked for" },
	{ "threads.archive_days", SET_INT, 0, "30", NULL, 0, 36500, NULL,
	    "archive a thread that nobody has written in for so many days; 0: never" },
	{ "threads.offer_hours", SET_INT, 0, "48", NULL, 1, 8760, NULL,
	    "offer to sum up a thread after so many hours of silence, in places where that was asked for" },
	{ "erasure.rewrite_mb", SET_INT, 0, "24", NULL, 0, 1000000, NULL,
	    "tables of the private database up to this size are written anew as soon as something was erased, so that no file holds it" },
	{ "erasure.quiet_hours", SET_STR, 0, "2-5", NULL, 0, 0, NULL,
	    "larger ones between these hours (UTC), when locking them hurts nobody" },
	{ "secrets.master_key", SET_STR, SET_SECRET, NULL, NULL, 0, 0, "EDDY_MASTER_KEY",
	    "key that seals secrets in the database, 64 hexadecimal digits, the same on all machines of one database; several with commas, the "
	    "newest first (default: made once, in master.keys in the data folder)" },
	{ "audit.key", SET_STR, SET_SECRET, NULL, NULL, 0, 0, NULL,
	    "key of the checkpoints of the audit log, at least 16 characters, the same on all machines of one database (default: made "
	    "once, in audit.key in the data folder)" },
	{ "engine.scan", SET_MS, 0, "5s", NULL, 50, 3600000, NULL, "how often work that nobody works on is looked for" },
	{ "search.languages", SET_LIST, 0, "english", NULL, 0, 0, NULL,
	    "languages whose word endings do not matter in a search: danish, dutch, english, finnish, french, german, hungarian, italian, "
	    "norwegian, portuguese, romanian, russian, spanish, swedish, turkish" },
	{ 0 },
};

const char *settings_model_provider(const struct settings *s)
{
	const char *named = settings_str(s, "model.provider");
	if (named)
		return named;
	if (settings_str(s, "model.api_key") || settings_str(s, "model.anthropic_api_key"))
		return "anthropic";
	if (settings_str(s, "model.openai_api_key"))
		return "openai";
	return settings_str(s, "model.base_url") ? "anthropic" : "builtin";
}

const char *settings_model_api_key(const struct settings *s)
{
	const char *key = settings_str(s, "model.api_key"), *provider = settings_model_provider(s);
	if (key)
		return key;
	if (strcmp(provider, "anthropic") == 0)
		return settings_str(s, "model.anthropic_api_key");
	if (strcmp(provider, "openai") == 0)
		return settings_str(s, "model.openai_api_key");
	return NULL;
}
