/*
 * What kind of mail it is, and whether it may be answered (RFC 3834; docs/adapters/email.md).  Signs in the order of how much they say: reports
 * of delivery, our own mark and other Eddys', what the mail says of itself in header fields, the sender's address, and last a subject that begins as automatic
 * answers do.  Words later in a subject or in the text decide nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "mail_internal.h"

static void decide(struct mail *m, enum mail_kind k, const char *why)
{
	m->kind = k;
	m->may_reply = k == MAIL_HUMAN;
	m->why = why;
}

/* ---- words of absence ---- */

/* At the beginning of a subject; ":" or the end of a word follows. */
static const char *const away_subjects[] = { "automatic reply", "auto reply", "auto-reply", "autoreply", "automatic response",
	"auto response", "auto-response", "autoresponse", "out of office", "out-of-office", "out of the office",
	"ooo:", "vacation reply", "away from my mail", "away from office", "abwesenheitsnotiz", "abwesenheitsbenachrichtigung",
	"automatische antwort", "abwesend:", "réponse automatique", "réponse auto", "absence du bureau", "respuesta automática",
	"respuesta automatica", "fuera de la oficina", "fuera de oficina", "ausente:", "risposta automatica", "fuori sede",
	"fuori ufficio", "resposta automática", "resposta automatica", "fora do escritório", "ausência temporária",
	"automatisch antwoord", "automatische antwoord", "afwezigheidsbericht", "niet aanwezig:", "autosvar", "automatiskt svar",
	"automatisk svar", "automatisch svar", "fraværsmelding", "fravær:", "frånvaro", "ikke til stede", "automaattinen vastaus",
	"poissaoloilmoitus", "odpowiedź automatyczna", "autoodpowiedź", "automatická odpověď", "automatická odpoveď",
	"nepřítomnost", "automatikus válasz", "házon kívül", "răspuns automat", "otomatik yanıt", "ofis dışında",
	"αυτόματη απάντηση", "автоответ", "автоматический ответ", "автоматична відповідь", "автоматичен отговор", "自動返信",
	"自動応答", "不在通知", "自动回复", "自動回覆", "자동 회신", "자동 응답", "부재중", "رد تلقائي", "תשובה אוטומטית",
	"מענה אוטומטי", NULL };
/* Anywhere in the first lines of a mail that says of itself that it is an automatic answer. */
static const char *const away_words[] = { "out of office", "out of the office", "out-of-office", "on vacation", "on holiday",
	"on leave", "annual leave", "maternity leave", "parental leave", "currently away", "i am away", "i'm away", "away from",
	"away until", "am currently out", "will be out", "be back", "return on", "returning", "my return", "limited access to e",
	"vacation", "holidays", "abwesen", "nicht im haus", "nicht im büro", "im urlaub", "außer haus", "nicht erreichbar",
	"wieder erreichbar", "absent", "absence", "en congé", "vacances", "de vacaciones", "vacaciones", "fuera de la oficina",
	"ausente", "in ferie", "assente", "férias", "ausência", "afwezig", "vakantie", "op vakantie", "semester", "ferie",
	"frånvar", "fravær", "lomalla", "urlop", "nieobecn", "dovolen", "szabadság", "concediu", "izinde", "izindeyim", "tatilde",
	"отпуск", "отсутств", "відпустк", "відсутн", "休暇", "不在", "休假", "外出", "휴가", "부재", NULL };

static bool starts_away(const char *subject)
{
	struct mail_slice s = { subject, strlen(subject) };
	char *low = mail_is_ascii(s.p, s.n) ? NULL : mail_lowered(subject, s.n);
	if (low != NULL)
		s = (struct mail_slice){ low, strlen(low) };
	bool hit = false;
	for (size_t i = 0; away_subjects[i] != NULL && !hit; i++) {
		size_t k = strlen(away_subjects[i]);
		if (!mail_slice_starts(s, away_subjects[i]))
			continue;
		/* "Automatic reply rules need a review" is a person's subject. */
		size_t j = k;
		while (j < s.n && (s.p[j] == ' ' || (unsigned char)s.p[j] == 0xc2 || (unsigned char)s.p[j] == 0xa0))
			j++;
		hit = j >= s.n || away_subjects[i][k - 1] == ':' || strchr(":-([]", s.p[j]) != NULL ||
		    strncmp(s.p + j, "\xef\xbc\x9a", 3) == 0 || strncmp(s.p + j, "\xe2\x80\x93", 3) == 0;
	}
	free(low);
	return hit;
}

static bool holds_any(const char *text, size_t n, const char *const *words)
{
	if (text == NULL || n == 0)
		return false;
	char *low = mail_lowered(text, n);
	bool hit = false;
	for (size_t i = 0; words[i] != NULL && !hit; i++)
		hit = strstr(low, words[i]) != NULL;
	free(low);
	return hit;
}

static bool is_absence(const struct mail *m)
{
	return starts_away(m->subject) || holds_any(m->subject, strlen(m->subject), away_words) ||
	    holds_any(m->plain, m->plain_len < 600 ? m->plain_len : 600, away_words) ||
	    (m->plain == NULL && holds_any(m->html, m->html_len < 4000 ? m->html_len : 4000, away_words));
}

/* ---- header fields ---- */

/* The keyword of a structured value: without comments, up to ";", in lower case. */
static bool keyword_is(const struct mail_fields *f, const char *field, const char *const *words)
{
	for (const struct mail_field *x = mail_field_find(f, field, 0); x != NULL;
	     x = mail_field_find(f, field, (size_t)(x - f->items) + 1)) {
		struct buf b = BUF_INIT;
		mail_value_main(&b, x->value);
		bool hit = false;
		for (size_t i = 0; words[i] != NULL && !hit; i++)
			hit = strcmp(b.p, words[i]) == 0;
		buf_done(&b);
		if (hit)
			return true;
	}
	return false;
}

static bool has(const struct mail_fields *f, const char *name)
{
	const struct mail_field *x = mail_field_find(f, name, 0);
	return x != NULL && x->value.n > 0;
}

/* Auto-Submitted other than "no": the keyword, or "" for none. */
static void auto_submitted(const struct mail_fields *f, char out[32])
{
	out[0] = '\0';
	struct buf b = BUF_INIT;
	mail_value_main(&b, mail_field_value(f, "auto-submitted"));
	if (b.len > 0 && strcmp(b.p, "no") != 0)
		snprintf(out, 32, "%s", b.p);
	buf_done(&b);
}

static bool local_is(const char *addr, const char *const *words)
{
	const char *at = strchr(addr, '@');
	if (at == NULL)
		return false;
	struct mail_slice local = { addr, (size_t)(at - addr) };
	for (size_t i = 0; words[i] != NULL; i++)
		if (mail_slice_is(local, words[i]))
			return true;
	return false;
}

/* "no-reply", "donotreply-billing", "bounces+123": the words that machines use, alone or set off. */
static bool is_robot(const char *addr)
{
	static const char *const words[] = { "no-reply", "noreply", "no_reply", "no.reply", "do-not-reply", "donotreply",
		"do_not_reply", "do.not.reply", "dont-reply", "not-reply", "noreplies", "no-responder", "noresponder",
		"nicht-antworten", "keine-antwort", "keineantwort", "ne-pas-repondre", "nepasrepondre", "nao-responda",
		"naoresponda", NULL };
	const char *at = strchr(addr, '@');
	if (at == NULL)
		return false;
	struct mail_slice local = { addr, (size_t)(at - addr) };
	for (size_t i = 0; words[i] != NULL; i++) {
		size_t k = strlen(words[i]);
		const char *p = mail_slice_find(local, words[i]);
		if (p == NULL)
			continue;
		bool before = p == local.p || strchr("-_.+=", p[-1]) != NULL,
		     after = p + k == at || strchr("-_.+=0123456789", p[k]) != NULL;
		if (before && after)
			return true;
	}
	return false;
}

static bool from_is_own(const struct mail *m, const struct mail_context *ctx)
{
	for (size_t i = 0; i < m->from.len; i++)
		for (size_t k = 0; k < ctx->own_len; k++)
			if (mail_address_is(m->from.items[i].addr, ctx->own_addresses[k]))
				return true;
	/* Without a word about who we are: a mail from its own and only recipient comes out of this very mailbox. */
	return ctx->own_len == 0 && m->from.len == 1 && m->to.len == 1 && m->cc.len == 0 && m->from.items[0].addr[0] != '\0' &&
	    strcmp(m->from.items[0].addr, m->to.items[0].addr) == 0;
}

static bool marked_own(const struct mail_fields *f, const struct mail_context *ctx)
{
	return ctx->loop_mark != NULL && ctx->loop_mark[0] != '\0' &&
	    mail_field_value(f, "x-eddy-id").n == strlen(ctx->loop_mark) &&
	    memcmp(mail_field_value(f, "x-eddy-id").p, ctx->loop_mark, strlen(ctx->loop_mark)) == 0;
}

/* X-Loop with one of our addresses: what we have sent came around.  Others' are set on forwarded mails of people, too. */
static bool loops_back(const struct mail_fields *f, const struct mail_context *ctx)
{
	char found[320];
	for (const struct mail_field *x = mail_field_find(f, "x-loop", 0); x != NULL;
	     x = mail_field_find(f, "x-loop", (size_t)(x - f->items) + 1))
		for (size_t k = 0; k < ctx->own_len && mail_address_in(x->value, found); k++)
			if (mail_address_is(found, ctx->own_addresses[k]))
				return true;
	return false;
}

/* RFC 5546 3.2.3: accepted, declined; without a word of a person beside it. */
static bool calendar_reply(const struct mail *m, const struct mail_parts *ps)
{
	if ((m->plain != NULL && strspn(m->plain, " \t\r\n") < m->plain_len) || m->html != NULL)
		return false;
	int i = mail_parts_find(ps, "text/calendar");
	struct buf method = BUF_INIT;
	bool reply = i >= 0 && mail_param(ps->items[i].content_type, "method", &method) && strcasecmp(method.p, "reply") == 0;
	buf_done(&method);
	return reply;
}

static void automatic(struct mail *m, const char *why)
{
	decide(m, is_absence(m) ? MAIL_VACATION : MAIL_AUTORESPONSE, why);
}

static bool any_value(const struct mail_fields *f, const char *name, const char *word)
{
	for (const struct mail_field *x = mail_field_find(f, name, 0); x != NULL;
	     x = mail_field_find(f, name, (size_t)(x - f->items) + 1))
		if (mail_slice_starts(x->value, word))
			return true;
	return false;
}

static size_t received_count(const struct mail_fields *f)
{
	size_t n = 0;
	for (size_t i = 0; i < f->len; i++)
		n += mail_slice_is(f->items[i].name, "received");
	return n;
}

void mail_kind_read(struct mail *m, const struct mail_source *s)
{
	static const char *const replied[] = { "auto_reply", "auto-reply", "autoreply", NULL };
	static const char *const bulk[] = { "bulk", "junk", NULL };
	static const char *const list[] = { "list", NULL };
	static const char *const daemons[] = { "mailer-daemon", "mailer_daemon", "maildaemon", "mail-daemon", "mdaemon", NULL };
	static const char *const auto_fields[] = { "x-autoreply", "x-autorespond", "x-auto-reply-from", "x-autoreply-from",
		"x-autoresponder", "x-auto-respond", "x-away-message", "x-vacation", "x-ms-exchange-inbox-rules-loop",
		"x-mail-autoreply", "x-zarafa-vacation", "x-apple-action", "x-facebook-notify", NULL };
	static const char *const machine_fields[] = { "x-rt-loop-prevention", "x-otrs-loop", "x-jira-fingerprint",
		"x-bugzilla-type", "x-redmine-host", "x-gitlab-project", "x-github-reason", "x-cron-env",
		"x-nagios-notification-type", NULL };
	const struct mail_fields *f = &s->fields;
	const char *from = m->from.len > 0 ? m->from.items[0].addr : "";
	decide(m, MAIL_HUMAN, "nothing says that it is automatic");
	if (marked_own(f, s->ctx)) {
		decide(m, MAIL_SELF, "it carries our own mark (X-Eddy-Id)");
		return;
	}
	if (mail_report_read(m, s)) {
		m->may_reply = false;
		return;
	}
	if (loops_back(f, s->ctx)) {
		decide(m, MAIL_SELF, "X-Loop names us");
		return;
	}
	if (from_is_own(m, s->ctx)) {
		decide(m, MAIL_SELF, "From is our own address");
		return;
	}
	if (has(f, "x-eddy-id")) {
		automatic(m, "it carries another Eddy's mark (X-Eddy-Id)");
		return;
	}
	char word[32];
	auto_submitted(f, word);
	if (word[0] != '\0') {
		if (strcmp(word, "auto-generated") == 0 || strcmp(word, "auto-notified") == 0) {
			if (starts_away(m->subject))
				decide(m, MAIL_VACATION, "Auto-Submitted, and a subject of absence");
			else if (has(f, "list-unsubscribe") || has(f, "feedback-id"))
				decide(m, MAIL_BULK, "Auto-Submitted: auto-generated, with List-Unsubscribe");
			else
				decide(m, MAIL_NOTIFICATION, "Auto-Submitted: auto-generated");
		} else {
			automatic(m, "Auto-Submitted says that it is an automatic answer");
		}
		return;
	}
	for (size_t i = 0; auto_fields[i] != NULL; i++)
		if (has(f, auto_fields[i])) {
			automatic(m, "a header field of automatic answers (X-Autoreply and its kin)");
			return;
		}
	if (any_value(f, "delivered-to", "autoresponder")) {
		automatic(m, "Delivered-To: Autoresponder");
		return;
	}
	if (keyword_is(f, "precedence", replied)) {
		automatic(m, "Precedence: auto_reply");
		return;
	}
	if (m->list_id[0] != '\0' || has(f, "list-post") || has(f, "mailing-list") || has(f, "x-mailing-list")) {
		decide(m, MAIL_LIST, "it came over a mailing list (List-Id)");
		return;
	}
	if (has(f, "list-unsubscribe") || has(f, "feedback-id") || has(f, "list-unsubscribe-post")) {
		decide(m, MAIL_BULK, "List-Unsubscribe or Feedback-ID: sent to many");
		return;
	}
	if (keyword_is(f, "precedence", list)) {
		decide(m, MAIL_LIST, "Precedence: list");
		return;
	}
	if (starts_away(m->subject)) {
		decide(m, MAIL_VACATION, "its subject begins as automatic answers do");
		return;
	}
	if (keyword_is(f, "precedence", bulk)) {
		decide(m, MAIL_BULK, "Precedence: bulk or junk");
		return;
	}
	for (size_t i = 0; machine_fields[i] != NULL; i++)
		if (has(f, machine_fields[i])) {
			decide(m, MAIL_NOTIFICATION, "a header field of ticket systems and trackers");
			return;
		}
	if (calendar_reply(m, s->parts)) {
		decide(m, MAIL_NOTIFICATION, "somebody's calendar answers an invitation");
		return;
	}
	if (m->return_path != NULL && m->return_path[0] == '\0' && mail_field_value(f, "return-path").n >= 2) {
		if (is_absence(m))
			decide(m, MAIL_VACATION, "null return path, and words of absence");
		else
			decide(m, MAIL_NOTIFICATION, "null return path: nothing may come back");
		return;
	}
	if (local_is(from, daemons)) {
		decide(m, MAIL_NOTIFICATION, "From is a mail system");
		return;
	}
	if (is_robot(from)) {
		decide(m, MAIL_NOTIFICATION, "From is a no-reply address");
		return;
	}
	if (m->from.len == 0 || from[0] == '\0') {
		decide(m, MAIL_HUMAN, "no usable sender address");
		m->may_reply = m->reply_to.len > 0 && m->reply_to.items[0].addr[0] != '\0';
		m->looks_automatic = true;
		return;
	}
	if (received_count(f) > 30) {
		decide(m, MAIL_NOTIFICATION, "more than 30 Received lines: a loop");
		return;
	}
	/* Signs that it may have been a program all the same: a person, answered, but counted with more care. */
	m->looks_automatic = has(f, "x-auto-response-suppress") || has(f, "precedence") || m->message_id_derived ||
	    has(f, "x-mailgun-sid") || has(f, "x-ses-outgoing") || has(f, "x-sg-eid") || has(f, "x-loop") ||
	    has(f, "x-github-reason") || strspn(from, "0123456789+") > 6;
}
