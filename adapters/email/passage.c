/*
 * What a mail says and where its answer goes: pure, from the mail and what was found out about it.  The subject, what was forwarded and what was
 * quoted become part of the text only where they say something new to Eddy.
 */
#include "passage.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "../../core/base/clock.h"
#include "../../core/base/utf8.h"
#include "orders.h"

#define TEXT_MAX (200u * 1024u)
#define FORWARD_MAX (32u * 1024u)
#define HISTORY_MAX (8u * 1024u)

bool passage_is_own(const struct email_box *b, const char *addr)
{
	for (size_t i = 0; i < b->context.own_len; i++)
		if (mail_address_is(addr, b->own_addresses[i]))
			return true;
	return false;
}

bool passage_any_own(const struct email_box *b, const struct mail_addresses *list)
{
	for (size_t i = 0; i < list->len; i++)
		if (passage_is_own(b, list->items[i].addr))
			return true;
	return false;
}

/* ---- the words ---- */

static void add_quoted(struct buf *b, const char *title, const struct buf *text, size_t max)
{
	if (text->len == 0)
		return;
	size_t n = utf8_clip(text->p, text->len, max);
	buf_addf(b, "%s%s\n", b->len > 0 ? "\n\n" : "", title);
	for (size_t i = 0; i < n;) {
		size_t line = strcspn(text->p + i, "\n");
		if (line > n - i)
			line = n - i;
		buf_add_str(b, "> ");
		buf_add(b, text->p + i, line);
		buf_add_char(b, '\n');
		i += line + 1;
	}
	if (n < text->len)
		buf_add_str(b, "> …\n");
}

static void add_note(struct buf *b, const char *note)
{
	buf_addf(b, "%s(%s)", b->len > 0 ? "\n\n" : "", note);
}

/* The subject says something of its own when it begins a thread; a command below it is a command all the same, and nothing else. */
void passage_write_body(struct passage *p)
{
	const struct mail *m = p->mail;
	struct buf *b = &p->body, *said = &p->text.visible;
	size_t n = 0;
	const char *subject = mail_base_subject(m->subject, &n);
	p->command = orders_read(&p->text,
	    &(struct orders_from){ .name = m->from.items[0].name, .address = m->sender, .in_fork = p->found && p->thread.is_fork },
	    b);
	if (p->command != CMD_NONE) {
		buf_reserve(b, 0);
		return;
	}
	if (!p->found && n > 2)
		buf_add(b, subject, n);
	if (said->len > 0) {
		buf_add_str(b, b->len > 0 ? "\n\n" : "");
		buf_add(b, said->p, said->len);
	}
	add_quoted(b, "Forwarded:", &p->text.forwarded, FORWARD_MAX);
	if (!p->found)
		add_quoted(b, "From the mails before:", &p->text.quoted, HISTORY_MAX);
	if (m->calendar != NULL)
		add_note(b, m->calendar);
	if ((m->unreadable & MAIL_TNEF) && said->len > 0)
		add_note(b, "with a winmail.dat, whose content could not be read");
	if (p->raw->cut)
		add_note(b, "the mail is too large: only its beginning was read");
	if (b->len > TEXT_MAX)
		buf_truncate(b, utf8_clip(b->p, b->len, TEXT_MAX));
	buf_reserve(b, 0);
}

/* What can be said to a mail that says nothing readable. */
enum email_say passage_say(const struct passage *p)
{
	const struct mail *m = p->mail;
	if (p->text.visible.len > 0 || p->text.forwarded.len > 0 || m->calendar != NULL)
		return SAY_NOTHING;
	if (m->unreadable & MAIL_ENCRYPTED_PGP)
		return SAY_PGP;
	if (m->unreadable & MAIL_ENCRYPTED_SMIME)
		return SAY_SMIME;
	if (m->unreadable & MAIL_TNEF)
		return SAY_TNEF;
	size_t n = 0, files = 0;
	(void)mail_base_subject(m->subject, &n);
	for (size_t i = 0; i < m->files_len; i++)
		files += !m->files[i].is_inline;
	if (files > 0)
		return SAY_FILES;
	return n == 0 || p->found ? SAY_EMPTY : SAY_NOTHING;
}

/* ---- where the answer goes ---- */

static void answer_subject(struct passage *p)
{
	size_t n = 0;
	const char *base = mail_base_subject(p->mail->subject, &n);
	buf_add_str(&p->subject, "Re: ");
	buf_add(&p->subject, n > 0 ? base : "your mail", n > 0 ? utf8_clip(base, n, 230) : strlen("your mail"));
}

/* References as RFC 5322 section 3.6.4 has them. */
static void answer_references(struct passage *p)
{
	const struct mail *m = p->mail;
	const struct mail_ids *from = m->references.len > 0 ? &m->references : &m->in_reply_to;
	for (size_t i = 0; i < from->len && (m->references.len > 0 || from->len == 1); i++)
		if (strcmp(from->items[i], m->message_id) != 0 && strpbrk(from->items[i], " \t<>") == NULL)
			buf_addf(&p->references, "%s%s", p->references.len > 0 ? " " : "", from->items[i]);
	if (!m->message_id_derived)
		buf_addf(&p->references, "%s%s", p->references.len > 0 ? " " : "", m->message_id);
	buf_reserve(&p->references, 0);
}

static void add_copies(struct passage *p, const struct mail_addresses *list)
{
	for (size_t i = 0; i < list->len; i++) {
		const char *a = list->items[i].addr;
		if (!mail_address_ok(a) || strpbrk(a, ",\" ") != NULL || passage_is_own(p->box, a) ||
		    strcasecmp(a, p->origin.to) == 0 || strcasecmp(a, p->mail->sender) == 0)
			continue;
		char in[400], all[INTENT_ORIGIN_MAX * 4];
		snprintf(in, sizeof(in), ",%s,", a);
		if ((size_t)snprintf(all, sizeof(all), ",%s,", p->cc.len > 0 ? p->cc.p : "") >= sizeof(all)) {
			p->origin.left_out = true;
			return;
		}
		if (strcasestr(all, in) == NULL)
			buf_addf(&p->cc, "%s%s", p->cc.len > 0 ? "," : "", a);
	}
}

size_t passage_origin(struct passage *p, char out[INTENT_ORIGIN_MAX])
{
	const struct mail *m = p->mail;
	struct email_origin *o = &p->origin;
	o->box = p->box->address;
	o->received_s = (int64_t)(clock_wall_ms() / 1000);
	o->to = m->sender;
	o->to_name = m->from.items[0].name;
	if (!p->to_sender_alone && m->reply_to.len == 1 && mail_address_ok(m->reply_to.items[0].addr) &&
	    !passage_is_own(p->box, m->reply_to.items[0].addr)) {
		o->to = m->reply_to.items[0].addr;
		o->to_name = m->reply_to.items[0].name;
	}
	answer_subject(p);
	answer_references(p);
	/* Only where all of them were addressed openly; who was hidden, or is not proved, speaks for nobody else. */
	if (p->box->policy.reply_all && !p->to_sender_alone && p->who != WHO_STRANGER &&
	    (passage_any_own(p->box, &m->to) || passage_any_own(p->box, &m->cc))) {
		add_copies(p, &m->to);
		add_copies(p, &m->cc);
	}
	buf_reserve(&p->cc, 0);
	o->subject = p->subject.p;
	o->in_reply_to = m->message_id_derived ? "" : m->message_id;
	o->references = p->references.p;
	o->cc = p->cc.p;
	size_t n = email_origin_pack(o, out);
	if (n == 0) { /* an id as long as a letter: answered without it */
		o->in_reply_to = "";
		n = email_origin_pack(o, out);
	}
	return n;
}

/* ---- the intent ---- */

/* Who sees the thread from now on: the sender, and whom a proved sender has named.  Gives how many are no members. */
size_t passage_readers(struct passage *p, char (*keys)[PASSAGE_KEY], const char **list, size_t *outsiders)
{
	const struct mail_addresses *const both[] = { &p->mail->to, &p->mail->cc };
	size_t n = 0;
	snprintf(keys[n], sizeof(keys[n]), "%s", p->person);
	list[n] = keys[n];
	n++;
	*outsiders = p->who != WHO_MEMBER;
	for (size_t k = 0; k < 2 && p->who != WHO_STRANGER; k++)
		for (size_t i = 0; i < both[k]->len && n < INTENT_READERS_MAX; i++) {
			const char *a = both[k]->items[i].addr;
			if (!mail_address_ok(a) || passage_is_own(p->box, a) || strlen(a) >= sizeof(keys[n]))
				continue;
			email_key(a, keys[n], sizeof(keys[n]));
			if (strcmp(keys[n], p->person) == 0)
				continue;
			*outsiders += !email_is_member(&p->box->policy, keys[n]);
			list[n] = keys[n];
			n++;
		}
	return n;
}

size_t passage_files(struct passage *p, struct intent_file *out, char (*ids)[80])
{
	size_t n = 0;
	for (size_t i = 0; i < p->mail->files_len && n < INTENT_FILES_MAX; i++) {
		const struct mail_file *f = &p->mail->files[i];
		if (f->is_inline)
			continue;
		snprintf(ids[n], sizeof(ids[n]), "%s/%s", p->cursor, f->part);
		out[n] = (struct intent_file){ .external_id = ids[n],
			.name = f->name[0] != '\0' ? f->name : "unnamed",
			.mime = f->type,
			.size_bytes = f->size_bytes > 0 ? (uint64_t)f->size_bytes : 0,
			.text = f->text,
			.text_len = f->text_len };
		n++;
	}
	return n;
}
