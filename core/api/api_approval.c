/*
 * Acts that wait for a person: those that the caller may decide, and the decision.  What is decided is named with the digest of what was shown, so that nobody
 * approves what they have not seen.  A decision that the rules refuse is an answer and not a problem, because its entry in the audit log is to stay.
 */
#include "api.h"
#include "page.h"

#include <string.h>

#include "../agents/approvals.h"
#include "../base/json.h"

extern const struct api_proc api_approval[];

static bool read_digest(const char *hex, uint8_t out[32])
{
	static const char digits[] = "0123456789abcdef";
	memset(out, 0, 32);
	for (size_t i = 0; i < 64; i++) {
		const char *at = hex[i] != '\0' ? strchr(digits, hex[i]) : NULL;
		if (at == NULL)
			return false;
		out[i / 2] = (uint8_t)(out[i / 2] * 16 + (at - digits));
	}
	return hex[64] == '\0';
}

/* What a program does with a key is no person's consent: nothing waits for it. */
static bool is_person(const struct caller *by)
{
	return !id_is_none(by->person) && id_is_none(by->key);
}

static enum api_code answer(struct api_call *c, int rule, const char *why, const char *to)
{
	json_object_set_new(c->out, "done", json_boolean(rule == 0));
	json_object_set_new(c->out, "why", json_string(why));
	json_object_set_new(c->out, "to", json_string(rule == 0 ? to : ""));
	c->audit = json_pack("{s:s, s:i}", "decision", json_str(c->in, "decision", ""), "rule", rule);
	return API_OK;
}

static enum api_code list(struct api_call *c)
{
	json_t *rows = json_array();
	json_object_set_new(c->out, "approvals", rows);
	return is_person(c->by) ? api_err(c, approval_list(c->pg, c->by->ws, c->by->person, rows)) : API_OK;
}

static enum api_code decide(struct api_call *c)
{
	uint8_t shown[32];
	struct approval_decision d = { .ws = c->by->ws,
		.person = c->by->person,
		.shown = shown,
		.grants = strcmp(json_str(c->in, "decision", ""), "grant") == 0,
		.in = c->request };
	struct approval_outcome o;
	if (!is_person(c->by))
		return answer(c, -1, "Only a person who is logged in decides that.", "");
	if (!id_parse(json_str(c->in, "id", ""), &d.id))
		return api_fail(c, API_INVALID, "id", "That is no id.");
	if (!read_digest(json_str(c->in, "digest", ""), shown))
		return api_fail(c, API_INVALID, "digest", "That is no digest: approval.list has it.");
	enum err e = approval_decide(c->pg, &d, &o);
	if (e != ERR_NONE)
		return api_err(c, e);
	c->subject = o.rule == 0 ? o.id : ID_NONE;
	return answer(c, o.rule, approval_why_not(&o), o.to);
}

#define OBJECT(properties, required) \
	"{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define TEXT "{\"type\":\"string\"}"
#define NUMBER "{\"type\":\"integer\"}"
#define ROW \
	OBJECT("\"id\":" TEXT ",\"tool\":" TEXT ",\"to\":" TEXT ",\"adapter\":" TEXT ",\"text\":" TEXT ",\"digest\":" TEXT \
	       ",\"asker\":" TEXT ",\"asked_ms\":" NUMBER ",\"expires_ms\":" NUMBER, \
	    "\"id\",\"tool\",\"to\",\"adapter\",\"text\",\"digest\",\"asker\",\"asked_ms\",\"expires_ms\"")

const struct api_proc api_approval[] = {
	{ .name = "approval.list",
	    .role = ROLE_MEMBER,
	    .scope = SCOPE_TALK_READ,
	    .effect = API_READ,
	    .summary = "What waits for your consent: exactly what would be sent, and to whom",
	    .details =
	        "Only what you may decide from here; what was asked in a private channel is decided there. For keys of the API nothing waits.",
	    .pages = "approvals",
	    .in = OBJECT(PAGE_IN, ""),
	    .out = OBJECT(PAGE_OUT ",\"approvals\":{\"type\":\"array\",\"items\":" ROW "}", "\"approvals\""),
	    .example = "{}",
	    .run = list },
	{ .name = "approval.decide",
	    .role = ROLE_MEMBER,
	    .scope = SCOPE_TALK_WRITE,
	    .effect = API_WRITE,
	    .summary = "Approve or refuse what waits for your consent",
	    .details =
	        "`digest` is the one that approval.list gave with the text: what is approved is what was shown. `done` false: `why` says which "
	        "rule is against it, and the audit log has it. Keys of the API cannot do this.",
	    .in = OBJECT(
	        "\"id\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":64},\"decision\":{\"type\":\"string\",\"enum\":[\"grant\","
	        "\"refuse\"]},\"digest\":{\"type\":\"string\",\"minLength\":64,\"maxLength\":64}",
	        "\"id\",\"decision\",\"digest\""),
	    .out = OBJECT("\"done\":{\"type\":\"boolean\"},\"why\":" TEXT ",\"to\":" TEXT, "\"done\",\"why\",\"to\""),
	    .example = "{\"id\":\"01930f3e-2c00-7000-8000-000000000000\",\"decision\":\"grant\",\"digest\":"
	               "\"0000000000000000000000000000000000000000000000000000000000000000\"}",
	    .run = decide },
	{ .name = NULL },
};
