/*
 * Metrics form a list of families; a family is a name with its HELP and TYPE and the list of its labelled metrics, in the order in
 * which they were made.  Making is single-threaded; adding touches only atomics of the metric itself.  Durations keep one counter
 * per bucket, not cumulative, so that an observation is two atomic additions and one search; rendering sums up.
 */
#include "metric.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "mem.h"

enum kind { COUNTER, GAUGE, DURATION, GAUGE_FN };
static const char *const kind_names[] = { "counter", "gauge", "histogram", "gauge" };
static const double bounds_ms[] = { 0.5, 1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000, 120000 };
#define BOUNDS (sizeof bounds_ms / sizeof *bounds_ms)

struct metric {
	struct metric *next;
	char *labels;
	_Atomic int64_t value;     /* counter, gauge; duration: sum in microseconds */
	_Atomic uint64_t *buckets; /* duration: BOUNDS + 1 */
	double (*fn)(void *);
	void *arg;
};

struct family {
	struct family *next;
	char *name, *help;
	enum kind kind;
	struct metric *first, **end;
};

struct metrics {
	struct family *first, **end;
};

struct metrics *metrics_new(void)
{
	struct metrics *ms = xcalloc(1, sizeof *ms);
	ms->end = &ms->first;
	return ms;
}

void metrics_free(struct metrics *ms)
{
	if (!ms)
		return;
	for (struct family *f = ms->first, *next; f; f = next) {
		next = f->next;
		for (struct metric *m = f->first, *after; m; m = after) {
			after = m->next;
			free(m->labels);
			free(m->buckets);
			free(m);
		}
		free(f->name);
		free(f->help);
		free(f);
	}
	free(ms);
}

/* Inside quotes a newline, and a backslash that begins no escape, would break the page: write them as escapes. */
static char *clean_labels(const char *labels)
{
	if (!labels)
		return NULL;
	struct buf b = BUF_INIT;
	for (const char *s = labels; *s; s++) {
		if (*s == '\n') {
			buf_add_str(&b, "\\n");
		} else if (*s == '\\' && (s[1] == '\\' || s[1] == '"' || s[1] == 'n')) {
			buf_add(&b, s++, 2);
		} else if (*s == '\\') {
			buf_add_str(&b, "\\\\");
		} else {
			buf_add_char(&b, *s);
		}
	}
	return buf_detach(&b, NULL);
}

static struct metric *make(struct metrics *ms, enum kind kind, const char *name, const char *labels, const char *help)
{
	struct family *f = ms->first;
	while (f && strcmp(f->name, name) != 0)
		f = f->next;
	if (!f) {
		f = xcalloc(1, sizeof *f);
		f->name = xstrdup(name);
		f->help = xstrdup(help ? help : "");
		f->kind = kind;
		f->end = &f->first;
		*ms->end = f;
		ms->end = &f->next;
	}
	if (strcmp(kind_names[f->kind], kind_names[kind]) != 0)
		abort(); /* one name, two types: a bug that no scraper would accept */
	char *clean = clean_labels(labels && *labels ? labels : NULL);
	for (struct metric *m = f->first; m; m = m->next) {
		if ((!clean && !m->labels) || (clean && m->labels && strcmp(clean, m->labels) == 0)) {
			free(clean);
			return m;
		}
	}
	struct metric *m = xcalloc(1, sizeof *m);
	m->labels = clean;
	if (kind == DURATION)
		m->buckets = xcalloc(BOUNDS + 1, sizeof *m->buckets);
	*f->end = m;
	f->end = &m->next;
	return m;
}

struct metric *metric_counter(struct metrics *ms, const char *name, const char *labels, const char *help)
{
	return make(ms, COUNTER, name, labels, help);
}

struct metric *metric_gauge(struct metrics *ms, const char *name, const char *labels, const char *help)
{
	return make(ms, GAUGE, name, labels, help);
}

struct metric *metric_duration(struct metrics *ms, const char *name, const char *labels, const char *help)
{
	return make(ms, DURATION, name, labels, help);
}

void metric_gauge_fn(struct metrics *ms, const char *name, const char *labels, const char *help, double (*fn)(void *), void *arg)
{
	struct metric *m = make(ms, GAUGE_FN, name, labels, help);
	m->fn = fn;
	m->arg = arg;
}

void metric_add(struct metric *m, int64_t n)
{
	atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}

void metric_set(struct metric *m, int64_t v)
{
	atomic_store_explicit(&m->value, v, memory_order_relaxed);
}

int64_t metric_value(const struct metric *m)
{
	return atomic_load_explicit(&m->value, memory_order_relaxed);
}

void metric_observe_ms(struct metric *m, double ms)
{
	if (!(ms > 0)) /* NaN too */
		ms = 0;
	if (ms > 1e12)
		ms = 1e12;
	size_t i = 0;
	while (i < BOUNDS && ms > bounds_ms[i])
		i++;
	atomic_fetch_add_explicit(&m->buckets[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&m->value, (int64_t)(ms * 1000), memory_order_relaxed);
}

static void add_name(struct buf *out, const char *name, const char *suffix, const char *labels, const char *bound)
{
	buf_addf(out, "%s%s", name, suffix);
	if (!labels && !bound)
		return;
	buf_addf(out, "{%s%s", labels ? labels : "", labels && bound ? "," : "");
	if (bound)
		buf_addf(out, "le=\"%s\"", bound);
	buf_add_char(out, '}');
}

static void render_duration(struct buf *out, const char *name, const struct metric *m)
{
	uint64_t total = 0;
	for (size_t i = 0; i <= BOUNDS; i++) {
		struct buf bound = BUF_INIT;
		if (i < BOUNDS)
			buf_addf(&bound, "%g", bounds_ms[i] / 1000);
		else
			buf_add_str(&bound, "+Inf");
		total += atomic_load_explicit(&m->buckets[i], memory_order_relaxed);
		add_name(out, name, "_bucket", m->labels, bound.p);
		buf_addf(out, " %" PRIu64 "\n", total);
		buf_done(&bound);
	}
	add_name(out, name, "_sum", m->labels, NULL);
	buf_addf(out, " %.6f\n", (double)metric_value(m) / 1e6);
	add_name(out, name, "_count", m->labels, NULL);
	buf_addf(out, " %" PRIu64 "\n", total);
}

static void render_number(struct buf *out, double v)
{
	if (isnan(v))
		buf_add_str(out, " NaN\n");
	else if (isinf(v))
		buf_add_str(out, v > 0 ? " +Inf\n" : " -Inf\n");
	else
		buf_addf(out, " %.15g\n", v);
}

void metrics_render(struct metrics *ms, struct buf *out)
{
	for (const struct family *f = ms->first; f; f = f->next) {
		buf_addf(out, "# HELP %s ", f->name);
		for (const char *s = f->help; *s; s++) {
			if (*s == '\n')
				buf_add_str(out, "\\n");
			else if (*s == '\\')
				buf_add_str(out, "\\\\");
			else
				buf_add_char(out, *s);
		}
		buf_addf(out, "\n# TYPE %s %s\n", f->name, kind_names[f->kind]);
		for (const struct metric *m = f->first; m; m = m->next) {
			if (m->buckets) {
				render_duration(out, f->name, m);
				continue;
			}
			add_name(out, f->name, "", m->labels, NULL);
			if (m->fn)
				render_number(out, m->fn(m->arg));
			else
				buf_addf(out, " %" PRId64 "\n", metric_value(m));
		}
	}
}
