/* `eddy chat` as a person in a pipe sees it: real sockets, the fake engine behind them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "../web/fake_engine.c"
#include "../web/server_fixture.c"

#include "../../../adapters/cli/cli.h"
#include "../../../core/base/buf.h"

static const struct setting *const tables[] = { core_settings, web_settings, NULL };

static const char *thread;   /* --thread */
static int later_input = -1; /* what ${meanwhile} writes to and closes, if it has asked for that with 0 */

/* Runs the chat in a child: its output in ${out}, its exit code returned. */
static int chat(const char *question, const char *input, struct buf *out, void (*meanwhile)(pid_t child))
{
	int in[2], to[2];
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char listen[64], data[100], *overrides[] = { listen, data, NULL };
		char *argv[] = { (char *)(uintptr_t)question, NULL };
		close(in[1]); /* or its own end of input would never come */
		close(to[0]);
		dup2(in[0], 0);
		dup2(to[1], 1);
		dup2(to[1], 2);
		snprintf(listen, sizeof listen, "web.listen=127.0.0.1:%d", server.port);
		snprintf(data, sizeof data, "data_dir=%s", server.dir);
		setenv("HOME", server.dir, 1);
		struct cli c = {
			.tables = tables, .overrides = overrides, .argc = question != NULL, .argv = argv, .thread = thread
		};
		int r = cmd_chat(&c);
		fflush(stdout);
		_exit(r);
	}
	close(in[0]);
	close(to[1]);
	assert_true(write(in[1], input, strlen(input)) == (ssize_t)strlen(input));
	if (later_input == 0)
		later_input = in[1];
	else
		close(in[1]);
	if (meanwhile != NULL)
		meanwhile(pid);
	char room[4096];
	ssize_t n;
	buf_reserve(out, 1);
	while ((n = read(to[0], room, sizeof room)) > 0)
		buf_add(out, room, (size_t)n);
	close(to[0]);
	int status = 0;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void chat__with_a_question__prints_the_answer_and_ends(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	fake.auto_answer = "**Forty-two**, and a `bit`.";
	assert_int_equal(chat("what is it?", "", &out, NULL), EXIT_OK);
	assert_string_equal(out.p, "Forty-two, and a bit.\n");
	buf_done(&out);
}

static void chat__in_a_pipe__answers_line_by_line(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	fake.auto_answer = "yes";
	assert_int_equal(chat(NULL, "one\n\ntwo\nthree", &out, NULL), EXIT_OK);
	assert_string_equal(out.p, "yes\nyes\nyes\n");
	assert_int_equal(fake.len, 6);
	buf_done(&out);
}

static void chat__in_a_thread_with_a_past__prints_the_new_answer(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	thread = "0b3a6a52-7a39-4d0e-9b6a-6c1f3f1b5a10";
	fake.auto_answer = "the old answer";
	assert_int_equal(chat("one", "", &out, NULL), EXIT_OK);
	fake.auto_answer = "the new answer";
	buf_reset(&out);
	assert_int_equal(chat("two", "", &out, NULL), EXIT_OK);
	thread = NULL;
	assert_string_equal(out.p, "the new answer\n");
	buf_done(&out);
}

static void chat__after_a_failure__says_what_it_cannot_show(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	fake.auto_answer = "That did not work.";
	fake.offer = "Ask again to let me try once more.";
	assert_int_equal(chat("what is it?", "", &out, NULL), EXIT_FAILED);
	assert_string_equal(out.p, "That did not work.\nAsk again to let me try once more.\nThe log\n");
	buf_done(&out);
}

/* A draft with its buttons, and where the side thread is: as words to type. */
static void chat__with_buttons__says_what_to_type(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	const struct component offers[] = {
		{ .kind = COMPONENT_BUTTON, .action = "command", .value = "accept", .label = "Accept" },
		{ .kind = COMPONENT_BUTTON, .action = "fork.edit", .value = "**Draft**", .label = "Edit", .fallback = "x" },
		{ .kind = COMPONENT_BUTTON, .action = "command", .value = "discard", .label = "Discard" },
		{ .kind = COMPONENT_LINK,
		    .action = "fork.open",
		    .value = "http://127.0.0.1:1/#/t/0b3a6a52-7a39-4d0e-9b6a-6c1f3f1b5a10",
		    .label = "Which database?" },
		{ .kind = COMPONENT_LINK, .action = "link", .value = "https://chat.example.org/p1", .label = "Open" },
	};
	fake.auto_answer = "A draft:";
	fake.offers = offers;
	fake.offers_len = 5;
	assert_int_equal(chat("resolve", "", &out, NULL), EXIT_OK);
	assert_string_equal(out.p,
	    "A draft:\nHere in the terminal: eddy chat --thread 0b3a6a52-7a39-4d0e-9b6a-6c1f3f1b5a10\n"
	    "Open: https://chat.example.org/p1\nYou can say: accept, edit: TEXT, discard (a \\ at the end of a line goes on in the next one)\n");
	buf_done(&out);
}

static void chat__lines_that_end_in_a_backslash__are_one_message(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	fake.auto_answer = "yes";
	assert_int_equal(chat(NULL, "edit:\\\n**Postgres**\\\n\\\n- one place\n", &out, NULL), EXIT_OK);
	assert_string_equal(out.p, "yes\n");
	assert_int_equal(fake.len, 2);
	assert_string_equal(fake.messages[0].text, "edit:\n**Postgres**\n\n- one place");
	buf_done(&out);
}

/* The lines of the server, which lives in this process; cut if ${cut}. */
static int lines(bool cut)
{
	int n = 0;
	for (int fd = 3; fd < 1024; fd++) {
		struct sockaddr_in own, peer;
		socklen_t own_n = sizeof own, peer_n = sizeof peer;
		if (getsockname(fd, (struct sockaddr *)&own, &own_n) == 0 && own_n == sizeof own && own.sin_family == AF_INET &&
		    ntohs(own.sin_port) == server.port && getpeername(fd, (struct sockaddr *)&peer, &peer_n) == 0)
			n += !cut || shutdown(fd, SHUT_RDWR) == 0;
	}
	return n;
}

static void cut_while_nobody_asks(pid_t child)
{
	(void)child;
	for (int cuts = 0, i = 0; cuts < 3 && i < 300; i++) {
		usleep(100 * 1000);
		if (fake.len >= 2) /* the first question is answered */
			cuts += lines(true) > 0;
	}
	usleep(500 * 1000);
	for (int i = 0; i < 300 && lines(false) == 0; i++)
		usleep(100 * 1000);
	usleep(500 * 1000); /* and has subscribed */
	assert_int_equal(write(later_input, "two\n", 4), 4);
	close(later_input);
	later_input = -1;
}

static void chat__cut_while_it_was_idle__does_not_tell_the_whole_story(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	fake.auto_answer = "yes";
	later_input = 0;
	assert_int_equal(chat(NULL, "one\n", &out, cut_while_nobody_asks), EXIT_OK);
	assert_string_equal(out.p, "yes\nyes\n");
	buf_done(&out);
}

static void chat__without_a_server__says_how_to_start_one(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	char path[128];
	snprintf(path, sizeof path, "%s/" WEB_TOKEN_FILE, server.dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(chat("hello", "", &out, NULL), EXIT_NO_SERVER);
	assert_non_null(strstr(out.p, "make run"));
	buf_done(&out);
}

static void chat__with_an_old_token__says_that_it_is_denied(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	char path[128];
	snprintf(path, sizeof path, "%s/" WEB_TOKEN_FILE, server.dir);
	FILE *f = fopen(path, "we");
	fputs("0123456789012345678901234567890123456789\n", f);
	fclose(f);
	assert_int_equal(chat("hello", "", &out, NULL), EXIT_NO_SERVER);
	assert_non_null(strstr(out.p, "token"));
	buf_done(&out);
}

static void interrupt(pid_t child)
{
	for (int i = 0; i < 4500 && fake.len == 0; i++)
		usleep(20000);
	usleep(200000);
	kill(child, SIGINT);
	for (int i = 0; i < 4500 && fake.stops == 0; i++)
		usleep(20000);
	struct reply r = { .kind = REPLY_ABANDON,
		.run = fake.last_run,
		.thread = fake.last_thread,
		.origin = fake.last_key,
		.origin_len = strlen(fake.last_key),
		.text = "" };
	fake.ops->send(fake.adapter, &r);
}

static void chat__at_ctrl_c__stops_the_answer(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	fake.hang = "The beginning of a long ";
	assert_int_equal(chat("tell me", "", &out, interrupt), EXIT_INTERRUPTED);
	assert_int_equal(fake.stops, 1);
	assert_non_null(strstr(out.p, "The beginning of a"));
	assert_non_null(strstr(out.p, "(stopped)"));
	buf_done(&out);
}

#define T(f) cmocka_unit_test_setup_teardown(f, server_up, server_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(chat__with_a_question__prints_the_answer_and_ends),
		T(chat__in_a_pipe__answers_line_by_line),
		T(chat__in_a_thread_with_a_past__prints_the_new_answer),
		T(chat__after_a_failure__says_what_it_cannot_show),
		T(chat__with_buttons__says_what_to_type),
		T(chat__lines_that_end_in_a_backslash__are_one_message),
		T(chat__cut_while_it_was_idle__does_not_tell_the_whole_story),
		T(chat__without_a_server__says_how_to_start_one),
		T(chat__with_an_old_token__says_that_it_is_denied),
		T(chat__at_ctrl_c__stops_the_answer),
	};
	return cmocka_run_group_tests_name("chat", tests, NULL, NULL);
}
