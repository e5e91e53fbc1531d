#ifndef EDDY_SLACK_ANSWER_H
#define EDDY_SLACK_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

/* The few fields of a Web API answer that every caller needs, read without building a tree. */
struct slack_answer {
	bool ok;
	char error[96], warning[96], ts[40];
};
/**
 * Read the top-level "ok", "error", "warning" and "ts" (or "message_ts") of an answer.  False when it is not a JSON object with a
 * boolean "ok", or ends too early; what is longer than its field is cut.
 */
/** ${s} if it is a word as Slack's errors are; else words that say it is none: who answers in Slack's place may say anything, our token too. */
const char *slack_word(const char *s);
bool slack_answer_read(const char *p, size_t n, struct slack_answer *out);

#endif
