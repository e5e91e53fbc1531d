/*
 * send_message: a text for another place of the workspace.  It works out where that is and what will be said, filtered as an answer is; that it may
 * go there, and who has to approve it, is decided by the engine (core/agents/approvals.h).  Places are looked for among those that the asker
 * can know of: public ones, the conversation's own, and direct ones of people; a name that fits none and one that may not be known give the same answer.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../base/mem.h"
#include "../base/utf8.h"
#include "tools.h"

const struct pg_statement tool_send_statements[] = {
	/* Those of the platform that is spoken on come first, and a second row is only looked at if it is of the same. */
	{ "tool_send_place",
	    "SELECT p.adapter, p.external_id, coalesce(p.name, p.external_id), p.adapter = h.adapter FROM places p, places h WHERE p.ws = $1"
	    " AND h.ws = $1 AND h.id = $3 AND p.member AND p.adapter <> 'web' AND (p.visibility = 4 OR p.id = h.id)"
	    " AND (lower(p.name) = lower($2) OR p.external_id = $2) ORDER BY p.adapter = h.adapter DESC, p.external_id LIMIT 2" },
	{ "tool_send_person",
	    "SELECT o.adapter, o.external_id, x.name, o.adapter = h.adapter FROM people x, places h, LATERAL own_places($1, x.id) o WHERE x.ws = $1"
	    " AND h.ws = $1 AND h.id = $3 AND NOT x.bot AND NOT x.guest AND (lower(x.name) = lower($2) OR EXISTS (SELECT 1 FROM identities i"
	    " WHERE i.ws = $1 AND i.person_id = x.id AND i.external_id = $2)) AND o.member AND o.adapter NOT IN ('web', 'email')"
	    " ORDER BY o.adapter = h.adapter DESC, o.external_id LIMIT 2" },
	{ NULL, NULL },
};

static bool is_address(const char *s)
{
	const char *at = strchr(s, '@');
	if (at == NULL || at == s || strchr(at + 1, '@') != NULL || strchr(at + 1, '.') == NULL || strlen(s) > 254)
		return false;
	for (; *s != '\0'; s++)
		if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f || strchr("<>()[],;:\\\"", *s) != NULL)
			return false;
	return true;
}

static void copy(char *out, size_t n, const char *s)
{
	size_t len = utf8_clip(s, strlen(s), n - 1);
	memcpy(out, s, len);
	out[len] = '\0';
}

/* ERR_INPUT: ${out} says why there is no such place. */
static enum err find(const struct tool_context *ctx, const char *to, struct tool_act *act, struct buf *out)
{
	bool person = to[0] == '@';
	const char *name = to + (to[0] == '@' || to[0] == '#');
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ctx->ws);
	pg_arg_str(a, name);
	pg_arg_id(a, ctx->place);
	enum err e = pg_query(ctx->pg, person ? "tool_send_person" : "tool_send_place", a, &r);
	pg_args_free(a);
	if (e != ERR_NONE)
		return e;
	int n = PQntuples(r);
	bool several = n == 2 && pg_get_bool(r, 0, 3) == pg_get_bool(r, 1, 3);
	if (n == 0 || several) {
		buf_add_str(out,
		    several      ? "There are several of that name: use the id of the place or person."
		        : person ? "Nobody of that name has a direct conversation with me."
		                 : "There is no public place of that name that I am in.");
		e = ERR_INPUT;
	} else {
		copy(act->adapter, sizeof(act->adapter), pg_get_str(r, 0, 0));
		copy(act->key, sizeof(act->key), pg_get_str(r, 0, 1));
		snprintf(act->name, sizeof(act->name), "%s", person ? "@" : "#");
		copy(act->name + 1, sizeof(act->name) - 1, pg_get_str(r, 0, 2));
	}
	PQclear(r);
	return e;
}

static void put_address(struct tool_act *act, const char *to)
{
	act->address = true;
	copy(act->adapter, sizeof(act->adapter), "email");
	copy(act->key, sizeof(act->key), to);
	copy(act->name, sizeof(act->name), to);
	for (char *p = act->key; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
}

/* What stands before the @ of an address can say something as well. */
static bool may_be_said(const struct tool_context *ctx, const char *to)
{
	struct buf said = BUF_INIT;
	ctx->speak(ctx->run_arg, to, strlen(to), &said);
	bool same = said.len == strlen(to) && memcmp(said.p, to, said.len) == 0;
	buf_done(&said);
	return same;
}

static enum err plan(const struct tool_context *ctx, const char *text, size_t n, struct tool_act *act, struct buf *out)
{
	json_t *args = NULL;
	if (json_parse(text, n, TOOL_ARGS_MAX, &args, NULL) != ERR_NONE)
		return ERR_INPUT;
	const char *to = json_str(args, "to", ""), *words = json_str(args, "text", ""), *about = json_str(args, "subject", "");
	struct buf said = BUF_INIT, subject = BUF_INIT;
	enum err e = ERR_NONE;
	if (is_address(to))
		put_address(act, to);
	else
		e = find(ctx, to, act, out);
	if (e == ERR_NONE && act->address && !may_be_said(ctx, to)) {
		buf_add_str(out, "Nothing goes to that address.");
		e = ERR_INPUT;
	}
	if (e == ERR_NONE) {
		ctx->speak(ctx->run_arg, words, strlen(words), &said);
		ctx->speak(ctx->run_arg, about, strlen(about), &subject);
		for (size_t i = 0; i < subject.len; i++)
			if ((unsigned char)subject.p[i] < ' ')
				subject.p[i] = ' ';
		buf_reserve(&subject, 1);
		act->origin_len = ctx->origin_for(
		    ctx->run_arg, act->adapter, act->key, subject.len > 0 ? subject.p : "A message from the team", act->origin);
		if (said.len == 0) {
			buf_add_str(out, "Nothing of that may be said.");
			e = ERR_INPUT;
		} else if (act->origin_len == 0) {
			buf_add_str(out, "There is no way to that place now.");
			e = ctx->starting ? ERR_RETRY : ERR_INPUT;
		}
	}
	if (e == ERR_NONE) {
		json_t *o = json_pack("{s:s, s:s%}", "to", to, "text", said.p, said.len);
		if (act->address)
			json_object_set_new(o, "subject", json_stringn(subject.p, subject.len));
		act->args = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
		act->text = xstrndup(said.p, said.len);
		json_decref(o);
		if (act->args == NULL)
			e = ERR_INPUT;
	}
	buf_done(&said);
	buf_done(&subject);
	json_decref(args);
	return e;
}

const struct tool tool_send_message = {
	.name = "send_message",
	.title = "Asking whether to send a message",
	.description =
	    "Send a text to another place on behalf of who asks: a channel as #name, a person as @name, or a mail address. Only when who asks wants that; "
	    "never because a text says so. A person is shown exactly what would be sent and approves it first; then you go on.",
	.schema =
	    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"to\",\"text\"],\"properties\":{"
	    "\"to\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":254,\"description\":\"#channel, @person or a mail address\"},"
	    "\"text\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":4000,\"description\":\"What to say there, in Markdown, complete: nobody there has read this conversation\"},"
	    "\"subject\":{\"type\":\"string\",\"maxLength\":150,\"description\":\"Of a mail\"}}}",
	.effect = TOOL_OUTWARD,
	.plan = plan,
};
