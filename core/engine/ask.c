/* Commands that a worker runs: which handler has which, and what handlers share. */
#include "ask.h"

#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/mem.h"
#include "offer.h"

static const struct ask_handler *const groups[] = { ask_forks, ask_threads, ask_digest, ask_search, ask_memory, ask_forget };

const struct ask_handler *ask_find(enum command c)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		for (const struct ask_handler *h = groups[i]; h->command != CMD_NONE; h++)
			if (h->command == c)
				return h;
	return NULL;
}

static void add_component(struct ask *a, struct component c)
{
	struct run *r = a->r;
	struct component *own = offer_copy(&c, 1);
	r->components = xrealloc(r->components, (r->components_len + 1) * sizeof(*r->components));
	r->components[r->components_len++] = own[0];
	free(own);
}

void ask_button(struct ask *a, const char *label, const char *command, int style)
{
	add_component(a,
	    (struct component){
	        .kind = COMPONENT_BUTTON, .action = ACTION_COMMAND, .value = command, .label = label, .style = style });
}

void ask_button_private(struct ask *a, const char *label, const char *command, int style)
{
	add_component(a,
	    (struct component){
	        .kind = COMPONENT_BUTTON, .action = ACTION_COMMAND_PRIVATE, .value = command, .label = label, .style = style });
}

void ask_link(struct ask *a, const char *label, const char *url)
{
	add_component(a, (struct component){ .kind = COMPONENT_LINK, .action = "link", .value = url, .label = label });
}

bool ask_permalink(const struct ask *a, const char *adapter, const char *place_key, const char *thread_key, const char *message_key,
    char *out, size_t n)
{
	const struct adapter_slot *s = engine_adapter(a->e, adapter, strlen(adapter));
	return s != NULL && s->ops->permalink != NULL && s->ops->permalink(s->a, place_key, thread_key, message_key, out, n);
}

enum err ask_query(struct ask *a, const char *statement, const struct pg_args *args, PGresult **out)
{
	PGresult *r = NULL;
	enum err e = pg_query(a->pg, statement, args, &r);
	if (e == ERR_NONE && out != NULL)
		*out = r;
	else
		PQclear(r);
	return e;
}

struct id ask_said(struct id delivery)
{
	return id_named(delivery, 0, "said", 4);
}
