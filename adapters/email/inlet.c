/*
 * From a mail to an intent.  Everything is decided here, on the mailbox's thread, before the engine hears of it: is it for us at all
 * (policy.c), whose thread is it, is there too much of it.  Whatever is decided becomes one intent that carries the mailbox's cursor, so that the
 * cursor moves in the transaction that stores the mail, or the fact that it was passed over or set aside.
 *
 * A thread is found by the token in the address it was sent to, by the ids in In-Reply-To and References, and only if the sender is one
 * of those who see it: ids are no secret, so whoever else knows one begins a thread of their own.
 *
 * Mails are handed in one after the other without waiting for each COMMIT.  One that refers to another still on its way waits for that one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"
#include "compose.h"
#include "passage.h"

#define HOUR_MS 3600000u
#define FLIGHT_WAIT_S 20
#define NAMES_TRIED 40
#define CHOICES_BACK 20

struct landing {
	struct email_box *box;
	struct id mail; /* in flight; none: it was not */
	void (*done)(void *arg, enum err e);
	void *arg;
	bool slowed;
	char key[FOUND_KEY_MAX + 64]; /* of the notice: one a day for what it names */
	size_t origin_len;
	char origin[INTENT_ORIGIN_MAX];
};

/* ---- what is on its way ---- */

static struct id flight_id(const struct email_box *b, const char *message_id)
{
	return id_named(b->ws, 0, message_id, strlen(message_id));
}

static bool in_flight(const struct email_box *b, struct id id)
{
	for (size_t i = 0; i < b->flight_len; i++)
		if (id_equal(b->flight[i], id))
			return true;
	return false;
}

static void wait_for(struct email_box *b, const struct mail_ids *ids)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += FLIGHT_WAIT_S;
	for (size_t i = 0; i < ids->len && i < NAMES_TRIED; i++) {
		struct id id = flight_id(b, ids->items[i]);
		pthread_mutex_lock(&b->lock);
		while (in_flight(b, id) && pthread_cond_timedwait(&b->landed, &b->lock, &until) == 0)
			;
		pthread_mutex_unlock(&b->lock);
	}
}

static struct id take_off(struct email_box *b, const struct mail *m)
{
	struct id id = flight_id(b, m->message_id);
	pthread_mutex_lock(&b->lock);
	bool room = b->flight_len < EMAIL_FLIGHT_MAX;
	if (room)
		b->flight[b->flight_len++] = id;
	pthread_mutex_unlock(&b->lock);
	return room ? id : ID_NONE;
}

static void land(struct email_box *b, struct id id)
{
	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; i < b->flight_len; i++)
		if (id_equal(b->flight[i], id)) {
			b->flight[i] = b->flight[--b->flight_len];
			break;
		}
	pthread_cond_broadcast(&b->landed);
	pthread_mutex_unlock(&b->lock);
}

/* ---- handing in ---- */

static void on_accepted(void *arg, const struct accepted *a)
{
	struct landing *l = arg;
	struct email_box *b = l->box;
	if (!id_is_none(l->mail))
		land(b, l->mail);
	if (l->slowed && a->result == ERR_NONE && !a->duplicate && !id_is_none(a->run))
		engine_notice(b->email->engine, b->ws, email_ops.name, a->thread, ID_NONE, l->key,
		    "You have written a lot to me within an hour. Nothing is lost: I answer the rest in about an hour.", l->origin,
		    l->origin_len);
	l->done(l->arg, a->result);
	free(l);
}

static void hand_in(struct passage *p, struct intent *in, struct landing *l)
{
	struct email_box *b = p->box;
	in->ws = b->ws;
	in->adapter = email_ops.name;
	in->source_key = p->source;
	in->note_key = b->cursor_key;
	in->note_value = p->cursor;
	in->received_ms = clock_wall_ms();
	metric_add(b->taken[p->what], 1);
	if (!engine_accept(b->email->engine, in, on_accepted, l)) {
		if (!id_is_none(l->mail))
			land(b, l->mail);
		l->done(l->arg, ERR_RETRY);
		free(l);
	}
}

/* A name of its own: the copy that came through a mailing list must not make a duplicate of the one that came to us. */
static void pass_over(struct passage *p, enum email_do why, struct landing *l)
{
	p->what = why;
	p->source[0] = 'p';
	log_info("email.passed_over", LF_STR("why", email_do_name(why)), LF_STR("kind", mail_kind_name(p->mail->kind)),
	    LF_STR("result", "ok"));
	hand_in(p, &(struct intent){ .kind = INTENT_PASSED_OVER }, l);
}

/* ---- reports ---- */

/* Only what speaks of a mail of ours to somebody who was to get it stops anything: anyone can write a bounce. */
static enum err report(struct passage *p)
{
	struct email_box *b = p->box;
	const struct mail *m = p->mail;
	struct id delivery;
	if (!compose_delivery_of(m->original_message_id, b->domain, &delivery)) {
		log_info("email.report", LF_STR("kind", mail_kind_name(m->kind)), LF_STR("why", "not about a mail of ours"));
		return ERR_NONE;
	}
	for (size_t i = 0; i < m->recipients_len; i++) {
		const struct mail_recipient *r = &m->recipients[i];
		char normal[320], stranger[330] = "?", *key = stranger + 1;
		const struct thread_name name = { .delivery = delivery };
		struct found_thread t;
		bool final = m->kind == MAIL_COMPLAINT ||
		    (m->kind == MAIL_BOUNCE && strcasecmp(r->action, "delayed") != 0 && r->status[0] != '4');
		if (!final || !mail_address_normal(r->address, normal))
			continue;
		email_key(normal, key, sizeof(stranger) - 1);
		enum err e = engine_find_thread(b->email->engine, b->ws, email_ops.name, &name, 1, key, &t);
		if (e == ERR_NONE && !t.is_reader) /* somebody whom nothing has proved was answered there */
			e = engine_find_thread(b->email->engine, b->ws, email_ops.name, &name, 1, stranger, &t);
		if (e == ERR_INPUT || (e == ERR_NONE && !t.is_reader))
			continue;
		char detail[300];
		snprintf(detail, sizeof(detail), "%s %.250s", r->status, r->reason);
		detail[utf8_clip(detail, strlen(detail), sizeof(detail) - 1)] = '\0';
		if (e == ERR_NONE)
			e = engine_stop_put(b->email->engine, b->ws, email_ops.name, key,
			    m->kind == MAIL_COMPLAINT ? STOP_COMPLAINT : STOP_UNDELIVERABLE, detail);
		if (e == ERR_RETRY)
			return e;
		if (e != ERR_NONE)
			continue;
		log_warn("email.address_stopped", LF_STR("kind", mail_kind_name(m->kind)), LF_STR("status", r->status),
		    LF_STR("how", "eddy mail stops lists them, eddy mail allow ADDRESS lifts one"));
	}
	return ERR_NONE;
}

/* The address in List-Unsubscribe (RFC 2369): whoever has the token got the mail.  ERR_INPUT: it was not sent to one. */
static enum err unsubscribe(struct passage *p)
{
	const struct mail_addresses *const both[] = { &p->mail->to, &p->mail->delivered_to };
	struct email_box *b = p->box;
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < both[k]->len; i++) {
			char tag[65];
			struct id place;
			mail_address_tag(both[k]->items[i].addr, tag);
			if (email_token_read(b->secret, TOKEN_UNSUBSCRIBE, tag, &place))
				return engine_stop_place(b->email->engine, b->ws, place, STOP_UNSUBSCRIBED, "by mail");
		}
	return ERR_INPUT;
}

/* ---- whose thread ---- */

static void add_token(struct passage *p, const struct mail_addresses *list, struct thread_name *names, size_t *n)
{
	for (size_t i = 0; i < list->len && *n < NAMES_TRIED; i++) {
		char tag[65];
		struct id thread;
		if (!passage_is_own(p->box, list->items[i].addr))
			continue;
		mail_address_tag(list->items[i].addr, tag);
		if (email_token_read(p->box->secret, TOKEN_THREAD, tag, &thread))
			names[(*n)++].thread = thread;
	}
}

static void add_id(struct passage *p, const char *id, struct thread_name *names, size_t *n)
{
	struct id delivery;
	if (*n >= NAMES_TRIED)
		return;
	if (compose_delivery_of(id, p->box->domain, &delivery))
		names[(*n)++].delivery = delivery;
	else
		names[(*n)++].alias = id;
}

/* A conversation that Eddy has begun with one address (a hand-over): it is shared by those members who read that address. */
static bool is_shared_with(const struct passage *p)
{
	return p->who == WHO_MEMBER && strchr(p->thread.place_key, '/') == NULL;
}

static enum err find_thread(struct passage *p)
{
	const struct mail *m = p->mail;
	struct thread_name names[NAMES_TRIED] = { 0 };
	size_t n = 0;
	add_token(p, &m->to, names, &n);
	add_token(p, &m->cc, names, &n);
	add_token(p, &m->delivered_to, names, &n);
	for (size_t i = 0; i < m->in_reply_to.len; i++)
		add_id(p, m->in_reply_to.items[i], names, &n);
	for (size_t i = m->references.len; i > 0; i--)
		add_id(p, m->references.items[i - 1], names, &n);
	if (n == 0)
		return ERR_NONE;
	wait_for(p->box, &m->in_reply_to);
	wait_for(p->box, &m->references);
	enum err e = engine_find_thread(p->box->email->engine, p->box->ws, email_ops.name, names, n, p->person, &p->thread);
	p->found = e == ERR_NONE && (p->thread.is_reader || is_shared_with(p));
	p->begun_by_us = p->found && strchr(p->thread.place_key, '/') == NULL;
	return e == ERR_INPUT ? ERR_NONE : e;
}

/* ---- too much of it ---- */

static enum err brake(struct passage *p, struct intent *in, struct landing *l)
{
	int64_t in_thread = 0, of_person = 0;
	bool proved = p->who == WHO_MEMBER || p->who == WHO_OUTSIDER;
	const struct email_policy *policy = &p->box->policy;
	enum err e = engine_recent_runs(p->box->email->engine, p->box->ws, email_ops.name, p->found ? p->thread.thread : ID_NONE,
	    p->who == WHO_MEMBER ? NULL : p->person, HOUR_MS, &in_thread, &of_person);
	if (e != ERR_NONE)
		return e;
	if (!proved || p->mail->looks_automatic) {
		in->no_answer =
		    in_thread >= policy->stranger_answers_per_hour || of_person >= 4 * policy->stranger_answers_per_hour;
		if (in->no_answer)
			p->what = EMAIL_DO_TOO_MANY;
	} else if (in_thread >= policy->answers_per_hour || of_person >= 4 * policy->answers_per_hour) {
		/* One notice for all threads of somebody who begins too many. */
		const char *what = in_thread >= policy->answers_per_hour ? p->thread.thread_key : p->person;
		in->delay_ms = HOUR_MS;
		l->slowed = true;
		snprintf(l->key, sizeof(l->key), "slowed:%lld:%s", (long long)(clock_wall_ms() / 86400000u), what);
	}
	return ERR_NONE;
}

/* ---- a number that answers a choice ---- */

struct choice {
	int n;
	struct id delivery; /* of the mail that is answered; none: not known */
	char action[64], value[2048];
	bool any, exact;
};

static void look_for_choice(void *arg, const struct stored_message *m)
{
	struct choice *c = arg;
	if (m->components_len == 0 || m->deleted || c->exact)
		return;
	const struct component *x = compose_option(m->components, m->components_len, (size_t)c->n);
	/* The one that is answered counts, else the newest that offers something. */
	c->exact = !id_is_none(c->delivery) && id_equal(m->run, c->delivery);
	c->any = x != NULL && x->action != NULL &&
	    (size_t)snprintf(c->action, sizeof(c->action), "%s", x->action) < sizeof(c->action) &&
	    (size_t)snprintf(c->value, sizeof(c->value), "%s", x->value != NULL ? x->value : "") < sizeof(c->value);
}

static enum err find_choice(struct passage *p, struct choice *c)
{
	c->n = p->found ? email_choice(p->text.visible.p, p->text.visible.len) : 0;
	if (c->n == 0)
		return ERR_NONE;
	for (size_t i = 0; i < p->mail->in_reply_to.len; i++)
		if (!compose_delivery_of(p->mail->in_reply_to.items[i], p->box->domain, &c->delivery))
			c->delivery = ID_NONE;
	int64_t from = p->thread.seq > CHOICES_BACK ? p->thread.seq - CHOICES_BACK : 0;
	return engine_read_thread(
	    p->box->email->engine, p->box->ws, p->thread.thread, from, CHOICES_BACK + 1, look_for_choice, c, NULL);
}

static enum err answer(struct passage *p, struct landing *l)
{
	const struct mail *m = p->mail;
	struct email_box *b = p->box;
	struct choice choice = { 0 };
	char place[420], (*keys)[330] = xcalloc(INTENT_READERS_MAX, sizeof(*keys)), ids[INTENT_FILES_MAX][80];
	const char *readers[INTENT_READERS_MAX], *alias = m->message_id;
	size_t outsiders = 0;
	mail_text(m, &p->text);
	struct intent in = { .kind = INTENT_MESSAGE_POSTED,
		.message_key = p->source,
		.platform_ms = m->date > 0 ? (uint64_t)m->date * 1000 : 0,
		.verified = p->who == WHO_STRANGER ? VERIFIED_NONE : VERIFIED_PLATFORM,
		.is_thread_root = !p->found,
		.aliases = &alias,
		.aliases_len = 1,
		.origin = l->origin };
	enum err e = brake(p, &in, l);
	if (e == ERR_NONE)
		e = find_choice(p, &choice);
	if (e != ERR_NONE) {
		free(keys);
		return e;
	}
	p->origin.say = p->what == EMAIL_DO_WORDS ? p->who == WHO_STRANGER ? SAY_STRANGER : SAY_OUTSIDER : passage_say(p);
	in.edge_answers = p->origin.say != SAY_NOTHING;
	in.private_reply = p->found && p->thread.is_private;
	p->to_sender_alone = in.private_reply || (choice.any && strcmp(choice.action, ACTION_COMMAND_PRIVATE) == 0);
	in.origin_len = l->origin_len = passage_origin(p, l->origin);
	passage_write_body(p);
	in.text = p->body.p;
	in.text_len = p->body.len;
	if (choice.any) {
		in.kind = INTENT_ACTION_PRESSED;
		in.action = choice.action;
		in.text = choice.value;
		in.text_len = strlen(choice.value);
	}
	in.person = (struct intent_person){ .external_id = p->person,
		.name = m->from.items[0].name[0] != '\0' ? m->from.items[0].name : m->sender,
		.kind = p->who == WHO_MEMBER ? PERSON_MEMBER
		    : p->who == WHO_OUTSIDER ? PERSON_STRANGER
		                             : PERSON_SENDER,
		.is_guest = p->who != WHO_MEMBER };
	in.readers = readers;
	in.readers_len = passage_readers(p, keys, readers, &outsiders);
	enum visibility seen = in.readers_len == 1 ? VIS_DIRECT : outsiders > 0 ? VIS_EXTERNAL : VIS_PRIVATE;
	if (p->found && p->thread.visibility > (int)seen && p->thread.visibility <= VIS_EXTERNAL)
		seen = (enum visibility)p->thread.visibility; /* who is left out this time reads the thread all the same */
	snprintf(place, sizeof(place), "%s/%s", b->address, p->source);
	in.place = (struct intent_place){ .external_id = p->found ? p->thread.place_key : place,
		.name = p->found ? NULL : p->subject.p + strlen("Re: "),
		.visibility = seen,
		.eddy_is_member = true };
	in.thread_key = p->found ? p->thread.thread_key : p->source;
	in.title = p->found ? NULL : p->subject.p + strlen("Re: ");
	bool named = email_names_us(
	    p->text.visible.p != NULL ? p->text.visible.p : "", p->text.visible.len, settings_str(b->s, "email.name"));
	in.mentions_us = named || (!p->begun_by_us && (passage_any_own(b, &m->to) || !passage_any_own(b, &m->cc)));
	in.mentions_others = !in.mentions_us && !passage_any_own(b, &m->to) && passage_any_own(b, &m->cc); /* we only read along */
	in.by_habit = p->found && !named && p->command < CMD_FORK;
	in.files_len = passage_files(p, in.files, ids);
	l->mail = take_off(b, m);
	hand_in(p, &in, l);
	free(keys);
	return ERR_NONE;
}

/* ---- one mail ---- */

static void name_source(struct passage *p)
{
	const struct mail *m = p->mail;
	struct buf b = BUF_INIT;
	char id[ID_TEXT];
	buf_addf(
	    &b, "%s\n%s\n%lld\n%s\n", m->message_id, m->from.len > 0 ? m->from.items[0].addr : "", (long long)m->date, m->subject);
	buf_add(&b, m->plain != NULL ? m->plain : "", m->plain_len);
	buf_add(&b, m->html != NULL ? m->html : "", m->html_len);
	snprintf(p->source, sizeof(p->source), "m:%s", id_format(id_named(p->box->ws, 0, b.p, b.len), id));
	buf_done(&b);
}

static enum err go(struct passage *p, struct landing *l)
{
	struct email_box *b = p->box;
	int stop = 0;
	struct id delivery;
	if (mail_read(p->raw->raw.p, p->raw->raw.len, &b->context, &p->mail) != ERR_NONE) {
		static const char why[] = "no mail: no header, or one without end";
		p->what = EMAIL_DO_UNREADABLE;
		snprintf(p->source, sizeof(p->source), "u:%s", p->cursor);
		log_error("email.quarantined", LF_INT("uid", p->raw->uid), LF_STR("why", why), LF_STR("result", "kept aside"));
		hand_in(p, &(struct intent){ .kind = INTENT_UNREADABLE, .text = why, .text_len = strlen(why) }, l);
		return ERR_NONE;
	}
	name_source(p);
	p->who = email_who(&b->policy, p->mail);
	email_person_key(p->mail, p->who, p->person);
	p->what = email_judge(&b->policy, p->mail, p->who);
	if (compose_delivery_of(p->mail->message_id, b->domain, &delivery))
		p->what = EMAIL_DO_OWN;
	enum err e = p->what == EMAIL_DO_REPORT ? report(p) : ERR_NONE;
	if (e != ERR_NONE)
		return e;
	if ((e = unsubscribe(p)) == ERR_NONE)
		p->what = EMAIL_DO_STOPPED;
	else if (e == ERR_RETRY)
		return e;
	if (p->raw->internal_date > 0 && p->raw->internal_date < b->since_s)
		p->what = EMAIL_DO_OLD;
	if (p->what != EMAIL_DO_ANSWER && p->what != EMAIL_DO_WORDS) {
		pass_over(p, p->what, l);
		return ERR_NONE;
	}
	char address[330]; /* stops know addresses, whoever writes under them */
	email_key(p->mail->sender, address, sizeof(address));
	e = engine_stop_get(b->email->engine, b->ws, email_ops.name, address, &stop);
	if (e == ERR_NONE && stop == STOP_UNDELIVERABLE && p->who != WHO_STRANGER)
		(void)engine_stop_lift(b->email->engine, b->ws, email_ops.name, address, STOP_UNDELIVERABLE); /* it lives */
	if (e == ERR_NONE && (stop == STOP_COMPLAINT || stop == STOP_OPERATOR)) {
		pass_over(p, EMAIL_DO_STOPPED, l);
		return ERR_NONE;
	}
	if (e == ERR_NONE)
		e = find_thread(p);
	return e == ERR_NONE ? answer(p, l) : e;
}

static void take(
    void *arg, uint32_t uid_validity, const struct imap_mail *raw, void (*done)(void *done_arg, enum err e), void *done_arg)
{
	struct passage p = { .box = arg, .raw = raw };
	struct landing *l = xcalloc(1, sizeof(*l));
	*l = (struct landing){ .box = arg, .done = done, .arg = done_arg };
	snprintf(p.cursor, sizeof(p.cursor), "%u:%u", uid_validity, raw->uid);
	enum err e = go(&p, l);
	if (e != ERR_NONE) { /* the database is away: it comes again */
		free(l);
		done(done_arg, ERR_RETRY);
	}
	mail_free(p.mail);
	mail_text_done(&p.text);
	buf_done(&p.subject);
	buf_done(&p.references);
	buf_done(&p.cc);
	buf_done(&p.body);
}

/* ---- the mailbox's other questions ---- */

static void duty_name(const struct email_box *b, char out[400])
{
	snprintf(out, 400, "mailbox:%s", b->address);
}

static bool hold(void *arg, uint32_t lease_ms)
{
	struct email_box *b = arg;
	char name[400];
	duty_name(b, name);
	return engine_duty(b->email->engine, b->ws, email_ops.name, name, lease_ms) == ERR_NONE;
}

static void leave(void *arg)
{
	struct email_box *b = arg;
	char name[400];
	duty_name(b, name);
	engine_duty_leave(b->email->engine, b->ws, email_ops.name, name);
}

static enum err note(struct email_box *b, const char *key, char **value)
{
	return engine_note_get(b->email->engine, b->ws, email_ops.name, key, value);
}

static enum err cursor(void *arg, uint32_t *uid_validity, uint32_t *uid)
{
	struct email_box *b = arg;
	char *value = NULL, *since = NULL;
	enum err e = note(b, b->cursor_key, &value);
	if (e == ERR_NONE)
		e = note(b, b->since_key, &since);
	*uid_validity = *uid = 0;
	if (e == ERR_NONE && value != NULL && sscanf(value, "%u:%u", uid_validity, uid) != 2)
		*uid_validity = *uid = 0;
	b->since_s = since != NULL ? strtoll(since, NULL, 10) : 0;
	free(value);
	free(since);
	return e;
}

/* The first time is remembered: a server that numbers its mails anew shows all of them again, also those that were there before us. */
static enum err set_cursor(void *arg, uint32_t uid_validity, uint32_t uid)
{
	struct email_box *b = arg;
	char value[32];
	char *before = NULL;
	enum err e = note(b, b->cursor_key, &before);
	bool first = before == NULL;
	free(before);
	if (e != ERR_NONE)
		return e;
	if (first && uid > 0) {
		snprintf(value, sizeof(value), "%lld", (long long)(clock_wall_ms() / 1000));
		if (!engine_note_put(b->email->engine, b->ws, email_ops.name, b->since_key, value))
			return ERR_RETRY;
	}
	snprintf(value, sizeof(value), "%u:%u", uid_validity, uid);
	return engine_note_put(b->email->engine, b->ws, email_ops.name, b->cursor_key, value) ? ERR_NONE : ERR_RETRY;
}

struct mailbox_port inlet_port(struct email_box *b)
{
	return (struct mailbox_port){
		.arg = b, .hold = hold, .leave = leave, .cursor = cursor, .take = take, .set_cursor = set_cursor
	};
}
