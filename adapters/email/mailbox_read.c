/*
 * Reading one folder over one connection.  Mails are handed in oldest first and not more than a window ahead of the oldest that is not done, so
 * memory holds one mail and the cursor is never far behind.  A mail is marked on the server only after it is done: a crash in between leaves a
 * mail that is read again and recognised, or one without a mark.
 *
 * When a mail could not be stored, nothing more is handed in until all that are out have their answer; then reading begins again at the first
 * that was not stored.  One that the server fails to give out is asked for again over new connections, then only its beginning, and at last
 * handed in empty, so that it is kept aside and the rest is read.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/clock.h"
#include "../../core/base/fault.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/base/metric.h"
#include "imap_link.h"
#include "mailbox_priv.h"

#define BATCH 5000u  /* UIDs held at once */
#define BAD_SMALL 3u /* failures after which only the beginning of a mail is asked for */
#define BAD_EMPTY 6u /* and after which it is given up */
#define SMALL_BYTES 65536u
#define MARKS_MAX 4096u

static void uids_add(struct uids *l, uint32_t uid)
{
	if (l->len == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 32;
		l->items = xrealloc(l->items, l->cap * sizeof *l->items);
	}
	l->items[l->len++] = uid;
}

static bool uids_has(const struct uids *l, uint32_t uid)
{
	for (size_t k = 0; k < l->len; k++)
		if (l->items[k] == uid)
			return true;
	return false;
}

static void count(struct metric *m)
{
	if (m)
		metric_add(m, 1);
}

static void lag(struct mailbox *b, int64_t seconds)
{
	if (b->m_lag)
		metric_set(b->m_lag, seconds > 0 ? seconds : 0);
}

/* ---- marks ---- */

static void mark_less(struct mailbox *b, enum mailbox_mark instead)
{
	log_warn("email.mark", LF_STR("mailbox", b->o.name), LF_STR("instead", instead == MARK_SEEN ? "seen" : "none"),
	    LF_STR("result", "input"));
	b->mark = instead;
}

/* What is done gets its mark.  Refused: the next simpler one for the rest of this connection. */
static enum err mark_all(struct mailbox *b, struct imap *i)
{
	size_t k = 0;
	enum err e = ERR_NONE;
	while (k < b->marks.len && b->mark != MARK_NONE && e == ERR_NONE) {
		fault_point("email.before_mark");
		uint32_t uid = b->marks.items[k];
		if (b->mark == MARK_MOVE)
			e = imap_move(i, uid, b->o.move_to);
		else
			e = imap_add_flag(i, uid, b->mark == MARK_KEYWORD ? b->o.keyword : "\\Seen");
		if (e == ERR_INPUT) {
			mark_less(b, b->mark == MARK_SEEN ? MARK_NONE : MARK_SEEN);
			e = ERR_NONE;
		} else if (e == ERR_NONE) {
			k++;
		}
	}
	if (b->mark == MARK_NONE)
		k = b->marks.len;
	if (k > 0)
		memmove(b->marks.items, b->marks.items + k, (b->marks.len - k) * sizeof *b->marks.items);
	b->marks.len -= k;
	return e;
}

static void done(struct mailbox *b, uint32_t uid, enum err e)
{
	if (e == ERR_INPUT) {
		count(b->m_quarantined);
		log_warn("email.quarantine", LF_STR("mailbox", b->o.name), LF_INT("uid", uid), LF_STR("result", "input"));
	}
	atomic_fetch_add(&b->received, 1);
	count(b->m_received);
	if (b->mark != MARK_NONE && b->marks.len < MARKS_MAX)
		uids_add(&b->marks, uid);
}

static enum err settle(struct mailbox *b, struct imap *i)
{
	uint32_t uid;
	enum err e;
	while (mail_window_take(b->window, false, &uid, &e)) {
		done(b, uid, e);
		b->refusals = 0;
	}
	return b->marks.len > 0 ? mark_all(b, i) : ERR_NONE;
}

/* All that were handed in have their answer; false: it is over. */
static bool drain(struct mailbox *b)
{
	while (mail_window_waiting(b->window) > 0)
		if (!mailbox_pause(b, 1000, true))
			return false;
	return true;
}

/* Some were not stored: the position goes back to before the first of them.  True when there were any. */
static bool go_back(struct mailbox *b)
{
	uint32_t uid, first = 0;
	enum err e;
	while (mail_window_take(b->window, true, &uid, &e)) {
		bool stored = e == ERR_NONE || e == ERR_INPUT;
		if (stored)
			done(b, uid, e);
		if (stored && first > 0)
			uids_add(&b->stored, uid);
		if (!stored && first == 0)
			first = uid;
	}
	if (first > 0)
		b->position = first - 1;
	return first > 0;
}

/* ---- reading ---- */

static bool hand_in(struct mailbox *b, const struct imap_mail *m)
{
	void *place = mail_window_put(b->window, m->uid);
	if (!place) /* cannot be: there was room, and nobody else puts */
		return false;
	if (m->internal_date > 0)
		lag(b, (int64_t)(clock_wall_ms() / 1000) - m->internal_date);
	fault_point("email.before_take");
	b->o.port.take(b->o.port.arg, b->uid_validity, m, mail_window_done, place);
	b->position = m->uid;
	return true;
}

/* After a refusal one at a time, until one is stored. */
static bool full(const struct mailbox *b)
{
	return mail_window_full(b->window) || (b->refusals > 0 && mail_window_waiting(b->window) > 0);
}

/* Room in the window, with everything done so far marked. */
static enum err make_room(struct mailbox *b, struct imap *i)
{
	enum err e = settle(b, i);
	while (e == ERR_NONE && full(b) && !mail_window_refused(b->window)) {
		if (!mailbox_pause(b, 1000, true))
			return ERR_RETRY;
		e = settle(b, i);
	}
	return e;
}

static enum err read_one(struct mailbox *b, struct imap *i, uint32_t uid)
{
	struct imap_mail m = { .uid = uid };
	unsigned bad = uid == b->bad_uid ? b->bad_times : 0;
	size_t max = bad >= BAD_SMALL && b->o.max_bytes > SMALL_BYTES ? SMALL_BYTES : b->o.max_bytes;
	if (bad >= BAD_EMPTY) {
		log_error("email.unreadable", LF_STR("mailbox", b->o.name), LF_INT("uid", uid), LF_STR("result", "broken"));
		m.cut = true;
		buf_reserve(&m.raw, 0);
	} else {
		enum err e = imap_fetch(i, uid, b->o.keyword, max, &m);
		if (e == ERR_INPUT) { /* somebody took it away meanwhile */
			b->position = uid;
			return ERR_NONE;
		}
		if (e != ERR_NONE) {
			/* A server that says "later", or our own stop, says nothing about the mail. */
			if (mailbox_keep(b) && (e == ERR_DENIED || i->dead)) {
				b->bad_times = bad + 1;
				b->bad_uid = uid;
			}
			return ERR_RETRY;
		}
	}
	bool ok = mailbox_keep(b) && hand_in(b, &m);
	buf_done(&m.raw);
	b->fails = 0;
	return ok ? ERR_NONE : ERR_RETRY;
}

static enum err read_batch(struct mailbox *b, struct imap *i, const uint32_t *uids, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		enum err e = make_room(b, i);
		if (e != ERR_NONE || mail_window_refused(b->window))
			return e;
		if (uids_has(&b->stored, uids[k]))
			b->position = uids[k];
		else if ((e = read_one(b, i, uids[k])) != ERR_NONE)
			return e;
	}
	return ERR_NONE;
}

/* Nothing more to read for now: everything is done and marked, or something has to be read again. */
static enum err finish(struct mailbox *b, struct imap *i, bool *again)
{
	if (!drain(b))
		return ERR_RETRY;
	enum err e = settle(b, i);
	*again = go_back(b);
	if (e == ERR_NONE && b->marks.len > 0)
		e = mark_all(b, i);
	if (!*again) {
		b->stored.len = 0;
		return e;
	}
	if (b->refusals++ == 0)
		log_warn("email.take", LF_STR("mailbox", b->o.name), LF_INT("uid", b->position + 1), LF_STR("result", "retry"));
	uint32_t ms = mailbox_backoff(b, b->refusals);
	mailbox_say(b, "mail cannot be stored, reading again in %" PRIu32 " s", (ms + 999) / 1000);
	return e == ERR_NONE && !mailbox_pause(b, ms, false) ? ERR_RETRY : e;
}

static enum err wait_for_more(struct mailbox *b, struct imap *i)
{
	bool changed;
	bool idles = imap_caps(i) & IMAP_IDLE;
	lag(b, 0);
	mailbox_say(b, "watching %s by %s, %" PRIuFAST64 " mails read", b->o.folder, idles ? "IDLE" : "asking now and then",
	    atomic_load(&b->received));
	return imap_wait(i, b->o.idle_ms, b->o.poll_ms, &changed);
}

/* Where to begin: the stored cursor, unless there is none or it speaks of other UIDs. */
static enum err find_position(struct mailbox *b, struct imap *i, const struct imap_folder *f)
{
	uint32_t validity = 0, uid = 0;
	if (!drain(b)) /* of an earlier connection */
		return ERR_RETRY;
	go_back(b);
	b->stored.len = 0;
	enum err e = b->o.port.cursor(b->o.port.arg, &validity, &uid);
	if (e != ERR_NONE)
		return e;
	if (b->uid_validity != f->uid_validity)
		b->marks.len = 0;
	b->uid_validity = f->uid_validity;
	b->position = uid;
	if (validity == f->uid_validity)
		return ERR_NONE;
	b->position = 0;
	if (validity == 0 && !b->o.from_start && f->uid_next > 0)
		b->position = f->uid_next - 1;
	for (size_t n = 1; validity == 0 && !b->o.from_start && f->uid_next == 0 && n > 0 && e == ERR_NONE;) {
		uint32_t *uids = NULL;
		n = 0;
		if ((e = imap_uids_after(i, b->position, BATCH, &uids, &n)) == ERR_NONE && n > 0)
			b->position = uids[n - 1];
		free(uids);
	}
	if (validity != 0)
		log_warn("email.uidvalidity", LF_STR("mailbox", b->o.name), LF_INT("was", validity), LF_INT("is", f->uid_validity),
		    LF_STR("result", "ok"));
	return e == ERR_NONE ? b->o.port.set_cursor(b->o.port.arg, f->uid_validity, b->position) : e;
}

enum err mailbox_read(struct mailbox *b, struct imap *i, const struct imap_folder *f)
{
	b->mark = b->o.mark == MARK_KEYWORD && !f->keywords ? MARK_SEEN : b->o.mark;
	enum err e = find_position(b, i, f);
	if (e != ERR_NONE && !imap_why(i)[0])
		imap_say(i, "the place to begin at cannot be read or stored", "");
	while (e == ERR_NONE && mailbox_keep(b)) {
		uint32_t *uids = NULL;
		size_t n = 0;
		e = imap_uids_after(i, b->position, BATCH, &uids, &n);
		if (e == ERR_NONE && n > 0) {
			mailbox_say(b, "reading %s, %" PRIuFAST64 " mails read", b->o.folder, atomic_load(&b->received));
			e = read_batch(b, i, uids, n);
		}
		free(uids);
		if (e == ERR_NONE && (n == 0 || mail_window_refused(b->window))) {
			bool again = false;
			e = finish(b, i, &again);
			if (e == ERR_NONE && n == 0 && !again && mailbox_keep(b))
				e = wait_for_more(b, i);
		}
	}
	return e == ERR_NONE ? ERR_RETRY : e;
}
