/* The tree of a workspace, what its teams own, and the roles that people have in it.  The substance is in core/teams. */
#include <stdio.h>
#include <string.h>

#include "../base/json.h"
#include "../base/utf8.h"
#include "../engine/engine.h"
#include "../people/login.h"
#include "../people/session.h"
#include "../teams/member.h"
#include "../teams/node.h"
#include "api.h"
#include "page.h"

extern const struct api_proc api_team[];

#define OBJECT(properties, required) \
	"{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define TEXT "{\"type\":\"string\"}"
#define COUNT "{\"type\":\"integer\",\"minimum\":0}"
#define NAME(n) "{\"type\":\"string\",\"minLength\":1,\"maxLength\":" n "}"
#define TEAM_ARG \
	"\"team\":{\"type\":\"string\",\"maxLength\":64,\"description\":\"a unit or team by its short name or id; without it: the organisation\"}"
#define NODE_KIND "{\"type\":\"string\",\"enum\":[\"organisation\",\"unit\",\"team\"]}"
#define NODE_FIELDS \
	"\"id\":" TEXT ",\"slug\":" TEXT ",\"name\":" TEXT ",\"kind\":" NODE_KIND ",\"parent\":" TEXT ",\"places\":" COUNT \
	",\"members\":" COUNT
#define NODE OBJECT(NODE_FIELDS ",\"path\":" TEXT ",\"children\":" COUNT, "\"id\",\"slug\",\"name\",\"kind\"")
#define LIST(name, item) OBJECT("\"" name "\":{\"type\":\"array\",\"items\":" item "}," PAGE_OUT, "\"" name "\"")
#define EMPTY OBJECT("", "")
#define PERSON \
	"{\"type\":\"string\",\"minLength\":1,\"maxLength\":300,\"description\":\"ADAPTER:ID, as the adapter names people, or a person's id\"}"
#define ROLE "{\"type\":\"string\",\"enum\":[\"none\",\"viewer\",\"member\",\"admin\",\"owner\"]}"

/* The node that argument ${field} names; the organisation without it. */
static enum err other_node(struct api_call *c, const char *field, struct id *out, struct problem *why)
{
	enum err e = authority_node(c->pg, c->by->ws, json_str(c->in, field, ""), out);
	if (e == ERR_INPUT)
		*why = (struct problem){ .code = API_NOT_FOUND, .detail = "There is no such team, or not for you." };
	return e;
}

static enum api_code answer_node(struct api_call *c, struct id node, enum err e, const struct problem *why)
{
	json_t *o = NULL;
	if (e == ERR_NONE)
		e = node_get(c->pg, c->by->ws, node, &o);
	if (e == ERR_NONE) {
		json_object_update(c->out, o);
		c->subject = node;
	}
	json_decref(o);
	return api_end(c, e, why);
}

static enum api_code answer_list(struct api_call *c, const char *name, enum err e, json_t *list)
{
	if (e == ERR_NONE)
		json_object_set_new(c->out, name, list);
	return api_end(c, e, &(struct problem){ .code = API_OK });
}

static enum api_code org_list(struct api_call *c)
{
	json_t *list = NULL;
	enum err e = node_list(c->pg, c->by->ws, c->node, &list);
	return answer_list(c, "teams", e, list);
}

static enum api_code org_get(struct api_call *c)
{
	return answer_node(c, c->node, ERR_NONE, &(struct problem){ .code = API_OK });
}

static enum api_code org_create(struct api_call *c)
{
	struct problem why = { 0 };
	const char *kind = json_str(c->in, "kind", "team");
	struct node_new n = { .id = id_named(c->request, 0, "node", 4),
		.parent = c->node,
		.kind = strcmp(kind, "unit") == 0 ? NODE_UNIT : NODE_TEAM,
		.slug = json_str(c->in, "slug", NULL),
		.name = json_str(c->in, "name", "") };
	enum err e = node_create(c->pg, c->by->ws, &n, &why);
	if (e == ERR_NONE)
		c->audit = json_pack("{s:s}", "kind", node_kind_name(n.kind));
	return answer_node(c, n.id, e, &why);
}

static enum api_code org_update(struct api_call *c)
{
	struct problem why = { 0 };
	struct id parent;
	const char *name = json_str(c->in, "name", NULL), *slug = json_str(c->in, "slug", NULL);
	bool moves = json_object_get(c->in, "parent") != NULL;
	enum err e = name == NULL && slug == NULL ? ERR_NONE : node_rename(c->pg, c->by->ws, c->node, name, slug, &why);
	if (e == ERR_NONE && moves)
		e = other_node(c, "parent", &parent, &why);
	if (e == ERR_NONE && moves)
		e = node_move(c->pg, c->by, c->node, parent, &why);
	if (e == ERR_NONE)
		c->audit = json_pack("{s:b, s:b}", "renamed", name != NULL || slug != NULL, "moved", moves);
	return answer_node(c, c->node, e, &why);
}

static enum api_code org_archive(struct api_call *c)
{
	struct problem why = { 0 };
	struct id heir = ID_NONE;
	bool moves = json_object_get(c->in, "move_to") != NULL;
	enum err e = moves ? other_node(c, "move_to", &heir, &why) : ERR_NONE;
	if (e == ERR_NONE)
		e = node_archive(c->pg, c->by, c->node, heir, &why);
	c->subject = c->node;
	return api_end(c, e, &why);
}

static enum api_code place_assign(struct api_call *c)
{
	struct problem why = { 0 };
	char id[ID_TEXT];
	enum err e = node_assign(c->pg, c->by, json_str(c->in, "place", ""), c->node, &c->subject, &why);
	if (e == ERR_NONE)
		json_object_set_new(c->out, "place", json_string(id_format(c->subject, id)));
	if (e == ERR_NONE)
		c->audit = json_pack("{s:s}", "team", id_format(c->node, id));
	return api_end(c, e, &why);
}

static enum api_code place_list(struct api_call *c)
{
	json_t *list = NULL;
	enum err e = node_places(c->pg, c->by->ws, c->node, &list);
	return answer_list(c, "places", e, list);
}

static enum api_code member_list_(struct api_call *c)
{
	json_t *list = NULL;
	enum err e = member_list(c->pg, c->by->ws, c->node, &list);
	return answer_list(c, "members", e, list);
}

/* Whoever could not log in any more is not logged in any more: with all accounts, in every process. */
static enum err shut_out(struct api_call *c, int *ended)
{
	struct login_account a;
	*ended = 0;
	enum err e = login_account_of(c->pg, c->by->ws, c->subject, &a);
	return e == ERR_DENIED ? session_end_of(c->pg, c->by->ws, c->subject, ID_NONE, ID_NONE, ended) : e;
}

static enum api_code member_change(struct api_call *c, bool put)
{
	struct problem why = { 0 };
	char id[ID_TEXT];
	enum role role = ROLE_NONE;
	int ended = 0;
	const char *name = json_str(c->in, "role", "");
	enum err e = member_find(c->pg, c->by->ws, json_str(c->in, "person", ""), &c->subject, &why);
	if (e == ERR_NONE && put)
		e = role_from_name(name, &role) ? member_put(c->pg, c->by, c->node, c->subject, role, &why) : ERR_INPUT;
	else if (e == ERR_NONE)
		e = member_remove(c->pg, c->by, c->node, c->subject, &why);
	if (e == ERR_NONE)
		e = shut_out(c, &ended);
	if (e == ERR_NONE && (!put || role == ROLE_NONE))
		e = login_void(c->pg, c->by->ws, c->subject);
	if (e == ERR_NONE) {
		c->audit = put ? json_pack("{s:s, s:s}", "team", id_format(c->node, id), "role", name)
		               : json_pack("{s:s}", "team", id_format(c->node, id));
		if (ended > 0)
			json_object_set_new(c->audit, "sessions_ended", json_integer(ended));
		json_object_set_new(c->out, "person", json_string(id_format(c->subject, id)));
	}
	return api_end(c, e, &why);
}

static enum api_code member_put_(struct api_call *c)
{
	return member_change(c, true);
}

static enum api_code member_remove_(struct api_call *c)
{
	return member_change(c, false);
}

/* ---- invitations ---- */

/* A name that people gave, as words of a letter: nothing in it is a link or formats anything. */
static void plain(char out[80], const char *s, const char *nobody)
{
	size_t n = s == NULL ? 0 : utf8_clip(s, strlen(s), 60), len = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned char b = (unsigned char)s[i];
		bool fine = b >= 0x80 || b == '\'' || (b >= '0' && b <= '9') || ((b | 32) >= 'a' && (b | 32) <= 'z');
		if (fine || (len > 0 && out[len - 1] != ' '))
			out[len++] = fine ? (char)b : ' ';
	}
	while (len > 0 && out[len - 1] == ' ')
		len--;
	out[len] = '\0';
	if (len == 0)
		snprintf(out, 80, "%s", nobody);
}

static enum err words(struct api_call *c, enum role role, char *out, size_t n)
{
	struct login_account from = { 0 };
	json_t *node = NULL;
	char who[80], team[80];
	enum err e = login_account_of(c->pg, c->by->ws, c->by->user, &from);
	if (e == ERR_NONE || e == ERR_DENIED)
		e = node_get(c->pg, c->by->ws, c->node, &node);
	if (e == ERR_NONE) {
		/* "you" is what somebody without a name is called */
		plain(who, id_is_none(c->by->user) || strcmp(from.name, "you") == 0 ? "" : from.name, "Somebody");
		plain(team, json_str(node, "name", ""), "their team");
		snprintf(out, n,
		    "%s has invited you to %s on Eddy, with the role %s. Eddy is an AI teammate: it answers questions and takes work on, in the places where "
		    "people talk. The link logs you in; it works once, within 7 days.",
		    who, team, role_name(role));
	}
	json_decref(node);
	return e;
}

/* The mail address that is meant: the one that is named, or one of the person that is. */
static enum err address_of(struct api_call *c, const char *mail, char address[PLACE_KEY_MAX], struct problem *why)
{
	const char *name = json_str(c->in, "person", "");
	struct id user;
	size_t n = strlen(mail);
	if (strncmp(name, mail, n) == 0 && name[n] == ':')
		name += n + 1;
	snprintf(address, PLACE_KEY_MAX, "%s", name);
	if (strchr(name, '@') != NULL)
		return ERR_NONE;
	enum err e = member_find(c->pg, c->by->ws, name, &user, why);
	if (e == ERR_NONE)
		e = login_address(c->pg, c->by->ws, mail, user, address, PLACE_KEY_MAX);
	if (e == ERR_INPUT && why->code == API_OK)
		*why = (struct problem){ .code = API_INVALID,
			.field = "person",
			.detail = "Invitations go by mail, and no mail address of theirs is known here: name the address." };
	return e;
}

static void sent(struct api_call *c)
{
	engine_invited(c->engine);
}

static enum err invite(struct api_call *c, const struct engine_invitation *to, enum role role, struct problem *why)
{
	char text[600];
	struct login_account account;
	struct caller them;
	struct id user = ID_NONE, person = ID_NONE;
	enum role has = ROLE_NONE;
	bool before = false;
	char name[PLACE_KEY_MAX + 64];
	snprintf(name, sizeof name, "%s:%s", to->adapter, to->person);
	enum err e = node_lock(c->pg, c->by->ws); /* of two at once the second sees the letter of the first */
	if (e == ERR_NONE)
		e = login_invitee(c->pg, c->by->ws, to->adapter, to->person, &person);
	if (e == ERR_NONE)
		e = member_find(c->pg, c->by->ws, name, &user, why);
	if (e == ERR_NONE)
		e = authority_of(c->pg, c->by->ws, user, "", &them);
	if (e == ERR_NONE)
		e = authority_at(c->pg, &them, c->node, &has);
	if (e == ERR_NONE && has > role) {
		*why = (struct problem){ .code = API_CONFLICT,
			.field = "role",
			.detail = "They have a higher role there already; member.put changes it." };
		return ERR_INPUT;
	}
	if (e == ERR_NONE)
		e = member_put(c->pg, c->by, c->node, user, role, why);
	if (e == ERR_NONE)
		e = login_account(c->pg, c->by->ws, to->adapter, to->person, &account);
	if (e == ERR_DENIED && why->code == API_OK) {
		*why = (struct problem){ .code = API_CONFLICT,
			.field = "person",
			.detail = "They may not log in: see their role at the organisation." };
		return ERR_INPUT;
	}
	if (e == ERR_NONE)
		e = login_invited(c->pg, c->by->ws, person, &before);
	if (e == ERR_NONE && !before)
		e = words(c, role, text, sizeof text);
	if (e == ERR_NONE && !before)
		e = engine_invite(c->engine, c->pg, c->by->ws, id_named(c->request, 0, "invite", 6), to, &account, text);
	if (e == ERR_DENIED && why->code == API_OK)
		*why = (struct problem){ .code = API_LIMITED,
			.field = "person",
			.detail = "They had several letters just now; wait a quarter of an hour.",
			.retry_after_s = LOGIN_LETTER_S };
	if (e == ERR_NONE) {
		c->subject = user;
		c->after = before ? NULL : sent;
		json_object_set_new(c->out, "sent", json_boolean(!before));
		api_put_id(c->out, "person", user);
	}
	return e;
}

static enum api_code member_invite(struct api_call *c)
{
	struct problem why = { 0 };
	struct engine_invitation to;
	char address[PLACE_KEY_MAX], id[ID_TEXT];
	enum role role = ROLE_MEMBER;
	const char *name = json_str(c->in, "role", "member");
	if (c->engine == NULL)
		return api_fail(c, API_UNAVAILABLE, "", "This needs the running daemon.");
	const char *mail = engine_invites_by(c->engine);
	if (mail == NULL)
		return api_fail(c, API_INVALID, "",
		    "Invitations go by mail, and no mail is set up here, or login.mail is off. Set up mail, or use member.put.");
	enum err e = address_of(c, mail, address, &why);
	if (e != ERR_NONE)
		return api_end(c, e, &why);
	if (!role_from_name(name, &role) || engine_invitation(c->engine, c->by->ws, address, &to) != ERR_NONE)
		return api_fail(c, API_INVALID, "person",
		    "No invitation can go there: it takes a mail address, mail that is set up for this workspace, and web.public_url.");
	e = invite(c, &to, role, &why);
	if (e == ERR_NONE)
		c->audit = json_pack("{s:s, s:s, s:b}", "team", id_format(c->node, id), "role", name, "sent",
		    json_is_true(json_object_get(c->out, "sent")));
	return api_end(c, e, &why);
}

const struct api_proc api_team[] = {
	{ .name = "org.list",
	    .role = ROLE_VIEWER,
	    .scope = SCOPE_CONFIG_READ,
	    .effect = API_READ,
	    .summary = "The organisation, or a part of it, with the units and teams below",
	    .pages = "teams",
	    .in = OBJECT(TEAM_ARG "," PAGE_IN, ""),
	    .out = LIST("teams", OBJECT(NODE_FIELDS ",\"depth\":" COUNT, "\"id\",\"slug\",\"name\",\"kind\",\"depth\"")),
	    .example = "{}",
	    .run = org_list },
	{ .name = "org.get",
	    .role = ROLE_VIEWER,
	    .scope = SCOPE_CONFIG_READ,
	    .effect = API_READ,
	    .summary = "One unit or team",
	    .in = OBJECT(TEAM_ARG, ""),
	    .out = NODE,
	    .example = "{\"team\":\"payments\"}",
	    .run = org_get },
	{ .name = "org.create",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_WRITE,
	    .effect = API_WRITE,
	    .summary = "Make a unit or a team in the one that \"team\" names",
	    .details = "Units hold units and teams, teams hold nothing; at most 8 levels, the organisation counted.",
	    .in = OBJECT(TEAM_ARG
	        ",\"name\":" NAME("200") ",\"slug\":" NAME("63") ",\"kind\":{\"type\":\"string\",\"enum\":[\"unit\",\"team\"]}",
	        "\"name\""),
	    .out = NODE,
	    .example = "{\"name\":\"Payments\",\"kind\":\"team\"}",
	    .run = org_create },
	{ .name = "org.update",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_WRITE,
	    .effect = API_WRITE,
	    .summary = "Rename or move a unit or team",
	    .details = "Moving takes the role admin where it stands now and where it goes.",
	    .in = OBJECT(TEAM_ARG ",\"name\":" NAME("200") ",\"slug\":" NAME("63") ",\"parent\":" NAME("64"), ""),
	    .out = NODE,
	    .example = "{\"team\":\"payments\",\"name\":\"Money\"}",
	    .run = org_update },
	{ .name = "org.archive",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_WRITE,
	    .effect = API_WRITE,
	    .summary = "Give a unit or team up",
	    .details =
	        "What it owns (places, routes, units and teams in it) must go first, or goes to \"move_to\". Takes the role admin above it.",
	    .in = OBJECT(TEAM_ARG ",\"move_to\":" NAME("64"), "\"team\""),
	    .out = EMPTY,
	    .example = "{\"team\":\"payments\",\"move_to\":\"finance\"}",
	    .run = org_archive },
	{ .name = "place.list",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_READ,
	    .effect = API_READ,
	    .summary = "The channels and other places that a team and those below it own",
	    .pages = "places",
	    .in = OBJECT(TEAM_ARG "," PAGE_IN, ""),
	    .out = LIST("places",
	        OBJECT("\"id\":" TEXT ",\"adapter\":" TEXT ",\"key\":" TEXT ",\"name\":" TEXT ",\"team\":" TEXT,
	            "\"id\",\"adapter\",\"key\",\"team\"")),
	    .example = "{\"team\":\"payments\"}",
	    .run = place_list },
	{ .name = "place.assign",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_WRITE,
	    .effect = API_WRITE,
	    .summary = "Give a place to a team; without \"team\" it is the organisation's",
	    .details = "Takes the role admin of whoever owns it now, too.",
	    .in = OBJECT(TEAM_ARG ",\"place\":" NAME("600"), "\"place\""),
	    .out = OBJECT("\"place\":" TEXT, "\"place\""),
	    .example = "{\"place\":\"slack:C024BE91L\",\"team\":\"payments\"}",
	    .run = place_assign },
	{ .name = "member.list",
	    .role = ROLE_MEMBER,
	    .scope = SCOPE_CONFIG_READ,
	    .effect = API_READ,
	    .summary = "Who was given a role at a team or above it",
	    .pages = "members",
	    .in = OBJECT(TEAM_ARG "," PAGE_IN, ""),
	    .out = LIST("members",
	        OBJECT("\"person\":" TEXT ",\"name\":" TEXT ",\"role\":" ROLE ",\"at\":" TEXT ",\"known_as\":" TEXT,
	            "\"person\",\"role\",\"at\"")),
	    .example = "{\"team\":\"payments\"}",
	    .run = member_list_ },
	{ .name = "member.put",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_WRITE,
	    .effect = API_WRITE,
	    .summary = "Give somebody a role at a team and all below it",
	    .details =
	        "Nobody gives a role above their own. \"none\" takes away what the platform implies: whoever may not log in any more is logged out "
	        "everywhere at once, and their own API keys do nothing from then on. The last owner of the organisation stays one.",
	    .in = OBJECT(TEAM_ARG ",\"person\":" PERSON ",\"role\":" ROLE, "\"person\",\"role\""),
	    .out = OBJECT("\"person\":" TEXT, "\"person\""),
	    .example = "{\"team\":\"payments\",\"person\":\"slack:U024BE7LH\",\"role\":\"admin\"}",
	    .run = member_put_ },
	{ .name = "member.invite",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_WRITE,
	    .effect = API_WRITE,
	    .summary = "Give somebody a role and send them a mail with a link that logs them in",
	    .details =
	        "Whoever has that address gets the role (without one: member), as with member.put, and is made known if nobody has it. The link goes to that address "
	        "alone, works once and for 7 days; taking the role back makes it void. Invited again within a day they get no second mail: `sent` is false. "
	        "It takes the running daemon, mail and web.public_url.",
	    .in = OBJECT(TEAM_ARG
	        ",\"person\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":300,\"description\":\"a mail address; or ADAPTER:ID or a person's id, of "
	        "somebody whose mail address is known\"},\"role\":{\"type\":\"string\",\"enum\":[\"viewer\",\"member\",\"admin\",\"owner\"]}",
	        "\"person\""),
	    .out = OBJECT("\"person\":" TEXT ",\"sent\":{\"type\":\"boolean\"}", "\"person\",\"sent\""),
	    .example = "{\"team\":\"payments\",\"person\":\"ana@example.org\",\"role\":\"member\"}",
	    .run = member_invite },
	{ .name = "member.remove",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_CONFIG_WRITE,
	    .effect = API_WRITE,
	    .summary = "Take back a role that was given at a team",
	    .details =
	        "What a node above gives, or else the platform implies, holds again; whoever may not log in with that is logged out everywhere at once. The last owner of "
	        "the organisation stays.",
	    .in = OBJECT(TEAM_ARG ",\"person\":" PERSON, "\"person\""),
	    .out = OBJECT("\"person\":" TEXT, "\"person\""),
	    .example = "{\"team\":\"payments\",\"person\":\"slack:U024BE7LH\"}",
	    .run = member_remove_ },
	{ .name = NULL },
};
