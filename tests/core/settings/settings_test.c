/* The settings table: sources and their order, every type, every way to get a file wrong, and what is shown of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../core/base/buf.h"
#include "../../../core/settings/settings.h"

static const struct setting chat_settings[] = {
	{ "chat.token", SET_STR, SET_SECRET, NULL, NULL, 0, 0, "CHAT_TOKEN", "the token" },
	{ "chat.api_url", SET_STR, SET_URL | SET_LOOPBACK_PLAIN, "https://chat.example/api/", NULL, 0, 0, NULL, "the address" },
	{ "chat.limits", SET_ENUM, 0, "documented", "documented|adaptive", 0, 0, NULL, "which limits | to keep" },
	{ "chat.stream", SET_BOOL, 0, "yes", NULL, 0, 0, NULL, "grow messages" },
	{ "chat.pause", SET_MS, 0, "700ms", NULL, 100, 60000, NULL, "between two appends" },
	{ "chat.channels", SET_LIST, 0, NULL, NULL, 0, 0, NULL, "only these" },
	{ "chat.ports", SET_INT, 0, "3", NULL, 1, 0, NULL, "how many" },
	{ 0 },
};
static const struct setting *const tables[] = { core_settings, chat_settings, NULL };

/* An entry of an environment: execve() and friends want it writable. */
#define TEXT(s) \
	(char[]) \
	{ \
		s \
	}

struct fixture {
	struct settings *s;
	struct buf problems;
	char path[64];
};

static int set_up(void **state)
{
	struct fixture *f = test_calloc(1, sizeof *f);
	f->s = settings_new(tables);
	buf_reset(&f->problems);
	strcpy(f->path, "/tmp/eddy-settings-XXXXXX");
	int fd = mkstemp(f->path);
	assert_true(fd >= 0);
	close(fd);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	unlink(f->path);
	settings_free(f->s);
	buf_done(&f->problems);
	test_free(f);
	return 0;
}

static void write_bytes(struct fixture *f, const void *p, size_t n)
{
	FILE *out = fopen(f->path, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(p, 1, n, out), n);
	fclose(out);
}

static enum err load(struct fixture *f, const char *yaml)
{
	write_bytes(f, yaml, strlen(yaml));
	buf_reset(&f->problems);
	return settings_load(f->s, f->path, NULL, NULL, &f->problems);
}

/* The one problem line without the file's name must be ${line}. */
static void assert_problem(struct fixture *f, const char *yaml, const char *line)
{
	settings_free(f->s);
	f->s = settings_new(tables);
	assert_int_equal(load(f, yaml), ERR_INPUT);
	size_t n = strlen(f->path);
	struct buf want = BUF_INIT;
	buf_addf(&want, "%s:%s\n", f->path, line);
	assert_string_equal(f->problems.p, want.p);
	assert_memory_equal(f->problems.p, f->path, n);
	buf_done(&want);
}

static void settings_load__gives__defaults_without_any_source(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(load(f, ""), ERR_NONE);
	assert_string_equal(settings_str(f->s, "chat.limits"), "documented");
	assert_int_equal(settings_int(f->s, "chat.pause"), 700);
	assert_true(settings_bool(f->s, "chat.stream"));
	assert_null(settings_str(f->s, "chat.token"));
	assert_false(settings_is_set(f->s, "chat.limits"));
	assert_string_equal(settings_source(f->s, "chat.limits"), "default");
	assert_int_equal(settings_int(f->s, "model.daily_cap"), 5000000);
	assert_int_equal(settings_int(f->s, "model.timeout"), 120000);
	assert_int_equal(settings_int(f->s, "runs.max"), 2000);
	const char *const *items;
	assert_int_equal(settings_list(f->s, "chat.channels", &items), 0);
	assert_true(settings_list(f->s, "model.prices", &items) > 3);
}

static void settings_load__reads__nested_and_dotted_names(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(
	    load(f, "chat:\n  limits: adaptive\n  pause: 2s\nchat.stream: off\nchat.channels: [a, 'b c', ]\nlog:\n"), ERR_NONE);
	assert_string_equal(f->problems.p, "");
	assert_string_equal(settings_str(f->s, "chat.limits"), "adaptive");
	assert_int_equal(settings_int(f->s, "chat.pause"), 2000);
	assert_false(settings_bool(f->s, "chat.stream"));
	const char *const *items;
	assert_int_equal(settings_list(f->s, "chat.channels", &items), 2);
	assert_string_equal(items[1], "b c");
	struct buf where = BUF_INIT;
	buf_addf(&where, "%s:3", f->path);
	assert_string_equal(settings_source(f->s, "chat.pause"), where.p);
	assert_string_equal(settings_file(f->s), f->path);
	buf_done(&where);
}

static void settings_load__prefers__override_then_environment_then_file(void **state)
{
	struct fixture *f = *state;
	const char yaml[] = "chat.pause: 1s\nchat.ports: 4\nchat.limits: adaptive\n";
	write_bytes(f, yaml, strlen(yaml));
	char *env[] = { TEXT("EDDY_CHAT_PAUSE=2s"), TEXT("EDDY_CHAT_PORTS=5"), TEXT("EDDY_CHAT_LIMITS="), TEXT("CHAT_TOKEN=alias"),
		NULL };
	char *overrides[] = { TEXT("chat.pause=3s"), NULL };
	assert_int_equal(settings_load(f->s, f->path, env, overrides, &f->problems), ERR_NONE);
	assert_int_equal(settings_int(f->s, "chat.pause"), 3000);
	assert_string_equal(settings_source(f->s, "chat.pause"), "-s");
	assert_int_equal(settings_int(f->s, "chat.ports"), 5);
	assert_string_equal(settings_source(f->s, "chat.ports"), "EDDY_CHAT_PORTS");
	assert_string_equal(settings_str(f->s, "chat.limits"), "adaptive");
	assert_string_equal(settings_str(f->s, "chat.token"), "alias");
	assert_string_equal(settings_source(f->s, "chat.token"), "CHAT_TOKEN");
}

static void settings_load__takes_back__what_an_empty_override_names(void **state)
{
	struct fixture *f = *state;
	char *env[] = { TEXT("EDDY_CHAT_PAUSE=2s"), NULL }, *overrides[] = { TEXT("chat.pause="), NULL };
	write_bytes(f, "", 0);
	assert_int_equal(settings_load(f->s, f->path, env, overrides, &f->problems), ERR_NONE);
	assert_int_equal(settings_int(f->s, "chat.pause"), 700);
	assert_false(settings_is_set(f->s, "chat.pause"));
}

static void settings_load__reads__secret_from_the_named_file(void **state)
{
	struct fixture *f = *state;
	write_bytes(f, "from-file\r\n", 11);
	char variable[128];
	snprintf(variable, sizeof variable, "CHAT_TOKEN_FILE=%s", f->path);
	char *env[] = { variable, NULL };
	char *both[] = { variable, TEXT("CHAT_TOKEN=x"), NULL };
	char *gone[] = { TEXT("EDDY_CHAT_TOKEN_FILE=/nonexistent/x"), NULL };
	assert_int_equal(settings_load(f->s, "/dev/null", env, NULL, &f->problems), ERR_NONE);
	assert_string_equal(settings_str(f->s, "chat.token"), "from-file");
	assert_string_equal(settings_source(f->s, "chat.token"), "CHAT_TOKEN_FILE");
	assert_int_equal(settings_load(f->s, "/dev/null", both, NULL, &f->problems), ERR_INPUT);
	assert_string_equal(f->problems.p, "CHAT_TOKEN: chat.token: both CHAT_TOKEN and CHAT_TOKEN_FILE are set; keep one\n");
	buf_reset(&f->problems);
	assert_int_equal(settings_load(f->s, "/dev/null", gone, NULL, &f->problems), ERR_INPUT);
	assert_string_equal(
	    f->problems.p, "EDDY_CHAT_TOKEN_FILE: chat.token: cannot read the file it names: No such file or directory\n");
	write_bytes(f, "two\nlines\n", 10);
	buf_reset(&f->problems);
	assert_int_equal(settings_load(f->s, "/dev/null", env, NULL, &f->problems), ERR_INPUT);
}

static void settings_load__reports__all_problems_at_once(void **state)
{
	struct fixture *f = *state;
	const char yaml[] = "chat:\n  limit: adaptive\n  pause: soon\n  token: [a]\nwep.listen: x\nchat.ports: 0\n";
	write_bytes(f, yaml, strlen(yaml));
	char *env[] = { TEXT("EDDY_CHAT_PUASE=1s"), TEXT("EDDY_CHAT_STREAM=maybe"), TEXT("EDDY_BIN=/x"),
		TEXT("EDDY_TEST_CORPUS=/y"), TEXT("PATH=/bin"), NULL };
	char *overrides[] = { TEXT("chat.apiurl=x"), TEXT("nonsense"), NULL };
	assert_int_equal(settings_load(f->s, f->path, env, overrides, &f->problems), ERR_INPUT);
	struct buf want = BUF_INIT;
	buf_addf(&want, "%s:2: chat.limit: unknown setting; did you mean chat.limits?\n", f->path);
	buf_addf(&want, "%s:3: chat.pause: \"soon\" is not a duration such as 500ms, 30s or 5m from 100ms to 1m\n", f->path);
	buf_addf(&want, "%s:4: chat.token: holds a list, expected text\n", f->path);
	buf_addf(&want, "%s:5: wep.listen: unknown setting; \"eddy config sample\" shows all\n", f->path);
	buf_addf(&want, "%s:6: chat.ports: \"0\" is not a whole number from 1 up\n", f->path);
	buf_add_str(&want,
	    "EDDY_CHAT_STREAM: chat.stream: \"maybe\" is not yes or no\n"
	    "EDDY_CHAT_PUASE: no setting has this variable; did you mean EDDY_CHAT_PAUSE?\n"
	    "-s: chat.apiurl: unknown setting; did you mean chat.api_url?\n"
	    "-s (number 2): expected name=value\n");
	assert_string_equal(f->problems.p, want.p);
	buf_done(&want);
	assert_int_equal(settings_int(f->s, "chat.pause"), 700);
}

static void settings_load__refuses__what_yaml_can_hide(void **state)
{
	struct fixture *f = *state;
	assert_problem(f, "chat.limits: &a adaptive\n", "1: chat.limits: anchors (&name) are not taken; write the value out");
	assert_problem(f, "chat.limits: !!str adaptive\n", "1: chat.limits: tags (!name) are not taken; every value is text");
	assert_problem(f, "chat:\n  limits: *a\n", "2: chat.limits: aliases (*name) are not taken; write the value out");
	assert_problem(
	    f, "chat:\n  limits: adaptive\nchat.limits: adaptive\n", "3: chat.limits: stands here again, first in line 2");
	assert_problem(f, "chat:\n  ports: 1\nchat:\n  pause: 1s\n", "3: chat: stands here again, first in line 1");
	assert_problem(f, "chat: adaptive\n", "1: chat: is a group; write its settings below it, indented");
	assert_problem(f, "chat.limits: {a: b}\n", "1: chat.limits: holds a group, expected one of documented, adaptive");
	assert_problem(f, "chat.channels: [a, [b]]\n", "1: chat.channels: an item is one text, not a list or group");
	assert_problem(f, "- a\n", "1: expected lines of the form name: value, not a list");
	assert_problem(f, "just text\n", "1: expected lines of the form name: value");
	assert_problem(f, "? [a]\n: b\n", "1: a name must be plain text, not a list or group");
	assert_problem(f, "chat.ports: 1\n---\nchat.ports: 2\n", "2: a second document (---) begins; one is read");
	assert_problem(f, "chat.ports: \"1\\0\"\n", "1: chat.ports: holds a NUL character");
}

static void settings_load__refuses__deep_long_and_broken_files(void **state)
{
	struct fixture *f = *state;
	struct buf b = BUF_INIT;
	buf_add_str(&b, "chat.channels: ");
	for (int i = 0; i < 50000; i++)
		buf_add_char(&b, '[');
	assert_int_equal(load(f, b.p), ERR_INPUT);
	assert_non_null(strstr(f->problems.p, "nested deeper than 32 levels"));
	buf_reset(&b);
	while (b.len <= 1024 * 1024)
		buf_add_str(&b, "# a comment that fills the file\n");
	assert_int_equal(load(f, b.p), ERR_INPUT);
	assert_non_null(strstr(f->problems.p, "is over 1 MiB"));
	assert_int_equal(load(f, "chat:\n  limits: \"adaptive\n"), ERR_INPUT);
	assert_non_null(strstr(f->problems.p, "not readable as YAML"));
	assert_int_equal(load(f, "chat:\n\tports: 1\n"), ERR_INPUT);
	assert_non_null(strstr(f->problems.p, ":2: not readable as YAML"));
	assert_int_equal(load(f, "a: \xff\n"), ERR_INPUT);
	buf_reset(&f->problems);
	assert_int_equal(settings_load(f->s, "/nonexistent.yaml", NULL, NULL, &f->problems), ERR_INPUT);
	assert_string_equal(f->problems.p, "/nonexistent.yaml: cannot be read: No such file or directory\n");
	buf_reset(&f->problems);
	assert_int_equal(settings_load(f->s, "/tmp", NULL, NULL, &f->problems), ERR_INPUT);
	assert_string_equal(f->problems.p, "/tmp: is a folder\n");
	buf_done(&b);
}

static void settings_load__caps__the_list_of_problems(void **state)
{
	struct fixture *f = *state;
	struct buf b = BUF_INIT;
	for (int i = 0; i < 60; i++)
		buf_addf(&b, "unknown%d: x\n", i);
	assert_int_equal(load(f, b.p), ERR_INPUT);
	assert_non_null(strstr(f->problems.p, "\nand 10 more\n"));
	buf_done(&b);
}

static bool holds(const char **list, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], text) == 0)
			return true;
	return false;
}

static void settings_secrets__names__what_secrets_hold(void **state)
{
	struct fixture *f = *state;
	char *env[] = { TEXT("CHAT_TOKEN=key-of-now,key-of-then"), TEXT("DATABASE_URL=postgresql://eddy:pass,word@h1/x"),
		TEXT("EDDY_CHAT_API_URL=https://me:hush@chat.example/"), NULL };
	const char **list = NULL;
	assert_int_equal(settings_load(f->s, f->path, env, NULL, &f->problems), ERR_NONE);
	size_t n = settings_secrets(f->s, &list);
	assert_true(holds(list, n, "key-of-now,key-of-then") && holds(list, n, "key-of-now") && holds(list, n, "key-of-then"));
	assert_true(holds(list, n, "postgresql://eddy:pass,word@h1/x") && holds(list, n, "pass,word") && holds(list, n, "hush"));
	assert_int_equal(n, 6);
	free(list);
}

static void settings_unseal__sets__what_nothing_stronger_did(void **state)
{
	struct fixture *f = *state;
	const char **list = NULL;
	assert_int_equal(settings_load(f->s, f->path, (char *[]){ NULL }, NULL, &f->problems), ERR_NONE);
	assert_true(settings_sealable(f->s, "chat.token") && settings_sealable(f->s, "model.api_key"));
	assert_false(settings_sealable(f->s, "chat.api_url") || settings_sealable(f->s, "no.such"));
	assert_false(settings_sealable(f->s, "database.url") || settings_sealable(f->s, "secrets.master_key"));
	assert_false(settings_sealable(f->s, "audit.key"));
	assert_true(settings_known(f->s, "database.url") && !settings_known(f->s, "no.such"));
	assert_int_equal(settings_unseal(f->s, "chat.token", "sealed-one,sealed-two", &f->problems), ERR_NONE);
	assert_string_equal(settings_str(f->s, "chat.token"), "sealed-one,sealed-two");
	assert_string_equal(settings_source(f->s, "chat.token"), "eddy secret set");
	size_t n = settings_secrets(f->s, &list);
	assert_true(holds(list, n, "sealed-one") && holds(list, n, "sealed-two"));
	free(list);
	assert_int_equal(settings_unseal(f->s, "chat.token", "another", &f->problems), ERR_NONE);
	assert_string_equal(settings_str(f->s, "chat.token"), "sealed-one,sealed-two");
}

static void settings_load__never_shows__secrets(void **state)
{
	struct fixture *f = *state;
	char *env[] = { TEXT("DATABASE_URL=mysql://joe:hunter2@db/x"), TEXT("EDDY_MODEL_BASE_URL=ftp://joe:hunter2@m/"),
		TEXT("CHAT_TOKEN=hunter2"), NULL };
	char *overrides[] = { TEXT("hunter2"), NULL };
	write_bytes(f, "database.admin_url: hunter2\n", 28);
	assert_int_equal(settings_load(f->s, f->path, env, overrides, &f->problems), ERR_INPUT);
	assert_null(strstr(f->problems.p, "hunter2"));
	assert_non_null(strstr(f->problems.p, "DATABASE_URL: database.url: does not begin with postgresql://"));
	struct buf out = BUF_INIT;
	char *good[] = { TEXT("DATABASE_URL=postgresql://joe:hunter2@db/x"), TEXT("EDDY_MODEL_BASE_URL=https://joe:hunter2@m/v1"),
		NULL };
	buf_reset(&f->problems);
	assert_int_equal(settings_load(f->s, "/dev/null", good, NULL, &f->problems), ERR_NONE);
	settings_print(f->s, &out);
	assert_null(strstr(out.p, "hunter2"));
	assert_non_null(strstr(out.p, "https://(hidden)@m/v1"));
	buf_done(&out);
}

static void check_value(struct fixture *f, const char *name, const char *text, bool fits, int64_t number)
{
	struct buf o = BUF_INIT;
	buf_addf(&o, "%s=%s", name, text);
	char *overrides[] = { o.p, NULL };
	buf_reset(&f->problems);
	enum err e = settings_load(f->s, "/dev/null", NULL, overrides, &f->problems);
	if ((e == ERR_NONE) != fits)
		fail_msg("%s: %s", o.p, f->problems.p);
	if (fits && number >= 0)
		assert_int_equal(settings_int(f->s, name), number);
	buf_done(&o);
}

static void settings_check__takes__durations_money_and_numbers(void **state)
{
	struct fixture *f = *state;
	check_value(f, "chat.pause", "500ms", true, 500);
	check_value(f, "chat.pause", "1500", true, 1500);
	check_value(f, "chat.pause", "1.5s", true, 1500);
	check_value(f, "chat.pause", "1 m", true, 60000);
	check_value(f, "model.timeout", "1h", true, 3600000);
	check_value(f, "model.timeout", "0.0001s", false, 0);
	check_value(f, "model.timeout", "1.0000s", true, 1000);
	check_value(f, "model.timeout", "99999999999999999999s", false, 0);
	check_value(f, "model.timeout", "999999999999999d", false, 0);
	check_value(f, "model.timeout", "-1s", false, 0);
	check_value(f, "model.timeout", "1.2.3s", false, 0);
	check_value(f, "model.timeout", "s", false, 0);
	check_value(f, "model.timeout", "5 parsecs", false, 0);
	check_value(f, "model.daily_cap", "5", true, 5000000);
	check_value(f, "model.daily_cap", "$5.00", true, 5000000);
	check_value(f, "model.daily_cap", "0.25 USD", true, 250000);
	check_value(f, "model.daily_cap", "1000000", true, 1000000000000);
	check_value(f, "model.daily_cap", "0.0000001", false, 0);
	check_value(f, "model.daily_cap", "-5", false, 0);
	check_value(f, "model.daily_cap", "five", false, 0);
	check_value(f, "chat.ports", "010", true, 10);
	check_value(f, "chat.ports", "1e3", false, 0);
	check_value(f, "chat.ports", "12:30", false, 0);
	check_value(f, "chat.ports", "9999999999999999999999", false, 0);
	check_value(f, "chat.stream", "Off", true, -1);
	check_value(f, "chat.stream", "2", false, 0);
	check_value(f, "model.prices", "a=1,2; b=0.5,1.5", true, -1);
	check_value(f, "model.prices", "a=1", false, 0);
	check_value(f, "model.prices", "a=1,x", false, 0);
	check_value(f, "model.prices", "=1,2", false, 0);
}

static void settings_check__takes__plain_addresses_on_loopback_only(void **state)
{
	struct fixture *f = *state;
	static const char *const good[] = { "https://a.example/", "wss://a.example", "http://localhost:80/x", "ws://127.0.0.1:9/x",
		"http://127.9.8.7", "http://[::1]:8080/", "HTTP://LOCALHOST/" };
	static const char *const bad[] = { "http://a.example/", "ws://10.0.0.1/", "http://127.0.0.1.example/",
		"http://localhost.example/", "http://127.0.0.1@evil.example/", "http://127.0.0.999/", "http://127.1/",
		"ftp://localhost/", "localhost", "http://", "https://a:0/", "https://a:70000/", "https://a:8x/", "https://[::1/",
		"https:// a/", "http://[::2]/", "http://127.0.0.1./", "http://127.000.001/", "http://127.0.0.0.1/" };
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		check_value(f, "chat.api_url", good[i], true, -1);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		check_value(f, "chat.api_url", bad[i], false, 0);
	check_value(f, "model.base_url", "http://ollama.lan:11434/v1", true, -1);
	check_value(f, "model.base_url", "ws://ollama.lan/", false, 0);
	check_value(f, "database.url", "postgresql:///eddy?host=/run/pg", true, -1);
	check_value(f, "database.url", "postgres://u:p@h1:1,h2:2/db", true, -1);
	check_value(f, "database.url", "https://h/", false, 0);
}

static void settings_str__expands__home_in_paths(void **state)
{
	struct fixture *f = *state;
	char *env[] = { TEXT("HOME=/home/joe"), TEXT("EDDY_DATA_DIR=~/eddy"), NULL };
	assert_int_equal(settings_load(f->s, "/dev/null", env, NULL, &f->problems), ERR_NONE);
	assert_string_equal(settings_str(f->s, "data_dir"), "/home/joe/eddy");
}

static void settings_model__follows__the_keys_that_are_set(void **state)
{
	struct fixture *f = *state;
	struct {
		char *env[4];
		const char *provider, *key;
	} cases[] = {
		{ { NULL }, "builtin", NULL },
		{ { TEXT("OPENAI_API_KEY=o"), NULL }, "openai", "o" },
		{ { TEXT("OPENAI_API_KEY=o"), TEXT("ANTHROPIC_API_KEY=a"), NULL }, "anthropic", "a" },
		{ { TEXT("OPENAI_API_KEY=o"), TEXT("EDDY_MODEL_API_KEY=m"), NULL }, "anthropic", "m" },
		{ { TEXT("EDDY_MODEL_BASE_URL=http://m.lan/"), NULL }, "anthropic", NULL },
		{ { TEXT("EDDY_MODEL_PROVIDER=openai"), TEXT("ANTHROPIC_API_KEY=a"), TEXT("OPENAI_API_KEY=o"), NULL }, "openai",
		    "o" },
		{ { TEXT("EDDY_MODEL_PROVIDER=builtin"), TEXT("ANTHROPIC_API_KEY=a"), NULL }, "builtin", NULL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		settings_free(f->s);
		f->s = settings_new(tables);
		assert_int_equal(settings_load(f->s, "/dev/null", cases[i].env, NULL, &f->problems), ERR_NONE);
		assert_string_equal(settings_model_provider(f->s), cases[i].provider);
		if (cases[i].key)
			assert_string_equal(settings_model_api_key(f->s), cases[i].key);
		else
			assert_null(settings_model_api_key(f->s));
	}
}

static void settings_print__reads_back__as_the_same_values(void **state)
{
	struct fixture *f = *state;
	char *overrides[] = { TEXT("workspace.name=: # \"odd\" \\ näme"), TEXT("chat.channels=a, - b,c: d"), TEXT("chat.pause=3s"),
		TEXT("log.level=debug"), NULL };
	assert_int_equal(settings_load(f->s, "/dev/null", NULL, overrides, &f->problems), ERR_NONE);
	struct buf out = BUF_INIT;
	settings_print(f->s, &out);
	struct settings *before = f->s;
	f->s = settings_new(tables);
	assert_int_equal(load(f, out.p), ERR_NONE);
	for (const struct setting *const *t = tables; *t; t++) {
		for (const struct setting *row = *t; row->name; row++) {
			const char *a = settings_str(before, row->name), *b = settings_str(f->s, row->name);
			if (a)
				assert_string_equal(a, b);
			else
				assert_null(b);
		}
	}
	const char *const *items;
	assert_int_equal(settings_list(f->s, "chat.channels", &items), 3);
	assert_string_equal(items[1], "- b");
	settings_free(before);
	buf_done(&out);
}

static void settings_sample__reads_back__and_holds_the_defaults(void **state)
{
	struct fixture *f = *state;
	struct buf out = BUF_INIT, bare = BUF_INIT;
	settings_sample(tables, &out);
	assert_int_equal(load(f, out.p), ERR_NONE);
	assert_non_null(strstr(out.p,
	    "chat:\n  # the token\n  # Takes text; environment: EDDY_CHAT_TOKEN or CHAT_TOKEN, each also with _FILE\n"
	    "  # token:\n"));
	/* With the comment marks of the settings themselves removed, all defaults are accepted as values. */
	for (char *line = strtok(out.p, "\n"); line; line = strtok(NULL, "\n")) {
		char *mark = strstr(line, "# ");
		char *colon = mark ? strchr(mark, ':') : NULL;
		bool setting = colon && strcspn(mark + 2, " :") == (size_t)(colon - mark - 2);
		if (setting)
			buf_addf(&bare, "%.*s%s\n", (int)(mark - line), line, mark + 2);
		else if (!mark)
			buf_addf(&bare, "%s\n", line);
	}
	enum err e = load(f, bare.p);
	assert_string_equal(f->problems.p, "");
	assert_int_equal(e, ERR_NONE);
	assert_true(settings_is_set(f->s, "chat.limits"));
	assert_true(settings_is_set(f->s, "model.prices"));
	buf_done(&out);
	buf_done(&bare);
}

static void settings_reference__escapes__table_cells(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	settings_reference(tables, &out);
	assert_non_null(strstr(out.p,
	    "| `chat.limits` | one of documented, adaptive | `documented` | `EDDY_CHAT_LIMITS` | which limits \\| to keep |\n"));
	assert_non_null(strstr(out.p, "\n## general\n"));
	assert_non_null(strstr(out.p, "`EDDY_DATABASE_URL` `DATABASE_URL`"));
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(settings_load__gives__defaults_without_any_source),
		T(settings_load__reads__nested_and_dotted_names),
		T(settings_load__prefers__override_then_environment_then_file),
		T(settings_load__takes_back__what_an_empty_override_names),
		T(settings_load__reads__secret_from_the_named_file),
		T(settings_load__reports__all_problems_at_once),
		T(settings_load__refuses__what_yaml_can_hide),
		T(settings_load__refuses__deep_long_and_broken_files),
		T(settings_load__caps__the_list_of_problems),
		T(settings_secrets__names__what_secrets_hold),
		T(settings_unseal__sets__what_nothing_stronger_did),
		T(settings_load__never_shows__secrets),
		T(settings_check__takes__durations_money_and_numbers),
		T(settings_check__takes__plain_addresses_on_loopback_only),
		T(settings_str__expands__home_in_paths),
		T(settings_model__follows__the_keys_that_are_set),
		T(settings_print__reads_back__as_the_same_values),
		T(settings_sample__reads_back__and_holds_the_defaults),
		T(settings_reference__escapes__table_cells),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
