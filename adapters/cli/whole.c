/*
 * `eddy erase workspace`: all of a workspace, for good.  It speaks to the database, so Eddy may be running or not, and works the erasure off itself; killed, a
 * daemon goes on with it, or the same command does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "../../core/base/buf.h"
#include "../../core/base/json.h"
#include "../../core/memory/erased.h"
#include "../../core/memory/whole.h"
#include "../../core/store/store.h"
#include "erase.h"

#define FOUND_MAX 8
#define TRIES 60 /* while somebody holds what is to go, or the database is away */

static json_t *receipt_of(const struct forget_receipt *r)
{
	static const char *const kinds[] = { "", "message", "thread", "person", "", "retention", "workspace" };
	static const char *const asked[] = { "where_it_was_said", "the_person", "somebody_else", "the_operator", "after_a_restore",
		"its_time" };
	char text[ID_TEXT], why[160];
	json_t *counts = NULL;
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:I, s:I, s:I}", "id", id_format(r->id, text), "kind",
	    kinds[r->kind >= 1 && r->kind <= 6 ? r->kind : 0], "state",
	    r->state == 2       ? "done"
	        : r->state == 3 ? "held"
	                        : "at_work",
	    "asked", asked[r->asked >= 0 && r->asked <= 5 ? r->asked : 0], "messages", r->messages, "notes", r->items, "threads",
	    r->threads, "asked_ms", (json_int_t)r->created_ms, "done_ms", (json_int_t)r->done_ms, "files_cleared_ms",
	    (json_int_t)r->purged_ms);
	if (json_parse(r->counts, strlen(r->counts), 4096, &counts, why) == ERR_NONE)
		json_object_set_new(o, "values", counts);
	return o;
}

static void on_receipt(void *arg, const struct forget_receipt *r)
{
	json_t *o = receipt_of(r);
	cli_erase_print(o);
	json_decref(o);
	++*(int *)arg;
}

int cli_whole_receipts(struct cli *c, const char *id, int *n)
{
	struct store *store = NULL;
	struct pg *pg = NULL;
	struct id one = ID_NONE;
	char why[512] = "";
	*n = 0;
	int r = cli_settings(c);
	if (r != EXIT_OK)
		return r;
	if (id != NULL && !id_parse(id, &one))
		return EXIT_OK; /* whoever looks on says what is wrong with it */
	enum err e = cli_erase_open(c, &store, &pg, why, sizeof why);
	if (e == ERR_NONE) {
		snprintf(why, sizeof why, "the database does not answer");
		e = whole_receipts(pg, one, on_receipt, n);
	}
	pg_close(pg);
	store_close(store);
	if (e != ERR_NONE)
		cli_complain("%s", why);
	return e == ERR_NONE ? EXIT_OK : EXIT_FAILED;
}

/* ---- erasing ---- */

struct desk {
	struct cli *c;
	struct pg *pg;
	const char *name;
	struct whole w;
};

static enum err note(void *arg, const struct erased *line)
{
	return erased_note(arg, line);
}

static void print_count(void *arg, const char *kind, int64_t rows)
{
	*(int64_t *)arg += rows;
	if (rows > 0)
		printf("  %-10s %lld\n", kind, (long long)rows);
}

/* Until it is done, or somebody else has done it. */
static int work(struct desk *d, struct id erasure)
{
	struct forget_ends ends = { .note = note, .arg = (void *)(uintptr_t)cli_data_dir(d->c) };
	enum forget_state state = FORGET_LATER;
	enum err e = ERR_NONE;
	int tries = 0, n = 0;
	while (state == FORGET_MORE || state == FORGET_LATER) {
		if (!pg_alive(d->pg))
			(void)pg_reconnect(d->pg);
		e = forget_work(d->pg, d->w.ws, erasure, &ends, &state);
		if (e == ERR_NONE) {
			tries = 0;
			continue;
		}
		if (e != ERR_RETRY || ++tries > TRIES)
			break;
		state = FORGET_LATER;
		usleep(500000);
	}
	if (e != ERR_NONE || state != FORGET_DONE) {
		cli_complain("%s is not erased yet%s: say the same again, or let Eddy run, which goes on with it", d->name,
		    e == ERR_BROKEN ? " (the ledger of erasures in the data folder cannot be written?)" : "");
		return EXIT_FAILED;
	}
	e = whole_receipts(d->pg, erasure, on_receipt, &n);
	fprintf(stderr,
	    "%s is erased. The files of a private database are cleared while Eddy runs: eddy erase --receipt ID says when.\n",
	    d->name);
	return e == ERR_NONE && n == 1 ? EXIT_OK : EXIT_FAILED;
}

static int refuse(const struct desk *d, const struct whole_order *o)
{
	static const char *const covers[] = { "", "a person", "a thread", "a place", "the workspace" };
	char id[ID_TEXT];
	switch (o->answer) {
	case WHOLE_HOME:
		cli_complain(
		    "%s is the workspace that Eddy itself lives in: its terminal, its page, the settings' own tokens. To be rid of "
		    "it, stop Eddy and delete the database and the data folder",
		    d->name);
		break;
	case WHOLE_HELD:
		cli_complain("a legal hold on %s stands there%s: %s. It has to end first (eddy hold)",
		    covers[o->held >= 1 && o->held <= 4 ? o->held : 0], o->holds > 1 ? ", and others" : "", id_format(o->hold, id));
		break;
	default:
		cli_complain("there is no workspace %s any more", d->name);
		break;
	}
	return EXIT_FAILED;
}

/* What is typed, or what --yes says, is what was named. */
static bool sure(const struct desk *d)
{
	char line[300] = "";
	if (d->c->yes != NULL)
		return strcmp(d->c->yes, d->name) == 0;
	printf("Nothing of it can be brought back. Type %s to erase it: ", d->name);
	fflush(stdout);
	if (fgets(line, sizeof line, stdin) == NULL)
		line[0] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	return strcmp(line, d->name) == 0;
}

/* A mailbox of the settings has its workspace again with the next letter, and a running Eddy holds on to it. */
static bool of_settings(const struct desk *d)
{
	const char *const *more;
	const char *own = settings_str(d->c->settings, "email.address");
	if (strcmp(d->w.adapter, "email") != 0)
		return false;
	if (own != NULL && strcasecmp(own, d->w.key) == 0)
		return true;
	size_t n = settings_list(d->c->settings, "email.mailboxes", &more), len = strlen(d->w.key);
	for (size_t i = 0; i < n; i++)
		if (strncasecmp(more[i], d->w.key, len) == 0 && strchr("=: ", more[i][len]) != NULL)
			return true;
	return false;
}

static int erase(struct desk *d)
{
	char id[ID_TEXT];
	int64_t all = 0;
	struct whole_order o = { .ws = d->w.ws, .name = d->name, .asked = FORGET_ASKED_OPERATOR, .dry = true };
	if (whole_order(d->pg, &o) != ERR_NONE) {
		cli_complain("the database does not answer, or somebody writes there all the time: try again");
		return EXIT_FAILED;
	}
	if (o.answer != WHOLE_ORDERED)
		return refuse(d, &o);
	if (of_settings(d)) {
		cli_complain("%s is a mailbox of the settings: take it out of them and restart Eddy first", d->name);
		return EXIT_FAILED;
	}
	printf(
	    "%s%s%s (%s), rows by kind of data:\n", d->w.key, d->w.name[0] != '\0' ? "  " : "", d->w.name, id_format(d->w.ws, id));
	enum err e = pg_begin(d->pg, d->w.ws);
	if (e == ERR_NONE)
		e = pg_end(d->pg, whole_count(d->pg, d->w.ws, print_count, &all));
	if (e != ERR_NONE) {
		cli_complain("the database does not answer");
		return EXIT_FAILED;
	}
	printf("  %-10s %lld\n", "in all", (long long)all);
	if (d->c->dry)
		return EXIT_OK;
	if (!sure(d)) {
		puts(d->c->yes != NULL ? "--yes names another workspace. Nothing was erased." : "Nothing was erased.");
		return d->c->yes != NULL ? EXIT_USAGE : EXIT_FAILED;
	}
	o.dry = false;
	if (whole_order(d->pg, &o) != ERR_NONE) {
		cli_complain("the database does not answer, or somebody writes there all the time: try again");
		return EXIT_FAILED;
	}
	if (o.answer != WHOLE_ORDERED && o.answer != WHOLE_AT_WORK)
		return refuse(d, &o);
	return work(d, o.erasure);
}

static int choose(struct desk *d)
{
	struct whole found[FOUND_MAX];
	size_t n;
	if (whole_find(d->pg, d->name, found, FOUND_MAX, &n) != ERR_NONE) {
		cli_complain("the database does not answer");
		return EXIT_FAILED;
	}
	if (n == 0) {
		cli_complain("there is no workspace %s: eddy workspace list shows those of Slack", d->name);
		return EXIT_FAILED;
	}
	d->w = found[0];
	if (!id_is_none(found[0].erasure)) {
		fprintf(stderr, "%s is being erased since before.%s\n", d->name,
		    n > 1 ? " What has begun under that name since then is left alone: say it once more for that." : "");
		return d->c->dry ? EXIT_OK : work(d, found[0].erasure);
	}
	if (n > 1) {
		cli_complain("several workspaces are called %s; name one by its id:", d->name);
		for (size_t i = 0; i < n; i++)
			fprintf(stderr, "  %s\n", found[i].key);
		return EXIT_FAILED;
	}
	return erase(d);
}

int cmd_erase_workspace(struct cli *c)
{
	struct store *store = NULL;
	char why[512] = "";
	int n = 0, r = cli_settings(c);
	if (r != EXIT_OK)
		return r;
	if (c->argc == 0) {
		r = cli_whole_receipts(c, NULL, &n);
		if (r == EXIT_OK && n == 0)
			puts("No workspace was erased yet.");
		return r;
	}
	struct desk d = { .c = c, .name = c->argv[0] };
	enum err e = cli_erase_open(c, &store, &d.pg, why, sizeof why);
	r = e == ERR_NONE ? choose(&d) : EXIT_FAILED;
	if (e != ERR_NONE)
		cli_complain("%s", why);
	pg_close(d.pg);
	store_close(store);
	return r;
}

/* ---- doctor ---- */

static void on_waiting(void *arg, const struct whole_waiting *w)
{
	struct buf *out = arg;
	time_t at = (time_t)(w->at_ms / 1000);
	struct tm tm;
	char day[32] = "";
	if (gmtime_r(&at, &tm) != NULL)
		strftime(day, sizeof day, "%Y-%m-%d %H:%M UTC", &tm);
	if (w->at_work)
		buf_addf(out, "; workspace %s is being erased since %s", w->key, day);
	else
		buf_addf(out, "; workspace %s has taken the app away and is erased %s %s, unless it is added again%s", w->key,
		    w->held ? "after" : "at", day, w->held ? " (a legal hold has to end first)" : "");
}

enum err cli_whole_doctor(struct pg *pg, struct buf *out)
{
	return whole_report(pg, on_waiting, out);
}
