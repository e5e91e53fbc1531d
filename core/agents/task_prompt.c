/*
 * Facts into templates.  The values are made in one buffer each, because a template must not see what is in them; the templates are built into
 * the binary (scripts/embed).
 */
#include "task_prompt.h"

#include <string.h>

#include "../base/buf.h"
#include "../base/embed.h"
#include "../base/tz.h"
#include "../base/utf8.h"
#include "template.h"

#define TOPIC_BYTES 800
#define ABOUT_BYTES 6000
#define BEFORE_BYTES 8000

const char *prompt_template(const char *name, size_t *len)
{
	for (const struct embedded *f = embedded_files; f->path != NULL; f++) {
		size_t n = strlen(f->path), k = strlen(name);
		if (n == 8 + k + 3 && memcmp(f->path, "prompts/", 8) == 0 && memcmp(f->path + 8, name, k) == 0 &&
		    memcmp(f->path + 8 + k, ".md", 3) == 0) {
			*len = (size_t)(f->end - f->text);
			return f->text;
		}
	}
	return NULL;
}

static void add_moment(struct buf *out, const char *tz, uint64_t ms)
{
	struct tz_time t;
	bool known = tz_local(tz, ms, &t);
	buf_addf(out, "%s, %04d-%02d-%02d %02d:%02d %s", tz_weekday(t.weekday), t.year, t.month, t.day, t.hour, t.minute,
	    known && tz != NULL ? tz : "UTC");
}

static void add_fenced(struct buf *out, const char *tag, const char *s, size_t n, size_t max)
{
	if (s != NULL && n > 0)
		template_add_fenced(out, tag, s, utf8_clip(s, n, max));
}

static struct template_value value(const char *name, const struct buf *b)
{
	return (struct template_value){ name, b->len > 0 ? b->p : NULL, b->len };
}

/* A value that fills a line of the template brings no line end of its own. */
static void chomp(struct buf *b)
{
	while (b->len > 0 && b->p[b->len - 1] == '\n')
		buf_truncate(b, b->len - 1);
}

void task_prompt(const char *name, const struct task_facts *f, struct buf *system, struct buf *input)
{
	struct buf file = BUF_INIT, topic = BUF_INIT, about = BUF_INIT, author = BUF_INIT, before = BUF_INIT, where = BUF_INIT;
	struct buf asker = BUF_INIT, now = BUF_INIT, since = BUF_INIT, messages = BUF_INIT;
	size_t len = 0;
	buf_addf(&file, "tasks/%s", name);
	const char *t = prompt_template(file.p, &len);
	buf_done(&file);
	const char *cut = t != NULL ? memmem(t, len, "\n---\n", 5) : NULL;
	if (cut == NULL)
		return;
	template_add_line(&topic, f->topic, TOPIC_BYTES);
	if (f->about != NULL) {
		add_fenced(&about, "message", f->about->text, f->about->text_len, ABOUT_BYTES);
		if (f->about->author != NULL) {
			buf_add_str(&author, " of ");
			template_add_line(&author, f->about->author, 60);
		}
	}
	add_fenced(&before, "before", f->before, f->before != NULL ? strlen(f->before) : 0, BEFORE_BYTES);
	template_add_line(&where, f->place, 80);
	template_add_line(&asker, f->asker, 80);
	add_moment(&now, f->tz, f->wall_ms);
	if (f->since_ms > 0)
		add_moment(&since, f->tz, (uint64_t)f->since_ms);
	digest_transcript(f->messages, f->messages_len, f->room > 0 ? f->room : TASK_ROOM, &messages);
	chomp(&about);
	chomp(&before);
	chomp(&messages);
	const struct template_value values[] = {
		value("topic", &topic),
		value("about", &about),
		value("author", &author),
		value("before", &before),
		value("where", &where),
		value("asker", &asker),
		value("now", &now),
		value("since", &since),
		value("messages", &messages),
		{ NULL, NULL, 0 },
	};
	template_render(t, (size_t)(cut + 1 - t), values, system);
	template_render(cut + 5, len - (size_t)(cut + 5 - t), values, input);
	buf_done(&topic);
	buf_done(&about);
	buf_done(&author);
	buf_done(&before);
	buf_done(&where);
	buf_done(&asker);
	buf_done(&now);
	buf_done(&since);
	buf_done(&messages);
}

void fork_prompt(const struct fork_facts *f, struct buf *out)
{
	struct buf topic = BUF_INIT, message = BUF_INIT, author = BUF_INIT, summary = BUF_INIT;
	size_t len = 0;
	const char *t = prompt_template("fork", &len);
	if (t == NULL)
		return;
	template_add_line(&topic, f->topic, TOPIC_BYTES);
	add_fenced(&message, "message", f->message, f->message_len, ABOUT_BYTES);
	if (f->author != NULL && f->author[0] != '\0') {
		buf_add_str(&author, " of ");
		template_add_line(&author, f->author, 80);
	}
	add_fenced(&summary, "summary", f->before, f->before_len, BEFORE_BYTES);
	chomp(&message);
	chomp(&summary);
	const struct template_value values[] = {
		value("topic", &topic),
		value("message", &message),
		value("author", &author),
		value("summary", &summary),
		{ NULL, NULL, 0 },
	};
	template_render(t, len, values, out);
	buf_done(&topic);
	buf_done(&message);
	buf_done(&author);
	buf_done(&summary);
}

void earlier_prompt(const char *earlier, size_t n, struct buf *out)
{
	struct buf fenced = BUF_INIT;
	size_t len = 0;
	const char *t = prompt_template("earlier", &len);
	if (t == NULL || n == 0)
		return;
	add_fenced(&fenced, "earlier", earlier, n, BEFORE_BYTES);
	chomp(&fenced);
	const struct template_value values[] = { value("earlier", &fenced), { NULL, NULL, 0 } };
	template_render(t, len, values, out);
	buf_done(&fenced);
}

void sub_prompt(const char *parent, struct buf *out)
{
	struct buf name = BUF_INIT;
	size_t len = 0;
	const char *t = prompt_template("sub", &len);
	if (t == NULL)
		return;
	template_add_line(&name, parent != NULL && parent[0] != '\0' ? parent : "Another agent", 80);
	const struct template_value values[] = { value("parent", &name), { NULL, NULL, 0 } };
	template_render(t, len, values, out);
	buf_done(&name);
}
