/*
 * What is done with words without a model, and the digest of a request, each on one core in processor time: other work on the machine does not count.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../../core/base/buf.h"
#include "../../core/engine/replay.h"
#include "../../core/talk/fold.h"
#include "../../core/talk/resolution.h"

#define MESSAGES 200
static struct digest_message said[MESSAGES];
static char texts[MESSAGES][160], system_prompt[3200], text[200];
static struct buf answer, out;

static void one_digest(void)
{
	struct model_message m[10];
	uint8_t d[PROMPT_DIGEST];
	for (size_t i = 0; i < 10; i++)
		m[i] = (struct model_message){ .role = ROLE_USER, .text = text, .text_len = sizeof(text) };
	prompt_digest(
	    &(struct model_request){
	        .system = system_prompt, .system_len = sizeof(system_prompt), .messages = m, .messages_len = 10 },
	    d);
}

static void one_summary(void)
{
	buf_reset(&out);
	digest_extract(said, MESSAGES, 12, &out);
}

static void one_draft(void)
{
	struct resolution r;
	resolution_extract("the topic", said, MESSAGES, &r);
	resolution_done(&r);
}

static void one_fold(void)
{
	buf_reset(&out);
	fold_answer(answer.p, answer.len, 500, &out);
}

static void one_count(void)
{
	struct fold_count c = FOLD_COUNT_INIT;
	for (size_t i = 0; i < answer.len; i += 4)
		fold_feed(&c, answer.p + i, answer.len - i < 4 ? answer.len - i : 4, 1000000);
}

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void run(const char *name, void (*fn)(void), int times)
{
	double best = 1e18;
	for (int round = 0; round < 3; round++) {
		double from = now_us();
		for (int i = 0; i < times; i++)
			fn();
		double us = (now_us() - from) / times;
		best = us < best ? us : best;
	}
	printf("%-56s %9.1f us\n", name, best);
}

int main(void)
{
	char name[80];
	memset(system_prompt, 'a', sizeof(system_prompt));
	memset(text, 'b', sizeof(text));
	for (int i = 0; i < MESSAGES; i++) {
		snprintf(texts[i], sizeof(texts[i]),
		    "We measured %d ms on host %d because the index is missing. Actually, let's go with port %d instead. Who tells the team?",
		    i, i % 7, 8000 + i);
		said[i] = (struct digest_message){ .author = i % 3 ? "Ana" : "Ben",
			.at_ms = 1763733780000 + i * 60000LL,
			.text = texts[i],
			.text_len = strlen(texts[i]) };
		buf_addf(&answer, "%s\n\n", texts[i]);
	}
	run("prompt_digest, 5.2 kB", one_digest, 2000);
	run("digest_extract, 200 messages, 600 sentences", one_summary, 20);
	run("resolution_extract, the same", one_draft, 20);
	snprintf(name, sizeof(name), "fold_answer, %zu bytes", answer.len);
	run(name, one_fold, 20);
	snprintf(name, sizeof(name), "fold_feed, %zu bytes in pieces of 4", answer.len);
	run(name, one_count, 50);
	buf_done(&answer);
	buf_done(&out);
	return 0;
}
