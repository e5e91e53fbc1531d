/*
 * An invitation in words (RFC 5545, 6047): what, when in which zone, who.  Only the first event, only a few properties; all of it is what
 * somebody else wrote, and is shown as such.
 */
#include "mail_internal.h"

struct event {
	struct buf method, summary, start, zone, end, organiser, organiser_name, location, rule, status;
	bool all_day;
};

static void take(struct buf *to, const char *s, size_t n)
{
	if (to->len > 0)
		return;
	if (n > 500)
		n = 500;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\\' && i + 1 < n) {
			i++;
			buf_add_char(to, s[i] == 'n' || s[i] == 'N' ? ' ' : s[i]);
		} else {
			buf_add_char(to, s[i]);
		}
	}
	struct buf clean = BUF_INIT;
	mail_charset_add(&clean, to->p, to->len, (struct mail_slice){ NULL, 0 });
	mail_clean(&clean, 0);
	buf_reset(to);
	buf_add(to, clean.p, clean.len);
	buf_done(&clean);
}

/* Parameter ${name} (lower case, with "=") of a property. */
static void take_param(struct buf *to, struct mail_slice params, const char *name)
{
	const char *p = mail_slice_find(params, name);
	if (p == NULL || p == params.p || p[-1] != ';')
		return;
	p += strlen(name);
	const char *end = params.p + params.n;
	bool quoted = p < end && *p == '"';
	p += quoted;
	const char *e = p;
	while (e < end && (quoted ? *e != '"' : *e != ';'))
		e++;
	take(to, p, (size_t)(e - p));
}

/* 20240506T093000 as 2024-05-06 09:30 */
static void put_time(struct buf *out, const struct buf *t, const struct buf *zone)
{
	if (t->len < 8 || strspn(t->p, "0123456789") < 8) {
		buf_add(out, t->p, t->len);
		return;
	}
	buf_addf(out, "%.4s-%.2s-%.2s", t->p, t->p + 4, t->p + 6);
	if (t->len < 13 || t->p[8] != 'T')
		return;
	buf_addf(out, " %.2s:%.2s", t->p + 9, t->p + 11);
	if (t->p[t->len - 1] == 'Z')
		buf_add_str(out, " UTC");
	else if (zone->len > 0)
		buf_addf(out, " (%s)", zone->p);
}

static void property(struct event *e, struct mail_slice line)
{
	/* The name ends at ";" or ":", the parameters at a ":" outside of quotes. */
	size_t name = 0;
	while (name < line.n && line.p[name] != ';' && line.p[name] != ':')
		name++;
	size_t colon = name;
	for (bool quoted = false; colon < line.n && (quoted || line.p[colon] != ':'); colon++)
		quoted = quoted != (line.p[colon] == '"');
	if (colon >= line.n)
		return;
	struct mail_slice n = { line.p, name }, params = { line.p + name, colon - name };
	const char *v = line.p + colon + 1;
	size_t vn = line.n - colon - 1;
	if (mail_slice_is(n, "summary"))
		take(&e->summary, v, vn);
	else if (mail_slice_is(n, "location"))
		take(&e->location, v, vn);
	else if (mail_slice_is(n, "rrule"))
		take(&e->rule, v, vn);
	else if (mail_slice_is(n, "status"))
		take(&e->status, v, vn);
	else if (mail_slice_is(n, "dtend"))
		take(&e->end, v, vn);
	else if (mail_slice_is(n, "dtstart")) {
		take_param(&e->zone, params, "tzid=");
		take(&e->start, v, vn);
	} else if (mail_slice_is(n, "organizer")) {
		take_param(&e->organiser_name, params, "cn=");
		struct mail_slice m = { v, vn };
		if (mail_slice_starts(m, "mailto:"))
			take(&e->organiser, v + 7, vn - 7);
		else
			take(&e->organiser, v, vn);
	}
}

void mail_calendar_read(struct mail *m, const char *ics, size_t n)
{
	struct event e = { 0 };
	struct buf line = BUF_INIT, out = BUF_INIT;
	bool in_event = false, done = false;
	for (size_t at = 0; at < n && !done;) {
		const char *nl = memchr(ics + at, '\n', n - at);
		size_t end = nl == NULL ? n : (size_t)(nl - ics);
		size_t len = end > at && ics[end - 1] == '\r' ? end - at - 1 : end - at;
		buf_add(&line, ics + at, len);
		at = nl == NULL ? n : end + 1;
		if (at < n && (ics[at] == ' ' || ics[at] == '\t') && line.len < 8192) { /* folded */
			at++;
			continue;
		}
		struct mail_slice l = { line.p == NULL ? "" : line.p, line.len };
		if (mail_slice_starts(l, "begin:vevent"))
			in_event = true;
		else if (mail_slice_starts(l, "end:vevent"))
			done = true;
		else if (mail_slice_starts(l, "method:"))
			take(&e.method, l.p + 7, l.n - 7);
		else if (in_event)
			property(&e, l);
		buf_reset(&line);
	}
	if (in_event) {
		struct mail_slice method = { e.method.p == NULL ? "" : e.method.p, e.method.len };
		buf_add_str(&out,
		    mail_slice_is(method, "cancel")        ? "Cancelled event"
		        : mail_slice_is(method, "reply")   ? "Answer to an invitation"
		        : mail_slice_is(method, "request") ? "Invitation"
		        : mail_slice_is(method, "counter") ? "Proposal of a new time"
		                                           : "Event");
		if (e.summary.len > 0)
			buf_addf(&out, ": %s", e.summary.p);
		if (e.start.len > 0) {
			buf_add_str(&out, ", ");
			put_time(&out, &e.start, &e.zone);
			if (e.end.len >= 13 && e.start.len >= 13) {
				if (strncmp(e.end.p, e.start.p, 8) == 0) {
					buf_addf(&out, " to %.2s:%.2s", e.end.p + 9, e.end.p + 11);
				} else {
					struct buf none = BUF_INIT;
					buf_add_str(&out, " to ");
					put_time(&out, &e.end, &none);
				}
			}
		}
		if (e.location.len > 0)
			buf_addf(&out, ", at %s", e.location.p);
		if (e.organiser.len > 0 && e.organiser_name.len > 0)
			buf_addf(&out, ", organiser %s <%s>", e.organiser_name.p, e.organiser.p);
		else if (e.organiser.len > 0)
			buf_addf(&out, ", organiser %s", e.organiser.p);
		if (e.rule.len > 0)
			buf_add_str(&out, ", repeated");
		m->calendar = mail_keep(m->arena, out.p, out.len);
	}
	buf_done(&line);
	buf_done(&out);
	struct buf *all[] = { &e.method, &e.summary, &e.start, &e.zone, &e.end, &e.organiser, &e.organiser_name, &e.location,
		&e.rule, &e.status };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		buf_done(all[i]);
}
