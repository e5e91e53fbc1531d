/*
 * Markdown to blocks, a piece at a time.  A piece ends before a line that follows a blank one, is not indented, stands in no fence and
 * cannot continue a list: whatever comes then, CommonMark has closed every block before it.  So pieces are read one by one, each once it
 * is complete, and only the last one again while it grows.  What reaches across pieces are definitions of link targets: those seen so
 * far are put in front of each piece that has a bracket.
 *
 * A piece that would be read otherwise in its surroundings than alone can only look less rich, never change later: what is
 * finished is kept as it was written.  Output is bounded: past BLOCKS_JSON_MAX the rest of a text is plain paragraphs.
 */
#include "blocks.h"

#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/mem.h"
#include "../../core/talk/doc.h"

#define BLOCKS_JSON_MAX (512u * 1024u)
#define TARGETS_MAX 4096u               /* bytes of definitions that are kept */
#define TARGETS_READ_MAX (512u * 1024u) /* bytes of definitions read again, over all pieces */

struct blocks {
	bool lines;
	struct buf json; /* blocks, one behind the other */
	size_t *ends;    /* where each ends */
	size_t len, cap, final;
	size_t done; /* text before this is finished */
	size_t at;   /* text before this was looked through for cuts; the start of a line */
	char fence;  /* open fence: its character, 0: none */
	size_t fence_len, fence_indent;
	bool fence_inside; /* the fence stands in a list */
	bool list;         /* a line of this piece begins an item */
	bool blank;        /* the line before was blank */
	struct buf targets, piece;
	size_t targets_read, tail;
	bool whole; /* the definitions are those of the whole text already */
};

struct blocks *blocks_new(void)
{
	return xcalloc(1, sizeof(struct blocks));
}

void blocks_free(struct blocks *b)
{
	if (b == NULL)
		return;
	buf_done(&b->json);
	buf_done(&b->targets);
	buf_done(&b->piece);
	free(b->ends);
	free(b);
}

void blocks_reset(struct blocks *b)
{
	bool lines = b->lines;
	buf_done(&b->json);
	buf_done(&b->targets);
	buf_done(&b->piece);
	free(b->ends);
	*b = (struct blocks){ .lines = lines };
}

size_t blocks_count(const struct blocks *b)
{
	return b->len;
}

size_t blocks_final(const struct blocks *b)
{
	return b->final;
}

size_t blocks_tail(const struct blocks *b)
{
	return b->tail;
}

/* ---- nodes as JSON ---- */

struct writer {
	struct buf *out;
	bool lines;
	const char *mark; /* what stands before the next text: the box of a task */
};

static void put_string(struct buf *out, const char *key, const char *s, size_t n)
{
	buf_add_str(out, key);
	buf_add_char(out, '"');
	if (n > 0)
		buf_add_json(out, s, n);
	buf_add_char(out, '"');
}

static void put_inlines(struct writer *w, const struct doc_node *parent);

/* Texts and the spaces between lines become one string. */
static const struct doc_node *put_text(struct writer *w, const struct doc_node *n)
{
	buf_add_char(w->out, '"');
	buf_add_str(w->out, w->mark);
	w->mark = NULL;
	for (; n != NULL; n = n->next) {
		if (n->type == DOC_TEXT && n->text_len > 0)
			buf_add_json(w->out, n->text, n->text_len);
		else if (n->type == DOC_SOFT_BREAK && !w->lines)
			buf_add_char(w->out, ' ');
		else if (n->type != DOC_TEXT)
			break;
	}
	buf_add_char(w->out, '"');
	return n;
}

static void put_span(struct writer *w, const char *type, const struct doc_node *n)
{
	buf_add_str(w->out, type);
	put_inlines(w, n);
	buf_add_char(w->out, '}');
}

static void put_inlines(struct writer *w, const struct doc_node *parent)
{
	struct buf *out = w->out;
	bool more = false;
	buf_add_char(out, '[');
	if (w->mark != NULL && (parent->first == NULL || parent->first->type != DOC_TEXT)) {
		buf_add_char(out, '"');
		buf_add_str(out, w->mark);
		buf_add_char(out, '"');
		w->mark = NULL;
		more = true;
	}
	for (const struct doc_node *n = parent->first; n != NULL; more = true) {
		if (more)
			buf_add_char(out, ',');
		if (n->type == DOC_TEXT || (n->type == DOC_SOFT_BREAK && !w->lines)) {
			n = put_text(w, n);
			continue;
		}
		switch (n->type) {
		case DOC_STRONG:
			put_span(w, "{\"t\":\"b\",\"c\":", n);
			break;
		case DOC_EMPH:
			put_span(w, "{\"t\":\"i\",\"c\":", n);
			break;
		case DOC_STRIKE:
			put_span(w, "{\"t\":\"s\",\"c\":", n);
			break;
		case DOC_CODE_SPAN:
			put_string(out, "{\"t\":\"code\",\"s\":", n->text, n->text_len);
			buf_add_char(out, '}');
			break;
		case DOC_LINK:
			if (n->href == NULL) {
				put_span(w, "{\"t\":\"i\",\"c\":", n);
				break;
			}
			put_string(out, "{\"t\":\"a\",\"href\":", n->href, n->href_len);
			put_span(w, ",\"c\":", n);
			break;
		default:
			buf_add_str(out, "{\"t\":\"br\"}");
			break;
		}
		n = n->next;
	}
	buf_add_char(out, ']');
}

static void put_block(struct writer *w, const struct doc_node *n);

static void put_children(struct writer *w, const struct doc_node *parent)
{
	buf_add_char(w->out, '[');
	for (const struct doc_node *n = parent->first; n != NULL; n = n->next) {
		if (n != parent->first)
			buf_add_char(w->out, ',');
		put_block(w, n);
	}
	buf_add_char(w->out, ']');
}

static void put_list(struct writer *w, const struct doc_node *n)
{
	if (n->ordered)
		buf_addf(w->out, "{\"t\":\"ol\",\"start\":%d,\"i\":[", n->level);
	else
		buf_add_str(w->out, "{\"t\":\"ul\",\"i\":[");
	for (const struct doc_node *i = n->first; i != NULL; i = i->next) {
		if (i != n->first)
			buf_add_char(w->out, ',');
		w->mark = i->task == 1 ? "\xe2\x98\x90 " : i->task == 2 ? "\xe2\x98\x91 " : NULL;
		put_children(w, i);
		w->mark = NULL;
	}
	buf_add_str(w->out, "]}");
}

static void put_row(struct writer *w, const struct doc_node *row)
{
	buf_add_char(w->out, '[');
	for (const struct doc_node *c = row->first; c != NULL; c = c->next) {
		if (c != row->first)
			buf_add_char(w->out, ',');
		put_inlines(w, c);
	}
	buf_add_char(w->out, ']');
}

static void put_table(struct writer *w, const struct doc_node *n)
{
	static const char *const sides[] = { "\"\"", "\"l\"", "\"c\"", "\"r\"" };
	struct buf *out = w->out;
	buf_add_str(out, "{\"t\":\"table\",\"align\":[");
	for (const struct doc_node *c = n->first->first; c != NULL; c = c->next) {
		if (c->prev != NULL)
			buf_add_char(out, ',');
		buf_add_str(out, sides[c->align >= 0 && c->align <= 3 ? c->align : 0]);
	}
	buf_add_str(out, "],\"head\":");
	const struct doc_node *row = n->first;
	if (row->header) {
		put_row(w, row);
		row = row->next;
	} else {
		buf_add_str(out, "[]");
	}
	buf_add_str(out, ",\"rows\":[");
	for (bool more = false; row != NULL; row = row->next, more = true) {
		if (more)
			buf_add_char(out, ',');
		put_row(w, row);
	}
	buf_add_str(out, "]}");
}

static void put_block(struct writer *w, const struct doc_node *n)
{
	struct buf *out = w->out;
	switch (n->type) {
	case DOC_HEADING:
		buf_addf(out, "{\"t\":\"h\",\"n\":%d,\"c\":", n->level);
		put_inlines(w, n);
		break;
	case DOC_LIST:
		put_list(w, n);
		return;
	case DOC_QUOTE:
		buf_add_str(out, "{\"t\":\"quote\",\"b\":");
		put_children(w, n);
		break;
	case DOC_CODE:
		put_string(out, "{\"t\":\"code\",\"lang\":", n->info, n->info_len);
		put_string(out, ",\"s\":", n->text, n->text_len);
		break;
	case DOC_RULE:
		buf_add_str(out, "{\"t\":\"hr\"");
		break;
	case DOC_TABLE:
		put_table(w, n);
		return;
	default:
		buf_add_str(out, "{\"t\":\"p\",\"c\":");
		put_inlines(w, n);
		break;
	}
	buf_add_char(out, '}');
}

static void add_end(struct blocks *b)
{
	if (b->len == b->cap) {
		b->cap = b->cap == 0 ? 16 : b->cap * 2;
		b->ends = xrealloc(b->ends, b->cap * sizeof *b->ends);
	}
	b->ends[b->len++] = b->json.len;
}

static void add_plain(struct blocks *b, const char *s, size_t n)
{
	buf_add_str(&b->json, "{\"t\":\"p\",\"c\":[");
	put_string(&b->json, "", s, n);
	buf_add_str(&b->json, "]}");
	add_end(b);
}

static bool is_blank(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] != ' ' && s[i] != '\t' && s[i] != '\r' && s[i] != '\n')
			return false;
	return true;
}

static void add_piece(struct blocks *b, const char *s, size_t n)
{
	if (is_blank(s, n))
		return;
	if (b->json.len > BLOCKS_JSON_MAX) {
		add_plain(b, s, n);
		return;
	}
	buf_reset(&b->piece);
	if (b->targets.len > 0 && memchr(s, ']', n) != NULL && b->targets_read < TARGETS_READ_MAX) {
		buf_add(&b->piece, b->targets.p, b->targets.len);
		buf_add_char(&b->piece, '\n');
		b->targets_read += b->targets.len;
	}
	buf_add(&b->piece, s, n);
	struct doc *d = doc_parse(b->piece.p, b->piece.len);
	struct writer w = { .out = &b->json, .lines = b->lines };
	size_t start = b->json.len, len = b->len;
	for (const struct doc_node *c = doc_root(d)->first; c != NULL && b->json.len <= BLOCKS_JSON_MAX; c = c->next) {
		put_block(&w, c);
		add_end(b);
	}
	doc_free(d);
	/* One that grows beyond all bounds (a table of many columns and short rows) is shown as it was written. */
	if (b->json.len > BLOCKS_JSON_MAX) {
		buf_truncate(&b->json, start);
		b->len = len;
		add_plain(b, s, n);
	}
}

/* ---- where to cut ---- */

static bool is_item(const char *s, size_t n)
{
	size_t i = 0;
	if (n > 0 && (s[0] == '-' || s[0] == '*' || s[0] == '+')) {
		i = 1;
	} else {
		while (i < n && i < 10 && s[i] >= '0' && s[i] <= '9')
			i++;
		if (i == 0 || i == n || (s[i] != '.' && s[i] != ')'))
			return false;
		i++;
	}
	return i == n || s[i] == ' ' || s[i] == '\t';
}

/* "[name]: target" is kept for what comes later. */
static void keep_target(struct blocks *b, const char *s, size_t n)
{
	if (b->whole || n < 4 || s[0] != '[' || n > 1024 || b->targets.len + n + 1 > TARGETS_MAX)
		return;
	const char *close = memchr(s, ']', n);
	if (close == NULL || close == s + 1 || close + 1 == s + n || close[1] != ':')
		return;
	buf_add(&b->targets, s, n);
	buf_add_char(&b->targets, '\n');
}

static void fence_line(struct blocks *b, const char *s, size_t n, size_t indent)
{
	size_t run = 0;
	while (run < n && s[run] == s[0])
		run++;
	if (b->fence != 0) {
		if (s[0] == b->fence && run >= b->fence_len && is_blank(s + run, n - run))
			b->fence = 0;
		return;
	}
	if (run < 3 || (s[0] == '`' && memchr(s + run, '`', n - run) != NULL))
		return;
	b->fence = s[0];
	b->fence_len = run;
	b->fence_indent = indent;
	b->fence_inside = b->list && indent > 0;
}

/* Looks at one complete line; true: what is before it is finished. */
static bool look(struct blocks *b, const char *line, size_t n)
{
	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	size_t blanks = 0, indent = 0;
	for (; blanks < n && (line[blanks] == ' ' || line[blanks] == '\t'); blanks++)
		indent = line[blanks] == '\t' ? (indent + 4) & ~(size_t)3 : indent + 1;
	bool empty = blanks == n;
	const char *s = line + blanks;
	n -= blanks;
	if (b->fence != 0 && b->fence_inside && !empty && indent < b->fence_indent)
		b->fence = 0; /* its item has ended, and so has it */
	bool item = !empty && is_item(s, n) && (b->fence == 0);
	bool cut = b->blank && !empty && indent == 0 && b->fence == 0 && !(b->list && item);
	if (cut)
		b->list = false;
	b->blank = empty;
	if (empty)
		return false;
	if ((*s == '`' || *s == '~') && (indent < 4 || b->list))
		fence_line(b, s, n, indent);
	else if (b->fence == 0 && indent < 4)
		keep_target(b, s, n);
	if (item)
		b->list = true;
	return cut;
}

static void cut_before(struct blocks *b, const char *text, size_t at)
{
	add_piece(b, text + b->done, at - b->done);
	b->done = at;
	b->final = b->len;
}

bool blocks_grow(struct blocks *b, const char *text, size_t n, size_t *from)
{
	struct buf before = BUF_INIT;
	size_t known = b->len, base = b->final, start = base == 0 ? 0 : b->ends[base - 1];
	size_t *ends = NULL;
	if (known > base) {
		buf_add(&before, b->json.p + start, b->json.len - start);
		ends = xmalloc((known - base) * sizeof *ends);
		memcpy(ends, b->ends + base, (known - base) * sizeof *ends);
		buf_truncate(&b->json, start);
		b->len = base;
	}
	for (const char *end; b->at < n && (end = memchr(text + b->at, '\n', n - b->at)) != NULL;) {
		size_t next = (size_t)(end - text) + 1;
		if (look(b, text + b->at, next - b->at))
			cut_before(b, text, b->at);
		b->at = next;
	}
	b->tail = n - b->done;
	if (n > b->done)
		add_piece(b, text + b->done, n - b->done);
	size_t same = base;
	for (size_t at = start; same < known && same < b->len && b->ends[same] == ends[same - base]; same++) {
		if (memcmp(b->json.p + at, before.p + (at - start), b->ends[same] - at) != 0)
			break;
		at = b->ends[same];
	}
	buf_done(&before);
	free(ends);
	*from = same;
	return same < known || same < b->len;
}

void blocks_put(const struct blocks *b, size_t from, struct buf *out)
{
	for (size_t i = from; i < b->len; i++) {
		size_t start = i == 0 ? 0 : b->ends[i - 1];
		if (i > from)
			buf_add_char(out, ',');
		buf_add(out, b->json.p + start, b->ends[i] - start);
	}
}

void blocks_write(const char *text, size_t n, bool lines, struct buf *out)
{
	struct blocks b = { .lines = lines };
	/* The definitions first, those of the whole text. */
	if (n > 0 && memmem(text, n, "]:", 2) != NULL) {
		for (size_t at = 0; at < n;) {
			const char *end = memchr(text + at, '\n', n - at);
			size_t next = end == NULL ? n : (size_t)(end - text) + 1;
			(void)look(&b, text + at, next - at);
			at = next;
		}
		b.fence = 0;
		b.list = b.blank = false;
		b.whole = true;
	}
	size_t from;
	if (n > 0)
		(void)blocks_grow(&b, text, n, &from);
	blocks_put(&b, 0, out);
	blocks_reset(&b);
}
