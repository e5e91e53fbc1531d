/*
 * What `eddy doctor` says about mail: both servers are asked as the running program asks them, and the newest mails are looked at for the id under which
 * the operator's own server writes its results.
 */
#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../core/base/buf.h"
#include "../../core/base/mem.h"
#include "box.h"
#include "oauth.h"

#define CHECK_MS 10000
#define NEWEST 5
#define HEAD_BYTES 32768

struct check {
	struct email_box *box;
	struct buf *out;
	bool bad;
};

__attribute__((format(printf, 3, 4))) static void say(struct check *c, bool ok, const char *fmt, ...)
{
	va_list ap;
	buf_add_str(c->out, ok ? "ok " : "bad ");
	va_start(ap, fmt);
	buf_vaddf(c->out, fmt, ap);
	va_end(ap);
	buf_add_char(c->out, '\n');
	c->bad |= !ok;
}

/* A token, or a line about why there is none. */
static bool get_token(struct check *c, char **token)
{
	char why[300] = "";
	*token = NULL;
	if (c->box->oauth == NULL || oauth_token(c->box->oauth, false, token, why, sizeof(why)) == ERR_NONE)
		return true;
	say(c, false, "no access token: %s (email.oauth.*)", why);
	return false;
}

/* ---- who can be proved ---- */

/* The id in the topmost Authentication-Results of a mail's head, wherever it stands (RFC 8601, section 2.2); false: there is no such field. */
static bool top_authserv(const char *raw, size_t n, char out[128])
{
	static const char name[] = "Authentication-Results:";
	for (size_t i = 0; i < n;) {
		const char *end = memchr(raw + i, '\n', n - i);
		size_t len = end != NULL ? (size_t)(end - raw) - i + 1 : n - i;
		if (len <= 2)
			return false;
		if (len > sizeof(name) && strncasecmp(raw + i, name, sizeof(name) - 1) == 0) {
			const char *p = raw + i + sizeof(name) - 1, *stop = raw + n;
			while (p < stop && strchr(" \t\r\n", *p) != NULL)
				p++;
			size_t k = 0;
			while (p < stop && k + 1 < 128 && (unsigned char)*p > ' ' && (unsigned char)*p < 0x7f &&
			    strchr(";=(\"", *p) == NULL)
				out[k++] = *p++;
			out[k] = '\0';
			if (p < stop && *p == '=') /* no id at all but the first result: Microsoft 365 */
				out[0] = '\0';
			return true;
		}
		i += len;
	}
	return false;
}

/* By the same rules as when it is read; ${below}: they are of our server, but below Received lines of others. */
static bool has_results(const struct check *c, const struct imap_mail *raw, const char *id, bool *below)
{
	struct mail_context ctx = { 0 };
	struct mail *m = NULL;
	email_trust(c->box->s, &ctx);
	if (mail_read(raw->raw.p, raw->raw.len, &ctx, &m) != ERR_NONE)
		return false;
	bool has = m->has_results;
	mail_free(m);
	for (size_t i = 0; i < ctx.trusted_len && !has; i++)
		*below |= strcasecmp(ctx.trusted_hosts[i], id) == 0;
	*below |= !has && id[0] == '\0' && ctx.trust_unnamed;
	return has;
}

static void check_proof(struct check *c, struct imap *i)
{
	const char *const *hosts;
	uint32_t *uids = NULL;
	size_t n = 0, looked = 0, ours = 0;
	char newest[128] = "", id[128];
	bool any = false, below = false;
	bool named = settings_list(c->box->s, "email.authserv", &hosts) > 0 || settings_bool(c->box->s, "email.authserv_unnamed");
	if (imap_uids_after(i, 0, SIZE_MAX / sizeof(*uids) / 2, &uids, &n) != ERR_NONE)
		n = 0;
	for (size_t k = n > NEWEST ? n - NEWEST : 0; k < n; k++) {
		struct imap_mail m = { 0 };
		if (imap_fetch(i, uids[k], "$Eddy", HEAD_BYTES, &m) == ERR_NONE && top_authserv(m.raw.p, m.raw.len, id)) {
			any = true;
			ours += has_results(c, &m, id, &below);
			snprintf(newest, sizeof(newest), "%s", id);
		}
		looked++;
		buf_done(&m.raw);
	}
	free(uids);
	if (!named && any)
		say(c, false,
		    "email.authserv is not set, so no sender is proved and all are strangers (the newest mail's topmost results are %s%s: if that is "
		    "your own server, set %s)",
		    newest[0] != '\0' ? "of " : "without an id", newest,
		    newest[0] != '\0' ? "email.authserv to it" : "email.authserv_unnamed: true");
	else if (!named)
		say(c, false,
		    "email.authserv is not set, so no sender is proved and all are strangers (set it to the id that your own server writes into "
		    "Authentication-Results, such as mx.google.com)");
	else if (looked == 0)
		say(c, true, "senders are proved by email.authserv; no mail is there yet to look at");
	else if (ours == 0 && below)
		say(c, false,
		    "the results in the newest mails stand below Received lines, so they prove nobody: name the hosts of your own that "
		    "write those lines (behind \"by\") in email.relays");
	else if (ours == 0)
		say(c, false,
		    "none of the %zu newest mails has results of email.authserv on top%s%s (then everybody is a stranger)", looked,
		    any ? "; there it says " : "", any ? newest[0] != '\0' ? newest : "no id" : "");
	else
		say(c, true, "senders are proved: %zu of the %zu newest mails have results of your server", ours, looked);
	if (settings_list(c->box->s, "email.members", &hosts) == 0)
		say(c, true, "email.members is not set: everybody is answered as a guest");
}

/* ---- the two servers ---- */

static void check_folders(struct check *c, struct imap *i)
{
	struct imap_folder f;
	char sent[256];
	const char *folder = settings_str(c->box->s, "email.folder"), *mark = settings_str(c->box->s, "email.mark");
	if (imap_select(i, folder, false, &f) != ERR_NONE) {
		say(c, false, "folder %s cannot be opened: %s (email.folder)", folder, imap_why(i));
		return;
	}
	say(c, true, "%s holds %u mails; %s", folder, f.exists,
	    imap_caps(i) & IMAP_IDLE ? "the server tells of new ones (IDLE)"
	                             : "the server has no IDLE, so it is asked every email.poll");
	if (strcmp(mark, "keyword") == 0 && !f.keywords)
		say(c, true, "the server keeps no keywords: what was taken is marked as seen");
	if (settings_str(c->box->s, "email.sent_folder") == NULL && !imap_special(i, "\\Sent", sent, sizeof(sent)))
		say(c, true,
		    "the server names no Sent folder: no copies are kept, and an uncertain mail is looked for in %s only (email.sent_folder)",
		    folder);
	check_proof(c, i);
}

static void check_imap(struct check *c)
{
	struct mail_login l = box_login(c->box, &c->box->imap);
	struct imap *i = NULL;
	char *token, why[300] = "";
	if (!get_token(c, &token))
		return;
	l.token = token;
	enum err e = imap_open(&i, &l, CHECK_MS, why, sizeof(why));
	if (e == ERR_NONE) {
		say(c, true, "reading: logged in at %s:%d as %s", l.host, l.port, l.user);
		check_folders(c, i);
		imap_close(i);
	} else {
		say(c, false, "reading: %s (email.imap is %s:%d%s)", why, l.host, l.port,
		    e == ERR_DENIED ? ", check email.user and email.password; Gmail wants an app password, Microsoft 365 OAuth"
		                    : "");
	}
	free(token);
}

static void check_smtp(struct check *c)
{
	const struct smtp_options o = { .login = box_login(c->box, &c->box->smtp), .helo = c->box->domain, .timeout_ms = CHECK_MS };
	struct smtp *s = smtp_new(&o);
	struct smtp_result r;
	char *token;
	if (get_token(c, &token)) {
		smtp_check(s, token, &r);
		if (r.fate == SMTP_ACCEPTED)
			say(c, true, "sending: logged in at %s:%d", o.login.host, o.login.port);
		else
			say(c, false, "sending: %s%s (email.smtp is %s:%d)", r.reply,
			    r.fate == SMTP_DENIED ? ", log-in refused" : "", o.login.host, o.login.port);
	}
	smtp_free(s);
	free(token);
	say(c, true, "others trust mail from %s when its DNS has SPF (TXT %s), DKIM and DMARC (TXT _dmarc.%s)", c->box->address,
	    c->box->domain, c->box->domain);
}

static bool check_one(const struct settings *s, struct settings *own, struct buf *out)
{
	struct email m = { .settings = s };
	struct email_box b = { .email = &m, .s = own != NULL ? own : s };
	struct check c = { .box = &b, .out = out };
	char why[300] = "";
	if (box_prepare(&b, why, sizeof(why)) != ERR_NONE) {
		say(&c, false, "%s", why);
	} else {
		check_imap(&c);
		check_smtp(&c);
	}
	oauth_free(b.oauth);
	return !c.bad;
}

enum err email_check(const struct settings *s, struct http *http, struct buf *out)
{
	(void)http;
	const char *const *more;
	size_t n = settings_list(s, "email.mailboxes", &more);
	mail_library_init();
	bool good = check_one(s, NULL, out);
	for (size_t i = 0; i < n; i++) {
		char why[300] = "";
		struct settings *own = email_load_more(more[i], why, sizeof(why));
		if (own == NULL)
			buf_addf(out, "bad %s\n", why);
		good = own != NULL && check_one(s, own, out) && good;
		settings_free(own);
	}
	return good ? ERR_NONE : ERR_INPUT;
}
