#ifndef EDDY_WEB_OIDC_WIRE_H
#define EDDY_WEB_OIDC_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/base/buf.h"

/* Forms of log-ins by a service, for oidc.c only.  Pure; oidc_read_discovery() of oidc.h is here too. */
/** Append a field in application/x-www-form-urlencoded form. */
void oidc_put_form(struct buf *b, const char *name, const char *value);
/** A field of a form that was posted.  False: it is not there, does not fit, or has signs that control. */
bool oidc_form_field(const struct buf *b, const char *name, char *out, size_t n);

#endif
