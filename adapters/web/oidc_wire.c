/* Nothing here knows of a log-in: text from outside is taken apart and put together. */
#include "oidc_wire.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "../../core/base/json.h"
#include "../../core/base/mem.h"
#include "../../core/people/idtoken.h"
#include "guard.h"
#include "oidc.h"

/* An address that secrets may go to. */
static bool is_safe_url(const char *url)
{
	char host[256];
	if (strncmp(url, "https://", 8) == 0)
		return url[8] != '\0';
	if (strncmp(url, "http://", 7) != 0)
		return false;
	snprintf(host, sizeof host, "%.*s", (int)strcspn(url + 7, "/?#:"), url + 7);
	return strcmp(host, "localhost") == 0 || web_is_loopback(host);
}

static bool has_word(const json_t *list, const char *word)
{
	size_t i;
	const json_t *v;
	json_array_foreach (list, i, v)
		if (json_is_string(v) && strcmp(json_string_value(v), word) == 0)
			return true;
	return false;
}

bool oidc_read_discovery(const char *text, size_t n, const char *issuer, struct oidc_told *out)
{
	json_t *o = NULL;
	memset(out, 0, sizeof *out);
	if (json_parse(text, n, IDTOKEN_KEYS_MAX, &o, NULL) != ERR_NONE)
		return false;
	const char *authorize = json_str(o, "authorization_endpoint", ""), *token = json_str(o, "token_endpoint", ""),
	           *jwks = json_str(o, "jwks_uri", "");
	const json_t *ways = json_object_get(o, "token_endpoint_auth_methods_supported"),
	             *pkce = json_object_get(o, "code_challenge_methods_supported");
	/* What names another issuer is not this one's, whoever serves it (OpenID Connect Discovery, section 4.3). */
	bool ok = strcmp(json_str(o, "issuer", ""), issuer) == 0 && is_safe_url(authorize) && is_safe_url(token) &&
	    is_safe_url(jwks) && (pkce == NULL || has_word(pkce, "S256"));
	if (ok)
		*out = (struct oidc_told){ xstrdup(authorize), xstrdup(token), xstrdup(jwks),
			ways != NULL && !has_word(ways, "client_secret_basic") };
	json_decref(o);
	return ok;
}

void oidc_put_form(struct buf *b, const char *name, const char *value)
{
	buf_addf(b, "%s%s=", b->len > 0 ? "&" : "", name);
	buf_add_form(b, value, strlen(value));
}

/* A field of a form; false: not there, or too long. */
bool oidc_form_field(const struct buf *b, const char *name, char *out, size_t n)
{
	size_t name_n = strlen(name), len = 0;
	for (const char *p = b->len > 0 ? b->p : "", *end; *p != '\0'; p = *end == '\0' ? end : end + 1) {
		end = p + strcspn(p, "&");
		if (strncmp(p, name, name_n) != 0 || p[name_n] != '=')
			continue;
		for (p += name_n + 1; p < end; p++) {
			unsigned v = (unsigned char)*p;
			if (*p == '%' && (end - p < 3 || sscanf(p + 1, "%2x", &v) != 1))
				return false;
			p += *p == '%' ? 2 : 0;
			if (v < 0x20 || len + 1 >= n)
				return false;
			out[len++] = (char)(v == '+' ? ' ' : (int)v);
		}
		out[len] = '\0';
		return true;
	}
	return false;
}
