/*
 * The settled part of the source is rendered anew each time, and what goes beyond the text already shown is printed.  That costs a
 * little work per line and saves a second Markdown writer.  Should a rendering ever not begin with what was shown (the guess was wrong),
 * nothing more is printed until the end, and then the whole text once more below.
 */
#include "flow.h"

#include <string.h>

#include "../../core/talk/doc.h"

void flow_done(struct flow *s)
{
	buf_done(&s->source);
	buf_done(&s->shown);
}

void flow_reset(struct flow *s)
{
	buf_reset(&s->source);
	buf_reset(&s->shown);
	s->broken = false;
}

/* A run of emphasis marks at ${at}: does it open, close or mean nothing?  At the end of what has come nobody knows: then it opens. */
struct mark {
	size_t at, len;  /* len 0: not open */
	size_t from, to; /* the last one that was closed */
};

static void mark_close(struct mark *m, size_t end)
{
	m->from = m->at;
	m->to = end;
	m->len = 0;
}

static void mark_open(struct mark *m, size_t at, size_t len)
{
	m->at = at;
	m->len = len;
}

static void take_marks(struct mark *m, const char *p, size_t n, size_t at, size_t len)
{
	bool before = at > 0 && p[at - 1] != ' ' && p[at - 1] != '\n', at_end = at + len == n;
	bool after = at_end || (p[at + len] != ' ' && p[at + len] != '\n');
	if (m->len > 0 && before && len >= m->len)
		mark_close(m, at + len);
	else if (m->len == 0 && after && (p[at] != '_' || !before))
		mark_open(m, at, len);
}

/* A paragraph: up to the last space in front of the first mark that is still open. */
static size_t settled_words(const char *p, size_t n)
{
	static const char signs[] = "*_~";
	struct mark marks[3] = { 0 }, bracket = { 0 }, ticks = { 0 };
	for (size_t i = 0; i < n; i++) {
		char c = p[i];
		const char *sign = memchr(signs, c, sizeof signs - 1);
		size_t len = 1;
		if (c == '`' || sign != NULL)
			while (i + len < n && p[i + len] == c)
				len++;
		if (c == '`') {
			if (ticks.len == len)
				mark_close(&ticks, i + len);
			else if (ticks.len == 0)
				mark_open(&ticks, i, len);
		} else if (ticks.len > 0) {
			continue;
		} else if (c == '\\') {
			i++;
		} else if (sign != NULL) {
			take_marks(&marks[sign - signs], p, n, i, len);
		} else if (c == '[' || c == '<') {
			if (bracket.len == 0)
				mark_open(&bracket, i, 1);
		} else if (bracket.len > 0 && (c == '>' || c == ')' || (c == ']' && i + 1 < n && p[i + 1] != '('))) {
			mark_close(&bracket, i + 1);
		}
		i += len - 1;
	}
	size_t open = n;
	const struct mark *all[] = { &marks[0], &marks[1], &marks[2], &bracket, &ticks };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i]->len > 0 && all[i]->at < open)
			open = all[i]->at;
	/* Back to a space that lies in no span. */
	for (bool inside = true; inside;) {
		while (open > 0 && p[open - 1] != ' ' && p[open - 1] != '\n')
			open--;
		inside = false;
		for (size_t i = 0; i < sizeof all / sizeof *all; i++)
			if (all[i]->from < open && open < all[i]->to) {
				open = all[i]->from;
				inside = true;
			}
	}
	return open;
}

size_t flow_settled(const char *md, size_t n)
{
	/* Find where the last block begins; inside a fence blank lines end nothing. */
	size_t block = 0, line = 0;
	bool fence = false;
	while (line < n) {
		const char *nl = memchr(md + line, '\n', n - line);
		size_t end = nl == NULL ? n : (size_t)(nl - md);
		size_t in = line;
		while (in < end && md[in] == ' ')
			in++;
		bool is_fence = end - in >= 3 && (strncmp(md + in, "```", 3) == 0 || strncmp(md + in, "~~~", 3) == 0);
		if (is_fence && nl != NULL) {
			if (!fence)
				block = line;
			fence = !fence;
		} else if (!fence && in == end && nl != NULL) {
			block = end + 1;
		}
		if (nl == NULL)
			break;
		line = end + 1;
	}
	if (fence)
		return line > block ? line : block; /* whole lines of code */
	char first = block < n ? md[block] : ' ';
	if (strchr("|#>-+*0123456789 \t<=", first) != NULL)
		return first == '|' || first == '#' || first == '>' ? block : line > block ? line : block;
	if (memchr(md + block, '|', n - block) != NULL)
		return block; /* this may be a table without a bar in front */
	return block + settled_words(md + block, n - block);
}

void flow_print(struct flow *s, bool final, struct buf *out)
{
	size_t n = final ? s->source.len : flow_settled(s->source.p == NULL ? "" : s->source.p, s->source.len);
	if (n == 0 || (s->broken && !final))
		return;
	struct buf text = BUF_INIT;
	struct doc *d = doc_parse(s->source.p, n);
	doc_write_text(d, &text);
	doc_free(d);
	while (text.len > 0 && (text.p[text.len - 1] == '\n' || text.p[text.len - 1] == ' '))
		buf_truncate(&text, text.len - 1);
	if (text.len >= s->shown.len && (s->shown.len == 0 || memcmp(text.p, s->shown.p, s->shown.len) == 0)) {
		buf_add(out, text.p + s->shown.len, text.len - s->shown.len);
	} else if (text.len < s->shown.len && !final) {
		buf_done(&text);
		return;
	} else if (final) {
		buf_add_str(out, "\n\n");
		buf_add(out, text.p, text.len);
	} else {
		s->broken = true;
	}
	if (!s->broken || final) {
		buf_reset(&s->shown);
		buf_add(&s->shown, text.p, text.len);
	}
	buf_done(&text);
}
