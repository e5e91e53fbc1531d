/* `eddy password` and `eddy session`: the procedures password.* and login.* in the words of the terminal. */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "../../core/base/buf.h"
#include "../../core/base/id.h"
#include "../../core/base/json.h"
#include "../../core/people/password.h"
#include "../../core/settings/settings.h"
#include "cli.h"
#include "procedure.h"

/* ADAPTER:ID, an id, a mail address, or what `eddy login` calls them. */
static json_t *person(const char *name)
{
	struct buf b = BUF_INIT;
	struct id id;
	bool whole = strchr(name, ':') != NULL || id_parse(name, &id);
	buf_addf(&b, "%s%s",
	    whole                            ? ""
	        : strchr(name, '@') != NULL  ? "email:"
	        : strcmp(name, "local") == 0 ? "web:"
	                                     : "web:as:",
	    name);
	json_t *args = json_pack("{s:s}", "person", b.p);
	buf_done(&b);
	return args;
}

static int switched_on(struct cli *c)
{
	int r = cli_settings(c);
	if (r == EXIT_OK && !settings_bool(c->settings, "login.password")) {
		cli_complain("log-ins by password are not switched on: set login.password: yes");
		return EXIT_FAILED;
	}
	return r;
}

int cmd_password_link(struct cli *c)
{
	json_t *out = NULL;
	int r = switched_on(c);
	if (r != EXIT_OK)
		return r;
	const char *url = settings_str(c->settings, "web.public_url");
	if ((r = cli_procedure(c, "password.link", person(c->argv[0]), &out)) != EXIT_OK)
		return r;
	size_t n = url == NULL ? 0 : strlen(url);
	printf("%.*s%s\n", (int)(n > 0 && url[n - 1] == '/' ? n - 1 : n), url == NULL ? "" : url, json_str(out, "path", ""));
	fprintf(stderr,
	    "%sIt sets a password once, within %lld hours. Whoever has it can log in as them: hand it over in person.\n",
	    url == NULL ? "Put the address of the page in front of it. " : "", (long long)(json_int(out, "expires_in", 0) / 3600));
	json_decref(out);
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}

static int end(struct cli *c, const char *procedure, json_t *args, const char *done)
{
	json_t *out = NULL;
	int r = cli_procedure(c, procedure, args, &out);
	if (r == EXIT_OK)
		printf("%sSessions ended: %lld.\n", done, (long long)json_int(out, "ended", 0));
	json_decref(out);
	return r;
}

/* A line of the standard input, without its end, byte by byte: what comes behind it is another line.  False: none, or one that is too long. */
static bool read_line(char out[PASSWORD_MAX + 1])
{
	size_t n = 0;
	char one;
	ssize_t got;
	while ((got = read(STDIN_FILENO, &one, 1)) == 1 && one != '\n') {
		if (n == PASSWORD_MAX || one == '\0')
			return false;
		out[n++] = one;
	}
	out[n] = '\0';
	return got >= 0 && n > 0;
}

/* At a terminal nobody sees it, and it is typed twice: it cannot be looked at again. */
static bool ask(char out[PASSWORD_MAX + 1])
{
	struct termios was, silent;
	char again[PASSWORD_MAX + 1] = "";
	if (tcgetattr(STDIN_FILENO, &was) != 0)
		return read_line(out);
	silent = was;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	fputs("Your new password: ", stderr);
	bool read = read_line(out);
	fputs("\nThe same once more: ", stderr);
	read = read_line(again) && read && strcmp(again, out) == 0;
	fputs("\n", stderr);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
	explicit_bzero(again, sizeof again);
	return read;
}

int cmd_password_set(struct cli *c)
{
	char text[PASSWORD_MAX + 1] = "";
	int r = switched_on(c);
	if (r != EXIT_OK)
		return r;
	if (!ask(text)) {
		cli_complain("no password was read: one line on the standard input, of at most %d bytes; typed, the same one twice",
		    PASSWORD_MAX);
		explicit_bzero(text, sizeof text);
		return EXIT_FAILED;
	}
	json_t *args = json_object();
	if (json_object_set_new(args, "password", json_string(text)) != 0) {
		cli_complain("a password is UTF-8");
		json_decref(args);
		explicit_bzero(text, sizeof text);
		return EXIT_FAILED;
	}
	explicit_bzero(text, sizeof text);
	return end(c, "password.set", args, "Set. ");
}

int cmd_password_remove(struct cli *c)
{
	return end(c, "password.remove", person(c->argv[0]), "Taken away. ");
}

int cmd_session_end(struct cli *c)
{
	if (c->argc > 0)
		return end(c, "login.end", json_pack("{s:s}", "id", c->argv[0]), "");
	return end(c, "login.end", json_object(), "");
}

int cmd_session_end_of(struct cli *c)
{
	return end(c, "login.end_of", person(c->argv[0]), "");
}

static void put_moment(json_t *row, const char *to, const char *from)
{
	time_t at = (time_t)(json_int(row, from, 0) / 1000);
	struct tm tm;
	char text[24] = "";
	if (gmtime_r(&at, &tm) != NULL)
		strftime(text, sizeof text, "%Y-%m-%d %H:%M", &tm);
	json_object_set_new(row, to, json_string(text));
}

int cmd_session_list(struct cli *c)
{
	static const char *const columns[] = { "id", "agent", "network", "via", "begun", "used", NULL };
	json_t *out = NULL, *row;
	size_t i;
	int r = cli_procedure(c, "login.list", json_object(), &out);
	json_t *list = json_arr(out, "logins");
	json_array_foreach (list, i, row) {
		put_moment(row, "begun", "begun_ms");
		put_moment(row, "used", "used_ms");
		if (json_object_get(row, "agent") == NULL)
			json_object_set_new(row, "agent", json_string("not known"));
		if (json_object_get(row, "network") == NULL)
			json_object_set_new(row, "network", json_string("not known"));
	}
	if (r == EXIT_OK && json_array_size(list) == 0)
		puts("You are not logged in on any page.");
	else if (r == EXIT_OK)
		cli_table(list, columns);
	json_decref(out);
	return r;
}
