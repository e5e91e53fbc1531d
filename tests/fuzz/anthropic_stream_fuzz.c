#include "../../adapters/model/anthropic.h"

#define STREAM_EVENT anthropic_event
#include "stream_fuzz.h"
