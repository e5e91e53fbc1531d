/*
 * The parts of the kit that know no connection: growing buffers, clocks, forms, forgiving JSON access, options.
 */
#include "kit.h"

#include <ctype.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

static void *must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

/* ---- buffers ---- */
void kit_add(struct kit_buf *b, const void *p, size_t n)
{
	if (b->n + n + 1 > b->room) {
		b->room = (b->n + n + 1) * 2;
		b->p = must(realloc(b->p, b->room));
	}
	if (n > 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void kit_adds(struct kit_buf *b, const char *s)
{
	kit_add(b, s, strlen(s));
}

void kit_addf(struct kit_buf *b, const char *format, ...)
{
	va_list ap;
	char *s = NULL;
	va_start(ap, format);
	int n = vasprintf(&s, format, ap);
	va_end(ap);
	if (n < 0)
		abort();
	kit_add(b, s, (size_t)n);
	free(s);
}

void kit_add_json_string(struct kit_buf *b, const char *s, size_t n)
{
	kit_add(b, "\"", 1);
	size_t from = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		kit_add(b, s + from, i - from);
		from = i + 1;
		if (c == '\n')
			kit_add(b, "\\n", 2);
		else if (c == '"' || c == '\\')
			kit_add(b, (char[]){ '\\', (char)c }, 2);
		else
			kit_addf(b, "\\u%04x", c);
	}
	kit_add(b, s + from, n - from);
	kit_add(b, "\"", 1);
}

void kit_buf_done(struct kit_buf *b)
{
	free(b->p);
	*b = (struct kit_buf){ 0 };
}

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t kit_now_us(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t kit_wall_us(void)
{
	return read_clock(CLOCK_REALTIME);
}

static int hex_value(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

size_t kit_url_decode(const char *s, size_t n, bool plus, char *out)
{
	size_t o = 0;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '%' && i + 2 < n && hex_value(s[i + 1]) >= 0 && hex_value(s[i + 2]) >= 0) {
			out[o++] = (char)(hex_value(s[i + 1]) * 16 + hex_value(s[i + 2]));
			i += 2;
		} else {
			out[o++] = plus && s[i] == '+' ? ' ' : s[i];
		}
	}
	out[o] = '\0';
	return o;
}

json_t *kit_form(const char *s, size_t n)
{
	json_t *o = json_object();
	char *key = must(malloc(n + 1)), *value = must(malloc(n + 1));
	for (size_t i = 0; i < n;) {
		const char *amp = memchr(s + i, '&', n - i);
		size_t end = amp != NULL ? (size_t)(amp - s) : n;
		const char *eq = memchr(s + i, '=', end - i);
		size_t mid = eq != NULL ? (size_t)(eq - s) : end;
		kit_url_decode(s + i, mid - i, true, key);
		size_t len = eq != NULL ? kit_url_decode(s + mid + 1, end - mid - 1, true, value) : 0;
		if (*key != '\0')
			json_object_set_new(o, key, json_stringn(value, len));
		i = end + 1;
	}
	free(key);
	free(value);
	return o;
}

/* ---- small things ---- */
const char *kit_str(const json_t *o, const char *key, const char *fallback)
{
	const json_t *v = json_object_get(o, key);
	return json_is_string(v) ? json_string_value(v) : fallback;
}

int64_t kit_int(const json_t *o, const char *key, int64_t fallback)
{
	const json_t *v = json_object_get(o, key);
	if (json_is_string(v))
		return strtoll(json_string_value(v), NULL, 10);
	return json_is_integer(v) ? json_integer_value(v) : json_is_real(v) ? (int64_t)json_real_value(v) : fallback;
}

double kit_num(const json_t *o, const char *key, double fallback)
{
	const json_t *v = json_object_get(o, key);
	if (json_is_string(v))
		return strtod(json_string_value(v), NULL);
	return json_is_number(v) ? json_number_value(v) : fallback;
}

bool kit_bool(const json_t *o, const char *key, bool fallback)
{
	const json_t *v = json_object_get(o, key);
	if (json_is_string(v))
		return strcmp(json_string_value(v), "true") == 0 || strcmp(json_string_value(v), "1") == 0;
	return json_is_boolean(v) ? json_is_true(v) : json_is_integer(v) ? json_integer_value(v) != 0 : fallback;
}

double kit_random(void)
{
	static uint64_t s = 0x9e3779b97f4a7c15u;
	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	return (double)(s >> 11) / 9007199254740992.0;
}

json_t *kit_options(int argc, char **argv, const char *usage)
{
	json_t *o = json_object();
	for (int i = 1; i < argc; i++) {
		const char *eq = strchr(argv[i], '=');
		if (strncmp(argv[i], "--", 2) != 0 || eq == NULL) {
			fprintf(stderr, "%s\n", usage);
			exit(2);
		}
		char name[64];
		snprintf(name, sizeof name, "%.*s", (int)(eq - argv[i] - 2), argv[i] + 2);
		json_object_set_new(o, name, json_string(eq + 1));
	}
	return o;
}

void kit_announce(const char *name, int port)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	printf("%s listening on %d\n", name, port);
	fflush(stdout);
}
