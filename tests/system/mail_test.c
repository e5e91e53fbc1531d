/*
 * Mail through real servers (tests/support/mail_rig.h): the daemon watches a mailbox of a real Dovecot and sends through its submission service, behind
 * which a real Exim delivers.  Ann is one of the team and writes with a log-in, so the border vouches for her; others come from outside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/mail_rig.h"
#include "harness.h"

enum { ANSWER_MS = 30000 };

static struct mail_rig post;
static bool there;
static char env[8][400];

static int post_up(void **state)
{
	char why[200];
	(void)state;
	if (!(there = mail_rig_start(&post, why, sizeof why)))
		print_message("# skipped: %s\n", why);
	return 0;
}

static int post_down(void **state)
{
	(void)state;
	mail_rig_stop(&post);
	return 0;
}

/* Mailboxes are new for each test, the servers stay. */
static char ann[80], bob[80], eddy[80];

static int set_up(void **state)
{
	static int number;
	(void)state;
	if (!there)
		return 0;
	number++;
	snprintf(ann, sizeof ann, "ann%d@test.example", number);
	snprintf(bob, sizeof bob, "bob%d@test.example", number);
	snprintf(eddy, sizeof eddy, "eddy%d@test.example", number);
	mail_rig_add_user(&post, ann, "apple");
	mail_rig_add_user(&post, bob, "cherry");
	mail_rig_add_user(&post, eddy, "pear");
	rig_open(&rig, NULL, NULL);
	snprintf(env[0], sizeof env[0], "EDDY_EMAIL_ADDRESS=%s", eddy);
	snprintf(env[1], sizeof env[1], "EDDY_EMAIL_IMAP=imaps://127.0.0.1:%d", post.imaps_port);
	snprintf(env[2], sizeof env[2], "EDDY_EMAIL_SMTP=smtp://127.0.0.1:%d", post.submission_port);
	snprintf(env[3], sizeof env[3], "EDDY_NET_CA_FILE=%s", post.ca);
	for (int i = 0; i < 4; i++)
		rig_env(&rig, env[i]);
	rig_env(&rig, "EDDY_EMAIL_PASSWORD=pear");
	rig_env(&rig, "EDDY_EMAIL_AUTHSERV=" MAIL_RIG_HOST);
	rig_env(&rig, "EDDY_EMAIL_MEMBERS=@test.example");
	rig_env(&rig, "EDDY_EMAIL_FROM_START=true");
	rig_env(&rig, "EDDY_EMAIL_PER_MINUTE=100000");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (there)
		rig_close(&rig);
	return 0;
}

/* ---- mails ---- */

/* The value of header field ${name}, unfolded (static, one for each of the last four calls); "" none. */
static const char *field(const char *mail, const char *name)
{
	static char values[4][4000];
	static int turn;
	char *v = values[turn++ % 4], *out = v;
	size_t n = strlen(name);
	*v = '\0';
	for (const char *p = mail; *p != '\0' && *p != '\n' && *p != '\r';) {
		bool here = strncasecmp(p, name, n) == 0 && p[n] == ':';
		p += here ? n + 1 + strspn(p + n + 1, " \t") : 0;
		do {
			size_t len = strcspn(p, "\r\n");
			for (size_t i = 0; here && i < len && out < v + sizeof values[0] - 1; i++)
				*out++ = p[i] == '\t' ? ' ' : p[i];
			p += len;
			p += *p == '\r';
			p += *p == '\n';
		} while (*p == ' ' || *p == '\t');
		if (here)
			break;
	}
	*out = '\0';
	return v;
}

/* What `eddy mail show` makes of it. */
static json_t *shown(const char *mail)
{
	char path[300], command[700];
	const char *build = getenv("EDDY_BUILD");
	snprintf(path, sizeof path, "%s/shown.eml", rig.dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(mail, f);
	fclose(f);
	snprintf(command, sizeof command, "%s/eddy mail show %s", build != NULL ? build : "build", path);
	f = popen(command, "r");
	assert_non_null(f);
	json_error_t why;
	json_t *o = json_loadf(f, 0, &why);
	pclose(f);
	if (o == NULL)
		rig_fail(&rig, "eddy mail show: %s", why.text);
	return o;
}

/* The words of a mail, without quotes and footer (static). */
static const char *words(const char *mail)
{
	static char *text;
	json_t *o = shown(mail);
	free(text);
	text = strdup(json_string_value(json_object_get(o, "text")));
	json_decref(o);
	return text;
}

struct letter {
	const char *from, *to, *cc, *subject, *id, *in_reply_to, *references, *more, *text;
};

static char *write_mail(const struct letter *l)
{
	char *raw;
	int n = asprintf(&raw,
	    "From: Somebody <%s>\r\nTo: Eddy <%s>\r\n%s%s%sSubject: %s\r\nMessage-ID: <%s>\r\n%s%s%s%s%s%s%sDate: Fri, 20 Nov 2026 10:00:00 +0100\r\n"
	    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n",
	    l->from, l->to, l->cc != NULL ? "Cc: " : "", l->cc != NULL ? l->cc : "", l->cc != NULL ? "\r\n" : "", l->subject, l->id,
	    l->in_reply_to != NULL ? "In-Reply-To: " : "", l->in_reply_to != NULL ? l->in_reply_to : "",
	    l->in_reply_to != NULL ? "\r\n" : "", l->references != NULL ? "References: " : "",
	    l->references != NULL ? l->references : "", l->references != NULL ? "\r\n" : "", l->more != NULL ? l->more : "",
	    l->text);
	if (n < 0)
		abort();
	return raw;
}

/* Ann's mail program; she is logged in. */
static void write_as(const char *user, const char *password, const struct letter *l)
{
	char *raw = write_mail(l);
	int code = mail_rig_send(&post, user, password, l->from, l->to, raw);
	free(raw);
	if (code != 250)
		rig_fail(&rig, "%s could not write: %d", user != NULL ? user : "a stranger", code);
}

static void ann_writes(const char *id, const char *text)
{
	write_as(ann, "apple", &(struct letter){ .from = ann, .to = eddy, .subject = id, .id = id, .text = text });
}

/* The ${n}th mail in somebody's mailbox. */
static char *awaits(const char *who, size_t n)
{
	char *mail = mail_rig_wait(&post, who, NULL, n, ANSWER_MS);
	if (mail == NULL)
		rig_fail(&rig, "%s has %zu mails, not %zu", who, mail_rig_count(&post, who, NULL), n);
	return mail;
}

/* A client answers below its text with everything quoted. */
static void reply_to(const char *mail, const char *id, const char *text)
{
	char address[300], references[4400], *body, *quoted = strdup(words(mail));
	snprintf(address, sizeof address, "%s", field(mail, "Reply-To"));
	char *bare = strchr(address, '<') != NULL ? strchr(address, '<') + 1 : address;
	bare[strcspn(bare, ">")] = '\0';
	for (char *p = quoted; (p = strchr(p, '\n')) != NULL; p++)
		*p = ' ';
	if (asprintf(&body, "%s\r\n\r\nOn Fri, 20 Nov 2026 at 10:00, Eddy <%s> wrote:\r\n> %s\r\n", text, eddy, quoted) < 0)
		abort();
	snprintf(references, sizeof references, "%s %s", field(mail, "References"), field(mail, "Message-ID"));
	write_as(ann, "apple",
	    &(struct letter){ .from = ann,
	        .to = bare,
	        .subject = field(mail, "Subject"),
	        .id = id,
	        .in_reply_to = field(mail, "Message-ID"),
	        .references = references,
	        .text = body });
	free(body);
	free(quoted);
}

static int64_t passed_over(void)
{
	char line[4000];
	int64_t n = 0;
	for (int i = 0; i < 2; i++) {
		FILE *f = *rig.d[i].log != '\0' ? fopen(rig.d[i].log, "r") : NULL;
		while (f != NULL && fgets(line, sizeof line, f) != NULL)
			n += strstr(line, "\"event\":\"email.passed_over\"") != NULL;
		if (f != NULL)
			fclose(f);
	}
	return n;
}

#define needs_servers() \
	do { \
		if (!there) \
			skip(); \
	} while (0)

/* ---- conversations ---- */

static void check_thread(const char *answer, const char *question_id, const char *subject)
{
	char id[300];
	json_t *o = shown(answer);
	snprintf(id, sizeof id, "<%s>", question_id);
	assert_string_equal(field(answer, "In-Reply-To"), id);
	const char *references = field(answer, "References");
	size_t n = strlen(references);
	assert_true(n >= strlen(id) && strcmp(references + n - strlen(id), id) == 0);
	assert_string_equal(json_string_value(json_object_get(o, "subject")), subject);
	assert_null(strstr(answer, "wrote:"));
	assert_non_null(strstr(field(answer, "From"), eddy));
	assert_non_null(strstr(field(answer, "To"), ann));
	json_decref(o);
}

static void mail__back_and_forth__is_one_conversation(void **state)
{
	(void)state;
	needs_servers();
	rig_serve(&rig, 0, NULL);
	write_as(ann, "apple",
	    &(struct letter){
	        .from = ann, .to = eddy, .subject = "Die Planung für Mai", .id = "q1@test.example", .text = "Wer kommt? #1" });
	char *first = awaits(ann, 1);
	check_thread(first, "q1@test.example", "Re: Die Planung für Mai");
	assert_non_null(strstr(words(first), "#1"));
	reply_to(first, "q2@test.example", "And who does not? #2");
	char *second = awaits(ann, 2);
	check_thread(second, "q2@test.example", "Re: Die Planung für Mai");
	assert_non_null(strstr(words(second), "#2"));
	assert_null(strstr(words(second), "#1"));
	assert_non_null(strstr(field(second, "References"), field(first, "Message-ID")));
	/* the third answers by References alone, as a program does that drops In-Reply-To and the tag of the address */
	char references[4200];
	snprintf(references, sizeof references, "%s %s", field(second, "References"), field(second, "Message-ID"));
	write_as(ann, "apple",
	    &(struct letter){ .from = ann,
	        .to = eddy,
	        .subject = "AW: Die Planung",
	        .id = "q3@test.example",
	        .references = references,
	        .text = "Thanks. #3" });
	char *third = awaits(ann, 3);
	check_thread(third, "q3@test.example", "Re: Die Planung");
	rig_settle(&rig, 10000);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM threads"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM messages"), 6);
	assert_int_equal(mail_rig_count(&post, ann, NULL), 3);
	assert_int_equal(mail_rig_count(&post, eddy, "Sent"), 3);
	/* the model was asked with each question once, and never with a quoted history */
	json_t *requests = fake_control(&rig.model, "requests", NULL);
	char *last = json_dumps(json_array_get(requests, json_array_size(requests) - 1), JSON_COMPACT);
	assert_null(strstr(last, "20 Nov 2026 at 10:00"));
	assert_non_null(strstr(last, "And who does not?"));
	free(last);
	json_decref(requests);
	free(first);
	free(second);
	free(third);
}

static void mail__with_choices__is_answered_by_number(void **state)
{
	(void)state;
	needs_servers();
	fake_tell(&rig.model, "script", "{s:s, s:i, s:i}", "match", "#1", "status", 400, "times", 1);
	rig_serve(&rig, 0, NULL);
	ann_writes("q1@test.example", "Does it work? #1");
	char *failed = awaits(ann, 1);
	assert_non_null(strstr(failed, "1. "));
	reply_to(failed, "q2@test.example", "1");
	char *answer = awaits(ann, 2);
	assert_non_null(strstr(words(answer), "#1"));
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM threads"), 1);
	free(failed);
	free(answer);
}

static void mail__that_is_automatic__is_met_with_silence(void **state)
{
	(void)state;
	needs_servers();
	rig_serve(&rig, 0, NULL);
	ann_writes("q1@test.example", "Are you there? #1");
	char *answer = awaits(ann, 1);
	static const char *const marks[] = { "Auto-Submitted: auto-replied (vacation)\r\n", "List-Id: <all.test.example>\r\n",
		"Precedence: bulk\r\n", "X-Autoreply: yes\r\n" };
	char id[60];
	for (size_t i = 0; i < 4; i++) {
		snprintf(id, sizeof id, "auto%zu@test.example", i);
		write_as(ann, "apple",
		    &(struct letter){ .from = ann,
		        .to = eddy,
		        .subject = "Re: q1",
		        .id = id,
		        .in_reply_to = field(answer, "Message-ID"),
		        .more = marks[i],
		        .text = "I am away." });
	}
	mail_rig_drop(&post, eddy, answer, strlen(answer)); /* our own mail comes back */
	rig_wait(&rig, ANSWER_MS, "five mails to be passed over", passed_over() == 5);
	rig_settle(&rig, 10000);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM runs"), 1);
	assert_int_equal(mail_rig_count(&post, ann, NULL), 1);
	free(answer);
}

/* Bob writes from outside: nothing proves him. */
static void stranger(const char *setting, const char *text, bool agent)
{
	rig_env(&rig, setting);
	rig_env(&rig, "EDDY_EMAIL_TEXT=Please use the form.");
	rig_serve(&rig, 0, NULL);
	write_as(NULL, NULL,
	    &(struct letter){ .from = bob, .to = eddy, .subject = "Hi", .id = "b1@test.example", .text = "Let me in #1" });
	if (text == NULL) {
		rig_wait(&rig, ANSWER_MS, "the mail to be passed over", passed_over() == 1);
		rig_settle(&rig, 10000);
		assert_int_equal(mail_rig_count(&post, bob, NULL), 0);
		return;
	}
	char *answer = awaits(bob, 1);
	assert_non_null(strstr(words(answer), text));
	json_t *o = fake_control(&rig.model, "state", NULL);
	assert_int_equal(json_integer_value(json_object_get(o, "calls")) > 0, agent);
	json_decref(o);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM stops"), 0);
	free(answer);
}

static void stranger__by_default__gets_nothing(void **state)
{
	(void)state;
	needs_servers();
	stranger("EDDY_EMAIL_STRANGERS=ignore", NULL, false);
}

static void stranger__if_so_set__gets_the_text(void **state)
{
	(void)state;
	needs_servers();
	stranger("EDDY_EMAIL_STRANGERS=text", "Please use the form.", false);
}

static void stranger__if_so_set__gets_an_answer(void **state)
{
	(void)state;
	needs_servers();
	stranger("EDDY_EMAIL_STRANGERS=agent", "#1", true);
}

/* ---- trouble ---- */

/* Without what a border writes on top. */
static const char *own_part(const char *mail)
{
	const char *p = strstr(mail, "\nFrom: ");
	return p != NULL ? p : mail;
}

static void killed(const char *fault, const char *copy, size_t most)
{
	rig_env(&rig, copy);
	rig_spawn(&rig, 0, fault);
	ann_writes("q1@test.example", "Will I hear from you? #1");
	int status = rig_wait_end(&rig, 0, ANSWER_MS);
	assert_true(WIFSIGNALED(status));
	rig_serve(&rig, 0, NULL);
	char *answer = awaits(ann, 1);
	rig_wait(&rig, 90000, "the delivery to be known as sent",
	    rig_sql(&rig, "SELECT count(*) FROM outbox WHERE state = 3 AND adapter = 'email'") == 1);
	rig_settle(&rig, 30000);
	sleep_ms(500); /* for a second one on its way through Exim */
	size_t n = mail_rig_count(&post, ann, NULL);
	print_message("# %s with %s: %zu mail(s)\n", fault, copy, n);
	if (n < 1 || n > most)
		rig_fail(&rig, "%zu mails, not up to %zu", n, most);
	for (size_t i = 1; i < n; i++) {
		char *again = mail_rig_mail(&post, ann, NULL, i);
		assert_string_equal(field(again, "Message-ID"), field(answer, "Message-ID"));
		assert_string_equal(own_part(again), own_part(answer));
		free(again);
	}
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM messages"), 2);
	free(answer);
}

static void killed__after_the_mail_was_accepted__it_is_found_in_sent(void **state)
{
	(void)state;
	needs_servers();
	killed("post.after=kill@1", "EDDY_EMAIL_COPY=append", 1);
}

static void killed__after_the_mail_was_accepted__the_same_bytes_at_worst(void **state)
{
	(void)state;
	needs_servers();
	killed("post.after=kill@1", "EDDY_EMAIL_COPY=none", 2);
}

static void killed__before_the_mail_is_taken__it_is_read_again(void **state)
{
	(void)state;
	needs_servers();
	killed("email.before_take=kill@1", "EDDY_EMAIL_COPY=append", 1);
}

static void killed__before_the_mail_is_marked__it_is_not_answered_twice(void **state)
{
	(void)state;
	needs_servers();
	killed("email.before_mark=kill@1", "EDDY_EMAIL_COPY=append", 1);
}

static void database__away__mails_wait_for_it(void **state)
{
	(void)state;
	needs_servers();
	rig_own_postgres(&rig);
	rig_serve(&rig, 0, NULL);
	ann_writes("q1@test.example", "before #1");
	free(awaits(ann, 1));
	rig_postgres_stop(&rig);
	ann_writes("q2@test.example", "while it is away #2");
	sleep_ms(2500);
	assert_true(rig_lives(&rig, 0));
	rig_postgres_start(&rig);
	char *answer = awaits(ann, 2);
	assert_non_null(strstr(words(answer), "#2"));
	free(answer);
	rig_settle(&rig, 30000);
	assert_int_equal(mail_rig_count(&post, ann, NULL), 2);
}

static void process__killed__the_other_takes_the_mailbox_over(void **state)
{
	(void)state;
	needs_servers();
	rig_serve(&rig, 0, NULL);
	ann_writes("q1@test.example", "to the first #1");
	free(awaits(ann, 1));
	rig_serve(&rig, 1, NULL);
	rig_kill(&rig, 0);
	int64_t t0 = now_ms();
	ann_writes("q2@test.example", "to the second #2");
	rig_wait(&rig, 60000, "the other process to answer", mail_rig_count(&post, ann, NULL) == 2);
	print_message("# taken over after %.1f s\n", (double)(now_ms() - t0) / 1000);
	if (now_ms() - t0 > 35000)
		rig_fail(&rig, "taken over after %lld ms", (long long)(now_ms() - t0));
	rig_settle(&rig, 30000);
	assert_int_equal(mail_rig_count(&post, ann, NULL), 2);
}

static void mail__that_is_none__is_set_aside_and_stops_nothing(void **state)
{
	(void)state;
	needs_servers();
	char *much = malloc(2000001);
	assert_non_null(much);
	memset(much, 'x', 2000000);
	much[2000000] = '\0';
	mail_rig_drop(&post, eddy, "\r\n\r\n", 4);
	mail_rig_drop(&post, eddy, much, 2000000);
	free(much);
	ann_writes("q1@test.example", "after the bad ones #1");
	rig_serve(&rig, 0, NULL);
	free(awaits(ann, 1));
	rig_settle(&rig, 10000);
	assert_true(rig_sql(&rig, "SELECT count(*) FROM inbox_rejected WHERE adapter = 'email'") >= 1);
	int64_t rejected = rig_sql(&rig, "SELECT count(*) FROM inbox_rejected");
	rig_kill(&rig, 0);
	rig_serve(&rig, 0, NULL);
	ann_writes("q2@test.example", "and again #2");
	free(awaits(ann, 2));
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM inbox_rejected"), rejected);
}

static void bounce__of_an_answer__ends_mail_to_that_address(void **state)
{
	(void)state;
	needs_servers();
	rig_serve(&rig, 0, NULL);
	write_as(ann, "apple",
	    &(struct letter){ .from = ann,
	        .to = eddy,
	        .cc = "gone@test.example",
	        .subject = "All",
	        .id = "q1@test.example",
	        .text = "hello both #1" });
	char *first = awaits(ann, 1);
	assert_non_null(strstr(field(first, "Cc"), "gone@test.example"));
	rig_wait(&rig, ANSWER_MS, "the bounce to be understood",
	    rig_sql(&rig, "SELECT count(*) FROM stops WHERE external_id = 'gone@test.example'") == 1);
	write_as(ann, "apple",
	    &(struct letter){ .from = ann,
	        .to = eddy,
	        .cc = "gone@test.example",
	        .subject = "All",
	        .id = "q2@test.example",
	        .text = "hello again #2" });
	char *second = awaits(ann, 2);
	assert_null(strstr(second, "\nCc:"));
	rig_settle(&rig, 10000);
	free(first);
	free(second);
}

static void sending__refused_for_a_while__the_answer_waits(void **state)
{
	(void)state;
	needs_servers();
	mail_rig_refuse(&post, ann, "451 4.7.1 try again later");
	rig_serve(&rig, 0, NULL);
	ann_writes("q1@test.example", "patience #1");
	sleep_ms(3000);
	assert_int_equal(mail_rig_count(&post, ann, NULL), 0);
	mail_rig_refuse(&post, NULL, NULL);
	free(awaits(ann, 1));
	mail_rig_exim_stop(&post);
	mail_rig_kick(&post, eddy); /* and the line to the mailbox breaks */
	static const char format[] =
	    "Authentication-Results: " MAIL_RIG_HOST "; dmarc=pass header.from=test.example\r\nReceived: by " MAIL_RIG_HOST
	    "; Fri, 20 Nov 2026 10:00:00 +0100\r\n"
	    "From: %s\r\nTo: %s\r\nSubject: two\r\nMessage-ID: <q2@test.example>\r\n\r\nmore patience #2\r\n";
	char raw[1000];
	int n = snprintf(raw, sizeof raw, format, ann, eddy);
	mail_rig_drop(&post, eddy, raw, (size_t)n);
	rig_wait(&rig, ANSWER_MS, "the second answer to be written", rig_sql(&rig, "SELECT count(*) FROM messages") == 4);
	sleep_ms(1000);
	mail_rig_exim_start(&post);
	free(awaits(ann, 2));
	rig_settle(&rig, 60000);
	assert_int_equal(mail_rig_count(&post, ann, NULL), 2);
}

static long resident_kb(void)
{
	char path[60], line[200];
	long kb = 0;
	snprintf(path, sizeof path, "/proc/%d/status", (int)rig.d[0].pid);
	FILE *f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "VmHWM: %ld", &kb) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return kb;
}

static void mailbox__of_10000_mails__is_caught_up_in_little_memory(void **state)
{
	(void)state;
	needs_servers();
	enum { MAILS = 10000 };
	char *filler = malloc(3001);
	assert_non_null(filler);
	for (int i = 0; i < 3000; i++)
		filler[i] = i % 72 == 71 ? '\n' : (char)('a' + i % 26);
	filler[3000] = '\0';
	for (int i = 0; i < MAILS; i++) {
		char id[60];
		snprintf(id, sizeof id, "list%d@test.example", i);
		char *raw = write_mail(&(struct letter){ .from = bob,
		    .to = eddy,
		    .subject = "News",
		    .id = id,
		    .more = "List-Id: <news.test.example>\r\n",
		    .text = filler });
		mail_rig_drop(&post, eddy, raw, strlen(raw));
		free(raw);
	}
	free(filler);
	int64_t t0 = now_ms();
	rig_env(&rig, "EDDY_LOG_LEVEL=warn");
	rig_serve(&rig, 0, NULL);
	ann_writes("q1@test.example", "the newest of all #1");
	char *answer = mail_rig_wait(&post, ann, NULL, 1, 180000);
	if (answer == NULL)
		rig_fail(&rig, "not caught up");
	long kb = resident_kb();
	print_message("# %d mails in %.1f s, %.1f MB at most\n", MAILS, (double)(now_ms() - t0) / 1000, (double)kb / 1024);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	if (kb > 64 * 1024)
		rig_fail(&rig, "%ld kB resident", kb);
#endif
	free(answer);
}

int main(void)
{
#define one(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		one(mail__back_and_forth__is_one_conversation),
		one(mail__with_choices__is_answered_by_number),
		one(mail__that_is_automatic__is_met_with_silence),
		one(stranger__by_default__gets_nothing),
		one(stranger__if_so_set__gets_the_text),
		one(stranger__if_so_set__gets_an_answer),
		one(killed__after_the_mail_was_accepted__it_is_found_in_sent),
		one(killed__after_the_mail_was_accepted__the_same_bytes_at_worst),
		one(killed__before_the_mail_is_taken__it_is_read_again),
		one(killed__before_the_mail_is_marked__it_is_not_answered_twice),
		one(database__away__mails_wait_for_it),
		one(process__killed__the_other_takes_the_mailbox_over),
		one(mail__that_is_none__is_set_aside_and_stops_nothing),
		one(bounce__of_an_answer__ends_mail_to_that_address),
		one(sending__refused_for_a_while__the_answer_waits),
		one(mailbox__of_10000_mails__is_caught_up_in_little_memory),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, post_up, post_down);
}
