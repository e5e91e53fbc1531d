/*
 * Wording what was found.  An answer is a line of its own, one or a few quotes with their links, nothing else.  Everything that
 * people wrote goes through add_text(), which takes Markdown's signs out of it (web addresses stay whole), so a quote cannot
 * become a heading, a link to elsewhere or a mention.
 */
#include <jansson.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/json.h"
#include "../../core/base/utf8.h"
#include "builtin_internal.h"

#define RESULT_MAX (64u * 1024u)
#define HITS_MAX 50

struct hit {
	const char *author, *place, *at, *quote, *link;
	bool here, wanted;
	const json_t *files;
};
struct hits {
	json_t *root;
	struct hit h[HITS_MAX];
	size_t len;
	long long found;
	bool minimum, loose, failed;
};

static size_t url_len(const char *s)
{
	if (strncmp(s, "http://", 7) != 0 && strncmp(s, "https://", 8) != 0)
		return 0;
	return strcspn(s, " \t\r\n<>\"|*`\\");
}

/* ${s} as plain text; with ${quote} its lines stay inside a block quote, else they become one line. */
static void add_text(struct buf *md, const char *s, bool quote)
{
	bool line_start = true;
	while (*s != '\0') {
		size_t url = url_len(s);
		if (url > 0) {
			buf_add(md, s, url);
			s += url;
			line_start = false;
			continue;
		}
		char c = *s++;
		if (c == '\n') {
			buf_add_str(md, quote ? "  \n> " : " ");
			line_start = true;
			continue;
		}
		if ((unsigned char)c < 0x20)
			c = ' ';
		bool number = line_start && c >= '0' && c <= '9';
		if (strchr("\\`*_[]<>#|~!&", c) != NULL || (line_start && strchr("-+=", c) != NULL))
			buf_add_char(md, '\\');
		buf_add_char(md, c);
		/* "1." at the start of a line would begin a list. */
		if (number && (*s == '.' || *s == ')'))
			buf_add_char(md, '\\');
		line_start = line_start && (c == ' ' || number);
	}
}

static void add_link(struct buf *md, const char *link)
{
	buf_add_str(md, "](");
	for (; *link != '\0'; link++) {
		if (strchr("()<> \\\"", *link) != NULL || (unsigned char)*link < 0x20)
			buf_addf(md, "%%%02X", (unsigned)(unsigned char)*link);
		else
			buf_add_char(md, *link);
	}
	buf_add_char(md, ')');
}

/* "[Ana, general, 2026-07-01 18:05](link)" */
static void add_source(struct buf *md, const struct hit *h, bool author)
{
	if (h->link != NULL)
		buf_add_char(md, '[');
	if (author) {
		add_text(md, h->author, false);
		buf_add_str(md, ", ");
	}
	if (h->here) {
		buf_add_str(md, "this thread, ");
	} else if (h->place != NULL) {
		add_text(md, h->place, false);
		buf_add_str(md, ", ");
	}
	buf_add_str(md, h->at);
	if (h->link != NULL)
		add_link(md, h->link);
}

static void add_quote(struct buf *md, const struct hit *h)
{
	buf_add_str(md, "> ");
	add_text(md, h->quote, true);
	buf_add_str(md, "\n>\n> — ");
	add_source(md, h, true);
	buf_add_char(md, '\n');
}

static bool is_question(const char *s)
{
	size_t n = strlen(s);
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\n'))
		n--;
	return n > 0 && s[n - 1] == '?';
}

static void read_hits(const char *result, struct hits *out)
{
	memset(out, 0, sizeof *out);
	if (json_parse(result, strlen(result), RESULT_MAX, &out->root, NULL) != ERR_NONE) {
		out->failed = true;
		return;
	}
	out->found = json_int(out->root, "found", 0);
	out->minimum = json_bool(out->root, "found_is_a_minimum", false);
	out->loose = json_bool(out->root, "loose", false);
	size_t i;
	json_t *one;
	json_array_foreach (json_arr(out->root, "messages"), i, one) {
		if (out->len == HITS_MAX)
			break;
		const json_t *wanted = json_obj(one, "this");
		const json_t *m = wanted != NULL ? wanted : one;
		out->h[out->len++] = (struct hit){
			.author = json_str(m, "author", "somebody"),
			.place = json_str(m, "place", NULL),
			.at = json_str(m, "at", ""),
			.quote = json_str(m, "quote", ""),
			.link = json_str(m, "link", NULL),
			.here = json_bool(m, "in_this_thread", false),
			.wanted = wanted != NULL,
			.files = json_arr(m, "files"),
		};
	}
}

/* Somebody's question is shown only where there is nothing else. */
static void drop_questions(struct hits *hits)
{
	size_t keep = 0;
	for (size_t i = 0; i < hits->len; i++) {
		if (!is_question(hits->h[i].quote))
			hits->h[keep++] = hits->h[i];
	}
	if (keep > 0)
		hits->len = keep;
}

static void add_topic(struct buf *md, const char *before, const struct ask *a)
{
	if (a->topic[0] == '\0')
		return;
	buf_add_str(md, before);
	buf_add_str(md, "**");
	add_text(md, a->topic, false);
	buf_add_str(md, "**");
}

static void say_none(const struct ask *a, struct buf *md)
{
	if (a->kind == ASK_PARTICIPANTS || a->kind == ASK_THREAD_START) {
		buf_add_str(md, "Nothing found: nobody wrote in this thread before your question.\n");
		return;
	}
	buf_add_str(md,
	    a->kind == ASK_UNANSWERED  ? "Nothing found: no question without an answer"
	        : a->kind == ASK_COUNT ? "Nothing found: no messages"
	                               : "Nothing found");
	if (a->person[0] != '\0') {
		buf_add_str(md, " from **");
		add_text(md, a->person, false);
		buf_add_str(md, "**");
	}
	add_topic(md, " about ", a);
	if (a->after[0] != '\0')
		buf_add_str(md, " in that time");
	if (a->place[0] != '\0' && strcmp(a->place, "here") != 0 && strcmp(a->place, "thread") != 0) {
		buf_add_str(md, " in ");
		add_text(md, a->place, false);
	}
	buf_add_str(md, ". I looked through the messages I may read from here.\n");
}

static void say_list(struct buf *md, const struct hits *hits, size_t from, size_t most)
{
	for (size_t i = from; i < hits->len && i < from + most; i++) {
		char head[200];
		size_t len = strlen(hits->h[i].quote), n = utf8_clip(hits->h[i].quote, len, 160);
		memcpy(head, hits->h[i].quote, n);
		head[n] = '\0';
		buf_add_str(md, "- ");
		add_source(md, &hits->h[i], true);
		buf_add_str(md, ": ");
		add_text(md, head, false);
		if (n < len)
			buf_add_str(md, "…");
		buf_add_char(md, '\n');
	}
}

/* The first as a quote; with ${more} others as a short list. */
static void say_best(struct buf *md, const struct hits *hits, size_t more)
{
	add_quote(md, &hits->h[0]);
	if (more > 0 && hits->len > 1) {
		buf_add_str(md, "\nAlso:\n\n");
		say_list(md, hits, 1, more);
	}
}

static void say_authors(const struct ask *a, const struct hits *hits, struct buf *md)
{
	if (a->kind == ASK_PARTICIPANTS) {
		buf_add_str(md, "Who wrote in this thread:\n\n");
	} else {
		add_topic(md, "Who wrote about ", a);
		buf_add_str(md, ":\n\n");
	}
	for (size_t i = 0; i < hits->len; i++) {
		size_t k = 0, count = 0;
		while (k < i && strcmp(hits->h[k].author, hits->h[i].author) != 0)
			k++;
		if (k < i)
			continue;
		for (size_t j = i; j < hits->len; j++)
			count += strcmp(hits->h[j].author, hits->h[i].author) == 0;
		buf_add_str(md, "- **");
		add_text(md, hits->h[i].author, false);
		buf_addf(
		    md, "**, %zu message%s, %s ", count, count == 1 ? "" : "s", a->kind == ASK_PARTICIPANTS ? "first" : "last");
		add_source(md, &hits->h[i], false);
		buf_add_char(md, '\n');
	}
}

static void say_places(const struct ask *a, const struct hits *hits, struct buf *md)
{
	add_topic(md, "", a);
	buf_add_str(md, " came up in:\n\n");
	for (size_t i = 0; i < hits->len; i++) {
		const char *place = hits->h[i].place != NULL ? hits->h[i].place : "this conversation";
		size_t k = 0, count = 0;
		for (; k < i; k++) {
			if (strcmp(hits->h[k].place != NULL ? hits->h[k].place : "this conversation", place) == 0)
				break;
		}
		if (k < i)
			continue;
		for (size_t j = i; j < hits->len; j++)
			count += strcmp(hits->h[j].place != NULL ? hits->h[j].place : "this conversation", place) == 0;
		buf_add_str(md, "- **");
		add_text(md, place, false);
		buf_addf(md, "**, %zu message%s, last by ", count, count == 1 ? "" : "s");
		add_source(md, &hits->h[i], true);
		buf_add_char(md, '\n');
	}
}

static void say_count(const struct ask *a, const struct hits *hits, struct buf *md)
{
	buf_addf(md, "%s%lld message%s mention%s ", hits->minimum ? "At least " : "", hits->found, hits->found == 1 ? "" : "s",
	    hits->found == 1 ? "s" : "");
	add_topic(md, "", a);
	buf_add_str(md, ". The newest:\n\n");
	add_quote(md, &hits->h[0]);
}

static void say_files(const struct hits *hits, struct buf *md)
{
	buf_add_str(md, "Files that were shared:\n\n");
	for (size_t i = 0; i < hits->len; i++) {
		buf_add_str(md, "- ");
		size_t k;
		const json_t *name;
		json_array_foreach (hits->h[i].files, k, name) {
			if (k > 0)
				buf_add_str(md, ", ");
			add_text(md, json_is_string(name) ? json_string_value(name) : "", false);
		}
		buf_add_str(md, " – ");
		add_source(md, &hits->h[i], true);
		buf_add_char(md, '\n');
	}
}

static void say_links(const struct hits *hits, struct buf *md)
{
	buf_add_str(md, "Links that were shared:\n\n");
	for (size_t i = 0; i < hits->len; i++) {
		for (const char *s = hits->h[i].quote; *s != '\0'; s++) {
			size_t n = url_len(s);
			if (n == 0)
				continue;
			while (n > 8 && strchr(".,;:)!?'", s[n - 1]) != NULL)
				n--;
			buf_add_str(md, "- ");
			buf_add(md, s, n);
			buf_add_str(md, " – ");
			add_source(md, &hits->h[i], true);
			buf_add_char(md, '\n');
			s += n - 1;
		}
	}
}

static void say_around(const struct hits *hits, struct buf *md)
{
	buf_add_str(md, "Around it was written:\n\n");
	for (size_t i = 0; i < hits->len; i++) {
		buf_add_str(md, hits->h[i].wanted ? "- **" : "- ");
		add_source(md, &hits->h[i], true);
		buf_add_str(md, hits->h[i].wanted ? "**: " : ": ");
		add_text(md, hits->h[i].quote, false);
		buf_add_char(md, '\n');
	}
}

static void say_found(const struct ask *a, const struct hits *hits, struct buf *md)
{
	const struct hit *first = &hits->h[0];
	if (hits->loose && a->kind != ASK_WHO_TALKED && a->kind != ASK_WHERE)
		buf_add_str(md, "No message has all of those words. What comes closest:\n\n");
	switch (a->kind) {
	case ASK_WHO_TALKED:
	case ASK_PARTICIPANTS:
		say_authors(a, hits, md);
		return;
	case ASK_WHERE:
		say_places(a, hits, md);
		return;
	case ASK_COUNT:
		say_count(a, hits, md);
		return;
	case ASK_FILES:
		say_files(hits, md);
		return;
	case ASK_LINKS:
		say_links(hits, md);
		return;
	case ASK_AROUND:
		say_around(hits, md);
		return;
	case ASK_LAST_SEEN:
		buf_add_str(md, "**");
		add_text(md, first->author, false);
		buf_add_str(md, "** last wrote on ");
		add_source(md, first, false);
		buf_add_str(md, ".\n");
		return;
	case ASK_HAPPENED:
		buf_addf(md, "%lld message%s, the newest first:\n\n", hits->found, hits->found == 1 ? "" : "s");
		say_list(md, hits, 0, 10);
		return;
	case ASK_UNANSWERED:
		buf_add_str(md, "Questions nobody has answered in their thread:\n\n");
		say_list(md, hits, 0, 10);
		return;
	case ASK_WHO_SAID:
	case ASK_WHO_ASKED:
		if (!hits->loose) {
			buf_add_str(md, "**");
			add_text(md, first->author, false);
			buf_add_str(md, a->kind == ASK_WHO_SAID ? "** wrote:\n\n" : "** asked:\n\n");
		}
		break;
	case ASK_DID_ANYONE:
	case ASK_DID_PERSON:
		buf_add_str(md, hits->loose ? "" : "Yes:\n\n");
		break;
	case ASK_FIRST:
		buf_add_str(md, "The first mention I find:\n\n");
		say_best(md, hits, 0);
		return;
	case ASK_LATEST:
		buf_add_str(md, "The latest:\n\n");
		break;
	case ASK_LAST_OF:
		say_best(md, hits, 0);
		return;
	case ASK_THREAD_START:
		buf_add_str(md, "This thread began with:\n\n");
		say_best(md, hits, 0);
		return;
	case ASK_SAID_WHEN:
		buf_add_str(md, "On ");
		add_source(md, first, false);
		buf_add_str(md, ":\n\n");
		break;
	case ASK_WORDS:
		if (!hits->loose)
			buf_add_str(md, "The messages that fit best:\n\n");
		break;
	default:
		break;
	}
	say_best(md, hits, 2);
}

void builtin_say_nothing(struct buf *md)
{
	buf_add_str(md,
	    BUILTIN_NO_MODEL
	    ", so I can't answer that. What I can do: find what was said – try *who said …*, *when did we …*, "
	    "*what did … say about …*, *what was decided about …*, *links about …* – and the commands in `help`.\n");
}

void builtin_say(const struct ask *a, const char *const *results, size_t results_len, struct buf *md)
{
	if (results_len == 0) {
		builtin_say_nothing(md);
		return;
	}
	struct hits hits;
	read_hits(results[results_len - 1], &hits);
	if (hits.failed) {
		buf_add_str(md, "I could not search the messages just now. Please ask again in a moment.\n");
	} else if (hits.len == 0) {
		say_none(a, md);
		if (a->kind == ASK_WORDS) {
			buf_add_char(md, '\n');
			builtin_say_nothing(md);
		}
	} else {
		bool wants_questions = a->kind == ASK_WHO_ASKED || a->kind == ASK_UNANSWERED || a->kind == ASK_PARTICIPANTS ||
		    a->kind == ASK_HAPPENED || a->kind == ASK_AROUND || a->kind == ASK_LAST_OF || a->kind == ASK_LAST_SEEN;
		if (!wants_questions)
			drop_questions(&hits);
		say_found(a, &hits, md);
	}
	json_decref(hits.root);
}
