/* The bounded queue: order, bounds, waking, closing, many threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "../../../core/base/clock.h"
#include "../../../core/base/queue.h"

static void add_one(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

static void queue_put__refuses__when_full_or_closed(void **state)
{
	(void)state;
	struct queue *q = queue_new(2, NULL, NULL);
	int a, b, c;
	void *got[4];
	assert_true(queue_put(q, &a));
	assert_true(queue_put(q, &b));
	assert_false(queue_put(q, &c));
	assert_int_equal(queue_take(q, got, 1, 0), 1);
	assert_ptr_equal(got[0], &a);
	assert_true(queue_put(q, &c));
	queue_close(q);
	assert_true(queue_closed(q));
	assert_false(queue_put(q, &a));
	assert_int_equal(queue_take(q, got, 4, UINT32_MAX), 2);
	assert_ptr_equal(got[0], &b);
	assert_ptr_equal(got[1], &c);
	assert_int_equal(queue_take(q, got, 4, UINT32_MAX), 0);
	queue_free(q);
	queue_free(NULL);
}

static void queue_put__wakes__only_when_it_was_empty(void **state)
{
	(void)state;
	atomic_int woken = 0;
	void *got[8];
	struct queue *q = queue_new(8, add_one, &woken);
	for (int i = 0; i < 5; i++)
		queue_put(q, got);
	assert_int_equal(woken, 1);
	assert_int_equal(queue_length(q), 5);
	queue_take(q, got, 3, 0);
	queue_put(q, got);
	assert_int_equal(woken, 1);
	queue_take(q, got, 8, 0);
	queue_put(q, got);
	assert_int_equal(woken, 2);
	queue_free(q);
}

static void queue_take__waits__no_longer_than_asked(void **state)
{
	(void)state;
	struct queue *q = queue_new(1, NULL, NULL);
	void *got[1];
	uint64_t before = clock_ms();
	assert_int_equal(queue_take(q, got, 1, 30), 0);
	uint64_t took = clock_ms() - before;
	assert_true(took >= 29 && took < 20000);
	queue_free(q);
}

enum { PRODUCERS = 4, CONSUMERS = 3, ITEMS = 20000 };
struct shared {
	struct queue *q;
	atomic_int seen[PRODUCERS * ITEMS];
	atomic_int next;
};

static void *produce(void *arg)
{
	struct shared *s = arg;
	for (int i = 0; i < ITEMS; i++) {
		int n = atomic_fetch_add(&s->next, 1);
		while (!queue_put(s->q, &s->seen[n]))
			sched_yield();
	}
	return NULL;
}

static void *consume(void *arg)
{
	struct shared *s = arg;
	void *got[7];
	size_t n;
	while ((n = queue_take(s->q, got, 7, UINT32_MAX)) > 0) {
		for (size_t i = 0; i < n; i++)
			atomic_fetch_add((atomic_int *)got[i], 1);
	}
	return NULL;
}

static void queue__hands_over__each_item_once_between_many_threads(void **state)
{
	(void)state;
	static struct shared s;
	s.q = queue_new(64, NULL, NULL);
	pthread_t producers[PRODUCERS], consumers[CONSUMERS];
	for (int i = 0; i < CONSUMERS; i++)
		pthread_create(&consumers[i], NULL, consume, &s);
	for (int i = 0; i < PRODUCERS; i++)
		pthread_create(&producers[i], NULL, produce, &s);
	for (int i = 0; i < PRODUCERS; i++)
		pthread_join(producers[i], NULL);
	queue_close(s.q);
	for (int i = 0; i < CONSUMERS; i++)
		pthread_join(consumers[i], NULL);
	for (int i = 0; i < PRODUCERS * ITEMS; i++)
		assert_int_equal(s.seen[i], 1);
	queue_free(s.q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queue_put__refuses__when_full_or_closed),
		cmocka_unit_test(queue_put__wakes__only_when_it_was_empty),
		cmocka_unit_test(queue_take__waits__no_longer_than_asked),
		cmocka_unit_test(queue__hands_over__each_item_once_between_many_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
