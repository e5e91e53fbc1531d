/* The manifest: valid YAML with the configured names, and the same as the file in config/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "../../../adapters/slack/home.h"
#include "../../../adapters/slack/manifest.h"
#include "../../../adapters/slack/slack.h"
#include "../../../core/base/buf.h"
#include "../../../core/base/json.h"

static struct settings *load(char *const *overrides)
{
	static const struct setting *const tables[] = { core_settings, slack_settings, NULL };
	struct settings *s = settings_new(tables);
	struct buf problems = BUF_INIT;
	char *env[] = { NULL };
	assert_int_equal(settings_load(s, "/dev/null", env, overrides, &problems), ERR_NONE);
	buf_done(&problems);
	return s;
}

static bool holds_scalar(const char *text, size_t n, const char *value)
{
	yaml_parser_t p;
	yaml_event_t ev;
	bool found = false, more = true;
	assert_true(yaml_parser_initialize(&p));
	yaml_parser_set_input_string(&p, (const unsigned char *)text, n);
	while (more) {
		assert_true(yaml_parser_parse(&p, &ev));
		if (ev.type == YAML_SCALAR_EVENT)
			found |= strcmp((const char *)ev.data.scalar.value, value) == 0;
		more = ev.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&p);
	return found;
}

static void manifest__is__the_file_in_config(void **state)
{
	(void)state;
	char *none[] = { NULL };
	struct settings *s = load(none);
	struct buf out = BUF_INIT, file = BUF_INIT;
	slack_manifest_print(s, &out);
	FILE *f = fopen("config/slack-manifest.yaml", "rb");
	assert_non_null(f);
	char part[4096];
	for (size_t n; (n = fread(part, 1, sizeof(part), f)) > 0;)
		buf_add(&file, part, n);
	fclose(f);
	assert_string_equal(out.p, file.p);
	for (size_t i = 0; manifest_scopes[i]; i++)
		assert_true(holds_scalar(out.p, out.len, manifest_scopes[i]));
	buf_done(&out);
	buf_done(&file);
	settings_free(s);
}

static void manifest__takes__the_configured_names(void **state)
{
	(void)state;
	char name[] = "slack.name=Ro\"bo: #1", command[] = "slack.command=/robo";
	char *own[] = { name, command, NULL };
	struct settings *s = load(own);
	struct buf out = BUF_INIT;
	slack_manifest_print(s, &out);
	assert_true(holds_scalar(out.p, out.len, "Ro\"bo: #1"));
	assert_true(holds_scalar(out.p, out.len, "/robo"));
	assert_false(holds_scalar(out.p, out.len, "/eddy"));
	buf_done(&out);
	settings_free(s);
}

static void home__is__a_view_within_slacks_limits(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	json_t *o;
	home_view("Ed\"dy", "/eddy", "connected to acme as @eddy", &out);
	assert_int_equal(json_parse(out.p, out.len, 65536, &o, NULL), ERR_NONE);
	assert_string_equal(json_str(o, "type", ""), "home");
	size_t i;
	json_t *block;
	json_array_foreach (json_arr(o, "blocks"), i, block) {
		const char *text = json_str(json_obj(block, "text"), "text", "");
		assert_true(strlen(text) < 3000);
	}
	json_decref(o);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manifest__is__the_file_in_config),
		cmocka_unit_test(manifest__takes__the_configured_names),
		cmocka_unit_test(home__is__a_view_within_slacks_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
