/*
 * Which search answers which kind of question.  Most kinds need one; a strict first search may be followed by a loose one when it
 * found nothing, and "what was said around …" reads the neighbours of what was found.
 */
#include <jansson.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/json.h"
#include "builtin_internal.h"

#define RESULT_MAX (64u * 1024u)

struct plan {
	const char *order, *has, *from, *in, *after;
	const char *const *twins; /* words of which one must be there too */
	int limit;
	bool exact, again; /* again: once more, loosely, when nothing was found */
	bool no_query;
};

static const char *const decided[] = { "decided", "decision", "agreed", "decide", "settled", "entschieden", "beschlossen",
	"decidido", "decidimos", "decide", NULL };
static const char *const reasons[] = { "because", "reason", "since", "weil", "grund", "parce", "porque", NULL };

static struct plan plan_of(const struct ask *a)
{
	switch (a->kind) {
	case ASK_WHO_SAID:
	case ASK_SHOW:
	case ASK_WORDS:
	case ASK_DID_ANYONE:
	case ASK_DID_PERSON:
	case ASK_SAID_ABOUT:
	case ASK_SAID_WHEN:
	case ASK_IN_PLACE:
		return (struct plan){ .order = "best", .limit = 5, .from = a->person };
	case ASK_WHO_TALKED:
		return (struct plan){ .order = "newest", .limit = 40, .exact = true, .again = true };
	case ASK_WHERE:
		return (struct plan){ .order = "newest", .limit = 40, .exact = true, .again = true };
	case ASK_WHO_ASKED:
		return (struct plan){ .order = "newest", .limit = 5, .has = "question" };
	case ASK_WHEN:
		return (struct plan){ .order = "best", .limit = 5, .has = "number", .exact = true, .again = true };
	case ASK_WHY:
		return (struct plan){ .order = "best", .limit = 5, .twins = reasons, .again = true };
	case ASK_DECIDED:
		return (struct plan){ .order = "newest", .limit = 5, .twins = decided, .again = true };
	case ASK_I_SAID:
		return (struct plan){ .order = "best", .limit = 5, .from = "me" };
	case ASK_YOU_SAID:
		return (struct plan){ .order = "best", .limit = 5, .from = "eddy" };
	case ASK_LAST_OF:
	case ASK_LAST_SEEN:
		return (struct plan){ .order = "newest", .limit = 1, .from = a->person, .no_query = true };
	case ASK_FIRST:
		return (struct plan){ .order = "oldest", .limit = 5, .exact = true, .again = true };
	case ASK_LATEST:
		return (struct plan){ .order = "newest", .limit = 5, .exact = true, .again = true };
	case ASK_COUNT:
		return (struct plan){ .order = "newest", .limit = 5, .exact = true };
	case ASK_LINKS:
		return (struct plan){ .order = "newest", .limit = 10, .has = "link" };
	case ASK_FILES:
		return (struct plan){ .order = "newest", .limit = 10, .has = "file" };
	case ASK_NUMBERS:
		return (struct plan){ .order = "best", .limit = 5, .has = "number" };
	case ASK_HAPPENED:
		return (struct plan){ .order = "newest", .limit = 10, .after = a->query[0] == '\0' ? "1d" : NULL };
	case ASK_UNANSWERED:
		return (struct plan){ .order = "newest", .limit = 10, .has = "unanswered" };
	case ASK_AROUND:
		return (struct plan){ .order = "best", .limit = 1 };
	case ASK_PARTICIPANTS:
		return (struct plan){ .order = "oldest", .limit = 50, .in = "thread", .no_query = true };
	case ASK_THREAD_START:
		return (struct plan){ .order = "oldest", .limit = 1, .in = "thread", .no_query = true };
	case ASK_NOTHING:
	case ASK_KINDS:
		break;
	}
	return (struct plan){ 0 };
}

static void add(struct buf *b, const char *key, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	buf_add_str(b, b->p[b->len - 1] == '{' ? "\"" : ",\"");
	buf_add_str(b, key);
	buf_add_str(b, "\":");
	buf_add_json_str(b, value);
}

static void add_search(struct buf *b, const struct ask *a, const struct plan *p, bool loosely)
{
	buf_add_char(b, '{');
	if (!p->no_query && p->twins != NULL && !loosely && a->query[0] != '\0') {
		struct buf q = BUF_INIT;
		for (size_t i = 0; p->twins[i] != NULL && q.len + strlen(a->query) < 440; i++)
			buf_addf(&q, "%s%s %s", i > 0 ? " OR " : "", a->query, p->twins[i]);
		if (q.len <= 480)
			add(b, "query", q.p);
		else
			add(b, "query", a->query);
		buf_done(&q);
	} else if (!p->no_query) {
		add(b, "query", a->query);
	}
	add(b, "from", p->from);
	add(b, "in", p->in != NULL ? p->in : a->place);
	add(b, "after", a->after[0] != '\0' ? a->after : p->after);
	add(b, "before", a->before);
	add(b, "order", p->order);
	add(b, "has", loosely && a->kind == ASK_WHEN ? NULL : p->has);
	if (p->exact && !loosely)
		buf_add_str(b, ",\"exact\":true");
	buf_addf(b, ",\"limit\":%d}", p->limit);
}

/* The id of the first message that ${result} shows; false when it shows none. */
static bool first_id(const char *result, struct buf *id)
{
	json_t *root = NULL;
	if (json_parse(result, strlen(result), RESULT_MAX, &root, NULL) != ERR_NONE)
		return false;
	const char *s = json_str(json_array_get(json_arr(root, "messages"), 0), "id", NULL);
	if (s != NULL)
		buf_add_str(id, s);
	json_decref(root);
	return s != NULL;
}

const char *builtin_next(const struct ask *a, const char *const *results, size_t results_len, struct buf *args)
{
	struct plan p = plan_of(a);
	if (p.order == NULL ||
	    (a->query[0] == '\0' && !p.no_query && a->kind != ASK_HAPPENED && a->kind != ASK_UNANSWERED && a->kind != ASK_LINKS &&
	        a->kind != ASK_FILES && a->kind != ASK_IN_PLACE))
		return NULL;
	if (results_len == 0) {
		add_search(args, a, &p, false);
		return "search_messages";
	}
	if (results_len > 1)
		return NULL;
	struct buf id = BUF_INIT;
	bool found = first_id(results[0], &id);
	const char *tool = NULL;
	if (found && a->kind == ASK_AROUND) {
		buf_addf(args, "{\"id\":\"%s\",\"around\":3}", id.p);
		tool = "read_message";
	} else if (!found && p.again) {
		add_search(args, a, &p, true);
		tool = "search_messages";
	}
	buf_done(&id);
	return tool;
}
