/* The web adapter on a loop of its own, with the fake engine behind it.  Included by tests. */
#pragma GCC diagnostic ignored "-Wunused-function" /* not every test needs all of it */
#include <stdlib.h>
#include <sys/stat.h>

#include "../../../adapters/net/loop.h"
#include "../../../core/base/buf.h"
#include "../../../adapters/web/web.h"
#include "../../../core/base/log.h"
#include "../../../core/base/metric.h"

static struct server_fixture {
	struct settings *settings;
	struct metrics *metrics;
	struct loop *loop;
	struct adapter *web;
	char dir[64], token[128];
	int port;
} server;

static void server_up_in(const char *dir, const char *const *overrides)
{
	static const struct setting *const tables[] = { core_settings, web_settings, NULL };
	struct buf problems = BUF_INIT;
	char why[512] = "";
	char *none[] = { NULL };
	fake_reset();
	snprintf(server.dir, sizeof server.dir, "%s", dir);
	server.settings = settings_new(tables);
	assert_int_equal(settings_load(server.settings, NULL, none, (char *const *)(uintptr_t)overrides, &problems), ERR_NONE);
	buf_done(&problems);
	server.metrics = metrics_new();
	assert_int_equal(loop_new(&server.loop, server.metrics), ERR_NONE);
	const struct web_options o = { .settings = server.settings,
		.metrics = server.metrics,
		.loop = server.loop,
		.data_dir = server.dir,
		.engine = (struct engine *)(void *)&fake_engine_object };
	assert_int_equal(web_open(&server.web, &o, why, sizeof why), ERR_NONE);
	fake.ops = &web_ops;
	fake.adapter = server.web;
	if (loop_start(server.loop, why, sizeof why) != ERR_NONE)
		fail_msg("%s", why);
	web_start(server.web);
	server.port = loop_port(server.loop);
	char path[128];
	snprintf(path, sizeof path, "%s/" WEB_TOKEN_FILE, server.dir);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(server.token, sizeof server.token, f));
	fclose(f);
	server.token[strcspn(server.token, "\n")] = '\0';
}

static int server_up(void **state)
{
	char dir[] = "/tmp/eddy-web-test.XXXXXX";
	(void)state;
	assert_non_null(mkdtemp(dir));
	static const char *const o[] = { "web.listen=127.0.0.1:0", "web.slow_reader=1s", NULL };
	log_set_level(LOG_ERROR);
	server_up_in(dir, o);
	return 0;
}

/* As engine_drain() does: what was handed to the workers speaks to the loop when it is done. */
static void server_drain(void)
{
	while (__atomic_load_n(&fake_jobs, __ATOMIC_SEQ_CST) > 0)
		usleep(1000);
}

static int server_down(void **state)
{
	(void)state;
	server_drain();
	loop_stop(server.loop);
	server_drain();
	fake.on_event = NULL;
	web_free(server.web);
	loop_free(server.loop);
	metrics_free(server.metrics);
	settings_free(server.settings);
	char path[128];
	snprintf(path, sizeof path, "%s/" WEB_TOKEN_FILE, server.dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/" WEB_PORT_FILE, server.dir);
	unlink(path);
	rmdir(server.dir);
	fake_reset();
	return 0;
}
