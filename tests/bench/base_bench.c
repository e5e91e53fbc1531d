/* What the small things cost that every event uses: nanoseconds per operation, best of five rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/id.h"
#include "../../core/base/json.h"
#include "../../core/base/log.h"
#include "../../core/base/map.h"
#include "../../core/base/metric.h"
#include "../../core/base/queue.h"
#include "../../core/talk/doc.h"
#include "../../core/talk/doc_split.h"

static const char answer[] =
    "The deploy of **api** failed at 02:14 because `DATABASE_URL` was missing in the new release. Two ways out:\n\n"
    "1. roll back with `make rollback`\n2. set the key in the [vault](https://vault.example.org/api) and run it again\n\n"
    "I would roll back first, then look at it with Zoë in the morning: nothing else is blocked by it.\n";
static const char event[] =
    "{\"envelope_id\":\"9b7c1f6e-0b0e-4d4f-9a51-0d7b8f0c2a11\",\"type\":\"events_api\",\"accepts_response_payload\":false,"
    "\"retry_attempt\":0,\"retry_reason\":\"\",\"payload\":{\"token\":\"not-used\",\"team_id\":\"T0000000001\",\"context_team_id\":"
    "\"T0000000001\",\"context_enterprise_id\":null,\"api_app_id\":\"A0000000001\",\"event\":{\"user\":\"U0000000042\",\"type\":"
    "\"app_mention\",\"ts\":\"1760000000.000100\",\"client_msg_id\":\"5c4ad5c6-31b4-4b8f-8a63-5b5f5a2d3c11\",\"text\":"
    "\"<@U0000000001> could you look at the deploy that failed last night and tell the team what went wrong?\",\"team\":"
    "\"T0000000001\",\"thread_ts\":\"1750000000.000200\",\"parent_user_id\":\"U0000000007\",\"blocks\":[{\"type\":\"rich_text\","
    "\"block_id\":\"bQk1\",\"elements\":[{\"type\":\"rich_text_section\",\"elements\":[{\"type\":\"user\",\"user_id\":\"U0000000001\"},"
    "{\"type\":\"text\",\"text\":\" could you look at the deploy that failed last night and tell the team what went wrong?\"}]}]}],"
    "\"channel\":\"C0000000009\",\"event_ts\":\"1760000000.000100\"},\"type\":\"event_callback\",\"event_id\":\"Ev0000000123\","
    "\"event_time\":1760000000,\"authorizations\":[{\"enterprise_id\":null,\"team_id\":\"T0000000001\",\"user_id\":\"U0000000001\","
    "\"is_bot\":true,\"is_enterprise_install\":false}],\"is_ext_shared_channel\":false,\"event_context\":\"4-abc\"}}";

static struct buf out;
static struct map *map;
static struct metric *metric, *duration;
static struct queue *queue;
static struct id ids[10000];
static volatile size_t sink;

static void bench_json_escape(long i)
{
	(void)i;
	buf_reset(&out);
	buf_add_json(&out, answer, sizeof answer - 1);
}

static void bench_json_parse(long i)
{
	(void)i;
	json_t *j = NULL;
	if (json_parse(event, sizeof event - 1, 65536, &j, NULL) != ERR_NONE)
		abort();
	json_decref(j);
}

static void bench_id_new(long i)
{
	(void)i;
	sink += id_new().b[15];
}

static void bench_id_named(long i)
{
	char name[48];
	int n = snprintf(name, sizeof name, "m:C0000000009:1760000000.%06ld", i % 1000000);
	sink += id_named(ids[0], 1760000000000, name, (size_t)n).b[15];
}

static void bench_id_format(long i)
{
	char text[ID_TEXT];
	sink += (size_t)id_format(ids[i % 10000], text)[3];
}

static void bench_map_get(long i)
{
	sink += map_get(map, &ids[i * 7919 % 10000], sizeof(struct id)) != NULL;
}

static void bench_metric(long i)
{
	metric_add(metric, 1);
	metric_observe_ms(duration, (double)(i % 100));
}

static void bench_queue(long i)
{
	void *got[1];
	queue_put(queue, &ids[i % 10000]);
	sink += queue_take(queue, got, 1, 0);
}

static void bench_log(long i)
{
	log_info("run.finish", LF_ID("run", ids[i % 10000]), LF_STR("model", "mock"), LF_INT("ms", i), LF_STR("result", "ok"));
}

static void bench_doc_parse(long i)
{
	(void)i;
	doc_free(doc_parse(answer, sizeof answer - 1));
}

static void bench_doc_markdown(long i)
{
	(void)i;
	struct doc *d = doc_parse(answer, sizeof answer - 1);
	buf_reset(&out);
	doc_write_markdown(d, &out);
	doc_free(d);
}

static void bench_doc_split(long i)
{
	(void)i;
	size_t n;
	struct doc *d = doc_parse(answer, sizeof answer - 1);
	struct doc **parts = doc_split(d, 3000, &n);
	doc_parts_free(parts, n);
	doc_free(d);
}

static void run(const char *name, void (*fn)(long), long times)
{
	double best = 0;
	for (int round = 0; round < 5; round++) {
		uint64_t from = clock_us();
		for (long i = 0; i < times; i++)
			fn(i);
		double ns = (double)(clock_us() - from) * 1000 / (double)times;
		best = round == 0 || ns < best ? ns : best;
	}
	printf("%-44s %9.0f ns\n", name, best);
}

int main(void)
{
	map = map_new();
	struct metrics *ms = metrics_new();
	metric = metric_counter(ms, "bench_total", NULL, "x");
	duration = metric_duration(ms, "bench_seconds", NULL, "x");
	queue = queue_new(1024, NULL, NULL);
	for (size_t i = 0; i < 10000; i++) {
		ids[i] = id_new();
		map_put(map, &ids[i], sizeof ids[i], &ids[i]);
	}
	char name[64];
	snprintf(name, sizeof name, "buf_add_json, %zu bytes", sizeof answer - 1);
	run(name, bench_json_escape, 200000);
	snprintf(name, sizeof name, "json_parse + free, Slack-like event, %zu bytes", sizeof event - 1);
	run(name, bench_json_parse, 20000);
	run("id_new", bench_id_new, 200000);
	run("id_named (with building the name)", bench_id_named, 100000);
	run("id_format", bench_id_format, 500000);
	run("map_get, 10,000 ids", bench_map_get, 1000000);
	run("metric_add + metric_observe_ms", bench_metric, 1000000);
	run("queue_put + queue_take", bench_queue, 500000);
	snprintf(name, sizeof name, "doc_parse + free, %zu bytes", sizeof answer - 1);
	run(name, bench_doc_parse, 20000);
	run("doc_parse + doc_write_markdown + free", bench_doc_markdown, 20000);
	run("doc_parse + doc_split + free", bench_doc_split, 20000);
	FILE *null = fopen("/dev/null", "w");
	if (null) {
		log_set_fd(fileno(null));
		run("log_info, four fields, to /dev/null", bench_log, 100000);
		fclose(null);
	}
	queue_free(queue);
	metrics_free(ms);
	map_free(map, NULL);
	buf_done(&out);
	return 0;
}
