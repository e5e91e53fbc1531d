/*
 * Errors of all providers look alike ({"error":{"type","message","code"}}), so one reader sorts them by what a caller can do.  The
 * message of a provider may quote the request; only its type, its code and, where the key or the model is wrong, the message itself
 * are passed on for people who run Eddy.
 */
#include "wire.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "../../core/base/buf.h"
#include "answer.h"
#include "scan.h"

size_t wire_size(const struct model_request *r)
{
	size_t n = 512 + r->system_len + r->system_len / 16;
	for (size_t i = 0; i < r->messages_len; i++)
		n += 96 + r->messages[i].text_len + r->messages[i].text_len / 16;
	for (size_t i = 0; i < r->tools_len; i++)
		n += 96 + strlen(r->tools[i].description) + strlen(r->tools[i].schema);
	return n;
}

/* The last part of the path names a version ("v1", "v1beta") or a compatible interface ("openai"). */
static bool has_version(const char *base, size_t n)
{
	const char *authority = strstr(base, "://");
	size_t host = authority ? (size_t)(authority - base) + 3 : 0;
	size_t at = n;
	while (at > host && base[at - 1] != '/')
		at--;
	if (at <= host)
		return false;
	const char *part = base + at;
	size_t len = n - at;
	return (len == 6 && strncmp(part, "openai", 6) == 0) || (len >= 2 && part[0] == 'v' && part[1] >= '0' && part[1] <= '9');
}

void wire_url(struct buf *out, const char *base_url, const char *path)
{
	size_t n = strlen(base_url), k = strlen(path);
	while (n > 0 && base_url[n - 1] == '/')
		n--;
	buf_add(out, base_url, n);
	if (n >= k && memcmp(base_url + n - k, path, k) == 0)
		return;
	if (!has_version(base_url, n))
		buf_add_str(out, "/v1");
	buf_add_str(out, path);
}

uint32_t wire_count(int64_t tokens)
{
	return tokens < 0 ? 0 : tokens > 100000000 ? 100000000 : (uint32_t)tokens;
}

/* Models that think by themselves first refuse to be told; a name may have its maker before it. */
static bool takes_temperature(const char *model)
{
	static const char *const without[] = { "o1", "o3", "o4", "gpt-5" };
	const char *slash = strrchr(model, '/'), *name = slash != NULL ? slash + 1 : model;
	for (size_t i = 0; i < sizeof without / sizeof *without; i++)
		if (strncmp(name, without[i], strlen(without[i])) == 0)
			return false;
	return true;
}

void wire_temperature(struct buf *out, const struct model_request *r, const char *model)
{
	int hundredths = r->temperature - 1;
	if (hundredths >= 0 && takes_temperature(model))
		buf_addf(out, ",\"temperature\":%d.%02d", hundredths / 100, hundredths % 100);
}

static bool says(const char *text, const char *word)
{
	return strcasestr(text, word) != NULL;
}

static enum model_fail sort(long status, const char *type, const char *code, const char *message)
{
	if (says(message, "prompt is too long") || says(message, "maximum context length") || says(message, "context length") ||
	    says(message, "context window") || says(message, "context size") || says(message, "exceed context limit") ||
	    says(code, "context_length_exceeded") || says(type, "exceed_context_size") || says(type, "request_too_large") ||
	    status == 413)
		return FAIL_TOO_LONG;
	if (says(type, "insufficient_quota") || says(code, "insufficient_quota"))
		return FAIL_REFUSED;
	if (status == 429 || status == 529 || status == 503 || says(type, "overloaded") || says(type, "rate_limit") ||
	    says(code, "rate_limit"))
		return FAIL_BUSY;
	if (status == 200)
		return says(type, "invalid_request") || says(type, "authentication") || says(type, "permission") ||
		        says(type, "not_found")
		    ? FAIL_REFUSED
		    : FAIL_BROKEN;
	if (status == 408 || status == 409 || status == 425 || status >= 500)
		return FAIL_BROKEN;
	return FAIL_REFUSED;
}

static void copy_member(struct scan *s, char *out, size_t n)
{
	struct scan_str v;
	if (scan_string(s, &v))
		scan_copy(&v, out, n);
}

void wire_error(struct answer *a, long status, const char *p, size_t n)
{
	struct scan s;
	struct scan_str key;
	char type[64] = "", code[64] = "", message[300] = "";
	scan_begin(&s, p, n);
	if (n > 0 && *p == '"') { /* {"error":"text"} of Ollama and others */
		copy_member(&s, message, sizeof message);
	} else if (n > 0 && scan_object(&s)) {
		while (scan_key(&s, &key)) {
			if (scan_is(&key, "type"))
				copy_member(&s, type, sizeof type);
			else if (scan_is(&key, "code"))
				copy_member(&s, code, sizeof code);
			else if (scan_is(&key, "message"))
				copy_member(&s, message, sizeof message);
			else
				scan_skip(&s);
		}
	}
	enum model_fail fail = sort(status, type, code, message);
	const char *what = type[0] ? type : code[0] ? code : "error";
	bool tell = (status == 401 || status == 403 || status == 404) && message[0];
	if (status == 200)
		answer_fail(a, fail, "%s inside the stream", what);
	else
		answer_fail(a, fail, "HTTP %ld %s%s%.120s", status, what, tell ? ": " : "", tell ? message : "");
}

void wire_refusal(struct answer *a, long status, const char *body, size_t n)
{
	struct scan s;
	struct scan_str key;
	const char *error = "";
	size_t len = 0;
	scan_begin(&s, body, n);
	if (scan_object(&s)) {
		while (scan_key(&s, &key)) {
			if (scan_is(&key, "error"))
				scan_raw(&s, &error, &len);
			else
				scan_skip(&s);
		}
	}
	if (!scan_end(&s))
		len = 0;
	wire_error(a, status, error, len);
}
