/* `eddy doctor` and `eddy healthcheck`: what is wrong, a line each, with how to mend it. */
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../core/base/buf.h"
#include "../../core/base/hide.h"
#include "../../core/base/log.h"
#include "../../core/base/metric.h"
#include "../../core/store/store.h"
#include "../net/http.h"
#include "../net/trust.h"
#include "cli.h"
#include "procedure.h"
#include "probe.h"

struct report {
	int bad;
};

static void say(struct report *r, bool ok, const char *part, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static void say(struct report *r, bool ok, const char *part, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	va_list ap;
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	hide_in(&b, 0);
	bool colour = cli_colour(STDOUT_FILENO);
	printf("%s%-4s%s %-9s %s\n", colour ? ok ? "\033[32m" : "\033[31m" : "", ok ? "ok" : "BAD", colour ? "\033[0m" : "", part,
	    b.p);
	fflush(stdout);
	buf_done(&b);
	r->bad += !ok;
}

static void look_at_files(struct report *r, struct cli *c)
{
	const char *dir = cli_data_dir(c);
	struct stat st;
	if (stat(dir, &st) != 0)
		say(r, errno == ENOENT, "files", errno == ENOENT ? "%s will be made at the first start" : "%s cannot be read", dir);
	else if (!S_ISDIR(st.st_mode) || access(dir, R_OK | W_OK | X_OK) != 0)
		say(r, false, "files", "%s is not a folder that this user may write: run as its owner, or set data_dir", dir);
	else
		say(r, true, "files", "%s", dir);
}

static void look_at_port(struct report *r, struct cli *c)
{
	struct probe p;
	const char *listen = settings_str(c->settings, "web.listen");
	if (!cli_server(c, &p))
		return;
	char why[256] = "", at[300];
	snprintf(at, sizeof at, "%s:%d", p.host, p.port);
	int status = probe_get(&p, "/healthz", 2000, why, sizeof why);
	if (status == 200) {
		int ready = probe_get(&p, "/readyz", 2000, why, sizeof why);
		say(r, ready == 200, "web",
		    ready == 200 ? "Eddy is running at %s" : "Eddy runs at %s but is not ready: see its log", at);
		return;
	}
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *a = NULL;
	char port[12];
	snprintf(port, sizeof port, "%d", p.port);
	if (getaddrinfo(p.host, port, &hints, &a) != 0 || a == NULL) {
		say(r, false, "web", "web.listen: %s is no address of this machine", listen);
		return;
	}
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, a->ai_addr, a->ai_addrlen) != 0)
		say(r, false, "web", "cannot listen on %s: %s; set web.listen to another port", listen,
		    errno == EADDRINUSE ? "another program has this port" : strerror(errno));
	else
		say(r, true, "web", "%s is free; Eddy is not running", listen);
	close(fd);
	freeaddrinfo(a);
}

static bool look_at_database(struct report *r, struct cli *c)
{
	const struct store_options o = { .url = settings_str(c->settings, "database.url"),
		.admin_url = settings_str(c->settings, "database.admin_url"),
		.data_dir = cli_data_dir(c) };
	struct store *s = NULL;
	struct stat st;
	char why[512] = "", pg[4096];
	snprintf(pg, sizeof pg, "%s/pg", o.data_dir);
	if (o.url == NULL && o.admin_url == NULL && stat(pg, &st) != 0) {
		say(r, true, "database", "a private one will be made at the first start");
		return false;
	}
	bool well = store_open(&s, &o, why, sizeof why) == ERR_NONE;
	if (well)
		say(r, true, "database", "%s", store_describe(s));
	else
		say(r, false, "database", "%s", why);
	store_close(s);
	return well;
}

static void look_at_money(struct report *r, struct cli *c)
{
	struct buf out = BUF_INIT;
	bool well = cli_money(c, &out);
	if (out.len > 0)
		say(r, well, "budget", "%s", out.p);
	buf_done(&out);
}

static void look_at_limits(struct report *r, struct cli *c)
{
	struct buf out = BUF_INIT;
	cli_limits_doctor(c, &out);
	if (out.len > 0)
		say(r, true, "limits", "%s", out.p);
	buf_done(&out);
}

static void look_at_teams(struct report *r, struct cli *c)
{
	struct buf out = BUF_INIT;
	cli_roles_doctor(c, &out);
	say(r, true, "roles", "%s", out.p);
	buf_reset(&out);
	bool well = cli_provision_doctor(c, &out);
	if (out.len > 0)
		say(r, well, "teams", "%s", out.p);
	buf_reset(&out);
	well = cli_runtime_doctor(c, &out);
	if (out.len > 0)
		say(r, well, "runtime", "%s", out.p);
	buf_done(&out);
}

static void look_at_keys(struct report *r, struct cli *c)
{
	struct buf out = BUF_INIT;
	bool well = cli_key_doctor(c, &out);
	say(r, well, "keys", "%s", well ? out.p : "they cannot be listed");
	buf_reset(&out);
	well = cli_secret_doctor(c, &out);
	say(r, well, "secrets", "%s", out.p);
	buf_reset(&out);
	well = cli_audit_doctor(c, &out);
	say(r, well, "audit", "%s", out.p);
	buf_reset(&out);
	well = cli_erased_doctor(c, &out);
	say(r, well, "erasure", "%s", out.p);
	buf_reset(&out);
	well = cli_retention_doctor(c, &out);
	say(r, well, "retention", "%s", out.p);
	buf_reset(&out);
	well = cli_hold_doctor(c, &out);
	say(r, well, "holds", "%s", out.p);
	buf_done(&out);
}

static void look_at_doors(struct report *r, struct cli *c, struct http *http)
{
	for (const struct door *d = c->doors; d->name != NULL; d++) {
		struct buf out = BUF_INIT;
		if (d->doctor == NULL)
			continue;
		if (!d->configured(c->settings)) {
			say(r, true, d->name, "not connected; %s", d->how);
			continue;
		}
		char why[512] = "";
		if (d->check != NULL && d->check(c->settings, c->insecure, why, sizeof why) != ERR_NONE)
			continue; /* said under "settings" */
		(void)d->doctor(c->settings, http, &out);
		if (strcmp(d->name, "slack") == 0)
			cli_workspace_doctor(c, http, &out);
		for (char *line = out.p, *next; line != NULL && *line != '\0'; line = next) {
			next = strchr(line, '\n');
			if (next != NULL)
				*next++ = '\0';
			bool ok = strncmp(line, "ok", 2) == 0;
			const char *text = line + strcspn(line, " ");
			say(r, ok, d->name, "%s", text + strspn(text, " "));
		}
		buf_done(&out);
	}
}

/* One question to the provider that costs nothing: which models are there? */
struct question {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done;
	enum http_fail fail;
	long status;
	char why[160];
};

static void on_answer(void *arg, const struct http_result *r)
{
	struct question *q = arg;
	pthread_mutex_lock(&q->lock);
	q->fail = r->fail;
	q->status = r->status;
	snprintf(q->why, sizeof q->why, "%s", r->why == NULL ? "" : r->why);
	q->done = true;
	pthread_cond_signal(&q->cond);
	pthread_mutex_unlock(&q->lock);
}

static void ask_models(struct question *q, struct http *http, const char *base, const char *key, bool anthropic)
{
	struct buf url = BUF_INIT, auth = BUF_INIT;
	size_t n = strlen(base);
	while (n > 0 && base[n - 1] == '/')
		n--;
	bool has_v1 = n > 3 && strncmp(base + n - 3, "/v1", 3) == 0;
	buf_addf(&url, "%.*s%s/models", (int)n, base, has_v1 ? "" : "/v1");
	buf_addf(&auth, anthropic ? "x-api-key: %s" : "Authorization: Bearer %s", key == NULL ? "none" : key);
	const char *headers[] = { auth.p, anthropic ? "anthropic-version: 2023-06-01" : NULL, NULL };
	struct http_request r = { .method = "GET",
		.url = url.p,
		.headers = headers,
		.connect_ms = 5000,
		.total_ms = 10000,
		.max_body = 4u << 20,
		.on_done = on_answer,
		.arg = q };
	if (http_start(http, &r) == ERR_NONE) {
		pthread_mutex_lock(&q->lock);
		while (!q->done)
			pthread_cond_wait(&q->cond, &q->lock);
		pthread_mutex_unlock(&q->lock);
	} else {
		q->fail = HTTP_CONNECT;
	}
	explicit_bzero(auth.p, auth.len);
	buf_done(&auth);
	buf_done(&url);
}

static void look_at_model(struct report *r, struct cli *c, struct http *http)
{
	const char *provider = settings_model_provider(c->settings), *base = settings_str(c->settings, "model.base_url");
	if (strcmp(provider, "builtin") == 0) {
		say(r, true, "model",
		    "builtin; for a real one set ANTHROPIC_API_KEY, OPENAI_API_KEY, or model.base_url for a local server");
		return;
	}
	bool anthropic = strcmp(provider, "anthropic") == 0;
	if (base == NULL)
		base = anthropic ? "https://api.anthropic.com" : "https://api.openai.com";
	struct question q = { .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };
	ask_models(&q, http, base, settings_model_api_key(c->settings), anthropic);
	if (q.fail != HTTP_OK)
		say(r, false, "model", "%s does not answer (%s): look at model.base_url and the network", base, q.why);
	else if (q.status == 401 || q.status == 403)
		say(r, false, "model", "%s refuses the key: look at model.api_key", base);
	else if (q.status >= 500)
		say(r, false, "model", "%s answers with an error %ld", base, q.status);
	else /* not every local server knows this question; it is there, that counts */
		say(r, true, "model", "%s answers at %s", provider, base);
}

int cmd_doctor(struct cli *c)
{
	struct report r = { 0 };
	char why[512] = "";
	int e = cli_settings(c);
	if (e != EXIT_OK)
		return e;
	log_set_level(LOG_ERROR);
	say(&r, true, "settings", "%s",
	    settings_file(c->settings) ? settings_file(c->settings) : "no file; environment and defaults");
	const char *ca_file = settings_str(c->settings, "net.ca_file");
	look_at_files(&r, c);
	bool there = look_at_database(&r, c);
	if (there && cli_unseal(c, NULL, why, sizeof why) != ERR_NONE)
		say(&r, false, "settings", "%s", why);
	for (const struct door *d = c->doors; d->name != NULL; d++)
		if (d->check(c->settings, c->insecure, why, sizeof why) != ERR_NONE)
			say(&r, false, "settings", "%s", why);
	if (there) {
		look_at_money(&r, c);
		look_at_limits(&r, c);
		look_at_keys(&r, c);
		look_at_teams(&r, c);
	}
	look_at_port(&r, c);
	struct metrics *ms = metrics_new();
	struct http *http = NULL;
	bool trusts = trust_check(ca_file, why, sizeof why) == ERR_NONE;
	if (!trusts)
		say(&r, false, "settings", "%s", why);
	else if (http_new(&http, ms, ca_file) == ERR_NONE) {
		look_at_doors(&r, c, http);
		look_at_model(&r, c, http);
		http_stop(http);
		http_free(http);
	}
	metrics_free(ms);
	return r.bad == 0 ? EXIT_OK : EXIT_FAILED;
}

int cmd_healthcheck(struct cli *c)
{
	struct probe p;
	char why[256] = "";
	int e = cli_settings(c);
	if (e != EXIT_OK)
		return e;
	if (!cli_server(c, &p))
		return EXIT_SETTINGS;
	int status = probe_get(&p, "/healthz", 3000, why, sizeof why);
	if (status == 200)
		return EXIT_OK;
	cli_complain("not well: %s", status == 0 ? why : "it answers with an error");
	return status == 0 ? EXIT_NO_SERVER : EXIT_FAILED;
}
