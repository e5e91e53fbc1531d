/*
 * Buttons and the like, and the guard over streamed Markdown.  Both are small translations into what Slack accepts, with the limits of
 * its elements; what does not fit is said in words.
 */
#include "render.h"

#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/utf8.h"

#define ELEMENTS_MAX 25u
#define ACTION_MAX 250u
#define VALUE_UNITS 2000u
#define LABEL_UNITS 75u
#define CARD_UNITS 2900u

static void json_clip(struct buf *b, const char *s, size_t units)
{
	size_t n = strlen(s);
	buf_add_char(b, '"');
	buf_add_json(b, s, utf8_utf16_clip(s, n, units));
	buf_add_char(b, '"');
}

static const char *words_of(const struct component *c)
{
	return c->fallback && c->fallback[0] ? c->fallback : c->label ? c->label : "";
}

/* How many before ${i} have the same action. */
static unsigned same_before(const struct component *c, size_t i)
{
	unsigned k = 0;
	for (size_t j = 0; j < i; j++)
		k += c[j].action && strcmp(c[j].action, c[i].action) == 0;
	return k;
}

static bool is_web(const char *url)
{
	return url && (strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0) && strlen(url) < 3000;
}

static bool fits_button(const struct component *c)
{
	if (!c->label || !c->label[0])
		return false;
	if (c->kind == COMPONENT_LINK)
		return is_web(c->value);
	return c->kind == COMPONENT_BUTTON && c->action && c->action[0] && strlen(c->action) <= ACTION_MAX &&
	    (!c->value || utf8_utf16_len(c->value, strlen(c->value)) <= VALUE_UNITS);
}

static void add_button(const struct component *c, size_t i, struct buf *out)
{
	buf_add_str(out, "{\"type\":\"button\",\"text\":{\"type\":\"plain_text\",\"text\":");
	json_clip(out, c[i].label, LABEL_UNITS);
	buf_add_str(out, "},\"action_id\":\"");
	if (c[i].kind == COMPONENT_LINK) {
		buf_addf(out, "link#%zu\",\"url\":", i + 1);
		buf_add_json_str(out, c[i].value);
	} else {
		buf_add_json(out, c[i].action, strlen(c[i].action));
		unsigned k = same_before(c, i);
		if (k > 0)
			buf_addf(out, "#%u", k + 1);
		buf_add_char(out, '"');
		if (c[i].value && c[i].value[0]) {
			buf_add_str(out, ",\"value\":");
			buf_add_json_str(out, c[i].value);
		}
	}
	if (c[i].style == BUTTON_PRIMARY || c[i].style == BUTTON_DANGER)
		buf_addf(out, ",\"style\":\"%s\"", c[i].style == BUTTON_PRIMARY ? "primary" : "danger");
	buf_add_char(out, '}');
}

size_t slack_render_components(const struct component *c, size_t n, struct buf *out, struct buf *fallback)
{
	size_t blocks = 0, buttons = 0;
	struct buf card = BUF_INIT;
	for (size_t i = 0; i < n; i++) {
		if (c[i].kind != COMPONENT_CARD && c[i].kind != COMPONENT_PROGRESS)
			continue;
		if (card.len > 0)
			buf_add_char(&card, '\n');
		buf_add_str(&card, words_of(&c[i]));
	}
	if (card.len > 0) {
		buf_add_str(out, "{\"type\":\"section\",\"text\":{\"type\":\"plain_text\",\"text\":");
		json_clip(out, card.p, CARD_UNITS);
		buf_add_str(out, "}}");
		blocks++;
	}
	buf_done(&card);
	for (size_t i = 0; i < n; i++) {
		if (c[i].kind == COMPONENT_CARD || c[i].kind == COMPONENT_PROGRESS)
			continue;
		if (buttons >= ELEMENTS_MAX || !fits_button(&c[i])) {
			if (words_of(&c[i])[0]) {
				if (fallback->len > 0)
					buf_add_char(fallback, '\n');
				buf_add_str(fallback, words_of(&c[i]));
			}
			continue;
		}
		if (buttons++ == 0) {
			if (blocks++ > 0)
				buf_add_char(out, ',');
			buf_add_str(out, "{\"type\":\"actions\",\"elements\":[");
		} else {
			buf_add_char(out, ',');
		}
		add_button(c, i, out);
	}
	if (buttons > 0)
		buf_add_str(out, "]}");
	return blocks;
}

size_t slack_action_len(const char *action_id)
{
	size_t n = strlen(action_id), end = n;
	while (end > 0 && action_id[end - 1] >= '0' && action_id[end - 1] <= '9')
		end--;
	return end < n && end > 1 && action_id[end - 1] == '#' ? end - 1 : n;
}

/* ---- streamed Markdown ---- */
/* What Slack would act upon.  HTML comments, doctypes and includes are none of these and pass untouched. */
static const char *const forms[] = { "<!here", "<!channel", "<!everyone", "<!subteam", "<!date", "<@U", "<@W", "<#C" };
#define FORMS (sizeof forms / sizeof *forms)

/* ${state} is how much of a form is held back (low byte) and which forms it can still be (one bit each above it). */
void slack_stream_text(unsigned *state, const char *md, size_t n, struct buf *out)
{
	unsigned held = *state & 0xff, can = *state >> 8;
	size_t from = 0, i = 0;
	if (n == 0 && held > 0) {
		unsigned f = 0;
		while (!(can & (1u << f)))
			f++;
		buf_add(out, forms[f], held);
		held = can = 0;
	}
	while (i < n) {
		if (held == 0) {
			const char *lt = memchr(md + i, '<', n - i);
			if (!lt) {
				i = n;
				break;
			}
			i = (size_t)(lt - md);
			buf_add(out, md + from, i - from);
			from = ++i;
			held = 1;
			can = (1u << FORMS) - 1;
			continue;
		}
		unsigned still = 0, first = 0;
		while (!(can & (1u << first)))
			first++;
		bool whole = false;
		for (unsigned f = 0; f < FORMS; f++) {
			if (!(can & (1u << f)) || forms[f][held] != md[i])
				continue;
			still |= 1u << f;
			whole = forms[f][held + 1] == '\0';
		}
		if (still == 0) {
			buf_add(out, forms[first], held); /* it was something else; this byte may begin anew */
			held = can = 0;
			from = i;
			continue;
		}
		from = ++i;
		held++;
		can = still;
		if (!whole)
			continue;
		first = 0;
		while (!(can & (1u << first)))
			first++;
		buf_add_str(out, "<\xe2\x80\x8b");
		buf_add(out, forms[first] + 1, held - 1);
		held = can = 0;
	}
	if (held == 0 && i > from)
		buf_add(out, md + from, i - from);
	*state = held | (can << 8);
}
