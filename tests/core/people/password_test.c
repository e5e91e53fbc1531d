/* What is let pass as a password, and what a hash of it is good for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "../../../core/people/password.h"

#define GOOD "four words of no story"

static void password__that_is_long__may_be_anything(void **state)
{
	(void)state;
	static const char *const good[] = { GOOD, "tangerine-lamp", "zwölf Größen", "        x   . z", "correct horse, no staple",
		"1048576 bytes make", "пароль из слов", "パスワードは十二文字以上です", "kanaxo rowtil" };
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (password_bad(good[i], NULL, 0) != NULL)
			fail_msg("%s: %s", good[i], password_bad(good[i], NULL, 0));
	char most[PASSWORD_MAX + 2];
	for (size_t i = 0; i < PASSWORD_MAX + 1; i++)
		most[i] = (char)('a' + i * i % 23);
	most[PASSWORD_MAX + 1] = '\0';
	assert_non_null(password_bad(most, NULL, 0));
	most[PASSWORD_MAX] = '\0';
	assert_null(password_bad(most, NULL, 0));
}

static void password__that_is_short_or_guessed_first__is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "eleven char", "größe größe", "aaaaaaaaaaaaaaa", "abababababab", "abcdabcdabcd",
		"abcdefghijkl", "987654321098", "201512310815", "Password1234", "password!!!!!!", "2024password",
		"PASSWORDPASSWORD", "qwertyuiop12", "iloveyou12345", "Administrator1", "CorrectHorseBatteryStaple",
		"\xff\xfe not UTF-8 here" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (password_bad(bad[i], NULL, 0) == NULL)
			fail_msg("%s", bad[i]);
}

static void password__of_ones_own_name_or_address__is_refused(void **state)
{
	(void)state;
	const char *own[] = { "Marianne", "marianne.dubois@example.com", "Bo" };
	static const char *const bad[] = { "marianne2024", "xMARIANNE12345", "marianne.dubois@example.com", "marianne.dubois!!" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (password_bad(bad[i], own, 3) == NULL)
			fail_msg("%s", bad[i]);
	assert_null(password_bad("marianne goes to the fair", own, 3)); /* enough of it is not the name */
	assert_null(password_bad("bottles of boats", own, 3));
}

static void hash__fits_its_password__and_no_other(void **state)
{
	(void)state;
	char hash[PASSWORD_HASH], again[PASSWORD_HASH];
	bool old = true;
	assert_int_equal(password_hash(GOOD, hash), ERR_NONE);
	assert_int_equal(password_hash(GOOD, again), ERR_NONE);
	assert_string_not_equal(hash, again);
	assert_int_equal(strncmp(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31), 0);
	assert_int_equal(password_verify(hash, GOOD, &old), ERR_NONE);
	assert_false(old);
	assert_int_equal(password_verify(hash, "Four words of no story", &old), ERR_DENIED);
	assert_int_equal(password_verify(hash, "", &old), ERR_DENIED);
	assert_int_equal(password_verify(hash, "\xff", &old), ERR_DENIED);
	assert_int_equal(password_verify(NULL, GOOD, &old), ERR_DENIED);
	assert_int_equal(password_verify("", "", &old), ERR_DENIED);
	assert_int_equal(password_hash("\xff", hash), ERR_INPUT);
}

static void hash__of_another_keyboard__fits(void **state)
{
	(void)state;
	char hash[PASSWORD_HASH];
	bool old;
	assert_int_equal(password_hash("zw\xc3\xb6lf Stra\xc3\x9f"
	                               "en!",
	                     hash),
	    ERR_NONE);
	assert_int_equal(password_verify(hash,
	                     "zwo\xcc\x88lf Stra\xc3\x9f"
	                     "en!",
	                     &old),
	    ERR_NONE); /* o and the dots by themselves */
	assert_int_equal(password_verify(hash,
	                     "\xef\xbd\x9a"
	                     "w\xc3\xb6lf Stra\xc3\x9f"
	                     "en!",
	                     &old),
	    ERR_NONE); /* a wide z */
}

static void hash__of_weaker_parameters__is_known_as_old(void **state)
{
	(void)state;
	char weak[crypto_pwhash_STRBYTES];
	bool old = false;
	assert_true(sodium_init() >= 0);
	assert_int_equal(crypto_pwhash_str_alg(weak, GOOD, strlen(GOOD), 1, 8u << 20, crypto_pwhash_ALG_ARGON2ID13), 0);
	assert_int_equal(password_verify(weak, GOOD, &old), ERR_NONE);
	assert_true(old);
	old = true;
	assert_int_equal(password_verify(weak, "another one, as long", &old), ERR_DENIED);
	assert_false(old);
}

static _Atomic int made, sent_away;

static void *one_of_many(void *arg)
{
	char hash[PASSWORD_HASH];
	(void)arg;
	enum err e = password_hash(GOOD, hash);
	atomic_fetch_add(e == ERR_NONE ? &made : &sent_away, 1);
	return NULL;
}

static long peak_kib(void)
{
	char line[200];
	long kib = -1;
	FILE *f = fopen("/proc/self/status", "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

/* Forty at once: a few wait, the rest is sent away, and together they take no more than one. */
static void hashes__of_many_at_once__take_the_memory_of_one(void **state)
{
	(void)state;
	pthread_t t[40];
	long before = peak_kib(); /* it has hashed already */
	for (int i = 0; i < 40; i++)
		assert_int_equal(pthread_create(&t[i], NULL, one_of_many, NULL), 0);
	for (int i = 0; i < 40; i++)
		pthread_join(t[i], NULL);
	assert_true(atomic_load(&made) >= 1);
	assert_int_equal(atomic_load(&made) + atomic_load(&sent_away), 40);
	if (peak_kib() - before > 19 * 1024)
		fail_msg("%ld KiB more than one hash took", peak_kib() - before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(password__that_is_long__may_be_anything),
		cmocka_unit_test(password__that_is_short_or_guessed_first__is_refused),
		cmocka_unit_test(password__of_ones_own_name_or_address__is_refused),
		cmocka_unit_test(hash__fits_its_password__and_no_other),
		cmocka_unit_test(hash__of_another_keyboard__fits),
		cmocka_unit_test(hash__of_weaker_parameters__is_known_as_old),
		cmocka_unit_test(hashes__of_many_at_once__take_the_memory_of_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
