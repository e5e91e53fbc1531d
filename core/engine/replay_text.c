/* A request to a model as a digest and as text: pure, apart from replay.c, which needs the whole engine. */
#include <stdio.h>
#include <string.h>

#include "../base/buf.h"
#include "replay.h"

/* ---- the digest ---- */

/*
 * Eight bytes at a time, multiplied and folded: a request of some kB takes one or two microseconds, a tenth of what SHA-256 takes where the
 * processor has no instructions for it.  Nobody gains by finding two requests with one digest; it only has to see changes.
 */
static void mix(uint64_t *h, const void *p, size_t n)
{
	const char *s = p;
	uint64_t v = *h ^ (n * 0x9e3779b97f4a7c15U), w; /* the length: no byte can move from one text to the next */
	for (; n >= 8; n -= 8, s += 8) {
		memcpy(&w, s, 8);
		v = (v ^ w) * 0xff51afd7ed558ccdU;
		v ^= v >> 29;
	}
	w = 0;
	if (n > 0)
		memcpy(&w, s, n);
	v = (v ^ w) * 0xc4ceb9fe1a85ec53U;
	*h = v ^ v >> 32;
}

static void mix_str(uint64_t *h, const char *s)
{
	mix(h, s, s != NULL ? strlen(s) : 0);
}

void prompt_digest(const struct model_request *q, uint8_t out[PROMPT_DIGEST])
{
	uint64_t h[2] = { 0x6564647900000001U, 0x6564647900000002U };
	mix(&h[0], q->system, q->system_len);
	for (size_t i = 0; i < q->messages_len; i++) {
		const struct model_message *m = &q->messages[i];
		const uint8_t head[2] = { (uint8_t)m->role, m->tool_failed };
		mix(&h[1], head, sizeof(head));
		mix(&h[1], m->text, m->text_len);
		mix_str(&h[1], m->tool_name);
		mix_str(&h[1], m->tool_id);
	}
	for (size_t i = 0; i < q->tools_len; i++) {
		mix_str(&h[1], q->tools[i].name);
		mix_str(&h[1], q->tools[i].description);
		mix_str(&h[1], q->tools[i].schema);
	}
	memcpy(out, h, PROMPT_DIGEST);
}

/* ---- as text ---- */

static void put_part(struct buf *out, const char *head, const char *s, size_t n)
{
	buf_addf(out, "=== %s ===\n", head);
	buf_add(out, s != NULL ? s : "", n);
	if (n == 0 || s[n - 1] != '\n')
		buf_add_char(out, '\n');
	buf_add_char(out, '\n');
}

void prompt_write(const struct model_request *q, struct buf *out)
{
	put_part(out, "system", q->system, q->system_len);
	for (size_t i = 0; i < q->messages_len; i++) {
		const struct model_message *m = &q->messages[i];
		char head[160];
		switch (m->role) {
		case ROLE_USER:
			put_part(out, "user", m->text, m->text_len);
			break;
		case ROLE_ASSISTANT:
			put_part(out, "assistant", m->text, m->text_len);
			break;
		case ROLE_TOOL_CALL:
			snprintf(head, sizeof(head), "tool call %s", m->tool_name);
			put_part(out, head, m->text, m->text_len);
			break;
		case ROLE_TOOL_RESULT:
			snprintf(head, sizeof(head), "tool result%s", m->tool_failed ? ", failed" : "");
			put_part(out, head, m->text, m->text_len);
			break;
		}
	}
	for (size_t i = 0; i < q->tools_len; i++) {
		char head[160];
		snprintf(head, sizeof(head), "tool %s", q->tools[i].name);
		struct buf text = BUF_INIT;
		buf_addf(&text, "%s\n%s", q->tools[i].description, q->tools[i].schema);
		put_part(out, head, text.p, text.len);
		buf_done(&text);
	}
}
