/* The stored form of where an answer goes, what is left out when it does not fit, and the token in a reply address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "../../../adapters/email/origin.h"
#include "../../../core/base/id.h"

static struct email_origin plain(void)
{
	return (struct email_origin){ .say = SAY_EMPTY,
		.received_s = 1760000000,
		.box = "eddy@example.org",
		.to = "ada@example.org",
		.to_name = "Ada",
		.subject = "Re: Boats",
		.in_reply_to = "3@a.example",
		.references = "1@a.example 2@a.example 3@a.example",
		.cc = "bob@example.org,cy@example.org" };
}

static void origin__pack__reads_back(void **state)
{
	(void)state;
	char b[INTENT_ORIGIN_MAX];
	struct email_origin in = plain(), out;
	size_t n = email_origin_pack(&in, b);
	assert_true(n > 0 && n < 200);
	assert_true(email_origin_unpack(b, n, &out));
	assert_int_equal(out.say, SAY_EMPTY);
	assert_int_equal(out.received_s, 1760000000);
	assert_string_equal(out.box, in.box);
	assert_string_equal(out.to, in.to);
	assert_string_equal(out.to_name, in.to_name);
	assert_string_equal(out.subject, in.subject);
	assert_string_equal(out.in_reply_to, in.in_reply_to);
	assert_string_equal(out.references, in.references);
	assert_string_equal(out.cc, in.cc);
	assert_false(out.left_out);
	for (size_t cut = 0; cut < n; cut++) /* every shorter one is refused, or ends in a string that was complete */
		(void)email_origin_unpack(b, cut, &out);
	b[0] = 9;
	assert_false(email_origin_unpack(b, n, &out));
	assert_false(email_origin_unpack(NULL, 0, &out));
}

static void origin__pack__leaves_out_the_middle_of_the_references(void **state)
{
	(void)state;
	char b[INTENT_ORIGIN_MAX], references[8000] = "";
	for (int i = 0; i < 200; i++)
		snprintf(references + strlen(references), sizeof(references) - strlen(references), "%s%03d@mail.example.org",
		    i ? " " : "", i);
	struct email_origin in = plain(), out;
	in.references = references;
	size_t n = email_origin_pack(&in, b);
	assert_true(n > 0);
	assert_true(email_origin_unpack(b, n, &out));
	assert_memory_equal(out.references, "000@mail.example.org ", 21);
	assert_string_equal(out.references + strlen(out.references) - 41, "198@mail.example.org 199@mail.example.org");
	assert_string_equal(out.cc, in.cc);
	for (const char *p = out.references; p != NULL; p = strchr(p, ' ')) {
		p += *p == ' ';
		assert_true(isdigit((unsigned char)p[0]) && p[3] == '@'); /* none is cut */
	}
}

static void origin__pack__leaves_out_people_at_last_and_says_so(void **state)
{
	(void)state;
	char b[INTENT_ORIGIN_MAX], cc[4000] = "";
	for (int i = 0; i < 100; i++)
		snprintf(cc + strlen(cc), sizeof(cc) - strlen(cc), "%sperson%03d@example.org", i ? "," : "", i);
	struct email_origin in = plain(), out;
	in.cc = cc;
	size_t n = email_origin_pack(&in, b);
	assert_true(n > 0);
	assert_true(email_origin_unpack(b, n, &out));
	assert_true(out.left_out);
	assert_true(strlen(out.cc) > 600);
	assert_int_equal((strlen(out.cc) + 1) % 22, 0); /* whole addresses */
	assert_string_equal(out.in_reply_to, in.in_reply_to);
	char huge[2000];
	memset(huge, 'x', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	in = plain();
	in.in_reply_to = huge;
	assert_int_equal(email_origin_pack(&in, b), 0);
	in = plain();
	in.references = huge; /* one id that is too long */
	n = email_origin_pack(&in, b);
	assert_true(email_origin_unpack(b, n, &out));
	assert_string_equal(out.references, "");
}

/* ---- side threads ---- */

static void beside_is(const char *subject, const char *topic, const char *want, const char *parent)
{
	char b[INTENT_ORIGIN_MAX];
	struct email_origin in = plain(), out;
	in.subject = subject;
	size_t n = email_origin_beside(&in, topic, b);
	assert_true(n > 0);
	assert_true(email_origin_unpack(b, n, &out));
	assert_string_equal(out.subject, want);
	assert_string_equal(out.beside, parent);
	assert_true(email_origin_opens(&out));
	assert_string_equal(out.in_reply_to, "");
	assert_string_equal(out.references, "");
	assert_string_equal(out.to, in.to);
	assert_string_equal(out.cc, in.cc);
	assert_int_equal(out.say, SAY_NOTHING);
	assert_true(strlen(out.subject) <= EMAIL_SUBJECT_MAX);
}

static void beside__subject__names_the_topic_first(void **state)
{
	(void)state;
	beside_is("Re: Planning May", "Which database?", "Which database? (aside from: Planning May)", "Planning May");
	beside_is("AW: Re: Planning", "Re: \n Which\tdatabase? ", "Which database? (aside from: Planning)", "Planning");
	beside_is("Re: ", "", "A side thread (aside from: your mail)", "your mail");
	char topic[900] = "", want[400] = "";
	for (int i = 0; i < 100; i++)
		strcat(topic, "drüben ");
	for (int i = 0; i < 15; i++)
		strcat(want, "drüben ");
	want[strlen(want) - 1] = '\0';
	strcat(want, "… (aside from: Boats)");
	beside_is("Re: Boats", topic, want, "Boats");
	beside_is(topic, "Boats", "Boats (aside from: drüben drüben drüben drüben drüben drüben drüben drüben drüben drüben…)",
	    "drüben drüben drüben drüben drüben drüben drüben drüben drüben drüben…");
}

static void beside__its_first_mail__is_its_thread(void **state)
{
	(void)state;
	char b[INTENT_ORIGIN_MAX], c[INTENT_ORIGIN_MAX];
	struct email_origin in = plain(), side, out;
	size_t n = email_origin_beside(&in, "Which database?", b);
	assert_true(email_origin_unpack(b, n, &side));
	assert_int_equal(email_origin_within(&side, "", c), 0);
	assert_int_equal(email_origin_within(&side, "a b@c", c), 0);
	n = email_origin_within(&side, "eddy-1@example.org", c);
	assert_true(n > 0 && email_origin_unpack(c, n, &out));
	assert_string_equal(out.subject, "Re: Which database? (aside from: Boats)");
	assert_string_equal(out.in_reply_to, "eddy-1@example.org");
	assert_string_equal(out.references, "eddy-1@example.org");
	assert_string_equal(out.cc, in.cc);
	assert_false(email_origin_opens(&out));
	assert_int_equal(email_origin_within(&out, "eddy-2@example.org", b), 0); /* it has begun */
	assert_int_equal(email_origin_within(&in, "eddy-2@example.org", b), 0);  /* somebody else began it */
	in.minted = true; /* whoever reads the address of a hand-over is no list of people */
	assert_int_equal(email_origin_beside(&in, "Which database?", b), 0);
	struct id a = id_new(), d = id_new();
	char one[400], two[400];
	email_beside_place("eddy@example.org", a, one, sizeof(one));
	email_beside_place("eddy@example.org", d, two, sizeof(two));
	assert_memory_equal(one, "eddy@example.org/f:", 19);
	assert_string_not_equal(one, two);
}

static void plain__of_an_origin__has_no_words_of_people(void **state)
{
	(void)state;
	char b[INTENT_ORIGIN_MAX], c[INTENT_ORIGIN_MAX];
	struct email_origin in = plain(), side, out;
	in.subject = "Re: Planning May";
	size_t n = email_origin_plain(&in, c);
	assert_true(n > 0 && email_origin_unpack(c, n, &out));
	assert_string_equal(out.subject, "Re: your mail");
	assert_string_equal(out.beside, "");
	assert_string_equal(out.to, in.to);
	assert_string_equal(out.cc, in.cc);
	assert_string_equal(out.in_reply_to, in.in_reply_to);
	assert_string_equal(out.references, in.references);
	n = email_origin_beside(&in, "Which database?", b);
	assert_true(email_origin_unpack(b, n, &side));
	n = email_origin_plain(&side, c);
	assert_true(n > 0 && email_origin_unpack(c, n, &out) && email_origin_opens(&out));
	assert_null(memmem(c, n, "database", 8));
	assert_null(memmem(c, n, "Planning", 8));
	n = email_origin_within(&side, "eddy-1@example.org", b);
	assert_true(email_origin_unpack(b, n, &side));
	n = email_origin_plain(&side, c);
	assert_true(n > 0 && email_origin_unpack(c, n, &out));
	assert_string_equal(out.subject, "Re: A side thread");
	assert_string_equal(out.in_reply_to, "eddy-1@example.org");
	assert_null(memmem(c, n, "database", 8));
	assert_null(memmem(c, n, "Planning", 8));
	in.minted = true; /* Eddy's own words */
	assert_int_equal(email_origin_plain(&in, c), 0);
}

/* What was stored before there were side threads is read as it was. */
static void origin__old_form__has_no_side(void **state)
{
	(void)state;
	char b[INTENT_ORIGIN_MAX];
	struct email_origin in = plain(), out;
	size_t n = email_origin_pack(&in, b);
	assert_int_equal(b[0], 1);
	assert_true(email_origin_unpack(b, n, &out));
	assert_string_equal(out.beside, "");
	assert_false(email_origin_opens(&out));
	b[0] = 2; /* one string is missing */
	assert_false(email_origin_unpack(b, n, &out));
}

static void token__any_change__is_refused(void **state)
{
	(void)state;
	unsigned char secret[32] = { 1, 2, 3 }, other[32] = { 1, 2, 4 };
	for (int round = 0; round < 50; round++) {
		struct id thread = id_new(), got;
		char token[EMAIL_TOKEN], changed[EMAIL_TOKEN];
		email_token_make(secret, TOKEN_THREAD, thread, token);
		assert_int_equal(strlen(token), 44);
		assert_true(email_token_read(secret, TOKEN_THREAD, token, &got));
		assert_true(id_equal(thread, got));
		for (char *p = strcpy(changed, token); *p; p++)
			*p = (char)toupper((unsigned char)*p);
		assert_true(email_token_read(secret, TOKEN_THREAD, changed, &got)); /* some mail programs do this */
		assert_false(email_token_read(other, TOKEN_THREAD, token, &got));
		assert_false(email_token_read(secret, TOKEN_UNSUBSCRIBE, token, &got));
		token[0] = 'u';
		assert_false(email_token_read(secret, TOKEN_UNSUBSCRIBE, token, &got));
		token[0] = 't';
		for (size_t i = 0; i < 43; i++) { /* the last digit has two bits that mean nothing */
			strcpy(changed, token);
			changed[i] = changed[i] == 'b' ? 'c' : 'b';
			assert_false(email_token_read(secret, TOKEN_THREAD, changed, &got));
		}
		changed[20] = '\0';
		assert_false(email_token_read(secret, TOKEN_THREAD, changed, &got));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(origin__pack__reads_back),
		cmocka_unit_test(origin__pack__leaves_out_the_middle_of_the_references),
		cmocka_unit_test(origin__pack__leaves_out_people_at_last_and_says_so),
		cmocka_unit_test(beside__subject__names_the_topic_first),
		cmocka_unit_test(beside__its_first_mail__is_its_thread),
		cmocka_unit_test(plain__of_an_origin__has_no_words_of_people),
		cmocka_unit_test(origin__old_form__has_no_side),
		cmocka_unit_test(token__any_change__is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
