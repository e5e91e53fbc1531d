/*
 * `eddy prompt list` and `prompt show`: what goes to a model.  A template with example facts needs nothing; the request of a run is built again
 * from the database (core/engine/replay.h), so Eddy may be running or not.
 */
#include <stdio.h>
#include <string.h>

#include "../../core/agents/agent.h"
#include "../../core/agents/task_prompt.h"
#include "../../core/base/buf.h"
#include "../../core/base/metric.h"
#include "../../core/engine/replay.h"
#include "../../core/memory/inject.h"
#include "../../core/store/store.h"
#include "cli.h"

#define EXAMPLE_MS 1763733780000 /* 2025-11-21 14:03 UTC */

static const struct shown {
	const char *name, *what, *file;
} shown[] = {
	{ "answer", "an answer: the agent's own text and the moment", "prompts/agents/eddy.yaml, prompts/context.md" },
	{ "fork", "an answer in a side thread: what is added to it", "prompts/fork.md" },
	{ "earlier", "an answer in a long thread: what lies before the messages that are told", "prompts/earlier.md" },
	{ "sub", "an agent that another one asks: what is added to it", "prompts/sub.md" },
	{ "memory", "an answer where something is remembered: what is added to it", "prompts/memory.md" },
	{ TASK_RESOLUTION, "what comes back from a side thread", "prompts/tasks/resolution.md" },
	{ TASK_SUMMARY, "`summarise`", "prompts/tasks/summary.md" },
	{ TASK_CATCH_UP, "`catch me up`", "prompts/tasks/catch_up.md" },
	{ TASK_DECISIONS, "`decisions`: what was decided and who does what", "prompts/tasks/decisions.md" },
};

int cmd_prompt_list(struct cli *c)
{
	(void)c;
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		printf("%-12s %s (%s)\n", shown[i].name, shown[i].what, shown[i].file);
	puts(
	    "`eddy prompt show NAME` prints one with example facts, `eddy prompt show RUN` what the last call of a run was asked.");
	return EXIT_OK;
}

static void show_example(const char *name, struct buf *out)
{
	static const struct digest_message said[] = {
		{ .author = "Ana",
		    .at_ms = EXAMPLE_MS - 600000,
		    .text = "We decided to put the ledger on port 8080.",
		    .text_len = 42 },
		{ .author = "Ben", .at_ms = EXAMPLE_MS - 300000, .text = "The proxy has taken port 8080.", .text_len = 30 },
		{ .author = "Ana", .at_ms = EXAMPLE_MS - 60000, .text = "Actually, make it 9090.", .text_len = 23 },
	};
	struct buf system = BUF_INIT, input = BUF_INIT;
	struct model_message ask = { .role = ROLE_USER };
	if (strcmp(name, "answer") == 0) {
		struct agent *a = agent_shipped(AGENT_DEFAULT);
		const struct prompt_facts f = { .person = "Cleo",
			.adapter = "slack",
			.place = "ops",
			.visibility = VIS_PUBLIC,
			.workspace = "Example",
			.tz = "Europe/Berlin",
			.wall_ms = EXAMPLE_MS };
		agent_prompt(a, &f, &system);
		agent_free(a);
		buf_add_str(&input, "Which port does the ledger use?");
	} else if (strcmp(name, "fork") == 0) {
		fork_prompt(&(struct fork_facts){ .topic = "Which port?",
		                .author = "Ben",
		                .message = said[1].text,
		                .message_len = said[1].text_len,
		                .before = "- Ana: We decided to put the ledger on port 8080.",
		                .before_len = 49 },
		    &system);
		buf_add_str(&input, "Is 9090 free?");
	} else if (strcmp(name, "earlier") == 0) {
		static const char before[] =
		    "- Ana: We decided to put the ledger on port 8080.\n- Ben: The proxy has taken port 8080.";
		earlier_prompt(before, strlen(before), &system);
		buf_add_str(&input, "Which port does the ledger use?");
	} else if (strcmp(name, "sub") == 0) {
		sub_prompt("Eddy", &system);
		buf_add_str(&input, "Find the message in which the port of the ledger was decided. Give its link.");
	} else if (strcmp(name, "memory") == 0) {
		static const char items[] =
		    "- decision, 2025-11-20, Ana: the ledger moves to port 9090\n- note, 2025-11-19, Ben: port 8080 is the proxy's";
		memory_prompt(items, strlen(items), &system);
		buf_add_str(&input, "Which port does the ledger use?");
	} else {
		const struct task_facts f = { .topic = "Which port?",
			.place = "ops",
			.asker = "Cleo",
			.tz = "Europe/Berlin",
			.wall_ms = EXAMPLE_MS,
			.since_ms = EXAMPLE_MS - 86400000,
			.messages = said,
			.messages_len = sizeof(said) / sizeof(said[0]) };
		task_prompt(name, &f, &system, &input);
	}
	ask.text = input.p;
	ask.text_len = input.len;
	prompt_write(
	    &(struct model_request){ .system = system.p, .system_len = system.len, .messages = &ask, .messages_len = 1 }, out);
	buf_done(&system);
	buf_done(&input);
}

static int show_run(struct cli *c, struct id run)
{
	int r = cli_settings(c);
	if (r != EXIT_OK)
		return r;
	struct store *store = NULL;
	struct engine *engine = NULL;
	struct metrics *metrics = metrics_new();
	struct buf out = BUF_INIT;
	char why[512] = "";
	const struct store_options so = { .url = settings_str(c->settings, "database.url"),
		.admin_url = settings_str(c->settings, "database.admin_url"),
		.data_dir = cli_data_dir(c) };
	enum err e = store_open(&store, &so, why, sizeof(why));
	if (e == ERR_NONE) {
		const struct engine_options eo = {
			.settings = c->settings, .metrics = metrics, .database_url = store_url(store), .data_dir = cli_data_dir(c)
		};
		e = engine_open(&engine, &eo, why, sizeof(why));
	}
	if (e == ERR_NONE)
		e = engine_replay(engine, run, &out, why, sizeof(why));
	if (e == ERR_NONE)
		fwrite(out.p, 1, out.len, stdout);
	else
		cli_complain("%s", why);
	engine_free(engine);
	store_close(store);
	metrics_free(metrics);
	buf_done(&out);
	return e == ERR_NONE ? EXIT_OK : EXIT_FAILED;
}

int cmd_prompt_show(struct cli *c)
{
	struct id run;
	if (id_parse(c->argv[0], &run))
		return show_run(c, run);
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		if (strcmp(shown[i].name, c->argv[0]) != 0)
			continue;
		struct buf out = BUF_INIT;
		show_example(shown[i].name, &out);
		fwrite(out.p, 1, out.len, stdout);
		buf_done(&out);
		return EXIT_OK;
	}
	cli_complain("prompt show: \"%s\" is neither a run nor one of `eddy prompt list`", c->argv[0]);
	return EXIT_USAGE;
}
