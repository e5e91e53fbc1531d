/*
 * Reports about mail: delivery status (RFC 3464), disposition (RFC 8098), abuse (RFC 5965), and the texts of mail systems that write none of
 * these.  Machine-readable fields win; a plain text is a report only when its sender is a mail system and its words say so, since people
 * talk about failed deliveries, too.
 */
#include <ctype.h>
#include <stdlib.h>

#include "mail_internal.h"
#include "report.h"

#define RECIPIENTS_MAX 500u
#define REPORT_MAX (256u * 1024u)

static void decide(struct mail *m, enum mail_kind k, const char *why)
{
	m->kind = k;
	m->why = why;
}

struct mail_recipient *mail_recipient_add(struct mail *m, const char *address)
{
	for (size_t i = 0; i < m->recipients_len; i++)
		if (strcasecmp(m->recipients[i].address, address) == 0 && address[0] != '\0')
			return &m->recipients[i];
	if (m->recipients_len >= RECIPIENTS_MAX)
		return NULL;
	if (m->recipients_len == 0) {
		m->recipients = mail_alloc(m->arena, 4 * sizeof *m->recipients);
	} else if (m->recipients_len >= 4 && (m->recipients_len & (m->recipients_len - 1)) == 0) {
		struct mail_recipient *more = mail_alloc(m->arena, m->recipients_len * 2 * sizeof *more);
		memcpy(more, m->recipients, m->recipients_len * sizeof *more);
		m->recipients = more;
	}
	struct mail_recipient *r = &m->recipients[m->recipients_len++];
	*r = (struct mail_recipient){ .address = mail_keep(m->arena, address, strlen(address)),
		.action = "",
		.status = "",
		.reason = "",
		.category = "",
		.said_action = "",
		.said_status = "" };
	return r;
}

/* "rfc822; <a@b>": the address as the field gives it. */
static const char *typed_address(struct mail *m, struct mail_slice v)
{
	const char *semi = memchr(v.p, ';', v.n);
	if (semi != NULL)
		v = (struct mail_slice){ semi + 1, (size_t)(v.p + v.n - semi - 1) };
	v = mail_slice_trim(v);
	if (v.n >= 2 && v.p[0] == '<' && v.p[v.n - 1] == '>')
		v = (struct mail_slice){ v.p + 1, v.n - 2 };
	return mail_header_text(m->arena, v);
}

static const char *keyword(struct mail *m, struct mail_slice v)
{
	struct buf b = BUF_INIT;
	mail_value_main(&b, v);
	const char *kept = mail_keep(m->arena, b.p, strcspn(b.p, " "));
	buf_done(&b);
	return kept;
}

/* "5.1.1 (bad address)" */
static const char *status_code(struct mail *m, struct mail_slice v)
{
	v = mail_slice_trim(v);
	size_t n = 0;
	while (n < v.n && (isdigit((unsigned char)v.p[n]) || v.p[n] == '.'))
		n++;
	return mail_keep(m->arena, v.p, n);
}

static const char *one_line(struct mail *m, struct mail_slice v)
{
	const char *s = mail_header_text(m->arena, v);
	size_t n = strlen(s);
	return n <= 500 ? s : mail_keep(m->arena, s, 500);
}

/* The fields of a group are over at an empty line. */
static void status_read(struct mail *m, const struct mail_part *p)
{
	struct buf text = BUF_INIT;
	mail_part_text(p, &text, REPORT_MAX);
	struct mail_slice all = { text.p == NULL ? "" : text.p, text.len };
	size_t at = 0;
	bool ended = false;
	while (at < all.n && m->recipients_len < RECIPIENTS_MAX) {
		struct mail_field f;
		struct mail_slice final = { NULL, 0 }, original = { NULL, 0 }, action = { "", 0 }, status = { "", 0 },
		                  reason = { "", 0 };
		size_t before = at;
		bool any = false;
		while (mail_field_next(all, &at, &f)) {
			any = true;
			if (mail_slice_is(f.name, "final-recipient")) {
				/* Groups that are not set off by an empty line. */
				if (final.p != NULL) {
					at = (size_t)(f.name.p - all.p);
					break;
				}
				final = f.value;
			} else if (mail_slice_is(f.name, "original-recipient")) {
				original = f.value;
			} else if (mail_slice_is(f.name, "action")) {
				action = f.value;
			} else if (mail_slice_is(f.name, "status")) {
				status = f.value;
			} else if (mail_slice_is(f.name, "diagnostic-code")) {
				reason = f.value;
			} else if (mail_slice_is(f.name, "original-message-id") && m->original_message_id[0] == '\0') {
				struct mail_ids ids = { 0 };
				mail_ids_read(m->arena, f.value, &ids);
				if (ids.len > 0)
					m->original_message_id = ids.items[0];
			}
		}
		ended = at == before;
		if (final.p != NULL || (original.p != NULL && action.n + status.n > 0)) {
			const char *address = typed_address(m, final.p != NULL ? final : original);
			struct mail_recipient *r = mail_recipient_add(m, address);
			if (r != NULL && !r->from_fields) {
				r->from_fields = true;
				r->said_action = r->action = keyword(m, action);
				r->said_status = r->status = status_code(m, status);
				if (strcmp(r->action, "expired") == 0)
					r->action = "delayed";
				/* "5.0.0" says no more than that it failed; what the far server said may say more. */
				char better[16];
				if (strlen(r->status) == 5 && strcmp(r->status + 1, ".0.0") == 0 &&
				    mail_report_status(reason, better) && better[0] == r->status[0])
					r->status = mail_keep(m->arena, better, strlen(better));
				const char *semi = memchr(reason.p, ';', reason.n);
				r->reason = one_line(m,
				    semi == NULL || semi - reason.p > 20
				        ? reason
				        : (struct mail_slice){ semi + 1, (size_t)(reason.p + reason.n - semi - 1) });
			}
		}
		if (ended || (!any && at >= all.n)) {
			/* A line that is no field: past it. */
			const char *nl = at < all.n ? memchr(all.p + at, '\n', all.n - at) : NULL;
			at = nl == NULL ? all.n : (size_t)(nl - all.p) + 1;
		}
	}
	buf_done(&text);
}

/* The header of the mail that came back: whose Message-ID. */
void mail_returned_read(struct mail *m, struct mail_slice header)
{
	struct mail_field f;
	size_t at = 0, n = 0;
	while (mail_field_next(header, &at, &f) && n++ < 500)
		if (m->original_message_id[0] == '\0' && mail_slice_is(f.name, "message-id")) {
			struct mail_ids ids = { 0 };
			mail_ids_read(m->arena, f.value, &ids);
			if (ids.len > 0)
				m->original_message_id = ids.items[0];
		} else if (m->recipients_len == 0 && mail_slice_is(f.name, "to")) {
			/* Nobody is named: it was to the one whom the mail was to. */
			struct mail_addresses a = { 0 };
			mail_addresses_read(m->arena, f.value, &a);
			struct mail_recipient *r =
			    a.len == 1 && a.items[0].addr[0] != '\0' ? mail_recipient_add(m, a.items[0].addr) : NULL;
			if (r != NULL)
				r->category = m->kind == MAIL_COMPLAINT ? "feedback" : "";
		}
}

static void returned_part(struct mail *m, const struct mail_source *s)
{
	static const char *const types[] = { "message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global",
		"message/global-headers", NULL };
	for (size_t i = 0; i < s->parts->len; i++)
		for (size_t k = 0; types[k] != NULL; k++) {
			const struct mail_part *p = &s->parts->items[i];
			if (strcmp(p->type, types[k]) != 0)
				continue;
			struct buf b = BUF_INIT;
			mail_decode_some(&b, p->body, p->encoding, 65536);
			struct mail_slice h = { b.p == NULL ? "" : b.p, b.len };
			while (h.n > 0 && (h.p[0] == '\r' || h.p[0] == '\n')) {
				h.p++;
				h.n--;
			}
			mail_returned_read(m, h);
			buf_done(&b);
			return;
		}
}

static void by_actions(struct mail *m)
{
	size_t failed = 0, delayed = 0, good = 0, other = 0;
	for (size_t i = 0; i < m->recipients_len; i++) {
		const char *a = m->recipients[i].action;
		if (strcmp(a, "failed") == 0)
			failed++;
		else if (strcmp(a, "delayed") == 0 || strcmp(a, "expired") == 0)
			delayed++;
		else if (strcmp(a, "delivered") == 0 || strcmp(a, "relayed") == 0 || strcmp(a, "expanded") == 0)
			good++;
		else if (m->recipients[i].status[0] == '2')
			good++;
		else
			other++;
	}
	if (failed + other > 0)
		decide(m, MAIL_BOUNCE, "a delivery report (RFC 3464): failed");
	else if (delayed > 0)
		decide(m, MAIL_DELAYED, "a delivery report (RFC 3464): delayed, still being tried");
	else
		decide(m, MAIL_DELIVERED, "a delivery report (RFC 3464): delivered");
}

static bool complaint_read(struct mail *m, const struct mail_part *p)
{
	struct buf text = BUF_INIT;
	mail_part_text(p, &text, REPORT_MAX);
	struct mail_slice all = { text.p == NULL ? "" : text.p, text.len };
	struct mail_field f;
	for (size_t at = 0; mail_field_next(all, &at, &f);) {
		const char *a = NULL;
		if (mail_slice_is(f.name, "original-rcpt-to") || mail_slice_is(f.name, "removal-recipient"))
			a = typed_address(m, f.value);
		struct mail_recipient *r = a != NULL && strchr(a, '@') != NULL ? mail_recipient_add(m, a) : NULL;
		if (r != NULL) {
			r->from_fields = true;
			r->category = r->reason = "feedback";
		}
	}
	buf_done(&text);
	decide(m, MAIL_COMPLAINT, "a complaint about one of our mails (RFC 5965)");
	return true;
}

static void disposition_read(struct mail *m, const struct mail_part *p)
{
	struct buf text = BUF_INIT;
	mail_part_text(p, &text, REPORT_MAX);
	struct mail_slice all = { text.p == NULL ? "" : text.p, text.len };
	struct mail_field f;
	for (size_t at = 0; mail_field_next(all, &at, &f);) {
		if (mail_slice_is(f.name, "disposition")) {
			const char *semi = memrchr(f.value.p, ';', f.value.n);
			struct mail_slice v = f.value;
			if (semi != NULL)
				v = (struct mail_slice){ semi + 1, (size_t)(v.p + v.n - semi - 1) };
			const char *word = keyword(m, v);
			m->disposition = mail_keep(m->arena, word, strcspn(word, "/"));
		} else if (mail_slice_is(f.name, "original-message-id") && m->original_message_id[0] == '\0') {
			struct mail_ids ids = { 0 };
			mail_ids_read(m->arena, f.value, &ids);
			if (ids.len > 0)
				m->original_message_id = ids.items[0];
		}
	}
	buf_done(&text);
	decide(m, MAIL_MDN, "a receipt: the mail was opened or deleted (RFC 8098)");
}

bool mail_report_read(struct mail *m, const struct mail_source *s)
{
	const struct mail_parts *ps = s->parts;
	bool report = strcmp(ps->items[0].type, "multipart/report") == 0;
	/* People attach reports as well: only one that is the mail counts. */
	for (size_t i = 0; i < ps->len; i++) {
		const struct mail_part *p = &ps->items[i];
		if (strncmp(p->type, "message/", 8) != 0)
			continue;
		/* A list may have put its own parts around a report. */
		bool inside = p->parent > 0 && strcmp(ps->items[p->parent].type, "multipart/report") == 0;
		if (!report && i > 0 && p->parent != 0 && !(inside && mail_report_sender(m, s)))
			continue;
		if (strcmp(p->type, "message/feedback-report") == 0) {
			complaint_read(m, p);
			returned_part(m, s);
			mail_report_categories(m);
			return true;
		}
		if (strcmp(p->type, "message/disposition-notification") == 0) {
			disposition_read(m, p);
			returned_part(m, s);
			return true;
		}
		if (strcmp(p->type, "message/delivery-status") == 0 || strcmp(p->type, "message/global-delivery-status") == 0)
			status_read(m, p);
	}
	if (m->recipients_len > 0) {
		by_actions(m);
		mail_report_text(m, s, true);
		returned_part(m, s);
		mail_report_categories(m);
		return true;
	}
	if (!report && !mail_report_sender(m, s))
		return false;
	if (!mail_report_text(m, s, report))
		return false;
	returned_part(m, s);
	mail_report_categories(m);
	return true;
}
