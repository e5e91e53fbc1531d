/*
 * Search among many messages, by the daemon's own code as its runtime role, under row security:
 *   search [MESSAGES]   1,000,000 messages in 200 workspaces and 5,000 channels unless said otherwise
 * Each kind of question is asked many times in the workspace that has a fifth of all messages and in a small one; a question is what the
 * search command does: who may read what, the words' forms, finding, ranking, the page's messages with names, quotes with their words marked.  Beside
 * it the plain way in the same run: an index on the words alone, every match ranked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/talk/find.h"
#include "../support/corpus.h"
#include "../support/db.h"

#define ROUNDS 60
#define PLAIN_ROUNDS 3

static const struct kind {
	const char *name, *text; /* # in it becomes a number below ${variants} */
	int variants;
	const char *plain; /* for to_tsquery(); NULL: not asked the plain way */
	bool prefix;
} kinds[] = {
	{ "rare", "quasar#", 10, "quasar#", false },
	{ "1 %", "kappa#", 4, "kappa#", false },
	{ "10 %", "sigma#", 2, "sigma#", false },
	{ "50 %", "delta#", 2, "delta#", false },
	{ "two words, 0.1 %", "kappa# sigma1", 4, "kappa# & sigma1", false },
	{ "two words, 5 %", "delta# sigma1", 2, "delta# & sigma1", false },
	{ "phrase, 10 %", "\"quarterly report\"", 1, "quarterly <-> report", false },
	{ "phrase, 0.02 %, of words in 5 %", "\"mu nu\"", 1, "mu <-> nu", false },
	{ "none: not a word of it", "nowhere#", 9, "nowhere#", false },
	{ "alternatives", "kappa# OR quasar1", 4, "kappa# | quasar1", false },
	{ "unfinished word, typing", "quas", 1, "quas:*", true },
	{ "unfinished word, frequent", "de", 1, NULL, true },
	{ "10 % in one channel", "sigma# in:%s", 2, NULL, false },
	{ "10 % by one person", "sigma# from:\"Person 7\"", 2, NULL, false },
	{ "no words, one channel", "in:%s", 1, NULL, false },
	{ "no words, one person", "from:\"Person 20\"", 1, NULL, false },
	{ "no words, with a link", "has:link", 1, NULL, false },
	{ "old: 10 % before a day", "sigma# before:2025-12-01", 2, NULL, false },
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };
static const struct pg_statement *const tables[] = { search_statements, find_statements, NULL };
static const char *const languages[] = { "english" };

static void fill(struct buf *out, const char *form, int number, const char *channel)
{
	buf_reset(out);
	buf_reserve(out, 1);
	for (const char *s = form; *s != '\0'; s++) {
		if (*s == '#')
			buf_add_int(out, number);
		else if (s[0] == '%' && s[1] == 's')
			buf_add_str(out, channel), s++;
		else
			buf_add_char(out, *s);
	}
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static double at(const double *ms, int n, double share)
{
	int i = (int)((double)n * share);
	return ms[i >= n ? n - 1 : i];
}

static int64_t ask(struct pg *pg, struct id ws, struct id thread, struct id person, const char *text, bool prefix, bool *capped)
{
	struct find_request r;
	struct find_result f;
	struct buf problem = BUF_INIT;
	if (!find_request_read(text, strlen(text), NULL, 1795232136471, &r, &problem)) {
		fprintf(stderr, "%s: %s\n", text, problem.p);
		exit(1);
	}
	struct find_ask a = { .scope = { .ws = ws, .thread = thread, .person = person },
		.languages = languages,
		.languages_len = 1,
		.prefix = prefix,
		.limit = FIND_PAGE,
		.snippet = 220 };
	if (pg_begin(pg, ws) != ERR_NONE || find_run(pg, &a, &r, &f) != ERR_NONE || pg_commit(pg) != ERR_NONE) {
		fprintf(stderr, "%s: failed\n", text);
		exit(1);
	}
	int64_t total = f.loose ? 0 : f.total;
	*capped = f.at_least;
	find_result_done(&f);
	find_request_done(&r);
	return total;
}

/* Nanoseconds on a processor so far: the server's process that serves us, and ours. */
static uint64_t on_cpu(struct pg *pg)
{
	uint64_t sum = 0;
	const int pids[2] = { PQbackendPID(pg_conn(pg)), (int)getpid() };
	for (int i = 0; i < 2; i++) {
		char path[64];
		unsigned long long ns = 0;
		snprintf(path, sizeof path, "/proc/%d/schedstat", pids[i]);
		FILE *f = fopen(path, "r");
		if (f != NULL && fscanf(f, "%llu", &ns) == 1)
			sum += ns;
		if (f != NULL)
			fclose(f);
	}
	return sum;
}

static double measure(struct pg *pg, int workspace, double plain[KINDS], double p50s[KINDS])
{
	double worst = 0;
	struct id ws = corpus_workspace(workspace), thread = corpus_thread(workspace), person = corpus_person(workspace, 3);
	char sql[200], channel[64];
	snprintf(sql, sizeof sql,
	    "SELECT name FROM eddy.places WHERE ws = md5('ws%d')::uuid AND visibility = 4 ORDER BY name DESC LIMIT 1", workspace);
	snprintf(channel, sizeof channel, "%s", test_db_value(sql));
	struct buf text = BUF_INIT;
	for (int k = 0; k < KINDS; k++) {
		double ms[ROUNDS];
		int64_t total = 0;
		bool capped = false;
		uint64_t busy = on_cpu(pg);
		for (int i = 0; i < ROUNDS; i++) {
			fill(&text, kinds[k].text, i % kinds[k].variants, channel);
			uint64_t t = clock_us();
			total = ask(pg, ws, thread, person, text.p, kinds[k].prefix, &capped);
			ms[i] = (double)(clock_us() - t) / 1000;
		}
		busy = on_cpu(pg) - busy;
		qsort(ms, ROUNDS, sizeof *ms, by_size);
		p50s[k] = at(ms, ROUNDS, 0.5);
		double p95 = at(ms, ROUNDS, 0.95);
		worst = p95 > worst ? p95 : worst;
		printf("  %-34s %6.1f %6.1f %6.1f %6.1f   %5lld%s", kinds[k].name, p50s[k], p95, at(ms, ROUNDS, 0.99),
		    (double)busy / 1e6 / ROUNDS, (long long)total, capped ? "+" : " ");
		if (plain != NULL && plain[k] > 0)
			printf("  plain %7.1f, %5.1f times as long", plain[k], plain[k] / p50s[k]);
		printf("\n");
		fflush(stdout);
	}
	buf_done(&text);
	return worst;
}

/* The plain way, without row security: gin (search), every match ranked. */
static void measure_plain(int workspace, double p50s[KINDS])
{
	struct buf sql = BUF_INIT, words = BUF_INIT;
	for (int k = 0; k < KINDS; k++) {
		double ms[PLAIN_ROUNDS];
		for (int i = 0; kinds[k].plain != NULL && i < PLAIN_ROUNDS; i++) {
			fill(&words, kinds[k].plain, i % kinds[k].variants, "");
			buf_reset(&sql);
			buf_addf(&sql,
			    "SELECT m.id FROM eddy.messages m JOIN eddy.places p ON p.ws = m.ws AND p.audience_id = m.audience_id, to_tsquery('eddy.plain', '%s') q"
			    " WHERE m.ws = md5('ws%d')::uuid AND m.search @@ q AND m.state <> 2 AND m.author_kind = 1 AND p.visibility = 4"
			    " ORDER BY ts_rank(m.search, q) DESC LIMIT 8",
			    words.p, workspace);
			uint64_t t = clock_us();
			test_db_value(sql.p);
			ms[i] = (double)(clock_us() - t) / 1000;
		}
		if (kinds[k].plain != NULL)
			qsort(ms, PLAIN_ROUNDS, sizeof *ms, by_size);
		p50s[k] = kinds[k].plain == NULL ? 0 : at(ms, PLAIN_ROUNDS, 0.5);
	}
	buf_done(&sql);
	buf_done(&words);
}

int main(int argc, char **argv)
{
	struct corpus c = { .messages = argc > 1 ? atoi(argv[1]) : 1000000 };
	c.workspaces = c.messages >= 200000 ? 200 : 20;
	c.channels = c.messages >= 200000 ? 5000 : 200;
	if (c.messages < 1000 || c.messages > 20000000) {
		fprintf(stderr, "usage: search [MESSAGES, 1000 to 20000000]\n");
		return 2;
	}
	const char *url = test_db_fresh();
	struct pg *pg;
	char why[200];
	double plain[2][KINDS] = { { 0 } }, ours[KINDS];
	uint64_t t = clock_ms();
	corpus_make(&c);
	printf("%d messages in %d workspaces and %d channels, made in %.0f s; Postgres %s\n", c.messages, c.workspaces, c.channels,
	    (double)(clock_ms() - t) / 1000,
	    test_db_value(
	        "SELECT current_setting('server_version_num') || ', shared_buffers ' || current_setting('shared_buffers')"));
	fflush(stdout);
	const int where[2] = { 0, 7 };
	/* The plain way has its own index; ours is out of its way meanwhile. */
	if (!test_db_exec("CREATE TABLE eddy.kept AS SELECT pg_get_indexdef('eddy.messages_search'::regclass) AS how") ||
	    !test_db_exec("DROP INDEX eddy.messages_search") ||
	    !test_db_exec("CREATE INDEX plain_search ON eddy.messages USING gin (search)"))
		return 1;
	for (int i = 0; i < 2; i++)
		measure_plain(where[i], plain[i]);
	if (!test_db_exec("DROP INDEX eddy.plain_search") ||
	    !test_db_exec("DO $$ BEGIN EXECUTE (SELECT how FROM eddy.kept); END $$; DROP TABLE eddy.kept") ||
	    !test_db_exec("CHECKPOINT"))
		return 1;
	if (pg_open(&pg, url, tables, why, sizeof why) != ERR_NONE) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	double worst = 0;
	for (int i = 0; i < 2; i++) {
		char sql[120];
		snprintf(sql, sizeof sql, "SELECT count(*) FROM eddy.messages WHERE ws = md5('ws%d')::uuid", where[i]);
		printf("%s workspace, %s messages: p50, p95, p99, processor time in ms; matches (+: at least)\n",
		    i == 0 ? "the large" : "a small", test_db_value(sql));
		double w = measure(pg, where[i], plain[i], ours);
		worst = w > worst ? w : worst;
	}
	printf("the slowest p95: %.1f ms\n", worst);
	pg_close(pg);
	return 0;
}
