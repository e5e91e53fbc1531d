/* The table of classes and trust.  A class that is not in it, as one added without a thought for this, is done never. */
#include "policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum policy policy_of(enum tool_effect effect, unsigned untrusted, bool named)
{
	switch (effect) {
	case TOOL_SCOPED_READ: /* what may be read is filtered, and what is said of it too */
	case TOOL_REPLY:
		return POLICY_RUN;
	case TOOL_REVERSIBLE:
		return untrusted == 0 ? POLICY_RUN : POLICY_ASK;
	case TOOL_OUTWARD:
		return untrusted == 0 && named ? POLICY_RUN : POLICY_ASK;
	case TOOL_FINAL:
		return POLICY_ASK;
	}
	return POLICY_NEVER;
}

void policy_untrusted(unsigned untrusted, char *out, size_t n)
{
	static const char *const words[] = { "a guest", "another program", "somebody unknown", "a file",
		"people of other companies", "the web", "somebody unknown" };
	size_t at = 0;
	out[0] = '\0';
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && at < n; i++)
		if (untrusted & 1u << i)
			at += (size_t)snprintf(out + at, n - at, "%s%s", at > 0 ? ", " : "", words[i]);
}

void tool_heard_done(struct tool_heard *h)
{
	free(h->authors);
	memset(h, 0, sizeof(*h));
}
