/*
 * Slack behind TLS: the fake one with a front that speaks it, by certificates of an authority made here.  The daemon links up and answers
 * where it trusts the server, and has no link, says why and sends nothing where it does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "../support/tls.h"
#include "harness.h"

static struct tls_front good, bad;
static char api[100], ca[300];

static int set_up(void **state)
{
	(void)state;
	rig_open(&rig, NULL, NULL);
	tls_make(&(struct tls_cert){ .dir = rig.dir, .name = "ca" });
	tls_make(&(struct tls_cert){ .dir = rig.dir, .name = "other-ca" });
	tls_make(&(struct tls_cert){ .dir = rig.dir, .name = "good", .issuer = "ca", .san = "DNS:localhost" });
	good = tls_front_start(rig.dir, "good", rig.slack.port);
	snprintf(api, sizeof api, "EDDY_SLACK_API_URL=https://localhost:%d/api/", good.port);
	snprintf(ca, sizeof ca, "EDDY_NET_CA_FILE=%s/ca.pem", rig.dir);
	rig_env(&rig, api);
	rig_env(&rig, ca);
	return 0;
}

static int tear_down(void **state)
{
	tls_front_end(&good);
	tls_front_end(&bad);
	return rig_tear_down(state);
}

static void links_by(const struct tls_front *f)
{
	char url[60];
	snprintf(url, sizeof url, "wss://localhost:%d", f->port);
	fake_tell(&rig.slack, "options", "{s:s}", "link_url", url);
}

static bool logged(const char *words)
{
	FILE *f = fopen(rig.d[0].log, "r");
	char line[4000];
	bool found = false;
	while (f != NULL && !found && fgets(line, sizeof line, f) != NULL)
		found = strstr(line, words) != NULL;
	if (f != NULL)
		fclose(f);
	return found;
}

static size_t links_made(void)
{
	json_t *s = fake_control(&rig.slack, "state", NULL);
	size_t n = json_array_size(json_object_get(s, "links"));
	json_decref(s);
	return n;
}

static void answers_come(int from, int to)
{
	for (int n = from; n <= to; n++) {
		char channel[16];
		snprintf(channel, sizeof channel, "C%d", n % 10);
		rig_say(&rig, channel, NULL, n, "behind TLS");
	}
	rig_wait_answers(&rig, from, to, 60000);
	rig_check(&rig, 1, to);
}

static void slack__behind_tls__is_linked_and_answered(void **state)
{
	(void)state;
	links_by(&good);
	rig_serve(&rig, 0, NULL);
	answers_come(1, 100);
	/* Frames of several TLS records, in a row, with small ones after them. */
	enum { LONG = 35000 };
	static char text[LONG + 1];
	for (int n = 101; n <= 110; n++) {
		char channel[16];
		int head = snprintf(text, sizeof text, "#%d ", n);
		memset(text + head, 'x', (size_t)(LONG - head));
		snprintf(channel, sizeof channel, "C%d", n);
		fake_tell(&rig.slack, "say", "{s:s, s:s, s:b}", "channel", channel, "text", text, "mention", 1);
	}
	rig_wait_answers(&rig, 101, 110, 60000);
	answers_come(111, 130);
	/* The link is replaced over TLS like any other. */
	fake_tell(&rig.slack, "link", "{s:s}", "do", "refresh");
	answers_come(131, 140);
}

static void slack__behind_tls__is_trusted_by_the_customary_variable(void **state)
{
	(void)state;
	static char variable[300];
	snprintf(variable, sizeof variable, "SSL_CERT_FILE=%s/ca.pem", rig.dir);
	rig_env(&rig, "EDDY_NET_CA_FILE=");
	rig_env(&rig, variable);
	links_by(&good);
	rig_serve(&rig, 0, NULL);
	answers_come(1, 5);
}

/* The web API is trusted, the links are not: none is made, until what stands in front of them is mended. */
static void no_link(const struct tls_cert *cert, const char *words)
{
	tls_make(cert);
	bad = tls_front_start(rig.dir, cert->name, rig.slack.port);
	links_by(&bad);
	rig_spawn(&rig, 0, NULL);
	rig_wait(&rig, 30000, words, logged(words));
	sleep_ms(2500); /* two or three more tries */
	assert_int_equal(links_made(), 0);
	links_by(&good);
	rig_wait_ready(&rig, 0);
	answers_come(1, 5);
}

static void link__with_another_name__is_refused(void **state)
{
	(void)state;
	no_link(&(struct tls_cert){ .dir = rig.dir, .name = "elsewhere", .issuer = "ca", .san = "DNS:elsewhere.example" },
	    "the certificate of localhost is refused: hostname mismatch");
}

static void link__from_an_unknown_authority__is_refused(void **state)
{
	(void)state;
	/* Not even where the customary variable names it: net.ca_file is instead of it. */
	static char variable[300];
	snprintf(variable, sizeof variable, "SSL_CERT_FILE=%s/other-ca.pem", rig.dir);
	rig_env(&rig, variable);
	no_link(&(struct tls_cert){ .dir = rig.dir, .name = "stranger", .issuer = "other-ca", .san = "DNS:localhost" },
	    "the certificate of localhost is refused: unable to get local issuer certificate (net.ca_file");
}

static void link__with_an_expired_certificate__is_refused(void **state)
{
	(void)state;
	no_link(&(struct tls_cert){ .dir = rig.dir, .name = "old", .issuer = "ca", .san = "DNS:localhost", .expired = true },
	    "the certificate of localhost is refused: certificate has expired");
}

static void link__that_vouches_for_itself__is_refused(void **state)
{
	(void)state;
	no_link(&(struct tls_cert){ .dir = rig.dir, .name = "own", .san = "DNS:localhost" },
	    "the certificate of localhost is refused: self-signed certificate (net.ca_file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(slack__behind_tls__is_linked_and_answered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(slack__behind_tls__is_trusted_by_the_customary_variable, set_up, tear_down),
		cmocka_unit_test_setup_teardown(link__with_another_name__is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(link__from_an_unknown_authority__is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(link__with_an_expired_certificate__is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(link__that_vouches_for_itself__is_refused, set_up, tear_down),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
