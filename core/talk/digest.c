/*
 * Doing without a model: what was said, in the words in which it was said.  Sentences are weighed (digest_sentences.c), the best are taken and put
 * back into the order in which they came, so that a digest reads like the conversation with the small talk left out.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "../agents/template.h"
#include "../base/buf.h"
#include "../base/clock.h"
#include "../base/mem.h"
#include "../base/tz.h"
#include "../base/utf8.h"
#include "digest_internal.h"

static bool is_decision(const struct sentence *s);

/* Is there room for one more of its message?  Nobody is quoted at length, unless nobody else has said anything. */
static bool is_too_much(const struct sentences *all, const struct sentence *s, const size_t *taken, size_t len, size_t most)
{
	size_t same = 0;
	for (size_t k = 0; k < len; k++)
		same += all->s[taken[k]].message == s->message;
	return same >= most;
}

/* The indexes of the best sentences that ${fit} allows, at most ${max}, in their order. */
static size_t pick(const struct sentences *all, bool (*fit)(const struct sentence *), double least, size_t max, size_t *out)
{
	size_t len = 0, most = all->len > 0 && all->s[0].message != all->s[all->len - 1].message ? 2 : 3;
	if (fit == is_decision)
		most = max;
	while (len < max) {
		size_t best = all->len;
		for (size_t i = 0; i < all->len; i++) {
			const struct sentence *s = &all->s[i];
			if (s->replaced || !fit(s) || s->score < least || (best < all->len && s->score <= all->s[best].score))
				continue;
			bool taken = false;
			for (size_t k = 0; k < len && !taken; k++)
				taken = out[k] == i;
			if (!taken && !is_too_much(all, s, out, len, most))
				best = i;
		}
		if (best == all->len)
			break;
		out[len++] = best;
	}
	for (size_t i = 1; i < len; i++) {
		size_t v = out[i], j = i;
		for (; j > 0 && out[j - 1] > v; j--)
			out[j] = out[j - 1];
		out[j] = v;
	}
	return len;
}

static bool is_deferred(const struct sentence *s)
{
	return (s->signs & SIGN_DEFERRED) && !s->question && !s->eddy;
}

static bool is_decision(const struct sentence *s)
{
	return s->decision && !is_deferred(s);
}

static bool is_open(const struct sentence *s)
{
	return (s->question || (s->signs & SIGN_OPEN)) && !s->answered && !s->eddy && !s->decision && s->words >= 2 &&
	    !is_deferred(s);
}

static bool is_point(const struct sentence *s)
{
	return !s->question && !s->decision && !is_deferred(s) && !is_open(s);
}

static bool is_anything(const struct sentence *s)
{
	return !s->question || !s->answered;
}

static void add_part(struct resolution *r, const struct sentences *all, enum resolution_part part, const size_t *at, size_t len)
{
	for (size_t i = 0; i < len && r->len < RESOLUTION_LINES_MAX; i++) {
		const struct sentence *s = &all->s[at[i]];
		struct buf b = BUF_INIT;
		if (digest_add_text(&b, s->text, s->len, RESOLUTION_LINE_MAX, 0, NULL) == 0) {
			buf_done(&b);
			continue;
		}
		struct resolution_line *l = &r->lines[r->len++];
		*l = (struct resolution_line){ .part = part, .text = buf_detach(&b, NULL) };
		l->sources[l->sources_len++] = (int)s->message + 1;
		if (s->agreed != 0 && s->agreed != s->message + 1)
			l->sources[l->sources_len++] = (int)s->agreed;
	}
}

static char *headline_of(const char *topic, const struct sentences *all)
{
	struct buf b = BUF_INIT;
	if (topic != NULL)
		digest_add_line(&b, topic, strlen(topic), RESOLUTION_HEADLINE_MAX);
	size_t best;
	if (b.len == 0 && pick(all, is_anything, -100, 1, &best) == 1)
		digest_add_line(&b, all->s[best].text, all->s[best].len, RESOLUTION_HEADLINE_MAX);
	if (b.len == 0)
		buf_add_str(&b, "Side thread");
	return buf_detach(&b, NULL);
}

/* Two signs of strong print would end the print around the headline. */
static void unstrong(char *s)
{
	char *to = s;
	for (const char *p = s; *p != '\0'; p++) {
		if ((*p == '*' || *p == '_') && p[1] == *p) {
			p++;
			continue;
		}
		*to++ = *p;
	}
	*to = '\0';
}

void resolution_extract(const char *topic, const struct digest_message *m, size_t n, struct resolution *out)
{
	struct sentences all;
	size_t at[RESOLUTION_LINES_MAX] = { 0 }, len;
	sentences_make(topic, m, n, &all);
	*out = (struct resolution){ .headline = headline_of(topic, &all) };
	unstrong(out->headline);
	len = pick(&all, is_point, 1.5, RESOLUTION_POINTS_MAX, at);
	if (len < RESOLUTION_POINTS_MIN)
		len = pick(&all, is_point, -3, RESOLUTION_POINTS_MIN, at);
	add_part(out, &all, RESOLUTION_POINT, at, len);
	len = pick(&all, is_decision, -100, RESOLUTION_DECISIONS_MAX, at);
	add_part(out, &all, RESOLUTION_DECISION, at, len);
	len = pick(&all, is_open, -100, RESOLUTION_QUESTIONS_MAX, at);
	add_part(out, &all, RESOLUTION_QUESTION, at, len);
	len = pick(&all, is_deferred, -100, RESOLUTION_DEFERRED_MAX, at);
	add_part(out, &all, RESOLUTION_DEFERRED, at, len);
	sentences_done(&all);
}

void digest_extract(const struct digest_message *m, size_t n, size_t max, struct buf *md)
{
	struct sentences all;
	sentences_make(NULL, m, n, &all);
	size_t *at = xcalloc(max > 0 ? max : 1, sizeof(*at));
	size_t len = pick(&all, is_anything, -3, max < all.len ? max : all.len, at);
	for (size_t i = 0; i < len; i++) {
		const struct sentence *s = &all.s[at[i]];
		const struct digest_message *from = &m[s->message];
		buf_add_str(md, "- ");
		if (from->author != NULL && from->author[0] != '\0') {
			digest_add_name(md, from->author);
			buf_add_str(md, ": ");
		}
		digest_add_text(md, s->text, s->len, RESOLUTION_LINE_MAX, 0, NULL);
		/* What was said in one breath stays together. */
		while (i + 1 < len && at[i + 1] == at[i] + 1 && all.s[at[i + 1]].message == s->message && s->agreed == 0 &&
		    all.s[at[i + 1]].agreed == 0) {
			i++;
			buf_add_str(md, md->len > 0 && isalnum((unsigned char)md->p[md->len - 1]) ? "; " : " ");
			digest_add_text(md, all.s[at[i]].text, all.s[at[i]].len, RESOLUTION_LINE_MAX, 0, NULL);
		}
		buf_add_char(md, ' ');
		digest_add_source(md, (int)s->message + 1, m, n);
		if (s->agreed != 0) {
			buf_add_char(md, ' ');
			digest_add_source(md, (int)s->agreed, m, n);
		}
		buf_add_char(md, '\n');
	}
	free(at);
	sentences_done(&all);
}

size_t digest_check(const char *said, size_t said_len, const struct digest_message *m, size_t n, size_t max, struct buf *md)
{
	size_t kept = 0;
	for (const char *p = said, *end = said + said_len; p < end && kept < max;) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		size_t k = (size_t)((stop != NULL ? stop : end) - p);
		struct resolution_line l = { 0 };
		struct buf line = BUF_INIT;
		if (digest_add_text(&line, p, k, RESOLUTION_LINE_MAX, n, &l) > 0 && l.sources_len > 0) {
			buf_addf(md, "- %s", line.p);
			for (size_t i = 0; i < l.sources_len; i++) {
				buf_add_char(md, ' ');
				digest_add_source(md, l.sources[i], m, n);
			}
			buf_add_char(md, '\n');
			kept++;
		}
		buf_done(&line);
		p += k + (stop != NULL);
	}
	return kept;
}

static void add_entry(struct buf *out, const struct digest_message *m, size_t k, size_t text_len)
{
	struct tz_time t;
	tz_local(NULL, m->at_ms > 0 ? (uint64_t)m->at_ms : 0, &t);
	buf_addf(out, "[%zu] ", k);
	template_add_line(out, m->author != NULL && m->author[0] != '\0' ? m->author : m->by_eddy ? "Eddy" : "somebody", 60);
	if (m->place != NULL && m->place[0] != '\0') {
		buf_add_str(out, " in ");
		template_add_line(out, m->place, 60);
	}
	buf_addf(out, " (%04d-%02d-%02d %02d:%02d):\n", t.year, t.month, t.day, t.hour, t.minute);
	template_add_fenced(out, "message", m->text != NULL ? m->text : "", text_len);
}

void digest_transcript(const struct digest_message *m, size_t n, size_t room, struct buf *out)
{
	struct buf entry = BUF_INIT;
	size_t from = n, used = 0;
	while (from > 0) {
		buf_reset(&entry);
		add_entry(&entry, &m[from - 1], from, m[from - 1].text_len);
		if (used + entry.len > room)
			break;
		used += entry.len;
		from--;
	}
	if (from > 0)
		buf_addf(out, from == 1 ? "(%zu earlier message is left out.)\n" : "(%zu earlier messages are left out.)\n",
		    from == n && n > 0 ? n - 1 : from);
	if (from == n && n > 0) { /* not even the newest: as much of it as there is room for */
		size_t cut = utf8_clip(m[n - 1].text, m[n - 1].text_len, room);
		add_entry(out, &m[n - 1], n, cut);
	}
	for (size_t i = from; i < n; i++)
		add_entry(out, &m[i], i + 1, m[i].text_len);
	buf_done(&entry);
}
