/* Search for a page: what the search command finds (core/talk/find.h), for the eyes of the one person who looks at that page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/utf8.h"
#include "../settings/settings.h"
#include "../talk/doc.h"
#include "../talk/find.h"
#include "engine_internal.h"
#include "pages.h"
#include "vectors.h"

#define SNIPPET_BYTES 180

const struct pg_statement page_search_statements[] = {
	{ "page_person",
	    "SELECT i.person_id, p.guest FROM identities i JOIN people p ON p.ws = i.ws AND p.id = i.person_id"
	    " WHERE i.ws = $1 AND i.adapter = $2 AND i.external_id = $3" },
	{ NULL, NULL },
};

static enum err who(struct pg *pg, const struct page_search *s, struct find_ask *ask)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, s->ws);
	pg_arg_str(a, s->adapter);
	pg_arg_str(a, s->person);
	enum err e = pg_query(pg, "page_person", a, &r);
	if (e == ERR_NONE && PQntuples(r) == 1) {
		ask->scope.person = pg_get_id(r, 0, 0);
		ask->scope.guest |= pg_get_bool(r, 0, 1);
	}
	PQclear(r);
	pg_args_free(a);
	return e;
}

static void give(struct engine *e, struct id ws, const struct find_result *f,
    void (*fn)(void *arg, const struct find_hit *h, const char *link), void *arg)
{
	for (size_t i = 0; i < f->len; i++) {
		const struct find_hit *h = &f->hits[i];
		char link[1024];
		const struct adapter_slot *via = h->adapter == NULL ? NULL : engine_adapter(e, h->adapter, strlen(h->adapter));
		bool linked = via != NULL && via->ops->permalink != NULL && h->place_key != NULL && h->thread_key != NULL &&
		    h->message_key != NULL &&
		    via->ops->permalink(via->a, ws, h->place_key, h->thread_key, h->message_key, link, sizeof link);
		fn(arg, h, linked ? link : NULL);
	}
}

static void note(const struct find_request *r, const struct find_result *f, struct page_found *out)
{
	const char *say = "";
	if (f->no_person)
		say = "Nobody is called so.";
	else if (f->no_place)
		say = "There is no place of that name that you may read here.";
	else if (f->loose)
		say = "Nothing has all the words; these have some of them.";
	else if (f->edge_ms != 0 && !f->more && r->order != SEARCH_OLDEST)
		say = "There may be older ones: say before: and a day.";
	snprintf(out->note, sizeof out->note, "%s", say);
}

/* What is wrong with a request is Markdown; a note is plain. */
static void put_problem(const struct buf *md, struct page_found *out)
{
	struct doc *d = doc_parse(md->p, md->len);
	struct buf text = BUF_INIT;
	doc_write_text(d, &text);
	while (text.len > 0 && text.p[text.len - 1] == '\n')
		buf_truncate(&text, text.len - 1);
	size_t n = text.len > 0 ? utf8_clip(text.p, text.len, sizeof out->note - 1) : 0;
	snprintf(out->note, sizeof out->note, "%.*s", (int)n, n > 0 ? text.p : "");
	buf_done(&text);
	doc_free(d);
}

enum err engine_search(struct engine *e, const struct page_search *s,
    void (*fn)(void *arg, const struct find_hit *h, const char *link), void *arg, struct page_found *out)
{
	struct find_request request;
	struct buf problem = BUF_INIT;
	memset(out, 0, sizeof *out);
	buf_reserve(&problem, 1);
	if (!find_request_read(s->text, strlen(s->text), s->tz, clock_wall_ms(), &request, &problem)) {
		put_problem(&problem, out);
		buf_done(&problem);
		return ERR_NONE;
	}
	buf_done(&problem);
	if (s->page > 1)
		request.page = s->page;
	struct find_result f = { .len = 0 };
	struct find_ask ask = { .scope = { .ws = s->ws,
		                    .thread = s->thread,
		                    .place = s->place,
		                    .guest = s->guest,
		                    .alone = true,
		                    .own_place = true },
		.prefix = s->prefix,
		.limit = s->limit,
		.snippet = SNIPPET_BYTES };
	struct config *config = NULL;
	struct pg *pg = engine_pg(e);
	struct recall_question question = { .v = NULL };
	if (!s->prefix && request.order == SEARCH_BEST && vectors_question(e, pg, s->ws, request.words, &question))
		ask.question = &question; /* not while somebody is typing */
	enum err err = pg_begin(pg, s->ws);
	if (err == ERR_NONE) {
		err = who(pg, s, &ask);
		if (err == ERR_NONE && ask.scope.guest && id_is_none(s->thread))
			err = ERR_DENIED;
		if (err == ERR_NONE)
			err = config_cache_get(e->configs, pg, s->ws, s->place, ID_NONE, &config);
		if (err == ERR_NONE) {
			ask.languages = config->languages;
			ask.languages_len = config->languages_len;
			err = find_run(pg, &ask, &request, &f);
		}
		err = pg_end(pg, err);
	}
	engine_pg_done(e, pg);
	config_release(config);
	if (err == ERR_NONE) {
		*out = (struct page_found){ .total = f.total, .at_least = f.at_least, .more = f.more };
		note(&request, &f, out);
		give(e, s->ws, &f, fn, arg);
	}
	free(question.v);
	find_result_done(&f);
	find_request_done(&request);
	return err;
}
