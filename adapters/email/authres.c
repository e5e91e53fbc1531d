/*
 * Who wrote it: Authentication-Results (RFC 8601).  A result counts only when our own border server wrote it: its authserv-id is on the
 * list that the operator keeps (empty at first), the field stands above the first Received line that is not of one of our own hosts, and it is the
 * topmost of its id.  Without such hosts it is a place where nobody outside can put one; with them the border server has to take away what comes in
 * under its id, as RFC 8601 section 5 demands and Google and Microsoft do.  Comments and quoted strings are read as such, so that nothing inside them is a result.  A mail acts for its From address when
 * DMARC passed for the From domain, or without a DMARC verdict DKIM for that domain, or SPF for an envelope sender in it.
 */
#include <stdio.h>

#include "authres.h"
#include "mail_internal.h"

/* ---- tokens ---- */

struct cursor {
	const char *p, *end;
};

static void skip_space(struct cursor *c)
{
	while (c->p < c->end) {
		if (mail_space(*c->p)) {
			c->p++;
		} else if (*c->p == '(') {
			unsigned depth = 0;
			for (; c->p < c->end; c->p++) {
				if (*c->p == '\\' && c->p + 1 < c->end)
					c->p++;
				else if (*c->p == '(')
					depth++;
				else if (*c->p == ')' && --depth == 0) {
					c->p++;
					break;
				}
			}
		} else {
			return;
		}
	}
}

/* A token or a quoted string, in lower case; false: neither.  What does not fit makes it no value at all. */
static bool word(struct cursor *c, const char *stop, char *out, size_t n)
{
	skip_space(c);
	size_t len = 0;
	bool fits = true, any = false;
	if (c->p < c->end && *c->p == '"') {
		for (c->p++; c->p < c->end && *c->p != '"'; c->p++) {
			if (*c->p == '\\' && c->p + 1 < c->end)
				c->p++;
			if (len + 1 < n && *c->p != '\0')
				out[len++] = mail_lower(*c->p);
			else
				fits = false;
		}
		if (c->p >= c->end)
			return false;
		c->p++;
		any = true;
		/* "local part"@domain goes on. */
	}
	while (c->p < c->end && !mail_space(*c->p) && strchr(stop, *c->p) == NULL && *c->p != '(' && *c->p != '"') {
		if (len + 1 < n)
			out[len++] = mail_lower(*c->p);
		else
			fits = false;
		c->p++;
		any = true;
	}
	out[len] = '\0';
	return any && fits && len > 0;
}

static void skip_result(struct cursor *c)
{
	while (c->p < c->end && *c->p != ';') {
		if (*c->p == '(') {
			skip_space(c);
		} else if (*c->p == '"') {
			for (c->p++; c->p < c->end && *c->p != '"'; c->p++)
				if (*c->p == '\\' && c->p + 1 < c->end)
					c->p++;
			if (c->p < c->end)
				c->p++;
		} else {
			c->p++;
		}
	}
}

bool mail_authres_parse(const char *value, size_t n, struct mail_authres *out)
{
	memset(out, 0, sizeof *out);
	struct cursor c = { value, value + n };
	/* "id", or at once "method=": a server that does not name itself. */
	struct cursor start = c;
	char first[256];
	if (!word(&c, ";=", first, sizeof first))
		return false;
	skip_space(&c);
	if (c.p < c.end && *c.p == '=') {
		c = start;
	} else {
		snprintf(out->id, sizeof out->id, "%s", first);
		/* The version, if there is one. */
		while (c.p < c.end && *c.p >= '0' && *c.p <= '9')
			c.p++;
		skip_space(&c);
		if (c.p < c.end && *c.p != ';')
			return false;
	}
	while (c.p < c.end && out->len < MAIL_AUTHRES_MAX) {
		skip_space(&c);
		if (c.p < c.end && *c.p == ';') {
			c.p++;
			continue;
		}
		struct mail_authres_item *it = &out->items[out->len];
		memset(it, 0, sizeof *it);
		if (!word(&c, ";=/", it->method, sizeof it->method)) {
			skip_result(&c);
			if (c.p < c.end)
				c.p++;
			continue;
		}
		skip_space(&c);
		if (c.p < c.end && *c.p == '/') { /* the method's version */
			c.p++;
			char version[16];
			word(&c, ";=", version, sizeof version);
			skip_space(&c);
		}
		if (c.p >= c.end || *c.p != '=') { /* "none", or a word in the wrong place */
			skip_result(&c);
			continue;
		}
		c.p++;
		if (!word(&c, ";", it->result, sizeof it->result)) {
			skip_result(&c);
			continue;
		}
		for (;;) {
			skip_space(&c);
			if (c.p >= c.end || *c.p == ';')
				break;
			char name[64], v[256];
			bool ok = word(&c, ";=", name, sizeof name);
			skip_space(&c);
			if (c.p >= c.end || *c.p != '=') {
				if (!ok && c.p < c.end && *c.p != ';')
					c.p++;
				continue;
			}
			c.p++;
			ok = word(&c, ";", v, sizeof v) && ok;
			if (!ok)
				continue;
			/* The first of a name counts. */
			char *to = strcmp(name, "header.from") == 0 ? it->header_from
			    : strcmp(name, "header.d") == 0         ? it->header_d
			    : strcmp(name, "header.i") == 0         ? it->header_i
			    : strcmp(name, "smtp.mailfrom") == 0    ? it->mailfrom
			    : strcmp(name, "smtp.auth") == 0        ? it->smtp_auth
			                                            : NULL;
			if (to != NULL && to[0] == '\0')
				snprintf(to, sizeof it->header_from, "%s", v);
		}
		out->len++;
	}
	return true;
}

/* ---- domains ---- */

static const char *domain_of(const char *addr)
{
	const char *at = strrchr(addr, '@');
	return at == NULL ? addr : at + 1;
}

static bool same_domain(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	while (na > 0 && a[na - 1] == '.')
		na--;
	while (nb > 0 && b[nb - 1] == '.')
		nb--;
	return na > 0 && na == nb && strncasecmp(a, b, na) == 0;
}

/* Is ${child} below ${parent}? */
static bool is_below(const char *child, const char *parent)
{
	size_t nc = strlen(child), np = strlen(parent);
	return nc > np + 1 && strchr(parent, '.') != NULL && child[nc - np - 1] == '.' && strcasecmp(child + nc - np, parent) == 0;
}

/*
 * Equal, or the From domain is below it.  Not the other way round: who has been given a name below a domain would speak for everybody in it.  And two names
 * below the same third one are not enough: without the list of public suffixes nobody knows whether that one belongs to both or to a host of
 * strangers.
 */
static bool aligned(const char *d, const char *from)
{
	return same_domain(d, from) || is_below(from, d);
}

/* ---- the decision ---- */

static const char *said(struct mail *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static const char *said(struct mail *m, const char *fmt, ...)
{
	struct buf line = BUF_INIT, clean = BUF_INIT;
	va_list ap;
	va_start(ap, fmt);
	buf_vaddf(&line, fmt, ap);
	va_end(ap);
	mail_charset_add(&clean, line.p, line.len, (struct mail_slice){ NULL, 0 });
	mail_clean(&clean, 0);
	const char *kept = mail_keep(m->arena, clean.p, clean.len);
	buf_done(&line);
	buf_done(&clean);
	return kept;
}

static bool trusted(const struct mail_context *ctx, const char *id)
{
	if (id[0] == '\0')
		return ctx->trust_unnamed;
	for (size_t i = 0; i < ctx->trusted_len; i++)
		if (strcasecmp(ctx->trusted_hosts[i], id) == 0)
			return true;
	return false;
}

/* The host in the by clause of a Received field (RFC 5321 section 4.4); "" none. */
static void received_by(struct mail_slice value, char out[256], bool *has_from)
{
	struct cursor c = { value.p, value.p + value.n };
	char w[256];
	*has_from = false;
	out[0] = '\0';
	for (int i = 0; c.p < c.end && i < 16; i++) {
		if (!word(&c, ";", w, sizeof w)) {
			if (c.p >= c.end || *c.p == ';')
				return;
			continue;
		}
		if (strcmp(w, "by") == 0) {
			if (!word(&c, ";", out, 256))
				out[0] = '\0';
			return;
		}
		*has_from |= strcmp(w, "from") == 0;
	}
}

static bool is_host(const char *host, const char *name)
{
	size_t n = strlen(host), m = strlen(name);
	return name[0] == '.' ? n > m && strcasecmp(host + n - m, name) == 0 : strcasecmp(host, name) == 0;
}

/*
 * Was the mail handed on to a host of ours, behind the border?  The operator names such hosts.  Two are known: at Google the results stand below
 * "by mx.google.com" and an inner line without a from clause, at Microsoft below those of the inner hosts.
 */
static bool is_own_hop(const struct mail_context *ctx, struct mail_slice value)
{
	char by[256];
	bool has_from;
	received_by(value, by, &has_from);
	if (by[0] == '\0')
		return false;
	for (size_t i = 0; i < ctx->relays_len; i++)
		if (is_host(by, ctx->relays[i]))
			return true;
	if (trusted(ctx, "mx.google.com") && (!has_from || is_host(by, "mx.google.com")))
		return true;
	return ctx->trust_unnamed && is_host(by, ".outlook.com");
}

/* What one field of our own says.  1 pass, -1 refused, 0 nothing that decides. */
static int judge(struct mail *m, const struct mail_authres *r, const char *domain)
{
	bool dmarc_said = false;
	for (size_t i = 0; i < r->len; i++) {
		const struct mail_authres_item *it = &r->items[i];
		if (strcmp(it->method, "dmarc") != 0)
			continue;
		if (strcmp(it->result, "pass") == 0) {
			if (same_domain(domain_of(it->header_from), domain)) {
				m->auth_why =
				    said(m, "DMARC passed for %s, says %s", domain, r->id[0] != '\0' ? r->id : "our server");
				return 1;
			}
			dmarc_said = true;
		} else if (strcmp(it->result, "none") != 0 && strcmp(it->result, "bestguesspass") != 0) {
			m->auth_why = said(m, "DMARC is \"%s\" for %s", it->result, domain);
			return -1;
		}
	}
	if (dmarc_said) {
		m->auth_why = said(m, "DMARC passed for another domain than %s", domain);
		return -1;
	}
	for (size_t i = 0; i < r->len; i++) {
		const struct mail_authres_item *it = &r->items[i];
		const char *d = it->header_d[0] != '\0' ? it->header_d : domain_of(it->header_i);
		if (strcmp(it->method, "dkim") == 0 && strcmp(it->result, "pass") == 0 && aligned(d, domain)) {
			m->auth_why = said(m, "DKIM passed for %s, aligned with %s", d, domain);
			return 1;
		}
	}
	for (size_t i = 0; i < r->len; i++) {
		const struct mail_authres_item *it = &r->items[i];
		if (strcmp(it->method, "spf") == 0 && strcmp(it->result, "pass") == 0 && it->mailfrom[0] != '\0' &&
		    aligned(domain_of(it->mailfrom), domain)) {
			m->auth_why = said(m, "SPF passed for %s, aligned with %s", domain_of(it->mailfrom), domain);
			return 1;
		}
	}
	m->auth_why = said(m, "no result of %s is aligned with %s", r->id[0] != '\0' ? r->id : "our server", domain);
	return 0;
}

void mail_authenticate(struct mail *m, const struct mail_source *s)
{
	const struct mail_context *ctx = s->ctx;
	m->authenticated = false;
	if (m->sender == NULL) {
		m->auth_why = "not exactly one From field with exactly one address";
		return;
	}
	if (ctx->trusted_len == 0 && !ctx->trust_unnamed) {
		m->auth_why = "no host is trusted for Authentication-Results";
		return;
	}
	const char *domain = domain_of(m->sender);
	struct mail_authres *r = mail_alloc(m->arena, sizeof *r);
	bool foreign = false;
	for (size_t i = 0; i < s->fields.len; i++) {
		const struct mail_field *f = &s->fields.items[i];
		if (mail_slice_is(f->name, "received")) {
			if (is_own_hop(ctx, f->value))
				continue;
			break; /* what stands below came with the mail */
		}
		if (!mail_slice_is(f->name, "authentication-results"))
			continue;
		if (!mail_authres_parse(f->value.p, f->value.n, r) || !trusted(ctx, r->id)) {
			foreign = true;
			continue;
		}
		m->has_results = true;
		m->authenticated = judge(m, r, domain) > 0;
		return; /* the topmost of ours alone */
	}
	m->auth_why = foreign ? "the results above the first Received line of others are not of a trusted host"
	                      : "no Authentication-Results of a trusted host above the first Received line of others";
}
