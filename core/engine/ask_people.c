/*
 * Who is who: linking two identities of one user, and taking that back.  A code is told, and taken, only where nobody else reads along; one that was named
 * before others is void.  Naming it asks first, with the name of the other side: a code that somebody has sent to somebody else is
 * how one would be talked into handing over one's own conversations.
 */
#include "ask.h"

#include <string.h>
#include <strings.h>

#include "../people/directory.h"
#include "../people/links.h"
#include "../teams/config_store.h"
#include "command.h"

const struct pg_statement ask_people_statements[] = {
	/* Nobody else has ever written in this place or is named a reader, or the answer is for the asker's eyes alone. */
	{ "ask_alone",
	    "SELECT EXISTS (SELECT 1 FROM audiences a WHERE a.ws = t.ws AND a.id = t.audience_id AND a.kind = 2 AND a.subject IN (SELECT same_user($3)))"
	    " OR EXISTS (SELECT 1 FROM own_places($1, $3) p WHERE p.id = t.place_id) FROM threads t WHERE t.ws = $1 AND t.id = $2" },
	{ "ask_people_audit",
	    "INSERT INTO audit (ws, id, actor_id, verb, subject, thread_id) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING" },
	{ NULL, NULL },
};

enum err ask_alone(struct pg *pg, struct id ws, struct id thread, struct id person, bool *alone)
{
	PGresult *r = NULL;
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, ws);
	pg_arg_id(g, thread);
	pg_arg_id(g, person);
	enum err e = pg_query(pg, "ask_alone", g, &r);
	*alone = e == ERR_NONE && PQntuples(r) == 1 && pg_get_bool(r, 0, 0) && !id_is_none(person);
	PQclear(r);
	pg_args_free(g);
	return e;
}

void ask_put_person(struct buf *md, const struct link_person *p)
{
	buf_add_str(md, "**");
	command_put_name(md, p->name[0] != '\0' ? p->name : p->external_id);
	buf_add_str(md, "**");
	if (p->name[0] != '\0' && strchr(p->external_id, '@') != NULL) {
		buf_add_str(md, " (");
		command_put_name(md, p->external_id);
		buf_add_char(md, ')');
	}
	buf_add_str(md, " through ");
	command_put_name(md, p->adapter);
	if (p->guest)
		buf_add_str(md, ", a guest");
}

/* One entry of each side's own. */
static enum err audit(struct ask *a, const char *verb, struct id actor, struct id subject)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, id_named(id_named(a->r->id, 0, verb, strlen(verb)), 0, (const char *)actor.b, sizeof actor.b));
	pg_arg_id(g, actor);
	pg_arg_str(g, verb);
	pg_arg_id(g, subject);
	pg_arg_id(g, a->r->thread);
	enum err e = ask_query(a, "ask_people_audit", g, NULL);
	pg_args_free(g);
	return e;
}

static void say_answer(struct ask *a, enum link_answer answer)
{
	static const char *const words[] = {
		[LINK_STRANGER] = "I cannot tell who you are well enough to link you to anybody.",
		[LINK_WRONG] =
		    "That code is wrong, used, or older than ten minutes. Say `link` on the other side for a new one, and give it to nobody.",
		[LINK_TOO_OFTEN] = "That were too many wrong codes. Please wait ten minutes.",
		[LINK_SAME_WAY] =
		    "That code was made on this side, too. It is for another way in: ask for it there and use it here.",
		[LINK_FULL] = "That would be more identities than I link to one user.",
	};
	static const enum api_code codes[] = { [LINK_STRANGER] = API_UNAUTHENTICATED,
		[LINK_WRONG] = API_GONE,
		[LINK_TOO_OFTEN] = API_LIMITED,
		[LINK_SAME_WAY] = API_CONFLICT,
		[LINK_FULL] = API_CONFLICT };
	ask_refuse(a, codes[answer], words[answer]);
}

static enum err new_code(struct ask *a, const char *adapter)
{
	char code[LINK_CODE];
	enum link_answer answer;
	enum err e = link_code(a->pg, a->r->ws, a->r->person, adapter, code, &answer);
	if (e == ERR_NONE && answer == LINK_DONE) {
		buf_addf(a->md,
		    "Your code is `%s`. Say `link %s` to me where else you write to me, from an account of your own, within ten minutes; it works once.\n\n"
		    "Then I treat both as you: your direct conversations with me can be found from either, and each may do what the other may. `unlink` ends it. "
		    "**Never give the code to anybody, and never use one that somebody gave you.**",
		    code, code);
		e = audit(a, "user.code", a->r->person, a->r->person);
	} else if (e == ERR_NONE) {
		say_answer(a, answer);
	}
	explicit_bzero(code, sizeof code);
	return e;
}

static enum err refuse(struct ask *a, enum link_answer answer)
{
	say_answer(a, answer);
	return answer == LINK_WRONG || answer == LINK_TOO_OFTEN ? audit(a, "user.link_refused", a->r->person, a->r->person)
	                                                        : ERR_NONE;
}

static enum err ask_whether(struct ask *a, const char *adapter, size_t n)
{
	struct link_person other;
	enum link_answer answer;
	enum err e = link_look(a->pg, a->r->ws, a->r->person, adapter, a->arg, n, &other, &answer);
	if (e != ERR_NONE)
		return e;
	if (answer != LINK_DONE)
		return refuse(a, answer);
	buf_add_str(a->md, "That code was made by ");
	ask_put_person(a->md, &other);
	buf_add_str(a->md,
	    ". Is that **you**? Then both of you read each other's direct conversations with me. If somebody sent you this code, it is theirs, "
	    "and they want to read yours.\n\n");
	buf_addf(a->md, "Say `link %.*s yes` if it is you.", (int)n, a->arg);
	char say[40];
	snprintf(say, sizeof say, "link %.*s yes", (int)n, a->arg);
	ask_button_private(a, "Yes, that is me", say, BUTTON_PRIMARY);
	return ERR_NONE;
}

static enum err join(struct ask *a, const char *adapter, size_t n)
{
	struct link_person other;
	enum link_answer answer;
	enum err e = link_take(a->pg, a->r->ws, a->r->person, adapter, a->arg, n, &other, &answer);
	if (e != ERR_NONE)
		return e;
	if (answer != LINK_DONE)
		return refuse(a, answer);
	buf_add_str(a->md, "You and ");
	ask_put_person(a->md, &other);
	buf_add_str(a->md, " are one user now. `who am I` lists your identities, `unlink` takes this one out again, at once.");
	if ((e = audit(a, "user.link", a->r->person, other.id)) == ERR_NONE)
		e = audit(a, "user.link", other.id, a->r->person);
	return e == ERR_NONE ? config_changed(a->pg) : e; /* whose preferences count is another matter now */
}

static enum err link_inside(struct ask *a, bool *changed)
{
	const char *adapter = a->r->via->ops->name;
	bool alone = false, yes = false;
	size_t n = strcspn(a->arg, " \t\n");
	n = n < a->arg_len ? n : a->arg_len;
	for (size_t i = n; i + 3 <= a->arg_len; i++)
		yes |= strncasecmp(a->arg + i, "yes", 3) == 0;
	enum err e = ask_alone(a->pg, a->r->ws, a->r->thread, a->r->person, &alone);
	if (e != ERR_NONE)
		return e;
	if (!alone && n > 0) {
		ask_refuse(a, API_FORBIDDEN,
		    "Others can read this place, so that code is void now. Ask for a new one, and tell it to me directly.");
		return link_void(a->pg, a->r->ws, a->arg, n);
	}
	if (!alone) {
		ask_refuse(a, API_FORBIDDEN, "Others can read this place. Write `link` to me directly.");
		return ERR_NONE;
	}
	if (n == 0)
		return new_code(a, adapter);
	*changed = yes;
	return yes ? join(a, adapter, n) : ask_whether(a, adapter, n);
}

static enum err say_link(struct ask *a)
{
	bool changed = false;
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = pg_end(a->pg, link_inside(a, &changed));
	if (e == ERR_NONE && changed)
		directory_clear(a->e->directory);
	return e;
}

static enum err unlink_inside(struct ask *a)
{
	struct link_person all[LINK_PERSONS];
	size_t n = 0;
	bool was = false;
	enum err e = link_list(a->pg, a->r->ws, a->r->person, all, &n);
	if (e == ERR_NONE)
		e = link_undo(a->pg, a->r->ws, a->r->person, &was);
	if (e == ERR_NONE && was)
		e = config_changed(a->pg);
	for (size_t i = 0; i < n && e == ERR_NONE && was; i++)
		if (!id_equal(all[i].id, a->r->person) && (e = audit(a, "user.unlink", a->r->person, all[i].id)) == ERR_NONE)
			e = audit(a, "user.unlink", all[i].id, a->r->person);
	if (e == ERR_NONE)
		buf_add_str(a->md,
		    was ? "Done: this account stands alone again. What was said on the other side can no longer be found from here, nor the other way round."
		        : "This account is not linked to any other.");
	return e;
}

static enum err say_unlink(struct ask *a)
{
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = pg_end(a->pg, unlink_inside(a));
	directory_clear(a->e->directory);
	return e;
}

const struct ask_handler ask_people[] = {
	{ CMD_LINK, say_link, NULL },
	{ CMD_UNLINK, say_unlink, NULL },
	{ CMD_NONE, NULL, NULL },
};
