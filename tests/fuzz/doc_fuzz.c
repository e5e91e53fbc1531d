/* Markdown to every writer of the core: bounded output, sound UTF-8, the same tree from the canonical form, parts within their limit. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/utf8.h"
#include "../../core/talk/doc.h"
#include "../../core/talk/doc_split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static size_t check_nodes(const struct doc_node *n, size_t depth)
{
	size_t count = 1;
	must(depth <= DOC_DEPTH_MAX + 1);
	must(n->type != DOC_LINK || (n->href && n->href_len));
	must(!n->text || utf8_valid(n->text, n->text_len));
	for (const struct doc_node *c = n->first; c; c = c->next) {
		must(c->parent == n && (c->next ? c->next->prev == c : n->last == c));
		count += check_nodes(c, depth + 1);
	}
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf md = BUF_INIT, text = BUF_INIT;
	struct doc *d = doc_parse((const char *)data, n);
	check_nodes(doc_root(d), 1);
	doc_write_markdown(d, &md);
	doc_write_text(d, &text);
	must(utf8_valid(md.p, md.len) && utf8_valid(text.p, text.len));
	must(md.len < 60 * n + 2000000 && text.len < 60 * n + 2000000);
	size_t count, limit = 300 + n % 1000;
	struct doc **parts = doc_split(d, limit, &count);
	doc_free(d);
	must(count >= 1);
	for (size_t i = 0; i < count; i++) {
		struct buf part = BUF_INIT;
		check_nodes(doc_root(parts[i]), 1);
		doc_write_markdown(parts[i], &part);
		must(utf8_utf16_len(part.p, part.len) <= limit);
		buf_done(&part);
	}
	doc_parts_free(parts, count);
	buf_done(&md);
	buf_done(&text);
	return 0;
}
