#include "talk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "db.h"

static void __attribute__((format(printf, 1, 2))) sql(const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	va_list ap;
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	if (!test_db_exec(b.p)) {
		fprintf(stderr, "talk: %s\n", b.p);
		exit(1);
	}
	buf_done(&b);
}

static void literal(struct buf *b, const char *s)
{
	if (s == NULL) {
		buf_add_str(b, "NULL");
		return;
	}
	buf_add_char(b, '\'');
	for (; *s != '\0'; s++) {
		if (*s == '\'')
			buf_add_char(b, '\'');
		buf_add_char(b, *s);
	}
	buf_add_char(b, '\'');
}

struct id talk_person(struct id ws, const char *name)
{
	char w[ID_TEXT], i[ID_TEXT];
	struct id id = id_new();
	struct buf n = BUF_INIT;
	literal(&n, name);
	sql("INSERT INTO eddy.people (ws, id, name) VALUES ('%s', '%s', %s)", id_format(ws, w), id_format(id, i), n.p);
	buf_done(&n);
	return id;
}

struct id talk_place(struct id ws, const char *name, enum visibility v, bool member)
{
	char w[ID_TEXT], i[ID_TEXT], a[ID_TEXT];
	struct id id = id_new(), audience = id_new();
	struct buf n = BUF_INIT;
	literal(&n, name);
	id_format(ws, w);
	id_format(id, i);
	id_format(audience, a);
	sql("INSERT INTO eddy.audiences (ws, id, kind, subject) VALUES ('%s', '%s', 1, '%s')", w, a, i);
	sql("INSERT INTO eddy.places (ws, id, adapter, external_id, name, visibility, member, audience_id)"
	    " VALUES ('%s', '%s', 'test', 'C' || left(replace('%s', '-', ''), 20), %s, %d, %s, '%s')",
	    w, i, i, n.p, (int)v, member ? "true" : "false", a);
	buf_done(&n);
	return id;
}

struct id talk_thread(struct id ws, struct id place)
{
	char w[ID_TEXT], i[ID_TEXT], p[ID_TEXT];
	struct id id = id_new();
	id_format(ws, w);
	id_format(id, i);
	id_format(place, p);
	sql("INSERT INTO eddy.threads (ws, id, place_id, external_key, seq, taking_part, last_author, audience_id)"
	    " SELECT ws, '%s', id, 'T%s', 0, true, 1, audience_id FROM eddy.places WHERE ws = '%s' AND id = '%s'",
	    i, i, w, p);
	return id;
}

struct id talk_private_thread(struct id ws, struct id place, struct id person)
{
	char w[ID_TEXT], i[ID_TEXT], a[ID_TEXT], p[ID_TEXT];
	struct id id = talk_thread(ws, place);
	id_format(person, p);
	id_format(ws, w);
	id_format(id, i);
	id_format(id_named(place, 0, p, ID_TEXT - 1), a);
	sql("INSERT INTO eddy.audiences (ws, id, kind, subject) VALUES ('%s', '%s', 2, '%s') ON CONFLICT DO NOTHING", w, a, p);
	sql("UPDATE eddy.threads SET audience_id = '%s' WHERE ws = '%s' AND id = '%s'", a, w, i);
	return id;
}

struct id talk_message(struct id ws, struct id thread, struct id author, int64_t at_ms, const char *text, const char *files)
{
	static int count;
	char w[ID_TEXT], i[ID_TEXT], t[ID_TEXT], p[ID_TEXT];
	struct id id = id_new();
	struct buf body = BUF_INIT, more = BUF_INIT, who = BUF_INIT;
	literal(&body, text);
	literal(&more, files);
	if (id_is_none(author))
		buf_add_str(&who, "NULL, 2");
	else
		buf_addf(&who, "'%s', 1", id_format(author, p));
	id_format(ws, w);
	id_format(id, i);
	id_format(thread, t);
	count++;
	sql("WITH t AS (UPDATE eddy.threads SET seq = seq + 1, last_at = now() WHERE ws = '%s' AND id = '%s' RETURNING *)"
	    " INSERT INTO eddy.messages (ws, id, thread_id, seq, rev, message_key, author_id, author_kind, body, files, audience_id, created_at)"
	    " SELECT ws, '%s', id, seq, seq, '%lld.%06d', %s, %s, %s::jsonb, audience_id, to_timestamp(%lld / 1000.0) FROM t",
	    w, t, i, (long long)(at_ms / 1000), count, who.p, body.p, more.p, (long long)at_ms);
	buf_done(&body);
	buf_done(&more);
	buf_done(&who);
	return id;
}

void talk_delete(struct id message)
{
	char i[ID_TEXT];
	sql("UPDATE eddy.messages SET state = 2 WHERE id = '%s'", id_format(message, i));
}

const char *talk_key(struct id message)
{
	char i[ID_TEXT], q[160];
	snprintf(q, sizeof q, "SELECT message_key FROM eddy.messages WHERE id = '%s'", id_format(message, i));
	return test_db_value(q);
}

bool talk_permalink(
    void *arg, const char *adapter, const char *place_key, const char *thread_key, const char *message_key, char *out, size_t n)
{
	(void)arg;
	if (strcmp(adapter, "test") != 0)
		return false;
	return snprintf(out, n, "https://chat.test/%s/%s/%s", place_key, thread_key, message_key) < (int)n;
}

const char *talk_link(struct id message)
{
	char i[ID_TEXT], q[400];
	snprintf(q, sizeof q,
	    "SELECT 'https://chat.test/' || p.external_id || '/' || t.external_key || '/' || m.message_key FROM eddy.messages m"
	    " JOIN eddy.threads t ON t.id = m.thread_id JOIN eddy.places p ON p.id = t.place_id WHERE m.id = '%s'",
	    id_format(message, i));
	return test_db_value(q);
}
