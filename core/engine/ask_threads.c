/* Commands about threads themselves: list, open, rename, archive, reopen, settle, and whether Eddy may offer to sum up. */
#include "ask.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../base/mem.h"
#include "../base/utf8.h"
#include "../talk/thread.h"

#define PAGE 10
#define LINES 5
#define LINE_CHARS 300

const struct pg_statement ask_threads_statements[] = {
	{ "ask_sum_up",
	    "WITH u AS (UPDATE places SET sum_up = $3 WHERE ws = $1 AND id = $2 RETURNING id)"
	    " INSERT INTO audit (ws, id, actor_id, verb, subject, detail) SELECT $1, $4, $5, 'place.sum_up', id, jsonb_build_object('on', $3)"
	    " FROM u ON CONFLICT DO NOTHING" },
	{ NULL, NULL },
};

static enum err allowed(struct ask *a, struct search_allowed *out)
{
	struct run *r = a->r;
	struct search_scope scope = { .ws = r->ws, .thread = r->thread, .guest = a->card.guest, .reads = &r->reads };
	return search_allowed_audiences(a->pg, &scope, out);
}

static bool is_word(const char *s, size_t n, const char *word)
{
	return n == strlen(word) && strncasecmp(s, word, n) == 0;
}

/* ---- threads ---- */

struct listing {
	struct ask *a;
	struct thread_cursor last;
	size_t rows;
};

static void put_title(struct ask *a, const struct thread_row *t)
{
	char link[1024];
	bool linked = ask_permalink(a, t->adapter, t->place_key, t->thread_key, t->first_key, link, sizeof link);
	if (linked)
		buf_add_char(a->md, '[');
	command_put_name(a->md, t->title);
	if (linked)
		buf_addf(a->md, "](%s)", link);
}

static void put_row(void *arg, const struct thread_row *t)
{
	struct listing *l = arg;
	struct ask *a = l->a;
	buf_addf(a->md, "- **#%lld** ", (long long)t->n);
	put_title(a, t);
	if (t->is_fork)
		buf_addf(a->md, ", side thread %d", t->fork_n);
	if (t->state != THREAD_ACTIVE)
		buf_addf(a->md, ", %s", thread_state_word(t->state));
	buf_add_str(a->md, ", ");
	thread_age(a->md, t->at_ms, (int64_t)a->wall_ms);
	buf_add_char(a->md, '\n');
	l->last = t->cursor;
	l->rows++;
}

struct wish {
	struct thread_query q;
	char words[80]; /* the list's own words, for the button to its next page */
	bool bad;
};

/* "archived", "mine", "more CURSOR" … in any order. */
static void read_wish(const struct ask *a, struct wish *w)
{
	static const struct {
		const char *word;
		unsigned states;
	} parts[] = { { "active", THREADS_OPEN }, { "open", THREADS_OPEN }, { "resolved", THREADS_RESOLVED },
		{ "archived", THREADS_ARCHIVED }, { "all", THREADS_ALL } };
	const char *s = a->arg;
	size_t n = a->arg_len;
	for (size_t i = 0, len; i < n; i += len) {
		i += strspn(s + i, " \t.,!");
		len = i < n ? strcspn(s + i, " \t.,!") : 0;
		len = len > n - i ? n - i : len;
		if (len == 0)
			break;
		bool known = false;
		for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
			if (is_word(s + i, len, parts[k].word) && !known) {
				w->q.states |= parts[k].states;
				known = true;
			}
		if (is_word(s + i, len, "mine")) {
			w->q.author = a->r->person;
			known = true;
		}
		if (known && strlen(w->words) + len + 2 < sizeof w->words) {
			strcat(w->words, " ");
			strncat(w->words, s + i, len);
		}
		if (!known && len == THREAD_CURSOR - 1)
			w->bad |= !thread_cursor_read(s + i, len, &w->q.before);
	}
}

static enum err list(struct ask *a)
{
	struct wish w = { .q = { .limit = PAGE } };
	struct search_allowed may = { 0 };
	struct listing l = { .a = a };
	bool more = false;
	read_wish(a, &w);
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = allowed(a, &may);
	if (e == ERR_NONE)
		e = pg_end(a->pg, thread_list(a->pg, &may, &w.q, put_row, &l, &more));
	else
		e = pg_end(a->pg, e);
	search_allowed_done(&may);
	if (e != ERR_NONE)
		return e;
	if (l.rows == 0) {
		if (w.bad)
			ask_refuse(a, API_INVALID, NULL);
		buf_add_str(a->md,
		    w.bad                                ? "I cannot go on from there: ask for `threads` again."
		        : w.q.before.created_us != 0     ? "That was all."
		        : w.q.states == THREADS_ARCHIVED ? "No thread is archived here."
		        : w.q.states == THREADS_RESOLVED ? "No thread is marked as resolved here."
		                                         : "There are no threads here yet.");
		return ERR_NONE;
	}
	buf_add_str(a->md, "\n`open #N` shows one of them.");
	if (more) {
		char cursor[THREAD_CURSOR], command[160] = "threads";
		thread_cursor_write(&l.last, cursor);
		strcat(strcat(strcat(command, w.words), " more "), cursor);
		ask_button(a, "More", command, BUTTON_PLAIN);
	}
	return ERR_NONE;
}

/* ---- open ---- */

struct opening {
	struct ask *a;
	struct thread_row t;
	char *title, *adapter, *place, *thread, *first;
	bool found;
};

static char *copy(const char *s)
{
	return s == NULL ? NULL : xstrdup(s);
}

static void keep(void *arg, const struct thread_row *t)
{
	struct opening *o = arg;
	o->t = *t;
	o->t.title = o->title = copy(t->title);
	o->t.adapter = o->adapter = copy(t->adapter);
	o->t.place_key = o->place = copy(t->place_key);
	o->t.thread_key = o->thread = copy(t->thread_key);
	o->t.first_key = o->first = copy(t->first_key);
	o->found = true;
}

static void put_line(void *arg, const struct found_message *m)
{
	struct opening *o = arg;
	struct buf *md = o->a->md;
	size_t n = utf8_clip(m->text, strlen(m->text), LINE_CHARS), k = strcspn(m->text, "\r\n");
	buf_add_str(md, "> **");
	command_put_name(md, m->author_kind == AUTHOR_EDDY ? "Eddy" : m->author_name != NULL ? m->author_name : "somebody");
	buf_add_str(md, "**: ");
	char *line = xstrndup(m->text, k < n ? k : n);
	command_put_name(md, line);
	free(line);
	buf_add_str(md, m->text[k < n ? k : n] != '\0' ? " …\n>\n" : "\n>\n");
}

static enum err find(struct ask *a, const struct search_allowed *may, struct opening *o)
{
	const char *s = a->arg + (a->arg_len > 0 && a->arg[0] == '#');
	size_t n = a->arg_len - (size_t)(s - a->arg), digits = 0;
	while (digits < n && s[digits] >= '0' && s[digits] <= '9')
		digits++;
	size_t end = digits;
	while (end < n && strchr(" .!?", s[end]) != NULL)
		end++;
	if (digits == 0 || digits > 9 || end < n)
		return thread_called(a->pg, may, a->arg, a->arg_len, keep, o);
	int64_t number = strtoll(s, NULL, 10);
	char *text = xstrndup(a->text, a->text_len < 40 ? a->text_len : 40);
	bool fork = strcasestr(text, "fork") != NULL;
	free(text);
	return fork ? thread_of_fork(a->pg, may, a->r->thread, (int)number, keep, o) : thread_numbered(a->pg, may, number, keep, o);
}

static enum err open_one(struct ask *a)
{
	struct search_allowed may = { 0 };
	struct opening o = { .a = a };
	char link[1024];
	bool linked = false;
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = allowed(a, &may);
	if (e == ERR_NONE)
		e = find(a, &may, &o);
	if (e == ERR_NONE && o.found) {
		linked = ask_permalink(a, o.adapter, o.place, o.thread, o.first, link, sizeof link);
		buf_add_str(a->md, "**");
		command_put_name(a->md, o.t.title);
		buf_addf(a->md, "**, %s, ", thread_state_word(o.t.state));
		thread_age(a->md, o.t.at_ms, (int64_t)a->wall_ms);
		if (!linked) {
			buf_add_str(a->md, "\n\n");
			e = thread_last_lines(a->pg, &may, o.t.id, LINES, put_line, &o);
		}
	}
	e = pg_end(a->pg, e);
	search_allowed_done(&may);
	if (e == ERR_NONE && linked)
		ask_link(a, "Open", link);
	if (e == ERR_NONE && !o.found)
		ask_refuse(a, API_NOT_FOUND,
		    "I find no such thread here. `threads` lists them, `threads archived` those that were put away.");
	free(o.title);
	free(o.adapter);
	free(o.place);
	free(o.thread);
	free(o.first);
	return e;
}

/* ---- changes ---- */

static struct thread_change change_of(const struct ask *a)
{
	return (struct thread_change){ .ws = a->r->ws, .thread = a->r->thread, .person = a->r->person, .key = a->r->id };
}

/* Guests are in a conversation of the house's: they read and write there, and its order is not theirs.  Their own is. */
static bool is_refused(struct ask *a)
{
	bool refused = a->card.guest && a->visibility != VIS_DIRECT && !a->r->private_reply;
	if (refused)
		ask_refuse(a, API_FORBIDDEN, "That is for members of the workspace to say.");
	return refused;
}

/* ERR_DENIED is an answer: ${why}. */
static enum err act(struct ask *a, enum thread_act act, const char *done)
{
	if (is_refused(a))
		return ERR_NONE;
	struct thread_change c = change_of(a);
	enum thread_state from, to;
	const char *why = NULL;
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = thread_change(a->pg, &c, act, &from, &to, &why);
	bool refused = e == ERR_DENIED && why != NULL;
	e = pg_end(a->pg, refused ? ERR_NONE : e);
	if (e == ERR_NONE && refused)
		ask_refuse(a, API_CONFLICT, why);
	else if (e == ERR_NONE)
		buf_add_str(a->md, done);
	if (e == ERR_NONE && !refused)
		engine_tell_thread(a->e, a->r->ws, a->r->thread, CHANGE_UPDATED);
	return e;
}

static enum err archive(struct ask *a)
{
	return act(a, THREAD_ARCHIVE,
	    "Archived: it is left out of lists, stays readable and searchable, and comes back with the next message.");
}

static enum err reopen(struct ask *a)
{
	if (!id_is_none(a->r->fork)) { /* what came of it stands in the thread that it left */
		ask_refuse(a, API_CONFLICT,
		    "A side thread is open until `resolve` or `abandon` and stays closed then. You can go on writing here; `fork` begins a new one.");
		return ERR_NONE;
	}
	return act(a, THREAD_REOPEN, "Open again.");
}

static enum err settle(struct ask *a)
{
	return act(a, THREAD_SETTLE, "Marked as resolved. `reopen` takes that back.");
}

static enum err rename_it(struct ask *a)
{
	if (is_refused(a))
		return ERR_NONE;
	struct thread_change c = change_of(a);
	const char *why = NULL;
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = thread_rename(a->pg, &c, a->arg, a->arg_len, &why);
	bool refused = e == ERR_DENIED && why != NULL;
	e = pg_end(a->pg, refused ? ERR_NONE : e);
	if (e == ERR_NONE && refused) {
		ask_refuse(a, API_INVALID, why);
	} else if (e == ERR_NONE) {
		char *title = xstrndup(a->arg, a->arg_len);
		buf_add_str(a->md, "This thread is called **");
		command_put_name(a->md, title);
		buf_add_str(a->md, "** now.");
		engine_tell_thread(a->e, a->r->ws, a->r->thread, CHANGE_UPDATED);
		free(title);
	}
	return e;
}

static enum err sum_up(struct ask *a, bool on)
{
	if (is_refused(a))
		return ERR_NONE;
	if (a->r->private_reply) {
		ask_refuse(a, API_FORBIDDEN, "That is for everybody in this place: please say it there, where they see it.");
		return ERR_NONE;
	}
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, a->r->place);
	pg_arg_bool(g, on);
	pg_arg_id(g, id_named(a->r->id, 0, "sum_up", strlen("sum_up")));
	pg_arg_id(g, a->r->person);
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = ask_query(a, "ask_sum_up", g, NULL);
	if (e == ERR_NONE)
		e = run_config(a->r, a->pg);
	e = pg_end(a->pg, e);
	pg_args_free(g);
	if (e == ERR_NONE && on && !config_bool(a->r->config, "threads.offers"))
		buf_add_str(a->md,
		    "Noted, but the settings of this team have offers switched off (`threads.offers`): an admin can change that. "
		    "`summarise` works as ever.");
	else if (e == ERR_NONE)
		buf_add_str(a->md,
		    on ? "When a thread that I take part in falls silent here without being resolved, I offer to sum it up. "
		         "`stop offering summaries` ends that."
		       : "I no longer offer summaries here. `summarise` works as ever.");
	return e;
}

static enum err offer_on(struct ask *a)
{
	return sum_up(a, true);
}

static enum err offer_off(struct ask *a)
{
	return sum_up(a, false);
}

const struct ask_handler ask_threads[] = {
	{ CMD_THREADS, list, NULL },
	{ CMD_OPEN, open_one, NULL },
	{ CMD_RENAME, rename_it, NULL },
	{ CMD_ARCHIVE, archive, NULL },
	{ CMD_REOPEN, reopen, NULL },
	{ CMD_SETTLE, settle, NULL },
	{ CMD_OFFER_ON, offer_on, NULL },
	{ CMD_OFFER_OFF, offer_off, NULL },
	{ CMD_NONE, NULL, NULL },
};
