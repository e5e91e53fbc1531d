#ifndef EDDY_TALK_RESOLUTION_H
#define EDDY_TALK_RESOLUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/id.h"

struct buf;

/*
 * What a side thread comes back as: a headline, three to five points, decisions, at most two open questions and two deferred items, each
 * resting on messages.  Three forms: the model's JSON, this struct, and the Markdown that people see and edit.  All pure.
 *
 * Markdown (what resolution_render() writes and resolution_read() understands, also after a person has changed it):
 *
 *     **Headline**
 *
 *     - a point [1] [3]
 *
 *     **Decisions**
 *
 *     - a decision [2]
 *
 *     **Open questions** … **Deferred** …
 *
 * [n] names the n-th of the messages in ${sources}; with links it is [[n]](link).
 */
#define RESOLUTION_HEADLINE_MAX 120 /* characters */
#define RESOLUTION_POINTS_MIN 3
#define RESOLUTION_POINTS_MAX 5
#define RESOLUTION_DECISIONS_MAX 10
#define RESOLUTION_QUESTIONS_MAX 2
#define RESOLUTION_DEFERRED_MAX 2
#define RESOLUTION_LINES_MAX 24
#define RESOLUTION_LINE_MAX 400 /* characters */
#define RESOLUTION_SOURCES_MAX 8
enum resolution_part { RESOLUTION_POINT, RESOLUTION_DECISION, RESOLUTION_QUESTION, RESOLUTION_DEFERRED };
struct resolution_line {
	enum resolution_part part;
	char *text;                          /* one line of Markdown without its [n] */
	int sources[RESOLUTION_SOURCES_MAX]; /* from 1 */
	size_t sources_len;
};
struct resolution {
	char *headline;
	struct resolution_line lines[RESOLUTION_LINES_MAX]; /* in the order of their parts */
	size_t len;
};
/* What it is made from: the messages of the side thread in their order; a source n is the n-th of them. */
struct digest_message {
	struct id id;
	int64_t seq, at_ms;
	const char *author; /* name for people; "Eddy" */
	const char *place;  /* where, when messages of several places are told together; NULL: not said */
	bool by_eddy;
	const char *text;
	size_t text_len;
	const char *link; /* NULL: none */
};
void resolution_done(struct resolution *r);

/**
 * Read a model's answer: {"headline":"…","points":[{"text":"…","sources":[1,3]}],"decisions":[…],"open_questions":[…],"deferred":[…]},
 * alone or inside a code fence.  Lines without a source that exists are dropped, too long ones cut, numbers beyond the limits left out.
 * ERR-like: false when it is no such JSON, has no headline or no point left; ${why} says what.  On success ${out} is the caller's.
 */
bool resolution_parse(const char *json, size_t n, size_t messages, struct resolution *out, char why[200]);
/** Every text in it as ${fn} appends it, cut to size again; a line of which nothing is left goes. */
void resolution_say(struct resolution *r, void (*fn)(void *arg, const char *text, size_t n, struct buf *out), void *arg);
/** Without a model: the headline is the topic, points and decisions are sentences taken word for word; a later correction wins. */
void resolution_extract(const char *topic, const struct digest_message *m, size_t n, struct resolution *out);
/** Append it as Markdown; ${m}: links of sources, NULL: numbers only. */
void resolution_render(const struct resolution *r, const struct digest_message *m, size_t n, struct buf *md);
/** Where messages have no links (mail): a line that says whose words its [n] are, and of when; nothing where all have one. */
void resolution_put_sources(const struct resolution *r, const struct digest_message *m, size_t n, struct buf *md);
/**
 * Read what a person made of it.  Numbers above ${messages} are dropped, lines need no source.  False: there is no headline (the first line that is
 * not empty), or it, a line or the number of lines is more than it may be (nobody's words are dropped); ${why} is a sentence for that person.
 */
bool resolution_read(const char *md, size_t n, size_t messages, struct resolution *out, char why[200]);

/**
 * What was said, in ${max} lines at most taken word for word, each with the number of its message ([n]): the floor of every summary.
 * Greetings, thanks and questions that were answered count little, decisions, numbers, names and the newest count more.
 */
void digest_extract(const struct digest_message *m, size_t n, size_t max, struct buf *md);
/**
 * What a model said in list items that end in the numbers of their messages: appended as such items, numbers with links.  Items without a message
 * that exists and what stands between them are left out, and what is beyond ${max}.  Returns how many are left.
 */
size_t digest_check(const char *said, size_t said_len, const struct digest_message *m, size_t n, size_t max, struct buf *md);
/** The messages as a model gets them: "[n] NAME in PLACE (2026-11-21 14:03): TEXT", each fenced as material; ${room}: bytes, oldest left out first. */
void digest_transcript(const struct digest_message *m, size_t n, size_t room, struct buf *out);

#endif
