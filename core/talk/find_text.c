/* A page of matches as people read it: a numbered list of quotes, each with who, where, when and its link. */
#include <string.h>

#include "../base/buf.h"
#include "../base/tz.h"
#include "../engine/intent.h"
#include "../memory/item.h"
#include "find.h"
#include "transcript.h"

/* Text of people as plain text: what Markdown could read as markup gets a backslash, line ends become blanks. */
static void put_plain(struct buf *md, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c <= ' ' || c == 0x7f) {
			if (md->len > 0 && md->p[md->len - 1] != ' ')
				buf_add_char(md, ' ');
			continue;
		}
		if (strchr("\\`*_[]<>()#|~&!$", c) != NULL)
			buf_add_char(md, '\\');
		buf_add_char(md, (char)c);
	}
}

static void put_snippet(struct buf *md, const char *text, const struct highlight *m)
{
	size_t at = m->from;
	if (m->before)
		buf_add_str(md, "… ");
	for (size_t i = 0; i < m->len; i++) {
		put_plain(md, text + at, m->hits[i].from - at);
		buf_add_str(md, "**");
		put_plain(md, text + m->hits[i].from, m->hits[i].to - m->hits[i].from);
		buf_add_str(md, "**");
		at = m->hits[i].to;
	}
	put_plain(md, text + at, m->to - at);
	if (m->after)
		buf_add_str(md, " …");
}

const char *find_kind_word(const struct find_hit *h)
{
	static const char *const items[] = { "Remembered", "Discovery", "Decision", "Status", "Note", "Summary", "Action", "Fact" };
	switch (h->kind) {
	case FIND_FORK:
		return h->state == 3 ? "Fork (resolved)" : h->state == 4 ? "Fork (abandoned)" : "Fork";
	case FIND_RESOLUTION:
		return "Resolution";
	case FIND_ITEM:
		return items[h->item_kind >= ITEM_DISCOVERY && h->item_kind <= ITEM_FACT ? h->item_kind : 0];
	default:
		return NULL;
	}
}

/* What has no link (a mail) is found by the name of its place, which is a subject, and its date. */
static void put_place(struct buf *md, const struct find_hit *h, bool linked)
{
	if (h->in_this_thread) {
		buf_add_str(md, " in this thread");
	} else if (!linked && h->adapter != NULL && h->place_name != NULL && h->place_name[0] != '\0') {
		buf_add_str(md, " in “");
		put_plain(md, h->place_name, strlen(h->place_name));
		buf_add_str(md, "”");
	} else if (h->visibility == VIS_DIRECT) {
		buf_add_str(md, " in a direct message");
	} else if (h->place_name != NULL && h->place_name[0] != '\0') {
		buf_add_str(md, h->place_name[0] == '#' ? " in " : " in \\#");
		put_plain(md, h->place_name, strlen(h->place_name));
	}
}

static void put_hit(struct buf *md, const struct find_hit *h, size_t number, const struct find_words *w)
{
	char link[600];
	struct tz_time t, now;
	buf_addf(md, "%zu. ", number);
	const char *kind = find_kind_word(h);
	if (kind != NULL)
		buf_addf(md, "%s: ", kind);
	if (h->title != NULL && h->kind == FIND_RESOLUTION) {
		put_plain(md, h->title, strlen(h->title));
		buf_add_str(md, " — ");
	}
	put_snippet(md, h->text, &h->mark);
	buf_add_str(md, " — ");
	const char *author = h->author_kind == AUTHOR_EDDY ? "Eddy" : h->author != NULL ? h->author : "somebody";
	put_plain(md, author, strlen(author));
	bool linked = w->link != NULL && h->adapter != NULL && h->message_key != NULL &&
	    w->link(w->arg, h->adapter, h->place_key, h->thread_key, h->message_key, link, sizeof link);
	put_place(md, h, linked);
	tz_local(w->tz, h->at_ms > 0 ? (uint64_t)h->at_ms : 0, &t);
	tz_local(w->tz, w->wall_ms, &now);
	buf_addf(md, ", %d %s", t.day, tz_month(t.month));
	if (t.year != now.year)
		buf_addf(md, " %d", t.year);
	buf_addf(md, " %02d:%02d", t.hour, t.minute);
	if (linked)
		buf_addf(md, " · [open](<%s>)", link);
	buf_add_char(md, '\n');
}

static void put_nothing(const struct find_request *r, const struct find_result *f, struct buf *md)
{
	buf_add_str(md, "I found nothing for **");
	put_plain(md, r->text, strlen(r->text));
	buf_add_str(md, "** in what I may read for you here.");
	if (f->no_person) {
		buf_add_str(md, " I know nobody whose name has “");
		put_plain(md, r->from, strlen(r->from));
		buf_add_str(md, "” in it.");
	} else if (f->no_place) {
		buf_add_str(md, " I know no place called “");
		put_plain(md, r->in == NULL ? "" : r->in, r->in == NULL ? 0 : strlen(r->in));
		buf_add_str(md, "” that everyone here may read.");
	} else if (r->page > 1) {
		buf_add_str(md, " There are fewer pages.");
	} else if (r->words[0] != '\0') {
		buf_add_str(md, " Try fewer or other words");
		if (r->in != NULL || r->from != NULL || r->before_ms != 0 || r->after_ms != 0 || r->has != SEARCH_ANY)
			buf_add_str(md, ", or fewer filters");
		buf_add_str(md, ".");
	}
}

void find_write(const struct find_request *r, const struct find_result *f, int limit, const struct find_words *w, struct buf *md)
{
	if (f->len == 0) {
		put_nothing(r, f, md);
	} else {
		size_t first = (size_t)(r->page - 1) * (size_t)limit + 1;
		if (f->loose)
			buf_add_str(md, "Nothing has all the words; these have some of them. ");
		buf_addf(md, "%s%lld %s for **", f->at_least ? "At least " : "", (long long)f->total,
		    f->total == 1 ? "match" : "matches");
		put_plain(md, r->text, strlen(r->text));
		buf_add_str(md, "**");
		if (f->total > (int64_t)f->len)
			buf_addf(md, ", here %zu to %zu", first, first + f->len - 1);
		buf_add_str(md, ":\n\n");
		for (size_t i = 0; i < f->len; i++)
			put_hit(md, &f->hits[i], first + i, w);
	}
	if (f->edge_ms != 0) {
		struct tz_time t;
		tz_local(w->tz, (uint64_t)f->edge_ms, &t);
		buf_addf(md, "\nI looked %s %d %s %d.", r->order == SEARCH_OLDEST ? "up to" : "back to", t.day, tz_month(t.month),
		    t.year);
	}
	if (f->own)
		buf_add_str(md, "\n\nThere is more that only you can read; I can show it to you alone.");
}
