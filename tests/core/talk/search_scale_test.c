/*
 * The search function against the plain way: among some thousand messages it finds the same, or, where it names a moment, all that is newer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../core/base/buf.h"
#include "../../../core/talk/search.h"
#include "../../support/corpus.h"
#include "../../support/db.h"

static const struct pg_statement *const tables[] = { search_statements, NULL };
static struct pg *pg;

static int setup(void **state)
{
	(void)state;
	char why[200];
	const char *url = test_db_fresh();
	corpus_make(&(struct corpus){ .messages = 20000, .workspaces = 20, .channels = 200 });
	return pg_open(&pg, url, tables, why, sizeof why) == ERR_NONE ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	pg_close(pg);
	return 0;
}

struct page {
	struct id ids[SEARCH_LIMIT_MAX];
	size_t len;
};
static void take(void *arg, const struct found_message *m)
{
	struct page *p = arg;
	p->ids[p->len++] = m->id;
}

static void find_all(int workspace, const struct search_query *q, struct page *page, struct search_totals *totals)
{
	struct search_allowed allowed;
	struct id ws = corpus_workspace(workspace);
	struct search_scope scope = { .ws = ws, .thread = corpus_thread(workspace) };
	page->len = 0;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(search_allowed_audiences(pg, &scope, &allowed), ERR_NONE);
	assert_int_equal(search_messages(pg, &allowed, q, take, page, totals), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	search_allowed_done(&allowed);
}

static const struct {
	const char *text, *plain; /* plain: a condition on m */
	const char *from;
	enum search_has has;
} kinds[] = {
	{ "quasar1", "m.search @@ 'quasar1'", NULL, SEARCH_ANY },
	{ "kappa1", "m.search @@ 'kappa1'", NULL, SEARCH_ANY },
	{ "sigma0", "m.search @@ 'sigma0'", NULL, SEARCH_ANY },
	{ "delta0", "m.search @@ 'delta0'", NULL, SEARCH_ANY },
	{ "delta0 kappa1", "m.search @@ 'delta0 & kappa1'", NULL, SEARCH_ANY },
	{ "delta0 -sigma1", "m.search @@ 'delta0 & !sigma1'", NULL, SEARCH_ANY },
	{ "kappa1 OR quasar1", "m.search @@ 'kappa1 | quasar1'", NULL, SEARCH_ANY },
	{ "\"quarterly report\"", "m.search @@ 'quarterly <-> report'", NULL, SEARCH_ANY },
	{ "\"mu nu\"", "m.search @@ 'mu <-> nu'", NULL, SEARCH_ANY },
	{ "nowhere", "false", NULL, SEARCH_ANY },
	{ "sigma0",
	    "m.search @@ 'sigma0' AND m.author_id IN (SELECT p.id FROM eddy.people p WHERE p.ws = m.ws AND p.name = 'Person 20')",
	    "Person 20", SEARCH_ANY },
	{ "", "m.body ~ '://'", NULL, SEARCH_LINK },
	{ "", "true", NULL, SEARCH_ANY },
};

static void search__finds__what_the_plain_way_finds(void **state)
{
	(void)state;
	int whole = 0;
	for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
		for (int w = 0; w < 2; w++) {
			for (int order = 0; order < 3; order++) {
				struct page page;
				struct search_totals totals;
				struct search_query q = { .text = kinds[k].text,
					.from = kinds[k].from,
					.has = kinds[k].has,
					.order = (enum search_order)order,
					.limit = SEARCH_LIMIT_MAX };
				struct buf sql = BUF_INIT;
				find_all(w, &q, &page, &totals);
				buf_addf(&sql,
				    "SELECT count(*) FROM eddy.messages m JOIN eddy.places p ON p.ws = m.ws AND p.audience_id = m.audience_id"
				    " WHERE m.ws = md5('ws%d')::uuid AND m.author_kind = 1 AND m.state <> 2 AND p.visibility = 4 AND (%s)"
				    " AND CASE WHEN %d = 0 THEN true WHEN %d = 2 THEN m.created_at < to_timestamp(%lld / 1000.0)"
				    " ELSE m.created_at > to_timestamp(%lld / 1000.0) END",
				    w, kinds[k].plain, totals.capped, order, (long long)totals.edge_ms, (long long)totals.edge_ms);
				long want = atol(test_db_value(sql.p));
				/* What lies at the very edge may be in or out. */
				if (totals.matches < want || totals.matches > want + totals.capped)
					fail_msg("%s in workspace %d, order %d: %lld of %ld%s", kinds[k].text, w, order,
					    (long long)totals.matches, want, totals.capped ? " up to the edge" : "");
				whole += !totals.capped;
				buf_done(&sql);
			}
		}
	}
	assert_true(whole > 20);
}

static void search__pages__are_cuts_of_one_list(void **state)
{
	(void)state;
	struct page all, one;
	struct search_totals totals;
	struct search_query q = { .text = "kappa1 OR kappa2", .limit = SEARCH_LIMIT_MAX };
	find_all(0, &q, &all, &totals);
	assert_true(all.len > 20);
	assert_int_equal(all.len, totals.matches);
	for (size_t from = 0; from < all.len; from += 7) {
		q.limit = 7;
		q.skip = (int)from;
		find_all(0, &q, &one, &totals);
		assert_int_equal(one.len, all.len - from < 7 ? all.len - from : 7);
		for (size_t i = 0; i < one.len; i++)
			assert_true(id_equal(one.ids[i], all.ids[from + i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(search__finds__what_the_plain_way_finds),
		cmocka_unit_test(search__pages__are_cuts_of_one_list),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
