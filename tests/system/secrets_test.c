/*
 * A made-up value for every secret that a daemon can hold, two daemons with something to tell, and a search for each value in whatever comes out of them.  The first
 * works: Slack, mail, a model.  The second has a private database, and what it talks to answers with an error that holds everything it was sent.  A decoy, which is
 * no secret and is said aloud, shows that the same search finds what is there; and at each place it is shown for one secret in each form that it would be found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../core/base/buf.h"
#include "../../core/base/json.h"
#include "../adapters/web/ws_client.c"
#include "../support/canary.h"
#include "../support/http_peer.h"
#include "post.h"

#define PUBLIC "https://eddy.test.example"

/* ---- the canaries ---- */

enum { CANARIES_MAX = 40, FORMS_MAX = 15 };
static struct {
	struct canary of[CANARIES_MAX];
	size_t len;
	struct canary decoy, spare;
	struct http_peer *echo;
	int found, missed;
	atomic_int echoed;
} t;

static char *words(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *words(const char *format, ...)
{
	static char kept[200][500];
	static int turn;
	va_list ap;
	va_start(ap, format);
	char *out = kept[turn++ % 200];
	vsnprintf(out, sizeof kept[0], format, ap);
	va_end(ap);
	return out;
}

/* ${env}: the setting that it is the value of; NULL: none. */
static const char *plant(const char *name, const char *env, enum canary_kind kind, const char *before, const char *after)
{
	assert_true(t.len < CANARIES_MAX);
	struct canary *c = &t.of[t.len];
	canary_make(c, name, kind, before, after);
	if (env != NULL)
		rig_env(&rig, words("%s=%s", env, c->value));
	t.len++;
	return c->value;
}

static void plant_all(void)
{
	static const struct {
		const char *env, *before, *after;
		enum canary_kind kind;
	} settings[] = {
		{ "EDDY_SLACK_APP_TOKEN", "xapp-1-", "", CANARY_TEXT },
		{ "EDDY_SLACK_BOT_TOKEN", "xoxb-1-", "", CANARY_TEXT },
		{ "EDDY_SLACK_SIGNING_SECRET", "", "", CANARY_TEXT },
		{ "EDDY_SLACK_CLIENT_SECRET", "", "", CANARY_TEXT },
		{ "EDDY_MODEL_API_KEY", "sk-ant-", "+/=&", CANARY_TEXT },
		{ "EDDY_MODEL_ANTHROPIC_API_KEY", "sk-ant-", "", CANARY_TEXT },
		{ "EDDY_MODEL_OPENAI_API_KEY", "sk-", "", CANARY_TEXT },
		{ "EDDY_RECALL_API_KEY", "sk-", "", CANARY_TEXT },
		{ "EDDY_WEB_TOKEN", "", "", CANARY_TEXT },
		{ "EDDY_LOGIN_OIDC_CLIENT_SECRET", "", "/+%&=\"", CANARY_TEXT },
		{ "EDDY_LOGIN_SLACK_CLIENT_SECRET", "", "", CANARY_TEXT },
		{ "EDDY_WEB_WIDGET_IDENTITY_KEY", "", "", CANARY_TEXT },
		{ "EDDY_WEB_WIDGET_IDENTITY_KEY_OLD", "", "", CANARY_TEXT },
		{ "EDDY_EMAIL_PASSWORD", "", "", CANARY_TEXT },
		{ "EDDY_EMAIL_OAUTH_CLIENT_SECRET", "", "", CANARY_TEXT },
		{ "EDDY_EMAIL_OAUTH_REFRESH_TOKEN", "1//", "", CANARY_TEXT },
		{ "EDDY_SECRETS_MASTER_KEY", "", "", CANARY_HEX },
		{ "EDDY_AUDIT_KEY", "", "", CANARY_TEXT },
	};
	t.len = 0;
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		plant(settings[i].env + 5, settings[i].env, settings[i].kind, settings[i].before, settings[i].after);
	rig_env(&rig, "EDDY_MASTER_KEY="); /* its other name, which the rig uses */
	canary_make(&t.decoy, "the decoy", CANARY_TEXT, "", "");
	canary_make(&t.spare, "a spare one", CANARY_HEX, "", "");
}

static const char *value_of(const char *name)
{
	for (size_t i = 0; i < t.len; i++)
		if (strcmp(t.of[i].name, name) == 0)
			return t.of[i].value;
	rig_fail(&rig, "no canary %s", name);
}

/* ---- the search ---- */

enum look { LOOK = 0, LOOK_DECOY = 1 /* the decoy has to be there */ };

static const char *excerpt(const char *p, size_t n, const struct canary *c)
{
	static char text[300];
	const char *at = memmem(p, n, c->letters, strlen(c->letters));
	size_t from = at == NULL ? 0 : (size_t)(at - p) > 120 ? (size_t)(at - p) - 120 : 0, len = 0;
	for (size_t i = from; at != NULL && i < n && len < sizeof text - 1 && i < from + 280; i++)
		text[len++] = p[i] >= ' ' && p[i] <= '~' ? p[i] : '.';
	text[len] = '\0';
	return text;
}

/* Whether what has been looked through here would have been found, in each form. */
static void prove(const char *where, const char *p, size_t n)
{
	char form[400];
	size_t len;
	const char *how;
	if (canary_in(&t.spare, p, n, &how))
		rig_fail(&rig, "%s: finds what was never anywhere", where);
	for (int i = 0; canary_form(&t.spare, i, form, sizeof form, &len); i++) {
		char *with = malloc(n + len + 1);
		size_t at = n * (size_t)(i + 1) / (FORMS_MAX + 1);
		memcpy(with, p, at);
		memcpy(with + at, form, len);
		memcpy(with + at + len, p + at, n - at);
		if (!canary_in(&t.spare, with, n + len, &how)) {
			print_error("# %s: form %d would not be found\n", where, i);
			t.missed++;
		}
		free(with);
	}
}

/* Bytes as `pg_dump` writes them, as bytes: after each \x. */
static char *decoded(const char *p, size_t n, size_t *out_n)
{
	char *out = malloc(n / 2 + 1);
	*out_n = 0;
	for (size_t i = 0; i + 2 < n; i++)
		if (p[i] == '\\' && p[i + 1] == 'x')
			for (i += 2; i + 1 < n; i += 2) {
				unsigned v;
				char two[3] = { p[i], p[i + 1], '\0' };
				if (strspn(two, "0123456789abcdef") != 2 || sscanf(two, "%2x", &v) != 1)
					break;
				out[(*out_n)++] = (char)v;
			}
	return out;
}

static void look(const char *where, const char *p, size_t n, enum look what)
{
	const char *how;
	for (size_t i = 0; i < t.len; i++)
		if (canary_in(&t.of[i], p, n, &how)) {
			print_error("# %s holds %s, %s: %s\n", where, t.of[i].name, how, excerpt(p, n, &t.of[i]));
			t.found++;
		}
	if (what == LOOK_DECOY && !canary_in(&t.decoy, p, n, &how)) {
		print_error("# %s (%zu bytes) does not hold the decoy: %.300s\n", where, n, p);
		t.missed++;
	}
	if (n < 4u << 20)
		prove(where, p, n);
}

static char *file_bytes(const char *path, size_t *n)
{
	FILE *f = fopen(path, "re"), *out;
	char *text = NULL, room[8192];
	if (f == NULL)
		return NULL;
	out = open_memstream(&text, n);
	for (size_t got; (got = fread(room, 1, sizeof room, f)) > 0;)
		fwrite(room, 1, got, out);
	fclose(f);
	fclose(out);
	return text;
}

static void look_file(const char *path, enum look what)
{
	size_t n = 0;
	char *text = file_bytes(path, &n);
	if (text == NULL)
		rig_fail(&rig, "no file %s", path);
	look(path, text, n, what);
	free(text);
}

static struct {
	int files, decoys;
} tree;

static int look_in_tree(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	size_t n = 0;
	const char *how;
	(void)ftw;
	char *text = type == FTW_F && st->st_size > 0 ? file_bytes(path, &n) : NULL;
	for (size_t i = 0; text != NULL && i < t.len; i++)
		if (canary_in(&t.of[i], text, n, &how)) {
			print_error("# %s holds %s, %s\n", path, t.of[i].name, how);
			t.found++;
		}
	tree.files += text != NULL;
	tree.decoys += text != NULL && canary_in(&t.decoy, text, n, &how);
	free(text);
	return 0;
}

static void look_below(const char *dir, enum look what)
{
	tree.files = tree.decoys = 0;
	if (nftw(dir, look_in_tree, 20, FTW_PHYS) != 0)
		rig_fail(&rig, "no folder %s", dir);
	print_message("# %s: %d files, the decoy in %d\n", dir, tree.files, tree.decoys);
	if (what == LOOK_DECOY && tree.decoys == 0) {
		print_error("# no file below %s holds the decoy\n", dir);
		t.missed++;
	}
}

/* ---- what answers with all that it was sent ---- */

static int echo(const struct http_peer_request *r)
{
	char head[300];
	struct buf body = BUF_INIT;
	int turn = atomic_fetch_add(&t.echoed, 1);
	if (strstr(r->path, "openid-configuration") != NULL) {
		buf_addf(&body,
		    "{\"issuer\":\"http://127.0.0.1:%d\",\"authorization_endpoint\":\"http://127.0.0.1:%d/authorize\",\"token_endpoint\":\"http://"
		    "127.0.0.1:%d/token%s\",\"jwks_uri\":\"http://127.0.0.1:%d/keys\",\"token_endpoint_auth_methods_supported\":[\"%s\"]}",
		    http_peer_port(t.echo), http_peer_port(t.echo), http_peer_port(t.echo), "", http_peer_port(t.echo),
		    turn % 2 ? "client_secret_post" : "client_secret_basic");
		http_peer_answer(r->fd, "200 OK", "Content-Type: application/json\r\n", body.p);
	} else if (strstr(r->path, "/keys") != NULL) {
		http_peer_answer(r->fd, "200 OK", "Content-Type: application/json\r\n", "{\"keys\":[]}");
	} else {
		/* The authorization too as a name that errors have, where all of it is no name. */
		static const char *const states[] = { "401 Unauthorized", "400 Bad Request", "403 Forbidden", "500 Oh", "200 OK" };
		const char *auth = strcasestr(r->head, "\r\nauthorization: "), *key = strcasestr(r->head, "\r\nx-api-key: ");
		auth = auth != NULL ? auth + 17 : key != NULL ? key + 13 : r->body != NULL ? r->body : "";
		char secret[200];
		snprintf(secret, sizeof secret, "%.*s", (int)strcspn(auth, "\r\n"), auth);
		const char *word = strncmp(secret, "Bearer ", 7) == 0 ? secret + 7 : secret;
		bool flat = strncmp(r->path, "/api/", 5) == 0 || strncmp(r->path, "/token", 6) == 0;
		json_t *o = flat
		    ? json_pack("{s:b, s:s, s:s, s:s}", "ok", 0, "error", word, "error_description", r->head, "needed", word)
		    : json_pack(
		          "{s:s, s:{s:s, s:s, s:s}}", "type", "error", "error", "type", word, "message", r->head, "code", word);
		json_object_set_new(o, "sent", json_string(r->body != NULL ? r->body : ""));
		json_object_set_new(o, "again", json_pack("[s, s]", secret, word));
		char *text = json_dumps(o, 0);
		json_decref(o);
		snprintf(head, sizeof head, "Content-Type: application/json\r\nX-OAuth-Scopes: %.100s\r\nX-Request-Id: %.100s\r\n",
		    word, word);
		http_peer_answer(r->fd, strncmp(r->path, "/api/", 5) == 0 ? "200 OK" : states[turn % 5], head, text);
		free(text);
	}
	buf_done(&body);
	return 1;
}

/* ---- the two daemons ---- */

static int set_up(void **state)
{
	if (post_set_up(state) != 0)
		return -1;
	if (!post_there)
		rig_open(&rig, NULL, NULL);
	chmod(rig.dir, 0711); /* the user of a private database passes */
	rig_own_postgres(&rig);
	t.echo = http_peer_new(echo, NULL);
	plant_all();
	if (post_there)
		mail_rig_add_user(&post, "secret-eddy@test.example", value_of("EMAIL_PASSWORD"));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_close(&rig);
	http_peer_free(t.echo);
	t.echo = NULL;
	return 0;
}

static void settings_of_both(void)
{
	int port = http_peer_port(t.echo);
	rig_env(&rig, "EDDY_LOG_LEVEL=debug");
	rig_env(&rig, words("EDDY_MODEL_NAME=fake-%s", t.decoy.value));
	rig_env(&rig, words("EDDY_WEB_WIDGET_TITLE=%s", t.decoy.value));
	rig_env(&rig, "EDDY_WEB_WIDGET_ENABLED=true");
	rig_env(&rig, "EDDY_WEB_ALLOWED_ORIGINS=" PUBLIC);
	rig_env(&rig, "EDDY_WEB_PUBLIC_URL=" PUBLIC);
	rig_env(&rig, "EDDY_SLACK_CLIENT_ID=123.456");
	rig_env(&rig, "EDDY_SLACK_WORKSPACES=*");
	rig_env(&rig, words("EDDY_LOGIN_OIDC_ISSUER=http://127.0.0.1:%d", port));
	rig_env(&rig, "EDDY_LOGIN_OIDC_CLIENT_ID=eddy");
	rig_env(&rig, words("EDDY_LOGIN_SLACK_ISSUER=http://127.0.0.1:%d", port));
	rig_env(&rig, "EDDY_LOGIN_SLACK_CLIENT_ID=123.456");
	rig_env(&rig, "EDDY_LOGIN_SLACK_TEAMS=T1AAA");
	rig_env(&rig, "EDDY_TRACKER_HOSTS=tracker.test.example");
	rig_env(&rig, "EDDY_RECALL_MODEL=small");
	rig_env(&rig, words("EDDY_RECALL_BASE_URL=http://127.0.0.1:%d/recall", port));
	if (post_there)
		rig_env(&rig, "EDDY_EMAIL_ADDRESS=secret-eddy@test.example");
	const char *at = strstr(rig.database, "://");
	const char *rest = strchr(at + 3, '/');
	plant("DATABASE_ADMIN_URL", NULL, CANARY_TEXT, "", "");
	rig_env(&rig, words("EDDY_DATABASE_ADMIN_URL=postgresql://postgres:%s@%s", value_of("DATABASE_ADMIN_URL"), rest));
}

/* All peers of the second echo, and its database is its own. */
static void settings_of_second(void)
{
	int port = http_peer_port(t.echo);
	rig_env(&rig, "EDDY_DATABASE_ADMIN_URL=");
	rig_env(&rig, words("EDDY_MODEL_BASE_URL=http://127.0.0.1:%d", port));
	rig_env(&rig, words("EDDY_SLACK_API_URL=http://127.0.0.1:%d/api/", port));
	rig_env(&rig, words("EDDY_EMAIL_OAUTH_TOKEN_URL=http://127.0.0.1:%d/token", port));
	rig_env(&rig, "EDDY_EMAIL_OAUTH_CLIENT_ID=eddy");
}

static void eddy(int i, enum look what, const char *input, ...) __attribute__((sentinel));
static void eddy(int i, enum look what, const char *input, ...)
{
	const char *args[12] = { NULL };
	char *out = NULL, where[300] = "eddy";
	size_t n = 0, len = 0;
	va_list ap;
	va_start(ap, input);
	while (len < 11 && (args[len] = va_arg(ap, const char *)) != NULL)
		len++;
	va_end(ap);
	for (size_t k = 0; k < len; k++)
		snprintf(where + strlen(where), sizeof where - strlen(where), " %s", args[k]);
	rig_eddy(&rig, i, args, input, &out, &n);
	look(where, out, n, what);
	free(out);
}

static int ask(int i, const char *method, const char *path, const char *headers, const char *body, enum look what)
{
	char *text = NULL, where[300];
	int status = http_do(rig.d[i].port, method, path, headers, body, body != NULL ? strlen(body) : 0, 20000, &text);
	snprintf(where, sizeof where, "%s %s (%d)", method, path, status);
	if (status == 0)
		rig_fail(&rig, "%s is not answered", path);
	look(where, text != NULL ? text : "", text != NULL ? strlen(text) : 0, what);
	free(text);
	return status;
}

/* A whole answer with its head. */
static void page(int i, const char *path, const char *cookie, char cookie_out[3000], char location[3000])
{
	char room[4096];
	ssize_t n;
	struct buf all = BUF_INIT, b = BUF_INIT;
	int fd = tcp_open(rig.d[i].port);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	buf_addf(&b, "GET %s HTTP/1.1\r\nHost: eddy.test.example\r\nConnection: close\r\nCookie: %s\r\n\r\n", path, cookie);
	assert_int_equal(send(fd, b.p, b.len, MSG_NOSIGNAL), (ssize_t)b.len);
	while (poll(&p, 1, rig_patience(0)) == 1 && (n = recv(fd, room, sizeof room, 0)) > 0)
		buf_add(&all, room, (size_t)n);
	close(fd);
	buf_reserve(&all, 1);
	all.p[all.len] = '\0';
	look(path, all.p, all.len, LOOK);
	const char *at = strcasestr(all.p, "\r\nset-cookie: ");
	snprintf(cookie_out, 3000, "%.*s", at != NULL ? (int)strcspn(at + 14, ";\r") : 0, at != NULL ? at + 14 : "");
	at = strcasestr(all.p, "\r\nlocation: ");
	snprintf(location, 3000, "%.*s", at != NULL ? (int)strcspn(at + 12, "\r") : 0, at != NULL ? at + 12 : "");
	buf_done(&all);
	buf_done(&b);
}

/* Begins to log in at a service, and comes back with a code that it does not know. */
static void log_in(int i, const char *begin, const char *back)
{
	char cookie[3000], other[3000], where[3000], path[3300];
	int before = atomic_load(&t.echoed);
	page(i, begin, "", cookie, where);
	const char *at = strstr(where, "state=");
	if (at == NULL)
		rig_fail(&rig, "%s leads nowhere: %s", begin, where);
	snprintf(path, sizeof path, "%s?code=no-such-code&state=%.*s", back, (int)strcspn(at + 6, "&"), at + 6);
	page(i, path, cookie, other, where);
	if (atomic_load(&t.echoed) == before && strncmp(begin, "/api/", 5) == 0)
		rig_fail(&rig, "%s has asked nobody", begin);
}

/* Every procedure of the API, as somebody who may, and as somebody who may not. */
static void every_procedure(int i, const char *token)
{
	json_t *o = json_load_file("docs/openapi.json", 0, NULL);
	char headers[600], nobody[300];
	const char *path;
	json_t *v;
	int good = 0;
	snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\nContent-Type: application/json\r\nX-Eddy: 1\r\n", token);
	snprintf(
	    nobody, sizeof nobody, "Authorization: Bearer %s\r\nContent-Type: application/json\r\nX-Eddy: 1\r\n", t.spare.value);
	json_object_foreach (json_object_get(o, "paths"), path, v) {
		good += ask(i, "POST", path, headers, "{}", LOOK) == 200;
		sleep_ms(25); /* not faster than a caller may */
	}
	ask(i, "POST", "/api/v1/session.get", nobody, "{}", LOOK);
	ask(i, "POST", "/api/v1/session.get", headers, "{\"nonsense\":", LOOK);
	ask(i, "POST", "/api/v1/no.such", headers, "{}", LOOK);
	json_decref(o);
	print_message("# %d procedures answered with a result\n", good);
	assert_true(good > 10);
}

static void out_of_http(int i)
{
	static const char *const paths[] = { "/", "/healthz", "/readyz", "/api/page", "/api/widget", "/api/login", "/no/such",
		"/slack/events" };
	for (size_t k = 0; k < sizeof paths / sizeof *paths; k++)
		ask(i, "GET", paths[k], "", NULL, LOOK);
	ask(i, "GET", "/metrics", "", NULL, LOOK);
	ask(i, "POST", "/slack/events",
	    "X-Slack-Signature: v0=00\r\nX-Slack-Request-Timestamp: 1\r\nContent-Type: application/json\r\n",
	    "{\"type\":\"url_verification\",\"challenge\":\"x\"}", LOOK);
}

static void commands(int i)
{
	eddy(i, LOOK, NULL, "doctor", NULL);
	eddy(i, LOOK_DECOY, NULL, "config", "print", NULL);
	eddy(i, LOOK, NULL, "config", "check", NULL);
	eddy(i, LOOK, NULL, "config", "get", "model.api_key", NULL);
	eddy(i, LOOK, NULL, "-s", "no.such=1", "serve", NULL);
	eddy(i, LOOK, NULL, "secret", "list", NULL);
	eddy(i, LOOK, NULL, "audit", "verify", NULL);
	eddy(i, LOOK, NULL, "audit", "export", NULL);
	eddy(i, LOOK, NULL, "key", "list", NULL);
	eddy(i, LOOK, NULL, "workspace", "list", NULL);
	eddy(i, LOOK, NULL, "mail", "stops", NULL);
	eddy(i, LOOK, NULL, "prompt", "list", NULL);
	eddy(i, LOOK, NULL, "limits", NULL);
	eddy(i, LOOK, NULL, "healthcheck", NULL);
	eddy(i, LOOK, NULL, "migrate", "status", NULL);
}

/* Each setting that the program knows as a secret is one of ours. */
static void nothing_is_forgotten(void)
{
	char *out = NULL, *line, *save = NULL;
	size_t n = 0;
	int secrets = 0;
	rig_eddy(&rig, 0, (const char *const[]){ "config", "reference", NULL }, NULL, &out, &n);
	for (line = strtok_r(out, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		char name[100] = "";
		const char *at = strstr(line, "`EDDY_");
		if (strstr(line, "(secret)") == NULL || at == NULL)
			continue;
		snprintf(name, sizeof name, "%.*s", (int)strcspn(at + 6, "`"), at + 6);
		if (strcmp(name, "DATABASE_URL") != 0) /* in a test of its own */
			(void)value_of(name);
		secrets++;
	}
	free(out);
	print_message("# %d settings are secrets\n", secrets);
	assert_true(secrets >= 20);
}

/* ---- the story ---- */

static void store_own(int i)
{
	char *out = NULL;
	size_t n;
	const char *value = plant("a value of `eddy secret set`", NULL, CANARY_TEXT, "", "");
	if (rig_eddy(&rig, i, (const char *const[]){ "secret", "set", "canary.own", NULL }, value, &out, &n) != 0)
		rig_fail(&rig, "eddy secret set: %s", out);
	look("eddy secret set", out, n, LOOK);
	free(out);
}

static void issue_key(int i)
{
	char *out = NULL;
	size_t n;
	if (rig_eddy(&rig, i, (const char *const[]){ "key", "issue", "canary", "admin", "talk:read,audit:read", NULL }, NULL, &out,
	        &n) != 0)
		rig_fail(&rig, "eddy key issue: %s", out);
	look("eddy key issue", out, n, LOOK);
	char key[200] = "", *save = NULL;
	for (char *line = strtok_r(out, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
		if (strchr(line, ' ') == NULL)
			snprintf(key, sizeof key, "%s", line);
	free(out);
	canary_of(&t.of[t.len++], "a key of the API", key);
	char headers[400];
	snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\nContent-Type: application/json\r\nX-Eddy: 1\r\n", key);
	assert_int_equal(ask(i, "POST", "/api/v1/session.get", headers, "{}", LOOK), 200);
}

/* A person links an account of theirs; nothing that comes back has the token. */
static void link_account(int i)
{
	char headers[400], body[300];
	const char *value = plant("the token of a linked account", NULL, CANARY_TEXT, "", "");
	snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\nContent-Type: application/json\r\nX-Eddy: 1\r\n",
	    value_of("WEB_TOKEN"));
	snprintf(body, sizeof body, "{\"host\":\"tracker.test.example\",\"token\":\"%s\"}", value);
	assert_int_equal(ask(i, "POST", "/api/v1/credential.put", headers, body, LOOK), 200);
	assert_int_equal(ask(i, "POST", "/api/v1/credential.list", headers, "{}", LOOK), 200);
}

static void story_of_first(void)
{
	rig_serve(&rig, 0, NULL);
	char text[200];
	snprintf(text, sizeof text, "what is up with %s?", t.decoy.value);
	rig_say(&rig, "C1", NULL, 1, text);
	rig_say(&rig, "D1", NULL, 2, "help");
	rig_wait_answers(&rig, 1, 1, 60000);
	if (post_there) {
		snprintf(text, sizeof text, "Do you know %s? #3", t.decoy.value);
		post_write(post_ann, "apple",
		    &(struct letter){ .from = post_ann,
		        .to = "secret-eddy@test.example",
		        .subject = t.decoy.value,
		        .id = "c1@test.example",
		        .text = text });
		free(post_awaits(post_ann, 1));
		snprintf(text, sizeof text, "{\"address\":\"%s\"}", post_ann);
		ask(0, "POST", "/api/login/mail", "Origin: " PUBLIC "\r\nX-Eddy: 1\r\nContent-Type: application/json\r\n", text,
		    LOOK);
		free(post_awaits(post_ann, 2));
	}
	fake_tell(&rig.model, "options", "{s:f}", "p500", 1.0);
	rig_say(&rig, "C1", NULL, 4, "and when the model is ill?");
	rig_wait(&rig, 30000, "a failed run",
	    rig_sql(&rig, "SELECT count(*) FROM runs WHERE state > 3 OR attempt > 1") > 0 || rig_answers(&rig, "C1", NULL, 0) > 1);
	fake_tell(&rig.model, "options", "{s:f}", "p500", 0.0);
	store_own(0);
	issue_key(0);
	link_account(0);
	log_in(0, "/api/login/oidc", "/api/login/oidc/callback");
	log_in(0, "/api/login/slack", "/api/login/slack/callback");
	log_in(0, "/slack/install", "/slack/oauth");
	rig_settle(&rig, 60000);
	out_of_http(0);
	every_procedure(0, value_of("WEB_TOKEN"));
	commands(0);
	eddy(0, LOOK_DECOY, NULL, "export", "slack:U0PERSON", NULL);
	eddy(0, LOOK_DECOY, NULL, "prompt", "show", rig_sql_text(&rig, "SELECT id FROM runs WHERE state = 3 ORDER BY id LIMIT 1"),
	    NULL);
}

static void story_of_second(void)
{
	settings_of_second();
	rig_spawn(&rig, 1, NULL);
	rig_wait(&rig, 120000, "the second daemon",
	    rig_lives(&rig, 1) && http_do(rig.d[1].port, "GET", "/healthz", NULL, NULL, 0, 1000, NULL) == 200);
	char question[200];
	snprintf(question, sizeof question, "what is up with %s?", t.decoy.value);
	for (int k = 0; k < 5; k++)
		eddy(1, LOOK, NULL, "chat", question, NULL);
	store_own(1);
	log_in(1, "/api/login/oidc", "/api/login/oidc/callback");
	log_in(1, "/api/login/slack", "/api/login/slack/callback");
	log_in(1, "/api/login/oidc", "/api/login/oidc/callback");
	log_in(1, "/slack/install", "/slack/oauth");
	out_of_http(1);
	commands(1);
	if (atomic_load(&t.echoed) < 20)
		rig_fail(&rig, "only %d requests were echoed", atomic_load(&t.echoed));
	eddy(1, LOOK, NULL, "backup", words("%s/backup.dump", rig.dir), NULL);
}

/* ---- what is left of it ---- */

static void look_at_dump(const char *where, const char *command, enum look bytes_too)
{
	FILE *f = popen(command, "re"), *out;
	char *text = NULL, room[8192];
	size_t n = 0, bytes_n;
	assert_non_null(f);
	out = open_memstream(&text, &n);
	for (size_t got; (got = fread(room, 1, sizeof room, f)) > 0;)
		fwrite(room, 1, got, out);
	fclose(out);
	if (pclose(f) != 0)
		rig_fail(&rig, "%s: %s", where, command);
	look(where, text, n, LOOK_DECOY);
	char *bytes = decoded(text, n, &bytes_n);
	assert_true(bytes_n > 1000);
	look(words("bytes in %s", where), bytes, bytes_n, bytes_too);
	free(bytes);
	free(text);
}

static void look_at_peer(const char *name, const struct fake_process *f, const char *what)
{
	json_t *o = fake_control(f, what, NULL);
	char *text = json_dumps(o, JSON_COMPACT);
	look(words("what %s has of us (%s)", name, what), text, strlen(text), LOOK_DECOY);
	free(text);
	json_decref(o);
}

/* Under a sanitizer that looks for leaks the process can be looked into (adapters/cli/command.c). */
#ifdef __SANITIZE_ADDRESS__
static const bool watched = true;
#else
static const bool watched = false;
#endif

/* What another user of the machine reads of a process. */
static void look_at_process(pid_t pid)
{
	static const char *const names[] = { "environ", "mem", "maps", "cmdline", "status", "comm" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		int back[2], status;
		char path[60], room[4096];
		snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, names[i]);
		assert_int_equal(pipe(back), 0);
		pid_t child = fork();
		if (child == 0) {
			if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
				_exit(99);
			int fd = open(path, O_RDONLY);
			ssize_t n = fd < 0 ? -1 : read(fd, room, sizeof room);
			if (n > 0 && write(back[1], room, (size_t)n) != n)
				_exit(98);
			_exit(n > 0 ? 1 : 0);
		}
		close(back[1]);
		ssize_t n = read(back[0], room, sizeof room);
		close(back[0]);
		assert_int_equal(waitpid(child, &status, 0), child);
		if (i < 2 && n > 0 && !(watched && geteuid() != 0)) {
			print_error("# others read %s\n", path);
			t.found++;
		}
		if (i >= 3 && n <= 0) /* that they read what everybody may shows that the way works */
			rig_fail(&rig, "nobody reads %s", path);
		if (n > 0 && i >= 2)
			look(path, room, (size_t)n, LOOK);
	}
}

/* What the user of the private database, whom it runs as, reads of its own processes. */
static void look_at_children(int i)
{
	char path[300], line[100] = "";
	snprintf(path, sizeof path, "%s/pg/postmaster.pid", rig.d[i].dir);
	FILE *f = fopen(path, "re");
	if (f == NULL || fgets(line, sizeof line, f) == NULL)
		rig_fail(&rig, "no %s", path);
	fclose(f);
	snprintf(path, sizeof path, "/proc/%d/environ", atoi(line));
	size_t n = 0;
	char *text = file_bytes(path, &n);
	if (text == NULL || n == 0)
		rig_fail(&rig, "no %s", path);
	look("the environment of the private database", text, n, LOOK);
	free(text);
}

/* A setting on the command line is gone from it before anything else is done; the command waits for its standard input meanwhile. */
static void look_at_arguments(void)
{
	char path[60], set[200], program[300], dir[300], url[600], *const env[] = { dir, url, NULL };
	int in[2], status;
	const char *build = getenv("EDDY_BUILD"), *value = plant("a setting on the command line", NULL, CANARY_TEXT, "", "");
	snprintf(program, sizeof program, "%s/eddy", build != NULL ? build : "build");
	snprintf(set, sizeof set, "model.api_key=%s", value);
	snprintf(dir, sizeof dir, "EDDY_DATA_DIR=%s", rig.d[0].dir);
	snprintf(url, sizeof url, "EDDY_DATABASE_ADMIN_URL=%s", rig.database);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		execle(program, "eddy", "-s", set, "secret", "set", "other", (char *)NULL, env);
		_exit(127);
	}
	size_t n = 0;
	const char *how = "";
	char *text = NULL;
	snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
	rig_wait(&rig, 20000, "a command line without the secret",
	    (free(text), text = file_bytes(path, &n)) != NULL && n > 20 && memmem(text, n, "secret", 6) != NULL &&
	        memmem(text, n, "model.api_key", 13) == NULL && !canary_in(&t.of[t.len - 1], text, n, &how));
	look(path, text, n, LOOK);
	free(text);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(in[0]);
	close(in[1]);
}

/* However it dies, the kernel keeps nothing of it, also where files may be written. */
static void die(int i)
{
	rig_signal(&rig, i, SIGABRT); /* which no sanitizer catches */
	int status = rig_wait_end(&rig, i, 20000);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	if (WCOREDUMP(status) && !watched) {
		print_error("# daemon %d has left a core file\n", i);
		t.found++;
	}
}

static void secrets__planted_everywhere__come_out_nowhere(void **state)
{
	(void)state;
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit was;
	getrlimit(RLIMIT_CORE, &was);
	(void)setrlimit(RLIMIT_CORE, &all); /* as an installation has it that collects core files */
	settings_of_both();
	nothing_is_forgotten();
	story_of_first();
	story_of_second();

	for (int i = 0; i < 2; i++)
		look_at_process(rig.d[i].pid);
	look_at_children(1);
	look_at_arguments();
	look_at_peer("Slack", &rig.slack, "messages");
	look_at_peer("the model", &rig.model, "requests");
	if (post_there) {
		look_below(mail_rig_maildir(&post, post_ann, NULL), LOOK_DECOY);
		look_below(mail_rig_maildir(&post, "secret-eddy@test.example", NULL), LOOK_DECOY);
	}
	look_at_dump("a dump", words("%s/pg_dump '%s'", getenv("EDDY_TEST_PG_BIN"), rig.database), LOOK_DECOY);
	look_at_dump("a backup", words("%s/pg_restore -f - %s/backup.dump", getenv("EDDY_TEST_PG_BIN"), rig.dir), LOOK);
	look_below(rig.d[0].dir, LOOK);
	look_below(rig.d[1].dir, LOOK_DECOY);
	look_below(rig.pg_dir, LOOK_DECOY);
	die(1);
	die(0);
	for (int i = 0; i < 2; i++)
		look_file(rig.d[i].log, LOOK_DECOY);
	look_file(words("%s/log", rig.dir), LOOK);
	setrlimit(RLIMIT_CORE, &was);
	print_message(
	    "# %zu secrets, %d requests echoed; found %d, not provable %d\n", t.len, atomic_load(&t.echoed), t.found, t.missed);
	assert_int_equal(t.found, 0);
	assert_int_equal(t.missed, 0);
}

int main(void)
{
	rig_filter();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(secrets__planted_everywhere__come_out_nowhere, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, post_up, post_down);
}
