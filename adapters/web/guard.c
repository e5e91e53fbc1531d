/*
 * The gate in front of the HTTP server.  libwebsockets neither decodes chunked bodies nor settles what a body's end is when the head
 * contradicts itself; a proxy in front may settle it otherwise and so smuggle a second request inside a first one.  So every head that
 * leaves room for two readings is refused and its connection closed.
 */
#include "guard.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static enum web_method method_of(const char *m)
{
	static const struct {
		const char *name;
		enum web_method method;
	} all[] = {
		{ "GET", WEB_GET },
		{ "HEAD", WEB_HEAD },
		{ "POST", WEB_POST },
		{ "PUT", WEB_PUT },
		{ "PATCH", WEB_PATCH },
		{ "DELETE", WEB_DELETE },
		{ "OPTIONS", WEB_OPTIONS },
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (strcmp(m, all[i].name) == 0)
			return all[i].method;
	return WEB_OTHER;
}

bool web_host_valid(const char *host)
{
	size_t n = strlen(host);
	if (n == 0 || n > 255)
		return false;
	const char *p = host;
	if (*p == '[') {
		p++;
		size_t in = strspn(p, "0123456789abcdefABCDEF:.");
		if (in < 2 || p[in] != ']')
			return false;
		p += in + 1;
	} else {
		size_t in = 0;
		while (isalnum((unsigned char)p[in]) || p[in] == '-' || p[in] == '.' || p[in] == '_')
			in++;
		if (in == 0)
			return false;
		p += in;
	}
	if (*p == '\0')
		return true;
	if (*p++ != ':')
		return false;
	size_t digits = strspn(p, "0123456789");
	return digits >= 1 && digits <= 5 && p[digits] == '\0';
}

int web_guard(const struct web_head *head, struct web_request *out, const char **why)
{
	*out = (struct web_request){ .method = method_of(head->method) };
	if (head->transfer_encoding) {
		*why = "Transfer-Encoding is not accepted here: send Content-Length.";
		return 400;
	}
	if (head->host == NULL || !web_host_valid(head->host)) {
		*why = "Exactly one valid Host header is needed.";
		return 400;
	}
	if (head->content_length != NULL) {
		size_t n = strlen(head->content_length);
		if (n == 0 || n > 9 || strspn(head->content_length, "0123456789") != n) {
			*why = "Content-Length must be one plain number.";
			return 400;
		}
		for (const char *p = head->content_length; *p != '\0'; p++)
			out->body_bytes = out->body_bytes * 10 + (uint64_t)(*p - '0');
	}
	bool takes_body = out->method == WEB_POST || out->method == WEB_PUT || out->method == WEB_PATCH;
	if (takes_body && head->content_length == NULL) {
		*why = "A body needs a Content-Length.";
		return 400;
	}
	if (head->websocket && (out->method != WEB_GET || out->body_bytes > 0)) {
		*why = "A websocket begins with a GET without a body.";
		return 400;
	}
	if (out->body_bytes > WEB_BODY_MAX) {
		*why = "The body is larger than 1 MiB.";
		return 413;
	}
	return 0;
}

bool web_is_loopback(const char *address)
{
	if (strncmp(address, "::ffff:", 7) == 0)
		address += 7;
	return strcmp(address, "::1") == 0 || strncmp(address, "127.", 4) == 0;
}

static bool host_is_loopback(const char *host)
{
	char name[256];
	snprintf(name, sizeof name, "%s", host);
	if (name[0] == '[') {
		char *end = strchr(name, ']');
		if (end != NULL)
			*end = '\0';
		return web_is_loopback(name + 1);
	}
	char *colon = strchr(name, ':');
	if (colon != NULL)
		*colon = '\0';
	if (strcasecmp(name, "localhost") == 0)
		return true;
	/* "127.evil.example" is a name, not an address. */
	return web_is_loopback(name) && name[strspn(name, "0123456789.")] == '\0';
}

bool web_host_known(const char *host, const char *const *origins, size_t origins_len)
{
	size_t n = strcspn(host, ":");
	bool number = host[0] == '[' || host[strspn(host, "0123456789.:")] == '\0';
	if (number || host_is_loopback(host))
		return true;
	for (size_t i = 0; i < origins_len; i++) {
		const char *name = strstr(origins[i], "://");
		if (name != NULL && strncasecmp(name + 3, host, n) == 0 && strchr(":/", name[3 + n]) != NULL)
			return true;
	}
	return false;
}

bool web_origin_allowed(const char *origin, const char *host, const char *const *allowed, size_t allowed_len)
{
	if (origin == NULL)
		return true;
	for (size_t i = 0; i < allowed_len; i++)
		if (strcmp(origin, allowed[i]) == 0)
			return true;
	const char *rest = NULL;
	if (strncmp(origin, "http://", 7) == 0)
		rest = origin + 7;
	else if (strncmp(origin, "https://", 8) == 0)
		rest = origin + 8;
	return rest != NULL && host != NULL && strcasecmp(rest, host) == 0 && host_is_loopback(host);
}
