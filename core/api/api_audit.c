/* The audit log for those who look after a workspace: what was done, whether the log is whole, and a copy of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../audit/entry.h"
#include "../audit/verify.h"
#include "../base/buf.h"
#include "../base/encode.h"
#include "../base/json.h"
#include "../engine/engine.h"
#include "../settings/settings.h"
#include "../talk/moment.h"
#include "api.h"
#include "page.h"

extern const struct api_proc api_audit[];

/* The log is the whole workspace's: a role in one team is not enough to read it. */
static bool whole_workspace(struct api_call *c)
{
	return id_equal(c->node, c->by->ws) && (id_is_none(c->by->node) || id_equal(c->by->node, c->by->ws));
}

static bool moment(const struct api_call *c, const char *text, int64_t *us)
{
	int64_t ms = 0;
	bool ok = moment_read(NULL, (uint64_t)c->now_ms, text, &ms);
	*us = ms * 1000;
	return ok;
}

static enum api_code query_of(struct api_call *c, struct audit_query *q)
{
	const char *since = json_str(c->in, "since", NULL), *until = json_str(c->in, "until", NULL);
	const char *person = json_str(c->in, "person", NULL), *cursor = json_str(c->in, "cursor", NULL);
	*q = (struct audit_query){ .at = json_int(c->in, "from", 0),
		.verb = json_str(c->in, "verb", NULL),
		.ref = json_str(c->in, "ref", NULL),
		.limit = (int32_t)json_int(c->in, "limit", 50) };
	if (!whole_workspace(c))
		return api_fail(c, API_FORBIDDEN, "", "The audit log is that of the whole workspace.");
	if (cursor != NULL && !page_number(cursor, &q->at))
		return api_fail(c, API_INVALID, "cursor", "This is no cursor of ours.");
	if (since != NULL && !moment(c, since, &q->since_us))
		return api_fail(c, API_INVALID, "since", "A moment looks like 2026-01-31, 2026-01-31T18:05 or yesterday, in UTC.");
	if (until != NULL && !moment(c, until, &q->until_us))
		return api_fail(c, API_INVALID, "until", "A moment looks like 2026-01-31, 2026-01-31T18:05 or yesterday, in UTC.");
	if (person != NULL && !id_parse(person, &q->person))
		return api_fail(c, API_INVALID, "person", "A person is named by their id.");
	return API_OK;
}

static enum api_code list(struct api_call *c)
{
	struct audit_query q;
	int64_t next = 0;
	enum api_code code = query_of(c, &q);
	if (code != API_OK)
		return code;
	json_t *entries = json_array();
	enum err e = audit_list(c->pg, c->by->ws, &q, entries, &next);
	json_object_set_new(c->out, "entries", entries);
	if (next != 0)
		page_to(c->out, "next", next);
	return api_err(c, e);
}

static enum api_code export_page(struct api_call *c)
{
	struct audit_query q;
	struct audit_export x = { 0 };
	struct buf lines = BUF_INIT;
	int64_t next = 0;
	enum api_code code = query_of(c, &q);
	if (code != API_OK)
		return code;
	enum err e = audit_export(c->pg, c->by->ws, &q, &x, &lines, &next);
	if (e == ERR_NONE)
		audit_manifest(c->by->ws, &q, &x, &lines);
	json_object_set_new(c->out, "lines", json_stringn(lines.len ? lines.p : "", lines.len));
	if (next != 0)
		page_to(c->out, "next", next);
	buf_done(&lines);
	return api_err(c, e);
}

static void found(void *arg, const struct audit_finding *f)
{
	char text[ID_TEXT];
	json_t *list = arg, *o = json_object();
	if (json_array_size(list) >= 100)
		return;
	json_object_set_new(o, "fault", json_string(audit_fault_name(f->fault)));
	if (f->n > 0)
		json_object_set_new(o, "n", json_integer(f->n));
	if (!id_is_none(f->entry))
		json_object_set_new(o, "entry", json_string(id_format(f->entry, text)));
	json_object_set_new(o, "text", json_string(f->text));
	json_array_append_new(list, o);
}

static enum api_code verify(struct api_call *c)
{
	struct checkpoints *points = NULL;
	struct audit_verdict v;
	char why[512], h[2 * CHAIN_HASH + 1];
	const char *dir = c->engine == NULL ? NULL : engine_data_dir(c->engine);
	if (!whole_workspace(c))
		return api_fail(c, API_FORBIDDEN, "", "The audit log is that of the whole workspace.");
	if (dir != NULL &&
	    checkpoints_open(&points, dir, settings_str(engine_settings(c->engine), "audit.key"), false, why, sizeof why) !=
	        ERR_NONE)
		return api_fail(c, API_BROKEN, "", "The key of the audit log cannot be read.");
	json_t *findings = json_array();
	enum err e = audit_verify(c->pg, c->by->ws, points, found, findings, &v);
	checkpoints_close(points);
	hex_encode(h, v.h, CHAIN_HASH);
	json_object_set_new(c->out, "whole", json_boolean(v.findings == 0));
	json_object_set_new(c->out, "with_checkpoints", json_boolean(dir != NULL));
	json_object_set_new(c->out, "entries", json_integer(v.entries));
	json_object_set_new(c->out, "waiting", json_integer(v.unlinked));
	json_object_set_new(c->out, "erased", json_integer(v.erased));
	json_object_set_new(c->out, "checkpoints", json_integer(v.checkpoints));
	json_object_set_new(c->out, "last", json_integer(v.last));
	json_object_set_new(c->out, "last_checkpoint", json_integer(v.checkpoint));
	json_object_set_new(c->out, "h", json_string(h));
	json_object_set_new(c->out, "faults", json_integer(v.findings));
	json_object_set_new(c->out, "findings", findings);
	return api_err(c, e);
}

#define MOMENT "{\"type\":\"string\",\"minLength\":2,\"maxLength\":32}"
#define QUERY(from) \
	"{\"type\":\"object\",\"properties\":{\"from\":{\"type\":\"integer\",\"minimum\":0,\"description\":\"" from "\"}," PAGE_IN \
	",\"verb\":{\"type\":\"string\",\"maxLength\":80}," \
	"\"ref\":{\"type\":\"string\",\"minLength\":12,\"maxLength\":36,\"description\":\"How the id of its subject ends: what stands behind a " \
	"refusal\"}," \
	"\"person\":{\"type\":\"string\",\"minLength\":36,\"maxLength\":36},\"since\":" MOMENT ",\"until\":" MOMENT \
	"},\"additionalProperties\":false}"
#define ID "{\"type\":\"string\"}"

const struct api_proc api_audit[] = {
	{ .name = "audit.list",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_AUDIT_READ,
	    .effect = API_READ,
	    .summary = "What was done, newest first",
	    .details =
	        "Entries appear when they are linked, which takes about a second. A page may be shorter than asked for; next says where to "
	        "go on.",
	    .in = QUERY("Links below this number; next of the page before"),
	    .out =
	        "{\"type\":\"object\",\"properties\":{\"entries\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"n\":"
	        "{\"type\":\"integer\"},\"id\":" ID ",\"at\":" ID ",\"verb\":" ID ",\"subject\":" ID ",\"thread\":" ID ",\"by\":" ID
	        ",\"by_name\":" ID ",\"about\":" ID ",\"about_name\":" ID
	        ",\"detail\":{\"type\":\"object\"},\"facts\":{\"type\":\"object\"}},"
	        "\"required\":[\"n\",\"id\",\"at\",\"verb\"],\"additionalProperties\":false}},\"next\":{\"type\":\"integer\"}," PAGE_OUT
	        "},"
	        "\"required\":[\"entries\"],\"additionalProperties\":false}",
	    .example = "{\"verb\":\"reply.\",\"limit\":10}",
	    .run = list },
	{ .name = "audit.verify",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_AUDIT_READ,
	    .effect = API_READ,
	    .summary = "Whether the audit log is whole",
	    .details =
	        "Reads all of it and computes the chain anew. Checkpoints are compared where the daemon answers; without them a chain that was "
	        "cut at its end or written anew looks whole.",
	    .in = "{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}",
	    .out =
	        "{\"type\":\"object\",\"properties\":{\"whole\":{\"type\":\"boolean\"},\"with_checkpoints\":{\"type\":\"boolean\"},"
	        "\"entries\":{\"type\":\"integer\"},\"waiting\":{\"type\":\"integer\"},\"erased\":{\"type\":\"integer\"},\"checkpoints\":"
	        "{\"type\":\"integer\"},\"last\":{\"type\":\"integer\"},\"last_checkpoint\":{\"type\":\"integer\"},\"h\":" ID
	        ",\"faults\":{\"type\":\"integer\"},\"findings\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"fault\":" ID
	        ",\"n\":{\"type\":\"integer\"},\"entry\":" ID ",\"text\":" ID
	        "},\"required\":[\"fault\",\"text\"],\"additionalProperties\":false}}},\"required\":[\"whole\",\"entries\",\"findings\"],"
	        "\"additionalProperties\":false}",
	    .example = "{}",
	    .run = verify },
	{ .name = "audit.export",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_AUDIT_READ,
	    .effect = API_READ,
	    .summary = "A copy of the audit log as JSON Lines, oldest first, with a manifest as its last line",
	    .in = QUERY("Links above this number; next of the page before"),
	    .out = "{\"type\":\"object\",\"properties\":{\"lines\":{\"type\":\"string\"},\"next\":{\"type\":\"integer\"}," PAGE_OUT
	           "},"
	           "\"required\":[\"lines\"],\"additionalProperties\":false}",
	    .example = "{\"since\":\"2026-01-01\",\"limit\":500}",
	    .run = export_page },
	{ .name = NULL },
};
