/*
 * Reports in plain words: qmail, Exim, old Exchange and sendmail, gateways, list servers.  Two things make a report: the sender is a mail
 * system, and the mail speaks of a failed or delayed delivery.  Who failed is read from the shapes that they all use: "<address>:" or an address
 * alone on a line, the dialogue with the far server, X-Failed-Recipients.  What stands below the mark of the returned mail is not looked at.
 */
#include <ctype.h>
#include <stdlib.h>

#include "report.h"
#include "text.h"

#define LOOK_MAX (32u * 1024u)

static const char *const system_locals[] = { "mailer-daemon", "mailer_daemon", "mailerdaemon", "mail-daemon", "maildaemon",
	"mdaemon", "postmaster", "post_master", "post-master", "mail.delivery.system", "mail-delivery-system", "maildeliverysystem",
	"bounce", "bounces", "mailsystem", "mail-system", "majordomo", "mailman", "listserv", NULL };
static const char *const system_names[] = { "mail delivery", "mailer-daemon", "mailer daemon", "mail deliver system", "postmaster",
	"mail system", "mail administrator", "system administrator", "microsoft outlook", "microsoft exchange",
	"delivery subsystem", "message router", "mail router", NULL };
static const char *const failed_subjects[] = { "undeliverable", "undelivered", "undeliv", "non-deliver", "nondeliver",
	"not deliver", "delivery failure", "delivery failed", "failed delivery", "delivery has failed", "delivery error",
	"delivery problem", "delivery report", "delivery status", "failure notice", "failure notification", "failure delivery",
	"returned mail", "returned to sender", "return to sender", "mail failure", "mail error", "mail system error",
	"message could not", "couldn't be delivered", "cannot send", "could not send", "can't send", "unable to deliver",
	"error sending your mail", "error in your mail", "user unknown", "unknown user", "bounce", "rejected", "unzustellbar",
	"nicht zugestellt", "unzustellbarkeit", "zustellung", "non remis", "échec de la remise", "échec de remise", "non distribu",
	"no se puede entregar", "no se ha podido entregar", "no entregado", "devuelto", "mancata consegna", "non recapitabile",
	"impossibile recapitare", "não entregue", "falha na entrega", "não foi possível entregar", "onbestelbaar", "niet bezorgd",
	"kan ikke leveres", "ikke levert", "kunde inte levereras", "ej levererad", "toimitus epäonnistui", "niedostarczon",
	"nie dostarczono", "недоставлен", "не доставлено", "не может быть доставлен", "配信不能", "配信でき", "配送エラー",
	"送信できません", "退信", "无法投递", "投递失败", "無法傳遞", "반송", "전송 실패", "loop alert", "duplicated message-id",
	"are not member", "not a member", NULL };
static const char *const failed_words[] = { "could not be delivered", "couldn't be delivered", "cannot be delivered",
	"can not be delivered", "was not delivered", "wasn't delivered", "not able to deliver", "n't able to deliver",
	"unable to deliver", "failed to deliver", "were unable to deliver", "undeliverable", "undelivered", "did not reach",
	"delivery failed", "delivery has failed", "delivery failure", "delivery to the following", "delevery to the following",
	"failed permanently", "permanent error", "permanent fatal error", "permanent failure", "delivery errors",
	"following address", "following recipients", "recipients were affected", "trouble delivering", "deliver a message",
	"trying to deliver", "transcript of session", "returned message", "original message follows", "returned to sender",
	"mailbox full", "mailbox is full", "over quota", "user unknown", "unknown user", "no such user", "unknown recipient",
	"invalid user address", "exceeds allowed size", "rejected by", "was rejected", "address not found", "does not exist",
	"reject reason", "non-existent", "rcpt to:", "warning message only", "has been delayed", "konnte nicht zugestellt",
	"nicht zustellbar", "n'a pas pu être", "n'a pu être", "no se pudo entregar", "no pudo ser entregado",
	"non è stato possibile", "não pôde ser entregue", "не может быть доставлено", "не удалось доставить",
	"配信できませんでした", "送信できません", "not a member of", "are not member", "duplicated message-id", "loop alert",
	NULL };
static const char *const delayed_words[] = { "delivery has been delayed", "recipient has been delayed", "delivery is delayed",
	"delayed mail", "warning message only", "warning only", "still being retried", "will be retried", "will continue to be",
	"no action is required on your part", "could not be delivered for more than", "has not been delivered yet",
	"not yet been delivered", "delivery attempts will continue", "retry timeout exceeded", "retry time not reached",
	"all hosts have been failing for a long time", NULL };
/* Below such a line the mail that came back begins. */
static const char *const returned_marks[] = { "below this line is a copy", "this is a copy of", "original message",
	"returned message", "unsent message", "copy of the message", "header of the original", "headers of the original",
	"original mail", "message header follows", "message headers follow", "bounced e-mail", "undelivered message follows",
	"body of message generated", "message text follows", "attached message", "returned mail follows", "ursprüngliche nachricht",
	"message d'origine", NULL };

static const char *first_of(const char *low, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL; i++)
		if (strstr(low, words[i]) != NULL)
			return words[i];
	return NULL;
}

static bool local_is(const char *addr, const char *const *words)
{
	const char *at = strchr(addr, '@');
	struct mail_slice local = { addr, at == NULL ? strlen(addr) : (size_t)(at - addr) };
	for (size_t i = 0; words[i] != NULL; i++)
		if (mail_slice_is(local, words[i]))
			return true;
	return false;
}

bool mail_report_sender(const struct mail *m, const struct mail_source *s)
{
	const struct mail_fields *f = &s->fields;
	if (mail_field_find(f, "x-failed-recipients", 0) != NULL || mail_field_find(f, "x-ms-embedded-report", 0) != NULL ||
	    mail_field_find(f, "x-mlserver", 0) != NULL || mail_field_find(f, "x-list-administrivia", 0) != NULL)
		return true;
	for (size_t i = 0; i < m->from.len; i++) {
		if (local_is(m->from.items[i].written, system_locals))
			return true;
		char *low = mail_lowered(m->from.items[i].name, strlen(m->from.items[i].name));
		bool hit = first_of(low, system_names) != NULL;
		free(low);
		if (hit)
			return true;
	}
	const struct mail_field *path = mail_field_find(f, "return-path", 0);
	if (path != NULL && m->return_path != NULL && m->return_path[0] != '\0' && local_is(m->return_path, system_locals))
		return true;
	/* From: <> */
	bool nobody = mail_field_find(f, "from", 0) != NULL && m->from.len == 0;
	return nobody && m->return_path != NULL && m->return_path[0] == '\0';
}

/* ---- who, and why ---- */

static bool line_next(const char *text, size_t n, size_t *at, struct mail_slice *out)
{
	if (*at >= n)
		return false;
	const char *nl = memchr(text + *at, '\n', n - *at);
	size_t end = nl == NULL ? n : (size_t)(nl - text);
	*out = mail_slice_trim((struct mail_slice){ text + *at, end - *at });
	*at = nl == NULL ? n : end + 1;
	return true;
}

static bool is_returned_mark(struct mail_slice line)
{
	if (line.n < 8 || line.n > 120)
		return false;
	bool ruled = line.p[0] == '-' || line.p[0] == '=' || line.p[0] == '_' || line.p[line.n - 1] == ':';
	char *low = mail_lowered(line.p, line.n);
	const char *mark = first_of(low, returned_marks);
	/* With a rule, or a sentence that begins so: "Original message follows." */
	bool hit = mark != NULL && (ruled || strncmp(low, mark, strlen(mark)) == 0);
	free(low);
	return hit;
}

/* "<a@b>:", "a@b", "* a@b", ">>> a@b <a@b>", "a@b: why": an address that its line is about. */
static bool line_is_address(struct mail_slice line, char out[320], struct mail_slice *rest)
{
	while (line.n > 0 &&
	    (line.p[0] == '*' || line.p[0] == '-' || line.p[0] == '>' || line.p[0] == ' ' || line.p[0] == '"' ||
	        line.p[0] == '\'')) {
		line.p++;
		line.n--;
	}
	bool angle = line.n > 0 && line.p[0] == '<';
	size_t end = 0;
	while (end < line.n && !mail_space(line.p[end]) && line.p[end] != '>' && line.p[end] != '"' && line.p[end] != '\'')
		end++;
	struct mail_slice word = { line.p + angle, end > angle ? end - angle : 0 };
	while (word.n > 0 && strchr(":.,;", word.p[word.n - 1]) != NULL)
		word.n--;
	if (word.n < 3 || word.n > 254 || memchr(word.p, '@', word.n) == NULL || memchr(word.p, ':', word.n) != NULL ||
	    memchr(word.p, '=', word.n) != NULL || memchr(word.p, '/', word.n) != NULL)
		return false;
	char a[256];
	memcpy(a, word.p, word.n);
	a[word.n] = '\0';
	if (!mail_address_normal(a, out))
		return false;
	const char *after = word.p + word.n;
	*rest = mail_slice_trim((struct mail_slice){ after, (size_t)(line.p + line.n - after) });
	return true;
}

/* "5.1.1" on its own; also "#5.1.1". */
bool mail_report_status(struct mail_slice s, char out[16])
{
	for (size_t i = 0; i + 4 < s.n; i++) {
		if ((s.p[i] != '4' && s.p[i] != '5') || s.p[i + 1] != '.' ||
		    (i > 0 && (isalnum((unsigned char)s.p[i - 1]) || s.p[i - 1] == '.')))
			continue;
		size_t j = i + 2, a = 0, b = 0;
		while (j < s.n && isdigit((unsigned char)s.p[j]) && a < 4) {
			j++;
			a++;
		}
		if (a == 0 || a > 3 || j >= s.n || s.p[j] != '.')
			continue;
		j++;
		while (j < s.n && isdigit((unsigned char)s.p[j]) && b < 4) {
			j++;
			b++;
		}
		if (b == 0 || b > 3 || (j < s.n && (s.p[j] == '.' || isalnum((unsigned char)s.p[j]))))
			continue;
		memcpy(out, s.p + i, j - i);
		out[j - i] = '\0';
		return true;
	}
	return false;
}

/* A reply code of SMTP: "550 …", "said: 554", "[550 ". */
static bool has_reply(struct mail_slice s)
{
	for (size_t i = 0; i + 3 < s.n; i++)
		if ((s.p[i] == '4' || s.p[i] == '5') && isdigit((unsigned char)s.p[i + 1]) && isdigit((unsigned char)s.p[i + 2]) &&
		    (s.p[i + 3] == ' ' || s.p[i + 3] == '-') &&
		    (i == 0 || !(isalnum((unsigned char)s.p[i - 1]) || strchr(".:-/", s.p[i - 1]) != NULL)) && s.p[i + 1] <= '5')
			return true;
	return false;
}

static bool is_party(const struct mail *m, const char *addr)
{
	for (size_t i = 0; i < m->to.len; i++)
		if (mail_address_is(m->to.items[i].addr, addr) || strcmp(m->to.items[i].addr, addr) == 0)
			return true;
	for (size_t i = 0; i < m->from.len; i++)
		if (strcmp(m->from.items[i].addr, addr) == 0)
			return true;
	return false;
}

static void note(struct mail *m, struct mail_recipient *r, struct mail_slice line)
{
	char status[16];
	if (r == NULL || r->from_fields)
		return;
	bool code = mail_report_status(line, status), reply = code || has_reply(line);
	if (code && r->status[0] == '\0')
		r->status = mail_keep(m->arena, status, strlen(status));
	if (reply && r->action[0] == '\0')
		r->action = "failed";
	if (line.n > 3 && memchr(line.p, ' ', line.n) != NULL &&
	    (r->reason[0] == '\0' || (reply && !has_reply((struct mail_slice){ r->reason, strlen(r->reason) }))))
		r->reason = mail_header_text(m->arena, (struct mail_slice){ line.p, line.n < 400 ? line.n : 400 });
}

/* Fields of RFC 3464 in the middle of a text. */
static void note_fields(struct mail *m, struct mail_slice line, struct mail_recipient **now)
{
	const char *colon = memchr(line.p, ':', line.n);
	if (colon == NULL || colon - line.p > 24)
		return;
	struct mail_slice name = mail_slice_trim((struct mail_slice){ line.p, (size_t)(colon - line.p) });
	struct mail_slice value = mail_slice_trim((struct mail_slice){ colon + 1, (size_t)(line.p + line.n - colon - 1) });
	char found[320];
	if (mail_slice_is(name, "final-recipient") && mail_address_in(value, found))
		*now = mail_recipient_add(m, found);
	else if (*now != NULL && mail_slice_is(name, "action") && value.n < 20 && !(*now)->from_fields) {
		struct buf b = BUF_INIT;
		mail_value_main(&b, value);
		(*now)->action = mail_keep(m->arena, b.p, b.len);
		buf_done(&b);
	}
}

static void recipients_of(struct mail *m, const struct mail_source *s, const char *text, size_t n)
{
	for (const struct mail_field *f = mail_field_find(&s->fields, "x-failed-recipients", 0); f != NULL;
	     f = mail_field_find(&s->fields, "x-failed-recipients", (size_t)(f - s->fields.items) + 1)) {
		struct mail_addresses a = { 0 };
		mail_addresses_read(m->arena, f->value, &a);
		for (size_t i = 0; i < a.len; i++)
			if (a.items[i].addr[0] != '\0')
				mail_recipient_add(m, a.items[i].addr);
	}
	bool named = m->recipients_len > 0;
	struct mail_recipient *now = NULL;
	struct mail_slice line, rest;
	char found[320];
	size_t fields_end = 0;
	for (size_t at = 0; line_next(text, n, &at, &line);) {
		if (is_returned_mark(line))
			break;
		fields_end = at;
		note_fields(m, line, &now);
		if (line_is_address(line, found, &rest) && !is_party(m, found)) {
			bool known = false;
			for (size_t i = 0; i < m->recipients_len; i++)
				known = known || strcasecmp(m->recipients[i].address, found) == 0;
			if (known || !named) {
				struct mail_recipient *r = mail_recipient_add(m, found);
				now = r != NULL ? r : now;
				note(m, now, rest);
				continue;
			}
		}
		note(m, now, line);
	}
	if (m->recipients_len == 1 && (m->recipients[0].status[0] == '\0' || m->recipients[0].reason[0] == '\0'))
		for (size_t at = 0; at < fields_end && line_next(text, fields_end, &at, &line);)
			note(m, &m->recipients[0], line); /* the reason may stand above the address */
	if (m->recipients_len > 0)
		return;
	/* The dialogue: "RCPT TO:<a@b>", "recipient <a@b>"; else any address that is nobody's here. */
	for (int pass = 0; pass < 2 && m->recipients_len == 0; pass++)
		for (size_t at = 0; at < fields_end && line_next(text, fields_end, &at, &line);) {
			const char *p = pass == 0 ? mail_slice_find(line, "rcpt to") : line.p;
			if (p == NULL && pass == 0)
				p = mail_slice_find(line, "recipient");
			if (p == NULL || !mail_address_in((struct mail_slice){ p, (size_t)(line.p + line.n - p) }, found) ||
			    is_party(m, found))
				continue;
			struct mail_recipient *r = mail_recipient_add(m, found);
			note(m, r, line);
			if (pass > 0)
				break;
		}
	if (m->recipients_len == 1)
		for (size_t at = 0; at < fields_end && line_next(text, fields_end, &at, &line);)
			note(m, &m->recipients[0], line);
}

/* The header of the mail that came back, where it stands in the text: from its mark on. */
static void returned_text(struct mail *m, const char *text, size_t n)
{
	struct mail_slice line;
	for (size_t at = 0; line_next(text, n, &at, &line);) {
		if (!is_returned_mark(line))
			continue;
		while (at < n && mail_space(text[at]) && text[at] != ' ')
			at++;
		if (memmem(text + at, n - at < 8192 ? n - at : 8192, "essage-", 7) != NULL)
			mail_returned_read(m, (struct mail_slice){ text + at, n - at });
		return;
	}
}

bool mail_report_text(struct mail *m, const struct mail_source *s, bool known)
{
	bool system = known || mail_report_sender(m, s);
	if (!system)
		return false;
	const char *text = m->plain;
	size_t n = m->plain_len < LOOK_MAX ? m->plain_len : LOOK_MAX;
	struct buf html = BUF_INIT;
	if ((text == NULL || n == 0) && m->html != NULL) {
		mail_html_to_text(m->html, m->html_len < LOOK_MAX ? m->html_len : LOOK_MAX, &html);
		text = html.p;
		n = html.len;
	}
	if (text == NULL)
		text = "";
	bool by_fields = m->recipients_len > 0;
	char *subject = mail_lowered(m->subject, strlen(m->subject)), *low = mail_lowered(text, n);
	const char *sign = first_of(subject, failed_subjects);
	if (sign == NULL)
		sign = first_of(low, failed_words);
	bool report = known || sign != NULL || mail_field_find(&s->fields, "x-failed-recipients", 0) != NULL;
	if (report && !by_fields) {
		recipients_of(m, s, text, n);
		bool delayed = first_of(low, delayed_words) != NULL || first_of(subject, delayed_words) != NULL;
		/* A server that was reached and refused, if only for now, or fields that say so: failed. */
		bool refused = false, said_delayed = false;
		for (size_t i = 0; i < m->recipients_len; i++) {
			said_delayed = said_delayed || strcmp(m->recipients[i].action, "delayed") == 0;
			refused = refused || strcmp(m->recipients[i].action, "failed") == 0;
		}
		bool full = strstr(low, "mailbox is full") != NULL || strstr(low, "quota") != NULL;
		m->kind = said_delayed || (delayed && !refused && !full) ? MAIL_DELAYED : MAIL_BOUNCE;
		if (m->kind == MAIL_DELAYED)
			for (size_t i = 0; i < m->recipients_len; i++)
				m->recipients[i].action = "delayed";
		m->why = m->kind == MAIL_DELAYED ? "a mail system says that delivery is delayed"
		                                 : "a mail system says that delivery failed";
	}
	if (report && mail_parts_find(s->parts, "message/rfc822") < 0 && mail_parts_find(s->parts, "text/rfc822-headers") < 0)
		returned_text(m, text, n);
	free(subject);
	free(low);
	buf_done(&html);
	return report;
}
