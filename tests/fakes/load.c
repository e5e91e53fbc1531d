/*
 * Load: the fake Slack itself sends events and measures what comes of them, so that there is one clock and no second process in
 * the way.  POST /control/load {events, warmup, conversations, rate, timeout_ms}: without a rate each conversation sends its next event
 * when the last was answered (closed loop); with one, events are due on a schedule and times run from the moment they were due.
 * An event's text ends in "#N"; it is answered once a complete message in its thread holds "#N" again.
 * /control/load_result: counts and times so far; "running" says whether it goes on.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slack.h"

struct talk {
	char channel[ID_ROOM], thread_ts[TS_ROOM];
	uint64_t open; /* the number of the event that waits for its answer, 0: none */
};
struct shot {
	uint64_t due_us, acked_us, first_us, done_us;
	uint32_t talk, answers;
};
bool load_on;
static struct talk *talks;
static struct shot *shots; /* [1 .. total] */
static uint64_t total, warmup, sent, done, wrong, twice, lost, started_us, warm_us, ended_us, timeout_us;
static uint32_t talks_len;
static double rate;
static int64_t model_us;
static struct kit_timer *tick;

static void shoot(uint32_t t, uint64_t due)
{
	struct talk *k = &talks[t];
	uint64_t n = ++sent;
	char text[96];
	shots[n] = (struct shot){ .due_us = due, .talk = t };
	k->open = n;
	struct channel *c = channel_get(k->channel);
	struct message *m = message_new(c, "U0PERSON", *k->thread_ts != '\0' ? k->thread_ts : NULL, false);
	snprintf(text, sizeof text, "<@%s> what is the state of the deploy? #%llu", fake.bot_user, (unsigned long long)n);
	kit_adds(&m->text, text);
	if (*k->thread_ts == '\0')
		memcpy(k->thread_ts, m->ts, sizeof k->thread_ts);
	char id[ID_ROOM];
	snprintf(id, sizeof id, "Ld%llu", (unsigned long long)n);
	struct kit_buf b = { 0 };
	kit_addf(&b,
	    "{\"token\":\"fake-verification-token\",\"team_id\":\"%s\",\"api_app_id\":\"%s\",\"event\":{\"type\":\"app_mention\",\"user\":\"U0PERSON\","
	    "\"text\":\"%s\",\"ts\":\"%s\",\"channel\":\"%s\",\"event_ts\":\"%s\",\"team\":\"%s\"",
	    fake.team, fake.app, text, m->ts, c->id, m->ts, fake.team);
	if (*m->thread_ts != '\0')
		kit_addf(&b, ",\"thread_ts\":\"%s\"", m->thread_ts);
	kit_addf(&b,
	    "},\"type\":\"event_callback\",\"event_id\":\"%s\",\"event_time\":%llu,\"authorizations\":[{\"enterprise_id\":null,\"team_id\":\"%s\","
	    "\"user_id\":\"%s\",\"is_bot\":true,\"is_enterprise_install\":false}],\"is_ext_shared_channel\":false,\"event_context\":\"4-load\"}",
	    id, (unsigned long long)(kit_wall_us() / 1000000), fake.team, fake.bot_user);
	event_push("events_api", id, b.p, c->id, m->ts, false);
}

static void finish(void)
{
	load_on = false;
	ended_us = kit_now_us();
	for (uint64_t n = 1; n <= sent; n++)
		lost += shots[n].done_us == 0;
}

static void on_tick(void *arg)
{
	(void)arg;
	tick = NULL;
	if (!load_on)
		return;
	uint64_t now = kit_now_us();
	if (rate > 0) {
		while (sent < total) {
			uint64_t due = started_us + (uint64_t)((double)sent * 1e6 / rate);
			if (due > now)
				break;
			shoot((uint32_t)(sent % talks_len), due);
		}
	}
	bool late = true;
	if (sent == total)
		for (uint64_t n = sent; n > 0 && n + 2 * talks_len > sent && late; n--)
			late = shots[n].done_us != 0 || now - shots[n].due_us > timeout_us;
	if (done >= total || (sent == total && late && done > 0 && now - shots[sent].due_us > timeout_us)) {
		finish();
		return;
	}
	if (rate <= 0) /* a conversation whose answer is lost goes on after the time-out */
		for (uint32_t t = 0; t < talks_len && sent < total; t++)
			if (talks[t].open != 0 && now - shots[talks[t].open].due_us > timeout_us)
				shoot(t, now);
	tick = kit_after(rate > 0 ? 1000 : 100000, on_tick, NULL);
}

void load_acked(const struct event *e)
{
	if (!load_on || e->id[0] != 'L' || e->id[1] != 'd')
		return;
	uint64_t n = strtoull(e->id + 2, NULL, 10);
	if (n >= 1 && n <= sent && shots[n].acked_us == 0)
		shots[n].acked_us = e->acked_us;
}

void load_visible(const char *channel, const char *thread_ts, const char *text, size_t len, bool complete)
{
	if (!load_on)
		return;
	uint64_t now = kit_now_us();
	/* A streamed text is seen again with each part: its first sight counts for the newest open event of the thread. */
	for (const char *p = memchr(text, '#', len); p != NULL; p = memchr(p + 1, '#', len - (size_t)(p + 1 - text))) {
		uint64_t n = isdigit((unsigned char)p[1]) ? strtoull(p + 1, NULL, 10) : 0;
		if (n == 0 || n > sent)
			continue;
		struct shot *s = &shots[n];
		struct talk *t = &talks[s->talk];
		if (strcmp(t->channel, channel) != 0 || strcmp(t->thread_ts, thread_ts) != 0) {
			wrong += complete;
			continue;
		}
		if (s->first_us == 0)
			s->first_us = now;
		if (!complete)
			continue;
		if (++s->answers > 1) {
			twice++;
			continue;
		}
		s->done_us = now;
		if (++done == warmup)
			warm_us = now;
		if (t->open == n) {
			t->open = 0;
			if (rate <= 0 && sent < total)
				shoot(s->talk, now);
		}
	}
	if (done >= total)
		finish();
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* p50, p99 and the longest of a set of times. */
static json_t *times(size_t offset, int64_t minus_us)
{
	uint64_t *v = malloc((sent + 1) * sizeof *v);
	size_t n = 0;
	if (v == NULL)
		abort();
	for (uint64_t i = warmup + 1; i <= sent; i++) {
		uint64_t at;
		memcpy(&at, (const char *)&shots[i] + offset, sizeof at);
		if (at == 0)
			continue;
		int64_t us = (int64_t)(at - shots[i].due_us) - minus_us;
		v[n++] = us > 0 ? (uint64_t)us : 0;
	}
	qsort(v, n, sizeof *v, by_size);
	json_t *o = n == 0 ? json_object()
	                   : json_pack("{s:f, s:f, s:f}", "p50_ms", (double)v[n / 2] / 1e3, "p99_ms", (double)v[n * 99 / 100] / 1e3,
	                         "max_ms", (double)v[n - 1] / 1e3);
	free(v);
	return o;
}

static json_t *result(void)
{
	uint64_t end = load_on ? kit_now_us() : ended_us, from = warmup > 0 && warm_us > 0 ? warm_us : started_us;
	uint64_t counted = done > warmup ? done - warmup : 0;
	return json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:o, s:o, s:o, s:o, s:I}", "running", load_on, "sent",
	    (json_int_t)sent, "done", (json_int_t)done, "lost", (json_int_t)lost, "twice", (json_int_t)twice, "wrong",
	    (json_int_t)wrong, "seconds", (double)(end - started_us) / 1e6, "per_second",
	    end > from ? (double)counted * 1e6 / (double)(end - from) : 0.0, "ack", times(offsetof(struct shot, acked_us), 0),
	    "first", times(offsetof(struct shot, first_us), 0), "reply", times(offsetof(struct shot, done_us), 0), "over_model",
	    times(offsetof(struct shot, done_us), model_us), "calls", (json_int_t)fake.calls);
}

bool load_control(const struct kit_request *r, const char *what, json_t *args)
{
	if (strcmp(what, "load_result") == 0) {
		kit_reply_json(r->conn, 200, NULL, result());
		return true;
	}
	if (strcmp(what, "load") != 0)
		return false;
	static unsigned runs;
	free(talks);
	free(shots);
	total = (uint64_t)kit_int(args, "events", 1000);
	warmup = (uint64_t)kit_int(args, "warmup", 0);
	talks_len = (uint32_t)kit_int(args, "conversations", 100);
	rate = kit_num(args, "rate", 0);
	timeout_us = (uint64_t)kit_int(args, "timeout_ms", 30000) * 1000;
	model_us = kit_int(args, "model_ms", 0) * 1000;
	talks = calloc(talks_len, sizeof *talks);
	shots = calloc(total + talks_len + 1, sizeof *shots);
	if (talks == NULL || shots == NULL)
		abort();
	runs++;
	for (uint32_t t = 0; t < talks_len; t++)
		snprintf(talks[t].channel, sizeof talks[t].channel, "CLOAD%uX%u", runs, t);
	sent = done = wrong = twice = lost = warm_us = 0;
	started_us = kit_now_us();
	load_on = true;
	if (rate <= 0)
		for (uint32_t t = 0; t < talks_len && sent < total; t++)
			shoot(t, kit_now_us());
	kit_cancel(tick);
	tick = kit_after(1000, on_tick, NULL);
	kit_reply_json(r->conn, 200, NULL, json_pack("{s:b}", "ok", 1));
	return true;
}
