/*
 * Why a mail could not be delivered, in one word for the operator.  What the far server says in words is more exact than its code, since many
 * servers answer "5.0.0" or "550" to everything; only then the code (RFC 3463) decides.
 */
#include <stdlib.h>

#include "report.h"

static const struct {
	const char *category;
	const char *words[14];
} by_words[] = {
	{ "mailboxfull",
	    { "mailbox full", "mailbox is full", "mailbox_full", "mailfolder is full", "over quota", "overquota", "quota exceeded",
	        "exceeded storage", "exceeds allowed size", "exceeded its quota", "out of storage", "is over quota", NULL } },
	{ "mesgtoobig",
	    { "too large", "size limit", "message size exceeds", "too big", "maximum message size", "exceeds the maximum",
	        "mail size limit", NULL } },
	{ "hostunknown",
	    { "domain does not exist", "host unknown", "unknown host", "host not found", "no such domain", "domain not found",
	        "name or service not known", "nxdomain", "host or domain name not found", NULL } },
	{ "norelaying",
	    { "relay access denied", "relaying denied", "relay not permitted", "unable to relay", "relaying not allowed", NULL } },
	{ "hasmoved", { "has moved", "has been replaced", "no longer at this address", "user has moved", NULL } },
	{ "toomanyconn",
	    { "too many connections", "connection rate", "rate limit", "too many concurrent", "connection frequency limited",
	        "too many messages", NULL } },
	{ "spamdetected", { "spam", "junk mail", "bulk mail", NULL } },
	{ "blocked",
	    { "blacklist", "blocklist", "block list", "blocked using", "dnsbl", "rbl", "poor reputation", "reputation",
	        "banned sending ip", "invalid domain name", "please use the smtp server of your isp", NULL } },
	{ "policyviolation", { "dmarc", "dkim", "policy", "violation", NULL } },
	{ "suspend",
	    { "suspended", "account is disabled", "account has been disabled", "inactive user", "mailbox disabled", "is disabled",
	        NULL } },
	{ "rejected",
	    { "sender rejected", "sender address rejected", "unroutable sender", "bad sender", "not a member", "are not member",
	        "domain of sender address", NULL } },
	{ "securityerror", { "access denied", "authentication required", "virus", NULL } },
	{ "userunknown",
	    { "user unknown", "unknown user", "no such user", "no such address", "recipient name is not recognized",
	        "unknown recipient", "invalid recipient", "recipient unknown", "user not found", "not listed in",
	        "address rejected", "does not exist", "doesn't have a", NULL } },
	{ "expired",
	    { "timed out", "timeout exceeded", "too long", "delivery time expired", "retry timeout", "message expired", NULL } },
	{ "networkerror",
	    { "no route to host", "connection refused", "hop count", "routing loop", "mail loop", "loops back",
	        "network is unreachable", "too many hops", NULL } },
	{ "systemerror", { "ldap server", "local configuration error", "duplicated message-id", "internal error", NULL } },
};
static const struct {
	const char *status, *category; /* the last number may be any when the status ends in "." */
} by_status[] = { { ".1.1", "userunknown" }, { ".1.0", "userunknown" }, { ".1.2", "hostunknown" }, { ".1.6", "hasmoved" },
	{ ".1.8", "rejected" }, { ".1.", "userunknown" }, { ".2.1", "filtered" }, { ".2.2", "mailboxfull" },
	{ ".2.3", "mesgtoobig" }, { ".2.", "filtered" }, { ".3.4", "mesgtoobig" }, { ".3.", "systemerror" }, { ".4.7", "expired" },
	{ ".4.", "networkerror" }, { ".5.", "syntaxerror" }, { ".6.", "contenterror" }, { ".7.1", "securityerror" },
	{ ".7.", "policyviolation" }, { ".0.0", "" } };

void mail_report_categories(struct mail *m)
{
	for (size_t i = 0; i < m->recipients_len; i++) {
		struct mail_recipient *r = &m->recipients[i];
		char *low = mail_lowered(r->reason, strlen(r->reason));
		for (size_t k = 0; k < sizeof by_words / sizeof *by_words && r->category[0] == '\0'; k++)
			for (size_t w = 0; by_words[k].words[w] != NULL && r->category[0] == '\0'; w++)
				if (strstr(low, by_words[k].words[w]) != NULL)
					r->category = by_words[k].category;
		free(low);
		for (size_t k = 0; k < sizeof by_status / sizeof *by_status && r->category[0] == '\0' && r->status[0] != '\0';
		     k++) {
			size_t n = strlen(by_status[k].status);
			if (by_status[k].status[n - 1] == '.' ? strncmp(r->status + 1, by_status[k].status, n) == 0
			                                      : strcmp(r->status + 1, by_status[k].status) == 0)
				r->category = by_status[k].category;
		}
	}
}
