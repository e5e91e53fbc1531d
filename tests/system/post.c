/*
 * The mail servers are started once for a test program; each test has a daemon and three mailboxes of its own.
 */
#include "post.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ANSWER_MS = POST_ANSWER_MS };

struct mail_rig post;
bool post_there;
char post_env[8][400];

int post_up(void **state)
{
	char why[200];
	(void)state;
	if (!(post_there = mail_rig_start(&post, why, sizeof why)))
		print_message("# skipped: %s\n", why);
	return 0;
}

int post_down(void **state)
{
	(void)state;
	mail_rig_stop(&post);
	return 0;
}

/* Mailboxes are new for each test, the servers stay. */
char post_ann[80], post_bob[80], post_eddy[80];

int post_set_up(void **state)
{
	static int number;
	(void)state;
	if (!post_there)
		return 0;
	number++;
	snprintf(post_ann, sizeof post_ann, "ann%d@test.example", number);
	snprintf(post_bob, sizeof post_bob, "bob%d@test.example", number);
	snprintf(post_eddy, sizeof post_eddy, "eddy%d@test.example", number);
	mail_rig_add_user(&post, post_ann, "apple");
	mail_rig_add_user(&post, post_bob, "cherry");
	mail_rig_add_user(&post, post_eddy, "pear");
	rig_open(&rig, NULL, NULL);
	snprintf(post_env[0], sizeof post_env[0], "EDDY_EMAIL_ADDRESS=%s", post_eddy);
	snprintf(post_env[1], sizeof post_env[1], "EDDY_EMAIL_IMAP=imaps://127.0.0.1:%d", post.imaps_port);
	snprintf(post_env[2], sizeof post_env[2], "EDDY_EMAIL_SMTP=smtp://127.0.0.1:%d", post.submission_port);
	snprintf(post_env[3], sizeof post_env[3], "EDDY_NET_CA_FILE=%s", post.ca);
	for (int i = 0; i < 4; i++)
		rig_env(&rig, post_env[i]);
	rig_env(&rig, "EDDY_EMAIL_PASSWORD=pear");
	rig_env(&rig, "EDDY_EMAIL_AUTHSERV=" MAIL_RIG_HOST);
	rig_env(&rig, "EDDY_EMAIL_MEMBERS=@test.example");
	rig_env(&rig, "EDDY_EMAIL_FROM_START=true");
	rig_env(&rig, "EDDY_EMAIL_PER_MINUTE=100000");
	return 0;
}

int post_tear_down(void **state)
{
	(void)state;
	if (post_there)
		rig_close(&rig);
	return 0;
}

/* ---- mails ---- */

/* The value of header field ${name}, unfolded (static, one for each of the last four calls); "" none. */
const char *post_field(const char *mail, const char *name)
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

enum { SHOWN = 64 };
static struct shown {
	char *mail;
	json_t *o;
} shown[SHOWN];
static size_t shown_next;

/* What `eddy mail show` makes of it. */
static json_t *shown_anew(const char *mail)
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

/* A mailbox is looked through again and again, and each look would start a program for each of its mails. */
json_t *post_shown(const char *mail)
{
	for (size_t i = 0; i < SHOWN; i++)
		if (shown[i].mail != NULL && strcmp(shown[i].mail, mail) == 0)
			return json_incref(shown[i].o);
	struct shown *s = &shown[shown_next++ % SHOWN];
	free(s->mail);
	json_decref(s->o);
	s->o = NULL;
	s->mail = NULL;
	json_t *o = shown_anew(mail);
	*s = (struct shown){ .mail = strdup(mail), .o = json_incref(o) };
	return o;
}

/* The words of a mail, without quotes and footer (static). */
const char *post_words(const char *mail)
{
	static char *text;
	json_t *o = post_shown(mail);
	free(text);
	text = strdup(json_string_value(json_object_get(o, "text")));
	json_decref(o);
	return text;
}

char *post_mail(const struct letter *l)
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
void post_write(const char *user, const char *password, const struct letter *l)
{
	char *raw = post_mail(l);
	int code = mail_rig_send(&post, user, password, l->from, l->to, raw);
	free(raw);
	if (code != 250)
		rig_fail(&rig, "%s could not write: %d", user != NULL ? user : "a stranger", code);
}

void post_ann_writes(const char *id, const char *text)
{
	post_write(post_ann, "apple", &(struct letter){ .from = post_ann, .to = post_eddy, .subject = id, .id = id, .text = text });
}

/* The ${n}th mail in somebody's mailbox. */
char *post_awaits(const char *who, size_t n)
{
	char *mail = mail_rig_wait(&post, who, NULL, n, ANSWER_MS);
	if (mail == NULL)
		rig_fail(&rig, "%s has %zu mails, not %zu", who, mail_rig_count(&post, who, NULL), n);
	return mail;
}

void post_reply(const char *user, const char *password, const char *mail, const char *id, const char *text)
{
	char address[300], references[4400], *body, *quoted = strdup(post_words(mail));
	snprintf(address, sizeof address, "%s", post_field(mail, "Reply-To"));
	char *bare = strchr(address, '<') != NULL ? strchr(address, '<') + 1 : address;
	bare[strcspn(bare, ">")] = '\0';
	for (char *p = quoted; (p = strchr(p, '\n')) != NULL; p++)
		*p = ' ';
	if (asprintf(&body, "%s\r\n\r\nOn Fri, 20 Nov 2026 at 10:00, Eddy <%s> wrote:\r\n> %s\r\n", text, post_eddy, quoted) < 0)
		abort();
	snprintf(references, sizeof references, "%s %s", post_field(mail, "References"), post_field(mail, "Message-ID"));
	post_write(user, password,
	    &(struct letter){ .from = user,
	        .to = bare,
	        .subject = post_field(mail, "Subject"),
	        .id = id,
	        .in_reply_to = post_field(mail, "Message-ID"),
	        .references = references,
	        .text = body });
	free(body);
	free(quoted);
}

int64_t post_passed_over(void)
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
