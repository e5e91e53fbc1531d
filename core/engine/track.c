/*
 * The token is found by who asks, which the run knows and no model, and by the host of the team's address: a token never goes to another host than the one it
 * was given for, also when a team's settings change.  What is looked for has to be in words of the asker's own, because others who write in the conversation, and whatever
 * else the model reads, must not look into the tracker through them; and once others' questions have joined the run nothing is looked for at all.  Linked accounts of one user count as one, others' tokens are never looked for.  What comes back is for this run:
 * it is a step of it, and stands in no thread but through the answer that the asker has asked for.  The address is read outside of any transaction; a few at a time, so that
 * a tracker that hangs leaves workers for everybody else.
 */
#include "track.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../base/clock.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "../settings/settings.h"
#include "../store/seal.h"
#include "fetcher.h"

#define CALLS_MAX 4 /* in one turn */
#define AT_ONCE 2   /* in the process */
#define FETCH_MS 10000
#define BODY_MAX (256u * 1024u)
#define TEXT_MAX (12u * 1024u)

const struct pg_statement track_statements[] = {
	/* The asker's own first. */
	{ "track_tokens",
	    "SELECT s.name FROM secrets s JOIN people p ON p.ws = s.ws AND s.name = p.id || ':' || $3 AND NOT p.bot WHERE s.ws = $1 AND s.kind = 'tracker'"
	    " AND p.id IN (SELECT same_user($2)) ORDER BY p.id <> $2, s.changed_at DESC LIMIT 1" },
	{ "track_others",
	    "SELECT 1 FROM runs r WHERE r.ws = $1 AND r.id = ANY ($3::uuid[]) AND r.person_id IS DISTINCT FROM $2 LIMIT 1" },
	{ "track_said",
	    "SELECT m.body FROM messages m WHERE m.ws = $1 AND m.thread_id = $3 AND m.author_kind = 1 AND m.state <> 2"
	    " AND m.author_id IN (SELECT same_user($2)) ORDER BY m.seq DESC LIMIT 30" },
	{ NULL, NULL },
};

struct found {
	char *args, *text;
	size_t args_len;
	enum err e;
};
struct track {
	struct found found[CALLS_MAX];
	size_t len;
};
/* With what to ask. */
struct account {
	bool offered;
	char *template;
	char host[TRACKER_HOST_MAX + 1];
	struct buf token, said; /* said: the asker's own words here */
	const char *why;        /* NULL: go on */
};

void engine_use_fetcher(struct engine *e, struct fetcher *f)
{
	e->fetcher = f;
}

struct seal *engine_seal(struct engine *e)
{
	return e->seal;
}

static enum err find_token(struct run *r, struct pg *pg, struct account *a)
{
	struct pg_args *args = pg_args_new();
	PGresult *rows = NULL;
	pg_arg_id(args, r->ws);
	pg_arg_id(args, r->person);
	pg_arg_str(args, a->host);
	enum err e = pg_query(pg, "track_tokens", args, &rows);
	pg_args_free(args);
	if (e == ERR_NONE && PQntuples(rows) == 1 && r->e->seal != NULL)
		e = secret_get(r->e->seal, pg, r->ws, TRACKER_KIND, pg_get_str(rows, 0, 0), "ask_tracker", &a->token);
	PQclear(rows);
	return e == ERR_INPUT || e == ERR_DENIED ? ERR_NONE : e;
}

/* Has somebody else's question joined this run? */
static enum err find_others(struct run *r, struct pg *pg, struct account *a)
{
	struct pg_args *args = pg_args_new();
	PGresult *rows = NULL;
	pg_arg_id(args, r->ws);
	pg_arg_id(args, r->person);
	pg_array_begin(args, PG_UUID);
	for (size_t i = 0; i < r->merged_len; i++)
		pg_array_id(args, r->merged[i]);
	pg_array_end(args);
	enum err e = pg_query(pg, "track_others", args, &rows);
	pg_args_free(args);
	if (e == ERR_NONE && PQntuples(rows) > 0)
		a->why =
		    "Somebody else has asked here meanwhile, and the tracker is asked with one person's account. Say that they can ask again, one after the other.";
	PQclear(rows);
	return e;
}

static enum err find_said(struct run *r, struct pg *pg, struct account *a)
{
	struct pg_args *args = pg_args_new();
	PGresult *rows = NULL;
	pg_arg_id(args, r->ws);
	pg_arg_id(args, r->person);
	pg_arg_id(args, r->thread);
	enum err e = pg_query(pg, "track_said", args, &rows);
	pg_args_free(args);
	for (int i = 0; e == ERR_NONE && i < PQntuples(rows); i++)
		buf_addf(&a->said, "%s\n", pg_get_str(rows, i, 0));
	buf_reserve(&a->said, 1);
	PQclear(rows);
	return e;
}

/* What the settings of this run and the asker allow; inside a tenant transaction. */
static enum err find_account(struct run *r, struct pg *pg, struct account *a)
{
	struct agent *agent = NULL;
	const char *const *hosts = NULL;
	enum err e = run_agent(r, pg, &agent);
	for (size_t i = 0; e == ERR_NONE && i < agent->tools_len; i++)
		a->offered |= strcmp(agent->tools[i], tool_tracker.name) == 0;
	agent_free(agent);
	if (e != ERR_NONE || !a->offered)
		return e;
	a->template = xstrdup(config_str(r->config, "tracker.url"));
	size_t n = settings_list(r->e->o.settings, "tracker.hosts", &hosts);
	if (r->e->fetcher == NULL || !tracker_host(a->template, a->host))
		a->why = "There is no tracker here: tracker.url of the team is no address with a place for {query}.";
	else if (!tracker_allowed(a->host, hosts, n))
		a->why = "The tracker of this team is on a host that this installation does not allow (tracker.hosts).";
	else if (id_is_none(r->person))
		a->why = "Nobody asks here whose account could be used.";
	else if ((e = find_token(r, pg, a)) == ERR_NONE && (e = find_said(r, pg, a)) == ERR_NONE && r->merged_len > 0)
		e = find_others(r, pg, a);
	return e;
}

static bool word_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c & 0x80);
}

static bool has_word(const char *text, const char *word, size_t n)
{
	for (const char *p = text; *p != '\0';) {
		size_t k = 0;
		while (word_letter(p[k]))
			k++;
		if (k == n && strncasecmp(p, word, n) == 0)
			return true;
		p += k > 0 ? k : 1;
	}
	return false;
}

/* Has the asker said each word of ${query}? */
static bool own_words(const char *query, const char *said)
{
	for (const char *p = query; *p != '\0';) {
		size_t n = 0;
		while (word_letter(p[n]))
			n++;
		if (n > 0 && !has_word(said, p, n))
			return false;
		p += n > 0 ? n : 1;
	}
	return true;
}

static void say_unlinked(const struct account *a, struct buf *out)
{
	buf_addf(out,
	    "The tracker at %s shows only what the one who asks may see there, and they have not linked their account. Tell them: make a token at %s, and give it to Eddy on "
	    "its page or by the API, logged in as yourself: credential.put with host \"%s\" and that token; never in a conversation.",
	    a->host, a->host, a->host);
}

static void fetch(struct run *r, struct account *a, const char *query, struct found *f, struct buf *out)
{
	struct buf url = BUF_INIT, body = BUF_INIT;
	long status = 0;
	uint64_t t0 = clock_ms();
	tracker_address(a->template, query, &url);
	if (atomic_fetch_add(&r->e->fetching, 1) < AT_ONCE) {
		buf_reserve(&a->token, 1);
		r->e->fetcher->get(r->e->fetcher, url.p, a->token.p, FETCH_MS, BODY_MAX, &status, &body);
	} else {
		status = -1;
	}
	atomic_fetch_sub(&r->e->fetching, 1);
	if (status >= 200 && status < 300) {
		f->e = ERR_NONE;
		tracker_clean(body.p != NULL ? body.p : "", body.len, a->token.p, TEXT_MAX, out);
	} else if (status == 401) {
		buf_addf(out,
		    "The tracker at %s does not accept the token of the one who asks any more. They have to give a new one: credential.put.",
		    a->host);
	} else if (status == 403 || status == 404) {
		buf_addf(out, "The tracker at %s has nothing there that the one who asks may see.", a->host);
	} else if (status == -1) {
		buf_add_str(out, "The tracker is being asked by others at the moment. Try again.");
	} else if (status == 0) {
		buf_addf(out, "The tracker at %s does not answer.", a->host);
	} else {
		buf_addf(out, "The tracker at %s gives no answer to that (%ld).", a->host, status);
	}
	log_info("tool.tracker", LF_ID("run", r->id), LF_STR("host", a->host), LF_INT("status", status),
	    LF_INT("ms", clock_ms() - t0), LF_STR("result", err_name(f->e)));
	secret_wipe(&body);
	buf_done(&url);
}

static void ask(struct run *r, struct account *a, struct found *f)
{
	struct buf out = BUF_INIT;
	json_t *args = NULL;
	f->e = ERR_INPUT;
	if (a->why != NULL)
		buf_add_str(&out, a->why);
	else if (a->token.len == 0)
		say_unlinked(a, &out);
	else if (json_parse(f->args, f->args_len, TOOL_ARGS_MAX, &args, NULL) != ERR_NONE ||
	    strlen(json_str(args, "query", "")) > TRACKER_QUERY_MAX)
		buf_add_str(&out, "That is too long for a search.");
	else if (!own_words(json_str(args, "query", ""), a->said.p))
		buf_add_str(&out,
		    "Only words that the one who asks has used here themselves can be looked for with their account. Use theirs, or ask them for others.");
	else
		fetch(r, a, json_str(args, "query", ""), f, &out);
	json_decref(args);
	f->text = buf_detach(&out, NULL);
}

struct track *track_ask(struct run *r, struct pg *pg, size_t first)
{
	struct track *t = NULL;
	for (size_t i = first; i < r->steps_len; i++) {
		if (r->steps[i].depth != r->depth || r->steps[i].tool_name == NULL ||
		    strcmp(r->steps[i].tool_name, tool_tracker.name) != 0)
			continue;
		if (t == NULL)
			t = xcalloc(1, sizeof *t);
		if (t->len < CALLS_MAX)
			t->found[t->len++] = (struct found){ .args = xstrndup(r->steps[i].text, r->steps[i].text_len),
				.args_len = r->steps[i].text_len };
	}
	if (t == NULL)
		return NULL;
	struct account a = { .token = BUF_INIT, .said = BUF_INIT };
	enum err e = pg_begin(pg, r->ws);
	if (e == ERR_NONE)
		e = pg_end(pg, find_account(r, pg, &a));
	for (size_t i = 0; i < t->len && e == ERR_NONE && a.offered; i++)
		ask(r, &a, &t->found[i]);
	for (size_t i = 0; i < t->len; i++)
		if (t->found[i].text == NULL) {
			t->found[i].e = e == ERR_NONE ? ERR_INPUT : ERR_RETRY; /* the tools will find the database away, too */
			t->found[i].text = xstrdup("There is no tracker here.");
		}
	secret_wipe(&a.token);
	buf_done(&a.said);
	free(a.template);
	return t;
}

enum err track_take(void *track, const char *args, size_t n, struct buf *out)
{
	struct track *t = track;
	for (size_t i = 0; t != NULL && i < t->len; i++)
		if (t->found[i].args_len == n && memcmp(t->found[i].args, args, n) == 0) {
			buf_add_str(out, t->found[i].text);
			return t->found[i].e;
		}
	buf_add_str(out, "That is too much at once. Ask the tracker again for this one.");
	return ERR_INPUT;
}

void track_free(struct track *t)
{
	for (size_t i = 0; t != NULL && i < t->len; i++) {
		free(t->found[i].args);
		free(t->found[i].text);
	}
	free(t);
}
