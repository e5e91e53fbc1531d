/*
 * Mails per second on one core, from raw bytes to all that the mail adapter makes of them (mail_read() and mail_text(), HTML included), beside
 * Python's email package with the same files in the same run, which parses and walks out the text parts, no more.  Without arguments: a
 * corpus made here, of the mails that a mailbox sees; else the folders that are named (EDDY_TEST_CORPUS adds those of its samples).
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../adapters/email/mail.h"
#include "../../adapters/email/text.h"
#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/mem.h"

#define ROUNDS 3
#define SECONDS 1.5

struct file {
	char *p;
	size_t n;
};
static struct file *files;
static size_t files_len;

static void drop_files(void)
{
	for (size_t i = 0; i < files_len; i++)
		free(files[i].p);
	free(files);
	files = NULL;
	files_len = 0;
}

static size_t load(const char *folder)
{
	DIR *d = opendir(folder);
	if (d == NULL)
		return 0;
	size_t bytes = 0;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		char path[4096];
		size_t n = strlen(e->d_name);
		if (n < 4 || strcmp(e->d_name + n - 4, ".eml") != 0 ||
		    snprintf(path, sizeof path, "%s/%s", folder, e->d_name) >= (int)sizeof path)
			continue;
		FILE *f = fopen(path, "rb");
		if (f == NULL)
			continue;
		struct buf b = BUF_INIT;
		do
			buf_reserve(&b, 65536);
		while ((n = fread(b.p + b.len, 1, 65536, f)) > 0 && (b.len += n) > 0);
		fclose(f);
		files = xrealloc(files, (files_len + 1) * sizeof *files);
		files[files_len].p = buf_detach(&b, &files[files_len].n);
		bytes += files[files_len++].n;
	}
	closedir(d);
	return bytes;
}

static double round_of_ours(bool with_text)
{
	static const char *const own[] = { "bot@example.org" }, *const hosts[] = { "mx.example.org" };
	const struct mail_context ctx = {
		.own_addresses = own, .own_len = 1, .trusted_hosts = hosts, .trusted_len = 1, .loop_mark = "mark"
	};
	uint64_t t0 = clock_us(), t;
	size_t count = 0;
	do {
		for (size_t i = 0; i < files_len; i++) {
			struct mail *m;
			if (mail_read(files[i].p, files[i].n, &ctx, &m) != ERR_NONE)
				continue;
			if (with_text && m->may_reply) { /* of others nobody reads it */
				struct mail_text x;
				mail_text(m, &x);
				mail_text_done(&x);
			}
			mail_free(m);
		}
		count += files_len;
	} while ((t = clock_us() - t0) < (uint64_t)(SECONDS * 1e6));
	return (double)count * 1e6 / (double)t;
}

static void peer(const char *folder, double *walked, double *decoded)
{
	char command[4400];
	snprintf(command, sizeof command, "python3 tests/bench/peers/mail_read.py '%s' %.1f", folder, SECONDS);
	FILE *p = popen(command, "r");
	*walked = *decoded = 0;
	if (p == NULL || fscanf(p, "%lf %lf", walked, decoded) != 2)
		*walked = *decoded = 0;
	if (p != NULL)
		pclose(p);
}

static void bench(const char *name, const char *folder)
{
	size_t bytes = load(folder);
	if (files_len == 0) {
		printf("%-12s no mails in %s\n", name, folder);
		return;
	}
	double ours = 0, read_only = 0;
	for (int i = 0; i < ROUNDS; i++) {
		double a = round_of_ours(true), b = round_of_ours(false);
		ours = a > ours ? a : ours;
		read_only = b > read_only ? b : read_only;
	}
	double walked, decoded;
	peer(folder, &walked, &decoded);
	printf("%s: %zu mails of %.1f kB\n  read and visible text %9.0f mails/s\n  read                  %9.0f mails/s\n", name,
	    files_len, (double)bytes / 1000.0 / (double)files_len, ours, read_only);
	if (walked > 0 && decoded > 0)
		printf("  Python's email        %9.0f mails/s (parsed, text parts walked out): %.1f and %.1f times\n"
		       "                        %9.0f mails/s (header fields decoded, too): %.1f and %.1f times\n",
		    walked, ours / walked, read_only / walked, decoded, ours / decoded, read_only / decoded);
	drop_files();
}

/* ---- a corpus: the same mails each time ---- */

static const char history[] =
    "On Mon, 6 May 2024 at 09:30, Eddy <bot@example.org> wrote:\r\n> The numbers of last week are in the table below. The deploy of Thursday explains\r\n"
    "> the dip in the afternoon; everything else is within what we saw before.\r\n>\r\n> > What happened on Thursday? The graph looks odd to me, and Zoe asks\r\n"
    "> > whether the customers have noticed.\r\n>\r\n> -- \r\n> Eddy\r\n";

static void put_header(struct buf *b, unsigned i, const char *more)
{
	buf_addf(b, "Return-Path: <pat%u@example.com>\r\nDelivered-To: bot@example.org\r\n", i);
	buf_addf(b,
	    "Authentication-Results: mx.example.org; dkim=pass header.d=example.com header.s=s1 header.b=abc; spf=pass\r\n"
	    " smtp.mailfrom=pat%u@example.com; dmarc=pass (p=REJECT sp=NONE dis=NONE) header.from=example.com\r\n",
	    i);
	for (int k = 0; k < 4; k++)
		buf_addf(b,
		    "Received: from relay%d.example.com (relay%d.example.com [192.0.2.%d])\r\n\tby mx.example.org (Postfix) with ESMTPS id 4VY%dabc%u\r\n"
		    "\tfor <bot@example.org>; Mon,  6 May 2024 09:3%d:01 +0000 (UTC)\r\n",
		    k, k, k + 1, k, i, k);
	buf_add_str(b,
	    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s1; t=1714987800;\r\n\th=from:to:subject:date:message-id;"
	    " bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n\tb=dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSbav+yuU4zGeeruD00lszZVoG4ZHRNiYzR\r\n");
	buf_addf(b,
	    "From: =?utf-8?Q?Pat_M=C3=BCller?= <pat%u@example.com>\r\nTo: Eddy <bot@example.org>\r\nCc: \"Ruiz, Ana\" <ana@example.com>\r\n"
	    "Subject: Re: Numbers of week %u =?utf-8?Q?=E2=80=93_Gr=C3=BC=C3=9Fe?=\r\nDate: Mon, 06 May 2024 09:%02u:00 +0200\r\n"
	    "Message-ID: <m%u.4711@example.com>\r\nIn-Reply-To: <sent-%u@example.org>\r\nReferences: <root-%u@example.org> <sent-%u@example.org>\r\n"
	    "MIME-Version: 1.0\r\nX-Mailer: Some Program 16.0\r\n%s",
	    i, i, i % 60, i, i, i, i, more);
}

static void put_base64(struct buf *b, size_t n)
{
	for (size_t at = 0; at < n; at += 57)
		buf_add_str(b, "QmFzZTY0IGxpbmVzIG9mIGFuIGF0dGFjaG1lbnQsIG9uZSBsaWtlIHRoZSBvdGhlciwgbm90aGlu\r\n");
}

static void put_mail(struct buf *b, unsigned i)
{
	switch (i % 8) {
	case 0:
	case 1: /* plain text with history */
		put_header(b, i, "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n");
		buf_addf(b,
		    "Thanks! Could you send the same table for week %u, and tell Zo\xc3\xab when it is there?\r\n\r\nPat\r\n\r\n%s",
		    i, history);
		break;
	case 2: /* flowed, quoted-printable, Latin-1 */
		put_header(b, i,
		    "Content-Type: text/plain; charset=iso-8859-1; format=flowed\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n");
		buf_addf(b,
		    "Sch=F6n, danke. Schick mir bitte auch die Zahlen von Woche %u, und sag =\r\nAna Bescheid. \r\nGr=FC=DFe\r\n-- =\r\n\r\nPat M=FCller\r\n%s",
		    i, history);
		break;
	case 3:
	case 4: /* both forms, as web mailers send them */
		put_header(b, i, "Content-Type: multipart/alternative; boundary=\"000000000000abcdef\"\r\n\r\n");
		buf_addf(b,
		    "--000000000000abcdef\r\nContent-Type: text/plain; charset=\"UTF-8\"\r\n\r\nYes, go ahead with option %u.\r\n\r\n%s\r\n",
		    i, history);
		buf_addf(b,
		    "--000000000000abcdef\r\nContent-Type: text/html; charset=\"UTF-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<div dir=3D\"ltr\">Yes, go ahead "
		    "with option %u.</div><br><div class=3D\"gmail_quote\"><div dir=3D\"ltr\" class=3D\"gmail_attr\">On Mon, 6 May 2024 at 09:30, Eddy &lt;<a href=3D\""
		    "mailto:bot@example.org\">bot@example.org</a>&gt; wrote:<br></div><blockquote class=3D\"gmail_quote\" style=3D\"margin:0px 0px 0px 0.8ex\">The numbers "
		    "of last week are in the table below.</blockquote></div>\r\n--000000000000abcdef--\r\n",
		    i);
		break;
	case 5: /* HTML alone */
		put_header(b, i, "Content-Type: text/html; charset=utf-8\r\n\r\n");
		buf_addf(b,
		    "<html><head><style>p.MsoNormal{margin:0cm;font-size:11.0pt}</style></head><body lang=\"EN-GB\"><div class=\"WordSection1\"><p class=\"MsoNormal\">Hello "
		    "Eddy,</p><p class=\"MsoNormal\">please compare week %u with the one before &amp; tell me what changed.</p><p class=\"MsoNormal\">Pat</p><div><div style=\""
		    "border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm\"><p class=\"MsoNormal\"><b>From:</b> Eddy &lt;bot@example.org&gt;<br><b>Sent:</b> "
		    "Monday, 6 May 2024 09:30<br><b>To:</b> Pat<br><b>Subject:</b> Numbers</p></div></div><p class=\"MsoNormal\">The numbers.</p></div></body></html>\r\n",
		    i);
		break;
	case 6: /* a file */
		put_header(b, i, "Content-Type: multipart/mixed; boundary=\"=_mixed\"\r\n\r\n");
		buf_addf(b,
		    "--=_mixed\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nThe report of week %u is attached.\r\n\r\n%s\r\n--=_mixed\r\nContent-Type: application/pdf; "
		    "name=\"report.pdf\"\r\nContent-Disposition: attachment;\r\n filename*=utf-8''r%%C3%%A9port.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n",
		    i, history);
		put_base64(b, 40000);
		buf_add_str(b, "--=_mixed--\r\n");
		break;
	default: /* a report */
		buf_addf(b,
		    "Return-Path: <>\r\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example.org>\r\nTo: bot@example.org\r\nSubject: Undelivered Mail Returned to Sender\r\n"
		    "Date: Mon, 06 May 2024 09:30:00 +0000\r\nMessage-ID: <d%u@mx.example.org>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
		    "Content-Type: multipart/report; report-type=delivery-status; boundary=\"b%u\"\r\n\r\n--b%u\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nI'm sorry to have "
		    "to inform you that your message could not be delivered.\r\n\r\n<gone%u@example.com>: host mx.example.com said: 550 5.1.1 User unknown\r\n\r\n--b%u\r\n"
		    "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: rfc822; gone%u@example.com\r\nAction: failed\r\nStatus: "
		    "5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\r\n\r\n--b%u\r\nContent-Type: message/rfc822\r\n\r\nFrom: bot@example.org\r\nTo: gone%u@example.com\r\n"
		    "Message-ID: <sent-%u@example.org>\r\nSubject: Numbers\r\n\r\nThe numbers.\r\n\r\n--b%u--\r\n",
		    i, i, i, i, i, i, i, i, i, i);
		break;
	}
}

static void made_here(void)
{
	char folder[] = "/tmp/eddy-bench-mail.XXXXXX", path[100];
	if (mkdtemp(folder) == NULL)
		abort();
	for (unsigned i = 0; i < 200; i++) {
		struct buf b = BUF_INIT;
		put_mail(&b, i);
		snprintf(path, sizeof path, "%s/%03u.eml", folder, i);
		FILE *f = fopen(path, "wb");
		if (f == NULL || fwrite(b.p, 1, b.len, f) != b.len || fclose(f) != 0)
			abort();
		buf_done(&b);
	}
	bench("made here", folder);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(path, sizeof path, "%s/%03u.eml", folder, i);
		unlink(path);
	}
	rmdir(folder);
}

int main(int argc, char **argv)
{
	static const char *const samples[] = { "replies", "mime", "bounces", "autoreplies", "encodings" };
	mail_library_init();
	if (argc > 1) {
		for (int i = 1; i < argc; i++)
			bench("folder", argv[i]);
		return 0;
	}
	made_here();
	const char *root = getenv("EDDY_TEST_CORPUS");
	for (size_t i = 0; root != NULL && i < sizeof samples / sizeof *samples; i++) {
		char folder[4096];
		snprintf(folder, sizeof folder, "%s/email/samples/%s", root, samples[i]);
		bench(samples[i], folder);
	}
	return 0;
}
