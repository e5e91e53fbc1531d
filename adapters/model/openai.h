#ifndef EDDY_MODEL_OPENAI_H
#define EDDY_MODEL_OPENAI_H

#include "../../core/ports.h"

struct answer;
struct buf;

/* Chat completions, streaming, as OpenAI and the many that follow it (llama.cpp, Ollama, vLLM and others) speak it. */
/** ${own}: the server is OpenAI's own, whose newer models want max_completion_tokens; others know max_tokens. */
void openai_body(struct buf *out, const struct model_request *r, const char *model, bool own);
void openai_url(struct buf *out, const char *base_url);
bool openai_is_own(const char *base_url);
/** One event of the stream, "[DONE]" included. */
void openai_event(struct answer *a, const char *data, size_t n);

#endif
