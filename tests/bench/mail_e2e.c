/*
 * From a mail that appears in the mailbox to its answer at the submission server: the real daemon with the builtin answers, its database, a real
 * Dovecot (IMAP with IDLE, submission) and a real Exim behind it (tests/support/mail_rig.h).  The clock starts as the APPEND is sent and ends with
 * the daemon's "email.send" line, which it writes when the server has said 250 after the data.  One mail at a time, each a conversation of its own:
 *   mail_e2e [N]     N (200) mails
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../adapters/email/imap.h"
#include "../../core/base/clock.h"
#include "../../core/base/mem.h"
#include "../support/mail_rig.h"
#include "../system/harness.h"

#define EDDY "eddy@test.example"
#define ANN "ann@test.example"

static struct rig r;
static struct mail_rig post;

/* Unix milliseconds of the next "email.send" line; false: ${ms} are over. */
static bool next_send(FILE *log, int ms, int64_t *at)
{
	static char line[4000];
	static size_t len;
	for (int64_t until = now_ms() + ms; now_ms() < until;) {
		if (fgets(line + len, (int)(sizeof line - len), log) == NULL) {
			clearerr(log);
			sleep_ms(2);
			continue;
		}
		len += strlen(line + len);
		if (line[len - 1] != '\n' && len + 1 < sizeof line)
			continue;
		len = 0;
		struct tm t = { 0 };
		int part = 0;
		if (strstr(line, "\"event\":\"email.send\"") == NULL ||
		    sscanf(line, "{\"at\":\"%d-%d-%dT%d:%d:%d.%dZ\"", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min,
		        &t.tm_sec, &part) != 7)
			continue;
		t.tm_year -= 1900;
		t.tm_mon -= 1;
		*at = (int64_t)timegm(&t) * 1000 + part;
		return true;
	}
	return false;
}

static int by_value(const void *a, const void *b)
{
	double x, y;
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return (x > y) - (x < y);
}

static void serve(void)
{
	static char env[4][400];
	rig_open(&r, NULL, NULL);
	snprintf(env[0], sizeof env[0], "EDDY_EMAIL_IMAP=imaps://127.0.0.1:%d", post.imaps_port);
	snprintf(env[1], sizeof env[1], "EDDY_EMAIL_SMTP=smtps://127.0.0.1:%d", post.submissions_port);
	snprintf(env[2], sizeof env[2], "EDDY_NET_CA_FILE=%s", post.ca);
	for (int i = 0; i < 3; i++)
		rig_env(&r, env[i]);
	rig_env(&r, "EDDY_MODEL_PROVIDER=builtin");
	rig_env(&r, "EDDY_EMAIL_ADDRESS=" EDDY);
	rig_env(&r, "EDDY_EMAIL_PASSWORD=pear");
	rig_env(&r, "EDDY_EMAIL_AUTHSERV=" MAIL_RIG_HOST);
	rig_env(&r, "EDDY_EMAIL_MEMBERS=@test.example");
	rig_env(&r, "EDDY_EMAIL_FROM_START=true");
	rig_env(&r, "EDDY_EMAIL_PER_MINUTE=100000");
	rig_serve(&r, 0, NULL);
}

static void write_to(struct imap *i, int n)
{
	char raw[1000];
	int len = snprintf(raw, sizeof raw,
	    "Return-Path: <" ANN ">\r\nAuthentication-Results: " MAIL_RIG_HOST "; dmarc=pass header.from=test.example\r\n"
	    "Received: from pc by " MAIL_RIG_HOST "; Fri, 20 Nov 2026 10:00:00 +0100\r\nFrom: Ann <" ANN ">\r\nTo: <" EDDY ">\r\n"
	    "Subject: Question %d\r\nMessage-ID: <bench%d@test.example>\r\nDate: Fri, 20 Nov 2026 10:00:00 +0100\r\n"
	    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nWhat do we know about number %d?\r\n",
	    n, n, n);
	if (imap_append(i, "INBOX", NULL, raw, (size_t)len) != ERR_NONE)
		rig_fail(&r, "APPEND: %s", imap_why(i));
}

int main(int argc, char **argv)
{
	char why[300];
	int n = argc > 1 && atoi(argv[1]) > 0 ? atoi(argv[1]) : 200, warmup = 10;
	struct imap *i = NULL;
	if (!mail_rig_start(&post, why, sizeof why)) {
		printf("mail end to end: skipped, %s\n", why);
		return 0;
	}
	mail_rig_add_user(&post, EDDY, "pear");
	mail_rig_add_user(&post, ANN, "apple");
	serve();
	const struct mail_login l = { .host = "127.0.0.1",
		.port = post.imaps_port,
		.tls = MAIL_TLS_IMPLICIT,
		.user = EDDY,
		.password = "pear",
		.ca_file = post.ca };
	if (imap_open(&i, &l, 10000, why, sizeof why) != ERR_NONE)
		rig_fail(&r, "%s", why);
	FILE *log = fopen(r.d[0].log, "r");
	if (log == NULL)
		rig_fail(&r, "no log");
	double *took = xcalloc((size_t)n, sizeof *took);
	for (int k = -warmup; k < n; k++) {
		sleep_ms(30); /* the daemon marks what it has read, and idles again */
		int64_t t0 = (int64_t)clock_wall_ms(), at = 0;
		write_to(i, k + warmup);
		if (!next_send(log, 30000, &at))
			rig_fail(&r, "mail %d was not answered", k);
		if (k >= 0)
			took[k] = (double)(at - t0);
	}
	qsort(took, (size_t)n, sizeof *took, by_value);
	printf(
	    "mail end to end, IMAP APPEND to SMTP accepted, IDLE, builtin answers, %d mails: median %.0f ms, p90 %.0f, p99 %.0f, worst %.0f\n",
	    n, took[n / 2], took[n * 9 / 10], took[n * 99 / 100], took[n - 1]);
	free(took);
	fclose(log);
	imap_close(i);
	rig_close(&r);
	mail_rig_stop(&post);
	return 0;
}
