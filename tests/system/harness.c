/*
 * Everything lives in one folder under TMPDIR and one database per rig; children end with this process.  Waiting is polling with a
 * limit.  The rig reads the database as the administrator, beside row security, because it judges all tenants at once.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "../support/port.h"

enum { READY_MS = 120000, PATIENCE_MS = 90000 };

int64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void sleep_ms(int ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 }, NULL);
}

int rig_patience(int ms)
{
	return ms < PATIENCE_MS ? PATIENCE_MS : ms;
}

int rig_rounds(int n)
{
	return getenv("EDDY_TEST_LONG") != NULL ? n : 1;
}

void rig_filter(void)
{
	if (getenv("EDDY_TEST_ONLY") != NULL)
		cmocka_set_test_filter(getenv("EDDY_TEST_ONLY"));
}

static void show_log(const struct daemon *d)
{
	FILE *f = *d->log != '\0' ? fopen(d->log, "r") : NULL;
	if (f == NULL)
		return;
	fseek(f, 0, SEEK_END);
	long size = ftell(f);
	fseek(f, size > 12000 ? size - 12000 : 0, SEEK_SET);
	char line[2000];
	fprintf(stderr, "---- the end of %s\n", d->log);
	while (fgets(line, sizeof line, f) != NULL)
		fputs(line, stderr);
	fclose(f);
}

/* What the fake Slack saw last. */
static void show_journal(const struct rig *r)
{
	char *text = NULL;
	if (r->slack.port == 0 || http_do(r->slack.port, "POST", "/control/journal", NULL, NULL, 0, 3000, &text) != 200)
		return;
	json_t *o = json_loads(text, 0, NULL), *entries = json_object_get(o, "entries");
	size_t n = json_array_size(entries);
	fprintf(stderr, "---- the end of the fake Slack's journal\n");
	for (size_t i = n > 60 ? n - 60 : 0; i < n; i++) {
		char *line = json_dumps(json_array_get(entries, i), JSON_COMPACT);
		fprintf(stderr, "%s\n", line);
		free(line);
	}
	json_decref(o);
	free(text);
}

/* Work that is left, as the database has it. */
static void show_open(const struct rig *r)
{
	static const char query[] =
	    "SELECT 'run ' || r.id || ' thread ' || r.thread_id || ' state ' || r.state || ' attempt ' || r.attempt || ' token ' || r.token || "
	    "' dispatch ' || coalesce(row_to_json(d)::text, 'none') FROM eddy.runs r LEFT JOIN eddy.dispatch d ON d.ws = r.ws AND "
	    "d.thread_id = r.thread_id WHERE r.state <= 2 UNION ALL SELECT 'delivery ' || o.id || ' state ' || o.state || ' attempts ' || o.attempts || "
	    "' due ' || o.due || ' dispatch ' || coalesce(row_to_json(d)::text, 'none') FROM eddy.outbox o LEFT JOIN eddy.dispatch d ON d.ws = o.ws AND "
	    "d.thread_id = o.thread_id WHERE o.state <= 2 LIMIT 40";
	PGconn *c = PQconnectdb(r->database);
	PGresult *res = PQexec(c, query);
	fprintf(stderr, "---- work that is left: %d\n", PQntuples(res));
	for (int i = 0; i < PQntuples(res); i++)
		fprintf(stderr, "%s\n", PQgetvalue(res, i, 0));
	PQclear(res);
	/* Who waits for whom: a process frozen in the middle of a transaction shows here. */
	res = PQexec(c,
	    "SELECT pid || ' ' || coalesce(state, '') || ' ' || coalesce(wait_event, '') || ' transaction since ' ||"
	    " coalesce((now() - xact_start)::text, 'none') || ' blocked by ' || pg_blocking_pids(pid)::text || ': ' || left(query, 200)"
	    " FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
	fprintf(stderr, "---- sessions of the database: %d\n", PQntuples(res));
	for (int i = 0; i < PQntuples(res); i++)
		fprintf(stderr, "%s\n", PQgetvalue(res, i, 0));
	PQclear(res);
	PQfinish(c);
}

_Noreturn void rig_fail(struct rig *r, const char *format, ...)
{
	char text[1000];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	fprintf(stderr, "---- %s\n", text);
	r->failed = true;
	show_log(&r->d[0]);
	show_log(&r->d[1]);
	show_journal(r);
	if (*r->database != '\0')
		show_open(r);
	rig_close(r); /* the test function does not come back to do it */
	print_error("%s\n", text);
	fail();
	abort();
}

/* ---- the database ---- */
static PGconn *connect_admin(struct rig *r, const char *url)
{
	PGconn *c = PQconnectdb(url);
	if (PQstatus(c) != CONNECTION_OK) {
		char why[300];
		snprintf(why, sizeof why, "%s", PQerrorMessage(c));
		PQfinish(c);
		rig_fail(r, "database: %s", why);
	}
	return c;
}

/* One connection serves all queries of a rig, or half of a test's time went into making them; a server that went away is asked anew. */
static PGconn *connection_to(struct rig *r, const char *url)
{
	if (r->sql != NULL && strcmp(r->sql_url, url) == 0 && PQstatus(r->sql) == CONNECTION_OK)
		return r->sql;
	PQfinish(r->sql);
	r->sql = NULL;
	r->sql = connect_admin(r, url);
	snprintf(r->sql_url, sizeof r->sql_url, "%s", url);
	PQclear(PQexec(r->sql, "SET search_path = eddy, public"));
	return r->sql;
}

static char *query_text(struct rig *r, const char *url, const char *query)
{
	PGresult *res = PQexec(connection_to(r, url), query);
	if (PQstatus(r->sql) != CONNECTION_OK) {
		PQclear(res);
		res = PQexec(connection_to(r, url), query);
	}
	ExecStatusType status = PQresultStatus(res);
	char *out = NULL, why[300] = "";
	if (status == PGRES_TUPLES_OK)
		out = strdup(PQntuples(res) > 0 && !PQgetisnull(res, 0, 0) ? PQgetvalue(res, 0, 0) : "");
	else if (status == PGRES_COMMAND_OK)
		out = strdup("");
	else
		snprintf(why, sizeof why, "%s", PQresultErrorMessage(res));
	PQclear(res);
	if (out == NULL)
		rig_fail(r, "%s: %s", query, why);
	return out;
}

const char *rig_sql_text(struct rig *r, const char *query)
{
	static char *last;
	free(last);
	last = NULL; /* the query may end the test */
	return last = query_text(r, r->database, query);
}

int64_t rig_sql(struct rig *r, const char *query)
{
	return strtoll(rig_sql_text(r, query), NULL, 10);
}

/* The same address with another database's name. */
static void address_of(char *out, size_t n, const char *url, const char *name)
{
	const char *path = strstr(url, "://"), *query = strchr(url, '?');
	path = path != NULL ? strchr(path + 3, '/') : NULL;
	if (path == NULL) {
		fprintf(stderr, "EDDY_TEST_ADMIN_URL is not an address\n");
		abort();
	}
	snprintf(out, n, "%.*s/%s%s", (int)(path - url), url, name, query != NULL ? query : "");
}

static void run_as_postgres(const char *const argv[], const char *log)
{
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd >= 0) {
		dup2(fd, 1);
		dup2(fd, 2);
	}
	if (geteuid() != 0) {
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	const char *with[40] = { "/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--reset-env" };
	size_t n = 5;
	for (size_t i = 0; argv[i] != NULL && n < 39; i++)
		with[n++] = argv[i];
	with[n] = NULL;
	if (chdir("/") == 0)
		execv(with[0], (char *const *)(uintptr_t)with);
	_exit(127);
}

void rig_postgres_start(struct rig *r)
{
	char program[300], data[300], log[300], url[300], socket_dir[210];
	snprintf(program, sizeof program, "%s/postgres", getenv("EDDY_TEST_PG_BIN"));
	snprintf(data, sizeof data, "%s/data", r->pg_dir);
	snprintf(log, sizeof log, "%s/log", r->dir);
	snprintf(socket_dir, sizeof socket_dir, "%s", r->pg_dir);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGQUIT);
		const char *const argv[] = { program, "-D", data, "-k", socket_dir, "-c", "listen_addresses=", "-c",
			"log_min_messages=fatal", NULL };
		run_as_postgres(argv, log);
	}
	r->postgres = pid;
	snprintf(url, sizeof url, "postgresql://postgres@/postgres?host=%s", r->pg_dir);
	rig_wait(r, 90000, "the rig's own Postgres", PQping(url) == PQPING_OK);
}

void rig_postgres_stop(struct rig *r)
{
	if (r->postgres <= 0)
		return;
	kill(r->postgres, SIGQUIT);
	waitpid(r->postgres, NULL, 0);
	r->postgres = 0;
}

static bool run_and_wait(void (*child)(void *), void *arg)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		child(arg);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void exec_initdb(void *arg)
{
	struct rig *r = arg;
	char program[300], data[300], log[300];
	snprintf(program, sizeof program, "%s/initdb", getenv("EDDY_TEST_PG_BIN"));
	snprintf(data, sizeof data, "%s/data", r->pg_dir);
	snprintf(log, sizeof log, "%s/log", r->dir);
	const char *const argv[] = { program, "-D", data, "-A", "trust", "-U", "postgres", "--locale=C.UTF-8", "-E", "UTF8",
		"--no-sync", NULL };
	run_as_postgres(argv, log);
}

static void exec_remove(void *arg)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(null, 2);
	execlp("rm", "rm", "-rf", "--", (const char *)arg, (char *)NULL);
	_exit(127);
}

static void exec_own(void *arg)
{
	execlp("chown", "chown", "postgres", (const char *)arg, (char *)NULL);
	_exit(127);
}

void rig_own_postgres(struct rig *r)
{
	if (getenv("EDDY_TEST_PG_BIN") == NULL)
		rig_fail(r, "EDDY_TEST_PG_BIN is not set: run through scripts/test");
	snprintf(r->pg_dir, sizeof r->pg_dir, "%s/eddy-rig-pg.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(r->pg_dir) == NULL || (geteuid() == 0 && !run_and_wait(exec_own, r->pg_dir)) || !run_and_wait(exec_initdb, r))
		rig_fail(r, "initdb did not work in %s", r->pg_dir);
	rig_postgres_start(r);
	char url[300], text[200];
	snprintf(url, sizeof url, "postgresql://postgres@/postgres?host=%s", r->pg_dir);
	snprintf(text, sizeof text, "CREATE DATABASE %s", r->name);
	free(query_text(r, url, text));
	address_of(r->database, sizeof r->database, url, r->name);
}

/* ---- opening and closing ---- */
/* Whether the lease can be shortened by a setting, so that a rescue need not be waited for half a minute. */
static bool knows_lease(void)
{
	static int known = -1;
	char command[300];
	const char *build = getenv("EDDY_BUILD");
	snprintf(command, sizeof command, "%s/eddy config print 2>/dev/null | grep -q 'lease:'", build != NULL ? build : "build");
	if (known < 0)
		known = system(command) == 0;
	return known == 1;
}

void rig_open(struct rig *r, const char *const *slack_options, const char *const *model_options)
{
	static int number;
	const char *tmp = getenv("TMPDIR"), *admin = getenv("EDDY_TEST_ADMIN_URL");
	*r = (struct rig){ 0 };
	signal(SIGPIPE, SIG_IGN);
	snprintf(r->dir, sizeof r->dir, "%s/eddy-rig.XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(r->dir) == NULL || admin == NULL)
		rig_fail(r, "no folder or no EDDY_TEST_ADMIN_URL: run through scripts/test");
	snprintf(r->name, sizeof r->name, "eddy_rig_%d_%d", (int)getpid(), ++number);
	char text[200];
	snprintf(text, sizeof text, "CREATE DATABASE %s", r->name);
	free(query_text(r, admin, text));
	address_of(r->database, sizeof r->database, admin, r->name);
	/* each daemon has a data folder of its own: two machines with one database */
	rig_env(r, "EDDY_MASTER_KEY=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
	r->slack = fake_start("slack", slack_options);
	r->model = fake_start("model", model_options);
	if (knows_lease()) {
		rig_env(r, "EDDY_ENGINE_LEASE=4s");
		rig_env(r, "EDDY_ENGINE_HEARTBEAT=1s");
		rig_env(r, "EDDY_ENGINE_SCAN=500ms");
	}
}

/* What a sanitizer reported in a daemon's log, if anything: the first line of it. */
static bool sanitizer_report(const struct daemon *d, char *line, int size)
{
	FILE *f = *d->log != '\0' ? fopen(d->log, "r") : NULL;
	bool found = false;
	while (f != NULL && !found && fgets(line, size, f) != NULL)
		found = strstr(line, "ERROR: AddressSanitizer") != NULL || strstr(line, "ERROR: LeakSanitizer") != NULL ||
		    strstr(line, "runtime error: ") != NULL || strstr(line, "WARNING: ThreadSanitizer") != NULL;
	if (f != NULL)
		fclose(f);
	return found;
}

/* Under a sanitizer a daemon ends in order, so that leaks are told; a report of any daemon fails the test. */
static void end_daemons(struct rig *r)
{
	bool orderly = getenv("EDDY_TEST_ORDERLY") != NULL && !r->failed;
	for (int i = 0; i < 2; i++) {
		int64_t until = now_ms() + PATIENCE_MS;
		rig_signal(r, i, SIGCONT);
		if (orderly)
			rig_signal(r, i, SIGTERM);
		while (orderly && rig_lives(r, i) && now_ms() < until)
			sleep_ms(20);
		bool late = orderly && r->d[i].pid > 0;
		rig_kill(r, i);
		char line[500];
		if (!r->failed && (late || sanitizer_report(&r->d[i], line, sizeof line)))
			rig_fail(r, "daemon %d: %s", i, late ? "did not end after SIGTERM" : line);
	}
}

void rig_close(struct rig *r)
{
	end_daemons(r);
	PQfinish(r->sql);
	r->sql = NULL;
	fake_end(&r->slack);
	fake_end(&r->model);
	if (*r->pg_dir != '\0') {
		rig_postgres_stop(r);
		run_and_wait(exec_remove, r->pg_dir);
	}
	const char *admin = getenv("EDDY_TEST_ADMIN_URL");
	if (admin != NULL && *r->name != '\0') {
		char text[200];
		snprintf(text, sizeof text, "DROP DATABASE IF EXISTS %s WITH (FORCE)", r->name);
		PGconn *c = PQconnectdb(admin);
		PQclear(PQexec(c, text));
		PQfinish(c);
	}
	if (*r->dir != '\0')
		run_and_wait(exec_remove, r->dir);
	*r = (struct rig){ 0 };
}

void rig_env(struct rig *r, const char *assignment)
{
	size_t name = strcspn(assignment, "=") + 1;
	for (size_t i = 0; i < r->extra_len; i++)
		if (strncmp(r->extra[i], assignment, name) == 0) {
			r->extra[i] = assignment;
			return;
		}
	if (r->extra_len < sizeof r->extra / sizeof *r->extra)
		r->extra[r->extra_len++] = assignment;
}

/* ---- daemons ---- */
static void child_env(struct rig *r, struct daemon *d, const char *fault)
{
	char text[400];
	static const char *const kept[] = { "PATH", "HOME", "TMPDIR", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
		"TSAN_OPTIONS" };
	char *values[sizeof kept / sizeof *kept];
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		values[i] = getenv(kept[i]) != NULL ? strdup(getenv(kept[i])) : NULL;
	clearenv();
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		if (values[i] != NULL)
			setenv(kept[i], values[i], 1);
	snprintf(text, sizeof text, "http://127.0.0.1:%d/api/", r->slack.port);
	setenv("EDDY_SLACK_API_URL", text, 1);
	setenv("EDDY_SLACK_APP_TOKEN", "xapp-fake", 1);
	setenv("EDDY_SLACK_BOT_TOKEN", "xoxb-fake", 1);
	setenv("EDDY_SLACK_STREAM", "off", 1);
	snprintf(text, sizeof text, "http://127.0.0.1:%d", r->model.port);
	setenv("EDDY_MODEL_PROVIDER", "anthropic", 1);
	setenv("EDDY_MODEL_BASE_URL", text, 1);
	setenv("EDDY_MODEL_API_KEY", "fake-key", 1);
	setenv("EDDY_MODEL_NAME", "fake-model", 1);
	setenv("EDDY_MODEL_DAILY_CAP", "100000", 1);
	setenv("EDDY_LIMITS_PERSON", "1000000", 1); /* one person asks for many */
	setenv("EDDY_LIMITS_WORKSPACE", "1000000", 1);
	setenv("EDDY_DATABASE_ADMIN_URL", r->database, 1);
	setenv("EDDY_DATA_DIR", d->dir, 1);
	snprintf(text, sizeof text, "127.0.0.1:%d", d->port);
	setenv("EDDY_WEB_LISTEN", text, 1);
	for (size_t i = 0; i < r->extra_len; i++) {
		const char *eq = strchr(r->extra[i], '=');
		snprintf(text, sizeof text, "%.*s", (int)(eq - r->extra[i]), r->extra[i]);
		if (eq[1] == '\0')
			unsetenv(text);
		else
			setenv(text, eq + 1, 1);
	}
	if (fault != NULL)
		setenv("EDDY_FAULT", fault, 1);
}

void rig_spawn(struct rig *r, int i, const char *fault)
{
	struct daemon *d = &r->d[i];
	char program[300];
	const char *build = getenv("EDDY_BUILD");
	if (d->port == 0)
		d->port = port_free();
	snprintf(program, sizeof program, "%s/eddy", build != NULL ? build : "build");
	snprintf(d->log, sizeof d->log, "%s/eddy-%d.log", r->dir, i);
	snprintf(d->dir, sizeof d->dir, "%s/data-%d", r->dir, i);
	d->pid = fork();
	if (d->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int fd = open(d->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644),
		    null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		dup2(null, 0);
		dup2(fd, 1);
		dup2(fd, 2);
		child_env(r, d, fault);
		execl(program, "eddy", "serve", (char *)NULL);
		perror(program);
		_exit(127);
	}
}

bool rig_lives(struct rig *r, int i)
{
	int status;
	if (r->d[i].pid > 0 && waitpid(r->d[i].pid, &status, WNOHANG) == r->d[i].pid)
		r->d[i].pid = 0;
	return r->d[i].pid > 0;
}

int rig_eddy(struct rig *r, int i, const char *const *args, const char *input, char **out, size_t *n)
{
	struct daemon *d = &r->d[i];
	char program[300], room[4096];
	const char *build = getenv("EDDY_BUILD"), *argv[20] = { "eddy" };
	int in[2], back[2], status = -1;
	size_t len = 0;
	snprintf(program, sizeof program, "%s/eddy", build != NULL ? build : "build");
	for (size_t k = 0; args[k] != NULL && k < 18; k++)
		argv[k + 1] = args[k];
	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(back, O_CLOEXEC) != 0)
		rig_fail(r, "no pipe");
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		dup2(back[1], 1);
		dup2(back[1], 2);
		child_env(r, d, NULL);
		execv(program, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(in[0]);
	close(back[1]);
	if (input != NULL && write(in[1], input, strlen(input)) < 0)
		rig_fail(r, "eddy %s takes no input", args[0]);
	close(in[1]);
	FILE *f = open_memstream(out, n);
	for (ssize_t got; (got = read(back[0], room, sizeof room)) > 0;)
		len += fwrite(room, 1, (size_t)got, f);
	fclose(f);
	close(back[0]);
	waitpid(pid, &status, 0);
	*n = len;
	return status;
}

static int links(struct rig *r)
{
	json_t *s = fake_control(&r->slack, "state", NULL);
	size_t n = 0, i;
	json_t *l;
	json_array_foreach (json_object_get(s, "links"), i, l)
		n += json_is_true(json_object_get(l, "ready")) && !json_is_true(json_object_get(l, "frozen"));
	json_decref(s);
	return (int)n;
}

void rig_wait_ready(struct rig *r, int i)
{
	int64_t until = now_ms() + READY_MS;
	int status = 0;
	for (;;) {
		if (!rig_lives(r, i))
			rig_fail(r, "daemon %d ended while starting", i);
		if (status != 200)
			status = http_do(r->d[i].port, "GET", "/readyz", NULL, NULL, 0, 1000, NULL);
		bool other = r->d[1 - i].pid > 0;
		if (status == 200 && links(r) >= (other ? 2 : 1))
			return;
		if (now_ms() > until)
			rig_fail(r, "daemon %d is not ready: /readyz says %d, %d links", i, status, links(r));
		sleep_ms(20);
	}
}

void rig_serve(struct rig *r, int i, const char *fault)
{
	rig_spawn(r, i, fault);
	rig_wait_ready(r, i);
}

void rig_local_token(struct rig *r, int i, char out[80])
{
	char path[300];
	snprintf(path, sizeof path, "%s/local-token", r->d[i].dir);
	FILE *f = fopen(path, "re");
	if (f == NULL || fgets(out, 80, f) == NULL)
		rig_fail(r, "no token in %s", path);
	fclose(f);
	out[strcspn(out, "\n")] = '\0';
}

void rig_signal(struct rig *r, int i, int signo)
{
	if (r->d[i].pid > 0)
		kill(r->d[i].pid, signo);
}

int rig_wait_end(struct rig *r, int i, int ms)
{
	int64_t until = now_ms() + rig_patience(ms);
	int status;
	while (waitpid(r->d[i].pid, &status, WNOHANG) == 0) {
		if (now_ms() > until)
			rig_fail(r, "daemon %d did not end within %d ms", i, rig_patience(ms));
		sleep_ms(10);
	}
	r->d[i].pid = 0;
	return status;
}

void rig_kill(struct rig *r, int i)
{
	if (r->d[i].pid <= 0)
		return;
	kill(r->d[i].pid, SIGKILL);
	waitpid(r->d[i].pid, NULL, 0);
	r->d[i].pid = 0;
}

/* ---- people and answers ---- */
const char *rig_say(struct rig *r, const char *channel, const char *thread, int n, const char *text)
{
	static char ts[32];
	char with[500];
	snprintf(with, sizeof with, "%s #%d", text, n);
	json_t *o = thread != NULL ? fake_control(&r->slack, "say", "{s:s, s:s, s:s, s:b}", "channel", channel, "text", with,
	                                 "thread_ts", thread, "mention", *channel != 'D')
	                           : fake_control(&r->slack, "say", "{s:s, s:s}", "channel", channel, "text", with);
	snprintf(ts, sizeof ts, "%s", json_string_value(json_object_get(o, "ts")));
	json_decref(o);
	return ts;
}

static bool holds(const char *text, int n)
{
	char mark[16];
	int len = snprintf(mark, sizeof mark, "#%d", n);
	for (const char *p = text; (p = strstr(p, mark)) != NULL; p++)
		if (p[len] < '0' || p[len] > '9')
			return true;
	return false;
}

/* A message as it is seen: its text, and what its blocks say. */
static char *seen_text(const json_t *m)
{
	const char *text = json_string_value(json_object_get(m, "text"));
	char *blocks = json_dumps(json_object_get(m, "blocks"), JSON_ENCODE_ANY), *out = NULL;
	if (asprintf(&out, "%s\n%s", text != NULL ? text : "", blocks != NULL ? blocks : "") < 0)
		abort();
	free(blocks);
	return out;
}

static bool is_visible_answer(const json_t *m)
{
	return json_is_true(json_object_get(m, "bot")) && !json_is_true(json_object_get(m, "deleted"));
}

static int count_answers(const json_t *messages, int n)
{
	size_t i;
	json_t *m;
	int found = 0;
	json_array_foreach (messages, i, m) {
		if (!is_visible_answer(m))
			continue;
		char *s = seen_text(m);
		found += n == 0 || holds(s, n);
		free(s);
	}
	return found;
}

static json_t *messages_of(struct rig *r, const char *channel, const char *thread)
{
	if (channel == NULL)
		return fake_control(&r->slack, "messages", "{}");
	if (thread == NULL)
		return fake_control(&r->slack, "messages", "{s:s}", "channel", channel);
	return fake_control(&r->slack, "messages", "{s:s, s:s}", "channel", channel, "thread_ts", thread);
}

int rig_answers(struct rig *r, const char *channel, const char *thread, int n)
{
	json_t *m = messages_of(r, channel, thread);
	int found = count_answers(m, n);
	json_decref(m);
	return found;
}

const char *rig_last_text(struct rig *r, const char *channel)
{
	static char *last;
	json_t *all = messages_of(r, channel, NULL), *m;
	free(last);
	last = NULL;
	for (size_t i = json_array_size(all); i > 0 && last == NULL; i--)
		if (is_visible_answer(m = json_array_get(all, i - 1)))
			last = seen_text(m);
	json_decref(all);
	return last != NULL ? last : "";
}

static const char *text_of(const json_t *m, const char *key)
{
	const char *s = json_string_value(json_object_get(m, key));
	return s != NULL ? s : "";
}

static const json_t *question(const json_t *messages, int n)
{
	size_t i;
	json_t *m;
	json_array_foreach (messages, i, m)
		if (!json_is_true(json_object_get(m, "bot")) && holds(text_of(m, "text"), n))
			return m;
	return NULL;
}

/* What became of the events of message #${n}. */
static void show_events(struct rig *r, int n)
{
	json_t *state = fake_control(&r->slack, "state", NULL), *e;
	const json_t *q = question(json_object_get(state, "messages"), n);
	size_t i;
	json_array_foreach (json_object_get(state, "events"), i, e)
		if (q != NULL && strcmp(text_of(e, "channel"), text_of(q, "channel")) == 0 &&
		    strcmp(text_of(e, "ts"), text_of(q, "ts")) == 0) {
			char *line = json_dumps(e, JSON_COMPACT);
			fprintf(stderr, "---- #%d: %s\n", n, line);
			free(line);
		}
	json_decref(state);
}

void rig_wait_answers(struct rig *r, int from, int to, int ms)
{
	int64_t until = now_ms() + rig_patience(ms);
	for (;;) {
		json_t *all = messages_of(r, NULL, NULL);
		int missing = 0, first = 0;
		for (int n = from; n <= to; n++)
			if (count_answers(all, n) == 0) {
				first = missing == 0 ? n : first;
				missing++;
			}
		json_decref(all);
		if (missing == 0)
			return;
		if (now_ms() > until) {
			show_events(r, first);
			rig_fail(r, "%d of %d messages have no answer after %d ms, the first is #%d", missing, to - from + 1,
			    rig_patience(ms), first);
		}
		sleep_ms(50);
	}
}

void rig_settle(struct rig *r, int ms)
{
	rig_wait(r, ms, "all runs and deliveries to end",
	    rig_sql(r, "SELECT (SELECT count(*) FROM runs WHERE state <= 2) + (SELECT count(*) FROM outbox WHERE state <= 2)") ==
	        0);
}

int64_t rig_unleased(struct rig *r)
{
	return rig_sql(r,
	    "SELECT count(*) FROM runs r LEFT JOIN dispatch d ON d.ws = r.ws AND d.thread_id = r.thread_id WHERE r.state <= 2 AND "
	    "(d.pending IS NULL OR d.pending <= 0 OR (d.owner IS NOT NULL AND d.lease_until < now() - interval '1 s'))");
}

int rig_rescue_ms(struct rig *r)
{
	(void)r;
	return knows_lease() ? 60000 : 90000;
}

/* ---- the checker ---- */
/* The event of a message: was any copy of it acknowledged? */
static bool acknowledged(const json_t *state, const json_t *message)
{
	size_t i;
	json_t *e;
	json_array_foreach (json_object_get(state, "events"), i, e)
		if (strcmp(text_of(e, "channel"), text_of(message, "channel")) == 0 &&
		    strcmp(text_of(e, "ts"), text_of(message, "ts")) == 0 && json_is_true(json_object_get(e, "acked")))
			return true;
	return false;
}

static int unacknowledged(struct rig *r)
{
	json_t *state = fake_control(&r->slack, "state", NULL), *e;
	size_t i;
	int n = 0;
	json_array_foreach (json_object_get(state, "events"), i, e)
		n += !json_is_true(json_object_get(e, "acked")) && json_integer_value(json_object_get(e, "deliveries")) > 0;
	json_decref(state);
	return n;
}

static void check_question(struct rig *r, const json_t *state, int n)
{
	const json_t *messages = json_object_get(state, "messages"), *q = question(messages, n);
	if (q == NULL)
		rig_fail(r, "there is no message #%d", n);
	if (!acknowledged(state, q))
		rig_fail(r, "#%d was never acknowledged", n);
	const char *thread = *text_of(q, "thread_ts") != '\0' ? text_of(q, "thread_ts") : text_of(q, "ts");
	size_t i;
	json_t *m;
	int here = 0, elsewhere = 0;
	json_array_foreach (messages, i, m) {
		if (!is_visible_answer(m))
			continue;
		char *s = seen_text(m);
		if (holds(s, n)) {
			bool right = strcmp(text_of(m, "channel"), text_of(q, "channel")) == 0 &&
			    strcmp(text_of(m, "thread_ts"), thread) == 0;
			here += right;
			elsewhere += !right;
		}
		free(s);
	}
	if (here != 1 || elsewhere != 0)
		rig_fail(r, "#%d has %d answers in its thread and %d elsewhere, not 1 and 0", n, here, elsewhere);
}

void rig_check(struct rig *r, int from, int to)
{
	rig_settle(r, rig_rescue_ms(r));
	/* What was answered before its acknowledgement was sent comes once more, and is acknowledged then. */
	rig_wait(r, 30000, "all events to be acknowledged", unacknowledged(r) == 0);
	json_t *state = fake_control(&r->slack, "state", NULL);
	for (int n = from; n <= to; n++)
		check_question(r, state, n);
	size_t visible = 0, i;
	json_t *m;
	json_array_foreach (json_object_get(state, "messages"), i, m) {
		visible += is_visible_answer(m);
		if (strcmp(text_of(m, "stream"), "open") == 0)
			rig_fail(r, "a stream was left open: %s", text_of(m, "text"));
	}
	char *violations = json_dumps(json_object_get(state, "violations"), JSON_COMPACT);
	if (strcmp(violations, "[]") != 0)
		rig_fail(r, "the fake Slack complains: %s", violations);
	free(violations);
	json_decref(state);
	int64_t sent = rig_sql(r, "SELECT count(*) FROM outbox WHERE state = 3 AND adapter = 'slack' AND NOT private_reply");
	if ((int64_t)visible != sent)
		rig_fail(r, "%zu visible messages for %lld deliveries that are marked sent", visible, (long long)sent);
	int64_t odd = rig_sql(r,
	    "SELECT count(*) FROM runs r WHERE state NOT IN (3, 4, 5, 6) OR (state = 4 AND NOT EXISTS (SELECT FROM runs o WHERE "
	    "o.ws = r.ws AND o.id = r.answered_by AND o.state = 3)) OR (state = 3 AND (SELECT count(*) FROM outbox x WHERE "
	    "x.ws = r.ws AND x.run_id = r.id AND x.state = 3) <> 1)");
	if (odd != 0)
		rig_fail(r, "%lld runs are neither answered with one delivery nor merged, failed or stopped", (long long)odd);
	int64_t pending = rig_sql(r, "SELECT count(*) FROM dispatch WHERE pending <> 0");
	if (pending != 0)
		rig_fail(r, "%lld threads have pending work although nothing is open", (long long)pending);
}

struct rig rig;

int rig_set_up(void **state)
{
	(void)state;
	rig_open(&rig, NULL, NULL);
	return 0;
}

int rig_tear_down(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}
