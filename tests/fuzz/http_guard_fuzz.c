/* The gate in front of the HTTP server: lines of the input are the parts of a head.  What it lets in must be readable in one way only. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../adapters/web/guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *parts[5] = { 0 }, *text = malloc(size + 1);
	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	size_t n = 0;
	for (char *p = text, *end; n < 5 && p != NULL; p = end) {
		end = strchr(p, '\n');
		if (end != NULL)
			*end++ = '\0';
		parts[n++] = p;
	}
	struct web_head h = { .method = parts[0] ? parts[0] : "",
		.host = parts[1],
		.content_length = parts[2],
		.transfer_encoding = parts[3] != NULL && parts[3][0] == 't',
		.websocket = parts[3] != NULL && parts[3][0] == 'w' };
	struct web_request r;
	const char *why = NULL;
	int status = web_guard(&h, &r, &why);
	if ((status == 0) != (why == NULL) || (status != 0 && status != 400 && status != 413))
		abort();
	if (status == 0 &&
	    (h.transfer_encoding || h.host == NULL || strpbrk(h.host, " ,\t/@") != NULL || r.body_bytes > WEB_BODY_MAX))
		abort();
	if (status == 0 && h.content_length != NULL && h.content_length[strspn(h.content_length, "0123456789")] != '\0')
		abort();
	static const char *const allowed[] = { "https://www.example.com" };
	if (h.host != NULL && web_origin_allowed(parts[4], h.host, allowed, 1) && parts[4] != NULL &&
	    strstr(parts[4], "evil") != NULL)
		abort(); /* no seed's foreign name may ever count as ours */
	free(text);
	return 0;
}
