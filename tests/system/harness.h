#ifndef EDDY_SYSTEM_HARNESS_H
#define EDDY_SYSTEM_HARNESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../support/fake_process.h"

/*
 * A rig: the real build/eddy with a database, a data folder and ports of its own, between a fake Slack and a fake model.  Two
 * daemons may share one rig.  Whatever fails prints what it waited for and the end of the daemons' logs, and ends the test.
 *
 * A message that carries "#N" is answered by the fake model with "… #N …", so that an answer tells which messages it covers.
 */
struct daemon {
	pid_t pid;
	int port;
	char log[300], dir[256];
};
struct rig {
	struct fake_process slack, model;
	struct daemon d[2];
	char dir[200], database[300], name[64];
	pid_t postgres; /* a cluster of the rig's own (rig_own_postgres) */
	char pg_dir[200];
	const char *extra[96]; /* further environment of the daemons, "NAME=value" */
	size_t extra_len;
	struct pg_conn *sql; /* what rig_sql() asks through */
	char sql_url[300];
	bool failed; /* rig_fail() is on its way out */
};

/** Options: "--name=value" of the fakes, NULL-terminated or NULL. */
void rig_open(struct rig *r, const char *const *slack_options, const char *const *model_options);
/**
 * Ends the daemons, at once or, with EDDY_TEST_ORDERLY in the environment, by SIGTERM; fails the test if a sanitizer has reported
 * anything in one of their logs.
 */
void rig_close(struct rig *r);
/** Adds "NAME=value" (a literal) to what daemons are started with from now on. */
void rig_env(struct rig *r, const char *assignment);
/** A Postgres server for this rig alone, which may be stopped; before the first rig_serve(). */
void rig_own_postgres(struct rig *r);
void rig_postgres_stop(struct rig *r); /* at once, as a crash does */
void rig_postgres_start(struct rig *r);

/** Starts daemon ${i} (0, 1), with ${fault} armed (core/base/fault.h; NULL: none), and waits until it is ready and linked. */
void rig_serve(struct rig *r, int i, const char *fault);
/** The same without waiting. */
void rig_spawn(struct rig *r, int i, const char *fault);
void rig_wait_ready(struct rig *r, int i);
/**
 * Runs `eddy ${args}` (NULL-terminated) with the settings of daemon ${i} and ${input} (may be NULL) as its standard input, and waits.  Gives the wait
 * status, and what it wrote to both outputs in ${out} (terminated; the caller's to free).
 */
int rig_eddy(struct rig *r, int i, const char *const *args, const char *input, char **out, size_t *n);
/** The token that daemon ${i} has written for programs of its user. */
void rig_local_token(struct rig *r, int i, char out[80]);
void rig_signal(struct rig *r, int i, int signo);
/** Waits for its end; gives the wait status. */
int rig_wait_end(struct rig *r, int i, int ms);
void rig_kill(struct rig *r, int i); /* SIGKILL, and waits */
bool rig_lives(struct rig *r, int i);

/** A person writes "${text} #${n}" in ${channel}; gives the ts (static), answered in ${thread} when that is not NULL. */
const char *rig_say(struct rig *r, const char *channel, const char *thread, int n, const char *text);
/** Visible messages of Eddy in ${channel} and ${thread} (NULL: any) that hold "#${n}" (0: any). */
int rig_answers(struct rig *r, const char *channel, const char *thread, int n);
/** Waits until each of #${from} … #${to} has an answer. */
void rig_wait_answers(struct rig *r, int from, int to, int ms);
/** The text of Eddy's newest visible message in ${channel} (static), "" for none. */
const char *rig_last_text(struct rig *r, const char *channel);
/** Waits until nothing is left to do: no open run, no open delivery. */
void rig_settle(struct rig *r, int ms);
int64_t rig_sql(struct rig *r, const char *query);          /* one number, as the administrator */
const char *rig_sql_text(struct rig *r, const char *query); /* one text (static), "" for none */

/**
 * The checker over the histories: every message #${from} … #${to} whose event was acknowledged has exactly one visible answer, in its own
 * thread; every run is answered, merged into one that is, failed or stopped; one visible message per delivery; nothing runs without
 * a live lease; nothing that clients get wrong was seen by the fake Slack.
 */
void rig_check(struct rig *r, int from, int to);
/** The number of runs that run without a live lease at this moment: 0. */
int64_t rig_unleased(struct rig *r);

/** Milliseconds of the monotonic clock. */
int64_t now_ms(void);
void sleep_ms(int ms);
/** Ends the test with ${what}, after showing the logs. */
_Noreturn void rig_fail(struct rig *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define rig_wait(r, ms, what, condition) \
	do { \
		int64_t rig_until = now_ms() + rig_patience(ms); \
		while (!(condition)) { \
			if (now_ms() > rig_until) \
				rig_fail((r), "waited %d ms in vain for %s", rig_patience(ms), (what)); \
			sleep_ms(20); \
		} \
	} while (0)
/** What is waited at least for what must happen, whatever the machine is busy with: ${ms} or a minute and a half. */
int rig_patience(int ms);
/** What to wait for a rescue: the lease and a bit more. */
int rig_rescue_ms(struct rig *r);
/** True under EDDY_TEST_LONG: ${n} rounds instead of one. */
int rig_rounds(int n);

/* The rig of the test that runs, and set-up and tear-down around it, for cmocka_unit_test_setup_teardown(). */
extern struct rig rig;
int rig_set_up(void **state); /* fakes without options */
int rig_tear_down(void **state);

/** EDDY_TEST_ONLY: a pattern of test names to run alone. */
void rig_filter(void);

#endif
