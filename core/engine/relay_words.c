/*
 * The words of conversations with people.  What a visitor of a page types is plain text and goes to colleagues who trust what Eddy shows
 * them: nothing of it may become a mention, a link that says one thing and leads to another, or a name that looks like somebody else's
 * words.
 */
#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/mem.h"
#include "../base/utf8.h"
#include "../talk/doc.h"
#include "../talk/transcript.h"
#include "relay.h"

#define LINE_BYTES 500
#define NOTICE_BYTES 8000 /* one message, with room for what escaping adds */

const char relay_words_gone[] = "Whoever asked has gone back to Eddy meanwhile; nothing is left to do here.";
const char relay_words_unopened[] =
    "I could not reach the team, so nobody has been asked. I'm here again; you can also ask once more later.";
const char relay_words_undelivered[] =
    "Your last message could not be delivered to the team. Say `back to Eddy` if you want me again.";
const char relay_words_unshown[] =
    "The last message here could not be shown on the page: I don't know who wrote it as a member of this workspace.";
const char relay_words_erased[] = "Whoever asked has erased this conversation and with it what was said there. It is closed.";

static bool begins_address(const char *s, size_t n)
{
	return (n > 8 && memcmp(s, "https://", 8) == 0) || (n > 7 && memcmp(s, "http://", 7) == 0);
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* Can the sign stand in an address as it is, without being read as markup?  Else the address ends before it, for a reader of links. */
static bool goes_on(const char *s, size_t i, size_t n)
{
	char c = s[i];
	if ((unsigned char)c <= ' ' || c == 0x7f || strchr("<>()[]\"'`*\\|~", c) != NULL)
		return false;
	if (c == '_') /* between letters it is one of them */
		return i > 0 && i + 1 < n && is_word(s[i - 1]) && is_word(s[i + 1]);
	if (c != '&')
		return true;
	size_t end = i + 1;
	while (end < n && (is_word(s[end]) || s[end] == '#'))
		end++;
	return end == n || s[end] != ';';
}

void relay_put_plain(struct buf *md, const char *text, size_t n)
{
	bool line_start = true, number = true; /* so far the line is nothing, or a number */
	for (size_t i = 0; i < n; i++) {
		char c = text[i];
		if (begins_address(text + i, n - i)) {
			while (i < n && goes_on(text, i, n))
				buf_add_char(md, text[i++]);
			i--;
			line_start = number = false;
			continue;
		}
		if (c == '\r')
			continue;
		if (c == '\n') {
			size_t next = i + 1; /* a line of blanks is an empty one */
			while (next < n && text[next] != '\n' && ((unsigned char)text[next] <= ' ' || text[next] == 0x7f))
				next++;
			bool between = !line_start && next < n && text[next] != '\n';
			buf_add_str(md, between ? "\\\n" : "\n");
			line_start = number = true;
			continue;
		}
		if ((unsigned char)c < ' ' || c == 0x7f || (line_start && c == ' '))
			c = line_start ? '\0' : ' ';
		if (c == '\0')
			continue;
		if (strchr("\\`*_[]<>()#|~&!", c) != NULL || (line_start && strchr("-+=", c) != NULL) || (number && c == '.'))
			buf_add_char(md, '\\');
		buf_add_char(md, c);
		line_start = false;
		number = number && c >= '0' && c <= '9';
	}
}

static void put_name(struct buf *md, const char *name, const char *after)
{
	buf_add_str(md, "**");
	if (name != NULL && name[0] != '\0')
		command_put_name(md, name);
	else
		buf_add_str(md, "Visitor");
	buf_add_str(md, after);
}

void relay_put_passed(struct buf *md, const char *name, int passes, bool deleted, const char *text, size_t n, const char *files)
{
	put_name(md, name, passes == PASSES_EDIT ? "** (edited)**:** " : ":** ");
	if (deleted)
		buf_add_str(md, "_(deleted)_");
	else
		relay_put_plain(md, text, n);
	if (files != NULL && !deleted) {
		buf_add_str(md, n > 0 ? "\n\n_(with " : "_(");
		command_put_name(md, files);
		buf_add_str(md, ")_");
	}
}

/* One earlier message as a quotation, cut short. */
static void put_line(struct buf *md, const struct relay_line *l)
{
	struct buf plain = BUF_INIT, one = BUF_INIT;
	const char *text = l->text;
	size_t n = l->text_len;
	if (l->author_kind == AUTHOR_EDDY) { /* its Markdown as words */
		struct doc *d = doc_parse(text, n);
		doc_write_text(d, &plain);
		doc_free(d);
		text = plain.p ? plain.p : "";
		n = plain.len;
	}
	bool cut = n > LINE_BYTES;
	if (cut)
		n = utf8_clip(text, n, LINE_BYTES);
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
		n--;
	put_name(&one, l->author_kind == AUTHOR_EDDY ? "Eddy" : l->name, ":** ");
	relay_put_plain(&one, text, n);
	if (cut)
		buf_add_str(&one, " …");
	buf_add_str(md, "> ");
	for (size_t i = 0; i < one.len; i++) {
		buf_add_char(md, one.p[i]);
		if (one.p[i] == '\n')
			buf_add_str(md, "> ");
	}
	buf_add_str(md, "\n\n");
	buf_done(&plain);
	buf_done(&one);
}

void relay_put_notice(
    struct buf *md, const char *name, const char *adapter, const struct relay_line *lines, size_t n, int64_t total)
{
	struct buf *quoted = xcalloc(n + 1, sizeof(*quoted));
	size_t first = n, bytes = 0;
	while (first > 0) {
		put_line(&quoted[first - 1], &lines[first - 1]);
		bytes += quoted[first - 1].len;
		if (bytes > NOTICE_BYTES)
			break;
		first--;
	}
	put_name(md, name, "** would like to talk to a person (");
	command_put_name(md, adapter);
	buf_add_str(md, ").\n\n");
	if ((int64_t)(n - first) < total && n > first)
		buf_addf(md, "The last %zu of %lld messages:\n\n", n - first, (long long)total);
	for (size_t i = first; i < n; i++)
		buf_add(md, quoted[i].p, quoted[i].len);
	buf_add_str(md,
	    "Answer in this thread: what members of this workspace write here is shown there. What mentions me is between us; "
	    "`@Eddy done` gives the conversation back to me.");
	for (size_t i = 0; i < n; i++)
		buf_done(&quoted[i]);
	free(quoted);
}

void relay_put_closed(struct buf *people, struct buf *page, const char *name)
{
	put_name(people, name, "** has gone back to Eddy: the conversation is closed here.");
	put_name(
	    page, name != NULL && name[0] != '\0' ? name : "The team", "** has given the conversation back to me. How can I help?");
}
