/* What tools may do by themselves: every class with every kind of words that are not the house's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../../core/agents/policy.h"
#include "../../../core/agents/tools.h"

static const struct {
	enum tool_effect effect;
	enum policy trusted, named, untrusted;
} table[] = {
	{ TOOL_SCOPED_READ, POLICY_RUN, POLICY_RUN, POLICY_RUN },
	{ TOOL_REPLY, POLICY_RUN, POLICY_RUN, POLICY_RUN },
	{ TOOL_REVERSIBLE, POLICY_RUN, POLICY_RUN, POLICY_ASK },
	{ TOOL_OUTWARD, POLICY_ASK, POLICY_RUN, POLICY_ASK },
	{ TOOL_FINAL, POLICY_ASK, POLICY_ASK, POLICY_ASK },
	{ (enum tool_effect)(TOOL_FINAL + 1), POLICY_NEVER, POLICY_NEVER, POLICY_NEVER },
};

static void policy__every_class_and_trust__as_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(policy_of(table[i].effect, 0, false), table[i].trusted);
		assert_int_equal(policy_of(table[i].effect, 0, true), table[i].named);
		for (unsigned u = 1; u <= UNTRUSTED_UNKNOWN * 2 - 1; u++) {
			assert_int_equal(policy_of(table[i].effect, u, false), table[i].untrusted);
			assert_int_equal(policy_of(table[i].effect, u, true), table[i].untrusted);
		}
	}
}

static void tools__every_class__has_the_way_that_it_needs(void **state)
{
	(void)state;
	for (const struct tool *const *t = tools; *t != NULL; t++) {
		bool asks = policy_of((*t)->effect, ~0u, false) == POLICY_ASK;
		assert_true(asks == ((*t)->plan != NULL));
		assert_true(asks == ((*t)->run == NULL));
	}
}

static void untrusted__every_bit__has_a_word(void **state)
{
	(void)state;
	char all[200], one[200], tiny[4];
	policy_untrusted(0, all, sizeof(all));
	assert_string_equal(all, "");
	for (unsigned u = 1; u <= UNTRUSTED_UNKNOWN; u <<= 1) {
		policy_untrusted(u, one, sizeof(one));
		assert_true(strlen(one) > 3);
	}
	policy_untrusted(UNTRUSTED_GUEST | UNTRUSTED_FILE, all, sizeof(all));
	assert_string_equal(all, "a guest, a file");
	policy_untrusted(~0u, tiny, sizeof(tiny));
	assert_int_equal(strlen(tiny), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy__every_class_and_trust__as_the_table_says),
		cmocka_unit_test(tools__every_class__has_the_way_that_it_needs),
		cmocka_unit_test(untrusted__every_bit__has_a_word),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
