/*
 * `eddy chat`: asks and shows.  The connection is client.c's, the text is flow.c's, the line is prompt.c's; here is what a person
 * sees.  In a pipe only answers are printed; at a terminal one dim line says what Eddy is doing.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/id.h"
#include "../../core/base/json.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"
#include "cli.h"
#include "client.h"
#include "probe.h"
#include "prompt.h"
#include "flow.h"

#define TEXT_MAX (128u * 1024u)
#define FIRST_TRY_MS 4000  /* nobody there for so long after the start: say so and end */
#define SILENT_END_MS 2000 /* a run has ended: its message is not far */
#define STOPPED_END_MS 300
#define AFTER_WORDS_MS 300 /* how the run ended, and what goes with its message, come right behind it */
#define STOP_WAIT_MS 3000

struct chat {
	struct client *client;
	bool terminal; /* stdout shows to a person */
	bool colour;
	bool up; /* was connected once */
	struct flow stream;
	bool status_shown, anything;
};

static volatile sig_atomic_t interrupts;

static void on_sigint(int sig)
{
	(void)sig;
	interrupts = interrupts + 1;
}

/* ---- what is seen ---- */

static void clear_status(struct chat *c)
{
	if (c->status_shown)
		fputs("\r\033[K", stdout);
	c->status_shown = false;
}

static void show_status(struct chat *c, const char *text)
{
	if (!c->terminal || !c->colour || c->stream.shown.len > 0)
		return;
	clear_status(c);
	/* "is thinking…" is made for places that put a name in front. */
	size_t n = strlen(text);
	if (n > 3 && memcmp(text, "is ", 3) == 0) {
		text += 3;
		n -= 3;
	}
	if (n >= 3 && memcmp(text + n - 3, "…", 3) == 0)
		n -= 3;
	n = utf8_clip(text, n, 70);
	if (n > 0) {
		printf("\033[2m%.*s…\033[0m", (int)n, text);
		c->status_shown = true;
	}
	fflush(stdout);
}

static void show_note(struct chat *c, const char *text)
{
	clear_status(c);
	if (!c->terminal) {
		fprintf(stderr, "eddy: %s\n", text);
		return;
	}
	printf(c->colour ? "\033[2m%s\033[0m\n" : "%s\n", text);
	fflush(stdout);
}

static void show_tool(struct chat *c, json_t *f)
{
	const char *state = json_str(f, "state", "");
	if (!c->terminal || !c->colour)
		return;
	if (strcmp(state, "running") == 0) {
		show_status(c, json_str(f, "title", ""));
		return;
	}
	clear_status(c);
	printf("\033[2m%s %s\033[0m\n", strcmp(state, "done") == 0 ? "✓" : "✗", json_str(f, "title", ""));
	fflush(stdout);
}

static void show_text(struct chat *c, bool final)
{
	struct buf out = BUF_INIT;
	flow_print(&c->stream, final, &out);
	if (out.len > 0) {
		clear_status(c);
		fwrite(out.p, 1, out.len, stdout);
		c->anything = true;
	}
	if (final)
		fputs("\n", stdout);
	fflush(stdout);
	buf_done(&out);
}

/* ---- one question ---- */

enum outcome { ANSWERED, FAILED, STOPPED, NO_ANSWER, LEFT, NO_SERVER, REFUSED };

struct turn {
	char client_id[ID_TEXT];
	char run[ID_TEXT]; /* "" until accepted */
	bool accepted, answered, failed, over;
	uint64_t end_at_ms; /* the run has ended; if its message has not come by then there is none */
	enum outcome outcome;
};

static bool ours(const struct turn *t, json_t *f)
{
	const char *run = json_str(f, "run", "");
	return t->run[0] == '\0' || strcmp(run, t->run) == 0;
}

static void finish(struct turn *t, enum outcome o)
{
	t->over = true;
	t->outcome = o;
}

static void on_message(struct chat *c, struct turn *t, json_t *f)
{
	if (strcmp(json_str(json_obj(f, "author"), "kind", ""), "eddy") != 0 || !ours(t, f))
		return;
	const char *text = json_str(f, "text", "");
	buf_reset(&c->stream.source);
	buf_add_str(&c->stream.source, text);
	show_text(c, true);
	t->answered = true;
	t->end_at_ms = clock_ms() + AFTER_WORDS_MS;
}

static void add_word(struct buf *say, const char *word)
{
	buf_addf(say, "%s%s", say->len > 0 ? ", " : "", word);
}

/* A button that gives a command is a word to type; the link to another conversation, how to open that here; anything else its fallback. */
static void show_component(json_t *one, struct buf *say, bool *edits)
{
	const char *action = json_str(one, "action", ""), *value = json_str(one, "value", ""), *thread = strstr(value, "#/t/");
	bool button = strcmp(json_str(one, "kind", ""), "button") == 0, link = strcmp(json_str(one, "kind", ""), "link") == 0;
	if (button && (strcmp(action, "command") == 0 || strcmp(action, "command.private") == 0)) {
		add_word(say, value);
	} else if (button && strcmp(action, "fork.edit") == 0) {
		add_word(say, "edit: TEXT");
		*edits = true;
	} else if (link && thread != NULL && strlen(thread) >= 4 + ID_TEXT - 1) {
		printf("Here in the terminal: eddy chat --thread %.*s\n", ID_TEXT - 1, thread + 4);
	} else if (link && *value != '\0') {
		printf("%s: %s\n", json_str(one, "label", "Open"), value);
	} else if (*json_str(one, "fallback", "") != '\0') {
		printf("%s\n", json_str(one, "fallback", ""));
	}
}

/* What this terminal cannot show as a button or a card it says. */
static void on_components(struct chat *c, struct turn *t, json_t *f)
{
	size_t i;
	json_t *one;
	struct buf say = BUF_INIT;
	bool edits = false;
	if (!ours(t, f))
		return;
	clear_status(c);
	json_array_foreach (json_object_get(f, "components"), i, one)
		show_component(one, &say, &edits);
	if (say.len > 0)
		printf("You can say: %s%s\n", say.p, edits ? " (a \\ at the end of a line goes on in the next one)" : "");
	buf_done(&say);
	fflush(stdout);
	if (t->answered && t->failed)
		finish(t, FAILED);
}

static void on_grow(struct chat *c, struct turn *t, json_t *f, bool whole)
{
	const char *text = json_str(f, "text", "");
	size_t offset = (size_t)json_int(f, "offset", 0);
	if (!ours(t, f))
		return;
	if (whole) {
		/* After a cut: what stands there now; what was shown of it stays. */
		buf_reset(&c->stream.source);
		show_status(c, json_str(f, "status", ""));
		offset = 0;
	}
	if (offset != c->stream.source.len)
		return; /* the whole message will come */
	buf_add_str(&c->stream.source, text);
	show_text(c, false);
}

static void on_run(struct chat *c, struct turn *t, json_t *f)
{
	const char *state = json_str(f, "state", "");
	if (!ours(t, f))
		return;
	if (strcmp(state, "stopped") == 0 || strcmp(state, "abandoned") == 0) {
		t->outcome = STOPPED;
		t->end_at_ms = clock_ms() + STOPPED_END_MS;
	} else if (strcmp(state, "failed") == 0 || strcmp(state, "answered") == 0) {
		t->failed = *state == 'f';
		if (t->answered && !t->failed)
			finish(t, ANSWERED);
		else
			t->end_at_ms = clock_ms() + (t->answered ? AFTER_WORDS_MS : SILENT_END_MS);
	} else if (strcmp(state, "running") == 0) {
		show_status(c, "thinking");
	}
}

static void on_frame(struct chat *c, struct turn *t, json_t *f)
{
	const char *type = json_str(f, "type", "");
	if (!c->up && strcmp(type, "error") != 0)
		return; /* what the thread held before; nothing was asked yet */
	if (strcmp(type, "accepted") == 0 && strcmp(json_str(f, "client_id", ""), t->client_id) == 0) {
		t->accepted = true;
		snprintf(t->run, sizeof t->run, "%s", json_str(f, "run", ""));
		if (t->run[0] == '\0' && !json_bool(f, "duplicate", false))
			finish(t, NO_ANSWER);
	} else if (strcmp(type, "message") == 0) {
		on_message(c, t, f);
	} else if (strcmp(type, "components") == 0) {
		on_components(c, t, f);
	} else if (strcmp(type, "delta") == 0) {
		on_grow(c, t, f, false);
	} else if (strcmp(type, "open") == 0) {
		on_grow(c, t, f, true);
	} else if (strcmp(type, "stream.reset") == 0 && ours(t, f)) {
		if (c->stream.shown.len > 0)
			show_note(c, "\n(that broke off; once more)");
		flow_reset(&c->stream);
	} else if (strcmp(type, "status") == 0 && ours(t, f)) {
		show_status(c, json_str(f, "text", ""));
	} else if (strcmp(type, "tool") == 0 && ours(t, f)) {
		show_tool(c, f);
	} else if (strcmp(type, "run") == 0) {
		on_run(c, t, f);
	} else if (strcmp(type, "error") == 0) {
		show_note(c, json_str(f, "message", "the server refused this"));
		finish(t, REFUSED);
	}
}

static void on_link(struct chat *c, struct turn *t, struct client_event *ev)
{
	switch (ev->what) {
	case CLIENT_FRAME:
		on_frame(c, t, ev->frame);
		break;
	case CLIENT_UP:
		if (c->up)
			show_note(c, "connected again");
		c->up = true;
		break;
	case CLIENT_DOWN:
		if (c->up)
			show_note(c, "the connection is lost; trying again …");
		break;
	case CLIENT_DENIED:
		show_note(c, ev->why);
		finish(t, NO_SERVER);
		break;
	case CLIENT_NOTHING:
		break;
	}
	json_decref(ev->frame);
}

/* What came while nobody was asked anything: of the line's ups and downs only how it stands now matters. */
static void catch_up(struct chat *c, struct turn *t)
{
	struct client_event ev;
	bool down = false;
	for (client_next(c->client, &ev, 0); ev.what != CLIENT_NOTHING; client_next(c->client, &ev, 0)) {
		if (c->up && (ev.what == CLIENT_UP || ev.what == CLIENT_DOWN))
			down = ev.what == CLIENT_DOWN;
		else
			on_link(c, t, &ev);
	}
	if (down)
		show_note(c, "the connection is lost; trying again …");
}

static enum outcome ask(struct chat *c, const char *text, size_t n)
{
	struct turn t = { .outcome = ANSWERED };
	uint64_t from = clock_ms();
	bool stopping = false;
	interrupts = 0;
	id_format(id_new(), t.client_id);
	flow_reset(&c->stream);
	c->anything = false;
	catch_up(c, &t);
	client_send(c->client, t.client_id, text, n);
	while (!t.over) {
		struct client_event ev;
		client_next(c->client, &ev, 100);
		on_link(c, &t, &ev);
		uint64_t now = clock_ms();
		if (!c->up && !t.over && now - from > FIRST_TRY_MS)
			finish(&t, NO_SERVER);
		if (!t.over && t.end_at_ms != 0 && now >= t.end_at_ms)
			finish(&t, t.failed ? FAILED : t.answered ? ANSWERED : t.outcome == STOPPED ? STOPPED : NO_ANSWER);
		if (interrupts == 0 || t.over)
			continue;
		if (interrupts > 1 || stopping || !c->up) {
			finish(&t, LEFT);
		} else {
			stopping = true;
			interrupts = 0;
			client_stop(c->client);
			show_note(c, c->anything ? "\nstopping … (Ctrl-C again to leave)" : "stopping … (Ctrl-C again to leave)");
			t.outcome = STOPPED;
			t.end_at_ms = now + STOP_WAIT_MS; /* go on even when nothing comes back */
		}
	}
	interrupts = 0;
	clear_status(c);
	if (t.outcome == STOPPED)
		show_note(c, "(stopped)");
	else if (t.outcome == NO_SERVER && !c->up)
		show_note(c, "Eddy does not answer here. Is it running? Start it with `make run` or `eddy serve`.");
	return t.outcome;
}

static int exit_code(enum outcome o)
{
	switch (o) {
	case ANSWERED:
	case NO_ANSWER:
		return EXIT_OK;
	case STOPPED:
	case LEFT:
		return EXIT_INTERRUPTED;
	case NO_SERVER:
		return EXIT_NO_SERVER;
	default:
		return EXIT_FAILED;
	}
}

/* ---- the conversation ---- */

static int ask_line(struct chat *c, const char *line)
{
	size_t n = strlen(line);
	if (n > TEXT_MAX || !utf8_valid(line, n)) {
		show_note(c, n > TEXT_MAX ? "that is longer than 128 KiB" : "that is not UTF-8 text");
		return EXIT_FAILED;
	}
	return exit_code(ask(c, line, n));
}

static int converse(struct chat *c, const char *history)
{
	bool person = isatty(STDIN_FILENO) && c->terminal, before = false;
	int worst = EXIT_OK;
	struct buf so_far = BUF_INIT; /* lines that a backslash at the end has joined with the next */
	struct prompt *p = prompt_new(person, person ? "› " : "", history);
	if (person)
		show_note(c, "Ask me anything; \"help\" shows what I can do, Ctrl-D leaves.");
	for (;;) {
		bool interrupted;
		const char *line = prompt_line(p, &interrupted);
		if (interrupted) {
			fputs("\n", stdout);
			if (before)
				break;
			before = true;
			buf_reset(&so_far);
			show_note(c, "(Ctrl-C again to leave)");
			continue;
		}
		before = false;
		if (line == NULL) {
			if (person)
				fputs("\n", stdout);
			break;
		}
		size_t n = strlen(line);
		if (n > 0 && line[n - 1] == '\\' && so_far.len + n <= TEXT_MAX) {
			buf_add(&so_far, line, n - 1);
			buf_add_char(&so_far, '\n');
			continue;
		}
		if (so_far.len > 0) {
			buf_add(&so_far, line, n);
			line = so_far.p;
		}
		if (line[strspn(line, " \t\n")] == '\0') {
			buf_reset(&so_far);
			continue;
		}
		if (person && (strcmp(line, "exit") == 0 || strcmp(line, "quit") == 0))
			break;
		if (person)
			fputs("\n", stdout);
		int r = ask_line(c, line);
		buf_reset(&so_far);
		if (person)
			fputs("\n", stdout);
		if (r == EXIT_NO_SERVER || (r == EXIT_INTERRUPTED && !person)) {
			worst = r;
			break;
		}
		if (r == EXIT_FAILED && !person)
			worst = r;
	}
	prompt_free(p);
	buf_done(&so_far);
	return worst;
}

/* ---- beginning ---- */

/* The zone's name for Eddy's dates: TZ, else where /etc/localtime points. */
static char *zone_name(void)
{
	const char *tz = getenv("TZ");
	if (tz != NULL && strchr(tz, '/') != NULL && tz[0] != '/' && tz[0] != ':')
		return xstrdup(tz);
	char link[512];
	ssize_t n = readlink("/etc/localtime", link, sizeof link - 1);
	if (n <= 0)
		return NULL;
	link[n] = '\0';
	const char *at = strstr(link, "zoneinfo/");
	return at == NULL ? NULL : xstrdup(at + strlen("zoneinfo/"));
}

static char *history_file(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	struct buf b = BUF_INIT;
	if (state != NULL && state[0] == '/') {
		buf_addf(&b, "%s", state);
	} else if (home != NULL && home[0] == '/') {
		buf_addf(&b, "%s/.local", home);
		(void)mkdir(b.p, 0700);
		buf_add_str(&b, "/state");
	} else {
		return NULL;
	}
	(void)mkdir(b.p, 0700);
	buf_add_str(&b, "/eddy");
	(void)mkdir(b.p, 0700);
	buf_add_str(&b, "/chat_history");
	return buf_detach(&b, NULL);
}

int cmd_chat(struct cli *c)
{
	struct probe server;
	struct id thread = id_new();
	char token[600] = "", key[ID_TEXT];
	int r = cli_settings(c);
	if (r != EXIT_OK)
		return r;
	const char *shared = settings_str(c->settings, "web.token");
	if (c->url != NULL ? !probe_parse(c->url, &server) : !cli_server(c, &server)) {
		cli_complain("\"%s\" is not an address such as http://127.0.0.1:8080",
		    c->url ? c->url : settings_str(c->settings, "web.listen"));
		return EXIT_USAGE;
	}
	if (c->thread != NULL && !id_parse(c->thread, &thread)) {
		cli_complain("--thread wants an id as a conversation shows it");
		return EXIT_USAGE;
	}
	if (shared != NULL) {
		snprintf(token, sizeof token, "%s", shared);
	} else if (!cli_local_token(c, token, sizeof token)) {
		cli_complain("Eddy is not running here. Start it with `make run` or `eddy serve`.");
		return EXIT_NO_SERVER;
	}
	log_set_level(LOG_ERROR);
	char *tz = zone_name(), *history = history_file();
	struct chat chat = { .terminal = isatty(STDOUT_FILENO) != 0, .colour = cli_colour(STDOUT_FILENO) };
	const struct client_options o = { .host = server.host,
		.port = server.port,
		.tls = server.tls,
		.path = server.path,
		.token = token,
		.tz = tz,
		.thread = id_format(thread, key) };
	struct sigaction sa = { .sa_handler = on_sigint };
	sigaction(SIGINT, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	chat.client = client_open(&o);
	if (c->argc > 0) {
		struct buf question = BUF_INIT;
		for (int i = 0; i < c->argc; i++)
			buf_addf(&question, "%s%s", i > 0 ? " " : "", c->argv[i]);
		r = ask_line(&chat, question.p);
		buf_done(&question);
	} else {
		r = converse(&chat, history);
	}
	client_close(chat.client);
	flow_done(&chat.stream);
	explicit_bzero(token, sizeof token);
	free(tz);
	free(history);
	return r;
}
