/*
 * The system prompt: the agent's own text and then the moment, from prompts/context.md.  What changes from call to call stands at
 * the end, so that a provider can reuse what it has cached of the front.  Names come from outside: each is one clipped line, and
 * the template says what they are.
 */
#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/embed.h"
#include "../base/tz.h"
#include "agent.h"
#include "template.h"

#define CONTEXT_FILE "prompts/context.md"
#define PEOPLE_SHOWN 20

static void add_where(const struct prompt_facts *f, struct buf *out)
{
	switch (f->visibility) {
	case VIS_DIRECT:
		buf_add_str(out, "a direct conversation");
		break;
	case VIS_PRIVATE:
		buf_add_str(out, "a private channel");
		break;
	case VIS_EXTERNAL:
		buf_add_str(out, "a channel shared with another organisation");
		break;
	case VIS_PUBLIC:
		buf_add_str(out, "a public channel");
		break;
	case VIS_UNKNOWN:
		buf_add_str(out, "a conversation whose readers are not known");
		break;
	}
	if (f->place != NULL && f->place[0] != '\0') {
		buf_add_str(out, " called \"");
		template_add_line(out, f->place, 80);
		buf_add_char(out, '"');
	}
	if (f->adapter != NULL) {
		buf_add_str(out, ", through ");
		template_add_line(out, f->adapter, 20);
	}
	if (f->workspace != NULL && f->workspace[0] != '\0') {
		buf_add_str(out, ", in the workspace \"");
		template_add_line(out, f->workspace, 80);
		buf_add_char(out, '"');
	}
}

static void add_now(const struct prompt_facts *f, struct buf *out)
{
	struct tz_time t;
	bool known = tz_local(f->tz, f->wall_ms, &t);
	int minutes = abs(t.offset_s) / 60;
	buf_addf(out, "%s, %04d-%02d-%02d %02d:%02d", tz_weekday(t.weekday), t.year, t.month, t.day, t.hour, t.minute);
	if (known)
		buf_addf(out, " in the asker's time zone, %s (UTC%c%02d:%02d)", f->tz, t.offset_s < 0 ? '-' : '+', minutes / 60,
		    minutes % 60);
	else
		buf_add_str(out, " UTC; the asker's time zone is not known");
}

static void add_people(const struct prompt_facts *f, struct buf *out)
{
	for (size_t i = 0; i < f->people_len && i < PEOPLE_SHOWN; i++) {
		if (i > 0)
			buf_add_str(out, ", ");
		template_add_line(out, f->people[i], 60);
	}
	if (f->people_len > PEOPLE_SHOWN)
		buf_addf(out, " and %zu more", f->people_len - PEOPLE_SHOWN);
}

void agent_prompt(const struct agent *a, const struct prompt_facts *f, struct buf *out)
{
	struct buf b = BUF_INIT;
	size_t at[8];
	buf_reserve(&b, 1024);
	/* One buffer for all values; each ends with a NUL, so the next begins after it. */
	at[0] = b.len;
	template_add_line(&b, f->person, 80);
	buf_add_char(&b, '\0');
	at[1] = b.len;
	add_where(f, &b);
	buf_add_char(&b, '\0');
	at[2] = b.len;
	template_add_line(&b, f->thread_title, 120);
	buf_add_char(&b, '\0');
	at[3] = b.len;
	add_people(f, &b);
	buf_add_char(&b, '\0');
	at[4] = b.len;
	add_now(f, &b);
	buf_add_char(&b, '\0');
	const char *limits = NULL;
	if (f->is_guest)
		limits = "The asker is a guest: your tools read this thread only.";
	else if (f->visibility == VIS_EXTERNAL || f->visibility == VIS_UNKNOWN)
		limits = "Outsiders may read along: your tools read this conversation only.";
	const struct template_value values[] = {
		{ "agent", a->name, 0 },
		{ "person", b.p + at[0], 0 },
		{ "guest", f->is_guest ? ", a guest" : NULL, 0 },
		{ "where", b.p + at[1], 0 },
		{ "thread", b.p + at[2], 0 },
		{ "people", b.p + at[3], 0 },
		{ "now", b.p + at[4], 0 },
		{ "limits", limits, 0 },
		{ NULL, NULL, 0 },
	};
	template_render(a->prompt, strlen(a->prompt), values, out);
	for (const struct embedded *file = embedded_files; file->path != NULL; file++) {
		if (strcmp(file->path, CONTEXT_FILE) == 0)
			template_render(file->text, (size_t)(file->end - file->text), values, out);
	}
	buf_done(&b);
}
