/*
 * libcurl hands over a connection that has logged in (CURLOPT_CONNECT_ONLY) and moves octets through TLS; time is kept here.  TLS may hold
 * octets that poll() does not see, so the socket is only polled after curl has said that there is nothing.  The wake-up is an eventfd in the
 * same poll().
 *
 * Silence for the time-out ends a connection; so does an answer that takes ten times as long, however busily it comes.
 */
#include "imap_link.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../../core/base/clock.h"
#include "../../core/base/utf8.h"

#define TICK_MS 1000u
#define WHOLE 10u /* times the time-out for one command */

void imap_say(struct imap *i, const char *what, const char *text)
{
	char clean[200];
	size_t n = 0;
	for (; *text && n + 1 < sizeof clean; text++)
		clean[n++] = *text < ' ' || *text > '~' ? '?' : *text;
	clean[n] = '\0';
	snprintf(i->why, sizeof i->why, "%.40s%s%s", what, n > 0 ? ": " : "", clean);
}

void imap_link_fail(struct imap *i, const char *why)
{
	if (!i->dead && !i->why[0])
		imap_say(i, why, "");
	i->dead = true;
}

/* False: the owner wants no more of this. */
static bool ask(struct imap *i, uint64_t now)
{
	if (now < i->asked_ms + TICK_MS)
		return true;
	i->asked_ms = now;
	if (!i->go_on || i->go_on(i->go_on_arg))
		return true;
	imap_link_fail(i, "stopped");
	return false;
}

/* Until the socket is ready, a wake-up, ${until_ms} or the next tick. */
static bool rest(struct imap *i, short events, uint64_t until_ms)
{
	uint64_t now = clock_ms(), ms = until_ms > now ? until_ms - now : 0;
	struct pollfd p[2] = { { .fd = i->fd, .events = events }, { .fd = i->wake, .events = POLLIN } };
	int n = poll(p, i->woken ? 1 : 2, (int)(ms < TICK_MS ? ms : TICK_MS));
	if (n > 0 && !i->woken && p[1].revents) {
		uint64_t count;
		if (read(i->wake, &count, sizeof count) == sizeof count)
			i->woken = true;
		i->asked_ms = 0;
	}
	return ask(i, clock_ms()) && (n >= 0 || errno == EINTR);
}

bool imap_link_send(struct imap *i, const char *p, size_t n)
{
	uint64_t until = clock_ms() + i->timeout_ms;
	while (n > 0 && !i->dead) {
		size_t k = 0;
		CURLcode c = curl_easy_send(i->easy, p, n, &k);
		if (c == CURLE_OK) {
			p += k;
			n -= k;
			if (k > 0)
				until = clock_ms() + i->timeout_ms;
		} else if (c != CURLE_AGAIN) {
			imap_link_fail(i, "the connection broke");
		} else if (clock_ms() >= until) {
			imap_link_fail(i, "the server takes nothing any more");
		} else {
			rest(i, POLLOUT, until);
		}
	}
	return !i->dead;
}

/* More octets into i->in. */
static enum imap_wait receive(struct imap *i, uint64_t until_ms, bool wake)
{
	for (;;) {
		size_t n = 0;
		CURLcode c = curl_easy_recv(i->easy, i->in, sizeof i->in, &n);
		if (c == CURLE_OK && n > 0) {
			i->in_at = 0;
			i->in_len = n;
			i->heard_ms = clock_ms();
			return ask(i, i->heard_ms) ? IMAP_GOT : IMAP_LOST;
		}
		if (c != CURLE_AGAIN) {
			imap_link_fail(i, "the server closed the connection");
			return IMAP_LOST;
		}
		if (wake && i->woken)
			return IMAP_WOKEN;
		if (clock_ms() >= until_ms)
			return IMAP_LATE;
		if (!rest(i, POLLIN, until_ms)) {
			imap_link_fail(i, "the connection broke");
			return IMAP_LOST;
		}
	}
}

static void note_caps(struct imap *i, const struct imap_reply *r)
{
	static const struct {
		const char *word;
		unsigned cap;
	} all[] = { { "IDLE", IMAP_IDLE }, { "MOVE", IMAP_MOVE }, { "UIDPLUS", IMAP_UIDPLUS }, { "ESEARCH", IMAP_ESEARCH },
		{ "X-GM-EXT-1", IMAP_GMAIL }, { "LITERAL+", IMAP_LITERAL_PLUS } };
	i->caps = 0;
	i->list_special = i->says_id = false;
	for (uint32_t k = 0; k < r->len; k++) {
		for (size_t a = 0; a < sizeof all / sizeof *all; a++)
			if (imap_value_is(&r->values[k], all[a].word))
				i->caps |= all[a].cap;
		i->list_special = i->list_special || imap_value_is(&r->values[k], "SPECIAL-USE");
		i->says_id = i->says_id || imap_value_is(&r->values[k], "ID");
	}
}

static void note(struct imap *i, const struct imap_reply *r)
{
	if (strcmp(r->name, "CAPABILITY") == 0)
		note_caps(i, r);
	if (r->kind != IMAP_UNTAGGED)
		return;
	if (r->status == IMAP_BYE) {
		imap_say(i, "the server says good-bye", r->text);
		i->dead = true;
	} else if (r->has_number && strcmp(r->name, "EXISTS") == 0) {
		uint32_t was = i->exists; /* some servers repeat it with every answer */
		i->exists = r->number > UINT32_MAX ? UINT32_MAX : (uint32_t)r->number;
		i->changed = i->changed || i->exists > was;
	} else if (r->has_number && strcmp(r->name, "EXPUNGE") == 0 && i->exists > 0) {
		i->exists--;
	}
}

enum imap_wait imap_link_reply(struct imap *i, uint64_t until_ms, bool wake)
{
	while (!i->dead) {
		if (i->in_at == i->in_len) {
			enum imap_wait got = receive(i, until_ms, wake);
			if (got != IMAP_GOT)
				return got;
		}
		size_t used = 0;
		enum imap_feed f = imap_wire_feed(&i->w, i->in + i->in_at, i->in_len - i->in_at, &used);
		i->in_at += used;
		if (f == IMAP_BROKEN)
			imap_link_fail(i, "the server does not speak IMAP");
		if (f == IMAP_READY) {
			note(i, &i->w.r);
			return i->dead ? IMAP_LOST : IMAP_GOT;
		}
	}
	return IMAP_LOST;
}

bool imap_link_pause(struct imap *i, uint64_t until_ms)
{
	while (!i->dead && !i->woken && clock_ms() < until_ms && i->in_at == i->in_len) {
		enum imap_wait got = receive(i, until_ms, true);
		if (got == IMAP_GOT || got == IMAP_WOKEN)
			return true;
	}
	return !i->dead && (i->woken || i->in_at < i->in_len);
}

bool imap_link_begin(struct imap *i, const char *command, char tag[32])
{
	struct buf b = BUF_INIT;
	snprintf(tag, 32, "%s%u", i->prefix, ++i->commands);
	if (!i->dead)
		i->why[0] = '\0';
	buf_addf(&b, "%s %s\r\n", tag, command);
	bool ok = imap_link_send(i, b.p, b.len);
	buf_done(&b);
	return ok;
}

static enum imap_run result_of(struct imap *i, const struct imap_reply *r)
{
	static const char *const later[] = { "UNAVAILABLE", "INUSE", "LIMIT", "THROTTLED" };
	if (r->status == IMAP_OK)
		return IMAP_RUN_OK;
	imap_say(i, r->status == IMAP_NO ? "refused" : "not understood", r->text);
	if (r->status != IMAP_NO)
		return IMAP_RUN_BAD;
	for (size_t k = 0; k < sizeof later / sizeof *later; k++)
		if (strcmp(r->name, later[k]) == 0)
			return IMAP_RUN_LATER;
	return IMAP_RUN_NO;
}

/* Until the tagged answer, or a continuation when ${continued}, which is set then. */
static enum imap_run answer(
    struct imap *i, const char *tag, void (*each)(void *arg, struct imap_reply *r), void *arg, bool *continued)
{
	uint64_t begun = clock_ms();
	i->heard_ms = begun;
	while (!i->dead) {
		uint64_t silent = i->heard_ms + i->timeout_ms, whole = begun + (uint64_t)WHOLE * i->timeout_ms;
		if (clock_ms() >= whole)
			imap_link_fail(i, "the answer does not end");
		enum imap_wait got = imap_link_reply(i, silent < whole ? silent : whole, false);
		const struct imap_reply *r = &i->w.r;
		if (got == IMAP_LATE && clock_ms() >= i->heard_ms + i->timeout_ms)
			imap_link_fail(i, "the server does not answer");
		if (got != IMAP_GOT)
			continue;
		if (r->kind == IMAP_UNTAGGED) {
			if (each)
				each(arg, &i->w.r);
		} else if (r->kind == IMAP_CONTINUE) {
			if (continued) {
				*continued = true;
				return IMAP_RUN_OK;
			}
		} else if (strcmp(r->tag, tag) != 0) {
			imap_link_fail(i, "an answer to what was not asked");
		} else {
			return result_of(i, r);
		}
	}
	return IMAP_RUN_LOST;
}

enum imap_run imap_link_end(struct imap *i, const char *tag, void (*each)(void *arg, struct imap_reply *r), void *arg)
{
	return answer(i, tag, each, arg, NULL);
}

bool imap_link_continued(struct imap *i, const char *tag, enum imap_run *instead)
{
	bool continued = false;
	*instead = answer(i, tag, NULL, NULL, &continued);
	return continued;
}

enum imap_run imap_link_run(struct imap *i, const char *command, void (*each)(void *arg, struct imap_reply *r), void *arg)
{
	char tag[32];
	return imap_link_begin(i, command, tag) ? imap_link_end(i, tag, each, arg) : IMAP_RUN_LOST;
}
