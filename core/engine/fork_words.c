/* What people read about side threads, and which states may follow which. */
#include <stdlib.h>
#include <string.h>

#include "../base/mem.h"
#include "../base/utf8.h"
#include "../talk/doc.h"
#include "command.h"
#include "fork.h"

#define QUOTE_BYTES 600
#define TOPIC_BODY_BYTES 2000
#define TOPIC_OF_BYTES 110

void fork_put_topic(struct buf *out, const char *s, size_t n)
{
	size_t start = out->len, characters = 0;
	bool blank = false;
	for (size_t i = 0; i < n && characters < FORK_TOPIC_MAX;) {
		uint32_t c;
		size_t step = utf8_decode(s + i, n - i, &c);
		if (step == 0)
			break;
		if (c <= ' ' || c == 0x7f) {
			blank = out->len > start;
		} else {
			if (blank) {
				buf_add_char(out, ' ');
				characters++;
			}
			blank = false;
			buf_add(out, s + i, step);
			characters++;
		}
		i += step;
	}
}

void fork_put_topic_of(struct buf *out, const char *body, size_t n)
{
	struct doc *d = doc_parse(body, utf8_clip(body, n, TOPIC_BODY_BYTES));
	struct buf text = BUF_INIT, line = BUF_INIT;
	doc_write_text(d, &text);
	fork_put_topic(&line, text.p != NULL ? text.p : "", text.len);
	size_t keep = line.len > TOPIC_OF_BYTES ? utf8_clip(line.p, line.len, TOPIC_OF_BYTES) : line.len;
	if (keep < line.len) { /* between words, if one ends in the second half */
		size_t blank = keep;
		while (blank > keep / 2 && line.p[blank] != ' ')
			blank--;
		keep = line.p[blank] == ' ' ? blank : keep;
	}
	if (keep > 0)
		buf_add(out, line.p, keep);
	if (keep < line.len)
		buf_add_str(out, "…");
	buf_done(&line);
	buf_done(&text);
	doc_free(d);
}

static void put_topic(struct buf *md, const char *topic)
{
	command_put_name(md, topic);
}

/* Every line behind a ">"; at most QUOTE_BYTES. */
static void put_quote(struct buf *md, const char *s, size_t n)
{
	size_t keep = utf8_clip(s, n, QUOTE_BYTES);
	buf_add_str(md, "> ");
	for (size_t i = 0; i < keep; i++) {
		bool end = s[i] == '\n' || s[i] == '\r'; /* Markdown takes either for the end of a line, and of the quotation */
		buf_add_char(md, end ? '\n' : s[i]);
		if (end)
			buf_add_str(md, "> ");
	}
	if (keep < n)
		buf_add_str(md, "…");
	buf_add_str(md, "\n\n");
}

void fork_put_opening(struct buf *md, const struct fork_words *w)
{
	buf_addf(md, "**Side thread #%d: ", w->n);
	put_topic(md, w->topic);
	buf_add_str(md, "**\n\n");
	if (w->quote != NULL && w->quote_len > 0)
		put_quote(md, w->quote, w->quote_len);
	if (w->author != NULL) {
		buf_add_str(md, "– ");
		command_put_name(md, w->author);
		buf_add_str(md, w->link != NULL ? ", in " : ".");
	}
	if (w->link != NULL)
		buf_addf(md, "%s[the thread this comes from](%s).", w->author != NULL ? "" : "From ", w->link);
	buf_add_str(md, w->author != NULL || w->link != NULL ? "\n\n" : "");
	buf_add_str(md, "Work it out here. `resolve` lets me draft what comes back");
	if (w->creator != NULL) {
		buf_add_str(md, " for ");
		command_put_name(md, w->creator);
		buf_add_str(md, " to accept");
	}
	buf_add_str(md, "; `abandon` closes this without a word there.");
}

void fork_put_opened(struct buf *md, int n, const char *topic, const char *link)
{
	buf_addf(md, "Side thread #%d is open: ", n);
	if (link != NULL)
		buf_add_char(md, '[');
	put_topic(md, topic);
	if (link != NULL)
		buf_addf(md, "](%s)", link);
}

void fork_put_requoted(struct buf *md, const char *body, const struct fork_words *w)
{
	static const char begins[] = "**Side thread #";
	const char *rest = strncmp(body, begins, strlen(begins)) == 0 ? strstr(body, "\n\n") : NULL;
	if (rest == NULL) {
		buf_add_str(md, body);
		return;
	}
	buf_addf(md, "**Side thread #%d: ", w->n);
	put_topic(md, w->topic);
	buf_add_str(md, "**\n\n");
	rest += 2;
	bool quoted = *rest == '>';
	while (*rest == '>') {
		rest += strcspn(rest, "\n");
		rest += *rest == '\n';
	}
	if (quoted) {
		rest += *rest == '\n';
		put_quote(md, w->quote, w->quote_len);
	}
	buf_add_str(md, rest);
}

void fork_put_reopened(struct buf *md, const char *body, const struct fork_words *w)
{
	size_t n = strlen(body);
	const char *at = NULL;
	for (const char *p = body; n > 0 && body[n - 1] == ')' && (p = strstr(p, "](")) != NULL; p++)
		at = p + 2;
	char *link = at != NULL ? xstrndup(at, (size_t)(body + n - 1 - at)) : NULL;
	fork_put_opened(md, w->n, w->topic, link);
	free(link);
}

void fork_put_unopened(struct buf *md, int n, const char *topic)
{
	buf_addf(md, "I could not open side thread #%d (", n);
	put_topic(md, topic);
	buf_add_str(md, "): I'm not able to begin a thread here. Nothing else has changed.");
}

const char *fork_state_word(enum fork_state s)
{
	static const char *const words[] = { "", "opening", "active", "resolved", "abandoned", "not opened" };
	return (size_t)s < sizeof(words) / sizeof(words[0]) ? words[s] : "";
}

bool fork_may_become(enum fork_state from, enum fork_state to)
{
	switch (to) {
	case FORK_OPENING:
		return false;
	case FORK_ACTIVE:
		return from == FORK_OPENING;
	case FORK_RESOLVED:
	case FORK_ABANDONED:
		return from == FORK_ACTIVE;
	case FORK_FAILED:
		return from == FORK_OPENING;
	}
	return false;
}

bool resolution_may_become(enum resolution_state from, enum resolution_state to)
{
	return from == RESOLUTION_OFFERED && to != RESOLUTION_OFFERED;
}
