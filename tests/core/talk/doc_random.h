#ifndef EDDY_TESTS_DOC_RANDOM_H
#define EDDY_TESTS_DOC_RANDOM_H

/* Random Markdown out of pieces that like to clash, and trees as one line of text.  Same seed, same text. */
#include "../../../core/base/buf.h"
#include "../../../core/talk/doc.h"

static inline uint32_t rnd(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33) % below;
}

static inline void random_markdown(uint64_t *seed, size_t pieces, struct buf *out)
{
	static const char *const parts[] = {
		/* clang-format off */
		"*", "**", "***", "_", "__", "~~", "~", "`", "``", "```", "a", "b", "word", "Zoë", "日本", "🙂", " ", " ", " ", " ", "  ",
		"\n", "\n", "\n", "\n\n", "\n\n", "\n\n\n", "\t", "    ", "  \n", "\\\n", "\\", "[", "]", "](", ")", "(", "<", ">", "!", "![",
		"[x](https://e.org/a_b)", "[x](mailto:j@e.org)", "[x](javascript:1)", "![i](https://e.org/i.png)", "<https://e.org/?a=1&b=2>",
		"https://e.org/x_y", "www.e.org", "j@e.org", "http://", "://", "@", "www.", "&amp;", "&#32;", "&nbsp;", "&#9;", "&foo;",
		"&", "#", "# ", "\n# ", "\n## ", "\n- ", "\n- ", "\n* ", "\n+ ", "\n1. ", "\n2) ", "\n7. ", "\n  - ", "\n    - ", "\n   1. ",
		"\n> ", "\n> ", "\n> > ", "\n- [ ] ", "\n- [x] ", "[ ] ", "\n---\n", "\n***\n", "\n___\n", "---", "===", "\n===\n",
		"\n```c\n", "\n```\n", "\n~~~\n", "\n\tcode", "\n    code", "\n| a | b |\n|---|:-:|\n| c | d |\n", "| x | y |\n|-|-:|\n", "|", " | ",
		"\n|---|---|\n", ":-:", "1.", "2)", "-", "+", "=", ".", ",", "\"", "'", "(x)", "“q”", "—", "\u00a0", "\u2028", "$", "x_y", "\r\n",
		"[r]: https://e.org\n", "[r]", "<b>", "</b>", "\n  ", "\n      ", "&lt;", "\x01", "\xff",
		/* clang-format on */
	};
	for (size_t i = 0; i < pieces; i++)
		buf_add_str(out, parts[rnd(seed, sizeof parts / sizeof *parts)]);
}

static inline void dump_tree(const struct doc_node *n, struct buf *out)
{
	static const char *const names[] = { "root", "p", "h", "list", "item", "quote", "code", "rule", "table", "row", "cell",
		"text", "strong", "emph", "strike", "span", "link", "br", "soft" };
	buf_addf(out, "(%s", names[n->type]);
	if (n->level)
		buf_addf(out, " %d", n->level);
	if (n->ordered)
		buf_add_str(out, " ordered");
	if (n->header)
		buf_add_str(out, " header");
	if (n->type == DOC_LIST && n->tight)
		buf_add_str(out, " tight");
	if (n->task)
		buf_addf(out, " task%d", n->task);
	if (n->align)
		buf_addf(out, " align%d", n->align);
	if (n->info)
		buf_addf(out, " info:%.*s", (int)n->info_len, n->info);
	if (n->href)
		buf_addf(out, " href:%.*s", (int)n->href_len, n->href);
	if (n->text) {
		buf_add_str(out, " \"");
		buf_add_json(out, n->text, n->text_len);
		buf_add_char(out, '"');
	}
	for (const struct doc_node *c = n->first; c; c = c->next)
		dump_tree(c, out);
	buf_add_char(out, ')');
}

#endif
