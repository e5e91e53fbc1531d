/*
 * The whole daemon under load between the project's own fakes, case by case: events per second, time to the acknowledgement (after
 * COMMIT) and to the reply over the model's own time, processor time, memory, and what was lost or said twice.  The fake Slack
 * sends and measures (tests/fakes/load.c).  `make bench` runs all cases; arguments name some of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../system/harness.h"

struct load_case {
	const char *name, *what;
	int events, warmup, conversations, rate, first_ms;
	const char *stream, *limits;
	const char *slack_options; /* JSON for /control/options */
	const char *model_options;
	int kill_after_ms; /* kill -9 and start again at this moment */
};

static const struct load_case cases[] = {
	{ "post", "200 conversations, model at once, posted", 30000, 3000, 200, 0, 0, "off", "adaptive", NULL, NULL, 0 },
	{ "stream", "200 conversations, model at once, streamed", 20000, 2000, 200, 0, 0, "auto", "adaptive", NULL, NULL, 0 },
	{ "slow-model", "1000 conversations, first byte after 1 s", 8000, 2000, 1000, 0, 1000, "off", "adaptive", NULL, NULL, 0 },
	{ "rate", "100 events/s, 1000 conversations", 1500, 200, 1000, 100, 0, "off", "adaptive", NULL, NULL, 0 },
	{ "busy", "100 events/s, 2 % of posts answered 429 for 1 s", 1500, 200, 1000, 100, 0, "off", "adaptive", "{\"p429\":0.02}",
	    NULL, 0 },
	{ "refresh", "100 events/s, link refreshed every 4 s", 1500, 200, 1000, 100, 0, "off", "adaptive",
	    "{\"refresh_every_ms\":4000}", NULL, 0 },
	{ "cut", "100 events/s, 5 % of model streams cut", 1500, 200, 1000, 100, 0, "off", "adaptive", NULL,
	    "{\"pcut\":0.05,\"words\":20}", 0 },
	{ "kill", "100 events/s, kill -9 in the middle", 1500, 0, 1000, 100, 500, "off", "adaptive", NULL, NULL, 7000 },
};

static double cpu_seconds(pid_t pid)
{
	char path[64], text[1024];
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "r");
	if (f == NULL)
		return 0;
	size_t n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = '\0';
	char *p = strrchr(text, ')');
	unsigned long user = 0, system_time = 0;
	if (p == NULL || sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system_time) != 2)
		return 0;
	return (double)(user + system_time) / (double)sysconf(_SC_CLK_TCK);
}

static double memory_mb(pid_t pid, const char *which)
{
	char path[64], line[256];
	long kb = 0;
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "r");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, which, strlen(which)) == 0)
			kb = strtol(line + strlen(which) + 1, NULL, 10);
	fclose(f);
	return (double)kb / 1024;
}

static double at(const json_t *o, const char *group, const char *key)
{
	return json_number_value(json_object_get(json_object_get(o, group), key));
}

static int run(const struct load_case *c)
{
	static const char *const slack[] = { "--echo=false", "--journal=false", "--keep=false", NULL };
	static const char *const model[] = { "--keep=false", NULL };
	struct rig r;
	char text[64];
	rig_open(&r, slack, model);
	rig_env(&r, strcmp(c->stream, "off") == 0 ? "EDDY_SLACK_STREAM=off" : "EDDY_SLACK_STREAM=auto");
	rig_env(&r, "EDDY_SLACK_LIMITS=adaptive");
	rig_env(&r, "EDDY_LOG_LEVEL=warn");
	rig_env(&r, "EDDY_ENGINE_LEASE=");
	rig_env(&r, "EDDY_ENGINE_HEARTBEAT=");
	rig_env(&r, "EDDY_ENGINE_SCAN=");
	json_t *o = c->slack_options != NULL ? json_loads(c->slack_options, 0, NULL) : NULL;
	if (o != NULL)
		fake_tell(&r.slack, "options", "o", o);
	o = c->model_options != NULL ? json_loads(c->model_options, 0, NULL) : NULL;
	if (o != NULL)
		fake_tell(&r.model, "options", "o", o);
	fake_tell(&r.model, "options", "{s:i}", "first_ms", c->first_ms);
	int64_t t0 = now_ms();
	rig_serve(&r, 0, NULL);
	int64_t started = now_ms() - t0;
	double idle = memory_mb(r.d[0].pid, "VmRSS:"), cpu = cpu_seconds(r.d[0].pid);
	fake_tell(&r.slack, "load", "{s:i, s:i, s:i, s:i, s:i, s:i}", "events", c->events, "warmup", c->warmup, "conversations",
	    c->conversations, "rate", c->rate, "model_ms", c->first_ms, "timeout_ms", c->kill_after_ms > 0 ? 60000 : 30000);
	t0 = now_ms();
	bool killed = c->kill_after_ms == 0;
	double peak = 0, spent = 0;
	json_t *result = NULL;
	for (;;) {
		sleep_ms(50);
		if (!killed && now_ms() - t0 > c->kill_after_ms) {
			spent = cpu_seconds(r.d[0].pid) - cpu;
			rig_kill(&r, 0);
			rig_serve(&r, 0, NULL);
			cpu = 0;
			killed = true;
		}
		double m = memory_mb(r.d[0].pid, "VmHWM:");
		peak = m > peak ? m : peak;
		json_decref(result);
		result = fake_control(&r.slack, "load_result", NULL);
		if (!json_is_true(json_object_get(result, "running")) || now_ms() - t0 > 180000)
			break;
	}
	spent += cpu_seconds(r.d[0].pid) - cpu;
	double done = (double)json_integer_value(json_object_get(result, "done"));
	snprintf(text, sizeof text, "%s", c->name);
	printf("%-10s %8.0f %9.0f %7.1f %7.1f %8.1f %8.1f %8.1f %6.0f %6.0f %5lld %5lld %6lld\n", text,
	    json_number_value(json_object_get(result, "per_second")), done > 0 ? spent * 1e6 / done : 0,
	    at(result, "ack", "p50_ms"), at(result, "ack", "p99_ms"), at(result, "ack", "max_ms"),
	    at(result, "over_model", "p50_ms"), at(result, "over_model", "p99_ms"), idle, peak,
	    (long long)json_integer_value(json_object_get(result, "lost")),
	    (long long)json_integer_value(json_object_get(result, "twice")), (long long)started);
	fflush(stdout);
	int bad = json_integer_value(json_object_get(result, "lost")) != 0 ||
	    json_integer_value(json_object_get(result, "twice")) != 0 ||
	    json_integer_value(json_object_get(result, "wrong")) != 0 || done < c->events;
	json_decref(result);
	rig_close(&r);
	return bad;
}

int main(int argc, char **argv)
{
	int bad = 0;
	printf("case        events/s  us/event  ack p50     p99      max reply p50     p99  RSS MB   peak  lost twice  start\n"
	       "                       (CPU)     (ms)    (ms)     (ms)  over model (ms)          (MB)              (ms)\n");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool wanted = argc < 2;
		for (int k = 1; k < argc; k++)
			wanted |= strcmp(argv[k], cases[i].name) == 0;
		if (wanted)
			bad |= run(&cases[i]);
	}
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		printf("%-10s %s\n", cases[i].name, cases[i].what);
	return bad;
}
