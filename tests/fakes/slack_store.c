/*
 * What the fake Slack remembers: channels by name in a small hash, messages in order of their ts, and the journal as lines of JSON.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slack.h"

enum { BUCKETS = 4096 };
static struct channel *channels[BUCKETS];
static char **lines;
static size_t lines_len, lines_room;

static size_t bucket(const char *s)
{
	uint32_t h = 2166136261u;
	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h % BUCKETS;
}

struct channel *channel_find(const char *id)
{
	struct channel *c = channels[bucket(id)];
	while (c != NULL && strcmp(c->id, id) != 0)
		c = c->next;
	return c;
}

struct channel *channel_get(const char *id)
{
	struct channel *c = channel_find(id);
	if (c != NULL)
		return c;
	c = calloc(1, sizeof *c);
	if (c == NULL)
		abort();
	snprintf(c->id, sizeof c->id, "%s", id);
	snprintf(c->team, sizeof c->team, "%s", fake.team);
	snprintf(c->name, sizeof c->name, "place-%s", id + (*id != '\0'));
	snprintf(c->type, sizeof c->type, "%s", *id == 'D' ? "im" : *id == 'G' ? "group" : "channel");
	c->private = *id != 'C';
	c->member = true;
	c->next = channels[bucket(id)];
	channels[bucket(id)] = c;
	return c;
}

void channels_each(void (*fn)(struct channel *c, void *arg), void *arg)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct channel *c = channels[i]; c != NULL; c = c->next)
			fn(c, arg);
}

void next_ts(char out[TS_ROOM])
{
	static uint64_t last;
	uint64_t now = kit_wall_us();
	last = now > last ? now : last + 1;
	snprintf(out, TS_ROOM, "%llu.%06llu", (unsigned long long)(last / 1000000), (unsigned long long)(last % 1000000));
}

struct message *message_find(struct channel *c, const char *ts)
{
	size_t lo = 0, hi = c != NULL ? c->len : 0;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int d = strcmp(c->list[mid]->ts, ts);
		if (d == 0)
			return c->list[mid];
		if (d < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

struct message *message_new(struct channel *c, const char *user, const char *thread_ts, bool bot)
{
	struct message *m = calloc(1, sizeof *m);
	if (m == NULL)
		abort();
	next_ts(m->ts);
	snprintf(m->thread_ts, sizeof m->thread_ts, "%s", thread_ts != NULL ? thread_ts : "");
	snprintf(m->user, sizeof m->user, "%s", user);
	m->bot = bot;
	m->app = bot ? fake.which : 0;
	kit_add(&m->text, "", 0);
	if (c->len == c->room) {
		c->room = c->room * 2 + 16;
		c->list = realloc(c->list, c->room * sizeof(struct message *));
		if (c->list == NULL)
			abort();
	}
	c->list[c->len++] = m;
	return m;
}

json_t *message_json(const struct channel *c, const struct message *m, bool metadata)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s%}", "type", "message", "user", m->user, "ts", m->ts, "team", fake.team,
	    "text", m->text.p, m->text.n);
	if (o == NULL)
		o = json_pack("{s:s, s:s, s:s, s:s}", "type", "message", "user", m->user, "ts", m->ts, "text", "");
	if (*m->thread_ts != '\0')
		json_object_set_new(o, "thread_ts", json_string(m->thread_ts));
	if (m->bot) {
		json_object_set_new(o, "bot_id", json_string(app_bot(m->app)));
		json_object_set_new(o, "app_id", json_string(app_id(m->app)));
	}
	if (m->blocks != NULL)
		json_object_set(o, "blocks", m->blocks);
	if (m->files != NULL)
		json_object_set(o, "files", m->files);
	if (m->edited)
		json_object_set_new(o, "edited", json_pack("{s:s, s:s}", "user", m->user, "ts", m->ts));
	if (metadata && m->metadata != NULL)
		json_object_set(o, "metadata", m->metadata);
	if (m->stream != STREAM_NONE)
		json_object_set_new(o, "streaming_state", json_string(m->stream == STREAM_OPEN ? "in_progress" : "completed"));
	if (c != NULL && *m->thread_ts == '\0') {
		int replies = 0;
		for (size_t i = c->len; i > 0 && strcmp(c->list[i - 1]->ts, m->ts) > 0; i--)
			replies += strcmp(c->list[i - 1]->thread_ts, m->ts) == 0 && !c->list[i - 1]->deleted;
		if (replies > 0) {
			json_object_set_new(o, "thread_ts", json_string(m->ts));
			json_object_set_new(o, "reply_count", json_integer(replies));
		}
	}
	return o;
}

size_t text_units(const char *s)
{
	size_t n = 0;
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		n += (c & 0xc0) != 0x80;
		n += c >= 0xf0;
	}
	return n;
}

void journal(const char *format, ...)
{
	if (!fake.journal)
		return;
	va_list ap;
	char *s = NULL;
	va_start(ap, format);
	if (vasprintf(&s, format, ap) < 0)
		abort();
	va_end(ap);
	if (lines_len == lines_room) {
		lines_room = lines_room * 2 + 256;
		lines = realloc(lines, lines_room * sizeof *lines);
		if (lines == NULL)
			abort();
	}
	struct kit_buf b = { 0 };
	kit_addf(&b, "{\"n\":%zu,\"at_us\":%llu,%s}", lines_len, (unsigned long long)kit_now_us(), s);
	free(s);
	lines[lines_len++] = b.p;
}

json_t *journal_read(size_t from, size_t limit)
{
	json_t *a = json_array();
	size_t i = from;
	for (; i < lines_len && i - from < limit; i++) {
		json_t *o = json_loads(lines[i], 0, NULL);
		if (o != NULL)
			json_array_append_new(a, o);
	}
	return json_pack("{s:o, s:I}", "entries", a, "next", (json_int_t)i);
}

void violation(const char *what, const char *where)
{
	fake.violations_len++;
	if (json_array_size(fake.violations) < 200)
		json_array_append_new(fake.violations, json_pack("{s:s, s:s}", "what", what, "where", where));
	journal("\"violation\":\"%s\",\"where\":\"%s\"", what, where);
}
