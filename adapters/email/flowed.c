/*
 * format=flowed (RFC 3676): a line that ends in a blank goes on in the next one of the same quote depth.  Signature delimiters never flow.
 */
#include <string.h>

#include "text.h"

void mail_unflow(const char *text, size_t n, bool delsp, struct buf *out)
{
	bool open = false; /* the line before flows on */
	size_t depth_before = 0;
	for (size_t i = 0; i < n;) {
		const char *nl = memchr(text + i, '\n', n - i);
		size_t end = nl != NULL ? (size_t)(nl - text) : n, next = nl != NULL ? end + 1 : n;
		if (end > i && text[end - 1] == '\r')
			end--;
		size_t depth = 0;
		while (i < end && text[i] == '>') {
			depth++;
			i++;
		}
		if (i < end && text[i] == ' ') /* stuffed */
			i++;
		const bool delimiter = end - i == 3 && memcmp(text + i, "-- ", 3) == 0;
		if (open && (depth != depth_before || delimiter)) {
			buf_add_char(out, '\n');
			open = false;
		}
		if (!open) {
			for (size_t d = 0; d < depth; d++)
				buf_add_char(out, '>');
			if (depth > 0 && end > i)
				buf_add_char(out, ' ');
		}
		const bool flows = !delimiter && end > i && text[end - 1] == ' ';
		buf_add(out, text + i, end - i - (flows && delsp ? 1 : 0));
		open = flows;
		depth_before = depth;
		if (!flows && nl != NULL)
			buf_add_char(out, '\n');
		i = next;
	}
	if (open)
		buf_add_char(out, '\n');
}
