/*
 * The web adapter's life: settings, the local token, the protocols on the loop, and the side that the engine sees.  What the engine says
 * goes through mail.c to the loop thread and from there through hub.c to the connections.
 */
#include "web.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../core/base/clock.h"
#include "../../core/base/encode.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/people/session.h"
#include "../net/loop.h"
#include "guard.h"
#include "limit.h"
#include "signin.h"
#include "tries.h"
#include "oidc.h"
#include "state.h"
#include "visitor.h"
#include "widget.h"

#define TOKEN_MIN 16
#define TOKEN_HEX 48
#define SWEEP_MS 1000
#define SIGNIN_PER_S 5 /* requests to /api from one address */
#define SIGNIN_BURST 60
#define DOOR_PER_S 20 /* websockets that one address may open */
#define DOOR_BURST 400
#define ADDRESSES_MAX 10000
#define LETTERS_FROM_PER_S (1.0 / 30) /* links by mail that one address may ask for */
#define LETTERS_FROM_BURST 10
#define LETTERS_TO_PER_S (1.0 / 300) /* and that go to one mailbox */
#define LETTERS_TO_BURST 3
#define PASSWORDS_FROM_PER_S 0.5 /* tries to log in with a password from one address */
#define PASSWORDS_FROM_BURST 30
#define PASSWORDS_TO_PER_S 0.1 /* and as one person, from where they were not logged in lately */
#define PASSWORDS_TO_BURST 30
#define TRIES_MAX 10000
#define LEAVE_MS 1000 /* what closing may take: one that does not read is cut */

const struct setting web_settings[] = {
	{ "web.listen", SET_STR, 0, "127.0.0.1:8080", NULL, 0, 0, NULL,
	    "host:port of the web server; beyond loopback it needs web.token or --insecure" },
	{ "web.public_url", SET_STR, SET_URL, NULL, NULL, 0, 0, NULL,
	    "address under which people reach this server: for links, for the origin check and, behind a proxy on this machine, the name it is asked by" },
	{ "web.allowed_origins", SET_LIST, 0, NULL, NULL, 0, 0, NULL,
	    "origins whose pages may connect, such as https://www.example.com" },
	{ "web.token", SET_STR, SET_SECRET, NULL, NULL, 0, 0, NULL,
	    "a log-in token accepted from anywhere (at least 16 characters); without it only this machine's own token works, on loopback" },
	{ "web.connections", SET_INT, 0, "12000", NULL, 1, 1000000, NULL, "most websockets at a time" },
	{ "web.idle_timeout", SET_MS, 0, "60s", NULL, 1000, 3600000, NULL,
	    "drop a websocket that has been silent this long, pings included" },
	{ "web.slow_reader", SET_MS, 0, "20s", NULL, 100, 3600000, NULL,
	    "drop a websocket whose reader takes nothing for this long; it can resume" },
	{ "web.forwarded", SET_BOOL, 0, "false", NULL, 0, 0, NULL,
	    "behind a proxy on this machine: limits count the address that it puts at the end of X-Forwarded-For" },
	{ "web.api_rate", SET_INT, 0, "50", NULL, 1, 100000, NULL,
	    "calls of the API per second that one caller may make on average, and four times as many at once; one address four times that (docs/api.md)" },
	{ "login.mail", SET_BOOL, 0, "true", NULL, 0, 0, NULL,
	    "may people have a link that logs them in sent to their own mail address (docs/login.md)? It needs mail and web.public_url" },
	{ "login.password", SET_BOOL, 0, "false", NULL, 0, 0, NULL,
	    "may people who want to set a password and log in with it (docs/login.md)?" },
	{ "login.oidc.issuer", SET_STR, SET_URL | SET_LOOPBACK_PLAIN, NULL, NULL, 0, 0, NULL,
	    "a log-in service of yours (OpenID Connect) that people may log in with, such as https://id.example.com (docs/login.md)" },
	{ "login.oidc.client_id", SET_STR, 0, NULL, NULL, 0, 0, NULL, "what Eddy is called there" },
	{ "login.oidc.client_secret", SET_STR, SET_SECRET, NULL, NULL, 0, 0, NULL,
	    "the secret that it gave to Eddy; without it Eddy is a public client" },
	{ "login.oidc.label", SET_STR, 0, "single sign-on", NULL, 0, 0, NULL, "what the button on the page calls it" },
	{ "login.oidc.newcomers", SET_ENUM, 0, "none", "none|viewer|member", 0, 0, NULL,
	    "role of whom the service names and nobody knows; none: they have to link themselves to an account that Eddy knows" },
	{ "login.slack.client_id", SET_STR, 0, NULL, NULL, 0, 0, NULL, "for Sign in with Slack: the Client ID of your Slack app" },
	{ "login.slack.client_secret", SET_STR, SET_SECRET, NULL, NULL, 0, 0, NULL, "and its Client Secret" },
	{ "login.slack.teams", SET_LIST, 0, NULL, NULL, 0, 0, NULL,
	    "ids of the Slack workspaces whose members may log in, such as T012AB3CD" },
	{ "login.slack.issuer", SET_STR, SET_URL | SET_LOOPBACK_PLAIN, "https://slack.com", NULL, 0, 0, NULL,
	    "who signs for Slack" },
	{ "web.widget.enabled", SET_BOOL, 0, "false", NULL, 0, 0, NULL,
	    "may pages of web.allowed_origins embed the widget (docs/embedding.md)?" },
	{ "web.widget.title", SET_STR, 0, NULL, NULL, 0, 0, NULL, "what stands above the widget's conversation; without it: Eddy" },
	{ "web.widget.greeting", SET_STR, 0, NULL, NULL, 0, 0, NULL,
	    "how the widget begins; without it a line in the visitor's language" },
	{ "web.widget.prechat", SET_LIST, 0, NULL, NULL, 0, 0, NULL,
	    "what the widget asks before the first message: name, email, phone, company or words of your own; a * at the end makes one necessary" },
	{ "web.widget.consent", SET_STR, 0, NULL, NULL, 0, 0, NULL,
	    "what visitors have to agree to before the first message; without it they are not asked" },
	{ "web.widget.privacy_url", SET_STR, SET_URL, NULL, NULL, 0, 0, NULL,
	    "address of the privacy policy that the widget links to" },
	{ "web.widget.ai_notice", SET_STR, 0, NULL, NULL, 0, 0, NULL,
	    "how the widget says that an AI answers; without it a line in the visitor's language" },
	{ "web.widget.visitors", SET_BOOL, 0, "true", NULL, 0, 0, NULL,
	    "may visitors use the widget whom the page does not name by a signed token?" },
	{ "web.widget.identity_key", SET_STR, SET_SECRET, NULL, NULL, 0, 0, NULL,
	    "key with which a host page's server signs who its visitor is, at least 32 characters (docs/embedding.md)" },
	{ "web.widget.identity_key_old", SET_STR, SET_SECRET, NULL, NULL, 0, 0, NULL,
	    "the key before that one, accepted too while it is being replaced" },
	{ "web.widget.audience", SET_STR, 0, NULL, NULL, 0, 0, NULL,
	    "aud of those tokens; without it the origin of web.public_url" },
	{ "web.widget.messages_per_minute", SET_INT, 0, "20", NULL, 1, 6000, NULL,
	    "what one visitor may send, on average and at once; ten times as much all visitors of one address" },
	{ "web.widget.connections_per_address", SET_INT, 0, "300", NULL, 1, 1000000, NULL,
	    "guests' connections of one address at a time" },
	{ "web.widget.visitors_per_hour", SET_INT, 0, "120", NULL, 1, 1000000, NULL, "new visitors of one address" },
	{ "web.widget.handover", SET_STR, 0, NULL, NULL, 0, 0, NULL,
	    "where people answer those who ask for a person, such as slack:C0123 (docs/handover.md); without it this is not offered" },
	{ 0 },
};

static void describe(struct adapter *a, char *out, size_t n)
{
	struct web *w = (struct web *)(void *)a;
	const char *url = settings_str(w->settings, "web.public_url");
	char host[256];
	int port;
	if (url != NULL)
		snprintf(out, n, "%s", url);
	else if (web_listen_parse(settings_str(w->settings, "web.listen"), host, sizeof host, &port))
		snprintf(out, n, strchr(host, ':') != NULL ? "http://[%s]:%d" : "http://%s:%d", host, loop_port(w->loop));
	else
		snprintf(out, n, "not listening");
}

void web_address(struct web *w, struct buf *out)
{
	char host[256];
	int port;
	const char *url = settings_str(w->settings, "web.public_url");
	if (url != NULL) {
		buf_add(out, url, strlen(url) - (url[strlen(url) - 1] == '/'));
		return;
	}
	if (!web_listen_parse(settings_str(w->settings, "web.listen"), host, sizeof host, &port))
		return;
	/* What listens everywhere is reached here. */
	if (strcmp(host, "0.0.0.0") == 0)
		snprintf(host, sizeof host, "127.0.0.1");
	else if (strcmp(host, "::") == 0)
		snprintf(host, sizeof host, "::1");
	buf_addf(out, strchr(host, ':') != NULL ? "http://[%s]:%d" : "http://%s:%d", host, loop_port(w->loop));
}

enum err web_login_link(struct adapter *a, struct buf *out)
{
	struct web *w = (struct web *)(void *)a;
	char code[SESSION_CODE];
	enum err e = engine_login_code(w->engine, w->ws, w->local.id, w->local.name, code);
	if (e == ERR_NONE) {
		web_address(w, out);
		buf_addf(out, "/#login=%s", code);
	}
	explicit_bzero(code, sizeof code);
	return e;
}

static bool permalink(
    struct adapter *a, struct id ws, const char *place_key, const char *thread_key, const char *message_key, char *out, size_t n)
{
	(void)ws;
	struct web *w = (struct web *)(void *)a;
	struct id named;
	if (thread_key == NULL || !id_parse(thread_key, &named) || strncmp(place_key, WEB_PLACE, strlen(WEB_PLACE)) != 0)
		return false;
	struct buf b = BUF_INIT;
	web_address(w, &b);
	bool ok = b.len > 0;
	buf_addf(&b, "/#/t/%s", thread_key);
	if (message_key != NULL && message_key[0] != '\0' && strcmp(message_key, thread_key) != 0) {
		buf_add_str(&b, "/m/");
		for (const char *p = message_key; *p != '\0'; p++)
			buf_addf(&b, *p == '/' || *p == '+' ? "%%%02X" : "%c", (unsigned char)*p);
	}
	ok = ok && b.len < n;
	if (ok)
		memcpy(out, b.p, b.len + 1);
	buf_done(&b);
	return ok;
}

/* A side thread is one more conversation of the same person; the id of its opening names it. */
static size_t origin_beside(struct adapter *a, struct id ws, const void *origin, size_t n, struct id id, const char *topic,
    char out[INTENT_ORIGIN_MAX], char place_key[PLACE_KEY_MAX], char thread_key[PLACE_KEY_MAX])
{
	(void)topic;
	char key[ID_TEXT];
	struct id named;
	if (n != ID_TEXT - 1 || !id_equal(ws, ((struct web *)(void *)a)->ws))
		return 0;
	memcpy(key, origin, ID_TEXT - 1);
	key[ID_TEXT - 1] = '\0';
	if (!id_parse(key, &named))
		return 0;
	id_format(id, thread_key);
	memcpy(out, thread_key, ID_TEXT - 1);
	place_key[0] = '\0';
	return ID_TEXT - 1;
}

const struct adapter_ops web_ops = {
	.name = "web",
	.caps = CAP_STREAM | CAP_STATUS | CAP_PULL | CAP_COMPONENTS | CAP_THREAD,
	.send = mail_reply,
	.describe = describe,
	.permalink = permalink,
	.origin_beside = origin_beside,
};

bool web_listen_parse(const char *listen, char *host, size_t host_n, int *port)
{
	const char *colon = strrchr(listen, ':');
	if (colon == NULL)
		return false;
	size_t digits = strspn(colon + 1, "0123456789");
	if (digits == 0 || digits > 5 || colon[1 + digits] != '\0' || atoi(colon + 1) > 65535)
		return false;
	size_t n = (size_t)(colon - listen);
	const char *from = listen;
	if (n >= 2 && from[0] == '[' && from[n - 1] == ']') {
		from++;
		n -= 2;
	} else if (memchr(from, ':', n) != NULL) {
		return false; /* an IPv6 address without its brackets */
	}
	if (n >= host_n)
		return false;
	snprintf(host, host_n, "%.*s", (int)n, from);
	if (n == 0)
		snprintf(host, host_n, "0.0.0.0");
	*port = atoi(colon + 1);
	return true;
}

/* The token of an earlier start, so that clients come back over a restart; only if nobody else could have read or made it. */
static bool keep_token(struct web *w, const char *path)
{
	char text[TOKEN_HEX + 2] = "";
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	bool ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 0777) == 0600 &&
	    read(fd, text, TOKEN_HEX + 1) == TOKEN_HEX + 1 && text[TOKEN_HEX] == '\n' &&
	    strspn(text, "0123456789abcdef") == TOKEN_HEX;
	close(fd);
	if (ok)
		memcpy(w->local_token, text, TOKEN_HEX);
	explicit_bzero(text, sizeof text);
	return ok;
}

/* A random token, readable by this user only; written beside and renamed, so that nobody reads half of one. */
static enum err write_token(struct web *w, const char *data_dir, char *why, size_t why_n)
{
	unsigned char raw[TOKEN_HEX / 2];
	struct buf path = BUF_INIT, tmp = BUF_INIT;
	buf_addf(&path, "%s/" WEB_TOKEN_FILE, data_dir);
	if (keep_token(w, path.p)) {
		buf_done(&path);
		return ERR_NONE;
	}
	random_bytes(raw, sizeof raw);
	hex_encode(w->local_token, raw, sizeof raw);
	explicit_bzero(raw, sizeof raw);
	buf_addf(&tmp, "%s/" WEB_TOKEN_FILE ".%d", data_dir, (int)getpid());
	unlink(tmp.p);
	int fd = open(tmp.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t n = strlen(w->local_token);
	bool ok = fd >= 0 && write(fd, w->local_token, n) == (ssize_t)n && write(fd, "\n", 1) == 1;
	if (fd >= 0 && close(fd) != 0)
		ok = false;
	ok = ok && rename(tmp.p, path.p) == 0;
	if (!ok) {
		snprintf(why, why_n, "cannot write %s: %s (is data_dir yours?)", path.p, strerror(errno));
		unlink(tmp.p);
	}
	buf_done(&path);
	buf_done(&tmp);
	return ok ? ERR_NONE : ERR_BROKEN;
}

static char *user_name(void)
{
	char room[4096];
	struct passwd pw, *found = NULL;
	if (getpwuid_r(getuid(), &pw, room, sizeof room, &found) == 0 && found != NULL && pw.pw_name[0] != '\0')
		return xstrdup(pw.pw_name);
	return xstrdup("you");
}

static enum err check_settings(
    const struct settings *s, bool insecure, char *host, size_t host_n, int *port, char *why, size_t why_n)
{
	const char *listen = settings_str(s, "web.listen"), *token = settings_str(s, "web.token");
	if (!web_listen_parse(listen, host, host_n, port)) {
		snprintf(why, why_n, "web.listen (%s): \"%s\" is not host:port, such as 127.0.0.1:8080",
		    settings_source(s, "web.listen"), listen);
		return ERR_INPUT;
	}
	if (token != NULL && strlen(token) < TOKEN_MIN) {
		snprintf(why, why_n, "web.token (%s): shorter than %d characters; `openssl rand -hex 24` makes a good one",
		    settings_source(s, "web.token"), TOKEN_MIN);
		return ERR_INPUT;
	}
	const char *to = settings_str(s, "web.widget.handover");
	size_t adapter = to == NULL ? 0 : strcspn(to, ":");
	if (to != NULL &&
	    (adapter == 0 || to[adapter] == '\0' || to[adapter + 1] == '\0' || strcspn(to, " \t\r\n") != strlen(to))) {
		snprintf(why, why_n, "web.widget.handover (%s): \"%s\" is not an adapter and a place, such as slack:C0123",
		    settings_source(s, "web.widget.handover"), to);
		return ERR_INPUT;
	}
	enum err e = visitors_check(s, why, why_n);
	if (e != ERR_NONE || (e = widget_check(s, why, why_n)) != ERR_NONE || (e = oidc_check(s, why, why_n)) != ERR_NONE)
		return e;
	bool loopback = web_is_loopback(host) || strcmp(host, "localhost") == 0;
	if (!loopback && token == NULL && !insecure) {
		snprintf(why, why_n,
		    "web.listen (%s): %s can be reached from other machines and nobody would have to log in; set web.token, or "
		    "listen on 127.0.0.1, or start with --insecure if that is what you want",
		    settings_source(s, "web.listen"), listen);
		return ERR_INPUT;
	}
	return ERR_NONE;
}

/* The origin of web.public_url and web.allowed_origins, without a path. */
static void fill_origins(struct web *w)
{
	const char *const *items = NULL;
	size_t n = settings_list(w->settings, "web.allowed_origins", &items);
	const char *own = settings_str(w->settings, "web.public_url");
	w->origins = xcalloc(n + 1, sizeof *w->origins);
	for (size_t i = 0; i <= n; i++) {
		const char *o = i < n ? items[i] : own;
		if (o == NULL)
			continue;
		const char *slashes = strstr(o, "://");
		size_t scheme = slashes == NULL ? 0 : (size_t)(slashes - o) + 3;
		w->origins[w->origins_len++] = xstrndup(o, scheme + strcspn(o + scheme, "/"));
		if (i == n)
			w->own_origin = w->origins[w->origins_len - 1];
	}
}

static void on_sweep(void *arg)
{
	struct web *w = arg;
	uint64_t now = clock_ms();
	for (struct conn *c = w->conns, *next; c != NULL; c = next) {
		next = c->next;
		conn_sweep(c, now);
	}
	web_logins_sweep(w->logins, now);
	limit_sweep(w->signin_calls, now);
	limit_sweep(w->door, now);
	limit_sweep(w->letters_from, now);
	limit_sweep(w->letters_to, now);
	limit_sweep(w->passwords_from, now);
	limit_sweep(w->passwords_to, now);
	tries_sweep(w->tries, now);
	oidc_sweep(w->oidc, now);
	limit_sweep(w->calls_by_caller, now);
	limit_sweep(w->calls_by_address, now);
	visitors_sweep(w->visitors, now, (int64_t)(clock_wall_ms() / 1000));
}

static void start_timers(void *arg)
{
	struct web *w = arg;
	w->sweep = loop_timer_new(w->loop, SWEEP_MS, SWEEP_MS, on_sweep, w);
}

static bool port_is_taken(const char *host, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
		return false;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	bool taken = bind(fd, (const struct sockaddr *)&a, sizeof a) != 0 && errno == EADDRINUSE;
	close(fd);
	return taken;
}

enum err web_check(const struct settings *s, bool insecure, char *why, size_t why_n)
{
	char host[256];
	int port;
	return check_settings(s, insecure, host, sizeof host, &port, why, why_n);
}

static void make_metrics(struct web *w, struct metrics *ms)
{
	w->m_conns = metric_gauge(ms, "eddy_web_connections", NULL, "Websockets that are open.");
	w->m_frames_in = metric_counter(ms, "eddy_web_frames_total", "direction=\"in\"", "Websocket messages.");
	w->m_frames_out = metric_counter(ms, "eddy_web_frames_total", "direction=\"out\"", "Websocket messages.");
	w->m_dropped =
	    metric_counter(ms, "eddy_web_dropped_total", NULL, "Websockets dropped because they did not read or were silent.");
	w->m_calls = metric_counter(ms, "eddy_api_calls_total", NULL, "Calls of the API that were let in.");
	w->m_call_ms = metric_duration(ms, "eddy_api_call_seconds", NULL, "From a call's head to its answer.");
	w->m_http = metric_counter(ms, "eddy_http_requests_total", NULL, "HTTP requests answered.");
}

enum err web_open(struct adapter **out, const struct web_options *o, char *why, size_t why_n)
{
	char host[256];
	int port;
	enum err e = check_settings(o->settings, o->insecure, host, sizeof host, &port, why, why_n);
	if (e != ERR_NONE)
		return e;
	/* Nobody asked for this very port: a taken one must not keep Slack and the rest from working. */
	if (!settings_is_set(o->settings, "web.listen") && port_is_taken(host, port)) {
		log_warn("web.port_taken", LF_INT("port", port), LF_STR("result", "listening on a free one"));
		port = 0;
	}
	struct web *w = xcalloc(1, sizeof *w);
	const struct settings *s = w->settings = o->settings;
	w->loop = o->loop;
	w->data_dir = o->data_dir;
	w->mail_adapter = o->mail_adapter;
	w->engine = o->engine;
	w->guests = o->guests;
	w->metrics = o->metrics;
	w->mail_tail = &w->mail;
	pthread_mutex_init(&w->lock, NULL);
	w->by_id = map_new();
	w->topics = map_new();
	w->watched = map_new();
	w->logins = web_logins_new();
	w->signin_calls = limit_new(SIGNIN_PER_S, SIGNIN_BURST, ADDRESSES_MAX);
	w->letters_from = limit_new(LETTERS_FROM_PER_S, LETTERS_FROM_BURST, ADDRESSES_MAX);
	w->letters_to = limit_new(LETTERS_TO_PER_S, LETTERS_TO_BURST, ADDRESSES_MAX);
	w->passwords_from = limit_new(PASSWORDS_FROM_PER_S, PASSWORDS_FROM_BURST, ADDRESSES_MAX);
	w->passwords_to = limit_new(PASSWORDS_TO_PER_S, PASSWORDS_TO_BURST, ADDRESSES_MAX);
	w->tries = tries_new(TRIES_MAX);
	w->hashing_tail = &w->hashing;
	w->door = limit_new(DOOR_PER_S, DOOR_BURST, ADDRESSES_MAX);
	double rate = (double)settings_int(s, "web.api_rate");
	w->calls_by_caller = limit_new(rate, 4 * rate, ADDRESSES_MAX);
	w->calls_by_address = limit_new(4 * rate, 16 * rate, ADDRESSES_MAX);
	w->lists = map_new();
	w->shared_token = settings_str(s, "web.token");
	w->idle_ms = settings_int(s, "web.idle_timeout");
	w->slow_ms = settings_int(s, "web.slow_reader");
	w->connections_max = settings_int(s, "web.connections");
	w->local = (struct web_person){ .id = "local", .name = user_name() };
	w->shared = (struct web_person){ .id = "token", .name = xstrdup("you") };
	fill_origins(w);
	w->visitors = visitors_new(s, w->own_origin);
	w->forwarded = settings_bool(s, "web.forwarded");
	w->local_only = web_is_loopback(host) || strcmp(host, "localhost") == 0;
	make_metrics(w, o->metrics);
	if ((e = write_token(w, o->data_dir, why, why_n)) != ERR_NONE)
		goto fail;
	if ((e = engine_install(w->engine, web_ops.name, "local", settings_str(s, "workspace.name"), true, &w->ws)) != ERR_NONE) {
		snprintf(why, why_n, "cannot prepare the local workspace in the database");
		goto fail;
	}
	if ((e = oidc_new(&w->oidc, w, o->http, why, why_n)) != ERR_NONE)
		goto fail;
	struct lws_protocols http = { .name = "http",
		.callback = server_http,
		.per_session_data_size = WEB_HTTP_SESSION,
		.rx_buffer_size = 4096,
		.user = w };
	struct lws_protocols eddy = { .name = "eddy.v1",
		.callback = server_eddy,
		.per_session_data_size = sizeof(struct conn *),
		.rx_buffer_size = 4096,
		.user = w };
	loop_add_protocol(o->loop, LOOP_SERVER, &http);
	loop_add_protocol(o->loop, LOOP_SERVER, &eddy);
	loop_listen(o->loop, host, port);
	loop_each_turn(o->loop, outgoing_flush, w);
	engine_on_event(w->engine, mail_event, w);
	const char *people = settings_str(s, "web.widget.handover");
	if (people != NULL) {
		char *adapter = xstrndup(people, strcspn(people, ":"));
		engine_offer_people(w->engine, web_ops.name, adapter, people + strlen(adapter) + 1);
		free(adapter);
	}
	(void)loop_post(w->loop, start_timers, w);
	*out = (struct adapter *)(void *)w;
	return ERR_NONE;
fail:
	web_free((struct adapter *)(void *)w);
	return e;
}

static void close_door(void *arg)
{
	((struct web *)arg)->stopping = true;
}

static void close_all(void *arg)
{
	struct web *w = arg;
	w->stopping = true;
	for (struct conn *c = w->conns; c != NULL; c = c->next)
		conn_close(c, 1012, "restarting; come back and resume");
}

/* On the listener's thread. */
static void sessions_ended(void *arg)
{
	struct web *w = arg;
	if (atomic_exchange(&w->sessions_posted, 1) == 0 && !loop_post(w->loop, signin_sessions_changed, w))
		atomic_store(&w->sessions_posted, 0);
}

void web_start(struct adapter *a)
{
	struct web *w = (struct web *)(void *)a;
	w->sessions_looked_ms = clock_ms();
	w->sessions = engine_sessions_listen(w->engine, sessions_ended, w);
	struct buf path = BUF_INIT;
	buf_addf(&path, "%s/" WEB_PORT_FILE, w->data_dir);
	FILE *f = fopen(path.p, "we");
	if (f == NULL || fprintf(f, "%d\n", loop_port(w->loop)) < 0)
		log_warn("web.port_file", LF_STR("why", strerror(errno)));
	if (f != NULL)
		fclose(f);
	buf_done(&path);
}

void web_stop(struct adapter *a)
{
	(void)loop_post(((struct web *)(void *)a)->loop, close_door, a);
}

struct web_count {
	struct web *web;
	atomic_size_t conns;
	sem_t counted;
};

static void count_conns(void *arg)
{
	struct web_count *c = arg;
	atomic_store(&c->conns, c->web->conns_len);
	sem_post(&c->counted);
}

void web_leave(struct adapter *a)
{
	struct web_count c = { .web = (struct web *)(void *)a };
	uint64_t until = clock_ms() + LEAVE_MS;
	engine_sessions_unlisten(c.web->sessions);
	c.web->sessions = NULL;
	if (!loop_post(c.web->loop, close_all, c.web))
		return;
	sem_init(&c.counted, 0, 0);
	for (;;) {
		if (!loop_post(c.web->loop, count_conns, &c))
			break;
		while (sem_wait(&c.counted) != 0)
			;
		if (atomic_load(&c.conns) == 0 || clock_ms() >= until)
			break;
		usleep(5000);
	}
	sem_destroy(&c.counted);
}

void web_free(struct adapter *a)
{
	struct web *w = (struct web *)(void *)a;
	if (w == NULL)
		return;
	mail_discard(w);
	map_free(w->by_id, NULL);
	map_free(w->topics, topic_free);
	map_free(w->watched, free);
	web_logins_free(w->logins);
	limit_free(w->signin_calls);
	limit_free(w->door);
	limit_free(w->letters_from);
	limit_free(w->letters_to);
	if (w->hashing_tail != NULL)
		signin_stop(w);
	limit_free(w->passwords_from);
	limit_free(w->passwords_to);
	tries_free(w->tries);
	oidc_free(w->oidc);
	limit_free(w->calls_by_caller);
	limit_free(w->calls_by_address);
	visitors_free(w->visitors);
	map_free(w->lists, NULL);
	for (size_t i = 0; i < w->origins_len; i++)
		free((void *)(uintptr_t)w->origins[i]);
	free(w->origins);
	free((void *)(uintptr_t)w->local.name);
	free((void *)(uintptr_t)w->shared.name);
	explicit_bzero(w->local_token, sizeof w->local_token);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
