#ifndef EDDY_EMAIL_TEXT_LINES_H
#define EDDY_EMAIL_TEXT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../core/base/buf.h"

/*
 * A mail's text as lines, each with what the rules ask of it again and again.  Everything is found in one pass, so that no rule
 * has to read a line twice and hostile input stays cheap.
 */
enum { /* text_line.markup: what HTML says of the line */
	MARKUP_ATTRIBUTION = 1,
	MARKUP_CUT = 2,     /* from here on it is history */
	MARKUP_HISTORY = 4, /* quoted, whatever it looks like */
	MARKUP_FORWARD = 8,
	MARKUP_SIGNATURE = 16,
	MARKUP_RULE = 32,     /* <hr> */
	MARKUP_LIST = 64,     /* text of a list item */
	MARKUP_HEADERS = 128, /* below Outlook's line above a header block */
};
enum { /* text_line.has */
	HAS_AT = 1,
	HAS_YEAR = 2, /* a year or a date in numbers */
	HAS_TIME = 4,
	HAS_DAY = 8,
	HAS_EARLY = 16, /* a number among the first words */
	HAS_VERB = 32,  /* "wrote" as the last word */
	HAS_VERB_INSIDE = 64,
	HAS_COLON = 128,          /* at the end */
	HAS_PRONOUN = 256,        /* the one who wrote is "he", "I", … */
	HAS_OPEN = 512,           /* "<" without ">" */
	HAS_ANGLE = 1024,         /* ">" before the colon at the end */
	HAS_FIRST = 2048,         /* the first word has a number, or the second after a word with comma */
	HAS_LONG = 4096,          /* too long for a header line */
	HAS_STRICT_DASHES = 8192, /* "-- " with its blank */
	HAS_NAME = 16384,         /* who wrote looks like a name */
	HAS_WORD = 32768,         /* a letter or digit */
	HAS_CLOSE = 65536,        /* \">\" without \"<\" */
	HAS_BRACKET = 131072,     /* an address in angles */
	HAS_ANSWERED = 262144,    /* \"you wrote\" */
	HAS_FACTS = 524288,       /* a number, an address, a colon at the end */
};
struct text_line {
	uint32_t at, n; /* in text_lines.text; without line end and blanks at the end */
	uint32_t key;   /* in text_lines.keys: lower case, without quote marks, invisible characters, "*" */
	uint32_t has;
	uint16_t key_n; /* at most TEXT_KEY_MAX */
	uint16_t body;  /* bytes of quote marks */
	uint8_t depth;  /* of quote marks */
	uint8_t words;  /* at most 255 */
	uint8_t label;  /* enum mail_label */
	uint8_t markup;
	uint8_t kind; /* the rules' own */
};
#define TEXT_KEY_MAX 800u
#define TEXT_LINES_MAX 200000u
struct text_lines {
	const char *text; /* borrowed */
	struct text_line *v;
	size_t len;
	struct buf keys;
};
/** ${markup} has a byte for each line, or is NULL. */
void mail_text_lines_init(struct text_lines *l, const char *text, size_t n, const uint8_t *markup, size_t markup_n);
void mail_text_lines_done(struct text_lines *l);
static inline const char *text_key(const struct text_lines *l, size_t i)
{
	return l->keys.p + l->v[i].key;
}
static inline bool text_blank(const struct text_line *t)
{
	return t->key_n == 0;
}

/* ---- words of many languages (text_words.c); all keys are folded ---- */
enum mail_label { LABEL_NONE, LABEL_FROM, LABEL_SENT, LABEL_DATE, LABEL_TO, LABEL_CC, LABEL_SUBJECT, LABEL_OTHER };
enum mail_label mail_word_label(const char *key, size_t n); /* without the colon */
enum { WORD_VERB = 1, WORD_VERB_INSIDE = 2, WORD_PRONOUN = 4, WORD_SMALL = 8 };
unsigned mail_word_of_attribution(const char *word, size_t n);
/** "Quoting Pat <pat@example.org>:" */
bool mail_word_quoting(const char *key, size_t n);
/** A verb of a script without blanks ends the key ("写道"). */
bool mail_word_verb_ends(const char *key, size_t n);
enum mail_marker { MARKER_NONE, MARKER_ORIGINAL, MARKER_FORWARD };
/** The phrase between the dashes: "original message". */
enum mail_marker mail_word_marker(const char *phrase, size_t n);
bool mail_word_reply_above(const char *key, size_t n);
bool mail_word_sent_from(const char *key, size_t n);
enum { DISCLAIMER_SECRET = 1, DISCLAIMER_DUTY = 2, DISCLAIMER_SELF = 4 /* "this e-mail" */ };
unsigned mail_word_disclaimer(const char *key, size_t n); /* a paragraph that has all is one */
bool mail_word_footer(const char *key, size_t n);         /* virus scanners, list programs: one line */
bool mail_word_banner_starts(const char *key, size_t n);  /* a gateway's "CAUTION: …" */
bool mail_word_banner(const char *key, size_t n);         /* "… originated from outside" */
bool mail_word_thanks(const char *key, size_t n);         /* "Kind regards" and its like start the line */
bool mail_word_viewer(const char *key, size_t n);         /* "your program cannot show HTML" */
bool mail_word_forward_subject(const char *key, size_t n);

/* ---- folding ---- */
/** Lower case, blanks to one, invisible characters and "*" away, dashes, digits and colons of all scripts to ASCII. */
void mail_fold(struct buf *out, const char *s, size_t n, size_t max);

/* ---- HTML ---- */
/** All of it as lines of text; ${markup} (MARKUP_…, a byte each line; may be NULL). */
void mail_html_lines(const char *html, size_t n, struct buf *text, struct buf *markup);

/* ---- the rules ---- */
struct mail_text;
struct text_found {
	bool cut_by_markup; /* HTML told where the history starts */
	bool cut;
};
void mail_text_cut(struct text_lines *l, bool forward, struct mail_text *out, struct text_found *found);
/** Line classes that are no message at the end of a stretch: signatures, footers (text_tail.c). */
enum { KIND_TEXT, KIND_QUOTE, KIND_ATTRIBUTION, KIND_HISTORY, KIND_JUNK, KIND_CODE };
/** ${before_history}: quoted text follows it. */
void mail_text_tail(struct text_lines *l, size_t from, size_t to, bool before_history);
/** A gateway's warning above everything. */
void mail_text_banner(struct text_lines *l, size_t to);
/** The line looks like a name of a person: few words, each with a capital, no sentence. */
bool mail_text_is_name(const struct text_lines *l, size_t i);
#endif
