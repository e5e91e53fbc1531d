/* A box: what its settings say, its identity in the store, and the parts that watch and send for it. */
#include "box.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "oauth.h"

static bool is_loopback(const char *host)
{
	struct in_addr v4;
	return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	    (inet_pton(AF_INET, host, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127);
}

bool email_server_parse(const char *url, const char *scheme, bool plain, struct email_server *out)
{
	size_t n = strlen(scheme);
	if (strncmp(url, scheme, n) != 0)
		return false;
	bool implicit = url[n] == 's';
	const char *host = url + n + implicit, *end;
	if (strncmp(host, "://", 3) != 0)
		return false;
	host += 3;
	bool bracket = host[0] == '[';
	host += bracket;
	end = bracket ? strchr(host, ']') : host + strcspn(host, ":/");
	if (end == NULL || end == host || (size_t)(end - host) >= sizeof(out->host))
		return false;
	memcpy(out->host, host, (size_t)(end - host));
	out->host[end - host] = '\0';
	for (const char *p = out->host; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f || strchr("@<>\"\\", *p) != NULL)
			return false;
	end += bracket;
	long port = strcmp(scheme, "imap") == 0 ? (implicit ? 993 : 143) : implicit ? 465 : 587;
	if (*end == ':') {
		char *rest;
		if (!isdigit((unsigned char)end[1]))
			return false;
		port = strtol(end + 1, &rest, 10);
		end = rest;
	}
	if ((*end != '\0' && strcmp(end, "/") != 0) || port < 1 || port > 65535)
		return false;
	out->port = (int)port;
	out->tls = implicit ? MAIL_TLS_IMPLICIT : plain ? MAIL_TLS_NONE : MAIL_TLS_START;
	return out->tls != MAIL_TLS_NONE || is_loopback(out->host);
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);
	return n >= k && strcasecmp(s + n - k, end) == 0;
}

/* Providers that file what is submitted by themselves. */
static bool files_by_itself(const char *host)
{
	return ends_with(host, "gmail.com") || ends_with(host, "googlemail.com") || ends_with(host, "office365.com") ||
	    ends_with(host, "outlook.com");
}

static enum outgoing_copy copy_of(const struct email_box *b)
{
	const char *c = settings_str(b->s, "email.copy");
	if (strcmp(c, "auto") == 0)
		return files_by_itself(b->smtp.host) ? COPY_NONE : COPY_APPEND;
	return strcmp(c, "append") == 0 ? COPY_APPEND : strcmp(c, "self") == 0 ? COPY_SELF : COPY_NONE;
}

static enum mailbox_mark mark_of(const struct email_box *b)
{
	const char *m = settings_str(b->s, "email.mark");
	return strcmp(m, "seen") == 0 ? MARK_SEEN
	    : strcmp(m, "move") == 0  ? MARK_MOVE
	    : strcmp(m, "none") == 0  ? MARK_NONE
	                              : MARK_KEYWORD;
}

static enum email_door door(const struct settings *s, const char *name)
{
	const char *v = settings_str(s, name);
	return strcmp(v, "agent") == 0 ? DOOR_AGENT : strcmp(v, "text") == 0 ? DOOR_TEXT : DOOR_IGNORE;
}

struct mail_login box_login(const struct email_box *b, const struct email_server *server)
{
	const char *user = settings_str(b->s, "email.user"), *mechanism = settings_str(b->s, "email.mechanism");
	static const struct {
		const char *setting, *sasl;
	} names[] = { { "plain", "PLAIN" }, { "login", "LOGIN" }, { "xoauth2", "XOAUTH2" }, { "oauthbearer", "OAUTHBEARER" } };
	const char *sasl = b->oauth != NULL ? "XOAUTH2" : NULL;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(mechanism, names[i].setting) == 0)
			sasl = names[i].sasl;
	return (struct mail_login){ .host = server->host,
		.port = server->port,
		.tls = server->tls,
		.user = user != NULL ? user : settings_str(b->s, "email.address"),
		.password = b->oauth != NULL ? NULL : settings_str(b->s, "email.password"),
		.mechanism = sasl,
		.ca_file = settings_str(b->email->settings, "net.ca_file") };
}

static void own_addresses(struct email_box *b)
{
	const char *const *aliases;
	size_t n = settings_list(b->s, "email.aliases", &aliases);
	b->own_addresses = xcalloc(n + 1, sizeof(char *));
	b->own_addresses[0] = b->normal;
	for (size_t i = 0; i < n; i++)
		b->own_addresses[i + 1] = aliases[i];
	b->context.own_addresses = b->own_addresses;
	b->context.own_len = n + 1;
}

static void make_parts(struct email_box *b)
{
	struct email *m = b->email;
	b->mailbox = mailbox_new(&(struct mailbox_options){ .name = b->address,
	    .login = box_login(b, &b->imap),
	    .oauth = b->oauth,
	    .folder = settings_str(b->s, "email.folder"),
	    .mark = mark_of(b),
	    .keyword = settings_str(b->s, "email.keyword"),
	    .move_to = settings_str(b->s, "email.move_to"),
	    .from_start = settings_bool(b->s, "email.from_start"),
	    .max_bytes = (size_t)settings_int(b->s, "email.max_size"),
	    .poll_ms = (uint32_t)settings_int(b->s, "email.poll"),
	    .metrics = m->metrics,
	    .port = inlet_port(b) });
	b->outgoing = outgoing_new(&(struct outgoing_options){
	    .smtp = { .login = box_login(b, &b->smtp), .helo = b->domain, .keep_ms = 5000 },
	    .imap = box_login(b, &b->imap),
	    .oauth = b->oauth,
	    .sent_folder = settings_str(b->s, "email.sent_folder"),
	    .inbox = settings_str(b->s, "email.folder"),
	    .own_address = b->normal,
	    .copy = copy_of(b),
	    .per_minute = (uint32_t)settings_int(b->s, "email.per_minute"),
	    .metrics = m->metrics,
	    .port = sender_port(b),
	});
}

enum err box_prepare(struct email_box *b, char *why, size_t n)
{
	bool plain = settings_bool(b->s, "email.plaintext");
	if (!mail_address_normal(settings_str(b->s, "email.address"), b->normal) ||
	    !email_server_parse(settings_str(b->s, "email.imap"), "imap", plain, &b->imap) ||
	    !email_server_parse(settings_str(b->s, "email.smtp"), "smtp", plain, &b->smtp)) {
		snprintf(why, n, "email.address, email.imap or email.smtp cannot be used");
		return ERR_INPUT;
	}
	b->address = b->normal;
	const char *at = strrchr(b->normal, '@');
	snprintf(b->domain, sizeof(b->domain), "%s", at + 1);
	snprintf(b->local, sizeof(b->local), "%.*s", (int)(at - b->normal), b->normal);
	const char *token_url = settings_str(b->s, "email.oauth.token_url");
	if (token_url != NULL)
		b->oauth = oauth_new(&(struct oauth_options){ .token_url = token_url,
		    .client_id = settings_str(b->s, "email.oauth.client_id"),
		    .client_secret = settings_str(b->s, "email.oauth.client_secret"),
		    .refresh_token = settings_str(b->s, "email.oauth.refresh_token"),
		    .scope = settings_str(b->s, "email.oauth.scope"),
		    .ca_file = settings_str(b->email->settings, "net.ca_file") });
	return ERR_NONE;
}

enum err box_open(struct email *m, const struct settings *s, struct settings *own, bool first, char *why, size_t n)
{
	struct email_box *b = xcalloc(1, sizeof(*b));
	b->email = m;
	b->s = s;
	b->own = own;
	m->boxes[m->boxes_len++] = b;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->landed, NULL);
	if (box_prepare(b, why, n) != ERR_NONE)
		return ERR_INPUT;
	if (box_of(m, b->address) != b) {
		snprintf(why, n, "email.mailboxes: %s is there twice", b->address);
		return ERR_INPUT;
	}
	own_addresses(b);
	email_trust(s, &b->context);
	b->context.loop_mark = b->address;
	b->policy = (struct email_policy){ .outsiders = door(s, "email.outsiders"),
		.strangers = door(s, "email.strangers"),
		.answers_per_hour = (int)settings_int(s, "email.answers_per_hour"),
		.stranger_answers_per_hour = (int)settings_int(s, "email.stranger_answers_per_hour"),
		.reply_all = settings_bool(s, "email.reply_all") };
	b->policy.members_len = settings_list(s, "email.members", &b->policy.members);
	snprintf(b->cursor_key, sizeof(b->cursor_key), "cursor:%s", b->address);
	snprintf(b->since_key, sizeof(b->since_key), "since:%s", b->address);
	for (int i = 0; i < EMAIL_DO_COUNT; i++) {
		char label[64];
		snprintf(label, sizeof(label), "action=\"%s\"", email_do_name((enum email_do)i));
		b->taken[i] = first
		    ? metric_counter(m->metrics, "eddy_email_mails_total", label, "Mails looked at, by what was done with them.")
		    : m->boxes[0]->taken[i];
	}
	enum err e = engine_install(m->engine, email_ops.name, b->address, b->address, settings_bool(s, "email.shared"), &b->ws);
	if (e == ERR_NONE)
		e = engine_secret(m->engine, b->ws, email_ops.name, "token", b->secret);
	if (e != ERR_NONE) {
		snprintf(why, n,
		    e == ERR_DENIED
		        ? "email: what was sealed for %s opens with another master key: give all machines of this database the same"
		          " EDDY_MASTER_KEY, or bring back the master.keys of then (docs/secrets.md)"
		        : "email: %s cannot be noted in the database",
		    b->address);
		return e;
	}
	make_parts(b);
	return ERR_NONE;
}

void box_free(struct email_box *b)
{
	mailbox_free(b->mailbox);
	outgoing_free(b->outgoing);
	oauth_free(b->oauth);
	free(b->own_addresses);
	settings_free(b->own);
	explicit_bzero(b->secret, sizeof(b->secret));
	pthread_cond_destroy(&b->landed);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

struct email_box *box_of(struct email *m, const char *address)
{
	for (size_t i = 0; i < m->boxes_len; i++)
		if (m->boxes[i]->address != NULL && strcmp(m->boxes[i]->address, address) == 0)
			return m->boxes[i];
	return NULL;
}
