#include "problem.h"

#include <string.h>

static const struct {
	const char *name, *title, *words;
	int status;
} codes[API_CODES] = {
	[API_OK] = { "ok", "OK", "Done.", 200 },
	[API_INVALID] = { "invalid", "Invalid request", "I can't do that the way it was asked.", 400 },
	[API_UNAUTHENTICATED] = { "unauthenticated", "Not logged in", "Please log in first.", 401 },
	[API_OVER_BUDGET] = { "over_budget", "Budget used up", "The budget for this is used up.", 402 },
	[API_FORBIDDEN] = { "forbidden", "Not allowed", "Your role does not allow this.", 403 },
	[API_NOT_FOUND] = { "not_found", "Not found", "There is no such thing, or not for you.", 404 },
	[API_METHOD] = { "method_not_allowed", "Method not allowed", "This is not how it can be called.", 405 },
	[API_CONFLICT] = { "conflict", "Conflict", "That is taken, or has changed meanwhile.", 409 },
	[API_GONE] = { "gone", "No longer valid", "That was used already, or its time is over.", 410 },
	[API_TOO_LARGE] = { "too_large", "Too large", "That is more than I take at once.", 413 },
	[API_UNSUPPORTED] = { "unsupported_media_type", "Not JSON", "I only take JSON there.", 415 },
	[API_REUSED_KEY] = { "idempotency_key_reused", "Idempotency key reused", "This key was used for something else.", 422 },
	[API_LOCKED] = { "locked", "Locked", "This was decided further up and is locked.", 423 },
	[API_LIMITED] = { "rate_limited", "Too many requests", "That was too often; please wait a moment.", 429 },
	[API_BROKEN] = { "internal", "Internal error", "Something went wrong on my side.", 500 },
	[API_UNAVAILABLE] = { "unavailable", "Unavailable", "I can't do that right now; please try again shortly.", 503 },
};

const char *problem_name(enum api_code c)
{
	return codes[c < API_CODES ? c : API_BROKEN].name;
}

int problem_status(enum api_code c)
{
	return codes[c < API_CODES ? c : API_BROKEN].status;
}

const char *problem_title(enum api_code c)
{
	return codes[c < API_CODES ? c : API_BROKEN].title;
}

static const char *detail_of(const struct problem *p)
{
	return p->detail[0] != '\0' ? p->detail : codes[p->code < API_CODES ? p->code : API_BROKEN].words;
}

static void member(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, ",\"%s\":", name);
	buf_add_json_str(out, value);
}

void problem_json(const struct problem *p, const char *request_id, struct buf *out)
{
	buf_addf(out, "{\"type\":\"urn:eddy:problem:%s\",\"title\":\"%s\",\"status\":%d", problem_name(p->code),
	    problem_title(p->code), problem_status(p->code));
	member(out, "detail", detail_of(p));
	member(out, "code", problem_name(p->code));
	member(out, "request_id", request_id);
	if (p->field[0] != '\0')
		member(out, "field", p->field);
	if (p->retry_after_s > 0)
		buf_addf(out, ",\"retry_after\":%u", p->retry_after_s);
	buf_add_char(out, '}');
}

void problem_words(const struct problem *p, const char *request_id, struct buf *out)
{
	buf_add_str(out, detail_of(p));
	if (p->retry_after_s > 0)
		buf_addf(out, " Try again in %u s.", p->retry_after_s);
	buf_addf(out, " (%s, request %s)", problem_name(p->code), request_id);
}

void problem_mark(enum api_code c, struct id about, struct buf *out)
{
	char text[ID_TEXT];
	buf_addf(out, " (%s, ref %s)", problem_name(c), id_format(about, text) + ID_TEXT - 1 - PROBLEM_REF);
}
