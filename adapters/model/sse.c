/*
 * Lines end in LF, CR LF or CR.  A line that lies whole in the bytes at hand is read in place; only a line that is cut by the end
 * of a chunk is copied.  An event of one data line (all that providers send) that is dispatched in the same chunk is handed on in
 * place too, so the usual stream is parsed without copying.
 */
#include "sse.h"

#include <string.h>

struct span {
	const char *p;
	size_t n;
};

/* ${one} is the single data line seen so far in this chunk, not yet copied. */
static bool on_line(struct sse *s, const char *p, size_t n, struct span *one, sse_fn fn, void *arg)
{
	if (n == 0) {
		bool ok = true;
		if (one->p && s->data.len == 0)
			ok = fn(arg, s->event, one->p, one->n);
		else if (s->data.len > 0)
			ok = fn(arg, s->event, s->data.p, s->data.len - 1);
		one->p = NULL;
		s->event[0] = '\0';
		if (s->data.p)
			buf_reset(&s->data);
		return ok;
	}
	const char *colon = memchr(p, ':', n);
	size_t name = colon ? (size_t)(colon - p) : n;
	const char *value = colon ? colon + 1 : p + n;
	size_t len = colon ? n - name - 1 : 0;
	if (len > 0 && *value == ' ')
		value++, len--;
	if (name == 4 && memcmp(p, "data", 4) == 0) {
		if (!one->p && s->data.len == 0) {
			*one = (struct span){ value, len };
			return true;
		}
		if (one->p) {
			buf_add(&s->data, one->p, one->n);
			buf_add_char(&s->data, '\n');
			one->p = NULL;
		}
		if (len > SSE_EVENT_MAX - s->data.len)
			return false;
		buf_add(&s->data, value, len);
		buf_add_char(&s->data, '\n');
	} else if (name == 5 && memcmp(p, "event", 5) == 0) {
		len = len < sizeof s->event - 1 ? len : sizeof s->event - 1;
		memcpy(s->event, value, len);
		s->event[len] = '\0';
	}
	return true;
}

static const char *line_end(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));
	const char *cr = memchr(p, '\r', (size_t)((lf ? lf : end) - p));
	return cr ? cr : lf;
}

bool sse_feed(struct sse *s, const char *p, size_t n, sse_fn fn, void *arg)
{
	const char *end = p + n;
	struct span one = { 0 };
	while (p < end && !s->over) {
		if (s->skip_lf && *p == '\n')
			p++;
		s->skip_lf = false;
		if (p == end)
			break;
		const char *stop = line_end(p, end);
		size_t len = (size_t)((stop ? stop : end) - p);
		if (!stop || s->line.len > 0) {
			if (len > SSE_EVENT_MAX + 64 - s->line.len) {
				s->over = true;
				break;
			}
			buf_add(&s->line, p, len);
		}
		if (!stop)
			break;
		const char *line = s->line.len > 0 ? s->line.p : p;
		len = s->line.len > 0 ? s->line.len : len;
		if (!s->began && len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
			line += 3, len -= 3;
		s->began = true;
		bool copied = s->line.len > 0;
		if (!on_line(s, line, len, &one, fn, arg))
			s->over = true;
		if (copied) {
			if (one.p && one.p >= s->line.p && one.p <= s->line.p + s->line.len) { /* it lies in what is reset now */
				buf_add(&s->data, one.p, one.n);
				buf_add_char(&s->data, '\n');
				one.p = NULL;
			}
			buf_reset(&s->line);
		}
		s->skip_lf = *stop == '\r';
		p = stop + 1;
	}
	if (one.p && !s->over) { /* its end comes with the next bytes */
		buf_add(&s->data, one.p, one.n);
		buf_add_char(&s->data, '\n');
	}
	return !s->over;
}

void sse_done(struct sse *s)
{
	buf_done(&s->line);
	buf_done(&s->data);
}
