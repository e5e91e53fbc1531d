/*
 * What browsers say of themselves names others as well, whom they resemble; so the rarer name comes first.  Only words of this table are kept, never what
 * a client has sent.
 */
#include "client.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

struct word {
	const char *sign, *name;
};

static const char *look(const struct word *w, const char *text)
{
	for (; w->sign != NULL; w++)
		if (strstr(text, w->sign) != NULL)
			return w->name;
	return NULL;
}

void client_read(struct client *c, const char *user_agent, const char *address)
{
	static const struct word browsers[] = { { "Edg", "Edge" }, { "OPR/", "Opera" }, { "SamsungBrowser", "Samsung Internet" },
		{ "Vivaldi", "Vivaldi" }, { "FxiOS", "Firefox" }, { "Firefox", "Firefox" }, { "CriOS", "Chrome" },
		{ "HeadlessChrome", "Chrome" }, { "Chrome", "Chrome" }, { "Safari", "Safari" }, { "curl/", "curl" },
		{ NULL, NULL } };
	static const struct word systems[] = { { "iPhone", "iPhone" }, { "iPad", "iPad" }, { "Android", "Android" },
		{ "CrOS", "ChromeOS" }, { "Windows", "Windows" }, { "Mac OS X", "macOS" }, { "Linux", "Linux" }, { "BSD", "BSD" },
		{ NULL, NULL } };
	const char *browser = look(browsers, user_agent == NULL ? "" : user_agent);
	const char *system = look(systems, user_agent == NULL ? "" : user_agent);
	unsigned char a[16];
	char text[INET6_ADDRSTRLEN];
	*c = (struct client){ 0 };
	snprintf(c->agent, sizeof c->agent, "%s%s%s", browser == NULL ? "" : browser, browser != NULL && system != NULL ? ", " : "",
	    system == NULL ? "" : system);
	if (strncmp(address, "::ffff:", 7) == 0 && strchr(address, '.') != NULL)
		address += 7;
	if (inet_pton(AF_INET, address, a) == 1) {
		snprintf(c->network, sizeof c->network, "%d.%d.%d.x", a[0], a[1], a[2]);
	} else if (inet_pton(AF_INET6, address, a) == 1) {
		memset(a + 6, 0, 10);
		if (inet_ntop(AF_INET6, a, text, sizeof text) != NULL)
			snprintf(c->network, sizeof c->network, "%s", text);
	}
}

struct session_client client_of(const struct client *c)
{
	return (struct session_client){ .agent = c->agent[0] == '\0' ? NULL : c->agent,
		.network = c->network[0] == '\0' ? NULL : c->network };
}
