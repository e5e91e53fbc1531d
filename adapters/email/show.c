/*
 * A mail as one JSON object.  The names of its fields are a contract: scripts and the tests of others compare them.
 */
#include "show.h"

#include <idn2.h>

#include "../../core/settings/settings.h"
#include "mail.h"
#include "mail_internal.h"
#include "policy.h"
#include "text.h"

static void key(struct buf *out, const char *name)
{
	if (out->len > 0 && out->p[out->len - 1] != '{')
		buf_add_str(out, ",\n ");
	buf_add_json_str(out, name);
	buf_add_str(out, ": ");
}

/* "" is null. */
static void put(struct buf *out, const char *name, const char *value)
{
	key(out, name);
	buf_add_json_str(out, value != NULL && value[0] != '\0' ? value : NULL);
}

static void put_bool(struct buf *out, const char *name, bool b)
{
	key(out, name);
	buf_add_str(out, b ? "true" : "false");
}

static void put_text(struct buf *out, const char *name, const char *text, size_t n)
{
	key(out, name);
	if (text == NULL) {
		buf_add_str(out, "null");
		return;
	}
	buf_add_char(out, '"');
	buf_add_json(out, text, n);
	buf_add_char(out, '"');
}

static void put_addresses(struct buf *out, const char *name, const struct mail_addresses *a)
{
	key(out, name);
	buf_add_char(out, '[');
	for (size_t i = 0; i < a->len; i++) {
		buf_add_str(out, i > 0 ? ", {\"name\": " : "{\"name\": ");
		buf_add_json_str(out, a->items[i].name[0] != '\0' ? a->items[i].name : NULL);
		buf_add_str(out, ", \"addr\": ");
		buf_add_json_str(out, a->items[i].written);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static void put_ids(struct buf *out, const char *name, const struct mail_ids *ids)
{
	key(out, name);
	buf_add_char(out, '[');
	for (size_t i = 0; i < ids->len; i++) {
		buf_add_str(out, i > 0 ? ", " : "");
		buf_add_json_str(out, ids->items[i]);
	}
	buf_add_char(out, ']');
}

static void put_files(struct buf *out, const struct mail *m, bool cut)
{
	key(out, "attachments");
	buf_add_char(out, '[');
	for (size_t i = 0; i < m->files_len; i++) {
		const struct mail_file *f = &m->files[i];
		buf_add_str(out, i > 0 ? ", {\"filename\": " : "{\"filename\": ");
		buf_add_json_str(out, f->name[0] != '\0' ? f->name : NULL);
		buf_add_str(out, ", \"type\": ");
		buf_add_json_str(out, f->type);
		buf_add_str(out, ", \"size\": ");
		if (f->size_bytes >= 0 && !(cut && i + 1 == m->files_len)) /* the last one may go on */
			buf_add_int(out, f->size_bytes);
		else
			buf_add_str(out, "null");
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
	key(out, "files");
	buf_add_char(out, '[');
	for (size_t i = 0; i < m->files_len; i++) {
		const struct mail_file *f = &m->files[i];
		buf_add_str(out, i > 0 ? ", {\"part\": " : "{\"part\": ");
		buf_add_json_str(out, f->part);
		buf_add_str(out, ", \"content_id\": ");
		buf_add_json_str(out, f->content_id[0] != '\0' ? f->content_id : NULL);
		buf_addf(
		    out, ", \"inline\": %s, \"read\": %s}", f->is_inline ? "true" : "false", f->text != NULL ? "true" : "false");
	}
	buf_add_char(out, ']');
}

static void put_recipients(struct buf *out, const struct mail *m)
{
	key(out, "recipients");
	buf_add_char(out, '[');
	for (size_t i = 0; i < m->recipients_len; i++) {
		const struct mail_recipient *r = &m->recipients[i];
		buf_add_str(out, i > 0 ? ", {\"address\": " : "{\"address\": ");
		buf_add_json_str(out, r->address);
		buf_add_str(out, ", \"action\": ");
		buf_add_json_str(out, r->action[0] != '\0' ? r->action : NULL);
		buf_add_str(out, ", \"status\": ");
		buf_add_json_str(out, r->status[0] != '\0' ? r->status : NULL);
		buf_add_str(out, ", \"reason\": ");
		buf_add_json_str(out, r->category[0] != '\0' ? r->category : NULL);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
	key(out, "diagnostics"); /* beside them, in the same order */
	buf_add_char(out, '[');
	for (size_t i = 0; i < m->recipients_len; i++) {
		buf_add_str(out, i > 0 ? ", " : "");
		buf_add_json_str(out, m->recipients[i].reason);
	}
	buf_add_char(out, ']');
}

/* What the fields of a report say, and nothing else. */
static void put_fields(struct buf *out, const struct mail *m)
{
	key(out, "rfc3464");
	buf_add_char(out, '[');
	bool any = false;
	for (size_t i = 0; i < m->recipients_len && m->kind != MAIL_COMPLAINT; i++) {
		const struct mail_recipient *r = &m->recipients[i];
		if (!r->from_fields)
			continue;
		buf_add_str(out, any ? ", {\"final_recipient\": " : "{\"final_recipient\": ");
		any = true;
		buf_add_json_str(out, r->address);
		buf_add_str(out, ", \"action\": ");
		buf_add_json_str(out, r->said_action[0] != '\0' ? r->said_action : NULL);
		buf_add_str(out, ", \"status\": ");
		buf_add_json_str(out, r->said_status[0] != '\0' ? r->said_status : NULL);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

/* The sender: as A-label where that is possible, whole in Unicode where the local part needs SMTPUTF8 (RFC 6531). */
static void put_sender(struct buf *out, const struct mail *m)
{
	const char *sender = m->sender, *at = sender == NULL ? NULL : strchr(sender, '@');
	bool utf8 = at != NULL && !mail_is_ascii(sender, (size_t)(at - sender));
	struct buf wide = BUF_INIT;
	if (at != NULL) {
		char *domain = NULL;
		bool ok = idn2_to_unicode_8z8z(at + 1, &domain, 0) == IDN2_OK;
		buf_add(&wide, sender, (size_t)(at + 1 - sender));
		buf_add_str(&wide, ok ? domain : at + 1);
		idn2_free(domain);
	}
	put(out, "sender", utf8 ? wide.p : sender);
	put(out, "same_as", at != NULL && !utf8 && strcmp(wide.p, sender) != 0 ? wide.p : NULL);
	put_bool(out, "needs_smtputf8", utf8);
	buf_done(&wide);
}

/* Mail of people may be of a kind that only its content knows. */
static const char *kind_of(const struct mail *m)
{
	if (m->kind != MAIL_HUMAN)
		return mail_kind_name(m->kind);
	if ((m->unreadable & MAIL_ENCRYPTED_SMIME) != 0)
		return "smime-encrypted";
	if ((m->unreadable & MAIL_ENCRYPTED_PGP) != 0)
		return "pgp-encrypted";
	if (m->plain != NULL && memmem(m->plain, m->plain_len, "-----BEGIN PGP SIGNED MESSAGE-----", 34) != NULL)
		return "pgp-inline-signed";
	return "human";
}

static bool among(const struct mail_addresses *a, const struct mail_view *v)
{
	for (size_t i = 0; i < a->len; i++)
		for (size_t k = 0; k < v->own_len; k++)
			if (mail_address_is(a->items[i].addr, v->own_addresses[k]))
				return true;
	return false;
}

/* Where we stand among the recipients. */
static const char *bot_in(const struct mail *m, const struct mail_view *v)
{
	if (v->own_len == 0)
		return m->to.len > 0 ? NULL : m->cc.len > 0 ? NULL : "bcc";
	return among(&m->to, v) ? "to" : among(&m->cc, v) ? "cc" : "bcc";
}

static void put_token(struct buf *out, const struct mail *m)
{
	const struct mail_addresses *const all[] = { &m->to, &m->cc, &m->delivered_to };
	char tag[65] = "";
	for (size_t k = 0; k < sizeof all / sizeof *all && tag[0] == '\0'; k++)
		for (size_t i = 0; i < all[k]->len && tag[0] == '\0'; i++)
			mail_address_tag(all[k]->items[i].addr, tag);
	put(out, "token", tag);
}

static void put_unreadable(struct buf *out, unsigned u)
{
	static const char *const words[] = { "pgp", "smime", "tnef", "empty", "only-files", "cut", "partial" };
	key(out, "unreadable");
	buf_add_char(out, '[');
	bool any = false;
	for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
		if ((u & (1u << i)) != 0) {
			buf_addf(out, "%s\"%s\"", any ? ", " : "", words[i]);
			any = true;
		}
	buf_add_char(out, ']');
}

#define OWN_MAX 64
struct who { /* what is said, else what the settings say */
	struct mail_view view;
	struct mail_context ctx;
	const char *own[OWN_MAX];
};

static void who_fill(struct who *w, const struct mail_view *v)
{
	w->view = *v;
	const struct settings *s = v->settings;
	const char *address = s == NULL ? NULL : settings_str(s, "email.address"), *const * aliases;
	if (v->own_len == 0 && address != NULL) {
		size_t n = 0, more = settings_list(s, "email.aliases", &aliases);
		w->own[n++] = address;
		for (size_t i = 0; i < more && n < OWN_MAX; i++)
			w->own[n++] = aliases[i];
		w->view.own_addresses = w->own;
		w->view.own_len = n;
	}
	w->ctx = (struct mail_context){ .own_addresses = w->view.own_addresses, .own_len = w->view.own_len };
	if (s != NULL)
		email_trust(s, &w->ctx);
	if (v->trusted_len > 0) {
		w->ctx.trusted_hosts = v->trusted_hosts;
		w->ctx.trusted_len = v->trusted_len;
		w->ctx.trust_unnamed = false;
	}
}

enum err mail_show(const char *raw, size_t n, const struct mail_view *said, struct buf *out)
{
	struct who w;
	who_fill(&w, said);
	const struct mail_view *v = &w.view;
	struct mail *m;
	enum err e = mail_read(raw, n, &w.ctx, &m);
	if (e != ERR_NONE)
		return e;
	buf_add_char(out, '{');
	put(out, "kind", kind_of(m));
	put_bool(out, "may_reply", m->may_reply);
	put(out, "why", m->why);
	put_addresses(out, "from", &m->from);
	put_addresses(out, "to", &m->to);
	put_addresses(out, "cc", &m->cc);
	put_addresses(out, "reply_to", &m->reply_to);
	put(out, "subject", m->subject);
	size_t base_n;
	const char *base = mail_base_subject(m->subject, &base_n);
	put_text(out, "base_subject", base, base_n);
	put(out, "message_id", m->message_id_derived ? NULL : m->message_id);
	put_ids(out, "in_reply_to", &m->in_reply_to);
	put_ids(out, "references", &m->references);
	key(out, "date");
	if (m->date != 0)
		buf_add_int(out, m->date);
	else
		buf_add_str(out, "null");
	put_text(out, "text", m->written, m->written_len);
	put_text(out, "body_text", m->written, m->written_len);
	put_bool(out, "has_html", m->html != NULL);
	put_files(out, m, v->cut);
	put_recipients(out, m);
	put_fields(out, m);
	put(out, "original_message_id", m->original_message_id);
	put(out, "disposition", m->disposition);
	put_sender(out, m);
	put_bool(out, "authenticated", m->authenticated);
	put_bool(out, "readable", (m->unreadable & (MAIL_ENCRYPTED_PGP | MAIL_ENCRYPTED_SMIME)) == 0);
	put_bool(out, "winmail_dat", (m->unreadable & MAIL_TNEF) != 0);
	put_ids(out, "files_inside", &m->tnef_files);
	put(out, "bot_in", bot_in(m, v));
	put_token(out, m);
	/* Our own fields. */
	put(out, "auth_why", m->auth_why);
	put_bool(out, "looks_automatic", m->looks_automatic);
	put(out, "derived_id", m->message_id_derived ? m->message_id : NULL);
	put(out, "thread_index", m->thread_index);
	put(out, "list_id", m->list_id);
	put(out, "language", m->language);
	put(out, "return_path", m->return_path == NULL ? NULL : m->return_path[0] == '\0' ? "<>" : m->return_path);
	put_addresses(out, "delivered_to", &m->delivered_to);
	put(out, "calendar", m->calendar);
	put_unreadable(out, m->unreadable | (v->cut ? (unsigned)MAIL_CUT : 0));
	struct mail_text t;
	mail_text(m, &t);
	put_text(out, "visible", t.visible.p == NULL ? "" : t.visible.p, t.visible.len);
	put_text(out, "forwarded", t.forwarded.len > 0 ? t.forwarded.p : NULL, t.forwarded.len);
	put_bool(out, "has_inline", t.has_inline);
	mail_text_done(&t);
	buf_add_str(out, "}\n");
	mail_free(m);
	return ERR_NONE;
}

enum err mail_show_text(const char *raw, size_t n, const struct mail_view *v, struct buf *out)
{
	struct who w;
	who_fill(&w, v);
	struct mail *m;
	enum err e = mail_read(raw, n, &w.ctx, &m);
	if (e != ERR_NONE)
		return e;
	struct mail_text t;
	mail_text(m, &t);
	buf_add(out, t.visible.p, t.visible.len);
	if (out->len == 0 || out->p[out->len - 1] != '\n')
		buf_add_char(out, '\n');
	mail_text_done(&t);
	mail_free(m);
	return ERR_NONE;
}
