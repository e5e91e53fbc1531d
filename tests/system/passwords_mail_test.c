/*
 * Log-ins by a mail address and a password through the real daemon, with real mail servers: Eddy knows Ann and Bob because they have written to it.  Who is let
 * in, what nobody learns by trying, and whose password an address means where two workspaces know it.
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

#include "../../core/base/json.h"
#include "post.h"

#define PUBLIC "https://eddy.test.example"
#define RIGHT "four words of no story"
#define WRONG "another lamp, a ferry"
static const char ours[] = "Origin: " PUBLIC "\r\nX-Eddy: 1\r\nContent-Type: application/json\r\n";
static json_t *told; /* the last answer */

static int post_json(const char *path, const char *head, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int post_json(const char *path, const char *head, const char *format, ...)
{
	char body[900], *text = NULL;
	va_list ap;
	va_start(ap, format);
	vsnprintf(body, sizeof body, format, ap);
	va_end(ap);
	int status = http_do(rig.d[0].port, "POST", path, head, body, strlen(body), rig_patience(0), &text);
	json_decref(told);
	told = text == NULL ? NULL : json_loads(text, 0, NULL);
	free(text);
	return status;
}

static int enter(const char *name, const char *password)
{
	return post_json("/api/login/password", ours, "{\"name\":\"%s\",\"password\":\"%s\"}", name, password);
}

/* `eddy ${a} ${b} ${c}`: the exit code; ${out} the caller's. */
static int eddy(const char *a, const char *b, const char *c, char **out)
{
	size_t n;
	int status = rig_eddy(&rig, 0, (const char *const[]){ a, b, c, NULL }, NULL, out, &n);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* As the operator does it: a link is made, and the person sets one by it. */
static void set_password(const char *address, const char *password)
{
	char *out = NULL, code[64];
	if (eddy("password", "link", address, &out) != 0 || strstr(out, PUBLIC "/#password=") == NULL)
		rig_fail(&rig, "eddy password link %s: %s", address, out);
	snprintf(code, sizeof code, "%.43s", strstr(out, "#password=") + 10);
	free(out);
	assert_int_equal(post_json("/api/login/password-link", ours, "{\"code\":\"%s\",\"password\":\"%s\"}", code, password), 200);
	assert_int_equal(strncmp(json_str(json_obj(told, "person"), "id", ""), "id:", 3), 0);
}

static void writes(const char *who, const char *password, const char *id)
{
	post_write(
	    who, password, &(struct letter){ .from = who, .to = post_eddy, .subject = id, .id = id, .text = "Do you know me? #1" });
	free(post_awaits(who, 1));
}

static void begin(bool with_bob)
{
	rig_env(&rig, "EDDY_WEB_PUBLIC_URL=" PUBLIC);
	rig_env(&rig, "EDDY_LOGIN_PASSWORD=yes");
	rig_serve(&rig, 0, NULL);
	writes(post_ann, "apple", "q1@test.example");
	if (with_bob)
		writes(post_bob, "cherry", "q2@test.example");
	rig_settle(&rig, 20000);
}

static void in_capitals(const char *address, char out[80])
{
	for (size_t i = 0; i < 80; i++)
		out[i] = (char)(address[i] >= 'a' && address[i] <= 'f' ? address[i] - 32 : address[i]);
}

/* Milliseconds of a processor that the daemon has had, all threads; in steps of ten. */
static long worked_ms(void)
{
	char path[60], line[800];
	unsigned long user = 0, system = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)rig.d[0].pid);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof line, f));
	fclose(f);
	const char *after = strrchr(line, ')');
	assert_non_null(after);
	assert_int_equal(sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system), 2);
	return (long)((user + system) * 1000 / (unsigned long)sysconf(_SC_CLK_TCK));
}

static void address__with_its_password__is_let_in_and_nobody_else(void **state)
{
	(void)state;
	post_needs_servers();
	char upper[80], subject[80], sentence[200], head[200];
	begin(true);
	assert_int_equal(enter(post_ann, RIGHT), 401); /* known, and without one yet */
	snprintf(sentence, sizeof sentence, "%s", json_str(told, "detail", ""));
	set_password(post_ann, RIGHT);
	assert_int_equal(enter(post_ann, RIGHT), 200);
	snprintf(subject, sizeof subject, "%s", json_str(json_obj(told, "person"), "id", ""));
	in_capitals(post_ann, upper);
	assert_string_not_equal(upper, post_ann);
	assert_int_equal(enter(upper, RIGHT), 200); /* an address is one however it is written */
	assert_string_equal(json_str(json_obj(told, "person"), "id", ""), subject);
	snprintf(head, sizeof head, "Content-Type: application/json\r\nAuthorization: Bearer %s\r\n", json_str(told, "token", ""));
	assert_int_equal(post_json("/api/v1/session.get", head, "{}"), 200);
	assert_string_equal(json_str(told, "role", ""), "member");
	assert_int_equal(post_json("/api/v1/password.get", head, "{}"), 200);
	assert_string_equal(json_string_value(json_array_get(json_arr(told, "names"), 0)), post_ann);
	/* One sentence for all who are wrong, whoever is known. */
	static const char *const others[] = { "nobody@test.example", "ann@elsewhere.example", "no address", "@", "a@", "?" };
	const char *const known[] = { post_ann, post_bob };
	for (size_t i = 0; i < sizeof others / sizeof *others + 2; i++) {
		const char *name = i < 2 ? known[i] : others[i - 2];
		if (enter(name, WRONG) != 401 || strcmp(json_str(told, "detail", "?"), sentence) != 0 ||
		    strcmp(json_str(told, "code", "?"), "unauthenticated") != 0)
			rig_fail(&rig, "%s is answered: %s", name, json_str(told, "detail", "nothing"));
		assert_null(json_object_get(told, "field"));
	}
	assert_int_equal(enter(post_bob, RIGHT), 401); /* it is hers */
	char unproved[100];
	snprintf(unproved, sizeof unproved, "?%s", post_ann); /* as Eddy calls whom nothing vouches for */
	assert_int_equal(enter(unproved, RIGHT), 401);
	/* The role goes, and with it the log-in, in the same words. */
	char *out = NULL, person[100];
	size_t n;
	snprintf(person, sizeof person, "email:%s", post_ann);
	rig_eddy(&rig, 0, (const char *const[]){ "member", "put", person, "none", NULL }, NULL, &out, &n);
	free(out);
	assert_int_equal(enter(post_ann, RIGHT), 401);
	assert_string_equal(json_str(told, "detail", "?"), sentence);
	assert_int_equal(
	    rig_sql(&rig,
	        "SELECT count(*) FROM audit WHERE verb = 'login.refused' AND facts ->> 'why' = 'account' AND subject IS NOT NULL"),
	    1);
	char query[400];
	snprintf(query, sizeof query, "! grep -qE 'four words|another lamp|nobody@test|elsewhere' '%s'", rig.d[0].log);
	assert_int_equal(system(query), 0);
}

static void address__that_nobody_has__costs_as_much_as_one_that_somebody_has(void **state)
{
	(void)state;
	post_needs_servers();
	enum { TRIES = 12 };
	begin(false);
	set_password(post_ann, RIGHT);
	/* The wait is by name, so hers begins anew with each right one. */
	long known = -worked_ms();
	for (int i = 0; i < TRIES; i++) {
		assert_int_equal(enter(post_ann, WRONG), 401);
		if (i % 4 == 3) {
			known += worked_ms();
			assert_int_equal(enter(post_ann, RIGHT), 200);
			known -= worked_ms();
		}
	}
	known += worked_ms();
	long unknown = -worked_ms();
	for (int i = 0; i < TRIES; i++) {
		char name[60];
		snprintf(name, sizeof name, "nobody%d@test.example", i);
		assert_int_equal(enter(name, WRONG), 401);
	}
	unknown += worked_ms();
	printf("# %d wrong tries: %ld ms of a processor for one who is known, %ld ms for one who is not\n", TRIES, known, unknown);
	assert_true(known >= TRIES * 5); /* a hash is computed at all: 20 ms and more */
	assert_true(unknown * 3 >= known && known * 3 >= unknown);
}

static void address__tried_too_often__waits_and_nobody_else_does(void **state)
{
	(void)state;
	post_needs_servers();
	char upper[80], mixed[80];
	begin(true);
	set_password(post_ann, RIGHT);
	set_password(post_bob, RIGHT);
	in_capitals(post_ann, upper);
	snprintf(mixed, sizeof mixed, "%s", post_ann);
	mixed[0] = 'A';
	const char *const spellings[] = { post_ann, upper, mixed };
	int tried = 0, status = 401, same = 0;
	for (; tried < 12 && status == 401; tried++)
		status = enter(spellings[tried % 3], WRONG);
	assert_int_equal(status, 429); /* each spelling has not tries of its own */
	assert_true(tried >= 5 && tried <= 8);
	assert_true(json_int(told, "retry_after", 0) > 0);
	char sentence[200];
	snprintf(sentence, sizeof sentence, "%s", json_str(told, "detail", ""));
	assert_int_equal(enter(upper, RIGHT), 429); /* nor is the right one looked at */
	for (status = 401; same < 12 && status == 401; same++)
		status = enter("nobody@test.example", WRONG);
	assert_int_equal(status, 429);
	assert_string_equal(json_str(told, "detail", ""), sentence);
	assert_true(same >= 5 && same <= 8);
	assert_int_equal(enter(post_bob, RIGHT), 200);
	/* It ends by itself, and the right one makes all of it forgotten. */
	for (int i = 0; i < 4 && (status = enter(post_ann, RIGHT)) == 429; i++)
		sleep_ms((int)json_int(told, "retry_after", 0) * 1000);
	assert_int_equal(status, 200);
	for (int i = 0; i < 4; i++)
		assert_int_equal(enter(post_ann, WRONG), 401);
	assert_int_equal(enter(post_ann, RIGHT), 200);
}

/* The page is one workspace's; what another one knows of the same address is not looked at. */
static void address__of_two_workspaces__is_the_account_of_this_one(void **state)
{
	(void)state;
	post_needs_servers();
	char query[2400], ours_ws[40], hash[200], *out = NULL;
	begin(true);
	set_password(post_bob, WRONG " of his");
	snprintf(ours_ws, sizeof ours_ws, "%s", rig_sql_text(&rig, "SELECT ws FROM passwords"));
	snprintf(hash, sizeof hash, "%s", rig_sql_text(&rig, "SELECT hash FROM passwords"));
	/* There, Ann has a password, which is the one that Bob has here; here she has none. */
	snprintf(query, sizeof query,
	    "WITH w AS (INSERT INTO workspaces (ws, name) VALUES ('11111111-1111-4111-8111-111111111111', 'two') RETURNING ws),"
	    " p AS (INSERT INTO people (ws, id, name) SELECT ws, '22222222-2222-4222-8222-222222222222', 'Ann of two' FROM w RETURNING ws, id),"
	    " i AS (INSERT INTO identities (ws, adapter, external_id, person_id, verified)"
	    " SELECT p.ws, x.adapter, x.name, p.id, 2 FROM p, (VALUES ('email', '%s'), ('web', 'as:ann')) x (adapter, name) RETURNING 1),"
	    " m AS (INSERT INTO members (ws, node_id, person_id, role) SELECT ws, ws, id, 3 FROM p RETURNING 1),"
	    " k AS (INSERT INTO passwords (ws, person_id, hash) SELECT ws, id, '%s' FROM p RETURNING 1) SELECT count(*) FROM i, m, k",
	    post_ann, hash);
	assert_int_equal(rig_sql(&rig, query), 2);
	assert_int_equal(enter(post_ann, WRONG " of his"), 401);
	assert_int_equal(enter("ann", WRONG " of his"), 401);
	set_password(post_ann, RIGHT);
	assert_int_equal(enter(post_ann, WRONG " of his"), 401);
	assert_int_equal(enter(post_ann, RIGHT), 200);
	snprintf(query, sizeof query, "SELECT count(*) FROM sessions WHERE ws <> '%s'", ours_ws);
	assert_int_equal(rig_sql(&rig, query), 0);
	/* What is taken away here stays there, and nobody there is found from here. */
	assert_int_equal(eddy("password", "remove", post_ann, &out), 0);
	free(out);
	snprintf(query, sizeof query, "SELECT count(*) FROM passwords WHERE ws <> '%s'", ours_ws);
	assert_int_equal(rig_sql(&rig, query), 1);
	assert_int_equal(enter(post_ann, RIGHT), 401);
	assert_int_equal(eddy("password", "remove", "22222222-2222-4222-8222-222222222222", &out), 1);
	assert_non_null(strstr(out, "Nobody is known by that name"));
	free(out);
	assert_int_equal(rig_sql(&rig, query), 1);
}

int main(void)
{
#define one(t) cmocka_unit_test_setup_teardown(t, post_set_up, post_tear_down)
	const struct CMUnitTest tests[] = {
		one(address__with_its_password__is_let_in_and_nobody_else),
		one(address__that_nobody_has__costs_as_much_as_one_that_somebody_has),
		one(address__tried_too_often__waits_and_nobody_else_does),
		one(address__of_two_workspaces__is_the_account_of_this_one),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, post_up, post_down);
}
