/*
 * The queue of mails and the thread that sends them.  A mail is in one of two states: to be sent, or to be looked for first because it may have
 * left already (a crash lies between, or the line broke after the data).  What the server put off goes back to the core with a time that grows
 * per delivery; the core brings it again.  ${tries} remembers such deliveries: that nothing of them has left, so that they need no look, and
 * who of several recipients has it already.  It is memory only; without it a mail is looked for once too often, never sent unseen.
 *
 * A server that cannot be reached, or refuses our log-in, is left alone for growing times: what comes meanwhile is put off at once.
 */
#include "outgoing.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/map.h"
#include "../../core/base/mem.h"
#include "../../core/base/metric.h"
#include "copies.h"
#include "oauth.h"

#define QUEUE_BYTES (64u << 20)
#define TRIES_MAX 4096u
#define TURNED_MAX 32768u
#define REST_TRIES 5u /* for recipients that are put off while others have the mail */
#define LOOK_STEP_MS 1000u
#define AWAY_MAX_MS 600000u /* an uncertain mail is sent again when the mailbox cannot be asked for so long */
#define PER_MINUTE_MAX 6000u
#define COPIES_TIMEOUT_MS 10000u
#define DENIED_MIN_MS 60000u /* accounts are locked after a few wrong passwords */

struct item {
	struct item *next;
	struct id ws, delivery;
	char *message_id, *from, *raw;
	char **to;
	size_t to_len, raw_len;
	bool look;   /* may have left: to be looked for before it is sent */
	bool resent; /* after a look */
	uint64_t due_ms, look_until_ms, away_until_ms;
};

/* A delivery that was put off. */
struct tries {
	struct id delivery;
	struct tries *older, *newer;
	unsigned n;
	bool clean;  /* nothing has left */
	bool copied; /* is in the Sent folder */
	char **done; /* who has it, or never will: by address, since one that is stopped meanwhile is no recipient the next time */
	size_t done_len, accepted;
};

enum outcome { OUT_OK, OUT_PARTIAL, OUT_FOUND, OUT_LATER, OUT_REFUSED, OUT_DENIED, OUT_UNKNOWN, OUTCOMES };

struct outgoing {
	struct outgoing_options o;
	struct smtp *smtp;
	struct copies *copies;
	pthread_t thread;
	bool started;
	pthread_mutex_t mtx;
	pthread_cond_t cond;
	/* under mtx */
	bool stopping;
	struct item *first, **end;
	size_t queued, bytes;
	uint64_t sent_total, later_total, refused_total;
	char trouble[300];  /* with the server; "" none */
	uint64_t turn_ms;   /* given to the last one that found no room */
	uint32_t pace_ms;   /* what a mail takes, lately */
	struct map *turned; /* deliveries that found no room: nothing of them has left */
	/* of the thread */
	struct map *tries;
	struct tries *oldest, *newest;
	uint64_t server_until_ms, rate_until_ms;
	uint32_t server_wait_ms;
	uint64_t *ring; /* when the last ${per_minute} were sent */
	size_t ring_at, per_minute;
	struct metric *results[OUTCOMES], *queue, *seconds;
};

/* ---- what it is made of ---- */

/* The mailbox is not waited for when we end. */
static bool goes_on(void *arg)
{
	struct outgoing *o = arg;
	pthread_mutex_lock(&o->mtx);
	bool stopping = o->stopping;
	pthread_mutex_unlock(&o->mtx);
	return !stopping;
}

struct outgoing *outgoing_new(const struct outgoing_options *q)
{
	static const char *const names[OUTCOMES] = { "ok", "partial", "found", "later", "refused", "denied", "unknown" };
	struct outgoing *o = xcalloc(1, sizeof *o);
	o->o = *q;
	o->o.max_queue = q->max_queue ? q->max_queue : 256;
	o->o.retry_min_ms = q->retry_min_ms ? q->retry_min_ms : 5000;
	o->o.retry_max_ms = q->retry_max_ms ? q->retry_max_ms : 900000;
	o->o.look_ms = q->look_ms ? q->look_ms : 15000;
	o->end = &o->first;
	o->smtp = smtp_new(&q->smtp);
	struct mail_login imap = q->imap;
	imap.go_on = goes_on;
	imap.go_on_arg = o;
	o->copies = copies_new(&(struct copies_options){
	    .login = imap,
	    .oauth = q->oauth,
	    .sent_folder = q->sent_folder,
	    .inbox = q->inbox,
	    .timeout_ms = q->smtp.timeout_ms && q->smtp.timeout_ms < COPIES_TIMEOUT_MS ? q->smtp.timeout_ms : COPIES_TIMEOUT_MS,
	    .retry_min_ms = o->o.retry_min_ms,
	    .retry_max_ms = o->o.retry_max_ms < 60000 ? o->o.retry_max_ms : 60000,
	});
	o->tries = map_new();
	o->turned = map_new();
	o->per_minute = q->per_minute < PER_MINUTE_MAX ? q->per_minute : PER_MINUTE_MAX;
	o->ring = xcalloc(o->per_minute ? o->per_minute : 1, sizeof *o->ring);
	pthread_mutex_init(&o->mtx, NULL);
	pthread_condattr_t a;
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(&o->cond, &a);
	pthread_condattr_destroy(&a);
	for (int i = 0; q->metrics && i < OUTCOMES; i++) {
		char label[40];
		snprintf(label, sizeof label, "result=\"%s\"", names[i]);
		o->results[i] =
		    metric_counter(q->metrics, "eddy_email_sent_total", label, "Mails by what became of an attempt to send them");
	}
	if (q->metrics) {
		o->queue = metric_gauge(q->metrics, "eddy_email_queue", NULL, "Mails that wait to be sent");
		o->seconds =
		    metric_duration(q->metrics, "eddy_email_send_seconds", NULL, "Time that a submission server took for a mail");
	}
	return o;
}

static void item_free(struct item *m)
{
	for (size_t i = 0; i < m->to_len; i++)
		free(m->to[i]);
	free(m->to);
	free(m->message_id);
	free(m->from);
	free(m->raw);
	free(m);
}

static void count(struct outgoing *o, enum outcome what)
{
	if (o->results[what])
		metric_add(o->results[what], 1);
}

/* ---- deliveries that were put off ---- */

static void tries_forget(struct outgoing *o, struct tries *t)
{
	if (!t)
		return;
	map_remove(o->tries, &t->delivery, sizeof t->delivery);
	*(t->older ? &t->older->newer : &o->oldest) = t->newer;
	*(t->newer ? &t->newer->older : &o->newest) = t->older;
	for (size_t i = 0; i < t->done_len; i++)
		free(t->done[i]);
	free(t->done);
	free(t);
}

static struct tries *tries_of(struct outgoing *o, const struct item *m, bool make)
{
	struct tries *t = map_get(o->tries, &m->delivery, sizeof m->delivery);
	if (t || !make)
		return t;
	if (map_count(o->tries) >= TRIES_MAX)
		tries_forget(o, o->oldest);
	t = xcalloc(1, sizeof *t);
	t->delivery = m->delivery;
	t->older = o->newest;
	*(o->newest ? &o->newest->newer : &o->oldest) = t;
	o->newest = t;
	map_put(o->tries, &t->delivery, sizeof t->delivery, t);
	return t;
}

static bool is_done(const struct tries *t, const char *addr)
{
	for (size_t i = 0; t && i < t->done_len; i++)
		if (strcmp(t->done[i], addr) == 0)
			return true;
	return false;
}

static void set_done(struct tries *t, const char *addr)
{
	if (is_done(t, addr))
		return;
	t->done = xrealloc(t->done, (t->done_len + 1) * sizeof *t->done);
	t->done[t->done_len++] = xstrdup(addr);
}

/* ---- how a mail ends here ---- */

static void end_item(struct outgoing *o, struct item *m, enum err result, uint32_t retry_ms, const char *why)
{
	pthread_mutex_lock(&o->mtx);
	o->queued--;
	o->bytes -= m->raw_len;
	(*(result == ERR_NONE ? &o->sent_total : result == ERR_RETRY ? &o->later_total : &o->refused_total))++;
	if (o->queue) /* one gauge for all mailboxes */
		metric_add(o->queue, -1);
	pthread_mutex_unlock(&o->mtx);
	if (result != ERR_RETRY)
		tries_forget(o, tries_of(o, m, false));
	o->o.port.sent(o->o.port.arg,
	    &(struct sent){ .ws = m->ws,
	        .delivery = m->delivery,
	        .result = result,
	        .retry_after_ms = retry_ms,
	        .external_ref = result == ERR_NONE ? m->message_id : NULL,
	        .why = result == ERR_NONE ? NULL : why });
	item_free(m);
}

/* Without a word: it may have left, so the next process looks for it. */
static void drop_item(struct outgoing *o, struct item *m)
{
	pthread_mutex_lock(&o->mtx);
	o->queued--;
	o->bytes -= m->raw_len;
	if (o->queue)
		metric_add(o->queue, -1);
	pthread_mutex_unlock(&o->mtx);
	item_free(m);
}

static void put_off(struct outgoing *o, struct item *m, bool clean, const char *why)
{
	static const uint32_t waits_s[] = { 30, 120, 600, 1800, 7200, 21600, 57600, 86400 };
	struct tries *t = tries_of(o, m, true);
	uint32_t n = t->n++, ms, server_ms = 0;
	t->clean = clean;
	ms = waits_s[n < 8 ? n : 7] * 1000u;
	uint64_t now = clock_ms();
	if (o->server_until_ms > now)
		server_ms = (uint32_t)(o->server_until_ms - now);
	end_item(o, m, ERR_RETRY, ms > server_ms ? ms : server_ms, why);
}

/* Comes again in ${ms}, before those behind it. */
static void wait_item(struct outgoing *o, struct item *m, uint32_t ms)
{
	m->due_ms = clock_ms() + ms;
	if (ms > LOOK_STEP_MS)
		o->o.port.held(o->o.port.arg, m->ws, m->delivery, ms);
	pthread_mutex_lock(&o->mtx);
	m->next = o->first;
	if (!o->first)
		o->end = &m->next;
	o->first = m;
	pthread_mutex_unlock(&o->mtx);
}

/* ---- sending ---- */

/* "smtp 550 5.1.1": no words of the server, which may name people. */
static void code_words(int code, const char *reply, char out[40])
{
	unsigned a, b, c;
	if (code == 0)
		snprintf(out, 40, "smtp");
	else if (sscanf(reply, "%1u.%3u.%3u", &a, &b, &c) == 3)
		snprintf(out, 40, "smtp %d %u.%u.%u", code, a, b, c);
	else
		snprintf(out, 40, "smtp %d", code);
}

/* Whether a refusal is about the mailbox, and not about us, the mail or the moment (RFC 3463: x.1 addressing, x.2.1 disabled). */
static bool is_about_mailbox(int code, const char *reply)
{
	unsigned a, b, c;
	if (code < 500)
		return false;
	if (sscanf(reply, "%1u.%3u.%3u", &a, &b, &c) == 3)
		return a == 5 && ((b == 1 && c != 7 && c != 8) || (b == 2 && c == 1));
	return code == 550 || code == 551 || code == 553;
}

static void server_trouble(struct outgoing *o, const struct smtp_result *r)
{
	char words[40];
	code_words(r->code, r->reply, words);
	uint32_t least = r->fate == SMTP_DENIED && o->o.retry_min_ms < DENIED_MIN_MS ? DENIED_MIN_MS : o->o.retry_min_ms,
	         ms = o->server_wait_ms * 2;
	o->server_wait_ms = ms < least ? least : ms;
	if (o->server_wait_ms > o->o.retry_max_ms)
		o->server_wait_ms = o->o.retry_max_ms;
	o->server_until_ms = clock_ms() + o->server_wait_ms;
	pthread_mutex_lock(&o->mtx);
	snprintf(o->trouble, sizeof o->trouble, "%s", r->reply);
	pthread_mutex_unlock(&o->mtx);
	log_warn("email.server", LF_STR("why", r->code ? words : r->reply), LF_INT("wait_ms", o->server_wait_ms),
	    LF_STR("result", "retry"));
}

static void server_well(struct outgoing *o)
{
	o->server_wait_ms = 0;
	o->server_until_ms = 0;
	pthread_mutex_lock(&o->mtx);
	o->trouble[0] = '\0';
	pthread_mutex_unlock(&o->mtx);
}

/* One attempt, with a new token when the old one is refused. */
static void attempt(struct outgoing *o, struct item *m, struct smtp_recipient *to, size_t n, struct smtp_result *r)
{
	bool by_token = !o->o.smtp.login.password && o->o.oauth;
	for (int i = 0; i < (by_token ? 2 : 1); i++) {
		char *token = NULL, why[280] = "";
		if (by_token) {
			enum err e = oauth_token(o->o.oauth, i > 0, &token, why, sizeof why);
			if (e != ERR_NONE) {
				*r = (struct smtp_result){ .fate = e == ERR_RETRY ? SMTP_LATER : SMTP_DENIED };
				snprintf(r->reply, sizeof r->reply, "token: %s", why);
				return;
			}
		}
		smtp_send(o->smtp, by_token ? token : o->o.smtp.login.token, m->from, to, n, m->raw, m->raw_len, r);
		free(token);
		if (r->fate != SMTP_DENIED)
			return;
	}
}

static void log_send(struct item *m, const struct smtp_result *r, size_t n, uint64_t ms, const char *result)
{
	char words[40];
	code_words(r->code, r->reply, words);
	log_info("email.send", LF_ID("run", m->delivery), LF_STR("code", words), LF_INT("recipients", n),
	    LF_INT("accepted", r->accepted), LF_INT("bytes", m->raw_len), LF_INT("ms", ms), LF_STR("result", result));
}

static void file_copy(struct outgoing *o, struct item *m)
{
	if (o->o.copy != COPY_APPEND)
		return;
	enum err e = copies_append(o->copies, m->raw, m->raw_len);
	if (e != ERR_NONE)
		log_warn("email.copy", LF_ID("run", m->delivery), LF_STR("result", err_name(e)));
}

/* Taken by the server for some of its recipients at least. */
static void accepted(struct outgoing *o, struct item *m, const struct smtp_recipient *to, size_t n, const struct smtp_result *r)
{
	struct tries *t = tries_of(o, m, true);
	size_t refused = 0, later = 0;
	for (size_t i = 0; i < n; i++) {
		refused += to[i].code >= 500;
		later += to[i].code >= 300 && to[i].code < 500;
		if (to[i].code < 300 || to[i].code >= 500)
			set_done(t, to[i].addr);
	}
	if (!t->copied)
		file_copy(o, m);
	t->copied = true;
	t->accepted += r->accepted;
	count(o, refused + later > 0 ? OUT_PARTIAL : OUT_OK);
	if (later > 0 && t->n + 1 < REST_TRIES)
		put_off(o, m, true, "smtp some recipients put off");
	else
		end_item(o, m, ERR_NONE, 0, NULL);
}

/* The server is left alone; what the core brings again is not lost. */
static bool server_rests(struct outgoing *o, struct item *m)
{
	if (o->server_until_ms <= clock_ms())
		return false;
	count(o, OUT_LATER);
	put_off(o, m, !m->look, "smtp resting");
	return true;
}

static bool rate_rests(struct outgoing *o, struct item *m)
{
	if (o->per_minute == 0)
		return false;
	uint64_t now = clock_ms(), last = o->ring[o->ring_at];
	if (last == 0 || now >= last + 60000) {
		o->ring[o->ring_at] = now;
		o->ring_at = (o->ring_at + 1) % o->per_minute;
		return false;
	}
	o->rate_until_ms = last + 60000;
	wait_item(o, m, (uint32_t)(o->rate_until_ms - now));
	return true;
}

static void look_later(struct outgoing *o, struct item *m)
{
	m->look = true;
	m->look_until_ms = clock_ms() + o->o.look_ms;
	m->away_until_ms = clock_ms() + AWAY_MAX_MS;
	wait_item(o, m, o->o.look_ms < LOOK_STEP_MS ? o->o.look_ms / 4 : LOOK_STEP_MS / 4);
}

static void send_item(struct outgoing *o, struct item *m)
{
	if (server_rests(o, m) || rate_rests(o, m))
		return;
	m->resent = m->look;
	struct tries *t = tries_of(o, m, false);
	struct smtp_recipient *to = xcalloc(m->to_len + 1, sizeof *to);
	size_t *place = xcalloc(m->to_len + 1, sizeof *place), n = 0,
	       copy = o->o.copy == COPY_SELF && o->o.own_address && !(t && t->copied);
	for (size_t i = 0; i < m->to_len; i++) {
		if (copy && strcasecmp(m->to[i], o->o.own_address) == 0)
			copy = 0; /* it has one anyway */
		if (is_done(t, m->to[i]))
			continue;
		place[n] = i;
		to[n++].addr = m->to[i];
	}
	if (n == 0 && t && t->accepted > 0) { /* whom it was kept for is not written to any more */
		end_item(o, m, ERR_NONE, 0, NULL);
		free(to);
		free(place);
		return;
	}
	if (copy)
		to[n] = (struct smtp_recipient){ .addr = o->o.own_address, .copy = true };
	struct smtp_result r;
	uint64_t t0 = clock_ms();
	attempt(o, m, to, n + copy, &r);
	uint64_t ms = clock_ms() - t0;
	if (o->seconds)
		metric_observe_ms(o->seconds, (double)ms);
	pthread_mutex_lock(&o->mtx);
	o->pace_ms = (uint32_t)((o->pace_ms * 7u + (ms < 60000 ? ms : 60000)) / 8);
	pthread_mutex_unlock(&o->mtx);
	if (r.connected)
		server_well(o);
	char words[40];
	code_words(r.code, r.reply, words);
	for (size_t i = 0; i < n; i++) {
		if (to[i].code < 300)
			continue;
		char code[40];
		code_words(to[i].code, to[i].reply, code);
		log_warn("email.recipient", LF_ID("run", m->delivery), LF_INT("nth", place[i] + 1), LF_STR("code", code),
		    LF_STR("result", to[i].code < 500 ? "later" : "refused"));
		if (o->o.port.refused && is_about_mailbox(to[i].code, to[i].reply))
			o->o.port.refused(o->o.port.arg, m->ws, to[i].addr, to[i].code, to[i].reply);
	}
	static const char *const results[] = { "ok", "later", "refused", "denied", "unknown" };
	log_send(m, &r, n, ms, r.fate == SMTP_ACCEPTED && r.accepted < n ? "partial" : results[r.fate]);
	bool clean = !m->look; /* a look has not found it, and yet: nobody can be sure */
	switch (r.fate) {
	case SMTP_ACCEPTED:
		accepted(o, m, to, n, &r);
		break;
	case SMTP_REFUSED:
		count(o, OUT_REFUSED);
		if (t && t->accepted > 0) /* the others have it */
			end_item(o, m, ERR_NONE, 0, NULL);
		else
			end_item(o, m, ERR_INPUT, 0, words);
		break;
	case SMTP_UNKNOWN:
		count(o, OUT_UNKNOWN);
		if (!goes_on(o))
			drop_item(o, m);
		else
			look_later(o, m);
		break;
	case SMTP_DENIED:
	case SMTP_LATER:
		count(o, r.fate == SMTP_DENIED ? OUT_DENIED : OUT_LATER);
		if (!goes_on(o)) {
			if (clean)
				end_item(o, m, ERR_RETRY, 0, "stopping");
			else
				drop_item(o, m);
			break;
		}
		if (!r.connected || r.fate == SMTP_DENIED || r.code == 421)
			server_trouble(o, &r);
		if (t && t->accepted > 0 && t->n + 1 >= REST_TRIES) /* the others have it */
			end_item(o, m, ERR_NONE, 0, NULL);
		else
			put_off(o, m, clean, r.fate == SMTP_DENIED ? "smtp login" : words);
		break;
	}
	free(to);
	free(place);
}

/* ---- looking for one that may have left ---- */

static void look_for(struct outgoing *o, struct item *m)
{
	uint64_t now = clock_ms();
	enum copies_found found = o->o.imap.host ? copies_find(o->copies, m->message_id) : COPIES_NOT_FOUND;
	bool last = now >= m->look_until_ms || !o->o.imap.host;
	if (found == COPIES_FOUND) {
		count(o, OUT_FOUND);
		log_info("email.look", LF_ID("run", m->delivery), LF_STR("result", "found"));
		end_item(o, m, ERR_NONE, 0, NULL);
	} else if (found == COPIES_AWAY && now < m->away_until_ms) {
		uint32_t ms = copies_wait_ms(o->copies);
		wait_item(o, m, ms > LOOK_STEP_MS ? ms : LOOK_STEP_MS);
	} else if (found == COPIES_NOT_FOUND && !last) {
		wait_item(o, m, o->o.look_ms < LOOK_STEP_MS * 4 ? o->o.look_ms / 4 + 1 : LOOK_STEP_MS);
	} else if (m->resent) {
		/* Twice unknown in a row: there is no sense in a third time at once. */
		put_off(o, m, false, "smtp unknown");
	} else {
		log_info("email.look", LF_ID("run", m->delivery), LF_STR("result", found == COPIES_AWAY ? "away" : "missing"));
		send_item(o, m);
	}
}

static void handle(struct outgoing *o, struct item *m)
{
	if (m->look && m->look_until_ms == 0) {
		struct tries *t = tries_of(o, m, false);
		if (t && t->clean) {
			m->look = false; /* it was us who put it off: nothing has left */
		} else {
			m->look_until_ms = clock_ms() + o->o.look_ms;
			m->away_until_ms = clock_ms() + AWAY_MAX_MS;
		}
	}
	if (m->look)
		look_for(o, m);
	else
		send_item(o, m);
}

/* ---- the thread ---- */

/* The first one that is due, out of the queue; else NULL and when to look again (0: when something comes).  Under mtx. */
static struct item *take_item(struct outgoing *o, uint64_t now, uint64_t *next_ms)
{
	*next_ms = 0;
	for (struct item **at = &o->first; *at; at = &(*at)->next) {
		struct item *m = *at;
		uint64_t due = m->due_ms;
		if (!m->look && due < o->rate_until_ms)
			due = o->rate_until_ms;
		if (due <= now) {
			*at = m->next;
			if (!*at)
				o->end = at;
			return m;
		}
		if (*next_ms == 0 || due < *next_ms)
			*next_ms = due;
	}
	return NULL;
}

static void wait_until(struct outgoing *o, uint64_t ms)
{
	struct timespec ts = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };
	if (ms == 0)
		pthread_cond_wait(&o->cond, &o->mtx);
	else
		(void)pthread_cond_timedwait(&o->cond, &o->mtx, &ts);
}

static void *run(void *arg)
{
	struct outgoing *o = arg;
	uint64_t rest_ms = 0; /* when a connection has rested enough */
	pthread_mutex_lock(&o->mtx);
	while (!o->stopping) {
		uint64_t next_ms, now = clock_ms();
		struct item *m = take_item(o, now, &next_ms);
		if (!m && (rest_ms == 0 || rest_ms > now)) {
			wait_until(o, rest_ms > 0 && (next_ms == 0 || rest_ms < next_ms) ? rest_ms : next_ms);
			continue;
		}
		pthread_mutex_unlock(&o->mtx);
		if (m)
			handle(o, m);
		uint32_t ms = copies_rest(o->copies), line_ms = smtp_rest(o->smtp);
		ms = ms == 0 || (line_ms > 0 && line_ms < ms) ? line_ms : ms;
		rest_ms = ms ? clock_ms() + ms : 0;
		pthread_mutex_lock(&o->mtx);
	}
	pthread_mutex_unlock(&o->mtx);
	return NULL;
}

void outgoing_start(struct outgoing *o)
{
	o->started = pthread_create(&o->thread, NULL, run, o) == 0;
	if (!o->started)
		log_error("email.thread", LF_STR("result", "broken"));
}

enum err outgoing_put(struct outgoing *o, const struct outgoing_mail *q)
{
	struct item *m = xcalloc(1, sizeof *m);
	m->ws = q->ws;
	m->delivery = q->delivery;
	m->message_id = xstrdup(q->message_id);
	m->from = xstrdup(q->envelope_from ? q->envelope_from : "");
	m->to = xcalloc(q->recipients_len ? q->recipients_len : 1, sizeof *m->to);
	for (; m->to_len < q->recipients_len; m->to_len++)
		m->to[m->to_len] = xstrdup(q->recipients[m->to_len]);
	m->raw = xmalloc(q->raw_len + 1);
	memcpy(m->raw, q->raw, q->raw_len);
	m->raw[q->raw_len] = '\0';
	m->raw_len = q->raw_len;
	m->look = q->maybe_sent;
	pthread_mutex_lock(&o->mtx);
	if (m->look && map_remove(o->turned, &m->delivery, sizeof m->delivery))
		m->look = false;
	bool full = o->stopping || o->queued >= o->o.max_queue || o->bytes + m->raw_len > QUEUE_BYTES;
	if (!full) {
		*o->end = m;
		o->end = &m->next;
		o->queued++;
		o->bytes += m->raw_len;
		if (o->queue)
			metric_add(o->queue, 1);
		pthread_cond_signal(&o->cond);
	}
	if (full && !m->look && map_count(o->turned) < TURNED_MAX)
		map_put(o->turned, &m->delivery, sizeof m->delivery, o);
	pthread_mutex_unlock(&o->mtx);
	if (full)
		item_free(m);
	return full ? ERR_RETRY : ERR_NONE;
}

uint32_t outgoing_turn_ms(struct outgoing *o)
{
	uint64_t now = clock_ms();
	pthread_mutex_lock(&o->mtx);
	uint64_t each = o->per_minute ? 60000 / o->per_minute : 0;
	if (each < o->pace_ms)
		each = o->pace_ms;
	if (each < 20)
		each = 20;
	if (o->turn_ms < now + o->queued * each)
		o->turn_ms = now + o->queued * each;
	o->turn_ms += each;
	uint64_t ms = o->turn_ms - now;
	pthread_mutex_unlock(&o->mtx);
	return ms < 86400000 ? (uint32_t)ms : 86400000;
}

void outgoing_stop(struct outgoing *o)
{
	pthread_mutex_lock(&o->mtx);
	o->stopping = true;
	pthread_cond_signal(&o->cond);
	pthread_mutex_unlock(&o->mtx);
	smtp_cancel(o->smtp);
	if (o->started)
		pthread_join(o->thread, NULL);
	o->started = false;
	while (o->first) {
		struct item *m = o->first;
		o->first = m->next;
		struct tries *t = tries_of(o, m, false);
		if (m->look && !(m->look_until_ms == 0 && t && t->clean))
			drop_item(o, m);
		else
			end_item(o, m, ERR_RETRY, 0, "stopping");
	}
	o->end = &o->first;
}

void outgoing_free(struct outgoing *o)
{
	if (!o)
		return;
	outgoing_stop(o);
	while (o->oldest)
		tries_forget(o, o->oldest);
	map_free(o->tries, NULL);
	map_free(o->turned, NULL);
	smtp_free(o->smtp);
	copies_free(o->copies);
	free(o->ring);
	pthread_cond_destroy(&o->cond);
	pthread_mutex_destroy(&o->mtx);
	free(o);
}

void outgoing_describe(struct outgoing *o, char *out, size_t n)
{
	struct buf b = BUF_INIT;
	buf_reset(&b);
	pthread_mutex_lock(&o->mtx);
	const struct {
		uint64_t n;
		const char *words;
	} counts[] = { { o->sent_total, "sent" }, { o->queued, "waiting" }, { o->later_total, "put off" },
		{ o->refused_total, "refused" } };
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		if (counts[i].n > 0)
			buf_addf(&b, "%s%llu %s", b.len ? ", " : "", (unsigned long long)counts[i].n, counts[i].words);
	buf_addf(&b, "%s%s", b.len && o->trouble[0] ? "; " : "", o->trouble);
	pthread_mutex_unlock(&o->mtx);
	snprintf(out, n, "%s", b.p);
	buf_done(&b);
}
