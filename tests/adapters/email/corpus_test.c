/*
 * Mails of other people, with what is expected of them: EDDY_TEST_CORPUS/email/samples (skipped when it is not set).  Each mail is also read with
 * single bytes changed: whatever comes out is sound, soon, and small.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <utf8proc.h>

#include "../../../adapters/email/mail.h"
#include "../../../adapters/email/show.h"
#include "../../../core/base/buf.h"
#include "../../../core/base/json.h"
#include "../../../core/base/mem.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INSTRUMENTED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define INSTRUMENTED
#endif
#endif

static const char *root(void)
{
	const char *corpus = getenv("EDDY_TEST_CORPUS");
	if (corpus == NULL) {
		print_message("skipped: EDDY_TEST_CORPUS is not set\n");
		skip();
	}
	return corpus;
}

static bool read_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		return false;
	size_t n;
	do
		buf_reserve(out, 65536);
	while ((n = fread(out->p + out->len, 1, 65536, f)) > 0 && (out->len += n) > 0);
	fclose(f);
	out->p[out->len] = '\0';
	return true;
}

/* Composed, without characters that are not seen, white space folded: as two readers may differ. */
static char *folded(const char *s)
{
	char *nfc = (char *)utf8proc_NFC((const utf8proc_uint8_t *)s);
	assert_non_null(nfc);
	struct buf b = BUF_INIT;
	buf_reserve(&b, 1);
	for (utf8proc_ssize_t i = 0, n = (utf8proc_ssize_t)strlen(nfc); i < n;) {
		utf8proc_int32_t cp;
		utf8proc_ssize_t k = utf8proc_iterate((const utf8proc_uint8_t *)nfc + i, n - i, &cp);
		if (k <= 0) {
			i++;
			continue;
		}
		bool blank = cp == ' ' || (cp >= 9 && cp <= 13) || (cp >= 0x1c && cp <= 0x1f) || cp == 0x85 || cp == 0xa0 ||
		    cp == 0x3000 || (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 || cp == 0x202f;
		bool unseen = cp == 0xfeff || (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x202a && cp <= 0x202e) || cp == 0x2060 ||
		    (cp >= 0x2066 && cp <= 0x2069) || cp == 0xad;
		if (blank && b.len > 0 && b.p[b.len - 1] != ' ')
			buf_add_char(&b, ' ');
		else if (!blank && !unseen)
			buf_add(&b, nfc + i, (size_t)k);
		i += k;
	}
	while (b.len > 0 && b.p[b.len - 1] == ' ')
		buf_truncate(&b, b.len - 1);
	free(nfc);
	return buf_detach(&b, NULL);
}

static bool nothing(const json_t *v)
{
	return v == NULL || json_is_null(v) || json_is_false(v) || (json_is_string(v) && json_string_length(v) == 0) ||
	    (json_is_array(v) && json_array_size(v) == 0) || (json_is_integer(v) && json_integer_value(v) == 0);
}

static bool same(const json_t *a, const json_t *b)
{
	if (nothing(a) && nothing(b))
		return true;
	if (a == NULL || b == NULL || json_typeof(a) != json_typeof(b))
		return false;
	if (json_is_string(a)) {
		char *x = folded(json_string_value(a)), *y = folded(json_string_value(b));
		bool is = strcmp(x, y) == 0;
		free(x);
		free(y);
		return is;
	}
	if (json_is_array(a)) {
		bool is = json_array_size(a) == json_array_size(b);
		for (size_t i = 0; is && i < json_array_size(a); i++)
			is = same(json_array_get(a, i), json_array_get(b, i));
		return is;
	}
	if (json_is_object(a)) {
		const char *k;
		const json_t *v;
		json_object_foreach ((json_t *)(uintptr_t)a, k, v)
			if (!same(v, json_object_get(b, k)))
				return false;
		json_object_foreach ((json_t *)(uintptr_t)b, k, v)
			if (!nothing(v) && json_object_get(a, k) == NULL)
				return false;
		return true;
	}
	return json_equal(a, b);
}

static int64_t cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct tally {
	size_t mails, fields, right, kinds, kinds_right, answered;
};

static json_t *show(const struct buf *raw)
{
	static const char *const hosts[] = { "mx.example.org" };
	const struct mail_view v = { .trusted_hosts = hosts, .trusted_len = 1 };
	struct buf out = BUF_INIT;
	json_t *o = NULL;
	if (mail_show(raw->p, raw->len, &v, &out) == ERR_NONE)
		assert_int_equal(json_parse(out.p, out.len, out.len + 1, &o, NULL), ERR_NONE);
	buf_done(&out);
	return o;
}

static void compare(const char *name, const json_t *want, const json_t *got, struct tally *t)
{
	static const char *const remarks[] = { "why", "must", "judgement", "reason", "trusted_authserv", NULL };
	const char *key;
	const json_t *v;
	json_object_foreach ((json_t *)(uintptr_t)want, key, v) {
		bool remark = key[0] == '_';
		for (size_t i = 0; remarks[i] != NULL; i++)
			remark = remark || strcmp(key, remarks[i]) == 0;
		if (remark)
			continue;
		bool right = same(v, json_object_get(got, key)), kind = strcmp(key, "kind") == 0 || strcmp(key, "may_reply") == 0;
		t->fields++;
		t->right += right;
		t->kinds += kind;
		t->kinds_right += kind && right;
		if (kind && !right)
			print_message("%s: %s\n", name, key);
	}
}

/* The same bytes but for one, in some places: no crash, in time. */
static void mutate(const struct buf *raw, int64_t *slowest)
{
	static const char swaps[] = { 0, '\n', '\r', '"', '<', '(', '-', ':', ';', (char)0xff, '=', '@' };
	if (raw->len == 0)
		return;
	struct buf b = BUF_INIT;
	buf_add(&b, raw->p, raw->len);
	for (size_t i = 0; i < 24; i++) {
		size_t at = (i * 2654435761u + raw->len) % (i % 2 == 0 && raw->len > 1500 ? 1500 : raw->len);
		char was = b.p[at];
		b.p[at] = swaps[i % sizeof swaps];
		int64_t t0 = cpu_us();
		json_decref(show(&b));
		int64_t took = cpu_us() - t0;
		*slowest = took > *slowest ? took : *slowest;
		b.p[at] = was;
	}
	buf_done(&b);
}

static struct tally folder(const char *name)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/email/samples/%s", root(), name);
	DIR *d = opendir(path);
	if (d == NULL) {
		print_message("skipped: there is no %s\n", path);
		skip();
	}
	struct tally t = { 0 };
	int64_t slowest = 0;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		size_t n = strlen(e->d_name);
		if (n < 5 || strcmp(e->d_name + n - 4, ".eml") != 0)
			continue;
		struct buf raw = BUF_INIT, text = BUF_INIT;
		char file[4500];
		snprintf(file, sizeof file, "%s/%s", path, e->d_name);
		assert_true(read_file(file, &raw));
		snprintf(file, sizeof file, "%s/%.*s.expected.json", path, (int)n - 4, e->d_name);
		int64_t t0 = cpu_us();
		json_t *got = show(&raw), *want = NULL;
		slowest = cpu_us() - t0 > slowest ? cpu_us() - t0 : slowest;
		assert_non_null(got);
		t.mails++;
		t.answered += json_is_true(json_object_get(got, "may_reply")) && strcmp(json_str(got, "kind", ""), "human") == 0;
		if (read_file(file, &text)) {
			assert_non_null(want = json_loadb(text.p, text.len, JSON_ALLOW_NUL, NULL)); /* some expect a NUL */
			compare(e->d_name, want, got, &t);
		}
		mutate(&raw, &slowest);
		json_decref(got);
		json_decref(want);
		buf_done(&raw);
		buf_done(&text);
	}
	closedir(d);
	assert_true(t.mails > 0);
#ifndef INSTRUMENTED
	assert_true(slowest < 1000000); /* a few thousand are seen */
	struct rusage ru;
	getrusage(RUSAGE_SELF, &ru);
	assert_true(ru.ru_maxrss < 64 * 1024);
#endif
	print_message("%s: %zu mails, %zu of %zu fields, slowest %lld us\n", name, t.mails, t.right, t.fields, (long long)slowest);
	return t;
}

static void corpus__kinds__of_reports_are_all_right(void **state)
{
	(void)state;
	struct tally t = folder("bounces");
	assert_int_equal(t.kinds_right, t.kinds);
	assert_int_equal(t.answered, 0);
}

static void corpus__kinds__of_automatic_mails_are_all_right(void **state)
{
	(void)state;
	struct tally t = folder("autoreplies");
	assert_int_equal(t.kinds_right, t.kinds);
}

static void corpus__ordinary_replies__are_answered(void **state)
{
	(void)state;
	struct tally t = folder("replies");
	assert_int_equal(t.answered, t.mails);
}

static void corpus__fields__agree_with_other_readers(void **state)
{
	(void)state;
	struct tally t = folder("mime");
	assert_true(t.right * 100 >= t.fields * 97);
	t = folder("encodings");
	assert_true(t.right * 100 >= t.fields * 97);
}

int main(void)
{
	mail_library_init();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corpus__kinds__of_reports_are_all_right),
		cmocka_unit_test(corpus__kinds__of_automatic_mails_are_all_right),
		cmocka_unit_test(corpus__ordinary_replies__are_answered),
		cmocka_unit_test(corpus__fields__agree_with_other_readers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
