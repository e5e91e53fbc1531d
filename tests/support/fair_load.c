#include "fair_load.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../core/base/clock.h"
#include "../../core/base/mem.h"

#define QUIET_MAX 4096

struct fair_load {
	struct fixture *f;
	struct id flood;
	long asked, floods;
	uint64_t at_us[QUIET_MAX];
	atomic_ullong took_us[QUIET_MAX];
	atomic_long flooded, taken, quiet;
};

static void on_whole(void *arg, const struct reply *r)
{
	struct fair_load *l = arg;
	char origin[32];
	snprintf(origin, sizeof origin, "%.*s", (int)r->origin_len, (const char *)r->origin);
	if (origin[0] != 'q') {
		atomic_fetch_add(&l->flooded, 1);
		return;
	}
	long i = atol(origin + 1);
	if (i >= 0 && i < QUIET_MAX && atomic_exchange(&l->took_us[i], clock_us() - l->at_us[i]) == 0)
		atomic_fetch_add(&l->quiet, 1);
}

struct fair_load *fair_load_new(uint32_t model_ms, const char *settings)
{
	struct fair_load *l = xcalloc(1, sizeof *l);
	l->f = fixture_new(&(struct fixture_options){
	    .quick = true, .caps = CAP_EDIT, .on_whole = on_whole, .arg = l, .model_ms = model_ms, .settings = settings });
	if (engine_install(fixture_engine(l->f), "test", "T-FLOOD", "flood", false, &l->flood) != ERR_NONE)
		abort();
	return l;
}

void fair_load_free(struct fair_load *l)
{
	fixture_free(l->f);
	free(l);
}

static void ask(struct fair_load *l, bool quiet, long n)
{
	char key[48], source[64], origin[32], person[32];
	snprintf(key, sizeof key, "%c.%ld", quiet ? 'q' : 'f', n);
	snprintf(source, sizeof source, "m:%s", key);
	snprintf(origin, sizeof origin, "%c%ld", quiet ? 'q' : 'f', n);
	snprintf(person, sizeof person, "U%ld", n % 50);
	struct intent in = { .kind = INTENT_MESSAGE_POSTED,
		.ws = quiet ? fixture_ws(l->f) : l->flood,
		.adapter = "test",
		.source_key = source,
		.message_key = key,
		.thread_key = key,
		.person = { .external_id = person },
		.place = { .external_id = quiet ? "CQ" : "CF", .visibility = VIS_PUBLIC, .eddy_is_member = true },
		.text = "what was it that we said about the deploy",
		.text_len = 41,
		.mentions_us = true,
		.is_thread_root = true,
		.origin = origin,
		.origin_len = strlen(origin) };
	if (quiet)
		l->at_us[n] = clock_us();
	bool taken;
	while (!(taken = engine_accept(fixture_engine(l->f), &in, NULL, NULL)) && quiet)
		usleep(1000);
	if (taken && !quiet)
		atomic_fetch_add(&l->taken, 1);
}

static int by_size(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;
	return (a > b) - (a < b);
}

double fair_p95(double *times, size_t n)
{
	qsort(times, n, sizeof *times, by_size);
	return n > 0 ? times[n * 95 / 100] : -1;
}

size_t fair_load_times(struct fair_load *l, unsigned quiet_per_s, unsigned flood_per_s, uint32_t ms, double *out, size_t room)
{
	long first = l->asked, sent_quiet = 0, sent_flood = 0;
	uint64_t t0 = clock_us();
	for (uint64_t now = 0; now < ms * 1000ull; now = clock_us() - t0) {
		for (; (uint64_t)sent_flood * 1000000 < now * flood_per_s; sent_flood++)
			ask(l, false, l->floods++);
		for (; (uint64_t)sent_quiet * 1000000 < now * quiet_per_s && l->asked < QUIET_MAX; sent_quiet++)
			ask(l, true, l->asked++);
		usleep(500);
	}
	for (int i = 0; i < 60000 && atomic_load(&l->quiet) < l->asked; i++)
		usleep(1000);
	size_t n = 0, wanted = (size_t)(l->asked - first);
	for (long i = first; i < l->asked && n < room; i++)
		if (atomic_load(&l->took_us[i]) > 0)
			out[n++] = (double)atomic_load(&l->took_us[i]) / 1000.0;
	return n < wanted && n < room ? 0 : n;
}

double fair_load_p95(struct fair_load *l, unsigned quiet_per_s, unsigned flood_per_s, uint32_t ms)
{
	double *took = xcalloc(QUIET_MAX, sizeof *took);
	double p95 = fair_p95(took, fair_load_times(l, quiet_per_s, flood_per_s, ms, took, QUIET_MAX));
	free(took);
	return p95;
}

bool fair_load_drain(struct fair_load *l, uint32_t ms)
{
	for (uint32_t i = 0; i < ms && atomic_load(&l->flooded) < atomic_load(&l->taken); i++)
		usleep(1000);
	return atomic_load(&l->flooded) >= atomic_load(&l->taken);
}

long fair_load_taken(struct fair_load *l)
{
	return atomic_load(&l->taken);
}

long fair_load_flooded(struct fair_load *l)
{
	return atomic_load(&l->flooded);
}
