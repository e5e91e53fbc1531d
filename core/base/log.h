#ifndef EDDY_BASE_LOG_H
#define EDDY_BASE_LOG_H

#include <stdint.h>

#include "id.h"

/*
 * One event, one JSON line on stderr: {"at":"…Z","level":"info","event":"run.finish","run":"…","ms":12,"result":"ok"}.
 * Library-like code returns errors; the level that handles one logs it, once.  Secrets and message text stay out.
 * Any thread; a line is written with one write(2).
 *
 *	log_info("slack.post", LF_ID("run", run), LF_STR("channel", c), LF_INT("ms", ms), LF_STR("result", "ok"));
 */
enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_type { LT_END, LT_STR, LT_INT, LT_ID, LT_DOUBLE };
struct log_field {
	const char *key;
	enum log_type type;
	union {
		const char *s;
		int64_t i;
		double d;
		struct id id;
	};
};
#define LF_STR(k, v) ((struct log_field){ .key = (k), .type = LT_STR, .s = (v) })
#define LF_INT(k, v) ((struct log_field){ .key = (k), .type = LT_INT, .i = (int64_t)(v) })
#define LF_ID(k, v) ((struct log_field){ .key = (k), .type = LT_ID, .id = (v) })
#define LF_NUM(k, v) ((struct log_field){ .key = (k), .type = LT_DOUBLE, .d = (v) })
#define LOG_LINE(level, ...) LOG_LINE_ENDED(level, __VA_ARGS__, { 0 })
#define LOG_LINE_ENDED(level, event, ...) log_write((level), (event), (const struct log_field[]){ __VA_ARGS__ })
#define log_debug(...) \
	do { \
		if (log_enabled(LOG_DEBUG)) \
			LOG_LINE(LOG_DEBUG, __VA_ARGS__); \
	} while (0)
#define log_info(...) \
	do { \
		if (log_enabled(LOG_INFO)) \
			LOG_LINE(LOG_INFO, __VA_ARGS__); \
	} while (0)
#define log_warn(...) \
	do { \
		if (log_enabled(LOG_WARN)) \
			LOG_LINE(LOG_WARN, __VA_ARGS__); \
	} while (0)
#define log_error(...) LOG_LINE(LOG_ERROR, __VA_ARGS__)

void log_write(enum log_level level, const char *event, const struct log_field *fields);
int log_enabled(enum log_level level);
void log_set_level(enum log_level level);
/** "debug" | "info" | "warn" | "error" into ${out}; 0 when ${s} is none of them. */
int log_level_parse(const char *s, enum log_level *out);
/** Lines go to ${fd} instead of 2 (tests, eddy chat). */
void log_set_fd(int fd);

#endif
