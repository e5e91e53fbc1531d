#ifndef EDDY_EMAIL_AUTHRES_H
#define EDDY_EMAIL_AUTHRES_H

#include <stdbool.h>
#include <stddef.h>

/* One Authentication-Results field (RFC 8601), in lower case; what is too long counts as not there. */
#define MAIL_AUTHRES_MAX 32
struct mail_authres_item {
	char method[32], result[32];
	char header_from[256], header_d[256], header_i[256], mailfrom[256], smtp_auth[256];
};
struct mail_authres {
	char id[256]; /* "" the field does not name its server */
	struct mail_authres_item items[MAIL_AUTHRES_MAX];
	size_t len;
};
/** False: not such a field. */
bool mail_authres_parse(const char *value, size_t n, struct mail_authres *out);
#endif
