#include "copies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "oauth.h"

#define REST_MS 20000u

struct copies {
	struct copies_options o;
	struct imap *line;
	uint64_t used_ms, away_until_ms;
	uint32_t away_ms; /* the next time to leave it alone */
	char sent[256];
};

struct copies *copies_new(const struct copies_options *o)
{
	struct copies *c = xcalloc(1, sizeof *c);
	c->o = *o;
	c->o.inbox = o->inbox ? o->inbox : "INBOX";
	return c;
}

static void hang_up(struct copies *c)
{
	imap_close(c->line);
	c->line = NULL;
}

void copies_free(struct copies *c)
{
	if (!c)
		return;
	hang_up(c);
	free(c);
}

uint32_t copies_wait_ms(const struct copies *c)
{
	uint64_t now = clock_ms();
	return c->away_until_ms > now ? (uint32_t)(c->away_until_ms - now) : 0;
}

uint32_t copies_rest(struct copies *c)
{
	if (!c->line)
		return 0;
	uint64_t now = clock_ms();
	if (now < c->used_ms + REST_MS)
		return (uint32_t)(c->used_ms + REST_MS - now);
	hang_up(c);
	return 0;
}

static enum err log_in(struct copies *c, bool refused, char *why, size_t n)
{
	struct mail_login l = c->o.login;
	char *token = NULL;
	if (!l.password && c->o.oauth) {
		enum err e = oauth_token(c->o.oauth, refused, &token, why, n);
		if (e != ERR_NONE)
			return e;
		l.token = token;
	}
	enum err e = imap_open(&c->line, &l, c->o.timeout_ms, why, n);
	free(token);
	return e;
}

/* A line that is open; false: not now. */
static bool open_line(struct copies *c)
{
	char why[300] = "";
	if (!c->o.login.host)
		return false;
	if (c->line)
		return true;
	if (copies_wait_ms(c) > 0)
		return false;
	enum err e = log_in(c, false, why, sizeof why);
	if (e == ERR_DENIED && !c->o.login.password && c->o.oauth)
		e = log_in(c, true, why, sizeof why);
	if (e != ERR_NONE) {
		c->line = NULL;
		c->away_ms = c->away_ms == 0             ? c->o.retry_min_ms
		    : c->away_ms * 2 < c->o.retry_max_ms ? c->away_ms * 2
		                                         : c->o.retry_max_ms;
		c->away_until_ms = clock_ms() + c->away_ms;
		log_warn("email.copies", LF_STR("why", why), LF_INT("wait_ms", c->away_ms), LF_STR("result", err_name(e)));
		return false;
	}
	c->away_ms = 0;
	if (c->o.sent_folder)
		snprintf(c->sent, sizeof c->sent, "%s", c->o.sent_folder);
	else if (!imap_special(c->line, "\\Sent", c->sent, sizeof c->sent))
		snprintf(c->sent, sizeof c->sent, "Sent");
	c->used_ms = clock_ms();
	return true;
}

/* One folder: 1 it is there, 0 it is not (or there is no such folder), -1 the line broke. */
static int look_in(struct copies *c, const char *folder, const char *message_id)
{
	struct imap_folder f;
	uint32_t *uids = NULL;
	size_t n = 0;
	enum err e = imap_select(c->line, folder, true, &f);
	if (e == ERR_INPUT)
		return 0;
	if (e == ERR_NONE)
		e = imap_find_message_id(c->line, message_id, &uids, &n);
	free(uids);
	c->used_ms = clock_ms();
	return e != ERR_NONE ? -1 : n > 0;
}

enum copies_found copies_find(struct copies *c, const char *message_id)
{
	/* A line that has rested may be dead: once more with a new one. */
	for (int i = 0; i < 2; i++) {
		bool rested = c->line != NULL;
		if (!open_line(c))
			return COPIES_AWAY;
		int found = look_in(c, c->sent, message_id);
		if (found == 0)
			found = look_in(c, c->o.inbox, message_id);
		if (found >= 0)
			return found ? COPIES_FOUND : COPIES_NOT_FOUND;
		hang_up(c);
		if (!rested)
			break;
	}
	return COPIES_AWAY;
}

enum err copies_append(struct copies *c, const char *raw, size_t n)
{
	for (int i = 0; i < 2; i++) {
		bool rested = c->line != NULL;
		if (!open_line(c))
			return ERR_RETRY;
		enum err e = imap_append(c->line, c->sent, "\\Seen", raw, n);
		if (e == ERR_INPUT && imap_create(c->line, c->sent) == ERR_NONE)
			e = imap_append(c->line, c->sent, "\\Seen", raw, n);
		c->used_ms = clock_ms();
		if (e == ERR_NONE || e == ERR_INPUT)
			return e;
		hang_up(c);
		if (!rested)
			return e;
	}
	return ERR_RETRY;
}
