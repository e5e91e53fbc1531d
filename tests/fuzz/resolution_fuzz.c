/*
 * A model's answer, a person's edit and a message, all from the same bytes: whatever they are, what comes out keeps its limits, is UTF-8, rests on
 * messages that exist, and reads the same again after it was written.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/utf8.h"
#include "../../core/talk/fold.h"
#include "../../core/talk/resolution.h"

#define MESSAGES 9

static size_t characters(const char *s)
{
	size_t k = 0;
	for (; *s != '\0'; s++)
		k += ((unsigned char)*s & 0xc0) != 0x80;
	return k;
}

static void must(int ok)
{
	if (!ok)
		abort();
}

static void look(const struct resolution *r)
{
	must(r->headline != NULL && r->headline[0] != '\0' && utf8_valid(r->headline, strlen(r->headline)));
	must(characters(r->headline) <= RESOLUTION_HEADLINE_MAX && strchr(r->headline, '\n') == NULL);
	must(r->len <= RESOLUTION_LINES_MAX);
	for (size_t i = 0; i < r->len; i++) {
		const struct resolution_line *l = &r->lines[i];
		must(l->text[0] != '\0' && utf8_valid(l->text, strlen(l->text)) && strchr(l->text, '\n') == NULL);
		must(characters(l->text) <= RESOLUTION_LINE_MAX && l->sources_len <= RESOLUTION_SOURCES_MAX);
		must(i == 0 || r->lines[i - 1].part <= l->part);
		for (size_t k = 0; k < l->sources_len; k++)
			must(l->sources[k] >= 1 && l->sources[k] <= MESSAGES);
	}
	struct buf md = BUF_INIT;
	struct resolution again;
	char why[200];
	resolution_render(r, NULL, 0, &md);
	if (resolution_read(md.p, md.len, MESSAGES, &again, why)) {
		must(again.len >= r->len);
		resolution_done(&again);
	}
	buf_done(&md);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct resolution r;
	char why[200] = "";
	const char *s = (const char *)data;
	if (size > 20000)
		return 0;
	if (resolution_parse(s, size, MESSAGES, &r, why)) {
		look(&r);
		resolution_done(&r);
	} else {
		must(why[0] != '\0');
	}
	why[0] = '\0';
	if (resolution_read(s, size, MESSAGES, &r, why)) {
		look(&r);
		resolution_done(&r);
	} else {
		must(why[0] != '\0');
	}
	/* The same bytes as a conversation: cut into messages at empty lines. */
	struct digest_message m[MESSAGES];
	size_t n = 0;
	for (size_t at = 0; at < size && n < MESSAGES;) {
		const uint8_t *gap = memmem(data + at, size - at, "\n\n", 2);
		size_t len = (gap != NULL ? (size_t)(gap - data) : size) - at;
		m[n] = (struct digest_message){
			.author = n % 2 ? "Ana" : "Ben", .by_eddy = n % 5 == 4, .text = s + at, .text_len = len
		};
		n++;
		at += len + 2;
	}
	resolution_extract("topic", m, n, &r);
	look(&r);
	resolution_done(&r);
	struct buf md = BUF_INIT;
	digest_extract(m, n, 7, &md);
	must(md.len == 0 || utf8_valid(md.p, md.len));
	buf_reset(&md);
	digest_transcript(m, n, 500, &md);
	buf_reset(&md);
	struct fold_count c = FOLD_COUNT_INIT;
	must(fold_feed(&c, s, size, 10) <= size);
	if (fold_answer(s, size, 10, &md))
		must(utf8_valid(md.p, md.len));
	buf_reset(&md);
	digest_check(s, size, m, n, 5, &md);
	buf_done(&md);
	return 0;
}
