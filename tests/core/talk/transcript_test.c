/* The cache of thread tails against a list that never forgets: whatever it gives is what the list has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/talk/transcript.h"

#define THREADS 5
#define SEQ_MAX 300

struct model_thread {
	int64_t last;
	enum author_kind kind[SEQ_MAX + 1]; /* 0: no message took this number */
	unsigned version[SEQ_MAX + 1];      /* of the text */
};

static uint32_t next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 33);
}

static struct id thread_id(size_t t)
{
	struct id id = { { 1 } };
	id.b[15] = (uint8_t)t;
	return id;
}

static int text_of(char *out, size_t n, size_t t, int64_t seq, unsigned version)
{
	return snprintf(
	    out, n, "%zu:%lld:%u%.*s", t, (long long)seq, version, (int)(seq % 40), "........................................");
}

static void append(struct transcripts *c, struct model_thread *m, size_t t, enum author_kind kind, bool tell)
{
	char text[128];
	int64_t seq = ++m->last;
	m->kind[seq] = kind;
	m->version[seq] = 0;
	int n = text_of(text, sizeof(text), t, seq, 0);
	if (tell)
		transcripts_append(c, thread_id(t), seq, kind, ID_NONE, text, (size_t)n);
}

/* What a run on ${upto} must see: the question last, before it the newest of the others in order, without a gap. */
static void check(const struct transcript *x, const struct model_thread *m, size_t t, int64_t upto)
{
	assert_true(x->len > 0);
	char text[128];
	int64_t at = m->last + 1;
	size_t i = x->len;
	if (m->kind[upto] != 0) {
		assert_int_equal(x->items[x->len - 1].seq, upto);
		i--;
		assert_int_equal(x->items[i].text_len, text_of(text, sizeof(text), t, upto, m->version[upto]));
		assert_memory_equal(x->items[i].text, text, x->items[i].text_len);
	}
	while (i-- > 0) {
		do
			at--;
		while (at > 0 && (m->kind[at] == 0 || at == upto || (at > upto && m->kind[at] != AUTHOR_EDDY)));
		assert_int_equal(x->items[i].seq, at);
		assert_int_equal(x->items[i].kind, m->kind[at]);
		assert_int_equal(x->items[i].text_len, text_of(text, sizeof(text), t, at, m->version[at]));
		assert_memory_equal(x->items[i].text, text, x->items[i].text_len);
	}
}

static void transcripts__random_operations__never_give_what_is_not_stored(void **state)
{
	(void)state;
	static struct model_thread model[THREADS];
	size_t given = 0;
	for (uint64_t round = 1; round <= 400; round++) {
		uint64_t seed = round;
		memset(model, 0, sizeof(model));
		struct transcripts *c = transcripts_new(round % 3 ? 60000 : 15000); /* room for some of the threads */
		for (int i = 0; i < 250; i++) {
			size_t t = next(&seed) % THREADS;
			struct model_thread *m = &model[t];
			uint32_t what = next(&seed) % 100;
			if (m->last >= SEQ_MAX - 2)
				continue;
			if (what < 45) {
				append(c, m, t, AUTHOR_PERSON, true);
			} else if (what < 65) {
				append(c, m, t, AUTHOR_EDDY, true);
			} else if (what < 66) {
				append(c, m, t, AUTHOR_PERSON, false); /* another process */
			} else if (what < 68 && m->last > 0) {         /* an edit takes the next number */
				int64_t at = 1 + next(&seed) % (uint32_t)m->last;
				m->version[at]++;
				m->last++;
				transcripts_forget(c, thread_id(t));
			} else if (what < 69) {
				transcripts_forget(c, thread_id(t));
			} else if (m->last > 0) {
				int64_t upto = m->last - next(&seed) % 6;
				struct transcript x;
				if (upto < 1 || m->kind[upto] == 0)
					continue;
				if (!transcripts_get(c, thread_id(t), upto, &x))
					continue;
				check(&x, m, t, upto);
				given++;
				transcript_done(&x);
			}
			assert_true(transcripts_bytes(c) <= 60000 + 20000);
		}
		transcripts_free(c);
	}
	assert_true(given > 5000);
}

static void transcripts__a_long_queue__never_gives_answers_without_the_question(void **state)
{
	(void)state;
	static struct model_thread m;
	memset(&m, 0, sizeof(m));
	struct transcripts *c = transcripts_new(1 << 20);
	for (int i = 0; i < 30; i++)
		append(c, &m, 1, AUTHOR_PERSON, true);
	for (int i = 0; i < TRANSCRIPT_MAX; i++) {
		append(c, &m, 1, AUTHOR_EDDY, true);
		for (int64_t upto = 1; upto <= 30; upto++) {
			struct transcript x;
			if (!transcripts_get(c, thread_id(1), upto, &x))
				continue;
			assert_int_equal(x.items[x.len - 1].seq, upto);
			check(&x, &m, 1, upto);
			transcript_done(&x);
		}
	}
	transcripts_free(c);
}

static void transcripts__a_number_is_missing__is_not_given(void **state)
{
	(void)state;
	struct transcripts *c = transcripts_new(1 << 20);
	struct transcript x;
	transcripts_append(c, thread_id(1), 1, AUTHOR_PERSON, ID_NONE, "one", 3);
	transcripts_append(c, thread_id(1), 3, AUTHOR_PERSON, ID_NONE, "three", 5);
	assert_false(transcripts_get(c, thread_id(1), 3, &x));
	assert_false(transcripts_get(c, thread_id(1), 1, &x));
	transcripts_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transcripts__random_operations__never_give_what_is_not_stored),
		cmocka_unit_test(transcripts__a_long_queue__never_gives_answers_without_the_question),
		cmocka_unit_test(transcripts__a_number_is_missing__is_not_given),
	};
	return cmocka_run_group_tests_name("transcript", tests, NULL, NULL);
}
