/*
 * Many Slack workspaces in one daemon: how they are added, that each is answered with its own token, and what is left when one takes Eddy away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../core/base/buf.h"
#include "../../core/base/json.h"
#include "../adapters/web/ws_client.c"
#include "harness.h"
#include "people.h"

static int set_up(void **state)
{
	(void)state;
	rig_open(&rig, NULL, NULL);
	rig_env(&rig, "EDDY_SLACK_BOT_TOKEN=");
	rig_env(&rig, "EDDY_SLACK_CLIENT_ID=123.456");
	rig_env(&rig, "EDDY_SLACK_CLIENT_SECRET=fake-client-secret");
	rig_env(&rig, "EDDY_SLACK_SIGNING_SECRET=8f742231b10e8888abcd99yyyzzz85a5");
	rig_env(&rig, "EDDY_WEB_PUBLIC_URL=http://127.0.0.1:1/");
	rig_env(&rig, "EDDY_SLACK_WORKSPACES=*");
	return 0;
}

/* ---- a browser ---- */

struct page {
	int status;
	char location[3000], cookie[200];
	struct buf body;
};

static int ask_page(int port, const char *path, const char *cookie)
{
	struct buf b = BUF_INIT;
	int fd = tcp_open(port);
	buf_addf(&b, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n", path, port);
	if (cookie != NULL && *cookie != '\0')
		buf_addf(&b, "Cookie: other=1; %s\r\n", cookie);
	buf_add_str(&b, "\r\n");
	assert_int_equal(send(fd, b.p, b.len, MSG_NOSIGNAL), (ssize_t)b.len);
	buf_done(&b);
	return fd;
}

static void header_of(const char *head, const char *name, const char *stops, char *out, size_t n)
{
	const char *p = strcasestr(head, name);
	out[0] = '\0';
	if (p != NULL)
		snprintf(out, n, "%.*s", (int)strcspn(p + strlen(name), stops), p + strlen(name));
}

static void read_page(int fd, struct page *out)
{
	char room[4096];
	ssize_t n;
	struct buf all = BUF_INIT;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	while (poll(&p, 1, rig_patience(0)) == 1 && (n = recv(fd, room, sizeof room, 0)) > 0)
		buf_add(&all, room, (size_t)n);
	close(fd);
	*out = (struct page){ .body = all };
	if (all.len == 0 || sscanf(all.p, "HTTP/1.%*d %d", &out->status) != 1)
		rig_fail(&rig, "no page");
	header_of(all.p, "\r\nlocation: ", "\r", out->location, sizeof out->location);
	header_of(all.p, "\r\nset-cookie: ", ";\r", out->cookie, sizeof out->cookie);
}

static void page(int port, const char *path, const char *cookie, struct page *out)
{
	read_page(ask_page(port, path, cookie), out);
}

static void state_of(const struct page *p, char out[200])
{
	const char *at = strstr(p->location, "state=");
	if (p->status != 302 || at == NULL)
		rig_fail(&rig, "no way to Slack: %d %s", p->status, p->location);
	snprintf(out, 200, "%.*s", (int)strcspn(at + 6, "&"), at + 6);
}

static void begin(int i, char cookie[200], char state[200])
{
	struct page p;
	page(rig.d[i].port, "/slack/install", cookie, &p);
	state_of(&p, state);
	snprintf(cookie, 200, "%s", p.cookie);
	buf_done(&p.body);
}

static int come_back(int i, const char *cookie, const char *state, const char *code, char *words, size_t n)
{
	struct page p;
	char path[800];
	snprintf(path, sizeof path, "/slack/oauth?code=%s&state=%s", code, state);
	page(rig.d[i].port, path, cookie, &p);
	if (words != NULL)
		snprintf(words, n, "%s", strstr(p.body.p, "\r\n\r\n") != NULL ? strstr(p.body.p, "\r\n\r\n") + 4 : "");
	buf_done(&p.body);
	return p.status;
}

static void yes(const char *code, const char *team, int rotate_s, bool org)
{
	fake_tell(&rig.slack, "grant", "{s:s, s:s, s:s, s:s, s:i, s:b}", "code", code, "team", team, "name", team, "user",
	    "U0ADMIN", "rotate_s", rotate_s, "org", org);
}

static int known(const char *team)
{
	char query[200];
	snprintf(query, sizeof query,
	    "SELECT count(*) FROM adapter_notes n JOIN installs i ON i.ws = n.ws WHERE i.external_id = '%s' AND n.key = 'team_url'",
	    team);
	return (int)rig_sql(&rig, query);
}

static void install(int i, const char *team, int rotate_s, bool org)
{
	char cookie[200] = "", state[200], code[60], words[6000];
	static int n;
	snprintf(code, sizeof code, "code-%s-%d", team, ++n);
	begin(i, cookie, state);
	yes(code, team, rotate_s, org);
	int status = come_back(i, cookie, state, code, words, sizeof words);
	if (status != 200 || strstr(words, team) == NULL)
		rig_fail(&rig, "installing %s: %d %.300s", team, status, words);
	rig_wait(&rig, 0, "the log-in of the new workspace", known(team) > 0);
}

static void say(const char *team, const char *channel, int n, const char *text)
{
	char words[300];
	snprintf(words, sizeof words, "%s #%d", text, n);
	fake_tell(&rig.slack, "say", "{s:s, s:s, s:s, s:s, s:b}", "team", team, "channel", channel, "text", words, "user",
	    "U0PERSON", "mention", 1);
}

/* ${query} with %s as the tenant of ${team}. */
static const char *of_team(const char *team, const char *query)
{
	static char out[900];
	const char *at = strstr(query, "%s");
	snprintf(out, sizeof out, "%.*s(SELECT ws FROM installs WHERE adapter = 'slack' AND external_id = '%s')%s",
	    (int)(at - query), query, team, at + 2);
	for (char *p = out; (p = strstr(p, "%%")) != NULL; p++)
		memmove(p, p + 1, strlen(p));
	return out;
}

/* Who has written in a channel, besides people. */
static void only_by(const char *channel, const char *bot)
{
	json_t *all = fake_control(&rig.slack, "messages", "{s:s}", "channel", channel), *m;
	size_t i;
	int n = 0;
	json_array_foreach (all, i, m)
		if (json_bool(m, "bot", false)) {
			n++;
			if (strcmp(json_str(m, "user", ""), bot) != 0)
				rig_fail(&rig, "%s was answered by %s", channel, json_str(m, "user", ""));
		}
	json_decref(all);
	if (n == 0)
		rig_fail(&rig, "nobody has answered in %s", channel);
}

static const char *const teams[] = { "T1AAA", "T2BBB", "T3CCC" }, *const channels[] = { "C1AAA", "C2BBB", "C3CCC" };

/* ---- tests ---- */

static void install__three_workspaces__are_answered_each_with_its_own_token(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	int n = 0;
	for (int i = 0; i < 3; i++)
		install(0, teams[i], 0, false);
	for (int round = 0; round < 6; round++)
		for (int i = 0; i < 3; i++)
			say(teams[i], channels[i], ++n, "who am I?");
	rig_wait_answers(&rig, 1, n, 60000);
	rig_settle(&rig, 30000);
	for (int i = 0; i < 3; i++) {
		char bot[40];
		snprintf(bot, sizeof bot, "U0EDDY%s", teams[i]);
		only_by(channels[i], bot);
		assert_int_equal(
		    rig_sql(&rig, of_team(teams[i], "SELECT count(*) FROM messages WHERE ws = %s AND author_kind = 1")), 6);
		assert_int_equal(
		    rig_sql(&rig,
		        of_team(teams[i],
		            "SELECT count(*) FROM places WHERE ws = %s AND adapter = 'slack' AND external_id LIKE 'C%%'")),
		    1);
		assert_int_equal(
		    rig_sql(&rig,
		        of_team(teams[i],
		            "SELECT count(*) FROM members m JOIN identities i ON i.ws = m.ws AND i.person_id = m.person_id WHERE m.ws = %s AND m.role = 4 AND i.external_id = 'U0ADMIN'")),
		    1);
		assert_int_equal(
		    rig_sql(&rig, of_team(teams[i], "SELECT count(*) FROM audit WHERE ws = %s AND verb = 'install.granted'")), 1);
	}
	assert_int_equal(rig_sql(&rig, "SELECT count(DISTINCT ws) FROM installs WHERE adapter = 'slack'"), 3);
	assert_int_equal(
	    rig_sql(&rig,
	        "SELECT count(*) FROM secrets WHERE kind = 'slack' AND name LIKE 'token:%' AND position('xox'::bytea IN sealed) = 0"),
	    3);
	people_check(); /* a token of another workspace is a violation */
}

static void install__forged_and_used_states__add_nothing(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	char mine[200] = "", other[200] = "", here[200], there[200], bent[200], words[6000];
	begin(0, mine, here);
	begin(0, other, there);
	assert_string_not_equal(mine, other);
	yes("good", "T1AAA", 0, false);
	snprintf(bent, sizeof bent, "%s", here);
	bent[40] = bent[40] == 'A' ? 'B' : 'A';
	assert_int_equal(come_back(0, mine, bent, "good", words, sizeof words), 400);
	assert_non_null(strstr(words, "did not begin here"));
	assert_int_equal(come_back(0, mine, "", "good", NULL, 0), 400);
	assert_int_equal(come_back(0, mine, "AAAA", "good", NULL, 0), 400);
	assert_int_equal(come_back(0, "", here, "good", NULL, 0), 400);    /* another browser, without a cookie */
	assert_int_equal(come_back(0, other, here, "good", NULL, 0), 400); /* with one of its own */
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM installs WHERE adapter = 'slack'"), 0);
	assert_int_equal(come_back(0, mine, here, "wrong", words, sizeof words), 400);
	assert_non_null(strstr(words, "invalid_code"));
	assert_int_equal(come_back(0, mine, here, "good", words, sizeof words), 400); /* the state counted for the wrong code */
	assert_non_null(strstr(words, "used already"));
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM installs WHERE adapter = 'slack'"), 0);
	assert_int_equal(come_back(0, other, there, "good", words, sizeof words), 200);
	yes("second", "T2BBB", 0, false);
	assert_int_equal(come_back(0, other, there, "second", NULL, 0), 400);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM installs WHERE adapter = 'slack'"), 1);

	struct page p;
	begin(0, mine, here);
	char path[400];
	snprintf(path, sizeof path, "/slack/oauth?error=access_denied&state=%s", here);
	page(rig.d[0].port, path, mine, &p);
	assert_int_equal(p.status, 200);
	assert_non_null(strstr(p.body.p, "Nothing was added"));
	assert_non_null(strstr(p.body.p, "content-security-policy: default-src 'none'"));
	buf_done(&p.body);
}

/* One browser with two tabs, and two people of one workspace, at the same moment. */
static void install__two_at_once__is_one_tenant(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	char cookie[200] = "", a[200], b[200], path[500];
	struct page p;
	begin(0, cookie, a);
	begin(0, cookie, b);
	yes("one", "T1AAA", 0, false);
	yes("two", "T1AAA", 0, false);
	snprintf(path, sizeof path, "/slack/oauth?code=one&state=%s", a);
	int first = ask_page(rig.d[0].port, path, cookie);
	snprintf(path, sizeof path, "/slack/oauth?code=two&state=%s", b);
	int second = ask_page(rig.d[0].port, path, cookie);
	read_page(first, &p);
	assert_int_equal(p.status, 200);
	buf_done(&p.body);
	read_page(second, &p);
	assert_int_equal(p.status, 200);
	buf_done(&p.body);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM installs WHERE adapter = 'slack'"), 1);
	rig_wait(&rig, 0, "the log-in", known("T1AAA") > 0);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM workspaces WHERE name = 'T1AAA'"), 1);
	say("T1AAA", "C1AAA", 1, "hello");
	rig_wait_answers(&rig, 1, 1, 60000);
	people_check();
}

static void install__only_workspaces_that_may(void **state)
{
	(void)state;
	rig_env(&rig, "EDDY_SLACK_WORKSPACES=T1AAA,E7");
	rig_serve(&rig, 0, NULL);
	char cookie[200] = "", here[200], words[6000];
	install(0, "T1AAA", 0, false);
	begin(0, cookie, here);
	yes("no", "T2BBB", 0, false);
	assert_int_equal(come_back(0, cookie, here, "no", words, sizeof words), 403);
	assert_non_null(strstr(words, "Not for this workspace"));
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM installs WHERE adapter = 'slack'"), 1);
	/* and the token that nobody wants is given back */
	json_t *t = NULL;
	const char *token;
	json_t *v;
	int revoked = 0;
	int64_t until = now_ms() + rig_patience(0);
	while (revoked == 0 && now_ms() < until) {
		json_decref(t);
		t = fake_control(&rig.slack, "tokens", NULL);
		json_object_foreach (json_object_get(t, "tokens"), token, v)
			revoked +=
			    strcmp(json_str(v, "state", ""), "revoked") == 0 && strcmp(json_str(v, "team", ""), "T2BBB") == 0;
		sleep_ms(20);
	}
	json_decref(t);
	assert_int_equal(revoked, 1);
}

static void install__nobody_is_named__nobody_may(void **state)
{
	(void)state;
	rig_env(&rig, "EDDY_SLACK_WORKSPACES=");
	rig_serve(&rig, 0, NULL);
	char cookie[200] = "", here[200], words[6000];
	begin(0, cookie, here);
	yes("no", "T1AAA", 0, false);
	assert_int_equal(come_back(0, cookie, here, "no", words, sizeof words), 403);
	assert_non_null(strstr(words, "Not for this workspace"));
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM installs WHERE adapter = 'slack'"), 0);
}

static void uninstall__while_it_is_answered__takes_token_and_answers(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	install(0, "T1AAA", 0, false);
	install(0, "T2BBB", 0, false);
	say("T2BBB", "C2BBB", 1, "before");
	rig_wait_answers(&rig, 1, 1, 60000);
	fake_tell(&rig.model, "options", "{s:i}", "first_ms", 1500);
	say("T2BBB", "C2BBB", 2, "still there?");
	rig_wait(&rig, 0, "the run", rig_sql(&rig, "SELECT count(*) FROM runs WHERE state = 1") > 0);
	fake_tell(&rig.slack, "uninstall", "{s:s}", "team", "T2BBB");
	rig_wait(&rig, 0, "the token to go", rig_sql(&rig, "SELECT count(*) FROM secrets WHERE name = 'token:t2bbb'") == 0);
	fake_tell(&rig.model, "options", "{s:i}", "first_ms", 0);
	say("T1AAA", "C1AAA", 3, "and you?");
	rig_wait_answers(&rig, 3, 3, 60000);
	rig_settle(&rig, 60000);
	assert_int_equal(rig_answers(&rig, "C2BBB", NULL, 2), 0);
	assert_int_equal(rig_sql(&rig, of_team("T2BBB", "SELECT count(*) FROM outbox WHERE ws = %s AND state <= 2")), 0);
	assert_int_equal(rig_sql(&rig, of_team("T2BBB", "SELECT count(*) FROM messages WHERE ws = %s AND author_kind = 1")),
	    2); /* what they wrote is kept */
	assert_int_equal(rig_sql(&rig, of_team("T2BBB", "SELECT count(*) FROM audit WHERE ws = %s AND verb = 'install.ended'")), 1);
	assert_int_equal(
	    rig_sql(&rig,
	        "SELECT count(*) FROM installs WHERE external_id = 'T2BBB' AND removed_at IS NOT NULL AND removed_why IN"
	        " ('uninstalled', 'revoked')"),
	    1);

	install(0, "T2BBB", 0, false);
	int64_t until = now_ms() + rig_patience(0);
	for (int n = 4; rig_answers(&rig, "C2BBB", NULL, n - 1) == 0 || n == 4; n++) {
		if (now_ms() > until)
			rig_fail(&rig, "not answered after it was added again");
		say("T2BBB", "C2BBB", n, "back again");
		sleep_ms(700);
	}
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM installs WHERE external_id = 'T2BBB' AND removed_at IS NULL"), 1);
	people_check();
}

static void token__that_ends__is_renewed_in_time(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	install(0, "T1AAA", 6, false);
	rig_wait(&rig, 0, "two renewals", rig_sql(&rig, "SELECT count(*) FROM audit WHERE verb = 'install.renewed'") >= 2);
	say("T1AAA", "C1AAA", 1, "with the third token");
	rig_wait_answers(&rig, 1, 1, 60000);
	people_check();
}

static void workspace__added_through_one_process__is_served_by_another(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	rig_serve(&rig, 1, NULL);
	install(0, "T1AAA", 0, false);
	rig_kill(&rig, 0);
	say("T1AAA", "C1AAA", 1, "who is left?");
	rig_wait_answers(&rig, 1, 1, 60000);
	rig_kill(&rig, 1);
	rig_serve(&rig, 0, NULL); /* and after a start */
	rig_wait(&rig, 0, "the log-in", rig_sql(&rig, "SELECT 1") == 1);
	say("T1AAA", "C1AAA", 2, "and now?");
	rig_wait_answers(&rig, 2, 2, 60000);
	people_check();
}

/* ---- at the terminal ---- */

static int terminal(const char *command, char *out, size_t n)
{
	char line[1200];
	const char *build = getenv("EDDY_BUILD");
	snprintf(line, sizeof line,
	    "EDDY_MASTER_KEY=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff EDDY_DATABASE_ADMIN_URL='%s' EDDY_DATA_DIR='%s'"
	    " EDDY_SLACK_API_URL=http://127.0.0.1:%d/api/ EDDY_SLACK_CLIENT_ID=123.456 EDDY_SLACK_CLIENT_SECRET=fake-client-secret"
	    " EDDY_SLACK_SIGNING_SECRET=8f742231b10e8888abcd99yyyzzz85a5 EDDY_WEB_PUBLIC_URL=http://127.0.0.1:1 %s/eddy %s 2>&1",
	    rig.database, rig.d[0].dir, rig.slack.port, build != NULL ? build : "build", command);
	FILE *f = popen(line, "r");
	assert_non_null(f);
	size_t got = fread(out, 1, n - 1, f);
	out[got] = '\0';
	return pclose(f);
}

static void workspace__at_the_terminal__is_listed_looked_at_and_removed(void **state)
{
	(void)state;
	char out[8000];
	rig_serve(&rig, 0, NULL);
	assert_int_equal(terminal("workspace list", out, sizeof out), 0);
	assert_string_equal(out, "There is no Slack workspace yet.\n");
	install(0, "T1AAA", 0, false);
	install(0, "T2BBB", 0, false);
	assert_int_equal(terminal("workspace list", out, sizeof out), 0);
	assert_non_null(strstr(out, "T1AAA          workspace "));
	terminal("doctor", out, sizeof out);
	if (strstr(out, "@eddy in T1AAA") == NULL || strstr(out, "@eddy in T2BBB") == NULL)
		rig_fail(&rig, "doctor says %s", out);
	assert_int_not_equal(terminal("workspace remove T9ZZZ", out, sizeof out), 0);
	assert_non_null(strstr(out, "T9ZZZ is no workspace that has added the app"));
	assert_int_equal(terminal("workspace remove T2BBB", out, sizeof out), 0);
	assert_non_null(strstr(out, "T2BBB is removed"));
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM secrets WHERE name = 'token:t2bbb'"), 0);
	say("T1AAA", "C1AAA", 1, "still here?");
	rig_wait_answers(&rig, 1, 1, 60000);
	/* the running server has heard of it: what is asked there is not even stored */
	int64_t before = rig_sql(&rig, of_team("T2BBB", "SELECT count(*) FROM messages WHERE ws = %s"));
	say("T2BBB", "C2BBB", 2, "anybody?");
	say("T1AAA", "C1AAA", 3, "and now?");
	rig_wait_answers(&rig, 3, 3, 60000);
	assert_int_equal(rig_sql(&rig, of_team("T2BBB", "SELECT count(*) FROM messages WHERE ws = %s")), before);
	assert_int_equal(terminal("workspace list", out, sizeof out), 0);
	assert_non_null(strstr(out, "T2BBB          "));
	assert_null(strstr(out, "T2BBB          workspace"));
	people_check();
}

/* ---- all of it ---- */

static int ends_with(const char *command, const char *typed, char *out, size_t n)
{
	char path[400], line[600];
	snprintf(path, sizeof path, "%s/typed", rig.d[0].dir);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	fputs(typed, f);
	fclose(f);
	snprintf(line, sizeof line, "%s <'%s'", command, path);
	int status = terminal(line, out, n);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void erase__at_the_terminal__one_goes_while_the_other_is_answered(void **state)
{
	(void)state;
	char out[8000], tenant[60], query[300];
	rig_env(&rig, "EDDY_ENGINE_UPKEEP=500ms");
	rig_serve(&rig, 0, NULL);
	install(0, "T1AAA", 0, false);
	install(0, "T2BBB", 0, false);
	say("T1AAA", "C1AAA", 1, "hello");
	say("T2BBB", "C2BBB", 2, "hello, canary");
	rig_wait_answers(&rig, 1, 2, 60000);
	rig_settle(&rig, 60000);
	snprintf(tenant, sizeof tenant, "%s", rig_sql_text(&rig, "SELECT ws FROM installs WHERE external_id = 'T2BBB'"));

	/* What refuses, and what only shows. */
	assert_int_equal(ends_with("erase workspace", "", out, sizeof out), 0);
	assert_string_equal(out, "No workspace was erased yet.\n");
	assert_int_equal(ends_with("erase workspace T9ZZZ", "T9ZZZ\n", out, sizeof out), 1);
	assert_non_null(strstr(out, "there is no workspace T9ZZZ"));
	assert_int_equal(ends_with("erase workspace default --yes default", "", out, sizeof out), 1);
	assert_non_null(strstr(out, "Eddy itself lives in"));
	assert_int_equal(ends_with("erase workspace T2BBB --dry-run", "", out, sizeof out), 0);
	if (strstr(out, "T2BBB") == NULL || strstr(out, "messages") == NULL || strstr(out, "in all") == NULL)
		rig_fail(&rig, "a dry run says %s", out);
	assert_int_equal(ends_with("erase workspace T2BBB", "T1AAA\n", out, sizeof out), 1);
	assert_non_null(strstr(out, "Nothing was erased."));
	assert_int_equal(ends_with("erase workspace T2BBB", "", out, sizeof out), 1);
	assert_int_equal(ends_with("erase workspace T2BBB --yes T1AAA", "T2BBB\n", out, sizeof out), 2);
	assert_int_equal(
	    rig_sql(&rig,
	        of_team("T2BBB",
	            "WITH h AS (INSERT INTO holds (ws, id, kind, subjects, reason) SELECT ws, gen_random_uuid(), 4, ARRAY[ws], 'Case 17'"
	            " FROM workspaces WHERE ws = %s RETURNING 1) SELECT count(*) FROM h")),
	    1);
	assert_int_equal(ends_with("erase workspace T2BBB --yes T2BBB", "", out, sizeof out), 1);
	assert_non_null(strstr(out, "a legal hold on the workspace stands there: "));
	rig_sql(&rig, "UPDATE holds SET ended_at = now()");
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM erasures WHERE kind = 6"), 0);
	assert_int_equal(
	    rig_sql(&rig, of_team("T2BBB", "SELECT count(*) FROM messages WHERE ws = %s AND body LIKE '%%canary%%'")), 1);

	/* It goes, with what is being answered there. */
	fake_tell(&rig.model, "options", "{s:i}", "first_ms", 3000);
	say("T2BBB", "C2BBB", 3, "still there, canary?");
	rig_wait(&rig, 0, "the run", rig_sql(&rig, "SELECT count(*) FROM runs WHERE state <= 2") > 0);
	int code = ends_with("erase workspace T2BBB", "T2BBB\n", out, sizeof out);
	if (code != 0 || strstr(out, "workspace, done") == NULL || strstr(out, "T2BBB is erased") == NULL)
		rig_fail(&rig, "erasing ends with %d: %s", code, out);
	fake_tell(&rig.model, "options", "{s:i}", "first_ms", 0);
	static const char *const empty[] = { "messages", "threads", "runs", "people", "secrets", "places", "workspaces", "nodes",
		"outbox", "dispatch", "inbox" };
	say("T1AAA", "C1AAA", 4, "and you?");
	say("T2BBB", "C2BBB", 5, "anybody?");
	rig_wait_answers(&rig, 4, 4, 60000);
	rig_settle(&rig, 60000);
	for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
		snprintf(query, sizeof query, "SELECT count(*) FROM %s WHERE ws = '%s'", empty[i], tenant);
		if (rig_sql(&rig, query) != 0)
			rig_fail(&rig, "%s still has something", empty[i]);
	}
	assert_int_equal(rig_answers(&rig, "C2BBB", NULL, 3) + rig_answers(&rig, "C2BBB", NULL, 5), 0);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM installs WHERE adapter = 'slack' AND external_id = 'T2BBB'"), 0);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM audit WHERE verb = 'workspace.erased'"), 1);
	assert_int_equal(ends_with("erase workspace", "", out, sizeof out), 0);
	assert_non_null(strstr(out, "workspace, done"));
	assert_int_equal(ends_with("audit verify", "", out, sizeof out), 0);
	assert_non_null(strstr(out, tenant));
	assert_int_equal(ends_with("erase workspace T2BBB --yes T2BBB", "", out, sizeof out), 1);

	/* The same workspace begins again, with nothing. */
	install(0, "T2BBB", 0, false);
	assert_int_equal(rig_sql(&rig, of_team("T2BBB", "SELECT count(*) FROM messages WHERE ws = %s")), 0);
	snprintf(query, sizeof query, "SELECT count(*) FROM installs WHERE external_id = 'T2BBB' AND ws <> '%s'", tenant);
	assert_int_equal(rig_sql(&rig, query), 1);
	int64_t until = now_ms() + rig_patience(0);
	for (int n = 6; rig_answers(&rig, "C2BBB", NULL, n - 1) == 0 || n == 6; n++) {
		if (now_ms() > until)
			rig_fail(&rig, "not answered after it was added again");
		say("T2BBB", "C2BBB", n, "back again");
		sleep_ms(700);
	}
	snprintf(query, sizeof query, "SELECT count(*) FROM messages WHERE ws = '%s'", tenant);
	assert_int_equal(rig_sql(&rig, query), 0);
}

static void uninstall__with_a_grace__is_taken_back_by_adding_it_again(void **state)
{
	(void)state;
	char out[8000], tenant[60], query[300];
	rig_env(&rig, "EDDY_ENGINE_UPKEEP=500ms");
	rig_env(&rig, "EDDY_SLACK_ERASE_ON_UNINSTALL=3s");
	rig_serve(&rig, 0, NULL);
	install(0, "T1AAA", 0, false);
	install(0, "T2BBB", 0, false);
	say("T1AAA", "C1AAA", 1, "hello");
	say("T2BBB", "C2BBB", 2, "hello");
	rig_wait_answers(&rig, 1, 2, 60000);
	rig_settle(&rig, 60000);
	snprintf(tenant, sizeof tenant, "%s", rig_sql_text(&rig, "SELECT ws FROM installs WHERE external_id = 'T2BBB'"));
	/* A hold stands, so that it waits as long as this test wants. */
	rig_sql(&rig,
	    of_team("T2BBB",
	        "INSERT INTO holds (ws, id, kind, subjects, reason) SELECT ws, gen_random_uuid(), 4, ARRAY[ws], 'Case 17' FROM workspaces WHERE ws = %s"));
	fake_tell(&rig.slack, "uninstall", "{s:s}", "team", "T2BBB");
	rig_wait(&rig, 0, "the mark",
	    rig_sql(&rig, "SELECT count(*) FROM installs WHERE external_id = 'T2BBB' AND erase_at IS NOT NULL") == 1);
	(void)ends_with("doctor", "", out, sizeof out);
	if (strstr(out, "workspace T2BBB has taken the app away and is erased after ") == NULL ||
	    strstr(out, "a legal hold") == NULL)
		rig_fail(&rig, "doctor says %s", out);
	rig_wait(&rig, 0, "the grace to end",
	    rig_sql(&rig, "SELECT count(*) FROM installs WHERE erase_at < now() - interval '2 s'") == 1);
	install(0, "T2BBB", 0, false);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM installs WHERE erase_at IS NOT NULL"), 0);
	rig_sql(&rig, "UPDATE holds SET ended_at = now()");
	sleep_ms(3000); /* some rounds of upkeep: nothing goes */
	snprintf(query, sizeof query, "SELECT count(*) FROM messages WHERE ws = '%s' AND author_kind = 1", tenant);
	assert_int_equal(rig_sql(&rig, query), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM erasures WHERE kind = 6"), 0);

	/* And now nobody comes back. */
	fake_tell(&rig.slack, "uninstall", "{s:s}", "team", "T2BBB");
	rig_wait(&rig, 0, "the erasure", rig_sql(&rig, "SELECT count(*) FROM erasures WHERE kind = 6 AND state = 2") == 1);
	assert_int_equal(rig_sql(&rig, query), 0);
	snprintf(query, sizeof query, "SELECT count(*) FROM workspaces WHERE ws = '%s'", tenant);
	assert_int_equal(rig_sql(&rig, query), 0);
	(void)ends_with("erase", "", out, sizeof out);
	assert_non_null(strstr(out, "the app was taken away there"));
	say("T1AAA", "C1AAA", 3, "still answered?");
	rig_wait_answers(&rig, 3, 3, 60000);
	install(0, "T2BBB", 0, false);
	assert_int_equal(rig_sql(&rig, of_team("T2BBB", "SELECT count(*) FROM messages WHERE ws = %s")), 0);

	/* Without the setting nothing waits, also what was marked before. */
	rig_sql(&rig, "UPDATE holds SET ended_at = NULL");
	rig_sql(&rig,
	    of_team("T2BBB",
	        "INSERT INTO holds (ws, id, kind, subjects, reason) SELECT ws, gen_random_uuid(), 4, ARRAY[ws], 'Case 17' FROM workspaces WHERE ws = %s"));
	fake_tell(&rig.slack, "uninstall", "{s:s}", "team", "T2BBB");
	rig_wait(&rig, 0, "the mark",
	    rig_sql(&rig, "SELECT count(*) FROM installs WHERE external_id = 'T2BBB' AND erase_at IS NOT NULL") == 1);
	rig_kill(&rig, 0);
	rig_env(&rig, "EDDY_SLACK_ERASE_ON_UNINSTALL=0");
	rig_serve(&rig, 0, NULL);
	rig_wait(&rig, 0, "the mark to go", rig_sql(&rig, "SELECT count(*) FROM installs WHERE erase_at IS NOT NULL") == 0);
}

/* ---- by HTTP ---- */

static int post(const char *type, const char *body, int64_t at, const char *secret, char **out)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	char headers[400], hex[65];
	struct buf b = BUF_INIT;
	buf_addf(&b, "v0:%lld:%s", (long long)at, body);
	HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)b.p, b.len, mac, &n);
	for (unsigned i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", mac[i]);
	snprintf(headers, sizeof headers, "Content-Type: %s\r\nX-Slack-Request-Timestamp: %lld\r\nX-Slack-Signature: v0=%s\r\n",
	    type, (long long)at, hex);
	buf_done(&b);
	return http_do(rig.d[0].port, "POST", "/slack/events", headers, body, strlen(body), rig_patience(0), out);
}

static void event_of(char *out, size_t n, const char *team, const char *ts, const char *text)
{
	snprintf(out, n,
	    "{\"type\":\"event_callback\",\"team_id\":\"%s\",\"api_app_id\":\"A0FAKE\",\"event_id\":\"Ev%s\",\"authorizations\":[{\"team_id\":\"%s\","
	    "\"user_id\":\"U0EDDY%s\",\"is_bot\":true}],\"event\":{\"type\":\"app_mention\",\"user\":\"U0PERSON\",\"text\":\"<@U0EDDY%s> %s\",\"ts\":\"%s\","
	    "\"channel\":\"C1AAA\",\"event_ts\":\"%s\"}}",
	    team, ts, team, team, team, text, ts, ts);
}

static void http__signed_requests__are_heard_and_no_others(void **state)
{
	(void)state;
	static const char secret[] = "8f742231b10e8888abcd99yyyzzz85a5", json[] = "application/json";
	char body[2000], ts[40], *out = NULL;
	json_t *o;
	rig_serve(&rig, 0, NULL);
	install(0, "T1AAA", 0, false);
	int64_t now = time(NULL);
	assert_int_equal(post(json, "{\"type\":\"url_verification\",\"challenge\":\"3eZbrw1a\"}", now, secret, &out), 200);
	assert_string_equal(out, "3eZbrw1a");
	free(out);
	/* The message has to be there for the answer to stand under it. */
	o = fake_control(
	    &rig.slack, "say", "{s:s, s:s, s:s, s:b}", "team", "T1AAA", "channel", "C1AAA", "text", "by HTTP #1", "quiet", 1);
	snprintf(ts, sizeof ts, "%s", json_str(o, "ts", ""));
	json_decref(o);
	event_of(body, sizeof body, "T1AAA", ts, "by HTTP #1");
	assert_int_equal(post(json, body, now, "another-secret", NULL), 401);
	assert_int_equal(post(json, body, now - 400, secret, NULL), 401);
	assert_int_equal(post(json, body, now + 400, secret, NULL), 401);
	assert_int_equal(
	    http_do(rig.d[0].port, "POST", "/slack/events", "Content-Type: application/json\r\n", body, strlen(body), 5000, NULL),
	    401);
	assert_int_equal(http_do(rig.d[0].port, "GET", "/slack/events", NULL, NULL, 0, 5000, NULL), 405);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM inbox"), 0);
	int64_t from = now_ms();
	assert_int_equal(post(json, body, now, secret, &out), 200);
	assert_string_equal(out, "");
	free(out);
	print_message("an event by HTTP is acknowledged after %lld ms\n", (long long)(now_ms() - from));
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM messages WHERE author_kind = 1"), 1); /* durable before the answer */
	assert_int_equal(post(json, body, now, secret, NULL), 200);
	rig_wait_answers(&rig, 1, 1, 60000);
	rig_settle(&rig, 30000);
	assert_int_equal(rig_answers(&rig, "C1AAA", NULL, 1), 1);
	/* a workspace that nobody has added: first it is looked for, then let go */
	event_of(body, sizeof body, "T9ZZZ", "1760000000.000100", "hello");
	assert_int_equal(post(json, body, now, secret, NULL), 503);
	/* a command and a press come as forms */
	assert_int_equal(
	    post("application/x-www-form-urlencoded",
	        "team_id=T1AAA&channel_id=C1AAA&channel_name=place&user_id=U0PERSON&command=%2Feddy&text=help&api_app_id=A0FAKE"
	        "&response_url=http%3A%2F%2F127.0.0.1%3A1%2Fx&trigger_id=1.2&is_enterprise_install=false",
	        now, secret, NULL),
	    200);
	rig_wait(&rig, 0, "the command", rig_sql(&rig, "SELECT count(*) FROM messages WHERE author_kind = 1") == 2);
	assert_int_equal(post("text/plain", "hello", now, secret, NULL), 400);
	people_check();
}

static void organisation__with_one_token__serves_its_workspaces(void **state)
{
	(void)state;
	static const char secret[] = "8f742231b10e8888abcd99yyyzzz85a5";
	char body[2000], ts[40];
	rig_serve(&rig, 0, NULL);
	install(0, "E7", 0, true);
	json_t *o = fake_control(
	    &rig.slack, "say", "{s:s, s:s, s:s, s:b}", "team", "E7", "channel", "C7", "text", "in a grid #1", "quiet", 1);
	snprintf(ts, sizeof ts, "%s", json_str(o, "ts", ""));
	json_decref(o);
	snprintf(body, sizeof body,
	    "{\"type\":\"event_callback\",\"team_id\":\"T7X\",\"enterprise_id\":\"E7\",\"api_app_id\":\"A0FAKE\",\"event_id\":\"Ev1\",\"authorizations\":"
	    "[{\"enterprise_id\":\"E7\",\"team_id\":null,\"user_id\":\"U0EDDYE7\",\"is_bot\":true,\"is_enterprise_install\":true}],\"event\":{\"type\":"
	    "\"app_mention\",\"user\":\"U0PERSON\",\"text\":\"<@U0EDDYE7> in a grid #1\",\"ts\":\"%s\",\"channel\":\"C7\",\"event_ts\":\"%s\"}}",
	    ts, ts);
	assert_int_equal(post("application/json", body, time(NULL), secret, NULL), 200);
	rig_wait_answers(&rig, 1, 1, 60000);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM installs WHERE external_id = 'E7' AND org AND granted"), 1);
	assert_int_equal(
	    rig_sql(&rig,
	        "SELECT count(*) FROM installs a JOIN installs b ON b.ws <> a.ws WHERE a.external_id = 'E7' AND b.external_id = 'T7X' AND NOT b.granted"),
	    1);
	people_check();
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, rig_tear_down)
	const struct CMUnitTest tests[] = {
		T(install__three_workspaces__are_answered_each_with_its_own_token),
		T(install__forged_and_used_states__add_nothing),
		T(install__two_at_once__is_one_tenant),
		T(install__only_workspaces_that_may),
		T(install__nobody_is_named__nobody_may),
		T(uninstall__while_it_is_answered__takes_token_and_answers),
		T(token__that_ends__is_renewed_in_time),
		T(workspace__added_through_one_process__is_served_by_another),
		T(workspace__at_the_terminal__is_listed_looked_at_and_removed),
		T(erase__at_the_terminal__one_goes_while_the_other_is_answered),
		T(uninstall__with_a_grace__is_taken_back_by_adding_it_again),
		T(http__signed_requests__are_heard_and_no_others),
		T(organisation__with_one_token__serves_its_workspaces),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
