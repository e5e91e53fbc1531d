/* The metrics page, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "../../../core/base/buf.h"
#include "../../../core/base/metric.h"

static double seven(void *arg)
{
	return *(double *)arg;
}

static void metrics_render__writes__each_family_once(void **state)
{
	(void)state;
	struct metrics *ms = metrics_new();
	struct buf b = BUF_INIT;
	double value = 7.5, none = NAN;
	struct metric *ok = metric_counter(ms, "eddy_posts_total", "result=\"ok\"", "Posts by\nresult \\ all");
	struct metric *depth = metric_gauge(ms, "eddy_queue_depth", NULL, "Depth");
	struct metric *bad = metric_counter(ms, "eddy_posts_total", "result=\"a\nb\\c\\\"\"", "ignored");
	metric_gauge_fn(ms, "eddy_rss_bytes", "", "Memory", seven, &value);
	metric_gauge_fn(ms, "eddy_nan", NULL, "None", seven, &none);
	assert_ptr_equal(metric_counter(ms, "eddy_posts_total", "result=\"ok\"", "x"), ok);
	metric_add(ok, 3);
	metric_add(bad, 1);
	metric_set(depth, 9);
	metric_add(depth, -11);
	assert_int_equal(metric_value(depth), -2);
	metrics_render(ms, &b);
	assert_string_equal(b.p,
	    "# HELP eddy_posts_total Posts by\\nresult \\\\ all\n# TYPE eddy_posts_total counter\n"
	    "eddy_posts_total{result=\"ok\"} 3\neddy_posts_total{result=\"a\\nb\\\\c\\\"\"} 1\n"
	    "# HELP eddy_queue_depth Depth\n# TYPE eddy_queue_depth gauge\neddy_queue_depth -2\n"
	    "# HELP eddy_rss_bytes Memory\n# TYPE eddy_rss_bytes gauge\neddy_rss_bytes 7.5\n"
	    "# HELP eddy_nan None\n# TYPE eddy_nan gauge\neddy_nan NaN\n");
	metrics_free(ms);
	metrics_free(NULL);
	buf_done(&b);
}

static void metric_observe_ms__fills__cumulative_buckets_in_seconds(void **state)
{
	(void)state;
	struct metrics *ms = metrics_new();
	struct buf b = BUF_INIT;
	struct metric *m = metric_duration(ms, "eddy_ack_seconds", "adapter=\"x\"", "Ack");
	static const double values[] = { 0.4, 0.5, 3, 3.01, 130000, -5, NAN };
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		metric_observe_ms(m, values[i]);
	metrics_render(ms, &b);
	assert_non_null(strstr(b.p, "# TYPE eddy_ack_seconds histogram\n"));
	assert_non_null(strstr(b.p, "eddy_ack_seconds_bucket{adapter=\"x\",le=\"0.0005\"} 4\n"));
	assert_non_null(strstr(b.p, "eddy_ack_seconds_bucket{adapter=\"x\",le=\"0.003\"} 5\n"));
	assert_non_null(strstr(b.p, "eddy_ack_seconds_bucket{adapter=\"x\",le=\"0.005\"} 6\n"));
	assert_non_null(strstr(b.p, "eddy_ack_seconds_bucket{adapter=\"x\",le=\"120\"} 6\n"));
	assert_non_null(strstr(b.p, "eddy_ack_seconds_bucket{adapter=\"x\",le=\"+Inf\"} 7\n"));
	assert_non_null(strstr(b.p, "eddy_ack_seconds_sum{adapter=\"x\"} 130.006910\n"));
	assert_non_null(strstr(b.p, "eddy_ack_seconds_count{adapter=\"x\"} 7\n"));
	metrics_free(ms);
	buf_done(&b);
}

static void *add_many(void *m)
{
	for (int i = 0; i < 50000; i++)
		metric_add(m, 1);
	return NULL;
}

static void metric_add__counts__right_from_many_threads(void **state)
{
	(void)state;
	struct metrics *ms = metrics_new();
	struct metric *m = metric_counter(ms, "eddy_x_total", NULL, "x");
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, add_many, m);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(metric_value(m), 200000);
	metrics_free(ms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_render__writes__each_family_once),
		cmocka_unit_test(metric_observe_ms__fills__cumulative_buckets_in_seconds),
		cmocka_unit_test(metric_add__counts__right_from_many_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
