#ifndef EDDY_EMAIL_IMAP_WIRE_H
#define EDDY_EMAIL_IMAP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../core/base/buf.h"

/*
 * The words of IMAP (RFC 3501, 9051, 3516): replies in, command arguments out.  Pure; internal to adapters/email.
 */
#define IMAP_LINE_MAX (1u << 20) /* octets of one reply outside of literals */
#define IMAP_VALUES_MAX 65536u   /* values of one reply */
#define IMAP_DEPTH_MAX 64u
#define IMAP_NUMBER_MAX UINT64_C(9223372036854775807)

enum imap_value_kind { IMAP_ATOM, IMAP_STRING, IMAP_NIL, IMAP_LIST };
/* Values stand in one array in the order they came; what a list holds follows it. */
struct imap_value {
	enum imap_value_kind kind;
	uint32_t next; /* index of the value after this one and all in it */
	const char *s; /* ATOM, STRING: terminated; may hold NUL inside when it came as a literal */
	size_t len;
	uint64_t size; /* of a literal as announced; ${len} is less when it was more than asked for */
	char *literal; /* whom ${s} belongs to, NULL: to the parser */
};
enum imap_reply_kind { IMAP_UNTAGGED, IMAP_CONTINUE, IMAP_TAGGED };
enum imap_status { IMAP_DATA, IMAP_OK, IMAP_NO, IMAP_BAD, IMAP_PREAUTH, IMAP_BYE };
/* One reply; borrowed from the parser until the next feed. */
struct imap_reply {
	enum imap_reply_kind kind;
	enum imap_status status;
	char tag[32];
	char name[32];   /* of data: "EXISTS", "FETCH"; of a status: its response code, "" none; upper case */
	bool has_number; /* "* 12 EXISTS" */
	uint64_t number;
	const char *text; /* of a status or a continuation */
	struct imap_value *values;
	uint32_t len;
};

struct imap_wire {
	/* set by the owner, 0 as it is made */
	size_t literal_max;                    /* octets kept of the literals of a reply; the rest is read and dropped */
	void (*number)(void *arg, uint64_t n); /* numbers of SEARCH go here instead of into values, however many */
	void *number_arg;
	/* the parser's own */
	struct imap_reply r;
	struct buf line; /* a status being gathered */
	struct buf text; /* atoms and quoted strings, each terminated */
	size_t cap;      /* of r.values */
	uint32_t open[IMAP_DEPTH_MAX], depth;
	unsigned at; /* state */
	size_t octets, token, held, literal_want;
	uint64_t left;
	unsigned head_words;
	bool ready, escaped, bracket;
};
enum imap_feed { IMAP_MORE, IMAP_READY, IMAP_BROKEN };
void imap_wire_init(struct imap_wire *w);
void imap_wire_done(struct imap_wire *w);
/**
 * Reads up to the end of one reply; ${used} octets of ${p} are taken.  READY: w->r holds it.  BROKEN: not IMAP, or beyond the bounds; it
 * stays so.
 */
enum imap_feed imap_wire_feed(struct imap_wire *w, const char *p, size_t n, size_t *used);
/** A number up to IMAP_NUMBER_MAX; false: something else. */
bool imap_value_number(const struct imap_value *v, uint64_t *out);
bool imap_value_is(const struct imap_value *v, const char *atom); /* case ignored */
/** Gives a literal's octets away (free()); NULL unless it was one. */
char *imap_value_take(struct imap_value *v);
/** "17-Jul-1996 02:44:25 -0700" as Unix seconds; false: no such date. */
bool imap_date(const char *s, int64_t *out);

/* ---- command arguments; false: holds CR, LF or NUL, or is no UTF-8, nothing was added ---- */
/** As a quoted string when that can hold it (printable ASCII). */
bool imap_add_quoted(struct buf *b, const char *s);
/** UTF-8 folder name in modified UTF-7 (RFC 3501 5.1.3), quoted. */
bool imap_add_folder(struct buf *b, const char *name);
/** The other way; broken encodings stay as they are. */
void imap_folder_decode(const char *s, size_t n, struct buf *out);
/** A flag: \Seen or a keyword; false: not an atom. */
bool imap_flag_ok(const char *flag);
#endif
