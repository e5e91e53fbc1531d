/*
 * libedit in its native form: its readline imitation would end the program at Ctrl-C.  The terminal sends Ctrl-C as a plain character
 * while a line is edited, and a function of ours, bound to it, gives the line up.
 */
#include "prompt.h"

#include <histedit.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../core/base/mem.h"

#define HISTORY_LINES 500

struct prompt {
	EditLine *el;
	History *history;
	char *text, *file;
	char *line; /* what was handed out */
	size_t cap; /* of getline */
	bool interrupted;
};

static char *prompt_text(EditLine *el)
{
	struct prompt *p = NULL;
	el_get(el, EL_CLIENTDATA, &p);
	return p->text;
}

static unsigned char on_interrupt(EditLine *el, int ch)
{
	struct prompt *p = NULL;
	(void)ch;
	el_get(el, EL_CLIENTDATA, &p);
	p->interrupted = true;
	return CC_EOF;
}

struct prompt *prompt_new(bool terminal, const char *text, const char *file)
{
	struct prompt *p = xcalloc(1, sizeof *p);
	p->text = xstrdup(text);
	if (!terminal)
		return p;
	HistEvent ev;
	/* libedit reads and draws characters, in the encoding of the locale; everything here is UTF-8. */
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		for (char *c = p->text; *c != '\0'; c++)
			if ((unsigned char)*c >= 0x80)
				*c = '>';
	p->el = el_init("eddy", stdin, stdout, stderr);
	p->history = history_init();
	history(p->history, &ev, H_SETSIZE, HISTORY_LINES);
	history(p->history, &ev, H_SETUNIQUE, 1);
	el_set(p->el, EL_CLIENTDATA, p);
	el_set(p->el, EL_PROMPT, prompt_text);
	el_set(p->el, EL_EDITOR, "emacs");
	el_set(p->el, EL_SIGNAL, 0);
	el_set(p->el, EL_HIST, history, p->history);
	el_set(p->el, EL_ADDFN, "eddy-interrupt", "give the line up", on_interrupt);
	el_set(p->el, EL_SETTY, "-d", "-isig", NULL);
	el_set(p->el, EL_BIND, "^C", "eddy-interrupt", NULL);
	el_set(p->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
	if (file != NULL) {
		p->file = xstrdup(file);
		history(p->history, &ev, H_LOAD, p->file);
	}
	return p;
}

void prompt_free(struct prompt *p)
{
	if (p == NULL)
		return;
	if (p->el != NULL) {
		HistEvent ev;
		if (p->file != NULL) {
			mode_t before = umask(077);
			history(p->history, &ev, H_SAVE, p->file);
			umask(before);
		}
		history_end(p->history);
		el_end(p->el);
	}
	free(p->file);
	free(p->text);
	free(p->line);
	free(p);
}

const char *prompt_line(struct prompt *p, bool *interrupted)
{
	*interrupted = false;
	if (p->el == NULL) {
		ssize_t n = getline(&p->line, &p->cap, stdin);
		if (n < 0)
			return NULL;
		p->line[strcspn(p->line, "\r\n")] = '\0';
		return p->line;
	}
	int n = 0;
	p->interrupted = false;
	const char *line = el_gets(p->el, &n);
	if (p->interrupted || line == NULL || n <= 0) {
		*interrupted = p->interrupted;
		return NULL;
	}
	HistEvent ev;
	free(p->line);
	p->line = xstrdup(line);
	p->line[strcspn(p->line, "\r\n")] = '\0';
	if (p->line[strspn(p->line, " \t")] != '\0')
		history(p->history, &ev, H_ENTER, p->line);
	return p->line;
}
