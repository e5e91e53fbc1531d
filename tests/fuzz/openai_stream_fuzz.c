#include "../../adapters/model/openai.h"

#define STREAM_EVENT openai_event
#include "stream_fuzz.h"
