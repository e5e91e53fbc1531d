/* Outgoing HTTPS against certificates of an authority made here: which are taken, and what is said of the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../adapters/net/http.h"
#include "../../../adapters/net/trust.h"
#include "../../support/http_peer.h"
#include "../../support/tls.h"

static char dir[200];
static struct http_peer *peer;

static int answer(const struct http_peer_request *r)
{
	http_peer_answer(r->fd, "200 OK", "", "hello");
	return 0;
}

struct outcome {
	atomic_int done;
	int served; /* requests that reached the server */
	enum http_fail fail;
	long status;
	char body[40], why[400];
};

static void on_done(void *arg, const struct http_result *r)
{
	struct outcome *o = arg;
	o->fail = r->fail;
	o->status = r->status;
	snprintf(o->body, sizeof o->body, "%s", r->body);
	snprintf(o->why, sizeof o->why, "%s", r->why);
	o->done = 1;
}

static const char *path_of(const char *name)
{
	static char path[300];
	snprintf(path, sizeof path, "%s/%s.pem", dir, name);
	return path;
}

/* One call to a server with certificate ${cert}, by a client that trusts ${ca} (NULL: the system's). */
static struct outcome call(const char *cert, const char *ca, const char *host)
{
	struct tls_front front = tls_front_start(dir, cert, http_peer_port(peer));
	struct http *h;
	struct outcome o = { .served = -http_peer_requests(peer) };
	char url[100];
	snprintf(url, sizeof url, "https://%s:%d/", host, front.port);
	assert_int_equal(http_new(&h, NULL, ca ? path_of(ca) : NULL), ERR_NONE);
	struct http_request r = { .method = "POST", .url = url, .body = strdup("x"), .body_len = 1, .on_done = on_done, .arg = &o };
	assert_int_equal(http_start(h, &r), ERR_NONE);
	for (int i = 0; i < 16000 && !o.done; i++)
		usleep(2500);
	assert_int_equal(o.done, 1);
	http_free(h);
	tls_front_end(&front);
	o.served += http_peer_requests(peer);
	return o;
}

static void assert_refused(const struct outcome *o, const char *words)
{
	if (!strstr(o->why, words))
		fail_msg("\"%s\" does not say \"%s\"", o->why, words);
	assert_int_equal(o->fail, HTTP_CONNECT); /* nothing was sent */
	assert_null(strchr(o->why, '\n'));
	assert_int_equal(o->served, 0);
}

static void https__is_taken__from_a_server_of_the_authority_given(void **state)
{
	(void)state;
	struct outcome o = call("good", "ca", "localhost");
	assert_string_equal(o.why, "");
	assert_int_equal(o.fail, HTTP_OK);
	assert_int_equal(o.served, 1);
	assert_string_equal(o.body, "hello");
	o = call("good", "ca", "127.0.0.1");
	assert_int_equal(o.fail, HTTP_OK);
	o = call("own", "own", "localhost"); /* a self-signed one that is named itself */
	assert_int_equal(o.fail, HTTP_OK);
}

static void https__is_refused__under_another_name(void **state)
{
	(void)state;
	struct outcome o = call("elsewhere", "ca", "localhost");
	assert_refused(&o, "target host name 'localhost'");
}

static void https__is_refused__after_the_end_of_the_certificate(void **state)
{
	(void)state;
	struct outcome o = call("old", "ca", "localhost");
	assert_refused(&o, "the certificate is refused: certificate has expired");
}

static void https__is_refused__from_who_vouches_for_itself(void **state)
{
	(void)state;
	struct outcome o = call("own", "ca", "localhost");
	assert_refused(&o, "self-signed certificate (net.ca_file names certificates to trust)");
}

static void https__is_refused__from_an_authority_nobody_named(void **state)
{
	(void)state;
	struct outcome o = call("good", "other-ca", "localhost");
	assert_refused(&o, "local issuer certificate (net.ca_file names certificates to trust)");
	o = call("good", NULL, "localhost"); /* the system's do not know it either */
	assert_refused(&o, "local issuer certificate");
	/* What is given replaces what the environment names. */
	setenv("SSL_CERT_FILE", path_of("ca"), 1);
	o = call("good", "other-ca", "localhost");
	unsetenv("SSL_CERT_FILE");
	assert_refused(&o, "local issuer certificate");
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(path_of(name), "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void ca_file__is_told__when_it_cannot_be_used(void **state)
{
	(void)state;
	char why[400] = "";
	assert_int_equal(trust_check(NULL, why, sizeof why), ERR_NONE);
	assert_int_equal(trust_check(path_of("ca"), why, sizeof why), ERR_NONE);
	assert_string_equal(why, "");
	assert_int_equal(trust_check(path_of("absent"), why, sizeof why), ERR_INPUT);
	assert_non_null(strstr(why, "net.ca_file: cannot read "));
	assert_non_null(strstr(why, "No such file"));
	write_file("text", "not a certificate\n");
	assert_int_equal(trust_check(path_of("text"), why, sizeof why), ERR_INPUT);
	assert_non_null(strstr(why, "holds no certificates in PEM form"));
	write_file("empty", "");
	assert_int_equal(trust_check(path_of("empty"), why, sizeof why), ERR_INPUT);
	write_file("broken", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
	assert_int_equal(trust_check(path_of("broken"), why, sizeof why), ERR_INPUT);
	assert_int_equal(trust_check(dir, why, sizeof why), ERR_INPUT);
	assert_non_null(strstr(why, "is not a file"));
	assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
	assert_int_equal(trust_check(path_of("pipe"), why, sizeof why), ERR_INPUT); /* and does not wait for a writer */
}

static void refusal__is_put__in_the_same_words_for_both_libraries(void **state)
{
	(void)state;
	char out[300];
	trust_explain("unable to get local issuer certificate\n", "a.example", out, sizeof out);
	assert_string_equal(out,
	    "the certificate of a.example is refused: unable to get local issuer certificate "
	    "(net.ca_file names certificates to trust)");
	trust_explain("SSL certificate problem: certificate has expired", NULL, out, sizeof out);
	assert_string_equal(out, "the certificate is refused: certificate has expired");
	trust_explain("certificate has expired", NULL, out, 10); /* cut off, never overrun */
	assert_true(strlen(out) < 10);
}

static int set_up(void **state)
{
	(void)state;
	const char *tmp = getenv("TMPDIR");
	snprintf(dir, sizeof dir, "%s/eddy-trust-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return -1;
	tls_make(&(struct tls_cert){ .dir = dir, .name = "ca" });
	tls_make(&(struct tls_cert){ .dir = dir, .name = "other-ca" });
	tls_make(&(struct tls_cert){ .dir = dir, .name = "good", .issuer = "ca", .san = "DNS:localhost,IP:127.0.0.1" });
	tls_make(&(struct tls_cert){ .dir = dir, .name = "elsewhere", .issuer = "ca", .san = "DNS:elsewhere.example" });
	tls_make(&(struct tls_cert){ .dir = dir, .name = "old", .issuer = "ca", .san = "DNS:localhost", .expired = true });
	tls_make(&(struct tls_cert){ .dir = dir, .name = "own", .san = "DNS:localhost" });
	peer = http_peer_new(answer, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	static const char *const made[] = { "ca", "other-ca", "good", "elsewhere", "old", "own", "text", "empty", "broken",
		"pipe" };
	char path[300];
	http_peer_free(peer);
	for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
		unlink(path_of(made[i]));
		snprintf(path, sizeof path, "%s/%s.key", dir, made[i]);
		unlink(path);
	}
	return rmdir(dir);
}

int main(void)
{
	unsetenv("SSL_CERT_FILE");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(https__is_taken__from_a_server_of_the_authority_given),
		cmocka_unit_test(https__is_refused__under_another_name),
		cmocka_unit_test(https__is_refused__after_the_end_of_the_certificate),
		cmocka_unit_test(https__is_refused__from_who_vouches_for_itself),
		cmocka_unit_test(https__is_refused__from_an_authority_nobody_named),
		cmocka_unit_test(ca_file__is_told__when_it_cannot_be_used),
		cmocka_unit_test(refusal__is_put__in_the_same_words_for_both_libraries),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
