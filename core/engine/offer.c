/* Components as JSON: written with the message, read when it is delivered again, shown on a page or answered by number. */
#include "offer.h"

#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/json.h"
#include "../base/mem.h"

#define OFFER_MAX_BYTES (64u * 1024u)
#define OFFER_MAX 25

void offer_write(struct buf *json, const struct component *components, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct component *c = &components[i];
		buf_addf(json, "%s{\"kind\":%d,\"style\":%d", i ? "," : "[", (int)c->kind, c->style);
		const struct {
			const char *name, *value;
		} texts[] = { { "action", c->action }, { "value", c->value }, { "label", c->label }, { "fallback", c->fallback } };
		for (size_t k = 0; k < 4; k++) {
			if (texts[k].value == NULL)
				continue;
			buf_addf(json, ",\"%s\":", texts[k].name);
			buf_add_json_str(json, texts[k].value);
		}
		buf_add_char(json, '}');
	}
	buf_add_str(json, n > 0 ? "]" : "[]");
}

enum err offer_read(const char *json, size_t n, struct component **out, size_t *len)
{
	json_t *list = NULL;
	*out = NULL;
	*len = 0;
	if (json_parse(json, n, OFFER_MAX_BYTES, &list, NULL) != ERR_NONE)
		return ERR_INPUT;
	size_t count = json_array_size(list);
	if (!json_is_array(list) || count > OFFER_MAX) {
		json_decref(list);
		return ERR_INPUT;
	}
	struct component *to = xcalloc(count + 1, sizeof(*to));
	for (size_t i = 0; i < count; i++) {
		const json_t *o = json_array_get(list, i);
		int64_t kind = json_int(o, "kind", COMPONENT_BUTTON);
		to[i] = (struct component){ .kind = kind < 0 || kind > COMPONENT_PROGRESS ? COMPONENT_BUTTON
			                                                                  : (enum component_kind)kind,
			.action = xstrdup(json_str(o, "action", NULL)),
			.value = xstrdup(json_str(o, "value", NULL)),
			.label = xstrdup(json_str(o, "label", NULL)),
			.fallback = xstrdup(json_str(o, "fallback", NULL)),
			.style = (int)json_int(o, "style", BUTTON_PLAIN) };
	}
	json_decref(list);
	*out = to;
	*len = count;
	return ERR_NONE;
}

struct component *offer_copy(const struct component *components, size_t n)
{
	struct component *to = xcalloc(n + 1, sizeof(*to));
	for (size_t i = 0; i < n; i++) {
		to[i] = components[i];
		to[i].action = xstrdup(components[i].action);
		to[i].value = xstrdup(components[i].value);
		to[i].label = xstrdup(components[i].label);
		to[i].fallback = xstrdup(components[i].fallback);
	}
	return to;
}

void offer_free(struct component *components, size_t n)
{
	for (size_t i = 0; components != NULL && i < n; i++) {
		free((void *)(uintptr_t)components[i].action);
		free((void *)(uintptr_t)components[i].value);
		free((void *)(uintptr_t)components[i].label);
		free((void *)(uintptr_t)components[i].fallback);
	}
	free(components);
}
