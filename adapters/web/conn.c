/*
 * One websocket connection: putting a message together from its pieces, the log-in, limits, and a bounded ring of frames that wait to be
 * written.  A reader that falls behind gets no live events until its queue has room, then it is caught up from the database; one that
 * does not read at all is dropped and can resume.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"
#include "../../core/engine/command.h"
#include "../../core/engine/engine.h"
#include "../../core/version.h"
#include "../net/loop.h"
#include "call.h"
#include "state.h"
#include "visitor.h"

struct conn *conn_open(struct web *w, struct lws *wsi, const char *address, bool loopback)
{
	struct conn *c = xcalloc(1, sizeof *c);
	c->web = w;
	c->wsi = wsi;
	c->id = ++w->next_id;
	c->session = id_new();
	c->loopback = loopback;
	snprintf(c->address, sizeof c->address, "%s", address);
	c->opened_ms = c->seen_ms = c->wrote_ms = c->tokens_ms = clock_ms();
	c->tokens = WEB_BURST;
	c->next = w->conns;
	c->link = &w->conns;
	if (c->next != NULL)
		c->next->link = &c->next;
	w->conns = c;
	w->conns_len++;
	map_put(w->by_id, &c->id, sizeof c->id, c);
	metric_set(w->m_conns, (int64_t)w->conns_len);
	outgoing_open(c);
	return c;
}

/* Connections that show a list of threads, chained by person. */
static void join_list(struct conn *c)
{
	struct map *lists = c->web->lists;
	size_t n = strlen(c->person->id);
	c->same_person = map_get(lists, c->person->id, n);
	atomic_fetch_add(&c->web->listing, 1);
	if (c->same_person != NULL)
		c->same_person->same_before = c;
	map_put(lists, c->person->id, n, c);
}

static void leave_list(struct conn *c)
{
	struct map *lists = c->web->lists;
	size_t n = strlen(c->person->id);
	atomic_fetch_sub(&c->web->listing, 1);
	if (c->same_person != NULL)
		c->same_person->same_before = c->same_before;
	if (c->same_before != NULL)
		c->same_before->same_person = c->same_person;
	else if (c->same_person != NULL)
		map_put(lists, c->person->id, n, c->same_person);
	else
		map_remove(lists, c->person->id, n);
}

void conn_free(struct conn *c)
{
	struct web *w = c->web;
	hub_drop(c);
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	w->conns_len--;
	map_remove(w->by_id, &c->id, sizeof c->id);
	if (c->features & FEATURE_THREADS)
		leave_list(c);
	metric_set(w->m_conns, (int64_t)w->conns_len);
	web_outgoing_free(c);
	buf_done(&c->in);
	if (c->login != NULL)
		visitors_leave(w->visitors, c->login, c->address);
	web_login_unref(c->login);
	free(c);
}

void conn_kill(struct conn *c, int code, const char *why)
{
	if (c->dead)
		return;
	c->dead = true;
	metric_add(c->web->m_dropped, 1);
	log_info(
	    "web.drop", LF_ID("session", c->session), LF_INT("code", code), LF_STR("why", why), LF_INT("queued", c->queue_bytes));
	lws_close_reason(c->wsi, (enum lws_close_status)code, (unsigned char *)(uintptr_t)why, strlen(why));
	lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

void conn_close(struct conn *c, int code, const char *why)
{
	if (c->closing)
		return;
	c->closing = true;
	c->close_code = code;
	c->wrote_ms = clock_ms();
	snprintf(c->close_why, sizeof c->close_why, "%s", why);
	hub_drop(c);
	lws_callback_on_writable(c->wsi);
}

static int close_now(struct conn *c)
{
	lws_close_reason(c->wsi, (enum lws_close_status)c->close_code, (unsigned char *)c->close_why, strlen(c->close_why));
	return -1;
}

static void finish_closing(void *arg)
{
	struct web *w = arg;
	w->closings_posted = false;
	for (struct conn *c = w->conns, *next; c != NULL; c = next) {
		next = c->next;
		if (!c->goodbye)
			continue;
		c->goodbye = false;
		lws_close_reason(c->wsi, (enum lws_close_status)c->close_code, (unsigned char *)c->close_why, strlen(c->close_why));
		lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
	}
}

/*
 * The close frame goes out from a callback of its own: returning -1 inside the writeable callback would end without one, because the
 * library's request to write it is lost in there.
 */
static void say_goodbye(struct conn *c)
{
	c->dead = c->goodbye = true;
	if (!c->web->closings_posted)
		c->web->closings_posted = loop_post(c->web->loop, finish_closing, c->web);
}

int conn_writable(struct conn *c)
{
	if (c->dead)
		return 0;
	if (c->want_ping) {
		unsigned char room[LWS_PRE + 4] = { 0 };
		c->want_ping = false;
		/* With a byte in it: of an empty pong the library tells nobody. */
		if (lws_write(c->wsi, room + LWS_PRE, 1, LWS_WRITE_PING) < 0)
			return -1;
		if (c->queue_len > 0 || c->closing)
			lws_callback_on_writable(c->wsi);
		return 0;
	}
	if (!outgoing_write(c))
		return -1;
	if (c->queue_len == 0 && c->closing) {
		say_goodbye(c);
		return 0;
	}
	if (c->queue_bytes <= WEB_QUEUE_LOW)
		hub_drained(c);
	return 0;
}

void conn_fault(struct conn *c, const struct web_fault *f, uint32_t retry_after_ms)
{
	struct buf b = BUF_INIT;
	web_put_error(&b, f, retry_after_ms);
	conn_push_buf(c, &b);
	buf_done(&b);
}

static void fault(struct conn *c, const char *code, const char *client_id, const char *message, uint32_t retry_after_ms)
{
	struct web_fault f = { .code = code };
	snprintf(f.message, sizeof f.message, "%s", message);
	if (client_id != NULL)
		snprintf(f.client_id, sizeof f.client_id, "%s", client_id);
	conn_fault(c, &f, retry_after_ms);
}

/* Somebody on a page of others; false: refused, and told so. */
static bool come_by(struct conn *c, const struct web_command *cmd, char secret[VISITOR_SECRET + 1])
{
	struct web_fault f;
	uint32_t wait_ms;
	c->login =
	    visitors_hello(c->web->visitors, cmd, c->address, clock_ms(), (int64_t)(clock_wall_ms() / 1000), secret, &f, &wait_ms);
	if (c->login != NULL) {
		c->person = &c->login->person;
		return true;
	}
	log_warn("web.hello", LF_ID("session", c->session), LF_STR("result", f.code), LF_STR("why", f.message));
	conn_fault(c, &f, wait_ms);
	if (wait_ms > 0)
		conn_close(c, CLOSE_LATER, "try again later");
	else
		conn_close(c, CLOSE_DENIED, "denied");
	return false;
}

static void on_hello(struct conn *c, const struct web_command *cmd)
{
	struct web *w = c->web;
	if (c->hello) {
		fault(c, "bad_frame", NULL, "hello was said already", 0);
		return;
	}
	char secret[VISITOR_SECRET + 1] = "";
	if (cmd->token == NULL) {
		if (!come_by(c, cmd, secret))
			return;
	} else if (c->loopback && web_token_equal(cmd->token, w->local_token)) {
		c->person = &w->local;
	} else if (w->shared_token != NULL && web_token_equal(cmd->token, w->shared_token)) {
		c->person = &w->shared;
	} else if ((c->login = web_login_ref(web_logins_find(w->logins, cmd->token, clock_ms()))) != NULL) {
		c->person = &c->login->person;
	} else {
		log_warn("web.hello", LF_ID("session", c->session), LF_STR("result", "denied"));
		fault(c, "denied", NULL,
		    c->loopback ? "the token is none that this server knows, or has ended"
		                : "this token is not accepted from here, or has ended",
		    0);
		conn_close(c, CLOSE_DENIED, "denied");
		return;
	}
	c->hello = true;
	snprintf(c->client, sizeof c->client, "%s", cmd->client == NULL ? "" : cmd->client);
	snprintf(c->tz, sizeof c->tz, "%s", cmd->tz == NULL ? "" : cmd->tz);
	struct buf b = BUF_INIT;
	c->features = cmd->features;
	if (c->features & FEATURE_THREADS)
		join_list(c);
	web_put_welcome(&b, c->session, c->person, w->ws, EDDY_VERSION, c->features, secret[0] == '\0' ? NULL : secret,
	    WEB_SUBSCRIPTIONS_MAX, WEB_RATE, WEB_BURST, w->idle_ms);
	conn_push_buf(c, &b);
	explicit_bzero(b.p, b.len);
	buf_done(&b);
	explicit_bzero(secret, sizeof secret);
}

static struct id place_of(const struct conn *c, char key[64])
{
	snprintf(key, 64, WEB_PLACE "%s", c->person->id);
	return engine_place_id(c->web->ws, web_ops.name, key);
}

static struct id thread_of(const struct conn *c, const char *thread)
{
	char key[64];
	return engine_thread_id(place_of(c, key), thread);
}

/* SEND, EDIT, ERASE, ACT, RETRY, HANDOVER: into the engine; the answer comes back after COMMIT as "accepted". */
static const struct act_kind {
	enum intent_kind intent;
	char letter;
} act_kinds[] = {
	[WEB_SEND] = { INTENT_MESSAGE_POSTED, 'w' },
	[WEB_EDIT] = { INTENT_MESSAGE_EDITED, 'e' },
	[WEB_ERASE] = { INTENT_MESSAGE_DELETED, 'd' },
	[WEB_ACT] = { INTENT_ACTION_PRESSED, 'a' },
	[WEB_RETRY] = { INTENT_ACTION_PRESSED, 'r' },
	[WEB_HANDOVER] = { INTENT_MESSAGE_POSTED, 'h' },
};

/* A guest's share of what is stored; false: used up, and told so. */
static bool within_share(struct conn *c, const struct web_command *cmd)
{
	uint32_t wait_ms = c->login == NULL ? 0 : visitors_act(c->web->visitors, c->login, c->address, clock_ms());
	if (wait_ms > 0)
		fault(c, "rate", cmd->client_id, "too many messages: wait a moment and send it again", wait_ms);
	return wait_ms == 0;
}

static void on_act(struct conn *c, const struct web_command *cmd)
{
	char place[64], source[160];
	place_of(c, place);
	const struct act_kind *kind = &act_kinds[cmd->verb];
	snprintf(source, sizeof source, "%c:%s:%s", kind->letter, c->person->id, cmd->client_id);
	const char *text = cmd->text == NULL ? "" : cmd->text;
	size_t text_len = cmd->text_len;
	char run[ID_TEXT];
	if (kind->intent == INTENT_ACTION_PRESSED) {
		text = cmd->verb == WEB_RETRY ? id_format(cmd->named, run) : cmd->value;
		text_len = strlen(text);
	} else if (cmd->verb == WEB_HANDOVER && command_recognise(text, text_len) != CMD_HANDOVER) { /* what a person would type */
		text = "I'd like to talk to a person.";
		text_len = strlen(text);
	}
	/* A command that a button gives for its presser is a message of his, with a key like any other. */
	bool typed = cmd->verb == WEB_ACT && text_len > 0 && strcmp(cmd->action, ACTION_COMMAND) == 0;
	struct intent in = {
		.kind = typed ? INTENT_COMMAND_GIVEN : kind->intent,
		.ws = c->web->ws,
		.adapter = web_ops.name,
		.source_key = source,
		.message_key = cmd->verb == WEB_SEND || cmd->verb == WEB_HANDOVER || typed ? cmd->client_id : cmd->key,
		.thread_key = cmd->thread,
		.person = { .external_id = c->person->id,
		    .name = c->person->name,
		    .tz = c->tz[0] == '\0' ? NULL : c->tz,
		    .kind = c->login == NULL || !c->login->guest ? PERSON_MEMBER
		        : c->login->visitor                      ? PERSON_VISITOR
		                                                 : PERSON_GUEST,
		    .is_guest = c->login != NULL && c->login->guest },
		.place = { .external_id = place, .visibility = VIS_DIRECT, .eddy_is_member = true },
		.text = text,
		.text_len = text_len,
		.is_command = cmd->verb == WEB_HANDOVER || typed,
		.action = cmd->action,
		.about_id = cmd->about,
		.verified = c->login != NULL && c->login->visitor ? VERIFIED_NONE : VERIFIED_SESSION,
		.origin = cmd->thread,
		.origin_len = strlen(cmd->thread),
		.received_ms = clock_wall_ms(),
	};
	struct acceptance *to = xcalloc(1, sizeof *to);
	to->web = c->web;
	to->conn = c->id;
	strcpy(to->client_id, cmd->client_id);
	strcpy(to->thread, cmd->thread);
	if (!engine_accept(c->web->engine, &in, mail_accepted, to)) {
		free(to);
		fault(c, "busy", cmd->client_id, "too much is waiting: send it again with the same client_id", 1000);
	}
}

static void on_command(struct conn *c, const struct web_command *cmd)
{
	if (!c->hello && cmd->verb != WEB_HELLO) {
		fault(c, "hello_first", NULL, "the first frame is hello", 0);
		conn_close(c, CLOSE_HELLO, "hello first");
		return;
	}
	switch (cmd->verb) {
	case WEB_HELLO:
		on_hello(c, cmd);
		break;
	case WEB_SUBSCRIBE:
		if (c->subs_len >= WEB_SUBSCRIPTIONS_MAX)
			fault(c, "too_many", NULL, "too many subscriptions on this connection: unsubscribe first", 0);
		else
			hub_subscribe(c, cmd->thread, thread_of(c, cmd->thread), cmd->after);
		break;
	case WEB_UNSUBSCRIBE:
		hub_unsubscribe(c, thread_of(c, cmd->thread));
		break;
	case WEB_SEND:
	case WEB_EDIT:
	case WEB_ERASE:
	case WEB_ACT:
	case WEB_RETRY:
		if (within_share(c, cmd))
			on_act(c, cmd);
		break;
	case WEB_HANDOVER:
		if (settings_str(c->web->settings, "web.widget.handover") == NULL)
			fault(c, "not_offered", cmd->client_id, "there is nobody to ask here: web.widget.handover is not set", 0);
		else if (within_share(c, cmd))
			on_act(c, cmd);
		break;
	case WEB_SEARCH:
	case WEB_THREADS:
	case WEB_HISTORY:
	case WEB_FEEDBACK:
	case WEB_FORGET: {
		char place[64];
		if (cmd->verb == WEB_HISTORY && c->login != NULL &&
		    c->login->guest) { /* what it took and cost is the house's affair */
			fault(c, "refused", cmd->client_id, "guests are not told how an answer was made", 0);
			break;
		}
		if (cmd->verb == WEB_SEARCH && c->login != NULL && c->login->guest && cmd->thread[0] == '\0') {
			fault(c, "refused", NULL, "guests search one of their threads: name it", 0);
			break;
		}
		if (cmd->client_id != NULL && !within_share(c, cmd))
			break;
		ask_put(c, cmd, place_of(c, place), cmd->thread[0] == '\0' ? ID_NONE : thread_of(c, cmd->thread));
		break;
	}
	case WEB_CALL:
		call_frame(c, cmd);
		break;
	case WEB_TYPING:
		hub_typing(c, thread_of(c, cmd->thread));
		break;
	case WEB_STOP:
		engine_stop_run(c->web->engine, c->web->ws, thread_of(c, cmd->thread));
		break;
	case WEB_PING: {
		struct buf b = BUF_INIT;
		web_put_pong(&b, cmd->n);
		conn_push_buf(c, &b);
		buf_done(&b);
		break;
	}
	}
}

/* A token per frame; false: too fast. */
static bool within_rate(struct conn *c, uint64_t now)
{
	c->tokens += (double)(now - c->tokens_ms) * WEB_RATE / 1000.0;
	c->tokens_ms = now;
	if (c->tokens > WEB_BURST)
		c->tokens = WEB_BURST;
	if (c->tokens < 1)
		return false;
	c->tokens -= 1;
	return true;
}

/* UTF-8, where a NUL is a character like others: what is wrong with it JSON will say. */
static bool is_utf8(const char *p, size_t n)
{
	while (n > 0) {
		const char *nul = memchr(p, 0, n);
		size_t part = nul == NULL ? n : (size_t)(nul - p);
		if (!utf8_valid(p, part))
			return false;
		part += nul != NULL;
		p += part;
		n -= part;
	}
	return true;
}

static int on_message(struct conn *c)
{
	struct web_command cmd;
	struct web_fault f;
	metric_add(c->web->m_frames_in, 1);
	if (!is_utf8(c->in.p, c->in.len)) {
		c->close_code = LWS_CLOSE_STATUS_INVALID_PAYLOAD;
		strcpy(c->close_why, "not UTF-8");
		return close_now(c);
	}
	bool fast = !within_rate(c, c->seen_ms);
	if (web_command_parse(c->in.p, c->in.len, &cmd, &f) == ERR_NONE) {
		if (!fast)
			on_command(c, &cmd);
		else
			fault(c, "rate", f.client_id, "too many frames: slow down and send it again", 1000);
		web_command_done(&cmd);
	} else {
		conn_fault(c, &f, 0);
		fast = true;
	}
	if (fast && ++c->strikes >= WEB_STRIKES_MAX)
		conn_close(c, LWS_CLOSE_STATUS_POLICY_VIOLATION, "too many refused frames");
	return 0;
}

void conn_left(struct conn *c)
{
	c->dead = true;
	hub_drop(c);
}

void conn_heard(struct conn *c)
{
	c->seen_ms = clock_ms();
	c->pinged_ms = 0;
}

int conn_receive(struct conn *c, const void *p, size_t n)
{
	conn_heard(c);
	if (c->closing || c->dead)
		return 0;
	if (lws_frame_is_binary(c->wsi)) {
		c->close_code = LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE;
		strcpy(c->close_why, "text frames only");
		return close_now(c);
	}
	if (c->in.len + n > WEB_MESSAGE_MAX) {
		c->close_code = LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE;
		strcpy(c->close_why, "a frame may have 256 KiB");
		return close_now(c);
	}
	buf_add(&c->in, p, n);
	if (!lws_is_final_fragment(c->wsi) || lws_remaining_packet_payload(c->wsi) > 0)
		return 0;
	int r = on_message(c);
	if (c->in.cap > 4096)
		buf_done(&c->in); /* an idle connection holds little */
	else
		buf_reset(&c->in);
	return r;
}

void conn_sweep(struct conn *c, uint64_t now)
{
	if (c->dead)
		return;
	if (!c->hello && now - c->opened_ms > WEB_HELLO_MS) {
		conn_close(c, CLOSE_HELLO, "no hello in time");
		if (now - c->opened_ms > WEB_HELLO_MS * 2)
			conn_kill(c, CLOSE_HELLO, "no hello in time");
		return;
	}
	if ((c->queue_len > 0 || c->closing) && now - c->wrote_ms > (uint64_t)c->web->slow_ms) {
		conn_kill(c, CLOSE_SLOW, "you do not read; come back and resume");
		return;
	}
	uint64_t quiet = now - c->seen_ms;
	if (quiet > (uint64_t)c->web->idle_ms) {
		conn_kill(c, LWS_CLOSE_STATUS_POLICY_VIOLATION, "nothing heard for too long");
	} else if (quiet > (uint64_t)c->web->idle_ms / 3 && now - c->pinged_ms > (uint64_t)c->web->idle_ms / 3) {
		c->pinged_ms = now;
		c->want_ping = true;
		lws_callback_on_writable(c->wsi);
	}
	if (c->queue_bytes <= WEB_QUEUE_LOW)
		hub_drained(c); /* reads that were put off */
}
