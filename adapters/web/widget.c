/* Public by nature: every page that embeds the widget shows all of it. */
#include "widget.h"

#include <stdio.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/settings/settings.h"

enum err widget_check(const struct settings *s, char *why, size_t why_n)
{
	const char *const *fields = NULL;
	size_t n = settings_list(s, "web.widget.prechat", &fields);
	if (n > WIDGET_FIELDS_MAX) {
		snprintf(why, why_n, "web.widget.prechat (%s): more than %d fields", settings_source(s, "web.widget.prechat"),
		    WIDGET_FIELDS_MAX);
		return ERR_INPUT;
	}
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(fields[i]);
		if (len - (len > 0 && fields[i][len - 1] == '*') == 0 || len > WIDGET_FIELD_MAX) {
			snprintf(why, why_n, "web.widget.prechat (%s): \"%.60s\" is not 1 to %d characters",
			    settings_source(s, "web.widget.prechat"), fields[i], WIDGET_FIELD_MAX);
			return ERR_INPUT;
		}
	}
	return ERR_NONE;
}

static void put_text(struct buf *b, const struct settings *s, const char *key, const char *name)
{
	const char *value = settings_str(s, name);
	if (value == NULL)
		return;
	buf_addf(b, ",\"%s\":", key);
	buf_add_json_str(b, value);
}

bool widget_describe(const struct settings *s, struct buf *b)
{
	const char *const *fields = NULL;
	size_t n = settings_list(s, "web.widget.prechat", &fields);
	if (!settings_bool(s, "web.widget.enabled"))
		return false;
	buf_addf(b, "{\"visitors\":%s,\"handover\":%s", settings_bool(s, "web.widget.visitors") ? "true" : "false",
	    settings_str(s, "web.widget.handover") != NULL ? "true" : "false");
	put_text(b, s, "title", "web.widget.title");
	put_text(b, s, "greeting", "web.widget.greeting");
	put_text(b, s, "consent", "web.widget.consent");
	put_text(b, s, "privacy_url", "web.widget.privacy_url");
	put_text(b, s, "ai_notice", "web.widget.ai_notice");
	buf_add_str(b, ",\"prechat\":[");
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(fields[i]);
		bool needed = fields[i][len - 1] == '*';
		buf_addf(b, "%s{\"name\":\"", i > 0 ? "," : "");
		buf_add_json(b, fields[i], len - needed);
		buf_addf(b, "\",\"required\":%s}", needed ? "true" : "false");
	}
	buf_add_str(b, "]}\n");
	return true;
}
