/*
 * `eddy serve`: builds the program from its parts in the order in which they need each other, waits for a signal, and takes it apart in
 * the opposite order.  Everything that can be refused is refused before anything is started.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/base/metric.h"
#include "../../core/engine/engine.h"
#include "../../core/engine/fetcher.h"
#include "../../core/ports.h"
#include "../../core/store/purge.h"
#include "../../core/store/store.h"
#include "../../core/version.h"
#include "../model/model.h"
#include "../net/guest.h"
#include "../net/http.h"
#include "../net/loop.h"
#include "../net/trust.h"
#include "../tracker/fetch.h"
#include "cli.h"
#include "notify.h"

#define DRAIN_MS 25000
#define DOORS_MAX 8

struct server {
	struct cli *cli;
	struct store *store;
	struct metrics *metrics;
	struct http *http;
	struct loop *loop;
	struct guests *guests;
	struct model *model;
	struct fetcher *fetcher;
	struct engine *engine;
	struct adapter *adapters[DOORS_MAX]; /* by row of the table; NULL: not configured */
	bool engine_runs, loop_runs;
	uint64_t began_ms;
};

static bool check_doors(struct cli *c, char *why, size_t why_n)
{
	for (const struct door *d = c->doors; d->name != NULL; d++)
		if (d->check(c->settings, c->insecure, why, why_n) != ERR_NONE)
			return false;
	return true;
}

static enum err open_parts(struct server *s, char *why, size_t why_n)
{
	/* What one thread allocates another frees here all the time; an arena for each thread would hold the sum of all their peaks. */
	mallopt(M_ARENA_MAX, 2);
	struct cli *c = s->cli;
	enum err e;
	const char *data_dir = cli_data_dir(c);
	const struct store_options so = { .url = settings_str(c->settings, "database.url"),
		.admin_url = settings_str(c->settings, "database.admin_url"),
		.data_dir = data_dir };
	if ((e = store_open(&s->store, &so, why, why_n)) != ERR_NONE)
		return e;
	if ((e = cli_unseal(c, store_url(s->store), why, why_n)) != ERR_NONE)
		return e;
	if (!check_doors(c, why, why_n))
		return ERR_INPUT;
	/* From here on threads are made; the signals that end us are for this one, which waits for them. */
	sigset_t ends;
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	struct purge_options purge = { .rewrite_bytes = settings_int(c->settings, "erasure.rewrite_mb") << 20 };
	if (!purge_hours(settings_str(c->settings, "erasure.quiet_hours"), &purge.quiet_from, &purge.quiet_to)) {
		snprintf(why, why_n, "erasure.quiet_hours is two hours of the day, such as 2-5");
		return ERR_INPUT;
	}
	store_watch(s->store, &purge);
	s->metrics = metrics_new();
	if ((e = http_new(&s->http, s->metrics, settings_str(c->settings, "net.ca_file"))) != ERR_NONE) {
		snprintf(why, why_n, "cannot start the http engine");
		return e;
	}
	if ((e = loop_new(&s->loop, s->metrics)) != ERR_NONE) {
		snprintf(why, why_n, "cannot start the loop");
		return e;
	}
	s->guests = guests_new(s->loop);
	loop_trust(s->loop, settings_str(c->settings, "net.ca_file"));
	if ((s->model = model_open(c->settings, s->http, s->metrics, why, why_n)) == NULL)
		return ERR_INPUT;
	const struct engine_options eo = { .settings = c->settings,
		.metrics = s->metrics,
		.model = s->model,
		.database_url = store_url(s->store),
		.data_dir = data_dir };
	if ((e = engine_open(&s->engine, &eo, why, why_n)) != ERR_NONE)
		return e;
	engine_use_fetcher(s->engine, s->fetcher = fetch_open(s->http));
	const struct door_options o = { .settings = c->settings,
		.metrics = s->metrics,
		.engine = s->engine,
		.loop = s->loop,
		.http = s->http,
		.guests = s->guests,
		.data_dir = data_dir,
		.insecure = c->insecure };
	for (size_t i = 0; c->doors[i].name != NULL; i++) {
		if (!c->doors[i].configured(c->settings))
			continue;
		if ((e = c->doors[i].open(&s->adapters[i], &o, why, why_n)) != ERR_NONE)
			return e;
		engine_add_adapter(s->engine, c->doors[i].ops, s->adapters[i]);
	}
	if ((e = engine_start(s->engine)) != ERR_NONE) {
		snprintf(why, why_n, "the engine does not start");
		return e;
	}
	s->engine_runs = true;
	if ((e = loop_start(s->loop, why, why_n)) != ERR_NONE)
		return e;
	s->loop_runs = true;
	for (size_t i = 0; c->doors[i].name != NULL; i++)
		if (s->adapters[i] != NULL && c->doors[i].start != NULL)
			c->doors[i].start(s->adapters[i]);
	return ERR_NONE;
}

static void close_parts(struct server *s)
{
	const struct door *doors = s->cli->doors;
	for (size_t i = 0; doors[i].name != NULL; i++)
		if (s->adapters[i] != NULL && s->loop_runs)
			doors[i].stop(s->adapters[i]);
	if (s->engine_runs)
		engine_drain(s->engine, DRAIN_MS);
	/* What still wants out is let go while its threads and the engine are there to hear of it. */
	for (size_t i = 0; doors[i].name != NULL; i++)
		if (s->adapters[i] != NULL && s->loop_runs)
			doors[i].leave(s->adapters[i]);
	if (s->loop != NULL)
		loop_stop(s->loop);
	if (s->http != NULL)
		http_stop(s->http);
	engine_free(s->engine);
	for (size_t i = 0; doors[i].name != NULL; i++)
		doors[i].free(s->adapters[i]);
	model_close(s->model);
	fetch_close(s->fetcher);
	guests_free(s->guests);
	loop_free(s->loop);
	http_free(s->http);
	metrics_free(s->metrics);
	store_close(s->store);
}

/* A secret that works once: for somebody who looks on, not for the journal of a service. */
static void print_link(struct server *s)
{
	struct cli *c = s->cli;
	struct buf link = BUF_INIT;
	bool wanted = c->link || isatty(STDOUT_FILENO);
	for (size_t i = 0; c->doors[i].name != NULL; i++)
		if (s->adapters[i] != NULL && c->doors[i].link != NULL && wanted &&
		    c->doors[i].link(s->adapters[i], &link) == ERR_NONE)
			printf("\nOpen %s\n  (logs you in once, within ten minutes; another: %s login)\n", link.p,
			    program_invocation_name);
	if (!wanted)
		printf("  page       %s login prints a link\n", program_invocation_name);
	if (link.p != NULL)
		explicit_bzero(link.p, link.len);
	buf_done(&link);
}

/* Five lines: what is connected, and how to connect the rest. */
static void print_summary(struct server *s)
{
	struct cli *c = s->cli;
	char line[512], web[256] = "";
	for (size_t i = 0; c->doors[i].name != NULL; i++)
		if (strcmp(c->doors[i].name, "web") == 0)
			c->doors[i].ops->describe(s->adapters[i], web, sizeof web);
	printf("Eddy %s is ready at %s (started in %llu ms)\n", EDDY_VERSION, web, (unsigned long long)(clock_ms() - s->began_ms));
	printf("  database   %s\n", store_describe(s->store));
	s->model->ops->describe(s->model, line, sizeof line);
	bool builtin = strcmp(settings_model_provider(c->settings), "builtin") == 0;
	printf("  model      %s%s\n", line,
	    builtin ? "; for a real one set ANTHROPIC_API_KEY, OPENAI_API_KEY, or model.base_url for a local server" : "");
	for (size_t i = 0; c->doors[i].name != NULL; i++) {
		if (strcmp(c->doors[i].name, "web") == 0)
			continue;
		if (s->adapters[i] != NULL)
			c->doors[i].ops->describe(s->adapters[i], line, sizeof line);
		else
			snprintf(line, sizeof line, "not connected; %s", c->doors[i].how);
		printf("  %-9s  %s\n", c->doors[i].name, line);
	}
	printf("  terminal   %s chat\n", program_invocation_name);
	const char *wanted = settings_str(c->settings, "web.listen");
	if (strstr(web, wanted) == NULL && !settings_is_set(c->settings, "web.listen"))
		printf("  note       another program has %s, so a free port was taken; web.listen chooses one\n", wanted);
	print_link(s);
	fflush(stdout);
	if (store_note(s->store) != NULL)
		cli_complain("%s", store_note(s->store));
}

static enum err make_data_dir(const char *dir, char *why, size_t why_n)
{
	char *path = xstrdup(dir);
	for (char *p = path + 1; *p != '\0'; p++)
		if (*p == '/') {
			*p = '\0';
			(void)mkdir(path, 0755);
			*p = '/';
		}
	bool made = mkdir(path, 0711) == 0; /* the database's user passes through it */
	enum err e = ERR_NONE;
	if ((!made && errno != EEXIST) || access(path, R_OK | W_OK | X_OK) != 0) {
		snprintf(why, why_n, "data_dir: cannot use %s: %s; set data_dir to a folder of yours", dir, strerror(errno));
		e = ERR_INPUT;
	}
	free(path);
	return e;
}

static int wait_for_end(void)
{
	sigset_t ends;
	int sig = 0;
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	while (sigwait(&ends, &sig) != 0)
		;
	/* A second one means it. */
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	pthread_sigmask(SIG_UNBLOCK, &ends, NULL);
	return sig;
}

int cmd_serve(struct cli *c)
{
	struct server s = { .cli = c, .began_ms = clock_ms() };
	char why[512] = "";
	int r = cli_settings(c);
	if (r != EXIT_OK)
		return r;
	/* Where there is a master key, what is missing may be sealed in the database: then it is refused when that has been read. */
	if (!check_doors(c, why, sizeof why) && !cli_may_unseal(c)) {
		cli_complain("%s", why);
		return EXIT_SETTINGS;
	}
	if (trust_check(settings_str(c->settings, "net.ca_file"), why, sizeof why) != ERR_NONE) {
		cli_complain("%s", why);
		return EXIT_SETTINGS;
	}
	if (make_data_dir(cli_data_dir(c), why, sizeof why) != ERR_NONE) {
		cli_complain("%s", why);
		return EXIT_SETTINGS;
	}
	enum err e = open_parts(&s, why, sizeof why);
	if (e == ERR_NONE) {
		print_summary(&s);
		log_info("serve.ready", LF_STR("version", EDDY_VERSION), LF_INT("ms", clock_ms() - s.began_ms));
		notify_systemd("READY=1");
		int sig = wait_for_end();
		notify_systemd("STOPPING=1");
		log_info("serve.stop", LF_STR("signal", sig == SIGINT ? "INT" : "TERM"));
	} else {
		cli_complain("%s", why);
		log_error("serve.refused", LF_STR("why", why), LF_STR("result", err_name(e)));
	}
	uint64_t from = clock_ms();
	close_parts(&s);
	if (e == ERR_NONE)
		log_info("serve.end", LF_INT("ms", clock_ms() - from), LF_STR("result", "ok"));
	/* A role that may do too much is a matter of settings as well: starting again does not help. */
	return e == ERR_NONE ? EXIT_OK : e == ERR_INPUT || e == ERR_DENIED ? EXIT_SETTINGS : EXIT_FAILED;
}
