/*
 * The watch: duty first, then a connection, then reading (mailbox_read.c), and again after a wait that grows while nothing comes of it.  The duty
 * is a lease in the database, renewed on this thread every third of it wherever the thread waits: in polls of the connection (go_on), in pauses,
 * between mails.  Whoever lost it drops the connection at once; whoever wants it asks once a second, so that an orderly end is noticed
 * soon and a death when the lease has run out.
 *
 * A refused log-in is reported and left alone for long, as servers lock accounts that are hammered; with OAuth a new token is tried once.
 */
#include "mailbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/clock.h"
#include "../../core/base/id.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/base/metric.h"
#include "mailbox_priv.h"
#include "oauth.h"
#include "unsaid.h"

#define STANDBY_MS 1000u
#define STEADY_MS 30000u /* a connection that lasted this long was a good one */
#define STOP_MS 1000u    /* for what was handed in to be done, at the end */
#define DENIED 3u        /* times the longest wait, after a refused log-in */

void mailbox_say(struct mailbox *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	pthread_mutex_lock(&b->mtx);
	vsnprintf(b->state, sizeof b->state, fmt, ap);
	pthread_mutex_unlock(&b->mtx);
	va_end(ap);
}

void mailbox_describe(struct mailbox *b, char *out, size_t n)
{
	pthread_mutex_lock(&b->mtx);
	snprintf(out, n, "%s", b->state);
	pthread_mutex_unlock(&b->mtx);
}

/* ---- duty and time ---- */

static void hold(struct mailbox *b)
{
	uint64_t now = clock_ms();
	bool had = b->held;
	b->held = b->o.port.hold(b->o.port.arg, b->o.lease_ms);
	b->renew_at = now + b->o.lease_ms / 3;
	if (had && !b->held)
		log_warn("email.duty", LF_STR("mailbox", b->o.name), LF_STR("result", "denied"));
}

bool mailbox_keep(struct mailbox *b)
{
	if (b->held && clock_ms() >= b->renew_at)
		hold(b);
	return b->held && !atomic_load(&b->stop);
}

static bool go_on(void *arg)
{
	return mailbox_keep(arg);
}

bool mailbox_pause(struct mailbox *b, uint32_t ms, bool until_done)
{
	uint64_t until = clock_ms() + ms, now;
	bool slept = false;
	while (mailbox_keep(b) && (now = clock_ms()) < until && !(slept && until_done)) {
		uint64_t left = until - now, renew = b->renew_at > now ? b->renew_at - now : 1;
		mail_window_sleep(b->window, (uint32_t)(left < renew ? left : renew));
		slept = true;
	}
	return mailbox_keep(b);
}

/* As long as nobody stops it, without the duty. */
static void rest(struct mailbox *b, uint32_t ms)
{
	uint64_t until = clock_ms() + ms, now;
	while (!atomic_load(&b->stop) && (now = clock_ms()) < until)
		mail_window_sleep(b->window, (uint32_t)(until - now));
}

uint32_t mailbox_backoff(const struct mailbox *b, unsigned times)
{
	uint64_t ms = b->o.retry_min_ms;
	uint16_t r;
	for (unsigned k = 1; k < times && ms < b->o.retry_max_ms; k++)
		ms *= 2;
	ms = ms < b->o.retry_max_ms ? ms : b->o.retry_max_ms;
	random_bytes(&r, sizeof r);
	return (uint32_t)(ms * 3 / 4 + ms * r / 131072); /* between 3/4 and 5/4 of it */
}

/* ---- connecting ---- */

static void publish(struct mailbox *b, struct imap *i)
{
	pthread_mutex_lock(&b->mtx);
	b->imap = i;
	pthread_mutex_unlock(&b->mtx);
	if (b->m_connected)
		metric_set(b->m_connected, i != NULL);
}

static enum err connect_once(struct mailbox *b, bool refused, struct imap **i)
{
	struct mail_login l = b->o.login;
	char *token = NULL;
	enum err e = ERR_NONE;
	l.go_on = go_on;
	l.go_on_arg = b;
	if (b->o.oauth) {
		e = oauth_token(b->o.oauth, refused, &token, b->why, sizeof b->why);
		l.password = NULL;
		l.token = token;
	}
	if (e == ERR_NONE)
		e = imap_open(i, &l, b->o.timeout_ms, b->why, sizeof b->why);
	if (token)
		explicit_bzero(token, strlen(token));
	free(token);
	return e;
}

/* No addresses of people: what a server says may name somebody. */
static void scrub(char *s)
{
	for (char *word = s; *word;) {
		size_t n = strcspn(word, " ");
		if (memchr(word, '@', n))
			memset(word, '*', n);
		word += n;
		word += strspn(word, " ");
	}
}

/* One connection from its beginning to its end. */
static enum err session(struct mailbox *b)
{
	struct imap *i = NULL;
	struct imap_folder f;
	b->why[0] = '\0';
	mailbox_say(b, "connecting");
	enum err e = connect_once(b, false, &i);
	if (e == ERR_DENIED && b->o.oauth && mailbox_keep(b))
		e = connect_once(b, true, &i);
	if (e != ERR_NONE)
		return e;
	publish(b, i);
	if (b->connected_before && b->m_reconnects)
		metric_add(b->m_reconnects, 1);
	b->connected_before = true;
	uint64_t since = clock_ms();
	e = imap_select(i, b->o.folder, false, &f);
	if (e == ERR_NONE) {
		log_info("email.connect", LF_STR("mailbox", b->o.name), LF_STR("by", imap_caps(i) & IMAP_IDLE ? "idle" : "poll"),
		    LF_INT("mails", f.exists), LF_STR("result", "ok"));
		e = mailbox_read(b, i, &f);
		if (clock_ms() - since >= STEADY_MS)
			b->fails = 0;
	}
	snprintf(b->why, sizeof b->why, "%s", imap_why(i));
	publish(b, NULL);
	imap_close(i);
	return e;
}

static void after(struct mailbox *b, enum err e)
{
	b->fails++;
	uint32_t ms = mailbox_backoff(b, b->fails);
	if (e == ERR_DENIED)
		ms = DENIED * b->o.retry_max_ms;
	else if (e != ERR_RETRY)
		ms = b->o.retry_max_ms;
	scrub(b->why);
	unsaid(b->why, b->o.login.password);
	mailbox_say(b, "%s; again in %" PRIu32 " s", b->why[0] ? b->why : "the connection ended", (ms + 999) / 1000);
	enum log_level level = e == ERR_RETRY && b->fails < 3 ? LOG_INFO : LOG_WARN;
	if (log_enabled(level))
		LOG_LINE(level, "email.disconnect", LF_STR("mailbox", b->o.name), LF_STR("why", b->why), LF_INT("times", b->fails),
		    LF_INT("wait_ms", ms), LF_STR("result", err_name(e)));
	/* It may be only this process that cannot reach the server: another one gets its chance. */
	if (e == ERR_RETRY && b->fails >= 3 && ms > b->o.lease_ms) {
		b->o.port.leave(b->o.port.arg);
		b->held = false;
		rest(b, ms);
		return;
	}
	uint64_t until = clock_ms() + ms;
	while (clock_ms() < until && mailbox_pause(b, (uint32_t)(until - clock_ms()), false))
		;
}

static void *watch(void *arg)
{
	struct mailbox *b = arg;
	pthread_setname_np(pthread_self(), "eddy-mailbox");
	while (!atomic_load(&b->stop)) {
		if (!b->held)
			hold(b);
		if (!b->held) {
			mailbox_say(b, "another process watches it");
			rest(b, STANDBY_MS);
			continue;
		}
		enum err e = session(b);
		if (mailbox_keep(b))
			after(b, e);
	}
	for (uint64_t until = clock_ms() + STOP_MS; mail_window_waiting(b->window) > 0 && clock_ms() < until;)
		mail_window_sleep(b->window, 100);
	if (b->held)
		b->o.port.leave(b->o.port.arg);
	b->held = false;
	mailbox_say(b, "stopped");
	return NULL;
}

/* ---- life ---- */

static void defaults(struct mailbox_options *o)
{
#define OR(field, value) o->field = o->field > 0 ? o->field : (value)
	OR(window, 32);
	OR(max_bytes, 25u << 20);
	OR(idle_ms, 4 * 60 * 1000);
	if (o->poll_ms > 0 && o->poll_ms < o->idle_ms) /* not every server that idles tells everything */
		o->idle_ms = o->poll_ms;
	OR(poll_ms, 30000);
	OR(timeout_ms, 60000);
	OR(lease_ms, 25000);
	OR(retry_min_ms, 1000);
	OR(retry_max_ms, 5 * 60 * 1000);
#undef OR
	o->idle_ms = o->idle_ms < 9 * 60 * 1000 ? o->idle_ms : 9 * 60 * 1000;
	o->folder = o->folder ? o->folder : "INBOX";
	o->keyword = o->keyword ? o->keyword : "$Eddy";
	if (o->mark == MARK_MOVE && !o->move_to)
		o->mark = MARK_KEYWORD;
}

static void measure(struct mailbox *b)
{
	struct metrics *ms = b->o.metrics;
	struct buf l = BUF_INIT;
	if (!ms)
		return;
	buf_add_str(&l, "mailbox=\"");
	for (const char *s = b->o.name ? b->o.name : ""; *s; s++)
		buf_add_char(&l, *s == '"' || *s == '\\' || *s < ' ' ? '_' : *s);
	buf_add_char(&l, '"');
	b->m_received = metric_counter(ms, "eddy_email_received_total", l.p, "Mails read and stored or kept aside");
	b->m_quarantined =
	    metric_counter(ms, "eddy_email_quarantined_total", l.p, "Mails kept aside because they could not be read");
	b->m_reconnects = metric_counter(ms, "eddy_email_reconnects_total", l.p, "Connections to a mailbox after the first");
	b->m_connected = metric_gauge(ms, "eddy_email_connected", l.p, "Whether this process watches the mailbox right now");
	b->m_lag = metric_gauge(ms, "eddy_email_lag_seconds", l.p, "Age of the mail being read; 0 when all are read");
	buf_done(&l);
}

struct mailbox *mailbox_new(const struct mailbox_options *o)
{
	struct mailbox *b = xcalloc(1, sizeof *b);
	b->o = *o;
	defaults(&b->o);
	b->window = mail_window_new(b->o.window);
	pthread_mutex_init(&b->mtx, NULL);
	atomic_init(&b->stop, false);
	atomic_init(&b->received, 0);
	measure(b);
	mailbox_say(b, "connecting");
	return b;
}

void mailbox_start(struct mailbox *b)
{
	if (b->started)
		return;
	b->started = pthread_create(&b->thread, NULL, watch, b) == 0;
	if (!b->started) {
		mailbox_say(b, "cannot make a thread");
		log_error("email.start", LF_STR("mailbox", b->o.name), LF_STR("result", "broken"));
	}
}

void mailbox_stop(struct mailbox *b)
{
	atomic_store(&b->stop, true);
	pthread_mutex_lock(&b->mtx);
	if (b->imap)
		imap_wake(b->imap);
	pthread_mutex_unlock(&b->mtx);
	mail_window_poke(b->window);
	if (b->started)
		pthread_join(b->thread, NULL);
	b->started = false;
}

void mailbox_free(struct mailbox *b)
{
	if (!b)
		return;
	mailbox_stop(b);
	mail_window_free(b->window);
	free(b->stored.items);
	free(b->marks.items);
	pthread_mutex_destroy(&b->mtx);
	free(b);
}
