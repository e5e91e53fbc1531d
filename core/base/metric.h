#ifndef EDDY_BASE_METRIC_H
#define EDDY_BASE_METRIC_H

#include <stdint.h>

struct buf;

/*
 * Prometheus metrics (text exposition format 0.0.4).  A metric is made once at start-up, on one thread, and lives as long as its
 * registry; after that adding and setting are atomic and free of locks.  ${labels} is the inside of the braces
 * ("adapter=\"slack\",result=\"ok\"") or NULL; metrics of one name with different labels share one HELP line.
 */
struct metrics;
struct metric;
struct metrics *metrics_new(void);
void metrics_free(struct metrics *ms);
struct metric *metric_counter(struct metrics *ms, const char *name, const char *labels, const char *help);
struct metric *metric_gauge(struct metrics *ms, const char *name, const char *labels, const char *help);
/** Buckets for durations from 0.5 ms to 120 s; observe in milliseconds, exposed in seconds. */
struct metric *metric_duration(struct metrics *ms, const char *name, const char *labels, const char *help);
void metric_add(struct metric *m, int64_t n); /* counter, gauge */
void metric_set(struct metric *m, int64_t v); /* gauge */
int64_t metric_value(const struct metric *m);
void metric_observe_ms(struct metric *m, double ms); /* duration */
/** A gauge read when the page is made, on the thread that renders. */
void metric_gauge_fn(struct metrics *ms, const char *name, const char *labels, const char *help, double (*fn)(void *), void *arg);
void metrics_render(struct metrics *ms, struct buf *out);

#endif
