/*
 * Mails on their way out: each has one outcome, none is lost, and what may have left is looked for before it goes again.  The submission
 * server is tests/support/smtp_peer.h; the mailbox is a small one of this file.  OAuth tokens are counted here, not fetched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../adapters/email/oauth.h"
#include "../../../adapters/email/outgoing.h"
#include "../../../core/base/buf.h"
#include "../../../core/base/clock.h"
#include "../../../core/base/metric.h"
#include "../../support/smtp_peer.h"

/* ---- tokens ---- */

static atomic_int tokens, tokens_refused;

enum err oauth_token(struct oauth *a, bool refused, char **token, char *why, size_t why_n)
{
	(void)a, (void)why, (void)why_n;
	tokens++;
	if (refused)
		tokens_refused++;
	*token = strdup(refused ? "new" : "old");
	return ERR_NONE;
}

/* ---- a mailbox ---- */

struct box {
	int fd, port;
	pthread_t thread;
	pthread_mutex_t mtx;
	int conn; /* -1: none */
	atomic_int connections, searches;
	atomic_bool down, no_append;
	char *mails[40];
	char folders[40][20];
	size_t len;
};

static void box_add(struct box *b, const char *folder, const char *raw)
{
	pthread_mutex_lock(&b->mtx);
	assert_true(b->len < 40);
	snprintf(b->folders[b->len], sizeof b->folders[0], "%s", folder);
	b->mails[b->len++] = strdup(raw);
	pthread_mutex_unlock(&b->mtx);
}

static size_t box_count(struct box *b, const char *folder)
{
	size_t n = 0;
	pthread_mutex_lock(&b->mtx);
	for (size_t i = 0; i < b->len; i++)
		n += strcmp(b->folders[i], folder) == 0;
	pthread_mutex_unlock(&b->mtx);
	return n;
}

/* The word in quotes or bare at ${p}. */
static const char *word_at(const char *p, char out[200])
{
	size_t n = *p == '"' ? strcspn(++p, "\"") : strcspn(p, " \r\n");
	snprintf(out, 200, "%.*s", (int)n, p);
	p += n;
	p += *p == '"';
	return p + strspn(p, " ");
}

static bool box_serve(struct box *b, FILE *in, int fd, char *line, char folder[200])
{
	char tag[40], name[200] = "";
	const char *p = line + strcspn(line, " ");
	snprintf(tag, sizeof tag, "%.*s", (int)(p - line), line);
	p += *p == ' ';
	if (strncasecmp(p, "CAPABILITY", 10) == 0) {
		dprintf(fd, "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n");
	} else if (strncasecmp(p, "LIST", 4) == 0) {
		dprintf(fd, "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n* LIST (\\HasNoChildren \\Sent) \"/\" \"Gesendet\"\r\n");
	} else if (strncasecmp(p, "SELECT ", 7) == 0 || strncasecmp(p, "EXAMINE ", 8) == 0) {
		word_at(p + (*p == 'S' ? 7 : 8), folder);
		dprintf(fd, "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 99] ok\r\n");
	} else if (strncasecmp(p, "UID SEARCH HEADER Message-ID ", 29) == 0) {
		word_at(p + 29, name);
		b->searches++;
		dprintf(fd, "* SEARCH");
		pthread_mutex_lock(&b->mtx);
		for (size_t i = 0; i < b->len; i++)
			if (strcmp(b->folders[i], folder) == 0 && strstr(b->mails[i], name))
				dprintf(fd, " %zu", i + 1);
		pthread_mutex_unlock(&b->mtx);
		dprintf(fd, "\r\n");
	} else if (strncasecmp(p, "APPEND ", 7) == 0) {
		word_at(p + 7, name);
		if (b->no_append) {
			dprintf(fd, "%s NO [OVERQUOTA] full\r\n", tag);
			return true;
		}
		const char *size = strrchr(p, '{');
		size_t n = size ? strtoul(size + 1, NULL, 10) : 0;
		if (size && !strchr(size, '+'))
			dprintf(fd, "+ go on\r\n");
		char *raw = calloc(1, n + 1), rest[100];
		if (fread(raw, 1, n, in) != n || !fgets(rest, sizeof rest, in)) {
			free(raw);
			return false;
		}
		box_add(b, name, raw);
		free(raw);
	} else if (strncasecmp(p, "LOGOUT", 6) == 0) {
		dprintf(fd, "* BYE\r\n%s OK bye\r\n", tag);
		return false;
	}
	dprintf(fd, "%s OK done\r\n", tag);
	return true;
}

static void *box_run(void *arg)
{
	struct box *b = arg;
	for (int fd; (fd = accept4(b->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
		b->connections++;
		FILE *in = b->down ? NULL : fdopen(dup(fd), "r");
		pthread_mutex_lock(&b->mtx);
		b->conn = fd;
		pthread_mutex_unlock(&b->mtx);
		char line[4000], folder[200] = "";
		if (in) {
			dprintf(fd, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] here\r\n");
			while (fgets(line, sizeof line, in) && !b->down && box_serve(b, in, fd, line, folder))
				;
			fclose(in);
		}
		pthread_mutex_lock(&b->mtx);
		b->conn = -1;
		pthread_mutex_unlock(&b->mtx);
		close(fd);
	}
	return NULL;
}

static struct box *box_new(void)
{
	struct box *b = calloc(1, sizeof *b);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	pthread_mutex_init(&b->mtx, NULL);
	b->conn = -1;
	b->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(b->fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(b->fd, 8), 0);
	getsockname(b->fd, (struct sockaddr *)&a, &n);
	b->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&b->thread, NULL, box_run, b), 0);
	return b;
}

static void box_cut(struct box *b)
{
	pthread_mutex_lock(&b->mtx);
	if (b->conn >= 0)
		shutdown(b->conn, SHUT_RDWR);
	pthread_mutex_unlock(&b->mtx);
}

static void box_free(struct box *b)
{
	shutdown(b->fd, SHUT_RDWR);
	box_cut(b);
	pthread_join(b->thread, NULL);
	close(b->fd);
	for (size_t i = 0; i < b->len; i++)
		free(b->mails[i]);
	pthread_mutex_destroy(&b->mtx);
	free(b);
}

/* ---- the fixture ---- */

struct fixture {
	struct smtp_peer *peer;
	struct box *box;
	struct outgoing_options o;
	struct outgoing *out;
	struct metrics *metrics;
	pthread_mutex_t mtx;
	struct {
		struct id delivery;
		enum err result;
		uint32_t retry_ms;
		char ref[100], why[100];
	} sent[100];
	size_t len;
	atomic_int held, refused;
	atomic_uint held_ms;
	char refused_addr[100];
	int refused_code;
};

static void on_sent(void *arg, const struct sent *s)
{
	struct fixture *f = arg;
	pthread_mutex_lock(&f->mtx);
	f->sent[f->len].delivery = s->delivery;
	f->sent[f->len].result = s->result;
	f->sent[f->len].retry_ms = s->retry_after_ms;
	snprintf(f->sent[f->len].ref, 100, "%s", s->external_ref ? s->external_ref : "");
	snprintf(f->sent[f->len++].why, 100, "%s", s->why ? s->why : "");
	pthread_mutex_unlock(&f->mtx);
}

static void on_held(void *arg, struct id ws, struct id delivery, uint32_t ms)
{
	struct fixture *f = arg;
	(void)ws, (void)delivery;
	f->held_ms = ms;
	f->held++;
}

static void on_refused(void *arg, struct id ws, const char *addr, int code, const char *reply)
{
	struct fixture *f = arg;
	(void)ws, (void)reply;
	snprintf(f->refused_addr, sizeof f->refused_addr, "%s", addr);
	f->refused_code = code;
	f->refused++;
}

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->peer = smtp_peer_new();
	f->box = box_new();
	f->metrics = metrics_new();
	pthread_mutex_init(&f->mtx, NULL);
	tokens = tokens_refused = 0;
	f->o = (struct outgoing_options){
		.smtp = { .login = { .host = "127.0.0.1",
		              .port = smtp_peer_port(f->peer),
		              .tls = MAIL_TLS_NONE,
		              .user = "bot",
		              .password = "secret" },
		    .helo = "bot.example.org",
		    .timeout_ms = 3000 },
		.imap = { .host = "127.0.0.1", .port = f->box->port, .tls = MAIL_TLS_NONE, .user = "bot", .password = "secret" },
		.own_address = "bot@example.org",
		.retry_min_ms = 100,
		.retry_max_ms = 400,
		.look_ms = 200,
		.metrics = f->metrics,
		.port = { .arg = f, .sent = on_sent, .held = on_held, .refused = on_refused },
	};
	*state = f;
	return 0;
}

static void start(struct fixture *f)
{
	f->out = outgoing_new(&f->o);
	outgoing_start(f->out);
}

static int end(void **state)
{
	struct fixture *f = *state;
	outgoing_free(f->out);
	smtp_peer_free(f->peer);
	box_free(f->box);
	metrics_free(f->metrics);
	pthread_mutex_destroy(&f->mtx);
	free(f);
	return 0;
}

static size_t outcomes(struct fixture *f)
{
	pthread_mutex_lock(&f->mtx);
	size_t n = f->len;
	pthread_mutex_unlock(&f->mtx);
	return n;
}

static void wait_for(struct fixture *f, size_t n)
{
	for (int i = 0; i < 18000 && outcomes(f) < n; i++)
		usleep(5000);
	assert_int_equal(outcomes(f), n);
}

static struct id number(uint8_t n)
{
	return (struct id){ .b = { 1, [15] = n } };
}

static const char *const everybody[] = { "ann@example.com", "bob@example.com", "cid@example.com" };

static enum err put_to(struct fixture *f, uint8_t n, const char *const *to, size_t recipients, bool maybe_sent)
{
	char id[60], raw[200];
	snprintf(id, sizeof id, "mail-%d@example.org", n);
	snprintf(raw, sizeof raw, "Message-ID: <%s>\r\nSubject: x\r\n\r\n.\r\ntext %d\r\n", id, n);
	return outgoing_put(f->out,
	    &(struct outgoing_mail){ .ws = number(200),
	        .delivery = number(n),
	        .message_id = id,
	        .envelope_from = "bot@example.org",
	        .recipients = to,
	        .recipients_len = recipients,
	        .raw = raw,
	        .raw_len = strlen(raw),
	        .maybe_sent = maybe_sent });
}

static enum err put(struct fixture *f, uint8_t n, size_t recipients, bool maybe_sent)
{
	return put_to(f, n, everybody, recipients, maybe_sent);
}

static void assert_sent(struct fixture *f, size_t i, enum err result, const char *why)
{
	pthread_mutex_lock(&f->mtx);
	if (f->sent[i].result != result || strcmp(f->sent[i].why, why) != 0)
		fail_msg("outcome %zu is %d, \"%s\"", i, (int)f->sent[i].result, f->sent[i].why);
	pthread_mutex_unlock(&f->mtx);
}

static int times_said(struct fixture *f, const char *words)
{
	char *said = smtp_peer_said(f->peer);
	int n = 0;
	for (const char *p = said; (p = strstr(p, words)) != NULL; p++)
		n++;
	free(said);
	return n;
}

/* ---- what becomes of a mail ---- */

static void outgoing_put__sends__and_tells_by_its_message_id(void **state)
{
	struct fixture *f = *state;
	start(f);
	assert_int_equal(put(f, 1, 2, false), ERR_NONE);
	assert_int_equal(put(f, 2, 1, false), ERR_NONE);
	wait_for(f, 2);
	assert_sent(f, 0, ERR_NONE, "");
	assert_string_equal(f->sent[0].ref, "mail-1@example.org");
	assert_true(id_equal(f->sent[0].delivery, number(1)));
	assert_true(id_equal(f->sent[1].delivery, number(2)));
	assert_int_equal(smtp_peer_mails(f->peer), 2);
	assert_int_equal(f->box->connections, 0);
	struct buf b = BUF_INIT;
	metrics_render(f->metrics, &b);
	assert_non_null(strstr(b.p, "eddy_email_sent_total{result=\"ok\"} 2\n"));
	assert_non_null(strstr(b.p, "eddy_email_queue 0\n"));
	assert_non_null(strstr(b.p, "eddy_email_send_seconds_count 2\n"));
	buf_done(&b);
	char words[100];
	outgoing_describe(f->out, words, sizeof words);
	assert_string_equal(words, "2 sent");
}

static void outgoing_put__sends__an_unknown_one_again_byte_for_byte(void **state)
{
	struct fixture *f = *state;
	size_t n, m;
	smtp_peer_play(f->peer, &(struct smtp_script){ .end = "" }, 1);
	start(f);
	put(f, 1, 1, false);
	wait_for(f, 1);
	assert_sent(f, 0, ERR_NONE, "");
	assert_int_equal(smtp_peer_texts(f->peer), 2);
	assert_int_equal(smtp_peer_mails(f->peer), 1);
	const char *one = smtp_peer_text(f->peer, 0, &n), *two = smtp_peer_text(f->peer, 1, &m);
	assert_int_equal(n, m);
	assert_memory_equal(one, two, n);
	assert_true(f->box->searches >= 2); /* in both folders */
}

static void outgoing_put__finds__an_unknown_one_that_was_taken(void **state)
{
	struct fixture *f = *state;
	smtp_peer_play(f->peer, &(struct smtp_script){ .end = "", .keep_though_cut = 1 }, 0);
	box_add(f->box, "INBOX", "Message-ID: <mail-1@example.org>\r\n\r\ncopy\r\n");
	start(f);
	put(f, 1, 1, false);
	wait_for(f, 1);
	assert_sent(f, 0, ERR_NONE, "");
	assert_string_equal(f->sent[0].ref, "mail-1@example.org");
	assert_int_equal(smtp_peer_texts(f->peer), 1);
}

static void outgoing_put__gives_up__what_is_unknown_again_and_again(void **state)
{
	struct fixture *f = *state;
	smtp_peer_play(f->peer, &(struct smtp_script){ .end = "" }, 0);
	start(f);
	put(f, 1, 1, false);
	wait_for(f, 1);
	assert_sent(f, 0, ERR_RETRY, "smtp unknown");
	assert_int_equal(smtp_peer_texts(f->peer), 2);
	/* And looks first when it comes again. */
	box_add(f->box, "Gesendet", "Message-ID: <mail-1@example.org>\r\n\r\ncopy\r\n");
	put(f, 1, 1, true);
	wait_for(f, 2);
	assert_sent(f, 1, ERR_NONE, "");
	assert_int_equal(smtp_peer_texts(f->peer), 2);
}

static void outgoing_put__looks__for_what_may_have_left_before_a_crash(void **state)
{
	struct fixture *f = *state;
	box_add(f->box, "Gesendet", "Message-ID: <mail-1@example.org>\r\n\r\ncopy\r\n");
	start(f);
	put(f, 1, 1, true);
	wait_for(f, 1);
	assert_sent(f, 0, ERR_NONE, "");
	assert_int_equal(smtp_peer_connections(f->peer), 0);
	uint64_t t0 = clock_ms();
	put(f, 2, 1, true);
	wait_for(f, 2);
	assert_sent(f, 1, ERR_NONE, "");
	assert_true(clock_ms() - t0 >= 200);
	assert_int_equal(smtp_peer_mails(f->peer), 1);
}

static void outgoing_put__sends__where_nothing_can_be_looked_up(void **state)
{
	struct fixture *f = *state;
	f->o.imap.host = NULL;
	smtp_peer_play(f->peer, &(struct smtp_script){ .end = "" }, 1);
	start(f);
	put(f, 1, 1, true);
	wait_for(f, 1);
	assert_sent(f, 0, ERR_RETRY, "smtp unknown");
	put(f, 1, 1, true);
	wait_for(f, 2);
	assert_sent(f, 1, ERR_NONE, "");
}

static void outgoing_put__waits__for_a_mailbox_that_is_away(void **state)
{
	struct fixture *f = *state;
	f->box->down = true;
	f->o.retry_min_ms = f->o.retry_max_ms = 1200;
	box_add(f->box, "INBOX", "Message-ID: <mail-1@example.org>\r\n\r\ncopy\r\n");
	start(f);
	put(f, 1, 1, true);
	put(f, 2, 1, false); /* is not kept waiting */
	wait_for(f, 1);
	assert_true(id_equal(f->sent[0].delivery, number(2)));
	for (int i = 0; i < 18000 && f->held == 0; i++)
		usleep(5000);
	assert_true(f->held > 0 && f->held_ms > 1000);
	f->box->down = false;
	wait_for(f, 2);
	assert_sent(f, 1, ERR_NONE, "");
	assert_int_equal(smtp_peer_mails(f->peer), 1);
}

static void outgoing_put__puts_off__longer_each_time_and_needs_no_look(void **state)
{
	struct fixture *f = *state;
	static const uint32_t waits_s[] = { 30, 120, 600, 1800, 7200, 21600, 57600, 86400, 86400 };
	smtp_peer_play(f->peer, &(struct smtp_script){ .end = "451 4.3.0 later" }, 9);
	start(f);
	for (size_t i = 0; i < 9; i++) {
		put(f, 1, 1, i > 0);
		wait_for(f, i + 1);
		assert_sent(f, i, ERR_RETRY, "smtp 451 4.3.0");
		assert_int_equal(f->sent[i].retry_ms, waits_s[i] * 1000);
	}
	put(f, 1, 1, true);
	wait_for(f, 10);
	assert_sent(f, 9, ERR_NONE, "");
	assert_int_equal(f->box->connections, 0);
	assert_int_equal(smtp_peer_mails(f->peer), 1);
}

static const char *refuse_bob(const char *addr)
{
	return strncmp(addr, "bob", 3) == 0 ? "550 5.1.1 <bob@example.com> is not here" : NULL;
}

static const char *refuse_all(const char *addr)
{
	return strncmp(addr, "ann", 3) == 0 ? "550 no such user" : "554 5.7.1 we do not like you";
}

static const char *later_bob(const char *addr)
{
	return strncmp(addr, "bob", 3) == 0 ? "450 4.2.1 come again" : NULL;
}

static void outgoing_put__tells__who_was_refused(void **state)
{
	struct fixture *f = *state;
	smtp_peer_play(f->peer, &(struct smtp_script){ .rcpt = refuse_bob }, 1);
	start(f);
	put(f, 1, 3, false);
	wait_for(f, 1);
	assert_sent(f, 0, ERR_NONE, "");
	assert_int_equal(f->refused, 1);
	assert_string_equal(f->refused_addr, "bob@example.com");
	assert_int_equal(f->refused_code, 550);
	/* All of them: the mail has failed, and the reason names nobody. */
	smtp_peer_play(f->peer, &(struct smtp_script){ .rcpt = refuse_all }, 0);
	put(f, 2, 2, false);
	wait_for(f, 2);
	assert_sent(f, 1, ERR_INPUT, "smtp 554 5.7.1");
	assert_int_equal(f->refused, 2); /* policy is no fault of the address */
	assert_string_equal(f->refused_addr, "ann@example.com");
	smtp_peer_play(f->peer, &(struct smtp_script){ .end = "552 5.3.4 too large" }, 0);
	put(f, 3, 2, false);
	wait_for(f, 3);
	assert_sent(f, 2, ERR_INPUT, "smtp 552 5.3.4");
	assert_int_equal(f->refused, 2);
}

static void outgoing_put__sends__to_those_put_off_alone(void **state)
{
	struct fixture *f = *state;
	smtp_peer_play(f->peer, &(struct smtp_script){ .rcpt = later_bob }, 1);
	start(f);
	put(f, 1, 3, false);
	wait_for(f, 1);
	assert_sent(f, 0, ERR_RETRY, "smtp some recipients put off");
	put(f, 1, 3, true);
	wait_for(f, 2);
	assert_sent(f, 1, ERR_NONE, "");
	assert_int_equal(times_said(f, "RCPT TO:<ann@"), 1);
	assert_int_equal(times_said(f, "RCPT TO:<bob@"), 2);
	assert_int_equal(times_said(f, "RCPT TO:<cid@"), 1);
	assert_int_equal(f->refused, 0);
	/* Not for ever. */
	smtp_peer_play(f->peer, &(struct smtp_script){ .rcpt = later_bob }, 0);
	for (size_t i = 2; i < 7; i++) {
		put(f, 2, 3, i > 2);
		wait_for(f, i + 1);
		assert_int_equal(f->sent[i].result, i < 6 ? ERR_RETRY : ERR_NONE);
	}
}

static const char *ann_has_it_bob_is_gone(const char *addr)
{
	return strncmp(addr, "bob", 3) == 0 ? "550 5.1.1 nobody here"
	    : strncmp(addr, "cid", 3) == 0  ? "450 4.2.1 come again"
	                                    : NULL;
}

/* Who was refused is no recipient any more when the core brings the mail again. */
static void outgoing_put__sends__nobody_a_second_one_when_recipients_are_fewer(void **state)
{
	static const char *const fewer[] = { "ann@example.com", "cid@example.com" };
	struct fixture *f = *state;
	smtp_peer_play(f->peer, &(struct smtp_script){ .rcpt = ann_has_it_bob_is_gone }, 1);
	start(f);
	put(f, 1, 3, false);
	wait_for(f, 1);
	assert_sent(f, 0, ERR_RETRY, "smtp some recipients put off");
	put_to(f, 1, fewer, 2, true);
	wait_for(f, 2);
	assert_sent(f, 1, ERR_NONE, "");
	assert_int_equal(times_said(f, "RCPT TO:<ann@"), 1);
	assert_int_equal(times_said(f, "RCPT TO:<cid@"), 2);
	/* None is left: it is done. */
	smtp_peer_play(f->peer, &(struct smtp_script){ .rcpt = ann_has_it_bob_is_gone }, 1);
	put(f, 2, 3, false);
	wait_for(f, 3);
	put_to(f, 2, fewer, 1, true);
	wait_for(f, 4);
	assert_sent(f, 3, ERR_NONE, "");
	assert_int_equal(times_said(f, "RCPT TO:<ann@"), 2);
}

static void outgoing_put__leaves_alone__a_server_that_refuses_us(void **state)
{
	struct fixture *f = *state;
	f->o.retry_min_ms = 3000;
	smtp_peer_play(f->peer, &(struct smtp_script){ .auth = "535 5.7.8 no, bot@example.org" }, 1);
	start(f);
	put(f, 1, 1, false);
	put(f, 2, 1, false);
	wait_for(f, 2);
	assert_sent(f, 0, ERR_RETRY, "smtp login");
	assert_sent(f, 1, ERR_RETRY, "smtp resting");
	assert_int_equal(smtp_peer_connections(f->peer), 1);
	char words[300];
	outgoing_describe(f->out, words, sizeof words);
	assert_string_equal(words, "2 put off; 5.7.8 no, bot@example.org");
	usleep(3100000);
	put(f, 1, 1, true);
	wait_for(f, 3);
	assert_sent(f, 2, ERR_NONE, "");
	outgoing_describe(f->out, words, sizeof words);
	assert_null(strstr(words, "5.7.8"));
}

static void outgoing_put__asks__for_a_new_token_once(void **state)
{
	struct fixture *f = *state;
	f->o.smtp.login.password = NULL;
	f->o.oauth = (struct oauth *)f; /* never looked into */
	smtp_peer_play(f->peer, &(struct smtp_script){ .auth = "535 5.7.8 expired" }, 1);
	start(f);
	put(f, 1, 1, false);
	wait_for(f, 1);
	assert_sent(f, 0, ERR_NONE, "");
	assert_int_equal(tokens, 2);
	assert_int_equal(tokens_refused, 1);
	assert_int_equal(times_said(f, "AUTH XOAUTH2"), 2);
	smtp_peer_play(f->peer, &(struct smtp_script){ .auth = "535 5.7.8 no" }, 0);
	put(f, 2, 1, false);
	wait_for(f, 2);
	assert_sent(f, 1, ERR_RETRY, "smtp login");
	assert_int_equal(smtp_peer_connections(f->peer), 4);
}

static void outgoing_put__files__a_copy(void **state)
{
	struct fixture *f = *state;
	f->o.copy = COPY_APPEND;
	start(f);
	put(f, 1, 1, false);
	wait_for(f, 1);
	assert_int_equal(box_count(f->box, "Gesendet"), 1);
	assert_string_equal(f->box->mails[0], smtp_peer_mail(f->peer, 0, NULL));
	/* A line that has died meanwhile is opened again. */
	box_cut(f->box);
	put(f, 2, 1, false);
	wait_for(f, 2);
	assert_int_equal(box_count(f->box, "Gesendet"), 2);
	/* Where it cannot be filed, it is sent all the same. */
	f->box->no_append = true;
	put(f, 3, 1, false);
	wait_for(f, 3);
	assert_sent(f, 2, ERR_NONE, "");
	f->box->down = true;
	box_cut(f->box);
	put(f, 4, 1, false);
	wait_for(f, 4);
	assert_sent(f, 3, ERR_NONE, "");
	assert_int_equal(box_count(f->box, "Gesendet"), 2);
}

static void outgoing_put__sends__ourselves_a_copy(void **state)
{
	struct fixture *f = *state;
	f->o.copy = COPY_SELF;
	smtp_peer_play(f->peer, &(struct smtp_script){ .rcpt = later_bob }, 1);
	start(f);
	put(f, 1, 2, false);
	wait_for(f, 1);
	put(f, 1, 2, true);
	wait_for(f, 2);
	assert_sent(f, 1, ERR_NONE, "");
	assert_int_equal(times_said(f, "RCPT TO:<bot@example.org>"), 1);
	f->o.own_address = "ANN@example.com";
	outgoing_free(f->out);
	start(f);
	put(f, 2, 2, false);
	wait_for(f, 3);
	assert_int_equal(times_said(f, "RCPT TO:<ANN@example.com>"), 0);
}

static void outgoing_put__keeps__to_a_rate(void **state)
{
	struct fixture *f = *state;
	f->o.per_minute = 2;
	start(f);
	for (uint8_t i = 1; i <= 4; i++)
		put(f, i, 1, false);
	wait_for(f, 2);
	for (int i = 0; i < 18000 && f->held == 0; i++)
		usleep(5000);
	assert_true(f->held > 0);
	assert_in_range(f->held_ms, 50000, 60000);
	usleep(100000);
	assert_int_equal(smtp_peer_connections(f->peer), 2);
	outgoing_stop(f->out);
	wait_for(f, 4);
	assert_sent(f, 2, ERR_RETRY, "stopping");
	assert_true(id_equal(f->sent[2].delivery, number(3)));
}

static void outgoing_put__is__bounded(void **state)
{
	struct fixture *f = *state;
	f->o.max_queue = 3;
	f->o.per_minute = 30;
	char words[100];
	f->out = outgoing_new(&f->o); /* not started */
	outgoing_describe(f->out, words, sizeof words);
	assert_string_equal(words, "");
	for (uint8_t i = 1; i <= 3; i++)
		assert_int_equal(put(f, i, 1, i == 2), ERR_NONE);
	assert_int_equal(put(f, 4, 1, false), ERR_RETRY);
	assert_in_range(outgoing_turn_ms(f->out), 7000, 8000); /* three before it, one each 2 s */
	assert_in_range(outgoing_turn_ms(f->out), 9000, 10000);
	assert_in_range(outgoing_turn_ms(f->out), 11000, 12000);
	outgoing_describe(f->out, words, sizeof words);
	assert_string_equal(words, "3 waiting");
	outgoing_stop(f->out);
	assert_int_equal(outcomes(f), 2); /* the second may have left: nobody says that it has not */
	assert_sent(f, 0, ERR_RETRY, "stopping");
	assert_sent(f, 1, ERR_RETRY, "stopping");
	assert_true(id_equal(f->sent[1].delivery, number(3)));
	assert_int_equal(put(f, 5, 1, false), ERR_RETRY);
	assert_int_equal(smtp_peer_connections(f->peer), 0);
}

static void outgoing_put__needs_no_look__for_what_found_no_room(void **state)
{
	struct fixture *f = *state;
	f->o.max_queue = 1;
	smtp_peer_play(f->peer, &(struct smtp_script){ .end_wait_ms = 300 }, 1);
	start(f);
	assert_int_equal(put(f, 1, 1, false), ERR_NONE);
	assert_int_equal(put(f, 2, 1, false), ERR_RETRY);
	assert_int_equal(put(f, 2, 1, true), ERR_RETRY); /* the core brings it again, and cannot know */
	wait_for(f, 1);
	assert_int_equal(put(f, 2, 1, true), ERR_NONE);
	wait_for(f, 2);
	assert_sent(f, 1, ERR_NONE, "");
	assert_int_equal(f->box->connections, 0);
	/* But only once: it is in now, and what becomes of it is another matter. */
	assert_int_equal(put(f, 2, 1, true), ERR_NONE);
	wait_for(f, 3);
	assert_true(f->box->connections > 0);
}

static void outgoing_stop__says__nothing_of_what_may_have_left(void **state)
{
	struct fixture *f = *state;
	smtp_peer_play(f->peer, &(struct smtp_script){ .end_wait_ms = 30000 }, 0);
	start(f);
	put(f, 1, 1, false);
	put(f, 2, 1, false);
	for (int i = 0; i < 18000 && smtp_peer_texts(f->peer) == 0; i++)
		usleep(5000);
	uint64_t t0 = clock_ms();
	outgoing_stop(f->out);
	assert_true(clock_ms() - t0 < 25000);
	assert_int_equal(outcomes(f), 1);
	assert_true(id_equal(f->sent[0].delivery, number(2)));
	assert_sent(f, 0, ERR_RETRY, "stopping");
}

static void *put_many(void *arg)
{
	struct fixture *f = arg;
	static atomic_int next = 1;
	for (int i = 0; i < 20; i++)
		while (put(f, (uint8_t)atomic_fetch_add(&next, 1), 1, false) != ERR_NONE)
			usleep(1000);
	return NULL;
}

static void outgoing_put__takes__mails_of_many_threads(void **state)
{
	struct fixture *f = *state;
	pthread_t t[4];
	f->o.smtp.keep_ms = 5000;
	start(f);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, put_many, f);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	wait_for(f, 80);
	assert_int_equal(smtp_peer_mails(f->peer), 80);
	assert_int_equal(smtp_peer_connections(f->peer), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(outgoing_put__sends__and_tells_by_its_message_id),
		TEST(outgoing_put__sends__an_unknown_one_again_byte_for_byte),
		TEST(outgoing_put__finds__an_unknown_one_that_was_taken),
		TEST(outgoing_put__gives_up__what_is_unknown_again_and_again),
		TEST(outgoing_put__looks__for_what_may_have_left_before_a_crash),
		TEST(outgoing_put__sends__where_nothing_can_be_looked_up),
		TEST(outgoing_put__waits__for_a_mailbox_that_is_away),
		TEST(outgoing_put__puts_off__longer_each_time_and_needs_no_look),
		TEST(outgoing_put__tells__who_was_refused),
		TEST(outgoing_put__sends__to_those_put_off_alone),
		TEST(outgoing_put__sends__nobody_a_second_one_when_recipients_are_fewer),
		TEST(outgoing_put__leaves_alone__a_server_that_refuses_us),
		TEST(outgoing_put__asks__for_a_new_token_once),
		TEST(outgoing_put__files__a_copy),
		TEST(outgoing_put__sends__ourselves_a_copy),
		TEST(outgoing_put__keeps__to_a_rate),
		TEST(outgoing_put__is__bounded),
		TEST(outgoing_put__needs_no_look__for_what_found_no_room),
		TEST(outgoing_stop__says__nothing_of_what_may_have_left),
		TEST(outgoing_put__takes__mails_of_many_threads),
	};
	return cmocka_run_group_tests_name("outgoing", tests, NULL, NULL);
}
