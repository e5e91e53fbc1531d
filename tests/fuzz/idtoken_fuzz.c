/*
 * ID tokens and key sets.  The input is taken as a key set, as a token against the set's first line, and with both halves split at the first line end: whoever has
 * no private key must never be let in, whatever the set says.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/people/idtoken.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct idtoken_rules r = {
		.issuer = "https://id.example.com", .client_id = "eddy-client", .nonce = "n", .now_s = 1790000000
	};
	const char *text = (const char *)data, *line = size == 0 ? NULL : memchr(text, '\n', size);
	size_t first = line == NULL ? size : (size_t)(line - text);
	struct idtoken t;
	if (size == 0)
		return 0;
	struct idtoken_keys *k = idtoken_keys_parse(text, first);
	if (idtoken_keys_len(k) > 64)
		abort();
	const char *token = line == NULL ? text : line + 1;
	size_t n = line == NULL ? size : size - first - 1;
	enum idtoken_fault f = idtoken_check(k, token, n, &r, &t);
	if (idtoken_fault_name(f)[0] == '\0' || (f != IDTOKEN_OK) != (t.sub[0] == '\0'))
		abort();
	if (k == NULL && f == IDTOKEN_OK)
		abort();
	idtoken_keys_free(k);
	return 0;
}
