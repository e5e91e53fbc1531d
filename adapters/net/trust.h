#ifndef EDDY_NET_TRUST_H
#define EDDY_NET_TRUST_H

#include <stddef.h>

#include "../../core/base/err.h"

/** Whom outgoing connections trust: ERR_INPUT unless ${ca_file} (NULL: the system's, always fine) holds certificates; ${why}: a line. */
enum err trust_check(const char *ca_file, char *why, size_t why_n);
/** Why a certificate was refused, as curl or OpenSSL put it, in one line with what mends it.  ${host}: whose, NULL if unknown. */
void trust_explain(const char *said, const char *host, char *out, size_t n);

#endif
