/*
 * The commands.  Each is sent and read to its end before the next one, so a reply never has two owners; what comes unasked is noted by
 * imap_link.c.  Whatever is asked for by UID is checked by UID when it comes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "../../core/base/clock.h"
#include "../../core/base/mem.h"
#include "imap_link.h"

#define UIDS_AHEAD 65536u /* looked for at once */
#define DONE_MS 30000u    /* for the answer to DONE */
#define LOGOUT_MS 300u    /* a good-bye that takes longer is not waited for */
#define FOUND_MAX 100u    /* mails of one Message-ID */

void imap_close(struct imap *i)
{
	if (!i)
		return;
	char tag[32];
	if (!i->dead) {
		i->timeout_ms = LOGOUT_MS;
		i->go_on = NULL;
		if (imap_link_begin(i, "LOGOUT", tag))
			imap_link_end(i, tag, NULL, NULL);
	}
	if (i->easy)
		curl_easy_cleanup(i->easy);
	imap_wire_done(&i->w);
	if (i->wake >= 0)
		close(i->wake);
	free(i);
}

unsigned imap_caps(const struct imap *i)
{
	return i->caps;
}

const char *imap_why(const struct imap *i)
{
	return i->why;
}

void imap_wake(struct imap *i)
{
	uint64_t one = 1;
	ssize_t n = write(i->wake, &one, sizeof one);
	(void)n; /* full: it is awake already */
}

/* For commands whose refusal is the caller's affair. */
static enum err plain(enum imap_run run)
{
	return run == IMAP_RUN_OK ? ERR_NONE : run == IMAP_RUN_LATER || run == IMAP_RUN_LOST ? ERR_RETRY : ERR_INPUT;
}

/* ---- folders ---- */

static uint32_t number_of(const struct imap_reply *r)
{
	uint64_t n;
	return r->len > 0 && imap_value_number(&r->values[0], &n) && n <= UINT32_MAX ? (uint32_t)n : 0;
}

static void on_select(void *arg, struct imap_reply *r)
{
	struct imap_folder *f = arg;
	if (r->status == IMAP_DATA && r->has_number && strcmp(r->name, "EXISTS") == 0)
		f->exists = r->number > UINT32_MAX ? UINT32_MAX : (uint32_t)r->number;
	if (r->status != IMAP_OK)
		return;
	if (strcmp(r->name, "UIDVALIDITY") == 0)
		f->uid_validity = number_of(r);
	else if (strcmp(r->name, "UIDNEXT") == 0)
		f->uid_next = number_of(r);
	else if (strcmp(r->name, "PERMANENTFLAGS") == 0)
		for (uint32_t k = 0; k < r->len; k++)
			f->keywords = f->keywords || imap_value_is(&r->values[k], "\\*");
}

/* ${verb}, a folder, ${rest}; BAD too when the folder has no name that can be sent. */
static enum imap_run on_folder(
    struct imap *i, const char *verb, const char *folder, const char *rest, void (*each)(void *, struct imap_reply *), void *arg)
{
	struct buf b = BUF_INIT;
	buf_add_str(&b, verb);
	enum imap_run run = IMAP_RUN_BAD;
	if (imap_add_folder(&b, folder)) {
		buf_add_str(&b, rest);
		run = imap_link_run(i, b.p, each, arg);
	} else {
		imap_say(i, "that is not the name of a folder", "");
	}
	buf_done(&b);
	return run;
}

enum err imap_select(struct imap *i, const char *name, bool read_only, struct imap_folder *out)
{
	struct imap_folder f = { 0 };
	enum err e = plain(on_folder(i, read_only ? "EXAMINE " : "SELECT ", name, "", on_select, &f));
	if (e == ERR_NONE && f.uid_validity == 0) {
		imap_say(i, "the folder has no UIDVALIDITY", "");
		e = ERR_INPUT;
	}
	if (e == ERR_NONE)
		*out = f;
	i->changed = true;
	return e;
}

enum err imap_create(struct imap *i, const char *folder)
{
	enum imap_run run = on_folder(i, "CREATE ", folder, "", NULL, NULL);
	if (run == IMAP_RUN_NO && strcmp(i->w.r.name, "ALREADYEXISTS") == 0)
		return ERR_NONE;
	if (run != IMAP_RUN_NO)
		return plain(run);
	/* Older servers say it in words only; ask. */
	char why[sizeof i->why];
	memcpy(why, i->why, sizeof why);
	run = on_folder(i, "STATUS ", folder, " (UIDVALIDITY)", NULL, NULL);
	memcpy(i->why, why, sizeof why);
	return plain(run);
}

struct special {
	const char *use;
	char *out;
	size_t n;
	bool found;
};

/* * LIST (\HasNoChildren \Sent) "/" "Sent" */
static void on_list(void *arg, struct imap_reply *r)
{
	struct special *s = arg;
	if (s->found || r->status != IMAP_DATA || strcmp(r->name, "LIST") != 0 || r->len < 3 || r->values[0].kind != IMAP_LIST)
		return;
	uint32_t end = r->values[0].next;
	bool has = false;
	for (uint32_t k = 1; k < end; k++)
		has = has || imap_value_is(&r->values[k], s->use);
	if (!has || end + 1 >= r->len)
		return;
	const struct imap_value *name = &r->values[end + 1];
	struct buf b = BUF_INIT;
	imap_folder_decode(name->s, name->len, &b);
	if (name->kind != IMAP_LIST && b.len > 0 && b.len < s->n && strlen(b.p) == b.len) {
		memcpy(s->out, b.p, b.len + 1);
		s->found = true;
	}
	buf_done(&b);
}

bool imap_special(struct imap *i, const char *use, char *out, size_t n)
{
	struct special s = { .use = use, .out = out, .n = n };
	imap_link_run(i, "LIST \"\" \"*\"", on_list, &s);
	if (!s.found && i->list_special)
		imap_link_run(i, "LIST (SPECIAL-USE) \"\" \"*\"", on_list, &s);
	return s.found;
}

/* ---- finding ---- */

/* The ${max} smallest numbers above ${after} seen so far, the largest of them on top (a heap). */
struct least {
	uint32_t *uids, after;
	size_t len, cap, max;
};

static void least_add(void *arg, uint64_t n)
{
	struct least *l = arg;
	if (n <= l->after || n > UINT32_MAX || l->max == 0)
		return;
	uint32_t uid = (uint32_t)n;
	size_t at;
	if (l->len < l->max) {
		if (l->len == l->cap) {
			l->cap = l->cap ? l->cap * 2 : 64;
			l->uids = xrealloc(l->uids, l->cap * sizeof *l->uids);
		}
		for (at = l->len++; at > 0 && l->uids[(at - 1) / 2] < uid; at = (at - 1) / 2)
			l->uids[at] = l->uids[(at - 1) / 2];
	} else {
		if (uid >= l->uids[0])
			return;
		size_t child;
		for (at = 0; (child = 2 * at + 1) < l->len; at = child) {
			child += child + 1 < l->len && l->uids[child + 1] > l->uids[child];
			if (l->uids[child] <= uid)
				break;
			l->uids[at] = l->uids[child];
		}
	}
	l->uids[at] = uid;
}

static void set_add(struct least *l, const char *s)
{
	while (*s) {
		char *end;
		unsigned long long from = strtoull(s, &end, 10), to = from;
		if (end == s)
			return;
		if (*end == ':')
			to = strtoull(s = end + 1, &end, 10);
		if (from > to) {
			unsigned long long swap = from;
			from = to;
			to = swap;
		}
		if (from <= l->after)
			from = (unsigned long long)l->after + 1;
		/* A range costs what it holds, and that is ${max} at most: the first ones of it are its smallest. */
		for (size_t k = 0; k < l->max && from <= to && from <= UINT32_MAX; k++)
			least_add(l, from++);
		s = end + (*end == ',');
	}
}

/* * ESEARCH (TAG "t") UID ALL 1:9000 */
static void on_esearch(void *arg, struct imap_reply *r)
{
	if (r->status != IMAP_DATA || strcmp(r->name, "ESEARCH") != 0)
		return;
	for (uint32_t k = 0; k + 1 < r->len; k = r->values[k].next)
		if (r->values[k].kind == IMAP_ATOM && (imap_value_is(&r->values[k], "ALL") || imap_value_is(&r->values[k], "MIN")))
			set_add(arg, r->values[k + 1].s);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x, y;
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return x < y ? -1 : x > y;
}

static enum imap_run search(struct imap *i, const char *command, struct least *l)
{
	i->w.number = least_add;
	i->w.number_arg = l;
	enum imap_run run = imap_link_run(i, command, on_esearch, l);
	i->w.number = NULL;
	return run;
}

static enum imap_run search_range(struct imap *i, uint32_t from, struct least *l)
{
	char command[120];
	uint32_t to = from < UINT32_MAX - UIDS_AHEAD ? from + UIDS_AHEAD - 1 : UINT32_MAX;
	snprintf(command, sizeof command, "UID SEARCH %sUID %" PRIu32 ":%" PRIu32, i->caps & IMAP_ESEARCH ? "RETURN (ALL) " : "",
	    from, to);
	return search(i, command, l);
}

/* Gives what was found, in order, each once. */
static void least_give(struct least *l, uint32_t **uids, size_t *len)
{
	size_t kept = 0;
	if (l->len > 0)
		qsort(l->uids, l->len, sizeof *l->uids, by_number);
	for (size_t k = 0; k < l->len; k++)
		if (kept == 0 || l->uids[k] != l->uids[kept - 1])
			l->uids[kept++] = l->uids[k];
	*uids = l->uids;
	*len = kept;
}

enum err imap_uids_after(struct imap *i, uint32_t after, size_t max, uint32_t **uids, size_t *len)
{
	struct least l = { .after = after, .max = max };
	enum imap_run run = IMAP_RUN_OK;
	i->changed = false;
	if (after < UINT32_MAX)
		run = search_range(i, after + 1, &l);
	if (run == IMAP_RUN_OK && l.len == 0 && after < UINT32_MAX - UIDS_AHEAD) {
		/* Nothing near; a gap is jumped.  "*" stands for the last mail even when that is before the range. */
		struct least far = { .after = after, .max = i->caps & IMAP_ESEARCH ? 1 : max };
		char command[120];
		snprintf(command, sizeof command, "UID SEARCH %sUID %" PRIu32 ":*", i->caps & IMAP_ESEARCH ? "RETURN (MIN) " : "",
		    after + 1 + UIDS_AHEAD);
		run = search(i, command, &far);
		if (run == IMAP_RUN_OK && far.len > 0 && i->caps & IMAP_ESEARCH)
			run = search_range(i, far.uids[0], &l);
		if (!(i->caps & IMAP_ESEARCH)) {
			free(l.uids);
			l = far;
		} else {
			free(far.uids);
		}
	}
	if (run == IMAP_RUN_OK)
		least_give(&l, uids, len);
	else
		free(l.uids);
	return run == IMAP_RUN_NO || run == IMAP_RUN_BAD ? ERR_RETRY : plain(run);
}

enum err imap_find_message_id(struct imap *i, const char *message_id, uint32_t **uids, size_t *len)
{
	struct least l = { .max = FOUND_MAX };
	struct buf b = BUF_INIT;
	enum imap_run run = IMAP_RUN_BAD;
	buf_addf(&b, "UID SEARCH %sHEADER Message-ID ", i->caps & IMAP_ESEARCH ? "RETURN (ALL) " : "");
	if (message_id[0] && imap_add_quoted(&b, message_id))
		run = search(i, b.p, &l);
	buf_done(&b);
	if (run == IMAP_RUN_OK)
		least_give(&l, uids, len);
	else
		free(l.uids);
	return plain(run);
}

/* ---- one mail ---- */

struct fetching {
	struct imap_mail *m;
	const char *keyword;
	bool found, body;
};

static void take_flags(struct fetching *f, const struct imap_reply *r, uint32_t at)
{
	f->m->seen = f->m->marked = false;
	for (uint32_t k = at + 1; k < r->values[at].next; k++) {
		f->m->seen = f->m->seen || imap_value_is(&r->values[k], "\\Seen");
		f->m->marked = f->m->marked || (f->keyword && imap_value_is(&r->values[k], f->keyword));
	}
}

static void take_body(struct fetching *f, struct imap_value *v)
{
	struct buf *raw = &f->m->raw;
	buf_done(raw);
	size_t n = v->len;
	if (v->literal) {
		f->m->cut = v->size > n;
		*raw = (struct buf){ .p = imap_value_take(v), .len = n, .cap = n + 1 };
	} else if (v->kind == IMAP_STRING) {
		f->m->cut = false;
		buf_add(raw, v->s, n);
	}
	f->body = true;
}

/* * 12 FETCH (UID 5 FLAGS (\Seen) INTERNALDATE "…" RFC822.SIZE 44 BODY[]<0> {44}…) */
static void on_fetch(void *arg, struct imap_reply *r)
{
	struct fetching *f = arg;
	uint64_t uid = 0, n;
	if (r->status != IMAP_DATA || strcmp(r->name, "FETCH") != 0 || r->len == 0 || r->values[0].kind != IMAP_LIST)
		return;
	uint32_t end = r->values[0].next;
	for (uint32_t k = 1; k < end && r->values[k].next < end; k = r->values[r->values[k].next].next)
		if (imap_value_is(&r->values[k], "UID") && imap_value_number(&r->values[r->values[k].next], &n))
			uid = n;
	if (uid != f->m->uid) /* somebody else's news */
		return;
	f->found = true;
	for (uint32_t k = 1; k < end && r->values[k].next < end; k = r->values[r->values[k].next].next) {
		const struct imap_value *name = &r->values[k];
		uint32_t at = name->next;
		struct imap_value *v = &r->values[at];
		if (imap_value_is(name, "FLAGS") && v->kind == IMAP_LIST)
			take_flags(f, r, at);
		else if (imap_value_is(name, "INTERNALDATE"))
			imap_date(v->s, &f->m->internal_date);
		else if (imap_value_is(name, "RFC822.SIZE") && imap_value_number(v, &n))
			f->m->size = n;
		else if (name->kind == IMAP_ATOM && strncasecmp(name->s, "BODY[]", 6) == 0 && v->kind != IMAP_LIST)
			take_body(f, v);
	}
}

enum err imap_fetch(struct imap *i, uint32_t uid, const char *keyword, size_t max, struct imap_mail *out)
{
	struct imap_mail m = { .uid = uid };
	struct fetching f = { .m = &m, .keyword = keyword };
	char command[160];
	/* One octet more than wanted tells whether there is more, whatever the server thinks the size is. */
	size_t ask = max < INT32_MAX ? max + 1 : INT32_MAX;
	snprintf(
	    command, sizeof command, "UID FETCH %" PRIu32 " (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]<0.%zu>)", uid, ask);
	i->w.literal_max = ask;
	enum imap_run run = imap_link_run(i, command, on_fetch, &f);
	i->w.literal_max = IMAP_LITERAL_SMALL;
	if (run == IMAP_RUN_OK && f.found && f.body) {
		if (m.raw.len > max) {
			buf_truncate(&m.raw, max);
			m.cut = true;
		}
		buf_reserve(&m.raw, 0);
		*out = m;
		return ERR_NONE;
	}
	buf_done(&m.raw);
	if (run == IMAP_RUN_OK && f.found)
		imap_say(i, "the server gave the mail without its text", "");
	return run == IMAP_RUN_OK                           ? f.found ? ERR_DENIED : ERR_INPUT
	    : run == IMAP_RUN_LATER || run == IMAP_RUN_LOST ? ERR_RETRY
	                                                    : ERR_DENIED;
}

enum err imap_add_flag(struct imap *i, uint32_t uid, const char *flag)
{
	char command[200];
	if (!imap_flag_ok(flag))
		return ERR_INPUT;
	snprintf(command, sizeof command, "UID STORE %" PRIu32 " +FLAGS.SILENT (%s)", uid, flag);
	return plain(imap_link_run(i, command, NULL, NULL));
}

static enum imap_run send_to(struct imap *i, const char *verb, uint32_t uid, const char *folder)
{
	char command[60];
	snprintf(command, sizeof command, "UID %s %" PRIu32 " ", verb, uid);
	return on_folder(i, command, folder, "", NULL, NULL);
}

enum err imap_move(struct imap *i, uint32_t uid, const char *folder)
{
	const char *verb = i->caps & IMAP_MOVE ? "MOVE" : "COPY";
	enum imap_run run = send_to(i, verb, uid, folder);
	if (run == IMAP_RUN_NO && strcmp(i->w.r.name, "TRYCREATE") == 0 && imap_create(i, folder) == ERR_NONE)
		run = send_to(i, verb, uid, folder);
	if (run != IMAP_RUN_OK || i->caps & IMAP_MOVE)
		return plain(run);
	enum err e = imap_add_flag(i, uid, "\\Deleted");
	if (e == ERR_NONE && i->caps & IMAP_UIDPLUS) {
		char command[60];
		snprintf(command, sizeof command, "UID EXPUNGE %" PRIu32, uid);
		e = plain(imap_link_run(i, command, NULL, NULL));
	}
	return e;
}

enum err imap_append(struct imap *i, const char *folder, const char *flags, const char *raw, size_t n)
{
	struct buf b = BUF_INIT;
	char tag[32];
	enum imap_run run = IMAP_RUN_BAD;
	buf_add_str(&b, "APPEND ");
	bool ok = imap_add_folder(&b, folder) && (!flags || !strpbrk(flags, "\r\n{}()\""));
	if (flags && flags[0])
		buf_addf(&b, " (%s)", flags);
	buf_addf(&b, " {%zu}", n);
	if (ok) {
		run = IMAP_RUN_LOST;
		if (imap_link_begin(i, b.p, tag) && imap_link_continued(i, tag, &run))
			run = imap_link_send(i, raw, n) && imap_link_send(i, "\r\n", 2) ? imap_link_end(i, tag, NULL, NULL)
			                                                                : IMAP_RUN_LOST;
	}
	buf_done(&b);
	return plain(run);
}

/* ---- waiting ---- */

static enum err idle(struct imap *i, uint64_t until)
{
	char tag[32];
	enum imap_run run = IMAP_RUN_LOST;
	if (!imap_link_begin(i, "IDLE", tag))
		return ERR_RETRY;
	if (!imap_link_continued(i, tag, &run)) {
		if (run == IMAP_RUN_NO || run == IMAP_RUN_BAD)
			i->caps &= ~(unsigned)IMAP_IDLE; /* it only says it could */
		return run == IMAP_RUN_LOST || run == IMAP_RUN_LATER ? ERR_RETRY : ERR_NONE;
	}
	enum imap_wait got = IMAP_GOT;
	while (!i->changed && got == IMAP_GOT) {
		got = imap_link_reply(i, until, true);
		if (got == IMAP_GOT && i->w.r.kind == IMAP_TAGGED) { /* it ends IDLE by itself: then it is asked now and then */
			i->caps &= ~(unsigned)IMAP_IDLE;
			return strcmp(i->w.r.tag, tag) == 0 ? ERR_NONE : ERR_RETRY;
		}
	}
	if (got == IMAP_LOST || !imap_link_send(i, "DONE\r\n", 6))
		return ERR_RETRY;
	uint32_t timeout = i->timeout_ms;
	i->timeout_ms = timeout < DONE_MS ? timeout : DONE_MS;
	run = imap_link_end(i, tag, NULL, NULL);
	i->timeout_ms = timeout;
	return run == IMAP_RUN_OK ? ERR_NONE : ERR_RETRY;
}

enum err imap_wait(struct imap *i, uint32_t ms, uint32_t poll_ms, bool *changed)
{
	uint64_t until = clock_ms() + ms;
	enum err e = i->dead ? ERR_RETRY : ERR_NONE;
	while (e == ERR_NONE && !i->changed && !i->woken && clock_ms() < until) {
		if (i->caps & IMAP_IDLE) {
			e = idle(i, until);
			continue;
		}
		e = plain(imap_link_run(i, "NOOP", NULL, NULL));
		uint64_t next = clock_ms() + (poll_ms > 0 ? poll_ms : 30000);
		if (e == ERR_NONE && !i->changed)
			imap_link_pause(i, next < until ? next : until);
		if (i->dead)
			e = ERR_RETRY;
	}
	i->woken = false;
	*changed = i->changed;
	return e;
}
