/* Commands that something may follow, and the ordinary sentences that begin like them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../../../core/engine/command.h"

static const struct {
	const char *text;
	bool in_fork;
	enum command command;
	const char *arg;
} cases[] = {
	{ "fork which database?", false, CMD_FORK, "which database?" },
	{ "Fork: Which Database?", false, CMD_FORK, "Which Database?" },
	{ "please fork: x", false, CMD_FORK, "x" },
	{ "hey Eddy, fork this", false, CMD_FORK, "" },
	{ "fork", false, CMD_FORK, "" },
	{ "forks", false, CMD_FORKS, "" },
	{ "forks!", false, CMD_FORKS, "" },
	{ "forking is hard", false, CMD_NONE, "" },
	{ "forklift prices?", false, CMD_NONE, "" },
	{ "a fork in the road", false, CMD_NONE, "" },
	{ "フォーク データベース", false, CMD_FORK, "データベース" },
	{ "resolve", true, CMD_RESOLVE, "" },
	{ "Resolve, please.", true, CMD_RESOLVE, NULL },
	{ "resolve", false, CMD_RESOLVE, "" },
	{ "resolve it", false, CMD_NONE, "" },
	{ "abandon", false, CMD_ABANDON, "" },
	{ "resolve #3", false, CMD_RESOLVE, "#3" },
	{ "resolve 3", false, CMD_RESOLVE, "3" },
	{ "resolve the conflict in main.c", true, CMD_NONE, "" },
	{ "auflösen", true, CMD_RESOLVE, "" },
	{ "RÉSOUDRE", true, CMD_RESOLVE, "" },
	{ "accept", true, CMD_ACCEPT, "" },
	{ "accept", false, CMD_NONE, "" },
	{ "accept my apologies", true, CMD_NONE, "" },
	{ "abandon #12", false, CMD_ABANDON, "#12" },
	{ "abandon ship", true, CMD_NONE, "" },
	{ "edit:\n**A**\n\n- b", true, CMD_EDIT, "**A**\n\n- b" },
	{ "edit the file", true, CMD_NONE, "" },
	{ "edit: x", false, CMD_NONE, "" },
	{ "edit:", true, CMD_EDIT, "" },
	{ "edit", false, CMD_NONE, "" },
	{ "discard", true, CMD_DISCARD, "" },
	{ "search falcon in:general", false, CMD_SEARCH, "falcon in:general" },
	{ "search for falcon", false, CMD_SEARCH, "falcon" },
	{ "suche nach Falke", false, CMD_SEARCH, "Falke" },
	{ "search", false, CMD_SEARCH, "" },
	{ "searching for words", false, CMD_NONE, "" },
	{ "rename to Falcon plans", false, CMD_RENAME, "Falcon plans" },
	{ "rename: Falcon plans", false, CMD_RENAME, "Falcon plans" },
	{ "rename the variable", false, CMD_NONE, "" },
	{ "archive", false, CMD_ARCHIVE, "" },
	{ "archive the logs of May", false, CMD_NONE, "" },
	{ "summarise this thread", false, CMD_SUMMARISE, "" },
	{ "Summarize!", false, CMD_SUMMARISE, "" },
	{ "TL;DR", false, CMD_SUMMARISE, "" },
	{ "summarise the attached report", false, CMD_NONE, "" },
	{ "catch me up", false, CMD_CATCH_UP, "" },
	{ "what did I miss?", false, CMD_CATCH_UP, "" },
	{ "what did I miss in the report", false, CMD_NONE, "" },
	{ "remember: standup is at nine", false, CMD_REMEMBER, "standup is at nine" },
	{ "remember that standup is at nine", false, CMD_REMEMBER, "standup is at nine" },
	{ "remember that", false, CMD_PIN, "" },
	{ "remember the milk", false, CMD_NONE, "" },
	{ "what do you remember about Falcon?", false, CMD_RECALL, "Falcon?" },
	{ "what do you remember?", false, CMD_RECALL, "" },
	{ "why do you think so?", false, CMD_WHY, "" },
	{ "forget that", false, CMD_FORGET, "" },
	{ "forget it", false, CMD_STOP, "" },
	{ "forget me", false, CMD_FORGET_ME, "" },
	{ "forget me yes", false, CMD_FORGET_ME, "yes" },
	{ "forget me not", false, CMD_NONE, "" },
	{ "private mode off", false, CMD_PRIVATE_OFF, "" },
	{ "private mode", false, CMD_PRIVATE_ON, "" },
	{ "export my data", false, CMD_EXPORT, "" },
	{ "link", false, CMD_LINK, "" },
	{ "please link my accounts", false, CMD_LINK, "" },
	{ "link 7K2QF-M9XTD", false, CMD_LINK, "7K2QF-M9XTD" },
	{ "Link 7k2qf-m9xtd yes", false, CMD_LINK, "7k2qf-m9xtd yes" },
	{ "link: 7K2QF-M9XTD", false, CMD_LINK, "7K2QF-M9XTD" },
	{ "link everything-there", false, CMD_NONE, "" },
	{ "link 7K2QF-M9XTDX", false, CMD_NONE, "" },
	{ "link 7K2QF-M9XTD to Ben", false, CMD_NONE, "" },
	{ "link to the document", false, CMD_NONE, "" },
	{ "unlink", false, CMD_UNLINK, "" },
	{ "unlink the two tickets", false, CMD_NONE, "" },
	{ "threads archived", false, CMD_THREADS, "archived" },
	{ "threads are hard", false, CMD_NONE, "" },
	{ "open #4", false, CMD_OPEN, "#4" },
	{ "open the door", false, CMD_NONE, "" },
	{ "help", false, CMD_HELP, "" }, /* a phrase of the other table */
	{ "", false, CMD_NONE, "" },
	{ "\xff\xfe", false, CMD_NONE, "" },
	{ "fork \xff", false, CMD_FORK, NULL },
};

static void words__and_what_follows_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct command_call c = { CMD_NONE, "", 0 };
		bool is = command_parse(cases[i].text, strlen(cases[i].text), cases[i].in_fork, &c);
		enum command got = is ? c.command : CMD_NONE;
		if (got != cases[i].command)
			fail_msg("\"%s\" is %s", cases[i].text, command_name(got));
		if (is && cases[i].arg != NULL &&
		    (c.arg_len != strlen(cases[i].arg) || memcmp(c.arg, cases[i].arg, c.arg_len) != 0))
			fail_msg("\"%s\" has \"%.*s\"", cases[i].text, (int)c.arg_len, c.arg);
	}
}

static void words__every_prefix_is_safe(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t n = 0; n <= strlen(cases[i].text); n++) {
			struct command_call c;
			if (command_parse(cases[i].text, n, true, &c))
				assert_true(c.arg_len == 0 || (c.arg >= cases[i].text && c.arg + c.arg_len <= cases[i].text + n));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words__and_what_follows_them),
		cmocka_unit_test(words__every_prefix_is_safe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
