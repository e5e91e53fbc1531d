#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "../../../adapters/email/oauth.h"
#include "../../support/http_peer.h"
#include "../../support/tls.h"

struct fixture {
	struct http_peer *h;
	char url[100];
	const char *status, *body;
	char asked[600]; /* the last form */
	int slow_ms;
	atomic_int requests;
	struct oauth *a;
	char why[300];
};

static int answer(const struct http_peer_request *r)
{
	struct fixture *f = r->arg;
	snprintf(f->asked, sizeof f->asked, "%.*s", (int)r->body_len, r->body);
	atomic_fetch_add(&f->requests, 1);
	if (f->slow_ms > 0)
		usleep((useconds_t)f->slow_ms * 1000);
	http_peer_answer(r->fd, f->status, "", f->body);
	return 0;
}

static struct oauth_options options(const struct fixture *f)
{
	return (struct oauth_options){
		.token_url = f->url, .client_id = "the id", .client_secret = "s3cret&", .refresh_token = "1//refresh"
	};
}

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->h = http_peer_new(answer, f);
	f->status = "200 OK";
	f->body = "{\"access_token\":\"ya29.one\",\"expires_in\":3599,\"token_type\":\"Bearer\"}";
	snprintf(f->url, sizeof f->url, "http://127.0.0.1:%d/token", http_peer_port(f->h));
	struct oauth_options o = options(f);
	f->a = oauth_new(&o);
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;
	oauth_free(f->a);
	http_peer_free(f->h);
	free(f);
	return 0;
}

static void again(struct fixture *f, const struct oauth_options *o)
{
	oauth_free(f->a);
	f->a = oauth_new(o);
}

static void expect(struct fixture *f, bool refused, const char *wanted)
{
	char *t = NULL;
	assert_int_equal(oauth_token(f->a, refused, &t, f->why, sizeof f->why), ERR_NONE);
	assert_string_equal(t, wanted);
	free(t);
}

static void fails(struct fixture *f, enum err wanted, const char *word)
{
	char *t = NULL;
	f->why[0] = '\0';
	assert_int_equal(oauth_token(f->a, true, &t, f->why, sizeof f->why), wanted);
	assert_null(t);
	assert_non_null(strstr(f->why, word));
	assert_null(strstr(f->why, "s3cret"));
	assert_null(strstr(f->why, "refresh&"));
	assert_null(strstr(f->why, "1//"));
}

static void token__is__asked_for_once_and_kept(void **state)
{
	struct fixture *f = *state;
	expect(f, false, "ya29.one");
	expect(f, false, "ya29.one");
	assert_int_equal(f->requests, 1);
	assert_string_equal(
	    f->asked, "grant_type=refresh_token&refresh_token=1%2F%2Frefresh&client_id=the+id&client_secret=s3cret%26");
	f->body = "{\"access_token\":\"ya29.two\",\"expires_in\":\"3599\"}";
	expect(f, true, "ya29.two");
	assert_int_equal(f->requests, 2);
}

static void token__is__renewed_before_its_end(void **state)
{
	struct fixture *f = *state;
	f->body = "{\"access_token\":\"short\",\"expires_in\":59}";
	expect(f, false, "short");
	expect(f, false, "short");
	assert_int_equal(f->requests, 2);
	f->body = "{\"access_token\":\"longer\",\"expires_in\":300}";
	expect(f, false, "longer");
	expect(f, false, "longer");
	assert_int_equal(f->requests, 3);
}

static void token__uses__the_new_refresh_token(void **state)
{
	struct fixture *f = *state;
	f->body = "{\"access_token\":\"a\",\"refresh_token\":\"next\"}";
	expect(f, true, "a");
	expect(f, true, "a");
	assert_non_null(strstr(f->asked, "&refresh_token=next&"));
}

static void token__comes__by_client_credentials(void **state)
{
	struct fixture *f = *state;
	struct oauth_options o = options(f);
	o.refresh_token = NULL;
	o.scope = "https://mail.example/.default";
	again(f, &o);
	expect(f, false, "ya29.one");
	assert_string_equal(f->asked,
	    "grant_type=client_credentials&client_id=the+id&client_secret=s3cret%26&scope=https%3A%2F%2Fmail.example%2F.default");
}

static void token__tells__refusals_from_trouble(void **state)
{
	struct fixture *f = *state;
	f->status = "400 Bad Request";
	f->body = "{\"error\":\"invalid_grant\",\"error_description\":\"Token 1//refresh&s3cret was revoked\"}";
	fails(f, ERR_DENIED, "invalid_grant");
	f->status = "401 Unauthorized";
	f->body = "{\"error\":\"1//refresh& s3cret\"}";
	fails(f, ERR_DENIED, "401");
	f->status = "503 Unavailable";
	f->body = "<html>";
	fails(f, ERR_RETRY, "503");
	f->status = "429 Slow";
	f->body = "";
	fails(f, ERR_RETRY, "429");
	f->status = "302 Found";
	fails(f, ERR_DENIED, "302"); /* never followed */
	f->status = "200 OK";
	f->body = "{\"access_token\":\"a\\r\\nb\"}";
	fails(f, ERR_RETRY, "token");
	f->body = "{}";
	fails(f, ERR_RETRY, "token");
	f->body = "[[[";
	fails(f, ERR_RETRY, "JSON");
	char *large = malloc(100001);
	memset(large, 'x', 100000);
	large[100000] = '\0';
	f->body = large;
	fails(f, ERR_RETRY, "too much");
	f->body = "{\"access_token\":\"ya29.one\"}";
	expect(f, false, "ya29.one");
	http_peer_free(f->h); /* no thread sends it any more */
	f->h = http_peer_new(answer, f);
	free(large);
}

static void token__goes__only_over_https_or_to_this_machine(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = { "http://accounts.example/token", "ftp://x/", "", "http://127.0.0.1.evil.example/",
		"http://127.0.0.1:1@evil.example/", "http://localhost@evil.example/", "file:///etc/passwd", NULL };
	struct oauth_options o = options(f);
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
		o.token_url = bad[k];
		again(f, &o);
		fails(f, ERR_INPUT, "https");
	}
	o.token_url = "http://127.0.0.1:1/";
	again(f, &o);
	fails(f, ERR_RETRY, "not reached");
}

static void token__checks__the_certificate(void **state)
{
	struct fixture *f = *state;
	char dir[] = "/tmp/eddy-oauth-XXXXXX", ca[64], url[80], cmd[80];
	assert_non_null(mkdtemp(dir));
	tls_make(&(struct tls_cert){ .dir = dir, .name = "ca" });
	tls_make(&(struct tls_cert){ .dir = dir, .name = "good", .issuer = "ca", .san = "IP:127.0.0.1" });
	snprintf(ca, sizeof ca, "%s/ca.pem", dir);
	struct tls_front t = tls_front_start(dir, "good", http_peer_port(f->h));
	snprintf(url, sizeof url, "https://127.0.0.1:%d/token", t.port);
	struct oauth_options o = options(f);
	o.token_url = url;
	again(f, &o);
	fails(f, ERR_INPUT, "certificate");
	o.ca_file = ca;
	again(f, &o);
	expect(f, false, "ya29.one");
	tls_front_end(&t);
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	assert_int_equal(system(cmd), 0);
}

static void *one_more(void *arg)
{
	struct fixture *f = arg;
	char *t = NULL, why[200];
	if (oauth_token(f->a, false, &t, why, sizeof why) == ERR_NONE)
		free(t);
	return NULL;
}

static void token__is__shared_by_those_who_wait(void **state)
{
	struct fixture *f = *state;
	pthread_t t[8];
	f->slow_ms = 50;
	for (size_t k = 0; k < 8; k++)
		assert_int_equal(pthread_create(&t[k], NULL, one_more, f), 0);
	for (size_t k = 0; k < 8; k++)
		pthread_join(t[k], NULL);
	assert_int_equal(f->requests, 1);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, end)
	const struct CMUnitTest tests[] = {
		T(token__is__asked_for_once_and_kept),
		T(token__is__renewed_before_its_end),
		T(token__uses__the_new_refresh_token),
		T(token__comes__by_client_credentials),
		T(token__tells__refusals_from_trouble),
		T(token__goes__only_over_https_or_to_this_machine),
		T(token__checks__the_certificate),
		T(token__is__shared_by_those_who_wait),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
