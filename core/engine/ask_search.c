/* The search command: words and filters to a page of matches (core/talk/find.h). */
#include "ask.h"

#include <stdlib.h>
#include <string.h>

#include "../settings/settings.h"
#include "../talk/find.h"
#include "vectors.h"

#define SNIPPET_BYTES 220

const struct pg_statement ask_search_statements[] = {
	{ NULL, NULL },
};

static bool link_to(
    void *arg, const char *adapter, const char *place_key, const char *thread_key, const char *message_key, char *out, size_t n)
{
	return ask_permalink(arg, adapter, place_key, thread_key, message_key, out, n);
}

static void offer_more(struct ask *a, const struct find_request *request, const struct find_result *found, const char *tz)
{
	struct buf say = BUF_INIT;
	if (found->more) {
		find_request_write(request, request->page + 1, 0, NULL, &say);
		ask_button(a, "Next page", say.p, BUTTON_PLAIN);
	} else if (found->edge_ms != 0 && request->order != SEARCH_OLDEST) {
		find_request_write(request, 1, found->edge_ms, tz, &say);
		ask_button(a, "Look further back", say.p, BUTTON_PLAIN);
	}
	if (found->own) {
		buf_reset(&say);
		find_request_write(request, 1, 0, NULL, &say);
		ask_button_private(a, "Show it to me alone", say.p, BUTTON_PLAIN);
	}
	buf_done(&say);
}

static enum err answer(struct ask *a)
{
	const char *tz = a->card.tz[0] != '\0' ? a->card.tz : NULL;
	struct find_request request;
	if (!find_request_read(a->arg, a->arg_len, tz, a->wall_ms, &request, a->md)) {
		ask_refuse(a, API_INVALID, NULL);
		return ERR_NONE;
	}
	struct find_result found = { .len = 0 };
	struct find_ask find = { .scope = { .ws = a->r->ws,
		                     .thread = a->r->thread,
		                     .place = a->r->place,
		                     .guest = a->card.guest,
		                     .before_seq = a->r->message_seq,
		                     .person = a->r->person,
		                     .alone = a->r->private_reply,
		                     .reads = &a->r->reads },
		.look_at_own = true,
		.limit = FIND_PAGE,
		.snippet = SNIPPET_BYTES };
	struct recall_question question = { .v = NULL };
	if (request.order == SEARCH_BEST && vectors_question(a->e, a->pg, a->r->ws, request.words, &question))
		find.question = &question;
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE && (e = run_config(a->r, a->pg)) == ERR_NONE) {
		find.languages = a->r->config->languages;
		find.languages_len = a->r->config->languages_len;
		e = find_run(a->pg, &find, &request, &found);
	}
	e = pg_end(a->pg, e);
	if (e == ERR_NONE) {
		find_write(&request, &found, FIND_PAGE,
		    &(struct find_words){ .tz = tz, .wall_ms = a->wall_ms, .link = link_to, .arg = a }, a->md);
		offer_more(a, &request, &found, tz);
	}
	free(question.v);
	find_result_done(&found);
	find_request_done(&request);
	return e;
}

const struct ask_handler ask_search[] = {
	{ CMD_SEARCH, answer, NULL },
	{ CMD_NONE, NULL, NULL },
};
