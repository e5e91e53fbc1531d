/* What `eddy doctor` says about the ways into the page. */
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/settings/settings.h"
#include "web.h"

enum err web_login_check(const struct settings *s, bool mail, struct buf *out)
{
	const char *url = settings_str(s, "web.public_url");
	if (!settings_bool(s, "login.mail"))
		buf_add_str(out, "ok links that log in are not sent by mail: login.mail is off\n");
	else if (!mail)
		buf_add_str(out, "ok people get in by `eddy login`; for links by mail set mail up (docs/login.md)\n");
	else if (url == NULL)
		buf_add_str(out,
		    "bad links that log in cannot be sent by mail: set web.public_url, which they lead to, or login.mail: no\n");
	else
		buf_addf(out, "ok links that log in go to people's mailboxes and lead to %s\n", url);
	if (url != NULL && strncmp(url, "http://", 7) == 0 && strstr(url, "//localhost") == NULL && strstr(url, "//127.") == NULL)
		buf_add_str(out, "bad web.public_url is not https: whoever is on the way can read log-ins\n");
	return ERR_NONE;
}
