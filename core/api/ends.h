#ifndef EDDY_API_ENDS_H
#define EDDY_API_ENDS_H

#include <stdint.h>

/*
 * A procedure that has a better one beside it is marked with two days: since when nobody should begin with it, and until when it goes on working, at
 * least a year later.  Both are told with every answer, so that programs that still call it hear of it.
 */
struct api_proc;
#define API_ENDS_LEAST (365 * (int64_t)86400) /* seconds between the two */

struct api_ends {
	char since[24]; /* "" when it does not end; the header Deprecation (RFC 9745): "@" and seconds since 1970 */
	char until[32]; /* the header Sunset (RFC 8594): an HTTP date */
};
/** What is told with each answer of ${p}; NULL, or one that goes on: both texts empty.  Pure. */
void api_ends(const struct api_proc *p, struct api_ends *out);

#endif
