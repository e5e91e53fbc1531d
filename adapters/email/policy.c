/*
 * The rules of who may write to Eddy, apart from what is true at the moment (counts, stops), which the inlet asks the store for.  An address that
 * is proved says who may be written back to; only the list of members says whose rights Eddy acts with.
 */
#include "policy.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "../../core/settings/settings.h"

const char *email_do_name(enum email_do d)
{
	static const char *const names[EMAIL_DO_COUNT] = { "answered", "fixed_text", "own", "automatic", "list", "report", "nobody",
		"shut_out", "stopped", "too_many", "old", "unreadable" };
	return names[d];
}

bool email_is_member(const struct email_policy *p, const char *address)
{
	const char *at = strrchr(address, '@');
	for (size_t i = 0; i < p->members_len && at != NULL; i++) {
		const char *m = p->members[i];
		if (m[0] == '@' ? strcasecmp(m, at) == 0 : strcasecmp(m, address) == 0)
			return true;
	}
	return false;
}

enum email_who email_who(const struct email_policy *p, const struct mail *m)
{
	if (m->sender == NULL || !mail_address_ok(m->sender) ||
	    m->sender[0] == '?') /* that sign is the strangers': email_person_key() */
		return WHO_NOBODY;
	if (!m->authenticated)
		return WHO_STRANGER;
	return email_is_member(p, m->sender) ? WHO_MEMBER : WHO_OUTSIDER;
}

enum email_do email_judge(const struct email_policy *p, const struct mail *m, enum email_who who)
{
	switch (m->kind) {
	case MAIL_SELF:
		return EMAIL_DO_OWN;
	case MAIL_BOUNCE:
	case MAIL_DELAYED:
	case MAIL_DELIVERED:
	case MAIL_COMPLAINT:
		return EMAIL_DO_REPORT;
	case MAIL_LIST:
	case MAIL_BULK:
		return EMAIL_DO_LIST;
	case MAIL_VACATION:
	case MAIL_AUTORESPONSE:
	case MAIL_NOTIFICATION:
	case MAIL_MDN:
		return EMAIL_DO_AUTOMATIC;
	case MAIL_HUMAN:
		break;
	}
	if (!m->may_reply)
		return EMAIL_DO_AUTOMATIC;
	if (who == WHO_NOBODY)
		return EMAIL_DO_NOBODY;
	if (who == WHO_MEMBER)
		return EMAIL_DO_ANSWER;
	enum email_door door = who == WHO_OUTSIDER ? p->outsiders : p->strangers;
	return door == DOOR_AGENT ? EMAIL_DO_ANSWER : door == DOOR_TEXT ? EMAIL_DO_WORDS : EMAIL_DO_SHUT_OUT;
}

void email_trust(const struct settings *s, struct mail_context *ctx)
{
	ctx->trusted_len = settings_list(s, "email.authserv", &ctx->trusted_hosts);
	ctx->relays_len = settings_list(s, "email.relays", &ctx->relays);
	ctx->trust_unnamed = settings_bool(s, "email.authserv_unnamed");
}

void email_key(const char *address, char *out, size_t n)
{
	snprintf(out, n, "%s", address);
	for (char *p = out; *p != '\0'; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p | 0x20 : *p);
}

void email_person_key(const struct mail *m, enum email_who who, char out[330])
{
	out[0] = '?';
	email_key(m->sender != NULL ? m->sender : "", out + (who == WHO_STRANGER), 330u - (who == WHO_STRANGER));
}

int email_choice(const char *text, size_t n)
{
	while (n > 0 && isspace((unsigned char)text[n - 1]))
		n--;
	while (n > 0 && isspace((unsigned char)*text))
		text++, n--;
	if (n > 1 && strchr(".)", text[n - 1]) != NULL)
		n--;
	if (n > 1 && (*text == '(' || *text == '#'))
		text++, n--;
	if (n < 1 || n > 2 || !isdigit((unsigned char)text[0]) || (n == 2 && !isdigit((unsigned char)text[1])))
		return 0;
	return n == 1 ? text[0] - '0' : (text[0] - '0') * 10 + text[1] - '0';
}

bool email_names_us(const char *text, size_t n, const char *name)
{
	size_t k = strlen(name);
	while (n > 0 && isspace((unsigned char)*text))
		text++, n--;
	for (size_t i = 0; k > 0 && i + k <= n; i++) {
		bool begins = i == 0 || (text[i - 1] == '@' && (i == 1 || !isalnum((unsigned char)text[i - 2])));
		bool ends = i + k == n || !(isalnum((unsigned char)text[i + k]) || (text[i + k] & 0x80));
		if (begins && ends && strncasecmp(text + i, name, k) == 0)
			return true;
	}
	/* "Hi Eddy, …" */
	static const char *const hails[] = { "hi ", "hey ", "hello ", "dear ", "hallo ", "liebe ", "lieber ", "bonjour ", "hola ",
		"salut " };
	for (size_t h = 0; h < sizeof(hails) / sizeof(*hails); h++) {
		size_t m = strlen(hails[h]);
		if (m + k <= n && strncasecmp(text, hails[h], m) == 0 && strncasecmp(text + m, name, k) == 0 &&
		    (m + k == n || !isalnum((unsigned char)text[m + k])))
			return true;
	}
	return false;
}
