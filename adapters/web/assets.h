#ifndef EDDY_WEB_ASSETS_H
#define EDDY_WEB_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

/* A file of the page, as scripts/assets made it; each stands twice in the binary. */
struct web_asset {
	const char *path; /* as it is asked for: "/", "/widget.js", "/a/app.0123456789ab.js" */
	const char *type, *etag;
	const char *text, *text_end;
	const char *gz, *gz_end;
	bool forever; /* its name changes with its content */
};
extern const struct web_asset web_assets[]; /* ends with a NULL path */

/** NULL: no such file. */
const struct web_asset *web_asset_find(const char *path);
/** Does an Accept-Encoding header (NULL: absent) take gzip?  RFC 9110, 12.5.3. */
bool web_accepts_gzip(const char *accept);
/** Does an If-None-Match header (NULL: absent) name ${etag}?  RFC 9110, 13.1.2. */
bool web_etag_matches(const char *if_none_match, const char *etag);

#endif
