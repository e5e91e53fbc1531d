/*
 * A copy of an intent in one block of memory: the edge's strings are gone when engine_accept() returns, and a dozen small
 * allocations per message would show.
 */
#include <stdlib.h>
#include <string.h>

#include "../base/mem.h"
#include "accept_internal.h"

struct copier {
	char *p;
	size_t need;
};

static const char *copy_bytes(struct copier *c, const void *s, size_t n)
{
	if (s == NULL)
		return NULL;
	c->need += n + 1;
	if (c->p == NULL)
		return s;
	char *at = c->p;
	memcpy(at, s, n);
	at[n] = 0;
	c->p += n + 1;
	return at;
}

static const char *copy_str(struct copier *c, const char *s)
{
	return s ? copy_bytes(c, s, strlen(s)) : NULL;
}

static const char *const *copy_list(struct copier *c, const char *const *list, size_t n)
{
	c->need += (n + 1) * sizeof(char *);
	const char **to = NULL;
	if (c->p != NULL && n > 0) {
		to = (const char **)(void *)(((uintptr_t)c->p + sizeof(char *) - 1) & ~(uintptr_t)(sizeof(char *) - 1));
		c->p = (char *)(to + n);
	}
	for (size_t i = 0; i < n; i++) {
		const char *s = copy_str(c, list[i]);
		if (to != NULL)
			to[i] = s;
	}
	return to != NULL ? to : list;
}

/* Run twice: once to count, once to copy. */
static void copy_intent(struct copier *c, struct intent *in)
{
	in->adapter = copy_str(c, in->adapter);
	in->source_key = copy_str(c, in->source_key);
	in->message_key = copy_str(c, in->message_key);
	in->thread_key = copy_str(c, in->thread_key ? in->thread_key : "");
	in->person.external_id = copy_str(c, in->person.external_id);
	in->person.name = copy_str(c, in->person.name);
	in->person.tz = copy_str(c, in->person.tz);
	in->place.external_id = copy_str(c, in->place.external_id);
	in->place.name = copy_str(c, in->place.name);
	in->text = copy_bytes(c, in->text ? in->text : "", in->text_len);
	in->action = copy_str(c, in->action);
	in->about_key = copy_str(c, in->about_key);
	in->title = copy_str(c, in->title);
	in->note_key = copy_str(c, in->note_key);
	in->note_value = copy_str(c, in->note_value);
	in->aliases = copy_list(c, in->aliases, in->aliases_len);
	in->readers = copy_list(c, in->readers, in->readers_len);
	in->origin = copy_bytes(c, in->origin ? in->origin : "", in->origin_len);
	for (size_t i = 0; i < in->files_len; i++) {
		struct intent_file *f = &in->files[i];
		f->external_id = copy_str(c, f->external_id);
		f->name = copy_str(c, f->name);
		f->mime = copy_str(c, f->mime);
		f->text = NULL;
	}
}

/* A small text file is part of what was said: it follows the message's own text, fenced and named. */
static char *text_with_files(const struct intent *in, size_t *len)
{
	struct buf b = BUF_INIT;
	buf_add(&b, in->text ? in->text : "", in->text_len);
	for (size_t i = 0; i < in->files_len; i++) {
		const struct intent_file *f = &in->files[i];
		if (f->text == NULL || b.len + f->text_len > INTENT_TEXT_MAX)
			continue;
		buf_addf(&b, "%sFile %s:\n```\n", b.len ? "\n\n" : "", f->name ? f->name : "");
		buf_add(&b, f->text, f->text_len);
		buf_add_str(&b, "\n```");
	}
	return buf_detach(&b, len);
}

char *intent_copy(struct intent *to, const struct intent *from)
{
	*to = *from;
	char *text = NULL;
	for (size_t i = 0; i < from->files_len; i++)
		if (from->files[i].text != NULL) {
			text = text_with_files(from, &to->text_len);
			to->text = text;
			break;
		}
	struct intent count = *to;
	struct copier c = { 0 };
	copy_intent(&c, &count);
	char *memory = c.p = xmalloc(c.need + 1);
	copy_intent(&c, to);
	free(text);
	return memory;
}
