/* The page's files and the two request headers that decide how one is answered. */
#include "assets.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct web_asset *web_asset_find(const char *path)
{
	for (const struct web_asset *a = web_assets; a->path != NULL; a++)
		if (strcmp(a->path, path) == 0)
			return a;
	return NULL;
}

/* The next element of a comma-separated list, without the blanks around it. */
static const char *next_element(const char *s, const char **from, size_t *n)
{
	s += strspn(s, " \t,");
	*from = s;
	size_t len = strcspn(s, ",");
	const char *rest = s + len;
	while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	*n = len;
	return rest;
}

/* The weight of an element, 1 when it says none. */
static bool is_refused(const char *element, size_t n)
{
	const char *q = memmem(element, n, "q=", 2);
	return q != NULL && strtod(q + 2, NULL) <= 0;
}

bool web_accepts_gzip(const char *accept)
{
	bool any = false;
	for (const char *s = accept, *e; s != NULL && *s != '\0';) {
		size_t n;
		s = next_element(s, &e, &n);
		size_t name = strcspn(e, "; \t,");
		name = name < n ? name : n;
		if (name == 4 && strncasecmp(e, "gzip", 4) == 0)
			return !is_refused(e, n);
		if (name == 1 && *e == '*')
			any = !is_refused(e, n);
	}
	return any;
}

bool web_etag_matches(const char *if_none_match, const char *etag)
{
	size_t want = strlen(etag);
	for (const char *s = if_none_match, *e; s != NULL && *s != '\0';) {
		size_t n;
		s = next_element(s, &e, &n);
		if (n == 1 && *e == '*')
			return true;
		if (n > 2 && strncmp(e, "W/", 2) == 0) {
			e += 2;
			n -= 2;
		}
		if (n == want && memcmp(e, etag, n) == 0)
			return true;
	}
	return false;
}
