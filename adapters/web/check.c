/* What `eddy doctor` says about the ways into the page. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/settings/settings.h"
#include "../net/http.h"
#include "oidc.h"
#include "web.h"

#define SKEW_S 60

struct question {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done;
	long status;
	struct buf body;
	char date[64], why[160];
};

static void on_answer(void *arg, const struct http_result *r)
{
	struct question *q = arg;
	pthread_mutex_lock(&q->lock);
	q->status = r->fail == HTTP_OK ? r->status : 0;
	if (r->body != NULL)
		buf_add(&q->body, r->body, r->body_len);
	snprintf(q->date, sizeof q->date, "%s", r->header == NULL ? "" : r->header);
	snprintf(q->why, sizeof q->why, "%s", r->why == NULL ? "" : r->why);
	q->done = true;
	pthread_cond_signal(&q->cond);
	pthread_mutex_unlock(&q->lock);
}

/* Seconds that our clock is ahead of the other one; 0: it does not say. */
static long long ahead(const char *date)
{
	struct tm tm = { 0 };
	if (strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm) == NULL)
		return 0;
	return (long long)(clock_wall_ms() / 1000) - (long long)timegm(&tm);
}

static void look_at_service(struct http *http, const char *name, const char *issuer, struct buf *out)
{
	struct question q = { .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER, .body = BUF_INIT };
	struct oidc_told told;
	struct buf url = BUF_INIT;
	size_t n = strlen(issuer);
	buf_addf(&url, "%.*s/.well-known/openid-configuration", (int)(issuer[n - 1] == '/' ? n - 1 : n), issuer);
	struct http_request r = { .method = "GET",
		.url = url.p,
		.connect_ms = 5000,
		.total_ms = 10000,
		.want_header = "date",
		.on_done = on_answer,
		.arg = &q };
	bool asked = http_start(http, &r) == ERR_NONE;
	pthread_mutex_lock(&q.lock);
	while (asked && !q.done)
		pthread_cond_wait(&q.cond, &q.lock);
	pthread_mutex_unlock(&q.lock);
	long long skew = ahead(q.date);
	if (!asked || q.status != 200) {
		buf_addf(out, "bad the log-in service %s does not answer at %s (%s): look at login.%s.issuer and the network\n",
		    issuer, url.p, q.status != 0 ? "not with 200" : q.why, name);
	} else if (!oidc_read_discovery(q.body.p, q.body.len, issuer, &told)) {
		buf_addf(out,
		    "bad what %s says is not of this issuer, or without https or PKCE: login.%s.issuer must be exactly its \"issuer\"\n",
		    url.p, name);
	} else {
		free(told.authorize);
		free(told.token);
		free(told.jwks);
		if (skew > SKEW_S || skew < -SKEW_S)
			buf_addf(out, "bad this machine's clock is %lld s %s that of %s: log-ins will be refused\n",
			    skew < 0 ? -skew : skew, skew < 0 ? "behind" : "ahead of", issuer);
		else
			buf_addf(out, "ok people log in with %s\n", issuer);
	}
	buf_done(&q.body);
	buf_done(&url);
}

void oidc_doctor(const struct settings *s, struct http *http, struct buf *out)
{
	if (settings_str(s, "login.oidc.issuer") != NULL)
		look_at_service(http, "oidc", settings_str(s, "login.oidc.issuer"), out);
	if (settings_str(s, "login.slack.client_id") != NULL)
		look_at_service(http, "slack", settings_str(s, "login.slack.issuer"), out);
}

enum err web_login_check(const struct settings *s, bool mail, struct http *http, struct buf *out)
{
	oidc_doctor(s, http, out);
	const char *url = settings_str(s, "web.public_url");
	if (!settings_bool(s, "login.mail"))
		buf_add_str(out, "ok links that log in are not sent by mail: login.mail is off\n");
	else if (!mail)
		buf_add_str(out, "ok people get in by `eddy login`; for links by mail set mail up (docs/login.md)\n");
	else if (url == NULL)
		buf_add_str(out,
		    "bad links that log in cannot be sent by mail: set web.public_url, which they lead to, or login.mail: no\n");
	else
		buf_addf(out, "ok links that log in go to people's mailboxes and lead to %s\n", url);
	if (url != NULL && strncmp(url, "http://", 7) == 0 && strstr(url, "//localhost") == NULL && strstr(url, "//127.") == NULL)
		buf_add_str(out, "bad web.public_url is not https: whoever is on the way can read log-ins\n");
	return ERR_NONE;
}
