/*
 * One request to the token endpoint at a time: callers wait for it under the lock and then find what it brought.  A token counts as old a while
 * before its end, so that it lives as long as a log-in takes.
 *
 * Providers may hand out a new refresh token with each answer; it is used from then on, in memory only: the one in the settings is where the
 * next process begins, so with a provider that makes the old one void the operator has to store new ones.
 */
#include "oauth.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/json.h"
#include "../../core/base/mem.h"
#include "../net/trust.h"

#define ANSWER_MAX (64u * 1024u)
#define TOKEN_MAX (16u * 1024u)
#define REQUEST_MS 20000L
#define LEAST_MS 60000u   /* what a token handed out is good for at least */
#define MARGIN_MS 300000u /* taken off its life, or a quarter of it when that is less */
#define LIFE_S 3600       /* where the answer says nothing */
#define LIFE_MAX_S 2592000

struct oauth {
	struct oauth_options o;
	pthread_mutex_t mtx; /* held for a request */
	char *token, *refresh;
	uint64_t until_ms; /* monotonic */
};

static void forget(char **s)
{
	if (*s)
		explicit_bzero(*s, strlen(*s));
	free(*s);
	*s = NULL;
}

struct oauth *oauth_new(const struct oauth_options *o)
{
	struct oauth *a = xcalloc(1, sizeof *a);
	a->o = *o;
	a->refresh = xstrdup(o->refresh_token);
	pthread_mutex_init(&a->mtx, NULL);
	return a;
}

void oauth_free(struct oauth *a)
{
	if (!a)
		return;
	forget(&a->token);
	forget(&a->refresh);
	pthread_mutex_destroy(&a->mtx);
	free(a);
}

/* ---- the request ---- */

static bool starts(const char *s, const char *with)
{
	return strncasecmp(s, with, strlen(with)) == 0;
}

/* https, or this machine. */
static bool url_ok(const char *url)
{
	static const char *const local[] = { "http://127.0.0.1", "http://localhost", "http://[::1]" };
	if (!url)
		return false;
	for (size_t k = 0; k < sizeof local / sizeof *local; k++)
		if (starts(url, local[k]) && strchr(":/", url[strlen(local[k])]) != NULL && !strchr(url, '@'))
			return true;
	return starts(url, "https://") && url[8] != '\0';
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct buf *b = arg;
	(void)size;
	if (b->len + n > ANSWER_MAX)
		return 0;
	buf_add(b, p, n);
	return n;
}

static void add(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	if (b->len > 0)
		buf_add_char(b, '&');
	buf_addf(b, "%s=", name);
	buf_add_form(b, value, strlen(value));
}

static void wipe(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_done(b);
}

/* What was answered into ${body}; false: nothing, ${e} and ${why} say so. */
static bool ask(struct oauth *a, struct buf *body, long *status, enum err *e, char *why, size_t why_n)
{
	CURL *c = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_easy_init() : NULL;
	char said[CURL_ERROR_SIZE] = "";
	struct buf form = BUF_INIT;
	if (!c) {
		snprintf(why, why_n, "no request can be made");
		*e = ERR_BROKEN;
		return false;
	}
	add(&form, "grant_type", a->refresh ? "refresh_token" : "client_credentials");
	add(&form, "refresh_token", a->refresh);
	add(&form, "client_id", a->o.client_id);
	add(&form, "client_secret", a->o.client_secret);
	add(&form, "scope", a->o.scope);
	curl_easy_setopt(c, CURLOPT_URL, a->o.token_url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, starts(a->o.token_url, "https:") ? "https" : "http");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, said);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, REQUEST_MS);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, REQUEST_MS / 2);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (a->o.ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, a->o.ca_file);
	if (!starts(a->o.token_url, "https:"))
		curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)form.len);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, form.p);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, body);
	CURLcode r = curl_easy_perform(c);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, status);
	curl_easy_cleanup(c);
	wipe(&form);
	*e = ERR_RETRY;
	if (r == CURLE_PEER_FAILED_VERIFICATION) {
		trust_explain(said[0] ? said : curl_easy_strerror(r), NULL, why, why_n);
		*e = ERR_INPUT;
	} else if (r == CURLE_WRITE_ERROR) {
		snprintf(why, why_n, "the token endpoint answers too much");
	} else if (r != CURLE_OK) {
		snprintf(why, why_n, "the token endpoint is not reached: %s", said[0] ? said : curl_easy_strerror(r));
	}
	return r == CURLE_OK;
}

/* ---- the answer ---- */

/* "invalid_grant": a word of the provider's, or nothing. */
static const char *error_word(const json_t *root)
{
	const char *s = json_str(root, "error", "");
	return s[0] && strlen(s) <= 60 &&
	        strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == strlen(s)
	    ? s
	    : "";
}

static bool token_ok(const char *s)
{
	size_t n = strlen(s);
	if (n == 0 || n > TOKEN_MAX)
		return false;
	for (; *s; s++)
		if (*s < '!' || *s > '~')
			return false;
	return true;
}

static enum err refused(const json_t *root, long status, char *why, size_t why_n)
{
	const char *word = error_word(root);
	bool later = status >= 500 || status == 429 || status == 408 || strcmp(word, "temporarily_unavailable") == 0 ||
	    strcmp(word, "slow_down") == 0;
	snprintf(why, why_n, "the token endpoint answers %ld%s%s%s", status, word[0] ? " " : "", word,
	    strcmp(word, "invalid_grant") == 0 ? ": the refresh token is void, get a new one" : "");
	return later ? ERR_RETRY : ERR_DENIED;
}

static enum err take(struct oauth *a, const json_t *root, char *why, size_t why_n)
{
	const char *token = json_str(root, "access_token", ""), *refresh = json_str(root, "refresh_token", "");
	int64_t life = json_int(root, "expires_in", -1);
	if (life < 0) /* some say it as a string */
		life = strtoll(json_str(root, "expires_in", "0"), NULL, 10);
	if (!token_ok(token)) {
		snprintf(why, why_n, "the token endpoint answers without a token");
		return ERR_RETRY;
	}
	life = life <= 0 ? LIFE_S : life > LIFE_MAX_S ? LIFE_MAX_S : life;
	uint64_t ms = (uint64_t)life * 1000, margin = ms / 4 < MARGIN_MS ? ms / 4 : MARGIN_MS;
	forget(&a->token);
	a->token = xstrdup(token);
	a->until_ms = clock_ms() + ms - (margin > LEAST_MS ? margin : ms > LEAST_MS ? LEAST_MS : ms);
	if (a->refresh && token_ok(refresh)) {
		forget(&a->refresh);
		a->refresh = xstrdup(refresh);
	}
	return ERR_NONE;
}

static enum err renew(struct oauth *a, char *why, size_t why_n)
{
	struct buf body = BUF_INIT;
	json_t *root = NULL;
	long status = 0;
	enum err e = ERR_RETRY;
	if (!url_ok(a->o.token_url)) {
		snprintf(why, why_n, "the token endpoint must be an https address");
		return ERR_INPUT;
	}
	if (ask(a, &body, &status, &e, why, why_n)) {
		bool json = body.len > 0 && json_parse(body.p, body.len, ANSWER_MAX, &root, NULL) == ERR_NONE;
		if (status != 200) {
			e = refused(root, status, why, why_n);
		} else if (!json) {
			snprintf(why, why_n, "the token endpoint answers what is not JSON");
			e = ERR_RETRY;
		} else {
			e = take(a, root, why, why_n);
		}
	}
	json_decref(root);
	wipe(&body);
	return e;
}

enum err oauth_token(struct oauth *a, bool was_refused, char **token, char *why, size_t why_n)
{
	enum err e = ERR_NONE;
	pthread_mutex_lock(&a->mtx);
	if (!a->token || was_refused || clock_ms() >= a->until_ms)
		e = renew(a, why, why_n);
	if (e == ERR_NONE)
		*token = xstrdup(a->token);
	pthread_mutex_unlock(&a->mtx);
	return e;
}
