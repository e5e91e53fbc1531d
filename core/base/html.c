/* Text in HTML. */
#include "html.h"

void html_add_text(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++)
		switch (*s) {
		case '<':
			buf_add_str(b, "&lt;");
			break;
		case '>':
			buf_add_str(b, "&gt;");
			break;
		case '&':
			buf_add_str(b, "&amp;");
			break;
		case '"':
			buf_add_str(b, "&quot;");
			break;
		case '\'':
			buf_add_str(b, "&#39;");
			break;
		default:
			buf_add_char(b, *s);
		}
}
