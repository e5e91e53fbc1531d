/*
 * The command line from outside: the built program is run and what it prints and returns is looked at.  What is generated from the tables
 * and committed must be what the program prints now.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "../../../core/base/buf.h"
#include "../../../core/version.h"

/* Runs the program; stdout and stderr together in ${out}. */
static int eddy(const char *args, struct buf *out)
{
	char command[1024], room[4096];
	const char *build = getenv("EDDY_BUILD");
	size_t n;
	snprintf(
	    command, sizeof command, "env -i PATH=/usr/bin:/bin HOME=/nonexistent %s/eddy %s 2>&1", build ? build : "build", args);
	FILE *f = popen(command, "re");
	assert_non_null(f);
	buf_reset(out);
	buf_reserve(out, 1);
	while ((n = fread(room, 1, sizeof room, f)) > 0)
		buf_add(out, room, n);
	int status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void committed(const char *path, const char *args)
{
	struct buf now = BUF_INIT, then = BUF_INIT;
	char room[4096];
	size_t n;
	assert_int_equal(eddy(args, &now), 0);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		fail_msg("%s is missing: make docs", path);
	while ((n = fread(room, 1, sizeof room, f)) > 0)
		buf_add(&then, room, n);
	fclose(f);
	if (now.len != then.len || memcmp(now.p, then.p, now.len) != 0)
		fail_msg("%s is not what `eddy %s` prints: make docs", path, args);
	buf_done(&now);
	buf_done(&then);
}

static void generated_pages__are_those_of_this_program(void **state)
{
	(void)state;
	committed("docs/eddy.1", "help-man");
	committed("config/eddy.yaml", "config sample");
	committed("docs/settings.md", "config reference");
	committed("docs/openapi.json", "api openapi");
	committed("docs/data-kinds.md", "data-kinds");
}

static void help__names_every_command_and_has_examples(void **state)
{
	(void)state;
	static const char *const names[] = { "serve", "chat", "doctor", "healthcheck", "migrate up", "migrate down",
		"migrate status", "backup", "restore", "config check", "config print", "config sample", "slack manifest", "version",
		"help" };
	struct buf all = BUF_INIT, one = BUF_INIT;
	char args[100];
	assert_int_equal(eddy("--help", &all), 0);
	assert_non_null(strstr(all.p, "Examples:"));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(args, sizeof args, "  %s", names[i]);
		if (strstr(all.p, args) == NULL)
			fail_msg("%s is missing", names[i]);
		snprintf(args, sizeof args, "help %s", names[i]);
		assert_int_equal(eddy(args, &one), 0);
		assert_non_null(strstr(one.p, "Examples:"));
		snprintf(args, sizeof args, "%s --help", names[i]);
		assert_int_equal(eddy(args, &one), 0);
		assert_non_null(strstr(one.p, "Usage: eddy"));
	}
	buf_done(&all);
	buf_done(&one);
}

static void version__is_a_command_and_an_option(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	static const char *const ways[] = { "version", "--version", "serve --version" };
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		assert_int_equal(eddy(ways[i], &out), 0);
		assert_non_null(strstr(out.p, "eddy " EDDY_VERSION));
	}
	buf_done(&out);
}

static void wrong_use__is_said_with_a_hint(void **state)
{
	(void)state;
	static const struct {
		const char *args, *says;
	} cases[] = {
		{ "", "Usage: eddy" },
		{ "sevre", "did you mean \"serve\"" },
		{ "dance", "there is no command \"dance\"" },
		{ "serve now", "one word too many" },
		{ "--nonsense", "unknown option" },
		{ "doctor --insecure", "not for this command" },
		{ "-s", "needs a value" },
		{ "-s nothing doctor", "NAME=VALUE" },
		{ "migrate", "migrate up" },
		{ "migrate sideways", "migrate up" },
		{ "migrate down x", "not a number" },
		{ "backup", "FILE is missing" },
		{ "config get slack.app_token", "no open setting" },
		{ "chat --url ftp://x hello", "not an address" },
		{ "chat --thread 7 hello", "--thread" },
	};
	struct buf out = BUF_INIT;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int r = eddy(cases[i].args, &out);
		if (r != 2 || strstr(out.p, cases[i].says) == NULL)
			fail_msg("eddy %s: %d\n%s", cases[i].args, r, out.p);
	}
	buf_done(&out);
}

static void wrong_settings__are_refused_before_anything_is_started(void **state)
{
	(void)state;
	static const struct {
		const char *args, *says;
	} cases[] = {
		{ "serve -s web.listne=1", "web.listen" },
		{ "serve -s log.level=loud", "log.level" },
		{ "serve -s web.listen=0.0.0.0:1", "--insecure" },
		{ "serve -s web.listen=here", "host:port" },
		{ "serve -s slack.app_token=xapp-1", "slack.bot_token" },
		{ "serve -s slack.app_token=xoxb-1 -s slack.bot_token=xapp-1", "swapped" },
		{ "config check -s slack.app_token=xoxb-1 -s slack.bot_token=xapp-1", "swapped" },
		{ "serve -c /nonexistent/eddy.yaml", "/nonexistent/eddy.yaml" },
		{ "serve -s data_dir=/proc/eddy", "data_dir" },
		{ "config check -s model.provider=oracle", "model.provider" },
	};
	struct buf out = BUF_INIT;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int r = eddy(cases[i].args, &out);
		if (r != 3 || strstr(out.p, cases[i].says) == NULL)
			fail_msg("eddy %s: %d\n%s", cases[i].args, r, out.p);
	}
	buf_done(&out);
}

static void secrets__are_not_printed(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	assert_int_equal(
	    eddy("config print -s slack.app_token=xapp-hidden -s slack.bot_token=xoxb-hidden -s web.token=0123456789hidden", &out),
	    0);
	assert_null(strstr(out.p, "hidden"));
	assert_non_null(strstr(out.p, "app_token"));
	buf_done(&out);
}

static void healthcheck__without_a_server__fails(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	assert_int_equal(eddy("healthcheck -s web.listen=127.0.0.1:1", &out), 4);
	assert_non_null(strstr(out.p, "127.0.0.1 port 1"));
	buf_done(&out);
}

static void completion__is_valid_and_completes(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	assert_int_equal(eddy("help-completion > /dev/null", &out), 0);
	const char *build = getenv("EDDY_BUILD");
	char command[600], line[200] = "";
	snprintf(command, sizeof command,
	    "bash -c 'source <(%s/eddy help-completion); COMP_WORDS=(eddy migrate \"\"); COMP_CWORD=2; _eddy; "
	    "echo \"${COMPREPLY[*]}\"'",
	    build ? build : "build");
	FILE *f = popen(command, "re");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof line, f));
	pclose(f);
	assert_string_equal(line, "up down status\n");
	buf_done(&out);
}

static void procedures__are_listed_and_explained(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	assert_int_equal(eddy("call", &b), 0);
	assert_non_null(strstr(b.p, "session.get"));
	assert_non_null(strstr(b.p, "key.issue"));
	buf_reset(&b);
	assert_int_equal(eddy("call key.issue --help", &b), 0);
	assert_non_null(strstr(b.p, "Takes the role admin, and changes something."));
	assert_non_null(strstr(b.p, "Example:"));
	buf_reset(&b);
	assert_int_equal(eddy("call session.got", &b), 2);
	buf_reset(&b);
	assert_int_equal(eddy("call session.get nonsense", &b), 2);
	assert_non_null(strstr(b.p, "neither key=value nor -"));
	buf_reset(&b);
	assert_int_equal(eddy("call session.get - </dev/null", &b), 2);
	assert_int_equal(eddy("call session.get =1", &b), 2);
	buf_done(&b);
}

static void prompts__are_listed_and_shown_with_examples(void **state)
{
	(void)state;
	static const char *const names[] = { "answer", "fork", "earlier", "sub", "memory", "resolution", "summary", "catch_up",
		"decisions" };
	struct buf list = BUF_INIT, one = BUF_INIT;
	char args[100];
	assert_int_equal(eddy("prompt list", &list), 0);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(args, sizeof args, "%s ", names[i]);
		assert_non_null(strstr(list.p, args));
		snprintf(args, sizeof args, "prompt show %s", names[i]);
		assert_int_equal(eddy(args, &one), 0);
		assert_memory_equal(one.p, "=== system ===\n", 15);
		assert_non_null(strstr(one.p, "\n=== user ===\n"));
		assert_null(strstr(one.p, "{{"));
	}
	assert_int_equal(eddy("prompt show nothing", &one), 2);
	assert_non_null(strstr(one.p, "neither a run nor one of"));
	assert_int_equal(eddy("prompt show", &one), 2);
	buf_done(&list);
	buf_done(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(generated_pages__are_those_of_this_program),
		cmocka_unit_test(help__names_every_command_and_has_examples),
		cmocka_unit_test(procedures__are_listed_and_explained),
		cmocka_unit_test(prompts__are_listed_and_shown_with_examples),
		cmocka_unit_test(version__is_a_command_and_an_option),
		cmocka_unit_test(wrong_use__is_said_with_a_hint),
		cmocka_unit_test(wrong_settings__are_refused_before_anything_is_started),
		cmocka_unit_test(secrets__are_not_printed),
		cmocka_unit_test(healthcheck__without_a_server__fails),
		cmocka_unit_test(completion__is_valid_and_completes),
	};
	return cmocka_run_group_tests_name("command line", tests, NULL, NULL);
}
