/* What a client sends over the websocket: decoded or refused in words, never more. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../adapters/web/wire.h"
#include "../../core/base/buf.h"
#include "../../core/base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct web_command c;
	struct web_fault f;
	struct buf b = BUF_INIT;
	if (web_command_parse((const char *)data, size, &c, &f) == ERR_NONE) {
		struct id id;
		if (c.text != NULL && (c.text_len > WEB_TEXT_MAX || !utf8_valid(c.text, c.text_len)))
			abort();
		if (c.client_id != NULL && (strlen(c.client_id) > WEB_CLIENT_ID_MAX || strpbrk(c.client_id, " :\"'\\") != NULL))
			abort();
		if (c.thread[0] != '\0' && !id_parse(c.thread, &id))
			abort();
		web_command_done(&c);
	} else {
		if (f.code == NULL || f.message[0] == '\0')
			abort();
		/* The refusal itself must be good JSON, whatever it quotes. */
		web_put_error(&b, &f, 0);
		json_t *o = json_loadb(b.p, b.len, JSON_REJECT_DUPLICATES, NULL);
		if (o == NULL)
			abort();
		json_decref(o);
		buf_done(&b);
	}
	return 0;
}
