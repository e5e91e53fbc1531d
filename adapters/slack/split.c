/*
 * Greedy: as much as fits, cut at the best place in its second half.  What the next piece needs to be read alone - an opened fence, a table's
 * header - goes in front of it and counts.
 */
#include "split.h"

#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/utf8.h"

#define FENCE_MAX 100u   /* a longer opening line is opened again as a bare one */
#define HEADER_MAX 400u  /* a longer table header is not repeated */

bool slack_fence_open(const char *s, size_t n, const char **line, size_t *line_n)
{
	size_t fence = 0;
	char mark = 0;
	for (size_t at = 0; at < n;) {
		const char *nl = memchr(s + at, '\n', n - at);
		size_t end = nl ? (size_t)(nl - s) : n, p = at;
		while (p < end && p < at + 3 && s[p] == ' ')
			p++;
		size_t run = 0;
		char c = p < end ? s[p] : 0;
		while ((c == '`' || c == '~') && p + run < end && s[p + run] == c)
			run++;
		if (run >= 3 && fence == 0 && !(c == '`' && memchr(s + p + run, '`', end - p - run))) {
			fence = run;
			mark = c;
			*line = s + p;
			*line_n = end - p;
		} else if (fence > 0 && run >= fence && c == mark) {
			size_t q = p + run;
			while (q < end && (s[q] == ' ' || s[q] == '\t' || s[q] == '\r'))
				q++;
			if (q == end)
				fence = 0;
		}
		at = end + 1;
	}
	return fence > 0;
}

static bool table_line(const char *s, size_t n)
{
	size_t i = 0;
	while (i < n && i < 3 && s[i] == ' ')
		i++;
	return i < n && s[i] == '|' && memchr(s, '\n', n);
}

/* The header and delimiter lines of the table that a cut at ${cut} goes through; 0: no table there. */
static size_t table_header(const char *s, size_t n, size_t cut, const char **header)
{
	if (cut == 0 || s[cut - 1] != '\n' || !table_line(s + cut, n - cut))
		return 0;
	size_t start = cut, second = 0, third = 0;
	for (;;) {
		size_t p = start;
		if (p == 0)
			break;
		p--;
		while (p > 0 && s[p - 1] != '\n')
			p--;
		if (!table_line(s + p, start - p))
			break;
		third = second;
		second = start;
		start = p;
	}
	if (!second || !third || third - start > HEADER_MAX)
		return 0;
	/* The second line must be dashes, or these are just lines with bars. */
	for (size_t i = second; i < third; i++)
		if (!strchr("|-: \t\r\n", s[i]))
			return 0;
	*header = s + start;
	return third - start;
}

static size_t best_cut(const char *s, size_t max)
{
	size_t line = 0, word = 0;
	for (size_t p = max; p > max / 2; p--) {
		const char *open;
		size_t n;
		if (s[p - 1] == '\n') {
			if (!line)
				line = p;
			if (p >= 2 && s[p - 2] == '\n' && !slack_fence_open(s, p, &open, &n))
				return p;
		} else if (!word && s[p - 1] == ' ') {
			word = p;
		}
	}
	return line ? line : word ? word : max;
}

void slack_split(const char *md, size_t n, size_t units, void (*fn)(void *arg, const char *md, size_t n), void *arg)
{
	struct buf piece = BUF_INIT;
	size_t at = 0;
	while (at < n) {
		size_t used = piece.len; /* what was put in front, in bytes: never fewer than units */
		size_t left = n - at;
		if (used + left <= units || used + utf8_utf16_len(md + at, left) <= units) {
			buf_add(&piece, md + at, left);
			fn(arg, piece.p, piece.len);
			break;
		}
		size_t room = units - used > FENCE_MAX + 50 ? units - used - 8 : 50;
		size_t max = utf8_utf16_clip(md + at, left, room);
		if (max == 0) /* not UTF-8: bytes will do */
			max = room < left ? room : left;
		size_t cut = best_cut(md + at, max);
		buf_add(&piece, md + at, cut);
		const char *line = NULL, *header = NULL;
		size_t line_n = 0;
		char fence[FENCE_MAX + 2];
		size_t fence_n = 0;
		if (slack_fence_open(piece.p, piece.len, &line, &line_n)) {
			size_t run = 0;
			while (run < line_n && line[run] == line[0])
				run++;
			fence_n = line_n <= FENCE_MAX ? line_n : run <= FENCE_MAX ? run : 3;
			memcpy(fence, line, fence_n);
			fence[fence_n++] = '\n';
			if (piece.p[piece.len - 1] != '\n')
				buf_add_char(&piece, '\n');
			for (size_t i = 0; i < run && i < FENCE_MAX; i++)
				buf_add_char(&piece, fence[0]);
		}
		size_t header_n = fence_n ? 0 : table_header(md, n, at + cut, &header);
		fn(arg, piece.p, piece.len);
		at += cut;
		struct buf next = BUF_INIT;
		if (fence_n)
			buf_add(&next, fence, fence_n);
		else if (header_n && header_n < units / 2)
			buf_add(&next, header, header_n);
		buf_done(&piece);
		piece = next;
		if (!fence_n && !header_n)
			while (at < n && md[at] == '\n') /* the empty line between two pieces */
				at++;
	}
	buf_done(&piece);
}
