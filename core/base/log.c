/*
 * A line is built in memory and leaves with one write(2), so lines of several threads never mix.  Strings are clipped to
 * FIELD_MAX bytes, which keeps a usual line below PIPE_BUF.  A sink that is full or gone loses lines rather than stopping work.
 */
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "hide.h"
#include "utf8.h"

#define FIELD_MAX 1024

static atomic_int minimum = LOG_INFO;
static atomic_int sink = 2;
static const char *const level_names[] = { "debug", "info", "warn", "error" };

static void add_time(struct buf *b)
{
	static _Thread_local time_t second = -1;
	static _Thread_local char text[32];
	uint64_t now = clock_wall_ms();
	time_t t = (time_t)(now / 1000);
	if (t != second) {
		struct tm tm;
		gmtime_r(&t, &tm);
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
		second = t;
	}
	buf_addf(b, "%s.%03uZ", text, (unsigned)(now % 1000));
}

static void add_field(struct buf *b, const struct log_field *f)
{
	buf_add(b, ",\"", 2);
	buf_add_json(b, f->key, strlen(f->key));
	buf_add(b, "\":", 2);
	switch (f->type) {
	case LT_STR:
		if (!f->s) {
			buf_add_str(b, "null");
			return;
		}
		size_t n = strlen(f->s);
		const char *s = f->s;
		struct buf clean = BUF_INIT;
		if (hide_finds(s, n)) {
			hide_add(&clean, s, n);
			s = clean.p;
			n = clean.len;
		}
		buf_add_char(b, '"');
		buf_add_json(b, s, utf8_clip(s, n, FIELD_MAX));
		buf_done(&clean);
		if (n > FIELD_MAX)
			buf_add_str(b, "\u2026");
		buf_add_char(b, '"');
		return;
	case LT_INT:
		buf_add_int(b, f->i);
		return;
	case LT_DOUBLE:
		if (isfinite(f->d))
			buf_addf(b, "%.6g", f->d);
		else
			buf_add_str(b, "null");
		return;
	case LT_ID: {
		char text[ID_TEXT];
		buf_add_char(b, '"');
		buf_add(b, id_format(f->id, text), ID_TEXT - 1);
		buf_add_char(b, '"');
		return;
	}
	case LT_END:
		return;
	}
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
	struct buf b = BUF_INIT;
	buf_reserve(&b, 480);
	buf_add_str(&b, "{\"at\":\"");
	add_time(&b);
	buf_addf(&b, "\",\"level\":\"%s\",\"event\":", level_names[level]);
	buf_add_json_str(&b, event);
	for (const struct log_field *f = fields; f->type != LT_END; f++)
		add_field(&b, f);
	buf_add(&b, "}\n", 2);
	ssize_t n;
	do
		n = write(atomic_load_explicit(&sink, memory_order_relaxed), b.p, b.len);
	while (n < 0 && errno == EINTR);
	buf_done(&b);
}

int log_enabled(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&minimum, memory_order_relaxed);
}

void log_set_level(enum log_level level)
{
	atomic_store(&minimum, (int)level);
}

int log_level_parse(const char *s, enum log_level *out)
{
	for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++) {
		if (strcmp(s, level_names[i]) == 0) {
			*out = (enum log_level)i;
			return 1;
		}
	}
	return 0;
}

void log_set_fd(int fd)
{
	atomic_store(&sink, fd);
}
